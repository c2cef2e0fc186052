/* ticks_impl.h: an axis: its limits, its round ticks and what they read. Internal; nothing here can fail. */
#ifndef TG_CORE_SHOW_TICKS_IMPL_H
#define TG_CORE_SHOW_TICKS_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

enum { TGI_MOST_TICKS = 10, TGI_TICK_TEXT = 32 };

/* Of limits that are given; on a log axis the least one is 1 / TGI_LARGEST_LIMIT. */
#define TGI_LARGEST_LIMIT 1e300

typedef struct tgi_axis {
    double low, high;      /* finite, low < high; of a log axis above 0 */
    bool log;
    int count;             /* of ticks, in order, none outside the limits; on a linear axis all a step apart */
    double ticks[TGI_MOST_TICKS];
    char labels[TGI_MOST_TICKS][TGI_TICK_TEXT];
} tgi_axis;

/* What an axis has to show, and how it may choose. */
typedef struct tgi_span {
    double low, high;              /* of the numbers; low > high: there are none */
    bool log;
    bool whole;                    /* all are integers: no ticks between those */
    bool fixed_low, fixed_high;    /* this limit was given, up to TGI_LARGEST_LIMIT, and stays */
    double slack;                  /* how far a limit that was not given may move out to a tick, in lengths of the axis */
} tgi_span;

/* Ticks are multiples of 1, 2 or 5 times a power of ten; on a log axis the powers of ten or every 2nd, 5th, ... of
 * them, with 2 and 5 between where few are seen. Three at least, unless `most`, below 8, a fixed limit or integers do
 * not allow it. */
void tgi_axis_choose(tgi_axis *axis, const tgi_span *span, int most);

/* Where a number stands on the axis: 0 at its low end, 1 at its high end, at most a million lengths away. NaN of what
 * has no place. */
double tgi_axis_at(const tgi_axis *axis, double value);

TG_EXTERN_C_END

#endif
