/* scalar.h: the arithmetic that every set of kernels shares, the reference included, one inline function for each
 * operator and type.
 *
 * Nothing here is undefined for any input: integers wrap, a float outside int64's range becomes INT64_MIN (as the
 * processor's own conversion has it), memory may be unaligned. */
#ifndef TG_OPS_KERNELS_TEMPLATE_SCALAR_H
#define TG_OPS_KERNELS_TEMPLATE_SCALAR_H

#include <stdint.h>

#define TGI_INLINE static inline __attribute__((always_inline, unused))

/* Elements in memory, which may be unaligned and of any declared type. */
typedef float __attribute__((aligned(1), may_alias)) tgi_mem_f32;
typedef double __attribute__((aligned(1), may_alias)) tgi_mem_f64;
typedef int64_t __attribute__((aligned(1), may_alias)) tgi_mem_i64;
typedef uint8_t tgi_mem_bool;
TGI_INLINE int64_t load_bool(tgi_mem_bool memory) { return memory != 0; }

/* x y + z. With an FMA unit rounded once, without one rounded twice; one or the other for a whole instruction set. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define TGI_HAS_FMA 1
TGI_INLINE float fma_f32(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
TGI_INLINE double fma_f64(double x, double y, double z) { return __builtin_fma(x, y, z); }
#else
#define TGI_HAS_FMA 0
TGI_INLINE float fma_f32(float x, float y, float z) { return x * y + z; }
TGI_INLINE double fma_f64(double x, double y, double z) { return x * y + z; }
#endif

#define TGI_FLOAT_OPERATORS(T, suffix)                                                                                 \
    TGI_INLINE T add_##suffix(T x, T y) { return x + y; }                                                              \
    TGI_INLINE T sub_##suffix(T x, T y) { return x - y; }                                                              \
    TGI_INLINE T mul_##suffix(T x, T y) { return x * y; }                                                              \
    TGI_INLINE T div_##suffix(T x, T y) { return x / y; }                                                              \
    TGI_INLINE T neg_##suffix(T x) { return -x; }                                                                      \
    TGI_INLINE T select_##suffix(int c, T x, T y) { return c ? x : y; }
TGI_FLOAT_OPERATORS(float, f32)
TGI_FLOAT_OPERATORS(double, f64)
#undef TGI_FLOAT_OPERATORS

TGI_INLINE float abs_f32(float x) { return __builtin_fabsf(x); }
TGI_INLINE double abs_f64(double x) { return __builtin_fabs(x); }

TGI_INLINE int64_t add_i64(int64_t x, int64_t y) { return (int64_t)((uint64_t)x + (uint64_t)y); }
TGI_INLINE int64_t sub_i64(int64_t x, int64_t y) { return (int64_t)((uint64_t)x - (uint64_t)y); }
TGI_INLINE int64_t mul_i64(int64_t x, int64_t y) { return (int64_t)((uint64_t)x * (uint64_t)y); }
TGI_INLINE int64_t neg_i64(int64_t x) { return (int64_t)(0 - (uint64_t)x); }
TGI_INLINE int64_t abs_i64(int64_t x) { return x < 0 ? neg_i64(x) : x; }
TGI_INLINE int64_t select_i64(int c, int64_t x, int64_t y) { return c ? x : y; }

/* By squaring, wrapping. A negative exponent leaves the whole part of the fraction, as PyTorch has it: 0 unless x is
 * 1 or -1. */
TGI_INLINE int64_t pow_i64(int64_t x, int64_t y)
{
    if (y < 0) return x == 1 ? 1 : x == -1 ? ((y & 1) ? -1 : 1) : 0;
    uint64_t power = 1, square = (uint64_t)x;
    for (uint64_t e = (uint64_t)y; e; e >>= 1) {
        if (e & 1) power *= square;
        square *= square;
    }
    return (int64_t)power;
}

/* Truncates. NaN and what int64 cannot hold become INT64_MIN. */
TGI_INLINE int64_t f64_to_i64(double x) { return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN; }

#endif
