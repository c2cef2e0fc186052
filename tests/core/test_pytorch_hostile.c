/* test_pytorch_hostile.c: .pt files that are damaged, and a machine that fails: every allocation, every call of the
 * system in turn. */
#define _GNU_SOURCE

#include "tests/support/failing.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include "core/file/zip_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES "tests/golden/files/pt_"
static const char *const seeds[] = { FILES "dtypes.pt",
                                     FILES "views.pt",
                                     FILES "plain.pt",
                                     FILES "plain_4.pt",
                                     FILES "checkpoint.pt",
                                     FILES "lstm.pt",
                                     NULL };
enum { SEEDS = sizeof seeds / sizeof seeds[0] - 1 };

/* ---- failing calls of the system ---- */

/* These are called in place of the C library's. */
static int64_t calls, failing = -1;

static bool fails(int why)
{
    if (calls++ != failing) return false;
    errno = why;
    return true;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return fails(ENOSPC) ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, count);
}
/* Mutants need not outlive a loss of power. */
static bool without_disk;
int fsync(int fd) { return without_disk ? 0 : fails(EIO) ? -1 : (int)syscall(SYS_fsync, fd); }
int rename(const char *from, const char *to)
{
    return fails(EACCES) ? -1 : (int)syscall(SYS_renameat, -100, from, -100, to); /* AT_FDCWD */
}
ssize_t pread(int fd, void *to, size_t count, off_t at)
{
    return fails(EIO) ? -1 : (ssize_t)syscall(SYS_pread64, fd, to, count, at);
}

/* ---- damaged files ---- */

static bool visit(const tg_object *o)
{
    if (tg_object_kind_of(o) == TG_OBJECT_TENSOR) return walk_tensor(tg_object_tensor(o));
    for (int64_t i = 0; i < tg_object_count(o); i++)
        if (!visit(tg_object_item(o, i))) return false;
    return true;
}

static bool load(const char *path)
{
    const tg_object *o = tg_load_pt(path);
    if (o && tg_failed()) fail_msg("an error and a result: %s", tg_error_message());
    if (!o) return false;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    tg_object_fprint(file, o);
    fclose(file);
    free(text);
    return visit(o) && !tg_failed();
}

static bool load_named(const char *path) { return walk(tg_load(path)); }

static uint32_t get32(const unsigned char *at)
{
    uint32_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static uint16_t get16(const unsigned char *at)
{
    uint16_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

/* Each entry's sum is made right again where the directory is found, so that the damage within is seen. */
static void repair(mutant *m)
{
    for (size_t i = 0; i + 46 <= m->count; i++) {
        unsigned char *entry = m->bytes + i;
        if (memcmp(entry, "PK\1\2", 4) != 0) continue;
        const size_t local = get32(entry + 42), size = get32(entry + 24);
        if (local + 30 > m->count || memcmp(m->bytes + local, "PK\3\4", 4) != 0) continue;
        const size_t data = local + 30 + get16(m->bytes + local + 26) + get16(m->bytes + local + 28);
        if (data > m->count || size > m->count - data) continue;
        const uint32_t crc = tgi_crc32(0, m->bytes + data, size);
        memcpy(entry + 16, &crc, sizeof crc);
        if (get32(m->bytes + local + 14)) memcpy(m->bytes + local + 14, &crc, sizeof crc);
    }
}

TEST(test_mutants) { load_mutants((mutation){ .seeds = seeds, .load = load, .repair = repair }); }
TEST(test_named_mutants) { load_mutants((mutation){ .seeds = seeds, .load = load_named, .repair = repair }); }

/* The archive of a seed with another pickle in it, so that the damage is all in there. */
static bool copy_entries(const tgi_input *in, const char *path, const void *pickle, size_t bytes)
{
    tgi_zip from;
    tgi_output out;
    tgi_zip_writer to;
    if (!tgi_zip_open(&from, in) || !tgi_output_open(&out, "test", path)) return false;
    tgi_zip_begin(&to, &out);
    for (int64_t i = 0; i < from.count; i++) {
        const tgi_zip_entry *e = &from.entries[i];
        const bool replaced = strstr(e->name, "/data.pkl") != NULL;
        tgi_zip_add(&to, e->name, 64, replaced ? pickle : tgi_zip_block(&from, e), replaced ? bytes : (size_t)e->size,
                    NULL);
    }
    return tgi_zip_end(&to) && tgi_output_commit(&out);
}

static bool load_within(const char *path)
{
    size_t bytes;
    unsigned char *pickle = read_file(path, &bytes);
    char archive[5000];
    snprintf(archive, sizeof archive, "%s-archive", path);            /* the seed is read more than once */
    const int64_t number = strtoll(strrchr(path, '-') + 1, NULL, 10); /* of the mutant: seeds take turns */
    tgi_input in;
    const tg_scope scope = tg_scope_begin();
    const bool made = tgi_input_open(&in, "test", seeds[number % SEEDS]) && copy_entries(&in, archive, pickle, bytes);
    if (!made) fail_msg("the archive cannot be made: %s", tg_error_message());
    tgi_input_close(&in);
    tg_scope_end(scope);
    free(pickle);
    const bool loaded = load(archive);
    unlink(archive);
    return loaded;
}

/* The pickle of a seed, in a file of its own. */
static void take_out(const char *seed, const char *path)
{
    tgi_input in;
    tgi_zip zip;
    const tg_scope scope = tg_scope_begin();
    assert_true(tgi_input_open(&in, "test", seed) && tgi_zip_open(&zip, &in));
    for (int64_t i = 0; i < zip.count; i++)
        if (strstr(zip.entries[i].name, "/data.pkl"))
            write_file(path, tgi_zip_block(&zip, &zip.entries[i]), (size_t)zip.entries[i].size);
    tgi_input_close(&in);
    tg_scope_end(scope);
}

TEST(test_mutants_of_pickles)
{
    const char *folder = make_folder();
    static char paths[SEEDS][5000];
    const char *pickles[SEEDS + 1] = { NULL };
    without_disk = true;
    for (int i = 0; i < SEEDS; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/pickle-%d", folder, i);
        take_out(seeds[i], pickles[i] = paths[i]);
    }
    load_mutants((mutation){ .seeds = pickles, .load = load_within });
    without_disk = false;
    remove_folder(folder);
}

/* ---- with a system that fails ---- */

static char path[5000];

static tg_object *something(double value)
{
    tg_tensor *t = tg_full(tg_shape(50, 3), value);
    return tg_dict("t", t, "row", t ? tg_select(t, 0, 1) : NULL, "list", tg_object_list(value, 2, "three"));
}

/* Of a save that fails nothing is seen, of a load that fails nothing is left. */
TEST(test_failing_system)
{
    IN_SCOPE;
    failing = -1;
    assert_int_equal(tg_save_pt(something(1), path), TG_OK);
    calls = 0;
    assert_int_equal(tg_save_pt(something(2), path), TG_OK);
    const int64_t total = calls;
    assert_true(total >= 4); /* a write, the file's and the folder's fsync, the rename */
    assert_int_equal(tg_save_pt(something(1), path), TG_OK);
    double there = 1;
    for (int64_t i = 0; i < total; i++) {
        calls = 0;
        failing = i;
        assert_int_equal(tg_save_pt(something(2), path), TG_FAILED);
        failing = -1;
        expect_error("pytorch.pt: ");
        const double now = tg_item(tg_select(tg_object_tensor(tg_load_pt(path), "row"), 0, 0));
        assert_true(now == there || (now == 2 && i == total - 1)); /* the last one: it is there, but may not stay */
        assert_true(tg_object_number(tg_load_pt(path), "list.0") == now);
        there = now;
    }
    calls = 0;
    assert_non_null(tg_load_pt(path));
    const int64_t reads = calls;
    assert_true(reads > 3);
    for (int64_t i = 0; i < reads; i++) {
        calls = 0;
        failing = i;
        const int64_t live = tg_memory_stats().live_tensors;
        assert_null(tg_load_pt(path));
        assert_int_equal(tg_memory_stats().live_tensors, live);
        failing = -1;
        expect_error("pytorch.pt: ");
    }
    tg_scope_end(scope);
}

/* ---- failing allocations ---- */

static double save_and_load(void)
{
    if (tg_save_pt(something(3), path) != TG_OK) return (double)NAN;
    const tg_object *o = tg_load_pt(path);
    return tg_object_number(o, "list.0") + (double)tg_load(path).count;
}

static double load_from_pytorch(void)
{
    const tg_object *o = tg_load_pt(FILES "plain_4.pt");
    return (double)tg_load(FILES "views.pt").count + (double)tg_object_count(o);
}

TEST(test_failing_allocations)
{
    fail_each_allocation(save_and_load);
    fail_each_allocation(load_from_pytorch);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/pytorch.pt", make_folder());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    *strrchr(path, '/') = '\0';
    remove_folder(path);
    return 0;
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = { T(test_mutants), T(test_named_mutants), T(test_mutants_of_pickles),
                                        T(test_failing_system), T(test_failing_allocations) };
    return cmocka_run_group_tests_name("pytorch_hostile", tests, set_up, tear_down);
}
