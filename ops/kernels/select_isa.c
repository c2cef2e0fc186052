/* select_isa.c: picks a set of kernels: the best that the machine has, or what TAPEGRAD_ISA asks for. This file itself runs
 * anywhere. TGI_SETS, from the Makefile, is what sets there are, the best first (see sets.c). */
#include "kernels.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define SET(isa) #isa,
    TGI_SETS
#undef SET
};
enum { SETS = sizeof names / sizeof *names };

int tgi_set_in_use = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The compiler's functions ask the operating system too, whether it saves the wider registers. */
static bool supports(const char *isa)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(isa, "avx2") == 0) return avx2;
    if (strcmp(isa, "avx512") == 0)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#elif defined(__aarch64__)
    if (strcmp(isa, "neon") == 0) return true;
#endif
    return strcmp(isa, "baseline") == 0;
}

const char *tgi_set_name(int set) { return set >= 0 && set < SETS ? names[set] : NULL; }

bool tgi_set_supported(int set) { return set >= 0 && set < SETS && supports(names[set]); }

/* SETS: there is none of this name. */
static int find(const char *name)
{
    int set = 0;
    while (set < SETS && strcmp(names[set], name) != 0) set++;
    return set;
}

/* A build for some instruction sets alone has nothing that another machine could run. */
static int best(void)
{
    int set = 0;
    while (set < SETS && !supports(names[set])) set++;
    if (set < SETS) return set;
    fprintf(stderr, "tapegrad: built for");
    for (int i = 0; i < SETS; i++) fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fprintf(stderr, " alone, which this machine does not support; build it with ISAS=all\n");
    abort();
}

static void choose(void)
{
    int chosen = best();
    const char *wanted = getenv("TAPEGRAD_ISA");
    if (wanted && *wanted) {
        const int found = find(wanted);
        if (tgi_set_supported(found))
            chosen = found;
        else
            fprintf(stderr, "tapegrad: TAPEGRAD_ISA=%s is %s; using %s\n", wanted,
                    found < SETS ? "not supported by this machine" : "unknown here", names[chosen]);
    }
    int none = -1; /* tgi_set_select may have come first */
    __atomic_compare_exchange_n(&tgi_set_in_use, &none, chosen, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

int tgi_set_choose(void)
{
    pthread_once(&once, choose);
    return __atomic_load_n(&tgi_set_in_use, __ATOMIC_RELAXED);
}

bool tgi_set_select(const char *name)
{
    const int found = name ? find(name) : SETS;
    if (!tgi_set_supported(found)) return false;
    __atomic_store_n(&tgi_set_in_use, found, __ATOMIC_RELAXED);
    return true;
}
