#!/usr/bin/env python3
"""Writes tensorboard.txt: what torch.utils.tensorboard's make_histogram, bins 'tensorflow', makes of tensors.

    python3 tests/golden/tensorboard.py > tests/golden/tensorboard.txt

    a values [2,3] ...
    a limits [n] ...                bucket_limit
    a counts [n] ...                bucket
    a numbers [5] ...               min, max, num, sum, sum_squares

PyTorch's module needs TensorBoard's protocol buffers to be imported; its functions do not, so they are taken from its
source.
"""
import ast
import math
import os

import numpy as np
import torch

from goldenfile import array, case

path = os.path.join(os.path.dirname(torch.__file__), "utils", "tensorboard")


def taken(file, name, scope):
    text = open(os.path.join(path, file)).read()
    text = text.replace("np.greater(counts, 0, dtype=np.int32)", "np.greater(counts, 0)")  # NumPy 1.24 has no such loop
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            exec(compile(ast.Module([node], []), file, "exec"), scope)
            return scope[name]


make_histogram = taken("summary.py", "make_histogram", {"np": np, "HistogramProto": dict})


def default_bins():
    """The lines of SummaryWriter.__init__."""
    v = 1e-12
    buckets, neg_buckets = [], []
    while v < 1e20:
        buckets.append(v)
        neg_buckets.append(-v)
        v *= 1.1
    return neg_buckets[::-1] + [0] + buckets


def write(name, values):
    case(name)
    h = make_histogram(values.double().numpy(), default_bins())
    array("values", values.double() if values.is_floating_point() else values)
    array("limits", torch.tensor(h["bucket_limit"], dtype=torch.float64))
    array("counts", torch.tensor(h["bucket"], dtype=torch.float64))
    array("numbers", torch.tensor([float(h[k]) for k in ("min", "max", "num", "sum", "sum_squares")], dtype=torch.float64))


torch.manual_seed(0)
edges = torch.tensor(default_bins(), dtype=torch.float64)
write("normal", torch.randn(4, 5))
write("zero", torch.zeros(3))
write("one", torch.tensor(2.5))
write("positive", torch.rand(7) + 1)
write("negative", -torch.rand(7).double() - 1)
write("edges", edges[[0, 1, 700, 773, 774, 775, 776, 1000, 1547, 1548]])
write("last edge", edges[[1548]])
write("first edge", edges[[0]])
write("beyond", torch.tensor([1.0, 1e30, -1e30, 2.0], dtype=torch.float64))
write("infinity", torch.tensor([1.0, math.inf, 2.0], dtype=torch.float64))
write("NaN", torch.tensor([1.0, math.nan, 2.0], dtype=torch.float64))
write("tiny", torch.tensor([1e-13, -1e-13, 5e-324, -0.0], dtype=torch.float64))
write("integers", torch.tensor([1, 2, 3, 3]))
