/* copy_kernels.h: copies from any dtype to any other. */
#ifndef TG_OPS_KERNELS_ROWS_COPY_KERNELS_H
#define TG_OPS_KERNELS_ROWS_COPY_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(copy);

struct tgi_copy_kernels {
    /* [to][from], p = { y, a }; to bool: a != 0; float to int64 truncates */
    tgi_loop run[TGI_DTYPES][TGI_DTYPES];
};

#endif
