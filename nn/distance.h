/* distance.h: how far apart vectors are, as modules of one type. The formulas, options and defaults are those of the
 * functions in ops/distance.h. */
#ifndef TG_NN_DISTANCE_H
#define TG_NN_DISTANCE_H

#include "../ops/distance.h"
#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_distance tg_distance;
struct tg_distance {
    tg_module base;
    tg_tensor *(*compute)(const tg_distance *m, tg_tensor *x1, tg_tensor *x2);
    union {
        tg_cosine_options cosine;
        tg_pairwise_options pairwise;
    } options; /* of the one that this is */
};

tg_distance *tg_cosine_similarity_new_at(const char *where, tg_cosine_options options);
tg_distance *tg_pairwise_distance_new_at(const char *where, tg_pairwise_options options);
#define tg_cosine_similarity_new(...) tg_cosine_similarity_new_at(TG_HERE, TG_COSINE_OPTIONS(__VA_ARGS__))
#define tg_pairwise_distance_new(...) tg_pairwise_distance_new_at(TG_HERE, TG_PAIRWISE_OPTIONS(__VA_ARGS__))

tg_tensor *tg_distance_forward_at(const char *where, tg_distance *m, tg_tensor *x1, tg_tensor *x2);
#define tg_distance_forward(m, x1, x2) tg_distance_forward_at(TG_HERE, m, x1, x2)

TG_END_DECLS

#endif
