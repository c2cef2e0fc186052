/* tape_print.h: the tape as a program that can be read, as a graph, and as a bill for memory.
 *
 *     %0 u: float32[2] = mul(w, x)    main.c:3    saves x, 8 B
 *
 * A line is a node: its index on the tape (and its result's name, if tg_set_name gave it one), dtype and shape, the op
 * with what it was called with, the user's line, the tensors that its backward needs with the bytes they hold. `w` is a
 * leaf of this name (one without is leaf1, leaf2, ...), `%3` what node 3 made, `%5.1` its second output; `-` stands for
 * what no gradient goes through and the tape does not know. While the tape is watched (tg_watch) it knows these, too:
 * they are shown by name, as a number or by their type. Modules and labels are blocks around their nodes if somebody
 * observed when these were recorded; tg_watch does. */
#ifndef TG_CORE_WATCH_TAPE_TAPE_PRINT_H
#define TG_CORE_WATCH_TAPE_TAPE_PRINT_H

#include "watch.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_tape_print_options {
    const tg_tensor *of;  /* only what it depends on; NULL: all of the tape */
    bool values;          /* what leaves hold and, of a watched tape, what nodes made: all elements of up to 16, else the
                           * least, the mean and the largest */
    bool grads;           /* .grad of leaves and, of a watched tape, the gradients of the latest walk */
    bool backward;        /* then the latest walk, in the order in which it went; of a watched tape */
    int fold;             /* 1: what comes again with other numbers of nodes, as time steps do, is told once; 0: never;
                           * -1: of more than 40 nodes, if neither values nor gradients are asked for */
    TG_OPTIONS_END
} tg_tape_print_options;
#define TG_TAPE_PRINT_DEFAULTS                                                                                         \
    /* of */ NULL, /* values */ false, /* grads */ false, /* backward */ false, /* fold */ -1 TG_DEFAULTS_END

/* The leaves that are read, the nodes, and how many bytes backward holds: of what was saved but is no leaf, memory that
 * several share counted once. `tg_tape_print(stdout)`, `tg_tape_print(file, .of = loss, .values = true)`. */
tg_status tg_tape_print_at(const char *where, FILE *file, tg_tape_print_options options);
#define tg_tape_print(file, ...)                                                                                       \
    tg_tape_print_at(TG_HERE, file,                                                                                    \
                     TG_OPTIONS(tg_tape_print_options, TG_TAPE_PRINT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_tape_dot_options {
    const tg_tensor *of;  /* as above */
    int depth;            /* a place that lies inside so many others is one box: 0: outermost modules and labels are boxes;
                           * -1: none is */
    bool values;          /* as above, of up to 4 elements */
    bool grads;
    TG_OPTIONS_END
} tg_tape_dot_options;
#define TG_TAPE_DOT_DEFAULTS /* of */ NULL, /* depth */ -1, /* values */ false, /* grads */ false TG_DEFAULTS_END

/* The same in Graphviz's language: `dot -Tsvg tape.dot`. Time goes from left to right; places are frames around their
 * nodes. Leaves are ellipses, nodes boxes, places that are folded boxes with a double border, what no gradient goes
 * through (of a watched tape) dashed. */
tg_status tg_tape_print_dot_at(const char *where, FILE *file, tg_tape_dot_options options);
#define tg_tape_print_dot(file, ...)                                                                                   \
    tg_tape_print_dot_at(TG_HERE, file,                                                                                \
                         TG_OPTIONS(tg_tape_dot_options, TG_TAPE_DOT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_tape_memory_options {
    const tg_tensor *of;  /* as above */
    int rows;             /* of each table at most, the largest first; -1: all */
    TG_OPTIONS_END
} tg_tape_memory_options;
#define TG_TAPE_MEMORY_DEFAULTS /* of */ NULL, /* rows */ 10 TG_DEFAULTS_END

/* What backward holds, by op, by place and by line: bytes of the tensors that nodes saved (what they share is counted
 * in each row that has it, and once in the total), how many these are, and how many bytes no other row holds, which is
 * what the row costs. Then leaves, their gradients, and all else that lives in this thread's pool, such as an
 * optimiser's state; and the peak. */
tg_status tg_tape_memory_print_at(const char *where, FILE *file, tg_tape_memory_options options);
#define tg_tape_memory_print(file, ...)                                                                                \
    tg_tape_memory_print_at(TG_HERE, file,                                                                             \
                            TG_OPTIONS(tg_tape_memory_options, TG_TAPE_MEMORY_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
