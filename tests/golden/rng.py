#!/usr/bin/env python3
"""Writes rng.txt: what PyTorch's CPU generator and NumPy's legacy one draw, from several seeds and in mixed order.

    python3 tests/golden/rng.py > tests/golden/rng.txt

A case is a seed and a sequence of calls on one generator, numbered from 0:
    s 0 normal_f32 17 0.5 2                 the call: what, how many, its two numbers
    a 0.values [17] ... / i 0.ints ...      what it drew, or, where that is long,
    i 0.hash 123456                         h = 0xcbf29ce484222325; for each element: h = (h ^ bits) * 0x100000001b3
The float32 values and all discrete ones depend on no C library. The float64 normals do: they are always written out.
"""
import random

import numpy as np
import torch

from goldenfile import array, case, ints, string

INT64_MIN = -2**63


def signed(v):
    v &= 2**64 - 1
    return v - 2**64 if v >= 2**63 else v


def fnv(a):
    bits = a.view({1: np.uint8, 4: np.uint32, 8: np.uint64}[a.dtype.itemsize])
    h = 0xcbf29ce484222325
    for b in bits.tolist():
        h = (h ^ b) * 0x100000001b3 & 2**64 - 1
    return signed(h)


def f32(n):
    return torch.empty(n, dtype=torch.float32)


def f64(n):
    return torch.empty(n, dtype=torch.float64)


def i64(n):
    return torch.empty(n, dtype=torch.int64)


CALLS = {
    "normal_f32": lambda n, a, b: f32(n).normal_(a, b),
    "normal_f64": lambda n, a, b: f64(n).normal_(a, b),
    "randn": lambda n, a, b: torch.randn(n),
    "uniform_f32": lambda n, a, b: f32(n).uniform_(a, b),
    "uniform_f64": lambda n, a, b: f64(n).uniform_(a, b),
    "rand": lambda n, a, b: torch.rand(n),
    "randperm": lambda n, a, b: torch.randperm(n),
    "randint": lambda n, a, b: torch.randint(a, b, (n,)),
    "bernoulli": lambda n, a, b: torch.empty(n, dtype=torch.bool).bernoulli_(a),
    "random64": lambda n, a, b: i64(n).random_(INT64_MIN, None),
    "numpy_rand": lambda n, a, b: np.random.rand(n),
    "random32": lambda n, a, b: np.random.randint(0, 2**32, n, dtype=np.uint32).astype(np.int64),
}


def run(seed, calls):
    case(f"seed {seed}, {calls[0][0]} first")
    ints("seed", signed(seed))
    torch.manual_seed(seed)
    if 0 <= seed < 2**32:
        np.random.seed(seed)
    for k, (what, n, a, b) in enumerate(calls):
        string(str(k), f"{what} {n} {a!r} {b!r}")
        result = torch.as_tensor(CALLS[what](n, a, b))
        if result.numel() > 40 and what != "normal_f64":
            ints(f"{k}.hash", fnv(result.numpy()))
        elif result.dtype.is_floating_point:
            array(f"{k}.values", result)
        else:
            ints(f"{k}.ints", *result.tolist())


def init_calls():
    """Bounds and deviations as nn.init computes them."""
    calls = []
    for fan_in in (1, 3, 8, 13, 100):
        bound = 1 / fan_in ** 0.5
        calls += [("uniform_f32", 3 * fan_in, -bound, bound), ("uniform_f64", 5, -bound, bound),
                  ("normal_f32", 4 * fan_in + 12, 0.0, (2 / fan_in) ** 0.5)]
    return calls


def mixed_calls(rng, count):
    calls = []
    for _ in range(count):
        what = rng.choice(["normal_f32", "normal_f64", "uniform_f32", "uniform_f64", "randperm", "randint", "bernoulli",
                           "random64"])
        n = rng.choice([1, 2, 3, 15, 16, 17, 33, 700])
        if what == "normal_f64":
            n = min(n, 33)
        if what.startswith("normal"):
            a, b = round(rng.uniform(-2, 2), 3), round(rng.uniform(0.01, 3), 3)
        elif what.startswith("uniform"):
            a = rng.uniform(-2, 1)
            b = a + rng.uniform(0, 3)
        elif what == "randint":
            a = rng.randrange(-100, 100)
            b = a + rng.choice([1, 2, 10, 1000, 2**31, 2**32 - 1, 2**32, 2**40, 2**62])
        else:
            a, b = round(rng.random(), 3), 0
        calls.append((what, n, a, b))
    return calls


def main():
    print(f"# Written by rng.py with PyTorch {torch.__version__} and NumPy {np.__version__}.")
    for n in (1, 2, 15, 16, 17, 24, 31, 32, 33, 40, 48, 1000, 100003):
        run(n, [("randn", n, 0, 0), ("rand", n, 0, 0), ("randn", 1, 0, 0)])
    for n in (1, 3, 15, 16, 17, 32, 50):
        run(100 + n, [("normal_f64", n, 0.0, 1.0), ("normal_f64", n, 0.3, 2.5)])
    # A kept second value of a pair outlives other calls, large normals among them.
    run(7, [("normal_f32", 3, 0.0, 1.0), ("rand", 5, 0, 0), ("randn", 20, 0, 0), ("normal_f64", 2, 1.0, 2.0), ("randn", 2, 0, 0)])
    run(8, init_calls())
    for seed in (0, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 42, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -1, -42, -2**40):
        run(seed, [("rand", 4, 0, 0), ("randn", 3, 0, 0), ("randn", 16, 0, 0), ("randperm", 10, 0, 0)])
    for n in (1, 2, 10, 1000):
        run(n, [("randperm", n, 0, 0), ("randint", n, -5, 5), ("bernoulli", n, 0.25, 0), ("random64", n, 0, 0)])
    run(3, [("bernoulli", 20, 0.0, 0), ("bernoulli", 20, 1.0, 0), ("bernoulli", 700, 0.5, 0)])
    for seed in (0, 1, 42, 2**32 - 1):
        run(seed, [("numpy_rand", 20, 0, 0), ("random32", 5, 0, 0), ("numpy_rand", 1000, 0, 0), ("random32", 2000, 0, 0)])
    rng = random.Random(20)
    for _ in range(40):
        run(rng.randrange(2**40), mixed_calls(rng, 8))


main()
