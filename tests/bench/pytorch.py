#!/usr/bin/env python3
"""The workloads of tests/bench/workloads.c and the single ops of tests/bench/ops in PyTorch, as `bench --csv` prints them.

    pytorch.py [--threads N] [--only W1,W3] [--seconds S] [--cpu] [--memory] [--flush] [--rows FILE]

Whoever changes a workload here changes it there. Training is one step of it: zero_grad, forward, loss, backward, Adam (W10:
AdamW).
The figures are microseconds but for W8's, which are nanoseconds an addition.
"""
import argparse
import resource
import sys
import time
import warnings

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch.nn.utils import rnn
except ImportError:
    sys.exit("pytorch.py: this Python has no PyTorch; set PYTHON to one that has (on Debian: apt install python3-torch)")


# ---- timing ----

clock = time.perf_counter


def median_time(body, seconds):
    """Seconds: three calls to warm up, then calls timed one by one until `seconds` have passed, at least five."""
    for _ in range(3):
        body()
    samples = []
    start = clock()
    while clock() - start < seconds or len(samples) < 5:
        begin = clock()
        body()
        samples.append(clock() - begin)
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


class GRURegressor(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, output_size)

    def forward(self, x):
        output, _ = self.gru(x)
        return self.fc(output[:, -1, :])


class PackedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, output_size, batch, steps):
        super().__init__()
        order = torch.arange(batch) * 11 % batch
        self.lengths = order * (steps - 5) // (batch - 1) + 5
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden_size, output_size)

    def forward(self, x):
        packed = rnn.pack_padded_sequence(x, self.lengths, batch_first=True, enforce_sorted=False)
        output, _ = self.lstm(packed)
        return self.fc(rnn.pad_packed_sequence(output, batch_first=True)[0])


class TextClassifier(nn.Module):
    def __init__(self, words, hidden_size, classes):
        super().__init__()
        self.embedding = nn.Embedding(words, hidden_size)
        self.lstm = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, classes)

    def forward(self, x):
        output, _ = self.lstm(self.embedding(x))
        return self.fc(output[:, -1, :])


class GPTBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.c_attn = nn.Linear(width, 3 * width)
        self.attn_proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.c_fc = nn.Linear(width, 4 * width)
        self.mlp_proj = nn.Linear(4 * width, width)

    def attention(self, x):
        batch, tokens, width = x.size()
        q, k, v = (t.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
                   for t in self.c_attn(x).chunk(3, dim=2))
        y = F._scaled_dot_product_attention(q, k, v, is_causal=True)[0]
        return self.attn_proj(y.transpose(1, 2).contiguous().view(batch, tokens, width))

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary, width=128, layers=4, heads=4, tokens=64):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(tokens, width)
        self.h = nn.ModuleList([GPTBlock(width, heads) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.wte.weight = self.lm_head.weight

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.size(1)))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x)).flatten(0, 1)


# ---- workloads: each returns seconds ----

def train(model, criterion, x, y, seconds, optimizer=torch.optim.Adam):
    optimizer = optimizer(model.parameters(), lr=1e-3)

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


def gru(seconds):
    return 1e6 * train(GRURegressor(64, 256, 1), nn.MSELoss(), torch.rand(32, 50, 64), torch.rand(32, 1), seconds)


def packed_lstm(seconds):
    return 1e6 * train(PackedLSTM(64, 128, 1, 32, 50), nn.MSELoss(), torch.rand(32, 50, 64), torch.rand(32, 50, 1), seconds)


def mlp(seconds):
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    return 1e6 * train(model, nn.CrossEntropyLoss(), torch.rand(128, 784), torch.randint(0, 10, (128,)), seconds)


def text_classifier(seconds):
    model = TextClassifier(10000, 128, 2)
    return 1e6 * train(model, nn.CrossEntropyLoss(), torch.randint(0, 10000, (32, 200)), torch.randint(0, 2, (32,)),
                       seconds)


def gpt(seconds):
    return 1e6 * train(GPT(65), nn.CrossEntropyLoss(), torch.randint(0, 65, (12, 64)),
                       torch.randint(0, 65, (12 * 64,)), seconds, torch.optim.AdamW)


def encoder_layer(seconds):
    model = nn.TransformerEncoderLayer(256, 8, dim_feedforward=1024, dropout=0, batch_first=True)
    return 1e6 * train(model, nn.MSELoss(), torch.rand(16, 64, 256), torch.rand(16, 64, 256), seconds)


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


# ---- single ops: the rows of tests/bench/ops, which `bench --rows` prints ----

def positive_definite(*sizes):
    a = torch.randn(sizes)
    return a @ a.mT / sizes[-1] + torch.eye(sizes[-1])


# Whether a gradient is asked for; how it is made.
INPUTS = {
    "floats": (True, lambda *sizes: torch.randn(sizes)),
    "doubles": (True, lambda *sizes: torch.randn(sizes, dtype=torch.float64)),
    "uniforms": (True, lambda *sizes: torch.rand(sizes)),
    "uniform_doubles": (True, lambda *sizes: torch.rand(sizes, dtype=torch.float64)),
    "transposed": (True, lambda *sizes: torch.randn(*sizes[:-2], sizes[-1], sizes[-2]).transpose(-1, -2)),
    "positive_definite": (True, positive_definite),
    "constants": (False, lambda *sizes: torch.rand(sizes)),
    "indices": (False, lambda below, *sizes: torch.randint(0, below, sizes)),
    "bools": (False, lambda *sizes: torch.rand(sizes) > 0.5),
    "sorted": (False, lambda *sizes: torch.rand(sizes).sort()[0]),
    "counts": (False, lambda below, *sizes: torch.randint(1, below, sizes)),
}


def single_op(call, inputs, backward):
    def measure(seconds):
        x = []
        for kind, *numbers in inputs:
            differentiable, make = INPUTS[kind]
            x.append(make(*map(int, numbers)).requires_grad_(backward and differentiable))
        wanted = [t for t in x if t.requires_grad]
        ones = torch.ones_like(call(x)).detach()

        def once():
            y = call(x)
            if backward:
                torch.autograd.grad(y, wanted, ones)

        return 1e6 * median_time(once, seconds)

    return measure


def single_ops(path):
    rows = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            name, backward, call, inputs = line.rstrip("\n").split("\t")
            if not call:
                continue
            inputs = [one.split(",") for one in inputs.split(";")] if inputs else []
            rows[name] = (0.5, single_op(eval("lambda x: " + call), inputs, backward == "1"))
    return rows


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
    "W10": (4, gpt),
    "W12": (2, infer),
    "W13": (2, gru),
    "W14": (2, packed_lstm),
    "W15": (4, text_classifier),
    "W16": (4, encoder_layer),
}


def main():
    parser = argparse.ArgumentParser(description="The benchmark's workloads in PyTorch.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="W1,W3; W7 is all of W7-..., op every single op")
    parser.add_argument("--rows", help="what `bench --rows` printed: the single ops")
    parser.add_argument("--seconds", type=float, help="how long each measurement lasts")
    parser.add_argument("--cpu", action="store_true", help="the processor's time, not the clock's")
    parser.add_argument("--memory", action="store_true", help="a fourth column, the process's peak so far, in MiB")
    parser.add_argument("--flush", action="store_true", help="torch.set_flush_denormal(True)")
    options = parser.parse_args()
    if options.cpu:
        global clock
        clock = time.process_time

    warnings.simplefilter("ignore")  # W1 broadcasts its target, as the notebook does
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(options.flush)
    wanted = options.only.split(",") if options.only else None

    print("workload,threads,median_us" + (",peak_mib" if options.memory else ""))
    workloads = {**WORKLOADS, **(single_ops(options.rows) if options.rows else {})}
    for name, (seconds, measure) in workloads.items():
        if wanted and name not in wanted and not any(name.startswith((w + "-", w + "+")) for w in wanted):
            continue
        torch.manual_seed(0)
        row = f"{name},{options.threads},{measure(options.seconds or seconds):.2f}"
        if options.memory:
            row += f",{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
