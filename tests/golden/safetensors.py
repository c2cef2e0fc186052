"""Writes files/*.safetensors, and reads what tapegrad writes. The format as its specification has it, with struct, json and
NumPy alone: https://huggingface.co/docs/safetensors.

    python3 safetensors.py write
    ../../build/tests/core/test_safetensors --write ours.safetensors && python3 safetensors.py check ours.safetensors

every.safetensors    as Hugging Face's library writes it: metadata first, the widest elements first, then by name; the header
                     padded to 8 bytes. A tensor of each dtype, named after it: what DTYPES says; none, scalar, deep: sizes.
loose.safetensors    as others may: in the order of the dict, blanks in the JSON, names with escapes, a field that nobody
                     knows, a header of an odd length, so that no element lies at a multiple of its size.
lstm.safetensors     torch.manual_seed(3); torch.nn.LSTM(3, 4) of PyTorch 1.13.1, with the metadata that PyTorch's users write.
"""
import json
import os
import struct
import sys

import numpy as np

ORDER = ["BOOL", "U8", "I8", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "F64", "I64", "U64"]
CODE = {"BOOL": "B", "U8": "B", "I8": "b", "I16": "h", "U16": "H", "F16": "H", "BF16": "H", "I32": "i", "U32": "I",
        "F32": "I", "F64": "Q", "I64": "q", "U64": "Q"}
DTYPES = {   # floats by their bits: 0, -0, 1, the least subnormal, the largest, infinity, NaNs with payloads
    "F64": [0, 1 << 63, 0x3ff0000000000000, 1, 0x7fefffffffffffff, 0xfff0000000000000, 0x7ff0000000000001,
            0xfff8000000abcdef],
    "F32": [0, 1 << 31, 0x3f800000, 1, 0x7f7fffff, 0xff800000, 0x7f800001, 0xffc0abcd],
    "F16": [0, 0x8000, 0x3c00, 1, 0x7bff, 0xfc00, 0x7c01, 0xfe55],
    "BF16": [0, 0x8000, 0x3f80, 1, 0x7f7f, 0xff80, 0x7f81, 0xffd5],
    "I64": [0, -1, 2**63 - 1, -2**63], "I32": [0, -1, 2**31 - 1, -2**31], "I16": [0, -1, 32767, -32768],
    "I8": [0, -1, 127, -128], "U64": [0, 1, 2**63 - 1], "U32": [0, 1, 2**32 - 1], "U16": [0, 1, 65535],
    "U8": [0, 1, 255], "BOOL": [0, 1, 1],
}


def raw(dtype, values):
    return struct.pack("<%d%s" % (len(values), CODE[dtype]), *values)


def write(path, tensors, metadata=None, padded=True, **how):
    """`tensors`: (name, dtype, shape, bytes)."""
    header, begin = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + len(data)], **how.get("more", {})}
        begin += len(data)
    text = json.dumps(header, ensure_ascii=how.get("ascii", False), separators=how.get("separators", (",", ":"))).encode()
    text += b" " * (-len(text) % 8 if padded else 1 - len(text) % 2)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data for *_, data in tensors))


def as_hugging_face(tensors):
    return sorted(tensors, key=lambda t: (-ORDER.index(t[1]), t[0]))


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    n, = struct.unpack("<Q", data[:8])
    assert data[8:9] == b"{" and n % 8 == 0
    header = json.loads(data[8:8 + n].decode("utf-8"))
    metadata = header.pop("__metadata__", {})
    rest, end, result = data[8 + n:], 0, {}
    assert list(header) == [t[0] for t in as_hugging_face([(k, v["dtype"]) for k, v in header.items()])]
    for name, about in header.items():
        begin, stop = about["data_offsets"]
        assert begin == end and about["dtype"] in CODE
        end = stop
        count = int(np.prod(about["shape"], dtype=object))
        assert struct.calcsize("<%d%s" % (count, CODE[about["dtype"]])) == stop - begin
        assert begin % struct.calcsize(CODE[about["dtype"]]) == 0
        result[name] = (about["dtype"], about["shape"], rest[begin:stop])
    assert end == len(rest)
    return result, metadata


def write_all():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
    every = [(name, name, [len(values)], raw(name, values)) for name, values in DTYPES.items()]
    every += [("none", "F32", [0, 3], b""), ("scalar", "F64", [], raw("F64", [0x400921fb54442d18])),
              ("deep", "I64", [1, 2, 1, 1, 1, 2, 1, 1], raw("I64", [1, 2, 3, 4]))]
    write(os.path.join(folder, "every.safetensors"), as_hugging_face(every), {"by": "safetensors.py", "line": "a\nb \"c\" \u00e9"})
    loose = [("one byte", "U8", [1], b"\7"), ("f\u00fcnf \U0001f600", "F32", [2], raw("F32", [0x3f800000, 0xc0000000])),
             ("tab\t\"\\/", "F64", [1], raw("F64", [0x4000000000000000])), ("", "I16", [2], raw("I16", [-2, 300]))]
    write(os.path.join(folder, "loose.safetensors"), loose, {}, padded=False, ascii=True, separators=(" , ", " : "),
          more={"quantization": {"scale": [1.5e-3, None, True], "of": {}}})
    import torch
    torch.manual_seed(3)
    state = torch.nn.LSTM(3, 4).state_dict()
    write(os.path.join(folder, "lstm.safetensors"),
          as_hugging_face([(k, "F32", list(v.shape), v.numpy().tobytes()) for k, v in state.items()]), {"format": "pt"})


def check(path):
    """What test_safetensors --write wrote."""
    tensors, metadata = read(path)
    assert metadata == {"epoch": "3", "line": "a\nb \"c\"\t\u00e9\x01"}, metadata
    assert list(metadata) == ["epoch", "line"]
    for name in ("F64", "F32", "I64", "BOOL"):
        assert tensors.pop(name) == (name, [len(DTYPES[name])], raw(name, DTYPES[name])), name
    assert tensors.pop("transposed") == ("F32", [3, 2], np.arange(6, dtype="<f4").reshape(2, 3).T.tobytes())
    assert tensors.pop("expanded") == ("I64", [2, 2], np.array([[7, 7], [7, 7]], "<i8").tobytes())
    assert tensors.pop("f\u00fcnf \"\\\x02") == ("F32", [0, 3], b"")
    assert tensors.pop("scalar") == ("F64", [], raw("F64", [0x400921fb54442d18]))
    assert not tensors, tensors
    import torch
    assert torch.frombuffer(bytearray(read(path)[0]["F32"][2]), dtype=torch.float32)[2] == 1
    print("right")


if __name__ == "__main__":
    write_all() if sys.argv[1:] == ["write"] else check(sys.argv[2])
