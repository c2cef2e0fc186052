/* test_gru.c: GRU and GRUCell against what PyTorch computed (tests/golden/gru.txt): initial weights, outputs, states,
 * gradients, the random stream, and the losses of training steps, in all their options. And what a golden file cannot
 * hold: errors, second derivatives, copies, memory. */
#include "tests/support/suite.h"
#include "tests/support/golden_module.h"
#include "tests/support/gradcheck.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- golden cases ---- */

static tg_module *build(const golden *g, const char *kind)
{
    const int64_t input = golden_int(g, "input_size"), hidden = golden_int(g, "hidden_size");
    if (strcmp(kind, "GRUCell") == 0) return TG_MODULE(tg_gru_cell_new(input, hidden, .bias = golden_int(g, "bias")));
    assert_string_equal(kind, "GRU");
    return TG_MODULE(tg_gru_new(input, hidden, .num_layers = golden_int(g, "num_layers"), .bias = golden_int(g, "bias"),
                                .batch_first = golden_int(g, "batch_first"), .dropout = golden_real(g, "dropout"),
                                .bidirectional = golden_int(g, "bidirectional")));
}

static golden_results forward(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    if (strcmp(kind, "GRU") == 0) {
        const tg_gru_output out = tg_gru_forward((tg_gru *)m, in.input, in.h0);
        return (golden_results){ { "output", "h_n" }, { out.output, out.h_n } };
    }
    const tg_tensor_list steps = tg_unbind(in.input, 0);
    assert_int_equal(steps.count, golden_int(g, "steps"));
    tg_tensor *h = in.h0;
    for (int64_t t = 0; t < steps.count; t++) h = tg_gru_cell_forward((tg_gru_cell *)m, steps.items[t], h);
    return (golden_results){ { "h" }, { h } };
}

static void ignore_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)message, (void)context;
}

TEST(test_golden)
{
    tg_set_warning_handler(ignore_warning, NULL); /* dropout with one layer */
    golden *g = golden_open("gru.txt");
    int cases = 0;
    for (; golden_next(g); cases++) golden_run_module(g, build, forward);
    golden_close(g);
    assert_true(cases > 120);
}

/* ---- one computation, several ways ---- */

/* The formula of gru.h for one element, in C. */
static double naive(const double *x, const double *h, int unit, double *const w[4])
{
    enum { INPUT = 3, HIDDEN = 4 };
    double xs[3], hs[3];
    for (int gate = 0; gate < 3; gate++) {
        const int row = gate * HIDDEN + unit;
        xs[gate] = w[2][row];
        hs[gate] = w[3][row];
        for (int k = 0; k < INPUT; k++) xs[gate] += x[k] * w[0][row * INPUT + k];
        for (int k = 0; k < HIDDEN; k++) hs[gate] += h[k] * w[1][row * HIDDEN + k];
    }
    const double r = 1 / (1 + exp(-xs[0] - hs[0])), z = 1 / (1 + exp(-xs[1] - hs[1]));
    return (1 - z) * tanh(xs[2] + r * hs[2]) + z * h[unit];
}

TEST(test_cell_is_its_formula)
{
    tg_scope scope = tg_scope_begin();
    tg_gru_cell *cell = tg_gru_cell_new(3, 4, .dtype = TG_FLOAT64);
    double x[3] = { 0.5, -1, 2 }, h[4] = { 1, -0.5, 0.25, 3 }, ih[36], hh[48], bih[12], bhh[12], y[4];
    tg_to_array(cell->core.weights->weight_ih, ih, 36);
    tg_to_array(cell->core.weights->weight_hh, hh, 48);
    tg_to_array(cell->core.weights->bias_ih, bih, 12);
    tg_to_array(cell->core.weights->bias_hh, bhh, 12);
    tg_to_array(tg_gru_cell_forward(cell, tg_from_data(x, tg_shape(3)), tg_from_data(h, tg_shape(4))), y, 4);
    for (int unit = 0; unit < 4; unit++)
        assert_true(fabs(naive(x, h, unit, (double *[]){ ih, hh, bih, bhh }) - y[unit]) < 1e-14);
    tg_module_free(cell);
    tg_scope_end(scope);
}

/* The cell, step by step over the GRU's own weights; and the GRU in two halves, the state carried over. */
TEST(test_cell_and_halves_agree_with_gru)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(7);
    tg_gru *gru = tg_gru_new(3, 4);
    tg_manual_seed(7);
    tg_gru_cell *cell = tg_gru_cell_new(3, 4);
    tg_tensor *x = tg_randn(tg_shape(5, 2, 3)), *h = tg_module_forward(cell, tg_select(x, 0, 0));
    for (int t = 1; t < 5; t++) h = tg_gru_cell_forward(cell, tg_select(x, 0, t), h);
    const tg_gru_output whole = tg_gru_forward(gru, x), first = tg_gru_forward(gru, tg_narrow(x, 0, 0, 2));
    const tg_gru_output rest = tg_gru_forward(gru, tg_narrow(x, 0, 2, 3), first.h_n);
    assert_true(tg_equal(h, tg_select(whole.h_n, 0, 0)));
    assert_true(tg_equal(whole.output, tg_cat(tg_list(first.output, rest.output), 0)));
    assert_true(tg_equal(whole.output, tg_module_forward(gru, x)));
    tg_module_free(cell);
    tg_module_free(gru);
    tg_scope_end(scope);
}

typedef struct smooth {
    tg_gru *gru;
    tg_tensor *x, *h0;
} smooth;

static tg_tensor *smooth_loss(void *context)
{
    const smooth *s = context;
    const tg_gru_output out = tg_gru_forward(s->gru, s->x, s->h0);
    return tg_add(tg_sum(tg_mul(out.output, out.output)), tg_sum(tg_sin(out.h_n)));
}

TEST(test_derivatives)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(2);
    smooth s = { tg_gru_new(2, 3, .bidirectional = true, .dtype = TG_FLOAT64), NULL, NULL };
    s.x = tg_randn(tg_shape(2, 2, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    s.h0 = tg_randn(tg_shape(2, 2, 3), .dtype = TG_FLOAT64, .requires_grad = true);
    const tg_rnn_weights *w = s.gru->core.weights;
    const tg_tensor_list leaves =
        tg_list(s.x, s.h0, w->weight_ih, w->weight_hh, w->bias_ih, w->bias_hh, w[1].weight_hh);
    const char *wrong = gradcheck(smooth_loss, &s, leaves);
    if (!wrong) wrong = gradgradcheck(smooth_loss, &s, leaves);
    if (wrong) fail_msg("%s", wrong);
    tg_module_free(s.gru);
    tg_scope_end(scope);
}

/* ---- errors ---- */

TEST(test_bad_options)
{
    assert_null(tg_gru_new(5, 8, .dropout = 1.5));
    expect_error(
        "GRU: dropout should be a number in range [0, 1] representing the probability of an element being zeroed");
    assert_null(tg_gru_new(5, 0));
    expect_error("GRU: hidden_size must be greater than zero");
    assert_null(tg_gru_new(5, 8, .num_layers = 0));
    expect_error("GRU: num_layers must be greater than zero");
    assert_null(tg_gru_cell_new(5, 0));
    expect_error("GRUCell: hidden_size must be greater than zero");
    assert_null(tg_gru_cell_new(5, INT64_MAX / 8));
    expect_error("GRUCell: hidden_size 1152921504606846975 is too large");
    tg_gru *half = tg_gru_new(-5, 8);
    expect_error("negative dimension -5");
    tg_module_free(half);
}

TEST(test_bad_inputs)
{
    tg_scope scope = tg_scope_begin();
    tg_gru *m = tg_gru_new(5, 8, .num_layers = 2);
    tg_tensor *x = tg_zeros(tg_shape(4, 3, 5));
    assert_null(tg_gru_forward(m, tg_zeros(tg_shape(4, 3, 6))).output);
    expect_error("GRU: input.size(-1) must be equal to input_size. Expected 5, got 6");
    assert_null(tg_gru_forward(m, tg_zeros(tg_shape(4))).output);
    expect_error("GRU: Expected input to be 2-D or 3-D but received 1-D tensor");
    assert_null(tg_gru_forward(m, tg_zeros(tg_shape(0, 3, 5))).output);
    expect_error("GRU: Expected sequence length to be larger than 0 in RNN");
    assert_null(tg_gru_forward(m, x, tg_zeros(tg_shape(2, 4, 8))).output);
    expect_error("GRU: Expected hidden size (2, 3, 8), got [2, 4, 8]");
    assert_null(tg_gru_forward(m, x, tg_zeros(tg_shape(2, 8))).output);
    expect_error("GRU: For batched 3-D input, hx should also be 3-D but got 2-D tensor");
    assert_null(tg_gru_forward(m, tg_zeros(tg_shape(4, 5)), tg_zeros(tg_shape(2, 3, 8))).output);
    expect_error("GRU: For unbatched 2-D input, hx should also be 2-D but got 3-D tensor");
    char line[64];
    snprintf(line, sizeof line, "test_gru.c:%d", __LINE__ + 1);
    assert_null(tg_gru_forward(m, tg_zeros(tg_shape(4, 3, 5), .dtype = TG_FLOAT64)).output);
    assert_non_null(strstr(tg_error_message(), line));
    expect_error("dtype");
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_bad_cell_inputs)
{
    tg_scope scope = tg_scope_begin();
    tg_gru_cell *m = tg_gru_cell_new(5, 8);
    tg_tensor *x = tg_zeros(tg_shape(3, 5));
    assert_null(tg_gru_cell_forward(m, tg_zeros(tg_shape(3, 6))));
    expect_error("GRUCell: input has inconsistent input_size: got 6 expected 5");
    assert_null(tg_gru_cell_forward(m, tg_zeros(tg_shape(3, 5, 1))));
    expect_error("GRUCell: Expected input to be 1-D or 2-D but received 3-D tensor");
    assert_null(tg_gru_cell_forward(m, x, tg_zeros(tg_shape(2, 8))));
    expect_error("GRUCell: Input batch size 3 doesn't match hidden0 batch size 2");
    assert_null(tg_gru_cell_forward(m, x, tg_zeros(tg_shape(3, 7))));
    expect_error("GRUCell: hidden0 has inconsistent hidden_size: got 7, expected 8");
    assert_null(tg_gru_cell_forward(m, x, tg_zeros(tg_shape(8))));
    expect_error("GRUCell: Expected hidden0 to be 2-D but received 1-D tensor");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* An h0 that could not be made is not an omitted one. */
TEST(test_failed_state_is_not_zeros)
{
    tg_scope scope = tg_scope_begin();
    tg_gru *m = tg_gru_new(5, 8);
    tg_gru_cell *cell = tg_gru_cell_new(5, 8);
    tg_tensor *x = tg_zeros(tg_shape(4, 3, 5)), *failed = tg_zeros(tg_shape(1, -3, 8));
    assert_null(tg_gru_forward(m, x, failed).output);
    assert_null(tg_gru_cell_forward(cell, tg_select(x, 0, 0), failed));
    expect_error("negative dimension");
    assert_non_null(tg_gru_forward(m, x, NULL).h_n); /* as PyTorch's hx=None */
    assert_null(tg_gru_forward(NULL, x).output);
    expect_error("GRU: the module is NULL");
    assert_null(tg_gru_cell_forward(NULL, x));
    expect_error("GRUCell: the module is NULL");
    assert_null(tg_gru_forward(m, NULL).h_n);
    expect_error("GRU: argument 1 is NULL");
    tg_module_free(cell);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- as modules ---- */

TEST(test_names)
{
    tg_scope scope = tg_scope_begin();
    tg_gru *m = tg_gru_new(5, 8, .num_layers = 2, .bidirectional = true);
    static const char *const parts[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" };
    static const char *const suffixes[] = { "_l0", "_l0_reverse", "_l1", "_l1_reverse" };
    const tg_named_tensor_list named = tg_named_parameters(m);
    assert_int_equal(named.count, 16);
    for (int i = 0; i < 16; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", parts[i % 4], suffixes[i / 4]);
        assert_string_equal(named.items[i].name, name);
    }
    assert_ptr_equal(m->core.weights[3].bias_hh, tg_get_parameter(m, "bias_hh_l1_reverse"));
    assert_int_equal(tg_size(m->core.weights[2].weight_ih, 0), 24);
    assert_int_equal(tg_size(m->core.weights[2].weight_ih, 1), 16);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_temporaries_die)
{
    tg_scope scope = tg_no_grad_begin();
    tg_gru *m = tg_gru_new(5, 8, .num_layers = 3, .bidirectional = true, .batch_first = true);
    tg_gru_cell *cell = tg_gru_cell_new(5, 8);
    tg_tensor *x = tg_randn(tg_shape(4, 50, 5)), *one = tg_randn(tg_shape(5));
    const int64_t before = tg_memory_stats().live_tensors;
    const tg_gru_output out = tg_gru_forward(m, x);
    tg_tensor *h = tg_gru_cell_forward(cell, one);
    assert_int_equal(tg_memory_stats().live_tensors - before, 3);
    assert_non_null(out.output);
    assert_non_null(out.h_n);
    assert_non_null(h);
    tg_module_free(cell);
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_golden),
        T(test_cell_is_its_formula),
        T(test_cell_and_halves_agree_with_gru),
        T(test_derivatives),
        T(test_bad_options),
        T(test_bad_inputs),
        T(test_bad_cell_inputs),
        T(test_failed_state_is_not_zeros),
        T(test_names),
        T(test_temporaries_die),
    };
    return cmocka_run_group_tests_name("gru", tests, NULL, NULL);
}
