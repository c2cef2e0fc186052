/* sample.h: an op's sample calls, run.
 *
 * A sample is a call in Python's notation, "cat([f(2, 3), f(2, 1)], dim=1)", and may nest calls of other ops. Leaves
 *
 *     f(sizes..., lo=-2, hi=2, grad=True)   a floating tensor of the test's dtype; grad=False: no gradient wanted;
 *                                           step=1: only multiples of that, so that there are ties
 *     v(numbers..., grad=True)              a floating tensor of one dimension and these elements (nan and inf as well)
 *     i(sizes..., lo=-2, hi=3)              an int64 tensor, hi excluded
 *     b(sizes...)                           a bool tensor
 *
 * are the tensors; other arguments are numbers, inf, nan, True, False, None, strings, [lists] of integers or tensors,
 * and dtypes by name.
 *
 * Values. The leaf with number k (counted from 0 in the order of the text) is filled in row-major order from
 *     x = FNV-1a 64 of the text's bytes followed by the byte k;
 *     for each element: x = x * 6364136223846793005 + 1442695040888963407 mod 2^64, u = (x >> 11) / 2^53
 *     f: lo + (hi - lo) * u (with a step: floor(that / step + 0.5) * step)      i: floor of the same      b: u < 0.5
 * so that tests/golden/ops.py makes the same numbers. The weights of result k are made like a leaf f(lo=-1, hi=1) with
 * number 128 + k. Nothing here depends on anything but the text. */
#ifndef TG_TESTS_SUPPORT_SAMPLE_H
#define TG_TESTS_SUPPORT_SAMPLE_H

#include "tapegrad.h"

#include "ops/registry.h"

enum { SAMPLE_LEAVES = 12, SAMPLE_VALUES = 32, SAMPLE_ARGUMENTS = 16 };

typedef struct sample_leaf {
    char kind; /* 'f', 'i', 'b', 'v' */
    bool grad;
    tg_shape shape;
    double lo, hi, step;
    double values[SAMPLE_VALUES]; /* of v */
    tg_tensor *tensor; /* what a run uses; set by sample_fill or by the test */
} sample_leaf;

typedef struct sample {
    const char *text;
    int count;
    sample_leaf leaves[SAMPLE_LEAVES];
} sample;

/* ---- which samples an op has ---- */

/* The op's own, or those made from its row of rows.def. NULL at the end; the array is never freed. */
const char *const *sample_texts(const tg_op *op);
const char *const *sample_corners(const tg_op *op);
const tg_error_sample *sample_errors(const tg_op *op);
const tg_error_sample *sample_own_errors(const tg_op *op);
/* 1, 2 or 3 for an op that is a row of rows.def, 0 for others. */
int sample_pointwise_inputs(const tg_op *op);
/* Whether such an op can be called with nothing but its inputs; and whether these may be floats. */
bool sample_is_plain(const tg_op *op);
bool sample_takes_floats(const tg_op *op);

/* ---- one sample ---- */

/* Reads the leaves; the test fails when the text is malformed. */
sample sample_read(const char *text);

/* The elements of leaf `leaf`, row-major, into `values` (as many as its shape says). */
void sample_values(const sample *s, int leaf, double *values);

/* A contiguous tensor for every leaf. */
void sample_fill(sample *s, tg_dtype floating, bool requires_grad);

/* Calls the op on the leaves' tensors. */
tg_tensor_list sample_run(const sample *s);

/* The same with argument `argument` of the outermost call replaced by NULL (a list's first item by NULL). False, and
 * nothing called, if that argument is no tensor. */
bool sample_run_without(const sample *s, int argument, tg_tensor_list *results);

/* Calls `op` in place of the outermost one, its first argument being a copy of what the sample has there. False, and
 * nothing called, if that is no leaf. */
bool sample_run_in_place(const sample *s, const tg_op *op, tg_tensor_list *results);

/* Calls the outermost op, or `op` in place of it unless that is NULL, with what `change` makes of its arguments. */
typedef void (*sample_change)(const tg_op *op, tg_value *args, int *count, void *context);
tg_tensor_list sample_run_changed(const sample *s, const tg_op *op, sample_change change, void *context);

/* The weights of result `k`, for the scalar sum(result * weights). */
tg_tensor *sample_weights(const sample *s, int k, const tg_tensor *result);

/* Writes row-major `values` into a tensor of any strides and dtype. */
void sample_write(tg_tensor *t, const double *values);
/* The elements of `t`, row-major, as doubles; malloc'd. */
double *sample_elements(const tg_tensor *t);

#endif
