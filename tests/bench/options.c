/* options.c: the command line, read strictly: what is not understood is an error, never ignored. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: bench [--threads N] [--only NAME,...] [--seconds S] [--cpu] [--csv] [--memory] [--list] [--rows] [--missing]\n"
    "             [--isa NAME] [--blas LIBRARY]\n"
    "\n"
    "Times training steps and kernels; each figure is a median. What matters stands at the end.\n"
    "\n"
    "  --threads N     OpenMP's threads (default 1)\n"
    "  --only NAMES    these alone: W1 ... W16 (W7 is all of W7-...), gemm, pointwise; op: single ops, which nothing else runs\n"
    "  --seconds S     how long each measurement lasts (default: 2 for a workload, less for kernels)\n"
    "  --cpu           the processor's time, not the clock's: on a busy machine, with one thread\n"
    "  --csv           workload,threads,median_us in place of a table; W8 is in ns\n"
    "  --memory        with --csv: a fourth column, the most memory the workload's process had, in MiB\n"
    "  --list          only prints the names of the workloads\n"
    "  --rows          only prints the single ops as pytorch.py reads them\n"
    "  --missing       only prints which ops of the registry have no row; fails if there are any\n"
    "  --isa NAME      the kernels of this instruction set: baseline, avx2, avx512, neon\n"
    "  --blas LIBRARY  gemm: compare with this CBLAS library, such as libopenblas.so.0\n"
    "  --help          shows this\n";

static int mistake(const char *what, const char *argument)
{
    fprintf(stderr, "bench: %s '%s'\n%s", what, argument, usage);
    return 2;
}

/* All of `text` is a number in [low, high]. */
static bool parse_number(const char *text, double low, double high, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && *number >= low && *number <= high;
}

/* The option at argv[0], whose value is argv[1]; -1: understood. */
static int parse_valued(bench_options *o, const char *name, const char *value)
{
    double number;
    if (strcmp(name, "--threads") == 0) {
        if (!parse_number(value, 1, 1024, &number) || number != (int)number)
            return mistake("--threads wants a whole number from 1 on, not", value);
        o->threads = (int)number;
    } else if (strcmp(name, "--seconds") == 0) {
        if (!parse_number(value, 1e-6, 3600, &number)) return mistake("--seconds wants a number above 0, not", value);
        o->seconds = number;
    } else if (strcmp(name, "--only") == 0) {
        o->only = value;
    } else if (strcmp(name, "--isa") == 0) {
        o->isa = value;
    } else if (strcmp(name, "--blas") == 0) {
        o->blas = value;
    } else {
        return mistake("unknown option", name);
    }
    return -1;
}

int bench_options_parse(bench_options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--csv") == 0) {
            o->csv = true;
        } else if (strcmp(argv[i], "--memory") == 0) {
            o->memory = true;
        } else if (strcmp(argv[i], "--cpu") == 0) {
            o->cpu = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            o->list = true;
        } else if (strcmp(argv[i], "--rows") == 0) {
            o->rows = true;
        } else if (strcmp(argv[i], "--missing") == 0) {
            o->missing = true;
        } else if (i + 1 == argc) {
            return mistake("unknown option, or one without its value:", argv[i]);
        } else {
            const int stop = parse_valued(o, argv[i], argv[i + 1]);
            if (stop >= 0) return stop;
            i++;
        }
    }
    return -1;
}
