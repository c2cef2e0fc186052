/* iterate.h: runs a kernel's loop over tensors of any strides. Internal to ops/. */
#ifndef TG_OPS_BASE_ITERATE_H
#define TG_OPS_BASE_ITERATE_H

#include "core/tensor_impl.h"
#include "ops/kernels/kernels.h"
#include "copy.h"

TG_EXTERN_C_BEGIN

#define TGI_MAX_OPERANDS 6

/* Calls `loop` on t[0] (written) and t[1..count-1] (read), each broadcast to t[0]'s shape. Entries may be NULL where
 * the loop does not read them. Dimensions are merged where strides allow, so contiguous tensors take one call. Large
 * work is cut among threads by size alone. */
void tgi_iterate(tgi_loop loop, int count, tg_tensor *const *t);
/* The same, with a row's parameters for the loop (kernels/row_loops.h), or NULL. */
void tgi_iterate_with(tgi_loop loop, int count, tg_tensor *const *t, const void *parameters);

/* The common shape of `a` and `b`. False, with PyTorch's error recorded, when they do not broadcast. `shape` may be one
 * of them. */
bool tgi_broadcast(const tg_op *op, tg_tensor_list inputs, const tg_shape *a, const tg_shape *b, tg_shape *shape);

/* `t` itself if it is contiguous, else a contiguous copy; of the given dtype. Raw: records nothing. NULL on failure. */
tg_tensor *tgi_contiguous_raw(tg_tensor *t);

/* `t` itself or a contiguous copy; either way a reference that the caller gives back with tgi_unref as soon as its loop
 * is over, so that the copy does not stay until the scope ends. */
static inline tg_tensor *tgi_own_contiguous(tg_tensor *t)
{
    tg_tensor *c = tgi_contiguous_raw(t);
    return c == t ? tgi_ref(t) : tgi_own(c);
}

/* `y`, made by views of what the op computed, as a result like any other, which may be written in place. Where it
 * shares memory with an input it stays a view. NULL is passed on. */
tg_tensor *tgi_ordinary(tg_tensor *y, tg_tensor_list inputs);

/* The same, but what shares memory with t is copied, and recorded: for what PyTorch says is new. */
tg_tensor *tgi_with_own_data(tg_tensor *y, const tg_tensor *t);

TG_EXTERN_C_END

#endif
