/* sine.c: two LSTM cells learn to continue sine waves of different phases, in float64, by L-BFGS, which calls back for the
 * loss as often as it likes. Then they go on alone for a thousand steps, each prediction being the next input.
 *
 *     $ build/examples/sine --svg sine.svg
 *     step 1: loss 0.471196
 *     ...
 *     step 8: loss 2.91068e-05
 *     of waves it has not seen: loss 0.000114876
 *     sine.svg: three waves, and how they go on */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

enum { HIDDEN = 51, PERIOD = 20, SHOWN = 3 };

/* ---- the model ---- */

typedef struct sequence {
    tg_module base;
    tg_lstm_cell *lstm1, *lstm2;
    tg_linear *linear;
} sequence;

static sequence *sequence_new(void)
{
    sequence *m = tg_module_new(sequence, .name = "Sequence");
    TG_SUBMODULE(m, lstm1, tg_lstm_cell_new(1, HIDDEN, .dtype = TG_FLOAT64)); /* self.lstm1 = nn.LSTMCell(1, 51) */
    TG_SUBMODULE(m, lstm2, tg_lstm_cell_new(HIDDEN, HIDDEN, .dtype = TG_FLOAT64));
    TG_SUBMODULE(m, linear, tg_linear_new(HIDDEN, 1, .dtype = TG_FLOAT64));
    return m;
}

/* Waves [N, L] to what comes one step later, and `future` steps more: [N, L + future]. */
static tg_tensor *sequence_forward(sequence *m, tg_tensor *waves, int64_t future)
{
    const int64_t length = tg_size(waves, 1);
    tg_tensor **output = tg_list_new(length + future),
              *zeros = tg_zeros(tg_shape(tg_size(waves, 0), HIDDEN), .dtype = TG_FLOAT64);
    tg_lstm_state s1 = { zeros, zeros }, s2 = s1;
    const tg_tensor_list inputs = tg_split(waves, 1, 1); /* input.split(1, dim=1) */
    for (int64_t t = 0; output && tg_ok() && t < length + future; t++) {
        s1 = tg_lstm_cell_forward(m->lstm1, t < length ? inputs.items[t] : output[t - 1], s1);
        s2 = tg_lstm_cell_forward(m->lstm2, s1.h, s2);
        output[t] = tg_linear_forward(m->linear, s2.h);
    }
    return tg_ok() ? tg_cat(tg_list_of(output, length + future), 1) : NULL;
}

/* ---- training ---- */

typedef struct training {
    sequence *model;
    tg_optimizer *lbfgs;
    tg_tensor *input, *target;
} training;

/* def closure(): ...; return loss */
static tg_tensor *closure(void *context)
{
    training *t = context;
    tg_zero_grad(t->lbfgs);
    tg_tensor *loss = tg_mse_loss(sequence_forward(t->model, t->input, 0), t->target);
    tg_backward(loss);
    return loss;
}

/* sin((0, 1, 2, ... + a whole number of its own) / 20): [waves, length] */
static tg_tensor *draw(int64_t waves, int64_t length)
{
    tg_tensor *shift = tg_to(tg_randint(-4 * PERIOD, 4 * PERIOD, tg_shape(waves, 1), .dtype = TG_INT64), TG_FLOAT64);
    return tg_sin(tg_div(tg_add(tg_arange(0, length, 1, .dtype = TG_FLOAT64), shift), PERIOD));
}

/* ---- the picture ---- */

/* The first waves, as they are while they are known, and dashed from there on. */
static void write_svg(const char *path, tg_tensor *y, int64_t known)
{
    tg_chart *chart = tg_chart_new(.title = "Waves, and how they go on");
    for (int i = 0; i < SHOWN && i < tg_size(y, 0); i++) {
        tg_tensor *wave = tg_select(y, 0, i);
        tg_chart_line_tensor(chart, NULL, tg_narrow(wave, 0, 0, known), .color = i);
        tg_chart_line_tensor(chart, NULL, tg_narrow(wave, 0, known - 1, tg_size(wave, 0) - known + 1),
                             .first = (double)(known - 1), .dashed = true, .color = i);
    }
    if (tg_chart_write_svg(chart, path, .width = 1000, .height = 320) == TG_OK)
        printf("%s: three waves, and how they go on\n", path);
    tg_chart_free(chart);
}

/* ---- the program ---- */

static void predict(sequence *m, tg_tensor *waves, int64_t future, const char *path)
{
    tg_scope quiet = tg_no_grad_begin();
    const int64_t known = tg_size(waves, 1) - 1;
    tg_tensor *y = sequence_forward(m, tg_narrow(waves, 1, 0, known), future);
    tg_tensor *told = tg_narrow(y, 1, 0, known), *target = tg_narrow(waves, 1, 1, known);
    printf("of waves it has not seen: loss %.6g\n", tg_item(tg_mse_loss(told, target)));
    if (*path && y) write_svg(path, y, known);
    tg_scope_end(quiet);
}

int main(int argc, char **argv)
{
    double waves = 10, length = 100, future = 1000, seed = 0, lr = 0.8;
    const char *path = "";
    long_run run = { .steps = 8, .file = "sine.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "steps of L-BFGS, each of up to 20 updates", NULL },
                                   { "--waves", &waves, "how many it learns from", NULL },
                                   { "--length", &length, "of each", NULL },
                                   { "--future", &future, "how far it goes on alone", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   { "--svg", NULL, "a file for a picture", &path },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Learns to continue sine waves.", arguments, &status)) return status;

    tg_manual_seed((uint64_t)seed);
    tg_scope scope = tg_scope_begin();
    tg_tensor *data = draw((int64_t)waves, (int64_t)length), *unseen = draw(SHOWN, (int64_t)length);
    training t = { .model = sequence_new() };
    t.input = tg_narrow(data, 1, 0, (int64_t)length - 1);
    t.target = tg_narrow(data, 1, 1, (int64_t)length - 1);
    t.lbfgs = tg_lbfgs_new(tg_parameters(t.model), .lr = lr); /* optim.LBFGS(seq.parameters(), lr=0.8) */
    const tg_checkpoint_parts all = { .model = TG_MODULE(t.model), .optimizer = t.lbfgs, .step = &run.step };
    long_run_begin(&run, &all, argv);
    while (long_run_goes_on(&run)) {
        const double loss = tg_step_closure(t.lbfgs, closure, &t);
        long_run_step(&run, loss);
        tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)run.step, loss);
    }
    if (long_run_end(&run)) predict(t.model, unseen, (int64_t)future, path);
    tg_optimizer_free(t.lbfgs);
    tg_module_free(t.model);
    tg_scope_end(scope);
    return long_run_status(&run);
}
