/* element.h: one element of contiguous memory of a floating dtype, as a double. Internal to ops/; for loops that are
 * not hot. */
#ifndef TG_OPS_BASE_ELEMENT_H
#define TG_OPS_BASE_ELEMENT_H

#include "core/tensor_impl.h"

static inline double tgi_get(const void *from, int dtype, int64_t i)
{
    return dtype == TG_FLOAT32 ? (double)((const float *)from)[i] : ((const double *)from)[i];
}

static inline void tgi_put(void *to, int dtype, int64_t i, double value)
{
    if (dtype == TG_FLOAT32)
        ((float *)to)[i] = (float)value;
    else
        ((double *)to)[i] = value;
}

/* Writes the value as a number of the dtype; returns what that lacks. */
static inline double tgi_put_rest(void *to, int dtype, int64_t i, double value)
{
    tgi_put(to, dtype, i, value);
    return value - tgi_get(to, dtype, i);
}

#endif
