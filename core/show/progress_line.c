/* progress_line.c: the text of a progress bar. */
#include "progress_impl.h"

#include "core/text.h"
#include "core/utf8_impl.h"

#include <math.h>
#include <string.h>

enum { BAR_LEAST = 5, BAR_MOST = 40 };

void tgi_progress_copy(char *to, size_t size, const char *from)
{
    size_t used = 0;
    for (uint32_t c; from && (c = tgi_utf8_next(&from)) && used + TGI_UTF8_MOST < size;)
        used += (size_t)tgi_utf8_put(to + used, c);
    to[used] = '\0';
}

/* ---- a line that grows as far as it may ---- */

typedef struct line {
    char *text; /* of TGI_PROGRESS_LINE bytes */
    size_t used;
    int columns, most;
    bool ascii;
} line;

static void put(line *l, const char *text)
{
    for (uint32_t c; (c = tgi_utf8_next(&text));) {
        if (tgi_utf8_is_control(c)) c = ' ';
        if (l->ascii && c >= 0x80) c = '?';
        const int columns = tgi_utf8_columns(c);
        if (l->columns + columns > l->most || l->used + TGI_UTF8_MOST >= TGI_PROGRESS_LINE) {
            l->most = l->columns; /* what comes after is cut off, too */
            break;
        }
        l->used += (size_t)tgi_utf8_put(l->text + l->used, c);
        l->columns += columns;
    }
    l->text[l->used] = '\0';
}

/* ---- its parts ---- */

enum { NUMBER = 64 };

/* 12:34, 1:02:03 */
static void time_text(double seconds, char text[NUMBER])
{
    if (!(seconds >= 0 && seconds < 3.6e8)) { /* a hundred thousand hours */
        tgi_format(text, NUMBER, "?");
        return;
    }
    const int64_t s = (int64_t)(seconds + 0.5), minutes = s / 60, hours = minutes / 60;
    if (hours)
        tgi_format(text, NUMBER, "%lld:%02d:%02d", (long long)hours, (int)(minutes % 60), (int)(s % 60));
    else
        tgi_format(text, NUMBER, "%02d:%02d", (int)minutes, (int)(s % 60));
}

/* 1.25, 36.2, 450, 1.25k */
static void short_text(double value, char text[NUMBER])
{
    static const char *const larger[] = { "", "k", "M", "G", "T" };
    int k = 0;
    while (value >= 999.5 && k < 4) value /= 1000, k++;
    tgi_format(text, NUMBER, "%.*f%s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, larger[k]);
}

static void put_rate(line *l, double rate, const char *unit)
{
    const bool slow = rate > 0 && rate < 1;
    char text[NUMBER] = "?";
    if (rate > 0 && rate < 1e18) short_text(slow ? 1 / rate : rate, text);
    put(l, text);
    put(l, slow ? " s/" : " ");
    put(l, unit);
    if (!slow) put(l, "/s");
}

/* Of the last state the mean since the beginning, of any other what was lately. */
static double rate_of(const tg_progress *p, double elapsed)
{
    if (p->final || !(p->recent_seconds > 0))
        return elapsed > 0 ? ((double)p->shown - (double)p->initial) / elapsed : 0;
    return p->recent_steps / p->recent_seconds;
}

static void put_metric(line *l, const tgi_progress_metric *m)
{
    char text[NUMBER] = "nan"; /* C may say "-nan" */
    if (!isnan(m->value)) tgi_format(text, NUMBER, "%.4g", m->value);
    put(l, ", ");
    put(l, m->name);
    put(l, "=");
    put(l, m->is_text ? m->text : text);
}

/* "450/1000 [00:12<00:15, 36.2 step/s, loss=0.1234]" */
static void put_numbers(line *l, const tg_progress *p, int64_t now, bool known)
{
    char text[NUMBER];
    const double elapsed = (double)(now - p->began) * 1e-9, rate = rate_of(p, elapsed);
    if (known)
        tgi_format(text, NUMBER, "%lld/%lld [", (long long)p->shown, (long long)p->total);
    else
        tgi_format(text, NUMBER, "%lld ", (long long)p->shown);
    put(l, text);
    if (!known) put(l, p->unit), put(l, " [");
    time_text(elapsed, text);
    put(l, text);
    if (known) {
        put(l, "<");
        time_text(p->shown == p->total ? 0 : rate > 0 ? (double)(p->total - p->shown) / rate : -1, text);
        put(l, text);
    }
    if (p->shown != p->total || p->shown != p->initial) { /* it was not complete when it began: there is a rate */
        put(l, ", ");
        put_rate(l, rate, p->unit);
    }
    for (const tgi_progress_metric *m = p->metrics; m; m = m->next) put_metric(l, m);
    put(l, "]");
}

/* Eighths of a column are filled in, or whole ones. */
static void put_bar(line *l, double part, int columns)
{
    static const char *const eighths[] = { " ", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589" };
    const int filled = (int)floor(part * columns * 8);
    for (int i = 0; i < columns; i++) {
        const int here = filled - 8 * i;
        if (here >= 8)
            put(l, l->ascii ? "#" : "\u2588");
        else
            put(l, l->ascii ? "." : eighths[here > 0 ? here : 0]);
    }
}

void tgi_progress_line(const tg_progress *p, int64_t now, int columns, char text[TGI_PROGRESS_LINE])
{
    char behind[TGI_PROGRESS_LINE], percent[NUMBER];
    line right = { .text = behind, .most = columns, .ascii = p->ascii };
    line l = { .text = text, .most = columns, .ascii = p->ascii };
    const bool known = p->shown >= 0 && p->shown <= p->total, bars = p->style == TG_PROGRESS_BAR;
    const double part = p->total > 0 ? (double)p->shown / (double)p->total : 1;
    put_numbers(&right, p, now, known);
    text[0] = '\0';
    if (p->description[0]) put(&l, p->description), put(&l, ": ");
    if (known) {
        tgi_format(percent, NUMBER, bars ? "%3d%%" : "%d%%", (int)floor(part * 100));
        put(&l, percent);
        const int room = columns - l.columns - right.columns - 3;
        if (bars && room >= BAR_LEAST) {
            put(&l, "|");
            put_bar(&l, part, room < BAR_MOST ? room : BAR_MOST);
            put(&l, "|");
        }
        put(&l, " ");
    }
    put(&l, behind);
}
