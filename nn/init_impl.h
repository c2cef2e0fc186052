/* init_impl.h: what the functions of init.h share. Internal to nn/. */
#ifndef TG_NN_INIT_IMPL_H
#define TG_NN_INIT_IMPL_H

#include "core/op.h"
#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

typedef enum tgi_distribution { TGI_UNIFORM, TGI_NORMAL } tgi_distribution;

/* Opens an init function in the name that PyTorch gives it; false, with an error, unless `t` is of a floating dtype. */
bool tgi_init_ready(const char *where, const char *name, tg_tensor *t);

/* The parameters that PyTorch's uniform_ and normal_ take; false with its error. */
bool tgi_init_uniform_fits(const char *where, const char *name, double a, double b);
bool tgi_init_normal_fits(const char *where, const char *name, double std);

/* A new tensor of t's shape and dtype that holds what PyTorch would fill `t` with, from the thread's generator: from a
 * to b, or with mean a and standard deviation b. Contiguous if `t` is: PyTorch fills memory in its order. */
tg_tensor *tgi_init_drawn(const tg_tensor *t, tgi_distribution kind, double a, double b);

TG_EXTERN_C_END

#endif
