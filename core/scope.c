/* scope.c: one stack of handles for each thread; a scope is a mark on it.
 *
 * Beginning and ending cost nothing but the handles themselves. The stack holds one reference to each tensor; ending a
 * scope drops those above its mark, and the tape's nodes above its other mark. */
#include "tape_impl.h"
#include "thread.h"

#include <string.h>

/* A block that lives as long as a scope. It lies on the handle stack among the tensors, told apart by the lowest bit of its
 * address, which is set there: blocks are aligned to 64 bytes, so that bit of an address says nothing itself. */
typedef struct scope_block {
    size_t bytes;
    tgi_pool *pool;
} scope_block;
enum { BLOCK_HEADER = 64 };

enum { MANY_RESULTS = 1 << 12 };

/* A list may be kept too long as well. So it rests, as a handle does, and what it holds then is dead. */
static void drop_block(scope_block *block)
{
    tgi_pool *pool = block->pool;
    const size_t bytes = block->bytes;
    const bool small = bytes <= TGI_HANDLE_CLASSES * TGI_SMALL_STEP;
    if (!small || pool != tgi_self.rests_in || !tgi_dead_add(pool, block, bytes)) {
        tgi_dealloc(pool, block, bytes);
        return;
    }
    tg_tensor **items = (tg_tensor **)((char *)block + BLOCK_HEADER);
    for (size_t i = 0; i < (bytes - BLOCK_HEADER) / sizeof *items; i++) items[i] = &tgi_of_dead_list;
}

static void drop_handle(uintptr_t handle)
{
    if (handle & 1) {
        drop_block((scope_block *)(handle & ~(uintptr_t)1));
    } else {
        tgi_unref((tg_tensor *)handle);
    }
}

void *tgi_scope_alloc(size_t bytes)
{
    scope_block *block = tgi_alloc(bytes + BLOCK_HEADER);
    if (!block) return NULL;
    block->bytes = bytes + BLOCK_HEADER;
    block->pool = tgi_self.pool;
    if (tgi_push_handle((uintptr_t)block | 1)) return (char *)block + BLOCK_HEADER;
    tgi_dealloc(block->pool, block, block->bytes);
    return NULL;
}

/* The handle may be anywhere in the innermost scope, but is nearly always the last. One that an outer scope owns stays
 * there. */
tg_tensor *tgi_own(tg_tensor *t)
{
    if (!t) return NULL;
    tgi_thread *self = &tgi_self;
    int64_t mark = self->scope_count ? self->scopes[self->scope_count - 1].handles : 0;
    for (int64_t i = self->handle_count - 1; i >= mark; i--) {
        if (self->handles[i] != (uintptr_t)t) continue;
        self->handle_count--;
        memmove(self->handles + i, self->handles + i + 1, (size_t)(self->handle_count - i) * sizeof *self->handles);
        return t;
    }
    return tgi_ref(t);
}

/* ---- scopes ---- */

tg_scope tg_scope_begin_at(const char *where)
{
    tgi_thread *self = &tgi_self;
    if (where) self->where = where;
    tg_scope none = { -1, 0 };
    if (!tgi_grow(&self->scopes, &self->scope_capacity, self->scope_count + 1, sizeof *self->scopes)) return none;
    tgi_open_scope *scope = &self->scopes[self->scope_count];
    *scope = (tgi_open_scope){ .serial = ++self->scope_serial,
                               .handles = self->handle_count,
                               .nodes = self->node_count,
                               .grad_enabled = !self->grad_disabled,
                               .grad_enabled_in = !self->grad_disabled };
    tg_scope opened = { (int32_t)self->scope_count++, scope->serial };
    return opened;
}

/* The scope's mark, or NULL with an error recorded. One that could not begin (out of memory, error pending) ends in
 * silence. */
static tgi_open_scope *find_scope(const char *where, tg_scope scope)
{
    tgi_thread *self = &tgi_self;
    if (where) self->where = where;
    if (scope.depth < 0 && tg_failed()) return NULL;
    if (scope.depth < 0 || scope.depth >= self->scope_count || self->scopes[scope.depth].serial != scope.serial) {
        tg_fail_at(where, TG_ERROR_VALUE, "scope_end", "this scope has already ended, or belongs to another thread");
        return NULL;
    }
    if (scope.depth < self->scope_floor) {
        tg_fail_at(where, TG_ERROR_VALUE, "scope_end", "a hook or a backward cannot end a scope that it did not begin");
        return NULL;
    }
    return &self->scopes[scope.depth];
}

static void drop_handles(tgi_thread *self, int64_t mark)
{
    while (self->handle_count > mark) {
        const uintptr_t handle = self->handles[--self->handle_count];
        if (self->handle_count >= TGI_AHEAD) tgi_prefetch((void *)self->handles[self->handle_count - TGI_AHEAD]);
        drop_handle(handle);
    }
}

void tg_scope_end_at(const char *where, tg_scope scope)
{
    const tgi_open_scope *open = find_scope(where, scope);
    if (!open) return;
    tgi_thread *self = &tgi_self;
    self->grad_disabled = !open->grad_enabled;
    self->scope_count = scope.depth;
    tgi_tape_truncate(open->nodes);
    drop_handles(self, open->handles);
}

/* How many results there are. The scope ends whatever they are; one that cannot be used is an error and becomes NULL. */
static int check_results(tg_tensor **const *results, int count)
{
    if (count > 0 && !results) tg_fail_at(NULL, TG_ERROR_NULL, "scope_end", "the list of results is NULL");
    if (count <= 0 || !results) return 0;
    for (int i = 0; i < count; i++)
        if (results[i] && !tgi_handle_or_null("scope_end", *results[i])) *results[i] = NULL;
    return count;
}

static bool is_result(uintptr_t handle, tg_tensor **const *results, int count)
{
    for (int i = 0; i < count; i++)
        if (results[i] && (uintptr_t)*results[i] == handle) return true;
    return false;
}

/* True when a result was made by a node recorded since `mark`. */
static bool needs_nodes(int64_t mark, tg_tensor **const *results, int count)
{
    for (int i = 0; i < count; i++)
        if (results[i] && *results[i] && (*results[i])->origin.serial && (*results[i])->origin.index >= mark)
            return true;
    return false;
}

/* Drops the scope's handles but for the results, and its nodes if no result comes from them: a loop that hands its
 * detached state on would never stop growing otherwise. Says how many handles stay. */
static int drop_all_but(tgi_thread *self, const tgi_open_scope *open, tg_tensor **const *results, int count)
{
    count = check_results(results, count);
    if (!needs_nodes(open->nodes, results, count)) tgi_tape_truncate(open->nodes);
    int64_t kept = open->handles;
    for (int64_t i = open->handles; i < self->handle_count; i++) {
        if (is_result(self->handles[i], results, count))
            self->handles[kept++] = self->handles[i];
        else
            drop_handle(self->handles[i]);
    }
    self->handle_count = kept;
    return (int)(kept - open->handles);
}

/* `more` results have come from inner scopes, by the user's own lines. */
static void count_results(tgi_thread *self, int more)
{
    int32_t *handed_out = self->scope_count ? &self->scopes[self->scope_count - 1].handed_out : &self->handed_out;
    if (*handed_out < MANY_RESULTS) *handed_out += more;
    if (*handed_out < MANY_RESULTS || self->warned_of_results) return;
    self->warned_of_results = true;
    tg_warn_at(
        NULL,
        "%d tensors that tg_scope_end_with handed out are alive in the scope around; where one replaces the other, "
        "as a state carried from step to step does, use tg_scope_next, which lets the former one go",
        (int)*handed_out);
}

/* The nodes stay where they are on the tape: once the mark is gone they are the outer scope's. */
void tg_scope_end_with_at(const char *where, tg_scope scope, tg_tensor **const *results, int count)
{
    const tgi_open_scope *open = find_scope(where, scope);
    if (!open) return;
    tgi_thread *self = &tgi_self;
    self->grad_disabled = !open->grad_enabled;
    self->scope_count = scope.depth;
    const int kept = drop_all_but(self, open, results, count);
    if (where) count_results(self, kept);
}

/* The mark stays where it is, below the results: they are the next scope's. */
tg_scope tg_scope_next_at(const char *where, tg_scope scope, tg_tensor **const *results, int count)
{
    tgi_open_scope *open = find_scope(where, scope);
    if (!open) return TG_LITERAL(tg_scope){ -1, 0 };
    tgi_thread *self = &tgi_self;
    self->grad_disabled = !open->grad_enabled_in;
    self->scope_count = scope.depth + 1;
    drop_all_but(self, open, results, count);
    open->handed_out = 0;
    open->serial = ++self->scope_serial;
    return TG_LITERAL(tg_scope){ scope.depth, open->serial };
}

tg_tensor *tg_scope_return_at(const char *where, tg_scope scope, tg_tensor *result)
{
    tg_tensor **results[] = { &result };
    if (!find_scope(where, scope)) return NULL;
    tg_scope_end_with_at(where, scope, results, 1);
    return result;
}

void tgi_scope_merge(tg_scope scope)
{
    tgi_thread *self = &tgi_self;
    if (scope.depth < 0) return; /* it could not begin */
    self->grad_disabled = !self->scopes[scope.depth].grad_enabled;
    self->scope_count = scope.depth;
}

void tgi_scope_empty(tg_scope scope)
{
    tgi_thread *self = &tgi_self;
    self->scope_count = scope.depth + 1; /* forgotten inner ones go, too */
    drop_handles(self, self->scopes[scope.depth].handles);
}

void tgi_scope_end_keeping_nodes(tg_scope scope)
{
    tgi_thread *self = &tgi_self;
    self->scope_count = scope.depth; /* forgotten inner ones go, too */
    const tgi_open_scope *open = &self->scopes[scope.depth];
    self->grad_disabled = !open->grad_enabled;
    drop_handles(self, open->handles);
}

/* Ends every scope and releases what belongs to none: the thread is about to end. */
static void release_all(void)
{
    tgi_thread *self = &tgi_self;
    self->scope_count = 0;
    if (self->pool && self->pool->rare.release_watchers) self->pool->rare.release_watchers();
    if (self->pool && self->pool->rare.profile) self->pool->rare.free_profile(self->pool->rare.profile);
    tgi_tape_truncate(0);
    drop_handles(self, 0);
    if (self->pool && self->pool->rare.packing) self->pool->rare.packing->end();
    tgi_grow_free(self->nodes, self->node_capacity, sizeof *self->nodes);
    tgi_grow_free(self->handles, self->handle_capacity, sizeof *self->handles);
    tgi_grow_free(self->scopes, self->scope_capacity, sizeof *self->scopes);
}

__attribute__((constructor)) static void expect_thread_end(void) { tgi_at_thread_end(release_all); }

/* ---- grad mode ---- */

bool tg_is_grad_enabled(void) { return !tgi_self.grad_disabled; }
void tg_set_grad_enabled(bool enabled) { tgi_self.grad_disabled = !enabled; }

/* Where no scope can begin the mode stays, or nothing would ever restore it. */
static tg_scope begin_with_grad(const char *where, bool enabled)
{
    const tg_scope scope = tg_scope_begin_at(where);
    if (scope.depth < 0) return scope;
    tgi_self.grad_disabled = !enabled;
    tgi_self.scopes[scope.depth].grad_enabled_in = enabled;
    return scope;
}

tg_scope tg_no_grad_begin_at(const char *where) { return begin_with_grad(where, false); }

tg_scope tg_enable_grad_begin_at(const char *where) { return begin_with_grad(where, true); }

/* ---- beyond scopes ---- */

tg_tensor *tg_keep_at(const char *where, tg_tensor *t)
{
    if (where) tgi_self.where = where;
    if (!tgi_handle_ok("keep", t)) return NULL;
    tgi_extra *extra = tgi_extra_of(t);
    if (!extra) return NULL;
    __atomic_fetch_add(&extra->kept, 1, __ATOMIC_RELAXED); /* threads may keep what they share */
    return tgi_ref(t);
}

void tg_release_at(const char *where, tg_tensor *t)
{
    if (where) tgi_self.where = where;
    if (!t || !tgi_handle_ok("release", t)) return;
    tgi_extra *extra = __atomic_load_n(&t->extra, __ATOMIC_ACQUIRE);
    int64_t kept = extra ? __atomic_load_n(&extra->kept, __ATOMIC_RELAXED) : 0;
    while (kept &&
           !__atomic_compare_exchange_n(&extra->kept, &kept, kept - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    if (!kept) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "release", "the tensor is not held by tg_keep");
        return;
    }
    tgi_unref(t);
}

/* ---- lists ---- */

tg_tensor **tg_list_new(int64_t count)
{
    if (count > INT64_MAX / 16) {
        tg_fail_at(NULL, TG_ERROR_MEMORY, "", "out of memory: a list of %lld tensors", (long long)count);
        return NULL;
    }
    return tgi_scope_alloc((size_t)(count > 0 ? count : 1) * sizeof(tg_tensor *));
}

tg_tensor_list tg_list_failed(void)
{
    static tg_tensor *const nothing[64];
    return TG_LITERAL(tg_tensor_list){ nothing, 0 };
}

void *tg_copy_in_scope(const void *items, int64_t bytes)
{
    if (bytes < 0 || (bytes > 0 && !items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "list", "%lld bytes at %s", (long long)bytes, items ? "an address" : "NULL");
        return NULL;
    }
    void *copy = bytes < INT64_MAX / 2 ? tgi_scope_alloc((size_t)bytes) : NULL;
    if (copy && bytes) memcpy(copy, items, (size_t)bytes);
    if (!copy && !tg_failed()) tg_fail_at(NULL, TG_ERROR_MEMORY, "list", "no list has %lld bytes", (long long)bytes);
    return copy;
}

tg_tensor_list tg_list_in_scope(tg_tensor *const *items, int64_t count)
{
    if (count < 0 || (count > 0 && !items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "list", "%lld tensors at %s", (long long)count, items ? "an address" : "NULL");
        return tg_list_failed();
    }
    tg_tensor **list = tg_list_new(count);
    if (!list) return tg_list_failed();
    for (int64_t i = 0; i < count; i++) list[i] = items[i];
    return TG_LITERAL(tg_tensor_list){ list, count };
}

tg_tensor_list tg_list_cat_at(const char *where, tg_tensor_list a, tg_tensor_list b)
{
    static const char what[] = "list_cat";
    tgi_begin(where, what);
    if (!tgi_list_ok(what, a) || !tgi_list_ok(what, b)) return tg_list_failed();
    const int64_t count = a.count <= INT64_MAX - b.count ? a.count + b.count : INT64_MAX;
    tg_tensor **list = tg_list_new(count);
    if (!list) return tg_list_failed();
    for (int64_t i = 0; i < count; i++) {
        list[i] = i < a.count ? a.items[i] : b.items[i - a.count];
        if (!tgi_handle_or_null(what, list[i])) return tg_list_failed();
    }
    return TG_LITERAL(tg_tensor_list){ list, count };
}
