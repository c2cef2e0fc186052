/* append_impl.h: files that grow by whole records: lines, rows, events. Internal. */
#ifndef TG_CORE_SHOW_APPEND_IMPL_H
#define TG_CORE_SHOW_APPEND_IMPL_H

#include "core/file/output_impl.h"

TG_EXTERN_C_BEGIN

/* Hands a record to the system, with one write where that takes it all: who is killed leaves whole records, but for a
 * write that was under way, which the system may end at a page's end. Where it fails, the disk being full, say, what
 * was written of it is cut off again, and the next one may be tried. False with an error pending. `out` comes from
 * tgi_output_append. */
bool tgi_append(tgi_output *out, const void *bytes, size_t count);
/* Cuts off what was appended since the file had so many bytes. */
void tgi_append_undo(tgi_output *out, int64_t written);
/* Brings what was written to the disk. */
bool tgi_append_sync(tgi_output *out);

/* A text that grows. */
typedef struct tgi_text {
    char *bytes; /* no zero byte behind them */
    int64_t count, capacity;
    bool failed; /* for want of memory: an error is pending, and the rest is not put */
} tgi_text;

void tgi_text_free(tgi_text *t);
void tgi_text_put(tgi_text *t, const void *bytes, size_t count);
void tgi_text_string(tgi_text *t, const char *text);
/* A text whose bytes are all part of UTF-8: others become the character for what cannot be read. */
void tgi_text_utf8(tgi_text *t, const char *text);
/* The shortest of 15, 16 or 17 digits that is read as this very number: nan, inf and -inf are those words. */
void tgi_text_number(tgi_text *t, double value, const char *nan, const char *inf);

TG_EXTERN_C_END

#endif
