/* json_impl.h: JSON as a stream: whoever reads it says what must come next. Internal.
 *
 * Strict, as RFC 8259 has it, for text that may be hostile: nothing is taken for granted, nothing is read beyond the
 * end, nothing grows with the depth, of which there are 64 levels at most. Strings are decoded where they stand, so the
 * text is changed, and they live as long as it does. The text is valid UTF-8 without the character 0, or an error.
 *
 *     if (tgi_json_object(&json))                    '{'
 *         while ((key = tgi_json_key(&json)))        to the '}'
 *             if (strcmp(key, "size") == 0) tgi_json_integer(&json, &size);
 *             else tgi_json_skip(&json);
 *     tgi_json_end(&json);                           nothing but blanks behind it
 *
 * After the first error, which names its byte, every call fails and does nothing. That no key comes twice in an object
 * is for the reader to see to: the keys of a large one are a matter of sorting. */
#ifndef TG_CORE_FILE_JSON_IMPL_H
#define TG_CORE_FILE_JSON_IMPL_H

#include "input_impl.h"

TG_EXTERN_C_BEGIN

enum { TGI_JSON_DEPTH = 64 };

typedef struct tgi_json {
    const tgi_input *in; /* whose errors these are */
    const char *field;   /* what errors call the text, "header" */
    int64_t begins_at;   /* where in the file the text begins */
    char *text, *at, *end;
    int depth;           /* of what is open */
    uint64_t objects;    /* a bit for each level: an object, not an array */
    uint64_t begun;      /* something stands in it already */
    bool failed;
} tgi_json;

/* `text` has a zero byte at `bytes`. */
void tgi_json_begin(tgi_json *json, const tgi_input *in, const char *field, int64_t begins_at, char *text,
                    int64_t bytes);
/* True when nothing but blanks is left, and no error was. */
bool tgi_json_end(tgi_json *json);

/* Enter an object, an array; false when there is none. */
bool tgi_json_object(tgi_json *json);
bool tgi_json_array(tgi_json *json);
/* The next key of the innermost object, behind its colon; NULL at its end, which is left, and after an error. */
const char *tgi_json_key(tgi_json *json);
/* Whether the innermost array has one more value; at its end it is left. */
bool tgi_json_more(tgi_json *json);

/* NULL with an error pending. */
const char *tgi_json_string(tgi_json *json);
/* Without a fraction or an exponent, and within int64. */
bool tgi_json_integer(tgi_json *json, int64_t *value);
/* Passes over whatever comes. */
bool tgi_json_skip(tgi_json *json);

/* The byte of the file that is looked at. */
int64_t tgi_json_where(const tgi_json *json);
/* Records an error at a byte of the file. False. */
TG_RARE TG_PRINTF(3, 4) bool tgi_json_fail(tgi_json *json, int64_t at, const char *format, ...);

/* ---- writing ---- */

/* A string in quotation marks, escaped, into `to`, where there is room for tgi_json_quoted(NULL, text) bytes; no zero
 * byte behind it. Its length. */
size_t tgi_json_quoted(char *to, const char *text);

TG_EXTERN_C_END

#endif
