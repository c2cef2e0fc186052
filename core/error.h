/* error.h: one error a thread, told once, lost never.
 *
 * A function given bad input records an error and returns NULL (or TG_FAILED, NaN, -1). The first error stays until it
 * is cleared; later ones are counted. Every function passes a NULL tensor on without a word of its own, so a program
 * checks once, at the end: `return tg_failed() ? 1 : 0;`. The handler is told when the error is recorded; the default
 * one prints it to stderr. */
#ifndef TG_CORE_ERROR_H
#define TG_CORE_ERROR_H

#include "base.h"

TG_BEGIN_DECLS

typedef enum tg_error_code {
    TG_ERROR_NONE = 0,
    TG_ERROR_VALUE,   /* an argument has a value, shape or dtype the function does not take */
    TG_ERROR_NULL,    /* an argument is NULL and no error is pending that would explain it */
    TG_ERROR_AUTOGRAD,/* backward through freed, severed, overwritten or untracked values */
    TG_ERROR_MEMORY,  /* an allocation failed */
    TG_ERROR_FILE     /* a file cannot be read or written, or holds what it should not */
} tg_error_code;

typedef struct tg_error {
    tg_error_code code;
    const char *op;        /* "matmul"; "" when no op was at work */
    const char *where;     /* the user's call, "model.c:42"; "" when unknown */
    const char *message;   /* "mat1 and mat2 shapes cannot be multiplied (100x13 and 12x8)" */
    const char *inputs;    /* "float32[100, 13], float32[12, 8]"; "" when there are none */
    int64_t later;         /* errors that followed and were only counted */
    const char *inside;    /* the module whose forward was at work, "Sequential.2 (Linear)"; "" when none was */
} tg_error;

/* True while an error of this thread is pending; while none is. A loop asks the latter, so that it ends when something
 * went wrong: `for (int step = 0; tg_ok() && step < 100; step++)`. */
bool tg_failed(void);
bool tg_ok(void);

/* The pending error; `code` is TG_ERROR_NONE when there is none. Valid until the next error or tg_error_clear(). */
tg_error tg_error_get(void);

/* The pending error as one line, "model.c:42: matmul: ..." or "model.c:42: Sequential.2 (Linear): linear: ...", or ""
 * when there is none. */
const char *tg_error_message(void);

void tg_error_clear(void);

/* Told each error once, when it is recorded, on the thread that made it. NULL silences. The default prints to
 * stderr. It must return: who leaves it by longjmp leaves the backward, the scope or the module at work half done. */
typedef void (*tg_error_handler)(const tg_error *error, void *context);
void tg_set_error_handler(tg_error_handler handler, void *context);
void tg_default_error_handler(const tg_error *error, void *context);

/* Warnings: told to a handler of their own, once for each place in the user's program and kind of warning. */
typedef void (*tg_warning_handler)(const char *where, const char *message, void *context);
void tg_set_warning_handler(tg_warning_handler handler, void *context);
void tg_default_warning_handler(const char *where, const char *message, void *context);

/* Records an error of user code, as a custom op or module would: returns NULL, so `return tg_fail("...")` reads
 * well. */
TG_RARE tg_tensor *tg_fail_at(const char *where, tg_error_code code, const char *op, const char *format, ...)
    TG_PRINTF(4, 5);
#define tg_fail(op, ...) tg_fail_at(TG_HERE, TG_ERROR_VALUE, op, __VA_ARGS__)

/* Tells the warning handler once for this `where` and `format`. */
TG_RARE void tg_warn_at(const char *where, const char *format, ...) TG_PRINTF(2, 3);
#define tg_warn(...) tg_warn_at(TG_HERE, __VA_ARGS__)

TG_END_DECLS

#endif
