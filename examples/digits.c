/* digits.c: handwritten digits of 8 x 8 pixels, from a table to a trained network: a data set that is split and shuffled, an
 * MLP or a CNN with batch norms and dropout, a learning rate that falls, a report, and a run that can be stopped at any
 * moment: killed and gone on with, it ends with the very bits of one that was not. PyTorch's lines stand beside ours.
 *
 *     $ build/examples/digits --model cnn
 *     1438 digits to learn from, 359 held out
 *     epoch  1   loss 1.07745   held-out loss 0.456698   accuracy 92.2 %
 *     ...
 *     epoch 20   loss 0.0179   held-out loss 0.0343188   accuracy 99.4 %
 *     (the curves, and how well it tells each digit)
 *     $ build/examples/digits --model cnn --epochs 60
 *     ^C
 *     interrupted at step 406; to go on:
 *
 *         build/examples/digits --model cnn --epochs 60 --resume digits.safetensors
 */
#include <tapegrad.h>

#include "arguments.h"
#include "run.h"

#include <unistd.h>

enum { SIDE = 8, CLASSES = 10, MOST_EPOCHS = 200 };

/* What this program can be told. */
typedef struct settings {
    const char *model, *data, *save, *resume, *log, *plot;
    double epochs, batch, lr, seed, steps;
} settings;

/* ---- data ---- */

/* A row of the table is 64 pixels of 0 to 16, and which digit it is. */
static tg_dataset *read_digits(const char *path)
{
    tg_csv *table = tg_load_csv(path); /* table = pd.read_csv(path) */
    tg_tensor *pixels = tg_csv_tensor(table, tg_csv_range(table, 0, SIDE * SIDE));
    tg_tensor *images = tg_reshape(tg_div(pixels, 16), tg_shape(-1, 1, SIDE, SIDE));
    tg_tensor *digits = tg_csv_column(table, "digit", .dtype = TG_INT64);
    tg_csv_free(table);
    return tg_tensor_dataset_new(tg_list(images, digits)); /* TensorDataset(images, digits) */
}

/* ---- models: images [n, 1, 8, 8] to scores [n, 10] ---- */

/* nn.Sequential(nn.Flatten(), nn.Linear(64, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.3), ... */
static tg_sequential *mlp_new(void)
{
    return tg_sequential_new(tg_flatten_new(),
                             /* 64 pixels to 128 features, */
                             tg_linear_new(SIDE * SIDE, 128, .bias = false), tg_batch_norm1d_new(128), tg_relu_new(),
                             tg_dropout_new(0.3),
                             /* to 64, */
                             tg_linear_new(128, 64, .bias = false), tg_batch_norm1d_new(64), tg_relu_new(),
                             tg_dropout_new(0.3),
                             /* to scores */
                             tg_linear_new(64, CLASSES));
}

/* 3 x 3 pixels to one; the norm that follows has a bias. nn.Conv2d(inputs, outputs, 3, padding=1, bias=False) */
static tg_conv *conv3x3_new(int64_t inputs, int64_t outputs)
{
    return tg_conv2d_new(inputs, outputs, tg_shape(3), .padding = tg_shape(1), .bias = false);
}

/* nn.Sequential(conv3x3(1, 16), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), ... */
static tg_sequential *cnn_new(void)
{
    return tg_sequential_new(/* 8 x 8 to 4 x 4 of 16 features, */
                             conv3x3_new(1, 16), tg_batch_norm2d_new(16), tg_relu_new(), tg_max_pool2d_new(tg_shape(2)),
                             /* to 2 x 2 of 32, */
                             conv3x3_new(16, 32), tg_batch_norm2d_new(32), tg_relu_new(),
                             tg_max_pool2d_new(tg_shape(2)),
                             /* to scores */
                             tg_flatten_new(), tg_dropout_new(0.3), tg_linear_new(32 * 2 * 2, CLASSES));
}

/* ---- a run ---- */

/* How it has gone so far. */
typedef struct history {
    int64_t step;                                     /* updates */
    double loss;                                      /* the sum over the samples of this epoch that are done, */
    int64_t samples;                                  /* and how many these are */
    double train[MOST_EPOCHS], held_out[MOST_EPOCHS]; /* losses of each epoch */
} history;

typedef struct run {
    tg_sequential *model;
    tg_optimizer *optimizer;
    tg_scheduler *scheduler;
    tg_loader *train, *held_out;
    tg_confusion_matrix *confusion;
    tg_progress *bar;
    tg_metrics *log;
    history so_far;
    const tg_checkpoint_parts *parts; /* all that a checkpoint has of it */
} run;

/* One update; the loss before it. */
static double train_step(run *r, tg_tensor *images, tg_tensor *digits)
{
    tg_zero_grad(r->optimizer);                                  /* optimizer.zero_grad() */
    tg_tensor *scores = tg_sequential_forward(r->model, images); /* scores = model(images) */
    tg_tensor *loss = tg_cross_entropy(scores, digits);          /* loss = F.cross_entropy(scores, digits) */
    tg_backward(loss);                                           /* loss.backward() */
    tg_step(r->optimizer);                                       /* optimizer.step() */
    return tg_item(loss);
}

static bool enough(const history *h, const settings *s) { return s->steps > 0 && (double)h->step >= s->steps; }

/* One pass over what is to be learnt, or the rest of one; false if it ended early. */
static bool train_epoch(run *r, const settings *s)
{
    history *h = &r->so_far;
    tg_module_train(r->model);        /* model.train() */
    TG_FOR_BATCHES(batch, r->train) { /* for images, digits in train: */
        const double loss = train_step(r, batch->items[0], batch->items[1]);
        h->step++;
        h->loss += loss * (double)batch->size;
        h->samples += batch->size;
        if (s->steps > 0) tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)h->step, loss);
        tg_progress_set(r->bar, "loss", loss);
        tg_progress_update(r->bar);
        if (tg_interrupted() || enough(h, s)) {
            tg_checkpoint_save(s->save, .parts = r->parts); /* inside the loop, where the loader knows its place */
            return false;
        }
    }
    return tg_ok();
}

/* The mean loss of the digits that are held out; what they are taken for is counted. */
static double evaluate(run *r)
{
    double loss = 0;
    int64_t samples = 0;
    tg_module_eval(r->model); /* model.eval() */
    tg_confusion_matrix_reset(r->confusion);
    tg_scope quiet = tg_no_grad_begin(); /* with torch.no_grad(): */
    TG_FOR_BATCHES(batch, r->held_out) {
        tg_tensor *digits = batch->items[1];
        tg_tensor *scores = tg_sequential_forward(r->model, batch->items[0]);
        loss += tg_item(tg_cross_entropy(scores, digits, .reduction = TG_REDUCTION_SUM));
        samples += batch->size;
        tg_confusion_matrix_update(r->confusion, tg_argmax(scores, .dim = 1), digits);
    }
    tg_scope_end(quiet);
    return loss / (double)samples;
}

/* What is known when an epoch is over, told, logged and kept. */
static void end_epoch(run *r, int64_t epoch)
{
    history *h = &r->so_far;
    h->train[epoch] = h->loss / (double)h->samples;
    h->held_out[epoch] = evaluate(r);
    const double accuracy = tg_confusion_matrix_accuracy(r->confusion);
    tg_progress_print(stdout, "epoch %2lld   loss %.6g   held-out loss %.6g   accuracy %.1f %%\n", (long long)epoch + 1,
                      h->train[epoch], h->held_out[epoch], 100 * accuracy);
    fflush(stdout); /* where it goes to a file, too, a line is there when it is printed */
    tg_progress_set(r->bar, "accuracy", accuracy);
    tg_metrics_set(r->log, "loss", h->train[epoch]);
    tg_metrics_set(r->log, "held_out_loss", h->held_out[epoch]);
    tg_metrics_set(r->log, "accuracy", accuracy);
    tg_metrics_set(r->log, "lr", tg_lr(r->optimizer));
    tg_metrics_write(r->log, epoch + 1);
    h->loss = 0;
    h->samples = 0;
}

/* All epochs that are left. */
static void train(run *r, const settings *s)
{
    const int64_t epochs = (int64_t)s->epochs;
    r->bar = tg_progress_new(epochs * tg_loader_length(r->train), .description = s->model, .initial = r->so_far.step);
    /* A run that was killed after its last checkpoint writes some rows again. */
    r->log = tg_metrics_new(.csv = s->log, .append = s->resume, .resume_after = tg_loader_epoch(r->train));
    tg_catch_interrupt(); /* Ctrl-C: the step at work is the last */
    while (tg_ok() && tg_loader_epoch(r->train) < epochs && !enough(&r->so_far, s)) {
        const int64_t epoch = tg_loader_epoch(r->train);
        if (!train_epoch(r, s)) break;
        end_epoch(r, epoch);
        tg_scheduler_step(r->scheduler); /* scheduler.step() */
        tg_checkpoint_save(s->save, .parts = r->parts);
    }
    tg_release_interrupt();
    tg_metrics_free(r->log);
    tg_progress_free(r->bar);
}

/* ---- in the end ---- */

static void draw_curves(const history *h, int64_t epochs, const char *path)
{
    tg_chart *chart = tg_chart_new(.title = "Handwritten digits", .x_label = "epoch", .y_label = "loss", .log_y = true);
    tg_chart_line(chart, "training", h->train, epochs, .first = 1);
    tg_chart_line(chart, "held out", h->held_out, epochs, .first = 1, .dashed = true);
    if (isatty(STDOUT_FILENO)) tg_chart_print(chart);
    if (path) tg_chart_write_svg(chart, path);
    tg_chart_free(chart);
}

static void tell(run *r, const settings *s, char **argv)
{
    const int64_t epochs = tg_loader_epoch(r->train);
    if (tg_interrupted()) {
        printf("interrupted at step %lld; ", (long long)r->so_far.step);
        print_how_to_go_on(stdout, argv, "--resume", s->save);
    } else if (epochs >= (int64_t)s->epochs) {
        draw_curves(&r->so_far, epochs, s->plot);
        evaluate(r);
        tg_classification_report_print(r->confusion, stdout);
        tg_confusion_matrix_print(r->confusion, stdout);
    }
}

/* ---- the program ---- */

static void load_data(run *r, const settings *s)
{
    const int64_t batch = (int64_t)s->batch;
    tg_generator split;
    tg_generator_seed(&split, 0); /* the same digits are held out in every run */
    /* learnt, held_out = random_split(digits, [0.8, 0.2], torch.Generator().manual_seed(0)) */
    tg_dataset_list parts = tg_random_split(read_digits(s->data), tg_parts(0.8, 0.2), .generator = &split);
    tg_dataset *learnt = parts.items[0], *held_out = parts.items[1];
    if (tg_failed())
        fputs("--data says where the table of digits is\n", stderr);
    else
        printf("%lld digits to learn from, %lld held out\n", (long long)tg_dataset_length(learnt),
               (long long)tg_dataset_length(held_out));
    /* DataLoader(learnt, batch_size=32, shuffle=True) */
    r->train = tg_loader_new(learnt, .batch_size = batch, .shuffle = true);
    r->held_out = tg_loader_new(held_out, .batch_size = batch);
}

static void learn(const settings *s, char **argv)
{
    run r = { 0 };
    history *h = &r.so_far;
    tg_scope scope = tg_scope_begin();
    load_data(&r, s);
    tg_manual_seed((uint64_t)s->seed); /* torch.manual_seed(seed) */
    r.model = strcmp(s->model, "cnn") == 0 ? cnn_new() : mlp_new();
    r.optimizer = tg_adam_new(tg_parameters(r.model), .lr = s->lr); /* Adam(model.parameters(), lr=3e-3) */
    r.scheduler = tg_step_lr_new(r.optimizer, 5, .gamma = 0.5);     /* StepLR(optimizer, 5, gamma=0.5) */
    r.confusion = tg_confusion_matrix_new(CLASSES);
    const tg_checkpoint_parts all = {
        .model = TG_MODULE(r.model),
        .optimizer = r.optimizer,
        .scheduler = r.scheduler,
        .loader = r.train,
        .step = &h->step,
        .values = tg_variables(tg_variable("loss", &h->loss), tg_variable("samples", &h->samples),
                               tg_variable("train_losses", h->train), tg_variable("held_out_losses", h->held_out)),
    };
    r.parts = &all;
    if (s->resume) tg_checkpoint_load(s->resume, .parts = &all);
    if (tg_ok()) train(&r, s);
    if (tg_ok()) tell(&r, s, argv);

    tg_confusion_matrix_free(r.confusion);
    tg_scheduler_free(r.scheduler);
    tg_optimizer_free(r.optimizer);
    tg_loader_free(r.train);
    tg_loader_free(r.held_out);
    tg_module_free(r.model);
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    settings s = { .model = "mlp",
                   .data = find_data(argv[0], "digits.csv"),
                   .save = "digits.safetensors",
                   .epochs = 20,
                   .batch = 32,
                   .lr = 3e-3 };
    const argument arguments[] = { { "--model", NULL, "mlp or cnn", &s.model },
                                   { "--data", NULL, "the table of digits", &s.data },
                                   { "--epochs", &s.epochs, "passes over the digits", NULL },
                                   { "--batch", &s.batch, "digits in a batch", NULL },
                                   { "--lr", &s.lr, "the first learning rate", NULL },
                                   { "--seed", &s.seed, "of the random numbers", NULL },
                                   { "--steps", &s.steps, "ends after so many updates and tells their losses; 0: no",
                                     NULL },
                                   { "--save", NULL, "the checkpoint that each epoch writes", &s.save },
                                   { "--resume", NULL, "a checkpoint to go on from", &s.resume },
                                   { "--log", NULL, "a CSV file of each epoch's numbers", &s.log },
                                   { "--plot", NULL, "an SVG file of the curves", &s.plot },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Learns to tell handwritten digits.", arguments, &status)) return status;
    if ((strcmp(s.model, "mlp") != 0 && strcmp(s.model, "cnn") != 0) || !(s.epochs >= 1 && s.epochs <= MOST_EPOCHS)) {
        fprintf(stderr, "%s: the model is mlp or cnn, epochs are 1 to %d\n", argv[0], MOST_EPOCHS);
        return 2;
    }
    learn(&s, argv);
    if (tg_failed()) return 1; /* the message was printed where it happened */
    return tg_interrupted() ? 128 + tg_interrupted() : 0;
}
