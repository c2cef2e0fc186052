/* sample.h: an op's sample calls, run.
 *
 * A sample is a call in Python's notation, "cat([f(2, 3), f(2, 1)], dim=1)", and may nest calls of other ops. Leaves
 *
 *     f(sizes..., lo=-2, hi=2, grad=True)   a floating tensor of the test's dtype; grad=False: no gradient wanted
 *     i(sizes..., lo=-2, hi=3)              an int64 tensor, hi excluded
 *     b(sizes...)                           a bool tensor
 *
 * are the tensors; other arguments are numbers, True, False, None, strings, [lists] of integers or tensors, and dtypes
 * by name.
 *
 * Values. The leaf with number k (counted from 0 in the order of the text) is filled in row-major order from
 *     x = FNV-1a 64 of the text's bytes followed by the byte k;
 *     for each element: x = x * 6364136223846793005 + 1442695040888963407 mod 2^64, u = (x >> 11) / 2^53
 *     f: lo + (hi - lo) * u      i: floor of the same      b: u < 0.5
 * so that tests/golden/ops.py makes the same numbers. The weights of result k are made like a leaf f(lo=-1, hi=1) with
 * number 128 + k. Nothing here depends on anything but the text. */
#ifndef TG_TESTS_SAMPLE_H
#define TG_TESTS_SAMPLE_H

#include "tapegrad.h"

#include "ops/registry.h"

enum { SAMPLE_LEAVES = 12 };

typedef struct sample_leaf {
    char kind; /* 'f', 'i', 'b' */
    bool grad;
    tg_shape shape;
    double lo, hi;
    tg_tensor *tensor; /* what a run uses; set by sample_fill or by the test */
} sample_leaf;

typedef struct sample {
    const char *text;
    int count;
    sample_leaf leaves[SAMPLE_LEAVES];
} sample;

/* ---- which samples an op has ---- */

/* The op's own, or those made from its row of pointwise.def. NULL at the end; the array is never freed. */
const char *const *sample_texts(const tg_op *op);
const tg_error_sample *sample_errors(const tg_op *op);
/* 1 or 2 for an op of pointwise.def, 0 for others. */
int sample_pointwise_inputs(const tg_op *op);

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

/* The weights of result `k`, for the scalar sum(result * weights). */
tg_tensor *sample_weights(const sample *s, int k, const tg_tensor *result);

/* Writes row-major `values` into a tensor of any strides and dtype. */
void sample_write(tg_tensor *t, const double *values);
/* The elements of `t`, row-major, as doubles; malloc'd. */
double *sample_elements(const tg_tensor *t);

#endif
