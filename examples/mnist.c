/* mnist.c: PyTorch's examples/mnist, line by line, on MNIST or, for those who have not its files, on digits that are drawn
 * here. A run lives in a folder: its checkpoints, of which the last two are kept and the best one, and its curves for
 * TensorBoard. The same command goes on with it, whatever ended it.
 *
 *     $ build/examples/mnist
 *     4000 digits to learn from, 1000 to be tested by
 *     ^C
 *     interrupted at step 57; the same command goes on
 *     $ build/examples/mnist
 *     4000 digits to learn from, 1000 to be tested by
 *     mnist-run: goes on behind step 57
 *     epoch  1   loss 1.24346   test loss 0.31509   accuracy 90.0 %
 *     ...
 *     epoch  4   loss 0.0842592   test loss 0.0248421   accuracy 99.2 %
 *     (and how well the best one tells each digit)
 *     $ build/examples/mnist --data MNIST/raw --run runs/mnist --epochs 14
 *     60000 digits to learn from, 10000 to be tested by
 *     ...
 */
#include <tapegrad.h>

#include "arguments.h"
#include "drawn_digits.h"

#include <unistd.h>

enum { CLASSES = 10, MOST_EPOCHS = 200, DRAWN_AT_ONCE = 100 };

typedef struct settings {
    const char *data, *folder, *plot, *mistakes;
    double digits, epochs, batch, lr, seed, steps;
} settings;

/* ---- the model ---- */

typedef struct net { /* class Net(nn.Module): */
    tg_module base;
    tg_conv *conv1, *conv2;
    tg_module *dropout1, *dropout2;
    tg_linear *fc1, *fc2;
} net;

/* Images [n, 1, 28, 28] to logarithms of probabilities [n, 10]. */
static tg_tensor *net_forward(tg_module *module, tg_tensor *x)
{
    const net *m = (const net *)module;
    x = tg_relu(tg_conv_forward(m->conv1, x)); /* x = F.relu(self.conv1(x)) */
    x = tg_relu(tg_conv_forward(m->conv2, x)); /* x = F.relu(self.conv2(x)) */
    x = tg_max_pool2d(x, tg_shape(2));         /* x = F.max_pool2d(x, 2) */
    x = tg_module_forward(m->dropout1, x);     /* x = self.dropout1(x) */
    x = tg_flatten(x, 1);                      /* x = torch.flatten(x, 1) */
    x = tg_relu(tg_linear_forward(m->fc1, x)); /* x = F.relu(self.fc1(x)) */
    x = tg_module_forward(m->dropout2, x);     /* x = self.dropout2(x) */
    x = tg_linear_forward(m->fc2, x);          /* x = self.fc2(x) */
    return tg_log_softmax(x, 1);               /* return F.log_softmax(x, dim=1) */
}

static net *net_new(void)
{
    net *m = tg_module_new(net, .name = "Net", .forward = net_forward);
    TG_SUBMODULE(m, conv1, tg_conv2d_new(1, 32, tg_shape(3)));  /* self.conv1 = nn.Conv2d(1, 32, 3, 1) */
    TG_SUBMODULE(m, conv2, tg_conv2d_new(32, 64, tg_shape(3))); /* self.conv2 = nn.Conv2d(32, 64, 3, 1) */
    TG_SUBMODULE(m, dropout1, tg_dropout_new(0.25));            /* self.dropout1 = nn.Dropout(0.25) */
    TG_SUBMODULE(m, dropout2, tg_dropout_new(0.5));             /* self.dropout2 = nn.Dropout(0.5) */
    TG_SUBMODULE(m, fc1, tg_linear_new(9216, 128));             /* self.fc1 = nn.Linear(9216, 128) */
    TG_SUBMODULE(m, fc2, tg_linear_new(128, CLASSES));          /* self.fc2 = nn.Linear(128, 10) */
    return m;
}

/* ---- data ---- */

/* One of MNIST's files, plain or as it is downloaded. */
static tg_tensor *read_idx(const char *folder, const char *name, double scale)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, R_OK) != 0) snprintf(path, sizeof path, "%s/%s.gz", folder, name);
    return tg_load_idx(path, .scale = scale);
}

/* transforms.Normalize((0.1307,), (0.3081,)) */
static int normalize(tg_tensor **fields, int count, void *context)
{
    (void)context;
    fields[0] = tg_div(tg_sub(fields[0], 0.1307), 0.3081);
    return count;
}

/* Images [n, 28, 28] of 0 to 1. */
static tg_dataset *dataset_of(tg_tensor *images, tg_tensor *labels)
{
    return tg_map_dataset_new(tg_tensor_dataset_new(tg_list(tg_unsqueeze(images, 1), labels)), normalize);
}

static tg_dataset *read_mnist(const char *folder, const char *images, const char *labels)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *pixels = read_idx(folder, images, 1 / 255.0), *digits = read_idx(folder, labels, 1);
    tg_dataset *data = dataset_of(pixels, digits);
    tg_scope_end(scope); /* the tensors are the data set's */
    return data;
}

static tg_dataset *draw_mnist(int64_t n)
{
    tg_scope scope = tg_scope_begin();
    const int64_t pieces = (n + DRAWN_AT_ONCE - 1) / DRAWN_AT_ONCE;
    tg_tensor **images = tg_list_new(pieces), **labels = tg_list_new(pieces);
    for (int64_t i = 0; tg_ok() && i < pieces; i++) {
        tg_scope piece = tg_scope_begin();
        drawn_digits drawn = draw_digits(i + 1 < pieces ? DRAWN_AT_ONCE : n - i * DRAWN_AT_ONCE);
        tg_scope_end_with(piece, &drawn.images, &drawn.labels);
        images[i] = drawn.images;
        labels[i] = drawn.labels;
    }
    tg_dataset *data = dataset_of(tg_cat(tg_list_of(images, pieces), 0), tg_cat(tg_list_of(labels, pieces), 0));
    tg_scope_end(scope);
    return data;
}

/* ---- a run ---- */

typedef struct history {
    int64_t step;                                 /* updates */
    double loss;                                  /* the sum over the samples of this epoch that are done, */
    int64_t samples;                              /* and how many these are */
    double train[MOST_EPOCHS], test[MOST_EPOCHS]; /* losses of each epoch */
} history;

typedef struct run {
    net *model;
    tg_optimizer *optimizer;
    tg_scheduler *scheduler;
    tg_loader *train, *test;
    tg_confusion_matrix *confusion;
    tg_progress *bar;
    tg_summary_writer *curves;
    tg_checkpoints *kept;
    history so_far;
    const tg_checkpoint_parts *parts; /* all that a checkpoint has of it */
} run;

static bool enough(const history *h, const settings *s) { return s->steps > 0 && (double)h->step >= s->steps; }

/* One pass over what is to be learnt, or the rest of one; false if it ended early. */
static bool train_epoch(run *r, const settings *s)
{
    history *h = &r->so_far;
    tg_module_train(r->model);        /* model.train() */
    TG_FOR_BATCHES(batch, r->train) { /* for data, target in train_loader: */
        tg_tensor *data = batch->items[0], *target = batch->items[1];
        tg_zero_grad(r->optimizer);                            /* optimizer.zero_grad() */
        tg_tensor *output = tg_module_forward(r->model, data); /* output = model(data) */
        tg_tensor *loss = tg_nll_loss(output, target);         /* loss = F.nll_loss(output, target) */
        tg_backward(loss);                                     /* loss.backward() */
        tg_step(r->optimizer);                                 /* optimizer.step() */
        h->step++;
        h->loss += tg_item(loss) * (double)batch->size;
        h->samples += batch->size;
        if (s->steps > 0) tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)h->step, tg_item(loss));
        tg_summary_writer_add_scalar(r->curves, "loss/batch", tg_item(loss), h->step);
        tg_progress_set(r->bar, "loss", tg_item(loss));
        tg_progress_update(r->bar);
        if (tg_interrupted() || enough(h, s)) {
            tg_checkpoints_save(r->kept, h->step, NAN, .parts = r->parts); /* inside the loop: the loader is here */
            return false;
        }
    }
    return tg_ok();
}

/* The mean loss of the digits that test it; what they are taken for is counted. */
static double test(run *r)
{
    double loss = 0;
    int64_t samples = 0;
    tg_module_eval(r->model); /* model.eval() */
    tg_confusion_matrix_reset(r->confusion);
    tg_scope quiet = tg_no_grad_begin(); /* with torch.no_grad(): */
    TG_FOR_BATCHES(batch, r->test) {
        tg_tensor *target = batch->items[1];
        tg_tensor *output = tg_module_forward(r->model, batch->items[0]);
        loss += tg_item(tg_nll_loss(output, target, .reduction = TG_REDUCTION_SUM));
        samples += batch->size;
        tg_confusion_matrix_update(r->confusion, tg_argmax(output, .dim = 1), target);
    }
    tg_scope_end(quiet);
    return loss / (double)samples;
}

/* An epoch is over: what is known now is told and kept. */
static void end_epoch(run *r, int64_t epoch)
{
    history *h = &r->so_far;
    h->train[epoch] = h->loss / (double)h->samples;
    h->test[epoch] = test(r);
    h->loss = 0;
    h->samples = 0;
    const double accuracy = tg_confusion_matrix_accuracy(r->confusion);
    tg_progress_print(stdout, "epoch %2lld   loss %.6g   test loss %.6g   accuracy %.1f %%\n", (long long)epoch + 1,
                      h->train[epoch], h->test[epoch], 100 * accuracy);
    fflush(stdout);
    tg_progress_set(r->bar, "accuracy", accuracy);
    tg_summary_writer_add_scalar(r->curves, "loss/train", h->train[epoch], h->step);
    tg_summary_writer_add_scalar(r->curves, "loss/test", h->test[epoch], h->step);
    tg_summary_writer_add_scalar(r->curves, "accuracy", accuracy, h->step);
    tg_scheduler_step(r->scheduler); /* scheduler.step() */
    tg_checkpoints_save(r->kept, h->step, accuracy, .parts = r->parts);
}

static void train(run *r, const settings *s)
{
    const int64_t epochs = (int64_t)s->epochs;
    r->bar = tg_progress_new(epochs * tg_loader_length(r->train), .initial = r->so_far.step);
    r->curves = tg_summary_writer_new(s->folder, .purge_step = r->so_far.step + 1);
    tg_catch_interrupt(); /* Ctrl-C: the step at work is the last */
    while (tg_ok() && tg_loader_epoch(r->train) < epochs && !enough(&r->so_far, s)) {
        const int64_t epoch = tg_loader_epoch(r->train);
        if (!train_epoch(r, s)) break;
        end_epoch(r, epoch);
    }
    tg_release_interrupt();
    tg_summary_writer_free(r->curves);
    tg_progress_free(r->bar);
}

/* ---- in the end ---- */

static void draw_curves(const history *h, int64_t epochs, const char *path)
{
    tg_chart *chart = tg_chart_new(.title = "MNIST", .x_label = "epoch", .y_label = "loss", .log_y = true);
    tg_chart_line(chart, "training", h->train, epochs, .first = 1);
    tg_chart_line(chart, "test", h->test, epochs, .first = 1, .dashed = true);
    if (isatty(STDOUT_FILENO)) tg_chart_print(chart);
    if (path) tg_chart_write_svg(chart, path);
    tg_chart_free(chart);
}

/* A picture of the digits that are taken for others, the first 64 of them. */
static void picture_mistakes(run *r, const char *path)
{
    enum { SHOWN = 64 };
    tg_tensor **shown = tg_list_new(SHOWN);
    int64_t count = 0;
    tg_scope quiet = tg_no_grad_begin();
    TG_FOR_BATCHES(batch, r->test) {
        tg_tensor *images = batch->items[0], *target = batch->items[1];
        tg_tensor *told = tg_argmax(tg_module_forward(r->model, images), .dim = 1);
        for (int64_t i = 0; i < batch->size && count < SHOWN; i++)
            if (tg_item(tg_select(told, 0, i)) != tg_item(tg_select(target, 0, i)))
                shown[count++] = tg_keep(tg_select(images, 0, i));
    }
    if (count > 0) tg_save_png(tg_image_grid(tg_stack(tg_list_of(shown, count), 0), .normalize = true), path);
    tg_scope_end(quiet);
    while (count > 0) tg_release(shown[--count]);
}

static void tell(run *r, const settings *s)
{
    const int64_t epochs = tg_loader_epoch(r->train);
    if (tg_interrupted()) printf("interrupted at step %lld; the same command goes on\n", (long long)r->so_far.step);
    if (tg_interrupted() || epochs < (int64_t)s->epochs) return;
    draw_curves(&r->so_far, epochs, s->plot);
    const int64_t best = tg_checkpoints_load_best(r->kept, .model = TG_MODULE(r->model), .leave_generator = true);
    printf("the best one, of step %lld:\n", (long long)best);
    test(r);
    tg_classification_report_print(r->confusion, stdout);
    tg_confusion_matrix_print(r->confusion, stdout);
    if (s->mistakes) picture_mistakes(r, s->mistakes);
}

/* ---- the program ---- */

static void load_data(run *r, const settings *s)
{
    const int64_t batch = (int64_t)s->batch;
    tg_dataset *train, *test;
    if (s->data) {
        train = read_mnist(s->data, "train-images-idx3-ubyte", "train-labels-idx1-ubyte");
        test = read_mnist(s->data, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    } else {
        tg_manual_seed(0); /* the same digits in every run */
        train = draw_mnist((int64_t)s->digits);
        test = draw_mnist((int64_t)s->digits / 4);
    }
    if (tg_failed())
        fputs(s->data ? "--data says which folder has MNIST's four files\n" : "", stderr);
    else
        printf("%lld digits to learn from, %lld to be tested by\n", (long long)tg_dataset_length(train),
               (long long)tg_dataset_length(test));
    /* DataLoader(train, batch_size=64, shuffle=True, num_workers=1, prefetch_factor=2) */
    r->train = tg_loader_new(train, .batch_size = batch, .shuffle = true, .prefetch = 2);
    r->test = tg_loader_new(test, .batch_size = batch, .prefetch = 2);
}

static void learn(const settings *s)
{
    run r = { 0 };
    history *h = &r.so_far;
    tg_scope scope = tg_scope_begin();
    load_data(&r, s);
    tg_manual_seed((uint64_t)s->seed); /* torch.manual_seed(seed) */
    r.model = net_new();
    r.optimizer = tg_adadelta_new(tg_parameters(r.model), .lr = s->lr); /* Adadelta(model.parameters(), lr=1.0) */
    r.scheduler = tg_step_lr_new(r.optimizer, 1, .gamma = 0.7);         /* StepLR(optimizer, step_size=1, gamma=0.7) */
    r.confusion = tg_confusion_matrix_new(CLASSES);
    r.kept = tg_checkpoints_new(s->folder, .keep = 2, .best = TG_HIGHEST);
    const tg_checkpoint_parts all = {
        .model = TG_MODULE(r.model),
        .optimizer = r.optimizer,
        .scheduler = r.scheduler,
        .loader = r.train,
        .step = &h->step,
        .values = tg_variables(tg_variable("loss", &h->loss), tg_variable("samples", &h->samples),
                               tg_variable("train_losses", h->train), tg_variable("test_losses", h->test)),
    };
    r.parts = &all;
    const int64_t behind = tg_checkpoints_load_latest(r.kept, .parts = &all);
    if (behind >= 0) printf("%s: goes on behind step %lld\n", s->folder, (long long)behind);
    if (tg_ok()) train(&r, s);
    if (tg_ok()) tell(&r, s);

    tg_checkpoints_free(r.kept);
    tg_confusion_matrix_free(r.confusion);
    tg_scheduler_free(r.scheduler);
    tg_optimizer_free(r.optimizer);
    tg_loader_free(r.train);
    tg_loader_free(r.test);
    tg_module_free(r.model);
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    settings s = { .folder = "mnist-run", .digits = 4000, .epochs = 4, .batch = 64, .lr = 1 };
    const argument arguments[] = {
        { "--data", NULL, "the folder of MNIST's files, .gz or not; without it, digits are drawn", &s.data },
        { "--digits", &s.digits, "so many are drawn to learn from, and a fourth of it to test", NULL },
        { "--run", NULL, "the folder of checkpoints and curves; a run that is there goes on", &s.folder },
        { "--epochs", &s.epochs, "passes over the digits", NULL },
        { "--batch", &s.batch, "digits in a batch", NULL },
        { "--lr", &s.lr, "the first learning rate", NULL },
        { "--seed", &s.seed, "of the random numbers", NULL },
        { "--steps", &s.steps, "ends after so many updates and tells their losses; 0: no", NULL },
        { "--plot", NULL, "an SVG file of the curves", &s.plot },
        { "--mistakes", NULL, "a PNG file of digits that are taken for others", &s.mistakes },
        { NULL, NULL, NULL, NULL }
    };
    int status;
    if (!read_arguments(argc, argv, "Learns to tell MNIST's digits.", arguments, &status)) return status;
    if (!(s.epochs >= 1 && s.epochs <= MOST_EPOCHS && s.digits >= 4 && s.digits <= 1e6)) {
        fprintf(stderr, "%s: epochs are 1 to %d, digits 4 to a million\n", argv[0], MOST_EPOCHS);
        return 2;
    }
    learn(&s);
    if (tg_failed()) return 1; /* the message was printed where it happened */
    return tg_interrupted() ? 128 + tg_interrupted() : 0;
}
