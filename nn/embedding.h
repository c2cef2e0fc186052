/* embedding.h: tables of vectors, looked up by index, alone or in bags. */
#ifndef TG_NN_EMBEDDING_H
#define TG_NN_EMBEDDING_H

#include "../ops/create.h"
#include "../ops/embedding.h"
#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_embedding_module_options {
    int64_t padding_idx;       /* this row begins as zeros, and looking it up gives it no gradient; negative: from the end */
    double max_norm;           /* rows that are used and longer are shortened to this norm first, in place */
    double norm_type;          /* the p of that norm */
    bool scale_grad_by_freq;   /* a row's gradient is divided by how often it is used */
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_embedding_module_options;
#define TG_EMBEDDING_MODULE_DEFAULTS                                                                                     \
    /* padding_idx */ TG_NO_PADDING, /* max_norm */ INFINITY, /* norm_type */ 2.0, /* scale_grad_by_freq */ false,    \
        /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

typedef struct tg_embedding {
    tg_module base;
    int64_t num_embeddings, embedding_dim;
    tg_tensor *weight; /* [num_embeddings, embedding_dim] */
    tg_embedding_module_options options;
} tg_embedding;

/* `tg_embedding_new(1000, 64, .padding_idx = 0)`. The weight is drawn from N(0, 1). */
tg_embedding *tg_embedding_new_at(const char *where, int64_t num_embeddings, int64_t embedding_dim,
                                  tg_embedding_module_options options);
#define tg_embedding_new(num_embeddings, embedding_dim, ...)                                                          \
    tg_embedding_new_at(TG_HERE, num_embeddings, embedding_dim,                                                       \
                        TG_OPTIONS(tg_embedding_module_options, TG_EMBEDDING_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Indices [*] to [*, embedding_dim]. */
tg_tensor *tg_embedding_forward_at(const char *where, tg_embedding *m, tg_tensor *input);
#define tg_embedding_forward(m, input) tg_embedding_forward_at(TG_HERE, m, input)

/* ---- bags ---- */

typedef struct tg_embedding_bag_module_options {
    double max_norm, norm_type;
    bool scale_grad_by_freq;
    const char *mode;
    bool include_last_offset;  /* the last offset is no bag but the end of the one before */
    int64_t padding_idx;       /* this row begins as zeros, and indices of it count for nothing; negative: from the end */
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_embedding_bag_module_options;
#define TG_EMBEDDING_BAG_MODULE_DEFAULTS                                                                                 \
    /* max_norm */ INFINITY, /* norm_type */ 2.0, /* scale_grad_by_freq */ false, /* mode */ "mean",             \
        /* include_last_offset */ false, /* padding_idx */ TG_NO_PADDING, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

typedef struct tg_embedding_bag {
    tg_module base;
    int64_t num_embeddings, embedding_dim;
    tg_tensor *weight;
    tg_embedding_bag_module_options options;
} tg_embedding_bag;

tg_embedding_bag *tg_embedding_bag_new_at(const char *where, int64_t num_embeddings, int64_t embedding_dim,
                                          tg_embedding_bag_module_options options);
#define tg_embedding_bag_new(num_embeddings, embedding_dim, ...)                                                      \
    tg_embedding_bag_new_at(                                                                                          \
        TG_HERE, num_embeddings, embedding_dim,                                                                       \
        TG_OPTIONS(tg_embedding_bag_module_options, TG_EMBEDDING_BAG_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Indices [B, N] to [B, embedding_dim]; of indices [N], `offsets` says where the bags begin, NULL otherwise.
 * `per_sample_weights`, of input's shape, may be NULL. */
tg_tensor *tg_embedding_bag_forward_at(const char *where, tg_embedding_bag *m, tg_tensor *input, tg_tensor *offsets,
                                       tg_tensor *per_sample_weights);
#define tg_embedding_bag_forward(m, input, offsets, per_sample_weights)                                               \
    tg_embedding_bag_forward_at(TG_HERE, m, input, offsets, per_sample_weights)

TG_END_DECLS

#endif
