/* element_impl.h: elements read where they lie, by no op: who is told of an op calls none. Internal. */
#ifndef TG_CORE_WATCH_TAPE_ELEMENT_IMPL_H
#define TG_CORE_WATCH_TAPE_ELEMENT_IMPL_H

#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

/* Where element `i`, in row-major order, lies: in elements from the first. */
static inline int64_t tgi_offset_of(const tg_tensor *t, int64_t i)
{
    if (t->contiguous) return i;
    int64_t offset = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        offset += i % t->dims[d] * tgi_strides(t)[d];
        i /= t->dims[d];
    }
    return offset;
}

/* The number that lies there. */
static inline double tgi_number_at(const tg_tensor *t, int64_t offset)
{
    const void *data = tgi_ptr(t);
    switch ((tg_dtype)t->dtype) {
    case TG_FLOAT32: return (double)((const float *)data)[offset];
    case TG_FLOAT64: return ((const double *)data)[offset];
    case TG_INT64: return (double)((const int64_t *)data)[offset];
    default: return ((const bool *)data)[offset];
    }
}

TG_EXTERN_C_END

#endif
