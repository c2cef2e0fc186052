/* random_impl.h: how what is drawn comes into a tensor. Internal to ops/random/. */
#ifndef TG_OPS_RANDOM_RANDOM_IMPL_H
#define TG_OPS_RANDOM_RANDOM_IMPL_H

#include "core/rng.h"
#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

/* One number of a distribution with these parameters. */
typedef double (*tgi_draw_one)(tg_generator *g, const double *parameters);

/* Fills a contiguous tensor, one number after the other, each converted to its dtype. */
void tgi_draw_each(tg_tensor *t, tg_generator *g, tgi_draw_one draw, const double *parameters);

double tgi_draw_exponential(tg_generator *g, const double *rate);
double tgi_draw_bernoulli(tg_generator *g, const double *p);

/* Fills a contiguous floating tensor with normal numbers: from 16 elements on in PyTorch's blocks. */
void tgi_draw_normal(tg_tensor *t, tg_generator *g, double mean, double std);

/* A view of `t` whose dimensions are permuted so that its elements are in the order of memory; order[d] is the
 * dimension of t that is the view's d-th. Raw: records nothing. NULL with an error pending. */
tg_tensor *tgi_in_memory_order(tg_tensor *t, int order[TG_MAX_DIMS]);

/* y = 1 with probability p, else 0: both contiguous, of as many elements. p is floating. False: a probability is not in
 * [0, 1], an error of `op`, and nothing was drawn. */
bool tgi_draw_bernoulli_by(const tg_op *op, tg_tensor_list inputs, tg_tensor *y, const tg_tensor *p, tg_generator *g);

/* The generator that an option names. */
static inline tg_generator *tgi_generator(tg_generator *given) { return given ? given : tg_default_generator(); }

TG_EXTERN_C_END

#endif
