/* scheduler_state.c: a scheduler's state as named tensors, and back. Both ways begin with a list of all its numbers. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/keys_impl.h"

/* ---- the numbers ---- */

/* Its name, which the scope has, and type are the option's. */
typedef struct entry {
    tg_option option;
    void *at;
} entry;

typedef struct entries {
    entry *items;
    int64_t count, room;
} entries;

static void add(entries *all, const char *name, tg_option_kind kind, void *at)
{
    if (!name || !tgi_grow(&all->items, &all->room, all->count + 1, sizeof *all->items)) return;
    all->items[all->count++] = (entry){ { name, kind, 0 }, at };
}

static void add_list(entries *all, const char *prefix, const char *name, int64_t count, tg_option_kind kind,
                     const void *items)
{
    for (int64_t i = 0; i < count; i++)
        add(all, tgi_key("%s%s.%lld", prefix, name, (long long)i), kind, (double *)(uintptr_t)items + i);
}

/* An error is pending if there is no memory. */
static void add_all(entries *all, const char *prefix, tg_scheduler *s)
{
    for (int i = 0; i < TG_MAX_OPTIONS && s->kind->state[i].name; i++) {
        const tg_option *o = &s->kind->state[i];
        add(all, tgi_key("%s%s", prefix, o->name), o->kind, (char *)s->state + o->offset);
    }
    const bool counts = !s->kind->by_metric && !s->step_children; /* the others have no use for these */
    if (s->list.name) add_list(all, prefix, s->list.name, s->list.count, s->list.kind, s->list.items);
    if (counts) add_list(all, prefix, "base_lrs", s->group_count, TG_OPTION_DOUBLE, s->base_lrs);
    add(all, tgi_key("%slast_epoch", prefix), TG_OPTION_INT64, &s->last_epoch);
    if (counts) add(all, tgi_key("%s_step_count", prefix), TG_OPTION_INT64, &s->step_count);
    add_list(all, prefix, "_last_lr", s->group_count, TG_OPTION_DOUBLE, s->last_lrs);
    for (int64_t i = 0; i < s->child_count && !tg_failed(); i++) {
        const char *child = tgi_key("%s_schedulers.%lld.", prefix, (long long)i);
        if (child) add_all(all, child, s->children[i]);
    }
}

static void entries_free(entries *all) { tgi_grow_free(all->items, all->room, sizeof *all->items); }

/* ---- out ---- */

tg_named_tensor_list tg_scheduler_state_dict_at(const char *where, const tg_scheduler *scheduler)
{
    tg_scheduler *s = (tg_scheduler *)(uintptr_t)scheduler;
    if (!tgi_scheduler_in_use(where, s, "scheduler_state_dict") || tg_failed())
        return (tg_named_tensor_list){ NULL, 0 };
    entries all = { 0 };
    add_all(&all, "", s);
    tg_named_tensor *items = tg_failed() ? NULL : tgi_scope_alloc((size_t)all.count * sizeof *items);
    for (int64_t i = 0; items && i < all.count; i++)
        items[i] =
            (tg_named_tensor){ all.items[i].option.name, tgi_option_tensor(&all.items[i].option, all.items[i].at) };
    entries_free(&all);
    return tg_failed() ? (tg_named_tensor_list){ NULL, 0 } : (tg_named_tensor_list){ items, all.count };
}

/* ---- in ---- */

/* Finds each number's value, and reports what is wrong. False with an error pending. */
static bool find_values(const entries *all, tg_named_tensor_list list, double *values, const char *what,
                        const tg_scheduler *s)
{
    static const tg_shape scalar = { 0, { 0 } };
    tgi_keys keys;
    tgi_key_report report = { 0 };
    if (!tgi_keys_begin(&keys, what, list)) return false;
    for (int64_t i = 0; i < all->count; i++) {
        const tg_option *option = &all->items[i].option;
        tg_tensor *given = tgi_keys_take(&keys, option->name);
        values[i] = given && given->numel == 1 ? tg_item(given) : 0;
        if (!given)
            tgi_report_missing(&report, option->name);
        else if (given->numel != 1)
            tgi_report_size(&report, option->name, given, &scalar);
        else if (!tgi_option_takes(option, values[i]))
            tgi_report_line(&report, "%s cannot be %g.", option->name, values[i]);
    }
    for (int64_t i = 0; i < list.count; i++)
        if (!keys.taken[i]) tgi_report_unexpected(&report, list.items[i].name);
    return tgi_report_end(&report, NULL, what, s->kind->name);
}

typedef struct loading {
    tgi_loading base;
    entries all;
    double *values;
} loading;

static void end(tgi_loading *base, bool take)
{
    loading *l = (loading *)base;
    for (int64_t i = 0; take && i < l->all.count; i++)
        tgi_option_put(&l->all.items[i].option, l->all.items[i].at, l->values[i]);
    entries_free(&l->all);
}

tgi_loading *tgi_scheduler_loading(const char *where, tg_scheduler *s, tg_named_tensor_list list)
{
    static const char what[] = "scheduler_load_state_dict";
    loading *l = NULL;
    if (!tgi_scheduler_in_use(where, s, what) || tg_failed() || !(l = tgi_scope_alloc(sizeof *l))) return NULL;
    *l = (loading){ .base.end = end };
    add_all(&l->all, "", s);
    l->values = tg_failed() ? NULL : tgi_scope_alloc((size_t)l->all.count * sizeof *l->values);
    if (l->values && find_values(&l->all, list, l->values, what, s)) return &l->base;
    end(&l->base, false);
    return NULL;
}

tg_status tg_scheduler_load_state_dict_at(const char *where, tg_scheduler *s, tg_named_tensor_list list)
{
    const tg_scope scope = tg_scope_begin_at(where);
    tgi_loading *l = tgi_scheduler_loading(where, s, list);
    if (l) l->end(l, true);
    tg_scope_end(scope);
    return l ? TG_OK : TG_FAILED;
}
