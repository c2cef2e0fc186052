/* checkpoint_entries.c: what goes into a checkpoint, piece by piece, and what is ready to come out of one. */
#include "checkpoint_impl.h"

#include "core/text.h"
#include "core/thread.h"

#include <stdarg.h>

/* ---- out ---- */

void tgi_checkpoint_put(tgi_checkpoint_out *out, const char *name, tg_tensor *t)
{
    if (!name || !t || !tgi_grow(&out->items, &out->room, out->count + 1, sizeof *out->items)) return;
    out->items[out->count++] = (tg_named_tensor){ name, t };
}

void tgi_checkpoint_put_text(tgi_checkpoint_out *out, const char *name, const char *text)
{
    if (!name || !text || !tgi_grow(&out->texts, &out->text_room, out->text_count + 1, sizeof *out->texts)) return;
    out->texts[out->text_count++] = (tg_text_pair){ name, text };
}

/* ---- in ---- */

bool tgi_checkpoint_add(tgi_checkpoint_in *in, tgi_loading *loading)
{
    if (!loading) return false;
    loading->next = in->loadings;
    in->loadings = loading;
    return true;
}

bool tgi_checkpoint_fail(const tgi_checkpoint_in *in, tg_error_code code, const char *format, ...)
{
    char text[TGI_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(text, sizeof text, format, arguments);
    va_end(arguments);
    tg_fail_at(NULL, code, in->function, "%s: %s", in->path, text);
    return false;
}
