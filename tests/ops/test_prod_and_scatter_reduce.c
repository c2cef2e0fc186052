/* test_prod_and_scatter_reduce.c: products with no, one and more zeros among their factors, and every reduction of scatter_reduce:
 * values and derivatives of order 1 to 4, compared with the same made of single elements. */
#include "tests/support/compare.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

enum { ORDERS = 4, MOST = 16 };

/* ---- the reference: elements, one by one ---- */

static tg_tensor *at(tg_tensor *t, int64_t i) { return tg_select(t, 0, i); }

static tg_tensor *product_of(tg_tensor *const *items, int count)
{
    tg_tensor *y = tg_ones(tg_shape(), .dtype = TG_FLOAT64);
    for (int i = 0; i < count; i++) y = tg_mul(y, items[i]);
    return y;
}

/* ---- derivatives ---- */

typedef tg_tensor *(*function)(tg_tensor *x, const void *context);

/* The gradient of sum(w * gradient of sum(w * .. y)) by x, `order` times. */
static tg_tensor *derivative(function f, tg_tensor *x, const void *context, int order)
{
    tg_tensor *y = f(x, context), *g = NULL;
    for (int k = 0; k < order; k++) {
        tg_tensor *s = tg_sum(tg_mul(y, numbers(tg_shape_of(y), TG_FLOAT64, 3 + (uint64_t)k)));
        const bool last = k == order - 1; /* as most are taken: without create_graph */
        g = tg_requires_grad(s) ? tg_grad(tg_list(s), tg_list(x), .create_graph = !last, .allow_unused = true).items[0]
                                : NULL;
        if (!g) return tg_zeros_like(x);
        y = g;
    }
    return g;
}

static void check(function op, function reference, const double *values, int64_t n, const void *context)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_from_data(values, tg_shape(n), .requires_grad = true);
    assert_alike(op(x, context), reference(x, context), 1e-13);
    for (int order = 1; order <= ORDERS; order++)
        assert_alike(derivative(op, x, context, order), derivative(reference, x, context, order), 1e-12);
    tg_scope_end(scope);
}

/* 0 to 4 zeros among twelve factors, beside each other and apart. */
static const double factors[][12] = {
    { 2, -3, 0.5, 1.5, -1, 4, 0.25, -2, 3, 1, -0.5, 2 }, { 2, -3, 0, 1.5, -1, 4, 0.25, -2, 3, 1, -0.5, 2 },
    { 0, -3, 0.5, 1.5, -1, 0, 0.25, -2, 3, 1, -0.5, 2 }, { 2, -3, 0, 0, -1, 4, 0.25, -2, 3, 1, -0.5, 0 },
    { 0, 0, 0, 1.5, -1, 0, 0.25, -2, 3, 1, -0.5, 2 },    { 2, -3, 0.5, 1.5, -1, 4, 0, 0, 0, 1, 0, 0 },
};
enum { CASES = sizeof factors / sizeof factors[0] };

/* ---- prod and cumprod ---- */

static tg_tensor *prod_of_all(tg_tensor *x, const void *context) { return context ? NULL : tg_prod(x); }

static tg_tensor *elements_of_all(tg_tensor *x, const void *context)
{
    tg_tensor *items[MOST];
    (void)context;
    for (int i = 0; i < 12; i++) items[i] = at(x, i);
    return product_of(items, 12);
}

static tg_tensor *prod_of_columns(tg_tensor *x, const void *dim)
{
    return tg_prod(tg_reshape(x, tg_shape(3, 4)), .dim = *(const int64_t *)dim);
}

static tg_tensor *elements_of_columns(tg_tensor *x, const void *dim)
{
    const int64_t along = *(const int64_t *)dim, results = along ? 3 : 4;
    tg_tensor *items[MOST], *y[MOST];
    for (int64_t j = 0; j < results; j++) {
        for (int64_t i = 0; i < 12 / results; i++) items[i] = at(x, along ? 4 * j + i : 4 * i + j);
        y[j] = product_of(items, (int)(12 / results));
    }
    return tg_stack(tg_list_of(y, results));
}

static tg_tensor *running_product(tg_tensor *x, const void *context) { return context ? NULL : tg_cumprod(x, 0); }

static tg_tensor *running_elements(tg_tensor *x, const void *context)
{
    tg_tensor *items[MOST], *y[MOST];
    (void)context;
    for (int i = 0; i < 12; i++) {
        items[i] = at(x, i);
        y[i] = product_of(items, i + 1);
    }
    return tg_stack(tg_list_of(y, 12));
}

TEST(test_products)
{
    for (int c = 0; c < CASES; c++) {
        check(prod_of_all, elements_of_all, factors[c], 12, NULL);
        for (int64_t dim = 0; dim < 2; dim++) check(prod_of_columns, elements_of_columns, factors[c], 12, &dim);
        check(running_product, running_elements, factors[c], 12, NULL);
    }
}

/* The product of the others fits where that of all does not. */
TEST(test_products_out_of_range)
{
    const double sizes[] = { 1e-200, 1e200 };
    const int64_t places[] = { 0, 0 };
    for (int i = 0; i < 2; i++) {
        const double values[] = { sizes[i], -sizes[i] }, others[] = { -sizes[i], sizes[i] };
        tg_tensor *x = tg_from_data(values, tg_shape(2), .requires_grad = true);
        tg_tensor *expected = tg_div(tg_from_data(others, tg_shape(2)), sizes[i]);
        tg_tensor *all = tg_grad(tg_list(tg_prod(x)), tg_list(x)).items[0];
        assert_alike(tg_div(all, sizes[i]), expected, 1e-15);
        tg_tensor *one = tg_ones(tg_shape(1), .dtype = TG_FLOAT64);
        tg_tensor *y = tg_scatter_reduce(one, 0, tg_from_data(places, tg_shape(2)), x, "prod");
        assert_alike(tg_div(tg_grad(tg_list(tg_sum(y)), tg_list(x)).items[0], sizes[i]), expected, 1e-15);
        /* nor the product of all and the gradient, which is divided by another of that size */
        tg_tensor *pair = tg_from_data(((const double[]){ sizes[i], 2 }), tg_shape(2), .requires_grad = true);
        tg_tensor *self = tg_requires_grad_(tg_full(tg_shape(1), 3.0, .dtype = TG_FLOAT64), true);
        y = tg_scatter_reduce(self, 0, tg_from_data(places, tg_shape(2)), pair, "prod");
        tg_tensor_list d = tg_grad(tg_list(tg_mul(y, sizes[i])), tg_list(pair, self), .grad_outputs = { one });
        assert_true(fabs(tg_item(tg_select(d.items[0], 0, 0)) / sizes[i] / 6 - 1) < 1e-14);
    }
}

/* ---- scatter_reduce ---- */

typedef struct scattering {
    const char *reduce;
    bool include_self, in_place;
} scattering;

enum { SELF = 4, SRC = 8 };
static const int64_t places[SRC] = { 2, 0, 2, 2, 0, 3, 2, 0 }; /* nothing goes to 1 */

static tg_tensor *scattered(tg_tensor *x, const void *context)
{
    const scattering *s = context;
    tg_tensor *self = tg_narrow(x, 0, 0, SELF), *src = tg_narrow(x, 0, SELF, SRC);
    tg_tensor *index = tg_from_data(places, tg_shape(SRC));
    if (s->in_place)
        return tg_scatter_reduce_(tg_clone(self), 0, index, src, s->reduce, .include_self = s->include_self);
    return tg_scatter_reduce(self, 0, index, src, s->reduce, .include_self = s->include_self);
}

static tg_tensor *reduced(const char *reduce, tg_tensor *const *items, int count)
{
    tg_tensor *all = tg_stack(tg_list_of(items, count));
    if (strcmp(reduce, "sum") == 0) return tg_sum(all);
    if (strcmp(reduce, "mean") == 0) return tg_mean(all);
    if (strcmp(reduce, "prod") == 0) return product_of(items, count);
    return strcmp(reduce, "amax") == 0 ? tg_amax(all) : tg_amin(all);
}

static tg_tensor *scattered_elements(tg_tensor *x, const void *context)
{
    const scattering *s = context;
    tg_tensor *y[SELF];
    for (int64_t j = 0; j < SELF; j++) {
        tg_tensor *items[MOST];
        int count = 0, came = 0;
        for (int i = 0; i < SRC; i++) came += places[i] == j;
        if (s->include_self || !came) items[count++] = at(x, j);
        for (int i = 0; i < SRC; i++)
            if (places[i] == j) items[count++] = at(x, SELF + i);
        y[j] = reduced(s->reduce, items, count);
    }
    return tg_stack(tg_list_of(y, SELF));
}

/* Self is a candidate with ties, too; it has a share only if it counts. */
static const double ties[][12] = {
    { 5, 1, 5, -5, 5, 5, 5, -5, 5, -5, 1, -5 },
    { 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7 },
    { -9, 0, 9, 0, 3, 3, 3, -3, 2, 0, -3, 3 },
};

TEST(test_scattered)
{
    static const char *const reductions[] = { "sum", "mean", "prod", "amax", "amin" };
    for (int r = 0; r < 5; r++)
        for (int how = 0; how < 4; how++) {
            const scattering s = { reductions[r], how & 1, how & 2 };
            for (int c = 0; c < CASES; c++) check(scattered, scattered_elements, factors[c], 12, &s);
            for (int c = 0; c < 3; c++) check(scattered, scattered_elements, ties[c], 12, &s);
        }
}

/* Columns of several, along either dimension, an index smaller than self, places in any order. */
TEST(test_scattered_columns)
{
    const int64_t chosen[] = { 2, 0, 2, 1, 2, 0 };
    tg_tensor *index = tg_from_data(chosen, tg_shape(2, 3)), *src = parameter(tg_shape(2, 3), TG_FLOAT64, 5);
    for (int dim = 0; dim < 2; dim++) {
        tg_tensor *self = parameter(tg_shape(4, 4), TG_FLOAT64, 6), *w = numbers(tg_shape(4, 4), TG_FLOAT64, 7);
        tg_tensor *y = tg_scatter_reduce(self, dim, index, src, "prod"), *expected = self;
        for (int64_t i = 0; i < 6; i++) {
            const int64_t row = dim ? i / 3 : chosen[i], column = dim ? chosen[i] : i % 3;
            tg_tensor *factor = tg_select(tg_select(src, 0, i / 3), 0, i % 3);
            tg_tensor *here = tg_zeros(tg_shape(4, 4), .dtype = TG_FLOAT64);
            tg_fill_(tg_select(tg_select(here, 0, row), 0, column), 1.0);
            expected = tg_where(tg_eq(here, 1), tg_mul(expected, factor), expected);
        }
        assert_alike(y, expected, 1e-14);
        for (int graph = 0; graph < 2; graph++) {
            tg_tensor_list a =
                tg_grad(tg_list(tg_sum(tg_mul(y, w))), tg_list(self, src), .create_graph = graph, .retain_graph = true);
            tg_tensor_list b = tg_grad(tg_list(tg_sum(tg_mul(expected, w))), tg_list(self, src), .retain_graph = true);
            assert_alike(a.items[0], b.items[0], 1e-14);
            assert_alike(a.items[1], b.items[1], 1e-14);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_products),
        T(test_products_out_of_range),
        T(test_scattered),
        T(test_scattered_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
