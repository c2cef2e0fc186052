/* crc32.c: the check sum of zip and PNG (ISO 3309, the polynomial 0xedb88320 with its bits reversed), 16 bytes at a
 * time. */
#include "crc32_impl.h"

#include <pthread.h>
#include <string.h>

/* tables[k][b] is the sum of the byte b with k zero bytes behind it. */
static uint32_t tables[16][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        tables[0][byte] = crc;
    }
    for (int k = 1; k < 16; k++)
        for (int byte = 0; byte < 256; byte++)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xff];
}

/* Of four bytes with k zero bytes behind them. */
static inline uint32_t of_word(uint32_t word, int k)
{
    return tables[k + 3][word & 0xff] ^ tables[k + 2][word >> 8 & 0xff] ^ tables[k + 1][word >> 16 & 0xff] ^
           tables[k][word >> 24];
}

uint32_t tgi_crc32(uint32_t crc, const void *bytes, size_t count)
{
    const unsigned char *p = bytes;
    pthread_once(&made, make_tables);
    crc = ~crc;
    for (; count >= 16; p += 16, count -= 16) {
        uint32_t words[4];
        memcpy(words, p, sizeof words);
        crc = of_word(words[0] ^ crc, 12) ^ of_word(words[1], 8) ^ of_word(words[2], 4) ^ of_word(words[3], 0);
    }
    for (; count > 0; p++, count--) crc = crc >> 8 ^ tables[0][(crc ^ *p) & 0xff];
    return ~crc;
}
