/* page.c: see page.h. */
#include "page.h"

#include "core/file/json_impl.h"
#include "mutate.h"
#include "values.h"

#include <stdio.h>
#include <string.h>

/* ---- JSON as a tree ---- */

static json *read_value(tgi_json *in)
{
    json *made = calloc(1, sizeof *made);
    assert_non_null(made);
    while (*in->at == '\n' || *in->at == ' ' || *in->at == ':' || *in->at == ',') in->at++;
    const char first = *in->at, *const begin = in->at;
    const bool object = first == '{';
    if (object || first == '[') {
        made->kind = first;
        int64_t capacity = 0;
        assert_true(object ? tgi_json_object(in) : tgi_json_array(in));
        for (const char *key = NULL; object ? (key = tgi_json_key(in)) != NULL : tgi_json_more(in);) {
            if (made->count == capacity) {
                capacity = capacity ? 2 * capacity : 4;
                made->items = realloc(made->items, (size_t)capacity * sizeof *made->items);
                assert_non_null(made->items);
            }
            json *item = made->items[made->count++] = read_value(in);
            item->key = key;
        }
    } else if (first == '"') {
        made->kind = first;
        made->text = tgi_json_string(in);
    } else {
        made->kind = first == 'n' || first == 't' ? first : first == 'f' ? 't' : '0';
        assert_true(tgi_json_skip(in));
        made->number = made->kind == '0' ? strtod(begin, NULL) : first == 't';
    }
    if (in->failed) fail_msg("the run is no JSON: %s", tg_error_message());
    return made;
}

static void free_value(json *value)
{
    for (int64_t i = 0; i < value->count; i++) free_value(value->items[i]);
    free(value->items);
    free(value);
}

const json *json_optional(const json *object, const char *key)
{
    assert_true(object && object->kind == '{');
    for (int64_t i = 0; i < object->count; i++)
        if (!strcmp(object->items[i]->key, key)) return object->items[i]->kind == 'n' ? NULL : object->items[i];
    return NULL;
}

const json *json_member(const json *object, const char *key)
{
    assert_true(object && object->kind == '{');
    for (int64_t i = 0; i < object->count; i++)
        if (!strcmp(object->items[i]->key, key)) return object->items[i]->kind == 'n' ? NULL : object->items[i];
    fail_msg("there is no \"%s\"", key);
    return NULL;
}

const json *json_item(const json *array, int64_t i)
{
    assert_true(array && array->kind == '[' && i >= 0 && i < array->count);
    return array->items[i]->kind == 'n' ? NULL : array->items[i];
}

int64_t json_integer(const json *number)
{
    assert_true(number && number->kind == '0' && number->number == floor(number->number));
    return (int64_t)number->number;
}

const char *json_text(const json *object, const char *key)
{
    const json *text = json_optional(object, key);
    return text ? text->text : NULL;
}

/* ---- a page ---- */

/* What stands between the element of that name and the next end of a script; a copy. */
static char *script(const page *p, const char *begin, size_t *length)
{
    const char *file = (const char *)p->file, *at = strstr(file, begin), *end = NULL;
    if (!at || strstr(at + 1, begin)) fail_msg("one %s was to be there", begin);
    at = strchr(at, '>') + 1;
    end = strstr(at, "</script");
    assert_non_null(end);
    *length = (size_t)(end - at);
    char *text = malloc(*length + 1);
    assert_non_null(text);
    memcpy(text, at, *length);
    text[*length] = '\0';
    return text;
}

static void decode(page *p, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    p->numbers = malloc(strlen(text) + 1);
    assert_non_null(p->numbers);
    uint32_t bits = 0;
    for (size_t i = 0; text[i] && text[i] != '\n'; i++) {
        const char *letter = text[i] == '=' ? letters : strchr(letters, text[i]);
        assert_non_null(letter);
        bits = bits << 6 | (uint32_t)(letter - letters);
        if (i % 4 != 3) continue;
        for (int k = 16; k >= 0; k -= 8) p->numbers[p->number_bytes++] = (unsigned char)(bits >> k);
    }
    for (size_t n = strlen(text); n > 0 && (text[n - 1] == '=' || text[n - 1] == '\n'); n--)
        p->number_bytes -= text[n - 1] == '=';
}

page *page_read(const char *path)
{
    page *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->file = read_file(path, &p->size);
    p->file = realloc(p->file, p->size + 1);
    assert_non_null(p->file);
    p->file[p->size] = '\0';
    assert_int_equal(strlen((char *)p->file), p->size);
    size_t length;
    char *numbers = script(p, "id=\"numbers\"", &length);
    decode(p, numbers);
    free(numbers);
    p->text = script(p, "id=\"run\"", &length);
    assert_null(strchr(p->text, '<'));
    const tgi_input in = { .function = "page", .path = path, .size = (int64_t)p->size };
    tgi_json stream;
    tgi_json_begin(&stream, &in, "run", 0, p->text, (int64_t)length);
    p->run = read_value(&stream);
    if (!tgi_json_end(&stream)) fail_msg("the run is no JSON: %s", tg_error_message());
    return p;
}

void page_free(page *p)
{
    free_value(p->run);
    free(p->text);
    free(p->file);
    free(p->numbers);
    free(p);
}

/* ---- values ---- */

static const unsigned char *numbers_at(const page *p, const json *place, size_t bytes)
{
    const size_t offset = (size_t)json_integer(json_item(place, 0));
    assert_true(offset + bytes <= p->number_bytes);
    return p->numbers + offset;
}

static void assert_all(const page *p, const json *place, const tg_tensor *expected, const char *what)
{
    const tg_dtype dtype = tg_dtype_of(expected);
    const int64_t n = json_integer(json_item(place, 1)), size = json_integer(json_item(place, 2));
    if (n != tg_numel(expected) || n > 64) fail_msg("%s: %d elements", what, (int)n);
    assert_int_equal(size, dtype == TG_FLOAT32 ? 4 : 8);
    const unsigned char *bytes = numbers_at(p, place, (size_t)(n * size));
    double *values = elements(expected);
    for (int64_t i = 0; i < n; i++) {
        const float single = (float)values[i];
        const void *want = size == 4 ? (const void *)&single : &values[i];
        double read = 0;
        float read_single;
        memcpy(&read_single, bytes + i * size, 4);
        if (size == 8) memcpy(&read, bytes + i * size, 8);
        if (isnan(values[i]) && isnan(size == 4 ? (double)read_single : read)) continue;
        if (memcmp(bytes + i * size, want, (size_t)size) != 0)
            fail_msg("%s: element %d is not %.9g, but %.9g", what, (int)i, values[i],
                     size == 4 ? (double)read_single : read);
    }
    free(values);
}

/* The mean, the extremes and the number of what is not finite in a part of a matrix of so many columns. */
typedef struct seen {
    double mean, low, high;
    int64_t finite, nonfinite;
} seen;

static seen look(const double *values, int64_t columns, int64_t top, int64_t bottom, int64_t left, int64_t right)
{
    seen s = { 0, INFINITY, -INFINITY, 0, 0 };
    for (int64_t r = top; r < bottom; r++)
        for (int64_t c = left; c < right; c++) {
            const double x = values[r * columns + c];
            s.nonfinite += !isfinite(x);
            s.finite += isfinite(x);
            if (isfinite(x)) {
                s.low = fmin(s.low, x);
                s.high = fmax(s.high, x);
            }
        }
    for (int64_t r = top; r < bottom; r++)
        for (int64_t c = left; c < right; c++)
            if (isfinite(values[r * columns + c])) s.mean += values[r * columns + c] / (double)s.finite;
    if (!s.finite) s.mean = NAN;
    return s;
}

/* Written with as many digits as its type has. */
static void assert_number(const json *number, double expected, bool single, double tolerance, const char *what)
{
    if (isnan(expected)) {
        assert_null(number);
        return;
    }
    const double read = single ? (double)(float)number->number : number->number;
    if (!(fabs(read - expected) <= tolerance)) fail_msg("%s: %.17g, not %.17g", what, read, expected);
}

/* The last two dimensions are a matrix; there are as many as indices before them, the first of which are there. */
static void assert_heat_maps(const page *p, const json *value, const tg_tensor *expected, const char *what)
{
    const json *summary = json_member(value, "s"), *place = json_member(value, "h");
    const int64_t n = tg_numel(expected), columns = tg_size(expected, -1);
    const int64_t all_rows = tg_ndim(expected) > 1 ? tg_size(expected, -2) : 1, matrices = n / columns / all_rows;
    const int64_t rows = json_integer(json_item(place, 1)), across = json_integer(json_item(place, 2));
    const int64_t maps = json_integer(json_item(place, 3));
    assert_true(n > 64 && rows <= 16 && across <= 16 && rows > 0 && across > 0);
    assert_true((rows == all_rows || rows < all_rows) && across <= columns);
    assert_true(maps > 0 && maps <= 64 && maps <= matrices);
    if (p->size < 1000000) assert_int_equal(maps, matrices < 64 ? matrices : 64);
    const unsigned char *bytes = numbers_at(p, place, (size_t)(maps * rows * across) * 4);
    double *values = elements(expected);
    const seen all = look(values, columns, 0, matrices * all_rows, 0, columns);
    const bool single = tg_dtype_of(expected) == TG_FLOAT32;
    const double scale = fmax(fabs(all.low), fabs(all.high));
    assert_number(json_item(summary, 0), all.finite ? all.low : (double)NAN, single, 0, what);
    assert_number(json_item(summary, 1), all.mean, single, 1e-7 * scale, what);
    assert_number(json_item(summary, 2), all.finite ? all.high : (double)NAN, single, 0, what);
    assert_int_equal(json_integer(json_item(summary, 3)), all.nonfinite);
    for (int64_t i = 0; i < maps * rows * across; i++) {
        const int64_t top = i / across / rows * all_rows, r = i / across % rows, c = i % across;
        const seen cell = look(values, columns, top + r * all_rows / rows, top + (r + 1) * all_rows / rows,
                               c * columns / across, (c + 1) * columns / across);
        float mean;
        memcpy(&mean, bytes + i * 4, 4);
        if (isnan(cell.mean) ? !isnan(mean) : !(fabs((double)mean - cell.mean) <= 1e-7 * scale))
            fail_msg("%s: cell %d is %g, not %g", what, (int)i, (double)mean, cell.mean);
    }
    free(values);
}

void page_assert_value(const page *p, const json *reference, const tg_tensor *expected, const char *what)
{
    if (!expected) {
        if (reference) fail_msg("%s: a value where none is", what);
        return;
    }
    if (!reference) fail_msg("%s: no value", what);
    const json *value = json_item(json_member(p->run, "values"), json_integer(reference));
    if (tg_numel(expected) <= 64)
        assert_all(p, json_member(value, "n"), expected, what);
    else
        assert_heat_maps(p, value, expected, what);
}
