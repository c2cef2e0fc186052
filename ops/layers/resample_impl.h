/* resample_impl.h: what the files of resampling share, and the Upsample module needs. */
#ifndef TG_OPS_LAYERS_RESAMPLE_IMPL_H
#define TG_OPS_LAYERS_RESAMPLE_IMPL_H

#include "ops/resample.h"

TG_EXTERN_C_BEGIN

/* The name of a mode, to be kept; NULL if there is none like it. */
const char *tgi_interpolation_mode(const char *mode);

/* x [N, C, H, W] as [N, C, *out], the input going on by `scale` for one step in the result. NULL is passed on. */
tg_tensor *tgi_bicubic(tg_tensor *x, const int64_t out[2], const double scale[2], bool align_corners);

TG_EXTERN_C_END

#endif
