/* check_modes.c: a model that trains while it evaluates, and one that evaluates while it trains. */
#include "check_impl.h"

#include "core/error.h"

enum { EVALUATIONS = 2, TRAININGS = 3, OUTPUTS = 4 };

typedef struct modes {
    tgi_lint_state base;
    /* of the model whose forward ended last, without grad, in training mode */
    const void *outputs[OUTPUTS]; /* the storages of its results: what is trained may read them, as a generator's */
    int output_count;
    const char *where;
    char place[TG_PLACE_TEXT];
    int evaluations; /* in a row that nothing trained read the results of */
    /* of those that ran with grad, all of them evaluating */
    const char *eval_where;
    char eval_place[TG_PLACE_TEXT];
    int64_t eval_walk; /* before which walk */
    int trainings;
} modes;

static unsigned modes_now(void)
{
    const tgi_inside *inside = tgi_self.inside;
    return inside && !inside->outer && inside->kind->modes ? inside->kind->modes(inside) : 0;
}

/* ---- evaluating while it trains ---- */

static void entered(void *state, const tg_place *place, tg_tensor_list inputs)
{
    modes *m = state;
    (void)inputs;
    if (tgi_self.inside->outer || tgi_self.grad_disabled) return;
    if ((modes_now() & (TGI_HAS_MODES | TGI_TRAINS)) != TGI_HAS_MODES) return;
    m->eval_where = tgi_where();
    m->eval_walk = m->base.check->walks + 1;
    tgi_modules_text(place, m->eval_place);
}

static void tell_eval(modes *m)
{
    tgi_finding f;
    const tg_place place = { .name = m->eval_place, .kind = "", .step = -1 };
    if (!tgi_find_begin(m->base.check, &f, "eval_while_training", m->eval_where, &place)) return;
    tgi_find_say(&f,
                 "%s is trained in evaluation mode: its dropout drops nothing, its normalisations learn no statistics",
                 m->eval_place);
    tgi_find_row(&f, "mend", "tg_module_train(model) before the steps, after an evaluation in tg_module_eval(model)");
    tgi_find_tell(m->base.check, &f);
}

static void walked(void *state, tg_status status)
{
    modes *m = state;
    const tgi_check *c = m->base.check;
    if (status != TG_OK || !c->accumulates || tg_failed() || m->eval_walk != c->walks || !c->steps) return;
    if (++m->trainings == TRAININGS) tell_eval(m);
}

/* ---- training while it evaluates ---- */

static void tell_train(modes *m)
{
    tgi_finding f;
    const tg_place place = { .name = m->place, .kind = "", .step = -1 };
    if (!tgi_find_begin(m->base.check, &f, "train_while_evaluating", m->where, &place)) return;
    tgi_find_say(
        &f,
        "%s runs under tg_no_grad_begin in training mode: dropout drops, and normalisations use this batch's statistics, and "
        "learn them",
        m->place);
    tgi_find_row(&f, "mend", "tg_module_eval(model) before an evaluation, tg_module_train(model) after it");
    tgi_find_tell(m->base.check, &f);
}

/* The former forward's results can be read by what is trained no more: the next one begins. */
static void settle(modes *m)
{
    if (m->output_count && ++m->evaluations == EVALUATIONS) tell_train(m);
    m->output_count = 0;
}

static void left(void *state, const tg_place *place, tg_tensor_list outputs)
{
    modes *m = state;
    if (tgi_self.inside->outer || !tgi_self.grad_disabled) return;
    settle(m);
    if ((modes_now() & (TGI_HAS_MODES | TGI_EVALUATES)) != TGI_HAS_MODES) return;
    for (int64_t i = 0; i < outputs.count && m->output_count < OUTPUTS; i++)
        if (outputs.items[i]) m->outputs[m->output_count++] = outputs.items[i]->storage;
    m->where = tgi_where();
    tgi_modules_text(place, m->place);
}

static void computed(void *state, const tg_computed *what)
{
    modes *m = state;
    if (!what->node || !m->output_count) return;
    for (int64_t i = 0; i < what->inputs.count; i++)
        for (int k = 0; k < m->output_count && what->inputs.items[i]; k++)
            if (what->inputs.items[i]->storage == m->outputs[k]) m->output_count = m->evaluations = 0;
}

static void finished(void *state)
{
    if (!tg_failed()) settle(state);
}

const tgi_lint tgi_lint_modes = {
    .state_size = sizeof(modes),
    .functions = { .entered = entered, .left = left, .computed = computed, .walked = walked },
    .finished = finished,
};
