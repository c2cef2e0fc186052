/* test_registry.c: the list of ops, their schemas, and calls by name. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include "ops/registry.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the registry and the generic call ---- */

TEST(test_registry)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    assert_true(count > 30 && count < 1024);
    for (int i = 0; i < count; i++) /* found by its name, and by no other's */
        if (tg_op_find(ops[i]->name) != ops[i]) fail_msg("%s: registered twice, or not found", ops[i]->name);
    assert_null(tg_op_find("no_such_op"));
    assert_null(tg_op_find(NULL));
    assert_false(tg_failed());
}

static void assert_call_fails(const char *name, const tg_value *args, int count, const char *text)
{
    tg_tensor_list results = tg_op_call(tg_op_find(name), args, count);
    assert_null(results.items[0]);
    if (!strstr(tg_error_get().message, text)) fail_msg("%s: '%s' expected, got '%s'", name, text, tg_error_message());
    tg_error_clear();
}

TEST(test_generic_call)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2, 3));
    tg_value args[4] = { { TG_VALUE_TENSOR, { .tensor = x } }, { TG_VALUE_INT, { .integer = 2 } } };
    tg_tensor *sum = tg_op_call(tg_op_find("add"), args, 2).items[0]; /* a number for a Scalar */
    assert_non_null(sum);
    assert_true(tg_dtype_of(sum) == TG_FLOAT32);
    assert_true(((const float *)tg_data(sum, TG_FLOAT32))[5] == 3);
    assert_true(tg_item(tg_op_call(tg_op_find("sum"), args, 1).items[0]) == 6); /* defaults filled in */
    args[1].as.integer = 1;
    assert_int_equal(tg_size(tg_op_call(tg_op_find("sum"), args, 2).items[0], 0), 2); /* an int is a list of one */
    assert_false(tg_failed());

    assert_call_fails("no_such_op", args, 1, "there is no such op");
    assert_call_fails("sum", args, 0, "missing required argument 'self' (position 1)");
    assert_call_fails("exp", args, 2, "takes 1 arguments but 2 were given");
    args[1] = (tg_value){ TG_VALUE_STRING, { .string = "x" } };
    assert_call_fails("add", args, 2, "argument 'other' (position 2) must be Tensor or number, not str");
    assert_call_fails("matmul", args, 2, "argument 'other' (position 2) must be Tensor, not str");
    assert_call_fails("sum", args, 2, "argument 'dim' (position 2) must be int[], not str");
    args[1] = args[0];
    args[2] = (tg_value){ TG_VALUE_STRING, { .string = NULL } };
    assert_call_fails("mse_loss", args, 3, "argument 'reduction' (position 3) must be str, not NULL");
    args[1] = (tg_value){ TG_VALUE_NONE, { 0 } };
    assert_call_fails("matmul", args, 2, "argument 'other' (position 2) must be Tensor, not None");
    args[0] = args[1];
    assert_call_fails("exp", args, 1, "must be Tensor, not None");
    tg_scope_end(scope);
}

static tg_argument argument(const char *schema, int i)
{
    tg_argument a;
    if (!tg_op_argument(&(tg_op){ .name = "x", .schema = schema }, i, &a)) fail_msg("%s: no argument %d", schema, i);
    return a;
}

TEST(test_schema)
{
    const char *schema =
        "x(Tensor(a!) self, *, Scalar other=-2, int? dim=None, bool keepdim=True, int[] dims=[0, -2], ScalarType? "
        "dtype=None, str reduction='mean', float eps=1.5e-05, int end=9223372036854775807, Tensor[] more=[]) -> "
        "Tensor[]";
    assert_int_equal(tg_op_argument_count(&(tg_op){ .name = "x", .schema = schema }), 10);
    assert_string_equal(argument(schema, 0).name, "self");
    assert_true(argument(schema, 0).kind == TG_VALUE_TENSOR && !argument(schema, 0).has_default &&
                !argument(schema, 0).optional);
    assert_true(argument(schema, 1).default_value.kind == TG_VALUE_INT &&
                argument(schema, 1).default_value.as.integer == -2);
    assert_true(argument(schema, 2).kind == TG_VALUE_INT && argument(schema, 2).optional);
    assert_true(argument(schema, 2).has_default && argument(schema, 2).default_value.kind == TG_VALUE_NONE);
    assert_true(argument(schema, 3).default_value.as.boolean);
    const tg_shape dims = argument(schema, 4).default_value.as.ints;
    assert_true(dims.ndim == 2 && dims.dims[0] == 0 && dims.dims[1] == -2);
    assert_true(argument(schema, 5).kind == TG_VALUE_DTYPE);
    assert_string_equal(argument(schema, 6).default_value.as.string, "mean");
    assert_true(argument(schema, 7).default_value.as.real == 1.5e-05);
    assert_true(argument(schema, 8).default_value.as.integer == INT64_MAX);
    assert_true(argument(schema, 9).default_value.kind == TG_VALUE_TENSORS &&
                argument(schema, 9).default_value.as.tensors.count == 0);
    const char *pair = "x(Tensor self, int[2] stride=1) -> (Tensor values, Tensor indices)";
    assert_int_equal(tg_op_argument_count(&(tg_op){ .name = "x", .schema = pair }), 2);
    assert_true(argument(pair, 1).kind == TG_VALUE_INTS && argument(pair, 1).default_value.as.ints.ndim == 1);
    static const char *const malformed[] = {
        NULL,
        "",
        "x",
        "x()",
        "x(Tensor)",
        "x(Tensor a -> Tensor",
        "x(Tensor a) -> ",
        "x(Tensor a) -> Tensor, ",
        "x(Tensr a) -> Tensor",
        "x(int a=1.5) -> Tensor",
        "x(int a=None) -> Tensor",
        "x(bool[] a) -> Tensor",
        "x(Tensor a) -> (Tensor values, Tensor)",
        "x(Tensor a) -> (Tensor values, Tensor indices",
        "x(Tensor a,) -> Tensor",
        "x(str a='b) -> Tensor",
        "x(Tensor a=3) -> Tensor",
        "x(int[] a=[1, 2) -> Tensor",
        "x(float a=1e400) -> Tensor",
        "x(int a=9223372036854775808) -> Tensor",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        const tg_op op = { .name = "x", .schema = malformed[i] };
        if (tg_op_argument_count(&op) != 0) fail_msg("the schema '%s' was taken", malformed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_registry),
        T(test_generic_call),
        T(test_schema),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
