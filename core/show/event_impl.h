/* event_impl.h: TensorBoard's file format: records with checksums around protocol buffers. Internal.
 *
 * A message is a row of fields, each a key (its number and how its value is written) and the value:
 *
 *     varint   7 bits a byte, the lowest first, the highest bit set in all bytes but the last
 *     fixed    4 or 8 bytes
 *     bytes    a varint, and so many bytes: texts, packed numbers, messages
 *
 * A record is the length of its message (8 bytes), the length's checksum (4), the message, its checksum (4). All
 * numbers are little-endian. */
#ifndef TG_CORE_SHOW_EVENT_IMPL_H
#define TG_CORE_SHOW_EVENT_IMPL_H

#include "append_impl.h"

TG_EXTERN_C_BEGIN

void tgi_event_int(tgi_text *t, int field, int64_t value);
void tgi_event_float(tgi_text *t, int field, float value);
void tgi_event_double(tgi_text *t, int field, double value);
void tgi_event_bytes(tgi_text *t, int field, const void *bytes, size_t count);
/* What is no UTF-8 is replaced. */
void tgi_event_string(tgi_text *t, int field, const char *text);
/* A message in a message, which is freed. */
void tgi_event_message(tgi_text *t, int field, tgi_text *message);

/* The record around a message. */
void tgi_event_record(tgi_text *record, const tgi_text *message);

/* The checksum CRC-32C (polynomial 0x1edc6f41, reflected). */
uint32_t tgi_crc32c(const void *bytes, size_t count);

TG_EXTERN_C_END

#endif
