/* page.c: see page_impl.h. */
#include "page_impl.h"

#include "core/error.h"
#include "core/text.h"
#include "core/thread.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd, LONGEST_TEXT = 400 /* code points that a copy keeps */ };

/* ---- what is written ---- */

void tgi_page_bytes(tgi_page *page, const char *bytes, int64_t count)
{
    if (page->failed || count <= 0) return;
    if (!tgi_grow(&page->text, &page->capacity, page->length + count, 1)) {
        page->failed = true;
        return;
    }
    memcpy(page->text + page->length, bytes, (size_t)count);
    page->length += count;
}

void tgi_page_put(tgi_page *page, const char *text) { tgi_page_bytes(page, text, (int64_t)strlen(text)); }

void tgi_page_repeat(tgi_page *page, const char *text, int64_t times)
{
    for (int64_t i = 0; i < times; i++) tgi_page_put(page, text);
}

void tgi_page_format(tgi_page *page, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(text, sizeof text, format, arguments);
    va_end(arguments);
    tgi_page_put(page, text);
}

void tgi_page_xml(tgi_page *page, const char *text)
{
    for (; *text; text++) switch (*text) {
        case '&': tgi_page_put(page, "&amp;"); break;
        case '<': tgi_page_put(page, "&lt;"); break;
        case '>': tgi_page_put(page, "&gt;"); break;
        case '"': tgi_page_put(page, "&quot;"); break;
        case '\'': tgi_page_put(page, "&#39;"); break;
        default: tgi_page_bytes(page, text, 1);
        }
}

/* The letters from U+00C0 on without their accents. */
static char plain_letter(uint32_t code)
{
    static const char letters[] = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";
    if (code >= 0x20 && code < 0x7f) return (char)code;
    if (code >= 0xc0 && code <= 0xff) return letters[code - 0xc0];
    return '?';
}

int tgi_page_columns(tgi_page *page, const char *text, int columns, bool ascii)
{
    const char *dots = ascii ? "." : "…";
    const bool cut = tgi_text_columns(text) > columns;
    int taken = 0;
    for (uint32_t code; (code = tgi_utf8_next(&text)) != 0;) {
        char bytes[4] = { plain_letter(code) };
        const int width = tgi_code_columns(code);
        if (taken + width + cut > columns) break;
        if (!ascii || width > 0) tgi_page_bytes(page, bytes, ascii ? 1 : tgi_utf8_put(bytes, code));
        taken += ascii && width > 1 ? 1 : width;
    }
    if (!cut || columns < 1) return taken;
    tgi_page_put(page, dots);
    return taken + 1;
}

/* ---- its end ---- */

void tgi_page_free(tgi_page *page)
{
    tgi_grow_free(page->text, page->capacity, 1);
    *page = (tgi_page){ NULL, 0, 0, false };
}

int64_t tgi_page_to_buffer(tgi_page *page, char *buffer, int64_t size)
{
    const int64_t length = page->failed ? -1 : page->length;
    if (buffer && size > 0) {
        const int64_t count = length < 0 ? 0 : length < size ? length : size - 1;
        if (count > 0) memcpy(buffer, page->text, (size_t)count);
        buffer[count] = '\0';
    }
    tgi_page_free(page);
    return length;
}

tg_status tgi_page_to_file(tgi_page *page, const char *function, FILE *file)
{
    bool written = !page->failed;
    if (written && page->length > 0) {
        errno = 0;
        written = fwrite(page->text, 1, (size_t)page->length, file) == (size_t)page->length;
        if (!written)
            tg_fail_at(NULL, TG_ERROR_VALUE, function, "the file takes no more: %s",
                       errno ? strerror(errno) : "an earlier error");
    }
    tgi_page_free(page);
    return written ? TG_OK : TG_FAILED;
}

/* ---- UTF-8 ---- */

/* The least code point that needs so many bytes. */
static const uint32_t least_of[] = { 0, 0, 0x80, 0x800, 0x10000 };

static bool is_character(uint32_t code)
{
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return !control && !surrogate && code <= 0x10ffff && (code & 0xfffe) != 0xfffe;
}

uint32_t tgi_utf8_next(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    const int count = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 0;
    if (at[0] == 0) return 0;
    uint32_t code = count == 1 ? at[0] : at[0] & (0x7fu >> count);
    int seen = 1;
    for (; seen < count && (at[seen] & 0xc0) == 0x80; seen++) code = code << 6 | (at[seen] & 0x3f);
    *text += seen;
    if (code == '\n' || code == '\t') return ' ';
    return seen == count && at[0] < 0xf8 && code >= least_of[count] && is_character(code) ? code : REPLACEMENT;
}

int tgi_utf8_put(char *text, uint32_t code)
{
    if (code < 0x80) {
        text[0] = (char)code;
        return 1;
    }
    const int count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = count - 1; i > 0; i--, code >>= 6) text[i] = (char)(0x80 | (code & 0x3f));
    text[0] = (char)(0xf00u >> count | code);
    return count;
}

typedef struct block {
    uint32_t first, last;
} block;

static bool is_in(uint32_t code, const block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= blocks[i].first && code <= blocks[i].last) return true;
    return false;
}

int tgi_code_columns(uint32_t code)
{
    static const block none[] = { { 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x200b, 0x200f }, { 0x202a, 0x202e },
                                  { 0x2060, 0x2069 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff } };
    static const block wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
                                  { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd } };
    if (code < 0x300) return 1;
    if (is_in(code, none, sizeof none / sizeof none[0])) return 0;
    return is_in(code, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

int tgi_text_columns(const char *text)
{
    int columns = 0;
    for (uint32_t code; (code = tgi_utf8_next(&text)) != 0;) columns += tgi_code_columns(code);
    return columns;
}

/* ---- copies ---- */

size_t tgi_clean_bytes(const char *text)
{
    if (!text) return 1;
    const size_t most = 4 * LONGEST_TEXT, length = strnlen(text, most);
    return (3 * length < most ? 3 * length : most) + 1; /* one bad byte becomes three */
}

char *tgi_clean_copy(char *copy, const char *text)
{
    uint32_t code;
    for (int i = 0; text && i < LONGEST_TEXT && (code = tgi_utf8_next(&text)) != 0; i++)
        copy += tgi_utf8_put(copy, code);
    *copy = '\0';
    return copy + 1;
}
