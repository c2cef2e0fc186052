/* program.h: programs made of ops, as data: run, run again, moved a little, printed, reduced.
 *
 * A program is a list of steps. Each makes one or several values, numbered from 0, out of earlier ones; some of the
 * values are summed, weighted, to one or several losses. generate.c makes such programs at random, test_random.c says
 * what must be true of each. */
#ifndef TG_TESTS_SUPPORT_PROGRAM_H
#define TG_TESTS_SUPPORT_PROGRAM_H

#include "sample.h"

enum {
    PROGRAM_STEPS = 128,
    PROGRAM_VALUES = 256,
    PROGRAM_TERMS = 24,
    PROGRAM_LOSSES = 3,
    PROGRAM_WATCHED = 2,
    STEP_INPUTS = 16,
    STEP_RESULTS = 16
};

typedef enum step_kind {
    STEP_LEAF,     /* its elements are given, and require grad */
    STEP_CONSTANT, /* its elements are given */
    STEP_DETACH,
    STEP_CALL,     /* an op on values and other arguments */
    STEP_SAMPLE    /* an op's sample call, its leaves being values */
} step_kind;

typedef struct step {
    step_kind kind;
    const tg_op *op; /* of a call; of a sample: the in-place op that is called instead on a copy, or NULL */
    sample *sample;
    tg_value args[SAMPLE_ARGUMENTS]; /* of a call; a tensor among them stands for the next input */
    int arg_count;
    int inputs[STEP_INPUTS], input_count;
    int first, count; /* the values it makes */
    bool no_grad;     /* runs where nothing is recorded */
    bool scoped;      /* runs in a scope of its own, which hands out the result */
    double hook;      /* multiplies the gradient of its first value; 1: a hook that only looks; 0: none */
} step;

typedef struct value {
    tg_shape shape;
    tg_dtype dtype;
    double *elements; /* as they were when it was made */
    int step;
} value;

typedef enum term_kind { TERM_WEIGHTED, TERM_SUM } term_kind;

/* sum(value * weights), or sum(value) * scale: a summand of a loss. */
typedef struct term {
    term_kind kind;
    int value, loss;
    double scale;
    double *weights;
} term;

typedef struct program {
    uint64_t seed;
    step steps[PROGRAM_STEPS];
    value values[PROGRAM_VALUES];
    term terms[PROGRAM_TERMS];
    int step_count, value_count, term_count, loss_count;
    int watched[PROGRAM_WATCHED], watched_count; /* values, not of leaves, whose gradients are wanted as well */
} program;

void program_free(program *p);
/* The op of a call, or the outermost one of a sample; NULL: none. */
const tg_op *program_op(const step *s);

/* ---- running ---- */

/* How a run differs from the plain one. */
typedef struct motion {
    /* Hooks and what does not differentiate (detach, no_grad) are made part of the function: a hook that multiplies by
     * c becomes v -> v + (c - 1) (v - v0), what is constant to the tape keeps the elements it had. So finite
     * differences see the function whose gradient the tape is asked for. */
    bool smooth;
    bool leaves_only; /* do not move watched values */
    double h; /* leaves and watched values are moved by h times the direction that program_direction gives */
} motion;

/* The tensors of one run; those of leaves, constants and weights are made once and serve all runs. */
typedef struct running {
    const program *program;
    tg_tensor *fixed[PROGRAM_VALUES];
    tg_tensor *weights[PROGRAM_TERMS];
    tg_tensor *values[PROGRAM_VALUES];
    tg_tensor *losses[PROGRAM_LOSSES];
    tg_tensor *terms[PROGRAM_TERMS];
} running;

/* Makes leaves, constants and weights in the innermost scope. */
void program_prepare(running *r, const program *p);
/* False when a step failed: an error is pending. */
bool program_run(running *r, motion m);
/* Its losses, when all steps have run. */
bool program_run_terms(running *r);
/* The same program, parts of it in checkpoints (program_checkpoint.c): how many; -1 when a step failed. */
int program_run_in_checkpoints(running *r);
/* One step of it. */
bool program_run_step(running *r, int step, motion m);
/* The sum of the losses. */
tg_tensor *program_total(const running *r);

/* A fixed direction for value `v`: as many numbers as it has elements, malloc'd. Elements that are equal move alike, or
 * a median of them, say, would be at a kink. */
double *program_direction(const program *p, int v);
double program_number(uint64_t *state); /* in [0, 1) */

/* The leaves and the watched values; returns how many, PROGRAM_VALUES at most. */
int program_inputs(const program *p, int *inputs);

/* ---- text ---- */

/* The steps, one a line, those that nothing depends on left out. */
void program_print(const program *p);
/* Whether the losses depend on the values of each step; a step that writes them in place included. */
void program_needed(const program *p, bool *needed);

/* ---- generate.c ---- */

/* A program of that seed. False when it came to nothing, as where every value is out of range. */
bool program_generate(program *p, uint64_t seed);
/* Ops that samples take part in, and how often each was used so far. */
int program_candidates(const tg_op *const **ops, const int **uses);

#endif
