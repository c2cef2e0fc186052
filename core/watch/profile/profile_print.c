/* profile_print.c: a profile as tables. */
#include "core/show/terminal_impl.h"
#include "core/text.h"
#include "profile_impl.h"

#include <stdarg.h>
#include <string.h>

enum { ROWS_SHOWN = 20, NAME_COLUMNS = 40 };

typedef struct table {
    FILE *file;
    tg_profile_summary sum;
    tgi_peak peak;
} table;

/* Numbers with a point in every locale. */
static void put(FILE *file, const char *format, ...) TG_PRINTF(2, 3);
static void put(FILE *file, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs(text, file);
}

static double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

/* ---- the head ---- */

static void put_phase(const table *t, const char *name, double seconds)
{
    if (seconds > 0)
        put(t->file, "  %-10s %12.3f ms %6.1f %%\n", name, 1e3 * seconds, percent(seconds, t->sum.seconds));
}

static void put_head(const table *t, const tgi_profile *p)
{
    const tg_profile_summary *s = &t->sum;
    put(t->file, "profile of thread %d: %.3f ms, %lld optimizer step%s\n", p->thread, 1e3 * s->seconds,
        (long long)s->steps, s->steps == 1 ? "" : "s");
    put_phase(t, "forward", s->forward);
    put_phase(t, "backward", s->backward);
    put_phase(t, "optimizer", s->optimizer);
    put_phase(t, "loading", s->loading);
    put_phase(t, "outside", s->outside);
    put(t->file, "  %.4g Gflop", 1e-9 * s->flops);
    if (s->seconds > 0) put(t->file, ", %.4g Gflop/s", 1e-9 * s->flops / s->seconds);
    if (t->peak.flops > 0 && s->seconds > 0)
        put(t->file, ": %.1f %% of the %.4g that a product of 512 x 512 reaches here",
            percent(s->flops / s->seconds, t->peak.flops), 1e-9 * t->peak.flops);
    if (t->peak.bytes > 0) put(t->file, "; memory: %.4g GB/s", 1e-9 * t->peak.bytes);
    put(t->file, "\n  at most %.4g MB in use", 1e-6 * (double)s->peak_bytes);
    if (s->peak_op[0])
        put(t->file, ", after %s at %s", s->peak_op, s->peak_where[0] ? s->peak_where : "an unknown place");
    if (s->events_lost) put(t->file, "\n  %lld events of the trace were left out", (long long)s->events_lost);
    put(t->file, "\n");
}

/* ---- a table ---- */

static double self_of(const tg_profile_entry *e) { return e->forward.self + e->backward.self + e->rest.self; }
static double total_of(const tg_profile_entry *e) { return e->forward.total + e->backward.total + e->rest.total; }

/* The end of a long name tells more than its beginning. */
static void put_name(FILE *file, const char *name)
{
    const size_t length = strlen(name);
    if (length <= NAME_COLUMNS)
        fprintf(file, "  %-*s", NAME_COLUMNS, name);
    else
        fprintf(file, "  ..%s", name + length - (NAME_COLUMNS - 2));
}

static void put_number(FILE *file, int columns, int digits, double value)
{
    if (value > 0)
        put(file, " %*.*f", columns, digits, value);
    else
        put(file, " %*s", columns, "");
}

/* What comes from the caches comes faster than from memory. */
static void put_share(FILE *file, double share, const char *above)
{
    if (share > 100)
        put(file, " %6s", above);
    else
        put_number(file, 6, 1, share);
}

static void put_speed(const table *t, const tg_profile_entry *e)
{
    const double seconds = self_of(e), flops = e->forward.flops + e->backward.flops + e->rest.flops,
                 bytes = e->forward.bytes + e->backward.bytes + e->rest.bytes;
    put_number(t->file, 9, 2, seconds > 0 ? 1e-9 * flops / seconds : 0);
    put_share(t->file, seconds > 0 ? percent(flops / seconds, t->peak.flops) : 0, ">100");
    put_number(t->file, 8, 2, seconds > 0 ? 1e-9 * bytes / seconds : 0);
    put_share(t->file, seconds > 0 ? percent(bytes / seconds, t->peak.bytes) : 0, "cache");
}

static void put_entry(const table *t, const tg_profile_entry *e)
{
    const int64_t calls = e->forward.calls ? e->forward.calls : e->backward.calls ? e->backward.calls : e->rest.calls;
    put_name(t->file, e->name);
    put(t->file, " %8lld", (long long)calls);
    put_number(t->file, 10, 3, 1e3 * (e->forward.self + e->rest.self));
    put_number(t->file, 10, 3, 1e3 * e->backward.self);
    put(t->file, " %6.1f", percent(self_of(e), t->sum.seconds));
    put_number(t->file, 10, 3, 1e3 * total_of(e));
    put_speed(t, e);
    put_number(t->file, 9, 2, 1e-6 * (double)e->peak_bytes);
    put(t->file, "\n");
}

/* What is left of the time when the longest have been shown. */
static void put_others(const table *t, const tg_profile_entry *entries, int64_t count)
{
    char name[32];
    double seconds = 0;
    if (count == 0) return;
    for (int64_t i = 0; i < count; i++) seconds += self_of(&entries[i]);
    snprintf(name, sizeof name, "(%lld others)", (long long)count);
    put_name(t->file, name);
    put(t->file, " %8s %10s %10s %6.1f\n", "", "", "", percent(seconds, t->sum.seconds));
}

static void put_table(const table *t, tgi_profile *p, tg_profile_by by, const char *title)
{
    tg_profile_entry *entries;
    int64_t room;
    const int64_t count = tgi_profile_collected(p, by, &entries, &room);
    const int64_t most = by == TG_PROFILE_BY_MODULE ? 4 * ROWS_SHOWN : ROWS_SHOWN, shown = count < most ? count : most;
    put(t->file, "\n  %-*s %8s %10s %10s %6s %10s %9s %6s %8s %6s %9s\n", NAME_COLUMNS, title, "calls", "self ms",
        "backward", "%", "total ms", "Gflop/s", "%peak", "GB/s", "%peak", "peak MB");
    for (int64_t i = 0; i < shown; i++) put_entry(t, &entries[i]);
    if (shown < count) put_others(t, entries + shown, count - shown);
    tgi_profile_dealloc(entries, (size_t)room * sizeof *entries);
}

void tgi_profile_write(tgi_profile *p, FILE *file)
{
    const table t = { file, tgi_profile_summary(p), tgi_peak_measure() };
    put_head(&t, p);
    put_table(&t, p, TG_PROFILE_BY_OP, "by op");
    if (p->options.shapes) put_table(&t, p, TG_PROFILE_BY_SHAPE, "by shape");
    if (p->place_count > 1) put_table(&t, p, TG_PROFILE_BY_MODULE, "by module");
    put_table(&t, p, TG_PROFILE_BY_LINE, "by line");
}
