/* compare.h: tensors of numbers that depend on nothing but a seed, and one tensor against another. */
#ifndef TG_TESTS_SUPPORT_COMPARE_H
#define TG_TESTS_SUPPORT_COMPARE_H

#include "tapegrad.h"
#include "values.h"

/* Between -1 and 1, never 0. */
static inline tg_tensor *numbers(tg_shape shape, tg_dtype dtype, uint64_t seed)
{
    const int64_t n = tg_shape_numel(&shape);
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        values[i] = ((double)(x >> 40) + 0.5) / 0x1p23 - 1;
    }
    tg_tensor *t = tg_from_data(values, shape, .dtype = dtype);
    free(values);
    return t;
}

static inline tg_tensor *parameter(tg_shape shape, tg_dtype dtype, uint64_t seed)
{
    return tg_requires_grad_(numbers(shape, dtype, seed), true);
}

/* The same shape and dtype, and elements that differ by at most tolerance (1 + |expected|); 0: the same elements. */
static inline void assert_alike_at(int line, const tg_tensor *t, const tg_tensor *expected, double tolerance)
{
    const tg_shape have = tg_shape_of(t), want = tg_shape_of(expected);
    if (tg_failed()) fail_msg("line %d: %s", line, tg_error_message());
    if (!t || !expected) fail_msg("line %d: there is no %s", line, t ? "expected tensor" : "tensor");
    if (!tg_shape_equal(&have, &want)) fail_msg("line %d: the shapes differ", line);
    if (tg_dtype_of(t) != tg_dtype_of(expected)) fail_msg("line %d: the dtypes differ", line);
    double *a = elements(t), *b = elements(expected);
    int64_t bad = -1;
    for (int64_t i = 0; i < tg_numel(t) && bad < 0; i++)
        if (!(fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i])))) bad = i;
    const double x = bad < 0 ? 0 : a[bad], y = bad < 0 ? 0 : b[bad];
    free(a);
    free(b);
    if (bad >= 0) fail_msg("line %d: element %lld is %.17g, not %.17g", line, (long long)bad, x, y);
}
#define assert_alike(t, expected, tolerance) assert_alike_at(__LINE__, t, expected, tolerance)

#endif
