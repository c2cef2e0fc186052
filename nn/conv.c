/* conv.c: Conv1d, Conv2d, Conv3d and their transposes. */
#include "conv.h"

#include "core/error.h"
#include "core/scope.h"
#include "ops/rearrange.h"
#include "init.h"
#include "module_hooks_impl.h"

#include <math.h>
#include <string.h>

static tg_tensor *forward(tg_module *m, tg_tensor *x) { return tg_conv_forward((tg_conv *)m, x); }

/* The modes' names, which outlive what the user gave. */
static const char zeros[] = "zeros";
static const char *const padding_modes[] = { zeros, "reflect", "replicate", "circular" };

/* ---- printing ---- */

static bool all_equal(const tg_shape *list, int64_t value)
{
    for (int d = 0; d < list->ndim; d++)
        if (list->dims[d] != value) return false;
    return list->ndim >= 0;
}

static int extra_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_conv *m = (const tg_conv *)module;
    char kernel[64], stride[64], padding[64] = "", output[64] = "", dilation[64] = "", groups[32] = "";
    tgi_print_list(", padding=", &m->padding, padding, sizeof padding);
    tgi_print_list(", output_padding=", &m->output_padding, output, sizeof output);
    tgi_print_list(", dilation=", &m->dilation, dilation, sizeof dilation);
    if (m->groups != 1) snprintf(groups, sizeof groups, ", groups=%lld", (long long)m->groups);
    return snprintf(buffer, size, "%lld, %lld%s%s%s%s%s%s%s%s%s", (long long)m->in_channels, (long long)m->out_channels,
                    tgi_print_list(", kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    tgi_print_list(", stride=", &m->stride, stride, sizeof stride),
                    m->padding.ndim == TG_SAME.ndim ? ", padding=same"
                    : all_equal(&m->padding, 0)     ? ""
                                                    : padding,
                    all_equal(&m->dilation, 1) ? "" : dilation, all_equal(&m->output_padding, 0) ? "" : output, groups,
                    m->bias ? "" : ", bias=False",
                    m->padding_mode == zeros ? "" : ", padding_mode=", m->padding_mode == zeros ? "" : m->padding_mode);
}

/* ---- making ---- */

/* A list of one entry for all dimensions. */
static tg_shape spread(tg_shape list, int spatial)
{
    if (list.ndim == 1)
        for (; list.ndim < spatial; list.ndim++) list.dims[list.ndim] = list.dims[0];
    return list;
}

static bool options_ok(const char *where, const char *name, int64_t in, int64_t out, const tg_conv *m)
{
    const tg_shape *lists[] = { &m->kernel_size, &m->stride, &m->output_padding, &m->dilation };
    const char *problem = NULL;
    for (int i = 0; i < 4; i++)
        if (lists[i]->ndim != m->spatial) problem = "a size has one entry, or one for each spatial dimension";
    if (m->padding.ndim != m->spatial && (m->padding.ndim != TG_SAME.ndim || m->transposed))
        problem = "padding has one entry, or one for each spatial dimension";
    if (m->groups <= 0)
        problem = "groups must be a positive integer";
    else if (in % m->groups != 0)
        problem = "in_channels must be divisible by groups";
    else if (out % m->groups != 0)
        problem = "out_channels must be divisible by groups";
    for (int d = 0; m->padding.ndim == TG_SAME.ndim && d < m->stride.ndim; d++)
        if (m->stride.dims[d] != 1) problem = "padding='same' is not supported for strided convolutions";
    if (problem) tg_fail_at(where, TG_ERROR_VALUE, name, "%s", problem);
    return !problem;
}

/* Points `mode` to a name of its own. */
static bool mode_ok(const char *where, const char *name, const char **mode, bool transposed)
{
    for (int i = 0; *mode && i < 4; i++)
        if (strcmp(*mode, padding_modes[i]) == 0) {
            *mode = padding_modes[i];
            if (!transposed || *mode == zeros) return true;
            tg_fail_at(where, TG_ERROR_VALUE, name, "Only \"zeros\" padding mode is supported for %s", name);
            return false;
        }
    tg_fail_at(where, TG_ERROR_VALUE, name,
               "padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got padding_mode='%s'",
               *mode ? *mode : "NULL");
    return false;
}

static void make_parameters(tg_conv *m, const tg_conv_module_options *options)
{
    tg_shape shape = tg_shape(m->out_channels, m->in_channels / m->groups);
    if (m->transposed) shape = tg_shape(m->in_channels, m->out_channels / m->groups);
    double fan_in = (double)shape.dims[1];
    for (int d = 0; d < m->spatial; d++) {
        shape.dims[shape.ndim++] = m->kernel_size.dims[d];
        fan_in *= (double)m->kernel_size.dims[d];
    }
    TG_PARAMETER(m, weight, tg_empty(shape, .dtype = options->dtype));
    tg_init_kaiming_uniform_(m->weight, .a = sqrt(5.0));
    if (!options->bias) return;
    const double bound = fan_in > 0 ? 1 / sqrt(fan_in) : 0;
    TG_PARAMETER(m, bias, tg_empty(tg_shape(m->out_channels), .dtype = options->dtype));
    tg_init_uniform_(m->bias, -bound, bound);
}

static tg_conv *conv_new(const char *where, const char *name, int spatial, bool transposed, int64_t in, int64_t out,
                         tg_shape kernel_size, const tg_conv_module_options *o)
{
    tg_conv wanted = { .in_channels = in,
                       .out_channels = out,
                       .groups = o->groups,
                       .spatial = spatial,
                       .transposed = transposed,
                       .kernel_size = spread(kernel_size, spatial),
                       .stride = spread(o->stride, spatial),
                       .padding = spread(o->padding, spatial),
                       .output_padding = spread(o->output_padding, spatial),
                       .dilation = spread(o->dilation, spatial),
                       .padding_mode = o->padding_mode };
    if (!options_ok(where, name, in, out, &wanted) || !mode_ok(where, name, &wanted.padding_mode, transposed))
        return NULL;
    tg_conv *m = TGI_MODULE_NEW(where, tg_conv, .name = name, .forward = forward, .extra_repr = extra_repr);
    if (!m) return NULL;
    const tg_module base = m->base;
    *m = wanted;
    m->base = base;
    tg_scope scope = tg_scope_begin();
    make_parameters(m, o);
    tg_scope_end(scope);
    return m;
}

tg_conv *tg_conv1d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                          tg_conv_module_options options)
{
    return conv_new(where, "Conv1d", 1, false, in_channels, out_channels, kernel_size, &options);
}

tg_conv *tg_conv2d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                          tg_conv_module_options options)
{
    return conv_new(where, "Conv2d", 2, false, in_channels, out_channels, kernel_size, &options);
}

tg_conv *tg_conv3d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                          tg_conv_module_options options)
{
    return conv_new(where, "Conv3d", 3, false, in_channels, out_channels, kernel_size, &options);
}

tg_conv *tg_conv_transpose1d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                                    tg_conv_module_options options)
{
    return conv_new(where, "ConvTranspose1d", 1, true, in_channels, out_channels, kernel_size, &options);
}

tg_conv *tg_conv_transpose2d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                                    tg_conv_module_options options)
{
    return conv_new(where, "ConvTranspose2d", 2, true, in_channels, out_channels, kernel_size, &options);
}

tg_conv *tg_conv_transpose3d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                                    tg_conv_module_options options)
{
    return conv_new(where, "ConvTranspose3d", 3, true, in_channels, out_channels, kernel_size, &options);
}

/* ---- calling ---- */

/* The input with its border, in a mode that the op does not have. */
static tg_tensor *bordered(const tg_conv *m, tg_tensor *x)
{
    tg_shape pad = { 2 * m->spatial, { 0 } };
    for (int d = 0; d < m->spatial; d++) {
        const bool same = m->padding.ndim == TG_SAME.ndim;
        const int64_t total = same ? m->dilation.dims[d] * (m->kernel_size.dims[d] - 1) : 2 * m->padding.dims[d];
        int64_t *widths = pad.dims + 2 * (m->spatial - 1 - d);
        widths[0] = total / 2;
        widths[1] = total - total / 2;
    }
    return tg_pad(x, pad, .mode = m->padding_mode);
}

static tg_tensor *convolve(const char *where, const tg_conv *m, tg_tensor *x, tg_shape padding)
{
    const tg_conv_options o = { m->bias, m->stride, padding, m->dilation, m->groups, { 0 } };
    if (m->spatial == 3) return tg_conv3d_at(where, x, m->weight, o);
    return m->spatial == 1 ? tg_conv1d_at(where, x, m->weight, o) : tg_conv2d_at(where, x, m->weight, o);
}

tg_tensor *tg_conv_forward_at(const char *where, tg_conv *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "Conv")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    if (m->transposed) {
        const tg_conv_transpose_options o = { m->bias,   m->stride,   m->padding, m->output_padding,
                                              m->groups, m->dilation, { 0 } };
        if (m->spatial == 3) return tg_conv_transpose3d_at(where, x, m->weight, o);
        return m->spatial == 1 ? tg_conv_transpose1d_at(where, x, m->weight, o)
                               : tg_conv_transpose2d_at(where, x, m->weight, o);
    }
    if (m->padding_mode == zeros) return convolve(where, m, x, m->padding);
    const tg_op op = { .name = m->base.base.name };
    if (!tgi_forward_begin(where, &m->base, &op, tg_list(x))) return NULL;
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, convolve(NULL, m, bordered(m, x), tg_shape(0)));
}
