/* timing.c: the clock, medians, peak memory. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "bench.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { WARM_UPS = 3, LEAST = 5, MOST = 1 << 16 };

static const double shortest_sample = 20e-6; /* of a pair; the clock costs some 50 ns */

static double samples[2][MOST]; /* only the pages written count as memory */

static clockid_t the_clock = CLOCK_MONOTONIC;

void bench_use_processor_time(void) { the_clock = CLOCK_PROCESS_CPUTIME_ID; }

static double now(void)
{
    struct timespec t;
    clock_gettime(the_clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds_of(bench_body body, void *state, int calls)
{
    const double start = now();
    for (int i = 0; i < calls; i++) body(state);
    return now() - start;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

double bench_time(bench_body body, void *state, double seconds)
{
    for (int i = 0; i < WARM_UPS; i++) body(state);
    const double end = now() + seconds;
    int count = 0;
    while (count < LEAST || (count < MOST && now() < end)) samples[0][count++] = seconds_of(body, state, 1);
    return bench_median(samples[0], count);
}

/* Warms up, and finds how many calls make a sample. */
static int calls_in_sample(bench_body body, void *state)
{
    int calls = 1;
    for (int i = 0; i < WARM_UPS; i++) body(state);
    while (seconds_of(body, state, calls) < shortest_sample) calls *= 2;
    return calls;
}

void bench_time_pair(const bench_body body[2], void *const state[2], double seconds, double median[2])
{
    const int bodies = body[1] ? 2 : 1;
    int calls[2], count = 0;
    for (int i = 0; i < bodies; i++) calls[i] = calls_in_sample(body[i], state[i]);
    const double end = now() + seconds;
    while (count < LEAST || (count < MOST && now() < end)) {
        for (int i = 0; i < bodies; i++) samples[i][count] = seconds_of(body[i], state[i], calls[i]) / calls[i];
        count++;
    }
    median[1] = 0;
    for (int i = 0; i < bodies; i++) median[i] = bench_median(samples[i], count);
}

double bench_peak_memory(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
    return (double)usage.ru_maxrss / (1 << 20); /* bytes there, KiB elsewhere */
#else
    return (double)usage.ru_maxrss / (1 << 10);
#endif
}
