/* models.c: the models of the workloads, written as a user of the library would. */
#include "models.h"

/* ---- CustomLSTM ---- */

typedef struct custom_lstm_cell {
    tg_module base;
    tg_linear *W_f, *U_f, *W_i, *U_i, *W_c, *U_c, *W_o, *U_o;
} custom_lstm_cell;

static custom_lstm_cell *custom_lstm_cell_new(int64_t input_size, int64_t hidden_size)
{
    custom_lstm_cell *m = tg_module_new(custom_lstm_cell);
    TG_SUBMODULE(m, W_f, tg_linear_new(input_size + hidden_size, hidden_size));
    TG_SUBMODULE(m, U_f, tg_linear_new(hidden_size, hidden_size));
    TG_SUBMODULE(m, W_i, tg_linear_new(input_size + hidden_size, hidden_size));
    TG_SUBMODULE(m, U_i, tg_linear_new(hidden_size, hidden_size));
    TG_SUBMODULE(m, W_c, tg_linear_new(input_size + hidden_size, hidden_size));
    TG_SUBMODULE(m, U_c, tg_linear_new(hidden_size, hidden_size));
    TG_SUBMODULE(m, W_o, tg_linear_new(input_size + hidden_size, hidden_size));
    TG_SUBMODULE(m, U_o, tg_linear_new(hidden_size, hidden_size));
    return m;
}

static tg_lstm_state custom_lstm_cell_forward(custom_lstm_cell *m, tg_tensor *x, tg_lstm_state s)
{
    tg_tensor *xh = tg_cat(tg_list(x, s.h), 1);
    tg_tensor *f = tg_sigmoid(tg_add(tg_linear_forward(m->W_f, xh), tg_linear_forward(m->U_f, s.c)));
    tg_tensor *i = tg_sigmoid(tg_add(tg_linear_forward(m->W_i, xh), tg_linear_forward(m->U_i, s.c)));
    tg_tensor *g = tg_tanh(tg_add(tg_linear_forward(m->W_c, xh), tg_linear_forward(m->U_c, s.c)));
    tg_tensor *c = tg_add(tg_mul(f, s.c), tg_mul(i, g));
    tg_tensor *o = tg_sigmoid(tg_add(tg_linear_forward(m->W_o, xh), tg_linear_forward(m->U_o, c)));
    return (tg_lstm_state){ .h = tg_mul(o, tg_tanh(c)), .c = c };
}

typedef struct custom_lstm {
    tg_module base;
    int64_t hidden_size;
    custom_lstm_cell *lstm_cell;
} custom_lstm;

enum { MOST_STEPS = 64 };

static tg_tensor *custom_lstm_forward(tg_module *module, tg_tensor *x)
{
    custom_lstm *m = (custom_lstm *)module;
    const int64_t batch = tg_size(x, 0), steps = tg_size(x, 1);
    tg_lstm_state s = { .h = tg_zeros(tg_shape(batch, m->hidden_size)),
                        .c = tg_zeros(tg_shape(batch, m->hidden_size)) };
    tg_tensor *h[MOST_STEPS];
    for (int64_t t = 0; t < steps && t < MOST_STEPS; t++) {
        s = custom_lstm_cell_forward(m->lstm_cell, tg_select(x, 1, t), s);
        h[t] = s.h;
    }
    return tg_stack(tg_list_of(h, steps), 1);
}

tg_module *custom_lstm_new(int64_t input_size, int64_t hidden_size)
{
    custom_lstm *m = tg_module_new(custom_lstm, .forward = custom_lstm_forward);
    if (!m) return NULL;
    m->hidden_size = hidden_size;
    TG_SUBMODULE(m, lstm_cell, custom_lstm_cell_new(input_size, hidden_size));
    return TG_MODULE(m);
}

/* ---- LSTM + Linear ---- */

typedef struct stacked_lstm {
    tg_module base;
    tg_lstm *lstm;
    tg_linear *fc;
} stacked_lstm;

static tg_tensor *stacked_lstm_forward(tg_module *module, tg_tensor *x)
{
    stacked_lstm *m = (stacked_lstm *)module;
    tg_tensor *output = tg_lstm_forward(m->lstm, x).output;
    return tg_linear_forward(m->fc, tg_select(output, 1, -1));
}

tg_module *stacked_lstm_new(int64_t input_size, int64_t hidden_size, int64_t num_layers, int64_t output_size)
{
    stacked_lstm *m = tg_module_new(stacked_lstm, .forward = stacked_lstm_forward);
    TG_SUBMODULE(m, lstm, tg_lstm_new(input_size, hidden_size, .num_layers = num_layers, .batch_first = true));
    TG_SUBMODULE(m, fc, tg_linear_new(hidden_size, output_size));
    return TG_MODULE(m);
}

/* ---- GRU + Linear ---- */

typedef struct gru_regressor {
    tg_module base;
    tg_gru *gru;
    tg_linear *fc;
} gru_regressor;

static tg_tensor *gru_regressor_forward(tg_module *module, tg_tensor *x)
{
    gru_regressor *m = (gru_regressor *)module;
    tg_tensor *output = tg_gru_forward(m->gru, x).output;
    return tg_linear_forward(m->fc, tg_select(output, 1, -1));
}

tg_module *gru_regressor_new(int64_t input_size, int64_t hidden_size, int64_t output_size)
{
    gru_regressor *m = tg_module_new(gru_regressor, .forward = gru_regressor_forward);
    TG_SUBMODULE(m, gru, tg_gru_new(input_size, hidden_size, .batch_first = true));
    TG_SUBMODULE(m, fc, tg_linear_new(hidden_size, output_size));
    return TG_MODULE(m);
}

/* ---- packed LSTM in both directions + Linear ---- */

typedef struct packed_lstm {
    tg_module base;
    tg_tensor *lengths;
    tg_lstm *lstm;
    tg_linear *fc;
} packed_lstm;

static tg_tensor *packed_lstm_forward(tg_module *module, tg_tensor *x)
{
    packed_lstm *m = (packed_lstm *)module;
    const tg_packed_sequence packed =
        tg_pack_padded_sequence(x, m->lengths, .batch_first = true, .enforce_sorted = false);
    const tg_packed_sequence output = tg_lstm_forward_packed(m->lstm, packed).output;
    return tg_linear_forward(m->fc, tg_pad_packed_sequence(output, .batch_first = true).output);
}

tg_module *packed_lstm_new(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t batch, int64_t steps)
{
    packed_lstm *m = tg_module_new(packed_lstm, .forward = packed_lstm_forward);
    tg_tensor *order = tg_remainder(tg_mul(tg_arange(batch), 11), batch); /* 0 to batch - 1, shuffled */
    tg_tensor *lengths = tg_add(tg_div(tg_mul(order, steps - 5), batch - 1, .rounding_mode = "floor"), 5);
    TG_BUFFER(m, lengths, lengths);
    TG_SUBMODULE(m, lstm, tg_lstm_new(input_size, hidden_size, .batch_first = true, .bidirectional = true));
    TG_SUBMODULE(m, fc, tg_linear_new(2 * hidden_size, output_size));
    return TG_MODULE(m);
}

/* ---- embedding + LSTM + Linear ---- */

typedef struct text_classifier {
    tg_module base;
    tg_embedding *embedding;
    tg_lstm *lstm;
    tg_linear *fc;
} text_classifier;

static tg_tensor *text_classifier_forward(tg_module *module, tg_tensor *x)
{
    text_classifier *m = (text_classifier *)module;
    tg_tensor *output = tg_lstm_forward(m->lstm, tg_embedding_forward(m->embedding, x)).output;
    return tg_linear_forward(m->fc, tg_select(output, 1, -1));
}

tg_module *text_classifier_new(int64_t words, int64_t hidden_size, int64_t classes)
{
    text_classifier *m = tg_module_new(text_classifier, .forward = text_classifier_forward);
    TG_SUBMODULE(m, embedding, tg_embedding_new(words, hidden_size));
    TG_SUBMODULE(m, lstm, tg_lstm_new(hidden_size, hidden_size, .batch_first = true));
    TG_SUBMODULE(m, fc, tg_linear_new(hidden_size, classes));
    return TG_MODULE(m);
}

/* ---- MLP ---- */

tg_module *mlp_new(void)
{
    return TG_MODULE(tg_sequential_new(tg_linear_new(784, 512), tg_relu_new(), tg_linear_new(512, 10)));
}
