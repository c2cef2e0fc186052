/* sort_impl.h: numbers put in the order that a function says. Internal. */
#ifndef TG_CORE_FILE_SORT_IMPL_H
#define TG_CORE_FILE_SORT_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* Below 0 when `a` comes before `b`. */
typedef int (*tgi_compare_fn)(const void *context, int64_t a, int64_t b);

/* Sorts in place: it needs no memory, and no input, however hostile, makes it slow. */
void tgi_sort(int64_t *numbers, int64_t count, tgi_compare_fn compare, const void *context);

TG_EXTERN_C_END

#endif
