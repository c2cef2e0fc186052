/* shortest.c: numbers as their shortest text, in integers alone, after R. Giulietti, "The Schubfach way to render
 * doubles" (2020).
 *
 * A number v = c * 2^q stands for all reals nearer to it than to its neighbours. The powers 10^k are chosen such that
 * some multiple of 10^k is among them, but at most one of 10^(k+1): if that one is, it is the shortest, otherwise the
 * nearest of the former is. Both are found from v * 10^-k, for which 128 bits of 10^-k suffice: no v of 53 bits comes
 * closer to the border between two answers without being on it. */
#include "number_impl.h"

#include "core/text.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- powers of ten ---- */

enum { LEAST = -292, MOST = 324, WORDS = 37 }; /* 10^324 takes 34 words; of 37 10^-292 leaves 214 bits */

/* The upper 128 bits of 10^k, rounded up: the upper half first. */
static uint64_t powers[MOST - LEAST + 1][2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The lowest word first; `more`: something was cut off below it. */
static void keep(const uint32_t words[WORDS], bool more, int k)
{
    uint64_t half[2] = { 0, 0 };
    int top = WORDS - 1, shift = 0;
    while (words[top] == 0) top--;
    while (words[top] << shift >> 31 == 0) shift++;
    for (int i = 0; i < 4; i++) {
        const uint64_t here = top >= i ? words[top - i] : 0, next = top > i ? words[top - i - 1] : 0;
        half[i / 2] = half[i / 2] << 32 | (uint32_t)((here << 32 | next) << shift >> 32);
    }
    if (top > 3) more |= (uint32_t)(words[top - 4] << shift) != 0;
    for (int i = 0; i < top - 4; i++) more |= words[i] != 0;
    half[1] += more;
    half[0] += more && half[1] == 0;
    memcpy(powers[k - LEAST], half, sizeof half);
}

static void make_powers(void)
{
    uint32_t words[WORDS] = { 1 };
    for (int k = 0; k <= MOST; k++) {
        keep(words, false, k);
        uint64_t carry = 0;
        for (int i = 0; i < WORDS; i++, carry >>= 32) words[i] = (uint32_t)(carry += (uint64_t)words[i] * 10);
    }
    memset(words, 0, sizeof words);
    words[WORDS - 1] = 1u << 31; /* some power of two: divided again and again it is cut off as if divided once */
    for (int k = -1; k >= LEAST; k--) {
        uint64_t rest = 0;
        for (int i = WORDS - 1; i >= 0; i--) {
            const uint64_t part = rest << 32 | words[i];
            words[i] = (uint32_t)(part / 10);
            rest = part % 10;
        }
        keep(words, true, k);
    }
}

/* ---- digits ---- */

static uint64_t product(uint64_t a, uint64_t b, uint64_t *low)
{
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    *low = a * b;
    return a1 * b1 + (middle >> 32) + (other >> 32);
}

/* factor * power / 2^128 without its fraction, odd if there is one. */
static uint64_t scaled(const uint64_t power[2], uint64_t factor)
{
    uint64_t fraction, lost;
    uint64_t whole = product(power[0], factor, &fraction);
    const uint64_t carry = product(power[1], factor, &lost);
    fraction += carry;
    whole += fraction < carry;
    return whole | (fraction > 0); /* what the power's rounding adds is lost below its last bit */
}

/* floor(log10(2^e)), of 3/4 of it, and floor(log2(10^e)), for all that doubles have. */
static int log10_of_power(int e, bool three_quarters) { return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22; }
static int log2_of_power(int e) { return (e * 1741647) >> 19; }

/* The shortest decimal that is read as c * 2^q, of those the nearest: the result times 10^*k. `close`: the number below
 * is half as far as the one above. */
static uint64_t shortest(uint64_t c, int q, bool close, int *k)
{
    *k = log10_of_power(q, close);
    const int shift = q + log2_of_power(-*k) + 1;
    const uint64_t *power = powers[-*k - LEAST];
    /* four times the number and the borders of what is read as it; they are themselves if c is even */
    const uint64_t value = scaled(power, 4 * c << shift);
    const uint64_t low = scaled(power, (4 * c - (close ? 1 : 2)) << shift) + (c & 1);
    const uint64_t high = scaled(power, (4 * c + 2) << shift) - (c & 1);
    const uint64_t below = value / 4, tens = below / 10;
    const bool tens_in = low <= 40 * tens, more_tens_in = 40 * tens + 40 <= high;
    if (tens_in != more_tens_in) {
        ++*k;
        return tens + more_tens_in;
    }
    const bool below_in = low <= 4 * below, above_in = 4 * below + 4 <= high;
    if (below_in != above_in) return below + above_in;
    const uint64_t middle = 4 * below + 2;
    return below + (value > middle || (value == middle && below % 2));
}

static int digits_in(uint64_t decimal)
{
    int count = 1;
    for (; decimal >= 10; decimal /= 10) count++;
    return count;
}

/* Whether a float's decimal, a few digits times 10^k, is read as it by those who read a double first and so round
 * twice: 7.038531e-26 has a float that it is nearest to and a double that lies between two floats. */
static bool survives_double(uint64_t decimal, int k, double value)
{
    static const double tens[] = { 1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    char text[TGI_SHORTEST];
    if (FLT_EVAL_METHOD == 0 && k >= -22 && k <= 22) /* one operation on what doubles hold exactly */
        return (float)(k < 0 ? (double)decimal / tens[-k] : (double)decimal * tens[k]) == (float)value;
    void *locale = tgi_text_begin();
    tgi_format(text, sizeof text, "%llue%d", (unsigned long long)decimal, k);
    const bool same = (float)strtod(text, NULL) == (float)value;
    tgi_text_end(locale);
    return same;
}

/* The decimal of so many digits that is nearest: the result times 10^*k. */
static uint64_t nearest(double value, int count, int *k)
{
    char text[TGI_SHORTEST];
    uint64_t decimal = 0;
    tgi_format(text, sizeof text, "%.*e", count - 1, value);
    const char *c = text;
    for (; *c != 'e'; c++)
        if (*c != '.') decimal = decimal * 10 + (uint64_t)(*c - '0');
    *k = (int)strtol(c + 1, NULL, 10) - (count - 1);
    return decimal;
}

/* The digits of a finite number that is not 0, without zeros at their end. The number is d.ddd * 10^*exponent. */
static int digits_of(char digits[20], double value, bool single, int *exponent)
{
    const float narrow = (float)value;
    uint64_t bits = 0;
    uint32_t narrow_bits;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
    if (single) bits = narrow_bits;
    const int width = single ? 23 : 52, most = single ? 0xff : 0x7ff;
    const uint64_t hidden = UINT64_C(1) << width, fraction = bits & (hidden - 1);
    const int biased = (int)(bits >> width) & most, q = (biased ? biased : 1) - most / 2 - width;
    int k, count;
    uint64_t decimal = shortest(biased ? fraction | hidden : fraction, q, fraction == 0 && biased > 1, &k);
    for (; decimal % 10 == 0; decimal /= 10) k++;
    count = digits_in(decimal);
    while (single && !survives_double(decimal, k, value)) decimal = nearest(value, ++count, &k);
    for (int i = count; i-- > 0; decimal /= 10) digits[i] = (char)('0' + decimal % 10);
    *exponent = k + count - 1;
    return count;
}

/* ---- text ---- */

static char *put_zeros(char *to, int count)
{
    for (; count > 0; count--) *to++ = '0';
    return to;
}

static char *put_digits(char *to, const char *digits, int count)
{
    memcpy(to, digits, (size_t)count);
    return to + count;
}

/* "e-05", "e+100" */
static char *put_exponent(char *to, int exponent)
{
    const int size = exponent < 0 ? -exponent : exponent;
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    if (size >= 100) *to++ = (char)('0' + size / 100);
    *to++ = (char)('0' + size / 10 % 10);
    *to++ = (char)('0' + size % 10);
    return to;
}

int tgi_shortest(char text[TGI_SHORTEST], double value, bool single)
{
    char digits[20] = "0", *to = text;
    int exponent = 0, count = 1;
    pthread_once(&once, make_powers);
    if (signbit(value)) *to++ = '-';
    if (value != 0) count = digits_of(digits, fabs(value), single, &exponent);
    const int usual = single ? 6 : 15, places = count - 1 - exponent;
    if (exponent < -4 || exponent >= (count > usual ? count : usual)) {
        *to++ = digits[0];
        if (count > 1) *to++ = '.';
        to = put_exponent(put_digits(to, digits + 1, count - 1), exponent);
    } else if (exponent < 0) {
        to = put_digits(to, "0.", 2);
        to = put_digits(put_zeros(to, -exponent - 1), digits, count);
    } else if (places > 0) {
        to = put_digits(to, digits, exponent + 1);
        *to++ = '.';
        to = put_digits(to, digits + exponent + 1, places);
    } else {
        to = put_zeros(put_digits(to, digits, count), -places);
    }
    *to = '\0';
    return (int)(to - text);
}
