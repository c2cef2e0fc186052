/* compare_guess_loss.c: cross entropy whose targets are smoothed more, or less. It is linear in label_smoothing, so that
 * what that is here can be told from the loss; there it is an attribute of the module, which print does not show. */
#include "compare_impl.h"

#include <math.h>
#include <string.h>

/* Of one row of logits: without smoothing, and with all of it. */
typedef struct entropies {
    double plain, smooth;
} entropies;

static entropies of_row(const double *x, int64_t classes, int64_t step, int64_t target)
{
    double largest = -INFINITY, sum = 0, mean = 0;
    for (int64_t c = 0; c < classes; c++) largest = fmax(largest, x[c * step]);
    for (int64_t c = 0; c < classes; c++) {
        sum += exp(x[c * step] - largest);
        mean += x[c * step] / (double)classes;
    }
    const double log_sum = largest + log(sum);
    return (entropies){ log_sum - x[target * step], log_sum - mean };
}

/* Added up over all rows of [N, classes, ...]. False: a target is no class. */
static bool entropies_of(tgi_reals x, tgi_reals target, entropies *all)
{
    const int64_t classes = x.shape.dims[x.shape.ndim > 1],
                  step = x.count / classes / (x.shape.ndim > 1 ? x.shape.dims[0] : 1);
    *all = (entropies){ 0, 0 };
    for (int64_t r = 0; r < target.count; r++) {
        const double t = target.at[r];
        if (!(t >= 0) || t >= (double)classes || t != floor(t)) return false;
        const entropies row = of_row(x.at + r / step * classes * step + r % step, classes, step, (int64_t)t);
        all->plain += row.plain;
        all->smooth += row.smooth;
    }
    return true;
}

void tgi_guess_loss(tgi_suspect *s)
{
    const tgi_recorded *what = s->what;
    tgi_reals x, target;
    entropies e;
    if (what->role != TGI_OUTPUT || s->ours.count != 1 || s->theirs.count != 1) return;
    const tgi_recorded_module *m = &s->run->modules[what->module];
    if (strncmp(m->settings, "CrossEntropyLoss(", 17) || tgi_run_find_parameter(s->run, what->module, "weight")) return;
    if (!tgi_recorded_reals(&x, tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, 0)) ||
        !tgi_recorded_reals(&target, tgi_run_find_call(s->run, TGI_INPUT, what->module, what->call, 1)))
        return;
    if (!x.count || !target.count || x.count != target.count * x.shape.dims[x.shape.ndim > 1]) return;
    if (!entropies_of(x, target, &e)) return;
    const double there = tgi_attribute(s->run, what->module, "label_smoothing", 0);
    for (int is_sum = 0; is_sum < 2; is_sum++) {
        const double n = is_sum ? 1 : (double)target.count, plain = e.plain / n, change = (e.smooth - e.plain) / n;
        const double theirs = plain + there * change,
                     here = round((*s->ours.at - plain) / change * 1e4) / 1e4 + 0.0; /* 0, not -0 */
        const double ours = plain + here * change;
        double a, b;
        if (!(here >= 0 && here <= 1) || here == there) continue;
        if (!tgi_fits(s, &theirs, s->theirs.at, 1, &a) || !tgi_fits(s, &ours, s->ours.at, 1, &b)) continue;
        tgi_guess_add(s, 5, fmax(a, b), "label_smoothing: %g here, %g there", here, there);
        return;
    }
}
