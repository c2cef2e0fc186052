/* module_print.c: a module as print(model) shows it in PyTorch.
 *
 *     Sequential(
 *       (0): Linear(in_features=5, out_features=8, bias=True)
 *       (1): ReLU()
 *     )
 *
 * The text is written straight to its destination, a file or a buffer, whatever its length. */
#include "module_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tgi_print_list(const char *before, const tg_shape *list, char *buffer, size_t size)
{
    size_t used = (size_t)snprintf(buffer, size, "%s(", before);
    for (int i = 0; i < list->ndim && used < size; i++)
        used += (size_t)snprintf(buffer + used, size - used, "%s%lld", i ? ", " : "", (long long)list->dims[i]);
    if (used < size) snprintf(buffer + used, size - used, "%s)", list->ndim == 1 ? "," : "");
    return buffer;
}

const char *tgi_print_size(const char *before, const tg_shape *list, char *buffer, size_t size)
{
    if (list->ndim != 1) return tgi_print_list(before, list, buffer, size);
    snprintf(buffer, size, "%s%lld", before, (long long)list->dims[0]);
    return buffer;
}

void tgi_put(tgi_writer *w, const char *text, size_t length)
{
    if (w->file) {
        fwrite(text, 1, length, w->file);
    } else if (w->length + 1 < w->size) {
        const size_t room = (size_t)(w->size - w->length - 1);
        memcpy(w->buffer + w->length, text, length < room ? length : room);
    }
    w->length += (int64_t)length;
}

void tgi_put_text(tgi_writer *w, const char *text) { tgi_put(w, text, strlen(text)); }

int64_t tgi_put_end(tgi_writer *w)
{
    if (!w->file && w->size > 0) w->buffer[w->length < w->size ? w->length : w->size - 1] = '\0';
    return w->length;
}

static void put_line_start(tgi_writer *w, int depth)
{
    tgi_put_text(w, "\n");
    for (int i = 0; i < depth; i++) tgi_put_text(w, "  ");
}

/* Each line of `text` on a line of its own. */
static void put_lines(tgi_writer *w, const char *text, int depth)
{
    for (const char *line = text; line;) {
        const char *end = strchr(line, '\n');
        put_line_start(w, depth);
        tgi_put(w, line, end ? (size_t)(end - line) : strlen(line));
        line = end ? end + 1 : NULL;
    }
}

/* A user's class writes its own, and reads the same in every locale as well. */
static int extra_text(tg_module *m, char *buffer, size_t size)
{
    if (!m->base.extra_repr) return 0;
    void *before = tgi_text_begin();
    const int length = m->base.extra_repr(m, buffer, size);
    tgi_text_end(before);
    return length;
}

void tgi_module_settings(const tg_module *m, char *text, size_t size)
{
    tgi_writer w = { NULL, text, (int64_t)size, 0 };
    char extra[256] = "";
    extra_text((tg_module *)m, extra, sizeof extra);
    tgi_put_text(&w, m->base.name);
    tgi_put_text(&w, "(");
    tgi_put_text(&w, extra);
    tgi_put_text(&w, ")");
    tgi_put_end(&w);
}

/* "Linear(in_features=5, out_features=8, bias=True", or what of it stands before the children. Returns whether the
 * closing parenthesis stands on a line of its own. */
static bool put_opening(tgi_writer *w, tg_module *m, int depth)
{
    enum { USUAL = 256 };
    char usual[USUAL] = "";
    char *extra = usual;
    const int length = extra_text(m, usual, USUAL);
    const size_t size = length < 0 ? 1 : (size_t)length + 1;
    tgi_put_text(w, m->base.name);
    tgi_put_text(w, "(");
    if (size > USUAL) {
        extra = tgi_calloc(size);
        if (!extra) return false;
        extra_text(m, extra, size);
    }
    const bool lines = m->children || strchr(extra, '\n');
    if (!lines)
        tgi_put_text(w, extra);
    else if (*extra)
        put_lines(w, extra, depth + 1);
    if (extra != usual) tgi_free(extra, size);
    return lines;
}

static void put_module(tgi_writer *w, tg_module *m)
{
    tgi_tree tree;
    tgi_tree_begin(&tree, m, TGI_EVERY_SLOT);
    for (tgi_event event; (event = tgi_tree_next(&tree)) != TGI_END;) {
        tgi_level *level = &tree.levels[tree.depth - 1];
        const int depth = (int)tree.depth - 1;
        if (event == TGI_LEAVE) {
            if (level->mark) put_line_start(w, depth);
            tgi_put_text(w, ")");
            continue;
        }
        if (level->slot) {
            put_line_start(w, depth);
            tgi_put_text(w, "(");
            tgi_put_text(w, level->slot->name);
            tgi_put_text(w, "): ");
        }
        if (level->module)
            level->mark = put_opening(w, level->module, depth);
        else
            tgi_put_text(w, "None");
    }
    tgi_tree_end(&tree);
}

/* NULL prints as None. */
static bool printable(const char *function, const tg_module *m, const void *to)
{
    if (!to) tg_fail_at(NULL, TG_ERROR_NULL, function, "there is nothing to write to");
    return to && (!m || tgi_module_ok(NULL, m, function));
}

void tg_module_print_to(FILE *file, tg_module *m)
{
    if (!printable("module_print", m, file)) return;
    tgi_writer w = { file, NULL, 0, 0 };
    put_module(&w, m);
    tgi_put_text(&w, "\n");
}

int64_t tg_module_format_to(tg_module *m, char *buffer, int64_t size)
{
    if (!printable("module_format", m, size > 0 ? buffer : "")) return 0;
    tgi_writer w = { NULL, buffer, size, 0 };
    put_module(&w, m);
    return tgi_put_end(&w);
}

const char *tgi_real_text(double value, char buffer[TGI_REAL_TEXT])
{
    void *before = tgi_text_begin();
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, TGI_REAL_TEXT, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value) break;
    }
    if (fabs(value) >= 1 && fabs(value) < 1e16 && strchr(buffer, 'e')) /* it has no fraction, then */
        snprintf(buffer, TGI_REAL_TEXT, "%.1f", value);
    tgi_text_end(before);
    if (!strpbrk(buffer, ".en")) strcat(buffer, ".0");
    return buffer;
}
