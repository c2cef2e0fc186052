/* compare_fit.c: what guesses stand on: whether a formula gives a tensor; the list that they are put into. */
#include "compare_impl.h"

#include "core/text.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void tgi_guess_add(tgi_suspect *s, int rank, double misfit, const char *format, ...)
{
    tgi_guess guess = { .rank = rank, .misfit = misfit };
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(guess.text, sizeof guess.text, format, arguments);
    va_end(arguments);
    int at = s->guess_count;
    for (int i = 0; i < s->guess_count; i++)
        if (strcmp(s->guesses[i].text, guess.text) == 0) return;
    while (at > 0 && s->guesses[at - 1].rank > rank) at--;
    if (at == TGI_GUESSES) return;
    const int last = s->guess_count < TGI_GUESSES ? s->guess_count++ : TGI_GUESSES - 1;
    memmove(&s->guesses[at + 1], &s->guesses[at], (size_t)(last - at) * sizeof guess);
    s->guesses[at] = guess;
}

bool tgi_fits(const tgi_suspect *s, const double *a, const double *b, int64_t count, double *misfit)
{
    double scale = 0;
    for (int64_t i = 0; i < count; i++) scale = fmax(scale, fabs(b[i]));
    *misfit = 0;
    if (!(scale > 0)) return false;
    for (int64_t i = 0; i < count; i++) {
        const double difference = fabs(a[i] - b[i]) / scale;
        if (!(difference <= s->fit)) return false;
        if (difference > *misfit) *misfit = difference;
    }
    return true;
}

void tgi_exchange(tgi_reals x, int first, int second, double *to)
{
    int64_t strides[TG_MAX_DIMS], index[TG_MAX_DIMS] = { 0 };
    tg_shape shape = x.shape;
    tg_shape_strides(&x.shape, strides);
    const int64_t stride = strides[first];
    strides[first] = strides[second];
    strides[second] = stride;
    shape.dims[first] = x.shape.dims[second];
    shape.dims[second] = x.shape.dims[first];
    for (int64_t i = 0; i < x.count; i++) {
        int64_t at = 0;
        for (int d = 0; d < shape.ndim; d++) at += index[d] * strides[d];
        to[i] = x.at[at];
        for (int d = shape.ndim - 1; d >= 0 && ++index[d] == shape.dims[d]; d--) index[d] = 0;
    }
}

bool tgi_recorded_reals(tgi_reals *values, const tgi_recorded *r) { return r && tgi_reals_of(values, r->tensor); }
