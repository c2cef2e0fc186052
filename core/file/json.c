/* json.c: see json_impl.h. */
#include "json_impl.h"

#include "core/error.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/utf8_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int64_t tgi_json_where(const tgi_json *json) { return json->begins_at + (json->at - json->text); }

bool tgi_json_fail(tgi_json *json, int64_t at, const char *format, ...)
{
    if (json->failed) return false;
    char what[TGI_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(what, sizeof what, format, arguments);
    va_end(arguments);
    json->failed = true;
    return tgi_input_fail(json->in, at, json->field, "%s", what);
}

/* That something else should stand here. */
static bool expected(tgi_json *json, const char *what)
{
    char found[24] = "its end";
    const unsigned char c = (unsigned char)*json->at;
    if (json->at < json->end) snprintf(found, sizeof found, c > ' ' && c < 0x7f ? "'%c'" : "the byte 0x%02x", c);
    return tgi_json_fail(json, tgi_json_where(json), "%s should stand here, not %s", what, found);
}

/* ---- the text ---- */

void tgi_json_begin(tgi_json *json, const tgi_input *in, const char *field, int64_t begins_at, char *text,
                    int64_t bytes)
{
    *json =
        (tgi_json){ .in = in, .field = field, .begins_at = begins_at, .text = text, .at = text, .end = text + bytes };
    const int64_t wrong = tgi_not_utf8(text, bytes);
    if (wrong >= 0) tgi_json_fail(json, begins_at + wrong, "is not UTF-8");
}

/* What is not blank; 0 at the end. A byte 0 of the text itself fits nothing either. */
static char look(tgi_json *json)
{
    while (*json->at == ' ' || *json->at == '\n' || *json->at == '\r' || *json->at == '\t') json->at++;
    return *json->at;
}

bool tgi_json_end(tgi_json *json)
{
    if (json->failed) return false;
    look(json);
    return json->at == json->end || expected(json, "nothing more");
}

static bool take(tgi_json *json, char c, const char *what)
{
    if (json->failed) return false;
    if (look(json) != c) return expected(json, what);
    json->at++;
    return true;
}

/* ---- strings ---- */

static bool hex4(const char *s, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = s[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return false; /* the zero byte at the end, too */
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

/* Behind "\u". Two surrogates, each written so, are one character. */
static bool unicode_escape(tgi_json *json, uint32_t *c)
{
    uint32_t low;
    const int64_t at = tgi_json_where(json) - 2;
    if (!hex4(json->at, c)) return tgi_json_fail(json, at, "\\u has four hexadecimal digits");
    json->at += 4;
    if (*c == 0) return tgi_json_fail(json, at, "a string with the character 0");
    if (*c < 0xd800 || *c > 0xdfff) return true;
    if (*c > 0xdbff || json->at[0] != '\\' || json->at[1] != 'u' || !hex4(json->at + 2, &low) || low < 0xdc00 ||
        low > 0xdfff)
        return tgi_json_fail(json, at, "half a surrogate pair");
    json->at += 6;
    *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool escape(tgi_json *json, uint32_t *c)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char letter = *++json->at;
    json->at++;
    if (letter == 'u') return unicode_escape(json, c);
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found) return tgi_json_fail(json, tgi_json_where(json) - 2, "no such escape");
    *c = (uint32_t)meanings[found - letters];
    return true;
}

/* Never longer than what it was written as. */
const char *tgi_json_string(tgi_json *json)
{
    if (!take(json, '"', "a string")) return NULL;
    char *const string = json->at, *to = string;
    while (*json->at != '"') {
        uint32_t c = (unsigned char)*json->at;
        if (json->at == json->end) {
            tgi_json_fail(json, tgi_json_where(json), "the string that begins at byte %lld has no end",
                          (long long)(json->begins_at + (string - json->text) - 1));
            return NULL;
        }
        if (c < 0x20) {
            tgi_json_fail(json, tgi_json_where(json), "a string with the character %u, unescaped", c);
            return NULL;
        }
        if (c == '\\') {
            if (!escape(json, &c)) return NULL;
            to += tgi_utf8_put(to, c);
        } else {
            *to++ = *json->at++;
        }
    }
    json->at++;
    *to = '\0';
    return string;
}

/* ---- numbers and words ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool tgi_json_integer(tgi_json *json, int64_t *value)
{
    if (json->failed) return false;
    look(json);
    const int64_t at = tgi_json_where(json);
    const bool negative = *json->at == '-';
    if (!is_digit(json->at[negative])) return expected(json, "an integer");
    json->at += negative;
    if (json->at[0] == '0' && is_digit(json->at[1])) return tgi_json_fail(json, at, "an integer that begins with 0");
    int64_t v = 0;
    for (; is_digit(*json->at); json->at++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? '0' - *json->at : *json->at - '0', &v))
            return tgi_json_fail(json, at, "an integer that int64 cannot hold");
    if (*json->at == '.' || *json->at == 'e' || *json->at == 'E')
        return tgi_json_fail(json, at, "a number that is no integer");
    *value = v;
    return true;
}

static bool skip_digits(tgi_json *json)
{
    if (!is_digit(*json->at)) return expected(json, "a digit");
    while (is_digit(*json->at)) json->at++;
    return true;
}

static bool skip_number(tgi_json *json)
{
    if (*json->at == '-') json->at++;
    if (json->at[0] == '0' && is_digit(json->at[1])) return expected(json, "a number that does not begin with 0");
    if (!skip_digits(json)) return false;
    if (*json->at == '.') {
        json->at++;
        if (!skip_digits(json)) return false;
    }
    if (*json->at != 'e' && *json->at != 'E') return true;
    json->at++;
    if (*json->at == '+' || *json->at == '-') json->at++;
    return skip_digits(json);
}

static bool skip_word(tgi_json *json)
{
    static const char *const words[] = { "true", "false", "null" };
    for (int i = 0; i < 3; i++) {
        const size_t n = strlen(words[i]);
        if (strncmp(json->at, words[i], n) != 0) continue;
        json->at += n;
        return true;
    }
    return expected(json, "a value");
}

/* ---- objects and arrays ---- */

static bool enter(tgi_json *json, char c, const char *what)
{
    if (!take(json, c, what)) return false;
    if (json->depth == TGI_JSON_DEPTH)
        return tgi_json_fail(json, tgi_json_where(json) - 1, "more than %d levels of { and [", TGI_JSON_DEPTH);
    const uint64_t bit = (uint64_t)1 << json->depth++;
    json->objects = c == '{' ? json->objects | bit : json->objects & ~bit;
    json->begun &= ~bit;
    return true;
}

bool tgi_json_object(tgi_json *json) { return enter(json, '{', "'{'"); }
bool tgi_json_array(tgi_json *json) { return enter(json, '[', "'['"); }

/* Whether something more stands in what is innermost: passes its comma, or leaves it. */
static bool more(tgi_json *json, char close)
{
    if (json->failed) return false;
    const uint64_t bit = (uint64_t)1 << (json->depth - 1);
    if (look(json) == close) {
        json->at++;
        json->depth--;
        return false;
    }
    if ((json->begun & bit) && !take(json, ',', close == '}' ? "',' or '}'" : "',' or ']'")) return false;
    json->begun |= bit;
    return true;
}

const char *tgi_json_key(tgi_json *json)
{
    if (!more(json, '}')) return NULL;
    const char *key = tgi_json_string(json);
    return key && take(json, ':', "':'") ? key : NULL;
}

bool tgi_json_more(tgi_json *json) { return more(json, ']'); }

/* One value that opens nothing, or the opening of one that does. */
static bool skip_one(tgi_json *json)
{
    switch (look(json)) {
    case '{': return tgi_json_object(json);
    case '[': return tgi_json_array(json);
    case '"': return tgi_json_string(json) != NULL;
    case '-': return skip_number(json);
    default: return is_digit(*json->at) ? skip_number(json) : skip_word(json);
    }
}

bool tgi_json_skip(tgi_json *json)
{
    const int depth = json->depth;
    if (json->failed || !skip_one(json)) return false;
    while (json->depth > depth) {
        const bool object = json->objects >> (json->depth - 1) & 1;
        if (object ? tgi_json_key(json) != NULL : tgi_json_more(json)) skip_one(json);
        if (json->failed) return false;
    }
    return true;
}

/* ---- writing ---- */

size_t tgi_json_quoted(char *to, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
#define PUT(c) (to ? (void)(to[n] = (c)) : (void)0, n++)
    PUT('"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        const char letter = c == '"' ? '"' : c == '\\' ? '\\' : c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : 0;
        if (letter) {
            PUT('\\');
            PUT(letter);
        } else if (c < 0x20) {
            for (const char *s = "\\u00"; *s; s++) PUT(*s);
            PUT(hex[c >> 4]);
            PUT(hex[c & 15]);
        } else {
            PUT(*text);
        }
    }
    PUT('"');
#undef PUT
    return n;
}
