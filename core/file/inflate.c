/* inflate.c: deflated data made long again, written from RFC 1951.
 *
 * The data are blocks of three kinds: bytes as they are; symbols of a Huffman code that the format fixes; symbols of
 * codes that the block begins with. A symbol is a byte, the block's end, or the length of a match, whose distance back
 * a symbol of a second code tells. What comes out collects in a window, which holds the 32 KiB that a match can reach
 * back to, and goes on from there in pieces. Nothing that the data say makes it ask for memory, or read or write
 * elsewhere. */
#include "inflate_impl.h"

#include "core/thread.h"
#include "crc32_impl.h"

#include <string.h>

enum {
    WINDOW = 1 << 15,
    LONGEST_MATCH = 258,
    INPUT = 1 << 14,
    LONGEST_CODE = 15,
    NEAR = 10, /* codes of so many bits are looked up, longer ones walked */
    LITERALS = 288,
    DISTANCES = 30,
    LENGTH_CODES = 19,
    END_OF_BLOCK = 256
};

typedef struct code {
    uint16_t near[1 << NEAR];         /* by the next bits: symbol << 4 | bits of its code; 0: a longer code, or none */
    uint16_t count[LONGEST_CODE + 1]; /* codes of each length */
    uint16_t symbols[LITERALS];       /* in the order of their codes */
} code;

typedef struct inflater {
    const tgi_deflated *deflated;
    bool failed;

    uint64_t bits; /* the next bits, the lowest first */
    int bit_count;
    int padding;  /* of them so many, the last, are zeros behind the end */
    int64_t read; /* bytes of the file so far */
    size_t input_next, input_end;

    int64_t from, count; /* what is wanted */
    char *to;
    bool all;
    uint32_t crc;
    int64_t given;     /* bytes that have left the window */
    size_t window_new; /* what has not begins there */
    size_t window_end;

    code literals, distances;
    unsigned char input[INPUT];
    unsigned char window[2 * WINDOW + LONGEST_MATCH];
} inflater;

static const char too_early[] = "the compressed data end too early";

/* Names the byte that is about to be read. */
static bool fail(inflater *s, const char *what)
{
    const bool ended =
        s->bit_count < s->padding; /* zeros behind the end were taken: no wonder that they make no sense */
    const int64_t ahead = (int64_t)(s->input_end - s->input_next) + (ended ? 0 : (s->bit_count - s->padding) / 8);
    if (!s->failed)
        tgi_input_fail(s->deflated->in, s->deflated->at + s->read - ahead, s->deflated->name, "%s",
                       ended ? too_early : what);
    s->failed = true;
    return false;
}

/* ---- bits in ---- */

static bool more_input(inflater *s)
{
    const int64_t left = s->deflated->bytes - s->read, n = left < INPUT ? left : INPUT;
    if (s->failed || n <= 0) return false;
    s->input_next = s->input_end = 0;
    if (!tgi_input_read(s->deflated->in, s->deflated->at + s->read, s->input, n)) {
        s->failed = true;
        return false;
    }
    s->read += n;
    s->input_end = (size_t)n;
    return true;
}

/* At the end of the data zeros follow, so that a last short code can be looked up. Who takes them has read too far. */
static void refill_slowly(inflater *s)
{
    if (s->bit_count < s->padding) fail(s, too_early);
    for (; s->bit_count < 56; s->bit_count += 8) {
        if (s->input_next < s->input_end || more_input(s))
            s->bits |= (uint64_t)s->input[s->input_next++] << s->bit_count;
        else
            s->padding += 8;
    }
}

/* 56 bits at least: more than a length and a distance with all that belongs to them. */
static inline void refill(inflater *s)
{
    if (s->input_end - s->input_next < 8) {
        refill_slowly(s);
        return;
    }
    uint64_t next;
    memcpy(&next, s->input + s->input_next, sizeof next);
    s->bits |= next << s->bit_count; /* the bits above bit_count are already there, or are now */
    s->input_next += (size_t)(63 - s->bit_count) >> 3;
    s->bit_count |= 56;
}

static inline unsigned take(inflater *s, int n)
{
    const unsigned value = (unsigned)(s->bits & ((UINT64_C(1) << n) - 1));
    s->bits >>= n;
    s->bit_count -= n;
    return value;
}

/* ---- bytes out ---- */

/* What is new in the window goes where it is wanted; the last 32 KiB stay. */
static bool empty_window(inflater *s)
{
    const unsigned char *bytes = s->window + s->window_new;
    const int64_t n = (int64_t)(s->window_end - s->window_new);
    if (n > s->deflated->size - s->given) return fail(s, "the compressed data are longer than the archive says");
    if (s->all) s->crc = tgi_crc32(s->crc, bytes, (size_t)n);
    const int64_t begin = s->given > s->from ? s->given : s->from;
    const int64_t end = s->given + n < s->from + s->count ? s->given + n : s->from + s->count;
    if (s->to && begin < end) memcpy(s->to + (begin - s->from), bytes + (begin - s->given), (size_t)(end - begin));
    s->given += n;
    if (s->window_end > WINDOW) {
        memmove(s->window, s->window + s->window_end - WINDOW, WINDOW);
        s->window_end = WINDOW;
    }
    s->window_new = s->window_end;
    return true;
}

static bool have_enough(const inflater *s) { return !s->all && s->given >= s->from + s->count; }

static inline void copy_match(inflater *s, size_t length, size_t distance)
{
    unsigned char *to = s->window + s->window_end;
    const unsigned char *from = to - distance;
    s->window_end += length;
    if (distance >= length)
        memcpy(to, from, length);
    else
        for (; length > 0; length--) *to++ = *from++; /* it repeats itself */
}

/* ---- codes ---- */

/* Of the lengths of the symbols' codes, 0 for none. Codes of a length are consecutive numbers in the order of their
 * symbols, and those of the next length follow. What is left of all possible codes: 0 when they are used up, below 0
 * when there are too many. */
static int make_code(code *c, const unsigned char *lengths, int symbols)
{
    uint16_t next[LONGEST_CODE + 2] = { 0 }, place[LONGEST_CODE + 2] = { 0 };
    memset(c->near, 0, sizeof c->near);
    memset(c->count, 0, sizeof c->count);
    for (int i = 0; i < symbols; i++) c->count[lengths[i]]++;
    int left = 1;
    for (int length = 1; length <= LONGEST_CODE; length++) {
        left = 2 * left - c->count[length];
        if (left < 0) return left;
        next[length + 1] = (uint16_t)((next[length] + c->count[length]) << 1);
        place[length + 1] = (uint16_t)(place[length] + c->count[length]);
    }
    for (int i = 0; i < symbols; i++) {
        const int length = lengths[i];
        if (length == 0) continue;
        c->symbols[place[length]++] = (uint16_t)i;
        unsigned number = next[length]++, reversed = 0;
        if (length > NEAR) continue;
        for (int bit = 0; bit < length; bit++, number >>= 1) reversed = reversed << 1 | (number & 1);
        for (; reversed < 1 << NEAR; reversed += 1u << length) c->near[reversed] = (uint16_t)(i << 4 | length);
    }
    return left;
}

/* -1 for bits that are no code. */
static int walk_code(inflater *s, const code *c)
{
    int number = 0, first = 0, place = 0;
    for (int length = 1; length <= LONGEST_CODE; length++) {
        number |= (int)(s->bits >> (length - 1) & 1);
        if (number - first < c->count[length]) {
            take(s, length);
            return c->symbols[place + number - first];
        }
        place += c->count[length];
        first = (first + c->count[length]) << 1;
        number <<= 1;
    }
    return -1;
}

static inline int next_symbol(inflater *s, const code *c)
{
    const unsigned entry = c->near[s->bits & ((1 << NEAR) - 1)];
    if (!entry) return walk_code(s, c);
    take(s, entry & 15);
    return (int)(entry >> 4);
}

/* ---- blocks ---- */

static bool stored_block(inflater *s)
{
    take(s, s->bit_count & 7);
    refill(s);
    const unsigned length = take(s, 16), complement = take(s, 16);
    if (length != (complement ^ 0xffff)) return fail(s, "a block of the compressed data says its length in two ways");
    for (size_t left = length, n; left > 0; left -= n) {
        if (s->window_end >= WINDOW + INPUT && !empty_window(s)) return false;
        n = 1;
        if (s->bit_count > 0) {
            s->window[s->window_end] = (unsigned char)take(s, 8);
        } else {
            s->bits = 0; /* refill leaves bits above */
            if (s->padding || (s->input_next == s->input_end && !more_input(s))) return fail(s, too_early);
            n = s->input_end - s->input_next < left ? s->input_end - s->input_next : left;
            memcpy(s->window + s->window_end, s->input + s->input_next, n);
            s->input_next += n;
        }
        s->window_end += n;
    }
    return true;
}

/* What the symbols from 257 on, and those of distances, stand for: this, and the number in so many bits behind them. */
static const uint16_t length_base[] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                        31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const unsigned char length_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                             2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[] = { 1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                          33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                          1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const unsigned char distance_bits[] = { 0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                               6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

static bool match(inflater *s, int symbol)
{
    symbol -= END_OF_BLOCK + 1;
    if (symbol < 0 || symbol >= (int)sizeof length_bits) return fail(s, "no code of the compressed data");
    const size_t length = (size_t)length_base[symbol] + take(s, length_bits[symbol]);
    symbol = next_symbol(s, &s->distances);
    if (symbol < 0 || symbol >= DISTANCES) return fail(s, "no code of a distance in the compressed data");
    const size_t distance = (size_t)distance_base[symbol] + take(s, distance_bits[symbol]);
    if (distance > s->window_end) return fail(s, "the compressed data reach back before their beginning");
    copy_match(s, length, distance);
    return true;
}

static bool coded_block(inflater *s)
{
    while (!s->failed && !have_enough(s)) {
        if (s->window_end >= 2 * WINDOW && !empty_window(s)) return false;
        refill(s);
        int symbol = next_symbol(s, &s->literals);
        if (symbol == END_OF_BLOCK) break;
        if (symbol >= 0 && symbol < END_OF_BLOCK)
            s->window[s->window_end++] = (unsigned char)symbol;
        else if (!match(s, symbol))
            return false;
    }
    return !s->failed;
}

static void fixed_codes(inflater *s)
{
    unsigned char lengths[LITERALS];
    for (int i = 0; i < LITERALS; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_code(&s->literals, lengths, LITERALS);
    memset(lengths, 5, DISTANCES);
    make_code(&s->distances, lengths, DISTANCES);
}

/* The lengths of both codes in a row, themselves coded: a length, the last one again, or zeros. */
static bool read_lengths(inflater *s, const code *c, unsigned char *lengths, int count)
{
    for (int i = 0; i < count;) {
        refill(s);
        const int symbol = next_symbol(s, c);
        if (symbol < 0) return fail(s, "no code of a length in the compressed data");
        if (symbol < 16) {
            lengths[i++] = (unsigned char)symbol;
            continue;
        }
        if (symbol == 16 && i == 0) return fail(s, "the compressed data repeat a length before there is one");
        const unsigned char length = symbol == 16 ? lengths[i - 1] : 0;
        const int times = symbol == 16   ? 3 + (int)take(s, 2)
                          : symbol == 17 ? 3 + (int)take(s, 3)
                                         : 11 + (int)take(s, 7);
        if (times > count - i) return fail(s, "too many lengths of codes in the compressed data");
        memset(lengths + i, length, (size_t)times);
        i += times;
    }
    return !s->failed;
}

/* A code may be incomplete only if it is a single bit, or nothing at all. */
static bool usable(const code *c, int left, int symbols)
{
    return left == 0 || (left > 0 && symbols == c->count[0] + c->count[1]);
}

static bool read_codes(inflater *s)
{
    static const unsigned char order[LENGTH_CODES] = {
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
    };
    unsigned char lengths[LITERALS + 32] = { 0 };
    const int literals = 257 + (int)take(s, 5), distances = 1 + (int)take(s, 5), coded = 4 + (int)take(s, 4);
    if (literals > 286 || distances > DISTANCES) return fail(s, "too many codes in the compressed data");
    for (int i = 0; i < coded; i++) {
        refill(s);
        lengths[order[i]] = (unsigned char)take(s, 3);
    }
    if (make_code(&s->distances, lengths, LENGTH_CODES) != 0)
        return fail(s, "the code of lengths in the compressed data is wrong");
    memset(lengths, 0, sizeof lengths);
    if (!read_lengths(s, &s->distances, lengths, literals + distances)) return false;
    if (!lengths[END_OF_BLOCK]) return fail(s, "a block of the compressed data has no end");
    if (!usable(&s->literals, make_code(&s->literals, lengths, literals), literals) ||
        !usable(&s->distances, make_code(&s->distances, lengths + literals, distances), distances))
        return fail(s, "a code of the compressed data is wrong");
    return true;
}

static bool block(inflater *s, unsigned kind)
{
    switch (kind) {
    case 0: return stored_block(s);
    case 1: fixed_codes(s); return coded_block(s);
    case 2: return read_codes(s) && coded_block(s);
    default: return fail(s, "a block of no known kind in the compressed data");
    }
}

static void inflate_all(inflater *s)
{
    bool last = false;
    while (!last && !s->failed && !have_enough(s)) {
        refill(s);
        last = take(s, 1);
        if (!block(s, take(s, 2))) return;
    }
    if (!empty_window(s) || s->failed) return;
    if (s->bit_count < s->padding)
        fail(s, too_early);
    else if (s->all ? s->given != s->deflated->size : s->given < s->from + s->count)
        fail(s, "the compressed data are shorter than the archive says");
}

bool tgi_inflate(const tgi_deflated *deflated, int64_t from, int64_t count, void *to, uint32_t *crc)
{
    inflater *s = tgi_alloc(sizeof *s);
    if (!s) return false;
    memset(s, 0, offsetof(inflater, literals));
    s->deflated = deflated;
    s->from = from;
    s->count = count;
    s->to = to;
    s->all = crc != NULL;
    inflate_all(s);
    const bool done = !s->failed;
    if (crc) *crc = s->crc;
    tgi_dealloc(tgi_self.pool, s, sizeof *s);
    return done;
}
