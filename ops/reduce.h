/* reduce.h: sums and means, over all dimensions or some. The result has the dimensions that are not reduced, and with
 * .keepdim the reduced ones with size 1: of x [2, 3, 4], tg_sum(x) is [], tg_sum(x, .dim = 1) is [2, 4], with
 * .keepdim = true [2, 1, 4]. */
#ifndef TG_OPS_REDUCE_H
#define TG_OPS_REDUCE_H

#include "../core/op.h"

TG_BEGIN_DECLS

typedef struct tg_reduce_options {
    int64_t dim;       /* one dimension, or TG_NO_DIM */
    tg_shape dims;     /* several: `.dims = tg_shape(0, 2)`; empty: all, unless dim is given */
    bool keepdim;      /* reduced dimensions stay, with size 1 */
    tg_dtype dtype;    /* the input is converted first; TG_DEFAULT_DTYPE: its own */
    TG_OPTIONS_END
} tg_reduce_options;
#define TG_REDUCE_DEFAULTS /* dim */ TG_NO_DIM, /* dims */ { 0, { 0 } }, /* keepdim */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_REDUCE_OPTIONS(...) TG_OPTIONS(tg_reduce_options, TG_REDUCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Of reductions that keep the dtype. */
typedef struct tg_dims_options {
    int64_t dim;       /* as above */
    tg_shape dims;
    bool keepdim;
    TG_OPTIONS_END
} tg_dims_options;
#define TG_DIMS_DEFAULTS /* dim */ TG_NO_DIM, /* dims */ { 0, { 0 } }, /* keepdim */ false TG_DEFAULTS_END
#define TG_DIMS_OPTIONS(...) TG_OPTIONS(tg_dims_options, TG_DIMS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Of reductions over one dimension, or over all. */
typedef struct tg_dim_options {
    int64_t dim;       /* or TG_NO_DIM */
    bool keepdim;
    TG_OPTIONS_END
} tg_dim_options;
#define TG_DIM_DEFAULTS /* dim */ TG_NO_DIM, /* keepdim */ false TG_DEFAULTS_END
#define TG_DIM_OPTIONS(...) TG_OPTIONS(tg_dim_options, TG_DIM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Of reductions whose dimension must be named. */
typedef struct tg_keepdim_options {
    bool keepdim;
    TG_OPTIONS_END
} tg_keepdim_options;
#define TG_KEEPDIM_DEFAULTS /* keepdim */ false TG_DEFAULTS_END
#define TG_KEEPDIM_OPTIONS(...) TG_OPTIONS(tg_keepdim_options, TG_KEEPDIM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `tg_sum(x)`, `tg_sum(x, .dim = 1, .keepdim = true)`. Integers and bools are summed as int64; mean wants a floating
 * dtype. The sum of nothing is 0, the mean of nothing NaN. */
tg_tensor *tg_sum_at(const char *where, tg_tensor *t, tg_reduce_options options);
tg_tensor *tg_mean_at(const char *where, tg_tensor *t, tg_reduce_options options);
#define tg_sum(t, ...)  tg_sum_at(TG_HERE, t, TG_REDUCE_OPTIONS(__VA_ARGS__))
#define tg_mean(t, ...) tg_mean_at(TG_HERE, t, TG_REDUCE_OPTIONS(__VA_ARGS__))

/* The same, leaving out what is NaN. */
tg_tensor *tg_nansum_at(const char *where, tg_tensor *t, tg_reduce_options options);
tg_tensor *tg_nanmean_at(const char *where, tg_tensor *t, tg_reduce_options options);
#define tg_nansum(t, ...)  tg_nansum_at(TG_HERE, t, TG_REDUCE_OPTIONS(__VA_ARGS__))
#define tg_nanmean(t, ...) tg_nanmean_at(TG_HERE, t, TG_REDUCE_OPTIONS(__VA_ARGS__))

/* How many elements are not zero, int64. */
tg_tensor *tg_count_nonzero_at(const char *where, tg_tensor *t, tg_dims_options options);
#define tg_count_nonzero(t, ...) tg_count_nonzero_at(TG_HERE, t, TG_DIMS_OPTIONS(__VA_ARGS__))

/* Undoes broadcasting: the result has `shape`, which broadcasts to the shape of `t`; what was stretched is summed. */
tg_tensor *tg_sum_to_size_at(const char *where, tg_tensor *t, tg_shape shape);
#define tg_sum_to_size(t, shape) tg_sum_to_size_at(TG_HERE, t, shape)

TG_END_DECLS

#endif
