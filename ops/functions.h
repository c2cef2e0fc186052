/* functions.h: elementary and special functions, element by element: the rows of functions.def. See pointwise.h for
 * operands, dtypes and names that end in _. */
#ifndef TG_OPS_FUNCTIONS_H
#define TG_OPS_FUNCTIONS_H

#include <math.h>

#include "operand.h"

TG_BEGIN_DECLS

typedef struct tg_logit_options {
    double eps;   /* NAN: a is taken as it is */
    TG_OPTIONS_END
} tg_logit_options;
#define TG_LOGIT_DEFAULTS /* eps */ NAN TG_DEFAULTS_END
#define TG_LOGIT_OPTIONS(...) TG_OPTIONS(tg_logit_options, TG_LOGIT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_polygamma_options {
    double order;
} tg_polygamma_options;

#include "rows_declare.def"
#include "functions.def"

#define tg_exp(a)     tg_exp_at(TG_HERE, a)
#define tg_exp2(a)    tg_exp2_at(TG_HERE, a)
#define tg_expm1(a)   tg_expm1_at(TG_HERE, a)
#define tg_log(a)     tg_log_at(TG_HERE, a)
#define tg_log1p(a)   tg_log1p_at(TG_HERE, a)
#define tg_log2(a)    tg_log2_at(TG_HERE, a)
#define tg_log10(a)   tg_log10_at(TG_HERE, a)
#define tg_sqrt(a)    tg_sqrt_at(TG_HERE, a)
#define tg_rsqrt(a)   tg_rsqrt_at(TG_HERE, a)
#define tg_sin(a)     tg_sin_at(TG_HERE, a)
#define tg_cos(a)     tg_cos_at(TG_HERE, a)
#define tg_tan(a)     tg_tan_at(TG_HERE, a)
#define tg_asin(a)    tg_asin_at(TG_HERE, a)
#define tg_acos(a)    tg_acos_at(TG_HERE, a)
#define tg_atan(a)    tg_atan_at(TG_HERE, a)
#define tg_sinh(a)    tg_sinh_at(TG_HERE, a)
#define tg_cosh(a)    tg_cosh_at(TG_HERE, a)
#define tg_tanh(a)    tg_tanh_at(TG_HERE, a)
#define tg_asinh(a)   tg_asinh_at(TG_HERE, a)
#define tg_acosh(a)   tg_acosh_at(TG_HERE, a)
#define tg_atanh(a)   tg_atanh_at(TG_HERE, a)
#define tg_sinc(a)    tg_sinc_at(TG_HERE, a)
#define tg_sigmoid(a) tg_sigmoid_at(TG_HERE, a)
#define tg_erf(a)     tg_erf_at(TG_HERE, a)
#define tg_erfc(a)    tg_erfc_at(TG_HERE, a)
#define tg_erfinv(a)  tg_erfinv_at(TG_HERE, a)
#define tg_lgamma(a)  tg_lgamma_at(TG_HERE, a)
#define tg_digamma(a) tg_digamma_at(TG_HERE, a)

#define tg_exp_(a)     tg_exp_in_place_at(TG_HERE, a)
#define tg_exp2_(a)    tg_exp2_in_place_at(TG_HERE, a)
#define tg_expm1_(a)   tg_expm1_in_place_at(TG_HERE, a)
#define tg_log_(a)     tg_log_in_place_at(TG_HERE, a)
#define tg_log1p_(a)   tg_log1p_in_place_at(TG_HERE, a)
#define tg_log2_(a)    tg_log2_in_place_at(TG_HERE, a)
#define tg_log10_(a)   tg_log10_in_place_at(TG_HERE, a)
#define tg_sqrt_(a)    tg_sqrt_in_place_at(TG_HERE, a)
#define tg_rsqrt_(a)   tg_rsqrt_in_place_at(TG_HERE, a)
#define tg_sin_(a)     tg_sin_in_place_at(TG_HERE, a)
#define tg_cos_(a)     tg_cos_in_place_at(TG_HERE, a)
#define tg_tan_(a)     tg_tan_in_place_at(TG_HERE, a)
#define tg_asin_(a)    tg_asin_in_place_at(TG_HERE, a)
#define tg_acos_(a)    tg_acos_in_place_at(TG_HERE, a)
#define tg_atan_(a)    tg_atan_in_place_at(TG_HERE, a)
#define tg_sinh_(a)    tg_sinh_in_place_at(TG_HERE, a)
#define tg_cosh_(a)    tg_cosh_in_place_at(TG_HERE, a)
#define tg_tanh_(a)    tg_tanh_in_place_at(TG_HERE, a)
#define tg_asinh_(a)   tg_asinh_in_place_at(TG_HERE, a)
#define tg_acosh_(a)   tg_acosh_in_place_at(TG_HERE, a)
#define tg_atanh_(a)   tg_atanh_in_place_at(TG_HERE, a)
#define tg_sinc_(a)    tg_sinc_in_place_at(TG_HERE, a)
#define tg_sigmoid_(a) tg_sigmoid_in_place_at(TG_HERE, a)
#define tg_erf_(a)     tg_erf_in_place_at(TG_HERE, a)
#define tg_erfc_(a)    tg_erfc_in_place_at(TG_HERE, a)
#define tg_erfinv_(a)  tg_erfinv_in_place_at(TG_HERE, a)
#define tg_lgamma_(a)  tg_lgamma_in_place_at(TG_HERE, a)
#define tg_digamma_(a) tg_digamma_in_place_at(TG_HERE, a)

/* The inverse of sigmoid: `tg_logit(x)`, `tg_logit(x, .eps = 1e-6)`. */
#define tg_logit(a, ...)  tg_logit_at(TG_HERE, a, TG_LOGIT_OPTIONS(__VA_ARGS__))
#define tg_logit_(a, ...) tg_logit_in_place_at(TG_HERE, a, TG_LOGIT_OPTIONS(__VA_ARGS__))

/* The n-th derivative of digamma. */
#define tg_polygamma(n, a)  tg_polygamma_at(TG_HERE, a, TG_LITERAL(tg_polygamma_options){ (double)(n) })
#define tg_polygamma_(a, n) tg_polygamma_in_place_at(TG_HERE, a, TG_LITERAL(tg_polygamma_options){ (double)(n) })

#define tg_hypot(a, b)     tg_hypot_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_xlogy(a, b)     tg_xlogy_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_logaddexp(a, b) tg_logaddexp_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_atan2(a, b)     tg_atan2_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))

#define tg_hypot_(a, b)     tg_hypot_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_xlogy_(a, b)     tg_xlogy_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_logaddexp_(a, b) tg_logaddexp_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_atan2_(a, b)     tg_atan2_in_place_at(TG_HERE, a, TG_OPERAND(b))

TG_END_DECLS

#endif
