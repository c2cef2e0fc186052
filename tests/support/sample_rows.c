/* sample_rows.c: which samples an op has. Those of pointwise ops are made from the rows of rows.def. */
#define _POSIX_C_SOURCE 200809L
#include "sample.h"
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

enum { FLOATING, FLOAT_ONLY, NUMERIC, COUNTING, ANY, INT64, INTEGRAL };

typedef struct row {
    const char *name;
    int inputs, dtypes;
    double lo, hi;
    const char *parameters; /* ", slope=0.2": the values for tests */
} row;

#define OPTION(k, name, initial, value)                             ", " #name "=" #value
#define REQUIRED(k, name, value)                                    ", " #name "=" #value
#define OR_NONE                                                     REQUIRED
#define TG_UNARY(name, d, y, da, s, lo, hi, ...)                    { #name, 1, d, lo, hi, "" },
#define TG_UNARY_WITH(name, d, parameters, y, da, s, lo, hi, ...)   { #name, 1, d, lo, hi, parameters },
#define TG_BINARY(name, d, y, da, sa, db, sb, lo, hi, ...)          { #name, 2, d, lo, hi, "" },
#define TG_TERNARY(name, d, y, da, sa, db, sb, dc, sc, lo, hi, ...) { #name, 3, d, lo, hi, "" },
#define TG_TERNARY_WITH(name, d, parameters, y, da, sa, db, sb, dc, sc, lo, hi, ...)                                   \
    { #name, 3, d, lo, hi, parameters },
#define TG_TEST(name, ...)       { #name, 1, ANY, -2, 2, "" },
#define TG_COMPARE(name, ...)    { #name, 2, ANY, -2, 2, "" },
#define TG_BITWISE(name, d, ...) { #name, 2, d, 0, 0, "" },
static const row rows[] = {
#include "ops/rows/rows.def"
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* F is a floating leaf in the row's range, I an integer one, positive and small so that no op overflows; P at the end
 * gives the parameters other values. */
static const char *const unary_templates[] = {
    "F(5)", "F(2, 3)", "F(37)", "F(2, 1, 3, 1)", "F()", "F(0, 3)", "I(2, 3)", "F(2, 3)P", "I(5)P", NULL,
};
static const char *const binary_templates[] = {
    "F(5), F(5)",
    "F(2, 3), F(2, 3)",
    "F(37), F(37)",
    "F(2, 3), F(3)",
    "F(3), F(2, 3)",
    "F(2, 1), F(1, 3)",
    "F(3, 17), F(17)",
    "F(3, 17), F(3, 1)",
    "F(2, 1, 3), F(4, 1)",
    "F(), F()",
    "F(2, 3), F()",
    "F(), F(2, 3)",
    "F(0, 3), F(0, 3)",
    "F(0, 3), F(3)",
    "F(0), F(1)",
    "F(2, 0, 3), F()",
    "F(2, 3), 1.5",
    "1.5, F(2, 3)",
    "F(2, 3), 2",
    "2, F(2, 3)",
    "F(), 1.5",
    "F(0, 3), 2",
    "I(2, 3), I(3)",
    "I(4), 2",
    "2, I(4)",
    "I(4), 1.5",
    "F(2, 3), I(3)",
    "I(2, 1), F(3)",
    NULL,
};
static const char *const ternary_templates[] = {
    "F(5), F(5), F(5)",          "F(37), F(37), F(37)",    "F(2, 3), F(3), F(2, 1)", "F(3), F(2, 3), F()",
    "F(2, 1, 3), F(4, 1), F(3)", "F(), F(), F()",          "F(), F(2), F(3, 1)",     "F(0, 3), F(3), F(0, 3)",
    "F(2, 3), F(2, 3), F(3)P",   "I(2, 3), I(3), I(2, 1)", "I(4), I(4), I(4)P",      NULL,
};

static const row *row_of(const tg_op *op)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, op->name) == 0) return &rows[i];
    return NULL;
}

int sample_pointwise_inputs(const tg_op *op)
{
    const row *r = row_of(op);
    return r ? r->inputs : 0;
}

/* Whether a parameter has no default. */
static bool needs_parameters(const tg_op *op, const row *r)
{
    tg_argument a;
    return tg_op_argument(op, r->inputs, &a) && !a.has_default;
}

bool sample_is_plain(const tg_op *op)
{
    const row *r = row_of(op);
    return r && !op->samples && !needs_parameters(op, r);
}

bool sample_takes_floats(const tg_op *op) { return sample_is_plain(op) && row_of(op)->dtypes <= ANY; }

static bool fits(const row *r, const char *template)
{
    const bool parameters = strchr(template, 'P') != NULL;
    if (parameters && !*r->parameters) return false;
    if (r->dtypes == FLOAT_ONLY) return !strchr(template, 'I');
    return r->dtypes <= ANY || (!strchr(template, 'F') && !strchr(template, '.'));
}

/* "F(2, 3), 2" of a row from 0.2 to 3 becomes "name(f(2, 3, lo=0.2, hi=3), 2)". */
static char *expand_template(const tg_op *op, const row *r, const char *template)
{
    char text[256];
    size_t n = (size_t)snprintf(text, sizeof text, "%s(", r->name);
    char kind = 0;
    for (const char *p = template; *p && *p != 'P'; p++) {
        const char *comma = p > template && p[-1] == '(' ? "" : ", ";
        if (*p == 'F' || *p == 'I') kind = *p;
        if (*p == ')' && kind == 'F')
            n += (size_t)snprintf(text + n, sizeof text - n, "%slo=%g, hi=%g", comma, r->lo, r->hi);
        if (*p == ')' && kind == 'I') n += (size_t)snprintf(text + n, sizeof text - n, "%slo=1, hi=5", comma);
        text[n++] = *p == 'F' ? 'f' : *p == 'I' ? 'i' : *p;
    }
    const bool parameters = strchr(template, 'P') || needs_parameters(op, r);
    snprintf(text + n, sizeof text - n, "%s)", parameters ? r->parameters : "");
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

const char *const *sample_texts(const tg_op *op)
{
    static char *made[ROWS][sizeof binary_templates / sizeof binary_templates[0]];
    static const char *const none[] = { NULL };
    const row *r = row_of(op);
    if (op->samples) return op->samples;
    if (!r) return none;
    char **texts = made[r - rows];
    const char *const *templates = r->inputs == 1   ? unary_templates
                                   : r->inputs == 2 ? binary_templates
                                                    : ternary_templates;
    for (int n = 0; *templates && !(n == 0 && texts[0]); templates++)
        if (fits(r, *templates)) texts[n++] = expand_template(op, r, *templates);
    return (const char *const *)texts;
}

const char *const *sample_corners(const tg_op *op)
{
    static const char *const none[] = { NULL };
    return op->corners ? op->corners : none;
}

const tg_error_sample *sample_own_errors(const tg_op *op)
{
    static const tg_error_sample none[] = { { NULL, NULL } };
    return op->own_errors ? op->own_errors : none;
}

const tg_error_sample *sample_errors(const tg_op *op)
{
    static char calls[ROWS][64];
    static tg_error_sample errors[ROWS][2];
    static const tg_error_sample none[] = { { NULL, NULL } };
    const row *r = row_of(op);
    if (op->errors) return op->errors;
    if (!r || r->inputs == 1) return none;
    const char leaf = r->dtypes > ANY ? 'i' : 'f';
    snprintf(calls[r - rows], sizeof calls[0], "%s(%c(2, 3), %c(4)%s)", r->name, leaf, leaf,
             r->inputs == 3 ? ", f(4)" : "");
    errors[r - rows][0] = (tg_error_sample){
        calls[r - rows], "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1"
    };
    return errors[r - rows];
}
