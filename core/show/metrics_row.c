/* metrics_row.c: the metrics of a row, and its text. */
#include "metrics_impl.h"

#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/utf8_impl.h"

#include <string.h>

tgi_metric *tgi_metric_of(tg_metrics *m, const char *name, size_t length)
{
    tgi_metric **at = &m->first;
    for (; *at; at = &(*at)->next)
        if (strlen((*at)->name) == length && memcmp((*at)->name, name, length) == 0) return *at;
    const size_t bytes = sizeof(tgi_metric) + length + 1;
    *at = tgi_calloc(bytes);
    if (!*at) return NULL;
    (*at)->bytes = bytes;
    memcpy((*at)->name, name, length);
    return *at;
}

/* In quotes where the text would otherwise not be one field. */
static void put_csv_text(tgi_text *t, const char *text)
{
    const size_t length = strlen(text);
    const bool plain =
        length && !strpbrk(text, ",\"\r\n") && text[0] != ' ' && text[length - 1] != ' ' && text[0] != '#';
    if (plain) {
        tgi_text_string(t, text);
        return;
    }
    tgi_text_string(t, "\"");
    for (; *text; text++) tgi_text_put(t, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    tgi_text_string(t, "\"");
}

static void put_json_text(tgi_text *t, const char *text)
{
    char bytes[16];
    tgi_text_string(t, "\"");
    for (uint32_t c; (c = tgi_utf8_next(&text));) {
        int length = 0;
        if (c == '"' || c == '\\') bytes[length++] = '\\';
        if (tgi_utf8_is_control(c))
            length = tgi_format(bytes, sizeof bytes, "\\u%04x", (unsigned)c);
        else
            length += tgi_utf8_put(bytes + length, c);
        tgi_text_put(t, bytes, (size_t)length);
    }
    tgi_text_string(t, "\"");
}

static void put_step(tgi_text *t, int64_t step)
{
    char text[24];
    tgi_format(text, sizeof text, "%lld", (long long)step);
    tgi_text_string(t, text);
}

void tgi_put_csv_header(tgi_text *t, const tg_metrics *m)
{
    tgi_text_string(t, "step");
    for (const tgi_metric *metric = m->first; metric; metric = metric->next)
        tgi_text_string(t, ","), put_csv_text(t, metric->name);
    tgi_text_string(t, "\n");
}

void tgi_put_csv_row(tgi_text *t, const tg_metrics *m, int64_t step)
{
    put_step(t, step);
    for (const tgi_metric *metric = m->first; metric; metric = metric->next) {
        tgi_text_string(t, ",");
        if (!metric->set) continue;
        if (metric->text)
            put_csv_text(t, metric->text);
        else
            tgi_text_number(t, metric->value, "nan", "inf");
    }
    tgi_text_string(t, "\n");
}

void tgi_put_json_row(tgi_text *t, const tg_metrics *m, int64_t step)
{
    tgi_text_string(t, "{\"step\": ");
    put_step(t, step);
    for (const tgi_metric *metric = m->first; metric; metric = metric->next) {
        if (!metric->set) continue;
        tgi_text_string(t, ", ");
        put_json_text(t, metric->name);
        tgi_text_string(t, ": ");
        if (metric->text)
            put_json_text(t, metric->text);
        else
            tgi_text_number(t, metric->value, "NaN", "Infinity");
    }
    tgi_text_string(t, "}\n");
}
