/* check_training.c: gradients that no step uses: of parameters that are never written while others are, of tensors that are
 * no parameters at all, and those that are cleared before the step that should have used them. */
#include "check_impl.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 20, STEPS_IN_ALL = 5, CLEARED = 3, ANEW = 5, NAMES = 8 };

/* A leaf's; one that is gone leaves its block behind. */
typedef struct unused {
    int64_t since; /* the check's steps when its first gradient came */
    int64_t piled; /* walks that added to what no step had used and nobody cleared */
    bool told;
} unused;

/* Parameters of one line and name that each had their first gradient in the walk after the other's. */
typedef struct anew {
    int64_t walk, since;
    int count;
} anew;

typedef struct training {
    tgi_lint_state base;
    tgi_table of, lines;  /* unused by leaf; anew by line and name */
    int64_t cleared_walk; /* the last walk, by number, whose gradients were cleared, */
    const char *cleared_at;
    int64_t begun_walk; /* the last one when a step began, */
    bool found_none;    /* and whether it finds none of that one's gradients, since they were cleared */
    int cleared;        /* such steps in a row */
} training;

/* ---- gradients cleared before the step ---- */

static bool has_gradient(const tg_tensor *leaf)
{
    double zeros = 1;
    const tg_tensor *grad = leaf->extra ? leaf->extra->grad : NULL;
    if (grad) tgi_norm_of(grad, &zeros);
    return zeros < 1;
}

/* Whether the last walk's leaves are unwritten and all without a gradient. */
static bool none_is_left(const tgi_check *c)
{
    int64_t reached = 0;
    for (int64_t i = 0; i < c->leaves.count; i++) {
        const tgi_watched *w = c->leaves.items[i];
        if (w->walked != c->walks) continue;
        if (w->leaf->storage->version != w->walked_version || has_gradient(w->leaf)) return false;
        reached++;
    }
    return reached > 0;
}

static void tell_cleared(const training *t, const char *where)
{
    tgi_finding f;
    if (!tgi_find_begin(t->base.check, &f, "zero_grad", where, NULL)) return;
    tgi_find_say(&f, "the step finds no gradients: they were cleared after tg_backward, %d times in a row", CLEARED);
    tgi_find_row(&f, "seen", "tg_backward at %s, zero_grad at %s, tg_step here", tgi_line(t->base.check->walk.where),
                 tgi_line(t->cleared_at));
    tgi_find_row(&f, "mend", "tg_zero_grad before tg_backward, or after tg_step");
    tgi_find_tell(t->base.check, &f);
}

static void task(void *state, const tg_task *what, bool begins)
{
    training *t = state;
    const tgi_check *c = t->base.check;
    if (strcmp(what->what, "zero_grad") == 0 && !begins) {
        t->cleared_walk = c->walks;
        t->cleared_at = what->where;
    }
    if (strcmp(what->what, "step") != 0) return;
    if (begins) {
        t->begun_walk = c->walks;
        t->found_none = c->walks && t->cleared_walk == c->walks && none_is_left(c);
    } else if (t->begun_walk == c->walks) { /* no closure that walks */
        t->cleared = t->found_none ? t->cleared + 1 : 0;
        if (t->cleared == CLEARED) tell_cleared(t, what->where);
    }
}

/* ---- gradients that no step uses ---- */

static void tell_anew(tgi_check *c, const tgi_watched *w)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "unstepped", w->leaf->where, NULL)) return;
    tgi_find_say(&f, "%s is another one in each of %d steps: it was made anew, and what made the others is lost",
                 w->name, ANEW);
    tgi_find_row(&f, "why",
                 "a module that is made in each forward starts from other weights each time, and no step ever "
                 "writes them");
    tgi_find_row(&f, "mend",
                 "make it once, as a submodule (TG_SUBMODULE), and the optimiser after that, of tg_parameters(model)");
    tgi_find_tell(c, &f);
}

/* The first gradient of a parameter. */
static void follow_line(training *t, const tgi_watched *w)
{
    const tgi_check *c = t->base.check;
    t->lines.size = sizeof(anew);
    anew *a = tgi_table_at(&t->lines, tgi_key_of(w->leaf->where, NULL, false) ^ tgi_key_of(w->name, NULL, false) * 3);
    if (!a || a->walk == c->walks) return;
    const bool next = a->count && a->walk == c->walks - 1;
    if (!next) *a = (anew){ .since = c->steps };
    a->walk = c->walks;
    if (++a->count == ANEW && c->steps - a->since >= ANEW - 1) tell_anew(t->base.check, w);
}

static void leaf_ready(void *state, tg_tensor *leaf, tg_tensor *grad)
{
    training *t = state;
    const tgi_check *c = t->base.check;
    const tgi_watched *w = tgi_watched_of(c, leaf);
    (void)grad;
    if (!c->accumulates || !w) return;
    t->of.size = sizeof(unused);
    unused *u = tgi_table_at(&t->of, (uint64_t)(uintptr_t)leaf);
    if (!u) return;
    if (!w->walks) *u = (unused){ .since = c->steps };
    if (!w->walks && w->model) follow_line(t, w);
    u->piled += has_gradient(leaf);
}

typedef struct group {
    const tgi_watched *first;
    int count;
    char names[512];
} group;

static void tell_unstepped(tgi_check *c, const group *g)
{
    tgi_finding f;
    const tgi_watched *w = g->first;
    if (!tgi_find_begin(c, &f, "unstepped", w->leaf->where, NULL)) return;
    if (w->model) {
        tgi_find_say(&f, "no step has written %d parameter%s that get%s gradients, while others were written: %s%s",
                     g->count, g->count == 1 ? "" : "s", g->count == 1 ? "s" : "", g->names,
                     g->count > NAMES ? ", ..." : "");
        tgi_find_row(&f, "why",
                     "the optimiser was not given them, or was made before they were put in the place of others");
        tgi_find_row(
            &f, "mend",
            "an optimiser of tg_parameters(model), made when the model is whole; tg_requires_grad_(t, false) says "
            "that it is not to be trained, and saves its gradient");
    } else {
        tgi_find_say(&f,
                     "%s gets a gradient in each step that is added to the former ones: no step uses it, and nothing "
                     "clears it",
                     g->names);
        tgi_find_row(&f, "mend",
                     "if it is data, leave .requires_grad out; if it is to be trained, give it to the optimiser");
    }
    tgi_find_tell(c, &f);
}

static bool is_unstepped(const tgi_check *c, const tgi_watched *w, const unused *u, int64_t least)
{
    if (!u || u->told || w->steps || w->walks < least || c->steps - u->since < least) return false;
    return w->leaf->storage->version == w->version && (w->model || u->piled >= w->walks - 1);
}

static void add_name(group *g, const tgi_watched *w)
{
    char text[TGI_NAMED_TEXT];
    const size_t used = strlen(g->names);
    if (g->count++ >= NAMES) return;
    snprintf(g->names + used, sizeof g->names - used, "%s%.60s", used ? ", " : "",
             w->name[0] ? w->name : tgi_named(w->leaf, text));
}

/* One find for each model. */
static void look_for_unstepped(training *t, int64_t least)
{
    tgi_check *c = t->base.check;
    for (int64_t i = 0; i < c->leaves.count && !tg_failed(); i++) {
        group g = { .first = c->leaves.items[i] };
        for (int64_t k = i; k < c->leaves.count; k++) {
            const tgi_watched *w = c->leaves.items[k];
            unused *u = tgi_table_find(&t->of, (uint64_t)(uintptr_t)w->leaf);
            if (w != g.first && (!g.count || !w->model || w->model != g.first->model)) break;
            if (!is_unstepped(c, w, u, least)) continue;
            u->told = true;
            add_name(&g, w);
        }
        if (g.count) tell_unstepped(c, &g);
    }
}

static void walked(void *state, tg_status status)
{
    training *t = state;
    if (status == TG_OK && t->base.check->accumulates && !tg_failed()) look_for_unstepped(t, STEPS);
}

static void finished(void *state) { look_for_unstepped(state, STEPS_IN_ALL); }

static void ended(void *state)
{
    tgi_table_free(&((training *)state)->of);
    tgi_table_free(&((training *)state)->lines);
}

const tgi_lint tgi_lint_training = {
    .state_size = sizeof(training),
    .functions = { .leaf_ready = leaf_ready, .walked = walked, .task = task, .ended = ended },
    .finished = finished,
};
