/* split.c: tensor_split and its relatives for rows, columns and depth: views, cut as split cuts. */
#include "ops/base/call.h"
#include "join_impl.h"
#include "ops/base/layout.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- tensor_split ---- */

static tg_tensor_list tensor_split_call(const tg_value *v)
{
    return tg_tensor_split(v[0].as.tensor, v[1].as.integer, v[2].as.integer);
}
static tg_tensor_list tensor_split_indices_call(const tg_value *v)
{
    return tg_tensor_split_indices(v[0].as.tensor, v[1].as.ints, v[2].as.integer);
}

const tg_op tgi_op_tensor_split = {
    .name = "tensor_split",
    .schema = "tensor_split(Tensor(a) self, int sections, int dim=0) -> Tensor(a)[]",
    .formula = "y = sections pieces of dimension dim; the first size mod sections are one longer than the others",
    .gradient = "dself = cat(g, dim)",
    .doc = "pieces as equal as can be: views",
    .usage = "tg_tensor_split(self, sections, dim)",
    .composite = true,
    .call = tensor_split_call,
    .samples = (const char *const[]){ "tensor_split(f(7, 2), 3)", "tensor_split(f(2, 6), 3, 1)",
                                      "tensor_split(f(3), 5, -1)", "tensor_split(f(0, 2), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "tensor_split(f(4), 0)", "number of sections must be larger than 0, got 0" },
            { "tensor_split(f(), 2)",
              "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims" },
            { "tensor_split(f(4), 2, 1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { NULL, NULL } },
};

const tg_op tgi_op_tensor_split_indices = {
    .name = "tensor_split_indices",
    .schema = "tensor_split_indices(Tensor(a) self, int[] indices, int dim=0) -> Tensor(a)[]",
    .formula = "y[k] = slice(self, dim, indices[k - 1], indices[k]), from the start and to the end",
    .gradient = "dself = the sum of g, each where it came from",
    .doc = "PyTorch's tensor_split at indices: views; indices count and are clamped as those of slices",
    .usage = "tg_tensor_split_indices(self, tg_shape(indices), dim)",
    .composite = true,
    .call = tensor_split_indices_call,
    .samples =
        (const char *const[]){ "tensor_split_indices(f(7, 2), [1, 4])", "tensor_split_indices(f(2, 6), [2, 2, 9], 1)",
                               "tensor_split_indices(f(5), [3, 1, -1])", "tensor_split_indices(f(5), [-2])",
                               "tensor_split_indices(f(5), [])", "tensor_split_indices(f(0, 2), [0])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "tensor_split_indices(f(), [2])",
              "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims" },
            { "tensor_split_indices(f(4), [2], 1)",
              "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { NULL, NULL } },
};

/* The dimension, or -1 and an error. */
static int split_dim(const tg_op *op, tg_tensor *t, int64_t dim)
{
    if (t->ndim) return tgi_op_dim(op, tg_list(t), dim, t->ndim);
    tg_op_fail(op, tg_list(t), "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
    return -1;
}

static tg_tensor_list split_sections(const tg_op *op, tg_tensor *t, int64_t sections, int dim)
{
    if (sections <= 0)
        return tgi_result(
            tg_op_fail(op, tg_list(t), "number of sections must be larger than 0, got %" PRId64, sections));
    return tgi_cut_evenly(t, dim, sections);
}

static int64_t clamped(int64_t index, int64_t size)
{
    if (index < 0) index += size;
    return index < 0 ? 0 : index > size ? size : index;
}

/* Pieces that follow each other have one node; others may overlap, and are slices. */
static tg_tensor_list split_indices(tg_tensor *t, const tg_shape *indices, int dim)
{
    const int count = indices->ndim + 1;
    int64_t sizes[TG_MAX_DIMS + 1], last = 0;
    bool rising = true;
    for (int k = 0; k < count; k++) {
        const int64_t end = k < indices->ndim ? clamped(indices->dims[k], t->dims[dim]) : t->dims[dim];
        sizes[k] = end - last;
        rising &= end >= last;
        last = end;
    }
    if (rising) return tgi_cut(t, dim, count, sizes);
    tg_tensor **pieces = tg_list_new(count);
    for (int k = 0; k < count && pieces; k++) {
        pieces[k] = tg_slice(t, dim, k ? indices->dims[k - 1] : 0, k < indices->ndim ? indices->dims[k] : INT64_MAX);
        if (!pieces[k]) return tg_list_failed();
    }
    return pieces ? tg_list_of(pieces, count) : tg_list_failed();
}

tg_tensor_list tg_tensor_split_at(const char *where, tg_tensor *t, int64_t sections, int64_t dim)
{
    const tg_op *op = &tgi_op_tensor_split;
    const int d = tg_op_begin(where, op, tg_list(t)) ? split_dim(op, t, dim) : -1;
    return d < 0 ? tg_list_failed() : split_sections(op, t, sections, d);
}

tg_tensor_list tg_tensor_split_indices_at(const char *where, tg_tensor *t, tg_shape indices, int64_t dim)
{
    const tg_op *op = &tgi_op_tensor_split_indices;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &indices)) return tg_list_failed();
    const int d = split_dim(op, t, dim);
    return d < 0 ? tg_list_failed() : split_indices(t, &indices, d);
}

/* ---- hsplit, vsplit, dsplit ---- */

static tg_tensor_list hsplit_call(const tg_value *v) { return tg_hsplit(v[0].as.tensor, v[1].as.integer); }
static tg_tensor_list vsplit_call(const tg_value *v) { return tg_vsplit(v[0].as.tensor, v[1].as.integer); }
static tg_tensor_list dsplit_call(const tg_value *v) { return tg_dsplit(v[0].as.tensor, v[1].as.integer); }
static tg_tensor_list hsplit_indices_call(const tg_value *v) { return tg_hsplit_indices(v[0].as.tensor, v[1].as.ints); }
static tg_tensor_list vsplit_indices_call(const tg_value *v) { return tg_vsplit_indices(v[0].as.tensor, v[1].as.ints); }
static tg_tensor_list dsplit_indices_call(const tg_value *v) { return tg_dsplit_indices(v[0].as.tensor, v[1].as.ints); }

#define SPLIT(name_, dimension)                                                                                        \
    .name = #name_, .schema = #name_ "(Tensor(a) self, int sections) -> Tensor(a)[]",                                  \
    .formula = "y = tensor_split(self, sections, " dimension ")", .gradient = "dself = cat(g, " dimension ")",         \
    .doc = "equal pieces along dimension " dimension ": views", .composite = true, .call = name_##_call
#define SPLIT_INDICES(name_, dimension)                                                                                \
    .name = #name_ "_indices", .schema = #name_ "_indices(Tensor(a) self, int[] indices) -> Tensor(a)[]",              \
    .formula = "y = tensor_split_indices(self, indices, " dimension ")",                                               \
    .gradient = "dself = the sum of g, each where it came from", .doc = "PyTorch's " #name_ " at indices: views",      \
    .composite = true, .call = name_##_indices_call

const tg_op tgi_op_hsplit = {
    SPLIT(hsplit, "1 (0 of a vector)"),
    .samples = (const char *const[]){ "hsplit(f(2, 6), 3)", "hsplit(f(4), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "hsplit(f(), 1)", "torch.hsplit requires a tensor with at least 1 dimension, but got a tensor with 0 "
                                "dimensions!" },
            { "hsplit(f(3, 3), 2)",
              "torch.hsplit attempted to split along dimension 1, but the size of the dimension 3 is "
              "not divisible by the split_size 2!" },
            { "hsplit(f(3), 0)",
              "torch.hsplit attempted to split along dimension 0, but the size of the dimension 3 is not "
              "divisible by the split_size 0!" },
            { NULL, NULL } },
};
const tg_op tgi_op_vsplit = {
    SPLIT(vsplit, "0"),
    .samples = (const char *const[]){ "vsplit(f(6, 2), 3)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "vsplit(f(3), 2)", "torch.vsplit requires a tensor with at least 2 dimension, but got a tensor with 1 "
                                 "dimensions!" },
            { "vsplit(f(3, 3), 2)",
              "torch.vsplit attempted to split along dimension 0, but the size of the dimension 3 is "
              "not divisible by the split_size 2!" },
            { NULL, NULL } },
};
const tg_op tgi_op_dsplit = {
    SPLIT(dsplit, "2"),
    .samples = (const char *const[]){ "dsplit(f(2, 3, 4), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "dsplit(f(3, 3), 2)", "torch.dsplit requires a tensor with at least 3 dimension, but got a tensor with 2 "
                                    "dimensions!" },
            { "dsplit(f(3, 3, 3), 2)",
              "torch.dsplit attempted to split along dimension 2, but the size of the dimension 3 "
              "is not divisible by the split_size 2!" },
            { NULL, NULL } },
};
const tg_op tgi_op_hsplit_indices = {
    SPLIT_INDICES(hsplit, "1 (0 of a vector)"),
    .samples = (const char *const[]){ "hsplit_indices(f(2, 6), [1, 4])", "hsplit_indices(f(4), [-1])", NULL },
    .errors = (const tg_error_sample[]){ { "hsplit_indices(f(), [1])",
                                           "torch.hsplit requires a tensor with at least 1 dimension" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_vsplit_indices = {
    SPLIT_INDICES(vsplit, "0"),
    .samples = (const char *const[]){ "vsplit_indices(f(6, 2), [4, 2])", NULL },
    .errors = (const tg_error_sample[]){ { "vsplit_indices(f(3), [1])",
                                           "torch.vsplit requires a tensor with at least 2 dimension" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_dsplit_indices = {
    SPLIT_INDICES(dsplit, "2"),
    .samples = (const char *const[]){ "dsplit_indices(f(2, 3, 4), [1])", NULL },
    .errors = (const tg_error_sample[]){ { "dsplit_indices(f(3, 3), [1])",
                                           "torch.dsplit requires a tensor with at least 3 dimension" },
                                         { NULL, NULL } },
};

static bool has_dims(const tg_op *op, tg_tensor *t, char letter, int ndim)
{
    if (t->ndim >= ndim) return true;
    return tg_op_fail(
        op, tg_list(t),
        "torch.%csplit requires a tensor with at least %d dimension, but got a tensor with %d dimensions!", letter,
        ndim, t->ndim);
}

static tg_tensor_list equal_pieces(const char *where, const tg_op *op, tg_tensor *t, char letter, int ndim,
                                   int64_t sections)
{
    if (!tg_op_begin(where, op, tg_list(t)) || !has_dims(op, t, letter, ndim)) return tg_list_failed();
    const int dim = letter == 'h' ? t->ndim > 1 : ndim == 3 ? 2 : 0;
    if (sections == 0 || t->dims[dim] % sections != 0)
        return tgi_result(
            tg_op_fail(op, tg_list(t),
                       "torch.%csplit attempted to split along dimension %d, but the size of the dimension "
                       "%" PRId64 " is not divisible by the split_size %" PRId64 "!",
                       letter, dim, t->dims[dim], sections));
    return split_sections(op, t, sections, dim);
}

static tg_tensor_list pieces_between(const char *where, const tg_op *op, tg_tensor *t, char letter, int ndim,
                                     tg_shape indices)
{
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &indices) ||
        !has_dims(op, t, letter, ndim))
        return tg_list_failed();
    return split_indices(t, &indices, letter == 'h' ? t->ndim > 1 : ndim == 3 ? 2 : 0);
}

tg_tensor_list tg_hsplit_at(const char *where, tg_tensor *t, int64_t sections)
{
    return equal_pieces(where, &tgi_op_hsplit, t, 'h', 1, sections);
}

tg_tensor_list tg_vsplit_at(const char *where, tg_tensor *t, int64_t sections)
{
    return equal_pieces(where, &tgi_op_vsplit, t, 'v', 2, sections);
}

tg_tensor_list tg_dsplit_at(const char *where, tg_tensor *t, int64_t sections)
{
    return equal_pieces(where, &tgi_op_dsplit, t, 'd', 3, sections);
}

tg_tensor_list tg_hsplit_indices_at(const char *where, tg_tensor *t, tg_shape indices)
{
    return pieces_between(where, &tgi_op_hsplit_indices, t, 'h', 1, indices);
}

tg_tensor_list tg_vsplit_indices_at(const char *where, tg_tensor *t, tg_shape indices)
{
    return pieces_between(where, &tgi_op_vsplit_indices, t, 'v', 2, indices);
}

tg_tensor_list tg_dsplit_indices_at(const char *where, tg_tensor *t, tg_shape indices)
{
    return pieces_between(where, &tgi_op_dsplit_indices, t, 'd', 3, indices);
}
