/* gradcheck_cause.c: what is likely when a gradient and a difference quotient disagree.
 *
 * The point is looked at first: where the function has no derivative, or the quotient is worth nothing, the gradient may
 * be right. Then the two Jacobians are compared with what common mistakes make of each other. */
#include "gradcheck_impl.h"

#include "core/text.h"

#include <math.h>
#include <stdio.h>

/* Two numbers alike, for the purpose of a guess. */
static bool alike(const tgi_gradcheck *c, double a, double b)
{
    return fabs(a - b) <= 10 * (c->options.atol + c->options.rtol * fabs(b));
}

/* ---- the point ---- */

/* Slopes beside the point, and the quotient, for one step. */
typedef struct slopes {
    double above, below, quotient;
} slopes;

static bool slopes_at(tgi_gradcheck *c, const tgi_block *b, const tgi_worst *at, double step, slopes *s)
{
    const int64_t k = b->column->at + at->column;
    double up, down;
    if (!tgi_gradcheck_values(c, c->base)) return false;
    if (!tgi_gradcheck_moved(c, b->row, at->row, NULL, step, c->above, &up)) return false;
    if (!tgi_gradcheck_moved(c, b->row, at->row, NULL, -step, c->below, &down)) return false;
    s->above = (c->above[k] - c->base[k]) / up;
    s->below = (c->below[k] - c->base[k]) / down;
    s->quotient = (c->above[k] - c->below[k]) / (up - down);
    return true;
}

static double steepest(const slopes *s) { return fmax(fabs(s->above), fabs(s->below)); }

/* Of a smooth function the one-sided slopes come together as the step shrinks: at a kink they stay apart, and at a jump
 * one of them grows as the step shrinks. True: `text` is the cause. */
static bool cause_at_point(const tgi_gradcheck *c, const slopes *at, const slopes *nearer, const slopes *farther,
                           double ours, char *text)
{
    const double gap = fabs(at->above - at->below), then = fabs(nearer->above - nearer->below);
    const bool apart = !alike(c, at->above, at->below);
    const double steep = steepest(at), steeper = steepest(nearer);
    if (steeper > 5 * steep && !alike(c, steeper, steep))
        tgi_format(text, TGI_CAUSE_TEXT,
                   "the function jumps here: the smaller the step, the steeper it is (%.6g, then %.6g)", steep,
                   steeper);
    else if (apart && then > gap / 2)
        tgi_format(text, TGI_CAUSE_TEXT, "a kink: the two one-sided differences disagree, %.6g above and %.6g below%s",
                   at->above + 0.0, at->below + 0.0,
                   alike(c, ours, at->above) || alike(c, ours, at->below) ? " (the gradient is one of them)" : "");
    else if (tgi_gradcheck_close(c, ours, nearer->quotient))
        tgi_format(text, TGI_CAUSE_TEXT,
                   "the step is too large here (a kink nearby, or a steep curve): with eps = %g the quotient is %.6g",
                   c->options.eps / 10, nearer->quotient);
    else if (tgi_gradcheck_close(c, ours, farther->quotient))
        tgi_format(text, TGI_CAUSE_TEXT, "rounding: with eps = %g the quotient is %.6g", c->options.eps * 10,
                   farther->quotient);
    else
        return false;
    return true;
}

/* ---- the Jacobians ---- */

/* Row and column where `ours` is to be looked for if it is what a mistake makes of the quotient at (row, column). */
typedef void (*elsewhere_fn)(const tgi_block *b, int64_t *row, int64_t *column);

/* An element's place when the last two dimensions are swapped; `back`: when they were. */
static int64_t swapped(const tg_shape *shape, int64_t element, bool back)
{
    if (shape->ndim < 2) return element;
    const int64_t rows = shape->dims[shape->ndim - 2 + back], columns = shape->dims[shape->ndim - 1 - back];
    const int64_t within = element % (rows * columns);
    return element - within + within % columns * rows + within / columns;
}

static void input_transposed(const tgi_block *b, int64_t *row, int64_t *column)
{
    (void)column;
    *row = swapped(&b->row->shape, *row, false);
}
static void output_transposed(const tgi_block *b, int64_t *row, int64_t *column)
{
    (void)row;
    *column = swapped(&b->column->shape, *column, true);
}
static void jacobian_transposed(const tgi_block *b, int64_t *row, int64_t *column)
{
    (void)b;
    const int64_t r = *row;
    *row = *column;
    *column = r;
}

static bool matches(const tgi_block *b, double factor, elsewhere_fn elsewhere)
{
    for (int64_t r = 0; r < b->row->numel; r++)
        for (int64_t k = 0; k < b->column->numel; k++) {
            int64_t row = r, column = k;
            if (elsewhere) elsewhere(b, &row, &column);
            if (!alike(b->check, tgi_block_ours(b, row, column), factor * tgi_block_quotient(b, r, k))) return false;
        }
    return true;
}

/* Right on the diagonal, 0 off it: right for a function of each element alone. */
static bool diagonal_only(const tgi_block *b)
{
    if (b->row->numel != b->column->numel || b->row->numel < 2) return false;
    for (int64_t r = 0; r < b->row->numel; r++)
        for (int64_t k = 0; k < b->column->numel; k++)
            if (!alike(b->check, tgi_block_ours(b, r, k), r == k ? tgi_block_quotient(b, r, k) : 0)) return false;
    return true;
}

static bool unchanging(const tgi_block *b)
{
    for (int64_t r = 0; r < b->row->numel; r++)
        for (int64_t k = 0; k < b->column->numel; k++)
            if (!alike(b->check, tgi_block_quotient(b, r, k), 0)) return false;
    return true;
}

/* The factor that fits best. */
static double factor_of(const tgi_block *b)
{
    double both = 0, square = 0;
    for (int64_t r = 0; r < b->row->numel; r++)
        for (int64_t k = 0; k < b->column->numel; k++) {
            both += tgi_block_ours(b, r, k) * tgi_block_quotient(b, r, k);
            square += tgi_block_quotient(b, r, k) * tgi_block_quotient(b, r, k);
        }
    return square > 0 ? both / square : 0;
}

/* Of the elements that are not 0 on both sides: how many there are, how many are right, how many of the wrong
 * ones are 0 here. */
typedef struct counts {
    int64_t all, right, zero;
} counts;

static counts count(const tgi_block *b)
{
    counts n = { 0, 0, 0 };
    for (int64_t r = 0; r < b->row->numel; r++)
        for (int64_t k = 0; k < b->column->numel; k++) {
            const double ours = tgi_block_ours(b, r, k), quotient = tgi_block_quotient(b, r, k);
            const bool close = tgi_gradcheck_close(b->check, ours, quotient);
            if (close && fabs(quotient) <= b->check->options.atol) continue;
            n.all++;
            n.right += close;
            n.zero += !close && ours == 0;
        }
    return n;
}

static void cause_of_factor(const tgi_block *b, double factor, char *text)
{
    const double outputs = (double)b->column->numel, inputs = (double)b->row->numel;
    const char *mean = "";
    if (outputs > 1 && (fabs(factor * outputs - 1) < 1e-2 || fabs(factor / outputs - 1) < 1e-2))
        mean = ": as many as the output has elements; a mean and a sum confused?";
    else if (inputs > 1 && (fabs(factor * inputs - 1) < 1e-2 || fabs(factor / inputs - 1) < 1e-2))
        mean = ": as many as the input has elements; a mean and a sum confused?";
    tgi_format(text, TGI_CAUSE_TEXT, "a factor: the gradient is %.6g times the quotient everywhere%s", factor, mean);
}

static void cause_of_pattern(const tgi_block *b, char *text)
{
    const counts n = count(b);
    const double factor = factor_of(b);
    if (b->check->cut)
        tgi_format(
            text, TGI_CAUSE_TEXT,
            "cut: no output requires grad, though this one changes with the input (detached, or made under no_grad)");
    else if (matches(b, 0, NULL))
        tgi_format(
            text, TGI_CAUSE_TEXT,
            "zero where it should not be: the gradient is 0 everywhere (detached inside, or a backward that hands "
            "this input nothing)");
    else if (unchanging(b))
        tgi_format(text, TGI_CAUSE_TEXT,
                   "the output does not change with this input, or only with a copy made outside");
    else if (matches(b, -1, NULL))
        tgi_format(text, TGI_CAUSE_TEXT, "the sign: the gradient is the quotient's opposite everywhere");
    else if (matches(b, factor, NULL))
        cause_of_factor(b, factor, text);
    else if (matches(b, 1, input_transposed))
        tgi_format(text, TGI_CAUSE_TEXT, "transposed: right if the input's last two dimensions are swapped");
    else if (matches(b, 1, output_transposed))
        tgi_format(text, TGI_CAUSE_TEXT,
                   "transposed: right if the last two dimensions of the output's gradient are swapped");
    else if (b->row->numel == b->column->numel && matches(b, 1, jacobian_transposed))
        tgi_format(text, TGI_CAUSE_TEXT, "transposed: the Jacobian itself, where its transpose is wanted");
    else if (diagonal_only(b))
        tgi_format(text, TGI_CAUSE_TEXT,
                   "off the diagonal it is 0: right only for a function of each element alone, but here an output "
                   "depends on other elements, too");
    else if (n.zero > 0 && n.right + n.zero == n.all)
        tgi_format(text, TGI_CAUSE_TEXT,
                   "zero where it should not be: the gradient is 0 at %lld elements, the other %lld are right",
                   (long long)n.zero, (long long)n.right);
    else
        tgi_format(text, TGI_CAUSE_TEXT, "a formula that is wrong at %lld of the %lld elements that are not 0",
                   (long long)(n.all - n.right), (long long)n.all);
}

bool tgi_gradcheck_cause(tgi_gradcheck *c, const tgi_block *b, const tgi_worst *worst, char text[TGI_CAUSE_TEXT])
{
    const double ours = tgi_block_ours(b, worst->row, worst->column);
    const double quotient = tgi_block_quotient(b, worst->row, worst->column), eps = c->options.eps;
    slopes at, nearer, farther;
    text[0] = '\0';
    if (!isfinite(quotient) || !isfinite(ours)) {
        tgi_format(text, TGI_CAUSE_TEXT, "%s not finite: the function itself may be undefined within eps of this point",
                   isfinite(quotient) ? "the gradient is"
                   : isfinite(ours)   ? "the quotient is"
                                      : "both are");
        return true;
    }
    if (!slopes_at(c, b, worst, eps, &at) || !slopes_at(c, b, worst, eps / 10, &nearer) ||
        !slopes_at(c, b, worst, eps * 10, &farther))
        return false;
    if (b->row->dtype == TG_FLOAT32 || b->column->dtype == TG_FLOAT32)
        tgi_format(text, TGI_CAUSE_TEXT, "float32: its rounding is too coarse for eps = %g; use float64", eps);
    else if (!cause_at_point(c, &at, &nearer, &farther, ours, text))
        cause_of_pattern(b, text);
    return true;
}
