/* averaged.h: averages of a model's weights, as torch.optim.swa_utils has them: stochastic weight averaging (Izmailov
 * et al., 2018) and exponential moving averages.
 *
 *     tg_averaged_model *mean = tg_averaged_model_new(model);                    // the mean of all models shown to it
 *     tg_averaged_model *ema = tg_averaged_model_new(model, .ema_decay = 0.999);
 *     for (...) {
 *         ...
 *         tg_step(optimizer);
 *         tg_averaged_model_update_parameters(ema, model);
 *     }
 *     tg_tensor *y = tg_averaged_model_forward(ema, x);
 *
 * tg_swa_lr_new (scheduler.h) is the learning rate that belongs to it. */
#ifndef TG_OPTIM_AVERAGED_H
#define TG_OPTIM_AVERAGED_H

#include "../nn/module.h"

#include <math.h>

TG_BEGIN_DECLS

/* The new average of a parameter from the one of `n_averaged` models and the parameter of one more. Runs under no_grad;
 * `context` is the option. */
typedef tg_tensor *(*tg_avg_fn)(tg_tensor *averaged, tg_tensor *current, int64_t n_averaged, void *context);

typedef struct tg_averaged_model {
    tg_module base;
    tg_module *module;     /* a copy of the model, with the averages for parameters */
    tg_tensor *n_averaged; /* how many models: int64, of no dimension */
    tg_avg_fn avg_fn;
    void *context;
    double ema_decay;
    bool use_buffers;
} tg_averaged_model;

typedef struct tg_averaged_model_options {
    tg_avg_fn avg_fn; /* NULL: the mean of all models, or that of ema_decay */
    void *context;
    double ema_decay; /* decay averaged + (1 - decay) current; NaN: the mean of all models */
    bool use_buffers; /* buffers are averaged, too; otherwise they stay what they were in the model at first */
    TG_OPTIONS_END
} tg_averaged_model_options;
#define TG_AVERAGED_MODEL_DEFAULTS                                                                                     \
    /* avg_fn */ NULL, /* context */ NULL, /* ema_decay */ NAN, /* use_buffers */ false TG_DEFAULTS_END

/* Copies the model, which stays yours. */
tg_averaged_model *tg_averaged_model_new_at(const char *where, tg_module *model, tg_averaged_model_options options);
#define tg_averaged_model_new(model, ...)                                                                              \
    tg_averaged_model_new_at(TG_HERE, TG_MODULE(model),                                                                \
                             TG_OPTIONS(tg_averaged_model_options,                                                    \
                                        TG_AVERAGED_MODEL_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Takes one more model into the average; the first one is copied. A model that has other parameters than the one that
 * was copied, or an average that cannot be made, is an error that changes nothing. */
tg_status tg_averaged_model_update_parameters_at(const char *where, tg_averaged_model *m, tg_module *model);
#define tg_averaged_model_update_parameters(m, model)                                                                  \
    tg_averaged_model_update_parameters_at(TG_HERE, m, TG_MODULE(model))

tg_tensor *tg_averaged_model_forward_at(const char *where, tg_averaged_model *m, tg_tensor *x);
#define tg_averaged_model_forward(m, x) tg_averaged_model_forward_at(TG_HERE, m, x)

/* The input of batch `index`, 0, 1, ...; NULL after the last one. */
typedef tg_tensor *(*tg_batch_fn)(int64_t index, void *context);
/* PyTorch's update_bn: the running statistics of all BatchNorms become the means over these batches, which the model
 * runs on. Afterwards the whole model is in the mode that it was in itself. After an error the statistics are those of
 * the batches so far. */
tg_status tg_update_bn_at(const char *where, tg_module *model, tg_batch_fn batch, void *context);
#define tg_update_bn(model, batch, context) tg_update_bn_at(TG_HERE, TG_MODULE(model), batch, context)

TG_END_DECLS

#endif
