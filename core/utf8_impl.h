/* utf8_impl.h: text that comes from elsewhere, one character after another. Internal. */
#ifndef TG_CORE_UTF8_IMPL_H
#define TG_CORE_UTF8_IMPL_H

#include "base.h"

TG_EXTERN_C_BEGIN

enum { TGI_UTF8_MOST = 4, TGI_NO_CHARACTER = 0xfffd };

/* The bytes of the character there, as RFC 3629 has them; 0 if it is none, and at `end`. */
int tgi_utf8_length(const char *text, const char *end);
/* The first byte that is no part of UTF-8; -1: there is none. */
int64_t tgi_not_utf8(const char *text, int64_t bytes);
/* The character at *text, which moves behind it; 0 at the end of the text. A byte that is no part of UTF-8 is
 * TGI_NO_CHARACTER. */
uint32_t tgi_utf8_next(const char **text);
/* Writes a character, and no zero byte behind it; the bytes, TGI_UTF8_MOST at most. */
int tgi_utf8_put(char *to, uint32_t character);
/* How many columns of a terminal it takes: 0, 1 or 2. */
int tgi_utf8_columns(uint32_t character);
bool tgi_utf8_is_control(uint32_t character);

TG_EXTERN_C_END

#endif
