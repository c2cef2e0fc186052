#!/usr/bin/env python3
"""The workloads of tests/bench/workloads.c in PyTorch, printed as `bench --csv` prints them.

    pytorch.py [--threads N] [--only W1,W3] [--seconds S] [--memory]

Whoever changes a workload here changes it there. Training is one step of it: zero_grad, forward, loss, backward, Adam.
The figures are microseconds but for W8's, which are nanoseconds an addition.
"""
import argparse
import resource
import sys
import time
import warnings

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("pytorch.py: this Python has no PyTorch; set PYTHON to one that has (on Debian: apt install python3-torch)")


# ---- timing ----

def median_time(body, seconds):
    """Seconds: three calls to warm up, then calls timed one by one until `seconds` have passed, at least five."""
    for _ in range(3):
        body()
    samples = []
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(samples) < 5:
        begin = time.perf_counter()
        body()
        samples.append(time.perf_counter() - begin)
    samples.sort()
    return samples[len(samples) // 2]


# ---- models ----

class CustomLSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "fico":
            setattr(self, "W_" + gate, nn.Linear(input_size + hidden_size, hidden_size))
            setattr(self, "U_" + gate, nn.Linear(hidden_size, hidden_size))

    def forward(self, x, state):
        h, c = state
        f = torch.sigmoid(self.W_f(torch.cat([x, h], 1)) + self.U_f(c))
        i = torch.sigmoid(self.W_i(torch.cat([x, h], 1)) + self.U_i(c))
        g = torch.tanh(self.W_c(torch.cat([x, h], 1)) + self.U_c(c))
        c = f * c + i * g
        o = torch.sigmoid(self.W_o(torch.cat([x, h], 1)) + self.U_o(c))
        return o * torch.tanh(c), c


class CustomLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm_cell = CustomLSTMCell(input_size, hidden_size)

    def forward(self, x):
        batch, steps, _ = x.size()
        h = torch.zeros(self.hidden_size).view(1, -1).repeat(batch, 1)
        c = torch.zeros(self.hidden_size).view(1, -1).repeat(batch, 1)
        outputs = []
        for t in range(steps):
            h, c = self.lstm_cell(x[:, t, :], (h, c))
            outputs.append(h.unsqueeze(1))
        return torch.cat(outputs, 1)


class StackedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, output_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, output_size)

    def forward(self, x):
        output, _ = self.lstm(x)
        return self.fc(output[:, -1, :])


# ---- workloads: each returns seconds ----

def train(model, criterion, x, y, seconds):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()

    return median_time(step, seconds)


def custom_lstm(batch, steps, input_size, hidden_size, target):
    return lambda seconds: 1e6 * train(CustomLSTM(input_size, hidden_size), nn.MSELoss(),
                                       torch.rand(batch, steps, input_size), torch.rand(batch, steps, target), seconds)


def stacked_lstm(batch, steps, input_size, hidden_size, num_layers):
    return lambda seconds: 1e6 * train(StackedLSTM(input_size, hidden_size, num_layers, 1), nn.MSELoss(),
                                       torch.rand(batch, steps, input_size), torch.rand(batch, 1), seconds)


def mlp(seconds):
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    return 1e6 * train(model, nn.CrossEntropyLoss(), torch.rand(128, 784), torch.randint(0, 10, (128,)), seconds)


def infer(seconds):
    model, x = StackedLSTM(64, 256, 2, 1).eval(), torch.rand(1, 1, 64)

    def once():
        with torch.no_grad():
            model(x)

    return 1e6 * median_time(once, seconds)


def scalar_adds(seconds):
    count = 10000

    def once():
        x = torch.ones((), requires_grad=True)
        y = x
        for _ in range(count):
            y = y + x
        y.backward()

    return 1e9 * median_time(once, seconds) / count


def one_op(op, n):
    def measure(seconds):
        a, b = torch.rand(n), torch.rand(n)

        def ten():
            for _ in range(10):
                op(a, b)

        return 1e6 * median_time(ten, seconds) / 10

    return measure


OPS = {
    "sigmoid": lambda a, b: torch.sigmoid(a),
    "tanh": lambda a, b: torch.tanh(a),
    "exp": lambda a, b: torch.exp(a),
    "mul": lambda a, b: a * b,
    "sum": lambda a, b: a.sum(),
}

# name: (seconds to measure, unless told otherwise; the measurement)
WORKLOADS = {
    "W1": (2, custom_lstm(100, 10, 5, 8, target=1)),
    "W2": (2, stacked_lstm(100, 10, 5, 8, num_layers=2)),
    "W3": (2, stacked_lstm(32, 50, 64, 256, num_layers=2)),
    "W4": (4, stacked_lstm(64, 35, 512, 1024, num_layers=1)),
    "W5": (2, custom_lstm(32, 50, 64, 256, target=256)),
    **{f"W7-{name}-{n}": (0.3, one_op(op, n)) for n in (1000, 1000000) for name, op in OPS.items()},
    "W8": (2, scalar_adds),
    "W9": (2, mlp),
    "W12": (2, infer),
}


def main():
    parser = argparse.ArgumentParser(description="The benchmark's workloads in PyTorch.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="W1,W3; W7 is all of W7-...")
    parser.add_argument("--seconds", type=float, help="how long each measurement lasts")
    parser.add_argument("--memory", action="store_true", help="a fourth column, the process's peak so far, in MiB")
    options = parser.parse_args()

    warnings.simplefilter("ignore")  # W1 broadcasts its target, as the notebook does
    torch.set_num_threads(options.threads)
    wanted = options.only.split(",") if options.only else None

    print("workload,threads,median_us" + (",peak_mib" if options.memory else ""))
    for name, (seconds, measure) in WORKLOADS.items():
        if wanted and name not in wanted and not any(name.startswith(w + "-") for w in wanted):
            continue
        torch.manual_seed(0)
        row = f"{name},{options.threads},{measure(options.seconds or seconds):.2f}"
        if options.memory:
            row += f",{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
