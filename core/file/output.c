/* output.c: see output_impl.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* flock, realpath */
#endif
#include "output_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };
static const char ending[] = ".part";

/* Of a failed system call. */
static bool fail(tgi_output *out, const char *what)
{
    if (!out->failed) tg_fail_at(NULL, TG_ERROR_FILE, out->function, "%s: %s: %s", out->path, what, strerror(errno));
    out->failed = true;
    return false;
}

/* ---- opening ---- */

/* The target and the temporary file. A link is followed, so that what it points to is replaced and not the link. */
static bool make_names(tgi_output *out, const char *path)
{
    char *real = realpath(path, NULL);
    const char *target = real ? real : path;
    const size_t length = strlen(target);
    out->names_bytes = 2 * length + sizeof ending + 1;
    out->names = tgi_calloc(out->names_bytes);
    if (out->names) {
        memcpy(out->names, target, length + 1);
        char *temporary = out->names + length + 1;
        memcpy(temporary, target, length);
        memcpy(temporary + length, ending, sizeof ending);
        out->target = out->names;
        out->temporary = temporary;
    }
    free(real);
    return out->names != NULL;
}

static int open_again(const char *path, int flags)
{
    int fd;
    do fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* What lies under the temporary file's name is opened for writing, or made. It may be a pipe; nobody is waited for who
 * reads it. */
static bool open_part(tgi_output *out)
{
    out->fd = open_again(out->temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    if (out->fd >= 0) return true;
    const int why = errno;
    struct stat there;
    const bool odd = lstat(out->temporary, &there) == 0;
    errno = why;
    fail(out, odd ? "cannot be written: its temporary file, with .part behind the name, cannot be opened"
                  : "cannot be written");
    out->temporary = NULL;
    return false;
}

/* The temporary file is this writer's as long as it holds the lock on it; one that a killed program left is taken over,
 * unless it has a second name: who knows it by that one would find it changed. Between opening and locking another
 * writer may have finished and renamed it: then it is no longer there under that name, or not the same one. */
static bool open_temporary(tgi_output *out)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        if (!open_part(out)) return false;
        struct stat opened, there;
        if (flock(out->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            errno = EBUSY;
            out->temporary = NULL; /* that other's */
            return fail(out, "is being written by another");
        } /* where a file system has no locks it goes without */
        const bool same = fstat(out->fd, &opened) == 0 && stat(out->temporary, &there) == 0 &&
                          opened.st_ino == there.st_ino && opened.st_dev == there.st_dev;
        if (same && !S_ISREG(opened.st_mode)) {
            errno = EEXIST;
            out->temporary = NULL;
            return fail(out, "cannot be written: its temporary file, with .part behind the name, is no file");
        }
        if (same && opened.st_nlink < 2) return ftruncate(out->fd, 0) == 0 || fail(out, "cannot be emptied");
        if (same && unlink(out->temporary) != 0) return fail(out, "cannot be written");
        close(out->fd);
        out->fd = -1;
    }
    out->temporary = NULL;
    errno = EBUSY;
    return fail(out, "is being written by another");
}

static bool begin(tgi_output *out, const char *function, const char *path)
{
    *out = (tgi_output){ .function = function, .path = path, .fd = -1, .failed = true };
    if (!path) {
        if (!tg_failed()) tg_fail_at(NULL, TG_ERROR_NULL, function, "the path is NULL");
        return false;
    }
    if (!*path) {
        tg_fail_at(NULL, TG_ERROR_FILE, function, "the path is empty");
        return false;
    }
    out->buffer = tgi_calloc(BUFFER);
    out->failed = !out->buffer;
    return out->buffer != NULL;
}

/* What it would be replaced by is not to be guessed. */
static bool leads_nowhere(tgi_output *out)
{
    struct stat link;
    if (lstat(out->path, &link) != 0 || !S_ISLNK(link.st_mode)) return false;
    errno = ENOENT;
    fail(out, "is a link that leads nowhere");
    return true;
}

bool tgi_output_open(tgi_output *out, const char *function, const char *path)
{
    if (!begin(out, function, path)) return false;
    struct stat target;
    const bool exists = stat(path, &target) == 0;
    bool opened;
    if (exists && !S_ISREG(target.st_mode)) {
        out->fd = open_again(path, O_WRONLY);
        opened = out->fd >= 0 || fail(out, "cannot be written");
    } else {
        opened = (exists || !leads_nowhere(out)) && make_names(out, path) && open_temporary(out);
        /* The new file may be read and written by those who could the old one. */
        if (opened && exists)
            opened = fchmod(out->fd, target.st_mode & 07777) == 0 || fail(out, "cannot be given its mode");
    }
    if (!opened) tgi_output_abandon(out);
    return opened;
}

bool tgi_output_append(tgi_output *out, const char *function, const char *path)
{
    if (!begin(out, function, path)) return false;
    out->fd = open_again(path, O_WRONLY | O_CREAT | O_APPEND);
    struct stat about;
    const bool opened = (out->fd >= 0 && fstat(out->fd, &about) == 0) || fail(out, "cannot be written");
    if (opened)
        out->written = (int64_t)about.st_size;
    else
        tgi_output_abandon(out);
    return opened;
}

/* ---- writing ---- */

static bool write_all(tgi_output *out, const unsigned char *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t n = write(out->fd, bytes, count);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = ENOSPC; /* no error, says the system, but it takes no more */
        if (n <= 0) return fail(out, "cannot be written");
        bytes += n;
        count -= (size_t)n;
    }
    return true;
}

bool tgi_output_flush(tgi_output *out)
{
    if (out->failed) return false;
    const size_t used = out->used;
    out->used = 0;
    return write_all(out, out->buffer, used);
}

bool tgi_output_write(tgi_output *out, const void *bytes, size_t count)
{
    if (out->failed) return false;
    out->written += (int64_t)count;
    if (count > BUFFER - out->used && !tgi_output_flush(out)) return false;
    if (count > BUFFER) return write_all(out, bytes, count);
    if (count) memcpy(out->buffer + out->used, bytes, count);
    out->used += count;
    return true;
}

bool tgi_output_zeros(tgi_output *out, size_t count)
{
    static const char zeros[64];
    for (size_t n; count > 0; count -= n) {
        n = count < sizeof zeros ? count : sizeof zeros;
        if (!tgi_output_write(out, zeros, n)) return false;
    }
    return !out->failed;
}

bool tgi_output_format(tgi_output *out, const char *format, ...)
{
    char text[256];
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = tgi_vformat(text, sizeof text, format, arguments);
    char *longer = length >= (int)sizeof text ? tgi_calloc((size_t)length + 1) : NULL;
    if (longer) tgi_vformat(longer, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    if (length < 0 || (length >= (int)sizeof text && !longer)) out->failed = true;
    const bool written = !out->failed && tgi_output_write(out, longer ? longer : text, (size_t)length);
    if (longer) tgi_free(longer, (size_t)length + 1);
    return written;
}

/* ---- tensors ---- */

static void copy_row_major(char *to, const tg_tensor *t, const char *from, int dim)
{
    const size_t size = tgi_element_size(t);
    if (dim == t->ndim) {
        memcpy(to, from, size);
        return;
    }
    int64_t inner = 1;
    for (int d = dim + 1; d < t->ndim; d++) inner *= t->dims[d];
    for (int64_t i = 0; i < t->dims[dim]; i++)
        copy_row_major(to + (size_t)(i * inner) * size, t, from + i * tgi_strides(t)[dim] * (int64_t)size, dim + 1);
}

const void *tgi_row_major(const tg_tensor *t)
{
    if (t->contiguous || t->numel == 0) return tgi_ptr(t);
    char *copy = tgi_scope_alloc((size_t)t->numel * tgi_element_size(t));
    if (copy) copy_row_major(copy, t, tgi_ptr(t), 0);
    return copy;
}

bool tgi_output_tensor(tgi_output *out, const tg_tensor *t)
{
    const tg_scope scope = tg_scope_begin();
    const void *elements = tgi_row_major(t);
    if (tg_failed()) out->failed = true;
    const bool written =
        !out->failed && (t->numel == 0 || tgi_output_write(out, elements, (size_t)t->numel * tgi_element_size(t)));
    tg_scope_end(scope);
    return written;
}

/* ---- ending ---- */

/* A file system that cannot do it for folders says EINVAL; then it has no need of it, or no way. */
static bool sync_folder(tgi_output *out)
{
    char *slash = strrchr(out->names, '/');
    const char *folder = ".";
    if (slash) {
        folder = slash == out->names ? "/" : out->names;
        *slash = '\0';
    }
    const int fd = open_again(folder, O_RDONLY | O_DIRECTORY);
    const bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    const int why = errno;
    if (fd >= 0) close(fd);
    errno = why;
    return synced || fail(out, "its folder cannot be brought to the disk");
}

/* A network's file system may tell of a failed write only when it closes the file. */
static bool close_file(tgi_output *out)
{
    const int fd = out->fd;
    out->fd = -1;
    return close(fd) == 0 || errno == EINTR || fail(out, "cannot be closed");
}

static bool put_in_place(tgi_output *out)
{
    if (fsync(out->fd) != 0) return fail(out, "cannot be brought to the disk");
    if (rename(out->temporary, out->target) != 0) return fail(out, "cannot be put in its place");
    out->temporary = NULL; /* there is none any more */
    return sync_folder(out);
}

bool tgi_output_commit(tgi_output *out)
{
    const bool committed = tgi_output_flush(out) && (!out->temporary || put_in_place(out)) && close_file(out);
    tgi_output_abandon(out);
    return committed;
}

void tgi_output_abandon(tgi_output *out)
{
    if (out->temporary) unlink(out->temporary);
    if (out->fd >= 0) close(out->fd);
    if (out->buffer) tgi_free(out->buffer, BUFFER);
    if (out->names) tgi_free(out->names, out->names_bytes);
    *out = (tgi_output){ .fd = -1, .failed = true };
}
