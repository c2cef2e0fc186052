/* print_impl.h: what printing the tape, its walk, its graph and its memory share. Internal. */
#ifndef TG_CORE_WATCH_TAPE_PRINT_IMPL_H
#define TG_CORE_WATCH_TAPE_PRINT_IMPL_H

#include "blocks_impl.h"

#include <stdio.h>

TG_EXTERN_C_BEGIN

enum { TGI_SHOWN = 16 /* elements of a value that are written out */ };

/* Opens a function that prints: the file is there, and `of` came from an op on the tape, then *node, or is NULL. False
 * with an error pending. */
bool tgi_print_begin(const char *where, const char *function, FILE *file, const tg_tensor *of, const tg_node **node);

/* The latest walk, in the order in which it went (walk_print.c). */
void tgi_put_walk(tgi_page *page, const tgi_leaves *leaves);

TG_EXTERN_C_END

#endif
