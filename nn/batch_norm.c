/* batch_norm.c: the modules BatchNorm1d to 3d, InstanceNorm1d to 3d: one struct, two forwards. */
#include "batch_norm.h"

#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/create.h"
#include "ops/normalization.h"
#include "ops/pointwise.h"
#include "ops/view.h"
#include "module_hooks_impl.h"

/* ---- what both share ---- */

static const char *python_bool(bool b) { return b ? "True" : "False"; }

static int extra_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_batch_norm *m = (const tg_batch_norm *)module;
    char eps[TGI_REAL_TEXT], momentum[TGI_REAL_TEXT];
    return snprintf(buffer, size, "%lld, eps=%s, momentum=%s, affine=%s, track_running_stats=%s",
                    (long long)m->num_features, tgi_real_text(m->eps, eps),
                    m->momentum == TG_CUMULATIVE_AVERAGE ? "None" : tgi_real_text(m->momentum, momentum),
                    python_bool(m->affine), python_bool(m->track_running_stats));
}

/* For inputs of least_dims to most_dims dimensions. */
static tg_batch_norm *make(const char *where, const char *name, tg_forward_fn forward, int least_dims, int most_dims,
                           int64_t num_features, const tg_batch_norm_module_options *o)
{
    tg_batch_norm *m = TGI_MODULE_NEW(where, tg_batch_norm, .name = name, .forward = forward, .extra_repr = extra_repr);
    if (!m) return NULL;
    m->num_features = num_features;
    m->eps = o->eps;
    m->momentum = o->momentum;
    m->affine = o->affine;
    m->track_running_stats = o->track_running_stats;
    m->base.base.has_modes = o->track_running_stats;
    m->least_dims = least_dims;
    m->most_dims = most_dims;
    tg_scope scope = tg_scope_begin();
    if (o->affine) {
        TG_PARAMETER(m, weight, tg_ones(tg_shape(num_features), .dtype = o->dtype));
        TG_PARAMETER(m, bias, tg_zeros(tg_shape(num_features), .dtype = o->dtype));
    }
    if (o->track_running_stats) {
        TG_BUFFER(m, running_mean, tg_zeros(tg_shape(num_features), .dtype = o->dtype));
        TG_BUFFER(m, running_var, tg_ones(tg_shape(num_features), .dtype = o->dtype));
        TG_BUFFER(m, num_batches_tracked, tg_scalar(0, .dtype = TG_INT64));
    }
    tg_scope_end(scope);
    return m;
}

/* "expected 2D or 3D input (got 4D input)" */
static bool dims_fit(const char *where, const tg_batch_norm *m, tg_tensor *x)
{
    const tg_op op = { .name = m->base.base.name };
    if (!tgi_forward_begin(where, &m->base, &op, tg_list(x))) return false;
    if (x->ndim >= m->least_dims && x->ndim <= m->most_dims) return true;
    if (m->least_dims == m->most_dims)
        tg_op_fail(&op, tg_list(x), "expected %dD input (got %dD input)", m->most_dims, x->ndim);
    else
        tg_op_fail(&op, tg_list(x), "expected %dD or %dD input (got %dD input)", m->least_dims, m->most_dims, x->ndim);
    return false;
}

/* ---- BatchNorm ---- */

/* Counts the batch. The part of the running statistics that it shall become. */
static bool count_batch(tg_batch_norm *m, double *momentum)
{
    if (!tg_add_(m->num_batches_tracked, 1)) return false;
    if (m->momentum == TG_CUMULATIVE_AVERAGE) *momentum = 1 / tg_item(m->num_batches_tracked);
    return true;
}

tg_tensor *tg_batch_norm_forward_at(const char *where, tg_batch_norm *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "BatchNorm")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    if (!dims_fit(where, m, x)) return NULL;
    const bool training = m->base.training, tracks = !training || m->track_running_stats;
    double momentum = m->momentum == TG_CUMULATIVE_AVERAGE ? 0 : m->momentum;
    if (training && m->track_running_stats && !count_batch(m, &momentum)) return NULL;
    const tg_batch_norm_options o = { .weight = m->weight,
                                      .bias = m->bias,
                                      .training = training || !m->running_mean,
                                      .momentum = momentum,
                                      .eps = m->eps };
    return tg_batch_norm_at(where, x, tracks ? m->running_mean : NULL, tracks ? m->running_var : NULL, o);
}

static tg_tensor *batch_forward(tg_module *m, tg_tensor *x) { return tg_batch_norm_forward((tg_batch_norm *)m, x); }

tg_batch_norm *tg_batch_norm1d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options o)
{
    return make(where, "BatchNorm1d", batch_forward, 2, 3, num_features, &o);
}

tg_batch_norm *tg_batch_norm2d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options o)
{
    return make(where, "BatchNorm2d", batch_forward, 4, 4, num_features, &o);
}

tg_batch_norm *tg_batch_norm3d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options o)
{
    return make(where, "BatchNorm3d", batch_forward, 5, 5, num_features, &o);
}

/* ---- InstanceNorm ---- */

tg_tensor *tg_instance_norm_forward_at(const char *where, tg_instance_norm *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "InstanceNorm")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    if (!dims_fit(where, m, x)) return NULL;
    const bool one = x->ndim == m->least_dims; /* a sample without its batch */
    const tg_instance_norm_options o = { .running_mean = m->running_mean,
                                         .running_var = m->running_var,
                                         .weight = m->weight,
                                         .bias = m->bias,
                                         .use_input_stats = m->base.training || !m->track_running_stats,
                                         .momentum = m->momentum == TG_CUMULATIVE_AVERAGE ? 0 : m->momentum,
                                         .eps = m->eps };
    tg_tensor *y = tg_instance_norm_at(where, one ? tg_unsqueeze(x, 0) : x, o);
    return one ? tg_squeeze(y, 0) : y;
}

static tg_tensor *instance_forward(tg_module *m, tg_tensor *x)
{
    return tg_instance_norm_forward((tg_instance_norm *)m, x);
}

tg_instance_norm *tg_instance_norm1d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options o)
{
    return make(where, "InstanceNorm1d", instance_forward, 2, 3, num_features, &o);
}

tg_instance_norm *tg_instance_norm2d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options o)
{
    return make(where, "InstanceNorm2d", instance_forward, 3, 4, num_features, &o);
}

tg_instance_norm *tg_instance_norm3d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options o)
{
    return make(where, "InstanceNorm3d", instance_forward, 4, 5, num_features, &o);
}
