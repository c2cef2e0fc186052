/* scheduler_chain.c: schedulers made of others: SequentialLR, ChainedScheduler. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>
#include <string.h>

/* What cannot be taken over is freed, unless it is part of another one. */
static tg_scheduler *give_up(tg_scheduler_list list)
{
    for (int64_t i = 0; i < list.count; i++) {
        bool again = !list.items[i];
        for (int64_t j = 0; j < i; j++) again = again || list.items[j] == list.items[i];
        if (!again && !list.items[i]->owned && !list.items[i]->stepping) tg_scheduler_free(list.items[i]);
    }
    return NULL;
}

/* Whether all handles can be looked at; of a NULL the error is pending that explains it. */
static bool handles_ok(const tg_scheduler_class *kind, tg_scheduler_list list)
{
    if (list.count < 1 || !list.items) {
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "a list of %lld schedulers%s", (long long)list.count,
                   list.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < list.count; i++)
        if (list.items[i] && !tgi_scheduler_ok(NULL, list.items[i], kind->name)) return false;
    return true;
}

static bool child_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, tg_scheduler_list list, int64_t i,
                     bool nested)
{
    const tg_scheduler *s = list.items[i];
    if (!tgi_scheduler_ok(NULL, s, kind->name)) return false;
    const char *problem = NULL;
    if (s->step_children && !nested) problem = "is itself made of others";
    for (int64_t j = 0; j < i; j++)
        if (list.items[j] == s) problem = "is there twice";
    if (s->owned) problem = "is part of another scheduler";
    if (s->watcher.optimizer != optimizer) problem = "belongs to another optimizer, but all must have the same";
    if (s->kind->by_metric) problem = "needs a metric at its steps";
    if (problem)
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "the scheduler at index %lld (%s) %s", (long long)i, s->kind->name,
                   problem);
    return !problem;
}

/* `nested`: they may be made of others. */
static bool children_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, tg_scheduler_list list,
                        bool nested)
{
    for (int64_t i = 0; i < list.count; i++)
        if (!child_ok(kind, optimizer, list, i, nested)) return false;
    return true;
}

static void copy_last_lrs(tg_scheduler *s, const tg_scheduler *child)
{
    const int64_t count = s->group_count < child->group_count ? s->group_count : child->group_count;
    memcpy(s->last_lrs, child->last_lrs, (size_t)count * sizeof(double));
}

/* ---- SequentialLR ---- */

static bool sequential_step(tg_scheduler *s)
{
    const int64_t *milestones = s->list.items, epoch = s->last_epoch + 1;
    int64_t i = 0;
    while (i < s->list.count && milestones[i] <= epoch) i++;
    const bool first = i > 0 && milestones[i - 1] == epoch;
    if (!tgi_scheduler_step(s->children[i], first ? 0 : NAN, NAN)) return false;
    copy_last_lrs(s, s->children[i]);
    return true;
}

static const tg_scheduler_class sequential_class = { .name = "SequentialLR" };

static bool milestones_ok(tg_milestones milestones, int64_t schedulers)
{
    if (!tgi_milestones_ok(&sequential_class, milestones)) return false;
    if (milestones.count != schedulers - 1) {
        tg_fail_at(
            NULL, TG_ERROR_VALUE, sequential_class.name,
            "Sequential Schedulers expects number of schedulers provided to be one more than the number of "
            "milestone points, but got number of schedulers %lld and the number of milestones to be equal to %lld",
            (long long)schedulers, (long long)milestones.count);
        return false;
    }
    for (int64_t i = 1; i < milestones.count; i++) {
        if (milestones.items[i - 1] <= milestones.items[i]) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, sequential_class.name, "the milestones are not in order");
        return false;
    }
    return true;
}

tg_scheduler *tg_sequential_lr_new_at(const char *where, tg_optimizer *optimizer, tg_scheduler_list list,
                                      tg_milestones milestones)
{
    const tg_scheduler_class *kind = &sequential_class;
    tgi_begin(where, kind->name);
    if (!handles_ok(kind, list)) return NULL;
    tg_scheduler *s = NULL;
    if (tgi_optimizer_ok(where, optimizer, kind->name) && children_ok(kind, optimizer, list, false) &&
        milestones_ok(milestones, list.count)) {
        s = tgi_scheduler_new(where, kind, optimizer,
                              &(tgi_scheduler_parts){
                                  .list = { "_milestones", TG_OPTION_INT64, milestones.count, milestones.items },
                                  .children = list,
                                  .step_children = sequential_step,
                                  .last_epoch = -1 });
    }
    if (!s) return give_up(list);
    for (int64_t i = 1; i < list.count; i++) s->children[i]->last_epoch--; /* they have not begun */
    if (tgi_scheduler_restart(s->children[0])) {
        copy_last_lrs(s, s->children[0]);
        return s;
    }
    tg_scheduler_free(s);
    return NULL;
}

/* ---- ChainedScheduler ---- */

static bool chained_step(tg_scheduler *s)
{
    for (int64_t i = 0; i < s->child_count; i++)
        if (!tgi_scheduler_step(s->children[i], NAN, NAN)) return false;
    copy_last_lrs(s, s->children[s->child_count - 1]);
    return true;
}

static const tg_scheduler_class chained_class = { .name = "ChainedScheduler" };

tg_scheduler *tg_chained_scheduler_new_at(const char *where, tg_scheduler_list list)
{
    const tg_scheduler_class *kind = &chained_class;
    tgi_begin(where, kind->name);
    if (!handles_ok(kind, list)) return NULL;
    tg_optimizer *optimizer = list.items[0] ? list.items[0]->watcher.optimizer : NULL;
    tg_scheduler *s = NULL;
    if (children_ok(kind, optimizer, list, true))
        s = tgi_scheduler_new(where, kind, optimizer,
                              &(tgi_scheduler_parts){ .children = list,
                                                      .step_children = chained_step,
                                                      .last_epoch = -1 });
    return s ? s : give_up(list);
}
