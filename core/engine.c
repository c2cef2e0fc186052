/* engine.c: the ops that the engine itself needs, lent by those above core. */
#include "walk_impl.h"

const tg_engine_ops *tgi_engine;

void tg_engine_use(const tg_engine_ops *ops) { tgi_engine = ops; }
