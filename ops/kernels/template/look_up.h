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

#endif
