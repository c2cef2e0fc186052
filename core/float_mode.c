/* float_mode.c: when denormals are flushed to zero.
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

tg_flush tg_flush_denormal(void) { return tgi_self.flush_chosen ? tgi_self.flush : TG_FLUSH_GRADIENTS; }
