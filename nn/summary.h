/* summary.h: what the layers of a model make, and what they cost: `tg_module_summary_print(model, x)`. */
#ifndef TG_NN_SUMMARY_H
#define TG_NN_SUMMARY_H

#include "module.h"

TG_BEGIN_DECLS

/* One module. What is in its children is in their lines and not in its own, so that columns have sums. */
typedef struct tg_layer_summary {
    const char *name;      /* "lstm", "layers.0"; "" for the model itself */
    const char *kind;      /* "Linear" */
    tg_shape output;       /* the first result of its last call; ndim is -1 if it was not called */
    int64_t calls;
    int64_t parameters;    /* elements of its own; shared ones belong to the first that has them */
    int64_t multiply_adds; /* of matrix products, convolutions and attention's two products, over all calls */
    int64_t saved_bytes;   /* of the buffers, other than parameters and the module's buffers, that the tape keeps for
                            * backward; each belongs to the first layer whose ops keep it */
} tg_layer_summary;

typedef struct tg_summary {
    const tg_layer_summary *layers; /* in the order of tg_named_modules; as long as the innermost scope */
    int64_t count;                  /* 0 on error */
    int64_t parameters, trainable_parameters, multiply_adds, saved_bytes;
} tg_summary;

/* Runs tg_module_forward(m, x) once, as the module is (in training or in evaluation mode), with gradients of
 * everything, and looks at the tape. A copy of the module runs, and the random stream is put back, so nothing changes;
 * hooks on the module run, too. */
tg_summary tg_module_summary_at(const char *where, tg_module *m, tg_tensor *x);
#define tg_module_summary(m, x) tg_module_summary_at(TG_HERE, TG_MODULE(m), x)

/* The same as a table; format writes the text alone, as tg_module_format does.
 *
 *     Layer     Kind         Output   Parameters   Multiply-adds   Saved bytes
 *     ------------------------------------------------------------------------
 *     (model)   Sequential   [4, 1]            0               0             0
 *     0         Linear       [4, 8]           48             160            80
 *     1         Tanh         [4, 8]            0               0           128
 *     2         Linear       [4, 1]            9              32             0
 *     ------------------------------------------------------------------------
 *     Total                                   57             192           208 */
void tg_module_summary_print_to(FILE *file, tg_module *m, tg_tensor *x);
int64_t tg_module_summary_format_to(tg_module *m, tg_tensor *x, char *buffer, int64_t size);
#define tg_module_summary_print(m, x)                tg_module_summary_print_to(stdout, TG_MODULE(m), x)
#define tg_module_summary_fprint(file, m, x)         tg_module_summary_print_to(file, TG_MODULE(m), x)
#define tg_module_summary_format(m, x, buffer, size) tg_module_summary_format_to(TG_MODULE(m), x, buffer, size)

TG_END_DECLS

#endif
