/* layout.c: sizes, strides and offsets of views, and the checks that view ops share.
 *
 * Everything here works on the description of a tensor; an element is touched by tgi_copy_part and tgi_copy_of_part
 * alone. It must never reach through a layout beyond its tensor: callers check indices first. */
#include "layout.h"

#include "core/thread.h"
#include "iterate.h"
#include <inttypes.h>

void tgi_layout_slice(tgi_layout *layout, int dim, int64_t start, int64_t length, int64_t step)
{
    layout->offset += start * layout->strides[dim];
    layout->dims[dim] = length;
    /* A step too large for the product leaves at most one element, whose stride nobody follows. */
    if (__builtin_mul_overflow(layout->strides[dim], step, &layout->strides[dim])) layout->strides[dim] = 1;
}

void tgi_layout_select(tgi_layout *layout, int dim, int64_t index)
{
    layout->offset += index * layout->strides[dim];
    layout->ndim--;
    for (int d = dim; d < layout->ndim; d++) {
        layout->dims[d] = layout->dims[d + 1];
        layout->strides[d] = layout->strides[d + 1];
    }
}

void tgi_layout_unsqueeze(tgi_layout *layout, int dim)
{
    int64_t stride = dim < layout->ndim ? layout->dims[dim] * layout->strides[dim] : 1;
    for (int d = layout->ndim; d > dim; d--) {
        layout->dims[d] = layout->dims[d - 1];
        layout->strides[d] = layout->strides[d - 1];
    }
    layout->dims[dim] = 1;
    layout->strides[dim] = stride;
    layout->ndim++;
}

tg_tensor *tgi_make_view(tg_tensor *t, const tgi_layout *layout)
{
    tg_tensor *view = tgi_new_view(t, layout->ndim, layout->dims, layout->strides, layout->offset);
    if (view) view->is_view = true;
    return view;
}

tg_tensor *tgi_record_view(const tg_op *op, tg_tensor *t, const tgi_layout *layout, const void *attributes,
                           size_t attributes_size)
{
    tg_tensor *view = tgi_make_view(t, layout);
    if (!view) return NULL;
    return tg_record(op, tg_list(t), tg_list(view), TG_NONE, attributes, attributes_size) == TG_OK ? view : NULL;
}

tg_status tgi_copy_part(tg_tensor *to, const tgi_layout *part, tg_tensor *from)
{
    if (from->numel == 0) return TG_OK;
    const bool seen = tgi_set_seen(false);
    tg_tensor *view = tgi_own(tgi_new_view(to, part->ndim, part->dims, part->strides, part->offset));
    const bool made = view != NULL;
    if (made) tgi_copy_raw(view, from);
    tgi_unref(view);
    tgi_set_seen(seen);
    return made ? TG_OK : TG_FAILED;
}

tg_tensor *tgi_copy_of_part(tg_tensor *from, const tgi_layout *part)
{
    const bool seen = tgi_set_seen(false);
    tg_tensor *view = tgi_own(tgi_new_view(from, part->ndim, part->dims, part->strides, part->offset));
    tgi_set_seen(seen);
    tg_tensor *y = view ? tgi_new_like(view, (tg_dtype)from->dtype) : NULL;
    if (y) tgi_copy_raw(y, view);
    tgi_unref(view);
    return y;
}

int tgi_op_dim(const tg_op *op, tg_tensor_list inputs, int64_t dim, int ndim)
{
    int found = tg_shape_dim(dim, ndim);
    int count = ndim > 0 ? ndim : 1;
    if (found < 0)
        tg_op_fail(op, inputs, "Dimension out of range (expected to be in range of [%d, %d], but got %" PRId64 ")",
                   -count, count - 1, dim);
    return found;
}

bool tgi_op_list_fits(const tg_op *op, tg_tensor_list inputs, const tg_shape *list)
{
    if (list->ndim >= 0 && list->ndim <= TG_MAX_DIMS) return true;
    tg_op_fail(op, inputs, "a list of sizes has 0 to %d entries, but got %d", TG_MAX_DIMS, list->ndim);
    return false;
}

bool tgi_op_can_grow(const tg_op *op, tg_tensor_list inputs, int ndim)
{
    if (ndim < TG_MAX_DIMS) return true;
    tg_op_fail(op, inputs, "a tensor has at most %d dimensions", TG_MAX_DIMS);
    return false;
}

int64_t tgi_op_numel(const tg_op *op, tg_tensor_list inputs, const tg_shape *shape)
{
    int64_t product = 1; /* of the sizes that are not 0: strides must fit, too */
    bool overflow = false, empty = false;
    for (int d = 0; d < shape->ndim; d++) {
        empty |= shape->dims[d] == 0;
        overflow |= shape->dims[d] != 0 && __builtin_mul_overflow(product, shape->dims[d], &product);
    }
    if (!overflow) return empty ? 0 : product;
    tg_op_fail(op, inputs, "numel: integer multiplication overflow");
    return -1;
}
