"""Writes averaged.txt: torch.optim.swa_utils.AveragedModel and update_bn, as PyTorch 1.13.1 has them, in float64.

    OMP_NUM_THREADS=1 python3 averaged.py > averaged.txt

torch.manual_seed(3); the model is Sequential(Linear(2, 3), BatchNorm1d(3), Tanh(), Linear(3, 1)). Batch k is
X[i, j] = sin(i + 2 j + k), 6 x 2. In step k = 0, 1, ... 5 the model is trained on batch k with SGD(lr=0.3), the loss
mean(y^2) + mean(y); then it is shown to the average.

A case is an average: the mean of all; `i use_buffers`; `a ema_decay`, d, where avg_fn is d averaged + (1 - d) current.
`a p.NAME` and `a b.NAME`: its parameters and buffers after the last step; `a bn.NAME`: its buffers after update_bn on
batches 0 to 3. `a y`: what it then makes of batch 7 in evaluation mode.
"""
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

import goldenfile as g

torch.set_default_dtype(torch.float64)


def batch(k):
    i, j = torch.arange(6.0), torch.arange(2.0)
    return torch.sin(i[:, None] + 2 * j + k)


def case(name, decay=None, use_buffers=False):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1))
    opt = torch.optim.SGD(model.parameters(), lr=0.3)
    avg_fn = None if decay is None else lambda a, c, n: decay * a + (1 - decay) * c
    average = AveragedModel(model, avg_fn=avg_fn, use_buffers=use_buffers)
    for k in range(6):
        opt.zero_grad()
        y = model(batch(k))
        ((y ** 2).mean() + y.mean()).backward()
        opt.step()
        average.update_parameters(model)
    g.case(name)
    g.ints("use_buffers", use_buffers)
    if decay is not None:
        g.array("ema_decay", torch.tensor(decay))
    for key, p in average.named_parameters():
        g.array("p." + key, p)
    for key, b in average.named_buffers():
        g.array("b." + key, b)
    update_bn([batch(k) for k in range(4)], average)
    for key, b in average.named_buffers():
        g.array("bn." + key, b)
    average.eval()
    g.array("y", average(batch(7)))


torch.set_num_threads(1)
print("# Averages of weights as PyTorch computes them; averaged.py, which wrote this file, describes each key.")
case("the mean")
case("the mean, with buffers", use_buffers=True)
case("moving", decay=0.75)
case("moving, with buffers", decay=0.75, use_buffers=True)
