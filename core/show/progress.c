/* progress.c: progress bars: what they count, when they are drawn, and where on the terminal.
 *
 * Counting and asking whether it is time to draw take no lock: a bar is updated a million times a second. All else is
 * under one lock for all bars of the process, as there is one terminal. No error is recorded while it is held: the
 * handler that prints it takes the lock, too. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* CLOCK_MONOTONIC_COARSE */
#endif
#include "progress_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "terminal_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALIVE    UINT64_C(0x70726f6772657373)
#define SECOND   INT64_C(1000000000)
#define REDRAW   (SECOND / 10)
#define SOON     (2 * SECOND)  /* lines are no closer, */
#define LATE     (30 * SECOND) /* and no farther apart */
#define REMEMBER 10.0          /* seconds after which a step counts for the rate as e^-1 of one now */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tg_progress *first;

__attribute__((constructor)) static void expect_fork(void) { tgi_lock_at_fork(&lock); }

static bool progress_ok(const char *where, const tg_progress *p, const char *what)
{
    tgi_begin(where, what);
    if (p && p->alive == ALIVE) return true;
    if (p)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the progress bar was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the progress bar is NULL");
    return false;
}

/* In nanoseconds. The system's coarse clock goes on every few milliseconds, and is quicker to ask. */
static int64_t now_of(const tg_progress *p)
{
    if (p->clock) {
        const double seconds = p->clock(p->clock_context);
        return fabs(seconds) < 9e9 ? (int64_t)(seconds * (double)SECOND) : 0;
    }
#ifdef CLOCK_MONOTONIC_COARSE
    const clockid_t clock = CLOCK_MONOTONIC_COARSE;
#else
    const clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec now = { 0, 0 };
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static int64_t done_of(const tg_progress *p) { return __atomic_load_n(&p->done, __ATOMIC_RELAXED); }

/* ---- drawing, under the lock ---- */

static int lines_on(const FILE *file)
{
    int lines = 0;
    for (const tg_progress *p = first; p; p = p->next) lines += p->drawn && p->file == file;
    return lines;
}

/* To the beginning of the first of the lines; the cursor rests at the end of the last one. */
static void go_up(FILE *file)
{
    const int lines = lines_on(file);
    if (lines) fputc('\r', file);
    if (lines > 1) fprintf(file, "\033[%dA", lines - 1);
}

static void erase(FILE *file)
{
    if (!lines_on(file)) return;
    go_up(file);
    fputs("\033[J", file);
    for (tg_progress *p = first; p; p = p->next)
        if (p->file == file) p->drawn = false;
}

static void take_rate(tg_progress *p, int64_t now)
{
    p->shown = done_of(p);
    const double steps = (double)p->shown - (double)p->done_then, seconds = (double)(now - p->looked) / (double)SECOND;
    if (!(steps > 0 && seconds > 0)) return;
    const double kept = exp(-seconds / REMEMBER);
    p->recent_steps = kept * p->recent_steps + steps;
    p->recent_seconds = kept * p->recent_seconds + seconds;
    p->done_then = p->shown;
    p->looked = now;
}

static void put_line(tg_progress *p, int64_t now)
{
    char text[TGI_PROGRESS_LINE];
    const bool bars = p->style == TG_PROGRESS_BAR;
    const int columns = p->width ? p->width : bars ? tgi_terminal_columns(p->file) - 1 : TGI_PROGRESS_LINE;
    take_rate(p, now);
    tgi_progress_line(p, now, columns, text);
    fputs(text, p->file);
}

/* All bars of a file, each with its own clock. */
static void draw(FILE *file)
{
    int lines = 0;
    go_up(file);
    for (tg_progress *p = first; p; p = p->next) {
        if (p->file != file || p->style != TG_PROGRESS_BAR) continue;
        const int64_t now = now_of(p);
        if (lines++) fputc('\n', file);
        put_line(p, now);
        fputs("\033[K", file);
        p->drawn = true;
        __atomic_store_n(&p->due, now + REDRAW, __ATOMIC_RELAXED);
    }
    fflush(file);
}

static void print_line(tg_progress *p, int64_t now)
{
    put_line(p, now);
    fputc('\n', p->file);
    fflush(p->file);
    p->last_line = now;
}

/* How many tenths are done: none of an unknown total. */
static int64_t tenths_of(int64_t done, int64_t total)
{
    const double tenths = total > 0 ? 10 * (double)done / (double)total : 0;
    return tenths < 0x1p62 ? (int64_t)tenths : INT64_MAX;
}

/* Shows what there is to show, if it is time for it. */
static void look(tg_progress *p, int64_t now)
{
    if (p->style == TG_PROGRESS_BAR) {
        draw(p->file);
        return;
    }
    const int64_t tenth = tenths_of(done_of(p), p->total);
    if (now - p->last_line >= (tenth > p->tenth ? SOON : LATE)) {
        print_line(p, now);
        p->tenth = tenth;
    }
    __atomic_store_n(&p->due, now + REDRAW, __ATOMIC_RELAXED);
}

/* ---- what others print ---- */

/* Before a text that others print while bars are shown, and after it. In between the lock is held. */
static void around_text(bool begins)
{
    if (begins) pthread_mutex_lock(&lock);
    for (const tg_progress *p = first; p; p = p->next) {
        bool seen = p->style != TG_PROGRESS_BAR;
        for (const tg_progress *before = first; before != p; before = before->next)
            seen |= before->file == p->file && before->style == TG_PROGRESS_BAR;
        if (seen) continue;
        if (begins)
            erase(p->file), fflush(p->file);
        else
            draw(p->file);
    }
    if (!begins) pthread_mutex_unlock(&lock);
}

void tg_progress_print_at(const char *where, FILE *file, const char *format, ...)
{
    static const char what[] = "progress_print";
    tgi_begin(where, what);
    if (!file || !format) {
        if (!tg_failed()) tg_fail_at(where, TG_ERROR_NULL, what, file ? "the format is NULL" : "the file is NULL");
        return;
    }
    const size_t length = strlen(format);
    va_list arguments;
    va_start(arguments, format);
    around_text(true);
    void *locale = tgi_text_begin();
    vfprintf(file, format, arguments);
    tgi_text_end(locale);
    if (length == 0 || format[length - 1] != '\n') fputc('\n', file);
    if (first) fflush(file);
    around_text(false);
    va_end(arguments);
}

/* ---- life ---- */

static tg_progress_style style_of(const tg_progress_options *o, FILE *file)
{
    if (o->style != TG_PROGRESS_AUTO) return o->style;
    const char *wish = getenv("TAPEGRAD_PROGRESS");
    if (wish && strcmp(wish, "0") == 0) return TG_PROGRESS_SILENT;
    if (wish && strcmp(wish, "bar") == 0) return TG_PROGRESS_BAR;
    if (wish && strcmp(wish, "lines") == 0) return TG_PROGRESS_LINES;
    return tgi_terminal_moves(file) ? TG_PROGRESS_BAR : TG_PROGRESS_LINES;
}

static bool options_ok(const char *where, const tg_progress_options *o)
{
    static const char what[] = "progress_new";
    if (o->style < TG_PROGRESS_AUTO || o->style > TG_PROGRESS_SILENT)
        tg_fail_at(where, TG_ERROR_VALUE, what, "%d is no style", (int)o->style);
    else if (o->width < 0 || o->ascii < -1 || o->ascii > 1 || o->initial < 0)
        tg_fail_at(where, TG_ERROR_VALUE, what, "width %d, ascii %d and initial %lld: one of them is none", o->width,
                   o->ascii, (long long)o->initial);
    else
        return true;
    return false;
}

static void enlist(tg_progress *p)
{
    tg_progress **last = &first;
    for (; *last; last = &(*last)->next) p->inner |= (*last)->file == p->file;
    *last = p;
    if (p->style == TG_PROGRESS_BAR) draw(p->file);
}

tg_progress *tg_progress_new_at(const char *where, int64_t total, tg_progress_options options)
{
    tgi_begin(where, "progress_new");
    if (tg_failed() || !options_ok(where, &options)) return NULL;
    tg_progress *p = tgi_calloc(sizeof *p);
    if (!p) return NULL;
    p->alive = ALIVE;
    p->total = total;
    p->done = p->done_then = p->initial = p->shown = options.initial;
    p->clock = options.clock;
    p->clock_context = options.clock_context;
    p->leave = options.leave;
    p->ascii = options.ascii == 1 || (options.ascii < 0 && !tgi_terminal_unicode());
    p->file = options.file ? options.file : stderr;
    p->width = options.width;
    p->style = style_of(&options, p->file);
    tgi_progress_copy(p->description, sizeof p->description, options.description);
    tgi_progress_copy(p->unit, sizeof p->unit, options.unit ? options.unit : "step");
    p->began = p->looked = p->last_line = p->due = now_of(p);
    p->tenth = tenths_of(options.initial, total);
    pthread_mutex_lock(&lock);
    if (p->style != TG_PROGRESS_SILENT) {
        tgi_around_message = around_text;
        enlist(p);
    }
    pthread_mutex_unlock(&lock);
    return p;
}

/* Takes the bar off the list and the terminal. The others' lines come below its last one. */
static void finish(tg_progress *p)
{
    const bool bars = p->style == TG_PROGRESS_BAR;
    const int64_t now = now_of(p);
    p->final = true;
    if (bars) erase(p->file);
    for (tg_progress **at = &first; *at; at = &(*at)->next) {
        if (*at != p) continue;
        *at = p->next;
        break;
    }
    if (p->leave && (bars || !p->inner || now - p->began >= SOON)) print_line(p, now);
    if (bars) draw(p->file);
}

void tg_progress_free_at(const char *where, tg_progress *p)
{
    if (!p || !progress_ok(where, p, "progress_free")) return;
    if (p->style != TG_PROGRESS_SILENT) {
        pthread_mutex_lock(&lock);
        finish(p);
        pthread_mutex_unlock(&lock);
    }
    for (tgi_progress_metric *m = p->metrics, *next; m; m = next) {
        next = m->next;
        tgi_free(m, m->bytes);
    }
    p->alive = 0;
    tgi_free(p, sizeof *p);
}

/* ---- what is shown ---- */

void tg_progress_update_at(const char *where, tg_progress *p, int64_t n)
{
    if (!progress_ok(where, p, "progress_update") || tg_failed()) return;
    if (n < 0) {
        tg_fail_at(where, TG_ERROR_VALUE, "progress_update", "%lld steps are fewer than none", (long long)n);
        return;
    }
    __atomic_fetch_add(&p->done, n, __ATOMIC_RELAXED); /* wraps, if it must */
    if (p->style == TG_PROGRESS_SILENT) return;
    const int64_t now = now_of(p);
    if (now < __atomic_load_n(&p->due, __ATOMIC_RELAXED)) return;
    pthread_mutex_lock(&lock);
    if (now >= p->due) look(p, now);
    pthread_mutex_unlock(&lock);
}

int64_t tg_progress_done_at(const char *where, const tg_progress *p)
{
    return progress_ok(where, p, "progress_done") ? done_of(p) : 0;
}

/* Made outside of the lock, as there may be no memory: NULL then. */
static tgi_progress_metric *new_metric(const char *name)
{
    const size_t length = strlen(name), bytes = sizeof(tgi_progress_metric) + length + 1;
    tgi_progress_metric *m = tgi_calloc(bytes);
    if (!m) return NULL;
    m->bytes = bytes;
    memcpy(m->name, name, length + 1);
    return m;
}

/* Gives the metric its value, or, where there is none of that name yet, `made`. The metric, or NULL. */
static tgi_progress_metric *set(tg_progress *p, const char *name, double value, const char *text,
                                tgi_progress_metric *made)
{
    pthread_mutex_lock(&lock);
    tgi_progress_metric **at = &p->metrics;
    while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
    if (!*at) *at = made;
    tgi_progress_metric *m = *at;
    if (m) {
        m->value = value;
        m->is_text = text != NULL;
        tgi_progress_copy(m->text, sizeof m->text, text);
    }
    pthread_mutex_unlock(&lock);
    return m;
}

static void set_metric(tg_progress *p, const char *name, double value, const char *text)
{
    if (!name) {
        tg_fail_at(NULL, TG_ERROR_NULL, "progress_set", "the metric's name is NULL");
        return;
    }
    if (p->style == TG_PROGRESS_SILENT || set(p, name, value, text, NULL)) return;
    tgi_progress_metric *made = new_metric(name);
    if (made && set(p, name, value, text, made) != made) tgi_free(made, made->bytes); /* another thread came first */
}

void tg_progress_set_at(const char *where, tg_progress *p, const char *name, double value)
{
    if (progress_ok(where, p, "progress_set") && !tg_failed()) set_metric(p, name, value, NULL);
}

void tg_progress_set_text_at(const char *where, tg_progress *p, const char *name, const char *text)
{
    if (!progress_ok(where, p, "progress_set_text") || tg_failed()) return;
    if (text)
        set_metric(p, name, 0, text);
    else
        tg_fail_at(where, TG_ERROR_NULL, "progress_set_text", "the metric's text is NULL");
}

static void draw_now(const tg_progress *p)
{
    if (p->style == TG_PROGRESS_BAR) draw(p->file);
}

void tg_progress_set_description_at(const char *where, tg_progress *p, const char *description)
{
    if (!progress_ok(where, p, "progress_set_description")) return;
    pthread_mutex_lock(&lock);
    tgi_progress_copy(p->description, sizeof p->description, description);
    draw_now(p);
    pthread_mutex_unlock(&lock);
}

void tg_progress_set_total_at(const char *where, tg_progress *p, int64_t total)
{
    if (!progress_ok(where, p, "progress_set_total")) return;
    pthread_mutex_lock(&lock);
    p->total = total;
    draw_now(p);
    pthread_mutex_unlock(&lock);
}
