/* profile_trace.c: a profile as Chrome's trace events, which chrome://tracing and Perfetto show: one complete event ("X")
 * for each call, in microseconds; what lies within another's time on the same thread is drawn below it. */
#include "core/file/json_impl.h"
#include "core/text.h"
#include "profile_impl.h"

#include <string.h>
#include <unistd.h>

static const char *const phases[TGI_PHASES] = { "forward", "backward", "optimizer", "loading", "outside" };

static void put_string(FILE *file, const char *text)
{
    char quoted[8192];
    const size_t length = tgi_json_quoted(NULL, text);
    if (length <= sizeof quoted)
        fwrite(quoted, 1, tgi_json_quoted(quoted, text), file);
    else
        fputs("\"?\"", file);
}

/* Nanoseconds since the first of the profiles began, rounded down: what lies within another event stays there. */
static uint64_t nanoseconds(const tgi_profile *p, uint64_t ticks, uint64_t origin)
{
    const double since = 1e9 * tgi_profile_seconds(p, ticks - p->begins.ticks);
    return p->begins.nanoseconds - origin + (uint64_t)since;
}

static void put_place(FILE *file, const tgi_profile *p, int32_t place)
{
    if (!place) return;
    char text[1024];
    fputs(", \"module\": ", file);
    put_string(file, tgi_profile_path(p, place, text, sizeof text));
}

static void put_name(FILE *file, const tgi_profile *p, const tgi_profile_row *row)
{
    char text[1200], path[1024];
    const bool module = row->key.work == TGI_MODULE;
    snprintf(text, sizeof text, "%s%s", module ? tgi_profile_path(p, row->key.place, path, sizeof path) : row->name,
             row->key.work == TGI_VISIT        ? " backward"
             : row->key.work == TGI_EVALUATING ? " backward, products"
                                               : "");
    put_string(file, text);
}

static void put_event(FILE *file, const tgi_profile *p, const tgi_profile_event *e, uint64_t origin)
{
    const tgi_profile_row *row = &p->rows[e->row];
    const uint64_t start = nanoseconds(p, e->start, origin), end = nanoseconds(p, e->end, origin);
    fputs(",\n{\"ph\": \"X\", \"name\": ", file);
    put_name(file, p, row);
    fprintf(
        file,
        ", \"cat\": \"%s\", \"pid\": %ld, \"tid\": %d, \"ts\": %llu.%03u, \"dur\": %llu.%03u, \"args\": {\"line\": ",
        phases[row->key.phase], (long)getpid(), p->thread, (unsigned long long)(start / 1000), (unsigned)(start % 1000),
        (unsigned long long)((end - start) / 1000), (unsigned)((end - start) % 1000));
    put_string(file, row->line);
    put_place(file, p, row->key.place);
    if (row->shapes[0]) {
        fputs(", \"inputs\": ", file);
        put_string(file, row->shapes);
    }
    if (e->flops > 0) fprintf(file, ", \"flops\": %.0f", e->flops);
    fputs("}}", file);
}

bool tgi_profile_trace(const tgi_profile *first, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    uint64_t origin = UINT64_MAX;
    for (const tgi_profile *p = first; p; p = p->next)
        if (p->begins.nanoseconds < origin) origin = p->begins.nanoseconds;
    fprintf(file, "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n");
    fprintf(file, "{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": %ld, \"args\": {\"name\": \"tapegrad\"}}",
            (long)getpid());
    for (const tgi_profile *p = first; p; p = p->next)
        for (int64_t i = 0; i < p->event_count; i++) put_event(file, p, &p->events[i], origin);
    fputs("\n]}\n", file);
    const bool written = !ferror(file);
    return fclose(file) == 0 && written;
}
