/* contract.c: pairs of tensors contracted by matmul, and tensordot.
 *
 * Dimensions are put in the order that one product of matrices needs, mostly by views. Where nothing need be moved
 * nothing is: a weight reaches matmul or linear itself, so that what is remembered of it (packed copies, products of its
 * gradient) is. */
#include "contract.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* ---- terms ---- */

static uint64_t bit(int label) { return (uint64_t)1 << label; }

static uint64_t labels_of(const tgi_term *a)
{
    uint64_t all = 0;
    for (int d = 0; d < a->t->ndim; d++) all |= bit(a->labels[d]);
    return all;
}

static int dim_of(const tgi_term *a, int label)
{
    int d = 0;
    while (a->labels[d] != label) d++;
    return d;
}

/* Without the dimensions of the labels in `gone`, over which `t` no longer runs. */
static tgi_term without(const tgi_term *a, uint64_t gone, tg_tensor *t)
{
    tgi_term result = { .t = t };
    int n = 0;
    for (int d = 0; d < a->t->ndim; d++)
        if (!(gone & bit(a->labels[d]))) result.labels[n++] = a->labels[d];
    return result;
}

tgi_term tgi_sum_labels(tgi_term a, uint64_t kept)
{
    tg_shape dims = { 0, { 0 } };
    const uint64_t gone = labels_of(&a) & ~kept;
    for (int d = 0; d < a.t->ndim; d++)
        if (gone & bit(a.labels[d])) dims.dims[dims.ndim++] = d;
    return dims.ndim ? without(&a, gone, tg_sum(a.t, .dims = dims)) : a;
}

/* Drops the dimensions of size 1 that other has, too: there, whatever the size, they stay. */
static tgi_term without_broadcast(tgi_term a, const tgi_term *other)
{
    tg_shape shape = { 0, { 0 } };
    uint64_t gone = 0;
    const uint64_t common = labels_of(&a) & labels_of(other);
    for (int d = 0; d < a.t->ndim; d++) {
        const int label = a.labels[d];
        if ((common & bit(label)) && a.t->dims[d] == 1 && other->t->dims[dim_of(other, label)] != 1)
            gone |= bit(label);
        else
            shape.dims[shape.ndim++] = a.t->dims[d];
    }
    return gone ? without(&a, gone, tg_reshape(a.t, shape)) : a;
}

tg_tensor *tgi_in_order(tgi_term a, const int *labels)
{
    tg_shape order = { a.t->ndim, { 0 } };
    bool moved = false;
    for (int d = 0; d < order.ndim; d++) {
        order.dims[d] = dim_of(&a, labels[d]);
        moved |= order.dims[d] != d;
    }
    return moved ? tg_permute(a.t, order) : a.t;
}

/* ---- one product ---- */

/* Groups of labels, in the order in which an operand has them. */
typedef struct group {
    int count;
    int labels[TG_MAX_DIMS];
    int64_t sizes[TG_MAX_DIMS], size;
} group;

static group group_of(const tgi_term *a, uint64_t members)
{
    group g = { .size = 1 };
    for (int d = 0; d < a->t->ndim; d++) {
        if (!(members & bit(a->labels[d]))) continue;
        g.labels[g.count] = a->labels[d];
        g.sizes[g.count++] = a->t->dims[d];
        g.size *= a->t->dims[d];
    }
    return g;
}

/* The dimensions of `a` in the order of the groups. */
static tg_tensor *arranged(tgi_term a, const group *x, const group *y, const group *z)
{
    const group *groups[] = { x, y, z };
    int labels[TG_MAX_DIMS], n = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < groups[i]->count; k++) labels[n++] = groups[i]->labels[k];
    return tgi_in_order(a, labels);
}

static tg_tensor *shaped(tg_tensor *t, tg_shape shape)
{
    if (!t) return NULL;
    const tg_shape own = tgi_shape(t);
    return tg_shape_equal(&own, &shape) ? t : tg_reshape(t, shape);
}

/* Each group one dimension; the first one only if there are `batches`. */
static tg_tensor *merged(tg_tensor *t, bool batches, int64_t x, int64_t y, int64_t z)
{
    return shaped(t, batches ? tg_shape(x, y, z) : tg_shape(y, z));
}

/* a [batch, left, summed] times b [batch, summed, right], or its other order; what it gives is [batch, left, right]. */
static tg_tensor *product(tgi_term a, tgi_term b, const group *batch, const group *left, const group *summed,
                          const group *right)
{
    tg_tensor *x = arranged(a, batch, left, summed);
    if (summed->count == 0) {
        tg_tensor *y = arranged(b, batch, summed, right);
        if (left->count == 0 && right->count == 0) return tg_mul(x, y);
        return tg_mul(merged(x, true, batch->size, left->size, 1), merged(y, true, batch->size, 1, right->size));
    }
    const bool rows = batch->count == 0 && summed->count == 1 && right->count == 1; /* any number of left dimensions */
    if (rows && b.labels[0] == right->labels[0]) return tg_linear(x, b.t, NULL);
    tg_tensor *y = arranged(b, batch, summed, right);
    if (rows) return tg_matmul(x, y);
    return tg_matmul(merged(x, batch->count > 0, batch->size, left->size, summed->size),
                     merged(y, batch->count > 0, batch->size, summed->size, right->size));
}

tgi_term tgi_contract(const tg_op *op, tg_tensor_list inputs, tgi_term a, tgi_term b, uint64_t kept)
{
    const tgi_term failed = { .t = NULL }, whole = a;
    if ((a = without_broadcast(a, &b)).t == NULL || (b = without_broadcast(b, &whole)).t == NULL) return failed;
    const uint64_t of_a = labels_of(&a), of_b = labels_of(&b);
    if ((a = tgi_sum_labels(a, kept | of_b)).t == NULL || (b = tgi_sum_labels(b, kept | of_a)).t == NULL) return failed;
    const group batch = group_of(&a, of_b & kept), summed = group_of(&a, of_b & ~kept);
    const group left = group_of(&a, ~of_b), right = group_of(&b, ~of_a);
    if (!tgi_op_can_grow(op, inputs, batch.count + left.count + right.count - 1)) return failed;
    const group *groups[] = { &batch, &left, &right };
    tg_shape shape = { 0, { 0 } };
    tgi_term result;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < groups[i]->count; k++) {
            result.labels[shape.ndim] = groups[i]->labels[k];
            shape.dims[shape.ndim++] = groups[i]->sizes[k];
        }
    result.t = shaped(product(a, b, &batch, &left, &summed, &right), shape);
    return result;
}

/* ---- tensordot ---- */

enum { NOT_GIVEN = -1 }; /* a list's ndim, by default */

/* The last dimensions of a and the first of b, or those listed. */
static bool tensordot_dims(tg_tensor_list inputs, const tg_tensordot_options *o, tg_shape *a, tg_shape *b)
{
    const tg_op *op = &tgi_op_tensordot;
    *a = o->dims_a;
    *b = o->dims_b;
    if (a->ndim != NOT_GIVEN || b->ndim != NOT_GIVEN) {
        if (!tgi_shape_ok(op->name, "dims", a) || !tgi_shape_ok(op->name, "dims", b)) return false;
        if (a->ndim == b->ndim) return tgi_op_list_fits(op, inputs, a);
        tg_op_fail(op, inputs, "both dimension lists should have same length");
        return false;
    }
    if (o->dims < 0) {
        tg_op_fail(op, inputs, "tensordot expects dims >= 0, but got dims=%" PRId64, o->dims);
        return false;
    }
    if (o->dims > TG_MAX_DIMS) return tgi_op_dim(op, inputs, -o->dims, inputs.items[0]->ndim) >= 0;
    a->ndim = b->ndim = (int)o->dims;
    for (int i = 0; i < a->ndim; i++) {
        a->dims[i] = i - o->dims;
        b->dims[i] = i;
    }
    return true;
}

static bool check_sizes(tg_tensor_list inputs, const tg_shape *dims_a, const tg_shape *dims_b)
{
    const tg_op *op = &tgi_op_tensordot;
    for (int i = 0; i < dims_a->ndim; i++) {
        const tg_tensor *a = inputs.items[0], *b = inputs.items[1];
        const int da = tgi_op_dim(op, inputs, dims_a->dims[i], a->ndim);
        const int db = da < 0 ? -1 : tgi_op_dim(op, inputs, dims_b->dims[i], b->ndim);
        if (db < 0) return false;
        const int64_t size_a = a->ndim ? a->dims[da] : 1, size_b = b->ndim ? b->dims[db] : 1;
        if (size_a == size_b || size_a == 1 || size_b == 1) continue;
        tg_op_fail(op, inputs,
                   "contracted dimensions need to match, but first has size %" PRId64 " in dim %" PRId64
                   " and second has size %" PRId64 " in dim %" PRId64,
                   size_a, dims_a->dims[i], size_b, dims_b->dims[i]);
        return false;
    }
    return true;
}

/* Labels FIRST, FIRST + 1, ... for the dimensions of `t`, and 0, 1, ... for those listed. */
static bool name_dims(tg_tensor_list inputs, tgi_term *term, const tg_shape *dims, int first)
{
    uint64_t seen = 0;
    for (int d = 0; d < term->t->ndim; d++) term->labels[d] = first + d;
    for (int i = 0; i < dims->ndim; i++) {
        const int d = tg_shape_dim(dims->dims[i], term->t->ndim);
        if (seen & bit(d)) {
            tg_op_fail(&tgi_op_tensordot, inputs, "dim %d appears multiple times in the list of dims", d);
            return false;
        }
        seen |= bit(d);
        term->labels[d] = i;
    }
    return true;
}

tg_tensor *tg_tensordot_at(const char *where, tg_tensor *a, tg_tensor *b, tg_tensordot_options options)
{
    enum { OF_A = TG_MAX_DIMS, OF_B = 2 * TG_MAX_DIMS }; /* labels of what is not summed over */
    const tg_op *op = &tgi_op_tensordot;
    const tg_tensor_list inputs = tg_list(a, b);
    tg_shape dims_a, dims_b;
    if (!tg_op_begin(where, op, inputs) || !tensordot_dims(inputs, &options, &dims_a, &dims_b) ||
        !check_sizes(inputs, &dims_a, &dims_b))
        return NULL;
    if (a->ndim == 0 || b->ndim == 0) dims_a.ndim = dims_b.ndim = 0; /* of one element, whatever is summed over */
    tgi_term x = { .t = a }, y = { .t = b };
    if (!name_dims(inputs, &x, &dims_a, OF_A) || !name_dims(inputs, &y, &dims_b, OF_B)) return NULL;
    return tgi_ordinary(tgi_contract(op, inputs, x, y, ~(bit(OF_A) - 1)).t, inputs);
}

static tg_tensor_list tensordot_call(const tg_value *v)
{
    tg_tensordot_options o = TG_TENSORDOT_OPTIONS(.dims = v[2].as.integer);
    if (v[3].kind == TG_VALUE_INTS) o.dims_a = v[3].as.ints;
    if (v[4].kind == TG_VALUE_INTS) o.dims_b = v[4].as.ints;
    return tgi_result(tg_tensordot_at(TG_HERE, v[0].as.tensor, v[1].as.tensor, o));
}

const tg_op tgi_op_tensordot = {
    .name = "tensordot",
    .schema = "tensordot(Tensor a, Tensor b, int dims=2, int[]? dims_a=None, int[]? dims_b=None) -> Tensor",
    .formula = "y[.., *] = the sum over k of a[.., k] b[k, *]",
    .gradient = "da = the sum over * of g b, db = the sum over .. of g a",
    .doc = "sums over pairs of dimensions: the last dims of a and the first of b, or those listed",
    .shapes = "[.., k] and [k, *] to [.., *]",
    .composite = true,
    .call = tensordot_call,
    .samples =
        (const char *const[]){
            "tensordot(f(2, 3), f(3, 4), dims=1)", "tensordot(f(2, 3, 2), f(3, 2, 2))",
            "tensordot(f(2, 3), f(2), dims=0)", "tensordot(f(2, 3, 4), f(4, 3, 2), dims_a=[1, 2], dims_b=[1, 0])",
            "tensordot(f(2, 3), f(2, 3), dims_a=[-1, 0], dims_b=[-1, -2])",
            "tensordot(f(3, 2, 2), f(4, 3), dims_a=[0], dims_b=[1])",
            "tensordot(f(1, 3), f(4, 3), dims_a=[0], dims_b=[1])",
            "tensordot(f(2, 3), f(1, 2), dims_a=[1], dims_b=[0])", "tensordot(f(), f(), dims=0)",
            "tensordot(f(2, 0), f(0, 3), dims=1)", "tensordot(f(0, 2), f(2, 3), dims=1)",
            "tensordot(f(2, 3), f(3), dims_a=[], dims_b=[])", "tensordot(i(2, 3), i(3, 2), dims=1)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "tensordot(f(2, 3), f(3, 4))",
              "contracted dimensions need to match, but first has size 2 in dim -2 and second has size 3 in dim 0" },
            { "tensordot(f(2, 3), f(3, 4), dims=3)",
              "Dimension out of range (expected to be in range of [-2, 1], but got -3)" },
            { "tensordot(f(2, 3), f(3, 4), dims=-1)", "tensordot expects dims >= 0, but got dims=-1" },
            { "tensordot(f(2, 3), f(3, 4), dims=9)",
              "Dimension out of range (expected to be in range of [-2, 1], but got -9)" },
            { "tensordot(f(2, 3), f(3, 4), dims_a=[1, 0], dims_b=[0])",
              "both dimension lists should have same length" },
            { "tensordot(f(2, 3), f(3, 3), dims_a=[1, 1], dims_b=[0, 0])",
              "dim 1 appears multiple times in the list of dims" },
            { "tensordot(f(2, 3), i(3, 4), dims=1)", "expected scalar type Double but found Long" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "tensordot(f(1, 1, 1, 1, 2), f(1, 1, 1, 1, 2), dims=0)",
                                               "a tensor has at most 8 dimensions" },
                                             { NULL, NULL } },
};
