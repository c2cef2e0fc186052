/* check_loss_values.c: what losses come to, line by line: one that does not change, one that grows or falls without end. */
#include "check_impl.h"

#include "core/error.h"

#include <math.h>

enum { CONSTANT = 5, FIRST = 3, GROWN = 3 };
static const double grown = 1000; /* times the largest of the first ones */
static const double small = 10;   /* a critic's loss may begin near 0 and fall */

typedef struct values {
    int64_t count, same;   /* same: how many there were in a row, from the first on, that are equal */
    double first, largest; /* of the first ones */
    int grown, fallen;     /* walks in a row: a line search tries a large one now and then */
    int64_t steps;         /* of the check, when the first came */
} values;

typedef struct loss_values {
    tgi_lint_state base;
    tgi_table of; /* values by line */
} loss_values;

static void tell_constant(tgi_check *c, const values *v, const char *where)
{
    tgi_finding f;
    const bool stepped = c->steps > v->steps;
    if (!tgi_find_begin(c, &f, "constant_loss", where, NULL)) return;
    tgi_find_say(&f, "the loss has been %.9g %d times in a row, to the last bit", v->first, CONSTANT);
    if (!stepped) {
        tgi_find_row(&f, "why", "no parameter has been written since the first of these walks: nothing is learnt");
        tgi_find_row(&f, "mend",
                     "tg_step(optimizer) after tg_backward, with an optimiser that was given this model's parameters");
    } else {
        tgi_find_row(
            &f, "why",
            "parameters were written, so what the loss is computed from does not depend on them: the sum of all "
            "that softmax gives is 1, a softmax of one column is 1, a rounded, compared or clamped number has no "
            "slope, dead units have none");
        tgi_find_row(&f, "mend", "look where the gradient becomes 0: tg_tape_print(stdout) after tg_backward");
    }
    tgi_find_tell(c, &f);
}

static void tell_grown(tgi_check *c, const values *v, const char *where, double now)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "exploding_loss", where, NULL)) return;
    tgi_find_say(&f, "the loss has grown from %.6g to %.6g", v->first, now);
    tgi_find_row(&f, "mend",
                 "a learning rate of a tenth or a hundredth; tg_clip_grad_norm_ before tg_step; targets and inputs of "
                 "about the size 1");
    tgi_find_tell(c, &f);
}

static void tell_fallen(tgi_check *c, const values *v, const char *where, double now)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "exploding_loss", where, NULL)) return;
    tgi_find_say(&f, "the loss has fallen from %.6g to %.6g, and nothing holds it", v->first, now);
    tgi_find_row(&f, "why",
                 "steps make the loss smaller, and this one has no smallest value: its sign may be the wrong one (a "
                 "squared error or a cross entropy is never below 0)");
    tgi_find_row(
        &f, "mend",
        "the loss itself in place of its negative, or .maximize of the optimiser; of a critic, a bound of what "
        "it says (weights that are clamped, a penalty of its gradient)");
    tgi_find_tell(c, &f);
}

static void walk(void *state, const tg_walk *what)
{
    loss_values *l = state;
    tgi_check *c = l->base.check;
    const tg_tensor *root = what->roots.count == 1 ? what->roots.items[0] : NULL;
    if (!c->accumulates || !root || root->alive != TGI_ALIVE || root->numel != 1) return;
    l->of.size = sizeof(values);
    values *v = tgi_table_at(&l->of, tgi_key_of(what->where, NULL, false));
    if (!v) return;
    const double now = tgi_element_number(root, 0);
    if (!v->count++) {
        v->first = now;
        v->steps = c->steps;
        v->largest = fabs(now);
    }
    if (v->count <= FIRST) v->largest = fmax(v->largest, fabs(now));
    v->same = now == v->first && v->same + 1 == v->count ? v->count : v->same;
    if (v->same == CONSTANT && v->count == CONSTANT) tell_constant(c, v, what->where);
    const bool large = v->count > FIRST && isfinite(now) && now > grown * v->largest && v->largest > 0;
    v->grown = large ? v->grown + 1 : 0;
    if (v->grown == GROWN) tell_grown(c, v, what->where, now);
    const bool low = v->count > FIRST && isfinite(now) && now < -grown * fmax(v->largest, small);
    v->fallen = low ? v->fallen + 1 : 0;
    if (v->fallen == GROWN) tell_fallen(c, v, what->where, now);
}

static void ended(void *state) { tgi_table_free(&((loss_values *)state)->of); }

const tgi_lint tgi_lint_loss_values = {
    .state_size = sizeof(loss_values),
    .functions = { .walk = walk, .ended = ended },
};
