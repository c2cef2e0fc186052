/* generate.c: random programs.
 *
 * Their ops are the registry's, by way of the samples of each: a sample's leaves become values of the program, so that
 * an op meets operands that are no leaves: parts of a split, views, results written in place, values used elsewhere as
 * well, behind hooks and detached ones. A new op takes part by having samples.
 *
 * The program runs while it is made: a step that fails, or whose values are not finite, is taken back. */
#include "program.h"
#include "cmocka_all.h"

#include "core/tape_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ELEMENTS = 160, MOST_LEAVES = 10, DEEPEST = 2 };

typedef struct generator {
    program *p;
    running r;
    uint64_t state;
    bool gone[PROGRAM_VALUES]; /* written in place since: another value has its tensor */
    bool used[PROGRAM_VALUES];
    int leaves;
    bool broken; /* nothing can be taken back: give up */
} generator;

static int below(generator *g, int n) { return (int)(program_number(&g->state) * n); }
static bool one_in(generator *g, int n) { return below(g, n) == 0; }

static int64_t numel(const generator *g, int v) { return tg_shape_numel(&g->p->values[v].shape); }
static const double *elements_of(const generator *g, int v) { return g->p->values[v].elements; }
static bool is_wide(const generator *g, int v) { return g->p->values[v].dtype == TG_FLOAT64; }

/* ---- steps ---- */

static step *begin_step(generator *g, step_kind kind)
{
    if (g->p->step_count == PROGRAM_STEPS || g->p->value_count + STEP_RESULTS > PROGRAM_VALUES) return NULL;
    step *s = &g->p->steps[g->p->step_count];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->first = g->p->value_count;
    return s;
}

static bool values_are_tame(const value *v)
{
    const int64_t n = tg_shape_numel(&v->shape);
    for (int64_t k = 0; k < n && v->dtype == TG_FLOAT64; k++)
        if (!(fabs(v->elements[k]) < 1e3)) return false;
    return true;
}

static void take_back(generator *g, step *s)
{
    tg_error_clear();
    for (int v = s->first; v < g->p->value_count; v++) {
        free(g->p->values[v].elements);
        g->p->values[v].elements = NULL;
    }
    g->p->value_count = s->first;
    free(s->sample);
    s->sample = NULL;
}

/* Whether another value has the same tensor. */
static bool is_another(const generator *g, int v)
{
    for (int o = 0; o < g->p->value_count; o++)
        if (o != v && !g->gone[o] && g->r.values[o] == g->r.values[v]) return true;
    return false;
}

/* Runs the step and takes its values in; the number of the first, or -1 when it had to be taken back. `in_place`: it
 * wrote its first input. */
static int end_step(generator *g, step *s, bool in_place)
{
    program *p = g->p;
    bool tame = program_run_step(&g->r, p->step_count, (motion){ .h = 0 });
    for (int v = s->first; v < s->first + s->count && tame; v++) {
        tg_tensor *t = g->r.values[v];
        if (!t || tg_numel(t) > 4 * MOST_ELEMENTS) {
            tame = false;
            break;
        }
        p->values[v] = (value){ tg_shape_of(t), tg_dtype_of(t), sample_elements(t), p->step_count };
        p->value_count = v + 1;
        tame = values_are_tame(&p->values[v]);
    }
    if (!tame) {
        g->broken |= in_place && !tg_failed();
        take_back(g, s);
        return -1;
    }
    const bool itself = !in_place && is_another(g, s->first); /* the op returned its input */
    if (itself || !tg_requires_grad(g->r.values[s->first])) s->hook = 0;
    for (int v = s->first; v < p->value_count; v++) g->gone[v] = g->used[v] = false;
    for (int k = 0; k < s->input_count; k++) g->used[s->inputs[k]] = true;
    if (in_place) g->gone[s->inputs[0]] = true;
    p->step_count++;
    return s->first;
}

/* A leaf or a constant of these elements, which it takes over. */
static int given(generator *g, step_kind kind, tg_shape shape, tg_dtype dtype, double *elements)
{
    step *s = begin_step(g, kind);
    if (!s) {
        free(elements);
        return -1;
    }
    const int v = s->first;
    s->count = 1;
    g->p->values[v] = (value){ shape, dtype, elements, g->p->step_count };
    g->p->value_count++;
    g->p->step_count++;
    g->leaves += kind == STEP_LEAF;
    tg_tensor *t = tg_empty_raw(shape, dtype);
    assert_non_null(t);
    sample_write(t, elements);
    if (kind == STEP_LEAF) tg_requires_grad_(t, true);
    g->r.fixed[v] = g->r.values[v] = t;
    g->gone[v] = g->used[v] = false;
    return v;
}

static int random_leaf(generator *g, step_kind kind, tg_shape shape, double lo, double hi)
{
    const int64_t n = tg_shape_numel(&shape);
    double *elements = malloc(((size_t)n + 1) * sizeof *elements);
    assert_non_null(elements);
    for (int64_t k = 0; k < n; k++) elements[k] = lo + (hi - lo) * (0.02 + 0.96 * program_number(&g->state));
    return given(g, kind, shape, TG_FLOAT64, elements);
}

/* Some steps run where nothing is recorded, in a scope of their own, or have a hook. */
static void adorn(generator *g, step *s)
{
    if (s->count != 1) {
        if (one_in(g, 4)) s->hook = one_in(g, 2) ? 1 : 0.5 + program_number(&g->state);
        return;
    }
    if (one_in(g, 12)) s->scoped = true;
    if (one_in(g, 12)) s->hook = one_in(g, 2) ? 1 : 0.5 + program_number(&g->state);
}

#define TENSOR_ARG     ((tg_value){ TG_VALUE_TENSOR, { 0 } })
#define INT_ARG(n)     ((tg_value){ TG_VALUE_INT, { .integer = (n) } })
#define FLOAT_ARG(x)   ((tg_value){ TG_VALUE_FLOAT, { .real = (x) } })
#define INTS_ARG(list) ((tg_value){ TG_VALUE_INTS, { .ints = (list) } })

/* name(values, others): the first of `count` results. */
static int emit(generator *g, const char *name, int count, const int *inputs, int input_count, const tg_value *others,
                int other_count)
{
    step *s = begin_step(g, STEP_CALL);
    if (!s) return -1;
    s->op = tg_op_find(name);
    if (!s->op) fail_msg("there is no op '%s'", name);
    for (int k = 0; k < input_count; k++) {
        if (inputs[k] < 0) return -1;
        s->inputs[s->input_count++] = inputs[k];
        s->args[s->arg_count++] = TENSOR_ARG;
    }
    for (int k = 0; k < other_count; k++) s->args[s->arg_count++] = others[k];
    s->count = count;
    const bool in_place = s->op->in_place_of != NULL;
    if (!in_place) adorn(g, s);
    return end_step(g, s, in_place);
}
#define ARGS(...)             (const tg_value[]){ __VA_ARGS__ }, (int)(sizeof((tg_value[]){ __VA_ARGS__ }) / sizeof(tg_value))
#define EMIT(g, name, v, ...) emit(g, name, 1, (const int[]){ v }, 1, ARGS(__VA_ARGS__))

/* What was made of a value without the tape is equal to it: functions of both would be at a kink, unseen by differences. */
static int unlike(generator *g, int v)
{
    return v < 0 ? v : EMIT(g, "mul", v, FLOAT_ARG(0.917 + 0.05 * program_number(&g->state)));
}

static int emit_one(generator *g, const char *name, int v) { return emit(g, name, 1, (const int[]){ v }, 1, NULL, 0); }

/* ---- writing in place ---- */

/* Ops whose results are always memory of their own. A reshape, say, is a view or a copy as the strides are, and these are
 * others where a hook or a motion is made part of the function. */
static bool is_fresh(const step *s)
{
    static const char *const families[] = { "pointwise", "functions", "activation", "reduce",
                                            "scan",      "moments",   "matmul" };
    char name[40] = "";
    if (s->kind == STEP_CALL) snprintf(name, sizeof name, "%s", s->op->name);
    if (s->kind == STEP_SAMPLE)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(s->sample->text, "("), s->sample->text);
    const tg_op *op = tg_op_find(name);
    for (int i = 0; op && i < 7; i++)
        if (strcmp(tg_op_family(op), families[i]) == 0) return true;
    return false;
}

/* Whether nothing would notice: no node saved the elements, no value shares them. */
static bool is_private(const generator *g, int v)
{
    tg_tensor *t = g->r.values[v];
    if (!tg_requires_grad(t) || tg_is_leaf(t) || g->gone[v]) return false;
    if (!is_fresh(&g->p->steps[g->p->values[v].step])) return false;
    for (int o = 0; o < g->p->value_count; o++)
        if (o != v && !g->gone[o] && g->r.values[o] && g->r.values[o]->storage == t->storage) return false;
    for (int64_t i = 0; i < tg_tape_length(); i++) {
        const tg_node *node = tg_tape_node(i);
        for (int k = 0; k < node->saved_count; k++) {
            const tg_tensor *saved = tgi_saved_of(node)[k].tensor;
            if (saved && saved->storage == t->storage) return false;
        }
    }
    return true;
}

/* name_(v, operands), or the same with a result of its own where v may not be written. */
static int emit_in_place(generator *g, const char *name, int v, const tg_value *others, int count)
{
    char in_place[40];
    snprintf(in_place, sizeof in_place, "%s_", name);
    if (v >= 0 && one_in(g, 3) && is_private(g, v)) {
        const int written = emit(g, in_place, 1, (const int[]){ v }, 1, others, count);
        if (written >= 0 || g->broken) return written;
    }
    return emit(g, name, 1, (const int[]){ v }, 1, others, count);
}

/* ---- operands of a wanted shape and range ---- */

/* Strictly within, and not at whole numbers, where functions tend to have their kinks. */
static bool is_within(const generator *g, int v, double lo, double hi)
{
    const double *x = elements_of(g, v), margin = 0.01 * (hi - lo);
    for (int64_t k = 0; k < numel(g, v); k++)
        if (!(x[k] > lo + margin && x[k] < hi - margin) || fabs(x[k] - nearbyint(x[k])) < 1e-5) return false;
    return true;
}

static int fit_range(generator *g, int v, double lo, double hi)
{
    static const char *const bounded[] = { "sin", "cos", "tanh", "erf", "softsign", "sin" };
    if (v < 0 || is_within(g, v, lo, hi)) return v;
    const double middle = (lo + hi) / 2 + 0.0137 * (hi - lo), half = 0.47 * (hi - lo);
    v = emit_one(g, bounded[below(g, 6)], v);
    v = v < 0 ? v : emit_in_place(g, "mul", v, ARGS(FLOAT_ARG(half)));
    return v < 0 ? v : emit_in_place(g, "add", v, ARGS(FLOAT_ARG(middle)));
}

static int fit_shape(generator *g, int v, tg_shape shape)
{
    const int64_t n = tg_shape_numel(&shape);
    if (v < 0 || tg_shape_equal(&g->p->values[v].shape, &shape)) return v;
    if (numel(g, v) != n) {
        double *picked = malloc(((size_t)n + 1) * sizeof *picked);
        assert_non_null(picked);
        for (int64_t k = 0; k < n; k++) picked[k] = (double)below(g, (int)numel(g, v));
        v = emit_one(g, "flatten", v);
        const int index = given(g, STEP_CONSTANT, tg_shape(n), TG_INT64, picked);
        if (v < 0 || index < 0) return -1;
        step *s = begin_step(g, STEP_CALL);
        if (!s) return -1;
        s->op = tg_op_find("index_select");
        s->args[0] = s->args[2] = TENSOR_ARG;
        s->args[1] = INT_ARG(0);
        s->arg_count = 3;
        s->inputs[0] = v;
        s->inputs[1] = index;
        s->input_count = 2;
        s->count = 1;
        if ((v = end_step(g, s, false)) < 0) return -1;
    }
    return EMIT(g, "reshape", v, INTS_ARG(shape));
}

/* A value that there is, of float64 and with elements; -1: none. Late ones are likelier. */
static int any_value(generator *g)
{
    for (int attempt = 0; attempt < 24; attempt++) {
        const int a = below(g, g->p->value_count), b = below(g, g->p->value_count), v = a > b ? a : b;
        if (g->p->value_count && is_wide(g, v) && !g->gone[v] && numel(g, v) > 0 &&
            g->p->steps[g->p->values[v].step].kind != STEP_CONSTANT)
            return v;
    }
    return -1;
}

static int existing(generator *g, tg_shape shape, double lo, double hi)
{
    int found = -1, seen = 0;
    for (int v = 0; v < g->p->value_count; v++)
        if (!g->gone[v] && is_wide(g, v) && tg_shape_equal(&g->p->values[v].shape, &shape) && is_within(g, v, lo, hi) &&
            g->p->steps[g->p->values[v].step].kind != STEP_CONSTANT && one_in(g, ++seen))
            found = v;
    return found;
}

static int operand(generator *g, tg_shape shape, double lo, double hi, int depth);

/* One of the parts that something larger is split into; the others are there for later. */
static int part_of(generator *g, tg_shape shape, double lo, double hi, int depth)
{
    const int way = below(g, 4), count = 2 + below(g, 2);
    tg_shape whole = shape;
    if (shape.ndim == 0 || way == 3) {
        if (shape.ndim == TG_MAX_DIMS) return -1;
        const int d = below(g, shape.ndim + 1);
        for (int k = shape.ndim; k > d; k--) whole.dims[k] = whole.dims[k - 1];
        whole.dims[d] = count;
        whole.ndim++;
        const int v = operand(g, whole, lo, hi, depth);
        const int first = emit(g, "unbind", count, (const int[]){ v }, v < 0 ? -1 : 1, ARGS(INT_ARG(d)));
        return first < 0 ? -1 : first + below(g, count);
    }
    const int d = below(g, shape.ndim);
    const int64_t size = shape.dims[d];
    if (size == 0) return -1;
    whole.dims[d] = size * count;
    const int v = operand(g, whole, lo, hi, depth);
    if (v < 0) return -1;
    static const char *const ways[] = { "chunk", "split", "tensor_split" };
    const tg_value how = INT_ARG(way == 1 ? size : count);
    const int first =
        emit(g, ways[way], count, (const int[]){ v }, 1, ARGS(how, INT_ARG(one_in(g, 2) ? d : d - shape.ndim)));
    return first < 0 ? -1 : first + below(g, count);
}

/* A view of that shape of something else. */
static int view_of(generator *g, tg_shape shape, double lo, double hi, int depth)
{
    const int d = shape.ndim ? below(g, shape.ndim) : 0, e = shape.ndim ? below(g, shape.ndim) : 0;
    tg_shape base = shape;
    switch (shape.ndim ? below(g, 4) : 3) {
    case 0: /* transposed */
        base.dims[d] = shape.dims[e];
        base.dims[e] = shape.dims[d];
        return EMIT(g, "transpose", operand(g, base, lo, hi, depth), INT_ARG(d), INT_ARG(e));
    case 1: /* narrowed */
        base.dims[d] += 2;
        return EMIT(g, "narrow", operand(g, base, lo, hi, depth), INT_ARG(d), INT_ARG(below(g, 3)),
                    INT_ARG(shape.dims[d]));
    case 2: /* expanded */ base.dims[d] = 1; return EMIT(g, "expand", operand(g, base, lo, hi, depth), INTS_ARG(shape));
    default: /* selected */
        if (shape.ndim == TG_MAX_DIMS) return -1;
        base.dims[base.ndim++] = 2;
        return EMIT(g, "select", operand(g, base, lo, hi, depth), INT_ARG(-1), INT_ARG(below(g, 2)));
    }
}

static int detached(generator *g, int v)
{
    step *s = v < 0 ? NULL : begin_step(g, STEP_DETACH);
    if (!s) return v;
    s->inputs[0] = v;
    s->input_count = s->count = 1;
    return unlike(g, end_step(g, s, false));
}

static int without_grad(generator *g, int v)
{
    static const char *const ops[] = { "sin", "tanh", "neg", "clone", "softsign" };
    step *s = v < 0 ? NULL : begin_step(g, STEP_CALL);
    if (!s) return v;
    s->op = tg_op_find(ops[below(g, 5)]);
    s->args[0] = TENSOR_ARG;
    s->inputs[0] = v;
    s->arg_count = s->input_count = s->count = 1;
    s->no_grad = true;
    return unlike(g, end_step(g, s, false));
}

/* A shape that broadcasts to `shape`. */
static tg_shape narrower(generator *g, tg_shape shape)
{
    tg_shape s = tg_shape();
    const int skipped = one_in(g, 3) ? below(g, shape.ndim + 1) : 0;
    for (int d = skipped; d < shape.ndim; d++) s.dims[s.ndim++] = one_in(g, 3) ? 1 : shape.dims[d];
    return s;
}

/* Something that was written in place, by itself or with another operand. */
static int written(generator *g, tg_shape shape, int depth)
{
    static const char *const alone[] = { "sin_", "tanh_", "neg_", "sigmoid_", "square_", "erf_", "softplus_" };
    static const char *const both[] = { "add_", "mul_", "sub_", "div_", "atan2_", "logaddexp_" };
    int v = operand(g, shape, -2, 2, depth);
    if (v < 0) return -1;
    if (!is_private(g, v)) v = EMIT(g, "mul", v, FLOAT_ARG(1.25));
    if (v < 0 || !is_private(g, v)) return v;
    if (one_in(g, 2)) return emit_one(g, alone[below(g, 7)], v);
    const int other = operand(g, narrower(g, shape), 0.5, 2, depth);
    if (other < 0 || !is_private(g, v)) return g->gone[v] ? -1 : v;
    return emit(g, both[below(g, 6)], 1, (const int[]){ v, other }, 2, NULL, 0);
}

static int plain_operand(generator *g, tg_shape shape, double lo, double hi)
{
    const int source = any_value(g);
    int v = -1;
    if (tg_shape_numel(&shape) == 0) return random_leaf(g, STEP_LEAF, shape, lo, hi);
    if (source >= 0 && (g->leaves == MOST_LEAVES || !one_in(g, 3))) v = fit_shape(g, source, shape);
    v = fit_range(g, v, lo, hi);
    if (v >= 0 || g->broken) return v;
    return random_leaf(g, g->leaves < MOST_LEAVES ? STEP_LEAF : STEP_CONSTANT, shape, lo, hi);
}

static int operand(generator *g, tg_shape shape, double lo, double hi, int depth)
{
    int v = -1;
    if (g->broken) return -1;
    if (tg_shape_numel(&shape) > 4 * MOST_ELEMENTS) return -1;
    if (one_in(g, 3) && (v = existing(g, shape, lo, hi)) >= 0) return v;
    if (depth > 0 && tg_shape_numel(&shape) > 0) {
        const int way = below(g, 12);
        if (way < 3)
            v = part_of(g, shape, lo, hi, depth - 1);
        else if (way < 5)
            v = view_of(g, shape, lo, hi, depth - 1);
        else if (way == 5 && one_in(g, 3))
            v = detached(g, operand(g, shape, lo, hi, depth - 1));
        else if (way == 7)
            v = written(g, shape, depth - 1);
        else if (way == 6 && one_in(g, 3))
            v = without_grad(g, operand(g, shape, lo, hi, depth - 1));
    }
    if (v >= 0) v = fit_range(g, v, lo, hi);
    if (v < 0 && !g->broken) v = plain_operand(g, shape, lo, hi);
    return v;
}

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
