/* engine.h: what the engine needs of the ops (core/autograd.h). Internal to ops/.
 *
 * Defined at the top, in engine.c, and handed over at the bottom, in base/iterate.c: whatever ops a program has, their
 * gradients may have to be added. It is the one name in ops/ that is used below the place where it is defined. */
#ifndef TG_OPS_ENGINE_H
#define TG_OPS_ENGINE_H

#include "../core/autograd.h"

TG_EXTERN_C_BEGIN

extern const tg_engine_ops tgi_engine_ops;

TG_EXTERN_C_END

#endif
