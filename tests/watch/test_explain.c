/* tg_explain: numbers against closed forms, tg_grad and .grad; reasons where no gradient comes. */
#include <tapegrad.h>

#include "tests/support/printed.h"
#include "tests/support/suite.h"

#include <math.h>

static const char *explained(tg_tensor *t, tg_explain_options options)
{
    FILE *file = printed_begin();
    assert_int_equal(tg_explain_to_at(TG_HERE, file, t, options), TG_OK);
    return printed_end(file, __FILE__);
}
#define EXPLAINED(t, ...) explained(t, TG_EXPLAIN_OPTIONS(__VA_ARGS__))

static tg_tensor *leaf(const char *name, double value)
{
    return tg_set_name(tg_scalar(value, .requires_grad = true), name);
}

/* docs/one-step.md: y = tanh(w x), loss = mean(y y), w = 0.5, x = [1, 2]. */
static const char one_step[] = "w: float32[], a leaf made at here\n"
                               "L is %3, made by mean at here: 0.3968\n"
                               "dL/dw = 1.003\n"
                               "dL/dw comes from one use:\n"
                               "    %0 = mul(w, x)    here\n"
                               "        g = dL/d%0 = [0.3634, 0.3198]\n"
                               "        da = g * b\n"
                               "           = [0.3634, 0.3198] * [1, 2], summed to shape []\n"
                               "           = 1.003\n"
                               "dL/d%0 comes from one use:\n"
                               "    %1 = tanh(%0)    here\n"
                               "        g = dL/d%1 = [0.4621, 0.7616]\n"
                               "        da = g * (1 - y * y)\n"
                               "           = [0.4621, 0.7616] * (1 - [0.4621, 0.7616] * [0.4621, 0.7616])\n"
                               "           = [0.3634, 0.3198]\n"
                               "dL/d%1 comes from 2 uses:\n"
                               "    %2 = mul(%1, %1)    here\n"
                               "        g = dL/d%2 = [0.5, 0.5]\n"
                               "        da = g * b\n"
                               "           = [0.5, 0.5] * [0.4621, 0.7616]\n"
                               "           = [0.2311, 0.3808]\n"
                               "        db = g * a\n"
                               "           = [0.5, 0.5] * [0.4621, 0.7616]\n"
                               "           = [0.2311, 0.3808]\n"
                               "    the sum of these 2 is [0.4621, 0.7616]\n"
                               "dL/d%2 comes from one use:\n"
                               "    %3 = mean(%2)    here\n"
                               "        g = dL/d%3 = 1\n"
                               "        dx = g / n, stretched over dim\n"
                               "           = 1 / n, stretched over dim\n"
                               "           = [0.5, 0.5]\n"
                               "dL/d%3 = 1: it is L\n";

/* Before backward and after it, in a second step, too: the same words. */
TEST(test_one_step)
{
    tg_watch(true);
    for (int step = 0; step < 2; step++) {
        IN_SCOPE;
        tg_tensor *w = leaf("w", 0.5), *x = tg_set_name(tg_tensor_of(1.0, 2.0), "x"), *y = tg_tanh(tg_mul(w, x));
        tg_tensor *loss = tg_mean(tg_mul(y, y));
        assert_string_equal(EXPLAINED(w, .depth = 10), one_step);
        assert_null(tg_grad_of(w));
        assert_int_equal(tg_walk_length(), 0); /* nobody noticed */
        tg_backward(loss);
        FILE *file = printed_begin();
        tg_explain_to(file, w, .depth = 10);
        char *text = strstr((char *)printed_end(file, __FILE__), ".grad holds 1.003\n");
        assert_non_null(text);
        memmove(text, text + 18, strlen(text + 18) + 1);
        assert_string_equal(printed_text, one_step);
        tg_scope_end(scope);
    }
    tg_watch(false);
}

static void scaled(void *context, tg_tensor *const *in, tg_tensor **out)
{
    out[0] = tg_tanh(tg_mul(in[0], *(tg_tensor **)context));
}

/* What a function records that runs again has its numbers, and goes: the next time the same is told. L = sum of
 * tanh(w x), w = 0.5, x = [1, 2]: dL/dw = sum of x (1 - tanh^2). */
TEST(test_a_function_that_runs_again)
{
    static const char told[] = "w: float32[], a leaf made at here\n"
                               "L is %1, made by sum at here: 1.224\n"
                               "dL/dw = 1.626\n"
                               "dL/dw comes from one use:\n"
                               "    %2 = mul(x, w)    here\n"
                               "        g = dL/d%2 = [0.7864, 0.42]\n"
                               "        db = g * a\n"
                               "           = [0.7864, 0.42] * [1, 2], summed to shape []\n"
                               "           = 1.626\n";
    static const char unwatched[] = "\n    %2 = mul(-, w)    here\n        g = dL/d%2 = [0.7864, 0.42]\n";
    assert_true(fabs((1 - tanh(0.5) * tanh(0.5)) + 2 * (1 - tanh(1) * tanh(1)) - 1.626) < 5e-4);
    for (int watched = 0; watched < 2; watched++) {
        IN_SCOPE;
        tg_watch(watched);
        tg_tensor *w = leaf("w", 0.5), *x = tg_set_name(tg_tensor_of(1.0, 2.0), "x");
        tg_tensor *loss = tg_sum(tg_checkpoint(scaled, &w, tg_list(x)).items[0]);
        for (int time = 0; time < 3; time++) {
            const char *text = EXPLAINED(w);
            if (watched)
                assert_string_equal(text, told);
            else
                assert_non_null(strstr(text, unwatched));
            assert_int_equal(tg_tape_length(), 2);
        }
        assert_int_equal(tg_backward(loss), TG_OK);
        tg_watch(false);
        tg_scope_end(scope);
    }
}

static tg_tensor *recorded;
static tg_tensor *record_more(tg_tensor *grad, void *context)
{
    (void)grad;
    tg_set_grad_enabled(true);
    recorded = tg_keep(tg_exp(context));
    return NULL;
}

/* A hook in that walk has recorded something: it has its history still. */
TEST(test_a_hook_records_while_a_function_runs_again)
{
    IN_SCOPE;
    tg_tensor *w = leaf("w", 0.5), *h = tg_checkpoint(scaled, &w, tg_list(tg_tensor_of(1.0, 2.0))).items[0];
    tg_register_hook(h, record_more, w);
    tg_sum(h);
    EXPLAINED(w);
    assert_int_equal(tg_backward(recorded), TG_OK);
    assert_true(fabs(tg_item(tg_grad_of(w)) - exp(0.5)) < 1e-6);
    tg_release(recorded);
    tg_scope_end(scope);
}

/* Not watched: what was saved has numbers, and x, whose place among the inputs nobody knows then, has none. */
TEST(test_unwatched)
{
    IN_SCOPE;
    tg_tensor *w = leaf("w", 0.5), *x = tg_tensor_of(1.0, 2.0), *u = tg_mul(w, x), *loss = tg_sum(tg_exp(u));
    /* dL/dw = e^0.5 + 2 e^1 = 1.6487 + 5.4366 */
    assert_string_equal(EXPLAINED(w, .depth = 2), "w: float32[], a leaf made at here\n"
                                                  "L is %2, made by sum at here\n"
                                                  "dL/dw = 7.085\n"
                                                  "dL/dw comes from one use:\n"
                                                  "    %0 = mul(w, -)    here\n"
                                                  "        g = dL/d%0 = [1.649, 2.718]\n"
                                                  "        da = g * b\n"
                                                  "           = [1.649, 2.718] * b, summed to shape []\n"
                                                  "           = 7.085\n"
                                                  "dL/d%0 comes from one use:\n"
                                                  "    %1 = exp(%0)    here\n"
                                                  "        g = dL/d%1 = [1, 1]\n"
                                                  "        da = g * y\n"
                                                  "           = [1, 1] * [1.649, 2.718]\n"
                                                  "           = [1.649, 2.718]\n");
    tg_backward(loss);
    expect_in(EXPLAINED(w), "It cannot be told: a backward has released");
    tg_scope_end(scope);
}

/* A weight used at three steps: w h, h = w h, ...: h3 = w^3 h0, dL/dw = 3 w^2 h0 = 12, of which each step gives 4. */
TEST(test_a_shared_weight)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *w = leaf("w", 2), *h = leaf("h", 1);
    for (int t = 0; t < 3; t++) {
        tg_label("t=%d", t);
        h = tg_mul(w, h);
    }
    const char *text = EXPLAINED(w);
    expect_in(text, "dL/dw = 12\ndL/dw comes from 3 uses:\n");
    expect_in(text, "    %2 = mul(w, %1)    here    in t=2\n        g = dL/d%2 = 1\n        da = g * b\n"
                    "           = 1 * 4\n           = 4\n");
    expect_in(text, "    %0 = mul(w, h)    here    in t=0\n        g = dL/d%0 = 4\n        da = g * b\n"
                    "           = 4 * 1\n           = 4\n");
    expect_in(text, "    the sum of these 3 is 12\n");
    tg_watch(false);
    tg_scope_end(scope);
}

/* Products are handed over as factors; what is told is evaluated, and the sum is what tg_grad says. */
TEST(test_products_and_elements)
{
    for (int watched = 0; watched < 2; watched++) {
        IN_SCOPE;
        tg_watch(watched);
        tg_manual_seed(1);
        tg_tensor *w = tg_set_name(tg_randn(tg_shape(5, 6), .requires_grad = true), "w"), *x = tg_randn(tg_shape(7, 6));
        tg_tensor *y = tg_add(tg_linear(x, w), tg_linear(tg_mul(x, 2.0), w)), *loss = tg_sum(tg_mul(y, y));
        tg_tensor *grad = tg_grad(tg_list(loss), tg_list(w), .retain_graph = true).items[0];
        char expected[80];
        snprintf(expected, sizeof expected, "dL/dw = %.4g at [3, 4]\n",
                 tg_item(tg_select(tg_select(grad, 0, 3), 0, 4)));
        const char *text = EXPLAINED(w, .at = { 3, 4 });
        expect_in(text, expected);
        double first, second, sum;
        const char *at = strstr(text, "    dw = ");
        assert_non_null(at);
        assert_int_equal(sscanf(strstr(at, "\n           = ") + 13, "%lf at [3, 4]", &first), 1);
        at = strstr(at + 1, "    dw = ");
        assert_non_null(at);
        assert_int_equal(sscanf(strstr(at, "\n           = ") + 13, "%lf at [3, 4]", &second), 1);
        assert_int_equal(sscanf(strstr(at, "these 2 is ") + 11, "%lf at [3, 4]", &sum), 1);
        assert_true(fabs(first + second - sum) < 2e-3 * fabs(sum) && fabs(first) > 0);
        assert_true(fabs(first - 2 * second) < 2e-3 * fabs(first) || fabs(second - 2 * first) < 2e-3 * fabs(second));
        tg_watch(false);
        tg_scope_end(scope);
    }
}

/* Guards are not read of; options have numbers. d(a^3) = 3 a^2, d(softplus(2 a) / 2) = sigmoid(2 a). */
TEST(test_readable)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *a = leaf("a", 3);
    expect_in(EXPLAINED(a, .of = tg_pow(a, 3.0)), "        da = g * b * pow(a, b - 1)\n"
                                                  "           = 1 * 3 * pow(3, 3 - 1)\n"
                                                  "           = 27\n");
    expect_in(EXPLAINED(a, .of = tg_pow(2.0, a)), "        db = g * y * log(a)\n"
                                                  "           = 1 * 8 * log(2)\n"
                                                  "           = 5.545\n");
    expect_in(EXPLAINED(a, .of = tg_softplus(a, .beta = 2)), "           = 3 * 2 > 20 ? 1 : 1 * sigmoid(3 * 2)\n"
                                                             "           = 0.9975\n");
    expect_in(EXPLAINED(a, .of = tg_elu(a, .alpha = 0.5)),
              "        da = a > 0 ? g * scale : g * alpha * scale * input_scale * exp(input_scale * a)\n"
              "           = 3 > 0 ? 1 * 1 : 1 * 0.5 * 1 * 1 * exp(1 * 3)\n"
              "           = 1\n");
    expect_in(EXPLAINED(a, .of = tg_erf(a)), "da = g * 2 / sqrt(PI) * exp(-square(a))\n");
    tg_watch(false);
    tg_scope_end(scope);
}

/* h = tanh(h w) thrice, each called h: dL/dh says which; a name that only one has says it alone. */
TEST(test_names)
{
    IN_SCOPE;
    tg_tensor *w = leaf("w", 0.5), *n = tg_set_name(tg_mul(w, 3.0), "n"), *o = tg_set_name(tg_tanh(n), "o"), *h = o;
    const char *text = EXPLAINED(n);
    expect_in(text, "%0 n: float32[], made at here\nL is %1 o, made by tanh at here");
    expect_in(text, "dL/dn comes from one use:\n    %1 o = tanh(%0 n)    here\n        g = dL/do = 1\n");
    for (int t = 0; t < 2; t++) h = tg_set_name(tg_mul(h, w), "h");
    text = EXPLAINED(o, .of = h, .depth = 3);
    expect_in(
        text,
        "dL/do = 0.25\ndL/do comes from one use:\n    %2 h = mul(%1 o, w)    here\n        g = dL/dh at %2 = 0.5\n");
    expect_in(text, "dL/dh at %2 comes from one use:\n    %3 h = mul(%2 h, w)    here\n        g = dL/dh at %3 = 1\n");
    expect_in(text, "dL/dh at %3 = 1: it is L\n");
    tg_scope_end(scope);
}

/* What is written in place keeps its name, which is then the latest value's. */
TEST(test_names_in_place)
{
    IN_SCOPE;
    tg_tensor *w = leaf("w", 0.5), *h = tg_set_name(tg_mul(w, 3.0), "h");
    tg_relu_(h);
    assert_string_equal(tg_name_of(h), "h");
    expect_in(EXPLAINED(h, .of = tg_mul(h, 2.0)), "%1 h: float32[]");
    expect_in(EXPLAINED(w, .depth = 2), "    %1 h = relu_(%0)    here\n        g = dL/dh = 2\n");
    tg_scope_end(scope);
}

/* Parts' gradients are written where they belong: what is told is each one's own. */
TEST(test_split)
{
    for (int watched = 0; watched < 2; watched++) {
        IN_SCOPE;
        tg_watch(watched);
        tg_tensor *x = tg_set_name(tg_full(tg_shape(4), 1.0, .requires_grad = true), "x");
        const tg_tensor_list parts = tg_split(x, 2);
        tg_tensor *first = tg_exp(parts.items[0]),
                  *second = tg_square(parts.items[0]); /* e and 2, both into the same place */
        tg_tensor *loss = tg_sum(tg_add(first, second));
        if (watched) tg_backward(loss);
        const char *text = EXPLAINED(parts.items[0], .of = loss);
        expect_in(text, "           = [2, 2]\n");
        expect_in(text, "           = [2.718, 2.718]\n");
        expect_in(text, "    the sum of these 2 is [4.718, 4.718]\n");
        text = EXPLAINED(x, .of = loss, .depth = 2);
        expect_in(text, "dL/dx = [4.718, 4.718, 0, 0]\n");
        expect_in(text, "           = [2, 2]\n");
        expect_in(text, "           = [2.718, 2.718]\n");
        tg_watch(false);
        tg_scope_end(scope);
    }
}

/* a = 2, y = e^a written in place by 3 y: dL/da = 3 e^2; what mul_ had for a is gone, and has no number. */
TEST(test_in_place_and_nan)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *a = leaf("a", 2), *y = tg_add(a, 0.0);
    tg_mul_(y, 3.0);
    expect_in(EXPLAINED(a, .depth = 2), "    %1 = mul_(%0, 3)    here\n"
                                        "        g = dL/d%1 = 1\n"
                                        "        da = g * b\n"
                                        "           = 1 * 3\n"
                                        "           = 3\n");
    tg_tensor *b = leaf("b", -1), *bad = tg_log(b), *loss = tg_mul(bad, 0.0);
    expect_in(EXPLAINED(bad, .of = loss), "dL/d%2 = 0\n");
    tg_tensor *worse = tg_mul(tg_sqrt(tg_mul(b, 0.0)), b); /* sqrt'(0) = inf, 0 inf = nan */
    expect_in(EXPLAINED(b, .of = worse), "dL/db = nan\n");
    tg_watch(false);
    tg_scope_end(scope);
}

static tg_tensor *count_hook(tg_tensor *grad, void *context)
{
    (void)grad;
    ++*(int *)context;
    return NULL;
}

/* The walk is told to no observer but those that a hook registers meanwhile, who are told of the next. */
static int64_t registered = -1;
static int told;
static void on_walk(void *c, const tg_walk *what) { (void)c, (void)what, told++; }
static tg_tensor *register_hook(tg_tensor *grad, void *context)
{
    static const tg_observer observer = { .walk = on_walk };
    (void)grad, (void)context;
    if (registered < 0) registered = tg_observe(&observer, NULL);
    return NULL;
}

TEST(test_the_walk_changes_nothing)
{
    IN_SCOPE;
    static const tg_observer observer = { .walk = on_walk };
    int hooks = 0;
    told = 0;
    tg_tensor *a = leaf("a", 2), *y = tg_mul(a, a);
    tg_register_hook(y, count_hook, &hooks);
    tg_register_hook(y, register_hook, NULL);
    const int64_t number = tg_observe(&observer, NULL);
    const int64_t nodes = tg_tape_length(), tensors = tg_memory_stats().live_tensors;
    EXPLAINED(a);
    assert_int_equal(told, 0);
    assert_int_equal(hooks, 1);
    assert_int_equal(tg_tape_length(), nodes);
    assert_int_equal(tg_memory_stats().live_tensors, tensors);
    assert_null(tg_grad_of(a));
    tg_backward(y);
    assert_int_equal(told, 2);
    assert_true(tg_item(tg_grad_of(a)) == 4);
    tg_unobserve(number);
    tg_unobserve(registered);
    tg_scope_end(scope);
}

/* With nobody else registered, too. */
TEST(test_an_observer_registered_meanwhile)
{
    IN_SCOPE;
    registered = -1, told = 0;
    tg_tensor *b = leaf("b", 2), *z = tg_mul(b, b);
    tg_register_hook(z, register_hook, NULL);
    EXPLAINED(b);
    assert_true(tg_is_observed());
    tg_backward(z);
    assert_int_equal(told, 1);
    tg_unobserve(registered);
    assert_false(tg_is_observed());
    tg_scope_end(scope);
}

/* ---- no gradient ---- */

TEST(test_requires_none)
{
    IN_SCOPE;
    tg_tensor *a = leaf("a", 2), *y = tg_exp(a);
    expect_in(EXPLAINED(tg_set_name(tg_ones(tg_shape(2)), "x")),
              "x: float32[2], made at here\nNo gradient comes to it: it requires none. It was made at here.\n"
              "A leaf that is to have one is made with .requires_grad = true.");
    expect_in(EXPLAINED(tg_scalar(3)), "it is of int64, and only floating numbers have one.\n");
    expect_in(EXPLAINED(tg_detach(y)), "It has the memory of %0: it was detached from it at here.\n");
    expect_in(EXPLAINED(tg_detach(a)), "It has the memory of a: it was detached from it at here.\n");
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *z = tg_exp(a);
    tg_scope_end_with(quiet, &z);
    expect_in(EXPLAINED(z), "nobody asked for none (tg_no_grad_begin, tg_detach).\n");
    tg_scope inner = tg_scope_begin();
    tg_tensor *severed = tg_keep(tg_exp(a));
    tg_scope_end(inner);
    expect_in(EXPLAINED(severed), "has ended, and its node has gone.");
    tg_release(severed);
    tg_scope_end(scope);
}

TEST(test_leads_nowhere)
{
    IN_SCOPE;
    tg_tensor *unused = leaf("unused", 1), *beside = leaf("beside", 1), *cut = leaf("cut", 1), *w = leaf("w", 2);
    tg_watch(true);
    tg_exp(beside);
    tg_tensor *h = tg_exp(cut), *loss = tg_mul(tg_detach(h), w);
    expect_in(EXPLAINED(unused), "No gradient comes to it: no op on the tape uses it.\n");
    expect_in(EXPLAINED(beside, .of = loss),
              "No gradient comes to it: L does not depend on any op that uses it:\n    %0 = exp(beside)    here\n");
    const char *text = EXPLAINED(h, .of = loss);
    expect_in(text, "no op on the tape uses it.\n");
    expect_in(text, "enter this op through a tensor that was detached at here, where gradients end:\n"
                    "    %2 = mul(2.718, w)    here\n");
    expect_in(EXPLAINED(loss, .of = loss), "dL/d%2 = 1: it is L\n");
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_no_tape)
{
    IN_SCOPE;
    tg_tensor *a = tg_ones(tg_shape(2), .requires_grad = true);
    expect_in(EXPLAINED(a), "It cannot be told: nothing is on the tape.\n");
    tg_tensor *y = tg_exp(a);
    expect_in(EXPLAINED(a), "It cannot be told: no result on the tape has one element: say which one L is, by .of.\n");
    expect_in(EXPLAINED(a, .of = y), "dL/dleaf1 = [2.718, 2.718]\n"); /* of the sum */
    tg_scope_end(scope);
}

TEST(test_misuse)
{
    IN_SCOPE;
    tg_tensor *a = leaf("a", 1), *y = tg_exp(a);
    assert_int_equal(tg_explain_to(NULL, a), TG_FAILED);
    expect_error("explain: the file is NULL");
    assert_int_equal(tg_explain(NULL), TG_FAILED);
    expect_error("explain");
    assert_int_equal(tg_explain(y, .of = a), TG_FAILED);
    expect_error("`of` is on no tape");
    assert_int_equal(tg_explain(NULL, .of = y, .depth = -1), TG_FAILED);
    expect_error("explain");
    tg_tensor *w = tg_ones(tg_shape(2, 3), .requires_grad = true);
    tg_sum(w);
    assert_int_equal(tg_explain(w, .at = { 1, 3 }), TG_FAILED);
    expect_error("explain: there is no element `at`: index 3 is out of bounds for dimension 1 of shape [2, 3]");
    assert_int_equal(tg_explain(w, .at = { 0, -1 }), TG_FAILED);
    expect_error("index -1 is out of bounds for dimension 1");
    assert_int_equal(tg_explain(w, .at = { 0, 0, 1 }), TG_FAILED);
    expect_error("index 1 is out of bounds for dimension 2");
    assert_int_equal(tg_explain(y, .at = { 5 }), TG_FAILED);
    expect_error("index 5 is out of bounds for dimension 0 of shape []");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_one_step),
        T(test_a_function_that_runs_again),
        T(test_a_hook_records_while_a_function_runs_again),
        T(test_unwatched),
        T(test_a_shared_weight),
        T(test_products_and_elements),
        T(test_readable),
        T(test_names),
        T(test_names_in_place),
        T(test_split),
        T(test_in_place_and_nan),
        T(test_the_walk_changes_nothing),
        T(test_an_observer_registered_meanwhile),
        T(test_requires_none),
        T(test_leads_nowhere),
        T(test_no_tape),
        T(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
