/* test_stack.c: every op in a thread whose stack is small: forward, backward and backward of backward.
 *
 * The library's largest frame is limited when it is compiled; this sees to it that frames do not pile up. Too deep a
 * stack ends the program. */
#define _GNU_SOURCE
#include "tests/support/suite.h"
#include "tests/support/compare.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include <pthread.h>
#include <string.h>

/* 64 KiB, and what is not the library's: thread-local variables, which the C library keeps there, and this test. */
enum { STACK = (64 + 24) * 1024, SIZE = 128 };

static void in_small_thread(void *(*body)(void *), void *context)
{
    pthread_t thread;
    pthread_attr_t attributes;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, body, context), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

/* ---- each op's samples ---- */

static tg_tensor *sum_of(const tg_tensor_list *list)
{
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < list->count; k++) {
        if (!tg_requires_grad(list->items[k])) continue;
        tg_tensor *term = tg_sum(tg_square(list->items[k]));
        sum = sum ? tg_add(sum, tg_to(term, tg_dtype_of(sum))) : term;
    }
    return sum;
}

static tg_tensor_list leaves_of(const sample *s)
{
    static tg_tensor *leaves[SAMPLE_LEAVES];
    int count = 0;
    for (int k = 0; k < s->count; k++)
        if (tg_requires_grad(s->leaves[k].tensor)) leaves[count++] = s->leaves[k].tensor;
    return tg_list_of(leaves, count);
}

static void run_sample(const tg_op *op, const char *text, tg_dtype dtype)
{
    static sample s;
    const tg_scope scope = tg_scope_begin();
    s = sample_read(text);
    sample_fill(&s, dtype, true);
    tg_manual_seed(0);
    tg_tensor_list results = sample_run(&s);
    tg_tensor *y = sum_of(&results);
    if (y) {
        const tg_tensor_list leaves = leaves_of(&s);
        const bool twice = !op->no_second_derivative;
        tg_tensor_list g =
            tg_grad(tg_list(y), leaves, .create_graph = twice, .retain_graph = true, .allow_unused = true);
        tg_tensor *z = twice ? sum_of(&g) : NULL;
        if (z) tg_grad(tg_list(z), leaves, .retain_graph = true, .allow_unused = true);
        tg_grad(tg_list(y), leaves, .allow_unused = true);
    }
    tg_scope_end(scope);
}

static void *run_samples(void *unused)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count && !tg_failed(); i++)
        for (const char *const *text = sample_texts(ops[i]); *text && !tg_failed(); text++) {
            run_sample(ops[i], *text, TG_FLOAT32);
            run_sample(ops[i], *text, TG_FLOAT64);
        }
    if (tg_failed()) print_error("%s\n", tg_error_message());
    return tg_failed() ? unused : NULL;
}

TEST(test_samples) { in_small_thread(run_samples, NULL); }

/* An error's text is made on the stack, too. */
static void *run_errors(void *unused)
{
    int count;
    static sample s;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++)
        for (const tg_error_sample *e = sample_errors(ops[i]); e->call; e++) {
            const tg_scope scope = tg_scope_begin();
            s = sample_read(e->call);
            sample_fill(&s, TG_FLOAT64, true);
            sample_run(&s);
            tg_error_clear();
            tg_scope_end(scope);
        }
    return unused;
}

TEST(test_errors) { in_small_thread(run_errors, NULL); }

/* ---- sizes at which kernels work in blocks ---- */

static tg_tensor *product(tg_tensor *x) { return tg_matmul(x, tg_t(x)); }
static tg_tensor *few_rows(tg_tensor *x) { return tg_matmul(tg_narrow(x, 0, 0, 5), tg_t(x)); }
static tg_tensor *one_row(tg_tensor *x) { return tg_matmul(tg_select(tg_t(x), 0, 3), x); }
static tg_tensor *attention(tg_tensor *x) { return tg_scaled_dot_product_attention(x, x, x, .is_causal = true); }
static tg_tensor *sorted(tg_tensor *x) { return tg_sort(x, .dim = 0).values; }
static tg_tensor *reduced(tg_tensor *x) { return tg_add(tg_sum(x, .dim = 0), tg_amax(x, .dim = 0)); }
static tg_tensor *multiplied(tg_tensor *x) { return tg_prod(x, .dim = 0); }
static tg_tensor *normed(tg_tensor *x) { return tg_layer_norm(tg_softmax(x, 0), tg_shape(SIZE)); }
static tg_tensor *distances(tg_tensor *x) { return tg_cdist(x, tg_add(x, 1), .p = 3); }
static tg_tensor *inverse(tg_tensor *x)
{
    return tg_inv(tg_add(product(x), tg_eye(SIZE, SIZE, .dtype = tg_dtype_of(x))));
}

static tg_tensor *convolved(tg_tensor *x)
{
    tg_tensor *images = tg_reshape(x, tg_shape(1, 16, 32, 32));
    tg_tensor *weight = tg_reshape(tg_narrow(tg_flatten(x), 0, 0, 16 * 16 * 9), tg_shape(16, 16, 3, 3));
    return tg_max_pool2d(tg_conv2d(images, weight, .padding = tg_shape(1)), tg_shape(2));
}

static tg_tensor *(*const blocked[])(tg_tensor *) = { product,    few_rows, one_row,   attention, sorted,   reduced,
                                                      multiplied, normed,   distances, inverse,   convolved };
enum { BLOCKED = sizeof blocked / sizeof blocked[0] };

static void *run_blocked(void *values)
{
    for (int i = 0; i < 2 * BLOCKED; i++) {
        const tg_scope scope = tg_scope_begin();
        tg_tensor *x = parameter(tg_shape(SIZE, SIZE), i % 2 ? TG_FLOAT64 : TG_FLOAT32, 1);
        tg_tensor *y = tg_sum(tg_square(blocked[i / 2](x)));
        ((double *)values)[i] = tg_item(tg_sum(tg_abs(tg_grad(tg_list(y), tg_list(x)).items[0])));
        tg_scope_end(scope);
    }
    return NULL;
}

TEST(test_blocked)
{
    double small[2 * BLOCKED] = { 0 }, large[2 * BLOCKED] = { 1 };
    in_small_thread(run_blocked, small);
    run_blocked(large);
    assert_false(tg_failed());
    assert_memory_equal(small, large, sizeof small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_samples),
        T(test_errors),
        T(test_blocked),
    };
    tg_set_error_handler(NULL, NULL);
    tg_set_warning_handler(NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
