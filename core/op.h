/* op.h: what a differentiable function is, and how one joins the tape.
 *
 * An op is a constant descriptor and a function. The function checks its inputs, computes the result and calls
 * tg_record; the descriptor's `backward` turns gradients of the outputs into gradients of the inputs. The library's own
 * ops (ops/) and a user's are made the same way: docs/adding-an-op.md shows one of each.
 *
 * What is called inside an op's function is in tape.c (tg_op_fail in error.c, tg_bump_version in access.c), what is
 * called inside a backward function in context.c, lists in scope.c. */
#ifndef TG_CORE_OP_H
#define TG_CORE_OP_H

#include "base.h"
#include "shape.h"
#include "tensor.h"

TG_BEGIN_DECLS

/* What a backward function is handed. */
typedef struct tg_context tg_context;

/* Sets the gradient of each input that needs one, by tg_set_grad_input. Written in ops, it is differentiable in
 * turn. */
typedef void (*tg_backward_fn)(tg_context *ctx);

struct tg_computed; /* a call that has been computed: observe.h */

/* A typed argument of the generic call. Lists and strings are borrowed. */
typedef enum tg_value_kind {
    TG_VALUE_NONE, TG_VALUE_TENSOR, TG_VALUE_TENSORS, TG_VALUE_INT, TG_VALUE_FLOAT, TG_VALUE_BOOL, TG_VALUE_INTS,
    TG_VALUE_DTYPE, TG_VALUE_STRING
} tg_value_kind;

typedef struct tg_value {
    tg_value_kind kind;
    union {
        tg_tensor *tensor;
        tg_tensor_list tensors;
        int64_t integer;
        double real;
        bool boolean;
        tg_shape ints;
        tg_dtype dtype;
        const char *string;
    } as;
} tg_value;

/* Calls the op with its arguments in the schema's order, defaults filled in. A single result comes as a list of one. */
typedef tg_tensor_list (*tg_call_fn)(const tg_value *args);

/* An input that must fail, and the words its message must contain. */
typedef struct tg_error_sample {
    const char *call;
    const char *message;
} tg_error_sample;

/* What a function does to numbers, as far as somebody who looks for mistakes must know (core/watch/check/check.h). Of
 * an op in place its plain form says it. */
typedef enum tg_op_trait {
    TG_CHOOSES = 1 << 0,        /* its results are elements of its inputs or a number it was given: inf may be wanted */
    TG_RECTIFIES = 1 << 1,      /* 0 for all inputs below some number: relu */
    TG_SATURATES = 1 << 2,      /* flat at both ends: sigmoid, tanh */
    TG_GIVES_PROBABILITY = 1 << 3,   /* of one event: sigmoid */
    TG_GIVES_DISTRIBUTION = 1 << 4,  /* probabilities that add up to 1: softmax */
    TG_TAKES_LOGIT = 1 << 5,    /* its first input is what sigmoid shall be applied to, and is: binary_cross_entropy_with_logits */
    TG_TAKES_LOGITS = 1 << 6,   /* what softmax shall be applied to, and is: cross_entropy */
    TG_TAKES_LOG_PROBABILITIES = 1 << 7,  /* log_softmax has been applied to it already: nll_loss */
    TG_TAKES_TARGET_0_1 = 1 << 8,    /* its second input lies between 0 and 1 */
    TG_COMPARES = 1 << 9,       /* a loss: its first two inputs are meant to have one shape */
    TG_SUBTRACTS = 1 << 10,
    TG_IS_LOSS = 1 << 11
} tg_op_trait;

struct tg_op {
    const char *name;      /* "matmul" */
    const char *schema;    /* PyTorch's notation: "matmul(Tensor self, Tensor other) -> Tensor" */
    const char *formula;   /* "y = a b" */
    const char *gradient;  /* "da = g bT, db = aT g"; "none: <reason>" when there is none */
    const char *doc;       /* one line */
    const char *shapes;    /* "[*, M, K] and [*, K, N] to [*, M, N]"; NULL: any, result and input alike */
    /* The call in C, in terms of the schema's argument names: "tg_cat(tensors, dim)". NULL: arguments without a default
     * in their order, then the others as options of the same name (a list of dimensions, `int[]? dim`, is .dims). "":
     * there is none, as for what only gradients are made of. */
    const char *usage;

    tg_backward_fn backward;        /* in ops, so that its result can be differentiated again; NULL: not differentiable */
    tg_backward_fn backward_fused;  /* the same gradients by a faster path, taken when create_graph is off; may be NULL */
    /* Of an op whose outputs are parts of its first input that do not overlap, such as split: output i of `whole`, a
     * tensor like that input. The engine then has the outputs' gradients written where they belong in the input's.
     * NULL: none. */
    tg_tensor *(*part)(const tg_context *ctx, int i, tg_tensor *whole);
    /* PyTorch's name of the node ("SliceBackward0"), as printed, where it is not made of the op's name as in "narrow"
     * to "NarrowBackward0"; where it depends on the node, a function that tells it. NULL: none. */
    const char *grad_name;
    const char *(*grad_name_of)(const tg_node *node);
    /* How many of the tensors that it saves, the first, are saved for their values. Of the others backward wants the
     * very handles, which no hook may pack (saved.h). NULL: all are. */
    int (*values_saved)(const tg_node *node);
    bool passes_on;                    /* backward hands the sums of its outputs' gradients on as they are: products in
                                        * them need not be evaluated before (recompute.c) */
    bool composite;                    /* made of other ops, through which gradients flow: it has no node of its own */
    const tg_op *in_place_of;          /* of an op that writes its first argument: the op whose result it writes there */
    const char *no_second_derivative;  /* why backward is not differentiable in turn; NULL when it is */
    const char *kinks;                 /* where there is no derivative, and what is returned there; NULL when nowhere */
    unsigned traits;                   /* of tg_op_trait, those that it has */
    /* Where the result or a gradient is not finite though the inputs are, and what helps: "log(0) is -inf; ...". NULL:
     * only where a number becomes too large. */
    const char *not_finite;

    /* For the generic call, the tests and the golden files. Samples are calls in Python's notation, "narrow(f(4, 5), 1,
     * 2, 3)", where f(sizes, lo=, hi=) is a floating tensor, i(sizes, lo=, hi=) an int64 one, b(sizes) a bool one and
     * v(numbers) a floating one of these elements. NULL ends each list. */
    tg_call_fn call;
    /* Calls the op as it was called when `node` was recorded, but on these inputs, as many and of the same shapes: so
     * its gradient can be compared with differences on the very data it was used on. What else the call needs is in the
     * node (tg_node_attributes, tg_node_saved). An empty list without an error: not this call, whose gradient is no
     * derivative (padding_idx of embedding), or whose arguments are not all kept. NULL: of an op whose arguments are
     * its inputs `call` does the same; others cannot be called again, such as those that draw random numbers. */
    tg_tensor_list (*again)(const tg_node *node, tg_tensor_list inputs);
    const char *const *samples;
    const char *const *corners;     /* samples at kinks and ties, or of special values, where differences tell nothing */
    const tg_error_sample *errors;      /* refused by PyTorch in the same words */
    const tg_error_sample *own_errors;  /* PyTorch takes it, or says it in other words: a limit of ours, or clearer */
    /* How many additions and multiplications a call computes, one each: `input` is -1; its backward for the gradient of
     * that input otherwise. For profiles. NULL: not counted. */
    double (*flops)(const struct tg_computed *call, int input);
    int float32_ulps;               /* how far float32 may be from float64 on the samples; 0: 8 */

    const void *detail;    /* for the family's own use: the kernels of a pointwise op */
};

/* ---- inside an op's function ---- */

/* Opens an op: remembers the user's place and checks that the inputs are there. When it returns false the function
 * returns NULL: either an error is pending, or a missing argument has just become one. */
bool tg_op_begin(const char *where, const tg_op *op, tg_tensor_list inputs);

/* An omitted optional argument is fine only while no error is pending: a failed `h0` must not train from zeros. Returns
 * true when `t` is there or was really omitted; one that was freed is an error. */
bool tg_optional_ok(const tg_tensor *t);

/* Records an error of `op` on `inputs`, whose shapes and dtypes it names, at the user's place. Returns NULL. */
TG_RARE tg_tensor *tg_op_fail(const tg_op *op, tg_tensor_list inputs, const char *format, ...) TG_PRINTF(3, 4);

/* Adds outputs = op(inputs) to the tape when grad mode is on and an input requires grad; does nothing otherwise.
 * Outputs of a floating dtype then require grad. `saved` are the tensors backward will need, NULL entries allowed: for
 * an input that is needed only for the gradient of another one, pass it only if that other one requires grad.
 * `attributes` are copied. Inputs may be NULL (omitted). TG_FAILED when memory ran out: return NULL then. */
tg_status tg_record(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_tensor_list saved,
                    const void *attributes, size_t attributes_size);
#define TG_NONE (TG_LITERAL(tg_tensor_list){ NULL, 0 })

/* True when tg_record would record these inputs. */
bool tg_will_record(tg_tensor_list inputs);

/* Counts one write to the storage of `t`: what the tape saved from it before is damaged now. In-place ops call it. */
void tg_bump_version(tg_tensor *t);

/* The rules for writing `t` in place (no leaf that requires grad, no expanded or tracked view, ...), checked before the
 * write, as are the histories of `t` and of `source`, what is written (NULL for none). False: an error was recorded. */
bool tg_in_place_begin(const tg_op *op, tg_tensor *t, tg_tensor *source);

/* Records an in-place op: as tg_record with `t` as only output; from now on `t` is that output. Counts the write. */
tg_status tg_record_in_place(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_tensor_list saved,
                             const void *attributes, size_t attributes_size);

/* ---- inside a backward function ---- */

/* The gradient of output `i`; zeros when nothing flowed to it. NULL on error: pass it on. */
tg_tensor *tg_grad_output(tg_context *ctx, int i);
/* Whether a gradient flowed to output `i`: for a formula that is not 0 where the gradient is, but 0 / 0. */
bool tg_has_grad_output(const tg_context *ctx, int i);
/* The i-th saved tensor. NULL, with an error that names both places, when it was written since. */
tg_tensor *tg_saved(tg_context *ctx, int i);
const void *tg_attributes(const tg_context *ctx);
const tg_op *tg_context_op(const tg_context *ctx);
bool tg_needs_input_grad(const tg_context *ctx, int i);
/* Only of an input that needs a gradient. */
tg_shape tg_input_shape(const tg_context *ctx, int i);
int tg_input_count(const tg_context *ctx);
int tg_output_count(const tg_context *ctx);
int64_t tg_output_size(const tg_context *ctx, int i, int dim);   /* output i's size in dimension dim >= 0 */
/* Hands over the gradient of input `i`: its dtype, and its shape or one that broadcasting made of it (the engine sums
 * it back). An input that is given none gets none; one that the op has not is an error. */
void tg_set_grad_input(tg_context *ctx, int i, tg_tensor *grad);

/* Stands for a product of two matrices, either transposed first if its flag says so: a [m, k] by b [k, n]. Without b it
 * is the sum of a's columns, [m]: a product by ones. */
typedef struct tg_product {
    tg_tensor *a, *b;
    bool transpose_a, transpose_b;
} tg_product;

/* Where to write the gradient of input `i` so that nobody need copy it: a tensor of the input's shape and dtype, of any
 * strides, to be handed to tg_set_grad_input when it is filled. NULL when there is no such place, as in most cases, or
 * when memory ran out: make a new tensor then. Only in a `backward_fused`. */
tg_tensor *tg_grad_place(tg_context *ctx, int i);

/* The same for a gradient that is a product, whose rows are all dimensions of the input but the last. The engine need
 * not evaluate it at once: the products that flow to one input are added up in one pass, and the gradient of a weight
 * used at every step of a sequence is one product in the end. Only in a `backward_fused`. */
void tg_set_grad_input_product(tg_context *ctx, int i, tg_product product);

/* ---- results that are lists ---- */

/* A list of `count` results that lives as long as the innermost scope; `items` is writable until the op returns. On
 * error `items` is readable (64 NULLs), so that `parts.items[1]` of a failed call is NULL and no crash. */
tg_tensor **tg_list_new(int64_t count);
tg_tensor_list tg_list_failed(void);

TG_END_DECLS

#endif
