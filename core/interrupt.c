/* interrupt.c: see interrupt.h. What the handler does is what POSIX allows in one: it writes a flag, calls sigaction
 * and write, and leaves errno as it was. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "interrupt.h"

#include "error.h"
#include "tensor_impl.h"
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SIGNALS = 2 };
static const int signals[SIGNALS] = { SIGINT, SIGTERM };
static struct sigaction previous[SIGNALS]; /* written before the handler is installed */
static volatile sig_atomic_t noted, answers;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static int depth;
static bool installed[SIGNALS];

__attribute__((constructor)) static void expect_fork(void) { tgi_lock_at_fork(&lock); }

/* After the first signal all is as if nothing had been installed. */
static void note(int signal)
{
    static const char answer[] = "\nends after this step; again to end at once\n";
    const int before = errno;
    noted = signal;
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == note) sigaction(signals[i], &previous[i], NULL);
    }
    if (signal == SIGINT && answers && write(STDERR_FILENO, answer, sizeof answer - 1) < 0) answers = 0;
    errno = before;
}

static void restore(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        if (installed[i] && sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == note)
            sigaction(signals[i], &previous[i], NULL);
        installed[i] = false;
    }
}

/* 0, or errno. */
static int install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = SA_RESTART; /* a read or write at work goes on */
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++) sigaddset(&action.sa_mask, signals[i]);
    for (int i = 0; i < SIGNALS; i++) {
        if (sigaction(signals[i], NULL, &previous[i]) != 0) return errno;
        if (!(previous[i].sa_flags & SA_SIGINFO) && previous[i].sa_handler == SIG_IGN) continue;
        if (sigaction(signals[i], &action, NULL) != 0) return errno;
        installed[i] = true;
    }
    return 0;
}

tg_status tg_catch_interrupt_at(const char *where, tg_catch_interrupt_options options)
{
    tgi_begin(where, "catch_interrupt");
    pthread_mutex_lock(&lock);
    int problem = 0;
    if (depth == 0) {
        noted = 0;
        answers = !options.quiet && isatty(STDERR_FILENO);
        problem = install();
        if (problem) restore();
    }
    if (!problem) depth++;
    pthread_mutex_unlock(&lock);
    if (!problem) return TG_OK;
    tg_fail_at(where, TG_ERROR_VALUE, "catch_interrupt", "no handler can be installed: %s", strerror(problem));
    return TG_FAILED;
}

int tg_interrupted(void) { return noted; }

void tg_release_interrupt(void)
{
    pthread_mutex_lock(&lock);
    if (depth > 0 && --depth == 0) restore();
    pthread_mutex_unlock(&lock);
}
