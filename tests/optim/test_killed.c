/* test_killed.c: a training run in a process of its own that is killed, again and again: at a random moment, or by itself
 * at a random call of the system within a save. Gone on with until it has come to its end, it has the weights of a run
 * that nobody killed, to the bit, and leaves nothing behind. TEST_EVERYTHING: 50 kills; otherwise 8. */
#define _GNU_SOURCE
#include "tests/support/mutate.h"
#include "tests/support/sequence_run.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- in the child ---- */

static int64_t calls, dies_at = -1;

static bool dies(void) { return calls++ == dies_at; }
static void die(void) { kill(getpid(), SIGKILL); }

/* Half of it has been written. */
ssize_t write(int fd, const void *from, size_t count)
{
    const bool now = dies();
    const ssize_t written = syscall(SYS_write, fd, from, now ? count / 2 : count);
    if (now) die();
    return written;
}

/* The others have been made, or not. */
#define MAY_DIE(before_or_after)                                                                                       \
    const bool now = dies();                                                                                           \
    if (now && before_or_after) die();                                                                                 \
    const int status = (int)
#define THEN                                                                                                           \
    if (now) die();                                                                                                    \
    return status

int fsync(int fd)
{
    MAY_DIE(false) syscall(SYS_fsync, fd);
    THEN;
}
int rename(const char *from, const char *to)
{
    MAY_DIE(calls % 2) syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    THEN;
}
int link(const char *from, const char *to)
{
    MAY_DIE(false) syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    THEN;
}
int unlink(const char *path)
{
    MAY_DIE(calls % 2) syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    THEN;
}
int ftruncate(int fd, off_t size)
{
    MAY_DIE(false) syscall(SYS_ftruncate, fd, size);
    THEN;
}

static tg_checkpoints *kept;
static void save(sequence_run *r)
{
    if (r->step % 2 == 0) tg_checkpoints_save(kept, r->step, fabs(r->mean - 20), SEQUENCE_RUN(r));
}

/* So many kills, and batches enough for them. */
static int kills_wanted(void) { return test_everything() ? 50 : 8; }
static int epochs(void) { return 25 * kills_wanted(); }

/* Goes on, or begins. */
static int train(const char *folder, const char *last)
{
    sequence_run r;
    sequence_run_begin(&r, 5, false, 2);
    kept = tg_checkpoints_new(folder, .keep = 2);
    tg_checkpoints_load_latest(kept, SEQUENCE_RUN(&r));
    sequence_run_on(&r, epochs(), save);
    tg_checkpoints_save(kept, r.step, 0, SEQUENCE_RUN(&r)); /* clears away what a kill at the very end left */
    tg_save_safetensors(tg_state_dict(r.model), last);
    if (tg_failed()) fprintf(stderr, "%s\n", tg_error_message());
    tg_checkpoints_free(kept);
    sequence_run_end(&r);
    return tg_failed() ? 1 : 0;
}

/* ---- who kills it ---- */

static uint64_t drawn = 88172645463325252;
static uint64_t draw(uint64_t below)
{
    drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17; /* xorshift64 (Marsaglia, 2003) */
    return drawn % below;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef enum manner { LIVES, KILLED_BY_CLOCK, KILLED_IN_A_CALL } manner;

/* Whether it came to its end. */
static bool train_in_a_process(const char *folder, const char *last, manner how, double most, int64_t most_calls)
{
    const int64_t call = (int64_t)draw((uint64_t)most_calls);
    const uint64_t microseconds = draw((uint64_t)(most * 1e6) + 1);
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(120);
        calls = 0;
        dies_at = how == KILLED_IN_A_CALL ? call : -1;
        _exit(train(folder, last));
    }
    if (how == KILLED_BY_CLOCK) {
        usleep((useconds_t)microseconds);
        kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("the run ended with status %d", status);
    return true;
}

static void assert_nothing_left(const char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int steps = 0, best = 0;
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        const size_t n = strlen(e->d_name);
        if (n < 12 || strcmp(e->d_name + n - 12, ".safetensors") != 0) fail_msg("left behind: %s", e->d_name);
        steps += strncmp(e->d_name, "step-", 5) == 0;
        best += strcmp(e->d_name, "best.safetensors") == 0;
    }
    closedir(d);
    assert_true(steps == 2 && best == 1);
}

static void assert_same_file(const char *a, const char *b)
{
    size_t n, m;
    unsigned char *x = read_file(a, &n), *y = read_file(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

TEST(test_killed_and_gone_on)
{
    const char *all = make_folder();
    char never[4200], weights[4200], folder[4200], last[4200];
    snprintf(never, sizeof never, "%s/never", all);
    snprintf(weights, sizeof weights, "%s/weights", all);
    snprintf(last, sizeof last, "%s/last", all);
    const double begun = seconds();
    assert_true(train_in_a_process(never, weights, LIVES, 0, 1));
    const double took = seconds() - begun;
    assert_nothing_left(never);
    const int wanted = kills_wanted();
    int killed = 0, by_clock = 0, runs = 0;
    while (killed < wanted) {
        snprintf(folder, sizeof folder, "%s/run%d", all, runs++);
        for (bool ended = false; !ended;) {
            const manner how = killed >= wanted ? LIVES : (manner)(1 + draw(2));
            ended = train_in_a_process(folder, last, how, took / wanted, 150);
            killed += !ended;
            by_clock += !ended && how == KILLED_BY_CLOCK;
        }
        assert_same_file(weights, last);
        assert_nothing_left(folder);
        remove_folder(folder);
    }
    print_message("killed %d times in %d runs, %d of them by the clock\n", killed, runs, by_clock);
    remove_folder(never);
    remove_folder(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_killed_and_gone_on) };
    return cmocka_run_group_tests_name("killed", tests, NULL, NULL);
}
