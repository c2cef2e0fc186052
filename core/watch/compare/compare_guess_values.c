/* compare_guess_values.c: what can be seen of the elements, each at its place: factors, offsets, zeros, what is not
 * finite. */
#include "compare_impl.h"

#include <math.h>
#include <string.h>

static bool is_zero(tgi_reals v)
{
    for (int64_t i = 0; i < v.count; i++)
        if (v.at[i] != 0) return false;
    return true;
}

static void guess_zeros(tgi_suspect *s)
{
    const bool first = s->what->call == 0 && s->what->module >= 0 && s->what->role == TGI_INPUT;
    if (is_zero(s->theirs))
        tgi_guess_add(s, 16, 0, "%s",
                      first
                          ? "theirs begins with zeros, ours does not: a state that was not reset, or was never written"
                          : "theirs is all zeros, ours is not: memory that was never written, or not cleared");
    else if (is_zero(s->ours) && (s->what->role == TGI_GRADIENT || s->what->role == TGI_OUTPUT_GRADIENT))
        tgi_guess_add(s, 11, 0,
                      "no gradient comes through: ours is all zeros; it is cut by a detach, by no_grad, by a "
                      "factor 0");
    else if (is_zero(s->ours))
        tgi_guess_add(s, 16, 0, "ours is all zeros, theirs is not%s",
                      s->what->role == TGI_STATE ? ": it was never loaded, or initialised otherwise" : "");
}

static void guess_not_finite(tgi_suspect *s)
{
    int64_t count = 0;
    for (int64_t i = 0; i < s->ours.count; i++) count += !isfinite(s->ours.at[i]) && isfinite(s->theirs.at[i]);
    if (count)
        tgi_guess_add(s, 12, 0,
                      "%lld elements are not finite here: memory that was never written, a logarithm or a "
                      "quotient of 0 (TAPEGRAD_CHECK=1 says where they come from)",
                      (long long)count);
}

/* ---- factors ---- */

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-4 * fabs(b); }

/* What a factor might be made of: sizes of the tensors that went into it. */
typedef struct named {
    double value;
    const char *name;
} named;

static int sizes_of(const tgi_suspect *s, named sizes[2 * TG_MAX_DIMS + 4])
{
    static const char *const dims[TG_MAX_DIMS] = { "its first size",  "its second size", "its third size",
                                                   "its fourth size", "a size",          "a size",
                                                   "a size",          "a size" };
    int count = 0;
    tgi_reals v = s->theirs;
    if (v.count <= 1 && s->recent_count) tgi_recorded_reals(&v, s->recent[0]);
    sizes[count++] = (named){ (double)v.count, "the number of elements" };
    for (int d = 0; d < v.shape.ndim; d++) {
        sizes[count++] = (named){ (double)v.shape.dims[d], d == v.shape.ndim - 1 && d ? "its last size" : dims[d] };
        if (d == 0 && v.shape.dims[0])
            sizes[count++] = (named){ (double)v.count / (double)v.shape.dims[0], "the elements of a row" };
    }
    return count;
}

/* Says what the factor is. False for one that nobody would write. */
static bool guess_named_factor(tgi_suspect *s, double k, double misfit)
{
    named sizes[2 * TG_MAX_DIMS + 4];
    const int count = sizes_of(s, sizes);
    if (is_near(k, 2) || is_near(k, 0.5)) {
        tgi_guess_add(s, 24, misfit, "ours is %s theirs: %s", k > 1 ? "twice" : "half of",
                      k > 1 ? "something is added twice, or a factor 1/2 is missing"
                            : "a summand is missing, or a factor 2");
        return true;
    }
    for (int i = 0; i < count; i++) {
        const double n = sizes[i].value;
        if (n < 3) continue;
        const bool sum = is_near(k, n), average = is_near(k, 1 / n);
        if (sum || average)
            tgi_guess_add(s, 22, misfit, "ours is theirs %s %.0f, %s: %s here, %s there", sum ? "times" : "divided by",
                          n, sizes[i].name, sum ? "a sum" : "a mean", sum ? "a mean" : "a sum");
        else if (is_near(k, sqrt(n)) || is_near(k, 1 / sqrt(n)))
            tgi_guess_add(s, 22, misfit, "ours is theirs %s sqrt(%.0f), where %.0f is %s: a factor 1/sqrt(d) is %s",
                          k > 1 ? "times" : "divided by", n, n, sizes[i].name, k > 1 ? "missing" : "too many");
        else
            continue;
        return true;
    }
    return false;
}

static void guess_factor(tgi_suspect *s)
{
    double ot = 0, tt = 0, misfit;
    for (int64_t i = 0; i < s->ours.count; i++) {
        ot += s->ours.at[i] * s->theirs.at[i];
        tt += s->theirs.at[i] * s->theirs.at[i];
    }
    const double k = ot / tt;
    double *scaled = tgi_reals_new(s->ours.count);
    if (!scaled || !isfinite(k) || k == 0 || fabs(k - 1) < 1e-3) return;
    for (int64_t i = 0; i < s->ours.count; i++) scaled[i] = k * s->theirs.at[i];
    if (!tgi_fits(s, s->ours.at, scaled, s->ours.count, &misfit)) return;
    if (is_near(k, -1))
        tgi_guess_add(s, 20, misfit, "the sign: ours is -1 times theirs");
    else if (!guess_named_factor(s, k, misfit) && s->ours.count > 2)
        tgi_guess_add(s, 26, misfit, "a factor: ours is %.6g times theirs, %.6g the other way round", k, 1 / k);
}

static void guess_offset(tgi_suspect *s)
{
    const int64_t n = s->ours.count;
    double sum = 0, misfit;
    double *moved = tgi_reals_new(n);
    if (!moved || n < 3) return;
    for (int64_t i = 0; i < n; i++) sum += s->ours.at[i] - s->theirs.at[i];
    const double offset = sum / (double)n;
    for (int64_t i = 0; i < n; i++) moved[i] = s->theirs.at[i] + offset;
    if (tgi_fits(s, s->ours.at, moved, n, &misfit))
        tgi_guess_add(s, 27, misfit, "a constant: ours is theirs %+.6g", offset);
}

/* ---- dropout ---- */

static void guess_dropout(tgi_suspect *s)
{
    int64_t ours_only = 0, theirs_only = 0, both = 0;
    double ratio = 0, misfit;
    double *a = tgi_reals_new(s->ours.count), *b = tgi_reals_new(s->ours.count);
    if (!a || !b) return;
    for (int64_t i = 0; i < s->ours.count; i++) {
        const double o = s->ours.at[i], t = s->theirs.at[i];
        ours_only += o == 0 && t != 0;
        theirs_only += o != 0 && t == 0;
        if (o == 0 || t == 0) continue;
        if (!both) ratio = o / t;
        a[both] = o;
        b[both++] = ratio * t;
    }
    if (ours_only + theirs_only == 0 || both < 2 || !tgi_fits(s, a, b, both, &misfit)) return;
    const double share = (double)(ours_only ? ours_only : theirs_only) / (double)s->ours.count;
    if (ours_only && theirs_only)
        tgi_guess_add(s, 18, misfit,
                      "dropout with other random numbers: other elements are zero here, the rest is the "
                      "same (load: takes the recorded generator)");
    else if (ours_only && ratio > 1 + 1e-6)
        tgi_guess_add(s, 14, misfit,
                      "train/eval: dropout is active here and not there: %.0f %% are zero, the rest is "
                      "%.6g times theirs, as of p = %.3g",
                      100 * share, ratio, 1 - 1 / ratio);
    else if (theirs_only && ratio < 1 - 1e-6)
        tgi_guess_add(s, 14, misfit,
                      "train/eval: dropout is active there and not here: %.0f %% are zero there, as of "
                      "p = %.3g",
                      100 * share, 1 - ratio);
    else
        tgi_guess_add(s, 24, misfit, "%.0f %% of the elements are zero %s, the rest is the same: a mask, a relu",
                      100 * share, ours_only ? "here" : "there");
}

void tgi_guess_values(tgi_suspect *s)
{
    if (!tg_shape_equal(&s->ours.shape, &s->theirs.shape) || !s->ours.count) return;
    guess_not_finite(s);
    guess_zeros(s);
    if (s->guess_count && (is_zero(s->ours) || is_zero(s->theirs))) return;
    guess_factor(s);
    guess_offset(s);
    guess_dropout(s);
}
