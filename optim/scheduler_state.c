/* scheduler_state.c: a scheduler's state as named tensors, and back. One walk lists the entries for both. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "ops/create.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the entries ---- */

typedef struct entry {
    const char *name; /* until the next one */
    tg_option_kind kind;
    void *at;
} entry;

/* False ends the walk. */
typedef bool (*entry_fn)(void *context, const entry *e);

typedef struct walk {
    entry_fn fn;
    void *context;
} walk;

enum { NAME_ROOM = 512 };

/* `prefix`, `name` and, unless it is negative, ".index". */
static bool visit(const walk *w, const char *prefix, const char *name, int64_t index, tg_option_kind kind, void *at)
{
    char text[NAME_ROOM];
    const int n = index < 0 ? snprintf(text, sizeof text, "%s%s", prefix, name)
                            : snprintf(text, sizeof text, "%s%s.%lld", prefix, name, (long long)index);
    if (n < 0 || n >= NAME_ROOM) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "scheduler_state_dict", "the name of an entry is too long");
        return false;
    }
    const entry e = { text, kind, at };
    return w->fn(w->context, &e);
}

static bool visit_list(const walk *w, const char *prefix, const char *name, int64_t count, tg_option_kind kind,
                       const void *items)
{
    for (int64_t i = 0; i < count; i++)
        if (!visit(w, prefix, name, i, kind, (double *)(uintptr_t)items + i)) return false;
    return true;
}

static bool visit_all(const walk *w, const char *prefix, tg_scheduler *s)
{
    for (int i = 0; i < TG_MAX_OPTIONS && s->kind->state[i].name; i++) {
        const tg_option *o = &s->kind->state[i];
        if (!visit(w, prefix, o->name, -1, o->kind, (char *)s->state + o->offset)) return false;
    }
    const bool counts = !s->kind->by_metric && !s->step_children; /* the others have no use for these */
    if (!visit_list(w, prefix, s->list.name ? s->list.name : "", s->list.name ? s->list.count : 0, s->list.kind,
                    s->list.items) ||
        !visit_list(w, prefix, "base_lrs", counts ? s->group_count : 0, TG_OPTION_DOUBLE, s->base_lrs) ||
        !visit(w, prefix, "last_epoch", -1, TG_OPTION_INT64, &s->last_epoch) ||
        (counts && !visit(w, prefix, "_step_count", -1, TG_OPTION_INT64, &s->step_count)) ||
        !visit_list(w, prefix, "_last_lr", s->group_count, TG_OPTION_DOUBLE, s->last_lrs))
        return false;
    for (int64_t i = 0; i < s->child_count; i++) {
        char child[NAME_ROOM];
        snprintf(child, sizeof child, "%s_schedulers.%lld.", prefix, (long long)i);
        if (!visit_all(w, child, s->children[i])) return false;
    }
    return true;
}

static bool visit_scheduler(tg_scheduler *s, entry_fn fn, void *context)
{
    const walk w = { fn, context };
    return visit_all(&w, "", s);
}

/* ---- out ---- */

/* First counted, then filled. */
typedef struct saving {
    int64_t count;
    size_t text;
    tg_named_tensor *items;
    char *names;
} saving;

static bool count_entry(void *context, const entry *e)
{
    saving *out = context;
    out->count++;
    out->text += strlen(e->name) + 1;
    return true;
}

static tg_tensor *entry_tensor(const entry *e)
{
    if (e->kind == TG_OPTION_DOUBLE) return tg_scalar(*(const double *)e->at, .dtype = TG_FLOAT64);
    return e->kind == TG_OPTION_BOOL ? tg_scalar(*(const bool *)e->at, .dtype = TG_BOOL)
                                     : tg_scalar(*(const int64_t *)e->at, .dtype = TG_INT64);
}

static bool save_entry(void *context, const entry *e)
{
    saving *out = context;
    const size_t length = strlen(e->name) + 1;
    memcpy(out->names, e->name, length);
    out->items[out->count++] = (tg_named_tensor){ out->names, entry_tensor(e) };
    out->names += length;
    return !tg_failed();
}

tg_named_tensor_list tg_scheduler_state_dict_at(const char *where, const tg_scheduler *scheduler)
{
    const tg_named_tensor_list none = { NULL, 0 };
    tg_scheduler *s = (tg_scheduler *)(uintptr_t)scheduler;
    saving out = { 0 };
    if (!tgi_scheduler_ok(where, s, "scheduler_state_dict") || tg_failed()) return none;
    if (!visit_scheduler(s, count_entry, &out)) return none;
    out.items = tgi_scope_alloc((size_t)out.count * sizeof *out.items + out.text);
    if (!out.items) return none;
    out.names = (char *)(out.items + out.count);
    out.count = 0;
    if (!visit_scheduler(s, save_entry, &out)) return none;
    return (tg_named_tensor_list){ out.items, out.count };
}

/* ---- in ---- */

typedef struct loading {
    tg_named_tensor_list list;
    const char *sought; /* whether this name is an entry's */
    bool known;
    char missing[NAME_ROOM], unexpected[NAME_ROOM], wrong[NAME_ROOM];
} loading;

/* One more name in a list of them; what does not fit is left out. */
static void add_name(char *names, const char *name)
{
    const size_t used = strlen(names);
    snprintf(names + used, NAME_ROOM - used, "%s\"%s\"", used ? ", " : "", name);
}

static tg_tensor *tensor_named(const loading *in, const char *name)
{
    for (int64_t i = 0; i < in->list.count; i++)
        if (strcmp(in->list.items[i].name, name) == 0) return in->list.items[i].tensor;
    return NULL;
}

/* Whether an entry can have this value. */
static bool value_ok(const entry *e, double value)
{
    if (e->kind == TG_OPTION_BOOL) return value == 0 || value == 1;
    return e->kind == TG_OPTION_DOUBLE || (fabs(value) < (double)TGI_MOST_EPOCHS && value == floor(value));
}

static bool check_entry(void *context, const entry *e)
{
    loading *in = context;
    const tg_tensor *t = tensor_named(in, e->name);
    if (!t)
        add_name(in->missing, e->name);
    else if (tg_numel(t) != 1 || !value_ok(e, tg_item(t)))
        add_name(in->wrong, e->name);
    return true;
}

static bool compare_entry(void *context, const entry *e)
{
    loading *in = context;
    in->known = strcmp(e->name, in->sought) == 0;
    return !in->known;
}

static bool load_entry(void *context, const entry *e)
{
    const double value = tg_item(tensor_named(context, e->name));
    if (e->kind == TG_OPTION_DOUBLE)
        *(double *)e->at = value;
    else if (e->kind == TG_OPTION_BOOL)
        *(bool *)e->at = value != 0;
    else
        *(int64_t *)e->at = (int64_t)value;
    return true;
}

/* False, with an error pending, for a list that cannot be read. */
static bool list_ok(tg_named_tensor_list list, const char *what)
{
    if (list.count < 0 || (list.count > 0 && !list.items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "a list of %lld tensors%s", (long long)list.count,
                   list.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < list.count; i++) {
        if (!list.items[i].name) {
            tg_fail_at(NULL, TG_ERROR_NULL, what, "the name of tensor %lld is NULL", (long long)i);
            return false;
        }
        if (!tgi_handle_ok(what, list.items[i].tensor)) return false;
    }
    return true;
}

/* Fills in the names of what is wrong. */
static bool check_list(tg_scheduler *s, loading *in)
{
    if (!visit_scheduler(s, check_entry, in)) return false;
    for (int64_t i = 0; i < in->list.count; i++) {
        in->sought = in->list.items[i].name;
        in->known = false;
        visit_scheduler(s, compare_entry, in);
        if (!in->known) add_name(in->unexpected, in->sought);
    }
    return !in->missing[0] && !in->unexpected[0] && !in->wrong[0];
}

tg_status tg_scheduler_load_state_dict_at(const char *where, tg_scheduler *s, tg_named_tensor_list list)
{
    static const char what[] = "scheduler_load_state_dict";
    if (!tgi_scheduler_ok(where, s, what) || tg_failed() || !list_ok(list, what)) return TG_FAILED;
    loading in = { .list = list };
    if (check_list(s, &in)) return visit_scheduler(s, load_entry, &in) ? TG_OK : TG_FAILED;
    if (tg_failed()) return TG_FAILED;
    tg_fail_at(where, TG_ERROR_VALUE, what, "Error(s) in loading state_dict for %s:%s%s%s%s%s%s", s->kind->name,
               in.missing[0] ? " Missing key(s) in state_dict: " : "", in.missing,
               in.unexpected[0] ? " Unexpected key(s) in state_dict: " : "", in.unexpected,
               in.wrong[0] ? " No such number(s): " : "", in.wrong);
    return TG_FAILED;
}
