/* vectors.h: the processor's vectors as C types, for the few loops that a compiler cannot be trusted to see: sums,
 * whose order is ours to fix, and the matrix product's inner loop; and access to part of a vector. The only intrinsics
 * are here. */
#ifndef TG_OPS_KERNELS_TEMPLATE_VECTORS_H
#define TG_OPS_KERNELS_TEMPLATE_VECTORS_H

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <string.h>

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

/* Those of the dtype at hand; see dtype.inc. */
#define VEC    OP(tgi_vec)
#define MEMVEC OP(tgi_memvec)
#define WIDTH  ((int64_t)(sizeof(VEC) / sizeof(T)))
#define LANE   ((int64_t)(16 / sizeof(T))) /* elements of one of the 16-byte lanes that a vector consists of */

TGI_INLINE tgi_vec_f32 tgi_multiply_add_f32(tgi_vec_f32 x, tgi_vec_f32 y, tgi_vec_f32 z)
{
    return TGI_FMA_F32(x, y, z);
}
TGI_INLINE tgi_vec_f64 tgi_multiply_add_f64(tgi_vec_f64 x, tgi_vec_f64 y, tgi_vec_f64 z)
{
    return TGI_FMA_F64(x, y, z);
}

/* A vector of which only the first lanes are in memory: `first` says how many (all at most), `load_first` makes the
 * others 0, `store_first` leaves them alone. TGI_LOADS_FIRST: that costs no more than a whole vector. */
#if defined(__AVX512F__)
#define TGI_LOADS_FIRST 1
typedef __mmask16 tgi_first_f32;
typedef __mmask8 tgi_first_f64;
TGI_INLINE tgi_first_f32 first_f32(int64_t count) { return (tgi_first_f32)((1u << count) - 1); }
TGI_INLINE tgi_first_f64 first_f64(int64_t count) { return (tgi_first_f64)((1u << count) - 1); }
#define TGI_FIRST(suffix, T, letter, cast)                                                                            \
    TGI_INLINE tgi_vec_##suffix load_first_##suffix(const tgi_mem_##suffix *from, tgi_first_##suffix first)           \
    {                                                                                                                 \
        return (tgi_vec_##suffix)_mm512_maskz_loadu_p##letter(first, from);                                           \
    }                                                                                                                 \
    TGI_INLINE void store_first_##suffix(tgi_mem_##suffix *to, tgi_first_##suffix first, tgi_vec_##suffix x)          \
    {                                                                                                                 \
        _mm512_mask_storeu_p##letter(to, first, (cast)x);                                                             \
    }
TGI_FIRST(f32, float, s, __m512)
TGI_FIRST(f64, double, d, __m512d)
#elif defined(__AVX2__)
#define TGI_LOADS_FIRST 1
typedef __m256i tgi_first_f32, tgi_first_f64;
TGI_INLINE tgi_first_f32 first_f32(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
TGI_INLINE tgi_first_f64 first_f64(int64_t count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
#define TGI_FIRST(suffix, T, letter, cast)                                                                            \
    TGI_INLINE tgi_vec_##suffix load_first_##suffix(const tgi_mem_##suffix *from, tgi_first_##suffix first)           \
    {                                                                                                                 \
        return (tgi_vec_##suffix)_mm256_maskload_p##letter((const T *)from, first);                                   \
    }                                                                                                                 \
    TGI_INLINE void store_first_##suffix(tgi_mem_##suffix *to, tgi_first_##suffix first, tgi_vec_##suffix x)          \
    {                                                                                                                 \
        _mm256_maskstore_p##letter((T *)to, first, (cast)x);                                                          \
    }
TGI_FIRST(f32, float, s, __m256)
TGI_FIRST(f64, double, d, __m256d)
#else
#define TGI_LOADS_FIRST 0
typedef int64_t tgi_first_f32, tgi_first_f64;
#define TGI_FIRST(suffix, T, letter, cast)                                                                            \
    TGI_INLINE tgi_first_##suffix first_##suffix(int64_t count) { return count; }                                     \
    TGI_INLINE tgi_vec_##suffix load_first_##suffix(const tgi_mem_##suffix *from, tgi_first_##suffix first)           \
    {                                                                                                                 \
        tgi_vec_##suffix x = { 0 };                                                                                   \
        for (int64_t i = 0; i < first; i++) x[i] = from[i];                                                           \
        return x;                                                                                                     \
    }                                                                                                                 \
    TGI_INLINE void store_first_##suffix(tgi_mem_##suffix *to, tgi_first_##suffix first, tgi_vec_##suffix x)          \
    {                                                                                                                 \
        for (int64_t i = 0; i < first; i++) to[i] = x[i];                                                             \
    }
TGI_FIRST(f32, float, s, )
TGI_FIRST(f64, double, d, )
#endif
#undef TGI_FIRST

/* Tells the compiler that no iteration of the loop below depends on another one: operands may be the same memory, never
 * shifted against each other. */
#ifdef __clang__
#define TGI_INDEPENDENT _Pragma("clang loop vectorize(assume_safety) interleave_count(1)")
#else
#define TGI_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* The loop below has a small constant number of turns and must vanish, or its vectors will not stay in registers. */
#ifdef __clang__
#define TGI_UNROLLED _Pragma("clang loop unroll(full)")
#else
#define TGI_UNROLLED _Pragma("GCC unroll 16")
#endif

/* ---- parts of a vector ---- */
enum { TGI_LINE = 64 }; /* bytes; no vector is longer */

/* Asks memory for what stands 1 KiB farther on, for loops that go through it in order with little to do for a vector: a
 * processor that does so by itself begins anew at each page. Beyond an end it does no harm. */
#define TGI_FETCH(at) __builtin_prefetch((const char *)(at) + 1024)

#if defined(__AVX512BW__)
/* The first `bytes` of a line, from 0 up; 64 or more are all of it. */
TGI_INLINE __mmask64 tgi_first_bytes(int64_t bytes)
{
    return bytes >= TGI_LINE ? ~0ull : ~(~0ull << (bytes > 0 ? bytes : 0));
}
TGI_INLINE void tgi_copy_bytes(char *to, const char *from, int64_t bytes)
{
    for (; bytes > 0; bytes -= TGI_LINE, to += TGI_LINE, from += TGI_LINE) {
        __mmask64 some = tgi_first_bytes(bytes);
        _mm512_mask_storeu_epi8(to, some, _mm512_maskz_loadu_epi8(some, from));
    }
}
/* Copies `bytes` bytes and adds zeros up to `room`; may write a line more than `room`, but reads no more than it is
 * told. */
TGI_INLINE void tgi_copy_padded(char *to, const char *from, int64_t bytes, int64_t room)
{
    for (; room > 0; room -= TGI_LINE, bytes -= TGI_LINE, to += TGI_LINE, from += TGI_LINE)
        _mm512_storeu_si512(to, _mm512_maskz_loadu_epi8(tgi_first_bytes(bytes), from));
}
#else
TGI_INLINE void tgi_copy_bytes(char *to, const char *from, int64_t bytes)
{
    for (; bytes >= 16; bytes -= 16, to += 16, from += 16) memcpy(to, from, 16);
    if (bytes & 8) memcpy(to, from, 8), to += 8, from += 8;
    if (bytes & 4) memcpy(to, from, 4), to += 4, from += 4;
    for (int64_t i = 0; i < (bytes & 3); i++) to[i] = from[i];
}
TGI_INLINE void tgi_copy_padded(char *to, const char *from, int64_t bytes, int64_t room)
{
    if (room > bytes) memset(to + bytes, 0, (size_t)(room - bytes));
    tgi_copy_bytes(to, from, bytes);
}
#endif

/* The first n numbers of a vector, `fill` in the other lanes; reads no more than n. */
#if defined(__AVX512F__)
#define TGI_PART(n) (~(~0u << ((n) > 0 ? (n) < 16 ? (n) : 16 : 0)))
TGI_INLINE tgi_vec_f32 load_filled_f32(const tgi_mem_f32 *from, int64_t n, tgi_vec_f32 fill)
{
    return (tgi_vec_f32)_mm512_mask_loadu_ps((__m512)fill, (__mmask16)TGI_PART(n), from);
}
TGI_INLINE tgi_vec_f64 load_filled_f64(const tgi_mem_f64 *from, int64_t n, tgi_vec_f64 fill)
{
    return (tgi_vec_f64)_mm512_mask_loadu_pd((__m512d)fill, (__mmask8)TGI_PART(n), from);
}
#else
#define TGI_PARTS(suffix)                                                                                             \
    TGI_INLINE tgi_vec_##suffix load_filled_##suffix(const tgi_mem_##suffix *from, int64_t n, tgi_vec_##suffix fill)   \
    {                                                                                                                 \
        int64_t size = (int64_t)sizeof(tgi_mem_##suffix), bytes = n * size;                                           \
        if (bytes >= TGI_VECTOR_BYTES) return *(const tgi_memvec_##suffix *)from;                                     \
        tgi_copy_bytes((char *)&fill, (const char *)from, bytes);                                                     \
        return fill;                                                                                                  \
    }
TGI_PARTS(f32)
TGI_PARTS(f64)
#undef TGI_PARTS
#endif

/* As many numbers as a vector has doubles, as doubles, and back; of the first n of them the other lanes are 0. (Of the
 * vectors' own conversions gcc 12 makes two halves, put together again.) */
typedef float tgi_half_f32 __attribute__((vector_size(TGI_VECTOR_BYTES / 2)));
typedef float tgi_memhalf_f32 __attribute__((vector_size(TGI_VECTOR_BYTES / 2), aligned(1), may_alias));
#if defined(__AVX512F__)
TGI_INLINE tgi_vec_f64 widened(tgi_half_f32 x) { return (tgi_vec_f64)_mm512_cvtps_pd((__m256)x); }
TGI_INLINE tgi_half_f32 narrowed(tgi_vec_f64 x) { return (tgi_half_f32)_mm512_cvtpd_ps((__m512d)x); }
#elif defined(__AVX2__)
TGI_INLINE tgi_vec_f64 widened(tgi_half_f32 x) { return (tgi_vec_f64)_mm256_cvtps_pd((__m128)x); }
TGI_INLINE tgi_half_f32 narrowed(tgi_vec_f64 x) { return (tgi_half_f32)_mm256_cvtpd_ps((__m256d)x); }
#else
TGI_INLINE tgi_vec_f64 widened(tgi_half_f32 x) { return __builtin_convertvector(x, tgi_vec_f64); }
TGI_INLINE tgi_half_f32 narrowed(tgi_vec_f64 x) { return __builtin_convertvector(x, tgi_half_f32); }
#endif
TGI_INLINE tgi_vec_f64 load_wide_f32(const tgi_mem_f32 *from) { return widened(*(const tgi_memhalf_f32 *)from); }
TGI_INLINE tgi_vec_f64 load_wide_f64(const tgi_mem_f64 *from) { return *(const tgi_memvec_f64 *)from; }
TGI_INLINE tgi_vec_f64 load_wide_first_f32(const tgi_mem_f32 *from, int64_t n)
{
    const tgi_vec_f32 x = load_first_f32(from, first_f32(n));
    tgi_half_f32 lower;
    memcpy(&lower, &x, sizeof lower);
    return widened(lower);
}
TGI_INLINE tgi_vec_f64 load_wide_first_f64(const tgi_mem_f64 *from, int64_t n)
{
    return load_first_f64(from, first_f64(n));
}
TGI_INLINE void store_wide_f32(tgi_mem_f32 *to, tgi_vec_f64 x) { *(tgi_memhalf_f32 *)to = narrowed(x); }
TGI_INLINE void store_wide_f64(tgi_mem_f64 *to, tgi_vec_f64 x) { *(tgi_memvec_f64 *)to = x; }

/* The upper half of the first 2 `half` lanes, brought to the lower; the other lanes are anything. */
#define TGI_UPPER(x, ...) return __builtin_shufflevector(x, x, __VA_ARGS__)
TGI_INLINE tgi_vec_f32 upper_f32(tgi_vec_f32 x, int half)
{
#if TGI_VECTOR_BYTES == 64
    if (half == 8) TGI_UPPER(x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    if (half == 4) TGI_UPPER(x, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    if (half == 2) TGI_UPPER(x, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3);
    TGI_UPPER(x, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
#elif TGI_VECTOR_BYTES == 32
    if (half == 4) TGI_UPPER(x, 4, 5, 6, 7, 4, 5, 6, 7);
    if (half == 2) TGI_UPPER(x, 2, 3, 2, 3, 2, 3, 2, 3);
    TGI_UPPER(x, 1, 1, 1, 1, 1, 1, 1, 1);
#else
    if (half == 2) TGI_UPPER(x, 2, 3, 2, 3);
    TGI_UPPER(x, 1, 1, 1, 1);
#endif
}
TGI_INLINE tgi_vec_f64 upper_f64(tgi_vec_f64 x, int half)
{
#if TGI_VECTOR_BYTES == 64
    if (half == 4) TGI_UPPER(x, 4, 5, 6, 7, 4, 5, 6, 7);
    if (half == 2) TGI_UPPER(x, 2, 3, 2, 3, 2, 3, 2, 3);
    TGI_UPPER(x, 1, 1, 1, 1, 1, 1, 1, 1);
#elif TGI_VECTOR_BYTES == 32
    if (half == 2) TGI_UPPER(x, 2, 3, 2, 3);
    TGI_UPPER(x, 1, 1, 1, 1);
#else
    (void)half;
    TGI_UPPER(x, 1, 1);
#endif
}
#undef TGI_UPPER

/* The larger and the smaller of two, or y where either is NaN. */
#if defined(__AVX512F__)
#define TGI_EXTREME(name, instruction)                                                                                \
    TGI_INLINE tgi_vec_f32 name##_f32(tgi_vec_f32 x, tgi_vec_f32 y)                                                   \
    {                                                                                                                 \
        return (tgi_vec_f32)_mm512_##instruction##_ps((__m512)x, (__m512)y);                                          \
    }                                                                                                                 \
    TGI_INLINE tgi_vec_f64 name##_f64(tgi_vec_f64 x, tgi_vec_f64 y)                                                   \
    {                                                                                                                 \
        return (tgi_vec_f64)_mm512_##instruction##_pd((__m512d)x, (__m512d)y);                                        \
    }
TGI_EXTREME(larger, max)
TGI_EXTREME(smaller, min)
#elif defined(__AVX2__)
#define TGI_EXTREME(name, instruction)                                                                                \
    TGI_INLINE tgi_vec_f32 name##_f32(tgi_vec_f32 x, tgi_vec_f32 y)                                                   \
    {                                                                                                                 \
        return (tgi_vec_f32)_mm256_##instruction##_ps((__m256)x, (__m256)y);                                          \
    }                                                                                                                 \
    TGI_INLINE tgi_vec_f64 name##_f64(tgi_vec_f64 x, tgi_vec_f64 y)                                                   \
    {                                                                                                                 \
        return (tgi_vec_f64)_mm256_##instruction##_pd((__m256d)x, (__m256d)y);                                        \
    }
TGI_EXTREME(larger, max)
TGI_EXTREME(smaller, min)
#else
#define TGI_EXTREME(name, operator)                                                                                   \
    TGI_INLINE tgi_vec_f32 name##_f32(tgi_vec_f32 x, tgi_vec_f32 y)                                                   \
    {                                                                                                                 \
        for (int l = 0; l < 4; l++) x[l] = x[l] operator y[l] ? x[l] : y[l];                                          \
        return x;                                                                                                     \
    }                                                                                                                 \
    TGI_INLINE tgi_vec_f64 name##_f64(tgi_vec_f64 x, tgi_vec_f64 y)                                                   \
    {                                                                                                                 \
        for (int l = 0; l < 2; l++) x[l] = x[l] operator y[l] ? x[l] : y[l];                                          \
        return x;                                                                                                     \
    }
TGI_EXTREME(larger, >)
TGI_EXTREME(smaller, <)
#endif
#undef TGI_EXTREME

/* Half a vector from one place and half from another: on the way from memory that costs no shuffle. */
#if defined(__AVX512F__)
TGI_INLINE tgi_vec_f32 halves_f32(const tgi_mem_f32 *low, const tgi_mem_f32 *high)
{
    const __m512d half = _mm512_castpd256_pd512(_mm256_loadu_pd((const double *)low));
    return (tgi_vec_f32)_mm512_insertf64x4(half, _mm256_loadu_pd((const double *)high), 1);
}
TGI_INLINE tgi_vec_f64 halves_f64(const tgi_mem_f64 *low, const tgi_mem_f64 *high)
{
    return (tgi_vec_f64)halves_f32((const tgi_mem_f32 *)low, (const tgi_mem_f32 *)high);
}
#elif defined(__AVX2__)
TGI_INLINE tgi_vec_f32 halves_f32(const tgi_mem_f32 *low, const tgi_mem_f32 *high)
{
    return (tgi_vec_f32)_mm256_loadu2_m128((const float *)high, (const float *)low);
}
TGI_INLINE tgi_vec_f64 halves_f64(const tgi_mem_f64 *low, const tgi_mem_f64 *high)
{
    return (tgi_vec_f64)_mm256_loadu2_m128d((const double *)high, (const double *)low);
}
#endif

/* The same number in every lane (x - 0 is x, even for -0). */
TGI_INLINE tgi_vec_f32 splat_f32(float x) { return x - (tgi_vec_f32){ 0 }; }
TGI_INLINE tgi_vec_f64 splat_f64(double x) { return x - (tgi_vec_f64){ 0 }; }

/* Of two vectors side by side the elements with even or with odd numbers; and back: those of x and y by turns, from the
 * lower halves or the upper. */
#if TGI_VECTOR_BYTES == 64
#define TGI_EVENS_F32 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define TGI_ODDS_F32  1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define TGI_LOWER_F32 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define TGI_UPPER_F32 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define TGI_EVENS_F64 0, 2, 4, 6, 8, 10, 12, 14
#define TGI_ODDS_F64  1, 3, 5, 7, 9, 11, 13, 15
#define TGI_LOWER_F64 0, 8, 1, 9, 2, 10, 3, 11
#define TGI_UPPER_F64 4, 12, 5, 13, 6, 14, 7, 15
#elif TGI_VECTOR_BYTES == 32
#define TGI_EVENS_F32 0, 2, 4, 6, 8, 10, 12, 14
#define TGI_ODDS_F32  1, 3, 5, 7, 9, 11, 13, 15
#define TGI_LOWER_F32 0, 8, 1, 9, 2, 10, 3, 11
#define TGI_UPPER_F32 4, 12, 5, 13, 6, 14, 7, 15
#define TGI_EVENS_F64 0, 2, 4, 6
#define TGI_ODDS_F64  1, 3, 5, 7
#define TGI_LOWER_F64 0, 4, 1, 5
#define TGI_UPPER_F64 2, 6, 3, 7
#else
#define TGI_EVENS_F32 0, 2, 4, 6
#define TGI_ODDS_F32  1, 3, 5, 7
#define TGI_LOWER_F32 0, 4, 1, 5
#define TGI_UPPER_F32 2, 6, 3, 7
#define TGI_EVENS_F64 0, 2
#define TGI_ODDS_F64  1, 3
#define TGI_LOWER_F64 0, 2
#define TGI_UPPER_F64 1, 3
#endif

/* For transposition. In each 16 bytes, the elements of two vectors by turns: x0 y0 x1 y1 .. from their lower or upper
 * halves. And of the 16-byte lanes, the even or the odd ones, first those of x, then those of y. */
#if TGI_VECTOR_BYTES == 64
#define TGI_LOW_F32  0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define TGI_HIGH_F32 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define TGI_EVEN_F32 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define TGI_ODD_F32  4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define TGI_LOW_F64  0, 8, 2, 10, 4, 12, 6, 14
#define TGI_HIGH_F64 1, 9, 3, 11, 5, 13, 7, 15
#define TGI_EVEN_F64 0, 1, 4, 5, 8, 9, 12, 13
#define TGI_ODD_F64  2, 3, 6, 7, 10, 11, 14, 15
#elif TGI_VECTOR_BYTES == 32
#define TGI_LOW_F32  0, 8, 1, 9, 4, 12, 5, 13
#define TGI_HIGH_F32 2, 10, 3, 11, 6, 14, 7, 15
#define TGI_EVEN_F32 0, 1, 2, 3, 8, 9, 10, 11
#define TGI_ODD_F32  4, 5, 6, 7, 12, 13, 14, 15
#define TGI_LOW_F64  0, 4, 2, 6
#define TGI_HIGH_F64 1, 5, 3, 7
#define TGI_EVEN_F64 0, 1, 4, 5
#define TGI_ODD_F64  2, 3, 6, 7
#else /* one lane: even and odd are not called for */
#define TGI_LOW_F32  0, 4, 1, 5
#define TGI_HIGH_F32 2, 6, 3, 7
#define TGI_EVEN_F32 0, 1, 2, 3
#define TGI_ODD_F32  4, 5, 6, 7
#define TGI_LOW_F64  0, 2
#define TGI_HIGH_F64 1, 3
#define TGI_EVEN_F64 0, 1
#define TGI_ODD_F64  2, 3
#endif
#define TGI_SHUFFLE(name, suffix, ...)                                                                                \
    TGI_INLINE tgi_vec_##suffix name##_##suffix(tgi_vec_##suffix x, tgi_vec_##suffix y)                               \
    {                                                                                                                 \
        return __builtin_shufflevector(x, y, __VA_ARGS__);                                                            \
    }
TGI_SHUFFLE(low, f32, TGI_LOW_F32)
TGI_SHUFFLE(high, f32, TGI_HIGH_F32)
TGI_SHUFFLE(even, f32, TGI_EVEN_F32)
TGI_SHUFFLE(odd, f32, TGI_ODD_F32)
TGI_SHUFFLE(low, f64, TGI_LOW_F64)
TGI_SHUFFLE(high, f64, TGI_HIGH_F64)
TGI_SHUFFLE(even, f64, TGI_EVEN_F64)
TGI_SHUFFLE(odd, f64, TGI_ODD_F64)
TGI_SHUFFLE(evens, f32, TGI_EVENS_F32)
TGI_SHUFFLE(odds, f32, TGI_ODDS_F32)
TGI_SHUFFLE(by_turns_lower, f32, TGI_LOWER_F32)
TGI_SHUFFLE(by_turns_upper, f32, TGI_UPPER_F32)
TGI_SHUFFLE(evens, f64, TGI_EVENS_F64)
TGI_SHUFFLE(odds, f64, TGI_ODDS_F64)
TGI_SHUFFLE(by_turns_lower, f64, TGI_LOWER_F64)
TGI_SHUFFLE(by_turns_upper, f64, TGI_UPPER_F64)
#undef TGI_SHUFFLE

/* The lower and the upper half of a vector's floats as doubles. */
#if defined(__AVX512F__)
#define TGI_LOWER(x) _mm512_cvtps_pd(_mm512_castps512_ps256((__m512)(x)))
#define TGI_UPPER(x) _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd((__m512d)(x), 1)))
#elif defined(__AVX2__)
#define TGI_LOWER(x) _mm256_cvtps_pd(_mm256_castps256_ps128((__m256)(x)))
#define TGI_UPPER(x) _mm256_cvtps_pd(_mm256_extractf128_ps((__m256)(x), 1))
#elif defined(__aarch64__)
#define TGI_LOWER(x) vcvt_f64_f32(vget_low_f32((float32x4_t)(x)))
#define TGI_UPPER(x) vcvt_high_f64_f32((float32x4_t)(x))
#else
#define TGI_LOWER(x) (tgi_vec_f64){ x[0], x[1] }
#define TGI_UPPER(x) (tgi_vec_f64){ x[2], x[3] }
#endif
TGI_INLINE tgi_vec_f64 lower_as_f64(tgi_vec_f32 x) { return (tgi_vec_f64)TGI_LOWER(x); }
TGI_INLINE tgi_vec_f64 upper_as_f64(tgi_vec_f32 x) { return (tgi_vec_f64)TGI_UPPER(x); }
#undef TGI_LOWER
#undef TGI_UPPER

/* The lanes in reverse order. */
#if TGI_VECTOR_BYTES == 64
#define TGI_BACKWARD_F32 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
#define TGI_BACKWARD_F64 7, 6, 5, 4, 3, 2, 1, 0
#elif TGI_VECTOR_BYTES == 32
#define TGI_BACKWARD_F32 7, 6, 5, 4, 3, 2, 1, 0
#define TGI_BACKWARD_F64 3, 2, 1, 0
#else
#define TGI_BACKWARD_F32 3, 2, 1, 0
#define TGI_BACKWARD_F64 1, 0
#endif
TGI_INLINE tgi_vec_f32 backward_f32(tgi_vec_f32 x) { return __builtin_shufflevector(x, x, TGI_BACKWARD_F32); }
TGI_INLINE tgi_vec_f64 backward_f64(tgi_vec_f64 x) { return __builtin_shufflevector(x, x, TGI_BACKWARD_F64); }

#endif
