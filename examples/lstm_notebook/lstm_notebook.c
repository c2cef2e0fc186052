/* lstm_notebook: a notebook on LSTMs, ported from PyTorch cell by cell (docs/lstm-notebook.md sets the two side by
 * side).
 *
 * First an LSTM cell written by hand and trained through time, then the stacked nn.LSTM the notebook ends with. No
 * gradient is written anywhere: backward comes from the tape. It prints what the notebook prints, in French, with the
 * losses that PyTorch reaches from the same seed. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* isatty */
#endif
#include "options.h"

#include <tapegrad.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- CustomLSTMCell ---- */

typedef struct custom_lstm_cell {
    tg_module base;
    int64_t input_size, hidden_size;
    tg_linear *W_f, *U_f; /* forget gate */
    tg_linear *W_i, *U_i; /* input gate */
    tg_linear *W_c, *U_c; /* candidate cell */
    tg_linear *W_o, *U_o; /* output gate */
} custom_lstm_cell;

static custom_lstm_cell *custom_lstm_cell_new(int64_t input_size, int64_t hidden_size)
{
    custom_lstm_cell *m = tg_module_new(custom_lstm_cell, .name = "CustomLSTMCell");
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
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

/* x is [N, input_size], the state's h and c are [N, hidden_size]. */
static tg_lstm_state custom_lstm_cell_forward(custom_lstm_cell *m, tg_tensor *x, tg_lstm_state s)
{
    tg_tensor *xh = tg_cat(tg_list(x, s.h), 1);

    tg_tensor *f = tg_sigmoid(tg_add(tg_linear_forward(m->W_f, xh), tg_linear_forward(m->U_f, s.c)));
    tg_tensor *i = tg_sigmoid(tg_add(tg_linear_forward(m->W_i, xh), tg_linear_forward(m->U_i, s.c)));
    tg_tensor *g = tg_tanh(tg_add(tg_linear_forward(m->W_c, xh), tg_linear_forward(m->U_c, s.c)));
    tg_tensor *c = tg_add(tg_mul(f, s.c), tg_mul(i, g));

    /* the output gate reads the new c */
    tg_tensor *o = tg_sigmoid(tg_add(tg_linear_forward(m->W_o, xh), tg_linear_forward(m->U_o, c)));
    return (tg_lstm_state){ .h = tg_mul(o, tg_tanh(c)), .c = c };
}

/* ---- CustomLSTM ---- */

typedef struct custom_lstm {
    tg_module base;
    int64_t input_size, hidden_size;
    custom_lstm_cell *lstm_cell;
} custom_lstm;

/* x is [N, steps, input_size]; the result [N, steps, hidden_size] holds h at every step. */
static tg_tensor *custom_lstm_forward(tg_module *module, tg_tensor *x)
{
    custom_lstm *m = (custom_lstm *)module;
    const int64_t batch = tg_size(x, 0), steps = tg_size(x, 1);
    tg_lstm_state s = { .h = tg_zeros(tg_shape(batch, m->hidden_size)),
                        .c = tg_zeros(tg_shape(batch, m->hidden_size)) };

    tg_tensor *h[steps > 0 ? steps : 1];
    for (int64_t t = 0; t < steps; t++) {
        tg_label("t=%d", (int)t);
        s = custom_lstm_cell_forward(m->lstm_cell, tg_select(x, 1, t), s); /* x[:, t, :] */
        h[t] = s.h;
    }
    tg_label_end();
    return tg_stack(tg_list_of(h, steps), 1);
}

static custom_lstm *custom_lstm_new(int64_t input_size, int64_t hidden_size)
{
    custom_lstm *m = tg_module_new(custom_lstm, .name = "CustomLSTM", .forward = custom_lstm_forward);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    TG_SUBMODULE(m, lstm_cell, custom_lstm_cell_new(input_size, hidden_size));
    return m;
}

/* ---- the LSTM class of the notebook's last cell ---- */

typedef struct stacked_lstm {
    tg_module base;
    int64_t hidden_size, num_layers;
    tg_lstm *lstm;
    tg_linear *fc;
} stacked_lstm;

/* x is [N, steps, input_size]; the result [N, output_size] is read off the last step. */
static tg_tensor *stacked_lstm_forward(tg_module *module, tg_tensor *x)
{
    stacked_lstm *m = (stacked_lstm *)module;
    const tg_shape state = tg_shape(m->num_layers, tg_size(x, 0), m->hidden_size);
    tg_tensor *h0 = tg_zeros(state, .requires_grad = true), *c0 = tg_zeros(state, .requires_grad = true);

    tg_lstm_output out = tg_lstm_forward(m->lstm, x, (tg_lstm_state){ tg_detach(h0), tg_detach(c0) });
    return tg_linear_forward(m->fc, tg_select(out.output, 1, -1)); /* out[:, -1, :] */
}

static stacked_lstm *stacked_lstm_new(int64_t input_size, int64_t hidden_size, int64_t num_layers, int64_t output_size)
{
    stacked_lstm *m = tg_module_new(stacked_lstm, .name = "LSTM", .forward = stacked_lstm_forward);
    if (!m) return NULL;
    m->hidden_size = hidden_size;
    m->num_layers = num_layers;
    TG_SUBMODULE(m, lstm, tg_lstm_new(input_size, hidden_size, .num_layers = num_layers, .batch_first = true));
    TG_SUBMODULE(m, fc, tg_linear_new(hidden_size, output_size));
    return m;
}

/* ---- data and training ---- */

enum { INPUT_SIZE = 5, HIDDEN_SIZE = 8, NUM_LAYERS = 2, OUTPUT_SIZE = 1, NUM_SAMPLES = 100, SEQUENCE_LENGTH = 10 };

/* X = np.random.rand(...), y = its sum over the features; in float64, then float32. */
static void make_data(uint64_t seed, tg_tensor **X, tg_tensor **y)
{
    tg_generator numpy;
    tg_generator_seed(&numpy, seed);
    tg_tensor *values = tg_empty(tg_shape(NUM_SAMPLES, SEQUENCE_LENGTH, INPUT_SIZE), .dtype = TG_FLOAT64);
    double *data = tg_mutable_data(values, TG_FLOAT64);
    if (data) tg_generate_numpy_rand(&numpy, data, tg_numel(values));
    *X = tg_to(values, TG_FLOAT32);
    *y = tg_unsqueeze(tg_to(tg_sum(values, .dim = 2), TG_FLOAT32), -1);
}

/* Mean squared error, Adam at 1e-3. Puts the loss of each epoch into `losses` and prints every tenth. */
static void train(tg_module *model, tg_tensor *X, tg_tensor *y, int epochs, double *losses)
{
    tg_loss *criterion = tg_mse_loss_new();
    tg_optimizer *optimizer = tg_adam_new(tg_parameters(model), .lr = 0.001);

    for (int epoch = 1; tg_ok() && epoch <= epochs; epoch++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(optimizer);
        tg_tensor *outputs = tg_module_forward(model, X);

        tg_tensor *loss = tg_loss_forward(criterion, outputs, y);
        tg_backward(loss);
        tg_step(optimizer);

        losses[epoch - 1] = tg_item(loss);
        if (epoch % 10 == 0 && !tg_failed()) printf("Époque [%d/%d], Perte : %.4f\n", epoch, epochs, losses[epoch - 1]);
        tg_scope_end(step);
    }
    tg_optimizer_free(optimizer);
    tg_module_free(criterion);
}

/* The notebook, in its order: one seed, the data, then the models; the second is built where the first one's draws
 * ended. */
static void run(const options *o, double *custom_losses, double *stacked_losses)
{
    tg_tensor *X, *y;
    tg_manual_seed(o->seed);
    make_data(o->seed, &X, &y);

    custom_lstm *custom = custom_lstm_new(INPUT_SIZE, HIDDEN_SIZE);
    train(TG_MODULE(custom), X, y, o->epochs, custom_losses);
    tg_module_free(custom);

    printf("\nLSTM empilé (nn.LSTM, %d couches, + Linear), dernier pas de temps\n", NUM_LAYERS);
    stacked_lstm *stacked = stacked_lstm_new(INPUT_SIZE, HIDDEN_SIZE, NUM_LAYERS, OUTPUT_SIZE);
    train(TG_MODULE(stacked), X, tg_select(y, 1, -1), o->epochs, stacked_losses);
    tg_module_free(stacked);
}

/* Both curves in one frame: on a terminal, and in a file if one was asked for. */
static void plot(const options *o, const double *custom_losses, const double *stacked_losses)
{
    tg_chart *chart = tg_chart_new(.x_label = "Époque", .y_label = "Perte");
    tg_chart_line(chart, "CustomLSTM", custom_losses, o->epochs, .first = 1);
    tg_chart_line(chart, "LSTM + Linear", stacked_losses, o->epochs, .first = 1);
    if (isatty(STDOUT_FILENO) && putchar('\n') == '\n') tg_chart_print(chart);
    if (o->plot) tg_chart_write_svg(chart, o->plot);
    tg_chart_free(chart);
}

int main(int argc, char **argv)
{
    options o = { .seed = 0, .epochs = 100, .plot = NULL };
    const int stop = options_parse(&o, argc, argv);
    if (stop >= 0) return stop;

    double *losses = calloc(2 * (size_t)o.epochs, sizeof *losses);
    if (!losses) {
        fprintf(stderr, "lstm_notebook: out of memory\n");
        return 1;
    }
    run(&o, losses, losses + o.epochs);
    if (tg_ok()) plot(&o, losses, losses + o.epochs);
    free(losses);
    return tg_ok() ? 0 : 1;
}
