/* check_explain.c: what is said of numbers that are not finite: which element, of which numbers, and why. */
#include "check_finite_impl.h"

#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *named(double value) { return isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf"; }

/* "a = 0, b = 2": what the op was given for element i of its result; of inputs that have no such element nothing. */
static void say_inputs(char *text, size_t size, tg_tensor_list inputs, const tg_shape *shape, int64_t i,
                       bool skip_first)
{
    size_t used = 0;
    text[0] = '\0';
    for (int64_t k = 0; k < inputs.count && k < 8; k++) {
        double value;
        if (!inputs.items[k] || (skip_first && k == 0) || !tgi_element_under(inputs.items[k], shape, i, &value))
            continue;
        used += (size_t)tgi_format(text + used, size - used, "%s%c = %.9g", used ? ", " : "", (char)('a' + k), value);
    }
}

/* Ops of one element each have the shape of their inputs, broadcast. */
static bool is_elementwise(tg_tensor_list inputs, const tg_shape *shape)
{
    bool any = false;
    for (int64_t k = 0; k < inputs.count; k++) {
        double value;
        if (inputs.items[k] && !tgi_element_under(inputs.items[k], shape, 0, &value)) return false;
        any |= inputs.items[k] != NULL;
    }
    return any;
}

static void say_why(tgi_finding *f, const tg_op *op, bool nan, tg_dtype dtype)
{
    const tg_op *plain = tgi_plain_op(op);
    if (plain->not_finite)
        tgi_find_row(f, "why", "%s", plain->not_finite);
    else if (nan)
        tgi_find_row(f, "why",
                     "NaN comes of inf - inf, 0 * inf and 0 / 0, within an op of numbers that become too large");
    else
        tgi_find_row(f, "why",
                     "the result is larger than %s holds, %s: smaller weights, a smaller learning rate or a "
                     "normalisation before this keep it away from there",
                     tg_dtype_name(dtype), dtype == TG_FLOAT32 ? "3.4e38" : "1.8e308");
}

static void say_range_of(tgi_finding *f, const char *what, int64_t k, int64_t count, const tg_tensor *t)
{
    char label[16];
    snprintf(label, sizeof label, count > 1 ? "%s %c" : "%s", what, (char)('a' + k));
    tgi_find_row_of(f, label, t);
}

void tgi_explain_fault(tgi_finding *f, const tg_computed *what, const tg_tensor *output)
{
    const tgi_scan scan = tgi_scan_of(output);
    const tg_shape shape = tgi_shape(output);
    const bool in_place = what->op->in_place_of && what->inputs.count && what->inputs.items[0] == output;
    bool finite = true;
    for (int64_t k = in_place; k < what->inputs.count && finite; k++)
        finite = !what->inputs.items[k] || tgi_all_finite(what->inputs.items[k]);
    char index[TG_SHAPE_TEXT], numbers[256];
    tgi_find_say(f, "%s made %s%s", what->op->name, scan.nans ? "NaN" : named(scan.first_value),
                 finite ? " of finite numbers" : " of numbers some of which are infinite");
    tgi_find_row(f, "op", "%s: %s", what->op->name, what->op->formula ? what->op->formula : "");
    say_inputs(numbers, sizeof numbers, what->inputs, &shape, scan.first, in_place);
    const bool numbers_known = numbers[0] && (is_elementwise(what->inputs, &shape) || in_place);
    tgi_find_row(f, "element", "the first is %s, which is %s%s%s", tgi_index_of(&shape, scan.first, index),
                 named(scan.first_value), numbers_known ? ", of " : "", numbers_known ? numbers : "");
    for (int64_t k = in_place; k < what->inputs.count && k < 6; k++)
        if (what->inputs.items[k]) say_range_of(f, "input", k, what->inputs.count, what->inputs.items[k]);
    tgi_find_row_of(f, "result", output);
    say_why(f, what->op, scan.nans > 0, (tg_dtype)output->dtype);
}

/* ---- backward ---- */

/* What the node saved of this element: "saved 0, 0.5". */
static void say_saved(char *text, size_t size, const tg_node *node, const tg_shape *shape, int64_t i)
{
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < node->saved_count && k < 4; k++) {
        const tg_tensor *t = tgi_saved_of(node)[k].tensor;
        double value;
        if (!t || !tgi_is_floating(t) || !tgi_element_under(t, shape, i, &value)) continue;
        used += (size_t)tgi_format(text + used, size - used, "%s%.9g", used ? ", " : "; saved for it: ", value);
    }
}

void tgi_explain_gradient(tgi_finding *f, const tg_contribution *what, tg_tensor *const *grads, const char *walk)
{
    const tg_node *node = what->from;
    const tgi_scan scan = tgi_scan_of(what->grad);
    const tg_shape shape = tgi_shape(what->grad);
    char index[TG_SHAPE_TEXT], saved[160], came[64] = "";
    double g = NAN;
    tgi_find_say(f, "the backward of %s makes %s of finite gradients", node->op->name,
                 scan.nans ? "NaN" : named(scan.first_value));
    tgi_find_row(f, "line", "%s is where %s was computed; the backward began at %s", tgi_line(node->where),
                 node->op->name, tgi_line(walk));
    tgi_find_row(f, "op", "%s: %s; %s", node->op->name, node->op->formula ? node->op->formula : "",
                 node->op->gradient ? node->op->gradient : "");
    say_saved(saved, sizeof saved, node, &shape, scan.first);
    if (grads[0] && tgi_element_under(grads[0], &shape, scan.first, &g)) tgi_format(came, sizeof came, "; g = %.9g", g);
    tgi_find_row(f, "element", "the first is %s of the gradient of input %c, which is %s%s%s",
                 tgi_index_of(&shape, scan.first, index), (char)('a' + what->input), named(scan.first_value), came,
                 saved);
    if (grads[0]) tgi_find_row_of(f, "came", grads[0]);
    tgi_find_row_of(f, "made", what->grad);
    say_why(f, node->op, scan.nans > 0, (tg_dtype)what->grad->dtype);
    if (g == 0)
        tgi_find_row(
            f, "note",
            "the gradient that came for this element is 0, as where tg_where or a mask did not take it: 0 * inf "
            "is NaN all the same. Keep the number away from there before the op, not its result after it");
}

/* ---- data ---- */

bool tgi_describe_source(char *text, size_t size, const tg_tensor *t, const char *op, const char *where)
{
    const tgi_scan scan = tgi_scan_of(t);
    const tg_shape shape = tgi_shape(t);
    char name[TGI_NAMED_TEXT], index[TG_SHAPE_TEXT];
    const char *written = t->storage->written_at;
    tgi_format(text, size, "%s%s, made at %s: %s at %s%s%s; read by %s at %s", t->requires_grad ? "the parameter " : "",
               tgi_named(t, name), tgi_line(t->where), named(scan.first_value), tgi_index_of(&shape, scan.first, index),
               written ? "; last written at " : "", written ? written : "", op, tgi_line(where));
    return scan.nans > 0;
}
