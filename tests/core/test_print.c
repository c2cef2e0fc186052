/* test_print.c: the text of a tensor against what PyTorch prints (golden/print.txt), and the manners of tg_format. */
#include "tests/support/suite.h"
#include "tests/support/golden.h"

#include "ops/pointwise.h"
#include "ops/registry.h"
#include "ops/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tg_dtype dtype_named(const char *name)
{
    for (int d = 0; d < TG_DTYPES; d++)
        if (strcmp(tg_dtype_name((tg_dtype)d), name) == 0) return (tg_dtype)d;
    fail_msg("no dtype '%s'", name);
    return TG_FLOAT32;
}

static void store(void *data, tg_dtype dtype, int64_t at, double value)
{
    switch (dtype) {
    case TG_FLOAT32: ((float *)data)[at] = (float)value; break;
    case TG_FLOAT64: ((double *)data)[at] = value; break;
    case TG_INT64: ((int64_t *)data)[at] = (int64_t)value; break;
    default: ((bool *)data)[at] = value != 0;
    }
}

/* Where element `j` in row-major order stands in memory whose first dimension runs fastest. */
static int64_t column_major(const tg_shape *shape, int64_t j)
{
    int64_t at = 0;
    for (int d = shape->ndim - 1; d >= 0; d--) {
        int64_t step = 1;
        for (int before = 0; before < d; before++) step *= shape->dims[before];
        at += j % shape->dims[d] * step;
        j /= shape->dims[d];
    }
    return at;
}

static tg_shape reversed(const tg_shape *shape)
{
    tg_shape r = { .ndim = shape->ndim };
    for (int d = 0; d < r.ndim; d++) r.dims[d] = shape->dims[r.ndim - 1 - d];
    return r;
}

/* The tensor of the current case. */
static tg_tensor *build(const golden *g)
{
    const tg_dtype dtype = dtype_named(golden_string(g, "dtype"));
    const golden_array a = golden_array_of(g, "data");
    const bool transposed = golden_has(g, "transposed");
    tg_tensor *t = tg_empty_raw(transposed ? reversed(&a.shape) : a.shape, dtype);
    assert_non_null(t);
    void *data = a.count ? tg_mutable_data(t, dtype) : NULL;
    const int64_t *exact = NULL;
    if (golden_has(g, "ints")) assert_int_equal(golden_ints(g, "ints", &exact), a.count);
    for (int64_t j = 0; j < a.count; j++) {
        const int64_t at = transposed ? column_major(&a.shape, j) : j;
        if (exact)
            ((int64_t *)data)[at] = exact[j];
        else
            store(data, dtype, at, a.values[j]);
    }
    if (transposed) {
        tg_shape order = { .ndim = a.shape.ndim };
        for (int d = 0; d < order.ndim; d++) order.dims[d] = order.ndim - 1 - d;
        t = tg_permute(t, order);
    }
    return golden_has(g, "requires_grad") ? tg_requires_grad_(t, true) : t;
}

static void use_options(const golden *g)
{
    tg_set_printoptions();
    if (!golden_has(g, "options")) return;
    const int64_t *o;
    assert_int_equal(golden_ints(g, "options", &o), 5);
    tg_set_printoptions(.precision = (int)o[0], .threshold = o[1], .edgeitems = o[2], .linewidth = (int)o[3],
                        .sci_mode = (int)o[4]);
}

static char *formatted(const tg_tensor *t)
{
    int64_t length = tg_format(t, NULL, 0);
    char *text = malloc((size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(tg_format(t, text, length + 1), length);
    assert_int_equal(strlen(text), length);
    return text;
}

/* "\n" in the file is a newline; nothing else is escaped. */
static char *unescaped(const char *text)
{
    char *result = malloc(strlen(text) + 1), *to = result;
    assert_non_null(result);
    for (; *text; text++) {
        bool newline = text[0] == '\\' && text[1] == 'n';
        *to++ = newline ? '\n' : *text;
        text += newline;
    }
    *to = 0;
    return result;
}

TEST(test_tensors)
{
    int cases = 0;
    golden *g = golden_open("print.txt");
    while (golden_next(g)) {
        if (!golden_has(g, "text")) continue;
        tg_scope scope = tg_scope_begin();
        use_options(g);
        if (golden_has(g, "default64")) tg_set_default_dtype(TG_FLOAT64);
        char *text = formatted(build(g)), *expected = unescaped(golden_string(g, "text"));
        tg_set_default_dtype(TG_FLOAT32);
        if (strcmp(text, expected) != 0)
            fail_msg("case '%s' prints\n%s\ninstead of\n%s", golden_case(g), text, expected);
        free(text);
        free(expected);
        tg_scope_end(scope);
        cases++;
    }
    golden_close(g);
    tg_set_printoptions();
    assert_true(cases > 250);
    assert_false(tg_failed());
}

/* ---- grad_fn ---- what is printed depends on the op's descriptor and the shapes around a node; so nodes are made by hand */

static void no_backward(tg_context *ctx) { (void)ctx; }

static tg_tensor *of_ndim(int64_t ndim, bool requires_grad)
{
    tg_shape shape = { .ndim = (int)ndim };
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = 1;
    tg_tensor *t = tg_empty_raw(shape, TG_FLOAT32);
    float *data = tg_mutable_data(t, TG_FLOAT32);
    assert_non_null(data);
    *data = 1;
    return requires_grad ? tg_requires_grad_(t, true) : t;
}

/* What a result of an op of these names prints. The inputs are leaves, or made by another node, or all untracked but the
 * last. */
enum inputs { LEAVES, MADE, ONE_TRACKED };

static char *printed_result(const tg_op *named, const int64_t *inputs, int64_t count, int64_t output, enum inputs how)
{
    const tg_op op = { .name = named->name,
                       .grad_name = named->grad_name,
                       .grad_name_of = named->grad_name_of,
                       .backward = no_backward };
    const tg_op other = { .name = "mul", .backward = no_backward };
    const tg_scope scope = tg_scope_begin();
    tg_tensor *items[4];
    assert_in_range(count, 1, 4);
    for (int64_t i = 0; i < count; i++) {
        items[i] = of_ndim(inputs[i], how != ONE_TRACKED || i == count - 1);
        if (how != MADE) continue;
        tg_tensor *leaf = items[i];
        items[i] = of_ndim(inputs[i], false);
        assert_int_equal(tg_record(&other, tg_list(leaf), tg_list(items[i]), TG_NONE, NULL, 0), TG_OK);
    }
    tg_tensor *result = of_ndim(output, false);
    assert_int_equal(tg_record(&op, (tg_tensor_list){ items, count }, tg_list(result), TG_NONE, NULL, 0), TG_OK);
    char *text = formatted(result);
    tg_scope_end(scope); /* the nodes go before their ops do */
    return text;
}

TEST(test_grad_fn)
{
    int cases = 0;
    golden *g = golden_open("print.txt");
    while (golden_next(g)) {
        if (!golden_has(g, "op")) continue;
        const char *op = golden_string(g, "op");
        const int64_t *inputs;
        const int64_t count = golden_ints(g, "inputs", &inputs);
        const tg_op *named = tg_op_find(op);
        if (!named) fail_msg("no op is called '%s'", op);
        for (int how = LEAVES; how <= ONE_TRACKED; how++) {
            char expected[128], *text = printed_result(named, inputs, count, golden_int(g, "output"), (enum inputs)how);
            snprintf(expected, sizeof expected, ", grad_fn=<%s>)", golden_string(g, "grad_fn"));
            size_t length = strlen(text), tail = strlen(expected);
            if (length < tail || strcmp(text + length - tail, expected) != 0)
                fail_msg("case '%s' prints '%s', expected '%s'", golden_case(g), text, expected);
            free(text);
        }
        cases++;
    }
    golden_close(g);
    assert_true(cases > 50);
}

static const char *by_inputs(const tg_node *node) { return tg_node_input_count(node) == 1 ? "One" : "Many"; }

static const char *none(const tg_node *node)
{
    (void)node;
    return NULL;
}

/* Names PyTorch has no opinion on: a user's own, an over-long one, none. */
TEST(test_own_names)
{
    const int64_t inputs[] = { 0 };
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const struct {
        tg_op op;
        const char *text;
    } names[] = {
        { { .name = "swish" }, "tensor(1., grad_fn=<SwishBackward0>)" },
        { { .name = "my_own_op" }, "tensor(1., grad_fn=<MyOwnOpBackward0>)" },
        { { .name = "_hidden__op_" }, "tensor(1., grad_fn=<HiddenOpBackward0>)" },
        { { .name = "add_" }, "tensor(1., grad_fn=<AddBackward0>)" },
        { { .name = "conv2d" }, "tensor(1., grad_fn=<Conv2dBackward0>)" },
        { { .name = "" }, "tensor(1., grad_fn=<Backward0>)" },
        { { .name = NULL }, "tensor(1., grad_fn=<Backward0>)" },
        { { .name = "mine", .grad_name = "Yours" }, "tensor(1., grad_fn=<Yours>)" },
        { { .name = "mine", .grad_name = "Yours", .grad_name_of = by_inputs }, "tensor(1., grad_fn=<One>)" },
        { { .name = "mine", .grad_name_of = none }, "tensor(1., grad_fn=<MineBackward0>)" },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *text = printed_result(&names[i].op, inputs, 1, 0, LEAVES);
        assert_string_equal(text, names[i].text);
        free(text);
    }
    char *text = printed_result(&(tg_op){ .name = longest }, inputs, 1, 0, LEAVES);
    assert_non_null(strstr(text, "xxxBackward0>)"));
    free(text);
    text = printed_result(&(tg_op){ .name = "mine", .grad_name = longest }, inputs, 1, 0, LEAVES);
    assert_non_null(strstr(text, "xxx>)"));
    free(text);
}

/* What is written in place has the node of what was written there. */
TEST(test_names_in_place)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = of_ndim(0, true), *copied = tg_mul(x, 2.0), *filled = tg_mul(x, 2.0);
    tg_copy_(copied, x);
    tg_fill_(filled, x);
    char *text = formatted(copied);
    assert_string_equal(text, "tensor(1., grad_fn=<CopyBackwards>)");
    free(text);
    text = formatted(filled);
    assert_string_equal(text, "tensor(1., grad_fn=<FillBackward2>)");
    free(text);
    tg_scope_end(scope);
}

/* ---- buffers, files, NULL ---- */

TEST(test_buffers)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = of_ndim(2, true);
    const char *whole = "tensor([[1.]], requires_grad=True)";
    const int64_t length = (int64_t)strlen(whole);
    for (int64_t size = 0; size <= length + 2; size++) {
        char buffer[64];
        memset(buffer, '#', sizeof buffer);
        assert_int_equal(tg_format(t, buffer, size), length);
        const int64_t written = size == 0 ? 0 : size <= length ? size - 1 : length;
        assert_memory_equal(buffer, whole, (size_t)written);
        if (size > 0) assert_int_equal(buffer[written], 0);
        const int64_t touched = size == 0 ? 0 : written + 1;
        for (int64_t i = touched; i < (int64_t)sizeof buffer; i++) assert_int_equal(buffer[i], '#');
    }
    assert_int_equal(tg_format(t, NULL, 100), length);
    tg_scope_end(scope);
}

TEST(test_file)
{
    tg_scope scope = tg_scope_begin();
    FILE *file = tmpfile();
    assert_non_null(file);
    tg_fprint(file, of_ndim(1, false));
    tg_fprint(file, NULL);
    tg_fprint(NULL, NULL);
    rewind(file);
    char text[64] = "";
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen("tensor([1.])\nNULL\n"));
    assert_string_equal(text, "tensor([1.])\nNULL\n");
    fclose(file);
    tg_scope_end(scope);
}

/* What no golden file can hold: a NaN with a sign, absurd options, no tensor. */
TEST(test_oddities)
{
    tg_scope scope = tg_scope_begin();
    char buffer[4000];
    assert_int_equal(tg_format(NULL, buffer, sizeof buffer), 4);
    assert_string_equal(buffer, "NULL");
    tg_tensor *t = of_ndim(0, false);
    float *data = tg_mutable_data(t, TG_FLOAT32);
    *data = copysignf(NAN, -1.0f);
    tg_format(t, buffer, sizeof buffer);
    assert_string_equal(buffer, "tensor(nan)");
    *data = -0.5f;
    tg_set_printoptions(.precision = -3, .edgeitems = -1, .linewidth = -5, .threshold = -1);
    tg_format(t, buffer, sizeof buffer);
    assert_string_equal(buffer, "tensor(-0)");
    tg_set_printoptions(.precision = 100000);
    *data = -1.5f;
    assert_in_range(tg_format(t, buffer, sizeof buffer), 1000, 1200);
    assert_memory_equal(buffer, "tensor(-1.5000000", 17);
    tg_set_printoptions();
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_tensors), T(test_grad_fn), T(test_own_names), T(test_names_in_place),
        T(test_buffers), T(test_file),    T(test_oddities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
