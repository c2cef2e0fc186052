/* state.c: tg_load_state_dict. tg_state_dict is one of the walks of module_walk.c.
 *
 * Everything is looked at before the first element moves, and what moves then cannot fail. Between the two others may
 * look at more: tgi_state_loading. Whether elements are copied or assigned, a tensor of the model stays the same one, so
 * that nobody who holds it needs to be told. */
#include "state.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/base/copy.h"
#include "ops/view.h"
#include "keys_impl.h"
#include "module_impl.h"

static const char name[] = "load_state_dict";

typedef struct loading {
    tgi_loading base;
    tg_named_tensor_list to; /* the model's state */
    tg_tensor **from;        /* what goes into each; NULL: it stays as it is */
    tg_incompatible_keys keys;
} loading;

/* One number may have no dimension, or one: PyTorch before 0.4 knew no other. */
static bool fits(const tg_tensor *to, const tg_tensor *from)
{
    return tgi_same_shape(to, from) || (to->ndim == 0 && from->ndim == 1 && from->numel == 1);
}

/* Finds what goes where. False with an error pending: the list cannot be read, or there is no memory. */
static bool match(loading *l, tg_named_tensor_list given)
{
    tgi_keys keys;
    if (!tgi_keys_begin(&keys, name, given)) return false;
    l->from = tg_list_new(l->to.count);
    const char **missing = tgi_scope_alloc((size_t)(l->to.count + given.count) * sizeof *missing);
    if (!l->from || !missing) return false;
    const char **unexpected = missing + l->to.count;
    l->keys = (tg_incompatible_keys){ { missing, 0 }, { unexpected, 0 } };
    for (int64_t i = 0; i < l->to.count; i++) {
        l->from[i] = tgi_keys_take(&keys, l->to.items[i].name);
        if (!l->from[i]) missing[l->keys.missing.count++] = l->to.items[i].name;
    }
    for (int64_t i = 0; i < given.count; i++)
        if (!keys.taken[i]) unexpected[l->keys.unexpected.count++] = given.items[i].name;
    return true;
}

/* False, with PyTorch's error, when something does not fit. */
static bool check(const char *where, const tg_module *m, const loading *l, bool strict, bool assign)
{
    tgi_key_report r = { 0 };
    for (int64_t i = 0; strict && i < l->keys.missing.count; i++) tgi_report_missing(&r, l->keys.missing.items[i]);
    for (int64_t i = 0; strict && i < l->keys.unexpected.count; i++)
        tgi_report_unexpected(&r, l->keys.unexpected.items[i]);
    for (int64_t i = 0; i < l->to.count; i++) {
        const tg_tensor *to = l->to.items[i].tensor, *from = l->from[i];
        const tg_shape shape = tgi_shape(to);
        if (from && !fits(to, from))
            tgi_report_size(&r, l->to.items[i].name, from, &shape);
        else if (from && assign && from->dtype != to->dtype)
            tgi_report_line(&r, "%s is %s and would be %s: without .assign it is converted.", l->to.items[i].name,
                            tg_dtype_name((tg_dtype)to->dtype), tg_dtype_name((tg_dtype)from->dtype));
        else if (from && !assign && tgi_overlaps_itself(to))
            tgi_report_line(&r, "%s is expanded: several of its elements are one place in memory.",
                            l->to.items[i].name);
    }
    return tgi_report_end(&r, where, name, m->base.name);
}

/* ---- copied ---- */

/* A source in the memory of what is written becomes a copy of itself. False with an error pending. */
static bool set_apart(loading *l)
{
    for (int64_t i = 0; i < l->to.count; i++) {
        const tg_tensor *to = l->to.items[i].tensor;
        if (l->from[i] == to) l->from[i] = NULL;
        if (l->from[i] && l->from[i]->storage == to->storage) l->from[i] = tg_clone(l->from[i]);
    }
    return !tg_failed();
}

static void copy_all(const loading *l)
{
    for (int64_t i = 0; i < l->to.count; i++) {
        if (!l->from[i]) continue;
        tgi_copy_raw(l->to.items[i].tensor, l->from[i]);
        tg_bump_version(l->to.items[i].tensor);
    }
}

/* ---- assigned ---- */

/* The sources by handles of our own: one that is the model's, too, may get another storage before it is used. The rest
 * that its owner needs as a parameter's (packed.c) is made here, where it may fail. False with an error pending. */
static bool set_out(loading *l)
{
    for (int64_t i = 0; i < l->to.count; i++) {
        if (l->from[i] == l->to.items[i].tensor) l->from[i] = NULL;
        if (!l->from[i]) continue;
        l->from[i] = tg_detach(tg_contiguous(l->from[i]));
        if (!l->from[i] || !tgi_extra_of(tgi_owner(l->from[i]->storage))) return false;
    }
    return true;
}

/* A tape that has saved what was there sees another version. */
static void assign_all(const loading *l)
{
    for (int64_t i = 0; i < l->to.count; i++) {
        tg_tensor *to = l->to.items[i].tensor, *from = l->from[i];
        if (!from) continue;
        if (from->storage != to->storage && from->storage->version < to->storage->version)
            from->storage->version = to->storage->version;
        tg_bump_version(from);
        tgi_share_storage(to, from);
        to->origin.serial = 0;
        if (tg_grad_of(to)) tg_set_grad(to, NULL);
    }
}

/* ---- all of it ---- */

/* Looks at everything. False with an error pending. */
static bool look(loading *l, const char *where, tg_module *m, tg_named_tensor_list state,
                 const tg_load_state_dict_options *options)
{
    if (!tgi_module_ok(where, m, name) || tg_failed()) return false;
    l->to = tg_state_dict_at(where, m);
    if (tg_failed() || !match(l, state)) return false;
    if (options->incompatible) *options->incompatible = l->keys;
    return check(where, m, l, options->strict, options->assign);
}

tg_status tg_load_state_dict_at(const char *where, tg_module *m, tg_named_tensor_list state,
                                tg_load_state_dict_options options)
{
    if (options.incompatible) *options.incompatible = (tg_incompatible_keys){ { NULL, 0 }, { NULL, 0 } };
    loading l;
    if (!look(&l, where, m, state, &options)) return TG_FAILED;
    tg_scope scope = tg_no_grad_begin();
    const bool ready = options.assign ? set_out(&l) : set_apart(&l);
    if (ready) (options.assign ? assign_all : copy_all)(&l);
    tg_scope_end(scope);
    return ready ? TG_OK : TG_FAILED;
}

static void end(tgi_loading *base, bool take)
{
    if (take) copy_all((const loading *)base);
}

tgi_loading *tgi_state_loading(const char *where, tg_module *m, tg_named_tensor_list state)
{
    static const tg_load_state_dict_options strict = { .strict = true };
    loading *l = tgi_scope_alloc(sizeof *l);
    if (!l || !look(l, where, m, state, &strict) || !set_apart(l)) return NULL;
    l->base.end = end;
    return &l->base;
}
