/* test_linalg.c: linear algebra on matrices larger and smaller than a panel, by what the results must fulfil; singular matrices. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

static const int64_t sizes[] = { 1, 2, 5, 8, 9, 16, 17, 25, 48, 49, 97, 150 };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static tg_tensor *identity(int64_t n) { return tg_eye(n, n, .dtype = TG_FLOAT64); }

/* Random matrices, two of them, in which rows must be swapped. */
static tg_tensor *matrices(int64_t n, tg_dtype dtype) { return tg_randn(tg_shape(2, n, n), .dtype = dtype); }

static tg_tensor *positive_definite(int64_t n)
{
    tg_tensor *a = matrices(n, TG_FLOAT64);
    return tg_add(tg_matmul(a, tg_transpose(a, -2, -1)), identity(n));
}

/* The largest |a - b|. */
static double distance(tg_tensor *a, tg_tensor *b)
{
    tg_tensor *d = tg_reshape(tg_abs(tg_sub(a, b)), tg_shape(-1));
    if (!d) fail_msg("failed: %s", tg_error_message());
    double *values = elements(d), largest = 0;
    for (int64_t i = 0; i < tg_numel(d); i++) largest = fmax(largest, isnan(values[i]) ? INFINITY : values[i]);
    free(values);
    return largest;
}

static void assert_near(tg_tensor *a, tg_tensor *b, double tolerance)
{
    const double d = distance(a, b);
    if (!(d <= tolerance)) fail_msg("the distance is %g", d);
}

TEST(test_inverse)
{
    for (int i = 0; i < SIZES; i++) {
        const int64_t n = sizes[i];
        tg_tensor *a = matrices(n, TG_FLOAT64), *y = tg_inv(a);
        const double size = 1 + distance(y, tg_zeros_like(y));
        assert_near(tg_matmul(a, y), tg_expand(identity(n), tg_shape(2, n, n)), 1e-12 * size * (double)n);
        assert_near(tg_solve(a, tg_matmul(a, tg_ones(tg_shape(n, 3), .dtype = TG_FLOAT64))),
                    tg_ones(tg_shape(2, n, 3), .dtype = TG_FLOAT64), 1e-12 * size * (double)n);
        assert_near(tg_solve(a, tg_squeeze(tg_matmul(a, tg_ones(tg_shape(n, 1), .dtype = TG_FLOAT64)), -1)),
                    tg_ones(tg_shape(2, n), .dtype = TG_FLOAT64), 1e-12 * size * (double)n);
        tg_tensor *narrow = tg_to(a, TG_FLOAT32); /* computed in float64, so as good as the numbers given */
        assert_near(tg_to(tg_inv(narrow), TG_FLOAT64), tg_inv(tg_to(narrow, TG_FLOAT64)), 1e-6 * size);
    }
}

TEST(test_determinant)
{
    for (int i = 0; i < SIZES; i++) {
        tg_tensor *a = matrices(sizes[i], TG_FLOAT64), *b = matrices(sizes[i], TG_FLOAT64);
        const tg_slogdet_result x = tg_slogdet(a), y = tg_slogdet(b), xy = tg_slogdet(tg_matmul(a, b));
        assert_near(tg_mul(x.sign, y.sign), xy.sign, 0);
        assert_near(tg_add(x.logabsdet, y.logabsdet), xy.logabsdet, 1e-9);
        assert_near(tg_div(tg_det(a), tg_mul(x.sign, tg_exp(x.logabsdet))), tg_ones(tg_shape(2), .dtype = TG_FLOAT64),
                    1e-10);
        const tg_slogdet_result turned = tg_slogdet(tg_transpose(a, -2, -1));
        assert_near(turned.sign, x.sign, 0);
    }
}

TEST(test_cholesky)
{
    for (int i = 0; i < SIZES; i++) {
        const int64_t n = sizes[i];
        tg_tensor *a = positive_definite(n), *l = tg_cholesky(a), *u = tg_cholesky(a, .upper = true);
        assert_near(tg_matmul(l, tg_transpose(l, -2, -1)), a, 1e-13 * (double)(n * n));
        assert_near(u, tg_transpose(l, -2, -1), 1e-12 * (double)n);
        tg_tensor *b = tg_rand(tg_shape(2, n, 3), .dtype = TG_FLOAT64);
        assert_near(tg_matmul(l, tg_solve_triangular(l, b, false)), b, 1e-12 * (double)n);
        assert_near(tg_matmul(u, tg_solve_triangular(u, b, true)), b, 1e-12 * (double)n);
        tg_tensor *bt = tg_transpose(b, -2, -1);
        assert_near(tg_matmul(tg_solve_triangular(u, bt, true, .left = false), u), bt, 1e-12 * (double)n);
    }
}

/* Of floats: what doubles give, rounded once, whatever the layout and however many columns are solved at once. */
TEST(test_triangular_floats)
{
    for (int i = 0; i < 4 * SIZES; i++) {
        const int64_t n = sizes[i / 4];
        const bool upper = i % 2, unit = i % 4 >= 2;
        tg_tensor *a = tg_to(tg_div(tg_cholesky(positive_definite(n)), sqrt((double)n)), TG_FLOAT32);
        tg_tensor *b = tg_rand(tg_shape(2, n, 1)), *t = tg_transpose(a, -2, -1);
        if (upper) a = tg_contiguous(t);
        tg_tensor *y = tg_solve_triangular(a, b, upper, .unitriangular = unit);
        tg_tensor *exact =
            tg_solve_triangular(tg_to(a, TG_FLOAT64), tg_to(b, TG_FLOAT64), upper, .unitriangular = unit);
        assert_true(tg_equal(y, tg_to(exact, TG_FLOAT32)));
        if (!unit) assert_near(tg_matmul(tg_to(a, TG_FLOAT64), exact), tg_to(b, TG_FLOAT64), 1e-12 * (double)n);
        tg_tensor *turned = tg_transpose(tg_contiguous(tg_transpose(a, -2, -1)), -2, -1), *one = tg_select(a, 0, 1);
        assert_true(tg_equal(y, tg_solve_triangular(turned, b, upper, .unitriangular = unit)));
        assert_true(
            tg_equal(tg_select(tg_solve_triangular(one, b, upper, .unitriangular = unit), 0, 1), tg_select(y, 0, 1)));
    }
}

static void assert_qr(int64_t m, int64_t n, const char *mode)
{
    tg_tensor *a = tg_randn(tg_shape(2, m, n), .dtype = TG_FLOAT64);
    const tg_qr_result y = tg_qr(a, .mode = mode), r = tg_qr(a, .mode = "r");
    const int64_t columns = tg_size(y.q, -1), least = m < n ? m : n;
    assert_int_equal(columns, strcmp(mode, "complete") == 0 ? m : least);
    assert_near(tg_matmul(y.q, y.r), a, 1e-14 * (double)(m + n));
    assert_near(tg_matmul(tg_transpose(y.q, -2, -1), y.q), identity(columns), 1e-14 * (double)(m + n));
    assert_near(tg_triu(y.r), y.r, 0);
    assert_near(tg_narrow(y.r, -2, 0, least), r.r, 0);
    assert_int_equal(tg_numel(r.q), 0);
}

/* Around the number of reflections that are applied together. */
TEST(test_qr)
{
    static const int64_t both[] = { 1, 5, 31, 32, 33, 64, 65, 97 };
    enum { COUNT = sizeof both / sizeof both[0] };
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < COUNT; k++) {
            assert_qr(both[i], both[k], "reduced");
            assert_qr(both[i], both[k], "complete");
        }
    tg_tensor *narrow = tg_randn(tg_shape(40, 33)), *wide = tg_to(narrow, TG_FLOAT64);
    assert_near(tg_to(tg_qr(narrow).q, TG_FLOAT64), tg_qr(wide).q, 1e-7);
    tg_tensor *large = tg_mul(wide, 1e200), *small = tg_mul(wide, 1e-200); /* whose squares are none */
    assert_near(tg_qr(large).q, tg_qr(wide).q, 1e-13);
    assert_near(tg_qr(small).q, tg_qr(wide).q, 1e-13);
}

/* The products are those of the matrix in each mode, so their gradients are ones. */
TEST(test_qr_gradient)
{
    const tg_shape shapes[] = { tg_shape(70, 40), tg_shape(40, 40), tg_shape(2, 20, 34) };
    for (int i = 0; i < 3; i++) {
        tg_tensor *a = tg_randn(shapes[i], .dtype = TG_FLOAT64, .requires_grad = true);
        const tg_qr_result y = tg_qr(a);
        tg_backward(tg_sum(tg_matmul(y.q, y.r)));
        assert_near(tg_grad_of(a), tg_ones_like(a), 1e-9);
    }
}

TEST(test_qr_without_gradient)
{
    tg_tensor *a = tg_randn(tg_shape(3, 2), .requires_grad = true);
    tg_backward(tg_sum(tg_qr(a, .mode = "r").r));
    expect_error("The derivative of linalg.qr depends on Q, which is not computed when mode='r'");
    tg_backward(tg_sum(tg_qr(a, .mode = "complete").r));
    expect_error("The QR decomposition is not differentiable when mode='complete' and nrows > ncols");
    assert_null(tg_grad_of(a));
    assert_null(tg_qr(a, .mode = NULL).q);
    expect_error("qr received unrecognized mode '(null)'");
}

TEST(test_cholesky_solve)
{
    for (int i = 0; i < SIZES; i++) {
        const int64_t n = sizes[i];
        tg_tensor *a = positive_definite(n), *x = tg_rand(tg_shape(2, n, 3), .dtype = TG_FLOAT64), *b = tg_matmul(a, x);
        assert_near(tg_cholesky_solve(b, tg_cholesky(a)), x, 1e-11 * (double)n);
        assert_near(tg_cholesky_solve(b, tg_cholesky(a, .upper = true), .upper = true), x, 1e-11 * (double)n);
    }
}

/* ---- singular values ---- */

static tg_tensor *diagonal(tg_tensor *s, int64_t rows, int64_t columns)
{
    const int64_t k = tg_size(s, -1);
    return tg_pad(tg_diag_embed(s), tg_shape(0, columns - k, 0, rows - k));
}

/* The parts are what they should be, and their product is `a`. */
static void assert_svd(tg_tensor *a, bool full)
{
    const int64_t m = tg_size(a, -2), n = tg_size(a, -1), k = m < n ? m : n, columns = full ? m : k,
                  rows = full ? n : k;
    const tg_svd_result y = tg_svd(a, .full_matrices = full);
    const double tolerance = 1e-14 * (double)(m + n), largest = 1 + distance(a, tg_zeros_like(a));
    assert_near(tg_matmul(tg_matmul(y.u, diagonal(y.s, columns, rows)), y.vh), a, tolerance * largest);
    assert_near(tg_matmul(tg_transpose(y.u, -2, -1), y.u), identity(columns), tolerance);
    assert_near(tg_matmul(y.vh, tg_transpose(y.vh, -2, -1)), identity(rows), tolerance);
    assert_near(tg_svdvals(a), y.s, 0);
    double *s = elements(y.s);
    for (int64_t i = 0; i < tg_numel(y.s); i++) assert_true(s[i] >= 0 && (i % k == 0 || s[i] <= s[i - 1]));
    free(s);
}

TEST(test_svd)
{
    static const int64_t both[] = { 1, 2, 9, 33, 50 };
    enum { COUNT = sizeof both / sizeof both[0] };
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < COUNT; k++) {
            tg_tensor *a = tg_randn(tg_shape(2, both[i], both[k]), .dtype = TG_FLOAT64);
            assert_svd(a, false);
            assert_svd(a, true);
        }
    tg_tensor *narrow = tg_randn(tg_shape(40, 33)), *wide = tg_to(narrow, TG_FLOAT64);
    assert_near(tg_to(tg_svd(narrow).u, TG_FLOAT64), tg_svd(wide).u, 1e-7);
    assert_near(tg_svd(tg_mul(wide, 0x1p1020)).vh, tg_svd(wide).vh, 0); /* whose squares are none */
    assert_near(tg_svd(tg_mul(wide, 0x1p-1000)).vh, tg_svd(wide).vh, 0);
}

/* Zeros, of rank 1 and 2, and with columns of zeros: rows that are left without a direction are given one. */
TEST(test_svd_of_low_rank)
{
    const double ranks[] = { 1, 2, 3, 2, 4, 6, 3, 6, 9, 0, 0, 0 };
    for (int full = 0; full < 2; full++) {
        assert_svd(tg_zeros(tg_shape(2, 3, 5), .dtype = TG_FLOAT64), full);
        assert_svd(tg_zeros(tg_shape(4, 4), .dtype = TG_FLOAT64), full);
        assert_svd(tg_from_data(ranks, tg_shape(4, 3)), full);
        assert_svd(tg_ones(tg_shape(30, 30), .dtype = TG_FLOAT64), full);
        tg_tensor *thin = tg_randn(tg_shape(20, 2), .dtype = TG_FLOAT64);
        assert_svd(tg_matmul(thin, tg_t(thin)), full);
        assert_svd(tg_pad(thin, tg_shape(3, 4)), full);
    }
    VALUES(tg_svdvals(tg_from_data(ranks, tg_shape(4, 3))), 1e-14, 14, 0, 0);
}

/* Values far apart, some of them 0, and sizes that take each way there is: as it is, by QR first, by rotations of rows
 * where lengths are far apart. */
TEST(test_svd_ways)
{
    static const int64_t shapes[][2] = { { 20, 20 },  { 39, 20 }, { 40, 20 }, { 20, 61 },
                                         { 130, 97 }, { 3, 2 },   { 70, 1 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int way = 0; way < 4; way++) {
            const int64_t m = shapes[i][0], n = shapes[i][1], scaled = way < 2 ? m : n;
            tg_tensor *a = tg_randn(tg_shape(m, n), .dtype = TG_FLOAT64);
            tg_tensor *exponent = tg_mul(tg_arange(0, (double)scaled, 1, .dtype = TG_FLOAT64), -1.0 / (double)scaled);
            tg_tensor *scale = tg_pow(way % 2 ? 1e12 : 1e3, exponent);
            a = tg_mul(a, way < 2 ? tg_unsqueeze(scale, 1) : scale);
            assert_svd(a, false);
            assert_svd(a, true);
            if (n > 2) assert_svd(tg_pad(a, tg_shape(1, 2, 2, 1)), i % 2);
        }
}

/* d on the diagonal and e above it. */
static tg_tensor *bidiagonal(const double *d, const double *e, int64_t n)
{
    tg_tensor *a = tg_zeros(tg_shape(n, n), .dtype = TG_FLOAT64);
    double *x = tg_mutable_data(a, TG_FLOAT64);
    for (int64_t i = 0; i < n; i++) {
        x[i * n + i] = d[i];
        if (i + 1 < n) x[i * n + i + 1] = e[i];
    }
    return a;
}

/* Ones have the values 2 sin((2 k - 1) pi / (4 n + 2)). Two of them make pairs, which do not hang together. */
TEST(test_singular_values_of_ones)
{
    static const int64_t counts[] = { 1, 2, 3, 15, 16, 17, 63, 200 };
    double ones[200];
    for (int i = 0; i < 200; i++) ones[i] = 1;
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        const int64_t n = counts[k];
        tg_tensor *a = bidiagonal(ones, ones, n), *two = tg_block_diag(tg_list(a, tg_flip(a, tg_shape(0, 1))));
        double *s = elements(tg_svdvals(a)), *turned = elements(tg_svdvals(tg_t(a))),
               *twice = elements(tg_svdvals(two));
        for (int64_t i = 0; i < n; i++) {
            const double value = 2 * sin((double)(2 * (n - i) - 1) * acos(-1) / (double)(4 * n + 2));
            assert_true(fabs(s[i] - value) < 1e-14);
            assert_true(fabs(turned[i] - value) < 1e-14);
            assert_true(fabs(twice[2 * i] - value) < 1e-14 && fabs(twice[2 * i + 1] - value) < 1e-14);
        }
        free(s);
        free(turned);
        free(twice);
    }
}

/* The product of the values is that of the diagonal, relative to itself; the sum of their squares that of all numbers:
 * anyhow, growing or falling to a 100,000th, some parted, and with all values near 1. */
TEST(test_products_of_singular_values)
{
    static const int64_t counts[] = { 3, 4, 16, 33, 100 };
    double d[100], e[100];
    for (int way = 0; way < 20; way++) {
        const int64_t n = counts[way / 4];
        double *random = elements(tg_rand(tg_shape(2, n), .dtype = TG_FLOAT64)), logarithm = 0, squares = 0;
        for (int64_t i = 0; i < n; i++) {
            const double place = (double)i / (double)n, scale = way % 4 == 1 ? pow(1e-5, place) : pow(1e-5, 1 - place);
            d[i] = way % 4 == 0 ? 0.01 + random[i] : way % 4 == 3 ? 1 : scale;
            e[i] = i % 7 == 5 ? 0 : random[n + i] * (way % 4 == 3 ? 1e-9 : d[i]);
            logarithm += log(d[i]);
            squares += d[i] * d[i] + (i + 1 < n ? e[i] * e[i] : 0);
        }
        double *s = elements(tg_svdvals(bidiagonal(d, e, n)));
        for (int64_t i = 0; i < n; i++) {
            assert_true(i == 0 || s[i] <= s[i - 1]);
            logarithm -= log(s[i]);
            squares -= s[i] * s[i];
        }
        assert_true(fabs(logarithm) < 1e-13 * (double)n && fabs(squares) < 1e-13 * s[0] * s[0]);
        free(random);
        free(s);
    }
}

/* Of a matrix scaled by rows, whose small values a method that looks at large ones loses: those of 2 by 2 blocks
 * d [1, 1; -1, 1] are sqrt(2) d, twice. */
TEST(test_small_singular_values)
{
    tg_tensor *a = tg_zeros(tg_shape(8, 8), .dtype = TG_FLOAT64);
    double *x = tg_mutable_data(a, TG_FLOAT64);
    for (int i = 0; i < 8; i++) x[i * 8 + i] = x[i * 8 + (i ^ 1)] = pow(10, -10 * (i / 2));
    for (int i = 1; i < 8; i += 2) x[i * 8 + i - 1] = -x[i * 8 + i - 1];
    double *s = elements(tg_svdvals(a));
    for (int i = 0; i < 8; i++) assert_true(fabs(s[i] / (sqrt(2) * pow(10, -10 * (i / 2))) - 1) < 1e-14);
    free(s);
}

/* The products are those of the matrix, so their gradients are ones; the sum of the squares has twice the matrix. */
TEST(test_svd_gradient)
{
    const tg_shape shapes[] = { tg_shape(20, 9), tg_shape(12, 12), tg_shape(2, 9, 17) };
    for (int i = 0; i < 3; i++) {
        tg_tensor *a = tg_randn(shapes[i], .dtype = TG_FLOAT64, .requires_grad = true);
        const tg_svd_result y = tg_svd(a, .full_matrices = false);
        tg_tensor *product = tg_sum(tg_matmul(tg_mul(y.u, tg_unsqueeze(y.s, -2)), y.vh));
        assert_near(tg_grad(tg_list(product), tg_list(a)).items[0], tg_ones_like(a), 1e-9);
        tg_tensor *squares = tg_sum(tg_square(tg_svdvals(a)));
        tg_tensor *first = tg_grad(tg_list(squares), tg_list(a), .create_graph = true).items[0];
        assert_near(first, tg_mul(a, 2), 1e-12);
        assert_near(tg_grad(tg_list(tg_sum(first)), tg_list(a)).items[0], tg_full_like(a, 2), 1e-8);
    }
}

/* Where values are equal, or 0: the gradient of the values is good, that of vectors is not. */
TEST(test_svd_gradient_of_equal_values)
{
    tg_tensor *a = tg_eye(3, 3, .dtype = TG_FLOAT64, .requires_grad = true);
    assert_near(tg_grad(tg_list(tg_sum(tg_svdvals(a))), tg_list(a)).items[0], identity(3), 1e-15);
    double *g = elements(tg_grad(tg_list(tg_sum(tg_svd(a).u)), tg_list(a)).items[0]);
    assert_true(isnan(g[1]) || isinf(g[1]));
    free(g);
    tg_tensor *zeros = tg_zeros(tg_shape(3, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *d = tg_grad(tg_list(tg_matrix_norm(zeros, .ord = TG_ORD_NUC)), tg_list(zeros)).items[0];
    assert_near(tg_matmul(tg_t(d), d), identity(2), 1e-15);
    /* what lies beyond the first k is not determined, and has no gradient */
    tg_tensor *high = tg_randn(tg_shape(5, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *beyond = tg_narrow(tg_svd(high).u, -1, 2, 3);
    assert_near(tg_grad(tg_list(tg_sum(beyond)), tg_list(high)).items[0], tg_zeros_like(high), 0);
}

/* Penrose's conditions: A y A = A, y A y = y, A y and y A symmetric. */
TEST(test_pinv)
{
    const tg_shape shapes[] = { tg_shape(2, 12, 5), tg_shape(7, 7), tg_shape(5, 40) };
    for (int i = 0; i < 3; i++)
        for (int low = 0; low < 2; low++) {
            tg_tensor *a = tg_randn(shapes[i], .dtype = TG_FLOAT64);
            const int64_t n = tg_size(a, -1), k = tg_size(a, -2) < n ? tg_size(a, -2) : n;
            if (low)
                a = tg_matmul(a, tg_matmul(tg_randn(tg_shape(n, 3), .dtype = TG_FLOAT64),
                                           tg_ones(tg_shape(3, n), .dtype = TG_FLOAT64)));
            tg_tensor *y = tg_pinv(a), *ay = tg_matmul(a, y), *ya = tg_matmul(y, a);
            assert_near(tg_matmul(ay, a), a, 1e-10);
            assert_near(tg_matmul(ya, y), y, 1e-10);
            assert_near(ay, tg_transpose(ay, -2, -1), 1e-10);
            assert_near(ya, tg_transpose(ya, -2, -1), 1e-10);
            tg_tensor *rank = tg_matrix_rank(a);
            assert_near(rank, tg_full_like(rank, low ? 1 : k), 0);
        }
    tg_tensor *graded = tg_diag_embed(tg_from_data((const double[]){ 4, 2, 1e-9 }, tg_shape(3)));
    VALUES(tg_matrix_rank(graded), 0, 3);
    VALUES(tg_matrix_rank(tg_to(graded, TG_FLOAT32)), 0, 2);
    VALUES(tg_matrix_rank(tg_to(graded, TG_FLOAT32), .rtol = 0), 0, 3);
    VALUES(tg_matrix_rank(graded, .atol = 3), 0, 1);
    VALUES(tg_pinv(graded, .rtol = 0.25), 1e-15, 0.25, 0, 0, 0, 0.5, 0, 0, 0, 0);
}

/* By their options; what they are is in the samples. */
TEST(test_norms)
{
    tg_tensor *a = tg_from_data((const double[]){ 1, -2, 3, -4, 5, -6 }, tg_shape(2, 3));
    VALUES(tg_matrix_norm(a), 1e-15, sqrt(91));
    VALUES(tg_matrix_norm(a, .ord = TG_ORD_FRO, .keepdim = true), 1e-15, sqrt(91));
    VALUES(tg_matrix_norm(a, .ord = 1), 0, 9);
    VALUES(tg_matrix_norm(a, .ord = -INFINITY), 0, 6);
    VALUES(tg_matrix_norm(a, .ord = INFINITY, .dims = tg_shape(1, 0)), 0, 9);
    VALUES(tg_linalg_norm(a), 1e-15, sqrt(91));
    VALUES(tg_linalg_norm(a, .ord = 1), 0, 9);
    VALUES(tg_linalg_norm(a, .ord = 1, .dim = 0), 0, 5, 7, 9);
    VALUES(tg_linalg_norm(a, .ord = 0, .dims = tg_shape(1)), 0, 3, 3);
    VALUES(tg_linalg_norm(tg_select(a, 0, 0), .ord = 3), 1e-15, cbrt(36));
    VALUES(tg_linalg_norm(a, .ord = TG_ORD_FRO, .dtype = TG_FLOAT64), 1e-15, sqrt(91));
    VALUES(tg_dist(a, tg_zeros(tg_shape(3))), 1e-15, sqrt(91));
    /* the sum of the values' squares is 91, their product's square, that of the minors -3, 6 and -3, is 54 */
    const double root = sqrt(45.5 * 45.5 - 54), large = sqrt(45.5 + root), small = sqrt(45.5 - root);
    VALUES(tg_matrix_norm(a, .ord = 2), 1e-14, large);
    VALUES(tg_matrix_norm(a, .ord = -2, .dims = tg_shape(1, 0)), 1e-14, small);
    VALUES(tg_matrix_norm(a, .ord = TG_ORD_NUC, .keepdim = true), 1e-14, large + small);
    VALUES(tg_linalg_norm(a, .ord = TG_ORD_NUC), 1e-14, large + small);
    VALUES(tg_linalg_norm(a, .ord = 2), 1e-14, large);
    assert_null(tg_matrix_norm(a, .ord = NAN));
    expect_error("Order nan not supported");
    assert_null(tg_linalg_norm(a, .dim = 0, .dims = tg_shape(1)));
    expect_error("give dim or dims, not both");
}

/* The other triangle is not read, nor is the diagonal of a unitriangular matrix. */
TEST(test_unread)
{
    const double upper[] = { 2, 1, NAN, 4 }, unit[] = { NAN, 1, NAN, NAN }, b[] = { 4, 8 };
    VALUES(tg_solve_triangular(tg_from_data(upper, tg_shape(2, 2)), tg_from_data(b, tg_shape(2, 1)), true), 1e-15, 1,
           2);
    VALUES(tg_solve_triangular(tg_from_data(unit, tg_shape(2, 2)), tg_from_data(b, tg_shape(2, 1)), true,
                               .unitriangular = true),
           1e-15, -4, 8);
    const double lower[] = { 4, NAN, 2, 5 };
    VALUES(tg_cholesky(tg_from_data(lower, tg_shape(2, 2))), 1e-15, 2, 0, 1, 2);
}

/* The cofactors of singular matrices, by hand; so det has a gradient there. */
TEST(test_singular_determinant)
{
    const double rank2[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, rank1[] = { 1, 2, 2, 4 };
    const double nilpotent[] = { 0, 1, 0, 0, 0, 1, 0, 0, 0 };
    tg_tensor *a = tg_from_data(rank2, tg_shape(3, 3), .requires_grad = true), *y = tg_det(a);
    assert_true(fabs(tg_item(y)) < 1e-12);
    VALUES(tg_grad(tg_list(y), tg_list(a)).items[0], 1e-12, -3, 6, -3, 6, -12, 6, -3, 6, -3);
    VALUES(tg_cofactor(tg_from_data(rank1, tg_shape(2, 2))), 1e-13, 4, -2, -2, 1);
    VALUES(tg_cofactor(tg_from_data(nilpotent, tg_shape(3, 3))), 1e-13, 0, 0, 0, 0, 0, 0, 1, 0, 0);
    VALUES(tg_cofactor(tg_zeros(tg_shape(1, 1), .dtype = TG_FLOAT64)), 1e-15, 1);
    VALUES(tg_cofactor(tg_zeros(tg_shape(3, 3), .dtype = TG_FLOAT64)), 1e-60, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (int i = 0; i < SIZES; i++) {
        tg_tensor *m = tg_select(matrices(sizes[i], TG_FLOAT64), 0, 0);
        tg_tensor *expected = tg_mul(tg_det(m), tg_t(tg_inv(m))), *c = tg_cofactor(m);
        assert_near(c, expected, 1e-9 * (1 + distance(expected, tg_zeros_like(expected))));
    }
}

TEST(test_logarithms)
{
    const double values[] = { 1, 2, 2, 4, 0, 1, 1, 0, 2, 0, 0, 3 };
    tg_tensor *a = tg_from_data(values, tg_shape(3, 2, 2));
    const tg_slogdet_result y = tg_slogdet(a);
    VALUES(y.sign, 0, 0, -1, 1);
    double *logarithms = elements(y.logabsdet), *logdet = elements(tg_logdet(a));
    assert_true(logarithms[0] == -INFINITY && logarithms[1] == 0 && fabs(logarithms[2] - log(6)) < 1e-15);
    assert_true(logdet[0] == -INFINITY && isnan(logdet[1]) && fabs(logdet[2] - log(6)) < 1e-15);
    free(logarithms);
    free(logdet);
}

TEST(test_powers)
{
    tg_tensor *a = tg_mul(matrices(4, TG_FLOAT64), 0.5), *y = a;
    for (int i = 1; i < 13; i++) y = tg_matmul(y, a);
    assert_near(tg_matrix_power(a, 13), y, 1e-10 * (1 + distance(y, tg_zeros_like(y))));
    assert_near(tg_matrix_power(identity(3), INT64_MIN), identity(3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_inverse),
        T(test_svd_ways),
        T(test_determinant),
        T(test_cholesky),
        T(test_triangular_floats),
        T(test_unread),
        T(test_singular_determinant),
        T(test_logarithms),
        T(test_powers),
        T(test_qr),
        T(test_qr_gradient),
        T(test_qr_without_gradient),
        T(test_svd),
        T(test_svd_of_low_rank),
        T(test_singular_values_of_ones),
        T(test_products_of_singular_values),
        T(test_small_singular_values),
        T(test_svd_gradient),
        T(test_svd_gradient_of_equal_values),
        T(test_pinv),
        T(test_cholesky_solve),
        T(test_norms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
