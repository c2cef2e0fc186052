/* gradcheck_jacobian.c: what a function gives, difference quotients of it, and its gradients; see gradcheck_impl.h. */
#include "gradcheck_impl.h"

#include "core/thread.h"
#include "core/watch/tape/element_impl.h"

#include <math.h>
#include <string.h>

double *tgi_gradcheck_numbers(int64_t count, int64_t times)
{
    const int64_t most = INT64_MAX / (int64_t)sizeof(double) / 2;
    if (count > 0 && times > most / count) {
        tg_fail_at(NULL, TG_ERROR_MEMORY, "gradcheck", "no matrix has %lld by %lld elements", (long long)count,
                   (long long)times);
        return NULL;
    }
    const size_t bytes = (size_t)(count * times + 1) * sizeof(double);
    double *numbers = tgi_scope_alloc(bytes);
    if (numbers) memset(numbers, 0, bytes);
    return numbers;
}

/* ---- calls ---- */

static bool usable(const tgi_gradcheck *c, tg_tensor_list outputs)
{
    if (!tgi_list_ok(c->name, outputs)) return false;
    if (outputs.count == 0) tg_fail_at(NULL, TG_ERROR_VALUE, c->name, "the function returned no output");
    for (int64_t i = 0; i < outputs.count; i++)
        if (!tgi_handle_ok(c->name, outputs.items[i])) return false;
    return outputs.count > 0;
}

static bool call(tgi_gradcheck *c, tg_tensor_list *outputs)
{
    const tgi_place place = tgi_place_keep();
    *outputs = c->fn(c->inputs, c->context);
    tgi_place_back(place);
    return !tg_failed() && usable(c, *outputs);
}

bool tgi_gradcheck_call_recorded(tgi_gradcheck *c, tg_tensor_list *outputs)
{
    c->recorded = true;
    const bool ok = call(c, outputs);
    c->recorded = false;
    return ok;
}

static tgi_part part_of(const tg_tensor *t, int64_t index, int64_t at)
{
    return (
        tgi_part){ .index = index, .shape = tgi_shape(t), .dtype = (tg_dtype)t->dtype, .numel = t->numel, .at = at };
}

/* The columns: what requires grad or, if nothing does, what could. */
static bool note_columns(tgi_gradcheck *c, tg_tensor_list outputs)
{
    c->cut = true;
    for (int64_t i = 0; i < outputs.count; i++) c->cut &= !tgi_tracked(outputs.items[i]);
    c->columns = tgi_calloc((size_t)outputs.count * sizeof *c->columns);
    if (!c->columns) return false;
    c->column_room = outputs.count;
    for (int64_t i = 0; i < outputs.count; i++) {
        const tg_tensor *y = outputs.items[i];
        if (c->cut ? !tgi_is_floating(y) : !tgi_tracked(y)) continue;
        c->columns[c->column_parts++] = part_of(y, i, c->column_count);
        c->column_count += y->numel;
    }
    return true;
}

bool tgi_gradcheck_rows(tgi_gradcheck *c)
{
    c->rows = tgi_scope_alloc((size_t)(c->inputs.count + 1) * sizeof *c->rows);
    if (!c->rows) return false;
    for (int64_t i = 0; i < c->inputs.count; i++) {
        const tg_tensor *x = c->inputs.items[i];
        if (!x || !tgi_tracked(x)) continue;
        c->rows[c->row_parts++] = part_of(x, i, c->row_count);
        c->row_count += x->numel;
    }
    return true;
}

static tg_tensor *row_tensor(const tgi_gradcheck *c, const tgi_part *row) { return c->inputs.items[row->index]; }

static int64_t version_of(const tg_tensor *t) { return t ? t->storage->version : 0; }

bool tgi_gradcheck_describe(tgi_gradcheck *c)
{
    const tg_scope scope = tg_enable_grad_begin();
    tg_tensor_list outputs;
    int64_t *versions = tgi_scope_alloc((size_t)(c->inputs.count + 1) * sizeof *versions);
    for (int64_t i = 0; versions && i < c->inputs.count; i++) versions[i] = version_of(c->inputs.items[i]);
    bool ok = versions && tgi_gradcheck_call_recorded(c, &outputs) && note_columns(c, outputs);
    for (int64_t i = 0; ok && i < c->inputs.count; i++)
        if (versions[i] != version_of(c->inputs.items[i]))
            tgi_gradcheck_problem(c, "the function writes its input %lld in place: the next call would see another one",
                                  (long long)i);
    tg_scope_end(scope);
    return ok;
}

/* What a part of the outputs is now; its shape must not have changed. */
static bool copy_part(const tgi_gradcheck *c, tg_tensor_list outputs, const tgi_part *column, double *values)
{
    const tg_tensor *y = column->index < outputs.count ? outputs.items[column->index] : NULL;
    const tg_shape shape = y ? tgi_shape(y) : tg_shape();
    if (y && tg_shape_equal(&shape, &column->shape)) return tg_to_array(y, values + column->at, y->numel) == TG_OK;
    char before[TG_SHAPE_TEXT], now[TG_SHAPE_TEXT];
    tg_fail_at(NULL, TG_ERROR_VALUE, c->name, "the function's output %lld was %s, and is %s when it is called again",
               (long long)column->index, tg_shape_text(&column->shape, before),
               y ? tg_shape_text(&shape, now) : "not there");
    return false;
}

bool tgi_gradcheck_values(tgi_gradcheck *c, double *values)
{
    const tg_scope scope = tg_enable_grad_begin();
    tg_tensor_list outputs;
    bool ok = call(c, &outputs);
    for (int64_t i = 0; ok && i < c->column_parts; i++) ok = copy_part(c, outputs, &c->columns[i], values);
    tg_scope_end(scope);
    return ok;
}

/* ---- difference quotients ---- */

/* Where an element lies, counted in row-major order. */
static void *place_of(const tg_tensor *t, int64_t element)
{
    return (char *)tgi_ptr(t) + (size_t)tgi_offset_of(t, element) * tgi_element_size(t);
}

static double element_of(const tg_tensor *t, int64_t element) { return tgi_number_at(t, tgi_offset_of(t, element)); }

static void put(const tg_tensor *t, int64_t element, double value)
{
    void *place = place_of(t, element);
    if (t->dtype == TG_FLOAT32)
        *(float *)place = (float)value;
    else
        *(double *)place = value;
}

/* While elements are moved nobody remembers anything derived from them, and afterwards they are what they were: so it
 * counts as no write, and what the user's tape saved stays good. */
bool tgi_gradcheck_moved(tgi_gradcheck *c, const tgi_part *row, int64_t element, const double *direction, double step,
                         double *values, double *moved)
{
    tg_tensor *x = row_tensor(c, row), *owner = tgi_owner(x->storage);
    const int64_t first = direction ? 0 : element, count = direction ? row->numel : 1;
    const tg_scope scope = tg_scope_begin();
    double *old = tgi_gradcheck_numbers(count, 1);
    if (!old) return tg_scope_end(scope), false;
    const bool exposed = owner->exposed;
    owner->exposed = true;
    for (int64_t i = 0; i < count; i++) {
        old[i] = element_of(x, first + i);
        put(x, first + i, old[i] + step * (direction ? direction[i] : 1));
    }
    if (moved) *moved = element_of(x, first) - old[0];
    const bool ok = tgi_gradcheck_values(c, values);
    for (int64_t i = 0; i < count; i++) put(x, first + i, old[i]);
    owner->exposed = exposed;
    tg_scope_end(scope);
    return ok;
}

/* Divided by the way that the element really went, which in float32 is not eps. */
static bool quotients_of(tgi_gradcheck *c, const tgi_part *row, int64_t element)
{
    double up, down, *q = c->quotients + (row->at + element) * c->column_count;
    if (!tgi_gradcheck_moved(c, row, element, NULL, c->options.eps, c->above, &up) ||
        !tgi_gradcheck_moved(c, row, element, NULL, -c->options.eps, c->below, &down))
        return false;
    for (int64_t k = 0; k < c->column_count; k++) q[k] = (c->above[k] - c->below[k]) / (up - down);
    return true;
}

bool tgi_gradcheck_quotients(tgi_gradcheck *c)
{
    for (int64_t i = 0; i < c->row_parts; i++)
        for (int64_t k = 0; k < c->rows[i].numel; k++)
            if (!quotients_of(c, &c->rows[i], k)) return false;
    return true;
}

/* ---- gradients ---- */

static tg_tensor *weights_tensor(const tgi_part *column, const double *weights)
{
    tg_tensor *t = tgi_new(&column->shape, column->dtype);
    for (int64_t k = 0; t && k < column->numel; k++) put(t, k, weights ? weights[k] : 0.0);
    return t;
}

/* The gradients that flow in: those weights to one output; NULL, or zeros, to the others that tg_grad can take. */
static bool flowing(tgi_gradcheck *c, tg_tensor_list outputs, const tgi_part *column, const double *weights, bool zeros,
                    tg_tensor **y, tg_grad_options *options)
{
    int64_t count = 0;
    y[0] = outputs.items[column->index];
    options->grad_outputs[count++] = weights_tensor(column, weights);
    for (int64_t i = 0; zeros && i < c->column_parts && count < TG_MAX_GRAD_OUTPUTS; i++) {
        if (&c->columns[i] == column) continue;
        y[count] = outputs.items[c->columns[i].index];
        options->grad_outputs[count++] = weights_tensor(&c->columns[i], NULL);
    }
    for (int64_t i = 0; i < count; i++)
        if (!options->grad_outputs[i]) return false;
    return true;
}

static bool add_gradient(const tg_tensor *grad, double *into)
{
    double *values = grad ? tgi_gradcheck_numbers(grad->numel, 1) : NULL;
    if (!grad) return true;
    if (!values || tg_to_array(grad, values, grad->numel) != TG_OK) return false;
    for (int64_t k = 0; k < grad->numel; k++) into[k] += values[k];
    return true;
}

bool tgi_gradcheck_backward(tgi_gradcheck *c, tg_tensor_list outputs, const tgi_part *column, const double *weights,
                            bool zeros, double *into)
{
    const tg_scope scope = tg_scope_begin();
    tg_grad_options options = TG_OPTIONS(tg_grad_options, TG_GRAD_DEFAULTS, .retain_graph = true, .allow_unused = true);
    tg_tensor *y[TG_MAX_GRAD_OUTPUTS] = { NULL }, **x = tg_list_new(c->row_parts);
    for (int64_t i = 0; x && i < c->row_parts; i++) x[i] = row_tensor(c, &c->rows[i]);
    bool ok = x && flowing(c, outputs, column, weights, zeros, y, &options);
    int64_t count = 0;
    while (ok && count < TG_MAX_GRAD_OUTPUTS && y[count]) count++;
    tg_tensor_list grads = TG_NONE;
    if (ok) grads = tg_grad_at(NULL, tg_list_of(y, count), tg_list_of(x, c->row_parts), options);
    ok = ok && !tg_failed();
    for (int64_t i = 0; ok && i < c->row_parts; i++) ok = add_gradient(grads.items[i], into + c->rows[i].at);
    tg_scope_end(scope);
    return ok;
}

/* The gradients of one element of the outputs, a column of the matrix. */
static bool gradients_of(tgi_gradcheck *c, tg_tensor_list outputs, const tgi_part *column, int64_t element,
                         double *weights, double *rows)
{
    double *again = rows + c->row_count;
    memset(rows, 0, 2 * (size_t)c->row_count * sizeof *rows);
    weights[element] = 1;
    const bool ok = tgi_gradcheck_backward(c, outputs, column, weights, false, rows) &&
                    tgi_gradcheck_backward(c, outputs, column, weights, false, again);
    weights[element] = 0;
    for (int64_t r = 0; ok && r < c->row_count; r++) {
        const double apart = fabs(rows[r] - again[r]);
        if (apart > c->options.nondet_tol)
            tgi_gradcheck_problem(c,
                                  "Backward is not reentrant: two of them with the same input give gradients that are "
                                  "%.3g apart. The tolerance for nondeterminism is %g",
                                  apart, c->options.nondet_tol);
        c->ours[r * c->column_count + column->at + element] = rows[r];
    }
    return ok;
}

bool tgi_gradcheck_gradients(tgi_gradcheck *c)
{
    const tg_scope scope = tg_enable_grad_begin();
    tg_tensor_list outputs;
    double *rows = tgi_gradcheck_numbers(c->row_count, 2), *weights = tgi_gradcheck_numbers(c->column_count, 1);
    bool ok = rows && weights && tgi_gradcheck_call_recorded(c, &outputs);
    for (int64_t i = 0; ok && i < c->column_parts; i++)
        for (int64_t k = 0; ok && k < c->columns[i].numel; k++)
            ok = gradients_of(c, outputs, &c->columns[i], k, weights, rows);
    tg_scope_end(scope);
    return ok;
}
