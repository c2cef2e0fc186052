/* check_steps.c: what steps do to parameters: gradients that were not cleared, updates larger than the weights, rows of a
 * weight that never become different.
 *
 * A step is seen as a write of a leaf after a walk brought it a gradient; no optimiser is known here. */
#include "check_impl.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 64, STALE = 2, LARGE = 2, ALIKE = 3, LEAST = 16 };

typedef struct stepped {
    int stale; /* walks in a row that added to a gradient that a step had used */
    int large; /* steps in a row that changed it by more than it was */
    int alike; /* steps after which its rows were still the same */
    bool sampled;
    double sample[SAMPLES]; /* of its elements, when the last gradient came */
} stepped;

typedef struct steps {
    tgi_lint_state base;
    tgi_table of; /* stepped by leaf; one that is gone leaves its block behind */
} steps;

static const char *name_of(const tgi_watched *w, char text[TGI_NAMED_TEXT])
{
    return w->name[0] ? w->name : tgi_named(w->leaf, text);
}

/* ---- gradients that were not cleared ---- */

static bool all_zero(const tg_tensor *t)
{
    for (int64_t i = 0; i < t->numel; i++)
        if (tgi_element_number(t, i) != 0) return false;
    return true;
}

static void check_cleared(tgi_check *c, stepped *s, const tgi_watched *w)
{
    const tg_tensor *old = w->leaf->extra ? w->leaf->extra->grad : NULL;
    const bool written = w->walks > 0 && w->leaf->storage->version != w->walked_version;
    tgi_finding f;
    char text[TGI_NAMED_TEXT];
    if (!old || (written && all_zero(old))) s->stale = 0;
    if (!old || !written || all_zero(old) || ++s->stale < STALE) return;
    if (!tgi_find_begin(c, &f, "zero_grad", c->walk.where, NULL)) return;
    tgi_find_say(&f, "the gradient of the last step is still in .grad, and this backward adds to it");
    tgi_find_row(&f, "seen",
                 "%s was written (at %s) since its gradient came, which was not cleared, in %d steps in a row",
                 name_of(w, text), tgi_line(w->leaf->storage->written_at), STALE);
    tgi_find_row(
        &f, "mend",
        "tg_zero_grad(optimizer) before each tg_backward, or tg_module_zero_grad(model). To add up the gradients of "
        "several batches, clear them after each tg_step");
    tgi_find_tell(c, &f);
}

/* ---- updates ---- */

static double norm_of(const double *values, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += values[i] * values[i];
    return sqrt(sum);
}

static void check_update(tgi_check *c, stepped *s, const tgi_watched *w)
{
    const tg_tensor *t = w->leaf;
    if (t->ndim < 2 || t->numel < LEAST) return;
    double now[SAMPLES], change[SAMPLES];
    const int64_t n = t->numel < SAMPLES ? t->numel : SAMPLES;
    for (int64_t i = 0; i < n; i++) {
        now[i] = tgi_element_number(t, i * (t->numel / n));
        change[i] = now[i] - s->sample[i];
    }
    const double before = norm_of(s->sample, n), update = norm_of(change, n);
    const bool large = s->sampled && before > 0 && update > before;
    memcpy(s->sample, now, sizeof now);
    s->sampled = true;
    s->large = large ? s->large + 1 : 0;
    tgi_finding f;
    char text[TGI_NAMED_TEXT];
    if (s->large < LARGE || !tgi_find_begin(c, &f, "learning_rate", w->leaf->storage->written_at, NULL)) return;
    tgi_find_say(&f, "a step changed %s by %.3g times what it was, %d steps in a row", name_of(w, text),
                 update / before, LARGE);
    tgi_find_row(&f, "usual",
                 "0.001 times what it was, or thereabouts; what was learnt before is gone after such a step");
    tgi_find_row(&f, "mend",
                 "a learning rate of a tenth or a hundredth; or tg_clip_grad_norm_ before tg_step, if only some "
                 "gradients are so large");
    tgi_find_tell(c, &f);
}

/* ---- rows that are the same ---- */

static bool rows_alike(const tg_tensor *t)
{
    const int64_t rows = t->dims[0], n = rows ? t->numel / rows : 0;
    for (int64_t i = n; i < t->numel; i++)
        if (tgi_element_number(t, i) != tgi_element_number(t, i % n)) return false;
    return rows > 1 && n > 0;
}

static void check_rows(tgi_check *c, stepped *s, const tgi_watched *w, const tg_tensor *grad)
{
    tgi_finding f;
    char text[TGI_NAMED_TEXT];
    if (!w->model || w->leaf->ndim < 2 || w->leaf->numel < 4 || s->alike < 0) return;
    if (!rows_alike(w->leaf)) s->alike = -1; /* they will not become so again */
    if (s->alike < 0 || !w->steps || all_zero(grad) || ++s->alike < ALIKE) return;
    if (!tgi_find_begin(c, &f, "symmetric", w->leaf->where, NULL)) return;
    tgi_find_say(&f, "all %lld rows of %s are the same, and steps do not make them different",
                 (long long)w->leaf->dims[0], name_of(w, text));
    tgi_find_row(&f, "so", "its units compute the same and learn the same: the layer is as good as one unit");
    tgi_find_row(
        &f, "mend",
        "start from random numbers: tg_init_kaiming_uniform_, tg_init_xavier_uniform_, tg_normal_; only biases may "
        "start from zeros");
    tgi_find_tell(c, &f);
}

static void leaf_ready(void *state, tg_tensor *leaf, tg_tensor *grad)
{
    steps *s = state;
    tgi_check *c = s->base.check;
    const tgi_watched *w = tgi_watched_of(c, leaf);
    if (!c->accumulates || !w) return;
    s->of.size = sizeof(stepped);
    stepped *of = tgi_table_at(&s->of, (uint64_t)(uintptr_t)leaf);
    if (!of) return;
    check_cleared(c, of, w);
    check_update(c, of, w);
    check_rows(c, of, w, grad);
}

static void ended(void *state) { tgi_table_free(&((steps *)state)->of); }

const tgi_lint tgi_lint_steps = {
    .state_size = sizeof(steps),
    .functions = { .leaf_ready = leaf_ready, .ended = ended },
};
