/* test_summary.c: what layers make and cost, against numbers computed by hand, and the table of them. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include <stdio.h>

static void assert_layer(const tg_layer_summary *l, const char *name, const char *kind, int64_t parameters,
                         int64_t multiply_adds)
{
    assert_string_equal(l->name, name);
    assert_string_equal(l->kind, kind);
    assert_int_equal(l->parameters, parameters);
    assert_int_equal(l->multiply_adds, multiply_adds);
}

static void assert_output(const tg_layer_summary *l, tg_shape shape)
{
    assert_true(tg_shape_equal(&l->output, &shape));
}

TEST(test_table)
{
    IN_SCOPE;
    tg_sequential *m = tg_sequential_new(tg_linear_new(5, 8), tg_tanh_new(), tg_linear_new(8, 1));
    tg_tensor *x = tg_ones(tg_shape(4, 5));
    static const char expected[] = "Layer     Kind         Output   Parameters   Multiply-adds   Saved bytes\n"
                                   "------------------------------------------------------------------------\n"
                                   "(model)   Sequential   [4, 1]            0               0             0\n"
                                   "0         Linear       [4, 8]           48             160            80\n"
                                   "1         Tanh         [4, 8]            0               0           128\n"
                                   "2         Linear       [4, 1]            9              32             0\n"
                                   "------------------------------------------------------------------------\n"
                                   "Total                                   57             192           208";
    char text[1024];
    assert_int_equal(tg_module_summary_format(m, x, text, sizeof text), (int64_t)strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(tg_module_summary_format(m, x, text, 10), (int64_t)strlen(expected));
    assert_string_equal(text, "Layer    ");
    FILE *file = tmpfile();
    tg_module_summary_fprint(file, m, x);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(strlen(text), strlen(expected) + 1);
    assert_memory_equal(text, expected, strlen(expected));
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_convolutions)
{
    IN_SCOPE;
    tg_conv *grouped = tg_conv2d_new(4, 6, tg_shape(3), .groups = 2, .bias = false, .stride = tg_shape(2));
    tg_sequential *m =
        tg_sequential_new(tg_conv2d_new(3, 4, tg_shape(3), .padding = tg_shape(1)), tg_batch_norm2d_new(4),
                          tg_relu_new(), grouped, tg_conv_transpose2d_new(6, 6, tg_shape(2)), tg_flatten_new(),
                          tg_linear_new(6 * 4 * 4, 2));
    tg_module_requires_grad_(grouped, false);
    const tg_summary s = tg_module_summary(m, tg_ones(tg_shape(2, 3, 7, 7)));
    assert_int_equal(s.count, 8);
    assert_layer(&s.layers[1], "0", "Conv2d", 4 * 27 + 4, 2 * 4 * 49 * 27);
    assert_output(&s.layers[1], tg_shape(2, 4, 7, 7));
    assert_int_equal(s.layers[1].saved_bytes, 2 * 3 * 49 * 4);
    assert_layer(&s.layers[2], "1", "BatchNorm2d", 8, 0);
    assert_layer(&s.layers[4], "3", "Conv2d", 6 * 2 * 9, 2 * 6 * 9 * (2 * 9));
    assert_output(&s.layers[4], tg_shape(2, 6, 3, 3));
    assert_layer(&s.layers[5], "4", "ConvTranspose2d", 6 * 6 * 4 + 6, 2 * 6 * 9 * (6 * 4));
    assert_layer(&s.layers[7], "6", "Linear", 2 * 96 + 2, 2 * 2 * 96);
    assert_output(&s.layers[7], tg_shape(2, 2));
    assert_int_equal(s.parameters, tg_module_parameter_count(m));
    assert_int_equal(s.trainable_parameters, s.parameters - 108);
    assert_int_equal(s.multiply_adds, 2 * 4 * 49 * 27 + 2 * 6 * 9 * 18 + 2 * 6 * 9 * 24 + 2 * 2 * 96);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_recurrent)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(3, 2, 4));
    tg_module *const modules[] = { TG_MODULE(tg_lstm_new(4, 5)), TG_MODULE(tg_gru_new(4, 5)),
                                   TG_MODULE(tg_rnn_new(4, 5, .num_layers = 2, .bidirectional = true)) };
    const int64_t gates[] = { 4, 3, 1 };
    for (int i = 0; i < 3; i++) {
        const tg_summary s = tg_module_summary(modules[i], x);
        const int64_t rows = gates[i] * 5, directions = i == 2 ? 2 : 1;
        int64_t expected = directions * (3 * 2 * rows * 4 + 3 * 2 * rows * 5); /* x, and h at each step */
        if (i == 2) expected += 2 * (3 * 2 * rows * 10 + 3 * 2 * rows * 5);    /* another layer, on both directions */
        assert_int_equal(s.count, 1);
        assert_int_equal(s.multiply_adds, expected);
        assert_output(&s.layers[0], tg_shape(3, 2, 5 * directions));
        tg_module_free(modules[i]);
    }
    tg_scope_end(scope);
}

/* A model with ops of its own, a layer called twice and one not at all, and a shared parameter. */
typedef struct {
    tg_module base;
    tg_linear *fc, *idle, *tied;
    tg_embedding *embedding;
} model;

static tg_tensor *model_forward(tg_module *module, tg_tensor *x)
{
    const model *m = (const model *)module;
    tg_tensor *e = tg_embedding_forward(m->embedding, x);
    tg_tensor *q = tg_linear_forward(m->fc, tg_linear_forward(m->fc, e)), *keys = tg_ones(tg_shape(3, 5, 4));
    tg_tensor *a = tg_scaled_dot_product_attention(q, tg_mul(q, 2), tg_matmul(q, tg_ones(tg_shape(4, 6))));
    tg_tensor *b = tg_matmul(tg_ones(tg_shape(7, 5)), tg_select(q, 0, 0));
    return tg_add(tg_add(tg_sum(a), tg_sum(b)), tg_sum(tg_add(tg_linear_forward(m->tied, q), tg_sum(keys))));
}

static model *model_new(void)
{
    model *m = tg_module_new(model, .name = "Model", .forward = model_forward);
    if (!m) return NULL;
    TG_SUBMODULE(m, fc, tg_linear_new(4, 4));
    TG_SUBMODULE(m, idle, tg_linear_new(2, 2));
    TG_SUBMODULE(m, tied, tg_linear_new(4, 4, .bias = false));
    TG_SUBMODULE(m, embedding, tg_embedding_new(10, 4));
    if (m->tied && m->fc) TG_REPLACE_PARAMETER(m->tied, weight, m->fc->weight);
    return m;
}

TEST(test_own_ops)
{
    IN_SCOPE;
    model *m = model_new();
    const tg_summary s = tg_module_summary(m, tg_zeros(tg_shape(3, 5), .dtype = TG_INT64));
    assert_int_equal(s.count, 5);
    assert_layer(&s.layers[0], "", "Model", 0, 3 * 5 * 6 * 4 + 3 * 5 * 5 * (4 + 6) + 7 * 4 * 5);
    assert_layer(&s.layers[1], "fc", "Linear", 20, 2 * 15 * 16);
    assert_int_equal(s.layers[1].calls, 2);
    assert_layer(&s.layers[2], "idle", "Linear", 6, 0);
    assert_int_equal(s.layers[2].calls, 0);
    assert_int_equal(s.layers[2].output.ndim, -1);
    assert_layer(&s.layers[3], "tied", "Linear", 0, 15 * 16);
    assert_layer(&s.layers[4], "embedding", "Embedding", 40, 0);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* A model of attention and a transformer, which are called by their own functions. */
typedef struct {
    tg_module base;
    tg_multihead_attention *attention;
    tg_transformer *transformer;
} translator;

static tg_tensor *translator_forward(tg_module *module, tg_tensor *x)
{
    const translator *m = (const translator *)module;
    tg_tensor *y = tg_multihead_attention_forward(m->attention, x, x, x).output;
    return tg_transformer_forward(m->transformer, x, tg_narrow(y, 0, 0, 2));
}

TEST(test_attention)
{
    IN_SCOPE;
    translator *m = tg_module_new(translator, .name = "Translator", .forward = translator_forward);
    TG_SUBMODULE(m, attention, tg_multihead_attention_new(4, 2));
    TG_SUBMODULE(m, transformer,
                 tg_transformer_new(.d_model = 4, .nhead = 2, .num_encoder_layers = 1, .num_decoder_layers = 1,
                                    .dim_feedforward = 8));
    const tg_summary s = tg_module_summary(m, tg_randn(tg_shape(3, 5, 4)));
    static const struct {
        const char *name, *kind;
        int64_t steps, multiply_adds; /* steps: of the output */
    } expected[] = {
        /* of a sample of t queries and s keys: projections (t + 2 s) 16, scores and means 2 t s 4 */
        { "", "Translator", 2, 0 },
        { "attention", "MultiheadAttention", 3, 5 * (9 * 16 + 2 * 9 * 4) },
        { "attention.out_proj", "NonDynamicallyQuantizableLinear", 3, 5 * 3 * 16 },
        { "transformer", "Transformer", 2, 0 },
        { "transformer.encoder", "TransformerEncoder", 3, 0 },
        { "transformer.encoder.layers.0", "TransformerEncoderLayer", 3, 0 },
        { "transformer.encoder.layers.0.self_attn", "MultiheadAttention", 3, 5 * (9 * 16 + 2 * 9 * 4) },
        { "transformer.encoder.layers.0.linear1", "Linear", 3, 5 * 3 * 32 },
        { "transformer.decoder", "TransformerDecoder", 2, 0 },
        { "transformer.decoder.layers.0", "TransformerDecoderLayer", 2, 0 },
        { "transformer.decoder.layers.0.self_attn", "MultiheadAttention", 2, 5 * (6 * 16 + 2 * 4 * 4) },
        { "transformer.decoder.layers.0.multihead_attn", "MultiheadAttention", 2, 5 * (8 * 16 + 2 * 6 * 4) },
        { "transformer.decoder.layers.0.linear2", "Linear", 2, 5 * 2 * 32 },
    };
    enum { EXPECTED = sizeof expected / sizeof *expected };
    int found = 0;
    for (int64_t i = 0; i < s.count && found < EXPECTED; i++) {
        if (strcmp(s.layers[i].name, expected[found].name) != 0) continue;
        assert_layer(&s.layers[i], expected[found].name, expected[found].kind, s.layers[i].parameters,
                     expected[found].multiply_adds);
        assert_output(&s.layers[i], tg_shape(expected[found].steps, 5, s.layers[i].output.dims[2]));
        assert_int_equal(s.layers[i].calls, 1);
        found++;
    }
    assert_int_equal(found, EXPECTED);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* The module, the random stream and the tape are as they were. */
TEST(test_nothing_changes)
{
    IN_SCOPE;
    tg_batch_norm *bn = tg_batch_norm1d_new(3);
    tg_linear *fc = tg_linear_new(3, 3);
    tg_sequential *m = tg_sequential_new(fc, bn, tg_dropout_new(0.5));
    tg_module_requires_grad_(fc, false);
    tg_tensor *x = tg_ones(tg_shape(4, 3), .requires_grad = true), *mean = tg_clone(bn->running_mean);
    tg_manual_seed(5);
    tg_tensor *expected = tg_rand(tg_shape(3));
    tg_manual_seed(5);
    const int64_t length = tg_tape_length();
    const tg_scope quiet = tg_no_grad_begin();
    const tg_summary s = tg_module_summary(m, x);
    assert_true(s.layers[1].multiply_adds == 36 && s.layers[3].saved_bytes > 0);
    tg_scope_end(quiet);
    assert_int_equal(tg_tape_length(), length);
    assert_true(tg_equal(tg_rand(tg_shape(3)), expected));
    assert_true(tg_equal(bn->running_mean, mean) && tg_item(bn->num_batches_tracked) == 0);
    assert_true(!tg_requires_grad(fc->weight) && !tg_grad_of(x) && !m->base.hooks && !fc->base.hooks);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_errors)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(3, 2);
    tg_loss *loss = tg_mse_loss_new();
    assert_int_equal(tg_module_summary(m, tg_ones(tg_shape(1, 4))).count, 0);
    expect_error("mat1 and mat2 shapes cannot be multiplied");
    assert_int_equal(tg_module_summary(loss, tg_ones(tg_shape(1))).count, 0);
    expect_error("missing the required \"forward\" function");
    assert_int_equal(tg_module_summary(m, NULL).count, 0);
    expect_error("NULL");
    assert_int_equal(tg_module_summary_format(m, tg_ones(tg_shape(3)), NULL, 5), 0);
    expect_error("there is nothing to write to");
    char text[8] = "before";
    assert_int_equal(tg_module_summary_format(m, tg_ones(tg_shape(4)), text, sizeof text), 0);
    expect_error("mat1 and mat2");
    assert_string_equal(text, "");
    tg_module_free(loss);
    tg_module_free(m);
    tg_scope_end(scope);
}

static double summarise(void)
{
    model *m = model_new();
    const tg_summary s = tg_module_summary(m, tg_zeros(tg_shape(3, 5), .dtype = TG_INT64));
    tg_module_free(m);
    return tg_failed() ? 0 : (double)s.multiply_adds;
}

TEST(test_each_allocation) { fail_each_allocation(summarise); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_table),     T(test_convolutions),    T(test_recurrent), T(test_own_ops),
        T(test_attention), T(test_nothing_changes), T(test_errors),    T(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
