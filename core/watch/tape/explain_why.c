/* explain_why.c: why a tensor gets no gradient. */
#include "explain_impl.h"

#include "core/thread.h"

static void put_made(tgi_page *page, const char *where)
{
    if (!where || !*where) return;
    tgi_page_put(page, " at ");
    tgi_put_clean(page, where);
}

static void put_call(tgi_explaining *e, const tg_node *node)
{
    tgi_page_put(&e->page, "    ");
    tgi_put_call(&e->page, &e->leaves, node);
    tgi_page_put(&e->page, "\n");
}

/* Something on the tape, or a leaf, has the same memory: this one was detached from it. */
static bool put_source(tgi_explaining *e)
{
    const tg_tensor *t = e->tensor;
    const tg_tensor *source = t->storage == &t->own ? NULL : tgi_owner(t->storage);
    for (int64_t n = 0; n < tgi_self.node_count; n++)
        for (int i = 0; i < tgi_self.nodes[n]->output_count; i++) {
            const tg_tensor *value = tg_node_value(tgi_self.nodes[n], i);
            if (!value || value == t || value->storage != t->storage) continue;
            tgi_page_put(&e->page, "It has the memory of ");
            tgi_put_output(&e->page, tgi_self.nodes[n], i);
            tgi_page_put(&e->page, ": it was detached from it");
            put_made(&e->page, t->where);
            tgi_page_put(&e->page, ".\n");
            return true;
        }
    if (!source || source->alive != TGI_ALIVE || !tgi_tracked(source)) return false;
    tgi_page_put(&e->page, "It has the memory of ");
    tgi_put_tensor(&e->page, &e->leaves, source, -1);
    tgi_page_put(&e->page, ": it was detached from it");
    put_made(&e->page, t->where);
    tgi_page_put(&e->page, ".\n");
    return true;
}

void tgi_explain_untracked(tgi_explaining *e)
{
    const tg_tensor *t = e->tensor;
    tgi_page *page = &e->page;
    tgi_page_put(page, "No gradient comes to it: ");
    if (!tgi_is_floating(t)) {
        tgi_page_format(page, "it is of %s, and only floating numbers have one.\n", tg_dtype_name((tg_dtype)t->dtype));
        return;
    }
    if (t->origin.serial) {
        tgi_page_put(page, "the scope in which it was made");
        put_made(page, t->where);
        tgi_page_put(page, " has ended, and its node has gone. Keep the scope open until backward, or carry it on with "
                           "tg_detach.\n");
        return;
    }
    tgi_page_put(page, "it requires none. It was made");
    put_made(page, t->where);
    tgi_page_put(page, ".\n");
    if (put_source(e)) return;
    tgi_page_put(page,
                 "A leaf that is to have one is made with .requires_grad = true. The result of an op requires one if "
                 "an input does, and nobody asked for none (tg_no_grad_begin, tg_detach).\n");
}

/* The value goes into an op as a number: through a tensor of its memory that was detached. */
static bool enters_as_constant(tgi_explaining *e, const tg_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const tg_tensor *t = tg_node_constant(node, i);
        if (!t || t->storage != e->tensor->storage) continue;
        tgi_page_put(&e->page, "Its elements enter this op through a tensor that was detached");
        put_made(&e->page, t->where);
        tgi_page_put(&e->page, ", where gradients end:\n");
        put_call(e, node);
        return true;
    }
    return false;
}

static bool is_read(const tg_node *node, const tgi_value *value)
{
    for (int i = 0; i < node->input_count; i++)
        if (tgi_reads(node, i, value)) return true;
    return false;
}

void tgi_explain_unreached(tgi_explaining *e)
{
    enum { MOST = 8 };
    tgi_page *page = &e->page;
    int64_t count = 0, constants = 0;
    tgi_page_put(page, "No gradient comes to it: ");
    for (int64_t n = 0; n < e->length; n++) count += is_read(tgi_self.nodes[n], &e->value);
    if (count)
        tgi_page_put(page, "L does not depend on any op that uses it:\n");
    else
        tgi_page_put(page, "no op on the tape uses it.\n");
    for (int64_t n = 0, shown = 0; n < e->length && shown < MOST; n++)
        if (is_read(tgi_self.nodes[n], &e->value)) {
            put_call(e, tgi_self.nodes[n]);
            shown++;
        }
    if (count > MOST) tgi_page_format(page, "    and %lld more\n", (long long)(count - MOST));
    for (int64_t n = 0; n < e->length && constants < MOST; n++) constants += enters_as_constant(e, tgi_self.nodes[n]);
}
