/* dataset.h: what a model learns from: samples that are numbered 0 to length - 1, each a list of tensors, its fields.
 *
 *     static int64_t length(void *context) { return 1000; }
 *
 *     static int item(int64_t index, tg_tensor **fields, void *context)
 *     {
 *         fields[0] = tg_scalar((double)index);
 *         fields[1] = tg_scalar((double)(index * index));
 *         return 2;
 *     }
 *
 *     tg_dataset *squares = tg_dataset_new(.name = "Squares", .length = length, .item = item);
 *
 * Nothing is copied: a dataset of tensors holds those tensors, a subset knows numbers of its parent's.
 *
 * Who frees it. A dataset that is handed to another one (subset, concat, map, random_split) or to a loader belongs to
 * that, as a child belongs to its module: who has it last frees it, so that a program frees its loaders alone. When the
 * function that it is handed to fails, it is freed too, unless it belongs to something else. tg_dataset_keep holds one
 * beyond its owners.
 *
 * Threads. A loader that prefetches calls these functions on a thread of its own, while the program trains; two such
 * loaders of one dataset call them at the same time. So they may read what nobody writes meanwhile, and they write only
 * what they lock.
 *
 * Random numbers. While a loader makes a sample, the calling thread's default generator is one of that sample's own,
 * seeded by the pass and the sample's place in it: what tg_rand and the like draw in these functions differs from pass
 * to pass, and depends neither on prefetching nor on where a run was resumed; the program's own stream goes on as if
 * nothing had been drawn. A generator that is not the default one is the user's business. */
#ifndef TG_NN_DATA_DATASET_H
#define TG_NN_DATA_DATASET_H

#include "../../core/rng.h"
#include "../../core/tensor.h"

TG_BEGIN_DECLS

typedef struct tg_dataset tg_dataset;

/* The most fields a sample can have, and a batch. */
#define TG_MAX_FIELDS 16

/* How many samples there are. */
typedef int64_t (*tg_length_fn)(void *context);
/* Writes sample `index` into `fields`, of which there is room for TG_MAX_FIELDS, and returns how many it has. On
 * failure it returns -1 with an error pending (tg_fail); a field that is NULL is a failure, too. */
typedef int (*tg_item_fn)(int64_t index, tg_tensor **fields, void *context);
/* The same of many samples in one call, which is faster: `indices` is int64 [n], each of its numbers is in range, and a
 * field is what stacking that field of the n samples would give. */
typedef int (*tg_dataset_batch_fn)(tg_tensor *indices, tg_tensor **fields, void *context);
/* Changes the `count` fields of a sample in place, and returns how many they are now. */
typedef int (*tg_map_fn)(tg_tensor **fields, int count, void *context);
/* Frees the context. */
typedef void (*tg_free_context_fn)(void *context);

typedef struct tg_dataset_options {
    const char *name;             /* what errors call it. Borrowed */
    tg_length_fn length;
    tg_item_fn item;              /* this or `batch`, or both */
    tg_dataset_batch_fn batch;            /* NULL: items are stacked */
    void *context;                /* handed to all of them */
    tg_free_context_fn free;      /* called once, when the dataset goes or cannot be made. May be NULL */
    TG_OPTIONS_END
} tg_dataset_options;
#define TG_DATASET_DEFAULTS                                                                                            \
    /* name */ "Dataset", /* length */ NULL, /* item */ NULL, /* batch */ NULL, /* context */ NULL,        \
        /* free */ NULL TG_DEFAULTS_END

/* A dataset of the program's own. NULL on error. */
tg_dataset *tg_dataset_new_at(const char *where, tg_dataset_options options);
#define tg_dataset_new(...)                                                                                            \
    tg_dataset_new_at(TG_HERE, TG_OPTIONS(tg_dataset_options, TG_DATASET_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Frees a dataset that belongs to nobody, or ends a tg_dataset_keep. NULL is fine. One that belongs to a loader or
 * another dataset, and is not kept, is freed by that: this is an error then. */
void tg_dataset_free_at(const char *where, tg_dataset *dataset);
#define tg_dataset_free(dataset) tg_dataset_free_at(TG_HERE, dataset)

/* Holds it, whatever becomes of its owners, until tg_dataset_free; returns it. For what is handed to one loader after
 * another, as in cross-validation. */
tg_dataset *tg_dataset_keep_at(const char *where, tg_dataset *dataset);
#define tg_dataset_keep(dataset) tg_dataset_keep_at(TG_HERE, dataset)

/* ---- asking it ---- Lists live as long as the innermost scope. */

/* How many samples it has; -1 on error. */
int64_t tg_dataset_length_at(const char *where, tg_dataset *dataset);
#define tg_dataset_length(dataset) tg_dataset_length_at(TG_HERE, dataset)

/* The fields of sample `index`; negative ones count from the end. Empty on error. */
tg_tensor_list tg_dataset_item_at(const char *where, tg_dataset *dataset, int64_t index);
#define tg_dataset_item(dataset, index) tg_dataset_item_at(TG_HERE, dataset, index)

/* The fields of the samples that `indices` names, int64 [n], stacked. Empty on error. */
tg_tensor_list tg_dataset_batch_at(const char *where, tg_dataset *dataset, tg_tensor *indices);
#define tg_dataset_batch(dataset, indices) tg_dataset_batch_at(TG_HERE, dataset, indices)

/* ---- kinds ---- each NULL on error */

/* Sample i is row i of each tensor: `tg_tensor_dataset_new(tg_list(x, y))`. Their first sizes are equal; they are held,
 * not copied, so what is written into them later is seen. */
tg_dataset *tg_tensor_dataset_new_at(const char *where, tg_tensor_list tensors);
#define tg_tensor_dataset_new(...) tg_tensor_dataset_new_at(TG_HERE, __VA_ARGS__)

/* Sample i is sample indices[i] of `dataset`; `indices` is int64 [n], and held. */
tg_dataset *tg_subset_new_at(const char *where, tg_dataset *dataset, tg_tensor *indices);
#define tg_subset_new(dataset, indices) tg_subset_new_at(TG_HERE, dataset, indices)

typedef struct tg_dataset_list {
    tg_dataset *const *items;
    int64_t count;
} tg_dataset_list;

/* One behind the other: `tg_concat_dataset_new(tg_datasets(a, b))`. At least one. */
tg_dataset *tg_concat_dataset_new_at(const char *where, tg_dataset_list datasets);
#define tg_concat_dataset_new(...) tg_concat_dataset_new_at(TG_HERE, __VA_ARGS__)

typedef struct tg_map_dataset_options {
    void *context;
    tg_free_context_fn free; /* of the context: called once, when the dataset goes or cannot be made. May be NULL */
    TG_OPTIONS_END
} tg_map_dataset_options;
#define TG_MAP_DATASET_DEFAULTS /* context */ NULL, /* free */ NULL TG_DEFAULTS_END

/* The samples of `dataset`, each changed by `function` when it is asked for:
 *
 *     static int scale(tg_tensor **fields, int count, void *context)
 *     {
 *         fields[0] = tg_div(fields[0], 255.0);
 *         return count;
 *     }
 *     tg_dataset *scaled = tg_map_dataset_new(images, scale); */
tg_dataset *tg_map_dataset_new_at(const char *where, tg_dataset *dataset, tg_map_fn function,
                                  tg_map_dataset_options options);
#define tg_map_dataset_new(dataset, function, ...)                                                                     \
    tg_map_dataset_new_at(TG_HERE, dataset, function,                                                                  \
                          TG_OPTIONS(tg_map_dataset_options, TG_MAP_DATASET_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The parts of a split: `tg_parts(800, 200)`, or fractions that sum up to 1, `tg_parts(0.8, 0.2)`; 8 at most. */
#define TG_MAX_PARTS 8
typedef struct tg_parts {
    int64_t count;
    double sizes[TG_MAX_PARTS];
} tg_parts;
#define tg_parts(...) (TG_LITERAL(tg_parts){ TG_COUNT(__VA_ARGS__), { __VA_ARGS__ } })

typedef struct tg_random_split_options {
    tg_generator *generator; /* NULL: the thread's default */
    TG_OPTIONS_END
} tg_random_split_options;
#define TG_RANDOM_SPLIT_DEFAULTS /* generator */ NULL TG_DEFAULTS_END

/* Subsets that share the dataset out at random, as torch.utils.data.random_split does, number for number:
 * `tg_dataset_list parts = tg_random_split(all, tg_parts(0.8, 0.2));`. The lengths sum up to that of the dataset;
 * fractions are rounded down, and what remains goes to the first parts, one for each. A subset that is handed to
 * nothing is to be freed. Empty on error. */
tg_dataset_list tg_random_split_at(const char *where, tg_dataset *dataset, tg_parts parts,
                                   tg_random_split_options options);
#define tg_random_split(dataset, parts, ...)                                                                           \
    tg_random_split_at(TG_HERE, dataset, parts,                                                                        \
                       TG_OPTIONS(tg_random_split_options, TG_RANDOM_SPLIT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

/* Datasets as a list, 64 at most. In C the array lives to the end of the block it stands in, in C++ as long as the
 * innermost scope. */
#ifdef __cplusplus
#define tg_datasets(...) (tgi_list_in_scope<tg_dataset_list, tg_dataset *>({ __VA_ARGS__ }))
#else
#define tg_datasets(...)                                                                                               \
    ((tg_dataset_list){ (tg_dataset *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, TGI_COUNTED(__VA_ARGS__) })
#endif

#endif
