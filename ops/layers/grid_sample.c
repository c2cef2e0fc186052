/* grid_sample.c: images read at places that a tensor tells, and the places of an affine map.
 *
 * The grid is turned into places, counted in elements: a piecewise linear map, which is an op of its own for the second
 * derivative. Around each place stand the four elements that bilinear interpolation takes, whose indices are numbers and
 * no part of the derivative. One loop does it all, forward and back (kernels/image/grid.inc); the gradient in ops is made
 * of gather, scatter_add and arithmetic. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"
#include "ops/create.h"
#include "ops/functions.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/kernels/image/grid_kernels.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/rearrange.h"
#include "ops/reduce.h"
#include "ops/resample.h"
#include "ops/scatter.h"
#include "ops/view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- from a grid to places ---- */

static const char *const outside_names[TGI_OUTSIDES] = { "zeros", "border", "reflection" };

static tgi_outside outside_of(const char *name)
{
    int i = 0;
    while (i < TGI_OUTSIDES && (!name || strcmp(name, outside_names[i]) != 0)) i++;
    return (tgi_outside)i;
}

static void places_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_mul(tg_grad_output(ctx, 0), tg_saved(ctx, 0)));
}

/* grid [.., 2] as places in planes; the column first. */
static tg_tensor *places(tg_tensor *grid, const tgi_grid *g)
{
    const tg_op *op = &tgi_op_grid_sampler_places;
    if (!tg_op_begin(NULL, op, tg_list(grid))) return NULL;
    const bool recorded = tg_will_record(tg_list(grid));
    tg_tensor *y = tgi_new_like(grid, (tg_dtype)grid->dtype);
    tg_tensor *slopes = recorded ? tgi_new_like(grid, (tg_dtype)grid->dtype) : NULL, *c = tgi_own_contiguous(grid);
    const bool ok = c && y && (slopes || !recorded);
    if (ok)
        TGI_KERNELS(grid)->places[c->dtype](g, c->numel / 2, tgi_ptr(c), tgi_ptr(y), slopes ? tgi_ptr(slopes) : NULL);
    tgi_unref(c);
    return ok && tg_record(op, tg_list(grid), tg_list(y), tg_list(slopes), g, sizeof *g) == TG_OK ? y : NULL;
}

static tg_tensor_list places_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(places(inputs.items[0], tg_node_attributes(node)));
}

static tg_tensor_list grid_sampler_places_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_grid_sampler_places;
    tg_tensor *grid = v[0].as.tensor;
    const tg_shape *size = &v[1].as.ints;
    const tgi_grid g = { .outside = outside_of(v[2].as.string),
                         .align_corners = v[3].as.boolean,
                         .h = size->ndim == 2 ? size->dims[0] : 0,
                         .w = size->ndim == 2 ? size->dims[1] : 0 };
    if (!tg_op_begin(NULL, op, tg_list(grid))) return tg_list_failed();
    if (!tgi_is_floating(grid) || grid->ndim == 0 || grid->dims[grid->ndim - 1] != 2 || size->ndim != 2 ||
        g.outside == TGI_OUTSIDES)
        return tgi_result(tg_op_fail(op, tg_list(grid), "wants a floating grid [.., 2], two sizes and a padding mode"));
    return tgi_result(places(grid, &g));
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

/* The gradient in ops, given that of y, g [N, C, P]. */
typedef struct gradient {
    tg_tensor *planes; /* [N, C, H W + 1], a zero behind each */
    tg_tensor *g, *at; /* at [N, P, 2] */
    tg_tensor *dplanes, *dat;
    const tgi_grid *grid;
} gradient;

/* What the four corners give. Of corner k the share is the product of `column` or 1 - `column` and of `row` or 1 - `row`. */
static bool corner_gradients(gradient *t, bool of_planes, bool of_grid)
{
    const tgi_grid *grid = t->grid;
    tg_tensor *fixed = tg_contiguous(tg_detach(t->at)), *share = tg_sub(t->at, tg_floor(fixed)),
              *rest = tg_sub(1.0, share);
    tg_tensor *by_column = NULL, *by_row = NULL;
    for (int k = 0; rest && k < (grid->nearest ? 1 : 4); k++) {
        tg_tensor *index = indices_around(fixed, grid->h, grid->w, k / 2, k % 2, grid->nearest);
        tg_tensor *column = tg_select(k % 2 ? share : rest, -1, 0), *row = tg_select(k / 2 ? share : rest, -1, 1);
        if (!index || !row) return false;
        if (of_planes) {
            tg_tensor *part = grid->nearest ? t->g : tg_mul(t->g, tg_unsqueeze(tg_mul(column, row), 1));
            t->dplanes = tg_scatter_add(t->dplanes, 2, tg_expand(index, tgi_shape(t->g)), part);
        }
        if (!of_grid) continue;
        tg_tensor *read = tg_sum(tg_mul(t->g, read_at(t->planes, index)), .dims = tg_shape(1));
        tg_tensor *a = tg_mul(read, row), *b = tg_mul(read, column);
        by_column = !k ? tg_neg(a) : k % 2 ? tg_add(by_column, a) : tg_sub(by_column, a);
        by_row = !k ? tg_neg(b) : k / 2 ? tg_add(by_row, b) : tg_sub(by_row, b);
    }
    if (of_grid) t->dat = tg_stack(tg_list(by_column, by_row), -1);
    return rest && (t->dplanes || !of_planes) && (t->dat || !of_grid);
}

static tg_tensor *zeros_like(tg_tensor *t)
{
    tg_tensor *zeros = t ? tgi_new_like(t, (tg_dtype)t->dtype) : NULL;
    if (zeros) tgi_fill(zeros, 0);
    return zeros;
}

static void sample_backward(tg_context *ctx)
{
    const tgi_grid *grid = tg_attributes(ctx);
    const bool of_planes = tg_needs_input_grad(ctx, 0), of_grid = tg_needs_input_grad(ctx, 1) && !grid->nearest;
    tg_tensor *x = tg_saved(ctx, 0), *of = tg_saved(ctx, 1), *g = tg_grad_output(ctx, 0);
    if (!x || !of || !g) return;
    const int64_t n = tg_size(x, 0), c = grid->channels, size = grid->h * grid->w;
    gradient t = { .grid = grid, .g = tg_reshape(g, tg_shape(n, c, grid->places)), .at = places(of, grid) };
    t.at = tg_reshape(t.at, tg_shape(n, grid->places, 2));
    t.planes = tg_pad(tg_reshape(x, tg_shape(n, c, size)), tg_shape(0, 1));
    t.dplanes = of_planes ? zeros_like(t.planes) : NULL;
    if (!t.g || !t.at || !t.planes || !corner_gradients(&t, of_planes, of_grid)) return;
    if (of_planes) tg_set_grad_input(ctx, 0, tg_reshape(tg_narrow(t.dplanes, 2, 0, size), tgi_shape(x)));
    if (of_grid) {
        tg_tensor *slopes = tgi_new_like(of, (tg_dtype)of->dtype), *fixed = tg_contiguous(tg_detach(of));
        if (!slopes || !fixed) return;
        tg_tensor *unused = tgi_own(tgi_new_like(of, (tg_dtype)of->dtype));
        if (unused)
            TGI_KERNELS(grid)->places[of->dtype](grid, of->numel / 2, tgi_ptr(fixed), tgi_ptr(unused), tgi_ptr(slopes));
        tg_set_grad_input(ctx, 1, unused ? tg_mul(tg_reshape(t.dat, tgi_shape(of)), slopes) : NULL);
        tgi_unref(unused);
    } else if (tg_needs_input_grad(ctx, 1)) /* the nearest element stays the same */
        tg_set_grad_input(ctx, 1, zeros_like(of));
}

/* ---- its loops ---- */

enum { PARALLEL = 1 << 14 }; /* elements from which on several threads pay */

/* All contiguous; x, y and their gradients images, one behind the other. */
typedef struct job {
    const tgi_grid *g;
    int dtype;
    int64_t blocks, x_size, y_size, grid_size; /* blocks of places in an image; bytes of an image and its grid */
    const char *x, *grid, *dy;
    char *y, *dx, *dgrid;
} job;

static job job_of(const tgi_grid *g, int dtype)
{
    const int64_t size = (int64_t)tg_dtype_size((tg_dtype)dtype);
    return (job){ .g = g,
                  .dtype = dtype,
                  .blocks = tgi_pieces(g->places, TGI_GRID_BLOCK),
                  .x_size = g->channels * g->h * g->w * size,
                  .y_size = g->channels * g->places * size,
                  .grid_size = 2 * g->places * size };
}

static void read_block(const void *all, int64_t task)
{
    const job *j = all;
    const int64_t image = task / j->blocks, first = task % j->blocks * TGI_GRID_BLOCK, left = j->g->places - first;
    TGI_KERNELS(grid)->read[j->dtype](j->g, first, left < TGI_GRID_BLOCK ? left : TGI_GRID_BLOCK,
                                      j->grid + image * j->grid_size, j->x + image * j->x_size,
                                      j->y + image * j->y_size);
}

/* Places far apart may hand back to the same element: an image is one thread's. */
static void read_image_backward(const void *all, int64_t image)
{
    const job *j = all;
    char *dx = j->dx ? j->dx + image * j->x_size : NULL, *dgrid = j->dgrid ? j->dgrid + image * j->grid_size : NULL;
    if (dx) memset(dx, 0, (size_t)j->x_size);
    for (int64_t first = 0; first < j->g->places; first += TGI_GRID_BLOCK) {
        const int64_t left = j->g->places - first;
        TGI_KERNELS(grid)->read_backward[j->dtype](j->g, first, left < TGI_GRID_BLOCK ? left : TGI_GRID_BLOCK,
                                                   j->grid + image * j->grid_size, j->x + image * j->x_size,
                                                   j->dy + image * j->y_size, dx, dgrid);
    }
}

static tg_tensor *sample(tg_tensor *x, tg_tensor *grid, const tgi_grid *g)
{
    const tg_shape to = tg_shape(x->dims[0], x->dims[1], grid->dims[1], grid->dims[2]);
    tg_tensor *y = tgi_new(&to, (tg_dtype)x->dtype);
    if (!y) return NULL;
    if (y->numel > 0) {
        tg_tensor *cx = tgi_own_contiguous(x), *cgrid = tgi_own_contiguous(grid);
        const bool ok = cx && cgrid;
        job j = job_of(g, x->dtype);
        if (ok) {
            j.x = tgi_ptr(cx);
            j.grid = tgi_ptr(cgrid);
            j.y = tgi_ptr(y);
            tgi_run_tasks(y->numel >= PARALLEL, to.dims[0] * j.blocks, read_block, &j);
        }
        tgi_unref(cx);
        tgi_unref(cgrid);
        if (!ok) return NULL;
    }
    const tg_op *op = &tgi_op_grid_sample;
    return tg_record(op, tg_list(x, grid), tg_list(y), tg_list(x, grid), g, sizeof *g) == TG_OK ? y : NULL;
}

static void sample_backward_fused(tg_context *ctx)
{
    tg_tensor *from[] = { tg_saved(ctx, 0), tg_saved(ctx, 1), tg_grad_output(ctx, 0) }, *grads[2] = { NULL, NULL };
    tg_tensor *c[3] = { NULL, NULL, NULL };
    bool ok = true;
    for (int i = 0; i < 3; i++) {
        c[i] = from[i] ? tgi_own_contiguous(from[i]) : NULL;
        ok &= c[i] != NULL;
    }
    for (int i = 0; ok && i < 2; i++) {
        if (!tg_needs_input_grad(ctx, i)) continue;
        grads[i] = tgi_new_like(c[i], (tg_dtype)c[i]->dtype);
        ok = grads[i] != NULL;
    }
    const tgi_grid *g = tg_attributes(ctx);
    if (ok) {
        job j = job_of(g, c[0]->dtype);
        j.x = tgi_ptr(c[0]);
        j.grid = tgi_ptr(c[1]);
        j.dy = tgi_ptr(c[2]);
        j.dx = grads[0] ? tgi_ptr(grads[0]) : NULL;
        j.dgrid = grads[1] && !g->nearest ? tgi_ptr(grads[1]) : NULL;
        if (grads[1] && g->nearest) tgi_fill(grads[1], 0); /* the nearest element stays the same */
        tgi_run_tasks(c[2]->numel >= PARALLEL, c[0]->dims[0], read_image_backward, &j);
    }
    for (int i = 0; i < 2; i++)
        if (grads[i]) tg_set_grad_input(ctx, i, ok ? grads[i] : NULL);
    for (int i = 0; i < 3; i++) tgi_unref(c[i]);
}

static tg_tensor_list sample_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(sample(inputs.items[0], inputs.items[1], tg_node_attributes(node)));
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
    return outside_of(padding) < TGI_OUTSIDES ||
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
    const int64_t h = x->dims[2], w = x->dims[3];
    if (h > INT32_MAX / w) return tg_op_fail(op, tg_list(x, grid), "the planes are too large");
    const tgi_grid g = { .h = h,
                         .w = w,
                         .outside = outside_of(options.padding_mode),
                         .align_corners = options.align_corners,
                         .nearest = strcmp(options.mode, "nearest") == 0,
                         .channels = x->dims[1],
                         .places = grid->dims[1] * grid->dims[2] };
    return sample(x, grid, &g);
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
        "dinput: each g is added where it was read, as much of it as was taken; dgrid = the sum over c of g times what y "
        "changes by from element to element, 0 where the nearest one is chosen",
    .doc = "Images read between their elements, 'bilinear', or at the 'nearest' one; outside as padding_mode says.",
    .shapes = "[N, C, H, W] and grid [N, H', W', 2] to [N, C, H', W']",
    .kinks = "at places of elements, where the weights turn, and where border or reflection begins",
    .backward = sample_backward,
    .backward_fused = sample_backward_fused,
    .again = sample_again,
    .call = grid_sample_call,
    .samples =
        (const char *const[]){ "grid_sample(f(2, 2, 3, 4), f(2, 2, 3, 2, lo=-1, hi=1))",
                               "grid_sample(f(1, 2, 3, 4), f(1, 3, 3, 2), align_corners=True)",
                               "grid_sample(f(1, 2, 4, 3), f(1, 3, 4, 2), padding_mode='border')",
                               "grid_sample(f(1, 2, 4, 3), f(1, 3, 4, 2), padding_mode='border', align_corners=True)",
                               "grid_sample(f(1, 1, 4, 3), f(1, 3, 4, 2, lo=-4, hi=4), padding_mode='reflection')",
                               "grid_sample(f(1, 1, 4, 3), f(1, 3, 4, 2, lo=-4, hi=4), padding_mode='reflection', "
                               "align_corners=True)",
                               "grid_sample(f(1, 2, 4, 3), f(1, 3, 4, 2, lo=-2, hi=2), 'nearest', 'border')",
                               "grid_sample(f(1, 3, 2, 5), f(1, 17, 17, 2, lo=-2, hi=2))",
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
