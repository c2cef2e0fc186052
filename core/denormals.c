/* denormals.c: what the user chooses to flush to zero. float_mode.c does it. */
#include "denormals_impl.h"

#include "thread.h"

bool tg_set_flush_denormal_at(const char *where, tg_flush what)
{
    tgi_thread *self = &tgi_self;
    if (what != TG_FLUSH_NOTHING && what != TG_FLUSH_EVERYTHING && what != TG_FLUSH_GRADIENTS) {
        tg_fail_at(where, TG_ERROR_VALUE, "set_flush_denormal",
                   "%d is none of TG_FLUSH_NOTHING, TG_FLUSH_EVERYTHING and TG_FLUSH_GRADIENTS", (int)what);
        return false;
    }
    const bool inside = tgi_set_flushing(false);
    const tgi_float_mode mode = tgi_float_mode_get() & ~self->added_mode;
    self->added_mode = what == TG_FLUSH_EVERYTHING ? TGI_FLUSH_ALL & ~mode : 0;
    tgi_float_mode_set(mode | self->added_mode);
    self->flush = what;
    self->flush_chosen = true;
    tgi_set_flushing(inside);
    return what == TG_FLUSH_NOTHING || TGI_FLUSH_ALL != 0;
}
