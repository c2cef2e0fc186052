/* forecast.c: an LSTM learns the carbon dioxide in the air of Mauna Loa month by month, and forecasts the last four years
 * of the series, which it has not seen: each month from what it forecast for the months before. It learns the change from
 * month to month, and is told the time of the year. PyTorch's lines stand beside ours.
 *
 *     $ build/examples/forecast
 *     478 months to learn from, 48 to forecast, 4769 parameters
 *     step 100: loss 0.0810165
 *     ...
 *     error (root mean square) of the 48 months from 1998-01 on:
 *         this forecast                   1.11 ppm
 *         the last year, again and again  5.31 ppm
 *         the same, and its yearly rise   2.35 ppm
 *
 * and a chart. It takes some seconds. It keeps a checkpoint; Ctrl-C ends it after a step, and it says how to go on. */
#include <tapegrad.h>

#include "arguments.h"
#include "run.h"

#include <math.h>

enum { YEAR = 12, HELD_OUT = 4 * YEAR, WINDOW = 3 * YEAR, HIDDEN = 32, FEATURES = 3, SAVE_EVERY = 100 };

/* What this program can be told. */
typedef struct settings {
    const char *data, *save, *resume, *plot;
    double steps, batch, lr, seed;
} settings;

/* ---- data ---- */

typedef struct series {
    tg_tensor *values;   /* [months] float32 */
    double start;        /* the first month, in years */
    double mean, std;    /* of the changes from month to month that are to be learnt from, */
    tg_tensor *features; /* and what the model sees of them, [changes, FEATURES] */
} series;

/* A month that is missing lies on the straight line between its neighbours. */
static void interpolate(tg_tensor *t) /* series.interpolate() */
{
    float *values = tg_mutable_data(t, TG_FLOAT32);
    for (int64_t i = 1; values && i < tg_numel(t); i++) {
        int64_t next = i;
        while (next < tg_numel(t) - 1 && isnan(values[next])) next++;
        if (next > i) values[i] = values[i - 1] + (values[next] - values[i - 1]) / (float)(next - i + 1);
    }
    tg_data_written(t);
}

/* The time of the year beside changes [n, 1] that are normalised, the first of which is the `first` of the series. */
static tg_tensor *features_of(tg_tensor *changes, int64_t first)
{
    const double turn = 2 * 3.14159265358979323846 / YEAR;
    /* angle = torch.arange(first, first + n).unsqueeze(1) * (2 * math.pi / 12) */
    tg_tensor *month = tg_arange(first, first + tg_size(changes, 0));
    tg_tensor *angle = tg_mul(tg_unsqueeze(month, 1), turn);
    return tg_cat(tg_list(changes, tg_sin(angle), tg_cos(angle)), 1);
}

static series read_series(const char *path)
{
    series s = { .start = 0 };
    tg_csv *table = tg_load_csv(path); /* table = pd.read_csv(path) */
    tg_tensor *date = tg_csv_tensor(table, tg_texts("year", "month"), .dtype = TG_FLOAT64);
    s.values = tg_csv_column(table, "co2", .dtype = TG_FLOAT32); /* torch.tensor(table.co2.interpolate()) */
    interpolate(s.values);
    tg_csv_free(table);
    if (tg_numel(s.values) <= HELD_OUT + WINDOW + 2) {
        tg_fail("read_series", "%s: %lld months are too few", path, (long long)tg_numel(s.values));
        return s;
    }
    tg_tensor *first = tg_select(date, 0, 0);
    s.start = tg_item(tg_select(first, 0, 0)) + (tg_item(tg_select(first, 0, 1)) - 1) / YEAR;
    tg_tensor *changes = tg_diff(tg_slice(s.values, 0, 0, -HELD_OUT)); /* changes = values[:-48].diff() */
    tg_std_mean_result over = tg_std_mean(changes);                    /* std, mean = torch.std_mean(changes) */
    s.std = tg_item(over.std);
    s.mean = tg_item(over.mean);
    /* features = features_of(((changes - mean) / std).unsqueeze(1), 0) */
    s.features = features_of(tg_unsqueeze(tg_div(tg_sub(changes, over.mean), over.std), 1), 0);
    return s;
}

/* Each window of three years, and what follows each of its months. */
static tg_dataset *windows_of(const series *s)
{
    /* windows = features.unfold(0, WINDOW + 1, 1).transpose(1, 2) */
    tg_tensor *windows = tg_transpose(tg_tensor_unfold(s->features, 0, WINDOW + 1, 1), 1, 2);
    tg_tensor *x = tg_slice(windows, 1, 0, -1);                           /* x = windows[:, :-1] */
    tg_tensor *y = tg_slice(tg_slice(windows, 1, 1, INT64_MAX), 2, 0, 1); /* y = windows[:, 1:, :1] */
    return tg_tensor_dataset_new(tg_list(x, y));                          /* TensorDataset(x, y) */
}

/* ---- the model ---- */

typedef struct forecaster { /* class Forecaster(nn.Module): */
    tg_module base;
    tg_lstm *lstm;
    tg_linear *fc;
} forecaster;

static forecaster *forecaster_new(void)
{
    forecaster *m = tg_module_new(forecaster, .name = "Forecaster");
    /* self.lstm = nn.LSTM(FEATURES, HIDDEN, batch_first=True) */
    TG_SUBMODULE(m, lstm, tg_lstm_new(FEATURES, HIDDEN, .batch_first = true));
    TG_SUBMODULE(m, fc, tg_linear_new(HIDDEN, 1)); /* self.fc = nn.Linear(HIDDEN, 1) */
    return m;
}

/* Of features [N, T, FEATURES] the next change after each, [N, T, 1]; the state goes on from `*state`. */
static tg_tensor *forecaster_forward(forecaster *m, tg_tensor *x, tg_lstm_state *state)
{
    tg_lstm_output out = tg_lstm_forward(m->lstm, x, *state); /* out, state = self.lstm(x, state) */
    *state = (tg_lstm_state){ out.h_n, out.c_n };
    return tg_linear_forward(m->fc, out.output); /* return self.fc(out), state */
}

/* ---- training ---- */

typedef struct run {
    forecaster *model;
    tg_optimizer *adam;
    tg_scheduler *scheduler;
    tg_loader *loader;
    tg_progress *bar;
    int64_t step;
    const tg_checkpoint_parts *parts; /* all that a checkpoint has of it */
} run;

/* One update; the loss before it. */
static double train_step(run *r, tg_tensor *x, tg_tensor *y)
{
    tg_lstm_state zeros = { NULL, NULL };
    tg_zero_grad(r->adam);
    tg_tensor *loss = tg_mse_loss(forecaster_forward(r->model, x, &zeros), y); /* F.mse_loss(model(x)[0], y) */
    tg_backward(loss);
    tg_clip_grad_norm_(tg_parameters(r->model), 1.0); /* clip_grad_norm_(model.parameters(), 1.0) */
    tg_step(r->adam);
    return tg_item(loss);
}

/* One pass over the windows, or what is left of it; false if it ended early. */
static bool train_epoch(run *r, const settings *s)
{
    const int64_t steps = (int64_t)s->steps;
    TG_FOR_BATCHES(batch, r->loader) { /* for x, y in loader: */
        const double loss = train_step(r, batch->items[0], batch->items[1]);
        r->step++;
        if (r->step <= 5 || r->step % 100 == 0) {
            tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)r->step, loss);
            fflush(stdout); /* where it goes to a file, too, a line is there when it is printed */
        }
        tg_progress_set(r->bar, "loss", loss);
        tg_progress_update(r->bar);
        /* Saved in the loop, where the loader knows its place. */
        const bool last = tg_interrupted() || r->step >= steps;
        if (last || r->step % SAVE_EVERY == 0) tg_checkpoint_save(s->save, .parts = r->parts);
        if (last) return false;
    }
    return tg_ok();
}

static void train(run *r, const settings *s)
{
    if ((double)r->step >= s->steps) return; /* a checkpoint of a run that is over */
    r->bar = tg_progress_new((int64_t)s->steps, .description = "train", .initial = r->step);
    tg_catch_interrupt(); /* Ctrl-C: the step at work is the last */
    while (tg_ok() && (double)r->step < s->steps && train_epoch(r, s)) tg_scheduler_step(r->scheduler);
    tg_release_interrupt();
    tg_progress_free(r->bar);
}

/* ---- the forecast ---- */

/* The last HELD_OUT months: each change is forecast from those before, and added up. */
static void forecast(forecaster *m, const series *s, double months[HELD_OUT])
{
    const int64_t known = tg_numel(s->values) - HELD_OUT, changes = tg_size(s->features, 0);
    tg_scope quiet = tg_no_grad_begin(); /* with torch.no_grad(): */
    tg_lstm_state state = { NULL, NULL };
    tg_tensor *y = forecaster_forward(m, tg_unsqueeze(s->features, 0), &state); /* y, state = model(features[None]) */
    y = tg_slice(y, 1, -1, INT64_MAX);                                          /* y = y[:, -1:] */
    double level = tg_item(tg_select(s->values, 0, known - 1));
    for (int64_t i = 0; tg_ok() && i < HELD_OUT; i++) {
        level += tg_item(y) * s->std + s->mean;
        months[i] = level;
        /* y, state = model(features_of(y.view(1, 1), changes + i)[None], state) */
        tg_tensor *x = features_of(tg_reshape(y, tg_shape(1, 1)), changes + i);
        y = forecaster_forward(m, tg_unsqueeze(x, 0), &state);
        quiet = tg_scope_next(quiet, &y, &state.h, &state.c);
    }
    tg_scope_end(quiet);
}

/* What needs no network: the last year that is known, and each year the rise of the last one added. */
static void repeat_last_year(const series *s, bool rising, double months[HELD_OUT])
{
    const float *last = tg_data(s->values, TG_FLOAT32);
    if (!last) return;
    last += tg_numel(s->values) - HELD_OUT - YEAR;
    double rise = 0;
    for (int i = 0; i < YEAR; i++) rise += (double)(last[i] - last[i - YEAR]) / YEAR;
    for (int i = 0; i < HELD_OUT; i++) months[i] = (double)last[i % YEAR] + (rising ? rise * (1 + i / YEAR) : 0);
}

static double error_of(const series *s, const double months[HELD_OUT])
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *truth = tg_to(tg_slice(s->values, 0, -HELD_OUT, INT64_MAX), TG_FLOAT64);
    tg_tensor *forecast = tg_from_data(months, tg_shape(HELD_OUT));
    const double error = tg_item(tg_sqrt(tg_mse_loss(forecast, truth))); /* F.mse_loss(forecast, truth).sqrt() */
    tg_scope_end(scope);
    return error;
}

/* The last ten years as they were and as they were forecast. */
static void draw(const series *s, const double months[HELD_OUT], const double naive[HELD_OUT], const char *path)
{
    enum { SHOWN = HELD_OUT + 6 * YEAR };
    const float *values = tg_data(s->values, TG_FLOAT32);
    const int64_t before = tg_numel(s->values) - SHOWN;
    double date[SHOWN], truth[SHOWN];
    for (int i = 0; values && i < SHOWN; i++) {
        date[i] = s->start + (double)(before + i) / YEAR;
        truth[i] = (double)values[before + i];
    }
    const double *at = date + SHOWN - HELD_OUT;
    tg_chart *chart = tg_chart_new(.title = "Carbon dioxide at Mauna Loa", .x_label = "year", .y_label = "ppm");
    tg_chart_line(chart, "measured", truth, SHOWN, .x = date);
    tg_chart_line(chart, "forecast", months, HELD_OUT, .x = at, .dashed = true);
    tg_chart_line(chart, "last year, rising", naive, HELD_OUT, .x = at);
    tg_chart_print(chart);
    if (path) tg_chart_write_svg(chart, path);
    tg_chart_free(chart);
}

static void tell(forecaster *m, const series *s, const char *path)
{
    double months[HELD_OUT] = { 0 }, naive[HELD_OUT] = { 0 }, rising[HELD_OUT] = { 0 };
    forecast(m, s, months);
    repeat_last_year(s, false, naive);
    repeat_last_year(s, true, rising);
    const double begin = s->start + (double)(tg_numel(s->values) - HELD_OUT) / YEAR + 1e-6, year = floor(begin);
    printf("error (root mean square) of the %d months from %.0f-%02.0f on:\n", HELD_OUT, year,
           floor((begin - year) * YEAR) + 1);
    printf("    this forecast                   %.2f ppm\n", error_of(s, months));
    printf("    the last year, again and again  %.2f ppm\n", error_of(s, naive));
    printf("    the same, and its yearly rise   %.2f ppm\n", error_of(s, rising));
    draw(s, months, rising, path);
}

/* ---- the program ---- */

static void learn(const settings *s, char **argv)
{
    run r = { .step = 0 };
    tg_scope scope = tg_scope_begin();
    series co2 = read_series(s->data);
    if (tg_failed()) fputs("--data says where the series is\n", stderr);
    tg_manual_seed((uint64_t)s->seed);
    r.model = forecaster_new();
    if (tg_ok())
        printf("%lld months to learn from, %d to forecast, %lld parameters\n",
               (long long)tg_numel(co2.values) - HELD_OUT, HELD_OUT, (long long)tg_module_parameter_count(r.model));
    /* loader = DataLoader(windows, batch_size=32, shuffle=True) */
    r.loader = tg_loader_new(windows_of(&co2), .batch_size = (int64_t)s->batch, .shuffle = true);
    r.adam = tg_adam_new(tg_parameters(r.model), .lr = s->lr); /* Adam(model.parameters(), lr=0.01) */
    r.scheduler = tg_exponential_lr_new(r.adam, 0.95);         /* ExponentialLR(adam, 0.95) */
    const tg_checkpoint_parts all = { .model = TG_MODULE(r.model),
                                      .optimizer = r.adam,
                                      .scheduler = r.scheduler,
                                      .loader = r.loader,
                                      .step = &r.step };
    r.parts = &all;
    if (s->resume) tg_checkpoint_load(s->resume, .parts = &all);
    train(&r, s);
    if (tg_ok() && tg_interrupted()) {
        printf("interrupted at step %lld; ", (long long)r.step);
        print_how_to_go_on(stdout, argv, "--resume", s->save);
    } else if (tg_ok()) {
        tell(r.model, &co2, s->plot);
    }
    tg_scheduler_free(r.scheduler);
    tg_optimizer_free(r.adam);
    tg_loader_free(r.loader);
    tg_module_free(r.model);
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    settings s = { .data = find_data(argv[0], "co2.csv"),
                   .save = "forecast.safetensors",
                   .steps = 600,
                   .batch = 32,
                   .lr = 0.01 };
    const argument arguments[] = { { "--data", NULL, "the table of months", &s.data },
                                   { "--steps", &s.steps, "updates", NULL },
                                   { "--batch", &s.batch, "windows in a batch", NULL },
                                   { "--lr", &s.lr, "the first learning rate", NULL },
                                   { "--seed", &s.seed, "of the random numbers", NULL },
                                   { "--save", NULL, "a checkpoint, written every 100 steps and in the end", &s.save },
                                   { "--resume", NULL, "a checkpoint to go on from", &s.resume },
                                   { "--plot", NULL, "an SVG file of the forecast", &s.plot },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Forecasts carbon dioxide in the air.", arguments, &status)) return status;
    learn(&s, argv);
    if (tg_failed()) return 1; /* the message was printed where it happened */
    return tg_interrupted() ? 128 + tg_interrupted() : 0;
}
