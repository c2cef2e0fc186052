/* arguments.h: what the examples' command lines have in common: --help, and options that are numbers or words. */
#ifndef TG_EXAMPLES_ARGUMENTS_H
#define TG_EXAMPLES_ARGUMENTS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct argument {
    const char *name;  /* "--steps"; the list ends with NULL */
    double *value;     /* the default, replaced by what follows the name; of one that is a word NULL, */
    const char *what;
    const char **word; /* and that is here */
} argument;

static inline void print_help(FILE *out, const char *program, const char *about, const argument *list)
{
    fprintf(out, "usage: %s [--help]", program);
    for (const argument *a = list; a->name; a++) fprintf(out, " [%s %s]", a->name, a->word ? "WORD" : "N");
    fprintf(out, "\n\n%s\n\n", about);
    for (const argument *a = list; a->name; a++) {
        fprintf(out, "  %-10s  %s (default ", a->name, a->what);
        if (a->word)
            fprintf(out, "%s)\n", *a->word ? *a->word : "none");
        else
            fprintf(out, "%g)\n", *a->value);
    }
}

/* Reads the command line. False when the program is to end, with `*status`: after --help, or after a mistake. */
static inline bool read_arguments(int argc, char **argv, const char *about, const argument *list, int *status)
{
    *status = 0;
    for (int i = 1; i < argc; i++) {
        const argument *a = list;
        char *end = NULL;
        if (strcmp(argv[i], "--help") == 0) return print_help(stdout, argv[0], about, list), false;
        while (a->name && strcmp(a->name, argv[i]) != 0) a++;
        if (a->name && i + 1 < argc) {
            i++;
            if (a->word) {
                *a->word = argv[i];
                continue;
            }
            *a->value = strtod(argv[i], &end);
            if (end != argv[i] && *end == '\0') continue;
        }
        fprintf(stderr, "%s: what is '%s'? See --help.\n", argv[0], argv[i]);
        *status = 2;
        return false;
    }
    return true;
}

#endif
