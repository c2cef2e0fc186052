/* lbfgs_search.c: a line search for the strong Wolfe conditions, as torch.optim.LBFGS has it (after minFunc; Nocedal and
 * Wright, Numerical Optimization, algorithms 3.5 and 3.6): the loss has fallen by enough, and its slope is flat enough.
 * First the step grows until there is such a point or an interval that has one; then the interval shrinks. */
#include "lbfgs_impl.h"

#include "core/error.h"
#include "core/scope.h"

#include <math.h>

static const double least_fall = 1e-4, most_slope = 0.9;
enum { MOST_TRIES = 25 };

typedef struct search {
    const tgi_objective *o;
    tg_tensor_list origin; /* the parameters where the line begins */
    tg_tensor *d;
    const tgi_point *start; /* t = 0 */
    tgi_point now;          /* the last one tried */
    tgi_point ends[2];      /* of the interval */
    bool done;              /* ends[0] fulfils both conditions */
    int tries;
    int64_t evaluations;
} search;

static void hold_point(tgi_point *to, const tgi_point *from)
{
    tgi_hold(&to->g, from->g);
    to->t = from->t;
    to->f = from->f;
    to->slope = from->slope;
}

static void release_point(tgi_point *p) { tgi_hold(&p->g, NULL); }

/* Evaluates the point at t; the parameters stay. */
static void try_point(search *s, double t)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *g = NULL;
    tgi_move(s->o, t, s->d);
    const double f = tg_failed() ? (double)NAN : tgi_evaluate(s->o, &g);
    tgi_restore_parameters(s->o, s->origin);
    const tgi_point tried = { t, f, g ? tgi_inner(g, s->d) : (double)NAN, g };
    hold_point(&s->now, &tried);
    s->evaluations++;
    tg_scope_end(scope);
}

static bool too_high(const search *s, const tgi_point *p)
{
    return p->f > s->start->f + least_fall * p->t * s->start->slope;
}

static bool flat_enough(const search *s, const tgi_point *p) { return fabs(p->slope) <= -most_slope * s->start->slope; }

static double between(double x, double least, double most)
{
    const double x1 = least > x ? least : x;
    return most < x1 ? most : x1;
}

/* Where the cubic through both points and slopes is lowest, between two bounds. */
static double cubic_minimum(const tgi_point *a, const tgi_point *b, double least, double most)
{
    const double d1 = a->slope + b->slope - 3 * (a->f - b->f) / (a->t - b->t), square = d1 * d1 - a->slope * b->slope;
    if (!(square >= 0)) return (least + most) / 2.;
    const double d2 = sqrt(square);
    const tgi_point *near = a->t <= b->t ? a : b, *far = near == a ? b : a;
    const double t = far->t - (far->t - near->t) * ((far->slope + d2 - d1) / (far->slope - near->slope + 2 * d2));
    return between(t, least, most);
}

/* ---- growing ---- */

static void set_interval(search *s, const tgi_point *a, const tgi_point *b)
{
    hold_point(&s->ends[0], a);
    hold_point(&s->ends[1], b);
}

static void find_interval(search *s, double t)
{
    tgi_point before = { 0 };
    hold_point(&before, s->start);
    try_point(s, t);
    for (; s->tries < MOST_TRIES && !tg_failed(); s->tries++) {
        const tgi_point *now = &s->now;
        const bool beyond = too_high(s, now) || (s->tries > 1 && now->f >= before.f);
        s->done = !beyond && flat_enough(s, now);
        if (beyond || s->done || now->slope >= 0) {
            set_interval(s, s->done ? now : &before, now);
            break;
        }
        t = cubic_minimum(&before, now, now->t + 0.01 * (now->t - before.t), now->t * 10);
        hold_point(&before, now);
        try_point(s, t);
    }
    if (s->tries == MOST_TRIES) set_interval(s, s->start, &s->now);
    release_point(&before);
}

/* ---- shrinking ---- */

static int lower_end(const search *s) { return s->ends[0].f <= s->ends[1].f ? 0 : 1; }

/* A point in the interval; one too near to an end is moved away from it when the last one was near, too. */
static double next_try(const search *s, bool *near_before)
{
    const double a = s->ends[0].t, b = s->ends[1].t, least = a < b ? a : b, most = a < b ? b : a;
    const double t = cubic_minimum(&s->ends[0], &s->ends[1], least, most), margin = 0.1 * (most - least);
    const bool near = (t - least < most - t ? t - least : most - t) < margin;
    const bool move = near && (*near_before || t >= most || t <= least);
    *near_before = near && !move;
    if (!move) return t;
    return fabs(t - most) < fabs(t - least) ? most - margin : least + margin;
}

/* Takes the last point in place of one end; returns which end is the lower one. */
static int shrink(search *s, int low)
{
    const int high = 1 - low;
    if (too_high(s, &s->now) || s->now.f >= s->ends[low].f) {
        hold_point(&s->ends[high], &s->now);
        return lower_end(s);
    }
    if (flat_enough(s, &s->now))
        s->done = true;
    else if (s->now.slope * (s->ends[high].t - s->ends[low].t) >= 0)
        hold_point(&s->ends[high], &s->ends[low]);
    hold_point(&s->ends[low], &s->now);
    return low;
}

static int shrink_interval(search *s, double tolerance_change)
{
    const double longest = tgi_largest(s->d);
    int low = s->done ? 0 : lower_end(s);
    bool near_before = false;
    while (!s->done && s->tries < MOST_TRIES && !tg_failed()) {
        if (fabs(s->ends[1].t - s->ends[0].t) * longest < tolerance_change) break;
        try_point(s, next_try(s, &near_before));
        s->tries++;
        low = shrink(s, low);
    }
    return low;
}

int64_t tgi_strong_wolfe(const tgi_objective *o, tgi_point *point, tg_tensor *d, double t, double tolerance_change)
{
    const tg_scope scope = tg_scope_begin();
    search s = { .o = o, .d = d, .start = point, .origin = tgi_copy_parameters(o) };
    if (!tg_failed()) find_interval(&s, t);
    const int low = tg_failed() ? 0 : shrink_interval(&s, tolerance_change);
    if (!tg_failed()) hold_point(point, &s.ends[low]);
    release_point(&s.now);
    for (int i = 0; i < 2; i++) release_point(&s.ends[i]);
    tg_scope_end(scope);
    return s.evaluations;
}
