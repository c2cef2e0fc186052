/* module_hooks_impl.h: hooks, for those who run forwards and for those who are built on hooks. */
#ifndef TG_NN_MODULE_HOOKS_IMPL_H
#define TG_NN_MODULE_HOOKS_IMPL_H

#include "core/thread.h"
#include "module_hooks.h"
#include "module_impl.h"

TG_EXTERN_C_BEGIN

/* ---- what a module has (module_hooks.c) ---- */

typedef enum tgi_hook_kind { TGI_BEFORE_FORWARD, TGI_AFTER_FORWARD, TGI_IN_BACKWARD } tgi_hook_kind;

/* A hook whose context is the library's own has these, too. */
typedef struct tgi_hook_owner {
    const char *name; /* of the function that registers it, "weight_norm" */
    /* The context for the copy of a module, which is complete but for its hooks. NULL with an error pending. */
    void *(*copy)(tg_module *copy, const tg_module *original, const void *context);
    void (*free)(void *context);
} tgi_hook_owner;

typedef struct tgi_module_hook {
    struct tgi_module_hook *next;
    tgi_hook_kind kind;
    int64_t number; /* they grow along the list */
    tg_module_hook_fn function;
    void *context;
    const tgi_hook_owner *owner; /* NULL: the context is the user's */
} tgi_module_hook;

struct tgi_module_hooks {
    tgi_module_hook *first;
    int64_t next_number;
    tg_tensor *alive; /* the int64 1, and 0 when the module is gone: the tape saves it. NULL before it is needed */
};

/* Registers one; its context is the list's from then on. -1 with an error pending, and the context is the caller's. */
int64_t tgi_hook_add(tg_module *m, tgi_hook_kind kind, tg_module_hook_fn function, void *context,
                     const tgi_hook_owner *owner);
/* The context of the first one with that function and owner for which `is` holds; its number is set. NULL: none. */
void *tgi_hook_find(const tg_module *m, const tgi_hook_owner *owner, const char *name,
                    bool (*is)(const void *context, const char *name), int64_t *number);
/* The first one's owner that is the library's own. NULL: none. */
const tgi_hook_owner *tgi_hook_first_owner(const tg_module *m);
/* Calls those of a kind. False with an error pending. */
bool tgi_hooks_run(tg_module *m, tgi_hook_kind kind, const tg_module_call *call);
bool tgi_hooks_any(const tg_module *m, tgi_hook_kind kind);
/* Those of the original for a copy that has none yet. */
tg_status tgi_hooks_copy(tg_module *copy, const tg_module *original);
void tgi_module_hooks_free(tg_module *m);

/* ---- what is at work (module_frame.c) ---- */

/* A module whose forward is at work; on the stack. */
typedef struct tgi_frame {
    tgi_inside inside;
    const tg_module *module;
    int depth; /* of modules in modules */
} tgi_frame;

/* Between the two the module is at work, and its hooks run: it cannot be freed, and errors say where it is. */
void tgi_frame_enter(tgi_frame *frame, const tg_module *m);
void tgi_frame_leave(const tgi_frame *frame);
/* Describes a frame, "Sequential.2 (Linear)"; nothing for a module that stands alone. What is too long loses its
 * beginning. */
extern const tgi_inside_kind tgi_inside_module;

/* ---- calls (module_call.c) ---- */

/* The most that a module is given, and that it makes. */
enum { TGI_CALL_INPUTS = 4, TGI_CALL_OUTPUTS = 3 };

/* A forward with hooks around it, in a scope of its own. */
typedef struct tgi_call {
    tg_module *module; /* NULL: there are no hooks and no observers, and nothing else here is set */
    tgi_frame frame;
    tg_scope scope;
    tg_module_call io;
    tg_tensor *saved[1 + TGI_CALL_OUTPUTS]; /* for backward hooks: see module_backward.c */
    bool watches_inputs;
} tgi_call;

bool tgi_hooks_wait(const tg_module *m);
/* Whether a forward of the module shall run hooks, or tell observers: there are some, and none of its is at work
 * already, as when tg_module_forward has called this forward. */
static inline bool tgi_hooked(const tg_module *m)
{
    return (m->hooks || tgi_self.observers) && tgi_hooks_wait(m);
}

/* A forward of several tensors stands between these two. `inputs` is the caller's array, which hooks may write. False,
 * with an error pending, when a hook failed: the forward has failed then, and there is no end. */
bool tgi_call_open(tgi_call *call, tg_module *m, tg_tensor **inputs, int input_count, int output_count);
static inline bool tgi_call_begin(tgi_call *call, tg_module *m, tg_tensor **inputs, int input_count, int output_count)
{
    call->module = NULL;
    return !tgi_hooked(m) || tgi_call_open(call, m, inputs, input_count, output_count);
}
/* The results become what hooks make of them, NULL when one failed, and the scope's around the call. */
void tgi_call_close(tgi_call *call, tg_tensor **outputs);
static inline void tgi_call_end(tgi_call *call, tg_tensor **outputs)
{
    if (call->module) tgi_call_close(call, outputs);
}

/* ---- backward (module_backward.c) ---- before and after forward; false with an error pending */
bool tgi_watch_inputs(tgi_call *call);
bool tgi_watch_outputs(tgi_call *call);

TG_EXTERN_C_END

#endif
