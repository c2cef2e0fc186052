/* join.h: several tensors made one, and one made several. */
#ifndef TG_OPS_JOIN_H
#define TG_OPS_JOIN_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* cat joins along an existing dimension, `tg_cat(tg_list(x, h), 1)`; stack along a new one. Dtypes are promoted. */
tg_tensor *tg_cat_at(const char *where, tg_tensor_list tensors, int64_t dim);
tg_tensor *tg_stack_at(const char *where, tg_tensor_list tensors, int64_t dim);

/* Views, in a list that lives as long as the innermost scope. split: pieces of `size`, the last one may be smaller;
 * split_with_sizes: of the given sizes; chunk: at most `chunks` equal pieces; unbind: one for each index, without that
 * dimension. */
tg_tensor_list tg_split_at(const char *where, tg_tensor *t, int64_t size, int64_t dim);
tg_tensor_list tg_split_with_sizes_at(const char *where, tg_tensor *t, tg_shape sizes, int64_t dim);
tg_tensor_list tg_chunk_at(const char *where, tg_tensor *t, int64_t chunks, int64_t dim);
tg_tensor_list tg_unbind_at(const char *where, tg_tensor *t, int64_t dim);

/* `sections` pieces as equal as can be, the first ones longer; the pieces between indices, as slices take them. hsplit
 * cuts columns (dimension 1, or 0 of a vector), vsplit dimension 0, dsplit dimension 2, into equal pieces or at
 * indices. */
tg_tensor_list tg_tensor_split_at(const char *where, tg_tensor *t, int64_t sections, int64_t dim);
tg_tensor_list tg_tensor_split_indices_at(const char *where, tg_tensor *t, tg_shape indices, int64_t dim);
tg_tensor_list tg_hsplit_at(const char *where, tg_tensor *t, int64_t sections);
tg_tensor_list tg_vsplit_at(const char *where, tg_tensor *t, int64_t sections);
tg_tensor_list tg_dsplit_at(const char *where, tg_tensor *t, int64_t sections);
tg_tensor_list tg_hsplit_indices_at(const char *where, tg_tensor *t, tg_shape indices);
tg_tensor_list tg_vsplit_indices_at(const char *where, tg_tensor *t, tg_shape indices);
tg_tensor_list tg_dsplit_indices_at(const char *where, tg_tensor *t, tg_shape indices);

/* hstack, vstack, dstack: cat along dimension 1 (0 for vectors), 0 and 2, of tensors with at least one, two and three
 * dimensions; column_stack: vectors as the columns of a matrix. */
tg_tensor *tg_hstack_at(const char *where, tg_tensor_list tensors);
tg_tensor *tg_vstack_at(const char *where, tg_tensor_list tensors);
tg_tensor *tg_dstack_at(const char *where, tg_tensor_list tensors);
tg_tensor *tg_column_stack_at(const char *where, tg_tensor_list tensors);

/* The tensors as views of their common shape. */
tg_tensor_list tg_broadcast_tensors_at(const char *where, tg_tensor_list tensors);

typedef struct tg_meshgrid_options {
    const char *indexing;   /* "ij": dimension k is tensor k's; "xy": the first two change places */
    TG_OPTIONS_END
} tg_meshgrid_options;
#define TG_MESHGRID_DEFAULTS /* indexing */ "ij" TG_DEFAULTS_END
#define TG_MESHGRID_OPTIONS(...) TG_OPTIONS(tg_meshgrid_options, TG_MESHGRID_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The coordinates of the grid that vectors span: each as a view of the grid's shape. */
tg_tensor_list tg_meshgrid_at(const char *where, tg_tensor_list tensors, tg_meshgrid_options options);

typedef struct tg_combinations_options {
    int64_t r;               /* how many are taken */
    bool with_replacement;   /* an element may be taken again */
    TG_OPTIONS_END
} tg_combinations_options;
#define TG_COMBINATIONS_DEFAULTS /* r */ 2, /* with_replacement */ false TG_DEFAULTS_END
#define TG_COMBINATIONS_OPTIONS(...) TG_OPTIONS(tg_combinations_options, TG_COMBINATIONS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* cartesian_prod: all tuples with an element of each vector, [n, count]; combinations: all sets of r elements of a
 * vector, [n, r]. */
tg_tensor *tg_cartesian_prod_at(const char *where, tg_tensor_list tensors);
tg_tensor *tg_combinations_at(const char *where, tg_tensor *t, tg_combinations_options options);

/* The dimension is 0 when it is left out. */
#define tg_cat(tensors, ...)                tg_cat_at(TG_HERE, tensors, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_stack(tensors, ...)              tg_stack_at(TG_HERE, tensors, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_split(t, size, ...)              tg_split_at(TG_HERE, t, size, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_split_with_sizes(t, sizes, ...)  tg_split_with_sizes_at(TG_HERE, t, sizes, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_chunk(t, chunks, ...)            tg_chunk_at(TG_HERE, t, chunks, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_unbind(t, ...)                   tg_unbind_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_tensor_split(t, sections, ...)   tg_tensor_split_at(TG_HERE, t, sections, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_tensor_split_indices(t, indices, ...)                                                                      \
    tg_tensor_split_indices_at(TG_HERE, t, indices, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))

#define tg_hsplit(t, sections)         tg_hsplit_at(TG_HERE, t, sections)
#define tg_vsplit(t, sections)         tg_vsplit_at(TG_HERE, t, sections)
#define tg_dsplit(t, sections)         tg_dsplit_at(TG_HERE, t, sections)
#define tg_hsplit_indices(t, indices)  tg_hsplit_indices_at(TG_HERE, t, indices)
#define tg_vsplit_indices(t, indices)  tg_vsplit_indices_at(TG_HERE, t, indices)
#define tg_dsplit_indices(t, indices)  tg_dsplit_indices_at(TG_HERE, t, indices)
#define tg_hstack(tensors)             tg_hstack_at(TG_HERE, tensors)
#define tg_vstack(tensors)             tg_vstack_at(TG_HERE, tensors)
#define tg_dstack(tensors)             tg_dstack_at(TG_HERE, tensors)
#define tg_column_stack(tensors)       tg_column_stack_at(TG_HERE, tensors)
#define tg_broadcast_tensors(tensors)  tg_broadcast_tensors_at(TG_HERE, tensors)
#define tg_meshgrid(tensors, ...)      tg_meshgrid_at(TG_HERE, tensors, TG_MESHGRID_OPTIONS(__VA_ARGS__))
#define tg_cartesian_prod(tensors)     tg_cartesian_prod_at(TG_HERE, tensors)
#define tg_combinations(t, ...)        tg_combinations_at(TG_HERE, t, TG_COMBINATIONS_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
