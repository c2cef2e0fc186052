/* pad.c: tg_pad, wrapped as modules. */
#include "pad.h"

#include "core/error.h"
#include "ops/rearrange.h"
#include "module_impl.h"

typedef struct border {
    tg_module base;
    tg_shape pad; /* two widths for each dimension */
    const char *mode;
    double value;
} border;

static tg_tensor *forward(tg_module *module, tg_tensor *x)
{
    const border *m = (const border *)module;
    return tg_pad(x, m->pad, .mode = m->mode, .value = m->value);
}

static int widths_repr(tg_module *m, char *buffer, size_t size)
{
    char text[TG_SHAPE_TEXT];
    return snprintf(buffer, size, "%s", tgi_print_list("", &((border *)m)->pad, text, sizeof text));
}

static int constant_repr(tg_module *m, char *buffer, size_t size)
{
    char text[TG_SHAPE_TEXT], value[TGI_REAL_TEXT];
    return snprintf(buffer, size, "%s, value=%s", tgi_print_list("padding=", &((border *)m)->pad, text, sizeof text),
                    tgi_real_text(((border *)m)->value, value));
}

typedef int repr_fn(tg_module *module, char *buffer, size_t size);

static tg_module *border_new(const char *where, const char *name, int spatial, tg_shape pad, const char *mode,
                             double value, repr_fn *repr)
{
    if (pad.ndim == 1)
        for (; pad.ndim < 2 * spatial; pad.ndim++) pad.dims[pad.ndim] = pad.dims[0];
    if (pad.ndim != 2 * spatial) {
        tg_fail_at(where, TG_ERROR_VALUE, name, "padding has one entry, or two for each of %d dimension%s", spatial,
                   spatial == 1 ? "" : "s");
        return NULL;
    }
    border *m = TGI_MODULE_NEW(where, border, .name = name, .type = "", .forward = forward, .extra_repr = repr);
    if (!m) return NULL;
    m->pad = pad;
    m->mode = mode;
    m->value = value;
    return &m->base;
}

tg_module *tg_constant_pad1d_new_at(const char *where, tg_shape padding, double value)
{
    return border_new(where, "ConstantPad1d", 1, padding, "constant", value, constant_repr);
}

tg_module *tg_constant_pad2d_new_at(const char *where, tg_shape padding, double value)
{
    return border_new(where, "ConstantPad2d", 2, padding, "constant", value, constant_repr);
}

tg_module *tg_constant_pad3d_new_at(const char *where, tg_shape padding, double value)
{
    return border_new(where, "ConstantPad3d", 3, padding, "constant", value, constant_repr);
}

tg_module *tg_zero_pad2d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ZeroPad2d", 2, padding, "constant", 0, widths_repr);
}

tg_module *tg_reflection_pad1d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ReflectionPad1d", 1, padding, "reflect", 0, widths_repr);
}

tg_module *tg_reflection_pad2d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ReflectionPad2d", 2, padding, "reflect", 0, widths_repr);
}

tg_module *tg_reflection_pad3d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ReflectionPad3d", 3, padding, "reflect", 0, widths_repr);
}

tg_module *tg_replication_pad1d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ReplicationPad1d", 1, padding, "replicate", 0, widths_repr);
}

tg_module *tg_replication_pad2d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ReplicationPad2d", 2, padding, "replicate", 0, widths_repr);
}

tg_module *tg_replication_pad3d_new_at(const char *where, tg_shape padding)
{
    return border_new(where, "ReplicationPad3d", 3, padding, "replicate", 0, widths_repr);
}
