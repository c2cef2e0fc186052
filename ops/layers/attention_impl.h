/* attention_impl.h: attention as its loops see it. Internal to ops/. */
#ifndef TG_OPS_LAYERS_ATTENTION_IMPL_H
#define TG_OPS_LAYERS_ATTENTION_IMPL_H

#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

/* A matrix for each batch, at any strides: in elements, 0 where it is broadcast. */
typedef struct tgi_matrices {
    const char *data;
    int64_t row, column;
    int64_t step[TG_MAX_DIMS];
} tgi_matrices;

typedef struct tgi_attention {
    int batch_dims;
    int64_t batch[TG_MAX_DIMS], batches;
    int64_t queries, keys, size, value_size; /* the sizes of q [queries, size], k [keys, size], v [keys, value_size] */
    int dtype;
    int64_t element; /* bytes */
    double scale;
    bool causal, mask_is_bool;
    tgi_matrices q, k, v, mask; /* mask.data NULL: none */
    /* Of each query: the largest score, and 1 / the sum of e^(score - most). Forward writes them, backward reads. */
    double *most, *part;
    char *y; /* [batches, queries, value_size], contiguous, as are the gradients */
    /* backward: */
    tgi_matrices g, result;
    char *dq, *dk, *dv;
    double *dot; /* room for a number for each query */
} tgi_attention;

/* `t` without its last two dimensions broadcast to the batches of `a`. */
tgi_matrices tgi_attention_matrices(const tgi_attention *a, const tg_tensor *t);

/* False: memory ran out. */
bool tgi_attention_forward(const tgi_attention *a);
bool tgi_attention_backward(const tgi_attention *a);

TG_EXTERN_C_END

#endif
