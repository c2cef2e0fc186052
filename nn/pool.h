/* pool.h: pooling as modules, for Sequential and for print. Call them with tg_module_forward. Sizes and options are
 * those of ops/pool.h. */
#ifndef TG_NN_POOL_H
#define TG_NN_POOL_H

#include "../ops/pool.h"
#include "module.h"

TG_BEGIN_DECLS

tg_module *tg_max_pool1d_new_at(const char *where, tg_shape kernel_size, tg_max_pool_options options);
tg_module *tg_max_pool2d_new_at(const char *where, tg_shape kernel_size, tg_max_pool_options options);
tg_module *tg_max_pool3d_new_at(const char *where, tg_shape kernel_size, tg_max_pool_options options);
tg_module *tg_avg_pool1d_new_at(const char *where, tg_shape kernel_size, tg_avg_pool_options options);
tg_module *tg_avg_pool2d_new_at(const char *where, tg_shape kernel_size, tg_avg_pool_options options);
tg_module *tg_avg_pool3d_new_at(const char *where, tg_shape kernel_size, tg_avg_pool_options options);
#define tg_max_pool1d_new(kernel_size, ...)                                                                            \
    tg_max_pool1d_new_at(TG_HERE, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool2d_new(kernel_size, ...)                                                                            \
    tg_max_pool2d_new_at(TG_HERE, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool3d_new(kernel_size, ...)                                                                            \
    tg_max_pool3d_new_at(TG_HERE, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_avg_pool1d_new(kernel_size, ...)                                                                            \
    tg_avg_pool1d_new_at(TG_HERE, kernel_size, TG_AVG_POOL_OPTIONS(__VA_ARGS__))
#define tg_avg_pool2d_new(kernel_size, ...)                                                                            \
    tg_avg_pool2d_new_at(TG_HERE, kernel_size, TG_AVG_POOL_OPTIONS(__VA_ARGS__))
#define tg_avg_pool3d_new(kernel_size, ...)                                                                            \
    tg_avg_pool3d_new_at(TG_HERE, kernel_size, TG_AVG_POOL_OPTIONS(__VA_ARGS__))

tg_module *tg_lp_pool1d_new_at(const char *where, double norm_type, tg_shape kernel_size, tg_lp_pool_options options);
tg_module *tg_lp_pool2d_new_at(const char *where, double norm_type, tg_shape kernel_size, tg_lp_pool_options options);
#define tg_lp_pool1d_new(norm_type, kernel_size, ...)                                                                  \
    tg_lp_pool1d_new_at(TG_HERE, norm_type, kernel_size, TG_LP_POOL_OPTIONS(__VA_ARGS__))
#define tg_lp_pool2d_new(norm_type, kernel_size, ...)                                                                  \
    tg_lp_pool2d_new_at(TG_HERE, norm_type, kernel_size, TG_LP_POOL_OPTIONS(__VA_ARGS__))

tg_module *tg_adaptive_avg_pool1d_new_at(const char *where, tg_shape output_size);
tg_module *tg_adaptive_avg_pool2d_new_at(const char *where, tg_shape output_size);
tg_module *tg_adaptive_avg_pool3d_new_at(const char *where, tg_shape output_size);
tg_module *tg_adaptive_max_pool1d_new_at(const char *where, tg_shape output_size);
tg_module *tg_adaptive_max_pool2d_new_at(const char *where, tg_shape output_size);
tg_module *tg_adaptive_max_pool3d_new_at(const char *where, tg_shape output_size);
#define tg_adaptive_avg_pool1d_new(output_size) tg_adaptive_avg_pool1d_new_at(TG_HERE, output_size)
#define tg_adaptive_avg_pool2d_new(output_size) tg_adaptive_avg_pool2d_new_at(TG_HERE, output_size)
#define tg_adaptive_avg_pool3d_new(output_size) tg_adaptive_avg_pool3d_new_at(TG_HERE, output_size)
#define tg_adaptive_max_pool1d_new(output_size) tg_adaptive_max_pool1d_new_at(TG_HERE, output_size)
#define tg_adaptive_max_pool2d_new(output_size) tg_adaptive_max_pool2d_new_at(TG_HERE, output_size)
#define tg_adaptive_max_pool3d_new(output_size) tg_adaptive_max_pool3d_new_at(TG_HERE, output_size)
/* PyTorch's return_indices=True: what a max pool, adaptive or not, chose and where that stands in its plane. */
tg_values_indices tg_max_pool_forward_with_indices_at(const char *where, tg_module *m, tg_tensor *x);
#define tg_max_pool_forward_with_indices(m, x) tg_max_pool_forward_with_indices_at(TG_HERE, TG_MODULE(m), x)

/* ---- back from the indices ---- */

typedef struct tg_max_unpool {
    tg_module base;
    int spatial; /* dimensions, 1 to 3 */
    tg_shape kernel_size, stride, padding;
} tg_max_unpool;

typedef struct tg_max_unpool_module_options {
    tg_shape stride;   /* empty: the kernel size */
    tg_shape padding;
    TG_OPTIONS_END
} tg_max_unpool_module_options;
#define TG_MAX_UNPOOL_MODULE_DEFAULTS /* stride */ { 0, { 0 } }, /* padding */ { 1, { 0 } } TG_DEFAULTS_END
#define TG_MAX_UNPOOL_MODULE_OPTIONS(...)                                                                              \
    TG_OPTIONS(tg_max_unpool_module_options, TG_MAX_UNPOOL_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

tg_max_unpool *tg_max_unpool1d_new_at(const char *where, tg_shape kernel_size, tg_max_unpool_module_options options);
tg_max_unpool *tg_max_unpool2d_new_at(const char *where, tg_shape kernel_size, tg_max_unpool_module_options options);
tg_max_unpool *tg_max_unpool3d_new_at(const char *where, tg_shape kernel_size, tg_max_unpool_module_options options);
#define tg_max_unpool1d_new(kernel_size, ...)                                                                          \
    tg_max_unpool1d_new_at(TG_HERE, kernel_size, TG_MAX_UNPOOL_MODULE_OPTIONS(__VA_ARGS__))
#define tg_max_unpool2d_new(kernel_size, ...)                                                                          \
    tg_max_unpool2d_new_at(TG_HERE, kernel_size, TG_MAX_UNPOOL_MODULE_OPTIONS(__VA_ARGS__))
#define tg_max_unpool3d_new(kernel_size, ...)                                                                          \
    tg_max_unpool3d_new_at(TG_HERE, kernel_size, TG_MAX_UNPOOL_MODULE_OPTIONS(__VA_ARGS__))

/* `tg_max_unpool_forward(m, y.values, y.indices)`, or with the size that the pooled input had, tg_shape(5, 5). */
tg_tensor *tg_max_unpool_forward_at(const char *where, tg_max_unpool *m, tg_tensor *x, tg_tensor *indices,
                                    tg_shape output_size);
#define tg_max_unpool_forward(m, x, indices, ...)                                                                      \
    tg_max_unpool_forward_at(TG_HERE, m, x, indices, TG_OR(tg_shape() __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
