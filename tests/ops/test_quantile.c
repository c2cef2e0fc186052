/* test_quantile.c: quantiles and histograms of many elements, against loops over them; what a sample can say is in
 * ops/reduce/quantile.c and histogram.c. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n numbers in order. */
static double quantile_of(const double *sorted, int64_t n, double q)
{
    const double rank = q * (double)(n - 1);
    const double below = sorted[(int64_t)floor(rank)], above = sorted[(int64_t)ceil(rank)];
    return below + (rank - floor(rank)) * (above - below);
}

TEST(test_quantiles)
{
    static const double at[] = { 0, 0.01, 0.25, 0.333, 0.5, 0.9, 1 };
    enum { COUNT = sizeof at / sizeof at[0], ROWS = 3, N = 1001 };
    tg_manual_seed(1);
    tg_tensor *t = tg_randn(tg_shape(N, ROWS), .dtype = TG_FLOAT64), *q = tg_from_data(at, tg_shape(COUNT));
    tg_tensor *y = tg_quantile(t, q, .dim = 0);
    double *numbers = elements(tg_transpose(t, 0, 1)), *found = elements(y);
    for (int row = 0; row < ROWS; row++) {
        qsort(numbers + row * N, N, sizeof *numbers, by_size);
        for (int k = 0; k < COUNT; k++)
            assert_true(fabs(found[k * ROWS + row] - quantile_of(numbers + row * N, N, at[k])) < 1e-12);
    }
    free(numbers);
    free(found);
    tg_tensor *narrow = tg_to(t, TG_FLOAT32);
    assert_true(fabs(tg_item(tg_quantile(narrow, 0.3)) - tg_item(tg_quantile(t, 0.3))) < 1e-5);
    assert_true(tg_item(tg_quantile(t, 0.5)) == tg_item(tg_median(t))); /* of an odd number */
}

/* NaN in a third of the places: the quantiles of the others. */
TEST(test_quantiles_among_nan)
{
    enum { N = 300 };
    double numbers[N], others[N];
    int64_t count = 0;
    for (int i = 0; i < N; i++) {
        numbers[i] = i % 3 ? sin(i) : (double)NAN;
        if (i % 3) others[count++] = sin(i);
    }
    qsort(others, (size_t)count, sizeof *others, by_size);
    tg_tensor *t = tg_from_data((const double *)numbers, tg_shape(N), .requires_grad = true),
              *y = tg_nanquantile(t, 0.77);
    assert_true(fabs(tg_item(y) - quantile_of(others, count, 0.77)) < 1e-14);
    assert_true(isnan(tg_item(tg_quantile(t, 0.77))));
    tg_backward(y);
    assert_true(fabs(tg_item(tg_sum(tg_grad_of(t))) - 1) < 1e-14);
}

TEST(test_quantiles_of_too_much)
{
    tg_tensor *t = tg_expand(tg_zeros(tg_shape(1)), tg_shape((1 << 24) + 1));
    assert_null(tg_quantile(t, 0.5));
    expect_error("quantile() input tensor is too large");
    tg_tensor *wide = tg_zeros(tg_shape(1, 1, 1, 1, 1, 1, 1, 2));
    assert_int_equal(tg_ndim(tg_quantile(wide, 0.5, .dim = -1, .keepdim = true)), 8);
    assert_null(tg_quantile(wide, tg_zeros(tg_shape(2)), .keepdim = true));
    expect_error("8");
    assert_null(tg_quantile(wide, 0.5, .interpolation = NULL));
    expect_error("but got (null)");
}

/* ---- histograms ---- */

enum { ELEMENTS = 5000, BINS = 37 };

/* The same by comparing each element with each edge. */
static void count_between(const double *x, const double *edges, const double *weight, double counts[BINS])
{
    for (int j = 0; j < BINS; j++) counts[j] = 0;
    for (int i = 0; i < ELEMENTS; i++)
        for (int j = 0; j < BINS; j++)
            if (x[i] >= edges[j] && (x[i] < edges[j + 1] || (j == BINS - 1 && x[i] == edges[BINS])))
                counts[j] += weight ? weight[i] : 1;
}

static void check_histogram(tg_tensor *x, tg_tensor *weight, tg_histogram_result y)
{
    double expected[BINS], *numbers = elements(x), *edges = elements(y.bin_edges), *found = elements(y.hist);
    double *weights = weight ? elements(weight) : NULL;
    count_between(numbers, edges, weights, expected);
    assert_int_equal(tg_numel(y.hist), BINS);
    for (int j = 0; j < BINS; j++) assert_true(fabs(found[j] - expected[j]) < 1e-9);
    free(numbers);
    free(edges);
    free(found);
    free(weights);
}

TEST(test_histograms)
{
    tg_manual_seed(2);
    tg_tensor *x = tg_randn(tg_shape(100, 50), .dtype = TG_FLOAT64), *w = tg_rand_like(x);
    check_histogram(x, NULL, tg_histogram(x, BINS));
    check_histogram(x, w, tg_histogram(x, BINS, .min = -1, .max = 0.5, .weight = w));
    check_histogram(tg_transpose(x, 0, 1), NULL, tg_histogram(tg_transpose(x, 0, 1), BINS, .min = -1));
    tg_tensor *edges = tg_sort(tg_randn(tg_shape(BINS + 1), .dtype = TG_FLOAT64)).values;
    check_histogram(x, w, tg_histogram(x, edges, .weight = w));
    tg_tensor *wholes = tg_round(tg_mul(x, 4)); /* elements on edges */
    check_histogram(wholes, NULL, tg_histogram(wholes, BINS, .min = -20, .max = 17));
    const tg_histogram_result y = tg_histogram(x, edges, .density = true);
    assert_true(fabs(tg_item(tg_sum(tg_mul(y.hist, tg_diff(edges)))) - 1) < 1e-12);
}

TEST(test_histogram_of_nan)
{
    tg_tensor *x = tg_tensor_of(0.5, NAN, 1.5, INFINITY, -1.0);
    VALUES(tg_histogram(x, 2, .min = 0, .max = 2).hist, 0, 1, 1);
    VALUES(tg_histogram(x, tg_tensor_of(0.0, 1.0, 2.0)).hist, 0, 1, 1);
    assert_null(tg_histogram(x, 2).hist);
    expect_error("is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_quantiles),  T(test_quantiles_among_nan), T(test_quantiles_of_too_much),
        T(test_histograms), T(test_histogram_of_nan),
    };
    return cmocka_run_group_tests_name("quantile", tests, NULL, NULL);
}
