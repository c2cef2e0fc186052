/* lbfgs_impl.h: what the lbfgs*.c files share. */
#ifndef TG_OPTIM_LBFGS_IMPL_H
#define TG_OPTIM_LBFGS_IMPL_H

#include "optimizer_impl.h"

TG_EXTERN_C_BEGIN

/* ---- all parameters as one vector (lbfgs_objective.c) ---- */

/* The loss and where it comes from. */
typedef struct tgi_objective {
    tgi_group *group; /* the only one */
    const char *name; /* of the class, for errors */
    tg_closure closure;
    void *context;
} tgi_objective;

/* The loss where the parameters are; its gradient, in a row, becomes the innermost scope's. */
double tgi_evaluate(const tgi_objective *o, tg_tensor **gradient);
/* All parameters move by t of the vector d. */
void tgi_move(const tgi_objective *o, double t, tg_tensor *d);
/* Copies of all parameters, in the innermost scope; and back. */
tg_tensor_list tgi_copy_parameters(const tgi_objective *o);
void tgi_restore_parameters(const tgi_objective *o, tg_tensor_list copies);

/* The largest absolute value; NaN on error. */
double tgi_largest(tg_tensor *t);
/* The product of two vectors. */
double tgi_inner(tg_tensor *a, tg_tensor *b);
/* Puts `t` in a slot that holds a reference; either may be NULL. */
void tgi_hold(tg_tensor **slot, tg_tensor *t);

/* ---- line search (lbfgs_search.c) ---- */

/* A point on the line: how far, the loss, its slope along the line, and the gradient, of which it holds a reference. */
typedef struct tgi_point {
    double t, f, slope;
    tg_tensor *g;
} tgi_point;

/* From `point`, where the parameters are, along d to a point that fulfils the strong Wolfe conditions if one is found;
 * `t` is the first try. The parameters stay. Returns how often the loss was evaluated. */
int64_t tgi_strong_wolfe(const tgi_objective *o, tgi_point *point, tg_tensor *d, double t, double tolerance_change);

TG_EXTERN_C_END

#endif
