/* test_kernels_normalization.c: the normalisations' kernels of every set this machine can run, next to the slow reference,
 * over lengths around those of vectors and blocks; and to the bit next to themselves where the same numbers stand
 * elsewhere. */
#include "tests/support/kernels_rows.h"

#include "ops/kernels/normalize/normalization_kernels.h"

/* ---- moments ---- */

static void test_moments(void **unused)
{
    (void)unused;
    static numbers x;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int l = 0; l < LENGTHS; l++) {
            const int64_t n = lengths[l];
            double mean[ROWS], square[ROWS], mean_want[ROWS], square_want[ROWS], alone[2];
            fill(d, &x, ROWS * n, 99, 101);
            K(normalization)->moments[d](ROWS, n, start(&x), n, mean, square);
            R(normalization)->moments[d](ROWS, n, start(&x), n, mean_want, square_want);
            for (int r = 0; r < ROWS; r++) {
                near(d, "mean", n, mean[r], mean_want[r], d == TGI_F32 ? 0.1 : 4);
                near(d, "square", n, square[r], square_want[r], d == TGI_F32 ? 4 : 40);
                K(normalization)->moments[d](1, n, start(&x) + r * n * sizes[d], n, &alone[0], &alone[1]);
                assert_true(alone[0] == mean[r] && alone[1] == square[r]);
            }
        }
    }
}

static void test_moments_columns(void **unused)
{
    (void)unused;
    static numbers x;
    static double mean[MOST], square[MOST], mean_want[MOST], square_want[MOST], alone[2];
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 1; n <= TGI_NORM_ROWS; n += 5) {
            for (int64_t m = 1; m < 70; m++) {
                const int64_t row = m + 3;
                fill(d, &x, n * row, 99, 101);
                mean[m] = 7;
                K(normalization)->moments_columns[d](n, m, start(&x), row, mean, square);
                R(normalization)->moments_columns[d](n, m, start(&x), row, mean_want, square_want);
                assert_true(mean[m] == 7);
                for (int64_t j = 0; j < m; j++) {
                    near(d, "mean of a column", n, mean[j], mean_want[j], d == TGI_F32 ? 0.1 : 4);
                    near(d, "square of a column", n, square[j], square_want[j], d == TGI_F32 ? 4 : 1000);
                    K(normalization)->moments_columns[d](n, 1, start(&x) + j * sizes[d], row, &alone[0], &alone[1]);
                    assert_true(alone[0] == mean[j] && alone[1] == square[j]);
                }
            }
        }
    }
}

static void test_merge(void **unused)
{
    (void)unused;
    double mean[] = { 1, 5, -2 }, square[] = { 4, 0, 1 }, other_mean[] = { 4, 5, 2 }, other_square[] = { 1, 2, 0 };
    K(normalization)->merge_moments(3, 2, mean, square, 4, other_mean, other_square);
    const double means[] = { 3, 5, 2.0 / 3 }, squares[] = { 17, 2, 1 + 64.0 / 3 };
    for (int j = 0; j < 3; j++) {
        near(TGI_F64, "merged mean", j, mean[j], means[j], 4);
        near(TGI_F64, "merged square", j, square[j], squares[j], 4);
    }
}

/* ---- rows ---- */

typedef struct outcome {
    numbers y, dx, dw, db;
    double mean[ROWS], rstd[ROWS];
} outcome;

static void run_rows(const tgi_normalization_kernels *k, int d, tgi_norm_rows r, outcome *o)
{
    r.y = start(&o->y);
    r.mean = o->mean;
    r.rstd = o->rstd;
    k->rows_forward[d](&r);
    memset(&o->dw, 0, sizeof o->dw);
    memset(&o->db, 0, sizeof o->db);
    r.dx = start(&o->dx);
    r.dweight = start(&o->dw);
    r.dbias = start(&o->db);
    k->rows_backward[d](&r);
}

static void check_rows(int d, int64_t n, bool weighted, bool biased, bool centered)
{
    static numbers x, g, w, b;
    static outcome got, want;
    fill(d, &x, ROWS * n, 2, 6);
    fill(d, &g, ROWS * n, -1, 1);
    fill(d, &w, n, -2, 2);
    fill(d, &b, n, -2, 2);
    const tgi_norm_rows r = { .rows = ROWS,
                              .n = n,
                              .x = start(&x),
                              .weight = weighted ? start(&w) : NULL,
                              .bias = biased ? start(&b) : NULL,
                              .centered = centered,
                              .eps = 0.25,
                              .g = start(&g) };
    run_rows(K(normalization), d, r, &got);
    run_rows(R(normalization), d, r, &want);
    const double slack = d == TGI_F64 ? 16 : 0; /* there the reference, too, rounds the mean */
    all_near(d, "y", n, &got.y, &want.y, ROWS * n, 4 + slack);
    all_near(d, "dx", n, &got.dx, &want.dx, ROWS * n, 12 + slack);
    all_near(d, "dweight", n, &got.dw, &want.dw, n, 12 + slack);
    all_near(d, "dbias", n, &got.db, &want.db, n, 6);
}

static void test_rows(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++)
        for (int l = 0; l < LENGTHS; l++)
            for (int flags = 0; flags < 8; flags++) check_rows(d, lengths[l], flags & 1, flags & 2, flags & 4);
}

/* ---- slabs and columns ---- */

static numbers x, g, mean, p, q, r, got, want;

static void fill_operands(int d, int64_t count, int64_t coefficients)
{
    fill(d, &x, count, 2, 6);
    fill(d, &g, count, -1, 1);
    fill(d, &mean, coefficients, 3, 5);
    fill(d, &p, coefficients, -2, 2);
    fill(d, &q, coefficients, -2, 2);
    fill(d, &r, coefficients, -2, 2);
    memset(&got, 0, sizeof got);
    memset(&want, 0, sizeof want);
}

static void check_sums(int d, int64_t n, int64_t count, const double *sum, const double *sum_want,
                       const double *product, const double *product_want)
{
    for (int64_t i = 0; i < count; i++) {
        near(d, "sum", n, sum[i], sum_want[i], 40 + (double)n); /* of terms that cancel */
        near(d, "product", n, product[i], product_want[i], 80 + 2 * (double)n);
    }
}

static void test_slabs(void **unused)
{
    (void)unused;
    double sum[ROWS], product[ROWS], sum_want[ROWS], product_want[ROWS];
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int l = 0; l < LENGTHS && lengths[l] <= MOST - 3; l++) {
            const int64_t n = lengths[l], row = n + 2, count = ROWS * row;
            fill_operands(d, count, ROWS);
            K(normalization)
                ->slabs_forward[d](ROWS, n, start(&x), row, start(&mean), start(&p), start(&q), start(&got));
            R(normalization)
                ->slabs_forward[d](ROWS, n, start(&x), row, start(&mean), start(&p), start(&q), start(&want));
            all_near(d, "slab", n, &got, &want, count, 4);
            K(normalization)
                ->slabs_backward[d](ROWS, n, start(&g), start(&x), row, start(&mean), start(&p), start(&q), start(&r),
                                    start(&got));
            R(normalization)
                ->slabs_backward[d](ROWS, n, start(&g), start(&x), row, start(&mean), start(&p), start(&q), start(&r),
                                    start(&want));
            all_near(d, "gradient of a slab", n, &got, &want, count, 8);
            K(normalization)->slabs_sums[d](ROWS, n, start(&g), start(&x), row, start(&mean), sum, product);
            R(normalization)->slabs_sums[d](ROWS, n, start(&g), start(&x), row, start(&mean), sum_want, product_want);
            check_sums(d, n, ROWS, sum, sum_want, product, product_want);
        }
    }
}

static void test_columns(void **unused)
{
    (void)unused;
    enum { MOST_COLUMNS = 70 };
    double sum[MOST_COLUMNS], product[MOST_COLUMNS], sum_want[MOST_COLUMNS], product_want[MOST_COLUMNS];
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t m = 1; m < MOST_COLUMNS; m++) {
            const int64_t n = 1 + m % TGI_NORM_ROWS, row = m + 2, count = n * row;
            fill_operands(d, count, m);
            K(normalization)->columns_forward[d](n, m, start(&x), row, start(&mean), start(&p), start(&q), start(&got));
            R(normalization)
                ->columns_forward[d](n, m, start(&x), row, start(&mean), start(&p), start(&q), start(&want));
            all_near(d, "column", n, &got, &want, count, 4);
            K(normalization)
                ->columns_backward[d](n, m, start(&g), start(&x), row, start(&mean), start(&p), start(&q), start(&r),
                                      start(&got));
            R(normalization)
                ->columns_backward[d](n, m, start(&g), start(&x), row, start(&mean), start(&p), start(&q), start(&r),
                                      start(&want));
            all_near(d, "gradient of a column", n, &got, &want, count, 8);
            K(normalization)->columns_sums[d](n, m, start(&g), start(&x), row, start(&mean), sum, product);
            R(normalization)->columns_sums[d](n, m, start(&g), start(&x), row, start(&mean), sum_want, product_want);
            check_sums(d, n, m, sum, sum_want, product, product_want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments), cmocka_unit_test(test_moments_columns), cmocka_unit_test(test_merge),
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_slabs),           cmocka_unit_test(test_columns),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
