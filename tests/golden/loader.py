#!/usr/bin/env python3
"""Writes loader.txt: which samples PyTorch's DataLoader gives in which order, and where random streams stand meanwhile.

    python3 tests/golden/loader.py > tests/golden/loader.txt

Each case begins with torch.manual_seed(7) and runs two passes over a dataset of the numbers 0 to n - 1. After each batch,
and after each pass, one uniform float64 number is drawn from the stream that the loader uses: `default`, or a generator
that was seeded with 11, which is .generator of the loader (`loader`) or of the sampler (`sampler`).

    case NAME
    i n, i batch_size, i drop_last, i leave       the second pass is left after `leave` batches; -1: it is not
    s sampler KIND, s generator STREAM            KIND is sequential, shuffle, random, replacement, subset, weighted,
                                                  weighted_once, batch; test_loader.c makes the same
    i num_samples                                 of the sampler
    i order, i sizes                              of both passes: the samples, and the sizes of the batches
    a drawn                                       the numbers between; the last ones are one of the stream and one of the
                                                  default generator

    case split NAME                               random_split: `i n`, `a sizes`, `s generator`; `i part.K` the indices
"""
import torch
from torch.utils import data as D

from goldenfile import array, case, ints, string


def sampler(kind, n, num, source, generator):
    if kind == "random":
        return D.RandomSampler(source, num_samples=num, generator=generator)
    if kind == "replacement":
        return D.RandomSampler(source, replacement=True, num_samples=num, generator=generator)
    if kind == "subset":
        return D.SubsetRandomSampler(list(range(0, n, 2)), generator=generator)
    weights = [float(1 + (3 * i) % 7) for i in range(n)]
    return D.WeightedRandomSampler(weights, num, replacement=kind == "weighted", generator=generator)


def loader(kind, n, num, batch_size, drop_last, stream, generator):
    source = D.TensorDataset(torch.arange(n))
    of_loader = generator if stream == "loader" else None
    if kind in ("sequential", "shuffle"):
        return D.DataLoader(source, batch_size, shuffle=kind == "shuffle", drop_last=drop_last, generator=of_loader)
    if kind == "batch":
        inner = D.RandomSampler(source, generator=generator if stream == "sampler" else None)
        return D.DataLoader(source, batch_sampler=D.BatchSampler(inner, batch_size, drop_last), generator=of_loader)
    inner = sampler(kind, n, num, source, generator if stream == "sampler" else None)
    return D.DataLoader(source, batch_size, sampler=inner, drop_last=drop_last, generator=of_loader)


def passes(kind, n, batch_size, drop_last=False, stream="default", num=0, leave=-1):
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(11)
    stream_of = None if stream == "default" else generator
    l = loader(kind, n, num or None, batch_size, drop_last, stream, generator)
    order, sizes, drawn = [], [], []

    def draw(g):
        drawn.append(torch.rand(1, dtype=torch.float64, generator=g).item())

    for epoch in range(2):
        for k, (batch,) in enumerate(l):
            order += batch.tolist()
            sizes.append(len(batch))
            draw(stream_of)
            if epoch == 1 and k + 1 == leave:
                break
        draw(stream_of)
    draw(None)
    case(f"{kind} of {n} by {batch_size}, {stream}{', drop_last' if drop_last else ''}{f', {num}' if num else ''}"
         f"{f', left after {leave}' if leave >= 0 else ''}")
    string("sampler", kind)
    string("generator", stream)
    ints("n", n)
    ints("batch_size", batch_size)
    ints("drop_last", drop_last)
    ints("leave", leave)
    ints("num_samples", num)
    ints("order", *order)
    ints("sizes", *sizes)
    array("drawn", torch.tensor(drawn, dtype=torch.float64))


def split(name, n, sizes, seeded):
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(11)
    parts = D.random_split(range(n), sizes, **(dict(generator=generator) if seeded else {}))
    case("split " + name)
    ints("n", n)
    array("sizes", torch.tensor(sizes, dtype=torch.float64))
    string("generator", "given" if seeded else "default")
    for k, part in enumerate(parts):
        ints(f"part.{k}", *part.indices)
    array("drawn", torch.rand(1, dtype=torch.float64))


def main():
    print(f"# Written by loader.py with PyTorch {torch.__version__}.")
    for stream in ("default", "loader"):
        for n, batch_size, drop_last in ((23, 5, False), (23, 5, True), (20, 5, False), (20, 5, True), (3, 8, False)):
            passes("shuffle", n, batch_size, drop_last, stream)
        passes("shuffle", 23, 5, False, stream, leave=2)
        passes("sequential", 11, 4, False, stream)
        passes("batch", 23, 5, False, stream)
    for stream in ("default", "sampler"):
        passes("batch", 20, 6, True, stream)
        passes("random", 10, 4, False, stream, num=7)
        passes("random", 10, 4, False, stream, num=25)
        passes("random", 10, 4, True, stream, num=30)
        passes("replacement", 10, 6, False, stream, num=70)
        passes("replacement", 10, 8, True, stream, num=64)
        passes("replacement", 10, 6, False, stream, num=70, leave=7)
        passes("subset", 15, 3, False, stream)
        passes("weighted", 12, 5, False, stream, num=20)
        passes("weighted_once", 12, 5, False, stream, num=9)
    split("whole numbers", 10, [3, 7], False)
    split("whole numbers of a generator", 10, [3, 7], True)
    split("fractions", 23, [0.3, 0.3, 0.4], True)
    split("a tenth each, and the rest", 37, [0.1, 0.1, 0.8], False)


main()
