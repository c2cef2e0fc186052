/* vectors.h: the processor's vectors as C types, for the few loops that a compiler cannot be trusted to see: sums,
 * whose order is ours to fix, and the matrix product's inner loop. The only intrinsics are the fused multiply-adds. */
#ifndef TG_OPS_KERNELS_VECTORS_H
#define TG_OPS_KERNELS_VECTORS_H

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "scalar.h"

#if defined(__AVX512F__)
#define TGI_VECTOR_BYTES     64
#define TGI_FMA_F32(x, y, z) ((tgi_vec_f32)_mm512_fmadd_ps((__m512)(x), (__m512)(y), (__m512)(z)))
#define TGI_FMA_F64(x, y, z) ((tgi_vec_f64)_mm512_fmadd_pd((__m512d)(x), (__m512d)(y), (__m512d)(z)))
#elif defined(__AVX2__) && defined(__FMA__)
#define TGI_VECTOR_BYTES     32
#define TGI_FMA_F32(x, y, z) ((tgi_vec_f32)_mm256_fmadd_ps((__m256)(x), (__m256)(y), (__m256)(z)))
#define TGI_FMA_F64(x, y, z) ((tgi_vec_f64)_mm256_fmadd_pd((__m256d)(x), (__m256d)(y), (__m256d)(z)))
#elif defined(__aarch64__)
#define TGI_VECTOR_BYTES     16
#define TGI_FMA_F32(x, y, z) ((tgi_vec_f32)vfmaq_f32((float32x4_t)(z), (float32x4_t)(x), (float32x4_t)(y)))
#define TGI_FMA_F64(x, y, z) ((tgi_vec_f64)vfmaq_f64((float64x2_t)(z), (float64x2_t)(x), (float64x2_t)(y)))
#else
#define TGI_VECTOR_BYTES     16
#define TGI_FMA_F32(x, y, z) ((x) * (y) + (z))
#define TGI_FMA_F64(x, y, z) ((x) * (y) + (z))
#endif

/* Vectors, and vectors in memory, which may be unaligned. */
typedef float tgi_vec_f32 __attribute__((vector_size(TGI_VECTOR_BYTES)));
typedef double tgi_vec_f64 __attribute__((vector_size(TGI_VECTOR_BYTES)));
typedef float tgi_memvec_f32 __attribute__((vector_size(TGI_VECTOR_BYTES), aligned(1), may_alias));
typedef double tgi_memvec_f64 __attribute__((vector_size(TGI_VECTOR_BYTES), aligned(1), may_alias));

TGI_INLINE tgi_vec_f32 tgi_multiply_add_f32(tgi_vec_f32 x, tgi_vec_f32 y, tgi_vec_f32 z)
{
    return TGI_FMA_F32(x, y, z);
}
TGI_INLINE tgi_vec_f64 tgi_multiply_add_f64(tgi_vec_f64 x, tgi_vec_f64 y, tgi_vec_f64 z)
{
    return TGI_FMA_F64(x, y, z);
}

/* The same number in every lane (x - 0 is x, even for -0). */
TGI_INLINE tgi_vec_f32 splat_f32(float x) { return x - (tgi_vec_f32){ 0 }; }
TGI_INLINE tgi_vec_f64 splat_f64(double x) { return x - (tgi_vec_f64){ 0 }; }

/* The lanes of two vectors by turns: x0 y0 x1 y1 .. from their lower or their upper halves. */
#if TGI_VECTOR_BYTES == 64
#define TGI_LOW_F32  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define TGI_HIGH_F32 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define TGI_LOW_F64  0, 8, 1, 9, 2, 10, 3, 11
#define TGI_HIGH_F64 4, 12, 5, 13, 6, 14, 7, 15
#elif TGI_VECTOR_BYTES == 32
#define TGI_LOW_F32  0, 8, 1, 9, 2, 10, 3, 11
#define TGI_HIGH_F32 4, 12, 5, 13, 6, 14, 7, 15
#define TGI_LOW_F64  0, 4, 1, 5
#define TGI_HIGH_F64 2, 6, 3, 7
#else
#define TGI_LOW_F32  0, 4, 1, 5
#define TGI_HIGH_F32 2, 6, 3, 7
#define TGI_LOW_F64  0, 2
#define TGI_HIGH_F64 1, 3
#endif
TGI_INLINE tgi_vec_f32 low_f32(tgi_vec_f32 x, tgi_vec_f32 y) { return __builtin_shufflevector(x, y, TGI_LOW_F32); }
TGI_INLINE tgi_vec_f32 high_f32(tgi_vec_f32 x, tgi_vec_f32 y) { return __builtin_shufflevector(x, y, TGI_HIGH_F32); }
TGI_INLINE tgi_vec_f64 low_f64(tgi_vec_f64 x, tgi_vec_f64 y) { return __builtin_shufflevector(x, y, TGI_LOW_F64); }
TGI_INLINE tgi_vec_f64 high_f64(tgi_vec_f64 x, tgi_vec_f64 y) { return __builtin_shufflevector(x, y, TGI_HIGH_F64); }

#endif
