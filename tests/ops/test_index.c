/* test_index.c: what samples cannot say of the ops that an index steers: large work on several threads, writing in place,
 * indices that change, and the calls as a program writes them. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#ifdef _OPENMP
#include <omp.h>
#endif

static void set_threads(int n)
{
#ifdef _OPENMP
    omp_set_num_threads(n);
#else
    (void)n;
#endif
}

/* ---- threads ---- */

static tg_tensor *call(int which, tg_tensor *x, tg_tensor *index, tg_tensor *rows)
{
    switch (which) {
    case 0: return tg_gather(x, 0, index);
    case 1: return tg_gather(x, 1, index);
    case 2: return tg_index_select(x, 0, rows);
    case 3: return tg_index_select(x, 1, rows);
    case 4: return tg_scatter_add(x, 0, index, x);
    case 5: return tg_scatter_add(x, 1, index, x);
    case 6: return tg_scatter_reduce(x, 0, index, x, "prod");
    case 7: return tg_index_add(x, 0, rows, x);
    case 8: return tg_index_add(x, 1, rows, x);
    case 9: return tg_scatter(x, 0, index, x);
    case 10: return tg_index_put(x, tg_list(rows), x, .accumulate = true);
    case 11: return tg_triu(x);
    default: return NULL;
    }
}

/* The same bits from any number of threads. */
TEST(test_threads)
{
    enum { N = 400 };
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(1);
    tg_tensor *x = tg_randn(tg_shape(N, N)), *index = tg_randint(0, N, tg_shape(N, N));
    tg_tensor *rows = tg_randint(0, N / 8, tg_shape(N));
    for (int which = 0; which <= 11; which++) {
        set_threads(1);
        tg_tensor *one = call(which, x, index, rows);
        for (int threads = 2; threads <= 5; threads += 3) {
            set_threads(threads);
            tg_tensor *several = call(which, x, index, rows);
            assert_non_null(several);
            assert_memory_equal(tg_data(several, TG_FLOAT32), tg_data(one, TG_FLOAT32), N * N * sizeof(float));
        }
    }
    set_threads(1);
    tg_scope_end(scope);
    assert_false(tg_failed());
}

/* A bad index anywhere in large work is found by whichever thread meets it. */
TEST(test_bad_index_in_large_work)
{
    enum { N = 400 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape(N, N)), *index = tg_randint(0, N, tg_shape(N, N));
    ((int64_t *)tg_mutable_data(index, TG_INT64))[N * N - 3] = N;
    set_threads(4);
    for (int dim = 0; dim < 2; dim++) {
        assert_null(tg_gather(x, dim, index));
        expect_error("index 400 is out of bounds for dimension");
        assert_null(tg_scatter_add(x, dim, index, x));
        expect_error("index 400 is out of bounds for dimension");
    }
    set_threads(1);
    tg_scope_end(scope);
}

/* ---- in place ---- */

/* Nothing is written when an index is wrong, be it the last one. */
TEST(test_in_place_is_whole)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_zeros(tg_shape(4)), *index = tg_from_data(((int64_t[]){ 0, 1, 4 }), tg_shape(3));
    tg_tensor *ones = tg_ones(tg_shape(3));
    assert_null(tg_scatter_(x, 0, index, ones));
    expect_error("index 4 is out of bounds");
    assert_null(tg_scatter_add_(x, 0, index, ones));
    expect_error("index 4 is out of bounds");
    assert_null(tg_index_add_(x, 0, index, ones));
    expect_error("index out of range in self");
    assert_null(tg_index_fill_(x, 0, index, 7));
    expect_error("index 4 is out of bounds");
    assert_null(tg_index_put_(x, tg_list(index), ones));
    expect_error("index 4 is out of bounds");
    VALUES(x, 0, 0, 0, 0, 0);
    tg_scope_end(scope);
}

/* What is read shares memory with what is written. */
TEST(test_in_place_of_itself)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_from_data(((int64_t[]){ 1, 2, 0 }), tg_shape(3));
    tg_scatter_(x, 0, x, x); /* x[1] = 1, x[2] = 2, x[0] = 0 */
    VALUES(x, 0, 0, 1, 2);
    tg_tensor *y = tg_arange(0, 5, 1);
    tg_index_copy_(tg_narrow(y, 0, 0, 4), 0, tg_arange(0, 4, 1), tg_narrow(y, 0, 1, 4));
    VALUES(y, 0, 1, 2, 3, 4, 4);
    tg_index_put_(tg_t(tg_view(tg_narrow(y, 0, 0, 4), tg_shape(2, 2))), tg_list(tg_arange(0, 1, 1)), 9);
    VALUES(y, 0, 9, 2, 9, 4, 4);
    tg_scope_end(scope);
    assert_false(tg_failed());
}

TEST(test_in_place_rules)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *leaf = tg_ones(tg_shape(3), .requires_grad = true), *index = tg_arange(0, 2, 1);
    assert_null(tg_index_add_(leaf, 0, index, tg_ones(tg_shape(2))));
    expect_error("a leaf Variable that requires grad");
    assert_null(
        tg_scatter_reduce_(tg_expand(tg_ones(tg_shape(1)), tg_shape(3)), 0, index, tg_ones(tg_shape(2)), "sum"));
    expect_error("more than one element of the written-to tensor");
    tg_tensor *y = tg_mul(leaf, 2);
    tg_index_put_(y, tg_list(index), 5);
    tg_backward(tg_sum(y));
    VALUES(tg_grad_of(leaf), 0, 0, 0, 2);
    tg_scope_end(scope);
    assert_false(tg_failed());
}

/* An index that was changed since must not be used to go back. */
TEST(test_index_changed)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(3), .requires_grad = true), *index = tg_arange(0, 3, 1);
    tg_tensor *y = tg_sum(tg_gather(x, 0, index));
    tg_fill_(index, 0);
    assert_true(tg_backward(y) == TG_FAILED);
    expect_error("modified by an inplace operation");
    tg_scope_end(scope);
}

/* ---- as a program writes it ---- */

TEST(test_calls)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_view(tg_arange(0, 6, 1), tg_shape(2, 3));
    tg_tensor *i = tg_from_data(((int64_t[]){ 2, 0 }), tg_shape(2));
    VALUES(tg_index(x, tg_list(NULL, i)), 0, 2, 0, 5, 3);
    VALUES(tg_index(x, tg_nonzero_tuple(tg_gt(x, 3))), 0, 4, 5);
    VALUES(tg_index(x, tg_list(tg_gt(x, 3))), 0, 4, 5);
    assert_true(tg_index(x, tg_list(NULL, NULL)) == x);
    VALUES(tg_index_put(x, tg_list(NULL, i), 9), 0, 9, 1, 9, 9, 4, 9);
    VALUES(tg_take(x, i), 0, 2, 0);
    VALUES(tg_take_along_dim(x, tg_unsqueeze(i, 1), 1), 0, 2, 3);
    VALUES(tg_scatter(x, 1, tg_unsqueeze(i, 1), 7), 0, 0, 1, 7, 7, 4, 5);
    VALUES(tg_scatter(x, 1, tg_unsqueeze(i, 1), 2, .reduce = "multiply"), 0, 0, 1, 4, 6, 4, 5);
    VALUES(tg_index_add(x, 1, i, tg_ones_like(tg_narrow(x, 1, 0, 2)), .alpha = 0), 0, 0, 1, 2, 3, 4, 5);
    VALUES(tg_rot90(x), 0, 2, 5, 1, 4, 0, 3);
    VALUES(tg_rot90(x, 2), 0, 5, 4, 3, 2, 1, 0);
    VALUES(tg_rot90(x, -1, tg_shape(1, 0)), 0, 2, 5, 1, 4, 0, 3);
    VALUES(tg_roll(x, tg_shape(1)), 0, 5, 0, 1, 2, 3, 4);
    VALUES(tg_roll(x, tg_shape(1, 1), tg_shape(0, 1)), 0, 5, 3, 4, 2, 0, 1);
    VALUES(tg_pad(x, tg_shape(-1, -1)), 0, 1, 4);
    VALUES(tg_diagonal(x, .offset = 1), 0, 1, 5);
    assert_null(tg_repeat_interleave(tg_select(x, 0, 0), i, .dim = 0)); /* two numbers for three entries */
    expect_error("repeats must have the same size as input along dim");
    tg_scope_end(scope);
}

/* A failed index is no ':'. */
TEST(test_failed_index)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2, 2)), *failed = tg_matmul(x, tg_ones(tg_shape(3)));
    assert_null(failed);
    assert_null(tg_index(x, tg_list(failed)));
    assert_null(tg_index(x, tg_list_failed()));
    assert_null(tg_index_put(x, tg_list(failed, failed), 1));
    expect_error("");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_threads),
        T(test_bad_index_in_large_work),
        T(test_in_place_is_whole),
        T(test_in_place_of_itself),
        T(test_in_place_rules),
        T(test_index_changed),
        T(test_calls),
        T(test_failed_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
