/* checkpoints_folder.c: see checkpoints_impl.h. Only files of the names that are made here are ever removed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* flock */
#endif
#include "checkpoints_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/keys_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ending[] = ".safetensors", part[] = ".part";

static bool fail(const char *function, const char *path, const char *what)
{
    tg_fail_at(NULL, TG_ERROR_FILE, function, "%s: %s: %s", path, what, strerror(errno));
    return false;
}

/* ---- folders ---- */

/* Brings a folder's entries to the disk. A file system that cannot says EINVAL. */
static bool sync_folder(const char *folder)
{
    int fd;
    do fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return false;
    const bool synced = fsync(fd) == 0 || errno == EINVAL;
    const int why = errno;
    close(fd);
    errno = why;
    return synced;
}

/* One of them; the one around it is there, and must have it for good. */
static bool make_one(const char *function, char *path)
{
    if (mkdir(path, 0777) != 0) return errno == EEXIST || fail(function, path, "cannot be made");
    char *slash = strrchr(path, '/');
    if (!slash) return sync_folder(".") || fail(function, path, "cannot be brought to the disk");
    if (slash == path) return sync_folder("/") || fail(function, path, "cannot be brought to the disk");
    *slash = '\0';
    const bool synced = sync_folder(path);
    *slash = '/';
    return synced || fail(function, path, "cannot be brought to the disk");
}

bool tgi_folder_make(const char *function, const char *folder)
{
    const tg_scope scope = tg_scope_begin();
    const size_t length = strlen(folder);
    char *path = tgi_scope_alloc(length + 1);
    bool made = path != NULL;
    for (size_t i = 1; made && i <= length; i++) {
        if (folder[i] != '/' && folder[i] != '\0') continue;
        memcpy(path, folder, i);
        path[i] = '\0';
        if (folder[i - 1] != '/') made = make_one(function, path);
    }
    struct stat about;
    if (made && (stat(folder, &about) != 0 || !S_ISDIR(about.st_mode))) {
        errno = ENOTDIR;
        made = fail(function, folder, "cannot be used");
    }
    tg_scope_end(scope);
    return made;
}

/* ---- names ---- */

const char *tgi_checkpoints_path(const tg_checkpoints *c, int64_t step)
{
    return tgi_key("%s/step-%06" PRId64 "%s", c->folder, step, ending);
}

const char *tgi_checkpoints_best_path(const tg_checkpoints *c) { return tgi_key("%s/best%s", c->folder, ending); }

/* The step of a file that has one of our names, to which `more` is appended; -1 of others. */
static int64_t step_of(const char *name, const char *more)
{
    char again[64];
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9') return -1;
    const int64_t step = (int64_t)strtoll(name + 5, NULL, 10);
    snprintf(again, sizeof again, "step-%06" PRId64 "%s%s", step, ending, more);
    return strcmp(name, again) == 0 ? step : -1;
}

/* ---- what is there ---- */

static int by_step(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Appends the steps of the files that have `more` behind their names. */
static bool list_names(const tg_checkpoints *c, const char *function, const char *more, tgi_steps *steps)
{
    DIR *folder = opendir(c->folder);
    if (!folder) return fail(function, c->folder, "cannot be read");
    const struct dirent *entry;
    bool good = true;
    while (good && (errno = 0, entry = readdir(folder))) {
        const int64_t step = step_of(entry->d_name, more);
        if (step < 0) continue;
        good = tgi_grow(&steps->items, &steps->room, steps->count + 1, sizeof *steps->items);
        if (good) steps->items[steps->count++] = step;
    }
    if (good && errno != 0) good = fail(function, c->folder, "cannot be read");
    closedir(folder);
    if (steps->count) qsort(steps->items, (size_t)steps->count, sizeof *steps->items, by_step);
    return good;
}

bool tgi_checkpoints_list(const tg_checkpoints *c, const char *function, tgi_steps *steps)
{
    return list_names(c, function, "", steps);
}

void tgi_steps_free(tgi_steps *steps) { tgi_grow_free(steps->items, steps->room, sizeof *steps->items); }

bool tgi_file_is_there(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

/* ---- removing ---- */

/* What a second name is called first. Not ".part": who writes a file of that name empties it first, and it would be the
 * one that has two names. */
static const char *link_of(const char *name) { return name ? tgi_key("%s.link", name) : NULL; }

void tgi_file_remove(const char *path)
{
    if (path && unlink(path) != 0 && errno != ENOENT)
        tg_warn_at(NULL, "%s: cannot be removed: %s", path, strerror(errno));
}

/* A file that is being written is locked (core/file/output.c). */
static void remove_unless_locked(const char *path)
{
    const int fd = path ? open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) tgi_file_remove(path);
    close(fd);
}

void tgi_checkpoints_clear(const tg_checkpoints *c)
{
    tgi_steps left = { 0 };
    if (list_names(c, "checkpoints_save", part, &left))
        for (int64_t i = 0; i < left.count; i++)
            remove_unless_locked(tgi_key("%s%s", tgi_checkpoints_path(c, left.items[i]), part));
    tgi_steps_free(&left);
    tgi_file_remove(link_of(tgi_checkpoints_best_path(c)));
}

/* ---- a second name ---- */

tgi_linked tgi_file_link(const char *function, const char *path, const char *name, const char *folder)
{
    const char *temporary = link_of(name);
    if (!temporary) return TGI_LINK_FAILED;
    tgi_file_remove(temporary);
    if (link(path, temporary) != 0) return TGI_NOT_LINKED;
    if (rename(temporary, name) != 0) {
        fail(function, name, "cannot be put in its place");
        unlink(temporary);
        return TGI_LINK_FAILED;
    }
    unlink(temporary); /* it is still there when both names were of the same file already */
    if (sync_folder(folder)) return TGI_LINKED;
    fail(function, name, "its folder cannot be brought to the disk");
    return TGI_LINK_FAILED;
}
