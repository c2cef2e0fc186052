/* png.c: pictures as PNG (RFC 2083): 8 bits a channel, no filters, and the pixels in stored blocks, which any reader
 * takes and which need no compressor. Each block is a chunk of its own. */
#include "crc32_impl.h"
#include "image.h"
#include "output_impl.h"
#include "picture_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <string.h>

enum { BLOCK = 65535 }; /* the most that a stored block holds */

typedef struct png {
    tgi_output *out;
    uint32_t sum;  /* of the chunk */
    uint32_t a, b; /* Adler's sum of the pixels, in two halves */
    int64_t left;  /* bytes of the pixels that are in no block yet */
    bool begun;    /* a block was written */
    int used;
    unsigned char block[BLOCK];
} png;

static void put(png *p, const void *bytes, size_t count)
{
    p->sum = tgi_crc32(p->sum, bytes, count);
    tgi_output_write(p->out, bytes, count);
}

static void put_number(png *p, uint32_t number)
{
    const unsigned char bytes[4] = { (unsigned char)(number >> 24), (unsigned char)(number >> 16),
                                     (unsigned char)(number >> 8), (unsigned char)number };
    put(p, bytes, 4);
}

static void begin_chunk(png *p, const char *type, uint32_t bytes)
{
    put_number(p, bytes);
    p->sum = 0;
    put(p, type, 4);
}

static void end_chunk(png *p) { put_number(p, p->sum); }

/* Both halves fit into 32 bits for 5552 bytes (RFC 1950). */
static void add_adler(png *p, const unsigned char *bytes, int count)
{
    for (int n; count > 0; count -= n) {
        n = count < 5552 ? count : 5552;
        for (int i = 0; i < n; i++) {
            p->a += *bytes++;
            p->b += p->a;
        }
        p->a %= 65521;
        p->b %= 65521;
    }
}

static void write_block(png *p)
{
    static const unsigned char zlib[] = { 0x78, 0x01 };
    const bool last = p->left == 0;
    const unsigned n = (unsigned)p->used;
    const unsigned char head[5] = { last, (unsigned char)n, (unsigned char)(n >> 8), (unsigned char)~n,
                                    (unsigned char)(~n >> 8) };
    begin_chunk(p, "IDAT", n + 5 + (p->begun ? 0 : 2) + (last ? 4 : 0));
    if (!p->begun) put(p, zlib, 2);
    put(p, head, 5);
    put(p, p->block, n);
    add_adler(p, p->block, p->used);
    if (last) put_number(p, p->b << 16 | p->a);
    end_chunk(p);
    p->begun = true;
    p->used = 0;
}

static void put_pixels(png *p, const unsigned char *bytes, int64_t count)
{
    for (int64_t n; count > 0; count -= n, bytes += n) {
        n = count < BLOCK - p->used ? count : BLOCK - p->used;
        memcpy(p->block + p->used, bytes, (size_t)n);
        p->used += (int)n;
        p->left -= n;
        if (p->used == BLOCK || p->left == 0) write_block(p);
    }
}

/* `row` has room for a row of bytes, and one before them: its filter, none. */
static void write_png(png *p, const tgi_picture *picture, unsigned char *row)
{
    static const unsigned char colours[] = { 0, 0, 0, 2, 6 }; /* of so many channels: grey, colours, with opacity */
    const unsigned char rest[] = { 8, colours[picture->channels], 0, 0, 0 };
    const int64_t bytes = picture->width * picture->channels + 1;
    put(p, "\x89PNG\r\n\x1a\n", 8);
    begin_chunk(p, "IHDR", 13);
    put_number(p, (uint32_t)picture->width);
    put_number(p, (uint32_t)picture->height);
    put(p, rest, sizeof rest);
    end_chunk(p);
    p->left = bytes * picture->height;
    p->a = 1;
    row[0] = 0;
    for (int64_t y = 0; !p->out->failed && y < picture->height; y++) {
        tgi_picture_row(picture, y, row + 1);
        put_pixels(p, row, bytes);
    }
    begin_chunk(p, "IEND", 0);
    end_chunk(p);
}

tg_status tg_save_png_at(const char *where, const tg_tensor *image, const char *path)
{
    static const char what[] = "save_png";
    tgi_begin(where, what);
    tgi_picture picture;
    if (!tgi_handle_ok(what, image) || tg_failed() || !tgi_picture_of(&picture, what, image, 4)) return TG_FAILED;
    tgi_output out;
    const tg_scope scope = tg_scope_begin();
    png *p = tgi_scope_alloc(sizeof *p);
    unsigned char *row = p ? tgi_scope_alloc((size_t)(picture.width * picture.channels) + 1) : NULL;
    bool saved = row && tgi_output_open(&out, what, path);
    if (saved) {
        memset(p, 0, offsetof(png, block));
        p->out = &out;
        write_png(p, &picture, row);
        saved = tgi_output_commit(&out);
    }
    tg_scope_end(scope);
    return saved ? TG_OK : TG_FAILED;
}
