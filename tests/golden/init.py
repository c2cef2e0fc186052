#!/usr/bin/env python3
"""Writes init.txt: what torch.nn.init makes of a tensor, from several seeds.

    OMP_NUM_THREADS=1 python3 tests/golden/init.py > tests/golden/init.txt

A case is one call:
    s function orthogonal_          the function of torch.nn.init
    i seed 7                        what torch.manual_seed was told before
    i sizes 3 5, i float64 0        the tensor
    i transposed 1                  the tensor is the transpose of one: its memory is in another order
    a std .. / s mode ..            the arguments that were given
    a values [3,5] ...              the tensor afterwards
    a next [2] ...                  two more numbers, by torch.rand(2, dtype=float64): how far the generator went
    i warned 1                      how often PyTorch warned
The gains are one case, a number for each name.
"""
import warnings

import torch

from goldenfile import array, case, ints, string

GAINS = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid",
         "tanh", "relu", "leaky_relu", "selu"]


def run(function, sizes, dtype=torch.float32, transposed=False, seed=7, **arguments):
    words = " ".join(f"{key}={value}" for key, value in arguments.items())
    case(f"{function} {list(sizes)} {str(dtype).replace('torch.', '')} {words} {'transposed' if transposed else ''}".strip())
    string("function", function)
    ints("seed", seed)
    ints("sizes", *sizes)
    ints("float64", dtype == torch.float64)
    ints("transposed", transposed)
    for key, value in arguments.items():
        if isinstance(value, str):
            string(key, value)
        else:
            array(key, torch.tensor(value, dtype=torch.float64))
    t = torch.full(sizes[::-1] if transposed else sizes, 9.0, dtype=dtype)
    t = t.permute(*range(t.dim())[::-1]) if transposed else t
    torch.manual_seed(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(torch.nn.init, function)(t, **arguments)
    ints("warned", len(caught))
    array("values", t)
    array("next", torch.rand(2, dtype=torch.float64))


def random_ones():
    for dtype in (torch.float32, torch.float64):
        for sizes in ((3, 5), (4, 2, 3)):
            run("uniform_", sizes, dtype)
            run("uniform_", sizes, dtype, a=-2.0, b=3.0)
            run("normal_", sizes, dtype)
            run("normal_", sizes, dtype, mean=1.0, std=0.5)
            run("trunc_normal_", sizes, dtype)
            run("trunc_normal_", sizes, dtype, std=0.02)
            run("trunc_normal_", sizes, dtype, mean=1.0, std=2.0, a=0.0, b=1.5)
            run("xavier_uniform_", sizes, dtype, gain=2.0)
            run("xavier_normal_", sizes, dtype)
            for nonlinearity in GAINS:
                run("kaiming_uniform_", sizes, dtype, mode="fan_out", nonlinearity=nonlinearity)
            run("kaiming_normal_", sizes, dtype, a=0.3)
            run("kaiming_normal_", sizes, dtype, mode="FAN_OUT", nonlinearity="selu")
    run("trunc_normal_", (4, 5), mean=5.0, std=1.0)
    run("trunc_normal_", (2, 7), mean=-0.5, std=1.0, a=-float("inf"), b=float("inf"))
    run("trunc_normal_", (3, 4), transposed=True)
    for function in ("uniform_", "normal_"):
        for sizes in ((3, 4), (5, 7), (2, 3, 4)):
            run(function, sizes, transposed=True)
    run("normal_", (5, 7), torch.float64, transposed=True)
    run("kaiming_uniform_", (0, 4))


def structured():
    for dtype in (torch.float32, torch.float64):
        for sizes in ((4, 4), (3, 5), (5, 3), (1, 6), (6, 1), (3, 2, 2), (8, 3, 2)):
            run("orthogonal_", sizes, dtype)
        run("orthogonal_", (3, 5), dtype, gain=1.5)
        for sizes, sparsity in (((5, 3), 0.1), ((6, 4), 0.5), ((4, 20), 0.3), ((3, 2), 0.0), ((3, 2), 1.0)):
            run("sparse_", sizes, dtype, sparsity=sparsity)
        run("sparse_", (5, 4), dtype, sparsity=0.3, std=2.0)
    run("orthogonal_", (40, 35), seed=3)
    run("orthogonal_", (4, 3), transposed=True)
    run("orthogonal_", (0, 4))
    run("sparse_", (4, 3), transposed=True, sparsity=0.5)
    for sizes in ((3, 3), (2, 4), (4, 2)):
        run("eye_", sizes)
        run("eye_", sizes, transposed=True)
    for sizes, groups in (((3, 2, 3), 1), ((2, 3, 4), 1), ((4, 2, 3), 2), ((4, 3, 2, 3), 2), ((6, 2, 3, 1, 2), 3)):
        run("dirac_", sizes, groups=groups)
    run("dirac_", (3, 2, 3), transposed=True)
    for function in ("zeros_", "ones_"):
        run(function, (2, 3))
    run("constant_", (2, 3), val=0.3)


def main():
    print(f"# Written by init.py with PyTorch {torch.__version__}.")
    case("gains")
    for name in GAINS:
        array(name, torch.tensor(torch.nn.init.calculate_gain(name), dtype=torch.float64))
    array("leaky_relu_of_0.2", torch.tensor(torch.nn.init.calculate_gain("leaky_relu", 0.2), dtype=torch.float64))
    random_ones()
    structured()


main()
