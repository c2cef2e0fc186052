"""Writes packed.txt: LSTM, GRU and RNN on packed sequences, and torch.nn.utils.rnn, as PyTorch 1.13.1 has them.

    OMP_NUM_THREADS=1 python3 packed.py > packed.txt

Cases of modules: modulecase.py describes how each is made, and its keys. In step 4 the input, which is padded, is packed
with `i lengths`, with enforce_sorted if `i sorted` is 1; the module runs; its output is padded with 0.25.
`s module`: LSTM, GRU or RNN. `i states`: whether there is h0 (and c0).
Options, one line each: `i input_size`, `hidden_size`, `num_layers`, `bias`, `batch_first` (of the module, and of packing
    and padding), `bidirectional`, of LSTM `proj_size`, of RNN `s nonlinearity`, and `a dropout`.
The results: `output`, `h_n`, `c_n`.
`a losses`, in the cases called training: what five steps of Adam, lr=0.05, on the same input lose, with
    loss = mean(output.data ** 2) + mean(h_n ** 2). These cases have no results and no gradients.

Cases called functions: `a sequences` and `i lengths` are given, sequences one after another, [sum of lengths, *]. `i sorted`
    as above. pack_sequence makes `data`, `batch_sizes`, and if `sorted` is 0 `sorted_indices` and `unsorted_indices`;
    pad_sequence with 2.5 makes `padded`, batch first; pad_packed_sequence with -1.5 makes `again`, for one step more than
    there are. `grad.sequences`: of the sum over data, padded and again as in step 5.
"""
import itertools
import warnings

import torch
import torch.nn as nn
from torch.nn.utils import rnn

import goldenfile as g
from modulecase import DTYPES, begin, end, rand


def run(m, x, lengths, is_sorted, state):
    packed = rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=m.batch_first, enforce_sorted=bool(is_sorted))
    return m(packed, state)


def make(name, kind, dtype, lengths, is_sorted=0, train=1, num_layers=1, bias=True, batch_first=False, dropout=0.0,
         bidirectional=False, **more):
    m = begin(name, kind, dtype, train, input_size=2, hidden_size=3, num_layers=num_layers, bias=bias,
              batch_first=batch_first, dropout=dropout, bidirectional=bidirectional, **more)
    g.ints("lengths", *lengths)
    g.ints("sorted", is_sorted)
    return m


def sequences(name, kind, dtype, lengths, states=0, is_sorted=0, steps=None, **options):
    m = make(name, kind, dtype, lengths, is_sorted, **options)
    g.ints("states", states)
    batch, steps = len(lengths), steps or max(lengths)
    inputs = {"input": rand(batch, steps, 2) if m.batch_first else rand(steps, batch, 2)}
    layers = m.num_layers * (2 if m.bidirectional else 1)
    state = None
    if states:
        inputs["h0"] = state = rand(layers, batch, m.proj_size or m.hidden_size)
    if states and kind is nn.LSTM:
        inputs["c0"] = rand(layers, batch, m.hidden_size)
        state = inputs["h0"], inputs["c0"]
    packed, last = run(m, inputs["input"], lengths, is_sorted, state)
    output, _ = rnn.pad_packed_sequence(packed, batch_first=m.batch_first, padding_value=0.25)
    h_n, *c_n = last if kind is nn.LSTM else (last,)
    end(m, inputs, {"output": output, "h_n": h_n, **{"c_n": c for c in c_n}})


def training(name, kind, dtype, lengths, **options):
    m = make(name, kind, dtype, lengths, **options)
    x = rand(max(lengths), len(lengths), 2)
    g.array("input", x)
    adam = torch.optim.Adam(m.parameters(), lr=0.05)
    losses = []
    for _ in range(5):
        adam.zero_grad()
        packed, last = run(m, x, lengths, 0, None)
        loss = (packed.data ** 2).mean() + ((last[0] if kind is nn.LSTM else last) ** 2).mean()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    g.array("losses", torch.tensor(losses))


def functions(lengths, is_sorted, *rest):
    g.case(f"functions lengths={lengths} sorted={is_sorted} rest={rest}")
    g.ints("lengths", *lengths)
    g.ints("sorted", is_sorted)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    x = rand(sum(lengths), *rest)
    parts = x.split(lengths)
    packed = rnn.pack_sequence(parts, enforce_sorted=bool(is_sorted))
    padded = rnn.pad_sequence(parts, batch_first=True, padding_value=2.5)
    again, _ = rnn.pad_packed_sequence(packed, padding_value=-1.5, total_length=max(lengths) + 1)
    results = {"data": packed.data, "padded": padded, "again": again}
    sum((r * g.weights(r)).sum() for r in results.values()).backward()
    g.array("sequences", x)
    for key, t in results.items():
        g.array(key, t)
    g.ints("batch_sizes", *packed.batch_sizes)
    if not is_sorted:
        g.ints("sorted_indices", *packed.sorted_indices)
        g.ints("unsorted_indices", *packed.unsorted_indices)
    g.array("grad.sequences", x.grad)


def cases(kind, dtype, **more):
    title = " ".join([kind.__name__, *(f"{key}={value}" for key, value in more.items())])
    batches = (((4, 2, 1), 0, 1, None), ((2, 4, 1), 1, 0, None), ((1, 3, 3, 2), 1, 0, 5))
    for layers, bidirectional, (lengths, states, is_sorted, steps) in itertools.product((1, 2), (0, 1), batches):
        if dtype == "float32" and (layers == 1 or not bidirectional or is_sorted or steps):
            continue  # nothing new in these, and the file stays small
        name = f"{title} lengths={lengths} layers={layers} bidirectional={bidirectional} states={states}"
        sequences(name, kind, dtype, lengths, states, is_sorted, steps, num_layers=layers,
                  bidirectional=bool(bidirectional), batch_first=bool(steps), bias=not steps, **more)
    if dtype == "float64" and not more.get("proj_size"):
        for train, layers in itertools.product((1, 0), (2, 3)):
            sequences(f"{title} dropout=0.4 train={train} layers={layers}", kind, dtype, (2, 4, 1), train=train,
                      num_layers=layers, dropout=0.4, bidirectional=layers == 2, **more)
        for lengths in ((3, 3), (4,), (1, 1, 1)):
            sequences(f"{title} lengths={lengths}", kind, dtype, lengths, 1, bidirectional=True, **more)
    training(f"{title} training", kind, dtype, (3, 1, 4, 1, 2), num_layers=2, bidirectional=True, **more)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("# Packed sequences as PyTorch computes them; packed.py, which wrote this file, describes each key.")
    for dtype in DTYPES:
        cases(nn.LSTM, dtype, proj_size=0)
        cases(nn.LSTM, dtype, proj_size=2)
        cases(nn.GRU, dtype)
        cases(nn.RNN, dtype, nonlinearity="tanh")
    sequences("RNN relu", nn.RNN, "float64", (2, 4, 1), 1, num_layers=2, bidirectional=True, nonlinearity="relu")
    for lengths, is_sorted in (((3, 2, 2, 1), 1), ((2, 3, 1, 3), 0), ((4,), 0), ((2, 2), 1)):
        for rest in ((), (3,), (2, 2)):
            functions(lengths, is_sorted, *rest)


main()
