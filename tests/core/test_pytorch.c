/* test_pytorch.c: .pt files: what PyTorch wrote (tests/golden/pt.py) to the bit, and what we write read back. What
 * PyTorch itself makes of ours tells tests/golden/check_pt.py, for which TEST_FILES_FOR_PYTORCH names a folder. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/caching.h"
#include "tests/support/compare.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES "tests/golden/files/pt_"

/* [0, 1, ...] / 4 - 1, as the n of tests/golden/pt.py. */
static tg_tensor *n(tg_shape shape, tg_dtype dtype)
{
    double values[64];
    for (int i = 0; i < 64; i++) values[i] = i / 4.0 - 1;
    return tg_from_data(values, shape, .dtype = dtype);
}

static void expect_bits(const tg_tensor *t, tg_dtype dtype, const void *bits, size_t bytes)
{
    assert_non_null(t);
    assert_int_equal(tg_dtype_of(t), dtype);
    assert_int_equal((size_t)tg_numel(t) * tg_dtype_size(dtype), bytes);
    assert_memory_equal(tg_data(t, dtype), bits, bytes);
}

/* ---- what PyTorch wrote ---- */

static void check_dtypes(const char *path)
{
    IN_SCOPE;
    static const uint64_t f64[] = { 0x7ff8000000000123, 0xfff0000000000000, 0x8000000000000000, 1, 0x3ff0000000000001 };
    static const uint32_t f32[] = { 0x7fc00123, 0xffa00001, 0x80000000, 1, 0x3f800001 };
    static const uint32_t f16[] = { 0x3f800000, 0x80000000, 0x33800000, 0x477fe000, 0xff800000, 0x7fc02000 };
    static const uint32_t bf16[] = { 0x3f800000, 0x80000000, 0x00010000, 0x7f7f0000, 0xff800000, 0x7fc10000 };
    static const int64_t i64[] = { INT64_MIN, INT64_MAX, 0 }, i32[] = { INT32_MIN, INT32_MAX, 7 };
    static const int64_t i16[] = { INT16_MIN, INT16_MAX, 7 }, i8[] = { -128, 127, 7 }, u8[] = { 0, 255, 7 };
    static const unsigned char b[] = { 1, 0, 1 };
    const tg_object *o = tg_load_pt(path);
    expect_bits(tg_object_tensor(o, "float64"), TG_FLOAT64, f64, sizeof f64);
    expect_bits(tg_object_tensor(o, "float32"), TG_FLOAT32, f32, sizeof f32);
    expect_bits(tg_object_tensor(o, "float16"), TG_FLOAT32, f16, sizeof f16);
    expect_bits(tg_object_tensor(o, "bfloat16"), TG_FLOAT32, bf16, sizeof bf16);
    expect_bits(tg_object_tensor(o, "int64"), TG_INT64, i64, sizeof i64);
    expect_bits(tg_object_tensor(o, "int32"), TG_INT64, i32, sizeof i32);
    expect_bits(tg_object_tensor(o, "int16"), TG_INT64, i16, sizeof i16);
    expect_bits(tg_object_tensor(o, "int8"), TG_INT64, i8, sizeof i8);
    expect_bits(tg_object_tensor(o, "uint8"), TG_INT64, u8, sizeof u8);
    expect_bits(tg_object_tensor(o, "bool"), TG_BOOL, b, sizeof b);
    const tg_tensor *scalar = tg_object_tensor(o, "scalar"), *empty = tg_object_tensor(o, "empty");
    assert_true(tg_ndim(scalar) == 0 && tg_item(scalar) == 2.5);
    assert_true(tg_ndim(empty) == 2 && tg_size(empty, 0) == 0 && tg_size(empty, 1) == 3);
    tg_scope_end(scope);
}

TEST(test_dtypes)
{
    check_dtypes(FILES "dtypes.pt");
    check_dtypes(FILES "dtypes_4.pt");
}

static void check_views(const char *path)
{
    IN_SCOPE;
    const tg_object *o = tg_load_pt(path);
    tg_tensor *base = n(tg_shape(4, 6), TG_FLOAT64), *whole = tg_object_tensor(o, "whole");
    assert_alike(whole, base, 0);
    assert_alike(tg_object_tensor(o, "transposed"), tg_transpose(base, 0, 1), 0);
    assert_alike(tg_object_tensor(o, "row"), tg_select(base, 0, 2), 0);
    const tg_tensor *columns = tg_object_tensor(o, "columns"), *expanded = tg_object_tensor(o, "expanded");
    assert_true(tg_stride(columns, 0) == 6 && tg_stride(columns, 1) == 2 && tg_storage_offset(columns) == 1);
    assert_alike(columns,
                 tg_from_data(((double[]){ -0.75, -0.25, 0.75, 1.25, 2.25, 2.75, 3.75, 4.25 }), tg_shape(4, 2),
                              .dtype = TG_FLOAT64),
                 0);
    assert_true(tg_stride(expanded, 0) == 0 && tg_stride(expanded, 1) == 0);
    assert_alike(expanded, tg_full(tg_shape(2, 3), 1.25, .dtype = TG_FLOAT64), 0);
    assert_true(tg_shares_storage(whole, tg_object_tensor(o, "transposed")));
    assert_true(tg_shares_storage(tg_object_tensor(o, "tied.0"), tg_object_tensor(o, "tied.1")));
    tg_mul_(whole, 2); /* seen through all of them */
    assert_true(tg_item(tg_select(tg_object_tensor(o, "row"), 0, 0)) == 4);
    assert_false(tg_requires_grad(tg_object_tensor(o, "frozen")));
    tg_tensor *weight = tg_requires_grad_(tg_scalar(3.0, .dtype = TG_FLOAT64), true),
              *frozen = tg_object_tensor(o, "frozen");
    assert_non_null(tg_mul_(whole, weight)); /* none is a view for the tape: none is part of another one's history */
    assert_non_null(tg_mul_(frozen, tg_requires_grad_(tg_scalar(2.0), true)));
    assert_true(tg_requires_grad(tg_object_tensor(o, "grad")) && tg_is_leaf(tg_object_tensor(o, "grad")));
    assert_true(tg_requires_grad(tg_object_tensor(o, "parameter")));
    tg_backward(tg_sum(tg_mul(tg_object_tensor(o, "parameter"), 3)));
    assert_alike(tg_grad_of(tg_object_tensor(o, "parameter")), tg_full(tg_shape(3), 3.0f), 0);
    tg_scope_end(scope);
}

TEST(test_views) { check_views(FILES "views.pt"); }

static void check_plain(const char *path)
{
    IN_SCOPE;
    static const int64_t ints[] = {
        0, 255, 256, 65535, 65536, -1, INT32_MAX, INT32_MIN, INT64_C(1) << 31, INT64_C(1) << 62, INT64_MIN
    };
    const tg_object *o = tg_load_pt(path);
    assert_int_equal(tg_object_kind_of(tg_object_get(o, "none")), TG_OBJECT_NONE);
    assert_true(tg_object_bool(o, "true") && !tg_object_bool(o, "false"));
    assert_int_equal(tg_object_kind_of(tg_object_get(o, "true")), TG_OBJECT_BOOL);
    const tg_object *list = tg_object_get(o, "ints");
    assert_int_equal(tg_object_count(list), 11);
    for (int i = 0; i < 11; i++) assert_int_equal(tg_object_int(tg_object_item(list, i)), ints[i]);
    assert_int_equal(tg_object_kind_of(tg_object_get(o, "floats")), TG_OBJECT_TUPLE);
    assert_true(tg_object_number(o, "floats.0") == 0.1 && tg_object_number(o, "floats.2") == 1e300);
    assert_true(signbit(tg_object_number(o, "floats.1")) && isinf(tg_object_number(o, "floats.3")));
    assert_string_equal(tg_object_text(o, "text"), "na\xc3\xafve \xe2\x98\x83 \xf0\x9f\x98\x80");
    assert_int_equal(tg_object_count(tg_object_get(o, "empty")), 5);
    for (int i = 0; i < 5; i++) assert_int_equal(tg_object_count(tg_object_item(tg_object_get(o, "empty"), i)), 0);
    assert_int_equal(tg_object_int(o, "set.0"), 7);
    assert_string_equal(tg_object_text(o, "1"), "one");
    assert_int_equal(tg_object_int(o, "-2.nested.deep.1.1.0"), 3);
    assert_int_equal(tg_object_int(o, "size.1"), 3);
    assert_string_equal(tg_object_text(o, "device"), "cpu");
    assert_string_equal(tg_object_text(o, "dtype"), "torch.float32");
    assert_int_equal(tg_object_int(o, "ordered.b"), 2);
    assert_int_equal(tg_object_int(o, "default.k.0"), 1);
    assert_int_equal(tg_object_int(o, "counter.80"), 2);
    const tg_object *numpy = tg_object_get(o, "numpy");
    static const double values[] = { 0.5, 1.5, -3, 4, 1, 200 };
    for (int i = 0; i < 6; i++) assert_true(tg_object_number(tg_object_item(numpy, i)) == values[i]);
    assert_int_equal(tg_object_count(o), 17);
    tg_scope_end(scope);
}

TEST(test_plain)
{
    check_plain(FILES "plain.pt");
    check_plain(FILES "plain_4.pt");
    check_plain(FILES "plain_5.pt");
}

TEST(test_models)
{
    IN_SCOPE;
    tg_sequential *m = tg_sequential_new(tg_linear_new(2, 3), tg_batch_norm1d_new(3), tg_linear_new(3, 1));
    assert_int_equal(tg_load_state_dict(m, tg_object_tensors(tg_load_pt(FILES "network.pt"))), TG_OK);
    tg_lstm *lstm = tg_lstm_new(2, 3, .dtype = TG_FLOAT64);
    assert_int_equal(tg_load_state_dict(lstm, tg_load(FILES "lstm.pt")), TG_OK); /* as any other format */
    tg_manual_seed(2);                                                           /* pt.py drew them in float32 */
    tg_lstm *drawn = tg_lstm_new(2, 3);
    const tg_named_tensor_list a = tg_state_dict(lstm), b = tg_state_dict(drawn);
    for (int64_t i = 0; i < a.count; i++) assert_alike(tg_to(b.items[i].tensor, TG_FLOAT64), a.items[i].tensor, 0);
    const tg_object *o = tg_load_pt(FILES "checkpoint.pt");
    assert_int_equal(tg_load_state_dict(m, tg_object_tensors(o, "model")), TG_OK);
    assert_int_equal(tg_object_int(o, "epoch"), 3);
    assert_true(tg_object_number(o, "loss") == 0.25);
    assert_int_equal(tg_object_int(o, "optimizer.state.5.step"), 1);
    assert_alike(tg_object_tensor(tg_load_pt(FILES "tensor.pt")), n(tg_shape(2, 2), TG_FLOAT64), 0);
    const tg_named_tensor_list named = tg_load(FILES "checkpoint.pt");
    assert_string_equal(named.items[0].name, "model.0.weight");
    tg_module_free(TG_MODULE(m));
    tg_module_free(TG_MODULE(lstm));
    tg_module_free(TG_MODULE(drawn));
    tg_scope_end(scope);
}

TEST(test_what_is_not_read)
{
    static const struct {
        const char *path, *error;
    } files[] = {
        { FILES "old.pt", "pt_old.pt: at byte 0: written by PyTorch before 1.6" },
        { FILES "module.pt", "data.pkl: it holds a __main__.Net object: save its state_dict instead" },
        { FILES "script.pt", "a TorchScript archive" },
        { FILES "complex.pt", "a storage of torch.ComplexFloatStorage" },
        { FILES "sparse.pt", "a tensor made by torch._utils._rebuild_sparse_tensor" },
        { FILES "big.pt", "byteorder: the byte order is \"big\"" },
        { "tests/golden/pt.py", "no zip archive" },
        { "tests/golden/files/every.npz", "every.npz: at byte 0: an .npz archive: tg_load_npz reads it" },
        { "tests/golden/files/version1.npy", "an .npy file: tg_load_npy reads it" },
        { "tests/golden/files/every.safetensors", "a safetensors file: tg_load_safetensors reads it" },
        { "tests/golden", "is a folder" },
        { "there is none.pt", "cannot be read" },
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        IN_SCOPE;
        expect_refusal(tg_load_pt(files[i].path), files[i].error);
        assert_true(i > 5 || tg_load(files[i].path).count == 0);
        tg_error_clear();
        tg_scope_end(scope);
    }
    expect_refusal(tg_load_pt(NULL), "the path is NULL");
    tg_fail("first", "an error that came before");
    assert_null(tg_load_pt(FILES "tensor.pt"));
    assert_int_equal(tg_save_pt(tg_dict(), "/dev/null"), TG_FAILED);
    expect_error("an error that came before");
}

/* ---- what we write ---- */

static char folder[4096], path[5000];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void copy(const char *from, const char *name)
{
    IN_SCOPE;
    const tg_object *o = tg_load_pt(from);
    assert_int_equal(tg_save_pt(o, in_folder(name)), TG_OK);
    tg_scope_end(scope);
}

TEST(test_copies)
{
    copy(FILES "dtypes.pt", "dtypes.pt");
    check_dtypes(in_folder("dtypes.pt"));
    copy(FILES "views.pt", "views.pt");
    check_views(in_folder("views.pt"));
    copy(FILES "plain.pt", "plain.pt");
    check_plain(in_folder("plain.pt"));
    copy(FILES "checkpoint.pt", "checkpoint.pt");
    IN_SCOPE;
    const tg_object *a = tg_load_pt(FILES "checkpoint.pt"), *b = tg_load_pt(in_folder("checkpoint.pt"));
    const tg_named_tensor_list x = tg_object_tensors(a), y = tg_object_tensors(b);
    assert_int_equal(x.count, y.count);
    for (int64_t i = 0; i < x.count; i++) {
        assert_string_equal(x.items[i].name, y.items[i].name);
        assert_alike(x.items[i].tensor, y.items[i].tensor, 0);
    }
    tg_scope_end(scope);
}

TEST(test_same_bytes)
{
    copy(FILES "views.pt", "first.pt");
    copy(in_folder("first.pt"), "second.pt");
    size_t first_count, second_count;
    unsigned char *first = read_file(in_folder("first.pt"), &first_count);
    unsigned char *second = read_file(in_folder("second.pt"), &second_count);
    assert_int_equal(first_count, second_count);
    assert_memory_equal(first, second, first_count);
    free(first);
    free(second);
}

/* A model, its optimiser and numbers, for PyTorch; and a state dict, which every torch.load takes. */
TEST(test_models_out)
{
    IN_SCOPE;
    tg_manual_seed(3);
    tg_sequential *m = tg_sequential_new(tg_linear_new(2, 3), tg_batch_norm1d_new(3), tg_linear_new(3, 1));
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.01);
    tg_tensor *x = n(tg_shape(4, 2), TG_FLOAT32);
    tg_backward(tg_sum(tg_sequential_forward(m, x)));
    tg_step(adam);
    tg_module_eval(m);
    tg_tensor *y = tg_detach(tg_sequential_forward(m, x));
    assert_int_equal(tg_save_pt(tg_state_dict(m), in_folder("model.pt")), TG_OK);
    assert_int_equal(tg_save(tg_state_dict(m), in_folder("model.PTH")), TG_OK);
    assert_int_equal(tg_save_pt(tg_dict("model", tg_state_dict(m), "optimizer", tg_optimizer_state_object(adam),
                                        "input", x, "output", y, "epoch", 7),
                                in_folder("run.pt")),
                     TG_OK);
    tg_sequential *other = tg_sequential_new(tg_linear_new(2, 3), tg_batch_norm1d_new(3), tg_linear_new(3, 1));
    assert_int_equal(tg_load_state_dict(other, tg_load(in_folder("model.PTH"))), TG_OK);
    tg_module_eval(other);
    assert_alike(tg_detach(tg_sequential_forward(other, x)), y, 0);
    const tg_object *weight = tg_object_get(tg_load_pt(in_folder("model.pt")), "0.weight");
    assert_false(tg_requires_grad(tg_object_tensor(weight))); /* as of PyTorch's state dicts */
    tg_optimizer_free(adam);
    tg_module_free(TG_MODULE(m));
    tg_module_free(TG_MODULE(other));
    tg_scope_end(scope);
}

/* Of a large buffer only what is shown is written; what is shared, once. */
TEST(test_parts)
{
    IN_SCOPE;
    tg_tensor *large = tg_zeros(tg_shape(100000)), *a = tg_narrow(large, 0, 500, 10), *b = tg_narrow(large, 0, 505, 10);
    tg_fill_(a, 1);
    assert_int_equal(tg_save_pt(tg_dict("a", a, "b", b, "none", tg_narrow(large, 0, 7, 0)), in_folder("parts.pt")),
                     TG_OK);
    size_t count;
    free(read_file(in_folder("parts.pt"), &count));
    assert_true(count < 2000);
    const tg_object *o = tg_load_pt(in_folder("parts.pt"));
    assert_alike(tg_object_tensor(o, "a"), a, 0);
    assert_alike(tg_object_tensor(o, "b"), b, 0);
    assert_true(tg_shares_storage(tg_object_tensor(o, "a"), tg_object_tensor(o, "b")));
    assert_true(tg_storage_offset(tg_object_tensor(o, "b")) == 5);
    assert_int_equal(tg_numel(tg_object_tensor(o, "none")), 0);
    const tg_object *grad = tg_dict("x", tg_requires_grad_(tg_ones(tg_shape(2)), true));
    assert_int_equal(tg_save_pt(grad, in_folder("grad.pt")), TG_OK);
    assert_true(tg_requires_grad(tg_object_tensor(tg_load_pt(in_folder("grad.pt")), "x")));
    tg_scope_end(scope);
}

/* As many as a large model has, and more than a table of storages begins with. */
TEST(test_many)
{
    IN_SCOPE;
    enum { MANY = 3000 };
    static tg_named_tensor items[MANY];
    static char names[MANY][16];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "layer.%d", i);
        items[i] = (tg_named_tensor){ names[i], tg_scalar(i) };
    }
    assert_int_equal(tg_save(((tg_named_tensor_list){ items, MANY }), in_folder("many.pt")), TG_OK);
    const tg_named_tensor_list list = tg_load(in_folder("many.pt"));
    assert_int_equal(list.count, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_string_equal(list.items[i].name, names[i]);
        assert_int_equal(tg_item_int64(list.items[i].tensor), i);
    }
    tg_scope_end(scope);
}

/* What is gone is told as long as freed blocks rest: a tensor, and objects of a program's own and of a file. */
TEST(test_gone)
{
    if (!caching()) skip();
    IN_SCOPE;
    tg_scope inner = tg_scope_begin();
    tg_tensor *gone = tg_ones(tg_shape(200));
    tg_object *o = tg_dict("x", 1);
    const tg_object *loaded = tg_object_get(tg_load_pt(FILES "plain.pt"), "ints.3");
    tg_scope_end(inner);
    assert_int_equal(tg_save_pt(gone, in_folder("no.pt")), TG_FAILED);
    expect_error("freed");
    assert_int_equal(tg_save_pt(o, in_folder("no.pt")), TG_FAILED);
    expect_error("the object was freed when its scope ended");
    assert_int_equal(tg_dict_set(o, "y", 1), TG_FAILED);
    expect_error("the object was freed when its scope ended");
    assert_int_equal(tg_object_int(loaded), 0);
    expect_error("the object was freed when its scope ended");
    tg_scope_end(scope);
}

TEST(test_refused_to_save)
{
    IN_SCOPE;
    tg_object *o = NULL;
    assert_int_equal(tg_save_pt(o, in_folder("no.pt")), TG_FAILED);
    expect_error("the object is NULL");
    assert_int_equal(tg_save_pt(tg_dict(), NULL), TG_FAILED);
    expect_error("the path is NULL");
    assert_int_equal(tg_save_pt(tg_dict(), in_folder("no folder/no.pt")), TG_FAILED);
    expect_error("no.pt: cannot be written");
    tg_scope_end(scope);
}

static int set_up(void **state)
{
    (void)state;
    const char *for_pytorch = getenv("TEST_FILES_FOR_PYTORCH");
    snprintf(folder, sizeof folder, "%s", for_pytorch ? for_pytorch : make_folder());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (!getenv("TEST_FILES_FOR_PYTORCH")) remove_folder(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_dtypes), T(test_views),           T(test_plain),      T(test_models), T(test_what_is_not_read),
        T(test_copies), T(test_same_bytes),      T(test_models_out), T(test_parts),  T(test_many),
        T(test_gone),   T(test_refused_to_save),
    };
    return cmocka_run_group_tests_name("pytorch", tests, set_up, tear_down);
}
