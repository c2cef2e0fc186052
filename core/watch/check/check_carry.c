/* check_carry.c: a state that a step takes over from the one before without tg_detach.
 *
 * It is met in four ways: its scope has ended, and the first op that reads it fails; its nodes are spent, and the walk
 * fails ("a second time"); or the graph is retained, and a walk fails since a step has written what was saved, or each walk
 * goes over all steps again. The errors say what failed;
 * here is said which tensor it was, and where it was made. */
#include "check_impl.h"

#include "core/error.h"

#include <string.h>

enum { LONGER = 6, CARRIED = 4 };

typedef struct carry {
    tgi_lint_state base;
    int64_t visited;     /* nodes, in this walk, */
    int64_t old;         /* and those of them that were recorded before the former walk ended */
    const tg_node *last; /* the last one that the walk came to */
    int64_t former_old, longer;
} carry;

/* ---- scopes that have ended ---- */

static void tell_severed(tgi_check *c, const tg_op *op, const tg_tensor *t)
{
    tgi_finding f;
    char name[TGI_NAMED_TEXT];
    if (!tgi_find_begin(c, &f, "carried_state", t->where, NULL)) return;
    tgi_find_say(&f, "%s, made here, outlives the scope that recorded it, and %s at %s reads it", tgi_named(t, name),
                 op->name, tgi_line(tgi_where()));
    tgi_find_row(&f, "why", "how it was computed went with the scope, so no gradient can flow back to there");
    tgi_find_row(
        &f, "mend",
        "h = tg_keep(tg_detach(h)) where it is handed on: its value goes on, its history ends. To learn across steps, let "
        "both lie in one scope, and call tg_backward once for them");
    tgi_find_tell(c, &f);
}

static void began(void *state, const tg_op *op, tg_tensor_list inputs)
{
    if (tgi_self.grad_disabled || !op->backward) return;
    for (int64_t i = 0; i < inputs.count; i++) {
        const tg_tensor *t = inputs.items[i];
        if (t->origin.serial && !tgi_node_of(t)) tell_severed(((carry *)state)->base.check, op, t);
    }
}

/* ---- walks that come to what an earlier walk has passed ---- */

static void walk(void *state, const tg_walk *what)
{
    carry *s = state;
    (void)what;
    s->visited = s->old = 0;
    s->last = NULL;
}

static void visit(void *state, const tg_node *node, tg_tensor *const *grads)
{
    carry *s = state;
    (void)grads;
    s->visited++;
    s->old += node->serial < s->base.check->before_walk;
    s->last = node;
}

/* Tells the tensors that nodes recorded since the former walk read of before. False: there are none. */
static bool say_carried(const tgi_check *c, tgi_finding *f)
{
    int told = 0;
    const tg_node *before[CARRIED] = { NULL };
    for (int64_t i = 0; i < tgi_self.node_count && told < CARRIED; i++) {
        const tg_node *node = tgi_self.nodes[i];
        for (int k = 0; node->serial >= c->before_walk && k < node->input_count && told < CARRIED; k++) {
            const tgi_edge *edge = &tgi_inputs(node)[k];
            const tg_node *from = tgi_edge_node(edge);
            bool known = !from || from->serial >= c->before_walk;
            for (int j = 0; j < told; j++) known |= before[j] == from;
            if (known) continue;
            before[told++] = from;
            const char *name = tg_node_output_name(from, edge->output);
            char place[TG_PLACE_TEXT];
            tg_place_text(tg_node_place(from), place);
            tgi_find_row(f, told == 1 ? "carried" : "",
                         "%s%sthe result of %s at %s%s%s, made before the last backward and read by %s at %s",
                         name ? name : "", name ? ", " : "", from->op->name, tgi_line(from->where),
                         place[0] ? " in " : "", place, node->op->name, tgi_line(node->where));
        }
    }
    return told;
}

static void tell_second(tgi_check *c, const tg_node *spent)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "carried_state", c->walk.where, tg_node_place(spent))) return;
    tgi_find_say(&f, "%s came to %s, recorded at %s, %s", c->walk.function, spent->op->name, tgi_line(spent->where),
                 spent->spent
                     ? "which an earlier walk has passed and freed"
                     : "which is of an earlier step: what it saved was written since, as weights are by a step");
    if (say_carried(c, &f))
        tgi_find_row(
            &f, "mend",
            "tg_detach what is carried where the new step begins: its value goes on, its history ends. Or call "
            "tg_backward once for all the steps that belong together");
    else if (!spent->spent)
        tgi_find_row(&f, "mend",
                     "nothing was recorded since: it is the same loss again. Compute it anew from the new weights");
    else
        tgi_find_row(
            &f, "mend",
            "nothing was recorded since: it is the same loss again. tg_backward(loss, .retain_graph = true) the first "
            "time keeps what the second needs");
    tgi_find_tell(c, &f);
}

static void tell_longer(tgi_check *c, const carry *s)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "carried_state", c->walk.where, NULL)) return;
    tgi_find_say(
        &f, "each walk is longer than the one before: this one went over %lld nodes, %lld of them of earlier steps",
        (long long)s->visited, (long long)s->old);
    say_carried(c, &f);
    tgi_find_row(&f, "mend", "tg_detach what is carried where the new step begins, and leave out .retain_graph");
    tgi_find_tell(c, &f);
}

/* The error that a failed walk left must stay, and what is told is told beside it. */
static void failed(carry *s)
{
    const tg_error error = tg_error_get();
    if (!s->last || error.code != TG_ERROR_AUTOGRAD) return;
    if (!s->last->spent && s->last->serial >= s->base.check->before_walk) return;
    tgi_error_record kept;
    const bool untold = tgi_set_untold(true);
    tgi_error_take(&kept);
    tell_second(s->base.check, s->last);
    tg_error_clear();
    tgi_error_give(&kept);
    tgi_set_untold(untold);
}

static void follow(carry *s)
{
    s->longer = s->old > s->former_old && s->former_old >= 0 ? s->longer + 1 : 0;
    s->former_old = s->old;
    if (s->longer == LONGER && !tg_failed()) tell_longer(s->base.check, s);
}

static void walked(void *state, tg_status status)
{
    carry *s = state;
    if (status == TG_OK)
        follow(s);
    else if (tg_failed())
        failed(s);
    s->last = NULL; /* it may be gone when the next walk fails before it comes to a node */
}

const tgi_lint tgi_lint_carry = {
    .state_size = sizeof(carry),
    .functions = { .began = began, .walk = walk, .visit = visit, .walked = walked },
};
