#!/usr/bin/env python3
"""Writes print.txt: tensors, and what PyTorch's print() makes of them.

    python3 tests/golden/print.py > tests/golden/print.txt

Two kinds of cases. A tensor:
    s dtype float32
    a data [2,2] 1 2 3 4            the elements; `i ints` besides, where an int64 needs all its digits
    i options 4 1000 3 80 -1        precision, threshold, edgeitems, linewidth, sci_mode; absent: the defaults
    i transposed 1                  stored with its dimensions in reverse order
    i default64 1                   the default dtype is float64
    i requires_grad 1
    s text tensor([[1., 2.],\\n        [3., 4.]])
And an op, with the dimensions of its inputs and its result, and PyTorch's name for the node:
    s op matmul
    i inputs 2 2
    i output 2
    s grad_fn MmBackward0
"""
import math
import random

import torch
import torch.nn.functional as F

from goldenfile import array, case, ints, string

DEFAULTS = dict(precision=4, threshold=1000, edgeitems=3, linewidth=80, sci_mode=None)


def tensor_case(name, t, transposed=False, default64=False, requires_grad=False, **options):
    settings = {**DEFAULTS, **options}
    torch.set_printoptions(**settings)
    torch.set_default_dtype(torch.float64 if default64 else torch.float32)
    case(name)
    string("dtype", str(t.dtype)[6:])
    array("data", t)
    if t.dtype == torch.int64 and t.numel() and t.abs().max() > 2**53:
        ints("ints", *t.reshape(-1).tolist())
    if options:
        sci = settings["sci_mode"]
        ints("options", *list(settings.values())[:4], -1 if sci is None else sci)
    for key, on in (("transposed", transposed), ("default64", default64), ("requires_grad", requires_grad)):
        if on:
            ints(key, 1)
    text = repr(t.clone().requires_grad_(requires_grad))
    string("text", text.replace("\n", "\\n"))
    torch.set_default_dtype(torch.float32)


def f32(*values):
    return torch.tensor(values, dtype=torch.float32)


def f64(*values):
    return torch.tensor(values, dtype=torch.float64)


def chosen_cases():
    nan, inf = math.nan, math.inf
    for name, t in {
        "whole floats": f32(1, 2, 3), "fractions": f32(1.5, 2.25, -3), "0-d": torch.tensor(3.5), "0-d whole": torch.tensor(-7.0),
        "0-d int": torch.tensor(12), "0-d bool": torch.tensor(True), "0-d nan": torch.tensor(nan), "0-d tiny": torch.tensor(1e-7),
        "bools": torch.tensor([True, False]), "all true": torch.tensor([True, True]), "ints": torch.tensor([1, -20, 300]),
        "large ints": torch.tensor([2**63 - 1, -2**63, 0, 2**53 + 1]), "float64": f64(0.1, 0.2),
        "nan and inf among whole": f32(1, nan, inf, -inf), "nan and inf among fractions": f32(1.5, nan, inf, -inf),
        "only nan and inf": f32(nan, inf, -inf), "zeros": f32(0, 0), "negative zero": f32(-0.0, 0.0, 1),
        "negative zero with fractions": f32(-0.0, 0.5), "zeros and nan": f32(0, nan, -0.0), "minus inf widest": f32(1, -inf),
        "range over 1000": f32(1, 1001), "range of 1000": f32(1, 1000), "fractions over 1000": f32(0.5, 501), "range of 1000 in fractions": f32(0.5, 500),
        "1e8": f32(1e8), "over 1e8": f32(1.1e8), "1e-4": f64(1e-4), "under 1e-4": f64(9.9e-5), "whole range with sci": f32(1, 1e7, -3),
        "sci with nan": f32(1e-5, nan, 0, -inf, -2e5), "exponent of three digits": f64(1e300, 1e-300), "denormal": f64(5e-324), "largest": f64(1.7976931348623157e308),
        "rounds up": f32(0.99996, 9.99996), "ties": f64(0.00005, 0.00015, 0.5, 2.5), "whole ties": f64(0.5, 1.5, 2.5),
        "empty": torch.empty(0), "empty 0x3": torch.empty(0, 3), "empty 2x0x4": torch.empty(2, 0, 4), "empty int": torch.empty(0, dtype=torch.int64),
        "empty bool": torch.empty(2, 0, dtype=torch.bool), "empty float64": torch.empty(0, 1, dtype=torch.float64),
        "matrix": torch.arange(6.0).reshape(2, 3), "3-d": torch.arange(24.0).reshape(2, 3, 4), "4-d": torch.arange(16.0).reshape(2, 2, 2, 2) / 8,
        "8-d": torch.arange(4).reshape(1, 2, 1, 1, 1, 1, 2, 1), "column": torch.arange(3.0).reshape(3, 1),
        "long row": torch.arange(40), "long float row": torch.arange(30) / 7, "long rows": torch.arange(60.0).reshape(2, 30),
        "exactly one line": torch.full((24,), 1), "one over": torch.full((25,), 1), "wide": f64(1e300, -1e-300).repeat(5),
        "1000": torch.arange(1000), "1001": torch.arange(1001), "1001 floats": torch.arange(1001) / 10, "40x30": torch.arange(1200.0).reshape(40, 30),
        "7x200": torch.arange(1400.0).reshape(7, 200) / 3, "6x200": torch.arange(1200).reshape(6, 200), "2x3x200": torch.arange(1200.0).reshape(2, 3, 200),
        "8x8x17": torch.arange(1088).reshape(8, 8, 17), "hidden extremes": torch.cat([torch.ones(500), f32(1e-9, 1e9), torch.ones(500)]),
        "hidden fraction": torch.cat([torch.ones(500), f32(0.5), torch.ones(500)]),
    }.items():
        tensor_case(name, t)


def option_cases():
    x = torch.arange(20.0) / 7 - 1
    for name, options in {
        "precision 0": dict(precision=0), "precision 2": dict(precision=2), "precision 10": dict(precision=10),
        "threshold 0": dict(threshold=0), "threshold 5": dict(threshold=5), "threshold 19": dict(threshold=19), "threshold 20": dict(threshold=20),
        "edgeitems 0": dict(edgeitems=0, threshold=5), "edgeitems 1": dict(edgeitems=1, threshold=5), "edgeitems 10": dict(edgeitems=10, threshold=5),
        "linewidth 0": dict(linewidth=0), "linewidth 20": dict(linewidth=20), "linewidth 40": dict(linewidth=40), "linewidth 200": dict(linewidth=200),
        "sci": dict(sci_mode=True), "sci, precision 1": dict(sci_mode=True, precision=1), "no sci": dict(sci_mode=False),
    }.items():
        tensor_case(name, x, **options)
        if options.get("edgeitems") != 0:      # PyTorch itself fails there
            tensor_case(name + ", 3-d", x[:12].reshape(2, 3, 2), **options)
    for name, t in {"tiny": f32(1e-5, 1), "huge": f64(1e10, 1.5), "whole huge": f64(1e10, 1), "zeros": f32(0, 0), "ints": torch.arange(3)}.items():
        tensor_case(name + ", no sci", t, sci_mode=False)
        tensor_case(name + ", sci", t, sci_mode=True)


def suffix_cases():
    for name, t in {"f32": f32(1.5), "f64": f64(1.5), "int": torch.tensor([1]), "bool": torch.tensor([True]), "empty f32": torch.empty(0),
                    "empty f64": torch.empty(0, dtype=torch.float64), "empty int": torch.empty(2, 0, dtype=torch.int64)}.items():
        tensor_case(name + ", default float64", t, default64=True)
        if t.dtype.is_floating_point:
            tensor_case(name + " requires grad", t, requires_grad=True)
            tensor_case(name + " requires grad, default float64", t, requires_grad=True, default64=True)
    for n in range(1, 14):      # the suffix moves to a line of its own when it does not fit
        tensor_case(f"suffix after {n}", torch.full((n,), 0.25), requires_grad=True)
        tensor_case(f"two suffixes after {n}", torch.full((2, n), 0.25, dtype=torch.float64), requires_grad=True)
    tensor_case("narrow", f64(1, 2), requires_grad=True, linewidth=25)


def random_cases(count):
    rng = random.Random(4)
    kinds = [lambda: rng.gauss(0, 1), lambda: float(rng.randrange(-50, 50)), lambda: 10 ** rng.uniform(-5, 5), lambda: rng.gauss(0, 1e-5),
             lambda: rng.choice([0.0, -0.0, 1.0, 2.5, math.nan, math.inf, -math.inf]), lambda: 10.0 ** rng.randrange(-30, 30),
             lambda: rng.choice([1e-4, 0.1, 0.01, 1000.0, 100.5, 1e8])]
    for i in range(count):
        shape = [rng.choice([1, 2, 3, 4, 5, 7]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))]
        dtype = rng.choice([torch.float32, torch.float32, torch.float64, torch.int64, torch.bool])
        kind = rng.choice(kinds)
        if dtype == torch.int64:
            m = rng.choice([5, 1000, 2**62])
            kind = lambda: rng.randrange(-m, m)
        if dtype == torch.bool:
            kind = lambda: rng.random() < 0.5
        t = torch.tensor([kind() for _ in range(math.prod(shape))], dtype=dtype).reshape(shape)
        options = {}
        if rng.random() < 0.4:
            options = dict(precision=rng.choice([0, 1, 4, 8]), threshold=rng.choice([0, 10, 1000]), edgeitems=rng.choice([1, 2, 3]),
                           linewidth=rng.choice([10, 40, 80, 120]), sci_mode=rng.choice([None, None, True, False]))
        tensor_case(f"random {i}", t, transposed=rng.random() < 0.3, requires_grad=t.is_floating_point() and rng.random() < 0.3, **options)


def op_case(op, result, *inputs):
    if isinstance(result, (tuple, list)):
        result = result[0]
    case(f"{op} of {' '.join(str(list(t.shape)) for t in inputs)} -> {list(result.shape)}")
    string("op", op)
    ints("inputs", *(t.dim() for t in inputs))
    ints("output", result.dim())
    string("grad_fn", type(result.grad_fn).__name__)


def op_cases():
    def r(*shape):
        return torch.rand(*shape).add(0.5).requires_grad_()
    x, y, b = r(3, 4), r(3, 4), r(4)
    for op in ("neg", "abs", "exp", "log", "sqrt", "sigmoid", "tanh", "relu", "sum", "mean", "t", "clone"):
        op_case(op, getattr(torch, op)(x), x)
    for op in ("add", "sub", "mul", "div", "maximum", "minimum"):
        op_case(op, getattr(torch, op)(x, y), x, y)
    for op in ("sum", "mean"):
        op_case(op, getattr(x, op)(1), x)
        op_case(op, getattr(x, op)((0, 1), keepdim=True), x)
    for a, c in ((r(4), r(4)), (x, r(4, 2)), (x, r(4)), (r(4), r(4, 2)), (r(2, 3, 4), r(2, 4, 5)), (r(2, 3, 4), r(4, 5)), (r(2, 3, 4), r(4)), (r(2, 2, 3, 4), r(4, 5))):
        op_case("matmul", a @ c, a, c)
    for a in (r(4), r(2, 4), r(2, 3, 4), r(2, 2, 3, 4)):
        w = r(5, 4)
        op_case("linear", F.linear(a, w), a, w)
        op_case("linear", F.linear(a, w, r(5)), a, w, r(5))
    op_case("softmax", F.softmax(x, 1), x)
    op_case("log_softmax", F.log_softmax(x, 1), x)
    op_case("mse_loss", F.mse_loss(x, y), x, y)
    op_case("nll_loss", F.nll_loss(x, torch.tensor([0, 1, 2])), x, torch.tensor([0, 1, 2]))
    op_case("cross_entropy", F.cross_entropy(x, torch.tensor([0, 1, 2])), x, torch.tensor([0, 1, 2]))
    op_case("view", x.view(12), x)
    op_case("reshape", x.reshape(12), x)
    op_case("flatten", x.flatten(), x)
    op_case("transpose", x.transpose(0, 1), x)
    op_case("permute", x.permute(1, 0), x)
    op_case("unsqueeze", x.unsqueeze(0), x)
    op_case("expand", b.expand(3, 4), b)
    op_case("repeat", x.repeat(2, 2), x)
    op_case("select", x.select(0, 1), x)
    op_case("narrow", x.narrow(0, 1, 1), x)
    op_case("slice", x[1:2], x)
    op_case("contiguous", x.t().contiguous(), x)
    op_case("to", x.to(torch.float64), x)
    op_case("cat", torch.cat([x, y]), x, y)
    op_case("stack", torch.stack([x, y]), x, y)
    op_case("split", x.split(2), x)
    op_case("chunk", x.chunk(2), x)
    op_case("unbind", x.unbind(0), x)
    op_case("where", torch.where(x > 1, x, y), x > 1, x, y)


def main():
    print(f"# Written by print.py with PyTorch {torch.__version__}.")
    chosen_cases()
    option_cases()
    suffix_cases()
    random_cases(150)
    op_cases()


main()
