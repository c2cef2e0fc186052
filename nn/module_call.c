/* module_call.c: a module's forward, with hooks around it or without.
 *
 * tg_module_forward and the modules' own forwards come here. What is at work is known to errors, and to hooks: a module
 * that is at work runs no hooks, so that they run once, whether its own forward was called or tg_module_forward, which
 * calls that. */
#include "module_hooks_impl.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/scope.h"

enum { DEEPEST = 25000 }; /* what a stack of 8 MiB holds, and half again */

bool tgi_hooks_wait(const tg_module *m)
{
    return (tgi_self.observers || (m->hooks && m->hooks->first)) && !tgi_at_work(m);
}

/* ---- a call with hooks, or with observers ---- */

static bool name_parameters(tg_module *m)
{
    while (m->parent) m = m->parent;
    const tg_named_tensor_list named = tg_named_parameters_at(NULL, m);
    bool ok = tg_ok();
    for (int64_t i = 0; ok && i < named.count; i++)
        ok = tgi_self.observers->tell->name(named.items[i].tensor, named.items[i].name);
    return ok;
}

/* The outermost one's parameters get their names, so that observers know them. */
static bool tell_begin(const tgi_call *call, tg_tensor **inputs, int input_count)
{
    if (!tgi_self.observers) return true;
    if (!call->frame.inside.outer && !name_parameters(call->module)) return false;
    return tgi_self.observers->tell->entered(tg_list_of(inputs, input_count));
}

bool tgi_call_open(tgi_call *call, tg_module *m, tg_tensor **inputs, int input_count, int output_count)
{
    *call = (tgi_call){ .module = m, .scope = tg_scope_begin(), .io = { inputs, input_count, NULL, output_count } };
    tgi_frame_enter(&call->frame, m);
    const tg_module_call shown = { inputs, input_count, NULL, 0 };
    if (tell_begin(call, inputs, input_count) && tgi_hooks_run(m, TGI_BEFORE_FORWARD, &shown) && tgi_watch_inputs(call))
        return true;
    if (tgi_self.observers) tgi_self.observers->tell->left(TG_NONE);
    tgi_frame_leave(&call->frame);
    tg_scope_end(call->scope);
    return false;
}

void tgi_call_close(tgi_call *call, tg_tensor **outputs)
{
    const int count = call->io.output_count;
    call->io.outputs = outputs;
    bool fine = true;
    for (int i = 0; i < count; i++) fine = fine && outputs[i];
    fine = fine && tgi_hooks_run(call->module, TGI_AFTER_FORWARD, &call->io) && tgi_watch_outputs(call);
    if (tgi_self.observers && !tgi_self.observers->tell->left(tg_list_of(outputs, fine ? count : 0))) fine = false;
    tg_tensor **results[TGI_CALL_OUTPUTS];
    for (int i = 0; i < count; i++) {
        if (!fine) outputs[i] = NULL;
        results[i] = &outputs[i];
    }
    tgi_frame_leave(&call->frame);
    tg_scope_end_with_at(NULL, call->scope, results, count);
}

/* ---- any call ---- */

/* Apart from the call, which is on the stack once for each level. */
__attribute__((noinline)) static bool forward_begin(const char *where, const tg_module *m, tg_tensor *x, int depth)
{
    const tg_op op = { .name = tgi_module_name(m, "forward") };
    if (!tgi_forward_begin(where, m, &op, tg_list(x))) return false;
    if (depth > DEEPEST)
        tg_op_fail(&op, tg_list(x), "%d modules lie in one another: maximum recursion depth exceeded", depth);
    else if (!m->base.forward)
        tg_fail_at(where, TG_ERROR_VALUE, m->base.name,
                   "Module [%s] is missing the required \"forward\" function of one tensor; those of several have one "
                   "of their own, as tg_loss_forward",
                   m->base.name);
    else
        return true;
    return false;
}

/* The class's forward, which may be the user's own. */
static inline tg_tensor *run_forward(tg_module *m, tg_tensor *x)
{
    const tgi_place place = tgi_place_keep();
    tg_tensor *y = m->base.forward(m, x);
    tgi_place_back(place);
    return y;
}

/* Apart, too: a forward with hooks needs more of the stack, and counts for it. */
__attribute__((noinline)) static tg_tensor *forward_hooked(tg_module *m, tg_tensor *x)
{
    tgi_call call;
    if (!tgi_call_open(&call, m, &x, 1, 1)) return NULL;
    tg_tensor *y = run_forward(m, x);
    tgi_call_close(&call, &y);
    return y;
}

tg_tensor *tg_module_forward_at(const char *where, tg_module *m, tg_tensor *x)
{
    const tgi_inside *outer = tgi_self.inside;
    const tgi_frame here = { { outer, &tgi_inside_module }, m, outer ? ((const tgi_frame *)outer)->depth + 1 : 1 };
    if (!forward_begin(where, m, x, here.depth)) return NULL;
    if (tgi_hooked(m)) return forward_hooked(m, x);
    tgi_self.inside = &here.inside;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = tg_scope_return(scope, run_forward(m, x));
    tgi_self.inside = outer;
    return y;
}
