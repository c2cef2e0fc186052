"""Writes lstm.txt: nn.LSTM, nn.LSTMCell, nn.Linear and nn.Dropout in all their options, as PyTorch 1.13.1 has them.

    OMP_NUM_THREADS=1 python3 lstm.py > lstm.txt

modulecase.py describes how every case is made, and its keys.

`s module`: LSTM, LSTMCell, Linear or Dropout. `i states`: whether there are h0 and c0.
Options, one line each. LSTM: `i input_size`, `hidden_size`, `num_layers`, `bias`, `batch_first`, `bidirectional`,
    `proj_size`, and `a dropout`. LSTMCell: `i input_size`, `hidden_size`, `bias`, and `steps`: the cell runs that often,
    on input[0], input[1], ..., each time from the state before. Linear: `i in_features`, `out_features`, `bias`.
    Dropout: `a p`.
The results: `output`, `h_n`, `c_n` (LSTM), `h`, `c` (LSTMCell, after the last step), `output` (others).
"""
import itertools
import warnings

import torch
import torch.nn as nn

import goldenfile as g
from modulecase import DTYPES, begin, end, rand


def lstm(name, dtype, sizes, states, train=1, input_size=2, hidden_size=3, num_layers=1, bias=True, batch_first=False,
         dropout=0.0, bidirectional=False, proj_size=0):
    m = begin(name, nn.LSTM, dtype, train, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers,
              bias=bias, batch_first=batch_first, dropout=dropout, bidirectional=bidirectional, proj_size=proj_size)
    g.ints("states", states)
    inputs = {"input": rand(*sizes)}
    if states:
        batch = [] if len(sizes) == 2 else [sizes[0] if batch_first else sizes[1]]
        layers = num_layers * (2 if bidirectional else 1)
        inputs["h0"] = rand(layers, *batch, proj_size or hidden_size)
        inputs["c0"] = rand(layers, *batch, hidden_size)
    output, (h_n, c_n) = m(inputs["input"], (inputs["h0"], inputs["c0"])) if states else m(inputs["input"])
    end(m, inputs, {"output": output, "h_n": h_n, "c_n": c_n})


def lstm_cell(name, dtype, sizes, states, bias=True):
    m = begin(name, nn.LSTMCell, dtype, input_size=2, hidden_size=3, bias=bias)
    g.ints("steps", sizes[0])
    g.ints("states", states)
    inputs = {"input": rand(*sizes)}
    if states:
        inputs["h0"], inputs["c0"] = rand(*sizes[1:-1], 3), rand(*sizes[1:-1], 3)
    state = (inputs["h0"], inputs["c0"]) if states else None
    for x in inputs["input"].unbind(0):
        state = m(x, state)
    end(m, inputs, {"h": state[0], "c": state[1]})


def linear(name, dtype, sizes, bias=True, out_features=4):
    m = begin(name, nn.Linear, dtype, in_features=sizes[-1], out_features=out_features, bias=bias)
    inputs = {"input": rand(*sizes)}
    end(m, inputs, {"output": m(inputs["input"])})


def dropout(name, dtype, p, train, sizes=(3, 5)):
    m = begin(name, nn.Dropout, dtype, train, p=p)
    inputs = {"input": rand(*sizes)}
    end(m, inputs, {"output": m(inputs["input"])})


def lstm_cases(dtype):
    flag = (0, 1)
    options = itertools.product((1, 2, 3), (1, 0), flag, flag, (0, 2), flag)
    for layers, bias, batch_first, bidirectional, proj, states in options:
        if not states and (layers == 3 or dtype == "float32") or layers != 2 and dtype == "float32":
            continue  # nothing new in these, and the file stays small
        sizes = (2, 3, 2) if batch_first else (3, 2, 2)
        name = f"LSTM layers={layers} bias={bias} batch_first={batch_first} bidirectional={bidirectional}"
        lstm(f"{name} proj={proj} states={states}", dtype, sizes, states, num_layers=layers, bias=bool(bias),
             batch_first=bool(batch_first), bidirectional=bool(bidirectional), proj_size=proj)
    for batch_first, bidirectional, proj, states in itertools.product(flag, flag, (0, 2), flag):
        name = f"LSTM unbatched batch_first={batch_first} bidirectional={bidirectional} proj={proj} states={states}"
        lstm(name, dtype, (3, 2), states, num_layers=2, batch_first=bool(batch_first),
             bidirectional=bool(bidirectional), proj_size=proj)
    for p, train, layers, batch_first, bidirectional in itertools.product((0.4, 1.0), (1, 0), (1, 3), (0, 1), (0, 1)):
        name = f"LSTM dropout={p} train={train} layers={layers} batch_first={batch_first} bidirectional={bidirectional}"
        sizes = (2, 3, 2) if batch_first else (3, 2, 2)
        lstm(name, dtype, sizes, 0, train, num_layers=layers, dropout=p, batch_first=bool(batch_first),
             bidirectional=bool(bidirectional))
    lstm("LSTM one step", dtype, (1, 2, 2), 0)
    lstm("LSTM batch of one", dtype, (4, 1, 2), 1, num_layers=2)
    lstm("LSTM of size one", dtype, (3, 2, 1), 1, input_size=1, hidden_size=1)
    lstm("LSTM the notebook's", dtype, (4, 10, 5), 0, input_size=5, hidden_size=8, num_layers=2, batch_first=True)


def other_cases(dtype):
    for bias, states in itertools.product((1, 0), (0, 1)):
        for what, sizes in (("batched", (2, 2)), ("unbatched", (2,)), ("batch of one", (1, 2))):
            for steps in (1, 3):
                name = f"LSTMCell {what} steps={steps} bias={bias} states={states}"
                lstm_cell(name, dtype, (steps, *sizes), states, bool(bias))
    for bias in (1, 0):
        for sizes in ((3,), (2, 3), (1, 3), (2, 2, 3), (2, 1, 2, 3), (0, 3)):
            linear(f"Linear input={list(sizes)} bias={bias}", dtype, sizes, bool(bias))
    linear("Linear to one", dtype, (5, 3), True, 1)
    for p, train in itertools.product((0.0, 0.3, 1.0), (1, 0)):
        dropout(f"Dropout p={p} train={train}", dtype, p, train)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # dropout with one layer warns
    print("# Modules as PyTorch computes them; lstm.py, which wrote this file, describes each key.")
    for dtype in DTYPES:
        lstm_cases(dtype)
        other_cases(dtype)


main()
