/* print.h: tensors as PyTorch prints them. */
#ifndef TG_CORE_PRINT_H
#define TG_CORE_PRINT_H

#include "base.h"
#include <stdio.h>

TG_BEGIN_DECLS

/* What `print(t)` prints: "tensor([1., 2.], grad_fn=<AddBackward0>)" and a newline. */
void tg_print_at(const char *where, const tg_tensor *t);
void tg_fprint_at(const char *where, FILE *file, const tg_tensor *t);
#define tg_print(t)        tg_print_at(TG_HERE, t)
#define tg_fprint(file, t) tg_fprint_at(TG_HERE, file, t)

/* The text alone, without a newline, as snprintf counts it: returns the length it needs and writes at most `size`
 * bytes. */
int64_t tg_format_at(const char *where, const tg_tensor *t, char *buffer, int64_t size);
#define tg_format(t, buffer, size) tg_format_at(TG_HERE, t, buffer, size)

/* PyTorch's set_printoptions; the defaults are PyTorch's. */
typedef struct tg_print_options {
    int precision;      /* digits after the point */
    int64_t threshold;  /* more elements than this are summarised */
    int64_t edgeitems;  /* shown at each end of a summarised dimension */
    int linewidth;
    int sci_mode;       /* 1 always, 0 never, -1 as needed */
    TG_OPTIONS_END
} tg_print_options;
#define TG_PRINT_DEFAULTS /* precision */ 4, /* threshold */ 1000, /* edgeitems */ 3, /* linewidth */ 80, /* sci_mode */ -1 TG_DEFAULTS_END
void tg_set_printoptions_with(tg_print_options options);
#define tg_set_printoptions(...)                                                                                      \
    tg_set_printoptions_with(TG_OPTIONS(tg_print_options, TG_PRINT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
