/* test_parallel.c: loops large enough for several threads give the same bits on any number of them. */
#include <tapegrad.h>

#include "tests/support/suite.h"

#include <string.h>

enum { ROWS = 517, COLUMNS = 611, RESULTS = 16, MOST_THREADS = 4 };

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

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_same_bits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
