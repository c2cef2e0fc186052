/* transformer_layers.h: one layer of a transformer's encoder, one of its decoder (Vaswani et al., 2017; .norm_first:
 * Xiong et al., 2020).
 *
 *     x = norm1(x + self_attn(x)), x = norm2(x + linear2(activation(linear1(x))))
 *     norm_first: x = x + self_attn(norm1(x)), x = x + linear2(activation(linear1(norm2(x))))
 *
 * with dropout behind each part of the sums, and behind the activation. The decoder's layer attends to `memory`, what
 * the encoder made, between the two. Stacks of layers are in transformer.h. */
#ifndef TG_NN_TRANSFORMER_LAYERS_H
#define TG_NN_TRANSFORMER_LAYERS_H

#include "attention.h"
#include "normalization.h"

TG_BEGIN_DECLS

typedef tg_tensor *(*tg_activation_fn)(tg_tensor *x);

typedef struct tg_transformer_layer_options {
    int64_t dim_feedforward; /* the features between linear1 and linear2 */
    double dropout;
    const char *activation;         /* "relu" or "gelu" */
    tg_activation_fn activation_fn; /* another one; NULL: `activation` */
    double layer_norm_eps;
    bool batch_first; /* src, tgt and memory are [N, T, d_model] */
    bool norm_first;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_transformer_layer_options;
#define TG_TRANSFORMER_LAYER_DEFAULTS                                                                                 \
    /* dim_feedforward */ 2048, /* dropout */ 0.1, /* activation */ "relu", /* activation_fn */ NULL,                 \
        /* layer_norm_eps */ 1e-5, /* batch_first */ false, /* norm_first */ false,                                   \
        /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_TRANSFORMER_LAYER_OPTIONS(...)                                                                             \
    TG_OPTIONS(tg_transformer_layer_options, TG_TRANSFORMER_LAYER_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* ---- of the encoder ---- */

typedef struct tg_transformer_encoder_layer {
    tg_module base;
    tg_multihead_attention *self_attn;
    tg_linear *linear1, *linear2;
    tg_layer_norm *norm1, *norm2;
    tg_module *dropout, *dropout1, *dropout2;
    tg_activation_fn activation;
    bool norm_first;
} tg_transformer_encoder_layer;

/* `tg_transformer_encoder_layer_new(256, 8, .dim_feedforward = 1024, .batch_first = true)` */
tg_transformer_encoder_layer *tg_transformer_encoder_layer_new_at(const char *where, int64_t d_model, int64_t nhead,
                                                                  tg_transformer_layer_options options);
#define tg_transformer_encoder_layer_new(d_model, nhead, ...)                                                         \
    tg_transformer_encoder_layer_new_at(TG_HERE, d_model, nhead, TG_TRANSFORMER_LAYER_OPTIONS(__VA_ARGS__))

/* The masks of attention.h: .attn_mask and .key_padding_mask of the self-attention. */
typedef struct tg_transformer_encoder_layer_forward_options {
    tg_tensor *src_mask, *src_key_padding_mask;
    TG_OPTIONS_END
} tg_transformer_encoder_layer_forward_options;
#define TG_TRANSFORMER_ENCODER_LAYER_FORWARD_DEFAULTS                                                                 \
    /* src_mask */ NULL, /* src_key_padding_mask */ NULL TG_DEFAULTS_END

/* [S, N, d_model], or as batch_first asks, or unbatched [S, d_model], to the same. As a tg_module it has no masks. */
tg_tensor *tg_transformer_encoder_layer_forward_at(const char *where, tg_transformer_encoder_layer *m, tg_tensor *src,
                                                   tg_transformer_encoder_layer_forward_options options);
#define tg_transformer_encoder_layer_forward(m, src, ...)                                                             \
    tg_transformer_encoder_layer_forward_at(                                                                          \
        TG_HERE, m, src,                                                                                              \
        TG_OPTIONS(tg_transformer_encoder_layer_forward_options,                                                      \
                   TG_TRANSFORMER_ENCODER_LAYER_FORWARD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* ---- of the decoder ---- */

typedef struct tg_transformer_decoder_layer {
    tg_module base;
    tg_multihead_attention *self_attn, *multihead_attn;
    tg_linear *linear1, *linear2;
    tg_layer_norm *norm1, *norm2, *norm3;
    tg_module *dropout, *dropout1, *dropout2, *dropout3;
    tg_activation_fn activation;
    bool norm_first;
} tg_transformer_decoder_layer;

/* `tg_transformer_decoder_layer_new(256, 8, .activation = "gelu")` */
tg_transformer_decoder_layer *tg_transformer_decoder_layer_new_at(const char *where, int64_t d_model, int64_t nhead,
                                                                  tg_transformer_layer_options options);
#define tg_transformer_decoder_layer_new(d_model, nhead, ...)                                                         \
    tg_transformer_decoder_layer_new_at(TG_HERE, d_model, nhead, TG_TRANSFORMER_LAYER_OPTIONS(__VA_ARGS__))

/* The masks of attention.h: those that begin with tgt of the self-attention, the others of the attention to memory. The
 * options of a whole decoder are these, too. */
typedef struct tg_transformer_decoder_forward_options {
    tg_tensor *tgt_mask, *memory_mask, *tgt_key_padding_mask, *memory_key_padding_mask;
    TG_OPTIONS_END
} tg_transformer_decoder_forward_options;
#define TG_TRANSFORMER_DECODER_FORWARD_DEFAULTS                                                                       \
    /* tgt_mask */ NULL, /* memory_mask */ NULL, /* tgt_key_padding_mask */ NULL,                                     \
        /* memory_key_padding_mask */ NULL TG_DEFAULTS_END
#define TG_TRANSFORMER_DECODER_FORWARD_OPTIONS(...)                                                                   \
    TG_OPTIONS(tg_transformer_decoder_forward_options, TG_TRANSFORMER_DECODER_FORWARD_DEFAULTS __VA_OPT__(,)          \
                                                           __VA_ARGS__)

/* tgt [T, N, d_model] and memory [S, N, d_model], or as batch_first asks, or unbatched; the result has tgt's shape. */
tg_tensor *tg_transformer_decoder_layer_forward_at(const char *where, tg_transformer_decoder_layer *m, tg_tensor *tgt,
                                                   tg_tensor *memory, tg_transformer_decoder_forward_options options);
#define tg_transformer_decoder_layer_forward(m, tgt, memory, ...)                                                     \
    tg_transformer_decoder_layer_forward_at(TG_HERE, m, tgt, memory, TG_TRANSFORMER_DECODER_FORWARD_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
