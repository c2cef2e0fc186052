/* gzip.c: see gzip_impl.h. The format is RFC 1952. */
#include "gzip_impl.h"

#include <string.h>

static const char damaged[] =
    "gzip, cut short or damaged"; /* the field, wherever either of them may be what is wrong */

enum { HEAD = 10, TAIL = 8, HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, RESERVED = 0xe0, DEFLATE = 8 };

static uint32_t little(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Behind a text with its zero byte; -1 with an error pending. */
static int64_t skip_text(const tgi_input *in, int64_t at)
{
    char piece[256];
    for (int64_t n; at < in->size; at += n) {
        n = in->size - at < (int64_t)sizeof piece ? in->size - at : (int64_t)sizeof piece;
        if (!tgi_input_read(in, at, piece, n)) return -1;
        const char *zero = memchr(piece, '\0', (size_t)n);
        if (zero) return at + (zero - piece) + 1;
    }
    return tgi_input_fail(in, at, "gzip", "the file ends in its header"), -1;
}

/* Where the deflated data begin; -1 with an error pending. */
static int64_t skip_header(const tgi_input *in)
{
    unsigned char head[HEAD], extra[2];
    if (!tgi_input_read(in, 0, head, HEAD)) return -1;
    if (head[2] != DEFLATE || head[3] & RESERVED)
        return tgi_input_fail(in, 2, "gzip", "method %d with flags 0x%02x is not known", head[2], head[3]), -1;
    int64_t at = HEAD;
    if (head[3] & EXTRA) {
        if (!tgi_input_read(in, at, extra, 2)) return -1;
        at += 2 + extra[0] + 256 * extra[1];
    }
    if (head[3] & NAME && (at = skip_text(in, at)) < 0) return -1;
    if (head[3] & COMMENT && (at = skip_text(in, at)) < 0) return -1;
    if (head[3] & HEADER_CRC) at += 2;
    return at;
}

bool tgi_unpacked_open(tgi_unpacked *unpacked, const tgi_input *in)
{
    unsigned char magic[2], tail[TAIL];
    *unpacked = (tgi_unpacked){ .in = in, .size = in->size };
    if (in->size < 2) return true;
    if (!tgi_input_read(in, 0, magic, 2)) return false;
    unpacked->packed = magic[0] == 0x1f && magic[1] == 0x8b;
    if (!unpacked->packed) return true;
    const int64_t at = skip_header(in);
    if (at < 0) return false;
    if (in->size - TAIL < at) return tgi_input_fail(in, in->size, damaged, "the file ends before its sum");
    if (!tgi_input_read(in, in->size - TAIL, tail, TAIL)) return false;
    unpacked->crc = little(tail);
    unpacked->size = little(tail + 4);
    unpacked->deflated = (tgi_deflated){ in, damaged, at, in->size - TAIL - at, unpacked->size };
    if (unpacked->size / TGI_MOST_INFLATED <= unpacked->deflated.bytes) return true;
    return tgi_input_fail(in, in->size - 4, damaged, "%lld bytes cannot become %lld",
                          (long long)unpacked->deflated.bytes, (long long)unpacked->size);
}

bool tgi_unpacked_head(const tgi_unpacked *unpacked, void *to, int64_t bytes)
{
    if (!unpacked->packed) return tgi_input_read(unpacked->in, 0, to, bytes);
    if (bytes <= unpacked->size) return tgi_inflate(&unpacked->deflated, 0, bytes, to, NULL);
    return tgi_input_fail(unpacked->in, unpacked->in->size - 4, damaged, "%lld bytes become %lld",
                          (long long)unpacked->deflated.bytes, (long long)unpacked->size);
}

static bool inflate_all(const tgi_unpacked *unpacked, void *to)
{
    uint32_t crc = 0;
    if (!tgi_inflate(&unpacked->deflated, 0, to ? unpacked->size : 0, to, &crc)) return false;
    if (crc == unpacked->crc) return true;
    return tgi_input_fail(unpacked->in, unpacked->in->size - TAIL, "gzip",
                          "is damaged: the sum of its bytes is %08x, not %08x", (unsigned)crc, (unsigned)unpacked->crc);
}

bool tgi_unpacked_read(const tgi_unpacked *unpacked, void *to)
{
    return unpacked->packed ? inflate_all(unpacked, to) : tgi_input_read(unpacked->in, 0, to, unpacked->size);
}

bool tgi_unpacked_credible(const tgi_unpacked *unpacked)
{
    return !unpacked->packed || unpacked->size / 8 <= unpacked->deflated.bytes || inflate_all(unpacked, NULL);
}
