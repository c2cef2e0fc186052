/* gradcheck_direction.c: what is checked without a look at every element. */
#include "gradcheck_impl.h"

#include "core/rng.h"
#include "core/scope.h"
#include "core/thread.h"

#include <math.h>
#include <string.h>

enum { SEED = 20 };

/* A unit vector. */
static void direction(tg_generator *g, double *v, int64_t count)
{
    double square = 0;
    for (int64_t k = 0; k < count; k++) {
        v[k] = tg_random_normal(g, 0, 1);
        square += v[k] * v[k];
    }
    for (int64_t k = 0; k < count; k++) v[k] /= sqrt(square);
}

static double product(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++) sum += a[k] * b[k];
    return sum;
}

/* Of all inputs, of all outputs; and the gradients along v, a row for each output. */
typedef struct directions {
    double *u, *v, *grads;
} directions;

static bool make_directions(const tgi_gradcheck *c, directions *d)
{
    d->u = tgi_gradcheck_numbers(c->row_count, 1);
    d->v = tgi_gradcheck_numbers(c->column_count, 1);
    d->grads = tgi_gradcheck_numbers(c->row_count, c->column_parts);
    if (!d->u || !d->v || !d->grads) return false;
    tg_generator g;
    tg_generator_seed(&g, SEED);
    for (int64_t i = 0; i < c->row_parts; i++) direction(&g, d->u + c->rows[i].at, c->rows[i].numel);
    for (int64_t i = 0; i < c->column_parts; i++) direction(&g, d->v + c->columns[i].at, c->columns[i].numel);
    return true;
}

static double sum_of_sizes(const double *v, int64_t count)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++) sum += fabs(v[k]);
    return sum;
}

/* Along u of this input, every output seen along its v. A Jacobian within the tolerance everywhere passes. */
static bool compare_input(tgi_gradcheck *c, const directions *d, const tgi_part *row, bool *same)
{
    const double *u = d->u + row->at, eps = c->options.eps;
    if (!tgi_gradcheck_moved(c, row, 0, u, eps, c->above, NULL)) return false;
    if (!tgi_gradcheck_moved(c, row, 0, u, -eps, c->below, NULL)) return false;
    for (int64_t k = 0; k < c->column_parts; k++) {
        const tgi_part *column = &c->columns[k];
        const double *v = d->v + column->at;
        const double risen = product(v, c->above + column->at, column->numel);
        const double quotient = (risen - product(v, c->below + column->at, column->numel)) / (2 * eps);
        const double ours = product(u, d->grads + k * c->row_count + row->at, row->numel);
        const double most = c->options.atol * sum_of_sizes(u, row->numel) * sum_of_sizes(v, column->numel);
        if (!(fabs(ours - quotient) <= most + c->options.rtol * fabs(quotient))) *same = false;
    }
    return true;
}

bool tgi_gradcheck_directions(tgi_gradcheck *c, bool *same)
{
    const tg_scope scope = tg_enable_grad_begin();
    directions d;
    tg_tensor_list outputs;
    bool ok = make_directions(c, &d);
    if (ok && !c->cut) {
        ok = tgi_gradcheck_call_recorded(c, &outputs);
        for (int64_t k = 0; ok && k < c->column_parts; k++)
            ok = tgi_gradcheck_backward(c, outputs, &c->columns[k], d.v + c->columns[k].at, false,
                                        d.grads + k * c->row_count);
    }
    *same = true;
    for (int64_t i = 0; ok && i < c->row_parts; i++)
        if (c->rows[i].numel > 0) ok = compare_input(c, &d, &c->rows[i], same);
    tg_scope_end(scope);
    return ok;
}

/* One output's gradient alone, and with zeros for the others. */
static bool compare_undefined(tgi_gradcheck *c, tg_tensor_list outputs, const tgi_part *column, const double *v,
                              double *rows)
{
    double *zeros = rows + c->row_count;
    memset(rows, 0, 2 * (size_t)c->row_count * sizeof *rows);
    if (!tgi_gradcheck_backward(c, outputs, column, v, false, rows)) return false;
    if (!tgi_gradcheck_backward(c, outputs, column, v, true, zeros)) return false;
    for (int64_t r = 0; r < c->row_count; r++)
        if (!tgi_gradcheck_close(c, rows[r], zeros[r]))
            tgi_gradcheck_problem(c,
                                  "Expected backward function to handle undefined output grads: with no gradient for "
                                  "the other outputs than %lld it gives %.6g, with zeros %.6g",
                                  (long long)column->index, rows[r], zeros[r]);
    return true;
}

bool tgi_gradcheck_undefined(tgi_gradcheck *c)
{
    if (c->cut || c->column_parts < 2) return true;
    const tg_scope scope = tg_enable_grad_begin();
    directions d;
    tg_tensor_list outputs;
    double *rows = tgi_gradcheck_numbers(c->row_count, 2);
    bool ok = rows && make_directions(c, &d) && tgi_gradcheck_call_recorded(c, &outputs);
    for (int64_t k = 0; ok && k < c->column_parts; k++)
        ok = compare_undefined(c, outputs, &c->columns[k], d.v + c->columns[k].at, rows);
    tg_scope_end(scope);
    return ok;
}
