/* picture_impl.h: a tensor as rows of bytes, as pictures have them. Internal. */
#ifndef TG_CORE_FILE_PICTURE_IMPL_H
#define TG_CORE_FILE_PICTURE_IMPL_H

#include "core/tensor.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_picture {
    const tg_tensor *t;
    int64_t channels, height, width;
    int64_t strides[3]; /* of these three */
} tgi_picture;

/* False with an error pending: `t` is no picture of up to so many channels, or too large for any file. */
bool tgi_picture_of(tgi_picture *p, const char *function, const tg_tensor *t, int channels);
/* One row's bytes, channels by turns. */
void tgi_picture_row(const tgi_picture *p, int64_t y, unsigned char *to);

TG_EXTERN_C_END

#endif
