/* test_rnn.c: RNN and RNNCell, with tanh and relu, against what PyTorch computed (tests/golden/rnn.txt): initial weights,
 * outputs, states, gradients, the random stream, and the losses of training steps, in all their options. And errors,
 * second derivatives, copies. What they share with LSTM and GRU is tested there. */
#include "tests/support/suite.h"
#include "tests/support/golden_module.h"
#include "tests/support/gradcheck.h"

#include "tapegrad.h"

#include <stdio.h>
#include <string.h>

/* ---- golden cases ---- */

static tg_module *build(const golden *g, const char *kind)
{
    const int64_t input = golden_int(g, "input_size"), hidden = golden_int(g, "hidden_size");
    char nonlinearity[8]; /* gone before the module runs */
    snprintf(nonlinearity, sizeof nonlinearity, "%s", golden_string(g, "nonlinearity"));
    if (strcmp(kind, "RNNCell") == 0)
        return TG_MODULE(tg_rnn_cell_new(input, hidden, .bias = golden_int(g, "bias"), .nonlinearity = nonlinearity));
    assert_string_equal(kind, "RNN");
    return TG_MODULE(tg_rnn_new(input, hidden, .num_layers = golden_int(g, "num_layers"), .nonlinearity = nonlinearity,
                                .bias = golden_int(g, "bias"), .batch_first = golden_int(g, "batch_first"),
                                .dropout = golden_real(g, "dropout"), .bidirectional = golden_int(g, "bidirectional")));
}

static golden_results forward(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    if (strcmp(kind, "RNN") == 0) {
        const tg_rnn_output out = tg_rnn_forward((tg_rnn *)m, in.input, in.h0);
        return (golden_results){ { "output", "h_n" }, { out.output, out.h_n } };
    }
    const tg_tensor_list steps = tg_unbind(in.input, 0);
    assert_int_equal(steps.count, golden_int(g, "steps"));
    tg_tensor *h = in.h0;
    for (int64_t t = 0; t < steps.count; t++) h = tg_rnn_cell_forward((tg_rnn_cell *)m, steps.items[t], h);
    return (golden_results){ { "h" }, { h } };
}

static void ignore_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)message, (void)context;
}

TEST(test_golden)
{
    tg_set_warning_handler(ignore_warning, NULL); /* dropout with one layer */
    golden *g = golden_open("rnn.txt");
    int cases = 0;
    for (; golden_next(g); cases++) golden_run_module(g, build, forward);
    golden_close(g);
    assert_true(cases > 250);
}

/* ---- derivatives ---- */

typedef struct smooth {
    tg_rnn *rnn;
    tg_tensor *x;
} smooth;

static tg_tensor *smooth_loss(void *context)
{
    const smooth *s = context;
    tg_tensor *y = tg_rnn_forward(s->rnn, s->x).output;
    return tg_sum(tg_mul(y, y));
}

TEST(test_derivatives)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(2);
    smooth s = { tg_rnn_new(2, 3, .num_layers = 2, .dtype = TG_FLOAT64), NULL };
    s.x = tg_randn(tg_shape(2, 2, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    const tg_tensor_list leaves = tg_list(s.x, s.rnn->core.weights[0].weight_hh, s.rnn->core.weights[1].bias_ih);
    const char *wrong = gradcheck(smooth_loss, &s, leaves);
    if (!wrong) wrong = gradgradcheck(smooth_loss, &s, leaves);
    if (wrong) fail_msg("%s", wrong);
    tg_module_free(s.rnn);
    tg_scope_end(scope);
}

/* ---- errors and copies ---- */

TEST(test_errors)
{
    tg_scope scope = tg_scope_begin();
    assert_null(tg_rnn_new(5, 8, .nonlinearity = "elu"));
    expect_error("RNN: Unknown nonlinearity 'elu'");
    assert_null(tg_rnn_cell_new(5, 8, .nonlinearity = NULL));
    expect_error("RNNCell: Unknown nonlinearity 'NULL'");
    assert_null(tg_rnn_new(5, 0));
    expect_error("RNN: hidden_size must be greater than zero");
    tg_rnn *m = tg_rnn_new(5, 8, .nonlinearity = "relu");
    tg_rnn_cell *cell = tg_rnn_cell_new(5, 8);
    assert_null(tg_rnn_forward(m, tg_zeros(tg_shape(4, 3, 5)), tg_zeros(tg_shape(1, 4, 8))).output);
    expect_error("RNN: Expected hidden size (1, 3, 8), got [1, 4, 8]");
    assert_null(tg_rnn_cell_forward(cell, tg_zeros(tg_shape(3, 5)), tg_zeros(tg_shape(3, 7))));
    expect_error("RNNCell: hidden0 has inconsistent hidden_size: got 7, expected 8");
    assert_null(tg_rnn_forward(NULL, tg_zeros(tg_shape(4, 3, 5))).h_n);
    expect_error("RNN: the module is NULL");
    tg_module_free(cell);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* A copy has the nonlinearity, too. */
TEST(test_copy)
{
    tg_scope scope = tg_scope_begin();
    tg_rnn *m = tg_rnn_new(3, 4, .num_layers = 2, .nonlinearity = "relu"), *copy = tg_module_copy(m);
    tg_rnn_cell *cell = tg_rnn_cell_new(3, 4, .nonlinearity = "relu"), *cells = tg_module_copy(cell);
    tg_tensor *x = tg_randn(tg_shape(5, 2, 3)), *one = tg_select(x, 0, 0);
    assert_true(tg_equal(tg_rnn_forward(m, x).output, tg_module_forward(copy, x)));
    assert_true(tg_equal(tg_rnn_cell_forward(cell, one), tg_module_forward(cells, one)));
    assert_string_equal(copy->core.nonlinearity, "relu");
    tg_module_free(m);
    tg_module_free(copy);
    tg_module_free(cell);
    tg_module_free(cells);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_golden),
        T(test_derivatives),
        T(test_errors),
        T(test_copy),
    };
    return cmocka_run_group_tests_name("rnn", tests, NULL, NULL);
}
