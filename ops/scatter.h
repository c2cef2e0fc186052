/* scatter.h: elements sent where an index tensor says: gather's opposite.
 *
 * For dim 0 element src[i][j] goes to [index[i][j]][j]. index is no larger than src, nor than the tensor but in `dim`.
 * Where several go to one place, scatter keeps the last, the others combine all, in the order of the index, whatever
 * the number of threads. Forms that end in `_` write their first argument. */
#ifndef TG_OPS_SCATTER_H
#define TG_OPS_SCATTER_H

#include "../core/op.h"
#include "operand.h"

TG_BEGIN_DECLS

typedef struct tg_scatter_options {
    const char *reduce;   /* "add" or "multiply": combine with what is there; NULL: replace it */
    TG_OPTIONS_END
} tg_scatter_options;
#define TG_SCATTER_DEFAULTS /* reduce */ NULL TG_DEFAULTS_END
#define TG_SCATTER_OPTIONS(...) TG_OPTIONS(tg_scatter_options, TG_SCATTER_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* src is a tensor or a number. */
tg_tensor *tg_scatter_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand src, tg_scatter_options options);
tg_tensor *tg_scatter_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand src, tg_scatter_options options);
#define tg_scatter(t, dim, index, src, ...)                                                                           \
    tg_scatter_at(TG_HERE, t, dim, index, TG_OPERAND(src), TG_SCATTER_OPTIONS(__VA_ARGS__))
#define tg_scatter_(t, dim, index, src, ...)                                                                          \
    tg_scatter_in_place_at(TG_HERE, t, dim, index, TG_OPERAND(src), TG_SCATTER_OPTIONS(__VA_ARGS__))

tg_tensor *tg_scatter_add_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src);
tg_tensor *tg_scatter_add_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src);
#define tg_scatter_add(t, dim, index, src)  tg_scatter_add_at(TG_HERE, t, dim, index, src)
#define tg_scatter_add_(t, dim, index, src) tg_scatter_add_in_place_at(TG_HERE, t, dim, index, src)

typedef struct tg_scatter_reduce_options {
    bool include_self;   /* what is there counts, too; if not, it stays only where nothing goes */
    TG_OPTIONS_END
} tg_scatter_reduce_options;
#define TG_SCATTER_REDUCE_DEFAULTS /* include_self */ true TG_DEFAULTS_END
#define TG_SCATTER_REDUCE_OPTIONS(...)                                                                                \
    TG_OPTIONS(tg_scatter_reduce_options, TG_SCATTER_REDUCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `reduce` is "sum", "prod", "mean", "amax" or "amin". */
tg_tensor *tg_scatter_reduce_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src,
                                const char *reduce, tg_scatter_reduce_options options);
tg_tensor *tg_scatter_reduce_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src,
                                         const char *reduce, tg_scatter_reduce_options options);
#define tg_scatter_reduce(t, dim, index, src, reduce, ...)                                                            \
    tg_scatter_reduce_at(TG_HERE, t, dim, index, src, reduce, TG_SCATTER_REDUCE_OPTIONS(__VA_ARGS__))
#define tg_scatter_reduce_(t, dim, index, src, reduce, ...)                                                           \
    tg_scatter_reduce_in_place_at(TG_HERE, t, dim, index, src, reduce, TG_SCATTER_REDUCE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
