/* event.c: see event_impl.h. */
#include "event_impl.h"

#include <string.h>

enum { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 };

static void put_varint(tgi_text *t, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; value > 0x7f; value >>= 7) bytes[n++] = (unsigned char)(value | 0x80);
    bytes[n++] = (unsigned char)value;
    tgi_text_put(t, bytes, n);
}

static void put_fixed(tgi_text *t, uint64_t value, int bytes)
{
    unsigned char text[8];
    for (int i = 0; i < bytes; i++) text[i] = (unsigned char)(value >> 8 * i);
    tgi_text_put(t, text, (size_t)bytes);
}

static void put_key(tgi_text *t, int field, int kind) { put_varint(t, (uint64_t)field << 3 | (uint64_t)kind); }

void tgi_event_int(tgi_text *t, int field, int64_t value)
{
    put_key(t, field, VARINT);
    put_varint(t, (uint64_t)value);
}

void tgi_event_float(tgi_text *t, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(t, field, FIXED_32);
    put_fixed(t, bits, 4);
}

void tgi_event_double(tgi_text *t, int field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(t, field, FIXED_64);
    put_fixed(t, bits, 8);
}

void tgi_event_bytes(tgi_text *t, int field, const void *bytes, size_t count)
{
    put_key(t, field, BYTES);
    put_varint(t, count);
    tgi_text_put(t, bytes, count);
}

void tgi_event_string(tgi_text *t, int field, const char *text)
{
    tgi_text clean = { .bytes = NULL };
    tgi_text_utf8(&clean, text);
    tgi_event_message(t, field, &clean);
}

void tgi_event_message(tgi_text *t, int field, tgi_text *message)
{
    tgi_event_bytes(t, field, message->bytes, (size_t)message->count);
    t->failed |= message->failed;
    tgi_text_free(message);
}

/* ---- records ---- */

uint32_t tgi_crc32c(const void *bytes, size_t count)
{
    static const uint32_t remainders[16] = {
        /* of four bits */
        0x00000000u, 0x105ec76fu, 0x20bd8edeu, 0x30e349b1u, 0x417b1dbcu, 0x5125dad3u, 0x61c69362u, 0x7198540du,
        0x82f63b78u, 0x92a8fc17u, 0xa24bb5a6u, 0xb21572c9u, 0xc38d26c4u, 0xd3d3e1abu, 0xe330a81au, 0xf36e6f75u
    };
    const unsigned char *at = bytes;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ remainders[crc & 15];
        crc = crc >> 4 ^ remainders[crc & 15];
    }
    return ~crc;
}

/* So that the checksum of a text that has checksums in it is a good one, too. */
static uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

void tgi_event_record(tgi_text *record, const tgi_text *message)
{
    record->failed |= message->failed;
    put_fixed(record, (uint64_t)message->count, 8);
    if (record->failed) return;
    put_fixed(record, masked(tgi_crc32c(record->bytes, 8)), 4);
    tgi_text_put(record, message->bytes, (size_t)message->count);
    put_fixed(record, masked(tgi_crc32c(message->bytes, (size_t)message->count)), 4);
}
