/* compare_tensor.c: whether two tensors differ, where, and by how much. */
#include "compare_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <math.h>

double *tgi_reals_new(int64_t count) { return tgi_scope_alloc((size_t)(count > 0 ? count : 1) * sizeof(double)); }

bool tgi_reals_of(tgi_reals *values, const tg_tensor *t)
{
    double *numbers = tgi_reals_new(t->numel);
    if (!numbers || tg_to_array(t, numbers, t->numel) != TG_OK) return false;
    *values = (tgi_reals){ numbers, t->numel, tgi_shape(t) };
    return true;
}

double tgi_reals_largest(tgi_reals values)
{
    double largest = 0;
    for (int64_t i = 0; i < values.count; i++) {
        const double size = fabs(values.at[i]);
        if (size > largest && isfinite(size)) largest = size;
    }
    return largest;
}

/* The same, infinities and NaNs included. */
static bool is_same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static double units_between(double a, double b, bool float64)
{
    int exponent;
    frexp(b == 0 ? a : b, &exponent);
    return fabs(a - b) / ldexp(1, exponent - (float64 ? 53 : 24));
}

/* `floor`: differences up to here count as none. */
tgi_difference tgi_differ(tgi_reals ours, tgi_reals theirs, double floor, double tolerance, bool float64)
{
    tgi_difference d = { .same_shape = tg_shape_equal(&ours.shape, &theirs.shape), .finite = true };
    if (!d.same_shape) return d;
    const double largest = tgi_reals_largest(theirs), ours_largest = tgi_reals_largest(ours);
    const double scale = largest > 0 ? largest : ours_largest > 0 ? ours_largest : 1;
    const double allowed = fmax(tolerance * scale, floor);
    for (int64_t i = 0; i < ours.count; i++) {
        if (is_same(ours.at[i], theirs.at[i])) continue;
        const double difference = fabs(ours.at[i] - theirs.at[i]);
        if (!isfinite(difference)) {
            d.differing++;
            if (d.finite) d.at = i;
            d.finite = false;
        } else if (difference > d.largest) {
            d.largest = difference;
            if (d.finite) d.at = i;
        }
        d.differing += difference > allowed;
    }
    if (ours.count) {
        d.ours = ours.at[d.at];
        d.theirs = theirs.at[d.at];
    }
    d.relative = d.finite ? (d.largest > floor ? d.largest / scale : 0) : INFINITY;
    d.ulps = d.finite ? units_between(d.ours, d.theirs, float64) : INFINITY;
    return d;
}
