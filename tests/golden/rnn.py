"""Writes gru.txt and rnn.txt: nn.GRU and nn.GRUCell, nn.RNN and nn.RNNCell, in all their options, as PyTorch 1.13.1 has
them.

    OMP_NUM_THREADS=1 python3 rnn.py GRU > gru.txt
    OMP_NUM_THREADS=1 python3 rnn.py RNN > rnn.txt

modulecase.py describes how every case is made, and its keys.

`s module`: GRU, GRUCell, RNN or RNNCell. `i states`: whether there is h0.
Options, one line each. GRU and RNN: `i input_size`, `hidden_size`, `num_layers`, `bias`, `batch_first`,
    `bidirectional`, and `a dropout`. The cells: `i input_size`, `hidden_size`, `bias`, and `steps`: the cell runs that
    often, on input[0], input[1], ..., each time from the state before. `s nonlinearity` of RNN and RNNCell.
The results: `output`, `h_n`; of the cells `h`, after the last step.
`a losses`, in the cases called training: see modulecase.py.
"""
import itertools
import sys
import warnings

import torch
import torch.nn as nn

import goldenfile as g
from modulecase import DTYPES, begin, end, rand, train


def make(name, kind, dtype, train=1, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
         **more):
    return begin(name, kind, dtype, train, input_size=2, hidden_size=3, num_layers=num_layers, bias=bias,
                 batch_first=batch_first, dropout=dropout, bidirectional=bidirectional, **more)


def sequence(name, kind, dtype, sizes, states, train=1, **options):
    m = make(name, kind, dtype, train, **options)
    g.ints("states", states)
    inputs = {"input": rand(*sizes)}
    if states:
        batch = [] if len(sizes) == 2 else [sizes[0] if m.batch_first else sizes[1]]
        inputs["h0"] = rand(m.num_layers * (2 if m.bidirectional else 1), *batch, m.hidden_size)
    output, h_n = m(*inputs.values())
    end(m, inputs, {"output": output, "h_n": h_n})


def cell(name, kind, dtype, sizes, states, **options):
    m = begin(name, kind, dtype, input_size=2, hidden_size=3, **options)
    g.ints("steps", sizes[0])
    g.ints("states", states)
    inputs = {"input": rand(*sizes)}
    if states:
        inputs["h0"] = rand(*sizes[1:-1], 3)
    h = inputs.get("h0")
    for x in inputs["input"].unbind(0):
        h = m(x, h)
    end(m, inputs, {"h": h})


def training(name, kind, dtype, **options):
    m = make(name, kind, dtype, **options)
    x = rand(4, 3, 2)
    train(m, {"input": x}, lambda: m(x)[0])


def cases(what, dtype, **more):
    """`more`: the options that only this kind has."""
    kind, of_cell, flag = getattr(nn, what), getattr(nn, what + "Cell"), (0, 1)
    title = " ".join([what, *more.values()])
    for layers, bias, batch_first, bidirectional, states in itertools.product((1, 2), (1, 0), flag, flag, flag):
        if dtype == "float32" and (layers == 1 or not states):
            continue  # nothing new in these, and the file stays small
        sizes = (2, 3, 2) if batch_first else (3, 2, 2)
        name = f"{title} layers={layers} bias={bias} batch_first={batch_first} bidirectional={bidirectional}"
        sequence(f"{name} states={states}", kind, dtype, sizes, states, num_layers=layers, bias=bool(bias),
                 batch_first=bool(batch_first), bidirectional=bool(bidirectional), **more)
    for batch_first, bidirectional, states in itertools.product(flag, flag, flag):
        name = f"{title} unbatched batch_first={batch_first} bidirectional={bidirectional} states={states}"
        sequence(name, kind, dtype, (3, 2), states, num_layers=2, batch_first=bool(batch_first),
                 bidirectional=bool(bidirectional), **more)
    for p, train, layers, bidirectional in itertools.product((0.4, 1.0), (1, 0), (1, 3), flag):
        name = f"{title} dropout={p} train={train} layers={layers} bidirectional={bidirectional}"
        sequence(name, kind, dtype, (3, 2, 2), 0, train, num_layers=layers, dropout=p,
                 bidirectional=bool(bidirectional), **more)
    sequence(f"{title} one step", kind, dtype, (1, 2, 2), 0, **more)
    sequence(f"{title} batch of one", kind, dtype, (4, 1, 2), 1, num_layers=2, **more)
    for bias, states, steps in itertools.product((1, 0), flag, (1, 3)):
        for how, sizes in (("batched", (2, 2)), ("unbatched", (2,)), ("batch of one", (1, 2))):
            cell(f"{title} cell, {how} steps={steps} bias={bias} states={states}", of_cell, dtype, (steps, *sizes),
                 states, bias=bool(bias), **more)
    training(f"{title} training", kind, dtype, **more)
    training(f"{title} training, two layers in both directions", kind, dtype, num_layers=2, bidirectional=True, **more)


def main():
    what = sys.argv[1]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # dropout with one layer warns
    print(f"# {what} and {what}Cell as PyTorch computes them; rnn.py, which wrote this file, describes each key.")
    for dtype in DTYPES:
        if what == "GRU":
            cases(what, dtype)
        else:
            cases(what, dtype, nonlinearity="tanh")
            cases(what, dtype, nonlinearity="relu")


main()
