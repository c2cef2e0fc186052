/* check_find.c: what is told: once for each kind, line and module, as a block that can be read without knowing tapegrad. */
#include "check_impl.h"

#include "core/error.h"
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LABEL = 9, WIDTH = 100 };

bool tgi_find_begin(tgi_check *c, tgi_finding *f, const char *kind, const char *where, const tg_place *place)
{
    if (tg_failed()) return false;
    const uint64_t key = tgi_key_of(where, place, false) ^ tgi_key_of(kind, NULL, false) * 3;
    if (tgi_table_find(&c->told, key) || !tgi_table_at(&c->told, key)) return false;
    *f = (tgi_finding){ .kind = kind, .where = where ? where : "" };
    tg_place_text(place, f->place);
    return true;
}

void tgi_find_say(tgi_finding *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(f->headline, sizeof f->headline, format, arguments);
    va_end(arguments);
}

static void put(tgi_finding *f, const char *text, size_t length)
{
    if (f->used + length + 1 > sizeof f->rows) return;
    memcpy(f->rows + f->used, text, length);
    f->used += length;
    f->rows[f->used] = '\0';
}

/* As much of the text as fits a line, to a blank if there is one. */
static size_t piece_of(const char *text, size_t room)
{
    const size_t length = strlen(text);
    if (length <= room) return length;
    size_t end = room;
    while (end > 0 && text[end] != ' ') end--;
    return end ? end : room;
}

void tgi_find_row(tgi_finding *f, const char *label, const char *format, ...)
{
    char text[1536], begin[4 + LABEL + 1];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *rest = text;
    do {
        const size_t piece = piece_of(rest, WIDTH - 4 - LABEL);
        snprintf(begin, sizeof begin, "    %-*s", LABEL, rest == text ? label : "");
        put(f, begin, strlen(begin));
        put(f, rest, piece);
        put(f, "\n", 1);
        rest += piece;
        while (*rest == ' ') rest++;
    } while (*rest);
}

void tgi_find_row_of(tgi_finding *f, const char *label, const tg_tensor *t)
{
    const tg_shape shape = tgi_shape(t);
    const tgi_scan scan = tgi_scan_of(t);
    char sizes[TG_SHAPE_TEXT], range[96] = "", bad[96] = "";
    if (scan.min <= scan.max) tgi_format(range, sizeof range, ", from %.6g to %.6g", scan.min, scan.max);
    if (scan.nans) snprintf(bad, sizeof bad, "; %lld of %lld NaN", (long long)scan.nans, (long long)t->numel);
    const size_t used = strlen(bad);
    if (scan.infs)
        snprintf(bad + used, sizeof bad - used, "; %lld of %lld infinite", (long long)scan.infs, (long long)t->numel);
    const char *name = tg_name_of_at(NULL, t);
    tgi_find_row(f, label, "%s%s%s%s%s%s%s", name ? name : "", name ? ": " : "", tg_dtype_name((tg_dtype)t->dtype),
                 tg_shape_text(&shape, sizes), t->numel ? range : ", no elements", bad, "");
}

const char *tgi_named(const tg_tensor *t, char text[TGI_NAMED_TEXT])
{
    const tg_shape shape = tgi_shape(t);
    char sizes[TG_SHAPE_TEXT];
    const char *name = tg_name_of_at(NULL, t);
    if (name)
        snprintf(text, TGI_NAMED_TEXT, "'%.120s'", name);
    else
        snprintf(text, TGI_NAMED_TEXT, "a tensor of shape %s", tg_shape_text(&shape, sizes));
    return text;
}

const char *tgi_line(const char *where) { return where && *where ? where : "an unknown line"; }

static void print(const tg_find *find)
{
    void (*around)(bool begins) = __atomic_load_n(&tgi_around_message, __ATOMIC_RELAXED);
    if (around) around(true);
    fputs(find->text, stderr);
    if (around) around(false);
}

void tgi_find_tell(tgi_check *c, const tgi_finding *f)
{
    char text[sizeof f->rows + sizeof f->headline + 512];
    snprintf(text, sizeof text, "tapegrad check: %s%s%s [%s]\n%s%s%s%s", f->where, *f->where ? ": " : "", f->headline,
             f->kind, *f->place ? "    module   " : "", f->place, *f->place ? "\n" : "", f->rows);
    const tg_find find = { f->kind, f->where, f->place, f->headline, text };
    c->finds++;
    c->telling = true;
    if (c->options.told)
        c->options.told(&find, c->options.context);
    else
        print(&find);
    c->telling = false;
}
