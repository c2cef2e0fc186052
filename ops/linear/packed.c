/* packed.c: remembers packed weights.
 *
 * The matrix product copies its right operand into panels before it multiplies. A weight used at every step of a
 * sequence, or at every call of an inference loop, would be copied each time: for few rows that is as much work as the
 * product. So the second product by a weight since it was last written packs it whole, and all later ones find it. So
 * does the first one where the version before was used more than once: a training step is like the step before.
 *
 * What is remembered hangs on the storage (tgi_extra.cached), one entry for each matrix of it that was used (the weight
 * and its transpose are two), and goes with it. An entry is valid for one version of the storage; the next version
 * reuses its memory. Only storages of leaves that require grad, or did, are looked at, parameters that is: activations are
 * not used twice. Nor are storages whose pointer the user holds (tg_mutable_data), which may change at any moment.
 *
 * Threads may share a model that they only read. One lock guards all entries; it is held for the search, never while
 * packing or multiplying. An entry in use is not touched. */
#include "packed.h"

#include "core/thread.h"
#include "ops/kernels/gemm/gemm_kernels.h"

enum {
    MOST_BYTES = 256 << 20 /* of all packed matrices in the process */
};

/* What is packed: k rows and n columns of a storage. */
typedef struct matrix {
    int64_t offset, k, n, row, col; /* strides of rows and columns */
    tg_dtype dtype;
} matrix;

struct tgi_packed {
    tgi_cached cached;
    matrix of;
    const tgi_gemm_kernels *kernels; /* whose layout it has */
    int64_t version;                 /* of the storage, to which the rest refers */
    int64_t uses;                    /* products since then */
    bool again;                      /* the version before had several */
    bool ready, packing;
    int users;      /* products that read `data` now */
    tgi_pool *pool; /* of `data` */
    size_t bytes;
    void *data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t all_bytes; /* atomic */

__attribute__((constructor)) static void expect_fork(void) { tgi_lock_at_fork(&lock); }

static void release_data(tgi_packed *p)
{
    if (p->data) tgi_pool_free(p->pool, p->data, p->bytes);
    __atomic_fetch_sub(&all_bytes, (int64_t)p->bytes, __ATOMIC_RELAXED);
    p->data = NULL;
    p->bytes = 0;
}

/* The storage goes: nobody can be searching it or multiplying by it. */
static void entry_free(tgi_cached *cached)
{
    tgi_packed *p = (tgi_packed *)cached;
    release_data(p);
    tgi_free(p, sizeof *p);
}

static bool is_same(const matrix *x, const matrix *y)
{
    return x->offset == y->offset && x->k == y->k && x->n == y->n && x->row == y->row && x->col == y->col &&
           x->dtype == y->dtype;
}

static tgi_packed *entry_new(const matrix *of)
{
    tgi_packed *p = tgi_calloc(sizeof *p);
    if (!p) return NULL;
    p->of = *of;
    p->version = -1;
    p->cached.free = entry_free;
    return p;
}

static tgi_packed *find(const tgi_extra *extra, const matrix *of)
{
    for (tgi_cached *c = extra->cached; c; c = c->next)
        if (c->free == entry_free && is_same(&((tgi_packed *)c)->of, of)) return (tgi_packed *)c;
    return NULL;
}

/* The lock is held, but not while an entry is made: that may fail, and an error handler may do anything. */
static tgi_packed *find_or_make(tgi_extra *extra, const matrix *of)
{
    tgi_packed *p = find(extra, of);
    if (p) return p;
    pthread_mutex_unlock(&lock);
    p = entry_new(of);
    pthread_mutex_lock(&lock);
    if (!p) return NULL;
    p->cached.next = extra->cached; /* twins, made by two threads at once, do no harm */
    extra->cached = &p->cached;
    return p;
}

/* Counts a use. True when the entry should be packed now, by the caller. */
static bool note_use(tgi_packed *p, int64_t version)
{
    const tgi_gemm_kernels *kernels = TGI_KERNELS(gemm);
    if ((p->version != version || p->kernels != kernels) && !p->users && !p->packing) {
        p->again = p->uses > 1;
        p->version = version;
        p->kernels = kernels;
        p->uses = 0;
        p->ready = false;
    }
    return p->version == version && ++p->uses + p->again > 1 && !p->ready && !p->packing;
}

/* Memory for the packed matrix, kept from version to version. False when there is none or it would be too much. */
static bool make_room(tgi_packed *p)
{
    const size_t bytes = p->kernels->packed_bytes[p->of.dtype](p->of.n, p->of.k);
    if (p->bytes == bytes) return true;
    release_data(p);
    if (__atomic_load_n(&all_bytes, __ATOMIC_RELAXED) + (int64_t)bytes > MOST_BYTES) return false;
    p->data = tgi_alloc(bytes);
    if (!p->data) return false;
    p->pool = tgi_self.pool;
    p->bytes = bytes;
    __atomic_fetch_add(&all_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    return true;
}

static void pack(tgi_packed *p, const tg_tensor *b)
{
    const matrix *of = &p->of;
    const tgi_gemm args = { .n = of->n, .k = of->k, .b = tgi_ptr(b), .b_row = of->row, .b_col = of->col };
    p->kernels->pack[of->dtype](&args, p->data);
}

static bool worth_it(const tg_tensor *b, const tg_tensor *owner)
{
    return b->numel >= TGI_WORTH_PACKING && !owner->exposed &&
           (owner->requires_grad || __atomic_load_n(&owner->extra, __ATOMIC_ACQUIRE));
}

/* The entry is this thread's alone while `packing` is set. */
static tgi_packed *pack_now(tgi_packed *p, const tg_tensor *b)
{
    const bool room = make_room(p);
    if (room) pack(p, b);
    pthread_mutex_lock(&lock);
    p->packing = false;
    p->ready = room;
    p->users += room;
    pthread_mutex_unlock(&lock);
    return room ? p : NULL;
}

tgi_packed *tgi_packed_acquire(const tg_tensor *b, bool transposed)
{
    tg_tensor *owner = tgi_owner(b->storage);
    const int row = transposed, col = !transposed;
    const matrix of = { b->offset,           b->dims[row],        b->dims[col],
                        tgi_strides(b)[row], tgi_strides(b)[col], (tg_dtype)b->dtype };
    const int64_t version = b->storage->version;
    tgi_extra *extra = worth_it(b, owner) ? tgi_extra_of(owner) : NULL;
    if (!extra) return NULL;
    pthread_mutex_lock(&lock);
    tgi_packed *p = find_or_make(extra, &of);
    const bool now = p && note_use(p, version), ready = p && p->ready && p->version == version;
    if (now)
        p->packing = true;
    else if (ready)
        p->users++;
    pthread_mutex_unlock(&lock);
    if (now) return pack_now(p, b);
    return ready ? p : NULL;
}

void tgi_packed_release(tgi_packed *packed)
{
    if (!packed) return;
    pthread_mutex_lock(&lock);
    packed->users--;
    pthread_mutex_unlock(&lock);
}

const void *tgi_packed_data(const tgi_packed *packed) { return packed ? packed->data : NULL; }
