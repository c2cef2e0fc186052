/* walk_print.c: the latest walk, step by step, as it went. */
#include "print_impl.h"

static void put_value(tgi_page *page, const tg_tensor *t)
{
    tgi_put_values(page, t, TGI_SHOWN);
    tgi_page_put(page, "\n");
}

/* "%2 mul    main.c:5    in cell.gate    has [0.5, 0.5]" */
static void put_visit(tgi_page *page, const tg_node *node)
{
    char text[TG_PLACE_TEXT];
    tgi_page_format(page, "%%%d ", node->index);
    tgi_put_clean(page, node->op->name);
    tgi_page_put(page, "    ");
    tgi_put_clean(page, tg_node_where(node));
    if (tg_node_place(node)) {
        tgi_page_put(page, "    in ");
        tgi_put_clean(page, tg_place_text(tg_node_place(node), text));
    }
    for (int i = 0; i < node->output_count; i++) {
        if (!tg_node_grad(node, i)) continue;
        tgi_page_put(page, "    ");
        if (node->output_count > 1) tgi_page_format(page, ".%d ", i);
        tgi_page_put(page, "has ");
        tgi_put_values(page, tg_node_grad(node, i), TGI_SHOWN);
    }
    tgi_page_put(page, "\n");
}

/* Without a node it is what the walk starts from or, once it is on its way, a sum that a function which runs again hands
 * to what made its output now. */
static void put_edge(tgi_page *page, const tgi_leaves *leaves, const tg_walk_step *step, bool on_its_way)
{
    if (!step->node && on_its_way)
        tgi_page_put(page, "    runs again, and hands on to ");
    else if (step->node)
        tgi_page_format(page, "    to input %d, ", step->input);
    else
        tgi_page_put(page, "begins at ");
    if (step->to)
        tgi_put_output(page, step->to, step->output);
    else
        tgi_put_leaf(page, leaves, step->leaf);
    tgi_page_put(page, step->product ? " (a product): " : step->node || on_its_way ? ": " : " with ");
    put_value(page, step->grad);
}

void tgi_put_walk(tgi_page *page, const tgi_leaves *leaves)
{
    const int64_t length = tg_walk_length();
    tgi_page_put(page, length            ? "\nthe latest walk:\n"
                       : tg_is_watched() ? "\nno walk yet\n"
                                         : "\nno walk is known: tg_watch(true) before it keeps it\n");
    for (int64_t i = 0, visits = 0; i < length; i++) {
        const tg_walk_step step = tg_walk_step_at(i);
        visits += step.event == TG_WALK_VISIT;
        if (step.event == TG_WALK_VISIT) put_visit(page, step.node);
        if (step.event == TG_WALK_EDGE) put_edge(page, leaves, &step, visits > 0);
        if (step.event != TG_WALK_LEAF) continue;
        tgi_put_leaf(page, leaves, step.leaf);
        tgi_page_put(page, " is complete: ");
        put_value(page, step.grad);
    }
}
