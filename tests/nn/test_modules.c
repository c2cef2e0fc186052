/* test_modules.c: what models are built of beyond one layer: arrays, lists and dictionaries of modules, tied weights,
 * copies, kinds, and the place in a model that errors name. The texts, keys and numbers are
 * PyTorch 1.13's. */
#include "tests/support/names.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_text(tg_module *m, const char *expected)
{
    char text[2048];
    tg_module_format(m, text, sizeof text);
    assert_string_equal(text, expected);
}

/* ---- arrays of a struct ---- */

typedef struct {
    tg_module base;
    tg_linear *layers[3];
    tg_tensor *scales[2], *seen[2];
} stack;

static tg_tensor *stack_forward(tg_module *m, tg_tensor *x)
{
    const stack *s = (stack *)m;
    for (int i = 0; i < 3; i++) x = tg_linear_forward(s->layers[i], x);
    return tg_mul(x, s->scales[1]);
}

static stack *stack_new(void)
{
    stack *m = tg_module_new(stack, .name = "Stack", .forward = stack_forward);
    for (int i = 0; i < 3; i++) TG_SUBMODULES(m, layers, i, tg_linear_new(4, 4));
    for (int i = 0; i < 2; i++) {
        TG_PARAMETERS(m, scales, i, tg_full(tg_shape(4), i + 1.0));
        TG_BUFFERS(m, seen, i, tg_zeros(tg_shape(1)));
    }
    return m;
}

TEST(test_arrays)
{
    tg_scope scope = tg_scope_begin();
    stack *m = stack_new();
    assert_names(tg_named_parameters(m), "layers.0.weight layers.0.bias layers.1.weight layers.1.bias layers.2.weight "
                                         "layers.2.bias scales.0 scales.1");
    assert_names(tg_named_buffers(m), "seen.0 seen.1");
    assert_int_equal(tg_module_parameter_count(m), 3 * 20 + 2 * 4);
    assert_ptr_equal(tg_get_parameter(m, "layers.2.weight"), m->layers[2]->weight);
    assert_ptr_equal(tg_get_parameter(m, "scales.1"), m->scales[1]);
    assert_ptr_equal(tg_get_buffer(m, "seen.0"), m->seen[0]);
    assert_true(tg_requires_grad(m->scales[0]) && !tg_requires_grad(m->seen[0]));
    assert_text(TG_MODULE(m), "Stack(\n  (layers): ModuleList(\n"
                              "    (0): Linear(in_features=4, out_features=4, bias=True)\n"
                              "    (1): Linear(in_features=4, out_features=4, bias=True)\n"
                              "    (2): Linear(in_features=4, out_features=4, bias=True)\n  )\n"
                              "  (scales): ParameterList(\n"
                              "      (0): Parameter containing: [torch.float32 of size 4]\n"
                              "      (1): Parameter containing: [torch.float32 of size 4]\n  )\n"
                              "  (seen): BufferList(\n      (0): Tensor containing: [torch.float32 of size 1]\n"
                              "      (1): Tensor containing: [torch.float32 of size 1]\n  )\n)");
    tg_backward(tg_sum(tg_module_forward(m, tg_ones(tg_shape(2, 4)))));
    for (int i = 0; i < 3; i++) assert_non_null(tg_grad_of(m->layers[i]->weight));
    tg_module_free(m);
    tg_scope_end(scope);
}

static int freed;
static void count_free(tg_module *m) { freed += (m != NULL); }
static tg_module *counted(void) { return TG_MODULE(tg_module_new(stack, .name = "Counted", .free = count_free)); }

/* Brackets lead to the right form; no element is skipped, taken twice or put outside the array, and what is refused is
 * freed once. */
TEST(test_wrong_elements)
{
    typedef struct {
        tg_module base;
        tg_module *children[2];
    } pair;
    freed = 0;
    pair *m = tg_module_new(pair);
    for (int i = 0; i < 2; i++) {
        TG_SUBMODULE(m, children[i], counted());
        expect_error("for an element of an array write TG_SUBMODULES(m, children, i, ...)");
        assert_null(m->children[i]);
    }
    assert_int_equal(freed, 2);
    TG_SUBMODULES(m, children, 1, counted());
    expect_error("'children.0' is registered before 'children.1'");
    TG_SUBMODULES(m, children, 0, counted());
    tg_module *first = m->children[0];
    TG_SUBMODULES(m, children, 0, counted());
    expect_error("attribute 'children.0' already exists");
    assert_ptr_equal(m->children[0], first);
    assert_int_equal(freed, 4);
    volatile int beyond = 2, before = -1;
    TG_SUBMODULES(m, children, beyond, counted());
    expect_error("'children' has 2 elements, and none at 2");
    TG_SUBMODULES(m, children, before, counted());
    expect_error("none at -1");
    TG_SUBMODULES((pair *)NULL, children, 0, counted());
    expect_error("the module is NULL");
    assert_int_equal(freed, 7);
    tg_register_module(m, "children", counted());
    expect_error("attribute 'children' already exists");
    tg_register_parameter(m, "w[0]", tg_ones(tg_shape(1)));
    expect_error("TG_PARAMETERS(m, w, i, ...)");
    tg_module_free(m);
    assert_int_equal(freed, 9);
}

/* ---- a name taken twice ---- */

typedef struct {
    tg_module base;
    tg_module *child;
    tg_linear *fc;
    tg_tensor *w, *b;
} owner;

TEST(test_names_taken_twice)
{
    tg_scope scope = tg_scope_begin();
    freed = 0;
    owner *m = tg_module_new(owner);
    TG_SUBMODULE(m, child, counted());
    TG_PARAMETER(m, w, tg_ones(tg_shape(2)));
    TG_BUFFER(m, b, tg_ones(tg_shape(2)));
    tg_module *child = m->child;
    tg_tensor *w = m->w, *b = m->b;
    assert_int_equal(tg_register_module(m, "child", counted()), TG_FAILED);
    expect_error("attribute 'child' already exists; TG_REPLACE_SUBMODULE puts another module in its place");
    assert_null(tg_register_parameter(m, "w", tg_zeros(tg_shape(2))));
    expect_error("TG_REPLACE_PARAMETER");
    assert_null(tg_register_buffer(m, "b", tg_zeros(tg_shape(2))));
    expect_error("TG_REPLACE_BUFFER");
    assert_int_equal(freed, 1); /* the newcomer */
    assert_ptr_equal(tg_get_submodule(m, "child"), child);
    assert_ptr_equal(tg_get_parameter(m, "w"), w);
    assert_ptr_equal(tg_get_buffer(m, "b"), b);
    TG_REPLACE_SUBMODULE(m, child, tg_relu_new());
    assert_int_equal(freed, 2);
    TG_REPLACE_BUFFER(m, b, tg_zeros(tg_shape(3)));
    assert_int_equal(tg_numel(tg_get_buffer(m, "b")), 3);
    assert_int_equal(tg_replace_module(m, "nobody", tg_relu_new()), TG_FAILED);
    expect_error("there is no module 'nobody' to replace");
    TG_SUBMODULE(m, fc, NULL); /* a name under which there is nothing is free */
    TG_SUBMODULE(m, fc, tg_linear_new(1, 1));
    assert_ptr_equal(tg_get_submodule(m, "fc"), m->fc);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* One parameter under two names: listed, counted and stepped once; the gradient is the sum. Numbers are PyTorch's. */
TEST(test_tied_weights)
{
    tg_scope scope = tg_scope_begin();
    tg_linear *a = tg_linear_new(3, 2), *b = tg_linear_new(3, 2);
    TG_REPLACE_PARAMETER(b, weight, a->weight);
    tg_module_list *m = tg_module_list_new(a, b);
    assert_ptr_equal(a->weight, b->weight);
    assert_names(tg_named_parameters(m), "0.weight 0.bias 1.bias");
    assert_int_equal(tg_module_parameter_count(m), 10);
    tg_optimizer *sgd = tg_sgd_new(tg_parameters(m), .lr = 0.5);
    tg_scope quiet = tg_no_grad_begin();
    tg_copy_(a->weight, tg_div(tg_view(tg_arange(6), tg_shape(2, 3)), 10));
    tg_zero_(a->bias);
    tg_zero_(b->bias);
    tg_scope_end(quiet);
    tg_tensor *x = tg_view(tg_tensor_of(1.0, 2.0, 3.0), tg_shape(1, 3));
    tg_backward(tg_sum(tg_mul(tg_linear_forward(a, x), tg_linear_forward(b, x))));
    tg_step(sgd);
    VALUES(a->weight, 1e-6, -0.8, -1.5, -2.2, -2.3, -4.8, -7.3);
    VALUES(b->bias, 1e-6, -0.4, -1.3);
    tg_module_zero_grad(m);
    assert_null(tg_grad_of(b->weight));
    tg_optimizer_free(sgd);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- containers ---- */

TEST(test_module_list)
{
    tg_module_list *m = tg_module_list_new(tg_relu_new(), tg_tanh_new());
    assert_int_equal(tg_module_list_insert(m, 1, tg_sigmoid_new()), TG_OK);
    assert_int_equal(tg_module_list_insert(m, 0, tg_gelu_new()), TG_OK);
    assert_text(TG_MODULE(m), "ModuleList(\n  (0): GELU(approximate='none')\n  (1): ReLU()\n  (2): Sigmoid()\n"
                              "  (3): Tanh()\n)");
    assert_int_equal(tg_module_list_append(m, tg_linear_new(1, 1)), TG_OK);
    assert_int_equal(tg_module_list_len(m), 5);
    assert_true(tg_module_is(tg_module_list_get(m, -1), "Linear") && tg_module_is(tg_module_list_get(m, 2), "Sigmoid"));
    assert_null(tg_module_list_get(m, 5));
    expect_error("index 5 is out of range");
    assert_null(tg_module_list_get(m, -6));
    expect_error("index -6 is out of range");
    assert_null(tg_module_forward(m, tg_ones(tg_shape(1))));
    expect_error("Module [ModuleList] is missing the required \"forward\" function");
    tg_module_free(m);
    m = tg_module_list_new();
    assert_text(TG_MODULE(m), "ModuleList()");
    assert_int_equal(tg_module_list_len(m), 0);
    tg_module_free(m);
    assert_int_equal(tg_module_list_append((tg_module_list *)NULL, tg_relu_new()), TG_FAILED);
    expect_error("the module is NULL");
    tg_sequential *net = tg_sequential_new(tg_relu_new(), tg_linear_new(1, 2));
    assert_int_equal(tg_sequential_len(net), 2);
    assert_non_null(tg_module_as(tg_sequential_get(net, -1), tg_linear));
    tg_module_free(net);
}

TEST(test_module_dict)
{
    tg_module_dict *m = tg_module_dict_new();
    assert_text(TG_MODULE(m), "ModuleDict()");
    tg_module_dict_set(m, "b", tg_relu_new());
    tg_module_dict_set(m, "a", tg_linear_new(1, 1));
    assert_text(TG_MODULE(m), "ModuleDict(\n  (b): ReLU()\n  (a): Linear(in_features=1, out_features=1, bias=True)\n)");
    assert_int_equal(tg_module_dict_len(m), 2);
    assert_true(tg_module_dict_contains(m, "a") && !tg_module_dict_contains(m, "c"));
    assert_true(tg_module_is(tg_module_dict_get(m, "b"), "ReLU"));
    assert_null(tg_module_dict_get(m, "x"));
    expect_error("there is no key 'x'");
    assert_int_equal(tg_module_dict_set(m, "b", tg_tanh_new()), TG_OK); /* as d["b"] = nn.Tanh(): in its place */
    assert_text(TG_MODULE(m), "ModuleDict(\n  (b): Tanh()\n  (a): Linear(in_features=1, out_features=1, bias=True)\n)");
    assert_int_equal(tg_module_dict_set(m, "a.b", tg_relu_new()), TG_FAILED);
    expect_error("module name can't contain \".\"");
    assert_int_equal(tg_module_dict_set(m, NULL, tg_relu_new()), TG_FAILED);
    expect_error("can't be empty");
    tg_module_free(m);
}

TEST(test_parameter_list)
{
    tg_scope scope = tg_scope_begin();
    tg_parameter_list *m = tg_parameter_list_new(tg_ones(tg_shape(2, 3)), tg_scalar(1.0));
    tg_tensor *third = tg_parameter_list_append(m, tg_ones(tg_shape(3), .dtype = TG_FLOAT64));
    assert_text(TG_MODULE(m), "ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2x3]\n"
                              "    (1): Parameter containing: [torch.float32 of size ]\n"
                              "    (2): Parameter containing: [torch.float64 of size 3]\n)");
    assert_int_equal(tg_parameter_list_len(m), 3);
    assert_ptr_equal(tg_parameter_list_get(m, -1), third);
    assert_true(tg_requires_grad(third));
    assert_names(tg_named_parameters(m), "0 1 2");
    assert_null(tg_parameter_list_get(m, 3));
    expect_error("index 3 is out of range");
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- kinds ---- */

static void count_linears(tg_module *m, void *count) { *(int *)count += tg_module_as(m, tg_linear) != NULL; }

TEST(test_kinds)
{
    stack *m = stack_new();
    int count = 0;
    tg_module_apply(m, count_linears, &count);
    assert_int_equal(count, 3);
    assert_ptr_equal(tg_module_as(&m->base, stack), m);
    assert_null(tg_module_as(m, tg_linear));
    assert_null(tg_module_as((tg_module *)NULL, tg_linear));
    assert_true(tg_module_is(m, "Stack") && !tg_module_is(m, "stack") && !tg_module_is((tg_module *)NULL, "Stack"));
    tg_module_apply(m, NULL, NULL);
    expect_error("apply: the function is NULL");
    tg_module_free(m);
}

/* ---- copies ---- */

static void assert_equal(tg_tensor *a, tg_tensor *b)
{
    assert_ptr_not_equal(a, b);
    assert_false(tg_shares_storage(a, b));
    assert_true(tg_equal(a, b));
}

TEST(test_copy)
{
    tg_scope scope = tg_scope_begin();
    stack *m = stack_new();
    tg_backward(tg_sum(tg_module_forward(m, tg_ones(tg_shape(2, 4)))));
    tg_requires_grad_(m->layers[0]->weight, false);
    tg_module_eval(m->layers[1]);
    stack *copy = tg_module_copy(m);
    const tg_named_tensor_list had = tg_named_parameters(m), has = tg_named_parameters(copy);
    assert_int_equal(had.count, has.count);
    for (int64_t i = 0; i < has.count; i++) {
        assert_string_equal(had.items[i].name, has.items[i].name);
        assert_equal(had.items[i].tensor, has.items[i].tensor);
        assert_int_equal(tg_requires_grad(had.items[i].tensor), tg_requires_grad(has.items[i].tensor));
        assert_true(tg_is_leaf(has.items[i].tensor) && !tg_grad_of(has.items[i].tensor));
    }
    assert_ptr_equal(copy->scales[1], tg_get_parameter(copy, "scales.1")); /* the fields point to the copy's own */
    assert_ptr_equal(copy->layers[2], tg_get_submodule(copy, "layers.2"));
    assert_ptr_equal(copy->layers[2]->bias, tg_get_parameter(copy, "layers.2.bias"));
    assert_equal(copy->seen[0], m->seen[0]);
    assert_true(copy->base.training && !copy->layers[1]->base.training);
    tg_tensor *x = tg_randn(tg_shape(3, 4));
    assert_true(tg_equal(tg_module_forward(m, x), tg_module_forward(copy, x)));
    tg_module_free(m); /* the copy needs nothing of it */
    tg_backward(tg_sum(tg_module_forward(copy, x)));
    assert_non_null(tg_grad_of(copy->layers[2]->weight));
    tg_module_free(copy);
    tg_scope_end(scope);
}

TEST(test_copy_of_what_is_shared)
{
    tg_scope scope = tg_scope_begin();
    tg_linear *a = tg_linear_new(3, 3), *b = tg_linear_new(3, 3);
    TG_REPLACE_PARAMETER(b, weight, a->weight);
    tg_sequential *m = tg_sequential_new(a, b, a), *copy = tg_module_copy(m);
    tg_linear *c = tg_module_as(tg_sequential_get(copy, 0), tg_linear),
              *d = tg_module_as(tg_sequential_get(copy, 1), tg_linear);
    assert_ptr_equal(tg_sequential_get(copy, 2), c);
    assert_ptr_equal(c->weight, d->weight);
    assert_ptr_not_equal(c->weight, a->weight);
    assert_int_equal(tg_module_parameter_count(copy), 15);
    tg_module_free(copy);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Every kind that has a forward and weights does in the copy what it does in the original, which is gone. */
TEST(test_copies_of_every_kind)
{
    tg_scope scope = tg_scope_begin();
    tg_module *const kinds[] = {
        TG_MODULE(tg_linear_new(6, 2)),
        TG_MODULE(tg_lstm_new(6, 3, .num_layers = 2, .bidirectional = true, .batch_first = true)),
        TG_MODULE(tg_lstm_new(6, 3, .bias = false, .proj_size = 2)),
        TG_MODULE(tg_gru_new(6, 3, .num_layers = 2, .bias = false, .bidirectional = true)),
        TG_MODULE(tg_layer_norm_new(tg_shape(6))),
        TG_MODULE(tg_conv1d_new(4, 2, tg_shape(3))),
        TG_MODULE(tg_batch_norm1d_new(4)),
        TG_MODULE(tg_prelu_new()),
        TG_MODULE(tg_sequential_new(tg_linear_new(6, 6), tg_gelu_new(), tg_dropout_new(0.0), tg_flatten_new())),
    };
    tg_tensor *x = tg_randn(tg_shape(2, 4, 6));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        tg_tensor *expected = tg_module_forward(kinds[i], x);
        tg_module *copy = tg_module_copy(kinds[i]);
        tg_module_free(kinds[i]);
        tg_tensor *y = tg_module_forward(copy, x);
        assert_non_null(y);
        assert_true(tg_equal(y, expected));
        tg_backward(tg_sum(y));
        const tg_tensor_list parameters = tg_parameters(copy);
        for (int64_t k = 0; k < parameters.count; k++) assert_non_null(tg_grad_of(parameters.items[k]));
        tg_module_free(copy);
    }
    tg_scope_end(scope);
}

/* A struct that owns memory besides what is registered. */
typedef struct {
    tg_module base;
    double *table;
    tg_linear *fc;
} tabled;

static void tabled_free(tg_module *m)
{
    free(((tabled *)m)->table);
    freed++;
}

static tg_status tabled_copy(tg_module *copy, const tg_module *original)
{
    tabled *m = (tabled *)copy;
    m->table = malloc(sizeof *m->table);
    if (!m->table) return TG_FAILED;
    *m->table = *((const tabled *)original)->table;
    return TG_OK;
}

static tg_status refuse(tg_module *copy, const tg_module *original) { return (void)copy, (void)original, TG_FAILED; }

static tabled *tabled_new(tg_status (*copy)(tg_module *, const tg_module *))
{
    tabled *m = tg_module_new(tabled, .free = tabled_free, .copy = copy);
    m->table = malloc(sizeof *m->table);
    assert_non_null(m->table);
    *m->table = 7;
    TG_SUBMODULE(m, fc, tg_linear_new(2, 2));
    return m;
}

TEST(test_copy_of_users_memory)
{
    freed = 0;
    tg_sequential *m = tg_sequential_new(tg_relu_new(), tabled_new(tabled_copy)), *copy = tg_module_copy(m);
    const tabled *had = tg_module_as(tg_sequential_get(m, 1), tabled);
    const tabled *has = tg_module_as(tg_sequential_get(copy, 1), tabled);
    assert_ptr_not_equal(had->table, has->table);
    assert_true(*has->table == 7);
    tg_module_free(m);
    tg_module_free(copy);
    assert_int_equal(freed, 2);
    m = tg_sequential_new(tabled_new(NULL));
    assert_null(tg_module_copy(m));
    expect_error("the class has `free` and no `copy`");
    tg_module_free(m);
    m = tg_sequential_new(tabled_new(tabled_copy), tabled_new(refuse));
    assert_null(tg_module_copy(m));
    expect_error("`copy` failed");
    tg_module_free(m);
    owner *o = tg_module_new(owner);
    tg_scope scope = tg_scope_begin();
    TG_BUFFER(o, b, tg_mul(tg_ones(tg_shape(1), .requires_grad = true), 2));
    assert_null(tg_module_copy(o));
    expect_error("Only Tensors created explicitly by the user");
    tg_scope_end(scope);
    tg_module_free(o);
    assert_null(tg_module_copy((tg_linear *)NULL));
    expect_error("the module is NULL");
}

/* ---- where in a model an error arose ---- */

TEST(test_place_of_errors)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2, 4));
    stack *s = stack_new();
    tg_sequential *m = tg_sequential_new(tg_relu_new(), tg_sequential_new(tg_linear_new(4, 4), s, tg_linear_new(5, 4)));
    assert_null(tg_sequential_forward(m, x));
    assert_string_equal(tg_error_get().inside, "Sequential.1.2 (Linear)");
    assert_string_equal(tg_error_get().message, "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x4)");
    expect_error(": Sequential.1.2 (Linear): linear: mat1 and mat2");
    TG_REPLACE_PARAMETER(s->layers[1], weight, tg_ones(tg_shape(4, 3)));
    assert_null(tg_sequential_forward(m, x)); /* of a module that calls its own layers */
    expect_error(": Sequential.1.1 (Stack): linear: ");
    assert_null(tg_module_forward(s->layers[1], x));
    expect_error(": Sequential.1.1.layers.1 (Linear): linear: ");
    assert_null(tg_matmul(x, x)); /* outside again */
    assert_string_equal(tg_error_get().inside, "");
    tg_error_clear();
    tg_module_free(m);
    tg_linear *alone = tg_linear_new(3, 1);
    assert_null(tg_module_forward(alone, x));
    assert_string_equal(tg_error_get().inside, "");
    tg_error_clear();
    tg_module_free(alone);
    tg_scope_end(scope);
}

/* Of a name that is too long the end is told; a parent that is gone is not. */
TEST(test_place_is_cut)
{
    tg_scope scope = tg_scope_begin();
    tg_linear *fc = tg_linear_new(3, 1);
    tg_module *m = TG_MODULE(tg_sequential_new(fc));
    for (int i = 0; i < 300; i++) m = TG_MODULE(tg_sequential_new(m));
    assert_null(tg_module_forward(m, tg_ones(tg_shape(2, 2))));
    const size_t length = strlen(tg_error_get().inside);
    assert_true(length > 100 && length < 192);
    assert_non_null(strstr(tg_error_get().inside, ".0.0.0 (Linear)"));
    tg_error_clear();
    tg_module_list *other = tg_module_list_new(fc);
    tg_module_free(m);
    assert_null(tg_module_forward(fc, tg_ones(tg_shape(2, 2))));
    assert_string_equal(tg_error_get().inside, "");
    tg_error_clear();
    tg_module_free(other);
    tg_scope_end(scope);
}

/* ---- sizes that no tensor has ---- */

TEST(test_sizes_that_overflow)
{
    static const int64_t sizes[] = { INT64_MAX, INT64_MAX / 2, INT64_MAX / 4, INT64_MAX / 4 + 1, INT64_C(1) << 61 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tg_module_free(tg_lstm_new(1, sizes[i]));
        assert_true(tg_failed());
        tg_error_clear();
        tg_module_free(tg_lstm_cell_new(1, sizes[i]));
        assert_true(tg_failed());
        tg_error_clear();
    }
    assert_null(tg_lstm_new(1, INT64_MAX / 4 + 1));
    expect_error("hidden_size 2305843009213693952 is too large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_arrays),
        T(test_wrong_elements),
        T(test_names_taken_twice),
        T(test_tied_weights),
        T(test_module_list),
        T(test_module_dict),
        T(test_parameter_list),
        T(test_kinds),
        T(test_copy),
        T(test_copy_of_what_is_shared),
        T(test_copies_of_every_kind),
        T(test_copy_of_users_memory),
        T(test_place_of_errors),
        T(test_place_is_cut),
        T(test_sizes_that_overflow),
    };
    return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
