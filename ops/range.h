/* range.h: whether numbers left the range in which their dtype keeps all its digits. Internal to ops/.
 *
 * Squares and powers leave it long before their root does. Whoever sums them takes the usual path, looks at the sums by
 * these functions, and where they say so computes anew from elements divided by the largest. */
#ifndef TG_OPS_RANGE_H
#define TG_OPS_RANGE_H

#include <float.h>
#include <math.h>

#include "element.h"

/* A sum of n powers below this lacks digits: each that underflows is wrong by the least normal number, at most. */
static inline double tgi_least_sum(int dtype, int64_t n)
{
    return (double)n * (dtype == TG_FLOAT32 ? (double)FLT_MIN / (double)FLT_EPSILON : DBL_MIN / DBL_EPSILON);
}

/* Whether one of n numbers is above `least` and below `low`, or above `high`; NaN is neither. */
static inline bool tgi_any_outside(const void *from, int dtype, int64_t n, double least, double low, double high)
{
    int outside = 0; /* and no short cuts: a loop for vectors */
    if (dtype == TG_FLOAT32) {
        const float *v = from, a = (float)least, b = (float)low, c = (float)high;
        for (int64_t i = 0; i < n; i++) outside |= ((v[i] > a) & (v[i] < b)) | (v[i] > c);
    } else {
        const double *v = from;
        for (int64_t i = 0; i < n; i++) outside |= ((v[i] > least) & (v[i] < low)) | (v[i] > high);
    }
    return outside;
}

/* The largest finite number. */
static inline double tgi_most(int dtype) { return dtype == TG_FLOAT32 ? (double)FLT_MAX : DBL_MAX; }

#endif
