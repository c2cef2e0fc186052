/* test_modules_failing.c: models built, run, copied, listed and freed while each allocation fails in turn: an error for want of
 * memory, nothing lost, nothing freed twice. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/suite.h"

typedef struct {
    tg_module base;
    tg_linear *layers[2];
    tg_tensor *scales[2];
    tg_lstm *lstm;
    tg_gru *gru;
} model;

static model *model_new(void)
{
    model *m = tg_module_new(model);
    for (int i = 0; m && i < 2; i++) {
        TG_SUBMODULES(m, layers, i, tg_linear_new(2, 2));
        TG_PARAMETERS(m, scales, i, tg_ones(tg_shape(1)));
    }
    TG_SUBMODULE(m, lstm, tg_lstm_new(2, 2));
    TG_SUBMODULE(m, gru, tg_gru_new(2, 2));
    return m;
}

static double build_and_copy(void)
{
    tg_module_list *list = tg_module_list_new();
    model *m = model_new();
    for (int i = 0; i < 20; i++) tg_module_list_append(list, tg_identity_new());
    tg_module_list_insert(list, 3, m);
    tg_module_list_append(list, tg_module_list_new(list ? tg_module_list_get(list, 0) : NULL));
    tg_module_list *copy = tg_module_copy(list);
    const double names = (double)tg_named_parameters(copy).count;
    tg_module_zero_grad(copy);
    tg_module_free(copy);
    tg_module_free(list);
    return tg_failed() ? 0 : names;
}

static double run_recurrent(void)
{
    tg_manual_seed(1);
    tg_lstm *lstm = tg_lstm_new(2, 2, .num_layers = 2);
    tg_gru *gru = tg_gru_new(2, 2, .bidirectional = true);
    tg_gru_cell *cell = tg_gru_cell_new(2, 2);
    tg_tensor *x = tg_ones(tg_shape(2, 1, 2)), *y = tg_lstm_forward(lstm, x).output;
    tg_tensor *h = tg_sum(tg_gru_forward(gru, y).h_n);
    tg_backward(tg_add(h, tg_sum(tg_gru_cell_forward(cell, tg_ones(tg_shape(2))))));
    const double result = 1 + tg_item(tg_sum(tg_grad_of(tg_get_parameter(lstm, "weight_ih_l0"))));
    tg_module_free(cell);
    tg_module_free(gru);
    tg_module_free(lstm);
    return tg_failed() ? 0 : result;
}

static double run_transformer(void)
{
    tg_manual_seed(1);
    tg_transformer *m = tg_transformer_new(.d_model = 2, .nhead = 1, .num_encoder_layers = 1, .num_decoder_layers = 1,
                                           .dim_feedforward = 2);
    tg_multihead_attention *attention = tg_multihead_attention_new(2, 1, .add_bias_kv = true, .add_zero_attn = true);
    tg_tensor *x = tg_ones(tg_shape(2, 1, 2)), *causal = tg_generate_square_subsequent_mask(2);
    tg_tensor *padding = tg_zeros(tg_shape(1, 2), .dtype = TG_BOOL);
    tg_tensor *y = tg_transformer_forward(m, x, x, .tgt_mask = causal, .tgt_key_padding_mask = padding);
    tg_backward(tg_sum(tg_multihead_attention_forward(attention, y, x, x, .attn_mask = causal).output));
    const double result = 1 + tg_item(tg_sum(tg_grad_of(tg_get_parameter(m, "decoder.norm.weight"))));
    tg_module_free(attention);
    tg_module_free(m);
    return tg_failed() ? 0 : result;
}

static double build_deep(void)
{
    tg_module *m = TG_MODULE(tg_linear_new(1, 1));
    for (int i = 0; i < 20; i++) m = TG_MODULE(tg_sequential_new(m));
    const double count = (double)(tg_modules(m).count + tg_module_parameter_count(m));
    tg_module_free(m);
    return tg_failed() ? 0 : count;
}

/* 1 more than the sum of t when it is written; -1 when a failure has left something else than it found, ones. */
static double sum_or_untouched(tg_tensor *t, const tg_tensor *initialised)
{
    if (initialised) return 1 + fabs(tg_item(tg_sum(t)));
    for (int64_t i = 0; t && i < tg_numel(t); i++)
        if (((const float *)tg_data(t, TG_FLOAT32))[i] != 1) return -1;
    return 0;
}

static double initialise(void)
{
    tg_manual_seed(1);
    tg_tensor *t[5];
    for (int i = 0; i < 5; i++) t[i] = tg_ones(i == 4 ? tg_shape(2, 2, 2) : tg_shape(3, 2));
    const double sums[] = {
        sum_or_untouched(t[0], tg_init_trunc_normal_(t[0])), sum_or_untouched(t[1], tg_init_orthogonal_(t[1])),
        sum_or_untouched(t[2], tg_init_sparse_(t[2], 0.5)),  sum_or_untouched(t[3], tg_init_eye_(t[3])),
        sum_or_untouched(t[4], tg_init_dirac_(t[4])),
    };
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        if (sums[i] < 0) return -1;
        sum += sums[i];
    }
    return tg_failed() ? 0 : sum;
}

TEST(test_building_and_copying) { fail_each_allocation(build_and_copy); }

TEST(test_running_recurrent) { fail_each_allocation(run_recurrent); }

TEST(test_initialising) { fail_each_allocation(initialise); }

TEST(test_running_a_transformer) { fail_each_allocation(run_transformer); }

TEST(test_building_deep) { fail_each_allocation(build_deep); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_building_and_copying),  T(test_running_recurrent), T(test_initialising),
        T(test_running_a_transformer), T(test_building_deep),
    };
    return cmocka_run_group_tests_name("modules_failing", tests, NULL, NULL);
}
