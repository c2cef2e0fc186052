/* failing_calls.h: a step run again and again, with each of its calls of the system failing in turn: open, pread,
 * write, fsync, rename, ftruncate, fchmod, flock, mmap, close. For one file of a program, linked statically: its
 * definitions of them are those that the library calls. That file begins with `#define _GNU_SOURCE`. */
#ifndef TG_TESTS_SUPPORT_FAILING_CALLS_H
#define TG_TESTS_SUPPORT_FAILING_CALLS_H

#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What happens to the call `fail_call_at`; or to every other call, when it is interrupted. */
typedef enum call_fate { CALLS_WORK, ONE_FAILS, MANY_INTERRUPTED, ONE_BYTE_AT_A_TIME, NOTHING_IS_TAKEN } call_fate;
static call_fate fate;
static int64_t calls, fail_call_at;
static const char *failed_call; /* the one that failed, "write" */
static const char *call_names[64]; /* of the first of them */

static inline bool call_fails(const char *name, bool may_be_interrupted)
{
    const int64_t call = calls++;
    if (call < 64) call_names[call] = name;
    if (fate == ONE_FAILS && call == fail_call_at) {
        failed_call = name;
        errno = EIO;
        return true;
    }
    if (fate != MANY_INTERRUPTED || call % 2 || !may_be_interrupted) return false;
    errno = EINTR;
    return true;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return call_fails("open", true) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t pread(int fd, void *to, size_t count, off_t at)
{
    if (call_fails("pread", true)) return -1;
    if (fate == ONE_BYTE_AT_A_TIME && count) count = 1;
    return syscall(SYS_pread64, fd, to, count, at);
}

ssize_t write(int fd, const void *from, size_t count)
{
    if (call_fails("write", true)) return -1;
    if (fate == NOTHING_IS_TAKEN) return 0;
    if (fate == ONE_BYTE_AT_A_TIME && count) count = 1;
    return syscall(SYS_write, fd, from, count);
}

int fsync(int fd) { return call_fails("fsync", false) ? -1 : (int)syscall(SYS_fsync, fd); }
int ftruncate(int fd, off_t size) { return call_fails("ftruncate", false) ? -1 : (int)syscall(SYS_ftruncate, fd, size); }
int fchmod(int fd, mode_t mode) { return call_fails("fchmod", false) ? -1 : (int)syscall(SYS_fchmod, fd, mode); }
int flock(int fd, int what) { return call_fails("flock", false) ? -1 : (int)syscall(SYS_flock, fd, what); }

int rename(const char *from, const char *to)
{
    return call_fails("rename", false) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* One that failed has closed the file all the same. */
int close(int fd)
{
    const int status = (int)syscall(SYS_close, fd);
    return call_fails("close", false) ? -1 : status;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && call_fails("mmap", false)) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* How many calls the step makes. */
static inline int64_t count_calls(bool (*step)(void))
{
    fate = CALLS_WORK;
    calls = 0;
    assert_true(step());
    return calls;
}

/* `after` is told whether the step said that it went well. */
static inline void fail_each_call(bool (*step)(void), void (*after)(bool well))
{
    const int64_t total = count_calls(step);
    assert_true(total > 1);
    for (fail_call_at = 0; fail_call_at < total; fail_call_at++) {
        fate = ONE_FAILS;
        calls = 0;
        failed_call = NULL;
        const bool well = step();
        fate = CALLS_WORK;
        if (!failed_call) fail_msg("call %lld was not made again", (long long)fail_call_at);
        after(well);
    }
}

/* Calls that are interrupted, or do less than was asked, are made again. */
static inline void disturb_calls(bool (*step)(void))
{
    for (call_fate how = MANY_INTERRUPTED; how <= ONE_BYTE_AT_A_TIME; how++) {
        fate = how;
        calls = 0;
        const bool well = step();
        fate = CALLS_WORK;
        assert_true(well);
    }
}

#endif
