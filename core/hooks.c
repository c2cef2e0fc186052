/* hooks.c: what a user asks to be told of a gradient: hooks, and .grad of a tensor that is no leaf. */
#include "observe.h"
#include "walk_impl.h"

/* The first one of the kind behind that number: numbers grow along a list. */
static tgi_hook *hook_after(tgi_hook *hook, int64_t number, bool late)
{
    while (hook && (hook->number <= number || late != (hook->after != NULL))) hook = hook->next;
    return hook;
}

bool tgi_run_late_hooks(tgi_hook *const *hooks, tg_tensor *leaf)
{
    int64_t number = -1;
    tgi_set_seen(true);
    for (tgi_hook *hook; (hook = hook_after(*hooks, number, true));) {
        number = hook->number;
        const bool flushing = tgi_set_flushing(false);
        const tgi_place place = tgi_place_keep();
        hook->after(leaf, hook->context);
        tgi_place_back(place);
        tgi_set_flushing(flushing);
        if (tg_failed()) return false;
    }
    return true;
}

/* Each hook may replace the gradient in `slot`, and remove any hook: the list is read anew after each. */
bool tgi_run_hooks(tgi_hook *const *hooks, tg_tensor **slot)
{
    int64_t number = -1;
    tgi_set_seen(true); /* until the walk comes to the next node: a hook may keep the handle it is shown */
    for (tgi_hook *hook; (hook = hook_after(*hooks, number, false));) {
        number = hook->number;
        const bool flushing = tgi_set_flushing(false);
        const tgi_place place = tgi_place_keep();
        tg_tensor *replaced = hook->function(*slot, hook->context);
        tgi_place_back(place);
        tgi_set_flushing(flushing);
        if (tg_failed()) return false;
        if (!replaced || replaced == *slot) continue;
        if (!tgi_handle_ok("hook", replaced)) return false;
        const tg_shape have = tgi_shape(replaced), want = tgi_shape(*slot);
        if (replaced->dtype != (*slot)->dtype || !tg_shape_equal(&have, &want)) {
            char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
            tg_fail_at(NULL, TG_ERROR_AUTOGRAD, "hook", "a hook returned a %s gradient of shape %s for one of %s %s",
                       tg_dtype_name((tg_dtype)replaced->dtype), tg_shape_text(&have, a),
                       tg_dtype_name((tg_dtype)(*slot)->dtype), tg_shape_text(&want, b));
            return false;
        }
        tgi_ref(replaced);
        tgi_unref(*slot);
        *slot = replaced;
    }
    return true;
}

/* The list a hook on `t` belongs to: its node's output's, or the leaf's; made if need be. NULL when it has none. */
static tgi_hook **hook_list(tg_tensor *t, bool make)
{
    tg_node *node = tgi_node_of(t);
    if (node) {
        tgi_output *output = &tgi_outputs(node)[t->origin.output];
        tgi_watch *watch = make ? tgi_watch_of(output) : output->watch;
        return watch ? &watch->hooks : NULL;
    }
    tgi_extra *extra = make ? tgi_extra_of(t) : t->extra;
    return extra ? &extra->hooks : NULL;
}

/* Of the process: threads may register hooks on a leaf that they share, one after the other. */
static int64_t next_number(void)
{
    static int64_t numbers;
    return __atomic_fetch_add(&numbers, 1, __ATOMIC_RELAXED);
}

static int64_t add_hook(tg_tensor *t, tg_hook_fn function, tg_leaf_hook_fn after, void *context)
{
    if (!function && !after) tg_fail_at(NULL, TG_ERROR_NULL, tgi_self.op, "the hook is NULL");
    tgi_hook **list = function || after ? hook_list(t, true) : NULL;
    tgi_hook *hook = list ? tgi_calloc(sizeof *hook) : NULL;
    if (!hook) return -1;
    *hook = (tgi_hook){ NULL, function, after, context, next_number(), !tgi_node_of(t) };
    if (hook->of_leaf) __atomic_fetch_add(&tgi_leaf_hooks, 1, __ATOMIC_RELAXED);
    while (*list) list = &(*list)->next;
    *list = hook;
    return hook->number;
}

int64_t tg_register_hook_at(const char *where, tg_tensor *t, tg_hook_fn function, void *context)
{
    tgi_begin(where, "register_hook");
    tgi_edge edge;
    if (!tgi_output_edge("register_hook", t, &edge)) return -1;
    return add_hook(edge.output == TGI_TO_LEAF ? edge.to.leaf : t, function, NULL, context);
}

int64_t tg_register_post_accumulate_grad_hook_at(const char *where, tg_tensor *t, tg_leaf_hook_fn function,
                                                 void *context)
{
    static const char what[] = "register_post_accumulate_grad_hook";
    tgi_begin(where, what);
    tgi_edge edge;
    if (!tgi_output_edge(what, t, &edge)) return -1;
    if (edge.output == TGI_TO_LEAF) return add_hook(edge.to.leaf, NULL, function, context);
    tg_fail_at(NULL, TG_ERROR_AUTOGRAD, what, "post accumulate grad hooks cannot be registered on non-leaf tensors");
    return -1;
}

void tg_remove_hook_at(const char *where, tg_tensor *t, int64_t number)
{
    if (where) tgi_self.where = where;
    if (!t || !tgi_handle_ok("remove_hook", t)) return;
    tgi_hook **list = hook_list(t, false);
    while (list && *list && (*list)->number != number) list = &(*list)->next;
    if (!list || !*list) return;
    tgi_hook *hook = *list;
    *list = hook->next;
    tgi_hook_free(hook);
}

tg_status tg_retain_grad_at(const char *where, tg_tensor *t)
{
    if (where) tgi_self.where = where;
    tgi_edge edge;
    if (!tgi_output_edge("retain_grad", t, &edge)) return TG_FAILED;
    if (edge.output < 0) return TG_OK;
    tgi_watch *watch = tgi_watch_of(&tgi_outputs(edge.to.node)[edge.output]);
    if (!watch) return TG_FAILED;
    if (!watch->retained) watch->retained = tgi_ref(t);
    return TG_OK;
}

/* Who asks for such a one often takes it for a leaf still, as after w = w - lr g. */
TG_RARE static void warn_of_non_leaf(const char *where, const tg_tensor *t)
{
    const tg_node *node = tgi_node_of(t);
    const tgi_watch *watch = node ? tgi_outputs(node)[t->origin.output].watch : NULL;
    if (!node || (watch && watch->retained)) return;
    const char *name = tg_node_output_name(node, t->origin.output);
    tg_warn_at(
        where,
        "the .grad of a tensor that is not a leaf is asked for%s%s: %s at %s made it, and backward leaves it no "
        "gradient. tg_retain_grad(t) before the backward keeps it one. (A weight updated as w = w - lr g is no leaf "
        "any more: write it in place under tg_no_grad_begin)",
        name ? ", " : "", name ? name : "", node->op->name, node->where ? node->where : "an unknown place");
}

tg_tensor *tg_grad_of_at(const char *where, const tg_tensor *t)
{
    if (!t) return NULL;
    if (t->alive != TGI_ALIVE) {
        if (where) tgi_self.where = where;
        tgi_fail_handle("grad_of", 0, t);
        return NULL;
    }
    tg_tensor *grad = t->extra ? t->extra->grad : NULL;
    if (!grad && where && t->origin.serial) warn_of_non_leaf(where, t);
    return grad;
}
