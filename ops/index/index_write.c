/* index_write.c: what scatter and index_add share: one tensor combined into places of another, or of its copy. */
#include "index_impl.h"
#include "ops/base/iterate.h"
#include "ops/view.h"

/* What is read must not change while `self` is written. */
static tg_tensor *apart(tg_tensor *t, const tg_tensor *self)
{
    return t && tg_shares_storage(t, self) ? tg_clone(t) : t;
}

/* A new tensor with the elements of `t`. */
static tg_tensor *copy_of(tg_tensor *t)
{
    tg_tensor *y = tgi_new_like(t, (tg_dtype)t->dtype);
    if (y) tgi_copy_raw(y, t);
    return y;
}

static bool combine(const tgi_index_write *w, tg_tensor *y)
{
    tg_shape box = tgi_shape(w->vector ? w->self : w->index);
    if (box.ndim == 0) box = tg_shape(1);
    if (w->vector) box.dims[w->dim] = w->index->numel;
    const tgi_indexing work = { .loop = TGI_KERNELS(index)->scatter[w->kernel][y->dtype],
                                .scatter = true,
                                .checked = w->in_place,
                                .vector = w->vector,
                                .box = box,
                                .dim = w->dim,
                                .index = w->index,
                                .x = w->x,
                                .y = y };
    return tgi_index_run(&work);
}

tg_tensor *tgi_index_write_run(tgi_index_write *w)
{
    const int64_t size = tgi_size_along(w->self, w->dim);
    tg_tensor *y = w->self;
    bool ok = true;
    if (w->in_place) { /* nothing may be written before all indices are known to be right */
        w->x = apart(w->x, w->self);
        w->index = apart(w->index, w->self);
        if (!w->x || !w->index || !tg_in_place_begin(w->op, w->self, w->x)) return NULL;
    } else if (!(y = copy_of(w->self))) {
        return NULL;
    }
    if (w->in_place || y->numel == 0) ok = tgi_index_in_range(w->index, size);
    if (ok && y->numel) ok = combine(w, y);
    if (ok) return y;
    w->refuse(w, tgi_index_first_bad(w->index, 0, size), size);
    return NULL;
}

tg_tensor *tgi_index_write_record(const tgi_index_write *w, tg_tensor *y, bool number)
{
    if (!y) return NULL;
    const tg_tensor_list inputs = tg_list(w->self, w->index, number ? NULL : w->x);
    const tg_status status = w->in_place
                                 ? tg_record_in_place(w->op, inputs, y, tg_list(w->index), &w->dim, sizeof w->dim)
                                 : tg_record(w->op, inputs, tg_list(y), tg_list(w->index), &w->dim, sizeof w->dim);
    return status == TG_OK ? y : NULL;
}

tg_tensor_list tgi_index_write_again(const tg_node *node, tg_tensor_list inputs)
{
    if (!inputs.items[0] || !inputs.items[2]) return tg_list_failed();
    const tg_value args[] = { { TG_VALUE_TENSOR, { .tensor = inputs.items[0] } },
                              { TG_VALUE_INT, { .integer = *(const int *)tg_node_attributes(node) } },
                              { TG_VALUE_TENSOR, { .tensor = inputs.items[1] } },
                              { TG_VALUE_TENSOR, { .tensor = inputs.items[2] } },
                              { TG_VALUE_NONE, { NULL } } };
    return tg_node_op(node)->call(args);
}

/* What was there before reached `y` by other nodes. */
void tgi_write_result_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_grad_output(ctx, 0));
}

tg_tensor *tgi_write_result(const tg_op *op, tg_tensor *self, tg_tensor *y)
{
    if (!y || !tg_in_place_begin(op, self, y)) return NULL;
    tgi_copy_raw(self, y);
    return tg_record_in_place(op, tg_list(self, y), self, TG_NONE, NULL, 0) == TG_OK ? self : NULL;
}
