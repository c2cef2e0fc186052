/* sort_impl.h: numbers put in the order that a function says; texts that come twice.
 * Internal. */
#ifndef TG_CORE_FILE_SORT_IMPL_H
#define TG_CORE_FILE_SORT_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* Below 0 when `a` comes before `b`. */
typedef int (*tgi_compare_fn)(const void *context, int64_t a, int64_t b);

/* Sorts in place: it needs no memory, and no input, however hostile, makes it slow. */
void tgi_sort(int64_t *numbers, int64_t count, tgi_compare_fn compare, const void *context);

/* A text that comes twice among the `count` items of `size` bytes, of which each begins with the address of its own;
 * NULL: there is none. `scratch` has room for so many addresses. */
const char *tgi_text_twice(const void *items, int64_t count, size_t size, const char **scratch);

TG_EXTERN_C_END

#endif
