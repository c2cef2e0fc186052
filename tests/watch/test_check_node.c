/* test_check_node.c: gradients checked on the data that ops were used on: wrong ones of a user's op are found, right ones
 * pass, and what cannot be checked says why. (tests/ops/test_again.c: every op of the library.) */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include <tapegrad.h>

#include "core/watch/gradcheck/check_node.h"
#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <stdio.h>

#define S tg_shape

/* ---- what an observer sees ---- */

typedef struct found {
    int right, wrong, not_checked, failed;
    char wrong_op[32], text[TGI_CHECK_TEXT];
} found;

static const tg_op op_square;

static void computed(void *context, const tg_computed *what)
{
    found *f = context;
    char text[TGI_CHECK_TEXT];
    if (!what->node && what->op != &op_square) return; /* what an op is computed by */
    const tgi_checked result = tgi_check_node(what, text);
    f->right += result == TGI_CHECKED_RIGHT;
    f->wrong += result == TGI_CHECKED_WRONG;
    f->not_checked += result == TGI_CHECKED_NOT;
    f->failed += result == TGI_CHECKED_FAILED;
    if ((result == TGI_CHECKED_RIGHT) != (text[0] == '\0')) f->failed++;
    if (result == TGI_CHECKED_WRONG) snprintf(f->wrong_op, sizeof f->wrong_op, "%s", what->op->name);
    if (text[0]) snprintf(f->text, sizeof f->text, "%s", text);
}

static int64_t begin(found *f)
{
    *f = (found){ .right = 0 };
    return tg_observe(&((tg_observer){ .computed = computed }), f);
}

/* What is found while `call` runs. */
#define WATCH(found, call)                                                                                             \
    do {                                                                                                               \
        const int64_t observer_ = begin(&found);                                                                       \
        call;                                                                                                          \
        tg_unobserve(observer_);                                                                                       \
        assert_false(tg_failed());                                                                                     \
        assert_int_equal((found).failed, 0);                                                                           \
    } while (0)

static void expect_found(const found *f, int right, int wrong, int not_checked, const char *words)
{
    if (f->right != right || f->wrong != wrong || f->not_checked != not_checked || !strstr(f->text, words))
        fail_msg("%d right, %d wrong, %d not checked: %s", f->right, f->wrong, f->not_checked, f->text);
}

/* ---- a user's op: y = x^2 + shift, whose backward may be wrong ---- */

typedef struct square {
    double factor;  /* of the gradient, which is right with 2 */
    int64_t spoilt; /* an element whose gradient is 1 % too large, or NaN if it is 0; -1: none */
    double shift;
} square;

static void square_backward(tg_context *ctx)
{
    const square *s = tg_attributes(ctx);
    tg_tensor *x = tg_saved(ctx, 0), *d = tg_mul(tg_grad_output(ctx, 0), tg_mul(s->factor, x));
    if (s->spoilt >= 0 && tg_dtype_of(d) == TG_FLOAT64) {
        double *spoilt = (double *)tg_mutable_data(d, TG_FLOAT64) + s->spoilt;
        *spoilt = *spoilt == 0 ? (double)NAN : *spoilt * 1.01;
    }
    tg_set_grad_input(ctx, 0, d);
}

static tg_tensor_list square_again(const tg_node *node, tg_tensor_list inputs);
static const tg_op op_square = { .name = "square", .backward = square_backward, .again = square_again };
static tg_tensor_list square_call(const tg_value *args);
static const tg_op op_called = {
    .name = "called", .schema = "called(Tensor self) -> Tensor", .backward = square_backward, .call = square_call
};
static const tg_op op_hidden = { .name = "hidden", .backward = square_backward };

static tg_tensor *squared(const tg_op *op, tg_tensor *x, square s)
{
    if (!tg_op_begin(TG_HERE, op, tg_list(x))) return NULL;
    tg_tensor *y = tg_add(tg_mul(tg_detach(x), tg_detach(x)), s.shift);
    return tg_record(op, tg_list(x), tg_list(y), tg_list(x), &s, sizeof s) == TG_OK ? y : NULL;
}

static tg_tensor_list square_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *y = squared(tg_node_op(node), inputs.items[0], *(const square *)tg_node_attributes(node));
    return y ? tg_list_in_scope(&y, 1) : tg_list_failed();
}

static tg_tensor_list square_call(const tg_value *args)
{
    tg_tensor *y = squared(&op_called, args[0].as.tensor, (square){ -2, -1, 0 });
    return y ? tg_list_in_scope(&y, 1) : tg_list_failed();
}

static tg_tensor *leaf(tg_shape shape, tg_dtype dtype, uint64_t seed)
{
    return tg_requires_grad_(numbers(shape, dtype, seed), true);
}

TEST(test_users_op)
{
    IN_SCOPE;
    found f;
    for (int d = TG_FLOAT32; d <= TG_FLOAT64; d++) {
        tg_tensor *x = leaf(S(2, 3), (tg_dtype)d, 1), *big = leaf(S(100, 100), (tg_dtype)d, 2);
        WATCH(f, squared(&op_square, x, (square){ 2, -1, 3 }));
        expect_found(&f, 1, 0, 0, "");
        WATCH(f, squared(&op_square, big, (square){ 2, -1, 0 }));
        expect_found(&f, 1, 0, 0, "");
        WATCH(f, squared(&op_square, x, (square){ -2, -1, 3 }));
        expect_found(&f, 0, 1, 0, "the sign");
        assert_string_equal(f.wrong_op, "square");
        WATCH(f, squared(&op_square, big, (square){ 2.01, -1, 0 }));
        expect_found(&f, 0, 1, 0, "the gradient of input 0");
        WATCH(f, squared(&op_square, big, (square){ 2, 4321, 0 })); /* one element of 10000 */
        expect_found(&f, 0, 1, 0, "the gradient of input 0");
        WATCH(f, squared(&op_called, x, (square){ -2, -1, 0 })); /* a schema of tensors alone, and a call */
        expect_found(&f, 0, 1, 0, "the sign");
        WATCH(f, squared(&op_hidden, x, (square){ -2, -1, 0 }));
        expect_found(&f, 0, 0, 1, "it cannot be called again: its descriptor has no .again");
    }
    tg_tensor *zero = tg_requires_grad_(tg_from_data(((float[]){ 1, 0, -2 }), S(3)), true);
    WATCH(f, squared(&op_square, zero, (square){ 2, 1, 0 })); /* 0 / 0 in a backward */
    expect_found(&f, 0, 1, 0, "the gradient is not finite");
    WATCH(f, squared(&op_square, numbers(S(2), TG_FLOAT32, 1), (square){ -2, -1, 0 }));
    expect_found(&f, 0, 0, 1, "nothing was recorded");
    tg_scope_end(scope);
}

/* Small and large numbers; a mistake among others that are right. */
TEST(test_sizes)
{
    IN_SCOPE;
    found f;
    for (double size = 1e-9; size < 1e10; size *= 1e3) {
        tg_tensor *x = tg_requires_grad_(tg_mul(numbers(S(7, 5), TG_FLOAT64, 3), size), true);
        WATCH(f, squared(&op_square, x, (square){ 2, -1, 0 }));
        expect_found(&f, 1, 0, 0, "");
        WATCH(f, squared(&op_square, x, (square){ 2, 17, 0 }));
        expect_found(&f, 0, 1, 0, "input 0");
        WATCH(f, tg_exp(tg_mul(x, 1 / size)));
        expect_found(&f, 2, 0, 0, "");
    }
    tg_scope_end(scope);
}

/* ---- kinks, and numbers that are none ---- */

TEST(test_kinks)
{
    IN_SCOPE;
    found f;
    tg_tensor *zeros = tg_zeros(S(40, 40), .requires_grad = true);
    tg_tensor *some =
        tg_requires_grad_(tg_where(tg_gt(numbers(S(40, 40), TG_FLOAT32, 1), 0), numbers(S(40, 40), TG_FLOAT32, 2), 0.0),
                          true);
    WATCH(f, tg_relu(some));
    expect_found(&f, 1, 0, 0, "");
    WATCH(f, tg_abs(some));
    expect_found(&f, 1, 0, 0, "");
    WATCH(f, tg_amax(tg_requires_grad_(tg_ones(S(5, 3)), true), .dim = 1)); /* ties */
    expect_found(&f, 1, 0, 0, "");
    WATCH(f, tg_median(zeros));
    expect_found(&f, 1, 0, 0, "");
    WATCH(f, tg_relu(zeros));
    expect_found(&f, 1, 0, 0, "");
    tg_tensor *nan = tg_from_data(((float[]){ 1, NAN, 2 }), S(3), .requires_grad = true);
    WATCH(f, tg_exp(nan));
    expect_found(&f, 0, 0, 1, "not finite");
    WATCH(f, tg_log(tg_zeros(S(3), .requires_grad = true)));
    expect_found(&f, 0, 0, 1, "not finite");
    tg_scope_end(scope);
}

/* ---- it leaves no trace ---- */

TEST(test_no_trace)
{
    IN_SCOPE;
    found f;
    tg_tensor *x = leaf(S(4, 3), TG_FLOAT32, 1), *w = leaf(S(2, 3), TG_FLOAT32, 2), *y[2], *g[2];
    const int64_t version = tg_version(x);
    for (int watched = 0; watched < 2; watched++) {
        tg_manual_seed(5);
        if (watched)
            WATCH(f, y[watched] = tg_sum(tg_softmax(tg_dropout(tg_linear(x, w, NULL), .p = 0.5), -1)));
        else
            y[watched] = tg_sum(tg_softmax(tg_dropout(tg_linear(x, w, NULL), .p = 0.5), -1));
        g[watched] = tg_grad(tg_list(y[watched]), tg_list(w)).items[0];
    }
    assert_true(f.right >= 3 && f.wrong == 0);
    assert_int_equal(tg_version(x), version);
    double *a = elements(g[0]), *b = elements(g[1]);
    assert_memory_equal(a, b, 6 * sizeof *a);
    free(a), free(b);
    tg_scope_end(scope);
}

/* In place, random, and steps of a model: nothing is wrong, and what is not checked is named. */
TEST(test_models)
{
    IN_SCOPE;
    found f;
    tg_tensor *x = leaf(S(4, 3), TG_FLOAT32, 1), *h = tg_mul(x, 2);
    WATCH(f, tg_add_(h, x));
    expect_found(&f, 0, 0, 1, "it wrote over its input");
    tg_manual_seed(1);
    tg_lstm *lstm = tg_lstm_new(3, 4);
    for (int step = 0; step < 2; step++) {
        WATCH(f, tg_lstm_forward(lstm, numbers(S(5, 2, 3), TG_FLOAT32, 7)));
        if (f.right < 10 || f.wrong) fail_msg("%s: %s", f.wrong_op, f.text);
    }
    tg_transformer_encoder_layer *layer =
        tg_transformer_encoder_layer_new(8, 2, .dim_feedforward = 16, .batch_first = true);
    WATCH(f, tg_transformer_encoder_layer_forward(layer, numbers(S(2, 3, 8), TG_FLOAT32, 8)));
    if (f.right < 8 || f.wrong) fail_msg("%s: %s", f.wrong_op, f.text);
    tg_module_free(layer);
    tg_module_free(lstm);
    tg_scope_end(scope);
}

/* ---- memory ---- */

static double a_step(void)
{
    found f;
    tg_tensor *x = leaf(S(2, 3), TG_FLOAT32, 1);
    const int64_t observer = begin(&f);
    tg_tensor *y = x ? squared(&op_square, x, (square){ -2, -1, 3 }) : NULL;
    if (y) y = tg_relu(y);
    tg_unobserve(observer);
    return y ? 1 + 10 * f.right + f.wrong : 0;
}

TEST(test_failing_allocations) { fail_each_allocation(a_step); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_users_op), T(test_sizes), T(test_kinks), T(test_no_trace), T(test_models), T(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
