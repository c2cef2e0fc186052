/* gradcheck_impl.h: a check of gradients while it runs, as its files share it. Internal. */
#ifndef TG_CORE_WATCH_GRADCHECK_GRADCHECK_IMPL_H
#define TG_CORE_WATCH_GRADCHECK_GRADCHECK_IMPL_H

#include "gradcheck.h"

#include "core/show/page_impl.h"

TG_EXTERN_C_BEGIN

/* An input or an output that is compared: rows, or columns, of the Jacobian from `at` on. */
typedef struct tgi_part {
    int64_t index;     /* in the list of all inputs or outputs */
    tg_shape shape;
    tg_dtype dtype;
    int64_t numel, at;
} tgi_part;

/* All inputs, all outputs. Matrices have a row for each element of the inputs, a column for each of the outputs. */
typedef struct tgi_gradcheck {
    const char *name;             /* "gradcheck" or "gradgradcheck" */
    tg_gradcheck_fn fn;
    void *context;
    tg_tensor_list inputs;
    int64_t given;                /* so many are the user's inputs, the others gradients of the outputs */
    tg_gradcheck_options options;
    bool recorded;                /* what is called now is going to be differentiated */
    bool cut;                     /* no output requires grad: all columns are of outputs that do not, and `ours` is 0 */

    tgi_part *rows, *columns;
    int64_t row_parts, column_parts, row_count, column_count;
    int64_t column_room;          /* parts that `columns` has room for */
    double *quotients, *ours;
    double *base, *above, *below; /* of the outputs: at the point, and beside it */

    tgi_page report;              /* what is wrong in full, */
    char problem[512];            /* and in one line; "": nothing */
} tgi_gradcheck;

/* The block of one input and one output. */
typedef struct tgi_block {
    const tgi_gradcheck *check;
    const tgi_part *row, *column;
} tgi_block;

/* The element that is farthest off in a block, and how many are off. */
typedef struct tgi_worst {
    int64_t row, column, wrong;   /* within the block */
} tgi_worst;

static inline double tgi_block_quotient(const tgi_block *b, int64_t row, int64_t column)
{
    return b->check->quotients[(b->row->at + row) * b->check->column_count + b->column->at + column];
}
static inline double tgi_block_ours(const tgi_block *b, int64_t row, int64_t column)
{
    return b->check->ours[(b->row->at + row) * b->check->column_count + b->column->at + column];
}

/* ---- gradcheck_text.c ---- */
/* Sets the problem, once. */
void tgi_gradcheck_problem(tgi_gradcheck *c, const char *format, ...) TG_PRINTF(2, 3);
/* "input 1", "grad_output 0", "output 0", "the gradient of input 1"; "[2, 0]". */
enum { TGI_PART_TEXT = 48 };
const char *tgi_row_name(const tgi_gradcheck *c, const tgi_part *row, char text[TGI_PART_TEXT]);
const char *tgi_column_name(const tgi_gradcheck *c, const tgi_part *column, char text[TGI_PART_TEXT]);
const char *tgi_element_text(const tg_shape *shape, int64_t element, char text[TG_SHAPE_TEXT]);
bool tgi_gradcheck_close(const tgi_gradcheck *c, double ours, double quotient);

/* ---- gradcheck_jacobian.c ---- each false with an error pending */

/* Memory of the innermost scope for so many numbers, zeros. NULL with an error pending. */
double *tgi_gradcheck_numbers(int64_t count, int64_t times);
/* Notes the inputs that are moved. */
bool tgi_gradcheck_rows(tgi_gradcheck *c);
/* Calls the function once and notes what is compared of its outputs. */
bool tgi_gradcheck_describe(tgi_gradcheck *c);
/* The outputs' elements, as the inputs are now. */
bool tgi_gradcheck_values(tgi_gradcheck *c, double *values);
/* The outputs when the elements of one input are moved by `step` times `direction`; NULL: the element `element` alone.
 * `moved` (may be NULL) is how far that came in the input's dtype. */
bool tgi_gradcheck_moved(tgi_gradcheck *c, const tgi_part *row, int64_t element, const double *direction, double step,
                         double *values, double *moved);
/* All quotients; all gradients. What two backwards give that differ by more than nondet_tol is a problem. */
bool tgi_gradcheck_quotients(tgi_gradcheck *c);
bool tgi_gradcheck_gradients(tgi_gradcheck *c);
/* Adds to `into`, a number a row, the gradient of the sum of y's elements, each times its weight. `y` is that part of
 * `outputs`; with `zeros`, zeros flow to the others. */
bool tgi_gradcheck_backward(tgi_gradcheck *c, tg_tensor_list outputs, const tgi_part *column, const double *weights,
                            bool zeros, double *into);
/* A call whose result will be differentiated. */
bool tgi_gradcheck_call_recorded(tgi_gradcheck *c, tg_tensor_list *outputs);

/* ---- gradcheck_direction.c ---- */
/* Compares along one random direction each; *same: nothing differs. */
bool tgi_gradcheck_directions(tgi_gradcheck *c, bool *same);
/* Whether outputs without a gradient count as zeros. */
bool tgi_gradcheck_undefined(tgi_gradcheck *c);

/* ---- gradcheck_cause.c ---- */
enum { TGI_CAUSE_TEXT = 384 };
/* What is likely, in words; "" when nothing is. False with an error pending. */
bool tgi_gradcheck_cause(tgi_gradcheck *c, const tgi_block *b, const tgi_worst *worst, char text[TGI_CAUSE_TEXT]);

/* ---- gradcheck_report.c ---- */
/* Says what differs, if anything does. False with an error pending. */
bool tgi_gradcheck_compare(tgi_gradcheck *c);

/* ---- gradcheck.c ---- */
/* Memory for a check whose function and inputs are set; the innermost scope's but for what tgi_gradcheck_end frees. */
bool tgi_gradcheck_begin(tgi_gradcheck *c);
void tgi_gradcheck_end(tgi_gradcheck *c);
/* Compares element by element. */
bool tgi_gradcheck_elements(tgi_gradcheck *c);

TG_EXTERN_C_END

#endif
