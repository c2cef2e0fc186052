/* ops.c: single ops through the public API, forward alone and forward with backward.
 *
 * To add a row: one line in ops.def, and one of the same name in SINGLE_OPS of pytorch.py. The line
 *
 *     OP(softmax, 512x1000, tg_softmax(x[0], 1), FLOATS(512, 1000))
 *
 * is the row op-softmax-512x1000: the op's name; what tells its rows apart, made of letters, digits and _; the call, of
 * inputs x[0], x[1], ...; and those inputs:
 *
 *     FLOATS(sizes)            drawn from the normal distribution
 *     CONSTANTS(sizes)         drawn from [0, 1); no gradient is asked for
 *     INDICES(below, sizes)    int64, from 0 up
 *
 * OP_AND_GRADIENT adds the row op-softmax+backward-512x1000, which also computes the gradient of every FLOATS from a
 * gradient of ones. Sizes are such that a call takes more than some 20 us. `--only op` is all of them, `--only
 * op-softmax` the forward rows of one op. */
#include "bench.h"

#include <tapegrad.h>

enum { MOST_INPUTS = 6 };

typedef enum input_kind { NO_INPUT, INPUT_FLOATS, INPUT_CONSTANTS, INPUT_INDICES } input_kind;

typedef struct input {
    input_kind kind;
    int64_t below;
    tg_shape shape;
} input;

typedef struct op_row {
    tg_tensor *(*call)(tg_tensor *const *x);
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

static tg_tensor *make(const input *i, bool requires_grad)
{
    if (i->kind == INPUT_FLOATS) return tg_randn(i->shape, .requires_grad = requires_grad);
    return i->kind == INPUT_CONSTANTS ? tg_rand(i->shape) : tg_randint(0, i->below, i->shape);
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
        if (s.row->inputs[i].kind == INPUT_FLOATS) s.differentiated[s.count++] = s.x[i];
    }
    s.ones = tg_ones_like(s.row->call(s.x));
    return 1e6 * bench_time(run, &s, seconds);
}

/* ---- the rows ---- */

#define OP(op, sizes, expression, ...)                                                                                 \
    static tg_tensor *call_##op##_##sizes(tg_tensor *const *x) { return expression; }
#define OP_AND_GRADIENT(...) OP(__VA_ARGS__)
#include "ops.def"
#undef OP
#undef OP_AND_GRADIENT

#define FLOATS(...)                                                                                                    \
    {                                                                                                                  \
        INPUT_FLOATS, 0, SIZES(__VA_ARGS__)                                                                            \
    }
#define CONSTANTS(...)                                                                                                 \
    {                                                                                                                  \
        INPUT_CONSTANTS, 0, SIZES(__VA_ARGS__)                                                                         \
    }
#define INDICES(below, ...)                                                                                            \
    {                                                                                                                  \
        INPUT_INDICES, below, SIZES(__VA_ARGS__)                                                                       \
    }
#define SIZES(...)                                                                                                     \
    {                                                                                                                  \
        (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ }                                   \
    }

#define ROW(name, description, op, sizes, backward, ...)                                                               \
    {                                                                                                                  \
        name, description, "us", 0.5, measure, &(const op_row)                                                         \
        {                                                                                                              \
            call_##op##_##sizes, backward, { __VA_ARGS__ }                                                             \
        }                                                                                                              \
    }
#define OP(op, sizes, expression, ...) ROW("op-" #op "-" #sizes, #op " " #sizes, op, sizes, false, __VA_ARGS__),
#define OP_AND_GRADIENT(op, sizes, expression, ...)                                                                    \
    OP(op, sizes, expression, __VA_ARGS__)                                                                             \
    ROW("op-" #op "+backward-" #sizes, #op " " #sizes ", forward and backward", op, sizes, true, __VA_ARGS__),

const bench_workload bench_ops[] = {
#include "ops.def"
};
const int bench_op_count = (int)(sizeof bench_ops / sizeof *bench_ops);
