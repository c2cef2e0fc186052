/* context.c: what a backward function is handed (op.h, "inside a backward function").
 *
 * It asks for the gradients of its outputs and for what was saved, and hands over the gradients of its inputs. Here each
 * of these is checked and brought to its input's shape; backward.c adds it. */
#include "observe.h"
#include "walk_impl.h"

/* Only a backward function has a context, lent by the walk that calls it. Of what users pass elsewhere only NULL can be
 * told apart from one. */
TG_RARE static void fail_context(void)
{
    tg_fail_at(NULL, TG_ERROR_NULL, "backward", "the context is NULL: it is what a backward function is handed");
}

/* (As an expression, `ctx || fail_context()`, it has gcc take all of its callers for rare.) */
static inline bool has_context(const tg_context *ctx)
{
    if (!ctx) fail_context();
    return ctx != NULL;
}

const tg_op *tg_context_op(const tg_context *ctx) { return has_context(ctx) ? ctx->node->op : NULL; }
int tg_input_count(const tg_context *ctx) { return has_context(ctx) ? ctx->node->input_count : 0; }
int tg_output_count(const tg_context *ctx) { return has_context(ctx) ? ctx->node->output_count : 0; }

const void *tg_attributes(const tg_context *ctx)
{
    return has_context(ctx) ? (const char *)ctx->node + ctx->node->attributes_at : NULL;
}

/* Where the gradient of input `i` goes; NULL: there is no such input, or nobody wants its gradient. */
static inline const tgi_edge *wanted_edge(const tg_context *ctx, int i)
{
    if ((uint32_t)i >= (uint32_t)ctx->node->input_count) return NULL;
    const tgi_edge *edge = &tgi_inputs(ctx->node)[i];
    return tgi_unwanted(ctx->walk, edge) ? NULL : edge;
}

int64_t tg_output_size(const tg_context *ctx, int i, int dim)
{
    if (!has_context(ctx)) return 0;
    const tg_node *node = ctx->node;
    if (i < 0 || i >= node->output_count || dim < 0 || dim >= tgi_outputs(node)[i].ndim) return 0;
    return tgi_outputs(node)[i].dims[dim];
}

bool tg_needs_input_grad(const tg_context *ctx, int i) { return has_context(ctx) && wanted_edge(ctx, i); }

tg_shape tg_input_shape(const tg_context *ctx, int i)
{
    const tgi_edge *edge = has_context(ctx) ? wanted_edge(ctx, i) : NULL;
    if (!edge) return tg_shape();
    const tgi_target target = tgi_target_of(edge);
    return tgi_target_shape(&target);
}

/* NULL: there is no such output. */
TG_RARE static tg_tensor *zeros_of_output(const tg_node *node, int i)
{
    if (i < 0 || i >= node->output_count)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name, "backward asks for the gradient of output %d", i);
    const tg_shape shape = tg_node_output_shape(node, i);
    return tgi_new_full(&shape, (tg_dtype)tgi_outputs(node)[i].dtype, 0.0);
}

tg_tensor *tg_grad_output(tg_context *ctx, int i)
{
    if (!has_context(ctx)) return NULL;
    const bool there = (uint32_t)i < (uint32_t)ctx->node->output_count;
    tg_tensor *grad = there ? tgi_slot_of_output(ctx->walk, ctx->node, i)->grad : NULL;
    return grad ? grad : zeros_of_output(ctx->node, i);
}

bool tg_has_grad_output(const tg_context *ctx, int i)
{
    return has_context(ctx) && i >= 0 && i < ctx->node->output_count &&
           tgi_slot_of_output(ctx->walk, ctx->node, i)->grad;
}

/* The name that it has, or had before it was written in place; of a view that has none, what it is a view of. */
static const char *name_of_written(const tg_tensor *t)
{
    const char *name = tgi_name_text(t);
    for (const tg_node *node = tgi_node_of(t); !name && node && node->op->in_place_of;) {
        const tgi_edge *before = tgi_inputs(node);
        node = tgi_edge_node(before);
        name = tg_node_output_name(node, before->output);
    }
    const tg_tensor *owner = t->storage == &t->own ? NULL : tgi_owner(t->storage);
    return name || !owner || owner->alive != TGI_ALIVE ? name : tgi_name_text(owner);
}

tg_tensor *tgi_fail_written(const tg_node *node, const tg_tensor *t, int64_t version)
{
    const char *name = name_of_written(t);
    return tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, node->op->name,
        "one of the variables needed for gradient computation has been modified by an inplace operation: %s was used "
        "by %s at %s when at version %lld, and written at %s (now at version %lld)",
        name ? name : "it", node->op->name, tg_node_where(node), (long long)version,
        t->storage->written_at ? t->storage->written_at : "an unknown place", (long long)t->storage->version);
}

TG_RARE static tg_tensor *unpacked(const tg_context *ctx, const tgi_packed *packed)
{
    return packed->how->unpack(packed, ctx->node, ctx->walk->create_graph || ctx->node->op->passes_on);
}

tg_tensor *tg_saved(tg_context *ctx, int i)
{
    if (!has_context(ctx)) return NULL;
    const tg_node *node = ctx->node;
    const tgi_saved *saved = tgi_saved_of(node);
    if (i < 0 || i >= node->saved_count || !(saved[i].tensor || saved[i].packed))
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                          "backward asks for saved tensor %d, which was not saved", i);
    if (!saved[i].tensor) return unpacked(ctx, saved[i].packed);
    tg_tensor *t = saved[i].tensor;
    return t->storage->version == saved[i].version ? t : tgi_fail_written(node, t, saved[i].version);
}

/* ---- gradients of the inputs ---- */

static inline bool fits(const tgi_edge *edge, const tg_tensor *grad)
{
    const tgi_target want = tgi_target_of(edge);
    if (want.dtype != (tg_dtype)grad->dtype || want.ndim != grad->ndim) return false;
    for (int d = 0; d < want.ndim; d++)
        if (want.dims[d] != grad->dims[d]) return false;
    return true;
}

/* Brings a gradient to its input's shape. NULL, with an error recorded, when that is no broadcasting undone. */
static tg_tensor *fit(const tg_node *node, int i, tg_tensor *grad)
{
    const tgi_target target = tgi_target_of(&tgi_inputs(node)[i]);
    const tg_shape want = tgi_target_shape(&target), have = tgi_shape(grad);
    tg_shape common;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if ((tg_dtype)grad->dtype != target.dtype)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                          "backward returned a %s gradient for input %d, which is %s",
                          tg_dtype_name((tg_dtype)grad->dtype), i, tg_dtype_name(target.dtype));
    if (tg_shape_broadcast(&want, &have, &common) && tg_shape_equal(&common, &have))
        return tgi_engine->sum_to(grad, &want);
    return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                      "backward returned a gradient of shape %s for input %d of shape %s", tg_shape_text(&have, a), i,
                      tg_shape_text(&want, b));
}

static void fail_of_input(const tg_context *ctx, int i)
{
    ctx->walk->state |= TGI_FAILED_WALK;
    if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name, "backward returned NULL for input %d", i);
}

/* NULL as wanted_edge has it; an input that the op has not is an error. */
TG_RARE static void refuse_input(const tg_context *ctx, int i)
{
    if ((uint32_t)i < (uint32_t)ctx->node->input_count) return;
    tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name,
               "backward sets the gradient of input %d: there are %d inputs, counted from 0", i,
               ctx->node->input_count);
    fail_of_input(ctx, i);
}

TG_RARE static void refuse_grad(const tg_context *ctx, const tg_tensor *grad)
{
    if (has_context(ctx)) tgi_fail_handle(ctx->node->op->name, 0, grad);
}

static inline tg_tensor *fitted(const tg_context *ctx, int i, const tgi_edge *edge, tg_tensor *grad)
{
    return grad && !fits(edge, grad) ? fit(ctx->node, i, grad) : grad;
}

/* tg_set_grad_input in a walk of which somebody is told, or that has failed. */
TG_RARE __attribute__((noinline)) static void set_grad_seen(const tg_context *ctx, int i, tg_tensor *grad)
{
    tgi_walk *w = ctx->walk;
    const tgi_edge *edge = wanted_edge(ctx, i);
    if (!edge) refuse_input(ctx, i);
    if (w->state & TGI_FAILED_WALK || !edge) return;
    grad = fitted(ctx, i, edge, grad);
    if (!grad || !tgi_walk_tell_edge(w, ctx->node, i, edge, grad, NULL) || !tgi_accumulate(w, edge, grad))
        fail_of_input(ctx, i);
}

/* A NULL gradient is a failure that has been recorded; "no gradient" is not calling at all. */
void tg_set_grad_input(tg_context *ctx, int i, tg_tensor *grad)
{
    if (!ctx || (grad && grad->alive != TGI_ALIVE)) {
        refuse_grad(ctx, grad);
        return;
    }
    if (ctx->walk->state) {
        set_grad_seen(ctx, i, grad);
        return;
    }
    const tgi_edge *edge = wanted_edge(ctx, i);
    if (!edge) {
        refuse_input(ctx, i);
        return;
    }
    grad = fitted(ctx, i, edge, grad);
    if (!grad || !tgi_accumulate(ctx->walk, edge, grad)) fail_of_input(ctx, i);
}

tg_tensor *tg_grad_place(tg_context *ctx, int i)
{
    if (!has_context(ctx) || ctx->walk->state & TGI_FAILED_WALK) return NULL;
    const tgi_edge *edge = wanted_edge(ctx, i);
    return edge && edge->output >= 0 && edge->to.node->op->part ? tgi_lend_place(ctx->walk, edge) : NULL;
}

/* ---- gradients that are products (see chain.c) ---- */

static bool is_factor(const tg_tensor *t, tg_dtype dtype) { return t->ndim == 2 && (tg_dtype)t->dtype == dtype; }

/* The product of two matrices that fit together has as many columns as the target has in its last dimension. */
static bool product_fits(const tgi_target *target, const tg_product *p)
{
    int64_t numel = 1;
    for (int d = 0; d < target->ndim; d++) numel *= target->dims[d];
    if (!is_factor(p->a, target->dtype)) return false;
    const int64_t m = p->a->dims[p->transpose_a], k = p->a->dims[!p->transpose_a];
    if (!p->b) return target->ndim == 1 && m == numel;
    if (!is_factor(p->b, target->dtype) || target->ndim < 2 || p->b->dims[p->transpose_b] != k) return false;
    const int64_t n = p->b->dims[!p->transpose_b];
    return target->dims[target->ndim - 1] == n && m * n == numel;
}

static bool fail_product(const tg_context *ctx, int i, const tgi_target *target, const tg_product *p)
{
    const tg_shape want = tgi_target_shape(target), a = tgi_shape(p->a), b = p->b ? tgi_shape(p->b) : tg_shape();
    char texts[3][TG_SHAPE_TEXT];
    tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name,
               "backward returned a product of %s and %s for input %d of shape %s%s", tg_shape_text(&a, texts[0]),
               p->b ? tg_shape_text(&b, texts[1]) : "ones", i, tg_shape_text(&want, texts[2]),
               ctx->walk->create_graph ? " under create_graph, where gradients must be evaluated" : "");
    return false;
}

/* As above, a factor that is NULL while an error is pending is a failure; b may be left out otherwise. */
void tg_set_grad_input_product(tg_context *ctx, int i, tg_product product)
{
    if (!has_context(ctx)) return;
    tgi_walk *w = ctx->walk;
    const char *name = ctx->node->op->name;
    if (!tgi_handle_or_null(name, product.a) || !tgi_handle_or_null(name, product.b)) return;
    const tgi_edge *edge = wanted_edge(ctx, i);
    if (!edge) refuse_input(ctx, i);
    if (w->state & TGI_FAILED_WALK || !edge) return;
    const tgi_target target = tgi_target_of(edge);
    if (product.a && tgi_is_lent(w, product.a)) product.a = tgi_engine->clone(product.a);
    if (product.b && tgi_is_lent(w, product.b)) product.b = tgi_engine->clone(product.b);
    bool ok = product.a && tg_optional_ok(product.b);
    if (ok && (w->create_graph || !tgi_engine->add_products || !product_fits(&target, &product)))
        ok = fail_product(ctx, i, &target, &product);
    if (ok && w->state) ok = tgi_walk_tell_edge(w, ctx->node, i, edge, NULL, &product);
    tgi_slot_sum *slot = ok ? tgi_slot_of(w, edge) : NULL;
    if (!slot || !tgi_chain_add(slot, edge, ctx->node, &product)) fail_of_input(ctx, i);
}
