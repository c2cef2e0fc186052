"""Writes data.txt and the files of data sets and pictures in files/ that it tells about: IDX, CIFAR, PPM and PGM, and
texts; with PyTorch's own arithmetic where there is any.

    /usr/bin/python3 data_files.py > data.txt

goldenfile.py describes the line format; what is float32 is written as float64, exactly. `case NAME`: the file files/NAME.
`a values`: what it holds, as it stands there. `a scaled`: what torchvision's ToTensor makes of it. `a labels`, `a coarse`.
`case grid ...`: torchvision's make_grid of `a images`, `i nrow`, ... is `a grid`.
`case lower`: `i lower` are the small letters of the characters `i capitals`.
`case pixels`: the bytes that torchvision's save_image makes of `a image` are `a bytes`.
"""
import gzip
import math
import os
import struct

import numpy
import torch

import goldenfile as g

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def write(name, content):
    if name.endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content)
    g.case(name)


def idx(name, values, code):
    values = numpy.asarray(values)
    head = bytes([0, 0, code, values.ndim]) + b"".join(struct.pack(">I", n) for n in values.shape)
    write(name, head + values.astype(values.dtype.newbyteorder(">")).tobytes())
    g.array("values", torch.from_numpy(values.astype("float64")))
    if code == 8:  # transforms.ToTensor: img.to(torch.float32).div(255)
        g.array("scaled", torch.from_numpy(values).to(torch.float32).div(255).double())


def idx_files():
    draw = numpy.random.RandomState(0)
    idx("bytes.idx", numpy.arange(256, dtype="u1").reshape(4, 8, 8), 0x08)
    idx("bytes.idx.gz", draw.randint(0, 4, (5, 6, 7)).astype("u1"), 0x08)
    idx("labels.idx", draw.randint(0, 10, 12).astype("u1"), 0x08)
    idx("int8.idx", numpy.array([[-128, -1, 0], [1, 64, 127]], dtype="i1"), 0x09)
    idx("int16.idx", numpy.array([-32768, -2, 0, 258, 32767], dtype="i2"), 0x0b)
    idx("int32.idx.gz", numpy.array([[-2**31, 16909060], [0, 2**31 - 1]], dtype="i4"), 0x0c)
    idx("float32.idx", numpy.array([0.1, -0.0, 1e-45, math.inf, math.nan, -3e38], dtype="f4"), 0x0d)
    idx("float64.idx", numpy.array([[0.1, -0.0], [5e-324, -math.inf]], dtype="f8"), 0x0e)
    idx("none.idx", numpy.zeros((0, 28, 28), dtype="u1"), 0x08)


def cifar(name, labels, classes):
    """Two pictures of few colours, so that the file compresses."""
    images = numpy.zeros((2, 3, 32, 32), dtype="u1")
    images[0, 0], images[0, 1], images[1, 2] = 255, numpy.arange(32), numpy.arange(32)[:, None] * 8
    write(name, b"".join(bytes(label) + image.tobytes() for label, image in zip(labels, images)))
    g.array("values", torch.from_numpy(images.astype("float64")))
    g.array("labels", torch.tensor([float(label[-1]) for label in labels], dtype=torch.float64))
    g.array("coarse", torch.tensor([float(label[0]) for label in labels], dtype=torch.float64))


def pnm(name, head, values, most):
    """[height, width] or [height, width, 3], binary or text as the head says."""
    values = numpy.asarray(values)
    if head[1] in "56":
        body = values.astype(">u2" if most > 255 else "u1").tobytes()
    else:
        body = "\n".join(" ".join(map(str, row)) for row in values.reshape(values.shape[0], -1)).encode() + b"\n"
    write(name, head.encode() + body)
    channels = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    g.array("values", torch.from_numpy(channels.astype("float64")))
    g.array("scaled", torch.from_numpy(channels.astype("float32")).div(most).double())


def pictures():
    draw = numpy.random.RandomState(1)
    pnm("grey.pgm", "P5 5 3 255\n", draw.randint(0, 256, (3, 5)), 255)
    pnm("colour.ppm", "P6\n# by hand\n4\t2 # wide and high\n255\n", draw.randint(0, 256, (2, 4, 3)), 255)
    pnm("deep.pgm", "P5\n3 2\n65535\n", [[0, 1, 256], [65535, 32768, 255]], 65535)
    pnm("text.pgm", "P2 3 2 7\n", [[0, 1, 2], [5, 6, 7]], 7)
    pnm("text.ppm", "P3#colours\n2 1 65535\n", [[[0, 65535, 1], [9, 300, 12]]], 65535)


# ---- torchvision/utils.py (0.14), whose lines these are in short ----

def make_grid(tensor, nrow=8, padding=2, normalize=False, scale_each=False, pad_value=0.0):
    if tensor.dim() == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 3:
        if tensor.size(0) == 1:
            tensor = torch.cat((tensor, tensor, tensor), 0)
        tensor = tensor.unsqueeze(0)
    if tensor.size(1) == 1:
        tensor = torch.cat((tensor, tensor, tensor), 1)
    if normalize:
        tensor = tensor.clone()
        for t in tensor if scale_each else [tensor]:
            low, high = float(t.min()), float(t.max())
            t.clamp_(min=low, max=high)
            t.sub_(low).div_(max(high - low, 1e-5))
    if tensor.size(0) == 1:
        return tensor.squeeze(0)
    nmaps = tensor.size(0)
    xmaps = min(nrow, nmaps)
    ymaps = int(math.ceil(float(nmaps) / xmaps))
    height, width = int(tensor.size(2) + padding), int(tensor.size(3) + padding)
    grid = tensor.new_full((tensor.size(1), height * ymaps + padding, width * xmaps + padding), pad_value)
    k = 0
    for y in range(ymaps):
        for x in range(xmaps):
            if k >= nmaps:
                break
            grid.narrow(1, y * height + padding, height - padding).narrow(
                2, x * width + padding, width - padding).copy_(tensor[k])
            k += 1
    return grid


def grid(name, images, **options):
    g.case("grid " + name)
    g.array("images", images.double())
    g.ints("options", options.get("nrow", 8), options.get("padding", 2), options.get("normalize", False),
           options.get("scale_each", False))
    g.array("pad_value", torch.tensor(options.get("pad_value", 0.0)))
    g.array("grid", make_grid(images, **options).double())


def grids():
    torch.manual_seed(0)
    grid("colours", torch.rand(5, 3, 2, 3), nrow=2)
    grid("grey", torch.rand(3, 1, 2, 2), padding=1, pad_value=0.5)
    grid("stretched", torch.randn(4, 3, 2, 2), nrow=3, padding=0, normalize=True)
    grid("each", torch.randn(3, 1, 2, 2) * 5, nrow=1, normalize=True, scale_each=True, pad_value=1.0)
    grid("flat", torch.full((2, 3, 1, 1), 0.25), normalize=True)
    grid("one", torch.rand(1, 3, 2, 2))
    grid("matrix", torch.rand(2, 3))
    grid("single", torch.rand(1, 2, 3), normalize=True)
    grid("nan", torch.tensor([0.0, 1.0, math.nan, 2.0]).reshape(2, 1, 1, 2), normalize=True)


def pixels():
    edges = (torch.arange(256, dtype=torch.float32) - 0.5).div(255)
    near = torch.stack([torch.nextafter(edges, edges + s) for s in (-1, 1)])
    image = torch.cat([edges[None], near, (torch.arange(256) / 128 - 0.5)[None]])
    g.case("pixels")
    g.array("image", image.double())
    # save_image: grid.mul(255).add_(0.5).clamp_(0, 255).to("cpu", torch.uint8)
    g.array("bytes", image.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8).to(torch.float64))


def capitals():
    """Latin-1, Latin Extended-A, Greek and Cyrillic; the one small letter that is two characters stays."""
    letters = [c for c in [*range(0x80, 0x180), *range(0x386, 0x3ac), *range(0x400, 0x430)] if len(chr(c).lower()) == 1]
    g.case("lower")
    g.ints("capitals", *letters)
    g.ints("lower", *(ord(chr(c).lower()) for c in letters))


def main():
    capitals()
    idx_files()
    cifar("cifar10.bin.gz", [[3], [9]], 10)
    cifar("cifar100.bin.gz", [[19, 99], [0, 5]], 100)
    pictures()
    grids()
    pixels()


main()
