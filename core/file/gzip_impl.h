/* gzip_impl.h: files that gzip has made shorter. Internal. */
#ifndef TG_CORE_FILE_GZIP_IMPL_H
#define TG_CORE_FILE_GZIP_IMPL_H

#include "inflate_impl.h"

TG_EXTERN_C_BEGIN

/* What a file holds, be it as it stands there or made longer first. */
typedef struct tgi_unpacked {
    const tgi_input *in;
    bool packed;
    int64_t size;          /* of what it holds */
    tgi_deflated deflated; /* if packed: what becomes longer, */
    uint32_t crc;          /* and its sum */
} tgi_unpacked;

/* Looks at how the file begins, and if gzip made it, at what it says of itself: it has one member, and does not become
 * longer than deflated data can. False with an error pending. */
bool tgi_unpacked_open(tgi_unpacked *unpacked, const tgi_input *in);

/* Its first bytes, of which there must be so many. False with an error pending. */
bool tgi_unpacked_head(const tgi_unpacked *unpacked, void *to, int64_t bytes);

/* All of it to `to`, where there is room for `size` bytes, checked against the sum. False with an error pending. */
bool tgi_unpacked_read(const tgi_unpacked *unpacked, void *to);

/* Before room for all of it is asked for: whether a file that says it becomes much longer does. False with an error
 * pending. */
bool tgi_unpacked_credible(const tgi_unpacked *unpacked);

TG_EXTERN_C_END

#endif
