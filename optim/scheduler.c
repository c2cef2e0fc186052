/* scheduler.c: what all schedulers share: making one, its steps, and what is read of it. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <math.h>
#include <string.h>

#define ALIVE UINT64_C(0x7363686564756c65)

bool tgi_scheduler_ok(const char *where, const tg_scheduler *s, const char *what)
{
    tgi_begin(where, what);
    if (s && s->alive == ALIVE) return true;
    if (s)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the scheduler was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the scheduler is NULL");
    return false;
}

static bool refuse(const tg_scheduler_class *kind, const char *problem)
{
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "%s", problem);
    return false;
}

/* ---- arguments ---- */

bool tgi_group_values_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, tg_group_values values,
                         const char *name)
{
    if (!values.each || values.count == optimizer->group_count) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "expected %lld values for %s, got %lld",
               (long long)optimizer->group_count, name, (long long)values.count);
    return false;
}

static double value_of_group(tg_group_values values, int64_t group)
{
    return values.each ? values.each[group] : values.all;
}

bool tgi_milestones_ok(const tg_scheduler_class *kind, tg_milestones milestones)
{
    if (milestones.count == 0 || (milestones.count > 0 && milestones.items)) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "a list of %lld milestones%s", (long long)milestones.count,
               milestones.items ? "" : " is NULL");
    return false;
}

const char *const tgi_anneal_strategies[TGI_ANNEAL_STRATEGIES] = {
    [TGI_ANNEAL_COS] = "cos", [TGI_ANNEAL_LINEAR] = "linear"
};

int tgi_scheduler_choice(const tg_scheduler_class *kind, const char *what, const char *name, const char *const *names,
                         int count)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(name, names[i]) == 0) return i;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "%s %s is unknown!", what, name ? name : "NULL");
    return -1;
}

/* What is wrong with a class; NULL if nothing is. */
static const char *class_problem(const tg_scheduler_class *kind, bool has_children)
{
    if (!kind->lr && !has_children) return "the class has no lr";
    for (int i = 0; i < TG_MAX_OPTIONS && kind->state[i].name; i++)
        if (!tgi_option_fits(&kind->state[i], kind->state_bytes))
            return "the class's state is not in its struct: see TG_OPTION";
    return NULL;
}

static bool parts_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, const tgi_scheduler_parts *parts)
{
    const char *problem = class_problem(kind, parts->step_children != NULL);
    if (problem) return refuse(kind, problem);
    if (parts->last_epoch < -1 || parts->last_epoch >= TGI_MOST_COUNT) {
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "Invalid last_epoch: %lld", (long long)parts->last_epoch);
        return false;
    }
    if (parts->last_epoch < 0) return true;
    int64_t i = 0;
    for (const tgi_group *g = optimizer->first; g; g = g->next, i++) {
        if (g->has_initial_lr) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name,
                   "param 'initial_lr' is not specified in param_groups[%lld] when resuming an optimizer",
                   (long long)i);
        return false;
    }
    return true;
}

/* ---- making one ---- */

enum { ALIGNMENT = _Alignof(max_align_t) };

/* Where the next `bytes` of a block stand whose first `*used` are taken. */
static size_t place(size_t *used, size_t bytes)
{
    const size_t at = (*used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *used = at + bytes;
    return at;
}

/* A zeroed scheduler with room for its parts; NULL with an error pending. */
static tg_scheduler *allocate(const tg_scheduler_class *kind, int64_t groups, const tgi_scheduler_parts *parts)
{
    size_t used = sizeof(tg_scheduler);
    const size_t rates = place(&used, 3 * (size_t)groups * sizeof(double));
    const size_t state = place(&used, kind->state_bytes), saved = place(&used, kind->state_bytes);
    const size_t listed = (size_t)(parts->values_name ? groups : parts->list.count);
    const size_t list = place(&used, listed * sizeof(double));
    const size_t children = place(&used, (size_t)parts->children.count * sizeof(tg_scheduler *));
    char *block = tgi_calloc(used);
    if (!block) return NULL;
    tg_scheduler *s = (tg_scheduler *)block;
    s->bytes = used;
    s->base_lrs = (double *)(block + rates);
    s->last_lrs = s->base_lrs + groups;
    s->next_lrs = s->last_lrs + groups;
    s->state = block + state;
    s->saved = block + saved;
    s->list = (tgi_scheduler_list){ parts->list.name, parts->list.kind, (int64_t)listed, block + list };
    s->children = (tg_scheduler **)(block + children);
    if (parts->state) memcpy(s->state, parts->state, kind->state_bytes);
    if (parts->values_name) {
        s->list.name = parts->values_name;
        s->list.kind = TG_OPTION_DOUBLE;
        for (int64_t i = 0; i < groups; i++) ((double *)(block + list))[i] = value_of_group(parts->values, i);
    } else if (listed) {
        memcpy(block + list, parts->list.items, listed * sizeof(double));
    }
    return s;
}

/* The groups' initial learning rates, which they get with their first scheduler, and the scheduler's own. */
static void set_base_lrs(tg_scheduler *s, tg_optimizer *optimizer, const tgi_scheduler_parts *parts)
{
    const tg_option *lr = tgi_option_named(optimizer->kind, "lr");
    int64_t i = 0;
    for (tgi_group *g = optimizer->first; g; g = g->next, i++) {
        const bool own = parts->base_divisor != 0;
        s->last_lrs[i] = tgi_option_value(lr, g->options);
        s->base_lrs[i] = own ? value_of_group(parts->base_values, i) / parts->base_divisor : s->last_lrs[i];
        if (parts->last_epoch < 0 && (!g->has_initial_lr || parts->resets_initial_lr)) g->initial_lr = s->base_lrs[i];
        if (!own) s->base_lrs[i] = g->initial_lr;
        g->has_initial_lr = true;
    }
}

static void adopt(tg_scheduler *s, tg_scheduler_list children)
{
    for (int64_t i = 0; i < children.count; i++) {
        s->children[s->child_count++] = children.items[i];
        children.items[i]->owned = true;
    }
}

tg_scheduler *tgi_scheduler_new(const char *where, const tg_scheduler_class *kind, tg_optimizer *optimizer,
                                const tgi_scheduler_parts *parts)
{
    if (!tgi_optimizer_ok(where, optimizer, kind->name) || tg_failed() || !parts_ok(kind, optimizer, parts))
        return NULL;
    tg_scheduler *s = allocate(kind, optimizer->group_count, parts);
    if (!s) return NULL;
    s->alive = ALIVE;
    s->kind = kind;
    s->group_count = optimizer->group_count;
    s->last_epoch = kind->by_metric || parts->step_children ? 0 : parts->last_epoch;
    s->step_children = parts->step_children;
    s->optimizer_steps = optimizer->steps;
    tgi_watch(optimizer, &s->watcher);
    set_base_lrs(s, optimizer, parts);
    if (kind->by_metric || parts->step_children || tgi_scheduler_step(s, NAN, NAN)) {
        adopt(s, parts->children);
        return s;
    }
    tg_scheduler_free(s);
    return NULL;
}

tg_scheduler *tg_scheduler_new_at(const char *where, const tg_scheduler_class *kind, tg_optimizer *optimizer,
                                  const void *state, size_t state_bytes)
{
    static const char what[] = "scheduler_new";
    tgi_begin(where, what);
    if (!kind || !kind->name) {
        tg_fail_at(where, kind ? TG_ERROR_VALUE : TG_ERROR_NULL, what, "the class %s",
                   kind ? "has no name" : "is NULL");
        return NULL;
    }
    if (state ? state_bytes != kind->state_bytes : kind->state_bytes > 0) {
        tg_fail_at(where, TG_ERROR_VALUE, kind->name, "the state has %zu bytes, that of the class %zu",
                   state ? state_bytes : 0, kind->state_bytes);
        return NULL;
    }
    return tgi_scheduler_new(where, kind, optimizer, &(tgi_scheduler_parts){ .state = state, .last_epoch = -1 });
}

void tg_scheduler_free_at(const char *where, tg_scheduler *s)
{
    static const char what[] = "scheduler_free";
    if (!s || !tgi_scheduler_ok(where, s, what)) return;
    if (s->stepping || s->owned) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what,
                   s->stepping ? "the scheduler is in a step" : "it is part of another one");
        return;
    }
    for (int64_t i = 0; i < s->child_count; i++) {
        s->children[i]->owned = false;
        tg_scheduler_free(s->children[i]);
    }
    tgi_unwatch(&s->watcher);
    s->alive = 0;
    tgi_free(s, s->bytes);
}

/* ---- steps ---- */

/* False, with an error pending, without the optimiser. */
static bool optimizer_there(const tg_scheduler *s)
{
    return s->watcher.optimizer || refuse(s->kind, "the optimizer of this scheduler was freed");
}

/* A learning rate that a formula made of `base`. What rounding leaves of 0 is 0. */
static bool lr_ok(const tg_scheduler *s, const tg_schedule *at, double *lr)
{
    if (*lr < 0 && -*lr <= 1e-12 * fabs(at->base_lr)) *lr = 0;
    if (tg_failed()) return false;
    if (*lr >= 0) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, s->kind->name, "Invalid learning rate of group %lld at epoch %lld: %g",
               (long long)at->group, (long long)at->last_epoch, *lr);
    return false;
}

/* What the class says of all groups, into next_lrs and `momentum`. Its functions may do anything, free the optimiser
 * too. */
static bool ask_class(tg_scheduler *s, tg_schedule *at, double *momentum)
{
    const tg_scheduler_class *kind = s->kind;
    double (*const formula)(const tg_schedule *) =
        !isnan(at->epoch) && kind->closed_form ? kind->closed_form : kind->lr;
    const tgi_place place = tgi_place_keep();
    const bool advanced = !kind->advance || kind->advance(at);
    tgi_place_back(place);
    if (!advanced) return tg_failed() ? false : refuse(kind, "the class refuses this step");
    for (at->group = 0; at->group < s->group_count; at->group++) {
        at->lr = s->next_lrs[at->group];
        at->base_lr = s->base_lrs[at->group];
        double lr = formula(at);
        tgi_place_back(place);
        if (!lr_ok(s, at, &lr)) return false;
        s->next_lrs[at->group] = lr;
    }
    if (kind->momentum) *momentum = kind->momentum(at);
    tgi_place_back(place);
    return !tg_failed() && optimizer_there(s);
}

const char *tgi_momentum_option(const tg_optimizer *optimizer)
{
    if (tgi_option_named(optimizer->kind, "momentum")) return "momentum";
    return tgi_option_named(optimizer->kind, "beta1") ? "beta1" : NULL;
}

static bool set_momentum(tg_optimizer *optimizer, double momentum)
{
    if (isnan(momentum)) return true;
    const char *name = tgi_momentum_option(optimizer);
    return tg_set_group_option_at(NULL, optimizer, TG_ALL_GROUPS, name ? name : "momentum", momentum) == TG_OK;
}

/* A step of a scheduler without children. */
static bool step_groups(tg_scheduler *s, double epoch, double metric)
{
    tg_optimizer *optimizer = s->watcher.optimizer;
    const tg_option *lr = tgi_option_named(optimizer->kind, "lr");
    double momentum = NAN;
    tg_schedule at = { .scheduler = s,
                       .state = s->state,
                       .last_epoch = isnan(epoch) ? s->last_epoch + 1 : (int64_t)floor(epoch),
                       .step_count = s->step_count + 1,
                       .epoch = epoch,
                       .metric = metric };
    int64_t i = 0;
    for (tgi_group *g = optimizer->first; g && i < s->group_count; g = g->next)
        s->next_lrs[i++] = tgi_option_value(lr, g->options);
    memcpy(s->saved, s->state, s->kind->state_bytes);
    s->stepping = true;
    const bool ok = ask_class(s, &at, &momentum) && set_momentum(optimizer, momentum);
    s->stepping = false;
    if (!ok) {
        memcpy(s->state, s->saved, s->kind->state_bytes);
        return false;
    }
    i = 0;
    for (tgi_group *g = optimizer->first; g && i < s->group_count; g = g->next, i++) {
        tgi_option_write(optimizer->kind, lr, g->options, s->next_lrs[i]);
        s->last_lrs[i] = s->next_lrs[i];
    }
    s->last_epoch = at.last_epoch;
    s->step_count = at.step_count;
    return true;
}

static bool step_all_children(tg_scheduler *s)
{
    s->stepping = true;
    const bool ok = s->step_children(s);
    s->stepping = false;
    if (ok) s->last_epoch++;
    return ok;
}

bool tgi_scheduler_step(tg_scheduler *s, double epoch, double metric)
{
    if (!optimizer_there(s)) return false;
    if (s->stepping) return refuse(s->kind, "the scheduler is in a step already");
    if (s->step_children) return step_all_children(s);
    if (s->step_count == 1 && !s->kind->by_metric && s->watcher.optimizer->steps == s->optimizer_steps)
        tg_warn_at(tgi_where(),
                   "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in "
                   "the opposite order. Failure to do this will result in skipping the first value of the "
                   "learning rate schedule");
    return step_groups(s, epoch, metric);
}

bool tgi_scheduler_restart(tg_scheduler *s)
{
    const tg_option *lr = tgi_option_named(s->watcher.optimizer->kind, "lr");
    for (tgi_group *g = s->watcher.optimizer->first; g; g = g->next)
        if (g->has_initial_lr) tgi_option_write(s->watcher.optimizer->kind, lr, g->options, g->initial_lr);
    s->step_count = 0;
    s->last_epoch--;
    s->optimizer_steps = s->watcher.optimizer->steps;
    return tgi_scheduler_step(s, NAN, NAN);
}

/* How the user steps: with neither number, or with one of them. */
static tg_status step(const char *where, tg_scheduler *s, double epoch, double metric, bool by_metric)
{
    if (!tgi_scheduler_ok(where, s, "scheduler_step") || tg_failed()) return TG_FAILED;
    if (s->kind->by_metric != by_metric) {
        refuse(s->kind, by_metric ? "its steps need no metric: tg_scheduler_step"
                                  : "its steps need a metric: tg_scheduler_step_metric");
        return TG_FAILED;
    }
    return tgi_scheduler_step(s, epoch, metric) ? TG_OK : TG_FAILED;
}

tg_status tg_scheduler_step_at(const char *where, tg_scheduler *s) { return step(where, s, NAN, NAN, false); }

tg_status tg_scheduler_step_metric_at(const char *where, tg_scheduler *s, double metric)
{
    return step(where, s, NAN, metric, true);
}

tg_status tg_scheduler_step_epoch_at(const char *where, tg_scheduler *s, double epoch)
{
    if (!tgi_scheduler_ok(where, s, "scheduler_step") || tg_failed()) return TG_FAILED;
    if (s->step_children) {
        refuse(s->kind, "it cannot step to an epoch");
        return TG_FAILED;
    }
    if (!(epoch >= 0 && epoch < (double)TGI_MOST_COUNT)) {
        tg_fail_at(where, TG_ERROR_VALUE, s->kind->name, "Expected non-negative epoch, but got %g", epoch);
        return TG_FAILED;
    }
    return step(where, s, epoch, NAN, false);
}

bool tgi_scheduler_in_use(const char *where, const tg_scheduler *s, const char *what)
{
    return tgi_scheduler_ok(where, s, what) && optimizer_there(s);
}

/* ---- what is read ---- */

double tg_scheduler_last_lr_at(const char *where, const tg_scheduler *s, int64_t group)
{
    if (!tgi_scheduler_in_use(where, s, "scheduler_last_lr")) return NAN;
    if (group >= 0 && group < s->group_count) return s->last_lrs[group];
    tg_fail_at(where, TG_ERROR_VALUE, s->kind->name, "there is no parameter group %lld: the last one is %lld",
               (long long)group, (long long)s->group_count - 1);
    return NAN;
}

int64_t tg_scheduler_last_epoch_at(const char *where, const tg_scheduler *s)
{
    return tgi_scheduler_in_use(where, s, "scheduler_last_epoch") ? s->last_epoch : -1;
}
