/* terminal_impl.h: what the place where text goes can show. Internal; nothing here fails. */
#ifndef TG_CORE_SHOW_TERMINAL_IMPL_H
#define TG_CORE_SHOW_TERMINAL_IMPL_H

#include "core/base.h"

#include <stdio.h>

TG_EXTERN_C_BEGIN

/* Whether what is written to it is seen on a terminal. NULL is none. */
bool tgi_is_terminal(FILE *file);
/* The terminal's width, as COLUMNS or the terminal itself says; 80 where nobody says. */
int tgi_terminal_columns(FILE *file);
/* Whether it is one whose cursor can be moved: not TERM=dumb. */
bool tgi_terminal_moves(FILE *file);
/* Whether it is one that shows colours, and nobody asked for none: NO_COLOR, TERM=dumb. */
bool tgi_terminal_colors(FILE *file);
/* Whether texts are UTF-8, as LC_ALL, LC_CTYPE or LANG say; on Linux's own console, which has no braille, not. */
bool tgi_terminal_unicode(void);

TG_EXTERN_C_END

#endif
