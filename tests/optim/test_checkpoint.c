/* test_checkpoint.c: every optimiser and scheduler goes on from a checkpoint bit for bit; a checkpoint that does not fit,
 * in whatever part, changes nothing at all. */
#define _GNU_SOURCE

#include "tests/support/suite.h"
#include "tests/support/mutate.h"
#include "tests/support/sequence_run.h"
#include "tests/support/training.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const char *folder;
static const char *file(const char *name)
{
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- the tables ---- */

static double halved(int64_t epoch, void *context) { return (void)context, 1.0 / (double)(epoch + 1); }

static const char *row_name;

/* Row `which` of the table; NULL behind the last one. */
static tg_optimizer *new_optimizer(int which, tg_tensor_list parameters)
{
    row_name = NULL;
#define TG_OPTIMIZER_KIND(name, made, text, missing)                                                                   \
    if (which-- == 0) return row_name = #name, made;
#include "optim/optimizers.def"
    /* and some that remember more */
    if (which-- == 0) return row_name = "SGD", tg_sgd_new(parameters, .lr = 0.1, .momentum = 0.9, .dampening = 0.25);
    if (which-- == 0) return row_name = "Adam", tg_adam_new(parameters, .amsgrad = true);
    if (which-- == 0)
        return row_name = "RMSprop", tg_rmsprop_new(parameters, .momentum = 0.5, .centered = true, .lr = 0.001);
    if (which-- == 0)
        return row_name = "LBFGS", tg_lbfgs_new(parameters, .line_search_fn = "strong_wolfe", .history_size = 3);
    return NULL;
}

static tg_scheduler *new_scheduler(int which, tg_optimizer *optimizer)
{
    row_name = NULL;
#define TG_OPTIMIZER_KIND(name, made, text, missing)
#define TG_SCHEDULER_KIND(name, made, text, missing)                                                                   \
    if (which-- == 0) return row_name = #name, made;
#include "optim/optimizers.def"
    return NULL;
}

/* ---- bit for bit ---- */

/* As many steps of the scheduler as of the optimiser. */
static void train_all(training *t, int steps, bool by_metric)
{
    for (int i = 0; tg_ok() && i < steps; i++) {
        train(t, 1);
        if (by_metric)
            tg_scheduler_step_metric(t->scheduler, t->loss);
        else if (t->scheduler)
            tg_scheduler_step(t->scheduler);
    }
}

static training training_with(uint64_t seed, int optimizer, int scheduler)
{
    training t = training_of(seed);
    t.optimizer = scheduler < 0 ? new_optimizer(optimizer, tg_parameters(t.model))
                                : tg_sgd_new(tg_parameters(t.model), .momentum = 0.9, .lr = 0.05);
    if (scheduler >= 0) t.scheduler = new_scheduler(scheduler, t.optimizer);
    return t;
}

/* One that is never stopped; and another, of other weights that are somewhere else already, which takes over. */
static bool goes_on(int optimizer, int scheduler)
{
    IN_SCOPE;
    training a = training_with(1, optimizer, scheduler);
    const bool there_is_one = row_name;
    if (there_is_one) {
        const char *name = row_name;
        const bool by_metric = strcmp(name, "ReduceLROnPlateau") == 0;
        /* L-BFGS is not made for data that change from one evaluation to the next, and gets away soon. */
        const int first = strcmp(name, "LBFGS") == 0 ? 5 : 25, then = strcmp(name, "LBFGS") == 0 ? 5 : 60;
        train_all(&a, first, by_metric);
        strcpy(a.note, "so far");
        assert_int_equal(tg_checkpoint_save(file("a.safetensors"), ALL_OF(&a)), TG_OK);
        train_all(&a, then, by_metric);
        training_copy *expected = copy_of_training(&a);
        training b = training_with(2, optimizer, scheduler);
        train_all(&b, 3, by_metric);
        assert_int_equal(tg_checkpoint_load(file("a.safetensors"), ALL_OF(&b)), TG_OK);
        assert_true(b.step == first && strcmp(b.note, "so far") == 0);
        train_all(&b, then, by_metric);
        training_copy *found = copy_of_training(&b);
        const char *what = difference(expected, found);
        if (what) fail_msg("%s: other bits: %s", name, what);
        if (!isfinite(a.loss)) fail_msg("%s: the loss is %g", name, a.loss);
        copy_end(expected);
        copy_end(found);
        training_end(&b);
    }
    if (a.optimizer)
        training_end(&a);
    else
        tg_module_free(a.model);
    tg_scope_end(scope);
    return there_is_one;
}

TEST(test_every_optimizer)
{
    int count = 0;
    while (goes_on(count, -1)) count++;
    assert_int_equal(count, 16);
}

TEST(test_every_scheduler)
{
    int count = 0;
    while (goes_on(-1, count)) count++;
    assert_int_equal(count, 16);
}

/* ---- in the middle of an epoch ---- */

static void save_each(sequence_run *r)
{
    char name[32];
    snprintf(name, sizeof name, "%d.safetensors", (int)r->step);
    assert_int_equal(tg_checkpoint_save(file(name), SEQUENCE_RUN(r)), TG_OK);
}

static tg_tensor *weights_of(sequence_run *r) { return tg_detach(tg_parameters_to_vector(tg_parameters(r->model))); }

/* Three epochs of four batches, gone on with behind each of them: weights, losses and streams end as if nothing had
 * happened, whether batches are made ahead or not. */
static void resume_everywhere(bool own_generator)
{
    IN_SCOPE;
    sequence_run a;
    sequence_run_begin(&a, 1, own_generator, own_generator ? 2 : 0);
    sequence_run_on(&a, 3, save_each);
    assert_true(a.step == 12 && isfinite(a.mean));
    const tg_generator end = *tg_default_generator(), own = a.generator;
    for (int k = 1; k <= 12; k++) {
        char name[32];
        snprintf(name, sizeof name, "%d.safetensors", k);
        sequence_run b;
        sequence_run_begin(&b, 100 + (uint64_t)k, own_generator, k % 3);
        sequence_run_on(&b, k % 2, NULL);
        assert_int_equal(tg_checkpoint_load(file(name), SEQUENCE_RUN(&b)), TG_OK);
        assert_int_equal(b.step, k);
        sequence_run_on(&b, 3, NULL);
        if (!same_bits(weights_of(&a), weights_of(&b)) || b.mean != a.mean || b.step != 12)
            fail_msg("other weights when it goes on behind batch %d", k);
        assert_true(same_generator(&end, tg_default_generator()));
        if (own_generator) assert_true(same_generator(&own, &b.generator));
        sequence_run_end(&b);
    }
    sequence_run_end(&a);
    tg_scope_end(scope);
}

TEST(test_every_batch)
{
    resume_everywhere(false);
    resume_everywhere(true);
}

/* A loader that is in a loop cannot be set elsewhere: then nothing is. */
TEST(test_loading_in_a_loop)
{
    IN_SCOPE;
    sequence_run r;
    sequence_run_begin(&r, 1, false, 0);
    assert_int_equal(tg_checkpoint_save(file("a.safetensors"), SEQUENCE_RUN(&r)), TG_OK);
    TG_FOR_BATCHES(batch, r.loader) {
        sequence_step(&r, batch);
        tg_tensor *before = tg_clone(weights_of(&r));
        assert_int_equal(tg_checkpoint_load(file("a.safetensors"), SEQUENCE_RUN(&r)), TG_FAILED);
        expect_error("a.safetensors: loader: a loop over this loader is running");
        assert_true(same_bits(before, weights_of(&r)) && r.step == 1);
        break;
    }
    sequence_run_end(&r);
    tg_scope_end(scope);
}

/* ---- parts ---- */

/* Two models, two optimisers, an average and several schedulers; in another struct of parts, and in the call. */
TEST(test_more_than_one_model)
{
    IN_SCOPE;
    training g[2] = { usual_training(1), usual_training(2) }, d[2] = { usual_training(3), usual_training(4) };
    tg_scheduler *more[2];
    for (int i = 0; i < 2; i++) more[i] = tg_exponential_lr_new(d[i].optimizer, 0.5);
    tg_generator own[2];
    for (int i = 0; i < 2; i++) tg_generator_seed(&own[i], (uint64_t)i + 7);
    train(&g[0], 3), train(&d[0], 5);
    tg_scheduler_step(more[0]);
    tg_random_normal(&own[0], 0, 1); /* half a pair is left */
    int64_t epoch[2] = { 4, 0 };
    const tg_checkpoint_parts critic = { .name = "critic",
                                         .model = TG_MODULE(d[0].model),
                                         .optimizer = d[0].optimizer,
                                         .schedulers = tg_schedulers(d[0].scheduler, more[0]),
                                         .step = &d[0].step };
    assert_int_equal(tg_checkpoint_save(file("a.safetensors"), ALL_OF(&g[0]), .generator = &own[0], .epoch = &epoch[0],
                                        .parts = &critic),
                     TG_OK);
    const tg_checkpoint_parts again = { .name = "critic",
                                        .model = TG_MODULE(d[1].model),
                                        .optimizer = d[1].optimizer,
                                        .schedulers = tg_schedulers(d[1].scheduler, more[1]),
                                        .step = &d[1].step };
    const tg_checkpoint_parts all = { ALL_OF(&g[1]), .generator = &own[1], .epoch = &epoch[1], .parts = &again };
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .parts = &all), TG_OK);
    assert_true(epoch[1] == 4 && d[1].step == 5 && g[1].step == 3 && same_generator(&own[0], &own[1]));
    assert_true(tg_scheduler_last_epoch(more[1]) == 1);
    for (training *t = g;; t = d) {
        training_copy *a = copy_of_training(&t[0]), *b = copy_of_training(&t[1]);
        b->loss = a->loss; /* of d it was not saved */
        if (difference(a, b)) fail_msg("other bits: %s", difference(a, b));
        copy_end(a);
        copy_end(b);
        if (t == d) break;
    }
    const tg_checkpoint_parts first = { .name = "critic", .schedulers = tg_schedulers(d[1].scheduler) };
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .parts = &first), TG_FAILED);
    expect_error("has more than the 1 schedulers that are given");
    for (int i = 0; i < 2; i++) {
        tg_scheduler_free(more[i]);
        training_end(&g[i]);
        training_end(&d[i]);
    }
    tg_scope_end(scope);
}

/* The model alone, by the checkpoint and by the file's names; what is asked for and is not there. */
TEST(test_parts_that_are_not_asked_for_or_not_there)
{
    IN_SCOPE;
    training a = usual_training(1), b = usual_training(2);
    train(&a, 3), train(&b, 1);
    tg_checkpoint_save(file("a.safetensors"), ALL_OF(&a));
    tg_checkpoint_save(file("model.safetensors"), .model = TG_MODULE(a.model), .leave_generator = true);

    const tg_generator before = *tg_default_generator();
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .model = TG_MODULE(b.model), .leave_generator = true),
                     TG_OK);
    assert_true(same_generator(&before, tg_default_generator()) && b.step == 1);
    tg_module_requires_grad_(b.model, false);
    assert_true(same_bits(tg_get_parameter(b.model, "0.weight"), tg_get_parameter(a.model, "0.weight")));
    tg_fill_(tg_get_parameter(b.model, "0.weight"), 3);
    tg_module_requires_grad_(b.model, true);
    const tg_named_tensor_list list = tg_named_with_prefix(tg_load(file("a.safetensors")), "model.");
    assert_int_equal(tg_load_state_dict(b.model, list), TG_OK);
    assert_true(same_bits(tg_get_parameter(b.model, "0.weight"), tg_get_parameter(a.model, "0.weight")));
    assert_int_equal(tg_named_with_prefix(list, "nothing of that").count, 0);
    assert_int_equal(tg_named_with_prefix(list, "").count, list.count);
    assert_int_equal(tg_named_with_prefix(list, NULL).count, 0);
    expect_error("named_with_prefix: the prefix is NULL");

    training_copy *as_it_was = copy_of_training(&b);
    assert_int_equal(tg_checkpoint_load(file("model.safetensors"), ALL_OF(&b)), TG_FAILED);
    expect_error("model.safetensors: has no optimizer; its parts are: model");
    assert_int_equal(tg_checkpoint_load(file("model.safetensors"), .model = TG_MODULE(b.model)), TG_FAILED);
    expect_error("has no default_generator; its parts are: model");
    assert_unchanged(&b, as_it_was);
    double unknown = 5;
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .step = &b.step,
                                        .values = tg_variables(tg_variable("unknown", &unknown)), .partial = true),
                     TG_OK);
    assert_true(unknown == 5 && b.step == 3);
    assert_int_equal(tg_checkpoint_load(file("model.safetensors"), ALL_OF(&b), .partial = true), TG_OK);
    training_end(&a);
    training_end(&b);
    tg_scope_end(scope);
}

/* A model without weights is a part, too. */
TEST(test_empty_parts)
{
    IN_SCOPE;
    tg_module *m = TG_MODULE(tg_relu_new());
    assert_int_equal(tg_checkpoint_save(file("a.safetensors"), .model = TG_MODULE(m)), TG_OK);
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .model = TG_MODULE(m)), TG_OK);
    assert_int_equal(tg_checkpoint_save(file("a.safetensors")), TG_OK); /* a generator is all there is */
    assert_int_equal(tg_checkpoint_load(file("a.safetensors")), TG_OK);
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .model = TG_MODULE(m)), TG_FAILED);
    expect_error("has no model; its parts are: default_generator");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- values ---- */

typedef struct values {
    double best;
    float thirds[3];
    int n;
    unsigned u;
    long l;
    int64_t least;
    uint64_t seed;
    bool yes, flags[2];
    char text[24];
    tg_tensor *ema;
} values;

#define ALL_VALUES(v)                                                                                                  \
    .values =                                                                                                          \
        tg_variables(tg_variable("best", &(v)->best), tg_variable("thirds", (v)->thirds), tg_variable("n", &(v)->n),   \
                     tg_variable("u", &(v)->u), tg_variable("l", &(v)->l), tg_variable("least", &(v)->least),          \
                     tg_variable("seed", &(v)->seed), tg_variable("yes", &(v)->yes), tg_variable("flags", (v)->flags), \
                     tg_variable("text", (v)->text), tg_variable("ema", (v)->ema))

TEST(test_values)
{
    IN_SCOPE;
    const uint64_t nan_bits = 0x7ff8000000abcdef;
    values v = { .thirds = { -0.0f, 1.0f / 3, INFINITY },
                 .n = INT32_MIN,
                 .u = UINT32_MAX,
                 .l = -5,
                 .least = INT64_MIN,
                 .seed = UINT64_MAX,
                 .yes = true,
                 .flags = { false, true },
                 .text = "two lines,\n\"quoted\" \xc3\xbc" };
    memcpy(&v.best, &nan_bits, sizeof v.best);
    v.ema = tg_transpose(tg_reshape(tg_arange(0, 6, 1, .dtype = TG_FLOAT32), tg_shape(2, 3)), 0, 1);
    assert_int_equal(tg_checkpoint_save(file("a.safetensors"), ALL_VALUES(&v)), TG_OK);
    values w = { .ema = tg_zeros(tg_shape(3, 2), .dtype = TG_FLOAT64, .requires_grad = true),
                 .text = "longer than before" };
    tg_tensor *before = w.ema;
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), ALL_VALUES(&w)), TG_OK);
    assert_memory_equal(&w.best, &nan_bits, sizeof w.best);
    assert_memory_equal(w.thirds, v.thirds, sizeof w.thirds);
    assert_true(w.n == v.n && w.u == v.u && w.l == v.l && w.least == v.least && w.seed == v.seed && w.yes);
    assert_true(!w.flags[0] && w.flags[1] && w.ema == before);
    assert_string_equal(w.text, v.text);
    assert_true(tg_equal(tg_to(w.ema, TG_FLOAT32), v.ema) && tg_requires_grad(w.ema));
    tg_scope_end(scope);
}

/* Numbers of other types, as another program may write them. */
TEST(test_values_of_other_types)
{
    IN_SCOPE;
    double real = 3, huge = 0x1p62, half = 0.5, third = 1.0 / 3;
    int64_t many = INT64_MAX, few = 300;
    tg_checkpoint_save(file("a.safetensors"),
                       .values = tg_variables(tg_variable("real", &real), tg_variable("huge", &huge),
                                              tg_variable("half", &half), tg_variable("third", &third),
                                              tg_variable("many", &many), tg_variable("few", &few)));
    int n = 0;
    int64_t l = 0;
    float f = 0;
    double d = 0;
    bool b = false;
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"),
                                        .values = tg_variables(tg_variable("real", &n), tg_variable("huge", &l),
                                                               tg_variable("half", &f), tg_variable("few", &d))),
                     TG_OK);
    assert_true(n == 3 && l == INT64_C(1) << 62 && f == 0.5f && d == 300);
#define REFUSED(name, variable, error)                                                                                 \
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .values = tg_variables(tg_variable(name, &variable))),  \
                     TG_FAILED);                                                                                       \
    expect_error(error)
    REFUSED("half", n, "element 0 of values.half is no int32");
    REFUSED("huge", n, "element 0 of values.huge is no int32");
    REFUSED("many", d, "element 0 of values.many is no double");
    REFUSED("third", f, "element 0 of values.third is no float");
    REFUSED("few", b, "element 0 of values.few is no bool");
    REFUSED("nowhere", n, "has no values.nowhere");
    assert_true(n == 3 && d == 300 && f == 0.5f && !b);
    double pair[2];
    char text[4] = "abc";
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .values = tg_variables(tg_variable("real", pair))),
                     TG_FAILED);
    expect_error("values.real has the shape [], not [2]");
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .values = tg_variables(tg_variable("real", text))),
                     TG_FAILED);
    expect_error("has no text values.real");
    tg_checkpoint_save(file("a.safetensors"), .values = tg_variables(tg_variable("text", text)));
    char small[3] = "x";
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .values = tg_variables(tg_variable("text", small))),
                     TG_FAILED);
    expect_error("values.text is a text of 4 bytes, for which there is room for 3");
    tg_scope_end(scope);
}

/* ---- what cannot be saved ---- */

TEST(test_descriptions_that_are_none)
{
    IN_SCOPE;
    double x = 1;
    int64_t step = 0;
    char unended[2] = { 'a', 'b' }, *pointer = unended;
    tg_checkpoint_parts circle = { .name = "a" };
    circle.parts = &circle;
    const tg_checkpoint_parts unnamed = { .step = &step }, odd = { .step = &step, .name = "a.b" },
                              taken = { .step = &step, .name = "model" }, fine = { .step = &step, .name = "x" },
                              twice = { .step = &step, .name = "x", .parts = &fine };
    const tg_variable nowhere = { "x", TG_VARIABLE_FLOAT64, NULL, -1 }, no_kind = { "x", (tg_variable_kind)0, &x, -1 };
#define UNSAVED(error, ...)                                                                                            \
    assert_int_equal(tg_checkpoint_save(file("none.safetensors"), __VA_ARGS__), TG_FAILED);                            \
    expect_error(error);                                                                                               \
    assert_int_equal(access(file("none.safetensors"), F_OK), -1)
    UNSAVED("further parts need a name", .step = &step, .parts = &unnamed);
    UNSAVED("the name of parts is of letters", .parts = &odd);
    UNSAVED("the name of parts is of letters", .parts = &taken);
    UNSAVED("two structs of parts have the same name", .parts = &twice);
    UNSAVED("parts that lead in a circle", .parts = &circle);
    UNSAVED("two values have the same name", .values = tg_variables(tg_variable("x", &x), tg_variable("x", &step)));
    UNSAVED("a value without a name", .values = tg_variables(tg_variable("", &x)));
    UNSAVED("x: its address is NULL", .values = tg_variables(nowhere));
    UNSAVED("x: a variable of no kind", .values = tg_variables(no_kind));
    UNSAVED("values.x: a text without an end", .values = tg_variables(tg_variable("x", unended)));
    UNSAVED("x: a text is an array of char", .values = tg_variables(tg_variable("x", pointer)));
    UNSAVED("a list of values that is none", .values = { NULL, 2 });
    UNSAVED("a list of schedulers that is none", .schedulers = { NULL, -1 });
    assert_int_equal(tg_checkpoint_save(NULL, .step = &step), TG_FAILED);
    expect_error("the path is NULL");
    assert_int_equal(tg_checkpoint_load(file("nowhere.safetensors"), .step = &step), TG_FAILED);
    expect_error("No such file");
    tg_fail("before", "an error that came before");
    assert_int_equal(tg_checkpoint_save(file("none.safetensors"), .step = &step), TG_FAILED);
    assert_int_equal(tg_checkpoint_load(file("a.safetensors"), .step = &step), TG_FAILED);
    expect_error("an error that came before");
    tg_scope_end(scope);
}

/* ---- all or nothing ---- */

/* The file with entry `at` changed, by a program that knows no checksum: left out, or of another shape, or of other elements. */
typedef enum change { LEFT_OUT, OTHER_SHAPE, ALL_NAN, CHANGES } change;

static void write_changed(tg_named_tensor_list list, tg_text_pairs texts, int64_t at, change how)
{
    tg_named_tensor items[MOST_ENTRIES];
    tg_text_pair pairs[16];
    int64_t count = 0, kept = 0;
    assert_true(list.count <= MOST_ENTRIES && texts.count <= 16);
    for (int64_t i = 0; i < list.count; i++) {
        if (i == at && how == LEFT_OUT) continue;
        items[count] = list.items[i];
        const tg_shape shape = tg_shape_of(list.items[i].tensor);
        if (i == at && how == OTHER_SHAPE) items[count].tensor = tg_zeros(tg_shape(2, 1, 2, 1));
        if (i == at && how == ALL_NAN) items[count].tensor = tg_full(shape, NAN, .dtype = TG_FLOAT64);
        count++;
    }
    for (int64_t i = 0; i < texts.count; i++)
        if (strcmp(texts.items[i].key, "checksum") != 0) pairs[kept++] = texts.items[i];
    pairs[kept++] = (tg_text_pair){ "checksum", "none" };
    const tg_named_tensor_list changed = { items, count };
    assert_int_equal(tg_save_safetensors(changed, file("changed.safetensors"), .metadata = { pairs, kept }), TG_OK);
}

static bool ends_in(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Every entry of every part in turn. */
TEST(test_each_entry_that_does_not_fit)
{
    IN_SCOPE;
    training a = usual_training(1), b = usual_training(2);
    train_all(&a, 4, false), train_all(&b, 2, false);
    tg_checkpoint_save(file("a.safetensors"), ALL_OF(&a));
    tg_text_pairs texts;
    const tg_named_tensor_list list = tg_load_safetensors(file("a.safetensors"), .metadata = &texts);
    int refused = 0, parts[4] = { 0 };
    assert_true(tg_ok() && list.count > 40);
    for (int64_t i = 0; i < list.count; i++)
        for (change how = 0; how < CHANGES; how++) {
            const tg_scope inner = tg_scope_begin();
            write_changed(list, texts, i, how);
            training_copy *before = copy_of_training(&b);
            const char *name = list.items[i].name;
            const tg_status status = tg_checkpoint_load(file("changed.safetensors"), ALL_OF(&b));
            const bool optional = how == LEFT_OUT && ends_in(name, "initial_lr");
            /* A weight, a loss or a rate may be NaN, and tg_load_state_dict converts; a count may not. */
            const bool may_be = how == ALL_NAN && (tg_dtype_is_floating(tg_dtype_of(list.items[i].tensor)) ||
                                                   strncmp(name, "model.", 6) == 0);
            if (status == TG_OK && !may_be && !optional) fail_msg("%s changed (%d), and no error", name, how);
            if (status == TG_FAILED) {
                tg_error_clear();
                refused++;
                parts[name[0] == 'm' ? 0 : name[0] == 'o' ? 1 : name[0] == 's' ? 2 : 3]++;
                assert_unchanged(&b, before);
            } else {
                copy_end(before);
                tg_checkpoint_load(file("a.safetensors"), ALL_OF(&b));
            }
            tg_scope_end(inner);
        }
    assert_true(refused > 90);
    for (int k = 0; k < 4; k++) assert_true(parts[k] >= 2);
    training_end(&a);
    training_end(&b);
    tg_scope_end(scope);
}

/* A generator whose place is none would read beyond its state. */
TEST(test_generators_that_are_none)
{
    static const int64_t places[] = { -1, 625, INT32_MIN, 624, 0 };
    IN_SCOPE;
    assert_int_equal(tg_checkpoint_save(file("a.safetensors")), TG_OK);
    tg_text_pairs texts;
    const tg_named_tensor_list list = tg_load_safetensors(file("a.safetensors"), .metadata = &texts);
    for (int i = 0; i < 5; i++)
        for (int64_t k = 0; k < list.count; k++)
            if (strcmp(list.items[k].name, "default_generator.index") == 0) {
                tg_fill_(list.items[k].tensor, (double)places[i]);
                write_changed(list, texts, -1, CHANGES);
                const tg_generator before = *tg_default_generator();
                const tg_status status = tg_checkpoint_load(file("changed.safetensors"));
                assert_int_equal(status, i < 3 ? TG_FAILED : TG_OK);
                if (i >= 3) continue;
                expect_error("default_generator.index is ");
                assert_true(same_generator(&before, tg_default_generator()));
            }
    tg_scope_end(scope);
}

/* Every byte of the file: the checksum, or what is read before it, tells. */
TEST(test_each_byte_that_is_damaged)
{
    IN_SCOPE;
    training a = usual_training(1), b = usual_training(2);
    train_all(&a, 4, false), train_all(&b, 2, false);
    tg_checkpoint_save(file("a.safetensors"), ALL_OF(&a));
    const tg_generator generator = *tg_default_generator();
    size_t count;
    unsigned char *bytes = read_file(file("a.safetensors"), &count);
    const size_t stride = test_everything() ? 1 : 13;
    training_copy *before = copy_of_training(&b), *saved = copy_of_training(&a);
    saved->generator = generator;
    for (size_t i = 0; i < count; i += stride) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        write_file(file("damaged.safetensors"), bytes, count);
        bytes[i] ^= (unsigned char)(1 << i % 8);
        if (tg_checkpoint_load(file("damaged.safetensors"), ALL_OF(&b)) == TG_OK) {
            copy_end(before); /* a bool has more than one way to be true: what was loaded is what was saved */
            before = copy_of_training(&b);
            if (difference(saved, before)) fail_msg("byte %zu of %zu is damaged, and no error", i, count);
        }
        tg_error_clear();
    }
    copy_end(saved);
    for (size_t i = 0; i < count; i += stride) {
        write_file(file("damaged.safetensors"), bytes, i);
        assert_int_equal(tg_checkpoint_load(file("damaged.safetensors"), ALL_OF(&b)), TG_FAILED);
        assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
        tg_error_clear();
    }
    free(bytes);
    assert_unchanged(&b, before);
    training_end(&a);
    training_end(&b);
    tg_scope_end(scope);
}

static void resave(const char *name, tg_text_pairs texts)
{
    const tg_named_tensor_list list = tg_load_safetensors(file("a.safetensors"));
    assert_int_equal(tg_save_safetensors(list, file(name), .metadata = texts), TG_OK);
}

/* Files that are no checkpoints, and those of another program. */
TEST(test_other_files)
{
    IN_SCOPE;
    int64_t step = 7;
    double x = 1;
    tg_checkpoint_save(file("a.safetensors"), .step = &step, .values = tg_variables(tg_variable("x", &x)));
    const tg_text_pair pairs[] = { { "format", "tapegrad.checkpoint" },
                                   { "version", "1" },
                                   { "parts", "step" },
                                   { "checksum", "none" } };
    resave("b.safetensors", (tg_text_pairs){ pairs, 4 });
    step = 0;
    assert_int_equal(tg_checkpoint_load(file("b.safetensors"), .step = &step, .leave_generator = true), TG_OK);
    assert_int_equal(step, 7);
    resave("b.safetensors", (tg_text_pairs){ pairs, 0 });
#define NO_CHECKPOINT(error)                                                                                           \
    assert_int_equal(tg_checkpoint_load(file("b.safetensors"), .step = &step, .leave_generator = true), TG_FAILED);    \
    expect_error(error)
    NO_CHECKPOINT("is no checkpoint: its metadata has no \"format\" that is \"tapegrad.checkpoint\"");
    resave("b.safetensors", (tg_text_pairs){ pairs, 1 });
    NO_CHECKPOINT("is a checkpoint of version ?; version 1 is read here");
    resave("b.safetensors", (tg_text_pairs){ pairs, 2 });
    NO_CHECKPOINT("its metadata has no \"parts\"");
    resave("b.safetensors", (tg_text_pairs){ pairs, 3 });
    NO_CHECKPOINT("its metadata has no \"checksum\"");
    resave("b.safetensors", tg_text_pairs(pairs[0], { "version", "2" }, pairs[2]));
    NO_CHECKPOINT("is a checkpoint of version 2; version 1 is read here");
    resave("b.safetensors", tg_text_pairs(pairs[0], pairs[1], pairs[2], { "checksum", "0123456789abcdef" }));
    NO_CHECKPOINT("is damaged: its checksum is 0123456789abcdef");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_optimizer),
        T(test_every_scheduler),
        T(test_every_batch),
        T(test_loading_in_a_loop),
        T(test_more_than_one_model),
        T(test_parts_that_are_not_asked_for_or_not_there),
        T(test_empty_parts),
        T(test_values),
        T(test_values_of_other_types),
        T(test_descriptions_that_are_none),
        T(test_each_entry_that_does_not_fit),
        T(test_generators_that_are_none),
        T(test_each_byte_that_is_damaged),
        T(test_other_files),
    };
    folder = make_folder();
    const int failed = cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
    remove_folder(folder);
    return failed;
}
