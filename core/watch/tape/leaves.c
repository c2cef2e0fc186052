/* leaves.c: the leaves that the tape reads, and what they are called: by their name, or by a number. */
#include "words_impl.h"

#include "core/file/text_table_impl.h"
#include "core/thread.h"

#include <string.h>

static bool add(tgi_leaves *leaves, const tg_tensor *leaf)
{
    const int64_t place = tgi_addresses_add(&leaves->known, leaf);
    if (place < 0 || place < leaves->count) return place >= 0;
    if (!tgi_grow(&leaves->items, &leaves->capacity, leaves->count + 1, sizeof *leaves->items)) return false;
    leaves->items[leaves->count++] = (tgi_leaf){ .leaf = leaf };
    return true;
}

/* Unnamed ones are counted, and those that have the same name. */
static bool number(tgi_leaves *leaves)
{
    tgi_text_table names = { .entries = NULL };
    int64_t unnamed = 0;
    bool ok = true;
    for (int64_t i = 0; ok && i < leaves->count; i++) {
        const char *name = tg_name_of(leaves->items[i].leaf);
        const int64_t place = name ? tgi_text_table_add(&names, name, (int64_t)strlen(name)) : -1;
        if (!name)
            leaves->items[i].number = ++unnamed;
        else if (place >= 0 && names.entries[place].count > 1)
            leaves->items[i].number = names.entries[place].count;
        ok = !name || place >= 0;
    }
    tgi_text_table_free(&names);
    return ok;
}

bool tgi_leaves_of_tape(tgi_leaves *leaves)
{
    for (int64_t n = 0; n < tgi_self.node_count; n++) {
        const tg_node *node = tgi_self.nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            const tg_tensor *leaf = tgi_edge_leaf(&tgi_inputs(node)[i]);
            if (leaf && !add(leaves, leaf)) return false;
        }
    }
    return number(leaves);
}

void tgi_leaves_drop(tgi_leaves *leaves)
{
    tgi_grow_free(leaves->items, leaves->capacity, sizeof *leaves->items);
    tgi_addresses_free(&leaves->known);
    *leaves = (tgi_leaves){ .items = NULL };
}

tgi_leaf *tgi_leaf_find(const tgi_leaves *leaves, const tg_tensor *leaf)
{
    const int64_t place = tgi_addresses_find(&leaves->known, leaf);
    return place < 0 ? NULL : &leaves->items[place];
}
