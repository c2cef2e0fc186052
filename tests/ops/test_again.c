/* test_again.c: each op, called again from its node, gives the same bits; and its gradient is right on the data that it was
 * used on, in float64 and in float32, at kinks and ties, too. Ops for which that cannot be are listed. */
#include <tapegrad.h>

#include "core/watch/gradcheck/check_node.h"
#include "tests/support/op_suite.h"
#include "tests/support/sample.h"

#include <stdio.h>

/* Whose gradient is never checked, though they have one, and why. Ops that write over their first input are not here: the
 * old value is gone. */
static const struct {
    const char *op, *why;
} never[] = {
    { "flatten", "has no node: it is reshape" },
    { "as_strided", "looks at the storage of its input, which a copy has not" },
    { "to", "gives float32, too coarse for differences, or, of float32, is not recorded in float64" },
    { "ctc_loss", "its gradient takes the inputs to be logarithms of probabilities, as PyTorch's does" },
    { "multilabel_margin_loss", "keeps no targets, but the slopes they made" },
    { "cholesky", "its gradient takes the input to be symmetric, of which it reads one half" },
};

/* Samples at which the gradient is PyTorch's, and no derivative. */
static const char *const conventions[] = {
    "softshrink(v(-0.5, -0.25, 0, 0.5, 1), lambd=0)", /* 0 at 0, though there is no kink */
    "hardshrink(v(-0.5, -0.25, 0, 0.5, 1), lambd=0)",
    "pinv(reshape(v(3, 0, 0, 1, 0, 0), [3, 2]), rtol=0.5)", /* a singular value that does not count */
};

/* What was seen of one op's samples. */
typedef struct seen {
    const tg_op *op;
    const char *text;
    int right;
    char problem[1024], why[TGI_CHECK_TEXT];
} seen;

static bool same_bits(const tg_tensor *a, const tg_tensor *b)
{
    const tg_shape shape = tg_shape_of(a), other = tg_shape_of(b);
    if (!tg_shape_equal(&shape, &other) || tg_dtype_of(a) != tg_dtype_of(b)) return false;
    double *x = sample_elements(a), *y = sample_elements(b);
    const bool same = memcmp(x, y, (size_t)tg_numel(a) * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

/* The outputs, and a node of the same op that made them. */
static void compare(seen *s, const tg_computed *what, tg_tensor_list outputs)
{
    const char *problem = NULL;
    if (outputs.count != what->outputs.count) problem = "has another number of outputs";
    for (int64_t i = 0; i < outputs.count && !problem; i++) {
        const tg_node *node = tg_grad_fn(outputs.items[i]);
        if (!same_bits(outputs.items[i], what->outputs.items[i])) problem = "gives other elements";
        if (tg_requires_grad(outputs.items[i]) && tg_node_op(node) != what->op) problem = "is another op's result";
    }
    if (problem && !s->problem[0])
        snprintf(s->problem, sizeof s->problem, "%s: %s, called again, %s", s->text, what->op->name, problem);
}

static bool is_convention(const char *text)
{
    for (size_t i = 0; i < sizeof conventions / sizeof conventions[0]; i++)
        if (strcmp(conventions[i], text) == 0) return true;
    return false;
}

/* What the op and those that it is made of recorded. */
static void computed(void *context, const tg_computed *what)
{
    seen *s = context;
    const char *why = "";
    char text[TGI_CHECK_TEXT];
    tg_tensor_list outputs;
    if (!what->node) return;
    const tg_scope scope = tg_enable_grad_begin();
    if (tgi_call_again(what, what->inputs, &outputs, &why)) compare(s, what, outputs);
    tg_scope_end(scope);
    const tgi_checked result = tg_failed() ? TGI_CHECKED_FAILED : tgi_check_node(what, text);
    if (what->op == s->op) s->right += result == TGI_CHECKED_RIGHT;
    if (what->op == s->op && result == TGI_CHECKED_NOT) snprintf(s->why, sizeof s->why, "%s", text);
    const bool wrong = result == TGI_CHECKED_WRONG && !is_convention(s->text);
    if ((wrong || result == TGI_CHECKED_FAILED) && !s->problem[0])
        snprintf(s->problem, sizeof s->problem, "%s: %s: %s", s->text, what->op->name,
                 wrong ? text : tg_error_message());
    tg_error_clear();
}

static void check(seen *s, const char *text, tg_dtype dtype)
{
    const tg_scope scope = tg_scope_begin();
    sample call = sample_read(text);
    s->text = text;
    sample_fill(&call, dtype, true);
    tg_manual_seed(0);
    const int64_t observer = tg_observe(&((tg_observer){ .computed = computed }), s);
    sample_run(&call);
    tg_unobserve(observer);
    tg_error_clear();
    tg_scope_end(scope);
}

static bool is_listed(const tg_op *op)
{
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (strcmp(never[i].op, op->name) == 0) return true;
    return false;
}

TEST(test_op)
{
    seen s = { .op = *state };
    if (!s.op->backward || s.op->in_place_of) return;
    for (int dtype = TG_FLOAT32; dtype <= TG_FLOAT64; dtype++) {
        for (const char *const *text = sample_texts(s.op); *text; text++) check(&s, *text, (tg_dtype)dtype);
        for (const char *const *text = sample_corners(s.op); *text; text++) check(&s, *text, (tg_dtype)dtype);
    }
    if (s.problem[0]) fail_msg("%s", s.problem);
    if (s.right > 0 && is_listed(s.op)) fail_msg("%s is checked after all", s.op->name);
    if (s.right == 0 && !is_listed(s.op) && !strstr(s.why, "it wrote over its input"))
        fail_msg("%s is never checked: %s", s.op->name, s.why);
}

int main(int argc, char **argv) { return op_suite_run(&(op_suite){ .name = "again", .test = test_op }, argc, argv); }
