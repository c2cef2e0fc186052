/* shape.h: element types and shapes, with the rules PyTorch applies to both: promotion and broadcasting. */
#ifndef TG_CORE_SHAPE_H
#define TG_CORE_SHAPE_H

#include "base.h"

TG_BEGIN_DECLS

#define TG_MAX_DIMS 8

typedef enum tg_dtype {
    TG_FLOAT32 = 0,
    TG_FLOAT64 = 1,
    TG_INT64 = 2,
    TG_BOOL = 3,
    TG_DEFAULT_DTYPE = 15   /* as an option: whatever PyTorch would take; no tensor has it */
} tg_dtype;
#define TG_DTYPES 4

size_t tg_dtype_size(tg_dtype dtype);
const char *tg_dtype_name(tg_dtype dtype);           /* "float32"; "unknown" for no dtype, whose size is 0 */
bool tg_dtype_is_floating(tg_dtype dtype);

/* Up to 8 sizes, also used for lists of dimensions: `tg_shape(2, 3)`, `tg_shape()` for a 0-d tensor. */
typedef struct tg_shape {
    int ndim;
    int64_t dims[TG_MAX_DIMS];
} tg_shape;
#define tg_shape(...) (TG_LITERAL(tg_shape){ TG_COUNT(__VA_ARGS__), { __VA_ARGS__ } })

/* Stands for "no dimension given" where 0 is a real dimension. */
#define TG_NO_DIM INT64_MIN

/* The functions below have a neutral answer for a shape that is NULL or has fewer than 0 or more than 8 dimensions: it
 * has no elements, equals none, broadcasts with none. Whatever makes a tensor of it reports an error. */

int64_t tg_shape_numel(const tg_shape *shape);       /* the product of the sizes; 1 for 0-d */
bool tg_shape_equal(const tg_shape *a, const tg_shape *b);

/* "[2, 3]", written into `buffer`, which is returned. */
#define TG_SHAPE_TEXT 192
const char *tg_shape_text(const tg_shape *shape, char buffer[TG_SHAPE_TEXT]);

/* The common shape of `a` and `b` under broadcasting (sizes aligned from the right, equal or 1). False if there is
 * none. */
bool tg_shape_broadcast(const tg_shape *a, const tg_shape *b, tg_shape *result);

/* Row-major strides of a contiguous tensor, in elements. */
void tg_shape_strides(const tg_shape *shape, int64_t strides[TG_MAX_DIMS]);

/* `dim` counted from the end when negative; -1 when it is out of range. A 0-d tensor has one dimension here, as in
 * PyTorch. */
int tg_shape_dim(int64_t dim, int ndim);

/* ---- dtype.c ---- */

/* The dtype of an operation on `a` and `b`: bool < int64 < float32 < float64. */
tg_dtype tg_promote_types(tg_dtype a, tg_dtype b);

/* What a float literal becomes when it makes a tensor (float32 at start). Only floating dtypes are taken. */
tg_dtype tg_default_dtype(void);
void tg_set_default_dtype(tg_dtype dtype);

TG_END_DECLS

#endif
