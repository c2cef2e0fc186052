/* again.c: an op called again from its node; see check_node.h. */
#include "check_node.h"

#include "core/error.h"

#include <string.h>

enum { MOST = 16 /* arguments */ };

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* How many parameters "name(Tensor a, Scalar b, *, Tensor? c=None) -> Tensor" has, if all of them are tensors or may be;
 * otherwise -1. `*needed`: how many of them cannot be left out. */
static int tensors_alone(const char *schema, int *needed)
{
    const char *at = schema ? strchr(schema, '(') : NULL, *end = schema ? strstr(schema, ") ->") : NULL;
    int count = 0;
    *needed = 0;
    if (!at || !end) return -1;
    for (at++; at < end; count++) {
        if (begins(at, "*, ")) at += 3;
        if (!begins(at, "Tensor ") && !begins(at, "Tensor(") && !begins(at, "Tensor? ") && !begins(at, "Scalar "))
            return -1;
        if (!begins(at, "Tensor? ")) *needed = count + 1;
        const char *comma = strstr(at, ", ");
        at = comma && comma < end ? comma + 2 : end;
    }
    return count;
}

/* "name(Tensor[] tensors) -> Tensor" */
static bool list_alone(const char *schema)
{
    const char *at = schema ? strchr(schema, '(') : NULL, *end = schema ? strstr(schema, ") ->") : NULL;
    return at && end && begins(at, "(Tensor[] ") && (!strchr(at, ',') || strchr(at, ',') > end);
}

static bool call_with_tensors(const tg_op *op, tg_tensor_list inputs, tg_tensor_list *outputs)
{
    tg_value args[MOST] = { { TG_VALUE_NONE, { 0 } } };
    int needed;
    const bool list = list_alone(op->schema);
    const int most = list ? MOST : tensors_alone(op->schema, &needed);
    if (!op->call || inputs.count > MOST || most > MOST || (!list && (inputs.count > most || inputs.count < needed)))
        return false;
    args[0] = TG_LITERAL(tg_value){ TG_VALUE_TENSORS, { .tensors = inputs } };
    for (int64_t i = 0; i < inputs.count && !list; i++) {
        args[i].kind = inputs.items[i] ? TG_VALUE_TENSOR : TG_VALUE_NONE;
        args[i].as.tensor = inputs.items[i];
    }
    *outputs = op->call(args);
    return true;
}

bool tgi_call_again(const tg_computed *what, tg_tensor_list inputs, tg_tensor_list *outputs, const char **why)
{
    const tg_op *op = what->op;
    *why = "";
    *outputs = TG_NONE;
    if (!what->node)
        *why = "nothing was recorded";
    else if (!op->backward)
        *why = "it has no gradient";
    else if (op->in_place_of || (what->inputs.count > 0 && what->inputs.items[0] == what->outputs.items[0]))
        *why = "it wrote over its input, whose old value is gone";
    else if (op->again)
        *outputs = op->again(what->node, inputs);
    else if (!call_with_tensors(op, inputs, outputs))
        *why = op->call ? "it cannot be called again" : "it cannot be called again: its descriptor has no .again";
    if (!**why && !tg_failed() && outputs->count == 0)
        *why = "called so it cannot be called again, or its gradient is no derivative";
    return !**why && !tg_failed();
}
