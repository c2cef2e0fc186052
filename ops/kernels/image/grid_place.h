/* grid_place.h: from a number of a grid to a place in a plane. */
#ifndef TG_OPS_KERNELS_IMAGE_GRID_PLACE_H
#define TG_OPS_KERNELS_IMAGE_GRID_PLACE_H

#include "grid_kernels.h"
#include "ops/kernels/template/scalar.h"

#include <math.h>

/* A place, and its derivative by the number in the grid. */
typedef struct grid_place {
    double at, slope;
} grid_place;

TGI_INLINE grid_place grid_clipped(grid_place p, int64_t size)
{
    if (!(p.at > 0)) return (grid_place){ 0, 0 }; /* NaN as well: it becomes an index */
    return p.at < (double)(size - 1) ? p : (grid_place){ (double)(size - 1), 0 };
}

/* Mirrored at low and at low + span, as often as it takes. */
TGI_INLINE grid_place grid_mirrored(grid_place p, double low, double span)
{
    if (span == 0) return (grid_place){ 0, 0 };
    double from = p.at - low;
    if (from < 0) {
        from = -from;
        p.slope = -p.slope;
    }
    if (from < span) return (grid_place){ low + from, p.slope };
    const double rest = fmod(from, span);
    if (fmod(floor(from / span), 2) == 0) return (grid_place){ low + rest, p.slope };
    return (grid_place){ low + span - rest, -p.slope };
}

TGI_INLINE grid_place grid_place_of(double x, int64_t size, tgi_outside outside, bool align_corners)
{
    const double n = (double)size;
    grid_place p = { align_corners ? (x + 1) / 2 * (n - 1) : ((x + 1) * n - 1) / 2,
                     (align_corners ? n - 1 : n) / 2 };
    if (outside == TGI_OUTSIDE_REFLECTION)
        p = align_corners ? grid_mirrored(p, 0, n - 1) : grid_mirrored(p, -0.5, n);
    return outside == TGI_OUTSIDE_ZEROS ? p : grid_clipped(p, size);
}

#endif
