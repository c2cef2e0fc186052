/* bicubic.c: interpolation by cubics, four elements along each dimension: rows first, then columns. Made of
 * index_select and arithmetic. */
#include "resample_impl.h"

#include "ops/base/iterate.h"
#include "ops/index.h"
#include "ops/pointwise.h"

#include <math.h>

/* How much of an element that is `distance` away: Keys' kernel with a = -3/4, PyTorch's. */
static double share_of(double distance)
{
    const double a = -0.75, d = fabs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/* The k-th of the four elements that index i takes along dimension `dim`, times its share. */
static tg_tensor *quarter(tg_tensor *x, int dim, int64_t out, double scale, bool align_corners, int k)
{
    const tg_shape count = tg_shape(out), along = dim == 2 ? tg_shape(out, 1) : count;
    tg_tensor *index = tgi_new(&count, TG_INT64), *share = tgi_new(&along, (tg_dtype)x->dtype);
    if (!index || !share) return NULL;
    const int64_t last = x->dims[dim] - 1;
    for (int64_t i = 0; i < out; i++) {
        const double place = align_corners ? scale * (double)i : scale * ((double)i + 0.5) - 0.5;
        const double at = floor(place) - 1 + k, value = share_of(place - at);
        ((int64_t *)tgi_ptr(index))[i] = at <= 0 ? 0 : at >= (double)last ? last : (int64_t)at;
        if (x->dtype == TG_FLOAT32)
            ((float *)tgi_ptr(share))[i] = (float)value;
        else
            ((double *)tgi_ptr(share))[i] = value;
    }
    return tg_mul(tg_index_select(x, dim, index), share);
}

tg_tensor *tgi_bicubic(tg_tensor *x, const int64_t out[2], const double scale[2], bool align_corners)
{
    for (int d = 0; d < 2 && x; d++) {
        tg_tensor *sum = quarter(x, d + 2, out[d], scale[d], align_corners, 0);
        for (int k = 1; k < 4 && sum; k++) sum = tg_add(sum, quarter(x, d + 2, out[d], scale[d], align_corners, k));
        x = sum;
    }
    return x;
}
