/* pointwise.h: ops that work element by element, with broadcasting and type promotion. Each is a row of pointwise.def.
 *
 * An operand may be a tensor or a number: `tg_add(x, 1)`, `tg_div(1.0, x)`. Result dtypes follow PyTorch: integers stay
 * integers under neg abs relu add sub mul pow maximum minimum, and become the default float under the others. Errors:
 * shapes that do not broadcast, dtypes the op does not take. */
#ifndef TG_OPS_POINTWISE_H
#define TG_OPS_POINTWISE_H

#include "operand.h"

TG_BEGIN_DECLS

#define TG_UNARY(name, ...) tg_tensor *tg_##name##_at(const char *where, tg_tensor *a);
#define TG_BINARY(name, ...) tg_tensor *tg_##name##_at(const char *where, tg_operand a, tg_operand b);
#define TG_COMPARE(name, ...) tg_tensor *tg_##name##_at(const char *where, tg_operand a, tg_operand b);
#include "pointwise.def"

#define tg_neg(a)     tg_neg_at(TG_HERE, a)
#define tg_abs(a)     tg_abs_at(TG_HERE, a)
#define tg_exp(a)     tg_exp_at(TG_HERE, a)
#define tg_log(a)     tg_log_at(TG_HERE, a)
#define tg_sqrt(a)    tg_sqrt_at(TG_HERE, a)
#define tg_sigmoid(a) tg_sigmoid_at(TG_HERE, a)
#define tg_tanh(a)    tg_tanh_at(TG_HERE, a)
#define tg_relu(a)    tg_relu_at(TG_HERE, a)
#define tg_rsqrt(a)   tg_rsqrt_at(TG_HERE, a)

#define tg_add(a, b)     tg_add_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_sub(a, b)     tg_sub_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_mul(a, b)     tg_mul_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_div(a, b)     tg_div_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_pow(a, b)     tg_pow_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_maximum(a, b) tg_maximum_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_minimum(a, b) tg_minimum_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))

#define tg_eq(a, b) tg_eq_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_ne(a, b) tg_ne_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_lt(a, b) tg_lt_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_le(a, b) tg_le_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_gt(a, b) tg_gt_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_ge(a, b) tg_ge_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))

/* y = a where the bool tensor `condition` is true, b elsewhere. */
tg_tensor *tg_where_at(const char *where, tg_tensor *condition, tg_operand a, tg_operand b);
#define tg_where(condition, a, b) tg_where_at(TG_HERE, condition, TG_OPERAND(a), TG_OPERAND(b))

/* ---- in place ---- a becomes a op b; returns a. Under autograd's rules (docs/architecture.md): never a leaf that
 * requires grad, never a view while a gradient flows; the result keeps a's shape and dtype. */
tg_tensor *tg_add_in_place_at(const char *where, tg_tensor *a, tg_operand b);
tg_tensor *tg_mul_in_place_at(const char *where, tg_tensor *a, tg_operand b);
tg_tensor *tg_copy_in_place_at(const char *where, tg_tensor *a, tg_operand b);
tg_tensor *tg_fill_in_place_at(const char *where, tg_tensor *a, tg_operand value);
#define tg_add_(a, b)      tg_add_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_mul_(a, b)      tg_mul_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_copy_(a, b)     tg_copy_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_fill_(a, value) tg_fill_in_place_at(TG_HERE, a, TG_OPERAND(value))
#define tg_zero_(a)        tg_fill_in_place_at(TG_HERE, a, tg_operand_int(0))

TG_END_DECLS

#endif
