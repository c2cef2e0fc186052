/* test_nn.c: modules: what they own, how they are named and printed (PyTorch's texts), called and freed. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A user's module: a shared Linear, a parameter, a buffer, a child that was left out. */
typedef struct {
    tg_module base;
    tg_linear *fc, *again;
    tg_tensor *scale, *running;
    tg_sequential *net;
    tg_module *none;
} sample_model;

static tg_tensor *sample_forward(tg_module *m, tg_tensor *x)
{
    const sample_model *model = (sample_model *)m;
    return tg_mul(tg_linear_forward(model->again, tg_linear_forward(model->fc, x)), model->scale);
}

static sample_model *sample_model_new(void)
{
    sample_model *m = tg_module_new(sample_model, .name = "M", .forward = sample_forward);
    TG_SUBMODULE(m, fc, tg_linear_new(2, 2));
    TG_PARAMETER(m, scale, tg_ones(tg_shape(2)));
    TG_SUBMODULE(m, again, m->fc);
    TG_BUFFER(m, running, tg_ones(tg_shape(1)));
    TG_SUBMODULE(m, net, tg_sequential_new(tg_linear_new(1, 1), m->fc));
    TG_SUBMODULE(m, none, NULL);
    return m;
}

/* ---- printing ---- */

static void assert_prints(tg_module *m, const char *expected)
{
    char text[2048], shorter[16];
    const int64_t length = tg_module_format(m, text, sizeof text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    assert_int_equal(tg_module_format(m, shorter, sizeof shorter), length);
    assert_memory_equal(shorter, expected, length < 15 ? (size_t)length : 15);
    assert_int_equal(tg_module_format(m, NULL, 0), length);
    FILE *file = tmpfile();
    tg_module_fprint(file, m);
    rewind(file);
    assert_int_equal(fread(text, 1, sizeof text, file), length + 1);
    assert_memory_equal(text, expected, (size_t)length);
    assert_int_equal(text[length], '\n');
    fclose(file);
    tg_module_free(m);
}

static int two_lines(tg_module *m, char *buffer, size_t size) { return (void)m, snprintf(buffer, size, "a=1\nb=2"); }

static int long_line(tg_module *m, char *buffer, size_t size)
{
    (void)m;
    return snprintf(buffer, size, "%0300d", 7);
}

/* The texts are what print() shows in PyTorch 1.13. */
TEST(test_print)
{
    assert_prints(TG_MODULE(sample_model_new()),
                  "M(\n  (fc): Linear(in_features=2, out_features=2, bias=True)\n"
                  "  (again): Linear(in_features=2, out_features=2, bias=True)\n"
                  "  (net): Sequential(\n    (0): Linear(in_features=1, out_features=1, bias=True)\n"
                  "    (1): Linear(in_features=2, out_features=2, bias=True)\n  )\n  (none): None\n)");
    assert_prints(
        TG_MODULE(tg_sequential_new(tg_linear_new(5, 8, .bias = false),
                                    tg_sequential_new(tg_relu_new(), tg_dropout_new(0.5)), tg_softmax_new(1),
                                    tg_log_softmax_new(-1), tg_flatten_new(), tg_identity_new(), tg_sequential_new(),
                                    tg_sigmoid_new(), tg_tanh_new())),
        "Sequential(\n  (0): Linear(in_features=5, out_features=8, bias=False)\n  (1): Sequential(\n    (0): ReLU()\n"
        "    (1): Dropout(p=0.5, inplace=False)\n  )\n  (2): Softmax(dim=1)\n  (3): LogSoftmax(dim=-1)\n"
        "  (4): Flatten(start_dim=1, end_dim=-1)\n  (5): Identity()\n  (6): Sequential()\n  (7): Sigmoid()\n"
        "  (8): Tanh()\n)");
    assert_prints(
        TG_MODULE(tg_sequential_new(tg_silu_new(), tg_leaky_relu_new(.negative_slope = 0.2), tg_elu_new(),
                                    tg_celu_new(.alpha = 2), tg_gelu_new(), tg_gelu_new(.approximate = "tanh"),
                                    tg_softplus_new(), tg_hardtanh_new(), tg_softshrink_new(),
                                    tg_hardshrink_new(.lambd = 0.25), tg_gelu_new(.approximate = "erf"),
                                    tg_threshold_new(0.1, 20), tg_glu_new(), tg_prelu_new(.num_parameters = 8))),
        "Sequential(\n  (0): SiLU()\n  (1): LeakyReLU(negative_slope=0.2)\n  (2): ELU(alpha=1.0)\n"
        "  (3): CELU(alpha=2.0)\n  (4): GELU(approximate='none')\n  (5): GELU(approximate='tanh')\n"
        "  (6): Softplus(beta=1, threshold=20)\n  (7): Hardtanh(min_val=-1.0, max_val=1.0)\n"
        "  (8): Softshrink(0.5)\n  (9): Hardshrink(0.25)\n  (10): GELU(approximate='unknown')\n"
        "  (11): Threshold(threshold=0.1, value=20)\n  (12): GLU(dim=-1)\n  (13): PReLU(num_parameters=8)\n)");
    assert_prints(TG_MODULE(tg_lstm_new(5, 8, .num_layers = 2, .batch_first = true)),
                  "LSTM(5, 8, num_layers=2, batch_first=True)");
    assert_prints(
        TG_MODULE(tg_lstm_new(5, 8, .num_layers = 2, .bias = false, .batch_first = true, .dropout = 0.25,
                              .bidirectional = true, .proj_size = 3)),
        "LSTM(5, 8, proj_size=3, num_layers=2, bias=False, batch_first=True, dropout=0.25, bidirectional=True)");
    assert_prints(TG_MODULE(tg_lstm_new(5, 8)), "LSTM(5, 8)");
    assert_prints(TG_MODULE(tg_lstm_cell_new(5, 8)), "LSTMCell(5, 8)");
    assert_prints(TG_MODULE(tg_lstm_cell_new(5, 8, .bias = false)), "LSTMCell(5, 8, bias=False)");
    assert_prints(TG_MODULE(tg_gru_new(4, 8, .num_layers = 2)), "GRU(4, 8, num_layers=2)");
    assert_prints(TG_MODULE(tg_gru_cell_new(4, 8, .bias = false)), "GRUCell(4, 8, bias=False)");
    assert_prints(TG_MODULE(tg_rnn_new(3, 4, .nonlinearity = "relu")), "RNN(3, 4)");
    assert_prints(TG_MODULE(tg_rnn_cell_new(3, 4)), "RNNCell(3, 4)");
    assert_prints(TG_MODULE(tg_rnn_cell_new(3, 4, .bias = false, .nonlinearity = "relu")),
                  "RNNCell(3, 4, bias=False, nonlinearity=relu)");
    assert_prints(TG_MODULE(tg_mse_loss_new()), "MSELoss()");
    assert_prints(TG_MODULE(tg_cross_entropy_loss_new(.weight = tg_ones(tg_shape(3)))), "CrossEntropyLoss()");
    assert_prints(TG_MODULE(tg_nll_loss_new()), "NLLLoss()");
    assert_prints(TG_MODULE(tg_l1_loss_new()), "L1Loss()");
    assert_prints(TG_MODULE(tg_smooth_l1_loss_new()), "SmoothL1Loss()");
    assert_prints(TG_MODULE(tg_huber_loss_new()), "HuberLoss()");
    assert_prints(TG_MODULE(tg_poisson_nll_loss_new()), "PoissonNLLLoss()");
    assert_prints(TG_MODULE(tg_bce_loss_new()), "BCELoss()");
    assert_prints(TG_MODULE(tg_bce_with_logits_loss_new()), "BCEWithLogitsLoss()");
    assert_prints(TG_MODULE(tg_kl_div_loss_new()), "KLDivLoss()");
    assert_prints(TG_MODULE(tg_hinge_embedding_loss_new()), "HingeEmbeddingLoss()");
    assert_prints(TG_MODULE(tg_soft_margin_loss_new()), "SoftMarginLoss()");
    assert_prints(TG_MODULE(tg_multi_margin_loss_new()), "MultiMarginLoss()");
    assert_prints(TG_MODULE(tg_multilabel_margin_loss_new()), "MultiLabelMarginLoss()");
    assert_prints(TG_MODULE(tg_multilabel_soft_margin_loss_new()), "MultiLabelSoftMarginLoss()");
    assert_prints(TG_MODULE(tg_gaussian_nll_loss_new()), "GaussianNLLLoss()");
    assert_prints(TG_MODULE(tg_margin_ranking_loss_new()), "MarginRankingLoss()");
    assert_prints(TG_MODULE(tg_cosine_embedding_loss_new()), "CosineEmbeddingLoss()");
    assert_prints(TG_MODULE(tg_triplet_margin_loss_new()), "TripletMarginLoss()");
    assert_prints(TG_MODULE(tg_embedding_new(5, 3)), "Embedding(5, 3)");
    assert_prints(TG_MODULE(tg_embedding_new(5, 3, .padding_idx = -1, .max_norm = 2, .norm_type = 3,
                                             .scale_grad_by_freq = true)),
                  "Embedding(5, 3, padding_idx=4, max_norm=2.0, norm_type=3.0, scale_grad_by_freq=True)");
    assert_prints(TG_MODULE(tg_embedding_bag_new(5, 3)), "EmbeddingBag(5, 3, mode=mean)");
    assert_prints(TG_MODULE(tg_embedding_bag_new(5, 3, .max_norm = 0, .mode = "max", .padding_idx = 1)),
                  "EmbeddingBag(5, 3, max_norm=0.0, mode=max, padding_idx=1)");
    assert_prints(tg_softmin_new(1), "Softmin(dim=1)");
    assert_prints(tg_dropout1d_new(0.5), "Dropout1d(p=0.5, inplace=False)");
    assert_prints(tg_dropout2d_new(0.5), "Dropout2d(p=0.5, inplace=False)");
    assert_prints(tg_dropout3d_new(0.5), "Dropout3d(p=0.5, inplace=False)");
    assert_prints(tg_alpha_dropout_new(0.2), "AlphaDropout(p=0.2, inplace=False)");
    assert_prints(tg_feature_alpha_dropout_new(0.5), "FeatureAlphaDropout(p=0.5, inplace=False)");
    assert_prints(tg_dropout_new(0.0), "Dropout(p=0.0, inplace=False)");
    assert_prints(tg_dropout_new(1.0), "Dropout(p=1.0, inplace=False)");
    assert_prints(tg_dropout_new(0.1), "Dropout(p=0.1, inplace=False)");
    assert_prints(tg_dropout_new(1.0 / 3), "Dropout(p=0.3333333333333333, inplace=False)");
    assert_prints(tg_flatten_new(.start_dim = 0, .end_dim = 0), "Flatten(start_dim=0, end_dim=0)");
}

/* As Python's repr: the shortest digits, an exponent from 1e16 on and below 1e-4. */
TEST(test_print_of_numbers)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 100, "100.0" },
                  { 120, "120.0" },
                  { 1e15, "1000000000000000.0" },
                  { 1e16, "1e+16" },
                  { 1.5e10, "15000000000.0" },
                  { -30, "-30.0" },
                  { 123456.75, "123456.75" },
                  { 1e-5, "1e-05" },
                  { 0.0001, "0.0001" },
                  { 0, "0.0" },
                  { INFINITY, "inf" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "LeakyReLU(negative_slope=%s)", cases[i].text);
        tg_module *m = tg_leaky_relu_new(.negative_slope = cases[i].value);
        assert_prints(m, expected);
    }
}

TEST(test_print_of_users_modules)
{
    sample_model *m = tg_module_new(sample_model);
    assert_prints(TG_MODULE(m), "sample_model()");
    m = tg_module_new(sample_model, .extra_repr = two_lines);
    assert_prints(TG_MODULE(m), "sample_model(\n  a=1\n  b=2\n)");
    m = tg_module_new(sample_model, .extra_repr = two_lines);
    TG_SUBMODULE(m, none, tg_relu_new());
    assert_prints(TG_MODULE(m), "sample_model(\n  a=1\n  b=2\n  (none): ReLU()\n)");
    m = tg_module_new(sample_model, .name = "Long", .extra_repr = long_line);
    char expected[400];
    snprintf(expected, sizeof expected, "Long(%0300d)", 7);
    assert_prints(TG_MODULE(m), expected);
    char text[8];
    assert_int_equal(tg_module_format((tg_module *)NULL, text, sizeof text), 4);
    assert_string_equal(text, "None");
}

/* ---- names ---- */

TEST(test_named_parameters)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    /* as PyTorch lists them: own before children's, shared ones once and under their first name */
    static const char *const names[] = { "scale", "fc.weight", "fc.bias", "net.0.weight", "net.0.bias" };
    const tg_named_tensor_list named = tg_named_parameters(m);
    const tg_tensor_list list = tg_parameters(m);
    assert_int_equal(named.count, 5);
    assert_int_equal(list.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(named.items[i].name, names[i]);
        assert_ptr_equal(named.items[i].tensor, list.items[i]);
        assert_ptr_equal(tg_get_parameter(m, names[i]), list.items[i]);
        assert_true(tg_requires_grad(list.items[i]) && tg_is_leaf(list.items[i]));
    }
    assert_ptr_equal(list.items[1], m->fc->weight);
    assert_ptr_equal(tg_get_parameter(m, "net.1.weight"), m->fc->weight);
    assert_int_equal(tg_module_parameter_count(m), 2 + 4 + 2 + 1 + 1);
    assert_int_equal(tg_named_buffers(m).count, 1);
    assert_string_equal(tg_named_buffers(m).items[0].name, "running");
    assert_ptr_equal(tg_buffers(m).items[0], m->running);
    assert_ptr_equal(tg_get_buffer(m, "running"), m->running);
    assert_false(tg_requires_grad(m->running));
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_named_modules)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    static const char *const all[] = { "", "fc", "net", "net.0" }, *const children[] = { "fc", "net" };
    assert_int_equal(tg_named_modules(m).count, 4);
    assert_int_equal(tg_modules(m).count, 4);
    for (int i = 0; i < 4; i++) assert_string_equal(tg_named_modules(m).items[i].name, all[i]);
    assert_int_equal(tg_named_children(m).count, 2);
    for (int i = 0; i < 2; i++) assert_string_equal(tg_named_children(m).items[i].name, children[i]);
    assert_ptr_equal(tg_modules(m).items[0], &m->base);
    assert_ptr_equal(tg_children(m).items[1], &m->net->base);
    assert_ptr_equal(tg_get_submodule(m, "net.1"), &m->fc->base);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_unknown_names)
{
    sample_model *m = sample_model_new();
    static const char *const wrong[] = { "",       "fc",      "fc.",          "fc.weigh", "fc.weights",
                                         ".scale", "scale.x", "net.2.weight", "none.x" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(tg_get_parameter(m, wrong[i]));
        expect_error("M has no attribute `");
    }
    assert_null(tg_get_submodule(m, "scale"));
    expect_error("get_submodule: M has no attribute `scale`");
    tg_module_free(m);
}

TEST(test_lstm_names)
{
    tg_scope scope = tg_scope_begin();
    tg_lstm *m = tg_lstm_new(5, 8, .num_layers = 2, .bidirectional = true, .proj_size = 3);
    static const char *const parts[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr" };
    static const char *const suffixes[] = { "_l0", "_l0_reverse", "_l1", "_l1_reverse" };
    const tg_named_tensor_list named = tg_named_parameters(m);
    assert_int_equal(named.count, 20);
    for (int i = 0; i < 20; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", parts[i % 5], suffixes[i / 5]);
        assert_string_equal(named.items[i].name, name);
    }
    assert_int_equal(tg_size(tg_get_parameter(m, "weight_ih_l1_reverse"), 1), 6);
    assert_ptr_equal(m->core.weights[3].weight_hr, tg_get_parameter(m, "weight_hr_l1_reverse"));
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_bad_names)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    assert_null(tg_register_parameter(m, "a.b", tg_ones(tg_shape(1))));
    expect_error("parameter name can't contain \".\"");
    assert_null(tg_register_buffer(m, "", tg_ones(tg_shape(1))));
    expect_error("buffer name can't be empty string \"\"");
    assert_null(tg_register_parameter(m, "fc", tg_ones(tg_shape(1))));
    expect_error("attribute 'fc' already exists");
    assert_int_equal(tg_register_module(m, "scale", tg_relu_new()), TG_FAILED); /* and the ReLU is freed */
    expect_error("attribute 'scale' already exists");
    assert_null(tg_register_parameter(m, "count", tg_zeros(tg_shape(1), .dtype = TG_INT64)));
    expect_error("floating point");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- ownership ---- */

/* A free function that counts, to see that each module is freed, and once. */
static int freed;
static void count_free(tg_module *m)
{
    (void)m;
    freed++;
}

TEST(test_shared_modules_are_freed_once)
{
    freed = 0;
    sample_model *a = tg_module_new(sample_model), *b = tg_module_new(sample_model);
    tg_module *shared = TG_MODULE(tg_module_new(sample_model, .free = count_free));
    TG_SUBMODULE(a, none, shared);
    TG_SUBMODULE(b, none, shared);
    assert_int_equal(tg_register_module(b, "twice", shared), TG_OK);
    tg_module_free(shared);
    expect_error("registered with another one, which frees it");
    tg_module_free(a);
    assert_int_equal(freed, 0);
    TG_REPLACE_SUBMODULE(b, none, NULL);
    assert_int_equal(freed, 0);
    tg_module_free(b);
    assert_int_equal(freed, 1);
}

TEST(test_replacing)
{
    tg_scope scope = tg_scope_begin();
    freed = 0;
    sample_model *m = sample_model_new();
    TG_SUBMODULE(m, none, TG_MODULE(tg_module_new(sample_model, .free = count_free)));
    TG_REPLACE_SUBMODULE(m, none, m->none); /* the same again: nothing happens */
    assert_int_equal(freed, 0);
    TG_REPLACE_SUBMODULE(m, none, tg_relu_new());
    assert_int_equal(freed, 1);
    TG_REPLACE_PARAMETER(m, scale, tg_zeros(tg_shape(2)));
    assert_ptr_equal(tg_parameters(m).items[0], m->scale);
    assert_int_equal(tg_parameters(m).count, 5);
    tg_linear *tied = tg_linear_new(2, 2);
    TG_REPLACE_PARAMETER(tied, weight, m->fc->weight); /* weight tying */
    TG_REPLACE_SUBMODULE(m, again, tied);
    assert_int_equal(tg_parameters(m).count, 6);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_no_cycles)
{
    sample_model *a = tg_module_new(sample_model), *b = tg_module_new(sample_model);
    TG_SUBMODULE(a, none, TG_MODULE(b));
    assert_int_equal(tg_register_module(b, "up", a), TG_FAILED);
    expect_error("a module cannot contain itself");
    assert_int_equal(tg_register_module(a, "me", a), TG_FAILED);
    expect_error("a module cannot contain itself");
    tg_module_free(a);
}

TEST(test_parameters_outlive_scopes)
{
    sample_model *m = NULL;
    tg_scope scope = tg_scope_begin();
    m = sample_model_new();
    tg_scope_end(scope);
    for (int i = 0; i < 3; i++) {
        scope = tg_scope_begin();
        tg_tensor *y = tg_module_forward(m, tg_ones(tg_shape(3, 2)));
        tg_backward(tg_sum(y));
        assert_non_null(tg_grad_of(m->fc->weight));
        assert_null(tg_grad_of(tg_get_parameter(m, "net.0.weight")));
        tg_scope_end(scope);
    }
    assert_int_equal(tg_numel(m->scale), 2);
    tg_module_zero_grad(m);
    assert_null(tg_grad_of(m->fc->weight));
    tg_module_free(m);
}

/* As torch.nn.Parameter: a leaf over the same values, whatever history they had. */
TEST(test_parameter_with_a_history)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = tg_module_new(sample_model);
    tg_tensor *x = tg_mul(tg_ones(tg_shape(2), .requires_grad = true), 2.0);
    TG_PARAMETER(m, scale, x);
    assert_ptr_not_equal(m->scale, x);
    assert_true(tg_is_leaf(m->scale) && tg_requires_grad(m->scale) && tg_shares_storage(m->scale, x));
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_freeing_leaves_nothing)
{
    tg_module_free(sample_model_new()); /* the pool's own structures are there now */
    const tg_memory_statistics before = tg_memory_stats();
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    tg_lstm *lstm = tg_lstm_new(3, 4, .num_layers = 2);
    tg_loss *loss = tg_cross_entropy_loss_new(.weight = tg_ones(tg_shape(3)));
    tg_module_forward(m, tg_ones(tg_shape(3, 2)));
    tg_module_free(m);
    tg_module_free(&lstm->base);
    tg_module_free(loss);
    tg_scope_end(scope);
    const tg_memory_statistics after = tg_memory_stats();
    assert_int_equal(after.live_tensors, before.live_tensors);
    assert_int_equal(after.live_bytes, before.live_bytes);
}

/* ---- NULL ---- */

TEST(test_null_module)
{
    tg_scope scope = tg_scope_begin();
    sample_model *nothing = NULL;
    tg_linear *no_linear = NULL;
    tg_module_free(nothing);
    tg_module_free((tg_module *)NULL);
    assert_false(tg_failed());
    assert_null(tg_module_forward(nothing, tg_ones(tg_shape(1))));
    expect_error("the module is NULL");
    assert_null(tg_linear_forward(no_linear, tg_ones(tg_shape(1))));
    expect_error("Linear: the module is NULL");
    assert_int_equal(tg_parameters(nothing).count, 0);
    expect_error("the module is NULL");
    assert_int_equal(tg_named_parameters(nothing).count, 0);
    tg_module_train(nothing);
    tg_module_eval(nothing);
    tg_module_requires_grad_(nothing, false);
    tg_module_zero_grad(nothing);
    assert_int_equal(tg_module_to(nothing, TG_FLOAT64), TG_FAILED);
    assert_int_equal(tg_module_parameter_count(nothing), 0);
    assert_null(tg_get_parameter(nothing, "x"));
    assert_int_equal(tg_error_get().later, 0); /* one error explains them all */
    tg_error_clear();
    TG_SUBMODULE(nothing, fc, tg_linear_new(2, 2)); /* frees the Linear */
    expect_error("the module is NULL");
    TG_PARAMETER(nothing, scale, tg_ones(tg_shape(1)));
    expect_error("the module is NULL");
    assert_int_equal(tg_sequential_append((tg_sequential *)NULL, tg_relu_new()), TG_FAILED);
    expect_error("the module is NULL");
    assert_null(tg_loss_forward((tg_loss *)NULL, tg_ones(tg_shape(1)), tg_ones(tg_shape(1))));
    expect_error("the module is NULL");
    tg_scope_end(scope);
}

/* A child or tensor that failed leaves a module that can be called (in vain) and freed. */
TEST(test_half_built_module)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = tg_module_new(sample_model, .forward = sample_forward);
    TG_SUBMODULE(m, fc, tg_linear_new(-2, 2));
    TG_SUBMODULE(m, again, tg_linear_new(2, 2));
    TG_PARAMETER(m, scale, tg_ones(tg_shape(-1)));
    TG_SUBMODULE(m, none, tg_dropout_new(2.0));
    assert_null(m->scale);
    assert_null(m->none);
    assert_null(tg_module_forward(m, tg_ones(tg_shape(3, 2))));
    expect_error("Trying to create tensor with negative dimension -2: [2, -2]");
    assert_null(tg_module_forward(m, tg_ones(tg_shape(3, 2))));
    expect_error("NULL");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- calling ---- */

TEST(test_forward)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    tg_tensor *x = tg_randn(tg_shape(3, 2));
    const int64_t before = tg_memory_stats().live_tensors;
    tg_tensor *y = tg_module_forward(m, x);
    assert_non_null(tg_grad_fn(y));
    assert_int_equal(tg_memory_stats().live_tensors - before,
                     2 + 1); /* y, and what two nodes saved: the inner results */
    assert_null(tg_module_forward(m, NULL));
    expect_error("M: argument 1 is NULL");
    sample_model *mute = tg_module_new(sample_model, .name = "Mute");
    char line[128];
    snprintf(line, sizeof line, "test_nn.c:%d: Mute: Module [Mute] is missing the required \"forward\" function",
             __LINE__ + 1);
    assert_null(tg_module_forward(mute, x));
    expect_error(line);
    tg_module_free(mute);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- the whole tree ---- */

static void record_order(tg_module *m, void *context)
{
    strcat(context, m->base.name);
    strcat(context, " ");
}

TEST(test_tree)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    assert_true(m->base.training && m->fc->base.training);
    tg_module_eval(m);
    assert_false(m->base.training || m->fc->base.training || m->net->base.training);
    tg_module_train(m);
    assert_true(m->base.training && m->net->base.training);
    tg_module_requires_grad_(m, false);
    assert_false(tg_requires_grad(m->scale) || tg_requires_grad(m->fc->bias));
    tg_module_requires_grad_(m, true);
    assert_true(tg_requires_grad(m->scale) && tg_requires_grad(m->fc->bias));
    char order[256] = "";
    tg_module_apply(m, record_order, order);
    assert_string_equal(order, "Linear Linear Linear Sequential M ");
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_to)
{
    tg_scope scope = tg_scope_begin();
    sample_model *m = sample_model_new();
    tg_tensor *weight = m->fc->weight,
              *counter = tg_register_buffer(m, "counter", tg_zeros(tg_shape(1), .dtype = TG_INT64));
    double before[4], grad[4];
    tg_to_array(weight, before, 4);
    tg_backward(tg_sum(tg_module_forward(m, tg_ones(tg_shape(3, 2)))));
    tg_to_array(tg_grad_of(weight), grad, 4);
    assert_int_equal(tg_module_to(m, TG_FLOAT64), TG_OK);
    assert_ptr_equal(m->fc->weight, weight);
    assert_int_equal(tg_dtype_of(weight), TG_FLOAT64);
    assert_int_equal(tg_dtype_of(m->running), TG_FLOAT64);
    assert_int_equal(tg_dtype_of(counter), TG_INT64);
    assert_values(weight, before, 4, 0);
    assert_int_equal(tg_dtype_of(tg_grad_of(weight)), TG_FLOAT64);
    assert_values(tg_grad_of(weight), grad, 4, 0);
    assert_true(tg_is_leaf(weight) && tg_requires_grad(weight));
    tg_tensor *y = tg_module_forward(m, tg_ones(tg_shape(3, 2), .dtype = TG_FLOAT64));
    assert_int_equal(tg_dtype_of(y), TG_FLOAT64);
    tg_module_to(m, TG_FLOAT32); /* what y's history saved is gone: an error, not a wrong gradient */
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
    expect_error("modified by an inplace operation");
    assert_int_equal(tg_module_to(m, TG_INT64), TG_FAILED);
    expect_error("nn.Module.to only accepts floating point dtypes, but got desired dtype=int64");
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_print),
        T(test_print_of_numbers),
        T(test_print_of_users_modules),
        T(test_named_parameters),
        T(test_named_modules),
        T(test_unknown_names),
        T(test_lstm_names),
        T(test_bad_names),
        T(test_shared_modules_are_freed_once),
        T(test_replacing),
        T(test_no_cycles),
        T(test_parameters_outlive_scopes),
        T(test_parameter_with_a_history),
        T(test_freeing_leaves_nothing),
        T(test_null_module),
        T(test_half_built_module),
        T(test_forward),
        T(test_tree),
        T(test_to),
    };
    return cmocka_run_group_tests_name("nn", tests, NULL, NULL);
}
