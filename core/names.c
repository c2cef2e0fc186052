/* names.c: names of tensors: a leaf's lies with the leaf, any other's with what its node made.
 *
 * Threads may share a leaf and name it at the same time: the first name stays until somebody renames it, which is to be
 * done while no other thread looks. */
#include "observe_impl.h"
#include "tape_impl.h"

#include <string.h>

static tgi_name *name_new(const char *text)
{
    const size_t bytes = sizeof(tgi_name) + strlen(text) + 1;
    tgi_name *name = tgi_calloc(bytes);
    if (!name) return NULL;
    name->bytes = bytes;
    memcpy(name->text, text, bytes - sizeof(tgi_name));
    return name;
}

/* Where the name of `t` lies, made if need be; NULL with an error pending, or when there is none to be found. */
static tgi_name **place_of_name(tg_tensor *t, bool make)
{
    tg_node *node = tgi_node_of(t);
    if (node) {
        tgi_output *output = &tgi_outputs(node)[t->origin.output];
        tgi_watch *watch = make ? tgi_watch_of(output) : output->watch;
        return watch ? &watch->name : NULL;
    }
    tgi_extra *extra = make ? tgi_extra_of(t) : __atomic_load_n(&t->extra, __ATOMIC_ACQUIRE);
    return extra ? &extra->name : NULL;
}

tg_tensor *tg_set_name_at(const char *where, tg_tensor *t, const char *name)
{
    tgi_begin(where, "set_name");
    if (!tgi_handle_ok("set_name", t)) return NULL;
    if (!name) return tg_fail_at(NULL, TG_ERROR_NULL, "set_name", "the name is NULL");
    tgi_name **place = place_of_name(t, true);
    tgi_name *made = place ? name_new(name) : NULL;
    if (!made) return NULL;
    tgi_name_free(__atomic_exchange_n(place, made, __ATOMIC_ACQ_REL));
    return t;
}

bool tgi_name_once(tg_tensor *t, const char *name)
{
    tgi_name **place = place_of_name(t, true), *none = NULL;
    if (!place) return false;
    tgi_name *there = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (there) {
        __atomic_store_n(&there->of_parameter, true, __ATOMIC_RELAXED);
        return true;
    }
    tgi_name *made = name_new(name);
    if (made) made->of_parameter = true;
    if (made && !__atomic_compare_exchange_n(place, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        tgi_name_free(made);
    return made;
}

bool tgi_is_parameter(const tg_tensor *t)
{
    tgi_name *const *place = place_of_name((tg_tensor *)t, false);
    const tgi_name *name = place ? __atomic_load_n(place, __ATOMIC_ACQUIRE) : NULL;
    return name && __atomic_load_n(&name->of_parameter, __ATOMIC_RELAXED);
}

static const char *text_at(tgi_name *const *place)
{
    const tgi_name *name = place ? __atomic_load_n(place, __ATOMIC_ACQUIRE) : NULL;
    return name ? name->text : NULL;
}

const char *tgi_name_text(const tg_tensor *t) { return text_at(place_of_name((tg_tensor *)t, false)); }

const char *tg_name_of_at(const char *where, const tg_tensor *t)
{
    tgi_begin(where, "name_of");
    return tgi_handle_ok("name_of", t) ? tgi_name_text(t) : NULL;
}

const char *tg_node_output_name(const tg_node *node, int i)
{
    if (!node || i < 0 || i >= node->output_count || !tgi_outputs(node)[i].watch) return NULL;
    return text_at(&tgi_outputs(node)[i].watch->name);
}
