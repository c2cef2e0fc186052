/* state_dict.c: an optimiser's state as a list of named tensors. What comes back from one is state_load.c's. */
#include "state_dict.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "ops/create.h"
#include "optimizer_impl.h"

#include <stdio.h>
#include <string.h>

typedef struct writer {
    tg_named_tensor *items;
    int64_t count;
    char *text; /* where the next name goes */
} writer;

/* More than what stands before a name, its two points and numbers, and the 0 behind it. */
enum { AROUND_A_NAME = 48 };

static void put(writer *w, const char *kind, int64_t number, const char *name, tg_tensor *t)
{
    w->items[w->count++] = (tg_named_tensor){ w->text, t };
    w->text += sprintf(w->text, "%s.%lld.%s", kind, (long long)number, name) + 1;
}

/* An empty list that has room for everything. False with an error pending. */
static bool make_room(writer *w, const tg_optimizer *optimizer)
{
    const tg_optimizer_class *kind = optimizer->kind;
    size_t items = 3,
           text = 3 * (AROUND_A_NAME + sizeof "initial_lr"); /* that, step, params; the most of either kind */
    for (int i = 0; i < TG_MAX_STATES && kind->states[i]; i++, items++) text += strlen(kind->states[i]) + AROUND_A_NAME;
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++, items++)
        text += strlen(kind->options[i].name) + AROUND_A_NAME;
    int64_t times = optimizer->group_count;
    for (const tgi_group *g = optimizer->first; g; g = g->next) times += g->count;
    w->count = 0;
    w->items = tgi_scope_alloc((size_t)times * (items * sizeof *w->items + text));
    if (w->items) w->text = (char *)(w->items + (size_t)times * items);
    return w->items != NULL;
}

/* Whether the next step will make a state that is not there. */
static bool is_to_come(const tg_optimizer *optimizer, const tgi_group *g, const tgi_optimized *p, int state)
{
    tg_scope scope = tg_no_grad_begin();
    const bool needed = tgi_first_state(optimizer->kind, g->options, p, state) != NULL;
    tg_scope_end(scope);
    return needed;
}

static void put_parameter(writer *w, const tg_optimizer *optimizer, const tgi_group *g, const tgi_optimized *p,
                          int64_t number)
{
    if (p->steps == 0) return;
    put(w, "state", number, "step", tg_scalar(p->steps, .dtype = TG_INT64));
    for (int i = 0; i < TG_MAX_STATES && optimizer->kind->states[i]; i++) {
        if (p->state[i])
            put(w, "state", number, optimizer->kind->states[i], tgi_scope_adopt(tgi_ref(p->state[i])));
        else if (is_to_come(optimizer, g, p, i))
            put(w, "state", number, optimizer->kind->states[i], tg_zeros(tg_shape(0), .dtype = p->dtype));
    }
}

static tg_tensor *option_tensor(const tg_option *o, const void *options)
{
    const double value = tgi_option_value(o, options);
    if (o->kind == TG_OPTION_DOUBLE) return tg_scalar(value, .dtype = TG_FLOAT64);
    return tg_scalar((int64_t)value, .dtype = o->kind == TG_OPTION_BOOL ? TG_BOOL : TG_INT64);
}

static void put_group(writer *w, const tg_optimizer_class *kind, const tgi_group *g, int64_t number, int64_t first)
{
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++)
        put(w, "param_groups", number, kind->options[i].name, option_tensor(&kind->options[i], g->options));
    if (g->has_initial_lr) put(w, "param_groups", number, "initial_lr", tg_scalar(g->initial_lr, .dtype = TG_FLOAT64));
    put(w, "param_groups", number, "params", tg_arange(first, first + g->count));
}

bool tgi_has_state_dict(const char *where, const tg_optimizer *optimizer, const char *function)
{
    if (!tgi_optimizer_ok(where, optimizer, function) || tg_failed()) return false;
    if (!optimizer->kind->whole) return true;
    tg_fail_at(where, TG_ERROR_VALUE, function,
               "%s has no state for each parameter: tg_lbfgs_state_of, "
               "tg_lbfgs_set_state",
               optimizer->kind->name);
    return false;
}

tg_named_tensor_list tg_optimizer_state_dict_at(const char *where, const tg_optimizer *optimizer)
{
    const tg_named_tensor_list none = { NULL, 0 };
    writer w;
    if (!tgi_has_state_dict(where, optimizer, "optimizer_state_dict")) return none;
    if (!make_room(&w, optimizer)) return none;
    int64_t number = 0;
    for (const tgi_group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++) put_parameter(&w, optimizer, g, &g->parameters[i], number++);
    number = 0;
    int64_t first = 0;
    for (const tgi_group *g = optimizer->first; g; first += g->count, g = g->next)
        put_group(&w, optimizer->kind, g, number++, first);
    return tg_failed() ? none : (tg_named_tensor_list){ w.items, w.count };
}
