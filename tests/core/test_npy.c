/* test_npy.c: NumPy's arrays and archives are read to the bit, ours are NumPy's byte for byte, and each thing that is no
 * array for a tensor is refused by its name. `test_npy --write FOLDER` writes what tests/golden/npy.py checks. */
#include "tests/support/caching.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define FILES       "tests/golden/files/"
#define LIST(array) ((tg_named_tensor_list){ array, (int64_t)(sizeof(array) / sizeof(array)[0]) })

static const char *folder;

static const char *file(const char *name)
{
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static tg_tensor *find(tg_named_tensor_list list, const char *name)
{
    for (int64_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0) return list.items[i].tensor;
    fail_msg("there is no \"%s\"; %s", name, tg_error_message());
    return NULL;
}

static void assert_bits(const tg_tensor *t, tg_dtype dtype, tg_shape shape, const void *bits)
{
    const tg_shape have = tg_shape_of(t);
    assert_true(tg_dtype_of(t) == dtype && tg_shape_equal(&have, &shape) && tg_is_contiguous(t));
    const size_t bytes = (size_t)tg_numel(t) * tg_dtype_size(dtype);
    if (bytes) assert_memory_equal(tg_data(t, dtype), bits, bytes);
}

/* ---- files of NumPy's: tests/golden/npy.py ---- */

static const uint64_t f8[] = { 0,
                               (uint64_t)1 << 63,
                               0x3ff0000000000000,
                               1,
                               0x7fefffffffffffff,
                               0xfff0000000000000,
                               0x7ff0000000000001,
                               0xfff8000000abcdef };
static const uint32_t f4[] = { 0, 0x80000000, 0x3f800000, 1, 0x7f7fffff, 0xff800000, 0x7f800001, 0xffc0abcd };
/* Halves as floats: the least subnormal is 2^-24; a NaN's bits move up by 13. */
static const uint32_t f2[] = { 0, 0x80000000, 0x3f800000, 0x33800000, 0x477fe000, 0xff800000, 0x7f802000, 0xffcaa000 };
static const int64_t i8[] = { 0, -1, INT64_MAX, INT64_MIN }, i4[] = { 0, -1, INT32_MAX, INT32_MIN },
                     i2[] = { 0, -1, 32767, -32768 }, i1[] = { 0, -1, 127, -128 }, u8[] = { 0, 1, INT64_MAX, 7 },
                     u4[] = { 0, 1, UINT32_MAX, 7 }, u2[] = { 0, 1, 65535, 7 }, u1[] = { 0, 1, 255, 7 };
static const unsigned char b1[] = { 0, 1, 1, 0 };
static const struct known {
    const char *name, *in_fortran;
    tg_dtype dtype;
    int count;
    const void *bits;
} known[] = {
    { "f8", "tf8", TG_FLOAT64, 8, f8 }, { "f4", "tf4", TG_FLOAT32, 8, f4 }, { "f2", "tf2", TG_FLOAT32, 8, f2 },
    { "i8", "ti8", TG_INT64, 4, i8 },   { "i4", "ti4", TG_INT64, 4, i4 },   { "i2", "ti2", TG_INT64, 4, i2 },
    { "i1", "ti1", TG_INT64, 4, i1 },   { "u8", "tu8", TG_INT64, 4, u8 },   { "u4", "tu4", TG_INT64, 4, u4 },
    { "u2", "tu2", TG_INT64, 4, u2 },   { "u1", "tu1", TG_INT64, 4, u1 },   { "b1", "tb", TG_BOOL, 4, b1 },
};
enum { KNOWN = sizeof known / sizeof known[0] };
static const int64_t to_eight[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static void check_every(tg_named_tensor_list list)
{
    assert_int_equal(list.count, 2 * KNOWN + 3);
    for (int i = 0; i < KNOWN; i++) {
        const struct known *k = &known[i];
        assert_string_equal(list.items[i].name, k->name);
        assert_bits(list.items[i].tensor, k->dtype, tg_shape(k->count), k->bits);
        assert_bits(find(list, k->in_fortran), k->dtype, tg_shape(2, k->count / 2), k->bits);
    }
    assert_bits(find(list, "scalar"), TG_FLOAT32, tg_shape(), &(float){ 2.5f });
    assert_bits(find(list, "none"), TG_FLOAT64, tg_shape(3, 0, 2), NULL);
    assert_bits(find(list, "deep"), TG_INT64, tg_shape(1, 2, 1, 2, 1, 2, 1, 1), to_eight);
}

TEST(test_every_dtype)
{
    IN_SCOPE;
    check_every(tg_load_npz(FILES "every.npz"));
    check_every(tg_load(FILES "every.npz"));
    tg_scope_end(scope);
}

TEST(test_compressed)
{
    IN_SCOPE;
    const tg_named_tensor_list list = tg_load_npz(FILES "compressed.npz");
    assert_int_equal(list.count, 4);
    const double *zeros = tg_data(find(list, "zeros"), TG_FLOAT64);
    for (int i = 0; i < 20000; i++) assert_true(zeros[i] == 0);
    const int64_t *steps = tg_data(find(list, "steps"), TG_INT64), *noise = tg_data(find(list, "noise"), TG_INT64);
    for (int i = 0; i < 3000; i++) assert_int_equal(steps[i], i);
    int64_t sum = 0;
    for (int i = 0; i < 500; i++) sum += noise[i];
    assert_int_equal(sum, 60568);
    const float *half = tg_data(find(list, "half"), TG_FLOAT32);
    for (int i = 0; i < 12; i++) assert_true(half[i] == (float)i);
    tg_scope_end(scope);
}

TEST(test_versions)
{
    IN_SCOPE;
    static const float values[] = { 0, 1, 2, 3, 4, 5 };
    static const char *const names[] = { FILES "version1.npy", FILES "version2.npy", FILES "version3.npy" };
    for (int i = 0; i < 3; i++) {
        assert_bits(tg_load_npy(names[i]), TG_FLOAT32, tg_shape(2, 3), values);
        const tg_named_tensor_list list = tg_load(names[i]);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].name, "");
        assert_bits(list.items[0].tensor, TG_FLOAT32, tg_shape(2, 3), values);
    }
    tg_scope_end(scope);
}

TEST(test_order_of_fortran)
{
    IN_SCOPE;
    const tg_tensor *t = tg_load_npy(FILES "fortran.npy");
    int64_t values[120];
    for (int i = 0; i < 120; i++) values[i] = i;
    assert_bits(t, TG_INT64, tg_shape(2, 3, 4, 5), values);
    tg_scope_end(scope);
}

/* ---- written ---- */

static tg_tensor *of_bits(const void *bits, int64_t count, tg_dtype dtype)
{
    tg_tensor *t = tg_empty(tg_shape(count), .dtype = dtype);
    memcpy(tg_mutable_data(t, dtype), bits, (size_t)count * tg_dtype_size(dtype));
    return t;
}

enum { THINGS = 12 };

/* What tests/golden/npy.py knows, too. */
static void make_things(tg_named_tensor to[THINGS])
{
    const tg_named_tensor things[THINGS] = {
        { "f8", of_bits(f8, 8, TG_FLOAT64) },
        { "f4", of_bits(f4, 8, TG_FLOAT32) },
        { "i8", of_bits(i8, 4, TG_INT64) },
        { "b1", of_bits(b1, 4, TG_BOOL) },
        { "transposed", tg_transpose(tg_reshape(tg_arange(0, 6, 1, .dtype = TG_FLOAT32), tg_shape(2, 3)), 0, 1) },
        { "scalar", tg_full(tg_shape(), 2.5) },
        { "none", tg_empty(tg_shape(3, 0, 2)) },
        { "deep", tg_reshape(tg_arange(8), tg_shape(1, 2, 1, 2, 1, 2, 1, 1)) },
        { "", tg_full(tg_shape(), 2.5) },
        { "a/b", tg_full(tg_shape(), 2.5) },
        { "../up", tg_full(tg_shape(), 2.5) },
        { "\u00e9", tg_full(tg_shape(), 2.5) },
    };
    memcpy(to, things, sizeof things);
}

static void check_thing(const tg_tensor *t, int i)
{
    static const float transposed[] = { 0, 3, 1, 4, 2, 5 }, scalar = 2.5f;
    switch (i) {
    case 0: assert_bits(t, TG_FLOAT64, tg_shape(8), f8); break;
    case 1: assert_bits(t, TG_FLOAT32, tg_shape(8), f4); break;
    case 2: assert_bits(t, TG_INT64, tg_shape(4), i8); break;
    case 3: assert_bits(t, TG_BOOL, tg_shape(4), b1); break;
    case 4: assert_bits(t, TG_FLOAT32, tg_shape(3, 2), transposed); break;
    case 6: assert_bits(t, TG_FLOAT32, tg_shape(3, 0, 2), NULL); break;
    case 7: assert_bits(t, TG_INT64, tg_shape(1, 2, 1, 2, 1, 2, 1, 1), to_eight); break;
    default: assert_bits(t, TG_FLOAT32, tg_shape(), &scalar);
    }
}

static void write_all(void)
{
    tg_named_tensor things[THINGS];
    char name[64];
    make_things(things);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "%s.npy", things[i].name);
        assert_int_equal(tg_save_npy(things[i].tensor, file(name)), TG_OK);
    }
    assert_int_equal(tg_save_npz(LIST(things), file("all.npz")), TG_OK);
}

TEST(test_round_trip)
{
    IN_SCOPE;
    tg_named_tensor things[THINGS];
    char name[64];
    make_things(things);
    for (int times = 0; times < 2; times++) { /* onto what is there, too */
        write_all();
        for (int i = 0; i < 8; i++) {
            snprintf(name, sizeof name, "%s.npy", things[i].name);
            check_thing(tg_load_npy(file(name)), i);
        }
        const tg_named_tensor_list list = tg_load_npz(file("all.npz"));
        assert_int_equal(list.count, THINGS);
        for (int i = 0; i < THINGS; i++) {
            assert_string_equal(list.items[i].name, things[i].name);
            check_thing(list.items[i].tensor, i);
        }
    }
    assert_int_equal(tg_save(LIST(things), file("other.NPZ")), TG_OK);
    assert_int_equal(tg_load(file("other.NPZ")).count, THINGS);
    assert_int_equal(tg_save(((tg_named_tensor_list){ things, 1 }), file("one.npy")), TG_OK);
    check_thing(tg_load(file("one.npy")).items[0].tensor, 0);
    assert_int_equal(tg_save(((tg_named_tensor_list){ NULL, 0 }), file("nothing.npz")), TG_OK);
    assert_int_equal(tg_load(file("nothing.npz")).count, 0);
    assert_true(tg_ok());
    tg_scope_end(scope);
}

/* A model that is kept as an archive. */
TEST(test_state_dict)
{
    IN_SCOPE;
    tg_lstm *lstm = tg_lstm_new(3, 4), *other = tg_lstm_new(3, 4);
    assert_int_equal(tg_save_npz(tg_state_dict(lstm), file("lstm.npz")), TG_OK);
    assert_int_equal(tg_load_state_dict(other, tg_load_npz(file("lstm.npz"))), TG_OK);
    const tg_named_tensor_list a = tg_state_dict(lstm), b = tg_state_dict(other);
    for (int64_t i = 0; i < a.count; i++) assert_true(tg_equal(a.items[i].tensor, b.items[i].tensor));
    tg_module_free(lstm);
    tg_module_free(other);
    tg_scope_end(scope);
}

/* Heads as NumPy 1.24 writes them. */
TEST(test_heads)
{
    IN_SCOPE;
    static const char *const heads[] = {
        "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "\x93NUMPY\1\0v\0{'descr': '<i8', 'fortran_order': False, 'shape': (12345,), }",
        "\x93NUMPY\1\0v\0{'descr': '|b1', 'fortran_order': False, 'shape': (), }",
    };
    tg_tensor *const tensors[] = { tg_zeros(tg_shape(2, 3)), tg_arange(12345),
                                   tg_full(tg_shape(), 1, .dtype = TG_BOOL) };
    const int bytes[] = { 24, 12345 * 8, 1 };
    for (int i = 0; i < 3; i++) {
        size_t count, length = 10 + strlen(heads[i] + 10);
        assert_int_equal(tg_save_npy(tensors[i], file("head.npy")), TG_OK);
        unsigned char *all = read_file(file("head.npy"), &count);
        assert_int_equal(count, 128 + bytes[i]);
        assert_memory_equal(all, heads[i], length);
        for (size_t k = length; k < 127; k++) assert_int_equal(all[k], ' ');
        assert_int_equal(all[127], '\n');
        free(all);
    }
    size_t n, m;
    const tg_tensor *t = tg_load_npy(FILES "version1.npy");
    assert_int_equal(tg_save_npy(t, file("again.npy")), TG_OK);
    unsigned char *a = read_file(FILES "version1.npy", &n), *b = read_file(file("again.npy"), &m);
    assert_true(n == m && memcmp(a, b, n) == 0);
    free(a);
    free(b);
    tg_scope_end(scope);
}

/* ---- heads of others ---- */

/* A file of this text, version 1.0, and so many bytes 1, 2, 3, ... behind it. */
static const char *with_head(const char *text, size_t bytes)
{
    static unsigned char all[100000];
    const size_t length = strlen(text);
    memcpy(all, "\x93NUMPY\1\0", 8);
    all[8] = (unsigned char)length;
    all[9] = (unsigned char)(length >> 8);
    memcpy(all + 10, text, length);
    for (size_t i = 0; i < bytes; i++) all[10 + length + i] = (unsigned char)(i + 1);
    write_file(file("made.npy"), all, 10 + length + bytes);
    return file("made.npy");
}

#define HEAD(descr, shape) "{'descr': " descr ", 'fortran_order': False, 'shape': " shape ", }"

TEST(test_what_is_taken)
{
    IN_SCOPE;
    static const int64_t numbers[] = { 1, 2, 3, 4, 5, 6 };
    static const char *const heads[] = {
        HEAD("'|u1'", "(6,)") "\n",
        HEAD("'u1'", "(6L,)"), /* Python 2 */
        HEAD("'=u1'", "(  6 ,)"),
        HEAD("'>u1'", "(6,)"), /* of one byte: any order */
        "{\"shape\":(6,),\"descr\":\"|u1\",\"fortran_order\":False}",
        "  {'fortran_order' : True , 'shape': (6,)\t, 'descr': '|u1'} \n\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        assert_bits(tg_load_npy(with_head(heads[i], 6)), TG_INT64, tg_shape(6), numbers);
    assert_bits(tg_load_npy(with_head(HEAD("'|u1'", "(2L, 3L)"), 6)), TG_INT64, tg_shape(2, 3), numbers);
    assert_bits(tg_load_npy(with_head(HEAD("'|u1'", "(2,3,)"), 6)), TG_INT64, tg_shape(2, 3), numbers);
    assert_bits(tg_load_npy(with_head(HEAD("'?'", "()"), 1)), TG_BOOL, tg_shape(), "\1");
    assert_bits(tg_load_npy(with_head("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", 6)), TG_INT64,
                tg_shape(2, 3), ((const int64_t[]){ 1, 3, 5, 2, 4, 6 }));
    tg_scope_end(scope);
}

TEST(test_orders_of_all_shapes)
{
    IN_SCOPE;
    static const int64_t shapes[][5] = { { 1, 1, 1, 1, 1 },   { 6, 1, 1, 1, 6 }, { 1, 37, 1, 1, 20 },
                                         { 17, 1, 3, 1, 16 }, { 2, 3, 2, 3, 2 }, { 33, 1, 1, 1, 18 },
                                         { 2, 2, 0, 2, 2 } };
    static const char *const kinds[] = { "<f4", "|b1", "<i2", "<f8" };
    for (size_t k = 0; k < 4; k++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            char text[200];
            const int64_t *d = shapes[s], numel = d[0] * d[1] * d[2] * d[3] * d[4];
            const size_t width = (size_t)(kinds[k][2] - '0');
            snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': True, 'shape': (%d, %d, %d, %d, %d), }",
                     kinds[k], (int)d[0], (int)d[1], (int)d[2], (int)d[3], (int)d[4]);
            const char *path = with_head(text, (size_t)numel * width);
            size_t count;
            unsigned char *all = read_file(path, &count);
            unsigned char *bytes = all + 10 + strlen(text);
            for (int64_t i = 0; i < numel; i++) { /* each element is its place in the file */
                const float f = (float)i;
                const double g = (double)i;
                const int16_t n = (int16_t)i;
                memcpy(bytes + (size_t)i * width,
                       k == 0   ? (const void *)&f
                       : k == 2 ? (const void *)&n
                                : (const void *)&g,
                       k == 1 ? 0 : width);
                if (k == 1) bytes[i] = i % 3 == 0;
            }
            write_file(path, all, count);
            const tg_tensor *t = tg_load_npy(path);
            assert_true(tg_is_contiguous(t) && tg_numel(t) == numel);
            double *values = malloc((size_t)(numel + 1) * sizeof *values);
            assert_int_equal(tg_to_array(t, values, numel), TG_OK);
            for (int64_t i = 0; i < numel;
                 i++) { /* i counts from the last index, its place in the file from the first */
                int64_t rest = i, place = 0, step = numel;
                for (int axis = 4; axis >= 0; axis--) {
                    step /= d[axis];
                    place += rest % d[axis] * step;
                    rest /= d[axis];
                }
                assert_true(values[i] == (k == 1 ? (double)(place % 3 == 0) : (double)place));
            }
            free(values);
            free(all);
        }
    tg_scope_end(scope);
}

static void expect_refused(const char *text, size_t bytes, const char *why)
{
    IN_SCOPE;
    assert_null(tg_load_npy(with_head(text, bytes)));
    assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
    expect_error(why);
    tg_scope_end(scope);
}

TEST(test_dtypes_that_are_refused)
{
    expect_refused(
        HEAD("'>f4'", "(2,)"), 8,
        "made.npy: at byte 20: elements of type '>f4' are big-endian, which is not read; x.astype('<f4') makes "
        "NumPy turn them round");
    expect_refused(HEAD("'>i2'", "(2,)"), 4, "'>i2' are big-endian");
    expect_refused(HEAD("'|O'", "(2,)"), 8,
                   "elements of type '|O', Python objects that only pickle can make, are not read");
    expect_refused(HEAD("'<c8'", "(2,)"), 16, "elements of type '<c8', complex numbers, are not read");
    expect_refused(HEAD("'<U3'", "(2,)"), 24, "'<U3', texts, are not read");
    expect_refused(HEAD("'|S3'", "(2,)"), 6, "'|S3', texts, are not read");
    expect_refused(HEAD("'<M8[s]'", "(2,)"), 16, "'<M8[s]', dates and times, are not read");
    expect_refused(HEAD("'<m8'", "(2,)"), 16, "'<m8', dates and times, are not read");
    expect_refused(HEAD("'|V2'", "(2,)"), 4, "'|V2', raw bytes or records, are not read");
    expect_refused(HEAD("'<f16'", "(2,)"), 32, "'<f16' is no type of elements that is read");
    expect_refused(HEAD("'<i3'", "(2,)"), 6, "'<i3' is no type of elements that is read");
    expect_refused(HEAD("''", "(2,)"), 6, "'' is no type of elements that is read");
    expect_refused(HEAD("'<'", "(2,)"), 6, "'<' is no type of elements that is read");
    expect_refused(HEAD("[('a', '<f4')]", "(2,)"), 8,
                   "records (a structured dtype), which are not read, in the header");
    expect_refused(HEAD("('<f4', (2,))", "(2,)"), 16,
                   "a dtype with a shape of its own, which is not read, in the header");
}

TEST(test_heads_that_are_refused)
{
    expect_refused(HEAD("'|u1'", "(7,)"), 6,
                   "ends too early: uint8 elements of shape [7] are 7 bytes, and 6 are there");
    expect_refused(HEAD("'|u1'", "(5,)"), 6, "1 bytes follow the array of shape [5]; one array is read from a file");
    expect_refused(HEAD("'<f4'", "(9223372036854775807,)"), 6, "no tensor has the shape");
    expect_refused(HEAD("'<f4'", "(9223372036854775808,)"), 6, "a size beyond 64 bits in the header");
    expect_refused(HEAD("'<f4'", "(4294967296, 4294967296)"), 6, "no tensor has the shape");
    expect_refused(HEAD("'<f4'", "(0, 4294967296, 4294967296)"), 0, "no tensor has the shape");
    expect_refused(HEAD("'<f4'", "(1000000, 1000000)"), 6, "are 4000000000000 bytes, and 6 are there");
    expect_refused(HEAD("'<f4'", "(-1,)"), 6, "a size below 0 in the header");
    expect_refused(HEAD("'<f4'", "(x,)"), 6, "a size that is no number in the header");
    expect_refused(HEAD("'<f4'", "(2)"), 8, "no comma or bracket behind a size in the header");
    expect_refused(HEAD("'<f4'", "(2, 2"), 8, "a size that is no number in the header");
    expect_refused(HEAD("'<f4'", "(2, 2 2)"), 8, "no comma or bracket behind a size in the header");
    expect_refused(HEAD("'<f4'", "[2]"), 8, "'shape' is no tuple in the header");
    expect_refused(HEAD("'<f4'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4,
                   "a tensor has 8 dimensions at most: more in the header");
    expect_refused("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }", 8,
                   "'fortran_order' is neither True nor False");
    expect_refused("{'descr': '<f4', 'fortran_order': False, }", 8, "no 'shape' in the header");
    expect_refused("{'fortran_order': False, 'shape': (2,)}", 8, "no 'descr' in the header");
    expect_refused("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8,
                   "at byte 27: the same key again in the header");
    expect_refused("{'descr': '<f4', 'order': False, 'shape': (2,)}", 8, "a key that is none of");
    expect_refused("{'descr' '<f4'}", 8, "no : behind a key in the header");
    expect_refused("{'descr': '<f4' 'shape': ()}", 8, "no comma or } behind a value in the header");
    expect_refused("{'descr': '<f\\x34'}", 8, "a text that does not end in the header");
    expect_refused("{'descr': <f4}", 8, "no text between quotes in the header");
    expect_refused("{'descr': '<f4", 8, "a text that does not end in the header");
    expect_refused("['<f4']", 8, "no { in the header");
    expect_refused("", 8, "no { in the header");
    expect_refused(HEAD("'|u1'", "(2,)") " x", 2, "something behind the } in the header");
}

static void expect_wrong(const void *bytes, size_t count, const char *why)
{
    write_file(file("wrong.npy"), bytes, count);
    expect_refusal(tg_load_npy(file("wrong.npy")), why);
}

TEST(test_files_that_are_refused)
{
    IN_SCOPE;
    size_t count;
    unsigned char *whole = read_file(FILES "version2.npy", &count);
    for (size_t n = 0; n < count; n++) {
        write_file(file("cut.npy"), whole, n);
        assert_null(tg_load_npy(file("cut.npy")));
        assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
        tg_error_clear();
    }
    free(whole);
    expect_wrong("", 0, "0 bytes are no array of NumPy's");
    expect_wrong("\x93NUMPZ\1\0\0\0", 10, "is no array of NumPy's: it does not begin as one");
    expect_wrong("\x93NUMPY\4\0\0\0", 10, "at byte 6: version 4.0 of the format is not known");
    expect_wrong("\x93NUMPY\1\1\0\0", 10, "version 1.1 of the format is not known");
    expect_wrong("\x93NUMPY\0\0\0\0", 10, "version 0.0 of the format is not known");
    expect_wrong("\x93NUMPY\2\0\0\0", 10, "the file ends in its header");
    expect_wrong("\x93NUMPY\1\0\1\0", 10, "a header of 1 bytes reaches beyond the end");
    expect_wrong("\x93NUMPY\2\0\0\0\1\0", 12, "a header of 65536 bytes; 65535 are read at most");
    expect_wrong("\x93NUMPY\3\0\xff\xff\xff\xff", 12, "a header of 4294967295 bytes; 65535 are read at most");
    expect_wrong("\x93NUMPY\1\0\2\0{\0", 12, "a zero byte in the header");
    expect_refusal(tg_load_npy(file("nowhere.npy")), "cannot be read: No such file or directory");
    expect_refusal(tg_load_npy(folder), "is a folder");
    expect_refusal(tg_load_npy(NULL), "the path is NULL");
    expect_refusal(tg_load_npy(FILES "every.npz"), "every.npz: at byte 0: an .npz archive: tg_load_npz reads it");
    expect_refusal(tg_load_npy(FILES "every.safetensors"), "a safetensors file: tg_load_safetensors reads it");
    expect_refusal(tg_load_npy(FILES "pt_lstm.pt"), "a .pt file of PyTorch: tg_load_pt reads it");
    tg_scope_end(scope);
}

/* A uint64 that is no int64, in both ways of reading. */
TEST(test_uint64)
{
    IN_SCOPE;
    size_t count;
    const char *path = with_head(HEAD("'<u8'", "(2,)"), 16);
    unsigned char *all = read_file(path, &count);
    assert_non_null(tg_load_npy(path));
    all[count - 1] = 0x80;
    expect_wrong(all, count, "a uint64 of 2^63 or more has no int64");
    free(all);
    tg_scope_end(scope);
}

/* ---- archives that are refused ---- */

static void expect_no_list(tg_named_tensor_list list, const char *why)
{
    assert_true(list.count == 0 && !list.items);
    expect_error(why);
}

TEST(test_archives_that_are_refused)
{
    IN_SCOPE;
    expect_no_list(tg_load_npz("tests/golden/files/hand.zip"), "stored: is no array: its name does not end in .npy");
    expect_no_list(tg_load("tests/golden/files/hand.zip"), "none of the formats read here");
    expect_no_list(tg_load_npz(FILES "version1.npy"), "version1.npy: at byte 0: an .npy file: tg_load_npy reads it");
    expect_no_list(tg_load_npz(FILES "pt_lstm.pt"), "a .pt file of PyTorch: tg_load_pt reads it");
    expect_no_list(tg_load_npz(FILES "every.safetensors"), "a safetensors file: tg_load_safetensors reads it");
    expect_no_list(tg_load_npz(FILES "text.ppm"), "no zip archive, or its end is missing");
    expect_no_list(tg_load_npz(NULL), "the path is NULL");
    size_t count;
    unsigned char *all = read_file(FILES "every.npz", &count);
    for (size_t i = 0; i + 3 < count; i++) {
        if (memcmp(all + i, "<f2", 3) != 0) continue;
        all[i] = '>';
        break;
    }
    write_file(file("big.npz"), all, count);
    const int64_t live = tg_memory_stats().live_bytes, tensors = tg_memory_stats().live_tensors;
    expect_no_list(tg_load_npz(file("big.npz")), "f2.npy: elements of type '>f2' are big-endian");
    assert_int_equal(tg_memory_stats().live_bytes, live); /* what was read before it is gone */
    assert_int_equal(tg_memory_stats().live_tensors, tensors);
    free(all);
    tg_scope_end(scope);
}

/* ---- misuse ---- */

TEST(test_what_is_not_saved)
{
    IN_SCOPE;
    tg_tensor *t = tg_zeros(tg_shape(2));
    const tg_named_tensor twice[] = { { "a", t }, { "a", t } }, none[] = { { "a", NULL } },
                          nameless[] = { { NULL, t } };
    const char *npy = file("no.npy"), *npz = file("no.npz");
    assert_int_equal(tg_save_npy(NULL, npy), TG_FAILED);
    expect_error("the tensor is NULL");
    assert_int_equal(tg_save_npy(t, NULL), TG_FAILED);
    expect_error("the path is NULL");
    assert_int_equal(tg_save_npz(LIST(twice), npz), TG_FAILED);
    expect_error("two tensors have the name \"a\"");
    assert_int_equal(tg_save_npz(LIST(none), npz), TG_FAILED);
    expect_error("is NULL");
    assert_int_equal(tg_save_npz(LIST(nameless), npz), TG_FAILED);
    expect_error("the name of tensor 0 is NULL");
    assert_int_equal(tg_save_npz(((tg_named_tensor_list){ NULL, 3 }), npz), TG_FAILED);
    expect_error("a list of 3 tensors is NULL");
    assert_int_equal(tg_save(LIST(twice), npy), TG_FAILED);
    tg_error_clear();
    const tg_named_tensor two[] = { { "a", t }, { "b", t } };
    assert_int_equal(tg_save(LIST(two), npy), TG_FAILED);
    expect_error("a .npy file holds one tensor, not 2");
    if (caching()) { /* otherwise its memory is gone */
        tg_scope inner = tg_scope_begin();
        tg_tensor *dead = tg_zeros(tg_shape(2));
        tg_scope_end(inner);
        assert_int_equal(tg_save_npy(dead, npy), TG_FAILED);
        expect_error("was freed when its scope ended");
    }

    tg_fail("test", "pending"); /* while an error is pending nothing is saved or loaded */
    assert_int_equal(tg_save_npy(t, npy), TG_FAILED);
    assert_int_equal(tg_save_npz(LIST(two), npz), TG_FAILED);
    assert_null(tg_load_npy(FILES "version1.npy"));
    assert_int_equal(tg_load_npz(FILES "every.npz").count, 0);
    expect_error("pending");
    expect_refusal(tg_load_npy(npy), "No such file");
    expect_no_list(tg_load_npz(npz), "No such file");
    tg_scope_end(scope);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        const tg_scope scope = tg_scope_begin();
        folder = argv[2];
        write_all();
        tg_scope_end(scope);
        return tg_failed();
    }
    const struct CMUnitTest tests[] = {
        T(test_every_dtype),
        T(test_compressed),
        T(test_versions),
        T(test_order_of_fortran),
        T(test_round_trip),
        T(test_state_dict),
        T(test_heads),
        T(test_what_is_taken),
        T(test_orders_of_all_shapes),
        T(test_dtypes_that_are_refused),
        T(test_heads_that_are_refused),
        T(test_files_that_are_refused),
        T(test_uint64),
        T(test_archives_that_are_refused),
        T(test_what_is_not_saved),
    };
    return cmocka_run_group_tests_name("npy", tests, set_up, tear_down);
}
