/* walk_told.c: what a walk tells observers. Those who were there when it began may have gone. */
#include "observe_impl.h"
#include "walk_impl.h"

static const tgi_observers *observers_of(const tgi_walk *w)
{
    return w->state & TGI_OBSERVED ? tgi_self.observers : NULL;
}

bool tgi_walk_tell_begin(tgi_walk *w)
{
    const tg_walk told = { w->name, tgi_self.where, w->roots, w->create_graph, w->retain_graph };
    w->state |= TGI_OBSERVED;
    return tgi_self.observers->tell->walk(&told);
}

bool tgi_walk_tell_visit(const tgi_walk *w, const tg_node *node)
{
    enum { FEW = 8 };
    if (!observers_of(w)) return true;
    tg_tensor *few[FEW];
    tg_tensor **grads = node->output_count <= FEW ? few : tg_list_new(node->output_count);
    if (!grads) return false;
    for (int i = 0; i < node->output_count; i++) {
        const tgi_slot_sum *slot = tgi_slot_of_output(w, node, i);
        grads[i] = slot->chain ? tgi_chain_value(slot) : slot->grad;
        if (slot->chain && !grads[i]) return false;
    }
    return !observers_of(w) || tgi_self.observers->tell->visit(node, grads);
}

bool tgi_walk_tell_visited(const tgi_walk *w, const tg_node *node)
{
    const tgi_observers *observers = observers_of(w);
    return !observers || observers->tell->visited(node);
}

bool tgi_walk_tell_end(const tgi_walk *w, tg_status status)
{
    const tgi_observers *observers = observers_of(w);
    return !observers || observers->tell->walked(status);
}

/* The product evaluated, for those who watch: the walk itself goes on with the factors. */
static tg_tensor *evaluated(const tgi_edge *edge, const tg_product *product)
{
    const tgi_target target = tgi_target_of(edge);
    const tg_shape shape = tgi_target_shape(&target);
    tg_tensor *total = tgi_new(&shape, target.dtype);
    return total && tgi_engine->add_products(total, false, product, 1) == TG_OK ? total : NULL;
}

bool tgi_walk_tell_edge(const tgi_walk *w, const tg_node *from, int input, const tgi_edge *edge, tg_tensor *grad,
                        const tg_product *product)
{
    if (product && observers_of(w) && !observers_of(w)->tell->product(from, product)) return false;
    const tgi_observers *observers = observers_of(w);
    if (!observers || !observers->edges) return true;
    tg_contribution what = { .from = from, .input = input, .grad = grad, .product = product };
    if (product && !(what.grad = evaluated(edge, product))) return false;
    what.to = tgi_edge_node(edge);
    what.output = what.to ? edge->output : 0;
    what.leaf = tgi_edge_leaf(edge);
    return observers->tell->edge(&what);
}

bool tgi_walk_tell_sum(const tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *sum)
{
    const tgi_observers *observers = observers_of(w);
    if (!observers || !observers->edges) return true;
    tg_tensor *grad = sum->chain ? tgi_chain_value(sum) : sum->grad;
    return grad && tgi_walk_tell_edge(w, NULL, 0, edge, grad, NULL);
}
