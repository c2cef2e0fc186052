/* tape_print.c: the tape as a program. tape_print.h tells what a line says. */
#include "tape_print.h"

#include "blocks_impl.h"
#include "held_impl.h"
#include "print_impl.h"

#include "core/error.h"
#include "core/thread.h"

enum { WRITTEN_OUT = 4 /* elements of a constant among the arguments; outputs of a node */, LONG = 40 /* nodes */ };

typedef struct printer {
    tgi_page page;
    tgi_leaves leaves;
    tgi_blocks blocks;
    tgi_held held;
    int64_t held_bytes;
    tg_tape_print_options options;
} printer;

bool tgi_print_begin(const char *where, const char *function, FILE *file, const tg_tensor *of, const tg_node **node)
{
    tgi_begin(where, function);
    *node = NULL;
    if (!file) tg_fail_at(NULL, TG_ERROR_NULL, function, "the file is NULL");
    if (!file || !tgi_handle_or_null(function, of)) return false;
    if (!of || (*node = tgi_node_of(of)) != NULL) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function,
               "`of` is on no tape: no op of it was recorded, or the scope of that has ended");
    return false;
}

/* ---- leaves ---- */

/* A line below a leaf's or a node's: of one of several outputs, if `output` is not -1. */
static void put_detail(printer *p, int depth, int output, const char *what, const tg_tensor *t)
{
    tgi_page_repeat(&p->page, "    ", depth + 1);
    if (output >= 0) tgi_page_format(&p->page, ".%d ", output);
    tgi_page_put(&p->page, what);
    tgi_put_values(&p->page, t, TGI_SHOWN);
    tgi_page_put(&p->page, "\n");
}

static void put_where(tgi_page *page, const char *where)
{
    if (!where || !*where) return;
    tgi_page_put(page, "    ");
    tgi_put_clean(page, where);
}

/* w: float32[2] = leaf    main.c:2 */
static void put_leaf_line(printer *p, const tg_tensor *leaf)
{
    const tg_shape shape = tgi_shape(leaf);
    tgi_put_leaf(&p->page, &p->leaves, leaf);
    tgi_page_put(&p->page, ": ");
    tgi_put_type(&p->page, (tg_dtype)leaf->dtype, &shape);
    tgi_page_put(&p->page, " = leaf");
    put_where(&p->page, leaf->where);
    tgi_page_put(&p->page, "\n");
    if (p->options.values) put_detail(p, 0, -1, "= ", leaf);
    if (p->options.grads) put_detail(p, 0, -1, "grad ", tg_grad_of(leaf));
}

static int64_t put_leaves(printer *p)
{
    const int64_t count = tgi_blocks_mention(&p->blocks, &p->leaves);
    for (int64_t i = 0; i < p->leaves.count; i++)
        if (p->leaves.items[i].mentioned) put_leaf_line(p, p->leaves.items[i].leaf);
    return count;
}

/* ---- nodes ---- */

static void put_one_output(tgi_page *page, const tg_node *node, int i, bool typed)
{
    const tg_shape shape = tg_node_output_shape(node, i);
    tgi_put_result(page, node, i);
    if (!typed) return;
    tgi_page_put(page, ": ");
    tgi_put_type(page, tg_node_output_dtype(node, i), &shape);
}

static bool all_alike(const tg_node *node)
{
    const tg_shape first = tg_node_output_shape(node, 0);
    for (int i = 0; i < node->output_count; i++) {
        const tg_shape shape = tg_node_output_shape(node, i);
        if (!tg_shape_equal(&shape, &first) || tgi_outputs(node)[i].dtype != tgi_outputs(node)->dtype ||
            tg_node_output_name(node, i))
            return false;
    }
    return true;
}

/* "%5.0 to %5.63: float32[3] each" */
static void put_outputs(tgi_page *page, const tg_node *node)
{
    if (node->output_count > WRITTEN_OUT && all_alike(node)) {
        put_one_output(page, node, 0, false);
        tgi_page_put(page, " to ");
        put_one_output(page, node, node->output_count - 1, true);
        tgi_page_put(page, " each");
        return;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (i) tgi_page_put(page, ", ");
        put_one_output(page, node, i, true);
    }
}

/* "saves x, %3, 3.2 KB"; each tensor once. */
static void put_saved(printer *p, const tg_node *node)
{
    const tgi_saved *saved = tgi_saved_of(node);
    int count = 0;
    for (int i = 0; i < node->saved_count; i++) {
        bool again = !saved[i].tensor;
        for (int j = 0; j < i; j++) again |= saved[j].tensor == saved[i].tensor;
        if (again) continue;
        tgi_page_put(&p->page, count++ ? ", " : "    saves ");
        tgi_put_tensor(&p->page, &p->leaves, saved[i].tensor, saved[i].version);
    }
    const int64_t bytes = tgi_held_by_node(&p->held, node);
    if (bytes) tgi_page_put(&p->page, ", ");
    if (bytes) tgi_put_bytes(&p->page, bytes);
    if (node->spent) tgi_page_put(&p->page, "    spent");
}

static void put_details(printer *p, const tg_node *node, int depth)
{
    for (int i = 0; i < node->output_count; i++) {
        const tg_tensor *value = p->options.values ? tg_node_value(node, i) : NULL;
        const tg_tensor *grad = p->options.grads ? tgi_known_grad(node, i) : NULL;
        const int output = node->output_count > 1 ? i : -1;
        if (value) put_detail(p, depth, output, "= ", value);
        if (grad) put_detail(p, depth, output, "grad ", grad);
    }
}

static void put_node(printer *p, const tg_node *node, int depth)
{
    tgi_page *page = &p->page;
    tgi_page_repeat(page, "    ", depth);
    put_outputs(page, node);
    tgi_page_format(page, " = %s(", node->op->name);
    for (int i = 0; i < node->input_count; i++) {
        if (i) tgi_page_put(page, ", ");
        tgi_put_input(page, &p->leaves, node, i, p->options.values ? WRITTEN_OUT : 1);
    }
    tgi_page_put(page, ")");
    put_where(page, node->where);
    put_saved(p, node);
    tgi_page_put(page, "\n");
    put_details(p, node, depth);
}

/* ---- blocks ---- */

static void put_range(printer *p, int64_t from, int64_t to)
{
    const tgi_item *items = p->blocks.items;
    const bool several = items[from].next < to;
    int64_t last = from;
    for (int64_t i = from; i < to; i = items[i].next) last = i;
    if (items[from].place)
        tgi_put_clean(&p->page, items[from].place->name);
    else
        tgi_page_format(&p->page, "%%%d", items[from].node->index);
    if (!several) return;
    tgi_page_put(&p->page, " to ");
    if (items[last].place)
        tgi_put_clean(&p->page, items[last].place->name);
    else
        tgi_page_format(&p->page, "%%%d", items[last].node->index);
}

static int32_t last_node(const tgi_blocks *blocks, int64_t end)
{
    return blocks->items[end - 1].node->index; /* a block is never empty: what stands before an end is a node */
}

/* "t=2 to t=12: 11 times as t=1 (%18 to %116)" */
static void put_folded(printer *p, int64_t at)
{
    const tgi_blocks *blocks = &p->blocks;
    const tgi_item *item = &blocks->items[at];
    int64_t from = at; /* where what it is like begins */
    for (int k = 0; k < item->period; k++) {
        int64_t before = from - 1;
        while (blocks->items[before].outer != item->outer) before = blocks->items[before].outer;
        from = before;
    }
    tgi_page_repeat(&p->page, "    ", item->depth);
    put_range(p, at, item->folded_to);
    tgi_page_format(&p->page, ": %lld time%s as ", (long long)item->repeats, item->repeats == 1 ? "" : "s");
    put_range(p, from, at);
    if (item->place)
        tgi_page_format(&p->page, " (%%%d to %%%d)", item->node->index, last_node(blocks, item->folded_to));
    tgi_page_put(&p->page, "\n");
}

static void put_item(printer *p, const tgi_item *item)
{
    if (!item->place) {
        put_node(p, item->node, item->depth);
        return;
    }
    tgi_page_repeat(&p->page, "    ", item->depth);
    tgi_put_place(&p->page, item->place);
    tgi_page_put(&p->page, ":\n");
}

static bool put_blocks(printer *p)
{
    for (int64_t i = 0; i < p->blocks.count;) {
        const tgi_item *item = &p->blocks.items[i];
        if (item->repeats)
            put_folded(p, i);
        else
            put_item(p, item);
        i = item->repeats ? item->folded_to : i + 1;
    }
    for (int64_t i = 0; i < p->blocks.count; i++) {
        const int64_t bytes = p->blocks.items[i].place ? 0 : tgi_held_add(&p->held, p->blocks.items[i].node);
        if (bytes < 0) return false;
        p->held_bytes += bytes;
    }
    return true;
}

/* "4 nodes, 1 leaf; backward holds 24 B" */
static void put_end(printer *p, int64_t leaves)
{
    tgi_put_count(&p->page, p->blocks.nodes, "node");
    tgi_page_format(&p->page, leaves == 1 ? ", %lld leaf" : ", %lld leaves", (long long)leaves);
    tgi_page_put(&p->page, "; backward holds ");
    tgi_put_bytes(&p->page, p->held_bytes);
    tgi_page_put(&p->page, "\n");
}

static bool print(printer *p, const tg_node *of)
{
    const tg_tape_print_options *o = &p->options;
    if (!tgi_leaves_of_tape(&p->leaves) || !tgi_blocks_of_tape(&p->blocks, of) || !tgi_held_begin(&p->held, &p->leaves))
        return false;
    const bool fold = o->fold < 0 ? p->blocks.nodes > LONG && !o->values && !o->grads : o->fold;
    if (fold && !tgi_blocks_fold(&p->blocks)) return false;
    const int64_t leaves = put_leaves(p);
    if (!put_blocks(p)) return false;
    put_end(p, leaves);
    if (o->backward) tgi_put_walk(&p->page, &p->leaves);
    return true;
}

tg_status tg_tape_print_at(const char *where, FILE *file, tg_tape_print_options options)
{
    const tg_node *of;
    if (!tgi_print_begin(where, "tape_print", file, options.of, &of)) return TG_FAILED;
    printer p = { .options = options };
    p.page.failed = !print(&p, of);
    tgi_leaves_drop(&p.leaves);
    tgi_blocks_free(&p.blocks);
    tgi_held_free(&p.held);
    return tgi_page_to_file(&p.page, "tape_print", file);
}
