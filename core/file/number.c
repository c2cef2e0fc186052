/* number.c: see number_impl.h. */
#include "number_impl.h"

#include "core/text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Digits add to a value, which wraps beyond 19 that count: those from the first on that is not 0. */
static char *read_digits(char *s, uint64_t *value, int64_t *count)
{
    for (unsigned d; (d = (unsigned)(unsigned char)*s - '0') <= 9; s++) {
        *value = *value * 10 + d;
        *count += *count > 0 || d > 0;
    }
    return s;
}

/* Behind a word, in any case of letters; NULL if it is not there. */
static char *skip_word(char *s, const char *word)
{
    for (; *word; s++, word++)
        if ((*s | 0x20) != *word) return NULL;
    return s;
}

static bool ends(const char *s)
{
    while (is_blank(*s)) s++;
    return *s == '\0';
}

static tgi_number_kind read_word(char *s, bool negative, double *real)
{
    char *infinite = skip_word(s, "infinity"), *nan = skip_word(s, "nan");
    if (!infinite) infinite = skip_word(s, "inf");
    if (!(infinite && ends(infinite)) && !(nan && ends(nan))) return TGI_NO_NUMBER;
    *real = infinite ? (negative ? -INFINITY : INFINITY) : NAN;
    return TGI_REAL;
}

/* strtod, on what is known to be a number. */
static double read_slowly(char *text, char *point)
{
    const char mark = point ? *point : '\0';
    void *before = tgi_text_begin();
    if (point) *point = '.';
    const double value = strtod(text, NULL);
    if (point) *point = mark;
    tgi_text_end(before);
    return value;
}

/* The exponent, cut off where it makes no difference any more; NULL if there are no digits. */
static char *read_exponent(char *s, int64_t *exponent)
{
    const bool negative = *s == '-';
    s += *s == '-' || *s == '+';
    if ((unsigned)(unsigned char)*s - '0' > 9) return NULL;
    int64_t value = 0;
    for (unsigned d; (d = (unsigned)(unsigned char)*s - '0') <= 9; s++)
        if (value < 100000) value = value * 10 + d;
    *exponent = negative ? -value : value;
    return s;
}

tgi_number_kind tgi_number_read(char *text, char decimal, int64_t *whole, double *real)
{
    static const double powers[] = { 1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    while (is_blank(*text)) text++;
    const bool negative = *text == '-';
    char *first = text + (*text == '-' || *text == '+'), *point = NULL;
    uint64_t value = 0;
    int64_t count = 0, places = 0, exponent = 0;
    char *s = read_digits(first, &value, &count);
    bool digits = s > first;
    if (digits && ends(s) && count <= 19 && value <= (uint64_t)INT64_MAX + negative && !(negative && value == 0)) {
        *whole = negative ? (int64_t)(0 - value) : (int64_t)value;
        return TGI_WHOLE;
    }
    if (*s == decimal && decimal) {
        point = s;
        s = read_digits(point + 1, &value, &count);
        places = s - point - 1;
        digits |= places > 0;
    }
    if (!digits) return read_word(first, negative, real);
    if ((*s == 'e' || *s == 'E') && !(s = read_exponent(s + 1, &exponent))) return TGI_NO_NUMBER;
    if (!ends(s)) return TGI_NO_NUMBER;
    exponent -= places;
    /* Both are doubles then, and one operation rounds once. */
    if (FLT_EVAL_METHOD == 0 && count <= 19 && value <= UINT64_C(1) << 53 && exponent >= -22 && exponent <= 22) {
        const double size = exponent < 0 ? (double)value / powers[-exponent] : (double)value * powers[exponent];
        *real = negative ? -size : size;
    } else {
        *real = read_slowly(text, point);
    }
    return TGI_REAL;
}

/* ---- writing ---- */

int tgi_number_text(char text[TGI_NUMBER_TEXT], double value, bool single)
{
    if (isnan(value)) return (int)strlen(strcpy(text, "nan"));
    if (isinf(value)) return (int)strlen(strcpy(text, value < 0 ? "-inf" : "inf"));
    const int length = tgi_shortest(text, value, single);
    if (memchr(text, '.', (size_t)length) || memchr(text, 'e', (size_t)length)) return length;
    memcpy(text + length, ".0", 3);
    return length + 2;
}
