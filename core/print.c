/* print.c: tensors as PyTorch prints them, to the last blank.
 *
 * The layout follows PyTorch's torch/_tensor_str.py, quirks included: which numbers decide the format, how wide a
 * column is, where a line breaks, what is left out of a large tensor. It reads tensors through their public interface
 * alone, allocates nothing and must never fail: what cannot be read prints as "NULL". */
#include "print.h"

#include "autograd.h"
#include "op.h"
#include "tensor.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PREFIX        "tensor("
#define PREFIX_LENGTH ((int64_t)sizeof PREFIX - 1)
#define MAX_PRECISION 1100 /* beyond it every digit of a double is 0 */
#define NUMBER_TEXT   1536 /* room for the longest number: 309 digits before the point, MAX_PRECISION behind it */
#define NAME_TEXT     96

static const tg_op op_print = { .name = "print" };

static tg_print_options options = { TG_PRINT_DEFAULTS, { 0 } };

void tg_set_printoptions_with(tg_print_options given)
{
    if (given.precision < 0) given.precision = 0;
    if (given.precision > MAX_PRECISION) given.precision = MAX_PRECISION;
    if (given.edgeitems < 0) given.edgeitems = 0;
    options = given;
}

/* ---- where text goes: a file, or a buffer that may be too small ---- */

typedef struct sink {
    FILE *file; /* NULL: the buffer */
    char *buffer;
    int64_t size;
    int64_t length;     /* written so far, had there been room */
    int64_t line_start; /* `length` after the last newline */
} sink;

static void put_bytes(sink *s, const char *text, int64_t n)
{
    if (s->file) fwrite(text, 1, (size_t)n, s->file);
    int64_t room = s->file ? 0 : s->size - 1 - s->length;
    if (room > 0) memcpy(s->buffer + s->length, text, (size_t)(n < room ? n : room));
    s->length += n;
}

static void put(sink *s, const char *text) { put_bytes(s, text, (int64_t)strlen(text)); }

static void put_repeated(sink *s, char c, int64_t n)
{
    for (int64_t i = 0; i < n; i++) put_bytes(s, &c, 1);
    if (c == '\n') s->line_start = s->length;
}

static void finish(sink *s)
{
    if (!s->file && s->size > 0) s->buffer[s->length < s->size ? s->length : s->size - 1] = 0;
}

/* ---- the tensor, and the format its numbers share ---- */

typedef struct printer {
    sink out;
    const char *data;
    tg_dtype dtype;
    tg_shape shape;
    int64_t strides[TG_MAX_DIMS];
    bool summarize;

    bool any;        /* a finite number other than 0 was seen; only such numbers decide */
    double smallest; /* absolute values */
    double largest;
    bool integers;   /* all of them are whole: "1." */
    bool scientific; /* decides the width ... */
    int64_t width;
} printer;

static double element(const printer *p, int64_t offset)
{
    return p->dtype == TG_FLOAT32 ? (double)((const float *)(const void *)p->data)[offset]
                                  : ((const double *)(const void *)p->data)[offset];
}

/* Writes `value` as the format says, unpadded; returns the length. */
static int number_text(double value, bool scientific, bool integers, char text[NUMBER_TEXT])
{
    if (isnan(value)) return snprintf(text, NUMBER_TEXT, "nan"); /* C may say "-nan" */
    if (scientific) return tgi_format(text, NUMBER_TEXT, "%.*e", options.precision, value);
    if (integers) return tgi_format(text, NUMBER_TEXT, isinf(value) ? "%.0f" : "%.0f.", value);
    return tgi_format(text, NUMBER_TEXT, "%.*f", options.precision, value);
}

static int element_text(const printer *p, int64_t offset, bool scientific, char text[NUMBER_TEXT])
{
    switch (p->dtype) {
    case TG_INT64: return snprintf(text, NUMBER_TEXT, "%" PRId64, ((const int64_t *)(const void *)p->data)[offset]);
    case TG_BOOL: return snprintf(text, NUMBER_TEXT, "%s", p->data[offset] ? "True" : "False");
    default: return number_text(element(p, offset), scientific, p->integers, text);
    }
}

/* What a summary leaves out of dimension `d`: indices from..to. */
typedef struct gap {
    bool shown;
    int64_t from;
    int64_t to;
} gap;

static gap gap_of(const printer *p, int d)
{
    int64_t n = p->shape.dims[d], edge = options.edgeitems;
    if (!p->summarize || n <= 2 * edge) return (gap){ false, n, n };
    /* Python's x[-0:] is all of x: with no edge items a row still prints whole, behind its dots. */
    return (gap){ true, edge, edge == 0 && d == p->shape.ndim - 1 ? 0 : n - edge };
}

typedef void (*visitor)(printer *p, int64_t offset);

/* Visits the elements that will be shown. */
static void visit(printer *p, int d, int64_t offset, visitor f)
{
    if (d == p->shape.ndim) {
        f(p, offset);
        return;
    }
    gap g = gap_of(p, d);
    for (int64_t i = 0; i < g.from; i++) visit(p, d + 1, offset + i * p->strides[d], f);
    for (int64_t i = g.to; i < p->shape.dims[d]; i++) visit(p, d + 1, offset + i * p->strides[d], f);
}

static void measure_range(printer *p, int64_t offset)
{
    double value = element(p, offset), size = fabs(value);
    if (!isfinite(value) || value == 0.0) return;
    if (!p->any || size < p->smallest) p->smallest = size;
    if (!p->any || size > p->largest) p->largest = size;
    if (value != ceil(value)) p->integers = false;
    p->any = true;
}

static void measure_width(printer *p, int64_t offset)
{
    char text[NUMBER_TEXT];
    if (tg_dtype_is_floating(p->dtype)) {
        double value = element(p, offset);
        if (!isfinite(value) || value == 0.0) return;
    }
    int width = element_text(p, offset, p->scientific, text);
    if (width > p->width) p->width = width;
}

static void choose_format(printer *p)
{
    p->integers = true;
    p->width = 1;
    if (tg_dtype_is_floating(p->dtype)) {
        visit(p, 0, 0, measure_range);
        if (!p->any) return; /* before sci_mode is looked at, as in PyTorch */
        p->scientific = p->largest / p->smallest > 1000.0 || p->largest > 1.0e8;
        if (!p->integers && p->smallest < 1.0e-4) p->scientific = true;
    }
    visit(p, 0, 0, measure_width);
    if (options.sci_mode >= 0) p->scientific = options.sci_mode > 0; /* ... the width stays */
}

/* ---- the elements ---- */

static void put_element(printer *p, int64_t offset)
{
    char text[NUMBER_TEXT];
    int length = element_text(p, offset, p->scientific, text);
    put_repeated(&p->out, ' ', p->width - length);
    put_bytes(&p->out, text, length);
}

static void put_break(sink *s, int64_t newlines, int64_t indent)
{
    put(s, ",");
    put_repeated(s, '\n', newlines);
    put_repeated(s, ' ', indent);
}

/* The last dimension: as many elements to a line as fit, "..." counting as one. */
static void put_row(printer *p, int64_t offset, int64_t indent)
{
    const int d = p->shape.ndim - 1;
    const gap g = gap_of(p, d);
    int64_t per_line = (options.linewidth - indent) / (p->width + 2), shown = 0;
    if (per_line < 1) per_line = 1;
    put(&p->out, "[");
    for (int64_t i = 0; i < p->shape.dims[d]; i++, shown++) {
        bool dots = g.shown && shown == g.from;
        if (shown && shown % per_line == 0)
            put_break(&p->out, 1, indent + 1);
        else if (shown)
            put(&p->out, ", ");
        if (dots) {
            put(&p->out, " ...");
            i = g.to - 1;
        } else
            put_element(p, offset + i * p->strides[d]);
    }
    put(&p->out, "]");
}

static void put_elements(printer *p, int d, int64_t offset, int64_t indent)
{
    const int left = p->shape.ndim - d;
    if (left == 0) {
        put_element(p, offset);
        return;
    }
    if (left == 1) {
        put_row(p, offset, indent);
        return;
    }
    const gap g = gap_of(p, d);
    put(&p->out, "[");
    for (int64_t i = 0; i < p->shape.dims[d]; i++) {
        if (i) put_break(&p->out, left - 1, indent + 1);
        if (g.shown && i == g.from) {
            put(&p->out, "...");
            i = g.to - 1;
        } else
            put_elements(p, d + 1, offset + i * p->strides[d], indent + 1);
    }
    put(&p->out, "]");
}

/* ---- what follows the elements ---- */

/* What the op says; else "log_softmax" becomes "LogSoftmaxBackward0". */
static void backward_name(const tg_node *node, char name[NAME_TEXT])
{
    const tg_op *op = tg_node_op(node);
    const char *said = op->grad_name_of ? op->grad_name_of(node) : op->grad_name;
    if (said) {
        snprintf(name, NAME_TEXT, "%s", said);
        return;
    }
    const char *text = op->name ? op->name : "";
    static const char tail[] = "Backward0";
    size_t n = 0;
    for (bool first = true; *text && n < NAME_TEXT - sizeof tail; text++) {
        if (*text != '_') name[n++] = (char)(first && *text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
        first = *text == '_';
    }
    memcpy(name + n, tail, sizeof tail);
}

/* On the same line if it fits. `line` counts two characters more than the line has, as PyTorch's does. */
static void put_suffix(printer *p, int64_t *line, const char *suffix)
{
    int64_t length = (int64_t)strlen(suffix);
    if (*line + length + 2 > options.linewidth) {
        put_break(&p->out, 1, PREFIX_LENGTH);
        *line = PREFIX_LENGTH + length;
    } else {
        put(&p->out, ", ");
        *line += length + 2;
    }
    put(&p->out, suffix);
}

/* Python's tuple: "size=(0,)", "size=(2, 0)". */
static void size_text(const tg_shape *shape, char text[TG_SHAPE_TEXT + 8])
{
    int n = snprintf(text, TG_SHAPE_TEXT + 8, "size=(");
    for (int d = 0; d < shape->ndim; d++)
        n += snprintf(text + n, (size_t)(TG_SHAPE_TEXT + 8 - n), d ? ", %" PRId64 : "%" PRId64, shape->dims[d]);
    snprintf(text + n, (size_t)(TG_SHAPE_TEXT + 8 - n), shape->ndim == 1 ? ",)" : ")");
}

static void put_suffixes(printer *p, const tg_tensor *t, bool empty)
{
    char text[TG_SHAPE_TEXT + NAME_TEXT];
    int64_t line = p->out.length - p->out.line_start + 2;
    if (empty && p->shape.ndim != 1) {
        size_text(&p->shape, text);
        put_suffix(p, &line, text);
    }
    if (p->dtype != tg_default_dtype() && (empty || tg_dtype_is_floating(p->dtype))) {
        snprintf(text, sizeof text, "dtype=torch.%s", tg_dtype_name(p->dtype));
        put_suffix(p, &line, text);
    }
    const tg_node *node = tg_grad_fn(t);
    if (node) {
        char name[NAME_TEXT];
        backward_name(node, name);
        snprintf(text, sizeof text, "grad_fn=<%s>", name);
        put_suffix(p, &line, text);
    } else if (tg_requires_grad(t))
        put_suffix(p, &line, "requires_grad=True");
}

static void put_tensor(sink *s, const tg_tensor *t)
{
    printer p = { .out = *s };
    bool empty = false;
    if (t) {
        p.shape = tg_shape_of(t);
        p.dtype = tg_dtype_of(t);
        p.summarize = tg_shape_numel(&p.shape) > options.threshold;
        for (int d = 0; d < p.shape.ndim; d++) p.strides[d] = tg_stride(t, d);
        empty = tg_shape_numel(&p.shape) == 0;
        if (!empty) p.data = tg_data(t, p.dtype);
    }
    if (!t || (!empty && !p.data))
        put(&p.out, "NULL");
    else {
        put(&p.out, PREFIX);
        if (empty)
            put(&p.out, "[]");
        else {
            choose_format(&p);
            put_elements(&p, 0, 0, PREFIX_LENGTH);
        }
        put_suffixes(&p, t, empty);
        put(&p.out, ")");
    }
    *s = p.out;
    finish(s);
}

/* ---- the public functions ---- */

/* A freed tensor is an error, and reads "NULL". */
static const tg_tensor *begin(const char *where, const tg_tensor *t)
{
    tg_tensor *inputs[] = { (tg_tensor *)(uintptr_t)t };
    return tg_op_begin(where, &op_print, TG_LITERAL(tg_tensor_list){ inputs, t != NULL }) ? t : NULL;
}

int64_t tg_format_at(const char *where, const tg_tensor *t, char *buffer, int64_t size)
{
    t = begin(where, t);
    sink s = { .buffer = buffer, .size = buffer && size > 0 ? size : 0 };
    put_tensor(&s, t);
    return s.length;
}

void tg_fprint_at(const char *where, FILE *file, const tg_tensor *t)
{
    t = begin(where, t);
    if (!file) return;
    sink s = { .file = file };
    put_tensor(&s, t);
    put(&s, "\n");
}

void tg_print_at(const char *where, const tg_tensor *t) { tg_fprint_at(where, stdout, t); }
