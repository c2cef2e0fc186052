/* dropout.c: the mask is drawn as PyTorch draws it: kept with probability 1 - p, one 53-bit draw for each element. */
#include "dropout.h"

#include "../core/error.h"
#include "../core/rng.h"
#include "../core/scope.h"
#include "../core/tensor_impl.h"
#include "../ops/pointwise.h"
#include "../ops/view.h"
#include "module_impl.h"

static bool probability_ok(const char *where, double p)
{
    if (p >= 0 && p <= 1) return true;
    char text[TGI_REAL_TEXT];
    tg_fail_at(where, TG_ERROR_VALUE, "dropout", "dropout probability has to be between 0 and 1, but got %s",
               tgi_real_text(p, text));
    return false;
}

/* 1 / (1 - p) where kept, 0 elsewhere. */
static tg_tensor *draw_mask(tg_tensor *x, double p)
{
    const tg_shape shape = tgi_shape(x);
    tg_tensor *kept = tgi_new(&shape, TG_BOOL);
    if (kept) tg_generate_bernoulli(tg_default_generator(), tgi_ptr(kept), kept->numel, 1 - p);
    return tg_div(tg_to(kept, tg_dtype_of(x)), 1 - p);
}

tg_tensor *tg_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options)
{
    const tg_op op = { .name = "dropout" };
    if (!tg_op_begin(where, &op, tg_list(x)) || !probability_ok(where, options.p)) return NULL;
    if (!tgi_is_floating(x)) return tg_op_fail(&op, tg_list(x), "a floating dtype is wanted");
    if (options.p == 0 || !options.training || x->numel == 0) return x;
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, options.p == 1 ? tg_mul(x, 0.0) : tg_mul(x, draw_mask(x, options.p)));
}

/* ---- the module ---- */

typedef struct dropout {
    tg_module base;
    double p;
} dropout;

static tg_tensor *forward(tg_module *m, tg_tensor *x)
{
    return tg_dropout(x, .p = ((dropout *)m)->p, .training = m->training);
}

static int extra_repr(tg_module *m, char *buffer, size_t size)
{
    char text[TGI_REAL_TEXT];
    return snprintf(buffer, size, "p=%s, inplace=False", tgi_real_text(((dropout *)m)->p, text));
}

tg_module *tg_dropout_new_at(const char *where, double p)
{
    const tg_module_class module_class = { "Dropout", forward, extra_repr, NULL };
    if (!probability_ok(where, p)) return NULL;
    dropout *m = tg_module_new_at(where, sizeof *m, module_class);
    if (!m) return NULL;
    m->p = p;
    return &m->base;
}
