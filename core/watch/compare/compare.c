/* compare.c: a comparison's life: begun by the program or by a variable of the environment, shown, ended. */
#include "compare_impl.h"
#include "core/watch/tape/tools_impl.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static __thread tgi_compare *current; /* NULL: none */

static void compare_free(tgi_compare *c)
{
    if (current == c) current = NULL;
    tgi_names_free(&c->names);
    tgi_run_free(&c->run);
    tgi_grow_free(c->calls, c->call_capacity, sizeof *c->calls);
    tgi_grow_free(c->awaited, c->awaited_capacity, sizeof *c->awaited);
    tgi_grow_free(c->outer, c->outer_capacity, sizeof *c->outer);
    tgi_page_free(&c->page);
    if (c->path) tgi_free(c->path, strlen(c->path) + 1);
    tgi_free(c, sizeof *c);
}

/* The observer is gone, and with it the comparison; one that the program or its end did not let come to its end is told
 * now. */
static void ended(void *context)
{
    tgi_compare *c = context;
    c->of_environment = false; /* it need not be unregistered */
    tgi_compare_finish(c);
    compare_free(c);
}

static bool take_path(tgi_compare *c, const char *path)
{
    c->path = tgi_calloc(strlen(path) + 1);
    if (c->path) memcpy(c->path, path, strlen(path));
    return c->path;
}

static tg_status begin(const char *path, tg_compare_options options, bool of_environment)
{
    tgi_compare *c = tgi_calloc(sizeof *c);
    if (!c) return TG_FAILED;
    c->options = options;
    c->of_environment = of_environment;
    tg_observer observer = tgi_compare_observer;
    observer.ended = ended;
    if (take_path(c, path) && tgi_run_load(&c->run, path))
        c->observer = tg_observe(&observer, c);
    else
        c->observer = -1;
    if (c->observer < 0) {
        compare_free(c);
        return TG_FAILED;
    }
    current = c;
    return TG_OK;
}

tg_status tg_compare_begin_at(const char *where, const char *path, tg_compare_options options)
{
    static const char what[] = "compare_begin";
    tgi_begin(where, what);
    if (tg_failed()) return TG_FAILED;
    if (!path) {
        tg_fail_at(NULL, TG_ERROR_NULL, what, "the path is NULL");
    } else if (!(options.tolerance >= 0) || isinf(options.tolerance)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "expected a tolerance of 0 or more, got %g", options.tolerance);
    } else if (current) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "a comparison has begun already, with %s: tg_compare_end ends it",
                   current->path);
    } else {
        return begin(path, options, false);
    }
    return TG_FAILED;
}

static const char *in_scope(const char *text, int64_t length)
{
    char *copy = tgi_scope_alloc((size_t)length + 1);
    if (!copy) return "";
    if (length) memcpy(copy, text, (size_t)length);
    copy[length] = '\0';
    return copy;
}

tg_comparison tg_compare_end_at(const char *where)
{
    static const tg_comparison nothing = { .mistake = "", .report = "" };
    tgi_begin(where, "compare_end");
    tgi_compare *c = current;
    if (!c) {
        if (!tg_failed())
            tg_fail_at(NULL, TG_ERROR_VALUE, "compare_end", "there is no comparison: tg_compare_begin begins one");
        return nothing;
    }
    c->of_environment = false;
    tgi_compare_finish(c);
    const tg_comparison result = {
        .compared = c->compared,
        .agreed = c->agreed,
        .missing = tgi_compare_missing(c),
        .first = c->found ? in_scope(c->first, (int64_t)strlen(c->first)) : NULL,
        .mistake = in_scope(c->mistake, (int64_t)strlen(c->mistake)),
        .report = in_scope(c->page.text, c->page.failed ? 0 : c->page.length),
    };
    tg_unobserve(c->observer);
    return result;
}

void tgi_compare_from_environment(const char *value)
{
    static bool begun;
    if (__atomic_exchange_n(&begun, true, __ATOMIC_RELAXED)) return;
    static const char load[] = "load:";
    tg_compare_options options = { .load = strncmp(value, load, sizeof load - 1) == 0 };
    if (options.load) value += sizeof load - 1;
    if (begin(value, options, true) == TG_OK) return;
    fprintf(stderr, "TAPEGRAD_COMPARE: nothing is compared\n");
    tg_error_clear();
}
