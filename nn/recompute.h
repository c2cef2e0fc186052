/* recompute.h: a row of modules of which backward computes what it needs again (torch.utils.checkpoint's
 * checkpoint_sequential). core/recompute.h does the same for any function. */
#ifndef TG_NN_RECOMPUTE_H
#define TG_NN_RECOMPUTE_H

#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_checkpoint_sequential_options {
    bool preserve_rng_state; /* dropout drops the same elements again */
    TG_OPTIONS_END
} tg_checkpoint_sequential_options;
#define TG_CHECKPOINT_SEQUENTIAL_DEFAULTS /* preserve_rng_state */ true TG_DEFAULTS_END

/* The modules of a Sequential or a ModuleList, one after another, in as many segments of the same length, the last one
 * longer where that does not come out even. Each but the last, which backward comes to first, is a checkpoint: of it
 * only the input is kept. With about as many segments as the root of the number of modules that takes the least
 * memory. The modules must live until backward is over.
 *
 *     y = tg_checkpoint_sequential(net, 4, x); */
tg_tensor *tg_checkpoint_sequential_at(const char *where, tg_module *m, int64_t segments, tg_tensor *x,
                                       tg_checkpoint_sequential_options options);
#define tg_checkpoint_sequential(m, segments, x, ...)                                                                   \
    tg_checkpoint_sequential_at(TG_HERE, TG_MODULE(m), segments, x,                                                     \
                                TG_OPTIONS(tg_checkpoint_sequential_options,                                            \
                                           TG_CHECKPOINT_SEQUENTIAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
