/* extremes.h: the largest and the smallest: their values, where they are, and whether any or all are true. NaN wins. */
#ifndef TG_OPS_EXTREMES_H
#define TG_OPS_EXTREMES_H

#include "reduce.h"
#include "values_indices.h"

TG_BEGIN_DECLS

/* The largest over all dimensions or some, `tg_amax(x, .dim = 1)`. The gradient is spread evenly over equal ones. */
tg_tensor *tg_amax_at(const char *where, tg_tensor *t, tg_dims_options options);
tg_tensor *tg_amin_at(const char *where, tg_tensor *t, tg_dims_options options);
#define tg_amax(t, ...) tg_amax_at(TG_HERE, t, TG_DIMS_OPTIONS(__VA_ARGS__))
#define tg_amin(t, ...) tg_amin_at(TG_HERE, t, TG_DIMS_OPTIONS(__VA_ARGS__))

/* PyTorch's max has three forms: of all elements; along a dimension, with the indices, `tg_max_dim(x, 1, .keepdim =
 * true).values`; and of two tensors, which is tg_maximum. Indices are along the
 * dimension, of several the first; the gradient goes there alone. */
tg_tensor *tg_max_at(const char *where, tg_tensor *t);
tg_tensor *tg_min_at(const char *where, tg_tensor *t);
tg_values_indices tg_max_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options);
tg_values_indices tg_min_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options);
#define tg_max(t)               tg_max_at(TG_HERE, t)
#define tg_min(t)               tg_min_at(TG_HERE, t)
#define tg_max_dim(t, dim, ...) tg_max_dim_at(TG_HERE, t, dim, TG_KEEPDIM_OPTIONS(__VA_ARGS__))
#define tg_min_dim(t, dim, ...) tg_min_dim_at(TG_HERE, t, dim, TG_KEEPDIM_OPTIONS(__VA_ARGS__))

/* Only the index: along `.dim`, or in the flattened tensor. */
tg_tensor *tg_argmax_at(const char *where, tg_tensor *t, tg_dim_options options);
tg_tensor *tg_argmin_at(const char *where, tg_tensor *t, tg_dim_options options);
#define tg_argmax(t, ...) tg_argmax_at(TG_HERE, t, TG_DIM_OPTIONS(__VA_ARGS__))
#define tg_argmin(t, ...) tg_argmin_at(TG_HERE, t, TG_DIM_OPTIONS(__VA_ARGS__))

/* The smallest and the largest, over `.dim` or all. */
typedef struct tg_aminmax_result {
    tg_tensor *min, *max;
} tg_aminmax_result;
tg_aminmax_result tg_aminmax_at(const char *where, tg_tensor *t, tg_dim_options options);
#define tg_aminmax(t, ...) tg_aminmax_at(TG_HERE, t, TG_DIM_OPTIONS(__VA_ARGS__))

/* Whether any element, or each one, is not 0 (NaN is not): bool. Of nothing, false and true. */
tg_tensor *tg_any_at(const char *where, tg_tensor *t, tg_dim_options options);
tg_tensor *tg_all_at(const char *where, tg_tensor *t, tg_dim_options options);
#define tg_any(t, ...) tg_any_at(TG_HERE, t, TG_DIM_OPTIONS(__VA_ARGS__))
#define tg_all(t, ...) tg_all_at(TG_HERE, t, TG_DIM_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
