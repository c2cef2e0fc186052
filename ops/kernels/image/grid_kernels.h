/* grid_kernels.h: planes read at places that a grid tells. */
#ifndef TG_OPS_KERNELS_IMAGE_GRID_KERNELS_H
#define TG_OPS_KERNELS_IMAGE_GRID_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(grid);

/* What lies outside a plane: zeros, the border's elements, or the plane mirrored at its border. */
typedef enum tgi_outside { TGI_OUTSIDE_ZEROS, TGI_OUTSIDE_BORDER, TGI_OUTSIDE_REFLECTION, TGI_OUTSIDES } tgi_outside;

/* Planes of h x w elements, h w <= INT32_MAX. An entry of a grid is two numbers, of the column and of the row, -1 and 1
 * being the ends: the middles of the outermost elements if corners are aligned, otherwise their far sides. */
typedef struct tgi_grid {
    int64_t h, w;
    tgi_outside outside;
    bool align_corners;
    bool nearest;             /* the nearest element is read, not the mean of the four around the place */
    int64_t channels, places; /* an image has so many planes; so many places are read of each */
} tgi_grid;

enum { TGI_GRID_BLOCK = 128 };

/* f32, f64. */
struct tgi_grid_kernels {
    /* The places in elements, and, unless NULL, the derivative of each number by the grid's. n entries. */
    void (*places[2])(const tgi_grid *g, int64_t n, const void *grid, void *at, void *slope);
    /* y [channels, places] = x [channels, h, w] at the places of the grid [places, 2]: those from `first` on, `n` of
     * them, TGI_GRID_BLOCK at most. */
    void (*read[2])(const tgi_grid *g, int64_t first, int64_t n, const void *grid, const void *x, void *y);
    /* From the gradient of y that of x, which is added to dx, and that of the grid; either NULL: not wanted. */
    void (*read_backward[2])(const tgi_grid *g, int64_t first, int64_t n, const void *grid, const void *x,
                             const void *dy, void *dx, void *dgrid);
};

#endif
