/* test_idx.c: files of data sets are read as NumPy wrote them, with every element type, plain and from gzip; what does
 * not fit together is an error that says so. */
#include "tests/support/compare.h"
#include "tests/support/golden.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <stdio.h>
#include <string.h>

#define FILES "tests/golden/files/"

static const char *const names[] = { "bytes.idx",    "bytes.idx.gz", "labels.idx",  "int8.idx", "int16.idx",
                                     "int32.idx.gz", "float32.idx",  "float64.idx", "none.idx" };

TEST(test_values)
{
    golden *g = golden_open("data.txt");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        IN_SCOPE;
        char path[128];
        snprintf(path, sizeof path, FILES "%s", names[i]);
        assert_true(golden_seek(g, names[i]));
        tg_tensor *t = tg_load_idx(path);
        assert_int_equal(tg_dtype_of(t), i == 6 ? TG_FLOAT32 : i == 7 ? TG_FLOAT64 : TG_INT64);
        golden_assert(g, "values", t, 0);
        golden_assert(g, "values", tg_load_idx(path, .dtype = TG_FLOAT64), 0);
        golden_assert(g, "values", tg_load_idx(path, .dtype = TG_FLOAT32), 1e-7); /* int32 has no float32 */
        if (golden_has(g, "scaled")) {                                            /* to the bit */
            t = tg_load_idx(path, .scale = 1 / 255.);
            assert_int_equal(tg_dtype_of(t), TG_FLOAT32);
            golden_assert(g, "scaled", t, 0);
            golden_assert(g, "scaled", tg_load_idx(path, .scale = 1 / 255., .dtype = TG_FLOAT64), 1e-7);
        }
        tg_scope_end(scope);
    }
    golden_close(g);
}

/* The bits of floats, of NaN and -0 too. */
TEST(test_bits)
{
    IN_SCOPE;
    const char *folder = make_folder();
    char path[4200];
    const unsigned char file[] = { 0, 0, 13, 1, 0, 0, 0, 3, 0x7f, 0x80, 0, 1, 0x80, 0, 0, 0, 0xff, 0xff, 0x12, 0x34 };
    snprintf(path, sizeof path, "%s/nan.idx", folder);
    write_file(path, file, sizeof file);
    const uint32_t bits[] = { 0x7f800001, 0x80000000, 0xffff1234 };
    assert_memory_equal(tg_data(tg_load_idx(path), TG_FLOAT32), bits, sizeof bits);
    remove_folder(folder);
    tg_scope_end(scope);
}

TEST(test_cifar)
{
    IN_SCOPE;
    golden *g = golden_open("data.txt");
    assert_true(golden_seek(g, "cifar10.bin.gz"));
    tg_cifar ten = tg_load_cifar10(FILES "cifar10.bin.gz");
    golden_assert(g, "values", ten.images, 0);
    golden_assert(g, "labels", ten.labels, 0);
    assert_true(!ten.coarse && tg_dtype_of(ten.images) == TG_INT64 && tg_dtype_of(ten.labels) == TG_INT64);
    assert_true(golden_seek(g, "cifar100.bin.gz"));
    tg_cifar hundred = tg_load_cifar100(FILES "cifar100.bin.gz", .dtype = TG_FLOAT32);
    golden_assert(g, "values", hundred.images, 0);
    golden_assert(g, "labels", hundred.labels, 0);
    golden_assert(g, "coarse", hundred.coarse, 0);
    golden_close(g);

    /* From a plain file, and what is wrong with one. */
    const char *folder = make_folder();
    char path[4200];
    static unsigned char records[2 * 3073];
    snprintf(path, sizeof path, "%s/batch.bin", folder);
    records[0] = 7;
    records[3072] = 255; /* the last blue pixel */
    records[3073] = 9;
    write_file(path, records, sizeof records);
    ten = tg_load_cifar10(path, .scale = 1 / 255.);
    assert_true(tg_item(tg_sum(ten.images)) == 1 && tg_item(tg_select(ten.labels, 0, 0)) == 7);
    assert_true(tg_item(tg_select(tg_flatten(ten.images), 0, 3071)) == 1);
    records[3073] = 10;
    write_file(path, records, sizeof records);
    ten = tg_load_cifar10(path);
    assert_true(!ten.images && !ten.labels);
    expect_error("at byte 3073: label: 10 of 10 classes");
    write_file(path, records, 3074);
    tg_load_cifar10(path);
    expect_error("3074 bytes are not so many records of 3073");
    assert_int_equal(tg_item(tg_load_cifar100(path).coarse), 7); /* of that kind it is one record */
    remove_folder(folder);
    tg_scope_end(scope);
}

static void expect_idx(const char *path, const char *bytes, size_t count, const char *text)
{
    write_file(path, bytes, count);
    assert_null(tg_load_idx(path));
    expect_error(text);
}

TEST(test_errors)
{
    IN_SCOPE;
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/a.idx", folder);
    expect_idx(path, "", 0, "the file ends here; 4 bytes from byte 0 on were to be read");
    expect_idx(path, "PK\3\4", 4, "at byte 0: magic: an IDX file begins with two zero bytes, not 0x504b");
    expect_idx(path, "\0\0\x0a\1\0\0\0\0", 8, "at byte 2: type: there are no elements of type 0x0a");
    expect_idx(path, "\0\0\x08\x09\0\0\0\0", 8, "at byte 3: dimensions: 9 of them");
    expect_idx(path, "\0\0\x08\1\0\0\0", 7, "the file ends here");
    expect_idx(path, "\0\0\x08\1\0\0\0\3ab", 10, "sizes: uint8 elements of shape [3] in 2 bytes");
    expect_idx(path, "\0\0\x08\1\0\0\0\1ab", 10, "sizes: uint8 elements of shape [1] in 2 bytes");
    expect_idx(path, "\0\0\x0e\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20,
               "sizes: float64");
    expect_idx(path, "\0\0\x08\3\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16, "sizes: uint8 elements of shape [0,");
    expect_idx(path, "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19, "gzip");
    expect_idx(path, "\x1f\x8b\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19, "gzip: method 9");
    expect_idx(path, "\x1f\x8b\x08\x08\0\0\0\0\0\0abcd", 14, "gzip: the file ends in its header");
    expect_idx(path, "\x1f\x8b\x08\0\0\0\0\0\0\0\1\1\0\xfe\xff\0\0\0\0\0\0\0\0\x7f", 24,
               "gzip, cut short or damaged: ");
    tg_load_idx(FILES "int8.idx", .dtype = TG_BOOL);
    expect_error("elements become float32, float64 or int64");
    tg_load_idx(FILES "int8.idx", .dtype = TG_INT64, .scale = 0.5);
    expect_error("int64 elements have no scale");
    tg_load_idx(FILES "float32.idx", .dtype = TG_INT64);
    expect_error("floats, and no int64");
    tg_load_idx(FILES "int8.idx", .scale = NAN);
    expect_error("the scale is no number");
    tg_load_idx(NULL);
    expect_error("the path is NULL");
    remove_folder(folder);
    tg_scope_end(scope);
}

/* Of a file that was not copied to its end the error says so, wherever it ends. */
TEST(test_cut_short)
{
    IN_SCOPE;
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/a.idx.gz", folder);
    size_t count;
    unsigned char *whole = read_file(FILES "bytes.idx.gz", &count);
    for (size_t n = 40; n < count; n++) {
        write_file(path, whole, n);
        assert_null(tg_load_idx(path));
        expect_error("gzip, cut short or damaged: ");
    }
    free(whole);
    remove_folder(folder);
    tg_scope_end(scope);
}

/* Puts bytes behind those that are there. */
static size_t append(unsigned char *file, size_t at, const void *bytes, size_t count)
{
    memcpy(file + at, bytes, count);
    return at + count;
}

/* gzip may tell a name, a comment, and more. */
TEST(test_gzip_headers)
{
    IN_SCOPE;
    enum { HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16 };
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/a.gz", folder);
    const unsigned char idx[] = { 0, 0, 8, 1, 0, 0, 0, 1, 42 };
    uint32_t crc = 0xffffffff; /* bit by bit */
    for (size_t i = 0; i < sizeof idx; i++) {
        crc ^= idx[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    crc = ~crc;
    for (int flags = 0; flags < 32; flags += 2) {
        unsigned char file[512];
        size_t n = append(file, 0, (unsigned char[]){ 0x1f, 0x8b, 8, (unsigned char)flags, 0, 0, 0, 0, 0, 3 }, 10);
        if (flags & EXTRA) n = append(file, n, "\5\0extra", 7);
        if (flags & NAME) {
            memset(file + n, 'n', 300); /* more than is looked at at once */
            n = append(file, n + 300, "", 1);
        }
        if (flags & COMMENT) n = append(file, n, "", 1);
        if (flags & HEADER_CRC) n = append(file, n, "\1\2", 2);
        n = append(file, n, "\1\x09\0\xf6\xff", 5); /* one stored block */
        n = append(file, n, idx, sizeof idx);
        n = append(file, n, &crc, 4);
        n = append(file, n, "\x09\0\0\0", 4);
        write_file(path, file, n);
        assert_int_equal(tg_item(tg_load_idx(path)), 42);
        file[n - 5] ^= 1;
        write_file(path, file, n);
        assert_null(tg_load_idx(path));
        expect_error("is damaged: the sum of its bytes");
    }
    remove_folder(folder);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_values), T(test_bits),      T(test_cifar),
                                        T(test_errors), T(test_cut_short), T(test_gzip_headers) };
    return cmocka_run_group_tests_name("idx", tests, NULL, NULL);
}
