/* loss.h: losses as modules of one type, so that a training loop need not know which it has:
 *
 *     tg_loss *criterion = tg_mse_loss_new();
 *     tg_tensor *loss = tg_loss_forward(criterion, output, y); */
#ifndef TG_NN_LOSS_H
#define TG_NN_LOSS_H

#include "../ops/loss.h"
#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_loss tg_loss;
struct tg_loss {
    tg_module base;
    tg_tensor *(*compute)(const tg_loss *loss, tg_tensor *input, tg_tensor *target);
    tg_cross_entropy_options options; /* the simpler losses read some of them */
};

/* The options are those of tg_mse_loss, tg_nll_loss and tg_cross_entropy; a weight is registered as the buffer
 * "weight". */
tg_loss *tg_mse_loss_new_at(const char *where, tg_loss_options options);
tg_loss *tg_nll_loss_new_at(const char *where, tg_nll_options options);
tg_loss *tg_cross_entropy_loss_new_at(const char *where, tg_cross_entropy_options options);
#define tg_mse_loss_new(...)           tg_mse_loss_new_at(TG_HERE, TG_LOSS_OPTIONS(__VA_ARGS__))
#define tg_nll_loss_new(...)           tg_nll_loss_new_at(TG_HERE, TG_NLL_OPTIONS(__VA_ARGS__))
#define tg_cross_entropy_loss_new(...) tg_cross_entropy_loss_new_at(TG_HERE, TG_CROSS_ENTROPY_OPTIONS(__VA_ARGS__))

tg_tensor *tg_loss_forward_at(const char *where, tg_loss *m, tg_tensor *input, tg_tensor *target);
#define tg_loss_forward(m, input, target) tg_loss_forward_at(TG_HERE, m, input, target)

TG_END_DECLS

#endif
