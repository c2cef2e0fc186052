/* embedding_impl.h: what the files of the embedding family share. Internal to ops/. */
#ifndef TG_OPS_INDEX_EMBEDDING_IMPL_H
#define TG_OPS_INDEX_EMBEDDING_IMPL_H

#include "ops/embedding.h"

TG_EXTERN_C_BEGIN

/* The transpose of embedding, an op of its own: g [*, D] added up, row by row, into zeros [num_weights, D] at the
 * indices. No padding: -1. */
tg_tensor *tgi_embedding_dense_backward_at(const char *where, tg_tensor *g, tg_tensor *indices, int64_t num_weights,
                                           int64_t padding_idx, bool scale_grad_by_freq);

/* ---- checks and steps of embedding that embedding_bag takes, too; false: an error was recorded ---- */
bool tgi_embedding_operands_ok(const tg_op *op, tg_tensor *indices, tg_tensor *weight);
/* Shortens the rows at `indices` (contiguous) that are longer than max_norm, in place. */
bool tgi_embedding_renorm(const tg_op *op, tg_tensor *weight, tg_tensor *indices, double max_norm, double norm_type);

/* The name of a mode of embedding_bag, to be kept; NULL if there is none like it. */
const char *tgi_bag_mode(const char *mode);

TG_EXTERN_C_END

#endif
