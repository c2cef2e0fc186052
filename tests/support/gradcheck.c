/* gradcheck.c: fourth-order central differences. */
#include "gradcheck.h"
#include "cmocka_all.h"

#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_LEAVES = 64 };

static char message[512];

/* A number computed from the leaves: the function itself, or the sum of its weighted gradients. */
typedef struct number_of {
    gradcheck_fn fn;
    void *context;
    tg_tensor_list leaves;
    bool second;
} number_of;

/* s, as a tensor; NULL if the function failed or depends on no leaf. */
static tg_tensor *weighted_gradients(const number_of *f, bool create_graph)
{
    tg_tensor *y = f->fn(f->context), *s = NULL;
    if (!y || !tg_requires_grad(y)) return NULL;
    tg_tensor_list g = tg_grad(tg_list(y), f->leaves, .create_graph = create_graph, .allow_unused = true);
    for (int64_t i = 0; i < f->leaves.count; i++) {
        if (!g.items[i]) continue;
        const int64_t n = tg_numel(g.items[i]);
        double *values = malloc(((size_t)n + 1) * sizeof *values);
        assert_non_null(values);
        for (int64_t k = 0; k < n; k++) values[k] = ((double)((7 * k + 3 * i) % 11) - 4.75) / 4; /* never 0 */
        tg_tensor *v = tg_from_data(values, tg_shape_of(g.items[i]));
        tg_tensor *term = tg_sum(tg_mul(g.items[i], v));
        s = s ? tg_add(s, term) : term;
        free(values);
    }
    return s;
}

static double evaluate(const number_of *f)
{
    tg_scope scope = f->second ? tg_scope_begin() : tg_no_grad_begin();
    tg_tensor *t = f->second ? weighted_gradients(f, false) : f->fn(f->context);
    double value = t ? tg_item(t) : NAN;
    tg_scope_end(scope);
    return value;
}

static double difference(const number_of *f, double *x)
{
    static const double at[4] = { -2, -1, 1, 2 }, weight[4] = { 1, -8, 8, -1 };
    const double x0 = *x, h = 2e-4;
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        *x = x0 + at[i] * h;
        sum += weight[i] * evaluate(f);
    }
    *x = x0;
    return sum / (12 * h);
}

/* `analytic` holds the gradients, one array a leaf. */
static const char *compare(const number_of *f, double **analytic)
{
    for (int64_t i = 0; i < f->leaves.count; i++) {
        tg_tensor *leaf = f->leaves.items[i];
        const int64_t n = tg_numel(leaf);
        double *x = n ? tg_mutable_data(leaf, TG_FLOAT64) : NULL;
        for (int64_t k = 0; k < n; k++) {
            double numeric = difference(f, &x[k]);
            if (fabs(analytic[i][k] - numeric) <= 1e-8 * (1 + fabs(numeric))) continue;
            if (isnan(numeric)) continue; /* the function itself is NaN: the mean of nothing */
            snprintf(message, sizeof message, "%s derivative of leaf %lld, element %lld: %.12g, by differences %.12g",
                     f->second ? "second" : "first", (long long)i, (long long)k, analytic[i][k], numeric);
            return message;
        }
    }
    return NULL;
}

static const char *check(const number_of *f)
{
    const char *result = NULL;
    double *analytic[MOST_LEAVES] = { NULL };
    if (f->leaves.count > MOST_LEAVES) return "too many leaves";
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = f->second ? weighted_gradients(f, true) : f->fn(f->context);
    tg_tensor_list g = TG_NONE;
    if (y && tg_requires_grad(y)) g = tg_grad(tg_list(y), f->leaves, .allow_unused = true);
    for (int64_t i = 0; i < f->leaves.count && !result; i++) {
        tg_tensor *leaf = f->leaves.items[i], *d = g.count ? g.items[i] : NULL;
        const tg_shape shape = tg_shape_of(leaf), got = tg_shape_of(d);
        if (d && !tg_shape_equal(&shape, &got))
            result = "a gradient has another shape than its leaf";
        else if (d)
            analytic[i] = sample_elements(d);
        else
            analytic[i] = calloc((size_t)tg_numel(leaf) + 1, sizeof(double));
    }
    tg_scope_end(scope);
    if (tg_failed()) {
        snprintf(message, sizeof message, "%.500s", tg_error_message());
        result = message;
    }
    if (!result) result = compare(f, analytic);
    for (int i = 0; i < MOST_LEAVES; i++) free(analytic[i]);
    return result;
}

const char *gradcheck(gradcheck_fn fn, void *context, tg_tensor_list leaves)
{
    return check(&(number_of){ fn, context, leaves, false });
}

const char *gradgradcheck(gradcheck_fn fn, void *context, tg_tensor_list leaves)
{
    return check(&(number_of){ fn, context, leaves, true });
}
