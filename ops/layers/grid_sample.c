/* grid_sample.c: images read at places that a tensor tells, and the places of an affine map.
 *
 * Three steps. An op of its own turns the grid into places, counted in pixels: a piecewise linear map. Around each place
 * stand the four elements that bilinear interpolation takes, whose indices are numbers and no part of the derivative;
 * what lies outside is read from one zero that is put behind each plane. The rest is gather and arithmetic. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/create.h"
#include "ops/functions.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/rearrange.h"
#include "ops/resample.h"
#include "ops/view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- from a grid to places ---- */

typedef enum outside { ZEROS, BORDER, REFLECTION, OUTSIDES } outside;
static const char *const outside_names[OUTSIDES] = { "zeros", "border", "reflection" };

static outside outside_of(const char *name)
{
    int i = 0;
    while (i < OUTSIDES && (!name || strcmp(name, outside_names[i]) != 0)) i++;
    return (outside)i;
}

/* A place, and its derivative by the number in the grid. */
typedef struct place {
    double at, slope;
} place;

static place clipped(place p, int64_t size)
{
    if (!(p.at > 0)) return (place){ 0, 0 }; /* NaN as well: it becomes an index */
    return p.at < (double)(size - 1) ? p : (place){ (double)(size - 1), 0 };
}

/* Mirrored at low and at low + span, as often as it takes. */
static place mirrored(place p, double low, double span)
{
    if (span == 0) return (place){ 0, 0 };
    double from = p.at - low;
    if (from < 0) {
        from = -from;
        p.slope = -p.slope;
    }
    const double rest = fmod(from, span);
    if (fmod(floor(from / span), 2) == 0) return (place){ low + rest, p.slope };
    return (place){ low + span - rest, -p.slope };
}

static place place_of(double x, int64_t size, outside mode, bool align_corners)
{
    const double n = (double)size;
    place p = { align_corners ? (x + 1) / 2 * (n - 1) : ((x + 1) * n - 1) / 2, (align_corners ? n - 1 : n) / 2 };
    if (mode == REFLECTION) p = align_corners ? mirrored(p, 0, n - 1) : mirrored(p, -0.5, n);
    return mode == ZEROS ? p : clipped(p, size);
}

static void places_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_mul(tg_grad_output(ctx, 0), tg_saved(ctx, 0)));
}

/* What the places are in, and how those outside are taken. */
typedef struct plane_kind {
    int64_t h, w;
    outside mode;
    bool align_corners;
} plane_kind;

/* grid [.., 2] as places in planes of h rows and w columns; the column first. */
static tg_tensor *places(tg_tensor *grid, int64_t h, int64_t w, outside mode, bool align_corners)
{
    const tg_op *op = &tgi_op_grid_sampler_places;
    if (!tg_op_begin(NULL, op, tg_list(grid))) return NULL;
    const tg_shape shape = tgi_shape(grid);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)grid->dtype);
    tg_tensor *slopes = tg_will_record(tg_list(grid)) ? tgi_new(&shape, (tg_dtype)grid->dtype) : NULL;
    tg_tensor *c = tgi_own_contiguous(grid);
    if (!c || !y || (!slopes && tg_will_record(tg_list(grid)))) {
        tgi_unref(c);
        return NULL;
    }
    for (int64_t i = 0; i < y->numel; i++) {
        const place p = place_of(tgi_get(tgi_ptr(c), c->dtype, i), i % 2 ? h : w, mode, align_corners);
        tgi_put(tgi_ptr(y), y->dtype, i, p.at);
        if (slopes) tgi_put(tgi_ptr(slopes), slopes->dtype, i, p.slope);
    }
    tgi_unref(c);
    const plane_kind a = { h, w, mode, align_corners };
    return tg_record(op, tg_list(grid), tg_list(y), tg_list(slopes), &a, sizeof a) == TG_OK ? y : NULL;
}

static tg_tensor_list places_again(const tg_node *node, tg_tensor_list inputs)
{
    const plane_kind *a = tg_node_attributes(node);
    return tgi_result(places(inputs.items[0], a->h, a->w, a->mode, a->align_corners));
}

static tg_tensor_list grid_sampler_places_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_grid_sampler_places;
    tg_tensor *grid = v[0].as.tensor;
    const tg_shape *size = &v[1].as.ints;
    const outside mode = outside_of(v[2].as.string);
    if (!tg_op_begin(NULL, op, tg_list(grid))) return tg_list_failed();
    if (!tgi_is_floating(grid) || grid->ndim == 0 || grid->dims[grid->ndim - 1] != 2 || size->ndim != 2 ||
        mode == OUTSIDES)
        return tgi_result(tg_op_fail(op, tg_list(grid), "wants a floating grid [.., 2], two sizes and a padding mode"));
    return tgi_result(places(grid, size->dims[0], size->dims[1], mode, v[3].as.boolean));
}

const tg_op tgi_op_grid_sampler_places = {
    .name = "grid_sampler_places",
    .schema = "grid_sampler_places(Tensor grid, int[] size, str padding_mode, bool align_corners) -> Tensor",
    .formula =
        "y = (grid + 1) / 2 (n - 1), or ((grid + 1) n - 1) / 2 without align_corners, n = size[1], size[0]; then moved "
        "into the image as padding_mode says",
    .gradient = "dgrid = g times the slope of that map, which is constant in pieces",
    .doc = "Where in planes of the given size grid_sample reads, in pixels.",
    .shapes = "[*, 2] to [*, 2]",
    .kinks = "where border or reflection begins",
    .usage = "",
    .backward = places_backward,
    .call = grid_sampler_places_call,
    .again = places_again,
    .samples = (const char *const[]){ "grid_sampler_places(f(3, 2), [4, 5], 'zeros', True)",
                                      "grid_sampler_places(f(2, 3, 2), [4, 3], 'border', False)",
                                      "grid_sampler_places(f(5, 2, lo=-5, hi=5), [4, 3], 'reflection', True)",
                                      "grid_sampler_places(f(5, 2, lo=-5, hi=5), [2, 5], 'reflection', False)", NULL },
    .corners =
        (const char *const[]){ "grid_sampler_places(reshape(v(-1, 1, 0, -3, 3, 1), [3, 2]), [4, 5], 'border', True)",
                               "grid_sampler_places(reshape(v(-1, 1, 0, 5), [2, 2]), [1, 3], 'reflection', True)",
                               NULL },
    .own_errors =
        (const tg_error_sample[]){ { "grid_sampler_places(f(3, 3), [4, 5], 'zeros', True)", "wants a floating grid" },
                                   { NULL, NULL } },
};

/* ---- what stands around a place ---- */

/* The place's row and column, moved on by `down` and `right`, as an index into a plane of h rows and w columns; h w
 * outside. [N, 1, P]. `nearest`: of the nearest element, in place of the one above and to the left. */
static tg_tensor *indices_around(tg_tensor *at, int64_t h, int64_t w, int down, int right, bool nearest)
{
    const tg_shape shape = tg_shape(at->dims[0], 1, at->dims[1]);
    tg_tensor *index = tgi_new(&shape, TG_INT64);
    int64_t *to = index ? tgi_ptr(index) : NULL;
    for (int64_t i = 0; to && i < index->numel; i++) {
        const double x = tgi_get(tgi_ptr(at), at->dtype, 2 * i), y = tgi_get(tgi_ptr(at), at->dtype, 2 * i + 1);
        const double column = (nearest ? nearbyint(x) : floor(x)) + right,
                     row = (nearest ? nearbyint(y) : floor(y)) + down;
        const bool inside = row >= 0 && row < (double)h && column >= 0 && column < (double)w;
        to[i] = inside ? (int64_t)row * w + (int64_t)column : h * w;
    }
    return index;
}

/* What stands there in each channel, [N, C, P]. */
static tg_tensor *read_at(tg_tensor *planes, tg_tensor *index)
{
    if (!planes || !index) return NULL;
    return tg_gather(planes, 2, tg_expand(index, tg_shape(planes->dims[0], planes->dims[1], index->dims[2])));
}

/* at [N, P, 2] */
static tg_tensor *bilinear(tg_tensor *planes, tg_tensor *at, int64_t h, int64_t w)
{
    tg_tensor *fixed = tg_contiguous(tg_detach(at)), *share = tg_sub(at, tg_floor(fixed)), *sum = NULL;
    tg_tensor *rest = tg_sub(1.0, share);
    if (!rest) return NULL;
    for (int corner = 0; corner < 4; corner++) {
        const int down = corner / 2, right = corner % 2;
        tg_tensor *weight = tg_mul(tg_select(right ? share : rest, -1, 0), tg_select(down ? share : rest, -1, 1));
        tg_tensor *there = read_at(planes, indices_around(fixed, h, w, down, right, false));
        tg_tensor *part = tg_mul(there, tg_unsqueeze(weight, 1));
        sum = corner ? tg_add(sum, part) : part;
    }
    return sum;
}

/* ---- grid_sample ---- */

#define FAIL(...) (tg_op_fail(op, tg_list(x, grid), __VA_ARGS__), false)

static bool modes_ok(const tg_op *op, tg_tensor *x, tg_tensor *grid, const tg_grid_sample_options *o)
{
    const char *mode = o->mode ? o->mode : "None", *padding = o->padding_mode ? o->padding_mode : "None";
    if (strcmp(mode, "bicubic") == 0) return FAIL("PyTorch's mode bicubic is not there: bilinear | nearest");
    if (strcmp(mode, "bilinear") != 0 && strcmp(mode, "nearest") != 0)
        return FAIL(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '%s'", mode);
    return outside_of(padding) < OUTSIDES ||
           FAIL(
               "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '%s'",
               padding);
}

static bool inputs_ok(const tg_op *op, tg_tensor *x, tg_tensor *grid)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape of_x = tgi_shape(x), of_grid = tgi_shape(grid);
    tg_shape_text(&of_x, a);
    tg_shape_text(&of_grid, b);
    if (of_x.ndim != 4 || of_grid.ndim != 4)
        return FAIL("grid_sampler(): expected 4D input and grid, but got input with sizes %s and grid with sizes %s", a,
                    b);
    if (of_x.dims[0] != of_grid.dims[0])
        return FAIL(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes %s and grid "
            "with sizes %s",
            a, b);
    if (of_grid.dims[3] != 2)
        return FAIL("grid_sampler(): expected grid to have size 2 in last dimension, but got grid with sizes %s", b);
    for (int d = 2; d < 4; d++)
        if (of_x.dims[d] == 0)
            return FAIL(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes %s with "
                "dimension %d being empty",
                a, d);
    if (!tgi_is_floating(x)) return FAIL("grid_sampler_2d_cpu not implemented for %s", tgi_type_name(x));
    return x->dtype == grid->dtype ||
           tgi_expected_type(op, tg_list(x, grid), (tg_dtype)x->dtype, (tg_dtype)grid->dtype);
}

tg_tensor *tg_grid_sample_at(const char *where, tg_tensor *x, tg_tensor *grid, tg_grid_sample_options options)
{
    const tg_op *op = &tgi_op_grid_sample;
    if (!tg_op_begin(where, op, tg_list(x, grid)) || !modes_ok(op, x, grid, &options) || !inputs_ok(op, x, grid))
        return NULL;
    const int64_t n = x->dims[0], c = x->dims[1], h = x->dims[2], w = x->dims[3];
    const tg_shape to = tg_shape(n, c, grid->dims[1], grid->dims[2]);
    tg_tensor *at = places(grid, h, w, outside_of(options.padding_mode), options.align_corners);
    at = tg_reshape(at, tg_shape(n, to.dims[2] * to.dims[3], 2));
    tg_tensor *planes = tg_pad(tg_reshape(x, tg_shape(n, c, h * w)), tg_shape(0, 1)); /* a zero behind each */
    if (!at || !planes) return NULL;
    tg_tensor *y;
    if (strcmp(options.mode, "bilinear") == 0) {
        y = bilinear(planes, at, h, w);
    } else {
        tg_tensor *fixed = tg_contiguous(tg_detach(at));
        y = fixed ? read_at(planes, indices_around(fixed, h, w, 0, 0, true)) : NULL;
    }
    return tgi_ordinary(tg_reshape(y, to), TG_NONE);
}

static tg_tensor_list grid_sample_call(const tg_value *v)
{
    const tg_grid_sample_options o =
        TG_GRID_SAMPLE_OPTIONS(.mode = v[2].as.string, .padding_mode = v[3].as.string,
                               .align_corners = v[4].kind == TG_VALUE_BOOL && v[4].as.boolean);
    return tgi_result(tg_grid_sample_at(TG_HERE, v[0].as.tensor, v[1].as.tensor, o));
}

const tg_op tgi_op_grid_sample = {
    .name = "grid_sample",
    .schema = "grid_sample(Tensor input, Tensor grid, str mode='bilinear', str padding_mode='zeros', bool? "
              "align_corners=None) -> Tensor",
    .formula = "y[n, c, i, j] = input[n, c] at (grid[n, i, j, 1], grid[n, i, j, 0]), -1 and 1 being its ends",
    .gradient =
        "of gather and the weights, of which it is made; by a grid that chooses the nearest element there is none",
    .doc = "Images read between their elements, 'bilinear', or at the 'nearest' one; outside as padding_mode says.",
    .shapes = "[N, C, H, W] and grid [N, H', W', 2] to [N, C, H', W']",
    .kinks = "at places of elements, where the weights turn, and where border or reflection begins",
    .composite = true,
    .call = grid_sample_call,
    .samples =
        (const char *const[]){ "grid_sample(f(2, 2, 3, 4), f(2, 2, 3, 2, lo=-1, hi=1))",
                               "grid_sample(f(1, 2, 3, 4), f(1, 3, 3, 2), align_corners=True)",
                               "grid_sample(f(1, 2, 4, 3), f(1, 3, 4, 2), padding_mode='border')",
                               "grid_sample(f(1, 2, 4, 3), f(1, 3, 4, 2), padding_mode='border', align_corners=True)",
                               "grid_sample(f(1, 1, 4, 3), f(1, 3, 4, 2, lo=-4, hi=4), padding_mode='reflection')",
                               "grid_sample(f(1, 1, 4, 3), f(1, 3, 4, 2, lo=-4, hi=4), padding_mode='reflection', "
                               "align_corners=True)",
                               "grid_sample(f(0, 2, 3, 4), f(0, 2, 3, 2))", NULL },
    .corners =
        (const char *const[]){
            "grid_sample(f(1, 2, 3, 3), reshape(v(-1, -1, 1, 1, 0, 0, -1, 1, 0.5, 1, 3, 0), [1, 2, 3, 2]), "
            "padding_mode='border', align_corners=True)",
            "grid_sample(f(1, 1, 3, 3), reshape(v(-1, -1, 1, 1, 0, 0, -1, 1, 0.5, 1, 3, 0), [1, 2, 3, 2]), "
            "align_corners=True)",
            "grid_sample(f(1, 2, 3, 4), affine_grid(reshape(v(1, 0, 0, 0, 1, 0), [1, 2, 3]), [1, 2, 4, 3]), 'nearest')",
            NULL },
    .errors =
        (const tg_error_sample[]){
            { "grid_sample(f(2, 3, 4, 4), f(2, 3, 3, 1))",
              "grid_sampler(): expected grid to have size 2 in last dimension, but got grid with sizes [2, 3, 3, 1]" },
            { "grid_sample(f(2, 3, 4, 4), f(1, 3, 3, 2))",
              "grid_sampler(): expected grid and input to have same batch size, but got input with sizes [2, 3, 4, 4] and "
              "grid with sizes [1, 3, 3, 2]" },
            { "grid_sample(f(2, 3, 0, 4), f(2, 3, 3, 2))",
              "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes [2, 3, 0, 4] with "
              "dimension 2 being empty" },
            { "grid_sample(f(1, 1, 2, 2), f(1, 1, 1, 2), mode='x')", "but got: 'x'" },
            { "grid_sample(f(1, 1, 2, 2), f(1, 1, 1, 2), padding_mode='x')", "but got: 'x'" },
            { "grid_sample(i(1, 1, 2, 2), i(1, 1, 1, 2))", "grid_sampler_2d_cpu not implemented for Long" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "grid_sample(f(1, 1, 2, 2), f(1, 1, 1, 2), mode='bicubic')", "PyTorch's mode bicubic is not there" },
            { "grid_sample(f(1, 1, 2, 2, 2), f(1, 1, 1, 1, 3))", "expected 4D input and grid" },
            { NULL, NULL } },
};

/* ---- affine_grid ---- */

/* The middles of n parts of [-1, 1], or, at the ends of it, n numbers that are equally far apart. */
static double step_of(int64_t i, int64_t n, bool align_corners)
{
    if (n == 1) return 0;
    return align_corners ? -1 + 2 * (double)i / (double)(n - 1) : (double)(2 * i + 1) / (double)n - 1;
}

/* [h w, 3]: the column, the row, and 1. */
static tg_tensor *unmoved(int64_t h, int64_t w, tg_dtype dtype, bool align_corners)
{
    const tg_shape shape = tg_shape(h * w, 3);
    tg_tensor *t = tgi_new(&shape, dtype);
    for (int64_t i = 0; t && i < h * w; i++) {
        tgi_put(tgi_ptr(t), t->dtype, 3 * i, step_of(i % w, w, align_corners));
        tgi_put(tgi_ptr(t), t->dtype, 3 * i + 1, step_of(i / w, h, align_corners));
        tgi_put(tgi_ptr(t), t->dtype, 3 * i + 2, 1);
    }
    return t;
}

tg_tensor *tg_affine_grid_at(const char *where, tg_tensor *theta, tg_shape size, bool align_corners)
{
    const tg_op *op = &tgi_op_affine_grid;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, tg_list(theta)) || !tgi_op_list_fits(op, tg_list(theta), &size)) return NULL;
    const tg_shape shape = tgi_shape(theta);
    if (!tgi_is_floating(theta))
        return tg_op_fail(op, tg_list(theta), "Expected theta to have floating point type, but got %s",
                          tgi_type_name(theta));
    if (size.ndim != 4)
        return tg_op_fail(op, tg_list(theta),
                          "affine_grid only supports 4D sizes, for 2D affine transforms. Got size %s.",
                          tg_shape_text(&size, a));
    if (shape.ndim != 3 || shape.dims[1] != 2 || shape.dims[2] != 3)
        return tg_op_fail(op, tg_list(theta),
                          "Expected a batch of 2D affine matrices of shape Nx2x3 for size %s. Got torch.Size(%s).",
                          tg_shape_text(&size, a), tg_shape_text(&shape, b));
    for (int d = 0; d < 4; d++)
        if (size.dims[d] <= 0)
            return tg_op_fail(op, tg_list(theta), "Expected non-zero, positive output size. Got %s",
                              tg_shape_text(&size, a));
    if (size.dims[0] != shape.dims[0])
        return tg_op_fail(op, tg_list(theta), "%" PRId64 " matrices are given for a size of %s", shape.dims[0],
                          tg_shape_text(&size, a));
    const tg_shape to = tg_shape(size.dims[0], size.dims[2], size.dims[3], 2),
                   all = tg_shape(size.dims[2], size.dims[3], 3);
    if (tgi_op_numel(op, tg_list(theta), &to) < 0 || tgi_op_numel(op, tg_list(theta), &all) < 0) return NULL;
    tg_tensor *from = unmoved(size.dims[2], size.dims[3], (tg_dtype)theta->dtype, align_corners);
    return from ? tgi_ordinary(tg_reshape(tg_matmul(from, tg_transpose(theta, 1, 2)), to), TG_NONE) : NULL;
}

static tg_tensor_list affine_grid_call(const tg_value *v)
{
    return tgi_result(
        tg_affine_grid_at(TG_HERE, v[0].as.tensor, v[1].as.ints, v[2].kind == TG_VALUE_BOOL && v[2].as.boolean));
}

const tg_op tgi_op_affine_grid = {
    .name = "affine_grid",
    .schema = "affine_grid(Tensor theta, int[] size, bool? align_corners=None) -> Tensor",
    .formula = "y[n, i, j] = theta[n] (x_j, y_i, 1)T, x and y from -1 to 1",
    .gradient = "of matmul, of which it is made",
    .doc = "The grid for which grid_sample reads images moved by affine maps.",
    .shapes = "[N, 2, 3] and size [N, C, H, W] to [N, H, W, 2]",
    .usage = "tg_affine_grid(theta, tg_shape(size), align_corners)",
    .composite = true,
    .call = affine_grid_call,
    .samples = (const char *const[]){ "affine_grid(f(2, 2, 3), [2, 1, 3, 4])",
                                      "affine_grid(f(1, 2, 3), [1, 3, 2, 3], align_corners=True)",
                                      "affine_grid(f(2, 2, 3), [2, 1, 1, 4], False)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "affine_grid(f(2, 1, 3), [2, 1, 3, 4])",
              "Expected a batch of 2D affine matrices of shape Nx2x3 for size [2, 1, 3, 4]. Got torch.Size([2, 1, 3])." },
            { "affine_grid(f(2, 2, 3), [2, 1, 0, 4])", "Expected non-zero, positive output size. Got [2, 1, 0, 4]" },
            { "affine_grid(i(2, 2, 3), [2, 1, 3, 4])", "Expected theta to have floating point type, but got " },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "affine_grid(f(2, 2, 3), [2, 1, 3])", "affine_grid only supports 4D sizes" },
            { "affine_grid(f(2, 2, 3), [3, 1, 3, 4])", "2 matrices are given for a size of [3, 1, 3, 4]" },
            { NULL, NULL } },
};
