/* module_hooks.h: functions of the user's that run around a module's forward, and when gradients have come back through
 * it.
 *
 *     static void show(tg_module *m, const tg_module_call *call, void *context)
 *     {
 *         char text[TG_SHAPE_TEXT];
 *         const tg_shape shape = tg_shape_of(call->outputs[0]);
 *         printf("%s makes %s\n", m->base.name, tg_shape_text(&shape, text));
 *     }
 *     ...
 *     const int64_t number = tg_register_forward_hook(model->fc, show, NULL);
 *
 * They run whether the module is called by tg_module_forward or by its own function (tg_linear_forward,
 * tg_lstm_forward, tg_multihead_attention_forward, ...). Masks and other options of a call are not shown. Of a module
 * of your own they run when it is called by tg_module_forward; a function beside that, of two tensors say, calls
 * modules that have hooks and has none itself. While a module is at work, its hooks included, another call of the same
 * one runs no hooks, and it cannot be freed. */
#ifndef TG_NN_MODULE_HOOKS_H
#define TG_NN_MODULE_HOOKS_H

#include "module.h"

TG_BEGIN_DECLS

/* One call, as hooks see it. Each kind of hook below says where it may put other tensors. */
typedef struct tg_module_call {
    tg_tensor **inputs;  /* x; of tg_lstm_forward x, h and c if they are given; NULL: an argument that was left out */
    int input_count;
    tg_tensor **outputs; /* y; of tg_lstm_forward output, h_n and c_n; of tg_multihead_attention_forward output, and
                          * weights if they are needed. By tg_module_forward there is always one */
    int output_count;
} tg_module_call;

/* Called with its module and its context. What it makes belongs to the scope of the call. An error in it makes the call
 * fail; a NULL that it puts in the place of a tensor is one. */
typedef void (*tg_module_hook_fn)(tg_module *module, const tg_module_call *call, void *context);

/* Each returns a number for tg_remove_module_hook, or -1. Hooks of a kind run in the order in which they were
 * registered; they may register and remove hooks, themselves too. They go with the module; a copy of the module has the
 * same ones, with the same numbers and contexts.
 *
 * Before forward: may replace inputs; there are no outputs yet. */
int64_t tg_register_forward_pre_hook_at(const char *where, tg_module *m, tg_module_hook_fn hook, void *context);
/* After forward: may replace outputs. Not called when forward failed. */
int64_t tg_register_forward_hook_at(const char *where, tg_module *m, tg_module_hook_fn hook, void *context);
/* When the gradients of all inputs are complete, once for each call of the module that backward comes to: `inputs` are
 * their gradients, NULL where the input requires none, and may be replaced; `outputs` are those of the outputs, zeros
 * where none arrived, NULL where the output requires none. Where no input requires a gradient it runs when those of the
 * outputs are complete. Whatever else it replaces is an error. Inputs and outputs are views then, which are not written
 * in place while gradients flow. */
int64_t tg_register_full_backward_hook_at(const char *where, tg_module *m, tg_module_hook_fn hook, void *context);
#define tg_register_forward_pre_hook(m, hook, context)                                                                 \
    tg_register_forward_pre_hook_at(TG_HERE, TG_MODULE(m), hook, context)
#define tg_register_forward_hook(m, hook, context) tg_register_forward_hook_at(TG_HERE, TG_MODULE(m), hook, context)
#define tg_register_full_backward_hook(m, hook, context)                                                               \
    tg_register_full_backward_hook_at(TG_HERE, TG_MODULE(m), hook, context)

/* One that is not there is passed over. */
void tg_remove_module_hook_at(const char *where, tg_module *m, int64_t number);
#define tg_remove_module_hook(m, number) tg_remove_module_hook_at(TG_HERE, TG_MODULE(m), number)

TG_END_DECLS

#endif
