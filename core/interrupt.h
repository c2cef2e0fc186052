/* interrupt.h: a run that is asked to end (Ctrl-C, or SIGTERM) ends after the step at work, so that it can save:
 *
 *     tg_catch_interrupt();
 *     for (; tg_ok() && !tg_interrupted() && step < steps; step++) ...
 *     tg_release_interrupt();
 *     save(model);
 *     if (tg_interrupted()) printf("go on with --resume\n");
 *
 * Nothing is installed unless a program asks. The first signal is noted; the second does what it would have done
 * without, so that a program that hangs can still be ended. The handlers are the process's: any thread may ask. */
#ifndef TG_CORE_INTERRUPT_H
#define TG_CORE_INTERRUPT_H

#include "base.h"

TG_BEGIN_DECLS

typedef struct tg_catch_interrupt_options {
    bool quiet; /* otherwise Ctrl-C is answered with a line on stderr, where that is a terminal */
    TG_OPTIONS_END
} tg_catch_interrupt_options;
#define TG_CATCH_INTERRUPT_DEFAULTS /* quiet */ false TG_DEFAULTS_END

/* Installs handlers of SIGINT and SIGTERM, of each only where it is not ignored (as by nohup and in shells' background
 * jobs), and forgets a signal that was noted before. Calls nest: each wants its tg_release_interrupt, and the outermost
 * counts. */
tg_status tg_catch_interrupt_at(const char *where, tg_catch_interrupt_options options);
#define tg_catch_interrupt(...)                                                                                        \
    tg_catch_interrupt_at(TG_HERE,                                                                                     \
                          TG_OPTIONS(tg_catch_interrupt_options,                                                       \
                                     TG_CATCH_INTERRUPT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The signal that came (SIGINT, SIGTERM), for an exit status of 128 and that; 0 while none has. It stays when the
 * handlers are released. One load from memory. */
int tg_interrupted(void);

/* Brings back the handlers that were there before, where nobody has installed others since. Without
 * tg_catch_interrupt it does nothing. */
void tg_release_interrupt(void);

TG_END_DECLS

#endif
