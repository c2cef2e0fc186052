/* gradcheck.c: tg_gradcheck and tg_gradgradcheck; see gradcheck.h. */
#include "gradcheck_impl.h"

#include "core/thread.h"

#include <math.h>
#include <string.h>

/* ---- what is asked ---- */

static bool options_ok(const tgi_gradcheck *c)
{
    const tg_gradcheck_options *o = &c->options;
    if (!(o->eps > 0) || !isfinite(o->eps))
        tg_fail_at(NULL, TG_ERROR_VALUE, c->name, "eps must be positive, not %g", o->eps);
    else if (!(o->atol >= 0) || !(o->rtol >= 0) || !(o->nondet_tol >= 0))
        tg_fail_at(NULL, TG_ERROR_VALUE, c->name, "tolerances must not be negative: atol %g, rtol %g, nondet_tol %g",
                   o->atol, o->rtol, o->nondet_tol);
    else
        return true;
    return false;
}

/* From the first to the last of its elements in the storage, in elements. */
static void extent(const tg_tensor *t, int64_t *first, int64_t *last)
{
    *first = *last = t->offset;
    for (int d = 0; d < t->ndim; d++) {
        const int64_t way = (t->dims[d] - 1) * tgi_strides(t)[d];
        *(way < 0 ? first : last) += way;
    }
}

static bool share_memory(const tg_tensor *a, const tg_tensor *b)
{
    int64_t first, last, other_first, other_last;
    if (a == b || a->storage != b->storage || a->numel == 0 || b->numel == 0) return false;
    extent(a, &first, &last);
    extent(b, &other_first, &other_last);
    return first <= other_last && other_first <= last;
}

/* An input's elements must be places of their own. */
static bool apart(const tgi_gradcheck *c, int64_t i)
{
    const tg_tensor *x = c->inputs.items[i];
    if (tgi_overlaps_itself(x)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, c->name,
                   "The %lldth input has a dimension with stride 0. gradcheck only supports inputs that are "
                   "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                   ".contiguous on the input before passing it to gradcheck.",
                   (long long)i);
        return false;
    }
    for (int64_t k = 0; k < c->inputs.count; k++) {
        if (!share_memory(x, c->inputs.items[k])) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, c->name,
                   "inputs %lld and %lld overlap in memory: to move one is to move the other. Clone one of them",
                   (long long)(i < k ? i : k), (long long)(i < k ? k : i));
        return false;
    }
    return true;
}

static bool inputs_ok(const tgi_gradcheck *c)
{
    bool any = false;
    if (!tgi_list_ok(c->name, c->inputs)) return false;
    for (int64_t i = 0; i < c->inputs.count; i++)
        if (!tgi_handle_ok(c->name, c->inputs.items[i])) return false;
    for (int64_t i = 0; i < c->inputs.count; i++) {
        const tg_tensor *x = c->inputs.items[i];
        if (!tgi_tracked(x)) continue;
        any = true;
        if (!apart(c, i)) return false;
        if (x->dtype != TG_FLOAT64)
            tg_warn_at(tgi_where(),
                       "%s: input %lld requires gradient and is not a double precision floating point. This check will "
                       "likely fail if all the inputs are not of double precision floating point.",
                       c->name, (long long)i);
    }
    if (!any)
        tg_fail_at(NULL, TG_ERROR_VALUE, c->name,
                   "%s expects at least one input tensor to require gradient, but none of the them have "
                   "requires_grad=True.",
                   c->name);
    return any;
}

/* ---- the function ---- */

static bool drew(const tg_generator *before)
{
    const tg_generator *now = tg_default_generator();
    return before->index != now->index || memcmp(before->state, now->state, sizeof now->state) != 0;
}

/* Called twice with the same inputs it must give the same. */
static bool check_again(tgi_gradcheck *c)
{
    const tg_generator before = *tg_default_generator();
    if (!tgi_gradcheck_values(c, c->base) || !tgi_gradcheck_values(c, c->above)) return false;
    for (int64_t k = 0; k < c->column_count; k++) {
        const bool same = isnan(c->base[k]) ? isnan(c->above[k]) : c->base[k] == c->above[k];
        if (same || fabs(c->base[k] - c->above[k]) <= c->options.nondet_tol) continue;
        tgi_gradcheck_problem(
            c,
            "the function is not deterministic: called again with the same inputs it gives %.8g, and %.8g "
            "before. %s",
            c->above[k], c->base[k],
            drew(&before) ? "It draws random numbers: call tg_manual_seed inside it"
                          : "It keeps a state from call to call");
    }
    return true;
}

static void check_finite(tgi_gradcheck *c)
{
    char name[TGI_PART_TEXT], index[TG_SHAPE_TEXT];
    for (int64_t i = 0; i < c->column_parts; i++)
        for (int64_t k = 0; k < c->columns[i].numel; k++) {
            const double y = c->base[c->columns[i].at + k];
            if (!isfinite(y))
                tgi_gradcheck_problem(c, "%s%s is %s at these inputs: there are no difference quotients",
                                      tgi_column_name(c, &c->columns[i], name),
                                      tgi_element_text(&c->columns[i].shape, k, index),
                                      isnan(y) ? "nan"
                                      : y > 0  ? "inf"
                                               : "-inf");
        }
}

bool tgi_gradcheck_begin(tgi_gradcheck *c)
{
    if (!tgi_gradcheck_rows(c) || !tgi_gradcheck_describe(c)) return false;
    c->base = tgi_gradcheck_numbers(c->column_count, 1);
    c->above = tgi_gradcheck_numbers(c->column_count, 1);
    c->below = tgi_gradcheck_numbers(c->column_count, 1);
    return c->base && c->above && c->below;
}

bool tgi_gradcheck_elements(tgi_gradcheck *c)
{
    c->quotients = tgi_gradcheck_numbers(c->row_count, c->column_count);
    c->ours = tgi_gradcheck_numbers(c->row_count, c->column_count);
    return c->quotients && c->ours && tgi_gradcheck_quotients(c) && (c->cut || tgi_gradcheck_gradients(c)) &&
           tgi_gradcheck_compare(c);
}

/* False with an error pending; what is wrong is c->problem. */
static bool check(tgi_gradcheck *c)
{
    bool same = false;
    if (!tgi_gradcheck_begin(c)) return false;
    c->recorded = true; /* a backward that is recorded may round otherwise: the two calls are alike */
    if (!c->problem[0] && !check_again(c)) return false;
    c->recorded = false;
    if (!c->problem[0]) check_finite(c);
    if (c->problem[0]) return true;
    if (c->options.fast_mode && !tgi_gradcheck_directions(c, &same)) return false;
    if (!same && !tgi_gradcheck_elements(c)) return false;
    if (c->options.fast_mode && !same)
        tgi_gradcheck_problem(c, "along a random direction gradient and quotient differ, but at no single element: "
                                 "rounding, or a kink nearby");
    return !c->options.check_undefined_grad || c->problem[0] || tgi_gradcheck_undefined(c);
}

static void warn_of_nothing(const tgi_gradcheck *c)
{
    if (c->cut && !c->problem[0])
        tg_warn_at(tgi_where(), "%s: no output requires grad%s; there was nothing to compare", c->name,
                   c->column_parts ? ", and none changes with the inputs" : " or could: they are integers");
}

void tgi_gradcheck_end(tgi_gradcheck *c)
{
    tgi_page_free(&c->report);
    if (c->columns) tgi_free(c->columns, (size_t)c->column_room * sizeof *c->columns);
}

/* Says what came of it. */
static bool conclude(tgi_gradcheck *c, bool ok)
{
    warn_of_nothing(c);
    if (ok && c->problem[0]) {
        if (c->report.length == 0) {
            tgi_page_format(&c->report, "%s: ", c->name);
            tgi_page_put(&c->report, c->problem);
            tgi_page_put(&c->report, "\n");
        }
        FILE *file = c->options.report ? c->options.report : stderr;
        ok = tgi_page_to_file(&c->report, c->name, file) == TG_OK && fflush(file) == 0;
        if (ok && c->options.raise_exception) tg_fail_at(NULL, TG_ERROR_AUTOGRAD, c->name, "%s", c->problem);
        ok = false;
    }
    return ok;
}

static bool run(tgi_gradcheck *c)
{
    if (!options_ok(c) || !inputs_ok(c)) return false;
    const tg_scope scope = tg_enable_grad_begin();
    const bool ok = conclude(c, check(c));
    tgi_gradcheck_end(c);
    tg_scope_end(scope);
    return ok;
}

static bool begin(const char *where, const char *name, tg_gradcheck_fn fn)
{
    tgi_begin(where, name);
    if (tg_failed()) return false;
    if (!fn) tg_fail_at(NULL, TG_ERROR_NULL, name, "the function is NULL");
    return fn != NULL;
}

bool tg_gradcheck_at(const char *where, tg_gradcheck_fn fn, void *context, tg_tensor_list inputs,
                     tg_gradcheck_options options)
{
    tgi_gradcheck c = { .name = "gradcheck", .fn = fn, .context = context, .inputs = inputs, .options = options };
    c.given = inputs.count;
    return begin(where, c.name, fn) && run(&c);
}

/* ---- second derivatives ---- */

/* The gradients of `fn` as a function of its inputs and of the gradients of its outputs, which follow them. */
typedef struct gradient_function {
    tg_gradcheck_fn fn;
    void *context;
    int64_t given;
    const tgi_gradcheck *check;
} gradient_function;

/* The tensors of a list that require grad, as a list of the innermost scope. */
static bool tracked(tg_tensor_list all, tg_tensor_list *some)
{
    tg_tensor **items = tg_list_new(all.count);
    int64_t count = 0;
    for (int64_t i = 0; items && i < all.count; i++) {
        if (!tgi_handle_ok("gradgradcheck", all.items[i])) return false;
        if (tgi_tracked(all.items[i])) items[count++] = all.items[i];
    }
    *some = tg_list_of(items, count);
    return items != NULL;
}

static bool tracked_outputs(const gradient_function *f, tg_tensor_list inputs, tg_tensor_list *outputs)
{
    const tg_tensor_list all = f->fn(tg_list_of(inputs.items, f->given), f->context);
    if (tg_failed() || !tgi_list_ok("gradgradcheck", all) || !tracked(all, outputs)) return false;
    if (outputs->count >= 1 && outputs->count <= TG_MAX_GRAD_OUTPUTS) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, "gradgradcheck", "the function has %lld outputs that require grad, not 1 to %d",
               (long long)outputs->count, TG_MAX_GRAD_OUTPUTS);
    return false;
}

static tg_tensor_list gradients(tg_tensor_list inputs, void *context)
{
    const gradient_function *f = context;
    tg_tensor_list outputs, wanted;
    if (!tracked_outputs(f, inputs, &outputs) || !tracked(tg_list_of(inputs.items, f->given), &wanted))
        return tg_list_failed();
    tg_grad_options options =
        TG_OPTIONS(tg_grad_options, TG_GRAD_DEFAULTS, .create_graph = f->check->recorded, .allow_unused = true);
    for (int64_t i = 0; i < outputs.count && f->given + i < inputs.count; i++)
        options.grad_outputs[i] = inputs.items[f->given + i];
    const tg_tensor_list found = tg_grad_at(NULL, outputs, wanted, options);
    tg_tensor **grads = tg_failed() ? NULL : tg_list_new(found.count);
    if (!grads) return tg_list_failed();
    for (int64_t i = 0; i < found.count; i++) {
        const tg_shape shape = tgi_shape(wanted.items[i]);
        grads[i] = found.items[i] ? found.items[i] : tgi_new_full(&shape, (tg_dtype)wanted.items[i]->dtype, 0.0);
        if (!grads[i]) return tg_list_failed();
    }
    return tg_list_of(grads, found.count);
}

static tg_tensor *random_like(const tg_tensor *y, tg_generator *g)
{
    const tg_shape shape = tgi_shape(y);
    tg_tensor *t = tgi_new(&shape, (tg_dtype)y->dtype);
    if (t && y->dtype == TG_FLOAT32) tg_generate_normal_f32(g, tgi_ptr(t), t->numel, 0, 1);
    if (t && y->dtype == TG_FLOAT64) tg_generate_normal_f64(g, tgi_ptr(t), t->numel, 0, 1);
    return t ? tg_requires_grad_at(NULL, t, true) : NULL;
}

/* The inputs, then the gradients of the outputs: those given, or random ones that last as long as the scope around. */
static bool all_inputs(const gradient_function *f, tg_tensor_list inputs, tg_tensor *const *given, tg_tensor_list *all)
{
    const tg_scope scope = tg_enable_grad_begin();
    tg_tensor_list outputs;
    tg_tensor *grads[TG_MAX_GRAD_OUTPUTS], **kept[TG_MAX_GRAD_OUTPUTS];
    tg_generator g;
    tg_generator_seed(&g, 0);
    bool ok = tracked_outputs(f, inputs, &outputs);
    const int64_t count = ok ? outputs.count : 0;
    for (int64_t i = 0; ok && i < count; i++) {
        grads[i] = given[i] ? given[i] : random_like(outputs.items[i], &g);
        kept[i] = &grads[i];
        ok = tgi_handle_ok("gradgradcheck", grads[i]);
    }
    tg_scope_end_with_at(NULL, scope, kept, ok ? (int)count : 0);
    tg_tensor **items = ok ? tg_list_new(inputs.count + count) : NULL;
    if (!items) return false;
    if (inputs.count) memcpy(items, inputs.items, (size_t)inputs.count * sizeof *items);
    memcpy(items + inputs.count, grads, (size_t)count * sizeof *items);
    *all = tg_list_of(items, inputs.count + count);
    return true;
}

bool tg_gradgradcheck_at(const char *where, tg_gradcheck_fn fn, void *context, tg_tensor_list inputs,
                         tg_gradgradcheck_options o)
{
    gradient_function f = { fn, context, inputs.count, NULL };
    tgi_gradcheck c = { .name = "gradgradcheck",
                        .fn = gradients,
                        .context = &f,
                        .inputs = inputs,
                        .given = inputs.count };
    c.options = (tg_gradcheck_options){ .eps = o.eps,
                                        .atol = o.atol,
                                        .rtol = o.rtol,
                                        .raise_exception = o.raise_exception,
                                        .nondet_tol = o.nondet_tol,
                                        .check_undefined_grad = o.check_undefined_grad,
                                        .fast_mode = o.fast_mode,
                                        .report = o.report };
    f.check = &c;
    if (!begin(where, c.name, fn) || !options_ok(&c)) return false;
    for (int i = 0; i < TG_MAX_GRAD_OUTPUTS; i++)
        if (!tgi_handle_or_null(c.name, o.grad_outputs[i])) return false;
    if (!inputs_ok(&c)) return false;
    const tg_scope scope = tg_enable_grad_begin();
    const bool ok = all_inputs(&f, inputs, o.grad_outputs, &c.inputs) && run(&c);
    tg_scope_end(scope);
    return ok;
}
