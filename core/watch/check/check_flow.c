/* check_flow.c: gradients that vanish or explode: of a parameter from walk to walk, and of one that is read again and again,
 * as over the steps of a sequence, from its last use back to its first. */
#include "check_impl.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>

enum { USES = 8, WALKS = 3, ZERO_WALKS = 5, WARM = 5 };
static const double vanished = 1e-7, exploded = 1e4, grown = 1000, small = 10;

/* A leaf's gradient, use by use; the walk meets the last one first. */
typedef struct flow_of {
    int64_t walk, uses; /* in the walk of this number */
    double first, now;  /* norms of the last use's contribution, which comes first, and of the newest */
    double largest;
    int64_t gone_at;   /* how many uses back they are below `vanished` times the largest; -1: they are not */
    double gone;       /* the norm there */
    int64_t step;      /* the label's step at the newest that is not; -1: none */
    const char *where; /* of the node that reads it */
    int gone_walks, grown_walks, zero_walks;
} flow_of;

/* Of walks from one line to the same leaves: another model's gradients are of another size. */
typedef struct norm_of {
    double usual; /* averaged over walks by its logarithm */
    int64_t walks;
} norm_of;

typedef struct flow {
    tgi_lint_state base;
    tgi_table of;                /* flow_of by leaf */
    tgi_table norms;             /* norm_of by line and leaves */
    double squares;              /* of all gradients of this walk */
    uint64_t leaf_key;           /* of all leaves that it has met, in any order */
    int64_t leaves, zero_leaves; /* that this walk brought a gradient, and one of zeros */
    bool at_zero;                /* the loss is 0: no wonder */
    int still_walks;             /* in a row whose gradients were all 0 */
    const tg_op *stopped;        /* whose contribution is the first of this walk that is 0, */
    const char *stopped_at;      /* and its line; looked for in the second such walk and later */
} flow;

static flow_of *flow_at(flow *f, const tg_tensor *leaf)
{
    f->of.size = sizeof(flow_of);
    return tgi_table_at(&f->of, (uint64_t)(uintptr_t)leaf);
}

/* ---- where a walk's gradient ends ---- */

static void walk(void *state, const tg_walk *what)
{
    flow *f = state;
    const tg_tensor *root = what->roots.count == 1 ? what->roots.items[0] : NULL;
    const bool one = root && root->alive == TGI_ALIVE && root->numel == 1;
    f->at_zero = one && tgi_element_number(root, 0) == 0;
    f->squares = 0;
    f->leaf_key = 0;
    f->leaves = f->zero_leaves = 0;
    f->stopped = NULL;
}

static void note_stop(flow *f, const tg_contribution *what)
{
    double zeros;
    if (!f->still_walks || f->stopped || !what->from) return;
    tgi_norm_of(what->grad, &zeros);
    if (zeros < 1 || !what->grad->numel) return;
    f->stopped = what->from->op;
    f->stopped_at = what->from->where;
}

/* ---- from use to use ---- */

static void edge(void *state, const tg_contribution *what)
{
    flow *f = state;
    note_stop(f, what);
    if (!what->leaf || !what->from || !f->base.check->accumulates) return;
    flow_of *of = flow_at(f, what->leaf);
    if (!of) return;
    if (of->walk != f->base.check->walks) {
        of->walk = f->base.check->walks;
        of->uses = 0;
        of->largest = 0;
        of->gone_at = of->step = -1;
    }
    double zeros;
    of->now = tgi_norm_of(what->grad, &zeros);
    of->where = what->from->where;
    if (!of->uses++) of->first = of->now;
    of->largest = fmax(of->largest, of->now);
    if (of->now > vanished * of->largest || of->largest <= 0) {
        of->gone_at = -1;
        of->step = tgi_step_of(tg_node_place(what->from));
    } else if (of->gone_at < 0) {
        of->gone_at = of->uses;
        of->gone = of->now;
    }
}

static const char *name_of(const tgi_watched *w, char text[TGI_NAMED_TEXT])
{
    return w->name[0] ? w->name : tgi_named(w->leaf, text);
}

static void tell_gone(tgi_check *c, const flow_of *of, const tgi_watched *w)
{
    tgi_finding f;
    char text[TGI_NAMED_TEXT], step[64] = "";
    if (!tgi_find_begin(c, &f, "vanishing", of->where, NULL)) return;
    if (of->step >= 0) snprintf(step, sizeof step, ", from step %lld on,", (long long)of->step);
    tgi_find_say(&f, "of the %lld uses of %s only the last %lld%s matter to its gradient", (long long)of->uses,
                 name_of(w, text), (long long)of->gone_at - 1, step);
    tgi_find_row(
        &f, "seen",
        "what the use before those contributes has the norm %.3g, the largest of all %.3g; so in %d steps in a "
        "row, and none of the uses still earlier contributes more than %.0e of the largest",
        of->gone, of->largest, WALKS, vanished);
    tgi_find_row(&f, "so", "what happened earlier in the sequence is not learnt from");
    tgi_find_row(
        &f, "mend",
        "an LSTM or GRU in place of a plain RNN, its forget bias at 1; tg_init_orthogonal_ for the recurrent weight; a "
        "loss at every step; shorter pieces");
    tgi_find_tell(c, &f);
}

static void tell_grown(tgi_check *c, const flow_of *of, const tgi_watched *w)
{
    tgi_finding f;
    char text[TGI_NAMED_TEXT];
    if (!tgi_find_begin(c, &f, "exploding", of->where, NULL)) return;
    tgi_find_say(&f,
                 "the gradient of %s grows from use to use: from %.3g at the last of %lld uses to %.3g at the first",
                 name_of(w, text), of->first, (long long)of->uses, of->now);
    tgi_find_row(&f, "mend",
                 "tg_clip_grad_norm_ before tg_step; tg_init_orthogonal_ for the recurrent weight; shorter pieces");
    tgi_find_tell(c, &f);
}

/* ---- from walk to walk ---- */

static void tell_zero(tgi_check *c, const tgi_watched *w)
{
    tgi_finding f;
    char text[TGI_NAMED_TEXT];
    if (!tgi_find_begin(c, &f, "zero_gradient", w->leaf->where, NULL)) return;
    tgi_find_say(&f, "the gradient of %s has been 0 in %d steps in a row, while others were not", name_of(w, text),
                 ZERO_WALKS);
    tgi_find_row(
        &f, "why",
        "units behind it that are dead or at their ends, weights behind it that are 0, a function without slope; or a "
        "loss that is a difference of two results of it, such as a last bias's in tg_margin_ranking_loss, which is "
        "harmless");
    tgi_find_row(&f, "mend", "tg_tape_print(stdout) after tg_backward shows where it becomes 0");
    tgi_find_tell(c, &f);
}

static void tell_still(tgi_check *c, const flow *f)
{
    tgi_finding finding;
    if (!tgi_find_begin(c, &finding, "zero_gradient", c->walk.where, NULL)) return;
    tgi_find_say(&finding, "all gradients have been 0 in %d steps in a row, and the loss is not: nothing is learnt",
                 ZERO_WALKS);
    if (f->stopped)
        tgi_find_row(&finding, "seen", "the first that is 0 is what %s at %s hands on", f->stopped->name,
                     tgi_line(f->stopped_at));
    tgi_find_row(
        &finding, "why",
        "a function without slope there: a last relu that is 0 for all samples, a clamp or a sigmoid far beyond "
        "its end, a rounded or compared number; or a factor of 0. (At a minimum that is met exactly, too)");
    tgi_find_row(&finding, "mend",
                 "no relu behind the last layer; inputs, targets and first weights of about the size 1; a smaller "
                 "learning rate, if it has learnt before");
    tgi_find_tell(c, &finding);
}

static void leaf_ready(void *state, tg_tensor *leaf, tg_tensor *grad)
{
    flow *f = state;
    const tgi_watched *w = tgi_watched_of(f->base.check, leaf);
    if (!f->base.check->accumulates || !w) return;
    flow_of *of = flow_at(f, leaf);
    if (!of) return;
    /* (A first state of zeros alone makes the first use's contribution 0.) */
    double zeros;
    const double norm = tgi_norm_of(grad, &zeros);
    f->squares += norm * norm;
    f->leaf_key += (uint64_t)(uintptr_t)leaf * 0x9e3779b97f4a7c15u;
    f->leaves++;
    f->zero_leaves += zeros == 1 || !grad->numel;
    of->zero_walks = zeros == 1 && grad->numel ? of->zero_walks + 1 : 0;
    const bool many = of->walk == f->base.check->walks && of->uses >= USES;
    of->gone_walks = many && of->gone_at >= 0 && of->gone_at < of->uses ? of->gone_walks + 1 : 0;
    of->grown_walks = many && of->now > exploded * of->first && of->now > small ? of->grown_walks + 1 : 0;
    if (of->gone_walks == WALKS) tell_gone(f->base.check, of, w);
    if (of->grown_walks == WALKS) tell_grown(f->base.check, of, w);
}

static void check_norm(flow *f, double norm)
{
    const char *line = f->base.check->walk.where;
    tgi_finding finding;
    if (norm <= 0 || !isfinite(norm)) return;
    f->norms.size = sizeof(norm_of);
    norm_of *of = tgi_table_at(&f->norms, tgi_key_of(line, NULL, false) ^ f->leaf_key);
    if (!of) return;
    if (of->walks++ >= WARM && norm > grown * exp(of->usual) && norm > small &&
        tgi_find_begin(f->base.check, &finding, "exploding", line, NULL)) {
        tgi_find_say(&finding, "the norm of all gradients is %.3g, where it has been about %.3g", norm, exp(of->usual));
        tgi_find_row(&finding, "mend",
                     "tg_clip_grad_norm_ before tg_step; a smaller learning rate; look at the batch, one sample may be "
                     "out of all proportion");
        tgi_find_tell(f->base.check, &finding);
    }
    of->usual += (log(norm) - of->usual) / (double)(of->walks < 10 ? of->walks : 10);
}

static void walked(void *state, tg_status status)
{
    flow *f = state;
    tgi_check *c = f->base.check;
    const double norm = sqrt(f->squares);
    if (status != TG_OK || !c->accumulates || tg_failed()) return;
    check_norm(f, norm);
    f->still_walks = f->leaves && f->zero_leaves == f->leaves && !f->at_zero ? f->still_walks + 1 : 0;
    if (f->still_walks == ZERO_WALKS) tell_still(c, f);
    for (int64_t i = 0; f->zero_leaves < f->leaves && i < c->leaves.count; i++) {
        const tgi_watched *w = c->leaves.items[i];
        const flow_of *of = tgi_table_find(&f->of, (uint64_t)(uintptr_t)w->leaf);
        if (of && w->walked == c->walks && of->zero_walks == ZERO_WALKS) tell_zero(c, w);
    }
}

static void ended(void *state)
{
    flow *f = state;
    tgi_table_free(&f->of);
    tgi_table_free(&f->norms);
}

const tgi_lint tgi_lint_flow = {
    .state_size = sizeof(flow),
    .functions = { .walk = walk, .edge = edge, .leaf_ready = leaf_ready, .walked = walked, .ended = ended },
};
