/* blas.h: a CBLAS library loaded at run time, to compare with; the benchmark is built without any. */
#ifndef TG_TESTS_BENCH_BLAS_H
#define TG_TESTS_BENCH_BLAS_H

enum { BLAS_ROW_MAJOR = 101, BLAS_NO_TRANS = 111, BLAS_TRANS = 112 };

typedef struct blas {
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                  const float *b, int ldb, float beta, float *c, int ldc);
    void (*dgemm)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double *a, int lda,
                  const double *b, int ldb, double beta, double *c, int ldc);
    const char *core; /* which processor's code it picked, if it says */
} blas;

/* False, and a message, if `path` cannot be loaded or is no CBLAS. Stays loaded. */
int blas_load(blas *b, const char *path, int threads);

#endif
