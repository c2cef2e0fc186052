/* values_indices.h: the two results of the ops that find something: what it is, and where it stands. */
#ifndef TG_OPS_VALUES_INDICES_H
#define TG_OPS_VALUES_INDICES_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

/* Of one shape, the indices int64; what they count, each op says. Both NULL on failure. */
typedef struct tg_values_indices {
    tg_tensor *values, *indices;
} tg_values_indices;

TG_END_DECLS

#endif
