/* compare_one.c: one of the program's tensors compared with the recorded one.
 *
 * Two programs that compute the same differ by rounding, and that grows as it goes through modules. So a tensor agrees
 * when it differs by no more than the tolerance, or by no more than some times what went into it; but never by more
 * than MOST_GROWN tolerances. The first one that differs by more is told. What comes after it differs because of it: it
 * is counted, and no word is said of it. Parameters do not depend on each other, so each of those is told. */
#include "compare_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GROWS = 16, MOST_GROWN = 100, MOST_STATE = 6 };

static bool is_float64(const tg_tensor *t) { return t->dtype != TG_FLOAT32; }

static double tolerance_of(const tgi_compare *c, bool float64)
{
    return c->options.tolerance > 0 ? c->options.tolerance : float64 ? 1e-11 : 1e-5;
}

static bool is_gradient(tgi_role role) { return role == TGI_GRADIENT || role == TGI_OUTPUT_GRADIENT; }

/* What is nothing but rounding: of a gradient, as of a bias before a batch norm, compared with the largest of all. */
static double floor_of(const tgi_compare *c, const tgi_recorded *r, bool float64)
{
    const double unit = float64 ? ldexp(1, -52) : ldexp(1, -23);
    if (is_gradient(r->role)) return 64 * unit * c->run.largest[r->role];
    if (r->role != TGI_OUTPUT || !c->call_count) return 0;
    return 8 * unit * c->calls[c->call_count - 1].largest;
}

/* How far what it was made of differs. */
static double drift_of(const tgi_compare *c, const tgi_recorded *r)
{
    if (r->role == TGI_STATE) return 0;
    return r->role == TGI_OUTPUT && c->call_count ? c->calls[c->call_count - 1].drift : c->drift;
}

static bool agrees(const tgi_compare *c, const tgi_difference *d, double drift, double tolerance)
{
    if (!d->same_shape || !d->finite) return false;
    (void)c;
    return d->relative <= fmax(tolerance, fmin(GROWS * drift, MOST_GROWN * tolerance));
}

static void note_agreement(tgi_compare *c, const tgi_recorded *r, const tgi_difference *d, tgi_reals theirs)
{
    c->agreed++;
    if (d->relative > c->drift) {
        c->drift = d->relative;
        c->drifted = r;
    }
    if (r->role == TGI_STATE || r->role == TGI_STATE_AFTER) return;
    if (r->role == TGI_INPUT && c->call_count) {
        tgi_open_call *call = &c->calls[c->call_count - 1];
        call->drift = fmax(call->drift, d->relative);
        call->largest = fmax(call->largest, tgi_reals_largest(theirs));
    }
    if (!c->found) {
        c->recent[c->recent_count++ % TGI_RECENT] = r;
        c->op_count = 0;
    }
}

/* The tensors that it may be made of, the likeliest first. */
static int gather(const tgi_compare *c, const tgi_recorded *r, const tgi_recorded *recent[2 * TGI_RECENT])
{
    int count = 0;
    for (int i = 0; r->role == TGI_OUTPUT && i < TGI_RECENT; i++) {
        const tgi_recorded *input = tgi_run_find_call(&c->run, TGI_INPUT, r->module, r->call, i);
        if (input) recent[count++] = input;
    }
    for (int64_t i = c->recent_count - 1; i >= 0 && i >= c->recent_count - TGI_RECENT; i--) {
        const tgi_recorded *known = c->recent[i % TGI_RECENT];
        bool there = false;
        for (int k = 0; k < count; k++) there |= recent[k] == known;
        if (!there) recent[count++] = known;
    }
    return count;
}

static const char *name_here(const tgi_compare *c, const tgi_recorded *r)
{
    for (int64_t i = 0; r->module < 0 && i < c->names.count; i++) {
        const tgi_parameter *p = &c->names.items[i];
        if (p->there && strcmp(p->there, r->name) == 0 && strcmp(p->name, r->name) != 0) return p->name;
    }
    return NULL;
}

static void remember_first(tgi_compare *c, const tgi_suspect *s)
{
    if (c->found) return;
    c->found = true;
    tgi_recorded_text(&c->run, s->what, c->first);
    size_t used = 0;
    for (int i = 0; i < s->guess_count && i < 3; i++)
        used +=
            (size_t)snprintf(c->mistake + used, sizeof c->mistake - used, "%s%s", i ? "\n" : "", s->guesses[i].text);
}

/* Whether anything is to be said of it. */
static bool is_told(tgi_compare *c, const tgi_recorded *r)
{
    if (r->role != TGI_STATE) return !c->found;
    return c->state_findings++ < MOST_STATE;
}

static void tell(tgi_compare *c, tgi_mismatch *f, tgi_suspect *s)
{
    const int64_t from = c->page.length;
    f->suspect = s;
    f->here = name_here(c, s->what);
    f->agreed = c->agreed;
    f->drift = c->drift;
    f->op_count = s->what->role == TGI_STATE || is_gradient(s->what->role) ? 0 : c->op_count;
    for (int64_t i = 0; i < TGI_OPS_SINCE && i < c->op_count; i++)
        f->ops[i] = c->ops[(c->op_count > TGI_OPS_SINCE ? c->op_count + i : i) % TGI_OPS_SINCE];
    if (s->what->role == TGI_STATE && !s->guess_count) c->state_unexplained++;
    tgi_report_mismatch(&c->page, f);
    remember_first(c, s);
    if (s->what->role != TGI_STATE) tgi_compare_say(c, from);
}

bool tgi_compare_one(tgi_compare *c, tgi_recorded *theirs, const tg_tensor *ours, const char *where)
{
    if (theirs->compared) return true;
    theirs->compared = true;
    c->compared++;
    const tg_scope scope = tg_scope_begin();
    const bool float64 = is_float64(ours) && is_float64(theirs->tensor);
    const double tolerance = tolerance_of(c, float64), drift = drift_of(c, theirs);
    tgi_suspect s = { .run = &c->run, .what = theirs, .fit = 4 * fmax(tolerance, GROWS * drift) };
    if (tgi_reals_of(&s.ours, ours) && tgi_reals_of(&s.theirs, theirs->tensor)) {
        const tgi_difference d = tgi_differ(s.ours, s.theirs, floor_of(c, theirs, float64), tolerance, float64);
        if (agrees(c, &d, drift, tolerance)) {
            note_agreement(c, theirs, &d, s.theirs);
        } else if (is_told(c, theirs)) {
            const tgi_recorded *recent[2 * TGI_RECENT];
            s.recent = recent;
            s.recent_count = gather(c, theirs, recent);
            tgi_guess_all(&s);
            tgi_mismatch f = { .difference = d,
                               .dtype = (tg_dtype)ours->dtype,
                               .where = where,
                               .grown = drift > tolerance };
            tell(c, &f, &s);
        }
    }
    tg_scope_end(scope);
    return tg_ok();
}

bool tgi_compare_none(tgi_compare *c, tgi_recorded *theirs)
{
    if (theirs->compared) return true;
    theirs->compared = true;
    const tg_scope scope = tg_scope_begin();
    tgi_suspect s = { .run = &c->run, .what = theirs };
    if (tgi_reals_of(&s.theirs, theirs->tensor)) {
        if (tgi_reals_largest(s.theirs) <= floor_of(c, theirs, is_float64(theirs->tensor))) {
            c->compared++; /* a gradient of zeros there, none here */
            c->agreed++;
        } else {
            c->compared++;
            if (is_told(c, theirs)) {
                tgi_guess_add(&s, 0, 0,
                              "no gradient arrives here: it is cut by a detach, by no_grad, by a tensor that does not "
                              "require grad, or the loss does not depend on it");
                tgi_mismatch f = { .none = true };
                tell(c, &f, &s);
            }
        }
    }
    tg_scope_end(scope);
    return tg_ok();
}
