/* embedding.h: rows of a table by their indices, alone or in bags. */
#ifndef TG_OPS_EMBEDDING_H
#define TG_OPS_EMBEDDING_H

#include <math.h>

#include "../core/op.h"

TG_BEGIN_DECLS

#define TG_NO_PADDING INT64_MIN

typedef struct tg_embedding_options {
    int64_t padding_idx;       /* rows of this index get no gradient; negative: from the end */
    double max_norm;           /* rows that are used and longer are shortened to this norm first, in place */
    double norm_type;          /* the p of that norm */
    bool scale_grad_by_freq;   /* a row's gradient is divided by how often it is used */
    TG_OPTIONS_END
} tg_embedding_options;
#define TG_EMBEDDING_DEFAULTS                                                                                         \
    /* padding_idx */ TG_NO_PADDING, /* max_norm */ INFINITY, /* norm_type */ 2.0, /* scale_grad_by_freq */ false     \
        TG_DEFAULTS_END
#define TG_EMBEDDING_OPTIONS(...) TG_OPTIONS(tg_embedding_options, TG_EMBEDDING_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* weight [N, D] at the indices `input` (int64, any shape): [*, D]. */
tg_tensor *tg_embedding_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_embedding_options options);
#define tg_embedding(input, weight, ...) tg_embedding_at(TG_HERE, input, weight, TG_EMBEDDING_OPTIONS(__VA_ARGS__))

typedef struct tg_embedding_bag_options {
    tg_tensor *offsets;             /* where each bag begins in an input of one dimension */
    double max_norm, norm_type;
    bool scale_grad_by_freq;
    const char *mode;               /* "sum", "mean" or "max" */
    tg_tensor *per_sample_weights;  /* of input's shape; only for the sum */
    bool include_last_offset;       /* the last offset is no bag but the end of the one before */
    int64_t padding_idx;            /* indices that count for nothing, neither in the sum nor in what the mean divides by */
    TG_OPTIONS_END
} tg_embedding_bag_options;
#define TG_EMBEDDING_BAG_DEFAULTS                                                                                     \
    /* offsets */ NULL, /* max_norm */ INFINITY, /* norm_type */ 2.0, /* scale_grad_by_freq */ false,                 \
        /* mode */ "mean", /* per_sample_weights */ NULL, /* include_last_offset */ false,                       \
        /* padding_idx */ TG_NO_PADDING TG_DEFAULTS_END
#define TG_EMBEDDING_BAG_OPTIONS(...)                                                                                 \
    TG_OPTIONS(tg_embedding_bag_options, TG_EMBEDDING_BAG_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The rows of each bag of indices made one: [B, D]. The bags are the rows of an input [B, N], or the parts of an input
 * [N] that begin at the offsets [B]. An empty bag gives zeros. */
tg_tensor *tg_embedding_bag_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_embedding_bag_options options);
#define tg_embedding_bag(input, weight, ...)                                                                          \
    tg_embedding_bag_at(TG_HERE, input, weight, TG_EMBEDDING_BAG_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
