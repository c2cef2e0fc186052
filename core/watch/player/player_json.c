/* player_json.c: a run as JSON: core/watch/player/FORMAT.md, in its order. */
#include "player_impl.h"

#include "core/file/number_impl.h"
#include "core/observe_impl.h"
#include "core/tape_impl.h"
#include "core/utf8_impl.h"

#include <stdio.h>
#include <string.h>

/* What all that follows writes to, and from. */
typedef struct writer {
    tgi_page *page;
    const tgi_player_run *run;
    tgi_values *values;
    const tg_tape_html_options *options;
    const tgi_player_source *missing; /* the first file that was not found */
    int64_t missing_count;
    int64_t again; /* nodes that the walk passed and that are not on the page */
} writer;

/* ---- texts and numbers ---- */

void tgi_json_put(tgi_page *page, const char *text)
{
    if (!text) {
        tgi_page_put(page, "null");
        return;
    }
    tgi_page_put(page, "\"");
    for (uint32_t c; (c = tgi_utf8_next(&text));) {
        char bytes[TGI_UTF8_MOST];
        if (c == '\n')
            tgi_page_put(page, "\\n");
        else if (c < 0x20 || c == '"' || c == '\\' || c == '<')
            tgi_page_format(page, "\\u%04x", (unsigned)c);
        else
            tgi_page_bytes(page, bytes, tgi_utf8_put(bytes, c));
    }
    tgi_page_put(page, "\"");
}

static void put_number(tgi_page *page, double number, bool single, const char *behind)
{
    char text[TGI_SHORTEST];
    tgi_page_bytes(page, text, tgi_shortest(text, number, single));
    tgi_page_put(page, behind);
}

static void put_shape(tgi_page *page, const int64_t *dims, int ndim)
{
    tgi_page_put(page, "[");
    for (int d = 0; d < ndim; d++) tgi_page_format(page, d ? ",%lld" : "%lld", (long long)dims[d]);
    tgi_page_put(page, "]");
}

/* `"key":` and the place of t's value, of none null. */
static void put_value(writer *w, const char *key, const tg_tensor *t)
{
    tgi_page_put(w->page, key);
    const int64_t place = t ? tgi_values_add(w->values, t) : -1;
    if (t && place < 0) w->page->failed = true;
    if (place < 0)
        tgi_page_put(w->page, "null");
    else
        tgi_page_format(w->page, "%lld", (long long)place);
}

/* ---- where ---- */

static void put_sources(writer *w)
{
    tgi_page_put(w->page, ",\n\"sources\":[");
    for (int64_t i = 0; i < w->run->source_count && !w->page->failed; i++) {
        const tgi_player_source *source = &w->run->sources[i];
        const tg_scope scope = tg_scope_begin();
        const char *text = tgi_player_source_text(source, w->options->source_root);
        if (!text && w->missing_count++ == 0) w->missing = source;
        char *path = tg_copy_in_scope(source->path, source->length + 1);
        if (path) path[source->length] = '\0';
        tgi_page_put(w->page, i ? ",\n{\"path\":" : "{\"path\":");
        tgi_json_put(w->page, path);
        tgi_page_put(w->page, ",\"text\":");
        tgi_json_put(w->page, text);
        tgi_page_put(w->page, "}");
        w->page->failed |= tg_failed();
        tg_scope_end(scope);
    }
    tgi_page_put(w->page, "]");
}

static void put_places(writer *w)
{
    tgi_page_put(w->page, ",\n\"places\":[");
    for (int64_t i = 0; i < w->run->places_seen.count; i++) {
        const tgi_player_place *p = &w->run->places[i];
        tgi_page_format(w->page, i ? ",\n{\"outer\":%d,\"name\":" : "{\"outer\":%d,\"name\":", (int)p->outer);
        tgi_json_put(w->page, p->place->name);
        tgi_page_put(w->page, ",\"kind\":");
        tgi_json_put(w->page, p->place->kind);
        if (p->is_step) tgi_page_format(w->page, ",\"step\":%lld", (long long)p->place->step);
        tgi_page_put(w->page, "}");
    }
    tgi_page_put(w->page, "]");
}

/* ---- ops ---- */

static void put_op(tgi_page *page, const tg_op *op, bool first)
{
    tgi_page_put(page, first ? "" : ",\n");
    tgi_json_put(page, op->name);
    tgi_page_put(page, ":{\"formula\":");
    tgi_json_put(page, op->formula);
    tgi_page_put(page, ",\"gradient\":");
    tgi_json_put(page, op->gradient);
    tgi_page_put(page, ",\"doc\":");
    tgi_json_put(page, op->doc);
    tgi_page_put(page, "}");
}

static void put_ops(writer *w)
{
    tgi_pointers seen = { .items = NULL };
    tgi_page_put(w->page, ",\n\"ops\":{");
    for (int64_t n = 0; n < w->run->node_count; n++) {
        const tg_op *op = w->run->nodes[n].node->op;
        const int64_t known = seen.count, number = tgi_pointers_add(&seen, op);
        if (number < 0) w->page->failed = true;
        if (number == known) put_op(w->page, op, number == 0);
    }
    tgi_pointers_free(&seen);
    tgi_page_put(w->page, "}");
}

/* ---- tensors that no node made ---- */

/* "name": ..., "shape": ..., "dtype": ..., "where": ... */
static void put_tensor(writer *w, const tg_tensor *t)
{
    tgi_page_put(w->page, "\"name\":");
    tgi_json_put(w->page, tg_name_of(t));
    tgi_page_put(w->page, ",\"shape\":");
    put_shape(w->page, t->dims, t->ndim);
    tgi_page_format(w->page, ",\"dtype\":\"%s\",\"where\":", tg_dtype_name((tg_dtype)t->dtype));
    tgi_json_put(w->page, t->where && *t->where ? t->where : NULL);
}

static void put_leaves(writer *w)
{
    tgi_page_put(w->page, ",\n\"leaves\":[");
    for (int64_t i = 0; i < w->run->leaves.count; i++) {
        const tg_tensor *leaf = w->run->leaves.items[i];
        const tgi_player_leaf *facts = &w->run->leaf_facts[i];
        tgi_page_format(w->page, "%s{\"role\":\"%s\",", i ? ",\n" : "", tgi_is_parameter(leaf) ? "parameter" : "leaf");
        put_tensor(w, leaf);
        const int most = w->values->most;
        w->values->most = TGI_HEAT_SIDE; /* they are few, and each is seen often */
        put_value(w, ",\"value\":", facts->written ? NULL : leaf);
        w->values->most = most;
        put_value(w, ",\"grad\":", facts->grad);
        put_value(w, ",\"before\":", facts->before);
        tgi_page_put(w->page, "}");
    }
    tgi_page_put(w->page, "]");
}

static void put_constants(writer *w)
{
    tgi_page_put(w->page, ",\n\"constants\":[");
    for (int64_t i = 0; i < w->run->constants.count; i++) {
        tgi_page_put(w->page, i ? ",\n{" : "{");
        put_tensor(w, w->run->constants.items[i]);
        put_value(w, ",\"value\":", w->run->constants.items[i]);
        tgi_page_put(w->page, "}");
    }
    tgi_page_put(w->page, "]");
}

/* ---- nodes ---- */

static void put_input(writer *w, const tg_node *node, int i)
{
    const tgi_edge *edge = &tgi_inputs(node)[i];
    const tg_node *made_by = tgi_edge_node(edge);
    const tg_tensor *leaf = tgi_edge_leaf(edge), *constant = tg_node_constant(node, i);
    tgi_page_put(w->page, i ? "," : "");
    if (made_by)
        tgi_page_format(w->page, "[\"n\",%d,%d]", (int)tgi_player_number(w->run, made_by), (int)edge->output);
    else if (leaf)
        tgi_page_format(w->page, "[\"l\",%lld]", (long long)tgi_pointers_find(&w->run->leaves, leaf));
    else if (constant)
        tgi_page_format(w->page, "[\"c\",%lld]", (long long)tgi_pointers_find(&w->run->constants, constant));
    else
        tgi_page_put(w->page, "null");
}

static void put_output(writer *w, const tgi_player_node *n, int i)
{
    const tgi_output *output = &tgi_outputs(n->node)[i];
    tgi_page_put(w->page, i ? ",{\"shape\":" : "{\"shape\":");
    put_shape(w->page, output->dims, output->ndim);
    tgi_page_format(w->page, ",\"dtype\":\"%s\"", tg_dtype_name((tg_dtype)output->dtype));
    if (tg_node_output_name(n->node, i)) {
        tgi_page_put(w->page, ",\"name\":");
        tgi_json_put(w->page, tg_node_output_name(n->node, i));
    }
    put_value(w, ",\"value\":", w->run->values[n->first_output + i]);
    put_value(w, ",\"grad\":", w->run->has_walk ? tg_node_grad(n->node, i) : NULL);
    tgi_page_put(w->page, "}");
}

/* Which tensor of the page it is that a node saved: what was written in place since belongs to a later node. One that is not
 * on the page is told by its size. */
static void put_saved(writer *w, const tg_node *node, const tg_tensor *saved, bool first)
{
    const tg_node *made_by = tgi_node_of(saved);
    const int32_t number = tgi_player_number(w->run, made_by);
    const int64_t leaf = tgi_pointers_find(&w->run->leaves, saved);
    const int64_t constant = tgi_pointers_find(&w->run->constants, saved);
    tgi_page_put(w->page, first ? ",\"saved\":[{\"what\":" : ",{\"what\":");
    if (number >= 0 && made_by->index <= node->index)
        tgi_page_format(w->page, "[\"n\",%d,%d]}", (int)number, (int)saved->origin.output);
    else if (leaf >= 0)
        tgi_page_format(w->page, "[\"l\",%lld]}", (long long)leaf);
    else if (constant >= 0)
        tgi_page_format(w->page, "[\"c\",%lld]}", (long long)constant);
    else {
        tgi_page_put(w->page, "null,\"shape\":");
        put_shape(w->page, saved->dims, saved->ndim);
        tgi_page_format(w->page, ",\"bytes\":%lld}", (long long)(saved->numel * (int64_t)tgi_element_size(saved)));
    }
}

static void put_all_saved(writer *w, const tg_node *node)
{
    int count = 0;
    for (int i = 0; i < node->saved_count; i++) {
        const tg_tensor *saved = tg_node_kept(node, i);
        if (!saved) saved = tg_node_saved(node, i);
        if (saved) put_saved(w, node, saved, count++ == 0);
    }
    if (count) tgi_page_put(w->page, "]");
}

static void put_node(writer *w, const tgi_player_node *n)
{
    const tg_node *node = n->node;
    tgi_page_put(w->page, "{\"op\":");
    tgi_json_put(w->page, node->op->name);
    tgi_page_format(w->page, ",\"place\":%d,\"source\":%d,\"line\":%d,\"step\":%d,\"inputs\":[", (int)n->place,
                    (int)n->source, (int)n->line, (int)n->step);
    for (int i = 0; i < node->input_count; i++) put_input(w, node, i);
    tgi_page_put(w->page, "],\"outputs\":[");
    for (int i = 0; i < node->output_count; i++) put_output(w, n, i);
    tgi_page_put(w->page, "]");
    put_all_saved(w, node);
    tgi_page_put(w->page, "}");
}

static void put_nodes(writer *w)
{
    tgi_page_put(w->page, ",\n\"nodes\":[");
    for (int64_t n = 0; n < w->run->node_count && !w->page->failed; n++) {
        tgi_page_put(w->page, n ? ",\n" : "");
        put_node(w, &w->run->nodes[n]);
    }
    tgi_page_format(w->page, "],\n\"root\":[%d,%d]", (int)tgi_player_number(w->run, w->run->root), w->run->root_output);
}

/* ---- the walk ---- */

/* Of a function that ran again (recompute.c) the nodes that it recorded then are not on the page: what they hand to
 * tensors that are there, its node does, which has them for inputs. False: nothing on the page has to do with it. */
static bool on_page(const writer *w, const tg_node *open, tg_walk_step *step)
{
    if (step->event == TG_WALK_LEAF) return tgi_pointers_find(&w->run->leaves, step->leaf) >= 0;
    if (tgi_player_number(w->run, step->node) >= 0) return true;
    if (!open || step->event != TG_WALK_EDGE) return false;
    for (int i = 0; i < open->input_count; i++) {
        const tgi_edge *to = &tgi_inputs(open)[i];
        if (to->output == TGI_TO_NOWHERE || tgi_edge_leaf(to) != step->leaf || tgi_edge_node(to) != step->to) continue;
        if (step->to && to->output != step->output) continue;
        step->node = open;
        step->input = i;
        return true;
    }
    return false;
}

/* The walk's beginning is the root's gradient. */
static void put_event(writer *w, const tg_walk_step *step, const char *between)
{
    const int node = tgi_player_number(w->run, step->node);
    tgi_page_put(w->page, between);
    switch (step->event) {
    case TG_WALK_VISIT: tgi_page_format(w->page, "[\"v\",%d]", node); break;
    case TG_WALK_DONE: tgi_page_format(w->page, "[\"d\",%d]", node); break;
    case TG_WALK_EDGE:
        tgi_page_format(w->page, "[\"e\",%d,%d", node, step->input);
        put_value(w, ",", step->grad);
        tgi_page_put(w->page, step->product ? ",1]" : ",0]");
        break;
    default:
        tgi_page_format(w->page, "[\"r\",%lld", (long long)tgi_pointers_find(&w->run->leaves, step->leaf));
        put_value(w, ",", step->grad);
        tgi_page_put(w->page, "]");
    }
}

static void put_walk(writer *w)
{
    const tg_node *open = NULL; /* that the walk is at */
    bool any = false;
    tgi_page_put(w->page, ",\n\"walk\":[");
    for (int64_t i = 0; w->run->has_walk && i < tg_walk_length() && !w->page->failed; i++) {
        tg_walk_step step = tg_walk_step_at(i);
        if (step.event == TG_WALK_VISIT && tgi_player_number(w->run, step.node) < 0) w->again++;
        if (!on_page(w, open, &step)) continue;
        if (step.event == TG_WALK_VISIT) open = step.node;
        if (step.event == TG_WALK_DONE) open = NULL;
        put_event(w, &step, any ? ",\n" : "");
        any = true;
    }
    tgi_page_put(w->page, "]");
}

/* ---- values ---- */

static void put_bound(tgi_page *page, const tgi_value *v, double number, const char *behind)
{
    if (v->any_finite)
        put_number(page, number, v->single, behind);
    else {
        tgi_page_put(page, "null");
        tgi_page_put(page, behind);
    }
}

static void put_values(writer *w)
{
    tgi_page_put(w->page, ",\n\"values\":[");
    for (int64_t i = 0; i < w->values->tensors.count && !w->page->failed;
         i++) { /* of a failed page not all are there */
        const tgi_value *v = &w->values->values[i];
        if (i) tgi_page_put(w->page, i % 16 ? "," : ",\n");
        if (v->count >= 0) {
            tgi_page_format(w->page, "{\"n\":[%lld,%d,%d]}", (long long)v->offset, (int)v->count, (int)v->size);
            continue;
        }
        tgi_page_put(w->page, "{\"s\":[");
        put_bound(w->page, v, v->low, ",");
        put_bound(w->page, v, v->mean, ",");
        put_bound(w->page, v, v->high, ",");
        tgi_page_format(w->page, "%lld],\"h\":[%lld,%d,%d,%d]}", (long long)v->nonfinite, (long long)v->offset,
                        (int)v->rows, (int)v->columns, (int)v->maps);
    }
    tgi_page_put(w->page, "]");
}

/* ---- notes ---- */

static void put_note(tgi_page *page, int *count, const char *text)
{
    tgi_page_put(page, (*count)++ ? ",\n" : "");
    tgi_json_put(page, text);
}

static void put_missing(writer *w, int *count)
{
    char text[512], more[64] = "";
    if (!w->missing_count) return;
    if (w->missing_count > 1) snprintf(more, sizeof more, ", nor were %lld others", (long long)w->missing_count - 1);
    snprintf(text, sizeof text, "The source file %.*s was not found%s.", (int)w->missing->length, w->missing->path,
             more);
    put_note(w->page, count, text);
}

static void put_notes(writer *w)
{
    char text[256];
    int count = 0;
    tgi_page_put(w->page, ",\n\"notes\":[");
    put_missing(w, &count);
    if (!w->run->watched && w->run->unknown)
        put_note(w->page, &count,
                 "The tape was not watched while it was recorded: only values that nodes saved for their "
                 "backward are here. Call tg_watch(true) before the forward pass.");
    else if (w->run->unknown) {
        snprintf(text, sizeof text, "%lld value%s not here: written in place since, or not watched.",
                 (long long)w->run->unknown, w->run->unknown == 1 ? " is" : "s are");
        put_note(w->page, &count, text);
    }
    if (w->run->written) {
        snprintf(text, sizeof text,
                 "The value of %lld lea%s not here: written since the loss was computed, as by an optimiser's step.",
                 (long long)w->run->written, w->run->written == 1 ? "f is" : "ves is");
        put_note(w->page, &count, text);
    }
    if (w->again) {
        snprintf(text, sizeof text,
                 "%lld node%s not here, of functions that ran again in backward (tg_checkpoint): what %s handed on is "
                 "told of the functions' own nodes.",
                 (long long)w->again, w->again == 1 ? " is" : "s are", w->again == 1 ? "it" : "they");
        put_note(w->page, &count, text);
    }
    if (w->values->most < TGI_HEAT_SIDE) {
        snprintf(text, sizeof text,
                 "Heat maps, but those of leaves, are of %d by %d cells at most, to keep the page small.",
                 w->values->most, w->values->most);
        put_note(w->page, &count, text);
    }
    if (w->values->left_out && w->values->most_maps < TGI_HEAT_MAPS) {
        snprintf(
            text, sizeof text,
            "Of tensors of many matrices (in their last two dimensions) the first %d %s here, to keep the page small.",
            w->values->most_maps, w->values->most_maps == 1 ? "is" : "are");
        put_note(w->page, &count, text);
    }
    tgi_page_put(w->page, "]");
}

static void put_head(writer *w)
{
    char path[TGI_PROGRAM_PATH];
    const char *program = tgi_program_path(path), *slash = strrchr(program, '/');
    tgi_page_put(w->page, "{\"format\":1,\"program\":");
    tgi_json_put(w->page, slash ? slash + 1 : program);
    tgi_page_put(w->page, ",\"title\":");
    tgi_json_put(w->page, w->options->title);
    if (w->options->backward > 0)
        tgi_page_format(w->page, ",\"backward\":%lld", (long long)w->options->backward);
    else
        tgi_page_put(w->page, ",\"backward\":null");
}

void tgi_player_json(tgi_page *page, const tgi_player_run *run, tgi_values *values, const tg_tape_html_options *options)
{
    writer w = { page, run, values, options, NULL, 0, 0 };
    put_head(&w);
    put_sources(&w);
    put_places(&w);
    put_ops(&w);
    put_leaves(&w);
    put_constants(&w);
    put_nodes(&w);
    put_walk(&w);
    put_values(&w);
    put_notes(&w);
    tgi_page_put(page, "}\n");
}
