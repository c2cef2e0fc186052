/* compare_guess_recurrent.c: LSTM and GRU, whole or cell by cell, with one thing done otherwise: the order of the gates,
 * a bias, the initial states, how a GRU mixes old and new. One direction; the layers' dropout is not known here. */
#include "compare_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_WORK = 20000000, MOST_LAYERS = 8, ORDERS = 24 };

/* How a cell does it; all zero but for `order`: as PyTorch. */
typedef struct manner {
    int order[4]; /* which block of the weights is the first gate, ... */
    bool no_input_bias, no_hidden_bias, swapped_states, mixed_otherwise, reset_first, forget_one, other_axes;
    bool from_the_end, said_in_order; /* the sequence read backwards; what it says stays in that order */
} manner;

typedef struct network {
    bool gru, cell, batch_first;
    int layers, gates;
    int64_t time, batch, hidden, inputs;
    tgi_reals x, h0, c0;
    tgi_reals wi[MOST_LAYERS], wh[MOST_LAYERS], bi[MOST_LAYERS], bh[MOST_LAYERS];
    double *layer_in, *layer_out, *h, *c, *gi, *gh; /* of one step: [batch, hidden], [gates, hidden] */
} network;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* W x + b, one gate after another in the manner's order. */
static void gates_of(const network *n, const manner *m, tgi_reals w, tgi_reals b, bool no_bias, const double *x,
                     int64_t size, double *out)
{
    for (int g = 0; g < n->gates; g++)
        for (int64_t j = 0; j < n->hidden; j++) {
            const int64_t row = m->order[g] * n->hidden + j;
            double sum = b.count && !no_bias ? b.at[row] : 0;
            for (int64_t i = 0; i < size; i++) sum += w.at[row * size + i] * x[i];
            out[g * n->hidden + j] = sum;
        }
}

static void lstm_step(const network *n, const manner *m, double *h, double *c)
{
    const int64_t H = n->hidden;
    for (int64_t j = 0; j < H; j++) {
        const double i = sigmoid(n->gi[j] + n->gh[j]),
                     f = sigmoid(n->gi[H + j] + n->gh[H + j] + (m->forget_one ? 1 : 0));
        const double g = tanh(n->gi[2 * H + j] + n->gh[2 * H + j]), o = sigmoid(n->gi[3 * H + j] + n->gh[3 * H + j]);
        c[j] = f * c[j] + i * g;
        h[j] = o * tanh(c[j]);
    }
}

static void gru_step(const network *n, const manner *m, double *h)
{
    const int64_t H = n->hidden;
    for (int64_t j = 0; j < H; j++) {
        const double r = sigmoid(n->gi[j] + n->gh[j]), z = sigmoid(n->gi[H + j] + n->gh[H + j]);
        const double fresh = tanh(n->gi[2 * H + j] + r * n->gh[2 * H + j]);
        h[j] = m->mixed_otherwise ? z * fresh + (1 - z) * h[j] : (1 - z) * fresh + z * h[j];
    }
}

/* As in the paper: the reset gate multiplies the state before the product. */
static void gru_step_reset_first(const network *n, const manner *m, int layer, double *h)
{
    const int64_t H = n->hidden;
    const int block = m->order[2];
    double *fresh = n->gh + 2 * H;
    for (int64_t j = 0; j < H; j++) {
        double sum = n->bh[layer].count ? n->bh[layer].at[block * H + j] : 0;
        for (int64_t i = 0; i < H; i++)
            sum += n->wh[layer].at[(block * H + j) * H + i] * sigmoid(n->gi[i] + n->gh[i]) * h[i];
        fresh[j] = tanh(n->gi[2 * H + j] + sum);
    }
    for (int64_t j = 0; j < H; j++) {
        const double z = sigmoid(n->gi[H + j] + n->gh[H + j]);
        h[j] = (1 - z) * fresh[j] + z * h[j];
    }
}

/* Where step t of batch b of a sequence lies. */
static int64_t place(const network *n, int64_t t, int64_t b)
{
    return n->batch_first ? b * n->time + t : t * n->batch + b;
}

static void run_layer(const network *n, const manner *m, int layer, double *h_out, double *c_out)
{
    const int64_t H = n->hidden, size = layer ? H : n->inputs;
    for (int64_t b = 0; b < n->batch; b++) {
        const int64_t at = (layer * n->batch + b) * H;
        const tgi_reals *first = m->swapped_states ? &n->c0 : &n->h0, *second = m->swapped_states ? &n->h0 : &n->c0;
        double *h = h_out + at, *c = c_out + at;
        for (int64_t j = 0; j < H; j++) {
            h[j] = first->count ? first->at[at + j] : 0;
            c[j] = second->count ? second->at[at + j] : 0;
        }
        for (int64_t t = 0; t < n->time; t++) {
            const int64_t from = m->from_the_end ? n->time - 1 - t : t, to = m->said_in_order ? t : from;
            gates_of(n, m, n->wi[layer], n->bi[layer], m->no_input_bias, n->layer_in + place(n, from, b) * size, size,
                     n->gi);
            gates_of(n, m, n->wh[layer], n->bh[layer], m->no_hidden_bias, h, H, n->gh);
            if (!n->gru)
                lstm_step(n, m, h, c);
            else if (m->reset_first)
                gru_step_reset_first(n, m, layer, h);
            else
                gru_step(n, m, h);
            memcpy(n->layer_out + place(n, to, b) * H, h, (size_t)H * sizeof *h);
        }
    }
}

/* The output of that index: of a network output, h, c, of a cell h, c. */
static const double *run(const network *taken, const manner *m, int index)
{
    network exchanged = *taken;
    const network *n = &exchanged;
    if (m->other_axes) {
        exchanged.batch_first = !taken->batch_first;
        exchanged.time = taken->batch;
        exchanged.batch = taken->time;
    }
    memcpy(n->layer_in, n->x.at, (size_t)n->x.count * sizeof(double));
    for (int layer = 0; layer < n->layers; layer++) {
        run_layer(n, m, layer, n->h, n->c);
        memcpy(n->layer_in, n->layer_out, (size_t)(n->time * n->batch * n->hidden) * sizeof(double));
    }
    return index == 0 && !n->cell ? n->layer_out : index == (n->cell ? 0 : 1) ? n->h : n->c;
}

/* ---- taken from the record ---- */

static bool take_weights(const tgi_suspect *s, network *n)
{
    static const char *const names[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" };
    for (int layer = 0; layer < MOST_LAYERS; layer++) {
        tgi_reals *const to[] = { &n->wi[layer], &n->wh[layer], &n->bi[layer], &n->bh[layer] };
        for (int i = 0; i < 4; i++) {
            char name[32];
            snprintf(name, sizeof name, n->cell ? "%s" : "%s_l%d", names[i], layer);
            tgi_recorded_reals(to[i], tgi_run_find_parameter(s->run, s->what->module, name));
        }
        if (!n->wi[layer].count || !n->wh[layer].count || (n->cell && layer)) break;
        n->layers = layer + 1;
    }
    return n->layers && n->wi[0].shape.ndim == 2 && n->wh[0].shape.ndim == 2;
}

/* Whether all weights have the sizes that the first ones say. */
static bool weights_fit(const network *n)
{
    const int64_t rows = n->gates * n->hidden;
    for (int layer = 0; layer < n->layers; layer++) {
        const int64_t size = layer ? n->hidden : n->inputs;
        if (n->wi[layer].count != rows * size || n->wh[layer].count != rows * n->hidden) return false;
        if ((n->bi[layer].count && n->bi[layer].count != rows) || (n->bh[layer].count && n->bh[layer].count != rows))
            return false;
    }
    return true;
}

/* How many elements the output of that index has; -1: there is none. */
static int64_t output_count(const network *n, int index)
{
    const int last = n->gru + n->cell == 2 ? 0 : n->gru || n->cell ? 1 : 2;
    if (index > last) return -1;
    return (index == 0 && !n->cell ? n->time : n->layers) * n->batch * n->hidden;
}

static bool take_memory(network *n)
{
    const int64_t steps = n->time * n->batch, most = n->time > n->batch ? n->time : n->batch;
    const int64_t widest = n->inputs > n->hidden ? n->inputs : n->hidden;
    n->layer_in = tgi_reals_new(steps * widest);
    n->layer_out = tgi_reals_new(steps * n->hidden);
    n->h = tgi_reals_new(n->layers * most * n->hidden);
    n->c = tgi_reals_new(n->layers * most * n->hidden);
    n->gi = tgi_reals_new(n->gates * n->hidden);
    n->gh = tgi_reals_new(n->gates * n->hidden);
    return n->layer_in && n->layer_out && n->h && n->c && n->gi && n->gh;
}

static bool take(const tgi_suspect *s, network *n)
{
    *n = (network){ 0 };
    if (s->what->role != TGI_OUTPUT) return false;
    const char *settings = s->run->modules[s->what->module].settings;
    n->gru = strncmp(settings, "GRU", 3) == 0;
    n->cell = strstr(settings, "Cell(") != NULL;
    n->gates = n->gru ? 3 : 4;
    if ((!n->gru && strncmp(settings, "LSTM", 4) != 0) || !take_weights(s, n)) return false;
    const tgi_recorded *what = s->what;
    if (!tgi_recorded_reals(&n->x, tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, 0))) return false;
    tgi_recorded_reals(&n->h0, tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, 1));
    tgi_recorded_reals(&n->c0, tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, 2));
    n->hidden = n->wh[0].shape.dims[1];
    n->inputs = n->wi[0].shape.dims[1];
    n->batch_first = tgi_attribute(s->run, what->module, "batch_first", 0) != 0;
    if (n->x.shape.ndim != (n->cell ? 2 : 3) || n->x.shape.dims[n->x.shape.ndim - 1] != n->inputs) return false;
    if (!weights_fit(n) || tgi_attribute(s->run, what->module, "bidirectional", 0) != 0) return false;
    n->time = n->cell ? 1 : n->x.shape.dims[n->batch_first];
    n->batch = n->cell ? n->x.shape.dims[0] : n->x.shape.dims[!n->batch_first];
    if (output_count(n, what->index) != s->theirs.count) return false;
    const int64_t states = n->layers * n->batch * n->hidden;
    if ((n->h0.count && n->h0.count != states) || (n->c0.count && n->c0.count != states)) return false;
    if (n->time * n->batch * n->layers * n->gates * n->hidden * (n->inputs + n->hidden) > MOST_WORK) return false;
    return take_memory(n);
}

/* ---- tried ---- */

/* The order number `code` of the gates; false: it is none. */
static bool order_of(int code, int gates, int order[4])
{
    int used = 0;
    for (int g = 0; g < gates; g++, code /= gates) {
        order[g] = code % gates;
        used |= 1 << order[g];
    }
    return used == (1 << gates) - 1;
}

static void guess_orders(tgi_suspect *s, network *n)
{
    const char *letters = n->gru ? "rzn" : "ifgo";
    int codes = 1;
    double misfit;
    for (int g = 0; g < n->gates; g++) codes *= n->gates;
    for (int code = 0; code < codes; code++) {
        manner m = { 0 };
        char text[16] = "";
        if (!order_of(code, n->gates, m.order)) continue;
        bool same = true;
        for (int g = 0; g < n->gates; g++) {
            same &= m.order[g] == g;
            text[2 * m.order[g]] = letters[g];
            text[2 * m.order[g] + 1] = m.order[g] + 1 < n->gates ? ' ' : '\0';
        }
        if (!same && tgi_fits(s, run(n, &m, s->what->index), s->ours.at, s->ours.count, &misfit))
            tgi_guess_add(s, 7, misfit, "the gates' order: ours takes the blocks of the weights as %s, theirs are %s",
                          text, n->gru ? "r z n" : "i f g o");
    }
}

void tgi_guess_recurrent(tgi_suspect *s)
{
    static const struct {
        manner manner;
        const char *text;
    } manners[] = {
        { { { 0, 1, 2, 3 }, .no_input_bias = true }, "bias_ih is missing" },
        { { { 0, 1, 2, 3 }, .no_hidden_bias = true }, "bias_hh is missing" },
        { { { 0, 1, 2, 3 }, .no_input_bias = true, .no_hidden_bias = true }, "both biases are missing" },
        { { { 0, 1, 2, 3 }, .swapped_states = true }, "the states h and c are swapped on their way in" },
        { { { 0, 1, 2, 3 }, .mixed_otherwise = true },
          "old and new state are mixed the other way round: (1 - z) h + z n "
          "here, (1 - z) n + z h there" },
        { { { 0, 1, 2, 3 }, .reset_first = true },
          "the reset gate multiplies the state before the product here, what the "
          "product made there" },
        { { { 0, 1, 2, 3 }, .forget_one = true }, "1 is added to the forget gate" },
        { { { 0, 1, 2, 3 }, .other_axes = true }, "batch_first: batch and time are exchanged" },
        { { { 0, 1, 2, 3 }, .from_the_end = true }, "the sequence is read from its end" },
        { { { 0, 1, 2, 3 }, .from_the_end = true, .said_in_order = true },
          "the sequence is read from its end, and the "
          "outputs stay in that order" },
    };
    network n;
    double misfit;
    if (!take(s, &n) || s->ours.count != s->theirs.count) return;
    const manner plain = { .order = { 0, 1, 2, 3 } };
    if (!tgi_fits(s, run(&n, &plain, s->what->index), s->theirs.at, s->theirs.count, &misfit)) return;
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        const manner *m = &manners[i].manner;
        if (m->other_axes && (n.cell || n.h0.count || n.c0.count || s->what->index)) continue;
        if (tgi_fits(s, run(&n, m, s->what->index), s->ours.at, s->ours.count, &misfit))
            tgi_guess_add(s, 7, misfit, "%s", manners[i].text);
    }
    guess_orders(s, &n);
}
