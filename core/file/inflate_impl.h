/* inflate_impl.h: deflated data (RFC 1951) made long again. Internal. */
#ifndef TG_CORE_FILE_INFLATE_IMPL_H
#define TG_CORE_FILE_INFLATE_IMPL_H

#include "input_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_deflated {
    const tgi_input *in;
    const char *name;    /* what errors call it */
    int64_t at, bytes;   /* where it lies in the file */
    int64_t size;        /* how long it is to become */
} tgi_deflated;

/* A byte of deflated data becomes this many at most: matches of 258 bytes, of two bits each. */
enum { TGI_MOST_INFLATED = 1032 };

/* Puts the bytes from `from` on, `count` of them, to `to`; none to NULL. With `crc` all of it is read, which must have
 * the right size, and has that sum; otherwise no more than is needed. Asks for 100 KB for a while, whatever the data
 * says. False with an error pending. */
bool tgi_inflate(const tgi_deflated *deflated, int64_t from, int64_t count, void *to, uint32_t *crc);

TG_EXTERN_C_END

#endif
