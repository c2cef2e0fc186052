/* test_attention.c: attention over sizes of several blocks of queries and keys, which the samples are too small for: the
 * loops next to the ops, whatever the mask, the layout and the broadcasting. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>

static void assert_near(tg_tensor *a, tg_tensor *b, double tolerance, const char *what)
{
    assert_int_equal(tg_numel(a), tg_numel(b));
    double *x = elements(a), *y = elements(b);
    for (int64_t i = 0; i < tg_numel(a); i++)
        if (!(fabs(x[i] - y[i]) <= tolerance * (1 + fabs(y[i]))))
            fail_msg("%s: element %d is %.15g, not %.15g", what, (int)i, x[i], y[i]);
    free(x);
    free(y);
}

/* As the definition says. */
static tg_tensor *composed(tg_tensor *q, tg_tensor *k, tg_tensor *v, tg_tensor *mask, bool is_causal)
{
    tg_tensor *s = tg_div(tg_matmul(q, tg_transpose(k, -2, -1)), sqrt((double)tg_size(q, -1)));
    if (is_causal) mask = tg_ge(tg_unsqueeze(tg_arange(0, tg_size(q, -2), 1), 1), tg_arange(0, tg_size(k, -2), 1));
    if (mask) s = tg_dtype_of(mask) == TG_BOOL ? tg_where(mask, s, -INFINITY) : tg_add(s, mask);
    return tg_matmul(tg_softmax(s, -1), v);
}

static tg_tensor *normal(tg_shape shape) { return tg_randn(shape, .dtype = TG_FLOAT64, .requires_grad = true); }

static void check(tg_tensor *q, tg_tensor *k, tg_tensor *v, tg_tensor *mask, bool is_causal)
{
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, v, .attn_mask = mask, .is_causal = is_causal);
    tg_tensor *expected = composed(q, k, v, mask, is_causal), *g = tg_randn_like(y);
    assert_near(y, expected, 1e-13, "result");
    tg_tensor_list got = tg_grad(tg_list(y), tg_list(q, k, v), .grad_outputs = { g });
    tg_tensor_list want = tg_grad(tg_list(expected), tg_list(q, k, v), .grad_outputs = { g });
    for (int i = 0; i < 3; i++) assert_near(got.items[i], want.items[i], 1e-12, "gradient");
    tg_tensor *narrow =
        tg_scaled_dot_product_attention(tg_to(q, TG_FLOAT32), tg_to(k, TG_FLOAT32), tg_to(v, TG_FLOAT32),
                                        .is_causal = is_causal,
                                        .attn_mask =
                                            mask && tg_dtype_of(mask) != TG_BOOL ? tg_to(mask, TG_FLOAT32) : mask);
    assert_near(narrow, expected, 5e-6, "float32");
}

TEST(test_sizes)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 },     { 7, 300, 5 },   { 96, 256, 16 },
                                        { 97, 257, 17 }, { 385, 100, 8 }, { 200, 520, 9 } };
    for (int i = 0; i < 6; i++) {
        for (int causal = 0; causal < 2; causal++) {
            tg_scope scope = tg_scope_begin();
            const int64_t l = sizes[i][0], s = sizes[i][1], e = sizes[i][2];
            check(normal(tg_shape(2, l, e)), normal(tg_shape(2, s, e)), normal(tg_shape(2, s, e + 3)), NULL, causal);
            tg_scope_end(scope);
        }
    }
}

TEST(test_masks)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *q = normal(tg_shape(2, 3, 100, 8)), *k = normal(tg_shape(2, 3, 300, 8)),
              *v = normal(tg_shape(2, 3, 300, 8));
    const tg_shape full = tg_shape(100, 300);
    check(q, k, v, tg_ge(tg_rand(full), 0.5), false);
    check(q, k, v, tg_randn(full, .dtype = TG_FLOAT64), false);
    check(q, k, v, tg_randn(tg_shape(3, 1, 300), .dtype = TG_FLOAT64), false);
    check(q, k, v, tg_transpose(tg_randn(tg_shape(300, 100), .dtype = TG_FLOAT64), 0, 1), false);
    check(q, k, v, tg_ge(tg_rand(tg_shape(2, 1, 1, 300)), 0.3), false);
    check(q, k, v, tg_ge(tg_arange(0, 300, 1), 270), false); /* nothing in sight before the second block */
    check(q, k, v, tg_lt(tg_arange(0, 300, 1), 7), false);
    tg_scope_end(scope);
}

/* Heads as a model has them, views of one tensor, and leading dimensions that are broadcast. */
TEST(test_layouts)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = normal(tg_shape(2, 110, 3, 8)), *other = normal(tg_shape(2, 270, 3, 8));
    check(tg_transpose(x, 1, 2), tg_transpose(other, 1, 2), tg_transpose(other, 1, 2), NULL, false);
    check(normal(tg_shape(2, 1, 100, 8)), normal(tg_shape(3, 260, 8)), normal(tg_shape(260, 4)), NULL, true);
    tg_scope_end(scope);
}

/* Queries that the mask leaves no key get zeros and give none. */
TEST(test_blind)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *q = normal(tg_shape(3, 4)), *k = normal(tg_shape(300, 4)), *v = normal(tg_shape(300, 2));
    tg_tensor *sees = tg_reshape(tg_ge(tg_arange(0, 3, 1), 1), tg_shape(3, 1));
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, v, .attn_mask = sees);
    VALUES(tg_select(y, 0, 0), 0, 0, 0);
    assert_near(tg_select(y, 0, 1), tg_select(composed(q, k, v, NULL, false), 0, 1), 1e-13, "a query that sees");
    for (int order = 0; order < 2; order++) {
        tg_tensor_list g = tg_grad(tg_list(tg_sum(y)), tg_list(q, k, v), .retain_graph = true, .create_graph = order);
        VALUES(tg_select(g.items[0], 0, 0), 0, 0, 0, 0, 0);
        for (int i = 0; i < 3; i++) assert_true(isfinite(tg_item(tg_sum(g.items[i]))));
    }
    tg_scope_end(scope);
}

/* Scores of a thousand, whose exponentials are infinite. */
TEST(test_large_scores)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *q = tg_full(tg_shape(2, 1), 1000.0), *k = tg_reshape(tg_arange(0.0, 600.0, 1.0), tg_shape(600, 1));
    tg_tensor *y = tg_scaled_dot_product_attention(q, k, k, .scale = 1.0);
    VALUES(y, 1e-6, 599, 599);
    VALUES(tg_scaled_dot_product_attention(q, k, k, .scale = 0), 1e-6, 299.5, 299.5);
    VALUES(tg_scaled_dot_product_attention(q, k, k, .scale = -1.0), 1e-6, 0, 0);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sizes), T(test_masks), T(test_layouts), T(test_blind), T(test_large_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
