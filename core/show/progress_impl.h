/* progress_impl.h: what a progress bar is made of, and the text of its line. Internal. */
#ifndef TG_CORE_SHOW_PROGRESS_IMPL_H
#define TG_CORE_SHOW_PROGRESS_IMPL_H

#include "progress.h"

TG_EXTERN_C_BEGIN

enum { TGI_PROGRESS_TEXT = 128, TGI_PROGRESS_LINE = 2048 };

/* A metric: name=value, or name=text. */
typedef struct tgi_progress_metric {
    struct tgi_progress_metric *next;
    double value;
    bool is_text;
    char text[TGI_PROGRESS_TEXT];
    size_t bytes; /* of the block */
    char name[];
} tgi_progress_metric;

struct tg_progress {
    uint64_t alive;
    int64_t total;   /* negative: unknown */
    int64_t done;    /* changed by any thread */
    int64_t due;     /* when to look again whether there is something to show, in nanoseconds */
    tg_clock_fn clock;
    void *clock_context;
    tg_progress_style style;
    bool leave, ascii, inner; /* inner: made while another was open on the same file */

    /* the rest is the lock's */
    tg_progress *next;        /* of all open ones, in the order in which they were made */
    FILE *file;
    int width;
    bool drawn;               /* it has a line on the terminal */
    bool final;               /* the line to be written is its last */
    int64_t began, looked;    /* when it was made, and when the rate was last brought up to date */
    int64_t shown;            /* how many are done, in the line that is made */
    int64_t done_then, initial;
    double recent_steps, recent_seconds; /* of which the rate is made: the older, the less they count */
    int64_t last_line, tenth; /* of lines: when the last one was, and how many tenths were done */
    tgi_progress_metric *metrics;
    char description[TGI_PROGRESS_TEXT], unit[32];
};

/* Copies as many characters as there is room for; of NULL none. */
void tgi_progress_copy(char *to, size_t size, const char *from);

/* The line as it is at that moment, of `columns` at most; without a bar for lines. */
void tgi_progress_line(const tg_progress *p, int64_t now, int columns, char text[TGI_PROGRESS_LINE]);

TG_EXTERN_C_END

#endif
