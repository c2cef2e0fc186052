/* test_interrupt.c: a first signal is noted, a second one ends the program, and what was there before comes back. Each
 * test is a process of its own, whose end tells. */
#define _GNU_SOURCE /* sigaction, fork */
#include <tapegrad.h>

#include "tests/support/suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int (*sigaction_fn)(int, const struct sigaction *, struct sigaction *);
static int calls_left = -1; /* until one fails */

/* The library calls this one. */
int sigaction(int signal, const struct sigaction *action, struct sigaction *before)
{
    sigaction_fn system = NULL;
    *(void **)&system = dlsym(RTLD_NEXT, "sigaction");
    if (calls_left >= 0 && calls_left-- == 0) {
        errno = EINVAL;
        return -1;
    }
    return system(signal, action, before);
}

static volatile sig_atomic_t own_signals;
static void own_handler(int signal) { own_signals += signal; }

/* The exit status of the function in a child, or 1000 and the signal that killed it. */
static int run(int (*function)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGINT, SIG_DFL); /* a shell's background job ignores it */
        signal(SIGTERM, SIG_DFL);
        alarm(20);
        _exit(function());
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) assert_int_equal(errno, EINTR);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int steps_until(int signal)
{
    int steps = 0;
    tg_catch_interrupt(.quiet = true);
    for (; !tg_interrupted() && steps < 10; steps++)
        if (steps == 3) raise(signal);
    tg_release_interrupt();
    return steps;
}

static int interrupted(void) { return steps_until(SIGINT) == 4 && tg_interrupted() == SIGINT ? 0 : 1; }
static int terminated(void) { return steps_until(SIGTERM) == 4 && tg_interrupted() == SIGTERM ? 0 : 1; }

TEST(test_noted)
{
    assert_int_equal(run(interrupted), 0);
    assert_int_equal(run(terminated), 0);
}

static int twice(void)
{
    tg_catch_interrupt(.quiet = true);
    raise(SIGINT);
    raise(SIGINT);
    return 0;
}

static int one_of_each(void)
{
    tg_catch_interrupt(.quiet = true);
    raise(SIGTERM);
    raise(SIGINT);
    return 0;
}

static int released(void)
{
    tg_catch_interrupt();
    tg_release_interrupt();
    raise(SIGINT);
    return 0;
}

static int never_asked(void)
{
    tg_release_interrupt();
    raise(SIGTERM);
    return 0;
}

TEST(test_second_one_kills)
{
    assert_int_equal(run(twice), 1000 + SIGINT);
    assert_int_equal(run(one_of_each), 1000 + SIGINT);
    assert_int_equal(run(released), 1000 + SIGINT);
    assert_int_equal(run(never_asked), 1000 + SIGTERM);
}

/* What the program had installed is called for the second, and after the release. */
static int own_before(void)
{
    signal(SIGINT, own_handler);
    tg_catch_interrupt(.quiet = true);
    raise(SIGINT);
    if (own_signals || tg_interrupted() != SIGINT) return 1;
    raise(SIGINT);
    if (own_signals != SIGINT) return 2;
    tg_release_interrupt();
    raise(SIGINT);
    return own_signals == 2 * SIGINT ? 0 : 3;
}

/* What was installed over it stays. */
static int own_after(void)
{
    tg_catch_interrupt(.quiet = true);
    signal(SIGINT, own_handler);
    tg_release_interrupt();
    raise(SIGINT);
    return own_signals == SIGINT && !tg_interrupted() ? 0 : 1;
}

static int ignored(void)
{
    signal(SIGINT, SIG_IGN);
    tg_catch_interrupt(.quiet = true);
    raise(SIGINT);
    if (tg_interrupted()) return 1;
    raise(SIGTERM);
    tg_release_interrupt();
    raise(SIGINT);
    return tg_interrupted() == SIGTERM ? 0 : 2;
}

TEST(test_others)
{
    assert_int_equal(run(own_before), 0);
    assert_int_equal(run(own_after), 0);
    assert_int_equal(run(ignored), 0);
}

static int nested(void)
{
    tg_catch_interrupt(.quiet = true);
    tg_catch_interrupt(.quiet = true);
    tg_release_interrupt();
    raise(SIGINT);
    if (tg_interrupted() != SIGINT) return 1;
    tg_release_interrupt();
    tg_release_interrupt();
    tg_catch_interrupt(.quiet = true); /* begins anew */
    if (tg_interrupted()) return 2;
    raise(SIGINT);
    return tg_interrupted() == SIGINT ? 0 : 3;
}

TEST(test_nested) { assert_int_equal(run(nested), 0); }

/* A read that waits goes on, and errno is as it was. */
static int pipes[2];

static void *write_later(void *main_thread)
{
    usleep(20000);
    pthread_kill(*(pthread_t *)main_thread, SIGINT);
    usleep(20000);
    return write(pipes[1], "x", 1) == 1 ? NULL : main_thread;
}

static int restarted(void)
{
    char byte = 0;
    pthread_t thread, self = pthread_self();
    if (pipe(pipes) != 0) return 1;
    tg_catch_interrupt(.quiet = true);
    pthread_create(&thread, NULL, write_later, &self);
    if (read(pipes[0], &byte, 1) != 1 || byte != 'x' || tg_interrupted() != SIGINT) return 2;
    pthread_join(thread, NULL);
    tg_release_interrupt();
    tg_catch_interrupt(.quiet = true);
    errno = ERANGE;
    calls_left = 0; /* what the handler calls fails, and sets errno */
    raise(SIGINT);
    return errno == ERANGE ? 0 : 3;
}

TEST(test_restarted) { assert_int_equal(run(restarted), 0); }

/* Only on a terminal is anything said. */
static int silent(void)
{
    if (pipe(pipes) != 0 || dup2(pipes[1], 2) < 0) return 1;
    tg_catch_interrupt();
    raise(SIGINT);
    close(2);
    close(pipes[1]);
    char byte;
    return read(pipes[0], &byte, 1) == 0 ? 0 : 2;
}

TEST(test_silent) { assert_int_equal(run(silent), 0); }

/* ---- a system that installs no handlers ---- */

static int failing(void)
{
    struct sigaction now;
    for (int n = 0; n < 4; n++) {
        calls_left = n;
        if (tg_catch_interrupt() != TG_FAILED) return 10 + n;
        calls_left = -1;
        if (!strstr(tg_error_message(), "catch_interrupt: no handler can be installed: ")) return 20 + n;
        tg_error_clear();
        if (sigaction(SIGINT, NULL, &now) != 0 || now.sa_handler != SIG_DFL) return 30 + n;
        if (sigaction(SIGTERM, NULL, &now) != 0 || now.sa_handler != SIG_DFL) return 40 + n;
    }
    return steps_until(SIGINT) == 4 ? 0 : 1;
}

TEST(test_failing) { assert_int_equal(run(failing), 0); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_noted),     T(test_second_one_kills), T(test_others),  T(test_nested),
        T(test_restarted), T(test_silent),           T(test_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
