/* program_checkpoint.c: programs of which some parts run in checkpoints, one inside the other now and then. */
#include "program.h"

#include "cmocka_all.h"
#include "core/recompute.h"

#include <string.h>

enum { LONGEST = 12, MOST = 48, INPUTS = 64 }; /* steps, values, and values handed to a part */

typedef struct part {
    running *r;
    int from, to;                    /* steps */
    int inner_from, inner_to;        /* of these a checkpoint inside; none where they are the same */
    int inputs[INPUTS], input_count; /* values that it is handed; others it finds by itself */
} part;

static bool writes(const step *s)
{
    const tg_op *op = program_op(s);
    return op && op->in_place_of && s->kind == STEP_CALL;
}

/* The value whose memory `v` is: what writes in place hands on the tensor that it wrote. */
static int root_of(const program *p, int v)
{
    const step *s = &p->steps[p->values[v].step];
    return writes(s) && v == s->first ? root_of(p, s->inputs[0]) : v;
}

static bool reads(const program *p, int from, int to, int root)
{
    for (int i = from; i < to; i++)
        for (int k = 0; k < p->steps[i].input_count; k++)
            if (root_of(p, p->steps[i].inputs[k]) == root) return true;
    return false;
}

static bool is_fixed(const step *s) { return s->kind == STEP_LEAF || s->kind == STEP_CONSTANT; }

/* A function makes no leaf and writes nothing that was there before, and nobody writes later what it has read. */
static bool can_run_twice(const program *p, int from, int to)
{
    for (int i = from; i < to; i++)
        if (is_fixed(&p->steps[i])) return false;
    for (int i = from; i < p->step_count; i++) {
        const step *s = &p->steps[i];
        if (!writes(s)) continue;
        const int root = root_of(p, s->inputs[0]), made = p->values[root].step;
        if (i < to ? made < from : made < from && reads(p, from, to, root)) return false;
    }
    return true;
}

static int first_value(const program *p, int i) { return i < p->step_count ? p->steps[i].first : p->value_count; }

/* Every other of the values that the part reads and that were there before; of those from `known` on all: a function
 * inside another finds what that one makes nowhere else. False: they are too many. */
static bool choose_inputs(part *of, int known, uint64_t *state)
{
    const program *p = of->r->program;
    of->input_count = 0;
    for (int v = 0; v < first_value(p, of->from); v++) {
        bool read = false;
        for (int i = of->from; i < of->to; i++)
            for (int k = 0; k < p->steps[i].input_count; k++) read |= p->steps[i].inputs[k] == v;
        if (!read || (v < known && program_number(state) < 0.5)) continue;
        if (of->input_count == INPUTS) return false;
        of->inputs[of->input_count++] = v;
    }
    return true;
}

static void run_part(void *context, tg_tensor *const *inputs, tg_tensor **outputs);

static bool run_checkpoint(part *of)
{
    const program *p = of->r->program;
    const int first = first_value(p, of->from), count = first_value(p, of->to) - first;
    tg_tensor *inputs[INPUTS];
    for (int k = 0; k < of->input_count; k++) inputs[k] = of->r->values[of->inputs[k]];
    const tg_tensor_list results =
        tg_checkpoint(run_part, of, tg_list_of(inputs, of->input_count), .outputs = count, .context_size = sizeof *of);
    for (int k = 0; k < count && results.count; k++) of->r->values[first + k] = results.items[k];
    return results.count > 0;
}

static bool run_steps(running *r, int from, int to)
{
    for (int i = from; i < to; i++)
        if (!program_run_step(r, i, (motion){ .h = 0 })) return false;
    return true;
}

/* When it runs in backward, the values in the running program are those of the end: it has a copy of its own. */
static void run_part(void *context, tg_tensor *const *inputs, tg_tensor **outputs)
{
    part *of = context, inner = *of;
    running *const r = of->r;
    const program *p = r->program;
    static running kept[2];
    static int depth;
    running *before = &kept[depth++];
    *before = *r;
    for (int k = 0; k < of->input_count; k++) r->values[of->inputs[k]] = inputs[k];
    const bool has_inner = of->inner_from < of->inner_to;
    inner.from = of->inner_from;
    inner.to = of->inner_to;
    inner.inner_to = inner.inner_from;
    uint64_t state = p->seed;
    assert_true(!has_inner || choose_inputs(&inner, first_value(p, of->from), &state));
    if (run_steps(r, of->from, has_inner ? of->inner_from : of->to) && has_inner && run_checkpoint(&inner))
        run_steps(r, of->inner_to, of->to);
    const int first = first_value(p, of->from), last = first_value(p, of->to);
    for (int v = first; v < last; v++) outputs[v - first] = r->values[v];
    *r = *before;
    depth--;
}

int program_run_in_checkpoints(running *r)
{
    const program *p = r->program;
    uint64_t state = p->seed + 77;
    int checkpoints = 0;
    for (int i = 0; i < p->step_count;) {
        const int length = 1 + (int)(program_number(&state) * LONGEST);
        part of = { .r = r, .from = i, .to = i + length < p->step_count ? i + length : p->step_count };
        while (of.to > of.from &&
               !(can_run_twice(p, of.from, of.to) && first_value(p, of.to) - first_value(p, of.from) <= MOST))
            of.to--;
        if (of.to - of.from < 1 || program_number(&state) < 0.2) {
            if (!run_steps(r, i, i + 1)) return -1;
            i++;
            continue;
        }
        assert_true(choose_inputs(&of, first_value(p, i), &state));
        if (of.to - of.from > 3 && can_run_twice(p, of.from + 1, of.to - 1)) {
            of.inner_from = of.from + 1;
            of.inner_to = of.to - 1;
        }
        if (!run_checkpoint(&of)) return -1;
        checkpoints++;
        i = of.to;
    }
    return program_run_terms(r) ? checkpoints : -1;
}
