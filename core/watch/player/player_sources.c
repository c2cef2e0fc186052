/* player_sources.c: the files that a run's places name, as they are on the disk now. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_CLOEXEC, readlink */
#endif
#include "player_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

enum { LARGEST = 1 << 20 /* bytes of a file that is shown */, MOST_FOLDERS = 8 };

/* ---- which ---- */

typedef struct sought {
    const tgi_player_run *run;
    tgi_player_source source;
} sought;

static bool is_it(const void *context, int64_t entry)
{
    const sought *s = context;
    const tgi_player_source *there = &s->run->sources[entry];
    return there->length == s->source.length && memcmp(there->path, s->source.path, (size_t)there->length) == 0;
}

bool tgi_player_source_of(tgi_player_run *run, const char *where, int32_t *source, int32_t *line)
{
    const char *colon = strrchr(where, ':');
    *source = -1;
    *line = 0;
    const long number = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (!colon || colon == where || number <= 0 || number > INT32_MAX) return true;
    const sought s = { run, { where, colon - where } };
    const uint64_t hash = tgi_hash_of(where, (size_t)s.source.length);
    int64_t found = tgi_hashed_find(&run->sources_found, hash, is_it, &s);
    if (found < 0) {
        found = run->source_count;
        if (!tgi_grow(&run->sources, &run->source_capacity, found + 1, sizeof *run->sources)) return false;
        if (!tgi_hashed_add(&run->sources_found, hash, found)) return false;
        run->sources[run->source_count++] = s.source;
    }
    *source = (int32_t)found;
    *line = (int32_t)number;
    return true;
}

/* ---- their texts ---- */

/* All bytes of a file, and a zero behind them; NULL: they are not to be had, or an error is pending. */
static const char *read_all(int fd, size_t bytes)
{
    char *text = tgi_scope_alloc(bytes + 1);
    size_t length = 0;
    while (text && length < bytes) {
        const ssize_t n = pread(fd, text + length, bytes - length, (off_t)length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return NULL;
        length += (size_t)n;
    }
    if (text) text[length] = '\0';
    return text;
}

/* A regular file of no more than LARGEST bytes. */
static const char *read_text(const char *path)
{
    struct stat about;
    int fd;
    do fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return NULL;
    const bool readable = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= LARGEST;
    const char *text = readable ? read_all(fd, (size_t)about.st_size) : NULL;
    close(fd);
    return text;
}

static const char *read_in(const char *folder, size_t folder_length, const tgi_player_source *source)
{
    char path[2 * TGI_PROGRAM_PATH];
    const int length =
        snprintf(path, sizeof path, "%.*s/%.*s", (int)folder_length, folder, (int)source->length, source->path);
    return length > 0 && (size_t)length < sizeof path ? read_text(path) : NULL;
}

const char *tgi_program_path(char path[TGI_PROGRAM_PATH])
{
    path[0] = '\0';
#ifdef __APPLE__
    uint32_t size = TGI_PROGRAM_PATH;
    if (_NSGetExecutablePath(path, &size) != 0) path[0] = '\0';
#else
    const ssize_t length = readlink("/proc/self/exe", path, TGI_PROGRAM_PATH - 1);
    path[length > 0 ? length : 0] = '\0';
#endif
    return path;
}

/* A path that is not absolute is one from where the compiler stood: our folder, that of the program or one above it. */
const char *tgi_player_source_text(const tgi_player_source *source, const char *root)
{
    char program[TGI_PROGRAM_PATH];
    if (source->length > 0 && source->path[0] == '/')
        return read_in("", 0, &(tgi_player_source){ source->path + 1, source->length - 1 });
    const char *text = read_in(".", 1, source);
    if (!text && root) text = read_in(root, strlen(root), source);
    tgi_program_path(program);
    for (int i = 0; !text && i < MOST_FOLDERS && !tg_failed(); i++) {
        char *slash = strrchr(program, '/');
        if (!slash) break;
        *slash = '\0';
        text = read_in(program, strlen(program), source);
    }
    return text;
}
