/* test_row_derivatives.c: every row's value and its derivatives of order 1 to 3 where numbers end: at 0, the smallest normal
 * number, 1, 100, 1e5 and the largest, of both signs, in float32 and float64.
 *
 * Each row has a reference (support/references.h): the function written once more, on jets, in long double and with
 * branches. Wherever that says that the function is smooth and the derivative fits into the dtype, the library's must be
 * finite and right: that of the fused backward, that of the backward in ops (create_graph), and those of both above it.
 * Rows without a reference fail the first test. */
#include "tests/support/suite.h"
#include "tests/support/references.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the rows ---- */

typedef struct interval {
    double lo, hi;
} interval;

/* `a` and `b` say where these may lie, ends excluded; beyond, nothing is checked; { 0 } for all numbers. `slack` is what
 * is allowed for besides the last digits of the value itself, in units of epsilon, and `why`: what the formula rounds at,
 * where it subtracts from 1 or goes around a circle. */
typedef struct row {
    const char *name, *call;
    reference f;
    int inputs;
    interval a, b;
    double slack;
    const char *why;
    int still; /* so many inputs at the end have no gradient */
} row;

#define AS(name_, call_, inputs_, ...)                                                                                 \
    {                                                                                                                  \
        .name = #name_, .call = call_, .f = name_##_of, .inputs = inputs_, __VA_ARGS__                                 \
    }
#define ONE(name_, ...) AS(name_, #name_ "(f(1))", 1, __VA_ARGS__)
#define TWO(name_, ...) AS(name_, #name_ "(f(1), f(1))", 2, __VA_ARGS__)
#define ABOVE(x)                                                                                                       \
    {                                                                                                                  \
        x, INFINITY                                                                                                    \
    }
#define TURNS     .slack = 64, .why = "the angle is rounded"
#define REFLECTED .slack = 4096, .why = "below 0 what has poles is taken off"
#define ONE_LESS  .slack = 16, .why = "1 - y is formed"

static const row rows[] = {
    ONE(neg),
    ONE(abs),
    ONE(sign),
    ONE(square),
    ONE(reciprocal),
    ONE(floor),
    ONE(ceil),
    ONE(trunc),
    ONE(round),
    ONE(frac),
    ONE(nan_to_num),
    TWO(add),
    TWO(sub),
    TWO(mul),
    TWO(div),
    TWO(div_trunc),
    TWO(floor_divide),
    TWO(fmod),
    TWO(remainder),
    TWO(pow),
    TWO(maximum),
    TWO(minimum),
    AS(maximum, "fmax(f(1), f(1))", 2),
    AS(minimum, "fmin(f(1), f(1))", 2),
    TWO(copysign),
    AS(lerp, "lerp(f(1), f(1), f(1))", 3),
    AS(addcmul, "addcmul(f(1), f(1), f(1), value=0.5)", 3),
    AS(addcdiv, "addcdiv(f(1), f(1), f(1), value=0.5)", 3),
    AS(clamp, "clamp(f(1), f(1), f(1))", 3),

    ONE(exp),
    ONE(exp2),
    ONE(expm1, ONE_LESS),
    ONE(log, .a = ABOVE(0)),
    ONE(log1p, .a = ABOVE(-1)),
    ONE(log2, .a = ABOVE(0)),
    ONE(log10, .a = ABOVE(0)),
    ONE(sqrt, .a = ABOVE(0)),
    ONE(rsqrt, .a = ABOVE(0)),
    TWO(hypot, TURNS),
    TWO(xlogy, .b = ABOVE(0)),
    TWO(logaddexp, ONE_LESS),
    ONE(sin),
    ONE(cos),
    ONE(tan),
    ONE(asin, .a = { -1, 1 }),
    ONE(acos, .a = { -1, 1 }),
    ONE(atan),
    TWO(atan2),
    ONE(sinh),
    ONE(cosh),
    ONE(tanh, ONE_LESS),
    ONE(asinh),
    ONE(acosh, .a = ABOVE(1)),
    ONE(atanh, .a = { -1, 1 }),
    ONE(sinc, TURNS),
    ONE(sigmoid, ONE_LESS),
    ONE(logit, .a = { 0, 1 }),
    AS(logit_eps, "logit(f(1), eps=0.25)", 1),
    ONE(erf),
    ONE(erfc),
    ONE(erfinv, .a = { -1, 1 }),
    ONE(lgamma, REFLECTED),
    ONE(digamma, REFLECTED),
    AS(polygamma_1, "polygamma(1, f(1))", 1, REFLECTED),
    AS(polygamma_2, "polygamma(2, f(1))", 1, REFLECTED),

    ONE(relu),
    ONE(relu6),
    AS(leaky_relu, "leaky_relu(f(1), 0.25)", 1),
    ONE(elu),
    AS(elu_options, "elu(f(1), 0.5, 1.5, 0.75)", 1),
    ONE(selu),
    AS(celu, "celu(f(1), 0.5)", 1),
    ONE(gelu, ONE_LESS),
    AS(gelu_tanh, "gelu(f(1), approximate='tanh')", 1, ONE_LESS),
    ONE(silu, ONE_LESS),
    ONE(mish, ONE_LESS),
    ONE(softplus, ONE_LESS),
    AS(softplus_far, "softplus(f(1), 2, inf)", 1, ONE_LESS),
    ONE(log_sigmoid, ONE_LESS),
    ONE(softsign),
    ONE(hardtanh),
    ONE(hardsigmoid),
    ONE(hardswish),
    ONE(tanhshrink, ONE_LESS),
    ONE(softshrink),
    ONE(hardshrink),
    AS(threshold, "threshold(f(1), 0.25, -1)", 1),
    TWO(prelu_kernel),
    /* The third derivative has terms some times as large as a; beyond 80 the second of sigmoid is lost in 1. */
    TWO(glu_kernel, .a = { -1e36, 1e36 }, .b = { -80, 80 }),

    AS(mse, "mse_loss(f(1), f(1), 'none')", 2),
    AS(l1, "l1_loss(f(1), f(1), 'none')", 2),
    AS(huber, "huber_loss(f(1), f(1), 'none')", 2),
    AS(smooth_l1, "smooth_l1_loss(f(1), f(1), 'none', 0.5)", 2),
    AS(bce, "binary_cross_entropy(f(1), f(1), None, 'none')", 2, .a = { 1e-3, 1 }, .b = { 0, 1 }),
    AS(bce_with_logits, "binary_cross_entropy_with_logits(f(1), f(1), None, 'none')", 2, .b = { -1e6, 1e6 }, ONE_LESS),
    AS(kl_div, "kl_div(f(1), f(1), 'none')", 2, .b = ABOVE(-1e-320)),
    AS(kl_div_log, "kl_div(f(1), f(1), 'none', True)", 2, .b = { -60, 80 }),
    AS(soft_margin, "soft_margin_loss(f(1), f(1), 'none')", 2, .b = { -3, 3 }, .still = 1, ONE_LESS),
    AS(poisson_log, "poisson_nll_loss(f(1), f(1), True, False, 1e-8, 'none')", 2),
    AS(poisson, "poisson_nll_loss(f(1), f(1), False, False, 0.5, 'none')", 2, .a = ABOVE(-0.5), ONE_LESS),
};
enum { ROWS = sizeof rows / sizeof rows[0], ORDERS = 4, DIRECTIONS = 4, FUSED = ORDERS };

/* ---- the points ---- */

enum { SIDE = 17, CUBE = 13 };

static void side_of(tg_dtype dtype, double *x)
{
    const double most = dtype == TG_FLOAT32 ? FLT_MAX : DBL_MAX, least = dtype == TG_FLOAT32 ? FLT_MIN : DBL_MIN;
    const double at[] = { 1, 100, 1e5, 0.5, most, least, 2.5, 0.25 };
    for (int i = 0; i < 8; i++) {
        x[2 * i + 1] = at[i];
        x[2 * i + 2] = -at[i];
    }
    x[0] = 0;
}

/* All pairs, all triples of the first ones. Point i, input k. */
static double point(const row *r, const double *side, int i, int k)
{
    const int n = r->inputs == 3 ? CUBE : SIDE;
    return side[(k == 0 ? i : k == 1 ? i / n : i / n / n) % n];
}

static int points(const row *r) { return r->inputs == 1 ? SIDE : r->inputs == 2 ? SIDE * SIDE : CUBE * CUBE * CUBE; }

/* ---- the library's derivatives ---- */

/* NULL for what is 0 throughout. */
static tg_tensor *slope(tg_tensor *d, tg_tensor *t, bool create_graph)
{
    if (!d || !tg_requires_grad(d)) return NULL;
    const tg_tensor_list g = tg_grad(tg_list(tg_sum(d)), tg_list(t), .retain_graph = true, .create_graph = create_graph,
                                     .allow_unused = true);
    return g.count ? g.items[0] : NULL;
}

static double *numbers(tg_tensor *d, int n)
{
    double *values = d ? sample_elements(d) : calloc((size_t)n, sizeof *values);
    assert_non_null(values);
    return values;
}

/* Those along a line: input k is x_k, plus t if moves[k]. values[i] is order i by way of graphs, values[FUSED + i] the
 * same with the last step fused. */
static void derivatives(const row *r, tg_dtype dtype, const double *side, const bool *moves, double **values)
{
    sample s = sample_read(r->call);
    const int n = points(r);
    assert_int_equal(s.count, r->inputs);
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_zeros(tg_shape(n), .dtype = dtype, .requires_grad = true);
    for (int k = 0; k < r->inputs; k++) {
        double x[CUBE * CUBE * CUBE];
        for (int i = 0; i < n; i++) x[i] = point(r, side, i, k);
        if (strncmp(r->call, "binary_cross_entropy(", 21) == 0) /* refuses what is none */
            for (int i = 0; i < n; i++) x[i] = x[i] < 0 || x[i] > 1 ? 0.5 : x[i];
        tg_tensor *at = tg_from_data(x, tg_shape(n), .dtype = dtype);
        s.leaves[k].tensor = moves[k] ? tg_add(at, t) : at;
    }
    const tg_tensor_list y = sample_run(&s);
    if (tg_failed()) fail_msg("%s: %s", r->call, tg_error_message());
    tg_tensor *d = y.items[0];
    values[0] = numbers(d, n);
    values[FUSED] = numbers(d, n);
    for (int order = 1; order < ORDERS; order++) {
        values[FUSED + order] = numbers(slope(d, t, false), n);
        d = slope(d, t, true);
        values[order] = numbers(d, n);
    }
    if (tg_failed()) fail_msg("%s: %s", r->call, tg_error_message());
    tg_scope_end(scope);
}

/* ---- the comparison ---- */

typedef struct scene {
    const row *row;
    tg_dtype dtype;
    double most, least, epsilon;
    const double *x; /* the point */
    int compared, complaints;
} scene;

static jet reference_at(const row *r, const double *x, const bool *moves)
{
    jet in[3];
    for (int k = 0; k < 3; k++) in[k] = (jet){ { k < r->inputs ? x[k] : 0, k < r->inputs && moves[k] }, 3 };
    jet y = r->f(in[0], in[1], in[2]);
    y.c[2] *= 2;
    y.c[3] *= 6;
    return y;
}

static void complain(scene *s, const bool *moves, int order, const char *which, double got, long double want)
{
    if (s->complaints++ > 12) return;
    const double *x = s->x;
    print_error("%s, %s, at", s->row->call, s->dtype == TG_FLOAT32 ? "float32" : "float64");
    for (int k = 0; k < s->row->inputs; k++) print_error(" %.9g%s", x[k], moves[k] ? " + t" : "");
    print_error(": order %d, %s, is %.9g, not %.9Lg%s%s\n", order, which, got, want,
                s->row->why ? ", allowing for this: " : "", s->row->why ? s->row->why : "");
}

/* `apart`: the size of what is added up along a diagonal. */
static void compare(scene *s, const bool *moves, const jet *want, const long double *apart, double *const *values,
                    int i)
{
    bool overflows = false;
    for (int order = 0; order <= want->smooth && order < ORDERS; order++) {
        const long double w = want->c[order];
        if (!(fabsl(w) <= s->most && apart[order] <= s->most)) {
            overflows |= isinf(w);
            if (!isnan(w) || overflows) continue;
            fail_msg("the reference of %s is NaN at %g %g", s->row->call, s->x[0], s->x[1]);
        }
        const long double allowed = s->epsilon * (64 * (fabsl(w) + apart[order]) + s->row->slack) + 64 * s->least;
        s->compared++;
        for (int which = 0; which <= FUSED; which += FUSED) {
            const double got = values[which + order][i];
            if (!(fabsl(got - w) <= allowed)) complain(s, moves, order, which ? "fused" : "in ops", got, w);
        }
    }
    const double a = values[1][i], b = values[FUSED + 1][i]; /* at kinks and poles, too */
    if (!(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 64 * s->epsilon * fmax(fabs(a), s->row->slack)))
        complain(s, moves, 1, "in ops and not as fused", a, b);
}

static bool within(double x, interval i) { return i.lo == i.hi || (x > i.lo && x < i.hi); }

static bool inside(const row *r, const double *x) { return within(x[0], r->a) && within(x[1], r->b); }

static int check(const row *r, tg_dtype dtype)
{
    scene s = { r, dtype, FLT_MAX, FLT_MIN, FLT_EPSILON, NULL, 0, 0 };
    if (dtype == TG_FLOAT64) s.most = DBL_MAX, s.least = DBL_MIN, s.epsilon = DBL_EPSILON;
    double side[SIDE], *values[DIRECTIONS][2 * ORDERS];
    side_of(dtype, side);
    const int directions = r->inputs == 1 ? 1 : r->inputs + 1 - 2 * r->still;
    bool moves[DIRECTIONS][3];
    for (int d = 0; d < directions; d++) {
        for (int k = 0; k < 3; k++) moves[d][k] = k < r->inputs && (k == d || d == r->inputs);
        derivatives(r, dtype, side, moves[d], values[d]);
    }
    for (int i = 0; i < points(r); i++) {
        double x[3] = { 0, 0, 0 };
        for (int k = 0; k < r->inputs; k++) x[k] = point(r, side, i, k);
        if (!inside(r, x)) continue;
        s.x = x;
        long double apart[ORDERS] = { 0 };
        for (int d = 0; d < directions; d++) {
            const jet want = reference_at(r, x, moves[d]);
            compare(&s, moves[d], &want, d == r->inputs ? apart : (const long double[ORDERS]){ 0 }, values[d], i);
            for (int order = 0; order < ORDERS; order++) apart[order] += fabsl(want.c[order]);
        }
    }
    for (int d = 0; d < directions; d++)
        for (int k = 0; k < 2 * ORDERS; k++) free(values[d][k]);
    if (s.compared < 8) fail_msg("%s: no more than %d values compared", r->call, s.compared);
    return s.complaints;
}

/* A long double that is no more than a double (valgrind's, some machines') cannot judge doubles. */
static bool judges_doubles(void)
{
    volatile long double most = DBL_MAX, one = 1;
    return most * 4 < (long double)INFINITY && one + DBL_EPSILON / 64 != one;
}

static int check_all(tg_dtype dtype)
{
    int complaints = 0;
    for (int i = 0; i < ROWS; i++) complaints += check(&rows[i], dtype);
    return complaints;
}

TEST(test_float32) { assert_int_equal(check_all(TG_FLOAT32), 0); }

TEST(test_float64)
{
    if (!judges_doubles()) skip();
    assert_int_equal(check_all(TG_FLOAT64), 0);
}

/* ---- no row is left out ---- */

static bool has_reference(const char *name)
{
    const size_t length = strlen(name);
    for (int k = 0; k < ROWS; k++)
        if (strcmp(rows[k].name, name) == 0 ||
            (strncmp(rows[k].call, name, length) == 0 && rows[k].call[length] == '('))
            return true;
    print_error("%s has no reference\n", name);
    return false;
}

TEST(test_every_row_has_a_reference)
{
    int count, missing = 0;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++)
        if (sample_pointwise_inputs(ops[i]) && tg_op_is_differentiable(ops[i]) && !ops[i]->in_place_of)
            missing += !has_reference(ops[i]->name);
    static const char *const losses[] = {
#define TG_LOSS(name, ...) #name,
#include "ops/loss.def"
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) missing += !has_reference(losses[i]);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_row_has_a_reference),
        T(test_float32),
        T(test_float64),
    };
    tg_set_flush_denormal(
        TG_FLUSH_NOTHING); /* the formulas, exactly; test_denormals compares what is flushed with them */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
