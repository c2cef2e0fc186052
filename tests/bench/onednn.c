/* onednn.c: whole training steps of LSTMs here and with oneDNN 2's fused LSTM, by turns in one process: W3 and W4 of
 * workloads.c. `make bench-onednn` builds it where oneDNN is; nothing else of tapegrad needs it.
 *
 * oneDNN's step is what a user of it would write. The weights that Adam updates lie in the order in which oneDNN gives
 * their gradients (ldigo); forward and backward want orders of their own, so that each step reorders them twice. The
 * input is reordered from batch-first, as ours is. oneDNN adds to the weights' gradients, which are set to zero before;
 * it has one bias, the sum of PyTorch's two. The linear layer on the last step, the loss and Adam are tapegrad's on
 * both sides. Both start from the same weights, and their losses are compared before anything is timed. */
#include "bench.h"
#include "models.h"

#include <dnnl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { GATES = 4, MOST_LAYERS = 2, MOST_ROUNDS = 99, LOSSES = 5 };

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const dnnl_status_t status = (call);                                                                           \
        if (status != dnnl_success) failed(#call, (int)status);                                                        \
    } while (0)

static void failed(const char *call, int status)
{
    fprintf(stderr, "onednn: status %d of %s\n", status, call);
    exit(1);
}

static dnnl_engine_t engine;
static dnnl_stream_t stream;

/* ---- memory ---- */

static dnnl_memory_desc_t described(int ndim, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t d;
    TRY(dnnl_memory_desc_init_by_tag(&d, ndim, dims, dnnl_f32, tag));
    return d;
}

/* `at` may be DNNL_MEMORY_ALLOCATE. */
static dnnl_memory_t memory(const dnnl_memory_desc_t *d, void *at)
{
    dnnl_memory_t m;
    TRY(dnnl_memory_create(&m, d, engine, at));
    return m;
}

static float *elements(dnnl_memory_t m)
{
    void *at;
    TRY(dnnl_memory_get_data_handle(m, &at));
    return at;
}

static void fill_with_zeros(dnnl_memory_t m)
{
    const dnnl_memory_desc_t *d;
    TRY(dnnl_memory_get_memory_desc(m, &d));
    memset(elements(m), 0, dnnl_memory_desc_get_size(d));
}

/* ---- primitives ---- */

/* A primitive with what it reads and writes. */
typedef struct call {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[18];
    int count;
} call;

static void give(call *c, int name, dnnl_memory_t m) { c->arguments[c->count++] = (dnnl_exec_arg_t){ name, m }; }

static void run(const call *c) { TRY(dnnl_primitive_execute(c->primitive, stream, c->count, c->arguments)); }

/* Memory for what `desc` wants to read, and the call that fills it from `from`. */
static dnnl_memory_t reordered(call *c, dnnl_memory_t from, const dnnl_memory_desc_t *to)
{
    const dnnl_memory_desc_t *source;
    dnnl_primitive_desc_t desc;
    TRY(dnnl_memory_get_memory_desc(from, &source));
    TRY(dnnl_reorder_primitive_desc_create(&desc, source, engine, to, engine, NULL));
    TRY(dnnl_primitive_create(&c->primitive, desc));
    dnnl_memory_t m = memory(to, DNNL_MEMORY_ALLOCATE);
    give(c, DNNL_ARG_FROM, from);
    give(c, DNNL_ARG_TO, m);
    TRY(dnnl_primitive_desc_destroy(desc));
    return m;
}

static const dnnl_memory_desc_t *wanted_by(dnnl_primitive_desc_t desc, int argument)
{
    return dnnl_primitive_desc_query_md(desc, dnnl_query_exec_arg_md, argument);
}

/* ---- a layer ---- */

enum { IH, HH, BOTH };

typedef struct layer {
    tg_tensor *weight[BOTH], *bias[BOTH]; /* parameters: ldigo, and ldgo in two parts */
    tg_tensor *weight_grad[BOTH], *bias_grad;
    dnnl_memory_t in_order[BOTH], gradient[BOTH], sum_of_biases, bias_gradient; /* oneDNN's handles of the same */
    call reorder[2][BOTH];                                                      /* for forward, for backward */
    call forward, backward;
    dnnl_memory_t output, output_gradient, input_gradient; /* tnc */
} layer;

/* What forward and backward have in common: the first part of the arguments that describe them. */
typedef struct layer_shape {
    dnnl_memory_desc_t input, output, state, weight[BOTH], weight_in_order[BOTH], bias;
} layer_shape;

static layer_shape shape_of(int64_t batch, int64_t steps, int64_t input, int64_t hidden)
{
    const dnnl_dims_t x = { steps, batch, input }, y = { steps, batch, hidden }, b = { 1, 1, GATES, hidden };
    const dnnl_dims_t h = { 1, 1, batch, hidden };
    const dnnl_dims_t w[BOTH] = { { 1, 1, input, GATES, hidden }, { 1, 1, hidden, GATES, hidden } };
    layer_shape s = { .input = described(3, x, dnnl_tnc),
                      .output = described(3, y, dnnl_tnc),
                      .state = described(4, h, dnnl_ldnc),
                      .bias = described(4, b, dnnl_ldgo) };
    for (int i = IH; i < BOTH; i++) {
        s.weight[i] = described(5, w[i], dnnl_format_tag_any);
        s.weight_in_order[i] = described(5, w[i], dnnl_ldigo);
    }
    return s;
}

/* A weight [GATES * hidden, inputs] of ours as ldigo, or a bias. */
static tg_tensor *parameter_like(tg_tensor *t)
{
    tg_tensor *copy = tg_clone(tg_contiguous(tg_ndim(t) == 2 ? tg_t(tg_detach(t)) : tg_detach(t)));
    return tg_requires_grad_(copy, true);
}

static dnnl_memory_t memory_of(tg_tensor *t, const dnnl_memory_desc_t *d)
{
    return memory(d, (void *)(uintptr_t)tg_data(t, TG_FLOAT32));
}

static void make_parameters(layer *l, const layer_shape *s, tg_module *lstm, int number)
{
    static const char *const names[] = { "weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l" };
    for (int i = 0; i < 2 * BOTH; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%d", names[i], number);
        (i < BOTH ? l->weight : l->bias)[i % BOTH] = parameter_like(tg_get_parameter(lstm, name));
    }
    for (int i = IH; i < BOTH; i++) {
        l->weight_grad[i] = tg_zeros_like(tg_detach(l->weight[i]));
        l->in_order[i] = memory_of(l->weight[i], &s->weight_in_order[i]);
        l->gradient[i] = memory_of(l->weight_grad[i], &s->weight_in_order[i]);
    }
    l->bias_grad = tg_zeros_like(tg_detach(l->bias[IH]));
    l->bias_gradient = memory_of(l->bias_grad, &s->bias);
    l->sum_of_biases = memory(&s->bias, DNNL_MEMORY_ALLOCATE);
}

/* The parameters' handles under the names that both primitives have for them, their weights reordered for `desc`. */
static void give_inputs(layer *l, call *c, call reorder[BOTH], dnnl_primitive_desc_t desc, dnnl_memory_t input)
{
    static const int weights[BOTH] = { DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER };
    TRY(dnnl_primitive_create(&c->primitive, desc));
    give(c, DNNL_ARG_SRC_LAYER, input);
    for (int i = IH; i < BOTH; i++)
        give(c, weights[i], reordered(&reorder[i], l->in_order[i], wanted_by(desc, weights[i])));
    give(c, DNNL_ARG_BIAS, l->sum_of_biases);
    give(c, DNNL_ARG_DST_LAYER, l->output);
}

static void make_layer(layer *l, const layer_shape *s, dnnl_memory_t input)
{
    dnnl_rnn_desc_t d;
    dnnl_primitive_desc_t forward, backward;
    const dnnl_rnn_direction_t way = dnnl_unidirectional_left2right;
    TRY(dnnl_lstm_forward_desc_init(&d, dnnl_forward_training, way, &s->input, &s->state, &s->state, &s->weight[IH],
                                    &s->weight[HH], &s->bias, &s->output, NULL, NULL, dnnl_rnn_flags_undef));
    TRY(dnnl_primitive_desc_create(&forward, &d, NULL, engine, NULL));
    TRY(dnnl_lstm_backward_desc_init(&d, dnnl_backward, way, &s->input, &s->state, &s->state, &s->weight[IH],
                                     &s->weight[HH], &s->bias, &s->output, NULL, NULL, &s->input, &s->state, &s->state,
                                     &s->weight_in_order[IH], &s->weight_in_order[HH], &s->bias, &s->output, NULL, NULL,
                                     dnnl_rnn_flags_undef));
    TRY(dnnl_primitive_desc_create(&backward, &d, NULL, engine, forward));

    l->output = memory(&s->output, DNNL_MEMORY_ALLOCATE);
    l->input_gradient = memory(&s->input, DNNL_MEMORY_ALLOCATE);
    dnnl_memory_t workspace = memory(wanted_by(forward, DNNL_ARG_WORKSPACE), DNNL_MEMORY_ALLOCATE);
    /* Left out, they would be zero too, but oneDNN 2.6.3's gradient of the recurrent weight is then another one. */
    dnnl_memory_t zeros[] = { memory(&s->state, DNNL_MEMORY_ALLOCATE), memory(&s->state, DNNL_MEMORY_ALLOCATE) };
    for (int i = 0; i < 2; i++) {
        static const int state[] = { DNNL_ARG_SRC_ITER, DNNL_ARG_SRC_ITER_C };
        static const int gradient[] = { DNNL_ARG_DIFF_SRC_ITER, DNNL_ARG_DIFF_SRC_ITER_C };
        fill_with_zeros(zeros[i]);
        give(&l->forward, state[i], zeros[i]);
        give(&l->backward, state[i], zeros[i]);
        give(&l->backward, gradient[i], memory(&s->state, DNNL_MEMORY_ALLOCATE));
    }
    give_inputs(l, &l->forward, l->reorder[0], forward, input);
    give_inputs(l, &l->backward, l->reorder[1], backward, input);
    give(&l->forward, DNNL_ARG_WORKSPACE, workspace);
    give(&l->backward, DNNL_ARG_WORKSPACE, workspace);
    give(&l->backward, DNNL_ARG_DIFF_SRC_LAYER, l->input_gradient);
    give(&l->backward, DNNL_ARG_DIFF_WEIGHTS_LAYER, l->gradient[IH]);
    give(&l->backward, DNNL_ARG_DIFF_WEIGHTS_ITER, l->gradient[HH]);
    give(&l->backward, DNNL_ARG_DIFF_BIAS, l->bias_gradient);
    TRY(dnnl_primitive_desc_destroy(forward));
    TRY(dnnl_primitive_desc_destroy(backward));
}

static void layer_forward(const layer *l)
{
    float *sum = elements(l->sum_of_biases);
    const float *b_ih = tg_data(l->bias[IH], TG_FLOAT32), *b_hh = tg_data(l->bias[HH], TG_FLOAT32);
    for (int64_t i = 0; i < tg_numel(l->bias[IH]); i++) sum[i] = b_ih[i] + b_hh[i];
    for (int i = IH; i < BOTH; i++) run(&l->reorder[0][i]);
    run(&l->forward);
}

static void layer_backward(const layer *l)
{
    for (int i = IH; i < BOTH; i++) run(&l->reorder[1][i]);
    run(&l->backward);
    for (int i = IH; i < BOTH; i++) {
        tg_set_grad(l->weight[i], l->weight_grad[i]);
        tg_set_grad(l->bias[i], l->bias_grad);
    }
}

/* ---- the two models ---- */

typedef struct sizes {
    const char *name, *description;
    int64_t batch, steps, input, hidden;
    int layers;
} sizes;

typedef struct training {
    const sizes *of;
    tg_tensor *X, *y;
    tg_loss *criterion;
    tg_module *ours;
    tg_optimizer *adam, *their_adam;
    layer layers[MOST_LAYERS];
    tg_tensor *fc_weight, *fc_bias; /* theirs */
    call reorder_input;
    double loss, their_loss;
} training;

static void step_ours(void *state)
{
    training *t = state;
    tg_scope scope = tg_scope_begin();
    tg_zero_grad(t->adam);
    tg_tensor *loss = tg_loss_forward(t->criterion, tg_module_forward(t->ours, t->X), t->y);
    tg_backward(loss);
    tg_step(t->adam);
    t->loss = tg_item(loss);
    tg_scope_end(scope);
}

static void their_zero_grad(const training *t)
{
    tg_zero_grad(t->their_adam);
    for (int i = 0; i < t->of->layers; i++) {
        const layer *l = &t->layers[i];
        fill_with_zeros(l->gradient[IH]);
        fill_with_zeros(l->gradient[HH]);
        fill_with_zeros(l->bias_gradient);
    }
}

/* The gradients of the steps before the last one are zero, and stay so. */
static void step_theirs(void *state)
{
    training *t = state;
    const sizes *s = t->of;
    const layer *last = &t->layers[s->layers - 1];
    const int64_t behind = (s->steps - 1) * s->batch * s->hidden;
    tg_scope scope = tg_scope_begin();
    their_zero_grad(t);
    run(&t->reorder_input);
    for (int i = 0; i < s->layers; i++) layer_forward(&t->layers[i]);
    tg_tensor *h =
        tg_from_memory(elements(last->output) + behind, tg_shape(s->batch, s->hidden), TG_FLOAT32, NULL, NULL);
    tg_requires_grad_(h, true);
    tg_tensor *loss = tg_loss_forward(t->criterion, tg_linear(h, t->fc_weight, t->fc_bias), t->y);
    tg_backward(loss);
    memcpy(elements(last->output_gradient) + behind, tg_data(tg_grad_of(h), TG_FLOAT32),
           sizeof(float) * (size_t)(s->batch * s->hidden));
    for (int i = s->layers - 1; i >= 0; i--) layer_backward(&t->layers[i]);
    tg_step(t->their_adam);
    t->their_loss = tg_item(loss);
    tg_scope_end(scope);
}

/* oneDNN's side, from the weights of ours as they are now. */
static void make_theirs(training *t)
{
    const sizes *s = t->of;
    const dnnl_dims_t x = { s->steps, s->batch, s->input };
    const dnnl_memory_desc_t batch_first = described(3, x, dnnl_ntc), time_first = described(3, x, dnnl_tnc);
    dnnl_memory_t input = reordered(&t->reorder_input, memory_of(t->X, &batch_first), &time_first);
    tg_tensor *parameters[MOST_LAYERS * 2 * BOTH + 2];
    int count = 0;
    for (int i = 0; i < s->layers; i++) {
        layer *l = &t->layers[i];
        const layer_shape shape = shape_of(s->batch, s->steps, i ? s->hidden : s->input, s->hidden);
        make_parameters(l, &shape, tg_get_submodule(t->ours, "lstm"), i);
        make_layer(l, &shape, i ? t->layers[i - 1].output : input);
        for (int j = IH; j < BOTH; j++) {
            parameters[count++] = l->weight[j];
            parameters[count++] = l->bias[j];
        }
        if (i) t->layers[i - 1].output_gradient = l->input_gradient;
        if (i == s->layers - 1) fill_with_zeros(l->output_gradient = memory(&shape.output, DNNL_MEMORY_ALLOCATE));
    }
    for (int i = 0; i < s->layers; i++)
        give(&t->layers[i].backward, DNNL_ARG_DIFF_DST_LAYER, t->layers[i].output_gradient);
    t->fc_weight = tg_requires_grad_(tg_clone(tg_detach(tg_get_parameter(t->ours, "fc.weight"))), true);
    t->fc_bias = tg_requires_grad_(tg_clone(tg_detach(tg_get_parameter(t->ours, "fc.bias"))), true);
    parameters[count++] = t->fc_weight;
    parameters[count++] = t->fc_bias;
    t->their_adam = tg_adam_new(tg_list_of(parameters, count), .lr = 1e-3);
}

/* ---- running ---- */

/* Both train from the same weights: so their losses are the same, but for rounding. */
static bool losses_agree(training *t)
{
    for (int i = 0; i < LOSSES; i++) {
        step_ours(t);
        step_theirs(t);
        if (tg_failed()) return false;
        if (fabs(t->loss - t->their_loss) <= 1e-4 * fabs(t->loss)) continue;
        fprintf(stderr, "onednn: %s: step %d: the loss is %.9g here and %.9g there\n", t->of->name, i, t->loss,
                t->their_loss);
        return false;
    }
    return true;
}

static bool compare(const sizes *s, int threads, int rounds, double seconds)
{
    double ours[MOST_ROUNDS], theirs[MOST_ROUNDS], ratio[MOST_ROUNDS];
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(0);
    training t = { .of = s,
                   .criterion = tg_mse_loss_new(),
                   .ours = stacked_lstm_new(s->input, s->hidden, s->layers, 1),
                   .X = tg_rand(tg_shape(s->batch, s->steps, s->input)),
                   .y = tg_rand(tg_shape(s->batch, 1)) };
    t.adam = tg_adam_new(tg_parameters(t.ours), .lr = 1e-3);
    make_theirs(&t);
    const bool agree = losses_agree(&t);
    for (int i = 0; i < rounds && agree; i++) {
        ours[i] = 1e3 * bench_time(step_ours, &t, seconds);
        theirs[i] = 1e3 * bench_time(step_theirs, &t, seconds);
        ratio[i] = theirs[i] / ours[i];
    }
    if (agree) {
        const double middle = bench_median(ratio, rounds);
        printf("%-4s %-42s %8d %9.2f ms %9.2f ms %8.3f   %.3f .. %.3f\n", s->name, s->description, threads,
               bench_median(ours, rounds), bench_median(theirs, rounds), middle, ratio[0], ratio[rounds - 1]);
    }
    tg_optimizer_free(t.adam);
    tg_optimizer_free(t.their_adam);
    tg_module_free(t.ours);
    tg_module_free(t.criterion);
    tg_scope_end(scope);
    return agree;
}

static const sizes all[] = {
    { "W3", "LSTM 64-256, 2 layers, batch 32, 50 steps", 32, 50, 64, 256, 2 },
    { "W4", "LSTM 512-1024, batch 64, 35 steps", 64, 35, 512, 1024, 1 },
};

static int usage(void)
{
    fputs(
        "usage: onednn [--threads N] [--only W3|W4] [--rounds N] [--seconds S]\n"
        "\n"
        "Training steps here and with oneDNN, by turns: in each round (of 5) each side for S seconds (0.5) and at least\n"
        "8 steps. Above 1: oneDNN takes longer.\n",
        stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int threads = 1, rounds = 5;
    double seconds = 0.5;
    const char *only = NULL;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return usage();
        if (strcmp(argv[i], "--threads") == 0)
            threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else
            return usage();
    }
    if (threads < 1 || rounds < 1 || rounds > MOST_ROUNDS || !(seconds > 0)) return usage();
#ifdef _OPENMP
    omp_set_num_threads(threads);
#endif
    TRY(dnnl_engine_create(&engine, dnnl_cpu, 0));
    TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    const dnnl_version_t *v = dnnl_version();
    printf("%-47s %8s %12s  oneDNN %d.%d.%d %7s   %s\n", "", "threads", "tapegrad", v->major, v->minor, v->patch,
           "ratio", "min .. max");
    bool ok = true;
    int count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (only && strcmp(only, all[i].name) != 0) continue;
        ok &= compare(&all[i], threads, rounds, seconds);
        count++;
    }
    if (!count) return usage();
    TRY(dnnl_stream_destroy(stream));
    TRY(dnnl_engine_destroy(engine));
    return ok ? 0 : 1;
}
