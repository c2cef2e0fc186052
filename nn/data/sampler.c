/* sampler.c: a sampler's life, and the kinds. What is drawn when is PyTorch 1.13's, the permutation that its RandomSampler
 * draws when a pass is over, and throws away, included. */
#include "sampler_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/random.h"
#include "ops/view.h"

enum { ALIVE = 0x53616d55, FREED = 0x53616d44 };
enum { CHUNK = 1024, REPLACEMENT_CHUNK = 32 };

/* ---- life ---- */

bool tgi_sampler_ok(const char *where, const tg_sampler *s, const char *what)
{
    tgi_begin(where, what);
    if (s && s->life.alive == ALIVE) return !tg_failed();
    if (s)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the sampler was freed%s",
                   s->life.alive == FREED ? "" : ", or is no sampler");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the sampler is NULL");
    return false;
}

tg_sampler *tg_sampler_new_at(const char *where, tg_sampler_options options)
{
    static const char what[] = "sampler_new";
    tgi_begin(where, what);
    const char *missing = !options.name ? "name" : !options.length ? "length" : !options.draw ? "draw" : NULL;
    if (missing)
        tg_fail_at(where, TG_ERROR_NULL, what, "a sampler needs .%s", missing);
    else if ((unsigned)options.when > TG_DRAW_SEEDED)
        tg_fail_at(where, TG_ERROR_VALUE, what, ".when cannot be %d", (int)options.when);
    tg_sampler *s = tg_failed() ? NULL : tgi_calloc(sizeof *s);
    if (s) {
        s->life.alive = ALIVE;
        s->is = options;
    } else if (options.free) {
        options.free(options.context);
    }
    return s;
}

static void destroy(tg_sampler *s)
{
    for (tg_sampler *inner; s; s = inner) {
        inner = s->inner;
        s->life.alive = FREED;
        if (s->is.free) s->is.free(s->is.context);
        tgi_free(s, sizeof *s);
        if (inner && tgi_count(&inner->life.owners, -1) != 0) return;
    }
}

void tgi_sampler_own(tg_sampler *s) { tgi_count(&s->life.owners, 1); }

void tgi_sampler_disown(tg_sampler *s)
{
    if (s && tgi_count(&s->life.owners, -1) == 0) destroy(s);
}

void tgi_sampler_drop(tg_sampler *s)
{
    if (s && s->life.alive == ALIVE && s->life.owners == 0) destroy(s);
}

void tg_sampler_free_at(const char *where, tg_sampler *s)
{
    static const char what[] = "sampler_free";
    if (!s || (!tgi_sampler_ok(where, s, what) && s->life.alive != ALIVE)) return;
    if (s->life.owners == 0)
        destroy(s);
    else
        tg_fail_at(where, TG_ERROR_VALUE, what, "this %s belongs to a loader, or another sampler, which frees it",
                   s->is.name);
}

int64_t tgi_sampler_length(tg_sampler *s)
{
    if (s->inner) {
        const int64_t n = tgi_sampler_length(s->inner);
        return n < 0 ? -1 : n / s->batch_size + (!s->drop_last && n % s->batch_size);
    }
    const tgi_place place = tgi_place_keep();
    const int64_t length = s->is.length(s->is.context);
    tgi_place_back(place);
    if (length < 0 && !tg_failed())
        tg_fail_at(NULL, TG_ERROR_VALUE, s->is.name, "its length is %lld", (long long)length);
    return tg_failed() ? -1 : length;
}

int64_t tg_sampler_length_at(const char *where, tg_sampler *s)
{
    return tgi_sampler_ok(where, s, "sampler_length") ? tgi_sampler_length(s) : -1;
}

/* ---- of n samples: in order, or shuffled ---- */

typedef struct numbers {
    tg_dataset *source; /* whose length n is; NULL: it is `n` */
    int64_t n;
    int64_t num_samples; /* TG_ALL_SAMPLES, or how many */
    bool replacement;
} numbers;

static int64_t size_of(const numbers *r) { return r->source ? tgi_dataset_length(r->source) : r->n; }

static int64_t numbers_length(void *context)
{
    const numbers *r = context;
    return r->num_samples == TG_ALL_SAMPLES ? size_of(r) : r->num_samples;
}

static void numbers_free(void *context) { tgi_free(context, sizeof(numbers)); }

static tg_tensor *draw_in_order(int64_t given, tg_generator *generator, void *context)
{
    (void)generator;
    const int64_t left = size_of(context) - given;
    return left > 0 ? tg_arange(given, given + (left < CHUNK ? left : CHUNK)) : NULL;
}

/* What an index drawn with replacement needs is n; that there is one was checked before. */
static tg_tensor *draw_random(int64_t given, tg_generator *generator, void *context)
{
    const numbers *r = context;
    const int64_t n = size_of(r), wanted = numbers_length(context), left = wanted - given;
    if (n < 0) return NULL;
    if (wanted < 1 || n < 1)
        return tg_fail_at(NULL, TG_ERROR_VALUE, "random_sampler",
                          "num_samples should be a positive integer value, but got num_samples=%lld of %lld samples",
                          (long long)wanted, (long long)n);
    if (r->replacement)
        return left <= 0 ? NULL
                         : tg_randint(0, n, tg_shape(left < REPLACEMENT_CHUNK ? left : REPLACEMENT_CHUNK),
                                      .generator = generator);
    if (left <= 0 && wanted % n != 0) return NULL;
    tg_tensor *order =
        tg_randperm(n, .generator = generator); /* PyTorch draws it for the 0 samples that are left, too */
    return left <= 0 || !order ? NULL : tg_narrow(order, 0, 0, left < n ? left : n);
}

static tg_sampler *numbers_new(const char *where, const numbers *given, tg_sampler_options options)
{
    numbers *r = tgi_calloc(sizeof *r);
    if (!r) return NULL;
    *r = *given;
    options.length = numbers_length;
    options.free = numbers_free;
    options.context = r;
    return tg_sampler_new_at(where, options);
}

static tg_sampler *sequential(const char *where, const numbers *given)
{
    return numbers_new(where, given,
                       TG_OPTIONS(tg_sampler_options, TG_SAMPLER_DEFAULTS, .name = "SequentialSampler",
                                  .draw = draw_in_order, .when = TG_DRAW_AHEAD));
}

static tg_sampler *random_of(const char *where, const numbers *given, tg_generator *generator)
{
    return numbers_new(where, given,
                       TG_OPTIONS(tg_sampler_options, TG_SAMPLER_DEFAULTS, .name = "RandomSampler", .draw = draw_random,
                                  .generator = generator, .when = generator ? TG_DRAW_IN_TURN : TG_DRAW_SEEDED));
}

tg_sampler *tgi_sampler_of(tg_dataset *d, bool shuffle, tg_generator *generator)
{
    const numbers all = { .source = d, .num_samples = TG_ALL_SAMPLES };
    return shuffle ? random_of(NULL, &all, generator) : sequential(NULL, &all);
}

tg_sampler *tg_sequential_sampler_new_at(const char *where, int64_t n)
{
    static const char what[] = "sequential_sampler";
    tgi_begin(where, what);
    if (n < 0) tg_fail_at(where, TG_ERROR_VALUE, what, "there cannot be %lld samples", (long long)n);
    if (tg_failed()) return NULL;
    return sequential(where, &(numbers){ .n = n, .num_samples = TG_ALL_SAMPLES });
}

tg_sampler *tg_random_sampler_new_at(const char *where, int64_t n, tg_random_sampler_options options)
{
    static const char what[] = "random_sampler";
    tgi_begin(where, what);
    const int64_t wanted = options.num_samples == TG_ALL_SAMPLES ? n : options.num_samples;
    if (n < 1 || wanted < 1)
        tg_fail_at(where, TG_ERROR_VALUE, what,
                   "num_samples should be a positive integer value, but got num_samples=%lld of %lld samples",
                   (long long)wanted, (long long)n);
    if (tg_failed()) return NULL;
    const numbers given = { .n = n, .num_samples = options.num_samples, .replacement = options.replacement };
    return random_of(where, &given, options.generator);
}

/* ---- of a tensor ---- */

typedef struct weighted {
    tg_tensor *tensor; /* the indices, or the weights */
    int64_t num_samples;
    bool replacement;
} weighted;

static int64_t weighted_length(void *context) { return ((const weighted *)context)->num_samples; }

static void weighted_free(void *context)
{
    weighted *w = context;
    tgi_unref(w->tensor);
    tgi_free(w, sizeof *w);
}

static tg_tensor *draw_subset(int64_t given, tg_generator *generator, void *context)
{
    const weighted *w = context;
    if (given || w->num_samples == 0) return NULL;
    return tg_index_select(w->tensor, 0, tg_randperm(w->num_samples, .generator = generator));
}

static tg_tensor *draw_weighted(int64_t given, tg_generator *generator, void *context)
{
    const weighted *w = context;
    if (given) return NULL;
    return tg_multinomial(w->tensor, w->num_samples, .replacement = w->replacement, .generator = generator);
}

static tg_sampler *weighted_new(const char *where, const weighted *given, tg_sampler_options options)
{
    weighted *w = tgi_calloc(sizeof *w);
    if (!w) return NULL;
    *w = *given;
    tgi_ref(w->tensor);
    options.length = weighted_length;
    options.free = weighted_free;
    options.context = w;
    return tg_sampler_new_at(where, options);
}

tg_sampler *tg_subset_random_sampler_new_at(const char *where, tg_tensor *indices,
                                            tg_subset_random_sampler_options options)
{
    static const char what[] = "subset_random_sampler";
    tgi_begin(where, what);
    int64_t count = 0;
    if (tg_failed() || !tgi_index_vector(what, indices, &count)) return NULL;
    return weighted_new(where, &(weighted){ .tensor = indices, .num_samples = count },
                        TG_OPTIONS(tg_sampler_options, TG_SAMPLER_DEFAULTS, .name = "SubsetRandomSampler",
                                   .draw = draw_subset, .generator = options.generator));
}

tg_sampler *tg_weighted_random_sampler_new_at(const char *where, tg_tensor *weights, int64_t num_samples,
                                              tg_weighted_random_sampler_options options)
{
    static const char what[] = "weighted_random_sampler";
    tgi_begin(where, what);
    if (tg_failed() || !tgi_handle_ok(what, weights)) return NULL;
    if (num_samples < 1 || weights->ndim != 1) {
        tg_fail_at(where, TG_ERROR_VALUE, what,
                   "%lld samples by weights of %d dimensions; there must be at least one sample, and one dimension",
                   (long long)num_samples, weights->ndim);
        return NULL;
    }
    const tg_scope scope = tg_no_grad_begin();
    const weighted given = { tg_clone(tg_to(weights, TG_FLOAT64)), num_samples, options.replacement };
    tg_sampler *s =
        given.tensor ? weighted_new(where, &given,
                                    TG_OPTIONS(tg_sampler_options, TG_SAMPLER_DEFAULTS, .name = "WeightedRandomSampler",
                                               .draw = draw_weighted, .generator = options.generator))
                     : NULL;
    tg_scope_end(scope);
    return s;
}

/* ---- in batches ---- */

tg_sampler *tg_batch_sampler_new_at(const char *where, tg_sampler *inner, int64_t batch_size, bool drop_last)
{
    static const char what[] = "batch_sampler";
    tg_sampler *s = NULL;
    if (tgi_sampler_ok(where, inner, what)) {
        if (batch_size < 1)
            tg_fail_at(where, TG_ERROR_VALUE, what,
                       "batch_size should be a positive integer value, but got batch_size=%lld", (long long)batch_size);
        else if (inner->inner)
            tg_fail_at(where, TG_ERROR_VALUE, what, "the sampler is a batch sampler itself");
        else
            s = tgi_calloc(sizeof *s);
    }
    if (s) {
        *s = (tg_sampler){ .life = { ALIVE, 0, 0 }, .is = { .name = "BatchSampler" }, .inner = inner };
        s->batch_size = batch_size;
        s->drop_last = drop_last;
        tgi_sampler_own(inner);
    } else {
        tgi_sampler_drop(inner);
    }
    return s;
}
