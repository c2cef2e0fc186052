/* state_object.c: an optimiser's state as PyTorch nests it, from the list of state_dict.c and back. */
#include "state_object.h"

#include "core/error.h"
#include "core/file/object_impl.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/keys_impl.h"
#include "ops/create.h"
#include "optimizer_impl.h"
#include "state_dict.h"

#include <stdlib.h>
#include <string.h>

/* L-BFGS remembers a history for all parameters together, of which PyTorch keeps other things than we do. */
static bool has_object(const char *where, const tg_optimizer *optimizer, const char *function)
{
    if (!tgi_optimizer_ok(where, optimizer, function) || tg_failed()) return false;
    if (!optimizer->kind->whole) return true;
    tg_fail_at(where, TG_ERROR_VALUE, function,
               "%s has no state for each parameter: tg_optimizer_state_dict, tg_optimizer_load_state_dict",
               optimizer->kind->name);
    return false;
}

/* Two options here that are a tuple there. */
static const struct pair {
    const char *tuple, *options[2];
} pairs[] = {
    { "betas", { "beta1", "beta2" } },
    { "etas", { "etaminus", "etaplus" } },
    { "step_sizes", { "step_size_min", "step_size_max" } },
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* ---- out ---- */

/* "param_groups.1.lr" taken apart. */
typedef struct place {
    bool of_state; /* or of a group */
    int64_t number;
    const char *name;
} place;

static place place_of(const char *key)
{
    char *end;
    const int64_t number = strtoll(strchr(key, '.') + 1, &end, 10);
    return (place){ key[0] == 's', number, end + 1 };
}

/* A number of the list, as the kind of number that it is. */
static tg_any number_of(const tg_tensor *t)
{
    if (t->dtype == TG_BOOL) return tg_any_bool(tg_item(t) != 0);
    return t->dtype == TG_INT64 ? tg_any_int(tg_item_int64(t)) : tg_any_float(tg_item(t));
}

static tg_object *numbers_of(const tg_tensor *t)
{
    tg_object *list = tg_object_list();
    const int64_t *numbers = tgi_ptr(t); /* of tg_arange */
    for (int64_t i = 0; list && i < t->numel; i++) tg_object_append(list, numbers[i]);
    return list;
}

/* The pair that two entries in turn are, or NULL. */
static const struct pair *pair_of(const char *first, const char *second)
{
    for (int i = 0; i < PAIRS; i++)
        if (strcmp(pairs[i].options[0], first) == 0 && strcmp(pairs[i].options[1], second) == 0) return &pairs[i];
    return NULL;
}

/* Puts the first of the entries into its dict, or the first two as a pair: how many. */
static int64_t put(tg_object *dict, const tg_named_tensor *entries, int64_t count)
{
    const place here = place_of(entries[0].name);
    tg_tensor *t = entries[0].tensor;
    const struct pair *pair = here.of_state || count < 2 ? NULL : pair_of(here.name, place_of(entries[1].name).name);
    if (pair) {
        tg_dict_set(dict, pair->tuple, tg_object_tuple(number_of(t), number_of(entries[1].tensor)));
        return 2;
    }
    if (!here.of_state && strcmp(here.name, "params") == 0)
        tg_dict_set(dict, here.name, numbers_of(t));
    else if (!here.of_state || strcmp(here.name, "step") == 0)
        tg_dict_set(dict, here.name, number_of(t));
    else if (t->ndim != 1 || t->numel) /* it is there */
        tg_dict_set(dict, here.name, t);
    return 1;
}

/* The dict of all entries at the same place, of which there are *used. */
static tg_object *dict_of(const tg_named_tensor *entries, int64_t count, int64_t *used)
{
    tg_object *dict = tg_dict();
    const place first = place_of(entries[0].name);
    int64_t same = 0;
    for (; same < count; same++) {
        const place next = place_of(entries[same].name);
        if (next.of_state != first.of_state || next.number != first.number) break;
    }
    for (int64_t i = 0; i < same;) i += put(dict, entries + i, same - i);
    *used = same;
    return dict;
}

tg_object *tg_optimizer_state_object_at(const char *where, const tg_optimizer *optimizer)
{
    if (!has_object(where, optimizer, "optimizer_state_object")) return NULL;
    const tg_named_tensor_list list = tg_optimizer_state_dict_at(NULL, optimizer);
    tg_object *state = tg_dict(), *groups = tg_object_list();
    for (int64_t i = 0, used; i < list.count && !tg_failed(); i += used) {
        const place here = place_of(list.items[i].name);
        tg_object *dict = dict_of(list.items + i, list.count - i, &used);
        if (here.of_state)
            tg_dict_set(state, here.number, dict);
        else
            tg_object_append(groups, dict);
    }
    tg_object *both = tg_failed() ? NULL : tg_dict("state", state, "param_groups", groups);
    return tg_failed() ? NULL : both;
}

/* ---- in ---- */

static const char what[] = "optimizer_load_state_object";

typedef struct flattened {
    const tg_optimizer_class *kind;
    tg_named_tensor *items;
    int64_t count, capacity;
} flattened;

static void add(flattened *f, const char *dict, int64_t number, const char *name, tg_tensor *t)
{
    const char *key = t ? tgi_key("%s.%lld.%s", dict, (long long)number, name) : NULL;
    if (key && tgi_grow(&f->items, &f->capacity, f->count + 1, sizeof *f->items))
        f->items[f->count++] = (tg_named_tensor){ key, t };
}

/* What is a number, or a tensor, as a tensor; NULL for what is neither, without an error. */
static tg_tensor *tensor_of(const tg_object *o)
{
    switch (o->kind) {
    case TG_OBJECT_BOOL: return tg_scalar(o->as.integer != 0, .dtype = TG_BOOL);
    case TG_OBJECT_INT: return tg_scalar(o->as.integer, .dtype = TG_INT64);
    case TG_OBJECT_FLOAT: return tg_scalar(o->as.real, .dtype = TG_FLOAT64);
    case TG_OBJECT_TENSOR: return o->as.tensor;
    default: return NULL;
    }
}

/* A name that is a text: a dict may have other keys. */
static const char *name_of(const tg_object *dict, int64_t i)
{
    const tg_object *key = dict->as.items[2 * i];
    return key->kind == TG_OBJECT_TEXT ? key->as.text : "?";
}

static bool is_dict(const tg_object *o, const char *of)
{
    if (o && o->kind == TG_OBJECT_DICT) return true;
    if (o) tg_fail_at(NULL, TG_ERROR_VALUE, what, "the %s is %s, not a dict", of, tgi_object_name(o));
    return false;
}

static void add_states(flattened *f, const tg_object *state)
{
    for (int64_t i = 0; i < state->count / 2 && !tg_failed(); i++) {
        const tg_object *number = state->as.items[2 * i], *dict = state->as.items[2 * i + 1];
        if (!is_dict(dict, "state of a parameter")) return;
        if (number->kind != TG_OBJECT_INT) {
            tg_fail_at(NULL, TG_ERROR_VALUE, what, "the number of a parameter is the text \"%s\"", number->as.text);
            return;
        }
        for (int64_t k = 0; k < dict->count / 2; k++)
            add(f, "state", number->as.integer, name_of(dict, k), tensor_of(dict->as.items[2 * k + 1]));
        if (dict->count && !tg_object_has(dict, "step"))
            add(f, "state", number->as.integer, "step", tg_scalar(1, .dtype = TG_INT64));
    }
}

static tg_tensor *numbers_in(const tg_object *list)
{
    tg_tensor *t = tg_zeros(tg_shape(tg_object_count(list)), .dtype = TG_INT64);
    for (int64_t i = 0; t && i < t->numel; i++) ((int64_t *)tgi_ptr(t))[i] = tg_object_int(tg_object_item(list, i));
    return t;
}

static void add_option(flattened *f, int64_t number, const char *name, const tg_object *value)
{
    static const char group[] = "param_groups";
    if (strcmp(name, "params") == 0) add(f, group, number, name, numbers_in(value));
    for (int i = 0; i < PAIRS; i++)
        for (int k = 0; k < 2 && strcmp(name, pairs[i].tuple) == 0; k++)
            add_option(f, number, pairs[i].options[k], tg_object_item(value, k));
    if (value && (tgi_option_named(f->kind, name) || strcmp(name, "initial_lr") == 0))
        add(f, group, number, name, tensor_of(value));
}

static void add_groups(flattened *f, const tg_object *groups)
{
    for (int64_t i = 0; i < tg_object_count(groups) && !tg_failed(); i++) {
        const tg_object *dict = tg_object_item(groups, i);
        if (!is_dict(dict, "param_group")) return;
        for (int64_t k = 0; k < dict->count / 2; k++) add_option(f, i, name_of(dict, k), dict->as.items[2 * k + 1]);
        const tg_option *options = f->kind->options;
        for (int k = 0; k < TG_MAX_OPTIONS && options[k].name; k++)
            if (options[k].kind == TG_OPTION_BOOL && !tg_object_has(dict, options[k].name))
                add(f, "param_groups", i, options[k].name, tg_scalar(false, .dtype = TG_BOOL));
    }
}

tg_status tg_optimizer_load_state_object_at(const char *where, tg_optimizer *optimizer, const tg_object *state)
{
    if (!has_object(where, optimizer, what) || !tgi_object_ok(where, what, state) || !is_dict(state, "state"))
        return TG_FAILED;
    const tg_scope scope = tg_no_grad_begin();
    flattened f = { .kind = optimizer->kind };
    const tg_object *states = tg_object_get(state, "state");
    if (is_dict(states, "\"state\"")) add_states(&f, states);
    add_groups(&f, tg_object_get(state, "param_groups"));
    tg_status loaded = TG_FAILED;
    if (!tg_failed())
        loaded = tg_optimizer_load_state_dict_at(where, optimizer, (tg_named_tensor_list){ f.items, f.count });
    tgi_grow_free(f.items, f.capacity, sizeof *f.items);
    tg_scope_end(scope);
    return loaded;
}
