/* scatter_add.c: elements added where an index tensor says, in place as well, and the checks of all scatters.
 *
 * The gradient is a gather. A src that is larger than its index is cut to it first, so that what is recorded has index's
 * shape and so has its gradient. */
#include "ops/scatter.h"
#include "ops/base/call.h"
#include "ops/index.h"
#include "index_impl.h"
#include "ops/base/layout.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* ---- checks ---- */

static int dims_of(const tg_tensor *t) { return t->ndim ? t->ndim : 1; }

static bool index_fits(const tg_op *op, tg_tensor *self, int dim, tg_tensor *index, tg_tensor *src)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT], c[TG_SHAPE_TEXT];
    const tg_shape ours = tgi_shape(self), indices = tgi_shape(index);
    const tg_shape theirs = src ? tgi_shape(src) : indices;
    bool fits = true;
    if (index->dtype != TG_INT64)
        return tg_op_fail(op, tg_list(self, index), "scatter(): Expected dtype int64 for index");
    if (index->numel == 0) return true;
    if (dims_of(self) != dims_of(index))
        return tg_op_fail(op, tg_list(self, index),
                          "Index tensor must have the same number of dimensions as self tensor");
    if (src && dims_of(src) != dims_of(index))
        return tg_op_fail(op, tg_list(self, index, src),
                          "Index tensor must have the same number of dimensions as src tensor");
    for (int d = 0; d < dims_of(self); d++) {
        fits &= d == dim || tgi_size_along(index, d) <= tgi_size_along(self, d);
        fits &= !src || tgi_size_along(index, d) <= tgi_size_along(src, d);
    }
    if (fits) return true;
    tg_shape_text(&indices, a);
    tg_shape_text(&ours, b);
    if (src)
        return tg_op_fail(op, tg_list(self, index, src),
                          "Expected index %s to be smaller than self %s apart from dimension %d and to be smaller size "
                          "than src %s",
                          a, b, dim, tg_shape_text(&theirs, c));
    return tg_op_fail(op, tg_list(self, index), "Expected index %s to be smaller than self %s apart from dimension %d",
                      a, b, dim);
}

void tgi_scatter_refuse(const tgi_index_write *w, int64_t bad, int64_t size)
{
    tg_op_fail(w->op, tg_list(w->self, w->index),
               "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64, bad, w->dim, size);
}

int tgi_scatter_dim(const tg_op *op, tg_tensor *self, int64_t dim, tg_tensor *index, tg_tensor *src)
{
    const int d = tgi_op_dim(op, tg_list(self, index), dim, self->ndim);
    if (d < 0 || !index_fits(op, self, d, index, src)) return -1;
    if (src && src->dtype != self->dtype) {
        tg_op_fail(op, tg_list(self, index, src), "scatter(): Expected self.dtype to be equal to src.dtype");
        return -1;
    }
    return d;
}

tg_tensor *tgi_scatter_cut(tg_tensor *src, const tg_tensor *index)
{
    if (index->numel == 0) return tg_reshape(tg_narrow(tg_reshape(src, tg_shape(-1)), 0, 0, 0), tgi_shape(index));
    for (int d = 0; src && d < src->ndim; d++)
        if (src->dims[d] > tgi_size_along(index, d)) src = tg_narrow(src, d, 0, tgi_size_along(index, d));
    return src && src->ndim != index->ndim ? tg_reshape(src, tgi_shape(index)) : src; /* 0-d and [1] */
}

tg_tensor *tgi_scatter_run(const tg_op *op, int kernel, bool in_place, tg_tensor *self, int dim, tg_tensor *index,
                           tg_tensor *src)
{
    const bool number = src && src->ndim == 0 && index->numel != 1;
    if (!number) src = src ? tgi_scatter_cut(src, index) : NULL;
    if (!src) return NULL;
    tgi_index_write w = { .op = op,
                          .kernel = kernel,
                          .in_place = in_place,
                          .dim = dim,
                          .self = self,
                          .index = index,
                          .x = src,
                          .refuse = tgi_scatter_refuse };
    return tgi_index_write_record(&w, tgi_index_write_run(&w), number);
}

/* ---- scatter_add ---- */

static void scatter_add_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, g);
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_gather(g, dim, tg_saved(ctx, 0)));
}

/* Without self it is zeros. */
static tg_tensor_list scatter_add_again(const tg_node *node, tg_tensor_list inputs)
{
    const int dim = *(const int *)tg_node_attributes(node);
    tg_tensor *self = inputs.items[0], *index = inputs.items[1], *src = inputs.items[2];
    if (self) return tgi_result(tg_scatter_add(self, dim, index, src));
    return tgi_result(tgi_scatter_add_zeros(tg_node_output_shape(node, 0), dim, index, src));
}

static tg_tensor_list scatter_add_call(const tg_value *v)
{
    return tgi_result(tg_scatter_add(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor));
}

static tg_tensor_list scatter_add_in_place_call(const tg_value *v)
{
    return tgi_result(tg_scatter_add_(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor));
}

const tg_op tgi_op_scatter_add = {
    .name = "scatter_add",
    .schema = "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    .formula = "y = self; y[.., index[.., i, ..], ..] += src[.., i, ..]",
    .gradient = "dself = g, dsrc = gather(g, dim, index)",
    .doc = "a copy with elements of src added where index says",
    .shapes = "[*, N, *], index [*', M, *'] and src no smaller than index, to self's",
    .backward = scatter_add_backward,
    .call = scatter_add_call,
    .again = scatter_add_again,
    .samples =
        (const char *const[]){ "scatter_add(f(3, 4), 1, i(3, 5, lo=0, hi=4), f(3, 5))",
                               "scatter_add(f(3, 4), 0, i(2, 3, lo=0, hi=3), f(4, 4))",
                               "scatter_add(f(2, 3, 4), -2, i(2, 5, 3, lo=0, hi=3), f(2, 5, 3))",
                               "scatter_add(f(4), 0, i(9, lo=0, hi=4), f(9))",
                               "scatter_add(f(), 0, i(lo=0, hi=1), f())", "scatter_add(f(), 0, i(3, lo=0, hi=1), f(3))",
                               "scatter_add(f(3), 0, i(lo=0, hi=3), f())", "scatter_add(f(3, 4), 1, i(0), f(3, 2))",
                               "scatter_add(f(0, 4), 1, i(0, 2), f(0, 2))",
                               "scatter_add(i(3, 4), 1, i(3, 2, lo=0, hi=4), i(3, 2))",
                               "scatter_add(b(3, 4), 0, i(1, 4, lo=0, hi=3), b(1, 4))", NULL },
    .corners =
        (const char *const[]){ "scatter_add(v(1, nan, -inf, -0.0), 0, i(6, lo=0, hi=4), v(nan, inf, -0.0, 1, 2, 3))",
                               NULL },
    .errors = (const tg_error_sample[]){ { "scatter_add(f(3, 4), 1, i(3, 2), f(3, 1))",
                                           "Expected index [3, 2] to be smaller than self [3, 4] apart from "
                                           "dimension 1 and to be smaller size than src [3, 1]" },
                                         { "scatter_add(f(3, 4), 1, i(3, 2, lo=0, hi=1), i(3, 2))",
                                           "scatter(): Expected self.dtype to be equal to src.dtype" },
                                         { "scatter_add(f(3, 4), 1, i(3, 2, lo=4, hi=5), f(3, 2))",
                                           "index 4 is out of bounds for dimension 1 with size 4" },
                                         { "scatter_add(f(3, 4), 1, i(3, 2, lo=-1, hi=0), f(3, 2))",
                                           "index -1 is out of bounds for dimension 1 with size 4" },
                                         { "scatter_add(f(3, 4), 1, f(3, 2), f(3, 2))",
                                           "scatter(): Expected dtype int64 for index" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_scatter_add_ = {
    .name = "scatter_add_",
    .schema = "scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)",
    .formula = "self[.., index[.., i, ..], ..] += src[.., i, ..]",
    .gradient = "dself = g, dsrc = gather(g, dim, index)",
    .doc = "scatter_add in place",
    .backward = scatter_add_backward,
    .call = scatter_add_in_place_call,
    .in_place_of = &tgi_op_scatter_add,
};

static tg_tensor *scatter_add(const char *where, const tg_op *op, bool in_place, tg_tensor *t, int64_t dim,
                              tg_tensor *index, tg_tensor *src)
{
    if (!tg_op_begin(where, op, tg_list(t, index, src))) return NULL;
    const int d = tgi_scatter_dim(op, t, dim, index, src);
    return d < 0 ? NULL : tgi_scatter_run(op, TGI_SCATTER_ADD, in_place, t, d, index, src);
}

tg_tensor *tg_scatter_add_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src)
{
    return scatter_add(where, &tgi_op_scatter_add, false, t, dim, index, src);
}

tg_tensor *tg_scatter_add_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src)
{
    return scatter_add(where, &tgi_op_scatter_add_, true, t, dim, index, src);
}

/* The zeros are its own: written in place, and no input of the node. */
tg_tensor *tgi_scatter_add_zeros(tg_shape shape, int dim, tg_tensor *index, tg_tensor *src)
{
    if (!index || !src) return NULL;
    tg_tensor *y = tgi_new_full(&shape, (tg_dtype)src->dtype, 0);
    if (!y) return NULL;
    const tgi_indexing work = { .loop = TGI_KERNELS(index)->scatter[TGI_SCATTER_ADD][y->dtype],
                                .scatter = true,
                                .box = index->ndim ? tgi_shape(index) : tg_shape(1),
                                .dim = dim,
                                .index = index,
                                .x = src,
                                .y = y };
    if (!tgi_index_run(&work))
        return tg_op_fail(&tgi_op_scatter_add, tg_list(index, src), "the index was changed since it was used");
    return tg_record(&tgi_op_scatter_add, tg_list(NULL, index, src), tg_list(y), tg_list(index), &dim, sizeof dim) ==
                   TG_OK
               ? y
               : NULL;
}
