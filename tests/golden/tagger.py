"""Writes tagger.txt: what examples/sequence_tagger.c loses in its first steps, in PyTorch 1.13.1.

    OMP_NUM_THREADS=1 python3 tagger.py > tagger.txt

A case for each seed: `i seed`; `a losses`, and `a right`, the share of words tagged rightly, of each step.
"""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import goldenfile as g

WORDS, TAGS, LONGEST, BATCH, EMBEDDED, HIDDEN, STEPS = 8, 4, 12, 32, 16, 32, 20


def draw():
    lengths = torch.randint(3, LONGEST + 1, (BATCH,))
    words = torch.randint(0, WORDS, (BATCH, LONGEST))
    there = torch.arange(LONGEST) < lengths[:, None]
    same = words[:, :, None] == words[:, None, :]
    same = same & there[:, None, :]
    before = same.tril(-1).any(2)
    again = same.triu(1).any(2)
    return words, 2 * before + 1 * again, lengths


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, EMBEDDED)
        self.lstm = nn.LSTM(EMBEDDED, HIDDEN, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * HIDDEN, TAGS)

    def forward(self, words, lengths):
        y, _ = self.lstm(packed(self.embedding(words), lengths))
        return self.fc(y.data)


def packed(x, lengths):
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def main():
    torch.set_num_threads(1)
    print("# The sequence tagger in PyTorch; tagger.py, which wrote this file, describes each key.")
    for seed in (0, 1, 2):
        torch.manual_seed(seed)
        model = Tagger()
        adam = torch.optim.Adam(model.parameters(), lr=0.01)
        losses, right = [], []
        for _ in range(STEPS):
            words, tags, lengths = draw()
            tags = packed(tags, lengths).data
            adam.zero_grad()
            scores = model(words, lengths)
            loss = F.cross_entropy(scores, tags)
            loss.backward()
            adam.step()
            losses.append(loss.item())
            right.append((scores.argmax(1) == tags).float().mean().item())
        g.case(f"seed {seed}")
        g.ints("seed", seed)
        g.array("losses", torch.tensor(losses))
        g.array("right", torch.tensor(right))


main()
