/* tokens_impl.h: a text split into characters, bytes or words. Internal. */
#ifndef TG_CORE_FILE_TOKENS_IMPL_H
#define TG_CORE_FILE_TOKENS_IMPL_H

#include "vocabulary.h"

TG_EXTERN_C_BEGIN

/* Capitals of UTF-8 become small letters where they stand: those of ASCII, Latin-1, Latin Extended-A, Greek and
 * Cyrillic, whose small letters have as many bytes. */
void tgi_lower(char *text, char *end);

/* Passes over what is no token; *length is that of the token at the place that is returned, 0 at the text's end. */
const char *tgi_next_token(const char *text, const char *end, tg_tokens by, int64_t *length);

TG_EXTERN_C_END

#endif
