/* vanishing.c: which recurrent networks carry a gradient back through time? Each is shown a bit, +1 or -1, and then 39
 * numbers of noise; in the end it is asked for the bit. It can learn that only if of what comes to its last state,
 * dL/dh_39, something comes back to h_0.
 *
 * Four networks learn the same from the same sequences: an RNN, an LSTM, a GRU, and the notebook's cell
 * (examples/lstm_notebook). A flow (tg_flow_begin) measures |dL/dh_t| at each update. Drawn is its share of |dL/dh_39|:
 * epochs downwards, time to the right. What to see:
 *
 *   - The RNN's map fades to the left: each step back in time takes a part of the gradient. It goes on guessing.
 *   - The others' reach t = 0 from the first epoch on, and so they learn: a gate that keeps a state passes its gradient
 *     on.
 *   - The LSTM and the notebook's cell are darker in the middle once they have learned: the gradient goes through c, and
 *     h only reads it. `--state c` shows it there.
 *   - Their gates start open here, by a bias of 3. With `--open 0` they start half closed, as PyTorch's do: each step
 *     back takes half, and the LSTM is no better off than the RNN.
 *
 *     $ build/examples/vanishing --plot vanishing.svg
 *     of what comes to the last state, how much comes to the first:
 *                      first epoch  last epoch
 *     RNN                8.7e-11      5.8e-07    guesses: 49 % are right
 *     ... */
#include <tapegrad.h>

#include "arguments.h"

#include <math.h>

enum { LENGTH = 40, BATCH = 32, BATCHES = 10, HIDDEN = 16, KINDS = 4, LOWEST = -8 }; /* an epoch is of BATCHES */

/* ---- four cells ---- */

typedef struct notebook_cell { /* its gates read the state of the cell, too */
    tg_module base;
    tg_linear *W_f, *U_f, *W_i, *U_i, *W_c, *U_c, *W_o, *U_o;
} notebook_cell;

static tg_module *notebook_cell_new(double open)
{
    notebook_cell *m = tg_module_new(notebook_cell, .name = "NotebookCell");
    TG_SUBMODULE(m, W_f, tg_linear_new(1 + HIDDEN, HIDDEN));
    TG_SUBMODULE(m, U_f, tg_linear_new(HIDDEN, HIDDEN));
    TG_SUBMODULE(m, W_i, tg_linear_new(1 + HIDDEN, HIDDEN));
    TG_SUBMODULE(m, U_i, tg_linear_new(HIDDEN, HIDDEN));
    TG_SUBMODULE(m, W_c, tg_linear_new(1 + HIDDEN, HIDDEN));
    TG_SUBMODULE(m, U_c, tg_linear_new(HIDDEN, HIDDEN));
    TG_SUBMODULE(m, W_o, tg_linear_new(1 + HIDDEN, HIDDEN));
    TG_SUBMODULE(m, U_o, tg_linear_new(HIDDEN, HIDDEN));
    if (m) tg_add_(m->W_f->bias, open);
    return TG_MODULE(m);
}

static tg_tensor *gate(tg_linear *W, tg_tensor *xh, tg_linear *U, tg_tensor *c)
{
    return tg_add(tg_linear_forward(W, xh), tg_linear_forward(U, c));
}

static tg_lstm_state notebook_step(tg_module *cell, tg_tensor *x, tg_lstm_state s)
{
    const notebook_cell *m = (const notebook_cell *)cell;
    tg_tensor *xh = tg_cat(tg_list(x, s.h), 1);
    tg_tensor *f = tg_sigmoid(gate(m->W_f, xh, m->U_f, s.c)), *i = tg_sigmoid(gate(m->W_i, xh, m->U_i, s.c));
    tg_tensor *c = tg_add(tg_mul(f, s.c), tg_mul(i, tg_tanh(gate(m->W_c, xh, m->U_c, s.c))));
    return (tg_lstm_state){ .h = tg_mul(tg_sigmoid(gate(m->W_o, xh, m->U_o, c)), tg_tanh(c)), .c = c };
}

static tg_module *rnn_cell_new(double open)
{
    (void)open; /* it has no gate */
    return TG_MODULE(tg_rnn_cell_new(1, HIDDEN));
}

static tg_lstm_state rnn_step(tg_module *cell, tg_tensor *x, tg_lstm_state s)
{
    return (tg_lstm_state){ .h = tg_rnn_cell_forward((tg_rnn_cell *)cell, x, s.h) };
}

/* Of both the second quarter or third of the biases is the gate's that keeps: an LSTM's forget, a GRU's update gate. */
static tg_module *lstm_cell_new(double open)
{
    tg_lstm_cell *m = tg_lstm_cell_new(1, HIDDEN);
    if (m) tg_add_(tg_slice(m->core.weights[0].bias_ih, 0, HIDDEN, 2 * HIDDEN), open);
    return TG_MODULE(m);
}

static tg_lstm_state lstm_step(tg_module *cell, tg_tensor *x, tg_lstm_state s)
{
    return tg_lstm_cell_forward((tg_lstm_cell *)cell, x, s);
}

static tg_module *gru_cell_new(double open)
{
    tg_gru_cell *m = tg_gru_cell_new(1, HIDDEN);
    if (m) tg_add_(tg_slice(m->core.weights[0].bias_ih, 0, HIDDEN, 2 * HIDDEN), open);
    return TG_MODULE(m);
}

static tg_lstm_state gru_step(tg_module *cell, tg_tensor *x, tg_lstm_state s)
{
    return (tg_lstm_state){ .h = tg_gru_cell_forward((tg_gru_cell *)cell, x, s.h) };
}

typedef struct cell_kind {
    const char *name;
    tg_module *(*make)(double open);
    tg_lstm_state (*step)(tg_module *cell, tg_tensor *x, tg_lstm_state s); /* what has no c leaves it out */
} cell_kind;

static const cell_kind kinds[KINDS] = { { "RNN", rnn_cell_new, rnn_step },
                                        { "LSTM", lstm_cell_new, lstm_step },
                                        { "GRU", gru_cell_new, gru_step },
                                        { "notebook's cell", notebook_cell_new, notebook_step } };

/* ---- a network, and what it is to learn ---- */

typedef struct network {
    tg_module base;
    const cell_kind *kind;
    tg_module *cell;
    tg_linear *read;
} network;

/* [LENGTH, N, 1] -> a logit for each sequence, [N, 1] */
static tg_tensor *network_forward(tg_module *module, tg_tensor *x)
{
    const network *m = (const network *)module;
    tg_tensor *zeros = tg_zeros(tg_shape(tg_size(x, 1), HIDDEN));
    tg_lstm_state s = { zeros, zeros };
    for (int t = 0; t < LENGTH; t++) {
        tg_label("t=%d", t);
        s = m->kind->step(m->cell, tg_select(x, 0, t), s);
        tg_set_name(s.h, "h"); /* the flow asks for one of these */
        if (s.c) tg_set_name(s.c, "c");
    }
    tg_label_end();
    return tg_linear_forward(m->read, s.h);
}

static network *network_new(const cell_kind *kind, double open)
{
    network *m = tg_module_new(network, .name = "Network", .forward = network_forward);
    if (!m) return NULL;
    m->kind = kind;
    tg_scope quiet = tg_no_grad_begin(); /* biases are written */
    TG_SUBMODULE(m, cell, kind->make(open));
    tg_scope_end(quiet);
    TG_SUBMODULE(m, read, tg_linear_new(HIDDEN, 1));
    return m;
}

/* Sequences [LENGTH, n, 1] of noise, but for the first number; `*bits` are 0 and 1. */
static tg_tensor *draw(int64_t n, tg_tensor **bits)
{
    tg_tensor *x = tg_randn(tg_shape(LENGTH, n, 1));
    *bits = tg_bernoulli(tg_full(tg_shape(n, 1), 0.5));
    tg_copy_(tg_select(x, 0, 0), tg_sub(tg_mul(*bits, 2), 1));
    return x;
}

static void learn(network *m, tg_optimizer *adam)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *bits, *x = draw(BATCH, &bits);
    tg_zero_grad(adam);
    tg_backward(tg_binary_cross_entropy_with_logits(tg_module_forward(m, x), bits));
    tg_clip_grad_norm_(tg_parameters(m), 1.0);
    tg_step(adam);
    tg_scope_end(scope);
}

static double percent_remembered(network *m)
{
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *bits, *x = draw(1000, &bits);
    tg_tensor *said = tg_gt(tg_module_forward(m, x), 0), *right = tg_eq(said, tg_gt(bits, 0.5));
    const double percent = 100 * tg_item(tg_mean(tg_to(right, TG_FLOAT32)));
    tg_scope_end(quiet);
    return percent;
}

/* ---- what is shown ---- */

/* The norms' shares of the last one, as powers of ten, each epoch's mean: [epochs, LENGTH]. */
static tg_tensor *shares(const tg_flow *flow)
{
    tg_tensor *norms = tg_flow_norms(flow, TG_FLOW_STEPS, 0); /* [epochs * BATCHES, LENGTH] */
    tg_tensor *share = tg_log10(tg_div(norms, tg_slice(norms, 1, -1)));
    return tg_mean(tg_unflatten(share, 0, tg_shape(-1, BATCHES)), .dim = 1);
}

static double first_of(tg_tensor *share, int64_t epoch)
{
    return pow(10, tg_item(tg_select(tg_select(share, 0, epoch), 0, 0)));
}

typedef struct training {
    double epochs, seed, open;
    const char *state; /* "h" or "c" */
} training;

/* All start from the same seed, and are shown the same sequences. Returns the map. */
static tg_chart *train(const cell_kind *kind, const training *how)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed((uint64_t)how->seed);
    network *m = network_new(kind, how->open);
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.01);
    tg_manual_seed((uint64_t)how->seed + 1);
    const bool has_c = kind->step == lstm_step || kind->step == notebook_step;
    const char *state = has_c ? how->state : "h";
    tg_flow *flow = tg_flow_begin(.state = state, .updates = false);
    for (int i = 0; tg_ok() && i < BATCHES * (int)how->epochs; i++) learn(m, adam);

    tg_tensor *share = shares(flow);
    char title[64];
    snprintf(title, sizeof title, "%s, dL/d%s", kind->name, state);
    tg_chart *chart = tg_chart_new(.title = title, .x_label = "t", .y_label = "epoch");
    tg_chart_heatmap_tensor(chart, share, .low = LOWEST, .high = 0);
    const double first = first_of(share, 0), last = first_of(share, -1), percent = percent_remembered(m);
    if (tg_ok())
        printf("%-15s  %9.1e    %9.1e    %s: %.0f %% are right\n", kind->name, first, last,
               percent < 90 ? "guesses" : "remembers", percent);
    tg_flow_end(flow);
    tg_optimizer_free(adam);
    tg_module_free(m);
    tg_scope_end(scope);
    return chart;
}

enum { WIDE = 39, TEXT = 8192 };

/* Prints one line of a text, and blanks up to a column; a letter is a column, of a byte or more. Returns the rest. */
static const char *print_line(const char *text, int columns)
{
    for (; *text && *text != '\n'; text++) {
        if (((unsigned char)*text & 0xC0) != 0x80) columns--;
        putchar(*text);
    }
    for (; columns > 0; columns--) putchar(' ');
    return *text ? text + 1 : text;
}

static void print_beside(const tg_chart *left, const tg_chart *right)
{
    char texts[2][TEXT];
    tg_chart_format(left, texts[0], TEXT, .width = WIDE, .color = 0);
    tg_chart_format(right, texts[1], TEXT, .width = WIDE, .color = 0);
    for (const char *l = texts[0], *r = texts[1]; tg_ok() && (*l || *r); putchar('\n')) {
        l = print_line(l, WIDE + 1);
        r = print_line(r, 0);
    }
}

/* A picture of four pictures. */
static void write_svg(const char *path, tg_chart *const *charts)
{
    enum { WIDTH = 400, HEIGHT = 300 };
    static char text[1 << 18];
    FILE *file = tg_ok() ? fopen(path, "w") : NULL;
    if (file)
        fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n", 2 * WIDTH, 2 * HEIGHT);
    for (int i = 0; file && i < KINDS; i++) {
        tg_chart_format_svg(charts[i], text, sizeof text, .width = WIDTH, .height = HEIGHT);
        fprintf(file, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">\n%s</svg>\n", i % 2 * WIDTH, i / 2 * HEIGHT,
                WIDTH, HEIGHT, text);
    }
    if (file) fprintf(file, "</svg>\n");
    if (file && fclose(file) == 0)
        printf("%s: the same as a picture\n", path);
    else
        tg_fail("vanishing", "%s cannot be written", path);
}

int main(int argc, char **argv)
{
    training how = { .epochs = 32, .open = 3, .state = "h" };
    const char *path = "";
    const argument arguments[] = { { "--epochs", &how.epochs, "each of 10 batches of 32 sequences", NULL },
                                   { "--seed", &how.seed, "of the random numbers", NULL },
                                   { "--open", &how.open, "added to the bias of the gates that keep a state", NULL },
                                   { "--state", NULL, "h, or c of those that have one", &how.state },
                                   { "--plot", NULL, "a file for the four maps, SVG", &path },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Shows how gradients vanish in four recurrent networks, and in which they do not.",
                        arguments, &status))
        return status;
    if (!(how.epochs >= 1 && how.epochs <= 1000) || (strcmp(how.state, "h") != 0 && strcmp(how.state, "c") != 0)) {
        fprintf(stderr, "%s: --epochs is 1 to 1000, --state h or c\n", argv[0]);
        return 2;
    }

    printf("of what comes to the last state, how much comes to the first:\n");
    printf("                 first epoch  last epoch\n");
    tg_chart *charts[KINDS];
    for (int i = 0; i < KINDS; i++) charts[i] = train(&kinds[i], &how);
    printf("\nhow much comes to each, as a power of ten:\n");
    for (int i = 0; i < KINDS; i += 2) print_beside(charts[i], charts[i + 1]);
    if (*path) write_svg(path, charts);
    for (int i = 0; i < KINDS; i++) tg_chart_free(charts[i]);
    return tg_failed() ? 1 : 0;
}
