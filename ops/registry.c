/* registry.c: the ops as data. ops.def lists them; nothing registers itself. */
#include "registry.h"

#include "core/error.h"
#include "descriptors.h"
#include "schema.h"

#include <string.h>

/* Every op, each family's after its name. */
static const struct {
    const char *family;
    const tg_op *op;
} entries[] = {
#define TG_OP_FAMILY(name) { #name, NULL },
#define TG_OP(name)        { NULL, &tgi_op_##name },
#include "ops.def"
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static const tg_op *const all[] = {
#define TG_OP(name) &tgi_op_##name,
#include "ops.def"
};

const tg_op *const *tg_op_registry(int *count)
{
    if (count) *count = (int)(sizeof all / sizeof all[0]);
    return all;
}

const tg_op *tg_op_find(const char *name)
{
    if (!name) return NULL;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0) return all[i];
    return NULL;
}

const char *tg_op_family(const tg_op *op)
{
    const char *family = NULL;
    for (int i = 0; op && i < ENTRIES; i++) {
        if (entries[i].family) family = entries[i].family;
        if (entries[i].op == op) return family;
    }
    return NULL;
}

bool tg_op_is_differentiable(const tg_op *op) { return op && (op->backward || op->composite); }

const char *tg_op_text(const tg_op *op, const char *what)
{
    if (!op || !what) return NULL;
    const struct {
        const char *what, *text;
    } texts[] = {
        { "name", op->name },       { "schema", op->schema },
        { "formula", op->formula }, { "gradient", op->gradient },
        { "doc", op->doc },         { "family", tg_op_family(op) },
        { "shapes", op->shapes },   { "kinks", op->kinks },
        { "usage", op->usage },     { "no_second_derivative", op->no_second_derivative },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(texts[i].what, what) == 0) return texts[i].text;
    return NULL;
}

int tg_op_argument_count(const tg_op *op)
{
    tgi_schema schema;
    return op && tgi_schema_read(op->schema, &schema) ? schema.count : 0;
}

bool tg_op_argument(const tg_op *op, int i, tg_argument *argument)
{
    tgi_schema schema;
    if (!op || !argument || !tgi_schema_read(op->schema, &schema) || i < 0 || i >= schema.count) return false;
    *argument = schema.parameters[i].argument;
    return true;
}

/* `given` as parameter `p` takes it: itself, or what means the same in the right kind. False if nothing does. */
static bool convert(const tgi_parameter *p, const tg_value *given, tg_value *value)
{
    const tg_value_kind kind = p->argument.kind;
    *value = *given;
    if (given->kind == TG_VALUE_STRING && !given->as.string) return false;
    if (given->kind == kind || (given->kind == TG_VALUE_STRING && p->named)) return true;
    switch (given->kind) {
    case TG_VALUE_NONE: memset(value, 0, sizeof *value); return p->argument.optional;
    case TG_VALUE_INT:
        if (kind == TG_VALUE_FLOAT) *value = TG_LITERAL(tg_value){ kind, { .real = (double)given->as.integer } };
        if (kind == TG_VALUE_INTS) *value = TG_LITERAL(tg_value){ kind, { .ints = tg_shape(given->as.integer) } };
        return kind == TG_VALUE_FLOAT || kind == TG_VALUE_INTS || p->number;
    case TG_VALUE_INTS: /* an empty list is a list of anything */
        if (kind == TG_VALUE_TENSORS) *value = TG_LITERAL(tg_value){ kind, { .tensors = TG_NONE } };
        return kind == TG_VALUE_TENSORS && given->as.ints.ndim == 0;
    case TG_VALUE_FLOAT: return p->number;
    case TG_VALUE_BOOL: /* as in Python, where it stands for a float but not for an int */
        if (kind == TG_VALUE_FLOAT) *value = TG_LITERAL(tg_value){ kind, { .real = given->as.boolean } };
        return kind == TG_VALUE_FLOAT || p->number;
    default: return false;
    }
}

/* All arguments of the schema, `args` first, then the defaults. False with an error recorded. */
static bool bind(const tg_op *op, const tgi_schema *schema, const tg_value *args, int count, tg_value *values)
{
    for (int i = 0; i < schema->count; i++) {
        const tgi_parameter *p = &schema->parameters[i];
        const char *name = p->argument.name;
        if (i >= count && !p->argument.has_default) {
            tg_op_fail(op, TG_NONE, "missing required argument '%s' (position %d)", name, i + 1);
            return false;
        }
        if (i >= count)
            values[i] = p->argument.default_value;
        else if (!convert(p, &args[i], &values[i])) {
            tg_op_fail(op, TG_NONE, "argument '%s' (position %d) must be %s, not %s", name, i + 1,
                       p->number ? "Tensor or number" : tgi_kind_name(p->argument.kind),
                       args[i].kind == p->argument.kind ? "NULL" : tgi_kind_name(args[i].kind));
            return false;
        }
    }
    return true;
}

tg_tensor_list tg_op_call_at(const char *where, const tg_op *op, const tg_value *args, int count)
{
    tgi_schema schema;
    tg_value values[TGI_MAX_ARGUMENTS];
    if (!op) {
        tg_fail_at(where, TG_ERROR_NULL, "op_call", "there is no such op");
        return tg_list_failed();
    }
    if (!tg_op_begin(where, op, TG_NONE)) return tg_list_failed();
    if (!op->call || !tgi_schema_read(op->schema, &schema)) {
        tg_op_fail(op, TG_NONE, "this op has no schema to be called by");
        return tg_list_failed();
    }
    if (count < 0 || count > schema.count || (count > 0 && !args)) {
        tg_op_fail(op, TG_NONE, "takes %d arguments but %d were given", schema.count, count);
        return tg_list_failed();
    }
    return bind(op, &schema, args, count, values) ? op->call(values) : tg_list_failed();
}
