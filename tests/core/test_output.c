/* test_output.c: a file is written whole or not at all: an old one survives each failure; links are followed, modes kept;
 * what a killed writer left is taken over, a second writer told. */
#define _GNU_SOURCE
#include "core/file/output_impl.h"
#include "core/text.h"
#include "tests/support/compare.h"
#include "tests/support/failing_calls.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char *folder;
static char path[4200], part[4300], other[4300];

static int open_folder(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/x", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}
static int close_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static bool exists(const char *name)
{
    struct stat about;
    return lstat(name, &about) == 0;
}

static void assert_content(const char *name, const char *expected)
{
    size_t n;
    unsigned char *bytes = read_file(name, &n);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(bytes, expected, n);
    free(bytes);
}

static bool write_text(const char *to, const char *text)
{
    tgi_output out;
    if (!tgi_output_open(&out, "test", to)) return false;
    tgi_output_write(&out, text, strlen(text));
    return tgi_output_commit(&out);
}

/* ---- what is in it ---- */

TEST(test_content)
{
    enum { LARGE = 200000 };
    unsigned char *large = malloc(LARGE);
    assert_non_null(large);
    for (int i = 0; i < LARGE; i++) large[i] = (unsigned char)(i * 7 + i / 256);
    static const size_t pieces[] = {
        1, 3, 65533, 0, 65536, 65537, 1, 3389
    }; /* around the buffer's size; 200,000 in all */
    tgi_output out;
    assert_true(tgi_output_open(&out, "test", path));
    size_t at = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; at += pieces[i++])
        assert_true(tgi_output_write(&out, large + at, pieces[i]));
    assert_int_equal(at, LARGE);
    assert_int_equal(out.written, LARGE);
    assert_true(tgi_output_zeros(&out, 100) && tgi_output_format(&out, "%d %g", 12, 1.5));
    assert_false(exists(path));
    assert_true(tgi_output_commit(&out));
    size_t n;
    unsigned char *bytes = read_file(path, &n);
    static const char zeros[100];
    assert_int_equal(n, LARGE + 100 + 6);
    assert_memory_equal(bytes, large, LARGE);
    assert_memory_equal(bytes + LARGE, zeros, 100);
    assert_memory_equal(bytes + LARGE + 100, "12 1.5", 6);
    free(bytes);
    free(large);
}

/* Longer than the room that it first has, and with a point in a locale of commas. */
TEST(test_format)
{
    char text[2000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const bool commas = setlocale(LC_NUMERIC, "de_DE.UTF-8") || setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    tgi_output out;
    assert_true(tgi_output_open(&out, "test", path));
    assert_true(tgi_output_format(&out, "%.2f%s%d", 2.5, text, 3));
    assert_true(tgi_output_commit(&out));
    if (commas) setlocale(LC_NUMERIC, "C");
    size_t n;
    unsigned char *bytes = read_file(path, &n);
    assert_int_equal(n, 4 + 1999 + 1);
    assert_memory_equal(bytes, "2.50y", 5);
    assert_int_equal(bytes[n - 1], '3');
    free(bytes);
}

TEST(test_tensors)
{
    IN_SCOPE;
    tg_tensor *t = tg_reshape(tg_arange(24), tg_shape(2, 3, 4));
    tgi_output out;
    assert_true(tgi_output_open(&out, "test", path));
    tg_tensor *views[] = { tg_permute(t, tg_shape(2, 0, 1)), tg_narrow(t, 2, 1, 2),
                           tg_expand(tg_select(t, 0, 1), tg_shape(2, 3, 4)), tg_zeros(tg_shape(0, 4)) };
    const int64_t live = tg_memory_stats().live_bytes;
    for (int i = 0; i < 4; i++) assert_true(tgi_output_tensor(&out, views[i]));
    assert_int_equal(tg_memory_stats().live_bytes, live);
    assert_true(tgi_output_commit(&out));
    size_t n, at = 0;
    unsigned char *bytes = read_file(path, &n);
    for (int i = 0; i < 4; i++) {
        double *expected = elements(views[i]);
        for (int64_t k = 0; k < tg_numel(views[i]); k++, at += 8) {
            int64_t x;
            memcpy(&x, bytes + at, 8);
            assert_true((double)x == expected[k]);
        }
        free(expected);
    }
    assert_int_equal(at, n);
    free(bytes);
    tg_scope_end(scope);
}

/* ---- the file itself ---- */

TEST(test_abandoned)
{
    write_file(path, "old", 3);
    tgi_output out;
    assert_true(tgi_output_open(&out, "test", path) && tgi_output_write(&out, "new", 3) && tgi_output_flush(&out));
    assert_true(exists(part));
    tgi_output_abandon(&out);
    tgi_output_abandon(&out); /* again does no harm */
    assert_false(exists(part));
    assert_content(path, "old");
}

TEST(test_links_are_followed)
{
    write_file(other, "old", 3);
    unlink(path);
    assert_int_equal(symlink("other", path), 0);
    assert_true(write_text(path, "new"));
    assert_content(other, "new");
    struct stat about;
    assert_true(lstat(path, &about) == 0 && S_ISLNK(about.st_mode));
    unlink(path);
    unlink(other);
    assert_int_equal(symlink("other", path), 0);
    assert_false(write_text(path, "new"));
    expect_error("x: is a link that leads nowhere: No such file or directory");
    assert_false(exists(other) || exists(part));
    unlink(path);
    /* Where the temporary file would be lies a link, to what is not to be touched. */
    write_file(other, "kept", 4);
    assert_int_equal(symlink("other", part), 0);
    assert_false(write_text(path, "new"));
    expect_error("x: cannot be written: its temporary file, with .part behind the name, cannot be opened: ");
    assert_content(other, "kept");
    assert_false(exists(path));
    unlink(part);
}

/* A backup made of links knows what a killed writer left by another name; or there is something else altogether. */
TEST(test_odd_temporary_files)
{
    write_file(other, "kept", 4);
    assert_int_equal(link(other, part), 0);
    assert_true(write_text(path, "new"));
    assert_content(other, "kept");
    assert_content(path, "new");
    assert_false(exists(part));
    assert_int_equal(mkfifo(part, 0600), 0);
    assert_false(write_text(path, "newer"));
    expect_error("x: cannot be written: its temporary file, with .part behind the name, cannot be opened: ");
    const int reader = open(part, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_false(write_text(path, "newer"));
    expect_error("x: cannot be written: its temporary file, with .part behind the name, is no file: ");
    close(reader);
    assert_true(exists(part));
    unlink(part);
    assert_int_equal(mkdir(part, 0700), 0);
    assert_false(write_text(path, "newer"));
    expect_error("cannot be opened: Is a directory");
    assert_int_equal(rmdir(part), 0);
    assert_content(path, "new");
}

TEST(test_mode_is_kept)
{
    static const mode_t modes[] = { 0600, 0644, 0755, 0640 };
    struct stat about;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_file(path, "old", 3);
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_true(write_text(path, "new"));
        assert_true(stat(path, &about) == 0 && (about.st_mode & 07777) == modes[i]);
    }
    unlink(path);
    const mode_t mask = umask(027);
    assert_true(write_text(path, "new"));
    umask(mask);
    assert_true(stat(path, &about) == 0 && (about.st_mode & 07777) == 0640);
}

/* A writer is killed, and leaves what it had; the next one is not confused by it. */
TEST(test_killed)
{
    write_file(path, "old", 3);
    const pid_t child = fork();
    if (child == 0) {
        tgi_output out;
        if (tgi_output_open(&out, "test", path) && tgi_output_write(&out, "a long text", 11)) tgi_output_flush(&out);
        raise(SIGKILL);
    }
    int status;
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    assert_content(part, "a long text");
    assert_content(path, "old");
    assert_true(write_text(path, "new"));
    assert_content(path, "new");
    assert_false(exists(part));
}

TEST(test_second_writer)
{
    write_file(path, "old", 3);
    tgi_output first, second;
    assert_true(tgi_output_open(&first, "test", path));
    assert_false(tgi_output_open(&second, "test", path));
    expect_error("x: is being written by another: Device or resource busy");
    tgi_output_abandon(&second);
    assert_true(exists(part));
    assert_true(tgi_output_write(&first, "first", 5) && tgi_output_commit(&first));
    assert_content(path, "first");
    assert_true(write_text(path, "second"));
    assert_content(path, "second");
}

/* Many at once: one of them has written it, whole, and each was told what became of its own. */
static void *write_often(void *letter)
{
    char text[3000];
    memset(text, *(char *)letter, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 50; i++) {
        if (!write_text(path, text) && !strstr(tg_error_message(), "is being written by another"))
            return "another error";
        tg_error_clear();
    }
    return NULL;
}

TEST(test_many_writers)
{
    enum { WRITERS = 4 };
    pthread_t threads[WRITERS];
    static char letters[] = "abcd";
    for (int i = 0; i < WRITERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_often, &letters[i]), 0);
    void *what;
    for (int i = 0; i < WRITERS; i++) assert_true(pthread_join(threads[i], &what) == 0 && !what);
    size_t n;
    unsigned char *bytes = read_file(path, &n);
    assert_int_equal(n, 2999);
    for (size_t i = 1; i < n; i++) assert_int_equal(bytes[i], bytes[0]);
    free(bytes);
    assert_false(exists(part));
}

/* ---- what is no file ---- */

TEST(test_devices_and_pipes)
{
    assert_true(write_text("/dev/null", "anything"));
    assert_false(exists("/dev/null.part"));
    if (exists("/dev/full")) {
        assert_false(write_text("/dev/full", "anything"));
        expect_error("/dev/full: cannot be written: No space left on device");
    }
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    const int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0 && write_text(path, "through"));
    char bytes[16];
    assert_int_equal(read(reader, bytes, sizeof bytes), 7);
    close(reader);
    assert_false(exists(part));
    unlink(path);
}

TEST(test_no_place)
{
    char missing[4300];
    snprintf(missing, sizeof missing, "%s/missing/x", folder);
    assert_false(write_text(missing, "text"));
    expect_error("missing/x: cannot be written: No such file or directory");
    assert_false(write_text(folder, "text"));
    expect_error("cannot be written: Is a directory");
    assert_false(write_text("", "text"));
    expect_error("the path is empty");
    assert_false(write_text(NULL, "text"));
    expect_error("the path is NULL");
    tgi_output out;
    assert_false(tgi_output_append(&out, "test", missing));
    expect_error("missing/x: cannot be written: No such file or directory");
    assert_false(tgi_output_append(&out, "test", NULL));
    expect_error("the path is NULL");
    tgi_output_abandon(&out);
}

TEST(test_append)
{
    unlink(path);
    tgi_output out;
    for (int i = 0; i < 3; i++) {
        assert_true(tgi_output_append(&out, "test", path));
        assert_int_equal(out.written, 4 * i);
        assert_true(tgi_output_format(&out, "abc%d", i) && tgi_output_flush(&out));
        assert_int_equal(out.written, 4 * (i + 1));
        assert_true(tgi_output_commit(&out));
    }
    assert_content(path, "abc0abc1abc2");
    assert_false(exists(part));
}

/* ---- a machine that fails ---- */

static bool rewrites(void)
{
    const call_fate for_library = fate;
    fate = CALLS_WORK;
    write_file(path, "old", 3);
    fate = for_library;
    calls = 0;
    return write_text(path, "new");
}

/* Nothing is written, and no error said. */
TEST(test_nothing_is_taken)
{
    fate = NOTHING_IS_TAKEN;
    const bool written = rewrites();
    fate = CALLS_WORK;
    assert_false(written);
    expect_error("x: cannot be written: No space left on device");
    assert_content(path, "old");
    assert_false(exists(part));
}

static void old_or_new(bool well)
{
    assert_int_equal(well, tg_ok());
    if (!well) expect_error("x: ");
    assert_false(exists(part));
    size_t n;
    unsigned char *bytes = read_file(path, &n);
    const bool is_new = n == 3 && memcmp(bytes, "new", 3) == 0, is_old = n == 3 && memcmp(bytes, "old", 3) == 0;
    free(bytes);
    /* Behind the rename only its way to the disk can fail. */
    assert_true(well ? is_new
                     : is_old || strcmp(failed_call, "fsync") == 0 || strcmp(failed_call, "open") == 0 ||
                           strcmp(failed_call, "close") == 0);
}

/* What makes a file safe from a loss of power is the order: its content is on the disk before its name is, and its name
 * before the caller is told. */
TEST(test_order)
{
    static const char *const order[] = { "write", "fsync", "rename", "open", "fsync" };
    const int64_t total = count_calls(rewrites);
    int64_t at = 0;
    assert_true(total < 64);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++, at++) {
        while (at < total && strcmp(call_names[at], order[i]) != 0) at++;
        if (at == total) fail_msg("%s does not come where it should", order[i]);
    }
}

TEST(test_failing_calls)
{
    fail_each_call(rewrites, old_or_new);
    disturb_calls(rewrites);
    assert_content(path, "new");
}

/* After a failure the rest does nothing, and the file is not put in its place. */
TEST(test_after_a_failure)
{
    write_file(path, "old", 3);
    tgi_output out;
    assert_true(tgi_output_open(&out, "test", path) && tgi_output_write(&out, "new", 3));
    fate = ONE_FAILS;
    calls = fail_call_at = 0;
    assert_false(tgi_output_flush(&out));
    fate = CALLS_WORK;
    assert_false(tgi_output_write(&out, "more", 4));
    assert_false(tgi_output_format(&out, "%d", 1));
    assert_false(tgi_output_zeros(&out, 1));
    assert_false(tgi_output_commit(&out));
    assert_int_equal(tg_error_get().later, 0);
    expect_error("x: cannot be written: Input/output error");
    assert_content(path, "old");
    assert_false(exists(part));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_content),
        T(test_format),
        T(test_tensors),
        T(test_abandoned),
        T(test_links_are_followed),
        T(test_odd_temporary_files),
        T(test_nothing_is_taken),
        T(test_mode_is_kept),
        T(test_killed),
        T(test_second_writer),
        T(test_many_writers),
        T(test_devices_and_pipes),
        T(test_no_place),
        T(test_append),
        T(test_order),
        T(test_failing_calls),
        T(test_after_a_failure),
    };
    return cmocka_run_group_tests_name("output", tests, open_folder, close_folder);
}
