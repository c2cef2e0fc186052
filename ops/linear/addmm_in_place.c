/* addmm_in_place.c: the in-place forms of the products that are added to something.
 *
 * The result is computed, then written; where nothing is recorded and self is no part of what is read, the product is
 * written to self at once. */
#include "ops/base/call.h"
#include "ops/index/index_impl.h"
#include "matmul_impl.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "products_impl.h"
#include "ops/base/promote.h"
#include "ops/view.h"

/* How one of them is computed: the op for two tensors, and, where there is one, what writes self at once. */
typedef struct ways {
    const tg_op *op;
    tg_tensor *(*fn)(const char *where, tg_tensor *input, tg_tensor *a, tg_tensor *b, tg_addmm_options options);
    /* Whether self itself can be what `into` writes; not where `fn` would refuse. NULL: never. */
    bool (*fits)(const tg_tensor *self, const tg_tensor *a, const tg_tensor *b, const tg_addmm_options *options);
    bool (*into)(tg_tensor *self, tg_tensor *a, tg_tensor *b, const tg_addmm_options *options);
} ways;

/* ---- written at once ---- */

static bool apart(const tg_tensor *self, const tg_tensor *a, const tg_tensor *b)
{
    return !tg_shares_storage(self, a) && !tg_shares_storage(self, b);
}

static bool addr_fits(const tg_tensor *self, const tg_tensor *a, const tg_tensor *b, const tg_addmm_options *o)
{
    return self->ndim == 2 && a->ndim == 1 && b->ndim == 1 && self->dims[0] == a->dims[0] &&
           self->dims[1] == b->dims[0] && tgi_strides(self)[1] == 1 && tgi_addr_in_one_pass(self, a, b, o) &&
           apart(self, a, b);
}

static bool addr_into(tg_tensor *self, tg_tensor *a, tg_tensor *b, const tg_addmm_options *o)
{
    return tgi_addr_into(self, self, a, b, o);
}

/* The product of the last two of `ndim` dimensions. One by a single column is better computed alone. */
static bool product_fits(int ndim, const tg_tensor *self, const tg_tensor *a, const tg_tensor *b,
                         const tg_addmm_options *o)
{
    const int m = ndim - 2, n = ndim - 1;
    if (self->ndim != ndim || a->ndim != ndim || b->ndim != ndim) return false;
    for (int d = 0; d < m; d++)
        if (self->dims[d] != a->dims[d] || self->dims[d] != b->dims[d]) return false;
    return self->dims[m] == a->dims[m] && self->dims[n] == b->dims[n] && a->dims[n] == b->dims[m] && b->dims[n] > 1 &&
           o->alpha == 1 && o->beta != 0 && tgi_is_floating(self) && self->dtype == a->dtype &&
           self->dtype == b->dtype && tg_is_contiguous(self) && apart(self, a, b);
}

static bool addmm_fits(const tg_tensor *self, const tg_tensor *a, const tg_tensor *b, const tg_addmm_options *o)
{
    return product_fits(2, self, a, b, o);
}

static bool baddbmm_fits(const tg_tensor *self, const tg_tensor *a, const tg_tensor *b, const tg_addmm_options *o)
{
    return product_fits(3, self, a, b, o);
}

/* self = beta self + a b: the product's tiles add a copy of self as the op for two tensors would. */
static bool product_into(tg_tensor *self, tg_tensor *a, tg_tensor *b, const tg_addmm_options *o)
{
    tg_shape batch = { 0, { 0 } };
    if (self->ndim == 3) batch = tg_shape(self->dims[0]);
    tg_tensor *addend = o->beta == 1 ? tg_clone(self) : tg_mul(self, o->beta);
    return addend && tgi_multiply(a, b, false, &batch, NULL, addend, self);
}

/* ---- the ops ---- */

/* What `fn` returns, written to `self`, whose shape and kind of dtype it must have. */
static tg_tensor *write(const char *where, const ways *w, tg_tensor *self, tg_tensor *a, tg_tensor *b,
                        tg_addmm_options options)
{
    const tg_op *op = w->op;
    const tg_tensor_list inputs = tg_list(self, a, b);
    char own[TG_SHAPE_TEXT], result[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (w->fits && !tg_will_record(inputs) && w->fits(self, a, b, &options)) {
        if (!tg_in_place_begin(op, self, NULL) || !w->into(self, a, b, &options)) return NULL;
        return tg_record_in_place(op, tg_list(self), self, TG_NONE, NULL, 0) == TG_OK ? self : NULL;
    }
    tg_tensor *y = w->fn(TG_HERE, self, a, b, options);
    if (!y) return NULL;
    const tg_shape have = tgi_shape(self), want = tgi_shape(y);
    if (!tg_shape_equal(&have, &want))
        return tg_op_fail(op, inputs, "output with shape %s doesn't match the broadcast shape %s",
                          tg_shape_text(&have, own), tg_shape_text(&want, result));
    if (tgi_is_floating(y) && !tgi_is_floating(self))
        return tg_op_fail(op, inputs, "result type %s can't be cast to the desired output type %s", tgi_type_name(y),
                          tgi_type_name(self));
    return tgi_write_result(op, self, tg_to(y, (tg_dtype)self->dtype));
}

static tg_tensor_list call(const ways *w, const tg_value *v)
{
    tg_addmm_options o;
    if (!tgi_addmm_options_of(w->op, v, &o)) return tg_list_failed();
    return tgi_result(write(TG_HERE, w, v[0].as.tensor, v[1].as.tensor, v[2].as.tensor, o));
}

/* The ways, the function, the thunk and the descriptor of NAME_. */
#define IN_PLACE(op_name, first, second, what, fits, into)                                                             \
    static const ways op_name##_ways = { &tgi_op_##op_name##_, tg_##op_name##_at, fits, into };                        \
    static tg_tensor_list op_name##_in_place_call(const tg_value *v) { return call(&op_name##_ways, v); }              \
    tg_tensor *tg_##op_name##_in_place_at(const char *where, tg_tensor *input, tg_tensor *a, tg_tensor *b,             \
                                          tg_addmm_options options)                                                    \
    {                                                                                                                  \
        return write(where, &op_name##_ways, input, a, b, options);                                                    \
    }                                                                                                                  \
    const tg_op tgi_op_##op_name##_ = {                                                                                \
        .name = #op_name "_",                                                                                          \
        .schema = #op_name "_(Tensor(a!) self, Tensor " first ", Tensor " second                                       \
                           ", *, Scalar beta=1, Scalar alpha=1) -> Tensor(a!)",                                        \
        .formula = "self = beta self + alpha (" what ")",                                                              \
        .gradient = "that of " #op_name,                                                                               \
        .doc = #op_name " in place: self has the result's shape",                                                      \
        .backward = tgi_write_result_backward,                                                                         \
        .call = op_name##_in_place_call,                                                                               \
        .in_place_of = &tgi_op_##op_name,                                                                              \
    };

IN_PLACE(addmm, "mat1", "mat2", "mat1 mat2", addmm_fits, product_into)
IN_PLACE(addmv, "mat", "vec", "mat vec", NULL, NULL)
IN_PLACE(addbmm, "batch1", "batch2", "the sum over b of batch1[b] batch2[b]", NULL, NULL)
IN_PLACE(baddbmm, "batch1", "batch2", "batch1[b] batch2[b]", baddbmm_fits, product_into)
IN_PLACE(addr, "vec1", "vec2", "vec1 vec2T", addr_fits, addr_into)
