/* mutate.c: see mutate.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mutate.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

unsigned char *read_file(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be read", path);
    size_t room = 1 << 16, n;
    unsigned char *bytes = malloc(room);
    assert_non_null(bytes);
    for (*count = 0; (n = fread(bytes + *count, 1, room - *count, file)) > 0;) {
        *count += n;
        if (*count < room) continue;
        bytes = realloc(bytes, room *= 2);
        assert_non_null(bytes);
    }
    fclose(file);
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t count)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) fail_msg("%s cannot be written", path);
    for (size_t done = 0; done < count;) {
        const ssize_t n = write(fd, (const char *)bytes + done, count - done);
        if (n <= 0) fail_msg("%s cannot be written", path);
        done += (size_t)n;
    }
    close(fd);
}

const char *make_folder(void)
{
    static char paths[8][4096];
    static int next;
    char *path = paths[next++ % 8];
    const char *places[] = { "/dev/shm", getenv("TMPDIR"), "/tmp", "." };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!places[i]) continue;
        snprintf(path, sizeof paths[0], "%s/tapegrad-test-XXXXXX", places[i]);
        if (mkdtemp(path)) return path;
    }
    fail_msg("there is no place for a folder");
    return NULL;
}

void remove_folder(const char *folder)
{
    DIR *all = opendir(folder);
    assert_non_null(all);
    for (struct dirent *one; (one = readdir(all));)
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0) unlinkat(dirfd(all), one->d_name, 0);
    closedir(all);
    if (rmdir(folder) != 0) fail_msg("%s is not empty", folder);
}

/* ---- what was loaded ---- */

static volatile double seen;

bool walk_tensor(const tg_tensor *t)
{
    const int64_t n = tg_numel(t);
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    assert_non_null(values);
    if (t && tg_to_array(t, values, n) == TG_OK)
        for (int64_t i = 0; i < n; i++) seen += values[i];
    free(values);
    if (t && tg_dtype_of(t) == TG_BOOL && tg_is_contiguous(t)) {
        const unsigned char *bools = tg_data(t, TG_BOOL);
        for (int64_t i = 0; i < n; i++)
            if (bools[i] > 1) fail_msg("a bool that is %d", bools[i]);
    }
    return t && !tg_failed();
}

bool walk(tg_named_tensor_list list)
{
    for (int64_t i = 0; i < list.count; i++) {
        seen += (double)strlen(list.items[i].name);
        walk_tensor(list.items[i].tensor);
    }
    if (tg_failed() && list.count) fail_msg("an error and a result: %s", tg_error_message());
    return !tg_failed();
}

/* ---- mutants ---- */

static uint64_t state;

static uint64_t draw(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t below(size_t n) { return n ? (size_t)(draw() % n) : 0; }

/* A place of `room` bytes: often near the beginning or the end, where formats have what matters. */
static size_t place(const mutant *m, size_t room)
{
    if (m->count < room) return 0;
    const size_t last = m->count - room + 1;
    switch (below(4)) {
    case 0: return below(last < 256 ? last : 256);
    case 1: return last - 1 - below(last < 128 ? last : 128);
    default: return below(last);
    }
}

static void flip_bit(mutant *m)
{
    if (m->count) m->bytes[place(m, 1)] ^= (unsigned char)(1u << below(8));
}

static void set_byte(mutant *m)
{
    static const unsigned char values[] = { 0, 0xff, 0x7f, 0x80, 1, ' ', '\n', '"' };
    if (m->count) m->bytes[place(m, 1)] = below(3) ? values[below(sizeof values)] : (unsigned char)draw();
}

/* A little-endian number of 2, 4 or 8 bytes. */
static void set_number(mutant *m)
{
    const size_t width = (size_t)2 << below(3);
    if (m->count < width) return;
    unsigned char *at = m->bytes + place(m, width);
    uint64_t was = 0;
    memcpy(&was, at, width);
    const uint64_t size = m->count, values[] = {
        0,        1,        UINT64_MAX, INT64_MAX, (uint64_t)1 << 31, (uint64_t)1 << 32, INT32_MAX,
        size,     size - 1, size + 1,   was + 1,   was - 1,           was * 2,           was / 2,
        was << 8, 0xffff,   0x7fff,     1 << 20,   (uint64_t)1 << 40, size / 2,          (uint64_t)INT64_MAX + 1
    };
    const uint64_t now = values[below(sizeof values / sizeof values[0])];
    memcpy(at, &now, width);
}

static void cut(mutant *m) { m->count = below(4) ? place(m, 1) : below(m->count < 64 ? m->count : 64); }

/* Room for so many bytes at a place: fewer where there is no room. Their number. */
static size_t open_gap(mutant *m, size_t at, size_t n)
{
    if (n > m->capacity - m->count) n = m->capacity - m->count;
    memmove(m->bytes + at + n, m->bytes + at, m->count - at);
    m->count += n;
    return n;
}

static void insert(mutant *m)
{
    const size_t at = below(8) ? place(m, 0) : m->count, n = open_gap(m, at, 1 + below(below(8) ? 8 : 600));
    const int kind = (int)below(3);
    for (size_t i = 0; i < n; i++) m->bytes[at + i] = kind == 0 ? 0 : kind == 1 ? (unsigned char)draw() : m->bytes[i];
}

static void delete (mutant *m)
{
    const size_t at = place(m, 1), most = m->count - at, want = 1 + below(below(4) ? 8 : 300);
    const size_t n = want < most ? want : most;
    memmove(m->bytes + at, m->bytes + at + n, m->count - at - n);
    m->count -= n;
}

static void copy_block(mutant *m)
{
    const size_t n = 1 + below(below(2) ? 8 : 100);
    if (m->count < n) return;
    memmove(m->bytes + place(m, n), m->bytes + place(m, n), n);
}

static void swap_blocks(mutant *m)
{
    unsigned char block[64];
    const size_t n = 1 + below(sizeof block);
    if (m->count < n) return;
    const size_t a = place(m, n), b = place(m, n);
    memcpy(block, m->bytes + a, n);
    memmove(m->bytes + a, m->bytes + b, n);
    memcpy(m->bytes + b, block, n);
}

/* From there on the first one. False if there is none. */
static bool find_digit(const mutant *m, size_t *at)
{
    for (size_t i = 0; i < m->count; i++, *at = *at + 1 < m->count ? *at + 1 : 0)
        if (m->bytes[*at] >= '0' && m->bytes[*at] <= '9') return true;
    return false;
}

/* Numbers that are written out: another digit, none, many, a sign before it. */
static void change_digits(mutant *m)
{
    static const char *const more[] = {
        "-", "9", "00", "1e", ".", "4294967296", "9223372036854775807", "99999999999999999999"
    };
    size_t at = place(m, 1);
    if (!find_digit(m, &at)) return;
    if (below(2)) {
        m->bytes[at] = (unsigned char)('0' + below(10));
        return;
    }
    const char *digits = more[below(sizeof more / sizeof more[0])];
    const size_t n = open_gap(m, at, strlen(digits));
    memcpy(m->bytes + at, digits, n);
}

static void change_letter(mutant *m)
{
    static const char letters[] = "{}[]()\":,;\\-+.eE \n\r\t'0aZ\"u/";
    if (m->count) m->bytes[place(m, 1)] = (unsigned char)letters[below(sizeof letters)]; /* its end, too */
}

static void change(mutant *m, bool text)
{
    static void (*const changes[])(mutant *) = { flip_bit, set_byte,   set_number,  cut,           insert,
                                                 delete,   copy_block, swap_blocks, change_digits, change_letter };
    if (text && below(2)) {
        (below(2) ? change_digits : change_letter)(m);
        return;
    }
    changes[below(sizeof changes / sizeof changes[0])](m);
}

/* ---- loading them ---- */

static int64_t wanted(void)
{
    const char *text = getenv("TEST_MUTANTS");
    const int64_t n = text ? strtoll(text, NULL, 10) : 0;
    return n > 0 ? n : 3000;
}

/* What is wrong with how the file was taken, or NULL. */
static const char *complaint(const mutation *how, const char *path, size_t file_bytes, char *text, size_t size)
{
    const int64_t live = tg_memory_stats().live_bytes;
    tg_memory_reset_peak();
    const tg_scope scope = tg_scope_begin();
    const bool loaded = how->load(path);
    const tg_error error = tg_error_get();
    const char *what = NULL;
    if (loaded && tg_failed()) what = "an error and a result";
    if (!loaded && !tg_failed()) what = "neither an error nor a result";
    if (tg_failed() && error.code != TG_ERROR_FILE) what = "an error that is not the file's";
    if (tg_failed() && !strstr(error.message, path)) what = "an error that does not name the file";
    snprintf(text, size, "%s", tg_error_message());
    tg_scope_end(scope);
    tg_error_clear();
    const tg_memory_statistics now = tg_memory_stats();
    const double most = (how->factor > 0 ? how->factor : 16) * (double)file_bytes + (1 << 20);
    if ((double)(now.peak_bytes - live) > most) what = "too much memory asked for";
    if (now.live_bytes != live) what = "memory lost";
    return what;
}

/* The lowest number that the next file would have: one more when one was left open. */
static int next_descriptor(void)
{
    const int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static void load_one(const mutation *how, const char *folder, const char *seed, int64_t number, mutant *m)
{
    char path[5000], text[2048];
    const bool repaired = how->repair && number % 2;
    state = (uint64_t)number * 0xd1342543de82ef95u + 1;
    for (size_t n = below(3) ? 1 : 2 + below(3); n > 0; n--) change(m, how->text);
    if (repaired) how->repair(m);
    snprintf(path, sizeof path, "%s/mutant-%lld", folder, (long long)number); /* a crash leaves it there */
    write_file(path, m->bytes, m->count);
    const int fd = next_descriptor();
    const char *what = complaint(how, path, m->count, text, sizeof text);
    if (!what && next_descriptor() != fd) what = "a file left open";
    if (what) fail_msg("%s: mutant %lld of %s: %s: %s", path, (long long)number, seed, what, text);
    unlink(path);
}

void load_mutants(mutation how)
{
    const char *folder = make_folder();
    const int64_t count = wanted();
    int64_t seeds = 0;
    while (how.seeds[seeds]) seeds++;
    tg_set_error_handler(NULL, NULL);
    for (int64_t s = 0; s < seeds; s++) {
        size_t bytes;
        unsigned char *seed = read_file(how.seeds[s], &bytes);
        char text[2048];
        const tg_scope scope = tg_scope_begin(); /* it is sound, and what loading makes once is made */
        if (!how.load(how.seeds[s])) fail_msg("%s is not sound: %s", how.seeds[s], tg_error_message());
        tg_scope_end(scope);
        if (complaint(&how, how.seeds[s], bytes, text, sizeof text)) fail_msg("%s: memory lost", how.seeds[s]);
        mutant m = { malloc(bytes + 4096), bytes, bytes + 4096 };
        assert_non_null(m.bytes);
        for (int64_t i = s; i < count; i += seeds) {
            memcpy(m.bytes, seed, bytes);
            m.count = bytes;
            load_one(&how, folder, how.seeds[s], i, &m);
        }
        free(m.bytes);
        free(seed);
    }
    tg_set_error_handler(tg_default_error_handler, NULL);
    remove_folder(folder);
}
