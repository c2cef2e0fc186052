/* formula_impl.h: what an op's descriptor says of the gradient of one input, with numbers for its letters. Internal. */
#ifndef TG_CORE_WATCH_TAPE_FORMULA_IMPL_H
#define TG_CORE_WATCH_TAPE_FORMULA_IMPL_H

#include "words_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_formula {
    tgi_page name;     /* "da" */
    tgi_page text;     /* "g * b", of a row's "mul(g, b)"; a structural op's as it is: "g bT" */
    const tg_node *node;
    int input;
} tgi_formula;

/* Of input `i`. False if there is nothing to be said; to be freed in either case. */
bool tgi_formula_of(tgi_formula *formula, const tg_node *node, int i);
void tgi_formula_free(tgi_formula *formula);

/* The tensor that a letter in it stands for; NULL: none, or it is not known. `grad` is that of output 0. */
const tg_tensor *tgi_formula_value(const tgi_formula *formula, const char *letter, int64_t length, const tg_tensor *grad);
/* The text with numbers for options, and for the letters whose tensors have few elements. False, and nothing was put,
 * without any. */
bool tgi_put_filled(tgi_page *page, const tgi_formula *formula, const tg_tensor *grad, int64_t most);

/* What an input held, if that is known: of a watched node, or if it was saved. */
const tg_tensor *tgi_input_value(const tg_node *node, int i);

TG_EXTERN_C_END

#endif
