/* select.c: picks the kernels: the best the machine has, or what TAPEGRAD_ISA asks for. This file itself runs
 * anywhere. */
#include "isa.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tgi_supports_baseline(void) { return true; }
bool tgi_supports_reference(void) { return true; }

#ifdef TGI_ON_X86
/* These ask the operating system too, whether it saves the wider registers. */
bool tgi_supports_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool tgi_supports_avx512(void)
{
    return tgi_supports_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

#ifdef TGI_ON_ARM64
bool tgi_supports_neon(void) { return true; }
#endif

/* The best first. */
const tgi_kernels *const tgi_kernels_all[] = {
#ifdef TGI_ON_X86
    &tgi_kernels_avx512,   &tgi_kernels_avx2,
#endif
#ifdef TGI_ON_ARM64
    &tgi_kernels_neon,
#endif
    &tgi_kernels_baseline, NULL,
};

static const tgi_kernels *in_use; /* atomic; NULL until the first call */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const tgi_kernels *find(const char *name)
{
    for (const tgi_kernels *const *k = tgi_kernels_all; *k; k++) {
        if (strcmp((*k)->name, name) == 0) return *k;
    }
    return NULL;
}

static const tgi_kernels *best(void)
{
    const tgi_kernels *const *k = tgi_kernels_all;
    while (!(*k)->supported()) k++; /* the last one always is */
    return *k;
}

static void choose(void)
{
    const tgi_kernels *chosen = best();
    const char *wanted = getenv("TAPEGRAD_ISA");
    if (wanted && *wanted) {
        const tgi_kernels *found = find(wanted);
        if (found && found->supported())
            chosen = found;
        else
            fprintf(stderr, "tapegrad: TAPEGRAD_ISA=%s is %s; using %s\n", wanted,
                    found ? "not supported by this machine" : "unknown here", chosen->name);
    }
    const tgi_kernels *none = NULL; /* tgi_kernels_select may have come first */
    __atomic_compare_exchange_n(&in_use, &none, chosen, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

const tgi_kernels *tgi_kernels_get(void)
{
    const tgi_kernels *k = __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
    if (k) return k;
    pthread_once(&once, choose);
    return __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
}

bool tgi_kernels_select(const char *name)
{
    const tgi_kernels *found = name ? find(name) : NULL;
    if (!found || !found->supported()) return false;
    __atomic_store_n(&in_use, found, __ATOMIC_RELEASE);
    return true;
}
