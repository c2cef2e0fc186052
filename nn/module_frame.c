/* module_frame.c: which modules are at work, innermost first, and where in a model they are. */
#include "module_hooks_impl.h"

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

/* From its end. */
void tgi_frame_describe(const tgi_inside *inside, char *text, size_t size)
{
    const tg_module *m = ((const tgi_frame *)inside)->module;
    char *end = text + size - 1, *begin = end;
    *end = '\0';
    if (m->parent) begin = prepend(text, prepend(text, prepend(text, end, ")"), m->base.name), " (");
    for (; m->parent && begin > text; m = m->parent) {
        const tgi_slot *slot = m->parent->first;
        while (slot && !(slot->kind == TGI_MODULE && slot->as.module == m)) slot = slot->next;
        begin = prepend(text, prepend(text, begin, slot ? slot->name : "?"), ".");
        if (!m->parent->parent) begin = prepend(text, begin, m->parent->base.name);
    }
    memmove(text, begin, (size_t)(end - begin) + 1);
}

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
        (tgi_frame){ { tgi_self.inside, tgi_frame_describe }, m, 1 + LEVELS_OF_HOOKS + (outer ? outer->depth : 0) };
    tgi_self.inside = &frame->inside;
}

void tgi_frame_leave(const tgi_frame *frame) { tgi_self.inside = frame->inside.outer; }
