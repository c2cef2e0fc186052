/* linalg_impl.h: what the ops of linalg.h share. Internal to ops/. */
#ifndef TG_OPS_LINEAR_LINALG_IMPL_H
#define TG_OPS_LINEAR_LINALG_IMPL_H

#include "core/tensor_impl.h"
#include "ops/linalg.h"
#include "ops/view.h"

TG_EXTERN_C_BEGIN

/* `a` is a batch of square matrices; `name` stands before PyTorch's words if it is not ("linalg.inv"). */
bool tgi_is_square(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const char *name);
/* The same, and of a floating dtype. */
bool tgi_is_square_floating(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const char *name);

/* The matrices of A x X = B or X x A = B fit each other, and their batches broadcast to `batch`. */
bool tgi_equation_fits(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const tg_tensor *b, bool left,
                       const char *name, tg_shape *batch);

/* A contiguous float64 copy of `t`, stretched to `shape`, that the caller may write and gives back with tgi_unref. */
tg_tensor *tgi_own_doubles(tg_tensor *t, const tg_shape *shape);

/* Doubles in `dtype`, contiguous: a result. Raw. */
tg_tensor *tgi_rounded(tg_tensor *doubles, tg_dtype dtype);

/* `shape` with a matrix of the given size behind it. */
tg_shape tgi_shape_with(const tg_shape *batch, int64_t rows, int64_t columns);

/* ---- factored matrices ---- */

/* A batch of matrices, each as tgi_lu leaves it. */
typedef struct tgi_factors {
    tg_tensor *lu, *swaps; /* owned; swaps: int64 [count, n] */
    int64_t n, count;
    double *scratch;
    size_t bytes;    /* of it */
    int64_t *pivots; /* in swaps */
    int64_t singular, zero; /* the first singular matrix, -1 if there is none, and what tgi_lu returned for it */
} tgi_factors;

/* `a` stretched to the batch's shape and factored. False: no memory. Either way tgi_factors_free comes next. */
bool tgi_factors_new(tg_tensor *a, const tg_shape *batch, tgi_factors *f);
void tgi_factors_free(tgi_factors *f);

static inline double *tgi_factored(const tgi_factors *f, int64_t i)
{
    return (double *)tgi_ptr(f->lu) + i * f->n * f->n;
}

/* Doubles as tgi_rounded makes them a result; their reference is given back. NULL stays NULL. */
tg_tensor *tgi_rounded_own(tg_tensor *doubles, tg_dtype dtype);

/* Identities in a batch of square matrices, doubles, owned by the caller. */
tg_tensor *tgi_own_identities(const tg_shape *shape);

/* The inverses, recorded; that of a singular matrix is inf and NaN. */
tg_tensor *tgi_inverse_unchecked(tg_tensor *a);

static inline tg_shape tgi_matrix_batch(const tg_tensor *t)
{
    tg_shape s = tgi_shape(t);
    s.ndim -= 2;
    return s;
}

static inline tg_tensor *tgi_transposed(tg_tensor *t) { return tg_transpose(t, -2, -1); }

/* ---- samples ---- */

/* A matrix that stays well conditioned, whatever the tests do to the leaves of which it is the sum. */
#define TGI_MATRIX_2   "add(f(2, 2, lo=-1, hi=1), reshape(v(3, 0, 0, -3, grad=False), [2, 2]))"
#define TGI_MATRIX_3   "add(f(3, 3, lo=-1, hi=1), reshape(v(4, 0, 0, 0, 4, 0, 0, 0, 4, grad=False), [3, 3]))"
#define TGI_MATRICES_2 "add(f(2, 2, 2, lo=-1, hi=1), reshape(v(3, 0, 0, -3, grad=False), [2, 2]))"
#define TGI_SQUARE_ERRORS(call, name)                                                                                      \
    { call "(f(2, 3))", name ": A must be batches of square matrices, but they are 2 by 3 matrices" },                 \
        { call "(f(3))", name ": The input tensor A must have at least 2 dimensions." },                               \
    {                                                                                                                  \
        call "(i(2, 2))", name ": Expected a floating point or complex tensor as input. Got Long"                      \
    }

TG_EXTERN_C_END

#endif
