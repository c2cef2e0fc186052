/* vecmath.h: the elementary and special functions of the kernels, NAME_f32 and NAME_f64 each.
 *
 * Each is a straight line of arithmetic, selects and integer operations on the bits, so that a plain loop over it
 * becomes vector code under gcc and under clang, on every instruction set. (libm's vector half would tie the result to
 * one libc, and its last bits differ from those of its scalar half.) A select stands for each special case, at the end:
 * what was computed for such an argument before is any number, never an error. Not so: zeta and polygamma, which are
 * loops; and without a fused multiply-add, where libm's are used, the float64 halves of pow, sin, cos, tan and fmod.
 *
 * Measured against higher precision over all instruction sets, in units in the last place, float32 and float64:
 *
 *   exp 1.0 1.1    exp2 1.1 1.2   expm1 1.6 2.2  log 0.8 0.8    log1p 1.4 1.4  log2 1.8 1.7   log10 2.0 1.9
 *   sinh 2.3 2.5   cosh 1.4 1.4   tanh 2.6 2.6   asinh 1.8 1.8  acosh 2.0 2.1  atanh 2.1 1.9  sigmoid 2.4 2.4
 *   sin 1.6 0.8    cos 1.6 0.8    tan 0.6 2.2    asin 2.3 2.2   acos 1.1 1.2   atan 1.4 2.3   atan2 1.5 2.3
 *   erf 2.4 2.8    erfc 3.4 2.7   erfinv 2.8 5.3 pow 0.6 1.2    hypot 0.5 1.0  log1pexp 1.6 1.6
 *
 * floor, ceil, trunc, round, fmod and remainder are exact (but for the sum that brings remainder to y's sign), whatever
 * the arguments; sin, cos and tan are as good for the largest angles. lgamma, digamma, trigamma, zeta and polygamma are
 * off by 0.5 units in float32; in float64 by 1e-14 of the result, or of the terms of a sum that cancels, which near the
 * zeros of lgamma at 1 and 2 none does. logaddexp is off by 2 units of its result or of its larger argument.
 *
 * Overflow, denormal results, NaN and signed zeros are as in libm, and where that has no say as in PyTorch; but
 * trigamma is infinite at all its poles, at most of which PyTorch returns some large number. Polynomials are minimax
 * fits of the function named beside them, or interpolate it in Chebyshev's points. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_H
#define TG_OPS_KERNELS_MATH_VECMATH_H

#include "vecmath_core_f32.h"
#include "vecmath_core_f64.h"
#include "vecmath_exp.h"
#include "vecmath_round.h"
#include "vecmath_trig.h"
#include "vecmath_special.h"
#include "vecmath_gamma.h"

#endif
