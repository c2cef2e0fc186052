/* view_more.c: views that other views are made into: each checks in PyTorch's words and hands on. */
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- the shape of another tensor ---- */

static tg_tensor_list view_as_call(const tg_value *v) { return tgi_result(tg_view_as(v[0].as.tensor, v[1].as.tensor)); }
static tg_tensor_list expand_as_call(const tg_value *v)
{
    return tgi_result(tg_expand_as(v[0].as.tensor, v[1].as.tensor));
}
static tg_tensor_list broadcast_to_call(const tg_value *v)
{
    return tgi_result(tg_broadcast_to(v[0].as.tensor, v[1].as.ints));
}

const tg_op tgi_op_view_as = {
    .name = "view_as",
    .schema = "view_as(Tensor(a) self, Tensor other) -> Tensor(a)",
    .formula = "y = view(self, other.shape)",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "another tensor's shape for the same memory",
    .composite = true,
    .call = view_as_call,
    .samples = (const char *const[]){ "view_as(contiguous(f(2, 6)), b(3, 4))", "view_as(f(), b(1, 1))",
                                      "view_as(f(0, 3), b(0))", NULL },
    .errors = (const tg_error_sample[]){ { "view_as(f(4), f(3))", "shape '[3]' is invalid for input of size 4" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_expand_as = {
    .name = "expand_as",
    .schema = "expand_as(Tensor(a) self, Tensor other) -> Tensor(a)",
    .formula = "y = self broadcast to other.shape",
    .gradient = "dself = g summed over the dimensions that were stretched",
    .doc = "sizes of 1 stretched to another tensor's without a copy",
    .composite = true,
    .call = expand_as_call,
    .samples = (const char *const[]){ "expand_as(f(2, 1), b(2, 3))", "expand_as(f(3), b(2, 3))", "expand_as(f(), b(2))",
                                      "expand_as(f(1), b(0))", NULL },
    .errors = (const tg_error_sample[]){ { "expand_as(f(4), f(3))",
                                           "The expanded size of the tensor (3) must match the existing size (4) at "
                                           "non-singleton dimension 0.  Target sizes: [3].  Tensor sizes: [4]" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_broadcast_to = {
    .name = "broadcast_to",
    .schema = "broadcast_to(Tensor(a) self, int[] size) -> Tensor(a)",
    .formula = "y = self broadcast to shape size",
    .gradient = "dself = g summed over the dimensions that were stretched",
    .doc = "another name of expand",
    .composite = true,
    .call = broadcast_to_call,
    .samples = (const char *const[]){ "broadcast_to(f(2, 1), [2, 3])", "broadcast_to(f(3), [2, -1])",
                                      "broadcast_to(f(), [2])", "broadcast_to(f(1), [0])", NULL },
    .errors = (const tg_error_sample[]){ { "broadcast_to(f(4), [3])",
                                           "The expanded size of the tensor (3) must match the existing size (4) at "
                                           "non-singleton dimension 0.  Target sizes: [3].  Tensor sizes: [4]" },
                                         { NULL, NULL } },
};

tg_tensor *tg_view_as_at(const char *where, tg_tensor *t, tg_tensor *other)
{
    return tg_op_begin(where, &tgi_op_view_as, tg_list(t, other)) ? tg_view(t, tgi_shape(other)) : NULL;
}

tg_tensor *tg_expand_as_at(const char *where, tg_tensor *t, tg_tensor *other)
{
    return tg_op_begin(where, &tgi_op_expand_as, tg_list(t, other)) ? tg_expand(t, tgi_shape(other)) : NULL;
}

tg_tensor *tg_broadcast_to_at(const char *where, tg_tensor *t, tg_shape shape)
{
    return tg_op_begin(where, &tgi_op_broadcast_to, tg_list(t)) ? tg_expand(t, shape) : NULL;
}

/* ---- unflatten and ravel ---- */

static tg_tensor_list unflatten_call(const tg_value *v)
{
    return tgi_result(tg_unflatten(v[0].as.tensor, v[1].as.integer, v[2].as.ints));
}
static tg_tensor_list ravel_call(const tg_value *v) { return tgi_result(tg_ravel(v[0].as.tensor)); }

const tg_op tgi_op_unflatten = {
    .name = "unflatten",
    .schema = "unflatten(Tensor(a) self, int dim, int[] sizes) -> Tensor(a)",
    .formula = "y = self with dimension dim cut into dimensions sizes",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "one dimension made several, in row-major order; one size may be -1",
    .composite = true,
    .call = unflatten_call,
    .samples = (const char *const[]){ "unflatten(f(6, 2), 0, [2, 3])", "unflatten(f(2, 6), -1, [-1, 2])",
                                      "unflatten(f(2, 4, 3), 1, [2, 1, 2])", "unflatten(f(4), 0, [4])",
                                      "unflatten(f(0, 2), 0, [0, 3])", "unflatten(transpose(f(4, 3), 0, 1), 1, [2, 2])",
                                      NULL },
    .errors =
        (const tg_error_sample[]){
            { "unflatten(f(4), 0, [3, 2])",
              "unflatten: Provided sizes [3, 2] don't multiply up to the size of dim 0 (4) in the input tensor" },
            { "unflatten(f(4), 0, [-1, 3])",
              "unflatten: Provided sizes [-1, 3] don't multiply up to the size of dim 0 (4) in the input tensor" },
            { "unflatten(f(4), 0, [])", "unflatten: sizes must be non-empty" },
            { "unflatten(f(4), 0, [-1, -1])", "only one dimension can be inferred" },
            { "unflatten(f(6), 0, [-2, 3])", "invalid shape dimension -2" },
            { "unflatten(f(), 0, [1, 1])", "Dimension specified as 0 but tensor has no dimensions" },
            { "unflatten(f(4), 1, [2, 2])", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { NULL, NULL } },
};
const tg_op tgi_op_ravel = {
    .name = "ravel",
    .schema = "ravel(Tensor(a) self) -> Tensor(a)",
    .formula = "y = the elements of self in row-major order, in one dimension",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "one dimension: a view of a contiguous tensor, a copy of another",
    .composite = true,
    .call = ravel_call,
    .samples = (const char *const[]){ "ravel(f(2, 3))", "ravel(f())", "ravel(f(0, 3))",
                                      "ravel(transpose(f(2, 3), 0, 1))", NULL },
    .errors = (const tg_error_sample[]){ { "ravel(None)", "must be Tensor, not None" }, { NULL, NULL } },
};

/* Resolves one -1 in `sizes`, whose product is to be `size`. */
static bool infer_sizes(const tg_op *op, tg_tensor *t, int dim, tg_shape *sizes)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape asked = *sizes;
    int inferred = -1;
    for (int d = 0; d < sizes->ndim; d++) {
        if (sizes->dims[d] >= 0) continue;
        if (sizes->dims[d] != -1) return tg_op_fail(op, tg_list(t), "invalid shape dimension %" PRId64, sizes->dims[d]);
        if (inferred >= 0) return tg_op_fail(op, tg_list(t), "only one dimension can be inferred");
        inferred = d;
        sizes->dims[d] = 1;
    }
    const int64_t known = tgi_op_numel(op, tg_list(t), sizes), size = t->dims[dim];
    if (known < 0) return false;
    if (inferred >= 0 && known > 0) sizes->dims[inferred] = size / known;
    if (tg_shape_numel(sizes) == size && (inferred < 0 || known > 0)) return true;
    return tg_op_fail(op, tg_list(t),
                      "unflatten: Provided sizes %s don't multiply up to the size of dim %d (%" PRId64
                      ") in the input tensor",
                      tg_shape_text(&asked, text), dim, size);
}

/* A dimension's stride is even, so this is a view whatever the strides. */
tg_tensor *tg_unflatten_at(const char *where, tg_tensor *t, int64_t dim, tg_shape sizes)
{
    const tg_op *op = &tgi_op_unflatten;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &sizes)) return NULL;
    if (t->ndim == 0)
        return tg_op_fail(op, tg_list(t), "Dimension specified as %" PRId64 " but tensor has no dimensions", dim);
    if (sizes.ndim == 0) return tg_op_fail(op, tg_list(t), "unflatten: sizes must be non-empty");
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0 || !infer_sizes(op, t, d, &sizes)) return NULL;
    if (t->ndim + sizes.ndim - 1 > TG_MAX_DIMS) {
        tgi_op_can_grow(op, tg_list(t), TG_MAX_DIMS);
        return NULL;
    }
    tg_shape shape = { 0, { 0 } };
    for (int k = 0; k < d; k++) shape.dims[shape.ndim++] = t->dims[k];
    for (int k = 0; k < sizes.ndim; k++) shape.dims[shape.ndim++] = sizes.dims[k];
    for (int k = d + 1; k < t->ndim; k++) shape.dims[shape.ndim++] = t->dims[k];
    return tg_reshape(t, shape);
}

tg_tensor *tg_ravel_at(const char *where, tg_tensor *t)
{
    return tg_op_begin(where, &tgi_op_ravel, tg_list(t)) ? tg_contiguous(tg_reshape(t, tg_shape(-1))) : NULL;
}

/* ---- dimensions in other places ---- */

static tg_tensor_list movedim_call(const tg_value *v)
{
    return tgi_result(tg_movedim(v[0].as.tensor, v[1].as.ints, v[2].as.ints));
}
static tg_tensor_list swapaxes_call(const tg_value *v)
{
    return tgi_result(tg_swapaxes(v[0].as.tensor, v[1].as.integer, v[2].as.integer));
}
static tg_tensor_list swapdims_call(const tg_value *v)
{
    return tgi_result(tg_swapdims(v[0].as.tensor, v[1].as.integer, v[2].as.integer));
}

const tg_op tgi_op_movedim = {
    .name = "movedim",
    .schema = "movedim(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
    .formula = "dimension destination[k] of y is dimension source[k] of self; the others keep their order",
    .gradient = "dself = movedim(g, destination, source)",
    .doc = "some dimensions moved to other places",
    .composite = true,
    .call = movedim_call,
    .samples = (const char *const[]){ "movedim(f(2, 3, 4), [0], [2])", "movedim(f(2, 3, 4), [0, -1], [1, 0])",
                                      "movedim(f(2, 3), [1, 0], [0, 1])", "movedim(f(), [0], [0])",
                                      "movedim(f(2, 0, 3), 1, 0)", "movedim(f(2, 3), [], [])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "movedim(f(2, 3), [0, 1], [0])",
              "movedim: Invalid source or destination dims: source ([0, 1] dims) should contain the same number of dims "
              "as destination ([0] dims)" },
            { "movedim(f(2, 3), [0, 0], [0, 1])", "movedim: repeated dim in `source` ([0, 0])" },
            { "movedim(f(2, 3), [0, 1], [0, 0])", "movedim: repeated dim in `destination` ([0, 0])" },
            { "movedim(f(2, 3), [2], [0])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
};
const tg_op tgi_op_swapaxes = {
    .name = "swapaxes",
    .schema = "swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)",
    .formula = "y = transpose(self, axis0, axis1)",
    .gradient = "dself = transpose(g, axis0, axis1)",
    .doc = "another name of transpose",
    .composite = true,
    .call = swapaxes_call,
    .samples =
        (const char *const[]){ "swapaxes(f(2, 3), 0, 1)", "swapaxes(f(2, 3, 4), -1, 0)", "swapaxes(f(), 0, -1)", NULL },
    .errors = (const tg_error_sample[]){ { "swapaxes(f(2, 3), 0, 2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_swapdims = {
    .name = "swapdims",
    .schema = "swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)",
    .formula = "y = transpose(self, dim0, dim1)",
    .gradient = "dself = transpose(g, dim0, dim1)",
    .doc = "another name of transpose",
    .composite = true,
    .call = swapdims_call,
    .samples =
        (const char *const[]){ "swapdims(f(2, 3), 0, 1)", "swapdims(f(2, 3, 4), -1, 0)", "swapdims(f(), 0, -1)", NULL },
    .errors = (const tg_error_sample[]){ { "swapdims(f(2, 3), 0, 2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

/* Counts the dims from the front; false, with an error, when one is out of range or comes twice. */
static bool read_dims(tg_tensor *t, tg_shape *dims, const char *name, unsigned *seen)
{
    char text[TG_SHAPE_TEXT];
    *seen = 0;
    for (int k = 0; k < dims->ndim; k++) {
        const int d = tgi_op_dim(&tgi_op_movedim, tg_list(t), dims->dims[k], t->ndim);
        if (d < 0) return false;
        dims->dims[k] = d;
    }
    for (int k = 0; k < dims->ndim; k++) {
        if (*seen >> dims->dims[k] & 1)
            return tg_op_fail(&tgi_op_movedim, tg_list(t), "movedim: repeated dim in `%s` (%s)", name,
                              tg_shape_text(dims, text));
        *seen |= 1u << dims->dims[k];
    }
    return true;
}

tg_tensor *tg_movedim_at(const char *where, tg_tensor *t, tg_shape source, tg_shape destination)
{
    const tg_op *op = &tgi_op_movedim;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    unsigned taken, filled;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &source) ||
        !tgi_op_list_fits(op, tg_list(t), &destination))
        return NULL;
    if (source.ndim != destination.ndim)
        return tg_op_fail(
            op, tg_list(t),
            "movedim: Invalid source or destination dims: source (%s dims) should contain the same number of "
            "dims as destination (%s dims)",
            tg_shape_text(&source, a), tg_shape_text(&destination, b));
    if (!read_dims(t, &source, "source", &taken) || !read_dims(t, &destination, "destination", &filled)) return NULL;
    if (t->ndim == 0) return tg_reshape(t, tg_shape());
    tg_shape order = { t->ndim, { 0 } };
    for (int k = 0; k < source.ndim; k++) order.dims[destination.dims[k]] = source.dims[k];
    for (int d = 0, from = 0; d < t->ndim; d++) {
        if (filled >> d & 1) continue;
        while (taken >> from & 1) from++;
        order.dims[d] = from++;
    }
    return tg_permute(t, order);
}

tg_tensor *tg_swapaxes_at(const char *where, tg_tensor *t, int64_t axis0, int64_t axis1)
{
    return tg_op_begin(where, &tgi_op_swapaxes, tg_list(t)) ? tg_transpose(t, axis0, axis1) : NULL;
}

tg_tensor *tg_swapdims_at(const char *where, tg_tensor *t, int64_t dim0, int64_t dim1)
{
    return tg_op_begin(where, &tgi_op_swapdims, tg_list(t)) ? tg_transpose(t, dim0, dim1) : NULL;
}

/* ---- dimensions of size 1 ---- */

static tg_tensor_list squeeze_dims_call(const tg_value *v)
{
    return tgi_result(tg_squeeze_dims(v[0].as.tensor, v[1].as.ints));
}
static tg_tensor_list atleast_1d_call(const tg_value *v) { return tgi_result(tg_atleast_1d(v[0].as.tensor)); }
static tg_tensor_list atleast_2d_call(const tg_value *v) { return tgi_result(tg_atleast_2d(v[0].as.tensor)); }
static tg_tensor_list atleast_3d_call(const tg_value *v) { return tgi_result(tg_atleast_3d(v[0].as.tensor)); }

const tg_op tgi_op_squeeze_dims = {
    .name = "squeeze_dims",
    .schema = "squeeze_dims(Tensor(a) self, int[] dims) -> Tensor(a)",
    .formula = "y = self without those of dimensions dims whose size is 1",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "PyTorch's squeeze with several dimensions",
    .composite = true,
    .call = squeeze_dims_call,
    .samples = (const char *const[]){ "squeeze_dims(f(2, 1, 3, 1), [1, 3])", "squeeze_dims(f(2, 1, 3, 1), [0, -1])",
                                      "squeeze_dims(f(2, 1), [])", "squeeze_dims(f(), [0])",
                                      "squeeze_dims(f(1, 0), [0])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "squeeze_dims(f(2, 1), [2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "squeeze_dims(f(2, 1), [1, -1])", "dim 1 appears multiple times in the list of dims" },
            { NULL, NULL } },
};

tg_tensor *tg_squeeze_dims_at(const char *where, tg_tensor *t, tg_shape dims)
{
    const tg_op *op = &tgi_op_squeeze_dims;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &dims)) return NULL;
    unsigned marked = 0;
    for (int k = 0; k < dims.ndim; k++) {
        const int d = tgi_op_dim(op, tg_list(t), dims.dims[k], t->ndim);
        if (d < 0) return NULL;
        if (marked >> d & 1) return tg_op_fail(op, tg_list(t), "dim %d appears multiple times in the list of dims", d);
        marked |= 1u << d;
    }
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < t->ndim; d++)
        if (t->dims[d] != 1 || !(marked >> d & 1)) shape.dims[shape.ndim++] = t->dims[d];
    return tg_view(t, shape);
}

#define AT_LEAST(n, formula_)                                                                                          \
    .name = "atleast_" #n "d", .schema = "atleast_" #n "d(Tensor(a) self) -> Tensor(a)", .formula = formula_,          \
    .gradient = "dself = reshape(g, self.shape)", .doc = "dimensions of size 1 added until there are " #n,             \
    .composite = true, .call = atleast_##n##d_call, .own_errors = (const tg_error_sample[])                            \
    {                                                                                                                  \
        { "atleast_" #n "d(None)", "must be Tensor" }, { NULL, NULL }                                                  \
    }

const tg_op tgi_op_atleast_1d = {
    AT_LEAST(1, "y = self; a number as [1]"),
    .samples = (const char *const[]){ "atleast_1d(f())", "atleast_1d(f(3))", "atleast_1d(f(0, 3))", NULL },
};
const tg_op tgi_op_atleast_2d = {
    AT_LEAST(2, "y = self; a number as [1, 1], a vector as [1, N]"),
    .samples = (const char *const[]){ "atleast_2d(f())", "atleast_2d(f(3))", "atleast_2d(f(0, 3))", NULL },
};
const tg_op tgi_op_atleast_3d = {
    AT_LEAST(3, "y = self; a number as [1, 1, 1], a vector as [1, N, 1], a matrix as [M, N, 1]"),
    .samples = (const char *const[]){ "atleast_3d(f())", "atleast_3d(f(3))", "atleast_3d(f(2, 3))",
                                      "atleast_3d(f(2, 0, 3))", NULL },
};

tg_tensor *tg_atleast_1d_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_atleast_1d, tg_list(t))) return NULL;
    return t->ndim ? t : tg_reshape(t, tg_shape(1));
}

tg_tensor *tg_atleast_2d_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_atleast_2d, tg_list(t))) return NULL;
    return t->ndim == 0 ? tg_reshape(t, tg_shape(1, 1)) : t->ndim == 1 ? tg_unsqueeze(t, 0) : t;
}

tg_tensor *tg_atleast_3d_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_atleast_3d, tg_list(t))) return NULL;
    if (t->ndim == 0) return tg_reshape(t, tg_shape(1, 1, 1));
    if (t->ndim == 1) return tg_reshape(t, tg_shape(1, t->dims[0], 1));
    return t->ndim == 2 ? tg_unsqueeze(t, 2) : t;
}
