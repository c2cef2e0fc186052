/* iterate.c: one inner loop called over the rest of the dimensions.
 *
 * Dimensions that are contiguous with their neighbour in every operand are merged first, so that tensors of the same
 * layout, the usual case, take one call of the kernel, which takes two dimensions at a time. */
#include "iterate.h"

#include "core/watch/environment_impl.h"
#include "ops/engine.h"
#include "ops/kernels/rows/copy_kernels.h"
#include "ops/kernels/template/scratch.h"
#include "parallel.h"

#include <string.h>

/* Work of PARALLEL elements is cut into one piece for each thread, of no fewer than PIECE. Measured with two threads that
 * are awake: mul of floats begins to pay between 2^13 and 2^14 elements, tanh between 2^12 and 2^13. The same tensor's
 * same half is the same thread's in each op, so it is in its cache. */
enum { PARALLEL = 1 << 13, PIECE = 1 << 12, CACHE_LINES = 64 };
/* A copy is made for somebody who may use it on one thread, and would fetch half of it from another's cache. */
enum { COPY_PARALLEL = 1 << 16 };

/* Strides are in bytes; dimension 0 is the innermost. */
typedef struct plan {
    tgi_loop loop;
    int count; /* of operands */
    int ndim;
    int64_t dims[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS][TGI_MAX_OPERANDS];
    char *pointers[TGI_MAX_OPERANDS + 1]; /* the parameters behind the operands */
    int64_t piece;                        /* of the outermost dimension */
} plan;

/* ---- what to do ---- */

/* The stride of operand `t` along dimension d of the result, counted from the right; 0 where it is broadcast. */
static int64_t byte_stride(const tg_tensor *t, int d)
{
    if (!t || d >= t->ndim || t->dims[t->ndim - 1 - d] == 1) return 0;
    return tgi_strides(t)[t->ndim - 1 - d] * (int64_t)tgi_element_size(t);
}

static bool mergeable(const plan *p, const int64_t *strides)
{
    const int last = p->ndim - 1;
    for (int k = 0; k < p->count; k++)
        if (strides[k] != p->strides[last][k] * p->dims[last]) return false;
    return true;
}

static void merge_dims(plan *p, tg_tensor *const *t)
{
    for (int d = 0; d < t[0]->ndim; d++) {
        const int64_t size = t[0]->dims[t[0]->ndim - 1 - d];
        if (size == 1) continue;
        int64_t strides[TGI_MAX_OPERANDS];
        for (int k = 0; k < p->count; k++) strides[k] = byte_stride(t[k], d);
        if (p->ndim && mergeable(p, strides)) {
            p->dims[p->ndim - 1] *= size;
            continue;
        }
        p->dims[p->ndim] = size;
        memcpy(p->strides[p->ndim++], strides, sizeof strides);
    }
}

/* The usual case at once: every operand contiguous and not broadcast, or a single number. One that has as many elements as
 * the result is not broadcast: its shape may lack dimensions of size 1. */
static bool all_flat(plan *p, tg_tensor *const *t)
{
    const tg_tensor *y = t[0];
    if (!y->contiguous) return false;
    for (int k = 0; k < p->count; k++) {
        p->strides[0][k] = 0;
        if (!t[k] || t[k]->numel == 1) continue;
        if (!t[k]->contiguous || t[k]->numel != y->numel) return false;
        p->strides[0][k] = (int64_t)tgi_element_size(t[k]);
    }
    p->ndim = 1;
    p->dims[0] = y->numel;
    return true;
}

/* The kernel takes dimensions 0 and 1. Where an operand is transposed, the dimension in which it is contiguous comes
 * second, and the kernel goes over both in tiles. */
static void choose_rows(plan *p)
{
    for (int d = 2; d < p->ndim; d++) {
        for (int k = 0; k < p->count; k++) {
            const int64_t size = p->strides[0][0] > 0 ? p->strides[0][0] : 1;
            const bool in_order = p->strides[d][k] == size || p->strides[d][k] == -size;
            if (p->strides[0][k] == size || p->strides[0][k] == -size || p->strides[0][k] == 0 || !in_order) continue;
            int64_t strides[TGI_MAX_OPERANDS], dim = p->dims[d];
            memcpy(strides, p->strides[d], sizeof strides);
            memmove(p->strides[2], p->strides[1], (size_t)(d - 1) * sizeof strides);
            memmove(p->dims + 2, p->dims + 1, (size_t)(d - 1) * sizeof dim);
            memcpy(p->strides[1], strides, sizeof strides);
            p->dims[1] = dim;
            return;
        }
    }
}

/* ---- doing it ---- */

/* Indices `start` to `end` of the outermost dimension. */
static void run_part(const plan *p, int64_t start, int64_t end)
{
    const int outer = p->ndim - 1;
    int64_t dims[TG_MAX_DIMS], index[TG_MAX_DIMS] = { 0 };
    char *at[TGI_MAX_OPERANDS + 1];
    memcpy(dims, p->dims, sizeof dims);
    dims[outer] = end - start;
    for (int k = 0; k < p->count; k++) at[k] = p->pointers[k] ? p->pointers[k] + start * p->strides[outer][k] : NULL;
    at[p->count] = p->pointers[p->count];
    for (;;) {
        p->loop(p->ndim > 1 ? dims[1] : 1, dims[0], at, p->strides[1], p->strides[0]);
        int d = 2;
        for (; d < p->ndim; d++) { /* the next rows, counted like an odometer */
            for (int k = 0; k < p->count; k++)
                if (at[k]) at[k] += p->strides[d][k];
            if (++index[d] < dims[d]) break;
            for (int k = 0; k < p->count; k++)
                if (at[k]) at[k] -= p->strides[d][k] * dims[d];
            index[d] = 0;
        }
        if (d >= p->ndim) return;
    }
}

static void run_piece(const void *work, int64_t i)
{
    const plan *p = work;
    const int64_t start = i * p->piece, all = p->dims[p->ndim - 1];
    run_part(p, start, start + p->piece < all ? start + p->piece : all);
}

/* A single number needs no plan. */
static inline void run_one(tgi_loop loop, int count, tg_tensor *const *t, const void *parameters)
{
    static const int64_t no_strides[TGI_MAX_OPERANDS];
    char *p[TGI_MAX_OPERANDS + 1];
    for (int k = 0; k < count; k++) p[k] = t[k] ? tgi_ptr(t[k]) : NULL;
    p[count] = (char *)(uintptr_t)parameters;
    loop(1, 1, p, NULL, no_strides);
}

/* Not inlined, so that a single number does not pay for a frame that holds a plan. */
__attribute__((noinline)) static void run_many(tgi_loop loop, int count, tg_tensor *const *t, const void *parameters,
                                               int64_t parallel)
{
    const int64_t numel = t[0]->numel;
    plan p;
    p.loop = loop;
    p.count = count;
    p.ndim = 0;
    for (int k = 0; k < count; k++) p.pointers[k] = t[k] ? tgi_ptr(t[k]) : NULL;
    p.pointers[count] = (char *)(uintptr_t)parameters;
    if (!all_flat(&p, t)) {
        p.ndim = 0;
        merge_dims(&p, t);
        choose_rows(&p);
    }
    if (numel < parallel && p.ndim <= 2) { /* one call of the kernel does it */
        const bool rows = p.ndim > 1;
        loop(rows ? p.dims[1] : 1, p.dims[0], p.pointers, rows ? p.strides[1] : NULL, p.strides[0]);
        return;
    }
    const int64_t outer = p.dims[p.ndim - 1];
    const int64_t pieces = numel >= parallel ? tgi_smaller(tgi_threads(), numel / PIECE) : 1;
    p.piece = tgi_pieces(outer, pieces);
    if (p.ndim == 1 && pieces > 1)
        p.piece = tgi_pieces(p.piece, CACHE_LINES) * CACHE_LINES; /* no line is two threads' */
    tgi_run_tasks(true, tgi_pieces(outer, p.piece), run_piece, &p);
}

void tgi_iterate_with(tgi_loop loop, int count, tg_tensor *const *t, const void *parameters)
{
    if (t[0]->numel > 1)
        run_many(loop, count, t, parameters, PARALLEL);
    else if (t[0]->numel == 1)
        run_one(loop, count, t, parameters);
}

void tgi_iterate(tgi_loop loop, int count, tg_tensor *const *t) { tgi_iterate_with(loop, count, t, NULL); }

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
    const tgi_loop loop = TGI_KERNELS(copy)->run[to->dtype][from->dtype];
    if (to->numel > 1)
        run_many(loop, 2, operands, NULL, COPY_PARALLEL);
    else
        tgi_iterate(loop, 2, operands);
}

tg_tensor *tgi_contiguous_raw(tg_tensor *t)
{
    if (tg_is_contiguous(t)) return t;
    const tg_shape shape = tgi_shape(t);
    tg_tensor *copy = tgi_new(&shape, (tg_dtype)t->dtype);
    if (copy) tgi_copy_raw(copy, t);
    return copy;
}

/* ---- before the first op ---- */

/* What the kernels work in comes from where everything else does. */
static tgi_scratch_source scratch_source(void)
{
    const tgi_allocator system = tgi_system_allocator();
    return (tgi_scratch_source){ system.allocate, system.release, system.context, system.poisoned };
}

/* Every op rests on this file, so a program that has ops gives the engine what it needs of them, and can be watched. */
__attribute__((constructor)) static void equip_engine(void)
{
    tgi_watch_environment();
    tg_engine_use(&tgi_engine_ops);
    tgi_scratch_from(scratch_source);
}
