"""The line format of the golden files that tests/support/golden.c reads.

    # a comment
    case NAME                       a case begins; NAME goes to the end of the line
    s KEY text                      a string, to the end of the line
    i KEY 1 2 3                     one or several integers
    a KEY [2,3] 0.5 -1 nan ...      an array: its sizes ([] for a 0-d one), then its elements in row-major order

A value stands on the line of its key, whatever its length; keys hold no spaces. float64 values have 17 significant
digits, float32 values 9: they read back exactly.

The scalar whose gradient is taken is always sum(result * w), with weights every language writes in a line:
w[i] = ((7 i) mod 11 - 5) / 8 for the i-th element in row-major order.
"""
import math

import torch


def weights(t):
    i = torch.arange(t.numel(), dtype=torch.float64)
    return (((7 * i) % 11 - 5) / 8).to(t.dtype).reshape(t.shape)


def number(v, digits):
    if isinstance(v, (bool, int)):
        return str(int(v))
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    short = repr(v)
    text = short if digits == 17 and len(short) < 20 else f"{v:.{digits}g}"
    return text[:-2] if text.endswith(".0") else text


def case(name):
    print("case", name)


def string(key, text):
    print("s", key, text)


def ints(key, *values):
    print("i", key, *(int(v) for v in values))


def array(key, t):
    t = torch.as_tensor(t).detach()
    digits = 9 if t.dtype == torch.float32 else 17
    sizes = ",".join(map(str, t.shape))
    print("a", key, f"[{sizes}]", *(number(v, digits) for v in t.reshape(-1).tolist()))
