/* bench.c: times the workloads and the kernels, and prints a table or CSV. See `bench --help`. */
#define _POSIX_C_SOURCE 200809L /* fork */
#include "bench.h"

#include "ops/kernels/kernels.h"
#include <tapegrad.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- which ---- */

/* Training steps, then single ops. */
static int workload_count(void) { return bench_workload_count + bench_op_count; }
static const bench_workload *workload(int i)
{
    return i < bench_workload_count ? &bench_workloads[i] : &bench_ops[i - bench_workload_count];
}

/* `item`, `length` long, names `name`: all of it, or all before a hyphen or a plus: op-softmax is every row of softmax. */
static bool names(const char *item, size_t length, const char *name)
{
    return strncmp(item, name, length) == 0 && strchr("-+", name[length]); /* strchr finds the end, too */
}

static bool wanted(const char *only, const char *name)
{
    while (only && *only) {
        const size_t length = strcspn(only, ",");
        if (length > 0 && names(only, length, name)) return true;
        only += length + (only[length] == ',');
    }
    return !only;
}

/* Single ops are some two thousand: they run where they are named. */
static bool runs(const char *only, int i) { return only ? wanted(only, workload(i)->name) : i < bench_workload_count; }

/* Every item of `only` names something. */
static bool only_is_known(const char *only)
{
    while (only && *only) {
        const size_t length = strcspn(only, ",");
        bool known = names(only, length, "gemm") || names(only, length, "pointwise");
        for (int i = 0; i < workload_count(); i++) known |= names(only, length, workload(i)->name);
        if (!known) {
            fprintf(stderr, "bench: --only: there is no '%.*s'\n", (int)length, only);
            return false;
        }
        only += length + (only[length] == ',');
    }
    return true;
}

/* ---- running ---- */

static void list_workloads(const bench_options *o)
{
    for (int i = 0; i < workload_count(); i++) {
        if (!wanted(o->only, workload(i)->name)) continue;
        if (!o->rows)
            puts(workload(i)->name);
        else if (i >= bench_workload_count)
            bench_print_row(workload(i));
    }
}

static void print_header(const bench_options *o)
{
    if (o->csv)
        printf("workload,threads,median_us%s\n", o->memory ? ",peak_mib" : "");
    else
        printf("%-38s %-58s %12s    %10s\n", "workload", "", "median", "peak MiB");
}

static bool run_workload(const bench_workload *w, const bench_options *o, double *measured)
{
    tg_manual_seed(0);
    const double figure = *measured = w->measure(o->seconds > 0 ? o->seconds : w->seconds, w->argument);
    if (tg_failed()) return false; /* told where it happened */
    if (!o->csv)
        printf("%-38s %-58s %12.2f %s %10.1f\n", w->name, w->description, figure, w->unit, bench_peak_memory());
    else if (o->memory)
        printf("%s,%d,%.2f,%.1f\n", w->name, o->threads, figure, bench_peak_memory());
    else
        printf("%s,%d,%.2f\n", w->name, o->threads, figure);
    return true;
}

/* In a process of its own: memory that another workload has left cannot help it, and its peak is its own. The figure comes
 * back through a pipe. */
static bool run_apart(const bench_workload *w, const bench_options *o, double *figure)
{
    int ends[2];
    fflush(stdout);
    if (pipe(ends) != 0) return run_workload(w, o, figure);
    const pid_t child = fork();
    if (child == 0) {
        bool ok = run_workload(w, o, figure);
        fflush(stdout);
        ok &= write(ends[1], figure, sizeof *figure) == (ssize_t)sizeof *figure;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    close(ends[1]);
    const bool told = child > 0 && read(ends[0], figure, sizeof *figure) == (ssize_t)sizeof *figure;
    close(ends[0]);
    return child < 0 ? run_workload(w, o, figure) : waitpid(child, &status, 0) == child && status == 0 && told;
}

static bool run_workloads(const bench_options *o)
{
    int count = 0;
    double figure;
    const bench_workload *last = NULL;
    for (int i = 0; i < workload_count(); i++) {
        if (runs(o->only, i)) last = workload(i), count++;
    }
    if (count > 0 || o->csv) print_header(o);
    if (count == 1) return run_workload(last, o, &figure);
    bool ok = true;
    for (int i = 0; i < workload_count(); i++) {
        if (!runs(o->only, i)) continue;
        if (run_apart(workload(i), o, &figure))
            bench_note_time(workload(i), figure);
        else
            ok = false;
    }
    return ok;
}

int main(int argc, char **argv)
{
    bench_options o = { .threads = 1 };
    const int stop = bench_options_parse(&o, argc, argv);
    if (stop >= 0) return stop;
    if (!only_is_known(o.only)) return 2;
    if (o.missing) return bench_rows_complete() ? 0 : 1;
    if (o.list || o.rows) {
        list_workloads(&o);
        return 0;
    }
    if (o.cpu) bench_use_processor_time();
    if (o.isa && !tgi_set_select(o.isa)) {
        fprintf(stderr, "bench: no kernels for '%s' here\n", o.isa);
        return 2;
    }
#ifdef _OPENMP
    omp_set_num_threads(o.threads);
#else
    if (o.threads > 1) fprintf(stderr, "bench: built without OpenMP: one thread\n");
#endif

    tg_set_warning_handler(NULL, NULL); /* W1 broadcasts its target, as the notebook does */
    bool ok = run_workloads(&o);
    if (wanted(o.only, "gemm")) ok &= bench_gemm(&o);
    if (wanted(o.only, "pointwise")) ok &= bench_pointwise(&o);
    if (!o.only && !o.csv) bench_print_summary(&o);
    return ok ? 0 : 1;
}
