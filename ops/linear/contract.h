/* contract.h: two tensors whose dimensions have names, contracted. Internal to ops/; tensordot and einsum stand on
 * it. */
#ifndef TG_OPS_LINEAR_CONTRACT_H
#define TG_OPS_LINEAR_CONTRACT_H

#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

/* A tensor and a label for each of its dimensions, none twice. `t` is NULL when something failed. */
typedef struct tgi_term {
    tg_tensor *t;
    int labels[TG_MAX_DIMS];
} tgi_term;

enum { TGI_LABELS = 64 };

/* The product of a and b over their common labels, summed over those that are not in `kept` (a bit for each label). A
 * size of 1 stands for any size. The result's labels are the common ones, then a's others, then b's. */
tgi_term tgi_contract(const tg_op *op, tg_tensor_list inputs, tgi_term a, tgi_term b, uint64_t kept);

/* `a` summed over the labels that are not in `kept`. */
tgi_term tgi_sum_labels(tgi_term a, uint64_t kept);

/* The dimensions of `a` in the order of `labels`, which are all it has. */
tg_tensor *tgi_in_order(tgi_term a, const int *labels);

TG_EXTERN_C_END

#endif
