/* reduction.c: which dimensions a reduction takes away, and the tensor as its loops see it. */
#include "ops/index/index_impl.h"
#include "ops/base/layout.h"
#include "reduce_impl.h"
#include "ops/view.h"

bool tgi_reduction_read(const tg_op *op, tg_tensor *t, int64_t dim, const tg_shape *dims, bool keepdim,
                        tgi_reduction *r)
{
    tg_shape list = *dims;
    if (!tgi_op_list_fits(op, tg_list(t), &list)) return false;
    if (list.ndim && dim != TG_NO_DIM) return tg_op_fail(op, tg_list(t), "give dim or dims, not both");
    if (dim != TG_NO_DIM) list = tg_shape(dim);
    *r = (tgi_reduction){ .keepdim = keepdim };
    for (int d = 0; d < t->ndim; d++) r->reduced[d] = list.ndim == 0;
    for (int i = 0; i < list.ndim; i++) {
        const int d = tgi_op_dim(op, tg_list(t), list.dims[i], t->ndim);
        if (d < 0) return false;
        if (r->reduced[d]) return tg_op_fail(op, tg_list(t), "dim %d appears multiple times in the list of dims", d);
        r->reduced[d] = true;
    }
    return true;
}

tg_shape tgi_reduction_shape(const tgi_reduction *r, const tg_tensor *t)
{
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < t->ndim; d++) {
        if (!r->reduced[d])
            shape.dims[shape.ndim++] = t->dims[d];
        else if (r->keepdim)
            shape.dims[shape.ndim++] = 1;
    }
    return shape;
}

int64_t tgi_reduction_count(const tgi_reduction *r, const tg_shape *shape)
{
    int64_t n = 1;
    for (int d = 0; d < shape->ndim; d++)
        if (r->reduced[d]) n *= shape->dims[d];
    return n;
}

tg_tensor *tgi_reduction_keep(const tgi_reduction *r, const tg_shape *shape, tg_tensor *y)
{
    tg_shape kept = *shape;
    for (int d = 0; d < shape->ndim; d++)
        if (r->reduced[d]) kept.dims[d] = 1;
    return r->keepdim ? y : tg_reshape(y, kept);
}

tg_tensor *tgi_reduction_spread(const tgi_reduction *r, const tg_shape *shape, tg_tensor *y)
{
    return tg_expand(tgi_reduction_keep(r, shape, y), *shape);
}

tg_shape tgi_dims_of(const tg_value *value)
{
    const tg_shape none = tg_shape();
    return value->kind == TG_VALUE_INTS ? value->as.ints : none;
}

int64_t tgi_dim_of(const tg_value *value) { return value->kind == TG_VALUE_INT ? value->as.integer : TG_NO_DIM; }

/* ---- the tensor as the loops see it ---- */

tgi_axes tgi_axes_of(const tg_tensor *t, const bool reduced[TG_MAX_DIMS])
{
    tgi_axes l = { .data = tgi_ptr(t), .dtype = t->dtype };
    for (int d = 0; d < t->ndim; d++) {
        if (t->dims[d] == 1) continue;
        l.dims[l.ndim] = t->dims[d];
        l.strides[l.ndim] = tgi_strides(t)[d] * (int64_t)tgi_element_size(t);
        l.reduced[l.ndim++] = reduced[d];
    }
    return l;
}

void tgi_axes_merge(tgi_axes *l)
{
    int n = 0;
    for (int d = 0; d < l->ndim; d++) {
        const bool joins =
            n > 0 && l->reduced[n - 1] == l->reduced[d] && l->strides[n - 1] == l->strides[d] * l->dims[d];
        if (joins) {
            l->dims[n - 1] *= l->dims[d];
            l->strides[n - 1] = l->strides[d];
        } else {
            l->dims[n] = l->dims[d];
            l->strides[n] = l->strides[d];
            l->reduced[n++] = l->reduced[d];
        }
    }
    l->ndim = n;
}

/* The dimensions of a tensor of `ndim` that go. */
static tg_shape dims_that_go(const tgi_reduction *r, int ndim)
{
    tg_shape dims = tg_shape();
    for (int d = 0; d < ndim; d++)
        if (r->reduced[d]) dims.dims[dims.ndim++] = d;
    return dims;
}

tg_tensor_list tgi_reduction_again(const tg_node *node, tg_tensor_list inputs)
{
    const tgi_reduction *r = tg_node_attributes(node);
    const tg_value args[] = { { TG_VALUE_TENSOR, { .tensor = inputs.items[0] } },
                              { TG_VALUE_INTS, { .ints = dims_that_go(r, inputs.items[0]->ndim) } },
                              { TG_VALUE_BOOL, { .boolean = r->keepdim } },
                              { TG_VALUE_NONE, { NULL } } };
    return tg_node_op(node)->call(args);
}

tg_tensor_list tgi_reduction_along_again(const tg_node *node, tg_tensor_list inputs)
{
    const tgi_reduction *r = tg_node_attributes(node);
    const tg_shape dims = dims_that_go(r, inputs.items[0]->ndim);
    const tg_value args[] = { { TG_VALUE_TENSOR, { .tensor = inputs.items[0] } },
                              { dims.ndim > 1 ? TG_VALUE_NONE : TG_VALUE_INT, { .integer = dims.dims[0] } },
                              { TG_VALUE_BOOL, { .boolean = r->keepdim } },
                              { TG_VALUE_NONE, { NULL } } };
    return tg_node_op(node)->call(args);
}
