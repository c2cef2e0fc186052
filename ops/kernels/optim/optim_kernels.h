/* optim_kernels.h: the updates of the optimisers. */
#ifndef TG_OPS_KERNELS_OPTIM_OPTIM_KERNELS_H
#define TG_OPS_KERNELS_OPTIM_OPTIM_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(optim);

/* The numbers of one parameter's update; see optim/ for the formulas. `decay` times the parameter is added to the
 * gradient, `step` is what the move is multiplied by. All arrays are contiguous, n long. */
typedef struct tgi_adam {
    double step, beta1, beta2, eps, decay;
    double shrink;    /* AdamW: the parameter is multiplied by it first */
    double root;      /* what sqrt(v) is divided by, before eps is added */
    bool undivided;   /* RAdam's first steps: m moves as it is */
    bool maximize;
} tgi_adam;
typedef struct tgi_sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;    /* first: the momentum buffer takes the gradient as it is */
} tgi_sgd;
typedef struct tgi_rmsprop {
    double step, alpha, eps, decay, momentum;
    bool maximize;
} tgi_rmsprop;
typedef struct tgi_adagrad {
    double step, eps, decay;
    bool maximize;
} tgi_adagrad;
typedef struct tgi_adadelta {
    double step, rho, eps, decay;
    bool maximize;
} tgi_adadelta;
typedef struct tgi_adamax {
    double step, beta1, beta2, eps, decay;
    bool maximize;
} tgi_adamax;

struct tgi_optim_kernels {
    void (*adam[2])(const tgi_adam *h, int64_t n, void *p, const void *g, void *m, void *v, void *vmax /* NULL: no amsgrad */);
    void (*sgd[2])(const tgi_sgd *h, int64_t n, void *p, const void *g, void *momentum /* NULL without momentum */);
    void (*rmsprop[2])(const tgi_rmsprop *h, int64_t n, void *p, const void *g, void *v,
                       void *momentum /* NULL without momentum */, void *mean /* NULL: not centered */);
    void (*adagrad[2])(const tgi_adagrad *h, int64_t n, void *p, const void *g, void *sum);
    void (*adadelta[2])(const tgi_adadelta *h, int64_t n, void *p, const void *g, void *v, void *moved);
    void (*adamax[2])(const tgi_adamax *h, int64_t n, void *p, const void *g, void *m, void *most);
};

#endif
