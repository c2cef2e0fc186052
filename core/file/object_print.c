/* object_print.c: an object for a look. */
#include "object_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MOST_ENTRIES = 200, MOST_NUMBERS = 8, SHOWN = 3 };

static void print_text(FILE *file, const char *text)
{
    for (; *text; text++) fputc((unsigned char)*text < 32 || *text == 127 ? '?' : *text, file);
}

/* The fewest digits that read back as the same number. */
static void print_real(FILE *file, double value)
{
    char text[40];
    void *before = tgi_text_begin();
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    tgi_text_end(before);
    fputs(text, file);
}

static void print_leaf(FILE *file, const tg_object *o)
{
    switch (o->kind) {
    case TG_OBJECT_NONE: fputs("None", file); break;
    case TG_OBJECT_BOOL: fputs(o->as.integer ? "True" : "False", file); break;
    case TG_OBJECT_INT: fprintf(file, "%" PRId64, o->as.integer); break;
    case TG_OBJECT_FLOAT: print_real(file, o->as.real); break;
    case TG_OBJECT_TEXT:
        fputc('"', file);
        print_text(file, o->as.text);
        fputc('"', file);
        break;
    case TG_OBJECT_TENSOR: {
        if (!tgi_handle_ok("object_print", o->as.tensor)) break;
        char shape[TG_SHAPE_TEXT];
        const tg_shape its = tgi_shape(o->as.tensor);
        fprintf(file, "%s%s", tg_dtype_name((tg_dtype)o->as.tensor->dtype), tg_shape_text(&its, shape));
        break;
    }
    default: break;
    }
}

/* Whether it is a list or tuple of nothing but numbers, texts and their like, which has room on a line. */
static bool is_row(const tg_object *o)
{
    if (o->kind == TG_OBJECT_DICT) return o->count == 0;
    return o->depth == 1 && o->count > 0 ? o->as.items[0]->kind != TG_OBJECT_TENSOR : o->count == 0;
}

static void print_row(FILE *file, const tg_object *o, const char *brackets)
{
    const bool cut = o->count > MOST_NUMBERS;
    fputc(brackets[0], file);
    for (int64_t i = 0; i < o->count; i++) {
        if (i) fputs(", ", file);
        if (cut && i == SHOWN) {
            fputs("..., ", file);
            i = o->count - SHOWN;
        }
        print_leaf(file, o->as.items[i]);
    }
    fputc(brackets[1], file);
    if (cut) fprintf(file, " of %" PRId64, o->count);
}

static void print(FILE *file, const tg_object *o, int indent)
{
    const bool dict = o->kind == TG_OBJECT_DICT;
    const char *brackets = dict ? "{}" : o->kind == TG_OBJECT_LIST ? "[]" : "()";
    if (!tgi_is_container(o)) {
        print_leaf(file, o);
        return;
    }
    if (is_row(o)) {
        print_row(file, o, brackets);
        return;
    }
    fprintf(file, "%c\n", brackets[0]);
    const int64_t count = dict ? o->count / 2 : o->count;
    for (int64_t i = 0; i < count && i < MOST_ENTRIES; i++) {
        fprintf(file, "%*s", indent + 2, "");
        const tg_object *key = dict ? o->as.items[2 * i] : NULL;
        if (key && key->kind == TG_OBJECT_INT) fprintf(file, "%" PRId64, key->as.integer);
        if (key && key->kind == TG_OBJECT_TEXT) print_text(file, key->as.text);
        if (key) fputs(": ", file);
        print(file, dict ? o->as.items[2 * i + 1] : o->as.items[i], indent + 2);
        fputc('\n', file);
    }
    if (count > MOST_ENTRIES) fprintf(file, "%*s... of %" PRId64 "\n", indent + 2, "", count);
    fprintf(file, "%*s%c", indent, "", brackets[1]);
}

void tg_object_fprint_at(const char *where, FILE *file, const tg_object *o)
{
    if (!file || !o) {
        if (file) fputs("NULL\n", file);
        return;
    }
    if (!tgi_object_ok(where, "object_print", o)) return;
    print(file, o, 0);
    fputc('\n', file);
}

void tg_object_print_at(const char *where, const tg_object *o) { tg_object_fprint_at(where, stdout, o); }
