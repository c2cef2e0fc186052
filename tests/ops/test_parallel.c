/* test_parallel.c: loops large enough for several threads give the same bits on any number of them. */
#include <tapegrad.h>

#include "tests/support/suite.h"

#include <string.h>

enum { ROWS = 517, COLUMNS = 611, RESULTS = 26, MOST_THREADS = 4 };

/* Two rows of parts, each written into its place by a copy on as many threads as there are. */
static tg_tensor *gradient_of_parts(tg_tensor *a)
{
    tg_tensor *x = tg_requires_grad_(tg_clone(a), true), *y = tg_mul(x, 1);
    const tg_tensor_list parts = tg_split(y, ROWS / 2 + 1, 0);
    tg_tensor *first = parts.items[0], *second = parts.items[1];
    assert_int_equal(tg_backward(tg_add(tg_sum(tg_mul(tg_add(first, first), first)),
                                        tg_sum(tg_exp(tg_add(second, tg_zeros_like(second)))))),
                     TG_OK);
    const tg_tensor_list rows = tg_split(a, ROWS / 2 + 1, 0);
    tg_tensor *want = tg_cat(tg_list(tg_mul(rows.items[0], 4), tg_exp(rows.items[1])));
    assert_true(tg_allclose(tg_grad_of(x), want, .rtol = 1e-5));
    return tg_grad_of(x);
}

/* Each window's largest element has that as its gradient; more planes than one thread takes at a time. */
static tg_tensor *gradient_of_pool(tg_dtype dtype)
{
    tg_tensor *x = tg_requires_grad_(tg_rand(tg_shape(90, 26, 38), .dtype = dtype), true);
    tg_tensor *y = tg_max_pool2d(x, tg_shape(2));
    assert_int_equal(tg_backward(tg_sum(tg_mul(tg_mul(y, y), 0.5))), TG_OK);
    tg_tensor *of_window = tg_repeat_interleave(tg_repeat_interleave(y, 2, .dim = 1), 2, .dim = 2);
    assert_true(tg_equal(tg_grad_of(x), tg_where(tg_eq(x, of_window), x, 0.0)));
    return tg_grad_of(x);
}

/* Every loop that may be cut, on tensors of one dtype; the number of results. */
static int results(tg_dtype dtype, tg_tensor **y)
{
    int n = 0;
    tg_manual_seed(7);
    tg_tensor *a = tg_rand(tg_shape(ROWS, COLUMNS), .dtype = dtype), *t = tg_transpose(a, 0, 1);
    tg_tensor *wide = tg_rand(tg_shape(9, 33, 1001), .dtype = dtype), *row = tg_select(a, 0, 3);
    y[n++] = tg_tanh(a);
    y[n++] = tg_mul(a, 1.7);
    y[n++] = tg_add(a, row);
    y[n++] = tg_sub(a, tg_reshape(tg_select(a, 1, 5), tg_shape(ROWS, 1)));
    y[n++] = tg_exp(tg_narrow(a, 1, 3, 500));
    y[n++] = tg_clone(t);
    y[n++] = tg_mul(tg_transpose(wide, 0, 1), tg_transpose(wide, 0, 1));
    y[n++] = tg_lt(a, row);
    y[n++] = tg_sum(a);
    y[n++] = tg_sum(a, .dim = 0);
    y[n++] = tg_sum(t, .dim = 0);
    y[n++] = tg_sum(wide, .dim = 1);
    y[n++] = tg_mean(tg_narrow(a, 1, 1, 300));
    y[n++] = tg_softmax(a, 1);
    y[n++] = tg_log_softmax(a, 0);
    y[n++] = tg_softmax(wide, 1);
    y[n++] = tg_stack(tg_list(a, a, tg_neg(a)), 0);
    y[n++] = gradient_of_parts(a);
    y[n++] = tg_flip(t, tg_shape(0));
    y[n++] = tg_flip(tg_transpose(wide, 0, 2), tg_shape(0, 2));
    y[n++] = tg_clamp(t, .min = 0.25, .max = 0.75);
    y[n++] = tg_add(t, tg_exp(t));
    y[n++] = tg_amax(wide, .dim = 1);
    y[n++] = tg_logcumsumexp(wide, 1);
    y[n++] = tg_prod(a, .dim = 1);
    y[n++] = gradient_of_pool(dtype);
    assert_int_equal(n, RESULTS);
    return n;
}

TEST(test_same_bits)
{
    for (tg_dtype dtype = TG_FLOAT32; dtype <= TG_FLOAT64; dtype++) {
        tg_scope all = tg_scope_begin();
        tg_tensor *want[RESULTS], *got[RESULTS];
        tg_set_num_threads(1);
        results(dtype, want);
        for (int count = 2; count <= MOST_THREADS; count++) {
            tg_scope step = tg_scope_begin();
            tg_set_num_threads(count);
            results(dtype, got);
            for (int i = 0; i < RESULTS; i++) {
                assert_non_null(got[i]);
                size_t bytes = (size_t)tg_numel(got[i]) * tg_dtype_size(tg_dtype_of(got[i]));
                if (memcmp(tg_data(got[i], tg_dtype_of(got[i])), tg_data(want[i], tg_dtype_of(got[i])), bytes) != 0)
                    fail_msg("dtype %d, result %d: other bits on %d threads than on one", (int)dtype, i, count);
            }
            tg_scope_end(step);
        }
        tg_scope_end(all);
    }
}

/* Tensor by tensor it is the tensors, from where threads copy them on: also into a dimension of ones. */
TEST(test_stack_is_its_tensors)
{
    for (int threads = 1; threads <= 3; threads++) {
        IN_SCOPE;
        tg_set_num_threads(threads);
        tg_tensor *t[5];
        for (int i = 0; i < 5; i++)
            t[i] = tg_rand(tg_shape(1, 100, 300), .dtype = threads & 1 ? TG_FLOAT32 : TG_FLOAT64);
        t[4] = tg_transpose(tg_reshape(t[4], tg_shape(1, 300, 100)), 1, 2);
        for (int count = 4; count <= 5; count++)
            for (int dim = 0; dim < 2; dim++) {
                tg_tensor *all = tg_stack(tg_list_of(t, count), dim);
                for (int i = 0; i < count; i++) assert_true(tg_equal(tg_select(all, dim, i), t[i]));
            }
        tg_scope_end(scope);
    }
    tg_set_num_threads(1);
}

/* Around the sizes from which on work is cut: flat, with rows that cannot be halved, transposed. */
static int small_results(int64_t n, tg_tensor **y)
{
    int count = 0;
    tg_manual_seed(3);
    tg_tensor *a = tg_rand(tg_shape(n)), *b = tg_rand(tg_shape(n));
    y[count++] = tg_tanh(a);
    y[count++] = tg_mul(a, b);
    y[count++] = tg_lt(a, b);
    y[count++] = tg_sigmoid(tg_narrow(tg_reshape(tg_cat(tg_list(a, b), 0), tg_shape(2, n)), 1, 1, n - 1));
    if (n % 3 == 0) y[count++] = tg_clone(tg_transpose(tg_reshape(a, tg_shape(3, n / 3)), 0, 1));
    if (n % 8 == 0) y[count++] = tg_add(tg_reshape(a, tg_shape(4, n / 8, 2)), tg_rand(tg_shape(4, 1, 2)));
    return count;
}

TEST(test_same_bits_around_the_cut)
{
    static const int64_t sizes[] = { 1000, 4095, 4096, 4097, 8191, 8192, 8193, 8194, 9999, 12288, 12289, 16384, 24576 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        tg_scope all = tg_scope_begin();
        tg_tensor *want[RESULTS], *got[RESULTS];
        tg_set_num_threads(1);
        const int count = small_results(sizes[s], want);
        for (int threads = 2; threads <= 8; threads += threads == 3 ? 5 : 1) {
            tg_set_num_threads(threads);
            small_results(sizes[s], got);
            for (int i = 0; i < count; i++)
                if (!tg_equal(got[i], want[i])) fail_msg("%lld elements, result %d", (long long)sizes[s], i);
        }
        tg_scope_end(all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_same_bits), T(test_stack_is_its_tensors),
                                        T(test_same_bits_around_the_cut) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
