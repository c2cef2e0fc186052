/* sort.h: elements in order, and what is found by order: the largest, distinct ones, places in a sorted row, counts.
 *
 * Equal elements keep their order, whether `stable` asks for it or not. NaN is larger than everything else. Indices are
 * int64. Where a function returns two tensors, both are NULL on error. */
#ifndef TG_OPS_SORT_H
#define TG_OPS_SORT_H

#include "../core/op.h"
#include "operand.h"
#include "values_indices.h"

#include <math.h>

TG_BEGIN_DECLS

typedef struct tg_sort_options {
    int64_t dim;
    bool descending;
    bool stable;
    TG_OPTIONS_END
} tg_sort_options;
#define TG_SORT_DEFAULTS /* dim */ -1, /* descending */ false, /* stable */ false TG_DEFAULTS_END
#define TG_SORT_OPTIONS(...) TG_OPTIONS(tg_sort_options, TG_SORT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `tg_sort(t, .descending = true).values`; the values are gather(t, dim, indices). argsort gives the
 * indices alone, msort the values along dimension 0. */
tg_values_indices tg_sort_at(const char *where, tg_tensor *t, tg_sort_options options);
tg_tensor *tg_argsort_at(const char *where, tg_tensor *t, tg_sort_options options);
tg_tensor *tg_msort_at(const char *where, tg_tensor *t);
#define tg_sort(t, ...)    tg_sort_at(TG_HERE, t, TG_SORT_OPTIONS(__VA_ARGS__))
#define tg_argsort(t, ...) tg_argsort_at(TG_HERE, t, TG_SORT_OPTIONS(__VA_ARGS__))
#define tg_msort(t)        tg_msort_at(TG_HERE, t)

typedef struct tg_topk_options {
    int64_t dim;
    bool largest;
    bool sorted;   /* they always are */
    TG_OPTIONS_END
} tg_topk_options;
#define TG_TOPK_DEFAULTS /* dim */ -1, /* largest */ true, /* sorted */ true TG_DEFAULTS_END
#define TG_TOPK_OPTIONS(...) TG_OPTIONS(tg_topk_options, TG_TOPK_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The k largest (or smallest) along a dimension. */
tg_values_indices tg_topk_at(const char *where, tg_tensor *t, int64_t k, tg_topk_options options);
#define tg_topk(t, k, ...) tg_topk_at(TG_HERE, t, k, TG_TOPK_OPTIONS(__VA_ARGS__))

typedef struct tg_kthvalue_options {
    int64_t dim;
    bool keepdim;
    TG_OPTIONS_END
} tg_kthvalue_options;
#define TG_KTHVALUE_DEFAULTS /* dim */ -1, /* keepdim */ false TG_DEFAULTS_END
#define TG_KTHVALUE_OPTIONS(...) TG_OPTIONS(tg_kthvalue_options, TG_KTHVALUE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The k-th smallest along a dimension, counted from 1. */
tg_values_indices tg_kthvalue_at(const char *where, tg_tensor *t, int64_t k, tg_kthvalue_options options);
#define tg_kthvalue(t, k, ...) tg_kthvalue_at(TG_HERE, t, k, TG_KTHVALUE_OPTIONS(__VA_ARGS__))

typedef struct tg_unique_result {
    tg_tensor *values;
    tg_tensor *inverse;   /* where each element went: t = values[inverse]; NULL unless asked for */
    tg_tensor *counts;    /* how many there were of each; NULL unless asked for */
} tg_unique_result;

typedef struct tg_unique_options {
    bool sorted;          /* they always are; not looked at by unique_consecutive */
    bool return_inverse;
    bool return_counts;
    int64_t dim;          /* distinct slices along it; TG_NO_DIM: distinct elements */
    TG_OPTIONS_END
} tg_unique_options;
#define TG_UNIQUE_DEFAULTS                                                                                            \
    /* sorted */ true, /* return_inverse */ false, /* return_counts */ false, /* dim */ TG_NO_DIM TG_DEFAULTS_END
#define TG_UNIQUE_OPTIONS(...) TG_OPTIONS(tg_unique_options, TG_UNIQUE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* unique: the distinct elements in ascending order; unique_consecutive: those that differ from the one before, in their
 * order. A NaN is distinct from every other. */
tg_unique_result tg_unique_at(const char *where, tg_tensor *t, tg_unique_options options);
tg_unique_result tg_unique_consecutive_at(const char *where, tg_tensor *t, tg_unique_options options);
#define tg_unique(t, ...)             tg_unique_at(TG_HERE, t, TG_UNIQUE_OPTIONS(__VA_ARGS__))
#define tg_unique_consecutive(t, ...) tg_unique_consecutive_at(TG_HERE, t, TG_UNIQUE_OPTIONS(__VA_ARGS__))

typedef struct tg_searchsorted_options {
    bool right;          /* behind equal elements instead of before them */
    const char *side;    /* the same as "left" or "right" */
    tg_tensor *sorter;   /* the order in which the sequence is sorted (from tg_argsort); NULL: it is */
    TG_OPTIONS_END
} tg_searchsorted_options;
#define TG_SEARCHSORTED_DEFAULTS /* right */ false, /* side */ NULL, /* sorter */ NULL TG_DEFAULTS_END
#define TG_SEARCHSORTED_OPTIONS(...)                                                                                  \
    TG_OPTIONS(tg_searchsorted_options, TG_SEARCHSORTED_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Where each value would be put into the sorted last dimension of `sequence`, which is 1-D or has values' other
 * dimensions. bucketize: the same with a 1-D sequence, arguments the other way round. */
tg_tensor *tg_searchsorted_at(const char *where, tg_tensor *sequence, tg_operand values, tg_searchsorted_options options);
tg_tensor *tg_bucketize_at(const char *where, tg_operand t, tg_tensor *boundaries, tg_searchsorted_options options);
#define tg_searchsorted(sequence, values, ...)                                                                        \
    tg_searchsorted_at(TG_HERE, sequence, TG_OPERAND(values), TG_SEARCHSORTED_OPTIONS(__VA_ARGS__))
#define tg_bucketize(t, boundaries, ...)                                                                              \
    tg_bucketize_at(TG_HERE, TG_OPERAND(t), boundaries, TG_SEARCHSORTED_OPTIONS(__VA_ARGS__))

typedef struct tg_isin_options {
    bool assume_unique;   /* not needed */
    bool invert;
    TG_OPTIONS_END
} tg_isin_options;
#define TG_ISIN_DEFAULTS /* assume_unique */ false, /* invert */ false TG_DEFAULTS_END
#define TG_ISIN_OPTIONS(...) TG_OPTIONS(tg_isin_options, TG_ISIN_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Whether each element is one of the test elements; bool. */
tg_tensor *tg_isin_at(const char *where, tg_operand elements, tg_operand test_elements, tg_isin_options options);
#define tg_isin(elements, test_elements, ...)                                                                         \
    tg_isin_at(TG_HERE, TG_OPERAND(elements), TG_OPERAND(test_elements), TG_ISIN_OPTIONS(__VA_ARGS__))

typedef struct tg_bincount_options {
    tg_tensor *weights;   /* of t's shape: summed instead of counted; NULL: ones */
    int64_t minlength;
    TG_OPTIONS_END
} tg_bincount_options;
#define TG_BINCOUNT_DEFAULTS /* weights */ NULL, /* minlength */ 0 TG_DEFAULTS_END
#define TG_BINCOUNT_OPTIONS(...) TG_OPTIONS(tg_bincount_options, TG_BINCOUNT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* How often each of 0, 1, .. comes in a vector of integers: int64, or what weights are (float64 unless float32). */
tg_tensor *tg_bincount_at(const char *where, tg_tensor *t, tg_bincount_options options);
#define tg_bincount(t, ...) tg_bincount_at(TG_HERE, t, TG_BINCOUNT_OPTIONS(__VA_ARGS__))

typedef struct tg_histc_options {
    int64_t bins;
    double min, max;   /* both 0: the smallest and the largest element */
    TG_OPTIONS_END
} tg_histc_options;
#define TG_HISTC_DEFAULTS /* bins */ 100, /* min */ 0.0, /* max */ 0.0 TG_DEFAULTS_END
#define TG_HISTC_OPTIONS(...) TG_OPTIONS(tg_histc_options, TG_HISTC_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* How many elements lie in each of `bins` equal parts of [min, max]; those outside, and NaN, count nowhere. Of t's
 * dtype. */
tg_tensor *tg_histc_at(const char *where, tg_tensor *t, tg_histc_options options);
#define tg_histc(t, ...) tg_histc_at(TG_HERE, t, TG_HISTC_OPTIONS(__VA_ARGS__))

typedef struct tg_histogram_options {
    double min, max;     /* the outermost edges; infinite: the smallest and the largest element. Not of given edges */
    tg_tensor *weight;   /* of t's shape and dtype: summed instead of counted; NULL: ones */
    bool density;        /* divided by the sum and by the width of each part */
    TG_OPTIONS_END
} tg_histogram_options;
#define TG_HISTOGRAM_DEFAULTS /* min */ -INFINITY, /* max */ INFINITY, /* weight */ NULL, /* density */ false TG_DEFAULTS_END
#define TG_HISTOGRAM_OPTIONS(...) TG_OPTIONS(tg_histogram_options, TG_HISTOGRAM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_histogram_result {
    tg_tensor *hist, *bin_edges;
} tg_histogram_result;

/* How many elements lie between each two of the edges, the last one included, and the edges: `bins` equal parts, or a
 * vector of edges in order. What lies outside, and NaN, counts nowhere. Of t's dtype. */
tg_histogram_result tg_histogram_at(const char *where, tg_tensor *t, tg_operand bins, tg_histogram_options options);
#define tg_histogram(t, bins, ...) tg_histogram_at(TG_HERE, t, TG_OPERAND(bins), TG_HISTOGRAM_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
