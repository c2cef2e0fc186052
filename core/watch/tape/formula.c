/* formula.c: the line of mathematics that belongs to one input of a node.
 *
 * A descriptor says "da = g b, db = a g" in this order of its inputs, or in the names of its schema: "dself = g, dmat1 = g
 * mat2T". Rows are written as calls, "mul(g, neg(sin(a)))", and are read here as people write them. */
#include "formula_impl.h"

#include <ctype.h>
#include <string.h>

/* ---- what is known of inputs ---- */

static bool is_it(const tg_tensor *t, const tgi_edge *edge)
{
    if (edge->output == TGI_TO_LEAF) return t == edge->to.leaf;
    return edge->output >= 0 && tgi_node_of(t) == edge->to.node && t->origin.output == edge->output;
}

const tg_tensor *tgi_input_value(const tg_node *node, int i)
{
    const tg_tensor *known = tg_node_input_value(node, i);
    const tgi_saved *saved = tgi_saved_of(node);
    for (int s = 0; s < node->saved_count && !known; s++) {
        const tg_tensor *t = saved[s].tensor;
        if (t && t->storage->version == saved[s].version && is_it(t, &tgi_inputs(node)[i])) known = t;
    }
    return known;
}

static const tg_tensor *result_value(const tg_node *node)
{
    const tg_tensor *known = tg_node_value(node, 0);
    const tgi_saved *saved = tgi_saved_of(node);
    for (int s = 0; s < node->saved_count && !known; s++) {
        const tg_tensor *t = saved[s].tensor;
        if (t && t->storage->version == saved[s].version && tgi_node_of(t) == node && t->origin.output == 0) known = t;
    }
    return known;
}

/* ---- names ---- */

typedef struct span {
    const char *at;
    int64_t length;
} span;

static bool is_letter(char c) { return isalnum((unsigned char)c) || c == '_'; }
static bool same(span a, span b) { return a.length == b.length && !memcmp(a.at, b.at, (size_t)a.length); }

static span word_at(const char *text)
{
    span word = { text, 0 };
    while (is_letter(text[word.length])) word.length++;
    return word;
}

/* The name that the schema has for input i; of length 0: none. A list of tensors is all that is left of the inputs. */
static span schema_name(const tg_op *op, int i)
{
    const span none = { NULL, 0 };
    const char *at = op->schema ? strchr(op->schema, '(') : NULL;
    while (at && *at && *at != ')') {
        at++;
        while (*at == ' ') at++;
        const char *end = at;
        for (int depth = 0; *end && (depth || (*end != ',' && *end != ')')); end++)
            depth += (*end == '(' || *end == '[') - (*end == ')' || *end == ']');
        const bool tensor = !strncmp(at, "Tensor", 6) || !strncmp(at, "Scalar ", 7) || !strncmp(at, "Scalar? ", 8);
        const char *blank = tensor ? memchr(at, ' ', (size_t)(end - at)) : NULL;
        if (blank && (i-- == 0 || !strncmp(at, "Tensor[]", 8))) return word_at(blank + 1);
        at = end;
    }
    return none;
}

/* ---- terms ---- "dNAME = TEXT", separated by a comma, a semicolon or a colon */

typedef struct term {
    span name, text; /* the name is what stands behind the d */
} term;

enum { MOST_TERMS = 16 };

/* Whether "dNAME = " or "dNAME[i] = " begins here; then where its text does. */
static const char *begins_term(const char *at, span *name)
{
    if (*at != 'd' || !is_letter(at[1])) return NULL;
    *name = word_at(at + 1);
    const char *end = name->at + name->length;
    if (*end == '[' && strchr(end, ']')) end = strchr(end, ']') + 1;
    if (name->length > 2 && name->at[name->length - 2] == '_') name->length -= 2; /* "dterms_i" */
    return strncmp(end, " = ", 3) ? NULL : end + 3;
}

static int find_terms(const char *gradient, term terms[MOST_TERMS])
{
    int count = 0;
    for (const char *at = gradient; *at && count < MOST_TERMS; at++) {
        const int64_t before = at - gradient;
        const bool may = !before || (before > 1 && at[-1] == ' ' && strchr(",;:", at[-2])) ||
                         (before > 4 && !strncmp(at - 5, " and ", 5));
        span name;
        const char *text = may ? begins_term(at, &name) : NULL;
        if (!text) continue;
        if (count) terms[count - 1].text.length = at - 2 - terms[count - 1].text.at;
        terms[count++] = (term){ name, { text, (int64_t)strlen(text) } };
    }
    return count;
}

/* By the schema's name for the input; else by its place, unless the schema has that name for another one. */
static int term_of(const tg_node *node, int i, const term *terms, int count)
{
    const span name = schema_name(node->op, i);
    for (int t = 0; t < count; t++)
        if (same(terms[t].name, name)) return t;
    for (int k = 0; i < count && k < node->input_count; k++)
        if (same(terms[i].name, schema_name(node->op, k))) return -1;
    return i < count ? i : count == 1 ? 0 : -1;
}

/* ---- rows as people write them ---- */

typedef enum precedence { ANY, CHOICE, OR, AND, COMPARED, SUM, PRODUCT, SIGN, ATOM } precedence;

typedef struct infix {
    const char *name, *between;
    precedence own, right; /* what it is, and what its right side must be at least */
} infix;

static const infix operators[] = {
    { "mul", " * ", PRODUCT, PRODUCT }, { "div", " / ", PRODUCT, SIGN }, { "add", " + ", SUM, SUM },
    { "sub", " - ", SUM, PRODUCT },     { "gt", " > ", COMPARED, SUM },  { "lt", " < ", COMPARED, SUM },
    { "ge", " >= ", COMPARED, SUM },    { "le", " <= ", COMPARED, SUM }, { "eq", " == ", COMPARED, SUM },
    { "ne", " != ", COMPARED, SUM },    { "both", " && ", AND, AND },    { "either", " || ", OR, OR },
};

typedef struct reader {
    const char *at, *end;
    bool failed;
} reader;

static precedence read_expression(reader *r, tgi_page *page);

/* An expression, in parentheses if it binds less than it must here. */
static void put_operand(reader *r, tgi_page *page, precedence least)
{
    tgi_page operand = { .failed = page->failed };
    const bool bare = read_expression(r, &operand) >= least;
    if (!bare) tgi_page_put(page, "(");
    tgi_page_bytes(page, operand.text, operand.length);
    if (!bare) tgi_page_put(page, ")");
    page->failed |= operand.failed;
    tgi_page_free(&operand);
}

static void expect(reader *r, const char *text)
{
    const int64_t length = (int64_t)strlen(text);
    if (r->end - r->at < length || memcmp(r->at, text, (size_t)length))
        r->failed = true;
    else
        r->at += length;
}

static precedence read_infix(reader *r, tgi_page *page, const infix *op)
{
    put_operand(r, page, op->own);
    expect(r, ", ");
    tgi_page_put(page, op->between);
    put_operand(r, page, op->right);
    expect(r, ")");
    return op->own;
}

static precedence read_choice(reader *r, tgi_page *page)
{
    put_operand(r, page, OR);
    expect(r, ", ");
    tgi_page_put(page, " ? ");
    put_operand(r, page, OR);
    expect(r, ", ");
    tgi_page_put(page, " : ");
    put_operand(r, page, CHOICE);
    expect(r, ")");
    return CHOICE;
}

static precedence read_call(reader *r, tgi_page *page, span name)
{
    tgi_page_bytes(page, name.at, name.length + 1);
    put_operand(r, page, ANY);
    while (!r->failed && r->at < r->end && *r->at == ',') {
        expect(r, ", ");
        tgi_page_put(page, ", ");
        put_operand(r, page, ANY);
    }
    expect(r, ")");
    tgi_page_put(page, ")");
    return ATOM;
}

/* What is no call: a letter, a number, or C with blanks in it. */
static precedence read_raw(reader *r, tgi_page *page)
{
    const char *begin = r->at;
    precedence found = ATOM;
    while (r->at < r->end && *r->at != ',' && *r->at != ')') found = *r->at++ == ' ' ? ANY : found;
    if (r->at == begin) r->failed = true;
    tgi_page_bytes(page, begin, r->at - begin);
    return *begin == '-' && found == ATOM ? SIGN : found;
}

static precedence read_expression(reader *r, tgi_page *page)
{
    const span name = r->at < r->end ? word_at(r->at) : (span){ "", 0 };
    if (r->failed || !name.length || name.at[name.length] != '(') return r->failed ? ATOM : read_raw(r, page);
    r->at += name.length + 1;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (same(name, (span){ operators[i].name, (int64_t)strlen(operators[i].name) }))
            return read_infix(r, page, &operators[i]);
    if (same(name, (span){ "select", 6 })) return read_choice(r, page);
    if (same(name, (span){ "num", 3 }) || same(name, (span){ "neg", 3 })) {
        const bool negative = name.at[1] == 'e';
        if (negative) tgi_page_put(page, "-");
        const precedence inner = negative ? SIGN : read_expression(r, page);
        if (negative) put_operand(r, page, SIGN);
        expect(r, ")");
        return inner;
    }
    if (same(name, (span){ "zero", 4 })) {
        tgi_page drop = { .failed = true };
        read_expression(r, &drop);
        expect(r, ")");
        tgi_page_put(page, "0");
        return ATOM;
    }
    return read_call(r, page, name);
}

/* A text that is no row's is taken as it is. */
static void put_readable(tgi_page *page, span text)
{
    tgi_page row = { .text = NULL };
    reader r = { text.at, text.at + text.length, false };
    read_expression(&r, &row);
    if (!r.failed && r.at == r.end)
        tgi_page_bytes(page, row.text, row.length);
    else
        tgi_page_bytes(page, text.at, text.length);
    page->failed |= row.failed;
    tgi_page_free(&row);
}

/* ---- all of it ---- */

bool tgi_formula_of(tgi_formula *formula, const tg_node *node, int i)
{
    term terms[MOST_TERMS];
    const char *gradient = node->op->gradient;
    *formula = (tgi_formula){ .node = node, .input = i };
    if (!gradient || !*gradient) return false;
    const int count = find_terms(gradient, terms), t = term_of(node, i, terms, count);
    if (t < 0) {
        tgi_page_put(&formula->text, gradient);
        return true;
    }
    const char *name = terms[t].name.at - 1;
    tgi_page_bytes(&formula->name, name, strstr(name, " = ") - name);
    put_readable(&formula->text, terms[t].text);
    return true;
}

void tgi_formula_free(tgi_formula *formula)
{
    tgi_page_free(&formula->name);
    tgi_page_free(&formula->text);
}

/* Letters are the names of terms, in the order of the inputs, or those of the schema. */
static int input_of(const tg_node *node, span letter)
{
    term terms[MOST_TERMS];
    const int count = find_terms(node->op->gradient, terms);
    for (int i = 0; i < node->input_count; i++)
        if (same(schema_name(node->op, i), letter)) return i;
    for (int t = 0; t < count && t < node->input_count; t++)
        if (same(terms[t].name, letter)) return term_of(node, t, terms, count) == t ? t : -1;
    return -1;
}

const tg_tensor *tgi_formula_value(const tgi_formula *formula, const char *letter, int64_t length,
                                   const tg_tensor *grad)
{
    const tg_node *node = formula->node;
    const span name = { letter, length };
    if (same(name, (span){ "g", 1 })) return node->output_count == 1 ? grad : NULL;
    const int i = input_of(node, name);
    if (i >= 0) return tgi_input_value(node, i);
    return same(name, (span){ "y", 1 }) ? result_value(node) : NULL;
}

/* Options of a pointwise op (which has kernels, op.h) are its attributes: doubles, in the schema's order. NULL: it is none. */
static const double *option_of(const tg_node *node, span name)
{
    const double *options = node->op->detail ? tg_node_attributes(node) : NULL;
    const char *at = options && node->op->schema ? node->op->schema : "";
    while ((at = strstr(at, ", float"))) {
        at += strlen(", float");
        if (*at == '?') at++;
        if (*at++ == ' ' && same(word_at(at), name)) return options;
        options++;
    }
    return NULL;
}

bool tgi_put_filled(tgi_page *page, const tgi_formula *formula, const tg_tensor *grad, int64_t most)
{
    tgi_page filled = { .failed = page->failed };
    const char *at = formula->text.text, *const end = at + formula->text.length;
    bool any = false;
    while (at < end) {
        span word = { at, 0 };
        while (at + word.length < end && is_letter(at[word.length])) word.length++;
        const bool call = at + word.length < end && at[word.length] == '(';
        const tg_tensor *t = word.length && !call ? tgi_formula_value(formula, at, word.length, grad) : NULL;
        const bool turned = !t && !call && word.length > 1 && at[word.length - 1] == 'T';
        if (turned) t = tgi_formula_value(formula, at, word.length - 1, grad);
        const double *option = word.length && !t && !call ? option_of(formula->node, word) : NULL;
        if (!word.length) word.length = 1;
        if (option) {
            tgi_put_number(&filled, *option);
            any = true;
        } else if (t && t->numel && t->numel <= most) {
            tgi_put_values(&filled, t, most);
            if (turned) tgi_page_put(&filled, "T");
            any = true;
        } else
            tgi_page_bytes(&filled, word.at, word.length);
        at += word.length;
    }
    if (any) tgi_page_bytes(page, filled.text, filled.length);
    page->failed |= filled.failed;
    tgi_page_free(&filled);
    return any;
}
