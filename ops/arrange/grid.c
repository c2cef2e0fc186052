/* grid.c: stacks by the names of their directions, and grids of vectors: made of cat, expand and the like. */
#include "ops/base/call.h"
#include "core/error.h"
#include "ops/index.h"
#include "ops/base/iterate.h"
#include "ops/shape/join_impl.h"
#include "ops/base/layout.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* Each tensor changed by `change`. Empty when one failed. */
static tg_tensor_list changed(tg_tensor_list tensors, tg_tensor *(*change)(tg_tensor *t))
{
    tg_tensor **items = tg_list_new(tensors.count);
    for (int64_t i = 0; items && i < tensors.count; i++)
        if (!(items[i] = change(tensors.items[i]))) return tg_list_failed();
    return items ? tg_list_of(items, tensors.count) : tg_list_failed();
}

static bool begin_list(const char *where, const tg_op *op, tg_tensor_list tensors, const char *kind)
{
    if (!tg_op_begin(where, op, tensors)) return false;
    if (tensors.count) return true;
    if (!tg_failed())
        tg_op_fail(op, tensors, "%s expects a non-empty TensorList", kind); /* a failed list is empty, too */
    return false;
}

/* ---- stacks ---- */

static tg_tensor_list hstack_call(const tg_value *v) { return tgi_result(tg_hstack(v[0].as.tensors)); }
static tg_tensor_list vstack_call(const tg_value *v) { return tgi_result(tg_vstack(v[0].as.tensors)); }
static tg_tensor_list dstack_call(const tg_value *v) { return tgi_result(tg_dstack(v[0].as.tensors)); }
static tg_tensor_list column_stack_call(const tg_value *v) { return tgi_result(tg_column_stack(v[0].as.tensors)); }

#define STACK(name_, formula_, doc_)                                                                                   \
    .name = #name_, .schema = #name_ "(Tensor[] tensors) -> Tensor", .formula = formula_,                              \
    .gradient = "dtensors[i] = the part of g that came from it", .doc = doc_, .composite = true, .call = name_##_call

const tg_op tgi_op_hstack = {
    STACK(hstack, "y = cat(tensors, 1), vectors along 0", "tensors side by side"),
    .samples = (const char *const[]){ "hstack([f(2, 3), f(2, 1)])", "hstack([f(2), f()])", "hstack([f(2, 1, 2)])",
                                      "hstack([f(2), i(2)])", NULL },
    .errors = (const tg_error_sample[]){ { "hstack([])", "hstack expects a non-empty TensorList" },
                                         { "hstack([f(2), f(2, 2)])",
                                           "Tensors must have same number of dimensions: got 1 and 2" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_vstack = {
    STACK(vstack, "y = cat(atleast_2d(tensors), 0)", "tensors one above the other; vectors are rows"),
    .samples = (const char *const[]){ "vstack([f(2, 3), f(3)])", "vstack([f(), f()])",
                                      "vstack([f(1, 2, 2), f(2, 2, 2)])", NULL },
    .errors =
        (const tg_error_sample[]){ { "vstack([])", "vstack expects a non-empty TensorList" },
                                   { "vstack([f(2), f(3)])",
                                     "Sizes of tensors must match except in dimension 0. Expected size 2 but got size "
                                     "3 for tensor number 1 in the list." },
                                   { NULL, NULL } },
};
const tg_op tgi_op_dstack = {
    STACK(dstack, "y = cat(atleast_3d(tensors), 2)", "tensors one behind the other"),
    .samples =
        (const char *const[]){ "dstack([f(2, 3), f(2, 3)])", "dstack([f(3), f(1, 3)])", "dstack([f(), f()])", NULL },
    .errors = (const tg_error_sample[]){ { "dstack([])", "dstack expects a non-empty TensorList" }, { NULL, NULL } },
};
const tg_op tgi_op_column_stack = {
    STACK(column_stack, "y = hstack(tensors), numbers and vectors as columns", "vectors as the columns of a matrix"),
    .samples = (const char *const[]){ "column_stack([f(2), f(2, 3)])", "column_stack([f(), f()])",
                                      "column_stack([f(2, 1, 2)])", NULL },
    .errors =
        (const tg_error_sample[]){ { "column_stack([])", "column_stack expects a non-empty TensorList" },
                                   { "column_stack([f(2), f(3, 2)])",
                                     "Sizes of tensors must match except in dimension 1. Expected size 2 but got size "
                                     "3 for tensor number 1 in the list." },
                                   { NULL, NULL } },
};

static tg_tensor *at_least_1d(tg_tensor *t) { return tg_atleast_1d(t); }
static tg_tensor *at_least_2d(tg_tensor *t) { return tg_atleast_2d(t); }
static tg_tensor *at_least_3d(tg_tensor *t) { return tg_atleast_3d(t); }
static tg_tensor *as_column(tg_tensor *t) { return t->ndim < 2 ? tg_reshape(t, tg_shape(t->numel, 1)) : t; }

/* The list is empty only if an error is pending, which cat then passes on. */
tg_tensor *tg_hstack_at(const char *where, tg_tensor_list tensors)
{
    if (!begin_list(where, &tgi_op_hstack, tensors, "hstack")) return NULL;
    tensors = changed(tensors, at_least_1d);
    return tg_cat(tensors, tensors.count && tensors.items[0]->ndim > 1);
}

tg_tensor *tg_vstack_at(const char *where, tg_tensor_list tensors)
{
    return begin_list(where, &tgi_op_vstack, tensors, "vstack") ? tg_cat(changed(tensors, at_least_2d), 0) : NULL;
}

tg_tensor *tg_dstack_at(const char *where, tg_tensor_list tensors)
{
    return begin_list(where, &tgi_op_dstack, tensors, "dstack") ? tg_cat(changed(tensors, at_least_3d), 2) : NULL;
}

tg_tensor *tg_column_stack_at(const char *where, tg_tensor_list tensors)
{
    if (!begin_list(where, &tgi_op_column_stack, tensors, "column_stack")) return NULL;
    return tg_cat(changed(tensors, as_column), 1);
}

/* ---- broadcast_tensors and meshgrid ---- */

static tg_tensor_list broadcast_tensors_call(const tg_value *v) { return tg_broadcast_tensors(v[0].as.tensors); }
static tg_tensor_list meshgrid_call(const tg_value *v)
{
    return tg_meshgrid(v[0].as.tensors, .indexing = v[1].as.string);
}

const tg_op tgi_op_broadcast_tensors = {
    .name = "broadcast_tensors",
    .schema = "broadcast_tensors(Tensor[] tensors) -> Tensor[]",
    .formula = "y[i] = expand(tensors[i], the common shape)",
    .gradient = "dtensors[i] = g[i] summed over the dimensions that were stretched",
    .doc = "the tensors as views of the shape they broadcast to",
    .composite = true,
    .call = broadcast_tensors_call,
    .samples = (const char *const[]){ "broadcast_tensors([f(2, 1), f(3)])", "broadcast_tensors([f(), i(2), f(3, 1)])",
                                      "broadcast_tensors([f(2, 3)])", "broadcast_tensors([f(0), f(1)])", NULL },
    .errors =
        (const tg_error_sample[]){ { "broadcast_tensors([f(2), f(3)])",
                                     "The size of tensor a (2) must match the size of tensor b (3) at non-singleton "
                                     "dimension 0" },
                                   { NULL, NULL } },
};
const tg_op tgi_op_meshgrid = {
    .name = "meshgrid",
    .schema = "meshgrid(Tensor[] tensors, *, str indexing='ij') -> Tensor[]",
    .formula = "y[k][i0, i1, ..] = tensors[k][ik]; with indexing='xy' the first two dimensions are swapped",
    .gradient = "dtensors[k] = g[k] summed over the other dimensions",
    .doc = "the coordinates of the grid that vectors span; views",
    .composite = true,
    .call = meshgrid_call,
    .samples = (const char *const[]){ "meshgrid([f(2), f(3)])", "meshgrid([f(2), f(3)], indexing='xy')",
                                      "meshgrid([f(2), f(), f(3)], indexing='ij')",
                                      "meshgrid([f(2), f(3), f(2)], indexing='xy')", "meshgrid([f(3)], indexing='xy')",
                                      "meshgrid([i(2), i(3)])", "meshgrid([f(0), f(2)])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "meshgrid([])", "meshgrid expects a non-empty TensorList" },
            { "meshgrid([f(2), f(2)], indexing='zz')",
              "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: zz" },
            { "meshgrid([f(2), i(2)])", "meshgrid expects all tensors to have the same dtype" },
            { "meshgrid([f(2), f(2, 2)])", "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: " },
            { NULL, NULL } },
};

tg_tensor_list tg_broadcast_tensors_at(const char *where, tg_tensor_list tensors)
{
    const tg_op *op = &tgi_op_broadcast_tensors;
    tg_shape common = tg_shape();
    if (!tg_op_begin(where, op, tensors)) return tg_list_failed();
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_shape shape = tgi_shape(tensors.items[i]);
        if (!tgi_broadcast(op, tensors, &common, &shape, &common)) return tg_list_failed();
    }
    tg_tensor **items = tg_list_new(tensors.count);
    for (int64_t i = 0; items && i < tensors.count; i++)
        if (!(items[i] = tg_expand(tensors.items[i], common))) return tg_list_failed();
    return items ? tg_list_of(items, tensors.count) : tg_list_failed();
}

/* The vectors' sizes, the grid's shape. */
static bool grid_shape(const tg_op *op, tg_tensor_list tensors, tg_shape *shape)
{
    char text[TG_SHAPE_TEXT];
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_tensor *t = tensors.items[i];
        const tg_shape own = tgi_shape(t);
        if (t->dtype != tensors.items[0]->dtype)
            return tg_op_fail(op, tensors, "meshgrid expects all tensors to have the same dtype");
        if (t->ndim > 1)
            return tg_op_fail(op, tensors,
                              "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: one of "
                              "shape %s",
                              tg_shape_text(&own, text));
        if (!tgi_op_can_grow(op, tensors, shape->ndim)) return false;
        shape->dims[shape->ndim++] = t->numel;
    }
    return true;
}

tg_tensor_list tg_meshgrid_at(const char *where, tg_tensor_list tensors, tg_meshgrid_options options)
{
    const tg_op *op = &tgi_op_meshgrid;
    const bool xy = options.indexing && strcmp(options.indexing, "xy") == 0;
    tg_shape shape = tg_shape();
    if (!begin_list(where, op, tensors, "meshgrid")) return tg_list_failed();
    if (!xy && (!options.indexing || strcmp(options.indexing, "ij") != 0))
        return tgi_result(tg_op_fail(op, tensors,
                                     "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: %s",
                                     options.indexing ? options.indexing : "NULL"));
    if (!grid_shape(op, tensors, &shape)) return tg_list_failed();
    tg_tensor **items = tg_list_new(tensors.count);
    for (int k = 0; items && k < shape.ndim; k++) {
        tg_shape alone = { shape.ndim, { 1, 1, 1, 1, 1, 1, 1, 1 } };
        alone.dims[k] = shape.dims[k];
        items[k] = tg_expand(tg_view(tensors.items[k], alone), shape);
        if (xy && shape.ndim > 1) items[k] = tg_transpose(items[k], 0, 1);
        if (!items[k]) return tg_list_failed();
    }
    return items ? tg_list_of(items, tensors.count) : tg_list_failed();
}

/* ---- cartesian_prod and combinations ---- */

static tg_tensor_list cartesian_prod_call(const tg_value *v) { return tgi_result(tg_cartesian_prod(v[0].as.tensors)); }
static tg_tensor_list combinations_call(const tg_value *v)
{
    return tgi_result(tg_combinations(v[0].as.tensor, .r = v[1].as.integer, .with_replacement = v[2].as.boolean));
}

const tg_op tgi_op_cartesian_prod = {
    .name = "cartesian_prod",
    .schema = "cartesian_prod(Tensor[] tensors) -> Tensor",
    .formula = "y = stack(flatten(meshgrid(tensors)), 1)",
    .gradient = "dtensors[k] = column k of g, summed over the rows with that element",
    .doc = "all tuples with an element of each vector, as rows; of one vector the vector itself",
    .composite = true,
    .call = cartesian_prod_call,
    .samples = (const char *const[]){ "cartesian_prod([f(2), f(3)])", "cartesian_prod([f(3)])",
                                      "cartesian_prod([f(2), f(2), f(2)])", "cartesian_prod([f(0), f(2)])", NULL },
    .errors =
        (const tg_error_sample[]){ { "cartesian_prod([f(2, 2), f(2)])", "Expect a 1D vector, but got shape [2, 2]" },
                                   { "cartesian_prod([])", "meshgrid expects a non-empty TensorList" },
                                   { NULL, NULL } },
};
const tg_op tgi_op_combinations = {
    .name = "combinations",
    .schema = "combinations(Tensor self, int r=2, bool with_replacement=False) -> Tensor",
    .formula = "y = the rows self[i1], self[i2], .. for all i1 < i2 < .. (<=, with_replacement) in order",
    .gradient = "dself[i] = the sum of g where self[i] stands",
    .doc = "all sets of r elements of a vector, as rows",
    .composite = true,
    .call = combinations_call,
    .samples = (const char *const[]){ "combinations(f(4))", "combinations(f(5), 3)", "combinations(f(3), 2, True)",
                                      "combinations(f(3), 1)", "combinations(f(3, grad=False), 0)",
                                      "combinations(f(2), 3)", "combinations(f(0))", NULL },
    .errors = (const tg_error_sample[]){ { "combinations(f(2, 2))", "Expect a 1D vector, but got shape [2, 2]" },
                                         { "combinations(f(2), -1)", "Expect a non-negative number, but got -1" },
                                         { NULL, NULL } },
};

static bool is_vector(const tg_op *op, tg_tensor *t)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(t);
    return t->ndim == 1 ||
           tg_op_fail(op, tg_list(t), "Expect a 1D vector, but got shape %s", tg_shape_text(&shape, text));
}

static tg_tensor *flat(tg_tensor *t) { return tg_reshape(t, tg_shape(-1)); }

tg_tensor *tg_cartesian_prod_at(const char *where, tg_tensor_list tensors)
{
    const tg_op *op = &tgi_op_cartesian_prod;
    if (!begin_list(where, op, tensors, "meshgrid")) return NULL;
    for (int64_t i = 0; i < tensors.count; i++)
        if (!is_vector(op, tensors.items[i])) return NULL;
    if (tensors.count == 1) return tensors.items[0];
    const tg_tensor_list grid = tg_meshgrid(tensors);
    return grid.count ? tg_stack(changed(grid, flat), 1) : NULL;
}

/* The next indices in order; false after the last. */
static bool advance(int64_t *index, int64_t r, int64_t n, bool again)
{
    for (int64_t k = r - 1; k >= 0; k--) {
        if (index[k] >= (again ? n - 1 : n - r + k)) continue;
        index[k]++;
        for (int64_t later = k + 1; later < r; later++) index[later] = index[later - 1] + !again;
        return true;
    }
    return false;
}

/* How many there are: the binomial coefficient; -1 when it does not fit. */
static int64_t count_combinations(int64_t n, int64_t r, bool again)
{
    int64_t count = 1, from = n;
    if (n == 0) return 0;
    if (again && __builtin_add_overflow(n - 1, r, &from)) return -1;
    if (r > from) return 0;
    const int64_t few = r < from - r ? r : from - r; /* as many ways to choose r as to leave r out */
    for (int64_t k = 1; k <= few; k++) {
        if (__builtin_mul_overflow(count, from - few + k, &count)) return -1;
        count /= k;
    }
    return count;
}

tg_tensor *tg_combinations_at(const char *where, tg_tensor *t, tg_combinations_options options)
{
    const tg_op *op = &tgi_op_combinations;
    const int64_t r = options.r;
    if (!tg_op_begin(where, op, tg_list(t)) || !is_vector(op, t)) return NULL;
    if (r < 0) return tg_op_fail(op, tg_list(t), "Expect a non-negative number, but got %" PRId64, r);
    if (r == 0) { /* no set, in PyTorch */
        const tg_shape none = tg_shape(0);
        return tgi_new(&none, (tg_dtype)t->dtype);
    }
    const int64_t count = count_combinations(t->numel, r, options.with_replacement);
    if (count < 0) return tg_op_fail(op, tg_list(t), "numel: integer multiplication overflow");
    const tg_shape shape = tg_shape(count, r);
    tg_tensor *places = tgi_new(&shape, TG_INT64);
    if (!places) return NULL;
    int64_t *row = tgi_ptr(places);
    for (int64_t k = 0; count && k < r; k++) row[k] = options.with_replacement ? 0 : k;
    for (int64_t i = 1; i < count; i++, row += r) {
        memcpy(row + r, row, (size_t)r * sizeof *row);
        advance(row + r, r, t->numel, options.with_replacement);
    }
    return tgi_ordinary(tg_reshape(tg_index_select(t, 0, tg_reshape(places, tg_shape(-1))), shape), tg_list(t));
}
