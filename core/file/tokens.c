/* tokens.c: see tokens_impl.h. */
#include "tokens_impl.h"

#include "core/utf8_impl.h"

#include <string.h>

/* The small letter of a capital of two bytes, which is the number itself of any other character. */
static unsigned lower_of(unsigned c)
{
    if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;
    if (c == 0x130) return c; /* it has no small letter of one character */
    if (c == 0x178) return 0xff;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c + (c & 1);
    if (c == 0x386) return 0x3ac;
    if (c >= 0x388 && c <= 0x38a) return c + 37;
    if (c == 0x38c) return 0x3cc;
    if (c == 0x38e || c == 0x38f) return c + 63;
    if (c >= 0x391 && c <= 0x3ab && c != 0x3a2) return c + 32;
    if (c >= 0x400 && c <= 0x40f) return c + 80;
    if (c >= 0x410 && c <= 0x42f) return c + 32;
    return c;
}

void tgi_lower(char *text, char *end)
{
    for (int length; text < end; text += length) {
        length = tgi_utf8_length(text, end);
        unsigned char *b = (unsigned char *)text;
        if (length == 1 && *b >= 'A' && *b <= 'Z') *b += 'a' - 'A';
        if (length == 2) {
            const unsigned c = lower_of((b[0] & 0x1fu) << 6 | (b[1] & 0x3fu));
            b[0] = (unsigned char)(0xc0 | c >> 6);
            b[1] = (unsigned char)(0x80 | (c & 0x3f));
        }
        if (length == 0) length = 1;
    }
}

/* ---- tokens ---- the same in every locale */

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool in_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (unsigned char)c > 127;
}

const char *tgi_next_token(const char *text, const char *end, tg_tokens by, int64_t *length)
{
    *length = text < end;
    if (by == TG_CHARACTERS && text < end) *length = tgi_utf8_length(text, end);
    if (by != TG_WORDS) return text;
    while (text < end && is_space(*text)) text++;
    const char *last = text;
    while (last < end && in_word(*last)) last++;
    if (last == text && last < end) last++;
    *length = last - text;
    return text;
}
