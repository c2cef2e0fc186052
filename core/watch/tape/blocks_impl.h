/* blocks_impl.h: the tape as a program with blocks: nodes, and around them the places they were recorded in.
 * Internal. */
#ifndef TG_CORE_WATCH_TAPE_BLOCKS_IMPL_H
#define TG_CORE_WATCH_TAPE_BLOCKS_IMPL_H

#include "words_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_item {
    const tg_place *place; /* a block: what is in it stands behind it, up to `next`. NULL: a node */
    const tg_node *node;   /* the node, or the block's first */
    int64_t outer;         /* the block around it; -1: none */
    int64_t next;          /* its next sibling: the end of what is in it */
    int depth;
    int period;            /* `repeats` times as many items as this are like those before: from here to `folded_to` */
    int64_t repeats;       /* 0: not folded */
    int64_t folded_to;
} tgi_item;

typedef struct tgi_blocks {
    tgi_item *items;
    int64_t count, capacity;
    uint8_t *wanted;       /* [index]: whether a node is in it; NULL: all are */
    int64_t nodes;         /* how many are */
    int64_t length;        /* of the tape */
} tgi_blocks;

/* All nodes, or those that `of`, an output, depends on. False with an error pending; to be freed in either case. */
bool tgi_blocks_of_tape(tgi_blocks *blocks, const tg_node *of);
void tgi_blocks_free(tgi_blocks *blocks);
static inline bool tgi_is_wanted(const tgi_blocks *blocks, const tg_node *node)
{
    return !blocks->wanted || (node->index < blocks->length && blocks->wanted[node->index]);
}

/* Marks the leaves that these nodes read as mentioned; how many they are. */
int64_t tgi_blocks_mention(const tgi_blocks *blocks, tgi_leaves *leaves);

/* Marks what is like what stands before it, so that it need not be told again (fold.c). False with an error pending. */
bool tgi_blocks_fold(tgi_blocks *blocks);

/* "t=3", "lstm_cell.W_f (Linear)". */
void tgi_put_place(tgi_page *page, const tg_place *place);

TG_EXTERN_C_END

#endif
