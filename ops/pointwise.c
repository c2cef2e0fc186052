/* pointwise.c: the rows of pointwise.def as ops on tensors.
 *
 * Each row becomes a descriptor, a function and two kinds of backward: one kernel loop (taken when create_graph is off)
 * and the same formula as ops on tensors (which can be differentiated again). Broadcasting is undone by the engine. */
#include "pointwise.h"
#include "call.h"
#include "create.h"
#include "iterate.h"
#include "promote.h"
#include "view.h"

#include <string.h>

enum { SAVE_NONE = 0, SAVE_A = 1, SAVE_B = 2, SAVE_Y = 4 };
enum { NUMERIC, FLOATING };

/* What a row says beyond its formulas; a unary op has one input. */
typedef struct pointwise {
    int index; /* in the kernel tables */
    int dtypes;
    int saves[2];      /* for the gradient of each input */
    bool passes_on[2]; /* the gradient of the input is g itself */
} pointwise;

/* ---- running a row ---- */

static const char *const not_implemented = "\"%s\" not implemented for '%s'";

/* The dtype a row computes in. */
static tg_dtype compute_dtype(const pointwise *p, tg_dtype dtype)
{
    return p->dtypes == FLOATING && !tg_dtype_is_floating(dtype) ? tg_default_dtype() : dtype;
}

static tg_tensor *unary(const char *where, const tg_op *op, tg_tensor *a)
{
    if (!tg_op_begin(where, op, tg_list(a))) return NULL;
    const pointwise *p = op->detail;
    const tg_dtype dtype = compute_dtype(p, (tg_dtype)a->dtype);
    const tgi_loop loop = tgi_kernels_get()->unary[p->index][dtype];
    if (!loop) return tg_op_fail(op, tg_list(a), not_implemented, op->name, tgi_scalar_type_name(dtype));
    if (a->dtype != dtype && !(a = tg_to(a, dtype))) return NULL;
    tg_tensor *y = tgi_new_like(a, dtype);
    if (!y) return NULL;
    tgi_iterate(loop, 2, (tg_tensor *[]){ y, a });
    const int saves = p->saves[0];
    const tg_status recorded = tg_record(op, tg_list(a), tg_list(y),
                                         tg_list(saves & SAVE_A ? a : NULL, NULL, saves & SAVE_Y ? y : NULL), NULL, 0);
    return recorded == TG_OK ? y : NULL;
}

/* The tensors among the operands, for checks and errors. */
static tg_tensor_list tensors_of(const tg_operand *operands, int count, tg_tensor **tensors)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (operands[i].kind == TG_OPERAND_TENSOR) tensors[n++] = operands[i].as.tensor;
    return (tg_tensor_list){ tensors, n };
}

static tg_shape operand_shape(const tg_operand *operand)
{
    return operand->kind == TG_OPERAND_TENSOR ? tgi_shape(operand->as.tensor) : tg_shape();
}

/* What a binary op has found out before it runs. */
typedef struct binary_call {
    tg_tensor *tensors[2]; /* the operands that are tensors */
    tg_tensor_list inputs;
    bool alike; /* two tensors of one shape and dtype: nothing to promote or broadcast */
    tg_tensor *a, *b, *y;
} binary_call;

static bool binary_begin(const char *where, const tg_op *op, const tg_operand *operands, binary_call *call)
{
    call->inputs = tensors_of(operands, 2, call->tensors);
    if (!tg_op_begin(where, op, call->inputs)) return false;
    const tg_tensor *a = call->tensors[0], *b = call->tensors[1];
    call->alike = call->inputs.count == 2 && a->dtype == b->dtype && tgi_same_shape(a, b);
    return true;
}

static tg_dtype binary_dtype(const tg_operand *operands, const binary_call *call)
{
    return call->alike ? (tg_dtype)call->tensors[0]->dtype : tgi_result_type(operands, 2);
}

/* Promotes and makes the result; `out` is its dtype. */
static bool binary_prepare(const tg_op *op, const tg_operand *operands, tg_dtype dtype, tg_dtype out, binary_call *call)
{
    if (call->alike && call->tensors[0]->dtype == dtype) {
        call->a = call->tensors[0];
        call->b = call->tensors[1];
        call->y = tgi_new_like(call->a, out);
        return call->y != NULL;
    }
    const tg_shape sa = operand_shape(&operands[0]), sb = operand_shape(&operands[1]);
    tg_shape shape;
    if (!tgi_broadcast(op, call->inputs, &sa, &sb, &shape)) return false;
    call->a = tgi_operand_to(operands[0], dtype);
    call->b = tgi_operand_to(operands[1], dtype);
    call->y = call->a && call->b ? tgi_new(&shape, out) : NULL;
    return call->y != NULL;
}

static tg_tensor *binary(const char *where, const tg_op *op, tg_operand a, tg_operand b)
{
    const tg_operand operands[] = { a, b };
    binary_call c;
    if (!binary_begin(where, op, operands, &c)) return NULL;
    const pointwise *p = op->detail;
    const tg_dtype dtype = compute_dtype(p, binary_dtype(operands, &c));
    const tgi_loop loop = tgi_kernels_get()->binary[p->index][dtype];
    if (!loop) return tg_op_fail(op, c.inputs, not_implemented, op->name, tgi_scalar_type_name(dtype));
    if (!binary_prepare(op, operands, dtype, dtype, &c)) return NULL;
    tgi_iterate(loop, 3, (tg_tensor *[]){ c.y, c.a, c.b });
    const int saves = (tgi_tracked(c.a) ? p->saves[0] : 0) | (tgi_tracked(c.b) ? p->saves[1] : 0);
    tg_tensor *saved[] = { saves & SAVE_A ? c.a : NULL, saves & SAVE_B ? c.b : NULL, saves & SAVE_Y ? c.y : NULL };
    const tg_tensor_list all_saved = { saved, saves ? 3 : 0 };
    return tg_record(op, tg_list(c.a, c.b), tg_list(c.y), all_saved, NULL, 0) == TG_OK ? c.y : NULL;
}

static tg_tensor *compare(const char *where, const tg_op *op, tg_operand a, tg_operand b)
{
    const tg_operand operands[] = { a, b };
    binary_call c;
    if (!binary_begin(where, op, operands, &c)) return NULL;
    const tg_dtype dtype = binary_dtype(operands, &c);
    if (!binary_prepare(op, operands, dtype, TG_BOOL, &c)) return NULL;
    tgi_iterate(tgi_kernels_get()->compare[((const pointwise *)op->detail)->index][dtype], 3,
                (tg_tensor *[]){ c.y, c.a, c.b });
    return c.y;
}

/* ---- backward by one loop ---- */

/* The saved tensor if `saves` asks for it. False when it was asked for and is damaged. */
static bool fetch(tg_context *ctx, int saves, int which, tg_tensor **t)
{
    *t = saves & (1 << which) ? tg_saved(ctx, which) : NULL;
    return *t || !(saves & (1 << which));
}

/* The gradient of input `i`: p = { d, g, a, y } or { d, g, a, b, y }. */
static tg_tensor *loop_gradient(tg_context *ctx, int i, tg_tensor *g)
{
    const pointwise *p = tg_context_op(ctx)->detail;
    const bool is_binary = tg_input_count(ctx) == 2;
    tg_tensor *a, *b, *y;
    if (!fetch(ctx, p->saves[i], 0, &a) || !fetch(ctx, p->saves[i], 1, &b) || !fetch(ctx, p->saves[i], 2, &y))
        return NULL;
    tg_tensor *d = tg_grad_place(ctx, i);
    if (!d || !tgi_same_shape(d, g)) d = tgi_new_like(g, (tg_dtype)g->dtype);
    if (!d) return NULL;
    const tgi_kernels *k = tgi_kernels_get();
    if (is_binary)
        tgi_iterate(k->binary_backward[p->index][i][g->dtype], 5, (tg_tensor *[]){ d, g, a, b, y });
    else
        tgi_iterate(k->unary_backward[p->index][g->dtype], 4, (tg_tensor *[]){ d, g, a, y });
    return d;
}

static void pointwise_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const pointwise *p = tg_context_op(ctx)->detail;
    for (int i = 0; i < tg_input_count(ctx); i++) {
        if (p->passes_on[i])
            tg_set_grad_input(ctx, i, g);
        else if (tg_needs_input_grad(ctx, i))
            tg_set_grad_input(ctx, i, g ? loop_gradient(ctx, i, g) : NULL);
    }
}

/* ---- backward in ops: the formulas of the table, with tensors for operands ---- */

/* A constant takes the gradient's dtype, so that nothing is promoted. */
static tg_operand like(const tg_tensor *g, tg_operand x)
{
    if (x.kind == TG_OPERAND_TENSOR || !g) return x;
    return tg_operand_tensor(tgi_operand_to(x, (tg_dtype)g->dtype));
}

#define add(x, y)       tg_add(x, y)
#define sub(x, y)       tg_sub(x, y)
#define mul(x, y)       tg_mul(x, y)
#define div(x, y)       tg_div(x, y)
#define neg(x)          tg_neg(x)
#define abs(x)          tg_abs(x)
#define pow(x, y)       tg_pow(x, y)
#define exp(x)          tg_exp(x)
#define log(x)          tg_log(x)
#define sqrt(x)         tg_sqrt(x)
#define sigmoid(x)      tg_sigmoid(x)
#define tanh(x)         tg_tanh(x)
#define eq(x, y)        tg_eq(x, y)
#define ne(x, y)        tg_ne(x, y)
#define lt(x, y)        tg_lt(x, y)
#define le(x, y)        tg_le(x, y)
#define gt(x, y)        tg_gt(x, y)
#define ge(x, y)        tg_ge(x, y)
#define select(c, x, y) tg_where_at(NULL, c, like(g, TG_OPERAND(x)), like(g, TG_OPERAND(y)))
#define num(constant)   ((double)(constant))

/* Each formula as a function of the tensors it may name. */
#define GRADIENT(name, formula)                                                                                        \
    static tg_tensor *name(tg_tensor *g, tg_tensor *a, tg_tensor *b, tg_tensor *y)                                     \
    {                                                                                                                  \
        (void)a, (void)b, (void)y;                                                                                     \
        return formula;                                                                                                \
    }
#define TG_UNARY(name, dtypes, y, da, ...)                GRADIENT(name##_da, da)
#define TG_BINARY(name, dtypes, y, da, da_saves, db, ...) GRADIENT(name##_da, da) GRADIENT(name##_db, db)
#include "pointwise.def"

#include "kernels/formula_end.h"

typedef tg_tensor *(*gradient_fn)(tg_tensor *g, tg_tensor *a, tg_tensor *b, tg_tensor *y);

static void ops_gradient(tg_context *ctx, int i, gradient_fn gradient)
{
    if (!tg_needs_input_grad(ctx, i)) return;
    const int saves = ((const pointwise *)tg_context_op(ctx)->detail)->saves[i];
    tg_tensor *g = tg_grad_output(ctx, 0), *a, *b, *y;
    const bool ok = fetch(ctx, saves, 0, &a) && fetch(ctx, saves, 1, &b) && fetch(ctx, saves, 2, &y) && g;
    tg_set_grad_input(ctx, i, ok ? gradient(g, a, b, y) : NULL);
}

/* ---- descriptors and functions ---- */

static tg_operand value_operand(const tg_value *v)
{
    switch (v->kind) {
    case TG_VALUE_INT: return tg_operand_int(v->as.integer);
    case TG_VALUE_FLOAT: return tg_operand_real(v->as.real);
    case TG_VALUE_BOOL: return tg_operand_bool(v->as.boolean);
    default: return tg_operand_tensor(v->as.tensor);
    }
}

#define PASSES_ON(formula) (sizeof(#formula) == sizeof("g"))

/* The generic call of an op on two operands. */
#define CALL_OF_TWO(name_)                                                                                             \
    static tg_tensor_list name_##_call(const tg_value *v)                                                              \
    {                                                                                                                  \
        return tgi_result(tg_##name_(value_operand(&v[0]), value_operand(&v[1])));                                     \
    }

#define TG_UNARY(name_, dtypes_, y_, da_, saves_, lo_, hi_, kinks_, doc_)                                              \
    static void name_##_backward(tg_context *ctx) { ops_gradient(ctx, 0, name_##_da); }                                \
    static tg_tensor_list name_##_call(const tg_value *v) { return tgi_result(tg_##name_(v[0].as.tensor)); }           \
    static const pointwise name_##_row = { TGI_UNARY_##name_, dtypes_, { saves_, 0 }, { PASSES_ON(da_), false } };     \
    static const tg_op op_##name_ = {                                                                                  \
        .name = #name_,                                                                                                \
        .schema = #name_ "(Tensor self) -> Tensor",                                                                    \
        .formula = "y = " #y_,                                                                                         \
        .gradient = "da = " #da_,                                                                                      \
        .doc = doc_,                                                                                                   \
        .backward = name_##_backward,                                                                                  \
        .backward_fused = pointwise_backward_fused,                                                                    \
        .kinks = kinks_,                                                                                               \
        .call = name_##_call,                                                                                          \
        .detail = &name_##_row,                                                                                        \
    };                                                                                                                 \
    tg_tensor *tg_##name_##_at(const char *where, tg_tensor *a) { return unary(where, &op_##name_, a); }

#define TG_BINARY(name_, dtypes_, y_, da_, da_saves_, db_, db_saves_, lo_, hi_, kinks_, doc_)                          \
    static void name_##_backward(tg_context *ctx)                                                                      \
    {                                                                                                                  \
        ops_gradient(ctx, 0, name_##_da);                                                                              \
        ops_gradient(ctx, 1, name_##_db);                                                                              \
    }                                                                                                                  \
    CALL_OF_TWO(name_)                                                                                                 \
    static const pointwise name_##_row = { TGI_BINARY_##name_,                                                         \
                                           dtypes_,                                                                    \
                                           { da_saves_, db_saves_ },                                                   \
                                           { PASSES_ON(da_), PASSES_ON(db_) } };                                       \
    static const tg_op op_##name_ = {                                                                                  \
        .name = #name_,                                                                                                \
        .schema = #name_ "(Scalar self, Scalar other) -> Tensor",                                                      \
        .formula = "y = " #y_,                                                                                         \
        .gradient = "da = " #da_ ", db = " #db_,                                                                       \
        .doc = doc_,                                                                                                   \
        .backward = name_##_backward,                                                                                  \
        .backward_fused = pointwise_backward_fused,                                                                    \
        .kinks = kinks_,                                                                                               \
        .call = name_##_call,                                                                                          \
        .detail = &name_##_row,                                                                                        \
    };                                                                                                                 \
    tg_tensor *tg_##name_##_at(const char *where, tg_operand a, tg_operand b)                                          \
    {                                                                                                                  \
        return binary(where, &op_##name_, a, b);                                                                       \
    }

#define TG_COMPARE(name_, y_, doc_)                                                                                    \
    CALL_OF_TWO(name_)                                                                                                 \
    static const pointwise name_##_row = { TGI_COMPARE_##name_, NUMERIC, { 0, 0 }, { false, false } };                 \
    static const tg_op op_##name_ = {                                                                                  \
        .name = #name_,                                                                                                \
        .schema = #name_ "(Scalar self, Scalar other) -> Tensor",                                                      \
        .formula = "y = " #y_,                                                                                         \
        .gradient = "none: the result is bool",                                                                        \
        .doc = doc_,                                                                                                   \
        .call = name_##_call,                                                                                          \
        .detail = &name_##_row,                                                                                        \
    };                                                                                                                 \
    tg_tensor *tg_##name_##_at(const char *where, tg_operand a, tg_operand b)                                          \
    {                                                                                                                  \
        return compare(where, &op_##name_, a, b);                                                                      \
    }

#include "pointwise.def"

/* ---- where: three operands, so not a row ---- */

static void where_backward(tg_context *ctx)
{
    tg_tensor *condition = tg_saved(ctx, 0), *g = tg_grad_output(ctx, 0);
    const tg_operand zero = like(g, tg_operand_int(0));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_where(condition, g, zero));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_where(condition, zero, g));
}

static tg_tensor_list where_call(const tg_value *v)
{
    return tgi_result(tg_where(v[0].as.tensor, value_operand(&v[1]), value_operand(&v[2])));
}

static const tg_op op_where = {
    .name = "where",
    .schema = "where(Tensor condition, Scalar self, Scalar other) -> Tensor",
    .formula = "y = a where condition, b elsewhere",
    .gradient = "da = g where condition, 0 elsewhere; db = 0 where condition, g elsewhere",
    .doc = "elements of a or b, chosen by a bool tensor",
    .backward = where_backward,
    .call = where_call,
    .samples = (const char *const[]){ "where(b(2, 3), f(2, 3), f(2, 3))", "where(b(3), f(2, 1), f(3))",
                                      "where(b(2, 1), f(3), 2.0)", "where(b(4), 1, f(4))", "where(b(), f(), f(2))",
                                      "where(b(0, 3), f(0, 3), f(3))", NULL },
    .errors =
        (const tg_error_sample[]){ { "where(f(2), f(2), f(2))",
                                     "where expected condition to be a boolean tensor, but got a tensor with dtype" },
                                   { "where(b(2), f(3), f(2))", "must match" },
                                   { NULL, NULL } },
};

tg_tensor *tg_where_at(const char *where, tg_tensor *condition, tg_operand a, tg_operand b)
{
    const tg_operand operands[] = { tg_operand_tensor(condition), a, b };
    tg_tensor *tensors[3];
    const tg_tensor_list inputs = tensors_of(operands, 3, tensors);
    if (!tg_op_begin(where, &op_where, inputs)) return NULL;
    if (condition->dtype != TG_BOOL)
        return tg_op_fail(&op_where, inputs,
                          "where expected condition to be a boolean tensor, but got a tensor with dtype %s",
                          tgi_scalar_type_name((tg_dtype)condition->dtype));
    const tg_shape sc = tgi_shape(condition), sa = operand_shape(&a), sb = operand_shape(&b);
    tg_shape shape;
    if (!tgi_broadcast(&op_where, inputs, &sa, &sb, &shape) || !tgi_broadcast(&op_where, inputs, &sc, &shape, &shape))
        return NULL;
    const tg_dtype dtype = tgi_result_type(operands + 1, 2);
    tg_tensor *x = tgi_operand_to(a, dtype), *z = tgi_operand_to(b, dtype);
    tg_tensor *y = x && z ? tgi_new(&shape, dtype) : NULL;
    if (!y) return NULL;
    tgi_iterate(tgi_kernels_get()->where[dtype], 4, (tg_tensor *[]){ y, condition, x, z });
    return tg_record(&op_where, tg_list(condition, x, z), tg_list(y), tg_list(condition), NULL, 0) == TG_OK ? y : NULL;
}

const tg_op *const tgi_ops_pointwise[] = {
#define TG_UNARY(name, ...)   &op_##name,
#define TG_BINARY(name, ...)  &op_##name,
#define TG_COMPARE(name, ...) &op_##name,
#include "pointwise.def"
    &op_where,
    NULL,
};
