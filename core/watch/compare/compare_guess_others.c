/* compare_guess_others.c: other recorded tensors that are in it: one that stands in its place, as of another step or of
 * another module; one that is added, as a bias or what goes around a block. */
#include "compare_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TRIED = 4000 };

/* Where a tensor of the same call would be a swap, one of another call a step, one of another module a mix-up. */
static void say_stands_for(tgi_suspect *s, const tgi_recorded *other, double misfit)
{
    const tgi_recorded *what = s->what;
    char text[TGI_RECORDED_TEXT];
    tgi_recorded_text(s->run, other, text);
    const bool same_module = other->module >= 0 && other->module == what->module && other->role == what->role;
    if (same_module && other->call == what->call)
        tgi_guess_add(s, 13, misfit, "%s swapped: ours is %s", what->role == TGI_INPUT ? "inputs" : "results", text);
    else if (same_module && other->index == what->index)
        tgi_guess_add(s, 14, misfit, "a step too %s: ours is %s", other->call < what->call ? "late" : "early", text);
    else
        tgi_guess_add(s, 17, misfit, "another tensor in its place: ours is %s", text);
}

/* Several recorded tensors may be the same, as what a module returns and the next is given: the first one is said. */
static bool is_better(const tgi_recorded *r, const tgi_recorded *best) { return !best || r->order < best->order; }

/* One of the same module, whatever the call, goes before others. */
static void guess_stands_for(tgi_suspect *s)
{
    tgi_reals other;
    double misfit, best_misfit = 0, own_misfit = 0;
    const tgi_recorded *best = NULL, *own = NULL;
    for (int64_t i = 0; i < s->run->count && i < MOST_TRIED; i++) {
        const tgi_recorded *r = &s->run->items[i];
        if (r == s->what || r->role == TGI_ROLES || r->role == TGI_LOSS) continue;
        if ((r->role == TGI_STATE) != (s->what->role == TGI_STATE)) continue;
        if (tg_numel(r->tensor) != s->ours.count || s->ours.count < 2 || !tgi_recorded_reals(&other, r)) continue;
        if (!tgi_fits(s, s->ours.at, other.at, other.count, &misfit)) continue;
        if (r->role == s->what->role && r->module == s->what->module && is_better(r, own)) {
            own = r;
            own_misfit = misfit;
        }
        if (is_better(r, best)) {
            best = r;
            best_misfit = misfit;
        }
    }
    if (own) say_stands_for(s, own, own_misfit);
    if (best) say_stands_for(s, best, best_misfit);
}

/* ---- steps of a sequence, and what it is made into ---- */

enum { MEAN, SUM, LARGEST, WAYS };

static double reduced(const double *x, int64_t size, int64_t inner, int way)
{
    double sum = 0, largest = -INFINITY;
    for (int64_t i = 0; i < size; i++) {
        sum += x[i * inner];
        largest = fmax(largest, x[i * inner]);
    }
    return way == MEAN ? sum / (double)size : way == SUM ? sum : largest;
}

/* What v is of x along dimension `dim`: its index, or `size` and a way to reduce; -1: neither. */
static int64_t part_of(const tgi_suspect *s, tgi_reals x, int dim, tgi_reals v, double *part, double *misfit)
{
    int64_t inner = 1;
    for (int d = dim + 1; d < x.shape.ndim; d++) inner *= x.shape.dims[d];
    const int64_t size = x.shape.dims[dim], outer = x.count / size / inner;
    for (int64_t i = 0; i < size + WAYS; i++) {
        for (int64_t o = 0; o < outer; o++)
            if (i < size)
                memcpy(part + o * inner, x.at + (o * size + i) * inner, (size_t)inner * sizeof(double));
            else
                for (int64_t k = 0; k < inner; k++)
                    part[o * inner + k] = reduced(x.at + o * size * inner + k, size, inner, (int)(i - size));
        if (tgi_fits(s, part, v.at, v.count, misfit)) return i;
    }
    return -1;
}

/* "index 4 of 5", "the mean". */
static const char *part_text(int64_t part, int64_t size, char text[64])
{
    static const char *const ways[WAYS] = { "the mean", "the sum", "the largest" };
    if (part < size)
        snprintf(text, 64, "index %lld of %lld", (long long)part, (long long)size);
    else
        snprintf(text, 64, "%s", ways[part - size]);
    return text;
}

/* Ours and theirs are parts of x, the same sequence. */
static bool guess_part_of(tgi_suspect *s, tgi_reals x, const char *text, double *part)
{
    double a, b;
    char here[64], there[64];
    for (int dim = 0; dim < x.shape.ndim; dim++) {
        const int64_t size = x.shape.dims[dim];
        if (size < 2 || size * s->ours.count != x.count) continue;
        const int64_t theirs = part_of(s, x, dim, s->theirs, part, &a);
        const int64_t ours = theirs < 0 ? -1 : part_of(s, x, dim, s->ours, part, &b);
        if (ours < 0) continue;
        tgi_guess_add(s, ours < size && theirs < size ? 15 : 14, fmax(a, b),
                      "%s of a sequence, along dimension %d of %s: ours is %s, theirs is %s",
                      ours < size && theirs < size ? "another place" : "another part", dim, text,
                      part_text(ours, size, here), part_text(theirs, size, there));
        return true;
    }
    return false;
}

/* Two sequences added, as a block and what goes around it. */
static bool guess_part_of_sum(tgi_suspect *s, tgi_reals x, tgi_reals y, const char *text, double *sum, double *part)
{
    if (!tg_shape_equal(&x.shape, &y.shape)) return false;
    for (int64_t e = 0; e < x.count; e++) sum[e] = x.at[e] + y.at[e];
    x.at = sum;
    return guess_part_of(s, x, text, part);
}

/* Of a recorded tensor; of two of them. */
static void guess_part(tgi_suspect *s)
{
    tgi_reals x[2 * TGI_RECENT];
    char text[2 * TGI_RECENT][TGI_RECORDED_TEXT], both[2 * TGI_RECORDED_TEXT + 4];
    int count = 0;
    int64_t most = 0;
    for (int i = 0; i < s->recent_count; i++) {
        const int64_t numel = tg_numel(s->recent[i]->tensor);
        if (numel <= s->ours.count || numel % s->ours.count || !tgi_recorded_reals(&x[count], s->recent[i])) continue;
        tgi_recorded_text(s->run, s->recent[i], text[count++]);
        most = numel > most ? numel : most;
    }
    double *part = count ? tgi_reals_new(s->ours.count) : NULL, *sum = part ? tgi_reals_new(most) : NULL;
    for (int i = 0; part && i < count; i++)
        if (guess_part_of(s, x[i], text[i], part)) return;
    for (int i = 0; sum && i < count; i++)
        for (int k = i + 1; k < count; k++) {
            snprintf(both, sizeof both, "%s + %s", text[i], text[k]);
            if (guess_part_of_sum(s, x[i], x[k], both, sum, part)) return;
        }
}

/* ---- sums ---- */

/* Whether `difference` is k times `v`, repeated along the dimensions before its own, or along `dim`. k; 0: it is not. */
static double multiple_of(const tgi_suspect *s, const double *difference, tgi_reals v, double *repeated, double *misfit)
{
    const int64_t n = s->ours.count;
    if (!v.count || n % v.count) return 0;
    double vd = 0, vv = 0;
    for (int64_t i = 0; i < n; i++) {
        repeated[i] = v.at[i % v.count];
        vd += repeated[i] * difference[i];
        vv += repeated[i] * repeated[i];
    }
    const double k = round(vd / vv);
    if (!isfinite(k) || k == 0 || fabs(k) > 2) return 0;
    for (int64_t i = 0; i < n; i++) repeated[i] *= k;
    double scale = 0;
    for (int64_t i = 0; i < n; i++) scale = fmax(scale, fabs(s->theirs.at[i]));
    *misfit = 0;
    for (int64_t i = 0; i < n; i++) *misfit = fmax(*misfit, fabs(difference[i] - repeated[i]) / scale);
    return *misfit <= s->fit ? k : 0;
}

/* A convolution's bias lies along dimension 1. */
static bool along_channels(const tgi_suspect *s, tgi_reals *v)
{
    const tg_shape *shape = &s->ours.shape;
    if (shape->ndim < 3 || v->shape.ndim != 1 || v->count != shape->dims[1]) return false;
    int64_t inner = 1;
    for (int d = 2; d < shape->ndim; d++) inner *= shape->dims[d];
    double *spread = tgi_reals_new(v->count * inner);
    if (!spread) return false;
    for (int64_t i = 0; i < v->count * inner; i++) spread[i] = v->at[i / inner];
    v->at = spread;
    v->count *= inner;
    return true;
}

static void say_summand(tgi_suspect *s, const tgi_recorded *r, double k, double misfit)
{
    char text[TGI_RECORDED_TEXT];
    tgi_recorded_text(s->run, r, text);
    const bool bias = r->role == TGI_STATE && strstr(r->name, "bias");
    if (k < 0)
        tgi_guess_add(s, bias ? 12 : 15, misfit, "%s is missing: ours is theirs without %s%s",
                      bias ? "a bias" : "a summand", k < -1 ? "twice " : "", text);
    else
        tgi_guess_add(s, bias ? 12 : 15, misfit, "%s is added %s: ours is theirs and %s%s",
                      bias ? "a bias" : "a summand", bias ? "twice" : "that is not there", k > 1 ? "twice " : "", text);
}

static void guess_summand(tgi_suspect *s)
{
    const int64_t n = s->ours.count;
    double *difference = tgi_reals_new(n), *repeated = tgi_reals_new(n), misfit, best_misfit = 0, best_k = 0;
    const tgi_recorded *best = NULL;
    if (!difference || !repeated || n < 2 || s->what->role == TGI_STATE) return;
    double size = 0;
    for (int64_t i = 0; i < n; i++) {
        difference[i] = s->ours.at[i] - s->theirs.at[i];
        size = fmax(size, fabs(s->ours.at[i]));
    }
    if (size == 0) return;
    for (int64_t i = 0; i < s->run->count && i < MOST_TRIED; i++) {
        const tgi_recorded *r = &s->run->items[i];
        tgi_reals v;
        if (r == s->what || r->role == TGI_ROLES || tg_numel(r->tensor) < 2) continue;
        if ((r->role == TGI_GRADIENT || r->role == TGI_OUTPUT_GRADIENT) !=
            (s->what->role == TGI_GRADIENT || s->what->role == TGI_OUTPUT_GRADIENT))
            continue;
        if (n % tg_numel(r->tensor) || !tgi_recorded_reals(&v, r)) continue;
        double k = multiple_of(s, difference, v, repeated, &misfit);
        if (k == 0 && along_channels(s, &v)) k = multiple_of(s, difference, v, repeated, &misfit);
        if (k == 0 || !is_better(r, best)) continue;
        best = r;
        best_k = k;
        best_misfit = misfit;
    }
    if (best) say_summand(s, best, best_k, best_misfit);
}

void tgi_guess_others(tgi_suspect *s)
{
    guess_stands_for(s);
    guess_part(s);
    if (tg_shape_equal(&s->ours.shape, &s->theirs.shape)) guess_summand(s);
}
