/* text.c: see text.h. Errors are written through here, so nothing in it can fail for want of memory: the C library has its
 * own locale at hand. */
#include "text.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

static locale_t c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

void *tgi_text_begin(void)
{
    pthread_once(&once, find_c_locale);
    return uselocale(c_locale);
}

void tgi_text_end(void *before) { uselocale((locale_t)before); }

int tgi_vformat(char *text, size_t size, const char *format, va_list arguments)
{
    void *before = tgi_text_begin();
    const int length = vsnprintf(text, size, format, arguments);
    tgi_text_end(before);
    return length;
}

int tgi_format(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = tgi_vformat(text, size, format, arguments);
    va_end(arguments);
    return length;
}
