/* attention.c: scaled dot product attention.
 *
 * One node, whose loops (attention_loops.c) never hold all weights; what backward needs beside the inputs and the result
 * are two numbers for each query. With dropout it is made of other ops, as the mask of what was dropped is as large as
 * the weights anyway. */
#include "ops/attention.h"

#include "core/error.h"

#include "attention_impl.h"
#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>

/* The inputs in their order; saved are these, the result and the statistics. */
enum { QUERY, KEY, VALUE, MASK, INPUTS, RESULT = INPUTS, STATISTICS };

typedef struct attributes {
    double scale;
    bool is_causal, masked;
} attributes;

/* ---- in ops ---- */

static tg_tensor *turned(tg_tensor *t) { return tg_transpose(t, -2, -1); }

/* softmax(scale q kT + mask), zeros for a query that sees no key. */
static tg_tensor *weights_of(tg_tensor *q, tg_tensor *k, tg_tensor *mask, const attributes *a)
{
    tg_tensor *s = tg_mul(tg_matmul(q, turned(k)), a->scale);
    if (a->is_causal) {
        tg_tensor *query = tg_arange(0, tg_size(q, -2), 1), *key = tg_arange(0, tg_size(k, -2), 1);
        mask = tg_ge(tg_unsqueeze(query, 1), key);
    }
    if ((a->is_causal || a->masked) && !mask) return NULL;
    if (!mask) return tg_softmax(s, -1);
    s = mask->dtype == TG_BOOL ? tg_where(mask, s, -INFINITY) : tg_add(s, mask);
    tg_tensor *blind = tg_eq(tg_sum(tg_ne(s, -INFINITY), .dim = -1, .keepdim = true), 0);
    return tg_where(blind, 0.0, tg_softmax(tg_where(blind, 0.0, s), -1));
}

static tg_tensor *saved_mask(tg_context *ctx, const attributes *a) { return a->masked ? tg_saved(ctx, MASK) : NULL; }

static void backward(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *q = tg_saved(ctx, QUERY), *k = tg_saved(ctx, KEY),
              *v = tg_saved(ctx, VALUE);
    tg_tensor *p = weights_of(q, k, saved_mask(ctx, a), a);
    if (tg_needs_input_grad(ctx, VALUE)) tg_set_grad_input(ctx, VALUE, tg_matmul(turned(p), g));
    tg_tensor *dp = tg_matmul(g, turned(v));
    tg_tensor *ds = tg_mul(p, tg_sub(dp, tg_sum(tg_mul(dp, p), .dim = -1, .keepdim = true)));
    if (tg_needs_input_grad(ctx, MASK)) tg_set_grad_input(ctx, MASK, ds);
    if (tg_needs_input_grad(ctx, QUERY)) tg_set_grad_input(ctx, QUERY, tg_mul(tg_matmul(ds, k), a->scale));
    if (tg_needs_input_grad(ctx, KEY)) tg_set_grad_input(ctx, KEY, tg_mul(tg_matmul(turned(ds), q), a->scale));
}

/* ---- by loops ---- */

/* The leading dimensions of the result: what those of all inputs are broadcast to. */
static bool batches_of(tg_tensor_list inputs, tg_shape *batch)
{
    *batch = tg_shape();
    for (int i = 0; i < MASK; i++) {
        tg_shape own = tgi_shape(inputs.items[i]);
        own.ndim -= 2;
        if (!tgi_broadcast(&tgi_op_attention, inputs, batch, &own, batch)) return false;
    }
    return true;
}

/* `batch` and two dimensions more. */
static tg_shape with_matrix(tg_shape batch, int64_t rows, int64_t columns)
{
    batch.dims[batch.ndim++] = rows;
    batch.dims[batch.ndim++] = columns;
    return batch;
}

static tgi_attention loops_of(const attributes *a, tg_tensor *q, tg_tensor *k, tg_tensor *v, tg_tensor *mask,
                              const tg_shape *batch, tg_tensor *statistics)
{
    tgi_attention w = { .batch_dims = batch->ndim,
                        .batches = tg_shape_numel(batch),
                        .queries = q->dims[q->ndim - 2],
                        .keys = k->dims[k->ndim - 2],
                        .size = q->dims[q->ndim - 1],
                        .value_size = v->dims[v->ndim - 1],
                        .dtype = q->dtype,
                        .element = (int64_t)tgi_element_size(q),
                        .scale = a->scale,
                        .causal = a->is_causal,
                        .mask_is_bool = mask && mask->dtype == TG_BOOL,
                        .most = tgi_ptr(statistics) };
    for (int d = 0; d < batch->ndim; d++) w.batch[d] = batch->dims[d];
    if (w.most) w.part = w.most + w.batches * w.queries;
    w.q = tgi_attention_matrices(&w, q);
    w.k = tgi_attention_matrices(&w, k);
    w.v = tgi_attention_matrices(&w, v);
    if (mask) w.mask = tgi_attention_matrices(&w, mask);
    return w;
}

static bool out_of_memory(void)
{
    tg_fail_at(NULL, TG_ERROR_MEMORY, tgi_op_attention.name,
               "out of memory: a block of weights could not be allocated");
    return false;
}

static tg_tensor *attend(tg_tensor_list inputs, const attributes *a, const tg_shape *batch)
{
    tg_tensor *q = inputs.items[QUERY], *k = inputs.items[KEY], *v = inputs.items[VALUE], *mask = inputs.items[MASK];
    const tg_shape shape = with_matrix(*batch, q->dims[q->ndim - 2], v->dims[v->ndim - 1]);
    const tg_shape two = tg_shape(2, tg_shape_numel(batch) * q->dims[q->ndim - 2]);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)q->dtype), *statistics = y ? tgi_own(tgi_new(&two, TG_FLOAT64)) : NULL;
    if (!statistics) return NULL;
    tgi_attention w = loops_of(a, q, k, v, mask, batch, statistics);
    w.y = tgi_ptr(y);
    bool ok = true;
    if (w.keys == 0)
        tgi_fill(y, 0);
    else if (y->numel > 0 && !tgi_attention_forward(&w))
        ok = out_of_memory();
    ok = ok &&
         tg_record(&tgi_op_attention, inputs, tg_list(y), tg_list(q, k, v, mask, y, statistics), a, sizeof *a) == TG_OK;
    tgi_unref(statistics);
    return ok ? y : NULL;
}

/* A new gradient of an input, in the broadcast shape, if it is needed. */
static bool make_gradient(tg_context *ctx, int input, const tg_shape *shape, tg_dtype dtype, tg_tensor **gradient)
{
    *gradient = NULL;
    if (!tg_needs_input_grad(ctx, input)) return true;
    *gradient = tgi_new(shape, dtype);
    return *gradient != NULL;
}

/* The loops of `w` with the gradient `g` of their result; into zeros where there is nothing to loop over. */
static bool run_backward(tgi_attention *w, tg_tensor *g, tg_tensor *const grads[MASK])
{
    const tg_shape each = tg_shape(w->queries);
    if (w->batches * w->queries * w->keys == 0 || w->value_size == 0) {
        for (int i = 0; i < MASK; i++)
            if (grads[i]) tgi_fill(grads[i], 0);
        return true;
    }
    const tg_shape all = tg_shape(w->batches, each.dims[0]);
    tg_tensor *dot = tgi_own(tgi_new(&all, TG_FLOAT64)), *c = tgi_own_contiguous(g);
    bool ok = dot && c;
    if (ok) {
        w->dot = tgi_ptr(dot);
        w->g = tgi_attention_matrices(w, c);
        w->dq = grads[QUERY] ? tgi_ptr(grads[QUERY]) : NULL;
        w->dk = grads[KEY] ? tgi_ptr(grads[KEY]) : NULL;
        w->dv = grads[VALUE] ? tgi_ptr(grads[VALUE]) : NULL;
        ok = tgi_attention_backward(w) || out_of_memory();
    }
    tgi_unref(dot);
    tgi_unref(c);
    return ok;
}

static void backward_fused(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    if (tg_needs_input_grad(ctx, MASK)) { /* as large as the weights */
        backward(ctx);
        return;
    }
    tg_tensor *g = tg_grad_output(ctx, 0), *mask = saved_mask(ctx, a), *grads[MASK];
    tg_tensor *q = tg_saved(ctx, QUERY), *k = tg_saved(ctx, KEY), *v = tg_saved(ctx, VALUE);
    tg_tensor *y = tg_saved(ctx, RESULT), *statistics = tg_saved(ctx, STATISTICS);
    if (!g || !q || !k || !v || !y || !statistics || (a->masked && !mask)) return;
    tg_shape batch = tgi_shape(y);
    batch.ndim -= 2;
    tgi_attention w = loops_of(a, q, k, v, mask, &batch, statistics);
    w.result = tgi_attention_matrices(&w, y);
    const tg_shape like_q = with_matrix(batch, w.queries, w.size), like_k = with_matrix(batch, w.keys, w.size);
    const tg_shape like_v = with_matrix(batch, w.keys, w.value_size);
    const tg_dtype dtype = (tg_dtype)q->dtype;
    bool ok = make_gradient(ctx, QUERY, &like_q, dtype, &grads[QUERY]);
    ok = ok && make_gradient(ctx, KEY, &like_k, dtype, &grads[KEY]);
    ok = ok && make_gradient(ctx, VALUE, &like_v, dtype, &grads[VALUE]) && run_backward(&w, g, grads);
    for (int i = 0; ok && i < MASK; i++)
        if (grads[i]) tg_set_grad_input(ctx, i, grads[i]);
}

/* ---- checks ---- */

/* "float", "long int": a dtype as PyTorch's dispatcher prints it. */
static bool dtypes_fit(tg_tensor_list inputs)
{
    const tg_tensor *q = inputs.items[QUERY], *k = inputs.items[KEY], *v = inputs.items[VALUE],
                    *mask = inputs.items[MASK];
    if (q->dtype != k->dtype || q->dtype != v->dtype)
        tg_op_fail(&tgi_op_attention, inputs,
                   "Expected query, key, and value to have the same dtype, but got query.dtype: %s key.dtype: %s and "
                   "value.dtype: %s instead.",
                   tgi_c_type_name((tg_dtype)q->dtype), tgi_c_type_name((tg_dtype)k->dtype),
                   tgi_c_type_name((tg_dtype)v->dtype));
    else if (mask && mask->dtype != TG_BOOL && mask->dtype != q->dtype)
        tg_op_fail(&tgi_op_attention, inputs,
                   "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: %s "
                   "and  query.dtype: %s instead.",
                   tgi_c_type_name((tg_dtype)mask->dtype), tgi_c_type_name((tg_dtype)q->dtype));
    else if (!tgi_is_floating(q))
        tgi_expected_type(&tgi_op_attention, inputs, TG_FLOAT32, q->dtype);
    else
        return true;
    return false;
}

/* The inner sizes of the two products. */
static bool matrices_fit(tg_tensor_list inputs)
{
    const tg_tensor *q = inputs.items[QUERY], *k = inputs.items[KEY], *v = inputs.items[VALUE];
    const int64_t *a = q->dims + q->ndim - 2, *b = k->dims + k->ndim - 2, *c = v->dims + v->ndim - 2;
    if (a[1] == b[1] && b[0] == c[0]) return true;
    const bool scores = a[1] != b[1];
    tg_op_fail(&tgi_op_attention, inputs, "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld): %s",
               (long long)a[0], (long long)(scores ? a[1] : b[0]), (long long)(scores ? b[1] : c[0]),
               (long long)(scores ? b[0] : c[1]),
               scores ? "key needs rows as long as query's" : "value needs as many rows as key");
    return false;
}

/* The mask can be added to the scores in place. */
static bool mask_fits(tg_tensor_list inputs, const tg_shape *batch)
{
    const tg_tensor *q = inputs.items[QUERY], *k = inputs.items[KEY], *mask = inputs.items[MASK];
    if (!mask) return true;
    const tg_shape scores = with_matrix(*batch, q->dims[q->ndim - 2], k->dims[k->ndim - 2]), own = tgi_shape(mask);
    tg_shape both;
    if (!tgi_broadcast(&tgi_op_attention, inputs, &scores, &own, &both)) return false;
    if (tg_shape_equal(&both, &scores)) return true;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    tg_op_fail(&tgi_op_attention, inputs, "output with shape %s doesn't match the broadcast shape %s",
               tg_shape_text(&scores, a), tg_shape_text(&both, b));
    return false;
}

static bool check(tg_tensor_list inputs, const tg_attention_options *o, tg_shape *batch)
{
    const tg_tensor *q = inputs.items[QUERY], *k = inputs.items[KEY], *v = inputs.items[VALUE];
    if (o->attn_mask && o->is_causal) {
        tg_op_fail(&tgi_op_attention, inputs,
                   "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True");
        return false;
    }
    if (q->ndim < 2 || k->ndim < 2 || v->ndim < 2) {
        tg_op_fail(
            &tgi_op_attention, inputs,
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: %d key.dim: %d "
            "and value.dim: %d instead.",
            q->ndim, k->ndim, v->ndim);
        return false;
    }
    return dtypes_fit(inputs) && matrices_fit(inputs) && batches_of(inputs, batch) && mask_fits(inputs, batch);
}

/* ---- the op ---- */

tg_tensor *tg_scaled_dot_product_attention_at(const char *where, tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                              tg_attention_options o)
{
    if (!tg_op_begin(where, &tgi_op_attention, tg_list(query, key, value)) || !tg_optional_ok(o.attn_mask)) return NULL;
    const tg_tensor_list inputs = tg_list(query, key, value, o.attn_mask);
    tg_shape batch;
    if (!check(inputs, &o, &batch)) return NULL;
    const double scale = o.scale == TG_DEFAULT_SCALE ? 1 / sqrt((double)query->dims[query->ndim - 1]) : o.scale;
    const attributes a = { scale, o.is_causal, o.attn_mask != NULL };
    if (o.dropout_p == 0) return attend(inputs, &a, &batch);
    return tg_matmul(tg_dropout(weights_of(query, key, o.attn_mask, &a), .p = o.dropout_p), value);
}

static tg_tensor_list attention_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    return tgi_result(tg_scaled_dot_product_attention(inputs.items[0], inputs.items[1], inputs.items[2],
                                                      .attn_mask = inputs.items[3], .is_causal = a->is_causal,
                                                      .scale = a->scale));
}

static tg_tensor_list attention_call(const tg_value *args)
{
    tg_attention_options o = { .attn_mask = args[3].kind == TG_VALUE_TENSOR ? args[3].as.tensor : NULL,
                               .dropout_p = args[4].as.real,
                               .is_causal = args[5].as.boolean,
                               .scale = args[6].kind == TG_VALUE_FLOAT ? args[6].as.real : TG_DEFAULT_SCALE };
    return tgi_result(
        tg_scaled_dot_product_attention_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.tensor, o));
}

static const char *const attention_samples[] = {
    "scaled_dot_product_attention(f(3, 2), f(4, 2), f(4, 3))",
    "scaled_dot_product_attention(f(2, 3, 4), f(2, 3, 4), f(2, 3, 4), is_causal=True)",
    "scaled_dot_product_attention(f(2, 2, 3, 2), f(2, 2, 4, 2), f(2, 2, 4, 2))",
    "scaled_dot_product_attention(f(3, 1, 3, 2), f(2, 4, 2), f(3, 1, 4, 2), scale=0.3)",
    "scaled_dot_product_attention(f(3, 2), f(4, 2), f(4, 3), f(3, 4))",
    "scaled_dot_product_attention(f(2, 3, 2), f(2, 4, 2), f(2, 4, 3), f(4))",
    "scaled_dot_product_attention(f(2, 3, 2), f(2, 4, 2), f(2, 4, 3), f(2, 3, 1, grad=False))",
    "scaled_dot_product_attention(f(3, 2), f(5, 2), f(5, 3), ge(f(3, 5, lo=-1, hi=1.5, grad=False), 0.0))",
    "scaled_dot_product_attention(f(2, 3, 2), f(2, 2, 2), f(2, 2, 2), is_causal=True)",
    "scaled_dot_product_attention(f(2, 2), f(4, 2), f(4, 1), is_causal=True, scale=-1.0)",
    "scaled_dot_product_attention(f(3, 2), f(4, 2), f(4, 3), dropout_p=0.4)",
    "scaled_dot_product_attention(f(3, 2, grad=False), f(4, 2), f(4, 3, grad=False))",
    "scaled_dot_product_attention(f(1, 1), f(1, 1), f(1, 1))",
    "scaled_dot_product_attention(f(0, 2), f(4, 2), f(4, 3))",
    "scaled_dot_product_attention(f(3, 2), f(0, 2), f(0, 3))",
    "scaled_dot_product_attention(f(0, 3, 2), f(0, 4, 2), f(0, 4, 3))",
    NULL
};
static const char *const attention_corners[] = {
    "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), ge(f(2, 3, lo=-2, hi=-1, grad=False), 0.0))",
    "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), mul(v(0, -inf, 0.5, grad=False), 1.0))", NULL
};
static const tg_error_sample attention_errors[] = {
    { "scaled_dot_product_attention(f(2), f(3, 2), f(3, 2))",
      "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: 1 key.dim: 2 and value.dim: 2 "
      "instead." },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), i(3, 2))",
      "Expected query, key, and value to have the same dtype, but got query.dtype: double key.dtype: double and "
      "value.dtype: long int instead." },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), i(2, 3))",
      "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: long int and  "
      "query.dtype: double instead." },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), b(2, 3), is_causal=True)",
      "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True" },
    { "scaled_dot_product_attention(f(2, 2), f(3, 4), f(3, 2))",
      "mat1 and mat2 shapes cannot be multiplied (2x2 and 4x3)" },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), f(4, 2))",
      "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x2)" },
    { "scaled_dot_product_attention(f(2, 4, 2), f(3, 4, 2), f(4, 2))",
      "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0" },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), b(2, 2))",
      "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1" },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), b(4, 2, 3))",
      "output with shape [2, 3] doesn't match the broadcast shape [4, 2, 3]" },
    { "scaled_dot_product_attention(f(2, 2), f(3, 2), f(3, 2), dropout_p=1.5)",
      "dropout probability has to be between 0 and 1, but got 1.5" },
    { "scaled_dot_product_attention(i(2, 2), i(3, 2), i(3, 2))", "expected scalar type Float but found Long" },
    { NULL, NULL }
};

/* The products of queries and keys and of weights and values, and a softmax. Backward computes the weights anew, and their
 * gradient, which both queries and keys need. */
static double flops(const tg_computed *call, int input)
{
    const tg_tensor *q = call->inputs.items[0], *k = call->inputs.items[1];
    const double keys = (double)k->dims[k->ndim - 2], weights = (double)q->numel / (double)q->dims[q->ndim - 1] * keys;
    const double scores = 2 * (double)q->numel * keys, values = 2 * tgi_elements_out(call) * keys;
    switch (input) {
    case -1: return scores + values + 4 * weights;
    case 0: return 2 * scores + values + 4 * weights;
    case 1: return scores;
    case 2: return values;
    default: return weights;
    }
}

const tg_op tgi_op_attention = {
    .name = "scaled_dot_product_attention",
    .schema = "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, "
              "float dropout_p=0.0, bool is_causal=False, *, float? scale=None) -> Tensor",
    .formula = "y = p v, p = softmax(scale q kT + mask)",
    .gradient = "dv = pT g; with h = g vT and d = p (h - the sum of h p along a row): dmask = d, dq = scale d k, "
                "dk = scale dT q",
    .doc = "Each query takes the mean of the values, weighted by how its key fits.",
    .shapes = "[*, L, E], [*, S, E], [*, S, Ev] and a mask [*, L, S] to [*, L, Ev]",
    .backward = backward,
    .backward_fused = backward_fused,
    .flops = flops,
    .call = attention_call,
    .again = attention_again,
    .samples = attention_samples,
    .corners = attention_corners,
    .errors = attention_errors,
};
