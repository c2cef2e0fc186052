/* check_kept.c: tensors that each step leaves behind.
 *
 * Their number is looked at when a walk begins: the same line, so the same point of a step. When it has grown by the same
 * amount many times in a row, what is made during one step is held, and after the next it is seen what the program holds
 * as well. */
#include "check_impl.h"

#include "core/error.h"

enum { GROWING = 20, HELD = 4096, LINES = 4 };

typedef struct growth {
    int64_t tensors, nodes, more;
    int64_t times; /* in a row that it was as many more */
} growth;

typedef struct kept {
    tgi_lint_state base;
    tgi_table of;     /* growth by line */
    int holding;      /* 0: no; 1: what is made; 2: made, and waiting for the walk after */
    const char *line; /* of the walk that grew */
    tg_tensor **held; /* HELD; references */
    int64_t count;
} kept;

static void let_go(kept *k)
{
    for (int64_t i = 0; i < k->count; i++) tgi_unref(k->held[i]);
    tgi_free(k->held, HELD * sizeof *k->held);
    k->held = NULL;
    k->count = 0;
    k->holding = 0;
}

static void tell_tape(tgi_check *c, const growth *g, int64_t nodes)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "kept", c->walk.where, NULL)) return;
    tgi_find_say(&f, "each step leaves %lld tensor%s and %lld node%s of the tape behind, for %d steps now",
                 (long long)g->more, g->more == 1 ? "" : "s", (long long)nodes, nodes == 1 ? "" : "s", GROWING);
    tgi_find_row(
        &f, "why",
        "no scope ends with the step, or a result that was handed out of it holds its tape (a sum of losses does)");
    tgi_find_row(
        &f, "mend",
        "tg_scope step = tg_scope_begin(); ... tg_scope_end(step); around each step, and tg_item(loss) where only the "
        "number is wanted");
    tgi_find_tell(c, &f);
}

/* Of what was held, the program holds these as well: the lines that made them, the most frequent first. */
static void tell_held(kept *k, const growth *g)
{
    tgi_finding f;
    const char *lines[LINES] = { NULL };
    int64_t counts[LINES] = { 0 }, all = 0;
    for (int64_t i = 0; i < k->count; i++) {
        const tg_tensor *t = k->held[i];
        if (__atomic_load_n(&t->refs, __ATOMIC_ACQUIRE) < 2) continue;
        all++;
        for (int l = 0; l < LINES; l++) {
            if (lines[l] && lines[l] != t->where) continue;
            lines[l] = t->where;
            counts[l]++;
            break;
        }
    }
    if (!tgi_find_begin(k->base.check, &f, "kept", lines[0] ? lines[0] : k->line, NULL)) return;
    tgi_find_say(&f, "%lld tensor%s more %s alive at each step, for %d steps now", (long long)g->more,
                 g->more == 1 ? "" : "s", g->more == 1 ? "is" : "are", GROWING);
    for (int l = 0; l < LINES && lines[l]; l++)
        tgi_find_row(&f, l ? "" : "made", "%lld at %s", (long long)counts[l], tgi_line(lines[l]));
    if (!all)
        tgi_find_row(
            &f, "made",
            "not by ops that the tape records: by tg_detach, tg_zeros, tg_randn and their kind, from memory or from files");
    tgi_find_row(
        &f, "mend",
        "tg_release what tg_keep kept; tg_item(t) where only the number is wanted; tg_scope_next where a state replaces "
        "the former one");
    tgi_find_tell(k->base.check, &f);
}

static void computed(void *state, const tg_computed *what)
{
    kept *k = state;
    for (int64_t i = 0; k->holding == 1 && i < what->outputs.count && k->count < HELD; i++)
        if (what->outputs.items[i]) k->held[k->count++] = tgi_ref(what->outputs.items[i]);
}

static void follow(kept *k, growth *g, const char *where)
{
    const tg_memory_statistics now = tg_memory_stats();
    const int64_t more = now.live_tensors - g->tensors, nodes = now.tape_nodes - g->nodes;
    g->times = more > 0 && more == g->more ? g->times + 1 : 0;
    g->more = more;
    g->tensors = now.live_tensors;
    g->nodes = now.tape_nodes;
    if (g->times != GROWING) return;
    if (nodes > 0) {
        tell_tape(k->base.check, g, nodes);
        return;
    }
    k->held = tgi_calloc(HELD * sizeof *k->held);
    k->holding = k->held ? 1 : 0;
    k->line = where;
}

static void walk(void *state, const tg_walk *what)
{
    kept *k = state;
    if (!k->base.check->accumulates) return;
    k->of.size = sizeof(growth);
    growth *g = tgi_table_at(&k->of, tgi_key_of(what->where, NULL, false));
    if (!g) return;
    if (!k->holding) {
        follow(k, g, what->where);
    } else if (what->where == k->line && k->holding++ == 2) {
        tell_held(k, g);
        let_go(k);
    }
}

static void ended(void *state)
{
    let_go(state);
    tgi_table_free(&((kept *)state)->of);
}

const tgi_lint tgi_lint_kept = {
    .state_size = sizeof(kept),
    .functions = { .computed = computed, .walk = walk, .ended = ended },
};
