/* transformer.h: stacks of a transformer's layers, and the transformer (Vaswani et al., 2017).
 *
 *     tg_transformer_encoder *encoder = tg_transformer_encoder_new(tg_transformer_encoder_layer_new(64, 4), 3);
 *     y = tg_transformer_encoder_forward(encoder, x, .src_key_padding_mask = padding);
 *
 * PyTorch's encoder skips padding while it evaluates, and returns zeros in its place; here, as there in training, what
 * stands in the place of padding is computed like the rest. */
#ifndef TG_NN_TRANSFORMER_H
#define TG_NN_TRANSFORMER_H

#include "containers.h"
#include "transformer_layers.h"

TG_BEGIN_DECLS

/* ---- the encoder ---- */

typedef struct tg_transformer_encoder {
    tg_module base;
    tg_module_list *layers;
    tg_module *norm; /* NULL without */
} tg_transformer_encoder;

typedef struct tg_transformer_stack_options {
    tg_module *norm; /* of the last layer's result, taken over: `.norm = TG_MODULE(tg_layer_norm_new(tg_shape(64)))` */
    TG_OPTIONS_END
} tg_transformer_stack_options;
#define TG_TRANSFORMER_STACK_DEFAULTS /* norm */ NULL TG_DEFAULTS_END
#define TG_TRANSFORMER_STACK_OPTIONS(...)                                                                             \
    TG_OPTIONS(tg_transformer_stack_options, TG_TRANSFORMER_STACK_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Deep copies of the layer, which all begin with its weights. The layer is taken over: freed, unless it has an
 * owner. */
tg_transformer_encoder *tg_transformer_encoder_new_at(const char *where, tg_transformer_encoder_layer *encoder_layer,
                                                      int64_t num_layers, tg_transformer_stack_options options);
#define tg_transformer_encoder_new(encoder_layer, num_layers, ...)                                                    \
    tg_transformer_encoder_new_at(TG_HERE, encoder_layer, num_layers, TG_TRANSFORMER_STACK_OPTIONS(__VA_ARGS__))

/* The masks of each layer. */
typedef struct tg_transformer_encoder_forward_options {
    tg_tensor *mask, *src_key_padding_mask;
    TG_OPTIONS_END
} tg_transformer_encoder_forward_options;
#define TG_TRANSFORMER_ENCODER_FORWARD_DEFAULTS /* mask */ NULL, /* src_key_padding_mask */ NULL TG_DEFAULTS_END

/* Shapes as the layer's. As a tg_module it has no masks. */
tg_tensor *tg_transformer_encoder_forward_at(const char *where, tg_transformer_encoder *m, tg_tensor *src,
                                             tg_transformer_encoder_forward_options options);
#define tg_transformer_encoder_forward(m, src, ...)                                                                   \
    tg_transformer_encoder_forward_at(TG_HERE, m, src,                                                                \
                                      TG_OPTIONS(tg_transformer_encoder_forward_options,                              \
                                                 TG_TRANSFORMER_ENCODER_FORWARD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* ---- the decoder ---- */

typedef struct tg_transformer_decoder {
    tg_module base;
    tg_module_list *layers;
    tg_module *norm; /* NULL without */
} tg_transformer_decoder;

/* As the encoder's. */
tg_transformer_decoder *tg_transformer_decoder_new_at(const char *where, tg_transformer_decoder_layer *decoder_layer,
                                                      int64_t num_layers, tg_transformer_stack_options options);
#define tg_transformer_decoder_new(decoder_layer, num_layers, ...)                                                    \
    tg_transformer_decoder_new_at(TG_HERE, decoder_layer, num_layers, TG_TRANSFORMER_STACK_OPTIONS(__VA_ARGS__))

/* Shapes and masks as the layer's. */
tg_tensor *tg_transformer_decoder_forward_at(const char *where, tg_transformer_decoder *m, tg_tensor *tgt,
                                             tg_tensor *memory, tg_transformer_decoder_forward_options options);
#define tg_transformer_decoder_forward(m, tgt, memory, ...)                                                           \
    tg_transformer_decoder_forward_at(TG_HERE, m, tgt, memory, TG_TRANSFORMER_DECODER_FORWARD_OPTIONS(__VA_ARGS__))

/* ---- both ---- */

typedef struct tg_transformer_options {
    int64_t d_model, nhead, num_encoder_layers, num_decoder_layers;
    int64_t dim_feedforward;                /* this and what follows: as of a layer */
    double dropout;
    const char *activation;
    tg_activation_fn activation_fn;
    tg_transformer_encoder *custom_encoder; /* taken over in place of a new one; NULL: none */
    tg_transformer_decoder *custom_decoder;
    double layer_norm_eps;
    bool batch_first, norm_first;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_transformer_options;
#define TG_TRANSFORMER_DEFAULTS                                                                                       \
    /* d_model */ 512, /* nhead */ 8, /* num_encoder_layers */ 6, /* num_decoder_layers */ 6,                         \
        /* dim_feedforward */ 2048, /* dropout */ 0.1, /* activation */ "relu", /* activation_fn */ NULL,             \
        /* custom_encoder */ NULL, /* custom_decoder */ NULL, /* layer_norm_eps */ 1e-5, /* batch_first */ false,     \
        /* norm_first */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

typedef struct tg_transformer {
    tg_module base;
    int64_t d_model, nhead;
    bool batch_first;
    tg_transformer_encoder *encoder;
    tg_transformer_decoder *decoder;
} tg_transformer;

/* `tg_transformer_new(.d_model = 64, .nhead = 4, .num_encoder_layers = 2)`. Every parameter of two dimensions is drawn
 * by xavier_uniform_, those of custom stacks as well. */
tg_transformer *tg_transformer_new_at(const char *where, tg_transformer_options options);
#define tg_transformer_new(...)                                                                                       \
    tg_transformer_new_at(TG_HERE, TG_OPTIONS(tg_transformer_options, TG_TRANSFORMER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_transformer_forward_options {
    tg_tensor *src_mask, *tgt_mask, *memory_mask;
    tg_tensor *src_key_padding_mask, *tgt_key_padding_mask, *memory_key_padding_mask;
    TG_OPTIONS_END
} tg_transformer_forward_options;
#define TG_TRANSFORMER_FORWARD_DEFAULTS                                                                               \
    /* src_mask */ NULL, /* tgt_mask */ NULL, /* memory_mask */ NULL, /* src_key_padding_mask */ NULL,                \
        /* tgt_key_padding_mask */ NULL, /* memory_key_padding_mask */ NULL TG_DEFAULTS_END

/* src [S, N, d_model] and tgt [T, N, d_model], or as batch_first asks, or unbatched; the result is of tgt's shape. */
tg_tensor *tg_transformer_forward_at(const char *where, tg_transformer *m, tg_tensor *src, tg_tensor *tgt,
                                     tg_transformer_forward_options options);
#define tg_transformer_forward(m, src, tgt, ...)                                                                      \
    tg_transformer_forward_at(TG_HERE, m, src, tgt,                                                                   \
                              TG_OPTIONS(tg_transformer_forward_options,                                              \
                                         TG_TRANSFORMER_FORWARD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* As .attn_mask and the like: [sz, sz], 0 where query i may see key j, that is j <= i, and -inf elsewhere. */
tg_tensor *tg_generate_square_subsequent_mask_at(const char *where, int64_t sz, tg_create_options options);
#define tg_generate_square_subsequent_mask(sz, ...)                                                                   \
    tg_generate_square_subsequent_mask_at(TG_HERE, sz, TG_CREATE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
