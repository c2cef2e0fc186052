/* normalization_impl.h: what the normalisations share. Internal to ops/. */
#ifndef TG_OPS_LAYERS_NORMALIZATION_IMPL_H
#define TG_OPS_LAYERS_NORMALIZATION_IMPL_H

#include "ops/base/element.h"

TG_EXTERN_C_BEGIN

/* A normalisation as ops see it: the input reshaped to `shape` is normalised over `dims`, and its weight and bias
 * reshaped to `affine` broadcast to it. Attributes of a node begin with it. */
typedef struct tgi_norm_form {
    tg_shape shape, dims, affine;
    bool weighted; /* there is a weight */
    bool centered; /* false: no mean is subtracted */
    double eps;
} tgi_norm_form;

/* What a node saves: x, the weight if the gradient of x needs it, and the statistics, in double: row 0 has the
 * means of all sets, row 1 their 1 / sqrt(variance + eps). */
enum { TGI_NORM_X, TGI_NORM_WEIGHT, TGI_NORM_STATISTICS };

/* Fills y and the statistics from contiguous x, weight and bias (NULL where there is none). False: memory ran out. */
typedef bool (*tgi_norm_forward_raw)(const tgi_norm_form *form, tg_tensor *const inputs[3], tg_tensor *statistics,
                                     tg_tensor *y, void *more);
/* Makes y, records it; `form` has `size` bytes, `more` is passed on. */
tg_tensor *tgi_norm_forward(const tg_op *op, tg_tensor_list inputs, const tgi_norm_form *form, size_t size,
                            tg_shape statistics, tgi_norm_forward_raw raw, void *more);

/* The saved weight where the gradient of x depends on it, otherwise NULL. */
tg_tensor *tgi_norm_weight(tg_context *ctx);

/* The gradients of the op's inputs x, weight and bias (0, 1, 2), in ops: where the statistics are functions of x. */
void tgi_norm_backward(tg_context *ctx);

/* Contiguous, the weight NULL where there is none or it is not needed. */
enum { TGI_NORM_G = 3, TGI_NORM_SOURCES };
/* Fills those gradients of x, weight and bias that are there. False: memory ran out. */
typedef bool (*tgi_norm_backward_raw)(const tgi_norm_form *form, tg_tensor *const from[TGI_NORM_SOURCES],
                                      tg_tensor *const grads[3]);
/* The same gradients by loops. */
void tgi_norm_backward_fused(tg_context *ctx, tgi_norm_backward_raw raw);

/* PyTorch's "expected scalar type Float but found Double" for a parameter, which may be NULL, of another dtype than the
 * input. */
bool tgi_norm_same_dtype(const tg_op *op, tg_tensor_list inputs, const tg_tensor *input, const tg_tensor *parameter);

static inline tg_tensor *tgi_norm_argument(const tg_value *v)
{
    return v->kind == TG_VALUE_TENSOR ? v->as.tensor : NULL;
}

/* Elements in one task; elements from which on several threads pay. */
enum { TGI_NORM_TASK = 1 << 14, TGI_NORM_PARALLEL = 1 << 16 };

TG_EXTERN_C_END

#endif
