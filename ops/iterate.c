/* iterate.c: one inner loop called over the rest of the dimensions.
 *
 * Dimensions that are contiguous with their neighbour in every operand are merged first, so that tensors of the same
 * layout, the usual case, take one call of the kernel. */
#include "iterate.h"
#include "matmul_impl.h"
#include "pointwise.h"
#include "reduce_impl.h"
#include "view.h"

#include <string.h>

typedef struct plan {
    int ndim;
    int64_t dims[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS][TGI_MAX_OPERANDS]; /* in bytes; dimension 0 is the innermost */
    char *pointers[TGI_MAX_OPERANDS];
} plan;

/* The stride of operand `t` along dimension d of the result, counted from the right; 0 where it is broadcast. */
static int64_t byte_stride(const tg_tensor *t, int d)
{
    if (!t || d >= t->ndim || t->dims[t->ndim - 1 - d] == 1) return 0;
    return t->strides[t->ndim - 1 - d] * (int64_t)tgi_element_size(t);
}

static bool mergeable(const plan *p, int count, const int64_t *strides)
{
    const int last = p->ndim - 1;
    for (int k = 0; k < count; k++)
        if (strides[k] != p->strides[last][k] * p->dims[last]) return false;
    return true;
}

static void make_plan(plan *p, int count, tg_tensor *const *t)
{
    p->ndim = 0;
    for (int k = 0; k < count; k++) p->pointers[k] = t[k] ? tgi_ptr(t[k]) : NULL;
    for (int d = 0; d < t[0]->ndim; d++) {
        const int64_t size = t[0]->dims[t[0]->ndim - 1 - d];
        if (size == 1) continue;
        int64_t strides[TGI_MAX_OPERANDS];
        for (int k = 0; k < count; k++) strides[k] = byte_stride(t[k], d);
        if (p->ndim && mergeable(p, count, strides)) {
            p->dims[p->ndim - 1] *= size;
            continue;
        }
        p->dims[p->ndim] = size;
        memcpy(p->strides[p->ndim++], strides, sizeof strides);
    }
    if (p->ndim) return;
    p->ndim = 1;
    p->dims[0] = 1;
    memset(p->strides[0], 0, sizeof p->strides[0]);
}

void tgi_iterate(tgi_loop loop, int count, tg_tensor *const *t)
{
    if (t[0]->numel == 0) return;
    plan p;
    make_plan(&p, count, t);
    int64_t index[TG_MAX_DIMS] = { 0 };
    char *at[TGI_MAX_OPERANDS];
    memcpy(at, p.pointers, sizeof at);
    for (;;) {
        loop(p.dims[0], at, p.strides[0]);
        int d = 1;
        for (; d < p.ndim; d++) { /* the next row, counted like an odometer */
            for (int k = 0; k < count; k++)
                if (at[k]) at[k] += p.strides[d][k];
            if (++index[d] < p.dims[d]) break;
            for (int k = 0; k < count; k++)
                if (at[k]) at[k] -= p.strides[d][k] * p.dims[d];
            index[d] = 0;
        }
        if (d >= p.ndim) return;
    }
}

/* PyTorch names the sizes at the first dimension, from the right, that does not fit. */
bool tgi_broadcast(const tg_op *op, tg_tensor_list inputs, const tg_shape *a, const tg_shape *b, tg_shape *shape)
{
    if (tg_shape_broadcast(a, b, shape)) return true;
    int d = 1;
    while (a->dims[a->ndim - d] == b->dims[b->ndim - d] || a->dims[a->ndim - d] == 1 || b->dims[b->ndim - d] == 1) d++;
    tg_op_fail(op, inputs,
               "The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton dimension %d",
               (long long)a->dims[a->ndim - d], (long long)b->dims[b->ndim - d],
               (a->ndim > b->ndim ? a->ndim : b->ndim) - d);
    return false;
}

void tgi_copy_raw(tg_tensor *to, tg_tensor *from)
{
    tg_tensor *operands[] = { to, from };
    tgi_iterate(tgi_kernels_get()->copy[to->dtype][from->dtype], 2, operands);
}

tg_tensor *tgi_contiguous_raw(tg_tensor *t)
{
    if (tg_is_contiguous(t)) return t;
    const tg_shape shape = tgi_shape(t);
    tg_tensor *copy = tgi_new(&shape, (tg_dtype)t->dtype);
    if (copy) tgi_copy_raw(copy, t);
    return copy;
}

/* ---- what the engine needs ---- every op rests on this file, so a program that has ops has these too */

static tg_tensor *engine_add(tg_tensor *a, tg_tensor *b) { return tg_add(a, b); }
static tg_tensor *engine_clone(tg_tensor *t) { return tg_clone(t); }

static tg_status engine_add_in_place(tg_tensor *a, tg_tensor *b)
{
    tg_tensor *operands[] = { a, a, b };
    tgi_iterate(tgi_kernels_get()->binary[TGI_BINARY_add][a->dtype], 3, operands);
    return TG_OK;
}

__attribute__((constructor)) static void equip_engine(void)
{
    static const tg_engine_ops ops = { engine_add, engine_add_in_place, tgi_sum_to, engine_clone, tgi_add_products };
    tg_engine_use(&ops);
}
