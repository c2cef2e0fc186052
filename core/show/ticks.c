/* ticks.c: see ticks_impl.h. A tick is written down in decimal first and read back, so that it is the very double that
 * its label names. */
#include "ticks_impl.h"

#include "core/text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_EXPONENT = -323, LARGEST_EXPONENT = 308 };

static const int mantissas[] = { 1, 2, 5 };

/* mantissa * 10^exponent, the nearest double. */
static double decimal(int64_t mantissa, int exponent)
{
    char text[48];
    tgi_format(text, sizeof text, "%llde%d", (long long)mantissa, exponent);
    void *before = tgi_text_begin();
    const double value = strtod(text, NULL);
    tgi_text_end(before);
    return value;
}

/* value / 10^exponent; powers below the normal numbers would lose digits. */
static double mantissa_of(double value, int exponent)
{
    return exponent < -300 ? value * 1e20 / decimal(1, exponent + 20) : value / decimal(1, exponent);
}

/* ---- limits ---- */

/* Of numbers that are one, or so near to each other that doubles hardly tell them apart, a limit around them. */
static void widen(double *low, double *high, bool log, bool fixed_low, bool fixed_high)
{
    const double size = fmax(fabs(*low), fabs(*high));
    const double half = *high / 2 - *low / 2;
    if (half > size * 5e-13 && (log || half > 1e-300)) return;
    double below, above;
    if (log) {
        below = fmax(*low / 3, DBL_MIN);
        above = *high < DBL_MAX / 3 ? fmax(*high * 3, 2 * DBL_MIN) : DBL_MAX;
    } else {
        const double step = size < 1e-290 ? 1 : pow(10, floor(log10(size))) / 2;
        below = fmax(*low - step, -DBL_MAX);
        above = fmin(*high + step, DBL_MAX);
    }
    if (!fixed_low) *low = below;
    if (!fixed_high) *high = above;
}

/* Limits that can be drawn, whatever was given or found. */
static void choose_limits(tgi_axis *axis, const tgi_span *span)
{
    double low = span->low, high = span->high;
    if (!(low <= high)) { /* no numbers, or none on this side of a fixed limit */
        if (span->fixed_low)
            high = span->log ? (low < DBL_MAX / 10 ? low * 10 : DBL_MAX) : low + fmax(1, fabs(low) * 1e-6);
        else if (span->fixed_high)
            low = span->log ? high / 10 : high - fmax(1, fabs(high) * 1e-6);
        else {
            low = span->log ? 1 : 0;
            high = span->log ? 10 : 1;
        }
    }
    widen(&low, &high, span->log, span->fixed_low, span->fixed_high);
    axis->low = low;
    axis->high = high;
    axis->log = span->log;
}

/* Moves limits that were not given out to two ticks, where those are numbers. */
static void round_limits(tgi_axis *axis, const tgi_span *span, double first, double last)
{
    const bool above_0 = !axis->log || first >= DBL_MIN;
    if (!span->fixed_low && isfinite(first) && above_0 && first < axis->low) axis->low = first;
    if (!span->fixed_high && isfinite(last) && last > axis->high) axis->high = last;
}

static void add(tgi_axis *axis, double tick)
{
    if (axis->count < TGI_MOST_TICKS && tick >= axis->low && tick <= axis->high) axis->ticks[axis->count++] = tick;
}

/* ---- a linear axis ---- */

typedef struct steps {
    int mantissa, exponent;
    int64_t first, last; /* the ticks are these multiples of mantissa * 10^exponent */
} steps;

/* The first multiple, in steps, of an axis that begins at `low`: one below it where the limit may move so far. */
static double first_multiple(double low, double reach)
{
    const double slack = 1e-9, inside = ceil(low - slack), outside = inside - 1;
    return inside - low > slack && low - outside <= reach ? outside : inside;
}

static void find_multiples(steps *s, const tgi_axis *axis, const tgi_span *span)
{
    const double step = decimal(s->mantissa, s->exponent);
    const double low = axis->low / step, high = axis->high / step;
    const double reach = span->slack >= 1 ? INFINITY : span->slack * (high - low);
    s->first = (int64_t)first_multiple(low, span->fixed_low ? 0 : reach);
    s->last = -(int64_t)first_multiple(-high, span->fixed_high ? 0 : reach);
}

/* The least step that needs no more than `most` ticks. */
static steps choose_step(const tgi_axis *axis, const tgi_span *span, int most)
{
    const double share = axis->high / most - axis->low / most;
    int exponent = share > 1e-320 ? (int)floor(log10(share)) - 1 : LEAST_EXPONENT;
    if (exponent < LEAST_EXPONENT) exponent = LEAST_EXPONENT;
    if (span->whole && exponent < 0) exponent = 0;
    for (; exponent <= LARGEST_EXPONENT; exponent++)
        for (int i = 0; i < 3; i++) {
            steps s = { mantissas[i], exponent, 0, 0 };
            const double step = decimal(s.mantissa, s.exponent);
            if (fabs(axis->low) / step > 1e15 || fabs(axis->high) / step > 1e15) continue;
            find_multiples(&s, axis, span);
            if (s.last - s.first < most) return s;
        }
    return (steps){ 1, LARGEST_EXPONENT, 0, -1 };
}

static int length_without_sign(const char *text) { return (int)strlen(text) - (text[0] == '-'); }

/* A tick of a linear axis, with the digits that its step needs; a mantissa without needless zeros: 8e5, 1e6, 1.2e6. */
static void write_label(char text[TGI_TICK_TEXT], double tick, int step_exponent, bool scientific)
{
    const int exponent = tick != 0 ? (int)floor(log10(fabs(tick)) + 1e-9) : 0;
    const int digits = (scientific ? exponent : 0) - step_exponent, decimals = digits > 0 ? digits : 0;
    int length = tgi_format(text, TGI_TICK_TEXT, "%.*f", decimals, scientific ? mantissa_of(tick, exponent) : tick);
    if (tick == 0) strcpy(text, "0");
    if (tick == 0 || !scientific) return;
    while (decimals > 0 && text[length - 1] == '0') length--;
    if (text[length - 1] == '.') length--;
    tgi_format(text + length, (size_t)(TGI_TICK_TEXT - length), "e%d", exponent);
}

/* The longest label, so written. */
static int longest(const tgi_axis *axis, int step_exponent, bool scientific)
{
    char text[TGI_TICK_TEXT];
    int most = 0;
    for (int i = 0; i < axis->count; i++) {
        write_label(text, axis->ticks[i], step_exponent, scientific);
        if (length_without_sign(text) > most) most = length_without_sign(text);
    }
    return most;
}

/* Plain up to six characters, and beyond where nothing is shorter. */
static void label_linear(tgi_axis *axis, int step_exponent)
{
    const int plain = longest(axis, step_exponent, false);
    const bool scientific = plain > 6 && longest(axis, step_exponent, true) < plain;
    for (int i = 0; i < axis->count; i++) write_label(axis->labels[i], axis->ticks[i], step_exponent, scientific);
}

static void choose_linear(tgi_axis *axis, const tgi_span *span, int most)
{
    const steps s = choose_step(axis, span, most);
    if (span->slack > 0 && s.last >= s.first)
        round_limits(axis, span, decimal(s.first * s.mantissa, s.exponent), decimal(s.last * s.mantissa, s.exponent));
    axis->count = 0;
    for (int64_t i = s.first; i <= s.last; i++) add(axis, decimal(i * s.mantissa, s.exponent));
    label_linear(axis, s.exponent);
}

/* ---- a log axis ---- its limits move to the next tick, or not at all ---- */

static bool may_move(const tgi_span *span, bool fixed) { return !fixed && span->slack >= 1; }

/* The i-th of 1, 2, 5, 10, 20, 50, ..., counted from 1. */
static double one_two_five(int i)
{
    const int exponent = i >= 0 ? i / 3 : -((2 - i) / 3);
    return decimal(mantissas[i - 3 * exponent], exponent);
}

/* Of a series of numbers that grows, those inside the limits, or around them where those may move. */
static void find_logarithmic(double (*number)(int i), int from, const tgi_axis *axis, const tgi_span *span, int *first,
                             int *last)
{
    const double slack = 1 + 1e-9;
    int i = from;
    while (number(i + 1) / slack <= axis->low) i++;
    *first = may_move(span, span->fixed_low) || number(i) >= axis->low ? i : i + 1;
    for (i = *first; number(i) < axis->high / slack; i++) continue;
    *last = may_move(span, span->fixed_high) || number(i) <= axis->high ? i : i - 1;
}

static double power(int i) { return decimal(1, i); }

/* Each in its shorter way: 1e-4, 0.001, 0.01, ..., 10000, 1e5. */
static void label_logarithmic(tgi_axis *axis)
{
    for (int i = 0; i < axis->count; i++) {
        const double tick = axis->ticks[i];
        const int exponent = (int)floor(log10(tick) + 1e-9);
        if (exponent >= -3 && exponent <= 4)
            tgi_format(axis->labels[i], TGI_TICK_TEXT, "%.*f", exponent < 0 ? -exponent : 0, tick);
        else
            tgi_format(axis->labels[i], TGI_TICK_TEXT, "%.0fe%d", mantissa_of(tick, exponent), exponent);
    }
}

/* Powers of ten, or every 2nd, 5th, 10th ... of them. */
static void choose_powers(tgi_axis *axis, const tgi_span *span, int most)
{
    int first, last;
    find_logarithmic(power, (int)floor(log10(axis->low)) - 1, axis, span, &first, &last);
    for (int i = 0;; i++) {
        const int stride = mantissas[i % 3] * (i < 3 ? 1 : i < 6 ? 10 : 100);
        const int from = (int)floor((double)first / stride), to = (int)ceil((double)last / stride);
        if (to - from >= most && i < 8) continue;
        if (span->slack >= 1) round_limits(axis, span, power(from * stride), power(to * stride));
        for (int k = from; k <= to; k++) add(axis, power(k * stride));
        return;
    }
}

static void choose_logarithmic(tgi_axis *axis, const tgi_span *span, int most)
{
    int first, last;
    const int from = 3 * ((int)floor(log10(axis->low)) - 1);
    axis->count = 0;
    find_logarithmic(one_two_five, from, axis, span, &first, &last);
    if (last - first < 2) {
        choose_linear(axis, span, most); /* less than a decade: evenly apart as numbers, not as places */
        return;
    }
    if (last - first < most) {
        if (span->slack >= 1) round_limits(axis, span, one_two_five(first), one_two_five(last));
        for (int i = first; i <= last; i++) add(axis, one_two_five(i));
    } else
        choose_powers(axis, span, most);
    label_logarithmic(axis);
}

/* ---- both ---- */

void tgi_axis_choose(tgi_axis *axis, const tgi_span *span, int most)
{
    if (most > TGI_MOST_TICKS) most = TGI_MOST_TICKS;
    if (most < 3) most = 3; /* of a range with 0 inside, rounded, there are three at least */
    choose_limits(axis, span);
    if (span->log)
        choose_logarithmic(axis, span, most);
    else
        choose_linear(axis, span, most);
}

double tgi_axis_at(const tgi_axis *axis, double value)
{
    double at;
    if (!isfinite(value) || (axis->log && value <= 0)) return NAN;
    if (axis->log)
        at = (log(value) - log(axis->low)) / (log(axis->high) - log(axis->low));
    else if (isfinite(axis->high - axis->low) && isfinite(value - axis->low))
        at = (value - axis->low) / (axis->high - axis->low);
    else
        at = (value / 4 - axis->low / 4) / (axis->high / 4 - axis->low / 4);
    return fmin(fmax(at, -1e6), 1e6);
}
