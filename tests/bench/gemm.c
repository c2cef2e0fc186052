/* gemm.c: the matrix product, straight from the table in use: squares, and the shapes of the LSTM workloads, where B is
 * a weight stored [n, k]. Against the peak that peak.c measures and, with --blas, a CBLAS library. */
#include "bench.h"
#include "blas.h"

#include "ops/kernels/gemm/gemm_kernels.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct gemm_shape {
    int64_t m, n, k;
    bool doubles, weight; /* weight: B is the transpose of what is stored */
} gemm_shape;

static const gemm_shape shapes[] = {
    { 64, 64, 64, false, false },    { 128, 128, 128, false, false },    { 256, 256, 256, false, false },
    { 512, 512, 512, false, false }, { 1024, 1024, 1024, false, false }, { 2048, 2048, 2048, false, false },
    { 100, 8, 13, false, true },     { 100, 32, 13, false, true },       { 32, 1024, 256, false, true },
    { 32, 1024, 320, false, true },  { 64, 4096, 1024, false, true },    { 1, 1024, 256, false, true },
    { 64, 64, 64, true, false },     { 256, 256, 256, true, false },     { 1024, 1024, 1024, true, false },
};

/* ---- the bodies that are timed ---- */

typedef struct product {
    tgi_gemm gemm;
    const gemm_shape *shape;
    const blas *blas;
} product;

static void ours(void *state)
{
    const product *p = state;
    TGI_KERNELS(gemm)->run[p->shape->doubles](&p->gemm);
}

static void theirs(void *state)
{
    const product *p = state;
    const int m = (int)p->shape->m, n = (int)p->shape->n, k = (int)p->shape->k;
    const int trans = p->shape->weight ? BLAS_TRANS : BLAS_NO_TRANS, ldb = p->shape->weight ? k : n;
    const tgi_gemm *g = &p->gemm;
    if (p->shape->doubles)
        p->blas->dgemm(BLAS_ROW_MAJOR, BLAS_NO_TRANS, trans, m, n, k, 1, g->a, k, g->b, ldb, 0, g->c, n);
    else
        p->blas->sgemm(BLAS_ROW_MAJOR, BLAS_NO_TRANS, trans, m, n, k, 1, g->a, k, g->b, ldb, 0, g->c, n);
}

/* ---- operands ---- */

/* Numbers in [0, 1); NULL without memory. */
static void *numbers(int64_t count, bool doubles)
{
    void *memory = malloc((size_t)count * (doubles ? sizeof(double) : sizeof(float)));
    for (int64_t i = 0; memory && i < count; i++) {
        const double value = (double)(i * 7919 % 1009) / 1009;
        if (doubles)
            ((double *)memory)[i] = value;
        else
            ((float *)memory)[i] = (float)value;
    }
    return memory;
}

static void product_init(product *p, const gemm_shape *s, const blas *b, void *const memory[3])
{
    *p = (product){ .shape = s, .blas = b };
    p->gemm = (tgi_gemm){ .m = s->m, .n = s->n, .k = s->k, .a = memory[0], .a_row = s->k, .a_col = 1 };
    p->gemm.b = memory[1];
    p->gemm.b_row = s->weight ? 1 : s->n;
    p->gemm.b_col = s->weight ? s->k : 1;
    p->gemm.c = memory[2];
    p->gemm.c_row = s->n;
}

/* ---- rows ---- */

static void print_row(const bench_options *o, const gemm_shape *s, const double time[2], double peak)
{
    char name[64];
    snprintf(name, sizeof name, "%cgemm-%dx%dx%d%s", s->doubles ? 'd' : 's', (int)s->m, (int)s->n, (int)s->k,
             s->weight ? "-weight" : "");
    if (o->csv) {
        printf("%s,%d,%.3f\n", name, o->threads, 1e6 * time[0]);
        return;
    }
    const double operations = 2.0 * (double)s->m * (double)s->n * (double)s->k;
    if (peak > 0) bench_note_share(s->weight ? "weight" : "square", name, operations / time[0] / peak);
    printf("%-26s %12.2f %9.1f", name, 1e6 * time[0], 1e-9 * operations / time[0]);
    if (peak > 0) printf(" %7.1f%%", 100 * operations / time[0] / peak);
    if (time[1] > 0) printf(" %12.2f %9.1f %7.2f", 1e6 * time[1], 1e-9 * operations / time[1], time[1] / time[0]);
    printf("\n");
}

static bool run_shape(const bench_options *o, const gemm_shape *s, const blas *b, const double peak[2])
{
    void *memory[3] = { numbers(s->m * s->k, s->doubles), numbers(s->k * s->n, s->doubles),
                        numbers(s->m * s->n, s->doubles) };
    const bool ok = memory[0] && memory[1] && memory[2];
    if (ok) {
        product p;
        double time[2];
        product_init(&p, s, b, memory);
        bench_time_pair((const bench_body[]){ ours, b ? theirs : NULL }, (void *const[]){ &p, &p },
                        o->seconds > 0 ? o->seconds : 0.5, time);
        print_row(o, s, time, peak[s->doubles]);
        fflush(stdout);
    }
    for (int i = 0; i < 3; i++) free(memory[i]);
    if (!ok) fprintf(stderr, "bench: out of memory\n");
    return ok;
}

bool bench_gemm(const bench_options *o)
{
    blas library;
    if (o->blas && !blas_load(&library, o->blas, o->threads)) return false;
    const double peak[2] = { bench_peak_flops(o->threads, false), bench_peak_flops(o->threads, true) };
    if (!o->csv) {
        printf("\nmatrix products, m x n x k; -weight: B stored transposed. Kernels: %s; peak: %.1f GFLOP/s in float",
               tgi_set_name(tgi_set()), 1e-9 * peak[0]);
        printf(o->blas ? "; BLAS: %s\n" : "\n", o->blas ? library.core : "");
        printf("%-26s %12s %9s %8s", "", "us", "GFLOP/s", "of peak");
        printf(o->blas ? " %12s %9s %7s\n" : "\n", "BLAS us", "GFLOP/s", "ratio");
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (!run_shape(o, &shapes[i], o->blas ? &library : NULL, peak)) return false;
    }
    return true;
}
