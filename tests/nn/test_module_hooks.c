/* test_module_hooks.c: hooks of modules: what they see and replace, by tg_module_forward and by the modules' own
 * forwards; gradients against tg_grad; errors, removal while running, copies, modules that are gone. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

static int calls, inputs_seen, outputs_seen;

static void count(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    calls++;
    inputs_seen = call->input_count;
    outputs_seen = call->output_count;
}

static void scale_inputs(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m;
    assert_int_equal(call->output_count, 0);
    call->inputs[0] = tg_mul(call->inputs[0], *(double *)context);
}

static void add_to_output(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m;
    call->outputs[0] = tg_add(call->outputs[0], *(double *)context);
}

static tg_linear *linear_of_ones(void)
{
    tg_linear *m = tg_linear_new(2, 1);
    const tg_scope scope = tg_no_grad_begin();
    tg_fill_(m->weight, 1);
    tg_fill_(m->bias, 0.5);
    tg_scope_end(scope);
    return m;
}

/* ---- around forward ---- */

TEST(test_forward)
{
    IN_SCOPE;
    double two = 2, three = 3, one = 1;
    tg_linear *m = linear_of_ones();
    tg_tensor *x = tg_tensor_of(1.0, 10.0);
    const int64_t before = tg_register_forward_pre_hook(m, scale_inputs, &two);
    const int64_t after = tg_register_forward_hook(m, add_to_output, &one);
    tg_register_forward_hook(m, add_to_output, &three);
    const int64_t counter = tg_register_forward_hook(m, count, NULL);
    calls = 0;
    VALUES(tg_linear_forward(m, x), 0, 26.5);
    VALUES(tg_module_forward(m, x), 0, 26.5);
    assert_int_equal(calls, 2); /* once for each call, though one forward is made of the other */
    tg_sequential *all = tg_sequential_new(m);
    VALUES(tg_module_forward(all, x), 0, 26.5);
    tg_remove_module_hook(m, before);
    VALUES(tg_linear_forward(m, x), 0, 15.5);
    tg_remove_module_hook(m, after);
    tg_remove_module_hook(m, after);
    VALUES(tg_linear_forward(m, x), 0, 14.5);
    assert_int_equal(calls, 4 + 1);
    tg_remove_module_hook(m, counter);
    tg_linear_forward(m, x);
    assert_int_equal(calls, 5);
    tg_module_free(all);
    tg_scope_end(scope);
}

static void double_hidden(tg_module *m, const tg_module_call *call, void *context)
{
    count(m, call, context);
    call->outputs[1] = tg_mul(call->outputs[1], 2);
}

TEST(test_several_results)
{
    IN_SCOPE;
    double zero = 0;
    tg_lstm *m = tg_lstm_new(2, 3);
    tg_lstm_cell *cell = tg_lstm_cell_new(2, 3);
    tg_tensor *x = tg_ones(tg_shape(4, 1, 2)), *h0 = tg_ones(tg_shape(1, 1, 3));
    const tg_lstm_output plain = tg_lstm_forward(m, x), silent = tg_lstm_forward(m, tg_zeros(tg_shape(4, 1, 2)));
    const int64_t doubles = tg_register_forward_hook(m, double_hidden, NULL);
    tg_lstm_output out = tg_lstm_forward(m, x);
    assert_int_equal(inputs_seen, 1);
    assert_int_equal(outputs_seen, 3);
    assert_true(tg_equal(out.output, plain.output) && tg_equal(out.c_n, plain.c_n));
    assert_true(tg_equal(out.h_n, tg_mul(plain.h_n, 2)));
    tg_lstm_forward(m, x, (tg_lstm_state){ h0, h0 });
    assert_int_equal(inputs_seen, 3);
    tg_remove_module_hook(m, doubles);
    tg_register_forward_hook(m, count, NULL);
    tg_register_forward_pre_hook(m, scale_inputs, &zero);
    assert_true(tg_equal(tg_module_forward(m, x), silent.output));
    assert_int_equal(outputs_seen, 1);
    tg_register_forward_hook(cell, double_hidden, NULL);
    tg_lstm_cell_forward(cell, tg_ones(tg_shape(1, 2)));
    assert_int_equal(outputs_seen, 2);
    tg_loss *loss = tg_mse_loss_new();
    tg_register_forward_hook(loss, count, NULL);
    tg_loss_forward(loss, x, x);
    assert_int_equal(inputs_seen, 2);
    tg_module_free(loss);
    tg_module_free(cell);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* What hooks put in place is what the forward is of, and checked as what was given; masks are not theirs to see. */
TEST(test_attention)
{
    IN_SCOPE;
    double zero = 0, one = 1;
    tg_manual_seed(1);
    tg_multihead_attention *m = tg_multihead_attention_new(4, 2);
    tg_tensor *x = tg_randn(tg_shape(3, 2, 4)), *nothing = tg_zeros(tg_shape(3, 2, 4));
    tg_tensor *mask = tg_generate_square_subsequent_mask(3);
    const tg_multihead_attention_output want = tg_multihead_attention_forward(m, nothing, x, x, .attn_mask = mask);
    tg_register_forward_pre_hook(m, scale_inputs, &zero);
    tg_register_forward_hook(m, add_to_output, &one);
    tg_register_forward_hook(m, count, NULL);
    const tg_multihead_attention_output out = tg_multihead_attention_forward(m, x, x, x, .attn_mask = mask);
    assert_true(tg_allclose(out.output, tg_add(want.output, 1)) && tg_allclose(out.weights, want.weights));
    assert_true(inputs_seen == 3 && outputs_seen == 2);
    assert_null(tg_multihead_attention_forward(m, x, x, x, .need_weights = false).weights);
    assert_true(inputs_seen == 3 && outputs_seen == 1);
    tg_sequential *all = tg_sequential_new(m); /* and its own forward says where it is */
    assert_null(tg_multihead_attention_forward(m, tg_ones(tg_shape(3, 2, 5)), x, x).output);
    expect_error("Sequential.0 (MultiheadAttention): MultiheadAttention: was expecting embedding dimension of 4");
    tg_module_free(all);
    tg_scope_end(scope);
}

static void narrow_inputs(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    for (int i = 0; i < call->input_count; i++) call->inputs[i] = tg_narrow(call->inputs[i], -1, 0, 4);
}

TEST(test_transformer)
{
    IN_SCOPE;
    tg_manual_seed(1);
    tg_transformer *m = tg_transformer_new(.d_model = 4, .nhead = 2, .num_encoder_layers = 1, .num_decoder_layers = 1,
                                           .dim_feedforward = 8, .dropout = 0);
    tg_tensor *src = tg_randn(tg_shape(3, 2, 6)), *tgt = tg_randn(tg_shape(5, 2, 6));
    tg_tensor *want = tg_transformer_forward(m, tg_narrow(src, 2, 0, 4), tg_narrow(tgt, 2, 0, 4));
    assert_null(tg_transformer_forward(m, src, tgt));
    expect_error("the feature number of src and tgt must be equal to d_model");
    tg_register_forward_pre_hook(m, narrow_inputs, NULL);
    tg_register_forward_hook(m, count, NULL);
    calls = 0;
    assert_true(tg_allclose(tg_transformer_forward(m, src, tgt), want));
    assert_int_equal(calls, 1);
    assert_null(tg_transformer_forward(m, src, tg_narrow(tgt, 1, 0, 1)));
    expect_error("the batch number of src and tgt must be equal");
    assert_int_equal(calls, 1);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- gradients ---- */

static tg_tensor *seen_input[4], *seen_output[4];
static int seen;

static void keep_gradients(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m;
    seen_input[seen] = call->inputs[0] ? tg_keep(call->inputs[0]) : NULL;
    seen_output[seen++] = tg_keep(call->outputs[0]);
    if (context && call->inputs[0]) call->inputs[0] = tg_mul(call->inputs[0], *(double *)context);
}

static void forget(void)
{
    while (seen) {
        seen--;
        if (seen_input[seen]) tg_release(seen_input[seen]);
        tg_release(seen_output[seen]);
    }
}

/* One module called twice before backward: the hook comes to the second call first, and the gradient that it puts in place
 * goes on from there. x also goes another way, whose gradient the hook does not see. */
TEST(test_backward)
{
    IN_SCOPE;
    double half = 0.5;
    tg_manual_seed(1);
    tg_linear *m = tg_linear_new(3, 3);
    tg_tensor *x = tg_randn(tg_shape(2, 3), .requires_grad = true);
    tg_tensor *h = tg_tanh(tg_linear_forward(m, x)), *y = tg_linear_forward(m, h);
    const tg_tensor_list want = tg_grad(tg_list(tg_sum(tg_mul(y, y))), tg_list(h, y, m->weight), .retain_graph = true);
    const int64_t number = tg_register_full_backward_hook(m, keep_gradients, &half);
    tg_tensor *h2 = tg_tanh(tg_linear_forward(m, x)), *y2 = tg_linear_forward(m, h2);
    assert_true(tg_equal(y, y2));
    tg_backward(tg_add(tg_sum(tg_mul(y2, y2)), tg_sum(tg_mul(x, 3))));
    assert_int_equal(seen, 2);
    assert_true(tg_equal(seen_output[0], want.items[1]) && tg_equal(seen_input[0], want.items[0]));
    tg_tensor *through = tg_mul(tg_mul(want.items[0], half), tg_sub(1, tg_mul(h, h))); /* to the first call's output */
    assert_true(tg_allclose(seen_output[1], through));
    assert_true(tg_allclose(seen_input[1], tg_matmul(through, m->weight)));
    assert_true(tg_allclose(tg_grad_of(x), tg_add(tg_mul(seen_input[1], half), 3)));
    forget();
    tg_remove_module_hook(m, number);
    tg_backward(tg_sum(tg_linear_forward(m, x)));
    assert_int_equal(seen, 0);
    tg_module_free(m);
    tg_scope_end(scope);
}

static void keep_input(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m;
    *(tg_tensor **)context = tg_keep(call->inputs[0]);
}

TEST(test_backward_twice_and_higher)
{
    IN_SCOPE;
    tg_linear *m = linear_of_ones();
    tg_tensor *x = tg_tensor_of(1.0, 2.0);
    tg_requires_grad_(x, true);
    tg_register_full_backward_hook(m, keep_gradients, NULL);
    tg_tensor *y = tg_linear_forward(m, tg_mul(x, x)), *cube = tg_mul(y, tg_mul(y, y)); /* y = x0^2 + x1^2 + 0.5 */
    tg_tensor *dx = tg_grad(tg_list(cube), tg_list(x), .create_graph = true).items[0];
    VALUES(dx, 0, 3 * 5.5 * 5.5 * 2, 3 * 5.5 * 5.5 * 4);
    tg_tensor *d2 = tg_grad(tg_list(tg_select(dx, 0, 0)), tg_list(x), .retain_graph = true).items[0];
    VALUES(d2, 1e-6, 6 * 5.5 * 2 * 2 + 6 * 5.5 * 5.5, 6 * 5.5 * 4 * 2);
    forget();
    tg_backward(cube, .retain_graph = true);
    tg_backward(cube);
    assert_int_equal(seen, 2);
    assert_true(tg_equal(seen_output[0], seen_output[1]) && tg_equal(seen_input[0], seen_input[1]));
    VALUES(tg_grad_of(x), 0, 2 * 3 * 5.5 * 5.5 * 2, 2 * 3 * 5.5 * 5.5 * 4);
    forget();
    tg_tensor *input;
    tg_register_forward_hook(m, keep_input, &input);
    tg_backward(tg_linear_forward(m, x), .retain_graph = true);
    tg_backward(tg_sum(input)); /* comes to the inputs, and not from the outputs: no gradient of theirs is there */
    assert_int_equal(seen, 1);
    forget();
    tg_release(input);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Inputs without a gradient, calls without one, and a module that is gone when backward comes. */
TEST(test_backward_corners)
{
    IN_SCOPE;
    tg_linear *m = linear_of_ones();
    tg_tensor *x = tg_tensor_of(1.0, 2.0);
    tg_register_full_backward_hook(m, keep_gradients, NULL);
    tg_backward(tg_mul(tg_linear_forward(m, x), 2));
    assert_int_equal(seen, 1);
    assert_null(seen_input[0]);
    VALUES(seen_output[0], 0, 2);
    VALUES(tg_grad_of(m->weight), 0, 2, 4);
    forget();
    const tg_scope quiet = tg_no_grad_begin();
    assert_false(tg_requires_grad(tg_linear_forward(m, x)));
    tg_scope_end(quiet);
    tg_requires_grad_(x, true);
    tg_tensor *y = tg_linear_forward(m, x), *loss = tg_sum(y);
    assert_null(tg_mul_(y, 2)); /* a view, as in PyTorch */
    expect_error("a view is being written in place");
    tg_module_free(m);
    tg_backward(loss);
    assert_int_equal(seen, 0);
    VALUES(tg_grad_of(x), 0, 1, 1);
    tg_lstm *lstm = tg_lstm_new(2, 2);
    tg_register_full_backward_hook(lstm, keep_gradients, NULL);
    const tg_lstm_output out = tg_lstm_forward(lstm, tg_reshape(x, tg_shape(1, 1, 2)));
    tg_backward(tg_sum(out.c_n));
    assert_int_equal(seen, 1);
    VALUES(seen_output[0], 0, 0, 0); /* nothing came to `output` */
    assert_int_equal(tg_numel(seen_input[0]), 2);
    forget();
    tg_module_free(lstm);
    tg_embedding_bag *bag = tg_embedding_bag_new(3, 2); /* of inputs that have no gradient, or are left out */
    tg_register_full_backward_hook(bag, keep_gradients, NULL);
    tg_backward(tg_sum(tg_embedding_bag_forward(bag, tg_zeros(tg_shape(1, 2), .dtype = TG_INT64), NULL, NULL)));
    assert_int_equal(seen, 1);
    assert_null(seen_input[0]);
    VALUES(seen_output[0], 0, 1, 1);
    forget();
    tg_module_free(bag);
    tg_scope_end(scope);
}

/* ---- what goes wrong, and what changes on the way ---- */

static void fails(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)call, (void)context;
    calls++;
    tg_fail("hook", "this hook fails");
}

static void takes_away(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    (call->output_count ? call->outputs : call->inputs)[0] = NULL;
}

static void replaces_output(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    call->outputs[0] = tg_mul(call->outputs[0], 2);
}

static void replaces_input(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    call->inputs[0] = call->outputs[0];
}

static void frees(tg_module *m, const tg_module_call *call, void *context)
{
    (void)call, (void)context;
    tg_module_free(m);
}

TEST(test_errors)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(2, 1);
    tg_tensor *x = tg_ones(tg_shape(2), .requires_grad = true);
    tg_module_hook_fn hooks[] = { fails, takes_away, frees };
    const char *const texts[] = { "Sequential.0 (Linear): hook: this hook fails",
                                  "a hook put NULL in the place of tensor 0", "this module is at work" };
    for (int i = 0; i < 3; i++) {
        tg_sequential *all = i ? NULL : tg_sequential_new(tg_module_copy(m));
        tg_linear *one = i ? tg_module_copy(m) : (tg_linear *)tg_sequential_get(all, 0);
        int64_t number = tg_register_forward_pre_hook(one, hooks[i], NULL);
        assert_null(tg_linear_forward(one, x));
        expect_error(texts[i]);
        tg_remove_module_hook(one, number);
        number = tg_register_forward_hook(one, hooks[i], NULL);
        assert_null(tg_module_forward(one, x));
        expect_error(texts[i]);
        tg_remove_module_hook(one, number);
        assert_non_null(tg_linear_forward(one, x));
        tg_module_free(i ? TG_MODULE(one) : TG_MODULE(all));
    }
    tg_register_full_backward_hook(m, fails, NULL);
    assert_int_equal(tg_backward(tg_linear_forward(m, x)), TG_FAILED);
    expect_error("this hook fails");
    assert_null(tg_grad_of(x));
    calls = 0; /* a forward that fails by itself runs no hook after it */
    tg_register_forward_hook(m, count, NULL);
    assert_null(tg_linear_forward(m, tg_ones(tg_shape(3))));
    expect_error("mat1 and mat2 shapes cannot be multiplied");
    assert_int_equal(calls, 0);
    assert_int_equal(tg_register_forward_hook(m, NULL, NULL), -1);
    expect_error("the hook is NULL");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* What a backward hook may not do, with and without a gradient of the input. */
TEST(test_backward_errors)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(2, 2);
    tg_tensor *x = tg_ones(tg_shape(2), .requires_grad = true);
    int64_t number = tg_register_full_backward_hook(m, replaces_output, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tg_backward(tg_sum(tg_linear_forward(m, i ? tg_detach(x) : x))), TG_FAILED);
        expect_error("Linear: a backward hook replaced the gradient of output 0; only those of inputs can be replaced");
    }
    assert_null(tg_grad_of(x));
    assert_null(tg_grad_of(m->bias));
    tg_remove_module_hook(m, number);
    number = tg_register_full_backward_hook(m, replaces_input, NULL);
    assert_int_equal(tg_backward(tg_sum(tg_linear_forward(m, x))), TG_OK);
    VALUES(tg_grad_of(x), 0, 1, 1);
    assert_int_equal(tg_backward(tg_sum(tg_linear_forward(m, tg_detach(x)))), TG_FAILED);
    expect_error("Linear: a backward hook made a gradient of input 0, which requires none");
    tg_remove_module_hook(m, number);
    number = tg_register_full_backward_hook(m, frees, NULL);
    assert_int_equal(tg_backward(tg_sum(tg_linear_forward(m, x))), TG_FAILED);
    expect_error("this module is at work");
    tg_remove_module_hook(m, number);
    tg_register_full_backward_hook(m, fails, NULL);
    tg_sequential *all = tg_sequential_new(m);
    assert_int_equal(tg_backward(tg_sum(tg_linear_forward(m, x))), TG_FAILED);
    expect_error("Sequential.0 (Linear): hook: this hook fails");
    tg_module_free(all);
    tg_scope_end(scope);
}

static int64_t own_number, other_number;

static void remove_some(tg_module *m, const tg_module_call *call, void *context)
{
    count(m, call, context);
    tg_remove_module_hook(m, own_number);
    tg_remove_module_hook(m, other_number);
}

static void calls_its_module(tg_module *m, const tg_module_call *call, void *context)
{
    (void)context;
    calls++;
    call->outputs[0] = tg_add(call->outputs[0], tg_linear_forward((tg_linear *)m, call->inputs[0]));
}

TEST(test_changes_while_running)
{
    IN_SCOPE;
    tg_linear *m = linear_of_ones();
    tg_tensor *x = tg_tensor_of(1.0, 2.0);
    own_number = tg_register_forward_hook(m, remove_some, NULL);
    other_number = tg_register_forward_hook(m, fails, NULL);
    tg_register_forward_hook(m, calls_its_module, NULL);
    calls = 0;
    VALUES(tg_linear_forward(m, x), 0, 7);
    assert_int_equal(calls, 2);
    VALUES(tg_linear_forward(m, x), 0, 7);
    assert_int_equal(calls, 3);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* A copy has hooks of its own, under the same numbers. */
TEST(test_copies)
{
    IN_SCOPE;
    double two = 2, one = 1;
    tg_linear *m = linear_of_ones();
    tg_tensor *x = tg_tensor_of(1.0, 2.0);
    const int64_t gone = tg_register_forward_hook(m, count, NULL);
    const int64_t before = tg_register_forward_pre_hook(m, scale_inputs, &two);
    tg_register_forward_hook(m, add_to_output, &one);
    tg_remove_module_hook(m, gone);
    tg_linear *copy = tg_module_copy(m);
    tg_remove_module_hook(m, before);
    VALUES(tg_linear_forward(m, x), 0, 4.5);
    tg_module_free(m);
    VALUES(tg_linear_forward(copy, x), 0, 7.5);
    tg_remove_module_hook(copy, before);
    VALUES(tg_linear_forward(copy, x), 0, 4.5);
    assert_true(tg_register_forward_hook(copy, count, NULL) > before + 1);
    tg_register_full_backward_hook(copy, keep_gradients, NULL);
    tg_linear *second = tg_module_copy(copy);
    tg_module_free(copy);
    tg_requires_grad_(x, true);
    tg_backward(tg_linear_forward(second, x));
    assert_int_equal(seen, 1);
    VALUES(seen_input[0], 0, 1, 1);
    forget();
    tg_module_free(second);
    tg_scope_end(scope);
}

static double run_hooked(void)
{
    double two = 2;
    tg_manual_seed(1);
    tg_lstm *lstm = tg_lstm_new(2, 2);
    tg_register_forward_pre_hook(lstm, scale_inputs, &two);
    tg_register_forward_hook(lstm, add_to_output, &two);
    tg_register_full_backward_hook(lstm, count, NULL);
    tg_lstm *copy = tg_module_copy(lstm);
    tg_tensor *x = tg_ones(tg_shape(2, 1, 2), .requires_grad = true);
    tg_backward(tg_sum(tg_lstm_forward(copy, x).output));
    const double result = tg_failed() ? 0 : 1 + tg_item(tg_sum(tg_grad_of(x)));
    tg_module_free(copy);
    tg_module_free(lstm);
    return result;
}

TEST(test_each_allocation) { fail_each_allocation(run_hooked); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_forward),         T(test_several_results),           T(test_attention),        T(test_transformer),
        T(test_backward),        T(test_backward_twice_and_higher), T(test_backward_corners), T(test_errors),
        T(test_backward_errors), T(test_changes_while_running),     T(test_copies),           T(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
