/* distance.h: how far apart vectors are. */
#ifndef TG_OPS_DISTANCE_H
#define TG_OPS_DISTANCE_H

#include "../core/op.h"

TG_BEGIN_DECLS

typedef struct tg_cosine_options {
    int64_t dim;    /* of the common shape; it goes */
    double eps;     /* the least norm */
    TG_OPTIONS_END
} tg_cosine_options;
#define TG_COSINE_DEFAULTS /* dim */ 1, /* eps */ 1e-8 TG_DEFAULTS_END
#define TG_COSINE_OPTIONS(...) TG_OPTIONS(tg_cosine_options, TG_COSINE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* x1 x2 / (|x1| |x2|), summed along dim: 1 for the same direction, -1 for the opposite one. */
tg_tensor *tg_cosine_similarity_at(const char *where, tg_tensor *x1, tg_tensor *x2, tg_cosine_options options);
#define tg_cosine_similarity(x1, x2, ...) tg_cosine_similarity_at(TG_HERE, x1, x2, TG_COSINE_OPTIONS(__VA_ARGS__))

typedef struct tg_pairwise_options {
    double p;       /* of the norm; 0 counts the elements that differ, INFINITY takes the largest difference */
    double eps;     /* added to each difference */
    bool keepdim;
    TG_OPTIONS_END
} tg_pairwise_options;
#define TG_PAIRWISE_DEFAULTS /* p */ 2.0, /* eps */ 1e-6, /* keepdim */ false TG_DEFAULTS_END
#define TG_PAIRWISE_OPTIONS(...) TG_OPTIONS(tg_pairwise_options, TG_PAIRWISE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The norm of x1 - x2 + eps along the last dimension. */
tg_tensor *tg_pairwise_distance_at(const char *where, tg_tensor *x1, tg_tensor *x2, tg_pairwise_options options);
#define tg_pairwise_distance(x1, x2, ...) tg_pairwise_distance_at(TG_HERE, x1, x2, TG_PAIRWISE_OPTIONS(__VA_ARGS__))

/* The p-norm of a - b over all dimensions, 2 unless given: `tg_dist(a, b)`, `tg_dist(a, b, 1)`. */
tg_tensor *tg_dist_at(const char *where, tg_tensor *a, tg_tensor *b, double p);
#define tg_dist(a, b, ...) tg_dist_at(TG_HERE, a, b, TG_OR(2.0 __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_normalize_options {
    double p;
    int64_t dim;
    double eps;     /* the least norm */
    TG_OPTIONS_END
} tg_normalize_options;
#define TG_NORMALIZE_DEFAULTS /* p */ 2.0, /* dim */ 1, /* eps */ 1e-12 TG_DEFAULTS_END
#define TG_NORMALIZE_OPTIONS(...) TG_OPTIONS(tg_normalize_options, TG_NORMALIZE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* x divided by its norm along dim. */
tg_tensor *tg_normalize_at(const char *where, tg_tensor *t, tg_normalize_options options);
#define tg_normalize(t, ...) tg_normalize_at(TG_HERE, t, TG_NORMALIZE_OPTIONS(__VA_ARGS__))

typedef struct tg_cdist_options {
    double p;       /* 0 or above, INFINITY included */
    TG_OPTIONS_END
} tg_cdist_options;
#define TG_CDIST_DEFAULTS /* p */ 2.0 TG_DEFAULTS_END
#define TG_CDIST_OPTIONS(...) TG_OPTIONS(tg_cdist_options, TG_CDIST_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The distance of each row of x1 [*, P, M] from each row of x2 [*, R, M]: [*, P, R]. pdist: of each pair of rows of one
 * matrix [N, M], the first with the others, the second with those after it, ...: [N (N - 1) / 2]. */
tg_tensor *tg_cdist_at(const char *where, tg_tensor *x1, tg_tensor *x2, tg_cdist_options options);
tg_tensor *tg_pdist_at(const char *where, tg_tensor *t, tg_cdist_options options);
#define tg_cdist(x1, x2, ...) tg_cdist_at(TG_HERE, x1, x2, TG_CDIST_OPTIONS(__VA_ARGS__))
#define tg_pdist(t, ...)      tg_pdist_at(TG_HERE, t, TG_CDIST_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
