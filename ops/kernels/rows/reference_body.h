/* reference_body.h: what opens the reference's files of rows: every function of a formula, by way of libm's or
 * reference_math.h's of the next higher precision, rounded once. */
#ifndef TG_OPS_KERNELS_ROWS_REFERENCE_BODY_H
#define TG_OPS_KERNELS_ROWS_REFERENCE_BODY_H

#include <math.h>
#include <string.h>

#include "ops/kernels/math/reference_math.h"
#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

/* A double is rounded from long double. */
#define ROUNDED_LONG(name, function)                                                                                   \
    TGI_INLINE float name##_f32(float x) { return (float)function((double)x); }                                        \
    TGI_INLINE double name##_f64(double x) { return (double)function##l((long double)x); }
#define ROUNDED_TWO(name, function)                                                                                    \
    TGI_INLINE float name##_f32(float x, float y) { return (float)function((long double)x, (long double)y); }          \
    TGI_INLINE double name##_f64(double x, double y) { return (double)function((long double)x, (long double)y); }
ROUNDED_LONG(exp2, exp2)
ROUNDED_LONG(expm1, expm1)
ROUNDED_LONG(log1p, log1p)
ROUNDED_LONG(log2, log2)
ROUNDED_LONG(log10, log10)
ROUNDED_LONG(sin, sin)
ROUNDED_LONG(cos, cos)
ROUNDED_LONG(tan, tan)
ROUNDED_LONG(asin, asin)
ROUNDED_LONG(acos, acos)
ROUNDED_LONG(atan, atan)
ROUNDED_LONG(sinh, sinh)
ROUNDED_LONG(cosh, cosh)
ROUNDED_LONG(asinh, asinh)
ROUNDED_LONG(acosh, acosh)
ROUNDED_LONG(atanh, atanh)
ROUNDED_LONG(erf, erf)
ROUNDED_LONG(erfc, erfc)
ROUNDED_LONG(lgamma, lgamma)
ROUNDED_LONG(floor, floor)
ROUNDED_LONG(ceil, ceil)
ROUNDED_LONG(trunc, trunc)
ROUNDED_LONG(round, rint)
#define tgi_log1pexpl tgi_log1pexp
#define tgi_erfinvl   tgi_erfinv
#define tgi_digammal  tgi_digamma
#define tgi_trigammal tgi_trigamma
ROUNDED_LONG(log1pexp, tgi_log1pexp)
ROUNDED_LONG(erfinv, tgi_erfinv)
ROUNDED_LONG(digamma, tgi_digamma)
ROUNDED_LONG(trigamma, tgi_trigamma)
ROUNDED_TWO(atan2, atan2l)
ROUNDED_TWO(hypot, hypotl)
ROUNDED_TWO(fmod, fmodl)
ROUNDED_TWO(copysign, copysignl)
/* The remainder has the sign of the divisor, as in Python. */
#define REMAINDER(T, suffix, fmod)                                                                                     \
    TGI_INLINE T remainder_##suffix(T x, T y)                                                                          \
    {                                                                                                                  \
        T rest = fmod(x, y);                                                                                           \
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;                                                   \
    }
REMAINDER(float, f32, fmodf)
REMAINDER(double, f64, fmod)
ROUNDED_TWO(logaddexp, tgi_logaddexp)
ROUNDED_TWO(zeta, tgi_zeta)
ROUNDED_TWO(polygamma, tgi_polygamma)

/* The base of the kernels' precision, the least that is promised of them. */
#define ROUNDED(name, ...)                                                                                             \
    TGI_INLINE float name##_f32(float x) { return (float)(__VA_ARGS__); }                                              \
    TGI_INLINE double name##_f64(double x) { return __VA_ARGS__; }
ROUNDED(exp, exp(x))
ROUNDED(log, log(x))
ROUNDED(sqrt, sqrt(x))
ROUNDED(tanh, tanh(x))
ROUNDED(sigmoid, x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)))
TGI_INLINE float pow_f32(float x, float y) { return (float)pow(x, y); }
TGI_INLINE double pow_f64(double x, double y) { return pow(x, y); }

#include "ops/kernels/template/operators.inc"

#endif
