/* profile_tool.c: TAPEGRAD_PROFILE: every thread watched from its beginning to its end; the tables on stderr, and the trace,
 * when the program ends.
 *
 * The value 1, or "table": the tables alone. One that ends in .json: a trace of that name, too. Threads that are at
 * work when the program ends are not shown; nor are those that called no op. A program that is killed shows nothing. */
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
static bool main_watched;     /* the main thread's profile runs: its end, which is the program's, shows all */
static pthread_t main_thread; /* constructors run on it */

__attribute__((constructor)) static void begin_process(void)
{
    main_thread = pthread_self();
    tgi_lock_at_fork(&lock);
}

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

static void show(tgi_profile *first)
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

void tgi_profile_show_ended(void)
{
    pthread_mutex_lock(&lock);
    tgi_profile *all = main_watched ? NULL : ended;
    if (all) ended = NULL;
    pthread_mutex_unlock(&lock);
    show(all);
}

/* The main thread may never have used the library, and others may have. */
__attribute__((destructor)) static void end_process(void) { tgi_profile_show_ended(); }

static void thread_ends(void *context)
{
    tgi_profile *p = context;
    const bool is_main = pthread_equal(pthread_self(), main_thread);
    tgi_profile_stop(p);
    const bool any = p->row_count > 1;
    pthread_mutex_lock(&lock);
    if (any) keep(p);
    if (is_main) main_watched = false;
    pthread_mutex_unlock(&lock);
    if (!any) tgi_profile_free(p);
    if (is_main) tgi_profile_show_ended();
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
    pthread_mutex_unlock(&lock);
    p->begins = p->ends = tgi_moment_now();
    p->observer = tg_observe_at(NULL, &observer, p);
    if (p->observer < 0) {
        tgi_profile_free(p);
        return;
    }
    tgi_profile_collect(p);
    if (pthread_equal(pthread_self(), main_thread)) main_watched = true;
}
