/* test_thread.c: what the library keeps for a thread: its error, its warnings, its random numbers; and whose dead handles
 * rest. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <tapegrad.h>

#include "tests/support/caching.h"
#include "tests/support/suite.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>

static void *in_thread_with(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    return result;
}

static void *in_thread(void *(*body)(void *)) { return in_thread_with(body, NULL); }

/* ---- thread-local memory ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 }; /* such a library cannot be loaded into a program */
#else
enum { SANITIZED = 0 };
#endif

static int add_own(struct dl_phdr_info *object, size_t size, void *bytes)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum && strstr(object->dlpi_name, "libtapegrad"); i++)
        if (object->dlpi_phdr[i].p_type == PT_TLS) *(size_t *)bytes += object->dlpi_phdr[i].p_memsz;
    return 0;
}

/* glibc has 1.5 KiB for the objects that a program loads later, all together. */
TEST(test_little_memory_is_thread_local)
{
    if (SANITIZED) skip();
    const char *path = getenv("TAPEGRAD_LIBRARY");
    void *library = dlopen(path ? path : "build/libtapegrad.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    size_t bytes = 0;
    dl_iterate_phdr(add_own, &bytes);
    assert_in_range(bytes, 1, 640);
    dlclose(library);
}

/* ---- errors ---- */

static void *fail_at_once(void *unused)
{
    (void)unused;
    tg_add_at("first.c:1", tg_operand_tensor(NULL), tg_operand_real(1));
    const bool told =
        !strcmp(tg_error_message(), "first.c:1: add: argument 1 is NULL") && !strcmp(tg_error_get().op, "add");
    tg_tensor *same = tg_zeros(tg_shape(-1)); /* later ones are counted */
    const bool counted = !same && tg_error_get().later == 1 && strstr(tg_error_message(), "argument 1");
    tg_error_clear();
    const tg_error none = tg_error_get();
    const bool cleared = tg_ok() && none.code == TG_ERROR_NONE && !*none.message && !*none.op && !*tg_error_message();
    tg_zeros(tg_shape(-1));
    const bool anew = tg_error_get().later == 0 && strstr(tg_error_message(), "negative dimension");
    return told && counted && cleared && anew ? unused : "wrong";
}

TEST(test_error_before_any_tensor) { assert_null(in_thread(fail_at_once)); }

static void *no_memory(size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    return NULL;
}

static void free_block(void *block, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    free(block);
}

static bool out_of_memory(const char *text)
{
    const bool made = tg_ones(tg_shape(3)) != NULL;
    return !made && tg_error_get().code == TG_ERROR_MEMORY && strstr(tg_error_message(), text);
}

static void *second(void *unused)
{
    const bool told = out_of_memory("out of memory");
    const bool counted = !tg_ones(tg_shape(3)) && tg_error_get().later == 0; /* one record serves all such threads */
    tg_error_clear();
    return told && counted && tg_ok() ? unused : "wrong";
}

/* Not even what an error is told in can be had; the first thread has one that is always there. */
static void *first(void *unused)
{
    const bool told = out_of_memory("bytes could not be allocated") && !in_thread(second);
    tg_error_clear();
    tg_manual_seed(5); /* of no use, but no crash */
    const bool failed = tg_failed() && strstr(tg_error_message(), "bytes could not be allocated");
    tg_error_clear();
    return told && failed && tg_ok() ? unused : "wrong";
}

TEST(test_threads_without_any_memory)
{
    tg_set_allocator(no_memory, free_block, NULL);
    const void *twice[] = { in_thread(first), in_thread(first) };
    tg_set_allocator(NULL, NULL, NULL);
    assert_null(twice[0]);
    assert_null(twice[1]);
}

/* ---- random numbers ---- */

static void *draw(void *unused)
{
    const uint32_t fresh = tg_random32(NULL);
    tg_manual_seed(0);
    return fresh == tg_random32(NULL) ? unused : "wrong";
}

TEST(test_a_thread_begins_with_seed_0)
{
    tg_manual_seed(7);
    const uint32_t first_of_7 = tg_random32(NULL);
    tg_manual_seed(7);
    assert_null(in_thread(draw)); /* and leaves this one's alone */
    assert_int_equal(tg_random32(NULL), first_of_7);
}

/* ---- dead handles ---- */

/* Were their blocks used again at once, the last step's tensors would lie in them. No error is cleared before: that makes
 * handles rest, too. */
TEST(test_what_an_lstm_returns_rests)
{
    if (!caching()) skip();
    tg_lstm *lstm = tg_lstm_new(3, 4);
    tg_lstm_cell *cell = tg_lstm_cell_new(3, 4);
    tg_tensor *kept[6] = { NULL };
    for (int i = 0; i < 20; i++) {
        const tg_scope step = tg_scope_begin();
        const tg_lstm_output out = tg_lstm_forward(lstm, tg_ones(tg_shape(5, 2, 3)));
        const tg_lstm_state s = tg_lstm_cell_forward(cell, tg_ones(tg_shape(2, 3)));
        tg_tensor *own = tg_ones(tg_shape(2, 3));
        tg_backward(tg_add(tg_sum(out.output), tg_sum(s.h)));
        if (!i) memcpy(kept, (tg_tensor *[]){ out.output, out.h_n, out.c_n, s.h, s.c, own }, sizeof kept);
        for (int k = 0; k < 6 && i == 19; k++) {
            assert_null(tg_add(kept[k], 1.0));
            expect_error("was freed when its scope ended");
        }
        tg_scope_end(step);
    }
    tg_module_free(TG_MODULE(lstm));
    tg_module_free(TG_MODULE(cell));
}

/* A forward that fails leaves things as they were. */
TEST(test_handles_rest_after_a_failed_forward)
{
    if (!caching()) skip();
    tg_lstm *lstm = tg_lstm_new(3, 4);
    tg_lstm_forward(lstm, tg_ones(tg_shape(5, 2, 2)));
    const tg_scope before = tg_scope_begin();
    tg_tensor *kept = tg_ones(tg_shape(2));
    tg_scope_end(before);
    tg_tensor *next = tg_ones(tg_shape(2));
    assert_ptr_not_equal(next, kept);
    expect_error("input.size(-1) must be equal to input_size");
    assert_null(tg_add(kept, 1.0));
    expect_error("was freed when its scope ended");
    tg_module_free(TG_MODULE(lstm));
}

/* Such a thread has no memory, and so no place where handles rest, until the LSTM asks for some. */
static void *begin_with_an_lstm(void *lstm_and_x)
{
    void **const given = lstm_and_x;
    tg_lstm_forward(given[0], given[1]);
    const tg_scope before = tg_scope_begin();
    tg_tensor *kept = tg_ones(tg_shape(2));
    tg_scope_end(before);
    tg_tensor *next = tg_ones(tg_shape(2));
    return next == kept ? (void *)"the handle was used again at once" : NULL;
}

TEST(test_handles_rest_where_an_lstm_came_first)
{
    if (!caching()) skip();
    tg_lstm *lstm = tg_lstm_new(3, 4);
    const tg_scope scope = tg_scope_begin();
    void *given[] = { lstm, tg_ones(tg_shape(5, 2, 3)) };
    const char *wrong = in_thread_with(begin_with_an_lstm, given);
    if (wrong) fail_msg("%s", wrong);
    tg_scope_end(scope);
    tg_module_free(TG_MODULE(lstm));
}

/* ---- gradients of what threads share ---- */

enum { SHARERS = 4, CALLS = 2000 };
static tg_linear *shared;

/* The gradient of sum(w x + b) by w is the sum of x's rows. A call that goes wrong counts. */
static void *take_gradients(void *wrong)
{
    for (int i = 0; i < CALLS; i++) {
        const tg_scope scope = tg_scope_begin();
        tg_tensor *loss = tg_sum(tg_linear_forward(shared, tg_ones(tg_shape(4, 3))));
        const tg_tensor_list grads = tg_grad(tg_list(loss), tg_list(shared->weight, shared->bias));
        const double sum = tg_item(tg_sum(grads.items[0])) + tg_item(tg_sum(grads.items[1]));
        *(int *)wrong += tg_failed() || sum != 4 * 6 + 4 * 2;
        tg_error_clear();
        tg_scope_end(scope);
    }
    return NULL;
}

TEST(test_gradients_of_shared_weights)
{
    pthread_t threads[SHARERS];
    int wrong[SHARERS] = { 0 };
    shared = tg_linear_new(3, 2);
    for (int i = 0; i < SHARERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_gradients, &wrong[i]), 0);
    for (int i = 0; i < SHARERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < SHARERS; i++) assert_int_equal(wrong[i], 0);
    tg_module_free(shared);
}

static tg_tensor *take_another_gradient(tg_tensor *grad, void *leaf)
{
    static bool inside; /* the hook is called for its own gradient, too */
    if (inside) return NULL;
    inside = true;
    const tg_scope scope = tg_enable_grad_begin();
    tg_tensor *other = tg_grad(tg_list(tg_mul(leaf, 3.0)), tg_list(leaf)).items[0];
    tg_tensor *sum = tg_add(grad, other);
    tg_scope_end_with(scope, &sum);
    inside = false;
    return sum;
}

/* A walk to thousands of leaves, and for each another one, from its hook, to the same leaf. */
TEST(test_gradients_of_many_leaves)
{
    enum { LEAVES = 3000 };
    const tg_scope scope = tg_scope_begin();
    static tg_tensor *leaves[LEAVES], *terms[LEAVES];
    for (int i = 0; i < LEAVES; i++) {
        leaves[i] = tg_full(tg_shape(), 1.0, .requires_grad = true);
        terms[i] = tg_mul(leaves[i], (double)i);
        tg_register_hook(leaves[i], take_another_gradient, leaves[i]);
    }
    tg_backward(tg_sum(tg_stack(tg_list_of(terms, LEAVES), 0)));
    for (int i = 0; i < LEAVES; i++) assert_float_equal(tg_item(tg_grad_of(leaves[i])), i + 3, 0);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_handles_rest_where_an_lstm_came_first),
        T(test_little_memory_is_thread_local),
        T(test_error_before_any_tensor),
        T(test_threads_without_any_memory),
        T(test_a_thread_begins_with_seed_0),
        T(test_what_an_lstm_returns_rests),
        T(test_handles_rest_after_a_failed_forward),
        T(test_gradients_of_shared_weights),
        T(test_gradients_of_many_leaves),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
