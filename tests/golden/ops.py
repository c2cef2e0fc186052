"""Writes ops/FAMILY.txt: what PyTorch 1.13.1 makes of every op's sample calls, of special values, and of mixed dtypes.

    build/tests/ops/test_golden --list FAMILY > list && OMP_NUM_THREADS=1 python3 ops.py list > ops/FAMILY.txt

ops.sh does so for the families it is told, or for all. What PyTorch 1.13 lacks, or calls otherwise, stands in
ops_FAMILY.py as a dictionary NAMES, composed of what it has; a dictionary SPECIAL there holds
functions for special values alone.

goldenfile.py describes the line format. Each line of the list makes one case of the same name, except that `special`
makes one for each floating dtype:

    sample CALL
        The call is evaluated with the names of NAMES below, after torch.manual_seed(0); f, i, b and v make the numbers
        that tests/support/sample.h describes, f in float64. `i results`: how many results there are. `i values`:
        whether they have values (empty has none). `s dtypeK`, `a resultK`: result K. `a gradK`: the gradient by leaf K
        of sum(result * weights), summed over the results; `i gradients 0`: PyTorch has none. `s error TEXT` alone:
        PyTorch refuses the call.
    error CALL
        `s error TYPE: TEXT`: how PyTorch refuses the call; `i accepted 1`: it does not.
    create CALL
        The same for a function of the module torch that makes a tensor from nothing.
    special OP INPUTS
        `a a` (and `a b`, `a c`): NaN, infinities, zeros, denormals and others, for several inputs each with each. `a y`: the
        result. `a da`, `a db`, `a dc`: the gradients, the incoming one being ones.
    promotion OP INPUTS
        `s A,B dtype`: the dtype of the result for operands A and B, or "error". "float32" is a tensor of one dimension,
        "float32_0d" one of none; "int", "float" and "bool_number" are numbers.
"""
import glob
import importlib
import itertools
import math
import os
import sys
import warnings

import torch
import torch.nn.functional as F

import goldenfile as g

DTYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64, "bool": torch.bool}


# ---- the values of leaves: tests/support/sample.h ----

def generate(text, number, kind, lo, hi, sizes, step=0):
    mask = (1 << 64) - 1
    x = 14695981039346656037
    for byte in text.encode() + bytes([number]):
        x = (x ^ byte) * 1099511628211 & mask
    values = []
    for _ in range(math.prod(sizes)):
        x = (x * 6364136223846793005 + 1442695040888963407) & mask
        u = (x >> 11) / 2**53
        v = lo + (hi - lo) * u
        if step:
            v = math.floor(v / step + 0.5) * step
        values.append(v if kind == "f" else math.floor(v) if kind == "i" else u < 0.5)
    dtype = {"f": torch.float64, "i": torch.int64, "b": torch.bool}[kind]
    return torch.tensor(values, dtype=dtype).reshape(sizes)


def weights(text, k, t):
    return generate(text, 128 + k, "f", -1.0, 1.0, t.shape).to(t.dtype)


class Leaves:
    """The functions f, i, b and v of one sample, and what they made."""

    def __init__(self, text):
        self.text, self.made = text, []

    def make(self, kind, sizes, lo, hi, grad=False, step=0):
        t = generate(self.text, len(self.made), kind, lo, hi, sizes, step)
        self.made.append(t)
        return t.requires_grad_(grad)

    def f(self, *sizes, lo=-2, hi=2, grad=True, step=0):
        return self.make("f", sizes, lo, hi, grad, step)

    def v(self, *numbers, grad=True):
        t = torch.tensor(numbers, dtype=torch.float64).requires_grad_(grad)
        self.made.append(t)
        return t

    def i(self, *sizes, lo=-2, hi=3):
        return self.make("i", sizes, lo, hi)

    def b(self, *sizes):
        return self.make("b", sizes, 0, 1)


# ---- the ops, where tapegrad's call is not PyTorch's function of that name ----

def nll_loss_backward(grad_output, size, target, **options):
    """The gradient of nll_loss, which does not depend on the input's values."""
    x = torch.zeros(size, dtype=grad_output.dtype, requires_grad=True)
    return torch.autograd.grad(F.nll_loss(x, target, **options), x, grad_output, create_graph=True)[0]


def python_slice(t, dim, start, end, step=1):
    index = [slice(None)] * t.dim()
    index[dim] = slice(start, end, step)
    return t[tuple(index)]


NAMES = {
    "slice": python_slice, "split_with_sizes": torch.split,
    "nll_loss_backward": nll_loss_backward,
}


SPECIAL = {}    # functions for special values alone, where PyTorch's own lose digits
for extra in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops_*.py"))):
    module = importlib.import_module(os.path.basename(extra)[:-3])
    NAMES.update(module.NAMES)
    SPECIAL.update(getattr(module, "SPECIAL", {}))


def lookup(name):
    if name in NAMES:
        return NAMES[name]
    for place in (torch, F, torch.Tensor, torch.linalg, torch.ops.aten):
        if hasattr(place, name):
            return getattr(place, name)
    raise SystemExit(f"ops.py: no PyTorch function for '{name}'")


class Namespace(dict):
    def __missing__(self, name):
        return DTYPES[name] if name in DTYPES else lookup(name)


# ---- cases ----

def has_gradients(text, results):
    """Runs backward; false where PyTorch's own fails, as that of mse_loss does on an integer target."""
    try:
        if any(r.requires_grad for r in results):
            sum((r * weights(text, k, r)).sum() for k, r in enumerate(results) if r.requires_grad).backward()
        return True
    except RuntimeError as error:
        print(f"ops.py: {text}: no gradients: {error}", file=sys.stderr)
        return False


def evaluate(text, leaves):
    torch.manual_seed(0)
    names = Namespace(f=leaves.f, i=leaves.i, b=leaves.b, v=leaves.v, inf=math.inf, nan=math.nan,
                      __builtins__={"True": True, "False": False, "None": None})
    return eval(text, {"__builtins__": {}}, names)


def sample(text):
    leaves = Leaves(text)
    g.case("sample " + text)
    try:
        results = evaluate(text, leaves)
    except Exception as refusal:
        print(f"ops.py: {text}: refused: {refusal}", file=sys.stderr)
        g.string("error", str(refusal).splitlines()[0])
        return
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    has_values = not text.startswith("empty")
    g.ints("results", len(results))
    g.ints("values", has_values)
    if not has_values:
        return
    for k, r in enumerate(results):
        g.string(f"dtype{k}", str(r.dtype).replace("torch.", ""))
        g.array(f"result{k}", r)
    g.ints("gradients", has_gradients(text, results))
    for k, leaf in enumerate(leaves.made):
        if leaf.grad is not None:
            g.array(f"grad{k}", leaf.grad)


def error(text):
    leaves = Leaves(text)
    g.case("error " + text)
    try:
        evaluate(text, leaves)
        g.ints("accepted", 1)
    except Exception as refusal:
        g.string("error", type(refusal).__name__ + ": " + str(refusal).replace("\n", " "))


def create(text):
    g.case("create " + text)
    torch.manual_seed(0)
    result = eval(text, vars(torch), {"bool": torch.bool})
    g.string("dtype0", str(result.dtype).replace("torch.", ""))
    g.array("result0", result)


def special_values(dtype, inputs):
    info = torch.finfo(dtype)
    denormal, large = info.tiny * info.eps, 0.75 * info.max     # not the largest: PyTorch's pow(max, 1.0) is inf
    if inputs == 3:
        return torch.tensor([math.nan, math.inf, -math.inf, 0.0, -2.5, large], dtype=dtype)
    values = [math.nan, math.inf, -math.inf, 0.0, -0.0, denormal, -denormal, info.tiny]
    values += [1.0, -1.0, 2.0, -2.5, 3.0, 0.5, large, -large]
    if inputs == 1:
        values += [20.0, -20.0, 1e-30, 88.0, 89.0, -88.0, -104.0, -103.0, 709.0, 710.0, -745.0, -746.0, 1e-4, 9.0, -9.0]
    return torch.tensor(values, dtype=dtype)


def special(name, inputs):
    for dtype_name in ("float32", "float64"):
        values = special_values(DTYPES[dtype_name], inputs)
        x = torch.meshgrid(*[values] * inputs, indexing="ij")
        x = [t.reshape(-1).clone().requires_grad_() for t in x]
        y = SPECIAL.get(name, lookup(name))(*x)
        g.case(f"special {name} {dtype_name}")
        for key, t in zip("abc", x):
            g.array(key, t)
        g.array("y", y)
        if y.requires_grad:
            ds = torch.autograd.grad(y, x, torch.ones_like(y), allow_unused=True)
            for key, d, t in zip("abc", ds, x):
                g.array("d" + key, torch.zeros_like(t) if d is None else d)


def promotion(name, inputs):
    operands = {key: torch.ones(2, dtype=dtype) for key, dtype in DTYPES.items()}
    operands.update((key + "_0d", torch.ones((), dtype=dtype)) for key, dtype in DTYPES.items())
    if inputs == 2:
        operands.update({"int": 1, "float": 1.0, "bool_number": True})
    if inputs == 3:
        operands = {key: operands[key] for key in (*DTYPES, "float64_0d")}
    g.case(f"promotion {name}")
    condition = [torch.ones(2, dtype=torch.bool)] if name == "where" else []
    for chosen in itertools.product(operands, repeat=inputs):
        values = [operands[key] for key in chosen]
        if not any(torch.is_tensor(v) for v in values):
            continue
        try:
            result = str(lookup(name)(*condition, *values).dtype).replace("torch.", "")
        except (RuntimeError, TypeError):
            result = "error"
        g.string(",".join(chosen), result)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")     # mse_loss warns of the shapes it broadcasts
    print("# The ops as PyTorch computes them; ops.py, which wrote this file, describes each key.")
    for line in open(sys.argv[1]):
        kind, rest = line.rstrip("\n").split(" ", 1)
        if kind in ("sample", "create", "error"):
            {"sample": sample, "create": create, "error": error}[kind](rest)
        else:
            name, inputs = rest.split()
            {"special": special, "promotion": promotion}[kind](name, int(inputs))


main()
