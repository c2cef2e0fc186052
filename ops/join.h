/* join.h: several tensors made one, and one made several. */
#ifndef TG_OPS_JOIN_H
#define TG_OPS_JOIN_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* Along an existing dimension (`tg_cat(tg_list(x, h), 1)`); along a new one. Dtypes are promoted. */
tg_tensor *tg_cat_at(const char *where, tg_tensor_list tensors, int64_t dim);
tg_tensor *tg_stack_at(const char *where, tg_tensor_list tensors, int64_t dim);

/* Views, in a list that lives as long as the innermost scope: pieces of `size` (the last one may be smaller), pieces of
 * the given sizes, at most `chunks` equal pieces, one piece for each index (that dimension removed). */
tg_tensor_list tg_split_at(const char *where, tg_tensor *t, int64_t size, int64_t dim);
tg_tensor_list tg_split_with_sizes_at(const char *where, tg_tensor *t, tg_shape sizes, int64_t dim);
tg_tensor_list tg_chunk_at(const char *where, tg_tensor *t, int64_t chunks, int64_t dim);
tg_tensor_list tg_unbind_at(const char *where, tg_tensor *t, int64_t dim);

/* The dimension is 0 when it is left out. */
#define tg_cat(tensors, ...)                tg_cat_at(TG_HERE, tensors, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_stack(tensors, ...)              tg_stack_at(TG_HERE, tensors, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_split(t, size, ...)              tg_split_at(TG_HERE, t, size, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_split_with_sizes(t, sizes, ...)  tg_split_with_sizes_at(TG_HERE, t, sizes, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_chunk(t, chunks, ...)            tg_chunk_at(TG_HERE, t, chunks, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_unbind(t, ...)                   tg_unbind_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
