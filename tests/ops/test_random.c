/* test_random.c: random programs: whatever a user puts together, its gradients are right, at every step.
 *
 * Of each program (support/generate.c makes them):
 *   - steps like those of a training loop, on memory that others have used in between, give the same bits;
 *   - tg_backward, tg_grad and tg_grad under create_graph agree;
 *   - the gradients of leaves and of values in between are those of finite differences, as are second derivatives.
 * Where differences of two step sizes disagree, as at kinks, nothing is compared; that may happen now and then only.
 *
 * test_random SEEDS FIRST runs as many programs from that one on (RANDOM_SEEDS in the environment says how many as
 * well). A program that fails is reduced and printed. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/suite.h"
#include "tests/support/program.h"

#include "ops/pointwise.h"
#include "ops/reduce.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char fault[700];
#define FAULT(...) (snprintf(fault, sizeof fault, __VA_ARGS__), false)

static struct {
    int64_t programs, empty, compared, skipped, second, checkpoints, packed;
} counted;

/* The leaves alone. Second derivatives are taken by these: of a value in between, what saved it (tanh its result) asks
 * for more than differences move. */
static int leaves_of(const program *p, int *leaves)
{
    int count = 0;
    for (int i = 0; i < p->step_count; i++)
        for (int k = 0; k < p->steps[i].count && p->steps[i].kind == STEP_LEAF; k++)
            leaves[count++] = p->steps[i].first + k;
    return count;
}

/* ---- gradients of one run, as numbers ---- */

typedef struct outcome {
    double loss;
    int count;
    int value[PROGRAM_VALUES];
    double *grads[PROGRAM_VALUES]; /* NULL: none */
} outcome;

static void outcome_free(outcome *o)
{
    for (int k = 0; k < o->count; k++) free(o->grads[k]);
    o->count = 0;
}

static bool pending(const char *when) { return tg_failed() ? !FAULT("%s: %s", when, tg_error_message()) : false; }

/* Backward in the manner that the seed chooses: of the sum, of one loss after the other, of each value by itself. */
static void backward(running *r)
{
    const program *p = r->program;
    const int manner = (int)(p->seed % 3);
    if (manner == 0) {
        tg_backward(program_total(r));
        return;
    }
    int last = -1;
    for (int i = 0; i < p->loss_count; i++)
        if (r->losses[i]) last = i;
    for (int i = 0; i < p->loss_count && manner == 1; i++)
        if (r->losses[i]) tg_backward(r->losses[i], .retain_graph = i != last);
    for (int k = 0; k < p->term_count && manner == 2; k++) {
        const term *t = &p->terms[k];
        const bool retain = k + 1 < p->term_count;
        if (t->kind == TERM_SUM)
            tg_backward(r->terms[k], .retain_graph = retain);
        else
            tg_backward(r->values[t->value], .gradient = r->weights[k], .retain_graph = retain);
    }
}

static void drop_gradients(const running *r, const outcome *o)
{
    for (int k = 0; k < o->count; k++)
        if (tg_is_leaf(r->values[o->value[k]])) tg_set_grad(r->values[o->value[k]], NULL);
}

/* The forward in a scope of its own, of which the total alone is handed out. */
static void handed_out(running *r, outcome *o)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *total = program_run(r, (motion){ .h = 0 }) ? program_total(r) : NULL;
    tg_scope_end_with(scope, &total);
    o->loss = total ? tg_item(total) : 0;
    tg_backward(total);
}

/* Two walks over one tape, the gradients of the second. */
static void walked_twice(running *r, outcome *o)
{
    tg_tensor *total = program_run(r, (motion){ .h = 0 }) ? program_total(r) : NULL;
    o->loss = total ? tg_item(total) : 0;
    tg_backward(total, .retain_graph = true);
    drop_gradients(r, o);
    tg_backward(total);
}

/* Parts of it run again in backward. */
static void in_checkpoints(running *r, outcome *o)
{
    const int checkpoints = program_run_in_checkpoints(r);
    tg_tensor *total = checkpoints >= 0 ? program_total(r) : NULL;
    o->loss = total ? tg_item(total) : 0;
    counted.checkpoints += checkpoints;
    tg_backward(total);
}

/* What the tape saves are copies of the program's own. */
static void *pack(void *context, tg_tensor *t)
{
    tg_scope scope = tg_no_grad_begin();
    counted.packed++;
    tg_tensor *copy = tg_keep(tg_clone(t));
    tg_scope_end(scope);
    return context ? context : copy;
}
static tg_tensor *unpack(void *context, void *copy) { return (void)context, copy; }
static void release(void *context, void *copy)
{
    (void)context;
    tg_release(copy);
}

static void packed(running *r, outcome *o)
{
    const tg_saved_hooks hooks = { pack, unpack, release };
    const tg_scope scope = tg_saved_hooks_begin(&hooks, NULL);
    if (r->program->seed % 2)
        in_checkpoints(r, o);
    else
        walked_twice(r, o);
    tg_scope_end(scope);
}

/* A step of a training loop: forward, backward, gradients read and dropped. Another `way` must not change a bit. */
static bool train(running *r, outcome *o, void (*way)(running *r, outcome *o))
{
    const program *p = r->program;
    const tg_scope scope = tg_scope_begin();
    memset(o, 0, sizeof *o);
    o->count = program_inputs(p, o->value);
    if (way && p->seed % 3 == 0 && p->watched_count == 0) {
        way(r, o);
    } else if (program_run(r, (motion){ .h = 0 })) {
        for (int k = 0; k < p->watched_count; k++) tg_retain_grad(r->values[p->watched[k]]);
        tg_tensor *total = program_total(r);
        o->loss = total ? tg_item(total) : 0;
        backward(r);
    }
    for (int k = 0; k < o->count && !tg_failed(); k++) {
        tg_tensor *t = r->values[o->value[k]], *g = tg_grad_of(t);
        if (g) o->grads[k] = sample_elements(g);
    }
    drop_gradients(r, o);
    const bool ok = !pending("backward");
    tg_error_clear();
    tg_scope_end(scope);
    return ok;
}

/* sum over inputs of sum(gradient * direction) */
static tg_tensor *along_directions(const program *p, const int *inputs, tg_tensor_list g)
{
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < g.count; k++) {
        if (!g.items[k]) continue;
        double *d = program_direction(p, inputs[k]);
        tg_tensor *part = tg_sum(tg_mul(g.items[k], tg_from_data(d, p->values[inputs[k]].shape)));
        free(d);
        sum = sum ? tg_add(sum, part) : part;
    }
    return sum;
}

static tg_tensor_list gradients(running *r, tg_tensor *of, const int *inputs, int count, bool create_graph)
{
    tg_tensor *tensors[PROGRAM_VALUES];
    for (int k = 0; k < count; k++) tensors[k] = r->values[inputs[k]];
    return tg_grad(tg_list(of), ((tg_tensor_list){ tensors, count }), .create_graph = create_graph,
                   .allow_unused = true);
}

static bool by_checkpoints; /* parts of programs run again in backward */

static tg_tensor *run_total(running *r)
{
    const bool ran = by_checkpoints ? program_run_in_checkpoints(r) >= 0 : program_run(r, (motion){ .h = 0 });
    return ran ? program_total(r) : NULL;
}

/* By tg_grad. With create_graph, `second` (unless NULL) gets the leaves' gradients of s = along_directions(gradients). */
static bool grad(running *r, bool create_graph, outcome *o, outcome *second)
{
    const program *p = r->program;
    const tg_scope scope = tg_scope_begin();
    memset(o, 0, sizeof *o);
    o->count = program_inputs(p, o->value);
    tg_tensor *total = run_total(r);
    tg_tensor_list g = total ? gradients(r, total, o->value, o->count, create_graph) : TG_NONE;
    for (int k = 0; k < o->count && total && !tg_failed(); k++)
        if (g.items[k]) o->grads[k] = sample_elements(g.items[k]);
    if (second && !tg_failed()) {
        memset(second, 0, sizeof *second);
        second->count = leaves_of(p, second->value);
        tg_tensor *s = along_directions(p, o->value, g);
        if (s && tg_requires_grad(s)) {
            g = gradients(r, s, second->value, second->count, false);
            for (int k = 0; k < second->count && !tg_failed(); k++)
                if (g.items[k]) second->grads[k] = sample_elements(g.items[k]);
        }
    }
    const bool ok = !pending(create_graph ? "create_graph" : "tg_grad");
    tg_error_clear();
    tg_scope_end(scope);
    return ok;
}

/* ---- two outcomes ---- */

/* The same bits, or within the tolerance times the largest of that gradient; none at all is as good as zeros. */
static bool agree(const program *p, const char *what, const outcome *a, const outcome *b, double tolerance)
{
    if (tolerance == 0 && memcmp(&a->loss, &b->loss, sizeof a->loss) != 0)
        return FAULT("%s: the loss is %.17g, not %.17g", what, a->loss, b->loss);
    for (int i = 0; i < a->count; i++) {
        const int64_t n = tg_shape_numel(&p->values[a->value[i]].shape);
        double most = 1;
        for (int64_t k = 0; k < n; k++) most = fmax(most, b->grads[i] ? fabs(b->grads[i][k]) : 0);
        for (int64_t k = 0; k < n; k++) {
            const double x = a->grads[i] ? a->grads[i][k] : 0, y = b->grads[i] ? b->grads[i][k] : 0;
            if (memcmp(&x, &y, sizeof x) == 0 || (tolerance > 0 && fabs(x - y) <= tolerance * most)) continue;
            return FAULT("%s: the gradient of %%%d, element %lld, is %.17g, not %.17g", what, a->value[i], (long long)k,
                         x, y);
        }
    }
    return true;
}

/* ---- finite differences ---- */

/* The total, or with `second` the sum of its gradients along the directions, of the program moved by h. */
static double moved_by(running *r, double h, bool second)
{
    const program *p = r->program;
    int inputs[PROGRAM_VALUES];
    const int count = program_inputs(p, inputs);
    const tg_scope scope = second ? tg_scope_begin() : tg_no_grad_begin();
    tg_tensor *y = program_run(r, (motion){ true, second, h }) ? program_total(r) : NULL;
    if (y && second) {
        tg_tensor_list g = tg_requires_grad(y) ? gradients(r, y, inputs, count, false) : TG_NONE;
        y = along_directions(p, inputs, g);
        if (!y && !tg_failed()) {
            tg_scope_end(scope);
            return 0;
        }
    }
    const double result = y && !tg_failed() ? tg_item(y) : (double)NAN;
    tg_scope_end(scope);
    return result;
}

/* The derivative along the directions from differences, and its error's bound as far as it can be told; false where two
 * step sizes disagree: at a kink, or a function too steep for them. */
static bool difference(running *r, bool second, double scale, double *result, double *at_rest)
{
    const double h = 1e-3, f0 = moved_by(r, 0, second);
    const double p2 = moved_by(r, 2 * h, second), m2 = moved_by(r, -2 * h, second);
    const double p1 = moved_by(r, h, second), m1 = moved_by(r, -h, second);
    const double ph = moved_by(r, h / 2, second), mh = moved_by(r, -h / 2, second);
    const double wide = (8 * (p1 - m1) - (p2 - m2)) / (12 * h), narrow = (8 * (ph - mh) - (p1 - m1)) / (6 * h);
    const double bend = (p1 - 2 * f0 + m1 - 4 * (ph - 2 * f0 + mh)) / h; /* of a kink, its angle */
    *result = narrow;
    *at_rest = f0;
    return fabs(wide - narrow) <= 2e-9 * scale && fabs(bend) <= 2e-6 * scale;
}

static bool check_differences(running *r, const outcome *o, bool second, double loss)
{
    const program *p = r->program;
    double along = 0, scale = 1, numeric, at_rest;
    for (int i = 0; i < o->count; i++) {
        const int64_t n = o->grads[i] ? tg_shape_numel(&p->values[o->value[i]].shape) : 0;
        double *d = program_direction(p, o->value[i]);
        for (int64_t k = 0; k < n; k++) {
            along += o->grads[i][k] * d[k];
            if (isfinite(o->grads[i][k])) scale += fabs(o->grads[i][k] * d[k]);
        }
        free(d);
    }
    const bool smooth = difference(r, second, scale, &numeric, &at_rest);
    if (pending("moved")) return false;
    if (!(fabs(at_rest - loss) <= 1e-11 * scale) && !second)
        return FAULT("the loss is %.17g with grad, %.17g without", loss, at_rest);
    counted.compared += smooth;
    counted.skipped += !smooth;
    if (!smooth || fabs(along - numeric) <= 2e-8 * scale) return true;
    return FAULT("%s derivative along the directions: %.15g, by differences %.15g", second ? "second" : "first", along,
                 numeric);
}

/* ---- all of it ---- */

/* Hooks that multiply do so again in the second backward, where what saved the value has a share in it. */
static bool has_scaling(const program *p)
{
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].hook != 0 && p->steps[i].hook != 1) return true;
    return false;
}

static bool has_second(const program *p)
{
    for (int i = 0; i < p->step_count; i++) {
        const tg_op *op = program_op(&p->steps[i]);
        if (op && op->in_place_of) op = op->in_place_of;
        if (op && op->no_second_derivative) return false;
    }
    return true;
}

/* To the tape all that a checkpoint gives has a gradient; an op may go another way where each of its inputs has one. */
static bool has_constants(const program *p)
{
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].no_grad || p->steps[i].kind == STEP_DETACH) return true;
    return false;
}

/* First and second derivatives of the leaves, by way of checkpoints. A tensor's gradient, wanted of one that was made in
 * a checkpoint, is that of what comes after. */
static bool check_checkpoints(running *r, const outcome *first, const outcome *second)
{
    const program *p = r->program;
    outcome a, b;
    if (p->watched_count) return true;
    by_checkpoints = true;
    bool ok = grad(r, false, &a, NULL) && agree(p, "tg_grad through checkpoints", &a, first, 1e-11);
    if (ok) outcome_free(&a);
    if (ok && second) {
        ok = grad(r, true, &a, &b) && agree(p, "create_graph through checkpoints", &a, first, 1e-11) &&
             agree(p, "second derivatives through checkpoints", &b, second, 1e-9);
        outcome_free(&a);
        outcome_free(&b);
    }
    by_checkpoints = false;
    return ok;
}

static bool check_outcomes(running *r)
{
    const program *p = r->program;
    outcome first, again, other, second = { .count = 0 };
    bool ok = train(r, &first, NULL);
    static void (*const ways[])(running *, outcome *) = { handed_out, walked_twice, in_checkpoints, packed };
    static const char *const names[] = { "step 2", "step 3", "checkpoints", "packed" };
    for (int i = 0; i < 4 && ok; i++) {
        const double tolerance = i >= 2 && has_constants(p) ? 1e-12 : 0;
        ok = train(r, &again, ways[i]) && agree(p, names[i], &again, &first, tolerance);
        outcome_free(&again);
    }
    ok = ok && grad(r, false, &other, NULL) && agree(p, "tg_grad", &other, &first, 1e-11);
    if (ok) outcome_free(&other);
    const bool twice = has_second(p) && !has_scaling(p) && p->seed % 2 == 0;
    if (ok && has_second(p)) {
        ok = grad(r, true, &other, twice ? &second : NULL) && agree(p, "create_graph", &other, &first, 1e-11);
        outcome_free(&other);
    }
    ok = ok && check_checkpoints(r, &first, twice ? &second : NULL);
    ok = ok && check_differences(r, &first, false, first.loss);
    if (ok && twice) ok = check_differences(r, &second, true, 0);
    counted.second += twice;
    if (ok) {
        ok = train(r, &again, NULL) && agree(p, "the last step", &again, &first, 0);
        outcome_free(&again);
    }
    outcome_free(&first);
    outcome_free(&second);
    return ok;
}

/* NULL when all is well, else what is not. */
static const char *check_program(const program *p)
{
    static running r;
    const tg_scope scope = tg_scope_begin();
    program_prepare(&r, p);
    const bool ok = check_outcomes(&r);
    tg_error_clear();
    tg_scope_end(scope);
    return ok ? NULL : fault;
}

/* ---- reducing ---- */

static char kind_of_fault[40]; /* the words before the colon: another fault is none that was looked for */

static bool still_fails(const program *p)
{
    const char *now = check_program(p);
    const size_t n = strlen(kind_of_fault);
    return now && strncmp(now, kind_of_fault, n) == 0 && now[n] == ':';
}

/* Keeps the change that was made to *p if it fails still. */
static bool keep_if_failing(program *p, const program *before)
{
    if (still_fails(p)) return true;
    *p = *before;
    return false;
}

static bool reduce_terms(program *p)
{
    static program before;
    bool changed = false;
    for (int k = p->term_count - 1; k >= 0 && p->term_count > 1; k--) {
        before = *p;
        memmove(&p->terms[k], &p->terms[k + 1], (size_t)(p->term_count - k - 1) * sizeof *p->terms);
        p->term_count--;
        changed |= keep_if_failing(p, &before);
    }
    return changed;
}

static bool all_wide(const program *p, const step *s)
{
    for (int v = s->first; v < s->first + s->count; v++)
        if (p->values[v].dtype != TG_FLOAT64) return false;
    return true;
}

/* Changes the elements of what is a constant now a little: it no longer moves with what it was equal to, and a maximum of
 * both, say, would be at a kink. */
static void shake(program *p, const step *s)
{
    uint64_t state = 5;
    for (int v = s->first; v < s->first + s->count; v++) {
        const int64_t n = all_wide(p, s) ? tg_shape_numel(&p->values[v].shape) : 0;
        double *shaken = malloc(((size_t)n + 1) * sizeof *shaken); /* lost: the program has failed */
        assert_non_null(shaken);
        for (int64_t k = 0; k < n; k++) shaken[k] = p->values[v].elements[k] + 0.01 * (program_number(&state) - 0.5);
        if (n) p->values[v].elements = shaken;
    }
}

/* Each step by what it gave, as constants or else as leaves; without hook, scope and no_grad. */
static bool reduce_steps(program *p)
{
    static program before;
    bool changed = false, needed[PROGRAM_STEPS];
    for (int i = p->step_count - 1; i >= 0; i--) {
        step *s = &p->steps[i];
        program_needed(p, needed);
        if (s->kind == STEP_CONSTANT) continue;
        static const step_kind simpler[] = { STEP_CONSTANT, STEP_LEAF };
        for (int k = 0; k < 2; k++) {
            if (s->kind == simpler[k] || (simpler[k] == STEP_LEAF && !all_wide(p, s))) continue;
            before = *p;
            *s = (step){ .kind = needed[i] ? simpler[k] : STEP_CONSTANT, .first = s->first, .count = s->count };
            if (s->kind == STEP_CONSTANT) shake(p, s);
            if (keep_if_failing(p, &before)) {
                changed = true;
                break;
            }
        }
        before = *p;
        s->hook = s->no_grad = s->scoped = 0;
        if (memcmp(&before, p, sizeof before) != 0) changed |= keep_if_failing(p, &before);
    }
    return changed;
}

static void reduce(program *p)
{
    static program before;
    snprintf(kind_of_fault, sizeof kind_of_fault, "%.*s", (int)strcspn(fault, ":"), fault);
    before = *p;
    p->watched_count = 0;
    keep_if_failing(p, &before);
    bool changed = true;
    for (int round = 0; round < 8 && changed; round++) {
        changed = reduce_terms(p);
        changed |= reduce_steps(p);
    }
    still_fails(p); /* says again what fails */
}

/* ---- the tests ---- */

static uint64_t seeds = 10000, first_seed = 1;
enum { GROUPS = 20 };

static bool check_seed(uint64_t seed)
{
    static program p, reduced;
    counted.programs++;
    if (!program_generate(&p, seed)) {
        counted.empty++;
        program_free(&p);
        return true;
    }
    const char *wrong = check_program(&p);
    if (wrong) {
        printf("seed %llu: %s\n", (unsigned long long)seed, wrong);
        if (getenv("RANDOM_VERBOSE")) program_print(&p);
        reduced = p;
        reduce(&reduced);
        printf("  reduced, %s:\n", fault);
        program_print(&reduced);
        fflush(stdout);
    }
    program_free(&p);
    return !wrong;
}

TEST(test_seeds)
{
    const uint64_t group = (uint64_t)(uintptr_t)*state;
    int failed = 0;
    for (uint64_t seed = group; seed < seeds && failed < 5; seed += GROUPS) failed += !check_seed(first_seed + seed);
    if (failed) fail_msg("%d programs are wrong", failed);
}

/* Programs mean something: most can be compared with differences, and every op took part. */
TEST(test_coverage)
{
    const tg_op *const *ops;
    const int *uses;
    const int count = program_candidates(&ops, &uses);
    int missing = 0;
    for (int i = 0; i < count; i++) missing += uses[i] == 0;
    printf(
        "%lld programs, %lld empty; %lld derivatives compared, %lld left out, %lld programs twice; %lld checkpoints, "
        "%lld tensors packed; %d ops, %d not met\n",
        (long long)counted.programs, (long long)counted.empty, (long long)counted.compared, (long long)counted.skipped,
        (long long)counted.second, (long long)counted.checkpoints, (long long)counted.packed, count, missing);
    for (int i = 0; i < count && getenv("RANDOM_VERBOSE"); i++)
        if (!uses[i]) printf("  not met: %s\n", ops[i]->name);
    if (seeds < 10000) return;
    assert_true(counted.empty * 100 < counted.programs);
    assert_true(counted.skipped * 20 < counted.compared);
    assert_true(counted.second * 5 > counted.programs);
    assert_int_equal(missing, 0);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[GROUPS + 1];
    static char names[GROUPS][24];
    const char *wanted = argc > 1 ? argv[1] : getenv("RANDOM_SEEDS");
    if (wanted) seeds = strtoull(wanted, NULL, 10);
    if (argc > 2) first_seed = strtoull(argv[2], NULL, 10);
    setenv("TAPEGRAD_POISON", "1", 0);
    for (int i = 0; i < GROUPS; i++) {
        snprintf(names[i], sizeof names[i], "programs %d", i);
        tests[i] = (struct CMUnitTest){ names[i], test_seeds, NULL, NULL, (void *)(uintptr_t)i };
    }
    tests[GROUPS] = (struct CMUnitTest)T(test_coverage);
    tg_set_error_handler(NULL, NULL);
    tg_set_warning_handler(NULL, NULL);
    return _cmocka_run_group_tests("random", tests, sizeof tests / sizeof tests[0], NULL, NULL);
}
