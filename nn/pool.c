/* pool.c: pooling as modules. The formulas are those of ops/layers/. */
#include "pool.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "module_hooks_impl.h"

#include <inttypes.h>
#include <string.h>

/* ---- pooling ---- */

typedef struct pool {
    tg_module base;
    tg_shape kernel_size; /* adaptive: the output size */
    tg_max_pool_options max;
    tg_avg_pool_options avg;
} pool;

static tg_tensor *max_pool1d(tg_module *m, tg_tensor *x)
{
    return tg_max_pool1d_at(TG_HERE, x, ((pool *)m)->kernel_size, ((pool *)m)->max);
}
static tg_tensor *max_pool2d(tg_module *m, tg_tensor *x)
{
    return tg_max_pool2d_at(TG_HERE, x, ((pool *)m)->kernel_size, ((pool *)m)->max);
}
static tg_tensor *max_pool3d(tg_module *m, tg_tensor *x)
{
    return tg_max_pool3d_at(TG_HERE, x, ((pool *)m)->kernel_size, ((pool *)m)->max);
}
static tg_tensor *avg_pool1d(tg_module *m, tg_tensor *x)
{
    return tg_avg_pool1d_at(TG_HERE, x, ((pool *)m)->kernel_size, ((pool *)m)->avg);
}
static tg_tensor *avg_pool2d(tg_module *m, tg_tensor *x)
{
    return tg_avg_pool2d_at(TG_HERE, x, ((pool *)m)->kernel_size, ((pool *)m)->avg);
}
static tg_tensor *avg_pool3d(tg_module *m, tg_tensor *x)
{
    return tg_avg_pool3d_at(TG_HERE, x, ((pool *)m)->kernel_size, ((pool *)m)->avg);
}
static tg_tensor *adaptive_avg_pool1d(tg_module *m, tg_tensor *x)
{
    return tg_adaptive_avg_pool1d(x, ((pool *)m)->kernel_size);
}
static tg_tensor *adaptive_avg_pool2d(tg_module *m, tg_tensor *x)
{
    return tg_adaptive_avg_pool2d(x, ((pool *)m)->kernel_size);
}
static tg_tensor *adaptive_avg_pool3d(tg_module *m, tg_tensor *x)
{
    return tg_adaptive_avg_pool3d(x, ((pool *)m)->kernel_size);
}
static tg_tensor *adaptive_max_pool1d(tg_module *m, tg_tensor *x)
{
    return tg_adaptive_max_pool1d(x, ((pool *)m)->kernel_size);
}
static tg_tensor *adaptive_max_pool2d(tg_module *m, tg_tensor *x)
{
    return tg_adaptive_max_pool2d(x, ((pool *)m)->kernel_size);
}

static tg_tensor *adaptive_max_pool3d(tg_module *m, tg_tensor *x)
{
    return tg_adaptive_max_pool3d(x, ((pool *)m)->kernel_size);
}

static int max_repr(tg_module *module, char *buffer, size_t size)
{
    const pool *m = (const pool *)module;
    char kernel[64], stride[64], padding[64], dilation[64];
    return snprintf(buffer, size, "%s%s%s%s, ceil_mode=%s",
                    tgi_print_size("kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    tgi_print_size(", stride=", m->max.stride.ndim ? &m->max.stride : &m->kernel_size, stride,
                                   sizeof stride),
                    tgi_print_size(", padding=", &m->max.padding, padding, sizeof padding),
                    tgi_print_size(", dilation=", &m->max.dilation, dilation, sizeof dilation),
                    m->max.ceil_mode ? "True" : "False");
}

static int avg_repr(tg_module *module, char *buffer, size_t size)
{
    const pool *m = (const pool *)module;
    char kernel[64], stride[64], padding[64];
    return snprintf(buffer, size, "%s%s%s", tgi_print_size("kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    tgi_print_size(", stride=", m->avg.stride.ndim ? &m->avg.stride : &m->kernel_size, stride,
                                   sizeof stride),
                    tgi_print_size(", padding=", &m->avg.padding, padding, sizeof padding));
}

static int avg1d_repr(tg_module *module, char *buffer, size_t size)
{
    const pool *m = (const pool *)module;
    char kernel[64], stride[64], padding[64];
    return snprintf(buffer, size, "%s%s%s", tgi_print_list("kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    tgi_print_list(", stride=", m->avg.stride.ndim ? &m->avg.stride : &m->kernel_size, stride,
                                   sizeof stride),
                    tgi_print_list(", padding=", &m->avg.padding, padding, sizeof padding));
}

static int adaptive_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_shape *out = &((const pool *)module)->kernel_size;
    char item[TG_MAX_DIMS][24], text[TG_MAX_DIMS * 26] = "";
    for (int d = 0; d < out->ndim; d++) {
        snprintf(item[d], sizeof item[d], "%" PRId64, out->dims[d]);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", d ? ", " : "",
                 out->dims[d] == TG_SAME_SIZE ? "None" : item[d]);
    }
    return snprintf(buffer, size, out->ndim == 1 ? "output_size=%s" : "output_size=(%s)", text);
}

/* They will be printed, called or not. */
static bool lists_ok(const char *name, const pool *m)
{
    return tgi_shape_ok(name, "size", &m->kernel_size) && tgi_shape_ok(name, "stride", &m->max.stride) &&
           tgi_shape_ok(name, "padding", &m->max.padding) && tgi_shape_ok(name, "dilation", &m->max.dilation) &&
           tgi_shape_ok(name, "stride", &m->avg.stride) && tgi_shape_ok(name, "padding", &m->avg.padding);
}

typedef int repr_fn(tg_module *module, char *buffer, size_t size);

static tg_module *pool_new(const char *where, const char *name, tg_forward_fn forward, repr_fn *repr,
                           tg_shape kernel_size, const tg_max_pool_options *max, const tg_avg_pool_options *avg)
{
    pool *m = TGI_MODULE_NEW(where, pool, .name = name, .type = "", .forward = forward, .extra_repr = repr);
    if (!m) return NULL;
    m->kernel_size = kernel_size;
    if (max) m->max = *max;
    if (avg) m->avg = *avg;
    if (lists_ok(name, m)) return &m->base;
    tg_module_free(m);
    return NULL;
}

tg_module *tg_max_pool1d_new_at(const char *where, tg_shape kernel_size, tg_max_pool_options options)
{
    return pool_new(where, "MaxPool1d", max_pool1d, max_repr, kernel_size, &options, NULL);
}

tg_module *tg_max_pool2d_new_at(const char *where, tg_shape kernel_size, tg_max_pool_options options)
{
    return pool_new(where, "MaxPool2d", max_pool2d, max_repr, kernel_size, &options, NULL);
}

tg_module *tg_max_pool3d_new_at(const char *where, tg_shape kernel_size, tg_max_pool_options options)
{
    return pool_new(where, "MaxPool3d", max_pool3d, max_repr, kernel_size, &options, NULL);
}

tg_module *tg_avg_pool1d_new_at(const char *where, tg_shape kernel_size, tg_avg_pool_options options)
{
    return pool_new(where, "AvgPool1d", avg_pool1d, avg1d_repr, kernel_size, NULL, &options);
}

tg_module *tg_avg_pool2d_new_at(const char *where, tg_shape kernel_size, tg_avg_pool_options options)
{
    return pool_new(where, "AvgPool2d", avg_pool2d, avg_repr, kernel_size, NULL, &options);
}

tg_module *tg_avg_pool3d_new_at(const char *where, tg_shape kernel_size, tg_avg_pool_options options)
{
    return pool_new(where, "AvgPool3d", avg_pool3d, avg_repr, kernel_size, NULL, &options);
}

tg_module *tg_adaptive_avg_pool1d_new_at(const char *where, tg_shape output_size)
{
    return pool_new(where, "AdaptiveAvgPool1d", adaptive_avg_pool1d, adaptive_repr, output_size, NULL, NULL);
}

tg_module *tg_adaptive_avg_pool2d_new_at(const char *where, tg_shape output_size)
{
    return pool_new(where, "AdaptiveAvgPool2d", adaptive_avg_pool2d, adaptive_repr, output_size, NULL, NULL);
}

tg_module *tg_adaptive_avg_pool3d_new_at(const char *where, tg_shape output_size)
{
    return pool_new(where, "AdaptiveAvgPool3d", adaptive_avg_pool3d, adaptive_repr, output_size, NULL, NULL);
}

tg_module *tg_adaptive_max_pool1d_new_at(const char *where, tg_shape output_size)
{
    return pool_new(where, "AdaptiveMaxPool1d", adaptive_max_pool1d, adaptive_repr, output_size, NULL, NULL);
}

tg_module *tg_adaptive_max_pool2d_new_at(const char *where, tg_shape output_size)
{
    return pool_new(where, "AdaptiveMaxPool2d", adaptive_max_pool2d, adaptive_repr, output_size, NULL, NULL);
}

tg_module *tg_adaptive_max_pool3d_new_at(const char *where, tg_shape output_size)
{
    return pool_new(where, "AdaptiveMaxPool3d", adaptive_max_pool3d, adaptive_repr, output_size, NULL, NULL);
}

static tg_values_indices with_indices(const pool *m, tg_tensor *x)
{
    const tg_forward_fn kind = m->base.base.forward;
    if (kind == max_pool1d) return tg_max_pool1d_with_indices_at(NULL, x, m->kernel_size, m->max);
    if (kind == max_pool2d) return tg_max_pool2d_with_indices_at(NULL, x, m->kernel_size, m->max);
    if (kind == max_pool3d) return tg_max_pool3d_with_indices_at(NULL, x, m->kernel_size, m->max);
    if (kind == adaptive_max_pool1d) return tg_adaptive_max_pool1d_with_indices(x, m->kernel_size);
    if (kind == adaptive_max_pool2d) return tg_adaptive_max_pool2d_with_indices(x, m->kernel_size);
    if (kind == adaptive_max_pool3d) return tg_adaptive_max_pool3d_with_indices(x, m->kernel_size);
    const tg_op op = { .name = m->base.base.name };
    return (tg_values_indices){ tg_op_fail(&op, tg_list(x), "only max pooling has indices"), NULL };
}

tg_values_indices tg_max_pool_forward_with_indices_at(const char *where, tg_module *m, tg_tensor *x)
{
    const tg_op op = { .name = tgi_module_name(m, "MaxPool") };
    if (!tgi_forward_begin(where, m, &op, tg_list(x))) return (tg_values_indices){ NULL, NULL };
    tgi_call call;
    if (!tgi_call_begin(&call, m, &x, 1, 2)) return (tg_values_indices){ NULL, NULL };
    const tg_values_indices y = with_indices((const pool *)m, x);
    tg_tensor *results[] = { y.values, y.indices };
    tgi_call_end(&call, results);
    return (tg_values_indices){ results[0], results[1] };
}

/* ---- power averages ---- */

typedef struct lp_pool {
    tg_module base;
    double norm_type;
    tg_shape kernel_size;
    tg_lp_pool_options options;
} lp_pool;

static tg_tensor *lp_pool1d(tg_module *module, tg_tensor *x)
{
    const lp_pool *m = (const lp_pool *)module;
    return tg_lp_pool1d_at(TG_HERE, x, m->norm_type, m->kernel_size, m->options);
}

static tg_tensor *lp_pool2d(tg_module *module, tg_tensor *x)
{
    const lp_pool *m = (const lp_pool *)module;
    return tg_lp_pool2d_at(TG_HERE, x, m->norm_type, m->kernel_size, m->options);
}

static int lp_repr(tg_module *module, char *buffer, size_t size)
{
    const lp_pool *m = (const lp_pool *)module;
    char kernel[TG_SHAPE_TEXT], stride[TG_SHAPE_TEXT];
    return snprintf(buffer, size, "norm_type=%g%s%s, ceil_mode=%s", m->norm_type,
                    tgi_print_size(", kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    m->options.stride.ndim ? tgi_print_size(", stride=", &m->options.stride, stride, sizeof stride)
                                           : ", stride=None",
                    m->options.ceil_mode ? "True" : "False");
}

static tg_module *lp_pool_new(const char *where, const char *name, tg_forward_fn forward, double norm_type,
                              tg_shape kernel_size, const tg_lp_pool_options *o)
{
    lp_pool *m = TGI_MODULE_NEW(where, lp_pool, .name = name, .type = "", .forward = forward, .extra_repr = lp_repr);
    if (!m) return NULL;
    m->norm_type = norm_type;
    m->kernel_size = kernel_size;
    TGI_SET_OPTIONS(m->options, *o);
    if (tgi_shape_ok(name, "kernel_size", &kernel_size) && tgi_shape_ok(name, "stride", &o->stride)) return &m->base;
    tg_module_free(m);
    return NULL;
}

tg_module *tg_lp_pool1d_new_at(const char *where, double norm_type, tg_shape kernel_size, tg_lp_pool_options options)
{
    return lp_pool_new(where, "LPPool1d", lp_pool1d, norm_type, kernel_size, &options);
}

tg_module *tg_lp_pool2d_new_at(const char *where, double norm_type, tg_shape kernel_size, tg_lp_pool_options options)
{
    return lp_pool_new(where, "LPPool2d", lp_pool2d, norm_type, kernel_size, &options);
}

/* ---- back from the indices ---- */

static int unpool_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_max_unpool *m = (const tg_max_unpool *)module;
    char kernel[TG_SHAPE_TEXT], stride[TG_SHAPE_TEXT], padding[TG_SHAPE_TEXT];
    return snprintf(buffer, size, "%s%s%s", tgi_print_list("kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    tgi_print_list(", stride=", &m->stride, stride, sizeof stride),
                    tgi_print_list(", padding=", &m->padding, padding, sizeof padding));
}

/* A list with one entry for each dimension, from one that may have a single one. */
static bool spread(const char *where, const char *name, const char *what, int spatial, tg_shape *list)
{
    if (list->ndim == 1)
        for (; list->ndim < spatial; list->ndim++) list->dims[list->ndim] = list->dims[0];
    if (list->ndim == spatial) return true;
    tg_fail_at(where, TG_ERROR_VALUE, name, "%s has one entry, or one for each spatial dimension", what);
    return false;
}

static tg_max_unpool *unpool_new(const char *where, const char *name, int spatial, tg_shape kernel_size,
                                 tg_max_unpool_module_options o)
{
    if (!spread(where, name, "kernel_size", spatial, &kernel_size)) return NULL;
    if (o.stride.ndim == 0) o.stride = kernel_size;
    if (!spread(where, name, "stride", spatial, &o.stride) || !spread(where, name, "padding", spatial, &o.padding))
        return NULL;
    tg_max_unpool *m = TGI_MODULE_NEW(where, tg_max_unpool, .name = name, .extra_repr = unpool_repr);
    if (!m) return NULL;
    m->spatial = spatial;
    m->kernel_size = kernel_size;
    m->stride = o.stride;
    m->padding = o.padding;
    return m;
}

tg_max_unpool *tg_max_unpool1d_new_at(const char *where, tg_shape kernel_size, tg_max_unpool_module_options options)
{
    return unpool_new(where, "MaxUnpool1d", 1, kernel_size, options);
}

tg_max_unpool *tg_max_unpool2d_new_at(const char *where, tg_shape kernel_size, tg_max_unpool_module_options options)
{
    return unpool_new(where, "MaxUnpool2d", 2, kernel_size, options);
}

tg_max_unpool *tg_max_unpool3d_new_at(const char *where, tg_shape kernel_size, tg_max_unpool_module_options options)
{
    return unpool_new(where, "MaxUnpool3d", 3, kernel_size, options);
}

tg_tensor *tg_max_unpool_forward_at(const char *where, tg_max_unpool *m, tg_tensor *x, tg_tensor *indices,
                                    tg_shape output_size)
{
    const tg_op op = { .name = tgi_module_name(m ? &m->base : NULL, "MaxUnpool") };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(x, indices))) return NULL;
    const tg_max_unpool_options o = { m->stride, m->padding, output_size, { 0 } };
    tg_tensor *in[] = { x, indices };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = m->spatial == 1   ? tg_max_unpool1d_at(NULL, in[0], in[1], m->kernel_size, o)
                   : m->spatial == 2 ? tg_max_unpool2d_at(NULL, in[0], in[1], m->kernel_size, o)
                                     : tg_max_unpool3d_at(NULL, in[0], in[1], m->kernel_size, o);
    y = tg_scope_return(scope, y);
    tgi_call_end(&call, &y);
    return y;
}
