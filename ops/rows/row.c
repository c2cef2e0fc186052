/* row.c: runs the rows of pointwise.def, functions.def and activation.def.
 *
 * Forward is one loop over operands that are broadcast and of one dtype. Backward is one loop too (taken when
 * create_graph is off), or the same formula as ops on tensors (which can be differentiated again). Broadcasting is undone
 * by the engine. In place, the loop's result is its first operand. */
#include "row.h"

#include "core/observe_impl.h"
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <string.h>

/* ---- dtypes, shapes and parameters ---- */

/* The dtype a row computes in. */
static tg_dtype compute_dtype(const tgi_row *row, tg_dtype dtype)
{
    if (row->dtypes == COUNTING && dtype == TG_BOOL) return TG_INT64;
    return row->dtypes == FLOATING && !tg_dtype_is_floating(dtype) ? tg_default_dtype() : dtype;
}

/* NaN, which is no bound, becomes the least integer. */
static int64_t whole(double x)
{
    if (x >= 0x1p63) return INT64_MAX;
    return x > -0x1p63 ? (int64_t)x : INT64_MIN;
}

/* The loop, with parameters of the kind it reads. */
static void iterate(const tgi_row *row, tgi_loop loop, tg_dtype dtype, int count, tg_tensor *const *t,
                    const double *parameters)
{
    int64_t integers[TGI_PARAMETERS];
    if (!parameters || tg_dtype_is_floating(dtype)) {
        tgi_iterate_with(loop, count, t, parameters);
        return;
    }
    for (int i = 0; i < row->parameters; i++) integers[i] = whole(parameters[i]);
    tgi_iterate_with(loop, count, t, integers);
}

static size_t parameters_size(const tgi_row *row) { return (size_t)row->parameters * sizeof(double); }

/* ---- forward ---- */

tg_tensor *tgi_run_unary(const char *where, const tg_op *op, tg_tensor *a, const double *parameters)
{
    if (!tg_op_begin(where, op, tg_list(a))) return NULL;
    const tgi_row *row = op->detail;
    const tg_operand operand = tg_operand_tensor(a);
    if (row->check && !row->check(op, tg_list(a), &operand, parameters)) return NULL;
    const tg_dtype dtype = compute_dtype(row, (tg_dtype)a->dtype);
    const tgi_loop loop = row->loops()->forward[dtype];
    if (!loop) return tgi_not_implemented(op, tg_list(a), op->name, dtype);
    if (a->dtype != dtype && !(a = tg_to(a, dtype))) return NULL;
    tg_tensor *y = tgi_new_like(a, row->to_bool ? TG_BOOL : dtype);
    if (!y) return NULL;
    iterate(row, loop, dtype, 2, (tg_tensor *[]){ y, a }, parameters);
    const int saves = row->saves[0];
    const tg_status recorded =
        tg_record(op, tg_list(a), tg_list(y), tg_list(saves & SAVE_A ? a : NULL, saves & SAVE_Y ? y : NULL), parameters,
                  parameters_size(row));
    return recorded == TG_OK ? y : NULL;
}

/* The dtype that operands which are not alike have in common. Numbers with a fraction are doubles where no tensor says
 * otherwise. */
static tg_dtype common_dtype(tg_tensor_list tensors, const tg_operand *operands, int inputs)
{
    bool doubles = tensors.count == 0;
    for (int i = 0; i < inputs && doubles; i++) doubles = operands[i].kind == TG_OPERAND_REAL;
    return doubles ? TG_FLOAT64 : tgi_result_type(operands, inputs);
}

/* Promotes the operands into t[1], t[2] .. and makes t[0], the result of dtype `out`. False: an error. */
__attribute__((noinline)) static bool promote(const tg_op *op, tg_tensor_list tensors, const tg_operand *operands,
                                              tg_dtype dtype, tg_dtype out, tg_tensor **t)
{
    const int inputs = ((const tgi_row *)op->detail)->inputs;
    tg_shape shape = tgi_operand_shape(&operands[0]);
    for (int i = 1; i < inputs; i++) {
        const tg_shape next = tgi_operand_shape(&operands[i]);
        if (!tgi_broadcast(op, tensors, &shape, &next, &shape)) return false;
    }
    for (int i = 0; i < inputs; i++)
        if (!(t[1 + i] = tgi_operand_to(operands[i], dtype))) return false;
    return (t[0] = tgi_new(&shape, out)) != NULL;
}

/* What the gradients of the tracked inputs need: SAVE_A and so on. */
static inline int saves_of(const tgi_row *row, tg_tensor *const *inputs, int count)
{
    int saves = SAVE_NONE;
    for (int i = 0; i < count; i++)
        if (tgi_tracked(inputs[i])) saves |= row->saves[i];
    return saves;
}

/* Records t[0] = op(t[1], t[2] ..). */
static inline tg_status record(const tg_op *op, const tgi_row *row, int inputs, tg_tensor *const *t,
                               const double *parameters)
{
    const int saves = saves_of(row, t + 1, inputs);
    tg_tensor *saved[TGI_INPUTS + 1];
    for (int i = 0; i < inputs && saves; i++) saved[i] = saves & (SAVE_A << i) ? t[1 + i] : NULL;
    saved[inputs] = saves & SAVE_Y ? t[0] : NULL;
    const tg_tensor_list all = { t + 1, inputs }, to_save = { saved, saves ? inputs + 1 : 0 };
    return tg_record(op, all, (tg_tensor_list){ t, 1 }, to_save, parameters, parameters_size(row));
}

/* tgi_run_row, whose callers know the number of inputs: the loops over them are unrolled. */
__attribute__((always_inline)) static inline tg_tensor *run(const char *where, const tg_op *op,
                                                            const tg_operand *operands, const double *parameters,
                                                            int inputs)
{
    const tgi_row *row = op->detail;
    tg_tensor *t[1 + TGI_INPUTS]; /* the result and all inputs; first those that are tensors */
    const tg_tensor_list tensors = tgi_tensors_of(operands, inputs, t + 1);
    if (!tg_op_begin(where, op, tensors)) return NULL;
    bool alike = tensors.count == inputs; /* tensors of one shape and dtype: nothing to promote or broadcast */
    for (int i = 1; i < inputs && alike; i++) alike = t[1 + i]->dtype == t[1]->dtype && tgi_same_shape(t[1 + i], t[1]);
    if (row->check && !row->check(op, tensors, operands, parameters)) return NULL;
    const tg_dtype given = alike ? (tg_dtype)t[1]->dtype : common_dtype(tensors, operands, inputs);
    const tg_dtype dtype = compute_dtype(row, given), out = row->to_bool ? TG_BOOL : dtype;
    const tgi_loop loop = row->loops()->forward[dtype];
    if (!loop) return tgi_not_implemented(op, tensors, op->name, dtype);
    if (!alike || given != dtype) {
        if (!promote(op, tensors, operands, dtype, out, t)) return NULL;
    } else if (!(t[0] = tgi_new_like(t[1], out))) {
        return NULL;
    }
    iterate(row, loop, dtype, 1 + inputs, t, parameters);
    if (!row->gradient[0]) return tgi_returns(op, t[0]);
    return record(op, row, inputs, t, parameters) == TG_OK ? t[0] : NULL;
}

tg_tensor *tgi_run_row(const char *where, const tg_op *op, const tg_operand *operands, const double *parameters)
{
    const bool binary = ((const tgi_row *)op->detail)->inputs == 2;
    return binary ? run(where, op, operands, parameters, 2) : run(where, op, operands, parameters, 3);
}

/* ---- in place ---- */

bool tgi_fits_in_place(const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    const tg_shape want = tgi_shape(a), have = tgi_shape(b);
    tg_shape common;
    char x[TG_SHAPE_TEXT], y[TG_SHAPE_TEXT];
    if (tg_shape_broadcast(&want, &have, &common) && tg_shape_equal(&common, &want)) return true;
    if (tg_shape_broadcast(&want, &have, &common))
        tg_op_fail(op, tg_list(a, b), "output with shape %s doesn't match the broadcast shape %s",
                   tg_shape_text(&want, x), tg_shape_text(&common, y));
    else
        tg_op_fail(op, tg_list(a, b), "shape %s cannot be broadcast to %s", tg_shape_text(&have, x),
                   tg_shape_text(&want, y));
    return false;
}

/* Whether a result of `dtype` may be stored in `a`: in its own category or a higher one (bool < integer < floating). False
 * with an error recorded. */
static bool can_store(const tg_op *op, tg_tensor *a, tg_dtype dtype)
{
    static const int category[TG_DTYPES] = { 2, 2, 1, 0 };
    if (category[dtype] <= category[a->dtype]) return true;
    tg_op_fail(op, tg_list(a), "result type %s can't be cast to the desired output type %s",
               tgi_scalar_type_name(dtype), tgi_type_name(a));
    return false;
}

tg_tensor *tgi_apart(tg_tensor *b, const tg_tensor *a, bool saved)
{
    if (!b || b == a || !tg_shares_storage(a, b)) return b;
    const bool same = !saved && a->ndim == b->ndim &&
                      memcmp(a->dims, b->dims, (size_t)a->ndim * sizeof *a->dims) == 0 && a->offset == b->offset &&
                      memcmp(tgi_strides(a), tgi_strides(b), (size_t)a->ndim * sizeof *tgi_strides(a)) == 0;
    return same ? b : tg_clone(b);
}

/* The other inputs, in the target's dtype and fit to be written over it; t = { a, a, b, c }. False: an error. */
static bool gather_in_place(const tg_op *op, const tg_operand *operands, tg_tensor **t)
{
    const tgi_row *row = op->detail;
    tg_tensor *a = t[0];
    for (int i = 1; i < row->inputs; i++)
        if (!(t[1 + i] = tgi_operand_to(operands[i], (tg_dtype)a->dtype))) return false;
    const int saves = saves_of(row, t + 1, row->inputs);
    for (int i = 1; i < row->inputs; i++) {
        t[1 + i] = tgi_apart(t[1 + i], a, saves & (SAVE_A << i));
        if (!t[1 + i] || !tgi_fits_in_place(op, a, t[1 + i])) return false;
    }
    for (int i = 0; i < row->inputs; i++) /* unary: the target alone */
        if ((i > 0 || row->inputs == 1) && !tg_in_place_begin(op, a, i > 0 ? t[1 + i] : NULL)) return false;
    return true;
}

/* The old value is copied only if a gradient needs it: that of the target, or of an input that is the target. */
tg_tensor *tgi_run_in_place(const char *where, const tg_op *op, const tg_operand *operands, const double *parameters)
{
    const tgi_row *row = op->detail;
    const int inputs = row->inputs;
    tg_tensor *tensors[TGI_INPUTS], *a = operands[0].as.tensor, *t[1 + TGI_INPUTS] = { a, a }, *old = NULL;
    const tg_tensor_list given = tgi_tensors_of(operands, inputs, tensors);
    if (!tg_op_begin(where, op, given) || (row->check && !row->check(op, given, operands, parameters))) return NULL;
    const tg_dtype dtype = compute_dtype(row, tgi_result_type(operands, inputs));
    if (!row->loops()->forward[dtype]) return tgi_not_implemented(op, given, op->name, dtype);
    if (!can_store(op, a, dtype) || !gather_in_place(op, operands, t)) return NULL;
    const tg_tensor_list all = { t + 1, inputs };
    const bool recorded = row->gradient[0] && tg_will_record(all);
    const int saves = recorded ? saves_of(row, t + 1, inputs) : SAVE_NONE;
    tg_tensor *saved[TGI_INPUTS + 1] = { NULL };
    bool needs_old = false;
    for (int i = 0; i < inputs; i++) needs_old |= saves & (SAVE_A << i) && t[1 + i] == a;
    if (needs_old && !(old = tg_clone(a))) return NULL;
    for (int i = 0; i < inputs; i++)
        if (saves & (SAVE_A << i)) saved[i] = t[1 + i] == a ? old : t[1 + i];
    if (saves & SAVE_Y) saved[inputs] = a;
    iterate(row, row->loops()->forward[a->dtype], (tg_dtype)a->dtype, 1 + inputs, t, parameters);
    const tg_tensor_list to_save = { saved, saves ? inputs + 1 : 0 };
    return tg_record_in_place(op, all, a, to_save, parameters, parameters_size(row)) == TG_OK ? a : NULL;
}

/* ---- once more, from the node ---- */

tg_tensor_list tgi_row_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_op *op = tg_node_op(node);
    const tgi_row *row = op->detail;
    const double *parameters = tg_node_attributes(node);
    tg_operand operands[TGI_INPUTS];
    if (row->inputs == 1) return tgi_result(tgi_run_unary(NULL, op, inputs.items[0], parameters));
    for (int i = 0; i < row->inputs; i++) operands[i] = tg_operand_tensor(inputs.items[i]);
    return tgi_result(tgi_run_row(NULL, op, operands, parameters));
}

/* ---- backward ---- */

/* The saved tensors that `saves` asks for: inputs, then the result. False when one of them is damaged. */
static bool fetch(tg_context *ctx, const tgi_row *row, int saves, tg_tensor **inputs, tg_tensor **y)
{
    for (int i = 0; i < row->inputs; i++) {
        inputs[i] = saves & (SAVE_A << i) ? tg_saved(ctx, i) : NULL;
        if (!inputs[i] && saves & (SAVE_A << i)) return false;
    }
    *y = saves & SAVE_Y ? tg_saved(ctx, row->inputs) : NULL;
    return *y || !(saves & SAVE_Y);
}

/* By one loop. */
static tg_tensor *loop_gradient(tg_context *ctx, const tgi_row *row, int i, tg_tensor *g)
{
    tg_tensor *t[TGI_MAX_OPERANDS] = { NULL, g };
    if (!fetch(ctx, row, row->saves[i], t + 2, &t[2 + row->inputs])) return NULL;
    tg_tensor *d = tg_grad_place(ctx, i);
    if (!d || !tgi_same_shape(d, g)) d = tgi_new_like(g, (tg_dtype)g->dtype);
    if (!d) return NULL;
    t[0] = d;
    tgi_iterate_with(row->loops()->backward[i][g->dtype], 3 + row->inputs, t, tg_attributes(ctx));
    return d;
}

void tgi_row_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const tgi_row *row = tg_context_op(ctx)->detail;
    for (int i = 0; i < row->inputs; i++) {
        if (row->passes_on[i])
            tg_set_grad_input(ctx, i, g);
        else if (tg_needs_input_grad(ctx, i))
            tg_set_grad_input(ctx, i, g ? loop_gradient(ctx, row, i, g) : NULL);
    }
}

/* By the formula as ops. */
void tgi_row_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const tgi_row *row = tg_context_op(ctx)->detail;
    for (int i = 0; i < row->inputs; i++) {
        tg_tensor *in[TGI_INPUTS] = { NULL }, *y;
        if (!tg_needs_input_grad(ctx, i)) continue;
        const bool ok = g && fetch(ctx, row, row->saves[i], in, &y);
        tg_set_grad_input(ctx, i, ok ? row->gradient[i](g, in[0], in[1], in[2], y, tg_attributes(ctx)) : NULL);
    }
}
