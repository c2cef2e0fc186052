/* range.h: whether numbers left the range in which their dtype keeps all its digits. Internal to ops/.
 *
 * Squares and powers leave it long before their root does. Whoever sums them takes the usual path, looks at the sums by
 * these functions, and where they say so computes anew from elements divided by the largest. */
#ifndef TG_OPS_BASE_RANGE_H
#define TG_OPS_BASE_RANGE_H

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "element.h"

/* A sum of n powers below this lacks digits: each that underflows is wrong by the least normal number, at most. */
static inline double tgi_least_sum(int dtype, int64_t n)
{
    return (double)n * (dtype == TG_FLOAT32 ? (double)FLT_MIN / (double)FLT_EPSILON : DBL_MIN / DBL_EPSILON);
}

/* Whether a sum of n powers lacks digits, or does not fit. */
static inline bool tgi_sum_has_lost(int dtype, double sum, int64_t n)
{
    return sum < tgi_least_sum(dtype, n) || isinf(sum);
}

/* The p-norm of what has this sum of p-th powers; p is not 0 and finite. */
static inline double tgi_root_of_sum(double sum, double p) { return p == 2 ? sqrt(sum) : pow(sum, 1 / p); }

/* The e for which size 2^-e is near 1, held where 2^e and 2^-e are normal numbers; 0 of 0, infinity and NaN. */
static inline int tgi_exponent_of(int dtype, double size)
{
    const int most = dtype == TG_FLOAT32 ? 126 : 1022;
    if (!(size > 0) || isinf(size)) return 0;
    const int e = ilogb(size);
    return e < -most ? -most : e > most ? most : e;
}

enum { TGI_OUTSIDE = 1, TGI_ZERO = 2 };

/* What there is among n numbers that are not negative: TGI_OUTSIDE, numbers below `low` or above `high`; TGI_ZERO. NaN
 * is neither. */
static inline int tgi_look_outside(const void *from, int dtype, int64_t n, double low, double high)
{
    int outside = 0, zero = 0; /* and no short cuts: a loop for vectors */
    if (dtype == TG_FLOAT32) {
        const float *v = (const float *)from, a = (float)low, b = (float)high;
        for (int64_t i = 0; i < n; i++) outside |= ((v[i] > 0) & (v[i] < a)) | (v[i] > b), zero |= v[i] == 0;
    } else {
        const double *v = (const double *)from;
        for (int64_t i = 0; i < n; i++) outside |= ((v[i] > 0) & (v[i] < low)) | (v[i] > high), zero |= v[i] == 0;
    }
    return (outside ? TGI_OUTSIDE : 0) | (zero ? TGI_ZERO : 0);
}

/* The largest finite number. */
static inline double tgi_most(int dtype) { return dtype == TG_FLOAT32 ? (double)FLT_MAX : DBL_MAX; }

#endif
