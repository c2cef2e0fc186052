/* test_compare.c: the port checker, on runs that PyTorch recorded (tests/golden/compare.py): ports that are right agree in
 * every tensor, and of those with a mistake the first tensor that differs and the mistake are named. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/ports.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <unistd.h>

#define FILES "tests/golden/files/compare_"

static const port *port_named(const char *name)
{
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (strcmp(ports[i].name, name) == 0) return &ports[i];
    return NULL;
}

/* A step of a port with a mistake, after the recorded parameters were loaded; the result lives in the scope. */
static tg_comparison step_of(const char *name, mistake m)
{
    char path[128];
    const port *p = port_named(name);
    snprintf(path, sizeof path, FILES "%s.safetensors", name);
    planted = m;
    tg_module *model = p->make();
    assert_int_equal(tg_compare_begin(path, .load = true, .quiet = true), TG_OK);
    run_step(p, model, path);
    const tg_comparison result = tg_compare_end();
    tg_module_free(model);
    planted = NO_MISTAKE;
    return result;
}

TEST(test_right_ports_agree)
{
    /* as many as record_run.py put into the file, but for what has no counterpart here */
    static const struct {
        const char *name;
        int64_t compared, missing;
    } expected[] = { { "lstm", 26, 3 }, { "gru", 26, 2 }, { "cells", 0, 0 }, { "mlp", 0, 0 }, { "block", 0, 0 },
                     { "encoder", 0, 0 } };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        IN_SCOPE;
        const tg_comparison result = step_of(expected[i].name, NO_MISTAKE);
        if (result.first) fail_msg("%s: %s", expected[i].name, result.report);
        assert_int_equal(result.agreed, result.compared);
        print_message("%s %lld %lld\n", expected[i].name, (long long)result.compared, (long long)result.missing);
        assert_string_equal(result.mistake, "");
        tg_scope_end(scope);
    }
}

static const struct planted_mistake {
    const char *name;
    mistake mistake;
    const char *first, *looks_like; /* parts of what is said: of the first that differs, and of the best guess */
} mistakes[] = {
    { "lstm", WRONG_DATA, "input 0 of the model", "reversed along dimension 0" },
    { "lstm", SUMMED_LOSS, "output 0 of MSELoss (MSELoss)", "times 4, the number of elements: a sum here, a mean there" },
    { "mlp", SUMMED_LOSS, "output 0 of CrossEntropyLoss (CrossEntropyLoss)", "times 6, its first size: a sum here" },
    { "lstm", NEGATIVE_LOSS, "the loss", "the sign" },
    { "lstm", GATES_IN_ANOTHER_ORDER, "output 0 of rnn (LSTM)", "takes the blocks of the weights as f i g o" },
    { "lstm", NO_HIDDEN_BIAS, "output 0 of rnn (LSTM)", "bias_hh is missing" },
    { "lstm", ONE_ON_FORGET, "output 0 of rnn (LSTM)", "1 is added to the forget gate" },
    { "lstm", BATCH_SECOND, "output 0 of rnn (LSTM)", "batch and time are exchanged" },
    { "gru", MIXED_OTHERWISE, "output 0 of rnn (GRU)", "the other way round: (1 - z) h + z n here" },
    { "gru", RESET_FIRST, "output 0 of rnn (GRU)", "the reset gate multiplies the state before the product here" },
    { "gru", NO_HIDDEN_BIAS, "output 0 of rnn (GRU)", "bias_hh is missing" },
    { "lstm", FIRST_STEP_LAST, "input 0 of fc (Linear)", "" },
    { "lstm", CUT_OFF, "the gradient of rnn.", "" },
    { "cells", STATES_SWAPPED, "input 1 of cell (LSTMCell), call 2 of 4", "inputs swapped: ours is input 2 of cell (LSTMCell), call 2" },
    { "cells", A_STEP_LATE, "input 0 of cell (LSTMCell), call 2 of 4", "a step too late: ours is input 0 of cell" },
    { "cells", STATE_NOT_RESET, "input 1 of cell (LSTMCell), call 1 of 4", "a state that was not reset" },
    { "mlp", EVAL_MODE, "output 0 of norm (BatchNorm1d)", "evaluation" },
    { "mlp", DROPOUT_OFF, "output 0 of drop (Dropout)", "in evaluation mode here" },
    { "mlp", OTHER_DROPOUT, "output 0 of drop (Dropout)", "dropout with other random numbers" },
    { "mlp", NORM_EPS, "output 0 of norm (BatchNorm1d)", "eps=0.001 here, eps=1e-05 there" },
    { "mlp", NORM_MOMENTUM, "after forward, norm.running_", "" },
    { "mlp", GELU_FOR_RELU, "input 0 of drop (Dropout)", "gelu here, relu there" },
    { "mlp", NO_BIAS, "output 0 of fc1 (Linear)", "the bias is missing" },
    { "mlp", TWO_BIASES, "output 0 of fc1 (Linear)", "the bias is added twice" },
    { "mlp", NOT_TRANSPOSED, "output 0 of fc1 (Linear)", "the weight is transposed" },
    { "block", NO_SCALE, "input 0 of out (Linear)", "no scale here, 1/sqrt(d) of a head's size there" },
    { "block", NO_MASK, "input 0 of out (Linear)", "no mask here, a causal one there" },
    { "block", SOFTMAX_OF_QUERIES, "input 0 of out (Linear)", "softmax along the queries here" },
    { "block", FOUR_HEADS, "input 0 of out (Linear)", "4 heads here, 2 there" },
    { "block", NO_RESIDUAL, "input 0 of norm2 (LayerNorm)", "a summand is missing: ours is theirs without input 0 of" },
    { "block", TANH_GELU, "input 0 of down (Linear)", "gelu by tanh here, gelu there" },
    { "block", UNBIASED, "output 0 of norm1 (LayerNorm)", "unbiased" },
    { "block", HAND_EPS, "output 0 of norm1 (LayerNorm)", "another eps: 0.001 here, 1e-05 there" },
    { "encoder", LAYER_HEADS, "output 0 of self_attn (MultiheadAttention)", "4 heads here, 2 there" },
    { "encoder", LAYER_ACTIVATION, "input 0 of dropout (Dropout)", "gelu here, relu there" },
    { "encoder", LAYER_NORM_FIRST, "input 0 of self_attn (MultiheadAttention)", "" },
};

TEST(test_planted_mistakes_are_named)
{
    int wrong = 0;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        IN_SCOPE;
        const tg_comparison result = step_of(mistakes[i].name, mistakes[i].mistake);
        const char *end = strchr(result.mistake, '\n'), *said = strstr(result.mistake, mistakes[i].looks_like);
        const bool named = said && (!end || said < end);
        if (!result.first || !strstr(result.first, mistakes[i].first) || !named) {
            print_error("%s %zu: expected \"%s\" in what is said of\n%s\n", mistakes[i].name, i, mistakes[i].looks_like,
                        result.report);
            wrong++;
        }
        tg_scope_end(scope);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_right_ports_agree), T(test_planted_mistakes_are_named) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
