/* check_gradients.c: each op that a run uses, its backward held against differences of its forward, on the data that it was
 * used on: once for each op and kind of inputs.
 *
 * An observer of its own, since it calls ops: what it is told of stands between scopes that check.c's, which only looks,
 * does without. */
#include "check_impl.h"
#include "core/watch/gradcheck/check_node.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

enum { REASONS = 16 };

struct tgi_check_gradients {
    tgi_table kinds; /* of calls that were looked at */
    int64_t right, wrong;
    struct {
        const tg_op *op;
        char why[160];
    } not_checked[REASONS]; /* the first call of each op */
    int not_count;
};

/* Of the op, and of its inputs' dtypes and numbers of dimensions. */
static uint64_t kind_of(const tg_computed *what)
{
    uint64_t key = (uint64_t)(uintptr_t)what->op;
    for (int64_t i = 0; i < what->inputs.count && i < 8; i++) {
        const tg_tensor *t = what->inputs.items[i];
        key = key * 0x100000001b3u + (t ? 1 + t->dtype + 8u * t->ndim + 128u * tgi_tracked(t) : 0);
    }
    return key;
}

static void note_unchecked(struct tgi_check_gradients *g, const tg_op *op, const char *why)
{
    for (int i = 0; i < g->not_count; i++)
        if (g->not_checked[i].op == op) return;
    if (g->not_count == REASONS) return;
    g->not_checked[g->not_count].op = op;
    snprintf(g->not_checked[g->not_count++].why, sizeof g->not_checked[0].why, "%.159s", why);
}

static void tell_wrong(tgi_check *c, const tg_computed *what, const char *text)
{
    tgi_finding f;
    if (!tgi_find_begin(c, &f, "wrong_gradient", what->node->where, tg_node_place(what->node))) return;
    tgi_find_say(&f, "the backward of %s is not the derivative of its forward", what->op->name);
    tgi_find_row(&f, "seen", "%s", text);
    tgi_find_row(&f, "mend", "tg_gradcheck of this op alone shows the whole Jacobian; docs/adding-an-op.md says how");
    tgi_find_tell(c, &f);
}

static void computed(void *context, const tg_computed *what)
{
    tgi_check *c = context;
    struct tgi_check_gradients *g = c->gradients;
    const uint64_t kind = what->node ? kind_of(what) : 0;
    if (!what->node || c->walking || tgi_table_find(&g->kinds, kind) || !tgi_table_at(&g->kinds, kind)) return;
    char text[TGI_CHECK_TEXT];
    const tgi_checked result = tgi_check_node(what, text);
    g->right += result == TGI_CHECKED_RIGHT;
    g->wrong += result == TGI_CHECKED_WRONG;
    if (result == TGI_CHECKED_WRONG) tell_wrong(c, what, text);
    if (result == TGI_CHECKED_NOT) note_unchecked(g, what->op, text);
}

bool tgi_check_gradients_begin(tgi_check *c)
{
    c->gradients = tgi_calloc(sizeof *c->gradients);
    if (!c->gradients) return false;
    c->gradients->kinds.size = 1;
    c->gradient_observer = tg_observe_at(NULL, &(tg_observer){ .computed = computed }, c);
    return c->gradient_observer >= 0;
}

void tgi_check_gradients_say(const tgi_check *c)
{
    const struct tgi_check_gradients *g = c->gradients;
    if (!g || !g->kinds.count) return;
    fprintf(stderr, "tapegrad check: backwards held against differences: %lld right, %lld wrong\n", (long long)g->right,
            (long long)g->wrong);
    for (int i = 0; i < g->not_count; i++)
        fprintf(stderr, "    not %s: %s\n", g->not_checked[i].op->name, g->not_checked[i].why);
}

void tgi_check_gradients_free(tgi_check *c)
{
    if (!c->gradients) return;
    tgi_table_free(&c->gradients->kinds);
    tgi_free(c->gradients, sizeof *c->gradients);
    c->gradients = NULL;
}
