/* blas.c: finds the two products in a CBLAS library, and sets OpenBLAS's threads if it is one. */
#include "blas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Copied, because C has no conversion from an object's address to a function's. */
static void find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
}

int blas_load(blas *b, const char *path, int threads)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "bench: %s\n", dlerror());
        return 0;
    }
    void (*set_threads)(int);
    char *(*core_name)(void);
    find(library, "cblas_sgemm", &b->sgemm);
    find(library, "cblas_dgemm", &b->dgemm);
    find(library, "openblas_set_num_threads", &set_threads);
    find(library, "openblas_get_corename", &core_name);
    if (!b->sgemm || !b->dgemm) {
        fprintf(stderr, "bench: %s has no cblas_sgemm and cblas_dgemm\n", path);
        return 0;
    }
    if (set_threads) set_threads(threads);
    b->core = core_name ? core_name() : "its own choice of code";
    return 1;
}
