/* finds.h: what a check finds while a test runs (core/watch/check/check.h), kept to be looked at. */
#ifndef TG_TESTS_SUPPORT_FINDS_H
#define TG_TESTS_SUPPORT_FINDS_H

#include "suite.h"

#include "core/watch/check/check.h"

#include <stdio.h>

enum { FINDS = 16 };

typedef struct find {
    char kind[32], where[128], place[128], text[4096];
} find;

typedef struct finds {
    int count;
    find items[FINDS];
} finds;

static inline void note_find(const tg_find *told, void *context)
{
    finds *all = context;
    if (all->count == FINDS) fail_msg("more than %d finds, the last: %s", FINDS, told->text);
    find *f = &all->items[all->count++];
    snprintf(f->kind, sizeof f->kind, "%s", told->kind);
    snprintf(f->where, sizeof f->where, "%s", told->where);
    snprintf(f->place, sizeof f->place, "%s", told->place);
    snprintf(f->text, sizeof f->text, "%s", told->text);
}

/* The first find of a kind; the test fails if there is none. */
static inline const find *found(const finds *all, const char *kind)
{
    for (int i = 0; i < all->count; i++)
        if (!strcmp(all->items[i].kind, kind)) return &all->items[i];
    fail_msg("nothing of kind %s was found, but %d others: %s", kind, all->count, all->count ? all->items[0].text : "");
    return NULL;
}

static inline int count_of(const finds *all, const char *kind)
{
    int count = 0;
    for (int i = 0; i < all->count; i++) count += !strcmp(all->items[i].kind, kind);
    return count;
}

static inline void assert_nothing_found(const finds *all)
{
    if (all->count) fail_msg("found without need: %s", all->items[0].text);
}

static inline void assert_says(const find *f, const char *words)
{
    /* lines are broken at blanks */
    char flat[sizeof f->text];
    size_t used = 0;
    for (const char *c = f->text; *c; c++) {
        const char now = *c == '\n' ? ' ' : *c;
        if (now == ' ' && used && flat[used - 1] == ' ') continue;
        flat[used++] = now;
    }
    flat[used] = '\0';
    if (!strstr(flat, words)) fail_msg("expected \"%s\" in\n%s", words, f->text);
}

/* "tests/watch/test_check.c:LINE" */
static inline void assert_at(const find *f, const char *file, int line)
{
    char where[128];
    snprintf(where, sizeof where, "%s:%d", file, line);
    if (strcmp(f->where, where) != 0) fail_msg("found at %s, not %s:\n%s", f->where, where, f->text);
}

#define CHECKING                                                                                                      \
    static finds all;                                                                                                 \
    all.count = 0;                                                                                                    \
    assert_int_equal(tg_check_begin(.told = note_find, .context = &all), TG_OK)

#endif
