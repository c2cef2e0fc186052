/* names.c: a GRU reads a family name letter by letter and says what language it comes from. Names have different lengths:
 * a batch is padded by the loader and packed for the GRU, so that nothing is computed for what is not there. PyTorch's
 * lines stand beside ours.
 *
 *     $ build/examples/names
 *     540 names to learn from, 135 held out, 9 languages, 40233 parameters
 *     step 100: loss 0.55485
 *     ...
 *     (how well it tells each language, and which ones it takes for which)
 *     $ build/examples/names --resume names.safetensors --name "Ivanov, Yamashiro"
 *     Ivanov: Russian 99.9 %, Greek 0.0 %, Japanese 0.0 %
 *     Yamashiro: Japanese 96.2 %, Greek 2.2 %, Italian 0.8 %
 *
 * It takes a second or two. It keeps a checkpoint; Ctrl-C ends it after a step, and it says how to go on. */
#include <tapegrad.h>

#include "arguments.h"
#include "run.h"

enum { EMBEDDED = 32, HIDDEN = 64, SAVE_EVERY = 100 };

/* What this program can be told. */
typedef struct settings {
    const char *data, *save, *resume, *plot, *name;
    double steps, batch, lr, seed;
} settings;

/* ---- data ---- */

typedef struct names { /* class Names(Dataset): */
    tg_csv *table;
    tg_vocabulary *letters;
    tg_text_list names;
    tg_categories languages;
} names;

static names read_names(const char *path)
{
    names n = { .table = tg_load_csv(path) };             /* table = pd.read_csv(path) */
    n.names = tg_csv_text(n.table, "name");               /* names = table.name */
    n.languages = tg_csv_categories(n.table, "language"); /* languages = table.language.astype("category").cat */
    /* letters = ["<unk>"] + list(dict.fromkeys("".join(names).lower())) */
    n.letters = tg_vocabulary_of_texts(n.names, .lower = true, .unknown = "<unk>");
    return n;
}

static int64_t names_length(void *context) /* def __len__(self): */
{
    const names *n = context;
    return n->names.count;
}

static int names_item(int64_t index, tg_tensor **fields, void *context) /* def __getitem__(self, index): */
{
    const names *n = context;
    fields[0] = tg_encode(n->letters, n->names.items[index]); /* encode(self.names[index]), */
    fields[1] = tg_select(n->languages.codes, 0, index);      /* self.languages.codes[index] */
    return 2;
}

static void free_names(names *n)
{
    tg_vocabulary_free(n->letters);
    tg_csv_free(n->table);
}

/* ---- the model ---- */

typedef struct classifier { /* class Classifier(nn.Module): */
    tg_module base;
    tg_embedding *embedding;
    tg_gru *gru;
    tg_module *dropout;
    tg_linear *fc;
} classifier;

static classifier *classifier_new(int64_t letters, int64_t languages)
{
    classifier *m = tg_module_new(classifier, .name = "Classifier");
    TG_SUBMODULE(m, embedding, tg_embedding_new(letters, EMBEDDED)); /* self.embedding = nn.Embedding(letters, 32) */
    /* self.gru = nn.GRU(32, 64, batch_first=True, bidirectional=True) */
    TG_SUBMODULE(m, gru, tg_gru_new(EMBEDDED, HIDDEN, .batch_first = true, .bidirectional = true));
    TG_SUBMODULE(m, dropout, tg_dropout_new(0.5));             /* self.dropout = nn.Dropout(0.5) */
    TG_SUBMODULE(m, fc, tg_linear_new(2 * HIDDEN, languages)); /* self.fc = nn.Linear(128, languages) */
    return m;
}

/* Letters [N, T] and how many there are of each name, [N], to scores [N, languages]. */
static tg_tensor *classifier_forward(classifier *m, tg_tensor *letters, tg_tensor *lengths)
{
    tg_tensor *x = tg_embedding_forward(m->embedding, letters);
    /* packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False) */
    tg_packed_sequence packed = tg_pack_padded_sequence(x, lengths, .batch_first = true, .enforce_sorted = false);
    tg_tensor *h = tg_gru_forward_packed(m->gru, packed).h_n; /* _, h = self.gru(packed) */
    h = tg_flatten(tg_transpose(h, 0, 1), 1);                 /* both directions: h = h.transpose(0, 1).flatten(1) */
    return tg_linear_forward(m->fc, tg_module_forward(m->dropout, h));
}

/* ---- training ---- */

typedef struct run {
    classifier *model;
    tg_optimizer *adam;
    tg_loader *train, *held_out;
    tg_progress *bar;
    int64_t step;
    const tg_checkpoint_parts *parts; /* all that a checkpoint has of it */
} run;

/* One update; the loss before it. */
static double train_step(run *r, tg_tensor *letters, tg_tensor *languages, tg_tensor *lengths)
{
    tg_zero_grad(r->adam);
    tg_tensor *scores = classifier_forward(r->model, letters, lengths);
    tg_tensor *loss = tg_cross_entropy(scores, languages); /* F.cross_entropy(model(letters, lengths), languages) */
    tg_backward(loss);
    tg_step(r->adam);
    return tg_item(loss);
}

/* One pass over the names, or what is left of it; false if it ended early. */
static bool train_epoch(run *r, const settings *s)
{
    TG_FOR_BATCHES(batch, r->train) { /* for letters, languages, lengths in train: */
        const double loss = train_step(r, batch->items[0], batch->items[1], batch->items[2]);
        r->step++;
        if (r->step <= 5 || r->step % 100 == 0) {
            tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)r->step, loss);
            fflush(stdout); /* where it goes to a file, too, a line is there when it is printed */
        }
        tg_progress_set(r->bar, "loss", loss);
        tg_progress_update(r->bar);
        /* Saved in the loop, where the loader knows its place. */
        const bool last = tg_interrupted() || (double)r->step >= s->steps;
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
    while (tg_ok() && (double)r->step < s->steps && train_epoch(r, s)) continue;
    tg_release_interrupt();
    tg_progress_free(r->bar);
}

/* ---- what it has learnt ---- */

/* How well it tells the names that are held out, and a heat map of what it takes them for. */
static void report(run *r, const names *n, const char *path)
{
    const char *const *of = n->languages.names.items;
    tg_confusion_matrix *confusion = tg_confusion_matrix_new(n->languages.names.count, .names = of);
    tg_scope quiet = tg_no_grad_begin(); /* with torch.no_grad(): */
    TG_FOR_BATCHES(batch, r->held_out) {
        tg_tensor *scores = classifier_forward(r->model, batch->items[0], batch->items[2]);
        tg_confusion_matrix_update(confusion, tg_argmax(scores, .dim = 1), batch->items[1]);
    }
    tg_classification_report_print(confusion, stdout);
    tg_chart *chart = tg_chart_new(.title = "Held-out names", .x_label = "taken for", .y_label = "language");
    tg_chart_heatmap_tensor(chart, tg_confusion_matrix_counts(confusion), .row_names = of, .column_names = of,
                            .annotate = true);
    tg_chart_print(chart);
    if (path) tg_chart_write_svg(chart, path);
    tg_chart_free(chart);
    tg_confusion_matrix_free(confusion);
    tg_scope_end(quiet);
}

/* The three languages that a name most likely comes from. */
static void classify(classifier *m, const names *n, const char *name)
{
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *letters = tg_unsqueeze(tg_encode(n->letters, name), 0);
    tg_tensor *scores = classifier_forward(m, letters, tg_tensor_of(tg_size(letters, 1)));
    tg_values_indices best = tg_topk(tg_softmax(tg_select(scores, 0, 0), 0), 3); /* scores[0].softmax(0).topk(3) */
    if (tg_ok()) printf("%s:", name);
    for (int64_t i = 0; tg_ok() && i < 3; i++)
        printf("%s %s %.1f %%", i ? "," : "", n->languages.names.items[tg_item_int64(tg_select(best.indices, 0, i))],
               100 * tg_item(tg_select(best.values, 0, i)));
    if (tg_ok()) putchar('\n');
    tg_scope_end(quiet);
}

/* Several of them, with commas between. */
static void classify_all(classifier *m, const names *n, const char *list)
{
    char name[200];
    while (tg_ok() && *list) {
        list += strspn(list, ", ");
        const size_t length = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name), list);
        for (size_t end = strlen(name); end > 0 && name[end - 1] == ' '; end--) name[end - 1] = '\0';
        if (*name) classify(m, n, name);
        list += length;
    }
}

/* ---- the program ---- */

static void learn(const settings *s, char **argv)
{
    run r = { .step = 0 };
    tg_scope scope = tg_scope_begin();
    names n = read_names(s->data);
    if (tg_failed()) {
        fputs("--data says where the names are\n", stderr);
        tg_scope_end(scope);
        free_names(&n);
        return;
    }
    tg_generator split;
    tg_generator_seed(&split, 0); /* held out are the same names in every run */
    tg_dataset *all = tg_dataset_new(.name = "Names", .length = names_length, .item = names_item, .context = &n);
    /* learnt, held_out = random_split(names, [0.8, 0.2], torch.Generator().manual_seed(0)) */
    tg_dataset_list parts = tg_random_split(all, tg_parts(0.8, 0.2), .generator = &split);
    tg_dataset *learnt = parts.count ? parts.items[0] : NULL, *held_out = parts.count ? parts.items[1] : NULL;
    tg_manual_seed((uint64_t)s->seed);
    r.model = classifier_new(tg_vocabulary_size(n.letters), n.languages.names.count);
    if (tg_ok())
        printf("%lld names to learn from, %lld held out, %lld languages, %lld parameters\n",
               (long long)tg_dataset_length(learnt), (long long)tg_dataset_length(held_out),
               (long long)n.languages.names.count, (long long)tg_module_parameter_count(r.model));
    /* train = DataLoader(learnt, batch_size=32, shuffle=True, collate_fn=pad) */
    r.train = tg_loader_new(learnt, .batch_size = (int64_t)s->batch, .shuffle = true, .collate = tg_collate_pad,
                            .prefetch = 2);
    r.held_out = tg_loader_new(held_out, .batch_size = (int64_t)s->batch, .collate = tg_collate_pad);
    r.adam = tg_adam_new(tg_parameters(r.model), .lr = s->lr); /* Adam(model.parameters(), lr=3e-3) */
    const tg_checkpoint_parts kept = { .model = TG_MODULE(r.model),
                                       .optimizer = r.adam,
                                       .loader = r.train,
                                       .step = &r.step };
    r.parts = &kept;
    if (s->resume) tg_checkpoint_load(s->resume, .parts = &kept);
    train(&r, s);
    tg_module_eval(r.model); /* model.eval() */
    if (tg_ok() && tg_interrupted()) {
        printf("interrupted at step %lld; ", (long long)r.step);
        print_how_to_go_on(stdout, argv, "--resume", s->save);
    } else if (tg_ok() && s->name) {
        classify_all(r.model, &n, s->name);
    } else if (tg_ok()) {
        report(&r, &n, s->plot);
    }
    tg_optimizer_free(r.adam);
    tg_loader_free(r.train);
    tg_loader_free(r.held_out);
    tg_module_free(r.model);
    tg_scope_end(scope);
    free_names(&n);
}

int main(int argc, char **argv)
{
    settings s = { .data = find_data(argv[0], "names.csv"),
                   .save = "names.safetensors",
                   .steps = 300,
                   .batch = 32,
                   .lr = 3e-3 };
    const argument arguments[] = { { "--data", NULL, "the table of names", &s.data },
                                   { "--steps", &s.steps, "updates", NULL },
                                   { "--batch", &s.batch, "names in a batch", NULL },
                                   { "--lr", &s.lr, "the learning rate", NULL },
                                   { "--seed", &s.seed, "of the random numbers", NULL },
                                   { "--save", NULL, "a checkpoint, written every 100 steps and in the end", &s.save },
                                   { "--resume", NULL, "a checkpoint to go on from", &s.resume },
                                   { "--name", NULL, "names to tell the language of, with commas between", &s.name },
                                   { "--plot", NULL, "an SVG file of which languages it takes for which", &s.plot },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Tells what language a family name comes from.", arguments, &status)) return status;
    learn(&s, argv);
    if (tg_failed()) return 1; /* the message was printed where it happened */
    return tg_interrupted() ? 128 + tg_interrupted() : 0;
}
