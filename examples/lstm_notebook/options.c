/* options.c: the command line, read strictly: what is not understood is an error, never ignored. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: lstm_notebook [--seed N] [--epochs N] [--plot FILE.svg] [--help]\n"
                            "\n"
                            "Trains the notebook's two LSTMs and prints their losses.\n"
                            "\n"
                            "  --seed N         seeds PyTorch's and NumPy's streams, 0 to 4294967295 (default 0)\n"
                            "  --epochs N       epochs for each model, 1 to 1000000 (default 100)\n"
                            "  --plot FILE.svg  writes the loss curves as a picture\n"
                            "  --help           shows this\n";

static int mistake(const char *what, const char *argument)
{
    fprintf(stderr, "lstm_notebook: %s '%s'\n%s", what, argument, usage);
    return 2;
}

/* All of `text` is a number in [low, high]. */
static int parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno || value < low || value > high) return 0;
    *number = value;
    return 1;
}

/* "--seed 3" or "--seed=3": the value, and *i moved past it; NULL if `name` is not what stands here or nothing
 * follows. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
    const size_t length = strlen(name);
    if (strncmp(argv[*i], name, length) != 0) return NULL;
    if (argv[*i][length] == '=') return argv[*i] + length + 1;
    return argv[*i][length] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

static int is_option(const char *argument)
{
    return strcmp(argument, "--seed") == 0 || strcmp(argument, "--epochs") == 0 || strcmp(argument, "--plot") == 0;
}

int options_parse(options *o, int argc, char **argv)
{
    uint64_t epochs = (uint64_t)o->epochs;
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if ((value = value_of("--seed", argc, argv, &i))) {
            if (!parse_number(value, 0, UINT32_MAX, &o->seed))
                return mistake("--seed wants a number from 0 to 4294967295, not", value);
        } else if ((value = value_of("--epochs", argc, argv, &i))) {
            if (!parse_number(value, 1, 1000000, &epochs))
                return mistake("--epochs wants a number from 1 to 1000000, not", value);
        } else if ((value = value_of("--plot", argc, argv, &i))) {
            if (!*value) return mistake("--plot wants a file name, not", value);
            o->plot = value;
        } else {
            return mistake(is_option(argv[i]) ? "a value must follow" : "unknown option", argv[i]);
        }
    }
    o->epochs = (int)epochs;
    return -1;
}
