/* vocabulary_file.c: vocabularies as files of text, one token a line.
 *
 *     \vocabulary words lower=0 unknown=0
 *     <unk>
 *     the
 *     \n
 *
 * In such a file a backslash begins \\, \n, \r or \x and two digits. Without that first line, which no token looks
 * like, lines are tokens as they stand. */
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "core/utf8_impl.h"
#include "output_impl.h"
#include "vocabulary_impl.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = { "characters", "bytes", "words" };

/* ---- writing ---- */

static void write_token(tgi_output *out, const tgi_text_entry *entry, tg_tokens by)
{
    for (int64_t i = 0; i < entry->length; i++) {
        const unsigned char c = (unsigned char)entry->text[i];
        if (c == '\\' || c == '\n' || c == '\r') {
            const char escape[2] = { '\\', c == '\n' ? 'n' : c == '\r' ? 'r' : '\\' };
            tgi_output_write(out, escape, 2);
        } else if (c < ' ' || c == 0x7f || (by == TG_BYTES && c > 0x7f)) {
            tgi_output_format(out, "\\x%02x", c);
        } else {
            tgi_output_write(out, &c, 1);
        }
    }
    tgi_output_write(out, "\n", 1);
}

tg_status tg_save_vocabulary_at(const char *where, const tg_vocabulary *v, const char *path)
{
    static const char what[] = "save_vocabulary";
    tgi_output out;
    if (!tgi_vocabulary_ok(where, v, what) || tg_failed() || !tgi_output_open(&out, what, path)) return TG_FAILED;
    tgi_output_format(&out, "\\vocabulary %s lower=%d unknown=%lld\n", kinds[v->by], v->lower, (long long)v->unknown);
    for (int64_t i = 0; i < v->table.count; i++) write_token(&out, &v->table.entries[i], v->by);
    return tgi_output_commit(&out) ? TG_OK : TG_FAILED;
}

/* ---- reading ---- */

typedef struct lines {
    const tgi_input *in;
    char *begin, *end; /* of the file's text */
    char *from;        /* the next line */
    int64_t line;
    bool escaped;
} lines;

static bool fail(const lines *l, const char *what)
{
    char line[32];
    snprintf(line, sizeof line, "line %lld", (long long)l->line);
    return tgi_input_fail(l->in, TGI_NOWHERE, line, "%s", what);
}

/* The options that the first line holds. */
static bool read_first_line(lines *l, tg_vocabulary_options *options, int64_t *unknown)
{
    char *end = memchr(l->begin, '\n', (size_t)(l->end - l->begin));
    for (int i = 0; end && i < 2 * 3; i++) {
        char wanted[64];
        const int length = snprintf(wanted, sizeof wanted, "\\vocabulary %s lower=%d unknown=", kinds[i / 2], i % 2);
        if (end - l->begin <= length || memcmp(l->begin, wanted, (size_t)length) != 0) continue;
        const char *number = l->begin + length;
        int64_t value = 0, digits = 0;
        for (; *number >= '0' && *number <= '9' && digits < 10; digits++) value = value * 10 + (*number++ - '0');
        if (digits == 0 && memcmp(number, "-1", 2) == 0) {
            value = -1;
            number += 2;
        } else if (digits == 0) {
            break;
        }
        if (number != end) break;
        *unknown = value;
        *options = (tg_vocabulary_options){ .by = (tg_tokens)(i / 2), .lower = i % 2 };
        l->from = end + 1;
        l->line = 2;
        return true;
    }
    return fail(l, "it begins as a vocabulary of tapegrad, and does not go on as one");
}

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* In place; the bytes that remain, or -1 with an error pending. */
static int64_t unescape(const lines *l, char *text, int64_t length)
{
    char *to = text;
    for (const char *from = text, *end = text + length; from < end; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        const char c = ++from < end ? *from : '\0';
        const int high = c == 'x' && end - from > 2 ? hex(from[1]) : -1, low = high < 0 ? -1 : hex(from[2]);
        if (c == '\\' || c == 'n' || c == 'r')
            *to++ = c == 'n' ? '\n' : c == 'r' ? '\r' : '\\';
        else if (low >= 0)
            *to++ = (char)(high * 16 + low), from += 2;
        else
            return fail(l, "a backslash begins \\\\, \\n, \\r or \\x and two small hexadecimal digits"), -1;
    }
    return to - text;
}

/* The next line as a token. False at the end, or with an error pending. */
static bool next_line(lines *l, tg_tokens by, tgi_text_entry *entry)
{
    if (l->from == l->end) return false;
    char *text = l->from, *end = memchr(text, '\n', (size_t)(l->end - text));
    l->from = end ? end + 1 : l->end;
    if (!end) end = l->end;
    if (end > text && end[-1] == '\r') end--; /* one of a token's is escaped */
    int64_t length = end - text;
    if (length == 0) return fail(l, "a token of no characters");
    if (by != TG_BYTES && tgi_not_utf8(text, length) >= 0) return fail(l, "no UTF-8; .by = TG_BYTES takes any token");
    if (l->escaped && (length = unescape(l, text, length)) < 0) return false;
    *entry = (tgi_text_entry){ text, length, 0 };
    l->line++;
    return true;
}

static tg_vocabulary *read_lines(lines *l, tg_vocabulary_options *options)
{
    int64_t unknown = -1, count = 0, capacity = 1;
    for (const char *c = l->begin; c < l->end; c++) capacity += *c == '\n';
    l->escaped = strncmp(l->begin, "\\vocabulary ", 12) == 0;
    if (l->escaped && !read_first_line(l, options, &unknown)) return NULL;
    if (!l->escaped && l->end - l->begin >= 3 && memcmp(l->begin, "\xef\xbb\xbf", 3) == 0) l->from += 3;
    const int64_t first = l->line;
    tgi_text_entry *entries = tgi_scope_alloc((size_t)capacity * sizeof *entries);
    if (!entries) return NULL;
    while (next_line(l, options->by, &entries[count])) count++;
    if (tg_failed()) return NULL;
    if (!l->escaped) return tgi_vocabulary_with_specials(l->in, first, entries, count, options);
    l->line = 1;
    if (unknown >= count) return fail(l, "the unknown token is none of those below"), NULL;
    return tgi_vocabulary_new(l->in, first, entries, count, options, unknown);
}

tg_vocabulary *tg_load_vocabulary_at(const char *where, const char *path, tg_vocabulary_options options)
{
    static const char what[] = "load_vocabulary";
    tgi_begin(where, what);
    tgi_input in;
    if (tg_failed() || !tgi_vocabulary_options_ok(what, &options) || !tgi_input_open(&in, what, path)) return NULL;
    const tg_scope scope = tg_scope_begin();
    lines l = { .in = &in, .begin = tgi_input_block(&in, 0, in.size), .line = 1 };
    l.from = l.begin;
    l.end = l.begin ? l.begin + in.size : NULL;
    tg_vocabulary *v = l.begin ? read_lines(&l, &options) : NULL;
    tg_scope_end(scope);
    tgi_input_close(&in);
    return v;
}
