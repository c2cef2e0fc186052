"""Writes files/*.npy, *.npz and deflated.bin, and reads what tapegrad writes. NumPy 1.24, Python's zipfile and zlib.

    python3 npy.py write
    ../../build/tests/core/test_npy --write FOLDER && python3 npy.py check FOLDER

every.npz        numpy.savez: for each dtype its elements of DTYPES, "f2" and so on; "t2" and so on the same as [2, n / 2] in
                 Fortran's order; "scalar" 0-d, "none" of shape [3, 0, 2], "deep" of eight dimensions.
compressed.npz   numpy.savez_compressed of long, dull and of random arrays.
version1.npy ... version3.npy: float32 0, 1, ..., 5 of shape [2, 3], each version of the format.
fortran.npy      int16 0, 1, ..., 119 of shape [2, 3, 4, 5], in Fortran's order.
deflated.bin     zlib's streams of the texts of contents(), which tests/core/test_inflate.c makes, too: a record for each
                 level and strategy: number of the text, length of the text, of the stream (4 bytes each), the stream.
hand.zip         made by hand: zip64 sizes and places without need, data descriptors, a program before it, a comment.
"""
import io
import os
import struct
import sys
import zipfile
import zlib

import numpy as np

DTYPES = {   # floats by their bits: 0, -0, 1, the least subnormal, the largest, infinity, NaNs with payloads
    "f8": [0, 1 << 63, 0x3ff0000000000000, 1, 0x7fefffffffffffff, 0xfff0000000000000, 0x7ff0000000000001,
           0xfff8000000abcdef],
    "f4": [0, 1 << 31, 0x3f800000, 1, 0x7f7fffff, 0xff800000, 0x7f800001, 0xffc0abcd],
    "f2": [0, 0x8000, 0x3c00, 1, 0x7bff, 0xfc00, 0x7c01, 0xfe55],
    "i8": [0, -1, 2**63 - 1, -2**63], "i4": [0, -1, 2**31 - 1, -2**31], "i2": [0, -1, 32767, -32768],
    "i1": [0, -1, 127, -128], "u8": [0, 1, 2**63 - 1, 7], "u4": [0, 1, 2**32 - 1, 7], "u2": [0, 1, 65535, 7],
    "u1": [0, 1, 255, 7], "b1": [0, 1, 1, 0],
}
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def array(name):
    kind = "u" if name[0] == "f" else name[0]
    return np.array(DTYPES[name], kind + name[1]).view(name)


def draws(seed):
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        yield seed >> 33


def contents():
    d = draws(1)
    words = [b"tensor ", b"tape ", b"grad ", b"a ", b"scope ", b"\n", b"backward ", b"0.125 "]
    noise = bytes(next(d) & 255 for _ in range(700))
    text = b"".join(words[next(d) % 8] for _ in range(500))
    frequent = [1, 1]                      # Fibonacci's numbers of each byte: codes of all lengths
    while len(frequent) < 18:
        frequent.append(frequent[-1] + frequent[-2])
    skewed = bytearray(b for b, n in enumerate(frequent) for _ in range(n))
    for i in range(len(skewed) - 1, 0, -1):
        j = next(d) % (i + 1)
        skewed[i], skewed[j] = skewed[j], skewed[i]
    far = noise[:300] + bytes(i % 251 for i in range(32768 - 300)) + noise[:300]  # a match 32768 bytes back
    return [b"", b"a", bytes(70000), text, noise, far, bytes(skewed)]


def deflated():
    out, seen = io.BytesIO(), set()
    ways = [(level, 8, zlib.Z_DEFAULT_STRATEGY) for level in range(10)]
    ways += [(9, 8, s) for s in (zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)] + [(9, 1, 0)]
    for number, content in enumerate(contents()):
        for level, memory, strategy in ways:
            if number > 3 and (level, strategy) not in {4: [(0, 0), (9, 0)], 5: [(1, 0), (9, 0)],
                                                        6: [(1, 0), (9, 0), (9, zlib.Z_HUFFMAN_ONLY)]}[number]:
                continue
            if number == 2 and level == 0:
                continue
            c = zlib.compressobj(level, zlib.DEFLATED, -15, memory, strategy)
            stream = c.compress(content) + c.flush()
            if stream not in seen:
                seen.add(stream)
                out.write(struct.pack("<III", number, len(content), len(stream)) + stream)
    return out.getvalue()


def by_hand():
    def extra(*numbers):
        return struct.pack("<HH%dQ" % len(numbers), 1, 8 * len(numbers), *numbers)
    out, directory = io.BytesIO(), b""
    for name, data, method, flags in [("stored", b"hello, zip64", 0, 0), ("described", b"x" * 100, 8, 8),
                                      ("../up/\xe9", b"a name and no more", 0, 0)]:
        name = name.encode("latin1")
        c = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = c.compress(data) + c.flush() if method else data
        crc, at = zlib.crc32(data), out.tell()
        said = (0, 0, 0) if flags else (crc, 0xffffffff, 0xffffffff)
        local = b"" if flags else extra(len(data), len(packed))
        out.write(struct.pack("<IHHHHHIIIHH", 0x04034b50, 45, flags, method, 0, 33, *said, len(name), len(local)) + name +
                  local + packed)
        if flags:
            out.write(struct.pack("<IIII", 0x08074b50, crc, len(packed), len(data)))
        other = struct.pack("<HHI", 0x7075, 4, 1)     # a field that nobody knows
        more = other + extra(len(data), len(packed), at)
        directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 45, 45, flags, method, 0, 33, crc, 0xffffffff, 0xffffffff,
                                 len(name), len(more), 3, 0, 0, 0, 0xffffffff) + name + more + b"why"
    at = out.tell()
    out.write(directory)
    out.write(struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 3, 3, len(directory), at))
    out.write(struct.pack("<IIQI", 0x07064b50, 0, at + len(directory), 1))
    out.write(struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 11) + b"by its hand")
    return b"#!/bin/sh\nexit 0\n" + out.getvalue()


def write():
    def save(name, data):
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)
    every = {n: array(n) for n in DTYPES}
    every.update({"t" + ("b" if n == "b1" else n): np.asfortranarray(array(n).reshape(2, -1)) for n in DTYPES})
    every.update(scalar=np.array(2.5, "f4"), none=np.zeros((3, 0, 2)), deep=np.arange(8).reshape(1, 2, 1, 2, 1, 2, 1, 1))
    np.savez(os.path.join(FOLDER, "every.npz"), **every)
    r = np.random.RandomState(0)
    np.savez_compressed(os.path.join(FOLDER, "compressed.npz"), zeros=np.zeros(20000), steps=np.arange(3000, dtype="i4"),
                        noise=r.randint(0, 256, 500).astype("u1"), half=np.asfortranarray(np.arange(12).reshape(3, 4).astype("f2")))
    for version in (1, 2, 3):
        with open(os.path.join(FOLDER, "version%d.npy" % version), "wb") as f:
            np.lib.format.write_array(f, np.arange(6, dtype="f4").reshape(2, 3), version=(version, 0))
    np.save(os.path.join(FOLDER, "fortran.npy"), np.asfortranarray(np.arange(120, dtype="i2").reshape(2, 3, 4, 5)))
    save("deflated.bin", deflated())
    save("hand.zip", by_hand())


def check(folder):
    """What test_npy.c writes: as DTYPES has it, byte for byte what NumPy would write."""
    def same(a, b):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), (a, b)
    expected = {n: array(n) for n in ("f8", "f4", "i8", "b1")}
    expected["transposed"] = np.arange(6, dtype="f4").reshape(2, 3).T.copy()
    expected["scalar"] = np.array(2.5, "f4")
    expected["none"] = np.zeros((3, 0, 2), "f4")
    expected["deep"] = np.arange(8).reshape(1, 2, 1, 2, 1, 2, 1, 1)
    for name, a in expected.items():
        path = os.path.join(folder, name + ".npy")
        same(np.load(path), a)
        if a.size:
            same(np.asarray(np.load(path, mmap_mode="r")), a)
        f = io.BytesIO()
        np.save(f, a)
        assert f.getvalue() == open(path, "rb").read(), name
    path = os.path.join(folder, "all.npz")
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
    with np.load(path) as all:
        keys = list(expected) + ["", "a/b", "../up", "\u00e9"]
        assert all.files == keys, all.files
        for k in keys:
            same(all[k], expected.get(k, expected["scalar"]))
    print("%d files are NumPy's" % (len(expected) + 1))


if __name__ == "__main__":
    write() if sys.argv[1] == "write" else check(sys.argv[2])
