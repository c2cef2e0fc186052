/* join_impl.h: what the files of the join family share. Internal to ops/. */
#ifndef TG_OPS_SHAPE_JOIN_IMPL_H
#define TG_OPS_SHAPE_JOIN_IMPL_H

#include "ops/join.h"

TG_EXTERN_C_BEGIN

/* Views of `count` pieces that follow each other along dimension `dim`, with one node for all: `sizes` sum to it. */
tg_tensor_list tgi_cut(tg_tensor *t, int dim, int64_t count, const int64_t *sizes);

/* The same for pieces as equal as can be, the longer ones first. */
tg_tensor_list tgi_cut_evenly(tg_tensor *t, int dim, int64_t count);

/* ---- descriptors, for the family's table ---- */
extern const tg_op tgi_op_tensor_split, tgi_op_tensor_split_indices, tgi_op_hsplit, tgi_op_vsplit, tgi_op_dsplit,
    tgi_op_hsplit_indices, tgi_op_vsplit_indices, tgi_op_dsplit_indices;
extern const tg_op tgi_op_hstack, tgi_op_vstack, tgi_op_dstack, tgi_op_column_stack;
extern const tg_op tgi_op_broadcast_tensors, tgi_op_meshgrid, tgi_op_cartesian_prod, tgi_op_combinations;

TG_EXTERN_C_END

#endif
