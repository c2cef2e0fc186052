/* input.c: see input_impl.h. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "input_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a file calls its things may be anything; a terminal would obey some of it. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) *text = '?';
}

void *tgi_input_fail(const tgi_input *in, int64_t at, const char *field, const char *format, ...)
{
    char place[32] = "", name[128] = "", what[TGI_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(what, sizeof what, format, arguments);
    va_end(arguments);
    if (at >= 0) snprintf(place, sizeof place, " at byte %lld:", (long long)at);
    if (field) snprintf(name, sizeof name, "%.120s: ", field); /* a long one would leave no room for the rest */
    make_printable(name);
    make_printable(what);
    tg_fail_at(NULL, TG_ERROR_FILE, in->function, "%s:%s %s%s", in->path, place, name, what);
    return NULL;
}

bool tgi_input_open(tgi_input *in, const char *function, const char *path)
{
    *in = (tgi_input){ .function = function, .path = path, .fd = -1 };
    if (!path) {
        if (!tg_failed()) tg_fail_at(NULL, TG_ERROR_NULL, function, "the path is NULL");
        return false;
    }
    if (!*path) {
        tg_fail_at(NULL, TG_ERROR_FILE, function, "the path is empty");
        return false;
    }
    do in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe that nobody writes to would wait */
    while (in->fd < 0 && errno == EINTR);
    struct stat about;
    if (in->fd < 0 || fstat(in->fd, &about) != 0) {
        tgi_input_fail(in, TGI_NOWHERE, NULL, "cannot be read: %s", strerror(errno));
        tgi_input_close(in);
        return false;
    }
    in->size = (int64_t)about.st_size;
    if (S_ISREG(about.st_mode)) return true;
    tgi_input_fail(in, TGI_NOWHERE, NULL, S_ISDIR(about.st_mode) ? "is a folder" : "is no regular file");
    tgi_input_close(in);
    return false;
}

void tgi_input_close(tgi_input *in)
{
    if (in->fd >= 0) close(in->fd);
    in->fd = -1;
}

bool tgi_input_read(const tgi_input *in, int64_t at, void *to, int64_t bytes)
{
    if (at < 0 || bytes < 0 || at > in->size || bytes > in->size - at)
        return tgi_input_fail(in, in->size, NULL, "the file ends here; %lld bytes from byte %lld on were to be read",
                              (long long)bytes, (long long)at);
    for (int64_t done = 0; done < bytes;) {
        const ssize_t n = pread(in->fd, (char *)to + done, (size_t)(bytes - done), (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return tgi_input_fail(in, at + done, NULL, "cannot be read: %s", strerror(errno));
        if (n == 0) return tgi_input_fail(in, at + done, NULL, "the file has become shorter while it was read");
        done += n;
    }
    return true;
}

char *tgi_input_block(const tgi_input *in, int64_t at, int64_t bytes)
{
    if (at < 0 || bytes < 0 || at > in->size || bytes > in->size - at) /* before memory is asked for */
        return tgi_input_read(in, at, NULL, bytes), NULL;
    char *block = tgi_scope_alloc((size_t)bytes + 1);
    if (!block || !tgi_input_read(in, at, block, bytes)) return NULL;
    block[bytes] = '\0';
    return block;
}

/* ---- tensors ---- */

enum { PIECE = 16384 };

static bool read_converted(const tgi_input *in, int64_t at, tgi_element element, tg_tensor *t, const char *name)
{
    _Alignas(64) char piece[PIECE];
    const int64_t bytes = tgi_elements[element].bytes, most = PIECE / bytes;
    char *to = tgi_ptr(t);
    for (int64_t done = 0, n; done < t->numel; done += n) {
        n = t->numel - done < most ? t->numel - done : most;
        if (!tgi_input_read(in, at + done * bytes, piece, n * bytes)) return false;
        const int64_t wrong = tgi_elements_convert(to + (size_t)done * tgi_element_size(t), piece, n, element);
        if (wrong >= 0)
            return tgi_input_fail(in, at + (done + wrong) * bytes, name, "a uint64 of 2^63 or more has no int64");
    }
    return true;
}

bool tgi_input_fits(const tgi_input *in, int64_t at, tgi_element element, const tg_shape *shape, const char *name)
{
    for (int d = 0; d < shape->ndim; d++)
        if (shape->dims[d] < 0) return tgi_input_fail(in, at, name, "a size of %lld", (long long)shape->dims[d]);
    const int64_t bytes = tgi_elements_bytes(element, shape);
    if (at >= 0 && at <= in->size && bytes >= 0 && bytes <= in->size - at) return true;
    char text[TG_SHAPE_TEXT];
    return tgi_input_fail(in, at, name, "%s elements of shape %s reach beyond the end of the file, at byte %lld",
                          tgi_elements[element].name, tg_shape_text(shape, text), (long long)in->size);
}

tg_tensor *tgi_input_tensor(const tgi_input *in, int64_t at, tgi_element element, const tg_shape *shape,
                            const char *name)
{
    const tgi_element_kind *kind = &tgi_elements[element];
    if (!tgi_input_fits(in, at, element, shape, name)) return NULL;
    tg_tensor *t = tgi_new(shape, kind->dtype);
    if (!t || t->numel == 0) return t;
    const bool read = kind->as_it_is ? tgi_input_read(in, at, tgi_ptr(t), t->numel * kind->bytes)
                                     : read_converted(in, at, element, t, name);
    return read ? t : NULL;
}
