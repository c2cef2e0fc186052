/* page.c: see page_impl.h. */
#include "page_impl.h"

#include "core/error.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/utf8_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { LONGEST_TEXT = 400 /* code points that a copy keeps */ };

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
    for (uint32_t code; (code = tgi_clean_next(&text)) != 0;) {
        char bytes[4] = { plain_letter(code) };
        const int width = tgi_utf8_columns(code);
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

uint32_t tgi_clean_next(const char **text)
{
    const uint32_t code = tgi_utf8_next(text);
    if (code == '\n' || code == '\t') return ' ';
    return code && (tgi_utf8_is_control(code) || (code & 0xfffe) == 0xfffe) ? TGI_NO_CHARACTER : code;
}

int tgi_text_columns(const char *text)
{
    int columns = 0;
    for (uint32_t code; (code = tgi_clean_next(&text)) != 0;) columns += tgi_utf8_columns(code);
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
    for (int i = 0; text && i < LONGEST_TEXT && (code = tgi_clean_next(&text)) != 0; i++)
        copy += tgi_utf8_put(copy, code);
    *copy = '\0';
    return copy + 1;
}
