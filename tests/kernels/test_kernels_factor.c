/* test_kernels_factor.c: inner loops of factorisations, by every set of kernels this machine can run, against the slow
 * reference; what stands beside a matrix is left alone. */
#include "tests/support/kernels.h"

#include "ops/kernels/factor/factor_kernels.h"

enum { MOST = 70, ROW = MOST + 3, ALL = (MOST + 2) * ROW };

static double got[ALL], want[ALL];

/* The same numbers in both. */
static void fill(double lo, double hi)
{
    for (int64_t i = 0; i < ALL; i++) got[i] = want[i] = uniform(lo, hi);
}

static void assert_same(const char *what, int64_t size, double tolerance)
{
    for (int64_t i = 0; i < ALL; i++)
        if (!(fabs(got[i] - want[i]) <= tolerance * (1 + fabs(want[i]))))
            fail_msg("%s: %s of %d: number %d is %.17g, expected %.17g", set_name(), what, (int)size, (int)i, got[i],
                     want[i]);
}

static const int64_t lengths[] = { 0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 48, MOST };
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static void test_vectors(void **unused)
{
    (void)unused;
    for (int k = 0; k < LENGTHS; k++) {
        const int64_t n = lengths[k];
        double sums[5], expected[5];
        const double abcd[] = { 0.25, -2, 3, 0.5 };
        fill(-1, 1);
        assert_true(fabs(K(factor)->dot(n, got, got + ROW) - R(factor)->dot(n, got, got + ROW)) < 1e-14);
        K(factor)->products(5, n, got, ROW, got + 9 * ROW, sums);
        R(factor)->products(5, n, got, ROW, got + 9 * ROW, expected);
        for (int i = 0; i < 5; i++) assert_true(fabs(sums[i] - expected[i]) < 1e-14);
        K(factor)->add(n, -0.3, got + 2 * ROW, got + 3 * ROW);
        R(factor)->add(n, -0.3, want + 2 * ROW, want + 3 * ROW);
        assert_same("add", n, 1e-15);
        K(factor)->combine(n, got, got + ROW, abcd);
        R(factor)->combine(n, want, want + ROW, abcd);
        assert_same("combine", n, 1e-15);
        if (n <= 16) {
            K(factor)->negate(n, 9, got + 8 * ROW, ROW, got, ROW / 2);
            R(factor)->negate(n, 9, want + 8 * ROW, ROW, want, ROW / 2);
            assert_same("negate", n, 1e-15);
        }
        if (n > 48) continue;
        fill(-1, 1);
        K(factor)->transpose(n, 11, got + 20 * ROW, ROW, got, ROW);
        R(factor)->transpose(n, 11, want + 20 * ROW, ROW, want, ROW);
        assert_same("transpose", n, 0);
    }
}

/* Triangles well conditioned, in rows and in columns, beside numbers that must not be read. */
static void test_small_triangles(void **unused)
{
    (void)unused;
    double a[TGI_NARROW * TGI_NARROW];
    for (int way = 0; way < 8; way++)
        for (int64_t n = 1; n <= TGI_NARROW; n++)
            for (int k = 0; k < LENGTHS; k++) {
                tgi_triangle t = { .a = a, .n = n, .upper = way & 1, .unit = way & 2 };
                t.row = way & 4 ? 1 : TGI_NARROW;
                t.col = way & 4 ? TGI_NARROW : 1;
                for (int64_t i = 0; i < n; i++)
                    for (int64_t j = 0; j < n; j++)
                        a[i * t.row + j * t.col] = i == j               ? (t.unit ? NAN : uniform(1, 2))
                                                   : (i > j) == t.upper ? NAN
                                                                        : uniform(-0.3, 0.3);
                fill(-1, 1);
                K(factor)->solve(&t, got, ROW, lengths[k]);
                R(factor)->solve(&t, want, ROW, lengths[k]);
                assert_same("solve", n, 1e-13);
            }
}

static void test_panels(void **unused)
{
    (void)unused;
    for (int64_t width = 1; width <= TGI_NARROW; width++)
        for (int k = 0; k < LENGTHS; k++) {
            const int64_t m = lengths[k];
            int64_t pivots[TGI_NARROW], others[TGI_NARROW];
            double tau[TGI_NARROW], taus[TGI_NARROW];
            if (m < width) continue;
            fill(-1, 1);
            assert_int_equal(K(factor)->eliminate(got, m, width, pivots), R(factor)->eliminate(want, m, width, others));
            assert_memory_equal(pivots, others, (size_t)width * sizeof *pivots);
            for (int64_t i = 0; i < m; i++) /* there is room for numbers in a narrow panel */
                for (int64_t j = width; j < TGI_NARROW; j++) got[i * TGI_NARROW + j] = want[i * TGI_NARROW + j];
            assert_same("eliminate", m, 1e-11);
            fill(-1, 1);
            for (int64_t i = 0; i < m && k % 2; i++) /* squares that are none */
                for (int64_t j = 0; j < TGI_NARROW; j++)
                    got[i * TGI_NARROW + j] *= 1e-180, want[i * TGI_NARROW + j] *= 1e-180;
            K(factor)->reflect(got, m, width, tau);
            R(factor)->reflect(want, m, width, taus);
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < TGI_NARROW; j++) {
                    double *x = &got[i * TGI_NARROW + j], *y = &want[i * TGI_NARROW + j];
                    if (j >= width) *x = *y;
                    if (k % 2 && i <= j) *x *= 1e180, *y *= 1e180;
                }
            assert_same("reflect", m, 1e-11);
            for (int64_t j = 0; j < width; j++) assert_true(fabs(tau[j] - taus[j]) < 1e-12);
        }
}

/* Columns of zeros: the first of them is told, no row is swapped for it, and nothing is reflected. */
static void test_singular_panels(void **unused)
{
    (void)unused;
    int64_t pivots[TGI_NARROW];
    double tau[TGI_NARROW];
    fill(-1, 1);
    for (int64_t i = 0; i < 20; i++) got[i * TGI_NARROW + 2] = got[i * TGI_NARROW + 5] = 0;
    memcpy(want, got, sizeof got);
    assert_int_equal(K(factor)->eliminate(got, 20, TGI_NARROW, pivots), 3);
    assert_int_equal(R(factor)->eliminate(want, 20, TGI_NARROW, pivots), 3);
    assert_same("eliminate", 20, 1e-11);
    for (int64_t i = 0; i < 20; i++)
        for (int64_t j = 0; j < TGI_NARROW; j++) got[i * TGI_NARROW + j] = i == j;
    K(factor)->reflect(got, 20, TGI_NARROW, tau);
    for (int64_t j = 0; j < TGI_NARROW; j++) assert_true(tau[j] == 0);
}

static void test_rotations(void **unused)
{
    (void)unused;
    static double pairs[3][2 * MOST], strip[MOST * TGI_FACTOR_STRIP];
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < MOST; i++) {
            const double angle = uniform(-3, 3);
            pairs[w][2 * i] = cos(angle), pairs[w][2 * i + 1] = sin(angle);
        }
    const tgi_sweep sweeps[] = { { 2, 30, false, pairs[0] }, { 31, 25, true, pairs[1] }, { 10, 1, false, pairs[2] } };
    for (int k = 1; k < LENGTHS; k++) {
        fill(-1, 1);
        K(factor)->turn(got, lengths[k], ROW, sweeps, 3, strip);
        R(factor)->turn(want, lengths[k], ROW, sweeps, 3, strip);
        assert_same("turn", lengths[k], 1e-13);
    }
}

static void test_reduction_steps(void **unused)
{
    (void)unused;
    for (int way = 0; way < 2; way++)
        for (int k = 1; k < LENGTHS; k++) {
            fill(-1, 1);
            double *both[] = { got, want };
            for (int i = 0; i < 2; i++) {
                double *x = both[i];
                const tgi_reduction_step t = { .m = 20,
                                               .n = lengths[k],
                                               .row = ROW,
                                               .a = x,
                                               .u = way ? x + 30 * ROW : NULL,
                                               .y = x + 31 * ROW,
                                               .x = x + 32 * ROW,
                                               .v = x + 33 * ROW,
                                               .weight = x + 34 * ROW,
                                               .sum = x + 35 * ROW };
                (i == 0 ? K(factor) : R(factor))->reduce(&t);
            }
            assert_same("reduce", lengths[k], 1e-13);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors),   cmocka_unit_test(test_small_triangles),
                                        cmocka_unit_test(test_panels),    cmocka_unit_test(test_singular_panels),
                                        cmocka_unit_test(test_rotations), cmocka_unit_test(test_reduction_steps) };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests);
    return failed;
}
