/* module_hooks.c: hooks of modules: registered, run around a forward, copied, freed. */
#include "module_hooks_impl.h"

#include "core/error.h"
#include "core/scope.h"

/* ---- the list ---- */

/* The first one of the kind behind that number. */
static tgi_module_hook *hook_after(const tg_module *m, tgi_hook_kind kind, int64_t number)
{
    tgi_module_hook *hook = m->hooks ? m->hooks->first : NULL;
    while (hook && (hook->number <= number || hook->kind != kind)) hook = hook->next;
    return hook;
}

bool tgi_hooks_any(const tg_module *m, tgi_hook_kind kind) { return hook_after(m, kind, -1); }

/* What the tape asks whether the module is still there. */
static bool mark_alive(tgi_module_hooks *hooks)
{
    const tg_shape none = tg_shape();
    if (!hooks->alive) hooks->alive = tgi_own(tgi_new_full(&none, TG_INT64, 1));
    return hooks->alive;
}

int64_t tgi_hook_add(tg_module *m, tgi_hook_kind kind, tg_module_hook_fn function, void *context,
                     const tgi_hook_owner *owner)
{
    if (!m->hooks) m->hooks = tgi_calloc(sizeof *m->hooks);
    if (!m->hooks || (kind == TGI_IN_BACKWARD && !mark_alive(m->hooks))) return -1;
    tgi_module_hook *hook = tgi_calloc(sizeof *hook);
    if (!hook) return -1;
    *hook = (tgi_module_hook){ NULL, kind, m->hooks->next_number++, function, context, owner };
    tgi_module_hook **end = &m->hooks->first;
    while (*end) end = &(*end)->next;
    *end = hook;
    return hook->number;
}

void *tgi_hook_find(const tg_module *m, const tgi_hook_owner *owner, const char *name,
                    bool (*is)(const void *context, const char *name), int64_t *number)
{
    for (const tgi_module_hook *hook = m->hooks ? m->hooks->first : NULL; hook; hook = hook->next) {
        if (hook->owner != owner || !is(hook->context, name)) continue;
        *number = hook->number;
        return hook->context;
    }
    return NULL;
}

const tgi_hook_owner *tgi_hook_first_owner(const tg_module *m)
{
    const tgi_module_hook *hook = m->hooks ? m->hooks->first : NULL;
    while (hook && !hook->owner) hook = hook->next;
    return hook ? hook->owner : NULL;
}

static void free_hook(tgi_module_hook *hook)
{
    if (hook->owner) hook->owner->free(hook->context);
    tgi_free(hook, sizeof *hook);
}

void tgi_module_hooks_free(tg_module *m)
{
    if (!m->hooks) return;
    for (tgi_module_hook *hook = m->hooks->first, *next; hook; hook = next) {
        next = hook->next;
        free_hook(hook);
    }
    if (m->hooks->alive) *(int64_t *)tgi_ptr(m->hooks->alive) = 0;
    tgi_unref(m->hooks->alive);
    tgi_free(m->hooks, sizeof *m->hooks);
    m->hooks = NULL;
}

/* One by one, so that what a failure leaves is a list like any other. */
tg_status tgi_hooks_copy(tg_module *copy, const tg_module *original)
{
    for (const tgi_module_hook *hook = original->hooks ? original->hooks->first : NULL; hook; hook = hook->next) {
        void *context = hook->owner ? hook->owner->copy(copy, original, hook->context) : hook->context;
        if (hook->owner && !context) return TG_FAILED;
        if (tgi_hook_add(copy, hook->kind, hook->function, context, hook->owner) < 0) {
            if (hook->owner) hook->owner->free(context);
            return TG_FAILED;
        }
        copy->hooks->next_number = original->hooks->next_number;
        tgi_module_hook *last = copy->hooks->first;
        while (last->next) last = last->next;
        last->number = hook->number;
    }
    return TG_OK;
}

/* ---- what users call ---- */

static int64_t add_users(const char *where, const char *name, tg_module *m, tgi_hook_kind kind,
                         tg_module_hook_fn function, void *context)
{
    if (!tgi_module_ok(where, m, name)) return -1;
    if (function) return tgi_hook_add(m, kind, function, context, NULL);
    tg_fail_at(where, TG_ERROR_NULL, name, "the hook is NULL");
    return -1;
}

int64_t tg_register_forward_pre_hook_at(const char *where, tg_module *m, tg_module_hook_fn hook, void *context)
{
    return add_users(where, "register_forward_pre_hook", m, TGI_BEFORE_FORWARD, hook, context);
}

int64_t tg_register_forward_hook_at(const char *where, tg_module *m, tg_module_hook_fn hook, void *context)
{
    return add_users(where, "register_forward_hook", m, TGI_AFTER_FORWARD, hook, context);
}

int64_t tg_register_full_backward_hook_at(const char *where, tg_module *m, tg_module_hook_fn hook, void *context)
{
    return add_users(where, "register_full_backward_hook", m, TGI_IN_BACKWARD, hook, context);
}

void tg_remove_module_hook_at(const char *where, tg_module *m, int64_t number)
{
    if (!tgi_module_ok(where, m, "remove_module_hook") || !m->hooks) return;
    tgi_module_hook **link = &m->hooks->first;
    while (*link && (*link)->number != number) link = &(*link)->next;
    tgi_module_hook *hook = *link;
    if (!hook) return;
    *link = hook->next;
    free_hook(hook);
}

/* ---- running ---- */

static int64_t errors_so_far(void)
{
    const tg_error error = tg_error_get();
    return error.code == TG_ERROR_NONE ? 0 : 1 + error.later;
}

/* Where there was a tensor there is one. */
static bool places_ok(const tg_module *m, tg_tensor *const *before, tg_tensor *const *now, int count)
{
    for (int i = 0; i < count; i++) {
        if (now[i] == before[i]) continue;
        if (!now[i] && !tg_failed())
            tg_fail_at(NULL, TG_ERROR_NULL, m->base.name, "a hook put NULL in the place of tensor %d", i);
        if (!now[i] || !tgi_handle_ok(m->base.name, now[i])) return false;
    }
    return true;
}

bool tgi_hooks_run(tg_module *m, tgi_hook_kind kind, const tg_module_call *call)
{
    const bool after = kind == TGI_AFTER_FORWARD;
    tg_tensor *const *places = after ? call->outputs : call->inputs;
    const int count = after ? call->output_count : call->input_count;
    int64_t number = -1;
    for (tgi_module_hook *hook; (hook = hook_after(m, kind, number));) {
        tg_tensor *before[TGI_CALL_INPUTS];
        for (int i = 0; i < count; i++) before[i] = places[i];
        const int64_t errors = errors_so_far();
        number = hook->number;
        const tgi_place place = tgi_place_keep();
        hook->function(m, call, hook->context);
        tgi_place_back(place);
        if (errors_so_far() != errors || !places_ok(m, before, places, count)) return false;
    }
    return true;
}
