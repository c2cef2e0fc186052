/* denormals.c: when denormals are flushed to zero.
 *
 * The processor's mode belongs to the user. What switches it restores it on every way out, and gives it back while the
 * user's own functions run; what they change in it stays changed. */
#include "denormals_impl.h"

#include "thread.h"

bool tgi_set_flushing(bool on)
{
    tgi_thread *self = &tgi_self;
    const bool was = self->flushing;
    if (on == was) return was;
    self->flushing = on;
    if (on) {
        self->outer_mode = tgi_float_mode_get();
        if (tg_flush_denormal() == TG_FLUSH_GRADIENTS) tgi_float_mode_set(self->outer_mode | TGI_FLUSH_RESULTS);
    } else {
        tgi_float_mode_set(self->outer_mode);
    }
    return was;
}

tgi_float_mode tgi_float_mode_of_user(void)
{
    const tgi_float_mode mode = tgi_self.flushing ? tgi_self.outer_mode : tgi_float_mode_get();
    return mode & ~tgi_self.added_mode;
}

tg_flush tg_flush_denormal(void) { return tgi_self.flush_chosen ? tgi_self.flush : TG_FLUSH_GRADIENTS; }

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
