/* test_compare.c: the port checker, on runs that PyTorch recorded (tests/golden/compare.py): ports that are right agree in
 * every tensor, and of those with a mistake the first tensor that differs and the mistake are named. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/ports.h"

#include "tests/support/failing.h"
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
    tg_compare_begin(path, .load = true, .quiet = true);
    run_step(p, model, path);
    const tg_comparison result = tg_compare_end();
    tg_module_free(model);
    planted = NO_MISTAKE;
    return result;
}

/* What the file has to be compared with: all but the generator. */
static int64_t recorded(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, FILES "%s.safetensors", name);
    return tg_load_safetensors(path).count - 1;
}

TEST(test_right_ports_agree)
{
    /* by hand, an rnn returns no states: h_n, and of an LSTM c_n */
    static const struct {
        const char *name;
        int64_t missing;
    } expected[] = { { "lstm", 2 },  { "gru", 1 },     { "cells", 0 },   { "mlp", 0 },
                     { "block", 0 }, { "encoder", 0 }, { "filtered", 0 } };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        IN_SCOPE;
        const tg_comparison result = step_of(expected[i].name, NO_MISTAKE);
        if (result.first) fail_msg("%s: %s", expected[i].name, result.report);
        assert_int_equal(result.agreed, result.compared);
        assert_int_equal(result.missing, expected[i].missing);
        assert_int_equal(result.compared + result.missing, recorded(expected[i].name));
        assert_true(result.compared >= 22);
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
    { "lstm", SUMMED_LOSS, "output 0 of MSELoss (MSELoss)",
      "times 4, the number of elements: a sum here, a mean there" },
    { "mlp", SUMMED_LOSS, "output 0 of CrossEntropyLoss (CrossEntropyLoss)", "times 6, its first size: a sum here" },
    { "lstm", NEGATIVE_LOSS, "the loss", "the sign" },
    { "lstm", GATES_IN_ANOTHER_ORDER, "output 0 of rnn (LSTM)", "takes the blocks of the weights as f i g o" },
    { "lstm", NO_HIDDEN_BIAS, "output 0 of rnn (LSTM)", "bias_hh is missing" },
    { "lstm", ONE_ON_FORGET, "output 0 of rnn (LSTM)", "1 is added to the forget gate" },
    { "lstm", BATCH_SECOND, "output 0 of rnn (LSTM)", "batch and time are exchanged" },
    { "gru", MIXED_OTHERWISE, "output 0 of rnn (GRU)", "the other way round: (1 - z) h + z n here" },
    { "gru", RESET_FIRST, "output 0 of rnn (GRU)", "the reset gate multiplies the state before the product here" },
    { "gru", NO_HIDDEN_BIAS, "output 0 of rnn (GRU)", "bias_hh is missing" },
    { "lstm", FIRST_STEP_LAST, "input 0 of fc (Linear)",
      "along dimension 1 of output 0 of rnn (LSTM): ours is index 0 of 5, theirs is index 4 of 5" },
    { "lstm", SEQUENCE_REVERSED, "output 0 of rnn (LSTM)", "read from its end, and the outputs stay in that order" },
    { "lstm", CUT_OFF, "the gradient of rnn.bias_hh_l0", "no gradient comes through" },
    { "cells", STATES_SWAPPED, "input 1 of cell (LSTMCell), call 2 of 4",
      "inputs swapped: ours is input 2 of cell (LSTMCell), call 2" },
    { "cells", A_STEP_LATE, "input 0 of cell (LSTMCell), call 2 of 4", "a step too late: ours is input 0 of cell" },
    { "cells", STATE_NOT_RESET, "input 1 of cell (LSTMCell), call 1 of 4", "a state that was not reset" },
    { "mlp", EVAL_MODE, "output 0 of norm (BatchNorm1d)", "train/eval: " },
    { "mlp", DROPOUT_OFF, "output 0 of drop (Dropout)", "in evaluation mode here" },
    { "mlp", OTHER_DROPOUT, "output 0 of drop (Dropout)", "dropout with other random numbers" },
    { "mlp", NORM_EPS, "output 0 of norm (BatchNorm1d)", "eps=0.001 here, eps=1e-05 there" },
    { "mlp", NORM_MOMENTUM, "after forward, norm.running_mean", "momentum=0.9 here, momentum=0.1 there" },
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
    { "block", KEYS_FOR_QUERIES, "input 0 of out (Linear)", "ours takes the keys, the keys and the values" },
    { "lstm", MEAN_OF_STEPS, "input 0 of fc (Linear)",
      "along dimension 1 of output 0 of rnn (LSTM): ours is the mean, theirs is index 4 of 5" },
    { "block", RESHAPED, "input 0 of out (Linear)", "reshaped where dimensions are to be exchanged" },
    { "filtered", RESHAPED, "input 0 of mix (Linear)", "reshaped where dimensions are to be exchanged" },
    { "filtered", TANH_FOR_RELU, "input 0 of mix (Linear)",
      "another function of output 0 of conv (Conv1d), dimensions 1 and 2 exchanged: tanh here, relu there" },
    { "filtered", LAST_STEP, "input 0 of fc (Linear)", "ours is index 8 of 9, theirs is the mean" },
    { "filtered", NOT_SMOOTHED, "output 0 of CrossEntropyLoss (CrossEntropyLoss)",
      "label_smoothing: 0 here, 0.1 there" },
    { "encoder", LAYER_HEADS, "output 0 of self_attn (MultiheadAttention)", "4 heads here, 2 there" },
    { "encoder", LAYER_ACTIVATION, "input 0 of dropout (Dropout)", "gelu here, relu there" },
    { "encoder", LAYER_NORM_FIRST, "input 0 of norm1 (LayerNorm)", "without output 0 of self_attn" },
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

/* ---- parameters ---- */

/* A step of a right port whose parameters are loaded, and then changed by `spoil`. */
static tg_comparison step_with(const char *name, void (*spoil)(tg_module *model))
{
    char path[128];
    const port *p = port_named(name);
    snprintf(path, sizeof path, FILES "%s.safetensors", name);
    tg_module *model = p->make();
    tg_load_state_dict(model, tg_named_with_prefix(tg_load_safetensors(path), "state."));
    const tg_scope no_grad = tg_no_grad_begin();
    if (spoil) spoil(model);
    tg_scope_end(no_grad);
    assert_int_equal(tg_compare_begin(path, .quiet = true), TG_OK);
    run_step(p, model, path);
    const tg_comparison result = tg_compare_end();
    tg_module_free(model);
    return result;
}

static void transpose_weight(tg_module *model)
{
    tg_tensor *w = tg_get_parameter(model, "fc1.weight");
    tg_copy_(w, tg_clone(tg_t(w)));
}

static void exchange_gates(tg_module *model)
{
    tg_tensor *w = tg_get_parameter(model, "rnn.weight_hh_l0");
    const tg_tensor_list parts = tg_chunk(w, 4);
    tg_copy_(w, tg_cat(tg_list(parts.items[0], parts.items[1], parts.items[3], parts.items[2])));
}

static void negate_bias(tg_module *model) { tg_neg_(tg_get_parameter(model, "fc.bias")); }

static void exchange_weights(tg_module *model)
{
    tg_tensor *q = tg_get_parameter(model, "q.weight"), *k = tg_get_parameter(model, "k.weight"), *kept = tg_clone(q);
    tg_copy_(q, k);
    tg_copy_(k, kept);
}

static void draw_anew(tg_module *model)
{
    const tg_tensor_list all = tg_parameters(model);
    for (int64_t i = 0; i < all.count; i++) tg_uniform_(all.items[i], .from = -1, .to = 1);
}

/* Less than rounding can be. */
static void nudge(tg_module *model) { tg_mul_(tg_get_parameter(model, "fc1.weight"), 1.0001); }

TEST(test_parameters_that_differ)
{
    static const struct {
        const char *name;
        void (*spoil)(tg_module *model);
        const char *first, *said;
    } cases[] = {
        { "mlp", transpose_weight, "fc1.weight", "transposed: ours is theirs with rows and columns exchanged" },
        { "lstm", exchange_gates, "rnn.weight_hh_l0",
          "the gates' order: the 4 blocks along dimension 0 are i f o g here" },
        { "lstm", negate_bias, "fc.bias", "the sign: ours is -1 times theirs" },
        { "block", exchange_weights, "q.weight", "another tensor in its place: ours is k.weight" },
        { "mlp", draw_anew, "fc1.weight", "TAPEGRAD_COMPARE=load:tests/golden/files/compare_mlp.safetensors" },
        { "mlp", nudge, "fc1.weight", "0.0001 of the largest element" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        IN_SCOPE;
        const tg_comparison result = step_with(cases[i].name, cases[i].spoil);
        if (!result.first || strcmp(result.first, cases[i].first) != 0 || !strstr(result.report, cases[i].said))
            fail_msg("%zu: expected \"%s\" in\n%s", i, cases[i].said, result.report);
        tg_scope_end(scope);
    }
    IN_SCOPE;
    assert_null(step_with("lstm", NULL).first);
    tg_scope_end(scope);
}

/* ---- other names ---- */

static tg_module *renamed_mlp_new(void)
{
    mlp *m = (mlp *)mlp_new(), *other = tg_module_new(mlp, .name = "Perceptron", .forward = mlp_forward);
    /* a module has one owner at a time: the parts are copied into the other one */
    other->fc1 = tg_module_copy(m->fc1);
    other->norm = tg_module_copy(m->norm);
    other->drop = tg_module_copy(m->drop);
    other->fc2 = tg_module_copy(m->fc2);
    tg_register_module(other, "first", other->fc1);
    tg_register_module(other, "bn", other->norm);
    tg_register_module(other, "thin", other->drop);
    tg_register_module(other, "second", other->fc2);
    tg_module_free(m);
    return TG_MODULE(other);
}

TEST(test_other_names)
{
    IN_SCOPE;
    const port renamed = { "mlp", renamed_mlp_new };
    tg_module *model = renamed.make();
    assert_int_equal(tg_compare_begin(FILES "mlp.safetensors", .load = true, .quiet = true), TG_OK);
    run_step(&renamed, model, FILES "mlp.safetensors");
    const tg_comparison result = tg_compare_end();
    if (result.first) fail_msg("%s", result.report);
    assert_non_null(strstr(result.report, "first.weight here is taken for fc1.weight there"));
    assert_non_null(strstr(result.report, "bn.weight here is taken for norm.weight there"));
    assert_non_null(strstr(result.report, "and so are 3 more")); /* the buffers */
    assert_int_equal(result.missing, 3); /* what dropout, which has no parameters, is given and gives */
    assert_int_equal(result.compared + result.missing, recorded("mlp"));
    tg_module_free(model);
    tg_scope_end(scope);
}

/* ---- how it is called ---- */

TEST(test_only_the_first_step_counts)
{
    IN_SCOPE;
    const port *p = port_named("lstm");
    tg_module *model = p->make();
    assert_int_equal(tg_compare_begin(FILES "lstm.safetensors", .load = true, .quiet = true), TG_OK);
    for (int step = 0; step < 3; step++) {
        run_step(p, model, FILES "lstm.safetensors");
        planted = NO_HIDDEN_BIAS; /* from the second step on */
    }
    planted = NO_MISTAKE;
    const tg_comparison result = tg_compare_end();
    assert_null(result.first);
    assert_int_equal(result.compared, 26);
    tg_module_free(model);
    tg_scope_end(scope);
}

TEST(test_misuse)
{
    IN_SCOPE;
    assert_int_equal(tg_compare_begin(NULL), TG_FAILED);
    expect_error("the path is NULL");
    assert_int_equal(tg_compare_begin("no such file"), TG_FAILED);
    expect_error("cannot be read");
    assert_int_equal(tg_compare_begin("tests/golden/files/lstm.safetensors"), TG_FAILED);
    expect_error("is no recorded run: examples/record_run.py records one");
    assert_int_equal(tg_compare_begin(FILES "lstm.safetensors", .tolerance = -1), TG_FAILED);
    expect_error("expected a tolerance of 0 or more, got -1");
    assert_int_equal(tg_compare_end().compared, 0);
    expect_error("there is no comparison: tg_compare_begin begins one");
    assert_int_equal(tg_compare_begin(FILES "lstm.safetensors", .quiet = true), TG_OK);
    assert_int_equal(tg_compare_begin(FILES "gru.safetensors"), TG_FAILED);
    expect_error("a comparison has begun already, with tests/golden/files/compare_lstm.safetensors");
    const tg_comparison nothing = tg_compare_end();
    assert_int_equal(nothing.compared, 0);
    assert_string_equal(nothing.report, "nothing was compared: no module began\n");
    tg_scope_end(scope);
}

/* A run of which one tensor has other sizes than it should: whatever is said of it, nothing is read that is not there. */
static void compare_spoiled(const port *p, tg_named_tensor_list run, tg_text_pairs metadata, int64_t which, mistake m)
{
    static const char path[] = "test_compare_spoiled.safetensors";
    IN_SCOPE;
    tg_named_tensor *items = tg_copy_in_scope(run.items, run.count * (int64_t)sizeof *items);
    tg_tensor *t = items[which].tensor;
    items[which].tensor = tg_ndim(t) && tg_size(t, 0) > 1 ? tg_narrow(t, 0, 0, tg_size(t, 0) - 1) : tg_unsqueeze(t, 0);
    tg_save_safetensors(((tg_named_tensor_list){ items, run.count }), path, .metadata = metadata);
    char data[128];
    snprintf(data, sizeof data, FILES "%s.safetensors", p->name);
    planted = m;
    tg_module *model = p->make();
    assert_int_equal(tg_compare_begin(path, .load = true, .quiet = true), TG_OK);
    run_step(p, model, data);
    const tg_comparison result = tg_compare_end();
    assert_true(result.compared <= run.count);
    assert_true(tg_ok());
    tg_module_free(model);
    planted = NO_MISTAKE;
    unlink(path);
    tg_scope_end(scope);
}

TEST(test_spoiled_runs)
{
    static const mistake tried[] = {
        GATES_IN_ANOTHER_ORDER, MIXED_OTHERWISE, STATES_SWAPPED, TWO_BIASES, NO_SCALE, LAYER_HEADS, RESHAPED
    };
    _Static_assert(sizeof tried / sizeof *tried == sizeof ports / sizeof *ports, "one of each port");
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        IN_SCOPE;
        char path[128];
        snprintf(path, sizeof path, FILES "%s.safetensors", ports[i].name);
        tg_text_pairs metadata;
        const tg_named_tensor_list run = tg_load_safetensors(path, .metadata = &metadata);
        for (int64_t k = 0; k < run.count; k++) compare_spoiled(&ports[i], run, metadata, k, tried[i]);
        tg_scope_end(scope);
    }
}

static double compared_step(void)
{
    const tg_comparison result = step_of("mlp", GELU_FOR_RELU);
    return tg_failed() || !result.first ? 0 : (double)result.compared;
}

TEST(test_failing_allocations) { fail_each_allocation(compared_step); }

/* What a program of this file says on stderr, started with TAPEGRAD_COMPARE. */
static void run_child(const char *value, const char *name, mistake m, char *text, size_t size)
{
    char self[1024], command[2048];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(command, sizeof command, "TAPEGRAD_COMPARE='%s' '%s' %s %d 2>&1", value, self, name, (int)m);
    FILE *child = popen(command, "r");
    assert_non_null(child);
    text[fread(text, 1, size - 1, child)] = '\0';
    assert_int_equal(pclose(child), 0);
}

TEST(test_variable_of_the_environment)
{
    char text[4096];
    run_child("load:" FILES "lstm.safetensors", "lstm", NO_MISTAKE, text, sizeof text);
    assert_non_null(strstr(text, "all 26 tensors agree"));
    run_child("load:" FILES "lstm.safetensors", "lstm", NO_HIDDEN_BIAS, text, sizeof text);
    assert_non_null(strstr(text, "the first that differs: output 0 of rnn (LSTM)"));
    assert_non_null(strstr(text, "looks like bias_hh is missing"));
    run_child(FILES "lstm.safetensors", "lstm", NO_MISTAKE, text, sizeof text);
    assert_non_null(strstr(text, "the parameters are others than the recorded ones: 6 of 6 differ"));
    run_child("no such file", "lstm", NO_MISTAKE, text, sizeof text);
    assert_non_null(strstr(text, "TAPEGRAD_COMPARE: nothing is compared"));
    run_child("0", "lstm", NO_MISTAKE, text, sizeof text);
    assert_string_equal(text, "");
}

/* A program that knows nothing of the comparison: one step, and a second one. */
static int child(const char *name, mistake m)
{
    char path[128];
    const port *p = port_named(name);
    snprintf(path, sizeof path, FILES "%s.safetensors", name);
    planted = m;
    tg_module *model = p->make();
    for (int step = 0; step < 2; step++) {
        const tg_scope scope = tg_scope_begin();
        run_step(p, model, path);
        tg_scope_end(scope);
    }
    tg_module_free(model);
    return tg_failed();
}

int main(int argc, char **argv)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* each allocation is seen to fail */
    if (argc == 3) return child(argv[1], (mistake)atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        T(test_right_ports_agree),           T(test_planted_mistakes_are_named),
        T(test_parameters_that_differ),      T(test_other_names),
        T(test_only_the_first_step_counts),  T(test_misuse),
        T(test_failing_allocations),         T(test_spoiled_runs),
        T(test_variable_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
