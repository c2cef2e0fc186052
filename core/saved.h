/* saved.h: what the tape saves for backward, packed in a way of yours (torch.autograd.graph.saved_tensors_hooks).
 *
 *     tg_scope packing = tg_saved_hooks_begin(&hooks, context);
 *     ... forward: each tensor that backward will need is packed ...
 *     tg_scope_end_with(packing, &loss);
 *     tg_backward(loss);      ... and unpacked when its node is visited
 *
 * So activations can wait for backward in half the memory, in a file, or not at all. docs/memory.md shows two. */
#ifndef TG_CORE_SAVED_H
#define TG_CORE_SAVED_H

#include "scope.h"
#include "tensor.h"

TG_BEGIN_DECLS

typedef struct tg_saved_hooks {
    /* Makes something of `t`, whose values are those that backward will want: a handle of yours, or NULL. It may call
     * ops, which are not recorded. Of an error that it leaves pending the op fails whose tensor it is, and nothing is
     * released. `t` is not to be written, and lives on only if you keep it (tg_keep): if you do, a write to it since
     * is an error in backward, as it is for what was not packed. */
    void *(*pack)(void *context, tg_tensor *t);
    /* Makes the tensor again, of the same shape and dtype: once in each visit of the node, or more often. NULL with an
     * error pending fails the backward. Under create_graph the result takes the place of `t` on the tape. */
    tg_tensor *(*unpack)(void *context, void *packed);
    /* The node, or what it saved, has gone. NULL: there is nothing to free. Called while scopes end, maybe when the
     * thread does: it makes no tensors, and calls no op. */
    void (*release)(void *context, void *packed);
} tg_saved_hooks;

/* Opens a scope in which the tensors that ops save are packed, parameters and integers among them, by these hooks and
 * not by those of a scope around it. The struct is copied; the context must live as long as the nodes. The scope ends
 * as any other does. */
TG_MUST_USE tg_scope tg_saved_hooks_begin_at(const char *where, const tg_saved_hooks *hooks, void *context);
#define tg_saved_hooks_begin(hooks, context) tg_saved_hooks_begin_at(TG_HERE, hooks, context)

TG_END_DECLS

#endif
