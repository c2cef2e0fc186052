/* utf8.c: see utf8_impl.h. The C library's functions for it depend on the locale, which is mostly "C". */
#include "utf8_impl.h"

/* How many bytes follow the first one, and the least character that needs so many. */
static int bytes_behind(unsigned char first, uint32_t *bits, uint32_t *least)
{
    if (first >= 0xc2 && first <= 0xdf) return *bits = first & 0x1fu, *least = 0x80, 1;
    if (first >= 0xe0 && first <= 0xef) return *bits = first & 0x0fu, *least = 0x800, 2;
    if (first >= 0xf0 && first <= 0xf4) return *bits = first & 0x07u, *least = 0x10000, 3;
    return 0;
}

uint32_t tgi_utf8_next(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    if (*at == 0) return 0;
    ++*text;
    if (*at < 0x80) return *at;
    uint32_t c = 0, least = 0;
    const int behind = bytes_behind(*at, &c, &least);
    for (int i = 1; i <= behind; i++) {
        if ((at[i] & 0xc0) != 0x80) return TGI_NO_CHARACTER; /* the zero byte at the end, too */
        c = c << 6 | (at[i] & 0x3fu);
    }
    if (behind == 0 || c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return TGI_NO_CHARACTER;
    *text += behind;
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
