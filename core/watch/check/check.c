/* check.c: the observer that all lints hang on.
 *
 * It keeps what they share, and tells each of them what it was told. It only looks: a run is the same, bit for bit, with
 * and without it. What it needs is memory; where there is none, the op or the walk that it was told of fails. */
#include "check_impl.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

static const tgi_lint *const lints[] = { &tgi_lint_finite,   &tgi_lint_loss_inputs, &tgi_lint_reach, &tgi_lint_steps,
                                         &tgi_lint_training, &tgi_lint_loss_values, &tgi_lint_units, &tgi_lint_flow,
                                         &tgi_lint_carry,    &tgi_lint_kept,        &tgi_lint_modes };
enum { LINTS = sizeof lints / sizeof lints[0] };

static __thread tgi_check *checking; /* this thread's; NULL: none */

static size_t check_bytes(void) { return sizeof(tgi_check) + LINTS * sizeof(void *); }

/* An error that a lint leaves is the op's: the others are not told. What errors name stays what it was. */
#define TELL(c, function, ...)                                                                                         \
    do {                                                                                                               \
        const tgi_place place_ = tgi_place_keep();                                                                     \
        for (int i_ = 0; i_ < LINTS && !tg_failed(); i_++)                                                             \
            if (lints[i_]->functions.function) lints[i_]->functions.function((c)->states[i_], __VA_ARGS__);            \
        tgi_place_back(place_);                                                                                        \
    } while (0)

/* ---- forward ---- */

static void entered(void *context, const tg_place *place, tg_tensor_list inputs)
{
    tgi_check *c = context;
    if (c->walking) return;
    if (!tgi_self.inside->outer) {
        tgi_look_at_leaves(c);
        tgi_know_parameters(c);
    }
    TELL(c, entered, place, inputs);
}

static void left(void *context, const tg_place *place, tg_tensor_list outputs)
{
    tgi_check *c = context;
    if (!c->walking) TELL(c, left, place, outputs);
}

static void began(void *context, const tg_op *op, tg_tensor_list inputs)
{
    tgi_check *c = context;
    if (!c->walking) TELL(c, began, op, inputs);
}

static void computed(void *context, const tg_computed *what)
{
    tgi_check *c = context;
    if (c->walking) return;
    c->ops++;
    TELL(c, computed, what);
}

/* ---- backward: what a hook begins in a walk is not told ---- */

static void walk(void *context, const tg_walk *what)
{
    tgi_check *c = context;
    if (c->walking++) return;
    c->walk = *what;
    c->walks++;
    c->accumulates = strcmp(what->function, "backward") == 0;
    tgi_look_at_leaves(c);
    TELL(c, walk, what);
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    tgi_check *c = context;
    if (c->walking == 1) TELL(c, visit, node, grads);
}

static void edge(void *context, const tg_contribution *what)
{
    tgi_check *c = context;
    if (c->walking == 1) TELL(c, edge, what);
}

static void leaf_ready(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    tgi_check *c = context;
    if (c->walking != 1 || !grad || !leaf->requires_grad) return;
    tgi_watched *w = tgi_know_leaf(c, leaf);
    if (!w) return;
    TELL(c, leaf_ready, leaf, grad);
    if (!c->accumulates) return;
    w->walks++;
    w->walked = c->walks;
    w->walked_version = leaf->storage->version;
}

static void walked(void *context, tg_status status)
{
    tgi_check *c = context;
    if (!c->walking || --c->walking) return; /* the check may have begun in a hook */
    const tgi_place place = tgi_place_keep();
    for (int i = 0; i < LINTS; i++) /* of a walk that failed, too */
        if (lints[i]->functions.walked) lints[i]->functions.walked(c->states[i], status);
    tgi_place_back(place);
    c->before_walk = tgi_self.next_serial;
}

static void task(void *context, const tg_task *what, bool begins)
{
    tgi_check *c = context;
    if (c->walking) return; /* a step in a hook */
    if (strcmp(what->what, "step") == 0) {
        c->in_step = begins;
        c->step_calls += !begins;
    }
    TELL(c, task, what, begins);
}

static void truncated(void *context, int64_t length)
{
    tgi_check *c = context;
    for (int i = 0; i < LINTS; i++)
        if (lints[i]->functions.truncated) lints[i]->functions.truncated(c->states[i], length);
}

/* ---- beginning and ending ---- */

static void say_summary(const tgi_check *c)
{
    if (c->options.told || (!c->walks && !c->finds && !c->first)) return; /* a thread that only made batches */
    char found[32] = "nothing";
    if (c->finds) snprintf(found, sizeof found, "%lld", (long long)c->finds);
    fprintf(stderr, "tapegrad check: found: %s; looked at: ops %lld, walks %lld, parameters %lld, steps %lld\n", found,
            (long long)c->ops, (long long)c->walks, (long long)c->parameters, (long long)c->steps_told);
    tgi_check_gradients_say(c);
}

/* Unregistered, or the thread ends. */
static void ended(void *context)
{
    tgi_check *c = context;
    tgi_look_at_leaves(c); /* the last step came after the last walk */
    for (int i = 0; i < LINTS; i++)
        if (lints[i]->finished && c->states[i]) lints[i]->finished(c->states[i]);
    say_summary(c);
    if (c->counted) *c->counted = c->finds;
    for (int i = 0; i < LINTS; i++) {
        if (c->states[i] && lints[i]->functions.ended) lints[i]->functions.ended(c->states[i]);
        if (c->states[i]) tgi_free(c->states[i], lints[i]->state_size);
    }
    tgi_check_gradients_free(c);
    tgi_forget_leaves(c);
    tgi_table_free(&c->told);
    checking = NULL;
    tgi_free(c, check_bytes());
}

static tgi_check *check_new(const tg_check_options *options)
{
    tgi_check *c = tgi_calloc(check_bytes());
    if (!c) return NULL;
    c->options = *options;
    c->leaves.size = sizeof(tgi_watched);
    c->told.size = 1;
    c->before_walk = tgi_self.next_serial;
    static bool any; /* in the process */
    c->first = !__atomic_test_and_set(&any, __ATOMIC_RELAXED);
    for (int i = 0; i < LINTS; i++) {
        tgi_lint_state *state = c->states[i] = tgi_calloc(lints[i]->state_size);
        if (state) state->check = c;
    }
    return c;
}

tg_status tg_check_begin_at(const char *where, tg_check_options options)
{
    tgi_begin(where, "check_begin");
    if (tg_failed()) return TG_FAILED;
    if (checking && checking->telling) {
        tg_fail_at(where, TG_ERROR_VALUE, "check_begin", "a find is being told");
        return TG_FAILED;
    }
    tg_check_end();
    tgi_check *c = check_new(&options);
    if (!c) return TG_FAILED;
    const tg_observer observer = { .entered = entered,
                                   .left = left,
                                   .began = began,
                                   .computed = computed,
                                   .walk = walk,
                                   .visit = visit,
                                   .edge = edge,
                                   .leaf_ready = leaf_ready,
                                   .walked = walked,
                                   .task = task,
                                   .truncated = truncated,
                                   .ended = ended,
                                   .plain = true };
    c->gradient_observer = -1;
    c->observer = tg_failed() ? -1 : tg_observe_at(NULL, &observer, c);
    if (c->observer < 0) ended(c);
    if (tg_failed()) return TG_FAILED;
    checking = c;
    if (tgi_check_gradients_begin(c)) return TG_OK;
    tg_check_end();
    return TG_FAILED;
}

int64_t tg_check_end(void)
{
    if (!checking || checking->telling) return 0;
    tgi_check *c = checking;
    int64_t finds = 0;
    c->counted = &finds;
    tg_unobserve(c->gradient_observer);
    tg_unobserve(c->observer);
    return finds;
}

void tgi_check_begin_by(const char *value)
{
    tg_check_begin_at(NULL, TG_OPTIONS(tg_check_options, TG_CHECK_DEFAULTS, .stop = strcmp(value, "stop") == 0));
}
