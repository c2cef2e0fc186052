/* row.h: what runs the rows of pointwise.def, functions.def and activation.def. Internal to ops/; rows.inc makes of
 * each row a tgi_row, the descriptors that carry it as their detail, and the functions that come here. */
#ifndef TG_OPS_ROWS_ROW_H
#define TG_OPS_ROWS_ROW_H

#include "core/op.h"
#include "ops/kernels/rows/row_loops.h"
#include "ops/operand.h"

TG_EXTERN_C_BEGIN

enum { TGI_INPUTS = 3 }; /* of a row, at most */

/* The columns `saves` and `dtypes`, see rows_begin.def. */
enum { SAVE_NONE = 0, SAVE_A = 1, SAVE_B = 2, SAVE_C = 4, SAVE_Y = 8 };
enum { FLOATING, FLOAT_ONLY, NUMERIC, COUNTING, ANY, INT64, INTEGRAL };

/* The gradient of one input, in ops; inputs that it does not name may be NULL. */
typedef tg_tensor *(*tgi_gradient_fn)(tg_tensor *g, tg_tensor *a, tg_tensor *b, tg_tensor *c, tg_tensor *y,
                                      const double *parameters);

typedef struct tgi_row {
    const tgi_row_loops *(*loops)(void);
    /* Refuses, with an error of `op` recorded, what the row takes and PyTorch does not; NULL: nothing. */
    bool (*check)(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters);
    int dtypes, inputs, parameters;
    bool to_bool;
    int saves[TGI_INPUTS];         /* for the gradient of each input */
    bool passes_on[TGI_INPUTS];    /* the gradient of the input is g itself */
    tgi_gradient_fn gradient[TGI_INPUTS];
} tgi_row;

/* The functions of an op whose detail is a tgi_row. `operands` are as many as it has inputs; `parameters` NULL if it
 * has none. */
tg_tensor *tgi_run_unary(const char *where, const tg_op *op, tg_tensor *a, const double *parameters);
tg_tensor *tgi_run_row(const char *where, const tg_op *op, const tg_operand *operands, const double *parameters);
tg_tensor *tgi_run_in_place(const char *where, const tg_op *op, const tg_operand *operands, const double *parameters);

tg_tensor_list tgi_row_again(const tg_node *node, tg_tensor_list inputs);
void tgi_row_backward(tg_context *ctx);
void tgi_row_backward_fused(tg_context *ctx);

/* ---- for other ops on operands ---- */

/* Whether `b` broadcasts to a's shape, which stays as it is. False with an error recorded. */
bool tgi_fits_in_place(const tg_op *op, tg_tensor *a, tg_tensor *b);

/* A source that shares memory with the target `a` is copied first if it has another layout, or is to be saved: the
 * write would change it. The target itself as source is the caller's business. */
tg_tensor *tgi_apart(tg_tensor *b, const tg_tensor *a, bool saved);

TG_EXTERN_C_END

#endif
