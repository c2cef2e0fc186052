/* scan.h: running sums, products and extremes along a dimension, whose results have the input's shape; differences. */
#ifndef TG_OPS_SCAN_H
#define TG_OPS_SCAN_H

#include "extremes.h"

TG_BEGIN_DECLS

typedef struct tg_scan_options {
    tg_dtype dtype;    /* the input is converted first; TG_DEFAULT_DTYPE: its own, int64 for bool */
    TG_OPTIONS_END
} tg_scan_options;
#define TG_SCAN_DEFAULTS /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_SCAN_OPTIONS(...) TG_OPTIONS(tg_scan_options, TG_SCAN_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* y_i = x_0 + .. + x_i and y_i = x_0 x_1 .. x_i. Floats are added and multiplied in double. */
tg_tensor *tg_cumsum_at(const char *where, tg_tensor *t, int64_t dim, tg_scan_options options);
tg_tensor *tg_cumprod_at(const char *where, tg_tensor *t, int64_t dim, tg_scan_options options);
#define tg_cumsum(t, dim, ...)  tg_cumsum_at(TG_HERE, t, dim, TG_SCAN_OPTIONS(__VA_ARGS__))
#define tg_cumprod(t, dim, ...) tg_cumprod_at(TG_HERE, t, dim, TG_SCAN_OPTIONS(__VA_ARGS__))

/* The largest and the smallest so far, and their indices, int64; of equal ones the last. NaN stays. */
tg_values_indices tg_cummax_at(const char *where, tg_tensor *t, int64_t dim);
tg_values_indices tg_cummin_at(const char *where, tg_tensor *t, int64_t dim);
#define tg_cummax(t, dim) tg_cummax_at(TG_HERE, t, dim)
#define tg_cummin(t, dim) tg_cummin_at(TG_HERE, t, dim)

/* y_i = log(e^x_0 + .. + e^x_i), without overflow. */
tg_tensor *tg_logcumsumexp_at(const char *where, tg_tensor *t, int64_t dim);
#define tg_logcumsumexp(t, dim) tg_logcumsumexp_at(TG_HERE, t, dim)

typedef struct tg_diff_options {
    int64_t n;                     /* how often; 0: a copy */
    int64_t dim;
    tg_tensor *prepend, *append;   /* joined to t before; NULL: nothing */
    TG_OPTIONS_END
} tg_diff_options;
#define TG_DIFF_DEFAULTS /* n */ 1, /* dim */ -1, /* prepend */ NULL, /* append */ NULL TG_DEFAULTS_END
#define TG_DIFF_OPTIONS(...) TG_OPTIONS(tg_diff_options, TG_DIFF_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* y_i = x_(i+1) - x_i, n times: `tg_diff(t, .dim = 0)`. Of bools whether the two are different. */
tg_tensor *tg_diff_at(const char *where, tg_tensor *t, tg_diff_options options);
#define tg_diff(t, ...) tg_diff_at(TG_HERE, t, TG_DIFF_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
