/* test_places.c: an error names the line of the call that failed, also when functions of the user's have run within that
 * call: what they called has lines of its own, which must not stay behind. */
#include "tests/support/caching.h"
#include "tests/support/suite.h"
#include "tests/support/parameters.h"

#include "tapegrad.h"

#include <math.h>

/* What every function here does first: a call whose line is this one's. */
static void elsewhere(void) { tg_neg(tg_ones(tg_shape(2))); }

/* The pending error is `text`, of that line of this file; it is cleared. */
static void expect_at(int line, const char *text)
{
    char place[64];
    snprintf(place, sizeof place, "/test_places.c:%d", line);
    const char *where = tg_error_get().where;
    const size_t length = strlen(where), wanted = strlen(place);
    if (length < wanted || strcmp(where + length - wanted, place) != 0)
        fail_msg("expected %s, got %s", place, tg_error_message());
    expect_error(text);
}

#define FAILS(call, text)                                                                                              \
    do {                                                                                                               \
        (void)(call);                                                                                                  \
        expect_at(__LINE__, text);                                                                                     \
    } while (0)

/* ---- modules ---- */

static void look(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)call, (void)context;
    elsewhere();
}

static tg_tensor *own_forward(tg_module *m, tg_tensor *x)
{
    (void)m;
    elsewhere();
    return x;
}

static tg_status own_copy(tg_module *copy, const tg_module *original)
{
    (void)copy, (void)original;
    elsewhere();
    return TG_FAILED;
}

typedef struct own {
    tg_module base;
} own;

TEST(test_forward)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(4, 3));
    tg_linear *before = tg_linear_new(3, 2), *after = tg_linear_new(3, 2);
    tg_register_forward_pre_hook(before, look, NULL);
    tg_register_forward_hook(after, look, NULL);
    FAILS(tg_linear_forward(before, tg_ones(tg_shape(4, 5))), "mat1 and mat2 shapes");
    tg_sequential *hooked = tg_sequential_new(after, tg_relu_new(), tg_linear_new(4, 2));
    FAILS(tg_sequential_forward(hooked, x), "mat1 and mat2 shapes");
    own *mine = tg_module_new(own, .forward = own_forward, .copy = own_copy);
    tg_sequential *with_mine = tg_sequential_new(mine, tg_linear_new(4, 2));
    FAILS(tg_module_forward(with_mine, x), "mat1 and mat2 shapes");
    FAILS(tg_module_copy(mine), "`copy` failed");
    tg_register_forward_hook(mine, look, NULL);
    FAILS(tg_module_forward(with_mine, x), "mat1 and mat2 shapes");
    tg_module_free(with_mine);
    tg_module_free(hooked);
    tg_module_free(before);
    tg_scope_end(scope);
}

static tg_tensor *narrows(tg_tensor *x) { return tg_narrow(x, -1, 0, 3); }

TEST(test_an_activation_of_ones_own)
{
    IN_SCOPE;
    tg_transformer_encoder_layer *layer =
        tg_transformer_encoder_layer_new(4, 2, .dim_feedforward = 8, .activation_fn = narrows);
    FAILS(tg_transformer_encoder_layer_forward(layer, tg_ones(tg_shape(2, 1, 4))), "mat1 and mat2 shapes");
    tg_module_free(layer);
    tg_scope_end(scope);
}

/* ---- backward ---- */

static tg_tensor *another_shape(tg_tensor *grad, void *context)
{
    (void)grad, (void)context;
    return tg_ones(tg_shape(7));
}

static void puts_another_shape(tg_module *m, const tg_module_call *call, void *context)
{
    (void)m, (void)context;
    call->inputs[0] = tg_ones(tg_shape(7));
}

TEST(test_backward)
{
    IN_SCOPE;
    tg_tensor *leaf = parameter(TG_FLOAT32), *y = tg_mul(leaf, 2);
    tg_register_hook(y, another_shape, NULL);
    FAILS(tg_backward(tg_sum(y)), "a hook returned a float32 gradient of shape [7]");
    tg_register_hook(leaf, another_shape, NULL);
    FAILS(tg_backward(tg_sum(tg_mul(leaf, 2))), "a hook returned a float32 gradient of shape [7]");
    tg_linear *m = tg_linear_new(3, 2);
    tg_register_full_backward_hook(m, puts_another_shape, NULL);
    FAILS(tg_backward(tg_sum(tg_linear_forward(m, tg_mul(parameter(TG_FLOAT32), 2)))), "gradient");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- optimisers ---- */

static tg_tensor *vector_loss(void *context)
{
    elsewhere();
    return tg_mul((tg_tensor *)context, 2);
}

static bool refuses(const tg_optimizer_class *kind, const void *options)
{
    (void)kind, (void)options;
    elsewhere();
    return false;
}

static void no_update(tg_update *update) { (void)update; }

typedef struct only_lr {
    double lr;
} only_lr;

static const tg_optimizer_class own_kind = {
    .name = "Own",
    .options_bytes = sizeof(only_lr),
    .options = { TG_OPTION(only_lr, lr) },
    .update = no_update,
};

TEST(test_optimizers)
{
    IN_SCOPE;
    tg_optimizer_class kind = own_kind;
    kind.check = refuses;
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p)), *lbfgs = tg_lbfgs_new(tg_list(p));
    FAILS(tg_step_closure(sgd, vector_loss, p), "item");
    FAILS(tg_step_closure(lbfgs, vector_loss, p), "item");
    FAILS(tg_optimizer_new(&kind, tg_list(p), &(only_lr){ 1 }), "the class refuses these options");
    tg_optimizer_free(lbfgs);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

static tg_tensor *average_of_seven(tg_tensor *averaged, tg_tensor *current, int64_t n, void *context)
{
    (void)averaged, (void)current, (void)n, (void)context;
    return tg_ones(tg_shape(7));
}

static tg_tensor *wide_batch(int64_t index, void *context)
{
    (void)index, (void)context;
    return tg_ones(tg_shape(4, 9));
}

TEST(test_averages)
{
    IN_SCOPE;
    tg_sequential *model = tg_sequential_new(tg_batch_norm1d_new(3));
    tg_averaged_model *average = tg_averaged_model_new(model, .avg_fn = average_of_seven);
    assert_int_equal(tg_averaged_model_update_parameters(average, model), TG_OK); /* the first one is a copy */
    FAILS(tg_averaged_model_update_parameters(average, model), "avg_fn made an average of another shape");
    FAILS(tg_update_bn(model, wide_batch, NULL), "running_mean");
    tg_module_free(average);
    tg_module_free(model);
    tg_scope_end(scope);
}

/* ---- schedulers ---- */

static double below_zero(int64_t epoch, void *context)
{
    (void)context;
    elsewhere();
    return epoch ? -1 : 1;
}

static bool advances_to_one(const tg_schedule *at)
{
    elsewhere();
    return at->last_epoch < 2;
}
static double same_lr(const tg_schedule *at) { return at->lr; }
static double much_momentum(const tg_schedule *at)
{
    elsewhere();
    return at->last_epoch ? -1 : 0.5;
}

static void ignore(const char *where, const char *message, void *context)
{
    (void)where, (void)message, (void)context;
    elsewhere();
}

TEST(test_schedulers)
{
    IN_SCOPE;
    const tg_scheduler_class advancing = { .name = "Own", .advance = advances_to_one, .lr = same_lr };
    const tg_scheduler_class with_momentum = { .name = "Own", .lr = same_lr, .momentum = much_momentum };
    tg_optimizer *sgd = tg_sgd_new(tg_list(parameter(TG_FLOAT32)), .momentum = 0.5);
    tg_scheduler *lambda = tg_lambda_lr_new(sgd, below_zero);
    tg_set_warning_handler(ignore, NULL);
    FAILS(tg_scheduler_step(lambda), "Invalid learning rate of group 0 at epoch 1: -"); /* and a warning before it */
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    tg_scheduler *advances = tg_scheduler_new_at(TG_HERE, &advancing, sgd, NULL, 0);
    tg_scheduler *momentum = tg_scheduler_new_at(TG_HERE, &with_momentum, sgd, NULL, 0);
    tg_step(sgd);
    assert_int_equal(tg_scheduler_step(advances), TG_OK);
    FAILS(tg_scheduler_step(advances), "Own: the class refuses this step");
    FAILS(tg_scheduler_step(momentum), "Invalid momentum value: -1");
    tg_scheduler_free(momentum);
    tg_scheduler_free(advances);
    tg_scheduler_free(lambda);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* ---- handlers ---- */

static const char *told[2];
static int errors;

/* Takes an error as done with; what comes after is one of its own. */
static void clears(const tg_error *error, void *context)
{
    (void)context;
    if (errors < 2) told[errors] = error->where;
    errors++;
    tg_error_clear();
    elsewhere();
}

TEST(test_an_error_handler)
{
    IN_SCOPE;
    tg_sequential *m = tg_sequential_new(tg_linear_new(5, 2), tg_relu_new());
    tg_tensor *x = tg_ones(tg_shape(4, 3));
    errors = 0;
    tg_set_error_handler(clears, NULL);
    tg_sequential_forward(m, x); /* the second layer gets no input */
    tg_set_error_handler(NULL, NULL);
    assert_int_equal(errors, 2);
    assert_ptr_equal(told[0], told[1]);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- handles that are gone ---- */

static tg_tensor *given_back_state(const void *options, tg_tensor *parameter, int state)
{
    (void)options, (void)parameter, (void)state;
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(3));
    tg_scope_end(scope);
    return t; /* of a scope that has ended */
}

TEST(test_a_state_that_is_gone)
{
    if (!caching()) skip();
    IN_SCOPE;
    tg_optimizer_class kind = own_kind;
    kind.states[0] = "state";
    kind.new_state = given_back_state;
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *optimizer = tg_optimizer_new(&kind, tg_list(p), &(only_lr){ 1 });
    give_gradient(p, (const double[]){ 1, 2, 3 });
    FAILS(tg_step(optimizer), "Own");
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

TEST(test_what_is_freed_twice)
{
    if (!caching()) skip();
    IN_SCOPE;
    tg_optimizer *sgd = tg_sgd_new(tg_list(parameter(TG_FLOAT32)));
    tg_scheduler *s = tg_step_lr_new(sgd, 3);
    tg_scheduler_free(s);
    FAILS(tg_scheduler_free(s), "scheduler_free: the scheduler was freed");
    tg_optimizer_free(sgd);
    FAILS(tg_optimizer_free(sgd), "optimizer_free: the optimizer was freed");
    FAILS(tg_optimizer_group_count(sgd), "group_count: the optimizer was freed");
    FAILS(tg_optimizer_class_of(sgd), "optimizer_class_of: the optimizer was freed");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_forward),
        T(test_an_activation_of_ones_own),
        T(test_backward),
        T(test_optimizers),
        T(test_averages),
        T(test_schedulers),
        T(test_an_error_handler),
        T(test_a_state_that_is_gone),
        T(test_what_is_freed_twice),
    };
    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
