#!/usr/bin/env python3
"""Reads TensorBoard event files with Google's protocol buffers and prints what they hold, an event a line. For
development alone: the tests have a reader of their own.

    apt-get install python3-protobuf
    python3 tests/tools/read_events.py runs/first/events.out.tfevents.*

Field numbers are those of TensorBoard's event.proto, summary.proto, tensor.proto, tensor_shape.proto.
"""
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

T = descriptor_pb2.FieldDescriptorProto
KINDS = dict(double=T.TYPE_DOUBLE, float=T.TYPE_FLOAT, int64=T.TYPE_INT64, int32=T.TYPE_INT32, string=T.TYPE_STRING,
             bytes=T.TYPE_BYTES, bool=T.TYPE_BOOL)
MESSAGES = {
    "Event": "wall_time 1 double, step 2 int64, file_version 3 string, summary 5 Summary, session_log 7 SessionLog",
    "SessionLog": "status 1 int32, checkpoint_path 2 string, msg 3 string",
    "Summary": "value 1 *Value",
    "Value": "tag 1 string, simple_value 2 float, histo 5 Histogram, tensor 8 Tensor, metadata 9 Metadata",
    "Histogram": "min 1 double, max 2 double, num 3 double, sum 4 double, sum_squares 5 double, bucket_limit 6 *double, "
                 "bucket 7 *double",
    "Metadata": "plugin_data 1 Plugin, display_name 2 string, summary_description 3 string",
    "Plugin": "plugin_name 1 string, content 2 bytes",
    "Tensor": "dtype 1 int32, tensor_shape 2 Shape, version_number 3 int32, string_val 8 *bytes",
    "Shape": "dim 2 *Dim, unknown_rank 3 bool",
    "Dim": "size 1 int64, name 2 string",
}


def event_class():
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="events", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields.split(", "):
            field, number, kind = text.split()
            repeated, kind = kind.startswith("*"), kind.lstrip("*")
            f = message.field.add(name=field, number=int(number), label=T.LABEL_REPEATED if repeated else T.LABEL_OPTIONAL)
            if kind in KINDS:
                f.type = KINDS[kind]
            else:
                f.type, f.type_name = T.TYPE_MESSAGE, ".events." + kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("events.Event"))


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        assert crc == masked_crc(data[at:at + 8]), (path, at)
        body = data[at + 12:at + 12 + length]
        (crc,) = struct.unpack_from("<I", data, at + 12 + length)
        assert len(body) == length and crc == masked_crc(body), (path, at)
        yield body
        at += 16 + length


Event = event_class()
for path in sys.argv[1:]:
    for body in records(path):
        event = Event.FromString(body)
        assert not event.UnknownFields(), event
        print(str(event).replace("\n", " "))
