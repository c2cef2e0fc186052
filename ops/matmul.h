/* matmul.h: products. */
#ifndef TG_OPS_MATMUL_H
#define TG_OPS_MATMUL_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* PyTorch's matmul: 1-D by 1-D is a dot product, a 1-D operand is a row on the left and a column on the right, more
 * than two dimensions are batches and broadcast. Both of one floating dtype. */
tg_tensor *tg_matmul_at(const char *where, tg_tensor *a, tg_tensor *b);
#define tg_matmul(a, b) tg_matmul_at(TG_HERE, a, b)

/* y = x wT + bias: x is [..., in], weight [out, in], bias [out], NULL or left out; y is [..., out]. */
tg_tensor *tg_linear_at(const char *where, tg_tensor *x, tg_tensor *weight, tg_tensor *bias);
#define tg_linear(x, weight, ...) tg_linear_at(TG_HERE, x, weight, TG_OR(NULL __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
