/* values.h: a tensor's elements in tests: read out, and compared with expected numbers. */
#ifndef TG_TESTS_SUPPORT_VALUES_H
#define TG_TESTS_SUPPORT_VALUES_H

#include "cmocka_all.h"
#include "core/tensor.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* All elements in row-major order; free() them. */
static inline double *elements(const tg_tensor *t)
{
    double *values = malloc(((size_t)tg_numel(t) + 1) * sizeof *values);
    assert_non_null(values);
    assert_int_equal(tg_to_array(t, values, tg_numel(t)), TG_OK);
    return values;
}

/* The distance from 1 to the next number of t's dtype. */
static inline double epsilon(const tg_tensor *t) { return tg_dtype_of(t) == TG_FLOAT32 ? FLT_EPSILON : DBL_EPSILON; }

/* `t` has these n elements, each within tolerance (1 + |expected|). */
static inline void assert_values(const tg_tensor *t, const double *expected, int64_t n, double tolerance)
{
    double values[64];
    assert_true(n <= 64);
    assert_int_equal(tg_to_array(t, values, n), TG_OK);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(values[i] - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
            fail_msg("element %d is %.15g, not %.15g", (int)i, values[i], expected[i]);
}
#define VALUES(t, tolerance, ...)                                                                                     \
    assert_values(t, (const double[]){ __VA_ARGS__ }, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double), tolerance)

#endif
