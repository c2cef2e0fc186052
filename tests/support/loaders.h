/* loaders.h: what the suites of datasets and loaders share: datasets that know whether they were freed, and what a pass
 * gave. For one file of a program: there is state. */
#ifndef TG_TESTS_SUPPORT_LOADERS_H
#define TG_TESTS_SUPPORT_LOADERS_H

#include "suite.h"
#include "tapegrad.h"

static int64_t freed_contexts;
static inline void count_freed(void *context)
{
    (void)context;
    freed_contexts++;
}

/* The numbers 0 to n - 1, n being what the context points to: field 0 the number, field 1 a vector of 3 made of it. */
static inline int64_t numbers_length(void *context) { return *(const int64_t *)context; }
static inline int numbers_item(int64_t index, tg_tensor **fields, void *context)
{
    (void)context;
    fields[0] = tg_scalar(index);
    fields[1] = tg_full(tg_shape(3), (double)index / 4);
    return 2;
}
static inline int numbers_batch(tg_tensor *indices, tg_tensor **fields, void *context)
{
    (void)context;
    fields[0] = tg_clone(indices);
    fields[1] = tg_div(tg_to(tg_expand(tg_unsqueeze(indices, 1), tg_shape(-1, 3)), TG_FLOAT32), 4.0);
    return 2;
}
static int64_t counts[64];
static inline int64_t *count_of(int64_t n)
{
    counts[n] = n;
    return &counts[n];
}
#define numbers(n, ...)                                                                                                \
    tg_dataset_new(.context = count_of(n), .name = "Numbers", .length = numbers_length, .free = count_freed, __VA_ARGS__)

/* The samples of passes, in order, the sizes of their batches, and numbers drawn meanwhile. */
typedef struct record {
    int64_t order[512], sizes[128];
    double drawn[128];
    int samples, batches, draws;
} record;

static inline void record_batch(record *r, const tg_batch *batch)
{
    const int64_t *items = tg_data(batch->items[0], TG_INT64);
    assert_true(batch->size == tg_size(batch->items[0], 0));
    r->sizes[r->batches++] = batch->size;
    for (int64_t i = 0; i < batch->size; i++) {
        assert_int_equal(batch->indices[i], items[i]); /* of a dataset that gives its own numbers */
        r->order[r->samples++] = items[i];
    }
}

static inline void record_draw(record *r, tg_generator *g) { r->drawn[r->draws++] = tg_random_uniform(g); }

static inline void assert_same_record(const record *a, const record *b)
{
    assert_int_equal(a->samples, b->samples);
    assert_int_equal(a->batches, b->batches);
    assert_int_equal(a->draws, b->draws);
    assert_memory_equal(a->order, b->order, (size_t)a->samples * sizeof *a->order);
    assert_memory_equal(a->sizes, b->sizes, (size_t)a->batches * sizeof *a->sizes);
    assert_memory_equal(a->drawn, b->drawn, (size_t)a->draws * sizeof *a->drawn);
}

#endif
