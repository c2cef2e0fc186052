/* recompute.c: segments of a row of modules as checkpoints. */
#include "recompute.h"

#include "core/error.h"
#include "core/recompute.h"
#include "core/tensor_impl.h"
#include "module_impl.h"

static const char name[] = "checkpoint_sequential";

typedef struct segment {
    const tgi_slot *first;
    int64_t count; /* of modules; slots that are none lie between them */
} segment;

static const tgi_slot *module_from(const tgi_slot *slot)
{
    while (slot && slot->kind != TGI_MODULE) slot = slot->next;
    return slot;
}

static const tgi_slot *after(segment s)
{
    const tgi_slot *slot = module_from(s.first);
    while (slot && s.count-- > 0) slot = module_from(slot->next);
    return slot;
}

static tg_tensor *run(segment s, tg_tensor *x)
{
    const tgi_slot *slot = module_from(s.first);
    for (int64_t i = 0; slot && i < s.count; i++, slot = module_from(slot->next))
        x = tg_module_forward_at(NULL, slot->as.module, x);
    return x;
}

static void run_again(void *context, tg_tensor *const *inputs, tg_tensor **outputs)
{
    outputs[0] = run(*(const segment *)context, inputs[0]);
}

tg_tensor *tg_checkpoint_sequential_at(const char *where, tg_module *m, int64_t segments, tg_tensor *x,
                                       tg_checkpoint_sequential_options options)
{
    if (!tgi_module_ok(where, m, name) || tg_failed() || !tgi_handle_ok(name, x)) return NULL;
    if (segments < 1 || segments > m->children)
        return tg_fail_at(where, TG_ERROR_VALUE, name, "%lld modules in %lld segments", (long long)m->children,
                          (long long)segments);
    segment s = { m->first, m->children / segments };
    for (int64_t i = 1; i < segments; i++) {
        x = tg_checkpoint_at(where, run_again, &s, tg_list(x),
                             TG_LITERAL(tg_checkpoint_options){ .outputs = 1,
                                                                .preserve_rng_state = options.preserve_rng_state,
                                                                .context_size = sizeof s })
                .items[0];
        s.first = after(s);
    }
    s.count = m->children - s.count * (segments - 1);
    return run(s, x);
}
