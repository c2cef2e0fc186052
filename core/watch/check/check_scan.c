/* check_scan.c: what the elements of a tensor are like.
 *
 * Read directly, not by ops: who is told of an op calls none. Only whether all are finite is asked often. */
#include "check_impl.h"

#include "core/watch/tape/element_impl.h"

#include <math.h>
#include <string.h>

/* An exponent of ones is that of infinity and NaN. */
static bool finite32(const uint32_t *bits, int64_t n)
{
    uint32_t any = 0;
    for (int64_t i = 0; i < n; i++) any |= (uint32_t)((bits[i] & 0x7f800000u) == 0x7f800000u);
    return !any;
}

static bool finite64(const uint64_t *bits, int64_t n)
{
    const uint64_t ones = 0x7ff0000000000000u;
    uint64_t any = 0;
    for (int64_t i = 0; i < n; i++) any |= (uint64_t)((bits[i] & ones) == ones);
    return !any;
}

double tgi_element_number(const tg_tensor *t, int64_t i) { return tgi_number_at(t, tgi_offset_of(t, i)); }

/* Whether the elements fill a block of memory, in whatever order, as a transposed matrix's do. */
static bool is_dense(const tg_tensor *t)
{
    int64_t last = 0;
    for (int d = 0; d < t->ndim; d++) {
        if (tgi_strides(t)[d] <= 0) return false;
        last += (t->dims[d] - 1) * tgi_strides(t)[d];
    }
    return last + 1 == t->numel;
}

bool tgi_all_finite(const tg_tensor *t)
{
    if (!tgi_is_floating(t) || !t->numel) return true;
    if (t->contiguous || is_dense(t))
        return t->dtype == TG_FLOAT32 ? finite32(tgi_ptr(t), t->numel) : finite64(tgi_ptr(t), t->numel);
    bool finite = true;
    for (int64_t i = 0; finite && i < t->numel; i++) finite = isfinite(tgi_element_number(t, i));
    return finite;
}

tgi_scan tgi_scan_of(const tg_tensor *t)
{
    tgi_scan s = { .first = -1, .min = INFINITY, .max = -INFINITY };
    for (int64_t i = 0; i < t->numel; i++) {
        const double value = tgi_element_number(t, i);
        if (isfinite(value)) {
            s.min = fmin(s.min, value);
            s.max = fmax(s.max, value);
            continue;
        }
        if (s.first < 0) s.first_value = value;
        if (s.first < 0) s.first = i;
        if (isnan(value))
            s.nans++;
        else
            s.infs++;
    }
    return s;
}

static void coordinates(const tg_shape *shape, int64_t i, int64_t index[TG_MAX_DIMS])
{
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index[d] = i % shape->dims[d];
        i /= shape->dims[d];
    }
}

bool tgi_element_under(const tg_tensor *t, const tg_shape *shape, int64_t i, double *value)
{
    const tg_shape own = tgi_shape(t);
    tg_shape common;
    *value = NAN;
    if (!t->numel || !tg_shape_broadcast(&own, shape, &common) || !tg_shape_equal(&common, shape)) return false;
    int64_t index[TG_MAX_DIMS], offset = 0;
    coordinates(shape, i, index);
    for (int d = 0; d < t->ndim; d++)
        if (t->dims[d] > 1) offset += index[shape->ndim - t->ndim + d] * tgi_strides(t)[d];
    *value = tgi_number_at(t, offset);
    return true;
}

const char *tgi_index_of(const tg_shape *shape, int64_t i, char text[TG_SHAPE_TEXT])
{
    tg_shape index = { .ndim = shape->ndim };
    coordinates(shape, i, index.dims);
    return tg_shape_text(&index, text);
}

/* ---- asked at every op or gradient: loops that compilers make vectors of ---- */

enum { LANES = 8 };

/* The squares are added in several sums at once. */
#define NORM(type, least)                                                                                              \
    static double norm_##type(const type *v, int64_t n, int64_t *zeros)                                                \
    {                                                                                                                  \
        double sums[LANES] = { 0 }, sum = 0;                                                                           \
        int64_t small = 0, i = 0;                                                                                      \
        for (; i + LANES <= n; i += LANES)                                                                             \
            for (int k = 0; k < LANES; k++) sums[k] += (double)v[i + k] * (double)v[i + k];                            \
        for (; i < n; i++) sum += (double)v[i] * (double)v[i];                                                         \
        for (i = 0; i < n; i++) small += v[i] < least && v[i] > -least;                                                \
        for (int k = 0; k < LANES; k++) sum += sums[k];                                                                \
        *zeros = small;                                                                                                \
        return sqrt(sum);                                                                                              \
    }
NORM(float, 0x1p-126F)
NORM(double, 0x1p-1022)

double tgi_norm_of(const tg_tensor *t, double *zeros)
{
    int64_t small = 0;
    double norm = 0;
    if (t->numel && t->contiguous && t->dtype == TG_FLOAT32)
        norm = norm_float(tgi_ptr(t), t->numel, &small);
    else if (t->numel && t->contiguous && t->dtype == TG_FLOAT64)
        norm = norm_double(tgi_ptr(t), t->numel, &small);
    else {
        for (int64_t i = 0; i < t->numel; i++) {
            const double value = tgi_element_number(t, i);
            norm += value * value;
            small += fabs(value) < 0x1p-126;
        }
        norm = sqrt(norm);
    }
    *zeros = t->numel ? (double)small / (double)t->numel : 0;
    return norm;
}

int64_t tgi_count_outside(const tg_tensor *t, double least, double most)
{
    int64_t count = 0;
    if (t->contiguous && t->dtype == TG_FLOAT32 && t->numel) {
        const float *v = tgi_ptr(t), low = (float)least, high = (float)most;
        for (int64_t i = 0; i < t->numel; i++) count += (v[i] < low) | (v[i] > high);
        return count;
    }
    for (int64_t i = 0; i < t->numel; i++) {
        const double value = tgi_element_number(t, i);
        count += value < least || value > most;
    }
    return count;
}

void tgi_mark_alive(const tg_tensor *t, int dim, int64_t *marks, int64_t mark)
{
    int64_t below = 1, above = 1;
    for (int d = 0; d < dim; d++) above *= t->dims[d];
    for (int d = dim + 1; d < t->ndim; d++) below *= t->dims[d];
    const int64_t n = t->dims[dim];
    const float *v = t->contiguous && t->dtype == TG_FLOAT32 ? tgi_ptr(t) : NULL;
    for (int64_t i = 0; i < above; i++)
        for (int64_t k = 0; k < n; k++) {
            if (marks[k] == mark) continue; /* most are after a few samples */
            const int64_t at = (i * n + k) * below;
            bool any = false;
            for (int64_t j = at; !any && j < at + below; j++) any = !((v ? v[j] : tgi_element_number(t, j)) <= 0);
            if (any) marks[k] = mark;
        }
}
