/* test_sum_and_mean.c: sums and means against naive loops, over every set of dimensions and any strides; their rounding; what
 * they do not depend on; the undoing of broadcasting. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/moments.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/scan.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- references ---- */

/* Where element `index` (row-major) of `shape` goes when the dimensions in `mask` are summed away. */
static int64_t target_of(const tg_shape *shape, unsigned mask, int64_t index)
{
    int64_t at = 0, step = 1;
    for (int d = shape->ndim - 1; d >= 0; d--) {
        if (!(mask >> d & 1)) {
            at += index % shape->dims[d] * step;
            step *= shape->dims[d];
        }
        index /= shape->dims[d];
    }
    return at;
}

/* The sum over the dimensions in `mask` in long double, and the sum of absolute values. */
static int64_t naive_sum(const tg_tensor *t, unsigned mask, long double **sums, long double **sizes)
{
    tg_shape shape = tg_shape_of(t);
    int64_t count = 1;
    for (int d = 0; d < shape.ndim; d++) count *= mask >> d & 1 ? 1 : shape.dims[d];
    *sums = calloc((size_t)count + 1, sizeof **sums);
    *sizes = calloc((size_t)count + 1, sizeof **sizes);
    double *x = elements(t);
    for (int64_t i = 0; i < tg_numel(t); i++) {
        (*sums)[target_of(&shape, mask, i)] += x[i];
        (*sizes)[target_of(&shape, mask, i)] += fabs(x[i]);
    }
    free(x);
    return count;
}

static tg_shape dims_of(unsigned mask)
{
    tg_shape dims = { 0, { 0 } };
    for (int d = 0; d < TG_MAX_DIMS; d++)
        if (mask >> d & 1) dims.dims[dims.ndim++] = d;
    return dims;
}

/* Sum and mean over the dimensions in `mask`: values, shape and dtype. */
static void check(tg_tensor *t, unsigned mask, bool keepdim)
{
    long double *sums, *sizes;
    int64_t count = naive_sum(t, mask, &sums, &sizes), terms = count ? tg_numel(t) / count : 0;
    tg_tensor *sum = tg_sum(t, .dims = dims_of(mask), .keepdim = keepdim),
              *mean = tg_mean(t, .dims = dims_of(mask), .keepdim = keepdim);
    assert_non_null(sum);
    assert_int_equal(tg_numel(sum), count);
    assert_int_equal(tg_ndim(sum), keepdim ? tg_ndim(t) : tg_ndim(t) - __builtin_popcount(mask));
    assert_int_equal(tg_dtype_of(sum), tg_dtype_of(t));
    double *s = elements(sum), *m = elements(mean), log_terms = log2((double)terms + 2);
    for (int64_t i = 0; i < count; i++) {
        double tolerance = epsilon(t) * log_terms * (double)sizes[i];
        if (!(fabs(s[i] - (double)sums[i]) <= tolerance))
            fail_msg("sum %lld is %.17g, expected %.17Lg", (long long)i, s[i], sums[i]);
        if (terms == 0)
            assert_true(isnan(m[i]));
        else if (!(fabs(m[i] - (double)(sums[i] / terms)) <= tolerance / (double)terms + epsilon(t) * fabs(m[i])))
            fail_msg("mean %lld is %.17g, expected %.17Lg", (long long)i, m[i], sums[i] / terms);
    }
    free(s);
    free(m);
    free(sums);
    free(sizes);
}

static void assert_same_bits(const tg_tensor *a, const tg_tensor *b)
{
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(tg_numel(a), tg_numel(b));
    double *x = elements(a), *y = elements(b);
    assert_memory_equal(x, y, (size_t)tg_numel(a) * sizeof *x);
    free(x);
    free(y);
}

/* ---- values ---- */

static tg_tensor *permuted(tg_shape shape, tg_dtype dtype)
{
    tg_shape stored = shape, dims = shape;
    for (int d = 0; d < shape.ndim; d++) {
        dims.dims[d] = shape.ndim - 1 - d;
        stored.dims[d] = shape.dims[shape.ndim - 1 - d];
    }
    return tg_permute(tg_randn(stored, .dtype = dtype), dims);
}

static tg_tensor *sliced(tg_shape shape, tg_dtype dtype)
{
    if (!shape.ndim) return tg_randn(shape, .dtype = dtype);
    tg_shape stored = shape;
    stored.dims[shape.ndim - 1] = 2 * shape.dims[shape.ndim - 1] + 3;
    return tg_slice(tg_randn(stored, .dtype = dtype), -1, 1, 2 * shape.dims[shape.ndim - 1] + 1, 2);
}

TEST(test_every_set_of_dimensions)
{
    static const tg_shape shapes[] = { { 1, { 7 } },
                                       { 1, { 5000 } },
                                       { 2, { 3, 4 } },
                                       { 2, { 700, 33 } },
                                       { 2, { 5, 2100 } },
                                       { 2, { 1, 6 } },
                                       { 3, { 4, 1, 5 } },
                                       { 4, { 3, 4, 2, 5 } },
                                       { 5, { 2, 3, 1, 2, 4 } },
                                       { 8, { 2, 1, 2, 3, 1, 2, 2, 2 } },
                                       { 2, { 0, 3 } },
                                       { 3, { 2, 0, 3 } } };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (unsigned mask = 1; mask < 1u << shapes[i].ndim; mask++)
            for (tg_dtype dtype = TG_FLOAT32; dtype <= TG_FLOAT64; dtype++) {
                tg_scope scope = tg_scope_begin();
                check(tg_randn(shapes[i], .dtype = dtype), mask, false);
                check(permuted(shapes[i], dtype), mask, true);
                check(sliced(shapes[i], dtype), mask, mask & 1);
                tg_scope_end(scope);
            }
    tg_scope scope = tg_scope_begin();
    tg_tensor *one = tg_full(tg_shape(), 2.5);
    assert_true(tg_item(tg_sum(one)) == 2.5 && tg_item(tg_sum(one, .dim = 0)) == 2.5 &&
                tg_item(tg_mean(one, .dim = -1)) == 2.5);
    tg_tensor *stretched = tg_expand(tg_full(tg_shape(3, 1), 0.5), tg_shape(4, 3, 1000));
    assert_true(tg_item(tg_sum(stretched)) == 6000);
    check(stretched, 5, false);
    tg_scope_end(scope);
}

/* An option that is given as zero is zero: dimension 0, not "all dimensions". */
TEST(test_options)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(2, 3));
    assert_int_equal(tg_numel(tg_sum(t)), 1);
    assert_int_equal(tg_numel(tg_sum(t, .dim = 0)), 3);
    assert_int_equal(tg_numel(tg_sum(t, .dims = tg_shape(0))), 3);
    assert_int_equal(tg_numel(tg_sum(t, .dim = -1)), 2);
    assert_int_equal(tg_numel(tg_mean(t, .dim = 0, .keepdim = false)), 3);
    assert_int_equal(tg_ndim(tg_sum(t, .keepdim = true)), 2);
    assert_int_equal(tg_dtype_of(tg_sum(t, .dtype = TG_FLOAT64)), TG_FLOAT64);
    assert_int_equal(tg_dtype_of(tg_sum(tg_to(t, TG_FLOAT64), .dtype = TG_FLOAT32)), TG_FLOAT32); /* FLOAT32 is 0 */
    assert_int_equal(tg_item_int64(tg_sum(tg_full(tg_shape(4), 1.75), .dtype = TG_INT64)), 4);    /* converted first */
    assert_int_equal(tg_dtype_of(tg_sum(t, .dtype = TG_BOOL)), TG_BOOL);
    assert_int_equal(tg_item_int64(tg_sum(t, .dtype = TG_BOOL)), 1);
    assert_true(tg_item(tg_mean(tg_arange(0, 4, 1), .dtype = TG_FLOAT32)) == 1.5);
    tg_scope_end(scope);
}

TEST(test_integers)
{
    tg_scope scope = tg_scope_begin();
    int64_t large[] = { (int64_t)1 << 60, 1, -3, ((int64_t)1 << 60) + 7 };
    assert_true(tg_item_int64(tg_sum(tg_from_data(large, tg_shape(4)))) == ((int64_t)1 << 61) + 5); /* beyond 2^53 */
    tg_tensor *condition = tg_ge(tg_arange(0, 300000, 1), 1000);
    assert_int_equal(tg_dtype_of(tg_sum(condition)), TG_INT64);
    assert_int_equal(tg_item_int64(tg_sum(condition)), 299000);
    tg_tensor *rows = tg_sum(tg_reshape(condition, tg_shape(3, 100000)), .dim = 1);
    assert_int_equal(tg_item_int64(tg_select(rows, 0, 0)), 99000);
    assert_int_equal(tg_item_int64(tg_select(tg_sum(tg_reshape(condition, tg_shape(150000, 2)), .dim = 0), 0, 1)),
                     149500);
    tg_scope_end(scope);
}

/* ---- rounding ---- */

/* Ten million values near one: added from left to right in float32 the sum would be off in the third digit. */
TEST(test_long_sums_are_pairwise)
{
    tg_scope scope = tg_scope_begin();
    const int64_t n = 10000000;
    tg_tensor *t = tg_add(tg_rand(tg_shape(n)), 0.5);
    const float *x = tg_data(t, TG_FLOAT32);
    double exact = 0;
    float naive = 0;
    for (int64_t i = 0; i < n; i++) {
        exact += x[i];
        naive += x[i];
    }
    assert_true(fabs(naive - exact) > 1e-5 * exact); /* the test can tell the difference */
    assert_true(fabs(tg_item(tg_sum(t)) - exact) < 1.5e-7 * exact);
    assert_true(fabs(tg_item(tg_mean(t)) - exact / (double)n) < 1.5e-7 * exact / (double)n);
    tg_tensor *columns = tg_sum(tg_reshape(t, tg_shape(n / 4, 4)), .dim = 0);
    for (int64_t j = 0; j < 4; j++) {
        double column = 0;
        for (int64_t i = j; i < n; i += 4) column += x[i];
        assert_true(fabs(tg_item(tg_select(columns, 0, j)) - column) < 1.5e-7 * column);
    }
    tg_scope_end(scope);
}

/* A running sum is added in double: its last term is as good as the sum, and so is every one before it. */
TEST(test_long_running_sums)
{
    tg_scope scope = tg_scope_begin();
    const int64_t n = 10000000;
    tg_tensor *t = tg_add(tg_rand(tg_shape(n)), 0.5);
    const float *x = tg_data(t, TG_FLOAT32), *y = tg_data(tg_cumsum(t, 0), TG_FLOAT32);
    double exact = 0;
    for (int64_t i = 0; i < n; i++) {
        exact += x[i];
        if (!(fabs(y[i] - exact) <= 6e-8 * exact))
            fail_msg("sum %lld is %.9g, expected %.17g", (long long)i, y[i], exact);
    }
    tg_scope_end(scope);
}

/* Zero is zero for every option: a dimension, a power, a correction. */
TEST(test_zero_options)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_reshape(tg_arange(0.0, 6.0, 1.0), tg_shape(2, 3));
    assert_int_equal(tg_numel(tg_amax(t, .dim = 0)), 3);
    assert_int_equal(tg_numel(tg_argmin(t, .dim = 0)), 3);
    assert_int_equal(tg_numel(tg_prod(t, .dim = 0)), 3);
    assert_int_equal(tg_numel(tg_any(t, .dim = 0, .keepdim = false)), 3);
    assert_int_equal(tg_numel(tg_aminmax(t, .dim = 0).max), 3);
    assert_int_equal(tg_numel(tg_count_nonzero(t, .dim = 0)), 3);
    assert_true(tg_item(tg_norm(t, .p = 0)) == 5);
    assert_int_equal(tg_numel(tg_norm(t, .dim = 0)), 3);
    assert_true(tg_item(tg_var(t, .correction = 0)) == (double)(17.5f / 6) &&
                tg_item(tg_var(t, .unbiased = false)) == (double)(17.5f / 6) && tg_item(tg_var(t)) == 3.5);
    assert_int_equal(tg_dtype_of(tg_cumsum(tg_to(t, TG_FLOAT64), 0, .dtype = TG_FLOAT32)), TG_FLOAT32);
    assert_int_equal(tg_dtype_of(tg_prod(tg_to(t, TG_FLOAT64), .dtype = TG_FLOAT32)), TG_FLOAT32);
    tg_scope_end(scope);
}

/* The pieces that threads work on change no bit of values and indices. */
TEST(test_threads)
{
#ifdef _OPENMP
    tg_scope scope = tg_scope_begin();
    const tg_shape shapes[] = { { 1, { 300007 } }, { 2, { 700, 900 } }, { 2, { 90000, 5 } }, { 3, { 40, 70, 90 } } };
    const int before = omp_get_max_threads();
    for (int i = 0; i < 4; i++)
        for (int64_t d = 0; d < shapes[i].ndim; d++) {
            tg_tensor *t = tg_randn(shapes[i]), *one[6];
            for (int threads = 1; threads <= 3; threads += 2) {
                omp_set_num_threads(threads);
                const tg_values_indices most = tg_max_dim(t, d), low = tg_cummin(t, d);
                tg_tensor *now[] = { most.values, most.indices, low.indices, tg_cumsum(t, d), tg_argmin(t), tg_min(t) };
                for (int k = 0; k < 6; k++) {
                    if (threads > 1) assert_same_bits(now[k], one[k]);
                    one[k] = now[k];
                }
            }
            const int64_t at = tg_item_int64(one[4]);
            assert_same_bits(tg_select(tg_flatten(t), 0, at), one[5]);
        }
    omp_set_num_threads(before);
    tg_scope_end(scope);
#endif
}

/* All of a matrix that lies in memory the other way round, whose rows are copied chunk by chunk: rows of which a block of
 * additions takes two, one and a part of one, and short ones; several matrices. */
TEST(test_sums_of_all_of_transposed)
{
    static const tg_shape shapes[] = { { 2, { 700, 300 } },  { 2, { 131, 1001 } },  { 2, { 40, 4001 } },
                                       { 2, { 5000, 100 } }, { 3, { 7, 90, 513 } }, { 2, { 65, 512 } } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (tg_dtype dtype = TG_FLOAT32; dtype <= TG_BOOL; dtype++) {
            tg_scope scope = tg_scope_begin();
            tg_tensor *t = tg_to(tg_mul(tg_randn(shapes[i], .dtype = TG_FLOAT64), 3), dtype);
            tg_tensor *turned = tg_transpose(tg_contiguous(tg_transpose(t, -1, -2)), -1, -2);
            assert_same_bits(tg_sum(turned), tg_sum(t));
            assert_same_bits(tg_nansum(turned), tg_nansum(t));
            if (tg_dtype_is_floating(dtype)) assert_same_bits(tg_norm(turned), tg_norm(t));
            tg_scope_end(scope);
        }
}

/* The order of additions follows from the shape: not from strides, threads, or how many columns stand side by side. */
TEST(test_sums_depend_on_values_alone)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_randn(tg_shape(600, 700)), *wide = tg_randn(tg_shape(9000, 37)),
              *line = tg_randn(tg_shape(1000003));
    tg_tensor *turned = tg_t(tg_contiguous(tg_t(t))); /* the same values in the other order of memory */
    tg_tensor *all = tg_sum(t), *rows = tg_sum(t, .dim = 1), *columns = tg_sum(t, .dim = 0),
              *few = tg_sum(wide, .dim = 0);
    tg_tensor *length = tg_sum(line);
    assert_same_bits(tg_sum(turned), all);
    assert_same_bits(tg_sum(turned, .dim = 1), rows);
    assert_same_bits(tg_sum(turned, .dim = 0), columns);
    assert_same_bits(tg_sum(tg_select(tg_unsqueeze(line, 1), 1, 0)), length);
    for (int64_t j = 0; j < 37; j++) assert_same_bits(tg_sum(tg_select(wide, 1, j)), tg_select(few, 0, j));
    for (int64_t i = 0; i < 600; i += 97) assert_same_bits(tg_sum(tg_select(t, 0, i)), tg_select(rows, 0, i));
#ifdef _OPENMP
    int before = omp_get_max_threads();
    for (int threads = 1; threads <= 5; threads++) {
        omp_set_num_threads(threads);
        assert_same_bits(tg_sum(t), all);
        assert_same_bits(tg_sum(t, .dim = 0), columns);
        assert_same_bits(tg_sum(wide, .dim = 0), few);
        assert_same_bits(tg_sum(line), length);
    }
    omp_set_num_threads(before);
#endif
    tg_scope_end(scope);
}

/* ---- gradients ---- */

/* A sum's gradient is the incoming one, stretched without a copy. */
TEST(test_gradient_is_a_view)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape(40, 50), .requires_grad = true);
    tg_tensor *y = tg_mul(x, 1.0);
    tg_tensor *dy = tg_grad(tg_list(tg_sum(y)), tg_list(y)).items[0];
    assert_int_equal(tg_stride(dy, 0), 0);
    assert_int_equal(tg_stride(dy, 1), 0);
    y = tg_mul(x, 1.0);
    dy = tg_grad(tg_list(tg_sum(y, .dim = 0)), tg_list(y), .grad_outputs = { tg_arange(0.0, 50.0, 1.0) }).items[0];
    assert_int_equal(tg_stride(dy, 0), 0);
    assert_true(tg_item(tg_select(tg_select(dy, 0, 7), 0, 31)) == 31);
    tg_backward(tg_mean(x));
    assert_true(tg_item(tg_select(tg_select(tg_grad_of(x), 0, 3), 0, 3)) == (double)(1.0f / 2000.0f));
    tg_scope_end(scope);
}

/* Broadcasting is undone in each operand: d(sum of g (a + b)) = g, summed to the operand's shape. */
TEST(test_broadcasting_is_undone)
{
    static const tg_shape shapes[] = { { 0, { 0 } },    { 1, { 4 } },       { 2, { 1, 4 } },
                                       { 2, { 3, 1 } }, { 3, { 1, 1, 1 } }, { 3, { 2, 3, 4 } } };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *a = tg_randn(shapes[i], .requires_grad = true), *b = tg_randn(tg_shape(2, 3, 4)),
                  *g = tg_randn(tg_shape(2, 3, 4));
        tg_backward(tg_sub(b, a), .gradient = g);
        assert_true(tg_numel(tg_grad_of(a)) == tg_numel(a));
        assert_same_bits(tg_grad_of(a), tg_neg(tg_sum_to_size(g, shapes[i])));
        tg_scope_end(scope);
    }
}

TEST(test_sum_to_size)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_reshape(tg_arange(0, 24, 1), tg_shape(2, 3, 4));
    assert_ptr_equal(tg_sum_to_size(t, tg_shape(2, 3, 4)), t);
    assert_same_bits(tg_sum_to_size(t, tg_shape(3, 1)), tg_sum(tg_sum(t, .dim = 2, .keepdim = true), .dim = 0));
    assert_same_bits(tg_sum_to_size(t, tg_shape(1, 4)), tg_sum(tg_sum(t, .dim = 1, .keepdim = true), .dim = 0));
    assert_int_equal(tg_item_int64(tg_sum_to_size(t, tg_shape())), 276);
    assert_int_equal(tg_ndim(tg_sum_to_size(t, tg_shape(1, 1, 1))), 3);
    assert_true(tg_item(tg_sum(tg_sum_to_size(tg_ones(tg_shape(0, 3)), tg_shape(1, 3)))) == 0);
    assert_int_equal(tg_dtype_of(tg_sum_to_size(tg_ge(t, 3), tg_shape(4))), TG_INT64);
    assert_null(tg_sum_to_size(t, tg_shape(2, 4)));
    expect_error("size {[2, 4]} is not expandable to size {[2, 3, 4]}.");
    assert_null(tg_sum_to_size(tg_ones(tg_shape(1, 3)), tg_shape(0, 3)));
    expect_error("size {[0, 3]} is not expandable to size {[1, 3]}.");
    tg_scope_end(scope);
}

/* ---- errors ---- the words of PyTorch 1.13.1 */

TEST(test_errors)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(2, 3)), *i = tg_arange(0, 6, 1);
    assert_null(tg_sum(t, .dim = 2));
    expect_error("sum: Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    assert_null(tg_mean(t, .dim = -3));
    expect_error("mean: Dimension out of range (expected to be in range of [-2, 1], but got -3)");
    assert_null(tg_sum(t, .dims = tg_shape(1, -1)));
    expect_error("dim 1 appears multiple times in the list of dims");
    assert_null(tg_mean(i));
    expect_error(
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long");
    assert_null(tg_mean(t, .dtype = TG_INT64));
    expect_error(
        "mean(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. Got: Long");
    assert_null(tg_sum(NULL));
    expect_error("sum: argument 1 is NULL");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_set_of_dimensions),
        T(test_options),
        T(test_integers),
        T(test_long_sums_are_pairwise),
        T(test_long_running_sums),
        T(test_zero_options),
        T(test_threads),
        T(test_sums_of_all_of_transposed),
        T(test_sums_depend_on_values_alone),
        T(test_gradient_is_a_view),
        T(test_broadcasting_is_undone),
        T(test_sum_to_size),
        T(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
