/* unfold.c: sliding windows laid out: images as columns and back, and any dimension's slices as a view.
 *
 * Each op's gradient is another one of the four: unfold and fold are transposes, a view of slices adds up what flows to
 * each of them. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "conv_impl.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"

#include <inttypes.h>

/* ---- unfold and fold ---- */

/* As it stands on the tape. */
typedef struct windows {
    tgi_conv sizes; /* of one image in the call; `batch` is set when it runs */
    bool batched;
} windows;

/* INT64_MAX, which no tensor has, when that is more. */
static int64_t product(int64_t a, int64_t b)
{
    int64_t y;
    return __builtin_mul_overflow(a, b, &y) ? INT64_MAX : y;
}

static tg_shape columns_shape(const windows *w)
{
    const tgi_conv *s = &w->sizes;
    const int64_t rows = product(s->c, s->kh * s->kw), count = product(s->oh, s->ow);
    return w->batched ? tg_shape(s->batch, rows, count) : tg_shape(rows, count);
}

static tg_shape image_shape(const windows *w)
{
    const tgi_conv *s = &w->sizes;
    return w->batched ? tg_shape(s->batch, s->c, s->h, s->w) : tg_shape(s->c, s->h, s->w);
}

/* The windows of x as columns, or, of fold, their sum. */
static tg_tensor *laid_out(const tg_op *op, tg_tensor *x, const windows *w)
{
    const bool fold = op == &tgi_op_fold;
    const tg_shape shape = fold ? image_shape(w) : columns_shape(w);
    if (!tg_op_begin(NULL, op, tg_list(x)) || tgi_op_numel(op, tg_list(x), &shape) < 0) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y) return NULL;
    if (y->numel > 0) {
        tg_tensor *c = tgi_own_contiguous(x);
        if (!c) return NULL;
        const tgi_conv_kernels *k = TGI_KERNELS(conv);
        (fold ? k->fold : k->unfold)[x->dtype](&w->sizes, tgi_ptr(c), tgi_ptr(y));
        tgi_unref(c);
    }
    return tg_record(op, tg_list(x), tg_list(y), TG_NONE, w, sizeof *w) == TG_OK ? y : NULL;
}

static void unfold_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, laid_out(&tgi_op_fold, tg_grad_output(ctx, 0), tg_attributes(ctx)));
}

static void fold_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, laid_out(&tgi_op_unfold, tg_grad_output(ctx, 0), tg_attributes(ctx)));
}

#define FAIL(...) (tg_op_fail(op, tg_list(x), __VA_ARGS__), false)

static bool read_pair(const tg_op *op, tg_tensor *x, const char *name, const tg_shape *list, int64_t *h, int64_t *w)
{
    if (list->ndim != 1 && list->ndim != 2)
        return FAIL("It is expected %s equals to 2, but got size %d", name, list->ndim);
    *h = list->dims[0];
    *w = list->dims[list->ndim - 1];
    if (*h > INT32_MAX || *w > INT32_MAX || *h < INT32_MIN || *w < INT32_MIN) return FAIL("%s is too large", name);
    return true;
}

/* The taps, strides and paddings. */
static bool read_windows(const tg_op *op, tg_tensor *x, const tg_shape *kernel_size, const tg_unfold_options *o,
                         windows *w)
{
    tgi_conv *s = &w->sizes;
    if (!read_pair(op, x, "kernel_size", kernel_size, &s->kh, &s->kw) ||
        !read_pair(op, x, "dilation", &o->dilation, &s->dilation_h, &s->dilation_w) ||
        !read_pair(op, x, "padding", &o->padding, &s->pad_h, &s->pad_w) ||
        !read_pair(op, x, "stride", &o->stride, &s->stride_h, &s->stride_w))
        return false;
    if (s->kh <= 0 || s->kw <= 0)
        return FAIL("kernel size should be greater than zero, but got kernel_height: %" PRId64
                    " kernel_width: %" PRId64,
                    s->kh, s->kw);
    if (s->dilation_h <= 0 || s->dilation_w <= 0)
        return FAIL("dilation should be greater than zero, but got dilation_height: %" PRId64
                    " dilation_width: %" PRId64,
                    s->dilation_h, s->dilation_w);
    if (s->pad_h < 0 || s->pad_w < 0)
        return FAIL("padding should be non-negative, but got pad_height: %" PRId64 " pad_width: %" PRId64, s->pad_h,
                    s->pad_w);
    if (s->stride_h <= 0 || s->stride_w <= 0)
        return FAIL("stride should be greater than zero, but got stride_height: %" PRId64 " stride_width: %" PRId64,
                    s->stride_h, s->stride_w);
    return true;
}

static int64_t windows_along(int64_t size, int64_t pad, int64_t taps, int64_t dilation, int64_t stride)
{
    const int64_t room = size + 2 * pad - (dilation * (taps - 1) + 1);
    return room < 0 ? (room + 1) / stride - (room + 1 < 0 && (room + 1) % stride != 0) : room / stride + 1;
}

static void count_windows(tgi_conv *s)
{
    s->oh = windows_along(s->h, s->pad_h, s->kh, s->dilation_h, s->stride_h);
    s->ow = windows_along(s->w, s->pad_w, s->kw, s->dilation_w, s->stride_w);
}

static bool unfold_ok(const tg_op *op, tg_tensor *x, windows *w)
{
    tgi_conv *s = &w->sizes;
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(x);
    bool fits = x->ndim == 3 || x->ndim == 4;
    for (int d = x->ndim - 3; fits && d < x->ndim; d++) fits = x->dims[d] != 0;
    if (!fits)
        return FAIL(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            "input, but got: %s",
            tg_shape_text(&shape, text));
    w->batched = x->ndim == 4;
    s->batch = w->batched ? x->dims[0] : 1;
    s->c = x->dims[x->ndim - 3];
    s->h = x->dims[x->ndim - 2];
    s->w = x->dims[x->ndim - 1];
    count_windows(s);
    if (s->oh < 1 || s->ow < 1)
        return FAIL("Given input with spatial size (%" PRId64 ", %" PRId64 "), kernel_size=(%" PRId64 ", %" PRId64
                    "), dilation=(%" PRId64 ", %" PRId64 "), padding=(%" PRId64 ", %" PRId64
                    "), calculated shape of the array of sliding blocks as (%" PRId64 ", %" PRId64
                    "), but its components must be at least one.",
                    s->h, s->w, s->kh, s->kw, s->dilation_h, s->dilation_w, s->pad_h, s->pad_w, s->oh, s->ow);
    return tgi_floating_ok(op, x, "im2col_out_cpu");
}

static bool fold_ok(const tg_op *op, tg_tensor *x, windows *w)
{
    tgi_conv *s = &w->sizes;
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(x);
    if ((x->ndim != 2 && x->ndim != 3) || x->dims[x->ndim - 2] == 0 || x->dims[x->ndim - 1] == 0)
        return FAIL(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            "input, but got: %s",
            tg_shape_text(&shape, text));
    w->batched = x->ndim == 3;
    s->batch = w->batched ? x->dims[0] : 1;
    const int64_t rows = x->dims[x->ndim - 2], count = x->dims[x->ndim - 1];
    if (rows % (s->kh * s->kw) != 0)
        return FAIL("Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
                    "input.size(1)=%" PRId64 " and kernel_size=(%" PRId64 ", %" PRId64 ").",
                    rows, s->kh, s->kw);
    s->c = rows / (s->kh * s->kw);
    count_windows(s);
    if (count != product(s->oh, s->ow) || s->oh < 1)
        return FAIL("Given output_size=(%" PRId64 ", %" PRId64 "), kernel_size=(%" PRId64 ", %" PRId64
                    "), dilation=(%" PRId64 ", %" PRId64 "), padding=(%" PRId64 ", %" PRId64 "), stride=(%" PRId64
                    ", %" PRId64
                    "), expected size of input's dimension 2 to match the calculated number of sliding blocks %" PRId64
                    " * %" PRId64 " = %" PRId64 ", but got input.size(2)=%" PRId64 ".",
                    s->h, s->w, s->kh, s->kw, s->dilation_h, s->dilation_w, s->pad_h, s->pad_w, s->stride_h,
                    s->stride_w, s->oh, s->ow, product(s->oh, s->ow), count);
    return tgi_floating_ok(op, x, "col2im_out_cpu");
}

tg_tensor *tg_unfold_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_unfold_options options)
{
    const tg_op *op = &tgi_op_unfold;
    windows w = { 0 };
    if (!tg_op_begin(where, op, tg_list(input)) || !read_windows(op, input, &kernel_size, &options, &w)) return NULL;
    return unfold_ok(op, input, &w) ? laid_out(op, input, &w) : NULL;
}

tg_tensor *tg_fold_at(const char *where, tg_tensor *input, tg_shape output_size, tg_shape kernel_size,
                      tg_unfold_options options)
{
    const tg_op *op = &tgi_op_fold;
    windows w = { 0 };
    if (!tg_op_begin(where, op, tg_list(input)) ||
        !read_pair(op, input, "output_size", &output_size, &w.sizes.h, &w.sizes.w) ||
        !read_windows(op, input, &kernel_size, &options, &w))
        return NULL;
    return fold_ok(op, input, &w) ? laid_out(op, input, &w) : NULL;
}

static tg_unfold_options options_of(const tg_value *v)
{
    return (tg_unfold_options){ v[0].as.ints, v[1].as.ints, v[2].as.ints, { 0 } };
}

static tg_tensor_list laid_out_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(laid_out(tg_node_op(node), inputs.items[0], tg_node_attributes(node)));
}

static tg_tensor_list unfold_call(const tg_value *v)
{
    return tgi_result(tg_unfold_at(TG_HERE, v[0].as.tensor, v[1].as.ints, options_of(v + 2)));
}

static tg_tensor_list fold_call(const tg_value *v)
{
    return tgi_result(tg_fold_at(TG_HERE, v[0].as.tensor, v[1].as.ints, v[2].as.ints, options_of(v + 3)));
}

const tg_op tgi_op_unfold = {
    .name = "unfold",
    .schema =
        "unfold(Tensor input, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, int[2] stride=1) -> Tensor",
    .formula =
        "y[n, c R S + r S + s, i W' + j] = x[n, c, i stride - padding + r dilation, j stride - padding + s dilation]",
    .gradient = "dx = fold(g)",
    .doc =
        "The windows of images as columns (im2col): torch.nn.functional.unfold. torch.Tensor.unfold is tensor_unfold.",
    .shapes = "[N, C, H, W] to [N, C R S, windows]",
    .backward = unfold_backward,
    .call = unfold_call,
    .again = laid_out_again,
    .samples = (const char *const[]){ "unfold(f(2, 3, 4, 3), 2)", "unfold(f(2, 5, 4), [2, 3])",
                                      "unfold(f(2, 2, 5, 4), [3, 2], dilation=[1, 2], padding=[2, 1], stride=[2, 1])",
                                      "unfold(f(1, 1, 3, 3), 1, stride=2)", "unfold(f(0, 3, 5, 5), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "unfold(f(2, 2, 3, 5, 5), 2)",
              "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but "
              "got: [2, 2, 3, 5, 5]" },
            { "unfold(f(2, 3, 5, 5), 6)",
              "Given input with spatial size (5, 5), kernel_size=(6, 6), dilation=(1, 1), padding=(0, 0), calculated shape "
              "of the array of sliding blocks as (0, 0), but its components must be at least one." },
            { "unfold(f(2, 3, 5, 5), 2, stride=0)",
              "stride should be greater than zero, but got stride_height: 0 stride_width: 0" },
            { "unfold(f(2, 3, 5, 5), 2, dilation=0)",
              "dilation should be greater than zero, but got dilation_height: 0 dilation_width: 0" },
            { "unfold(f(2, 3, 5, 5), 0)",
              "kernel size should be greater than zero, but got kernel_height: 0 kernel_width: 0" },
            { "unfold(f(2, 3, 5, 5), 2, padding=-1)",
              "padding should be non-negative, but got pad_height: -1 pad_width: -1" },
            { "unfold(f(2, 3, 5, 5), [2, 2, 2])", "It is expected kernel_size equals to 2, but got size 3" },
            { "unfold(i(2, 3, 5, 5), 2)", "\"im2col_out_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};

const tg_op tgi_op_fold = {
    .name = "fold",
    .schema = "fold(Tensor input, int[2] output_size, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, int[2] "
              "stride=1) -> Tensor",
    .formula = "y = zeros, to which each column is added where unfold would have taken it",
    .gradient = "dx = unfold(g)",
    .doc = "Columns added up to images (col2im): the transpose of unfold.",
    .shapes = "[N, C R S, windows] to [N, C, *output_size]",
    .backward = fold_backward,
    .call = fold_call,
    .again = laid_out_again,
    .samples =
        (const char *const[]){ "fold(f(2, 8, 6), [4, 3], 2)", "fold(f(12, 8), [5, 4], [2, 3])",
                               "fold(f(2, 6, 16), [5, 4], [3, 2], dilation=[1, 2], padding=[2, 1], stride=[2, 1])",
                               "fold(f(2, 4, 4), 5, 2, stride=3)", "fold(f(0, 12, 16), 5, 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "fold(f(2, 13, 16), [5, 5], 2)",
              "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
              "input.size(1)=13 and kernel_size=(2, 2)." },
            { "fold(f(2, 12, 15), [5, 5], 2)",
              "Given output_size=(5, 5), kernel_size=(2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1), expected size of "
              "input's dimension 2 to match the calculated number of sliding blocks 4 * 4 = 16, but got input.size(2)=15." },
            { "fold(f(2, 12, 16), [1, 1], 2)", "the calculated number of sliding blocks 0 * 0 = 0, but got" },
            { "fold(f(16), [5, 5], 2)",
              "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, "
              "but got: [16]" },
            { "fold(f(2, 12, 16), [5, 5, 5], 2)", "It is expected output_size equals to 2, but got size 3" },
            { "fold(i(2, 12, 16), [5, 5], 2)", "\"col2im_out_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};

/* ---- slices of a dimension as a view ---- */

typedef struct slices {
    int dim; /* of the tensor; a 0-d one has none */
    int64_t size, step;
} slices;

static bool slices_ok(const tg_op *op, tg_tensor *x, const tg_shape *shape, int64_t dimension, slices *s)
{
    s->dim = tgi_op_dim(op, tg_list(x), dimension, shape->ndim);
    if (s->dim < 0) return false;
    const int64_t length = shape->ndim ? shape->dims[s->dim] : 1;
    if (s->size < 0) return FAIL("size is %" PRId64 " but must be >= 0", s->size);
    if (s->size > length)
        return FAIL("maximum size for tensor at dimension %d is %" PRId64 " but size is %" PRId64, s->dim, length,
                    s->size);
    if (s->step <= 0) return FAIL("step is %" PRId64 " but must be > 0", s->step);
    return tgi_op_can_grow(op, tg_list(x), shape->ndim);
}

static tgi_layout sliced(tgi_layout layout, const slices *s)
{
    const int last = layout.ndim++;
    layout.dims[last] = s->size;
    layout.strides[last] = last ? layout.strides[s->dim] : 1;
    if (last) {
        layout.dims[s->dim] = (layout.dims[s->dim] - s->size) / s->step + 1;
        if (__builtin_mul_overflow(layout.strides[s->dim], s->step, &layout.strides[s->dim]))
            layout.strides[s->dim] = 1;
    }
    return layout;
}

tg_tensor *tg_tensor_unfold_at(const char *where, tg_tensor *t, int64_t dimension, int64_t size, int64_t step)
{
    const tg_op *op = &tgi_op_tensor_unfold;
    slices s = { 0, size, step };
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    const tg_shape shape = tgi_shape(t);
    if (!slices_ok(op, t, &shape, dimension, &s)) return NULL;
    const tgi_layout layout = sliced(tgi_layout_of(t), &s);
    return tgi_record_view(op, t, &layout, &s, sizeof s);
}

/* Zeros of `shape` with g's slices added, those of one index of the slice at a time: they do not overlap. */
static tg_tensor *added_up(tg_tensor *g, const tg_shape *shape, const slices *s)
{
    const tg_op *op = &tgi_op_tensor_unfold_backward;
    if (!tg_op_begin(NULL, op, tg_list(g))) return NULL;
    tg_tensor *y = tgi_new_full(shape, (tg_dtype)g->dtype, 0);
    if (!y) return NULL;
    const tgi_loop add = TGI_ROW(pointwise, add)->forward[g->dtype];
    const tgi_layout all = sliced(tgi_layout_of(y), s), from = tgi_layout_of(g);
    for (int64_t i = 0; i < s->size && g->numel > 0; i++) {
        tgi_layout to = all, part = from;
        tgi_layout_select(&to, all.ndim - 1, i);
        tgi_layout_select(&part, from.ndim - 1, i);
        tg_tensor *a = tgi_own(tgi_new_view(y, to.ndim, to.dims, to.strides, to.offset));
        tg_tensor *b = a ? tgi_own(tgi_new_view(g, part.ndim, part.dims, part.strides, part.offset)) : NULL;
        if (b) tgi_iterate(add, 3, (tg_tensor *[]){ a, a, b });
        const bool ok = b != NULL;
        tgi_unref(a);
        tgi_unref(b);
        if (!ok) return NULL;
    }
    return tg_record(op, tg_list(g), tg_list(y), TG_NONE, s, sizeof *s) == TG_OK ? y : NULL;
}

static void tensor_unfold_backward(tg_context *ctx)
{
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (g) tg_set_grad_input(ctx, 0, added_up(g, &shape, tg_attributes(ctx)));
}

static void tensor_unfold_backward_backward(tg_context *ctx)
{
    const slices *s = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_tensor_unfold(tg_grad_output(ctx, 0), s->dim, s->size, s->step));
}

static tg_tensor_list tensor_unfold_again(const tg_node *node, tg_tensor_list inputs)
{
    const slices *s = tg_node_attributes(node);
    return tgi_result(tg_tensor_unfold(inputs.items[0], s->dim, s->size, s->step));
}

static tg_tensor_list tensor_unfold_backward_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_shape shape = tg_node_output_shape(node, 0);
    return tgi_result(added_up(inputs.items[0], &shape, tg_node_attributes(node)));
}

static tg_tensor_list tensor_unfold_call(const tg_value *v)
{
    return tgi_result(tg_tensor_unfold_at(TG_HERE, v[0].as.tensor, v[1].as.integer, v[2].as.integer, v[3].as.integer));
}

static tg_tensor_list tensor_unfold_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_tensor_unfold_backward;
    tg_tensor *x = v[0].as.tensor;
    slices s = { 0, v[3].as.integer, v[4].as.integer };
    if (!tg_op_begin(NULL, op, tg_list(x)) || !tgi_op_list_fits(op, tg_list(x), &v[1].as.ints)) return tg_list_failed();
    if (!slices_ok(op, x, &v[1].as.ints, v[2].as.integer, &s) || tgi_op_numel(op, tg_list(x), &v[1].as.ints) < 0)
        return tg_list_failed();
    tgi_layout whole = { .ndim = v[1].as.ints.ndim };
    for (int d = 0; d < whole.ndim; d++) whole.dims[d] = v[1].as.ints.dims[d];
    whole = sliced(whole, &s);
    tg_shape want = { whole.ndim, { 0 } };
    const tg_shape have = tgi_shape(x);
    for (int d = 0; d < want.ndim; d++) want.dims[d] = whole.dims[d];
    char text[TG_SHAPE_TEXT];
    if (!tg_shape_equal(&want, &have))
        return tgi_result(tg_op_fail(op, tg_list(x), "the slices have shape %s, which grad_output must have, too",
                                     tg_shape_text(&want, text)));
    return tgi_result(added_up(x, &v[1].as.ints, &s));
}

const tg_op tgi_op_tensor_unfold = {
    .name = "tensor_unfold",
    .schema = "tensor_unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)",
    .formula = "y[.., i, .., j] = x[.., i step + j, ..]",
    .gradient = "dx = zeros, to which each slice's g is added",
    .doc = "All slices of a dimension, as a view with their elements in a new last dimension: torch.Tensor.unfold.",
    .shapes = "[.., L, ..] to [.., (L - size) / step + 1, .., size]",
    .backward = tensor_unfold_backward,
    .call = tensor_unfold_call,
    .again = tensor_unfold_again,
    .samples = (const char *const[]){ "tensor_unfold(f(5), 0, 2, 1)", "tensor_unfold(f(3, 7), -1, 3, 2)",
                                      "tensor_unfold(f(7, 2), 0, 2, 3)", "tensor_unfold(f(5), 0, 0, 1)",
                                      "tensor_unfold(f(), 0, 1, 1)", "tensor_unfold(f(0, 3), 1, 2, 1)",
                                      "tensor_unfold(tensor_unfold(f(4, 4), 0, 2, 1), 1, 3, 1)",
                                      "tensor_unfold(b(3, 4), 1, 2, 2)", NULL },
    .errors = (const tg_error_sample[]){ { "tensor_unfold(f(5), 0, 6, 1)",
                                           "maximum size for tensor at dimension 0 is 5 but size is 6" },
                                         { "tensor_unfold(f(5), 0, 2, 0)", "step is 0 but must be > 0" },
                                         { "tensor_unfold(f(5), 1, 2, 1)",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
                                         { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "tensor_unfold(f(5), 0, -1, 1)", "size is -1 but must be >= 0" }, { NULL, NULL } },
};

const tg_op tgi_op_tensor_unfold_backward = {
    .name = "tensor_unfold_backward",
    .schema =
        "tensor_unfold_backward(Tensor grad_output, int[] input_sizes, int dimension, int size, int step) -> Tensor",
    .formula = "y = zeros(input_sizes); y[.., i step + j, ..] += grad_output[.., i, .., j]",
    .gradient = "dgrad_output = tensor_unfold(g)",
    .doc = "The gradient of tensor_unfold.",
    .shapes = "[.., (L - size) / step + 1, .., size] to [.., L, ..]",
    .backward = tensor_unfold_backward_backward,
    .usage = "",
    .call = tensor_unfold_backward_call,
    .again = tensor_unfold_backward_again,
    .samples = (const char *const[]){ "tensor_unfold_backward(f(4, 2), [5], 0, 2, 1)",
                                      "tensor_unfold_backward(f(2, 3, 3), [2, 7], 1, 3, 2)", NULL },
    .own_errors = (const tg_error_sample[]){ { "tensor_unfold_backward(f(4, 3), [5], 0, 2, 1)",
                                               "the slices have shape [4, 2], which grad_output must have, too" },
                                             { NULL, NULL } },
};
