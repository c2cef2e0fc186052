/* index.c: Python's t[i0, :, i1] and the assignment to it.
 *
 * Dimensions that are indexed are made one, which is a view of most tensors, and the index tensors one vector of places in
 * it; the rest is index_select, index_add and index_copy. So their gradients are these ops'. */
#include "ops/index.h"
#include "ops/base/call.h"
#include "index_impl.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/base/iterate.h"
#include "ops/view.h"

#include <inttypes.h>
#include <stdio.h>

/* What an index means for a tensor: `order` brings the indexed dimensions together, at `first`; there the tensor seen as
 * `flat` is indexed by the vector `places`; `common` of the result's dimensions (`result`) are the index tensors'. */
typedef struct indexing {
    int count, first, common;
    bool moved;
    tg_tensor *index[TG_MAX_DIMS]; /* of each dimension; NULL: all of it */
    tg_shape order, ordered, flat, result;
    tg_tensor *places;
} indexing;

/* ---- reading the indices ---- */

/* The tensor, and the indices that are there. */
static bool begin(const char *where, const tg_op *op, tg_tensor *t, tg_tensor_list indices, tg_tensor *values,
                  tg_tensor_list *inputs)
{
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_list_ok(op->name, indices)) return false;
    tg_tensor **items = indices.count >= 0 && indices.count <= 64 ? tg_list_new(indices.count + 2) : NULL;
    if (!items) return tg_op_begin(where, op, tg_list(t)) && tg_op_fail(op, tg_list(t), "too many indices");
    int64_t count = 0;
    bool omitted = indices.count == 0;
    items[count++] = t;
    for (int64_t i = 0; i < indices.count; i++) {
        if (indices.items[i]) items[count++] = indices.items[i];
        omitted |= !indices.items[i];
    }
    if (values) items[count++] = values;
    *inputs = tg_list_of(items, count);
    return tg_op_begin(where, op, *inputs) && (!omitted || tg_optional_ok(NULL)); /* a failed index is no omitted one */
}

static bool is_too_many(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, int64_t count)
{
    if (count <= t->ndim) return false;
    tg_op_fail(op, inputs, "too many indices for tensor of dimension %d", t->ndim);
    return true;
}

/* A mask stands for the indices of what is true in it, one vector for each of its dimensions. */
static bool add_mask(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_tensor *mask, int64_t number, indexing *x)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape own = tgi_shape(t), shape = tgi_shape(mask);
    if (mask->ndim == 0) return tg_op_fail(op, inputs, "a mask must have a dimension");
    if (is_too_many(op, inputs, t, x->count + mask->ndim)) return false;
    for (int d = 0; d < mask->ndim; d++)
        if (mask->dims[d] != t->dims[x->count + d])
            return tg_op_fail(
                op, inputs,
                "The shape of the mask %s at index %d does not match the shape of the indexed tensor %s at "
                "index %d",
                tg_shape_text(&shape, a), d, tg_shape_text(&own, b), x->count + d);
    (void)number;
    const tg_tensor_list where = tg_nonzero_tuple(mask);
    for (int d = 0; d < mask->ndim; d++)
        if (!(x->index[x->count++] = where.items[d])) return false;
    return true;
}

static bool read_indices(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_tensor_list indices, indexing *x)
{
    for (int64_t i = 0; i < indices.count; i++) {
        tg_tensor *index = indices.items[i];
        if (index && index->dtype == TG_BOOL) {
            if (!add_mask(op, inputs, t, index, i, x)) return false;
            continue;
        }
        if (index && index->dtype != TG_INT64)
            return tg_op_fail(op, inputs, "tensors used as indices must be long, byte or bool tensors");
        if (is_too_many(op, inputs, t, x->count + 1)) return false;
        x->index[x->count++] = index;
    }
    return true;
}

/* ---- where they lead ---- */

/* The common shape of the index tensors. */
static bool common_shape(const tg_op *op, tg_tensor_list inputs, const indexing *x, tg_shape *common)
{
    char text[8 * 64] = "";
    bool ok = true;
    *common = tg_shape();
    for (int d = 0; d < x->count && ok; d++) {
        if (!x->index[d]) continue;
        const tg_shape shape = tgi_shape(x->index[d]);
        ok = tg_shape_broadcast(common, &shape, common);
    }
    for (int d = 0, n = 0; d < x->count && !ok; d++) {
        char one[TG_SHAPE_TEXT];
        if (!x->index[d] || n >= (int)sizeof text) continue;
        const tg_shape shape = tgi_shape(x->index[d]);
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%s", n ? ", " : "", tg_shape_text(&shape, one));
    }
    return ok || tg_op_fail(op, inputs,
                            "shape mismatch: indexing tensors could not be broadcast together with shapes %s", text);
}

/* The order of dimensions, and the shapes that follow from it. */
static bool arrange(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const tg_shape *common, indexing *x)
{
    int indexed = 0, last = -1;
    bool together = true;
    x->first = 0;
    for (int d = 0; d < x->count; d++) {
        if (!x->index[d]) continue;
        if (indexed++ == 0) x->first = d;
        together &= last < 0 || last == d - 1;
        last = d;
    }
    x->moved = !together;
    if (x->moved) x->first = 0;
    for (int d = 0; d < t->ndim && x->moved; d++) /* the indexed ones to the front */
        if (d < x->count && x->index[d]) x->order.dims[x->order.ndim++] = d;
    for (int d = 0; d < t->ndim; d++)
        if (!x->moved || d >= x->count || !x->index[d]) x->order.dims[x->order.ndim++] = d;
    x->common = common->ndim;
    if (t->ndim - indexed + common->ndim > TG_MAX_DIMS || t->ndim - indexed + 1 > TG_MAX_DIMS)
        return tgi_op_can_grow(op, inputs, TG_MAX_DIMS);
    x->ordered.ndim = t->ndim;
    for (int d = 0; d < t->ndim; d++) x->ordered.dims[d] = t->dims[x->order.dims[d]];
    for (int d = 0; d <= t->ndim; d++) {
        if (d == x->first) {
            x->flat.dims[x->flat.ndim++] = 1;
            for (int k = 0; k < common->ndim; k++) x->result.dims[x->result.ndim++] = common->dims[k];
        }
        if (d == t->ndim) break;
        if (d >= x->first && d < x->first + indexed) {
            x->flat.dims[x->first] *= x->ordered.dims[d];
            continue;
        }
        x->flat.dims[x->flat.ndim++] = x->ordered.dims[d];
        x->result.dims[x->result.ndim++] = x->ordered.dims[d];
    }
    return true;
}

/* places = places * size + index, checked. */
static bool add_places(const tg_op *op, tg_tensor_list inputs, tg_tensor *index, int number, int64_t size, indexing *x)
{
    const int64_t *from = tgi_ptr(index);
    int64_t *to = tgi_ptr(x->places);
    for (int64_t i = 0; i < x->places->numel; i++) {
        if (size == 0) return tg_op_fail(op, inputs, "index is out of bounds for dimension with size 0");
        if (from[i] < -size || from[i] >= size)
            return tg_op_fail(op, inputs, "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64,
                              from[i], number, size);
        to[i] = to[i] * size + (from[i] < 0 ? from[i] + size : from[i]);
    }
    return true;
}

static bool find_places(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const tg_shape *common, indexing *x)
{
    const tg_shape vector = tg_shape(tg_shape_numel(common));
    x->places = tgi_new_full(&vector, TG_INT64, 0);
    int number = 0;
    bool ok = x->places != NULL;
    for (int d = 0; d < x->count && ok; d++) {
        if (!x->index[d]) continue;
        tg_scope scope = tg_no_grad_begin();
        tg_tensor *stretched = tg_expand(x->index[d], *common);
        tg_tensor *index = stretched ? tgi_contiguous_raw(stretched) : NULL;
        ok = index && add_places(op, inputs, index, number++, t->dims[d], x);
        tg_scope_end(scope);
    }
    return ok;
}

static bool make_indexing(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_tensor_list indices, indexing *x)
{
    tg_shape common;
    *x = (indexing){ .count = 0 };
    return read_indices(op, inputs, t, indices, x) && common_shape(op, inputs, x, &common) &&
           arrange(op, inputs, t, &common, x) && find_places(op, inputs, t, &common, x);
}

/* ---- index ---- */

static tg_tensor_list index_call(const tg_value *v) { return tgi_result(tg_index(v[0].as.tensor, v[1].as.tensors)); }

const tg_op tgi_op_index = {
    .name = "index",
    .schema = "index(Tensor self, Tensor?[] indices) -> Tensor",
    .formula = "y = self[indices[0], indices[1], ..]; None is ':'",
    .gradient = "dself = g added where indices say",
    .doc = "elements picked by index tensors, which are broadcast together, may count from the end and may be masks",
    .composite = true,
    .call = index_call,
    .samples = (const char *const[]){ "index(f(3, 4), [i(5, lo=-3, hi=3)])",
                                      "index(f(3, 4), [None, i(2, 3, lo=-4, hi=4)])",
                                      "index(f(3, 4), [i(5, lo=0, hi=3), i(5, lo=0, hi=4)])",
                                      "index(f(3, 4, 2), [i(2, 1, lo=0, hi=3), i(3, lo=0, hi=4)])",
                                      "index(f(3, 4, 2), [i(5, lo=0, hi=3), None, i(5, lo=0, hi=2)])",
                                      "index(f(2, 3, 4, 2), [None, i(2, 2, lo=0, hi=3), None, i(2, lo=0, hi=2)])",
                                      "index(f(2, 3, 4, 2), [None, i(2, 2, lo=0, hi=3), i(2, lo=0, hi=4)])",
                                      "index(f(3), [i(lo=0, hi=3)])",
                                      "index(f(3, 4), [i(lo=0, hi=3), i(lo=0, hi=4)])",
                                      "index(f(3, 4), [b(3, 4)])",
                                      "index(f(3, 4), [b(3)])",
                                      "index(f(3, 4), [None, b(4)])",
                                      "index(f(3, 4, 2), [b(3), None, i(1, lo=0, hi=2)])",
                                      "index(f(3, 4), [i(0)])",
                                      "index(f(0, 4), [i(0)])",
                                      "index(f(3, 0), [i(2, lo=0, hi=3)])",
                                      "index(i(3, 4), [i(2, lo=0, hi=3)])",
                                      "index(b(3, 4), [i(2, lo=0, hi=3)])",
                                      "index(transpose(f(3, 4), 0, 1), [i(2, lo=0, hi=4), i(2, lo=0, hi=3)])",
                                      NULL },
    .errors =
        (const tg_error_sample[]){
            { "index(f(3, 4), [i(2), i(3)])",
              "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]" },
            { "index(f(3, 4), [i(2, lo=3, hi=4)])", "index 3 is out of bounds for dimension 0 with size 3" },
            { "index(f(3, 4), [i(2, lo=-4, hi=-3)])", "index -4 is out of bounds for dimension 0 with size 3" },
            { "index(f(3, 4), [None, i(2, lo=4, hi=5)])", "index 4 is out of bounds for dimension 0 with size 4" },
            { "index(f(3, 4), [i(2, lo=0, hi=2), i(2, lo=0, hi=2), i(2)])",
              "too many indices for tensor of dimension 2" },
            { "index(f(3, 4), [b(4)])",
              "The shape of the mask [4] at index 0 does not match the shape of the indexed tensor [3, 4] at index 0" },
            { "index(f(3, 4), [b(3, 3)])",
              "The shape of the mask [3, 3] at index 1 does not match the shape of the indexed tensor [3, 4] at index 1" },
            { "index(f(3, 4), [f(2)])", "tensors used as indices must be long, byte or bool tensors" },
            { "index(f(0, 4), [i(2)])", "index is out of bounds for dimension with size 0" },
            { NULL, NULL } },
};

static tg_tensor *ordered(tg_tensor *t, const indexing *x)
{
    return tg_reshape(x->moved ? tg_permute(t, x->order) : t, x->flat);
}

tg_tensor *tg_index_at(const char *where, tg_tensor *t, tg_tensor_list indices)
{
    tg_tensor_list inputs;
    indexing x;
    if (!begin(where, &tgi_op_index, t, indices, NULL, &inputs)) return NULL;
    if (inputs.count == 1) return t; /* no index at all */
    if (!make_indexing(&tgi_op_index, inputs, t, indices, &x)) return NULL;
    return tgi_ordinary(tg_reshape(tg_index_select(ordered(t, &x), x.first, x.places), x.result), inputs);
}

/* ---- index_put ---- */

static tg_tensor_list index_put_call(const tg_value *v)
{
    return tgi_result(tg_index_put_at(NULL, v[0].as.tensor, v[1].as.tensors, tgi_value_operand(&v[2]),
                                      (tg_index_put_options){ .accumulate = v[3].as.boolean }));
}

static tg_tensor_list index_put_in_place_call(const tg_value *v)
{
    return tgi_result(tg_index_put_in_place_at(NULL, v[0].as.tensor, v[1].as.tensors, tgi_value_operand(&v[2]),
                                               (tg_index_put_options){ .accumulate = v[3].as.boolean }));
}

const tg_op tgi_op_index_put = {
    .name = "index_put",
    .schema = "index_put(Tensor self, Tensor?[] indices, Scalar values, bool accumulate=False) -> Tensor",
    .formula = "y = self; y[indices] = values, or += values if accumulate",
    .gradient = "dself = g with 0 at indices (g, if accumulate), dvalues = g[indices]",
    .doc = "a copy with values where indices say; of several for one place the last stays, unless they are accumulated",
    .composite = true,
    .call = index_put_call,
    .samples =
        (const char *const[]){
            "index_put(f(3, 4), [i(5, lo=-3, hi=3)], f(5, 4), True)", "index_put(f(3, 4), [i(1, lo=-3, hi=3)], f(4))",
            "index_put(f(3, 4), [None, i(2, 3, lo=-4, hi=4)], f(3, 1, 1), True)",
            "index_put(f(3, 4), [i(5, lo=0, hi=3), i(5, lo=0, hi=4)], f(5), accumulate=True)",
            "index_put(f(3, 4, 2), [i(5, lo=0, hi=3), None, i(5, lo=0, hi=2)], f(5, 4), True)",
            "index_put(f(3, 4, 2), [i(1, lo=0, hi=3), None, i(1, lo=0, hi=2)], f(1, 4))",
            "index_put(f(3), [i(lo=0, hi=3)], f())", "index_put(f(3, 4), [b(3, 4)], f())",
            "index_put(f(3, 4), [b(3)], f(4))", "index_put(f(3, 4), [None, b(4)], f(3, 1), True)",
            "index_put(f(3, 4), [i(0)], f(0, 4))", "index_put(i(3, 4), [i(2, lo=0, hi=3)], i(4), True)",
            "index_put(b(3, 4), [i(1, lo=0, hi=3)], b(4))",
            "index_put(transpose(f(3, 4), 0, 1), [i(3, lo=0, hi=4), i(3, lo=0, hi=3)], f(3), True)", NULL },
    /* What was overwritten has a gradient in PyTorch. */
    .corners = (const char *const[]){ "index_put(f(3, 4), [i(6, lo=0, hi=3)], f(6, 4))",
                                      "index_put(f(3, 4), [i(6, lo=0, hi=3), i(6, lo=0, hi=2)], f())", NULL },
    .errors =
        (const tg_error_sample[]){
            { "index_put(f(3, 4), [i(2, lo=0, hi=3)], f(2, 3))",
              "shape mismatch: value tensor of shape [2, 3] cannot be broadcast to indexing result of shape [2, 4]" },
            { "index_put(f(3, 4), [i(2, lo=0, hi=3)], i(2, 4))",
              "Index put requires the source and destination dtypes match, got Double for the destination and Long for the "
              "source." },
            { "index_put(f(3, 4), [i(2), i(3)], f(2, 4))",
              "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]" },
            { "index_put(f(3, 4), [i(2, lo=3, hi=4)], f(4))", "index 3 is out of bounds for dimension 0 with size 3" },
            { "index_put(f(3, 4), [i(2, lo=0, hi=3)], f(2, 2, 4))",
              "shape mismatch: value tensor of shape [2, 2, 4] cannot be broadcast to indexing result of shape [2, 4]" },
            { NULL, NULL } },
    .traits = TG_CHOOSES,
};

const tg_op tgi_op_index_put_ = {
    .name = "index_put_",
    .schema = "index_put_(Tensor(a!) self, Tensor?[] indices, Scalar values, bool accumulate=False) -> Tensor(a!)",
    .formula = "self[indices] = values, or += values if accumulate",
    .gradient = "as that of index_put",
    .doc = "index_put in place",
    .backward = tgi_write_result_backward,
    .call = index_put_in_place_call,
    .in_place_of = &tgi_op_index_put,
};

/* The values, stretched to the result's shape and then seen with its index dimensions made one. NULL on failure. */
static tg_tensor *stretched_values(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_operand values,
                                   const indexing *x)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (values.kind == TG_OPERAND_TENSOR && values.as.tensor->dtype != t->dtype)
        return tg_op_fail(
            op, inputs,
            "Index put requires the source and destination dtypes match, got %s for the destination and %s "
            "for the source.",
            tgi_type_name(t), tgi_type_name(values.as.tensor));
    tg_tensor *v = tgi_value_to(op, inputs, values, (tg_dtype)t->dtype);
    if (!v) return NULL;
    const tg_shape own = tgi_shape(v);
    tg_shape common, flat = x->flat;
    flat.dims[x->first] = x->places->numel;
    if (!tg_shape_broadcast(&own, &x->result, &common) || !tg_shape_equal(&common, &x->result))
        return tg_op_fail(op, inputs,
                          "shape mismatch: value tensor of shape %s cannot be broadcast to indexing result of "
                          "shape %s",
                          tg_shape_text(&own, a), tg_shape_text(&x->result, b));
    return tg_reshape(tg_expand(v, x->result), flat);
}

/* The tensor as it was, of one with its dimensions in order. */
static tg_tensor *as_it_was(tg_tensor *y, const indexing *x)
{
    tg_shape inverse = { x->order.ndim, { 0 } };
    for (int d = 0; d < inverse.ndim; d++) inverse.dims[x->order.dims[d]] = d;
    y = tg_reshape(y, x->ordered);
    return tgi_ordinary(x->moved ? tg_permute(y, inverse) : y, TG_NONE);
}

static tg_tensor *index_put(const char *where, const tg_op *op, tg_tensor *t, tg_tensor_list indices, tg_operand values,
                            bool accumulate, bool in_place)
{
    tg_tensor_list inputs;
    indexing x;
    if (values.kind == TG_OPERAND_TENSOR && !values.as.tensor)
        return tg_op_begin(where, op, tg_list(NULL)) ? NULL : NULL;
    if (!begin(where, op, t, indices, values.kind == TG_OPERAND_TENSOR ? values.as.tensor : NULL, &inputs)) return NULL;
    if (!make_indexing(op, inputs, t, indices, &x)) return NULL;
    tg_tensor *v = stretched_values(op, inputs, t, values, &x), *flat = v ? ordered(t, &x) : NULL;
    if (!flat) return NULL;
    if (in_place && !tg_will_record(tg_list(t, v)) && tg_shares_storage(flat, t)) { /* no need of another tensor */
        flat = accumulate ? tg_index_add_(flat, x.first, x.places, v) : tg_index_copy_(flat, x.first, x.places, v);
        return flat ? t : NULL;
    }
    tg_tensor *y = accumulate ? tg_index_add(flat, x.first, x.places, v) : tg_index_copy(flat, x.first, x.places, v);
    y = as_it_was(y, &x);
    return in_place ? tgi_write_result(op, t, y) : y;
}

tg_tensor *tg_index_put_at(const char *where, tg_tensor *t, tg_tensor_list indices, tg_operand values,
                           tg_index_put_options options)
{
    return index_put(where, &tgi_op_index_put, t, indices, values, options.accumulate, false);
}

tg_tensor *tg_index_put_in_place_at(const char *where, tg_tensor *t, tg_tensor_list indices, tg_operand values,
                                    tg_index_put_options options)
{
    return index_put(where, &tgi_op_index_put_, t, indices, values, options.accumulate, true);
}
