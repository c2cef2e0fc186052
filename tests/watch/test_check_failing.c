/* test_check_failing.c: a check in a program that has no more memory: it fails as the op does that it was told of, tells
 * nothing wrong and loses nothing. And checks that are begun and ended at odd times, and in several threads. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/failing.h"
#include "core/watch/check/check.h"
#include "tests/support/suite.h"

static void count_find(const tg_find *f, void *context)
{
    assert_true(f->text[0] && f->headline[0] && f->kind[0]);
    ++*(int *)context;
}

/* Six steps without a step of the optimiser (constant_loss, unreached in the end), and a logarithm of 0. */
static double checked_steps(void)
{
    int told = 0;
    tg_check_begin(.told = count_find, .context = &told);
    tg_manual_seed(0);
    tg_sequential *model = tg_sequential_new(tg_linear_new(3, 4), tg_relu_new(), tg_linear_new(4, 1));
    tg_tensor *x = tg_randn(tg_shape(5, 3)), *y = tg_zeros(tg_shape(5, 1));
    for (int i = 0; i < 6 && tg_ok(); i++) {
        tg_scope step = tg_scope_begin();
        tg_label("t=%d", i);
        if (model) tg_module_zero_grad(model);
        tg_backward(tg_mse_loss(model ? tg_module_forward(model, x) : NULL, y));
        if (i == 2) tg_log(y);
        tg_scope_end(step);
    }
    const int64_t count = tg_check_end();
    tg_module_free(model);
    assert_int_equal(count, told);
    return 1 + (double)count;
}

TEST(test_failing_allocations)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    fail_each_allocation(checked_steps);
    unsetenv("TAPEGRAD_POOL");
}

/* ---- at odd times ---- */

TEST(test_ended_twice)
{
    int told = 0;
    assert_int_equal(tg_check_end(), 0);
    IN_SCOPE;
    tg_check_begin(.told = count_find, .context = &told);
    tg_log(tg_zeros(tg_shape(2)));
    tg_check_begin(.told = count_find, .context = &told); /* ends the first */
    assert_int_equal(told, 0);                            /* (the logarithm of a mask) */
    tg_log(tg_full(tg_shape(2), -1.0));
    assert_int_equal(tg_check_end(), 1);
    assert_int_equal(tg_check_end(), 0);
    tg_log(tg_full(tg_shape(2), -1.0));
    assert_int_equal(told, 1);
    tg_scope_end(scope);
}

static void end_the_check(const tg_find *f, void *context)
{
    (void)f;
    assert_int_equal(tg_check_end(), 0);
    ++*(int *)context;
}

TEST(test_ended_while_a_find_is_told)
{
    int told = 0;
    IN_SCOPE;
    tg_check_begin(.told = end_the_check, .context = &told);
    tg_log(tg_full(tg_shape(2), -1.0));
    assert_int_equal(tg_check_end(), 1);
    assert_int_equal(told, 1);
    tg_scope_end(scope);
}

TEST(test_begun_and_ended_in_the_middle)
{
    IN_SCOPE;
    int told = 0;
    tg_tensor *x = tg_ones(tg_shape(3), .requires_grad = true), *y = tg_mul(x, 2); /* recorded before */
    tg_check_begin(.told = count_find, .context = &told);
    tg_backward(tg_sum(tg_mul(y, y)));
    assert_int_equal(tg_check_end(), 0);
    tg_check_begin(.told = count_find, .context = &told);
    while (tg_check_end()) {}
    tg_scope_end(scope);
}

static tg_tensor *begin_in_hook(tg_tensor *grad, void *told)
{
    tg_check_begin(.told = count_find, .context = told);
    return grad;
}

TEST(test_begun_in_a_hook)
{
    IN_SCOPE;
    int told = 0;
    tg_tensor *x = tg_ones(tg_shape(3), .requires_grad = true), *y = tg_mul(x, 2);
    tg_register_hook(y, begin_in_hook, &told);
    tg_backward(tg_sum(y));
    tg_backward(tg_sum(tg_sqrt(tg_mul(x, 0))));
    assert_int_equal(tg_check_end(), 1);
    tg_scope_end(scope);
}

static void *train_in_thread(void *told)
{
    IN_SCOPE;
    tg_check_begin(.told = count_find, .context = told);
    for (int i = 0; i < 20; i++) {
        tg_scope step = tg_scope_begin();
        tg_tensor *x = tg_full(tg_shape(4), 1.0 + i, .requires_grad = true);
        tg_backward(tg_sum(tg_sqrt(tg_mul(x, i == 10 ? 0.0 : 1.0))));
        tg_scope_end(step);
    }
    if (*(int *)told != 1) tg_fail("test", "found %d", *(int *)told);
    tg_scope_end(scope);
    return tg_failed() ? told : NULL; /* the thread's end ends the check */
}

TEST(test_threads)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int told[THREADS] = { 0 };
    void *bad = NULL;
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, train_in_thread, &told[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_failing_allocations),           T(test_ended_twice),     T(test_ended_while_a_find_is_told),
        T(test_begun_and_ended_in_the_middle), T(test_begun_in_a_hook), T(test_threads),
    };
    return cmocka_run_group_tests_name("check_failing", tests, NULL, NULL);
}
