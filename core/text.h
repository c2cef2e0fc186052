/* text.h: numbers as text, the same in every locale. Internal.
 *
 * printf and strtod read and write numbers as the program's locale says, so that in France 1.5 is "1,5". All numbers
 * with a point that the library writes or reads pass through here. */
#ifndef TG_CORE_TEXT_H
#define TG_CORE_TEXT_H

#include "base.h"

#include <stdarg.h>

TG_EXTERN_C_BEGIN

/* Between the two, printf, strtod and their like do on this thread as in C's own locale. May be nested; the second is
 * handed what the first returned. */
void *tgi_text_begin(void);
void tgi_text_end(void *before);

/* snprintf and vsnprintf between the two. */
int tgi_format(char *text, size_t size, const char *format, ...) TG_PRINTF(3, 4);
int tgi_vformat(char *text, size_t size, const char *format, va_list arguments) TG_PRINTF(3, 0);

TG_EXTERN_C_END

#endif
