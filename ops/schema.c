/* schema.c: reads an op's schema, one line in PyTorch's notation.
 *
 * A schema is a constant of the program, so reading one allocates nothing. */
#include "schema.h"

#include "core/thread.h"

#include <string.h>

/* Where the reader stands. Every step skips blanks first and leaves `at` alone when it does not match. */
typedef struct reader {
    const char *at;
} reader;

static bool accept(reader *r, const char *token)
{
    while (*r->at == ' ') r->at++;
    size_t n = strlen(token);
    if (strncmp(r->at, token, n) != 0) return false;
    r->at += n;
    return true;
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool read_word(reader *r, char *word, size_t size)
{
    accept(r, "");
    size_t n = 0;
    while (in_word(r->at[n])) n++;
    if (n == 0 || n >= size) return false;
    memcpy(word, r->at, n);
    word[n] = 0;
    r->at += n;
    return true;
}

static pthread_mutex_t interning = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void expect_fork(void) { tgi_lock_at_fork(&interning); }

/* The default strings of all schemas, each kept once: a tg_value only borrows its string, so it must outlive every
 * caller. A string beyond the table's room makes its schema malformed. */
static const char *intern(const char *text, size_t length)
{
    static char kept[128][24];
    static int count;
    const char *result = NULL;
    if (length >= sizeof kept[0]) return NULL;
    pthread_mutex_lock(&interning);
    for (int i = 0; i < count && !result; i++)
        if (strlen(kept[i]) == length && memcmp(kept[i], text, length) == 0) result = kept[i];
    if (!result && count < (int)(sizeof kept / sizeof kept[0])) {
        memcpy(kept[count], text, length);
        result = kept[count++];
    }
    pthread_mutex_unlock(&interning);
    return result;
}

/* ---- types ---- */

static const struct {
    const char *name;
    tg_value_kind kind;
    tg_value_kind list; /* of the type with [] behind it; TG_VALUE_NONE: there is none */
} types[] = {
    { "Tensor", TG_VALUE_TENSOR, TG_VALUE_TENSORS }, { "Scalar", TG_VALUE_TENSOR, TG_VALUE_NONE },
    { "int", TG_VALUE_INT, TG_VALUE_INTS },          { "float", TG_VALUE_FLOAT, TG_VALUE_NONE },
    { "bool", TG_VALUE_BOOL, TG_VALUE_NONE },        { "ScalarType", TG_VALUE_DTYPE, TG_VALUE_NONE },
    { "str", TG_VALUE_STRING, TG_VALUE_NONE },
};

const char *tgi_kind_name(tg_value_kind kind)
{
    static const char *const names[] = {
        [TG_VALUE_NONE] = "None",  [TG_VALUE_TENSOR] = "Tensor",    [TG_VALUE_TENSORS] = "Tensor[]",
        [TG_VALUE_INT] = "int",    [TG_VALUE_FLOAT] = "float",      [TG_VALUE_BOOL] = "bool",
        [TG_VALUE_INTS] = "int[]", [TG_VALUE_DTYPE] = "ScalarType", [TG_VALUE_STRING] = "str",
    };
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

/* "Tensor", "int[]", "ScalarType?", "Tensor(a)": annotations of aliasing say nothing here. */
static bool read_type(reader *r, tgi_parameter *p)
{
    char word[32], alias[8];
    if (!read_word(r, word, sizeof word)) return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(word, types[i].name) != 0) continue;
        p->argument.kind = types[i].kind;
        p->number = strcmp(word, "Scalar") == 0;
        if (*r->at == '(') {
            r->at++;
            if (!read_word(r, alias, sizeof alias)) return false;
            accept(r, "!");
            if (!accept(r, ")")) return false;
        }
        if (strncmp(r->at, "?[", 2) == 0) { /* a list with gaps */
            r->at++;
            p->argument.optional = true;
        }
        if (*r->at == '[') {
            r->at++;
            while (*r->at >= '0' && *r->at <= '9') r->at++; /* int[2]: how many, which the op knows */
            if (!accept(r, "]") || types[i].list == TG_VALUE_NONE) return false;
            p->argument.kind = types[i].list;
        }
        if (*r->at == '?') {
            r->at++;
            p->argument.optional = true;
        }
        if (*r->at == '|') {
            r->at++;
            p->named = accept(r, "str");
            return p->named;
        }
        return true;
    }
    return false;
}

/* ---- defaults ---- */

/* Digits appended to *mantissa, as many as fit; how many. */
static int read_digits(reader *r, int64_t *mantissa)
{
    int n = 0;
    for (int64_t next; *r->at >= '0' && *r->at <= '9'; r->at++, n++) {
        if (__builtin_mul_overflow(*mantissa, 10, &next) || __builtin_add_overflow(next, *r->at - '0', &next)) break;
        *mantissa = next;
    }
    return n;
}

/* A number as v->kind has it; of a Scalar, as it is written. By hand, for strtod reads what the program's locale says.
 * A mantissa below 2^53 and powers of ten up to 22 are exact, so their quotient or product is rounded correctly. */
static bool read_number(reader *r, tg_value *v)
{
    int64_t mantissa = 0, exponent = 0;
    bool negative = accept(r, "-"), integer = true;
    if (read_digits(r, &mantissa) == 0) return false;
    int fraction = 0;
    if (*r->at == '.') {
        integer = false;
        r->at++;
        fraction = read_digits(r, &mantissa);
    }
    if (*r->at == 'e') {
        integer = false;
        r->at++;
        bool down = accept(r, "-");
        if (read_digits(r, &exponent) == 0) return false;
        if (down) exponent = -exponent;
    }
    if (v->kind == TG_VALUE_TENSOR) v->kind = integer ? TG_VALUE_INT : TG_VALUE_FLOAT;
    if (v->kind == TG_VALUE_INT) {
        v->as.integer = negative ? -mantissa : mantissa;
        return integer;
    }
    exponent -= fraction;
    if (exponent < -22 || exponent > 22 || mantissa >= (int64_t)1 << 53) return false;
    double power = 1;
    for (int64_t i = exponent < 0 ? -exponent : exponent; i > 0; i--) power *= 10;
    double real = exponent < 0 ? (double)mantissa / power : (double)mantissa * power;
    v->as.real = negative ? -real : real;
    return true;
}

static bool read_ints(reader *r, tg_value *v)
{
    if (!accept(r, "[")) { /* stride=1: one for all */
        tg_value one = { .kind = TG_VALUE_INT };
        if (!read_number(r, &one)) return false;
        v->as.ints = tg_shape(one.as.integer);
        return true;
    }
    if (accept(r, "]")) return true;
    do {
        tg_value one = { .kind = TG_VALUE_INT };
        if (v->as.ints.ndim == TG_MAX_DIMS || !read_number(r, &one)) return false;
        v->as.ints.dims[v->as.ints.ndim++] = one.as.integer;
    } while (accept(r, ","));
    return accept(r, "]");
}

static bool read_string(reader *r, tg_value *v)
{
    const char *quote = accept(r, "'") ? "'" : accept(r, "\"") ? "\"" : NULL;
    if (!quote) return false;
    size_t length = strcspn(r->at, quote);
    if (r->at[length] == 0) return false;
    v->as.string = intern(r->at, length);
    r->at += length + 1;
    return v->as.string != NULL;
}

static bool read_default(reader *r, tgi_parameter *p)
{
    tg_argument *a = &p->argument;
    tg_value *v = &a->default_value;
    a->has_default = true;
    memset(v, 0, sizeof *v);
    if (a->optional && accept(r, "None")) return true;
    v->kind = TG_VALUE_STRING;
    if (p->named && read_string(r, v)) return true;
    v->kind = a->kind;
    switch (a->kind) {
    case TG_VALUE_TENSOR: return p->number && read_number(r, v);
    case TG_VALUE_INT:
    case TG_VALUE_FLOAT: return read_number(r, v);
    case TG_VALUE_BOOL: v->as.boolean = accept(r, "True"); return v->as.boolean || accept(r, "False");
    case TG_VALUE_INTS: return read_ints(r, v);
    case TG_VALUE_STRING: return read_string(r, v);
    case TG_VALUE_TENSORS: return accept(r, "[") && accept(r, "]");
    default: return false;
    }
}

/* "Tensor", "Tensor[]", "(Tensor values, Tensor indices)". */
static bool read_results(reader *r, tgi_schema *schema)
{
    tgi_parameter result = { 0 };
    if (!accept(r, "(")) {
        if (!read_type(r, &result)) return false;
        schema->returns_list = result.argument.kind == TG_VALUE_TENSORS;
        return true;
    }
    char name[32];
    schema->returns_list = true;
    do
        if (!read_type(r, &result) || !read_word(r, name, sizeof name)) return false;
    while (accept(r, ","));
    return accept(r, ")");
}

bool tgi_schema_read(const char *text, tgi_schema *schema)
{
    reader r = { text };
    memset(schema, 0, sizeof *schema);
    if (!text || !read_word(&r, schema->name, sizeof schema->name) || !accept(&r, "(")) return false;
    if (!accept(&r, ")")) {
        do {
            if (accept(&r, "*")) continue;
            if (schema->count == TGI_MAX_ARGUMENTS) return false;
            tgi_parameter *p = &schema->parameters[schema->count++];
            if (!read_type(&r, p) || !read_word(&r, p->argument.name, sizeof p->argument.name)) return false;
            if (accept(&r, "=") && !read_default(&r, p)) return false;
        } while (accept(&r, ","));
        if (!accept(&r, ")")) return false;
    }
    return accept(&r, "->") && read_results(&r, schema) && accept(&r, "") && *r.at == 0;
}
