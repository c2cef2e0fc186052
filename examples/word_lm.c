/* word_lm.c: a language model of words: the embedding and the output share their weights, backpropagation through time is
 * truncated, the learning rate is annealed when the validation loss no longer falls, and in the end it writes something.
 *
 *     $ build/examples/word_lm --model GRU
 *     step 1: loss 6.7
 *     ...
 *     epoch 20: lr 0.00061, validation loss 4.9
 *     (and sixty words; other ones whenever README.md is another)
 *
 * Ctrl-C ends it after a step; it says then how to go on. */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

#include <math.h>

enum { WIDTH = 64, LAYERS = 2, HEADS = 4, BATCH = 4, STEPS = 16 };
static const double dropout = 0.2, clip = 0.25;

/* ---- the model ---- */

typedef struct word_model {
    tg_module base;
    tg_embedding *encoder;
    tg_rnn *rnn; /* one of these four */
    tg_gru *gru;
    tg_lstm *lstm;
    tg_transformer_encoder *transformer;
    tg_linear *decoder;
} word_model;

static word_model *word_model_new(const char *kind, int64_t vocabulary)
{
    word_model *m = tg_module_new(word_model, .name = "WordModel");
    TG_SUBMODULE(m, encoder, tg_embedding_new(vocabulary, WIDTH)); /* self.encoder = nn.Embedding(ntoken, ninp) */
    if (strcmp(kind, "LSTM") == 0)
        TG_SUBMODULE(m, lstm, tg_lstm_new(WIDTH, WIDTH, .num_layers = LAYERS, .dropout = dropout));
    else if (strcmp(kind, "GRU") == 0)
        TG_SUBMODULE(m, gru, tg_gru_new(WIDTH, WIDTH, .num_layers = LAYERS, .dropout = dropout));
    else if (strcmp(kind, "Transformer") == 0)
        TG_SUBMODULE(m, transformer,
                     tg_transformer_encoder_new(tg_transformer_encoder_layer_new(WIDTH, HEADS, .dim_feedforward = WIDTH,
                                                                                 .dropout = dropout),
                                                LAYERS));
    else
        TG_SUBMODULE(m, rnn,
                     tg_rnn_new(WIDTH, WIDTH, .num_layers = LAYERS, .dropout = dropout,
                                .nonlinearity = strcmp(kind, "RNN_RELU") == 0 ? "relu" : "tanh"));
    TG_SUBMODULE(m, decoder, tg_linear_new(WIDTH, vocabulary));
    TG_REPLACE_PARAMETER(m->decoder, weight, m->encoder->weight); /* self.decoder.weight = self.encoder.weight */
    tg_init_uniform_(m->encoder->weight, -0.1, 0.1);
    tg_init_zeros_(m->decoder->bias);
    return m;
}

/* Waves of different lengths, which tell a transformer where a word stands: sin and cos by turns, [T, 1, WIDTH]. */
static tg_tensor *positions(int64_t steps)
{
    tg_tensor *at = tg_unsqueeze(tg_arange(0, steps, 1, .dtype = TG_FLOAT32), 1);
    tg_tensor *rate = tg_exp(tg_mul(tg_arange(0, WIDTH, 2, .dtype = TG_FLOAT32), -log(10000.0) / WIDTH));
    tg_tensor *angle = tg_mul(at, rate);
    return tg_unsqueeze(tg_flatten(tg_stack(tg_list(tg_sin(angle), tg_cos(angle)), 2), 1), 1);
}

/* Each word sees those before it: self.transformer(self.pos_encoder(x * math.sqrt(ninp)), mask) */
static tg_tensor *attend(word_model *m, tg_tensor *x)
{
    const int64_t steps = tg_size(x, 0);
    x = tg_add(tg_mul(x, sqrt(WIDTH)), positions(steps));
    x = tg_dropout(x, .p = dropout, .training = m->base.training);
    return tg_transformer_encoder_forward(m->transformer, x, .mask = tg_generate_square_subsequent_mask(steps));
}

/* output, hidden = self.rnn(x, hidden); c is NULL but for an LSTM, and h is NULL at first */
static tg_tensor *recur(word_model *m, tg_tensor *x, tg_tensor **h, tg_tensor **c)
{
    if (m->lstm) {
        const tg_lstm_output out =
            *h ? tg_lstm_forward(m->lstm, x, (tg_lstm_state){ *h, *c }) : tg_lstm_forward(m->lstm, x);
        return *h = out.h_n, *c = out.c_n, out.output;
    }
    if (m->gru) {
        const tg_gru_output out = *h ? tg_gru_forward(m->gru, x, *h) : tg_gru_forward(m->gru, x);
        return *h = out.h_n, out.output;
    }
    const tg_rnn_output out = *h ? tg_rnn_forward(m->rnn, x, *h) : tg_rnn_forward(m->rnn, x);
    return *h = out.h_n, out.output;
}

/* Words [T, N] to scores [T N, vocabulary]. */
static tg_tensor *word_model_forward(word_model *m, tg_tensor *ids, tg_tensor **h, tg_tensor **c)
{
    const bool training = m->base.training;
    tg_tensor *x = tg_embedding_forward(m->encoder, ids), *y;
    if (m->transformer)
        y = attend(m, x);
    else
        y = tg_dropout(recur(m, tg_dropout(x, .p = dropout, .training = training), h, c), .p = dropout,
                       .training = training);
    return tg_linear_forward(m->decoder, tg_flatten(y, 0, 1)); /* decoder(output).view(-1, ntoken) */
}

/* ---- data ---- */

/* data.narrow(0, 0, rows * BATCH).view(BATCH, -1).t().contiguous(): [rows, BATCH], each column a piece of the text */
static tg_tensor *batchify(tg_tensor *ids, int64_t first, int64_t count)
{
    const int64_t rows = count / BATCH;
    return tg_contiguous(tg_t(tg_view(tg_narrow(ids, 0, first, rows * BATCH), tg_shape(BATCH, rows))));
}

/* The loss of the rows from `i` on: each is to tell the next. */
static tg_tensor *loss_of(word_model *m, tg_tensor *data, int64_t i, tg_tensor **h, tg_tensor **c)
{
    const int64_t left = tg_size(data, 0) - 1 - i, steps = left < STEPS ? left : STEPS;
    tg_tensor *scores = word_model_forward(m, tg_narrow(data, 0, i, steps), h, c);
    return tg_cross_entropy(scores, tg_flatten(tg_narrow(data, 0, i + 1, steps)));
}

static double evaluate(word_model *m, tg_tensor *data)
{
    double total = 0;
    tg_module_eval(m);
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *h = NULL, *c = NULL;
    const int64_t rows = tg_size(data, 0) - 1;
    for (int64_t i = 0; tg_ok() && i < rows; i += STEPS) {
        const int64_t steps = rows - i < STEPS ? rows - i : STEPS;
        total += (double)steps * tg_item(loss_of(m, data, i, &h, &c));
    }
    tg_scope_end(quiet);
    tg_module_train(m);
    return total / (double)rows;
}

/* ---- training ---- */

typedef struct training {
    word_model *model;
    tg_optimizer *sgd;
    tg_tensor *data, *validation;
    tg_tensor *h, *c; /* the state after the last step, [LAYERS, BATCH, WIDTH] */
    double best;      /* validation loss */
} training;

/* One step on the rows from `i` on; the loss before it. */
static double train_step(training *t, int64_t i)
{
    tg_scope scope = tg_scope_begin();
    if (i == 0) tg_zero_(t->h), tg_zero_(t->c); /* hidden = model.init_hidden(BATCH) */
    tg_tensor *h = t->h, *c = t->c;
    tg_zero_grad(t->sgd);
    tg_tensor *loss = loss_of(t->model, t->data, i, &h, &c);
    tg_backward(loss);
    tg_clip_grad_norm_(tg_parameters(t->model), clip); /* clip_grad_norm_(model.parameters(), 0.25) */
    tg_step(t->sgd);
    tg_copy_(t->h, tg_detach(h)); /* hidden = repackage_hidden(hidden) */
    tg_copy_(t->c, tg_detach(c));
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

static void end_epoch(training *t, int64_t epoch, tg_progress *bar)
{
    const double now = evaluate(t->model, t->validation);
    if (now < t->best)
        t->best = now;
    else
        tg_set_lr(t->sgd, tg_lr(t->sgd) / 4); /* anneal */
    if (epoch % 5 == 0)
        tg_progress_print(stdout, "epoch %d: lr %.3g, validation loss %.4g\n", (int)epoch, tg_lr(t->sgd), now);
    tg_progress_set(bar, "validation loss", now);
}

/* True when it is done. */
static bool train(word_model *m, tg_tensor *ids, double lr, double epochs, long_run *r, char **argv)
{
    const int64_t words = tg_numel(ids), held_out = words / 10;
    training t = { .model = m, .best = INFINITY };
    tg_scope scope = tg_scope_begin();
    t.data = batchify(ids, 0, words - held_out);
    t.validation = batchify(ids, words - held_out, held_out);
    t.h = tg_zeros(tg_shape(LAYERS, BATCH, WIDTH));
    t.c = tg_zeros_like(t.h);
    t.sgd = tg_sgd_new(tg_parameters(m), .lr = lr);
    const int64_t in_epoch = (tg_size(t.data, 0) - 1 + STEPS - 1) / STEPS;
    r->steps = fmin(r->steps, floor(epochs) * (double)in_epoch);
    const tg_checkpoint_parts all = {
        .model = TG_MODULE(m),
        .optimizer = t.sgd,
        .step = &r->step,
        .values = tg_variables(tg_variable("h", t.h), tg_variable("c", t.c), tg_variable("best", &t.best)),
    };
    long_run_begin(r, &all, argv);
    while (long_run_goes_on(r)) {
        const double loss = train_step(&t, r->step % in_epoch * STEPS);
        long_run_step(r, loss);
        if (r->step <= 5 || r->step % 200 == 0) tg_progress_print(stdout, "step %d: loss %.6g\n", (int)r->step, loss);
        if (r->step % in_epoch == 0) end_epoch(&t, r->step / in_epoch, r->bar);
    }
    const bool done = long_run_end(r);
    tg_optimizer_free(t.sgd);
    tg_scope_end(scope);
    return done;
}

/* ---- writing ---- */

static void write_words(word_model *m, const tg_vocabulary *v, int count, double temperature)
{
    tg_module_eval(m);
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *h = NULL, *c = NULL, *seen;
    tg_tensor *word = seen = tg_randint(0, tg_vocabulary_size(v), tg_shape(1, 1), .dtype = TG_INT64);
    for (int i = 0; tg_ok() && i < count; i++) {
        tg_tensor *scores = word_model_forward(m, m->transformer ? seen : word, &h, &c);
        scores = tg_slice(scores, 0, -1); /* of the last word */
        word = tg_multinomial(tg_softmax(tg_div(scores, temperature), -1), 1);
        seen = tg_cat(tg_list(seen, word), 0);
        printf("%s%c", tg_decode(v, word), (i + 1) % 12 && i + 1 < count ? ' ' : '\n');
    }
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    double epochs = 20, seed = 0, lr = 10, temperature = 0.8;
    const char *kind = "LSTM", *path = "README.md";
    long_run run = { .steps = 1e6, .file = "word_lm.safetensors" };
    const argument arguments[] = { { "--model", NULL, "RNN_TANH, RNN_RELU, LSTM, GRU or Transformer", &kind },
                                   { "--text", NULL, "the file it learns from", &path },
                                   { "--epochs", &epochs, "passes over the text", NULL },
                                   { "--steps", &run.steps, "updates, at most", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the first learning rate", NULL },
                                   { "--temp", &temperature, "of what it writes", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "A language model of a text's words.", arguments, &status)) return status;

    tg_vocabulary *words = tg_vocabulary_of_file(path, .by = TG_WORDS);
    tg_tensor *ids = tg_encode_file(words, path);
    if (tg_ok() && tg_numel(ids) < 20 * BATCH) fprintf(stderr, "%s: too few words\n", path);
    if (tg_failed() || tg_numel(ids) < 20 * BATCH) return tg_vocabulary_free(words), 1;
    tg_manual_seed((uint64_t)seed);
    word_model *m = word_model_new(kind, tg_vocabulary_size(words));
    if (train(m, ids, lr, epochs, &run, argv)) write_words(m, words, 60, temperature);
    tg_module_free(m);
    tg_vocabulary_free(words);
    return long_run_status(&run);
}
