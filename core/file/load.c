/* load.c: tg_load and tg_save: the list of formats. */
#include "load.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "format_impl.h"

#include <stdio.h>
#include <string.h>

/* In the order in which a file is looked at: the first one that knows it has it. */
static const tgi_file_format *const formats[] = { &tgi_format_safetensors, &tgi_format_npy, &tgi_format_pytorch,
                                                  &tgi_format_npz };
enum { FORMATS = sizeof formats / sizeof formats[0] };

static const tgi_file_format *format_of(const tgi_input *in)
{
    for (int i = 0; i < FORMATS && !tg_failed(); i++)
        if (formats[i]->is(in)) return formats[i];
    char names[256] = "";
    for (int i = 0; i < FORMATS; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", formats[i]->name);
    if (!tg_failed()) tgi_input_fail(in, 0, NULL, "what it holds is none of the formats read here: %s", names);
    return NULL;
}

tg_named_tensor_list tg_load_at(const char *where, const char *path)
{
    static const char name[] = "load";
    tg_named_tensor_list list = { NULL, 0 };
    tgi_begin(where, name);
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, name, path)) return list;
    const tgi_file_format *format = format_of(&in);
    if (format) list = format->load(&in);
    tgi_input_close(&in);
    return list;
}

/* In capitals or not, in every locale. */
static bool same_letters(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 'a' - 'A') : a[i];
        if (x != b[i]) return false;
    }
    return true;
}

/* Whether the path ends in one of them. */
static bool ends_in(const char *path, const char *endings)
{
    const size_t length = strlen(path);
    while (*endings) {
        const size_t n = strcspn(endings, " ");
        if (length > n && same_letters(path + length - n, endings, n)) return true;
        endings += n + (endings[n] == ' ');
    }
    return false;
}

static const tgi_file_format *format_by_ending(const char *function, const char *path)
{
    char endings[256] = "";
    for (int i = 0; i < FORMATS; i++) {
        if (ends_in(path, formats[i]->endings)) return formats[i];
        snprintf(endings + strlen(endings), sizeof endings - strlen(endings), "%s%s", i ? " " : "",
                 formats[i]->endings);
    }
    tg_fail_at(NULL, TG_ERROR_FILE, function, "%s: its ending says no format; there are %s", path, endings);
    return NULL;
}

tg_status tg_save_at(const char *where, tg_named_tensor_list list, const char *path)
{
    static const char name[] = "save";
    tgi_begin(where, name);
    if (tg_failed() || !tgi_named_tensors_ok(name, list)) return TG_FAILED;
    if (!path) {
        tg_fail_at(NULL, TG_ERROR_NULL, name, "the path is NULL");
        return TG_FAILED;
    }
    const tgi_file_format *format = format_by_ending(name, path);
    return format ? format->save(name, list, path) : TG_FAILED;
}
