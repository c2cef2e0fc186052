/* append.c: see append_impl.h. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "append_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/utf8_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tgi_append(tgi_output *out, const void *bytes, size_t count)
{
    const int64_t before = out->written;
    if (tgi_output_write(out, bytes, count) && tgi_output_flush(out)) return true;
    out->failed = false;
    tgi_append_undo(out, before);
    return false;
}

void tgi_append_undo(tgi_output *out, int64_t written)
{
    if (ftruncate(out->fd, (off_t)written) == 0) out->written = written; /* a pipe or a device has no length */
}

bool tgi_append_sync(tgi_output *out)
{
    if (fsync(out->fd) == 0 || errno == EINVAL) return true;
    tg_fail_at(NULL, TG_ERROR_FILE, out->function, "%s: cannot be brought to the disk: %s", out->path, strerror(errno));
    return false;
}

void tgi_text_free(tgi_text *t)
{
    tgi_grow_free(t->bytes, t->capacity, 1);
    *t = (tgi_text){ .bytes = NULL };
}

void tgi_text_put(tgi_text *t, const void *bytes, size_t count)
{
    if (t->failed || count == 0) return;
    t->failed = !tgi_grow(&t->bytes, &t->capacity, t->count + (int64_t)count, 1);
    if (t->failed) return;
    memcpy(t->bytes + t->count, bytes, count);
    t->count += (int64_t)count;
}

void tgi_text_string(tgi_text *t, const char *text) { tgi_text_put(t, text, strlen(text)); }

void tgi_text_utf8(tgi_text *t, const char *text)
{
    char bytes[TGI_UTF8_MOST];
    for (uint32_t c; (c = tgi_utf8_next(&text));) tgi_text_put(t, bytes, (size_t)tgi_utf8_put(bytes, c));
}

void tgi_text_number(tgi_text *t, double value, const char *nan, const char *inf)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        if (value < 0) tgi_text_string(t, "-");
        tgi_text_string(t, isnan(value) ? nan : inf);
        return;
    }
    void *locale = tgi_text_begin();
    for (int digits = 15; digits <= 17; digits++) {
        tgi_format(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    tgi_text_end(locale);
    tgi_text_string(t, text);
}
