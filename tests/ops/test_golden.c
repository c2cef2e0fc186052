/* test_golden.c: the ops against PyTorch.
 *
 * tests/golden/ops/FAMILY.txt holds, for every sample call of every op, PyTorch's results and gradients; for pointwise
 * ops also what becomes of NaN, infinities, zeros of both signs and denormals, and which dtype comes of which.
 * tests/golden/ops.py wrote it from the list that `test_golden --list FAMILY` prints. An op of which the file knows
 * nothing is skipped, loudly; a sample that is not in the file fails: write the file anew. */
#include "tests/support/op_suite.h"
#include "tests/support/golden.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static golden *file;
static const char *family; /* whose file it is */

/* ---- reporting: every difference is told, then the test fails ---- */

static int differences;

static void differs(const char *name, const char *what, const char *difference)
{
    if (differences++ < 40) print_error("%s: %s %s\n", name, what, difference);
}

/* Opens the file of a family, if it is not open. */
static void open_family(const char *name)
{
    char path[64];
    if (family && strcmp(family, name) == 0) return;
    if (file) golden_close(file);
    file = NULL;
    family = NULL;
    snprintf(path, sizeof path, "ops/%s.txt", name);
    file = golden_open(path);
    family = name;
}

/* ---- samples ---- */

static double tolerance_of(tg_dtype dtype)
{
    return dtype == TG_FLOAT64 ? 1e-12 : dtype == TG_FLOAT32 ? 8 * FLT_EPSILON : 0;
}

/* Agrees, or is missing where PyTorch says zero or nothing. */
static void compare_gradient(const char *name, const char *key, const tg_tensor *g)
{
    const bool expected = golden_has(file, key);
    bool zeros = true;
    if (!expected && !g) return;
    if (expected && g) {
        golden_array a = golden_array_of(file, key);
        const char *difference = golden_difference(&a, g, tolerance_of(tg_dtype_of(g)));
        if (difference) differs(name, key, difference);
        return;
    }
    double *ours = g ? sample_elements(g) : NULL;
    const double *values = expected ? golden_array_of(file, key).values : ours;
    const int64_t n = expected ? golden_array_of(file, key).count : tg_numel(g);
    for (int64_t i = 0; i < n; i++) zeros &= values[i] == 0;
    if (!zeros) differs(name, key, expected ? "is missing" : "is there, in PyTorch it is not");
    free(ours);
}

static void compare_gradients(const sample *s, tg_tensor_list results)
{
    tg_tensor *sum = NULL, *leaves[SAMPLE_LEAVES];
    int number[SAMPLE_LEAVES], count = 0;
    for (int k = 0; k < (int)results.count; k++) {
        if (!tg_requires_grad(results.items[k])) continue;
        tg_tensor *term = tg_sum(tg_mul(results.items[k], sample_weights(s, k, results.items[k])));
        sum = sum ? tg_add(sum, term) : term;
    }
    if (!sum) return;
    for (int k = 0; k < s->count; k++) {
        if (!tg_requires_grad(s->leaves[k].tensor)) continue;
        number[count] = k;
        leaves[count++] = s->leaves[k].tensor;
    }
    tg_tensor_list g = tg_grad(tg_list(sum), ((tg_tensor_list){ leaves, count }), .allow_unused = true);
    for (int i = 0; i < count && !tg_failed(); i++) {
        char key[24];
        snprintf(key, sizeof key, "grad%d", number[i]);
        compare_gradient(s->text, key, g.items[i]);
    }
}

static void compare_result(const char *name, int k, const tg_tensor *t)
{
    char key[24];
    snprintf(key, sizeof key, "dtype%d", k);
    const char *dtype = golden_string(file, key);
    if (strcmp(tg_dtype_name(tg_dtype_of(t)), dtype) != 0) differs(name, key, tg_dtype_name(tg_dtype_of(t)));
    snprintf(key, sizeof key, "result%d", k);
    golden_array a = golden_array_of(file, key);
    const char *difference = golden_difference(&a, t, tolerance_of(tg_dtype_of(t)));
    if (difference) differs(name, key, difference);
}

static void compare_sample(const char *text)
{
    char name[300];
    snprintf(name, sizeof name, "sample %s", text);
    if (!golden_seek(file, name)) {
        differs(text, "is not in its family's file:", "run tests/golden/ops.py");
        return;
    }
    if (golden_has(file, "error")) return; /* PyTorch refuses it: there is nothing to compare with */
    tg_scope scope = tg_scope_begin();
    sample s = sample_read(text);
    sample_fill(&s, TG_FLOAT64, true);
    tg_manual_seed(0);
    tg_tensor_list results = sample_run(&s);
    if (!tg_failed() && results.count != golden_int(file, "results"))
        differs(text, "gives", "another number of results");
    else if (!tg_failed()) {
        for (int k = 0; k < (int)results.count && golden_int(file, "values"); k++)
            compare_result(text, k, results.items[k]);
        if (golden_int(file, "values") && golden_int(file, "gradients")) compare_gradients(&s, results);
    }
    if (tg_failed()) differs(text, "failed:", tg_error_message());
    tg_error_clear();
    tg_scope_end(scope);
}

TEST(test_samples)
{
    const tg_op *op = *state;
    for (const char *const *text = sample_texts(op); *text; text++) compare_sample(*text);
    for (const char *const *text = sample_corners(op); *text; text++) compare_sample(*text);
}

/* ---- errors ---- */

/* PyTorch refuses the call in the words of ours. */
static void compare_error(const tg_error_sample *e, bool own)
{
    char name[300];
    snprintf(name, sizeof name, "error %s", e->call);
    if (!golden_seek(file, name)) {
        differs(e->call, "is not in its family's file:", "run tests/golden/ops.py");
        return;
    }
    const char *words = golden_has(file, "error") ? golden_string(file, "error") : NULL;
    const bool same = words && strstr(words, e->message);
    if (same && own) differs(e->call, "is no error of our own, for PyTorch says the same:", words);
    if (!same && !own)
        differs(e->call, words ? "is refused by PyTorch with" : "is taken by", words ? words : "PyTorch");
}

/* ---- tensors from nothing ---- */

static bool listing; /* print the calls instead */

static void compare_created(const char *text, const tg_tensor *t)
{
    char name[200];
    if (listing) {
        printf("create %s\n", text);
        return;
    }
    snprintf(name, sizeof name, "create %s", text);
    if (!golden_seek(file, name))
        differs(text, "is not in create.txt:", "run tests/golden/ops.py");
    else if (!t)
        differs(text, "failed:", tg_error_message());
    else
        compare_result(text, 0, t);
}

/* The same call twice, in Python and in C. */
#define SAME(python, c) (tg_manual_seed(0), compare_created(python, c))

static void create_sequences(void)
{
    SAME("zeros(2, 3)", tg_zeros(tg_shape(2, 3)));
    SAME("zeros(0, 3, dtype=int64)", tg_zeros(tg_shape(0, 3), .dtype = TG_INT64));
    SAME("ones(())", tg_ones(tg_shape()));
    SAME("ones(3, dtype=bool)", tg_ones(tg_shape(3), .dtype = TG_BOOL));
    SAME("full((2, 2), 3)", tg_full(tg_shape(2, 2), 3));
    SAME("full((2, 2), 0.1)", tg_full(tg_shape(2, 2), 0.1));
    SAME("full((2,), True)", tg_full(tg_shape(2), (bool)true));
    SAME("full((2,), 2.7, dtype=int64)", tg_full(tg_shape(2), 2.7, .dtype = TG_INT64));
    SAME("full((2,), 0.1, dtype=float64)", tg_full(tg_shape(2), 0.1, .dtype = TG_FLOAT64));
    SAME("tensor(3.5)", tg_scalar(3.5));
    SAME("arange(0, 5, 1)", tg_arange(0, 5, 1));
    SAME("arange(7, -2, -3)", tg_arange(7, -2, -3));
    SAME("arange(0, 1, 0.1)", tg_arange(0, 1, 0.1));
    SAME("arange(1, 2.5, 0.3, dtype=float64)", tg_arange(1, 2.5, 0.3, .dtype = TG_FLOAT64));
    SAME("arange(0, 5, 1, dtype=float32)", tg_arange(0, 5, 1, .dtype = TG_FLOAT32));
    SAME("arange(3, 3, 1)", tg_arange(3, 3, 1));
    SAME("linspace(0, 1, 5)", tg_linspace(0, 1, 5));
    SAME("linspace(-1.5, 2.2, 37)", tg_linspace(-1.5, 2.2, 37));
    SAME("linspace(3, -2, 10, dtype=float64)", tg_linspace(3, -2, 10, .dtype = TG_FLOAT64));
    SAME("linspace(2, 5, 1)", tg_linspace(2, 5, 1));
    SAME("linspace(2, 5, 0)", tg_linspace(2, 5, 0));
    SAME("eye(3, 3)", tg_eye(3, 3));
    SAME("eye(2, 4, dtype=int64)", tg_eye(2, 4, .dtype = TG_INT64));
}

static void create_random(void)
{
    SAME("rand(2, 3)", tg_rand(tg_shape(2, 3)));
    SAME("rand(5, dtype=float64)", tg_rand(tg_shape(5), .dtype = TG_FLOAT64));
    SAME("randn(5)", tg_randn(tg_shape(5)));
    SAME("randn(4, 5)", tg_randn(tg_shape(4, 5)));
    SAME("randn(7, dtype=float64)", tg_randn(tg_shape(7), .dtype = TG_FLOAT64));
    SAME("randn(33, dtype=float64)", tg_randn(tg_shape(33), .dtype = TG_FLOAT64));
    SAME("randint(-3, 9, (2, 5))", tg_randint(-3, 9, tg_shape(2, 5)));
    SAME("randint(0, 2, (4,), dtype=float32)", tg_randint(0, 2, tg_shape(4), .dtype = TG_FLOAT32));
    SAME("randperm(10)", tg_randperm(10));
    SAME("randperm(0)", tg_randperm(0));
}

static void create_like(void)
{
    tg_tensor *f = tg_zeros(tg_shape(2, 3), .dtype = TG_FLOAT64), *i = tg_zeros(tg_shape(4), .dtype = TG_INT64);
    SAME("zeros_like(ones(2, 3, dtype=float64))", tg_zeros_like(f));
    SAME("ones_like(zeros(4, dtype=int64))", tg_ones_like(i));
    SAME("ones_like(zeros(4, dtype=int64), dtype=bool)", tg_ones_like(i, .dtype = TG_BOOL));
    SAME("full_like(zeros(2, 3, dtype=float64), 0.1)", tg_full_like(f, 0.1));
    SAME("full_like(zeros(4, dtype=int64), 2.7)", tg_full_like(i, 2.7));
    SAME("rand_like(zeros(2, 3, dtype=float64))", tg_rand_like(f));
    SAME("randn_like(zeros(2, 3, dtype=float64))", tg_randn_like(f));
    SAME("randn_like(zeros(4, dtype=int64), dtype=float32)", tg_randn_like(i, .dtype = TG_FLOAT32));
}

TEST(test_create)
{
    differences = 0;
    tg_error_clear();
    if (!listing) open_family("create");
    tg_scope scope = tg_scope_begin();
    create_sequences();
    create_random();
    create_like();
    tg_scope_end(scope);
    if (differences) fail_msg("%d differences", differences);
}

/* ---- special values ---- */

/* Within 4 ulp (float32; 16 in float64), zeros of the same sign unless `any_zero`. Denormals count as multiples of the
 * smallest one, `a` times as many when a factor `a` comes last. A gradient may cancel, as 1 - tanh^2 does: it is right
 * to the rounding of numbers near 1. */
static bool same_special(double value, double expected, double a, tg_dtype dtype, bool any_zero, bool gradient)
{
    const double epsilon = dtype == TG_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
    const double relative = (dtype == TG_FLOAT32 ? 4 : 16) * epsilon;
    const double denormal = dtype == TG_FLOAT32 ? 1.401298464324817e-45 : 4.9406564584124654e-324;
    const double absolute = gradient ? epsilon : 4 * denormal * fmax(1, fmin(fabs(a), 1000));
    if (isnan(expected)) return isnan(value);
    if (isinf(expected)) return value == expected;
    if (expected == 0 && value == 0) return any_zero || gradient || signbit(value) == signbit(expected);
    return fabs(value - expected) <= relative * fabs(expected) + absolute;
}

/* Between bounds that are equal PyTorch's clamp has no gradient at all; test_ties.c says what is right. */
static bool pytorch_is_wrong(const char *name, const char *key, const double *b, int64_t i)
{
    return strstr(name, " clamp ") && strcmp(key, "db") == 0 && golden_array_of(file, "c").values[i] == b[i];
}

static bool is_denormal(double value, tg_dtype dtype)
{
    return fpclassify(value) == FP_SUBNORMAL || (dtype == TG_FLOAT32 && fpclassify((float)value) == FP_SUBNORMAL);
}

/* A gradient that is flushed may be anything where an argument is denormal. */
static bool may_be_lost(int64_t i, const double *const arguments[3], tg_dtype dtype)
{
    for (int k = 0; k < 3 && arguments[k]; k++)
        if (is_denormal(arguments[k][i], dtype)) return tg_flush_denormal() != TG_FLUSH_NOTHING;
    return false;
}

static void compare_special(const char *name, const char *key, const tg_tensor *t, const double *const arguments[3])
{
    const double *a = arguments[0], *b = arguments[1];
    if (!golden_has(file, key) || !t) {
        if (golden_has(file, key) != (t != NULL)) differs(name, key, "is missing on one side");
        return;
    }
    golden_array expected = golden_array_of(file, key);
    double *values = sample_elements(t);
    /* Of two zeros PyTorch takes the first or the second, as its loop happens to be vectorised or not. */
    const bool cancels = strstr(name, "tanhshrink"); /* a - tanh(a): right to the rounding of a */
    const bool any_zero = strstr(name, "maximum") || strstr(name, "minimum") || strstr(name, "clamp");
    for (int64_t i = 0; i < expected.count; i++) {
        char text[160];
        if (*key == 'd' && may_be_lost(i, arguments, tg_dtype_of(t))) continue;
        if (same_special(values[i], expected.values[i], a[i], tg_dtype_of(t), any_zero, *key == 'd' || cancels) ||
            pytorch_is_wrong(name, key, b, i))
            continue;
        snprintf(text, sizeof text, "of %.9g, %.9g is %.17g, expected %.17g", a[i], b ? b[i] : 0.0, values[i],
                 expected.values[i]);
        differs(name, key, text);
    }
    free(values);
}

static void compare_specials(const tg_op *op, tg_dtype dtype)
{
    static const char *const names[] = { "a", "b", "c" }, *const gradients[] = { "da", "db", "dc" };
    char name[80];
    snprintf(name, sizeof name, "special %s %s", op->name, tg_dtype_name(dtype));
    if (!golden_seek(file, name)) fail_msg("%s is not in its family's file: run tests/golden/ops.py", name);
    const int inputs = sample_pointwise_inputs(op);
    tg_scope scope = tg_scope_begin();
    tg_tensor *x[3] = { NULL };
    tg_value args[3];
    for (int i = 0; i < inputs; i++) {
        x[i] = tg_requires_grad_(golden_tensor(file, names[i], dtype), true);
        args[i] = (tg_value){ TG_VALUE_TENSOR, { .tensor = x[i] } };
    }
    const double *values[3] = { NULL };
    for (int i = 0; i < inputs; i++) values[i] = golden_array_of(file, names[i]).values;
    tg_tensor *y = tg_op_call(op, args, inputs).items[0];
    compare_special(name, "y", y, values);
    for (int mode = TG_FLUSH_NOTHING; mode <= TG_FLUSH_GRADIENTS && tg_requires_grad(y); mode += TG_FLUSH_GRADIENTS) {
        const tg_tensor_list leaves = { x, inputs };
        tg_tensor *ones = tg_ones_like(y);
        tg_set_flush_denormal((tg_flush)mode);
        tg_tensor_list g = tg_grad(tg_list(y), leaves, .grad_outputs = { ones }, .retain_graph = true);
        for (int i = 0; i < inputs; i++) compare_special(name, gradients[i], g.items[i], values);
    }
    if (tg_failed()) differs(name, "failed:", tg_error_message());
    tg_error_clear();
    tg_scope_end(scope);
}

/* ---- promotion: which dtype comes of which ---- */

/* "float32" is a tensor of one dimension, "float32_0d" one of none, "int", "float" and "bool_number" are numbers. */
enum { OPERANDS = 2 * TG_DTYPES + 3 };

static tg_value promotion_operand(int i, char name[24])
{
    static const char *const numbers[] = { "int", "float", "bool_number" };
    const tg_dtype dtype = (tg_dtype)(i % TG_DTYPES);
    if (i < 2 * TG_DTYPES) {
        snprintf(name, 24, "%s%s", tg_dtype_name(dtype), i < TG_DTYPES ? "" : "_0d");
        tg_tensor *t = i < TG_DTYPES ? tg_ones(tg_shape(2), .dtype = dtype) : tg_ones(tg_shape(), .dtype = dtype);
        return (tg_value){ TG_VALUE_TENSOR, { .tensor = t } };
    }
    snprintf(name, 24, "%s", numbers[i - 2 * TG_DTYPES]);
    if (i == 2 * TG_DTYPES) return (tg_value){ TG_VALUE_INT, { .integer = 1 } };
    if (i == 2 * TG_DTYPES + 1) return (tg_value){ TG_VALUE_FLOAT, { .real = 1 } };
    return (tg_value){ TG_VALUE_BOOL, { .boolean = true } };
}

static void compare_promotion(const char *name, const char *key, const tg_op *op, const tg_value *args, int count)
{
    if (!golden_has(file, key)) return; /* two numbers, or three operands that were not tried */
    tg_tensor *y = tg_op_call(op, args, count).items[0];
    const char *got = y ? tg_dtype_name(tg_dtype_of(y)) : "error", *expected = golden_string(file, key);
    char text[400];
    snprintf(text, sizeof text, "gives %s, expected %s %s", got, expected, tg_error_message());
    if (strcmp(got, expected) != 0) differs(name, key, text);
    tg_error_clear();
}

/* All operands in each place from `place` on. */
static void compare_promotions_from(const char *name, const tg_op *op, tg_value *args, int first, int place, int inputs,
                                    const char *key)
{
    char operand[24], longer[100];
    for (int i = 0; i < OPERANDS; i++) {
        args[first + place] = promotion_operand(i, operand);
        snprintf(longer, sizeof longer, "%s%s%s", key, place ? "," : "", operand);
        if (place + 1 < inputs)
            compare_promotions_from(name, op, args, first, place + 1, inputs, longer);
        else
            compare_promotion(name, longer, op, args, first + inputs);
    }
}

static int promoted_inputs(const tg_op *op)
{
    const int inputs = sample_pointwise_inputs(op);
    return inputs ? inputs : strcmp(op->name, "where") == 0 ? 2 : 0;
}

static void compare_promotions(const tg_op *op)
{
    char name[80];
    snprintf(name, sizeof name, "promotion %s", op->name);
    if (!golden_seek(file, name)) fail_msg("%s is not in its family's file: run tests/golden/ops.py", name);
    tg_scope scope = tg_scope_begin();
    tg_value args[3] = { { TG_VALUE_TENSOR, { .tensor = tg_ones(tg_shape(2), .dtype = TG_BOOL) } } };
    compare_promotions_from(name, op, args, strcmp(op->name, "where") == 0, 0, promoted_inputs(op), "");
    tg_scope_end(scope);
}

static bool has_promotion(const tg_op *op) { return sample_is_plain(op) || strcmp(op->name, "where") == 0; }

/* ---- the program ---- */

TEST(test_op)
{
    const tg_op *op = *state;
    char name[300];
    if (op->in_place_of) skip(); /* test_ops compares it with the op that has a result of its own */
    open_family(tg_op_family(op));
    snprintf(name, sizeof name, "sample %s", sample_texts(op)[0]);
    if (!golden_seek(file, name)) { /* nothing is known of a new op; of one that is known, all must be */
        print_message("%s: not in %s.txt, so not compared with PyTorch: run tests/golden/ops.py\n", op->name, family);
        skip();
    }
    differences = 0;
    tg_error_clear();
    test_samples(state);
    if (sample_takes_floats(op)) {
        compare_specials(op, TG_FLOAT32);
        compare_specials(op, TG_FLOAT64);
    }
    if (has_promotion(op)) compare_promotions(op);
    for (const tg_error_sample *e = sample_errors(op); e->call; e++) compare_error(e, false);
    for (const tg_error_sample *e = sample_own_errors(op); e->call; e++) compare_error(e, true);
    if (differences) fail_msg("%s: %d differences", op->name, differences);
}

/* ---- nothing that no op has any more ---- */

static bool is_sample(const tg_op *op, const char *text)
{
    for (const char *const *t = sample_texts(op); *t; t++)
        if (strcmp(*t, text) == 0) return true;
    for (const char *const *t = sample_corners(op); *t; t++)
        if (strcmp(*t, text) == 0) return true;
    return false;
}

static bool is_error(const tg_op *op, const char *call)
{
    for (const tg_error_sample *e = sample_errors(op); e->call; e++)
        if (strcmp(e->call, call) == 0) return true;
    for (const tg_error_sample *e = sample_own_errors(op); e->call; e++)
        if (strcmp(e->call, call) == 0) return true;
    return false;
}

TEST(test_nothing_stale)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++) {
        if (family && strcmp(family, tg_op_family(ops[i])) == 0) continue;
        open_family(tg_op_family(ops[i]));
        for (golden *g = file; golden_next(g);) {
            const char *name = golden_case(g);
            bool found = strncmp(name, "sample ", 7) != 0 && strncmp(name, "error ", 6) != 0;
            for (int k = i; k < count && !found && tg_op_family(ops[k]) == tg_op_family(ops[i]); k++)
                found = *name == 's' ? is_sample(ops[k], name + 7) : is_error(ops[k], name + 6);
            if (!found) fail_msg("'%s' is no sample of family %s: run tests/golden/ops.py", name, family);
        }
    }
}

/* One line a case, for tests/golden/ops.py. */
static void print_list(const char *wanted)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++) {
        if (strcmp(tg_op_family(ops[i]), wanted) != 0 || ops[i]->in_place_of) continue;
        for (const char *const *text = sample_texts(ops[i]); *text; text++) printf("sample %s\n", *text);
        for (const char *const *text = sample_corners(ops[i]); *text; text++) printf("sample %s\n", *text);
        for (const tg_error_sample *e = sample_errors(ops[i]); e->call; e++) printf("error %s\n", e->call);
        for (const tg_error_sample *e = sample_own_errors(ops[i]); e->call; e++) printf("error %s\n", e->call);
        const int inputs = sample_pointwise_inputs(ops[i]);
        if (sample_takes_floats(ops[i])) printf("special %s %d\n", ops[i]->name, inputs);
        if (has_promotion(ops[i])) printf("promotion %s %d\n", ops[i]->name, promoted_inputs(ops[i]));
    }
    listing = true;
    if (strcmp(wanted, "create") == 0) test_create(NULL);
}

static int close_file(void **state)
{
    (void)state;
    if (file) golden_close(file);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--list") == 0) {
        print_list(argv[2]);
        return 0;
    }
    const struct CMUnitTest first[] = { T(test_nothing_stale), T(test_create) };
    const op_suite suite = { .name = "golden",
                             .test = test_op,
                             .end = close_file,
                             .first = first,
                             .first_count = sizeof first / sizeof first[0] };
    return op_suite_run(&suite, argc, argv);
}
