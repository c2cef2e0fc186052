/* attention_loops.c: attention in blocks of queries and keys.
 *
 * A block of scores is a matrix product small enough to stay in the cache until it has become weights and these have
 * been multiplied by the values; the matrix of all scores is never there. Softmax along a row that comes in pieces keeps
 * the largest score so far and rescales what was made with a smaller one. The gradient computes the scores again, with
 * what forward left of each row: its largest score and its total. One task does all that is written for one batch, in a
 * fixed order. */
#include "attention_impl.h"

#include "ops/kernels/attention/attention_kernels.h"
#include "ops/kernels/gemm/gemm_kernels.h"
#include "ops/kernels/template/scratch.h"
#include "ops/base/parallel.h"

#include <math.h>
#include <string.h>

enum {
    QUERIES = 128,       /* rows of a block */
    KEYS = 256,          /* columns of a block: its weights stay in the second cache */
    PIECE = 4 * QUERIES, /* queries in one task, forward */
    PARALLEL = 1 << 20   /* multiplications from which on several threads pay */
};

/* ---- matrices in memory ---- */

tgi_matrices tgi_attention_matrices(const tgi_attention *a, const tg_tensor *t)
{
    tgi_matrices m = { .data = tgi_ptr(t) };
    const int own = t->ndim - 2, shift = a->batch_dims - own;
    if (own >= -1) m.column = t->dims[t->ndim - 1] == 1 ? 0 : tgi_strides(t)[t->ndim - 1];
    if (own >= 0) m.row = t->dims[own] == 1 ? 0 : tgi_strides(t)[own];
    for (int d = 0; d < own; d++) m.step[d + shift] = t->dims[d] == 1 ? 0 : tgi_strides(t)[d];
    return m;
}

/* The matrix of a batch from a row and a column on. NULL stays NULL. */
static const char *matrix_at(const tgi_attention *a, const tgi_matrices *m, int64_t batch, int64_t row, int64_t column,
                             int64_t element)
{
    if (!m->data) return NULL;
    int64_t at = row * m->row + column * m->column;
    for (int d = a->batch_dims - 1; d >= 0; d--) {
        at += batch % a->batch[d] * m->step[d];
        batch /= a->batch[d];
    }
    return m->data + at * element;
}

/* ---- a block ---- */

/* Some queries of a batch, some keys. */
typedef struct block {
    int64_t batch, query, queries, key, keys;
} block;

/* No query of the block sees a key of it. */
static bool out_of_sight(const tgi_attention *a, const block *b)
{
    return a->causal && b->key > b->query + b->queries - 1;
}

static tgi_attention_block scores_of(const tgi_attention *a, const block *b, void *s)
{
    return (tgi_attention_block){
        .rows = b->queries,
        .n = b->keys,
        .s = s,
        .row = KEYS,
        .scale = a->scale,
        .diagonal = a->causal ? b->query - b->key : INT64_MAX / 2,
        .mask = matrix_at(a, &a->mask, b->batch, b->query, b->key, a->mask_is_bool ? 1 : a->element),
        .mask_is_bool = a->mask_is_bool,
        .mask_row = a->mask.row,
        .mask_column = a->mask.column,
    };
}

static void multiply(const tgi_attention *a, const tgi_gemm *args) { TGI_KERNELS(gemm)->run[a->dtype](args); }

/* s = q kT */
static void find_scores(const tgi_attention *a, const block *b, const void *packed_keys, void *s)
{
    const tgi_gemm args = { .m = b->queries,
                            .n = b->keys,
                            .k = a->size,
                            .a = matrix_at(a, &a->q, b->batch, b->query, 0, a->element),
                            .a_row = a->q.row,
                            .a_col = a->q.column,
                            .packed_b = packed_keys,
                            .c = s,
                            .c_row = KEYS };
    multiply(a, &args);
}

/* Rows from `row` on of a matrix, transposed or not, packed as the b of a product: [rows, n], or [n, rows]. */
static void pack(const tgi_attention *a, const tgi_matrices *m, const block *b, int64_t n, bool transposed, void *to)
{
    tgi_gemm args = { .n = n,
                      .k = b->keys,
                      .b = matrix_at(a, m, b->batch, b->key, 0, a->element),
                      .b_row = m->row,
                      .b_col = m->column };
    if (transposed) {
        args.n = b->keys;
        args.k = n;
        args.b_row = m->column;
        args.b_col = m->row;
    }
    if (args.n > 0 && args.k > 0) TGI_KERNELS(gemm)->pack[a->dtype](&args, to);
}

static int64_t round_up(size_t bytes) { return (int64_t)((bytes + 63) / 64 * 64); }

/* The room that a block of keys takes, packed as it is or transposed. */
static int64_t packed_bytes(const tgi_attention *a, int64_t n)
{
    const tgi_gemm_kernels *k = TGI_KERNELS(gemm);
    return round_up(k->packed_bytes[a->dtype](n, KEYS)) + round_up(k->packed_bytes[a->dtype](KEYS, n));
}

/* ---- forward ---- */

typedef struct job {
    const tgi_attention *a;
    int64_t pieces; /* of a batch's queries */
    bool *failed;
} job;

static void fail(const job *w) { __atomic_store_n(w->failed, true, __ATOMIC_RELAXED); }

/* All keys for a block of queries. `packed` has the keys and values of each block of them. */
static void forward_queries(const tgi_attention *a, block b, const char *packed, int64_t keys_bytes, int64_t bytes,
                            char *s)
{
    const tgi_attention_kernels *k = TGI_KERNELS(attention);
    const int64_t at = b.batch * a->queries + b.query;
    char *y = a->y + at * a->value_size * a->element;
    double *most = a->most + at, *total = a->part + at, factor[QUERIES];
    for (int64_t i = 0; i < b.queries; i++) {
        most[i] = -INFINITY;
        total[i] = 0;
    }
    for (b.key = 0; b.key < a->keys && !out_of_sight(a, &b); b.key += KEYS, packed += bytes) {
        b.keys = tgi_smaller(KEYS, a->keys - b.key);
        find_scores(a, &b, packed, s);
        const tgi_attention_block scores = scores_of(a, &b, s);
        k->weigh[a->dtype](&scores, most, total, factor);
        if (b.key > 0) k->scale_rows[a->dtype](b.queries, a->value_size, y, factor);
        const tgi_gemm args = { .m = b.queries,
                                .n = a->value_size,
                                .k = b.keys,
                                .a = s,
                                .a_row = KEYS,
                                .a_col = 1,
                                .packed_b = packed + keys_bytes,
                                .c = y,
                                .c_row = a->value_size,
                                .accumulate = b.key > 0 };
        multiply(a, &args);
    }
    const bool masked = a->mask.data != NULL; /* then a query may see no key at all, and its weights are 0 */
    for (int64_t i = 0; i < b.queries; i++)
        total[i] = masked && most[i] == -INFINITY && total[i] == 0 ? 0 : 1 / total[i];
    k->scale_rows[a->dtype](b.queries, a->value_size, y, total);
}

static void forward_task(const void *work, int64_t task)
{
    const job *w = work;
    const tgi_attention *a = w->a;
    const int64_t first = task % w->pieces * PIECE, end = tgi_smaller(first + PIECE, a->queries);
    const int64_t blocks = tgi_pieces(a->keys, KEYS), weights = round_up((size_t)(QUERIES * KEYS * a->element));
    const int64_t keys_bytes = round_up(TGI_KERNELS(gemm)->packed_bytes[a->dtype](KEYS, a->size));
    const int64_t bytes = keys_bytes + round_up(TGI_KERNELS(gemm)->packed_bytes[a->dtype](a->value_size, KEYS));
    char *s = tgi_scratch(TGI_SCRATCH_ATTENTION, (size_t)(weights + blocks * bytes)), *packed = s ? s + weights : NULL;
    block b = { .batch = task / w->pieces, .query = first, .queries = end - first };
    if (!s) {
        fail(w);
        return;
    }
    for (int64_t i = 0; i < blocks; i++) {
        b.key = i * KEYS;
        b.keys = tgi_smaller(KEYS, a->keys - b.key);
        if (out_of_sight(a, &b)) break;
        pack(a, &a->k, &b, a->size, true, packed + i * bytes);
        pack(a, &a->v, &b, a->value_size, false, packed + i * bytes + keys_bytes);
    }
    for (b.query = first; b.query < end; b.query += QUERIES) {
        b.queries = tgi_smaller(QUERIES, end - b.query);
        forward_queries(a, b, packed, keys_bytes, bytes, s);
    }
}

static bool enough(const tgi_attention *a)
{
    return (double)a->batches * (double)a->queries * (double)a->keys * (double)(a->size + a->value_size) >= PARALLEL;
}

bool tgi_attention_forward(const tgi_attention *a)
{
    bool failed = false;
    const job w = { a, tgi_pieces(a->queries, PIECE), &failed };
    tgi_run_tasks(enough(a), a->batches * w.pieces, forward_task, &w);
    return !failed;
}

/* ---- backward ---- */

/* The parts of a task's working memory. */
typedef struct room {
    char *weights, *gradients;                /* [QUERIES, KEYS] */
    char *keys, *keys_turned, *values_turned; /* packed: k [keys, size], kT, vT */
} room;

static bool room_open(const tgi_attention *a, room *r)
{
    const tgi_gemm_kernels *k = TGI_KERNELS(gemm);
    const int64_t weights = round_up((size_t)(QUERIES * KEYS * a->element)), keys = packed_bytes(a, a->size);
    const size_t values = k->packed_bytes[a->dtype](KEYS, a->value_size);
    char *all = tgi_scratch(TGI_SCRATCH_ATTENTION, (size_t)(2 * weights + keys) + values);
    if (!all) return false;
    r->weights = all;
    r->gradients = all + weights;
    r->keys = r->gradients + weights;
    r->keys_turned = r->keys + round_up(k->packed_bytes[a->dtype](a->size, KEYS));
    r->values_turned = r->keys + keys;
    return true;
}

/* c (+)= xT b for a block: x [queries, KEYS] is weights or their gradient, b some queries' rows of n. */
static void add_turned(const tgi_attention *a, const block *b, const void *x, const tgi_matrices *rows, int64_t n,
                       char *c, bool accumulate)
{
    const tgi_gemm args = { .m = b->keys,
                            .n = n,
                            .k = b->queries,
                            .a = x,
                            .a_row = 1,
                            .a_col = KEYS,
                            .b = matrix_at(a, rows, b->batch, b->query, 0, a->element),
                            .b_row = rows->row,
                            .b_col = rows->column,
                            .c = c + (b->batch * a->keys + b->key) * n * a->element,
                            .c_row = n,
                            .accumulate = accumulate };
    multiply(a, &args);
}

/* The weights of a block and the gradient of its scores. */
static void find_gradients(const tgi_attention *a, const block *b, const room *r)
{
    const tgi_attention_kernels *k = TGI_KERNELS(attention);
    const int64_t at = b->batch * a->queries + b->query;
    find_scores(a, b, r->keys_turned, r->weights);
    const tgi_attention_block scores = scores_of(a, b, r->weights);
    k->weigh_again[a->dtype](&scores, a->most + at, a->part + at);
    const tgi_gemm args = { .m = b->queries,
                            .n = b->keys,
                            .k = a->value_size,
                            .a = matrix_at(a, &a->g, b->batch, b->query, 0, a->element),
                            .a_row = a->g.row,
                            .a_col = a->g.column,
                            .packed_b = r->values_turned,
                            .c = r->gradients,
                            .c_row = KEYS };
    multiply(a, &args);
    k->differentiate[a->dtype](b->queries, b->keys, r->weights, r->gradients, KEYS, a->dot + at, a->scale);
}

/* What a block of queries and keys adds to the gradients; `first`: they have nothing yet from these keys. */
static void backward_block(const tgi_attention *a, const block *b, const room *r, bool first)
{
    find_gradients(a, b, r);
    if (a->dv) add_turned(a, b, r->weights, &a->g, a->value_size, a->dv, !first);
    if (a->dk) add_turned(a, b, r->gradients, &a->q, a->size, a->dk, !first);
    if (!a->dq) return;
    const tgi_gemm args = { .m = b->queries,
                            .n = a->size,
                            .k = b->keys,
                            .a = r->gradients,
                            .a_row = KEYS,
                            .a_col = 1,
                            .packed_b = r->keys,
                            .c = a->dq + (b->batch * a->queries + b->query) * a->size * a->element,
                            .c_row = a->size,
                            .accumulate = b->key > 0 };
    multiply(a, &args);
}

/* Keys that nobody sees. */
static void clear(const tgi_attention *a, const block *b)
{
    const int64_t at = (b->batch * a->keys + b->key) * a->element, count = b->keys * a->element;
    if (a->dk) memset(a->dk + at * a->size, 0, (size_t)(count * a->size));
    if (a->dv) memset(a->dv + at * a->value_size, 0, (size_t)(count * a->value_size));
}

static void backward_task(const void *work, int64_t batch)
{
    const job *w = work;
    const tgi_attention *a = w->a;
    const int64_t at = batch * a->queries;
    room r;
    block b = { .batch = batch };
    if (!room_open(a, &r)) {
        fail(w);
        return;
    }
    TGI_KERNELS(attention)->dots[a->dtype](a->queries, a->value_size, matrix_at(a, &a->g, batch, 0, 0, a->element),
                                           a->g.row, matrix_at(a, &a->result, batch, 0, 0, a->element), a->result.row,
                                           a->dot + at);
    for (b.key = 0; b.key < a->keys; b.key += KEYS) {
        b.keys = tgi_smaller(KEYS, a->keys - b.key);
        pack(a, &a->k, &b, a->size, false, r.keys);
        pack(a, &a->k, &b, a->size, true, r.keys_turned);
        pack(a, &a->v, &b, a->value_size, true, r.values_turned);
        bool first = true;
        for (b.query = 0; b.query < a->queries; b.query += QUERIES) {
            b.queries = tgi_smaller(QUERIES, a->queries - b.query);
            if (out_of_sight(a, &b)) continue;
            backward_block(a, &b, &r, first);
            first = false;
        }
        if (first) clear(a, &b);
    }
}

bool tgi_attention_backward(const tgi_attention *a)
{
    bool failed = false;
    const job w = { a, 1, &failed };
    tgi_run_tasks(enough(a), a->batches, backward_task, &w);
    return !failed;
}
