/* strided.c: views by strides: as_strided, which may see one element several times, and diagonal.
 *
 * The gradient of as_strided adds up where elements coincide. It goes by way of the storage: each element of the result
 * and of the input has a place there. */
#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/index/index_impl.h"
#include "ops/base/layout.h"
#include "ops/pointwise.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- as_strided ---- */

/* Where the input and the result lie in the storage. */
typedef struct strided_attributes {
    tgi_layout input, output;
} strided_attributes;

/* The place of each element in the storage, counted from `start`, in row-major order: int64 [n]. */
static tg_tensor *places_of(const tgi_layout *layout, int64_t start)
{
    int64_t count = 1, at[TG_MAX_DIMS] = { 0 }, place = layout->offset - start;
    for (int d = 0; d < layout->ndim; d++) count *= layout->dims[d];
    const tg_shape shape = tg_shape(count);
    tg_tensor *places = tgi_new(&shape, TG_INT64);
    int64_t *to = places ? tgi_ptr(places) : NULL;
    for (int64_t i = 0; to && i < count; i++) {
        to[i] = place;
        for (int d = layout->ndim - 1; d >= 0; d--) {
            place += layout->strides[d];
            if (++at[d] < layout->dims[d]) break;
            place -= at[d] * layout->strides[d];
            at[d] = 0;
        }
    }
    return places;
}

/* The first place a layout reaches and the one after its last; strides are not negative. */
static void reach(const tgi_layout *layout, int64_t *start, int64_t *end)
{
    int64_t last = layout->offset;
    for (int d = 0; d < layout->ndim; d++) {
        if (layout->dims[d] == 0) return;
        last += (layout->dims[d] - 1) * layout->strides[d];
    }
    if (layout->offset < *start) *start = layout->offset;
    if (last + 1 > *end) *end = last + 1;
}

/* Where elements of the input coincide, each gets its share. */
static void as_strided_backward(tg_context *ctx)
{
    const strided_attributes *a = tg_attributes(ctx);
    int64_t start = INT64_MAX, end = 0;
    reach(&a->input, &start, &end);
    reach(&a->output, &start, &end);
    if (start > end) start = end;
    tg_tensor *g = tg_grad_output(ctx, 0), *from = places_of(&a->output, start), *to = places_of(&a->input, start);
    if (!g || !from || !to) return tg_set_grad_input(ctx, 0, NULL);
    const tg_dtype dtype = tg_dtype_of(g);
    const tg_shape all = tg_shape(end - start);
    tg_tensor *storage = tgi_index_add_zeros(all, 0, from, tg_reshape(g, tg_shape(-1)));
    tg_tensor *times = tgi_index_add_zeros(all, 0, to, tg_ones(tgi_shape(to), .dtype = dtype));
    tg_tensor *share = tg_div(tg_index_select(storage, 0, to), tg_index_select(times, 0, to));
    tg_set_grad_input(ctx, 0, tg_reshape(share, tg_input_shape(ctx, 0)));
}

/* Whether all places of a layout differ, as far as its strides show it. */
static bool is_injective(const tgi_layout *layout)
{
    int64_t reached = 0; /* by the dimensions that are taken, from the smallest stride on */
    bool taken[TG_MAX_DIMS] = { false };
    for (int n = 0; n < layout->ndim; n++) {
        int next = -1;
        for (int d = 0; d < layout->ndim; d++)
            if (!taken[d] && (next < 0 || layout->strides[d] < layout->strides[next])) next = d;
        taken[next] = true;
        if (layout->dims[next] < 2) continue;
        if (layout->strides[next] <= reached) return false;
        reached += (layout->dims[next] - 1) * layout->strides[next];
    }
    return true;
}

/* Where nothing coincides g is copied to its places. */
static void as_strided_backward_fused(tg_context *ctx)
{
    const strided_attributes *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (!g || g->numel == 0 || !is_injective(&a->input) || !is_injective(&a->output)) {
        as_strided_backward(ctx);
        return;
    }
    int64_t start = INT64_MAX, end = 0;
    reach(&a->input, &start, &end);
    reach(&a->output, &start, &end);
    if (start > end) start = end;
    tgi_layout input = a->input, output = a->output;
    input.offset -= start;
    output.offset -= start;
    const tg_shape all = tg_shape(end - start);
    tg_tensor *storage = tgi_new_full(&all, tg_dtype_of(g), 0);
    const bool copied = storage && tgi_copy_part(storage, &output, g) == TG_OK;
    tg_tensor *view =
        copied ? tgi_own(tgi_new_view(storage, input.ndim, input.dims, input.strides, input.offset)) : NULL;
    tg_set_grad_input(ctx, 0, view ? tgi_contiguous_raw(view) : NULL);
    tgi_unref(view);
}

static tg_tensor_list as_strided_call(const tg_value *v)
{
    const int64_t offset = v[3].kind == TG_VALUE_NONE ? TG_NO_DIM : v[3].as.integer;
    return tgi_result(tg_as_strided(v[0].as.tensor, v[1].as.ints, v[2].as.ints, .storage_offset = offset));
}

const tg_op tgi_op_as_strided = {
    .name = "as_strided",
    .schema = "as_strided(Tensor(a) self, int[] size, int[] stride, int? storage_offset=None) -> Tensor(a)",
    .formula = "y[i, j] = the storage of self [storage_offset + i stride[0] + j stride[1]]",
    .gradient = "dself = the sum of g over all elements of y that are the element of self",
    .doc = "any sizes and strides of the same memory; without storage_offset from self's first element on",
    .backward = as_strided_backward,
    .backward_fused = as_strided_backward_fused,
    .call = as_strided_call,
    /* What it gives depends on the strides of self, so they are made known. */
    .samples =
        (const char *const[]){
            "as_strided(contiguous(f(3, 4)), [2, 2], [1, 2])", "as_strided(contiguous(f(3, 4)), [3, 3], [2, 1], 1)",
            "as_strided(contiguous(f(6)), [4, 3], [1, 1])",
            "as_strided(transpose(contiguous(f(3, 4)), 0, 1), [5, 2], [2, 1], 1)",
            "as_strided(contiguous(f(5)), [3], [0])", "as_strided(contiguous(f(5)), [], [], 3)",
            "as_strided(contiguous(f(5)), [0, 2], [1, 1])", "as_strided(select(contiguous(f(3, 4)), 0, 1), [2], [2])",
            "as_strided(contiguous(i(6)), [2, 2], [3, 1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "as_strided(f(4), [2], [10])",
              "setStorage: sizes [2], strides [10], storage offset 0, and itemsize 8 requiring a storage size of 88 are "
              "out of bounds for storage of size 32" },
            { "as_strided(f(4), [2], [-1])",
              "as_strided: Negative strides are not supported at the moment, got strides: [-1]" },
            { "as_strided(f(4), [2, 2], [1])", "mismatch in length of strides and shape" },
            { "as_strided(f(4), [2], [1], -1)", "Tensor: invalid storage offset -1" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "as_strided(f(4), [-2], [1])",
                                               "Trying to create tensor with negative dimension -2: [-2]" },
                                             { NULL, NULL } },
};

/* Whether every element lies in the storage. */
static bool strided_fits(tg_tensor *t, const tg_shape *size, const tg_shape *stride, int64_t offset)
{
    const tg_op *op = &tgi_op_as_strided;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const int64_t bytes = (int64_t)tgi_element_size(t);
    int64_t needed = offset, part;
    bool overflow = false, empty = false;
    for (int d = 0; d < size->ndim; d++) {
        if (size->dims[d] < 0)
            return tg_op_fail(op, tg_list(t), "Trying to create tensor with negative dimension %" PRId64 ": %s",
                              size->dims[d], tg_shape_text(size, a));
        if (stride->dims[d] < 0)
            return tg_op_fail(op, tg_list(t),
                              "as_strided: Negative strides are not supported at the moment, got strides: %s",
                              tg_shape_text(stride, a));
        empty |= size->dims[d] == 0;
        if (empty) continue;
        overflow |= __builtin_mul_overflow(size->dims[d] - 1, stride->dims[d], &part);
        overflow |= __builtin_add_overflow(needed, part, &needed);
    }
    if (offset < 0) return tg_op_fail(op, tg_list(t), "Tensor: invalid storage offset %" PRId64, offset);
    if (tgi_op_numel(op, tg_list(t), size) < 0) return false;
    overflow |= __builtin_add_overflow(needed, 1, &needed) || __builtin_mul_overflow(needed, bytes, &needed);
    if (empty || (!overflow && (size_t)needed <= t->storage->bytes)) return true;
    return tg_op_fail(op, tg_list(t),
                      "setStorage: sizes %s, strides %s, storage offset %" PRId64 ", and itemsize %" PRId64
                      " requiring a storage size of %" PRId64 " are out of bounds for storage of size %zu",
                      tg_shape_text(size, a), tg_shape_text(stride, b), offset, bytes, overflow ? INT64_MAX : needed,
                      t->storage->bytes);
}

tg_tensor *tg_as_strided_at(const char *where, tg_tensor *t, tg_shape size, tg_shape stride,
                            tg_as_strided_options options)
{
    const tg_op *op = &tgi_op_as_strided;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &size) ||
        !tgi_op_list_fits(op, tg_list(t), &stride))
        return NULL;
    if (size.ndim != stride.ndim) return tg_op_fail(op, tg_list(t), "mismatch in length of strides and shape");
    const int64_t offset = options.storage_offset == TG_NO_DIM ? t->offset : options.storage_offset;
    if (!strided_fits(t, &size, &stride, offset)) return NULL;
    strided_attributes a = { tgi_layout_of(t), { .ndim = size.ndim, .offset = offset } };
    for (int d = 0; d < size.ndim; d++) {
        a.output.dims[d] = size.dims[d];
        a.output.strides[d] = stride.dims[d];
    }
    return tgi_record_view(op, t, &a.output, &a, sizeof a);
}

/* ---- diagonal ---- */

typedef struct diagonal_attributes {
    int64_t offset;
    int dim1, dim2;
} diagonal_attributes;

/* Makes `layout` that of the diagonal, its last dimension. */
static void layout_diagonal(tgi_layout *layout, const diagonal_attributes *a)
{
    const int64_t rows = layout->dims[a->dim1], columns = layout->dims[a->dim2];
    const int64_t down = a->offset < 0 ? -a->offset : 0, right = a->offset > 0 ? a->offset : 0;
    const int64_t height = rows - down, width = columns - right;
    const int64_t length = height < width ? height : width,
                  stride = layout->strides[a->dim1] + layout->strides[a->dim2];
    if (length > 0) layout->offset += down * layout->strides[a->dim1] + right * layout->strides[a->dim2];
    int n = 0;
    for (int d = 0; d < layout->ndim; d++) {
        if (d == a->dim1 || d == a->dim2) continue;
        layout->dims[n] = layout->dims[d];
        layout->strides[n++] = layout->strides[d];
    }
    layout->dims[n] = length > 0 ? length : 0;
    layout->strides[n++] = stride;
    layout->ndim = n;
}

static void diagonal_backward(tg_context *ctx)
{
    const diagonal_attributes *a = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0,
                      tgi_on_diagonal(tg_grad_output(ctx, 0), tg_input_shape(ctx, 0), a->offset, a->dim1, a->dim2));
}

static void diagonal_backward_backward(tg_context *ctx)
{
    const diagonal_attributes *a = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0,
                      tg_diagonal(tg_grad_output(ctx, 0), .offset = a->offset, .dim1 = a->dim1, .dim2 = a->dim2));
}

static bool diagonal_dims(const tg_op *op, tg_tensor *t, int ndim, int64_t dim1, int64_t dim2, int64_t offset,
                          diagonal_attributes *a)
{
    a->dim1 = tgi_op_dim(op, tg_list(t), dim1, ndim);
    a->dim2 = a->dim1 < 0 ? -1 : tgi_op_dim(op, tg_list(t), dim2, ndim);
    if (a->dim2 < 0) return false;
    if (a->dim1 == a->dim2)
        return tg_op_fail(op, tg_list(t), "diagonal dimensions cannot be identical %" PRId64 ", %" PRId64, dim1, dim2);
    const int64_t far = INT64_MAX / 2; /* beyond any tensor, and no danger to sums */
    a->offset = offset < -far ? -far : offset > far ? far : offset;
    return true;
}

static tg_tensor_list diagonal_again(const tg_node *node, tg_tensor_list inputs)
{
    const diagonal_attributes *a = tg_node_attributes(node);
    return tgi_result(tg_diagonal(inputs.items[0], .offset = a->offset, .dim1 = a->dim1, .dim2 = a->dim2));
}

static tg_tensor_list diagonal_backward_again(const tg_node *node, tg_tensor_list inputs)
{
    const diagonal_attributes *a = tg_node_attributes(node);
    return tgi_result(tgi_on_diagonal(inputs.items[0], tg_node_output_shape(node, 0), a->offset, a->dim1, a->dim2));
}

static tg_tensor_list diagonal_call(const tg_value *v)
{
    return tgi_result(
        tg_diagonal(v[0].as.tensor, .offset = v[1].as.integer, .dim1 = v[2].as.integer, .dim2 = v[3].as.integer));
}

static tg_tensor_list diagonal_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_diagonal_backward;
    tg_tensor *g = v[0].as.tensor;
    const tg_shape whole = v[1].as.ints;
    diagonal_attributes a;
    char text[TG_SHAPE_TEXT];
    if (!tg_op_begin(NULL, op, tg_list(g)) || !tgi_op_list_fits(op, tg_list(g), &whole) ||
        tgi_op_numel(op, tg_list(g), &whole) < 0 ||
        !diagonal_dims(op, g, whole.ndim, v[3].as.integer, v[4].as.integer, v[2].as.integer, &a))
        return tg_list_failed();
    tgi_layout layout = { .ndim = whole.ndim };
    for (int d = 0; d < whole.ndim; d++) layout.dims[d] = whole.dims[d], layout.strides[d] = 0;
    layout_diagonal(&layout, &a);
    tg_shape want = { layout.ndim, { 0 } };
    for (int d = 0; d < want.ndim; d++) want.dims[d] = layout.dims[d];
    const tg_shape have = tgi_shape(g);
    if (!tg_shape_equal(&want, &have))
        return tgi_result(tg_op_fail(op, tg_list(g), "the diagonal has shape %s, which grad_output must have, too",
                                     tg_shape_text(&want, text)));
    return tgi_result(tgi_on_diagonal(g, whole, a.offset, a.dim1, a.dim2));
}

const tg_op tgi_op_diagonal = {
    .name = "diagonal",
    .schema = "diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)",
    .formula = "y[.., i] = self[.., i, .., i + offset, ..] in dimensions dim1 and dim2",
    .gradient = "dself = zeros, with g on the diagonal",
    .doc = "a diagonal of two dimensions as the last one; a view",
    .shapes = "[M, N, *] to [*, L]",
    .backward = diagonal_backward,
    .call = diagonal_call,
    .again = diagonal_again,
    .samples = (const char *const[]){ "diagonal(f(3, 4))", "diagonal(f(3, 4), 1)", "diagonal(f(4, 3), -2)",
                                      "diagonal(f(2, 3, 4), 0, 1, 2)", "diagonal(f(2, 3, 4), 1, -1, 0)",
                                      "diagonal(f(3, 3), 5)", "diagonal(f(0, 3))", "diagonal(i(3, 3), -1)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "diagonal(f(3))", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { "diagonal(f(3, 3), 0, 1, 1)", "diagonal dimensions cannot be identical 1, 1" },
            { "diagonal(f(3, 3), 0, 0, -2)", "diagonal dimensions cannot be identical 0, -2" },
            { "diagonal(f(3, 3), 0, 2, 1)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
};

const tg_op tgi_op_diagonal_backward = {
    .name = "diagonal_backward",
    .schema = "diagonal_backward(Tensor grad_output, int[] input_sizes, int offset, int dim1, int dim2) -> Tensor",
    .formula = "y = zeros(input_sizes); its diagonal = grad_output",
    .gradient = "dgrad_output = diagonal(g, offset, dim1, dim2)",
    .doc = "the gradient of diagonal",
    .usage = "",
    .backward = diagonal_backward_backward,
    .call = diagonal_backward_call,
    .again = diagonal_backward_again,
    .samples = (const char *const[]){ "diagonal_backward(f(2), [3, 4], -1, 0, 1)",
                                      "diagonal_backward(f(3, 2), [2, 3, 4], 1, 0, 2)", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "diagonal_backward(f(3), [3, 4], -1, 0, 1)", "the diagonal has shape [2]" },
                                   { NULL, NULL } },
};

tg_tensor *tg_diagonal_at(const char *where, tg_tensor *t, tg_diagonal_options options)
{
    const tg_op *op = &tgi_op_diagonal;
    diagonal_attributes a;
    if (!tg_op_begin(where, op, tg_list(t)) ||
        !diagonal_dims(op, t, t->ndim, options.dim1, options.dim2, options.offset, &a))
        return NULL;
    tgi_layout layout = tgi_layout_of(t);
    layout_diagonal(&layout, &a);
    return tgi_record_view(op, t, &layout, &a, sizeof a);
}

tg_tensor *tgi_on_diagonal(tg_tensor *diagonal, tg_shape shape, int64_t offset, int dim1, int dim2)
{
    const tg_op *op = &tgi_op_diagonal_backward;
    const diagonal_attributes a = { offset, dim1, dim2 };
    tg_tensor *y = diagonal ? tgi_new_full(&shape, (tg_dtype)diagonal->dtype, 0) : NULL;
    if (!y) return NULL;
    tgi_layout layout = tgi_layout_of(y);
    layout_diagonal(&layout, &a);
    if (tgi_copy_part(y, &layout, diagonal) != TG_OK) return NULL;
    return tg_record(op, tg_list(diagonal), tg_list(y), TG_NONE, &a, sizeof a) == TG_OK ? y : NULL;
}
