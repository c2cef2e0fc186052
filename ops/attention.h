/* attention.h: scaled dot product attention. */
#ifndef TG_OPS_ATTENTION_H
#define TG_OPS_ATTENTION_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* As .scale: 1 / sqrt(E). */
#define TG_DEFAULT_SCALE (-1.7976931348623157e308)

typedef struct tg_attention_options {
    tg_tensor *attn_mask; /* broadcast to [..., L, S]: bool, true where a key takes part, or floats that are added */
    double dropout_p;     /* of the weights, whether or not a module is in training */
    bool is_causal;       /* query i sees the keys 0 to i; not with attn_mask */
    double scale;
    TG_OPTIONS_END
} tg_attention_options;
#define TG_ATTENTION_DEFAULTS                                                                                         \
    /* attn_mask */ NULL, /* dropout_p */ 0.0, /* is_causal */ false, /* scale */ TG_DEFAULT_SCALE TG_DEFAULTS_END

/* softmax(scale query keyT + mask) value, of query [..., L, E], key [..., S, E], value [..., S, Ev], whose leading
 * dimensions are broadcast; the result is [..., L, Ev]. A query from which the mask hides every key gets zeros. Without
 * dropout the matrix of L x S weights is never in memory. */
tg_tensor *tg_scaled_dot_product_attention_at(const char *where, tg_tensor *query, tg_tensor *key, tg_tensor *value,
                                              tg_attention_options options);
#define tg_scaled_dot_product_attention(query, key, value, ...)                                                       \
    tg_scaled_dot_product_attention_at(                                                                               \
        TG_HERE, query, key, value,                                                                                   \
        TG_OPTIONS(tg_attention_options, TG_ATTENTION_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
