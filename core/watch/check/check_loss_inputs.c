/* check_loss_inputs.c: what a loss is given: shapes that are broadcast, probabilities in place of logits and the reverse,
 * targets that are none. Seen when the op is called; where its input came from the tape knows. */
#include "check_impl.h"

#include "core/text.h"

#include <math.h>
#include <string.h>

enum { VIEWS = 8 };

/* The op whose result `t` is, through views of it; NULL: it is not known. */
static const tg_op *maker_of(const tg_tensor *t)
{
    const tg_node *node = tgi_node_of(t);
    for (int i = 0; node && i < VIEWS && node->op->schema && strstr(node->op->schema, "(Tensor(a) "); i++)
        node = node->input_count ? tgi_edge_node(&tgi_inputs(node)[0]) : NULL;
    return node ? node->op : NULL;
}

static bool came_from(const tg_tensor *t, unsigned traits)
{
    const tg_op *op = maker_of(t);
    return op && tgi_op_is(op, traits);
}

/* ---- shapes ---- */

static void tell_shapes(tgi_check *c, const tg_op *op, const tg_tensor *a, const tg_tensor *b)
{
    const tg_shape x = tgi_shape(a), y = tgi_shape(b);
    tg_shape common;
    tgi_finding f;
    char texts[3][TG_SHAPE_TEXT];
    if (!tg_shape_broadcast(&x, &y, &common) || !tgi_find_begin(c, &f, "broadcast", tgi_where(), tg_place_now()))
        return;
    tgi_find_say(&f, "%s compares %s with %s: both are broadcast to %s", op->name, tg_shape_text(&x, texts[0]),
                 tg_shape_text(&y, texts[1]), tg_shape_text(&common, texts[2]));
    tgi_find_row(&f, "so",
                 "%lld pairs are compared where there are %lld targets: elements of the one meet several of the other, "
                 "and what is learnt is their mean",
                 (long long)tg_shape_numel(&common), (long long)b->numel);
    tgi_find_row(&f, "mend",
                 "give both one shape: tg_view(target, tg_shape_of(input)) or tg_squeeze where the numbers are the "
                 "same ones, a last layer with as many outputs as there are targets where they are not; "
                 "tg_expand says that it is meant");
    tgi_find_tell(c, &f);
}

static void check_shapes(tgi_check *c, const tg_op *op, tg_tensor_list inputs)
{
    const tg_tensor *a = inputs.items[0], *b = inputs.items[1];
    if (!tgi_same_shape(a, b) && a->numel > 1 && b->numel > 1) tell_shapes(c, op, a, b);
}

/* A difference of [N] and [N, 1] is [N, N]: every one minus every other. That of a tensor and itself is meant. */
static void check_difference(tgi_check *c, const tg_computed *what)
{
    if (what->inputs.count < 2 || !what->node || what->op->in_place_of) return;
    const tg_tensor *a = what->inputs.items[0], *b = what->inputs.items[1];
    if (!a || !b || a->numel != b->numel || a->numel < 2 || a->storage == b->storage) return;
    const tg_tensor *shorter = a->ndim < b->ndim ? a : b, *longer = shorter == a ? b : a;
    if (longer->ndim != shorter->ndim + 1 || longer->dims[longer->ndim - 1] != 1 ||
        shorter->dims[shorter->ndim - 1] < 2)
        return;
    for (int d = 0; d < shorter->ndim; d++)
        if (shorter->dims[d] != longer->dims[d]) return;
    tell_shapes(c, what->op, a, b);
}

/* ---- values ---- */

static void check_logits(tgi_check *c, const tg_op *op, const tg_tensor *input)
{
    tgi_finding f;
    const bool softmax = tgi_op_is(op, TG_TAKES_LOGITS) && came_from(input, TG_GIVES_DISTRIBUTION);
    const bool sigmoid = tgi_op_is(op, TG_TAKES_LOGIT) && came_from(input, TG_GIVES_PROBABILITY);
    if (!softmax && !sigmoid) return;
    if (!tgi_find_begin(c, &f, "squashed_twice", tgi_where(), tg_place_now())) return;
    const char *maker = maker_of(input)->name;
    tgi_find_say(&f, "%s is given the result of %s, but applies %s itself", op->name, maker,
                 softmax ? "softmax" : "sigmoid");
    tgi_find_row(&f, "so",
                 "of numbers between 0 and 1 it makes nearly equal probabilities: the loss cannot come near 0, and "
                 "gradients are small");
    tgi_find_row(&f, "mend", "give %s what %s was given, and apply %s only where probabilities are wanted", op->name,
                 maker, maker);
    tgi_find_tell(c, &f);
}

static void check_log_probabilities(tgi_check *c, const tg_op *op, const tg_tensor *input)
{
    tgi_finding f;
    if (!tgi_is_floating(input) || !tgi_count_outside(input, -INFINITY, 1e-4)) return;
    const tgi_scan scan = tgi_scan_of(input);
    if (!tgi_find_begin(c, &f, "no_log_probabilities", tgi_where(), tg_place_now())) return;
    tgi_find_say(&f, "%s wants logarithms of probabilities, which are 0 at most, and is given numbers up to %.6g",
                 op->name, scan.max);
    if (came_from(input, TG_GIVES_DISTRIBUTION))
        tgi_find_row(&f, "mend",
                     "tg_log_softmax in place of tg_softmax, or tg_cross_entropy of what softmax was given");
    else
        tgi_find_row(&f, "mend", "tg_log_softmax before it, or tg_cross_entropy, which does both");
    tgi_find_tell(c, &f);
}

static void check_target(tgi_check *c, const tg_op *op, const tg_tensor *target)
{
    tgi_finding f;
    if (!tgi_count_outside(target, 0, 1)) return;
    const tgi_scan scan = tgi_scan_of(target);
    if (!tgi_find_begin(c, &f, "target_outside", tgi_where(), tg_place_now())) return;
    tgi_find_say(&f, "%s wants targets between 0 and 1, and is given numbers from %.6g to %.6g", op->name, scan.min,
                 scan.max);
    tgi_find_row(&f, "so", "the loss has no least value there: it falls for ever, and the weights grow");
    tgi_find_row(&f, "mend",
                 "of -1 and 1 make 0 and 1: tg_mul(tg_add(target, 1), 0.5); classes 0, 1, 2, ... are for "
                 "tg_cross_entropy");
    tgi_find_tell(c, &f);
}

static void began(void *state, const tg_op *op, tg_tensor_list inputs)
{
    tgi_check *c = ((tgi_lint_state *)state)->check;
    if (!op->traits || inputs.count < 1) return;
    if (tgi_op_is(op, TG_TAKES_LOGITS | TG_TAKES_LOGIT)) check_logits(c, op, inputs.items[0]);
    if (tgi_op_is(op, TG_TAKES_LOG_PROBABILITIES)) check_log_probabilities(c, op, inputs.items[0]);
    if (inputs.count > 1 && tgi_op_is(op, TG_COMPARES)) check_shapes(c, op, inputs);
    if (inputs.count > 1 && tgi_op_is(op, TG_TAKES_TARGET_0_1)) check_target(c, op, inputs.items[1]);
}

static void computed(void *state, const tg_computed *what)
{
    if (tgi_op_is(what->op, TG_SUBTRACTS)) check_difference(((tgi_lint_state *)state)->check, what);
}

const tgi_lint tgi_lint_loss_inputs = {
    .state_size = sizeof(tgi_lint_state),
    .functions = { .began = began, .computed = computed },
};
