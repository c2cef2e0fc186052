/* check_finite.c: where the first number that is not finite comes from.
 *
 * Forward, an op is at fault that makes NaN where no input has one, or infinity of finite numbers. Those that infinity may
 * be asked of are not (TG_CHOOSES: masked_fill, where, pad), nor is the logarithm of a mask. Whatever follows only carries
 * it on. Backward, it is the first node that hands over what is not finite while all that came to it was. A loss that is
 * not finite is always told of, whatever made it. */
#include "check_finite_impl.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VISITING = 8, BAD = 64 };

typedef struct finiteness {
    tgi_lint_state base;
    /* forward: of what was recorded since the last walk */
    char fault[512];   /* what was at fault, for the loss's find; "": nothing */
    char carried[512]; /* the first input that was not finite when an op read it, and came from no fault */
    bool carried_nan;
    const void *bad[BAD]; /* storages that became so, the last of them: an op in place has overwritten its input */
    int bad_at;
    /* backward */
    const tg_node *visiting;
    tg_tensor *grads[VISITING];
    bool spoilt; /* the walk carries what is not finite: whatever follows only carries it on */
} finiteness;

/* ---- what an op was given ---- */

static void add(tgi_scan *sum, const tg_tensor *t)
{
    if (!t || tgi_all_finite(t)) return;
    const tgi_scan scan = tgi_scan_of(t);
    sum->nans += scan.nans;
    sum->infs += scan.infs;
}

static bool is_known_bad(const finiteness *f, const tg_tensor *t)
{
    for (int i = 0; i < BAD; i++)
        if (f->bad[i] == t->storage) return true;
    return false;
}

/* Of an op in place the first input is its output, already written. */
static bool is_overwritten(const tg_computed *what, int64_t input)
{
    return input == 0 && what->op->in_place_of && what->outputs.count &&
           what->inputs.items[0] == what->outputs.items[0];
}

/* The logarithm of zeros and ones that no gradient goes to is a mask. */
static bool is_mask(const tg_computed *what)
{
    const tg_tensor *t = what->inputs.count == 1 ? what->inputs.items[0] : NULL;
    if (!t || what->node || tgi_tracked(t)) return false;
    for (int64_t i = 0; i < t->numel; i++) {
        const double value = tgi_element_number(t, i);
        if (value != 0 && value != 1) return false;
    }
    return true;
}

/* What there was in the inputs before the op; of one that was overwritten without having been seen, false. */
static bool look_at_inputs(const finiteness *f, const tg_computed *what, tgi_scan *in)
{
    bool known = true;
    for (int64_t i = 0; i < what->inputs.count; i++) {
        const tg_tensor *t = what->inputs.items[i];
        if (t && !is_overwritten(what, i))
            add(in, t);
        else if (t && is_known_bad(f, t))
            in->nans++;
        else if (t)
            known = false;
    }
    return known;
}

/* Whether it was this op that made what is not finite in its output. */
static bool is_at_fault(const finiteness *f, const tg_computed *what, const tg_tensor *output)
{
    tgi_scan in = { .nans = 0 }, out = { .nans = 0 };
    add(&out, output);
    if (tgi_op_is(what->op, TG_CHOOSES) || (!out.nans && is_mask(what))) return false;
    const bool known = look_at_inputs(f, what, &in);
    if (in.nans) return false;
    if (in.infs) return out.nans && !f->fault[0];
    return out.nans || known || tgi_plain_op(what->op)->not_finite;
}

/* ---- forward ---- */

static void remember_fault(finiteness *f, const char *kind, const char *op, const char *where)
{
    f->base.check->faults++;
    if (!f->fault[0]) snprintf(f->fault, sizeof f->fault, "%s %s at %s", kind, op, tgi_line(where));
}

static void stop(const finiteness *f, const char *where, const char *op, const char *headline)
{
    if (f->base.check->options.stop)
        tg_fail_at(where, TG_ERROR_VALUE, op, "%s (TAPEGRAD_CHECK=stop, or .stop of tg_check_begin)", headline);
}

static void tell_fault(finiteness *f, const tg_computed *what, const tg_tensor *output)
{
    tgi_finding finding;
    const char *where = tgi_where();
    const tg_place *place = tg_place_now();
    remember_fault(f, "by", what->op->name, where);
    if (!tgi_find_begin(f->base.check, &finding, "not_finite", where, place)) return;
    tgi_explain_fault(&finding, what, output);
    tgi_find_tell(f->base.check, &finding);
    stop(f, where, what->op->name, finding.headline);
}

/* Where an input came from that no op was seen to spoil, NaN rather than infinity, which may be a mask; of NaN that was
 * chosen, which op put it there. */
static void remember_carried(finiteness *f, const tg_computed *what, const tg_tensor *output)
{
    bool input = false;
    for (int64_t i = 0; i < what->inputs.count && !f->carried_nan; i++) {
        const tg_tensor *t = what->inputs.items[i];
        if (!t || is_overwritten(what, i) || tgi_all_finite(t)) continue;
        input = true;
        if (!f->carried[0] || tgi_scan_of(t).nans)
            f->carried_nan = tgi_describe_source(f->carried, sizeof f->carried, t, what->op->name, tgi_where());
    }
    if (f->carried_nan || input || !tgi_scan_of(output).nans) return;
    f->carried_nan = true;
    snprintf(f->carried, sizeof f->carried, "%s, which put it there at %s", what->op->name, tgi_line(tgi_where()));
}

static void computed(void *state, const tg_computed *what)
{
    finiteness *f = state;
    for (int64_t i = 0; i < what->outputs.count; i++) {
        const tg_tensor *output = what->outputs.items[i];
        if (!output || output->is_view || tgi_all_finite(output)) continue;
        if (is_at_fault(f, what, output))
            tell_fault(f, what, output);
        else if (!f->fault[0])
            remember_carried(f, what, output);
        f->bad[f->bad_at++ % BAD] = output->storage;
    }
}

/* ---- the loss ---- */

static void walk(void *state, const tg_walk *what)
{
    finiteness *f = state;
    f->spoilt = false;
    f->visiting = NULL;
    for (int64_t i = 0; i < what->roots.count; i++) {
        const tg_tensor *root = what->roots.items[i];
        tgi_finding finding;
        if (!root || root->alive != TGI_ALIVE || tgi_all_finite(root)) continue;
        f->spoilt = true;
        f->base.check->faults++;
        if (!tgi_find_begin(f->base.check, &finding, "loss_not_finite", what->where, NULL)) continue;
        const tgi_scan scan = tgi_scan_of(root);
        tgi_find_say(&finding, "%s starts from a loss that is %s", what->function, scan.nans ? "NaN" : "infinite");
        if (f->fault[0])
            tgi_find_row(&finding, "made", "%s: see above", f->fault);
        else if (f->carried[0])
            tgi_find_row(&finding, "from", "%s", f->carried);
        else
            tgi_find_row(&finding, "from", "what was computed before the check began, or outside of tapegrad");
        tgi_find_row(&finding, "mend",
                     "leave this step out (no tg_step with such gradients: they make every weight NaN), and mend "
                     "what made it");
        tgi_find_tell(f->base.check, &finding);
        stop(f, what->where, what->function, finding.headline);
    }
}

/* ---- backward ---- */

static void visit(void *state, const tg_node *node, tg_tensor *const *grads)
{
    finiteness *f = state;
    f->visiting = node;
    for (int i = 0; i < VISITING; i++) f->grads[i] = i < node->output_count ? grads[i] : NULL;
}

static bool sums_finite(const finiteness *f)
{
    for (int i = 0; i < VISITING; i++)
        if (f->grads[i] && !tgi_all_finite(f->grads[i])) return false;
    return true;
}

static void edge(void *state, const tg_contribution *what)
{
    finiteness *f = state;
    if (f->spoilt || tgi_all_finite(what->grad)) return;
    f->spoilt = true;
    tgi_finding finding;
    const tg_node *node = what->from;
    const char *where = node ? node->where : f->base.check->walk.where;
    remember_fault(f, "in the backward of", node ? node->op->name : "nothing", where);
    if (!tgi_find_begin(f->base.check, &finding, "gradient_not_finite", where, tg_node_place(node))) return;
    if (!node) {
        tgi_find_say(&finding, "the gradient that %s starts from is not finite", f->base.check->walk.function);
        tgi_find_row_of(&finding, "gradient", what->grad);
    } else if (node == f->visiting && !sums_finite(f)) {
        tgi_find_say(&finding, "the gradients of the result of %s are finite one by one, but not their sum",
                     node->op->name);
        tgi_find_row(&finding, "mend",
                     "gradients as large as this do not fit: make the loss, or the steps between, smaller");
    } else {
        tgi_explain_gradient(&finding, what, f->grads, f->base.check->walk.where);
    }
    tgi_find_tell(f->base.check, &finding);
    stop(f, where, node ? node->op->name : "backward", finding.headline);
}

static void walked(void *state, tg_status status)
{
    finiteness *f = state;
    (void)status;
    f->visiting = NULL;
    memset(f->grads, 0, sizeof f->grads);
    f->fault[0] = f->carried[0] = '\0';
    f->carried_nan = false;
}

static void finished(void *state)
{
    finiteness *f = state;
    tgi_finding finding;
    if (!f->carried[0] || !f->carried_nan || f->base.check->faults ||
        !tgi_find_begin(f->base.check, &finding, "data_not_finite", NULL, NULL))
        return;
    tgi_find_say(&finding, "results are not finite, because what they are computed from is not");
    tgi_find_row(&finding, "from", "%s", f->carried);
    tgi_find_tell(f->base.check, &finding);
}

const tgi_lint tgi_lint_finite = {
    .state_size = sizeof(finiteness),
    .functions = { .computed = computed, .walk = walk, .visit = visit, .edge = edge, .walked = walked },
    .finished = finished,
};
