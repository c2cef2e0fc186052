/* test_reference.c: docs/ops.md, written from the registry, and whether it tells the truth.
 *
 *     test_reference             fails unless docs/ops.md is what it would write (run from the repository's root)
 *     test_reference --write     prints docs/ops.md: `make reference`
 *     test_reference --calls     prints a C file that makes each call as the page says; check_calls.sh compiles it
 *
 * The dtypes an op takes are found by trying its samples. Nothing here knows an op by name. */
#include "tests/support/suite.h"
#include "tests/support/sample.h"

#include "tapegrad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the call in C ---- */

/* The result's type tells nothing here: a call is a statement. */
static void print_usage(FILE *out, const tg_op *op)
{
    tg_argument a;
    bool first = true;
    if (op->usage) {
        fputs(op->usage, out);
        return;
    }
    if (op->in_place_of && op->in_place_of->usage) { /* the same with another name */
        fprintf(out, "tg_%s%s", op->name, strchr(op->in_place_of->usage, '('));
        return;
    }
    fprintf(out, "tg_%s(", op->name);
    for (int i = 0; tg_op_argument(op, i, &a); i++) {
        fprintf(out, "%s", first ? "" : ", ");
        first = false;
        const bool dims = a.kind == TG_VALUE_INTS && strcmp(a.name, "dim") == 0;
        if (a.has_default) fprintf(out, ".%s = ", dims ? "dims" : a.name);
        fprintf(out, a.kind == TG_VALUE_INTS ? "tg_shape(%s)" : "%s", a.name);
    }
    fputc(')', out);
}

/* The name alone: "tg_add_". */
static void print_name(FILE *out, const tg_op *op)
{
    if (op->usage)
        fprintf(out, "%.*s", (int)strcspn(op->usage, "("), op->usage);
    else
        fprintf(out, "tg_%s", op->name);
}

/* A Scalar with a default is a number. */
static const char *c_type(const tg_op *op, const tg_argument *a)
{
    char optional[80];
    snprintf(optional, sizeof optional, "Scalar? %s=", a->name);
    if (a->kind == TG_VALUE_TENSOR && a->has_default &&
        (a->default_value.kind != TG_VALUE_NONE || strstr(op->schema, optional)))
        return "double ";
    switch (a->kind) {
    case TG_VALUE_TENSOR: return "tg_tensor *";
    case TG_VALUE_TENSORS: return "tg_tensor_list ";
    case TG_VALUE_INT:
    case TG_VALUE_INTS: return "int64_t "; /* the entries of a tg_shape */
    case TG_VALUE_FLOAT: return "double ";
    case TG_VALUE_BOOL: return "bool ";
    case TG_VALUE_DTYPE: return "tg_dtype ";
    default: return NULL; /* a string, or one of an enumeration */
    }
}

/* "(tg_tensor *self, int64_t dim)" */
static void print_parameters(const tg_op *op)
{
    tg_argument a;
    const char *separator = "(";
    for (int k = 0; tg_op_argument(op, k, &a); k++) {
        if (!c_type(op, &a)) continue;
        printf("%s%s%s", separator, c_type(op, &a), a.name);
        separator = ", ";
    }
    printf("%s)", *separator == '(' ? "(void" : "");
}

/* Of an op for the backward of others there is no macro; users have no call of it. */
static bool is_internal(const tg_op *op) { return op->usage && !*op->usage; }

static void print_calls(const tg_op *const *ops, int count)
{
    tg_argument a;
    printf("#include <tapegrad.h>\n");
    for (int i = 0; i < count; i++) {
        if (is_internal(ops[i])) continue;
        printf("void use_%s", ops[i]->name);
        print_parameters(ops[i]);
        printf(";\nvoid use_%s", ops[i]->name);
        print_parameters(ops[i]);
        printf("\n{\n");
        for (int k = 0; tg_op_argument(ops[i], k, &a); k++) {
            if (c_type(ops[i], &a))
                printf("    (void)%s;\n", a.name);
            else /* 0 is a null pointer and the first of any enumeration */
                printf("    enum { %s = 0 };\n", a.name);
        }
        printf("    (void)");
        print_usage(stdout, ops[i]);
        printf(";\n}\n");
    }
}

/* ---- the page ---- */

/* In a table's cell and in text, '|' and '*' are not themselves. */
static void print_escaped(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("|*_<>[]", *p)) fputc('\\', out);
        fputc(*p, out);
    }
}

static void print_code(FILE *out, const char *text)
{
    fputc('`', out);
    for (const char *p = text; *p; p++) fputs(*p == '|' ? "\\|" : (char[]){ *p, 0 }, out);
    fputc('`', out);
}

static bool runs_with(const tg_op *op, tg_dtype dtype)
{
    bool runs = false;
    for (const char *const *text = sample_texts(op); *text && !runs; text++) {
        tg_scope scope = tg_scope_begin();
        sample s = sample_read(*text);
        bool floating = false;
        for (int k = 0; k < s.count; k++) floating |= strchr("fv", s.leaves[k].kind) != NULL;
        if (floating || dtype == TG_FLOAT32) {
            sample_fill(&s, dtype, false);
            runs = sample_run(&s).items[0] != NULL && !tg_failed();
        }
        tg_error_clear();
        tg_scope_end(scope);
    }
    return runs;
}

static void print_dtypes(FILE *out, const tg_op *op)
{
    bool first = true;
    for (int d = 0; d < TG_DTYPES; d++) {
        if (!runs_with(op, (tg_dtype)d)) continue;
        fprintf(out, "%s%s", first ? "" : ", ", tg_dtype_name((tg_dtype)d));
        first = false;
    }
}

static bool takes_floats(const tg_op *op)
{
    for (const char *const *text = sample_texts(op); *text; text++) {
        sample s = sample_read(*text);
        for (int k = 0; k < s.count; k++)
            if (strchr("fv", s.leaves[k].kind)) return true;
    }
    return false;
}

static const tg_op *in_place_form(const tg_op *op, const tg_op *const *ops, int count)
{
    for (int i = 0; i < count; i++)
        if (ops[i]->in_place_of == op) return ops[i];
    return NULL;
}

static void print_errors(FILE *out, const tg_op *op)
{
    const tg_error_sample *lists[] = { sample_errors(op), sample_own_errors(op) };
    if (!lists[0]->call && !lists[1]->call) return;
    fprintf(out, "- errors:\n");
    for (int i = 0; i < 2; i++) {
        for (const tg_error_sample *e = lists[i]; e->call; e++) {
            fprintf(out, "  - ");
            print_code(out, e->call);
            fprintf(out, ": ");
            print_escaped(out, e->message);
            fputc('\n', out);
        }
    }
}

static void print_op(FILE *out, const tg_op *op, const tg_op *const *ops, int count)
{
    const tg_op *in_place = in_place_form(op, ops, count);
    fprintf(out, "\n### %s\n\n", op->name);
    print_code(out, op->schema);
    fprintf(out, "\n\n");
    print_escaped(out, op->doc);
    fprintf(out, "\n\n");
    if (is_internal(op))
        fprintf(out, "- for the gradients of other ops, and by name\n");
    else {
        fprintf(out, "- in C: `");
        print_usage(out, op);
        if (in_place) fprintf(out, "`; in place: `"), print_name(out, in_place);
        fprintf(out, "`\n");
    }
    fprintf(out, "- formula: ");
    print_code(out, op->formula);
    fprintf(out, "\n- gradient: ");
    print_code(out, op->gradient);
    fputc('\n', out);
    if (op->shapes) fprintf(out, "- shapes: "), print_escaped(out, op->shapes), fputc('\n', out);
    if (takes_floats(op)) fprintf(out, "- dtypes: "), print_dtypes(out, op), fputc('\n', out);
    if (op->kinks) fprintf(out, "- no derivative: "), print_escaped(out, op->kinks), fputc('\n', out);
    if (op->no_second_derivative)
        fprintf(out, "- no second derivative: "), print_escaped(out, op->no_second_derivative), fputc('\n', out);
    print_errors(out, op);
}

/* PyTorch's further names of what has one here, in alphabetical order. */
static const struct {
    const char *name, *op;
} also[] = {
    { "absolute", "abs" },
    { "arccos", "acos" },
    { "arccosh", "acosh" },
    { "arcsin", "asin" },
    { "arcsinh", "asinh" },
    { "arctan", "atan" },
    { "arctan2", "atan2" },
    { "arctanh", "atanh" },
    { "argwhere", "nonzero" },
    { "clamp_max", "clamp" },
    { "clamp_min", "clamp" },
    { "clip", "clamp" },
    { "concat", "cat" },
    { "concatenate", "cat" },
    { "divide", "div" },
    { "fix", "trunc" },
    { "greater", "gt" },
    { "greater_equal", "ge" },
    { "less", "lt" },
    { "less_equal", "le" },
    { "linalg.inv", "inverse" },
    { "linalg.solve", "solve" },
    { "linalg.vector_norm", "linalg_vector_norm" },
    { "moveaxis", "movedim" },
    { "multiply", "mul" },
    { "negative", "neg" },
    { "not_equal", "ne" },
    { "reshape_as", "reshape" },
    { "row_stack", "vstack" },
    { "special.expit", "sigmoid" },
    { "subtract", "sub" },
    { "true_divide", "div" },
    { "type_as", "to" },
    { "upsample", "interpolate" },
};
enum { ALSO = sizeof also / sizeof *also };

static void print_page(FILE *out, const tg_op *const *ops, int count)
{
    const char *family = "";
    fprintf(
        out,
        "# Ops\n\n"
        "Every op, as the registry knows it: this page is written from the descriptors by `make reference`, and a\n"
        "test compares the two. Schemas are in PyTorch's notation, with PyTorch's argument names; a call by name\n"
        "(`tg_op_call`) takes its arguments in that order. In formulas g is the gradient of the result. Errors are shown with\n"
        "a call that provokes them: `f(2, 3)` is a floating tensor of that shape, `i(2)` an int64 one, `b(2)` a bool one.\n\n"
        "In C an argument without a default stands in its place and the others are options, in any order. Some with a\n"
        "default stand in their place, too, and may be left out at the end: `tg_cat(tensors)`, `tg_slice(x, 0, 2)`.\n"
        "Sizes, and lists of dimensions, are a `tg_shape(2, 3)`, also of one: `tg_flip(x, tg_shape(0))`. Where there is\n"
        "`.dims`, `.dim` takes a single one. Tensors in a list are a `tg_list(a, b)`. A reduction is `TG_REDUCTION_NONE`, `_MEAN`,\n"
        "`_SUM` or `_BATCHMEAN`, `tg_mse_loss(x, y, .reduction = TG_REDUCTION_SUM)`; other strings are PyTorch's. Several results come as a struct whose members have the\n"
        "schema's names, `tg_max_dim(x, 1).indices`, or as a list, `tg_chunk(x, 2).items[0]`.\n\n"
        "## From PyTorch to C\n\n| PyTorch | C |\n|---|---|\n");
    for (int i = 0; i < count; i++) {
        const tg_op *in_place = in_place_form(ops[i], ops, count);
        if (ops[i]->in_place_of || is_internal(ops[i])) continue;
        fprintf(out, "| [`%s`](#%s) | `", ops[i]->name, ops[i]->name);
        print_usage(out, ops[i]);
        if (in_place) fprintf(out, "`, `"), print_name(out, in_place);
        fprintf(out, "` |\n");
    }
    fprintf(out, "\nPyTorch has further names for some of them:\n\n| PyTorch also says | here |\n|---|---|\n");
    for (int i = 0; i < ALSO; i++) fprintf(out, "| `%s` | [`%s`](#%s) |\n", also[i].name, also[i].op, also[i].op);
    for (int i = 0; i < count; i++) {
        if (ops[i]->in_place_of) continue;
        if (strcmp(family, tg_op_family(ops[i])) != 0) fprintf(out, "\n## Family %s\n", tg_op_family(ops[i]));
        family = tg_op_family(ops[i]);
        print_op(out, ops[i], ops, count);
    }
}

/* ---- the test ---- */

static char *contents(FILE *file)
{
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room);
    assert_non_null(text);
    rewind(file);
    for (size_t n; (n = fread(text + size, 1, room - size - 1, file)) > 0;) {
        size += n;
        if (room - size < 2) assert_non_null(text = realloc(text, room *= 2));
    }
    text[size] = 0;
    return text;
}

TEST(test_page_is_current)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    FILE *page = fopen("docs/ops.md", "r"), *written = tmpfile();
    if (!page) fail_msg("docs/ops.md is not here: the test is run from the repository's root");
    assert_non_null(written);
    print_page(written, ops, count);
    char *have = contents(page), *want = contents(written);
    size_t at = 0, line = 1;
    while (have[at] && have[at] == want[at]) line += have[at++] == '\n';
    const bool same = have[at] == want[at];
    free(have);
    free(want);
    fclose(page);
    fclose(written);
    if (!same) fail_msg("docs/ops.md:%zu is not what the registry says: run `make reference`", line);
}

TEST(test_every_op_is_described)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(tg_op_text(ops[i], "name"), ops[i]->name);
        assert_string_equal(tg_op_text(ops[i], "schema"), ops[i]->schema);
        assert_non_null(tg_op_text(ops[i], "family"));
        assert_null(tg_op_text(ops[i], "no such text"));
    }
    for (int i = 0; i < ALSO; i++)
        if (!tg_op_find(also[i].op) || tg_op_find(also[i].name))
            fail_msg("%s is an op itself, or %s is none", also[i].name, also[i].op);
    assert_null(tg_op_text(NULL, "name"));
    assert_false(tg_op_is_differentiable(NULL));
    assert_true(tg_op_is_differentiable(tg_op_find("exp")));
    assert_false(tg_op_is_differentiable(tg_op_find("eq")));
}

int main(int argc, char **argv)
{
    int count;
    const tg_op *const *ops = tg_op_registry(&count);
    const struct CMUnitTest tests[] = {
        T(test_page_is_current),
        T(test_every_op_is_described),
    };
    tg_set_error_handler(NULL, NULL);
    tg_set_warning_handler(NULL, NULL);
    if (argc > 1 && strcmp(argv[1], "--write") == 0) return print_page(stdout, ops, count), 0;
    if (argc > 1 && strcmp(argv[1], "--calls") == 0) return print_calls(ops, count), 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
