/* test_hostile.c: what every op does when it is called with nonsense.
 *
 * Each op's sample calls are made again with some arguments exchanged for hostile ones: numbers out of any range, empty
 * and overlong lists, tensors of no elements, of no or too many dimensions, of the wrong dtype, of stride 0, the same
 * one several times, NULL. Each call must give a result that can be read and differentiated, or an error that names the
 * caller's line; no crash, nothing lost, and neither all memory nor all time taken.
 *
 *     test_hostile ['name*' [rounds [seed]]]
 *
 * runs some ops' tests only, as long as one likes. */
#define _GNU_SOURCE /* alarm, setenv */
#include "tests/support/op_suite.h"
#include "tests/support/sample.h"

#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/triangle.h"
#include "ops/view.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST = 70, SECONDS = 20, MEMORY = 1 << 24, READABLE = 1 << 20 };

static int rounds = 60;
static uint64_t seed;

/* ---- limits: neither all memory nor all time ---- */

static int64_t outstanding;

static void *limited_allocate(size_t bytes, void *context)
{
    (void)context;
    if (bytes > MEMORY || outstanding + (int64_t)bytes > 8 * (int64_t)MEMORY) return NULL;
    outstanding += (int64_t)bytes;
    return aligned_alloc(64, bytes);
}

static void limited_free(void *block, size_t bytes, void *context)
{
    (void)context;
    outstanding -= (int64_t)bytes;
    free(block);
}

/* The call at work, told when it never returns. */
static char current[4096];

static void report(int signal_number)
{
    static const char *const text[] = { "\nkilled by a signal (14: no end in sight) in ", "\n" };
    char number[4] = { ' ', (char)('0' + signal_number / 10), (char)('0' + signal_number % 10), ':' };
    if (write(STDERR_FILENO, text[0], strlen(text[0])) && write(STDERR_FILENO, current, strlen(current)) &&
        write(STDERR_FILENO, number, sizeof number) && write(STDERR_FILENO, text[1], 1))
        _exit(1);
    _exit(2);
}

/* ---- chance ---- */

static uint64_t random_state;

static int pick(int n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int)((random_state >> 33) % (uint64_t)n);
}

/* ---- hostile values ---- */

static int64_t hostile_int(void)
{
    static const int64_t far[] = {
        INT64_MIN,           INT64_MIN + 1,    INT64_MAX, INT64_MAX - 1, INT32_MAX, INT32_MIN, INT64_C(1) << 62,
        -(INT64_C(1) << 62), INT64_C(1) << 32, 1000000,   -1000000,      65536,     100,       -100
    };
    return pick(3) == 0 ? far[pick(sizeof far / sizeof far[0])] : pick(19) - 9;
}

static double hostile_float(void)
{
    static const double far[] = { NAN,  INFINITY, -INFINITY, 0,  -0.0, 1e308, -1e308, 1e-320,
                                  1e19, -1e19,    0.5,       -1, 1,    2,     3 };
    return far[pick(sizeof far / sizeof far[0])];
}

static tg_shape hostile_ints(void)
{
    tg_shape ints = tg_shape();
    ints.ndim = pick(4) == 0 ? pick(TG_MAX_DIMS + 1) : pick(4);
    for (int d = 0; d < ints.ndim; d++) ints.dims[d] = pick(4) ? pick(5) - 1 : hostile_int();
    return ints;
}

static const char *hostile_string(void)
{
    static const char *const strings[] = { "",         "mean",  "sum",       "none",  "prod",    "same",
                                           "valid",    "bogus", "amax",      "zeros", "nearest", "linear",
                                           "bilinear", "%s%n",  "ij,jk->ik", "...",   "->",      NULL };
    return strings[pick(sizeof strings / sizeof strings[0])];
}

static tg_dtype hostile_dtype(void) { return pick(8) ? (tg_dtype)pick(TG_DTYPES) : (tg_dtype)(pick(2) ? 15 : 7); }

static double hostile_element(tg_dtype dtype)
{
    switch (pick(6)) {
    case 0: return hostile_float();
    case 1: return dtype == TG_INT64 ? pick(2000000) - 1000000 : hostile_float();
    default: return dtype == TG_FLOAT32 || dtype == TG_FLOAT64 ? (pick(2001) - 1000) / 500.0 : pick(7) - 2;
    }
}

static void fill(tg_tensor *t)
{
    const int64_t n = tg_numel(t);
    const tg_dtype dtype = tg_dtype_of(t);
    const bool wild = pick(3) == 0;
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    assert_non_null(values);
    for (int64_t k = 0; k < n; k++) {
        double v = wild ? hostile_element(dtype) : pick(5);
        if (dtype == TG_INT64 && !(fabs(v) < 9e18)) v = v > 0 ? 9e18 : -9e18;
        values[k] = v;
    }
    sample_write(t, values);
    free(values);
}

static tg_tensor *hostile_tensor(void)
{
    static const tg_shape shapes[] = {
        { 0, { 0 } },
        { 1, { 0 } },
        { 1, { 1 } },
        { 1, { 3 } },
        { 2, { 2, 3 } },
        { 2, { 3, 0 } },
        { 2, { 0, 3 } },
        { 2, { 3, 3 } },
        { 3, { 2, 3, 4 } },
        { 3, { 2, 0, 4 } },
        { 4, { 2, 3, 4, 4 } },
        { 4, { 0, 3, 4, 4 } },
        { 5, { 1, 2, 3, 2, 3 } },
        { 8, { 1, 2, 1, 1, 2, 1, 1, 1 } },
        { 8, { 1, 1, 1, 1, 1, 0, 1, 1 } },
        { 2, { 0, INT64_C(1) << 40 } },
        { 3, { 1 << 20, 0, 1 << 20 } },
        { 1, { 300 } },
    };
    const tg_dtype dtype = (tg_dtype)pick(TG_DTYPES);
    tg_tensor *t = tg_empty_raw(shapes[pick(sizeof shapes / sizeof shapes[0])], dtype);
    assert_non_null(t);
    fill(t);
    switch (pick(5)) { /* other strides */
    case 0:
        if (tg_ndim(t) > 1) t = tg_transpose(t, 0, -1);
        break;
    case 1:
        if (tg_ndim(t) > 0 && tg_size(t, 0) > 1) t = tg_expand(tg_narrow(t, 0, 0, 1), tg_shape_of(t));
        break;
    case 2:
        if (tg_ndim(t) > 0 && tg_size(t, -1) > 1) t = tg_slice(t, -1, 1, tg_size(t, -1), 2);
        break;
    }
    assert_non_null(t);
    t = tg_detach(t);
    if (tg_dtype_is_floating(dtype) && pick(2)) tg_requires_grad_(t, true);
    return t;
}

/* `t` with wild values, stretched, of another dtype, or with a dimension less, more or empty. */
static tg_tensor *altered(tg_tensor *t)
{
    const tg_shape shape = tg_shape_of(t);
    const int d = shape.ndim ? pick(shape.ndim) : 0;
    t = tg_detach(t);
    switch (pick(8)) {
    case 0:
    case 1: fill(t = tg_clone(t)); break;
    case 2:
        if (shape.ndim && shape.dims[d] > 1) t = tg_expand(tg_narrow(t, d, 0, 1), shape);
        break;
    case 3: t = tg_to(t, (tg_dtype)pick(TG_DTYPES)); break;
    case 4:
        if (shape.ndim) t = tg_narrow(t, d, 0, 0);
        break;
    case 5:
        if (shape.ndim && shape.dims[d] > 0) t = pick(2) ? tg_select(t, d, 0) : tg_narrow(t, d, 0, 1);
        break;
    case 6:
        if (shape.ndim < TG_MAX_DIMS) t = tg_unsqueeze(t, pick(shape.ndim + 1));
        break;
    default:
        if (shape.ndim > 1) t = tg_transpose(t, d, 0);
    }
    assert_non_null(t);
    t = tg_detach(t);
    return pick(2) ? tg_requires_grad_(t, tg_dtype_is_floating(tg_dtype_of(t))) : t;
}

/* What the call's arguments have been exchanged for. */
typedef struct mutation {
    tg_tensor *items[SAMPLE_ARGUMENTS][LIST];
    tg_tensor *same; /* for several arguments */
} mutation;

static tg_tensor *some_tensor(mutation *m)
{
    switch (pick(12)) {
    case 0: return NULL;
    case 1:
    case 2:
    case 3: return m->same;
    default: return hostile_tensor();
    }
}

static tg_tensor_list some_tensors(mutation *m, int argument)
{
    const int64_t count = pick(6) == 0 ? LIST : pick(4);
    for (int64_t k = 0; k < count; k++)
        m->items[argument][k] = pick(3) && k > 0 ? m->items[argument][0] : some_tensor(m);
    return (tg_tensor_list){ m->items[argument], count };
}

static tg_value hostile_value(mutation *m, const tg_argument *a, int i)
{
    tg_value v = { a->kind, { 0 } };
    if (pick(a->optional ? 4 : 40) == 0) return (tg_value){ TG_VALUE_NONE, { 0 } };
    switch (a->kind) {
    case TG_VALUE_NONE: break;
    case TG_VALUE_TENSOR:
        v.as.tensor = some_tensor(m);
        if (pick(4) == 0) v = (tg_value){ TG_VALUE_FLOAT, { .real = hostile_float() } };
        if (pick(8) == 0) v = (tg_value){ TG_VALUE_INT, { .integer = hostile_int() } };
        break;
    case TG_VALUE_TENSORS: v.as.tensors = some_tensors(m, i); break;
    case TG_VALUE_INT: v.as.integer = hostile_int(); break;
    case TG_VALUE_FLOAT: v.as.real = hostile_float(); break;
    case TG_VALUE_BOOL: v.as.boolean = pick(2); break;
    case TG_VALUE_INTS: v.as.ints = hostile_ints(); break;
    case TG_VALUE_DTYPE: v.as.dtype = hostile_dtype(); break;
    case TG_VALUE_STRING: v.as.string = hostile_string(); break;
    }
    return v;
}

/* ---- the call ---- */

static size_t describe_value(const tg_value *v, char *to, size_t size)
{
    char text[TG_SHAPE_TEXT];
    int n = 0;
    const tg_tensor *t = v->as.tensor;
    const tg_shape shape = v->kind == TG_VALUE_TENSOR ? tg_shape_of(t) : v->as.ints;
    switch (v->kind) {
    case TG_VALUE_NONE: n = snprintf(to, size, "None"); break;
    case TG_VALUE_TENSOR:
        n = t ? snprintf(to, size, "%s%s", tg_dtype_name(tg_dtype_of(t)), tg_shape_text(&shape, text))
              : snprintf(to, size, "NULL");
        break;
    case TG_VALUE_TENSORS: n = snprintf(to, size, "%lld tensors", (long long)v->as.tensors.count); break;
    case TG_VALUE_INT: n = snprintf(to, size, "%lld", (long long)v->as.integer); break;
    case TG_VALUE_FLOAT: n = snprintf(to, size, "%g", v->as.real); break;
    case TG_VALUE_BOOL: n = snprintf(to, size, "%s", v->as.boolean ? "True" : "False"); break;
    case TG_VALUE_INTS: n = snprintf(to, size, "%s", tg_shape_text(&shape, text)); break;
    case TG_VALUE_DTYPE: n = snprintf(to, size, "dtype %d", (int)v->as.dtype); break;
    case TG_VALUE_STRING: n = snprintf(to, size, "'%s'", v->as.string ? v->as.string : "NULL"); break;
    }
    return (size_t)n;
}

static void describe(const tg_op *op, const tg_value *args, int count)
{
    size_t used = (size_t)snprintf(current, sizeof current, "%s(", op->name);
    for (int i = 0; i < count && used < sizeof current / 2; i++) {
        used += describe_value(&args[i], current + used, sizeof current - used);
        used += (size_t)snprintf(current + used, sizeof current - used, i + 1 < count ? ", " : ")");
    }
}

/* Exchanges one argument, or some, or all of them. */
static void change(const tg_op *op, tg_value *args, int *count, void *context)
{
    mutation *m = context;
    const int all = tg_op_argument_count(op), often = pick(4) ? pick(2) + 1 : all;
    m->same = hostile_tensor();
    for (int i = *count; i < all; i++) { /* the defaults */
        tg_argument a;
        tg_op_argument(op, i, &a);
        args[i] = a.default_value;
    }
    *count = all;
    for (int k = 0; k < often; k++) {
        tg_argument a;
        const int i = often == all ? k : pick(all);
        if (!tg_op_argument(op, i, &a)) continue;
        if (args[i].kind == TG_VALUE_TENSOR && args[i].as.tensor && pick(5))
            args[i].as.tensor = altered(args[i].as.tensor);
        else
            args[i] = hostile_value(m, &a, i);
    }
    if (strcmp(op->name, "empty") == 0 || strcmp(op->name, "empty_like") == 0) tg_manual_seed(0);
    describe(op, args, *count);
}

static void check_error(void)
{
    const char *where = tg_error_get().where;
    if (!strstr(where, "sample.c:") && !strstr(where, "test_hostile.c:"))
        fail_msg("%s: names the place '%s': %s", current, where, tg_error_message());
}

/* Results can be read, and differentiated unless that is an error. */
static void check_results(tg_tensor_list results)
{
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < results.count; k++) {
        tg_tensor *t = results.items[k];
        if (!t) fail_msg("%s: result %lld is NULL without an error", current, (long long)k);
        if (tg_numel(t) > READABLE) continue;
        free(sample_elements(t));
        if (tg_requires_grad(t)) sum = sum ? tg_add(sum, tg_sum(t)) : tg_sum(t);
    }
    if (sum && !tg_failed()) tg_backward(sum);
    if (tg_failed()) check_error();
}

/* Under a NULL `op` the call as it is written. */
static void call(const tg_op *op, const char *text)
{
    const tg_scope scope = tg_scope_begin();
    const int64_t live = tg_memory_stats().live_tensors;
    mutation m;
    sample s = sample_read(text);
    sample_fill(&s, pick(4) ? TG_FLOAT32 : TG_FLOAT64, !op || pick(2));
    if (tg_failed()) fail_msg("%s", tg_error_message());
    snprintf(current, sizeof current, "%s", text);
    alarm(SECONDS);
    tg_tensor_list results = op ? sample_run_changed(&s, op->in_place_of ? op : NULL, change, &m) : sample_run(&s);
    if (tg_failed() && results.items[0]) fail_msg("%s: an error and a result: %s", current, tg_error_message());
    if (tg_failed())
        check_error();
    else
        check_results(results);
    alarm(0);
    tg_error_clear();
    tg_scope_end(scope);
    if (tg_failed()) fail_msg("%s: %s", current, tg_error_message());
    if (tg_memory_stats().live_tensors != live) fail_msg("%s: tensors live on", current);
}

static void report_fatal(void)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGALRM };
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) signal(fatal[i], report);
}

/* Calls that took all time or memory once, or overflowed. */
TEST(test_known)
{
    static const char *const calls[] = {
        "combinations(f(1), 2147483647, True)",
        "combinations(f(3), 9223372036854775807, True)",
        "conv1d(f(2, 4, 7), f(6, 2, 1), f(6), 2147483647, 1, 2, 2)",
        "conv2d(f(2, 3, 5, 5), f(3, 1, 3, 3), f(3), [65536, 2], 1, 3, 3)",
        "conv_transpose2d(f(2, 4, 3, 3), f(4, 1, 2, 3), f(2), 100, [1, 0], [1, 0], 2, [1, 2])",
        "fold(f(4, 1), [-9223372036854775807, 1], 2)",
        "fold(f(4, 1), 2147483647, 2, padding=2147483647)",
        "median_dim(f(2, 3), -9223372036854775808)",
        "nanmedian_dim(f(), -9223372036854775808)",
        "repeat_interleave(narrow(expand(i(1, 1), [1099511627776, 1]), 1, 0, 0), 2, 0, 9223372036854775807)",
        "repeat_interleave(narrow(expand(i(1, 1), [1099511627776, 1]), 1, 0, 0), 0, 0, 0)",
        "tensor_split(f(2, 6), 65536, 1)",
        "tril_indices(4294967296, 3)",
        "tril_indices(9223372036854775807, 1, -5)",
        "triu_indices(4294967296, 2, -9)",
        "unfold(f(1, 1, 1), 2147483647, padding=2147483647)",
    };
    report_fatal();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) call(NULL, calls[i]);
}

/* Only what is asked for is computed, however large the matrix. */
TEST(test_far_triangles)
{
    const tg_scope scope = tg_scope_begin();
    const int64_t far = INT64_C(1) << 40;
    tg_tensor *low = tg_tril_indices(far, 3, 1 - far), *high = tg_triu_indices(3, far, far - 2);
    const int64_t expected[2][6] = { { far - 1, 0 }, { 0, 0, 1, far - 2, far - 1, far - 1 } };
    assert_non_null(low);
    assert_non_null(high);
    assert_int_equal(tg_numel(low), 2);
    assert_int_equal(tg_numel(high), 6);
    assert_memory_equal(tg_data(low, TG_INT64), expected[0], 2 * sizeof(int64_t));
    assert_memory_equal(tg_data(high, TG_INT64), expected[1], 6 * sizeof(int64_t));
    tg_scope_end(scope);
}

TEST(test_op)
{
    const tg_op *op = *state;
    const char *const *texts = sample_texts(op->in_place_of ? op->in_place_of : op);
    int count = 0;
    while (texts[count]) count++;
    report_fatal();
    random_state = seed;
    for (const char *c = op->name; *c; c++) random_state = (random_state ^ (unsigned char)*c) * 1099511628211u;
    for (int k = 0; k < rounds; k++) call(op, texts[pick(count)]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest first[] = { T(test_known), T(test_far_triangles) };
    const op_suite suite = { .name = "hostile",
                             .test = test_op,
                             .first = first,
                             .first_count = sizeof first / sizeof first[0] };
    if (argc > 2) rounds = atoi(argv[2]);
    if (argc > 3) seed = (uint64_t)atoll(argv[3]);
    setenv("TAPEGRAD_POOL", "0", 1); /* or blocks held for reuse would count as taken */
    tg_set_allocator(limited_allocate, limited_free, NULL);
    return op_suite_run(&suite, argc, argv);
}
