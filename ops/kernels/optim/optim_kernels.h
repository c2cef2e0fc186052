/* optim_kernels.h: the updates of the optimisers. */
#ifndef TG_OPS_KERNELS_OPTIM_OPTIM_KERNELS_H
#define TG_OPS_KERNELS_OPTIM_OPTIM_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(optim);

/* The state of one parameter's update; see optim/ for the formulas. All arrays are contiguous, n long. */
typedef struct tgi_adam {
    double lr, beta1, beta2, eps, weight_decay;
    double correction1, correction2;   /* 1 - beta^t */
    bool decoupled;                    /* AdamW: the decay shrinks the parameter first */
    bool maximize;
} tgi_adam;
typedef struct tgi_sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;    /* first: the momentum buffer takes the gradient as it is */
} tgi_sgd;

struct tgi_optim_kernels {
    void (*adam[2])(const tgi_adam *h, int64_t n, void *p, const void *g, void *m, void *v, void *vmax /* NULL: no amsgrad */);
    void (*sgd[2])(const tgi_sgd *h, int64_t n, void *p, const void *g, void *momentum /* NULL without momentum */);
};

#endif
