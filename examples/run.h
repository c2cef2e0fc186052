/* run.h: what the examples that train for a while have in common: where their data lies, and how to go on. */
#ifndef TG_EXAMPLES_RUN_H
#define TG_EXAMPLES_RUN_H

#include <stdio.h>
#include <string.h>

/* The path of a file in examples/data, whether a program is started in the root of the repository or elsewhere: then
 * the root is some folders above the program (build/examples/digits). Of what is in neither place, the path where it
 * would be. It is valid until the next call. */
static inline const char *find_data(const char *program, const char *name)
{
    static const char up[] = "../../../../";
    static char path[4096];
    const char *slash = strrchr(program, '/');
    const int folder = slash ? (int)(slash + 1 - program) : 0;
    for (int levels = 0; levels <= 4; levels++) {
        snprintf(path, sizeof path, "%.*s%.*sexamples/data/%s", levels ? folder : 0, program, 3 * levels, up, name);
        FILE *file = fopen(path, "rb");
        if (file) {
            fclose(file);
            return path;
        }
    }
    snprintf(path, sizeof path, "examples/data/%s", name);
    return path;
}

/* A word of a command line as a shell is told it. */
static inline void print_word(FILE *out, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:,./%@";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

/* Tells how a run that was interrupted goes on: by the same command, with these words behind it. */
static inline void print_how_to_go_on(FILE *out, char **argv, const char *option, const char *value)
{
    fputs("to go on:\n\n   ", out);
    for (char **word = argv; *word; word++) {
        if (strcmp(*word, option) == 0 && word[1]) {
            word++; /* as it was given before */
            continue;
        }
        fputc(' ', out);
        print_word(out, *word);
    }
    fprintf(out, " %s ", option);
    print_word(out, value);
    fputs("\n\n", out);
}

#endif
