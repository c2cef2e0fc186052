/* module_frame.c: which modules are at work, innermost first, and where in a model they are. */
#include "module_hooks_impl.h"

#include "core/error.h"

#include <string.h>

enum { LEVELS_OF_HOOKS = 3 }; /* a call with hooks takes as much of the stack as so many more modules */

/* `part` and `text` joined, written before `end`, as far as there is room from `begin` on. */
static char *prepend(char *begin, char *end, const char *part)
{
    const size_t length = strlen(part);
    if (length > (size_t)(end - begin)) return begin;
    memcpy(end - length, part, length);
    return end - length;
}

static const tgi_slot *slot_of_child(const tg_module *parent, const tg_module *m)
{
    const tgi_slot *slot = parent->first;
    while (slot && !(slot->kind == TGI_MODULE && slot->as.module == m)) slot = slot->next;
    return slot;
}

/* From its end. */
static void describe(const tgi_inside *inside, char *text, size_t size)
{
    const tg_module *m = ((const tgi_frame *)inside)->module;
    char *end = text + size - 1, *begin = end;
    *end = '\0';
    if (m->parent) begin = prepend(text, prepend(text, prepend(text, end, ")"), m->base.name), " (");
    for (; m->parent && begin > text; m = m->parent) {
        const tgi_slot *slot = slot_of_child(m->parent, m);
        begin = prepend(text, prepend(text, begin, slot ? slot->name : "?"), ".");
        if (!m->parent->parent) begin = prepend(text, begin, m->parent->base.name);
    }
    memmove(text, begin, (size_t)(end - begin) + 1);
}

/* The module of the innermost frame around this one. */
static const tg_module *module_around(const tgi_inside *inside)
{
    return inside->outer ? ((const tgi_frame *)inside->outer)->module : NULL;
}

/* "lstm_cell.W_f" within the module around it; from the top of its tree, whose kind comes first, when it is not in that
 * one's. From its end. */
static const char *locate(const tgi_inside *inside, char *text, size_t size)
{
    const tg_module *const m = ((const tgi_frame *)inside)->module, *const around = module_around(inside), *up = m;
    char *end = text + size - 1, *begin = end;
    *end = '\0';
    for (; up->parent && up != around; up = up->parent) {
        const tgi_slot *slot = slot_of_child(up->parent, up);
        if (begin < end) begin = prepend(text, begin, ".");
        begin = prepend(text, begin, slot ? slot->name : "?");
    }
    if (up != around || up == m) {
        if (begin < end) begin = prepend(text, begin, ".");
        begin = prepend(text, begin, up->base.name);
    }
    memmove(text, begin, (size_t)(end - begin) + 1);
    return m->base.name;
}

static tg_module *model_of(const tgi_inside *inside)
{
    tg_module *m = (tg_module *)((const tgi_frame *)inside)->module; /* the frame's owner may write it */
    while (m->parent) m = m->parent;
    return m;
}

static const void *model(const tgi_inside *inside) { return model_of(inside); }

static tg_named_tensor_list state(const tgi_inside *inside)
{
    static const tg_named_tensor_list none = { NULL, 0 };
    tg_module *m = model_of(inside);
    const tg_named_tensor_list parameters = tg_named_parameters_at(NULL, m), buffers = tg_named_buffers_at(NULL, m);
    const int64_t count = parameters.count + buffers.count;
    tg_named_tensor *all = tg_failed() ? NULL : tgi_scope_alloc((size_t)(count + 1) * sizeof *all);
    if (!all) return none;
    for (int64_t i = 0; i < count; i++)
        all[i] = i < parameters.count ? parameters.items[i] : buffers.items[i - parameters.count];
    return (tg_named_tensor_list){ all, count };
}

static void add_mode(tg_module *m, void *modes)
{
    if (m->base.has_modes) *(unsigned *)modes |= TGI_HAS_MODES | (m->training ? TGI_TRAINS : TGI_EVALUATES);
}

static unsigned modes_of(const tgi_inside *inside)
{
    unsigned modes = 0;
    tgi_for_each_module(model_of(inside), add_mode, &modes);
    return modes;
}

static void settings(const tgi_inside *inside, char *text, size_t size)
{
    tgi_module_settings(((const tgi_frame *)inside)->module, text, size);
}

static bool trains(const tgi_inside *inside) { return ((const tgi_frame *)inside)->module->training; }

const tgi_inside_kind tgi_inside_module = { .describe = describe,
                                            .locate = locate,
                                            .model = model,
                                            .state = state,
                                            .modes = modes_of,
                                            .trains = trains,
                                            .settings = settings };

bool tgi_at_work(const tg_module *m)
{
    const tgi_inside *inside = tgi_self.inside;
    while (inside && ((const tgi_frame *)inside)->module != m) inside = inside->outer;
    return inside;
}

void tgi_frame_enter(tgi_frame *frame, const tg_module *m)
{
    const tgi_frame *outer = (const tgi_frame *)tgi_self.inside;
    *frame =
        (tgi_frame){ { tgi_self.inside, &tgi_inside_module }, m, 1 + LEVELS_OF_HOOKS + (outer ? outer->depth : 0) };
    tgi_self.inside = &frame->inside;
}

void tgi_frame_leave(const tgi_frame *frame) { tgi_self.inside = frame->inside.outer; }
