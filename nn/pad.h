/* pad.h: borders as modules, for Sequential and for print. Call them with tg_module_forward; the modes are those of
 * tg_pad in ops/rearrange.h.
 *
 * `padding` is one width for all sides, or two for each dimension, the last dimension first: left, right, top, bottom,
 * front, back. Negative widths cut off. */
#ifndef TG_NN_PAD_H
#define TG_NN_PAD_H

#include "../core/shape.h"
#include "module.h"

TG_BEGIN_DECLS

/* Filled with a value, with mirrored elements (the border's own are not repeated), or with the border's own. 1d pads
 * [N, C, L] or [C, L]; 2d has H and W in the place of L, 3d D, H and W: `tg_reflection_pad2d_new(tg_shape(1, 2, 0,
 * 0))`. */
tg_module *tg_constant_pad1d_new_at(const char *where, tg_shape padding, double value);
tg_module *tg_constant_pad2d_new_at(const char *where, tg_shape padding, double value);
tg_module *tg_constant_pad3d_new_at(const char *where, tg_shape padding, double value);
tg_module *tg_zero_pad2d_new_at(const char *where, tg_shape padding);
tg_module *tg_reflection_pad1d_new_at(const char *where, tg_shape padding);
tg_module *tg_reflection_pad2d_new_at(const char *where, tg_shape padding);
tg_module *tg_reflection_pad3d_new_at(const char *where, tg_shape padding);
tg_module *tg_replication_pad1d_new_at(const char *where, tg_shape padding);
tg_module *tg_replication_pad2d_new_at(const char *where, tg_shape padding);
tg_module *tg_replication_pad3d_new_at(const char *where, tg_shape padding);
#define tg_constant_pad1d_new(padding, value) tg_constant_pad1d_new_at(TG_HERE, padding, value)
#define tg_constant_pad2d_new(padding, value) tg_constant_pad2d_new_at(TG_HERE, padding, value)
#define tg_constant_pad3d_new(padding, value) tg_constant_pad3d_new_at(TG_HERE, padding, value)
#define tg_zero_pad2d_new(padding)            tg_zero_pad2d_new_at(TG_HERE, padding)
#define tg_reflection_pad1d_new(padding)      tg_reflection_pad1d_new_at(TG_HERE, padding)
#define tg_reflection_pad2d_new(padding)      tg_reflection_pad2d_new_at(TG_HERE, padding)
#define tg_reflection_pad3d_new(padding)      tg_reflection_pad3d_new_at(TG_HERE, padding)
#define tg_replication_pad1d_new(padding)     tg_replication_pad1d_new_at(TG_HERE, padding)
#define tg_replication_pad2d_new(padding)     tg_replication_pad2d_new_at(TG_HERE, padding)
#define tg_replication_pad3d_new(padding)     tg_replication_pad3d_new_at(TG_HERE, padding)

TG_END_DECLS

#endif
