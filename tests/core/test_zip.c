/* test_zip.c: zip archives: what others and we write is read, each thing that can be wrong with one is an error by its
 * name, and the order of a sort. */
#include "core/file/sort_impl.h"
#include "core/file/zip_impl.h"
#include "core/thread.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const char hand[] = "tests/golden/files/hand.zip"; /* tests/golden/npy.py */

static const char *folder;
static char path[4200];

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/archive.zip", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* ---- sorting ---- */

static int by_value(const void *context, int64_t a, int64_t b)
{
    const int64_t x = ((const int64_t *)context)[a], y = ((const int64_t *)context)[b];
    return (x > y) - (x < y);
}

TEST(test_sort)
{
    int64_t values[300], order[300];
    for (int64_t n = 0; n <= 300; n += n < 20 ? 1 : 40)
        for (int kind = 0; kind < 4; kind++) {
            for (int64_t i = 0; i < n; i++) {
                values[i] = kind == 0 ? i : kind == 1 ? -i : kind == 2 ? i * 7919 % 101 : 5;
                order[i] = i;
            }
            tgi_sort(order, n, by_value, values);
            bool seen[300] = { false };
            for (int64_t i = 0; i < n; i++) {
                assert_false(seen[order[i]]);
                seen[order[i]] = true;
                if (i > 0) assert_true(values[order[i - 1]] <= values[order[i]]);
            }
        }
}

/* ---- reading ---- */

static tgi_input in;

static bool open_archive(tgi_zip *zip, const char *name)
{
    assert_true(tgi_input_open(&in, "test", name));
    const bool opened = tgi_zip_open(zip, &in);
    if (!opened) tgi_input_close(&in);
    assert_true(opened == !tg_failed());
    return opened;
}

TEST(test_made_by_hand)
{
    IN_SCOPE;
    tgi_zip zip;
    assert_true(open_archive(&zip, hand));
    assert_int_equal(zip.count, 3);
    const char *const names[] = { "stored", "described", "../up/\xe9" };
    char x[101];
    memset(x, 'x', 100);
    x[100] = '\0';
    const char *const texts[] = { "hello, zip64", x, "a name and no more" };
    for (int i = 0; i < 3; i++) {
        assert_string_equal(zip.entries[i].name, names[i]);
        assert_ptr_equal(tgi_zip_find(&zip, names[i]), &zip.entries[i]);
        assert_int_equal(zip.entries[i].deflated, i == 1);
        assert_string_equal(tgi_zip_block(&zip, &zip.entries[i]), texts[i]);
    }
    assert_null(tgi_zip_find(&zip, "store"));
    assert_null(tgi_zip_find(&zip, "stored "));
    assert_null(tgi_zip_find(&zip, ""));
    char part[6] = "";
    for (int i = 0; i < 2; i++) {
        assert_true(tgi_zip_read(&zip, &zip.entries[i], 3, part, 5));
        assert_memory_equal(part, texts[i] + 3, 5);
        assert_false(tgi_zip_read(&zip, &zip.entries[i], zip.entries[i].size - 4, part, 5));
        expect_error("were to be read");
    }
    tgi_input_close(&in);
    tg_scope_end(scope);
}

TEST(test_tensors_of_entries)
{
    IN_SCOPE;
    tgi_zip zip;
    assert_true(open_archive(&zip, hand));
    for (int i = 0; i < 3; i++) {
        const tgi_zip_entry *e = &zip.entries[i];
        const char *text = tgi_zip_block(&zip, e);
        for (int64_t offset = 0; offset < 5; offset++) { /* all there is, and less */
            for (int64_t less = 0; less < 2; less++) {
                const tg_shape shape = tg_shape(e->size - offset - less);
                const tg_tensor *t = tgi_zip_tensor(&zip, e, offset, TGI_U8, &shape);
                const int64_t *bytes = tg_data(t, TG_INT64);
                for (int64_t k = 0; k < shape.dims[0]; k++) assert_int_equal(bytes[k], text[offset + k]);
            }
            const tg_shape shorts = tg_shape((e->size - offset) / 2);
            const int64_t *two = tg_data(tgi_zip_tensor(&zip, e, offset, TGI_U16, &shorts), TG_INT64);
            for (int64_t k = 0; k < shorts.dims[0]; k++)
                assert_int_equal(two[k], text[offset + 2 * k] | text[offset + 2 * k + 1] << 8);
        }
        const tg_shape more = tg_shape(e->size + 1), none = tg_shape(0, 1 << 20),
                       huge = tg_shape(0, 1 << 30, 1 << 30, 8);
        assert_null(tgi_zip_tensor(&zip, e, 0, TGI_U8, &more));
        expect_error("do not fit into its");
        assert_null(tgi_zip_tensor(&zip, e, e->size + 1, TGI_U8, &none));
        expect_error("do not fit into its");
        assert_null(tgi_zip_tensor(&zip, e, 0, TGI_U8, &huge));
        expect_error("do not fit into its");
        assert_int_equal(tg_numel(tgi_zip_tensor(&zip, e, e->size, TGI_U8, &none)), 0);
    }
    tgi_input_close(&in);
    tg_scope_end(scope);
}

/* ---- writing ---- */

TEST(test_written)
{
    IN_SCOPE;
    tgi_output out;
    tgi_zip_writer writer;
    assert_true(tgi_output_open(&out, "test", path));
    tgi_zip_begin(&writer, &out);
    tg_tensor *t = tg_transpose(tg_reshape(tg_arange(60), tg_shape(4, 3, 5)), 0, 2); /* a view */
    char name[64], long_name[300];
    memset(long_name, 'n', 299);
    long_name[299] = '\0';
    for (int i = 0; i < 20; i++) { /* names of all lengths, so that all paddings come */
        snprintf(name, sizeof name, "%.*s%d", i, "abcdefghijklmnopqrstuvwxyz", i);
        assert_true(tgi_zip_add(&writer, name, 64, "head", (size_t)i % 5, t));
    }
    assert_true(tgi_zip_add(&writer, long_name, 1, NULL, 0, NULL));
    assert_true(tgi_zip_end(&writer) && tgi_output_commit(&out));

    tgi_zip zip;
    assert_true(open_archive(&zip, path));
    assert_int_equal(zip.count, 21);
    const tg_shape shape = tg_shape(5, 3, 4);
    for (int i = 0; i < 20; i++) {
        const tgi_zip_entry *e = &zip.entries[i];
        assert_int_equal((e->data_at + i % 5) % 64, 0);
        assert_int_equal(e->size, 60 * 8 + i % 5);
        assert_memory_equal(tgi_zip_block(&zip, e), "head", (size_t)i % 5);
        assert_true(tg_equal(tgi_zip_tensor(&zip, e, i % 5, TGI_I64, &shape), t));
    }
    assert_int_equal(tgi_zip_find(&zip, long_name)->size, 0);
    assert_string_equal(tgi_zip_block(&zip, tgi_zip_find(&zip, long_name)), "");
    tgi_input_close(&in);
    tg_scope_end(scope);
}

TEST(test_more_entries_than_16_bits_count)
{
    IN_SCOPE;
    enum { COUNT = 66000 };
    tgi_output out;
    tgi_zip_writer writer;
    char name[16];
    assert_true(tgi_output_open(&out, "test", path));
    tgi_zip_begin(&writer, &out);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_true(tgi_zip_add(&writer, name, 1, name, strlen(name), NULL));
    }
    assert_true(tgi_zip_end(&writer) && tgi_output_commit(&out));
    tgi_zip zip;
    assert_true(open_archive(&zip, path));
    assert_int_equal(zip.count, COUNT);
    for (int i = 0; i < COUNT; i += 997) {
        snprintf(name, sizeof name, "%d", i);
        assert_string_equal(tgi_zip_block(&zip, tgi_zip_find(&zip, name)), name);
    }
    tgi_input_close(&in);
    tg_scope_end(scope);
}

TEST(test_names_that_are_refused)
{
    static char long_name[70000];
    memset(long_name, 'n', sizeof long_name - 1);
    write_file(path, "old", 3);
    for (int i = 0; i < 2; i++) {
        tgi_output out;
        tgi_zip_writer writer;
        assert_true(tgi_output_open(&out, "test", path));
        tgi_zip_begin(&writer, &out);
        assert_true(tgi_zip_add(&writer, "a", 1, NULL, 0, NULL));
        assert_true(tgi_zip_add(&writer, "b", 1, NULL, 0, NULL));
        assert_true(tgi_zip_add(&writer, i ? long_name : "a", 1, NULL, 0, NULL) == !i);
        assert_false(tgi_zip_end(&writer));
        expect_error(i ? "is longer than 65535 bytes" : "an entry named a comes twice");
        assert_false(tgi_output_commit(&out));
    }
    size_t count;
    unsigned char *bytes = read_file(path, &count);
    assert_true(count == 3 && memcmp(bytes, "old", 3) == 0);
    free(bytes);
}

/* ---- what is wrong ---- */

enum { LOCAL = 30, ENTRY = 46, END = 22 };

/* Two entries: "one" of 3 bytes, "two" of 5, both stored. Where things are in it: */
static unsigned char archive[1000];
static size_t archive_bytes;
static unsigned char *local(int i) { return archive + i * (LOCAL + 3 + 3); }
static unsigned char *directory(int i) { return archive + 2 * (LOCAL + 3) + 3 + 5 + i * (ENTRY + 3); }
static unsigned char *end(void) { return directory(2); }

static void make_archive(void)
{
    tgi_output out;
    tgi_zip_writer writer;
    assert_true(tgi_output_open(&out, "test", path));
    tgi_zip_begin(&writer, &out);
    assert_true(tgi_zip_add(&writer, "one", 1, "1st", 3, NULL));
    assert_true(tgi_zip_add(&writer, "two", 1, "other", 5, NULL));
    assert_true(tgi_zip_end(&writer) && tgi_output_commit(&out));
    unsigned char *bytes = read_file(path, &archive_bytes);
    memcpy(archive, bytes, archive_bytes);
    free(bytes);
    assert_memory_equal(local(1), "PK\3\4", 4);
    assert_memory_equal(directory(0), "PK\1\2", 4);
    assert_memory_equal(end(), "PK\5\6", 4);
    assert_int_equal(archive_bytes, end() + END - archive);
}

static void put16(unsigned char *at, unsigned number)
{
    at[0] = (unsigned char)number;
    at[1] = (unsigned char)(number >> 8);
}

static void put32(unsigned char *at, uint32_t number)
{
    put16(at, number & 0xffff);
    put16(at + 2, number >> 16);
}

static void expect_wrong(const char *text)
{
    IN_SCOPE;
    tgi_zip zip;
    write_file(path, archive, archive_bytes);
    assert_false(open_archive(&zip, path));
    expect_error(text);
    tg_scope_end(scope);
    make_archive();
}

TEST(test_wrong_end)
{
    make_archive();
    for (size_t n = 0; n < archive_bytes; n++) {
        IN_SCOPE;
        tgi_zip zip;
        write_file(path, archive, n);
        assert_false(open_archive(&zip, path));
        expect_error(n < END ? "bytes are no zip archive" : "no zip archive, or its end is missing");
        tg_scope_end(scope);
    }
    archive[archive_bytes++] = 0;
    expect_wrong("no zip archive, or its end is missing");
    put16(end() + 4, 1);
    expect_wrong("a part of a zip archive in several parts");
    put16(end() + 8, 1);
    expect_wrong("a part of a zip archive in several parts");
    put32(end() + 12, 10000);
    expect_wrong("a directory of 10000 bytes");
    put32(end() + 16, 10000);
    expect_wrong("at byte 10000 does not fit before it");
    put16(end() + 8, 1), put16(end() + 10, 1);
    expect_wrong("something follows its 1 entries");
    put16(end() + 8, 3), put16(end() + 10, 3);
    expect_wrong("3 entries do not fit into its 98 bytes");
    put32(end() + 12, 90);
    expect_wrong("2 entries do not fit into its 90 bytes");
    put32(end() + 12, 97), put32(end() + 16, 75);
    expect_wrong("entry of the directory: there is none");
}

TEST(test_wrong_directory)
{
    make_archive();
    directory(1)[0] = 'p';
    expect_wrong("entry of the directory: there is none");
    put16(directory(1) + 28, 60000);
    expect_wrong("entry of the directory: reaches beyond the directory's end");
    directory(1)[ENTRY + 1] = 0;
    expect_wrong("a zero byte in a name");
    memcpy(directory(1) + ENTRY, "one", 3), memcpy(local(1) + LOCAL, "one", 3);
    expect_wrong("one: two entries have this name");
    directory(1)[8] = 1;
    expect_wrong("two: is encrypted");
    directory(1)[10] = 12;
    expect_wrong("two: is compressed by method 12; stored and deflated entries are read");
    put32(directory(1) + 20, 6);
    expect_wrong("two: cannot be 5 bytes long, from 6");
    directory(1)[10] = 8, put32(directory(1) + 24, 6 * 1032);
    expect_wrong("two: cannot be 6192 bytes long, from 5");
    put32(directory(1) + 20, 5000), put32(directory(1) + 24, 5000);
    expect_wrong("two: 5000 bytes at byte 36 do not lie in the file before the directory");
    put32(directory(1) + 42, 5000);
    expect_wrong("two: 5 bytes at byte 5000 do not lie in the file before the directory");
    put32(directory(1) + 42, 0xffffffff);
    expect_wrong("a number of 64 bits is missing");
    memcpy(directory(1) + ENTRY, "t\nx", 3);
    expect_wrong("t?x: what the directory says is there is something else");
}

TEST(test_wrong_entries)
{
    make_archive();
    local(1)[0] = 'p';
    expect_wrong("at byte 36: two: what the directory says is there is something else");
    local(1)[LOCAL] = 'T';
    expect_wrong("two: what the directory says is there is something else");
    local(1)[8] = 8;
    expect_wrong("two: what the directory says is there is something else");
    put16(local(1) + 26, 2);
    expect_wrong("two: what the directory says is there is something else");
    put32(directory(1) + 42, 0), memcpy(directory(1) + ENTRY, "one", 3);
    expect_wrong("one: its 5 bytes overlap what follows");
    put16(local(0) + 28, 1); /* its data begin a byte later */
    expect_wrong("one: its 3 bytes overlap what follows");
    put32(directory(0) + 20, 4), put32(directory(0) + 24, 4);
    expect_wrong("one: its 4 bytes overlap what follows");
    put16(local(1) + 28, 60000);
    expect_wrong("two: its 5 bytes overlap what follows");
}

TEST(test_wrong_sum)
{
    IN_SCOPE;
    tgi_zip zip;
    make_archive();
    local(1)[LOCAL + 3]++;
    write_file(path, archive, archive_bytes);
    assert_true(open_archive(&zip, path));
    assert_string_equal(tgi_zip_block(&zip, &zip.entries[0]), "1st");
    assert_null(tgi_zip_block(&zip, &zip.entries[1]));
    expect_error("two: is damaged: the sum of its bytes is");
    const tg_shape all = tg_shape(5), part = tg_shape(4), rest = tg_shape(3);
    assert_null(tgi_zip_tensor(&zip, &zip.entries[1], 0, TGI_U8, &all));
    expect_error("two: is damaged");
    assert_null(tgi_zip_tensor(&zip, &zip.entries[1], 2, TGI_I8, &rest)); /* the damage is in the head */
    expect_error("two: is damaged");
    assert_non_null(tgi_zip_tensor(&zip, &zip.entries[1], 0, TGI_U8, &part));
    tgi_input_close(&in);
    tg_scope_end(scope);
}

TEST(test_what_may_stand_around)
{
    make_archive();
    IN_SCOPE;
    tgi_zip zip;
    unsigned char bytes[2000];
    size_t n = archive_bytes;
    memcpy(bytes, archive, n); /* a comment in which there is an end, but not where a file ends */
    memcpy(bytes + n, "PK\5\6 and sixteen bytes, and no more than that", 44);
    put16(bytes + n - 2, 44);
    write_file(path, bytes, n + 44);
    assert_true(open_archive(&zip, path));
    assert_int_equal(zip.count, 2);
    tgi_input_close(&in);

    memset(bytes, 'x', 100); /* a program */
    memcpy(bytes + 100, archive, n);
    write_file(path, bytes, 100 + n);
    assert_true(open_archive(&zip, path));
    assert_false(tgi_zip_is(&in));
    assert_string_equal(tgi_zip_block(&zip, &zip.entries[1]), "other");
    tgi_input_close(&in);

    write_file(path, archive, n);
    assert_true(open_archive(&zip, path));
    assert_true(tgi_zip_is(&in));
    tgi_input_close(&in);

    memset(bytes, 0, END); /* nothing at all */
    memcpy(bytes, "PK\5\6", 4);
    write_file(path, bytes, END);
    assert_true(open_archive(&zip, path));
    assert_true(zip.count == 0 && tgi_zip_is(&in) && !tgi_zip_find(&zip, ""));
    tgi_input_close(&in);
    tg_scope_end(scope);
}

/* ---- what becomes longer than it says, or says that it will ---- */

static uint32_t number_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* An archive of the entry "zeros": 70,000 of them, deflated by zlib; `size` is what it says they are. */
static void make_zeros(uint32_t size, int64_t *packed)
{
    size_t count;
    unsigned char *all = read_file("tests/golden/files/deflated.bin", &count), *record = all, bytes[2000] = { 0 };
    while (number_at(record) != 2) record += 12 + number_at(record + 8); /* the first one of this text */
    const uint32_t n = number_at(record + 8);
    unsigned char *entry = bytes + LOCAL + 5 + n, *last = entry + ENTRY + 5, *zeros = calloc(1, 70000);
    assert_true(n < 1000 && zeros);
    memcpy(bytes, "PK\3\4", 4);
    memcpy(entry, "PK\1\2", 4);
    memcpy(last, "PK\5\6", 4);
    put16(bytes + 8, 8), put16(bytes + 26, 5), memcpy(bytes + LOCAL, "zeros", 5);
    memcpy(bytes + LOCAL + 5, record + 12, n);
    put16(entry + 10, 8), put32(entry + 16, tgi_crc32(0, zeros, 70000)), put32(entry + 20, n), put32(entry + 24, size);
    put16(entry + 28, 5), memcpy(entry + ENTRY, "zeros", 5);
    put16(last + 8, 1), put16(last + 10, 1), put32(last + 12, ENTRY + 5), put32(last + 16, LOCAL + 5 + n);
    write_file(path, bytes, (size_t)(last + END - bytes));
    *packed = n;
    free(zeros);
    free(all);
}

TEST(test_claims)
{
    int64_t packed;
    tgi_zip zip;
    make_zeros(70000, &packed);
    for (int64_t size = 69999; size < 1032 * packed + 2000; size += size < 70001 ? 1 : 1000) {
        IN_SCOPE;
        make_zeros((uint32_t)size, &packed);
        if (size >= 1032 * (packed + 1)) {
            assert_false(open_archive(&zip, path));
            expect_error("zeros: cannot be");
        } else {
            assert_true(open_archive(&zip, path));
            const int64_t before = tg_memory_stats().live_bytes;
            const tg_shape shape = tg_shape(size);
            tg_memory_reset_peak();
            const char *block = tgi_zip_block(&zip, zip.entries);
            const tg_tensor *t = block ? tgi_zip_tensor(&zip, zip.entries, 0, TGI_I8, &shape) : NULL;
            const tg_memory_statistics now = tg_memory_stats();
            if (size == 70000) {
                for (int64_t i = 0; i < size; i++)
                    assert_true(block[i] == 0 && ((const int64_t *)tg_data(t, TG_INT64))[i] == 0);
            } else { /* the inflater, and nothing of that size */
                assert_null(block);
                expect_error(size < 70000 ? "longer than the archive says" : "shorter than the archive says");
                assert_null(tgi_zip_tensor(&zip, zip.entries, 0, TGI_I8, &shape));
                expect_error(size < 70000 ? "longer than the archive says" : "shorter than the archive says");
                assert_true(now.peak_bytes - before < 120000);
            }
            tgi_input_close(&in);
        }
        tg_scope_end(scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sort),
        T(test_made_by_hand),
        T(test_tensors_of_entries),
        T(test_written),
        T(test_more_entries_than_16_bits_count),
        T(test_names_that_are_refused),
        T(test_wrong_end),
        T(test_wrong_directory),
        T(test_wrong_entries),
        T(test_wrong_sum),
        T(test_what_may_stand_around),
        T(test_claims),
    };
    return cmocka_run_group_tests_name("zip", tests, set_up, tear_down);
}
