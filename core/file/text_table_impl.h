/* text_table_impl.h: different texts, in the order in which they came, found by a hash. Internal. */
#ifndef TG_CORE_FILE_TEXT_TABLE_IMPL_H
#define TG_CORE_FILE_TEXT_TABLE_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_text_entry {
    const char *text; /* the caller's, who keeps it */
    int64_t length;   /* it may hold zero bytes */
    int64_t count;    /* how often it was added */
} tgi_text_entry;

typedef struct tgi_text_table {
    tgi_text_entry *entries;
    int64_t count, capacity;
    uint32_t *slots;    /* 0, or the place of an entry plus 1 */
    int64_t slot_count; /* a power of two, or 0 */
} tgi_text_table;

/* Adds a text, or counts it once more. Its place; -1 with an error pending. */
int64_t tgi_text_table_add(tgi_text_table *table, const char *text, int64_t length);
/* Its place, or -1. */
int64_t tgi_text_table_find(const tgi_text_table *table, const char *text, int64_t length);
/* A table that was made by tgi_text_table_add, on this thread. */
void tgi_text_table_free(tgi_text_table *table);

/* For who makes one with memory of its own: how many slots so many entries want, which begin as zeros; and putting all
 * entries into them. */
int64_t tgi_text_table_slots(int64_t count);
void tgi_text_table_fill(tgi_text_table *table);

TG_EXTERN_C_END

#endif
