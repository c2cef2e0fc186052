/* look_up.h: vectors of elements that indices choose. */
#ifndef TG_OPS_KERNELS_TEMPLATE_LOOK_UP_H
#define TG_OPS_KERNELS_TEMPLATE_LOOK_UP_H

#include "vectors.h"

/* x[at[0]], x[at[1]], ..., as many as a vector holds. */
#if defined(__AVX512F__)
TGI_INLINE tgi_vec_f32 look_up_f32(const tgi_mem_f32 *x, const int32_t *at)
{
    return (tgi_vec_f32)_mm512_i32gather_ps(_mm512_loadu_si512(at), x, 4);
}
TGI_INLINE tgi_vec_f64 look_up_f64(const tgi_mem_f64 *x, const int32_t *at)
{
    return (tgi_vec_f64)_mm512_i32gather_pd(_mm256_loadu_si256((const __m256i *)(const void *)at), x, 8);
}
#else /* of fewer lanes one by one is as fast */
TGI_INLINE tgi_vec_f32 look_up_f32(const tgi_mem_f32 *x, const int32_t *at)
{
    tgi_vec_f32 v;
    for (int i = 0; i < (int)(sizeof v / sizeof *x); i++) v[i] = x[at[i]];
    return v;
}
TGI_INLINE tgi_vec_f64 look_up_f64(const tgi_mem_f64 *x, const int32_t *at)
{
    tgi_vec_f64 v;
    for (int i = 0; i < (int)(sizeof v / sizeof *x); i++) v[i] = x[at[i]];
    return v;
}
#endif

/* The same from a row of n, of indices from `first` to `last`: where these are near each other two vectors hold all
 * that lies between, and no element is loaded by itself. */
#if defined(__AVX512F__)
#define TGI_LOOK_NEAR(suffix, T, cast, permuted, indices)                                                             \
    typedef struct tgi_near_##suffix {                                                                                \
        tgi_vec_##suffix lower, upper;                                                                                \
        int32_t first;                                                                                                \
        bool all;                                                                                                     \
    } tgi_near_##suffix;                                                                                              \
    TGI_INLINE tgi_near_##suffix load_near_##suffix(const tgi_mem_##suffix *x, int64_t n, int32_t first,              \
                                                    int32_t last)                                                     \
    {                                                                                                                 \
        const int lanes = TGI_VECTOR_BYTES / sizeof(T);                                                               \
        tgi_near_##suffix near = { .first = first, .all = last - first < 2 * lanes };                                 \
        if (!near.all) return near;                                                                                   \
        near.lower = load_filled_##suffix(x + first, n - first, near.lower);                                          \
        near.upper = load_filled_##suffix(x + first + lanes, n - first - lanes, near.upper);                          \
        return near;                                                                                                  \
    }                                                                                                                 \
    TGI_INLINE tgi_vec_##suffix look_near_##suffix(tgi_near_##suffix near, const tgi_mem_##suffix *x,                 \
                                                   const int32_t *at)                                                 \
    {                                                                                                                 \
        if (!near.all) return look_up_##suffix(x, at);                                                                \
        return (tgi_vec_##suffix)permuted((cast)near.lower, indices(at, near.first), (cast)near.upper);               \
    }
TGI_INLINE __m512i tgi_indices_f32(const int32_t *at, int32_t first)
{
    return _mm512_sub_epi32(_mm512_loadu_si512(at), _mm512_set1_epi32(first));
}
TGI_INLINE __m512i tgi_indices_f64(const int32_t *at, int32_t first)
{
    const __m256i indices = _mm256_loadu_si256((const __m256i *)(const void *)at);
    return _mm512_cvtepi32_epi64(_mm256_sub_epi32(indices, _mm256_set1_epi32(first)));
}
TGI_LOOK_NEAR(f32, float, __m512, _mm512_permutex2var_ps, tgi_indices_f32)
TGI_LOOK_NEAR(f64, double, __m512d, _mm512_permutex2var_pd, tgi_indices_f64)
#undef TGI_LOOK_NEAR
#else
typedef int tgi_near_f32, tgi_near_f64;
#define TGI_LOOK_NEAR(suffix)                                                                                         \
    TGI_INLINE tgi_near_##suffix load_near_##suffix(const tgi_mem_##suffix *x, int64_t n, int32_t first,              \
                                                    int32_t last)                                                     \
    {                                                                                                                 \
        return (void)x, (void)n, (void)first, (void)last, 0;                                                          \
    }                                                                                                                 \
    TGI_INLINE tgi_vec_##suffix look_near_##suffix(tgi_near_##suffix near, const tgi_mem_##suffix *x,                 \
                                                   const int32_t *at)                                                 \
    {                                                                                                                 \
        return (void)near, look_up_##suffix(x, at);                                                                   \
    }
TGI_LOOK_NEAR(f32)
TGI_LOOK_NEAR(f64)
#undef TGI_LOOK_NEAR
#endif

#endif
