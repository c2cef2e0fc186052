/* attention.h: attention with several heads (Vaswani et al., 2017).
 *
 *     head_h = softmax(q_h k_hT / sqrt(head_dim) + mask) v_h     of slices h of q, k, v, head_dim wide
 *     output = (head_0, head_1, ...) out_proj.weightT + out_proj.bias
 *
 * with q = query W_qT + b_q and so on. (Without projections it is tg_scaled_dot_product_attention, ops/attention.h,
 * whose masks say which keys are seen; the masks here say, as PyTorch's, which ones are not.) */
#ifndef TG_NN_ATTENTION_H
#define TG_NN_ATTENTION_H

#include "linear.h"

TG_BEGIN_DECLS

/* As .kdim and .vdim: embed_dim. */
#define TG_EMBED_DIM INT64_MIN

typedef struct tg_multihead_attention_options {
    double dropout; /* of the weights, while training: the probability of a zero */
    bool bias;
    bool add_bias_kv;   /* one key and one value more, which are learnt */
    bool add_zero_attn; /* one key and one value more, which are zeros */
    int64_t kdim, vdim; /* the features of key and value */
    bool batch_first;   /* query, key, value and output are [N, T, features] */
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_multihead_attention_options;
#define TG_MULTIHEAD_ATTENTION_DEFAULTS                                                                               \
    /* dropout */ 0.0, /* bias */ true, /* add_bias_kv */ false, /* add_zero_attn */ false, /* kdim */ TG_EMBED_DIM,  \
        /* vdim */ TG_EMBED_DIM, /* batch_first */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

typedef struct tg_multihead_attention {
    tg_module base;
    int64_t embed_dim, num_heads, head_dim;
    double dropout;
    bool add_zero_attn, batch_first;
    tg_tensor *in_proj_weight;                                 /* [3 embed_dim, embed_dim]: those of q, k and v; or, */
    tg_tensor *q_proj_weight, *k_proj_weight, *v_proj_weight;  /* if kdim or vdim differ, [embed_dim, their features] */
    tg_tensor *in_proj_bias;                                   /* [3 embed_dim]; NULL without */
    tg_tensor *bias_k, *bias_v;                                /* [1, 1, embed_dim]; NULL without add_bias_kv */
    tg_linear *out_proj;
} tg_multihead_attention;

/* `tg_multihead_attention_new(128, 4, .batch_first = true)`. The projections are drawn by xavier_uniform_, bias_k and
 * bias_v by xavier_normal_, out_proj.weight as Linear's; the other biases begin as zeros. */
tg_multihead_attention *tg_multihead_attention_new_at(const char *where, int64_t embed_dim, int64_t num_heads,
                                                      tg_multihead_attention_options options);
#define tg_multihead_attention_new(embed_dim, num_heads, ...)                                                         \
    tg_multihead_attention_new_at(                                                                                    \
        TG_HERE, embed_dim, num_heads,                                                                                \
        TG_OPTIONS(tg_multihead_attention_options, TG_MULTIHEAD_ATTENTION_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_multihead_attention_forward_options {
    tg_tensor *key_padding_mask; /* [N, S], unbatched [S]: bool, true where a key is hidden, or floats that are added */
    bool need_weights;
    tg_tensor *attn_mask;        /* the same for each query: [L, S] or [N num_heads, L, S] */
    bool average_attn_weights;   /* over the heads */
    TG_OPTIONS_END
} tg_multihead_attention_forward_options;
#define TG_MULTIHEAD_ATTENTION_FORWARD_DEFAULTS                                                                       \
    /* key_padding_mask */ NULL, /* need_weights */ true, /* attn_mask */ NULL,                                       \
        /* average_attn_weights */ true TG_DEFAULTS_END

typedef struct tg_multihead_attention_output {
    tg_tensor *output;  /* of query's shape */
    tg_tensor *weights; /* [N, L, S], not averaged [N, num_heads, L, S], dropout included; NULL without need_weights */
} tg_multihead_attention_output;

/* query is [L, N, embed_dim], key [S, N, kdim], value [S, N, vdim], or as batch_first asks; unbatched they and the
 * results have no N. `tg_multihead_attention_forward(m, x, x, x, .need_weights = false).output`, which is faster: the
 * matrix of weights is then never in memory. A query from which the masks hide every key gets NaN, as in PyTorch. */
tg_multihead_attention_output tg_multihead_attention_forward_at(const char *where, tg_multihead_attention *m,
                                                                tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                                                tg_multihead_attention_forward_options options);
#define tg_multihead_attention_forward(m, query, key, value, ...)                                                     \
    tg_multihead_attention_forward_at(TG_HERE, m, query, key, value,                                                  \
                                      TG_OPTIONS(tg_multihead_attention_forward_options,                              \
                                                 TG_MULTIHEAD_ATTENTION_FORWARD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
