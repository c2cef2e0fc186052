/* embedding.c: the Embedding and EmbeddingBag modules. */
#include "embedding.h"

#include "core/error.h"
#include "core/scope.h"
#include "ops/index/embedding_impl.h"
#include "ops/pointwise.h"
#include "ops/view.h"
#include "init.h"
#include "module_hooks_impl.h"

/* ---- what the two share ---- */

/* Counts a padding index from the front. False, with an error recorded, when there is no such row. */
static bool padding_ok(const char *where, const char *name, const char *message, int64_t rows, int64_t *padding_idx)
{
    if (*padding_idx == TG_NO_PADDING) return true;
    if (*padding_idx < -rows || *padding_idx >= rows) {
        tg_fail_at(where, TG_ERROR_VALUE, name, "%s must be within num_embeddings", message);
        return false;
    }
    if (*padding_idx < 0) *padding_idx += rows;
    return true;
}

/* Normal numbers, the row of `padding_idx` zeros. */
static tg_tensor *table(int64_t rows, int64_t dim, tg_dtype dtype, int64_t padding_idx)
{
    tg_tensor *t = tg_init_normal_(tg_empty(tg_shape(rows, dim), .dtype = dtype), 0, 1);
    if (padding_idx != TG_NO_PADDING) tg_zero_(tg_select(t, 0, padding_idx));
    return t;
}

/* Appends to the text in `buffer`, of which `length` characters are written, as snprintf would; the new length. */
#define APPEND(length, ...)                                                                                            \
    ((length) + snprintf((size_t)(length) < size ? buffer + (length) : NULL,                                           \
                         (size_t)(length) < size ? size - (size_t)(length) : 0, __VA_ARGS__))

static int append_norm(int length, char *buffer, size_t size, double max_norm, double norm_type,
                       bool scale_grad_by_freq)
{
    char text[TGI_REAL_TEXT];
    if (max_norm < INFINITY) length = APPEND(length, ", max_norm=%s", tgi_real_text(max_norm, text));
    if (norm_type != 2) length = APPEND(length, ", norm_type=%s", tgi_real_text(norm_type, text));
    if (scale_grad_by_freq) length = APPEND(length, ", scale_grad_by_freq=True");
    return length;
}

/* ---- Embedding ---- */

static tg_tensor *forward(tg_module *m, tg_tensor *x) { return tg_embedding_forward((tg_embedding *)m, x); }

static int extra_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_embedding *m = (const tg_embedding *)module;
    const tg_embedding_module_options *o = &m->options;
    int length = APPEND(0, "%lld, %lld", (long long)m->num_embeddings, (long long)m->embedding_dim);
    if (o->padding_idx != TG_NO_PADDING) length = APPEND(length, ", padding_idx=%lld", (long long)o->padding_idx);
    return append_norm(length, buffer, size, o->max_norm, o->norm_type, o->scale_grad_by_freq);
}

tg_embedding *tg_embedding_new_at(const char *where, int64_t num_embeddings, int64_t embedding_dim,
                                  tg_embedding_module_options options)
{
    if (!padding_ok(where, "Embedding", "Padding_idx", num_embeddings, &options.padding_idx)) return NULL;
    tg_embedding *m =
        TGI_MODULE_NEW(where, tg_embedding, .name = "Embedding", .forward = forward, .extra_repr = extra_repr);
    if (!m) return NULL;
    tg_scope scope = tg_scope_begin();
    m->num_embeddings = num_embeddings;
    m->embedding_dim = embedding_dim;
    TGI_SET_OPTIONS(m->options, options);
    TG_PARAMETER(m, weight, table(num_embeddings, embedding_dim, options.dtype, options.padding_idx));
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_embedding_forward_at(const char *where, tg_embedding *m, tg_tensor *input)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "Embedding")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, input);
    const tg_embedding_module_options *o = &m->options;
    return tg_embedding_at(where, input, m->weight,
                           TG_EMBEDDING_OPTIONS(.padding_idx = o->padding_idx, .max_norm = o->max_norm,
                                                .norm_type = o->norm_type,
                                                .scale_grad_by_freq = o->scale_grad_by_freq));
}

/* ---- EmbeddingBag ---- */

static tg_tensor *bag_forward(tg_module *m, tg_tensor *x)
{
    return tg_embedding_bag_forward((tg_embedding_bag *)m, x, NULL, NULL);
}

static int bag_extra_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_embedding_bag *m = (const tg_embedding_bag *)module;
    const tg_embedding_bag_module_options *o = &m->options;
    int length = APPEND(0, "%lld, %lld", (long long)m->num_embeddings, (long long)m->embedding_dim);
    length = append_norm(length, buffer, size, o->max_norm, o->norm_type, o->scale_grad_by_freq);
    length = APPEND(length, ", mode=%s", o->mode);
    if (o->padding_idx != TG_NO_PADDING) length = APPEND(length, ", padding_idx=%lld", (long long)o->padding_idx);
    return length;
}

tg_embedding_bag *tg_embedding_bag_new_at(const char *where, int64_t num_embeddings, int64_t embedding_dim,
                                          tg_embedding_bag_module_options options)
{
    if (!padding_ok(where, "EmbeddingBag", "padding_idx", num_embeddings, &options.padding_idx)) return NULL;
    tg_embedding_bag *m = TGI_MODULE_NEW(where, tg_embedding_bag, .name = "EmbeddingBag", .forward = bag_forward,
                                         .extra_repr = bag_extra_repr);
    if (!m) return NULL;
    tg_scope scope = tg_scope_begin();
    m->num_embeddings = num_embeddings;
    m->embedding_dim = embedding_dim;
    TGI_SET_OPTIONS(m->options, options);
    m->options.mode = tgi_bag_mode(options.mode);
    if (!m->options.mode) m->options.mode = "unknown"; /* refused when it is called, as PyTorch does */
    TG_PARAMETER(m, weight, table(num_embeddings, embedding_dim, options.dtype, options.padding_idx));
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_embedding_bag_forward_at(const char *where, tg_embedding_bag *m, tg_tensor *input, tg_tensor *offsets,
                                       tg_tensor *per_sample_weights)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "EmbeddingBag")) return NULL;
    const tg_embedding_bag_module_options *o = &m->options;
    tg_tensor *in[] = { input, offsets, per_sample_weights };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 3, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_embedding_bag_at(where, in[0], m->weight,
                                       TG_EMBEDDING_BAG_OPTIONS(.offsets = in[1], .max_norm = o->max_norm,
                                                                .norm_type = o->norm_type,
                                                                .scale_grad_by_freq = o->scale_grad_by_freq,
                                                                .mode = o->mode, .per_sample_weights = in[2],
                                                                .include_last_offset = o->include_last_offset,
                                                                .padding_idx = o->padding_idx));
    y = tg_scope_return(scope, y);
    tgi_call_end(&call, &y);
    return y;
}
