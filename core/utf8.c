/* utf8.c: see utf8_impl.h. The C library's functions for it depend on the locale, which is mostly "C". */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* strnlen */
#endif
#include "utf8_impl.h"

#include <string.h>

int tgi_utf8_length(const char *text, const char *end)
{
    const unsigned char *b = (const unsigned char *)text;
    if (text >= end) return 0;
    if (b[0] < 0x80) return 1;
    const int length = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (length == 0 || end - text < length) return 0;
    for (int i = 1; i < length; i++)
        if ((b[i] & 0xc0) != 0x80) return 0;
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xf0 && b[1] < 0x90)) return 0; /* longer than need be */
    if ((b[0] == 0xed && b[1] > 0x9f) || (b[0] == 0xf4 && b[1] > 0x8f)) return 0; /* a surrogate; beyond the last one */
    return length;
}

int64_t tgi_not_utf8(const char *text, int64_t bytes)
{
    int length;
    for (int64_t i = 0; i < bytes; i += length)
        if ((length = tgi_utf8_length(text + i, text + bytes)) == 0) return i;
    return -1;
}

uint32_t tgi_utf8_next(const char **text)
{
    const char *at = *text;
    if (*at == '\0') return 0;
    const int length = tgi_utf8_length(at, at + strnlen(at, TGI_UTF8_MOST));
    *text += length ? length : 1;
    if (length == 0) return TGI_NO_CHARACTER;
    uint32_t c = (unsigned char)at[0] & (length == 1 ? 0x7fu : 0x7fu >> length);
    for (int i = 1; i < length; i++) c = c << 6 | ((unsigned char)at[i] & 0x3fu);
    return c;
}

int tgi_utf8_put(char *to, uint32_t c)
{
    const int behind = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char mark[] = { 0, 0xc0, 0xe0, 0xf0 };
    to[0] = (char)(mark[behind] | c >> 6 * behind);
    for (int i = 1; i <= behind; i++) to[i] = (char)(0x80 | (c >> 6 * (behind - i) & 0x3f));
    return behind + 1;
}

typedef struct range {
    uint32_t first, last;
} range;

static bool is_in(uint32_t c, const range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return false;
}

/* Unicode's marks that stand over others, and its wide characters, roughly: whole blocks. */
int tgi_utf8_columns(uint32_t c)
{
    static const range none[] = { { 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
                                  { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef } };
    static const range two[] = { { 0x1100, 0x115f },   { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 },  { 0xf900, 0xfaff },
                                 { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },  { 0x1f300, 0x1f64f },
                                 { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };
    if (c < 0x300) return 1;
    if (is_in(c, none, sizeof none / sizeof none[0])) return 0;
    return is_in(c, two, sizeof two / sizeof two[0]) ? 2 : 1;
}

bool tgi_utf8_is_control(uint32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029; }
