/* module_backward.c: how hooks of modules come to see gradients.
 *
 *     inputs -> [watch the inputs] -> forward -> [watch the outputs] -> results
 *
 * Two nodes stand around what forward records. Their outputs are views of their inputs, and gradients pass through them
 * unchanged, but for what a hook puts in their place. Backward comes to the outputs' node first, which leaves the
 * gradients that it sees with tensors that both nodes save, one for each output; the inputs' node takes them from there
 * and calls the hooks. So nothing of a call is kept but by its nodes, and a module may be called many times before
 * backward runs, or be gone by then: its mark `alive` is saved, too. */
#include "core/denormals_impl.h"
#include "core/error.h"
#include "core/op.h"
#include "module_hooks_impl.h"

typedef struct watched {
    tg_module *module;
    int inputs, outputs;        /* of the call */
    int place[TGI_CALL_INPUTS]; /* of each of the node's tensors among them */
    bool hooks_here;            /* of the outputs' node: no input requires a gradient */
} watched;

/* Who carries the gradient of output `i`; the mark `alive` is saved before them. */
static tg_tensor *carrier(tg_context *ctx, int i) { return tg_saved(ctx, 1 + i); }

static tg_status leave(tg_tensor *with, tg_tensor *grad)
{
    tgi_extra *extra = with ? tgi_extra_of(with) : NULL;
    if (!extra) return TG_FAILED;
    tgi_unref(extra->grad);
    extra->grad = grad ? tgi_ref(grad) : NULL;
    return TG_OK;
}

/* Hooks may replace the gradients of inputs that require one, and nothing else. */
static bool replaced_ok(const watched *w, const tg_module_call *now, tg_tensor *const *inputs,
                        tg_tensor *const *outputs)
{
    const char *name = w->module->base.name;
    for (int i = 0; i < now->output_count; i++) {
        if (now->outputs[i] == outputs[i]) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, name,
                   "a backward hook replaced the gradient of output %d; only those of inputs can be replaced", i);
        return false;
    }
    for (int i = 0; i < now->input_count; i++) {
        if (inputs[i] || !now->inputs[i]) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, name, "a backward hook made a gradient of input %d, which requires none", i);
        return false;
    }
    return true;
}

/* Calls the hooks as the user's functions that they are. False with an error pending. */
static bool call_hooks(tg_context *ctx, tg_tensor **inputs, tg_tensor **outputs)
{
    const watched *w = tg_attributes(ctx);
    const tg_tensor *alive = tg_saved(ctx, 0);
    if (!alive || !*(const int64_t *)tgi_ptr(alive)) return alive;
    const tg_module_call call = { inputs, w->inputs, outputs, w->outputs };
    tg_tensor *inputs_shown[TGI_CALL_INPUTS], *outputs_shown[TGI_CALL_OUTPUTS];
    for (int i = 0; i < w->inputs; i++) inputs_shown[i] = inputs[i];
    for (int i = 0; i < w->outputs; i++) outputs_shown[i] = outputs[i];
    tgi_set_seen(true); /* until the walk comes to the next node: a hook may keep the handles it is shown */
    const bool flushing = tgi_set_flushing(false);
    tgi_frame frame;
    tgi_frame_enter(&frame, w->module);
    const bool fine =
        tgi_hooks_run(w->module, TGI_IN_BACKWARD, &call) && replaced_ok(w, &call, inputs_shown, outputs_shown);
    tgi_frame_leave(&frame);
    tgi_set_flushing(flushing);
    return fine;
}

static void outputs_backward(tg_context *ctx)
{
    const watched w = *(const watched *)tg_attributes(ctx);
    tg_tensor *inputs[TGI_CALL_INPUTS] = { NULL }, *outputs[TGI_CALL_INPUTS] = { NULL };
    for (int i = 0; i < tg_input_count(ctx); i++) {
        tg_tensor *grad = tg_grad_output(ctx, i);
        if (!grad || leave(carrier(ctx, w.place[i]), grad) != TG_OK) return;
        outputs[w.place[i]] = grad;
    }
    if (w.hooks_here && !call_hooks(ctx, inputs, outputs)) return;
    for (int i = 0; i < tg_input_count(ctx); i++) tg_set_grad_input(ctx, i, outputs[w.place[i]]);
}

static void inputs_backward(tg_context *ctx)
{
    const watched w = *(const watched *)tg_attributes(ctx);
    tg_tensor *inputs[TGI_CALL_INPUTS] = { NULL }, *outputs[TGI_CALL_OUTPUTS] = { NULL };
    bool arrived = false;
    for (int i = 0; i < tg_input_count(ctx); i++) inputs[w.place[i]] = tg_grad_output(ctx, i);
    for (int i = 0; i < w.outputs; i++) {
        tg_tensor *from = carrier(ctx, i);
        if (!from) return;
        outputs[i] = tg_grad_of(from);
        arrived = arrived || outputs[i];
    }
    const bool fine = !arrived || call_hooks(ctx, inputs, outputs);
    for (int i = 0; i < w.outputs; i++) leave(carrier(ctx, i), NULL);
    for (int i = 0; fine && i < tg_input_count(ctx); i++) tg_set_grad_input(ctx, i, inputs[w.place[i]]);
}

/* The tensors that are saved carry gradients and marks. */
static int none(const tg_node *node) { return (void)node, 0; }

static const tg_op inputs_op = { .name = "module_inputs",
                                 .grad_name = "BackwardHookFunctionBackward",
                                 .values_saved = none,
                                 .backward = inputs_backward };
static const tg_op outputs_op = { .name = "module_outputs",
                                  .grad_name = "BackwardHookFunctionBackward",
                                  .values_saved = none,
                                  .backward = outputs_backward };

/* Puts a node around those of `tensors` that require a gradient, which become views; *any: there are some. */
static bool watch(const tgi_call *call, const tg_op *op, tg_tensor **tensors, int count, bool *any)
{
    watched w = { call->module, call->io.input_count, call->io.output_count, { 0 }, !call->watches_inputs };
    tg_tensor *from[TGI_CALL_INPUTS], *to[TGI_CALL_INPUTS];
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (!tg_will_record(tg_list(tensors[i]))) continue;
        from[n] = tensors[i];
        w.place[n++] = i;
    }
    *any = n > 0;
    for (int i = 0; i < n; i++) {
        to[i] = tgi_new_view(from[i], from[i]->ndim, from[i]->dims, tgi_strides(from[i]), from[i]->offset);
        if (!to[i]) return false;
    }
    const tg_tensor_list saved = tg_list_of(call->saved, 1 + call->io.output_count);
    if (n && tg_record(op, tg_list_of(from, n), tg_list_of(to, n), saved, &w, sizeof w) != TG_OK) return false;
    for (int i = 0; i < n; i++) tensors[w.place[i]] = to[i];
    return true;
}

bool tgi_watch_inputs(tgi_call *call)
{
    if (!tgi_hooks_any(call->module, TGI_IN_BACKWARD)) return true;
    call->saved[0] = call->module->hooks->alive;
    const tg_shape scalar = tg_shape();
    for (int i = 0; i < call->io.output_count; i++)
        if (!(call->saved[1 + i] = tgi_new_full(&scalar, TG_FLOAT32, 0))) return false;
    return watch(call, &inputs_op, call->io.inputs, call->io.input_count, &call->watches_inputs);
}

bool tgi_watch_outputs(tgi_call *call)
{
    bool any;
    return !call->saved[0] || watch(call, &outputs_op, call->io.outputs, call->io.output_count, &any);
}
