/* state_dict.c: an optimiser's state as a list of named tensors. What comes back from one is state_load.c's. */
#include "state_dict.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/keys_impl.h"
#include "ops/create.h"
#include "optimizer_impl.h"

typedef tgi_state_writer writer;

static void put(writer *w, const char *kind, int64_t number, const char *name, tg_tensor *t)
{
    w->items[w->count++] = (tg_named_tensor){ tgi_key("%s.%lld.%s", kind, (long long)number, name), t };
}

void tgi_state_put(tgi_state_writer *w, const char *name, tg_tensor *t) { put(w, "state", 0, name, t); }

/* An empty list that has room for everything. False with an error pending. */
static bool make_room(writer *w, const tg_optimizer *optimizer)
{
    const tg_optimizer_class *kind = optimizer->kind;
    int64_t states = 1, options = 2; /* the step; initial_lr, params */
    for (int i = 0; i < TG_MAX_STATES && kind->states[i]; i++) states++;
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++) options++;
    int64_t most = optimizer->group_count * options;
    if (kind->whole) most += kind->whole->state_count(optimizer);
    for (const tgi_group *g = optimizer->first; g; g = g->next) most += g->count * states;
    w->count = 0;
    w->items = tgi_scope_alloc((size_t)most * sizeof *w->items);
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

static void put_group(writer *w, const tg_optimizer_class *kind, const tgi_group *g, int64_t number, int64_t first)
{
    for (int i = 0; i < TG_MAX_OPTIONS && kind->options[i].name; i++)
        put(w, "param_groups", number, kind->options[i].name, tgi_option_tensor(&kind->options[i], g->options));
    if (g->has_initial_lr) put(w, "param_groups", number, "initial_lr", tg_scalar(g->initial_lr, .dtype = TG_FLOAT64));
    put(w, "param_groups", number, "params", tg_arange(first, first + g->count));
}

tg_named_tensor_list tg_optimizer_state_dict_at(const char *where, const tg_optimizer *optimizer)
{
    const tg_named_tensor_list none = { NULL, 0 };
    if (!tgi_optimizer_ok(where, optimizer, "optimizer_state_dict") || tg_failed()) return none;
    writer w;
    if (!make_room(&w, optimizer)) return none;
    int64_t number = 0;
    if (optimizer->kind->whole) optimizer->kind->whole->put_state(&w, optimizer);
    for (const tgi_group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++) put_parameter(&w, optimizer, g, &g->parameters[i], number++);
    number = 0;
    int64_t first = 0;
    for (const tgi_group *g = optimizer->first; g; first += g->count, g = g->next)
        put_group(&w, optimizer->kind, g, number++, first);
    return tg_failed() ? none : (tg_named_tensor_list){ w.items, w.count };
}
