/* test_state_dict.c: all that a model has learnt, listed and loaded. Keys, their order and the errors' texts are PyTorch 1.13's. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/names.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include <stdio.h>

typedef struct {
    tg_module base;
    tg_linear *fc, *again;
    tg_batch_norm *bn;
    tg_lstm *lstm;
    tg_tensor *scale, *mask, *tmp;
} net;

static net *net_new(void)
{
    net *m = tg_module_new(net, .name = "Net");
    if (!m) return NULL;
    TG_SUBMODULE(m, fc, tg_linear_new(2, 3));
    TG_SUBMODULE(m, bn, tg_batch_norm1d_new(3));
    TG_SUBMODULE(m, lstm, tg_lstm_new(3, 2));
    TG_SUBMODULE(m, again, m->fc);
    tg_register_module(m, "nothing", (tg_module *)NULL);
    TG_BUFFER(m, mask, tg_ones(tg_shape(2)));
    TG_BUFFER(m, tmp, tg_ones(tg_shape(2)));
    TG_PARAMETER(m, scale, tg_ones(tg_shape(3)));
    tg_set_buffer_persistent(m, "tmp", false);
    return m;
}

static const char *const keys = "scale mask fc.weight fc.bias bn.weight bn.bias bn.running_mean bn.running_var "
                                "bn.num_batches_tracked lstm.weight_ih_l0 lstm.weight_hh_l0 lstm.bias_ih_l0 "
                                "lstm.bias_hh_l0 again.weight again.bias";

TEST(test_keys)
{
    IN_SCOPE;
    net *m = net_new();
    assert_names(tg_state_dict(m), keys);
    assert_ptr_equal(tg_state_dict(m).items[2].tensor, m->fc->weight);
    assert_ptr_equal(tg_state_dict(m).items[13].tensor, m->fc->weight);
    assert_int_equal(tg_dtype_of(tg_state_dict(m).items[8].tensor), TG_INT64);
    net *copy = tg_module_copy(m);
    assert_names(tg_state_dict(copy), keys);
    tg_set_buffer_persistent(copy, "tmp", true);
    assert_int_equal(tg_state_dict(copy).count, 16);
    assert_int_equal(tg_state_dict(m).count, 15);
    assert_int_equal(tg_set_buffer_persistent(m, "scale", true), TG_FAILED);
    expect_error("Net has no buffer 'scale' of its own");
    tg_module *empty = tg_module_new(tg_module);
    assert_int_equal(tg_state_dict(empty).count, 0);
    assert_int_equal(tg_load_state_dict(empty, tg_state_dict(empty)), TG_OK);
    tg_module_free(empty);
    tg_module_free(copy);
    tg_module_free(m);
    tg_scope_end(scope);
}

static tg_tensor *run(net *m, tg_tensor *x)
{
    tg_tensor *y = tg_batch_norm_forward(m->bn, tg_linear_forward(m->fc, x));
    return tg_lstm_forward(m->lstm, tg_unsqueeze(tg_mul(y, m->scale), 0)).output;
}

/* A trained model's state makes another one the same: in training and in evaluation, and after one more step. */
TEST(test_round_trip)
{
    IN_SCOPE;
    tg_manual_seed(3);
    net *m = net_new(), *other = net_new();
    tg_tensor *x = tg_randn(tg_shape(4, 2));
    tg_optimizer *sgd = tg_sgd_new(tg_parameters(m), .lr = 0.1),
                 *sgd_other = tg_sgd_new(tg_parameters(other), .lr = 0.1);
    for (int i = 0; i < 3; i++) {
        tg_zero_grad(sgd);
        tg_backward(tg_sum(run(m, x)));
        tg_step(sgd);
    }
    tg_tensor *weight = other->fc->weight;
    assert_false(tg_equal(run(m, x), run(other, x)));
    assert_int_equal(tg_load_state_dict(other, tg_state_dict(m)), TG_OK);
    assert_ptr_equal(other->fc->weight, weight);
    assert_true(tg_requires_grad(weight) && tg_is_leaf(weight));
    assert_true(tg_item(other->bn->num_batches_tracked) == 4);
    for (int i = 0; i < 2; i++) {
        assert_true(tg_equal(run(m, x), run(other, x)));
        tg_zero_grad(sgd_other);
        tg_backward(tg_sum(run(other, x)));
        tg_step(sgd_other);
        tg_zero_grad(sgd);
        tg_backward(tg_sum(run(m, x)));
        tg_step(sgd);
    }
    tg_module_eval(m);
    tg_module_eval(other);
    assert_true(tg_equal(run(m, x), run(other, x)));
    net *best = tg_module_copy(m); /* what was reached is kept, whatever becomes of m */
    tg_module_train(m);
    tg_backward(tg_sum(run(m, x)));
    tg_step(sgd);
    tg_module_eval(m);
    assert_false(tg_equal(run(m, x), run(other, x)));
    assert_int_equal(tg_load_state_dict(m, tg_state_dict(best)), TG_OK);
    assert_true(tg_equal(run(m, x), run(other, x)));
    tg_module_free(best);
    tg_optimizer_free(sgd);
    tg_optimizer_free(sgd_other);
    tg_module_free(m);
    tg_module_free(other);
    tg_scope_end(scope);
}

/* Values are converted, whatever their layout and dtype; what backward had saved is known to be damaged. */
TEST(test_values)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(2, 3);
    tg_tensor *w = tg_reshape(tg_arange(1, 7, 1, .dtype = TG_FLOAT64), tg_shape(2, 3));
    tg_tensor *b = tg_ones(tg_shape(3), .dtype = TG_INT64);
    const tg_named_tensor items[] = { { "bias", tg_zeros(tg_shape(3)) },
                                      { "weight", tg_transpose(w, 0, 1) },
                                      { "bias", b } };
    tg_tensor *y = tg_linear_forward(m, tg_ones(tg_shape(1, 2), .requires_grad = true));
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ items, 3 })), TG_OK);
    assert_int_equal(tg_dtype_of(m->weight), TG_FLOAT32);
    VALUES(m->weight, 0, 1, 4, 2, 5, 3, 6);
    VALUES(m->bias, 0, 1, 1, 1);
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
    expect_error("modified");
    /* A weight from its own memory, transposed; one number of one dimension. */
    tg_linear *square = tg_linear_new(2, 2, .bias = false);
    tg_batch_norm *norm = tg_batch_norm1d_new(1, .affine = false);
    const tg_named_tensor own = { "weight", tg_transpose(tg_detach(square->weight), 0, 1) };
    tg_tensor *expected = tg_clone(own.tensor);
    assert_int_equal(tg_load_state_dict(square, ((tg_named_tensor_list){ &own, 1 })), TG_OK);
    assert_true(tg_equal(square->weight, expected));
    const tg_named_tensor tracked = { "num_batches_tracked", tg_full(tg_shape(1), 7) };
    assert_int_equal(tg_load_state_dict(norm, ((tg_named_tensor_list){ &tracked, 1 }), .strict = false), TG_OK);
    assert_true(tg_item(norm->num_batches_tracked) == 7);
    tg_module_free(norm);
    tg_module_free(square);
    tg_module_free(m);
    tg_scope_end(scope);
}

typedef struct {
    tg_module base;
    tg_linear *a, *b;
} pair;

static pair *pair_new(void)
{
    pair *m = tg_module_new(pair, .name = "B");
    TG_SUBMODULE(m, a, tg_linear_new(2, 3));
    TG_SUBMODULE(m, b, tg_linear_new(3, 1));
    return m;
}

static void assert_key_list(tg_key_list list, const char *first, const char *second)
{
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0], first);
    assert_string_equal(list.items[1], second);
}

TEST(test_errors)
{
    IN_SCOPE;
    pair *m = pair_new();
    tg_tensor *before = tg_clone(m->a->bias);
    const tg_named_tensor items[] = {
        { "a.weight", tg_ones(tg_shape(2, 3)) },
        { "c", tg_ones(tg_shape(1)) },
        { "a.bias", tg_ones(tg_shape(3)) },
        { "b.x", tg_ones(tg_shape(1)) },
    };
    const tg_named_tensor_list list = { items, 4 }, fine = { items + 1, 3 };
    tg_incompatible_keys incompatible;
    assert_int_equal(tg_load_state_dict(m, list, .incompatible = &incompatible), TG_FAILED);
    assert_string_equal(
        tg_error_get().message,
        "Error(s) in loading state_dict for B:\n"
        "\tMissing key(s) in state_dict: \"b.weight\", \"b.bias\". \n"
        "\tUnexpected key(s) in state_dict: \"c\", \"b.x\". \n"
        "\tsize mismatch for a.weight: copying a param with shape torch.Size([2, 3]) from checkpoint, the "
        "shape in current model is torch.Size([3, 2]).");
    tg_error_clear();
    assert_key_list(incompatible.missing, "b.weight", "b.bias");
    assert_key_list(incompatible.unexpected, "c", "b.x");
    assert_int_equal(tg_load_state_dict(m, list, .strict = false), TG_FAILED); /* sizes matter all the same */
    expect_error("Error(s) in loading state_dict for B:\n\tsize mismatch for a.weight");
    assert_true(tg_equal(m->a->bias, before));
    assert_int_equal(tg_load_state_dict(m, fine, .strict = false, .incompatible = &incompatible), TG_OK);
    assert_int_equal(incompatible.missing.count, 3);
    assert_key_list(incompatible.unexpected, "c", "b.x");
    VALUES(m->a->bias, 0, 1, 1, 1);
    tg_fail("before", "an error that came before");
    assert_int_equal(tg_load_state_dict(m, fine, .strict = false), TG_FAILED);
    expect_error("an error that came before");
    const tg_named_tensor nameless = { NULL, items[0].tensor }, empty = { "a.bias", NULL };
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ &nameless, 1 })), TG_FAILED);
    expect_error("the name of tensor 0 is NULL");
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ &empty, 1 })), TG_FAILED);
    expect_error("NULL");
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ NULL, 2 })), TG_FAILED);
    expect_error("a list of 2 tensors is NULL");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Of what does not fit into an error's text the beginning is there. */
TEST(test_long_error)
{
    IN_SCOPE;
    tg_sequential *m = tg_sequential_new();
    for (int i = 0; i < 200; i++) tg_sequential_append(m, tg_linear_new(1, 1));
    tg_incompatible_keys incompatible;
    assert_int_equal(tg_load_state_dict(m, ((tg_named_tensor_list){ NULL, 0 }), .incompatible = &incompatible),
                     TG_FAILED);
    assert_int_equal(incompatible.missing.count, 400);
    assert_non_null(strstr(tg_error_get().message, "..."));
    expect_error("Missing key(s) in state_dict: \"0.weight\", \"0.bias\", \"1.weight\"");
    assert_int_equal(tg_load_state_dict(m, tg_state_dict(m)), TG_OK);
    tg_module_free(m);
    tg_scope_end(scope);
}

static double load(void)
{
    net *m = net_new(), *other = net_new();
    const bool loaded = tg_load_state_dict(m, tg_state_dict(other)) == TG_OK;
    const double result = loaded ? 1 + tg_item(tg_sum(tg_sub(m->fc->bias, other->fc->bias))) : 0;
    tg_module_free(m);
    tg_module_free(other);
    return tg_failed() ? 0 : result;
}

TEST(test_each_allocation) { fail_each_allocation(load); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_keys), T(test_round_trip), T(test_values), T(test_errors), T(test_long_error), T(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
