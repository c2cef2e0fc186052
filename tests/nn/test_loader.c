/* test_loader.c: loaders give PyTorch's batches and leave its random streams where PyTorch does; the loop ends well
 * however it is left, and goes on where it was. */
#include "tests/support/golden.h"
#include "tests/support/loaders.h"

#include <math.h>
#include <string.h>

/* ---- PyTorch's order ---- */

static tg_sampler *sampler_of(const golden *g, const char *kind, tg_generator *generator)
{
    const int64_t n = golden_int(g, "n"), num = golden_int(g, "num_samples");
    if (strcmp(kind, "random") == 0 || strcmp(kind, "replacement") == 0)
        return tg_random_sampler_new(n, .replacement = kind[2] == 'p', .num_samples = num, .generator = generator);
    if (strcmp(kind, "subset") == 0) return tg_subset_random_sampler_new(tg_arange(0, n, 2), .generator = generator);
    int64_t weights[64];
    for (int64_t i = 0; i < n; i++) weights[i] = 1 + (3 * i) % 7;
    return tg_weighted_random_sampler_new(tg_from_data(weights, tg_shape(n)), num,
                                          .replacement = strcmp(kind, "weighted") == 0, .generator = generator);
}

static tg_loader *loader_of(const golden *g, tg_generator *generator, int64_t prefetch)
{
    const char *kind = golden_string(g, "sampler"), *stream = golden_string(g, "generator");
    const int64_t n = golden_int(g, "n"), size = golden_int(g, "batch_size");
    const bool drop_last = golden_int(g, "drop_last");
    tg_generator *of_loader = strcmp(stream, "loader") == 0 ? generator : NULL;
    tg_generator *of_sampler = strcmp(stream, "sampler") == 0 ? generator : NULL;
    tg_dataset *data = tg_tensor_dataset_new(tg_list(tg_arange(n)));
    if (strcmp(kind, "sequential") == 0 || strcmp(kind, "shuffle") == 0)
        return tg_loader_new(data, .batch_size = size, .shuffle = kind[1] == 'h', .drop_last = drop_last,
                             .generator = of_loader, .prefetch = prefetch);
    if (strcmp(kind, "batch") == 0)
        return tg_loader_new(data,
                             .batch_sampler = tg_batch_sampler_new(tg_random_sampler_new(n, .generator = of_sampler),
                                                                   size, drop_last),
                             .generator = of_loader, .prefetch = prefetch);
    return tg_loader_new(data, .batch_size = size, .sampler = sampler_of(g, kind, of_sampler), .drop_last = drop_last,
                         .generator = of_loader, .prefetch = prefetch);
}

static void assert_golden_record(const golden *g, const record *r)
{
    const int64_t *order, *sizes;
    const golden_array drawn = golden_array_of(g, "drawn");
    assert_int_equal(golden_ints(g, "order", &order), r->samples);
    assert_int_equal(golden_ints(g, "sizes", &sizes), r->batches);
    for (int i = 0; i < r->samples; i++)
        if (order[i] != r->order[i]) fail_msg("%s: sample %d", golden_case(g), i);
    for (int i = 0; i < r->batches; i++) assert_int_equal(sizes[i], r->sizes[i]);
    assert_int_equal(drawn.count, r->draws);
    for (int i = 0; i < r->draws; i++)
        if (drawn.values[i] != r->drawn[i]) fail_msg("%s: number %d that was drawn", golden_case(g), i);
}

static void two_passes(const golden *g, tg_loader *loader, tg_generator *stream, record *r)
{
    const int64_t leave = golden_int(g, "leave");
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        TG_FOR_BATCHES(batch, loader) {
            assert_int_equal(batch->epoch, epoch);
            record_batch(r, batch);
            record_draw(r, stream);
            if (epoch == 1 && batch->index + 1 == leave) break;
        }
        record_draw(r, stream);
    }
    record_draw(r, NULL);
}

TEST(test_order_is_pytorchs)
{
    static const int64_t ahead[] = { 0, 1, 3, 100 };
    golden *g = golden_open("loader.txt");
    int cases = 0;
    while (golden_next(g)) {
        if (strncmp(golden_case(g), "split", 5) == 0) continue;
        for (int i = 0; i < 4; i++) {
            IN_SCOPE;
            tg_generator generator;
            tg_manual_seed(7);
            tg_generator_seed(&generator, 11);
            tg_loader *loader = loader_of(g, &generator, ahead[i]);
            const int64_t length = tg_loader_length(loader);
            record r = { .samples = 0 };
            two_passes(g, loader, strcmp(golden_string(g, "generator"), "default") == 0 ? NULL : &generator, &r);
            if (golden_int(g, "leave") < 0) assert_int_equal(r.batches, 2 * length);
            tg_loader_free(loader);
            assert_golden_record(g, &r);
            tg_scope_end(scope);
        }
        cases++;
    }
    assert_true(cases >= 30);
    golden_close(g);
}

TEST(test_random_split_is_pytorchs)
{
    golden *g = golden_open("loader.txt");
    while (golden_next(g)) {
        if (strncmp(golden_case(g), "split", 5) != 0) continue;
        IN_SCOPE;
        tg_generator generator;
        tg_manual_seed(7);
        tg_generator_seed(&generator, 11);
        const golden_array sizes = golden_array_of(g, "sizes");
        tg_parts parts = { .count = sizes.count };
        for (int64_t i = 0; i < sizes.count; i++) parts.sizes[i] = sizes.values[i];
        tg_dataset *data = tg_tensor_dataset_new(tg_list(tg_arange(golden_int(g, "n"))));
        const bool given = strcmp(golden_string(g, "generator"), "given") == 0;
        const tg_dataset_list made = tg_random_split(data, parts, .generator = given ? &generator : NULL);
        assert_int_equal(made.count, sizes.count);
        for (int64_t i = 0; i < made.count; i++) {
            char key[16];
            const int64_t *expected;
            snprintf(key, sizeof key, "part.%d", (int)i);
            assert_int_equal(golden_ints(g, key, &expected), tg_dataset_length(made.items[i]));
            for (int64_t k = 0; k < tg_dataset_length(made.items[i]); k++)
                assert_int_equal(tg_item_int64(tg_dataset_item(made.items[i], k).items[0]), expected[k]);
            tg_dataset_free(made.items[i]); /* the last one takes the numbers along */
        }
        assert_true(tg_random_uniform(NULL) == golden_array_of(g, "drawn").values[0]);
        tg_scope_end(scope);
    }
    golden_close(g);
}

/* ---- the loop ---- */

static int64_t live(void) { return tg_memory_stats().live_tensors; }

static tg_loader *ten_by_three(void) { return tg_loader_new(numbers(10, .item = numbers_item), .batch_size = 3); }

static int64_t leave_by_return(tg_loader *loader)
{
    TG_FOR_BATCHES(batch, loader) {
        tg_zeros(tg_shape(100));
        if (batch->index == 1) return batch->size;
    }
    return -1;
}

TEST(test_each_batch_has_a_scope)
{
    IN_SCOPE;
    tg_loader *loader = ten_by_three();
    int64_t before = live(), seen = 0;
    tg_tensor *kept = NULL;
    TG_FOR_BATCHES(batch, loader) {
        assert_int_equal(live(), before + batch->count + (kept != NULL));
        assert_null(batch->items[batch->count]);
        tg_tensor *y = tg_mul(batch->items[1], 2.0);
        if (batch->index == 2) kept = tg_keep(y);
        const tg_scope forgotten = tg_scope_begin();
        (void)forgotten;
        if (batch->index == 1) continue;
        seen += batch->size;
    }
    assert_int_equal(seen, 7);
    assert_int_equal(live(), before + 1);
    tg_release(kept);
    assert_int_equal(leave_by_return(loader), 3);
    assert_int_equal(live(), before);
    TG_FOR_BATCHES(batch, loader) goto out;
out:
    TG_FOR_BATCHES(batch, loader)
        if (batch->index == 0) break;
    assert_int_equal(live(), before);
    assert_int_equal(tg_loader_epoch(loader), 4);
    assert_int_equal(tg_loader_batches_done(loader), 0);
    tg_loader_free(loader);
    tg_scope_end(scope);
}

TEST(test_a_kept_batch_outlives_the_loop)
{
    IN_SCOPE;
    tg_loader *loader = ten_by_three();
    tg_tensor *last = NULL;
    TG_FOR_BATCHES(batch, loader) {
        tg_release(last);
        last = tg_keep(batch->items[0]);
    }
    tg_loader_free(loader);
    assert_int_equal(tg_item_int64(last), 9);
    tg_release(last);
    tg_scope_end(scope);
}

TEST(test_an_ended_outer_scope_does_no_harm)
{
    tg_loader *loader = ten_by_three();
    const tg_scope outer = tg_scope_begin();
    TG_FOR_BATCHES(batch, loader) {
        tg_scope_end(outer);
        break;
    }
    const tg_scope again = tg_scope_begin();
    int64_t count = 0;
    TG_FOR_BATCHES(batch, loader) count++;
    assert_int_equal(count, 4);
    tg_scope_end(again);
    tg_loader_free(loader);
}

TEST(test_loops_nest)
{
    IN_SCOPE;
    tg_loader *a = ten_by_three(),
              *b = tg_loader_new(numbers(4, .batch = numbers_batch), .batch_size = 2, .shuffle = true);
    int64_t pairs = 0;
    TG_FOR_BATCHES(outer, a)
        TG_FOR_BATCHES(inner, b) pairs += outer->size * inner->size;
    assert_int_equal(pairs, 40);
    assert_int_equal(tg_loader_epoch(b), 4);
    int64_t count = 0;
    TG_FOR_BATCHES(outer, a) {
        TG_FOR_BATCHES(inner, a) fail_msg("a loop in a loop of the same loader");
        count++;
    }
    assert_int_equal(count, 1);
    expect_error("is running already");
    count = 0;
    TG_FOR_BATCHES(outer, a) count++;
    assert_int_equal(count, 4);
    tg_loader_free(a);
    tg_loader_free(b);
    tg_scope_end(scope);
}

TEST(test_an_error_ends_the_loop)
{
    IN_SCOPE;
    tg_loader *loader = ten_by_three();
    int64_t count = 0;
    TG_FOR_BATCHES(batch, loader) {
        count++;
        if (batch->index == 1) tg_fail("body", "enough");
    }
    assert_int_equal(count, 2);
    TG_FOR_BATCHES(batch, loader) count++;
    assert_int_equal(count, 2);
    expect_error("enough");
    tg_loader_free(loader);
    tg_scope_end(scope);
}

TEST(test_a_loader_freed_in_its_loop)
{
    IN_SCOPE;
    const int64_t before = freed_contexts;
    tg_loader *loader = ten_by_three();
    int64_t count = 0;
    TG_FOR_BATCHES(batch, loader) {
        tg_loader_free(loader);
        assert_int_equal(tg_loader_length(loader), -1);
        expect_error("the loader was freed");
        assert_int_equal(tg_size(batch->items[1], 0), 3);
        count++;
    }
    assert_int_equal(count, 1);
    loader = ten_by_three();
    TG_FOR_BATCHES(batch, loader) {
        tg_loader_free(loader);
        break;
    }
    assert_int_equal(freed_contexts, before + 2);
    tg_scope_end(scope);
}

TEST(test_no_samples)
{
    IN_SCOPE;
    tg_loader *none = tg_loader_new(numbers(0, .item = numbers_item));
    TG_FOR_BATCHES(batch, none) fail_msg("a batch of nothing");
    assert_int_equal(tg_loader_length(none), 0);
    assert_int_equal(tg_loader_epoch(none), 1);
    tg_loader_free(none);
    none = tg_loader_new(numbers(0, .item = numbers_item), .shuffle = true);
    TG_FOR_BATCHES(batch, none) fail_msg("a batch of nothing");
    expect_error("num_samples should be a positive integer value, but got num_samples=0");
    tg_loader_free(none);
    none = tg_loader_new(numbers(3, .item = numbers_item), .batch_size = 4, .drop_last = true);
    TG_FOR_BATCHES(batch, none) fail_msg("a batch that is not full");
    tg_loader_free(none);
    tg_scope_end(scope);
}

/* Two samplers' worth of what a program's own batch sampler may do: batches of 1, 2, 3 and 4. */
static int64_t four(void *context)
{
    (void)context;
    return 4;
}
static tg_tensor *draw_growing(int64_t given, tg_generator *generator, void *context)
{
    (void)context;
    if (given == 4) return NULL;
    tg_tensor *from = tg_randint(0, 7, tg_shape(1), .generator = generator);
    return tg_add(tg_arange(given + 1), from);
}

TEST(test_a_programs_own_batch_sampler)
{
    static const tg_draw_when whens[] = { TG_DRAW_IN_TURN, TG_DRAW_SEEDED };
    IN_SCOPE;
    for (int k = 0; k < 2; k++) {
        record r[2] = { { .samples = 0 }, { .samples = 0 } };
        for (int i = 0; i < 2; i++) {
            tg_manual_seed(3);
            tg_loader *loader =
                tg_loader_new(numbers(10, .item = numbers_item), .prefetch = 2 * i,
                              .batch_sampler = tg_sampler_new(.length = four, .draw = draw_growing, .when = whens[k]));
            assert_int_equal(tg_loader_length(loader), 4);
            for (int epoch = 0; epoch < 2; epoch++)
                TG_FOR_BATCHES(batch, loader) {
                    assert_int_equal(batch->size, batch->index + 1);
                    record_batch(&r[i], batch);
                    record_draw(&r[i], NULL);
                }
            tg_loader_free(loader);
        }
        assert_same_record(&r[0], &r[1]);
    }
    tg_scope_end(scope);
}

/* ---- collating ---- */

/* Sample i: i words and a label. */
static int words_item(int64_t index, tg_tensor **fields, void *context)
{
    (void)context;
    fields[0] = tg_add(tg_arange(index + 1), 10 * index);
    fields[1] = tg_scalar(index);
    return 2;
}

TEST(test_padded)
{
    IN_SCOPE;
    static tg_padding padding = { .sequences = 1, .values = { -7 } };
    tg_loader *loader = tg_loader_new(numbers(3, .item = words_item), .batch_size = 3, .collate = tg_collate_pad,
                                      .collate_context = &padding);
    static const int64_t expected[] = { 0, -7, -7, 10, 11, -7, 20, 21, 22 };
    TG_FOR_BATCHES(batch, loader) {
        assert_int_equal(batch->count, 3);
        assert_int_equal(tg_size(batch->items[0], 1), 3);
        assert_memory_equal(tg_data(batch->items[0], TG_INT64), expected, sizeof expected);
        for (int64_t i = 0; i < 3; i++) {
            assert_int_equal(((const int64_t *)tg_data(batch->items[1], TG_INT64))[i], i);
            assert_int_equal(((const int64_t *)tg_data(batch->items[2], TG_INT64))[i], i + 1);
        }
        const tg_packed_sequence packed =
            tg_pack_padded_sequence(batch->items[0], batch->items[2], .batch_first = true, .enforce_sorted = false);
        assert_int_equal(tg_numel(packed.data), 6);
    }
    tg_loader_free(loader);
    tg_scope_end(scope);
}

/* The mean of field 1, and how many samples there were: of its own. */
static int own_collate(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context)
{
    const int stacked = tg_collate_stack(samples, count, fields, NULL);
    if (stacked < 0) return -1;
    fields[1] = tg_mean(fields[1]);
    fields[2] = tg_scalar(*(const int64_t *)context);
    return 3;
}

TEST(test_own_collate)
{
    IN_SCOPE;
    static int64_t forty_two = 42;
    tg_loader *loader = tg_loader_new(numbers(8, .batch = numbers_batch), .batch_size = 4, .collate = own_collate,
                                      .collate_context = &forty_two);
    TG_FOR_BATCHES(batch, loader) {
        assert_int_equal(batch->count, 3);
        assert_true(tg_item(batch->items[1]) == (batch->index ? 22 : 6) / 16.0);
        assert_int_equal(tg_item_int64(batch->items[2]), 42);
    }
    tg_loader_free(loader);
    loader = tg_loader_new(numbers(8, .item = words_item), .batch_size = 4);
    TG_FOR_BATCHES(batch, loader) fail_msg("words of different lengths in one tensor");
    expect_error("collate: field 0: stack expects each tensor to be equal size, but got [");
    tg_loader_free(loader);
    loader = tg_loader_new(numbers(8, .item = words_item), .batch_size = 4);
    TG_FOR_BATCHES(batch, loader) fail_msg("words of different lengths in one tensor");
    expect_error("pads sequences of different lengths with .collate = tg_collate_pad");
    tg_loader_free(loader);
    tg_tensor *short_row[] = { tg_ones(tg_shape(2)), tg_ones(tg_shape(1)) };
    tg_tensor *long_row[] = { tg_ones(tg_shape(3)), tg_ones(tg_shape(2)) }, *fields[TG_MAX_FIELDS];
    const tg_tensor_list rows[] = { { short_row, 2 }, { long_row, 2 } };
    assert_int_equal(tg_collate_pad(rows, 2, fields, NULL), -1);
    expect_error(
        "collate_pad: field 1: stack expects each tensor to be equal size, but got [1] in sample 0 of the batch "
        "and [2] in sample 1; what is padded are the first .sequences fields");
    tg_scope_end(scope);
}

/* ---- going on where it was ---- */

typedef tg_loader *(*make_fn)(tg_generator *generator, int64_t prefetch);

static tg_loader *shuffled(tg_generator *g, int64_t prefetch)
{
    (void)g;
    return tg_loader_new(numbers(23, .item = numbers_item), .batch_size = 5, .shuffle = true, .prefetch = prefetch);
}
static tg_loader *in_order(tg_generator *g, int64_t prefetch)
{
    (void)g;
    return tg_loader_new(numbers(23, .batch = numbers_batch), .batch_size = 4, .prefetch = prefetch);
}
static tg_loader *by_generator(tg_generator *g, int64_t prefetch)
{
    return tg_loader_new(numbers(22, .item = numbers_item), .batch_size = 5, .shuffle = true, .generator = g,
                         .prefetch = prefetch);
}
static tg_loader *replaced(tg_generator *g, int64_t prefetch)
{
    return tg_loader_new(numbers(9, .item = numbers_item), .batch_size = 7, .prefetch = prefetch,
                         .sampler = tg_random_sampler_new(9, .replacement = true, .num_samples = 75, .generator = g));
}
static tg_loader *replaced_by_seed(tg_generator *g, int64_t prefetch)
{
    (void)g;
    return replaced(NULL, prefetch);
}
static tg_loader *weighted(tg_generator *g, int64_t prefetch)
{
    (void)g;
    return tg_loader_new(numbers(6, .item = numbers_item), .batch_size = 4, .prefetch = prefetch, .drop_last = true,
                         .sampler = tg_weighted_random_sampler_new(tg_arange(1, 7), 30));
}
static tg_loader *growing(tg_generator *g, int64_t prefetch)
{
    return tg_loader_new(numbers(10, .item = numbers_item), .prefetch = prefetch,
                         .batch_sampler = tg_sampler_new(.length = four, .draw = draw_growing, .generator = g));
}
static tg_loader *growing_by_seed(tg_generator *g, int64_t prefetch)
{
    (void)g;
    return tg_loader_new(numbers(10, .item = numbers_item), .prefetch = prefetch,
                         .batch_sampler = tg_sampler_new(.length = four, .draw = draw_growing, .when = TG_DRAW_SEEDED));
}

/* What a process would keep: the loader's state and the default generator's. */
typedef struct saved {
    tg_named_tensor items[16];
    tg_named_tensor_list list;
    tg_generator generator;
} saved;

static void save(saved *s, tg_loader *loader)
{
    const tg_named_tensor_list list = tg_loader_state_dict(loader);
    assert_true(list.count > 0 && list.count <= 16);
    for (int64_t i = 0; i < list.count; i++)
        s->items[i] = (tg_named_tensor){ list.items[i].name, tg_keep(list.items[i].tensor) };
    s->list = (tg_named_tensor_list){ s->items, list.count };
    s->generator = *tg_default_generator();
}

static void release(saved *s)
{
    for (int64_t i = 0; i < s->list.count; i++) tg_release(s->items[i].tensor);
}

enum { PASSES = 3 };

/* Runs to the end of the last pass, or until `stop` batches are recorded: then it saves and leaves. False then. */
static bool run(tg_loader *loader, record *r, int stop, saved *s)
{
    for (int64_t epoch = tg_loader_epoch(loader); epoch < PASSES; epoch++) {
        TG_FOR_BATCHES(batch, loader) {
            record_batch(r, batch);
            record_draw(r, NULL);
            assert_int_equal(tg_loader_batches_done(loader), batch->index + 1);
            assert_int_equal(tg_loader_epoch(loader), epoch);
            if (r->batches != stop) continue;
            save(s, loader);
            return false;
        }
        record_draw(r, NULL); /* what follows a pass is part of the run */
    }
    return true;
}

static void resume_everywhere(make_fn make, int64_t ahead_before, int64_t ahead_after)
{
    record whole = { .samples = 0 };
    tg_generator g;
    tg_manual_seed(5);
    tg_generator_seed(&g, 6);
    tg_loader *loader = make(&g, 0);
    assert_true(run(loader, &whole, -1, NULL));
    tg_loader_free(loader);
    for (int stop = 1; stop <= whole.batches; stop++) {
        record r = { .samples = 0 };
        saved s;
        tg_manual_seed(5);
        tg_generator_seed(&g, 6);
        loader = make(&g, ahead_before);
        assert_false(run(loader, &r, stop, &s));
        tg_loader_free(loader);
        tg_manual_seed(99);
        tg_generator_seed(&g, 98);
        loader = make(&g, ahead_after);
        TG_FOR_BATCHES(batch, loader) break; /* it may have been used before */
        assert_int_equal(tg_loader_load_state_dict(loader, s.list), TG_OK);
        *tg_default_generator() = s.generator;
        release(&s);
        saved again; /* what was loaded and is not yet used is the same state */
        save(&again, loader);
        assert_int_equal(tg_loader_load_state_dict(loader, again.list), TG_OK);
        release(&again);
        assert_true(run(loader, &r, -1, NULL));
        tg_loader_free(loader);
        assert_same_record(&r, &whole);
    }
}

TEST(test_resumed_anywhere)
{
    static const make_fn makes[] = { shuffled,         in_order, by_generator, replaced,
                                     replaced_by_seed, weighted, growing,      growing_by_seed };
    IN_SCOPE;
    for (int i = 0; i < 8; i++) {
        resume_everywhere(makes[i], 0, 0);
        resume_everywhere(makes[i], 3, 0);
        resume_everywhere(makes[i], 0, 2);
    }
    tg_scope_end(scope);
}

TEST(test_between_passes)
{
    IN_SCOPE;
    tg_loader *a = shuffled(NULL, 0), *b = shuffled(NULL, 0);
    TG_FOR_BATCHES(batch, a) { (void)batch; }
    TG_FOR_BATCHES(batch, a) break;
    const tg_named_tensor_list list = tg_loader_state_dict(a);
    assert_int_equal(list.count, 4);
    assert_int_equal(tg_loader_load_state_dict(b, list), TG_OK);
    assert_int_equal(tg_loader_epoch(b), 2);
    record r[2] = { { .samples = 0 }, { .samples = 0 } };
    for (int i = 0; i < 2; i++) {
        tg_manual_seed(1);
        TG_FOR_BATCHES(batch, i ? b : a) record_batch(&r[i], batch);
    }
    assert_same_record(&r[0], &r[1]);
    tg_loader_free(a);
    tg_loader_free(b);
    tg_scope_end(scope);
}

static tg_named_tensor *named(saved *s, const char *name)
{
    for (int64_t i = 0; i < s->list.count; i++)
        if (strcmp(s->items[i].name, name) == 0) return &s->items[i];
    return NULL;
}

static void expect_bad_state(tg_loader *loader, saved *s, const char *name, tg_tensor *instead, const char *message)
{
    tg_named_tensor *item = named(s, name);
    assert_non_null(item);
    tg_tensor *good = item->tensor;
    item->tensor = instead;
    assert_int_equal(tg_loader_load_state_dict(loader, s->list), TG_FAILED);
    expect_error(message);
    item->tensor = good;
}

/* Batches of another size go on where no pass is cut: before its first batch, and behind its last one. */
static void check_other_size(int64_t samples, int64_t size, int64_t other, bool drop_last, bool in_turn)
{
    tg_generator g;
    tg_generator_seed(&g, 6);
    tg_generator *const drawn = in_turn ? &g : NULL;
    tg_tensor *x = tg_arange(samples);
    tg_loader *a = tg_loader_new(tg_tensor_dataset_new(tg_list(x)), .batch_size = size, .drop_last = drop_last,
                                 .shuffle = true, .generator = drawn);
    tg_loader *b = tg_loader_new(tg_tensor_dataset_new(tg_list(x)), .batch_size = other, .drop_last = drop_last,
                                 .shuffle = true, .generator = drawn);
    const int64_t batches = tg_loader_length(a);
    saved s;
    save(&s, a);
    assert_int_equal(tg_loader_load_state_dict(b, s.list), TG_OK);
    release(&s);
    TG_FOR_BATCHES(batch, a) {
        save(&s, a);
        const bool last = batch->index == batches - 1;
        assert_int_equal(tg_loader_load_state_dict(b, s.list), last ? TG_OK : TG_FAILED);
        if (!last) expect_error("or a state from a pass's end, or load all but the loader");
        release(&s);
    }
    save(&s, b); /* what was loaded is a state again, of both sizes */
    assert_int_equal(tg_loader_load_state_dict(b, s.list), TG_OK);
    assert_int_equal(tg_loader_load_state_dict(a, s.list), TG_OK);
    release(&s);
    TG_FOR_BATCHES(batch, a) fail_msg("batch %lld of a pass that had ended", (long long)batch->index);
    if (drawn) tg_generator_seed(&g, 7);
    int64_t seen = 0, sum = 0;
    TG_FOR_BATCHES(batch, b) fail_msg("batch %lld of a pass that had ended", (long long)batch->index);
    assert_int_equal(tg_loader_epoch(b), 1);
    TG_FOR_BATCHES(batch, b) {
        seen += tg_size(batch->items[0], 0);
        sum += (int64_t)tg_item(tg_sum(batch->items[0]));
    }
    assert_int_equal(seen, drop_last ? samples / other * other : samples);
    if (seen == samples) assert_int_equal(sum, samples * (samples - 1) / 2);
    tg_loader_free(a);
    tg_loader_free(b);
}

TEST(test_another_batch_size)
{
    IN_SCOPE;
    for (int k = 0; k < 4; k++) {
        check_other_size(24, 8, 10, k & 1, k & 2);
        check_other_size(25, 8, 10, k & 1, k & 2);
        check_other_size(23, 8, 2, k & 1, k & 2); /* seven are left, which are no batches of two */
        check_other_size(23, 8, 1, k & 1, k & 2);
    }
    tg_scope_end(scope);
}

TEST(test_states_that_are_wrong)
{
    IN_SCOPE;
    tg_generator g, before;
    tg_generator_seed(&g, 6);
    tg_loader *loader = by_generator(&g, 0);
    saved s;
    TG_FOR_BATCHES(batch, loader) {
        save(&s, loader);
        assert_int_equal(tg_loader_load_state_dict(loader, s.list), TG_FAILED);
        expect_error("is running");
        break;
    }
    before = g;
    expect_bad_state(loader, &s, "epoch", tg_scalar(-1), "epoch cannot be -1");
    expect_bad_state(loader, &s, "batch", tg_scalar(1.5), "batch is not contiguous int64");
    expect_bad_state(loader, &s, "samples", tg_scalar(21), "samples is 21, but the dataset has 22");
    expect_bad_state(loader, &s, "batch_size", tg_scalar(6),
                     "batch_size is 6, but the loader's is 5, and a pass was in its middle");
    expect_bad_state(loader, &s, "used", tg_tensor_of(1, 2), "used");
    expect_bad_state(loader, &s, "sampler.over", tg_scalar(2), "sampler.over cannot be 2");
    expect_bad_state(loader, &s, "sampler.indices", tg_tensor_of(3, 22), "sampler.indices has sample 22");
    expect_bad_state(loader, &s, "sampler.indices", tg_tensor_of(3, -1), "sampler.indices has sample -1");
    expect_bad_state(loader, &s, "sampler.indices", tg_scalar(3), "sampler.indices has 0 dimensions");
    expect_bad_state(loader, &s, "generator", tg_zeros(tg_shape(5), .dtype = TG_INT64), "generator");
    expect_bad_state(loader, &s, "generator", tg_full(tg_shape(627), -1, .dtype = TG_INT64), "is no generator's state");
    named(&s, "base_seed")->name = "seed";
    assert_int_equal(tg_loader_load_state_dict(loader, s.list), TG_FAILED);
    assert_non_null(strstr(tg_error_message(), "base_seed"));
    expect_error("Unexpected key(s)");
    named(&s, "seed")->name = "base_seed";
    assert_memory_equal(&g, &before, sizeof g.state); /* nothing came of any of them */
    assert_int_equal(tg_loader_epoch(loader), 1);
    assert_int_equal(tg_loader_batches_done(loader), 0);
    tg_loader *other = shuffled(NULL, 0);
    assert_int_equal(tg_loader_load_state_dict(other, s.list), TG_FAILED);
    expect_error("samples is 22");
    tg_loader_free(other);
    release(&s);
    tg_loader_free(loader);
    tg_scope_end(scope);
}

/* ---- misuse ---- */

static tg_tensor *draw_what(int64_t given, tg_generator *generator, void *context)
{
    (void)generator;
    switch (*(const int *)context) {
    case 0: return tg_tensor_of(1, 2, 9);
    case 1: return tg_tensor_of(-1);
    case 2: return tg_zeros(tg_shape(0), .dtype = TG_INT64);
    case 3: return tg_tensor_of(1.0, 2.0);
    case 4: return given ? tg_fail("draw", "no more of this") : tg_tensor_of(0, 1);
    }
    return NULL;
}

static int tellings;
static void count_tellings(const tg_error *error, void *context)
{
    (void)error, (void)context;
    tellings++;
}

TEST(test_samplers_that_are_wrong)
{
    static const char *const messages[] = { "sample 9 of a dataset of 5", "sample -1 of a dataset of 5",
                                            "a draw without an index", "indices are a contiguous int64 vector",
                                            "no more of this" };
    IN_SCOPE;
    for (int kind = 0; kind < 5; kind++) {
        for (int k = 0; k < 4; k++) {
            tg_loader *loader =
                tg_loader_new(numbers(5, .item = numbers_item), .prefetch = k % 2 * 3,
                              .sampler = tg_sampler_new(.context = &kind, .length = four, .draw = draw_what,
                                                        .when = k < 2 ? TG_DRAW_IN_TURN : TG_DRAW_AHEAD));
            int64_t batches = 0;
            tellings = 0;
            tg_set_error_handler(count_tellings, NULL);
            TG_FOR_BATCHES(batch, loader) {
                assert_int_equal(tellings, 0); /* what is drawn ahead fails in its turn, too */
                batches++;
            }
            assert_int_equal(tellings, 1);
            assert_int_equal(batches, kind == 4 ? 2 : 0);
            expect_error(messages[kind]);
            tg_loader_free(loader);
        }
    }
    tg_scope_end(scope);
}

TEST(test_options_that_are_wrong)
{
    IN_SCOPE;
    const int64_t before = freed_contexts;
    expect_refusal(tg_loader_new(numbers(5, .item = numbers_item), .batch_size = 0), "but got batch_size=0");
    expect_refusal(tg_loader_new(numbers(5, .item = numbers_item), .prefetch = -1),
                   "prefetch can be 0 to 1024, not -1");
    expect_refusal(tg_loader_new(numbers(5, .item = numbers_item), .shuffle = true,
                                 .sampler = tg_sequential_sampler_new(5)),
                   "sampler option is mutually exclusive with shuffle");
    expect_refusal(tg_loader_new(numbers(5, .item = numbers_item), .drop_last = true,
                                 .batch_sampler = tg_batch_sampler_new(tg_sequential_sampler_new(5), 2, false)),
                   "batch_sampler option is mutually exclusive");
    expect_refusal(tg_loader_new(numbers(5, .item = numbers_item),
                                 .sampler = tg_batch_sampler_new(tg_sequential_sampler_new(5), 2, false)),
                   "the sampler is a batch sampler");
    assert_int_equal(freed_contexts, before + 5);
    expect_refusal(tg_loader_new(NULL), "the dataset is NULL");
    expect_refusal(tg_batch_sampler_new(tg_batch_sampler_new(tg_sequential_sampler_new(5), 2, false), 2, false),
                   "is a batch sampler itself");
    expect_refusal(tg_batch_sampler_new(tg_sequential_sampler_new(5), 0, false), "but got batch_size=0");
    expect_refusal(tg_random_sampler_new(0), "num_samples should be a positive integer value");
    expect_refusal(tg_random_sampler_new(5, .num_samples = 0), "but got num_samples=0");
    expect_refusal(tg_sampler_new(.length = four), "a sampler needs .draw");
    tg_batch *gone = NULL;
    assert_null(tg_batches_next_at("here", gone));
    expect_error("the loader is NULL");
    tg_batches_end(NULL);
    tg_batches_end(&gone);
    tg_loader *loader = ten_by_three();
    gone = tg_batches_begin_at(NULL, loader);
    tg_batch *same = gone;
    tg_batches_end(&gone);
    assert_null(gone);
    assert_null(tg_batches_next_at(NULL, same));
    expect_error("this batch's pass has ended");
    tg_batches_end(&same);
    assert_int_equal(tg_loader_epoch(loader), 1);
    tg_loader_free(loader);
    tg_scope_end(scope);
}

/* A weight trained on batches: gradients flow through the body, nothing is recorded while batches are made. */
TEST(test_training)
{
    IN_SCOPE;
    tg_manual_seed(0);
    tg_tensor *x = tg_requires_grad_(tg_randn(tg_shape(40, 3)), true),
              *y = tg_sum(tg_detach(x), .dim = 1, .keepdim = true);
    tg_linear *fc = tg_linear_new(3, 1);
    tg_optimizer *optimizer = tg_sgd_new(tg_parameters(fc), .lr = 0.1);
    tg_loader *loader = tg_loader_new(tg_tensor_dataset_new(tg_list(x, y)), .batch_size = 8, .shuffle = true);
    double loss = NAN;
    int64_t live_after_first = 0;
    for (int epoch = 0; epoch < 30; epoch++) {
        TG_FOR_BATCHES(batch, loader) {
            assert_false(tg_requires_grad(batch->items[0]));
            tg_zero_grad(optimizer);
            tg_tensor *l = tg_mse_loss(tg_linear_forward(fc, batch->items[0]), batch->items[1]);
            tg_backward(l);
            tg_step(optimizer);
            loss = tg_item(l);
        }
        if (epoch == 0) live_after_first = live();
        assert_int_equal(live(), live_after_first);
    }
    assert_true(loss < 1e-4);
    tg_loader_free(loader);
    tg_optimizer_free(optimizer);
    tg_module_free(fc);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order_is_pytorchs),
        T(test_random_split_is_pytorchs),
        T(test_each_batch_has_a_scope),
        T(test_a_kept_batch_outlives_the_loop),
        T(test_an_ended_outer_scope_does_no_harm),
        T(test_loops_nest),
        T(test_an_error_ends_the_loop),
        T(test_a_loader_freed_in_its_loop),
        T(test_no_samples),
        T(test_a_programs_own_batch_sampler),
        T(test_padded),
        T(test_own_collate),
        T(test_resumed_anywhere),
        T(test_between_passes),
        T(test_another_batch_size),
        T(test_states_that_are_wrong),
        T(test_samplers_that_are_wrong),
        T(test_options_that_are_wrong),
        T(test_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
