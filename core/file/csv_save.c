/* csv_save.c: a tensor written as a table of text. */
#include "csv.h"
#include "number_impl.h"
#include "output_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <stdio.h>
#include <string.h>

static const char what[] = "save_csv";

static bool can_save(const tg_tensor *t, tg_text_list names, tg_save_csv_options options)
{
    const char *problem = NULL;
    if (t->ndim != 1 && t->ndim != 2)
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "a table has 1 or 2 dimensions, not %d", t->ndim);
    else if (names.count != 0 && names.count != (t->ndim == 2 ? t->dims[1] : 1))
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "%lld names of %lld columns", (long long)names.count,
                   (long long)(t->ndim == 2 ? t->dims[1] : 1));
    else if (t->ndim == 2 && t->dims[1] == 0)
        problem = "a table without columns";
    else if (options.delimiter == '\0' || strchr("\n\r\".+-_0123456789", options.delimiter) ||
             (options.delimiter >= 'a' && options.delimiter <= 'z'))
        problem = "the delimiter is a quote, ends lines, or is a part of numbers";
    else if (names.count && !names.items)
        problem = "the list of names is NULL";
    for (int64_t i = 0; !problem && !tg_failed() && i < names.count; i++)
        if (!names.items[i]) problem = "a name is NULL";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, what, "%s", problem);
    return !tg_failed();
}

/* In quotes where without them it would not be read back: an empty first one would be a blank line. */
static void write_name(tgi_output *out, const char *name, char delimiter)
{
    const char special[] = { delimiter, '"', '\n', '\r', '\0' };
    const size_t length = strlen(name);
    const bool edges = length && (strchr(" \t", name[0]) || strchr(" \t", name[length - 1]));
    const bool mark =
        strncmp(name, "\xef\xbb\xbf", 3) == 0 || strncmp(name, "\xff\xfe", 2) == 0 || strncmp(name, "\xfe\xff", 2) == 0;
    if (length && !edges && !mark && !strpbrk(name, special)) {
        tgi_output_write(out, name, length);
        return;
    }
    tgi_output_write(out, "\"", 1);
    for (const char *c = name; *c; c++) {
        if (*c == '"') tgi_output_write(out, c, 1);
        tgi_output_write(out, c, 1);
    }
    tgi_output_write(out, "\"", 1);
}

static void write_element(tgi_output *out, const tg_tensor *t, const void *elements, int64_t i)
{
    char text[TGI_NUMBER_TEXT];
    int length;
    switch (t->dtype) {
    case TG_FLOAT32: length = tgi_number_text(text, (double)((const float *)elements)[i], true); break;
    case TG_FLOAT64: length = tgi_number_text(text, ((const double *)elements)[i], false); break;
    case TG_INT64: length = snprintf(text, sizeof text, "%lld", (long long)((const int64_t *)elements)[i]); break;
    default: length = snprintf(text, sizeof text, "%d", ((const uint8_t *)elements)[i] != 0); break;
    }
    tgi_output_write(out, text, (size_t)length);
}

static void write_table(tgi_output *out, const tg_tensor *t, const void *elements, tg_text_list names, char delimiter)
{
    const int64_t columns = t->ndim == 2 ? t->dims[1] : 1;
    for (int64_t i = 0; i < names.count; i++) {
        if (i) tgi_output_write(out, &delimiter, 1);
        write_name(out, names.items[i], delimiter);
    }
    if (names.count) tgi_output_write(out, "\n", 1);
    for (int64_t i = 0; !out->failed && i < t->numel; i++) {
        write_element(out, t, elements, i);
        tgi_output_write(out, (i + 1) % columns ? &delimiter : "\n", 1);
    }
}

tg_status tg_save_csv_at(const char *where, const tg_tensor *t, tg_text_list names, const char *path,
                         tg_save_csv_options options)
{
    tgi_begin(where, what);
    if (!tgi_handle_ok(what, t) || tg_failed() || !can_save(t, names, options)) return TG_FAILED;
    tgi_output out;
    const tg_scope scope = tg_scope_begin();
    const void *elements = tgi_row_major(t);
    bool saved = (elements || t->numel == 0) && tgi_output_open(&out, what, path);
    if (saved) {
        write_table(&out, t, elements, names, options.delimiter);
        saved = tgi_output_commit(&out);
    }
    tg_scope_end(scope);
    return saved ? TG_OK : TG_FAILED;
}
