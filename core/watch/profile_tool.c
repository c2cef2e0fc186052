/* profile_tool.c: TAPEGRAD_PROFILE: every thread watched from its beginning to its end; the tables on stderr, and the trace,
 * when the thread ends with which the program ends.
 *
 * The value 1, or "table": the tables alone. One that ends in .json: a trace of that name, too. Threads that are at
 * work when the program ends are not shown; nor are those that called no op. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "profile_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static tgi_profile *ended;
static int threads;
static pthread_t first_thread;

__attribute__((constructor)) static void expect_fork(void) { tgi_lock_at_fork(&lock); }

static bool is_trace(const char *value)
{
    const size_t length = strlen(value);
    return length > 5 && strcmp(value + length - 5, ".json") == 0;
}

/* By their threads' numbers. */
static void keep(tgi_profile *p)
{
    tgi_profile **link = &ended;
    while (*link && (*link)->thread < p->thread) link = &(*link)->next;
    p->next = *link;
    *link = p;
}

static void show_all(tgi_profile *first)
{
    const char *path = getenv("TAPEGRAD_PROFILE");
    for (tgi_profile *p = first; p; p = p->next) {
        if (p != first) fputs("\n", stderr);
        tgi_profile_write(p, stderr);
    }
    if (path && is_trace(path) && first && !tgi_profile_trace(first, path))
        fprintf(stderr, "tapegrad: TAPEGRAD_PROFILE: %s cannot be written: %s\n", path, strerror(errno));
    while (first) {
        tgi_profile *next = first->next;
        tgi_profile_free(first);
        first = next;
    }
}

/* The first thread's end is the program's. */
static void thread_ends(void *context)
{
    tgi_profile *p = context, *all = NULL;
    tgi_profile_stop(p);
    pthread_mutex_lock(&lock);
    if (p->row_count > 1) keep(p);
    if (pthread_equal(pthread_self(), first_thread)) {
        all = ended;
        ended = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (p->row_count <= 1) tgi_profile_free(p);
    show_all(all);
}

void tgi_profile_from_environment(const char *value)
{
    const tg_profile_options options = TG_OPTIONS(tg_profile_options, TG_PROFILE_DEFAULTS, .trace = is_trace(value));
    tgi_profile *p = tgi_profile_new(options);
    if (!p) return;
    tg_observer observer = tgi_profile_observer;
    observer.ended = thread_ends;
    pthread_mutex_lock(&lock);
    p->thread = ++threads;
    if (p->thread == 1) first_thread = pthread_self();
    pthread_mutex_unlock(&lock);
    p->begins = p->ends = tgi_moment_now();
    p->observer = tg_observe_at(NULL, &observer, p);
    if (p->observer < 0)
        tgi_profile_free(p);
    else
        tgi_profile_collect(p);
}
