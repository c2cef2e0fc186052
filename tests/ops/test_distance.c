/* test_distance.c: cdist beyond the size of samples: rows longer than its buffer, more rows than fit, several threads,
 * against plain loops; and that it loses nothing of points that are near each other and far from 0. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

static double distance(const double *a, const double *b, int64_t m, double p)
{
    double sum = 0;
    for (int64_t k = 0; k < m; k++) {
        const double d = fabs(a[k] - b[k]);
        sum = isinf(p) ? fmax(sum, d) : sum + (p == 0 ? d != 0 : pow(d, p));
    }
    return isinf(p) || p == 0 ? sum : pow(sum, 1 / p);
}

static void check(int64_t rows, int64_t others, int64_t m, double p)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_randn(tg_shape(rows, m), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *b = tg_randn(tg_shape(others, m), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *g = tg_randn(tg_shape(rows, others), .dtype = TG_FLOAT64), *y = tg_cdist(a, b, .p = p);
    const double *x1 = tg_data(a, TG_FLOAT64), *x2 = tg_data(b, TG_FLOAT64), *got = tg_data(y, TG_FLOAT64);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < others; j++) {
            const double want = distance(x1 + i * m, x2 + j * m, m, p);
            if (!(fabs(got[i * others + j] - want) <= 1e-12 * want))
                fail_msg("p = %g: %.17g is not %.17g", p, got[i], want);
        }
    /* The loops' gradient is that of the formula in ops, which create_graph runs. */
    tg_tensor_list fused = tg_grad(tg_list(y), tg_list(a, b), .grad_outputs = { g }, .retain_graph = true);
    tg_tensor_list ops = tg_grad(tg_list(y), tg_list(a, b), .grad_outputs = { g }, .create_graph = true);
    for (int i = 0; i < 2; i++) {
        double *have = elements(fused.items[i]), *want = elements(ops.items[i]);
        for (int64_t k = 0; k < tg_numel(fused.items[i]); k++)
            if (!(fabs(have[k] - want[k]) <= 1e-11 * (1 + fabs(want[k]))))
                fail_msg("p = %g: gradient %.17g is not %.17g", p, have[k], want[k]);
        free(have);
        free(want);
    }
    tg_scope_end(scope);
}

TEST(test_large)
{
    const double norms[] = { 0, 0.5, 1, 1.5, 2, 3, INFINITY };
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        check(40, 30, 70, norms[i]); /* several blocks of rows, several threads */
        check(3, 2, 5000, norms[i]); /* rows longer than the buffer */
        check(2, 3000, 1, norms[i]);
    }
}

/* |a|^2 + |b|^2 - 2 a b would give 0 here, or NaN. */
TEST(test_near_and_far)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_add(tg_zeros(tg_shape(30, 4)), 4096.0), *b = tg_add(a, 0.5);
    tg_tensor *y = tg_cdist(a, b);
    assert_true(tg_item(tg_select(tg_select(y, 0, 0), 0, 0)) == 1);
    assert_true(tg_item(tg_sum(tg_cdist(a, a))) == 0);
    tg_scope_end(scope);
}

/* PyTorch 1.13 crashes here. */
TEST(test_pdist_of_nothing)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(0, 3), .requires_grad = true), *y = tg_pdist(x);
    assert_int_equal(tg_ndim(y), 1);
    assert_int_equal(tg_numel(y), 0);
    tg_backward(tg_sum(y));
    assert_int_equal(tg_size(tg_grad_of(x), 1), 3);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_large),
        T(test_near_and_far),
        T(test_pdist_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
