/* averaged.c: averages of weights, and the statistics of BatchNorm that belong to them. */
#include "averaged.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/batch_norm.h"
#include "nn/module_hooks_impl.h"
#include "ops/create.h"
#include "ops/pointwise.h"

#include <string.h>

static const tg_op averaged = { .name = "AveragedModel" };

static tg_tensor *forward(tg_module *m, tg_tensor *x)
{
    return tg_averaged_model_forward_at(NULL, (tg_averaged_model *)m, x);
}

tg_averaged_model *tg_averaged_model_new_at(const char *where, tg_module *model, tg_averaged_model_options options)
{
    if (!tgi_module_ok(where, model, averaged.name)) return NULL;
    if (!isnan(options.ema_decay) && (options.avg_fn || !(options.ema_decay >= 0 && options.ema_decay <= 1))) {
        if (options.avg_fn)
            tg_fail_at(where, TG_ERROR_VALUE, averaged.name, "avg_fn and ema_decay are two averages");
        else
            tg_fail_at(where, TG_ERROR_VALUE, averaged.name,
                       "Invalid decay value %g provided. Please provide a value "
                       "in [0,1] range.",
                       options.ema_decay);
        return NULL;
    }
    tg_averaged_model *m = TGI_MODULE_NEW(where, tg_averaged_model, .name = averaged.name, .forward = forward);
    if (!m) return NULL;
    m->avg_fn = options.avg_fn;
    m->context = options.context;
    m->ema_decay = options.ema_decay;
    m->use_buffers = options.use_buffers;
    const tg_scope scope = tg_scope_begin();
    TG_SUBMODULE(m, module, tg_module_copy_at(NULL, model));
    TG_BUFFER(m, n_averaged, tg_scalar(0, .dtype = TG_INT64));
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_averaged_model_forward_at(const char *where, tg_averaged_model *m, tg_tensor *x)
{
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &averaged, tg_list(x))) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    return tg_module_forward_at(NULL, m->module, x);
}

/* ---- averages ---- */

/* Tensors and what becomes of them. */
typedef struct averages {
    tg_tensor_list mine, theirs;
    tg_tensor **made;
} averages;

static tg_tensor *average(const tg_averaged_model *m, tg_tensor *mine, tg_tensor *theirs, int64_t n)
{
    if (n == 0) return theirs;
    if (m->avg_fn) {
        const tgi_place place = tgi_place_keep();
        tg_tensor *made = m->avg_fn(mine, theirs, n, m->context);
        tgi_place_back(place);
        return made;
    }
    if (!isnan(m->ema_decay)) return tg_add(tg_mul(mine, m->ema_decay), tg_mul(theirs, 1 - m->ema_decay));
    return tg_add(mine, tg_div(tg_sub(theirs, mine), n + 1));
}

static bool alike(const averages *a)
{
    bool same = a->mine.count == a->theirs.count;
    for (int64_t i = 0; same && i < a->mine.count; i++) same = tgi_same_shape(a->mine.items[i], a->theirs.items[i]);
    if (!same && !tg_failed())
        tg_fail_at(NULL, TG_ERROR_VALUE, averaged.name, "the model has other parameters than the one that was copied");
    return same && !tg_failed();
}

/* Makes what the tensors become; false with an error pending. */
static bool prepare(const tg_averaged_model *m, int64_t n, averages *a)
{
    if (!alike(a) || !(a->made = tg_list_new(a->mine.count))) return false;
    for (int64_t i = 0; i < a->mine.count && !tg_failed(); i++) {
        tg_tensor *mine = tg_detach(a->mine.items[i]);
        a->made[i] = average(m, mine, tg_detach(a->theirs.items[i]), n);
        if (tg_failed()) return false;
        if (!tgi_handle_ok(averaged.name, a->made[i])) return false;
        if (tgi_same_shape(a->made[i], mine)) continue;
        tg_op_fail(&averaged, tg_list(mine, a->made[i]), "avg_fn made an average of another shape");
    }
    return !tg_failed();
}

static void take(const averages *a)
{
    for (int64_t i = 0; i < a->mine.count; i++) tg_copy_(a->mine.items[i], a->made[i]);
}

tg_status tg_averaged_model_update_parameters_at(const char *where, tg_averaged_model *m, tg_module *model)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, averaged.name) || !tgi_module_ok(where, model, averaged.name) ||
        tg_failed())
        return TG_FAILED;
    const tg_scope scope = tg_no_grad_begin();
    averages parameters = { tg_parameters_at(NULL, m->module), tg_parameters_at(NULL, model), NULL };
    averages buffers = { { NULL, 0 }, { NULL, 0 }, NULL };
    if (m->use_buffers) buffers = (averages){ tg_buffers_at(NULL, m->module), tg_buffers_at(NULL, model), NULL };
    const int64_t n = (int64_t)tg_item(m->n_averaged);
    if (!tg_failed() && prepare(m, n, &parameters) && prepare(m, n, &buffers)) {
        take(&parameters);
        take(&buffers);
        tg_add_(m->n_averaged, 1);
    }
    tg_scope_end(scope);
    return tg_failed() ? TG_FAILED : TG_OK;
}

/* ---- statistics ---- */

/* A BatchNorm with running statistics, or NULL. */
static tg_batch_norm *batch_norm(tg_module *m)
{
    tg_batch_norm *norm = tg_module_as(m, tg_batch_norm);
    return norm && norm->running_mean && strncmp(m->base.name, "BatchNorm", 9) == 0 ? norm : NULL;
}

/* Statistics that begin anew, as means over all batches; what the momenta were is noted. */
static void begin_statistics(tg_module_array modules, double *momenta)
{
    for (int64_t i = 0; i < modules.count; i++) {
        tg_batch_norm *norm = batch_norm(modules.items[i]);
        if (!norm) continue;
        momenta[i] = norm->momentum;
        norm->momentum = TG_CUMULATIVE_AVERAGE;
        tg_fill_(norm->running_mean, 0);
        tg_fill_(norm->running_var, 1);
        tg_fill_(norm->num_batches_tracked, 0);
    }
}

static void run_batches(tg_module *model, tg_batch_fn batch, void *context)
{
    bool more = true;
    for (int64_t i = 0; more && !tg_failed(); i++) {
        const tg_scope scope = tg_scope_begin();
        const tgi_place place = tgi_place_keep();
        tg_tensor *x = batch(i, context);
        tgi_place_back(place);
        more = x != NULL;
        if (more && !tg_failed()) tg_module_forward_at(NULL, model, x);
        tg_scope_end(scope);
    }
}

tg_status tg_update_bn_at(const char *where, tg_module *model, tg_batch_fn batch, void *context)
{
    static const char what[] = "update_bn";
    if (!tgi_module_ok(where, model, what) || tg_failed()) return TG_FAILED;
    if (!batch) {
        tg_fail_at(where, TG_ERROR_NULL, what, "the function that makes batches is NULL");
        return TG_FAILED;
    }
    const tg_scope scope = tg_no_grad_begin();
    const tg_module_array modules = tg_modules_at(NULL, model);
    bool any = false;
    for (int64_t i = 0; i < modules.count; i++) any = any || batch_norm(modules.items[i]);
    const size_t bytes = (size_t)modules.count * sizeof(double);
    double *momenta = any ? tgi_calloc(bytes) : NULL;
    if (momenta) {
        const bool training = model->training;
        tg_module_train_at(NULL, model, true);
        begin_statistics(modules, momenta);
        run_batches(model, batch, context);
        for (int64_t i = 0; i < modules.count; i++)
            if (batch_norm(modules.items[i])) batch_norm(modules.items[i])->momentum = momenta[i];
        tg_module_train_at(NULL, model, training);
        tgi_free(momenta, bytes);
    }
    tg_scope_end(scope);
    return tg_failed() ? TG_FAILED : TG_OK;
}
