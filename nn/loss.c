/* loss.c: losses as modules. The formulas are those of ops/. */
#include "loss.h"

#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "module_hooks_impl.h"

/* Any loss. Which reductions it has, beyond that there is such a one, is for its function to say. */
static void *any_loss_new(const char *where, size_t bytes, const char *type, const char *name, tg_reduction reduction)
{
    const tg_module_class module_class = { .name = name, .type = type };
    void *m = tg_module_new_at(where, bytes, module_class);
    if (!m || (unsigned)reduction <= TG_REDUCTION_BATCHMEAN) return m;
    tg_fail_at(where, TG_ERROR_VALUE, name, "%d is not a valid value for reduction", (int)reduction);
    tg_module_free_at(where, m);
    return NULL;
}

static tg_loss *loss_new(const char *where, const char *name, tg_reduction reduction,
                         tg_tensor *(*compute)(const tg_loss *, tg_tensor *, tg_tensor *))
{
    tg_loss *m = any_loss_new(where, sizeof *m, "tg_loss", name, reduction);
    if (m) m->compute = compute;
    return m;
}

#define COMPUTE(name_, function_, member_)                                                                             \
    static tg_tensor *name_(const tg_loss *m, tg_tensor *input, tg_tensor *target)                                     \
    {                                                                                                                  \
        return tg_##function_##_at(NULL, input, target, m->options.member_);                                           \
    }
/* A loss without weights: its function, options and name. */
#define LOSS(name_, function_, type_, member_, text_)                                                                  \
    COMPUTE(name_, function_, member_)                                                                                 \
    tg_loss *tg_##name_##_loss_new_at(const char *where, type_ options)                                                \
    {                                                                                                                  \
        tg_loss *m = loss_new(where, text_, options.reduction, name_);                                                 \
        if (m) TGI_SET_OPTIONS(m->options.member_, options);                                                           \
        return m;                                                                                                      \
    }
LOSS(mse, mse_loss, tg_loss_options, plain, "MSELoss")
LOSS(l1, l1_loss, tg_loss_options, plain, "L1Loss")
LOSS(smooth_l1, smooth_l1_loss, tg_smooth_l1_options, smooth_l1, "SmoothL1Loss")
LOSS(huber, huber_loss, tg_huber_options, huber, "HuberLoss")
LOSS(poisson_nll, poisson_nll_loss, tg_poisson_nll_options, poisson_nll, "PoissonNLLLoss")
LOSS(kl_div, kl_div, tg_kl_div_options, kl_div, "KLDivLoss")
LOSS(hinge_embedding, hinge_embedding_loss, tg_hinge_embedding_options, hinge_embedding, "HingeEmbeddingLoss")
LOSS(soft_margin, soft_margin_loss, tg_loss_options, plain, "SoftMarginLoss")
LOSS(multilabel_margin, multilabel_margin_loss, tg_loss_options, plain, "MultiLabelMarginLoss")

/* ---- with weights ---- */

/* Registers what `weight` points to and points it to what was registered. False: there was one, and it failed. */
static bool take_weight(tg_loss *m, const char *name, tg_tensor **weight)
{
    if (*weight) *weight = tg_register_buffer_at(NULL, &m->base, name, *weight);
    return tg_optional_ok(*weight);
}

#define WEIGHTED_LOSS(name_, function_, type_, member_, text_)                                                         \
    COMPUTE(name_, function_, member_)                                                                                 \
    tg_loss *tg_##name_##_loss_new_at(const char *where, type_ options)                                                \
    {                                                                                                                  \
        tg_loss *m = loss_new(where, text_, options.reduction, name_);                                                 \
        if (!m) return NULL;                                                                                           \
        TGI_SET_OPTIONS(m->options.member_, options);                                                                  \
        if (take_weight(m, "weight", &m->options.member_.weight)) return m;                                            \
        tg_module_free(m);                                                                                             \
        return NULL;                                                                                                   \
    }
WEIGHTED_LOSS(nll, nll_loss, tg_nll_options, nll, "NLLLoss")
WEIGHTED_LOSS(cross_entropy, cross_entropy, tg_cross_entropy_options, cross_entropy, "CrossEntropyLoss")
WEIGHTED_LOSS(bce, binary_cross_entropy, tg_bce_options, bce, "BCELoss")
WEIGHTED_LOSS(multi_margin, multi_margin_loss, tg_multi_margin_options, multi_margin, "MultiMarginLoss")
WEIGHTED_LOSS(multilabel_soft_margin, multilabel_soft_margin_loss, tg_bce_options, bce, "MultiLabelSoftMarginLoss")

static tg_tensor *bce_with_logits(const tg_loss *m, tg_tensor *input, tg_tensor *target)
{
    return tg_binary_cross_entropy_with_logits_at(NULL, input, target, m->options.bce_logits);
}

tg_loss *tg_bce_with_logits_loss_new_at(const char *where, tg_bce_logits_options options)
{
    tg_loss *m = loss_new(where, "BCEWithLogitsLoss", options.reduction, bce_with_logits);
    if (!m) return NULL;
    TGI_SET_OPTIONS(m->options.bce_logits, options);
    if (take_weight(m, "weight", &m->options.bce_logits.weight) &&
        take_weight(m, "pos_weight", &m->options.bce_logits.pos_weight))
        return m;
    tg_module_free(m);
    return NULL;
}

tg_tensor *tg_loss_forward_at(const char *where, tg_loss *m, tg_tensor *input, tg_tensor *target)
{
    const tg_op op = { .name = tgi_module_name(m ? &m->base : NULL, "loss") };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(input, target))) return NULL;
    tg_tensor *in[] = { input, target };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_scope_return(scope, m->compute(m, in[0], in[1]));
    tgi_call_end(&call, &y);
    return y;
}

/* ---- of three tensors ---- */

#define TRIPLE_LOSS(name_, type_, member_, text_)                                                                      \
    static tg_tensor *name_(const tg_triple_loss *m, tg_tensor *a, tg_tensor *b, tg_tensor *c)                         \
    {                                                                                                                  \
        return tg_##name_##_loss_at(NULL, a, b, c, m->options.member_);                                                \
    }                                                                                                                  \
    tg_triple_loss *tg_##name_##_loss_new_at(const char *where, type_ options)                                         \
    {                                                                                                                  \
        tg_triple_loss *m = any_loss_new(where, sizeof *m, "tg_triple_loss", text_, options.reduction);                \
        if (!m) return NULL;                                                                                           \
        m->compute = name_;                                                                                            \
        TGI_SET_OPTIONS(m->options.member_, options);                                                                  \
        return m;                                                                                                      \
    }
TRIPLE_LOSS(gaussian_nll, tg_gaussian_nll_options, gaussian_nll, "GaussianNLLLoss")
TRIPLE_LOSS(margin_ranking, tg_margin_options, margin, "MarginRankingLoss")
TRIPLE_LOSS(cosine_embedding, tg_margin_options, margin, "CosineEmbeddingLoss")
TRIPLE_LOSS(triplet_margin, tg_triplet_margin_options, triplet_margin, "TripletMarginLoss")

tg_tensor *tg_triple_loss_forward_at(const char *where, tg_triple_loss *m, tg_tensor *a, tg_tensor *b, tg_tensor *c)
{
    const tg_op op = { .name = tgi_module_name(m ? &m->base : NULL, "loss") };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(a, b, c))) return NULL;
    tg_tensor *in[] = { a, b, c };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 3, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_scope_return(scope, m->compute(m, in[0], in[1], in[2]));
    tgi_call_end(&call, &y);
    return y;
}

/* ---- of sequences ---- */

tg_ctc_loss *tg_ctc_loss_new_at(const char *where, tg_ctc_options options)
{
    tg_ctc_loss *m = any_loss_new(where, sizeof *m, "tg_ctc_loss", "CTCLoss", options.reduction);
    if (m) TGI_SET_OPTIONS(m->options, options);
    return m;
}

tg_tensor *tg_ctc_loss_forward_at(const char *where, tg_ctc_loss *m, tg_tensor *log_probs, tg_tensor *targets,
                                  tg_tensor *input_lengths, tg_tensor *target_lengths)
{
    const tg_op op = { .name = "CTCLoss" };
    const tg_tensor_list inputs = tg_list(log_probs, targets, input_lengths, target_lengths);
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, inputs)) return NULL;
    tg_tensor *in[] = { log_probs, targets, input_lengths, target_lengths };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 4, 1)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_scope_return(scope, tg_ctc_loss_at(NULL, in[0], in[1], in[2], in[3], m->options));
    tgi_call_end(&call, &y);
    return y;
}
