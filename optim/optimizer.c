/* optimizer.c: parameter groups, and the step that all optimisers share.
 *
 * A step first prepares every parameter (state, contiguous memory), which may fail, then updates every parameter,
 * which may not: either all of them move or none does. Large parameters are cut among threads by size alone; an update
 * is element by element, so the cut shows in no result. */
#include "optimizer_impl.h"

#include "../core/denormals_impl.h"
#include "../core/error.h"
#include "../core/op.h"
#include "../core/scope.h"
#include "../core/tensor_impl.h"
#include "../ops/base/parallel.h"
#include "../ops/pointwise.h"
#include "../ops/view.h"

#include <math.h>

typedef struct parameter {
    tg_tensor *tensor; /* one reference is ours, of the states too */
    tg_tensor *state[TGI_MAX_STATE];
    int64_t steps;
    tg_tensor *values, *gradient; /* during a step: contiguous; gradient NULL if there is none */
} parameter;

typedef struct group {
    struct group *next;
    size_t bytes; /* of this block */
    tgi_optimizer_options options;
    int64_t count;
    parameter parameters[];
} group;

/* What an optimiser begins with, and no other handle. */
#define ALIVE UINT64_C(0x6f7074696d697a65)

struct tg_optimizer {
    uint64_t alive;
    const tgi_optimizer_class *kind;
    tgi_optimizer_options defaults; /* what it was made with */
    int64_t group_count;
    group *first, *last;
};

/* Remembers the user's place; false, with an error pending, without an optimiser. */
static bool present(const char *where, const tg_optimizer *optimizer, const char *what)
{
    tgi_begin(where, what);
    if (optimizer && optimizer->alive == ALIVE) return true;
    if (optimizer)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the optimizer was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the optimizer is NULL");
    return false;
}

static double *option(tgi_optimizer_options *options, size_t offset) { return (double *)((char *)options + offset); }

bool tgi_option_ok(const char *where, const tgi_optimizer_class *kind, bool ok, const char *what, double value)
{
    if (!ok) tg_fail_at(where, TG_ERROR_VALUE, kind->name, "Invalid %s: %g", what, value);
    return ok;
}

/* ---- groups ---- */

static bool in_group(const group *g, int64_t count, const tg_tensor *t)
{
    for (int64_t i = 0; i < count; i++)
        if (g->parameters[i].tensor == t) return true;
    return false;
}

/* Whether `t` may join `g`, which is not yet one of the optimiser's groups. */
static bool parameter_ok(const tg_optimizer *optimizer, const group *g, const tg_tensor *t)
{
    const char *problem = NULL;
    if (!tg_is_leaf(t)) problem = "can't optimize a non-leaf Tensor";
    if (!tgi_is_floating(t)) problem = "can't optimize a tensor whose dtype is not a floating one";
    if (tgi_overlaps_itself(t)) problem = "can't optimize a tensor in which several elements share one place in memory";
    if (in_group(g, g->count, t)) problem = "the parameter group has duplicate parameters";
    for (const group *other = optimizer->first; other; other = other->next)
        if (in_group(other, other->count, t)) problem = "some parameters appear in more than one parameter group";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, optimizer->kind->name, "%s", problem);
    return !problem;
}

static void group_free(group *g)
{
    for (int64_t i = 0; i < g->count; i++) {
        tgi_unref(g->parameters[i].tensor);
        for (int s = 0; s < TGI_MAX_STATE; s++) tgi_unref(g->parameters[i].state[s]);
    }
    tgi_free(g, g->bytes);
}

/* A group of its own; NULL with an error pending. */
static group *group_new(const tg_optimizer *optimizer, tg_tensor_list parameters, tgi_optimizer_options options)
{
    const tg_op op = { .name = optimizer->kind->name };
    if (!tg_op_begin(NULL, &op, parameters) || tg_failed()) return NULL;
    if (parameters.count == 0) {
        tg_fail_at(NULL, TG_ERROR_VALUE, op.name, "optimizer got an empty parameter list");
        return NULL;
    }
    const size_t bytes = sizeof(group) + (size_t)parameters.count * sizeof(parameter);
    group *g = tgi_calloc(bytes);
    if (!g) return NULL;
    g->bytes = bytes;
    g->options = options;
    for (int64_t i = 0; i < parameters.count; i++) {
        if (!parameter_ok(optimizer, g, parameters.items[i])) {
            group_free(g);
            return NULL;
        }
        g->parameters[g->count++].tensor = tgi_ref(parameters.items[i]);
    }
    return g;
}

static bool add_group(tg_optimizer *optimizer, tg_tensor_list parameters, tgi_optimizer_options options)
{
    group *g = group_new(optimizer, parameters, options);
    if (!g) return false;
    if (optimizer->last)
        optimizer->last->next = g;
    else
        optimizer->first = g;
    optimizer->last = g;
    optimizer->group_count++;
    return true;
}

tg_optimizer *tgi_optimizer_new(const char *where, const tgi_optimizer_class *kind, tg_tensor_list parameters,
                                tgi_optimizer_options options)
{
    tgi_begin(where, kind->name);
    if (!kind->check(where, kind, &options)) return NULL;
    tg_optimizer *optimizer = tgi_calloc(sizeof *optimizer);
    if (!optimizer) return NULL;
    optimizer->alive = ALIVE;
    optimizer->kind = kind;
    optimizer->defaults = options;
    if (add_group(optimizer, parameters, options)) return optimizer;
    tg_optimizer_free(optimizer);
    return NULL;
}

void tg_optimizer_free(tg_optimizer *optimizer)
{
    if (!optimizer || !present(NULL, optimizer, "optimizer_free")) return;
    while (optimizer->first) {
        group *g = optimizer->first;
        optimizer->first = g->next;
        group_free(g);
    }
    optimizer->alive = 0;
    tgi_free(optimizer, sizeof *optimizer);
}

int64_t tg_optimizer_add_param_group_at(const char *where, tg_optimizer *optimizer, tg_tensor_list parameters,
                                        tg_param_group_options options)
{
    if (!present(where, optimizer, "add_param_group")) return -1;
    tgi_optimizer_options all = optimizer->defaults;
    if (options.lr != TG_INHERIT) *option(&all, optimizer->kind->lr) = options.lr;
    if (options.weight_decay != TG_INHERIT) *option(&all, optimizer->kind->weight_decay) = options.weight_decay;
    if (!optimizer->kind->check(where, optimizer->kind, &all) || !add_group(optimizer, parameters, all)) return -1;
    return optimizer->group_count - 1;
}

int64_t tg_optimizer_group_count(const tg_optimizer *optimizer)
{
    return optimizer && present(NULL, optimizer, "group_count") ? optimizer->group_count : 0;
}

/* ---- learning rates ---- */

static bool group_number_ok(const char *where, const tg_optimizer *optimizer, int64_t number)
{
    if (number >= 0 && number < optimizer->group_count) return true;
    tg_fail_at(where, TG_ERROR_VALUE, optimizer->kind->name, "there is no parameter group %lld: the last one is %lld",
               (long long)number, (long long)optimizer->group_count - 1);
    return false;
}

double tg_group_lr_at(const char *where, const tg_optimizer *optimizer, int64_t number)
{
    if (!present(where, optimizer, "lr") || !group_number_ok(where, optimizer, number)) return NAN;
    group *g = optimizer->first;
    while (number--) g = g->next;
    return *option(&g->options, optimizer->kind->lr);
}

tg_status tg_set_group_lr_at(const char *where, tg_optimizer *optimizer, int64_t number, double lr)
{
    if (!present(where, optimizer, "set_lr")) return TG_FAILED;
    if (number != TG_ALL_GROUPS && !group_number_ok(where, optimizer, number)) return TG_FAILED;
    if (!tgi_option_ok(where, optimizer->kind, lr >= 0, "learning rate", lr)) return TG_FAILED;
    int64_t i = 0;
    for (group *g = optimizer->first; g; g = g->next, i++)
        if (number == TG_ALL_GROUPS || number == i) *option(&g->options, optimizer->kind->lr) = lr;
    return TG_OK;
}

/* ---- gradients ---- */

tg_status tg_zero_grad_at(const char *where, tg_optimizer *optimizer, tg_zero_grad_options options)
{
    if (!present(where, optimizer, "zero_grad") || tg_failed()) return TG_FAILED;
    tg_scope scope = tg_no_grad_begin();
    for (group *g = optimizer->first; g; g = g->next) {
        for (int64_t i = 0; i < g->count; i++) {
            tg_tensor *t = g->parameters[i].tensor, *grad = tg_grad_of(t);
            if (!grad) continue;
            const tg_shape shape = tgi_shape(grad);
            tg_set_grad(t, options.set_to_none ? NULL : tgi_new_full(&shape, tg_dtype_of(grad), 0.0));
        }
    }
    tg_scope_end(scope);
    return tg_failed() ? TG_FAILED : TG_OK;
}

/* ---- the step ---- */

static bool same_kind(const tg_tensor *a, const tg_tensor *b)
{
    const tg_shape sa = tgi_shape(a), sb = tgi_shape(b);
    return a->dtype == b->dtype && tg_shape_equal(&sa, &sb);
}

/* All that can fail in one parameter's update. What it makes, but for the state, belongs to the step's scope. */
static bool prepare(const tg_optimizer *optimizer, const group *g, parameter *p)
{
    tg_tensor *grad = tg_grad_of(p->tensor);
    p->gradient = p->values = NULL;
    if (!grad) return true;
    const tg_shape shape = tgi_shape(p->tensor);
    for (int i = 0; i < optimizer->kind->state_count(&g->options); i++) {
        if (!p->state[i]) p->state[i] = tgi_own(tgi_new_full(&shape, tg_dtype_of(p->tensor), 0.0));
        if (!p->state[i]) return false;
        if (same_kind(p->state[i], p->tensor)) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, optimizer->kind->name,
                   "a parameter has another shape or dtype than at the last step");
        return false;
    }
    p->values = tg_contiguous(p->tensor);
    p->gradient = tg_contiguous(grad);
    return p->values && p->gradient;
}

enum { PIECE = 1 << 15 }; /* elements: some tens of microseconds of work */

typedef struct update_job {
    const tgi_optimizer_class *kind;
    tgi_update whole;
} update_job;

static void update_piece(const void *work, int64_t i)
{
    const update_job *job = work;
    const tgi_update *whole = &job->whole;
    const int64_t from = i * PIECE;
    const size_t offset = (size_t)from * tg_dtype_size(whole->dtype);
    tgi_update piece = *whole;
    piece.n = whole->n - from < PIECE ? whole->n - from : PIECE;
    piece.values = (char *)whole->values + offset;
    piece.gradient = (const char *)whole->gradient + offset;
    for (int s = 0; s < TGI_MAX_STATE; s++)
        if (whole->state[s]) piece.state[s] = (char *)whole->state[s] + offset;
    job->kind->update(&piece);
}

static void update(const tg_optimizer *optimizer, const group *g, parameter *p)
{
    if (!p->gradient) return;
    p->steps++;
    if (p->tensor->numel == 0) return;
    const int64_t n = p->tensor->numel;
    update_job job = { .kind = optimizer->kind,
                       .whole = { .options = &g->options,
                                  .step = p->steps,
                                  .dtype = tg_dtype_of(p->tensor),
                                  .n = n,
                                  .values = tgi_ptr(p->values),
                                  .gradient = tgi_ptr(p->gradient) } };
    for (int s = 0; s < TGI_MAX_STATE; s++)
        if (p->state[s]) job.whole.state[s] = tgi_ptr(p->state[s]);
    tgi_run_tasks(n > 2 * PIECE, (n + PIECE - 1) / PIECE, update_piece, &job);
    if (p->values == p->tensor)
        tg_bump_version(p->tensor);
    else
        tg_copy_(p->tensor, p->values);
}

static bool prepare_all(tg_optimizer *optimizer)
{
    for (group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++)
            if (!prepare(optimizer, g, &g->parameters[i])) return false;
    return true;
}

tg_status tg_step_at(const char *where, tg_optimizer *optimizer)
{
    if (!present(where, optimizer, "step") || tg_failed()) return TG_FAILED;
    const bool flushing = tgi_set_flushing(true);
    tg_scope scope = tg_no_grad_begin();
    if (!tg_failed() && prepare_all(optimizer)) {
        for (group *g = optimizer->first; g; g = g->next)
            for (int64_t i = 0; i < g->count; i++) update(optimizer, g, &g->parameters[i]);
    }
    tg_scope_end(scope);
    tgi_set_flushing(flushing);
    return tg_failed() ? TG_FAILED : TG_OK;
}
