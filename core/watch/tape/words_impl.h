/* words_impl.h: how texts about the tape call what is on it: "%7", "lstm.weight", "leaf2", "float32[3, 4]", "[1, 2]".
 * Internal. Texts go to a page (core/show/page_impl.h), which fails when memory runs out. */
#ifndef TG_CORE_WATCH_TAPE_WORDS_IMPL_H
#define TG_CORE_WATCH_TAPE_WORDS_IMPL_H

#include "addresses_impl.h"
#include "watch.h"

#include "core/show/page_impl.h"
#include "core/tape_impl.h"

TG_EXTERN_C_BEGIN

/* ---- leaves ---- those that the tape reads, in the order in which it comes to them */
typedef struct tgi_leaf {
    const tg_tensor *leaf;
    int64_t number; /* of one without a name: "leaf2"; of one whose name another leaf had before: "weight#2"; 0: neither */
    bool mentioned; /* by what is printed: tgi_blocks_mention */
} tgi_leaf;

typedef struct tgi_leaves {
    tgi_leaf *items;
    int64_t count, capacity;
    tgi_addresses known; /* of the same numbers */
} tgi_leaves;

/* False with an error pending; to be freed in either case. */
bool tgi_leaves_of_tape(tgi_leaves *leaves);
void tgi_leaves_drop(tgi_leaves *leaves);
tgi_leaf *tgi_leaf_find(const tgi_leaves *leaves, const tg_tensor *leaf);

/* ---- what things are called ---- */

/* "%7", of a node with several outputs "%7.1". */
void tgi_put_output(tgi_page *page, const tg_node *node, int output);
/* "%7 h", with the name that the program gave it. */
void tgi_put_result(tgi_page *page, const tg_node *node, int output);
void tgi_put_leaf(tgi_page *page, const tgi_leaves *leaves, const tg_tensor *leaf);
/* "float32[2, 3]". */
void tgi_put_type(tgi_page *page, tg_dtype dtype, const tg_shape *shape);
/* A tensor through which no gradient goes: its name; a single element as a number, up to `most` of them as "[1, 2]";
 * otherwise its type. NULL: "-". */
void tgi_put_constant(tgi_page *page, const tg_tensor *t, int64_t most);
/* Input `i` of a node, whatever it is. */
void tgi_put_input(tgi_page *page, const tgi_leaves *leaves, const tg_node *node, int i, int64_t most);
/* "%7 h = mul(w, %6 u)    main.c:7". */
void tgi_put_call(tgi_page *page, const tgi_leaves *leaves, const tg_node *node);
/* Any tensor: what made it, its name or what it is. One that was written since is said to be, if `version` is that of a
 * tensor that was saved; -1: is not asked. */
void tgi_put_tensor(tgi_page *page, const tgi_leaves *leaves, const tg_tensor *t, int64_t version);
/* A text as it is, but for what would command a terminal. */
void tgi_put_clean(tgi_page *page, const char *text);

/* The gradient of output `i` in the latest walk, or what tg_retain_grad kept of it; NULL: neither. */
const tg_tensor *tgi_known_grad(const tg_node *node, int i);

/* ---- numbers ---- */

/* All elements in brackets if they are `most` at most, "[[1, 2], [3, 4]]"; otherwise "min -1, mean 0.5, max 2", and how
 * many are not finite. NULL: "none". */
void tgi_put_values(tgi_page *page, const tg_tensor *t, int64_t most);
/* "[1, 2]". */
void tgi_put_index(tgi_page *page, const int64_t *index, int count);
/* The element at that index, converted. */
double tgi_element_at(const tg_tensor *t, const int64_t *index);
/* The next one in row-major order; how many dimensions, from the last one on, began anew. */
int tgi_next_index(const tg_tensor *t, int64_t *index);
/* "0.3634", "1e-12", "nan". */
void tgi_put_number(tgi_page *page, double value);
/* "8 B", "3.2 KB": of 1000. */
void tgi_put_bytes(tgi_page *page, int64_t bytes);
/* "1 node", "2 nodes". */
void tgi_put_count(tgi_page *page, int64_t count, const char *noun);

/* The norm of a - b, of one shape: the root of the sum of squares of all elements. NULL for b: of a. */
double tgi_distance(const tg_tensor *a, const tg_tensor *b);

TG_EXTERN_C_END

#endif
