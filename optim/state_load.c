/* state_load.c: tg_optimizer_load_state_dict.
 *
 * Each entry of the list is put in the place that its name says. Then all that belongs there is looked at, and the new
 * options and states are made; what moves then cannot fail. */
#include "state_dict.h"

#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "ops/create.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char what[] = "optimizer_load_state_dict";

/* What a list says of a parameter, and what is made of it. */
typedef struct loaded_parameter {
    tg_tensor *step, *given[TG_MAX_STATES]; /* NULL: not in the list */
    int64_t steps;
    tg_tensor *state[TG_MAX_STATES];
} loaded_parameter;

typedef struct loaded_group {
    tg_tensor *params, *initial_lr, *given[TG_MAX_OPTIONS];
    void *options;
} loaded_group;

typedef struct loading {
    tg_optimizer *optimizer;
    int64_t count; /* of all parameters */
    loaded_parameter *parameters;
    loaded_group *groups;
    size_t used; /* of the error's text */
    char text[TGI_MESSAGE];
} loading;

/* ---- the error's text ---- */

/* One more line of it. What finds no room is left out, and three points tell of it. */
TG_PRINTF(2, 3) static void complain(loading *l, const char *format, ...)
{
    const size_t room = sizeof l->text - l->used;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(l->text + l->used, room, format, args);
    va_end(args);
    if (length < 0) return;
    l->used += (size_t)length < room ? (size_t)length : room - 1;
    if ((size_t)length >= room) memcpy(l->text + sizeof l->text - 4, "...", 4);
}

static void complain_of_size(loading *l, const char *kind, int64_t number, const char *name, const tg_tensor *given,
                             const tg_shape *shape)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape its = tgi_shape(given);
    complain(l, "\n\tsize mismatch for %s.%lld.%s: %s, not %s", kind, (long long)number, name, tg_shape_text(&its, a),
             tg_shape_text(shape, b));
}

static void complain_of_absence(loading *l, const char *kind, int64_t number, const char *name)
{
    complain(l, "\n\tmissing key: %s.%lld.%s", kind, (long long)number, name);
}

/* ---- names ---- */

/* Reads ".12." behind `prefix`; NULL if it is not there, else what follows. */
static const char *after_number(const char *text, const char *prefix, int64_t *number)
{
    const size_t length = strlen(prefix);
    if (strncmp(text, prefix, length) != 0 || text[length] != '.') return NULL;
    const char *digit = text + length + 1, *first = digit;
    for (*number = 0; *digit >= '0' && *digit <= '9' && digit - first < 18; digit++)
        *number = *number * 10 + (*digit - '0');
    const bool canonical = digit > first && (first[0] != '0' || digit == first + 1);
    return canonical && *digit == '.' ? digit + 1 : NULL;
}

/* Where the entry of that name belongs; NULL if there is no such place. */
static tg_tensor **place(const loading *l, const char *name)
{
    const tg_optimizer_class *kind = l->optimizer->kind;
    int64_t number;
    const char *rest = after_number(name, "state", &number);
    if (rest && number < l->count) {
        if (strcmp(rest, "step") == 0) return &l->parameters[number].step;
        for (int i = 0; i < TG_MAX_STATES && kind->states[i]; i++)
            if (strcmp(rest, kind->states[i]) == 0) return &l->parameters[number].given[i];
    }
    rest = after_number(name, "param_groups", &number);
    if (!rest || number >= l->optimizer->group_count) return NULL;
    if (strcmp(rest, "params") == 0) return &l->groups[number].params;
    if (strcmp(rest, "initial_lr") == 0) return &l->groups[number].initial_lr;
    const tg_option *option = tgi_option_named(kind, rest);
    return option ? &l->groups[number].given[option - kind->options] : NULL;
}

/* Puts the entries in their places. False with an error pending: they are none. */
static bool place_all(loading *l, tg_named_tensor_list list)
{
    if (list.count < 0 || (list.count > 0 && !list.items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "a list of %lld tensors%s", (long long)list.count,
                   list.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < list.count; i++) {
        const tg_named_tensor *entry = &list.items[i];
        if (!entry->name) {
            tg_fail_at(NULL, TG_ERROR_NULL, what, "the name of tensor %lld is NULL", (long long)i);
            return false;
        }
        if (!tgi_handle_ok(what, entry->tensor)) return false;
        tg_tensor **at = place(l, entry->name);
        if (at)
            *at = entry->tensor;
        else
            complain(l, "\n\tunexpected key: %s", entry->name);
    }
    return true;
}

/* ---- groups ---- */

static void check_params(loading *l, const loaded_group *in, const tgi_group *g, int64_t number, int64_t first)
{
    const tg_shape shape = { 1, { g->count } };
    if (!in->params) {
        complain_of_absence(l, "param_groups", number, "params");
    } else if (in->params->ndim != 1 || in->params->numel != g->count) {
        complain_of_size(l, "param_groups", number, "params", in->params, &shape);
    } else {
        tg_tensor *numbers = tg_arange(first, first + g->count, 1, .dtype = tg_dtype_of(in->params));
        if (!tg_equal(in->params, numbers))
            complain(l, "\n\tother numbers than those of its parameters: param_groups.%lld.params", (long long)number);
    }
}

/* The options of a group, made of the list's. False with an error pending: a value is refused, or there is no memory. */
static bool load_options(loading *l, loaded_group *in, const tgi_group *g, int64_t number)
{
    const tg_optimizer_class *kind = l->optimizer->kind;
    const tg_shape shape = { 0, { 0 } };
    const size_t before = l->used;
    if (in->initial_lr && in->initial_lr->numel != 1)
        complain_of_size(l, "param_groups", number, "initial_lr", in->initial_lr, &shape);
    in->options = tgi_scope_alloc(kind->options_bytes);
    if (!in->options) return false;
    memcpy(in->options, g->options, kind->options_bytes);
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++) {
        const tg_tensor *given = in->given[i];
        if (!given)
            complain_of_absence(l, "param_groups", number, kind->options[i].name);
        else if (given->numel != 1)
            complain_of_size(l, "param_groups", number, kind->options[i].name, given, &shape);
        else if (!tgi_option_write(kind, &kind->options[i], in->options, tg_item(given)))
            return false;
    }
    return l->used > before || tgi_options_ok(kind, in->options);
}

static bool load_groups(loading *l)
{
    int64_t number = 0, first = 0;
    for (const tgi_group *g = l->optimizer->first; g; first += g->count, number++, g = g->next) {
        check_params(l, &l->groups[number], g, number, first);
        if (!load_options(l, &l->groups[number], g, number)) return false;
    }
    return true;
}

/* ---- parameters ---- */

static bool says_something(const loaded_parameter *in)
{
    bool any = in->step != NULL;
    for (int i = 0; i < TG_MAX_STATES; i++) any = any || in->given[i];
    return any;
}

/* False with an error pending: it counts nothing. */
static bool load_steps(loading *l, loaded_parameter *in, int64_t number)
{
    const tg_shape shape = { 0, { 0 } };
    if (!in->step) {
        complain_of_absence(l, "state", number, "step");
    } else if (in->step->numel != 1) {
        complain_of_size(l, "state", number, "step", in->step, &shape);
    } else {
        const double steps = tg_item(in->step);
        const bool whole = steps >= 0 && steps <= 0x1p53 && steps == floor(steps);
        if (!tg_option_ok(l->optimizer->kind, whole, "number of steps", steps)) return false;
        in->steps = (int64_t)steps;
    }
    return true;
}

/* Whether it stands for a state that is yet to be made. */
static bool is_to_come(const tg_tensor *given) { return given->ndim == 1 && given->numel == 0; }

/* One state: what the options need, with the list's values. One that they need no longer is kept: they may again. */
static void load_state(loading *l, const void *options, loaded_parameter *in, const tgi_optimized *p, int64_t number,
                       int i)
{
    const tg_optimizer_class *kind = l->optimizer->kind;
    tg_tensor *given = in->given[i], *state = NULL;
    if (!given || !is_to_come(given)) state = tgi_first_state(kind, options, p, i);
    if (tg_failed()) return;
    if (!given) {
        if (state) complain_of_absence(l, "state", number, kind->states[i]);
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
        complain_of_size(l, "state", number, kind->states[i], given, &shape);
}

/* False with an error pending. */
static bool load_parameters(loading *l)
{
    int64_t number = 0, group = 0;
    for (const tgi_group *g = l->optimizer->first; g; group++, g = g->next) {
        for (int64_t i = 0; i < g->count; i++, number++) {
            loaded_parameter *in = &l->parameters[number];
            if (!says_something(in)) continue;
            if (!load_steps(l, in, number)) return false;
            for (int s = 0; s < TG_MAX_STATES && l->optimizer->kind->states[s]; s++)
                load_state(l, l->groups[group].options, in, &g->parameters[i], number, s);
            if (tg_failed()) return false;
        }
    }
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

static void take_all(loading *l)
{
    loaded_parameter *in = l->parameters;
    const loaded_group *from = l->groups;
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

static bool load(loading *l, tg_named_tensor_list list)
{
    complain(l, "Error(s) in loading the state of %s:", l->optimizer->kind->name);
    const size_t header = l->used;
    if (!make_room(l) || !place_all(l, list) || !load_groups(l) || !load_parameters(l)) return false;
    if (l->used > header) tg_fail_at(NULL, TG_ERROR_VALUE, what, "%s", l->text);
    return !tg_failed();
}

tg_status tg_optimizer_load_state_dict_at(const char *where, tg_optimizer *optimizer, tg_named_tensor_list state)
{
    if (!tgi_has_state_dict(where, optimizer, what)) return TG_FAILED;
    if (optimizer->stepping) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "the optimizer is in a step");
        return TG_FAILED;
    }
    loading l = { .optimizer = optimizer };
    tg_scope scope = tg_no_grad_begin();
    const bool ok = load(&l, state);
    if (ok) take_all(&l);
    tg_scope_end(scope);
    return ok ? TG_OK : TG_FAILED;
}
