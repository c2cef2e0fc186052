/* test_range.c: norms, distances, variances and normalisations of numbers whose squares do not fit, in every layout: what
 * fits must come out, gradients and second derivatives too. float32 is held against float64 of the same numbers, where
 * nothing overflows; float64 against itself at the size of 1, scaled by powers of two; both against plain loops. */
#include "tests/support/compare.h"
#include "tests/support/suite.h"

#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- the functions ---- of rows x [R, N], rows o [R, N], a weight and a bias [N]; by rows again */

typedef struct operands {
    tg_tensor *x, *o, *w, *b;
} operands;

#define FUNCTION(name, value)                                                                                          \
    static tg_tensor *name(const operands *a) { return value; }
static tg_tensor *turned(tg_tensor *t) { return tg_transpose(t, 0, 1); }
static tg_tensor *channels(tg_tensor *t) /* [R, N] as [2, R / 2, N], or [R, N] from that */
{
    const tg_shape shape = tg_shape_of(t);
    return shape.ndim == 2 ? tg_reshape(t, tg_shape(2, shape.dims[0] / 2, shape.dims[1]))
                           : tg_reshape(t, tg_shape(2 * shape.dims[1], shape.dims[2]));
}
static tg_tensor *in_two(tg_tensor *t, int64_t n) { return tg_reshape(t, tg_shape(tg_size(t, 0), 2, n / 2)); }

FUNCTION(f_std, tg_std(a->x, .dim = 1))
FUNCTION(f_std_columns, tg_std(turned(a->x), .dim = 0, .correction = 0))
FUNCTION(f_std_two, tg_std(in_two(a->x, tg_size(a->x, 1)), .dims = tg_shape(1, 2), .keepdim = true))
FUNCTION(f_std_mean, tg_std_mean(a->x, .dim = 1).std)
FUNCTION(f_var, tg_var(a->x, .dim = 1))
FUNCTION(f_var_columns, tg_var_mean(turned(a->x), .dim = 0).var)
FUNCTION(f_norm, tg_norm(a->x, .dim = 1))
FUNCTION(f_norm_columns, tg_norm(turned(a->x), .dim = 0, .keepdim = true))
FUNCTION(f_norm1, tg_norm(a->x, .dim = 1, .p = 1))
FUNCTION(f_norm3, tg_norm(a->x, .dim = 1, .p = 3))
FUNCTION(f_norm25, tg_linalg_vector_norm(a->x, .dim = 1, .p = 2.5))
FUNCTION(f_norm15, tg_norm(a->x, .dim = 1, .p = 1.5))
FUNCTION(f_norm_half, tg_norm(a->x, .dim = 1, .p = 0.5))
FUNCTION(f_norm_negative, tg_norm(a->x, .dim = 1, .p = -2))
FUNCTION(f_norm_largest, tg_norm(a->x, .dim = 1, .p = INFINITY))
FUNCTION(f_normalize, tg_normalize(a->x, .eps = 0))
FUNCTION(f_normalize3, tg_normalize(a->x, .p = 3))
FUNCTION(f_cosine, tg_cosine_similarity(a->x, a->o, .eps = 0))
FUNCTION(f_pairwise, tg_pairwise_distance(a->x, a->o, .eps = 0))
FUNCTION(f_pairwise3, tg_pairwise_distance(a->x, a->o, .p = 3))
FUNCTION(f_cdist, tg_cdist(a->x, a->o))
FUNCTION(f_cdist_self, tg_cdist(a->x, a->x))
FUNCTION(f_cdist1, tg_cdist(a->x, a->o, .p = 1))
FUNCTION(f_cdist3, tg_cdist(a->x, a->o, .p = 3))
FUNCTION(f_cdist15, tg_cdist(a->x, a->o, .p = 1.5))
FUNCTION(f_cdist_largest, tg_cdist(a->x, a->o, .p = INFINITY))
FUNCTION(f_layer, tg_layer_norm(a->x, tg_shape(tg_size(a->x, 1)), .weight = a->w, .bias = a->b))
FUNCTION(f_layer0, tg_layer_norm(a->x, tg_shape(tg_size(a->x, 1)), .weight = a->w, .bias = a->b, .eps = 0))
FUNCTION(f_rms, tg_rms_norm(a->x, tg_shape(tg_size(a->x, 1)), .weight = a->w, .eps = 1e-6))
FUNCTION(f_rms0, tg_rms_norm(a->x, tg_shape(tg_size(a->x, 1)), .weight = a->w, .eps = 0))
FUNCTION(f_batch, turned(tg_batch_norm(turned(a->x), NULL, NULL, .training = true)))
FUNCTION(f_batch0, turned(tg_batch_norm(turned(a->x), NULL, NULL, .training = true, .eps = 0)))
FUNCTION(f_instance0, channels(tg_instance_norm(channels(a->x), .eps = 0)))
FUNCTION(f_group, tg_group_norm(in_two(a->x, tg_size(a->x, 1)), 1))
FUNCTION(f_group0, tg_group_norm(in_two(a->x, tg_size(a->x, 1)), 1, .eps = 0))

typedef struct function {
    const char *name;
    tg_tensor *(*f)(const operands *a);
    int degree;  /* f(s x) = s^degree f(x); NONE: it has an eps */
    bool powers; /* made by pow: a few digits less */
} function;
enum { NONE = 99 };

static const function functions[] = {
    { "std", f_std, 1, false },
    { "std of columns", f_std_columns, 1, false },
    { "std of two dims", f_std_two, 1, false },
    { "std_mean", f_std_mean, 1, false },
    { "var", f_var, 2, false },
    { "var of columns", f_var_columns, 2, false },
    { "norm", f_norm, 1, false },
    { "norm of columns", f_norm_columns, 1, false },
    { "norm p=1", f_norm1, 1, false },
    { "norm p=3", f_norm3, 1, true },
    { "norm p=2.5", f_norm25, 1, true },
    { "norm p=1.5", f_norm15, 1, true },
    { "norm p=0.5", f_norm_half, 1, true },
    { "norm p=-2", f_norm_negative, 1, true },
    { "norm p=inf", f_norm_largest, 1, false },
    { "normalize", f_normalize, 0, false },
    { "normalize p=3", f_normalize3, NONE, true },
    { "cosine_similarity", f_cosine, 0, false },
    { "pairwise_distance", f_pairwise, 1, false },
    { "pairwise_distance p=3", f_pairwise3, NONE, true },
    { "cdist", f_cdist, 1, false },
    { "cdist of itself", f_cdist_self, 1, false },
    { "cdist p=1", f_cdist1, 1, false },
    { "cdist p=3", f_cdist3, 1, true },
    { "cdist p=1.5", f_cdist15, 1, true },
    { "cdist p=inf", f_cdist_largest, 1, false },
    { "layer_norm", f_layer, NONE, false },
    { "layer_norm eps=0", f_layer0, 0, false },
    { "rms_norm", f_rms, NONE, false },
    { "rms_norm eps=0", f_rms0, 0, false },
    { "batch_norm", f_batch, NONE, false },
    { "batch_norm eps=0", f_batch0, 0, false },
    { "instance_norm eps=0", f_instance0, 0, false },
    { "group_norm", f_group, NONE, false },
    { "group_norm eps=0", f_group0, 0, false },
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0], R = 6 };

/* ---- numbers ---- */

static double *draw(int64_t n, uint64_t seed)
{
    tg_scope scope = tg_scope_begin();
    double *values = elements(numbers(tg_shape(n), TG_FLOAT64, seed));
    for (int64_t i = 0; i < n; i++) values[i] = (double)(float)values[i];
    tg_scope_end(scope);
    return values;
}

/* [R, N] of these values: as they lie, the transpose of their transpose, or every second column of a wider matrix. */
enum { PLAIN, TRANSPOSED, SLICED, LAYOUTS };
static tg_tensor *laid_out(const double *values, int64_t n, tg_dtype dtype, int layout)
{
    tg_tensor *t = tg_from_data(values, tg_shape(R, n), .dtype = dtype);
    if (layout == TRANSPOSED) t = turned(tg_contiguous(turned(t)));
    if (layout == SLICED) t = tg_slice(tg_repeat_interleave(t, 2, .dim = 1), 1, 0, 2 * n, 2);
    return tg_requires_grad_(tg_detach(t), true);
}

/* What a function gives: its value, the gradients of x, o, w and b from g (fused and by ops), and the gradient of x of
 * the sum of v times the gradient of x. */
enum { VALUE, GRADIENT, BY_OPS = GRADIENT + 4, SECOND = BY_OPS + 4, RESULTS };
typedef struct results {
    double *of[RESULTS];
    int64_t count[RESULTS];
} results;

static void keep(results *r, int i, const tg_tensor *t)
{
    if (!t) return;
    r->of[i] = elements(t);
    r->count[i] = tg_numel(t);
}

static results run(const function *f, const double *x, const double *o, const double *w, int64_t n, tg_dtype dtype,
                   int layout)
{
    results r = { { NULL }, { 0 } };
    tg_scope scope = tg_scope_begin();
    operands a = { laid_out(x, n, dtype, layout), laid_out(o, n, dtype, layout),
                   tg_requires_grad_(tg_from_data(w, tg_shape(n), .dtype = dtype), true),
                   tg_requires_grad_(tg_from_data(w, tg_shape(n), .dtype = dtype), true) };
    tg_tensor *y = f->f(&a);
    if (!y) fail_msg("%s: %s", f->name, tg_error_message());
    tg_tensor *g = numbers(tg_shape_of(y), dtype, 5), *v = numbers(tg_shape(R, n), dtype, 6);
    const tg_tensor_list leaves = tg_list(a.x, a.o, a.w, a.b);
    keep(&r, VALUE, y);
    tg_tensor_list fused =
        tg_grad(tg_list(y), leaves, .grad_outputs = { g }, .retain_graph = true, .allow_unused = true);
    tg_tensor_list ops = tg_grad(tg_list(y), leaves, .grad_outputs = { g }, .create_graph = true, .allow_unused = true);
    for (int i = 0; i < 4; i++) keep(&r, GRADIENT + i, fused.items[i]), keep(&r, BY_OPS + i, ops.items[i]);
    tg_tensor *dx = ops.items[0];
    if (dx && tg_requires_grad(dx))
        keep(&r, SECOND, tg_grad(tg_list(dx), tg_list(a.x), .grad_outputs = { v }, .allow_unused = true).items[0]);
    if (tg_failed()) fail_msg("%s: %s", f->name, tg_error_message());
    tg_scope_end(scope);
    return r;
}

static void results_free(results *r)
{
    for (int i = 0; i < RESULTS; i++) free(r->of[i]);
}

/* ---- float32 against float64 of the same numbers ---- */

static const char *result_name(int i)
{
    static const char *const names[RESULTS] = {
        "value", "dx", "do", "dw", "db", "dx by ops", "do by ops", "dw by ops", "db by ops", "second derivative"
    };
    return names[i];
}

/* The largest finite number among the row's. */
static double size_of_row(const double *v, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(v[i])) most = fmax(most, fabs(v[i]));
    return most;
}

/* What is compared: a result of the function called so, of numbers called so. */
typedef struct comparison {
    const function *f;
    const char *numbers;
    int which;
    const results *got, *want;
    double scale;     /* of what is wanted */
    double tolerance; /* relative to the element and to the largest of its row, */
    double least;     /* and absolute */
    double most;      /* rows of larger numbers do not fit */
} comparison;

static void compare(const comparison *c)
{
    const int64_t n = c->want->count[c->which], length = n % R == 0 ? n / R : n;
    const double *got = c->got->of[c->which], *want = c->want->of[c->which];
    if (c->got->count[c->which] != n) fail_msg("%s of %s: no %s", c->f->name, c->numbers, result_name(c->which));
    for (int64_t i = 0; i < n; i++) {
        const double y = want[i] * c->scale, size = size_of_row(want + i / length * length, length) * c->scale;
        if (!(size < c->most) || fabs(got[i] - y) <= c->tolerance * (fabs(y) + size) + c->least) continue;
        fail_msg("%s of %s: %s, element %lld is %.9g, not %.9g", c->f->name, c->numbers, result_name(c->which),
                 (long long)i, got[i], y);
    }
}

/* Every bit; NaN is NaN. */
static void compare_bits(const function *f, const char *name, const results *a, const results *b)
{
    for (int k = 0; k < RESULTS; k++)
        for (int64_t i = 0; i < a->count[k]; i++)
            if (memcmp(&a->of[k][i], &b->of[k][i], sizeof(double)) != 0 && !(isnan(a->of[k][i]) && isnan(b->of[k][i])))
                fail_msg("%s of %s: %s, element %lld is %.9g or %.9g", f->name, name, result_name(k), (long long)i,
                         a->of[k][i], b->of[k][i]);
}

/* Functions of an even number of columns. */
static bool takes(const function *f, int64_t n)
{
    return n % 2 == 0 || (f->f != f_std_two && f->f != f_group && f->f != f_group0);
}

static bool fits(const results *r, double most)
{
    for (int64_t i = 0; i < r->count[VALUE]; i++)
        if (!(fabs(r->of[VALUE][i]) < most)) return false;
    return true;
}

/* float32 in each layout against float64. Second derivatives are sums of terms that may be larger than they. */
static void narrow_against_wide(const char *name, const double *x, const double *o, int64_t n, bool second)
{
    double *w = draw(n, 4);
    for (const function *f = functions; f < functions + FUNCTIONS; f++) {
        if (!takes(f, n)) continue;
        results wide = run(f, x, o, w, n, TG_FLOAT64, PLAIN), plain = run(f, x, o, w, n, TG_FLOAT32, PLAIN);
        for (int k = 0; k < (second ? RESULTS : SECOND) && (k == VALUE || fits(&wide, (double)FLT_MAX)); k++)
            compare(&(comparison){ .f = f,
                                   .numbers = name,
                                   .which = k,
                                   .got = &plain,
                                   .want = &wide,
                                   .scale = 1,
                                   .tolerance = (f->powers ? 1e-4 : 2e-5) * (k == SECOND ? 10 : 1),
                                   .least = 0x1p-140,
                                   .most = k == SECOND ? 1e32 : (double)FLT_MAX / 4 });
        for (int layout = 1; layout < LAYOUTS && n == 70; layout++) {
            results other = run(f, x, o, w, n, TG_FLOAT32, layout);
            compare_bits(f, name, &plain, &other);
            results_free(&other);
        }
        results_free(&wide);
        results_free(&plain);
    }
    free(w);
}

/* As float32 has them. */
static void narrow(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = (double)(float)x[i];
}

static const int64_t lengths[] = { 3, 70, 600 };
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static const double scales[] = { 1e-38, 1e-30, 1e-15, 1, 1e15, 1e30, 1e37 };
enum { SCALES = sizeof scales / sizeof scales[0] };

TEST(test_scales)
{
    for (int l = 0; l < LENGTHS * SCALES; l++) {
        const int64_t n = lengths[l / SCALES];
        if (n == 600 && l % 2 == 0) continue;
        double *x = draw(R * n, 1), *o = draw(R * n, 2);
        char name[64];
        for (int64_t i = 0; i < R * n; i++) x[i] *= scales[l % SCALES], o[i] *= scales[l % SCALES];
        snprintf(name, sizeof name, "%lld numbers of %g", (long long)n, scales[l % SCALES]);
        narrow(x, R * n);
        narrow(o, R * n);
        narrow_against_wide(name, x, o, n, true);
        free(x);
        free(o);
    }
}

/* Each row of its own size; one element of a row that is much larger than the others. */
TEST(test_mixed)
{
    static const double sizes[R] = { 1, 1e30, 1e-30, 1e18, 1e-18, 1e10 };
    for (int l = 0; l < LENGTHS; l++) {
        const int64_t n = lengths[l];
        double *x = draw(R * n, 1), *o = draw(R * n, 2);
        for (int64_t i = 0; i < R * n; i++) x[i] *= sizes[i / n], o[i] *= sizes[i / n];
        narrow(x, R * n);
        narrow(o, R * n);
        narrow_against_wide("rows of many sizes", x, o, n, true);
        for (int64_t i = 0; i < R * n; i++) x[i] *= i % n == n / 2 ? 1e6 : 1, o[i] *= i % n == 0 ? 1e6 : 1;
        narrow(x, R * n);
        narrow(o, R * n);
        narrow_against_wide("rows with one large number", x, o, n, false);
        free(x);
        free(o);
    }
}

/* A row's value does not depend on what else is in the tensor. */
TEST(test_rows_alone)
{
    const int64_t n = 70;
    double *x = draw(R * n, 1), *o = draw(R * n, 2), *w = draw(n, 4), *mixed = draw(R * n, 1);
    for (int64_t i = 0; i < R * n; i++) mixed[i] *= i / n == 2 ? 1e-30 : i / n == 4 ? 1e30 : 1;
    narrow(mixed, R * n);
    for (const function *f = functions; f < functions + FUNCTIONS; f++) {
        results all = run(f, mixed, o, w, n, TG_FLOAT32, PLAIN), usual = run(f, x, o, w, n, TG_FLOAT32, PLAIN);
        for (int k = 0; k <= GRADIENT; k++) {
            const int64_t length = usual.count[k] / R;
            for (int64_t i = 0; i < 2 * length; i++) /* of rows 0 and 1, if they are not distances from row 2 */
                if (all.of[k][i] != usual.of[k][i] && f->f != f_cdist_self)
                    fail_msg("%s: %s of another row changes with row 2", f->name, result_name(k));
        }
        results_free(&all);
        results_free(&usual);
    }
    free(x), free(o), free(w), free(mixed);
}

/* float64, scaled by powers of two, against itself at the size of 1. */
TEST(test_wide)
{
    const int exponents[] = { -1000, -700, -520, 520, 700, 1000 };
    const int64_t n = 70;
    double *x = draw(R * n, 1), *o = draw(R * n, 2), *w = draw(n, 4), *sx = draw(R * n, 1), *so = draw(R * n, 2);
    for (const function *f = functions; f < functions + FUNCTIONS; f++) {
        if (f->degree == NONE) continue;
        results want = run(f, x, o, w, n, TG_FLOAT64, PLAIN);
        for (int e = 0; e < 6; e++) {
            char name[64];
            snprintf(name, sizeof name, "numbers of 2^%d", exponents[e]);
            for (int64_t i = 0; i < R * n; i++) sx[i] = ldexp(x[i], exponents[e]), so[i] = ldexp(o[i], exponents[e]);
            results got = run(f, sx, so, w, n, TG_FLOAT64, PLAIN);
            for (int k = 0; k < RESULTS; k++) {
                const bool by_x = k == GRADIENT || k == GRADIENT + 1 || k == BY_OPS || k == BY_OPS + 1;
                const int degree = f->degree - (k == SECOND ? 2 : by_x);
                const comparison c = {
                    f, name, k, &got, &want, ldexp(1, degree * exponents[e]), 1e-9, 0x1p-1060, 1e300
                };
                compare(&c);
            }
            results_free(&got);
        }
        results_free(&want);
    }
    free(x), free(o), free(w), free(sx), free(so);
}

/* ---- deviations of the size of rounding ---- */

/* Of the distances from the first, which are exact. */
static double plain_std(const double *x, int64_t n)
{
    long double mean = 0, square = 0;
    for (int64_t i = 0; i < n; i++) mean += ((long double)x[i] - (long double)x[0]) / (long double)n;
    for (int64_t i = 0; i < n; i++) {
        const long double d = (long double)x[i] - (long double)x[0] - mean;
        square += d * d;
    }
    return (double)sqrtl(square / (long double)(n - 1));
}

/* n numbers near `mean`, the k-th of them `step` (k % period) away. */
static void check_near(double mean, double step, int period, int64_t n, tg_dtype dtype)
{
    tg_scope scope = tg_scope_begin();
    double *x = malloc((size_t)n * sizeof *x), *v = draw(n, 3);
    for (int64_t i = 0; i < n; i++) x[i] = mean + step * (double)(i % period);
    if (dtype == TG_FLOAT32) narrow(x, n);
    const double want = plain_std(x, n), digits = dtype == TG_FLOAT32 ? 4e-7 : 1e-14;
    tg_tensor *rows = tg_requires_grad_(tg_from_data(x, tg_shape(1, n), .dtype = dtype), true);
    tg_tensor *columns = tg_requires_grad_(tg_from_data(x, tg_shape(n, 1), .dtype = dtype), true);
    tg_tensor *y[] = { tg_std(rows, .dim = 1), tg_std(tg_repeat(columns, tg_shape(1, 3)), .dim = 0) };
    for (int i = 0; i < 2; i++) {
        double *got = elements(y[i]);
        if (!(fabs(got[0] - want) <= digits * want))
            fail_msg("std of %lld near %g: %.9g, not %.9g", (long long)n, mean, got[0], want);
        free(got);
    }
    /* dx = (x - mean) / (std (n - 1)), 0 where all are the same: its sum is 0, that of its squares 1 / (n - 1) */
    double *dx = elements(
        tg_grad(tg_list(y[0]), tg_list(rows), .grad_outputs = { tg_ones(tg_shape(1), .dtype = dtype) }).items[0]);
    long double sum = 0, square = 0;
    double most = 0;
    for (int64_t i = 0; i < n; i++) sum += dx[i], square += dx[i] * dx[i], most = fmax(most, fabs(dx[i]));
    if (!(fabsl(sum) <= 4 * digits * most * sqrt((double)n) + digits))
        fail_msg("the gradient of std near %g adds up to %Lg", mean, sum);
    if (!(fabsl(square * (double)(n - 1) - (want > 0)) <= 8 * digits))
        fail_msg("the gradient of std near %g: squares %Lg", mean, square * (double)(n - 1));
    free(x), free(v), free(dx);
    tg_scope_end(scope);
}

TEST(test_near)
{
    const int64_t lengths_of[] = { 3, 20, 65, 999, 70001, 200000 };
    for (int i = 0; i < 6; i++)
        for (int period = 1; period <= 3; period++) {
            check_near(33333333, 2, period, lengths_of[i], TG_FLOAT32);
            check_near(0.1, 1e-8, period, lengths_of[i], TG_FLOAT32);
            check_near(1000, 1, period, lengths_of[i], TG_FLOAT32);
            check_near(1e30, 1e24, period, lengths_of[i], TG_FLOAT32);
            check_near(1e16 / 3, 1, period, lengths_of[i], TG_FLOAT64);
            check_near(0x1p600, 0x1p560, period, lengths_of[i], TG_FLOAT64);
        }
}

/* 0 where all are the same, also where their mean is not exact; and a variance of 999 of them. */
TEST(test_constant)
{
    tg_scope scope = tg_scope_begin();
    for (int64_t n = 1; n < 300; n = n * 3 / 2 + 1) {
        tg_tensor *x = tg_mul(tg_ones(tg_shape(n, 5)), 0.1f * (float)n);
        VALUES(tg_var(x, .dim = 0, .correction = 0), 0, 0, 0, 0, 0, 0);
        VALUES(tg_var(turned(x), .dim = 1, .correction = 0), 0, 0, 0, 0, 0, 0);
        VALUES(tg_var(x, .correction = 0), 0, 0);
    }
    assert_true(tg_item(tg_var(tg_full(tg_shape(999), 33333333.0, .dtype = TG_FLOAT32))) == 0);
    tg_scope_end(scope);
}

/* Normalised they are 0, however large, and the gradient is divided by the root of eps. */
TEST(test_constant_normalised)
{
    static const double sizes[2][4] = { { 7.7e19, 1e30, 3e38, -51234.56 }, { 3.3e170, 6.5e196, 1e300, 1e15 / 3 } };
    for (int64_t n = 2; n < 300; n = n * 3 / 2 + 1)
        for (int i = 0; i < 4 * 2 * 3; i++) {
            tg_scope scope = tg_scope_begin();
            const tg_dtype dtype = i % 2 ? TG_FLOAT64 : TG_FLOAT32;
            const double size = sizes[dtype == TG_FLOAT64][i / 6];
            tg_tensor *x = tg_requires_grad_(tg_full(tg_shape(2, n), size, .dtype = dtype), true);
            tg_tensor *y = i / 2 % 3 == 0   ? tg_layer_norm(x, tg_shape(n))
                           : i / 2 % 3 == 1 ? tg_group_norm(tg_unsqueeze(x, 2), 1)
                                            : tg_batch_norm(turned(x), NULL, NULL, .training = true);
            assert_true(tg_item(tg_max(tg_abs(y))) == 0);
            tg_tensor *first = i / 2 % 3 == 2 ? turned(y) : tg_reshape(y, tg_shape(2, n));
            const double want = (1 - 1.0 / (double)n) / sqrt(1e-5);
            for (int graph = 0; graph < 2; graph++) {
                tg_tensor *loss = tg_sum(tg_select(first, 1, 0));
                tg_tensor *d = tg_grad(tg_list(loss), tg_list(x), .create_graph = graph, .retain_graph = true).items[0];
                assert_true(fabs(tg_item(tg_select(tg_select(d, 0, 1), 0, 0)) / want - 1) < 1e-5);
            }
            tg_scope_end(scope);
        }
}

/* What an infinite eps divides by is infinite. */
TEST(test_infinite_eps)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_from_data(((const double[]){ 3e30, 4e30, -1e30, 2e30 }), tg_shape(1, 4));
    tg_tensor *y = tg_layer_norm(x, tg_shape(4), .eps = INFINITY);
    for (int i = 0; i < 4; i++) assert_float_equal(tg_item(tg_select(tg_select(y, 0, 0), 0, i)), 0, 0);
    tg_scope_end(scope);
}

/* The gradient of (1e-20, 1e20) by its first number, whose ratio to the norm does not fit where a power of it does; and
 * where the norm is infinite or 0. */
TEST(test_shares)
{
    static const struct {
        double x[2], p, want[2];
    } rows[] = {
        { { 1e-20, 1e20 }, 1.5, { 1e-20, 1 } },
        { { 1e-20, 1e20 }, 1.125, { 1e-5, 1 } },
        { { -1e-20, 1e20 }, 1.75, { -1e-30, 1 } },
        { { 1e-20, 1e20 }, 0.5, { 1e20, 1 } },
        { { 1e-20, 1e20 }, 2.5, { 0, 1 } },
        { { -1e-12, 1e12 }, -0.5, { -1, 1e-36 } },
        { { 1, INFINITY }, 1.5, { 0, NAN } },
        { { 0, 1e-20 }, -1, { 0, 0 } },
        { { 0, 0 }, 1.5, { 0, 0 } },
        { { 0, 0 }, 0.5, { 0, 0 } },
    };
    for (int i = 0; i < 2 * (int)(sizeof rows / sizeof rows[0]); i++) {
        tg_scope scope = tg_scope_begin();
        const double *want = rows[i / 2].want, p = rows[i / 2].p;
        tg_tensor *x = tg_requires_grad_(tg_from_data(rows[i / 2].x, tg_shape(1, 2), .dtype = TG_FLOAT32), true);
        tg_tensor *y[] = { tg_norm(x, .p = p, .dim = 1), p < 1 ? NULL : tg_cdist(x, tg_zeros(tg_shape(1, 2)), .p = p) };
        for (int k = 0; k < (p < 1 ? 1 : 2); k++) {
            double *got = elements(tg_grad(tg_list(tg_sum(y[k])), tg_list(x), .create_graph = i % 2).items[0]);
            for (int j = 0; j < 2; j++)
                if (isnan(want[j]) ? !k && !isnan(got[j]) : !(fabs(got[j] - want[j]) <= 1e-5 * fabs(want[j])))
                    fail_msg("the gradient of norm %g of (%g, %g): %g, not %g", p, rows[i / 2].x[0], rows[i / 2].x[1],
                             got[j], want[j]);
            free(got);
        }
        tg_scope_end(scope);
    }
}

/* Means of which the sums do not fit; an infinite element is no such case. */
TEST(test_means)
{
    tg_scope scope = tg_scope_begin();
    for (int wide = 0; wide < 2; wide++) {
        const tg_dtype dtype = wide ? TG_FLOAT64 : TG_FLOAT32;
        const double most = wide ? 1.5e308 : 3e38;
        for (int64_t n = 2; n < 3000; n = 3 * n + 1) {
            tg_tensor *x = tg_full(tg_shape(n, 3), most, .dtype = dtype);
            assert_true(fabs(tg_item(tg_mean(x)) / most - 1) < 1e-6);
            assert_true(fabs(tg_item(tg_select(tg_mean(x, .dim = 0), 0, 2)) / most - 1) < 1e-6);
            assert_true(fabs(tg_item(tg_std_mean(x).mean) / most - 1) < 1e-6);
            assert_true(tg_item(tg_std_mean(x).std) == 0);
            tg_tensor *both = tg_cat(tg_list(x, tg_neg(x)), 0);
            assert_true(fabs(tg_item(tg_mean(both))) <= 1e-6 * most);
            assert_true(fabs(tg_item(tg_std(both, .correction = 0)) / most - 1) < 1e-6);
        }
        VALUES(tg_mean(tg_from_data(((const double[]){ 1, 2, 3, most, most, most }), tg_shape(2, 3), .dtype = dtype),
                       .dim = 0),
               1e-6, most / 2, most / 2, most / 2);
        tg_tensor *infinite = tg_from_data(((const double[]){ 1, INFINITY, 3, 4 }), tg_shape(2, 2), .dtype = dtype);
        tg_tensor *mean = tg_mean(infinite, .dim = 0);
        assert_true(tg_item(tg_select(mean, 0, 0)) == 2 && isinf(tg_item(tg_select(mean, 0, 1))));
    }
    tg_scope_end(scope);
}

/* ---- threads ---- */

/* The value of each function, and its gradients, of numbers that are usual, huge and tiny, row by row. */
TEST(test_threads)
{
#ifdef _OPENMP
    const int before = omp_get_max_threads();
    const int64_t n = 22000; /* enough for several threads */
    double *x = draw(R * n, 1), *o = draw(R * n, 2), *w = draw(n, 4);
    for (int64_t i = 0; i < R * n; i++) x[i] *= i / n == 2 ? 1e-30 : i / n == 4 ? 1e30 : 1;
    narrow(x, R * n);
    for (const function *f = functions; f < functions + FUNCTIONS; f++) {
        if (f->powers || f->degree == NONE || f->f == f_std_mean || f->f == f_std_two) continue; /* as the others */
        omp_set_num_threads(1);
        results one = run(f, x, o, w, n, TG_FLOAT32, PLAIN);
        for (int threads = 2; threads <= 8; threads = threads == 3 ? 8 : threads + 1) {
            omp_set_num_threads(threads);
            results more = run(f, x, o, w, n, TG_FLOAT32, PLAIN);
            compare_bits(f, "several threads", &one, &more);
            results_free(&more);
        }
        results_free(&one);
    }
    omp_set_num_threads(before);
    free(x), free(o), free(w);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_scales),
        T(test_mixed),
        T(test_rows_alone),
        T(test_wide),
        T(test_near),
        T(test_constant),
        T(test_constant_normalised),
        T(test_infinite_eps),
        T(test_shares),
        T(test_means),
        T(test_threads),
    };
    tg_set_flush_denormal(TG_FLUSH_NOTHING); /* sizes at the edge of the range, exactly */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
