"""One case of a golden file about modules: lstm.py, rnn.py and modules.py share it. goldenfile.py describes the line format.

Every case is made in this order, which tests/support/golden_module.c repeats:

    1. the default dtype is set to `dtype` ("float32" or "float64"), then torch.manual_seed(seed);
    2. the module is built with the options the case names, and put into evaluation mode if `train` is 0;
    3. input = torch.rand(input sizes), for a module of two tensors then input2 = torch.rand(...); if `states` is 1,
       then h0 = torch.rand(...), and for LSTM c0 = torch.rand(...); or those that `s inputs` names, in its order;
    4. the module runs (drawing its dropout masks from the same stream);
    5. loss = sum(r * w) over every result r, the weights w of goldenfile.py starting anew for each; loss.backward().

Keys. `s module`: the class. `s dtype`. `i seed`, `i train`, and the options, one line each.
Arrays. `input`, `h0`, `c0` as drawn. `sum.NAME`: the sum of parameter NAME in float64, to tell a wrong initialisation
    from a wrong forward. The results, by name. The gradients: `grad.NAME` of every named parameter, `grad.input`
    and those of the other inputs.
`a losses`, in cases that train: what five steps of Adam, lr=0.05, on the same inputs lose, with loss = mean(output ** 2)
    of the first result. These have no results and no gradients.
"""
import itertools

import torch

import goldenfile as g

DTYPES = {"float32": torch.float32, "float64": torch.float64}
seed = 0


def begin(name, module, dtype, train=1, **options):
    """Steps 1 and 2; each case has a seed of its own."""
    global seed
    seed += 1
    g.case(f"{name} {dtype}")
    g.string("module", module.__name__)
    g.string("dtype", dtype)
    g.ints("seed", seed)
    g.ints("train", train)
    for key, value in options.items():
        if isinstance(value, str):
            g.string(key, value)
        elif isinstance(value, float):
            g.array(key, torch.tensor(value, dtype=torch.float64))
        else:
            g.ints(key, value)
    torch.set_default_dtype(DTYPES[dtype])
    torch.manual_seed(seed)
    m = module(**options)
    m.train(bool(train))
    return m


def rand(*sizes):
    return torch.rand(*sizes).requires_grad_()


def name_inputs(inputs):
    if "input" not in inputs:
        g.string("inputs", " ".join(inputs))


def end(m, inputs, results):
    """Step 5, and everything the case is compared by."""
    name_inputs(inputs)
    sum((r * g.weights(r)).sum() for r in results.values()).backward()
    for key, t in inputs.items():
        g.array(key, t)
    for key, p in m.named_parameters():
        g.array("sum." + key, p.double().sum())
    for key, t in results.items():
        g.array(key, t)
    for key, t in itertools.chain(m.named_parameters(), inputs.items()):
        g.array("grad." + key, t.grad)


def train(m, inputs, forward):
    """The other end of a case: `forward()` is the first result."""
    name_inputs(inputs)
    for key, t in inputs.items():
        g.array(key, t)
    adam = torch.optim.Adam(m.parameters(), lr=0.05)
    losses = []
    for _ in range(5):
        adam.zero_grad()
        loss = (forward() ** 2).mean()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    g.array("losses", torch.tensor(losses))
