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

/* ---- GPT ---- */

enum { GPT_LAYERS = 4, GPT_HEADS = 4, GPT_WIDTH = 128, GPT_TOKENS = 64 };

typedef struct gpt_block {
    tg_module base;
    tg_layer_norm *ln_1, *ln_2;
    tg_linear *c_attn, *attn_proj, *c_fc, *mlp_proj;
} gpt_block;

static tg_tensor *gpt_heads(tg_tensor *t)
{
    return tg_transpose(tg_unflatten(t, 2, tg_shape(GPT_HEADS, GPT_WIDTH / GPT_HEADS)), 1, 2);
}

static tg_tensor *gpt_attention(const gpt_block *m, tg_tensor *x)
{
    const tg_tensor_list qkv = tg_chunk(tg_linear_forward(m->c_attn, x), 3, 2);
    tg_tensor *y = tg_scaled_dot_product_attention(gpt_heads(qkv.items[0]), gpt_heads(qkv.items[1]),
                                                   gpt_heads(qkv.items[2]), .is_causal = true);
    return tg_linear_forward(m->attn_proj, tg_flatten(tg_transpose(y, 1, 2), 2));
}

static tg_tensor *gpt_block_forward(tg_module *module, tg_tensor *x)
{
    const gpt_block *m = (const gpt_block *)module;
    x = tg_add(x, gpt_attention(m, tg_layer_norm_forward(m->ln_1, x)));
    tg_tensor *h = tg_gelu(tg_linear_forward(m->c_fc, tg_layer_norm_forward(m->ln_2, x)));
    return tg_add(x, tg_linear_forward(m->mlp_proj, h));
}

static gpt_block *gpt_block_new(void)
{
    gpt_block *m = tg_module_new(gpt_block, .forward = gpt_block_forward);
    TG_SUBMODULE(m, ln_1, tg_layer_norm_new(tg_shape(GPT_WIDTH)));
    TG_SUBMODULE(m, c_attn, tg_linear_new(GPT_WIDTH, 3 * GPT_WIDTH));
    TG_SUBMODULE(m, attn_proj, tg_linear_new(GPT_WIDTH, GPT_WIDTH));
    TG_SUBMODULE(m, ln_2, tg_layer_norm_new(tg_shape(GPT_WIDTH)));
    TG_SUBMODULE(m, c_fc, tg_linear_new(GPT_WIDTH, 4 * GPT_WIDTH));
    TG_SUBMODULE(m, mlp_proj, tg_linear_new(4 * GPT_WIDTH, GPT_WIDTH));
    return m;
}

typedef struct gpt {
    tg_module base;
    tg_embedding *wte, *wpe;
    gpt_block *h[GPT_LAYERS];
    tg_layer_norm *ln_f;
    tg_linear *lm_head;
} gpt;

static tg_tensor *gpt_forward(tg_module *module, tg_tensor *tokens)
{
    const gpt *m = (const gpt *)module;
    tg_tensor *positions = tg_embedding_forward(m->wpe, tg_arange(GPT_TOKENS));
    tg_tensor *x = tg_add(tg_embedding_forward(m->wte, tokens), positions);
    for (int i = 0; i < GPT_LAYERS; i++) x = tg_module_forward(m->h[i], x);
    return tg_flatten(tg_linear_forward(m->lm_head, tg_layer_norm_forward(m->ln_f, x)), 0, 1);
}

tg_module *gpt_new(int64_t vocabulary)
{
    gpt *m = tg_module_new(gpt, .forward = gpt_forward);
    if (!m) return NULL;
    TG_SUBMODULE(m, wte, tg_embedding_new(vocabulary, GPT_WIDTH));
    TG_SUBMODULE(m, wpe, tg_embedding_new(GPT_TOKENS, GPT_WIDTH));
    for (int i = 0; i < GPT_LAYERS; i++) TG_SUBMODULES(m, h, i, gpt_block_new());
    TG_SUBMODULE(m, ln_f, tg_layer_norm_new(tg_shape(GPT_WIDTH)));
    TG_SUBMODULE(m, lm_head, tg_linear_new(GPT_WIDTH, vocabulary, .bias = false));
    TG_REPLACE_PARAMETER(m->wte, weight, m->lm_head->weight);
    return TG_MODULE(m);
}

/* ---- MLP ---- */

tg_module *mlp_new(void)
{
    return TG_MODULE(tg_sequential_new(tg_linear_new(784, 512), tg_relu_new(), tg_linear_new(512, 10)));
}
