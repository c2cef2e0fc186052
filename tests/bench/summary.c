/* summary.c: what a run of everything found, in ten lines: the workloads' times; products as shares of the processor's peak,
 * pointwise loops of memcpy's speed. */
#include "bench.h"

#include "ops/kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

static struct time_noted {
    const bench_workload *workload;
    double figure;
} times[MOST];
static int time_count;

static struct share_noted {
    const char *group;
    char name[48];
    double share;
} shares[MOST];
static int share_count;

void bench_note_time(const bench_workload *w, double figure)
{
    if (time_count < MOST) times[time_count++] = (struct time_noted){ w, figure };
}

void bench_note_share(const char *group, const char *name, double share)
{
    if (share_count == MOST || !(share > 0)) return;
    struct share_noted *s = &shares[share_count++];
    s->group = group;
    s->share = share;
    snprintf(s->name, sizeof s->name, "%s", name);
}

/* ---- lines ---- */

static void print_time(const struct time_noted *t)
{
    const bool ms = strcmp(t->workload->unit, "us") == 0 && t->figure >= 1000;
    const double figure = ms ? t->figure / 1000 : t->figure;
    const int digits = figure < 10 ? 2 : figure < 100 ? 1 : 0;
    const char *name = t->workload->name;
    if (strncmp(name, "W7-", 3) == 0) name += 3;
    printf("  %.*s %.*f %s", (int)strcspn(name, "-"), name, digits, figure, ms ? "ms" : t->workload->unit);
}

/* Of the workloads of that name, all of them in one line. */
static void print_times(const char *title, const char *const *names, int count)
{
    printf("%-23s", title);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < time_count; k++)
            if (strcmp(times[k].workload->name, names[i]) == 0) print_time(&times[k]);
    }
    printf("\n");
}
#define TIMES(title, ...)                                                                                              \
    print_times(title, (const char *const[]){ __VA_ARGS__ },                                                           \
                (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)))

static int ascending(const void *a, const void *b)
{
    const double x = ((const struct share_noted *)a)->share, y = ((const struct share_noted *)b)->share;
    return (x > y) - (x < y);
}

/* The group's, the least first; how many there are. */
static int sort_group(const char *group, struct share_noted *sorted)
{
    int count = 0;
    for (int i = 0; i < share_count; i++)
        if (strcmp(shares[i].group, group) == 0) sorted[count++] = shares[i];
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    return count;
}

static struct share_noted sorted[MOST];

static void print_products(const char *title, const char *group, const char *of)
{
    const int count = sort_group(group, sorted);
    if (count == 0) return; /* nobody has measured this processor's peak */
    const struct share_noted *least = &sorted[0], *most = &sorted[count - 1];
    printf("%-23s  %.0f %% of %s (median); %s %.0f %%, %s %.0f %%\n", title, 100 * sorted[count / 2].share, of,
           least->name, 100 * least->share, most->name, 100 * most->share);
}

static void print_loops(const char *title, const char *group, double enough)
{
    const int count = sort_group(group, sorted);
    int good = 0;
    for (int i = 0; i < count; i++) good += sorted[i].share >= enough;
    printf("%-23s  %d of %d as fast as %.0f %% of memcpy;", title, good, count, 100 * enough);
    const char *const names[] = { "add", "mul", "exp", "tanh" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        for (int i = 0; i < count; i++)
            if (strcmp(sorted[i].name, names[k]) == 0) printf("  %s %.0f %%", names[k], 100 * sorted[i].share);
    }
    printf("\n");
}

void bench_print_summary(const bench_options *o)
{
    char peak[48] = "the peak";
    const double flops = bench_peak_flops(o->threads, false);
    if (flops > 0) snprintf(peak, sizeof peak, "the peak, %.0f GFLOP/s", 1e-9 * flops);
    printf("\nIn short, %d thread%s, kernels for %s:\n", o->threads, o->threads > 1 ? "s" : "",
           tgi_set_name(tgi_set()));
    TIMES("recurrent, a step", "W1", "W2", "W3", "W4", "W5", "W13", "W14", "W15");
    TIMES("others, a step", "W9", "W10", "W16");
    TIMES("inference", "W12");
    TIMES("an op on the tape", "W8");
    TIMES("ops, 1,000,000 floats", "W7-sigmoid-1000000", "W7-tanh-1000000", "W7-mul-1000000", "W7-sum-1000000");
    print_products("products, square", "square", peak);
    print_products("products, by weights", "weight", "it");
    print_loops("loops, 1,000 floats", "near", 0.2);
    print_loops("loops, 1,000,000", "far", 0.8);
}
