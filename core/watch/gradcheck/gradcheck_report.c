/* gradcheck_report.c: which derivatives differ, and the text that says so. */
#include "gradcheck_impl.h"

#include <math.h>

enum { SMALL = 8 /* a Jacobian of so many rows and columns is shown whole */ };

/* ---- what differs ---- */

/* How far off, in tolerances; what is not finite is farthest. */
static double distance(const tgi_gradcheck *c, double ours, double quotient)
{
    const double apart = fabs(ours - quotient) / (c->options.atol + c->options.rtol * fabs(quotient));
    return isfinite(apart) ? apart : HUGE_VAL;
}

static tgi_worst find_worst(const tgi_block *b)
{
    tgi_worst worst = { 0, 0, 0 };
    double farthest = -1;
    for (int64_t r = 0; r < b->row->numel; r++)
        for (int64_t k = 0; k < b->column->numel; k++) {
            const double ours = tgi_block_ours(b, r, k), quotient = tgi_block_quotient(b, r, k);
            if (tgi_gradcheck_close(b->check, ours, quotient)) continue;
            worst.wrong++;
            if (distance(b->check, ours, quotient) <= farthest) continue;
            farthest = distance(b->check, ours, quotient);
            worst.row = r;
            worst.column = k;
        }
    return worst;
}

/* ---- the report ---- */

static void put_row(tgi_page *page, const tgi_block *b, int64_t row)
{
    char index[TG_SHAPE_TEXT];
    tgi_page_format(page, "    %-12s", tgi_element_text(&b->row->shape, row, index));
    for (int64_t k = 0; k < b->column->numel; k++)
        tgi_page_format(page, " %10.4g ", tgi_block_quotient(b, row, k) + 0.0);
    tgi_page_put(page, " |");
    for (int64_t k = 0; k < b->column->numel; k++) {
        const double ours = tgi_block_ours(b, row, k);
        const bool close = tgi_gradcheck_close(b->check, ours, tgi_block_quotient(b, row, k));
        tgi_page_format(page, " %10.4g%s", ours, !close ? "*" : k + 1 < b->column->numel ? " " : "");
    }
    tgi_page_put(page, "\n");
}

/* Both Jacobians, side by side. */
static void put_matrices(tgi_gradcheck *c, const tgi_block *b)
{
    char row[TGI_PART_TEXT], column[TGI_PART_TEXT];
    if (b->row->numel > SMALL || b->column->numel > SMALL) return;
    tgi_page_format(&c->report, "  difference quotients | gradients (* differs); a row for each element of %s, ",
                    tgi_row_name(c, b->row, row));
    tgi_page_format(&c->report, "a column for each of %s:\n", tgi_column_name(c, b->column, column));
    for (int64_t r = 0; r < b->row->numel; r++) put_row(&c->report, b, r);
}

static void put_part(tgi_page *page, const char *name, const tgi_part *part)
{
    char shape[TG_SHAPE_TEXT];
    tgi_page_put(page, name);
    tgi_page_format(page, " (%s%s)", tg_dtype_name(part->dtype), tg_shape_text(&part->shape, shape));
}

/* The first block that differs, in full. */
static bool explain(tgi_gradcheck *c, const tgi_block *b, const tgi_worst *worst)
{
    char row[TGI_PART_TEXT], column[TGI_PART_TEXT], at[TG_SHAPE_TEXT], of[TG_SHAPE_TEXT], cause[TGI_CAUSE_TEXT];
    if (!tgi_gradcheck_cause(c, b, worst, cause)) return false;
    const double quotient = tgi_block_quotient(b, worst->row, worst->column);
    const double ours = tgi_block_ours(b, worst->row, worst->column);
    tgi_row_name(c, b->row, row);
    tgi_column_name(c, b->column, column);
    tgi_element_text(&b->row->shape, worst->row, at);
    tgi_element_text(&b->column->shape, worst->column, of);
    tgi_gradcheck_problem(c,
                          "Jacobian mismatch for %s with respect to %s: at %s%s by %s%s the difference quotient is "
                          "%.8g, the gradient %.8g%s%s",
                          column, row, column, of, row, at, quotient, ours, cause[0] ? "; likely: " : "", cause);
    tgi_page_format(&c->report, "%s: ", c->name);
    put_part(&c->report, column, b->column);
    tgi_page_put(&c->report, " by ");
    put_part(&c->report, row, b->row);
    tgi_page_format(&c->report, ": %lld of %lld derivatives differ\n", (long long)worst->wrong,
                    (long long)(b->row->numel * b->column->numel));
    tgi_page_format(&c->report, "  the worst: %s%s by %s%s: difference quotient %.8g, gradient %.8g", column, of, row,
                    at, quotient, ours);
    tgi_page_format(&c->report, " (%.3g apart; %.3g allowed)\n", fabs(quotient - ours),
                    c->options.atol + c->options.rtol * fabs(quotient));
    if (cause[0]) {
        tgi_page_put(&c->report, "  likely: ");
        tgi_page_put(&c->report, cause);
        tgi_page_put(&c->report, "\n");
    }
    put_matrices(c, b);
    return true;
}

/* The others, a line each. */
static void mention(tgi_gradcheck *c, const tgi_block *b, const tgi_worst *worst)
{
    char text[TGI_PART_TEXT];
    tgi_page_format(&c->report, "%s: %s by ", c->name, tgi_column_name(c, b->column, text));
    tgi_page_format(&c->report, "%s: %lld of %lld derivatives differ\n", tgi_row_name(c, b->row, text),
                    (long long)worst->wrong, (long long)(b->row->numel * b->column->numel));
}

bool tgi_gradcheck_compare(tgi_gradcheck *c)
{
    bool first = true;
    for (int64_t k = 0; k < c->column_parts; k++)
        for (int64_t i = 0; i < c->row_parts; i++) {
            const tgi_block b = { c, &c->rows[i], &c->columns[k] };
            const tgi_worst worst = find_worst(&b);
            if (!worst.wrong) continue;
            if (first && !explain(c, &b, &worst)) return false;
            if (!first) mention(c, &b, &worst);
            first = false;
        }
    return true;
}
