/* saved.c: hooks that pack what the tape saves.
 *
 * Which hooks are in force is a stack, one entry for each scope that tg_saved_hooks_begin opened. Nobody takes one off
 * when its scope ends: that is noticed when something is saved next, since no two scopes have the same serial number.
 * So scopes cost what they always did, and recording asks one byte (tgi_self.looks). */
#include "saved.h"

#include "tape_impl.h"
#include "thread.h"

#include <string.h>

typedef struct packer {
    tg_saved_hooks hooks;
    void *context;
    tg_scope scope;
} packer;

struct tgi_packers {
    packer *items;
    int64_t count, capacity;
};

typedef struct packed {
    tgi_packed base;
    packer by;
    void *packed;
    tg_tensor *kept;   /* the tensor itself, if `pack` has kept it: then it can be written. A reference */
    int64_t version;   /* of its storage */
    tgi_origin origin; /* of the tensor, */
    tg_tensor *leaf;   /* or, of a leaf that requires grad, the leaf: a reference */
    uint8_t dtype, ndim;
    int64_t dims[];
} packed;

static const char name[] = "saved_hooks";
static const tgi_packing packing;

/* ---- the stack ---- */

static bool is_open(tg_scope scope)
{
    return scope.depth < tgi_self.scope_count && tgi_self.scopes[scope.depth].serial == scope.serial;
}

/* The hooks in force; NULL: none any more. */
static const packer *innermost(void)
{
    tgi_packers *packers = tgi_self.pool->rare.packers;
    while (packers->count && !is_open(packers->items[packers->count - 1].scope)) packers->count--;
    if (packers->count) return &packers->items[packers->count - 1];
    tgi_self.looks &= (uint8_t)~TGI_PACKING;
    return NULL;
}

static tgi_packers *packers_with_room(void)
{
    tgi_pool *pool = tgi_pool_of_thread();
    if (!pool) return NULL;
    if (!pool->rare.packers && !(pool->rare.packers = tgi_calloc(sizeof *pool->rare.packers))) return NULL;
    pool->rare.packing = &packing;
    tgi_packers *packers = pool->rare.packers;
    innermost();
    return tgi_grow(&packers->items, &packers->capacity, packers->count + 1, sizeof *packers->items) ? packers : NULL;
}

tg_scope tg_saved_hooks_begin_at(const char *where, const tg_saved_hooks *hooks, void *context)
{
    const tg_scope none = { -1, 0 };
    tgi_begin(where, name);
    if (tg_failed()) return none;
    if (!hooks || !hooks->pack || !hooks->unpack) {
        tg_fail_at(NULL, TG_ERROR_NULL, name, hooks ? "pack and unpack must be there" : "the hooks are NULL");
        return none;
    }
    tgi_packers *packers = packers_with_room();
    if (!packers) return none;
    const tg_scope scope = tg_scope_begin_at(NULL);
    if (scope.depth < 0) return none;
    packers->items[packers->count++] = (packer){ *hooks, context, scope };
    tgi_self.looks |= TGI_PACKING;
    return scope;
}

static void end(void)
{
    tgi_packers *packers = tgi_self.pool ? tgi_self.pool->rare.packers : NULL;
    if (!packers) return;
    tgi_grow_free(packers->items, packers->capacity, sizeof *packers->items);
    tgi_free(packers, sizeof *packers);
    tgi_self.pool->rare.packers = NULL;
}

/* ---- a function of the user's, in the middle of a call ---- */

typedef struct calling {
    tg_scope scope;
    int64_t floor;
    tgi_place place;
    uint8_t looks;
    bool flushing, seen;
} calling;

static bool begin_calling(calling *c)
{
    c->scope = tg_no_grad_begin_at(NULL);
    if (c->scope.depth < 0) return false;
    c->floor = tgi_self.scope_floor;
    tgi_self.scope_floor = tgi_self.scope_count;
    c->place = tgi_place_keep();
    c->looks = tgi_self.looks;
    tgi_self.looks = 0;
    c->flushing = tgi_set_flushing(false);
    c->seen = tgi_set_seen(true);
    return true;
}

static void end_calling(const calling *c)
{
    tgi_set_seen(c->seen);
    tgi_set_flushing(c->flushing);
    tgi_self.looks = c->looks;
    tgi_place_back(c->place);
    tgi_self.scope_floor = c->floor;
}

/* ---- packing ---- */

static void block_free(packed *p) { tgi_free(p, sizeof *p + p->ndim * sizeof *p->dims); }

static void packed_free(tgi_packed *base)
{
    packed *p = (packed *)base;
    const tgi_place place = tgi_place_keep();
    if (p->by.hooks.release) p->by.hooks.release(p->by.context, p->packed);
    tgi_place_back(place);
    tgi_unref(p->kept);
    tgi_unref(p->leaf);
    block_free(p);
}

static int64_t holders(const tg_tensor *t) { return (int64_t)t->refs + t->storage->refs; }

/* What `saved` holds, packed in its place. Whether `pack` has kept it is told by who holds it before and after. */
static bool pack(const packer *by, tgi_saved *saved)
{
    tg_tensor *t = saved->tensor;
    packed *p = tgi_calloc(sizeof *p + t->ndim * sizeof *p->dims);
    calling c;
    if (!p) return false;
    p->base.how = &packing;
    p->by = *by;
    p->dtype = t->dtype;
    p->ndim = t->ndim;
    memcpy(p->dims, t->dims, t->ndim * sizeof *p->dims);
    p->origin = t->origin;
    p->version = saved->version;
    const int64_t before = holders(t);
    if (begin_calling(&c)) {
        p->packed = by->hooks.pack(by->context, t);
        end_calling(&c);
        tgi_scope_end_keeping_nodes(c.scope);
    }
    if (tgi_self.error) {
        block_free(p);
        return false;
    }
    if (holders(t) > before) p->kept = tgi_ref(t);
    tg_tensor *leaf = t->origin.serial == TGI_STANDS_FOR_LEAF ? t->extra->leaf : t->requires_grad ? t : NULL;
    if (leaf) p->leaf = tgi_ref(leaf);
    *saved = (tgi_saved){ .tensor = NULL, .packed = &p->base };
    tgi_unref(t);
    return true;
}

static bool pack_saved(tg_node *node)
{
    const int values = node->op->values_saved ? node->op->values_saved(node) : node->saved_count;
    const packer *in_force = values ? innermost() : NULL;
    if (!in_force) return true;
    const packer by = *in_force; /* `pack` may begin such a scope itself */
    tgi_saved *saved = tgi_saved_of(node);
    for (int i = 0; i < values && i < node->saved_count; i++)
        if (saved[i].tensor && !pack(&by, &saved[i])) return false;
    return true;
}

/* ---- unpacking ---- */

static bool fits(const packed *p, const tg_tensor *t)
{
    return p->dtype == t->dtype && p->ndim == t->ndim && !memcmp(p->dims, t->dims, p->ndim * sizeof *p->dims);
}

TG_RARE static tg_tensor *fail_unpacked(const packed *p, const tg_tensor *t)
{
    if (tgi_self.error || (t && !tgi_handle_ok(name, t))) return NULL;
    if (!t) return tg_fail_at(NULL, TG_ERROR_NULL, name, "unpack returned NULL");
    tg_shape want = { .ndim = p->ndim };
    memcpy(want.dims, p->dims, p->ndim * sizeof *p->dims);
    const tg_shape have = tgi_shape(t);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    return tg_fail_at(NULL, TG_ERROR_VALUE, name, "unpack returned a %s tensor of shape %s for a %s one of shape %s",
                      tg_dtype_name((tg_dtype)t->dtype), tg_shape_text(&have, a), tg_dtype_name((tg_dtype)p->dtype),
                      tg_shape_text(&want, b));
}

static tg_tensor *unpack(const tgi_packed *base, const tg_node *node, bool on_tape)
{
    const packed *p = (const packed *)base;
    if (p->kept && p->kept->storage->version != p->version) return tgi_fail_written(node, p->kept, p->version);
    calling c;
    if (!begin_calling(&c)) return NULL;
    tg_tensor *t = p->by.hooks.unpack(p->by.context, p->packed);
    end_calling(&c);
    if (tgi_self.error || !t || t->alive != TGI_ALIVE || !fits(p, t))
        t = fail_unpacked(p, t);
    else if (on_tape)
        t = tgi_with_origin(t, p->origin, p->leaf);
    tgi_scope_merge(c.scope);
    return t;
}

static const tgi_packing packing = { .pack = pack_saved, .unpack = unpack, .free = packed_free, .end = end };
