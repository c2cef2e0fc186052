/* program.c: see program.h. */
#define _POSIX_C_SOURCE 200809L
#include "program.h"
#include "cmocka_all.h"

#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void program_free(program *p)
{
    for (int i = 0; i < p->step_count; i++) free(p->steps[i].sample);
    for (int v = 0; v < p->value_count; v++) free(p->values[v].elements);
    for (int k = 0; k < p->term_count; k++) free(p->terms[k].weights);
    p->step_count = p->value_count = p->term_count = 0;
}

const tg_op *program_op(const step *s)
{
    char name[40];
    if (s->op) return s->op;
    if (!s->sample) return NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(s->sample->text, "("), s->sample->text);
    return tg_op_find(name);
}

double program_number(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

double *program_direction(const program *p, int v)
{
    const int64_t n = tg_shape_numel(&p->values[v].shape);
    double *direction = malloc(((size_t)n + 1) * sizeof *direction);
    assert_non_null(direction);
    for (int64_t k = 0; k < n; k++) {
        uint64_t state;
        memcpy(&state, &p->values[v].elements[k], sizeof state);
        state ^= p->seed * 1000003;
        direction[k] = program_number(&state) < 0.5 ? -1 : 1;
        direction[k] *= 0.5 + program_number(&state);
    }
    return direction;
}

static bool is_watched(const program *p, int v)
{
    for (int i = 0; i < p->watched_count; i++)
        if (p->watched[i] == v) return true;
    return false;
}

int program_inputs(const program *p, int *inputs)
{
    int count = 0;
    for (int v = 0; v < p->value_count; v++)
        if (p->steps[p->values[v].step].kind == STEP_LEAF || is_watched(p, v)) inputs[count++] = v;
    return count;
}

/* ---- running ---- */

static tg_tensor *tensor_of(const value *v, const double *elements)
{
    tg_tensor *t = tg_empty_raw(v->shape, v->dtype);
    assert_non_null(t);
    sample_write(t, elements);
    return t;
}

static tg_tensor *hooked(tg_tensor *grad, void *context)
{
    const double factor = *(const double *)context;
    return factor == 1 ? NULL : tg_mul(grad, factor);
}

static bool add_hook(const step *s, tg_tensor *t)
{
    return s->hook == 0 || !tg_requires_grad(t) || tg_register_hook(t, hooked, (void *)(uintptr_t)&s->hook) >= 0;
}

void program_prepare(running *r, const program *p)
{
    memset(r, 0, sizeof *r);
    r->program = p;
    for (int i = 0; i < p->step_count; i++) {
        const step *s = &p->steps[i];
        if (s->kind != STEP_LEAF && s->kind != STEP_CONSTANT) continue;
        for (int v = s->first; v < s->first + s->count; v++) {
            r->fixed[v] = tensor_of(&p->values[v], p->values[v].elements);
            if (s->kind == STEP_LEAF) tg_requires_grad_(r->fixed[v], true);
        }
    }
    for (int k = 0; k < p->term_count; k++) {
        value like = p->values[p->terms[k].value];
        if (p->terms[k].weights) r->weights[k] = tensor_of(&like, p->terms[k].weights);
    }
}

/* The values `v` had at first, times a factor, plus h times the direction if there is one to move in. */
static tg_tensor *moved(const program *p, int v, double factor, double h)
{
    const value *of = &p->values[v];
    const int64_t n = tg_shape_numel(&of->shape);
    double *elements = program_direction(p, v);
    for (int64_t k = 0; k < n; k++) elements[k] = factor * of->elements[k] + h * elements[k];
    tg_tensor *t = tensor_of(of, elements);
    free(elements);
    return t;
}

static tg_tensor_list call(const running *r, const step *s)
{
    tg_value args[SAMPLE_ARGUMENTS];
    tg_tensor *tensors[STEP_INPUTS];
    int next = 0;
    for (int k = 0; k < s->input_count; k++) tensors[k] = r->values[s->inputs[k]];
    for (int k = 0; k < s->arg_count; k++) {
        args[k] = s->args[k];
        if (args[k].kind == TG_VALUE_TENSOR) args[k].as.tensor = tensors[next++];
        if (args[k].kind == TG_VALUE_TENSORS) {
            args[k].as.tensors.items = tensors + next;
            next += (int)args[k].as.tensors.count;
        }
    }
    return tg_op_call(s->op, args, s->arg_count);
}

static tg_tensor_list call_sample(const running *r, const step *s)
{
    tg_tensor_list results = TG_NONE;
    for (int k = 0; k < s->input_count; k++) s->sample->leaves[k].tensor = r->values[s->inputs[k]];
    tg_manual_seed(7); /* what draws numbers draws the same in each run */
    if (!s->op) return sample_run(s->sample);
    sample_run_in_place(s->sample, s->op, &results);
    return results;
}

static bool compute(running *r, const step *s)
{
    tg_tensor *one, **values = &r->values[s->first];
    tg_tensor_list results = { &one, 1 };
    tg_scope scope = { 0, 0 };
    if (s->no_grad)
        scope = tg_no_grad_begin();
    else if (s->scoped)
        scope = tg_scope_begin();
    if (s->kind == STEP_DETACH)
        one = tg_detach(r->values[s->inputs[0]]);
    else
        results = s->kind == STEP_CALL ? call(r, s) : call_sample(r, s);
    const int count = (int)results.count < STEP_RESULTS ? (int)results.count : STEP_RESULTS;
    for (int k = 0; k < count && k < s->count; k++) values[k] = results.items[k];
    if (s->no_grad || s->scoped) tg_scope_end_with(scope, &values[0]);
    return !tg_failed() && count >= s->count;
}

/* The first value with its hook and its motion; `p` knows its elements. */
static bool make_smooth(running *r, const step *s, motion m)
{
    const program *p = r->program;
    for (int v = s->first; v < s->first + s->count; v++) {
        tg_tensor **t = &r->values[v];
        if (s->kind == STEP_DETACH || s->no_grad)
            *t = moved(p, v, 1, 0);
        else if (v == s->first && s->hook != 0 && s->hook != 1)
            *t = tg_add(*t, tg_mul(tg_sub(*t, moved(p, v, 1, 0)), s->hook - 1));
        if (is_watched(p, v) && !m.leaves_only) *t = tg_add(*t, moved(p, v, 0, m.h));
    }
    return !tg_failed();
}

/* A leaf that moves is made anew; under grad it requires grad. */
static void place_fixed(running *r, const step *s, motion m)
{
    for (int v = s->first; v < s->first + s->count; v++) {
        r->values[v] = r->fixed[v];
        if (s->kind != STEP_LEAF || !m.smooth) continue;
        r->values[v] = tg_requires_grad_(moved(r->program, v, 1, m.h), true);
    }
}

bool program_run_step(running *r, int i, motion m)
{
    const step *s = &r->program->steps[i];
    if (s->kind == STEP_LEAF || s->kind == STEP_CONSTANT) {
        place_fixed(r, s, m);
        return true;
    }
    if (!compute(r, s)) return false;
    return m.smooth ? make_smooth(r, s, m) : add_hook(s, r->values[s->first]);
}

static tg_tensor *run_term(running *r, int k)
{
    const term *of = &r->program->terms[k];
    tg_tensor *t = r->values[of->value];
    if (of->kind == TERM_WEIGHTED) return tg_sum(tg_mul(t, r->weights[k]));
    return tg_mul(tg_sum(t), of->scale);
}

bool program_run(running *r, motion m)
{
    const program *p = r->program;
    for (int i = 0; i < p->step_count; i++)
        if (!program_run_step(r, i, m)) return false;
    return program_run_terms(r);
}

bool program_run_terms(running *r)
{
    const program *p = r->program;
    for (int i = 0; i < p->loss_count; i++) r->losses[i] = NULL;
    for (int k = 0; k < p->term_count; k++) {
        tg_tensor **loss = &r->losses[p->terms[k].loss];
        r->terms[k] = run_term(r, k);
        *loss = *loss ? tg_add(*loss, r->terms[k]) : r->terms[k];
    }
    return !tg_failed();
}

tg_tensor *program_total(const running *r)
{
    tg_tensor *total = NULL;
    for (int i = 0; i < r->program->loss_count; i++)
        if (r->losses[i]) total = total ? tg_add(total, r->losses[i]) : r->losses[i];
    return total;
}

/* ---- text ---- */

void program_needed(const program *p, bool *needed)
{
    bool wanted[PROGRAM_VALUES] = { false };
    for (int k = 0; k < p->term_count; k++) wanted[p->terms[k].value] = true;
    for (int k = 0; k < p->watched_count; k++) wanted[p->watched[k]] = true;
    for (int i = p->step_count - 1; i >= 0; i--) {
        const step *s = &p->steps[i];
        needed[i] = false;
        for (int v = s->first; v < s->first + s->count; v++) needed[i] |= wanted[v];
        for (int k = 0; k < s->input_count && needed[i]; k++) wanted[s->inputs[k]] = true;
    }
}

static void print_arg(const step *s, int k, int *next)
{
    const tg_value *a = &s->args[k];
    printf("%s", k ? ", " : "");
    switch (a->kind) {
    case TG_VALUE_TENSOR: printf("%%%d", s->inputs[(*next)++]); break;
    case TG_VALUE_TENSORS:
        printf("[");
        for (int64_t i = 0; i < a->as.tensors.count; i++) printf("%s%%%d", i ? ", " : "", s->inputs[(*next)++]);
        printf("]");
        break;
    case TG_VALUE_INT: printf("%lld", (long long)a->as.integer); break;
    case TG_VALUE_FLOAT: printf("%.17g", a->as.real); break;
    case TG_VALUE_BOOL: printf("%s", a->as.boolean ? "True" : "False"); break;
    case TG_VALUE_STRING: printf("'%s'", a->as.string); break;
    case TG_VALUE_INTS: {
        char text[TG_SHAPE_TEXT];
        printf("%s", tg_shape_text(&a->as.ints, text));
        break;
    }
    default: printf("None");
    }
}

static void print_given(const program *p, const step *s)
{
    printf("%s", s->kind == STEP_LEAF ? "leaf" : "constant");
    for (int v = s->first; v < s->first + s->count; v++) {
        char text[TG_SHAPE_TEXT];
        const int64_t n = tg_shape_numel(&p->values[v].shape);
        printf(" %s %s {", tg_dtype_name(p->values[v].dtype), tg_shape_text(&p->values[v].shape, text));
        for (int64_t k = 0; k < n && k < 24; k++) printf("%s%.17g", k ? ", " : "", p->values[v].elements[k]);
        printf("%s}", n > 24 ? ", ..." : "");
    }
}

static void print_step(const program *p, const step *s)
{
    int next = 0;
    for (int v = s->first; v < s->first + s->count; v++) printf("%s%%%d", v > s->first ? ", " : "    ", v);
    printf(" = ");
    if (s->kind == STEP_CALL) {
        printf("%s(", s->op->name);
        for (int k = 0; k < s->arg_count; k++) print_arg(s, k, &next);
        printf(")");
    } else if (s->kind == STEP_SAMPLE) {
        printf("%s%s of", s->op ? "in place, " : "", s->sample->text);
        for (int k = 0; k < s->input_count; k++) printf(" %%%d", s->inputs[k]);
    } else if (s->kind == STEP_DETACH) {
        printf("detach(%%%d)", s->inputs[0]);
    } else {
        print_given(p, s);
    }
    if (s->hook != 0) printf("   [hook: times %g]", s->hook);
    printf("%s%s\n", s->no_grad ? "   [no_grad]" : "", s->scoped ? "   [in a scope]" : "");
}

void program_print(const program *p)
{
    bool needed[PROGRAM_STEPS];
    program_needed(p, needed);
    for (int i = 0; i < p->step_count; i++)
        if (needed[i]) print_step(p, &p->steps[i]);
    for (int k = 0; k < p->term_count; k++) {
        const term *t = &p->terms[k];
        if (t->kind == TERM_WEIGHTED)
            printf("    loss %d: sum(%%%d * weights)\n", t->loss, t->value);
        else
            printf("    loss %d: sum(%%%d) * %.17g\n", t->loss, t->value, t->scale);
    }
    for (int k = 0; k < p->watched_count; k++) printf("    watched: %%%d\n", p->watched[k]);
}
