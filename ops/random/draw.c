/* draw.c: numbers drawn into a tensor's memory, as PyTorch's CPU kernels draw them.
 *
 * A kernel of PyTorch goes through a tensor in the order of its memory, so a transposed one is filled column by column.
 * All but uniform numbers, and normal ones in blocks, are made in double and rounded once. Nothing here checks what an
 * op must check. */
#include "random_impl.h"

#include "ops/base/element.h"

#include <math.h>

/* ---- one number ---- */

double tgi_draw_exponential(tg_generator *g, const double *rate)
{
    return -1.0 / *rate * log(1.0 - tg_random_uniform(g));
}

double tgi_draw_bernoulli(tg_generator *g, const double *p) { return tg_random_uniform(g) < *p; }

/* ---- many ---- */

/* A number of 0 or more, or one of a floating dtype. */
static void put(tg_tensor *t, int64_t i, double value)
{
    void *to = tgi_ptr(t);
    if (t->dtype == TG_INT64)
        ((int64_t *)to)[i] = value < 0x1p63 ? (int64_t)value : INT64_MAX;
    else if (t->dtype == TG_BOOL)
        ((bool *)to)[i] = value != 0;
    else
        tgi_put(to, t->dtype, i, value);
}

void tgi_draw_each(tg_tensor *t, tg_generator *g, tgi_draw_one draw, const double *parameters)
{
    for (int64_t i = 0; i < t->numel; i++) put(t, i, draw(g, parameters));
}

void tgi_draw_normal(tg_tensor *t, tg_generator *g, double mean, double std)
{
    if (t->dtype == TG_FLOAT32)
        tg_generate_normal_f32(g, tgi_ptr(t), t->numel, mean, std);
    else
        tg_generate_normal_f64(g, tgi_ptr(t), t->numel, mean, std);
}

/* Probabilities of float32 are compared with numbers of 24 bits. */
bool tgi_draw_bernoulli_by(const tg_op *op, tg_tensor_list inputs, tg_tensor *y, const tg_tensor *p, tg_generator *g)
{
    const void *from = tgi_ptr(p);
    bool valid = true;
    for (int64_t i = 0; i < p->numel; i++) {
        const double value = tgi_get(from, p->dtype, i);
        valid &= value >= 0 && value <= 1;
    }
    if (!valid) tg_op_fail(op, inputs, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
    for (int64_t i = 0; i < p->numel && valid; i++) {
        const double u = p->dtype == TG_FLOAT32 ? (double)(tg_random32(g) & 0xffffffu) * 0x1p-24 : tg_random_uniform(g);
        put(y, i, u < tgi_get(from, p->dtype, i));
    }
    return valid;
}

/* ---- the order of memory ---- */

/* Sorted by strides, the largest first; a stride of 0, whose elements are all one, moves nothing. */
tg_tensor *tgi_in_memory_order(tg_tensor *t, int order[TG_MAX_DIMS])
{
    const int64_t *strides = tgi_strides(t);
    int64_t dims[TG_MAX_DIMS], steps[TG_MAX_DIMS];
    for (int d = 0; d < t->ndim; d++) {
        int at = d;
        for (int k = d - 1; k >= 0; k--) {
            const int64_t before = strides[order[k]];
            if (before == 0 || strides[d] == 0 || t->dims[order[k]] == 1 || t->dims[d] == 1) continue;
            if (before >= strides[d]) break;
            at = k;
        }
        for (int k = d; k > at; k--) order[k] = order[k - 1];
        order[at] = d;
    }
    for (int d = 0; d < t->ndim; d++) {
        dims[d] = t->dims[order[d]];
        steps[d] = strides[order[d]];
    }
    return tgi_new_view(t, t->ndim, dims, steps, t->offset);
}
