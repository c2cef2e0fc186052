/* adaptive.c: the module AdaptiveLogSoftmaxWithLoss. */
#include "adaptive.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/extremes.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/loss.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"
#include "module_hooks_impl.h"
#include "sequential.h"

#include <inttypes.h>
#include <math.h>

/* ---- making ---- */

static bool cutoffs_ok(const char *where, int64_t n_classes, const tg_shape *cutoffs)
{
    bool ok = cutoffs->ndim >= 1 && cutoffs->ndim < TG_MAX_DIMS;
    int64_t before = 0;
    for (int i = 0; ok && i < cutoffs->ndim; i++) {
        ok = cutoffs->dims[i] > before && cutoffs->dims[i] < n_classes;
        before = cutoffs->dims[i];
    }
    if (!ok)
        tg_fail_at(
            where, TG_ERROR_VALUE, "AdaptiveLogSoftmaxWithLoss",
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
            "value is between 1 and n_classes-1, and at most %d of them",
            TG_MAX_DIMS - 1);
    return ok;
}

static tg_sequential *projection(const tg_adaptive_log_softmax *m, int cluster,
                                 const tg_adaptive_log_softmax_options *o)
{
    const int64_t hidden = (int64_t)floor((double)m->in_features / pow(o->div_value, cluster + 1));
    const int64_t classes = m->cutoffs.dims[cluster + 1] - m->cutoffs.dims[cluster];
    return tg_sequential_new(tg_linear_new(m->in_features, hidden, .bias = false, .dtype = o->dtype),
                             tg_linear_new(hidden, classes, .bias = false, .dtype = o->dtype));
}

tg_adaptive_log_softmax *tg_adaptive_log_softmax_new_at(const char *where, int64_t in_features, int64_t n_classes,
                                                        tg_shape cutoffs, tg_adaptive_log_softmax_options options)
{
    if (!cutoffs_ok(where, n_classes, &cutoffs)) return NULL;
    if (!(options.div_value >= 1)) {
        tg_fail_at(where, TG_ERROR_VALUE, "AdaptiveLogSoftmaxWithLoss", "div_value must be at least 1, but got %g",
                   options.div_value);
        return NULL;
    }
    tg_adaptive_log_softmax *m = TGI_MODULE_NEW(where, tg_adaptive_log_softmax, .name = "AdaptiveLogSoftmaxWithLoss");
    if (!m) return NULL;
    const int clusters = cutoffs.ndim;
    m->in_features = in_features;
    m->n_classes = n_classes;
    m->cutoffs = cutoffs;
    m->cutoffs.dims[m->cutoffs.ndim++] = n_classes;
    tg_scope scope = tg_scope_begin();
    TG_SUBMODULE(m, head,
                 tg_linear_new(in_features, cutoffs.dims[0] + clusters, .bias = options.head_bias,
                               .dtype = options.dtype));
    TG_SUBMODULE(m, tail, tg_module_list_new());
    for (int i = 0; i < clusters; i++) tg_module_list_append(m->tail, projection(m, i, &options));
    tg_scope_end(scope);
    return m;
}

/* ---- calling ---- */

static const tg_op op = { .name = "AdaptiveLogSoftmaxWithLoss" };

/* The log probabilities of cluster i's classes, given that it is this cluster's. */
static tg_tensor *within(const tg_adaptive_log_softmax *m, int i, tg_tensor *input)
{
    return tg_log_softmax(tg_module_forward(tg_module_list_get(m->tail, i), input), 1);
}

/* What the targets in cluster i add to `output`; the other rows stay as they are. */
static tg_tensor *add_cluster(const tg_adaptive_log_softmax *m, int i, tg_tensor *input, tg_tensor *target,
                              tg_tensor *here, tg_tensor *output)
{
    tg_tensor *found = tg_nonzero(here);
    if (!found || found->dims[0] == 0) return found ? output : NULL;
    tg_tensor *rows = tg_squeeze(found, 1);
    tg_tensor *class_within = tg_sub(tg_index_select(target, 0, rows), m->cutoffs.dims[i]);
    tg_tensor *log_probs = within(m, i, tg_index_select(input, 0, rows));
    return tg_index_add(output, 0, rows, tg_squeeze(tg_gather(log_probs, 1, tg_unsqueeze(class_within, 1)), 1));
}

/* [N, in_features] and [N] to [N]. */
static tg_tensor *log_probs_of(const tg_adaptive_log_softmax *m, tg_tensor *input, tg_tensor *target)
{
    const int clusters = m->cutoffs.ndim - 1;
    const int64_t *cutoffs = m->cutoffs.dims;
    tg_tensor *in_head = target, *here[TG_MAX_DIMS];
    for (int i = 0; i < clusters; i++) {
        here[i] = tg_logical_and(tg_ge(target, cutoffs[i]), tg_lt(target, cutoffs[i + 1]));
        in_head = tg_where(here[i], cutoffs[0] + i, in_head);
    }
    if (!in_head) return NULL;
    tg_tensor *head = tg_log_softmax(tg_module_forward(m->head, input), 1);
    tg_tensor *output = tg_squeeze(tg_gather(head, 1, tg_unsqueeze(in_head, 1)), 1);
    for (int i = 0; i < clusters && output; i++) output = add_cluster(m, i, input, target, here[i], output);
    return output;
}

static bool targets_ok(const tg_adaptive_log_softmax *m, tg_tensor *input, tg_tensor *target)
{
    if (target->ndim > 1)
        return tg_op_fail(&op, tg_list(input, target), "0D or 1D target tensor expected, multi-target not supported");
    if (target->ndim == 1 && input->ndim > 0 && input->dims[0] != target->dims[0])
        return tg_op_fail(&op, tg_list(input, target),
                          "Input and target should have the same size in the batch dimension.");
    if (input->ndim != target->ndim + 1)
        return tg_op_fail(&op, tg_list(input, target), "%dD target tensor expects %dD input tensors", target->ndim,
                          target->ndim + 1);
    if (target->dtype != TG_INT64) return tg_op_fail(&op, tg_list(input, target), "the target must be int64");
    if (target->numel == 0) return true;
    const double least = tg_item(tg_amin(target)), most = tg_item(tg_amax(target));
    return (least >= 0 && most < (double)m->n_classes) ||
           tg_op_fail(&op, tg_list(input, target),
                      "Target values should be in [0, %" PRId64 "], but values in range [%.0f, %.0f] were found.",
                      m->n_classes - 1, least, most);
}

tg_adaptive_log_softmax_output tg_adaptive_log_softmax_forward_at(const char *where, tg_adaptive_log_softmax *m,
                                                                  tg_tensor *input, tg_tensor *target)
{
    const tg_adaptive_log_softmax_output failed = { NULL, NULL };
    tg_adaptive_log_softmax_output out = failed;
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(input, target))) return failed;
    tg_tensor *in[] = { input, target };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 2)) return failed;
    tg_scope scope = tg_scope_begin();
    if (targets_ok(m, in[0], in[1])) {
        const bool one = in[1]->ndim == 0;
        tg_tensor *output =
            one ? log_probs_of(m, tg_unsqueeze(in[0], 0), tg_unsqueeze(in[1], 0)) : log_probs_of(m, in[0], in[1]);
        out.loss = tg_neg(tg_mean(output));
        out.output = out.loss && one ? tg_squeeze(output, 0) : output;
    }
    tg_scope_end_with(scope, &out.output, &out.loss);
    tg_tensor *results[] = { out.output, out.loss };
    tgi_call_end(&call, results);
    return results[0] && results[1] ? (tg_adaptive_log_softmax_output){ results[0], results[1] } : failed;
}

/* [N, in_features] to [N, n_classes] */
static tg_tensor *all_log_probs(const tg_adaptive_log_softmax *m, tg_tensor *input)
{
    tg_tensor *parts[TG_MAX_DIMS], *head = tg_log_softmax(tg_module_forward(m->head, input), 1);
    const int clusters = m->cutoffs.ndim - 1;
    const int64_t own = m->cutoffs.dims[0];
    parts[0] = tg_narrow(head, 1, 0, own);
    for (int i = 0; i < clusters; i++) parts[i + 1] = tg_add(within(m, i, input), tg_narrow(head, 1, own + i, 1));
    return tg_cat(tg_list_of(parts, clusters + 1), 1);
}

static bool batch_ok(const char *where, tg_adaptive_log_softmax *m, tg_tensor *input)
{
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(input))) return false;
    return input->ndim == 2 || tg_op_fail(&op, tg_list(input), "a 2D input tensor is expected");
}

tg_tensor *tg_adaptive_log_softmax_log_prob_at(const char *where, tg_adaptive_log_softmax *m, tg_tensor *input)
{
    if (!batch_ok(where, m, input)) return NULL;
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, all_log_probs(m, input));
}

tg_tensor *tg_adaptive_log_softmax_predict_at(const char *where, tg_adaptive_log_softmax *m, tg_tensor *input)
{
    if (!batch_ok(where, m, input)) return NULL;
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, tg_argmax(all_log_probs(m, input), .dim = 1));
}
