/* player.h: a page on which a run plays: the program's source beside its tape, forward node by node and backward
 * contribution by contribution, with the numbers of this very run.
 *
 * One HTML file that needs nothing else: no network, no library, no server. Without changing a line of a program:
 * `TAPEGRAD_PLAY=tape.html ./program` writes the page of its first backward, `TAPEGRAD_PLAY=tape.html:5` that of the
 * fifth. */
#ifndef TG_CORE_WATCH_PLAYER_PLAYER_H
#define TG_CORE_WATCH_PLAYER_PLAYER_H

#include "core/tensor.h"

TG_BEGIN_DECLS

typedef struct tg_tape_html_options {
    const char *title;       /* NULL: the program's name */
    const char *source_root; /* a folder in which the source files are looked for, too; NULL: none */
    int64_t backward;        /* which backward of the run this is, from 1: for the reader; 0: not said */
    tg_tensor *gradient;     /* dL/d(loss) of a walk that is yet to be made; NULL: ones, for a one-element tensor only */
    TG_OPTIONS_END
} tg_tape_html_options;
#define TG_TAPE_HTML_DEFAULTS                                                                                          \
    /* title */ NULL, /* source_root */ NULL, /* backward */ 0, /* gradient */ NULL TG_DEFAULTS_END

/* Writes the page of all that `loss` was computed from, whole or not at all: `tg_tape_write_html(loss,
 * "tape.html")`, `tg_tape_write_html(loss, "tape.html", .title = "Step 5")`.
 *
 * Where the tape was watched (tg_watch) while it was recorded, the page has every value, and the latest walk if it
 * started from `loss`. If none did, one is made that changes no .grad (hooks run, and what the nodes saved stays), so
 * that the page may be written before or after backward; of a tape whose backward was not watched and kept nothing
 * (.retain_graph) there is none to show, which is an error. Without watching the page has the values that the nodes
 * saved. What it lacks it says in its notes. An optimiser's step writes the leaves: write the page before it. A
 * function that runs again in backward (tg_checkpoint) is one node, which hands on what it recorded then.
 *
 * Up to 64 elements are there in full, of larger tensors heat maps and minimum, mean and maximum. Source files are
 * read as they are now: from the path that the compiler was given, in `source_root`, and in the folders above the
 * program. */
tg_status tg_tape_write_html_at(const char *where, tg_tensor *loss, const char *path, tg_tape_html_options options);
#define tg_tape_write_html(loss, path, ...)                                                                            \
    tg_tape_write_html_at(TG_HERE, loss, path, TG_OPTIONS(tg_tape_html_options, TG_TAPE_HTML_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
