/* test_kernels.c: every set of kernels this machine can run, against the slow reference: every row of pointwise.def, every dtype,
 * tails, strides, unaligned memory, special values; and bit by bit against itself, since a value may depend on nothing but its
 * inputs: not on its index, the length or the layout. The matrix product has a file of its own, test_kernels_gemm.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../ops/kernels/kernels.h"

#define R (&tgi_kernels_reference)

static const tgi_kernels *K;      /* the set under test */
static const int64_t sizes[TGI_DTYPES] = { 4, 8, 8, 1 };
static const char *const dtype_names[TGI_DTYPES] = { "float32", "float64", "int64", "bool" };

/* ---- values ---- */

static uint64_t state = 1;
static uint64_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 16;
}
static double uniform(double lo, double hi) { return lo + (hi - lo) * (double)(draw() % 1000003) / 1000002.0; }

static const double specials[] = {
    0.0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, INFINITY, -INFINITY, NAN, 1e-45, -1e-45, 0x1p-127, -0x1p-127, 0x1p-126, 0x1.fffffep127,
    -0x1.fffffep127, 0x1p-1022, 0x1p-1074, 1e308, -1e308, 88.722, 88.7229, 88.75, -87.336, -87.34, -88.73, -103.9, -103.98, -104.5,
    709.7, 710, -745, -746, 0.6249, 0.6251, -0.6251, 9.01, -9.02, 10.5, 20, 1e-8, -1e-8, 0.99999994, 1.0000001, 0.70710677,
    1.4142135, 1.4142137, 9.2233720368547758e18, -9.2233720368547758e18, 1e19, 16777217, 2147483648.0, 0.3333,
};
enum { SPECIALS = sizeof specials / sizeof *specials };

static double any_real(void)
{
    switch (draw() % 4) {
    case 0: return specials[draw() % SPECIALS];
    case 1: return ldexp(uniform(-1, 1), (int)(draw() % 60) - 30);
    default: return uniform(-6, 6);
    }
}

static int64_t any_integer(void)
{
    static const int64_t some[] = { 0, 1, -1, 2, -2, 3, 63, 64, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1ll << 53, 4611686018427387904 };
    return draw() % 2 ? some[draw() % (sizeof some / sizeof *some)] : (int64_t)(draw() % 21) - 10;
}

static void set(int dtype, char *at, double real)
{
    float single = (float)real;
    int64_t integer = any_integer();
    switch (dtype) {
    case TGI_F32: memcpy(at, &single, 4); break;
    case TGI_F64: memcpy(at, &real, 8); break;
    case TGI_I64: memcpy(at, &integer, 8); break;
    default: *at = (char)(draw() % 3);       /* any byte but 0 is true */
    }
}

static double get(int dtype, const void *at)
{
    float single;
    double real;
    if (dtype == TGI_F64) return memcpy(&real, at, 8), real;
    return memcpy(&single, at, 4), (double)single;
}

/* Floats as integers in the order of the floats, so that neighbours differ by 1. */
static int64_t rank(int dtype, const void *at)
{
    int64_t bits = 0;
    int32_t short_bits;
    if (dtype == TGI_F64) {
        memcpy(&bits, at, 8);
        return bits < 0 ? INT64_MIN - bits : bits;
    }
    memcpy(&short_bits, at, 4);
    return short_bits < 0 ? (int64_t)INT32_MIN - short_bits : short_bits;
}

/* NaN is like NaN, and 0 is not like -0. Otherwise at most `ulps` floats apart. */
static bool alike(int dtype, const void *got, const void *want, double ulps)
{
    if (memcmp(got, want, (size_t)sizes[dtype]) == 0) return true;
    if (dtype > TGI_F64) return false;
    double x = get(dtype, got), y = get(dtype, want);
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y);
    if (ulps == 0 || (x == 0 && y == 0)) return false;
    return fabs((double)rank(dtype, got) - (double)rank(dtype, want)) <= ulps;
}

enum { UNLISTED = -1 };

/* ---- pointwise loops ---- */

enum { MOST = 700, OPERANDS = 5, ROOM = MOST * 8 * 5 + 64 };

/* How operand k lies: element stride and bytes beside alignment. */
typedef struct layout {
    int64_t step[OPERANDS];
    int offset;
} layout;
static const layout layouts[] = {
    { { 1, 1, 1, 1, 1 }, 0 },  { { 1, 1, 1, 1, 1 }, 1 },  { { 1, 0, 1, 0, 1 }, 0 },  { { 1, 1, 0, 1, 0 }, 3 },
    { { 1, 0, 0, 0, 0 }, 0 },  { { 3, 2, 1, 5, -1 }, 1 }, { { -1, -1, -1, -1, -1 }, 0 }, { { 2, -3, 0, 1, 4 }, 2 },
    { { -2, 1, 1, 3, 0 }, 0 },
};

typedef struct loop_test {
    const char *what, *name;
    tgi_loop fast, slow;
    int count;
    int dtype[OPERANDS];     /* of each operand; -1: not passed */
    double ulps;
} loop_test;

static char memory[OPERANDS][ROOM], expected[ROOM];

static void place(const loop_test *t, const layout *l, int64_t n, char **p, int64_t *stride)
{
    for (int k = 0; k < t->count; k++) {
        if (t->dtype[k] < 0) {
            p[k] = NULL;
            stride[k] = 12345;
            continue;
        }
        int64_t size = sizes[t->dtype[k]];
        stride[k] = l->step[k] * size;
        p[k] = memory[k] + l->offset + (l->step[k] < 0 ? -(n - 1) * stride[k] : 0);
    }
}

static void fill_inputs(const loop_test *t)
{
    for (int k = 1; k < t->count; k++) {
        if (t->dtype[k] < 0) continue;
        int64_t size = sizes[t->dtype[k]];
        for (int64_t i = 0; i < ROOM / size; i++) set(t->dtype[k], memory[k] + i * size, any_real());
    }
}

static void fail_loop(const loop_test *t, int64_t n, int64_t i, const char *const *p, const int64_t *stride, const char *got,
                      const char *want)
{
    int out = t->dtype[0];
    if (out <= TGI_F64) print_error("got %a, want %a;", get(out, got), get(out, want));
    for (int k = 1; k < t->count; k++) {
        if (t->dtype[k] == TGI_F32 || t->dtype[k] == TGI_F64) print_error(" %a", get(t->dtype[k], p[k] + i * stride[k]));
    }
    fail_msg("%s %s %s (%s), element %lld of %lld", K->name, t->what, t->name, dtype_names[t->dtype[t->count > 1 && t->dtype[1] >= 0]],
             (long long)i, (long long)n);
}

/* A formula of unknown rows may cancel: off by some ulps of the product of its operands. */
static bool agree(const loop_test *t, const char *got, const char *want, char *const *one)
{
    double scale = t->dtype[0] == TGI_F64 ? 0x1p-48 : 0x1p-19;
    if (t->ulps != UNLISTED) return alike(t->dtype[0], got, want, t->ulps);
    if (alike(t->dtype[0], got, want, 16)) return true;
    if (t->dtype[0] > TGI_F64) return false;
    for (int k = 1; k < t->count; k++) scale *= one[k] ? fmax(1, fabs(get(t->dtype[k], one[k]))) : 1;
    return fabs(get(t->dtype[0], got) - get(t->dtype[0], want)) <= scale;
}

/* One length in one layout: against the reference, element by element against a call for that element alone; nothing else written. */
static void check_once(const loop_test *t, const layout *l, int64_t n)
{
    char *p[OPERANDS];
    int64_t stride[OPERANDS], size = sizes[t->dtype[0]];
    int64_t step = l->step[0] < 0 ? -l->step[0] : l->step[0];
    size_t span = (size_t)(n * step * size) + 64;      /* what is written, and some */
    place(t, l, n, p, stride);
    memset(memory[0], 0x5a, span);
    t->slow(n, p, stride);
    memcpy(expected, memory[0], span);
    memset(memory[0], 0x5a, span);
    t->fast(n, p, stride);
    for (int64_t i = 0; i < n; i++) {
        char alone[8], *one[OPERANDS], *got = p[0] + i * stride[0], *want = expected + (got - memory[0]);
        one[0] = alone;
        for (int k = 1; k < t->count; k++) one[k] = p[k] ? p[k] + i * stride[k] : NULL;
        t->fast(1, one, stride);
        if (!agree(t, got, want, one)) fail_loop(t, n, i, (const char *const *)p, stride, got, want);
        if (!alike(t->dtype[0], got, alone, 0)) fail_loop(t, n, i, (const char *const *)p, stride, got, alone);
        memcpy(want, got, (size_t)size);
    }
    if (memcmp(memory[0], expected, span) != 0) fail_msg("%s %s %s: wrote outside, n = %d", K->name, t->what, t->name, (int)n);
}

/* The output is the memory of operand k. */
static void check_in_place(const loop_test *t, int k, int64_t n, int64_t step)
{
    static char before[ROOM];
    char *p[OPERANDS];
    int64_t stride[OPERANDS], size = sizes[t->dtype[0]];
    size_t span = (size_t)(n * step * size) + 64;
    layout l = { { step, step, step, step, step }, 0 };
    place(t, &l, n, p, stride);
    t->fast(n, p, stride);
    memcpy(expected, memory[0], span);
    memcpy(before, memory[k], span);
    p[0] = p[k];
    t->fast(n, p, stride);
    for (int64_t i = 0; i < n; i++) {
        if (!alike(t->dtype[0], p[0] + i * stride[0], expected + i * stride[0], 0))
            fail_msg("%s %s %s in place of operand %d, %d of %d", K->name, t->what, t->name, k, (int)i, (int)n);
    }
    memcpy(memory[k], before, span);
}

static void check_loop(const loop_test *t)
{
    if (!t->slow != !t->fast) fail_msg("%s %s %s: here or in the reference, not both", K->name, t->what, t->name);
    if (!t->fast) return;
    fill_inputs(t);
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        for (int64_t n = 0; n <= 70; n++) check_once(t, &layouts[l], n);
        check_once(t, &layouts[l], 256);
        check_once(t, &layouts[l], MOST);
    }
    for (int k = 1; k < t->count; k++) {
        for (int64_t n = 0; n < 600 && t->dtype[k] == t->dtype[0]; n += n < 70 ? 1 : 211) {
            check_in_place(t, k, n, 1);
            check_in_place(t, k, n, 2);
        }
    }
}

/* How many floats a row may be off: plain arithmetic agrees to the bit, exp, log, tanh, sigmoid and pow keep what vecmath.h
 * promises. Of a formula not listed here (UNLISTED) all that is known is that it is made of these. */
static double tolerance(const char *name, bool backward)
{
    static const struct { const char *name; double forward, backward; } rows[] = {
        { "neg", 0, 0 }, { "abs", 0, 0 }, { "sqrt", 0, 0 }, { "relu", 0, 0 }, { "add", 0, 0 }, { "sub", 0, 0 },
        { "mul", 0, 0 }, { "div", 0, 0 }, { "maximum", 0, 0 }, { "minimum", 0, 0 }, { "exp", 1, 0 }, { "log", 1, 0 },
        { "tanh", 2, 0 }, { "sigmoid", 3, 0 }, { "pow", 1, 3 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(name, rows[i].name) == 0) return backward ? rows[i].backward : rows[i].forward;
    }
    return UNLISTED;
}

enum { SAVE_NONE = 0, SAVE_A = 1, SAVE_B = 2, SAVE_Y = 4 };

static void test_unary(void **unused)
{
    (void)unused;
#define TG_UNARY(op, dtypes, y, da, saves, ...)                                                                       \
    for (int d = 0; d < TGI_DTYPES; d++) {                                                                            \
        check_loop(&(loop_test){ "unary", #op, K->unary[TGI_UNARY_##op][d], R->unary[TGI_UNARY_##op][d], 2, { d, d }, \
                                 tolerance(#op, false) });                                                            \
        if (d > TGI_F64) continue;                                                                                    \
        check_loop(&(loop_test){ "unary backward", #op, K->unary_backward[TGI_UNARY_##op][d],                         \
                                 R->unary_backward[TGI_UNARY_##op][d], 4,                                             \
                                 { d, d, (saves) & SAVE_A ? d : -1, (saves) & SAVE_Y ? d : -1 }, tolerance(#op, true) }); \
    }
#include "../ops/pointwise.def"
}

static void test_binary(void **unused)
{
    (void)unused;
#define BACKWARD(op, input, saves)                                                                                    \
    check_loop(&(loop_test){ "binary backward " #input, #op, K->binary_backward[TGI_BINARY_##op][input][d],           \
                             R->binary_backward[TGI_BINARY_##op][input][d], 5,                                        \
                             { d, d, (saves) & SAVE_A ? d : -1, (saves) & SAVE_B ? d : -1, (saves) & SAVE_Y ? d : -1 }, \
                             tolerance(#op, true) })
#define TG_BINARY(op, dtypes, y, da, da_saves, db, db_saves, ...)                                                     \
    for (int d = 0; d < TGI_DTYPES; d++) {                                                                            \
        check_loop(&(loop_test){ "binary", #op, K->binary[TGI_BINARY_##op][d], R->binary[TGI_BINARY_##op][d], 3,      \
                                 { d, d, d }, tolerance(#op, false) });                                               \
        if (d > TGI_F64) continue;                                                                                    \
        BACKWARD(op, 0, da_saves);                                                                                    \
        BACKWARD(op, 1, db_saves);                                                                                    \
    }
#include "../ops/pointwise.def"
}

static void test_bool_rows(void **unused)
{
    (void)unused;
    for (int i = 0; i < TGI_BINARY_COUNT; i++) {
        bool has = i == TGI_BINARY_add || i == TGI_BINARY_mul || i == TGI_BINARY_maximum || i == TGI_BINARY_minimum;
        assert_int_equal(K->binary[i][TGI_BOOL] != NULL, has);
    }
    for (int x = 0; x < 2; x++) {
        for (int z = 0; z < 2; z++) {
            char y = 7, a = (char)x, b = (char)z, *p[] = { &y, &a, &b };
            const int64_t stride[] = { 1, 1, 1 };
            K->binary[TGI_BINARY_add][TGI_BOOL](1, p, stride);
            assert_int_equal(y, x | z);
            K->binary[TGI_BINARY_mul][TGI_BOOL](1, p, stride);
            assert_int_equal(y, x & z);
            K->compare[TGI_COMPARE_lt][TGI_BOOL](1, p, stride);
            assert_int_equal(y, x < z);
        }
    }
}

static void test_compare_where_copy(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++) {
#define TG_COMPARE(op, ...)                                                                                           \
        check_loop(&(loop_test){ "compare", #op, K->compare[TGI_COMPARE_##op][d], R->compare[TGI_COMPARE_##op][d], 3, \
                                 { TGI_BOOL, d, d }, 0 });
#include "../ops/pointwise.def"
        check_loop(&(loop_test){ "where", "", K->where[d], R->where[d], 4, { d, TGI_BOOL, d, d }, 0 });
        for (int from = 0; from < TGI_DTYPES; from++)
            check_loop(&(loop_test){ "copy to", dtype_names[d], K->copy[d][from], R->copy[d][from], 2, { d, from }, 0 });
    }
}

static void test_copy_to_int64(void **unused)
{
    (void)unused;
    const double from[] = { 2.9, -2.9, NAN, INFINITY, -INFINITY, 1e19, 9223372036854775807.0, -9223372036854775808.0, -0.5 };
    const int64_t want[] = { 2, -2, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, 0 };
    int64_t got[9], stride[] = { 8, 8 };
    char *p[] = { (char *)got, (char *)(uintptr_t)from };
    K->copy[TGI_I64][TGI_F64](9, p, stride);
    assert_memory_equal(got, want, sizeof want);
}

/* ---- sums ---- */

/* n elements as read and their sum by the kernel, which must be within a few ulps of the sum of magnitudes. */
static void check_sum(int d, int64_t n, const char *a, int64_t stride, const void *got)
{
    long double sum = 0, magnitude = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = get(d, a + i * stride);
        sum += x;
        magnitude += fabs(x);
    }
    double eps = d == TGI_F32 ? 0x1p-24 : 0x1p-53;
    double bound = (double)magnitude * eps * (2 + 0.5 * log2((double)n + 1));
    if (!(fabs((double)(get(d, got) - sum)) <= bound))
        fail_msg("%s sum of %d %s: %.17g, want %.17Lg", K->name, (int)n, dtype_names[d], get(d, got), sum);
}

static void test_sum_floats(void **unused)
{
    (void)unused;
    enum { N = 2600 };
    static char flat[N * 8], spread[N * 3 * 8 + 1], rows[N * 8 * 8], sums[64];
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        int64_t size = sizes[d];
        for (int64_t i = 0; i < N; i++) {
            set(d, flat + i * size, uniform(-1, 2) * exp(uniform(0, 6)));
            memcpy(spread + 1 + (N - 1 - i) * 3 * size, flat + i * size, (size_t)size);
            for (int64_t j = 0; j < 8; j++) memcpy(rows + (i * 8 + j) * size, flat + i * size, (size_t)size);
        }
        for (int64_t n = 0; n <= N; n += n < 140 ? 1 : n < 1000 ? 93 : 511) {
            char sum[8], other[8];
            K->sum[d](n, flat, size, sum);
            check_sum(d, n, flat, size, sum);
            K->sum[d](n, spread + 1 + (N - 1) * 3 * size, -3 * size, other);
            assert_memory_equal(sum, other, (size_t)size);
            for (int64_t m = 1; m <= 8; m++) {       /* columns, each the same numbers, in three layouts */
                K->sum_rows[d](n, m, rows, 8 * size, size, sums);
                for (int64_t j = 0; j < m; j++) assert_memory_equal(sums + j * size, sum, (size_t)size);
                K->sum_rows[d](n, m, flat, size, 0, sums);
                for (int64_t j = 0; j < m; j++) assert_memory_equal(sums + j * size, sum, (size_t)size);
                K->sum_rows[d](n, m / 2, rows + size, 8 * size, 2 * size, sums);
                for (int64_t j = 0; j < m / 2; j++) assert_memory_equal(sums + j * size, sum, (size_t)size);
            }
        }
    }
}

static void test_sum_wide_rows(void **unused)
{
    (void)unused;
    enum { N = 40, M = 131 };
    static char a[N * M * 8], sums[M * 8], sum[8];
    for (int d = 0; d < TGI_DTYPES; d++) {
        int64_t size = sizes[d], out = d == TGI_BOOL ? 8 : size;
        for (int64_t i = 0; i < N * M; i++) set(d, a + i * size, uniform(-1, 1));
        for (int64_t m = 0; m <= M; m++) {
            memset(sums, 0x5a, sizeof sums);
            K->sum_rows[d](N, m, a, M * size, size, sums);
            for (int64_t j = 0; j < m; j++) {
                K->sum[d](N, a + j * size, M * size, sum);
                assert_memory_equal(sum, sums + j * out, (size_t)out);
            }
            if (m < M) assert_int_equal(sums[m * out], 0x5a);
        }
    }
}

static void test_sum_integers_and_specials(void **unused)
{
    (void)unused;
    static char a[900 * 8];
    for (int d = TGI_I64; d <= TGI_BOOL; d++) {
        for (int64_t i = 0; i < 900; i++) set(d, a + i * sizes[d], 0);
        for (int64_t n = 0; n < 900; n += n < 70 ? 1 : 41) {
            int64_t got, want, columns[3];
            K->sum[d](n, a, sizes[d], &got);
            R->sum[d](n, a, sizes[d], &want);
            assert_int_equal(got, want);
            K->sum_rows[d](n, 3, a, sizes[d], 0, columns);
            for (int j = 0; j < 3; j++) assert_int_equal(columns[j], want);
        }
    }
    float x[100] = { 0 }, y;
    x[40] = INFINITY;
    K->sum[TGI_F32](100, x, 4, &y);
    assert_true(isinf(y) && y > 0);
    x[99] = -INFINITY;
    K->sum[TGI_F32](100, x, 4, &y);
    assert_true(isnan(y));
}

static void test_sum_is_pairwise(void **unused)
{
    (void)unused;
    float tenth = 0.1f, y;
    K->sum[TGI_F32](10000000, &tenth, 0, &y);      /* one after the other this gives 1087937 */
    assert_true(fabs(y - 1e7 * (double)tenth) <= 1);
}

/* ---- softmax ---- */

typedef void (*row_function)(int64_t rows, int64_t n, const void *a, void *y);
typedef void (*row_gradient)(int64_t rows, int64_t n, const void *g, const void *y, void *da);

static void near(int d, const char *got, const char *want, double bound, const char *what, int64_t n)
{
    double x = get(d, got), z = get(d, want);
    if (isnan(x) && isnan(z)) return;
    if (x == z || fabs(x - z) <= bound * (d == TGI_F32 ? 0x1p-23 : 0x1p-52)) return;
    fail_msg("%s %s %s, n = %d: %.17g, want %.17g", K->name, what, dtype_names[d], (int)n, x, z);
}

static void check_rows(int d, bool is_log, int64_t n)
{
    enum { ROWS = 3 };
    static char a[ROWS * 1100 * 8], g[sizeof a], y[sizeof a], want[sizeof a], da[sizeof a], alone[sizeof a];
    row_function fast = is_log ? K->log_softmax[d] : K->softmax[d], slow = is_log ? R->log_softmax[d] : R->softmax[d];
    row_gradient back = is_log ? K->log_softmax_backward[d] : K->softmax_backward[d];
    row_gradient slow_back = is_log ? R->log_softmax_backward[d] : R->softmax_backward[d];
    const char *what = is_log ? "log_softmax" : "softmax";
    int64_t size = sizes[d];
    for (int64_t i = 0; i < ROWS * n; i++) {
        set(d, a + i * size, uniform(-4, 4));
        set(d, g + i * size, uniform(-1, 1));
    }
    if (n > 3) set(d, a + size, n % 3 == 0 ? NAN : n % 3 == 1 ? INFINITY : -INFINITY);
    fast(ROWS, n, a, y);
    slow(ROWS, n, a, want);
    double slack = d == TGI_F64 ? 10 + sqrt((double)n) : 10;      /* in float64 the reference's own sum is no better */
    for (int64_t i = 0; i < ROWS * n; i++) {
        double value = fabs(get(d, want + i * size));
        near(d, y + i * size, want + i * size, is_log ? slack + 2 * value : slack * value, what, n);
    }
    for (int64_t r = 0; r < ROWS; r++) {
        fast(1, n, a + r * n * size, alone);
        for (int64_t i = 0; i < n; i++) assert_true(alike(d, alone + i * size, y + (r * n + i) * size, 0));
    }
    fast(ROWS, n, a, a);
    for (int64_t i = 0; i < ROWS * n; i++) assert_true(alike(d, a + i * size, y + i * size, 0));
    back(ROWS, n, g, y, da);
    slow_back(ROWS, n, g, y, want);
    for (int64_t i = 0; i < ROWS * n; i++) near(d, da + i * size, want + i * size, 4 + sqrt((double)n), what, n);
}

static void test_softmax(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= 1100; n += n < 70 ? 1 : 103) {
            check_rows(d, false, n);
            check_rows(d, true, n);
        }
    }
    float a[3] = { 1000, 0, -1000 }, y[3];
    K->softmax[TGI_F32](1, 3, a, y);
    assert_true(y[0] == 1 && y[1] == 0 && y[2] == 0);
    K->log_softmax[TGI_F32](1, 3, a, y);
    assert_true(y[0] == 0 && y[1] == -1000 && y[2] == -2000);
}

/* ---- optimisers ---- */

enum { PARAMETERS = 70 };
typedef struct update_state {
    char p[PARAMETERS * 8 + 1], g[PARAMETERS * 8 + 1], m[PARAMETERS * 8 + 1], v[PARAMETERS * 8 + 1], top[PARAMETERS * 8 + 1];
} update_state;

static void fill_update(int d, update_state *s)
{
    for (int64_t i = 0; i < PARAMETERS; i++) {
        int64_t at = 1 + i * sizes[d];      /* unaligned */
        set(d, s->p + at, uniform(-1, 1));
        set(d, s->g + at, uniform(-1, 1));
        set(d, s->m + at, uniform(-1, 1));
        set(d, s->v + at, uniform(0, 1));
        set(d, s->top + at, uniform(0, 1));
    }
}

static void compare_updates(int d, int64_t n, const update_state *got, const update_state *want, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 1 + i * sizes[d];
        near(d, got->p + at, want->p + at, 4, what, n);
        near(d, got->m + at, want->m + at, 4, what, n);
        near(d, got->v + at, want->v + at, 4, what, n);
        near(d, got->top + at, want->top + at, 4, what, n);
    }
}

static void test_adam(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= PARAMETERS; n++) {
            for (int flags = 0; flags < 16; flags++) {
                tgi_adam h = { 0.01, 0.9, 0.999, 1e-8, flags & 1 ? 0.1 : 0, 1 - 0.9 * 0.9, 1 - 0.999 * 0.999, flags & 2, flags & 4 };
                update_state fast, slow, alone;
                fill_update(d, &fast);
                slow = alone = fast;
                K->adam[d](&h, n, fast.p + 1, fast.g + 1, fast.m + 1, fast.v + 1, flags & 8 ? fast.top + 1 : NULL);
                R->adam[d](&h, n, slow.p + 1, slow.g + 1, slow.m + 1, slow.v + 1, flags & 8 ? slow.top + 1 : NULL);
                compare_updates(d, n, &fast, &slow, "adam");
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = 1 + i * sizes[d];
                    K->adam[d](&h, 1, alone.p + at, alone.g + at, alone.m + at, alone.v + at, flags & 8 ? alone.top + at : NULL);
                }
                assert_memory_equal(&alone, &fast, sizeof fast);
            }
        }
    }
}

static void test_sgd(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= PARAMETERS; n++) {
            for (int flags = 0; flags < 32; flags++) {
                tgi_sgd h = { 0.1, 0.9, 0.25, flags & 1 ? 0.1 : 0, flags & 2, flags & 4, flags & 8 };
                update_state fast, slow, alone;
                fill_update(d, &fast);
                slow = alone = fast;
                K->sgd[d](&h, n, fast.p + 1, fast.g + 1, flags & 16 ? fast.m + 1 : NULL);
                R->sgd[d](&h, n, slow.p + 1, slow.g + 1, flags & 16 ? slow.m + 1 : NULL);
                compare_updates(d, n, &fast, &slow, "sgd");
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = 1 + i * sizes[d];
                    K->sgd[d](&h, 1, alone.p + at, alone.g + at, flags & 16 ? alone.m + at : NULL);
                }
                assert_memory_equal(&alone, &fast, sizeof fast);
            }
        }
    }
}

/* A decay of 0 does not touch the weight: 0 times infinity would be NaN. */
static void test_no_decay_of_infinity(void **unused)
{
    (void)unused;
    float p = INFINITY, g = 1, m = 0, v = 0;
    tgi_adam adam = { 0.01, 0.9, 0.999, 1e-8, 0, 0.1, 0.001, false, false };
    tgi_sgd sgd = { 0.1, 0, 0, 0, false, false, false };
    K->adam[TGI_F32](&adam, 1, &p, &g, &m, &v, NULL);
    assert_true(isinf(p) && m == 0.1f);
    K->sgd[TGI_F32](&sgd, 1, &p, &g, NULL);
    assert_true(isinf(p));
}

/* ---- picking ---- */

/* What a fresh process with TAPEGRAD_ISA=value picks and says. */
static void fresh_choice(const char *value, char *name, char *said, size_t room)
{
    int names[2], words[2];
    assert_int_equal(pipe(names) | pipe(words), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(words[1], STDERR_FILENO);
        if (value) setenv("TAPEGRAD_ISA", value, 1);
        else unsetenv("TAPEGRAD_ISA");
        const char *chosen = tgi_kernels_get()->name;
        ssize_t written = write(names[1], chosen, strlen(chosen));
        _exit(written < 0);
    }
    close(names[1]);
    close(words[1]);
    ssize_t length = read(names[0], name, room - 1), words_length = read(words[0], said, room - 1);
    name[length > 0 ? length : 0] = '\0';
    said[words_length > 0 ? words_length : 0] = '\0';
    close(names[0]);
    close(words[0]);
    waitpid(child, NULL, 0);
}

/* Must run before anything else in this process asks for the kernels. */
static void test_choice(void **unused)
{
    (void)unused;
    char name[200], said[200], best[200];
    fresh_choice(NULL, best, said, sizeof said);
    assert_string_equal(said, "");
    for (const tgi_kernels *const *k = tgi_kernels_all; *k; k++) {
        if (!(*k)->supported()) continue;
        fresh_choice((*k)->name, name, said, sizeof said);
        assert_string_equal(name, (*k)->name);
        assert_string_equal(said, "");
    }
    fresh_choice("pentium", name, said, sizeof said);
    assert_string_equal(name, best);
    assert_non_null(strstr(said, "TAPEGRAD_ISA=pentium"));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void test_select(void **unused)
{
    (void)unused;
    const tgi_kernels *before = tgi_kernels_get();
    assert_false(tgi_kernels_select("pentium"));
    assert_false(tgi_kernels_select(NULL));
    assert_ptr_equal(tgi_kernels_get(), before);
    for (const tgi_kernels *const *k = tgi_kernels_all; *k; k++) {
        assert_int_equal(tgi_kernels_select((*k)->name), (*k)->supported());
        if ((*k)->supported()) assert_ptr_equal(tgi_kernels_get(), *k);
    }
    assert_true(tgi_kernels_select(before->name));
}

int main(void)
{
    const struct CMUnitTest choice[] = { cmocka_unit_test(test_choice), cmocka_unit_test(test_select) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary), cmocka_unit_test(test_binary), cmocka_unit_test(test_bool_rows),
        cmocka_unit_test(test_compare_where_copy), cmocka_unit_test(test_copy_to_int64), cmocka_unit_test(test_sum_floats),
        cmocka_unit_test(test_sum_wide_rows), cmocka_unit_test(test_sum_integers_and_specials), cmocka_unit_test(test_sum_is_pairwise),
        cmocka_unit_test(test_softmax), cmocka_unit_test(test_adam), cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_no_decay_of_infinity),
    };
    int failed = cmocka_run_group_tests_name("picking kernels", choice, NULL, NULL);
    for (const tgi_kernels *const *k = tgi_kernels_all; *k; k++) {
        if (!(*k)->supported()) {
            print_message("kernels for %s: not supported by this machine, not tested\n", (*k)->name);
            continue;
        }
        K = *k;
        print_message("kernels for %s\n", K->name);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
