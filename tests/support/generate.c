/* generate.c: random programs.
 *
 * Their ops are the registry's, by way of the samples of each: a sample's leaves become values of the program, so that
 * an op meets operands that are no leaves: parts of a split, views, results written in place, values used elsewhere as
 * well, behind hooks and detached ones. A new op takes part by having samples.
 *
 * The program runs while it is made: a step that fails, or whose values are not finite, is taken back. */
#include "generate.h"
#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- samples ---- */

typedef struct candidates {
    const tg_op **ops;
    int *uses, count;
} candidates;

/* A sample whose leaves are small, and one of which is differentiated. */
static bool is_usable(const char *text)
{
    bool grad = false;
    const sample s = sample_read(text);
    for (int k = 0; k < s.count; k++) {
        if (tg_shape_numel(&s.leaves[k].shape) > MOST_ELEMENTS) return false;
        grad |= strchr("fv", s.leaves[k].kind) && s.leaves[k].grad;
    }
    return grad;
}

/* The ops that are differentiable and have a sample to use; those in place by way of what they are the form of. */
static const candidates *all_candidates(void)
{
    static candidates all;
    if (all.ops) return &all;
    int total;
    const tg_op *const *ops = tg_op_registry(&total);
    all.ops = calloc((size_t)total, sizeof *all.ops);
    all.uses = calloc((size_t)total, sizeof *all.uses);
    assert_true(all.ops && all.uses);
    for (int i = 0; i < total; i++) {
        const tg_op *of = ops[i]->in_place_of ? ops[i]->in_place_of : ops[i];
        bool usable = false;
        if (!tg_op_is_differentiable(of) || strncmp(of->name, "empty", 5) == 0) continue;
        for (const char *const *text = sample_texts(of); *text && !usable; text++) usable = is_usable(*text);
        if (usable) all.ops[all.count++] = ops[i];
    }
    return &all;
}

int program_candidates(const tg_op *const **ops, const int **uses)
{
    const candidates *all = all_candidates();
    *ops = all->ops;
    *uses = all->uses;
    return all->count;
}

static bool all_finite(const double *x, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (!isfinite(x[k])) return false;
    return true;
}

/* Rows take any shapes that broadcast. */
static void reshape_leaves(generator *g, const tg_op *op, sample *s)
{
    tg_shape whole = tg_shape();
    if (!sample_pointwise_inputs(op) || op->samples || !one_in(g, 2)) return;
    const int ndim = below(g, 5);
    for (int64_t n = 1; whole.ndim < ndim; n *= whole.dims[whole.ndim++])
        whole.dims[whole.ndim] = 1 + below(g, n > 20 ? 2 : 5);
    for (int k = 0; k < s->count; k++) s->leaves[k].shape = k == 0 && one_in(g, 2) ? whole : narrower(g, whole);
}

/* Not for operands that share elements, or have equal ones. as_strided shows elements of the whole storage, its
 * operand's or not. Of elements that tie in a distance by the largest one, each gets the whole gradient, as in PyTorch.
 * Where distances are equal, no margin is a kink; so is a value between two bounds that are equal to it. */
static bool is_odd(const tg_op *op, const char *text, int leaf)
{
    return (strcmp(op->name, "clamp") == 0 && leaf == 1) || strcmp(op->name, "as_strided") == 0 ||
           (strstr(op->name, "dist") && strstr(text, "p=inf")) ||
           (strstr(op->name, "triplet") && strstr(text, "margin=0,"));
}

/* What leaf `k` of the sample becomes. */
static int leaf_value(generator *g, const tg_op *op, const sample *s, int k)
{
    const sample_leaf *l = &s->leaves[k];
    if (is_odd(op, s->text, k)) return random_leaf(g, STEP_LEAF, l->shape, l->lo, l->hi);
    if (l->kind == 'f' && l->grad && l->step == 0) return operand(g, l->shape, l->lo, l->hi, DEEPEST);
    const int64_t n = tg_shape_numel(&l->shape);
    double *elements = malloc(((size_t)n + 1) * sizeof *elements);
    assert_non_null(elements);
    sample_values(s, k, elements);
    const bool leaf = l->grad && strchr("fv", l->kind) && l->step == 0 && all_finite(elements, n);
    const tg_dtype dtype = l->kind == 'i' ? TG_INT64 : l->kind == 'b' ? TG_BOOL : TG_FLOAT64;
    return given(g, leaf ? STEP_LEAF : STEP_CONSTANT, l->shape, dtype, elements);
}

/* How many results the call has; 0 when it fails. */
static int result_count(const generator *g, const step *s)
{
    tg_tensor_list results = TG_NONE;
    for (int k = 0; k < s->input_count; k++) s->sample->leaves[k].tensor = g->r.values[s->inputs[k]];
    const tg_scope scope = tg_no_grad_begin();
    if (s->op)
        sample_run_in_place(s->sample, s->op, &results);
    else
        results = sample_run(s->sample);
    const int count = tg_failed() ? 0 : (int)results.count;
    tg_error_clear();
    tg_scope_end(scope);
    return count < STEP_RESULTS ? count : STEP_RESULTS;
}

static void emit_sample(generator *g)
{
    const candidates *all = all_candidates();
    const int which = below(g, all->count);
    const tg_op *op = all->ops[which], *of = op->in_place_of ? op->in_place_of : op;
    const char *const *texts = sample_texts(of);
    int count = 0, inputs[STEP_INPUTS];
    while (texts[count]) count++;
    const char *text = texts[below(g, count)];
    if (!is_usable(text)) return;
    sample read = sample_read(text);
    reshape_leaves(g, of, &read);
    for (int k = 0; k < read.count; k++)
        if ((inputs[k] = leaf_value(g, of, &read, k)) < 0) return;
    for (int k = 0; k < read.count; k++)
        if (g->gone[inputs[k]]) return; /* a later operand was made by writing this one */
    step *s = begin_step(g, STEP_SAMPLE);
    if (!s) return;
    s->sample = malloc(sizeof *s->sample);
    assert_non_null(s->sample);
    *s->sample = read;
    s->op = op->in_place_of ? op : NULL;
    memcpy(s->inputs, inputs, sizeof inputs);
    s->input_count = read.count;
    s->count = result_count(g, s);
    if (s->count == 0) {
        take_back(g, s);
        return;
    }
    adorn(g, s);
    if (end_step(g, s, false) >= 0) all->uses[which]++;
}

/* ---- losses ---- */

static void add_term(generator *g, int v)
{
    program *p = g->p;
    if (p->term_count == PROGRAM_TERMS) return;
    term *t = &p->terms[p->term_count++];
    const int64_t n = numel(g, v);
    double most = 0;
    for (int64_t k = 0; k < n; k++) most = fmax(most, fabs(elements_of(g, v)[k]));
    *t = (term){ .kind = one_in(g, 4) ? TERM_SUM : TERM_WEIGHTED, .value = v, .loss = below(g, p->loss_count) };
    t->scale = (0.5 + program_number(&g->state)) / (1 + most);
    if (t->kind == TERM_SUM) return;
    t->weights = malloc(((size_t)n + 1) * sizeof *t->weights);
    assert_non_null(t->weights);
    for (int64_t k = 0; k < n; k++) t->weights[k] = t->scale * (2 * program_number(&g->state) - 1);
}

/* What nothing else uses, though of a split's parts not all. */
static void add_terms(generator *g)
{
    program *p = g->p;
    p->loss_count = 1 + below(g, PROGRAM_LOSSES);
    for (int v = 0; v < p->value_count; v++) {
        const step *s = &p->steps[p->values[v].step];
        if (!is_wide(g, v) || g->gone[v] || !tg_requires_grad(g->r.values[v]) || numel(g, v) == 0) continue;
        if (s->kind == STEP_LEAF && !one_in(g, 10)) continue;
        if (g->used[v] ? one_in(g, 10) : s->count == 1 || one_in(g, 2)) add_term(g, v);
    }
}

static void watch_some(generator *g)
{
    program *p = g->p;
    for (int attempt = below(g, 4); attempt > 0 && p->watched_count < PROGRAM_WATCHED; attempt--) {
        const int v = any_value(g);
        if (v < 0) continue;
        const step *s = &p->steps[p->values[v].step];
        tg_tensor *t = g->r.values[v];
        if (s->kind == STEP_LEAF || !tg_requires_grad(t) || (v == s->first && s->hook != 0) || is_another(g, v))
            continue;
        if (p->watched_count == 0 || p->watched[0] != v) p->watched[p->watched_count++] = v;
    }
}

static bool generate(program *p, uint64_t seed)
{
    static generator g;
    memset(p, 0, sizeof *p);
    memset(&g, 0, sizeof g);
    p->seed = seed;
    g.p = p;
    g.r.program = p;
    g.state = seed * 0x2545f4914f6cdd1du + 1;
    const tg_scope scope = tg_scope_begin();
    random_leaf(&g, STEP_LEAF, tg_shape(2 + below(&g, 3), 1 + below(&g, 4)), -2, 2);
    for (int wanted = 1 + below(&g, 4); wanted > 0 && !g.broken; wanted--) emit_sample(&g);
    add_terms(&g);
    watch_some(&g);
    tg_error_clear();
    tg_scope_end(scope);
    return !g.broken && p->term_count > 0;
}

bool program_generate(program *p, uint64_t seed)
{
    for (uint64_t attempt = 0; attempt < 4; attempt++) {
        if (generate(p, seed + (attempt << 40))) return true;
        program_free(p);
    }
    return false;
}
