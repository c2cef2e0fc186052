/* tensorboard.c: the events that TensorBoard reads. The numbers of fields are those of its event.proto, summary.proto,
 * tensor.proto and plugin_text's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* gethostname */
#endif
#include "tensorboard.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "event_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ALIVE UINT64_C(0x73756d6d61727921)

struct tg_summary_writer {
    uint64_t alive;
    size_t bytes;
    tgi_output out;
    tg_clock_fn wall_clock;
    void *clock_context;
    char path[];
};

static bool writer_ok(const char *where, const tg_summary_writer *w, const char *what)
{
    tgi_begin(where, what);
    if (w && w->alive == ALIVE) return true;
    if (w)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the summary writer was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the summary writer is NULL");
    return false;
}

static double seconds_now(tg_clock_fn clock, void *context)
{
    if (clock) return clock(context);
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- events ---- */

enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION_LOG = 7 };
enum { SESSION_STATUS = 1, SESSION_START = 1 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_HISTOGRAM = 5, VALUE_TENSOR = 8, VALUE_METADATA = 9 };

static tgi_text begin_event(const tg_summary_writer *w, int64_t step)
{
    tgi_text event = { .bytes = NULL };
    tgi_event_double(&event, EVENT_WALL_TIME, seconds_now(w->wall_clock, w->clock_context));
    tgi_event_int(&event, EVENT_STEP, step);
    return event;
}

/* Writes the event, which is freed. */
static bool end_event(tg_summary_writer *w, tgi_text *event)
{
    tgi_text record = { .bytes = NULL };
    tgi_event_record(&record, event);
    const bool written = !record.failed && tgi_append(&w->out, record.bytes, (size_t)record.count);
    tgi_text_free(&record);
    tgi_text_free(event);
    return written;
}

/* Writes the value of a tag, which is freed. */
static tg_status write_value(tg_summary_writer *w, int64_t step, tgi_text *value)
{
    tgi_text event = begin_event(w, step), summary = { .bytes = NULL };
    tgi_event_message(&summary, SUMMARY_VALUE, value);
    tgi_event_message(&event, EVENT_SUMMARY, &summary);
    return end_event(w, &event) ? TG_OK : TG_FAILED;
}

/* What each file begins with. */
static bool write_head(tg_summary_writer *w, int64_t purge_step)
{
    tgi_text version = begin_event(w, purge_step < 0 ? 0 : purge_step);
    tgi_event_string(&version, EVENT_FILE_VERSION, "brain.Event:2");
    if (!end_event(w, &version)) return false;
    if (purge_step < 0) return true;
    tgi_text start = begin_event(w, purge_step), session = { .bytes = NULL };
    tgi_event_int(&session, SESSION_STATUS, SESSION_START);
    tgi_event_message(&start, EVENT_SESSION_LOG, &session);
    return end_event(w, &start);
}

/* ---- life ---- */

/* Each folder of the path, the outermost first; false with errno set. */
static bool make_folders(char *path)
{
    for (char *slash = path; *slash; slash++) {
        if (*slash != '/' || slash == path) continue;
        *slash = '\0';
        const bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) return false;
    }
    return true;
}

/* TensorBoard sorts the files of a folder by their names. */
static int name_file(char *path, size_t room, const char *log_dir, double time, const char *suffix)
{
    static int64_t files;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (*c == '/') *c = '-';
    const int64_t number = __atomic_fetch_add(&files, 1, __ATOMIC_RELAXED),
                  seconds = isfinite(time) ? (int64_t)time : 0;
    return tgi_format(path, room, "%s/events.out.tfevents.%010lld.%s.%lld.%lld%s", log_dir, (long long)seconds,
                      host[0] ? host : "localhost", (long long)getpid(), (long long)number, suffix);
}

static bool make_file(tg_summary_writer *w)
{
    static const char what[] = "summary_writer_new";
    if (!make_folders(w->path)) {
        tg_fail_at(NULL, TG_ERROR_FILE, what, "%s: its folder cannot be made: %s", w->path, strerror(errno));
        return false;
    }
    const int fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); /* nobody else's */
    if (fd < 0) {
        tg_fail_at(NULL, TG_ERROR_FILE, what, "%s: cannot be made: %s", w->path, strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

tg_summary_writer *tg_summary_writer_new_at(const char *where, const char *log_dir, tg_summary_writer_options o)
{
    static const char what[] = "summary_writer_new";
    tgi_begin(where, what);
    if (tg_failed()) return NULL;
    if (!log_dir || !log_dir[0] || (o.filename_suffix && strchr(o.filename_suffix, '/'))) {
        tg_fail_at(where, log_dir ? TG_ERROR_VALUE : TG_ERROR_NULL, what,
                   !log_dir      ? "the folder is NULL"
                   : !log_dir[0] ? "the folder's name is empty"
                                 : "a suffix of a name has no slash");
        return NULL;
    }
    const char *suffix = o.filename_suffix ? o.filename_suffix : "";
    const size_t room = strlen(log_dir) + strlen(suffix) + 400, bytes = sizeof(tg_summary_writer) + room;
    tg_summary_writer *w = tgi_calloc(bytes);
    if (!w) return NULL;
    w->alive = ALIVE;
    w->bytes = bytes;
    w->wall_clock = o.wall_clock;
    w->clock_context = o.clock_context;
    name_file(w->path, room, log_dir, seconds_now(w->wall_clock, w->clock_context), suffix);
    if (make_file(w)) {
        const bool opened = tgi_output_append(&w->out, what, w->path);
        if (opened && write_head(w, o.purge_step)) return w;
        if (opened) tgi_output_abandon(&w->out);
        unlink(w->path);
    }
    w->alive = 0;
    tgi_free(w, bytes);
    return NULL;
}

void tg_summary_writer_free_at(const char *where, tg_summary_writer *w)
{
    if (!w || !writer_ok(where, w, "summary_writer_free")) return;
    tgi_output_abandon(&w->out); /* which closes it; all was written */
    w->alive = 0;
    tgi_free(w, w->bytes);
}

const char *tg_summary_writer_path_at(const char *where, const tg_summary_writer *w)
{
    return writer_ok(where, w, "summary_writer_path") ? w->path : NULL;
}

/* ---- what is added ---- */

/* Whether something can be added under that tag. */
static bool can_add(const char *where, tg_summary_writer *w, const char *tag, const char *what)
{
    if (!writer_ok(where, w, what) || tg_failed()) return false;
    w->out.function = what;
    if (tag) return true;
    tg_fail_at(where, TG_ERROR_NULL, what, "the tag is NULL");
    return false;
}

static tgi_text begin_value(const char *tag)
{
    tgi_text value = { .bytes = NULL };
    tgi_event_string(&value, VALUE_TAG, tag);
    return value;
}

tg_status tg_summary_writer_add_scalar_at(const char *where, tg_summary_writer *w, const char *tag, double value,
                                          int64_t step)
{
    if (!can_add(where, w, tag, "summary_writer_add_scalar")) return TG_FAILED;
    tgi_text point = begin_value(tag);
    tgi_event_float(&point, VALUE_SIMPLE, (float)value);
    return write_value(w, step, &point);
}

tg_status tg_summary_writer_add_text_at(const char *where, tg_summary_writer *w, const char *tag, const char *text,
                                        int64_t step)
{
    static const char what[] = "summary_writer_add_text";
    enum { METADATA_PLUGIN = 1, PLUGIN_NAME = 1, TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_STRINGS = 8 };
    enum { SHAPE_DIM = 2, DIM_SIZE = 1, DT_STRING = 7 };
    if (!can_add(where, w, tag, what)) return TG_FAILED;
    if (!text) {
        tg_fail_at(where, TG_ERROR_NULL, what, "the text of %s is NULL", tag);
        return TG_FAILED;
    }
    tgi_text value = { .bytes = NULL }, name = { .bytes = NULL }, plugin = { .bytes = NULL },
             metadata = { .bytes = NULL }, dim = { .bytes = NULL }, shape = { .bytes = NULL },
             tensor = { .bytes = NULL };
    tgi_text_utf8(&name, tag);
    tgi_text_string(&name, "/text_summary");
    tgi_event_message(&value, VALUE_TAG, &name);
    tgi_event_string(&plugin, PLUGIN_NAME, "text");
    tgi_event_message(&metadata, METADATA_PLUGIN, &plugin);
    tgi_event_int(&dim, DIM_SIZE, 1);
    tgi_event_message(&shape, SHAPE_DIM, &dim);
    tgi_event_int(&tensor, TENSOR_DTYPE, DT_STRING);
    tgi_event_message(&tensor, TENSOR_SHAPE, &shape);
    tgi_event_string(&tensor, TENSOR_STRINGS, text);
    tgi_event_message(&value, VALUE_TENSOR, &tensor);
    tgi_event_message(&value, VALUE_METADATA, &metadata);
    return write_value(w, step, &value);
}

/* ---- histograms ---- */

enum { EDGES_OF_A_SIGN = 774, EDGES = 2 * EDGES_OF_A_SIGN + 1 };

/* Made by the same steps as PyTorch's, so that they are the same to the bit. */
static void make_edges(double edges[EDGES])
{
    double v = 1e-12;
    edges[EDGES_OF_A_SIGN] = 0;
    for (int i = 1; i <= EDGES_OF_A_SIGN; i++, v *= 1.1) {
        edges[EDGES_OF_A_SIGN + i] = v;
        edges[EDGES_OF_A_SIGN - i] = -v;
    }
}

/* The bin edges[i] <= value < edges[i + 1], in the last one of which the right edge belongs to it; -1: none. */
static int bin_of(const double edges[EDGES], double value)
{
    if (!(value >= edges[0] && value <= edges[EDGES - 1])) return -1;
    int low = 0, high = EDGES - 1;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        *(value >= edges[middle] ? &low : &high) = middle;
    }
    return low;
}

typedef struct histogram {
    double edges[EDGES], counts[EDGES]; /* counts[i + 1] is that of the bin from edges[i] on; counts[0] stays 0 */
    double min, max, sum, sum_squares;
    int64_t count;
    int first, last; /* the bins that are not empty; first > last: none */
} histogram;

static void count_values(histogram *h, const double *values, int64_t count)
{
    make_edges(h->edges);
    memset(h->counts, 0, sizeof h->counts);
    h->min = h->max = values[0];
    h->sum = h->sum_squares = 0;
    h->count = count;
    h->first = EDGES;
    h->last = -1;
    for (int64_t i = 0; i < count; i++) {
        const double v = values[i];
        const int bin = bin_of(h->edges, v);
        h->sum += v;
        h->sum_squares += v * v;
        if (v < h->min || isnan(v)) h->min = v; /* once NaN it stays, as in NumPy */
        if (v > h->max || isnan(v)) h->max = v;
        if (bin < 0) continue;
        h->counts[bin + 1]++;
        if (bin < h->first) h->first = bin;
        if (bin > h->last) h->last = bin;
    }
}

/* TensorBoard has only the right edges of bins: an empty bin goes before the first. */
static tgi_text histogram_message(const histogram *h)
{
    enum { MIN = 1, MAX = 2, NUM = 3, SUM = 4, SUM_SQUARES = 5, BUCKET_LIMIT = 6, BUCKET = 7 };
    const size_t bins = (size_t)(h->last - h->first + 2);
    tgi_text t = { .bytes = NULL };
    tgi_event_double(&t, MIN, h->min);
    tgi_event_double(&t, MAX, h->max);
    tgi_event_double(&t, NUM, (double)h->count);
    tgi_event_double(&t, SUM, h->sum);
    tgi_event_double(&t, SUM_SQUARES, h->sum_squares);
    tgi_event_bytes(&t, BUCKET_LIMIT, h->edges + h->first, bins * sizeof(double));
    tgi_event_bytes(&t, BUCKET, h->counts + h->first, bins * sizeof(double));
    return t;
}

tg_status tg_summary_writer_add_histogram_at(const char *where, tg_summary_writer *w, const char *tag,
                                             const tg_tensor *values, int64_t step)
{
    static const char what[] = "summary_writer_add_histogram";
    if (!can_add(where, w, tag, what) || !tgi_handle_ok(what, values)) return TG_FAILED;
    tg_status status = TG_FAILED;
    const tg_scope scope = tg_scope_begin();
    histogram *h = tgi_scope_alloc(sizeof *h);
    double *elements = h ? tgi_scope_alloc((size_t)values->numel * sizeof *elements) : NULL;
    if (elements && tg_to_array(values, elements, values->numel) == TG_OK) {
        h->first = 0, h->last = -1;
        if (values->numel) count_values(h, elements, values->numel);
        if (h->first <= h->last) {
            tgi_text value = begin_value(tag), message = histogram_message(h);
            tgi_event_message(&value, VALUE_HISTOGRAM, &message);
            status = write_value(w, step, &value);
        } else {
            tg_fail_at(where, TG_ERROR_VALUE, what, "%s: none of the %lld elements is in a bin", tag,
                       (long long)values->numel);
        }
    }
    tg_scope_end(scope);
    return status;
}

tg_status tg_summary_writer_flush_at(const char *where, tg_summary_writer *w)
{
    static const char what[] = "summary_writer_flush";
    if (!writer_ok(where, w, what) || tg_failed()) return TG_FAILED;
    w->out.function = what;
    return tgi_append_sync(&w->out) ? TG_OK : TG_FAILED;
}
