/* sort_impl.h: what sort.c, unique.c and search.c share. Internal to ops/. */
#ifndef TG_OPS_INDEX_SORT_IMPL_H
#define TG_OPS_INDEX_SORT_IMPL_H

#include "ops/base/iterate.h"
#include "ops/kernels/index/sort_order.h"
#include "ops/base/layout.h"
#include "ops/sort.h"

TG_EXTERN_C_BEGIN

/* The first `count` of each row in order, as indices [rows, count] and, unless it is NULL, as values. `from` is
 * [rows, n], contiguous. On several threads if there is much to do. */
void tgi_sort_rows(const tg_tensor *from, int64_t rows, int64_t n, int64_t count, bool descending, int64_t *indices,
                   void *values);

TG_EXTERN_C_END

#endif
