/* image_grid.c: pictures side by side, as torchvision's make_grid has them. */
#include "image.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <math.h>
#include <string.h>

static const char what[] = "image_grid";

/* What is shown: [count, channels, height, width], the channels perhaps one, three times. */
typedef struct pictures {
    const tg_tensor *t;
    int64_t count, channels, height, width;
    int64_t strides[4];
} pictures;

static bool pictures_of(pictures *p, const tg_tensor *t)
{
    const int n = t->ndim;
    if (n < 2 || n > 4 || t->numel == 0) {
        const tg_shape shape = tgi_shape(t);
        char text[TG_SHAPE_TEXT];
        return tg_fail_at(NULL, TG_ERROR_VALUE, what,
                          "pictures are [n, channels, height, width] or one of them, not of shape %s",
                          tg_shape_text(&shape, text));
    }
    *p = (pictures){ t, 1, 1, t->dims[n - 2], t->dims[n - 1], { 0, 0, tgi_strides(t)[n - 2], tgi_strides(t)[n - 1] } };
    if (n == 4) p->count = t->dims[0], p->strides[0] = tgi_strides(t)[0];
    if (n >= 3) p->channels = t->dims[n - 3], p->strides[1] = tgi_strides(t)[n - 3];
    if (p->channels == 1) p->channels = 3, p->strides[1] = 0;
    return true;
}

/* ---- what pixels hold ---- */

typedef struct range {
    double low, high;
} range;

static double element(const tg_tensor *t, int64_t at)
{
    const void *elements = tgi_ptr(t);
    return t->dtype == TG_FLOAT32 ? (double)((const float *)elements)[at] : ((const double *)elements)[at];
}

static int64_t row_at(const pictures *p, int64_t k, int64_t c, int64_t y)
{
    return k * p->strides[0] + c * p->strides[1] + y * p->strides[2];
}

/* Of the pictures from `first` to `end`; NaN if one of them is, as min and max have it. */
static range range_of(const pictures *p, int64_t first, int64_t end)
{
    range r = { INFINITY, -INFINITY };
    for (int64_t k = first; k < end; k++)
        for (int64_t c = 0; c < p->channels; c++)
            for (int64_t y = 0; y < p->height; y++)
                for (int64_t x = 0; x < p->width; x++) {
                    const double value = element(p->t, row_at(p, k, c, y) + x * p->strides[3]);
                    if (isnan(value)) return (range){ NAN, NAN };
                    if (value < r.low) r.low = value;
                    if (value > r.high) r.high = value;
                }
    return r;
}

/* img.clamp_(low, high).sub_(low).div_(max(high - low, 1e-5)), in the tensor's own precision. */
static void stretch(tg_tensor *grid, int64_t to, double value, range r)
{
    const double size = r.high - r.low > 1e-5 ? r.high - r.low : 1e-5;
    if (grid->dtype == TG_FLOAT32)
        ((float *)tgi_ptr(grid))[to] = ((float)value - (float)r.low) / (float)size;
    else
        ((double *)tgi_ptr(grid))[to] = (value - r.low) / size;
}

/* ---- the grid ---- */

typedef struct layout {
    tg_tensor *grid;
    int64_t columns, padding;
    bool normalize;
} layout;

static void copy_picture(const pictures *p, const layout *l, int64_t k, range r)
{
    const int64_t top = k / l->columns * (p->height + l->padding) + l->padding;
    const int64_t left = k % l->columns * (p->width + l->padding) + l->padding;
    const size_t size = tgi_element_size(p->t);
    const int64_t height = l->grid->dims[1], width = l->grid->dims[2];
    for (int64_t c = 0; c < p->channels; c++)
        for (int64_t y = 0; y < p->height; y++) {
            int64_t from = row_at(p, k, c, y), to = (c * height + top + y) * width + left;
            for (int64_t x = 0; x < p->width; x++, from += p->strides[3], to++)
                if (l->normalize)
                    stretch(l->grid, to, element(p->t, from), r);
                else
                    memcpy((char *)tgi_ptr(l->grid) + (size_t)to * size,
                           (const char *)tgi_ptr(p->t) + from * (int64_t)size, size);
        }
}

/* An empty grid; NULL with an error pending. */
static tg_tensor *grid_of(const pictures *p, layout *l, double pad_value)
{
    const int64_t rows = (p->count + l->columns - 1) / l->columns, padding = l->padding;
    tg_shape shape = tg_shape(p->channels, 0, 0);
    int64_t high, wide;
    if (__builtin_add_overflow(p->height, padding, &high) || __builtin_mul_overflow(high, rows, &high) ||
        __builtin_add_overflow(high, padding, &shape.dims[1]) || __builtin_add_overflow(p->width, padding, &wide) ||
        __builtin_mul_overflow(wide, l->columns, &wide) || __builtin_add_overflow(wide, padding, &shape.dims[2]))
        return tg_fail_at(NULL, TG_ERROR_VALUE, what, "padding of %lld pixels", (long long)padding);
    return tgi_new_full(&shape, (tg_dtype)p->t->dtype, pad_value);
}

tg_tensor *tg_image_grid_at(const char *where, const tg_tensor *images, tg_image_grid_options options)
{
    tgi_begin(where, what);
    pictures p;
    if (!tgi_handle_ok(what, images) || tg_failed() || !pictures_of(&p, images)) return NULL;
    if (options.nrow < 1 || options.padding < 0)
        return tg_fail_at(where, TG_ERROR_VALUE, what, "%lld pictures in a row, and %lld pixels between them",
                          (long long)options.nrow, (long long)options.padding);
    if (options.normalize && !tgi_is_floating(images))
        return tg_fail_at(where, TG_ERROR_VALUE, what, "only floats can be normalized, not %s",
                          tg_dtype_name((tg_dtype)images->dtype));
    if (images->dtype == TG_INT64 && !(fabs(options.pad_value) < 0x1p63))
        return tg_fail_at(where, TG_ERROR_VALUE, what, "the padding, %g, has no int64", options.pad_value);
    layout l = { NULL, options.nrow < p.count ? options.nrow : p.count, options.padding, options.normalize };
    if (p.count == 1) l.padding = 0;
    l.grid = grid_of(&p, &l, options.pad_value);
    range r = { 0, 0 };
    if (l.grid && options.normalize && !options.scale_each) r = range_of(&p, 0, p.count);
    for (int64_t k = 0; l.grid && k < p.count; k++) {
        if (options.normalize && options.scale_each) r = range_of(&p, k, k + 1);
        copy_picture(&p, &l, k, r);
    }
    return l.grid;
}
