/* test_safetensors.c: safetensors files of others are read to the bit, and ours are what others write; each error by its
 * name; mapped tensors live and die right. */
#include "tests/support/compare.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILES       "tests/golden/files/"
#define LIST(array) ((tg_named_tensor_list){ array, (int64_t)(sizeof(array) / sizeof(array)[0]) })

static tg_tensor *find(tg_named_tensor_list list, const char *name)
{
    for (int64_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0) return list.items[i].tensor;
    fail_msg("there is no \"%s\"%s", name, tg_error_message());
    return NULL;
}

/* A file for one test, whose folder goes with it. */
static const char *folder;
static const char *file(const char *name)
{
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}
static int open_folder(void **state)
{
    (void)state;
    folder = make_folder();
    return 0;
}
static int close_folder(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void assert_bits(const tg_tensor *t, tg_dtype dtype, tg_shape shape, const void *bits)
{
    const tg_shape have = tg_shape_of(t);
    assert_true(tg_dtype_of(t) == dtype && tg_shape_equal(&have, &shape) && tg_is_contiguous(t));
    const size_t bytes = (size_t)tg_numel(t) * tg_dtype_size(dtype);
    if (bytes) assert_memory_equal(tg_data(t, dtype), bits, bytes);
}

/* ---- files of others: tests/golden/safetensors.py ---- */

static const uint64_t f64[] = { 0,
                                (uint64_t)1 << 63,
                                0x3ff0000000000000,
                                1,
                                0x7fefffffffffffff,
                                0xfff0000000000000,
                                0x7ff0000000000001,
                                0xfff8000000abcdef };
static const uint32_t f32[] = { 0, 0x80000000, 0x3f800000, 1, 0x7f7fffff, 0xff800000, 0x7f800001, 0xffc0abcd };
/* Halves as floats: the least subnormal is 2^-24; a NaN's bits move up by 13. */
static const uint32_t f16[] = { 0, 0x80000000, 0x3f800000, 0x33800000, 0x477fe000, 0xff800000, 0x7f802000, 0xffcaa000 };
static const uint32_t bf16[] = {
    0, 0x80000000, 0x3f800000, 0x00010000, 0x7f7f0000, 0xff800000, 0x7f810000, 0xffd50000
};
static const int64_t i64[] = { 0, -1, INT64_MAX, INT64_MIN }, i32[] = { 0, -1, INT32_MAX, INT32_MIN },
                     i16[] = { 0, -1, 32767, -32768 }, i8[] = { 0, -1, 127, -128 }, u64[] = { 0, 1, INT64_MAX },
                     u32[] = { 0, 1, UINT32_MAX }, u16[] = { 0, 1, 65535 }, u8[] = { 0, 1, 255 },
                     deep[] = { 1, 2, 3, 4 };
static const double pi = 0x1.921fb54442d18p1;

static void check_every(bool mapped)
{
    IN_SCOPE;
    tg_text_pairs metadata;
    const tg_named_tensor_list list =
        tg_load_safetensors(FILES "every.safetensors", .mapped = mapped, .metadata = &metadata);
    assert_int_equal(list.count, 16);
    assert_bits(find(list, "F64"), TG_FLOAT64, tg_shape(8), f64);
    assert_bits(find(list, "F32"), TG_FLOAT32, tg_shape(8), f32);
    assert_bits(find(list, "F16"), TG_FLOAT32, tg_shape(8), f16);
    assert_bits(find(list, "BF16"), TG_FLOAT32, tg_shape(8), bf16);
    assert_bits(find(list, "I64"), TG_INT64, tg_shape(4), i64);
    assert_bits(find(list, "I32"), TG_INT64, tg_shape(4), i32);
    assert_bits(find(list, "I16"), TG_INT64, tg_shape(4), i16);
    assert_bits(find(list, "I8"), TG_INT64, tg_shape(4), i8);
    assert_bits(find(list, "U64"), TG_INT64, tg_shape(3), u64);
    assert_bits(find(list, "U32"), TG_INT64, tg_shape(3), u32);
    assert_bits(find(list, "U16"), TG_INT64, tg_shape(3), u16);
    assert_bits(find(list, "U8"), TG_INT64, tg_shape(3), u8);
    assert_bits(find(list, "BOOL"), TG_BOOL, tg_shape(3), "\0\1\1");
    assert_bits(find(list, "none"), TG_FLOAT32, tg_shape(0, 3), NULL);
    assert_bits(find(list, "scalar"), TG_FLOAT64, tg_shape(), &pi);
    assert_bits(find(list, "deep"), TG_INT64, tg_shape(1, 2, 1, 1, 1, 2, 1, 1), deep);
    assert_int_equal(metadata.count, 2);
    assert_string_equal(metadata.items[0].key, "by");
    assert_string_equal(tg_text_of(metadata, "line"), "a\nb \"c\" \u00e9");
    assert_null(tg_text_of(metadata, "lin"));
    tg_scope_end(scope);
}

TEST(test_every) { check_every(false); }
TEST(test_every_mapped) { check_every(true); }

static void check_loose(bool mapped)
{
    IN_SCOPE;
    tg_text_pairs metadata;
    const tg_named_tensor_list list =
        tg_load_safetensors(FILES "loose.safetensors", .mapped = mapped, .metadata = &metadata);
    assert_true(list.count == 4 && metadata.count == 0);
    assert_string_equal(list.items[0].name, "one byte");
    assert_string_equal(list.items[1].name, "f\u00fcnf \U0001f600");
    assert_string_equal(list.items[2].name, "tab\t\"\\/");
    assert_string_equal(list.items[3].name, "");
    assert_bits(list.items[0].tensor, TG_INT64, tg_shape(1), (const int64_t[]){ 7 });
    assert_bits(list.items[1].tensor, TG_FLOAT32, tg_shape(2), (const float[]){ 1, -2 });
    assert_bits(list.items[2].tensor, TG_FLOAT64, tg_shape(1), (const double[]){ 2 });
    assert_bits(list.items[3].tensor, TG_INT64, tg_shape(2), (const int64_t[]){ -2, 300 });
    tg_scope_end(scope);
}

TEST(test_loose) { check_loose(false); }
TEST(test_loose_mapped) { check_loose(true); }

static void assert_same_files(const char *a, const char *b)
{
    size_t n, m;
    unsigned char *x = read_file(a, &n), *y = read_file(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

/* PyTorch's weights of that seed, which are ours; and the file that others write of them is the one that we write. */
TEST(test_lstm)
{
    IN_SCOPE;
    tg_manual_seed(3);
    tg_lstm *lstm = tg_lstm_new(3, 4), *other = tg_lstm_new(3, 4);
    const tg_named_tensor_list weights = tg_state_dict(lstm), list = tg_load(FILES "lstm.safetensors");
    assert_true(weights.count == 4 && list.count == 4);
    for (int64_t i = 0; i < 4; i++) assert_alike(find(list, weights.items[i].name), weights.items[i].tensor, 0);
    const char *path = file("lstm.safetensors");
    assert_int_equal(tg_save_safetensors(weights, path, .metadata = tg_text_pairs({ "format", "pt" })), TG_OK);
    assert_same_files(path, FILES "lstm.safetensors");
    assert_int_equal(tg_load_state_dict(other, tg_load_safetensors(path)), TG_OK);
    for (int64_t i = 0; i < 4; i++) assert_alike(tg_state_dict(other).items[i].tensor, weights.items[i].tensor, 0);
    tg_module_free(lstm);
    tg_module_free(other);
    tg_scope_end(scope);
}

/* ---- what is written ---- */

static tg_status save_ours(const char *path)
{
    tg_tensor *m = tg_reshape(tg_arange(0, 6, 1, .dtype = TG_FLOAT32), tg_shape(2, 3));
    tg_named_tensor items[] = {
        { "scalar", tg_scalar(pi, .dtype = TG_FLOAT64) },
        { "F32", tg_empty(tg_shape(8)) },
        { "transposed", tg_transpose(m, 0, 1) },
        { "BOOL", tg_tensor_of((bool)0, (bool)1, (bool)1) },
        { "I64", tg_tensor_of(0, -1, INT64_MAX, INT64_MIN) },
        { "expanded", tg_expand(tg_tensor_of(7), tg_shape(2, 2)) },
        { "F64", tg_empty(tg_shape(8), .dtype = TG_FLOAT64) },
        { "f\u00fcnf \"\\\x02", tg_zeros(tg_shape(0, 3)) },
    };
    memcpy(tg_mutable_data(items[1].tensor, TG_FLOAT32), f32, sizeof f32);
    memcpy(tg_mutable_data(items[6].tensor, TG_FLOAT64), f64, sizeof f64);
    return tg_save_safetensors(LIST(items), path,
                               .metadata = tg_text_pairs({ "epoch", "3" }, { "line", "a\nb \"c\"\t\u00e9\x01" }));
}

TEST(test_written)
{
    IN_SCOPE;
    const char *path = file("ours.safetensors");
    for (int mapped = 0; mapped < 2; mapped++) {
        assert_int_equal(save_ours(path), TG_OK);
        tg_text_pairs metadata;
        const tg_named_tensor_list list = tg_load_safetensors(path, .mapped = mapped, .metadata = &metadata);
        assert_int_equal(list.count, 8);
        assert_bits(find(list, "F64"), TG_FLOAT64, tg_shape(8), f64);
        assert_bits(find(list, "F32"), TG_FLOAT32, tg_shape(8), f32);
        assert_bits(find(list, "I64"), TG_INT64, tg_shape(4), i64);
        assert_bits(find(list, "BOOL"), TG_BOOL, tg_shape(3), "\0\1\1");
        assert_bits(find(list, "scalar"), TG_FLOAT64, tg_shape(), &pi);
        assert_bits(find(list, "transposed"), TG_FLOAT32, tg_shape(3, 2), (const float[]){ 0, 3, 1, 4, 2, 5 });
        assert_bits(find(list, "expanded"), TG_INT64, tg_shape(2, 2), (const int64_t[]){ 7, 7, 7, 7 });
        assert_bits(find(list, "f\u00fcnf \"\\\x02"), TG_FLOAT32, tg_shape(0, 3), NULL);
        assert_int_equal(metadata.count, 2);
        assert_string_equal(metadata.items[0].key, "epoch");
        assert_string_equal(tg_text_of(metadata, "line"), "a\nb \"c\"\t\u00e9\x01");
    }
    tg_scope_end(scope);
}

TEST(test_nothing_and_much)
{
    IN_SCOPE;
    const char *path = file("x.safetensors");
    assert_int_equal(tg_save(((tg_named_tensor_list){ NULL, 0 }), path), TG_OK);
    assert_int_equal(tg_load_safetensors(path, .mapped = true).count, 0);
    assert_true(tg_ok());
    enum { MANY = 3000 };
    static tg_named_tensor items[MANY];
    static char names[MANY][400];
    for (int i = 0; i < MANY; i++) {
        memset(names[i], 'a' + i % 26, 300);
        snprintf(names[i] + 300, 100, ".%d", i);
        items[i] = (tg_named_tensor){ names[i], tg_full(tg_shape(3), i) };
    }
    assert_int_equal(tg_save(LIST(items), path), TG_OK); /* longer than the writer's buffer */
    const tg_named_tensor_list list = tg_load(path);
    assert_int_equal(list.count, MANY);
    for (int i = 0; i < MANY; i += 97) assert_alike(find(list, names[i]), items[i].tensor, 0);
    tg_scope_end(scope);
}

/* Nor is anything written then. */
TEST(test_what_is_not_saved)
{
    IN_SCOPE;
    const char *path = file("none.safetensors");
    tg_tensor *one = tg_ones(tg_shape(2));
    tg_named_tensor items[] = { { "a", one }, { "b", one } };
#define REFUSED(text)                                                                                                  \
    do {                                                                                                               \
        assert_int_equal(tg_save_safetensors(LIST(items), path), TG_FAILED);                                           \
        expect_error(text);                                                                                            \
        assert_int_equal(access(path, F_OK), -1);                                                                      \
    } while (0)
    items[1].name = "a";
    REFUSED("two tensors have the name \"a\"");
    items[1].name = NULL;
    REFUSED("the name of tensor 1 is NULL");
    items[1].name = "__metadata__";
    REFUSED("is no name for a tensor");
    items[1].name = "b\xff";
    REFUSED("the name of tensor 1 is not UTF-8 from its byte 1 on");
    items[1] = (tg_named_tensor){ "b", NULL };
    REFUSED("the tensor is NULL");
    items[1].tensor = one;
    assert_int_equal(tg_save_safetensors(((tg_named_tensor_list){ NULL, 2 }), path), TG_FAILED);
    expect_error("a list of 2 tensors is NULL");
    assert_int_equal(tg_save_safetensors(LIST(items), path, .metadata = tg_text_pairs({ "k", "1" }, { "k", "2" })),
                     TG_FAILED);
    expect_error("the key \"k\" comes twice in the metadata");
    assert_int_equal(tg_save_safetensors(LIST(items), path, .metadata = tg_text_pairs({ "k", NULL })), TG_FAILED);
    expect_error("the text of metadata 0 is NULL");
    assert_int_equal(tg_save_safetensors(LIST(items), NULL), TG_FAILED);
    expect_error("the path is NULL");
    assert_int_equal(tg_load_safetensors("").count, 0);
    expect_error("the path is empty");
    assert_int_equal(tg_save(LIST(items), file("x.dat")), TG_FAILED);
    expect_error("x.dat: its ending says no format; there are .safetensors");
    assert_int_equal(tg_save(LIST(items), NULL), TG_FAILED);
    expect_error("the path is NULL");
    tg_fail("before", "an error");
    assert_int_equal(tg_save(LIST(items), path), TG_FAILED);
    assert_int_equal(tg_save_safetensors(LIST(items), path), TG_FAILED);
    assert_int_equal(tg_error_get().later, 0);
    expect_error("an error");
    assert_int_equal(access(path, F_OK), -1);
    tg_scope_end(scope);
}

/* Two names of one memory are two tensors in the file. */
TEST(test_shared)
{
    IN_SCOPE;
    tg_tensor *one = tg_arange(4);
    tg_named_tensor items[] = { { "whole", one }, { "again", one }, { "half", tg_narrow(one, 0, 2, 2) } };
    const char *path = file("x.SafeTensors");
    assert_int_equal(tg_save(LIST(items), path), TG_OK);
    const tg_named_tensor_list list = tg_load(path);
    assert_alike(find(list, "again"), one, 0);
    VALUES(find(list, "half"), 0, 2, 3);
    assert_false(tg_shares_storage(find(list, "again"), find(list, "whole")));
    tg_scope_end(scope);
}

/* ---- what is refused ---- */

typedef struct wrong {
    const char *header;
    int data;         /* bytes behind it */
    const char *text; /* in the error; NULL: none */
} wrong;

#define E(fields)                 "{\"a\":{" fields "}}"
#define OF(dtype, shape, offsets) E("\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets)

static const wrong wrongs[] = {
    { OF("F32", "[2]", "[0,8]"), 8, NULL },
    { OF("F32", "[]", "[0,4]"), 4, NULL },
    { OF("F32", "[0,9223372036854775807]", "[0,0]"), 0, "the shape of \"a\" is too large" },
    { OF("F32", "[2]", "[0,8]"), 9, "at byte 70: the last tensor ends here, the file 1 bytes later" },
    { OF("F32", "[2]", "[0,8]"), 7, "\"a\" ends at 8, but there are 7 bytes of elements" },
    { OF("F32", "[3]", "[0,8]"), 8, "\"a\" of dtype F32 and shape [3] has 12 bytes, its data_offsets are 0 and 8" },
    { OF("F32", "[2]", "[8,0]"), 8, "has 8 bytes, its data_offsets are 8 and 0" },
    { OF("F32", "[1]", "[4,8]"), 8, "\"a\" begins at 4; the bytes from 0 on are no tensor's" },
    { OF("F32", "[-1]", "[0,4]"), 4, "\"a\" has a size of -1" },
    { OF("F32", "[1.0]", "[0,4]"), 4, "a number that is no integer" },
    { OF("F32", "[01]", "[0,4]"), 4, "an integer that begins with 0" },
    { OF("F32", "[18446744073709551616]", "[0,4]"), 4, "an integer that int64 cannot hold" },
    { OF("F32", "[4294967296,4294967296]", "[0,4]"), 4, "the shape of \"a\" is too large" },
    { OF("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "\"a\" has more than 8 dimensions" },
    { OF("F32", "1", "[0,4]"), 4, "'[' should stand here, not '1'" },
    { OF("F32", "[1,]", "[0,4]"), 4, "an integer should stand here, not ']'" },
    { OF("F32", "[1", "[0,4]"), 4, "an integer should stand here, not '\"'" },
    { OF("F32", "[1]", "[0]"), 4, "\"a\" has data_offsets that are not two" },
    { OF("F32", "[1]", "[0,4,4]"), 4, "\"a\" has data_offsets that are not two" },
    { OF("F32", "[1]", "[-4,0]"), 4, "\"a\" has an offset of -4" },
    { OF("F8_E4M3", "[1]", "[0,1]"), 1, "the dtype of \"a\" is F8_E4M3; read are F64, F32, F16" },
    { OF("C64", "[1]", "[0,8]"), 8, "the dtype of \"a\" is C64" },
    { E("\"shape\":[],\"data_offsets\":[0,4]"), 4, "\"a\" has no dtype" },
    { E("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, "\"a\" has no shape" },
    { E("\"dtype\":\"F32\",\"shape\":[]"), 4, "\"a\" has no data_offsets" },
    { E("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[]"), 4, "\"a\" has dtype twice" },
    { "{\"a\":" E("") "}", 0, "\"a\" has no dtype" },
    { "{\"a\":[]}", 0, "'{' should stand here, not '['" },
    { "{\"__metadata__\":{\"k\":1}}", 0, "a string should stand here, not '1'" },
    { "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "the key \"k\" comes twice in __metadata__" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "there are two objects __metadata__" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
      "offsets\":[1,2]}}",
      2, "two tensors have the name \"a\"" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
      "offsets\":[1,3]}}",
      3, "\"b\" begins at 1, where \"a\" has not ended" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
      "offsets\":[3,5]}}",
      5, "\"b\" begins at 3; the bytes from 2 on are no tensor's" },
    { "[]", 0, "does not begin with '{': this is no safetensors file" },
    { " {}", 0, "does not begin with '{'" },
    { "{} x", 0, "nothing more should stand here, not 'x'" },
    { "{}  \t\n", 0, NULL },
    { "{", 0, "should stand here, not its end" },
    { "{\"a\xff\":{}}", 0, "at byte 11: header: is not UTF-8" },
    { "{\"a\\u0000\":{}}", 0, "a string with the character 0" },
    { "{\"a\n\":{}}", 0, "a string with the character 10, unescaped" },
    { "{\"\x1b[2J\":{}}", 0, "a string with the character 27" },
    { "{\"\\u001b[2J\":{}}", 0, "\"?[2J\" has no dtype" },
};

static void write_wrong(const char *path, const wrong *w)
{
    unsigned char bytes[4096] = { 0 };
    const uint64_t n = strlen(w->header);
    memcpy(bytes, &n, sizeof n);
    memcpy(bytes + 8, w->header, n);
    write_file(path, bytes, 8 + n + (size_t)w->data);
}

TEST(test_wrong_headers)
{
    IN_SCOPE;
    const char *path = file("x");
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        write_wrong(path, &wrongs[i]);
        const int64_t live = tg_memory_stats().live_bytes, tensors = tg_memory_stats().live_tensors;
        tg_text_pairs metadata = { NULL, 5 };
        const tg_named_tensor_list list = tg_load_safetensors(path, .mapped = i % 2, .metadata = &metadata);
        if (!wrongs[i].text) {
            if (tg_failed()) fail_msg("%s: %s", wrongs[i].header, tg_error_message());
            continue;
        }
        if (!tg_failed()) fail_msg("%s is taken", wrongs[i].header);
        assert_true(list.count == 0 && !list.items && metadata.count == 0);
        assert_int_equal(tg_error_get().code, TG_ERROR_FILE);
        assert_non_null(strstr(tg_error_message(), path));
        expect_error(wrongs[i].text);
        assert_int_equal(tg_memory_stats().live_bytes, live); /* in the caller's scope nothing is left */
        assert_int_equal(tg_memory_stats().live_tensors, tensors);
    }
    tg_scope_end(scope);
}

TEST(test_by_name)
{
    IN_SCOPE;
    tg_tensor *one = tg_ones(tg_shape(2));
    const tg_named_tensor items[] = { { "a", one }, { NULL, one }, { "b", NULL } };
    assert_true(tg_tensor_named(LIST(items), "a") == one);
    expect_refusal(tg_tensor_named(LIST(items), "c"), "none of 3 tensors has the name \"c\"");
    expect_refusal(tg_tensor_named(LIST(items), "b"), "the tensor is NULL");
    expect_refusal(tg_tensor_named(LIST(items), NULL), "the name is NULL");
    expect_refusal(tg_tensor_named(((tg_named_tensor_list){ NULL, 3 }), "a"), "none of 3 tensors");
    expect_refusal(tg_tensor_named(tg_load("absent"), "a"), "absent: cannot be read"); /* the first error */
    assert_alike(tg_tensor_named(tg_load(FILES "every.safetensors"), "scalar"), tg_scalar(pi, .dtype = TG_FLOAT64), 0);
    tg_scope_end(scope);
}

/* A uint64 that int64 cannot hold is only seen when it is read. */
TEST(test_wrong_elements)
{
    IN_SCOPE;
    unsigned char bytes[256];
    const char *header = OF("U64", "[2]", "[0,16]");
    const uint64_t n = strlen(header), values[] = { 1, (uint64_t)1 << 63 };
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, n);
    memcpy(bytes + 8 + n, values, sizeof values);
    write_file(file("x"), bytes, 8 + n + sizeof values);
    char text[100];
    snprintf(text, sizeof text, "at byte %d: a: a uint64 of 2^63 or more has no int64", (int)n + 16);
    for (int mapped = 0; mapped < 2; mapped++) {
        assert_int_equal(tg_load_safetensors(file("x"), .mapped = mapped).count, 0);
        expect_error(text);
    }
    tg_scope_end(scope);
}

TEST(test_wrong_files)
{
    IN_SCOPE;
    static const struct {
        const char *bytes;
        size_t count;
        const char *text, *by_content;
    } files[] = {
        { "", 0, "at byte 0: header length: the file has 0 bytes, too few for one", "none of the formats" },
        { "\2\0\0", 3, "the file has 3 bytes, too few", "none of the formats" },
        { "\3\0\0\0\0\0\0\0{}", 10, "is 3; the file has 2 bytes behind it, and 100000000 are the most",
          "is 3; the file" },
        { "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "is 18446744073709551615; the file", "none of the formats" },
        { "\0\0\0\0\0\0\0\0", 8, "does not begin with '{'", "none of the formats" },
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(file("x"), files[i].bytes, files[i].count);
        assert_int_equal(tg_load_safetensors(file("x")).count, 0);
        expect_error(files[i].text);
        assert_int_equal(tg_load(file("x")).count, 0);
        expect_error(files[i].by_content);
    }
    static const struct {
        const char *path, *text;
    } others[] = {
        { FILES "pt_lstm.pt", "at byte 0: a .pt file of PyTorch: tg_load_pt reads it" },
        { FILES "pt_old.pt", "at byte 0: written by PyTorch before 1.6" },
        { FILES "every.npz", "at byte 0: an .npz archive: tg_load_npz reads it" },
        { FILES "version1.npy", "at byte 0: an .npy file: tg_load_npy reads it" },
        { FILES "text.ppm", "header length: is " },
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(tg_load_safetensors(others[i].path).count, 0);
        expect_error(others[i].text);
    }
    assert_int_equal(tg_load(file("absent")).count, 0);
    expect_error("absent: cannot be read: No such file");
    assert_int_equal(tg_load(folder).count, 0);
    expect_error("is a folder");
    assert_int_equal(tg_load("/dev/null").count, 0);
    expect_error("/dev/null: is no regular file");
    assert_int_equal(tg_load(NULL).count, 0);
    expect_error("the path is NULL");
    tg_fail("before", "an error");
    assert_int_equal(tg_load(FILES "lstm.safetensors").count, 0);
    assert_int_equal(tg_load_safetensors(FILES "lstm.safetensors").count, 0);
    assert_int_equal(tg_error_get().later, 0);
    expect_error("an error");
    tg_scope_end(scope);
}

/* A header as deep as it likes costs nothing but its error. */
TEST(test_deep)
{
    enum { DEPTH = 100000 };
    static const char before[] = "{\"a\":{\"x\":";
    char *text = malloc(DEPTH + 64);
    assert_non_null(text);
    const uint64_t n = sizeof before - 1 + DEPTH;
    for (int kind = 0; kind < 2; kind++) {
        memcpy(text, &n, 8);
        memcpy(text + 8, before, sizeof before - 1);
        for (int i = 0; i < DEPTH; i++) text[8 + sizeof before - 1 + (size_t)i] = kind ? '[' : "{\"a\":"[i % 5];
        write_file(file("x"), text, 8 + n);
        assert_int_equal(tg_load(file("x")).count, 0);
        expect_error("more than 64 levels of { and [");
    }
    free(text);
}

/* ---- mapped ---- */

static bool is_mapped(const char *path)
{
    size_t n;
    unsigned char *maps = read_file("/proc/self/maps", &n);
    maps[n < 1 ? 0 : n - 1] = '\0';
    const bool found = strstr((char *)maps, path) != NULL;
    free(maps);
    return found;
}

TEST(test_mapped_life)
{
    IN_SCOPE;
    const char *path = file("life.safetensors");
    tg_named_tensor items[] = { { "w", tg_ones(tg_shape(2, 3)) }, { "b", tg_arange(0, 3, 1, .dtype = TG_FLOAT64) } };
    assert_int_equal(tg_save(LIST(items), path), TG_OK);
    const tg_scope inner = tg_scope_begin();
    const tg_named_tensor_list list = tg_load_safetensors(path, .mapped = true);
    tg_tensor *w = tg_keep(find(list, "w")), *row = tg_keep(tg_select(find(list, "b"), 0, 2));
    tg_scope_end(inner);
    assert_true(is_mapped(path));
    VALUES(w, 0, 1, 1, 1, 1, 1, 1);
    tg_add_(w, 1); /* the program's own */
    ((float *)tg_mutable_data(w, TG_FLOAT32))[0] = 9;
    VALUES(w, 0, 9, 2, 2, 2, 2, 2);
    VALUES(tg_load(path).items[1].tensor, 0, 1, 1, 1, 1, 1, 1);
    assert_int_equal(unlink(path), 0); /* what is mapped stays */
    tg_release(w);
    VALUES(row, 0, 2); /* a view holds it */
    assert_true(is_mapped(path));
    tg_release(row);
    assert_false(is_mapped(path));
    tg_scope_end(scope);
}

/* The last of them goes on another thread. */
static void *release(void *tensor)
{
    tg_release(tensor);
    return NULL;
}

TEST(test_mapped_on_another_thread)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *kept = tg_keep(find(tg_load_safetensors(FILES "every.safetensors", .mapped = true), "I64"));
    tg_scope_end(scope);
    assert_true(is_mapped("every.safetensors"));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, release, kept), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(is_mapped("every.safetensors"));
}

/* Mapped weights are weights: the same gradients, and an optimiser's steps, as of those that were read. */
TEST(test_mapped_training)
{
    IN_SCOPE;
    tg_tensor *losses[2];
    for (int mapped = 0; mapped < 2; mapped++) {
        const tg_named_tensor_list list = tg_load_safetensors(FILES "lstm.safetensors", .mapped = mapped);
        tg_tensor *w = tg_requires_grad_(find(list, "weight_ih_l0"), true); /* 16 x 3 */
        tg_optimizer *adam = tg_adam_new(tg_list(w), .lr = 0.1);
        tg_lstm *lstm = tg_lstm_new(3, 4);
        assert_int_equal(tg_load_state_dict(lstm, list), TG_OK);
        tg_optimizer *sgd = tg_sgd_new(tg_parameters(lstm), .lr = 0.5, .momentum = 0.9);
        tg_tensor *x = numbers(tg_shape(5, 2, 3), TG_FLOAT32, 1);
        for (int step = 0; step < 3; step++) {
            tg_zero_grad(adam);
            tg_zero_grad(sgd);
            tg_tensor *loss = tg_mean(tg_square(tg_matmul(x, tg_transpose(w, 0, 1))));
            loss = tg_add(loss, tg_mean(tg_square(tg_lstm_forward(lstm, x).output)));
            tg_backward(loss);
            tg_step(adam);
            tg_step(sgd);
            losses[mapped] = loss;
        }
        tg_optimizer_free(adam);
        tg_optimizer_free(sgd);
        tg_module_free(lstm);
    }
    assert_alike(losses[1], losses[0], 0);
    assert_true(is_mapped("lstm.safetensors"));
    tg_scope_end(scope);
    assert_false(is_mapped("lstm.safetensors"));
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0) return save_ours(argv[2]) == TG_OK ? 0 : 1;
    const struct CMUnitTest tests[] = {
        T(test_every),
        T(test_every_mapped),
        T(test_loose),
        T(test_loose_mapped),
        T(test_lstm),
        T(test_written),
        T(test_shared),
        T(test_nothing_and_much),
        T(test_what_is_not_saved),
        T(test_wrong_headers),
        T(test_by_name),
        T(test_wrong_elements),
        T(test_wrong_files),
        T(test_deep),
        T(test_mapped_life),
        T(test_mapped_on_another_thread),
        T(test_mapped_training),
    };
    return cmocka_run_group_tests_name("safetensors", tests, open_folder, close_folder);
}
