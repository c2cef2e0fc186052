/* resample_impl.h: what the files of resampling share, and the Upsample module needs. */
#ifndef TG_OPS_LAYERS_RESAMPLE_IMPL_H
#define TG_OPS_LAYERS_RESAMPLE_IMPL_H

#include "ops/resample.h"

TG_EXTERN_C_BEGIN

/* The name of a mode, to be kept; NULL if there is none like it. */
const char *tgi_interpolation_mode(const char *mode);

TG_EXTERN_C_END

#endif
