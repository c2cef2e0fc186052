/* test_metrics.c: a run's numbers as CSV and JSON lines: what the files hold byte for byte, what a resumed run finds, and
 * that a run that is killed, or a disk that is full, leaves whole rows. */
#define _GNU_SOURCE /* mkdtemp, setenv, syscall */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- system calls that fail: the library calls these ---- */

static int64_t calls_left = -1; /* until one fails; -1: none does */
static bool half;               /* a write that fails has written the first half, and fails when it is tried again */

static bool fails(void) { return calls_left >= 0 && calls_left-- == 0; }

ssize_t write(int fd, const void *bytes, size_t count)
{
    static bool again;
    if (again || fails()) {
        if (half && !again && count > 1) {
            again = true;
            return syscall(SYS_write, fd, bytes, count / 2);
        }
        again = false;
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, count);
}

/* No power fails here: the disk is spared. */
int fsync(int fd)
{
    (void)fd;
    return fails() ? (errno = EIO, -1) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = flags & O_CREAT ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    if ((flags & O_APPEND) && fails()) return errno = EMFILE, -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int rename(const char *from, const char *to)
{
    return fails() ? (errno = EACCES, -1) : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- files ---- */

static char folder[256], csv[300], jsonl[300];

static int make_folder(void **state)
{
    (void)state;
    const char *places[] = { "/dev/shm", getenv("TMPDIR"), "/tmp" }; /* in memory fsync takes no time */
    for (int i = 0; i < 3; i++) {
        snprintf(folder, sizeof folder, "%s/metrics-XXXXXX", places[i] ? places[i] : "/tmp");
        if (mkdtemp(folder)) break;
    }
    snprintf(csv, sizeof csv, "%s/run.csv", folder);
    snprintf(jsonl, sizeof jsonl, "%s/run.jsonl", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(csv);
    unlink(jsonl);
    return rmdir(folder); /* nothing else may be left in it */
}

enum { MOST = 1 << 20 };
static char content[MOST];

static const char *content_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return "(no file)";
    const size_t n = fread(content, 1, MOST - 1, file);
    content[n] = '\0';
    fclose(file);
    return content;
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- rows ---- */

static tg_metrics *both(void) { return tg_metrics_new(.csv = csv, .jsonl = jsonl); }

TEST(test_rows)
{
    tg_metrics *m = both();
    for (int step = 0; step < 3; step++) {
        tg_metrics_set(m, "loss", 99);
        tg_metrics_set(m, "loss", 2.5 / (step + 1));
        tg_metrics_set(m, "lr", 0.1);
        if (step == 1) tg_metrics_set_text(m, "phase", "warm-up");
        assert_int_equal(tg_metrics_write(m, step), TG_OK);
    }
    assert_int_equal(tg_metrics_write(m, INT64_MIN), TG_OK);
    assert_int_equal(tg_metrics_sync(m), TG_OK);
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "step,loss,lr,phase\n"
                                         "0,2.5,0.1,\n"
                                         "1,1.25,0.1,warm-up\n"
                                         "2,0.8333333333333334,0.1,\n"
                                         "-9223372036854775808,,,\n");
    assert_string_equal(content_of(jsonl), "{\"step\": 0, \"loss\": 2.5, \"lr\": 0.1}\n"
                                           "{\"step\": 1, \"loss\": 1.25, \"lr\": 0.1, \"phase\": \"warm-up\"}\n"
                                           "{\"step\": 2, \"loss\": 0.8333333333333334, \"lr\": 0.1}\n"
                                           "{\"step\": -9223372036854775808}\n");
}

TEST(test_one_file)
{
    unlink(jsonl);
    tg_metrics *m = tg_metrics_new(.csv = csv);
    tg_metrics_write(m, 7);
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "step\n7\n");
    assert_string_equal(content_of(jsonl), "(no file)");
    unlink(csv);
    m = tg_metrics_new(.jsonl = jsonl);
    tg_metrics_set(m, "a", 1);
    tg_metrics_write(m, 7);
    tg_metrics_free(m);
    assert_string_equal(content_of(jsonl), "{\"step\": 7, \"a\": 1}\n");
    assert_string_equal(content_of(csv), "(no file)");
}

TEST(test_special_numbers)
{
    tg_metrics *m = both();
    const double values[] = { NAN, -NAN, INFINITY, -INFINITY, -0.0, 5e-324, 1e15, 1e300, 9007199254740993.0, 1.0 / 3 };
    for (int i = 0; i < 10; i++) {
        tg_metrics_set(m, "x", values[i]);
        tg_metrics_write(m, i);
    }
    tg_metrics_free(m);
    assert_string_equal(content_of(csv),
                        "step,x\n0,nan\n1,nan\n2,inf\n3,-inf\n4,-0\n5,4.94065645841247e-324\n6,1e+15\n7,1e+300\n"
                        "8,9007199254740992\n9,0.3333333333333333\n");
    assert_non_null(strstr(content_of(jsonl), "{\"step\": 0, \"x\": NaN}\n"));
    assert_non_null(strstr(content, "{\"step\": 2, \"x\": Infinity}\n{\"step\": 3, \"x\": -Infinity}\n"));
}

/* Every bit comes back. */
TEST(test_numbers_come_back)
{
    uint64_t bits = 88172645463325252u;
    tg_metrics *m = tg_metrics_new(.csv = csv);
    double values[2000];
    for (int i = 0; i < 2000; i++) {
        do {
            bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
            memcpy(&values[i], &bits, sizeof bits);
            if (i % 2) values[i] = (double)(float)values[i];
        } while (!isfinite(values[i]));
        tg_metrics_set(m, "x", values[i]);
        tg_metrics_write(m, i);
    }
    tg_metrics_free(m);
    const char *at = strchr(content_of(csv), '\n') + 1;
    for (int i = 0; i < 2000; i++, at = strchr(at, '\n') + 1) {
        const double read = strtod(strchr(at, ',') + 1, NULL);
        assert_memory_equal(&read, &values[i], sizeof read);
    }
}

TEST(test_escapes)
{
    tg_metrics *m = both();
    tg_metrics_set(m, "a,b", 1);
    tg_metrics_set(m, "q\"q\\", 2);
    tg_metrics_set_text(m, "\u00e9\xff", "two\nlines\r\t\x01 \"so\"");
    tg_metrics_set_text(m, "e", "");
    tg_metrics_set_text(m, "s", " x");
    tg_metrics_write(m, 0);
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "step,\"a,b\",\"q\"\"q\\\",\u00e9\xff,e,s\n"
                                         "0,1,2,\"two\nlines\r\t\x01 \"\"so\"\"\",\"\",\" x\"\n");
    assert_string_equal(content_of(jsonl),
                        "{\"step\": 0, \"a,b\": 1, \"q\\\"q\\\\\": 2, \"\u00e9\ufffd\": "
                        "\"two\\u000alines\\u000d\\u0009\\u0001 \\\"so\\\"\", \"e\": \"\", \"s\": \" x\"}\n");
    /* and are read back as columns */
    m = tg_metrics_new(.csv = csv, .append = true);
    tg_metrics_set(m, "e", 5);
    tg_metrics_set(m, "q\"q\\", 6);
    tg_metrics_set(m, "a,b", 7);
    tg_metrics_write(m, 1);
    tg_metrics_free(m);
    assert_non_null(strstr(content_of(csv), "\n1,7,6,,5,\n"));
}

TEST(test_locale)
{
    const char *const names[] = { "fr_FR.UTF-8", "de_DE.UTF-8", "fr_FR", "de_DE" };
    bool comma = false;
    for (int i = 0; i < 4 && !comma; i++)
        comma = setlocale(LC_ALL, names[i]) && strcmp(localeconv()->decimal_point, ",") == 0;
    tg_metrics *m = both();
    tg_metrics_set(m, "x", 0.25);
    tg_metrics_write(m, 0);
    tg_metrics_free(m);
    setlocale(LC_ALL, "C");
    assert_string_equal(content_of(csv), "step,x\n0,0.25\n");
    assert_string_equal(content_of(jsonl), "{\"step\": 0, \"x\": 0.25}\n");
    if (!comma) print_message("no locale with a comma here\n");
}

/* ---- columns that appear later ---- */

TEST(test_later_columns)
{
    tg_metrics *m = both();
    chmod(csv, 0640);
    tg_metrics_set_text(m, "t", "a\nb");
    tg_metrics_write(m, 0);
    tg_metrics_set(m, "u", 1);
    tg_metrics_write(m, 1);
    tg_metrics_set(m, "v", 2);
    tg_metrics_set(m, "w", 3);
    tg_metrics_write(m, 2);
    tg_metrics_free(m);
    struct stat about;
    assert_int_equal(stat(csv, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
    assert_string_equal(content_of(csv), "step,t,u,v,w\n"
                                         "0,\"a\nb\",,,\n"
                                         "1,,1,,\n"
                                         "2,,,2,3\n");
    assert_non_null(strstr(content_of(jsonl), "{\"step\": 2, \"v\": 2, \"w\": 3}\n"));
}

/* Many rows, more than any buffer holds. */
TEST(test_later_column_of_many_rows)
{
    tg_metrics *m = tg_metrics_new(.csv = csv);
    for (int i = 0; i < 20000; i++) {
        tg_metrics_set(m, "x", i);
        if (i == 19999) tg_metrics_set(m, "y", 1);
        tg_metrics_write(m, i);
    }
    tg_metrics_free(m);
    const char *at = content_of(csv);
    for (int i = -1; i < 20000; i++) {
        char expected[64];
        if (i < 0)
            snprintf(expected, sizeof expected, "step,x,y\n");
        else
            snprintf(expected, sizeof expected, "%d,%d,%s\n", i, i, i == 19999 ? "1" : "");
        assert_memory_equal(at, expected, strlen(expected));
        at += strlen(expected);
    }
    assert_int_equal(*at, 0);
}

/* A new column goes into the file that was opened, or nowhere: what another program put in its place is not ours. */
TEST(test_later_column_of_another_file)
{
    char moved[sizeof csv + 8];
    snprintf(moved, sizeof moved, "%s.moved", csv);
    tg_metrics *m = tg_metrics_new(.csv = csv);
    tg_metrics_set(m, "x", 1);
    assert_int_equal(tg_metrics_write(m, 0), TG_OK);
    assert_int_equal(rename(csv, moved), 0);
    put_file(csv, "name,price\nan apple,3\n");
    tg_metrics_set(m, "x", 2);
    tg_metrics_set(m, "y", 3);
    assert_int_equal(tg_metrics_write(m, 1), TG_FAILED);
    expect_error("is another file than the one that was opened");
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "name,price\nan apple,3\n");
    assert_string_equal(content_of(moved), "step,x\n0,1\n");
    remove(moved);
}

/* ---- a run that goes on ---- */

TEST(test_begins_anew)
{
    put_file(csv, "anything");
    put_file(jsonl, "else");
    tg_metrics_free(both());
    assert_string_equal(content_of(csv), "");
    assert_string_equal(content_of(jsonl), "");
}

TEST(test_goes_on)
{
    put_file(csv, "step,loss,\"a,b\"\n0,1,2\n1,3,4\n");
    put_file(jsonl, "{\"step\": 0, \"loss\": 1}\n");
    tg_metrics *m = tg_metrics_new(.csv = csv, .jsonl = jsonl, .append = true);
    tg_metrics_set(m, "a,b", 6);
    tg_metrics_set(m, "loss", 5);
    tg_metrics_write(m, 2);
    tg_metrics_set(m, "new", 7);
    tg_metrics_write(m, 3);
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "step,loss,\"a,b\",new\n0,1,2,\n1,3,4,\n2,5,6,\n3,,,7\n");
    assert_string_equal(content_of(jsonl), "{\"step\": 0, \"loss\": 1}\n{\"step\": 2, \"loss\": 5, \"a,b\": 6}\n"
                                           "{\"step\": 3, \"new\": 7}\n");
}

TEST(test_resumes_at)
{
    put_file(csv, "step,t\n5,\"a\n9,b\"\n0,\"x\"\"\n\"\n4,\n9,\n1,b\n7,ha");
    put_file(jsonl, "{\"step\": 5}\n{\"step\": 0, \"x\": 1}\n{\"step\": 4}\n{\"st");
    tg_metrics *m = tg_metrics_new(.csv = csv, .jsonl = jsonl, .append = true, .resume_after = 3);
    assert_string_equal(content_of(csv), "step,t\n0,\"x\"\"\n\"\n1,b\n");
    assert_string_equal(content_of(jsonl), "{\"step\": 0, \"x\": 1}\n");
    tg_metrics_write(m, 4);
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "step,t\n0,\"x\"\"\n\"\n1,b\n4,\n");
    assert_string_equal(content_of(jsonl), "{\"step\": 0, \"x\": 1}\n{\"step\": 4}\n");
}

/* Whatever half a row was left, of whichever length. */
TEST(test_half_a_row)
{
    static const char whole[] = "step,t\n0,\"x\ny\"\n1,b\n", line[] = "{\"step\": 0, \"x\": \"y\"}\n";
    char part[64];
    for (size_t n = 0; n < sizeof whole; n++) {
        snprintf(part, n + 1, "%s", whole);
        put_file(csv, part);
        unlink(jsonl);
        tg_metrics *m = tg_metrics_new(.csv = csv, .append = true);
        assert_non_null(m);
        tg_metrics_free(m);
        const size_t kept = n >= 19 ? 19 : n >= 15 ? 15 : n >= 7 ? 7 : 0;
        assert_int_equal(strlen(content_of(csv)), kept);
        assert_memory_equal(content, whole, kept);
    }
    for (size_t n = 0; n < sizeof line; n++) {
        snprintf(part, n + 1, "%s", line);
        put_file(jsonl, part);
        tg_metrics *m = tg_metrics_new(.jsonl = jsonl, .append = true);
        assert_non_null(m);
        tg_metrics_free(m);
        assert_string_equal(content_of(jsonl), n + 1 == sizeof line ? line : "");
    }
}

/* A file that something else wrote stays as it is. */
TEST(test_foreign_files)
{
    static const struct {
        bool is_csv;
        const char *text, *error;
    } cases[] = {
        { true, "hello", "line 1 is the beginning of no row" },
        { true, "a,b\n1,2\n", "line 1 is not the header of metrics" },
        { true, "step,a,\n1,2\n", "line 1 is not the header of metrics" },
        { true, "step,step\n", "line 1 is not the header of metrics" },
        { true, "step,a,a\n", "line 1 has a column twice" },
        { true, "step,a\r\n1,2\r\n", "line 1 ends with a carriage return" },
        { true, "step,\"a\"b\n", "line 1 has a field that goes on" },
        { true, "step,a\n1,2\nx,3\n", "line 3 does not begin with the number of a step" },
        { true, "step,a\n1,\"2\n\"\n 4,3\n", "line 4 does not begin with the number" },
        { true, "step,a\n\n", "line 2 does not begin with the number" },
        { true, "step,a\n99999999999999999999,1\n", "line 2 does not begin with the number" },
        { true, "step,a\n1.5,1\n", "line 2 does not begin with the number" },
        { false, "hello", "line 1 is the beginning of no row" },
        { false, "{\"loss\": 1}\n", "line 1 does not begin with {\"step\": " },
        { false, "{\"step\": 1}\n{\"step\": x}\n", "line 2 does not begin with the number of a step" },
        { false, "{\"step\": 1}\n{\"step\": 2 }\n", "line 2 does not begin with the number of a step" },
        { false, "{\"step\": 1}\n\n", "line 2 does not begin with {" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = cases[i].is_csv ? csv : jsonl;
        put_file(path, cases[i].text);
        tg_metrics *m = cases[i].is_csv ? tg_metrics_new(.csv = csv, .append = true, .resume_after = -1)
                                        : tg_metrics_new(.jsonl = jsonl, .append = true, .resume_after = -1);
        assert_null(m);
        assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
        assert_non_null(strstr(tg_error_message(), path));
        assert_non_null(strstr(tg_error_message(), ": the file was not written by tg_metrics, or was changed"));
        expect_error(cases[i].error);
        assert_string_equal(content_of(path), cases[i].text);
    }
}

/* Bytes changed, dropped and doubled at random: an error, or a log that can be written to; no crash, and no more memory
 * than a small multiple of the file's. TEST_MUTANTS says how many. */
TEST(test_mutations)
{
    static const char rows[] = "step,loss,\"a,b\"\n0,1.5,\"x\ny\"\n1,,\"q\"\"\"\n12,nan,\n";
    const char *many = getenv("TEST_MUTANTS");
    const long count = many ? atol(many) : 300;
    uint64_t r = 12345;
    unlink(jsonl);
    for (long i = 0; i < count; i++) {
        char text[256];
        size_t n = sizeof rows - 1;
        memcpy(text, rows, n);
        for (int k = 0; k <= i % 4; k++) {
            r ^= r << 13, r ^= r >> 7, r ^= r << 17;
            const size_t at = (size_t)(r >> 8) % n;
            if (r % 3 == 0)
                text[at] = (char)(r >> 40);
            else if (r % 3 == 1)
                memmove(text + at, text + at + 1, --n - at);
            else
                memmove(text + at + 1, text + at, n++ - at);
        }
        FILE *file = fopen(csv, "wb");
        fwrite(text, 1, n, file);
        fclose(file);
        tg_metrics *m = tg_metrics_new(.csv = csv, .append = true, .resume_after = (int64_t)(r % 3) - 1);
        if (m) {
            tg_metrics_set(m, "loss", 1);
            assert_int_equal(tg_metrics_write(m, 5), TG_OK);
        }
        tg_metrics_free(m);
        tg_error_clear();
    }
}

/* ---- what fails ---- */

static void write_some(tg_metrics *m, int step)
{
    tg_metrics_set(m, "loss", step);
    if (step >= 2) tg_metrics_set(m, "later", step);
    tg_metrics_write(m, step);
}

static const char all_csv[] = "step,loss,later\n0,0,\n1,1,\n2,2,2\n3,3,3\n";
static const char all_jsonl[] = "{\"step\": 0, \"loss\": 0}\n{\"step\": 1, \"loss\": 1}\n"
                                "{\"step\": 2, \"loss\": 2, \"later\": 2}\n{\"step\": 3, \"loss\": 3, \"later\": 3}\n";

/* Whole rows, as far as they go, with one header or the other. */
static void expect_whole_rows(void)
{
    const char *text = content_of(csv);
    const bool wide = strncmp(text, "step,loss,later\n", 16) == 0;
    static const char narrow[] = "step,loss\n0,0\n1,1\n";
    const char *expected = wide ? all_csv : narrow;
    assert_int_equal(strncmp(text, expected, strlen(text)), 0);
    assert_true(*text == '\0' || text[strlen(text) - 1] == '\n');
    text = content_of(jsonl);
    assert_int_equal(strncmp(text, all_jsonl, strlen(text)), 0);
    assert_true(*text == '\0' || text[strlen(text) - 1] == '\n');
}

/* Each system call fails in turn, wholly or half done: an error, whole rows, and the same row may be written again. */
static int each_call(void)
{
    int failed = 0;
    for (int n = 0;; n++) {
        calls_left = -1;
        tg_metrics *m = both();
        calls_left = n;
        for (int step = 0; step < 4; step++) {
            write_some(m, step);
            if (!tg_failed()) continue;
            assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
            tg_error_clear();
            calls_left = -1;
            failed++;
            expect_whole_rows();
            assert_int_equal(tg_metrics_write(m, step), TG_OK);
        }
        const bool done = calls_left >= 0;
        calls_left = -1;
        tg_metrics_free(m);
        assert_string_equal(content_of(csv), all_csv);
        assert_string_equal(content_of(jsonl), all_jsonl);
        if (done) return failed;
    }
}

TEST(test_failing_calls)
{
    half = false;
    assert_true(each_call() >= 12);
    half = true;
    assert_true(each_call() >= 12);
    half = false;
}

TEST(test_full_disk)
{
    if (access("/dev/full", W_OK) != 0) skip();
    tg_metrics *m = tg_metrics_new(.jsonl = "/dev/full");
    tg_metrics_set(m, "x", 1);
    assert_int_equal(tg_metrics_write(m, 0), TG_FAILED);
    expect_error("/dev/full: cannot be written: No space left");
    tg_metrics_free(m);
    m = tg_metrics_new(.csv = "/dev/full");
    assert_int_equal(tg_metrics_write(m, 0), TG_FAILED);
    expect_error("No space left");
    tg_metrics_free(m);
}

/* A child that writes without end is killed at some moment; the parent resumes. */
static void kill_one(int microseconds)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        tg_metrics *m = both();
        for (int step = 0; tg_ok(); step++) {
            tg_metrics_set(m, "loss", step);
            if (step > 20) tg_metrics_set(m, "later", step);
            if (step > 50) tg_metrics_set(m, "last", step);
            tg_metrics_write(m, step);
        }
        _exit(1);
    }
    const struct timespec time = { 0, microseconds * 1000L };
    nanosleep(&time, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    char part[320];
    snprintf(part, sizeof part, "%s.part", csv); /* what it left of a file that was to be written anew */
    tg_metrics *m = tg_metrics_new(.csv = csv, .jsonl = jsonl, .append = true, .resume_after = 9);
    assert_non_null(m);
    for (int step = 10; step < 13; step++) {
        tg_metrics_set(m, "loss", step);
        tg_metrics_set(m, "later", step);
        tg_metrics_set(m, "last", step);
        tg_metrics_write(m, step);
    }
    tg_metrics_free(m);
    const char *at = content_of(jsonl);
    if (strncmp(at, "{\"step\": 0,", 11) != 0) assert_memory_equal(at, "{\"step\": 10,", 12); /* it had not begun */
    assert_non_null(strstr(at, "{\"step\": 12, \"loss\": 12, \"later\": 12, \"last\": 12}\n"));
    assert_non_null(strstr(content_of(csv), "\n12,12,12,12\n"));
    if (access(part, F_OK) == 0) unlink(part);
}

TEST(test_killed)
{
    for (int i = 0; i < 30; i++) kill_one(300 + 700 * i);
}

static double a_log(void)
{
    tg_metrics *m = both();
    double done = 0;
    for (int step = 0; m && step < 3; step++) {
        tg_metrics_set(m, "loss", step);
        tg_metrics_set_text(m, "t", "text");
        if (step == 2) tg_metrics_set(m, "later", 1);
        done += tg_metrics_write(m, step) == TG_OK;
    }
    tg_metrics_free(m);
    m = tg_metrics_new(.csv = csv, .jsonl = jsonl, .append = true, .resume_after = 0);
    done += tg_metrics_set(m, "loss", 1) == TG_OK && tg_metrics_write(m, 1) == TG_OK;
    tg_metrics_free(m);
    return done == 4 ? 1 : 0;
}

static int files_there(void)
{
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    int files = 0;
    while (readdir(listing)) files++;
    closedir(listing);
    return files;
}

/* A program's user may want no log: its calls stay as they are. */
TEST(test_without_files)
{
    const int files = files_there();
    for (int append = 0; append < 2; append++) {
        tg_metrics *m = tg_metrics_new(.append = append, .resume_after = 0);
        for (int step = 0; step < 3; step++) {
            assert_int_equal(tg_metrics_set(m, step ? "loss" : "accuracy", step), TG_OK);
            assert_int_equal(tg_metrics_set_text(m, "note", "text"), TG_OK);
            assert_int_equal(tg_metrics_write(m, step), TG_OK);
        }
        assert_int_equal(tg_metrics_set(m, "step", 1), TG_FAILED);
        expect_error("no metric is called step");
        assert_int_equal(tg_metrics_sync(m), TG_OK);
        tg_metrics_free(m);
    }
    assert_int_equal(files_there(), files);
}

TEST(test_failing_allocations) { fail_each_allocation(a_log); }

TEST(test_misuse)
{
    expect_refusal(tg_metrics_new(.csv = csv, .jsonl = csv), "csv and jsonl are two files");
    expect_refusal(tg_metrics_new(.csv = "/tmp/metrics-no/such/folder.csv"), "cannot be written: No such file");
    expect_refusal(tg_metrics_new(.csv = folder, .append = true), "cannot be written: Is a directory");
    tg_metrics *m = both();
    assert_int_equal(tg_metrics_set(m, NULL, 1), TG_FAILED);
    expect_error("no metric is called NULL");
    assert_int_equal(tg_metrics_set(m, "", 1), TG_FAILED);
    expect_error("no metric is called \"\"");
    assert_int_equal(tg_metrics_set(m, "step", 1), TG_FAILED);
    expect_error("no metric is called step");
    assert_int_equal(tg_metrics_set_text(m, "x", NULL), TG_FAILED);
    expect_error("the text of x is NULL");
    tg_metrics_write(m, 0); /* "x" has no value, but a column */
    tg_metrics_free(m);
    assert_string_equal(content_of(csv), "step,x\n0,\n");
    assert_int_equal(tg_metrics_write(NULL, 0), TG_FAILED);
    expect_error("the metrics are NULL");
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_rows),
        T(test_one_file),
        T(test_special_numbers),
        T(test_numbers_come_back),
        T(test_escapes),
        T(test_locale),
        T(test_later_columns),
        T(test_later_column_of_many_rows),
        T(test_later_column_of_another_file),
        T(test_begins_anew),
        T(test_goes_on),
        T(test_resumes_at),
        T(test_half_a_row),
        T(test_foreign_files),
        T(test_mutations),
        T(test_failing_calls),
        T(test_full_disk),
        T(test_killed),
        T(test_without_files),
        T(test_failing_allocations),
        T(test_misuse),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
