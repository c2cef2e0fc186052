/* held_impl.h: what nodes hold for backward. Internal. */
#ifndef TG_CORE_WATCH_TAPE_HELD_IMPL_H
#define TG_CORE_WATCH_TAPE_HELD_IMPL_H

#include "addresses_impl.h"
#include "words_impl.h"

TG_EXTERN_C_BEGIN

/* The storages that are held, those of leaves first: they live without the tape, and do not count. */
typedef struct tgi_held {
    tgi_addresses storages;
    int64_t leaves; /* how many are of leaves */
} tgi_held;

/* False with an error pending; to be freed in either case. */
bool tgi_held_begin(tgi_held *held, const tgi_leaves *leaves);
void tgi_held_free(tgi_held *held);

/* Calls a function with each storage that a node holds beside leaves', once for each. False as soon as that is. */
bool tgi_held_each(const tgi_held *held, const tg_node *node, bool (*each)(void *context, const tgi_storage *storage),
                   void *context);
int64_t tgi_held_by_node(const tgi_held *held, const tg_node *node);
/* Adds what a node holds; the bytes that were not there before, or -1 with an error pending. */
int64_t tgi_held_add(tgi_held *held, const tg_node *node);

TG_EXTERN_C_END

#endif
