/* test_optim_class.c: what every kind of optimiser can rely on: an update in ops and its kernel agree, a program's own
 * class trains, and a class that is wrong, or an update that fails, is an error that moves nothing. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/caching.h"
#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/parameters.h"
#include "tests/support/values.h"

#include "tapegrad.h"

/* The same elements in a column of a table: not contiguous. */
static tg_tensor *strided(void)
{
    const double values[] = { 0.5, 9, -1.25, 9, 2.0, 9 };
    tg_tensor *table = tg_from_data(values, tg_shape(3, 2), .dtype = TG_FLOAT64);
    return tg_requires_grad_(tg_detach(tg_select(table, 1, 0)), true);
}

/* Gradients of step k: other ones at each. */
static void give_gradient_of(tg_tensor *p, int k)
{
    const double factor = k + 1;
    give_gradient(p, (const double[]){ factor, -2 * factor, 0.5 * factor });
}

/* ---- an update in ops, and its kernel ---- */

enum { STEPS = 6 };

static void assert_close(const tg_tensor *a, const tg_tensor *b, double tolerance)
{
    double values[3];
    assert_int_equal(tg_to_array(b, values, 3), TG_OK);
    assert_values(a, values, 3, tolerance);
}

/* The class of `fused`, on the same options, without its kernel. The two round differently: the kernel has
 * multiplications and additions in one, and divides in another order. Each step adds a few units of the last place. */
static void compare_paths(tg_optimizer *fused, tg_tensor *p, const void *options, size_t bytes)
{
    tg_optimizer_class in_ops = *tg_optimizer_class_of(fused);
    assert_non_null(in_ops.update_fused);
    in_ops.update_fused = NULL;
    tg_tensor *q = tg_requires_grad_(tg_clone(tg_detach(p)), true);
    tg_optimizer *optimizer = tg_optimizer_new_at("test", &in_ops, tg_list(q), options, bytes);
    for (int k = 0; k < STEPS; k++) {
        give_gradient_of(p, k % 3 - 1); /* 0 too, and other signs */
        give_gradient_of(q, k % 3 - 1);
        assert_int_equal(tg_step(fused), TG_OK);
        assert_int_equal(tg_step(optimizer), TG_OK);
        const double tolerance = 4 * (k + 1) * epsilon(p);
        assert_close(q, p, tolerance);
        for (int i = 0; i < TG_MAX_STATES && in_ops.states[i]; i++) {
            tg_tensor *a = tg_optimizer_state(optimizer, q, in_ops.states[i]);
            tg_tensor *b = tg_optimizer_state(fused, p, in_ops.states[i]);
            assert_int_equal(a != NULL, b != NULL);
            if (a) assert_close(a, b, tolerance);
        }
    }
    tg_optimizer_free(optimizer);
    tg_optimizer_free(fused);
}

TEST(test_adam_in_ops_and_fused)
{
    for (int flags = 0; flags < 64; flags++) {
        tg_scope scope = tg_scope_begin();
        tg_adam_options o = TG_OPTIONS(tg_adam_options, TG_ADAM_DEFAULTS);
        o.lr = 0.1;
        o.weight_decay = flags & 1 ? 0.2 : 0;
        o.amsgrad = flags & 2;
        o.maximize = flags & 4;
        o.beta2 = flags & 8 ? 0.5 : 0.999;
        tg_tensor *p = parameter(flags & 16 ? TG_FLOAT64 : TG_FLOAT32);
        compare_paths((flags & 32 ? tg_adamw_new_at : tg_adam_new_at)("test", tg_list(p), o), p, &o, sizeof o);
        tg_scope_end(scope);
    }
}

TEST(test_sgd_in_ops_and_fused)
{
    for (int flags = 0; flags < 64; flags++) {
        tg_scope scope = tg_scope_begin();
        tg_sgd_options o = TG_OPTIONS(tg_sgd_options, TG_SGD_DEFAULTS);
        o.lr = 0.1;
        o.weight_decay = flags & 1 ? 0.2 : 0;
        o.momentum = flags & 2 ? 0.9 : 0;
        o.maximize = flags & 4;
        o.dampening = flags & 8 ? 0.25 : 0;
        o.nesterov = (flags & 32) && o.momentum > 0 && o.dampening == 0;
        tg_tensor *p = parameter(flags & 16 ? TG_FLOAT64 : TG_FLOAT32);
        compare_paths(tg_sgd_new_at("test", tg_list(p), o), p, &o, sizeof o);
        tg_scope_end(scope);
    }
}

TEST(test_rmsprop_in_ops_and_fused)
{
    for (int flags = 0; flags < 32; flags++) {
        tg_scope scope = tg_scope_begin();
        tg_rmsprop_options o = TG_OPTIONS(tg_rmsprop_options, TG_RMSPROP_DEFAULTS, .alpha = 0.5);
        o.weight_decay = flags & 1 ? 0.2 : 0;
        o.momentum = flags & 2 ? 0.5 : 0;
        o.maximize = flags & 4;
        o.centered = flags & 8;
        tg_tensor *p = parameter(flags & 16 ? TG_FLOAT64 : TG_FLOAT32);
        compare_paths(tg_rmsprop_new_at("test", tg_list(p), o), p, &o, sizeof o);
        tg_scope_end(scope);
    }
}

/* One of the optimisers whose only switches are decay and maximize (of which RAdam has none). */
#define COMPARE_PATHS(name, NAME, has_maximize, ...)                                                                   \
    for (int flags = 0; flags < 8; flags++) {                                                                          \
        tg_scope scope = tg_scope_begin();                                                                             \
        tg_##name##_options o = TG_OPTIONS(tg_##name##_options, TG_##NAME##_DEFAULTS, __VA_ARGS__);                    \
        o.weight_decay = flags & 1 ? 0.2 : 0;                                                                          \
        has_maximize;                                                                                                  \
        tg_tensor *p = parameter(flags & 4 ? TG_FLOAT64 : TG_FLOAT32);                                                 \
        compare_paths(tg_##name##_new_at("test", tg_list(p), o), p, &o, sizeof o);                                     \
        tg_scope_end(scope);                                                                                           \
    }

TEST(test_the_others_in_ops_and_fused){
    COMPARE_PATHS(adagrad, ADAGRAD, o.maximize = flags & 2, .lr = 0.1, .lr_decay = 0.5)
        COMPARE_PATHS(adadelta, ADADELTA, o.maximize = flags & 2, .rho = 0.75)
            COMPARE_PATHS(adamax, ADAMAX, o.maximize = flags & 2, .lr = 0.1, .beta2 = 0.75)
                COMPARE_PATHS(radam, RADAM, o.beta2 = flags & 2 ? 0.5 : 0.9, .lr = 0.1, .eps = 1e-3)
}

/* Either path flushes what is too small for full precision. */
TEST(test_states_are_flushed)
{
    tg_scope scope = tg_scope_begin();
    tg_adam_options o = TG_OPTIONS(tg_adam_options, TG_ADAM_DEFAULTS);
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *fast = tg_adam_new_at("test", tg_list(p), o);
    tg_optimizer_class in_ops = *tg_optimizer_class_of(fast);
    in_ops.update_fused = NULL;
    tg_optimizer *slow = tg_optimizer_new(&in_ops, tg_list(p), &o);
    tg_set_grad(p, tg_full(tg_shape(3), 2e-38));
    assert_int_equal(tg_step(fast), TG_OK);
    assert_int_equal(tg_step(slow), TG_OK);
    VALUES(tg_optimizer_state(fast, p, "exp_avg"), 0, 0, 0, 0); /* 2e-39 */
    VALUES(tg_optimizer_state(slow, p, "exp_avg"), 0, 0, 0, 0);
    tg_optimizer_free(fast);
    tg_optimizer_free(slow);
    tg_scope_end(scope);
}

/* ---- states from outside ---- */

TEST(test_states)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64), *q = parameter(TG_FLOAT64);
    tg_optimizer *amsgrad = tg_adam_new(tg_list(p, q), .amsgrad = true), *sgd = tg_sgd_new(tg_list(p));
    assert_null(tg_optimizer_state(amsgrad, p, "exp_avg"));
    assert_int_equal(tg_optimizer_steps(amsgrad, p), 0);
    give_gradient_of(p, 0);
    for (int i = 0; i < 2; i++) assert_int_equal(tg_step(amsgrad), TG_OK);
    assert_int_equal(tg_optimizer_steps(amsgrad, p), 2);
    assert_int_equal(tg_optimizer_steps(amsgrad, q), 0); /* it had no gradient */
    VALUES(tg_optimizer_state(amsgrad, p, "exp_avg"), 1e-15, 0.19, -0.38, 0.095);
    VALUES(tg_optimizer_state(amsgrad, p, "exp_avg_sq"), 1e-15, 0.001999, 0.007996, 0.00049975);
    VALUES(tg_optimizer_state(amsgrad, p, "max_exp_avg_sq"), 1e-15, 0.001999, 0.007996, 0.00049975);
    assert_null(tg_optimizer_state(amsgrad, q, "exp_avg"));
    assert_int_equal(tg_step(sgd), TG_OK);
    assert_null(tg_optimizer_state(sgd, p, "momentum_buffer")); /* without momentum there is none */
    assert_false(tg_failed());
    assert_null(tg_optimizer_state(amsgrad, p, "momentum_buffer"));
    expect_error("optimizer_state: Adam has no state \"momentum_buffer\"");
    assert_null(tg_optimizer_state(amsgrad, p, NULL));
    expect_error("Adam has no state \"NULL\"");
    assert_null(tg_optimizer_state(sgd, q, "momentum_buffer"));
    expect_error("the tensor is no parameter of this optimizer");
    assert_int_equal(tg_optimizer_steps(sgd, q), -1);
    expect_error("optimizer_steps: the tensor is no parameter of this optimizer");
    tg_optimizer_free(amsgrad);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* ---- a class of one's own ---- */

/* p = p - lr (g + weight_decay p + before), where `before` is the gradient of the last step and `count` the sum of step
 * numbers: states of two shapes, one of which is the gradient itself. */
typedef struct delayed_options {
    bool unused;
    double weight_decay;
    double lr;
} delayed_options;

static tg_tensor *delayed_state(const void *options, tg_tensor *p, int which)
{
    (void)options;
    return which == 0 ? tg_zeros_like(p) : tg_zeros(tg_shape(), .dtype = TG_INT64);
}

static void delayed_update(tg_update *u)
{
    const delayed_options *o = u->options;
    tg_tensor *sum = tg_add(tg_add(u->gradient, u->state[0]), tg_mul(u->parameter, o->weight_decay));
    u->parameter = tg_sub(u->parameter, tg_mul(sum, o->lr));
    u->state[0] = u->gradient;
    u->state[1] = tg_add(u->state[1], u->step);
}

static bool delayed_check(const tg_optimizer_class *kind, const void *options)
{
    const delayed_options *o = options;
    return tg_option_ok(kind, !o->unused, "flag", o->unused);
}

static const tg_optimizer_class delayed = {
    .name = "Delayed",
    .options_bytes = sizeof(delayed_options),
    .options = { TG_OPTION(delayed_options, lr), TG_OPTION(delayed_options, weight_decay) },
    .check = delayed_check,
    .states = { "before", "count" },
    .new_state = delayed_state,
    .update = delayed_update,
};

TEST(test_a_class_of_ones_own)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = strided(), *b = parameter(TG_FLOAT64);
    assert_false(tg_is_contiguous(a));
    tg_optimizer *optimizer = tg_optimizer_new(&delayed, tg_list(a), &(delayed_options){ .lr = 0.1 });
    assert_int_equal(tg_optimizer_add_param_group(optimizer, tg_list(b), .lr = 0.2, .weight_decay = 0.5), 1);
    assert_true(tg_lr(optimizer) == 0.1 && tg_group_lr(optimizer, 1) == 0.2);
    const int64_t version = tg_version(a), nodes = tg_tape_length();
    tg_tensor *before = NULL;
    for (int k = 0; k < 2; k++) {
        tg_scope scope_of_gradients = tg_scope_begin();
        give_gradient_of(a, k);
        give_gradient_of(b, k);
        tg_scope_end(scope_of_gradients); /* now .grad alone holds them */
        assert_int_equal(tg_step(optimizer), TG_OK);
        tg_mul_(tg_grad_of(a), 100); /* the state is no longer the gradient */
        if (!before) before = tg_optimizer_state(optimizer, a, "before");
        assert_ptr_equal(before, tg_optimizer_state(optimizer, a, "before")); /* the same handle at every step */
    }
    /* a: p - 0.1 g, then - 0.1 (2 g + g); b: p1 = p - 0.2 (g + p / 2), p2 = p1 - 0.2 (3 g + p1 / 2) */
    VALUES(a, 1e-15, 0.5 - 0.4, -1.25 + 0.8, 2 - 0.2);
    VALUES(b, 1e-15, 0.81 * 0.5 - 0.78, -0.81 * 1.25 + 1.56, 0.81 * 2 - 0.39);
    VALUES(before, 0, 2, -4, 1);
    VALUES(tg_optimizer_state(optimizer, b, "count"), 0, 3);
    assert_true(tg_version(a) > version && tg_tape_length() == nodes && tg_is_leaf(a) && tg_is_grad_enabled());
    assert_int_equal(tg_optimizer_add_param_group(optimizer, tg_list(parameter(TG_FLOAT32)), .lr = -1), -1);
    expect_error("Delayed: Invalid learning rate: -1");
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* States that move from one place to the next are not mixed up, and what stays is not touched. */
static void shift_update(tg_update *u)
{
    u->state[1] = u->state[0];
    u->state[0] = tg_add(u->state[0], 1);
    u->state[2] = u->parameter;
}

TEST(test_states_that_change_places)
{
    tg_scope scope = tg_scope_begin();
    const tg_optimizer_class shift = { .name = "Shift",
                                       .options_bytes = sizeof(double),
                                       .options = { { "lr", TG_OPTION_DOUBLE, 0 } },
                                       .states = { "new", "old", "copy" },
                                       .update = shift_update };
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *optimizer = tg_optimizer_new(&shift, tg_list(p), &(double){ 0.1 });
    give_gradient_of(p, 0);
    const int64_t version = tg_version(p);
    for (int k = 0; k < 3; k++) assert_int_equal(tg_step(optimizer), TG_OK);
    VALUES(tg_optimizer_state(optimizer, p, "new"), 0, 3, 3, 3);
    VALUES(tg_optimizer_state(optimizer, p, "old"), 0, 2, 2, 2);
    assert_int_equal(tg_version(p), version); /* the update left it as it was */
    tg_scope quiet = tg_no_grad_begin();
    tg_fill_(p, 7);
    tg_scope_end(quiet);
    VALUES(tg_optimizer_state(optimizer, p, "copy"), 0, 0.5, -1.25, 2);
    assert_int_equal(tg_optimizer_add_param_group(optimizer, tg_list(parameter(TG_FLOAT32)), .weight_decay = 1), -1);
    expect_error("Shift: there is no weight_decay among its options");
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* ---- a kernel of one's own ---- */

static void sign_update(tg_update *u)
{
    u->parameter = tg_sub(u->parameter, tg_mul(tg_sign(u->gradient), *(const double *)u->options));
}

static void sign_update_fused(const tg_update_piece *piece)
{
    const double lr = *(const double *)piece->options, *g = piece->gradient;
    double *p = piece->parameter;
    for (int64_t i = 0; i < piece->n; i++) p[i] -= lr * ((g[i] > 0) - (g[i] < 0));
}

TEST(test_a_kernel_of_ones_own)
{
    enum { MANY = 200001 };
    tg_scope scope = tg_scope_begin();
    tg_optimizer_class sign = { .name = "Sign",
                                .options_bytes = sizeof(double),
                                .options = { { "lr", TG_OPTION_DOUBLE, 0 } },
                                .update = sign_update };
    tg_manual_seed(0);
    tg_tensor *p = tg_randn(tg_shape(MANY), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *q = tg_requires_grad_(tg_clone(tg_detach(p)), true), *g = tg_randn(tg_shape(MANY), .dtype = TG_FLOAT64);
    tg_set_grad(p, g);
    tg_set_grad(q, g);
    tg_optimizer *slow = tg_optimizer_new(&sign, tg_list(p), &(double){ 0.25 });
    tg_optimizer_class quick = sign;
    quick.update_fused = sign_update_fused;
    tg_optimizer *fast = tg_optimizer_new(&quick, tg_list(q), &(double){ 0.25 });
    assert_int_equal(tg_step(slow), TG_OK);
    assert_int_equal(tg_step(fast), TG_OK);
    assert_true(tg_equal(p, q)); /* one multiplication by -1, 0 or 1: the same bits */
    assert_false(tg_equal(p, g));
    quick.states[0] = "count";
    quick.states[1] = NULL;
    quick.new_state = delayed_state;
    tg_optimizer_free(fast);
    fast = tg_optimizer_new(&quick, tg_list(q), &(double){ 0.25 });
    quick.states[1] = "other";
    assert_int_equal(tg_step(fast), TG_FAILED);
    expect_error("Sign: update_fused needs states of the parameter's shape and dtype, and \"other\" has another");
    assert_true(tg_equal(p, q));
    tg_optimizer_free(slow);
    tg_optimizer_free(fast);
    tg_scope_end(scope);
}

/* ---- classes that are wrong ---- */

TEST(test_bad_classes)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor_list p = tg_list(parameter(TG_FLOAT32));
    const delayed_options o = { .lr = 0.1 };
    tg_optimizer_class bad = delayed;
#define REFUSED(change, undo, text)                                                                                    \
    change;                                                                                                            \
    assert_null(tg_optimizer_new(&bad, p, &o));                                                                        \
    expect_error(text);                                                                                                \
    undo
    REFUSED(bad.name = NULL, bad.name = "Bad", "optimizer_new: the class has no name");
    REFUSED(bad.update = NULL, bad.update = delayed_update, "Bad: the class has no update");
    REFUSED(bad.options[0].name = "rate", bad.options[0].name = "lr",
            "Bad: the class has no double among its options that is called lr");
    REFUSED(bad.options[0].kind = TG_OPTION_BOOL, bad.options[0].kind = TG_OPTION_DOUBLE,
            "Bad: the class has no double among its options that is called lr");
    REFUSED(bad.options[1].kind = TG_OPTION_INT64, bad.options[1].kind = TG_OPTION_DOUBLE,
            "Bad: the class's weight_decay is no double");
    REFUSED(bad.options[0].offset = 17, bad.options[0].offset = 16,
            "Bad: an option of the class's table is not in its");
    REFUSED(bad.options[1].offset = SIZE_MAX, bad.options[1].offset = 8,
            "Bad: an option of the class's table is not in");
    REFUSED(bad.options[1].kind = 0, bad.options[1].kind = TG_OPTION_DOUBLE,
            "Bad: an option of the class's table is not");
    REFUSED(bad.options_bytes = 4, bad.options_bytes = 24, "Bad: an option of the class's table is not in its options");
    REFUSED(bad.options_bytes = 32, bad.options_bytes = 24, "Bad: the options have 24 bytes, those of the class 32");
#undef REFUSED
    char line[128];
    snprintf(line, sizeof line, "test_optim_class.c:%d: optimizer_new: the class is NULL", __LINE__ + 1);
    assert_null(tg_optimizer_new(NULL, p, &o));
    expect_error(line);
    assert_null(tg_optimizer_new(&bad, p, (const delayed_options *)NULL));
    expect_error("Bad: the options are NULL");
    assert_null(tg_optimizer_new(&bad, p, &(delayed_options){ .lr = 0.1, .weight_decay = -1 }));
    expect_error("Bad: Invalid weight_decay value: -1");
    snprintf(line, sizeof line, "test_optim_class.c:%d: Bad: Invalid flag: 1", __LINE__ + 1);
    assert_null(tg_optimizer_new(&bad, p, &(delayed_options){ .lr = 0.1, .unused = true }));
    expect_error(line);
    assert_null(tg_optimizer_class_of(NULL));
    expect_error("the optimizer is NULL");
    tg_scope_end(scope);
}

/* ---- updates that fail ---- */

static int second; /* whether this is the second parameter's update: the first one's is right */
static tg_optimizer *at_work;
static tg_tensor *dead;

static void fails(tg_update *u) { u->parameter = tg_matmul(u->parameter, tg_zeros(tg_shape(7))); }
static void puts_null(tg_update *u) { u->parameter = NULL; }
static void puts_null_state(tg_update *u) { u->state[0] = NULL; }
static void another_shape(tg_update *u) { u->parameter = tg_sum(u->parameter); }
static void another_dtype(tg_update *u) { u->state[0] = tg_to(u->state[0], TG_FLOAT32); }
static void unknown_state(tg_update *u) { u->state[3] = u->gradient; }
static void dead_tensor(tg_update *u) { u->parameter = dead; }
static void steps_again(tg_update *u) { (void)u, tg_step(at_work); }
static void frees(tg_update *u) { (void)u, tg_optimizer_free(at_work); }
static void just_says_so(tg_update *u) { (void)u, tg_fail("mine", "no luck"); }
static void writes_in_place(tg_update *u) { tg_mul_(u->state[0], 2); }
static void writes_the_gradient(tg_update *u) { tg_neg_(u->gradient); }

static void (*wrong)(tg_update *u);
static void sometimes_wrong(tg_update *u)
{
    delayed_update(u);
    u->state[0] = tg_add(u->state[0], 0);
    if (second++ == 1) wrong(u);
}

TEST(test_bad_updates)
{
    static const struct {
        void (*wrong)(tg_update *u);
        const char *error;
    } cases[] = {
        { fails, "matmul" },
        { puts_null, "Delayed: update put NULL in place of its parameter" },
        { puts_null_state, "Delayed: update put NULL in place of its before" },
        { another_shape, "Delayed: update made a parameter of another shape or dtype (inputs: float64[3], float64[])" },
        { another_dtype, "Delayed: update made a before of another shape or dtype (inputs: float64[3], float32[3])" },
        { unknown_state, "Delayed: update made a state, of which new_state made none" },
        { dead_tensor, "Delayed: the tensor was freed when its scope ended" },
        { steps_again, "Delayed: the optimizer is in a step already" },
        { frees, "optimizer_free: the optimizer is in a step" },
        { just_says_so, "mine: no luck" },
        { writes_the_gradient, "Delayed: update wrote to its gradient in place" },
    };
    tg_optimizer_class class_at_fault = delayed;
    class_at_fault.update = sometimes_wrong;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].wrong == dead_tensor && !caching())
            continue; /* a freed handle is looked at: a sanitizer's error */
        tg_scope scope = tg_scope_begin();
        tg_tensor *p[] = { parameter(TG_FLOAT64), parameter(TG_FLOAT64), parameter(TG_FLOAT64) };
        for (int k = 0; k < 3; k++) give_gradient_of(p[k], 0);
        at_work = tg_optimizer_new(&class_at_fault, tg_list_of(p, 3), &(delayed_options){ .lr = 0.1 });
        tg_scope inner = tg_scope_begin();
        dead = tg_ones(tg_shape(3), .dtype = TG_FLOAT64);
        tg_scope_end(inner);
        wrong = cases[i].wrong;
        for (int step = 0; step < 2; step++) { /* the first step, and one with states already there */
            second = 0;
            const double moved = 0.1 * step;
            const int64_t version = tg_version(p[0]);
            assert_int_equal(tg_step(at_work), TG_FAILED);
            expect_error(cases[i].error);
            for (int k = 0; k < 3; k++) {
                VALUES(p[k], 1e-15, 0.5 - moved, -1.25 + 2 * moved, 2 - 0.5 * moved);
                assert_int_equal(tg_optimizer_steps(at_work, p[k]), step);
                assert_int_equal(tg_optimizer_state(at_work, p[k], "before") != NULL, step);
                if (step) VALUES(tg_optimizer_state(at_work, p[k], "before"), 0, 1, -2, 0.5);
                give_gradient_of(p[k], 0);
            }
            assert_int_equal(tg_version(p[0]), version);
            second = 100; /* nothing is wrong now */
            if (step == 0) assert_int_equal(tg_step(at_work), TG_OK);
        }
        tg_optimizer_free(at_work);
        tg_scope_end(scope);
    }
}

TEST(test_an_update_in_place_is_an_error)
{
    tg_scope scope = tg_scope_begin();
    tg_optimizer_class in_place = delayed;
    in_place.update = writes_in_place;
    tg_tensor *p = parameter(TG_FLOAT64);
    give_gradient_of(p, 0);
    tg_optimizer *optimizer = tg_optimizer_new(&in_place, tg_list(p), &(delayed_options){ .lr = 0.1 });
    char line[160];
    snprintf(line, sizeof line, "test_optim_class.c:%d: Delayed: update wrote to its before in place", __LINE__ + 1);
    assert_int_equal(tg_step(optimizer), TG_FAILED);
    expect_error(line);
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* ---- no memory ---- */

static double total(tg_tensor *a, tg_tensor *b) { return tg_item(tg_add(tg_sum(a), tg_sum(b))); }

/* Three steps of two parameters in two groups. Not 0; 1e9 if a step that failed moved something. Such a step is done
 * again, as if nothing had happened. */
static double train(const tg_optimizer_class *kind, const void *options, size_t bytes)
{
    tg_tensor *a = strided(), *b = parameter(TG_FLOAT64);
    tg_optimizer *optimizer = tg_optimizer_new_at("test", kind, tg_list(a), options, bytes);
    tg_optimizer_add_param_group(optimizer, tg_list(b), .lr = 0.01);
    bool moved = false;
    for (int k = 0; k < 3 && tg_ok() && !moved; k++) {
        tg_scope step = tg_scope_begin();
        give_gradient_of(a, k);
        give_gradient_of(b, k);
        double before[6], after[6];
        const bool ready = tg_to_array(a, before, 3) == TG_OK && tg_to_array(b, before + 3, 3) == TG_OK;
        if (ready && tg_ok() && tg_step(optimizer) != TG_OK) {
            tg_error_clear();
            tg_to_array(a, after, 3);
            tg_to_array(b, after + 3, 3);
            moved = memcmp(before, after, sizeof before) != 0 || tg_optimizer_steps(optimizer, b) != k;
            tg_step(optimizer);
        }
        tg_scope_end(step);
    }
    const double result = moved ? 1e9 : tg_ok() ? total(a, b) : 0;
    if (optimizer) tg_optimizer_free(optimizer);
    return result;
}

static double train_delayed(void)
{
    const delayed_options o = { .lr = 0.1, .weight_decay = 0.5 };
    return train(&delayed, &o, sizeof o);
}

static tg_optimizer_class adam, adam_in_ops;
static double train_adam(void)
{
    const tg_adam_options o = TG_OPTIONS(tg_adam_options, TG_ADAM_DEFAULTS, .amsgrad = true);
    return train(&adam, &o, sizeof o);
}

static double train_adam_in_ops(void)
{
    const tg_adam_options o = TG_OPTIONS(tg_adam_options, TG_ADAM_DEFAULTS, .amsgrad = true);
    return train(&adam_in_ops, &o, sizeof o);
}

TEST(test_each_allocation_fails)
{
    tg_scope scope = tg_scope_begin();
    tg_optimizer *optimizer = tg_adam_new(tg_list(parameter(TG_FLOAT32)));
    adam = adam_in_ops = *tg_optimizer_class_of(optimizer);
    adam_in_ops.update_fused = NULL;
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
    fail_each_allocation(train_delayed);
    fail_each_allocation(train_adam);
    fail_each_allocation(train_adam_in_ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_adam_in_ops_and_fused),
        T(test_sgd_in_ops_and_fused),
        T(test_rmsprop_in_ops_and_fused),
        T(test_the_others_in_ops_and_fused),
        T(test_states_are_flushed),
        T(test_states),
        T(test_a_class_of_ones_own),
        T(test_states_that_change_places),
        T(test_a_kernel_of_ones_own),
        T(test_bad_classes),
        T(test_bad_updates),
        T(test_an_update_in_place_is_an_error),
        T(test_each_allocation_fails),
    };
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation of its own, and can fail */
    return cmocka_run_group_tests_name("optim_class", tests, NULL, NULL);
}
