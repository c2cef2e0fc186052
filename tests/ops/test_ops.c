/* test_ops.c: what every op promises, checked on every sample call of its descriptor.
 *
 * Nothing here knows an op by name, except those whose very contract is an exception (`empty` has no values, `view`
 * refuses some strides, an `embedding_bag` of one dimension wants offsets): a new op is tested by having a descriptor. `test_ops 'name*'` runs some ops' tests only. */
#include "tests/support/op_suite.h"
#include "tests/support/gradcheck.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS = 16 };

/* Fails unless no error is pending. */
static void assert_ok(const char *text, const char *when)
{
    if (tg_failed()) fail_msg("%s, %s: %s", text, when, tg_error_message());
}

static bool is_differentiable(const tg_op *op, const sample *s)
{
    bool leaf = false;
    for (int k = 0; k < s->count; k++) leaf |= strchr("fv", s->leaves[k].kind) && s->leaves[k].grad;
    return leaf && tg_op_is_differentiable(op);
}

/* Random ops draw the same numbers each time. */
static tg_tensor_list run(const sample *s)
{
    tg_manual_seed(0);
    return sample_run(s);
}

/* ---- what a call gives: values and gradients ---- */

typedef struct outcome {
    int results, leaves;
    tg_shape shape[RESULTS];
    tg_dtype dtype[RESULTS];
    double *values[RESULTS]; /* of each result */
    tg_shape gradient_shape[SAMPLE_LEAVES];
    double *gradients[SAMPLE_LEAVES]; /* NULL: none */
} outcome;

static void outcome_free(outcome *o)
{
    for (int i = 0; i < o->results; i++) free(o->values[i]);
    for (int i = 0; i < o->leaves; i++) free(o->gradients[i]);
}

/* sum over results of sum(result * weights), over those that require grad; NULL if none does. */
static tg_tensor *scalar_of(const sample *s, tg_tensor_list results, tg_tensor *const *weights)
{
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < results.count; k++) {
        if (!tg_requires_grad(results.items[k])) continue;
        tg_tensor *w = weights ? weights[k] : sample_weights(s, (int)k, results.items[k]);
        tg_tensor *term = tg_sum(tg_mul(results.items[k], w));
        sum = sum ? tg_add(sum, term) : term;
    }
    return sum;
}

/* How gradients are asked for. */
typedef enum way { GRAD, CREATE_GRAPH, BACKWARD, SECOND, WAYS } way;
static const char *const way_names[] = { "tg_grad", "create_graph", "tg_backward", "second derivatives" };

/* sum over gradients of sum(gradient * weights); NULL if there is none that requires grad. */
static tg_tensor *scalar_of_gradients(const sample *s, tg_tensor_list g)
{
    tg_tensor *weights[SAMPLE_LEAVES] = { NULL };
    for (int64_t i = 0; i < g.count; i++)
        if (g.items[i]) weights[i] = sample_weights(s, RESULTS + (int)i, g.items[i]);
    return scalar_of(s, g, weights);
}

static tg_tensor_list grad_of(tg_tensor *y, tg_tensor_list leaves, bool create_graph)
{
    return tg_grad(tg_list(y), leaves, .create_graph = create_graph, .allow_unused = true);
}

/* Gradients of tg_backward, which leaves none behind. */
static tg_tensor_list backward_of(tg_tensor *y, tg_tensor_list leaves)
{
    tg_tensor **g = tg_list_new(leaves.count);
    tg_backward(y);
    for (int64_t i = 0; i < leaves.count; i++) {
        g[i] = tg_grad_of(leaves.items[i]) ? tg_clone(tg_grad_of(leaves.items[i])) : NULL;
        tg_set_grad(leaves.items[i], NULL);
    }
    return (tg_tensor_list){ g, leaves.count };
}

static void gradients_of(const sample *s, tg_tensor *y, way how, outcome *o)
{
    tg_tensor *leaves[SAMPLE_LEAVES];
    int number[SAMPLE_LEAVES], count = 0;
    for (int k = 0; k < s->count; k++) {
        if (!tg_requires_grad(s->leaves[k].tensor)) continue;
        leaves[count] = s->leaves[k].tensor;
        number[count++] = k;
    }
    const tg_tensor_list all = { leaves, count };
    tg_tensor_list g = how == BACKWARD ? backward_of(y, all) : grad_of(y, all, how != GRAD);
    if (how == SECOND) {
        tg_tensor *z = scalar_of_gradients(s, g);
        g = z ? grad_of(z, all, false) : TG_NONE;
    }
    assert_ok(s->text, way_names[how]);
    for (int i = 0; i < (int)g.count; i++) {
        if (!g.items[i]) continue;
        assert_int_equal(tg_dtype_of(g.items[i]), tg_dtype_of(leaves[i]));
        o->gradient_shape[number[i]] = tg_shape_of(g.items[i]);
        o->gradients[number[i]] = sample_elements(g.items[i]);
    }
}

/* Runs the sample on the tensors its leaves have. False if it refused the strides, which only `view` may. */
static bool outcome_of(const tg_op *op, const sample *s, way how, outcome *o)
{
    memset(o, 0, sizeof *o);
    tg_scope scope = tg_scope_begin();
    tg_tensor_list results = run(s);
    if (tg_failed() && strcmp(op->name, "view") == 0 && strstr(tg_error_get().message, "view size is not compatible")) {
        tg_error_clear();
        tg_scope_end(scope);
        return false;
    }
    assert_ok(s->text, "forward");
    assert_true(results.count <= RESULTS);
    o->results = (int)results.count;
    o->leaves = s->count;
    for (int k = 0; k < o->results; k++) {
        if (!results.items[k]) fail_msg("%s: result %d is NULL without an error", s->text, k);
        o->shape[k] = tg_shape_of(results.items[k]);
        o->dtype[k] = tg_dtype_of(results.items[k]);
        o->values[k] = sample_elements(results.items[k]);
    }
    tg_tensor *y = scalar_of(s, results, NULL);
    if (y) gradients_of(s, y, how, o);
    assert_ok(s->text, "scalar and backward");
    tg_scope_end(scope);
    return true;
}

/* ---- two outcomes ---- */

/* |a - b| <= tolerance * max(1, the largest |b|); tolerance 0 means the same bits. */
static void assert_close(const char *text, const char *when, const char *what, int number, const double *a,
                         const double *b, int64_t n, double tolerance)
{
    double scale = 1;
    for (int64_t k = 0; k < n; k++)
        if (isfinite(b[k]) && fabs(b[k]) > scale) scale = fabs(b[k]);
    for (int64_t k = 0; k < n; k++) {
        if (memcmp(&a[k], &b[k], sizeof *a) == 0 || (isnan(a[k]) && isnan(b[k]))) continue;
        if (isfinite(a[k]) && isfinite(b[k]) && fabs(a[k] - b[k]) <= tolerance * scale && tolerance > 0) continue;
        fail_msg("%s, %s: %s %d, element %lld is %.17g, expected %.17g", text, when, what, number, (long long)k, a[k],
                 b[k]);
    }
}

static void assert_same_shape(const char *text, const char *when, const tg_shape *a, const tg_shape *b)
{
    char left[TG_SHAPE_TEXT], right[TG_SHAPE_TEXT];
    if (!tg_shape_equal(a, b))
        fail_msg("%s, %s: shape %s, expected %s", text, when, tg_shape_text(a, left), tg_shape_text(b, right));
}

static void assert_same_outcome(const tg_op *op, const char *text, const char *when, const outcome *a, const outcome *b,
                                double tolerance)
{
    const bool has_values = strncmp(op->name, "empty", 5) != 0;
    assert_int_equal(a->results, b->results);
    for (int k = 0; k < a->results; k++) {
        assert_same_shape(text, when, &a->shape[k], &b->shape[k]);
        const int64_t n = has_values ? tg_shape_numel(&a->shape[k]) : 0;
        assert_close(text, when, "result", k, a->values[k], b->values[k], n, tolerance);
    }
    for (int k = 0; k < a->leaves; k++) {
        if (!a->gradients[k] != !b->gradients[k]) fail_msg("%s, %s: one has no gradient of leaf %d", text, when, k);
        if (!a->gradients[k]) continue;
        assert_same_shape(text, when, &a->gradient_shape[k], &b->gradient_shape[k]);
        const int64_t n = tg_shape_numel(&a->gradient_shape[k]);
        assert_close(text, when, "gradient", k, a->gradients[k], b->gradients[k], n, tolerance);
    }
}

/* ---- layouts: the same values in other strides ---- */

typedef enum layout { TRANSPOSED, STRIDED, LAYOUTS } layout;
static const char *const layout_names[] = { "transposed leaves", "strided leaves with an offset" };

static tg_tensor *as_leaf(tg_tensor *t, const double *values, bool requires_grad)
{
    tg_tensor *leaf = tg_detach(t);
    if (values) sample_write(leaf, values);
    if (requires_grad) tg_requires_grad_(leaf, true);
    return leaf;
}

static tg_tensor *laid_out(tg_tensor *t, layout how)
{
    const tg_shape shape = tg_shape_of(t);
    tg_shape stored = shape, dims = shape;
    double *values = sample_elements(t);
    tg_tensor *base, *view;
    if (how == TRANSPOSED) {
        for (int d = 0; d < shape.ndim; d++) {
            stored.dims[d] = shape.dims[shape.ndim - 1 - d];
            dims.dims[d] = shape.ndim - 1 - d;
        }
        base = tg_empty_raw(stored, tg_dtype_of(t));
        view = tg_permute(base, dims);
    } else if (shape.ndim == 0) {
        base = tg_zeros(tg_shape(3), .dtype = tg_dtype_of(t));
        view = tg_select(base, 0, 1);
    } else {
        stored.dims[shape.ndim - 1] = 2 * shape.dims[shape.ndim - 1] + 3;
        base = tg_zeros(stored, .dtype = tg_dtype_of(t));
        view = tg_slice(base, -1, 1, 2 * shape.dims[shape.ndim - 1] + 1, 2);
    }
    tg_tensor *leaf = as_leaf(view, values, tg_requires_grad(t));
    free(values);
    return leaf;
}

/* `t` with its first long dimension stretched from its first index. NULL if it has none. */
static tg_tensor *expanded(tg_tensor *t)
{
    const tg_shape shape = tg_shape_of(t);
    for (int d = 0; d < shape.ndim; d++)
        if (shape.dims[d] > 1)
            return as_leaf(tg_expand(tg_narrow(tg_detach(t), d, 0, 1), shape), NULL, tg_requires_grad(t));
    return NULL;
}

static void check_layouts(const tg_op *op, const sample *contiguous, const outcome *expected)
{
    /* A pointwise op must give the same bits in any layout; others may add up in another order. */
    const double tolerance = sample_pointwise_inputs(op) ? 0 : 1e-13;
    outcome got;
    for (layout how = 0; how < LAYOUTS; how++) {
        sample s = *contiguous;
        for (int k = 0; k < s.count; k++) s.leaves[k].tensor = laid_out(s.leaves[k].tensor, how);
        if (outcome_of(op, &s, GRAD, &got))
            assert_same_outcome(op, s.text, layout_names[how], &got, expected, tolerance);
        outcome_free(&got);
    }
    for (int k = 0; k < contiguous->count; k++) { /* one leaf at a time: its strides against the others' */
        sample s = *contiguous;
        s.leaves[k].tensor = laid_out(s.leaves[k].tensor, TRANSPOSED);
        if (outcome_of(op, &s, GRAD, &got))
            assert_same_outcome(op, s.text, "one transposed leaf", &got, expected, tolerance);
        outcome_free(&got);
        s = *contiguous;
        if (!(s.leaves[k].tensor = expanded(s.leaves[k].tensor))) continue;
        sample copy = s;
        copy.leaves[k].tensor =
            as_leaf(tg_clone(tg_detach(s.leaves[k].tensor)), NULL, tg_requires_grad(s.leaves[k].tensor));
        outcome of_copy;
        if (outcome_of(op, &s, GRAD, &got) && outcome_of(op, &copy, GRAD, &of_copy)) {
            assert_same_outcome(op, s.text, "an expanded leaf", &got, &of_copy, tolerance);
            outcome_free(&of_copy);
        }
        outcome_free(&got);
    }
}

/* ---- gradients ---- */

typedef struct scalar_context {
    const sample *sample;
    tg_tensor *weights[RESULTS];
} scalar_context;

static tg_tensor *scalar_function(void *context)
{
    scalar_context *c = context;
    tg_tensor_list results = run(c->sample);
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < results.count; k++) {
        if (!c->weights[k]) continue;
        tg_tensor *term = tg_sum(tg_mul(results.items[k], c->weights[k]));
        sum = sum ? tg_add(sum, term) : term;
    }
    return sum;
}

/* The weights are leaves as well: their second derivatives are those by the incoming gradient. */
static void check_gradients(const tg_op *op, const sample *s)
{
    scalar_context context = { .sample = s };
    tg_tensor *leaves[SAMPLE_LEAVES + RESULTS];
    int count = 0;
    for (int k = 0; k < s->count; k++)
        if (tg_requires_grad(s->leaves[k].tensor)) leaves[count++] = s->leaves[k].tensor;
    const int inputs = count;
    tg_tensor_list results = run(s);
    for (int k = 0; k < (int)results.count; k++) {
        if (!tg_requires_grad(results.items[k]) || tg_dtype_of(results.items[k]) != TG_FLOAT64) continue;
        context.weights[k] = tg_requires_grad_(sample_weights(s, k, results.items[k]), true);
        leaves[count++] = context.weights[k];
    }
    if (count == inputs) return; /* float32 results only: too coarse for differences */
    const tg_tensor_list all = { leaves, count };
    const char *wrong = gradcheck(scalar_function, &context, all);
    if (!wrong && !op->no_second_derivative) wrong = gradgradcheck(scalar_function, &context, all);
    if (wrong) fail_msg("%s: %s", s->text, wrong);
    assert_ok(s->text, "gradcheck");
}

/* ---- recording ---- */

static void check_recording(const tg_op *op, const sample *s, bool with_grad)
{
    int64_t versions[SAMPLE_LEAVES];
    for (int k = 0; k < s->count; k++) versions[k] = tg_version(s->leaves[k].tensor);
    const int64_t length = tg_tape_length();
    tg_tensor_list results = run(s);
    for (int64_t k = 0; k < results.count; k++) {
        const bool floating = tg_dtype_is_floating(tg_dtype_of(results.items[k]));
        const bool expected = with_grad && floating && is_differentiable(op, s);
        if (tg_requires_grad(results.items[k]) != expected)
            fail_msg("%s: result %lld %s grad", s->text, (long long)k, expected ? "does not require" : "requires");
    }
    if (!with_grad && tg_tape_length() != length) fail_msg("%s: recorded, though no input requires grad", s->text);
    for (int k = 0; k < s->count; k++)
        if (tg_version(s->leaves[k].tensor) != versions[k]) fail_msg("%s: leaf %d was written", s->text, k);
    if (!with_grad) return;
    tg_scope scope = tg_no_grad_begin();
    results = run(s);
    for (int64_t k = 0; k < results.count; k++) {
        bool is_leaf = false; /* an op may return its input itself */
        for (int i = 0; i < s->count; i++) is_leaf |= results.items[k] == s->leaves[i].tensor;
        if (tg_requires_grad(results.items[k]) && !is_leaf) fail_msg("%s: requires grad under no_grad", s->text);
    }
    tg_scope_end(scope);
    assert_ok(s->text, "recording");
}

/* ---- NULL ---- */

static void assert_null_passed_on(const tg_op *op, const sample *s, int argument)
{
    tg_argument a;
    tg_tensor_list results;
    if (!tg_op_argument(op, argument, &a) || !sample_run_without(s, argument, &results)) return;
    const tg_error error = tg_error_get();
    if (a.optional) { /* the other arguments may ask for it, as evaluation does for a running mean */
        const bool refused = error.code == TG_ERROR_VALUE && !results.items[0];
        if (tg_failed() && !refused) assert_ok(s->text, "with an optional argument left out");
    } else {
        if (!tg_failed()) fail_msg("%s: NULL as %s gave no error", s->text, a.name);
        if (results.items[0]) fail_msg("%s: NULL as %s gave a result", s->text, a.name);
        if (error.code != TG_ERROR_NULL) fail_msg("%s: NULL as %s: %s", s->text, a.name, tg_error_message());
    }
    tg_error_clear();
    tg_fail("earlier", "an earlier failure");
    sample_run_without(s, argument, &results);
    if (results.items[0]) fail_msg("%s: a failed %s gave a result", s->text, a.name);
    if (tg_error_get().later != 0) fail_msg("%s: a failed %s was told again", s->text, a.name);
    assert_string_equal(tg_error_get().op, "earlier");
    tg_error_clear();
}

/* ---- the checks of one sample ---- */

static void check_float32(const tg_op *op, const char *text)
{
    sample narrow = sample_read(text), wide = narrow;
    outcome a, b;
    sample_fill(&narrow, TG_FLOAT32, true);
    sample_fill(&wide, TG_FLOAT64, true);
    for (int k = 0; k < wide.count; k++) { /* the same numbers, as float32 rounds them */
        if (!strchr("fv", wide.leaves[k].kind)) continue;
        double *values = sample_elements(narrow.leaves[k].tensor);
        sample_write(wide.leaves[k].tensor, values);
        free(values);
    }
    if (!outcome_of(op, &narrow, GRAD, &a) || !outcome_of(op, &wide, GRAD, &b)) fail_msg("%s: refused", text);
    assert_same_outcome(op, text, "float32 against float64", &a, &b,
                        (op->float32_ulps ? op->float32_ulps : 8) * (double)FLT_EPSILON);
    outcome_free(&a);
    outcome_free(&b);
}

/* Whatever dtypes the leaves have, mixed or all alike: a result or an error, and the caller's line in it. */
static void check_dtypes(const char *text)
{
    for (int alike = 0; alike < 2; alike++) {
        for (int d = 0; d < TG_DTYPES; d++) {
            tg_scope scope = tg_scope_begin();
            sample s = sample_read(text);
            sample_fill(&s, TG_FLOAT32, false);
            for (int k = 0; k < s.count; k++)
                if (alike || k == 0) s.leaves[k].tensor = tg_to(s.leaves[k].tensor, (tg_dtype)d);
            tg_tensor_list results = run(&s);
            if (tg_failed() != !results.items[0])
                fail_msg("%s with %s: %s", text, tg_dtype_name((tg_dtype)d),
                         tg_failed() ? "an error and a result" : "neither a result nor an error");
            if (tg_failed() && !strstr(tg_error_get().where, "sample.c:"))
                fail_msg("%s with %s: names the place '%s'", text, tg_dtype_name((tg_dtype)d), tg_error_get().where);
            tg_error_clear();
            tg_scope_end(scope);
        }
    }
}

/* Like the steps of a training loop: on memory that others have used since, each way gives the bits it gave. */
static void check_repeated(const tg_op *op, const sample *s, bool corner, const outcome *expected)
{
    for (way how = GRAD; how < WAYS; how++) {
        outcome first, again;
        if (op->no_second_derivative && (how == CREATE_GRAPH || how == SECOND)) continue;
        if (corner && how == SECOND) continue;
        if (!outcome_of(op, s, how, &first) || !outcome_of(op, s, how, &again)) fail_msg("%s: refused", s->text);
        if (how != SECOND) assert_same_outcome(op, s->text, way_names[how], &first, expected, how == GRAD ? 0 : 1e-13);
        assert_same_outcome(op, s->text, way_names[how], &again, &first, 0);
        outcome_free(&first);
        outcome_free(&again);
    }
}

/* `corner`: differences would tell nothing of its gradients. */
static void check_sample(const tg_op *op, const char *text, bool corner)
{
    tg_scope scope = tg_scope_begin();
    sample s = sample_read(text);
    outcome expected;
    sample_fill(&s, TG_FLOAT64, false);
    check_recording(op, &s, false);
    sample_fill(&s, TG_FLOAT64, true);
    check_recording(op, &s, true);
    if (!outcome_of(op, &s, GRAD, &expected)) fail_msg("%s: refused", text);
    check_repeated(op, &s, corner, &expected);
    check_layouts(op, &s, &expected);
    if (is_differentiable(op, &s) && !corner) check_gradients(op, &s);
    check_float32(op, text);
    check_dtypes(text);
    for (int i = 0; i < tg_op_argument_count(op); i++) assert_null_passed_on(op, &s, i);
    outcome_free(&expected);
    tg_scope_end(scope);
}

static void check_error(const tg_error_sample *e)
{
    tg_scope scope = tg_scope_begin();
    sample s = sample_read(e->call);
    sample_fill(&s, TG_FLOAT64, true);
    tg_tensor_list results = run(&s);
    const tg_error error = tg_error_get();
    if (!tg_failed()) fail_msg("%s: no error", e->call);
    if (results.items[0]) fail_msg("%s: an error and a result", e->call);
    if (error.code != TG_ERROR_VALUE) fail_msg("%s: not a value error: %s", e->call, tg_error_message());
    if (!strstr(error.message, e->message)) fail_msg("%s: '%s' expected, got '%s'", e->call, e->message, error.message);
    if (!strstr(error.where, "sample.c:")) fail_msg("%s: names the place '%s', not the caller's", e->call, error.where);
    tg_error_clear();
    tg_scope_end(scope);
}

/* ---- in place ---- what the op writes to its first argument is what the op it is the form of returns */

/* The outcome of the sample under `op`, or of its in-place form on a copy of its first argument. */
static bool outcome_in_place(const tg_op *in_place, const sample *s, outcome *o)
{
    tg_tensor_list results;
    tg_manual_seed(0);
    memset(o, 0, sizeof *o);
    if (!sample_run_in_place(s, in_place, &results)) return false;
    if (tg_failed()) return false;
    o->results = 1;
    o->leaves = s->count;
    o->shape[0] = tg_shape_of(results.items[0]);
    o->dtype[0] = tg_dtype_of(results.items[0]);
    o->values[0] = sample_elements(results.items[0]);
    tg_tensor *y = scalar_of(s, results, NULL);
    if (y) gradients_of(s, y, GRAD, o);
    return true;
}

static void check_in_place(const tg_op *op)
{
    int checked = 0;
    for (const char *const *text = sample_texts(op->in_place_of); *text; text++) {
        tg_scope scope = tg_scope_begin();
        sample s = sample_read(*text);
        outcome expected, got;
        sample_fill(&s, TG_FLOAT64, true);
        if (outcome_of(op->in_place_of, &s, GRAD, &expected) && outcome_in_place(op, &s, &got)) {
            assert_same_outcome(op, *text, op->name, &got, &expected, 1e-13);
            outcome_free(&got);
            checked++;
        } else if (tg_failed() && !strstr(tg_error_get().message, "doesn't match the broadcast shape") &&
                   !strstr(tg_error_get().message, "can't be cast to the desired output type")) {
            fail_msg("%s, %s: %s", *text, op->name, tg_error_message());
        }
        tg_error_clear();
        outcome_free(&expected);
        tg_scope_end(scope);
    }
    if (!checked) fail_msg("%s: no sample of %s could be run in place", op->name, op->in_place_of->name);
}

/* ---- the descriptor ---- */

static bool is_text(const char *text) { return text && *text; }

static void check_descriptor(const tg_op *op)
{
    const size_t n = strlen(op->name);
    if (!op->schema || strncmp(op->schema, op->name, n) != 0 || op->schema[n] != '(')
        fail_msg("%s: the schema '%s' does not begin with the name", op->name, op->schema ? op->schema : "");
    if (tg_op_argument_count(op) == 0) fail_msg("%s: the schema '%s' cannot be read", op->name, op->schema);
    if (!is_text(op->formula) || !is_text(op->gradient) || !is_text(op->doc))
        fail_msg("%s: formula, gradient or doc is missing", op->name);
    if (!op->call) fail_msg("%s: cannot be called by name", op->name);
    if (!tg_op_is_differentiable(op) != (strncmp(op->gradient, "none:", 5) == 0))
        fail_msg("%s: backward and gradient ('%s') disagree", op->name, op->gradient);
    if (op->backward_fused && !op->backward) fail_msg("%s: a fused backward alone", op->name);
    if (op->in_place_of) return; /* its samples are that op's */
    if (!sample_texts(op)[0]) fail_msg("%s: no sample", op->name);
    if (!op->errors && !op->own_errors && !sample_errors(op)[0].call && sample_pointwise_inputs(op) != 1)
        fail_msg("%s: no error sample", op->name);
}

TEST(test_op)
{
    const tg_op *op = *state;
    check_descriptor(op);
    if (op->in_place_of) check_in_place(op);
    for (const char *const *text = sample_texts(op); *text; text++) check_sample(op, *text, false);
    for (const char *const *text = sample_corners(op); *text; text++) check_sample(op, *text, true);
    for (const tg_error_sample *e = sample_errors(op); e->call; e++) check_error(e);
    for (const tg_error_sample *e = sample_own_errors(op); e->call; e++) check_error(e);
    assert_ok(op->name, "at the end");
}

/* A test that fails leaves its scopes open and its error pending. */
static tg_scope test_scope;

static int begin_test(void **state)
{
    silence_errors(state);
    test_scope = tg_scope_begin();
    return 0;
}

static int end_test(void **state)
{
    (void)state;
    tg_scope_end(test_scope);
    return 0;
}

int main(int argc, char **argv)
{
    return op_suite_run(&(op_suite){ .name = "ops", .test = test_op, .setup = begin_test, .teardown = end_test }, argc,
                        argv);
}
