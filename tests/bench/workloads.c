/* workloads.c: what users wait for, W1 to W16. tests/bench/pytorch.py has the same ones under the same names: whoever
 * changes one changes both. Training is one step of it: zero_grad, forward, loss, backward, Adam (W10: AdamW); each step is a
 * scope.
 * The figures are microseconds but for W8's, which are nanoseconds. */
#include "bench.h"
#include "models.h"

/* ---- training ---- */

typedef struct training {
    tg_module *model;
    tg_loss *criterion;
    tg_optimizer *optimizer;
    tg_tensor *X, *y;
} training;

static void train_step(void *state)
{
    const training *t = state;
    tg_scope step = tg_scope_begin();
    tg_zero_grad(t->optimizer);
    tg_tensor *loss = tg_loss_forward(t->criterion, tg_module_forward(t->model, t->X), t->y);
    tg_backward(loss);
    tg_step(t->optimizer);
    tg_scope_end(step);
}

/* Takes over the model, the criterion and the optimiser. */
static double train_by(tg_optimizer *optimizer, double seconds, tg_module *model, tg_loss *criterion, tg_tensor *X,
                       tg_tensor *y)
{
    training t = { model, criterion, optimizer, X, y };
    const double time = bench_time(train_step, &t, seconds);
    tg_optimizer_free(t.optimizer);
    tg_module_free(criterion);
    tg_module_free(model);
    return 1e6 * time;
}

static double train(double seconds, tg_module *model, tg_loss *criterion, tg_tensor *X, tg_tensor *y)
{
    return train_by(tg_adam_new(tg_parameters(model), .lr = 1e-3), seconds, model, criterion, X, y);
}

typedef struct lstm_sizes {
    int64_t batch, steps, input, hidden, layers;
    int64_t target; /* CustomLSTM: the size of y's last dimension */
} lstm_sizes;

static double train_custom_lstm(double seconds, const void *argument)
{
    const lstm_sizes *s = argument;
    tg_module *model = custom_lstm_new(s->input, s->hidden);
    tg_tensor *X = tg_rand(tg_shape(s->batch, s->steps, s->input));
    tg_tensor *y = tg_rand(tg_shape(s->batch, s->steps, s->target));
    return train(seconds, model, tg_mse_loss_new(), X, y);
}

static double train_stacked_lstm(double seconds, const void *argument)
{
    const lstm_sizes *s = argument;
    tg_module *model = stacked_lstm_new(s->input, s->hidden, s->layers, 1);
    tg_tensor *X = tg_rand(tg_shape(s->batch, s->steps, s->input)), *y = tg_rand(tg_shape(s->batch, 1));
    return train(seconds, model, tg_mse_loss_new(), X, y);
}

static double train_gru(double seconds, const void *argument)
{
    const lstm_sizes *s = argument;
    tg_module *model = gru_regressor_new(s->input, s->hidden, 1);
    tg_tensor *X = tg_rand(tg_shape(s->batch, s->steps, s->input)), *y = tg_rand(tg_shape(s->batch, 1));
    return train(seconds, model, tg_mse_loss_new(), X, y);
}

static double train_packed_lstm(double seconds, const void *argument)
{
    const lstm_sizes *s = argument;
    tg_module *model = packed_lstm_new(s->input, s->hidden, 1, s->batch, s->steps);
    tg_tensor *X = tg_rand(tg_shape(s->batch, s->steps, s->input)), *y = tg_rand(tg_shape(s->batch, s->steps, 1));
    return train(seconds, model, tg_mse_loss_new(), X, y);
}

static double train_text_classifier(double seconds, const void *argument)
{
    (void)argument;
    enum { WORDS = 10000, HIDDEN = 128, CLASSES = 2, BATCH = 32, STEPS = 200 };
    tg_module *model = text_classifier_new(WORDS, HIDDEN, CLASSES);
    tg_tensor *X = tg_randint(0, WORDS, tg_shape(BATCH, STEPS), .dtype = TG_INT64);
    tg_tensor *y = tg_randint(0, CLASSES, tg_shape(BATCH), .dtype = TG_INT64);
    return train(seconds, model, tg_cross_entropy_loss_new(), X, y);
}

static double train_mlp(double seconds, const void *argument)
{
    (void)argument;
    tg_module *model = mlp_new();
    tg_tensor *X = tg_rand(tg_shape(128, 784)), *y = tg_randint(0, 10, tg_shape(128), .dtype = TG_INT64);
    return train(seconds, model, tg_cross_entropy_loss_new(), X, y);
}

static double train_gpt(double seconds, const void *argument)
{
    (void)argument;
    enum { VOCABULARY = 65, BATCH = 12, TOKENS = 64 };
    tg_module *model = gpt_new(VOCABULARY);
    tg_tensor *X = tg_randint(0, VOCABULARY, tg_shape(BATCH, TOKENS));
    tg_tensor *y = tg_randint(0, VOCABULARY, tg_shape(BATCH * TOKENS));
    tg_optimizer *adamw = tg_adamw_new(tg_parameters(model), .lr = 1e-3);
    return train_by(adamw, seconds, model, tg_cross_entropy_loss_new(), X, y);
}

static double train_encoder_layer(double seconds, const void *argument)
{
    (void)argument;
    tg_module *model =
        TG_MODULE(tg_transformer_encoder_layer_new(256, 8, .dim_feedforward = 1024, .dropout = 0, .batch_first = true));
    tg_tensor *X = tg_rand(tg_shape(16, 64, 256)), *y = tg_rand(tg_shape(16, 64, 256));
    return train(seconds, model, tg_mse_loss_new(), X, y);
}

/* ---- inference ---- */

typedef struct inference {
    tg_module *model;
    tg_tensor *X;
} inference;

static void infer_once(void *state)
{
    const inference *i = state;
    tg_scope no_grad = tg_no_grad_begin();
    tg_module_forward(i->model, i->X);
    tg_scope_end(no_grad);
}

static double infer_stacked_lstm(double seconds, const void *argument)
{
    const lstm_sizes *s = argument;
    inference i = { stacked_lstm_new(s->input, s->hidden, s->layers, 1),
                    tg_rand(tg_shape(s->batch, s->steps, s->input)) };
    tg_module_eval(i.model);
    const double time = bench_time(infer_once, &i, seconds);
    tg_module_free(i.model);
    return 1e6 * time;
}

/* ---- single ops ---- */

enum { SCALAR_ADDS = 10000, OP_CALLS = 10 };

static void add_scalars(void *state)
{
    (void)state;
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(), .requires_grad = true), *y = x;
    for (int i = 0; i < SCALAR_ADDS; i++) y = tg_add(y, x);
    tg_backward(y);
    tg_scope_end(scope);
}

static double scalar_adds(double seconds, const void *argument)
{
    (void)argument;
    return 1e9 * bench_time(add_scalars, NULL, seconds) / SCALAR_ADDS;
}

typedef struct op_call {
    tg_tensor *(*call)(tg_tensor *a, tg_tensor *b);
    int64_t n;
} op_call;

static tg_tensor *call_sigmoid(tg_tensor *a, tg_tensor *b) { return (void)b, tg_sigmoid(a); }
static tg_tensor *call_tanh(tg_tensor *a, tg_tensor *b) { return (void)b, tg_tanh(a); }
static tg_tensor *call_exp(tg_tensor *a, tg_tensor *b) { return (void)b, tg_exp(a); }
static tg_tensor *call_mul(tg_tensor *a, tg_tensor *b) { return tg_mul(a, b); }
static tg_tensor *call_sum(tg_tensor *a, tg_tensor *b) { return (void)b, tg_sum(a); }

typedef struct op_state {
    const op_call *op;
    tg_tensor *a, *b;
} op_state;

static void call_op(void *state)
{
    const op_state *s = state;
    for (int i = 0; i < OP_CALLS; i++) {
        tg_scope scope = tg_scope_begin();
        s->op->call(s->a, s->b);
        tg_scope_end(scope);
    }
}

static double one_op(double seconds, const void *argument)
{
    const op_call *op = argument;
    op_state s = { op, tg_rand(tg_shape(op->n)), tg_rand(tg_shape(op->n)) };
    return 1e6 * bench_time(call_op, &s, seconds) / OP_CALLS;
}

/* ---- the list ---- */

#define OP(name, count, digits)                                                                                        \
    {                                                                                                                  \
        "W7-" #name "-" #digits, "W7 " #name " n=" #digits, "us", 0.3, one_op, &(const op_call) { call_##name, count } \
    }
#define OPS(digits)                                                                                                    \
    OP(sigmoid, digits, digits), OP(tanh, digits, digits), OP(exp, digits, digits), OP(mul, digits, digits),           \
        OP(sum, digits, digits)

const bench_workload bench_workloads[] = {
    { "W1", "CustomLSTM 5-8, batch 100, 10 steps: training", "us", 2, train_custom_lstm,
      &(const lstm_sizes){ .batch = 100, .steps = 10, .input = 5, .hidden = 8, .target = 1 } },
    { "W2", "LSTM 5-8, 2 layers, batch 100, 10 steps: training", "us", 2, train_stacked_lstm,
      &(const lstm_sizes){ .batch = 100, .steps = 10, .input = 5, .hidden = 8, .layers = 2 } },
    { "W3", "LSTM 64-256, 2 layers, batch 32, 50 steps: training", "us", 2, train_stacked_lstm,
      &(const lstm_sizes){ .batch = 32, .steps = 50, .input = 64, .hidden = 256, .layers = 2 } },
    { "W4", "LSTM 512-1024, batch 64, 35 steps: training", "us", 4, train_stacked_lstm,
      &(const lstm_sizes){ .batch = 64, .steps = 35, .input = 512, .hidden = 1024, .layers = 1 } },
    { "W5", "CustomLSTM 64-256, batch 32, 50 steps: training", "us", 2, train_custom_lstm,
      &(const lstm_sizes){ .batch = 32, .steps = 50, .input = 64, .hidden = 256, .target = 256 } },
    OPS(1000),
    OPS(1000000),
    { "W8", "10,000 additions of scalars, forward and backward: each", "ns", 2, scalar_adds, NULL },
    { "W9", "MLP 784-512-10, batch 128, cross entropy: training", "us", 2, train_mlp, NULL },
    { "W10", "GPT 128, 4 layers, 4 heads, batch 12, 64 tokens: training", "us", 4, train_gpt, NULL },
    { "W12", "LSTM 64-256, 2 layers, one step of one sample: inference", "us", 2, infer_stacked_lstm,
      &(const lstm_sizes){ .batch = 1, .steps = 1, .input = 64, .hidden = 256, .layers = 2 } },
    { "W13", "GRU 64-256, batch 32, 50 steps: training", "us", 2, train_gru,
      &(const lstm_sizes){ .batch = 32, .steps = 50, .input = 64, .hidden = 256 } },
    { "W14", "LSTM 64-128 both ways, batch 32, packed, 5 to 50 steps: training", "us", 2, train_packed_lstm,
      &(const lstm_sizes){ .batch = 32, .steps = 50, .input = 64, .hidden = 128 } },
    { "W15", "Embedding and LSTM 128, batch 32, 200 steps: training", "us", 4, train_text_classifier, NULL },
    { "W16", "TransformerEncoderLayer 256, 8 heads, batch 16, 64 steps: training", "us", 4, train_encoder_layer, NULL },
};
const int bench_workload_count = (int)(sizeof bench_workloads / sizeof *bench_workloads);
