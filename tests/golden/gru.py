"""Writes gru.txt: nn.GRU and nn.GRUCell in all their options, as PyTorch 1.13.1 has them.

    OMP_NUM_THREADS=1 python3 gru.py > gru.txt

modulecase.py describes how every case is made, and its keys.

`s module`: GRU or GRUCell. `i states`: whether there is h0.
Options, one line each. GRU: `i input_size`, `hidden_size`, `num_layers`, `bias`, `batch_first`, `bidirectional`, and
    `a dropout`. GRUCell: `i input_size`, `hidden_size`, `bias`, and `steps`: the cell runs that often, on input[0],
    input[1], ..., each time from the state before.
The results: `output`, `h_n` (GRU), `h` (GRUCell, after the last step).
`a losses`, in the cases called training: what five steps of Adam, lr=0.05, on the same input lose, with
    loss = mean(output ** 2). These cases have no results and no gradients.
"""
import itertools
import warnings

import torch
import torch.nn as nn

import goldenfile as g
from modulecase import DTYPES, begin, end, rand


def make_gru(name, dtype, train=1, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False):
    return begin(name, nn.GRU, dtype, train, input_size=2, hidden_size=3, num_layers=num_layers, bias=bias,
                 batch_first=batch_first, dropout=dropout, bidirectional=bidirectional)


def gru(name, dtype, sizes, states, train=1, **options):
    m = make_gru(name, dtype, train, **options)
    g.ints("states", states)
    inputs = {"input": rand(*sizes)}
    if states:
        batch = [] if len(sizes) == 2 else [sizes[0] if m.batch_first else sizes[1]]
        inputs["h0"] = rand(m.num_layers * (2 if m.bidirectional else 1), *batch, m.hidden_size)
    output, h_n = m(*inputs.values())
    end(m, inputs, {"output": output, "h_n": h_n})


def gru_cell(name, dtype, sizes, states, bias):
    m = begin(name, nn.GRUCell, dtype, input_size=2, hidden_size=3, bias=bias)
    g.ints("steps", sizes[0])
    g.ints("states", states)
    inputs = {"input": rand(*sizes)}
    if states:
        inputs["h0"] = rand(*sizes[1:-1], 3)
    h = inputs.get("h0")
    for x in inputs["input"].unbind(0):
        h = m(x, h)
    end(m, inputs, {"h": h})


def training(name, dtype, **options):
    m = make_gru(name, dtype, **options)
    x = rand(4, 3, 2)
    g.array("input", x)
    adam = torch.optim.Adam(m.parameters(), lr=0.05)
    losses = []
    for _ in range(5):
        adam.zero_grad()
        loss = (m(x)[0] ** 2).mean()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    g.array("losses", torch.tensor(losses))


def cases(dtype):
    flag = (0, 1)
    for layers, bias, batch_first, bidirectional, states in itertools.product((1, 2), (1, 0), flag, flag, flag):
        if dtype == "float32" and (layers == 1 or not states):
            continue  # nothing new in these, and the file stays small
        sizes = (2, 3, 2) if batch_first else (3, 2, 2)
        name = f"GRU layers={layers} bias={bias} batch_first={batch_first} bidirectional={bidirectional} states={states}"
        gru(name, dtype, sizes, states, num_layers=layers, bias=bool(bias), batch_first=bool(batch_first),
            bidirectional=bool(bidirectional))
    for batch_first, bidirectional, states in itertools.product(flag, flag, flag):
        name = f"GRU unbatched batch_first={batch_first} bidirectional={bidirectional} states={states}"
        gru(name, dtype, (3, 2), states, num_layers=2, batch_first=bool(batch_first), bidirectional=bool(bidirectional))
    for p, train, layers, bidirectional in itertools.product((0.4, 1.0), (1, 0), (1, 3), flag):
        name = f"GRU dropout={p} train={train} layers={layers} bidirectional={bidirectional}"
        gru(name, dtype, (3, 2, 2), 0, train, num_layers=layers, dropout=p, bidirectional=bool(bidirectional))
    gru("GRU one step", dtype, (1, 2, 2), 0)
    gru("GRU batch of one", dtype, (4, 1, 2), 1, num_layers=2)
    for bias, states, steps in itertools.product((1, 0), flag, (1, 3)):
        for what, sizes in (("batched", (2, 2)), ("unbatched", (2,)), ("batch of one", (1, 2))):
            gru_cell(f"GRUCell {what} steps={steps} bias={bias} states={states}", dtype, (steps, *sizes), states, bool(bias))
    training("GRU training", dtype)
    training("GRU training, two layers in both directions", dtype, num_layers=2, bidirectional=True)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # dropout with one layer warns
    print("# GRU and GRUCell as PyTorch computes them; gru.py, which wrote this file, describes each key.")
    for dtype in DTYPES:
        cases(dtype)


main()
