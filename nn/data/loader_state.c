/* loader_state.c: where a loader stands, as named tensors, and back.
 *
 * One function lists the names that a state has, for both ways: what is loaded is looked at before anything changes. */
#include "loader_impl.h"

#include "core/error.h"
#include "nn/keys_impl.h"
#include "ops/create.h"

#include <string.h>

enum { STATE_WORDS = 624, GENERATOR_WORDS = STATE_WORDS + 3, MOST_ENTRIES = 12 };

typedef enum entry_kind { NUMBER, FLAG, GENERATOR, INDICES } entry_kind;

/* A number, at `at`; the state of a generator; or the indices that are left. */
typedef struct entry {
    const char *name;
    entry_kind kind;
    void *at;
} entry;

typedef struct entries {
    entry items[MOST_ENTRIES];
    int count;
} entries;

/* What a state is made of; a loader's, or one that is being loaded. */
typedef struct place {
    int64_t epoch, batch, samples, batch_size, base_seed, used, seed, given, over;
    tg_generator *generator, *of_sampler; /* NULL: there is none, or it is the same */
    tg_draw_when when;
} place;

static void add(entries *all, const char *name, entry_kind kind, void *at)
{
    all->items[all->count++] = (entry){ name, kind, at };
}

static entries entries_of(place *p)
{
    entries all = { .count = 0 };
    add(&all, "epoch", NUMBER, &p->epoch);
    add(&all, "batch", NUMBER, &p->batch);
    add(&all, "samples", NUMBER, &p->samples);
    add(&all, "batch_size", NUMBER, &p->batch_size);
    if (p->generator) add(&all, "generator", GENERATOR, p->generator);
    if (p->of_sampler) add(&all, "sampler.generator", GENERATOR, p->of_sampler);
    if (p->batch == 0) return all;
    add(&all, "base_seed", NUMBER, &p->base_seed);
    add(&all, "used", NUMBER, &p->used);
    if (p->when == TG_DRAW_SEEDED) add(&all, "sampler.seed", NUMBER, &p->seed);
    if (p->when != TG_DRAW_IN_TURN) return all;
    add(&all, "sampler.given", NUMBER, &p->given);
    add(&all, "sampler.over", FLAG, &p->over);
    add(&all, "sampler.indices", INDICES, NULL);
    return all;
}

/* False with an error pending. */
static bool place_of(tg_loader *l, place *p)
{
    const tgi_cursor *c = &l->cursor;
    const int64_t samples = l->running || l->resumed ? c->samples : tgi_dataset_length(l->dataset);
    tg_generator *of_sampler = c->sampler->is.generator;
    *p = (place){ .epoch = l->epoch,
                  .batch = l->batches_done,
                  .samples = samples,
                  .batch_size = c->batch_size,
                  .base_seed = (int64_t)l->base_seed,
                  .used = c->used,
                  .seed = (int64_t)c->seed,
                  .given = c->given,
                  .over = c->over,
                  .generator = l->is.generator,
                  .of_sampler = of_sampler != l->is.generator ? of_sampler : NULL,
                  .when = c->sampler->is.when };
    return samples >= 0;
}

/* ---- out ---- */

static tg_tensor *generator_tensor(const tg_generator *g)
{
    int64_t words[GENERATOR_WORDS];
    for (int i = 0; i < STATE_WORDS; i++) words[i] = g->state[i];
    words[STATE_WORDS] = g->index;
    words[STATE_WORDS + 1] = g->has_next_normal;
    memcpy(&words[STATE_WORDS + 2], &g->next_normal, sizeof g->next_normal);
    return tgi_index_tensor(words, GENERATOR_WORDS);
}

static tg_tensor *entry_tensor(const tg_loader *l, const entry *e)
{
    const tgi_cursor *c = &l->cursor;
    if (e->kind == GENERATOR) return generator_tensor(e->at);
    if (e->kind == INDICES) return tgi_index_tensor(c->indices + c->done, c->drawn - c->done);
    return tg_scalar(*(const int64_t *)e->at);
}

tg_named_tensor_list tg_loader_state_dict_at(const char *where, tg_loader *l)
{
    tg_named_tensor_list list = { NULL, 0 };
    place p;
    if (!tgi_loader_ok(where, l, "loader_state_dict") || !place_of(l, &p)) return list;
    const entries all = entries_of(&p);
    tg_named_tensor *items = tgi_scope_alloc(MOST_ENTRIES * sizeof *items);
    for (int i = 0; items && i < all.count; i++)
        items[i] = (tg_named_tensor){ all.items[i].name, entry_tensor(l, &all.items[i]) };
    if (!tg_failed()) list = (tg_named_tensor_list){ items, all.count };
    return list;
}

/* ---- in ---- */

static bool generator_from(tg_tensor *t, tg_generator *g)
{
    const int64_t *words = tgi_ptr(t);
    for (int i = 0; i < STATE_WORDS; i++) {
        if (words[i] < 0 || words[i] > UINT32_MAX) return false;
        g->state[i] = (uint32_t)words[i];
    }
    if (words[STATE_WORDS] < 0 || words[STATE_WORDS] > STATE_WORDS || words[STATE_WORDS + 1] >> 1) return false;
    g->index = (int)words[STATE_WORDS];
    g->has_next_normal = words[STATE_WORDS + 1] == 1;
    memcpy(&g->next_normal, &words[STATE_WORDS + 2], sizeof g->next_normal);
    return true;
}

/* Looks at a tensor of the list, and stores what it says. */
static void read_entry(const entry *e, tg_tensor *given, tg_tensor **indices, tgi_key_report *report)
{
    static const tg_shape scalar = { 0, { 0 } };
    const tg_shape words = tg_shape(GENERATOR_WORDS), one = tgi_shape(given);
    if (given->dtype != TG_INT64 || !given->contiguous) {
        tgi_report_line(report, "%s is not contiguous int64.", e->name);
    } else if (e->kind == INDICES) {
        if (given->ndim == 1)
            *indices = given;
        else
            tgi_report_line(report, "%s has %d dimensions instead of one.", e->name, given->ndim);
    } else if (e->kind == GENERATOR) {
        if (!tg_shape_equal(&one, &words))
            tgi_report_size(report, e->name, given, &words);
        else if (!generator_from(given, e->at))
            tgi_report_line(report, "%s is no generator's state.", e->name);
    } else if (given->numel != 1) {
        tgi_report_size(report, e->name, given, &scalar);
    } else {
        const int64_t value = tg_item_int64(given);
        *(int64_t *)e->at = value;
        if (value < 0 || (e->kind == FLAG && value > 1))
            tgi_report_line(report, "%s cannot be %lld.", e->name, (long long)value);
    }
}

/* What the loader is asked for in the state's first entries: whether there is more to come. */
static void peek(tgi_keys *keys, place *p)
{
    for (int64_t i = 0; i < keys->list.count; i++) {
        const tg_named_tensor *t = &keys->list.items[i];
        if (strcmp(t->name, "batch") == 0 && t->tensor->numel == 1 && t->tensor->dtype == TG_INT64)
            p->batch = tg_item_int64(t->tensor);
    }
}

/* Whether a pass that was made in batches of p's size has none left. */
static bool all_done(const tg_loader *l, const place *p)
{
    const int64_t length = tgi_sampler_length(l->cursor.sampler);
    if (p->used < 0 || p->used > length) return false;
    return p->used == length || (l->cursor.drop_last && length - p->used < p->batch_size);
}

/* Another size is none of a pass's concern that has not begun, or has ended; then what its last batch lacked is not made
 * batches of another size. */
static void check_batch_size(const tg_loader *l, place *p, tg_tensor **indices, tgi_key_report *report)
{
    const int64_t own = l->cursor.batch_size;
    if (p->batch_size == own || p->batch == 0) return;
    if (p->batch_size > 0 && own > 0 && all_done(l, p)) {
        p->used = tgi_sampler_length(l->cursor.sampler);
        *indices = NULL;
    } else {
        tgi_report_line(report,
                        "batch_size is %lld, but the loader's is %lld, and a pass was in its middle: take the saved "
                        "size, or a state from a pass's end, or load all but the loader.",
                        (long long)p->batch_size, (long long)own);
    }
}

static void check_samples(const place *own, const place *p, tg_tensor *indices, tgi_key_report *report)
{
    if (p->samples != own->samples)
        tgi_report_line(report, "samples is %lld, but the dataset has %lld.", (long long)p->samples,
                        (long long)own->samples);
    for (int64_t i = 0; indices && i < indices->numel; i++) {
        const int64_t index = ((const int64_t *)tgi_ptr(indices))[i];
        if (index >= 0 && index < own->samples) continue;
        tgi_report_line(report, "sampler.indices has sample %lld, and the dataset has %lld.", (long long)index,
                        (long long)own->samples);
        return;
    }
}

/* Reads the list into `p`, whose generators are copies. False with an error pending. */
static bool read_list(const tg_loader *l, const char *what, tg_named_tensor_list list, const place *own, place *p,
                      tg_tensor **indices)
{
    tgi_keys keys;
    tgi_key_report report = { 0 };
    if (!tgi_keys_begin(&keys, what, list)) return false;
    peek(&keys, p);
    const entries all = entries_of(p);
    for (int i = 0; i < all.count; i++) {
        tg_tensor *given = tgi_keys_take(&keys, all.items[i].name);
        if (given)
            read_entry(&all.items[i], given, indices, &report);
        else
            tgi_report_missing(&report, all.items[i].name);
    }
    for (int64_t i = 0; i < list.count; i++)
        if (!keys.taken[i]) tgi_report_unexpected(&report, list.items[i].name);
    check_samples(own, p, *indices, &report);
    check_batch_size(l, p, indices, &report);
    return tgi_report_end(&report, NULL, what, "Loader");
}

/* ---- what is ready, moved in ---- */

typedef struct loading {
    tgi_loading base;
    tg_loader *loader;
    place to; /* whose generators are these: */
    tg_generator generator, of_sampler;
    place own;
    int64_t *indices; /* ours: what is left of what the sampler gave */
    int64_t count;
} loading;

static void take_place(const loading *l)
{
    tg_loader *loader = l->loader;
    tgi_cursor *c = &loader->cursor;
    const place *p = &l->to;
    tgi_free(c->indices, (size_t)c->room * sizeof *c->indices); /* those of a former pass */
    c->indices = l->indices;
    c->done = c->taken = 0;
    c->room = c->drawn = l->count;
    loader->epoch = p->epoch;
    loader->batches_done = p->batch;
    loader->base_seed = (uint64_t)p->base_seed;
    loader->resumed = p->batch > 0;
    c->samples = p->samples;
    c->used = p->used;
    c->given = p->given;
    c->over = p->over;
    c->seed = (uint64_t)p->seed;
    c->seeded = p->when == TG_DRAW_SEEDED;
    if (l->own.generator) *l->own.generator = l->generator;
    if (l->own.of_sampler) *l->own.of_sampler = l->of_sampler;
}

static void end(tgi_loading *base, bool take)
{
    const loading *l = (const loading *)base;
    if (take)
        take_place(l);
    else
        tgi_free(l->indices, (size_t)l->count * sizeof *l->indices);
}

static bool keep_indices(loading *l, tg_tensor *indices)
{
    if (!indices || indices->numel == 0) return true;
    const size_t bytes = (size_t)indices->numel * sizeof *l->indices;
    l->indices = tgi_calloc(bytes);
    if (!l->indices) return false;
    memcpy(l->indices, tgi_ptr(indices), bytes);
    l->count = indices->numel;
    return true;
}

tgi_loading *tgi_loader_loading(const char *where, tg_loader *loader, tg_named_tensor_list list)
{
    static const char what[] = "loader_load_state_dict";
    if (!tgi_loader_ok(where, loader, what)) return NULL;
    if (loader->running) {
        tg_fail_at(where, TG_ERROR_VALUE, what, "a loop over this loader is running");
        return NULL;
    }
    loading *l = tgi_scope_alloc(sizeof *l);
    if (!l) return NULL;
    *l = (loading){ .base.end = end, .loader = loader };
    if (!place_of(loader, &l->own)) return NULL;
    l->to = l->own;
    l->to.generator = l->own.generator ? &l->generator : NULL;
    l->to.of_sampler = l->own.of_sampler ? &l->of_sampler : NULL;
    l->to.batch = 0;
    tg_tensor *indices = NULL;
    return read_list(loader, what, list, &l->own, &l->to, &indices) && keep_indices(l, indices) ? &l->base : NULL;
}

tg_status tg_loader_load_state_dict_at(const char *where, tg_loader *loader, tg_named_tensor_list list)
{
    const tg_scope scope = tg_scope_begin_at(where);
    tgi_loading *l = tgi_loader_loading(where, loader, list);
    if (l) l->end(l, true);
    tg_scope_end(scope);
    return l ? TG_OK : TG_FAILED;
}
