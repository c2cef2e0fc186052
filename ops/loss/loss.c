/* loss.c: what losses have in common, and the rows of loss.def as ops.
 *
 * Built for a loss at the end of each training step: one node on the tape, one pass over the inputs, sums that are
 * pairwise. A row becomes a loop (forward, and backward when create_graph is off) and the same gradient in ops on
 * tensors, which can be differentiated again. */
#include "loss_impl.h"

#include "core/error.h"
#include "ops/create.h"
#include "ops/functions.h"
#include "ops/pointwise.h"
#include "ops/base/call.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/reduce/reduce_impl.h"
#include "ops/view.h"

#include <string.h>

/* ---- reductions ---- */

bool tgi_reduction_ok(const tg_op *op, tg_tensor_list inputs, tg_reduction r)
{
    if (r == TG_REDUCTION_NONE || r == TG_REDUCTION_MEAN || r == TG_REDUCTION_SUM) return true;
    if (r == TG_REDUCTION_BATCHMEAN)
        tg_op_fail(op, inputs, "batchmean is not a valid value for reduction");
    else
        tg_op_fail(op, inputs, "%d is not a valid value for reduction", (int)r);
    return false;
}

bool tgi_reduction_named(const tg_op *op, const char *name, tg_reduction *r)
{
    static const char *const names[] = { "none", "mean", "sum", "batchmean" };
    for (int i = 0; name && i < 4; i++) {
        *r = (tg_reduction)i;
        if (strcmp(name, names[i]) == 0) return true;
    }
    tg_op_fail(op, TG_NONE, "%s is not a valid value for reduction", name ? name : "None");
    return false;
}

tg_tensor *tgi_reduced(tg_tensor *each, tg_reduction r)
{
    return r == TG_REDUCTION_NONE ? each : r == TG_REDUCTION_SUM ? tg_sum(each) : tg_mean(each);
}

/* ---- checks ---- */

void tgi_warn_of_sizes(const char *where, const tg_tensor *input, const tg_tensor *target)
{
    const tg_shape x = tgi_shape(input), t = tgi_shape(target);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (tg_shape_equal(&x, &t)) return;
    tg_warn_at(
        where ? where : tgi_where(),
        "Using a target size (torch.Size(%s)) that is different to the input size (torch.Size(%s)). This will likely lead to "
        "incorrect results due to broadcasting. Please ensure they have the same size.",
        tg_shape_text(&t, a), tg_shape_text(&x, b));
}

bool tgi_constant_ok(const tg_op *op, tg_tensor_list inputs, const char *function, const char *argument,
                     const tg_tensor *t)
{
    if (!t || !tg_is_grad_enabled() || !tg_requires_grad(t)) return true;
    tg_op_fail(op, inputs,
               "The function '%s' is not differentiable with respect to argument '%s'. This input cannot have "
               "requires_grad True.",
               function, argument);
    return false;
}

bool tgi_fits_into(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const tg_shape *shape)
{
    const tg_shape own = tgi_shape(t);
    tg_shape common;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!tgi_broadcast(op, inputs, shape, &own, &common)) return false;
    if (tg_shape_equal(&common, shape)) return true;
    tg_op_fail(op, inputs, "output with shape %s doesn't match the broadcast shape %s", tg_shape_text(shape, a),
               tg_shape_text(&common, b));
    return false;
}

/* ---- the rows ---- */

#define ROWS "ops/loss.def"
#include "ops/rows/rows_gradients.inc"

#define TG_LOSS(name_, ...)                                                                                            \
    static const tgi_row_loops *name_##_loops(void) { return TGI_ROW(loss, name_); }                                   \
    const tgi_row tgi_loss_##name_ = { .loops = name_##_loops, .inputs = 3, .gradient = { name_##_da, name_##_db } };
#include ROWS

/* ---- running a row ---- */

typedef struct row_attributes {
    const tgi_row *row;
    bool has_parameter;
    double scale; /* what each element's gradient is multiplied by: 1/n for the mean */
    tg_shape shape;
} row_attributes;

static tg_dtype common_dtype(const tg_tensor *a, const tg_tensor *b)
{
    return tg_promote_types((tg_dtype)a->dtype, (tg_dtype)b->dtype);
}

tg_tensor *tgi_row_parameter(const tg_tensor *a, const tg_tensor *b, double value)
{
    return tgi_new_full(&tg_shape(), common_dtype(a, b), value);
}

/* The loss of each element, reduced. Raw. */
static tg_tensor *row_forward(const tgi_row *row, tg_tensor *a, tg_tensor *b, tg_tensor *p, const tg_shape *shape,
                              tg_reduction r)
{
    tg_tensor *each = tgi_new(shape, (tg_dtype)a->dtype);
    if (!each) return NULL;
    if (r != TG_REDUCTION_NONE) each = tgi_own(each);
    tgi_iterate(row->loops()->forward[each->dtype], 4, (tg_tensor *[]){ each, a, b, p });
    if (r == TG_REDUCTION_NONE) return each;
    tg_tensor *y = tgi_sum_all_raw(each, r == TG_REDUCTION_MEAN);
    tgi_unref(each);
    return y;
}

tg_tensor *tgi_row_loss(const tg_op *op, const tgi_row *row, tg_tensor *a, tg_tensor *b, tg_tensor *parameter,
                        tg_reduction r)
{
    const tg_dtype dtype = common_dtype(a, b);
    const tg_shape sa = tgi_shape(a), sb = tgi_shape(b);
    row_attributes attributes = { .row = row, .has_parameter = parameter != NULL, .scale = 1 };
    if (!tgi_broadcast(op, tg_list(a, b), &sa, &sb, &attributes.shape)) return NULL;
    a = tg_to(a, dtype);
    b = tg_to(b, dtype);
    if (!a || !b) return NULL;
    tg_tensor *y = row_forward(row, a, b, parameter, &attributes.shape, r);
    if (!y) return NULL;
    if (r == TG_REDUCTION_MEAN) attributes.scale = 1.0 / (double)tg_shape_numel(&attributes.shape);
    return tg_record(op, tg_list(a, b), tg_list(y), tg_list(a, b, parameter), &attributes, sizeof attributes) == TG_OK
               ? y
               : NULL;
}

tg_tensor_list tgi_row_loss_again(const tg_node *node, tg_tensor_list inputs)
{
    const row_attributes *a = tg_node_attributes(node);
    const tg_shape made = tg_node_output_shape(node, 0);
    const tg_reduction whole = a->scale == 1 ? TG_REDUCTION_SUM : TG_REDUCTION_MEAN; /* alike of one element */
    const tg_reduction r = tg_shape_equal(&made, &a->shape) ? TG_REDUCTION_NONE : whole;
    tg_tensor *parameter = a->has_parameter ? tgi_saved_again(node, 2, inputs.items[0]) : NULL;
    return tgi_result(tgi_row_loss(tg_node_op(node), a->row, inputs.items[0], inputs.items[1], parameter, r));
}

/* ---- its gradients ---- */

/* The gradient of each element's loss. */
static tg_tensor *scaled(tg_context *ctx)
{
    const row_attributes *r = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    return r->scale == 1 ? g : tg_mul(g, r->scale);
}

void tgi_row_loss_backward(tg_context *ctx)
{
    const row_attributes *r = tg_attributes(ctx);
    tg_tensor *g = tg_expand(scaled(ctx), r->shape);
    tg_tensor *a = tg_saved(ctx, 0), *b = tg_saved(ctx, 1), *p = r->has_parameter ? tg_saved(ctx, 2) : NULL;
    for (int i = 0; g && i < 2; i++)
        if (tg_needs_input_grad(ctx, i)) tg_set_grad_input(ctx, i, r->row->gradient[i](g, a, b, p, NULL, NULL));
}

void tgi_row_loss_backward_fused(tg_context *ctx)
{
    const row_attributes *r = tg_attributes(ctx);
    tg_tensor *g = scaled(ctx), *a = tg_saved(ctx, 0), *b = tg_saved(ctx, 1);
    tg_tensor *p = r->has_parameter ? tg_saved(ctx, 2) : NULL;
    if (!g || !a || !b || (r->has_parameter && !p)) return;
    for (int i = 0; i < 2; i++) {
        if (!tg_needs_input_grad(ctx, i)) continue;
        tg_tensor *d = tg_grad_place(ctx, i);
        const tg_shape place = d ? tgi_shape(d) : tg_shape();
        if (!d || !tg_shape_equal(&place, &r->shape)) d = tgi_new(&r->shape, (tg_dtype)g->dtype);
        if (d) tgi_iterate(r->row->loops()->backward[i][g->dtype], 6, (tg_tensor *[]){ d, g, a, b, p, NULL });
        tg_set_grad_input(ctx, i, d);
    }
}

/* ---- the family ---- */
