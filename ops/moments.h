/* moments.h: products, variances, norms, medians and the like. Result shapes are those of reduce.h. */
#ifndef TG_OPS_MOMENTS_H
#define TG_OPS_MOMENTS_H

#include "extremes.h"
#include "operand.h"

TG_BEGIN_DECLS

typedef struct tg_prod_options {
    int64_t dim;       /* or TG_NO_DIM: all */
    bool keepdim;
    tg_dtype dtype;    /* the input is converted first; TG_DEFAULT_DTYPE: its own, int64 for bool */
    TG_OPTIONS_END
} tg_prod_options;
#define TG_PROD_DEFAULTS /* dim */ TG_NO_DIM, /* keepdim */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_PROD_OPTIONS(...) TG_OPTIONS(tg_prod_options, TG_PROD_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The product; of nothing it is 1. */
tg_tensor *tg_prod_at(const char *where, tg_tensor *t, tg_prod_options options);
#define tg_prod(t, ...) tg_prod_at(TG_HERE, t, TG_PROD_OPTIONS(__VA_ARGS__))

typedef struct tg_var_options {
    int64_t dim;
    tg_shape dims;
    int64_t correction; /* the squares are divided by n - correction, but never by less than 0 */
    bool unbiased;      /* false: PyTorch's other word for a correction of 0 */
    bool keepdim;
    TG_OPTIONS_END
} tg_var_options;
#define TG_VAR_DEFAULTS                                                                                               \
    /* dim */ TG_NO_DIM, /* dims */ { 0, { 0 } }, /* correction */ 1, /* unbiased */ true, /* keepdim */ false TG_DEFAULTS_END
#define TG_VAR_OPTIONS(...) TG_OPTIONS(tg_var_options, TG_VAR_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The variance and its root, of floating dtypes, in two passes: `tg_var(x, .dim = 0, .correction = 0)`. */
tg_tensor *tg_var_at(const char *where, tg_tensor *t, tg_var_options options);
tg_tensor *tg_std_at(const char *where, tg_tensor *t, tg_var_options options);
#define tg_var(t, ...) tg_var_at(TG_HERE, t, TG_VAR_OPTIONS(__VA_ARGS__))
#define tg_std(t, ...) tg_std_at(TG_HERE, t, TG_VAR_OPTIONS(__VA_ARGS__))

/* Variance or deviation, and the mean. Both NULL on failure. */
typedef struct tg_var_mean_result {
    tg_tensor *var, *mean;
} tg_var_mean_result;
typedef struct tg_std_mean_result {
    tg_tensor *std, *mean;
} tg_std_mean_result;
tg_var_mean_result tg_var_mean_at(const char *where, tg_tensor *t, tg_var_options options);
tg_std_mean_result tg_std_mean_at(const char *where, tg_tensor *t, tg_var_options options);
#define tg_var_mean(t, ...) tg_var_mean_at(TG_HERE, t, TG_VAR_OPTIONS(__VA_ARGS__))
#define tg_std_mean(t, ...) tg_std_mean_at(TG_HERE, t, TG_VAR_OPTIONS(__VA_ARGS__))

typedef struct tg_norm_options {
    double p;          /* 0 counts what is not 0; infinities give the extremes of |x| */
    int64_t dim;
    tg_shape dims;
    bool keepdim;
    tg_dtype dtype;    /* the input is converted first */
    TG_OPTIONS_END
} tg_norm_options;
#define TG_NORM_DEFAULTS                                                                                              \
    /* p */ 2, /* dim */ TG_NO_DIM, /* dims */ { 0, { 0 } }, /* keepdim */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_NORM_OPTIONS(...) TG_OPTIONS(tg_norm_options, TG_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* (sum |x|^p)^(1/p), of floating dtypes. linalg_vector_norm refuses what norm lets pass: the norm of nothing for p < 0
 * and infinity, and a dtype narrower than the input's. */
tg_tensor *tg_norm_at(const char *where, tg_tensor *t, tg_norm_options options);
tg_tensor *tg_linalg_vector_norm_at(const char *where, tg_tensor *t, tg_norm_options options);
#define tg_norm(t, ...)               tg_norm_at(TG_HERE, t, TG_NORM_OPTIONS(__VA_ARGS__))
#define tg_linalg_vector_norm(t, ...) tg_linalg_vector_norm_at(TG_HERE, t, TG_NORM_OPTIONS(__VA_ARGS__))

/* log(sum e^x) over `dims`, without overflow: `tg_logsumexp(x, tg_shape(-1))`. */
tg_tensor *tg_logsumexp_at(const char *where, tg_tensor *t, tg_shape dims, tg_keepdim_options options);
#define tg_logsumexp(t, dims, ...) tg_logsumexp_at(TG_HERE, t, dims, TG_KEEPDIM_OPTIONS(__VA_ARGS__))

/* The middle element in order, of an even number the lower one; of all elements, or along a dimension with the index of
 * one that has it. NaN wins; nanmedian looks at the others. */
tg_tensor *tg_median_at(const char *where, tg_tensor *t);
tg_tensor *tg_nanmedian_at(const char *where, tg_tensor *t);
tg_values_indices tg_median_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options);
tg_values_indices tg_nanmedian_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options);
#define tg_median(t)                  tg_median_at(TG_HERE, t)
#define tg_nanmedian(t)               tg_nanmedian_at(TG_HERE, t)
#define tg_median_dim(t, dim, ...)    tg_median_dim_at(TG_HERE, t, dim, TG_KEEPDIM_OPTIONS(__VA_ARGS__))
#define tg_nanmedian_dim(t, dim, ...) tg_nanmedian_dim_at(TG_HERE, t, dim, TG_KEEPDIM_OPTIONS(__VA_ARGS__))

typedef struct tg_quantile_options {
    int64_t dim;                 /* or TG_NO_DIM: of all elements */
    bool keepdim;
    const char *interpolation;   /* between two elements: "linear", "lower", "higher", "midpoint" or "nearest" */
    TG_OPTIONS_END
} tg_quantile_options;
#define TG_QUANTILE_DEFAULTS /* dim */ TG_NO_DIM, /* keepdim */ false, /* interpolation */ "linear" TG_DEFAULTS_END
#define TG_QUANTILE_OPTIONS(...) TG_OPTIONS(tg_quantile_options, TG_QUANTILE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The element at q (n - 1) in order, q from 0 to 1: `tg_quantile(x, 0.9, .dim = 1)`. Of a vector q of x's dtype all of
 * its quantiles, in a first dimension. NaN wins; nanquantile looks at the others. */
tg_tensor *tg_quantile_at(const char *where, tg_tensor *t, tg_operand q, tg_quantile_options options);
tg_tensor *tg_nanquantile_at(const char *where, tg_tensor *t, tg_operand q, tg_quantile_options options);
#define tg_quantile(t, q, ...)    tg_quantile_at(TG_HERE, t, TG_OPERAND(q), TG_QUANTILE_OPTIONS(__VA_ARGS__))
#define tg_nanquantile(t, q, ...) tg_nanquantile_at(TG_HERE, t, TG_OPERAND(q), TG_QUANTILE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
