/* compare_guess_norm.c: normalisations by other statistics: over other elements, of the batch or the running ones, with
 * another eps. */
#include "compare_impl.h"

#include <math.h>
#include <stdio.h>

typedef enum over { OVER_LAST, OVER_LAST_TWO, OVER_LAST_THREE, OVER_BATCH, OVER_PLACES, OVERS } over;

typedef struct norm {
    over over;
    double eps;
    bool unbiased, running, root_mean_square, weight, bias;
} norm;

typedef struct parts {
    tgi_reals x, weight, bias, mean, var; /* count 0: there is none */
} parts;

static const double many_eps[] = { 1e-5, 0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-4, 1e-3, 1e-2 };

/* Which statistics an element belongs to; how many there are. */
static int64_t group_of(over which, const tg_shape *shape, int64_t inner_last, int64_t at, int64_t *groups)
{
    const int64_t numel = tg_shape_numel(shape);
    if (which <= OVER_LAST_THREE) {
        *groups = numel / inner_last;
        return at / inner_last;
    }
    int64_t places = 1;
    for (int d = 2; d < shape->ndim; d++) places *= shape->dims[d];
    *groups = which == OVER_BATCH ? shape->dims[1] : numel / places;
    return which == OVER_BATCH ? at / places % shape->dims[1] : at / places;
}

/* The elements of one group of the last dimensions. */
static int64_t size_of_last(over which, const tg_shape *shape)
{
    int64_t size = 1;
    for (int d = 0; d <= (int)which && d < shape->ndim; d++) size *= shape->dims[shape->ndim - 1 - d];
    return size;
}

/* Which of `count` weights an element has; -1: there are not so many. */
static int64_t affine_place(over which, const tg_shape *shape, int64_t count, int64_t at)
{
    int64_t places = 1;
    for (int d = 2; d < shape->ndim; d++) places *= shape->dims[d];
    if (which >= OVER_BATCH) return count == shape->dims[1] ? at / places % count : -1;
    return count == size_of_last(which, shape) ? at % count : -1;
}

/* False: the variant means nothing here. `y`, `mean` and `var` have room for the elements of x. */
static bool compute(const norm *n, const parts *p, double *y, double *mean, double *var)
{
    const tg_shape *shape = &p->x.shape;
    const int64_t last = size_of_last(n->over, shape), numel = p->x.count;
    if ((n->over <= OVER_LAST_THREE && (int)n->over >= shape->ndim) || (n->over >= OVER_BATCH && shape->ndim < 2))
        return false;
    if ((n->over == OVER_PLACES && shape->ndim < 3) || (n->running && n->over != OVER_BATCH)) return false;
    int64_t groups;
    group_of(n->over, shape, last, 0, &groups);
    const double size = (double)(numel / groups);
    if (n->running && (p->mean.count != groups || p->var.count != groups)) return false;
    if (n->weight && affine_place(n->over, shape, p->weight.count, 0) < 0) return false;
    for (int64_t g = 0; g < groups; g++) {
        mean[g] = n->running ? p->mean.at[g] : 0;
        var[g] = n->running ? p->var.at[g] : 0;
    }
    if (!n->running) {
        for (int64_t i = 0; i < numel && !n->root_mean_square; i++)
            mean[group_of(n->over, shape, last, i, &groups)] += p->x.at[i] / size;
        for (int64_t i = 0; i < numel; i++) {
            const int64_t g = group_of(n->over, shape, last, i, &groups);
            var[g] += (p->x.at[i] - mean[g]) * (p->x.at[i] - mean[g]) / (n->unbiased ? size - 1 : size);
        }
    }
    for (int64_t i = 0; i < numel; i++) {
        const int64_t g = group_of(n->over, shape, last, i, &groups);
        const int64_t at = n->weight ? affine_place(n->over, shape, p->weight.count, i) : 0;
        y[i] = (p->x.at[i] - mean[g]) / sqrt(var[g] + n->eps) * (n->weight ? p->weight.at[at] : 1) +
               (n->bias ? p->bias.at[at] : 0);
    }
    return true;
}

/* The variant number `code`. False: there is no more. */
static bool variant(int code, const parts *p, norm *n)
{
    enum { EPS = sizeof many_eps / sizeof *many_eps };
    *n = (norm){ .eps = many_eps[code % EPS] };
    code /= EPS;
    n->weight = n->bias = p->weight.count && code % 2 == 0; /* with both first */
    code /= 2;
    n->over = (over)(code % OVERS);
    code /= OVERS;
    n->running = code == 1;
    n->unbiased = code == 2;
    n->root_mean_square = code == 3;
    n->bias = n->bias && p->bias.count == p->weight.count;
    return code < 4;
}

/* The variant that makes `y` best. False: none does. */
static bool find(const tgi_suspect *s, const parts *p, tgi_reals y, norm *best, double *misfit)
{
    double *made = tgi_reals_new(y.count), *mean = tgi_reals_new(y.count), *var = tgi_reals_new(y.count), fit;
    norm n;
    bool found = false;
    if (!made || !mean || !var) return false;
    for (int code = 0; variant(code, p, &n); code++) {
        if (n.running && !p->var.count) continue;
        if (!compute(&n, p, made, mean, var) || !tgi_fits(s, made, y.at, y.count, &fit)) continue;
        if (found && !(fit < 0.5 * *misfit)) continue;
        *misfit = fit;
        *best = n;
        found = true;
    }
    return found;
}

static void describe(const norm *n, bool with_eps, char *text, size_t size)
{
    static const char *const overs[OVERS] = { "the last dimension", "the last two dimensions",
                                              "the last three dimensions", "the batch", "each channel's places" };
    char eps[24] = "";
    if (with_eps) snprintf(eps, sizeof eps, ", eps = %g", n->eps);
    snprintf(text, size, "%s%s%s%s%s%s", n->root_mean_square ? "root mean square over " : "",
             n->running ? "the running statistics" : overs[n->over], n->unbiased ? ", unbiased" : "",
             n->weight ? "" : ", without weight and bias", "", eps);
}

static void say(tgi_suspect *s, const norm *ours, const norm *theirs, double misfit)
{
    char here[128], there[128];
    const bool same = ours->over == theirs->over && ours->running == theirs->running &&
                      ours->unbiased == theirs->unbiased && ours->root_mean_square == theirs->root_mean_square &&
                      ours->weight == theirs->weight;
    if (same && ours->eps != theirs->eps)
        tgi_guess_add(s, 9, misfit, "another eps: %g here, %g there", ours->eps, theirs->eps);
    if (same) return;
    describe(ours, ours->eps != theirs->eps, here, sizeof here);
    describe(theirs, ours->eps != theirs->eps, there, sizeof there);
    tgi_guess_add(s, 9, misfit, "%snormalised by other statistics: %s here, %s there",
                  ours->running != theirs->running ? "train/eval: " : "", here, there);
}

void tgi_guess_norm(tgi_suspect *s)
{
    if (!tg_shape_equal(&s->ours.shape, &s->theirs.shape) || s->ours.count < 4 || !s->ours.shape.ndim) return;
    for (int i = 0; i < s->recent_count; i++) {
        parts p = { 0 };
        norm ours, theirs;
        double a, b;
        if (!tgi_recorded_reals(&p.x, s->recent[i]) || !tg_shape_equal(&p.x.shape, &s->ours.shape)) continue;
        if (s->what->role == TGI_OUTPUT) {
            tgi_recorded_reals(&p.weight, tgi_run_find_parameter(s->run, s->what->module, "weight"));
            tgi_recorded_reals(&p.bias, tgi_run_find_parameter(s->run, s->what->module, "bias"));
            tgi_recorded_reals(&p.mean, tgi_run_find_parameter(s->run, s->what->module, "running_mean"));
            tgi_recorded_reals(&p.var, tgi_run_find_parameter(s->run, s->what->module, "running_var"));
        }
        if (!find(s, &p, s->theirs, &theirs, &a) || !find(s, &p, s->ours, &ours, &b)) continue;
        say(s, &ours, &theirs, fmax(a, b));
        return;
    }
}
