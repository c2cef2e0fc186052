/* test_from_memory.c: tensors of memory that tapegrad did not allocate: what is written through one is seen by the other,
 * and the memory is released once, when nobody needs it any more. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <pthread.h>

static float values[8];
static int releases;
static void *released;

static void count_release(void *data, void *context)
{
    __atomic_add_fetch(&releases, 1, __ATOMIC_RELAXED);
    released = data;
    if (context) *(int *)context += 1;
}

static tg_tensor *made(tg_shape shape)
{
    for (int i = 0; i < 8; i++) values[i] = (float)i;
    releases = 0;
    released = NULL;
    return tg_from_memory(values, shape, TG_FLOAT32, count_release, NULL);
}

TEST(test_shared_with_the_owner)
{
    IN_SCOPE;
    tg_tensor *t = made(tg_shape(2, 3));
    VALUES(t, 0, 0, 1, 2, 3, 4, 5);
    tg_add_(t, 10);
    assert_true(values[5] == 15 && values[6] == 6);
    values[0] = -1;
    assert_true(tg_item(tg_select(tg_select(t, 0, 0), 0, 0)) == -1 && tg_data(t, TG_FLOAT32) == values);
    VALUES(tg_as_strided(t, tg_shape(2), tg_shape(5)), 0, -1, 15);
    tg_as_strided(t, tg_shape(2), tg_shape(6)); /* beyond it */
    expect_error("out of bounds for storage of size 24");
    assert_int_equal(releases, 0);
    tg_scope_end(scope);
    assert_true(releases == 1 && released == values);
}

/* A view, the tape, tg_keep: whoever needs it. */
TEST(test_held)
{
    IN_SCOPE;
    int context = 0;
    const tg_scope inner = tg_scope_begin();
    made(tg_shape(4));
    tg_tensor *other = tg_from_memory(values, tg_shape(4), TG_FLOAT32, count_release, &context);
    tg_tensor *row = tg_keep(tg_narrow(other, 0, 1, 2));
    tg_scope_end(inner);
    assert_true(releases == 1 && context == 0);
    VALUES(row, 0, 1, 2);
    tg_release(row);
    assert_true(releases == 2 && context == 1);

    tg_tensor *x = tg_requires_grad_(tg_ones(tg_shape(4)), true), *y = NULL;
    const tg_scope step = tg_scope_begin();
    y = tg_sum(tg_mul(x, made(tg_shape(4))));
    tg_scope_end_with(step, &y);
    assert_int_equal(releases, 0); /* the product's backward needs it */
    tg_backward(y);
    VALUES(tg_grad_of(x), 0, 0, 1, 2, 3);
    tg_scope_end(scope);
    assert_int_equal(releases, 1);
}

/* As a parameter: its gradient, an optimiser's step in the caller's memory. */
TEST(test_parameter)
{
    IN_SCOPE;
    tg_tensor *w = tg_requires_grad_(made(tg_shape(4)), true);
    tg_backward(tg_sum(tg_square(w)));
    tg_optimizer *sgd = tg_sgd_new(tg_list(w), .lr = 0.25);
    tg_step(sgd);
    tg_optimizer_free(sgd);
    assert_true(values[3] == 1.5f && values[4] == 4);
    tg_scope_end(scope);
    assert_int_equal(releases, 1);
}

/* A backward that hands over such a gradient: nothing is accumulated into memory that others see. */
static void foreign_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_from_memory(values, tg_shape(4), TG_FLOAT32, count_release, NULL));
}
static const tg_op foreign_op = { .name = "foreign",
                                  .schema = "foreign(Tensor self) -> Tensor",
                                  .backward = foreign_backward };

static tg_tensor *foreign(tg_tensor *x)
{
    tg_tensor *y = tg_zeros(tg_shape());
    return tg_record(&foreign_op, tg_list(x), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}

TEST(test_gradient)
{
    IN_SCOPE;
    made(tg_shape(4));
    tg_tensor *x = tg_requires_grad_(tg_ones(tg_shape(4)), true), *h = tg_mul(x, 1);
    tg_backward(tg_add(tg_add(foreign(h), foreign(h)), tg_sum(tg_mul(h, 100))));
    VALUES(tg_grad_of(x), 0, 100, 102, 104, 106);
    tg_backward(foreign(x));
    tg_backward(foreign(x));
    VALUES(tg_grad_of(x), 0, 100, 104, 108, 112);
    for (int i = 0; i < 8; i++) assert_true(values[i] == (float)i);
    tg_scope_end(scope);
}

/* Another dtype gives a parameter another storage; then nobody needs the memory. */
TEST(test_another_storage)
{
    IN_SCOPE;
    tg_linear *linear = tg_linear_new(2, 4, .bias = false);
    tg_tensor *w = made(tg_shape(4, 2));
    TG_REPLACE_PARAMETER(linear, weight, w);
    tg_module_to(linear, TG_FLOAT64);
    assert_int_equal(releases, 1);
    VALUES(tg_linear_forward(linear, tg_ones(tg_shape(2), .dtype = TG_FLOAT64)), 0, 1, 5, 9, 13);
    tg_module_free(linear);
    tg_scope_end(scope);
    assert_int_equal(releases, 1);
}

TEST(test_kinds)
{
    IN_SCOPE;
    static int64_t numbers_[2] = { INT64_MAX, 1 };
    static bool flags[2] = { true, false };
    double one = 0.5;
    assert_true(tg_item_int64(tg_select(tg_from_memory(numbers_, tg_shape(2), TG_INT64, NULL, NULL), 0, 0)) ==
                INT64_MAX);
    VALUES(tg_from_memory(flags, tg_shape(2), TG_BOOL, NULL, NULL), 0, 1, 0);
    tg_tensor *scalar = tg_from_memory(&one, tg_shape(), TG_FLOAT64, NULL, NULL);
    tg_mul_(scalar, 3);
    assert_true(one == 1.5 && tg_item(scalar) == 1.5);
    tg_tensor *none = tg_from_memory(NULL, tg_shape(3, 0), TG_FLOAT32, count_release, NULL);
    assert_true(tg_numel(none) == 0);
    releases = 0;
    tg_scope_end(scope);
    assert_true(releases == 1 && !released);
}

TEST(test_refused)
{
    IN_SCOPE;
    releases = 0;
    const struct {
        void *data;
        tg_shape shape;
        tg_dtype dtype;
        const char *text;
    } calls[] = {
        { NULL, { 1, { 3 } }, TG_FLOAT32, "the memory is NULL" },
        { (char *)values + 2, { 1, { 1 } }, TG_FLOAT32, "float32 elements cannot lie at" },
        { (char *)values + 4, { 1, { 1 } }, TG_INT64, "int64 elements cannot lie at" },
        { values, { 1, { -1 } }, TG_FLOAT32, "negative dimension -1" },
        { values, { 9, { 1 } }, TG_FLOAT32, "0 to 8 dimensions, not 9" },
        { values, { 2, { INT64_MAX, 2 } }, TG_FLOAT32, "out of memory: a tensor of shape" },
        { values, { 1, { 1 } }, (tg_dtype)7, "7 is not a dtype" },
    };
    if ((uintptr_t)values % 8) return; /* the third would be none */
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        expect_refusal(tg_from_memory(calls[i].data, calls[i].shape, calls[i].dtype, count_release, NULL),
                       calls[i].text);
    assert_int_equal(releases, 0);
    tg_scope_end(scope);
}

/* The last reference goes on another thread. */
static void *let_go(void *tensor)
{
    tg_release(tensor);
    return NULL;
}

TEST(test_threads)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_keep(made(tg_shape(4)));
    tg_scope_end(scope);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, let_go, t), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(releases, 1);
}

/* Without memory for the handle the memory stays the caller's; with it, it is released with the scope. */
static double one_more(void)
{
    static int made_here;
    releases = 0;
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_from_memory(values, tg_shape(4), TG_FLOAT32, count_release, NULL);
    made_here = t != NULL;
    const double sum = t ? 1 : 0;
    if (t) tg_mul(t, 2);
    tg_scope_end(scope);
    return releases == made_here ? sum : NAN;
}

TEST(test_allocations)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* of the threads to come every block is an allocation */
    fail_each_allocation(one_more);
    unsetenv("TAPEGRAD_POOL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_shared_with_the_owner), T(test_held),  T(test_parameter), T(test_gradient),
        T(test_another_storage),       T(test_kinds), T(test_refused),   T(test_threads),
        T(test_allocations),
    };
    return cmocka_run_group_tests_name("from_memory", tests, NULL, NULL);
}
