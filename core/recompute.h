/* recompute.h: memory for time: what backward needs is computed again when backward comes (torch.utils.checkpoint).
 *
 *     static void block(void *layer, tg_tensor *const *in, tg_tensor **out)
 *     {
 *         out[0] = tg_tanh(tg_linear_forward(layer, in[0]));
 *     }
 *     ...
 *     x = tg_checkpoint(block, layer, tg_list(x)).items[0];
 *
 * The function runs without recording, so that nothing of what it computes is kept but its outputs. The tape has one
 * node for it, which saves its inputs. When backward arrives there the function runs once more, now recording, and the
 * walk goes over what it recorded; gradients are those of an ordinary run, bit for bit, whether they are recorded
 * (.create_graph) or not. Derivatives of recorded ones may be rounded otherwise: what comes through the nodes of the
 * second run and what comes through the outputs goes through the function one by one, and is added behind it.
 * docs/memory.md has an example and its numbers. */
#ifndef TG_CORE_RECOMPUTE_H
#define TG_CORE_RECOMPUTE_H

#include "base.h"
#include "tensor.h"

TG_BEGIN_DECLS

#define TG_MAX_CHECKPOINT_OUTPUTS 64

/* Fills in the outputs, all NULL before. Run twice with the same inputs it must do the same: it writes no tensor in
 * place that has a gradient and was there before. (Buffers it may write, as batch normalisation does: they are written
 * twice.) */
typedef void (*tg_checkpoint_fn)(void *context, tg_tensor *const *inputs, tg_tensor **outputs);

typedef struct tg_checkpoint_options {
    int outputs;             /* how many there are, 1 to 64 */
    bool preserve_rng_state; /* the thread's generator draws the same numbers again, then goes on from where it was */
    size_t context_size;     /* not 0: the context, so many bytes, is copied: it may have gone when backward comes */
    TG_OPTIONS_END
} tg_checkpoint_options;
#define TG_CHECKPOINT_DEFAULTS /* outputs */ 1, /* preserve_rng_state */ true, /* context_size */ 0 TG_DEFAULTS_END

/* The outputs of the function, on the tape as those of one node. Gradients flow to `inputs` (entries may be NULL) and
 * to all else that the function reads: parameters of modules, tensors behind its context. It may call tg_checkpoint in
 * turn. An output that is NULL stays so; one that was there before, such as an input, is handed out as it is. A list
 * of NULLs on error.
 *
 * In backward it is an error if an input was written since, or if the function now gives outputs of other shapes or
 * reads other tensors that have gradients. Hooks on tensors inside are for the second run alone: in the first nothing
 * is recorded, which tg_is_grad_enabled tells. */
tg_tensor_list tg_checkpoint_at(const char *where, tg_checkpoint_fn function, void *context, tg_tensor_list inputs,
                                tg_checkpoint_options options);
#define tg_checkpoint(function, context, inputs, ...)                                                                  \
    tg_checkpoint_at(TG_HERE, function, context, inputs,                                                               \
                     TG_OPTIONS(tg_checkpoint_options, TG_CHECKPOINT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
