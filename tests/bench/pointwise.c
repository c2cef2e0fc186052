/* pointwise.c: the loops of every row of rows.def, straight from the table in use, on one thread: in the first
 * level of cache and far outside of it, next to what memcpy does with as many elements. */
#include "bench.h"

#include "ops/kernels/rows/activation_kernels.h"
#include "ops/kernels/rows/functions_kernels.h"
#include "ops/kernels/rows/pointwise_kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1000000 };

typedef const tgi_row_loops *(*loops_fn)(void);
#define TG_UNARY(name, ...)                                                                                            \
    static const tgi_row_loops *name##_loops(void) { return &TGI_KERNELS(TG_FAMILY)->name; }
#define TG_UNARY_WITH   TG_UNARY
#define TG_BINARY       TG_UNARY
#define TG_TERNARY      TG_UNARY
#define TG_TERNARY_WITH TG_UNARY
#include "ops/rows/rows.def"

static const struct row {
    const char *name;
    loops_fn loops;
    int inputs;
    double low, high; /* what the inputs are drawn from */
    double parameters[TGI_PARAMETERS];
} rows[] = {
#define OPTION(k, name, initial, ...)                                       initial,
#define REQUIRED(k, name, value)                                            value,
#define OR_NONE(...)                                                        NAN,
#define TG_UNARY(name, dtypes, y, da, saves, lo, hi, ...)                   { #name, name##_loops, 1, lo, hi, { 0 } },
#define TG_UNARY_WITH(name, dtypes, with, y, da, saves, lo, hi, ...)        { #name, name##_loops, 1, lo, hi, { with } },
#define TG_BINARY(name, dtypes, y, da, da_saves, db, db_saves, lo, hi, ...) { #name, name##_loops, 2, lo, hi, { 0 } },
#define TG_TERNARY(name, dtypes, y, da, da_saves, db, db_saves, dc, dc_saves, lo, hi, ...)                             \
    { #name, name##_loops, 3, lo, hi, { 0 } },
#define TG_TERNARY_WITH(name, dtypes, with, y, da, da_saves, db, db_saves, dc, dc_saves, lo, hi, ...)                  \
    { #name, name##_loops, 3, lo, hi, { with } },
#include "ops/rows/rows.def"
};

/* ---- the bodies that are timed ---- */

typedef struct call {
    tgi_loop loop;
    int64_t n;
    size_t size; /* of an element */
    char *p[5];  /* y, a, b, c, the parameters */
    int64_t stride[4];
} call;

static void run_loop(void *state)
{
    const call *c = state;
    c->loop(1, c->n, c->p, NULL, c->stride);
}

static void run_copy(void *state)
{
    const call *c = state;
    memcpy(c->p[0], c->p[1], (size_t)c->n * c->size);
}

static double time_one(bench_body body, call *c, const bench_options *o)
{
    double time[2];
    bench_time_pair((const bench_body[]){ body, NULL }, (void *const[]){ c, NULL }, o->seconds > 0 ? o->seconds : 0.1,
                    time);
    return time[0];
}

/* ---- rows ---- */

static void fill(char *p, int64_t n, bool doubles, double low, double high)
{
    for (int64_t i = 0; i < n; i++) {
        const double value = low + (high - low) * (double)(i * 7919 % 1009) / 1009;
        if (doubles)
            ((double *)(void *)p)[i] = value;
        else
            ((float *)(void *)p)[i] = (float)value;
    }
}

static void run_row(const bench_options *o, const struct row *r, call *c, double copy_rate)
{
    const bool doubles = c->size == sizeof(double);
    char *last = c->p[1 + r->inputs];
    c->loop = r->loops()->forward[doubles];
    for (int i = 1; i <= r->inputs; i++) fill(c->p[i], c->n, doubles, r->low, r->high);
    c->p[1 + r->inputs] = (char *)(uintptr_t)r->parameters;

    const double time = time_one(run_loop, c, o), rate = (double)c->n * (double)c->size * (r->inputs + 1) / time;
    if (o->csv)
        printf("%s-%s-%d,1,%.4f\n", r->name, doubles ? "f64" : "f32", (int)c->n, 1e6 * time);
    else
        printf("%-12s %s %9d %12.2f %9.3f %9.1f %7.1f%%\n", r->name, doubles ? "f64" : "f32", (int)c->n, 1e6 * time,
               1e9 * time / (double)c->n, 1e-9 * rate, 100 * rate / copy_rate);
    fflush(stdout);
    if (!doubles) bench_note_share(c->n == LARGEST ? "far" : "near", r->name, rate / copy_rate);
    c->p[1 + r->inputs] = last;
}

static void run_all(const bench_options *o, call *c)
{
    fill(c->p[1], c->n, c->size == sizeof(double), 0, 1);
    const double copy_rate = 2.0 * (double)c->n * (double)c->size / time_one(run_copy, c, o);
    if (!o->csv)
        printf("%-12s %s %9d %32.1f\n", "(memcpy)", c->size == sizeof(double) ? "f64" : "f32", (int)c->n,
               1e-9 * copy_rate);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) run_row(o, &rows[i], c, copy_rate);
}

bool bench_pointwise(const bench_options *o)
{
    char *memory[4];
    for (int i = 0; i < 4; i++) memory[i] = calloc(LARGEST, sizeof(double));
    const bool ok = memory[0] && memory[1] && memory[2] && memory[3];
    if (ok && !o->csv) {
        printf("\npointwise kernels on one thread: %s. Bytes read and written, next to memcpy's\n",
               tgi_set_name(tgi_set()));
        printf("%-26s %12s %9s %9s %8s\n", "", "us", "ns each", "GB/s", "of copy");
    }
    const size_t sizes[] = { sizeof(float), sizeof(double) };
    for (int64_t n = 1000; ok && n <= LARGEST; n *= 1000) {
        for (int i = 0; i < 2; i++) {
            const int64_t stride = (int64_t)sizes[i];
            call c = { NULL,
                       n,
                       sizes[i],
                       { memory[0], memory[1], memory[2], memory[3] },
                       { stride, stride, stride, stride } };
            run_all(o, &c);
        }
    }
    for (int i = 0; i < 4; i++) free(memory[i]);
    if (!ok) fprintf(stderr, "bench: out of memory\n");
    return ok;
}
