/* test_scope.c: what outlives a scope, what does not, and what a handle says that was kept too long. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include <tapegrad.h>

#include "tests/support/caching.h"
#include "tests/support/compare.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- warnings, counted ---- */

static int warnings;
static char warned_at[64], warned_of[512];

static void count_warning(const char *where, const char *message, void *context)
{
    (void)context;
    warnings++;
    snprintf(warned_at, sizeof warned_at, "%s", where ? where : "");
    snprintf(warned_of, sizeof warned_of, "%s", message);
}

/* In a thread of its own, where nothing has been warned of yet; gives what it returns. */
static void *in_thread(void *(*body)(void *))
{
    pthread_t thread;
    void *result = NULL;
    warnings = 0;
    tg_set_warning_handler(count_warning, NULL);
    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    return result;
}

/* ---- a state that is carried ---- */

/* Truncated backpropagation, with tg_scope_next; the live tensors after `steps` steps. */
static int64_t carry(int steps, bool track)
{
    tg_lstm *lstm = tg_lstm_new(3, 4);
    tg_scope step = tg_scope_begin();
    tg_tensor *h = tg_zeros(tg_shape(1, 20, 4)), *c = tg_zeros(tg_shape(1, 20, 4));
    for (int i = 0; tg_ok() && i < steps; i++) {
        tg_lstm_output out = tg_lstm_forward(lstm, tg_ones(tg_shape(2, 20, 3)), (tg_lstm_state){ h, c });
        if (track) tg_backward(tg_mean(out.output));
        h = tg_detach(out.h_n);
        c = tg_detach(out.c_n);
        step = tg_scope_next(step, &h, &c);
    }
    const int64_t live = tg_memory_stats().live_tensors;
    tg_scope_end(step);
    tg_module_free(lstm);
    return live;
}

TEST(test_carried_state_does_not_pile_up)
{
    const int64_t before = tg_memory_stats().live_tensors;
    assert_int_equal(carry(3, true), carry(3000, true));
    assert_int_equal(carry(3, false), carry(3000, false));
    assert_int_equal(tg_memory_stats().live_tensors, before);
    assert_int_equal(tg_memory_stats().tape_nodes, 0);
}

/* y = ((1 w) w) ... w over scopes, not detached: the derivative of w^n is n w^(n - 1). */
TEST(test_nodes_of_a_carried_result_stay)
{
    const tg_scope outer = tg_scope_begin();
    tg_tensor *w = tg_full(tg_shape(), 1.5, .dtype = TG_FLOAT64, .requires_grad = true);
    tg_scope step = tg_scope_begin();
    tg_tensor *y = tg_ones(tg_shape(), .dtype = TG_FLOAT64);
    for (int i = 0; i < 4; i++) {
        y = tg_mul(y, w);
        tg_exp(y);
        step = tg_scope_next(step, &y);
    }
    tg_backward(y);
    assert_float_equal(tg_item(tg_grad_of(w)), 4 * 1.5 * 1.5 * 1.5, 1e-14);
    step = tg_scope_next(step, &w); /* of the outer scope, which it stays */
    assert_float_equal(tg_item(w), 1.5, 0);
    tg_scope_end(step);
    assert_float_equal(tg_item(w), 1.5, 0);
    tg_scope_end(outer);
}

TEST(test_next_scope_begins_as_the_first)
{
    tg_scope quiet = tg_no_grad_begin();
    const tg_scope first = quiet;
    tg_tensor *nothing = NULL, *one = tg_ones(tg_shape());
    tg_set_grad_enabled(true);
    const tg_scope forgotten = tg_scope_begin();
    (void)forgotten;
    quiet = tg_scope_next(quiet, &nothing, &one);
    assert_false(tg_is_grad_enabled());
    assert_float_equal(tg_item(one), 1, 0);
    tg_scope_end(first);
    expect_error("this scope has already ended");
    tg_scope_end(quiet);
    assert_true(tg_is_grad_enabled());
    quiet = tg_scope_next(quiet, &nothing);
    expect_error("this scope has already ended");
}

/* ---- warnings ---- */

static void *hand_out_many(void *unused)
{
    (void)unused;
    const tg_scope outer = tg_scope_begin();
    tg_tensor *h = NULL;
    for (int i = 0; i < 10000; i++) {
        const tg_scope step = tg_scope_begin();
        h = tg_ones(tg_shape(2));
        tg_scope_end_with(step, &h);
    }
    tg_scope_end(outer);
    return NULL;
}

static void *hand_out_few_at_a_time(void *unused)
{
    (void)unused;
    for (int k = 0; k < 100; k++) {
        const tg_scope outer = tg_scope_begin();
        for (int i = 0; i < 1000; i++) {
            const tg_scope step = tg_scope_begin();
            tg_tensor *h = tg_ones(tg_shape(2));
            tg_scope_end_with(step, &h);
        }
        tg_scope_end(outer);
    }
    return NULL;
}

static void *no_scope(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) tg_ones(tg_shape());
    return NULL;
}

static void *one_scope(void *unused)
{
    const tg_scope scope = tg_scope_begin();
    no_scope(unused);
    tg_scope_end(scope);
    return NULL;
}

TEST(test_warned_once_of_what_piles_up)
{
    in_thread(hand_out_many);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warned_of, "tg_scope_next"));
    assert_non_null(strstr(warned_at, "test_scope.c:"));
    in_thread(hand_out_few_at_a_time);
    assert_int_equal(warnings, 0);
    in_thread(no_scope);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warned_of, "outside of any scope"));
    assert_non_null(strstr(warned_at, "test_scope.c:"));
    in_thread(one_scope);
    assert_int_equal(warnings, 0);
}

/* ---- handles kept too long ---- */

/* Made in the first step, used in each later one. */
TEST(test_stale_handle_in_a_loop)
{
    if (!caching()) skip(); /* a freed block is the system's, and a sanitizer's to report */
    tg_tensor *kept[4] = { NULL };
    for (int i = 0; i < 200; i++) {
        const tg_scope step = tg_scope_begin();
        tg_tensor *made[] = { tg_full(tg_shape(), i), tg_full(tg_shape(3), i), tg_full(tg_shape(50, 40), i), NULL };
        made[3] = tg_slice(made[2], 0, 1, 3);
        for (int k = 0; k < 4 && i; k++) {
            assert_null(tg_add(kept[k], 1.0));
            expect_error("was freed when its scope ended");
        }
        if (!i) memcpy(kept, made, sizeof kept);
        tg_scope_end(step);
    }
}

/* Hundreds of other tensors of the same size have come and gone. */
TEST(test_stale_handle_after_hundreds)
{
    if (!caching()) skip();
    const tg_scope first = tg_scope_begin();
    tg_tensor *scalar = tg_ones(tg_shape());
    tg_scope_end(first);
    for (int i = 0; i < 900; i++) {
        const tg_scope step = tg_scope_begin();
        tg_ones(tg_shape());
        tg_scope_end(step);
    }
    tg_memory_trim();
    tg_item(scalar);
    expect_error("was freed when its scope ended");
}

static tg_tensor *shown;

static tg_tensor *keep_what_is_shown(tg_tensor *grad, void *context)
{
    (void)context;
    shown = grad;
    return NULL;
}

TEST(test_stale_gradient_of_a_hook)
{
    if (!caching()) skip();
    tg_tensor *w = tg_ones(tg_shape(3), .requires_grad = true);
    for (int i = 0; i < 20; i++) {
        const tg_scope step = tg_scope_begin();
        tg_tensor *y = tg_mul(w, 2.0);
        if (i == 0) tg_register_hook(y, keep_what_is_shown, NULL);
        tg_backward(tg_sum(tg_mul(y, y)));
        tg_scope_end(step);
        tg_item(tg_select(shown, 0, 0));
        expect_error("was freed when its scope ended");
    }
    tg_set_grad(w, NULL);
}

/* Asked for in a function with a scope of its own, as one would in Python. */
static tg_tensor_list parameters_of(tg_module *m)
{
    const tg_scope scope = tg_scope_begin();
    const tg_tensor_list list = tg_parameters(m);
    tg_scope_end(scope);
    return list;
}

static tg_named_tensor_list names_of(tg_module *m)
{
    const tg_scope scope = tg_scope_begin();
    const tg_named_tensor_list list = tg_named_parameters(m);
    tg_scope_end(scope);
    return list;
}

TEST(test_stale_list)
{
    if (!caching()) skip();
    tg_linear *fc = tg_linear_new(3, 4);
    const tg_tensor_list list = parameters_of(&fc->base);
    const tg_named_tensor_list names = names_of(&fc->base);
    for (int i = 0; i < 50; i++) {
        const tg_scope step = tg_scope_begin();
        tg_parameters(fc);
        tg_named_parameters(fc);
        tg_backward(tg_sum(tg_linear_forward(fc, tg_ones(tg_shape(2, 3)))));
        tg_clip_grad_norm_(list, 1.0);
        expect_error("of a list that was freed when its scope ended");
        assert_string_equal(names.items[1].name, "");
        tg_sum(names.items[1].tensor);
        expect_error("of a list that was freed when its scope ended");
        tg_scope_end(step);
    }
    tg_module_free(fc);
}

TEST(test_lists_in_a_row)
{
    tg_scope outer = tg_scope_begin();
    tg_linear *a = tg_linear_new(3, 4), *b = tg_linear_new(4, 2, .bias = false);
    const tg_tensor_list both = tg_list_cat(tg_parameters(a), tg_parameters(b));
    assert_int_equal(both.count, 3);
    assert_true(both.items[0] == a->weight && both.items[1] == a->bias && both.items[2] == b->weight);
    assert_int_equal(tg_list_cat(tg_list(), tg_list()).count, 0);
    assert_ptr_equal(tg_list_cat(both, tg_list()).items[2], b->weight);
    assert_ptr_equal(tg_list_cat(tg_list(), both).items[0], a->weight);
    assert_null(tg_list_cat(tg_list(NULL), both).items[0]); /* as tg_index takes it */
    tg_tensor *one[] = { a->weight };
    char line[96];
    snprintf(line, sizeof line, "%s:%d: list_cat: ", __FILE__, __LINE__ + 1);
    assert_int_equal(tg_list_cat(both, tg_list_of(NULL, 2)).count, 0);
    expect_error(line);
    assert_int_equal(tg_list_cat(tg_list_of(one, -1), both).count, 0);
    expect_error("list_cat: ");
    assert_int_equal(tg_list_cat(tg_list_of(one, INT64_MAX), tg_list_of(one, INT64_MAX)).count, 0);
    expect_error("out of memory");
    tg_module_free(a);
    tg_module_free(b);
    tg_scope_end(outer);
}

/* Where lists of C++ lie. */
TEST(test_copy_in_scope)
{
    const char bytes[] = "kept";
    const tg_scope scope = tg_scope_begin();
    const char *copy = tg_copy_in_scope(bytes, sizeof bytes);
    assert_true(copy != bytes);
    assert_string_equal(copy, "kept");
    assert_non_null(tg_copy_in_scope(NULL, 0));
    expect_refusal(tg_copy_in_scope(NULL, 1), "list: 1 bytes at NULL");
    expect_refusal(tg_copy_in_scope(bytes, -1), "list: -1 bytes at an address");
    expect_refusal(tg_copy_in_scope(bytes, INT64_MAX), "no list has 9223372036854775807 bytes");
    tg_scope_end(scope);
}

/* Each question names the line that asks. */
TEST(test_stale_questions)
{
    if (!caching()) skip();
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(2));
    tg_scope_end(scope);
    char here[64];
    snprintf(here, sizeof here, "%s:%d", __FILE__, __LINE__ + 1);
    assert_int_equal(tg_ndim(t), 0);
    assert_string_equal(tg_error_get().where, here);
    expect_error("ndim: the tensor was freed");
    snprintf(here, sizeof here, "%s:%d", __FILE__, __LINE__ + 1);
    tg_release(t);
    assert_string_equal(tg_error_get().where, here);
    expect_error("release");
    char text[64];
    tg_format(t, text, sizeof text);
    assert_string_equal(text, "NULL");
    expect_error("print: argument 1 was freed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_carried_state_does_not_pile_up),
        T(test_nodes_of_a_carried_result_stay),
        T(test_next_scope_begins_as_the_first),
        T(test_warned_once_of_what_piles_up),
        T(test_stale_handle_in_a_loop),
        T(test_stale_handle_after_hundreds),
        T(test_stale_gradient_of_a_hook),
        T(test_stale_list),
        T(test_lists_in_a_row),
        T(test_copy_in_scope),
        T(test_stale_questions),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
