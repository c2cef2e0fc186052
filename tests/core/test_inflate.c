/* test_inflate.c: deflated data: what zlib writes at every level becomes what it was made of; every error of a stream is
 * found; CRC-32. */
#include "core/file/crc32_impl.h"
#include "core/file/inflate_impl.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 100000 };
static const char vectors[] = "tests/golden/files/deflated.bin";

static const char *folder;
static char path[4200];

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* ---- the texts of tests/golden/npy.py ---- */

static uint64_t draw_state;
static unsigned draw(void)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(draw_state >> 33);
}

typedef struct content {
    unsigned char bytes[MOST];
    size_t count;
} content;
static content contents[7];

static void append(content *c, const void *bytes, size_t count)
{
    memcpy(c->bytes + c->count, bytes, count);
    c->count += count;
}

static void make_contents(void)
{
    static const char *const words[] = { "tensor ", "tape ", "grad ", "a ", "scope ", "\n", "backward ", "0.125 " };
    unsigned char noise[700];
    draw_state = 1;
    for (int i = 0; i < 700; i++) noise[i] = (unsigned char)draw();
    append(&contents[1], "a", 1);
    contents[2].count = 70000;
    for (int i = 0; i < 500; i++) {
        const char *word = words[draw() % 8];
        append(&contents[3], word, strlen(word));
    }
    append(&contents[4], noise, 700);
    append(&contents[5], noise, 300);
    for (int i = 0; i < 32768 - 300; i++) contents[5].bytes[contents[5].count++] = (unsigned char)(i % 251);
    append(&contents[5], noise, 300);
    content *skewed = &contents[6];
    for (int b = 0, this = 1, next = 1, sum; b < 18; b++, sum = this + next, this = next, next = sum) {
        memset(skewed->bytes + skewed->count, b, (size_t)this);
        skewed->count += (size_t)this;
    }
    for (size_t i = skewed->count - 1; i > 0; i--) {
        const size_t j = draw() % (i + 1);
        const unsigned char byte = skewed->bytes[i];
        skewed->bytes[i] = skewed->bytes[j];
        skewed->bytes[j] = byte;
    }
}

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/deflated", folder);
    make_contents();
    return 0;
}

/* The sum bit by bit, as the standard defines it. */
static uint32_t slow_crc(const unsigned char *bytes, size_t count)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

TEST(test_crc32)
{
    assert_int_equal(tgi_crc32(0, "123456789", 9), 0xcbf43926u); /* the check value of every catalogue */
    assert_int_equal(tgi_crc32(0, NULL, 0), 0);
    const content *noise = &contents[4];
    for (size_t n = 0; n < 100; n++)
        for (size_t at = 0; at < 9; at++)
            assert_int_equal(tgi_crc32(0, noise->bytes + at, n), slow_crc(noise->bytes + at, n));
    for (size_t n = 0; n <= 700; n += 7) /* in two pieces */
        assert_int_equal(tgi_crc32(tgi_crc32(0, noise->bytes, n), noise->bytes + n, 700 - n),
                         slow_crc(noise->bytes, 700));
}

/* ---- zlib's streams ---- */

static unsigned char result[MOST + 8];

/* Inflates what lies in the file at `at`; checks that nothing is written beyond what was asked for. */
static bool inflate_file(const char *name, int64_t at, int64_t bytes, int64_t size, int64_t from, int64_t count,
                         uint32_t *crc)
{
    tgi_input in;
    assert_true(tgi_input_open(&in, "test", name));
    memset(result, 0xa5, sizeof result);
    const tgi_deflated deflated = { &in, "entry", at, bytes, size };
    const bool done = tgi_inflate(&deflated, from, count, result, crc);
    tgi_input_close(&in);
    for (int i = 0; i < 8; i++) assert_int_equal(result[count + i], 0xa5);
    assert_true(done == !tg_failed());
    return done;
}

static uint32_t number_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void check_stream(const content *c, int64_t at, int64_t bytes)
{
    const int64_t size = (int64_t)c->count;
    uint32_t crc = 0;
    assert_true(inflate_file(vectors, at, bytes, size, 0, size, &crc));
    assert_memory_equal(result, c->bytes, c->count);
    assert_int_equal(crc, slow_crc(c->bytes, c->count));
    /* a part, to the end and no further than needed */
    const int64_t from = size / 3, count = size / 2;
    assert_true(inflate_file(vectors, at, bytes, size, from, count, &crc));
    assert_memory_equal(result, c->bytes + from, (size_t)count);
    assert_int_equal(crc, slow_crc(c->bytes, c->count));
    assert_true(inflate_file(vectors, at, bytes, size, from, count, NULL));
    assert_memory_equal(result, c->bytes + from, (size_t)count);
    /* a wrong size, and an end that is missing */
    if (size > 0) {
        assert_false(inflate_file(vectors, at, bytes, size - 1, 0, size - 1, &crc));
        expect_error("the compressed data are longer than the archive says");
    }
    assert_false(inflate_file(vectors, at, bytes, size + 1, 0, size, &crc));
    expect_error("the compressed data are shorter than the archive says");
    for (int64_t less = bytes - 1; less >= 0; less -= bytes < 600 || less < 20 ? 1 : 97) {
        assert_false(inflate_file(vectors, at, less, size, 0, size, &crc));
        expect_error("the compressed data end too early");
    }
}

TEST(test_streams_of_zlib)
{
    size_t count;
    unsigned char *all = read_file(vectors, &count);
    int streams = 0;
    for (size_t at = 0; at < count; streams++) {
        const unsigned char *record = all + at;
        const uint32_t number = number_at(record), length = number_at(record + 4), bytes = number_at(record + 8);
        assert_true(number < 7 && length == contents[number].count);
        check_stream(&contents[number], (int64_t)at + 12, bytes);
        at += 12 + bytes;
    }
    assert_int_equal(streams, 30);
    free(all);
}

/* ---- streams made bit by bit ---- */

static unsigned char stream[4096];
static int stream_bits;

static void begin(void)
{
    memset(stream, 0, sizeof stream);
    stream_bits = 0;
}

/* Lowest bit first, as numbers stand there. */
static void put(unsigned number, int bits)
{
    for (int i = 0; i < bits; i++, stream_bits++)
        stream[stream_bits / 8] |= (unsigned char)((number >> i & 1) << stream_bits % 8);
}

/* Highest bit first, as codes stand there. */
static void put_code(unsigned code, int bits)
{
    for (int i = bits - 1; i >= 0; i--) put(code >> i & 1, 1);
}

/* A symbol of the fixed code. */
static void put_fixed(unsigned symbol)
{
    if (symbol < 144)
        put_code(0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(symbol - 256, 7);
    else
        put_code(0xc0 + symbol - 280, 8);
}

static bool inflate_stream(int64_t size)
{
    uint32_t crc;
    write_file(path, stream, (size_t)(stream_bits + 7) / 8);
    return inflate_file(path, 0, (stream_bits + 7) / 8, size, 0, size, &crc);
}

#define expect_wrong(size, text)                                                                                       \
    do {                                                                                                               \
        assert_false(inflate_stream(size));                                                                            \
        expect_error("entry: " text);                                                                                  \
    } while (0)

/* The last block, of codes of its own: so many of the three kinds, and the lengths of the code of lengths in their
 * order. */
static void begin_dynamic(unsigned literals, unsigned distances, const char *lengths)
{
    begin();
    put(1, 1);
    put(2, 2);
    put(literals - 257, 5);
    put(distances - 1, 5);
    put((unsigned)strlen(lengths) - 4, 4);
    for (; *lengths; lengths++) put((unsigned)(*lengths - '0'), 3);
}

TEST(test_wrong_blocks)
{
    begin();
    put(1, 1), put(3, 2);
    expect_wrong(0, "a block of no known kind in the compressed data");
    begin();
    put(1, 1), put(0, 2), put(0, 5), put(3, 16), put(3, 16);
    expect_wrong(3, "a block of the compressed data says its length in two ways");
    begin();
    expect_wrong(0, "the compressed data end too early");
    begin(); /* a last block that is empty, and none after it */
    put(0, 1), put(1, 2), put_fixed(256);
    expect_wrong(0, "the compressed data end too early");
}

TEST(test_wrong_symbols)
{
    begin(); /* the fixed code has two more symbols of lengths than there are, and two of distances */
    put(1, 1), put(1, 2), put_fixed('a'), put_fixed(286), put(0, 5), put_fixed(256);
    expect_wrong(4, "no code of the compressed data");
    begin();
    put(1, 1), put(1, 2), put_fixed('a'), put_fixed(257), put_code(30, 5), put_fixed(256);
    expect_wrong(4, "no code of a distance in the compressed data");
    begin(); /* one back is the least that there is, two are one too many */
    put(1, 1), put(1, 2), put_fixed('a'), put_fixed(257), put_code(0, 5), put_fixed(256);
    assert_true(inflate_stream(4));
    assert_memory_equal(result, "aaaa", 4);
    begin();
    put(1, 1), put(1, 2), put_fixed('a'), put_fixed(257), put_code(1, 5), put_fixed(256);
    expect_wrong(4, "the compressed data reach back before their beginning");
}

TEST(test_wrong_codes)
{
    begin_dynamic(287, 1, "1100");
    expect_wrong(0, "too many codes in the compressed data");
    begin_dynamic(257, 31, "1100");
    expect_wrong(0, "too many codes in the compressed data");
    begin_dynamic(257, 1, "1110"); /* three codes of one bit */
    expect_wrong(0, "the code of lengths in the compressed data is wrong");
    begin_dynamic(257, 1, "2220"); /* one of two bits is none */
    expect_wrong(0, "the code of lengths in the compressed data is wrong");
    begin_dynamic(257, 1, "1100"); /* 16 and 17: it begins with the last length again */
    put_code(0, 1);
    expect_wrong(0, "the compressed data repeat a length before there is one");
    begin_dynamic(257, 1, "0110"); /* 17 and 18: 138 and 121 zeros are one more than 258 */
    put_code(1, 1), put(127, 7), put_code(1, 1), put(121 - 11, 7);
    expect_wrong(0, "too many lengths of codes in the compressed data");
    begin_dynamic(257, 1, "0110"); /* 258 zeros: no end */
    put_code(1, 1), put(127, 7), put_code(1, 1), put(120 - 11, 7);
    expect_wrong(0, "a block of the compressed data has no end");
}

/* Of the code of lengths below, in which 0, 1, 2 and 18 ("so many zeros") have two bits. */
static void put_zeros(unsigned count) { put_code(3, 2), put(count - 11, 7); }
static void put_zero(void) { put_code(0, 2); }
static void put_one(void) { put_code(1, 2); }

TEST(test_codes_that_are_incomplete)
{
    static const char zeros_ones_twos[] = "002200000000000202"; /* 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 */
    begin_dynamic(257, 1, zeros_ones_twos);
    put_one(); /* 0 */
    put_zeros(138), put_zeros(117);
    put_one(); /* 256, the end; and no distance */
    put_zero();
    put_code(0, 1), put_code(0, 1), put_code(1, 1);
    assert_true(inflate_stream(2));
    assert_memory_equal(result, "\0\0", 2);

    begin_dynamic(257, 1, zeros_ones_twos); /* the end alone: a code of one bit, half of all codes */
    put_zeros(138), put_zeros(118), put_one(), put_zero();
    put_code(0, 1);
    assert_true(inflate_stream(0));

    begin_dynamic(257, 1, zeros_ones_twos); /* and its other half */
    put_zeros(138), put_zeros(118), put_one(), put_zero();
    put_code(1, 1), put(0, 16);
    expect_wrong(0, "no code of the compressed data");

    begin_dynamic(257, 1, zeros_ones_twos); /* three codes of one bit */
    put_one(), put_one(), put_zeros(138), put_zeros(116), put_one(), put_zero();
    expect_wrong(0, "a code of the compressed data is wrong");

    begin_dynamic(257, 1, zeros_ones_twos); /* one bit, two bits: a quarter is left */
    put_one(), put_zeros(138), put_zeros(117), put_code(2, 2), put_zero();
    expect_wrong(0, "a code of the compressed data is wrong");

    begin_dynamic(257, 2, zeros_ones_twos); /* distances: two bits alone */
    put_one(), put_zeros(138), put_zeros(117), put_one(), put_code(2, 2), put_zero();
    expect_wrong(0, "a code of the compressed data is wrong");
}

TEST(test_stored_after_bits)
{
    begin(); /* stored blocks between others, and one of no bytes */
    put(0, 1), put(1, 2), put_fixed('a'), put_fixed(256);
    put(0, 1), put(0, 2);
    stream_bits = (stream_bits + 7) / 8 * 8;
    put(0, 16), put(0xffff, 16);
    put(0, 1), put(0, 2);
    stream_bits = (stream_bits + 7) / 8 * 8;
    put(20, 16), put(0xffff - 20, 16);
    for (unsigned i = 0; i < 20; i++) put('0' + i, 8);
    put(1, 1), put(1, 2), put_fixed(257), put_code(3, 5), put_fixed(256);
    assert_true(inflate_stream(24));
    assert_memory_equal(result, "a0123456789:;<=>?@ABC@AB", 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_crc32),       T(test_streams_of_zlib),           T(test_wrong_blocks),      T(test_wrong_symbols),
        T(test_wrong_codes), T(test_codes_that_are_incomplete), T(test_stored_after_bits),
    };
    return cmocka_run_group_tests_name("inflate", tests, set_up, tear_down);
}
