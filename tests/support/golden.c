/* golden.c: the reader of the golden files. */
#define _POSIX_C_SOURCE 200809L
#include "golden.h"
#include "cmocka_all.h"
#include "ops/create.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TG_TEST_DIR
#define TG_TEST_DIR "tests"
#endif

enum { MAX_ENTRIES = 256 };

typedef struct entry {
    char type; /* 's', 'i', 'a' */
    char key[64];
    const char *text;   /* 's' */
    int64_t *ints;      /* 'i' */
    golden_array array; /* 'a' */
    double *values;     /* what array.values points to */
    int64_t count;
} entry;

struct golden {
    char *name;
    char *text; /* the whole file, each line ended by a 0 */
    char **lines;
    int line_count;
    int next; /* the first line not yet read */
    const char *case_name;
    int count;
    entry entries[MAX_ENTRIES];
};

static void malformed(const golden *g, const char *what)
{
    fail_msg("%s/golden/%s:%d: %s", TG_TEST_DIR, g->name, g->next, what);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room);
    while (text) {
        size += fread(text + size, 1, room - size - 1, file);
        if (size < room - 1) break;
        room *= 2;
        char *larger = realloc(text, room);
        if (!larger) free(text);
        text = larger;
    }
    if (text) text[size] = 0;
    fclose(file);
    return text;
}

static void cut_lines(golden *g)
{
    int count = 0;
    for (const char *p = g->text; *p; p++) count += *p == '\n';
    g->lines = calloc((size_t)count + 1, sizeof *g->lines);
    assert_non_null(g->lines);
    for (char *p = g->text; *p;) {
        size_t length = strcspn(p, "\n");
        bool last = p[length] == 0;
        p[length] = 0;
        g->lines[g->line_count++] = p;
        p += length + !last;
    }
}

golden *golden_open(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/golden/%s", TG_TEST_DIR, name);
    golden *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->name = strdup(name);
    g->text = read_file(path);
    if (!g->text) fail_msg("cannot read %s", path);
    cut_lines(g);
    return g;
}

static void clear(golden *g)
{
    for (int i = 0; i < g->count; i++) {
        free(g->entries[i].ints);
        free(g->entries[i].values);
    }
    g->count = 0;
}

void golden_close(golden *g)
{
    clear(g);
    free(g->lines);
    free(g->text);
    free(g->name);
    free(g);
}

/* Elements counted by the blanks between them: `text` begins with one before the first. */
static int64_t count_words(const char *text)
{
    int64_t n = 0;
    for (const char *p = text; *p; p++) n += *p == ' ' && p[1] != ' ' && p[1] != 0;
    return n;
}

static void parse_ints(golden *g, entry *e, const char *text)
{
    e->count = count_words(text);
    e->ints = calloc((size_t)e->count + 1, sizeof *e->ints);
    for (int64_t i = 0; i < e->count; i++) {
        char *end;
        e->ints[i] = strtoll(text, &end, 10);
        if (end == text) malformed(g, "not an integer");
        text = end;
    }
}

static void parse_array(golden *g, entry *e, const char *text)
{
    tg_shape *shape = &e->array.shape;
    if (strncmp(text, " [", 2) != 0) malformed(g, "sizes expected");
    const char *p = text + 2;
    while (*p != ']') {
        char *end;
        if (shape->ndim == TG_MAX_DIMS) malformed(g, "too many dimensions");
        shape->dims[shape->ndim++] = strtoll(p, &end, 10);
        if (end == p || (*end != ',' && *end != ']')) malformed(g, "not a size");
        p = *end == ',' ? end + 1 : end;
    }
    p++;
    e->count = count_words(p);
    if (e->count != tg_shape_numel(shape)) malformed(g, "another number of elements than the sizes say");
    e->values = calloc((size_t)e->count + 1, sizeof *e->values);
    for (int64_t i = 0; i < e->count; i++) {
        char *end;
        e->values[i] = strtod(p, &end);
        if (end == p) malformed(g, "not a number");
        p = end;
    }
    e->array.key = e->key;
    e->array.count = e->count;
    e->array.values = e->values;
}

static void parse_entry(golden *g, const char *line)
{
    if (g->count == MAX_ENTRIES) malformed(g, "too many keys in one case");
    if (!strchr("sia", line[0]) || line[1] != ' ') malformed(g, "neither case nor s, i or a");
    entry *e = &g->entries[g->count];
    const char *key = line + 2, *value = key + strcspn(key, " ");
    memset(e, 0, sizeof *e);
    e->type = line[0];
    if (value - key >= (ptrdiff_t)sizeof e->key) malformed(g, "a shorter key expected");
    memcpy(e->key, key, (size_t)(value - key));
    if (*value == 0)
        malformed(g, "a key without a value");
    else if (e->type == 's')
        e->text = value + 1;
    else if (e->type == 'i')
        parse_ints(g, e, value);
    else
        parse_array(g, e, value);
    g->count++;
}

static bool is_case(const char *line) { return strncmp(line, "case ", 5) == 0; }
static bool is_comment(const char *line) { return *line == 0 || *line == '#'; }

bool golden_next(golden *g)
{
    clear(g);
    while (g->next < g->line_count && is_comment(g->lines[g->next])) g->next++;
    if (g->next == g->line_count) return false;
    const char *line = g->lines[g->next++];
    if (!is_case(line)) malformed(g, "a case expected");
    g->case_name = line + 5;
    for (; g->next < g->line_count && !is_case(g->lines[g->next]); g->next++)
        if (!is_comment(g->lines[g->next])) parse_entry(g, g->lines[g->next]);
    return true;
}

bool golden_seek(golden *g, const char *name)
{
    for (int i = 0; i < g->line_count; i++) {
        if (!is_case(g->lines[i]) || strcmp(g->lines[i] + 5, name) != 0) continue;
        g->next = i;
        return golden_next(g);
    }
    return false;
}

const char *golden_case(const golden *g) { return g->case_name; }

static const entry *lookup(const golden *g, const char *key, char type)
{
    for (int i = 0; i < g->count; i++)
        if ((type == 0 || g->entries[i].type == type) && strcmp(g->entries[i].key, key) == 0) return &g->entries[i];
    if (type) fail_msg("%s: case '%s' has no '%c %s'", g->name, g->case_name, type, key);
    return NULL;
}

bool golden_has(const golden *g, const char *key) { return lookup(g, key, 0) != NULL; }
const char *golden_string(const golden *g, const char *key) { return lookup(g, key, 's')->text; }
golden_array golden_array_of(const golden *g, const char *key) { return lookup(g, key, 'a')->array; }

int64_t golden_ints(const golden *g, const char *key, const int64_t **values)
{
    const entry *e = lookup(g, key, 'i');
    *values = e->ints;
    return e->count;
}

int64_t golden_int(const golden *g, const char *key)
{
    const int64_t *values;
    if (golden_ints(g, key, &values) < 1) malformed(g, "an integer expected");
    return values[0];
}

double golden_real(const golden *g, const char *key)
{
    golden_array a = golden_array_of(g, key);
    if (a.count != 1) malformed(g, "an array of one element expected");
    return a.values[0];
}

int golden_array_count(const golden *g)
{
    int n = 0;
    for (int i = 0; i < g->count; i++) n += g->entries[i].type == 'a';
    return n;
}

golden_array golden_array_at(const golden *g, int index)
{
    for (int i = 0; i < g->count; i++)
        if (g->entries[i].type == 'a' && index-- == 0) return g->entries[i].array;
    return (golden_array){ 0 };
}

tg_tensor *golden_tensor(const golden *g, const char *key, tg_dtype dtype)
{
    golden_array a = golden_array_of(g, key);
    return tg_from_data(a.values, a.shape, .dtype = dtype);
}

tg_tensor *golden_weights(const tg_tensor *t)
{
    int64_t n = tg_numel(t);
    double *w = malloc(((size_t)n + 1) * sizeof *w);
    assert_non_null(w);
    for (int64_t i = 0; i < n; i++) w[i] = (double)(7 * i % 11 - 5) / 8;
    tg_tensor *result = tg_from_data(w, tg_shape_of(t), .dtype = tg_dtype_of(t));
    free(w);
    return result;
}

static bool close_to(double value, double expected, double tolerance)
{
    if (isnan(expected)) return isnan(value);
    if (isinf(expected)) return value == expected;
    return fabs(value - expected) <= tolerance * (1 + fabs(expected));
}

const char *golden_difference(const golden_array *expected, const tg_tensor *t, double tolerance)
{
    static _Thread_local char message[512];
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!t) return "the result is NULL";
    tg_shape shape = tg_shape_of(t);
    if (!tg_shape_equal(&shape, &expected->shape)) {
        snprintf(message, sizeof message, "has shape %s, expected %s", tg_shape_text(&shape, a),
                 tg_shape_text(&expected->shape, b));
        return message;
    }
    double *values = malloc(((size_t)expected->count + 1) * sizeof *values);
    const char *result = NULL;
    if (!values || tg_to_array(t, values, expected->count) != TG_OK) result = "its elements cannot be read";
    for (int64_t i = 0; !result && i < expected->count; i++) {
        if (close_to(values[i], expected->values[i], tolerance)) continue;
        snprintf(message, sizeof message, "element %lld is %.17g, expected %.17g", (long long)i, values[i],
                 expected->values[i]);
        result = message;
    }
    free(values);
    return result;
}

void golden_assert(const golden *g, const char *key, const tg_tensor *t, double tolerance)
{
    golden_array a = golden_array_of(g, key);
    const char *difference = golden_difference(&a, t, tolerance);
    if (difference) fail_msg("%s, case '%s': %s %s", g->name, g->case_name, key, difference);
}
