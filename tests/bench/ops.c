/* ops.c: single ops through the public API, forward alone and forward with backward: every op of the registry has a row.
 *
 * A row is one line of a file in ops/; PyTorch's call stands beside ours, and pytorch.py gets it from here (--rows):
 *
 *     OP(softmax, 512x1000, tg_softmax(x[0], 1), "torch.softmax(x[0], 1)", FLOATS(512, 1000))
 *
 * is the row op-softmax-512x1000: the op's name in the registry; what tells its rows apart, made of letters, digits and _;
 * the two calls, of inputs x[0], x[1], ... ("" where PyTorch has no such call: ours alone is timed); and those inputs:
 *
 *     FLOATS(sizes), DOUBLES(sizes)            drawn from the normal distribution
 *     UNIFORMS(sizes), UNIFORM_DOUBLES(sizes)  drawn from [0, 1)
 *     TRANSPOSED(sizes)                        floats whose last two dimensions lie in memory the other way round
 *     POSITIVE_DEFINITE(batch, n, n)           floats: symmetric matrices, well conditioned
 *     CONSTANTS(sizes)                         drawn from [0, 1); no gradient is asked for, as of those below
 *     INDICES(below, sizes)                    int64, from 0 up
 *     BOOLS(sizes)
 *     SORTED(sizes)                            floats from [0, 1), the last dimension in ascending order
 *     COUNTS(most, sizes)                      int64, from 1 up
 *
 * OP_AND_GRADIENT adds the row op-softmax+backward-512x1000, which also computes the gradient of every input but constants
 * from a gradient of ones. UNARY, BINARY and their like are the rows of a pointwise op. `--only op` is all of them, `--only
 * op-softmax` those of one op; `--missing` says which ops have no row. */
#include "bench.h"

#include "ops/registry.h"
#include <tapegrad.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_INPUTS = 8 };

typedef enum input_kind {
    NO_INPUT,
    INPUT_FLOATS,
    INPUT_DOUBLES,
    INPUT_UNIFORMS,
    INPUT_UNIFORM_DOUBLES,
    INPUT_TRANSPOSED,
    INPUT_POSITIVE_DEFINITE,
    INPUT_CONSTANTS,
    INPUT_INDICES,
    INPUT_BOOLS,
    INPUT_SORTED,
    INPUT_COUNTS
} input_kind;

/* As pytorch.py calls them. */
static const char *const kind_names[] = {
    "",          "floats",  "doubles", "uniforms", "uniform_doubles", "transposed", "positive_definite",
    "constants", "indices", "bools",   "sorted",   "counts"
};

typedef struct input {
    input_kind kind;
    int64_t below;
    tg_shape shape;
} input;

typedef struct op_row {
    const char *op;
    tg_tensor *(*call)(tg_tensor *const *x);
    const char *python;
    bool backward;
    input inputs[MOST_INPUTS];
} op_row;

/* What a row runs on. The gradients are asked for by tg_grad, so that nothing is accumulated. */
typedef struct op_state {
    const op_row *row;
    tg_tensor *x[MOST_INPUTS];
    tg_tensor *differentiated[MOST_INPUTS];
    int64_t count; /* of the latter */
    tg_tensor *ones;
} op_state;

static bool is_constant(const input *i) { return i->kind >= INPUT_CONSTANTS; }

static tg_tensor *transposed(tg_shape shape)
{
    const int64_t rows = shape.dims[shape.ndim - 1];
    shape.dims[shape.ndim - 1] = shape.dims[shape.ndim - 2];
    shape.dims[shape.ndim - 2] = rows;
    return tg_transpose(tg_randn(shape), -1, -2);
}

/* a a^T / n + I. */
static tg_tensor *positive_definite(tg_shape shape)
{
    const int64_t n = shape.dims[shape.ndim - 1];
    tg_tensor *a = tg_randn(shape);
    return tg_add(tg_div(tg_matmul(a, tg_transpose(a, -1, -2)), tg_scalar((double)n)), tg_eye(n, n));
}

static tg_tensor *make(const input *i, bool requires_grad)
{
    tg_tensor *t = NULL;
    switch (i->kind) {
    case INPUT_FLOATS: t = tg_randn(i->shape); break;
    case INPUT_DOUBLES: t = tg_randn(i->shape, .dtype = TG_FLOAT64); break;
    case INPUT_UNIFORMS:
    case INPUT_CONSTANTS: t = tg_rand(i->shape); break;
    case INPUT_UNIFORM_DOUBLES: t = tg_rand(i->shape, .dtype = TG_FLOAT64); break;
    case INPUT_TRANSPOSED: t = transposed(i->shape); break;
    case INPUT_POSITIVE_DEFINITE: t = positive_definite(i->shape); break;
    case INPUT_INDICES: t = tg_randint(0, i->below, i->shape); break;
    case INPUT_BOOLS: t = tg_gt(tg_rand(i->shape), tg_scalar(0.5)); break;
    case INPUT_SORTED: t = tg_sort(tg_rand(i->shape)).values; break;
    case INPUT_COUNTS: t = tg_randint(1, i->below, i->shape); break;
    case NO_INPUT: break;
    }
    if (requires_grad && !is_constant(i)) tg_requires_grad_(t, true);
    return t;
}

static void run(void *state)
{
    const op_state *s = state;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = s->row->call(s->x);
    if (s->row->backward) tg_grad(tg_list(y), tg_list_of(s->differentiated, s->count), .grad_outputs = { s->ones });
    tg_scope_end(scope);
}

static double measure(double seconds, const void *argument)
{
    op_state s = { .row = argument };
    for (int i = 0; i < MOST_INPUTS && s.row->inputs[i].kind != NO_INPUT; i++) {
        s.x[i] = make(&s.row->inputs[i], s.row->backward);
        if (!is_constant(&s.row->inputs[i])) s.differentiated[s.count++] = s.x[i];
    }
    s.ones = tg_ones_like(s.row->call(s.x));
    return 1e6 * bench_time(run, &s, seconds);
}

/* ---- the rows ---- */

/* Ops that only a backward calls: BY_NAME(op, arguments in the schema's order). */
static tg_tensor *by_name(const char *op, const tg_value *args, int count)
{
    const tg_tensor_list results = tg_op_call(tg_op_find(op), args, count);
    return results.count > 0 ? results.items[0] : NULL;
}
#define BY_NAME(op, ...)                                                                                               \
    by_name(#op, (const tg_value[]){ __VA_ARGS__ }, (int)(sizeof((const tg_value[]){ __VA_ARGS__ }) / sizeof(tg_value)))
#define NONE                                                                                                           \
    {                                                                                                                  \
        .kind = TG_VALUE_NONE                                                                                          \
    }
#define TENSOR(t)                                                                                                      \
    {                                                                                                                  \
        .kind = TG_VALUE_TENSOR, .as.tensor = t                                                                        \
    }
#define INT(i)                                                                                                         \
    {                                                                                                                  \
        .kind = TG_VALUE_INT, .as.integer = i                                                                          \
    }
#define INTS(...)                                                                                                      \
    {                                                                                                                  \
        .kind = TG_VALUE_INTS, .as.ints = tg_shape(__VA_ARGS__)                                                        \
    }
#define BOOL(b)                                                                                                        \
    {                                                                                                                  \
        .kind = TG_VALUE_BOOL, .as.boolean = b                                                                         \
    }
#define STRING(text)                                                                                                   \
    {                                                                                                                  \
        .kind = TG_VALUE_STRING, .as.string = text                                                                     \
    }

#define UNARY_OF(KIND, DOUBLE_KIND, op, expression, python)                                                            \
    OP_AND_GRADIENT(op, 1000, expression, python, KIND(1000))                                                          \
    OP_AND_GRADIENT(op, 1000x1000, expression, python, KIND(1000, 1000))                                               \
    OP_AND_GRADIENT(op, 1000x1000_float64, expression, python, DOUBLE_KIND(1000, 1000))
#define UNARY(op, expression, python)                                                                                  \
    UNARY_OF(FLOATS, DOUBLES, op, expression, python)                                                                  \
    OP(op, 1001x999_transposed, expression, python, TRANSPOSED(1001, 999))
#define UNARY_POSITIVE(op, expression, python) UNARY_OF(UNIFORMS, UNIFORM_DOUBLES, op, expression, python)
#define BINARY_OF(KIND, DOUBLE_KIND, op, expression, python)                                                           \
    OP_AND_GRADIENT(op, 1000, expression, python, KIND(1000), KIND(1000))                                              \
    OP_AND_GRADIENT(op, 1000x1000, expression, python, KIND(1000, 1000), KIND(1000, 1000))                             \
    OP_AND_GRADIENT(op, 1000x1000_float64, expression, python, DOUBLE_KIND(1000, 1000), DOUBLE_KIND(1000, 1000))       \
    OP_AND_GRADIENT(op, 1000x1000_row, expression, python, KIND(1000, 1000), KIND(1000))                               \
    OP_AND_GRADIENT(op, 1000x1000_column, expression, python, KIND(1000, 1000), KIND(1000, 1))                         \
    OP(op, 1001x999_transposed, expression, python, KIND(1001, 999), TRANSPOSED(1001, 999))
#define BINARY(op, expression, python) BINARY_OF(FLOATS, DOUBLES, op, expression, python)
#define TERNARY(op, expression, python)                                                                                \
    OP_AND_GRADIENT(op, 1000, expression, python, FLOATS(1000), FLOATS(1000), FLOATS(1000))                            \
    OP_AND_GRADIENT(op, 1000x1000, expression, python, FLOATS(1000, 1000), FLOATS(1000, 1000), FLOATS(1000, 1000))     \
    OP_AND_GRADIENT(op, 1000x1000_float64, expression, python, DOUBLES(1000, 1000), DOUBLES(1000, 1000),               \
                    DOUBLES(1000, 1000))                                                                               \
    OP_AND_GRADIENT(op, 1000x1000_column, expression, python, FLOATS(1000, 1000), FLOATS(1000), FLOATS(1000, 1))

/* The values drift away, the same in both. */
#define UNARY_IN_PLACE(op, expression, python) OP(op, 1000x1000, expression, python, CONSTANTS(1000, 1000))
#define BINARY_IN_PLACE(op, expression, python)                                                                        \
    OP(op, 1000x1000, expression, python, CONSTANTS(1000, 1000), CONSTANTS(1000, 1000))
#define TERNARY_IN_PLACE(op, expression, python)                                                                       \
    OP(op, 1000x1000, expression, python, CONSTANTS(1000, 1000), CONSTANTS(1000, 1000), CONSTANTS(1000, 1000))

/* Over all elements and along a dimension. ROW is OP or OP_AND_GRADIENT. */
#define REDUCTION(ROW, op, python)                                                                                     \
    ROW(op, 1000, tg_##op(x[0]), python "(x[0])", FLOATS(1000))                                                        \
    ROW(op, 1000x1000, tg_##op(x[0]), python "(x[0])", FLOATS(1000, 1000))                                             \
    ROW(op, 1000x1000_dim0, tg_##op(x[0], .dim = 0), python "(x[0], dim=0)", FLOATS(1000, 1000))                       \
    ROW(op, 1000x1000_dim1, tg_##op(x[0], .dim = 1), python "(x[0], dim=1)", FLOATS(1000, 1000))                       \
    OP(op, 10000x8_dim0, tg_##op(x[0], .dim = 0), python "(x[0], dim=0)", FLOATS(10000, 8))                            \
    OP(op, 10000x8_dim1, tg_##op(x[0], .dim = 1), python "(x[0], dim=1)", FLOATS(10000, 8))                            \
    OP(op, 1001x999_transposed, tg_##op(x[0]), python "(x[0])", TRANSPOSED(1001, 999))                                 \
    OP(op, 1001x999_transposed_dim1, tg_##op(x[0], .dim = 1), python "(x[0], dim=1)", TRANSPOSED(1001, 999))           \
    OP(op, 1000x1000_float64, tg_##op(x[0]), python "(x[0])", DOUBLES(1000, 1000))                                     \
    OP(op, 1000x1000_dim0_float64, tg_##op(x[0], .dim = 0), python "(x[0], dim=0)", DOUBLES(1000, 1000))
#define REDUCTION_OF_INTEGERS(op, python)                                                                              \
    OP(op, 1000x1000_int64, tg_##op(x[0]), python "(x[0])", INDICES(3, 1000, 1000))                                    \
    OP(op, 1000x1000_dim0_int64, tg_##op(x[0], .dim = 0), python "(x[0], dim=0)", INDICES(3, 1000, 1000))              \
    OP(op, 1000x1000_dim1_int64, tg_##op(x[0], .dim = 1), python "(x[0], dim=1)", INDICES(3, 1000, 1000))
/* Along a dimension; `result` and `taken` say what is timed of several, .values and "[0]". */
#define ALONG_A_DIMENSION(ROW, op, result, python, taken)                                                              \
    ROW(op, 1000, tg_##op(x[0], 0) result, python "(x[0], 0)" taken, FLOATS(1000))                                     \
    ROW(op, 1000x1000_dim0, tg_##op(x[0], 0) result, python "(x[0], 0)" taken, FLOATS(1000, 1000))                     \
    ROW(op, 1000x1000_dim1, tg_##op(x[0], 1) result, python "(x[0], 1)" taken, FLOATS(1000, 1000))                     \
    OP(op, 1001x999_transposed_dim1, tg_##op(x[0], 1) result, python "(x[0], 1)" taken, TRANSPOSED(1001, 999))         \
    OP(op, 1000x1000_dim1_float64, tg_##op(x[0], 1) result, python "(x[0], 1)" taken, DOUBLES(1000, 1000))
/* What costs the same for all sizes; its gradient may not. */
#define VIEW(op, expression, python) OP_AND_GRADIENT(op, 1000x1000, expression, python, FLOATS(1000, 1000))

#define OP(op, sizes, expression, python, ...)                                                                         \
    static tg_tensor *call_##op##_##sizes(tg_tensor *const *x) { return (void)x, expression; }
#define OP_AND_GRADIENT(...) OP(__VA_ARGS__)
#include "ops.def"
#undef OP
#undef OP_AND_GRADIENT

/* clang-format off */
#define FLOATS(...) { INPUT_FLOATS, 0, SIZES(__VA_ARGS__) }
#define DOUBLES(...) { INPUT_DOUBLES, 0, SIZES(__VA_ARGS__) }
#define UNIFORMS(...) { INPUT_UNIFORMS, 0, SIZES(__VA_ARGS__) }
#define UNIFORM_DOUBLES(...) { INPUT_UNIFORM_DOUBLES, 0, SIZES(__VA_ARGS__) }
#define TRANSPOSED(...) { INPUT_TRANSPOSED, 0, SIZES(__VA_ARGS__) }
#define POSITIVE_DEFINITE(...) { INPUT_POSITIVE_DEFINITE, 0, SIZES(__VA_ARGS__) }
#define CONSTANTS(...) { INPUT_CONSTANTS, 0, SIZES(__VA_ARGS__) }
#define BOOLS(...) { INPUT_BOOLS, 0, SIZES(__VA_ARGS__) }
#define SORTED(...) { INPUT_SORTED, 0, SIZES(__VA_ARGS__) }
#define INDICES(below, ...) { INPUT_INDICES, below, SIZES(__VA_ARGS__) }
#define COUNTS(most, ...) { INPUT_COUNTS, (most) + 1, SIZES(__VA_ARGS__) }
#define SIZES(...) { (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ } }

#define ROW(name, description, op, sizes, python, backward, ...)                                                       \
    { name, description, "us", 0.5, measure, &(const op_row){ #op, call_##op##_##sizes, python, backward, { __VA_ARGS__ } } }
#define OP(op, sizes, expression, python, ...)                                                                         \
    ROW("op-" #op "-" #sizes, #op " " #sizes, op, sizes, python, false, __VA_ARGS__),
#define OP_AND_GRADIENT(op, sizes, expression, python, ...)                                                            \
    OP(op, sizes, expression, python, __VA_ARGS__)                                                                     \
    ROW("op-" #op "+backward-" #sizes, #op " " #sizes ", forward and backward", op, sizes, python, true, __VA_ARGS__),
/* clang-format on */

const bench_workload bench_ops[] = {
#include "ops.def"
};
const int bench_op_count = (int)(sizeof bench_ops / sizeof *bench_ops);

/* ---- what pytorch.py and the tests ask ---- */

void bench_print_row(const bench_workload *w)
{
    const op_row *row = w->argument;
    printf("%s\t%d\t%s\t", w->name, row->backward, row->python);
    for (const input *in = row->inputs; in < row->inputs + MOST_INPUTS && in->kind != NO_INPUT; in++) {
        printf("%s%s", in == row->inputs ? "" : ";", kind_names[in->kind]);
        if (in->kind == INPUT_INDICES || in->kind == INPUT_COUNTS) printf(",%lld", (long long)in->below);
        for (int i = 0; i < in->shape.ndim; i++) printf(",%lld", (long long)in->shape.dims[i]);
    }
    putchar('\n');
}

static bool has_row(const char *op)
{
    for (int i = 0; i < bench_op_count; i++) {
        if (strcmp(((const op_row *)bench_ops[i].argument)->op, op) == 0) return true;
    }
    return false;
}

static bool is_op(const char *name) { return tg_op_find(name) != NULL; }

bool bench_rows_complete(void)
{
    int count, missing = 0;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++) {
        if (!has_row(ops[i]->name)) printf("%s: no row in tests/bench/ops\n", ops[i]->name), missing++;
    }
    for (int i = 0; i < bench_op_count; i++) {
        const char *op = ((const op_row *)bench_ops[i].argument)->op;
        if (!is_op(op)) printf("%s: a row of it, but no such op\n", op), missing++;
    }
    return missing == 0;
}
