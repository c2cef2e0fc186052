/* tg_flow: norms and updates against closed forms. h_t = w h_(t-1), so that dL/dh_t = w^(T-1-t). */
#include <tapegrad.h>

#include "tests/support/printed.h"
#include "tests/support/suite.h"

#include <math.h>

enum { STEPS = 6 };

static void expect_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-5 * fabs(expected))) fail_msg("%.9g where %.9g is right", value, expected);
}

static double at(tg_tensor *t, int64_t i, int64_t j)
{
    return tg_item(tg_select(tg_ndim(t) > 1 ? tg_select(t, 0, i) : t, 0, tg_ndim(t) > 1 ? j : i));
}

/* h_0 to h_5 of h = w h. */
static tg_tensor *chain(tg_tensor *w, bool named, bool labelled)
{
    tg_tensor *h = tg_ones(tg_shape(1));
    for (int t = 0; t < STEPS; t++) {
        if (labelled) tg_label("t=%d", t);
        h = tg_mul(w, h);
        if (named) tg_set_name(h, "h");
    }
    tg_label_end();
    return h;
}

/* Three walks; the weight moves between them as gradient descent moves it. */
TEST(test_steps_and_updates)
{
    IN_SCOPE;
    tg_tensor *w = tg_set_name(tg_full(tg_shape(1), 0.5, .requires_grad = true), "w");
    tg_optimizer *optimizer = tg_sgd_new(tg_list(w), .lr = 0.01);
    tg_flow *named = tg_flow_begin(.state = "h"), *any = tg_flow_begin();
    double weights[4] = { 0.5 };
    for (int walk = 0; walk < 3; walk++) {
        tg_scope step = tg_scope_begin();
        tg_label("epoch %d", walk);
        tg_zero_grad(optimizer);
        tg_scope inner = tg_scope_begin();
        tg_backward(chain(w, true, true));
        tg_step(optimizer);
        tg_scope_end(inner);
        tg_scope_end(step);
        weights[walk + 1] = tg_item(w);
    }
    tg_flow *const flows[] = { named, any };
    static const char *const names[] = { "h in t", "t" };
    for (int f = 0; f < 2; f++) {
        tg_flow *flow = flows[f];
        assert_int_equal(tg_flow_walks(flow), 3);
        assert_int_equal(tg_flow_count(flow, TG_FLOW_STEPS), 1);
        assert_int_equal(tg_flow_count(flow, TG_FLOW_PARAMETERS), 1);
        assert_string_equal(tg_flow_name(flow, TG_FLOW_STEPS, 0), names[f]);
        assert_string_equal(tg_flow_name(flow, TG_FLOW_UPDATES, 0), "w");
        assert_null(tg_flow_name(flow, TG_FLOW_STEPS, 1));
        tg_tensor *steps = tg_flow_norms(flow, TG_FLOW_STEPS, 0), *norms = tg_flow_norms(flow, TG_FLOW_PARAMETERS, 0);
        tg_tensor *updates = tg_flow_norms(flow, TG_FLOW_UPDATES, 0);
        /* of what a step hands on, the last one's is read by nobody: it is L */
        const int known = f == 0 ? STEPS : STEPS - 1;
        assert_int_equal(tg_size(steps, 0), 3);
        assert_int_equal(tg_size(steps, 1), known);
        for (int walk = 0; walk < 3; walk++) {
            const double x = weights[walk];
            for (int t = 0; t < known; t++) expect_close(at(steps, walk, t), pow(x, STEPS - 1 - t));
            expect_close(at(norms, walk, 0), STEPS * pow(x, STEPS - 1));
            expect_close(at(updates, walk, 0), fabs(weights[walk + 1] - x) / x);
        }
    }
    tg_flow_end(named);
    tg_flow_end(any);
    assert_false(tg_is_observed());
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* Without labels named states are counted; without either there are no steps, and a clear error. */
TEST(test_without_labels)
{
    IN_SCOPE;
    tg_tensor *w = tg_full(tg_shape(1), 2.0, .requires_grad = true);
    tg_flow *named = tg_flow_begin(.state = "h", .updates = false), *any = tg_flow_begin();
    tg_backward(chain(w, true, false));
    tg_tensor *steps = tg_flow_norms(named, TG_FLOW_STEPS, 0);
    for (int t = 0; t < STEPS; t++) expect_close(at(steps, 0, t), pow(2, STEPS - 1 - t));
    assert_string_equal(tg_flow_name(named, TG_FLOW_STEPS, 0), "h");
    assert_string_equal(tg_flow_name(named, TG_FLOW_PARAMETERS, 0), "leaf1");
    assert_true(isnan(at(tg_flow_norms(named, TG_FLOW_UPDATES, 0), 0, 0)));
    assert_int_equal(tg_flow_count(any, TG_FLOW_STEPS), 0);
    assert_null(tg_flow_chart(any));
    expect_error("no gradient came to a step that has a label");
    tg_flow_end(named);
    tg_flow_end(any);
    tg_scope_end(scope);
}

/* Two layers of one module are two loops; walks in which one takes no part leave gaps. */
typedef struct net {
    tg_module base;
    int layers;
    tg_tensor *w;
} net;
static tg_tensor *net_forward(tg_module *module, tg_tensor *x)
{
    net *m = (net *)module;
    for (int layer = 0; layer < m->layers; layer++) {
        tg_scope scope = tg_scope_begin();
        tg_label("layer %d", layer);
        for (int t = 0; t < 3; t++) {
            tg_scope inner = tg_scope_begin();
            tg_label("t=%d", t);
            x = tg_mul(m->w, x);
            tg_scope_end_with(inner, &x);
        }
        tg_scope_end_with(scope, &x);
    }
    return x;
}

TEST(test_loops_in_a_module)
{
    IN_SCOPE;
    net *m = tg_module_new(net, .name = "Net", .forward = net_forward);
    TG_PARAMETER(m, w, tg_full(tg_shape(1), 0.5));
    tg_flow *flow = tg_flow_begin();
    for (int walk = 0; walk < 3; walk++) {
        tg_scope step = tg_scope_begin();
        tg_label("epoch %d", walk);
        m->layers = walk == 1 ? 1 : 2;
        tg_backward(tg_sum(tg_module_forward(m, tg_ones(tg_shape(1)))));
        tg_scope_end(step);
    }
    assert_int_equal(tg_flow_count(flow, TG_FLOW_STEPS), 2);
    /* the walk comes to the last layer first */
    assert_string_equal(tg_flow_name(flow, TG_FLOW_STEPS, 0), "Net.layer 1.t");
    assert_string_equal(tg_flow_name(flow, TG_FLOW_STEPS, 1), "Net.layer 0.t");
    tg_tensor *second = tg_flow_norms(flow, TG_FLOW_STEPS, 0), *first = tg_flow_norms(flow, TG_FLOW_STEPS, 1);
    for (int t = 0; t < 3; t++) {
        expect_close(at(second, 0, t), pow(0.5, 2 - t));
        assert_true(isnan(at(second, 1, t)));
        expect_close(at(first, 0, t), pow(0.5, 5 - t));
        expect_close(at(first, 1, t), pow(0.5, 2 - t));
    }
    expect_printed(tg_flow_print_to(file, flow),
                   "3 walks\n"
                   "norm of the gradient                    latest      mean   largest    update\n"
                   "w                                        0.188     0.375      0.75         0\n"
                   "by time step, in the latest walk\n"
                   "Net.layer 1.t: 0: 0.25, 1: 0.5, 2: 1\n"
                   "Net.layer 0.t: 0: 0.0312, 1: 0.0625, 2: 0.125\n");
    tg_flow_end(flow);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* What several results of a step got is one norm: 3 and 4 make 5. */
TEST(test_several_results_of_a_step)
{
    IN_SCOPE;
    tg_flow *flow = tg_flow_begin();
    tg_tensor *a = tg_ones(tg_shape(1), .requires_grad = true);
    tg_label("t=0");
    tg_tensor *h = tg_exp(a), *c = tg_exp(a);
    tg_label_end();
    tg_backward(tg_add(tg_mul(h, 3.0), tg_mul(c, 4.0)));
    expect_close(at(tg_flow_norms(flow, TG_FLOW_STEPS, 0), 0, 0), 5);
    tg_flow_end(flow);
    tg_scope_end(scope);
}

/* What only a label inside the step reads has not left it; what that inner loop hands on has left the inner one. */
TEST(test_labels_inside_a_step)
{
    IN_SCOPE;
    tg_flow *flow = tg_flow_begin();
    tg_tensor *a = tg_ones(tg_shape(1), .requires_grad = true);
    tg_label("t=0");
    tg_tensor *h = tg_mul(a, 2.0), *inner;
    tg_scope head = tg_scope_begin();
    tg_label("head 0");
    inner = tg_mul(h, 3.0);
    tg_scope_end_with(head, &inner);
    tg_tensor *out = tg_mul(inner, 5.0);
    tg_label_end();
    tg_backward(tg_mul(out, 7.0));
    assert_int_equal(tg_flow_count(flow, TG_FLOW_STEPS), 2);
    assert_string_equal(tg_flow_name(flow, TG_FLOW_STEPS, 0), "t");
    assert_string_equal(tg_flow_name(flow, TG_FLOW_STEPS, 1), "head");
    expect_close(at(tg_flow_norms(flow, TG_FLOW_STEPS, 0), 0, 0), 7); /* of out, and not of h, 105 */
    expect_close(at(tg_flow_norms(flow, TG_FLOW_STEPS, 1), 0, 0), 35);
    tg_flow_end(flow);
    tg_scope_end(scope);
}

/* Numbers whose squares do not fit; zeros; what is not finite; tensors without elements; views of any strides. */
TEST(test_norms)
{
    IN_SCOPE;
    tg_flow *flow = tg_flow_begin();
    tg_tensor *w = tg_full(tg_shape(2, 3), 1.0, .dtype = TG_FLOAT64, .requires_grad = true);
    const double scales[] = { 1e200, 1e-200, 0, INFINITY, NAN };
    for (int i = 0; i < 5; i++) {
        tg_backward(tg_sum(tg_mul(tg_t(w), tg_full(tg_shape(), scales[i], .dtype = TG_FLOAT64))));
    }
    tg_tensor *norms = tg_flow_norms(flow, TG_FLOW_PARAMETERS, 0);
    expect_close(at(norms, 0, 0), 1e200 * sqrt(6));
    expect_close(at(norms, 1, 0), 1e-200 * sqrt(6));
    assert_true(at(norms, 2, 0) == 0);
    assert_true(isinf(at(norms, 3, 0)));
    assert_true(isnan(at(norms, 4, 0)));
    tg_flow_end(flow);
    tg_scope_end(scope);
}

TEST(test_charts)
{
    IN_SCOPE;
    tg_tensor *w = tg_set_name(tg_full(tg_shape(1), 0.1, .requires_grad = true), "w");
    tg_flow *flow = tg_flow_begin(.state = "h");
    for (int walk = 0; walk < 2; walk++) {
        tg_scope step = tg_scope_begin();
        tg_backward(chain(w, true, true));
        tg_scope_end(step);
    }
    char text[20000];
    tg_chart *chart = tg_flow_chart(flow);
    assert_true(tg_chart_format_svg(chart, text, sizeof text) > 0);
    assert_non_null(strstr(text, "log10 of the gradient&#39;s norm: h in t"));
    tg_chart_free(chart);
    chart = tg_flow_chart(flow, .title = "updates", .kind = TG_FLOW_UPDATES, .low = -3, .high = 0);
    assert_true(tg_chart_format(chart, text, sizeof text, .width = 60, .color = 0, .unicode = 0) > 0);
    assert_non_null(strstr(text, "updates"));
    tg_chart_free(chart);
    chart = tg_flow_chart(flow, .kind = TG_FLOW_PARAMETERS);
    assert_non_null(chart);
    tg_chart_free(chart);
    tg_flow_end(flow);
    tg_scope_end(scope);
}

TEST(test_misuse)
{
    IN_SCOPE;
    tg_flow *flow = tg_flow_begin();
    tg_flow_end(NULL);
    assert_int_equal(tg_flow_walks(NULL), 0);
    expect_error("flow_walks: the flow is NULL");
    assert_null(tg_flow_norms(flow, TG_FLOW_PARAMETERS, 0));
    expect_error("there is no series 0 of 0");
    assert_null(tg_flow_norms(flow, (tg_flow_kind)7, 0));
    expect_error("7 is no kind of series");
    assert_null(tg_flow_chart(flow, .kind = TG_FLOW_PARAMETERS));
    expect_error("no walk has been measured yet");
    assert_int_equal(tg_flow_print_to(NULL, flow), TG_FAILED);
    expect_error("the file is NULL");
    expect_printed(tg_flow_print_to(file, flow), "0 walks\n");
    tg_flow_end(flow);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_steps_and_updates),
        T(test_without_labels),
        T(test_loops_in_a_module),
        T(test_several_results_of_a_step),
        T(test_labels_inside_a_step),
        T(test_norms),
        T(test_charts),
        T(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
