/* test_products.c: what the samples of the products cannot say: which path they take, larger sizes against matmul, NaN
 * that must not be read. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <math.h>

static tg_tensor *uniform(tg_shape shape, bool requires_grad)
{
    tg_tensor *t = tg_sub(tg_mul(tg_rand(shape, .dtype = TG_FLOAT64), 2.0), 1.0);
    return requires_grad ? tg_requires_grad_(tg_detach(t), true) : t;
}

/* How often an op of this name stands on the tape from `from` on. */
static int recorded(const char *name, int64_t from)
{
    int count = 0;
    for (int64_t i = from; i < tg_tape_length(); i++) count += strcmp(tg_node_op(tg_tape_node(i))->name, name) == 0;
    return count;
}

static void assert_same(tg_tensor *a, tg_tensor *b)
{
    if (!a || !b) fail_msg("failed: %s", tg_error_message());
    const tg_shape x = tg_shape_of(a), y = tg_shape_of(b);
    assert_true(tg_shape_equal(&x, &y));
    if (tg_numel(a)) assert_true(tg_item(tg_sum(tg_abs(tg_sub(a, b)))) <= 1e-11 * (double)tg_numel(a));
}

/* A bias on rows is one node; anything else is made of others. */
TEST(test_addmm_roads)
{
    tg_tensor *x = uniform(tg_shape(5, 7), true), *w = uniform(tg_shape(7, 3), true);
    tg_tensor *bias = uniform(tg_shape(3), true), *c = uniform(tg_shape(5, 3), true);
    int64_t from = tg_tape_length();
    tg_tensor *y = tg_addmm(bias, x, w);
    assert_int_equal(tg_tape_length() - from, 1);
    assert_int_equal(recorded("addmm", from), 1);
    assert_same(y, tg_add(tg_matmul(x, w), bias));
    from = tg_tape_length();
    assert_same(tg_addmm(c, x, w, .beta = 0.5, .alpha = -2), tg_sub(tg_mul(c, 0.5), tg_mul(tg_matmul(x, w), 2.0)));
    assert_int_equal(recorded("addmm", from), 0);
    assert_same(tg_addmm(c, x, w, .beta = 0, .alpha = 0), tg_zeros(tg_shape(5, 3), .dtype = TG_FLOAT64));
}

/* The weight of many addmm gets the sum of all products as one. */
TEST(test_addmm_gradients)
{
    tg_tensor *w = uniform(tg_shape(6, 6), true), *bias = uniform(tg_shape(6), true);
    tg_tensor *h = uniform(tg_shape(4, 6), false), *k = h;
    for (int step = 0; step < 20; step++) h = tg_tanh(tg_addmm(bias, h, w));
    for (int step = 0; step < 20; step++) k = tg_tanh(tg_add(tg_matmul(k, w), bias));
    const tg_tensor_list leaves = tg_list(w, bias);
    tg_tensor *loss = tg_sum(h);
    tg_tensor_list graph = tg_grad(tg_list(loss), leaves, .create_graph = true);
    tg_tensor_list a = tg_grad(tg_list(loss), leaves), b = tg_grad(tg_list(tg_sum(k)), leaves);
    for (int i = 0; i < 2; i++) {
        assert_same(a.items[i], b.items[i]);
        assert_same(a.items[i], graph.items[i]);
    }
}

/* In place: a product, or each of a batch, and a sum, to the bit, of more and fewer steps than are summed at once; of
 * turned factors, and where self is one of them. */
TEST(test_products_into_self)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },  { 15, 16, 17 }, { 63, 63, 300 },
                                         { 40, 1, 7 }, { 1, 70, 600 }, { 70, 101, 64 } };
    tg_scope scope = tg_no_grad_begin();
    for (int i = 0; i < 24; i++) {
        const int64_t m = shapes[i / 4][0], n = shapes[i / 4][1], k = shapes[i / 4][2];
        const double beta = i % 2 ? 1 : -0.75;
        tg_tensor *c = uniform(tg_shape(3, m, n), false), *a = uniform(tg_shape(3, m, k), false),
                  *b = i % 4 < 2 ? uniform(tg_shape(3, k, n), false)
                                 : tg_transpose(uniform(tg_shape(3, n, k), false), 1, 2);
        if (i % 3 == 0) c = tg_to(c, TG_FLOAT32), a = tg_to(a, TG_FLOAT32), b = tg_to(b, TG_FLOAT32);
        tg_tensor *want = tg_add(tg_mul(c, beta), tg_matmul(a, b)), *y = tg_clone(c);
        assert_true(tg_baddbmm_(y, a, b, .beta = beta) == y);
        assert_true(tg_equal(y, want));
        y = tg_clone(tg_select(c, 0, 1));
        assert_true(tg_addmm_(y, tg_select(a, 0, 1), tg_select(b, 0, 1), .beta = beta) == y);
        assert_true(tg_equal(y, tg_select(want, 0, 1)));
    }
    tg_tensor *square = uniform(tg_shape(33, 33), false), *other = uniform(tg_shape(33, 33), false);
    for (int i = 0; i < 2; i++) {
        tg_tensor *a = i ? other : square, *b = i ? square : other, *want = tg_add(square, tg_matmul(a, b));
        assert_true(tg_equal(tg_addmm_(square, a, b), want));
    }
    tg_scope_end(scope);
}

/* Rows and blocks of rows, inputs of every shape and layout, in place or not. */
TEST(test_addr)
{
    tg_tensor *u = uniform(tg_shape(67), true), *v = uniform(tg_shape(150), true), *w = tg_unsqueeze(u, 1);
    tg_tensor *inputs[] = { uniform(tg_shape(67, 150), true), tg_transpose(uniform(tg_shape(150, 67), true), 0, 1),
                            uniform(tg_shape(150), true), uniform(tg_shape(67, 1), true), uniform(tg_shape(1), true) };
    const tg_addmm_options options[] = { { .beta = 1, .alpha = 1 }, { .beta = -0.5, .alpha = 2 } };
    for (int i = 0; i < 10; i++) {
        const tg_addmm_options o = options[i % 2];
        const tg_tensor_list leaves = tg_list(inputs[i / 2], u, v);
        tg_tensor *y = tg_addr(leaves.items[0], u, v, .beta = o.beta, .alpha = o.alpha);
        tg_tensor *z = tg_add(tg_mul(leaves.items[0], o.beta), tg_mul(tg_mul(w, v), o.alpha));
        assert_same(y, z);
        tg_tensor_list a = tg_grad(tg_list(tg_sum(tg_square(y))), leaves),
                       b = tg_grad(tg_list(tg_sum(tg_square(z))), leaves);
        for (int k = 0; k < 3; k++) assert_same(a.items[k], b.items[k]);
        if (i >= 4) continue;
        tg_scope scope = tg_no_grad_begin();
        tg_tensor *whole = tg_detach(tg_clone(leaves.items[0])), *x = i < 2 ? whole : tg_t(tg_clone(tg_t(whole)));
        assert_true(tg_addr_(x, u, v, .beta = o.beta, .alpha = o.alpha) == x);
        assert_same(x, z);
        tg_tensor *square = tg_clone(tg_narrow(z, 1, 0, 67)), *row = tg_select(square, 0, 3);
        tg_tensor *want = tg_addr(square, tg_clone(row), row);
        assert_same(tg_addr_(square, row, row), want); /* what it reads is part of what it writes */
        tg_scope_end(scope);
    }
}

/* Along any dimension, stretched and of other layouts: each element by hand, gradients by those of mul and sub. */
TEST(test_cross)
{
    tg_tensor *a = uniform(tg_shape(5, 3, 40, 3), true), *b = uniform(tg_shape(5, 3, 40, 3), true),
              *row = uniform(tg_shape(1, 3, 1, 3), true);
    const tg_tensor_list pairs[] = { tg_list(a, b), tg_list(a, row), tg_list(row, b),
                                     tg_list(tg_transpose(a, 1, 3), tg_transpose(b, 1, 3)),
                                     tg_list(tg_expand(tg_narrow(a, 2, 7, 1), tg_shape(5, 3, 40, 3)), b) };
    for (int i = 0; i < 10; i++) {
        const int d = i % 2 ? 3 : 1;
        const tg_tensor_list leaves = pairs[i / 2];
        tg_tensor *y = tg_cross(leaves.items[0], leaves.items[1], d), *part[3];
        for (int k = 0; k < 3; k++) {
            const int next = (k + 1) % 3, last = (k + 2) % 3;
            part[k] = tg_sub(tg_mul(tg_select(leaves.items[0], d, next), tg_select(leaves.items[1], d, last)),
                             tg_mul(tg_select(leaves.items[0], d, last), tg_select(leaves.items[1], d, next)));
        }
        tg_tensor *z = tg_stack(tg_list(part[0], part[1], part[2]), d);
        assert_true(tg_equal(y, z));
        tg_tensor_list got = tg_grad(tg_list(tg_sum(tg_square(y))), leaves),
                       want = tg_grad(tg_list(tg_sum(tg_square(z))), leaves);
        for (int k = 0; k < 2; k++) assert_same(got.items[k], want.items[k]);
    }
    tg_tensor *whole = tg_cross(tg_full(tg_shape(3), INT64_MAX), tg_arange(0, 3, 1), 0);
    assert_true(tg_item_int64(tg_select(whole, 0, 0)) == INT64_MAX);
}

/* beta = 0: what is in the input does not matter, in any of them. */
TEST(test_unread_input)
{
    tg_tensor *bad = tg_full(tg_shape(1), NAN, .dtype = TG_FLOAT64), *a = uniform(tg_shape(2, 3, 3), false);
    tg_tensor *m = tg_select(a, 0, 0), *v = tg_select(m, 0, 1);
    tg_tensor *results[] = { tg_addmm(bad, m, m, .beta = 0), tg_addmv(bad, m, v, .beta = 0),
                             tg_addbmm(bad, a, a, .beta = 0), tg_baddbmm(bad, a, a, .beta = 0),
                             tg_addr(bad, v, v, .beta = 0) };
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) assert_true(isfinite(tg_item(tg_sum(results[i]))));
}

/* A weight that einsum need not turn goes to matmul or linear itself, where its products are added up. */
TEST(test_einsum_roads)
{
    tg_tensor *x = uniform(tg_shape(2, 5, 7), true), *w = uniform(tg_shape(7, 3), true);
    int64_t from = tg_tape_length();
    tg_tensor *y = tg_einsum("bsi,io->bso", tg_list(x, w));
    assert_int_equal(tg_tape_length() - from, 1);
    assert_same(y, tg_matmul(x, w));
    tg_tensor *wt = uniform(tg_shape(3, 7), true);
    from = tg_tape_length();
    y = tg_einsum("bsi,oi->bso", tg_list(x, wt));
    assert_int_equal(tg_tape_length() - from, 1);
    assert_int_equal(recorded("linear", from), 1);
    assert_same(y, tg_linear(x, wt, NULL));
}

TEST(test_einsum_attention)
{
    tg_tensor *q = uniform(tg_shape(2, 3, 5, 4), true), *k = uniform(tg_shape(2, 3, 6, 4), true);
    tg_tensor *y = tg_einsum("bhqd,bhkd->bhqk", tg_list(q, k)), *z = tg_matmul(q, tg_transpose(k, -2, -1));
    assert_same(y, z);
    const tg_tensor_list leaves = tg_list(q, k);
    tg_tensor_list a = tg_grad(tg_list(tg_sum(tg_mul(y, y))), leaves),
                   b = tg_grad(tg_list(tg_sum(tg_mul(z, z))), leaves);
    for (int i = 0; i < 2; i++) assert_same(a.items[i], b.items[i]);
}

/* More labels than a tensor has dimensions, as long as no intermediate result has them all. */
TEST(test_einsum_many_labels)
{
    tg_tensor *t[5];
    for (int i = 0; i < 5; i++) t[i] = uniform(tg_shape(2, 2, 2), false);
    tg_tensor *y = tg_einsum("abc,cde,efg,ghi,ijk->abjk", tg_list_of(t, 5));
    tg_tensor *z = t[0];
    for (int i = 1; i < 5; i++) z = tg_tensordot(z, t[i], .dims = 1); /* a b d f h j k */
    assert_same(y, tg_sum(z, .dims = tg_shape(2, 3, 4)));
}

/* The order of multi_dot is the cheapest one: 10x100, 100x5, 5x50 is (ab)c. */
TEST(test_multi_dot_order)
{
    tg_tensor *a = uniform(tg_shape(10, 100), true), *b = uniform(tg_shape(100, 5), true),
              *c = uniform(tg_shape(5, 50), true);
    const int64_t from = tg_tape_length();
    tg_tensor *y = tg_multi_dot(tg_list(a, b, c));
    assert_int_equal(tg_tape_length() - from, 2);
    const tg_shape first = tg_node_output_shape(tg_tape_node(from), 0);
    assert_true(first.dims[0] == 10 && first.dims[1] == 5);
    assert_same(y, tg_matmul(a, tg_matmul(b, c)));
}

/* 64 bits wrap, in any layout. */
TEST(test_integers)
{
    const int64_t big = INT64_MAX;
    tg_tensor *a = tg_full(tg_shape(2, 3), big), *b = tg_transpose(tg_full(tg_shape(4, 3), 2), 0, 1);
    tg_tensor *y = tg_mm(a, b);
    assert_true(tg_item_int64(tg_select(tg_select(y, 0, 1), 0, 3)) == -6);
    assert_true(tg_item_int64(tg_dot(tg_arange(0, 5, 1), tg_arange(0, 5, 1))) == 30);
}

/* In place: the old value still gets its gradient. */
TEST(test_in_place)
{
    tg_tensor *c = uniform(tg_shape(3, 3), true), *a = uniform(tg_shape(3, 3), true);
    tg_tensor *y = tg_clone(c);
    assert_ptr_equal(tg_addmm_(y, a, a, .beta = 0.5), y);
    tg_tensor_list g = tg_grad(tg_list(tg_sum(y)), tg_list(c, a));
    assert_same(g.items[0], tg_full(tg_shape(3, 3), 0.5, .dtype = TG_FLOAT64));
    assert_non_null(g.items[1]);
    assert_null(tg_addmm_(tg_ones(tg_shape(3), .dtype = TG_FLOAT64), a, a));
    assert_non_null(strstr(tg_error_get().message, "output with shape [3] doesn't match the broadcast shape [3, 3]"));
    tg_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_addmm_roads),
        T(test_products_into_self),
        T(test_addmm_gradients),
        T(test_unread_input),
        T(test_addr),
        T(test_cross),
        T(test_einsum_roads),
        T(test_einsum_attention),
        T(test_einsum_many_labels),
        T(test_multi_dot_order),
        T(test_integers),
        T(test_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
