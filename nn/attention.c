/* attention.c: MultiheadAttention, written in ops.
 *
 * Inside, q, k and v are [N, num_heads, T, head_dim], views of what the projections made; masks broadcast to
 * [N, num_heads, L, S]. */
#include "attention.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/attention.h"
#include "ops/dropout.h"
#include "ops/extremes.h"
#include "ops/join.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/rearrange.h"
#include "ops/reduce.h"
#include "ops/view.h"
#include "init.h"
#include "module_hooks_impl.h"

#include <math.h>

static const tg_op op = { .name = "MultiheadAttention" };

/* ---- making ---- */

static bool sizes_ok(const char *where, int64_t embed_dim, int64_t num_heads)
{
    if (embed_dim <= 0 || num_heads <= 0)
        tg_fail_at(where, TG_ERROR_VALUE, op.name,
                   "embed_dim and num_heads must be greater than 0, got embed_dim=%lld and num_heads=%lld instead",
                   (long long)embed_dim, (long long)num_heads);
    else if (embed_dim % num_heads != 0)
        tg_fail_at(where, TG_ERROR_VALUE, op.name, "embed_dim must be divisible by num_heads");
    else if (embed_dim > INT64_MAX / 3) /* in_proj_weight has three times as many rows */
        tg_fail_at(where, TG_ERROR_VALUE, op.name, "embed_dim %lld is too large", (long long)embed_dim);
    else
        return true;
    return false;
}

/* The parameters of the struct itself, in PyTorch's order, not drawn yet but for the bias's zeros. */
static void make_parameters(tg_multihead_attention *m, const tg_multihead_attention_options *o, int64_t kdim,
                            int64_t vdim)
{
    const int64_t e = m->embed_dim;
    if (kdim == e && vdim == e) {
        TG_PARAMETER(m, in_proj_weight, tg_empty(tg_shape(3 * e, e), .dtype = o->dtype));
    } else {
        TG_PARAMETER(m, q_proj_weight, tg_empty(tg_shape(e, e), .dtype = o->dtype));
        TG_PARAMETER(m, k_proj_weight, tg_empty(tg_shape(e, kdim), .dtype = o->dtype));
        TG_PARAMETER(m, v_proj_weight, tg_empty(tg_shape(e, vdim), .dtype = o->dtype));
    }
    if (o->bias) TG_PARAMETER(m, in_proj_bias, tg_zeros(tg_shape(3 * e), .dtype = o->dtype));
    if (!o->add_bias_kv) return;
    TG_PARAMETER(m, bias_k, tg_empty(tg_shape(1, 1, e), .dtype = o->dtype));
    TG_PARAMETER(m, bias_v, tg_empty(tg_shape(1, 1, e), .dtype = o->dtype));
}

/* The order of PyTorch's random numbers: out_proj has drawn before. */
static void draw_parameters(tg_multihead_attention *m)
{
    tg_tensor *const weights[] = { m->in_proj_weight, m->q_proj_weight, m->k_proj_weight, m->v_proj_weight };
    for (int i = 0; i < 4; i++)
        if (weights[i]) tg_init_xavier_uniform_(weights[i]);
    if (m->in_proj_bias && m->out_proj) tg_init_zeros_(m->out_proj->bias);
    if (m->bias_k) tg_init_xavier_normal_(m->bias_k);
    if (m->bias_v) tg_init_xavier_normal_(m->bias_v);
}

tg_multihead_attention *tg_multihead_attention_new_at(const char *where, int64_t embed_dim, int64_t num_heads,
                                                      tg_multihead_attention_options options)
{
    if (!sizes_ok(where, embed_dim, num_heads)) return NULL;
    tg_multihead_attention *m = TGI_MODULE_NEW(where, tg_multihead_attention, .name = op.name);
    if (!m) return NULL;
    tg_scope scope = tg_scope_begin();
    m->embed_dim = embed_dim;
    m->num_heads = num_heads;
    m->head_dim = embed_dim / num_heads;
    m->dropout = options.dropout;
    m->base.base.has_modes = options.dropout > 0;
    m->add_zero_attn = options.add_zero_attn;
    m->batch_first = options.batch_first;
    make_parameters(m, &options, options.kdim == TG_EMBED_DIM ? embed_dim : options.kdim,
                    options.vdim == TG_EMBED_DIM ? embed_dim : options.vdim);
    TG_SUBMODULE(m, out_proj, tg_linear_new(embed_dim, embed_dim, .bias = options.bias, .dtype = options.dtype));
    if (m->out_proj) m->out_proj->base.base.name = "NonDynamicallyQuantizableLinear"; /* PyTorch's, as it prints */
    draw_parameters(m);
    tg_scope_end(scope);
    return m;
}

/* ---- a call ---- */

typedef struct call {
    const tg_multihead_attention *m;
    tg_tensor *query, *key, *value;
    tg_tensor *key_padding_mask, *attn_mask; /* may be NULL */
    bool batched;
    int batch, time;       /* the dimensions of query, key and value */
    bool one_source, self; /* key is value; and query, too */
    int64_t n, l, s;       /* samples, queries, keys */
} call;

#define INPUTS(c) tg_list((c)->query, (c)->key, (c)->value)

/* Sizes as Python prints a tensor's shape. */
typedef struct size_text {
    char text[TG_SHAPE_TEXT + 16];
} size_text;
static size_text size_of(const tg_tensor *t)
{
    char list[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(t);
    size_text size;
    snprintf(size.text, sizeof size.text, "torch.Size(%s)", tg_shape_text(&shape, list));
    return size;
}

/* All are batched, or none is. */
static bool dims_ok(const call *c)
{
    const tg_tensor *padding = c->key_padding_mask, *mask = c->attn_mask;
    const int dims = c->query->ndim;
    const char *batched = dims == 3 ? "batched" : "unbatched";
    if (dims != 2 && dims != 3)
        tg_op_fail(&op, INPUTS(c), "query should be unbatched 2D or batched 3D tensor but received %d-D query tensor",
                   dims);
    else if (c->key->ndim != dims || c->value->ndim != dims)
        tg_op_fail(&op, INPUTS(c),
                   "For %s (%d-D) `query`, expected `key` and `value` to be %d-D but found %d-D and %d-D tensors "
                   "respectively",
                   batched, dims, dims, c->key->ndim, c->value->ndim);
    else if (padding && padding->ndim != dims - 1)
        tg_op_fail(&op, INPUTS(c),
                   "For %s (%d-D) `query`, expected `key_padding_mask` to be `None` or %d-D but found %d-D tensor "
                   "instead",
                   batched, dims, dims - 1, padding->ndim);
    else if (mask && mask->ndim != 2 && mask->ndim != 3)
        tg_op_fail(&op, INPUTS(c),
                   "For %s (%d-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found %d-D tensor instead",
                   batched, dims, mask->ndim);
    else
        return true;
    return false;
}

/* query, key and value have their batch dimension. */
static bool sizes_fit(const call *c)
{
    const int64_t *q = c->query->dims, *k = c->key->dims, *v = c->value->dims;
    const bool packed = c->m->in_proj_weight;
    if (q[2] != c->m->embed_dim)
        tg_op_fail(&op, INPUTS(c), "was expecting embedding dimension of %lld, but got %lld",
                   (long long)c->m->embed_dim, (long long)q[2]);
    else if (packed && (k[0] != v[0] || k[1] != v[1] || k[2] != v[2]))
        tg_op_fail(&op, INPUTS(c), "key shape %s does not match value shape %s", size_of(c->key).text,
                   size_of(c->value).text);
    else if (k[0] != v[0] || k[1] != v[1])
        tg_op_fail(&op, INPUTS(c), "key's sequence and batch dims of %s do not match value's of %s",
                   size_of(c->key).text, size_of(c->value).text);
    else if (q[c->batch] != k[c->batch])
        tg_op_fail(&op, INPUTS(c), "query has a batch of %lld, key one of %lld", (long long)q[c->batch],
                   (long long)k[c->batch]);
    else
        return true;
    return false;
}

static bool padding_fits(const call *c)
{
    const tg_tensor *padding = c->key_padding_mask;
    if (!padding) return true;
    const tg_shape got = tgi_shape(padding), want = c->batched ? tg_shape(c->n, c->s) : tg_shape(c->s);
    char text[TG_SHAPE_TEXT];
    if (padding->dtype != TG_BOOL && !tgi_is_floating(padding))
        tg_op_fail(&op, INPUTS(c), "only bool and floating types of key_padding_mask are supported");
    else if (!tg_shape_equal(&got, &want))
        tg_op_fail(&op, INPUTS(c), "expecting key_padding_mask shape of %s, but got %s", tg_shape_text(&want, text),
                   size_of(padding).text);
    else
        return true;
    return false;
}

static bool mask_fits(const call *c)
{
    const tg_tensor *mask = c->attn_mask;
    if (!mask) return true;
    const tg_shape got = tgi_shape(mask), flat = tg_shape(c->l, c->s);
    const tg_shape full = tg_shape(c->n * c->m->num_heads, c->l, c->s);
    const tg_shape *want = mask->ndim == 2 ? &flat : &full;
    char text[TG_SHAPE_TEXT];
    if (mask->dtype != TG_BOOL && !tgi_is_floating(mask))
        tg_op_fail(&op, INPUTS(c), "Only float, byte, and bool types are supported for attn_mask, not torch.%s",
                   tg_dtype_name((tg_dtype)mask->dtype));
    else if (!tg_shape_equal(&got, want))
        tg_op_fail(&op, INPUTS(c), "The shape of the %dD attn_mask is %s, but should be %s.", mask->ndim,
                   size_of(mask).text, tg_shape_text(want, text));
    else
        return true;
    return false;
}

/* Gives the inputs a batch dimension and reads their sizes. False, with an error, for what does not fit. */
static bool prepare(call *c)
{
    if (!dims_ok(c)) return false;
    c->batched = c->query->ndim == 3;
    c->batch = c->batched && c->m->batch_first ? 0 : 1;
    c->time = 1 - c->batch;
    c->one_source = c->key == c->value;
    c->self = c->one_source && c->query == c->key;
    if (!c->batched) {
        c->query = tg_unsqueeze(c->query, 1);
        c->key = tg_unsqueeze(c->key, 1);
        c->value = tg_unsqueeze(c->value, 1);
        if (!c->query || !c->key || !c->value) return false;
    }
    if (!sizes_fit(c)) return false;
    c->n = c->query->dims[c->batch];
    c->l = c->query->dims[c->time];
    c->s = c->key->dims[c->time];
    return padding_fits(c) && mask_fits(c);
}

/* ---- projections ---- */

typedef struct projected {
    tg_tensor *q, *k, *v;
} projected;

/* By one weight, in as few products as there are different inputs. */
static projected project_packed(const call *c)
{
    const int64_t e = c->m->embed_dim;
    tg_tensor *weight = c->m->in_proj_weight, *bias = c->m->in_proj_bias;
    if (c->self) {
        const tg_tensor_list all = tg_chunk(tg_linear(c->query, weight, bias), 3, -1);
        return (projected){ all.items[0], all.items[1], all.items[2] };
    }
    const tg_shape sizes = c->one_source ? tg_shape(e, 2 * e) : tg_shape(e, e, e);
    const tg_tensor_list w = tg_split_with_sizes(weight, sizes, 0);
    const tg_tensor_list b = bias ? tg_split_with_sizes(bias, sizes, 0) : tg_list(NULL, NULL, NULL);
    tg_tensor *q = tg_linear(c->query, w.items[0], b.items[0]), *k = tg_linear(c->key, w.items[1], b.items[1]);
    if (!c->one_source) return (projected){ q, k, tg_linear(c->value, w.items[2], b.items[2]) };
    const tg_tensor_list kv = tg_chunk(k, 2, -1);
    return (projected){ q, kv.items[0], kv.items[1] };
}

static projected project(const call *c)
{
    const tg_multihead_attention *m = c->m;
    if (m->in_proj_weight) return project_packed(c);
    const tg_tensor_list b = m->in_proj_bias ? tg_chunk(m->in_proj_bias, 3, 0) : tg_list(NULL, NULL, NULL);
    return (projected){ tg_linear(c->query, m->q_proj_weight, b.items[0]),
                        tg_linear(c->key, m->k_proj_weight, b.items[1]),
                        tg_linear(c->value, m->v_proj_weight, b.items[2]) };
}

/* The learnt key or value, [1, 1, E], behind those of each sample. */
static tg_tensor *with_bias(const call *c, tg_tensor *t, tg_tensor *bias)
{
    if (!bias) return t;
    const int64_t e = c->m->embed_dim;
    return tg_cat(tg_list(t, tg_expand(bias, c->batch == 0 ? tg_shape(c->n, 1, e) : tg_shape(1, c->n, e))), c->time);
}

/* [N, heads, T, head_dim] of a projection, and back. */
static tg_tensor *to_heads(const call *c, tg_tensor *t)
{
    t = tg_unflatten(t, 2, tg_shape(c->m->num_heads, c->m->head_dim));
    return tg_permute(t, c->batch == 0 ? tg_shape(0, 2, 1, 3) : tg_shape(1, 2, 0, 3));
}

static tg_tensor *from_heads(const call *c, tg_tensor *t)
{
    t = tg_permute(t, c->batch == 0 ? tg_shape(0, 2, 1, 3) : tg_shape(2, 0, 1, 3));
    return tg_flatten(t, 2, 3);
}

static projected heads_of(const call *c)
{
    projected p = project(c);
    p.q = to_heads(c, p.q);
    p.k = to_heads(c, with_bias(c, p.k, c->m->bias_k));
    p.v = to_heads(c, with_bias(c, p.v, c->m->bias_v));
    if (!c->m->add_zero_attn) return p;
    const tg_shape one_more = tg_shape(0, 0, 0, 1);
    p.k = tg_pad(p.k, one_more);
    p.v = tg_pad(p.v, one_more);
    return p;
}

/* ---- masks ---- */

/* What the keys that are added show of a mask: they are never hidden. */
static tg_tensor *with_added_keys(const call *c, tg_tensor *mask)
{
    const int added = (c->m->bias_k != NULL) + c->m->add_zero_attn;
    return added ? tg_pad(mask, tg_shape(0, added)) : mask;
}

/* The mask of each query, and that of the keys alone, as what broadcasts to [N, heads, L, S]. */
static tg_tensor *query_mask(const call *c)
{
    tg_tensor *mask = c->attn_mask;
    if (mask->ndim == 3) mask = tg_unflatten(mask, 0, tg_shape(c->n, c->m->num_heads));
    return with_added_keys(c, mask);
}

static tg_tensor *key_mask(const call *c)
{
    return with_added_keys(c, tg_unflatten(c->key_padding_mask, -1, tg_shape(1, 1, c->s)));
}

/* Both in one: bool, true where a key is seen, or floats to be added. NULL for none, or with an error. */
static tg_tensor *merged_mask(const call *c)
{
    tg_tensor *mask = NULL;
    if (c->attn_mask) {
        mask = query_mask(c);
        if (mask && c->key_padding_mask)
            mask = mask->dtype == TG_BOOL ? tg_logical_or(mask, key_mask(c))
                                          : tg_masked_fill(mask, key_mask(c), -INFINITY);
    } else if (c->key_padding_mask) {
        mask = key_mask(c);
    }
    return mask && mask->dtype == TG_BOOL ? tg_logical_not(mask) : mask;
}

/* Whether there is a query that sees no key. */
static bool hides_all(tg_tensor *mask)
{
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *seen = mask->dtype == TG_BOOL ? mask : tg_ne(mask, -INFINITY);
    const bool all_see = tg_item(tg_all(tg_any(seen, .dim = -1))) != 0;
    tg_scope_end(quiet);
    return !all_see;
}

/* ---- forward ---- */

/* Added and not put in the scores' place, so that what sees no key has NaN in its gradients, too, as in PyTorch. */
static tg_tensor *masked(tg_tensor *scores, tg_tensor *mask)
{
    if (!mask || !scores) return scores;
    if (mask->dtype == TG_BOOL) mask = tg_where(mask, tg_zeros(tg_shape(), .dtype = tg_dtype_of(scores)), -INFINITY);
    return tg_add(scores, mask);
}

static tg_tensor *weights_of(const call *c, const projected *p, tg_tensor *mask, double dropout)
{
    tg_tensor *scores = tg_matmul(tg_div(p->q, sqrt((double)c->m->head_dim)), tg_transpose(p->k, -2, -1));
    tg_tensor *weights = tg_softmax(masked(scores, mask), -1);
    return dropout == 0 ? weights : tg_dropout(weights, .p = dropout);
}

/* The op that needs no matrix of weights gives a query that sees no key zeros, and not PyTorch's NaN. */
static tg_multihead_attention_output attend(const call *c, const tg_multihead_attention_forward_options *o)
{
    tg_multihead_attention_output out = { NULL, NULL };
    const double dropout = c->m->base.training ? c->m->dropout : 0;
    tg_tensor *mask = merged_mask(c), *y;
    if (!mask && (c->attn_mask || c->key_padding_mask)) return out;
    const projected p = heads_of(c);
    if (o->need_weights || (mask && hides_all(mask))) {
        out.weights = weights_of(c, &p, mask, dropout);
        y = tg_matmul(out.weights, p.v);
    } else {
        y = tg_scaled_dot_product_attention(p.q, p.k, p.v, .attn_mask = mask, .dropout_p = dropout);
    }
    out.output = tg_linear_forward(c->m->out_proj, from_heads(c, y));
    if (!o->need_weights)
        out.weights = NULL;
    else if (o->average_attn_weights)
        out.weights = tg_div(tg_sum(out.weights, .dim = 1), c->m->num_heads);
    if (!c->batched) {
        out.output = tg_squeeze(out.output, 1);
        if (out.weights) out.weights = tg_squeeze(out.weights, 0);
    }
    return out;
}

tg_multihead_attention_output tg_multihead_attention_forward_at(const char *where, tg_multihead_attention *m,
                                                                tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                                                tg_multihead_attention_forward_options options)
{
    tg_multihead_attention_output out = { NULL, NULL };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(query, key, value))) return out;
    if (!tg_optional_ok(options.key_padding_mask) || !tg_optional_ok(options.attn_mask)) return out;
    tg_tensor *in[] = { query, key, value };
    tgi_call hooked;
    if (!tgi_call_begin(&hooked, &m->base, in, 3, options.need_weights ? 2 : 1)) return out;
    tg_scope scope = tg_scope_begin();
    call c = { .m = m,
               .query = in[0],
               .key = in[1],
               .value = in[2],
               .key_padding_mask = options.key_padding_mask,
               .attn_mask = options.attn_mask };
    if (prepare(&c)) out = attend(&c, &options);
    tg_scope_end_with(scope, &out.output, &out.weights);
    tg_tensor *results[] = { out.output, out.weights };
    tgi_call_end(&hooked, results);
    return (tg_multihead_attention_output){ results[0], results[1] };
}
