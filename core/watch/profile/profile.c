/* profile.c: the profile of a thread, begun and ended by the program. */
#include "profile_impl.h"

#include <string.h>

/* This thread's last one; it goes with the thread. */
static tgi_profile *mine(void) { return tgi_self.pool ? tgi_self.pool->rare.profile : NULL; }

static tgi_profile *fail(const char *where, const char *function, const char *problem)
{
    tg_fail_at(where, TG_ERROR_VALUE, function, "%s", problem);
    return NULL;
}

static void begin(const char *where)
{
    if (where) tgi_self.where = where;
}

tg_status tg_profile_begin_at(const char *where, tg_profile_options options)
{
    begin(where);
    if (tg_failed()) return TG_FAILED;
    tgi_pool *pool = tgi_pool_of_thread();
    if (!pool) return TG_FAILED;
    if (options.skip < 0 || options.steps < 0 || options.most_events < 0)
        return fail(where, "profile_begin", "skip, steps and most_events are counts, not negative"), TG_FAILED;
    if (mine() && mine()->observer >= 0)
        return fail(where, "profile_begin", "a profile of this thread is running: tg_profile_end ends it"), TG_FAILED;
    tgi_profile_free(mine());
    pool->rare.free_profile = tgi_profile_free;
    pool->rare.profile = tgi_profile_new(options);
    tgi_profile *p = mine();
    if (!p) {
        tg_fail_at(where, TG_ERROR_MEMORY, "profile_begin", "out of memory");
        return TG_FAILED;
    }
    p->thread = 1;
    p->begins = p->ends = tgi_moment_now();
    p->observer = tg_observe_at(where, &tgi_profile_observer, p);
    if (p->observer < 0) return TG_FAILED;
    if (!options.skip) tgi_profile_collect(p);
    return TG_OK;
}

tg_status tg_profile_end_at(const char *where)
{
    begin(where);
    tgi_profile *p = mine();
    if (!p || p->observer < 0) return fail(where, "profile_end", "no profile of this thread is running"), TG_FAILED;
    tgi_profile_stop(p);
    tg_unobserve(p->observer);
    p->observer = -1;
    return tg_failed() ? TG_FAILED : TG_OK;
}

/* The finished one; NULL with an error pending. */
static tgi_profile *finished(const char *where, const char *function)
{
    begin(where);
    if (tg_failed()) return NULL;
    tgi_profile *p = mine();
    if (!p) return fail(where, function, "this thread has no profile: tg_profile_begin and tg_profile_end make one");
    if (p->observer >= 0) return fail(where, function, "the profile is running: tg_profile_end ends it");
    return p;
}

tg_status tg_profile_print_at(const char *where, FILE *file)
{
    tgi_profile *p = finished(where, "profile_print");
    if (!p) return TG_FAILED;
    if (!file) return tg_fail_at(where, TG_ERROR_NULL, "profile_print", "the file is NULL"), TG_FAILED;
    tgi_profile_write(p, file);
    if (!ferror(file)) return TG_OK;
    tg_fail_at(where, TG_ERROR_FILE, "profile_print", "the file cannot be written");
    return TG_FAILED;
}

tg_status tg_profile_write_trace_at(const char *where, const char *path)
{
    tgi_profile *p = finished(where, "profile_write_trace");
    if (!p) return TG_FAILED;
    if (!path) return tg_fail_at(where, TG_ERROR_NULL, "profile_write_trace", "the path is NULL"), TG_FAILED;
    if (!p->options.trace)
        return fail(where, "profile_write_trace", "no trace was kept: tg_profile_begin(.trace = true)"), TG_FAILED;
    if (tgi_profile_trace(p, path)) return TG_OK;
    tg_fail_at(where, TG_ERROR_FILE, "profile_write_trace", "%s cannot be written", path);
    return TG_FAILED;
}

int64_t tg_profile_entries_at(const char *where, tg_profile_by by, tg_profile_entry *entries, int64_t capacity)
{
    static const char name[] = "profile_entries";
    tgi_profile *p = finished(where, name);
    if (!p) return -1;
    if ((int)by < 0 || by > TG_PROFILE_BY_SHAPE) return fail(where, name, "there is no such order"), -1;
    if (capacity < 0 || (capacity && !entries)) return fail(where, name, "there is no room at `entries`"), -1;
    tg_profile_entry *all;
    int64_t room;
    const int64_t count = tgi_profile_collected(p, by, &all, &room);
    const int64_t shown = count < capacity ? count : capacity;
    if (shown > 0) memcpy(entries, all, (size_t)shown * sizeof *entries);
    tgi_profile_dealloc(all, (size_t)room * sizeof *all);
    if (count < 0) tg_fail_at(where, TG_ERROR_MEMORY, name, "out of memory");
    return count;
}

tg_profile_summary tg_profile_sum_at(const char *where)
{
    const tgi_profile *p = finished(where, "profile_sum");
    return p ? tgi_profile_summary(p) : (tg_profile_summary){ .peak_op = "", .peak_where = "" };
}
