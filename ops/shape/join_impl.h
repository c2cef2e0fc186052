/* join_impl.h: what the files of the join family share. Internal to ops/. */
#ifndef TG_OPS_SHAPE_JOIN_IMPL_H
#define TG_OPS_SHAPE_JOIN_IMPL_H

#include "ops/join.h"

TG_EXTERN_C_BEGIN

/* Views of `count` pieces that follow each other along dimension `dim`, with one node for all: `sizes` sum to it. */
tg_tensor_list tgi_cut(tg_tensor *t, int dim, int64_t count, const int64_t *sizes);

/* The same for pieces as equal as can be, the longer ones first. */
tg_tensor_list tgi_cut_evenly(tg_tensor *t, int dim, int64_t count);

TG_EXTERN_C_END

#endif
