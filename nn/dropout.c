/* dropout.c: dropout and RReLU as modules. The formulas are those of ops/layers/. */
#include "dropout.h"

#include "core/error.h"
#include "module_impl.h"

typedef struct dropout {
    tg_module base;
    double p;
    tg_tensor *(*compute)(const char *where, tg_tensor *x, tg_dropout_options options);
} dropout;

static tg_tensor *forward(tg_module *m, tg_tensor *x)
{
    const dropout *d = (const dropout *)m;
    return d->compute(NULL, x, TG_DROPOUT_OPTIONS(.p = d->p, .training = m->training));
}

static int extra_repr(tg_module *m, char *buffer, size_t size)
{
    char text[TGI_REAL_TEXT];
    return snprintf(buffer, size, "p=%s, inplace=False", tgi_real_text(((dropout *)m)->p, text));
}

static tg_module *dropout_new(const char *where, const char *name, double p,
                              tg_tensor *(*compute)(const char *, tg_tensor *, tg_dropout_options))
{
    if (!(p >= 0 && p <= 1)) {
        char text[TGI_REAL_TEXT];
        tg_fail_at(where, TG_ERROR_VALUE, "dropout", "dropout probability has to be between 0 and 1, but got %s",
                   tgi_real_text(p, text));
        return NULL;
    }
    dropout *m = TGI_MODULE_NEW(where, dropout, .name = name, .type = "", .forward = forward, .extra_repr = extra_repr);
    if (!m) return NULL;
    m->p = p;
    m->base.base.has_modes = p > 0;
    m->compute = compute;
    return &m->base;
}

tg_module *tg_dropout_new_at(const char *where, double p) { return dropout_new(where, "Dropout", p, tg_dropout_at); }
tg_module *tg_dropout1d_new_at(const char *where, double p)
{
    return dropout_new(where, "Dropout1d", p, tg_dropout1d_at);
}
tg_module *tg_dropout2d_new_at(const char *where, double p)
{
    return dropout_new(where, "Dropout2d", p, tg_dropout2d_at);
}
tg_module *tg_dropout3d_new_at(const char *where, double p)
{
    return dropout_new(where, "Dropout3d", p, tg_dropout3d_at);
}
tg_module *tg_alpha_dropout_new_at(const char *where, double p)
{
    return dropout_new(where, "AlphaDropout", p, tg_alpha_dropout_at);
}
tg_module *tg_feature_alpha_dropout_new_at(const char *where, double p)
{
    return dropout_new(where, "FeatureAlphaDropout", p, tg_feature_alpha_dropout_at);
}

/* ---- RReLU ---- */

typedef struct rrelu {
    tg_module base;
    double lower, upper;
} rrelu;

static tg_tensor *rrelu_forward(tg_module *module, tg_tensor *x)
{
    const rrelu *m = (const rrelu *)module;
    return tg_rrelu(x, .lower = m->lower, .upper = m->upper, .training = module->training);
}

static int rrelu_repr(tg_module *m, char *buffer, size_t size)
{
    char lower[TGI_REAL_TEXT], upper[TGI_REAL_TEXT];
    return snprintf(buffer, size, "lower=%s, upper=%s", tgi_real_text(((rrelu *)m)->lower, lower),
                    tgi_real_text(((rrelu *)m)->upper, upper));
}

tg_module *tg_rrelu_new_at(const char *where, tg_rrelu_module_options options)
{
    rrelu *m = TGI_MODULE_NEW(where, rrelu, .name = "RReLU", .type = "", .forward = rrelu_forward,
                              .extra_repr = rrelu_repr, .has_modes = true);
    if (!m) return NULL;
    m->lower = options.lower;
    m->upper = options.upper;
    return &m->base;
}
