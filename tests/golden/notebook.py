"""Writes notebook.txt: the losses of the LSTM notebook's two trainings, as PyTorch computes them, for seeds 0 to 99.

    OMP_NUM_THREADS=1 python3 notebook.py > notebook.txt

Format: lines that begin with '#' are comments. Every other line is

    SEED PART LOSS10 LOSS20 ... LOSS100

PART 1 is the notebook's own CustomLSTM, PART 2 its last class (nn.LSTM and a Linear on the last step), built right
after the first training without seeding anew and trained the same way on y[:, -1, :]. LOSS10 is the loss at epoch 10.
Seven significant digits. Made with PyTorch 1.13.1 and NumPy 1.24.
"""
import sys
import warnings

import numpy as np
import torch
import torch.nn as nn

INPUT_SIZE, HIDDEN_SIZE, NUM_LAYERS, OUTPUT_SIZE = 5, 8, 2, 1
NUM_SAMPLES, SEQUENCE_LENGTH = 100, 10
SEEDS, EPOCHS, EVERY = range(100), 100, 10


class CustomLSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "fico":  # the notebook's order: forget, input, candidate, output
            setattr(self, "W_" + gate, nn.Linear(input_size + hidden_size, hidden_size))
            setattr(self, "U_" + gate, nn.Linear(hidden_size, hidden_size))

    def forward(self, x, state):
        h, c = state
        f = torch.sigmoid(self.W_f(torch.cat([x, h], dim=1)) + self.U_f(c))
        i = torch.sigmoid(self.W_i(torch.cat([x, h], dim=1)) + self.U_i(c))
        g = torch.tanh(self.W_c(torch.cat([x, h], dim=1)) + self.U_c(c))
        c = f * c + i * g
        o = torch.sigmoid(self.W_o(torch.cat([x, h], dim=1)) + self.U_o(c))
        return o * torch.tanh(c), c


class CustomLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm_cell = CustomLSTMCell(input_size, hidden_size)

    def forward(self, x):
        batch, steps, _ = x.size()
        h, c = torch.zeros(batch, self.hidden_size), torch.zeros(batch, self.hidden_size)
        outputs = []
        for t in range(steps):
            h, c = self.lstm_cell(x[:, t, :], (h, c))
            outputs.append(h.unsqueeze(1))
        return torch.cat(outputs, dim=1)


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, output_size):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, output_size)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size)
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])


def train(model, x, y):
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    losses = []
    for epoch in range(1, EPOCHS + 1):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        if epoch % EVERY == 0:
            losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # the notebook's target is broadcast; that it does so is part of what it computes
    print("# Losses at epochs 10, 20, ..., 100: SEED PART LOSS...; see notebook.py, which wrote this file.")
    for seed in SEEDS:
        torch.manual_seed(seed)
        np.random.seed(seed)
        x = np.random.rand(NUM_SAMPLES, SEQUENCE_LENGTH, INPUT_SIZE)
        y = np.sum(x, axis=2)
        x, y = torch.Tensor(x), torch.Tensor(y).unsqueeze(-1)
        first = train(CustomLSTM(INPUT_SIZE, HIDDEN_SIZE), x, y)
        second = train(LSTM(INPUT_SIZE, HIDDEN_SIZE, NUM_LAYERS, OUTPUT_SIZE), x, y[:, -1, :])
        for part, losses in enumerate((first, second), 1):
            print(seed, part, *(f"{loss:#.7g}" for loss in losses))
        sys.stdout.flush()


main()
