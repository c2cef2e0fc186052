/* player_collect.c: what belongs to a run: the nodes below a loss, what they read and made, and where in the program that
 * was. */
#include "player_impl.h"

#include "core/observe_impl.h"
#include "core/tape_impl.h"
#include "core/thread.h"

/* ---- nodes ---- */

int32_t tgi_player_number(const tgi_player_run *run, const tg_node *node)
{
    return node && node->index <= run->root->index ? run->numbers[node->index] : -1;
}

static size_t numbers_bytes(const tgi_player_run *run) { return ((size_t)run->root->index + 1) * sizeof(int32_t); }

/* Marks what the root was computed from, and counts it. */
static bool find_nodes(tgi_player_run *run)
{
    const int32_t high = run->root->index;
    run->numbers = tgi_calloc(numbers_bytes(run));
    if (!run->numbers) return false;
    run->numbers[high] = 1;
    for (int32_t n = high; n >= 0; n--) {
        const tg_node *node = tg_tape_node(n);
        if (run->numbers[n]) run->node_count++;
        for (int i = 0; run->numbers[n] && i < node->input_count; i++) {
            const tg_node *input = tgi_edge_node(&tgi_inputs(node)[i]);
            if (input) run->numbers[input->index] = 1;
        }
    }
    run->nodes = tgi_calloc((size_t)run->node_count * sizeof *run->nodes);
    if (!run->nodes) return false;
    int32_t count = 0;
    for (int32_t n = 0; n <= high; n++) {
        if (!run->numbers[n]) {
            run->numbers[n] = -1;
            continue;
        }
        const tg_node *node = tg_tape_node(n);
        run->nodes[count] = (tgi_player_node){ node, (int32_t)run->value_count, -1, -1, 0, -1 };
        run->value_count += node->output_count;
        run->numbers[n] = count++;
    }
    return true;
}

/* ---- leaves and constants ---- */

static bool add_leaf(tgi_player_run *run, const tg_tensor *leaf, bool written)
{
    const int64_t known = run->leaves.count, number = tgi_pointers_add(&run->leaves, leaf);
    if (number < 0) return false;
    if (!tgi_grow(&run->leaf_facts, &run->leaf_capacity, number + 1, sizeof *run->leaf_facts)) return false;
    if (number == known) run->leaf_facts[number] = (tgi_player_leaf){ .written = false };
    run->leaf_facts[number].written |= written;
    return true;
}

static bool find_leaves(tgi_player_run *run)
{
    for (int64_t n = 0; n < run->node_count; n++) {
        const tg_node *node = run->nodes[n].node;
        for (int i = 0; i < node->input_count; i++) {
            const tg_tensor *leaf = tgi_edge_leaf(&tgi_inputs(node)[i]), *constant = tg_node_constant(node, i);
            if (constant && tgi_pointers_add(&run->constants, constant) < 0) return false;
            if (leaf && !add_leaf(run, leaf, tg_node_leaf_written(node, i))) return false;
        }
    }
    return true;
}

/* ---- values ---- */

/* Where the value of that output stands; NULL: the node is not on the page. */
static const tg_tensor **value_place(const tgi_player_run *run, const tg_node *node, int output)
{
    const int32_t number = tgi_player_number(run, node);
    return number < 0 ? NULL : &run->values[run->nodes[number].first_output + output];
}

/* What a node saved knows where it came from, unless it was written since. */
static void learn_from_saved(const tgi_player_run *run, const tg_node *node)
{
    for (int i = 0; i < node->saved_count; i++) {
        const tgi_saved *saved = &tgi_saved_of(node)[i];
        const tg_tensor *t = saved->tensor;
        if (!t || saved->version != t->storage->version) continue;
        const tg_tensor **place = value_place(run, tgi_node_of(t), t->origin.output);
        if (place && !*place) *place = t;
    }
}

static bool find_values(tgi_player_run *run, const tg_tensor *root_value)
{
    run->values = tgi_calloc((size_t)run->value_count * sizeof *run->values);
    if (!run->values) return false;
    for (int64_t n = 0; n < run->node_count; n++) {
        const tgi_player_node *on_page = &run->nodes[n];
        for (int i = 0; i < on_page->node->output_count; i++)
            run->watched |= (run->values[on_page->first_output + i] = tg_node_value(on_page->node, i)) != NULL;
    }
    const tg_tensor **root = value_place(run, run->root, run->root_output);
    if (!*root) *root = root_value;
    for (int64_t n = 0; n < run->node_count; n++) learn_from_saved(run, run->nodes[n].node);
    for (int64_t i = 0; i < run->value_count; i++) run->unknown += !run->values[i];
    for (int64_t i = 0; i < run->leaves.count; i++) run->written += run->leaf_facts[i].written;
    return true;
}

/* ---- the walk ---- */

bool tgi_player_walk_is_from(const tg_node *root, int output)
{
    int starts = 0;
    for (int64_t i = 0; i < tg_walk_length(); i++) {
        const tg_walk_step step = tg_walk_step_at(i);
        if (step.event != TG_WALK_EDGE) break; /* later ones are handed on inside a walk (recompute.c) */
        if (step.to != root || step.output != output) return false;
        starts++;
    }
    return starts == 1;
}

static void find_walk(tgi_player_run *run)
{
    run->has_walk = tgi_player_walk_is_from(run->root, run->root_output);
    for (int64_t i = 0; run->has_walk && i < tg_walk_length(); i++) {
        const tg_walk_step step = tg_walk_step_at(i);
        const int64_t leaf = step.event == TG_WALK_LEAF ? tgi_pointers_find(&run->leaves, step.leaf) : -1;
        if (leaf < 0) continue;
        run->leaf_facts[leaf].grad = step.grad;
        run->leaf_facts[leaf].before = step.before;
    }
}

/* ---- places ---- */

/* The number of a place, those around it before it; -1: none, or an error is pending. */
static int32_t add_place(tgi_player_run *run, const tg_place *place)
{
    int64_t number = place ? tgi_pointers_find(&run->places_seen, place) : -1;
    if (!place || number >= 0) return (int32_t)number;
    const int32_t outer = add_place(run, place->outer);
    if (!tgi_grow(&run->places, &run->place_capacity, run->places_seen.count + 1, sizeof *run->places)) return -1;
    number = tgi_pointers_add(&run->places_seen, place);
    if (number >= 0) run->places[number] = (tgi_player_place){ place, outer, false };
    return (int32_t)number;
}

static bool find_places(tgi_player_run *run)
{
    for (int64_t n = 0; n < run->node_count; n++) {
        tgi_player_node *on_page = &run->nodes[n];
        on_page->place = add_place(run, tg_node_place(on_page->node));
        if (!tgi_player_source_of(run, tg_node_where(on_page->node), &on_page->source, &on_page->line)) return false;
    }
    return !tg_failed();
}

bool tgi_player_collect(tgi_player_run *run, const tg_node *root, int output, const tg_tensor *value)
{
    *run = (tgi_player_run){ .root = root, .root_output = output };
    if (!find_nodes(run) || !find_leaves(run) || !find_values(run, value) || !find_places(run)) return false;
    find_walk(run);
    return tgi_player_steps(run);
}

void tgi_player_run_free(tgi_player_run *run)
{
    if (run->numbers) tgi_free(run->numbers, numbers_bytes(run));
    if (run->nodes) tgi_free(run->nodes, (size_t)run->node_count * sizeof *run->nodes);
    if (run->values) tgi_free(run->values, (size_t)run->value_count * sizeof *run->values);
    tgi_pointers_free(&run->leaves);
    tgi_pointers_free(&run->constants);
    tgi_pointers_free(&run->places_seen);
    tgi_grow_free(run->leaf_facts, run->leaf_capacity, sizeof *run->leaf_facts);
    tgi_grow_free(run->places, run->place_capacity, sizeof *run->places);
    tgi_grow_free(run->sources, run->source_capacity, sizeof *run->sources);
    tgi_hashed_free(&run->sources_found);
}
