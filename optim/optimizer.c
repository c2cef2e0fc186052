/* optimizer.c: optimisers, their parameter groups and what is read of them. Options are options.c's and
 * group_options.c's, the step is step.c's. */
#include "optimizer_impl.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"

#include <string.h>

#define ALIVE UINT64_C(0x6f7074696d697a65)

bool tgi_optimizer_ok(const char *where, const tg_optimizer *optimizer, const char *what)
{
    tgi_begin(where, what);
    if (optimizer && optimizer->alive == ALIVE) return true;
    if (optimizer)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the optimizer was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the optimizer is NULL");
    return false;
}

/* ---- classes and options ---- */

/* What is wrong with a class; NULL if nothing is. */
static const char *class_problem(const tg_optimizer_class *kind)
{
    if (!kind->name) return "the class has no name";
    return kind->update || kind->whole ? tgi_option_table_problem(kind) : "the class has no update";
}

/* False, with an error pending, if no optimiser can be made of these. */
static bool class_ok(const tg_optimizer_class *kind, const void *options, size_t bytes)
{
    const char *problem = kind ? class_problem(kind) : "the class is NULL";
    const char *name = kind && kind->name ? kind->name : "optimizer_new";
    if (!problem && !options) problem = "the options are NULL";
    if (problem)
        tg_fail_at(NULL, kind && options ? TG_ERROR_VALUE : TG_ERROR_NULL, name, "%s", problem);
    else if (bytes != kind->options_bytes)
        tg_fail_at(NULL, TG_ERROR_VALUE, name, "the options have %zu bytes, those of the class %zu", bytes,
                   kind->options_bytes);
    return !problem && bytes == kind->options_bytes;
}

/* A zeroed block that begins with `bytes` of a struct and ends with a copy of the options, whose place is stored; NULL
 * with an error pending. */
static void *new_with_options(size_t bytes, const void *options, size_t options_bytes, size_t *whole, size_t *at)
{
    const size_t most = _Alignof(max_align_t);
    *at = (bytes + most - 1) / most * most;
    *whole = *at + options_bytes;
    char *block = tgi_calloc(*whole);
    if (block) memcpy(block + *at, options, options_bytes);
    return block;
}

/* ---- groups ---- */

static bool in_group(const tgi_group *g, int64_t count, const tg_tensor *t)
{
    for (int64_t i = 0; i < count; i++)
        if (g->parameters[i].tensor == t) return true;
    return false;
}

/* Whether `t` may join `g`, which is not yet one of the optimiser's groups. */
static bool parameter_ok(const tg_optimizer *optimizer, const tgi_group *g, const tg_tensor *t)
{
    const char *problem = NULL;
    if (!tg_is_leaf(t)) problem = "can't optimize a non-leaf Tensor";
    if (!tgi_is_floating(t)) problem = "can't optimize a tensor whose dtype is not a floating one";
    if (tgi_overlaps_itself(t)) problem = "can't optimize a tensor in which several elements share one place in memory";
    if (in_group(g, g->count, t)) problem = "the parameter group has duplicate parameters";
    for (const tgi_group *other = optimizer->first; other; other = other->next)
        if (in_group(other, other->count, t)) problem = "some parameters appear in more than one parameter group";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, optimizer->kind->name, "%s", problem);
    return !problem;
}

static void group_free(tgi_group *g)
{
    for (int64_t i = 0; i < g->count; i++) {
        tgi_unref(g->parameters[i].tensor);
        for (int s = 0; s < TG_MAX_STATES; s++) tgi_unref(g->parameters[i].state[s]);
    }
    tgi_free(g, g->bytes);
}

/* A group with the options the optimiser was made with, which is not yet one of its groups; NULL with an error
 * pending. */
static tgi_group *group_new(const tg_optimizer *optimizer, tg_tensor_list parameters)
{
    const tg_op op = { .name = optimizer->kind->name };
    if (!tg_op_begin(NULL, &op, parameters) || tg_failed()) return NULL;
    if (parameters.count == 0) {
        tg_fail_at(NULL, TG_ERROR_VALUE, op.name, "optimizer got an empty parameter list");
        return NULL;
    }
    const size_t bytes = sizeof(tgi_group) + (size_t)parameters.count * sizeof(tgi_optimized);
    size_t whole, at;
    tgi_group *g = new_with_options(bytes, optimizer->defaults, optimizer->kind->options_bytes, &whole, &at);
    if (!g) return NULL;
    g->bytes = whole;
    g->options = (char *)g + at;
    for (int64_t i = 0; i < parameters.count; i++) {
        if (!parameter_ok(optimizer, g, parameters.items[i])) {
            group_free(g);
            return NULL;
        }
        g->parameters[g->count++].tensor = tgi_ref(parameters.items[i]);
    }
    return g;
}

static void append_group(tg_optimizer *optimizer, tgi_group *g)
{
    if (optimizer->last)
        optimizer->last->next = g;
    else
        optimizer->first = g;
    optimizer->last = g;
    optimizer->group_count++;
}

tg_optimizer *tg_optimizer_new_at(const char *where, const tg_optimizer_class *kind, tg_tensor_list parameters,
                                  const void *options, size_t options_bytes)
{
    tgi_begin(where, kind && kind->name ? kind->name : "optimizer_new");
    if (!class_ok(kind, options, options_bytes) || !tgi_options_ok(kind, options)) return NULL;
    size_t whole, at;
    tg_optimizer *optimizer = new_with_options(sizeof *optimizer, options, options_bytes, &whole, &at);
    if (!optimizer) return NULL;
    optimizer->alive = ALIVE;
    optimizer->kind = kind;
    optimizer->bytes = whole;
    optimizer->defaults = (char *)optimizer + at;
    tgi_group *g = group_new(optimizer, parameters);
    if (g) append_group(optimizer, g);
    if (g && kind->whole) optimizer->memory = tgi_calloc(kind->whole->memory_bytes);
    if (g && (optimizer->memory || !kind->whole)) return optimizer;
    tg_optimizer_free(optimizer);
    return NULL;
}

void tg_optimizer_free_at(const char *where, tg_optimizer *optimizer)
{
    if (!optimizer || !tgi_optimizer_ok(where, optimizer, "optimizer_free")) return;
    if (optimizer->stepping) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "optimizer_free", "the optimizer is in a step");
        return;
    }
    while (optimizer->first) {
        tgi_group *g = optimizer->first;
        optimizer->first = g->next;
        group_free(g);
    }
    if (optimizer->memory) {
        optimizer->kind->whole->free(optimizer->memory);
        tgi_free(optimizer->memory, optimizer->kind->whole->memory_bytes);
    }
    for (tgi_watcher *w = optimizer->watchers; w; w = w->next) w->optimizer = NULL;
    optimizer->alive = 0;
    tgi_free(optimizer, optimizer->bytes);
}

void tgi_watch(tg_optimizer *optimizer, tgi_watcher *watcher)
{
    *watcher = (tgi_watcher){ optimizer->watchers, optimizer };
    optimizer->watchers = watcher;
}

void tgi_unwatch(tgi_watcher *watcher)
{
    if (!watcher->optimizer) return;
    tgi_watcher **link = &watcher->optimizer->watchers;
    while (*link != watcher) link = &(*link)->next;
    *link = watcher->next;
}

int64_t tg_optimizer_add_param_group_at(const char *where, tg_optimizer *optimizer, tg_tensor_list parameters,
                                        tg_param_group_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, "add_param_group")) return -1;
    const tg_optimizer_class *kind = optimizer->kind;
    const tg_option *lr = tgi_option_named(kind, "lr"), *decay = tgi_option_named(kind, "weight_decay");
    if (kind->whole) {
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "%s doesn't support per-parameter options (parameter groups)",
                   kind->name);
        return -1;
    }
    if (options.weight_decay != TG_INHERIT && !decay) {
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "there is no weight_decay among its options");
        return -1;
    }
    tgi_group *g = group_new(optimizer, parameters);
    if (!g) return -1;
    const bool ok =
        (options.lr == TG_INHERIT || tgi_option_write(kind, lr, g->options, options.lr)) &&
        (options.weight_decay == TG_INHERIT || tgi_option_write(kind, decay, g->options, options.weight_decay));
    if (!ok || !tgi_options_ok(kind, g->options)) {
        group_free(g);
        return -1;
    }
    append_group(optimizer, g);
    return optimizer->group_count - 1;
}

int64_t tg_optimizer_group_count_at(const char *where, const tg_optimizer *optimizer)
{
    return optimizer && tgi_optimizer_ok(where, optimizer, "group_count") ? optimizer->group_count : 0;
}

const tg_optimizer_class *tg_optimizer_class_of_at(const char *where, const tg_optimizer *optimizer)
{
    return tgi_optimizer_ok(where, optimizer, "optimizer_class_of") ? optimizer->kind : NULL;
}

/* ---- states ---- */

/* What is kept of a parameter; NULL with an error pending. */
static const tgi_optimized *find(const tg_optimizer *optimizer, const tg_tensor *t, const char *what)
{
    if (!tgi_handle_ok(what, t)) return NULL;
    for (const tgi_group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++)
            if (g->parameters[i].tensor == t) return &g->parameters[i];
    tg_fail_at(NULL, TG_ERROR_VALUE, what, "the tensor is no parameter of this optimizer");
    return NULL;
}

int64_t tg_optimizer_steps_at(const char *where, const tg_optimizer *optimizer, const tg_tensor *parameter)
{
    if (!tgi_optimizer_ok(where, optimizer, "optimizer_steps")) return -1;
    const tgi_optimized *p = find(optimizer, parameter, "optimizer_steps");
    return p ? p->steps : -1;
}

tg_tensor *tg_optimizer_state_at(const char *where, const tg_optimizer *optimizer, const tg_tensor *parameter,
                                 const char *name)
{
    const char *const what = "optimizer_state";
    if (!tgi_optimizer_ok(where, optimizer, what)) return NULL;
    const tgi_optimized *p = find(optimizer, parameter, what);
    if (!p) return NULL;
    const char *const *names = optimizer->kind->states;
    for (int i = 0; name && i < TG_MAX_STATES && names[i]; i++)
        if (strcmp(names[i], name) == 0) return p->state[i];
    return tg_fail_at(NULL, TG_ERROR_VALUE, what, "%s has no state \"%s\"", optimizer->kind->name,
                      name ? name : "NULL");
}

/* ---- gradients ---- */

static void clear(tg_tensor *t, bool set_to_none)
{
    tg_tensor *grad = tg_grad_of(t);
    if (!grad) return;
    const tg_shape shape = tgi_shape(grad);
    tg_set_grad(t, set_to_none ? NULL : tgi_new_full(&shape, tg_dtype_of(grad), 0.0));
}

tg_status tg_zero_grad_at(const char *where, tg_optimizer *optimizer, tg_zero_grad_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, "zero_grad") || tg_failed()) return TG_FAILED;
    tgi_tell_task("zero_grad", optimizer->kind->name, where, true);
    tg_scope scope = tg_no_grad_begin();
    for (tgi_group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++) clear(g->parameters[i].tensor, options.set_to_none);
    tg_scope_end(scope);
    tgi_tell_task("zero_grad", optimizer->kind->name, where, false);
    return tg_failed() ? TG_FAILED : TG_OK;
}
