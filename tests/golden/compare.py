"""Writes files/compare_NAME.safetensors: runs of small models as examples/record_run.py records them with PyTorch 1.13.1.
tests/watch/test_compare.c ports the models, rightly and with mistakes. Writes examples/data/port.safetensors, too, which
docs/port-checker.md compares with.

    OMP_NUM_THREADS=1 python3 compare.py
"""
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples"))
from record_run import record  # noqa: E402


class Sequence(nn.Module):
    """A recurrent layer over sequences, and a Linear of what it says last."""

    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class Cells(nn.Module):
    """A cell, step by step."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        h, c = torch.zeros(len(x), 4), torch.zeros(len(x), 4)
        said = []
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
            said.append(self.fc(h))
        return torch.stack(said, 1)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc2(self.drop(F.relu(self.norm(self.fc1(x)))))


class Block(nn.Module):
    """A transformer's block, the norms first, with a causal mask."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)

    def attend(self, x):
        q, k, v = (f(x).view(*x.shape[:2], 2, 4).transpose(1, 2) for f in (self.q, self.k, self.v))
        scores = q @ k.transpose(-2, -1) / 2
        mask = torch.ones(x.shape[1], x.shape[1]).tril() == 0
        weights = scores.masked_fill(mask, float("-inf")).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(x.shape))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Filtered(nn.Module):
    """A convolution over time, what is around a Linear of each step, and a Linear of their mean."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 6, 3, padding=1)
        self.mix, self.fc = nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x):
        x = F.relu(self.conv(x)).transpose(1, 2)
        return self.fc((x + self.mix(x)).mean(1))


def run(name, model, criterion, x, y, folder="files"):
    with torch.no_grad():
        for t in model.parameters():  # so that no two of them are alike, nor a bias zero, nor a weight one
            t.copy_(torch.rand(t.shape) - 0.5 + (t == 1))
    with record(os.path.join(HERE, folder, f"{name}.safetensors"), model, criterion):
        criterion(model(x), y).backward()


def main():
    torch.manual_seed(3)
    run("compare_lstm", Sequence(nn.LSTM), nn.MSELoss(), torch.randn(2, 5, 3), torch.randn(2, 2))
    run("compare_gru", Sequence(nn.GRU), nn.MSELoss(), torch.randn(2, 5, 3), torch.randn(2, 2))
    run("compare_cells", Cells(), nn.MSELoss(), torch.randn(2, 4, 3), torch.randn(2, 4, 2))
    run("compare_mlp", Mlp(), nn.CrossEntropyLoss(), torch.randn(6, 4), torch.tensor([0, 2, 1, 1, 0, 2]))
    run("compare_block", Block(), nn.MSELoss(), torch.randn(2, 5, 8), torch.randn(2, 5, 8))
    attention = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0)
    run("compare_encoder", attention, nn.MSELoss(), torch.randn(5, 2, 8), torch.randn(5, 2, 8))
    run("port", Sequence(nn.LSTM), nn.MSELoss(), torch.randn(2, 5, 3), torch.randn(2, 2), "../../examples/data")
    smoothed = nn.CrossEntropyLoss(label_smoothing=0.1)
    run("compare_filtered", Filtered(), smoothed, torch.randn(5, 3, 9), torch.tensor([3, 0, 1, 1, 2]))


if __name__ == "__main__":
    main()
