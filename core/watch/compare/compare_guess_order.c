/* compare_guess_order.c: the same elements at other places: transposed, in another shape, reversed, shifted, blocks or
 * rows in another order. */
#include "compare_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PARTS = 64, MOST_ROWS = 512, MOST_SHIFT = 3, MOST_BLOCKS = 4 };

/* ---- axes ---- */

enum { MOST_AXES = 5 };

/* The order of the axes number `code`, of ndim^ndim; false: one comes twice, or nothing moves. */
static bool axes_of(int code, int ndim, int axes[MOST_AXES])
{
    int used = 0;
    bool same = true;
    for (int d = ndim - 1; d >= 0; d--, code /= ndim) {
        axes[d] = code % ndim;
        used |= 1 << axes[d];
        same &= axes[d] == d;
    }
    return used == (1 << ndim) - 1 && !same;
}

static int codes_of(int ndim)
{
    int codes = 1;
    for (int d = 0; d < ndim; d++) codes *= ndim;
    return codes;
}

/* Whether ours, in its order, is theirs, seen as `shape`, permuted. Most orders end at their first elements. */
static bool fits_permuted(const tgi_suspect *s, const tg_shape *shape, const int *axes, double scale, double *misfit)
{
    int64_t strides[TG_MAX_DIMS], index[TG_MAX_DIMS] = { 0 };
    tg_shape_strides(shape, strides);
    *misfit = 0;
    for (int64_t i = 0; i < s->ours.count; i++) {
        int64_t at = 0;
        for (int d = 0; d < shape->ndim; d++) at += index[d] * strides[axes[d]];
        const double difference = fabs(s->ours.at[i] - s->theirs.at[at]) / scale;
        if (!(difference <= s->fit)) return false;
        *misfit = fmax(*misfit, difference);
        for (int d = shape->ndim - 1; d >= 0 && ++index[d] == shape->dims[axes[d]]; d--) index[d] = 0;
    }
    return true;
}

static const char *list_of(const int64_t *numbers, int count, char text[64])
{
    size_t used = 0;
    text[0] = '\0';
    for (int d = 0; d < count && used < 40; d++)
        used += (size_t)snprintf(text + used, 64 - used, "%s%lld", d ? ", " : "", (long long)numbers[d]);
    return text;
}

static void say_axes(tgi_suspect *s, const tg_shape *shape, const int *axes, double misfit)
{
    char list[64], sizes[TG_SHAPE_TEXT];
    int64_t numbers[MOST_AXES];
    bool same_shape = shape->ndim == s->ours.shape.ndim;
    for (int d = 0; d < shape->ndim; d++) {
        numbers[d] = axes[d];
        same_shape = same_shape && s->ours.shape.dims[d] == shape->dims[axes[d]];
    }
    const bool swapped = shape->ndim > 2 && axes[0] == 1 && axes[1] == 0;
    list_of(numbers, shape->ndim, list);
    if (!same_shape)
        tgi_guess_add(
            s, 20, misfit,
            "reshaped where dimensions are to be exchanged, or the reverse: ours has the elements of theirs, seen "
            "as %s, permuted to (%s) (a transpose or permute is missing)",
            tg_shape_text(shape, sizes), list);
    else if (shape->ndim == 2)
        tgi_guess_add(s, 20, misfit, "transposed: ours is theirs with rows and columns exchanged%s",
                      s->what->role == TGI_STATE ? " (a Linear's weight is [out, in])" : "");
    else
        tgi_guess_add(s, 20, misfit, "dimensions in another order: ours is theirs permuted to (%s)%s", list,
                      swapped && shape->ndim == 3 ? ": batch and time exchanged, batch_first" : "");
}

/* All orders of the axes, by counting. */
static bool guess_orders(tgi_suspect *s, const tg_shape *shape, double scale)
{
    double misfit;
    int axes[MOST_AXES];
    for (int code = 1; code < codes_of(shape->ndim); code++) {
        if (!axes_of(code, shape->ndim, axes) || !fits_permuted(s, shape, axes, scale, &misfit)) continue;
        say_axes(s, shape, axes, misfit);
        return true;
    }
    return false;
}

/* Of theirs as it is; of theirs with one dimension taken apart, as a row into heads. */
static void guess_axes(tgi_suspect *s)
{
    const tg_shape *whole = &s->theirs.shape;
    const double scale = tgi_reals_largest(s->theirs);
    if (s->ours.count != s->theirs.count || !(scale > 0) || whole->ndim < 1 || whole->ndim > 4) return;
    if (guess_orders(s, whole, scale) || whole->ndim == 1 || whole->ndim == MOST_AXES) return;
    for (int d = 0; d < whole->ndim; d++)
        for (int64_t part = 2; part < whole->dims[d] && part <= MOST_PARTS; part++) {
            if (whole->dims[d] % part) continue;
            tg_shape apart = { .ndim = whole->ndim + 1 };
            for (int k = 0; k < apart.ndim; k++)
                apart.dims[k] = k == d ? part : k == d + 1 ? whole->dims[d] / part : whole->dims[k > d ? k - 1 : k];
            if (guess_orders(s, &apart, scale)) return;
        }
}

static void guess_reshaped(tgi_suspect *s)
{
    double misfit;
    if (s->ours.count != s->theirs.count || tg_shape_equal(&s->ours.shape, &s->theirs.shape)) return;
    if (tgi_fits(s, s->ours.at, s->theirs.at, s->ours.count, &misfit))
        tgi_guess_add(s, 19, misfit,
                      "another shape: the elements are the same, in the same order (a view, a missing or "
                      "additional dimension)");
}

/* ---- along one dimension: the tensor seen as [outer, size, inner] ---- */

typedef struct along {
    int dim;
    int64_t outer, size, inner;
} along;

static along along_dim(const tg_shape *shape, int dim)
{
    along a = { dim, 1, shape->dims[dim], 1 };
    for (int d = 0; d < dim; d++) a.outer *= shape->dims[d];
    for (int d = dim + 1; d < shape->ndim; d++) a.inner *= shape->dims[d];
    return a;
}

/* Copies `count` slices from `from` on, those of all outer indices. */
static void slices(const double *v, const along *a, int64_t from, int64_t count, double *to)
{
    for (int64_t o = 0; o < a->outer; o++)
        memcpy(to + o * count * a->inner, v + (o * a->size + from) * a->inner,
               (size_t)(count * a->inner) * sizeof(double));
}

/* Whether `count` slices of ours are those of theirs; `x` and `y` are memory for them. */
static bool slices_fit(const tgi_suspect *s, const along *a, int64_t ours, int64_t theirs, int64_t count, double *x,
                       double *y, double *misfit)
{
    slices(s->ours.at, a, ours, count, x);
    slices(s->theirs.at, a, theirs, count, y);
    return tgi_fits(s, x, y, a->outer * count * a->inner, misfit);
}

static const char *meaning(const tgi_suspect *s, const along *a)
{
    if (s->theirs.shape.ndim != 3 || a->dim > 1) return "";
    return ", time perhaps";
}

static bool guess_shift(tgi_suspect *s, const along *a, double *x, double *y)
{
    double misfit, same;
    for (int64_t k = 1; k <= MOST_SHIFT && a->size - k >= 2; k++) {
        const int64_t count = a->size - k;
        for (int late = 0; late < 2; late++) {
            if (!slices_fit(s, a, late ? k : 0, late ? 0 : k, count, x, y, &misfit)) continue;
            slices(s->theirs.at, a, late ? k : 0, count, x); /* a tensor that is the same at every step tells nothing */
            if (tgi_fits(s, x, y, a->outer * count * a->inner, &same)) continue;
            tgi_guess_add(s, 21, misfit,
                          "shifted: ours is theirs %lld place%s %s along dimension %d%s: a step too %s, or "
                          "padding on the other side",
                          (long long)k, k > 1 ? "s" : "", late ? "later" : "earlier", a->dim, meaning(s, a),
                          late ? "late" : "early");
            return true;
        }
    }
    return false;
}

static bool guess_reversed(tgi_suspect *s, const along *a, double *x)
{
    double misfit;
    for (int64_t o = 0; o < a->outer; o++)
        for (int64_t i = 0; i < a->size; i++)
            memcpy(x + (o * a->size + i) * a->inner, s->theirs.at + (o * a->size + a->size - 1 - i) * a->inner,
                   (size_t)a->inner * sizeof(double));
    if (!tgi_fits(s, s->ours.at, x, s->ours.count, &misfit)) return false;
    tgi_guess_add(s, 20, misfit, "reversed along dimension %d%s", a->dim, meaning(s, a));
    return true;
}

/* What the blocks of a recurrent weight are called, in PyTorch's order. */
static const char *letters_of(const tgi_suspect *s, int blocks)
{
    const char *name = s->what->name;
    const bool gates = strstr(name, "_ih") || strstr(name, "_hh") ||
                       (s->what->module >= 0 && strstr(s->run->modules[s->what->module].settings, "LSTM"));
    if (blocks == 4 && gates) return "ifgo";
    if (blocks == 3 && gates) return "rzn";
    if (blocks == 3 && strstr(name, "in_proj")) return "qkv";
    return "0123";
}

static bool guess_blocks(tgi_suspect *s, const along *a, double *x, double *y)
{
    for (int blocks = 2; blocks <= MOST_BLOCKS; blocks++) {
        const int64_t size = a->size / blocks;
        if (a->size % blocks || size < 1 || a->size == blocks) continue;
        char ours[2 * MOST_BLOCKS + 1] = "", theirs[2 * MOST_BLOCKS + 1] = "";
        const char *letters = letters_of(s, blocks);
        double misfit, worst = 0;
        int used = 0, moved = 0;
        for (int b = 0; b < blocks; b++) {
            int from = 0;
            while (from < blocks &&
                   ((used >> from & 1) || !slices_fit(s, a, b * size, from * size, size, x, y, &misfit)))
                from++;
            if (from == blocks) break;
            used |= 1 << from;
            moved += from != b;
            worst = misfit > worst ? misfit : worst;
            ours[2 * b] = letters[from];
            theirs[2 * b] = letters[b];
            ours[2 * b + 1] = theirs[2 * b + 1] = b + 1 < blocks ? ' ' : '\0';
        }
        if (used != (1 << blocks) - 1 || !moved) continue;
        const bool gates = *letters != '0' && *letters != 'q';
        tgi_guess_add(s, 18, worst, "%s: the %d blocks along dimension %d are %s here, %s there",
                      gates ? "the gates' order" : "blocks in another order", blocks, a->dim, ours, theirs);
        return true;
    }
    return false;
}

static void guess_rows(tgi_suspect *s, const along *a, double *x, double *y)
{
    char list[64] = "";
    size_t written = 0;
    bool used[MOST_ROWS] = { false };
    double misfit, worst = 0;
    if (a->size < 3 || a->size > MOST_ROWS) return;
    for (int64_t i = 0; i < a->size; i++) {
        int64_t from = 0;
        while (from < a->size && (used[from] || !slices_fit(s, a, i, from, 1, x, y, &misfit))) from++;
        if (from == a->size) return;
        used[from] = true;
        worst = misfit > worst ? misfit : worst;
        if (written + 16 < sizeof list)
            written +=
                (size_t)snprintf(list + written, sizeof list - written, "%s%lld", i ? ", " : "", (long long)from);
        else if (list[written - 1] != '.')
            written += (size_t)snprintf(list + written, sizeof list - written, ", ...");
    }
    tgi_guess_add(s, 30, worst, "in another order along dimension %d: %s of theirs: shuffled otherwise?", a->dim, list);
}

void tgi_guess_order(tgi_suspect *s)
{
    if (!s->ours.count) return;
    guess_reshaped(s);
    guess_axes(s);
    if (!tg_shape_equal(&s->ours.shape, &s->theirs.shape)) return;
    double *x = tgi_reals_new(s->ours.count), *y = tgi_reals_new(s->ours.count);
    for (int d = 0; x && y && d < s->ours.shape.ndim; d++) {
        const along a = along_dim(&s->ours.shape, d);
        if (guess_shift(s, &a, x, y) || guess_reversed(s, &a, x) || guess_blocks(s, &a, x, y)) continue;
        guess_rows(s, &a, x, y);
    }
}
