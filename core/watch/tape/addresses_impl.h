/* addresses_impl.h: addresses by number, in the order in which they came. Internal. */
#ifndef TG_CORE_WATCH_TAPE_ADDRESSES_IMPL_H
#define TG_CORE_WATCH_TAPE_ADDRESSES_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_addresses {
    const void **items;
    int64_t count, capacity;
    int32_t *table; /* finds one: 1 + its number; 0 is free */
    int bits;       /* of the table's size */
} tgi_addresses;

/* Its number, from 0 on, whether or not it was there; -1 with an error pending. */
int64_t tgi_addresses_add(tgi_addresses *addresses, const void *address);
/* Its number; -1: it is not there. */
int64_t tgi_addresses_find(const tgi_addresses *addresses, const void *address);
void tgi_addresses_free(tgi_addresses *addresses);

TG_EXTERN_C_END

#endif
