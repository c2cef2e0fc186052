/* step.c: the step that all optimisers share.
 *
 * It has two parts. The first may fail and moves nothing: it makes the states, contiguous memory, and what a class's
 * update computes in ops. The second cannot fail: it runs update_fused, or writes what update computed. So either all
 * parameters move or none does. update_fused works element by element, and large parameters are cut among threads by
 * their size alone, so that no result depends on the cut. */
#include "optimizer_impl.h"

#include "core/denormals_impl.h"
#include "core/error.h"
#include "core/observe_impl.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/view.h"

#include <math.h>

/* What all of a step's parts know. */
typedef struct step {
    const char *where;
    const tg_optimizer_class *kind;
} step;

/* ---- states ---- */

bool tgi_alike(const tg_tensor *a, const tg_tensor *b) { return a->dtype == b->dtype && tgi_same_shape(a, b); }

/* A tensor made by a class, or a copy if somebody else has it; NULL with an error pending, or for NULL. */
static tg_tensor *settled(const tg_optimizer_class *kind, tg_tensor *t)
{
    if (tg_failed() || !t || !tgi_handle_ok(kind->name, t)) return NULL;
    return tgi_is_private(t) && !tgi_tracked(t) ? t : tg_clone(t);
}

tg_tensor *tgi_first_state(const tg_optimizer_class *kind, const void *options, const tgi_optimized *p, int i)
{
    if (!kind->new_state) {
        const tg_shape shape = tgi_shape(p->tensor);
        return tgi_new_full(&shape, tg_dtype_of(p->tensor), 0.0);
    }
    tgi_ref(p->tensor); /* so that neither is taken for a tensor of the class's own */
    if (p->gradient) tgi_ref(p->gradient);
    const tgi_place place = tgi_place_keep();
    tg_tensor *state = kind->new_state(options, p->tensor, i);
    tgi_place_back(place);
    state = settled(kind, state);
    tgi_unref(p->gradient);
    tgi_unref(p->tensor);
    return state;
}

/* The states that the options need and that are not there yet: at the first step all of them. */
static bool make_states(const step *s, const tgi_group *g, tgi_optimized *p)
{
    for (int i = 0; i < TG_MAX_STATES && s->kind->states[i]; i++) {
        if (p->state[i]) continue;
        tg_tensor *state = tgi_first_state(s->kind, g->options, p, i);
        if (tg_failed()) return false;
        if (!state) continue;
        p->state[i] = tgi_ref(state);
        p->fresh[i] = true;
        if (!s->kind->update_fused || tgi_alike(state, p->tensor)) continue;
        tg_fail_at(s->where, TG_ERROR_VALUE, s->kind->name,
                   "update_fused needs states of the parameter's shape and dtype, and \"%s\" has another",
                   s->kind->states[i]);
        return false;
    }
    return true;
}

/* Whether the states that there are belong to the parameter as it is now; the first ones will. */
static bool states_ok(const step *s, tgi_optimized *p)
{
    bool any = false;
    for (int i = 0; i < TG_MAX_STATES; i++) any = any || p->state[i];
    const tg_shape shape = tgi_shape(p->tensor);
    if (!any) {
        p->shape = shape;
        p->dtype = tg_dtype_of(p->tensor);
    }
    if (p->dtype == tg_dtype_of(p->tensor) && tg_shape_equal(&shape, &p->shape)) return true;
    tg_fail_at(s->where, TG_ERROR_VALUE, s->kind->name, "a parameter has another shape or dtype than at the last step");
    return false;
}

/* ---- an update in ops ---- */

/* A tensor that an update is given. The reference tells it from what only the update has. */
typedef struct given {
    const char *name;
    tg_tensor *tensor;
    int64_t version;
} given;

enum { GRADIENT, PARAMETER, STATE, GIVEN = STATE + TG_MAX_STATES };

static bool unwritten(const step *s, const given *g)
{
    if (!g->tensor || tg_version(g->tensor) == g->version) return true;
    tg_fail_at(s->where, TG_ERROR_VALUE, s->kind->name,
               "update wrote to its %s in place, but must put a new tensor there", g->name);
    return false;
}

/* Holds what has come of `old`: nothing if it is still there. False with an error pending. */
static bool take(const step *s, const given *old, tg_tensor *made, tg_tensor **result)
{
    if (made == old->tensor) return true;
    if (!made || !old->tensor) {
        tg_fail_at(s->where, TG_ERROR_VALUE, s->kind->name,
                   made ? "update made a %s, of which new_state made none" : "update put NULL in place of its %s",
                   old->name);
        return false;
    }
    tg_tensor *t = settled(s->kind, made);
    if (!t) return false;
    if (!tgi_alike(t, old->tensor)) {
        tg_op_fail(&(tg_op){ .name = s->kind->name }, tg_list(old->tensor, t),
                   "update made a %s of another shape or dtype", old->name);
        return false;
    }
    *result = tgi_ref(t);
    return true;
}

/* Computes the new values. The gradient, the parameter and the states stay as they are. */
static bool run_update(const step *s, const tgi_group *g, tgi_optimized *p)
{
    given all[GIVEN] = { { "gradient", p->gradient, 0 }, { "parameter", p->tensor, 0 } };
    tg_update u = { .options = g->options, .step = p->steps + 1, .gradient = p->gradient, .parameter = p->tensor };
    for (int i = 0; i < TG_MAX_STATES; i++) {
        u.state[i] = p->state[i];
        u.fresh[i] = p->fresh[i];
        all[STATE + i] = (given){ s->kind->states[i] ? s->kind->states[i] : "state", p->state[i], 0 };
    }
    for (int i = 0; i < GIVEN; i++) {
        if (!all[i].tensor) continue;
        tgi_ref(all[i].tensor);
        all[i].version = tg_version(all[i].tensor);
    }
    tg_scope scope = tg_no_grad_begin();
    s->kind->update(&u);
    tgi_begin(s->where, s->kind->name);
    bool ok = !tg_failed();
    for (int i = 0; i < GIVEN; i++) ok = ok && unwritten(s, &all[i]);
    ok = ok && take(s, &all[PARAMETER], u.parameter, &p->new_values);
    for (int i = 0; i < TG_MAX_STATES; i++) ok = ok && take(s, &all[STATE + i], u.state[i], &p->new_state[i]);
    tg_scope_end(scope);
    for (int i = 0; i < GIVEN; i++) tgi_unref(all[i].tensor);
    return ok;
}

static void write_update(tgi_optimized *p)
{
    if (p->new_values) tg_copy_(p->tensor, p->new_values);
    for (int i = 0; i < TG_MAX_STATES; i++)
        if (p->new_state[i]) tgi_take_storage(p->state[i], p->new_state[i]);
}

/* ---- an update in memory ---- */

enum { PIECE = 1 << 13 }; /* elements: some microseconds of work */

typedef struct update_job {
    const tg_optimizer_class *kind;
    tg_update_piece whole;
} update_job;

static void update_piece(const void *work, int64_t i)
{
    const update_job *job = work;
    const tg_update_piece *whole = &job->whole;
    const int64_t from = i * PIECE;
    const size_t offset = (size_t)from * tg_dtype_size(whole->dtype);
    tg_update_piece piece = *whole;
    piece.n = whole->n - from < PIECE ? whole->n - from : PIECE;
    piece.parameter = (char *)whole->parameter + offset;
    piece.gradient = (const char *)whole->gradient + offset;
    for (int s = 0; s < TG_MAX_STATES; s++)
        if (whole->state[s]) piece.state[s] = (char *)whole->state[s] + offset;
    job->kind->update_fused(&piece);
}

static void run_update_fused(const step *s, const tgi_group *g, tgi_optimized *p)
{
    const int64_t n = p->tensor->numel;
    if (n == 0) return;
    update_job job = { .kind = s->kind,
                       .whole = { .options = g->options,
                                  .step = p->steps,
                                  .dtype = tg_dtype_of(p->tensor),
                                  .n = n,
                                  .parameter = tgi_ptr(p->values),
                                  .gradient = tgi_ptr(p->gradient) } };
    for (int i = 0; i < TG_MAX_STATES; i++) {
        if (p->state[i]) job.whole.state[i] = tgi_ptr(p->state[i]);
        job.whole.fresh[i] = p->fresh[i];
    }
    tgi_run_tasks(n >= 2 * PIECE, (n + PIECE - 1) / PIECE, update_piece, &job);
    if (p->values == p->tensor)
        tg_bump_version(p->tensor);
    else
        tg_copy_(p->tensor, p->values);
}

/* ---- the step ---- */

/* All that can fail in one parameter's update. */
static bool prepare(const step *s, const tgi_group *g, tgi_optimized *p)
{
    p->gradient = tg_grad_of(p->tensor);
    if (!p->gradient) return true;
    if (!states_ok(s, p) || !make_states(s, g, p)) return false;
    if (!s->kind->update_fused) return run_update(s, g, p);
    p->values = tg_contiguous(p->tensor);
    p->gradient = tg_contiguous(p->gradient);
    return p->values && p->gradient;
}

static bool prepare_all(const step *s, const tg_optimizer *optimizer)
{
    for (tgi_group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++)
            if (!prepare(s, g, &g->parameters[i])) return false;
    return true;
}

static void update(const step *s, const tgi_group *g, tgi_optimized *p)
{
    if (!p->gradient) return;
    p->steps++;
    if (s->kind->update_fused)
        run_update_fused(s, g, p);
    else
        write_update(p);
    for (int i = 0; i < TG_MAX_STATES; i++) p->fresh[i] = false;
}

/* Releases what a step made, and the states that did not get to their first update. */
static void finish(tgi_optimized *p)
{
    tgi_unref(p->new_values);
    p->new_values = p->values = p->gradient = NULL;
    for (int i = 0; i < TG_MAX_STATES; i++) {
        tgi_unref(p->new_state[i]);
        p->new_state[i] = NULL;
        if (!p->fresh[i]) continue;
        tgi_unref(p->state[i]);
        p->state[i] = NULL;
        p->fresh[i] = false;
    }
}

/* False, with an error pending, while an error is pending or the optimiser is at work. */
static bool may_step(const char *where, const tg_optimizer *optimizer)
{
    if (!tgi_optimizer_ok(where, optimizer, "step") || tg_failed()) return false;
    if (!optimizer->stepping) return true;
    tg_fail_at(where, TG_ERROR_VALUE, optimizer->kind->name, "the optimizer is in a step already");
    return false;
}

static void step_all(const char *where, tg_optimizer *optimizer)
{
    const step s = { where, optimizer->kind };
    tg_scope scope = tg_no_grad_begin();
    optimizer->stepping = true;
    if (!tg_failed() && prepare_all(&s, optimizer)) {
        for (tgi_group *g = optimizer->first; g; g = g->next)
            for (int64_t i = 0; i < g->count; i++) update(&s, g, &g->parameters[i]);
    }
    for (tgi_group *g = optimizer->first; g; g = g->next)
        for (int64_t i = 0; i < g->count; i++) finish(&g->parameters[i]);
    optimizer->stepping = false;
    tg_scope_end(scope);
}

tg_status tg_step_at(const char *where, tg_optimizer *optimizer)
{
    if (!may_step(where, optimizer)) return TG_FAILED;
    if (optimizer->kind->whole) {
        tg_fail_at(where, TG_ERROR_VALUE, optimizer->kind->name, "its steps need a closure: tg_step_closure");
        return TG_FAILED;
    }
    const bool flushing = tgi_set_flushing(true);
    tgi_tell_task("step", optimizer->kind->name, where, true);
    step_all(where, optimizer);
    tgi_tell_task("step", optimizer->kind->name, where, false);
    tgi_set_flushing(flushing);
    if (tg_failed()) return TG_FAILED;
    optimizer->steps++;
    return TG_OK;
}

/* ---- a step with a closure ---- */

double tgi_loss_of(const char *name, tg_closure closure, void *context)
{
    const tg_scope scope = tg_enable_grad_begin();
    const tgi_place place = tgi_place_keep();
    tg_tensor *loss = closure(context);
    tgi_place_back(place);
    if (!loss && !tg_failed()) tg_fail_at(NULL, TG_ERROR_NULL, name, "the closure returned NULL, not the loss");
    const double value = tg_failed() ? (double)NAN : tg_item(loss);
    tg_scope_end(scope);
    return tg_failed() ? (double)NAN : value;
}

double tg_step_closure_at(const char *where, tg_optimizer *optimizer, tg_closure closure, void *context)
{
    if (!may_step(where, optimizer)) return NAN;
    const tg_optimizer_class *kind = optimizer->kind;
    if (!closure) {
        tg_fail_at(where, TG_ERROR_NULL, kind->name, "the closure is NULL");
        return NAN;
    }
    if (!kind->whole) {
        const double loss = tgi_loss_of(kind->name, closure, context);
        return tg_failed() || tg_step_at(where, optimizer) != TG_OK ? (double)NAN : loss;
    }
    tgi_tell_task("step", optimizer->kind->name, where, true);
    optimizer->stepping = true;
    const double loss = kind->whole->step(optimizer, closure, context);
    optimizer->stepping = false;
    tgi_tell_task("step", optimizer->kind->name, where, false);
    if (!tg_failed()) optimizer->steps++;
    return loss;
}
