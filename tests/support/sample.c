/* sample.c: reads and runs sample calls. */
#define _POSIX_C_SOURCE 200809L
#include "sample.h"
#include "cmocka_all.h"

#include "ops/create.h"
#include "ops/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static uint64_t seed_of(const char *text, int number)
{
    uint64_t h = 14695981039346656037u;
    for (const char *p = text; *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
    return (h ^ (uint64_t)number) * 1099511628211u;
}

static void generate(const char *text, int number, char kind, double lo, double hi, double *values, int64_t n)
{
    uint64_t x = seed_of(text, number);
    for (int64_t k = 0; k < n; k++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        double u = (double)(x >> 11) / 9007199254740992.0;
        double v = lo + (hi - lo) * u;
        values[k] = kind == 'f' ? v : kind == 'i' ? floor(v) : u < 0.5;
    }
}

void sample_values(const sample *s, int leaf, double *values)
{
    const sample_leaf *l = &s->leaves[leaf];
    const int64_t n = tg_shape_numel(&l->shape);
    if (l->kind == 'v')
        memcpy(values, l->values, (size_t)n * sizeof *values);
    else
        generate(s->text, leaf, l->kind, l->lo, l->hi, values, n);
    for (int64_t k = 0; k < n && l->step > 0; k++) values[k] = floor(values[k] / l->step + 0.5) * l->step;
}

void sample_write(tg_tensor *t, const double *values)
{
    const tg_dtype dtype = tg_dtype_of(t);
    const tg_shape shape = tg_shape_of(t);
    const int64_t n = tg_numel(t);
    char *data = n ? tg_mutable_data(t, dtype) : NULL;
    int64_t strides[TG_MAX_DIMS];
    for (int d = 0; d < shape.ndim; d++) strides[d] = tg_stride(t, d);
    for (int64_t k = 0; k < n; k++) {
        int64_t rest = k, at = 0;
        for (int d = shape.ndim - 1; d >= 0; d--) {
            at += rest % shape.dims[d] * strides[d];
            rest /= shape.dims[d];
        }
        switch (dtype) {
        case TG_FLOAT32: ((float *)data)[at] = (float)values[k]; break;
        case TG_FLOAT64: ((double *)data)[at] = values[k]; break;
        case TG_INT64: ((int64_t *)data)[at] = (int64_t)values[k]; break;
        case TG_BOOL: ((bool *)data)[at] = values[k] != 0; break;
        case TG_DEFAULT_DTYPE: fail_msg("a tensor without a dtype");
        }
    }
}

double *sample_elements(const tg_tensor *t)
{
    double *values = malloc(((size_t)tg_numel(t) + 1) * sizeof *values);
    assert_non_null(values);
    if (tg_to_array(t, values, tg_numel(t)) != TG_OK) fail_msg("tg_to_array: %s", tg_error_message());
    return values;
}

void sample_fill(sample *s, tg_dtype floating, bool requires_grad)
{
    for (int k = 0; k < s->count; k++) {
        sample_leaf *l = &s->leaves[k];
        double *values = malloc(((size_t)tg_shape_numel(&l->shape) + 1) * sizeof *values);
        assert_non_null(values);
        sample_values(s, k, values);
        l->tensor = tg_empty_raw(l->shape, l->kind == 'i' ? TG_INT64 : l->kind == 'b' ? TG_BOOL : floating);
        if (!l->tensor) fail_msg("%s: a leaf cannot be made: %s", s->text, tg_error_message());
        sample_write(l->tensor, values);
        if (requires_grad && (l->kind == 'f' || l->kind == 'v') && l->grad) tg_requires_grad_(l->tensor, true);
        free(values);
    }
}

tg_tensor *sample_weights(const sample *s, int k, const tg_tensor *result)
{
    double *values = malloc(((size_t)tg_numel(result) + 1) * sizeof *values);
    assert_non_null(values);
    generate(s->text, 128 + k, 'f', -1, 1, values, tg_numel(result));
    tg_tensor *w = tg_empty_raw(tg_shape_of(result), tg_dtype_of(result));
    assert_non_null(w);
    sample_write(w, values);
    free(values);
    return w;
}

/* ---- the reader ---- */

enum { ITEMS = 64, STRINGS = 4, WORD = 64 };

/* One pass over a sample's text. The first one (`leaves` set) collects the leaves and calls nothing; the others run. */
typedef struct reader {
    const char *at;
    const char *text;
    sample *leaves;
    const sample *sample;
    int leaf;    /* the number of the next one */
    int depth;   /* of nested calls */
    int without; /* the argument of the outermost call to leave out; -1: none */
    bool left_out;
    const tg_op *in_place; /* called in place of the outermost op */
    sample_change change;  /* what is done to its arguments first */
    void *context;
    tg_tensor *items[ITEMS]; /* what the lists in the text hold */
    int used;
    char strings[STRINGS][WORD];
    int string_count;
} reader;

static tg_value read_value(reader *r);

static void malformed(const reader *r, const char *what)
{
    fail_msg("sample '%s': %s expected at '%s'", r->text, what, r->at);
}

static bool accept(reader *r, const char *token)
{
    while (*r->at == ' ') r->at++;
    size_t n = strlen(token);
    if (strncmp(r->at, token, n) != 0) return false;
    r->at += n;
    return true;
}

static void expect(reader *r, const char *token)
{
    if (!accept(r, token)) malformed(r, token);
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void read_word(reader *r, char word[WORD])
{
    size_t n = 0;
    accept(r, "");
    while (in_word(r->at[n])) n++;
    if (n == 0 || n >= WORD) malformed(r, "a name");
    memcpy(word, r->at, n);
    word[n] = 0;
    r->at += n;
}

/* "keepdim=" and true, or nothing read and false. */
static bool read_keyword(reader *r, char word[WORD])
{
    const char *start = r->at;
    accept(r, "");
    if (in_word(*r->at) && !(*r->at >= '0' && *r->at <= '9')) {
        read_word(r, word);
        if (accept(r, "=")) return true;
    }
    r->at = start;
    return false;
}

static double real_of(const reader *r, tg_value v)
{
    if (v.kind != TG_VALUE_INT && v.kind != TG_VALUE_FLOAT) malformed(r, "a number");
    return v.kind == TG_VALUE_INT ? (double)v.as.integer : v.as.real;
}

static tg_value read_leaf(reader *r, char kind)
{
    sample_leaf leaf = { .kind = kind, .grad = true, .lo = -2, .hi = kind == 'i' ? 3 : 2 };
    if (kind == 'v') leaf.shape = tg_shape(0);
    char word[WORD];
    while (!accept(r, ")")) {
        bool keyword = read_keyword(r, word);
        tg_value v = read_value(r);
        if (!keyword && kind == 'v') {
            if (leaf.shape.dims[0] == SAMPLE_VALUES) malformed(r, "fewer numbers");
            leaf.values[leaf.shape.dims[0]++] = real_of(r, v);
        } else if (!keyword)
            leaf.shape.dims[leaf.shape.ndim++] = (int64_t)real_of(r, v);
        else if (strcmp(word, "lo") == 0)
            leaf.lo = real_of(r, v);
        else if (strcmp(word, "hi") == 0)
            leaf.hi = real_of(r, v);
        else if (strcmp(word, "step") == 0)
            leaf.step = real_of(r, v);
        else if (strcmp(word, "grad") == 0 && v.kind == TG_VALUE_BOOL)
            leaf.grad = v.as.boolean;
        else
            malformed(r, "sizes, lo=, hi=, step= or grad=");
        accept(r, ",");
    }
    int k = r->leaf++;
    if (k == SAMPLE_LEAVES) malformed(r, "fewer leaves");
    if (r->leaves) r->leaves->leaves[r->leaves->count++] = leaf;
    return (tg_value){ TG_VALUE_TENSOR, { .tensor = r->sample ? r->sample->leaves[k].tensor : NULL } };
}

/* The position of the op's argument `name`. */
static int position(const reader *r, const tg_op *op, const char *name)
{
    tg_argument a;
    for (int i = 0; tg_op_argument(op, i, &a); i++)
        if (strcmp(a.name, name) == 0) return i;
    fail_msg("sample '%s': %s has no argument %s", r->text, op->name, name);
    return -1;
}

/* The arguments up to the last one given, with defaults in the gaps; returns how many. */
static int read_arguments(reader *r, const tg_op *op, tg_value *args)
{
    bool given[SAMPLE_ARGUMENTS] = { false };
    int next = 0, count = 0;
    char word[WORD];
    while (!accept(r, ")")) {
        int i = read_keyword(r, word) ? position(r, op, word) : next++;
        if (i >= SAMPLE_ARGUMENTS) malformed(r, "fewer arguments");
        args[i] = read_value(r);
        given[i] = true;
        if (i >= count) count = i + 1;
        accept(r, ",");
    }
    for (int i = 0; i < count; i++) {
        tg_argument a;
        if (given[i]) continue;
        if (!tg_op_argument(op, i, &a) || !a.has_default)
            fail_msg("sample '%s': argument %d is missing", r->text, i + 1);
        args[i] = a.default_value;
    }
    return count;
}

static void leave_out(reader *r, tg_value *v)
{
    if (v->kind == TG_VALUE_TENSOR)
        v->as.tensor = NULL;
    else if (v->kind == TG_VALUE_TENSORS && v->as.tensors.count > 0)
        r->items[v->as.tensors.items - r->items] = NULL;
    else
        return;
    r->left_out = true;
}

static tg_tensor_list call(reader *r, const char *name)
{
    const tg_op *op = tg_op_find(name);
    tg_value args[SAMPLE_ARGUMENTS] = { { TG_VALUE_NONE, { 0 } } };
    if (!op) fail_msg("sample '%s': there is no op '%s'", r->text, name);
    r->depth++;
    int count = read_arguments(r, op, args);
    r->depth--;
    if (r->leaves) return TG_NONE;
    if (r->depth == 0 && r->without >= 0) {
        if (r->without < count) leave_out(r, &args[r->without]);
        if (!r->left_out) return TG_NONE;
    }
    if (r->depth == 0 && r->in_place) {
        tg_argument first_argument;
        if (tg_op_argument(op, 0, &first_argument) && first_argument.kind == TG_VALUE_INT) { /* polygamma(n, x) */
            const tg_value first = args[0];
            args[0] = args[1];
            args[1] = first;
        }
        if (args[0].kind != TG_VALUE_TENSOR) return TG_NONE;
        args[0].as.tensor = tg_clone(args[0].as.tensor);
        op = r->in_place;
        r->left_out = true;
    }
    if (r->depth == 0 && r->change) r->change(op, args, &count, r->context);
    return tg_op_call(op, args, count);
}

/* A nested call's result: its tensor, one item of its list by [n], or the list. */
static tg_value read_call(reader *r, const char *name)
{
    tg_tensor_list results = call(r, name);
    const char *schema = tg_op_find(name)->schema;
    const bool list = schema[strlen(schema) - 1] == ']' || strstr(schema, "-> ("); /* "-> Tensor[]", or several */
    if (accept(r, "[")) {
        int64_t n = (int64_t)real_of(r, read_value(r));
        expect(r, "]");
        return (tg_value){ TG_VALUE_TENSOR, { .tensor = n < results.count ? results.items[n] : NULL } };
    }
    if (list) return (tg_value){ TG_VALUE_TENSORS, { .tensors = results } };
    return (tg_value){ TG_VALUE_TENSOR, { .tensor = results.count ? results.items[0] : NULL } };
}

static tg_value read_list(reader *r)
{
    tg_value list = { TG_VALUE_INTS, { 0 } };
    tg_tensor *tensors[ITEMS];
    int count = 0;
    bool integers = false; /* which may have gaps, as a list of tensors may */
    while (!accept(r, "]")) {
        tg_value v = read_value(r);
        if (v.kind == TG_VALUE_INT && list.as.ints.ndim < TG_MAX_DIMS) {
            list.as.ints.dims[list.as.ints.ndim++] = v.as.integer;
            integers = true;
        }
        if (v.kind == TG_VALUE_NONE && list.as.ints.ndim < TG_MAX_DIMS)
            list.as.ints.dims[list.as.ints.ndim++] = TG_SAME_SIZE;
        if ((v.kind == TG_VALUE_TENSOR || v.kind == TG_VALUE_NONE) && count < ITEMS)
            tensors[count++] = v.kind == TG_VALUE_NONE ? NULL : v.as.tensor;
        else if (v.kind != TG_VALUE_INT)
            malformed(r, "integers or tensors");
        accept(r, ",");
    }
    if (integers || count == 0) return list;
    if (r->used + count > ITEMS) malformed(r, "fewer tensors");
    tg_tensor **items = r->items + r->used; /* not before: an item may itself hold a list */
    memcpy(items, tensors, (size_t)count * sizeof *items);
    r->used += count;
    return (tg_value){ TG_VALUE_TENSORS, { .tensors = { items, count } } };
}

static tg_value read_number(reader *r)
{
    char *end;
    double real = strtod(r->at, &end);
    if (end == r->at) malformed(r, "a value");
    bool integer = strcspn(r->at, ".eni") >= (size_t)(end - r->at);
    tg_value v = { TG_VALUE_FLOAT, { .real = real } };
    if (integer) v = (tg_value){ TG_VALUE_INT, { .integer = strtoll(r->at, NULL, 10) } };
    r->at = end;
    return v;
}

static tg_value read_string(reader *r)
{
    size_t n = strcspn(r->at, "'");
    char *copy = r->strings[r->string_count++ % STRINGS];
    if (r->string_count > STRINGS || n >= sizeof r->strings[0]) malformed(r, "fewer or shorter strings");
    memcpy(copy, r->at, n);
    copy[n] = 0;
    r->at += n;
    expect(r, "'");
    return (tg_value){ TG_VALUE_STRING, { .string = copy } };
}

static tg_value read_value(reader *r)
{
    char word[WORD];
    accept(r, "");
    if (accept(r, "[")) return read_list(r);
    if (accept(r, "'")) return read_string(r);
    if (!in_word(*r->at) || (*r->at >= '0' && *r->at <= '9')) return read_number(r);
    read_word(r, word);
    if (accept(r, "(")) return strchr("fibv", word[0]) && word[1] == 0 ? read_leaf(r, word[0]) : read_call(r, word);
    if (strcmp(word, "inf") == 0) return (tg_value){ TG_VALUE_FLOAT, { .real = INFINITY } };
    if (strcmp(word, "nan") == 0) return (tg_value){ TG_VALUE_FLOAT, { .real = NAN } };
    if (strcmp(word, "None") == 0) return (tg_value){ TG_VALUE_NONE, { 0 } };
    if (strcmp(word, "True") == 0) return (tg_value){ TG_VALUE_BOOL, { .boolean = true } };
    if (strcmp(word, "False") == 0) return (tg_value){ TG_VALUE_BOOL, { .boolean = false } };
    for (int d = 0; d < TG_DTYPES; d++)
        if (strcmp(word, tg_dtype_name((tg_dtype)d)) == 0)
            return (tg_value){ TG_VALUE_DTYPE, { .dtype = (tg_dtype)d } };
    malformed(r, "a value");
    return (tg_value){ TG_VALUE_NONE, { 0 } };
}

/* The outermost call; nothing may follow it. */
static tg_tensor_list read_sample(reader *r)
{
    char word[WORD];
    read_word(r, word);
    expect(r, "(");
    tg_tensor_list results = call(r, word);
    accept(r, "");
    if (*r->at) malformed(r, "the end");
    return results;
}

sample sample_read(const char *text)
{
    sample s = { .text = text };
    reader r = { .at = text, .text = text, .leaves = &s, .without = -1 };
    read_sample(&r);
    return s;
}

tg_tensor_list sample_run(const sample *s)
{
    reader r = { .at = s->text, .text = s->text, .sample = s, .without = -1 };
    return read_sample(&r);
}

bool sample_run_without(const sample *s, int argument, tg_tensor_list *results)
{
    reader r = { .at = s->text, .text = s->text, .sample = s, .without = argument };
    *results = read_sample(&r);
    return r.left_out;
}

bool sample_run_in_place(const sample *s, const tg_op *op, tg_tensor_list *results)
{
    reader r = { .at = s->text, .text = s->text, .sample = s, .without = -1, .in_place = op };
    *results = read_sample(&r);
    return r.left_out;
}

tg_tensor_list sample_run_changed(const sample *s, const tg_op *op, sample_change change, void *context)
{
    reader r = { .at = s->text, .text = s->text, .sample = s, .without = -1 };
    r.in_place = op;
    r.change = change;
    r.context = context;
    return read_sample(&r);
}
