/* explain.c: the chain rule for one tensor, with its numbers. explain.h tells what is said. */
#include "explain_impl.h"
#include "formula_impl.h"
#include "print_impl.h"

#include "core/error.h"
#include "core/thread.h"

#include <string.h>

enum { WRITTEN_OUT = 4 /* elements in a formula */, MOST_TOLD = 64 /* values */, FIRST_USES = 12, LAST_USES = 4 };

/* ---- values ---- */

/* Whether a leaf has that name, or another result on the tape: the h of the step before. */
static bool is_taken(const tgi_explaining *e, const tgi_value *value, const char *name)
{
    for (int64_t i = 0; i < e->leaves.count; i++) {
        const char *other = tg_name_of(e->leaves.items[i].leaf);
        if (other && !strcmp(name, other)) return true;
    }
    for (int64_t n = 0; n < tgi_self.node_count; n++)
        for (int i = 0; i < tgi_self.nodes[n]->output_count; i++) {
            const char *other = tg_node_output_name(tgi_self.nodes[n], i);
            const bool itself = tgi_self.nodes[n] == value->node && i == value->output;
            if (other && !itself && !strcmp(name, other)) return true;
        }
    return false;
}

/* In "dL/dh": the name where it says which tensor it is; "h at %5" where several are called so. */
static void put_name(tgi_explaining *e, const tgi_value *value)
{
    const char *name = value->node ? tg_node_output_name(value->node, value->output) : NULL;
    const bool taken = name && is_taken(e, value, name);
    if (!value->node) tgi_put_leaf(&e->page, &e->leaves, value->leaf);
    if (name) tgi_put_clean(&e->page, name);
    if (taken) tgi_page_put(&e->page, " at ");
    if (value->node && (taken || !name)) tgi_put_output(&e->page, value->node, value->output);
}

/* Where it is told what it is: "%5 h". */
static void put_value_name(tgi_explaining *e, const tgi_value *value)
{
    if (value->node)
        tgi_put_result(&e->page, value->node, value->output);
    else
        tgi_put_leaf(&e->page, &e->leaves, value->leaf);
}

static bool is_asked(const tgi_explaining *e) { return e->options.at[0] >= 0 && e->tensor->ndim > 0; }

/* Whether the element asked about is there; indices that were left out are 0. False with an error. */
static bool has_element(const tg_tensor *t, const int64_t *at)
{
    char shape[TG_SHAPE_TEXT];
    const tg_shape dims = tgi_shape(t);
    if (at[0] < 0) return true;
    for (int d = 0; d < TG_MAX_DIMS; d++) {
        if (at[d] >= 0 && at[d] < (d < t->ndim ? t->dims[d] : 1)) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, "explain",
                   "there is no element `at`: index %lld is out of bounds for dimension %d of shape %s",
                   (long long)at[d], d, tg_shape_text(&dims, shape));
        return false;
    }
    return true;
}

/* A gradient of the shape of what is asked about: one element of it if one is asked about. */
static void put_gradient(tgi_explaining *e, const tg_tensor *t, bool of_value)
{
    if (!of_value || !t || !is_asked(e)) {
        tgi_put_values(&e->page, t, TGI_SHOWN);
        return;
    }
    tgi_put_number(&e->page, tgi_element_at(t, e->options.at));
    tgi_page_put(&e->page, " at ");
    tgi_put_index(&e->page, e->options.at, t->ndim);
}

/* ---- one use ---- */

static void put_call(tgi_explaining *e, const tg_node *node)
{
    char place[TG_PLACE_TEXT];
    tgi_page_put(&e->page, "    ");
    tgi_put_call(&e->page, &e->leaves, node);
    if (tg_node_place(node)) {
        tgi_page_put(&e->page, "    in ");
        tgi_put_clean(&e->page, tg_place_text(tg_node_place(node), place));
    }
    tgi_page_put(&e->page, "\n");
}

/* "g = dL/d%3 = [0.5, 0.5]", for each output that got one. */
static void put_arrived(tgi_explaining *e, const tg_node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        const tgi_value output = { node, i, NULL };
        const tg_tensor *grad = tgi_explain_grad(e, &output);
        if (!grad) continue;
        tgi_page_put(&e->page, "        g = dL/d");
        put_name(e, &output);
        tgi_page_put(&e->page, " = ");
        tgi_put_values(&e->page, grad, TGI_SHOWN);
        tgi_page_put(&e->page, "\n");
    }
}

/* The inputs of a pointwise op (which has kernels, op.h) are stretched to its result's shape, and gradients summed back. */
static bool is_summed(const tg_node *node, const tg_tensor *contribution)
{
    const tg_shape made = tg_node_output_shape(node, 0);
    return node->op->detail && tg_shape_numel(&made) > contribution->numel;
}

static void put_summed(tgi_explaining *e, const tg_node *node, const tg_tensor *contribution)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(contribution);
    if (is_summed(node, contribution)) tgi_page_format(&e->page, ", summed to shape %s", tg_shape_text(&shape, text));
}

static void put_rule(tgi_explaining *e, const tg_walk_step *step)
{
    tgi_formula formula;
    const tgi_value output = { step->node, 0, NULL };
    if (tgi_formula_of(&formula, step->node, step->input)) {
        tgi_page_put(&e->page, "        ");
        tgi_page_bytes(&e->page, formula.name.text, formula.name.length);
        if (formula.name.length) tgi_page_put(&e->page, " = ");
        tgi_page_bytes(&e->page, formula.text.text, formula.text.length);
        tgi_page filled = { .text = NULL };
        const bool bare = formula.text.length == 1; /* "g" */
        if (!bare && tgi_put_filled(&filled, &formula, tgi_explain_grad(e, &output), WRITTEN_OUT)) {
            tgi_page_put(&e->page, "\n           = ");
            tgi_page_bytes(&e->page, filled.text, filled.length);
        }
        e->page.failed |= filled.failed | formula.name.failed | formula.text.failed;
        tgi_page_free(&filled);
        put_summed(e, step->node, step->grad);
        tgi_page_put(&e->page, "\n");
    }
    tgi_formula_free(&formula);
}

/* ---- one value ---- */

static void put_use(tgi_explaining *e, const tg_walk_step *step, bool again, bool of_value)
{
    if (!again) put_call(e, step->node);
    if (!again) put_arrived(e, step->node);
    put_rule(e, step);
    tgi_page_put(&e->page, "           = ");
    put_gradient(e, step->grad, of_value);
    tgi_page_put(&e->page, "\n");
}

static bool is_use(const tg_walk_step *step, const tgi_value *value)
{
    return step->event == TG_WALK_EDGE && step->node && tgi_reads(step->node, step->input, value);
}

/* The sum as the walk had it. */
static void put_sum(tgi_explaining *e, const tgi_value *value, int64_t uses, bool of_value)
{
    if (uses < 2) return;
    tgi_page_format(&e->page, "    the sum of these %lld is ", (long long)uses);
    put_gradient(e, tgi_explain_grad(e, value), of_value);
    tgi_page_put(&e->page, "\n");
}

static void put_value(tgi_explaining *e, const tgi_value *value)
{
    const bool of_value =
        value->node == e->value.node && value->leaf == e->value.leaf && value->output == e->value.output;
    int64_t uses = 0, told = 0;
    const tg_node *last = NULL;
    for (int64_t i = 0; i < e->step_count; i++) uses += is_use(&e->steps[i], value);
    tgi_page_put(&e->page, "dL/d");
    put_name(e, value);
    if (value->node == e->root.node && value->output == e->root.output)
        tgi_page_put(&e->page, " = 1: it is L");
    else if (uses == 1)
        tgi_page_put(&e->page, " comes from one use:");
    else
        tgi_page_format(&e->page, " comes from %lld uses:", (long long)uses);
    tgi_page_put(&e->page, "\n");
    for (int64_t i = 0; i < e->step_count; i++) {
        if (!is_use(&e->steps[i], value)) continue;
        if (told < FIRST_USES || told >= uses - LAST_USES)
            put_use(e, &e->steps[i], e->steps[i].node == last, of_value);
        else if (told == FIRST_USES)
            tgi_page_format(&e->page, "    (%lld more)\n", (long long)(uses - FIRST_USES - LAST_USES));
        last = e->steps[i].node;
        told++;
    }
    put_sum(e, value, uses, of_value);
}

/* ---- what is used further on ---- */

static bool is_told(const tgi_value *told, int64_t count, const tgi_value *value)
{
    for (int64_t i = 0; i < count; i++)
        if (told[i].node == value->node && told[i].output == value->output) return true;
    return false;
}

/* The results of what uses a value, which are the next to be told of. */
static int64_t add_results(const tgi_explaining *e, const tgi_value *value, tgi_value *told, int64_t count)
{
    for (int64_t i = 0; i < e->step_count && count < MOST_TOLD; i++) {
        if (!is_use(&e->steps[i], value)) continue;
        const tg_node *node = e->steps[i].node;
        for (int k = 0; k < node->output_count && count < MOST_TOLD; k++) {
            const tgi_value result = { node, k, NULL };
            if (tgi_explain_grad(e, &result) && !is_told(told, count, &result)) told[count++] = result;
        }
    }
    return count;
}

static void put_levels(tgi_explaining *e)
{
    tgi_value told[MOST_TOLD] = { e->value };
    int64_t begin = 0, count = 1;
    for (int level = 0; level < e->options.depth && begin < count; level++) {
        const int64_t end = count;
        for (; begin < end; begin++) {
            put_value(e, &told[begin]);
            count = add_results(e, &told[begin], told, count);
        }
    }
}

/* ---- all of it ---- */

/* "w: float32[2] = leaf    main.c:2" */
static void put_tensor(tgi_explaining *e)
{
    const tg_tensor *t = e->tensor;
    const tg_shape shape = tgi_shape(t);
    const bool tracked = e->value.node || e->value.leaf;
    if (tracked)
        put_value_name(e, &e->value);
    else
        tgi_page_put(&e->page, tg_name_of(t) ? tg_name_of(t) : "the tensor");
    tgi_page_put(&e->page, ": ");
    tgi_put_type(&e->page, (tg_dtype)t->dtype, &shape);
    tgi_page_put(&e->page, e->value.node ? ", made" : e->value.leaf ? ", a leaf made" : ", made");
    if (t->where) tgi_page_put(&e->page, " at ");
    if (t->where) tgi_put_clean(&e->page, t->where);
    tgi_page_put(&e->page, "\n");
}

/* "L is %3, made by mean at main.c:6: 0.3968" */
static void put_root(tgi_explaining *e)
{
    const tg_tensor *value = tg_node_value(e->root.node, e->root.output);
    tgi_page_put(&e->page, "L is ");
    put_value_name(e, &e->root);
    tgi_page_put(&e->page, ", made by ");
    tgi_put_clean(&e->page, e->root.node->op->name);
    tgi_page_put(&e->page, " at ");
    tgi_put_clean(&e->page, tg_node_where(e->root.node));
    if (value) tgi_page_put(&e->page, ": ");
    if (value) tgi_put_values(&e->page, value, TGI_SHOWN);
    tgi_page_put(&e->page, "\n");
}

static void put_gradients(tgi_explaining *e)
{
    const bool is_root = e->value.node == e->root.node && e->value.output == e->root.output;
    const tg_tensor *grad = tgi_explain_grad(e, &e->value), *kept = tg_grad_of(e->tensor);
    if (!is_root) {
        tgi_page_put(&e->page, "dL/d");
        put_name(e, &e->value);
        tgi_page_put(&e->page, " = ");
        put_gradient(e, grad, true);
        tgi_page_put(&e->page, "\n");
    }
    if (!kept) return;
    tgi_page_put(&e->page, ".grad holds ");
    put_gradient(e, kept, true);
    tgi_page_put(&e->page, "\n");
}

/* What there is to know: false with an error pending, or if *why says why there is none. */
static bool find_out(tgi_explaining *e, bool *reached, const char **why)
{
    if (!tgi_explain_find(e, why)) return false;
    put_root(e);
    const bool is_root = e->value.node == e->root.node && e->value.output == e->root.output;
    *reached = is_root || e->leads[e->root.node->index];
    return is_root || !*reached || tgi_explain_walk(e, why);
}

static bool explain(tgi_explaining *e)
{
    const char *why = NULL;
    bool reached = false;
    if (!tgi_leaves_of_tape(&e->leaves)) return false;
    put_tensor(e);
    if (!e->value.node && !e->value.leaf) {
        tgi_explain_untracked(e);
    } else if (!find_out(e, &reached, &why)) {
        if (tg_failed()) return false;
        tgi_page_put(&e->page, "It cannot be told: ");
        tgi_page_put(&e->page, why);
        tgi_page_put(&e->page, ".\n");
    } else if (!reached) {
        tgi_explain_unreached(e);
    } else {
        put_gradients(e);
        put_levels(e);
    }
    return true;
}

tg_status tg_explain_to_at(const char *where, FILE *file, const tg_tensor *t, tg_explain_options options)
{
    tgi_explaining e = { .options = options, .tensor = t };
    if (!tgi_print_begin(where, "explain", file, options.of, &e.root.node) || !tgi_handle_ok("explain", t))
        return TG_FAILED;
    if (tg_failed() || !has_element(t, options.at)) return TG_FAILED;
    if (e.root.node) e.root.output = options.of->origin.output;
    e.value.node = tgi_node_of(t);
    if (e.value.node)
        e.value.output = t->origin.output;
    else if (t->requires_grad)
        e.value.leaf = t;
    e.traces = tgi_traces_begin();
    e.page.failed = !explain(&e) || tg_failed();
    tgi_explain_free(&e);
    return tgi_page_to_file(&e.page, "explain", file);
}
