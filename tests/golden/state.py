"""Writes state.txt: weight_norm, spectral_norm and the fusion of batch norms, as PyTorch 1.13.1 computes them.

    OMP_NUM_THREADS=1 python3 state.py > state.txt

A parametrised module (`s what`: weight_norm or spectral_norm) is made in this order, in float64:

    1. torch.manual_seed(seed), the module, the parametrisation of parameter `s name`; input = torch.rand(...);
    2. three steps of SGD, lr=0.1, of the loss mean(output ** 2);
    3. evaluation mode, and the module runs once more; then the parametrisation is removed.

`s module`: Linear (3 to 4), Conv2d (2 to 3, kernel 2), ConvTranspose1d (3 to 2, kernel 2), LSTM (2, hidden 3), GRUCell
    (2, hidden 3), Bilinear (3 and 3 to 2) or MultiheadAttention (4, of 2 heads); the last two are given the input as each
    of theirs. `i dim` and `i n_power_iterations` as the options have them; -1 is None.
`s keys` and `s keys_after`: those of the state, before training and after the removal.
Arrays: `input`; `initial.KEY`, the state at first; `losses`; `output` in evaluation; `final.KEY`, the state then;
    `weight`, the parameter after the removal.

A fused pair (`s what` fuse), in float64: torch.manual_seed(seed); the layer (`s module`: Linear, Conv2d or
    ConvTranspose1d as above, `i bias`), its batch norm (`i affine`, eps=0.1); each parameter and buffer of the norm
    drawn anew by uniform_(0.5, 1.5), in the state's order; input = torch.rand(...). Arrays: `input`, `weight`, `bias`,
    `output`.
"""
import torch
import torch.nn as nn
from torch.nn.utils import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

import goldenfile as g

MAKE = {
    "Linear": (lambda **o: nn.Linear(3, 4, **o), (2, 3)),
    "Conv2d": (lambda **o: nn.Conv2d(2, 3, 2, **o), (1, 2, 3, 3)),
    "ConvTranspose1d": (lambda **o: nn.ConvTranspose1d(3, 2, 2, **o), (1, 3, 3)),
    "LSTM": (lambda: nn.LSTM(2, 3), (3, 1, 2)),
    "GRUCell": (lambda: nn.GRUCell(2, 3), (2, 2)),
    "Bilinear": (lambda: nn.Bilinear(3, 3, 2), (2, 3)),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), (3, 1, 4)),
}
seed = 0


def begin(what, module, note):
    global seed
    seed += 1
    g.case(f"{what} {module} {note}")
    g.string("what", what)
    g.string("module", module)
    g.ints("seed", seed)
    torch.manual_seed(seed)


def run(m, x):
    y = m(*[x] * {nn.Bilinear: 2, nn.MultiheadAttention: 3}.get(type(m), 1))
    return y[0] if isinstance(y, tuple) else y


def parametrised(what, module, name, dim, iterations):
    begin(what, module, f"{name} dim={dim} iterations={iterations}")
    make, sizes = MAKE[module]
    m = make()
    if what == "weight_norm":
        weight_norm(m, name, None if dim == -1 else dim)
    else:
        spectral_norm(m, name, iterations, dim=None if dim == -1 else dim)
    x = torch.rand(*sizes)
    g.string("name", name)
    g.ints("dim", dim)
    g.ints("n_power_iterations", iterations)
    g.string("keys", " ".join(m.state_dict()))
    g.array("input", x)
    for key, t in m.state_dict().items():
        g.array("initial." + key, t)
    sgd = torch.optim.SGD(m.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        sgd.zero_grad()
        loss = (run(m, x) ** 2).mean()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    g.array("losses", torch.tensor(losses))
    m.eval()
    g.array("output", run(m, x))
    for key, t in m.state_dict().items():
        g.array("final." + key, t)
    (remove_weight_norm if what == "weight_norm" else remove_spectral_norm)(m, name)
    g.string("keys_after", " ".join(m.state_dict()))
    g.array("weight", getattr(m, name))


def fused(module, bias, affine):
    begin("fuse", module, f"bias={bias} affine={affine}")
    make, sizes = MAKE[module]
    m = make(bias=bias).eval()
    norm = {"Linear": nn.BatchNorm1d, "Conv2d": nn.BatchNorm2d, "ConvTranspose1d": nn.BatchNorm1d}[module]
    bn = norm(m.weight.shape[1 if module == "ConvTranspose1d" else 0], eps=0.1, affine=affine).eval()
    for t in bn.state_dict().values():
        if t.is_floating_point():
            t.uniform_(0.5, 1.5)
    x = torch.rand(*sizes)
    g.ints("bias", bias)
    g.ints("affine", affine)
    g.array("input", x)
    if module == "Linear":
        # PyTorch's own fails here on a norm without a weight
        both = fuse_linear_bn_eval(m, bn) if affine else m
    else:
        both = fuse_conv_bn_eval(m, bn, module == "ConvTranspose1d")
    if both is not m:
        g.array("weight", both.weight)
        g.array("bias", both.bias)
    g.array("output", bn(m(x)))


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print("# weight_norm, spectral_norm and fusion as PyTorch computes them; state.py, which wrote this file, has the keys.")
    for module, name, dims in (("Linear", "weight", (0, 1, -1)), ("Conv2d", "weight", (0, 1, 3, -1)),
                               ("ConvTranspose1d", "weight", (1,)), ("LSTM", "weight_hh_l0", (0, -1)),
                               ("GRUCell", "weight_ih", (0,)), ("Linear", "bias", (0,))):
        for dim in dims:
            parametrised("weight_norm", module, name, dim, 1)
    for module, name, dim, iterations in (("Linear", "weight", -1, 1), ("Linear", "weight", 1, 3),
                                          ("Conv2d", "weight", -1, 2), ("Conv2d", "weight", 2, 1),
                                          ("ConvTranspose1d", "weight", -1, 1), ("ConvTranspose1d", "weight", 0, 1),
                                          ("LSTM", "weight_hh_l0", -1, 1), ("GRUCell", "weight_ih", -1, 1)):
        parametrised("spectral_norm", module, name, dim, iterations)
    for module in ("Linear", "Conv2d", "ConvTranspose1d"):
        for bias in (True, False):
            for affine in (True, False):
                fused(module, bias, affine)
    for module, name in (("Bilinear", "weight"), ("MultiheadAttention", "in_proj_weight")):
        parametrised("weight_norm", module, name, 0, 1)
        parametrised("spectral_norm", module, name, -1, 1)
    parametrised("weight_norm", "MultiheadAttention", "in_proj_bias", 0, 1)


main()
