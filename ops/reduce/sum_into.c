/* sum_into.c: the loops of sums over any set of dimensions.
 *
 * Built for gradients of biases (many rows, few columns), for losses (one long sum) and for means of layers. The order
 * in which elements are added follows from the shape alone: a transposed tensor has the same sum as its copy, and one
 * thread finds what eight find. Nothing here may add from left to right: every level is pairwise. */
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/kernels/rows/copy_kernels.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "ops/kernels/template/scratch.h"
#include "ops/base/parallel.h"
#include "reduce_impl.h"

#include <string.h>

/* Powers of two: pieces of such a length are whole branches of the tree in which the kernels add, so that the sum does
 * not tell how it was cut. */
enum {
    CHUNK = 1 << 16,      /* elements added up by one call of a kernel */
    COLUMNS = 1 << 9,     /* kept columns that one such call takes at most */
    ROWS = 1 << 11,       /* rows that it takes at least, if there are so many */
    ROW_MOST = CHUNK / 8, /* elements of a row that is copied as a whole */
    BLOCK = 512,          /* elements that a kernel adds up before there is a tree */
    LINE = 64,            /* bytes of a line of the caches */
    TILE = 16,            /* rows that a kernel turns at once, at most */
    PARALLEL = 1 << 16    /* elements from which on several threads pay */
};

/* ---- the loops ---- */

/* `terms` of those that add up the elements as they are. */
enum { PLAIN = -1 };

/* One sweep: [outer..., n, inner] becomes [outer..., inner] by way of [outer..., chunks, inner]. */
typedef struct pass {
    const tgi_axes *from;
    int terms;
    int outer_dims;
    int64_t outer, n, inner;
    int64_t row, column;   /* strides in bytes */
    int64_t chunk, chunks; /* of n */
    int64_t block, blocks; /* of inner */
    int64_t run, runs;     /* of outer indices */
    char *partial;         /* [outer, chunks, inner] */
    int to_dtype;
    int64_t to_size; /* bytes of an element of the result */
} pass;

static int64_t element_size(int dtype) { return (int64_t)tg_dtype_size((tg_dtype)dtype); }

static int last_reduced(const tgi_axes *l)
{
    int d = l->ndim - 1;
    while (d >= 0 && !l->reduced[d]) d--;
    return d;
}

/* True when the next pass can run: the last group of reduced dimensions and the kept ones after it are one dimension
 * each. */
static bool ready(const tgi_axes *l)
{
    int d = last_reduced(l);
    return d >= l->ndim - 2 && !(d > 0 && l->reduced[d - 1]);
}

/* Where outer index `o` begins; `index` is its place in each outer dimension. */
static const char *start_of(const pass *p, int64_t o, int64_t index[TG_MAX_DIMS])
{
    const char *a = p->from->data;
    for (int d = p->outer_dims - 1; d >= 0; d--) {
        index[d] = o % p->from->dims[d];
        o /= p->from->dims[d];
        a += index[d] * p->from->strides[d];
    }
    return a;
}

/* The next outer index, counted like an odometer. */
static const char *step(const pass *p, const char *a, int64_t index[TG_MAX_DIMS])
{
    for (int d = p->outer_dims - 1; d >= 0; d--) {
        a += p->from->strides[d];
        if (++index[d] < p->from->dims[d]) break;
        a -= p->from->strides[d] * p->from->dims[d];
        index[d] = 0;
    }
    return a;
}

static void sum(const pass *p, int64_t rows, int64_t n, const char *a, int64_t row, char *y)
{
    const tgi_reduce_kernels *k = TGI_KERNELS(reduce);
    const int dtype = p->from->dtype;
    (p->terms == PLAIN ? k->sum[dtype] : k->sum_of[p->terms][dtype])(rows, n, a, row, p->row, y);
}

static void sum_rows(const pass *p, int64_t n, int64_t m, const char *a, char *y)
{
    const tgi_reduce_kernels *k = TGI_KERNELS(reduce);
    const int dtype = p->from->dtype;
    (p->terms == PLAIN ? k->sum_rows[dtype] : k->sum_rows_of[p->terms][dtype])(n, m, a, p->row, p->column, y);
}

/* One chunk and block of a run of outer indices. */
static void pass_task(const void *work, int64_t task)
{
    const pass *p = work;
    int64_t block = task % p->blocks, chunk = task / p->blocks % p->chunks,
            outer = task / p->blocks / p->chunks * p->run;
    int64_t rows = tgi_smaller(p->chunk, p->n - chunk * p->chunk),
            columns = tgi_smaller(p->block, p->inner - block * p->block);
    int64_t end = tgi_smaller(outer + p->run, p->outer), index[TG_MAX_DIMS];
    int64_t skip = chunk * p->chunk * p->row + block * p->block * p->column;
    char *y = p->partial + ((outer * p->chunks + chunk) * p->inner + block * p->block) * p->to_size;
    for (const char *a = start_of(p, outer, index); outer < end;) {
        int64_t together = 1;
        if (p->inner == 1 && p->chunks == 1 && p->outer_dims > 0) { /* all of the last outer dimension at once */
            const int last = p->outer_dims - 1;
            together = tgi_smaller(p->from->dims[last] - index[last], end - outer);
            sum(p, together, rows, a + skip, p->from->strides[last], y);
            index[last] += together - 1;
            a += (together - 1) * p->from->strides[last];
        } else if (p->inner == 1) {
            sum(p, 1, rows, a + skip, 0, y);
        } else {
            sum_rows(p, rows, columns, a + skip, y);
        }
        y += together * p->chunks * p->inner * p->to_size;
        outer += together;
        a = step(p, a, index);
    }
}

/* Adds the chunks of one outer index pairwise into the first one. */
static void fold_chunks(const pass *p, int64_t outer)
{
    tgi_loop add = TGI_ROW(pointwise, add)->forward[p->to_dtype];
    int64_t row = p->inner * p->to_size, strides[] = { p->to_size, p->to_size, p->to_size };
    char *first = p->partial + outer * p->chunks * row;
    for (int64_t step = 1; step < p->chunks; step *= 2) {
        const int64_t pairs = tgi_pieces(p->chunks - step, 2 * step), apart = 2 * step * row;
        add(pairs, p->inner, (char *[]){ first, first, first + step * row }, (int64_t[]){ apart, apart, apart },
            strides);
    }
}

/* Writes [outer..., inner] to `to`. False when memory ran out. */
static bool pass_run(pass *p, tg_tensor *to)
{
    tg_tensor *partial = to;
    if (p->chunks > 1) {
        tg_shape shape = tg_shape(p->outer * p->chunks * p->inner);
        partial = tgi_own(tgi_new(&shape, (tg_dtype)p->to_dtype));
        if (!partial) return false;
    }
    p->partial = tgi_ptr(partial);
    int64_t tasks = p->runs * p->chunks * p->blocks;
    tgi_run_tasks(p->outer * p->n * p->inner >= PARALLEL, tasks, pass_task, p);
    if (partial == to) return true;
    int64_t row = p->inner * p->to_size;
    for (int64_t o = 0; o < p->outer; o++) {
        fold_chunks(p, o);
        memcpy((char *)tgi_ptr(to) + o * row, p->partial + o * p->chunks * row, (size_t)row);
    }
    tgi_unref(partial);
    return true;
}

static pass pass_plan(const tgi_axes *l, int terms)
{
    int r = last_reduced(l);
    pass p = { .from = l,
               .terms = terms,
               .outer_dims = r,
               .outer = 1,
               .n = l->dims[r],
               .row = l->strides[r],
               .inner = 1 };
    for (int d = 0; d < r; d++) p.outer *= l->dims[d];
    if (r + 1 < l->ndim) {
        p.inner = l->dims[r + 1];
        p.column = l->strides[r + 1];
    }
    p.block = tgi_smaller(p.inner, COLUMNS);
    p.blocks = tgi_pieces(p.inner, p.block);
    p.chunk = CHUNK;
    while (p.chunk > ROWS && p.chunk * p.block > CHUNK) p.chunk /= 2;
    p.chunks = tgi_pieces(p.n, p.chunk);
    p.run = p.chunks == 1 && p.n * p.inner < CHUNK ? CHUNK / (p.n * p.inner) : 1;
    p.runs = tgi_pieces(p.outer, p.run);
    p.to_dtype = l->dtype == TGI_BOOL ? TGI_I64 : l->dtype;
    p.to_size = element_size(p.to_dtype);
    return p;
}

/* What a pass leaves behind in `to`, contiguous. */
static tgi_axes layout_after(const pass *p, const tg_tensor *to)
{
    tgi_axes l = { .data = tgi_ptr(to), .dtype = p->to_dtype };
    for (int d = 0; d < p->outer_dims; d++) {
        l.dims[l.ndim] = p->from->dims[d];
        l.reduced[l.ndim++] = p->from->reduced[d];
    }
    if (p->inner > 1) l.dims[l.ndim++] = p->inner;
    for (int64_t d = l.ndim - 1, stride = p->to_size; d >= 0; stride *= l.dims[d--]) l.strides[d] = stride;
    tgi_axes_merge(&l);
    return l;
}

/* Adds up one group of dimensions after the other, the innermost first; the last sweep writes `y`. */
static bool sum_groups(tgi_axes l, int terms, tg_tensor *y)
{
    tg_tensor *from = NULL;
    for (bool ok = true; ok; terms = PLAIN) {
        pass p = pass_plan(&l, terms);
        tg_shape shape = tg_shape(p.outer * p.inner);
        bool last = shape.dims[0] == y->numel;
        tg_tensor *to = last ? tgi_ref(y) : tgi_own(tgi_new(&shape, (tg_dtype)p.to_dtype));
        ok = to && pass_run(&p, to);
        if (ok && !last) l = layout_after(&p, to);
        tgi_unref(from);
        from = to;
        if (last) {
            tgi_unref(from);
            return ok;
        }
    }
    tgi_unref(from);
    return false;
}

/* ---- elements that do not follow each other ---- */

/* All elements of a tensor of two dimensions or more, chunk after chunk: whole rows are copied to where they are as near as
 * the second cache. There they follow each other if they are short; others begin with a line of the cache, which makes
 * turning them twice as fast, and are added up block by block, which one that goes from row to row is put together for. */
typedef struct gathering {
    pass sum;     /* of [chunks] */
    int64_t n;    /* of a row */
    int64_t task; /* elements of one task: whole chunks */
    int64_t row;  /* bytes from row to row of the copy */
    bool *failed;
} gathering;

/* Copies `rows` rows from row `first` on, counted over all dimensions but the last. */
static void gather_rows(const gathering *g, int64_t first, int64_t rows, char *to)
{
    const tgi_axes *l = g->sum.from;
    const tgi_loop copy = TGI_KERNELS(copy)->run[l->dtype][l->dtype];
    const int row = l->ndim - 2;
    const int64_t size = element_size(l->dtype);
    while (rows > 0) {
        int64_t outer = first / l->dims[row];
        const int64_t at = first % l->dims[row], count = tgi_smaller(rows, l->dims[row] - at);
        const char *from = l->data + at * l->strides[row];
        for (int d = row - 1; d >= 0; outer /= l->dims[d--]) from += outer % l->dims[d] * l->strides[d];
        copy(count, g->n, (char *[]){ to, (char *)(uintptr_t)from }, (int64_t[]){ g->row, l->strides[row] },
             (int64_t[]){ size, l->strides[row + 1] });
        to += count * g->row;
        first += count;
        rows -= count;
    }
}

/* `count` elements of rows g->row bytes apart, from element `at` on: where they follow each other, in `block` if they did
 * not. */
static const char *following(const gathering *g, const char *rows, int64_t at, int64_t count, char *block)
{
    const int64_t size = element_size(g->sum.from->dtype);
    if (g->row == g->n * size) return rows + at * size;
    const char *row = rows + at / g->n * g->row;
    int64_t skip = at % g->n;
    if (skip + count <= g->n) return row + skip * size;
    for (int64_t done = 0; done < count; row += g->row, skip = 0) {
        const int64_t part = tgi_smaller(g->n - skip, count - done);
        memcpy(block + done * size, row + skip * size, (size_t)(part * size));
        done += part;
    }
    return block;
}

static void gather_task(const void *work, int64_t task)
{
    const gathering *g = work;
    const pass *p = &g->sum;
    const int64_t start = task * g->task, end = tgi_smaller(start + g->task, p->n);
    const int64_t first = start / g->n, rows = (end - 1) / g->n + 1 - first;
    char block[BLOCK * sizeof(double)], *buffer = tgi_scratch(TGI_SCRATCH_SORT, (size_t)(rows * g->row));
    if (!buffer) {
        __atomic_store_n(g->failed, true, __ATOMIC_RELAXED);
        return;
    }
    gather_rows(g, first, rows, buffer);
    for (int64_t i = start; i < end; i += p->chunk) {
        const int64_t count = tgi_smaller(p->chunk, end - i);
        sum(p, 1, count, following(g, buffer, i - first * g->n, count, block), 0,
            p->partial + i / p->chunk * p->to_size);
    }
}

/* False when memory ran out; *failed: that to work in, which is no error yet. */
static bool sum_gathered(const tgi_axes *l, int terms, int64_t numel, tg_tensor *y, bool *failed)
{
    const int64_t size = element_size(l->dtype);
    gathering g = { .sum = { .from = l, .terms = terms, .n = numel, .inner = 1, .row = size, .chunk = CHUNK },
                    .n = l->dims[l->ndim - 1],
                    .task = CHUNK,
                    .failed = failed };
    g.row = g.n * size;
    if (g.n >= BLOCK / 2 && size > 1) {
        g.row = (tgi_pieces(g.row, LINE) | 1) * LINE; /* an odd number: what stands below each other shares no set */
        g.sum.chunk = BLOCK;
        const int64_t rows = CHUNK / g.n / TILE * TILE; /* are turned at a time, two of them cut */
        if (rows) g.task = (rows - 2) * g.n / BLOCK * BLOCK;
    }
    g.sum.chunks = tgi_pieces(numel, g.sum.chunk);
    g.sum.to_dtype = l->dtype == TGI_BOOL ? TGI_I64 : l->dtype;
    g.sum.to_size = element_size(g.sum.to_dtype);
    const tg_shape shape = tg_shape(g.sum.chunks);
    tg_tensor *partial = tgi_own(tgi_new(&shape, (tg_dtype)g.sum.to_dtype));
    if (!partial) return false;
    g.sum.partial = tgi_ptr(partial);
    tgi_run_tasks(numel >= PARALLEL, tgi_pieces(numel, g.task), gather_task, &g);
    if (!*failed) {
        fold_chunks(&g.sum, 0);
        memcpy(tgi_ptr(y), g.sum.partial, (size_t)g.sum.to_size);
    }
    tgi_unref(partial);
    return !*failed;
}

/* ---- which way ---- */

/* y = t, or what is made of it where there is nothing to add up. */
static bool sum_nothing(int terms, tg_tensor *t, tg_tensor *y)
{
    const tg_shape shape = tgi_shape(t);
    int64_t strides[TG_MAX_DIMS];
    tg_shape_strides(&shape, strides);
    tg_tensor *same = tgi_own(tgi_new_view(y, t->ndim, t->dims, strides, y->offset));
    if (!same) return false;
    tgi_copy_raw(same, t);
    tgi_unref(same);
    const int64_t size = element_size(y->dtype);
    if (terms != PLAIN) TGI_KERNELS(reduce)->sum_of[terms][y->dtype](y->numel, 1, tgi_ptr(y), size, size, tgi_ptr(y));
    return true;
}

static bool sum_into(int terms, tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y)
{
    if (t->numel == 0) {
        tgi_fill(y, 0);
        return true;
    }
    tgi_axes l = tgi_axes_of(t, reduced);
    tgi_axes_merge(&l);
    if (last_reduced(&l) < 0) return sum_nothing(terms, t, y);
    if (ready(&l)) return sum_groups(l, terms, y);
    if (y->numel == 1 && l.dims[l.ndim - 1] <= ROW_MOST) {
        bool failed = false;
        const bool ok = sum_gathered(&l, terms, t->numel, y, &failed);
        if (ok || !failed) return ok;
    }
    tg_tensor *c = tgi_own_contiguous(t);
    if (!c) return false;
    l = tgi_axes_of(c, reduced);
    tgi_axes_merge(&l);
    bool ok = sum_groups(l, terms, y);
    tgi_unref(c);
    return ok;
}

bool tgi_sum_into(tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y)
{
    return sum_into(PLAIN, t, reduced, y);
}

bool tgi_sum_terms_into(int terms, tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y)
{
    return sum_into(terms, t, reduced, y);
}
