"""Opens what the tests wrote in PyTorch: a check for development, no part of `make test`.

    TEST_FILES_FOR_PYTORCH=/tmp/for_pytorch make test ONLY="test_pytorch test_state_object"
    python3 check_pt.py /tmp/for_pytorch
"""
import collections
import sys

import torch
import torch.nn as nn

import pt

folder = sys.argv[1]
checks = 0


def load(name, weights_only=False):
    return torch.load(f"{folder}/{name}", weights_only=weights_only)


def same(a, b):
    """Kinds, keys, their order, dtypes, strides and bits."""
    global checks
    checks += 1
    if isinstance(a, torch.Tensor):
        assert isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and a.stride() == b.stride()
        assert a.requires_grad == b.requires_grad
        assert a.detach().contiguous().numpy().tobytes() == b.detach().contiguous().numpy().tobytes()
    elif isinstance(a, dict):
        assert isinstance(b, dict) and list(a) == list(b), (list(a), list(b))
        for k in a:
            same(a[k], b[k])
    elif isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    else:
        assert type(a) is type(b) and (a == b or a != a), (a, b)
        assert not isinstance(a, float) or str(a) == str(b)


def close(a, b, tolerance):
    global checks
    checks += 1
    assert torch.allclose(a, b, rtol=tolerance, atol=tolerance), (a, b)


def widened(t):
    return t.to({torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.int32: torch.int64,
                 torch.int16: torch.int64, torch.int8: torch.int64, torch.uint8: torch.int64}.get(t.dtype, t.dtype))


def plain():
    """What of Python's is told as something plainer."""
    o = pt.plain()
    o["empty"][4], o["set"], o["size"], o["device"] = [], [7], (2, 3), "cpu"
    o["dtype"], o["default"], o["numpy"] = "torch.float32", {"k": [1]}, [0.5, 1.5, -3, 4, True, 200]
    return o


def files():
    for weights_only in (False, True):
        same({k: widened(v) for k, v in pt.dtypes().items()}, load("dtypes.pt", weights_only))
        same(pt.views(), load("views.pt", weights_only))
    same(plain(), load("plain.pt"))
    views = load("views.pt")
    assert views["whole"].storage().data_ptr() == views["row"].storage().data_ptr()
    assert views["tied"][0].data_ptr() == views["tied"][1].data_ptr()
    assert not load("parts.pt")["none"].numel() and load("parts.pt")["a"].storage().size() == 15
    many = load("many.pt", True)
    assert [int(v) for v in many.values()] == list(range(3000))
    same(load("checkpoint.pt"), torch.load(pt.at("checkpoint")))


def models():
    m = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    for weights_only in (False, True):
        state = load("model.pt", weights_only)
        assert type(state) is collections.OrderedDict
        m.load_state_dict(state)
    run = load("run.pt")
    m.load_state_dict(run["model"])
    m.eval()
    close(m(run["input"]), run["output"], 1e-6)
    adam = torch.optim.Adam(m.parameters())
    adam.load_state_dict(run["optimizer"])
    assert adam.param_groups[0]["lr"] == 0.01 and run["epoch"] == 7
    m.train()
    m(run["input"]).sum().backward()
    adam.step()
    assert float(adam.state[m[0].weight]["step"]) == 2


def optimizers():
    for name, (make, _) in pt.OPTIMIZERS.items():
        o = load(f"optimizer_{name}.pt")
        ps = [nn.Parameter(p) for p in o["parameters"]]
        optimizer = make([{"params": ps[:1]}, {"params": ps[1:]}], lr=0.7)
        optimizer.load_state_dict(o["optimizer"])
        pt.train(ps, optimizer, range(2, 4))
        for p, later in zip(ps, o["later"]):
            close(p.detach(), later, 1e-7 if name in ("NAdam", "ASGD") else 1e-13)


files()
models()
optimizers()
print(checks, "comparisons, no difference")
