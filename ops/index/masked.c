/* masked.c: what is picked by a mask, and where things are: masked_select, masked_scatter, nonzero, one_hot.
 *
 * A mask is turned into the places of what is true in it; the rest is index_select and index_copy of the flattened
 * tensor. */
#include "ops/base/call.h"
#include "ops/index.h"
#include "index_impl.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/base/iterate.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- nonzero ---- */

/* Whether each element is not 0, contiguous; the tensor itself if it is such a one. */
static tg_tensor *own_flags(tg_tensor *t)
{
    if (t->dtype == TG_BOOL) return tgi_own_contiguous(t);
    tg_tensor *flags = tgi_own(tgi_new_like(t, TG_BOOL));
    if (flags) tgi_copy_raw(flags, t);
    return flags;
}

/* The places of the true ones in row-major order: int64 [n]. NULL passes on. Raw: records nothing. */
static tg_tensor *places_of(tg_tensor *t)
{
    tg_tensor *flags = t ? own_flags(t) : NULL;
    if (!flags) return NULL;
    const uint8_t *flag = tgi_ptr(flags);
    int64_t count = 0;
    for (int64_t i = 0; i < flags->numel; i++) count += flag[i] != 0;
    const tg_shape shape = tg_shape(count);
    tg_tensor *y = tgi_new(&shape, TG_INT64);
    int64_t *to = y ? tgi_ptr(y) : NULL;
    for (int64_t i = 0, k = 0; k < count && to; i++) { /* no branch: a wrong place is written over */
        to[k] = i;
        k += flag[i] != 0;
    }
    tgi_unref(flags);
    return y;
}

static tg_tensor_list nonzero_call(const tg_value *v) { return tgi_result(tg_nonzero(v[0].as.tensor)); }
static tg_tensor_list nonzero_tuple_call(const tg_value *v) { return tg_nonzero_tuple(v[0].as.tensor); }

const tg_op tgi_op_nonzero = {
    .name = "nonzero",
    .schema = "nonzero(Tensor self) -> Tensor",
    .formula = "y[k] = the indices of the k-th element that is not 0",
    .gradient = "none: indices",
    .doc = "where the elements are that are not 0, in row-major order; int64",
    .shapes = "[*] of D dimensions to [n, D]",
    .call = nonzero_call,
    .samples = (const char *const[]){ "nonzero(b(3, 4))", "nonzero(i(2, 3, 4))", "nonzero(f(5, step=1))",
                                      "nonzero(f())", "nonzero(f(2, 0, 3))", "nonzero(v(0, -0.0, nan, inf, 1))", NULL },
    .errors = (const tg_error_sample[]){ { "nonzero(None)", "must be Tensor, not None" }, { NULL, NULL } },
};

const tg_op tgi_op_nonzero_tuple = {
    .name = "nonzero_tuple",
    .schema = "nonzero_tuple(Tensor self) -> Tensor[]",
    .formula = "y[d][k] = the index in dimension d of the k-th element that is not 0",
    .gradient = "none: indices",
    .doc = "PyTorch's nonzero(as_tuple=True): a vector for each dimension, as index takes them",
    .shapes = "[*] of D dimensions to D times [n]",
    .call = nonzero_tuple_call,
    .samples = (const char *const[]){ "nonzero_tuple(b(3, 4))", "nonzero_tuple(i(2, 3, 4))", "nonzero_tuple(f())",
                                      "nonzero_tuple(f(2, 0, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "nonzero_tuple(None)", "must be Tensor, not None" }, { NULL, NULL } },
};

static tg_tensor *nonzero(tg_tensor *t)
{
    tg_tensor *places = tgi_own(places_of(t));
    const tg_shape shape = { 2, { places ? places->numel : 0, t->ndim } };
    tg_tensor *y = places ? tgi_new(&shape, TG_INT64) : NULL;
    const int64_t *place = places ? tgi_ptr(places) : NULL;
    int64_t *to = y ? tgi_ptr(y) : NULL;
    const int last = t->ndim - 1;
    int64_t line = 0, end = 0; /* places of a row of the last dimension: those behind it need divisions */
    for (int64_t k = 0; to && k < shape.dims[0] && last >= 0; k++, to += t->ndim) {
        if (place[k] < end) {
            for (int d = 0; d < last; d++) to[d] = to[d - t->ndim];
        } else {
            int64_t rest = place[k] / t->dims[last];
            line = rest * t->dims[last];
            end = line + t->dims[last];
            for (int d = last - 1; d >= 0; rest /= t->dims[d--]) to[d] = rest % t->dims[d];
        }
        to[last] = place[k] - line;
    }
    tgi_unref(places);
    return y;
}

tg_tensor *tg_nonzero_at(const char *where, tg_tensor *t)
{
    return tg_op_begin(where, &tgi_op_nonzero, tg_list(t)) ? nonzero(t) : NULL;
}

/* A 0-d tensor is taken as one of size 1. */
tg_tensor_list tg_nonzero_tuple_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_nonzero_tuple, tg_list(t))) return tg_list_failed();
    tg_tensor *places = t->ndim < 2 ? places_of(t) : nonzero(t);
    const int count = t->ndim ? t->ndim : 1;
    tg_tensor **items = places ? tg_list_new(count) : NULL;
    if (!items) return tg_list_failed();
    for (int d = 0; d < count; d++) {
        tgi_layout layout = tgi_layout_of(places);
        if (t->ndim > 1) tgi_layout_select(&layout, 1, d);
        if (!(items[d] = t->ndim > 1 ? tgi_make_view(places, &layout) : places)) return tg_list_failed();
    }
    return tg_list_of(items, count);
}

/* ---- masked_select ---- */

static tg_tensor_list masked_select_call(const tg_value *v)
{
    return tgi_result(tg_masked_select(v[0].as.tensor, v[1].as.tensor));
}

const tg_op tgi_op_masked_select = {
    .name = "masked_select",
    .schema = "masked_select(Tensor self, Tensor mask) -> Tensor",
    .formula = "y = the elements of self where mask is true, in row-major order",
    .gradient = "dself = g where mask is true, else 0",
    .doc = "what a mask picks; tensor and mask are broadcast together",
    .shapes = "[*] and [*] to [n]",
    .composite = true,
    .call = masked_select_call,
    .samples = (const char *const[]){ "masked_select(f(3, 4), b(3, 4))", "masked_select(f(3, 4), b(4))",
                                      "masked_select(f(4), b(3, 4))", "masked_select(f(3, 1), b(4))",
                                      "masked_select(f(), b(5))", "masked_select(f(3), b())", "masked_select(f(), b())",
                                      "masked_select(f(0, 3), b(3))", "masked_select(i(3, 4), b(3, 4))",
                                      "masked_select(v(nan, inf, -0.0, 1), b(4))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "masked_select(f(3, 4), f(3, 4))", "masked_select: expected BoolTensor or ByteTensor for mask" },
            { "masked_select(f(3, 4), b(3))",
              "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
            { NULL, NULL } },
};

tg_tensor *tg_masked_select_at(const char *where, tg_tensor *t, tg_tensor *mask)
{
    const tg_op *op = &tgi_op_masked_select;
    tg_shape shape;
    if (!tg_op_begin(where, op, tg_list(t, mask))) return NULL;
    if (mask->dtype != TG_BOOL)
        return tg_op_fail(op, tg_list(t, mask), "masked_select: expected BoolTensor or ByteTensor for mask");
    const tg_shape a = tgi_shape(mask), b = tgi_shape(t);
    if (!tgi_broadcast(op, tg_list(t, mask), &a, &b, &shape)) return NULL;
    tg_tensor *places = places_of(tg_expand(mask, shape));
    return places ? tg_index_select(tg_reshape(tg_expand(t, shape), tg_shape(-1)), 0, places) : NULL;
}

/* ---- masked_scatter ---- */

static tg_tensor_list masked_scatter_call(const tg_value *v)
{
    return tgi_result(tg_masked_scatter(v[0].as.tensor, v[1].as.tensor, v[2].as.tensor));
}

static tg_tensor_list masked_scatter_in_place_call(const tg_value *v)
{
    return tgi_result(tg_masked_scatter_(v[0].as.tensor, v[1].as.tensor, v[2].as.tensor));
}

const tg_op tgi_op_masked_scatter = {
    .name = "masked_scatter",
    .schema = "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
    .formula = "y = self; the k-th element of y where mask is true = the k-th of source",
    .gradient = "dself = g where mask is false, dsource = masked_select(g, mask), followed by zeros",
    .doc = "a copy with the elements that a mask picks taken from source; tensor and mask are broadcast together",
    .shapes = "[*], [*] and [**] to [*]",
    .composite = true,
    .call = masked_scatter_call,
    .samples =
        (const char *const[]){ "masked_scatter(f(3, 4), b(3, 4), f(12))", "masked_scatter(f(3, 4), b(4), f(3, 5))",
                               "masked_scatter(f(4), b(3, 4), f(14))", "masked_scatter(f(3), b(), f(3))",
                               "masked_scatter(f(), b(), f(1))", "masked_scatter(f(0, 3), b(3), f(2))",
                               "masked_scatter(i(3, 4), b(3, 4), i(12))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "masked_scatter(f(3, 4), b(3, 4), f(0))", "Number of elements of source < number of ones in mask" },
            { "masked_scatter(f(3, 4), b(3, 4), i(12))",
              "masked_scatter: expected self and source to have same dtypes but gotDouble and Long" },
            { "masked_scatter(f(3, 4), b(3), f(12))",
              "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "masked_scatter(f(3, 4), f(3, 4), f(12))",
                                               "masked_scatter: expected BoolTensor for mask" },
                                             { NULL, NULL } },
    .traits = TG_CHOOSES,
};

const tg_op tgi_op_masked_scatter_ = {
    .name = "masked_scatter_",
    .schema = "masked_scatter_(Tensor(a!) self, Tensor mask, Tensor source) -> Tensor(a!)",
    .formula = "the k-th element of self where mask is true = the k-th of source",
    .gradient = "as that of masked_scatter",
    .doc = "masked_scatter in place; the mask is broadcast to self's shape",
    .backward = tgi_write_result_backward,
    .call = masked_scatter_in_place_call,
    .in_place_of = &tgi_op_masked_scatter,
};

tg_tensor *tg_masked_scatter_at(const char *where, tg_tensor *t, tg_tensor *mask, tg_tensor *source)
{
    const tg_op *op = &tgi_op_masked_scatter;
    const tg_tensor_list inputs = tg_list(t, mask, source);
    tg_shape shape;
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (mask->dtype != TG_BOOL) return tg_op_fail(op, inputs, "masked_scatter: expected BoolTensor for mask");
    if (t->dtype != source->dtype)
        return tg_op_fail(op, inputs, "masked_scatter: expected self and source to have same dtypes but got%s and %s",
                          tgi_type_name(t), tgi_type_name(source));
    const tg_shape a = tgi_shape(mask), b = tgi_shape(t);
    if (!tgi_broadcast(op, inputs, &a, &b, &shape)) return NULL;
    tg_tensor *places = places_of(tg_expand(mask, shape));
    if (!places) return NULL;
    if (source->numel < places->numel)
        return tg_op_fail(op, inputs, "Number of elements of source < number of ones in mask");
    tg_tensor *from = tg_narrow(tg_reshape(source, tg_shape(-1)), 0, 0, places->numel);
    tg_tensor *y = tg_index_copy(tg_reshape(tg_expand(t, shape), tg_shape(-1)), 0, places, from);
    return tgi_ordinary(tg_reshape(y, shape), inputs);
}

tg_tensor *tg_masked_scatter_in_place_at(const char *where, tg_tensor *t, tg_tensor *mask, tg_tensor *source)
{
    const tg_op *op = &tgi_op_masked_scatter_;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, tg_list(t, mask, source))) return NULL;
    const tg_shape own = tgi_shape(t), other = tgi_shape(mask);
    tg_shape common;
    if (tg_shape_broadcast(&own, &other, &common) && !tg_shape_equal(&common, &own))
        return tg_op_fail(op, tg_list(t, mask, source), "output with shape %s doesn't match the broadcast shape %s",
                          tg_shape_text(&own, a), tg_shape_text(&common, b));
    return tgi_write_result(op, t, tg_masked_scatter_at(NULL, t, mask, source));
}

/* ---- one_hot ---- */

static tg_tensor_list one_hot_call(const tg_value *v)
{
    return tgi_result(tg_one_hot(v[0].as.tensor, v[1].as.integer));
}

const tg_op tgi_op_one_hot = {
    .name = "one_hot",
    .schema = "one_hot(Tensor self, int num_classes=-1) -> Tensor",
    .formula = "y[.., c] = 1 if self[..] = c, else 0",
    .gradient = "none: integers",
    .doc = "classes as vectors with a single 1; num_classes=-1: as many as the largest class needs",
    .usage = "tg_one_hot(self, num_classes)",
    .shapes = "[*] to [*, num_classes]",
    .call = one_hot_call,
    .samples = (const char *const[]){ "one_hot(i(5, lo=0, hi=4))", "one_hot(i(2, 3, lo=0, hi=4), 6)",
                                      "one_hot(i(lo=0, hi=3), 3)", "one_hot(i(0), 3)", "one_hot(i(2, 0), 1)", NULL },
    .errors =
        (const tg_error_sample[]){ { "one_hot(f(3))", "one_hot is only applicable to index tensor." },
                                   { "one_hot(i(3, lo=-1, hi=0))", "Class values must be non-negative." },
                                   { "one_hot(i(3, lo=3, hi=4), 2)", "Class values must be smaller than num_classes." },
                                   { "one_hot(i(3, lo=0, hi=1), 0)", "Class values must be smaller than num_classes." },
                                   { "one_hot(i(0))", "Can not infer total number of classes from empty tensor." },
                                   { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "one_hot(i(1, 1, 1, 1, 1, 1, 1, 1, lo=0, hi=1))", "a tensor has at most 8 dimensions" }, { NULL, NULL } },
};

tg_tensor *tg_one_hot_at(const char *where, tg_tensor *t, int64_t num_classes)
{
    const tg_op *op = &tgi_op_one_hot;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->dtype != TG_INT64) return tg_op_fail(op, tg_list(t), "one_hot is only applicable to index tensor.");
    if (t->numel == 0 && num_classes <= 0)
        return tg_op_fail(op, tg_list(t), "Can not infer total number of classes from empty tensor.");
    if (!tgi_op_can_grow(op, tg_list(t), t->ndim)) return NULL;
    tg_tensor *c = tgi_own_contiguous(t);
    if (!c) return NULL;
    const int64_t *class = tgi_ptr(c);
    int64_t least = 0, most = -1;
    for (int64_t i = 0; i < c->numel; i++) {
        if (class[i] < least) least = class[i];
        if (class[i] > most) most = class[i];
    }
    tg_tensor *y = NULL;
    tg_shape shape = tgi_shape(t);
    shape.dims[shape.ndim++] = num_classes == -1 ? most + 1 : num_classes;
    if (least < 0)
        tg_op_fail(op, tg_list(t), "Class values must be non-negative.");
    else if (num_classes != -1 && most >= num_classes)
        tg_op_fail(op, tg_list(t), "Class values must be smaller than num_classes.");
    else
        y = tgi_new_full(&shape, TG_INT64, 0);
    int64_t *to = y ? tgi_ptr(y) : NULL;
    for (int64_t i = 0; to && i < c->numel; i++) to[i * shape.dims[t->ndim] + class[i]] = 1;
    tgi_unref(c);
    return y;
}
