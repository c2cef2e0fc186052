/* test_lstm.c: LSTM, LSTMCell, Linear and Dropout against what PyTorch computed (tests/golden/lstm.txt): initial
 * weights, outputs, states, gradients and the random stream, in all their options. And what a golden file cannot hold:
 * errors, layouts, states carried over, memory. */
#include "tests/support/caching.h"
#include "tests/support/golden_module.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- golden cases ---- */

static tg_module *build(const golden *g, const char *kind)
{
    if (strcmp(kind, "LSTM") == 0) {
        tg_lstm *m =
            tg_lstm_new(golden_int(g, "input_size"), golden_int(g, "hidden_size"),
                        .num_layers = golden_int(g, "num_layers"), .bias = golden_int(g, "bias"),
                        .batch_first = golden_int(g, "batch_first"), .dropout = golden_real(g, "dropout"),
                        .bidirectional = golden_int(g, "bidirectional"), .proj_size = golden_int(g, "proj_size"));
        return TG_MODULE(m);
    }
    if (strcmp(kind, "LSTMCell") == 0) {
        tg_lstm_cell *m =
            tg_lstm_cell_new(golden_int(g, "input_size"), golden_int(g, "hidden_size"), .bias = golden_int(g, "bias"));
        return TG_MODULE(m);
    }
    if (strcmp(kind, "Linear") == 0) {
        tg_linear *m =
            tg_linear_new(golden_int(g, "in_features"), golden_int(g, "out_features"), .bias = golden_int(g, "bias"));
        return TG_MODULE(m);
    }
    assert_string_equal(kind, "Dropout");
    return tg_dropout_new(golden_real(g, "p"));
}

static golden_results forward(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    tg_lstm_state state = { in.h0, in.c0 };
    if (strcmp(kind, "LSTM") == 0) {
        const tg_lstm_output out = tg_lstm_forward((tg_lstm *)m, in.input, state);
        return (golden_results){ { "output", "h_n", "c_n" }, { out.output, out.h_n, out.c_n } };
    }
    if (strcmp(kind, "LSTMCell") == 0) {
        const tg_tensor_list steps = tg_unbind(in.input, 0);
        assert_int_equal(steps.count, golden_int(g, "steps"));
        for (int64_t t = 0; t < steps.count; t++)
            state = tg_lstm_cell_forward((tg_lstm_cell *)m, steps.items[t], state);
        return (golden_results){ { "h", "c", NULL }, { state.h, state.c, NULL } };
    }
    return (golden_results){ { "output", NULL, NULL }, { tg_module_forward(m, in.input), NULL, NULL } };
}

static void ignore_warning(const char *where, const char *message, void *context)
{
    (void)where;
    (void)message;
    (void)context;
}

TEST(test_golden)
{
    tg_set_warning_handler(ignore_warning, NULL); /* dropout with one layer */
    golden *g = golden_open("lstm.txt");
    int cases = 0;
    for (; golden_next(g); cases++) golden_run_module(g, build, forward);
    golden_close(g);
    assert_true(cases > 200);
}

/* ---- one computation, several ways ---- */

static double largest_difference(tg_tensor *a, tg_tensor *b)
{
    double largest = 0, x[4096], y[4096];
    const int64_t n = tg_numel(a);
    assert_true(n == tg_numel(b) && n <= 4096);
    assert_int_equal(tg_to_array(a, x, n), TG_OK);
    assert_int_equal(tg_to_array(b, y, n), TG_OK);
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i] - y[i]));
    return largest;
}

/* Both layouts give the same numbers to the last bit. */
TEST(test_batch_first_is_a_layout)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(1);
    tg_lstm *by_time = tg_lstm_new(5, 8, .num_layers = 2, .bidirectional = true);
    tg_manual_seed(1);
    tg_lstm *by_batch = tg_lstm_new(5, 8, .num_layers = 2, .bidirectional = true, .batch_first = true);
    tg_tensor *x = tg_randn(tg_shape(7, 3, 5));
    const tg_lstm_output a = tg_lstm_forward(by_time, x);
    const tg_lstm_output b = tg_lstm_forward(by_batch, tg_transpose(x, 0, 1));
    assert_true(largest_difference(a.output, tg_transpose(b.output, 0, 1)) == 0);
    assert_true(largest_difference(a.h_n, b.h_n) == 0);
    assert_true(largest_difference(a.c_n, b.c_n) == 0);
    tg_module_free(by_time);
    tg_module_free(by_batch);
    tg_scope_end(scope);
}

TEST(test_state_carries_over)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm *m = tg_lstm_new(3, 4, .num_layers = 2);
    tg_tensor *x = tg_randn(tg_shape(6, 2, 3));
    const tg_lstm_output whole = tg_lstm_forward(m, x);
    const tg_lstm_output first = tg_lstm_forward(m, tg_narrow(x, 0, 0, 4));
    const tg_lstm_output rest = tg_lstm_forward(m, tg_narrow(x, 0, 4, 2), (tg_lstm_state){ first.h_n, first.c_n });
    assert_true(largest_difference(whole.output, tg_cat(tg_list(first.output, rest.output), 0)) == 0);
    assert_true(largest_difference(whole.c_n, rest.c_n) == 0);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* The cell, step by step over the LSTM's own weights. */
TEST(test_cell_agrees_with_lstm)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(7);
    tg_lstm *lstm = tg_lstm_new(3, 4);
    tg_manual_seed(7);
    tg_lstm_cell *cell = tg_lstm_cell_new(3, 4);
    tg_tensor *x = tg_randn(tg_shape(5, 2, 3));
    tg_lstm_state s = tg_lstm_cell_forward(cell, tg_select(x, 0, 0));
    for (int t = 1; t < 5; t++) s = tg_lstm_cell_forward(cell, tg_select(x, 0, t), s);
    const tg_lstm_output out = tg_lstm_forward(lstm, x);
    assert_true(largest_difference(s.h, tg_select(out.h_n, 0, 0)) == 0);
    assert_true(largest_difference(s.c, tg_select(out.c_n, 0, 0)) == 0);
    tg_module_free(cell);
    tg_module_free(lstm);
    tg_scope_end(scope);
}

/* d2/dx2 through the recurrence: the derivative of |dL/dx|^2 against central differences, in float64. */
static tg_tensor *squared_gradient(tg_lstm *m, tg_tensor *x)
{
    const tg_lstm_output out = tg_lstm_forward(m, x);
    tg_tensor *loss = tg_sum(tg_mul(out.output, out.output));
    tg_tensor *dx = tg_grad(tg_list(loss), tg_list(x), .create_graph = true).items[0];
    return tg_sum(tg_mul(dx, dx));
}

TEST(test_second_derivative)
{
    enum { N = 2 * 2 * 2 };
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(2);
    tg_lstm *m = tg_lstm_new(2, 3, .num_layers = 2, .dtype = TG_FLOAT64);
    tg_tensor *x = tg_randn(tg_shape(2, 2, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    double analytic[N], at[N];
    tg_to_array(tg_grad(tg_list(squared_gradient(m, x)), tg_list(x)).items[0], analytic, N);
    tg_to_array(x, at, N);
    for (int i = 0; i < N; i++) {
        const double h = 1e-5, middle = at[i];
        double sides[2];
        for (int side = 0; side < 2; side++) {
            at[i] = middle + (side ? h : -h);
            sides[side] = tg_item(squared_gradient(m, tg_from_data(at, tg_shape(2, 2, 2), .requires_grad = true)));
        }
        at[i] = middle;
        assert_true(fabs((sides[1] - sides[0]) / (2 * h) - analytic[i]) < 1e-8);
    }
    assert_false(tg_failed());
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- dropout ---- */

TEST(test_dropout_between_layers_only_in_training)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm *m = tg_lstm_new(3, 4, .num_layers = 2, .dropout = 0.5);
    tg_tensor *x = tg_randn(tg_shape(5, 2, 3));
    tg_tensor *a = tg_lstm_forward(m, x).output, *b = tg_lstm_forward(m, x).output;
    assert_true(largest_difference(a, b) > 0);
    tg_module_eval(m);
    a = tg_lstm_forward(m, x).output, b = tg_lstm_forward(m, x).output;
    assert_true(largest_difference(a, b) == 0);
    tg_module_free(m);
    m = tg_lstm_new(3, 4, .num_layers = 2, .dropout = 0); /* an explicit zero draws nothing */
    a = tg_lstm_forward(m, x).output, b = tg_lstm_forward(m, x).output;
    assert_true(largest_difference(a, b) == 0);
    tg_module_free(m);
    tg_scope_end(scope);
}

static char warning[512];
static void remember_warning(const char *where, const char *message, void *context)
{
    (void)context;
    snprintf(warning, sizeof warning, "%s: %s", where ? where : "", message);
}

TEST(test_dropout_warns_with_one_layer)
{
    tg_set_warning_handler(remember_warning, NULL);
    tg_module_free(tg_lstm_new(3, 4, .dropout = 0.25));
    tg_set_warning_handler(ignore_warning, NULL);
    assert_non_null(
        strstr(warning, "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                        "num_layers greater than 1, but got dropout=0.25 and num_layers=1"));
    assert_non_null(strstr(warning, "test_lstm.c:"));
}

/* ---- errors ---- */

TEST(test_bad_options)
{
    assert_null(tg_lstm_new(5, 8, .dropout = 1.5));
    expect_error(
        "LSTM: dropout should be a number in range [0, 1] representing the probability of an element being zeroed");
    assert_null(tg_lstm_new(5, 8, .proj_size = -1));
    expect_error("proj_size should be a positive integer or zero to disable projections");
    assert_null(tg_lstm_new(5, 8, .proj_size = 8));
    expect_error("proj_size has to be smaller than hidden_size");
    assert_null(tg_lstm_new(5, 0));
    expect_error("hidden_size must be greater than zero");
    assert_null(tg_lstm_new(5, 8, .num_layers = 0));
    expect_error("num_layers must be greater than zero");
    assert_null(tg_lstm_cell_new(5, 0));
    expect_error("LSTMCell: hidden_size must be greater than zero");
    tg_lstm *half = tg_lstm_new(-5, 8);
    expect_error("negative dimension -5");
    tg_module_free(half);
}

TEST(test_bad_inputs)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm *m = tg_lstm_new(5, 8, .num_layers = 2);
    tg_tensor *x = tg_zeros(tg_shape(4, 3, 5)), *good = tg_zeros(tg_shape(2, 3, 8));
    assert_null(tg_lstm_forward(m, tg_zeros(tg_shape(4, 3, 6))).output);
    expect_error("LSTM: input.size(-1) must be equal to input_size. Expected 5, got 6");
    assert_null(tg_lstm_forward(m, tg_zeros(tg_shape(4))).output);
    expect_error("Expected input to be 2-D or 3-D but received 1-D tensor");
    assert_null(tg_lstm_forward(m, tg_zeros(tg_shape(0, 3, 5))).output);
    expect_error("Expected sequence length to be larger than 0 in RNN");
    assert_null(tg_lstm_forward(m, x, (tg_lstm_state){ tg_zeros(tg_shape(2, 4, 8)), good }).output);
    expect_error("Expected hidden[0] size (2, 3, 8), got [2, 4, 8]");
    assert_null(tg_lstm_forward(m, x, (tg_lstm_state){ good, tg_zeros(tg_shape(2, 3, 9)) }).output);
    expect_error("Expected hidden[1] size (2, 3, 8), got [2, 3, 9]");
    assert_null(tg_lstm_forward(m, x, (tg_lstm_state){ tg_zeros(tg_shape(2, 8)), tg_zeros(tg_shape(2, 8)) }).output);
    expect_error("For batched 3-D input, hx and cx should also be 3-D but got (2-D, 2-D) tensors");
    assert_null(tg_lstm_forward(m, tg_zeros(tg_shape(4, 5)), (tg_lstm_state){ tg_zeros(tg_shape(2, 8)), good }).output);
    expect_error("For unbatched 2-D input, hx and cx should also be 2-D but got (2-D, 3-D) tensors");
    assert_null(tg_lstm_forward(m, x, (tg_lstm_state){ good, NULL }).output);
    expect_error("NULL");
    assert_null(tg_lstm_forward(m, tg_zeros(tg_shape(4, 3, 5), .dtype = TG_FLOAT64)).output);
    expect_error("dtype");
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_bad_cell_inputs)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm_cell *m = tg_lstm_cell_new(5, 8);
    tg_tensor *x = tg_zeros(tg_shape(3, 5)), *good = tg_zeros(tg_shape(3, 8));
    assert_null(tg_lstm_cell_forward(m, tg_zeros(tg_shape(3, 6))).h);
    expect_error("LSTMCell: input has inconsistent input_size: got 6 expected 5");
    assert_null(tg_lstm_cell_forward(m, tg_zeros(tg_shape(3, 5, 1))).h);
    expect_error("Expected input to be 1-D or 2-D but received 3-D tensor");
    assert_null(tg_lstm_cell_forward(m, x, (tg_lstm_state){ tg_zeros(tg_shape(2, 8)), good }).h);
    expect_error("Input batch size 3 doesn't match hidden0 batch size 2");
    assert_null(tg_lstm_cell_forward(m, x, (tg_lstm_state){ good, tg_zeros(tg_shape(3, 7)) }).c);
    expect_error("hidden1 has inconsistent hidden_size: got 7, expected 8");
    assert_null(tg_lstm_cell_forward(m, x, (tg_lstm_state){ good, tg_zeros(tg_shape(8)) }).c);
    expect_error("hidden1");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* An h0 that could not be made is not an omitted one. */
TEST(test_failed_state_is_not_zeros)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm *m = tg_lstm_new(5, 8);
    tg_lstm_cell *cell = tg_lstm_cell_new(5, 8);
    tg_tensor *x = tg_zeros(tg_shape(4, 3, 5));
    const tg_lstm_state failed = { tg_zeros(tg_shape(1, -3, 8)), tg_zeros(tg_shape(1, -3, 8)) };
    assert_null(failed.h);
    const tg_lstm_output out = tg_lstm_forward(m, x, failed);
    assert_null(out.output);
    assert_null(out.h_n);
    assert_null(out.c_n);
    assert_null(tg_lstm_cell_forward(cell, tg_select(x, 0, 0), failed).h);
    assert_null(tg_lstm_forward(m, x).output);
    expect_error("negative dimension");
    assert_non_null(tg_lstm_forward(m, x).output);
    assert_null(tg_lstm_forward(NULL, x).output);
    expect_error("LSTM: the module is NULL");
    assert_null(tg_lstm_forward(m, NULL).output);
    expect_error("LSTM: argument 1 is NULL");
    tg_module_free(cell);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* An error deep inside names the user's line. */
TEST(test_error_names_this_line)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm *m = tg_lstm_new(5, 8);
    char line[128];
    snprintf(line, sizeof line, "test_lstm.c:%d", __LINE__ + 1);
    tg_lstm_forward(m, tg_zeros(tg_shape(4, 3, 5), .dtype = TG_FLOAT64));
    expect_error(line);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- memory ---- */

TEST(test_temporaries_die)
{
    tg_scope scope = tg_no_grad_begin();
    tg_lstm *m = tg_lstm_new(5, 8, .num_layers = 3, .bidirectional = true, .batch_first = true);
    tg_tensor *x = tg_randn(tg_shape(4, 50, 5));
    const tg_memory_statistics before = tg_memory_stats();
    const tg_lstm_output out = tg_lstm_forward(m, x);
    const tg_memory_statistics after = tg_memory_stats();
    assert_non_null(out.c_n);
    assert_int_equal(after.live_tensors - before.live_tensors, 3);
    assert_int_equal(after.tape_nodes, before.tape_nodes);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* In no_grad mode a step leaves h and c, next to its share of the input's product and of the stacked output: 4 + 2
 * + 1 times [batch, hidden]. Its gates and products, another 13, are gone when it ends. */
TEST(test_peak_memory)
{
    enum { STEPS = 100, BATCH = 64, HIDDEN = 32 };
    tg_scope scope = tg_no_grad_begin();
    tg_lstm *m = tg_lstm_new(1, HIDDEN);
    tg_tensor *x = tg_randn(tg_shape(STEPS, BATCH, 1));
    tg_memory_reset_peak();
    const int64_t before = tg_memory_stats().live_bytes;
    assert_non_null(tg_lstm_forward(m, x).output);
    const double used = (double)(tg_memory_stats().peak_bytes - before) / (4.0 * STEPS * BATCH * HIDDEN);
    if (used < 6 || used > 10) fail_msg("the peak is %g times a state for each step", used);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_no_malloc_after_the_second_step)
{
    if (!caching()) skip();
    int64_t calls = 0;
    tg_lstm *m = tg_lstm_new(5, 8, .num_layers = 2, .dropout = 0.3);
    for (int i = 0; i < 6; i++) {
        tg_scope step = tg_scope_begin();
        tg_module_zero_grad(m);
        tg_backward(tg_sum(tg_lstm_forward(m, tg_rand(tg_shape(10, 4, 5))).output));
        tg_scope_end(step);
        if (i == 1) calls = tg_memory_stats().system_allocations;
    }
    assert_int_equal(tg_memory_stats().system_allocations, calls);
    assert_false(tg_failed());
    tg_module_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_golden),
        T(test_batch_first_is_a_layout),
        T(test_state_carries_over),
        T(test_cell_agrees_with_lstm),
        T(test_second_derivative),
        T(test_dropout_between_layers_only_in_training),
        T(test_dropout_warns_with_one_layer),
        T(test_bad_options),
        T(test_bad_inputs),
        T(test_bad_cell_inputs),
        T(test_failed_state_is_not_zeros),
        T(test_error_names_this_line),
        T(test_temporaries_die),
        T(test_peak_memory),
        T(test_no_malloc_after_the_second_step),
    };
    return cmocka_run_group_tests_name("lstm", tests, NULL, NULL);
}
