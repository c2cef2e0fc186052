/* tape_dot.c: the tape as a graph in Graphviz's language.
 *
 * What is drawn is an item: a node, or a place whose nodes are folded into it. An arrow goes from what made a value to what
 * reads it, one for each pair of items and output. A leaf has an arrow to what reads it first; who reads it later says so,
 * or a weight that is used at every step would cover the page with arrows. */
#include "print_impl.h"
#include "tape_print.h"

#include "core/thread.h"

#include <string.h>

enum { FEW = 4 /* elements of a value, leaves of an item */ };

typedef struct drawing {
    tgi_page page;
    tgi_leaves leaves;
    tgi_blocks blocks;
    tg_tape_dot_options options;
    const tg_node *of;
    int64_t *drawn;       /* [node's index]: the item that it is drawn as */
    int64_t *first;       /* [leaf]: the item that reads it first */
    tgi_addresses arrows; /* those that are there: pairs of items, and of leaves and items */
} drawing;

/* ---- texts ---- */

static void put_quoted(tgi_page *page, const tgi_page *text)
{
    for (int64_t i = 0; i < text->length && !text->failed; i++) {
        if (text->text[i] == '"' || text->text[i] == '\\') tgi_page_put(page, "\\");
        if (text->text[i] == '\n')
            tgi_page_put(page, "\\n");
        else
            tgi_page_bytes(page, &text->text[i], 1);
    }
    page->failed |= text->failed;
}

/* Ends a text that is a label. */
static void put_label(drawing *d, tgi_page *text)
{
    tgi_page_put(&d->page, "[label=\"");
    put_quoted(&d->page, text);
    tgi_page_put(&d->page, "\"");
    tgi_page_free(text);
}

static void put_numbers(const drawing *d, tgi_page *text, const tg_tensor *value, const tg_tensor *grad)
{
    if (d->options.values && value) {
        tgi_page_put(text, "\n= ");
        tgi_put_values(text, value, FEW);
    }
    if (d->options.grads && grad) {
        tgi_page_put(text, "\ngrad ");
        tgi_put_values(text, grad, FEW);
    }
}

/* ---- what is drawn ---- */

/* True if there is none yet, which is so no more. */
static bool is_new(drawing *d, uint64_t from, uint64_t to, uint64_t output)
{
    const int64_t before = d->arrows.count;
    const uint64_t arrow = from << 36 | to << 8 | (output < 255 ? output : 255);
    if (tgi_addresses_add(&d->arrows, (const void *)(uintptr_t)arrow) < 0) d->page.failed = true;
    return d->arrows.count > before;
}

/* The leaves that an item reads, but is not the first to. */
static void put_leaves_read(drawing *d, tgi_page *text, int64_t at)
{
    int64_t count = 0;
    for (int64_t k = at; k < d->blocks.items[at].next; k++) {
        const tg_node *node = d->blocks.items[k].node;
        for (int i = 0; i < node->input_count && !d->blocks.items[k].place; i++) {
            const tg_tensor *t = tgi_edge_leaf(&tgi_inputs(node)[i]);
            const int64_t leaf = t ? tgi_addresses_find(&d->leaves.known, t) : -1;
            if (leaf < 0 || d->first[leaf] == at || !is_new(d, (uint64_t)(d->blocks.count + leaf), (uint64_t)at, 0))
                continue;
            if (count++ >= FEW) continue;
            tgi_page_put(text, "\n");
            tgi_put_leaf(text, &d->leaves, t);
        }
    }
    if (count > FEW) tgi_page_format(text, "\nand %lld more", (long long)(count - FEW));
}

static void put_node(drawing *d, int64_t item, int depth)
{
    const tg_node *node = d->blocks.items[item].node;
    tgi_page text = { .text = NULL };
    const char *name = tg_node_output_name(node, 0);
    const tg_shape shape = tg_node_output_shape(node, 0);
    tgi_page_format(&text, "%%%d ", node->index);
    if (name) tgi_put_clean(&text, name);
    if (name) tgi_page_put(&text, " = ");
    tgi_put_clean(&text, node->op->name);
    tgi_page_put(&text, "\n");
    tgi_put_type(&text, tg_node_output_dtype(node, 0), &shape);
    put_leaves_read(d, &text, item);
    put_numbers(d, &text, tg_node_value(node, 0), tgi_known_grad(node, 0));
    tgi_page_repeat(&d->page, "    ", depth + 1);
    tgi_page_format(&d->page, "n%lld ", (long long)item);
    put_label(d, &text);
    tgi_page_put(&d->page, node == d->of ? ", penwidth=2];\n" : "];\n");
}

static void put_folded(drawing *d, int64_t at, int depth)
{
    const tgi_item *item = &d->blocks.items[at];
    tgi_page text = { .text = NULL };
    int64_t nodes = 0;
    for (int64_t i = at; i < item->next; i++) nodes += !d->blocks.items[i].place;
    tgi_put_place(&text, item->place);
    tgi_page_put(&text, "\n");
    tgi_put_count(&text, nodes, "node");
    put_leaves_read(d, &text, at);
    tgi_page_repeat(&d->page, "    ", depth + 1);
    tgi_page_format(&d->page, "n%lld ", (long long)at);
    put_label(d, &text);
    tgi_page_put(&d->page, ", peripheries=2, fillcolor=\"#f5f0e6\"];\n");
}

static void open_frame(drawing *d, int64_t at)
{
    const tgi_item *item = &d->blocks.items[at];
    tgi_page text = { .text = NULL };
    tgi_put_place(&text, item->place);
    tgi_page_repeat(&d->page, "    ", item->depth + 1);
    tgi_page_format(&d->page, "subgraph cluster_%lld {\n", (long long)at);
    tgi_page_repeat(&d->page, "    ", item->depth + 2);
    tgi_page_put(&d->page, "graph ");
    put_label(d, &text);
    tgi_page_put(&d->page, item->place->kind ? ", style=rounded];\n" : ", style=filled, fillcolor=\"#f2f2f2\"];\n");
}

static void put_leaf(drawing *d, int64_t number)
{
    const tg_tensor *leaf = d->leaves.items[number].leaf;
    const tg_shape shape = tgi_shape(leaf);
    tgi_page text = { .text = NULL };
    tgi_put_leaf(&text, &d->leaves, leaf);
    tgi_page_put(&text, "\n");
    tgi_put_type(&text, (tg_dtype)leaf->dtype, &shape);
    put_numbers(d, &text, leaf, tg_grad_of(leaf));
    tgi_page_format(&d->page, "    l%lld ", (long long)number);
    put_label(d, &text);
    tgi_page_put(&d->page, ", shape=ellipse, fillcolor=\"#cfe3f7\"];\n");
}

static bool is_folded(const drawing *d, const tgi_item *item) { return item->place && item->depth == d->options.depth; }

/* As which item each node is drawn, and which item reads each leaf first. */
static void find_items(drawing *d)
{
    int64_t at = 0, end = 0; /* the item at which we are, and where it ends */
    for (int64_t l = 0; l < d->leaves.count; l++) d->first[l] = -1;
    for (int64_t k = 0; k < d->blocks.count; k++) {
        const tgi_item *item = &d->blocks.items[k];
        if (k >= end && (is_folded(d, item) || !item->place)) {
            at = k;
            end = item->next;
        }
        for (int i = 0; i < item->node->input_count && !item->place; i++) {
            const tg_tensor *leaf = tgi_edge_leaf(&tgi_inputs(item->node)[i]);
            const int64_t number = leaf ? tgi_addresses_find(&d->leaves.known, leaf) : -1;
            if (number >= 0 && d->first[number] < 0) d->first[number] = at;
        }
        if (!item->place) d->drawn[item->node->index] = at;
    }
}

/* Frames close where the items in them end. */
static void put_items(drawing *d)
{
    const tgi_blocks *blocks = &d->blocks;
    int64_t open = -1;
    for (int64_t i = 0; i <= blocks->count;) {
        for (; open >= 0 && blocks->items[open].next <= i; open = blocks->items[open].outer) {
            tgi_page_repeat(&d->page, "    ", blocks->items[open].depth + 1);
            tgi_page_put(&d->page, "}\n");
        }
        if (i == blocks->count) break;
        const tgi_item *item = &blocks->items[i];
        const bool folded = is_folded(d, item);
        if (!item->place)
            put_node(d, i, item->depth);
        else if (folded)
            put_folded(d, i, item->depth);
        else
            open_frame(d, open = i);
        i = folded ? item->next : i + 1;
    }
}

/* ---- arrows ---- */

static void put_constant(drawing *d, const tg_node *node, int i, int64_t to)
{
    const tg_tensor *t = tg_node_constant(node, i);
    if (!t || d->blocks.items[to].place) return;
    tgi_page text = { .text = NULL };
    tgi_put_constant(&text, t, FEW);
    tgi_page_format(&d->page, "    c%d_%d ", node->index, i);
    put_label(d, &text);
    tgi_page_format(&d->page, ", style=dashed];\n    c%d_%d -> n%lld;\n", node->index, i, (long long)to);
}

static void put_arrow_of_leaf(drawing *d, int64_t leaf, int64_t to)
{
    if (leaf < 0 || d->first[leaf] != to || !is_new(d, (uint64_t)(d->blocks.count + leaf), (uint64_t)to, 0)) return;
    put_leaf(d, leaf);
    tgi_page_format(&d->page, "    l%lld -> n%lld;\n", (long long)leaf, (long long)to);
}

static void put_arrows_to(drawing *d, const tg_node *node)
{
    const int64_t to = d->drawn[node->index];
    for (int i = 0; i < node->input_count; i++) {
        const tgi_edge *edge = &tgi_inputs(node)[i];
        if (edge->output == TGI_TO_LEAF) put_arrow_of_leaf(d, tgi_addresses_find(&d->leaves.known, edge->to.leaf), to);
        if (edge->output == TGI_TO_NOWHERE) put_constant(d, node, i, to);
        if (edge->output < 0) continue;
        const int64_t from = d->drawn[edge->to.node->index];
        if (from == to || !is_new(d, (uint64_t)from, (uint64_t)to, (uint64_t)edge->output)) continue;
        tgi_page_format(&d->page, "    n%lld -> n%lld", (long long)from, (long long)to);
        if (edge->to.node->output_count > 1) tgi_page_format(&d->page, " [label=\".%d\"]", edge->output);
        tgi_page_put(&d->page, ";\n");
    }
}

static bool draw(drawing *d)
{
    if (!tgi_leaves_of_tape(&d->leaves) || !tgi_blocks_of_tape(&d->blocks, d->of)) return false;
    if (d->blocks.length && !(d->drawn = tgi_calloc((size_t)d->blocks.length * sizeof *d->drawn))) return false;
    if (d->leaves.count && !(d->first = tgi_calloc((size_t)d->leaves.count * sizeof *d->first))) return false;
    find_items(d);
    tgi_page_put(&d->page, "digraph tape {\n    graph [rankdir=LR, fontname=\"sans-serif\"];\n"
                           "    node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\"];\n");
    put_items(d);
    for (int64_t i = 0; i < d->blocks.count; i++)
        if (!d->blocks.items[i].place) put_arrows_to(d, d->blocks.items[i].node);
    tgi_page_put(&d->page, "}\n");
    return !d->page.failed;
}

tg_status tg_tape_print_dot_at(const char *where, FILE *file, tg_tape_dot_options options)
{
    drawing d = { .options = options };
    if (!tgi_print_begin(where, "tape_print_dot", file, options.of, &d.of)) return TG_FAILED;
    d.page.failed = !draw(&d);
    if (d.drawn) tgi_free(d.drawn, (size_t)d.blocks.length * sizeof *d.drawn);
    if (d.first) tgi_free(d.first, (size_t)d.leaves.count * sizeof *d.first);
    tgi_leaves_drop(&d.leaves);
    tgi_blocks_free(&d.blocks);
    tgi_addresses_free(&d.arrows);
    return tgi_page_to_file(&d.page, "tape_print_dot", file);
}
