/* tape_memory.c: what backward holds, as a bill: by op, by place, by line. */
#include "blocks_impl.h"
#include "held_impl.h"
#include "print_impl.h"
#include "tape_print.h"

#include "core/file/text_table_impl.h"
#include "core/thread.h"

#include <stdlib.h>
#include <string.h>

typedef struct row {
    char *text;
    size_t text_bytes;
    int64_t bytes, tensors, alone; /* `alone`: what no other row holds */
} row;

enum { SEVERAL = -2, NOBODY = -1 };

/* One way to sum up. */
typedef struct table {
    const char *title;
    void (*text_of)(const tg_node *node, char text[TG_PLACE_TEXT]);
    tgi_text_table names; /* of the same numbers as the rows */
    row *rows;
    int64_t count, capacity;
    int32_t *holder;     /* [storage]: the row that holds it, SEVERAL, NOBODY */
    int64_t holders;     /* how many there is room for */
    tgi_addresses pairs; /* of row and storage: what was counted */
} table;

typedef struct bill {
    tgi_page page;
    tgi_leaves leaves;
    tgi_blocks blocks;
    tgi_held held;
    table tables[3];
    int64_t node_bytes, bytes;
} bill;

/* ---- rows ---- */

static void op_text(const tg_node *node, char text[TG_PLACE_TEXT])
{
    snprintf(text, TG_PLACE_TEXT, "%s", node->op->name);
}
static void line_text(const tg_node *node, char text[TG_PLACE_TEXT])
{
    snprintf(text, TG_PLACE_TEXT, "%s", *tg_node_where(node) ? tg_node_where(node) : "(unknown)");
}

/* All steps of a loop are one place: "t=*". */
static void place_text(const tg_node *node, char text[TG_PLACE_TEXT])
{
    char *begin = text + TG_PLACE_TEXT - 1;
    *begin = '\0';
    for (const tg_place *p = tg_node_place(node); p; p = p->outer) {
        size_t length = strlen(p->name);
        while (p->step >= 0 && length && p->name[length - 1] >= '0' && p->name[length - 1] <= '9') length--;
        const size_t star = p->step >= 0, dot = *begin != '\0';
        if ((size_t)(begin - text) < length + star + dot) break;
        if (dot) *--begin = '.';
        if (star) *--begin = '*';
        begin -= length;
        memcpy(begin, p->name, length);
    }
    memmove(text, begin, (size_t)(text + TG_PLACE_TEXT - begin));
    if (!*text) snprintf(text, TG_PLACE_TEXT, "(no module, no label)");
}

/* The number of a node's row; -1 with an error pending. */
static int64_t row_of(table *t, const tg_node *node)
{
    char text[TG_PLACE_TEXT];
    t->text_of(node, text);
    const size_t bytes = strlen(text) + 1;
    const int64_t known = tgi_text_table_find(&t->names, text, (int64_t)bytes - 1);
    if (known >= 0) return known;
    if (!tgi_grow(&t->rows, &t->capacity, t->count + 1, sizeof *t->rows)) return -1;
    char *copy = tgi_calloc(bytes);
    if (!copy) return -1;
    memcpy(copy, text, bytes);
    t->rows[t->count++] = (row){ .text = copy, .text_bytes = bytes };
    return tgi_text_table_add(&t->names, copy, (int64_t)bytes - 1);
}

typedef struct counting {
    bill *bill;
    table *table;
    int64_t row;
} counting;

static bool count_storage(void *context, const tgi_storage *storage)
{
    const counting *c = context;
    table *t = c->table;
    const int64_t place = tgi_addresses_find(&c->bill->held.storages, storage);
    const int64_t before = t->pairs.count;
    const uint64_t pair = (uint64_t)(c->row + 1) << 32 | (uint64_t)place << 4;
    if (tgi_addresses_add(&t->pairs, (const void *)(uintptr_t)pair) < 0) return false;
    if (t->pairs.count == before) return true;
    t->rows[c->row].bytes += (int64_t)storage->bytes;
    t->rows[c->row].tensors++;
    t->holder[place] = t->holder[place] == NOBODY ? (int32_t)c->row : SEVERAL;
    return true;
}

static bool sum_up(bill *b, table *t)
{
    t->holders = b->held.storages.count;
    if (t->holders && !(t->holder = tgi_calloc((size_t)t->holders * sizeof *t->holder))) return false;
    for (int64_t s = 0; s < t->holders; s++) t->holder[s] = NOBODY;
    for (int64_t i = 0; i < b->blocks.count; i++) {
        const tgi_item *item = &b->blocks.items[i];
        if (item->place) continue;
        counting c = { b, t, row_of(t, item->node) };
        if (c.row < 0 || !tgi_held_each(&b->held, item->node, count_storage, &c)) return false;
    }
    for (int64_t s = 0; s < t->holders; s++)
        if (t->holder[s] >= 0)
            t->rows[t->holder[s]].alone += (int64_t)((const tgi_storage *)b->held.storages.items[s])->bytes;
    return true;
}

static void free_table(table *t)
{
    for (int64_t i = 0; i < t->count; i++) tgi_free(t->rows[i].text, t->rows[i].text_bytes);
    tgi_grow_free(t->rows, t->capacity, sizeof *t->rows);
    tgi_text_table_free(&t->names);
    tgi_addresses_free(&t->pairs);
    if (t->holder) tgi_free(t->holder, (size_t)t->holders * sizeof *t->holder);
}

/* ---- printed ---- */

static int larger_first(const void *a, const void *b)
{
    const row *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : strcmp(x->text, y->text);
}

static void put_right(tgi_page *page, int64_t bytes)
{
    tgi_page text = { .failed = page->failed };
    tgi_put_bytes(&text, bytes);
    tgi_page_repeat(page, " ", 10 - text.length);
    if (!text.failed) tgi_page_bytes(page, text.text, text.length);
    page->failed |= text.failed;
    tgi_page_free(&text);
}

static void put_table(bill *b, table *t, int most)
{
    tgi_page *page = &b->page;
    if (t->count) qsort(t->rows, (size_t)t->count, sizeof *t->rows, larger_first);
    tgi_page_format(page, "%-40s     bytes   tensors     alone\n", t->title);
    for (int64_t i = 0; i < t->count; i++) {
        const row *r = &t->rows[i];
        if (!r->bytes || (most >= 0 && i >= most)) break;
        tgi_page_put(page, "    ");
        const int taken = tgi_page_columns(page, r->text, 36, false);
        tgi_page_repeat(page, " ", 36 - taken);
        put_right(page, r->bytes);
        tgi_page_format(page, "%10lld", (long long)r->tensors);
        put_right(page, r->alone);
        tgi_page_put(page, "\n");
    }
}

static void put_leaves(bill *b, const tg_memory_statistics *before)
{
    int64_t bytes = 0, grad_bytes = 0, grads = 0;
    tgi_page *page = &b->page;
    const int64_t count = tgi_blocks_mention(&b->blocks, &b->leaves);
    for (int64_t i = 0; i < b->leaves.count; i++) {
        if (!b->leaves.items[i].mentioned) continue;
        const tg_tensor *leaf = b->leaves.items[i].leaf, *grad = tg_grad_of(leaf);
        bytes += leaf->numel * (int64_t)tgi_element_size(leaf);
        if (grad) grad_bytes += (int64_t)grad->storage->bytes;
        grads += grad != NULL;
    }
    tgi_put_count(page, count, "leaf tensor");
    tgi_page_put(page, ": ");
    tgi_put_bytes(page, bytes);
    tgi_page_format(page, ", and %lld of their gradients: ", (long long)grads);
    tgi_put_bytes(page, grad_bytes);
    tgi_page_put(page, "\nthe nodes themselves: ");
    tgi_put_bytes(page, b->node_bytes);
    const int64_t rest = before->live_bytes - b->bytes - b->node_bytes - bytes - grad_bytes;
    tgi_page_put(page, "\nall else (results in open scopes, data, an optimiser's state): ");
    tgi_put_bytes(page, rest > 0 ? rest : 0);
    tgi_page_put(page, "\nin this thread's pool: ");
    tgi_put_bytes(page, before->live_bytes);
    tgi_page_put(page, ", at most ");
    tgi_put_bytes(page, before->peak_bytes);
    tgi_page_put(page, "\n");
}

static bool print(bill *b, const tg_node *of, int most, const tg_memory_statistics *before)
{
    if (!tgi_leaves_of_tape(&b->leaves) || !tgi_blocks_of_tape(&b->blocks, of) || !tgi_held_begin(&b->held, &b->leaves))
        return false;
    for (int64_t i = 0; i < b->blocks.count; i++) {
        const tg_node *node = b->blocks.items[i].node;
        if (b->blocks.items[i].place) continue;
        const int64_t bytes = tgi_held_add(&b->held, node);
        if (bytes < 0) return false;
        b->bytes += bytes;
        b->node_bytes += node->bytes;
    }
    tgi_page_put(&b->page, "backward holds ");
    tgi_put_bytes(&b->page, b->bytes);
    tgi_page_put(&b->page, " in ");
    tgi_put_count(&b->page, b->held.storages.count - b->held.leaves, "tensor");
    tgi_page_put(&b->page, " for ");
    tgi_put_count(&b->page, b->blocks.nodes, "node");
    tgi_page_put(&b->page, "\n");
    for (int i = 0; i < 3; i++) {
        if (!sum_up(b, &b->tables[i])) return false;
        put_table(b, &b->tables[i], most);
    }
    put_leaves(b, before);
    return true;
}

tg_status tg_tape_memory_print_at(const char *where, FILE *file, tg_tape_memory_options options)
{
    const tg_node *of;
    if (!tgi_print_begin(where, "tape_memory_print", file, options.of, &of)) return TG_FAILED;
    const tg_memory_statistics before = tg_memory_stats();
    bill b = { .tables = { { .title = "by op", .text_of = op_text },
                           { .title = "by place", .text_of = place_text },
                           { .title = "by line", .text_of = line_text } } };
    b.page.failed = !print(&b, of, options.rows, &before);
    for (int i = 0; i < 3; i++) free_table(&b.tables[i]);
    tgi_leaves_drop(&b.leaves);
    tgi_blocks_free(&b.blocks);
    tgi_held_free(&b.held);
    return tgi_page_to_file(&b.page, "tape_memory_print", file);
}
