/* The tape printed: as a program, as a graph, as a bill. Texts are written down by hand, their numbers worked out in
 * docs/one-step.md or beside them. */
#include <tapegrad.h>

#include "tests/support/printed.h"
#include "tests/support/suite.h"

#include <math.h>

/* ---- one step ---- docs/one-step.md */

typedef struct one_step {
    tg_tensor *x, *w, *u, *y, *q, *loss;
} one_step;

static one_step forward(bool named)
{
    one_step s = { .x = tg_tensor_of(1.0, 2.0), .w = tg_scalar(0.5, .requires_grad = true) };
    if (named) tg_set_name(s.x, "x"), tg_set_name(s.w, "w");
    s.u = tg_mul(s.w, s.x);
    s.y = tg_tanh(s.u);
    s.q = tg_mul(s.y, s.y);
    s.loss = tg_mean(s.q);
    if (named) tg_set_name(s.loss, "loss");
    return s;
}

/* Saved: x, 8 bytes; y, 8, by %1 and %2. */
TEST(test_unwatched)
{
    IN_SCOPE;
    forward(false);
    expect_printed(tg_tape_print(file), "leaf1: float32[] = leaf    here\n"
                                        "%0: float32[2] = mul(leaf1, -)    here    saves float32[2], 8 B\n"
                                        "%1: float32[2] = tanh(%0)    here    saves %1, 8 B\n"
                                        "%2: float32[2] = mul(%1, %1)    here    saves %1, 8 B\n"
                                        "%3: float32[] = mean(%2)    here\n"
                                        "4 nodes, 1 leaf; backward holds 16 B\n");
    tg_scope_end(scope);
}

/* Twice: what a second step prints is what the first did. */
TEST(test_watched_with_numbers)
{
    tg_watch(true);
    for (int step = 0; step < 2; step++) {
        IN_SCOPE;
        const one_step s = forward(true);
        expect_printed(tg_tape_print(file, .values = true, .grads = true, .backward = true),
                       "w: float32[] = leaf    here\n"
                       "    = 0.5\n"
                       "    grad none\n"
                       "%0: float32[2] = mul(w, x)    here    saves x, 8 B\n"
                       "    = [0.5, 1]\n"
                       "%1: float32[2] = tanh(%0)    here    saves %1, 8 B\n"
                       "    = [0.4621, 0.7616]\n"
                       "%2: float32[2] = mul(%1, %1)    here    saves %1, 8 B\n"
                       "    = [0.2136, 0.58]\n"
                       "%3 loss: float32[] = mean(%2)    here\n"
                       "    = 0.3968\n"
                       "4 nodes, 1 leaf; backward holds 16 B\n"
                       "\n"
                       "no walk yet\n");
        assert_int_equal(tg_backward(s.loss), TG_OK);
        expect_printed(tg_tape_print(file, .grads = true, .backward = true),
                       "w: float32[] = leaf    here\n"
                       "    grad 1.003\n"
                       "%0: float32[2] = mul(w, x)    here    spent\n"
                       "    grad [0.3634, 0.3198]\n"
                       "%1: float32[2] = tanh(%0)    here    spent\n"
                       "    grad [0.4621, 0.7616]\n"
                       "%2: float32[2] = mul(%1, %1)    here    spent\n"
                       "    grad [0.5, 0.5]\n"
                       "%3 loss: float32[] = mean(%2)    here\n"
                       "    grad 1\n"
                       "4 nodes, 1 leaf; backward holds 0 B\n"
                       "\n"
                       "the latest walk:\n"
                       "begins at %3 with 1\n"
                       "%3 mean    here    has 1\n"
                       "    to input 0, %2: [0.5, 0.5]\n"
                       "%2 mul    here    has [0.5, 0.5]\n"
                       "    to input 0, %1: [0.2311, 0.3808]\n"
                       "    to input 1, %1: [0.2311, 0.3808]\n"
                       "%1 tanh    here    has [0.4621, 0.7616]\n"
                       "    to input 0, %0: [0.3634, 0.3198]\n"
                       "%0 mul    here    has [0.3634, 0.3198]\n"
                       "    to input 0, w: 1.003\n"
                       "w is complete: 1.003\n");
        tg_scope_end(scope);
    }
    tg_watch(false);
}

static void tanh_of(void *context, tg_tensor *const *in, tg_tensor **out)
{
    (void)context;
    out[0] = tg_tanh(in[0]);
}

TEST(test_a_walk_in_which_a_function_runs_again)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *w = tg_set_name(tg_scalar(0.5, .requires_grad = true), "w");
    tg_tensor *y = tg_checkpoint(tanh_of, NULL, tg_list(w)).items[0];
    assert_int_equal(tg_backward(tg_mul(y, 3)), TG_OK);
    FILE *file = printed_begin();
    tg_tape_print(file, .backward = true);
    expect_in(printed_end(file, __FILE__), "begins at %1 with 1\n"
                                           "%1 mul    here    has 1\n"
                                           "    to input 0, %0: 3\n"
                                           "%0 checkpoint    here    has 3\n"
                                           "    runs again, and hands on to %2: 3\n"
                                           "%2 tanh    here    has 3\n"
                                           "    to input 0, w: 2.359\n"
                                           "w is complete: 2.359\n");
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_the_line_is_the_users)
{
    IN_SCOPE;
    char expected[300];
    const int line = __LINE__;
    tg_tensor *a = tg_ones(tg_shape(2), .requires_grad = true);
    tg_exp(a);
    snprintf(expected, sizeof expected,
             "leaf1: float32[2] = leaf    %s:%d\n%%0: float32[2] = exp(leaf1)    %s:%d    saves", __FILE__, line + 1,
             __FILE__, line + 2);
    FILE *file = printed_begin();
    tg_tape_print(file);
    expect_in(printed_end(file, "nowhere"), expected);
    tg_scope_end(scope);
}

/* What is printed while nothing is watched holds what was asked to be kept. */
TEST(test_retained_gradients)
{
    IN_SCOPE;
    tg_tensor *a = tg_set_name(tg_full(tg_shape(2), 3.0, .requires_grad = true), "a"), *y = tg_mul(a, 2.0);
    tg_retain_grad(y);
    tg_backward(tg_sum(tg_square(y))); /* dL/dy = 2 y = 12, dL/da = 24 */
    expect_printed(tg_tape_print(file, .grads = true, .backward = true),
                   "a: float32[2] = leaf    here\n"
                   "    grad [24, 24]\n"
                   "%0: float32[2] = mul(a, -)    here    spent\n"
                   "    grad [12, 12]\n"
                   "%1: float32[2] = square(%0)    here    spent\n"
                   "%2: float32[] = sum(%1)    here\n"
                   "3 nodes, 1 leaf; backward holds 0 B\n"
                   "\n"
                   "no walk is known: tg_watch(true) before it keeps it\n");
    tg_scope_end(scope);
}

/* ---- names, numbers, shapes ---- */

TEST(test_names_that_come_twice)
{
    IN_SCOPE;
    tg_tensor *a = tg_ones(tg_shape(1), .requires_grad = true), *b = tg_ones(tg_shape(1), .requires_grad = true);
    tg_tensor *c = tg_ones(tg_shape(1), .requires_grad = true), *d = tg_ones(tg_shape(1), .requires_grad = true);
    tg_set_name(a, "weight"), tg_set_name(c, "weight");
    tg_tensor *first = tg_add(a, b), *second = tg_add(c, d);
    tg_add(first, second);
    tg_set_name(tg_add(a, d), "two\nlines\x1b[31m");
    expect_printed(tg_tape_print(file), "weight: float32[1] = leaf    here\n"
                                        "leaf1: float32[1] = leaf    here\n"
                                        "weight#2: float32[1] = leaf    here\n"
                                        "leaf2: float32[1] = leaf    here\n"
                                        "%0: float32[1] = add(weight, leaf1)    here\n"
                                        "%1: float32[1] = add(weight#2, leaf2)    here\n"
                                        "%2: float32[1] = add(%0, %1)    here\n"
                                        "%3 two lines\xef\xbf\xbd[31m: float32[1] = add(weight, leaf2)    here\n"
                                        "4 nodes, 4 leaves; backward holds 0 B\n");
    tg_scope_end(scope);
}

TEST(test_several_outputs)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *x = tg_set_name(tg_reshape(tg_arange(0, 6, 1, .dtype = TG_FLOAT64), tg_shape(6, 1)), "x");
    tg_requires_grad_(x, true);
    const tg_tensor_list three = tg_split(x, 2), six = tg_unbind(x, 0);
    tg_backward(tg_sum(tg_mul(three.items[1], 3.0)));
    expect_printed(tg_tape_print(file, .values = true, .grads = true, .of = three.items[0]),
                   "x: float64[6, 1] = leaf    here\n"
                   "    = [[0], [1], [2], [3], [4], [5]]\n"
                   "    grad [[0], [0], [3], [3], [0], [0]]\n"
                   "%0.0: float64[2, 1], %0.1: float64[2, 1], %0.2: float64[2, 1] = split(x)    here\n"
                   "    .0 = [[0], [1]]\n"
                   "    .1 = [[2], [3]]\n"
                   "    .1 grad [[3], [3]]\n"
                   "    .2 = [[4], [5]]\n"
                   "1 node, 1 leaf; backward holds 0 B\n");
    expect_printed(tg_tape_print(file, .of = six.items[3]), "x: float64[6, 1] = leaf    here\n"
                                                            "%1.0 to %1.5: float64[1] each = unbind(x)    here\n"
                                                            "1 node, 1 leaf; backward holds 0 B\n");
    tg_watch(false);
    tg_scope_end(scope);
}

/* The mean of 0 to 19 is 9.5; what is not finite is counted, and is in no mean. */
TEST(test_large_and_broken_values)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *a = tg_set_name(tg_arange(0, 20, 1, .dtype = TG_FLOAT32), "a"),
              *none = tg_set_name(tg_zeros(tg_shape(0, 3)), "none");
    tg_tensor *bad = tg_set_name(tg_full(tg_shape(20), NAN), "bad"),
              *one = tg_set_name(tg_tensor_of(NAN, -INFINITY, 2.0), "one");
    tg_tensor *leaves[] = { a, none, bad, one };
    for (int i = 0; i < 4; i++) tg_neg(tg_requires_grad_(leaves[i], true));
    tg_mul(one, tg_full(tg_shape(3), 1000000, .dtype = TG_INT64)); /* becomes float32 */
    expect_printed(tg_tape_print(file, .values = true),
                   "a: float32[20] = leaf    here\n"
                   "    = min 0, mean 9.5, max 19\n"
                   "none: float32[0, 3] = leaf    here\n"
                   "    = []\n"
                   "bad: float32[20] = leaf    here\n"
                   "    = 20 not finite\n"
                   "one: float32[3] = leaf    here\n"
                   "    = [nan, -inf, 2]\n"
                   "%0: float32[20] = neg(a)    here\n"
                   "    = min -19, mean -9.5, max 0\n"
                   "%1: float32[0, 3] = neg(none)    here\n"
                   "    = []\n"
                   "%2: float32[20] = neg(bad)    here\n"
                   "    = 20 not finite\n"
                   "%3: float32[3] = neg(one)    here\n"
                   "    = [nan, inf, -2]\n"
                   "%4: float32[3] = mul(one, [1e+06, 1e+06, 1e+06])    here    saves "
                   "float32[3], 12 B\n"
                   "    = [nan, -inf, 2e+06]\n"
                   "5 nodes, 4 leaves; backward holds 12 B\n");
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_written_in_place)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *a = tg_set_name(tg_full(tg_shape(2), 2.0, .requires_grad = true), "a"), *y = tg_exp(a);
    tg_mul_(y, 3.0); /* exp saved what is no more */
    expect_printed(tg_tape_print(file, .values = true),
                   "a: float32[2] = leaf    here\n"
                   "    = [2, 2]\n"
                   "%0: float32[2] = exp(a)    here    saves %1 (written since), 8 B\n"
                   "%1: float32[2] = mul_(%0, 3)    here    saves 3, 4 B\n"
                   "    = [22.17, 22.17]\n"
                   "2 nodes, 1 leaf; backward holds 12 B\n");
    tg_watch(false);
    tg_scope_end(scope);
}

/* ---- blocks ---- */

typedef struct net {
    tg_module base;
    tg_linear *cell, *out;
} net;

static tg_tensor *net_forward(tg_module *module, tg_tensor *x)
{
    net *m = (net *)module;
    tg_tensor *h = tg_zeros(tg_shape(1, 2));
    for (int t = 0; t < tg_size(x, 0); t++) {
        tg_label("t=%d", t);
        h = tg_set_name(tg_tanh(tg_add(tg_linear_forward(m->cell, h), tg_select(x, 0, t))), "h");
    }
    tg_label_end();
    return tg_linear_forward(m->out, h);
}

static net *net_new(void)
{
    net *m = tg_module_new(net, .name = "Net", .forward = net_forward);
    TG_SUBMODULE(m, cell, tg_linear_new(2, 2));
    TG_SUBMODULE(m, out, tg_linear_new(2, 1, .bias = false));
    return m;
}

static const char net_leaves[] = "cell.weight: float32[2, 2] = leaf    here\n"
                                 "cell.bias: float32[2] = leaf    here\n"
                                 "out.weight: float32[1, 2] = leaf    here\n";

/* Step 0 begins from zeros, which is another program than step 1; steps 2 to 4 are as step 1. */
TEST(test_blocks_and_folding)
{
    tg_watch(true);
    net *m = net_new();
    for (int step = 0; step < 2; step++) {
        IN_SCOPE;
        char expected[2000];
        tg_tensor *y = tg_module_forward(m, tg_ones(tg_shape(5, 1, 2)));
        snprintf(
            expected, sizeof expected, "%s%s", net_leaves,
            "Net:\n"
            "    t=0:\n"
            "        cell (Linear):\n"
            "            %0: float32[1, 2] = linear(float32[1, 2], cell.weight, cell.bias)    here    saves float32[1, 2], 8 B\n"
            "        %1: float32[1, 2] = add(%0, float32[1, 2])    here\n"
            "        %2 h: float32[1, 2] = tanh(%1)    here    saves %2, 8 B\n"
            "    t=1:\n"
            "        cell (Linear):\n"
            "            %3: float32[1, 2] = linear(%2, cell.weight, cell.bias)    here    saves %2, cell.weight, 8 B\n"
            "        %4: float32[1, 2] = add(%3, float32[1, 2])    here\n"
            "        %5 h: float32[1, 2] = tanh(%4)    here    saves %5, 8 B\n"
            "    t=2 to t=4: 3 times as t=1 (%6 to %14)\n"
            "    out (Linear):\n"
            "        %15: float32[1, 1] = linear(%14, out.weight)    here    saves %14, out.weight, 8 B\n"
            "16 nodes, 3 leaves; backward holds 48 B\n"); /* zeros and five h's */
        expect_printed(tg_tape_print(file, .fold = 1), expected);
        FILE *file = printed_begin();
        tg_tape_print(file, .of = y); /* short: not folded unless it is asked for */
        expect_in(printed_end(file, __FILE__), "    t=4:\n        cell (Linear):\n            %12: ");
        tg_scope_end(scope);
    }
    tg_watch(false);
    tg_module_free(m);
}

/* Without labels the lines of a loop fold all the same: here of a period of two nodes. */
TEST(test_a_loop_without_labels_folds)
{
    IN_SCOPE;
    tg_tensor *w = tg_set_name(tg_ones(tg_shape(3), .requires_grad = true), "w"), *h = w;
    for (int t = 0; t < 30; t++) {
        h = tg_mul(h, w);
        h = tg_tanh(h);
    }
    tg_exp(tg_exp(h)); /* twice is not worth it */
    expect_printed(tg_tape_print(file), "w: float32[3] = leaf    here\n"
                                        "%0: float32[3] = mul(w, w)    here    saves w\n"
                                        "%1: float32[3] = tanh(%0)    here    saves %1, 12 B\n"
                                        "%2: float32[3] = mul(%1, w)    here    saves %1, w, 12 B\n"
                                        "%3 to %58: 28 times as %1 to %2\n"
                                        "%59: float32[3] = tanh(%58)    here    saves %59, 12 B\n"
                                        "%60: float32[3] = exp(%59)    here    saves %60, 12 B\n"
                                        "%61: float32[3] = exp(%60)    here    saves %61, 12 B\n"
                                        "62 nodes, 1 leaf; backward holds 384 B\n");
    tg_scope_end(scope);
}

/* What differs in anything that is told is not folded: a number, a line, a shape, a leaf. */
TEST(test_what_differs_does_not_fold)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *w = tg_set_name(tg_ones(tg_shape(3), .requires_grad = true), "w"), *h = w;
    for (int t = 0; t < 12; t++) h = tg_mul(h, t == 6 ? 2.0 : 1.0);
    FILE *file = printed_begin();
    tg_tape_print(file, .fold = 1);
    const char *text = printed_end(file, __FILE__);
    expect_in(text, "%2 to %5: 4 times as %1\n%6: float32[3] = mul(%5, 2)");
    expect_in(text, "%8 to %11: 4 times as %7\n12 nodes");
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_other_lines_do_not_fold)
{
    IN_SCOPE;
    tg_tensor *h = tg_exp(tg_ones(tg_shape(3), .requires_grad = true));
    h = tg_tanh(h);
    h = tg_tanh(h);
    h = tg_tanh(h);
    h = tg_tanh(h);
    h = tg_tanh(h);
    FILE *file = printed_begin();
    tg_tape_print(file, .fold = 1);
    expect_in(printed_end(file, __FILE__), "%4: float32[3] = tanh(%3)    here    saves %4, 12 B\n%5: ");
    tg_scope_end(scope);
}

/* Only what it depends on; indices are those of the tape. */
TEST(test_of_a_result)
{
    IN_SCOPE;
    tg_tensor *a = tg_set_name(tg_ones(tg_shape(1), .requires_grad = true), "a");
    tg_tensor *b = tg_set_name(tg_ones(tg_shape(1), .requires_grad = true), "b");
    tg_exp(a);
    tg_tensor *y = tg_exp(b);
    tg_exp(y);
    expect_printed(tg_tape_print(file, .of = y), "b: float32[1] = leaf    here\n"
                                                 "%1: float32[1] = exp(b)    here    saves %1, 4 B\n"
                                                 "1 node, 1 leaf; backward holds 4 B\n");
    tg_scope_end(scope);
}

/* ---- graphs ---- */

TEST(test_dot)
{
    IN_SCOPE;
    tg_watch(true);
    const one_step s = forward(true);
    tg_set_name(s.y, "a \"y\" \\");
    expect_printed(tg_tape_print_dot(file, .of = s.q, .values = true),
                   "digraph tape {\n"
                   "    graph [rankdir=LR, fontname=\"sans-serif\"];\n"
                   "    node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\"];\n"
                   "    n0 [label=\"%0 mul\\nfloat32[2]\\n= [0.5, 1]\"];\n"
                   "    n1 [label=\"%1 a \\\"y\\\" \\\\ = tanh\\nfloat32[2]\\n= [0.4621, 0.7616]\"];\n"
                   "    n2 [label=\"%2 mul\\nfloat32[2]\\n= [0.2136, 0.58]\", penwidth=2];\n"
                   "    l0 [label=\"w\\nfloat32[]\\n= 0.5\", shape=ellipse, fillcolor=\"#cfe3f7\"];\n"
                   "    l0 -> n0;\n"
                   "    c0_1 [label=\"x\", style=dashed];\n"
                   "    c0_1 -> n0;\n"
                   "    n0 -> n1;\n"
                   "    n1 -> n2;\n"
                   "}\n");
    tg_watch(false);
    tg_scope_end(scope);
}

/* At depth 1 each step is a box; the weights have one arrow, to the step that reads them first. */
TEST(test_dot_folded)
{
    tg_watch(true);
    net *m = net_new();
    IN_SCOPE;
    tg_module_forward(m, tg_ones(tg_shape(3, 1, 2)));
    expect_printed(
        tg_tape_print_dot(file, .depth = 1),
        "digraph tape {\n"
        "    graph [rankdir=LR, fontname=\"sans-serif\"];\n"
        "    node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\"];\n"
        "    subgraph cluster_0 {\n"
        "        graph [label=\"Net\", style=rounded];\n"
        "        n1 [label=\"t=0\\n3 nodes\", peripheries=2, fillcolor=\"#f5f0e6\"];\n"
        "        n6 [label=\"t=1\\n3 nodes\\ncell.weight\\ncell.bias\", peripheries=2, fillcolor=\"#f5f0e6\"];\n"
        "        n11 [label=\"t=2\\n3 nodes\\ncell.weight\\ncell.bias\", peripheries=2, fillcolor=\"#f5f0e6\"];\n"
        "        n16 [label=\"out (Linear)\\n1 node\", peripheries=2, fillcolor=\"#f5f0e6\"];\n"
        "    }\n"
        "    l0 [label=\"cell.weight\\nfloat32[2, 2]\", shape=ellipse, fillcolor=\"#cfe3f7\"];\n"
        "    l0 -> n1;\n"
        "    l1 [label=\"cell.bias\\nfloat32[2]\", shape=ellipse, fillcolor=\"#cfe3f7\"];\n"
        "    l1 -> n1;\n"
        "    n1 -> n6;\n"
        "    n6 -> n11;\n"
        "    n11 -> n16;\n"
        "    l2 [label=\"out.weight\\nfloat32[1, 2]\", shape=ellipse, fillcolor=\"#cfe3f7\"];\n"
        "    l2 -> n16;\n"
        "}\n");
    FILE *file = printed_begin();
    tg_tape_print_dot(file);
    const char *text = printed_end(file, __FILE__);
    int open = 0, frames = 0;
    for (const char *at = text; *at; at++) {
        open += (*at == '{') - (*at == '}');
        assert_true(open >= 0);
    }
    for (const char *at = text; (at = strstr(at, "subgraph")) != NULL; at++) frames++;
    assert_int_equal(open, 0);
    assert_int_equal(frames, 1 + 3 + 3 + 1); /* Net; steps; cells in them; out */
    tg_watch(false);
    tg_scope_end(scope);
    tg_module_free(m);
}

/* ---- memory ---- */

/* x, 400 bytes, is held by linear alone; y, 80, by tanh and mul; the weight is a leaf, and lives anyway. */
TEST(test_memory)
{
    IN_SCOPE;
    tg_watch(true);
    tg_tensor *w = tg_set_name(tg_ones(tg_shape(2, 10), .requires_grad = true), "w"), *x = tg_ones(tg_shape(10, 10));
    tg_label("layer 7");
    tg_tensor *y = tg_tanh(tg_linear(x, w));
    tg_label("layer 8");
    tg_tensor *loss = tg_sum(tg_mul(y, y));
    FILE *file = printed_begin();
    assert_int_equal(tg_tape_memory_print(file, .of = loss), TG_OK);
    const char *text = printed_end(file, __FILE__);
    static const char expected[] = "backward holds 480 B in 2 tensors for 4 nodes\n"
                                   "by op                                        bytes   tensors     alone\n"
                                   "    linear                                   400 B         1     400 B\n"
                                   "    mul                                       80 B         1       0 B\n"
                                   "    tanh                                      80 B         1       0 B\n"
                                   "by place                                     bytes   tensors     alone\n"
                                   "    layer *                                  480 B         2     480 B\n"
                                   "by line                                      bytes   tensors     alone\n"
                                   "    here                                     480 B         2     400 B\n"
                                   "    here                                      80 B         1       0 B\n"
                                   "1 leaf tensor: 80 B, and 0 of their gradients: 0 B\n"
                                   "the nodes themselves: ";
    char squeezed[2000]; /* the width of a column depends on the length of "here" */
    const char *line = text;
    size_t n = 0;
    for (; *line && n < sizeof squeezed - 1; line++)
        if (*line != ' ' || line[1] != ' ') squeezed[n++] = *line;
    squeezed[n] = '\0';
    char wanted[2000];
    size_t k = 0;
    for (const char *at = expected; *at; at++)
        if (*at != ' ' || at[1] != ' ') wanted[k++] = *at;
    wanted[k] = '\0';
    squeezed[k] = '\0';
    assert_string_equal(squeezed, wanted);
    tg_backward(loss);
    file = printed_begin();
    tg_tape_memory_print(file);
    expect_in(printed_end(file, __FILE__), "backward holds 0 B in 0 tensors for 4 nodes\n");
    expect_in(printed_text, "1 leaf tensor: 80 B, and 1 of their gradients: 80 B\n");
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_memory_in_few_rows)
{
    IN_SCOPE;
    tg_tensor *a = tg_ones(tg_shape(8), .requires_grad = true);
    tg_mul(tg_exp(a), tg_tanh(a));
    FILE *file = printed_begin();
    tg_tape_memory_print(file, .rows = 1);
    const char *text = printed_end(file, __FILE__);
    expect_in(text, "    mul");
    assert_null(strstr(text, "    exp"));
    expect_in(text, "(no module, no label)");
    tg_scope_end(scope);
}

/* ---- misuse ---- */

TEST(test_an_empty_tape)
{
    IN_SCOPE;
    for (int i = 0; i < 2; i++) {
        tg_watch(i);
        expect_printed(tg_tape_print(file, .fold = 1), "0 nodes, 0 leaves; backward holds 0 B\n");
        FILE *file = printed_begin();
        assert_int_equal(tg_tape_print_dot(file, .depth = 0), TG_OK);
        assert_int_equal(tg_tape_memory_print(file), TG_OK);
        printed_end(file, __FILE__);
    }
    tg_watch(false);
    tg_scope_end(scope);
}

TEST(test_misuse)
{
    IN_SCOPE;
    tg_tensor *a = tg_ones(tg_shape(2), .requires_grad = true), *y = tg_exp(a);
    assert_int_equal(tg_tape_print(NULL), TG_FAILED);
    expect_error("tape_print: the file is NULL");
    assert_int_equal(tg_tape_print_dot(NULL), TG_FAILED);
    expect_error("tape_print_dot: the file is NULL");
    assert_int_equal(tg_tape_memory_print(NULL), TG_FAILED);
    expect_error("tape_memory_print: the file is NULL");
    assert_int_equal(tg_tape_print(stdout, .of = a), TG_FAILED);
    expect_error("`of` is on no tape");
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(tg_tape_print(full, .of = y), TG_FAILED);
        expect_error("the file takes no more");
        fclose(full);
    }
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_unwatched),
        T(test_watched_with_numbers),
        T(test_a_walk_in_which_a_function_runs_again),
        T(test_the_line_is_the_users),
        T(test_retained_gradients),
        T(test_names_that_come_twice),
        T(test_several_outputs),
        T(test_large_and_broken_values),
        T(test_written_in_place),
        T(test_blocks_and_folding),
        T(test_a_loop_without_labels_folds),
        T(test_what_differs_does_not_fold),
        T(test_other_lines_do_not_fold),
        T(test_of_a_result),
        T(test_dot),
        T(test_dot_folded),
        T(test_memory),
        T(test_memory_in_few_rows),
        T(test_an_empty_tape),
        T(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
