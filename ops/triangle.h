/* triangle.h: diagonals and triangles of matrices. An offset is counted from the main diagonal, above it if positive.
 * tg_diagonal is in view.h. */
#ifndef TG_OPS_TRIANGLE_H
#define TG_OPS_TRIANGLE_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* A copy with zeros above (tril) or below (triu) that diagonal of the last two dimensions. */
tg_tensor *tg_tril_at(const char *where, tg_tensor *t, int64_t diagonal);
tg_tensor *tg_triu_at(const char *where, tg_tensor *t, int64_t diagonal);
tg_tensor *tg_tril_in_place_at(const char *where, tg_tensor *t, int64_t diagonal);
tg_tensor *tg_triu_in_place_at(const char *where, tg_tensor *t, int64_t diagonal);
/* A vector as the diagonal of a matrix, or a matrix's diagonal as a vector: a copy. */
tg_tensor *tg_diag_at(const char *where, tg_tensor *t, int64_t diagonal);
/* All elements as the diagonal of a matrix. */
tg_tensor *tg_diagflat_at(const char *where, tg_tensor *t, int64_t offset);
/* The diagonal is 0, the main one, when it is left out. */
#define tg_tril(t, ...)     tg_tril_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_triu(t, ...)     tg_triu_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_tril_(t, ...)    tg_tril_in_place_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_triu_(t, ...)    tg_triu_in_place_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_diag(t, ...)     tg_diag_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_diagflat(t, ...) tg_diagflat_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_diag_embed_options {
    int64_t offset;
    int64_t dim1, dim2;   /* the matrices' dimensions in the result */
    TG_OPTIONS_END
} tg_diag_embed_options;
#define TG_DIAG_EMBED_DEFAULTS /* offset */ 0, /* dim1 */ -2, /* dim2 */ -1 TG_DEFAULTS_END
#define TG_DIAG_EMBED_OPTIONS(...) TG_OPTIONS(tg_diag_embed_options, TG_DIAG_EMBED_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Matrices of zeros, with the vectors of the last dimension on their diagonals. */
tg_tensor *tg_diag_embed_at(const char *where, tg_tensor *t, tg_diag_embed_options options);
#define tg_diag_embed(t, ...) tg_diag_embed_at(TG_HERE, t, TG_DIAG_EMBED_OPTIONS(__VA_ARGS__))

/* A matrix of zeros with the tensors, of at most two dimensions, one after another on its diagonal. A vector is a row,
 * a number a matrix of one element. Dtypes are promoted: `tg_block_diag(tg_list(a, b))`. */
tg_tensor *tg_block_diag_at(const char *where, tg_tensor_list tensors);
#define tg_block_diag(tensors) tg_block_diag_at(TG_HERE, tensors)

/* The row and column indices of a row x col matrix's triangle, int64 [2, n], in row-major order. */
tg_tensor *tg_tril_indices_at(const char *where, int64_t row, int64_t col, int64_t offset);
tg_tensor *tg_triu_indices_at(const char *where, int64_t row, int64_t col, int64_t offset);
#define tg_tril_indices(row, col, ...) tg_tril_indices_at(TG_HERE, row, col, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))
#define tg_triu_indices(row, col, ...) tg_triu_indices_at(TG_HERE, row, col, TG_OR(0 __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
