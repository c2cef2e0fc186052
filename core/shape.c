/* shape.c: arithmetic on shapes and element types. Nothing here allocates or fails; a shape of too few or too many dimensions, or
 * NULL, has a neutral answer. */
#include "shape.h"

#include <stdio.h>

size_t tg_dtype_size(tg_dtype dtype)
{
    static const size_t sizes[TG_DTYPES] = { 4, 8, 8, 1 };
    return (unsigned)dtype < TG_DTYPES ? sizes[dtype] : 0;
}

const char *tg_dtype_name(tg_dtype dtype)
{
    static const char *const names[TG_DTYPES] = { "float32", "float64", "int64", "bool" };
    return (unsigned)dtype < TG_DTYPES ? names[dtype] : "unknown";
}

bool tg_dtype_is_floating(tg_dtype dtype) { return dtype == TG_FLOAT32 || dtype == TG_FLOAT64; }

/* Whether there are sizes to be read. */
static inline bool readable(const tg_shape *shape) { return shape && (unsigned)shape->ndim <= TG_MAX_DIMS; }

int64_t tg_shape_numel(const tg_shape *shape)
{
    int64_t numel = 1;
    if (!readable(shape)) return 0;
    for (int d = 0; d < shape->ndim; d++) numel *= shape->dims[d];
    return numel;
}

bool tg_shape_equal(const tg_shape *a, const tg_shape *b)
{
    if (!readable(a) || !readable(b) || a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->dims[d] != b->dims[d]) return false;
    return true;
}

const char *tg_shape_text(const tg_shape *shape, char buffer[TG_SHAPE_TEXT])
{
    if (!buffer) return "";
    if (!readable(shape)) {
        snprintf(buffer, TG_SHAPE_TEXT, "[%d dimensions]", shape ? shape->ndim : 0);
        return buffer;
    }
    int used = snprintf(buffer, TG_SHAPE_TEXT, "[");
    for (int d = 0; d < shape->ndim; d++)
        used +=
            snprintf(buffer + used, (size_t)(TG_SHAPE_TEXT - used), d ? ", %lld" : "%lld", (long long)shape->dims[d]);
    snprintf(buffer + used, (size_t)(TG_SHAPE_TEXT - used), "]");
    return buffer;
}

bool tg_shape_broadcast(const tg_shape *a, const tg_shape *b, tg_shape *result)
{
    if (!readable(a) || !readable(b) || !result) return false;
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    tg_shape common = { ndim, { 0 } };
    for (int d = 1; d <= ndim; d++) {
        int64_t x = d <= a->ndim ? a->dims[a->ndim - d] : 1;
        int64_t y = d <= b->ndim ? b->dims[b->ndim - d] : 1;
        if (x != y && x != 1 && y != 1) return false;
        common.dims[ndim - d] = x == 1 ? y : x;
    }
    *result = common;
    return true;
}

void tg_shape_strides(const tg_shape *shape, int64_t strides[TG_MAX_DIMS])
{
    int64_t stride = 1;
    if (!readable(shape) || !strides) return;
    for (int d = shape->ndim - 1; d >= 0; d--) {
        strides[d] = stride;
        stride *= shape->dims[d] > 1 ? shape->dims[d] : 1;
    }
}

int tg_shape_dim(int64_t dim, int ndim)
{
    int n = ndim ? ndim : 1;
    if (dim < -n || dim >= n) return -1;
    return (int)(dim < 0 ? dim + n : dim);
}
