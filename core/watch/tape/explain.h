/* explain.h: the chain rule for one tensor, with its numbers. */
#ifndef TG_CORE_WATCH_TAPE_EXPLAIN_H
#define TG_CORE_WATCH_TAPE_EXPLAIN_H

#include "watch.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_explain_options {
    const tg_tensor *of;        /* L, of which dL/dt is asked; of several elements it is their sum. NULL: where the latest
                                 * walk of a watched tape began, else the last result of one element on the tape */
    int depth;                  /* 1: how t is used; 2: then how what it was used for is used; ... */
    int64_t at[TG_MAX_DIMS];    /* the element of t to be told of, { 3, 4 }; -1 as the first: all that can be shown; one that it
                                 * does not have is an error */
    TG_OPTIONS_END
} tg_explain_options;
#define TG_EXPLAIN_DEFAULTS /* of */ NULL, /* depth */ 1, /* at */ { -1 } TG_DEFAULTS_END

/* Why t has the gradient that it has: each op that uses t, what came to it from L (g), its formula from the op's
 * descriptor, the same with numbers for tensors of few elements, and what it contributes; then the sum. The tensor may
 * be a leaf or a result. If no gradient comes, it says why: that t requires none, that it was detached and where, that
 * no op uses it, or that none of those leads to L.
 *
 * After a backward of a watched tape (tg_watch) that walk is told of. Otherwise a walk is made that changes nothing: no
 * .grad, nothing that was saved (hooks run in it, as in any tg_grad); before backward, that is, or where the graph was
 * retained. `tg_explain(w)`, `tg_explain(h, .of = loss, .depth = 3)`, `tg_explain_to(file, w, .at = { 0, 2 })`. */
tg_status tg_explain_to_at(const char *where, FILE *file, const tg_tensor *t, tg_explain_options options);
#define TG_EXPLAIN_OPTIONS(...) TG_OPTIONS(tg_explain_options, TG_EXPLAIN_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define tg_explain_to(file, t, ...) tg_explain_to_at(TG_HERE, file, t, TG_EXPLAIN_OPTIONS(__VA_ARGS__))
#define tg_explain(t, ...)          tg_explain_to_at(TG_HERE, stdout, t, TG_EXPLAIN_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
