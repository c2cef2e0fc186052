/* page_impl.h: text that grows, and what UTF-8 texts look like on a screen. Internal.
 *
 * Once memory has run out, an error is pending, the page has failed and takes no more: who writes one asks once, at the
 * end. */
#ifndef TG_CORE_SHOW_PAGE_IMPL_H
#define TG_CORE_SHOW_PAGE_IMPL_H

#include "core/base.h"

#include <stdio.h>

TG_EXTERN_C_BEGIN

typedef struct tgi_page {
    char *text;        /* `length` bytes; no zero ends them */
    int64_t length, capacity;
    bool failed;
} tgi_page;

void tgi_page_bytes(tgi_page *page, const char *bytes, int64_t count);
void tgi_page_put(tgi_page *page, const char *text);
void tgi_page_repeat(tgi_page *page, const char *text, int64_t times);
/* Numbers with a point in every locale; 255 bytes at most. */
void tgi_page_format(tgi_page *page, const char *format, ...) TG_PRINTF(2, 3);
/* As XML wants it in text and attributes. */
void tgi_page_xml(tgi_page *page, const char *text);
/* The first `columns` of a text, with dots at their end if there is more; `ascii`: letters with accents without them,
 * what else is not ASCII as "?". Returns the columns it took. */
int tgi_page_columns(tgi_page *page, const char *text, int columns, bool ascii);

/* Ends a page that is a public function's result: frees it, and says how that went. The buffer is filled as snprintf
 * fills it; -1 when the page failed. */
int64_t tgi_page_to_buffer(tgi_page *page, char *buffer, int64_t size);
tg_status tgi_page_to_file(tgi_page *page, const char *function, FILE *file);
void tgi_page_free(tgi_page *page);

/* ---- UTF-8 ---- */

/* tgi_utf8_next, but what would command a terminal or is no character is U+FFFD, the end of a line a blank. */
uint32_t tgi_clean_next(const char **text);
int tgi_text_columns(const char *text);

/* A copy is made in two steps: how many bytes it needs, at most; and the copy itself, clean UTF-8 without line ends,
 * which ends with a zero and returns where the next one may begin. NULL is "". */
size_t tgi_clean_bytes(const char *text);
char *tgi_clean_copy(char *copy, const char *text);

TG_EXTERN_C_END

#endif
