/* test_binding.c: the shared object as another language sees it: opened at run time, without a header, by the layouts
 * that docs/binding.md tells. Lists the ops, makes tensors, calls ops by name, takes gradients, and reads an error. */
#include "tests/support/suite.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what docs/binding.md says ---- */

enum { NONE, TENSOR, TENSORS, INT, FLOAT, BOOL, INTS, DTYPE, STRING };

typedef struct list {
    void *const *items;
    int64_t count;
} list;

typedef struct shape {
    int ndim;
    int64_t dims[8];
} shape;

typedef struct value {
    int kind;
    union {
        void *tensor;
        list tensors;
        int64_t integer;
        double real;
        bool boolean;
        shape ints;
        int dtype;
        const char *string;
    } as;
} value;

typedef struct backward_options {
    void *gradient;
    bool retain_graph, create_graph;
    void *end;
} backward_options;

/* ---- the functions used ---- */

static void *library;

static const void *const *(*op_registry)(int *count);
static const void *(*op_find)(const char *name);
static const char *(*op_text)(const void *op, const char *what);
static bool (*op_is_differentiable)(const void *op);
static list (*op_call)(const char *where, const void *op, const value *args, int count);
static int (*backward)(const char *where, void *tensor, backward_options options);
static void *(*grad_of)(const char *where, const void *t);
static int (*to_array)(const char *where, const void *t, double *out, int64_t count);
static int64_t (*numel)(const char *where, const void *t);
static const char *(*error_message)(void);
static void (*error_clear)(void);
static void (*set_error_handler)(void *handler, void *context);

/* Into a function pointer by way of its bytes, which C allows and a cast it does not. */
static void find(const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    if (!symbol) fail_msg("the shared object has no %s", name);
    memcpy(function, &symbol, sizeof symbol);
}

static int open_library(void **state)
{
    (void)state;
    const char *path = getenv("TAPEGRAD_LIBRARY");
    library = dlopen(path ? path : "build/libtapegrad.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) return print_error("%s\n", dlerror()), -1;
    find("tg_op_registry", &op_registry);
    find("tg_op_find", &op_find);
    find("tg_op_text", &op_text);
    find("tg_op_is_differentiable", &op_is_differentiable);
    find("tg_op_call_at", &op_call);
    find("tg_backward_at", &backward);
    find("tg_grad_of_at", &grad_of);
    find("tg_to_array_at", &to_array);
    find("tg_numel_at", &numel);
    find("tg_error_message", &error_message);
    find("tg_error_clear", &error_clear);
    find("tg_set_error_handler", &set_error_handler);
    set_error_handler(NULL, NULL);
    return 0;
}

/* ---- tests ---- */

static void *call(const char *name, const value *args, int count)
{
    list results = op_call("here:1", op_find(name), args, count);
    return results.items[0];
}

TEST(test_ops_are_listed)
{
    int count = 0;
    const void *const *ops = op_registry(&count);
    assert_true(count > 60);
    for (int i = 0; i < count; i++) {
        const char *name = op_text(ops[i], "name");
        assert_ptr_equal(op_find(name), ops[i]);
        assert_int_equal(strncmp(op_text(ops[i], "schema"), name, strlen(name)), 0);
    }
    assert_string_equal(op_text(op_find("softmax"), "schema"),
                        "softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor");
    assert_true(op_is_differentiable(op_find("softmax")));
    assert_null(op_find("no_such_op"));
}

/* d sum(a a) / da = 2 a */
TEST(test_a_gradient)
{
    const value full[] = { { INTS, { .ints = { 2, { 2, 3 } } } },
                           { FLOAT, { .real = 1.5 } },
                           { DTYPE, { .dtype = 1 } },
                           { BOOL, { .boolean = true } } };
    void *a = call("full", full, 4);
    assert_non_null(a);
    const value twice[] = { { TENSOR, { .tensor = a } }, { TENSOR, { .tensor = a } } };
    const value product = { TENSOR, { .tensor = call("mul", twice, 2) } };
    void *sum = call("sum", &product, 1);
    assert_int_equal(backward(NULL, sum, (backward_options){ 0 }), 0);
    double values[6];
    assert_int_equal(numel(NULL, grad_of(NULL, a)), 6);
    assert_int_equal(to_array(NULL, grad_of(NULL, a), values, 6), 0);
    for (int i = 0; i < 6; i++) assert_true(values[i] == 3.0);
}

TEST(test_lists)
{
    const value sizes = { INTS, { .ints = { 1, { 2 } } } };
    void *parts[] = { call("zeros", &sizes, 1), call("ones", &sizes, 1) };
    const value args[] = { { TENSORS, { .tensors = { parts, 2 } } }, { INT, { .integer = 0 } } };
    double values[4];
    assert_int_equal(to_array(NULL, call("cat", args, 2), values, 4), 0);
    assert_true(values[0] == 0 && values[1] == 0 && values[2] == 1 && values[3] == 1);
}

TEST(test_an_error)
{
    const value wide = { INTS, { .ints = { 2, { 2, 3 } } } };
    void *a = call("zeros", &wide, 1);
    const value args[] = { { TENSOR, { .tensor = a } }, { TENSOR, { .tensor = a } } };
    assert_null(call("matmul", args, 2));
    assert_non_null(strstr(error_message(), "here:1: matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"));
    error_clear();
    const value wrong = { STRING, { .string = "x" } };
    assert_null(call("exp", &wrong, 1));
    assert_non_null(strstr(error_message(), "argument 'self' (position 1) must be Tensor, not str"));
    error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ops_are_listed),
        T(test_a_gradient),
        T(test_lists),
        T(test_an_error),
    };
    return cmocka_run_group_tests(tests, open_library, NULL);
}
