"""Writes files/pt_*.pt: what PyTorch 1.13.1 saves, for tests/core/test_pytorch.c and tests/optim/test_state_object.c.

    python3 pt.py

Elements are made by formulas that the tests know, too: n(k) is [0, 1, ..., k - 1] / 4 - 1.
"""
import collections
import os
import zipfile

import numpy as np
import torch
import torch.nn as nn

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def at(name):
    return os.path.join(HERE, f"pt_{name}.pt")


def n(*sizes):
    count = int(np.prod(sizes, dtype=np.int64))
    return (torch.arange(count, dtype=torch.float64) / 4 - 1).reshape(sizes)


def bits(dtype, *words):
    of = {torch.float32: torch.int32, torch.float64: torch.int64, torch.float16: torch.int16, torch.bfloat16: torch.int16}
    size = {torch.int32: 32, torch.int64: 64, torch.int16: 16}[of[dtype]]
    signed = [w - (1 << size) if w >> (size - 1) else w for w in words]
    return torch.tensor(signed, dtype=of[dtype]).view(dtype)


def dtypes():
    d = collections.OrderedDict()
    d["float64"] = bits(torch.float64, 0x7FF8000000000123, 0xFFF0000000000000, 1 << 63, 1, 0x3FF0000000000001)
    d["float32"] = bits(torch.float32, 0x7FC00123, 0xFFA00001, 1 << 31, 1, 0x3F800001)
    d["float16"] = bits(torch.float16, 0x3C00, 0x8000, 0x0001, 0x7BFF, 0xFC00, 0x7E01)
    d["bfloat16"] = bits(torch.bfloat16, 0x3F80, 0x8000, 0x0001, 0x7F7F, 0xFF80, 0x7FC1)
    d["int64"] = torch.tensor([-(2**63), 2**63 - 1, 0])
    d["int32"] = torch.tensor([-(2**31), 2**31 - 1, 7], dtype=torch.int32)
    d["int16"] = torch.tensor([-(2**15), 2**15 - 1, 7], dtype=torch.int16)
    d["int8"] = torch.tensor([-128, 127, 7], dtype=torch.int8)
    d["uint8"] = torch.tensor([0, 255, 7], dtype=torch.uint8)
    d["bool"] = torch.tensor([True, False, True])
    d["scalar"] = torch.tensor(2.5)
    d["empty"] = torch.zeros(0, 3)
    return d


def views():
    base = n(4, 6)
    return {
        "whole": base,
        "transposed": base.t(),
        "columns": base[:, 1:5:2],
        "row": base[2],
        "expanded": base[1, 3].expand(2, 3),
        "tied": [base, base],
        "grad": base[0].detach().requires_grad_(),
        "parameter": nn.Parameter(n(3).float()),
        "frozen": nn.Parameter(n(2).float(), requires_grad=False),
    }


def plain():
    return {
        "none": None,
        "true": True,
        "false": False,
        "ints": [0, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, 2**62, -(2**63)],
        "floats": (0.1, -0.0, 1e300, float("inf")),
        "text": "na\u00efve \u2603 \U0001f600",
        "empty": [[], (), {}, "", set()],
        "set": {7},
        1: "one",
        -2: {"nested": {"deep": [1, [2, [3]]]}},
        "size": torch.Size([2, 3]),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "ordered": collections.OrderedDict(a=1, b=2),
        "default": collections.defaultdict(list, {"k": [1]}),
        "counter": collections.Counter({30: 1, 80: 2}),
        "numpy": [np.float64(0.5), np.float32(1.5), np.int64(-3), np.int32(4), np.bool_(True), np.uint8(200)],
    }


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


OPTIMIZERS = {
    "SGD": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.25, weight_decay=0.1)),
    "SGD_plain": (torch.optim.SGD, dict(lr=0.1)),
    "Adam": (torch.optim.Adam, dict(lr=0.1, betas=(0.8, 0.9), amsgrad=True)),
    "AdamW": (torch.optim.AdamW, dict(lr=0.1)),
    "RMSprop": (torch.optim.RMSprop, dict(lr=0.1, momentum=0.5, centered=True)),
    "Adagrad": (torch.optim.Adagrad, dict(lr=0.1, lr_decay=0.1, initial_accumulator_value=0.5)),
    "Adadelta": (torch.optim.Adadelta, dict(lr=0.5)),
    "Adamax": (torch.optim.Adamax, dict(lr=0.1)),
    "NAdam": (torch.optim.NAdam, dict(lr=0.1)),
    "RAdam": (torch.optim.RAdam, dict(lr=0.1)),
    "Rprop": (torch.optim.Rprop, dict(lr=0.1)),
    "ASGD": (torch.optim.ASGD, dict(lr=0.1, lambd=0.1, t0=2)),
}


def gradient(p, number, step):
    """Of parameter `number` at a step; in C as in Python."""
    i = torch.arange(p.numel(), dtype=torch.float64)
    return (((7 * i + 3 * number + 5 * step) % 11 - 5) / 8).to(p.dtype).reshape(p.shape)


def train(parameters, optimizer, steps):
    for step in steps:
        for number, p in enumerate(parameters):
            p.grad = gradient(p, number, step)
        optimizer.step()


def parameters():
    return [nn.Parameter(n(2, 3)), nn.Parameter(n(4) + 0.125)]


def trained(name):
    """After two steps, and the parameters after two more."""
    make, options = OPTIMIZERS[name]
    ps = parameters()
    o = make([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.05}], **options)
    train(ps, o, range(2))
    state = {"parameters": [p.detach().clone() for p in ps], "optimizer": __import__("copy").deepcopy(o.state_dict())}
    train(ps, o, range(2, 4))
    state["later"] = [p.detach().clone() for p in ps]
    return state


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)


def rewrite(source, target, change):
    """The archive with `change(name, bytes)` for each entry; None drops it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = change(info.filename, old.read(info))
            if data is not None:
                new.writestr(zipfile.ZipInfo(info.filename), data)


def main():
    os.makedirs(HERE, exist_ok=True)
    torch.save(dtypes(), at("dtypes"))
    torch.save(views(), at("views"))
    torch.save(plain(), at("plain"))
    torch.save(plain(), at("plain_4"), pickle_protocol=4)
    torch.save(plain(), at("plain_5"), pickle_protocol=5)
    torch.save(dtypes(), at("dtypes_4"), pickle_protocol=4)
    torch.save(network().state_dict(), at("network"))
    torch.manual_seed(2)
    torch.save(nn.LSTM(2, 3).double().state_dict(), at("lstm"))
    torch.save(n(2, 2), at("tensor"))
    m = network()
    adam = torch.optim.Adam(m.parameters(), lr=0.01)
    m(torch.ones(2, 2)).sum().backward()
    adam.step()
    torch.save({"model": m.state_dict(), "optimizer": adam.state_dict(), "epoch": 3, "loss": 0.25}, at("checkpoint"))
    torch.save({name: trained(name) for name in OPTIMIZERS}, at("optimizers"))
    torch.save(n(2), at("old"), _use_new_zipfile_serialization=False)
    torch.save(Net(), at("module"))
    torch.jit.script(nn.Linear(1, 1)).save(at("script"))
    torch.save(torch.ones(2, dtype=torch.complex64), at("complex"))
    torch.save(torch.eye(2).to_sparse(), at("sparse"))
    rewrite(at("tensor"), at("big"), lambda name, data: data)
    with zipfile.ZipFile(at("big"), "a") as z:
        z.writestr(zipfile.ZipInfo("pt_tensor/byteorder"), "big")


if __name__ == "__main__":
    main()
