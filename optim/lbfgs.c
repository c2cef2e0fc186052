/* lbfgs.c: L-BFGS, as torch.optim.LBFGS has it. A step works on a copy of what is remembered, which takes its place when
 * all has gone well; otherwise the parameters go back to where they were. */
#include "lbfgs.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "lbfgs_impl.h"
#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct lbfgs_options {
    double lr;
    int64_t max_iter, max_eval;
    double tolerance_grad, tolerance_change;
    int64_t history_size;
    bool strong_wolfe;
} lbfgs_options;

/* ---- what is remembered ---- */

/* A move, and the change of the gradient that it brought; ro is 1 / y.s. */
typedef struct pair {
    tg_tensor *y, *s; /* held */
    double ro;
    double al; /* while a direction is computed */
} pair;

/* What a step knows of those before it. */
typedef struct lbfgs_memory {
    int64_t n_iter, func_evals;
    pair *pairs; /* the oldest first */
    int64_t count, room;
    tg_tensor *d, *prev_flat_grad; /* held */
    double t, H_diag, prev_loss;
} lbfgs_memory;

static void drop_pair(pair *p)
{
    tgi_hold(&p->y, NULL);
    tgi_hold(&p->s, NULL);
}

static void memory_free(void *memory)
{
    lbfgs_memory *m = memory;
    for (int64_t i = 0; i < m->count; i++) drop_pair(&m->pairs[i]);
    tgi_grow_free(m->pairs, m->room, sizeof *m->pairs);
    tgi_hold(&m->d, NULL);
    tgi_hold(&m->prev_flat_grad, NULL);
}

/* With references of its own; false with an error pending. */
static bool memory_copy(lbfgs_memory *to, const lbfgs_memory *from)
{
    *to = *from;
    to->pairs = NULL;
    to->room = to->count = 0;
    to->d = to->prev_flat_grad = NULL;
    tgi_hold(&to->d, from->d);
    tgi_hold(&to->prev_flat_grad, from->prev_flat_grad);
    if (from->count && !tgi_grow(&to->pairs, &to->room, from->count, sizeof *to->pairs)) return false;
    for (; to->count < from->count; to->count++) {
        to->pairs[to->count] = from->pairs[to->count];
        tgi_ref(to->pairs[to->count].y);
        tgi_ref(to->pairs[to->count].s);
    }
    return true;
}

/* `made` takes the place of what was there, unless an error is pending; what is left over is freed. */
static void settle(lbfgs_memory *m, lbfgs_memory *made)
{
    lbfgs_memory over = *made;
    if (!tg_failed()) {
        over = *m;
        *m = *made;
    }
    memory_free(&over);
}

/* One more pair, of at most so many. */
static bool remember(lbfgs_memory *m, int64_t most, tg_tensor *y, tg_tensor *s, double ys)
{
    while (m->count >= most) {
        drop_pair(&m->pairs[0]);
        m->count--;
        memmove(m->pairs, m->pairs + 1, (size_t)m->count * sizeof *m->pairs);
    }
    if (!tgi_grow(&m->pairs, &m->room, m->count + 1, sizeof *m->pairs)) return false;
    m->pairs[m->count++] = (pair){ .y = tgi_ref(y), .s = tgi_ref(s), .ro = 1. / ys };
    m->H_diag = ys / tgi_inner(y, y);
    return true;
}

/* ---- one step ---- */

typedef struct lbfgs_step {
    const lbfgs_options *o;
    tgi_objective objective;
    lbfgs_memory m;
    double loss;
    tg_tensor *flat_grad; /* held: the gradient where the parameters are */
    int64_t iterations, evaluations;
} lbfgs_step;

/* -H g from the pairs, by the loop in two directions. */
static tg_tensor *direction(lbfgs_step *s)
{
    lbfgs_memory *m = &s->m;
    const tg_scope scope = tg_scope_begin();
    tg_tensor *d = tg_neg(s->flat_grad);
    for (int64_t i = m->count - 1; i >= 0; i--) {
        pair *p = &m->pairs[i];
        p->al = tgi_inner(p->s, d) * p->ro;
        tg_add_(d, p->y, .alpha = -p->al);
    }
    tg_mul_(d, m->H_diag);
    for (int64_t i = 0; i < m->count; i++) {
        const pair *p = &m->pairs[i];
        tg_add_(d, p->s, .alpha = p->al - tgi_inner(p->y, d) * p->ro);
    }
    return tg_scope_return(scope, d);
}

/* The pair of the last iteration, unless its curvature is too small to be told from rounding. */
static bool add_pair(lbfgs_step *s)
{
    tg_tensor *y = tg_sub(s->flat_grad, s->m.prev_flat_grad), *moved = tg_mul(s->m.d, s->m.t);
    const double ys = tgi_inner(y, moved);
    return tg_failed() ? false : !(ys > 1e-10) || remember(&s->m, s->o->history_size, y, moved, ys);
}

/* The direction and the first step length of the next iteration. */
static bool prepare(lbfgs_step *s)
{
    lbfgs_memory *m = &s->m;
    m->n_iter++;
    if (m->n_iter == 1)
        m->H_diag = 1;
    else if (!add_pair(s))
        return false;
    tgi_hold(&m->d, direction(s));
    tgi_hold(&m->prev_flat_grad, s->flat_grad);
    m->prev_loss = s->loss;
    m->t = s->o->lr;
    if (m->n_iter == 1) {
        const double sum = tg_item(tg_sum(tg_abs(s->flat_grad)));
        m->t *= 1. / sum < 1. ? 1. / sum : 1.;
    }
    return !tg_failed();
}

/* Moves the parameters along d, and finds the loss and the gradient there, except after the last iteration. */
static bool move(lbfgs_step *s, double slope)
{
    lbfgs_memory *m = &s->m;
    int64_t evaluations = 0;
    if (s->o->strong_wolfe) {
        tgi_point point = { .f = s->loss, .slope = slope };
        tgi_hold(&point.g, s->flat_grad);
        evaluations = tgi_strong_wolfe(&s->objective, &point, m->d, m->t, s->o->tolerance_change);
        m->t = point.t;
        s->loss = point.f;
        tgi_hold(&s->flat_grad, point.g);
        tgi_hold(&point.g, NULL);
        if (!tg_failed()) tgi_move(&s->objective, m->t, m->d);
    } else {
        tgi_move(&s->objective, m->t, m->d);
        if (!tg_failed() && s->iterations != s->o->max_iter) {
            tg_tensor *gradient = NULL;
            s->loss = tgi_evaluate(&s->objective, &gradient);
            tgi_hold(&s->flat_grad, gradient);
            evaluations = 1;
        }
    }
    s->evaluations += evaluations;
    m->func_evals += evaluations;
    return !tg_failed();
}

/* Whether this was the last iteration of the step. */
static bool finished(const lbfgs_step *s)
{
    if (s->iterations == s->o->max_iter || s->evaluations >= s->o->max_eval) return true;
    if (tgi_largest(s->flat_grad) <= s->o->tolerance_grad) return true;
    if (tgi_largest(s->m.d) * fabs(s->m.t) <= s->o->tolerance_change) return true;
    return fabs(s->loss - s->m.prev_loss) < s->o->tolerance_change;
}

/* One iteration in a scope of its own; false when it was the last one. */
static bool iterate(lbfgs_step *s)
{
    const tg_scope scope = tg_no_grad_begin();
    s->iterations++;
    bool more = prepare(s);
    if (more) {
        const double slope = tgi_inner(s->flat_grad, s->m.d);
        more = !(slope > -s->o->tolerance_change) && move(s, slope) && !finished(s) && !tg_failed();
    }
    tg_scope_end(scope);
    return more;
}

/* All iterations; the loss before the first, NaN with an error pending. */
static double iterate_all(lbfgs_step *s)
{
    const tg_scope scope = tg_no_grad_begin();
    tg_tensor *gradient = NULL;
    const tg_tensor_list before = tgi_copy_parameters(&s->objective);
    const double loss = tg_failed() ? (double)NAN : tgi_evaluate(&s->objective, &gradient);
    s->loss = loss;
    s->evaluations = 1;
    s->m.func_evals++;
    tgi_hold(&s->flat_grad, gradient);
    if (!tg_failed() && !(tgi_largest(gradient) <= s->o->tolerance_grad) && s->o->max_iter > 0)
        while (iterate(s)) {}
    if (tg_failed()) tgi_restore_parameters(&s->objective, before);
    tg_scope_end(scope);
    return tg_failed() ? (double)NAN : loss;
}

static double step(tg_optimizer *optimizer, tg_closure closure, void *context)
{
    tgi_group *g = optimizer->first;
    lbfgs_memory *m = optimizer->memory;
    lbfgs_step s = { .o = g->options, .objective = { g, optimizer->kind->name, closure, context } };
    double loss = NAN;
    if (memory_copy(&s.m, m)) loss = iterate_all(&s);
    tgi_hold(&s.flat_grad, NULL);
    settle(m, &s.m);
    return loss;
}

/* ---- the class ---- */

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const lbfgs_options *o = options;
    return tg_option_ok(kind, o->max_iter >= 0 && o->max_iter < TGI_MOST_COUNT, "max_iter", (double)o->max_iter) &&
           tg_option_ok(kind, o->max_eval >= 0, "max_eval", (double)o->max_eval) &&
           tg_option_ok(kind, o->history_size > 0, "history_size", (double)o->history_size);
}

static int64_t state_count(const tg_optimizer *optimizer);
static void put_state(tgi_state_writer *w, const tg_optimizer *optimizer);
static bool read_state(void *memory, const tg_optimizer *optimizer, tgi_keys *keys, tgi_key_report *report);

static const tgi_whole_step whole = { .memory_bytes = sizeof(lbfgs_memory),
                                      .step = step,
                                      .free = memory_free,
                                      .state_count = state_count,
                                      .put_state = put_state,
                                      .read_state = read_state };

static const tg_optimizer_class lbfgs = {
    .name = "LBFGS",
    .options_bytes = sizeof(lbfgs_options),
    .options = { TG_OPTION(lbfgs_options, lr), TG_OPTION(lbfgs_options, max_iter), TG_OPTION(lbfgs_options, max_eval),
                 TG_OPTION(lbfgs_options, tolerance_grad), TG_OPTION(lbfgs_options, tolerance_change),
                 TG_OPTION(lbfgs_options, history_size), TG_OPTION(lbfgs_options, strong_wolfe) },
    .check = check,
    .whole = &whole,
};

tg_optimizer *tg_lbfgs_new_at(const char *where, tg_tensor_list parameters, tg_lbfgs_options options)
{
    tgi_begin(where, lbfgs.name);
    if (options.line_search_fn && strcmp(options.line_search_fn, "strong_wolfe") != 0) {
        tg_fail_at(where, TG_ERROR_VALUE, lbfgs.name, "only 'strong_wolfe' is supported");
        return NULL;
    }
    const bool from_iterations =
        options.max_eval == TG_FROM_MAX_ITER && options.max_iter >= 0 && options.max_iter < TGI_MOST_COUNT;
    const lbfgs_options o = { .lr = options.lr,
                              .max_iter = options.max_iter,
                              .max_eval = from_iterations ? options.max_iter + options.max_iter / 4 : options.max_eval,
                              .tolerance_grad = options.tolerance_grad,
                              .tolerance_change = options.tolerance_change,
                              .history_size = options.history_size,
                              .strong_wolfe = options.line_search_fn != NULL };
    return tg_optimizer_new_at(where, &lbfgs, parameters, &o, sizeof o);
}

/* ---- its state ---- */

static bool lbfgs_ok(const char *where, const tg_optimizer *optimizer, const char *what)
{
    if (!tgi_optimizer_ok(where, optimizer, what)) return false;
    if (optimizer->kind == &lbfgs) return true;
    tg_fail_at(where, TG_ERROR_VALUE, what, "the optimizer is no LBFGS, but %s", optimizer->kind->name);
    return false;
}

tg_lbfgs_state tg_lbfgs_state_of_at(const char *where, const tg_optimizer *optimizer)
{
    const tg_lbfgs_state none = { 0 };
    if (!lbfgs_ok(where, optimizer, "lbfgs_state_of")) return none;
    const lbfgs_memory *m = optimizer->memory;
    tg_tensor **dirs = tg_list_new(m->count), **stps = tg_list_new(m->count);
    if (!dirs || !stps) return none;
    for (int64_t i = 0; i < m->count; i++) {
        dirs[i] = m->pairs[i].y;
        stps[i] = m->pairs[i].s;
    }
    return (tg_lbfgs_state){ .n_iter = m->n_iter,
                             .func_evals = m->func_evals,
                             .t = m->t,
                             .H_diag = m->H_diag,
                             .prev_loss = m->prev_loss,
                             .d = m->d,
                             .prev_flat_grad = m->prev_flat_grad,
                             .old_dirs = tg_list_of(dirs, m->count),
                             .old_stps = tg_list_of(stps, m->count) };
}

/* A copy of a vector with an element for each of the parameters, in the scope; NULL with an error pending. */
static tg_tensor *vector_like(const tgi_group *g, const char *what, tg_tensor *given)
{
    int64_t numel = 0;
    for (int64_t i = 0; i < g->count; i++) numel += tg_numel(g->parameters[i].tensor);
    if (!tgi_handle_ok(what, given)) return NULL;
    if (tg_ndim(given) == 1 && tg_numel(given) == numel)
        return tg_clone(tg_detach(tg_to(given, tg_dtype_of(g->parameters[0].tensor))));
    return tg_op_fail(&(tg_op){ .name = what }, tg_list(given), "expected vectors of %lld elements", (long long)numel);
}

/* False, with an error pending, for lists that cannot be read and handles that are none. */
static bool state_ok(const char *what, const tg_lbfgs_state *state)
{
    const tg_tensor_list lists[] = { state->old_dirs, state->old_stps };
    if (!tgi_handle_or_null(what, state->d) || !tgi_handle_or_null(what, state->prev_flat_grad)) return false;
    for (int k = 0; k < 2; k++) {
        if (!tgi_list_ok(what, lists[k])) return false;
        for (int64_t i = 0; i < lists[k].count; i++)
            if (!tgi_handle_ok(what, lists[k].items[i])) return false;
    }
    const bool counts = state->n_iter >= 0 && state->n_iter < TGI_MOST_COUNT && state->func_evals >= 0 &&
                        state->func_evals < TGI_MOST_COUNT;
    if (counts && state->old_dirs.count == state->old_stps.count) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, what, "counts that are none, or lists of different lengths");
    return false;
}

/* Fills in an empty memory; an error is pending if it cannot. */
static void read_struct(lbfgs_memory *m, const tgi_group *g, const char *what, const tg_lbfgs_state *from)
{
    const bool begun = from->n_iter > 0;
    m->n_iter = from->n_iter;
    m->func_evals = from->func_evals;
    m->t = from->t;
    m->prev_loss = from->prev_loss;
    if (begun) tgi_hold(&m->d, vector_like(g, what, from->d));
    if (begun) tgi_hold(&m->prev_flat_grad, vector_like(g, what, from->prev_flat_grad));
    for (int64_t i = 0; i < from->old_dirs.count && !tg_failed(); i++) {
        tg_tensor *y = vector_like(g, what, from->old_dirs.items[i]);
        tg_tensor *s = vector_like(g, what, from->old_stps.items[i]);
        const double ys = tgi_inner(y, s);
        if (!tg_failed()) remember(m, INT64_MAX, y, s, ys);
    }
    m->H_diag = from->H_diag;
}

tg_status tg_lbfgs_set_state_at(const char *where, tg_optimizer *optimizer, tg_lbfgs_state state)
{
    static const char what[] = "lbfgs_set_state";
    if (!tgi_optimizer_ok(where, optimizer, what) || tg_failed() || !state_ok(what, &state)) return TG_FAILED;
    if (!lbfgs_ok(where, optimizer, what)) return TG_FAILED;
    if (optimizer->stepping) {
        tg_fail_at(where, TG_ERROR_VALUE, what, "the optimizer is in a step");
        return TG_FAILED;
    }
    const tg_scope scope = tg_no_grad_begin();
    lbfgs_memory made = { 0 };
    read_struct(&made, optimizer->first, what, &state);
    settle(optimizer->memory, &made);
    tg_scope_end(scope);
    return tg_failed() ? TG_FAILED : TG_OK;
}

/* ---- its state dict ---- */

static int64_t state_count(const tg_optimizer *optimizer)
{
    const lbfgs_memory *m = optimizer->memory;
    return 7 + 2 * m->count; /* five numbers and two vectors */
}

static void put_vector(tgi_state_writer *w, const char *name, tg_tensor *t)
{
    if (name && t) tgi_state_put(w, name, tgi_scope_adopt(tgi_ref(t)));
}

/* Nothing of one that has made no step. */
static void put_state(tgi_state_writer *w, const tg_optimizer *optimizer)
{
    const lbfgs_memory *m = optimizer->memory;
    if (m->func_evals == 0 && m->n_iter == 0) return;
    tgi_state_put(w, "n_iter", tg_scalar(m->n_iter, .dtype = TG_INT64));
    tgi_state_put(w, "func_evals", tg_scalar(m->func_evals, .dtype = TG_INT64));
    tgi_state_put(w, "t", tg_scalar(m->t, .dtype = TG_FLOAT64));
    tgi_state_put(w, "H_diag", tg_scalar(m->H_diag, .dtype = TG_FLOAT64));
    tgi_state_put(w, "prev_loss", tg_scalar(m->prev_loss, .dtype = TG_FLOAT64));
    put_vector(w, "d", m->d);
    put_vector(w, "prev_flat_grad", m->prev_flat_grad);
    for (int64_t i = 0; i < m->count; i++) {
        put_vector(w, tgi_key("old_dirs.%lld", (long long)i), m->pairs[i].y);
        put_vector(w, tgi_key("old_stps.%lld", (long long)i), m->pairs[i].s);
    }
}

/* An entry that has to be there, with so many elements, one after another; NULL if it is not, which is reported. */
static tg_tensor *take(tgi_keys *keys, tgi_key_report *report, const char *name, tg_shape shape)
{
    const char *key = tgi_key("state.0.%s", name);
    tg_tensor *t = key ? tgi_keys_take(keys, key) : NULL;
    if (t && t->numel == (shape.ndim ? shape.dims[0] : 1) && (shape.ndim == 0 || t->ndim == 1)) return t;
    if (t)
        tgi_report_size(report, key, t, &shape);
    else if (key)
        tgi_report_missing(report, key);
    return NULL;
}

static double take_number(tgi_keys *keys, tgi_key_report *report, const char *name)
{
    const tg_tensor *t = take(keys, report, name, tg_shape());
    return t ? tg_item(t) : 0;
}

/* A count is whole and not negative; another value becomes one that state_ok refuses. */
static int64_t take_count(tgi_keys *keys, tgi_key_report *report, const char *name)
{
    const double count = take_number(keys, report, name);
    return count >= 0 && count < (double)TGI_MOST_COUNT && count == floor(count) ? (int64_t)count : -1;
}

/* The pairs: as many as there are names in a row. */
static int64_t count_pairs(tgi_keys *keys)
{
    int64_t count = 0;
    for (const char *key; count < keys->list.count && (key = tgi_key("state.0.old_dirs.%lld", (long long)count));)
        if (!tgi_keys_take(keys, key))
            break;
        else
            count++;
    return count;
}

static bool take_pairs(tg_lbfgs_state *s, tgi_keys *keys, tgi_key_report *report, tg_shape vector)
{
    const int64_t count = count_pairs(keys);
    tg_tensor **dirs = tg_list_new(count), **stps = tg_list_new(count);
    if (!dirs || !stps) return false;
    for (int64_t i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "old_dirs.%lld", (long long)i);
        dirs[i] = take(keys, report, name, vector);
        snprintf(name, sizeof name, "old_stps.%lld", (long long)i);
        stps[i] = take(keys, report, name, vector);
    }
    s->old_dirs = tg_list_of(dirs, count);
    s->old_stps = tg_list_of(stps, count);
    return !tg_failed();
}

static bool read_state(void *memory, const tg_optimizer *optimizer, tgi_keys *keys, tgi_key_report *report)
{
    static const char what[] = "optimizer_load_state_dict";
    const tgi_group *g = optimizer->first;
    tg_shape vector = { 1, { 0 } };
    for (int64_t i = 0; i < g->count; i++) vector.dims[0] += tg_numel(g->parameters[i].tensor);
    if (!tgi_keys_take(keys, "state.0.n_iter")) return true; /* it had made no step */
    tg_lbfgs_state s = { .n_iter = take_count(keys, report, "n_iter"),
                         .func_evals = take_count(keys, report, "func_evals"),
                         .t = take_number(keys, report, "t"),
                         .H_diag = take_number(keys, report, "H_diag"),
                         .prev_loss = take_number(keys, report, "prev_loss") };
    if (s.n_iter > 0) s.d = take(keys, report, "d", vector);
    if (s.n_iter > 0) s.prev_flat_grad = take(keys, report, "prev_flat_grad", vector);
    if (!take_pairs(&s, keys, report, vector)) return false;
    if (report->missing.used || report->other.used) return true; /* that will be the error */
    if (state_ok(what, &s)) read_struct(memory, g, what, &s);
    return !tg_failed();
}
