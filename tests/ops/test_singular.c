/* test_singular.c: determinants and what is made of them where a matrix is singular, or nearly.
 *
 * det's derivatives are compared, order by order, with those of its expansion by rows, which is made of nothing but
 * products and sums. */
#include "tests/support/compare.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>

enum { ORDERS = 5 };

/* Of the rows from `row` on and the columns that `left` names. */
static tg_tensor *expanded(tg_tensor *a, int64_t row, unsigned left)
{
    const int64_t n = tg_size(a, -1);
    tg_tensor *sum = NULL;
    double sign = 1;
    if (row == n) return tg_ones(tg_shape(), .dtype = TG_FLOAT64);
    for (int64_t j = 0; j < n; j++) {
        if (!(left >> j & 1)) continue;
        tg_tensor *element = tg_mul(tg_select(tg_select(a, -2, row), -1, j), sign);
        tg_tensor *term = tg_mul(element, expanded(a, row + 1, left & ~(1u << j)));
        sum = sum ? tg_add(sum, term) : term;
        sign = -sign;
    }
    return sum;
}

static tg_tensor *expansion(tg_tensor *a) { return expanded(a, 0, (1u << tg_size(a, -1)) - 1); }

/* The gradient of sum(gradient of sum(gradient of .. y * w) * w) by `a`, `order` times; zeros if there is none. */
static tg_tensor *derivative(tg_tensor *y, tg_tensor *a, int order)
{
    tg_tensor *g = NULL;
    for (int k = 0; k < order; k++) {
        tg_tensor *s = tg_sum(tg_mul(y, numbers(tg_shape_of(y), TG_FLOAT64, 7 + (uint64_t)k)));
        if (!tg_requires_grad(s)) return tg_zeros_like(a);
        g = tg_grad(tg_list(s), tg_list(a), .create_graph = true, .allow_unused = true).items[0];
        if (!g) return tg_zeros_like(a);
        y = g;
    }
    return g;
}

static void check_determinant(tg_tensor *a, double tolerance)
{
    const tg_scope scope = tg_scope_begin();
    tg_requires_grad_(a, true);
    assert_alike(tg_det(a), expansion(a), tolerance);
    for (int order = 1; order <= ORDERS; order++)
        assert_alike(derivative(tg_det(a), a, order), derivative(expansion(a), a, order), tolerance);
    tg_scope_end(scope);
}

/* [n, n] of the given rank: its smallest singular values are `small`, 0 or not. */
static tg_tensor *of_rank(int64_t n, int64_t rank, double small)
{
    tg_tensor *a = tg_matmul(numbers(tg_shape(n, rank), TG_FLOAT64, 1), numbers(tg_shape(rank, n), TG_FLOAT64, 2));
    return tg_detach(tg_add(a, tg_mul(numbers(tg_shape(n, n), TG_FLOAT64, 3), small)));
}

/* Every rank that there is, and matrices whose inverse is there but of no use. */
TEST(test_ranks)
{
    for (int64_t n = 1; n <= 5; n++)
        for (int64_t rank = 0; rank <= n; rank++) {
            check_determinant(of_rank(n, rank, 0), 1e-12);
            check_determinant(of_rank(n, rank, 1e-9), 1e-12);
            check_determinant(of_rank(n, rank, 1e-200), 1e-12);
        }
}

/* Whole numbers, with which elimination meets real zeros; permutations; a matrix of no elements. */
TEST(test_by_hand)
{
    const double matrices[][9] = {
        { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { 0, 1, 0, 0, 0, 1, 0, 0, 0 }, { 1, 2, 3, 2, 4, 6, 3, 6, 9 },
        { 0, 0, 1, 1, 0, 0, 0, 1, 0 }, { 0, 0, 0, 0, 5, 0, 0, 0, 0 }, { 0 },
    };
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++)
        check_determinant(tg_from_data(matrices[i], tg_shape(3, 3)), 1e-13);
    tg_tensor *a = tg_from_data(matrices[0], tg_shape(3, 3), .requires_grad = true);
    tg_tensor *g = tg_grad(tg_list(tg_det(a)), tg_list(a), .create_graph = true).items[0];
    VALUES(g, 1e-13, -3, 6, -3, 6, -12, 6, -3, 6, -3);
    VALUES(tg_grad(tg_list(tg_sum(tg_square(g))), tg_list(a)).items[0], 1e-12, -414, -36, 342, -108, 0, 108, 198, 36,
           -126);
    tg_tensor *none = tg_zeros(tg_shape(0, 0), .dtype = TG_FLOAT64, .requires_grad = true);
    assert_true(tg_item(tg_det(none)) == 1 && tg_numel(derivative(tg_det(none), none, 3)) == 0);
}

/* Singular and regular matrices side by side give what each gives alone. */
TEST(test_mixed_batch)
{
    tg_tensor *each[] = { of_rank(4, 4, 0), of_rank(4, 2, 0), of_rank(4, 3, 0), of_rank(4, 0, 0), of_rank(4, 4, 0) };
    tg_tensor *all = tg_requires_grad_(tg_detach(tg_stack(tg_list_of(each, 5))), true);
    for (int i = 0; i < 5; i++) tg_requires_grad_(each[i], true);
    for (int order = 1; order <= 4; order++) {
        tg_tensor *together = tg_det(all), *g = NULL;
        for (int k = 0; k < order; k++) {
            g = tg_grad(tg_list(tg_sum(together)), tg_list(all), .create_graph = true).items[0];
            together = tg_square(g);
        }
        for (int i = 0; i < 5; i++) {
            tg_tensor *y = tg_det(each[i]), *alone = NULL;
            for (int k = 0; k < order; k++) {
                alone = tg_grad(tg_list(tg_sum(y)), tg_list(each[i]), .create_graph = true).items[0];
                y = tg_square(alone);
            }
            assert_alike(tg_select(g, 0, i), alone, 0);
        }
    }
}

/* The product of all the others fits where that of all would not. */
TEST(test_range)
{
    const double large[] = { 1e200, 0, 0, 0, 1e200, 0, 0, 0, 1e-150 };
    tg_tensor *a = tg_from_data(large, tg_shape(3, 3), .requires_grad = true);
    tg_tensor *g = tg_grad(tg_list(tg_select(tg_select(tg_cofactor(a), 0, 0), 0, 0)), tg_list(a)).items[0];
    VALUES(tg_div(g, 1e200), 1e-12, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    tg_tensor *f = tg_to(of_rank(3, 1, 0), TG_FLOAT32), *d = tg_to(f, TG_FLOAT64);
    tg_requires_grad_(f, true);
    tg_requires_grad_(d, true);
    assert_alike(tg_to(derivative(tg_to(tg_det(f), TG_FLOAT64), f, 1), TG_FLOAT64), derivative(tg_det(d), d, 1), 1e-7);
}

/* More derivatives than there are: an error that says so. */
TEST(test_too_many)
{
    tg_tensor *a = tg_requires_grad_(of_rank(2, 1, 0), true), *y = tg_det(a);
    for (int k = 0; k < 8 && y; k++) y = derivative(y, a, 1);
    assert_non_null(y);
    derivative(y, a, 1);
    expect_error("a determinant has 8 derivatives here, and no further one");
}

/* What has no derivative there, or no value, says so. */
TEST(test_refused)
{
    const double values[] = { 2, 1, 1, 3, 1, 2, 2, 4 };
    tg_tensor *a = tg_from_data(values, tg_shape(2, 2, 2), .requires_grad = true);
    assert_null(tg_inv(a));
    expect_error("linalg.inv: (Batch element 1): The diagonal element 2 is zero, the inversion could not be completed");
    assert_null(tg_solve(a, tg_ones(tg_shape(2, 2), .dtype = TG_FLOAT64)));
    expect_error("linalg.solve: (Batch element 1): The solver failed because the input matrix is singular");
    const tg_slogdet_result y = tg_slogdet(a);
    double *g = elements(tg_grad(tg_list(tg_sum(y.logabsdet)), tg_list(a)).items[0]);
    const double inverse[] = { 0.6, -0.2, -0.2, 0.4 };
    for (int i = 0; i < 4; i++) assert_true(fabs(g[i] - inverse[i]) < 1e-15);
    for (int i = 4; i < 8; i++) assert_true(!isfinite(g[i]));
    free(g);
}

/* Its zeroth power depends on the matrix, by zeros. */
TEST(test_power_of_zero)
{
    const double values[] = { 1, INFINITY, NAN, 4, 0, 0, 0, 0 };
    tg_tensor *a = tg_from_data(values, tg_shape(2, 2, 2), .requires_grad = true), *y = tg_matrix_power(a, 0);
    assert_true(tg_requires_grad(y));
    VALUES(y, 0, 1, 0, 0, 1, 1, 0, 0, 1);
    VALUES(tg_grad(tg_list(tg_sum(tg_mul(y, 3.0))), tg_list(a)).items[0], 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_true(tg_dtype_of(tg_matrix_power(tg_ones(tg_shape(2, 2), .dtype = TG_BOOL), 0)) == TG_BOOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ranks),    T(test_by_hand), T(test_mixed_batch),   T(test_range),
        T(test_too_many), T(test_refused), T(test_power_of_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
