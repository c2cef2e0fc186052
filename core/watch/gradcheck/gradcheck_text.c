/* gradcheck_text.c: what a check says of its inputs, outputs and elements; what counts as equal. */
#include "gradcheck_impl.h"

#include "core/text.h"

#include <math.h>
#include <stdarg.h>

void tgi_gradcheck_problem(tgi_gradcheck *c, const char *format, ...)
{
    va_list arguments;
    if (c->problem[0]) return;
    va_start(arguments, format);
    tgi_vformat(c->problem, sizeof c->problem, format, arguments);
    va_end(arguments);
}

/* ---- names ---- */

const char *tgi_row_name(const tgi_gradcheck *c, const tgi_part *row, char text[TGI_PART_TEXT])
{
    const bool given = row->index < c->given;
    tgi_format(text, TGI_PART_TEXT, "%s %lld", given ? "input" : "grad_output",
               (long long)(given ? row->index : row->index - c->given));
    return text;
}

const char *tgi_column_name(const tgi_gradcheck *c, const tgi_part *column, char text[TGI_PART_TEXT])
{
    if (c->given == c->inputs.count)
        tgi_format(text, TGI_PART_TEXT, "output %lld", (long long)column->index);
    else
        tgi_format(text, TGI_PART_TEXT, "the gradient of input %lld", (long long)c->rows[column->index].index);
    return text;
}

const char *tgi_element_text(const tg_shape *shape, int64_t element, char text[TG_SHAPE_TEXT])
{
    tg_shape index = *shape;
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index.dims[d] = element % shape->dims[d];
        element /= shape->dims[d];
    }
    return tg_shape_text(&index, text);
}

/* ---- numbers ---- */

bool tgi_gradcheck_close(const tgi_gradcheck *c, double ours, double quotient)
{
    return fabs(ours - quotient) <= c->options.atol + c->options.rtol * fabs(quotient) && isfinite(quotient);
}
