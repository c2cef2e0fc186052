/* test_module_arrays.c: arrays of a struct that are allocated, elements replaced, what a failed registration
 * leaves, and what lies between the members of options. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <stdlib.h>
#include <string.h>

/* ---- allocated ---- */

typedef struct {
    tg_module base;
    int64_t depth;
    tg_linear **layers;
    tg_tensor **scales;
} deep;

static tg_tensor *deep_forward(tg_module *base, tg_tensor *x)
{
    const deep *m = (deep *)base;
    for (int64_t i = 0; i < m->depth; i++) x = tg_mul(tg_linear_forward(m->layers[i], x), m->scales[i]);
    return x;
}

static void deep_free(tg_module *base)
{
    deep *m = (deep *)base;
    free(m->layers);
    free(m->scales);
}

static bool deep_allocate(deep *m)
{
    m->layers = calloc((size_t)m->depth, sizeof *m->layers);
    m->scales = calloc((size_t)m->depth, sizeof *m->scales);
    return m->layers && m->scales;
}

static tg_status deep_copy(tg_module *base, const tg_module *original)
{
    (void)original;
    deep *m = (deep *)base;
    if (!deep_allocate(m)) return TG_FAILED;
    for (int64_t i = 0; i < m->depth; i++) {
        char name[2][40];
        snprintf(name[0], sizeof name[0], "layers.%d", (int)i);
        snprintf(name[1], sizeof name[1], "scales.%d", (int)i);
        m->layers[i] = (tg_linear *)tg_get_submodule(m, name[0]);
        m->scales[i] = tg_get_parameter(m, name[1]);
    }
    return TG_OK;
}

static void fill(deep *m)
{
    for (int i = 0; i < m->depth; i++) {
        TG_SUBMODULES(m, layers, i, tg_linear_new(2, 2));
        TG_PARAMETERS(m, scales, i, tg_ones(tg_shape(2)));
    }
}

static double output(deep *m) { return tg_item(tg_sum(tg_module_forward(m, tg_ones(tg_shape(1, 2))))); }

/* Training the original must not move its copy. */
TEST(test_a_copy_has_layers_of_its_own)
{
    tg_scope scope = tg_no_grad_begin();
    deep *m = tg_module_new(deep, .forward = deep_forward, .free = deep_free, .copy = deep_copy);
    m->depth = 2;
    assert_true(deep_allocate(m));
    fill(m);
    deep *copy = tg_module_copy(m), *again = tg_module_copy(copy);
    const double before = output(m);
    tg_tensor_list parameters = tg_parameters(m);
    for (int64_t i = 0; i < parameters.count; i++) tg_fill_(parameters.items[i], 7);
    assert_true(output(m) != before && output(copy) == before && output(again) == before);
    assert_ptr_equal(copy->layers[1], tg_get_submodule(copy, "layers.1"));
    tg_module_free(m);
    assert_true(output(copy) == before);
    tg_module_free(copy);
    assert_true(output(again) == before);
    tg_module_free(again);
    tg_scope_end(scope);
}

/* Without `copy` the copy would run the original's layers. Also where the module lies deep in a tree. */
TEST(test_no_copy_without_copy)
{
    deep *m = tg_module_new(deep, .forward = deep_forward);
    m->depth = 2;
    assert_true(deep_allocate(m));
    tg_sequential *net = tg_sequential_new(tg_relu_new(), m);
    TG_PARAMETERS(m, scales, 0, tg_ones(tg_shape(2)));
    assert_null(tg_module_copy(m));
    expect_error("deep: the array 'scales' is allocated and the class has no `copy`: it cannot be copied");
    for (int i = 0; i < 2; i++) TG_SUBMODULES(m, layers, i, tg_linear_new(2, 2));
    assert_null(tg_module_copy(net));
    expect_error("has no `copy`");
    deep_free(&m->base);
    tg_module_free(net);
}

TEST(test_never_allocated)
{
    deep *m = tg_module_new(deep, .forward = deep_forward);
    const int64_t live = tg_memory_stats().live_tensors;
    volatile int before = -1;
    for (int i = 0; i < 2; i++) {
        TG_SUBMODULES(m, layers, i, tg_linear_new(2, 2));
        expect_error("'layers' is a NULL pointer; its array is allocated before");
        TG_REPLACE_SUBMODULES(m, layers, i, tg_linear_new(2, 2));
        expect_error("'layers' is a NULL pointer");
        TG_PARAMETERS(m, scales, i, NULL);
        expect_error("'scales' is a NULL pointer");
    }
    assert_true(!m->layers && !m->scales && tg_children(m).count == 0);
    assert_int_equal(tg_memory_stats().live_tensors, live); /* what was refused is freed */
    m->depth = 1;
    assert_true(deep_allocate(m));
    TG_SUBMODULES(m, layers, before, tg_linear_new(2, 2));
    expect_error("'layers' has no element at -1");
    fill(m);
    assert_int_equal(tg_module_parameter_count(m), 8);
    deep_free(&m->base);
    tg_module_free(m);
}

/* ---- replaced ---- */

typedef struct {
    tg_module base;
    tg_module *blocks[2], *block;
    tg_tensor *w[2], *b[2], *one, *seen;
} arrays;

static arrays *arrays_new(void)
{
    arrays *m = tg_module_new(arrays);
    for (int i = 0; i < 2; i++) {
        TG_SUBMODULES(m, blocks, i, TG_MODULE(tg_linear_new(2, 2)));
        TG_PARAMETERS(m, w, i, tg_ones(tg_shape(2)));
        TG_BUFFERS(m, b, i, tg_ones(tg_shape(2)));
    }
    TG_SUBMODULE(m, block, TG_MODULE(tg_relu_new()));
    TG_PARAMETER(m, one, tg_ones(tg_shape(1)));
    TG_BUFFER(m, seen, tg_ones(tg_shape(1)));
    return m;
}

/* As `self.blocks[0] = nn.Tanh()`, `self.w[1] = nn.Parameter(...)`: order and names stay. */
TEST(test_replaced_elements)
{
    tg_scope scope = tg_scope_begin();
    arrays *m = arrays_new();
    TG_REPLACE_SUBMODULES(m, blocks, 0, TG_MODULE(tg_tanh_new()));
    TG_REPLACE_PARAMETERS(m, w, 1, tg_full(tg_shape(3), 5.0));
    TG_REPLACE_BUFFERS(m, b, 0, tg_zeros(tg_shape(4)));
    assert_true(tg_module_is(m->blocks[0], "Tanh") && tg_get_submodule(m, "blocks.0") == m->blocks[0]);
    assert_true(tg_numel(m->w[1]) == 3 && tg_requires_grad(m->w[1]) && tg_get_parameter(m, "w.1") == m->w[1]);
    assert_true(tg_numel(m->b[0]) == 4 && tg_get_buffer(m, "b.0") == m->b[0]);
    assert_int_equal(tg_module_parameter_count(m), 6 + 2 + 3 + 1);
    TG_REPLACE_BUFFERS(m, b, 1, NULL);
    assert_true(!m->b[1] && tg_buffers(m).count == 2 && tg_ok());
    TG_REPLACE_SUBMODULES(m, blocks, 1, NULL);
    assert_true(!m->blocks[1] && tg_module_parameter_count(m) == 6 && tg_ok());
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Each message names the macro that does what was tried. */
TEST(test_messages_lead_on)
{
    tg_scope scope = tg_scope_begin();
    arrays *m = arrays_new();
    TG_SUBMODULES(m, blocks, 0, TG_MODULE(tg_tanh_new()));
    expect_error("attribute 'blocks.0' already exists; TG_REPLACE_SUBMODULES puts another module in its place");
    TG_PARAMETERS(m, w, 0, tg_ones(tg_shape(1)));
    expect_error("TG_REPLACE_PARAMETERS");
    TG_BUFFERS(m, b, 0, tg_ones(tg_shape(1)));
    expect_error("TG_REPLACE_BUFFERS");
    TG_REPLACE_SUBMODULE(m, blocks[0], TG_MODULE(tg_tanh_new()));
    expect_error("for an element of an array write TG_REPLACE_SUBMODULES(m, blocks, i, ...)");
    TG_REPLACE_PARAMETER(m, w[0], tg_ones(tg_shape(1)));
    expect_error("TG_REPLACE_PARAMETERS(m, w, i, ...)");
    TG_REPLACE_BUFFER(m, b[0], tg_ones(tg_shape(1)));
    expect_error("TG_REPLACE_BUFFERS(m, b, i, ...)");
    volatile int beyond = 2;
    TG_REPLACE_SUBMODULES(m, blocks, beyond, TG_MODULE(tg_tanh_new()));
    expect_error("'blocks' has 2 elements, and none at 2");
    tg_module_free(m);
    m = tg_module_new(arrays);
    TG_REPLACE_PARAMETERS(m, w, 0, tg_ones(tg_shape(1)));
    expect_error("there is no parameter 'w.0' to replace");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Whatever fails, fields and what is registered are as they were. */
TEST(test_failures_leave_the_fields)
{
    tg_scope scope = tg_scope_begin();
    arrays *m = arrays_new(), before;
    memcpy(&before, m, sizeof before);
    TG_SUBMODULE(m, block, TG_MODULE(tg_tanh_new()));
    TG_PARAMETER(m, one, tg_ones(tg_shape(2)));
    TG_PARAMETER(m, one, NULL);
    TG_BUFFER(m, seen, tg_ones(tg_shape(2)));
    TG_SUBMODULES(m, blocks, 1, TG_MODULE(tg_tanh_new()));
    TG_PARAMETERS(m, w, 1, NULL);
    TG_BUFFERS(m, b, 1, tg_ones(tg_shape(2)));
    expect_error("already exists");
    TG_REPLACE_PARAMETER(m, one, tg_ones(tg_shape(2), .dtype = TG_INT64));
    expect_error("floating point");
    /* what replaces could not be made */
    TG_REPLACE_PARAMETER(m, one, tg_matmul(m->w[0], tg_ones(tg_shape(3))));
    TG_REPLACE_SUBMODULE(m, block, NULL);
    TG_REPLACE_BUFFER(m, seen, NULL);
    TG_REPLACE_SUBMODULES(m, blocks, 0, NULL);
    TG_REPLACE_PARAMETERS(m, w, 0, NULL);
    TG_REPLACE_BUFFERS(m, b, 0, NULL);
    expect_error("inconsistent");
    assert_memory_equal(m->blocks, before.blocks, sizeof before - offsetof(arrays, blocks));
    assert_int_equal(tg_module_parameter_count(m), 12 + 4 + 1);
    assert_int_equal(tg_buffers(m).count, 3);
    assert_ptr_equal(tg_get_parameter(m, "one"), m->one);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- between the members ---- */

#ifdef __has_builtin
#if __has_builtin(__builtin_clear_padding)
#define PADDING_IS_CLEARED 1
#endif
#endif

#ifdef PADDING_IS_CLEARED
/* Byte for byte the same, whatever lay between the members of what was passed: a deep copy looks at every word. */
TEST(test_options_without_what_lies_between_them)
{
    tg_lstm *lstm[2];
    tg_ctc_loss *loss[2];
    for (int i = 0; i < 2; i++) {
        tg_lstm_options o;
        tg_ctc_options c;
        memset(&o, i ? 0x55 : 0xaa, sizeof o);
        memset(&c, i ? 0x55 : 0xaa, sizeof c);
        o.num_layers = 1, o.bias = true, o.batch_first = false, o.dropout = 0, o.bidirectional = false;
        o.proj_size = 0, o.dtype = TG_FLOAT32, o.options_must_be_named.nothing = NULL;
        c.blank = 0, c.reduction = TG_REDUCTION_MEAN, c.zero_infinity = false, c.options_must_be_named.nothing = NULL;
        lstm[i] = tg_lstm_new_at(TG_HERE, 1, 1, o);
        loss[i] = tg_ctc_loss_new_at(TG_HERE, c);
    }
    assert_memory_equal(&lstm[0]->core, &lstm[1]->core, offsetof(tg_recurrent, weights));
    assert_memory_equal(&loss[0]->options, &loss[1]->options, sizeof loss[0]->options);
    for (int i = 0; i < 2; i++) {
        tg_module_free(lstm[i]);
        tg_module_free(loss[i]);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_copy_has_layers_of_its_own),
        T(test_no_copy_without_copy),
        T(test_never_allocated),
        T(test_replaced_elements),
        T(test_messages_lead_on),
        T(test_failures_leave_the_fields),
#ifdef PADDING_IS_CLEARED
        T(test_options_without_what_lies_between_them),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
