/* bench.h: what the files of the benchmark share: options, timing, rows.
 *
 * The program times whole training steps through the public API (workloads.c), and single kernels straight from the
 * table in use (gemm.c, pointwise.c); single ops, too, are called as users do (ops.c). It asserts nothing;
 * tests/bench/pytorch.py times the same workloads in PyTorch. */
#ifndef TG_TESTS_BENCH_BENCH_H
#define TG_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

typedef struct bench_options {
    int threads;
    double seconds;   /* for each measurement; 0: what each one asks for */
    const char *only; /* "W1,W3"; NULL: everything */
    const char *blas; /* a CBLAS library to compare with, or NULL */
    const char *isa;  /* a name of tgi_set_name, or NULL */
    bool csv, memory, list, cpu, rows, missing;
} bench_options;

/* -1: go on; otherwise the exit status. */
int bench_options_parse(bench_options *o, int argc, char **argv);

/* ---- timing.c ---- */

typedef void (*bench_body)(void *state);

/* Of `count` values, which are put in ascending order. */
double bench_median(double *values, int count);

/* The median of the seconds that body(state) takes: three calls to warm up, then calls timed one by one until `seconds`
 * have passed, at least five. */
double bench_time(bench_body body, void *state, double seconds);

/* Two bodies by turns, so that what else the machine does slows both; for those that take microseconds: a sample is as
 * many calls as last longer than the clock's own cost. body[1] may be NULL: median[1] is then 0. */
void bench_time_pair(const bench_body body[2], void *const state[2], double seconds, double median[2]);

/* From now on times are those of the processor, which do not count what else the machine does meanwhile. */
void bench_use_processor_time(void);

/* The most memory this process has had, in MiB. */
double bench_peak_memory(void);

/* ---- peak.c: what the machine can do, measured ---- */

/* Operations a second on `threads` threads, with the instructions that the kernels in use have; a multiply-add is two.
 * 0 where nobody has written that loop. */
double bench_peak_flops(int threads, bool doubles);

/* ---- what there is to run ---- */

typedef struct bench_workload {
    const char *name, *description, *unit;
    double seconds; /* how long to measure, unless told otherwise */
    double (*measure)(double seconds, const void *argument);
    const void *argument;
} bench_workload;

extern const bench_workload bench_workloads[];
extern const int bench_workload_count;
extern const bench_workload bench_ops[]; /* ops.c */
extern const int bench_op_count;

/* One of bench_ops as pytorch.py reads it: its name, whether with gradients, PyTorch's call, the inputs; tabs
 * between. */
void bench_print_row(const bench_workload *w);

/* Whether each op of the registry has a row; prints which has none. */
bool bench_rows_complete(void);

/* Sweeps over kernels, printed as they go; false when they could not run. */
bool bench_gemm(const bench_options *o);
bool bench_pointwise(const bench_options *o);

/* ---- summary.c: what matters, at the end ---- */

void bench_note_time(const bench_workload *w, double figure);
/* How near something comes to a limit; `group` is a constant: "square", "weight" (products), "near", "far"
 * (pointwise). */
void bench_note_share(const char *group, const char *name, double share);
void bench_print_summary(const bench_options *o);

#endif
