/* test_handler.c: errors cleared, and left by longjmp, while a module is at work: the next one names the module that is
 * at work then, and no other. */
#include "tests/support/suite.h"

#include "tapegrad.h"

/* Fails twice; the first error is nobody's business. */
static tg_tensor *tries_forward(tg_module *m, tg_tensor *x)
{
    (void)m;
    tg_tensor *y = tg_matmul(x, tg_ones(tg_shape(9, 9)));
    tg_error_clear();
    return y ? y : tg_matmul(x, tg_ones(tg_shape(7, 7)));
}

TEST(test_cleared_in_a_forward)
{
    const tg_scope scope = tg_scope_begin();
    tg_sequential *m = tg_sequential_new(tg_module_new(tg_module, .name = "Tries", .forward = tries_forward));
    assert_null(tg_sequential_forward(m, tg_ones(tg_shape(2, 2))));
    assert_string_equal(tg_error_get().inside, "Sequential.0 (Tries)");
    expect_error("(2x2 and 7x7)");
    tg_module_free(m);
    tg_scope_end(scope);
}

static jmp_buf outside;

static void leave(const tg_error *error, void *context)
{
    (void)error, (void)context;
    longjmp(outside, 1);
}

TEST(test_left_by_longjmp)
{
    const tg_scope scope = tg_scope_begin();
    tg_sequential *const m = tg_sequential_new(tg_linear_new(3, 1));
    tg_tensor *const x = tg_ones(tg_shape(2, 2));
    tg_set_error_handler(leave, NULL);
    if (setjmp(outside) == 0) {
        tg_sequential_forward(m, x);
        fail_msg("the handler was not called");
    }
    tg_set_error_handler(NULL, NULL);
    assert_string_equal(tg_error_get().inside, "Sequential.0 (Linear)");
    tg_error_clear();
    assert_null(tg_matmul(x, tg_ones(tg_shape(9, 9))));
    assert_string_equal(tg_error_get().inside, "");
    tg_error_clear();
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_cleared_in_a_forward),
        T(test_left_by_longjmp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
