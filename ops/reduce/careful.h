/* careful.h: moments of a set of numbers, and its normalisation, for the sets that the kernels cannot take. Internal to
 * ops/.
 *
 * The kernels square in the dtype at hand. Where a set is so large or so small that the squares do not fit, or so far
 * from 0 that its spread is of the size of rounding, they say so by their result, and the set is done again here: in
 * double, element by element, scaled by a power of two. Slow, and wrong nowhere that the result fits. Nothing here
 * allocates. */
#ifndef TG_OPS_REDUCE_CAREFUL_H
#define TG_OPS_REDUCE_CAREFUL_H

#include "ops/base/range.h"

TG_EXTERN_C_BEGIN

/* n elements of a floating dtype: runs of `inner`, `stride` elements from one to the next. */
typedef struct tgi_careful_set {
    int dtype;
    int64_t n, inner, stride;
} tgi_careful_set;

/* The sum of squared deviations is square 4^exponent, the mean that of two numbers, the second of which is near 0. */
typedef struct tgi_careful_moments {
    double mean, rest, square;
    int exponent;
} tgi_careful_moments;

/* Not centered: the mean is taken for 0. Numbers of the size of `least` fit, squared, beside the scaled elements. All
 * elements the same: the square is 0. */
tgi_careful_moments tgi_careful_moments_of(const tgi_careful_set *set, const void *x, bool centered, double least);

/* A set to be normalised: y = (x - mean) rstd weight + bias, the parameters those of the element's run, or one for
 * all. */
typedef struct tgi_careful_norm {
    tgi_careful_set set;
    const void *x, *weight, *bias; /* the parameters NULL: none */
    int64_t step;                  /* of the parameters from run to run: 0 or 1 */
    bool centered;
    double mean, rstd;
    void *y; /* or, backward, dx; NULL: not wanted */
    const void *g;
    /* Backward, added to: the gradients of weight and bias, of any floating dtype. NULL: not wanted. */
    void *dweight, *dbias;
    int sums_dtype;
} tgi_careful_norm;

/* Whether sets of this rstd are for the functions below. */
static inline bool tgi_rstd_needs_care(int dtype, double rstd)
{
    return dtype == TG_FLOAT32 ? !(rstd >= 0x1p-40 && rstd <= 0x1p40) : !(rstd >= 0x1p-300 && rstd <= 0x1p300);
}

/* Finds mean, rstd and, if it is not NULL, the sum of squared deviations. */
void tgi_careful_statistics(tgi_careful_norm *c, double eps, double *square);
void tgi_careful_forward(const tgi_careful_norm *c);
void tgi_careful_backward(const tgi_careful_norm *c);

TG_EXTERN_C_END

#endif
