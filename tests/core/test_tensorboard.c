/* test_tensorboard.c: event files, read back by a small reader of the test's own: checksums, events, histograms as
 * PyTorch makes them (golden/tensorboard.txt), and what is left when something fails. tests/tools/read_events.py reads
 * them with Google's protocol buffers. */
#define _GNU_SOURCE /* mkdtemp, setenv, syscall */
#include <tapegrad.h>

#include "core/show/event_impl.h"
#include "tests/support/failing.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- writes that fail: the library calls this one ---- */

static int64_t calls_left = -1; /* until one fails, of which the first half is written; -1: none does */

ssize_t write(int fd, const void *bytes, size_t count)
{
    static bool again;
    if (again) {
        again = false;
        errno = ENOSPC;
        return -1;
    }
    again = calls_left >= 0 && calls_left-- == 0;
    return syscall(SYS_write, fd, bytes, again ? count / 2 : count);
}

/* ---- a reader ---- */

typedef struct event {
    double wall_time;
    int64_t step;
    char version[32], tag[64], text[256], plugin[16];
    float scalar;
    int64_t session;
    bool has_scalar, has_histogram, has_tensor;
    double numbers[5];
    int64_t limits, counts;
    double limit[2000], count[2000];
    int64_t dtype, dim;
} event;

typedef struct bytes {
    const unsigned char *at, *end;
} bytes;

static uint64_t read_varint(bytes *b)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(b->at < b->end && shift < 70);
        value |= (uint64_t)(*b->at & 0x7f) << shift;
        if (!(*b->at++ & 0x80)) return value;
    }
}

static bytes read_bytes(bytes *b, size_t count)
{
    assert_true(count <= (size_t)(b->end - b->at));
    const bytes part = { b->at, b->at + count };
    b->at += count;
    return part;
}

static void read_into(bytes *b, void *to, size_t count) { memcpy(to, read_bytes(b, count).at, count); }

static void read_string(bytes part, char *to, size_t size)
{
    const size_t n = (size_t)(part.end - part.at);
    assert_true(n < size);
    memcpy(to, part.at, n);
    to[n] = '\0';
}

/* The next field: its number, and its value of whichever kind. False at the end. */
typedef struct field {
    int number, kind;
    uint64_t integer;
    double real;
    float single;
    bytes part;
} field;

static bool next_field(bytes *b, field *f)
{
    if (b->at == b->end) return false;
    const uint64_t key = read_varint(b);
    f->number = (int)(key >> 3);
    f->kind = (int)(key & 7);
    if (f->kind == 0)
        f->integer = read_varint(b);
    else if (f->kind == 1)
        read_into(b, &f->real, 8);
    else if (f->kind == 5)
        read_into(b, &f->single, 4);
    else if (f->kind == 2)
        f->part = read_bytes(b, read_varint(b));
    else
        fail_msg("field %d of kind %d", f->number, f->kind);
    return true;
}

static int64_t read_doubles(bytes part, double *to)
{
    const size_t n = (size_t)(part.end - part.at);
    assert_true(n % 8 == 0 && n <= 2000 * 8);
    memcpy(to, part.at, n);
    return (int64_t)(n / 8);
}

static void read_histogram(bytes b, event *e)
{
    field f;
    e->has_histogram = true;
    while (next_field(&b, &f)) {
        if (f.number >= 1 && f.number <= 5 && f.kind == 1)
            e->numbers[f.number - 1] = f.real;
        else if (f.number == 6 && f.kind == 2)
            e->limits = read_doubles(f.part, e->limit);
        else if (f.number == 7 && f.kind == 2)
            e->counts = read_doubles(f.part, e->count);
        else
            fail_msg("field %d in a histogram", f.number);
    }
}

static void read_tensor(bytes b, event *e)
{
    field f, g, h;
    e->has_tensor = true;
    while (next_field(&b, &f)) {
        if (f.number == 1 && f.kind == 0)
            e->dtype = (int64_t)f.integer;
        else if (f.number == 8 && f.kind == 2)
            read_string(f.part, e->text, sizeof e->text);
        else if (f.number == 2 && f.kind == 2) {
            assert_true(next_field(&f.part, &g) && g.number == 2 && next_field(&g.part, &h) && h.number == 1);
            e->dim = (int64_t)h.integer;
        } else
            fail_msg("field %d in a tensor", f.number);
    }
}

static void read_value(bytes b, event *e)
{
    field f, g, h;
    while (next_field(&b, &f)) {
        if (f.number == 1 && f.kind == 2)
            read_string(f.part, e->tag, sizeof e->tag);
        else if (f.number == 2 && f.kind == 5)
            e->scalar = f.single, e->has_scalar = true;
        else if (f.number == 5 && f.kind == 2)
            read_histogram(f.part, e);
        else if (f.number == 8 && f.kind == 2)
            read_tensor(f.part, e);
        else if (f.number == 9 && f.kind == 2) {
            assert_true(next_field(&f.part, &g) && g.number == 1 && next_field(&g.part, &h) && h.number == 1);
            read_string(h.part, e->plugin, sizeof e->plugin);
        } else
            fail_msg("field %d in a value", f.number);
    }
}

static void read_event(bytes b, event *e)
{
    field f, g;
    memset(e, 0, sizeof *e);
    while (next_field(&b, &f)) {
        if (f.number == 1 && f.kind == 1)
            e->wall_time = f.real;
        else if (f.number == 2 && f.kind == 0)
            e->step = (int64_t)f.integer;
        else if (f.number == 3 && f.kind == 2)
            read_string(f.part, e->version, sizeof e->version);
        else if (f.number == 5 && f.kind == 2) {
            assert_true(next_field(&f.part, &g) && g.number == 1 && g.kind == 2);
            read_value(g.part, e);
        } else if (f.number == 7 && f.kind == 2) {
            assert_true(next_field(&f.part, &g) && g.number == 1 && g.kind == 0);
            e->session = (int64_t)g.integer;
        } else
            fail_msg("field %d in an event", f.number);
    }
}

/* Bit by bit, as the polynomial says. */
static uint32_t plain_crc(bytes b)
{
    uint32_t crc = 0xffffffffu;
    for (; b.at < b.end; b.at++)
        for (int bit = 0; bit < 8; bit++) {
            const uint32_t out = (crc ^ (uint32_t)(*b.at >> bit)) & 1;
            crc = crc >> 1 ^ (out ? 0x82f63b78u : 0);
        }
    return ~crc;
}

static void expect_crc(bytes of, bytes *b)
{
    uint32_t stored;
    const uint32_t crc = plain_crc(of);
    read_into(b, &stored, 4);
    assert_int_equal(stored, (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u));
}

enum { MOST_EVENTS = 64, MOST_BYTES = 1 << 20 };
static event events[MOST_EVENTS];
static unsigned char content[MOST_BYTES];

/* Whether a record is there to its end. */
static bool is_whole(bytes b)
{
    const uint64_t rest = (uint64_t)(b.end - b.at);
    uint64_t length;
    if (rest < 16) return false;
    memcpy(&length, b.at, 8);
    return length <= rest - 16;
}

/* Reads a file, as much of it as has room, of which every byte must make sense up to a last record that is cut: `left`
 * bytes. The number of events. */
static int read_cut_file(const char *path, int64_t *left)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t n = fread(content, 1, MOST_BYTES, file);
    fclose(file);
    bytes b = { content, content + n };
    int count = 0;
    for (; is_whole(b); count++) {
        uint64_t length;
        const bytes head = { b.at, b.at + 8 };
        read_into(&b, &length, 8);
        expect_crc(head, &b);
        const bytes body = read_bytes(&b, length);
        expect_crc(body, &b);
        read_event(body, &events[count < MOST_EVENTS ? count : MOST_EVENTS - 1]);
    }
    *left = b.end - b.at;
    return count;
}

/* One that is whole. */
static int read_file(const char *path)
{
    int64_t left;
    const int count = read_cut_file(path, &left);
    assert_int_equal(left, 0);
    return count;
}

/* ---- folders ---- */

static char folder[] = "/tmp/events-XXXXXX", logs[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(logs, sizeof logs, "%s/runs/one", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static double the_time = 1700000000.25;

static double test_time(void *context)
{
    (void)context;
    return the_time++;
}

static tg_summary_writer *new_writer(void) { return tg_summary_writer_new(logs, .wall_clock = test_time); }

/* ---- what is written ---- */

TEST(test_checksum)
{
    assert_int_equal(tgi_crc32c("123456789", 9), 0xe3069283u);
    assert_int_equal(tgi_crc32c("", 0), 0);
    unsigned char text[32]; /* of RFC 3720 */
    memset(text, 0, 32);
    assert_int_equal(tgi_crc32c(text, 32), 0x8a9136aau);
    memset(text, 0xff, 32);
    assert_int_equal(tgi_crc32c(text, 32), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) text[i] = (unsigned char)i;
    assert_int_equal(tgi_crc32c(text, 32), 0x46dd794eu);
}

TEST(test_events)
{
    the_time = 1700000000.25;
    tg_summary_writer *w = new_writer();
    const char *name = strrchr(tg_summary_writer_path(w), '/') + 1;
    assert_int_equal(strncmp(name, "events.out.tfevents.1700000000.", 31), 0);
    assert_int_equal(tg_summary_writer_add_scalar(w, "loss/train", 0.1, 7), TG_OK);
    assert_int_equal(tg_summary_writer_add_scalar(w, "", NAN, -1), TG_OK);
    assert_int_equal(tg_summary_writer_add_scalar(w, "l", 1e300, INT64_MAX), TG_OK);
    assert_int_equal(tg_summary_writer_add_text(w, "note\xff", "**bold** \u00e9\xc3", 300), TG_OK);
    assert_int_equal(tg_summary_writer_flush(w), TG_OK);
    assert_int_equal(read_file(tg_summary_writer_path(w)), 5);
    assert_string_equal(events[0].version, "brain.Event:2");
    assert_true(events[0].wall_time == 1700000001.25 && events[1].wall_time == 1700000002.25);
    assert_string_equal(events[1].tag, "loss/train");
    assert_true(events[1].has_scalar && events[1].scalar == 0.1f && events[1].step == 7);
    assert_true(events[2].has_scalar && isnan(events[2].scalar) && events[2].step == -1);
    assert_true(events[3].has_scalar && isinf(events[3].scalar) && events[3].step == INT64_MAX);
    assert_string_equal(events[4].tag, "note\ufffd/text_summary");
    assert_string_equal(events[4].text, "**bold** \u00e9\ufffd");
    assert_string_equal(events[4].plugin, "text");
    assert_true(events[4].has_tensor && events[4].dtype == 7 && events[4].dim == 1 && events[4].step == 300);
    tg_summary_writer_free(w);
}

TEST(test_purge)
{
    tg_summary_writer *w = tg_summary_writer_new(logs, .purge_step = 100, .filename_suffix = ".again");
    const char *path = tg_summary_writer_path(w);
    assert_string_equal(path + strlen(path) - 6, ".again");
    assert_int_equal(read_file(path), 2);
    assert_true(events[0].step == 100 && events[1].step == 100 && events[1].session == 1);
    assert_true(fabs(events[0].wall_time - (double)time(NULL)) < 60);
    tg_summary_writer_free(w);
}

/* No two writers have one file, be they of one second. */
TEST(test_two_writers)
{
    the_time = 5;
    tg_summary_writer *a = new_writer();
    the_time = 5;
    tg_summary_writer *b = new_writer();
    assert_string_not_equal(tg_summary_writer_path(a), tg_summary_writer_path(b));
    tg_summary_writer_free(a);
    tg_summary_writer_free(b);
}

/* ---- histograms ---- */

static void check_histogram(const golden *g, tg_summary_writer *w, tg_dtype dtype)
{
    IN_SCOPE;
    const golden_array limits = golden_array_of(g, "limits"), counts = golden_array_of(g, "counts"),
                       numbers = golden_array_of(g, "numbers");
    assert_int_equal(tg_summary_writer_add_histogram(w, "h", golden_tensor(g, "values", dtype), 1), TG_OK);
    const int last = read_file(tg_summary_writer_path(w)) - 1;
    const event *e = &events[last < MOST_EVENTS ? last : MOST_EVENTS - 1];
    assert_true(e->has_histogram);
    assert_int_equal(e->limits, limits.count);
    assert_int_equal(e->counts, counts.count);
    assert_memory_equal(e->limit, limits.values, (size_t)limits.count * sizeof(double));
    assert_memory_equal(e->count, counts.values, (size_t)counts.count * sizeof(double));
    for (int i = 0; i < 5; i++) {
        const double a = e->numbers[i], b = numbers.values[i];
        if (!(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-14 * fabs(b)))
            fail_msg("%s: number %d is %.17g instead of %.17g", golden_case(g), i, a, b);
    }
    tg_scope_end(scope);
}

TEST(test_histograms)
{
    golden *g = golden_open("tensorboard.txt");
    int cases = 0;
    for (; golden_next(g); cases++) {
        tg_summary_writer *w = new_writer();
        check_histogram(g, w, TG_FLOAT64);
        if (strcmp(golden_case(g), "integers") == 0) check_histogram(g, w, TG_INT64);
        if (strcmp(golden_case(g), "normal") == 0) check_histogram(g, w, TG_FLOAT32);
        tg_summary_writer_free(w);
    }
    golden_close(g);
    assert_true(cases >= 13);
}

TEST(test_histogram_of_a_view)
{
    IN_SCOPE;
    tg_summary_writer *w = new_writer();
    tg_tensor *v = tg_t(tg_reshape(tg_arange(0, 12, 1, .dtype = TG_FLOAT32), tg_shape(3, 4)));
    assert_int_equal(tg_summary_writer_add_histogram(w, "v", tg_select(v, 0, 1), 0), TG_OK); /* 1, 5, 9 */
    read_file(tg_summary_writer_path(w));
    assert_true(events[1].numbers[0] == 1 && events[1].numbers[1] == 9 && events[1].numbers[3] == 15);
    tg_tensor *none = tg_full(tg_shape(2), (double)INFINITY);
    assert_int_equal(tg_summary_writer_add_histogram(w, "n", none, 0), TG_FAILED);
    expect_error("n: none of the 2 elements is in a bin");
    assert_int_equal(tg_summary_writer_add_histogram(w, "e", tg_zeros(tg_shape(0)), 0), TG_FAILED);
    expect_error("e: none of the 0 elements is in a bin");
    assert_int_equal(read_file(tg_summary_writer_path(w)), 2);
    tg_summary_writer_free(w);
    tg_scope_end(scope);
}

/* ---- what fails ---- */

TEST(test_full_disk)
{
    tg_summary_writer *w = new_writer();
    for (int i = 0; i < 5; i++) {
        calls_left = 0;
        assert_int_equal(tg_summary_writer_add_scalar(w, "x", i, i), TG_FAILED);
        expect_error("cannot be written: No space left");
        assert_int_equal(read_file(tg_summary_writer_path(w)), 1 + i); /* nothing of it is left */
        calls_left = -1;
        assert_int_equal(tg_summary_writer_add_scalar(w, "x", i, i), TG_OK);
    }
    tg_summary_writer_free(w);
    for (int n = 0; n < 2; n++) { /* of what a file begins with */
        calls_left = n;
        expect_refusal(tg_summary_writer_new(logs, .purge_step = 3), "No space left");
        calls_left = -1;
    }
}

/* What was added is there, whenever the program is killed; of what was being written there may be a part. */
TEST(test_killed)
{
    for (int i = 0; i < 20; i++) {
        char path[256];
        tg_summary_writer *w = new_writer();
        snprintf(path, sizeof path, "%s", tg_summary_writer_path(w));
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (int step = 0; tg_ok(); step++) tg_summary_writer_add_scalar(w, "x", step, step);
            _exit(1);
        }
        const struct timespec time = { 0, 100000L + 200000L * i };
        nanosleep(&time, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        int64_t left;
        const int count = read_cut_file(path, &left);
        assert_true(count >= 1);
        if (count > 1 && count < MOST_EVENTS) assert_int_equal(events[count - 1].step, count - 2);
        tg_summary_writer_free(w);
    }
}

TEST(test_misuse)
{
    char file[96];
    expect_refusal(tg_summary_writer_new(NULL), "the folder is NULL");
    expect_refusal(tg_summary_writer_new(""), "the folder's name is empty");
    expect_refusal(tg_summary_writer_new(logs, .filename_suffix = "/../x"), "has no slash");
    snprintf(file, sizeof file, "%s/file", folder);
    fclose(fopen(file, "w"));
    expect_refusal(tg_summary_writer_new(file), "Not a directory");
    strcat(file, "/below");
    expect_refusal(tg_summary_writer_new(file), "Not a directory");
    tg_summary_writer *w = new_writer();
    assert_int_equal(tg_summary_writer_add_scalar(w, NULL, 1, 1), TG_FAILED);
    expect_error("the tag is NULL");
    assert_int_equal(tg_summary_writer_add_text(w, "t", NULL, 1), TG_FAILED);
    expect_error("the text of t is NULL");
    tg_summary_writer_free(w);
    assert_int_equal(tg_summary_writer_flush(NULL), TG_FAILED);
    expect_error("the summary writer is NULL");
}

static double a_run(void)
{
    tg_summary_writer *w = new_writer();
    double done = 0;
    if (w && tg_summary_writer_add_scalar(w, "a", 1, 1) == TG_OK &&
        tg_summary_writer_add_text(w, "b", "text", 1) == TG_OK &&
        tg_summary_writer_add_histogram(w, "c", tg_ones(tg_shape(3)), 1) == TG_OK)
        done = 1;
    if (w) read_file(tg_summary_writer_path(w)); /* whole events */
    tg_summary_writer_free(w);
    return done;
}

TEST(test_failing_allocations) { fail_each_allocation(a_run); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_checksum),   T(test_events),
        T(test_purge),      T(test_two_writers),
        T(test_histograms), T(test_histogram_of_a_view),
        T(test_full_disk),  T(test_killed),
        T(test_misuse),     T(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
