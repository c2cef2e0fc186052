/* sampler.h: in which order a loader takes the samples of a dataset; torch.utils.data's samplers, number for number.
 *
 *     static int64_t length(void *context) { return 100; }
 *     static tg_tensor *draw(int64_t given, tg_generator *generator, void *context)
 *     {
 *         return given ? NULL : tg_randperm(100, .generator = generator);
 *     }
 *     tg_sampler *mine = tg_sampler_new(.length = length, .draw = draw);
 *
 * A sampler that is handed to a loader (or to a batch sampler) belongs to that, which frees it; also when the loader
 * could not be made. Its functions are called on the thread that runs the loop, whether the loader prefetches or
 * not. */
#ifndef TG_NN_DATA_SAMPLER_H
#define TG_NN_DATA_SAMPLER_H

#include "dataset.h"

TG_BEGIN_DECLS

typedef struct tg_sampler tg_sampler;

/* The next indices of a pass, int64 [n] with n >= 1; NULL when there are no more (and, with an error pending, on
 * failure). `given` says how many the pass has given before: 0 at its beginning. Most samplers give all at once. Of a
 * batch sampler each draw is one batch, and `given` counts batches. `generator` is what to draw from, NULL for the
 * thread's default one. */
typedef tg_tensor *(*tg_draw_fn)(int64_t given, tg_generator *generator, void *context);

/* When a draw may happen. This decides how far ahead a loader can prefetch, and what its state remembers. */
typedef enum tg_draw_when {
    /* At the very moment when its indices are needed, and once. What it draws from may be anything, also a stream that
     * the program uses meanwhile. A state has the indices that were drawn and not yet used. */
    TG_DRAW_IN_TURN,
    /* At any time, and anew when a pass is resumed: it gives the same for the same `given`. */
    TG_DRAW_AHEAD,
    /* The same, from a generator of the pass's own, which is seeded as PyTorch's RandomSampler seeds its own: with 64
     * bits of the thread's default generator, when the first indices are needed. A state has the seed. */
    TG_DRAW_SEEDED
} tg_draw_when;

typedef struct tg_sampler_options {
    const char *name;          /* what errors call it. Borrowed */
    tg_length_fn length;       /* how many indices a pass gives; of a batch sampler, how many batches */
    tg_draw_fn draw;
    tg_draw_when when;
    tg_generator *generator;   /* handed to `draw` unless it is seeded; borrowed */
    void *context;             /* handed to both functions */
    tg_free_context_fn free;   /* of the context: called once, when the sampler goes or cannot be made. May be NULL */
    TG_OPTIONS_END
} tg_sampler_options;
#define TG_SAMPLER_DEFAULTS                                                                                            \
    /* name */ "Sampler", /* length */ NULL, /* draw */ NULL, /* when */ TG_DRAW_IN_TURN, /* generator */ NULL,        \
        /* context */ NULL, /* free */ NULL TG_DEFAULTS_END

/* A sampler of the program's own. NULL on error. */
tg_sampler *tg_sampler_new_at(const char *where, tg_sampler_options options);
#define tg_sampler_new(...)                                                                                            \
    tg_sampler_new_at(TG_HERE, TG_OPTIONS(tg_sampler_options, TG_SAMPLER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Frees one that belongs to nobody; NULL is fine. */
void tg_sampler_free_at(const char *where, tg_sampler *sampler);
#define tg_sampler_free(sampler) tg_sampler_free_at(TG_HERE, sampler)

/* How many indices a pass gives, or batches; -1 on error. */
int64_t tg_sampler_length_at(const char *where, tg_sampler *sampler);
#define tg_sampler_length(sampler) tg_sampler_length_at(TG_HERE, sampler)

/* ---- kinds ---- `n` is the length of the dataset. Each is NULL on error. */

/* 0, 1, ..., n - 1: what a loader does unless it shuffles. */
tg_sampler *tg_sequential_sampler_new_at(const char *where, int64_t n);
#define tg_sequential_sampler_new(n) tg_sequential_sampler_new_at(TG_HERE, n)

#define TG_ALL_SAMPLES INT64_MIN

typedef struct tg_random_sampler_options {
    bool replacement;          /* an index may come again */
    int64_t num_samples;       /* of a pass; all n unless told. Without replacement, more than n are several shuffles */
    tg_generator *generator;   /* borrowed; NULL: one of each pass's own, seeded by the thread's default */
    TG_OPTIONS_END
} tg_random_sampler_options;
#define TG_RANDOM_SAMPLER_DEFAULTS                                                                                     \
    /* replacement */ false, /* num_samples */ TG_ALL_SAMPLES, /* generator */ NULL TG_DEFAULTS_END
/* What `.shuffle = true` means. */
tg_sampler *tg_random_sampler_new_at(const char *where, int64_t n, tg_random_sampler_options options);
#define tg_random_sampler_new(n, ...)                                                                                  \
    tg_random_sampler_new_at(                                                                                          \
        TG_HERE, n, TG_OPTIONS(tg_random_sampler_options, TG_RANDOM_SAMPLER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_subset_random_sampler_options {
    tg_generator *generator;   /* borrowed; NULL: the thread's default */
    TG_OPTIONS_END
} tg_subset_random_sampler_options;
#define TG_SUBSET_RANDOM_SAMPLER_DEFAULTS /* generator */ NULL TG_DEFAULTS_END
/* These indices, int64 [k], which are held, in another order each time. */
tg_sampler *tg_subset_random_sampler_new_at(const char *where, tg_tensor *indices,
                                            tg_subset_random_sampler_options options);
#define tg_subset_random_sampler_new(indices, ...)                                                                     \
    tg_subset_random_sampler_new_at(TG_HERE, indices,                                                                  \
                                    TG_OPTIONS(tg_subset_random_sampler_options,                                       \
                                               TG_SUBSET_RANDOM_SAMPLER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_weighted_random_sampler_options {
    bool replacement;
    tg_generator *generator;   /* borrowed; NULL: the thread's default */
    TG_OPTIONS_END
} tg_weighted_random_sampler_options;
#define TG_WEIGHTED_RANDOM_SAMPLER_DEFAULTS /* replacement */ true, /* generator */ NULL TG_DEFAULTS_END
/* `num_samples` indices, sample i as often as weights[i] says against the others: [n], of any dtype, copied. */
tg_sampler *tg_weighted_random_sampler_new_at(const char *where, tg_tensor *weights, int64_t num_samples,
                                              tg_weighted_random_sampler_options options);
#define tg_weighted_random_sampler_new(weights, num_samples, ...)                                                      \
    tg_weighted_random_sampler_new_at(TG_HERE, weights, num_samples,                                                   \
                                      TG_OPTIONS(tg_weighted_random_sampler_options,                                   \
                                                 TG_WEIGHTED_RANDOM_SAMPLER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* What another sampler gives, in batches; for a loader's .batch_sampler. */
tg_sampler *tg_batch_sampler_new_at(const char *where, tg_sampler *sampler, int64_t batch_size, bool drop_last);
#define tg_batch_sampler_new(sampler, batch_size, drop_last)                                                           \
    tg_batch_sampler_new_at(TG_HERE, sampler, batch_size, drop_last)

TG_END_DECLS

#endif
