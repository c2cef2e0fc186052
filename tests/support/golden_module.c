/* golden_module.c: see golden_module.h. */
#include "golden_module.h"

#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Draws an input as the case did; it must be the very same. */
static tg_tensor *draw(const golden *g, const char *key)
{
    if (!golden_has(g, key)) return NULL;
    tg_tensor *t = tg_rand(golden_array_of(g, key).shape, .requires_grad = true);
    golden_assert(g, key, t, tg_dtype_of(t) == TG_FLOAT32 ? 1e-8 : 0);
    return t;
}

static golden_inputs draw_inputs(const golden *g)
{
    golden_inputs in = { .names = { "input", "input2", "h0", "c0" } };
    if (golden_has(g, "inputs")) {
        memset(in.names, 0, sizeof in.names);
        sscanf(golden_string(g, "inputs"), "%15s %15s %15s", in.names[0], in.names[1], in.names[2]);
    }
    for (int i = 0; i < GOLDEN_INPUTS; i++) in.drawn[i] = draw(g, in.names[i]);
    return in;
}

static void compare(const golden *g, tg_module *m, const golden_results *r, const golden_inputs *in, double tolerance)
{
    char key[96];
    const tg_named_tensor_list named = tg_named_parameters(m);
    for (int64_t i = 0; i < named.count; i++) {
        snprintf(key, sizeof key, "sum.%s", named.items[i].name);
        golden_assert(g, key, tg_sum(tg_detach(named.items[i].tensor), .dtype = TG_FLOAT64), 1e-12);
        snprintf(key, sizeof key, "grad.%s", named.items[i].name);
        golden_assert(g, key, tg_grad_of(named.items[i].tensor), tolerance);
    }
    for (int i = 0; i < 3 && r->names[i]; i++) golden_assert(g, r->names[i], r->tensors[i], tolerance);
    for (int i = 0; i < GOLDEN_INPUTS; i++) {
        snprintf(key, sizeof key, "grad.%s", in->names[i]);
        if (in->drawn[i]) golden_assert(g, key, tg_grad_of(in->drawn[i]), tolerance);
    }
}

static void backward(const golden_results *r)
{
    tg_tensor *loss = tg_scalar(0.0);
    for (int i = 0; i < 3 && r->names[i]; i++)
        loss = tg_add(loss, tg_sum(tg_mul(r->tensors[i], golden_weights(r->tensors[i]))));
    tg_backward(loss);
}

void golden_assert_losses(const golden *g, tg_module *m, tg_tensor *(*loss_of)(void *context), void *context)
{
    const golden_array losses = golden_array_of(g, "losses");
    const double tolerance = tg_default_dtype() == TG_FLOAT32 ? 2e-6 : 1e-11;
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.05);
    for (int64_t i = 0; i < losses.count; i++) {
        tg_scope step = tg_scope_begin();
        tg_tensor *loss = loss_of(context);
        if (!(fabs(tg_item(loss) - losses.values[i]) <= tolerance))
            fail_msg("%s: step %d has a loss of %.17g, not %.17g", golden_case(g), (int)i, tg_item(loss),
                     losses.values[i]);
        tg_zero_grad(adam);
        tg_backward(loss);
        tg_step(adam);
        tg_scope_end(step);
    }
    tg_optimizer_free(adam);
}

typedef struct training {
    const golden *g;
    const char *kind;
    tg_module *m;
    golden_inputs in;
    golden_forward_fn forward;
} training;

static tg_tensor *first_result_squared(void *context)
{
    const training *t = context;
    return tg_mean(tg_square(t->forward(t->g, t->kind, t->m, t->in).tensors[0]));
}

void golden_run_module(const golden *g, golden_build_fn build, golden_forward_fn forward)
{
    const bool f32 = strcmp(golden_string(g, "dtype"), "float32") == 0;
    const char *kind = golden_string(g, "module");
    tg_scope scope = tg_scope_begin();
    tg_set_default_dtype(f32 ? TG_FLOAT32 : TG_FLOAT64);
    tg_manual_seed((uint64_t)golden_int(g, "seed"));
    tg_module *m = build(g, kind);
    if (!golden_int(g, "train")) tg_module_eval(m);
    const golden_inputs in = draw_inputs(g);
    if (golden_has(g, "losses")) {
        training t = { g, kind, m, in, forward };
        golden_assert_losses(g, m, first_result_squared, &t);
    } else {
        const golden_results r = forward(g, kind, m, in);
        backward(&r);
        compare(g, m, &r, &in, f32 ? 2e-6 : 1e-13);
    }
    if (tg_failed()) fail_msg("%s: %s", golden_case(g), tg_error_message());
    tg_module_free(m);
    tg_set_default_dtype(TG_FLOAT32);
    tg_scope_end(scope);
}
