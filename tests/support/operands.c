/* operands.c: the steps of a random program, and operands of a wanted shape and range. */
#include "generate.h"
#include "cmocka_all.h"

#include "core/tape_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- steps ---- */

step *begin_step(generator *g, step_kind kind)
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

void take_back(generator *g, step *s)
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

bool is_another(const generator *g, int v)
{
    for (int o = 0; o < g->p->value_count; o++)
        if (o != v && !g->gone[o] && g->r.values[o] == g->r.values[v]) return true;
    return false;
}

int end_step(generator *g, step *s, bool in_place)
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

int given(generator *g, step_kind kind, tg_shape shape, tg_dtype dtype, double *elements)
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

int random_leaf(generator *g, step_kind kind, tg_shape shape, double lo, double hi)
{
    const int64_t n = tg_shape_numel(&shape);
    double *elements = malloc(((size_t)n + 1) * sizeof *elements);
    assert_non_null(elements);
    for (int64_t k = 0; k < n; k++) elements[k] = lo + (hi - lo) * (0.02 + 0.96 * program_number(&g->state));
    return given(g, kind, shape, TG_FLOAT64, elements);
}

void adorn(generator *g, step *s)
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
    const tg_op *op = program_op(s);
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

int any_value(generator *g)
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
        if (v < 0) return -1;
        const int first = emit(g, "unbind", count, (const int[]){ v }, 1, ARGS(INT_ARG(d)));
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

tg_shape narrower(generator *g, tg_shape shape)
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

int operand(generator *g, tg_shape shape, double lo, double hi, int depth)
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
