/* parameters.h: a parameter and its gradient, for tests of optimisers. */
#ifndef TG_TESTS_SUPPORT_PARAMETERS_H
#define TG_TESTS_SUPPORT_PARAMETERS_H

#include "ops/create.h"

/* A leaf [0.5, -1.25, 2]. */
static inline tg_tensor *parameter(tg_dtype dtype)
{
    return tg_from_data(((const double[]){ 0.5, -1.25, 2.0 }), tg_shape(3), .dtype = dtype, .requires_grad = true);
}

/* Sets p.grad, whatever is there. */
static inline void give_gradient(tg_tensor *p, const double *values)
{
    tg_set_grad(p, tg_from_data(values, tg_shape_of(p), .dtype = tg_dtype_of(p)));
}

#endif
