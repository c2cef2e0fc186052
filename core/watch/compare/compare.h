/* compare.h: a port compared with a recorded run of the program that it is a port of.
 *
 * examples/record_run.py records one step of a PyTorch program: parameters, what each module is given and returns, call
 * by call, gradients. `TAPEGRAD_COMPARE=run.safetensors ./program` compares as the program runs its own first step, and
 * says on stderr which tensor is the first that differs, of which module and call, by how much, and what mistake it
 * looks like. `TAPEGRAD_COMPARE=load:run.safetensors` gives the program the recorded parameters, buffers and random
 * numbers first, so that a port that draws its own can be compared. docs/port-checker.md shows both.
 *
 * Within a program, the same is
 *
 *     tg_compare_begin("run.safetensors", .load = true);
 *     ... one step ...
 *     tg_comparison result = tg_compare_end();
 *
 * What is compared: the state when the first module begins; from there on inputs and outputs in the order in which
 * modules begin and end; the loss; buffers, as the loss left them; gradients as the walk arrives at them. Modules and
 * parameters are found by their dotted names; where nobody recorded those, parameters by their order and shape, and
 * modules by their parameters. A model that has not the recorded one's parameters is another one, and its steps do not
 * count. The first backward of the recorded one ends the comparison. */
#ifndef TG_CORE_WATCH_COMPARE_COMPARE_H
#define TG_CORE_WATCH_COMPARE_COMPARE_H

#include "core/base.h"

TG_BEGIN_DECLS

typedef struct tg_compare_options {
    bool load;        /* when the first module begins its model's state becomes the recorded one, and the generator's */
    double tolerance; /* of the largest element; 0: 1e-5, and 1e-11 where all is float64 */
    bool quiet;       /* nothing is printed */
    TG_OPTIONS_END
} tg_compare_options;
#define TG_COMPARE_DEFAULTS /* load */ false, /* tolerance */ 0, /* quiet */ false TG_DEFAULTS_END

/* From here on this thread's first step is compared. One comparison at a time; a file that is no recorded run is an
 * error. */
tg_status tg_compare_begin_at(const char *where, const char *path, tg_compare_options options);
#define tg_compare_begin(path, ...)                                                                                    \
    tg_compare_begin_at(TG_HERE, path, TG_OPTIONS(tg_compare_options, TG_COMPARE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_comparison {
    int64_t compared, agreed; /* tensors */
    int64_t missing;          /* that were recorded, and that nothing here was compared with */
    const char *first;        /* the first that differs, "output 0 of lstm, call 3 of 10"; NULL: none does */
    const char *mistake;      /* what it looks like, the best first, one a line; "" where nothing fits */
    const char *report;       /* all that there is to say, lines */
} tg_comparison;

/* Ends the comparison, whether or not the step is over. The texts live as long as the innermost scope. Without a
 * comparison: an error, and all zero. */
tg_comparison tg_compare_end_at(const char *where);
#define tg_compare_end() tg_compare_end_at(TG_HERE)

TG_END_DECLS

#endif
