/* ports.h: the models of tests/golden/compare.py in C, by somebody who makes mistakes: `planted` says which. For
 * test_compare.c. */
#ifndef TG_TESTS_SUPPORT_PORTS_H
#define TG_TESTS_SUPPORT_PORTS_H

#include <tapegrad.h>

#include <math.h>
#include <string.h>

typedef enum mistake {
    NO_MISTAKE,
    /* of any model */
    WRONG_DATA, SUMMED_LOSS, NEGATIVE_LOSS,
    /* of a recurrent layer */
    GATES_IN_ANOTHER_ORDER, NO_HIDDEN_BIAS, ONE_ON_FORGET, BATCH_SECOND, MIXED_OTHERWISE, RESET_FIRST,
    SEQUENCE_REVERSED, FIRST_STEP_LAST, CUT_OFF,
    /* of a cell */
    STATES_SWAPPED, A_STEP_LATE, STATE_NOT_RESET,
    /* of the mlp */
    EVAL_MODE, DROPOUT_OFF, NORM_EPS, NORM_MOMENTUM, GELU_FOR_RELU, NO_BIAS, TWO_BIASES, NOT_TRANSPOSED, OTHER_DROPOUT,
    /* of a block */
    NO_SCALE, NO_MASK, SOFTMAX_OF_QUERIES, FOUR_HEADS, NO_RESIDUAL, TANH_GELU, UNBIASED, HAND_EPS, KEYS_FOR_QUERIES,
    /* of an encoder layer */
    LAYER_HEADS, LAYER_ACTIVATION, LAYER_NORM_FIRST,
    /* of a filter; MEAN_OF_STEPS of a recurrent layer, RESHAPED of a block, too */
    RESHAPED, TANH_FOR_RELU, MEAN_OF_STEPS, LAST_STEP, NOT_SMOOTHED,
} mistake;

static mistake planted;
static bool is(mistake m) { return planted == m; }

/* ---- a recurrent layer by hand, over [batch, time, 3], and a Linear ---- */

typedef struct hand_rnn {
    tg_module base;
    tg_tensor *weight_ih_l0, *weight_hh_l0, *bias_ih_l0, *bias_hh_l0;
    bool gru;
} hand_rnn;

static tg_tensor *lstm_mixed(tg_tensor *gates, tg_tensor **c)
{
    const tg_tensor_list parts = tg_chunk(gates, 4, 1);
    const int f = is(GATES_IN_ANOTHER_ORDER) ? 0 : 1, i = 1 - f;
    tg_tensor *forget = is(ONE_ON_FORGET) ? tg_add(parts.items[f], 1.0) : parts.items[f];
    *c = tg_add(tg_mul(tg_sigmoid(forget), *c), tg_mul(tg_sigmoid(parts.items[i]), tg_tanh(parts.items[2])));
    return tg_mul(tg_sigmoid(parts.items[3]), tg_tanh(*c));
}

static tg_tensor *gru_mixed(hand_rnn *m, tg_tensor *gi, tg_tensor *gh, tg_tensor *h)
{
    const tg_tensor_list a = tg_chunk(gi, 3, 1), b = tg_chunk(gh, 3, 1);
    tg_tensor *r = tg_sigmoid(tg_add(a.items[0], b.items[0])), *z = tg_sigmoid(tg_add(a.items[1], b.items[1]));
    tg_tensor *part = tg_mul(r, b.items[2]);
    if (is(RESET_FIRST))
        part = tg_chunk(tg_linear(tg_mul(r, h), m->weight_hh_l0, m->bias_hh_l0), 3, 1).items[2];
    tg_tensor *n = tg_tanh(tg_add(a.items[2], part));
    if (is(MIXED_OTHERWISE)) return tg_add(tg_mul(z, n), tg_mul(tg_sub(1.0, z), h));
    return tg_add(tg_mul(tg_sub(1.0, z), n), tg_mul(z, h));
}

static tg_tensor *hand_rnn_forward(tg_module *module, tg_tensor *x)
{
    hand_rnn *m = (hand_rnn *)module;
    const int time_dim = is(BATCH_SECOND) ? 0 : 1;
    const int64_t time = tg_size(x, time_dim);
    tg_tensor *h = tg_zeros(tg_shape(tg_size(x, 1 - time_dim), 4)), *c = h, *said[8];
    for (int64_t t = 0; t < time; t++) {
        const int64_t at = is(SEQUENCE_REVERSED) ? time - 1 - t : t;
        tg_tensor *gi = tg_linear(tg_select(x, time_dim, at), m->weight_ih_l0, m->bias_ih_l0);
        tg_tensor *gh = tg_linear(h, m->weight_hh_l0, is(NO_HIDDEN_BIAS) ? NULL : m->bias_hh_l0);
        h = m->gru ? gru_mixed(m, gi, gh, h) : lstm_mixed(tg_add(gi, gh), &c);
        if (is(CUT_OFF)) h = tg_detach(h);
        said[t] = h;
    }
    if (is(CUT_OFF)) said[time - 1] = tg_add(said[time - 1], tg_mul(tg_sum(m->bias_hh_l0), 0.0));
    return tg_stack(tg_list_of(said, time), time_dim);
}

typedef struct sequence {
    tg_module base;
    hand_rnn *rnn;
    tg_linear *fc;
} sequence;

static tg_tensor *sequence_forward(tg_module *module, tg_tensor *x)
{
    sequence *m = (sequence *)module;
    tg_tensor *said = tg_module_forward(m->rnn, x);
    if (is(MEAN_OF_STEPS)) return tg_linear_forward(m->fc, tg_mean(said, .dim = 1));
    return tg_linear_forward(m->fc, tg_select(said, 1, is(FIRST_STEP_LAST) ? 0 : -1));
}

static tg_module *sequence_new(bool gru)
{
    const int64_t gates = gru ? 3 : 4;
    sequence *m = tg_module_new(sequence, .name = "Sequence", .forward = sequence_forward);
    hand_rnn *rnn = tg_module_new(hand_rnn, .name = "hand_rnn", .forward = hand_rnn_forward);
    if (!m || !rnn) return NULL;
    rnn->gru = gru;
    TG_PARAMETER(rnn, weight_ih_l0, tg_zeros(tg_shape(4 * gates, 3)));
    TG_PARAMETER(rnn, weight_hh_l0, tg_zeros(tg_shape(4 * gates, 4)));
    TG_PARAMETER(rnn, bias_ih_l0, tg_zeros(tg_shape(4 * gates)));
    TG_PARAMETER(rnn, bias_hh_l0, tg_zeros(tg_shape(4 * gates)));
    TG_SUBMODULE(m, rnn, rnn);
    TG_SUBMODULE(m, fc, tg_linear_new(4, 2));
    return TG_MODULE(m);
}

/* ---- a cell step by step ---- */

typedef struct cells {
    tg_module base;
    tg_lstm_cell *cell;
    tg_linear *fc;
} cells;

static tg_tensor *cells_forward(tg_module *module, tg_tensor *x)
{
    cells *m = (cells *)module;
    tg_tensor *said[8];
    const int64_t time = tg_size(x, 1);
    tg_lstm_state s = { tg_zeros(tg_shape(2, 4)), tg_zeros(tg_shape(2, 4)) };
    if (is(STATE_NOT_RESET)) s.h = tg_full(tg_shape(2, 4), 0.125);
    for (int64_t t = 0; t < time; t++) {
        tg_tensor *step = tg_select(x, 1, is(A_STEP_LATE) && t ? t - 1 : t);
        s = tg_lstm_cell_forward(m->cell, step, s);
        said[t] = tg_linear_forward(m->fc, s.h);
        if (is(STATES_SWAPPED)) s = (tg_lstm_state){ s.c, s.h };
    }
    return tg_stack(tg_list_of(said, time), 1);
}

static tg_module *cells_new(void)
{
    cells *m = tg_module_new(cells, .name = "Cells", .forward = cells_forward);
    TG_SUBMODULE(m, cell, tg_lstm_cell_new(3, 4));
    TG_SUBMODULE(m, fc, tg_linear_new(4, 2));
    return TG_MODULE(m);
}

/* ---- an mlp with batch norm and dropout ---- */

typedef struct hand_linear {
    tg_module base;
    tg_tensor *weight, *bias;
} hand_linear;

static tg_tensor *hand_linear_forward(tg_module *module, tg_tensor *x)
{
    hand_linear *m = (hand_linear *)module;
    tg_tensor *y = tg_matmul(x, is(NOT_TRANSPOSED) ? m->weight : tg_t(m->weight));
    if (is(TWO_BIASES)) y = tg_add(y, m->bias);
    return is(NO_BIAS) ? tg_add(y, tg_mul(m->bias, 0.0)) : tg_add(y, m->bias);
}

typedef struct mlp {
    tg_module base;
    hand_linear *fc1;
    tg_batch_norm *norm;
    tg_module *drop;
    tg_linear *fc2;
} mlp;

static tg_tensor *mlp_forward(tg_module *module, tg_tensor *x)
{
    mlp *m = (mlp *)module;
    tg_tensor *y = tg_batch_norm_forward(m->norm, tg_module_forward(m->fc1, x));
    if (is(OTHER_DROPOUT)) tg_manual_seed(7);
    y = tg_module_forward(m->drop, is(GELU_FOR_RELU) ? tg_gelu(y) : tg_relu(y));
    return tg_linear_forward(m->fc2, y);
}

static tg_module *mlp_new(void)
{
    mlp *m = tg_module_new(mlp, .name = "Mlp", .forward = mlp_forward);
    hand_linear *fc1 = tg_module_new(hand_linear, .name = "hand_linear", .forward = hand_linear_forward);
    TG_PARAMETER(fc1, weight, tg_zeros(tg_shape(4, 4)));
    TG_PARAMETER(fc1, bias, tg_zeros(tg_shape(4)));
    TG_SUBMODULE(m, fc1, fc1);
    TG_SUBMODULE(m, norm, tg_batch_norm1d_new(4, .eps = is(NORM_EPS) ? 1e-3 : 1e-5,
                                              .momentum = is(NORM_MOMENTUM) ? 0.9 : 0.1));
    TG_SUBMODULE(m, drop, tg_dropout_new(0.25));
    TG_SUBMODULE(m, fc2, tg_linear_new(4, 3));
    if (is(EVAL_MODE)) tg_module_eval(m);
    if (is(DROPOUT_OFF) && m) tg_module_eval(m->drop);
    return TG_MODULE(m);
}

/* ---- a transformer's block ---- */

typedef struct hand_norm {
    tg_module base;
    tg_tensor *weight, *bias;
} hand_norm;

static tg_tensor *hand_norm_forward(tg_module *module, tg_tensor *x)
{
    hand_norm *m = (hand_norm *)module;
    tg_tensor *moved = tg_sub(x, tg_mean(x, .dims = tg_shape(-1), .keepdim = true));
    tg_tensor *var = tg_mean(tg_mul(moved, moved), .dims = tg_shape(-1), .keepdim = true);
    if (is(UNBIASED)) var = tg_mul(var, 8.0 / 7);
    tg_tensor *y = tg_div(moved, tg_sqrt(tg_add(var, is(HAND_EPS) ? 1e-3 : 1e-5)));
    return tg_add(tg_mul(y, m->weight), m->bias);
}

static hand_norm *hand_norm_new(void)
{
    hand_norm *m = tg_module_new(hand_norm, .name = "hand_norm", .forward = hand_norm_forward);
    TG_PARAMETER(m, weight, tg_ones(tg_shape(8)));
    TG_PARAMETER(m, bias, tg_zeros(tg_shape(8)));
    return m;
}

typedef struct transformer_block {
    tg_module base;
    hand_norm *norm1, *norm2;
    tg_linear *q, *k, *v, *out, *up, *down;
} transformer_block;

static tg_tensor *in_heads(tg_tensor *x)
{
    const int64_t heads = is(FOUR_HEADS) ? 4 : 2;
    return tg_transpose(tg_reshape(x, tg_shape(tg_size(x, 0), tg_size(x, 1), heads, 8 / heads)), 1, 2);
}

static tg_tensor *attend(transformer_block *m, tg_tensor *x)
{
    tg_tensor *q = in_heads(tg_linear_forward(m->q, x)), *k = in_heads(tg_linear_forward(m->k, x));
    tg_tensor *v = in_heads(tg_linear_forward(m->v, x));
    if (is(KEYS_FOR_QUERIES)) q = k;
    tg_tensor *scores = tg_matmul(q, tg_transpose(k, -2, -1));
    if (!is(NO_SCALE)) scores = tg_div(scores, sqrt((double)tg_size(q, -1)));
    const tg_shape square = tg_shape(tg_size(x, 1), tg_size(x, 1));
    if (!is(NO_MASK)) scores = tg_masked_fill(scores, tg_eq(tg_tril(tg_ones(square)), 0.0), -INFINITY);
    tg_tensor *weights = tg_softmax(scores, is(SOFTMAX_OF_QUERIES) ? -2 : -1);
    tg_tensor *said = tg_matmul(weights, v);
    return tg_linear_forward(m->out, tg_reshape(is(RESHAPED) ? said : tg_transpose(said, 1, 2), tg_shape_of(x)));
}

static tg_tensor *block_forward(tg_module *module, tg_tensor *x)
{
    transformer_block *m = (transformer_block *)module;
    tg_tensor *y = attend(m, tg_module_forward(m->norm1, x));
    x = is(NO_RESIDUAL) ? y : tg_add(x, y);
    tg_tensor *up = tg_linear_forward(m->up, tg_module_forward(m->norm2, x));
    return tg_add(x, tg_linear_forward(m->down, is(TANH_GELU) ? tg_gelu_tanh(up) : tg_gelu(up)));
}

static tg_module *block_new(void)
{
    transformer_block *m = tg_module_new(transformer_block, .name = "Block", .forward = block_forward);
    TG_SUBMODULE(m, norm1, hand_norm_new());
    TG_SUBMODULE(m, norm2, hand_norm_new());
    TG_SUBMODULE(m, q, tg_linear_new(8, 8));
    TG_SUBMODULE(m, k, tg_linear_new(8, 8));
    TG_SUBMODULE(m, v, tg_linear_new(8, 8));
    TG_SUBMODULE(m, out, tg_linear_new(8, 8));
    TG_SUBMODULE(m, up, tg_linear_new(8, 12));
    TG_SUBMODULE(m, down, tg_linear_new(12, 8));
    return TG_MODULE(m);
}

/* ---- the library's encoder layer ---- */

static tg_module *encoder_new(void)
{
    return TG_MODULE(tg_transformer_encoder_layer_new(8, is(LAYER_HEADS) ? 4 : 2, .dim_feedforward = 12, .dropout = 0.0,
                                                      .activation = is(LAYER_ACTIVATION) ? "gelu" : "relu",
                                                      .norm_first = is(LAYER_NORM_FIRST)));
}

/* ---- a convolution over time ---- */

typedef struct filtered {
    tg_module base;
    tg_conv *conv;
    tg_linear *mix, *fc;
} filtered;

static tg_tensor *filtered_forward(tg_module *module, tg_tensor *x)
{
    filtered *m = (filtered *)module;
    tg_tensor *y = tg_conv_forward(m->conv, x);
    y = is(TANH_FOR_RELU) ? tg_tanh(y) : tg_relu(y);
    y = is(RESHAPED) ? tg_reshape(y, tg_shape(tg_size(y, 0), tg_size(y, 2), tg_size(y, 1))) : tg_transpose(y, 1, 2);
    y = tg_add(y, tg_linear_forward(m->mix, y));
    return tg_linear_forward(m->fc, is(LAST_STEP) ? tg_select(y, 1, -1) : tg_mean(y, .dim = 1));
}

static tg_module *filtered_new(void)
{
    filtered *m = tg_module_new(filtered, .name = "Filtered", .forward = filtered_forward);
    TG_SUBMODULE(m, conv, tg_conv1d_new(3, 6, tg_shape(3), .padding = tg_shape(1)));
    TG_SUBMODULE(m, mix, tg_linear_new(6, 6));
    TG_SUBMODULE(m, fc, tg_linear_new(6, 4));
    return TG_MODULE(m);
}

/* ---- a step ---- */

static tg_module *lstm_new(void) { return sequence_new(false); }
static tg_module *gru_new(void) { return sequence_new(true); }

typedef struct port {
    const char *name;
    tg_module *(*make)(void);
} port;
static const port ports[] = { { "lstm", lstm_new }, { "gru", gru_new },     { "cells", cells_new },
                              { "mlp", mlp_new },   { "block", block_new }, { "encoder", encoder_new },
                              { "filtered", filtered_new } };

/* One step on the recorded data, with the model's own parameters. */
static void run_step(const port *p, tg_module *model, const char *path)
{
    const bool smoothed = strcmp(p->name, "filtered") == 0, classes = smoothed || strcmp(p->name, "mlp") == 0;
    const tg_named_tensor_list run = tg_load_safetensors(path);
    tg_tensor *x = tg_tensor_named(run, "input//0/0");
    tg_tensor *y = tg_tensor_named(run, classes ? "input/CrossEntropyLoss/0/1" : "input/MSELoss/0/1");
    const tg_reduction reduction = is(SUMMED_LOSS) ? TG_REDUCTION_SUM : TG_REDUCTION_MEAN;
    const double smoothing = smoothed && !is(NOT_SMOOTHED) ? 0.1 : 0;
    tg_loss *criterion = classes ? tg_cross_entropy_loss_new(.reduction = reduction, .label_smoothing = smoothing)
                                 : tg_mse_loss_new(.reduction = reduction);
    if (is(WRONG_DATA)) x = tg_flip(x, tg_shape(0));
    tg_tensor *loss = tg_loss_forward(criterion, tg_module_forward(model, x), y);
    tg_backward(is(NEGATIVE_LOSS) ? tg_neg(loss) : loss);
    tg_module_free(criterion);
}

#endif
