/* state_load.c: tg_optimizer_load_state_dict.
 *
 * All that belongs to the optimiser is looked up in the list, and the new options and states are made; what moves then
 * cannot fail. Between the two others may make ready what they load: tgi_optimizer_loading. */
#include "state_dict.h"

#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/keys_impl.h"
#include "ops/create.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>
#include <string.h>

static const char what[] = "optimizer_load_state_dict";

/* What is made of the list. */
typedef struct loaded_parameter {
    int64_t steps;
    tg_tensor *state[TG_MAX_STATES];
} loaded_parameter;

typedef struct loaded_group {
    tg_tensor *initial_lr; /* NULL: not in the list */
    void *options;
} loaded_group;

typedef struct loading {
    tgi_loading base;
    tg_optimizer *optimizer;
    int64_t count; /* of all parameters */
    loaded_parameter *parameters;
    loaded_group *groups;
    void *memory; /* of a class with a step of all parameters; to be taken, or freed */
    tgi_keys keys;
    tgi_key_report report;
} loading;

static const tg_shape scalar = { 0, { 0 } };

/* An entry of the list under its full name; the tensor is NULL if it is not there, the name with an error pending. */
static tg_named_tensor take(loading *l, const char *kind, int64_t number, const char *name)
{
    const char *key = tgi_key("%s.%lld.%s", kind, (long long)number, name);
    return (tg_named_tensor){ key, key ? tgi_keys_take(&l->keys, key) : NULL };
}

/* Whether an entry that has to be there is, and has one element; if not, that is reported. */
static bool is_number(loading *l, tg_named_tensor entry)
{
    if (entry.tensor && entry.tensor->numel == 1) return true;
    if (entry.tensor)
        tgi_report_size(&l->report, entry.name, entry.tensor, &scalar);
    else if (entry.name)
        tgi_report_missing(&l->report, entry.name);
    return false;
}

/* ---- groups ---- */

static void check_params(loading *l, const tgi_group *g, int64_t number, int64_t first)
{
    const tg_named_tensor params = take(l, "param_groups", number, "params");
    const tg_shape shape = { 1, { g->count } };
    if (!params.tensor) {
        if (params.name) tgi_report_missing(&l->report, params.name);
    } else if (params.tensor->ndim != 1 || params.tensor->numel != g->count) {
        tgi_report_size(&l->report, params.name, params.tensor, &shape);
    } else {
        tg_tensor *numbers = tg_arange(first, first + g->count, 1, .dtype = tg_dtype_of(params.tensor));
        if (!tg_equal(params.tensor, numbers))
            tgi_report_line(&l->report, "other numbers than those of its parameters: %s", params.name);
    }
}

/* The options of a group, made of the list's. False with an error pending: a value is refused, or there is no memory. */
static bool load_options(loading *l, loaded_group *in, const tgi_group *g, int64_t number)
{
    const tg_optimizer_class *kind = l->optimizer->kind;
    const tg_named_tensor initial_lr = take(l, "param_groups", number, "initial_lr");
    bool complete = !initial_lr.tensor || is_number(l, initial_lr);
    in->initial_lr = initial_lr.tensor;
    in->options = tgi_scope_alloc(kind->options_bytes);
    if (!in->options) return false;
    memcpy(in->options, g->options, kind->options_bytes);
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++) {
        const tg_named_tensor entry = take(l, "param_groups", number, kind->options[i].name);
        if (!is_number(l, entry))
            complete = false;
        else if (!tgi_option_write(kind, &kind->options[i], in->options, tg_item(entry.tensor)))
            return false;
    }
    return !tg_failed() && (!complete || tgi_options_ok(kind, in->options));
}

static bool load_groups(loading *l)
{
    int64_t number = 0, first = 0;
    for (const tgi_group *g = l->optimizer->first; g; first += g->count, number++, g = g->next) {
        if (!load_options(l, &l->groups[number], g, number)) return false;
        check_params(l, g, number, first);
    }
    return true;
}

/* ---- parameters ---- */

/* False with an error pending: it counts nothing. */
static bool load_steps(loading *l, loaded_parameter *in, tg_named_tensor step)
{
    if (!is_number(l, step)) return true;
    const double steps = tg_item(step.tensor);
    const bool whole = steps >= 0 && steps < (double)TGI_MOST_COUNT && steps == floor(steps);
    if (!tg_option_ok(l->optimizer->kind, whole, "number of steps", steps)) return false;
    in->steps = (int64_t)steps;
    return true;
}

/* Whether it stands for a state that is yet to be made. */
static bool is_to_come(const tg_tensor *given) { return given->ndim == 1 && given->numel == 0; }

/* State i: what the options need, with the list's values. One that they need no longer is kept: they may again. */
static void load_state(loading *l, const void *options, loaded_parameter *in, const tgi_optimized *p, int i,
                       tg_named_tensor entry)
{
    const tg_optimizer_class *kind = l->optimizer->kind;
    tg_tensor *given = entry.tensor, *state = NULL;
    if (!given || !is_to_come(given)) state = tgi_first_state(kind, options, p, i);
    if (tg_failed()) return;
    if (!given) {
        if (state) tgi_report_missing(&l->report, entry.name);
        return;
    }
    if (is_to_come(given)) return;
    const tg_tensor *like = kind->update_fused ? p->tensor : given;
    if (!state) state = tgi_new_like(like, tg_dtype_of(like));
    if (!state) return;
    const tg_shape shape = tgi_shape(state);
    if (tgi_same_shape(given, state))
        in->state[i] = tg_copy_(state, given);
    else
        tgi_report_size(&l->report, entry.name, given, &shape);
}

/* A parameter of which the list says nothing has had no update. False with an error pending. */
static bool load_parameter(loading *l, const void *options, const tgi_optimized *p, int64_t number)
{
    const tg_optimizer_class *kind = l->optimizer->kind;
    const tg_named_tensor step = take(l, "state", number, "step");
    tg_named_tensor states[TG_MAX_STATES];
    bool any = step.tensor != NULL;
    int count = 0;
    for (; count < TG_MAX_STATES && kind->states[count]; count++) {
        states[count] = take(l, "state", number, kind->states[count]);
        any = any || states[count].tensor;
    }
    loaded_parameter *in = &l->parameters[number];
    if (tg_failed() || (any && !load_steps(l, in, step))) return false;
    for (int i = 0; any && i < count; i++) load_state(l, options, in, p, i, states[i]);
    return !tg_failed();
}

static bool load_parameters(loading *l)
{
    int64_t number = 0, group = 0;
    for (const tgi_group *g = l->optimizer->first; g; group++, g = g->next)
        for (int64_t i = 0; i < g->count; i++, number++)
            if (!load_parameter(l, l->groups[group].options, &g->parameters[i], number)) return false;
    return true;
}

/* ---- nothing fails from here on ---- */

/* The handle of a state stays where it can. */
static void take_state(tg_tensor **old, tg_tensor *state)
{
    if (*old && state && tgi_alike(*old, state)) {
        tgi_take_storage(*old, state);
        return;
    }
    tgi_unref(*old);
    *old = state ? tgi_ref(state) : NULL;
}

/* Whether the list is of an optimiser that has made a step. */
static bool has_stepped(const loading *l)
{
    for (int64_t i = 0; i < l->keys.list.count; i++)
        if (strncmp(l->keys.list.items[i].name, "state.", 6) == 0) return true;
    return false;
}

static void take_all(loading *l)
{
    if (has_stepped(l)) l->optimizer->steps++; /* so that schedulers do not warn of a step that was made elsewhere */
    loaded_parameter *in = l->parameters;
    const loaded_group *from = l->groups;
    if (l->memory) {
        l->optimizer->kind->whole->free(l->optimizer->memory);
        memcpy(l->optimizer->memory, l->memory, l->optimizer->kind->whole->memory_bytes);
    }
    for (tgi_group *g = l->optimizer->first; g; g = g->next, from++) {
        memcpy(g->options, from->options, l->optimizer->kind->options_bytes);
        g->has_initial_lr = from->initial_lr != NULL;
        g->initial_lr = from->initial_lr ? tg_item(from->initial_lr) : 0;
        for (int64_t i = 0; i < g->count; i++, in++) {
            tgi_optimized *p = &g->parameters[i];
            p->steps = in->steps;
            p->shape = tgi_shape(p->tensor);
            p->dtype = tg_dtype_of(p->tensor);
            for (int s = 0; s < TG_MAX_STATES; s++) take_state(&p->state[s], in->state[s]);
        }
    }
}

/* Zeroed memory for what is loaded. */
static bool make_room(loading *l)
{
    for (const tgi_group *g = l->optimizer->first; g; g = g->next) l->count += g->count;
    const size_t parameters = (size_t)l->count * sizeof *l->parameters;
    const size_t bytes = parameters + (size_t)l->optimizer->group_count * sizeof *l->groups;
    l->parameters = tgi_scope_alloc(bytes);
    if (!l->parameters) return false;
    memset(l->parameters, 0, bytes);
    l->groups = (loaded_group *)(l->parameters + l->count);
    return true;
}

/* The memory of a class with a step of all parameters. False with an error pending. */
static bool load_memory(loading *l)
{
    const tgi_whole_step *whole = l->optimizer->kind->whole;
    l->memory = tgi_scope_alloc(whole->memory_bytes);
    if (!l->memory) return false;
    memset(l->memory, 0, whole->memory_bytes);
    return whole->read_state(l->memory, l->optimizer, &l->keys, &l->report);
}

/* The state of another model's optimiser lacks keys and has others, too many to be read: their number is told first. */
static void compare_counts(loading *l)
{
    int64_t count = 0, number = 0;
    for (;; number++) {
        const tg_tensor *params = take(l, "param_groups", number, "params").tensor;
        if (!params) break;
        count += params->numel;
    }
    const tg_optimizer *optimizer = l->optimizer;
    if (number > 0 && (count != l->count || number != optimizer->group_count))
        tgi_report_first(&l->report, "the state has %lld parameter(s) in %lld group(s), the optimizer %lld in %lld.",
                         (long long)count, (long long)number, (long long)l->count, (long long)optimizer->group_count);
}

static bool load(loading *l, tg_named_tensor_list list)
{
    if (!tgi_keys_begin(&l->keys, what, list) || !make_room(l) || !load_groups(l)) return false;
    if (l->optimizer->kind->whole ? !load_memory(l) : !load_parameters(l)) return false;
    for (int64_t i = 0; i < list.count; i++)
        if (!l->keys.taken[i]) tgi_report_unexpected(&l->report, list.items[i].name);
    compare_counts(l);
    if (tg_failed()) return false;
    return tgi_report_end(&l->report, NULL, what, l->optimizer->kind->name);
}

static void end(tgi_loading *base, bool take)
{
    loading *l = (loading *)base;
    if (take)
        take_all(l);
    else if (l->memory)
        l->optimizer->kind->whole->free(l->memory);
}

tgi_loading *tgi_optimizer_loading(const char *where, tg_optimizer *optimizer, tg_named_tensor_list state)
{
    if (!tgi_optimizer_ok(where, optimizer, what) || tg_failed()) return NULL;
    if (optimizer->stepping) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "the optimizer is in a step");
        return NULL;
    }
    loading *l = tgi_scope_alloc(sizeof *l);
    if (!l) return NULL;
    *l = (loading){ .base.end = end, .optimizer = optimizer };
    if (load(l, state)) return &l->base;
    end(&l->base, false);
    return NULL;
}

tg_status tg_optimizer_load_state_dict_at(const char *where, tg_optimizer *optimizer, tg_named_tensor_list state)
{
    tg_scope scope = tg_no_grad_begin_at(where);
    tgi_loading *l = tgi_optimizer_loading(where, optimizer, state);
    if (l) l->end(l, true);
    tg_scope_end(scope);
    return l ? TG_OK : TG_FAILED;
}
