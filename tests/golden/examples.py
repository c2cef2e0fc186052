"""Writes examples.txt: the losses that PyTorch 1.13.1 has where the programs in examples/ print theirs.

    OMP_NUM_THREADS=1 python3 examples.py > examples.txt

goldenfile.py describes the line format. `case NAME ARGUMENTS`: the program build/examples/NAME and its arguments,
as started in the root of the repository.
`a losses`: the numbers behind the word "loss" in what it prints, line by line.
"""
import csv
import math
import os
import re

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

import from_pytorch
import goldenfile as g

STEPS = 5
HERE = os.path.dirname(os.path.abspath(__file__))


def case(name, losses, arguments="", steps=STEPS):
    g.case(f"{name} --steps {steps}{arguments}")
    g.array("losses", torch.tensor(losses, dtype=torch.float32))


# ---- regression ----

def regression():
    torch.manual_seed(0)
    fc = nn.Linear(4, 1)
    sought = torch.tensor([[-1.0], [-2.0], [0.5], [1.0]])
    for _ in range(STEPS):
        x = 3 * torch.rand(64, 1) - 1.5
        X = torch.cat([x ** i for i in range(1, 5)], dim=1)
        y = X @ sought + 0.5
        y = y + 0.2 * torch.randn_like(y)
        fc.zero_grad()
        loss = F.smooth_l1_loss(fc(X), y)
        loss.backward()
        with torch.no_grad():
            for p in fc.parameters():
                p -= 0.1 * p.grad
        yield loss.item()


# ---- a step inside backward: the same losses as after it ----

def step_in_backward():
    torch.manual_seed(0)
    layers = []
    for _ in range(8):
        layers += [nn.Linear(256, 256), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(256, 1))
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(STEPS):
        x = torch.randn(32, 256)
        sgd.zero_grad()
        loss = F.mse_loss(model(x), x[:, :1])
        loss.backward()
        sgd.step()
        yield loss.item()
        yield loss.item()


# ---- a differential equation ----

def derivative(y, t):
    return torch.autograd.grad(y.sum(), t, create_graph=True)[0]


def pinn():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    adam = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(STEPS):
        t = torch.linspace(0, 6, 64).unsqueeze(1).requires_grad_()
        adam.zero_grad()
        u = net(t)
        du = derivative(u, t)
        ddu = derivative(du, t)
        loss = ((ddu + 0.4 * du + u) ** 2).mean() + ((u[0] - 1) ** 2 + du[0] ** 2).sum()
        loss.backward()
        adam.step()
        yield loss.item()


# ---- a variational autoencoder ----

class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(64, 64)
        self.mean = nn.Linear(64, 2)
        self.log_variance = nn.Linear(64, 2)
        self.decode = nn.Linear(2, 64)
        self.pixels = nn.Linear(64, 64)

    def loss(self, x):
        h = F.relu(self.encode(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        std = torch.exp(0.5 * log_variance)
        z = mean + torch.randn_like(std) * std
        decoded = torch.sigmoid(self.pixels(F.relu(self.decode(z))))
        differences = F.binary_cross_entropy(decoded, x, reduction="sum")
        return (differences - 0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())) / 64


def vae():
    torch.manual_seed(0)
    m = VAE()
    adam = torch.optim.Adam(m.parameters(), lr=2e-3)
    at = torch.arange(8.0)
    for _ in range(STEPS):
        adam.zero_grad()
        cy = torch.rand(64, 1, 1) * 5 + 1
        cx = torch.rand(64, 1, 1) * 5 + 1
        x = torch.exp(-0.5 * ((at.unsqueeze(1) - cy) ** 2 + (at - cx) ** 2)).flatten(start_dim=1)
        loss = m.loss(x)
        loss.backward()
        adam.step()
        yield loss.item()


# ---- two networks against each other ----

def weights_init(m):
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0.0, 0.02)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1.0, 0.02)


def rings():
    at, (cy, cx, radius) = torch.arange(16.0), torch.rand(3, 32, 1, 1)
    distance = torch.sqrt((at.unsqueeze(1) - (cy * 2 + 6.5)) ** 2 + (at - (cx * 2 + 6.5)) ** 2)
    return (2 * torch.exp(-(distance - (radius * 3 + 3)) ** 2) - 1).unsqueeze(1)


def dcgan():
    torch.manual_seed(0)
    up, down = nn.ConvTranspose2d, nn.Conv2d
    G = nn.Sequential(up(8, 32, 4, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
                      up(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                      up(16, 1, 4, 2, 1, bias=False), nn.Tanh())
    D = nn.Sequential(down(1, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
                      down(16, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
                      down(32, 1, 4, bias=False), nn.Flatten())
    G.apply(weights_init)
    D.apply(weights_init)
    adam_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
    adam_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))

    def told(images, label):
        scores = D(images)
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))

    for _ in range(STEPS):
        adam_d.zero_grad()
        fake = G(torch.randn(32, 8, 1, 1))
        loss_d = told(rings(), 1.0) + told(fake.detach(), 0.0)
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        loss_g = told(fake, 1.0)
        loss_g.backward()
        adam_g.step()
        yield loss_d.item()
        yield loss_g.item()


# ---- handwritten digits ----

def conv3x3(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def digits(kind, steps, batch):
    with open(os.path.join(HERE, "../../examples/data/digits.csv"), encoding="ascii") as table:
        rows = torch.tensor([[int(field) for field in line.split(",")] for line in list(table)[1:]])
    everything = TensorDataset((rows[:, :64].float() / 16).reshape(-1, 1, 8, 8), rows[:, 64])
    learnt, held_out = random_split(everything, [0.8, 0.2], torch.Generator().manual_seed(0))
    train, test = DataLoader(learnt, batch, shuffle=True), DataLoader(held_out, batch)
    torch.manual_seed(0)
    if kind == "cnn":
        model = nn.Sequential(conv3x3(1, 16), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                              conv3x3(16, 32), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                              nn.Dropout(0.3), nn.Linear(128, 10))
    else:
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(),
                              nn.Dropout(0.3), nn.Linear(128, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(),
                              nn.Dropout(0.3), nn.Linear(64, 10))
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(adam, 5, gamma=0.5)
    yield from epochs(model, adam, scheduler, train, test, F.cross_entropy, steps)


def epochs(model, optimizer, scheduler, train, test, criterion, steps):
    """The loss of each step, and after each epoch the means over what was learnt and what is held out."""
    while True:
        total = 0
        model.train()
        for images, labels in train:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            yield loss.item()
            total += loss.item() * len(labels)
            steps -= 1
            if steps == 0:
                return
        yield total / len(train.dataset)
        model.eval()
        with torch.no_grad():
            total = sum(criterion(model(images), labels, reduction="sum").item() for images, labels in test)
        yield total / len(test.dataset)
        scheduler.step()


# ---- MNIST, on digits that are drawn ----

FONT = (" ###    #    ###   ###     #  #####  ###  #####  ###   ### ",
        "#   #  ##   #   # #   #   ##  #     #         # #   # #   #",
        "#   #   #       #     #  # #  ####  #        #  #   # #   #",
        "#   #   #      #    ##  #  #      # ####    #    ###   ####",
        "#   #   #     #       # #####     # #   #   #   #   #     #",
        "#   #   #    #    #   #    #  #   # #   #  #    #   #     #",
        " ###   ###  #####  ###     #   ###   ###   #     ###   ### ")
LETTERS = torch.tensor([[[float(line[6 * digit + x] == "#") for x in range(5)] for line in FONT] for digit in range(10)])


def draw_digits(n):
    def uniform(low, high):
        return torch.rand(n, 1, 1) * (high - low) + low

    def share(at, cells):
        return (1 - (at.unsqueeze(-1) - torch.arange(cells)).abs()).relu()

    labels = torch.randint(0, 10, (n,))
    height, width = uniform(2.2, 3.4), uniform(2, 3.8)
    slant = uniform(-0.3, 0.5)
    down, right = uniform(-3, 3), uniform(-3, 3)
    ink = uniform(0.5, 1)
    x = torch.arange(28.0) - 13.5
    y = x.unsqueeze(1)
    row = (y - down) / height + 3
    column = (x - right + slant * y) / width + 2
    rows = share(row.squeeze(-1), 7) @ LETTERS[labels]
    images = (share(column, 5) @ rows.unsqueeze(-1)).squeeze(-1)
    images = images * ink
    return (images + torch.randn_like(images) * 0.15).clamp(0, 1), labels


class Normalized(Dataset):
    def __init__(self, n):
        drawn = [draw_digits(min(100, n - i)) for i in range(0, n, 100)]
        self.images, self.labels = (torch.cat(tensors) for tensors in zip(*drawn))

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return (self.images[i].unsqueeze(0) - 0.1307) / 0.3081, self.labels[i]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = torch.flatten(self.dropout1(x), 1)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def mnist(count, batch, steps):
    torch.manual_seed(0)
    train, test = DataLoader(Normalized(count), batch, shuffle=True), DataLoader(Normalized(count // 4), batch)
    torch.manual_seed(0)
    model = Net()
    adadelta = torch.optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(adadelta, step_size=1, gamma=0.7)
    yield from epochs(model, adadelta, scheduler, train, test, F.nll_loss, steps)


# ---- a language model of words ----

class WordModel(nn.Module):
    def __init__(self, kind, vocabulary):
        super().__init__()
        self.encoder = nn.Embedding(vocabulary, 64)
        self.transformer = None
        if kind == "Transformer":
            self.transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 64, dropout=0.2), 2)
        elif kind in ("LSTM", "GRU"):
            self.rnn = getattr(nn, kind)(64, 64, 2, dropout=0.2)
        else:
            self.rnn = nn.RNN(64, 64, 2, dropout=0.2, nonlinearity=kind[4:].lower())
        self.decoder = nn.Linear(64, vocabulary)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, words, hidden):
        if self.transformer:
            steps = words.size(0)
            rate = torch.exp(torch.arange(0.0, 64, 2) * (-math.log(10000.0) / 64))
            angle = torch.arange(float(steps)).unsqueeze(1) * rate
            position = torch.stack([torch.sin(angle), torch.cos(angle)], dim=2).flatten(1).unsqueeze(1)
            x = F.dropout(self.encoder(words) * math.sqrt(64) + position, 0.2)
            mask = nn.Transformer.generate_square_subsequent_mask(steps)
            return self.decoder(self.transformer(x, mask)).flatten(0, 1), hidden
        output, hidden = self.rnn(F.dropout(self.encoder(words), 0.2), hidden)
        return self.decoder(F.dropout(output, 0.2)).flatten(0, 1), hidden


def read_words(path):
    """Runs of letters and digits, and any other character but blanks; as numbers, in the order in which they appear."""
    found = re.findall(r"[A-Za-z0-9]+|\S", open(path, encoding="ascii").read())
    vocabulary = list(dict.fromkeys(found))
    return [vocabulary.index(word) for word in found], len(vocabulary)


def word_lm(kind):
    ids, vocabulary = read_words(os.path.join(HERE, "../../LICENSE"))
    ids = torch.tensor(ids[:len(ids) - len(ids) // 10])
    rows = len(ids) // 4
    data = ids.narrow(0, 0, rows * 4).view(4, -1).t().contiguous()
    torch.manual_seed(0)
    model = WordModel(kind, vocabulary)
    sgd = torch.optim.SGD(model.parameters(), lr=10)
    step = 0
    while step < STEPS:
        hidden = None
        for i in range(0, rows - 1, 16):
            n = min(16, rows - 1 - i)
            sgd.zero_grad()
            scores, hidden = model(data[i:i + n], hidden)
            loss = F.cross_entropy(scores, data[i + 1:i + 1 + n].flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            sgd.step()
            if kind != "Transformer":
                hidden = tuple(h.detach() for h in hidden) if kind == "LSTM" else hidden.detach()
            yield loss.item()
            step += 1
            if step == STEPS:
                return


# ---- the pole on a cart ----

def pushed(cart, action):
    x, speed, angle, turning = cart
    force, cosine, sine = (10 if action else -10), math.cos(angle), math.sin(angle)
    push = (force + 0.1 * 0.5 * turning * turning * sine) / 1.1
    turn = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3 - 0.1 * cosine * cosine / 1.1))
    acceleration = push - 0.1 * 0.5 * turn * cosine / 1.1
    return x + 0.02 * speed, speed + 0.02 * acceleration, angle + 0.02 * turning, turning + 0.02 * turn


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 64)
        self.actor = nn.Linear(64, 2)
        self.critic = nn.Linear(64, 1)


def actor_critic():
    torch.manual_seed(0)
    m = Policy()
    adam = torch.optim.Adam(m.parameters(), lr=1e-2)
    for _ in range(STEPS):
        cart = tuple(0.1 * u - 0.05 for u in torch.rand(4, dtype=torch.float64).tolist())
        log_probs, values = [], []
        while len(values) < 500 and abs(cart[0]) <= 2.4 and abs(cart[2]) <= math.radians(12):
            h = F.relu(m.body(torch.tensor([cart], dtype=torch.float32)))
            distribution = torch.distributions.Categorical(logits=m.actor(h))
            action = distribution.sample()
            log_probs.append(distribution.log_prob(action))
            values.append(m.critic(h).squeeze(0))
            cart = pushed(cart, action.item())
        returns, left = [], 0
        for _ in values:
            left = 1 + 0.99 * left
            returns.insert(0, left)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + 1e-7)
        log_probs, values = torch.cat(log_probs), torch.cat(values)
        loss = -(log_probs * (returns - values.detach())).mean() + F.smooth_l1_loss(values, returns)
        adam.zero_grad()
        loss.backward()
        adam.step()
        yield loss.item()


# ---- sine waves ----

class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm1 = nn.LSTMCell(1, 51)
        self.lstm2 = nn.LSTMCell(51, 51)
        self.linear = nn.Linear(51, 1)

    def forward(self, waves):
        h1 = c1 = h2 = c2 = torch.zeros(waves.size(0), 51)
        output = []
        for x in waves.split(1, dim=1):
            h1, c1 = self.lstm1(x, (h1, c1))
            h2, c2 = self.lstm2(h1, (h2, c2))
            output.append(self.linear(h2))
        return torch.cat(output, dim=1)


def sine():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)

    def draw(waves):
        return torch.sin((torch.arange(30.0) + torch.randint(-80, 80, (waves, 1)).double()) / 20)

    data, unseen = draw(4), draw(3)
    m = Sequence()
    lbfgs = torch.optim.LBFGS(m.parameters(), lr=0.8)

    def closure():
        lbfgs.zero_grad()
        loss = F.mse_loss(m(data[:, :-1]), data[:, 1:])
        loss.backward()
        return loss

    for _ in range(3):  # later on the last bits of tanh are seen
        yield lbfgs.step(closure).item()
    yield F.mse_loss(m(unseen[:, :-1]), unseen[:, 1:]).item()
    torch.set_default_dtype(torch.float32)


# ---- carbon dioxide, month by month ----

DATA = os.path.join(HERE, "../../examples/data/")


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 32, batch_first=True)
        self.fc = nn.Linear(32, 1)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


def forecast():
    with open(DATA + "co2.csv", encoding="ascii") as file:
        values = [float(row["co2"] or "nan") for row in csv.DictReader(file)]
    known = [i for i, v in enumerate(values) if v == v]
    values = np.interp(range(len(values)), known, [values[i] for i in known])
    changes = torch.tensor(values, dtype=torch.float32)[:-48].diff()
    std, mean = torch.std_mean(changes)
    changes = ((changes - mean) / std).unsqueeze(1)
    angle = torch.arange(len(changes)).unsqueeze(1) * (2 * math.pi / 12)
    windows = torch.cat([changes, torch.sin(angle), torch.cos(angle)], 1).unfold(0, 37, 1).transpose(1, 2)
    torch.manual_seed(0)
    model = Forecaster()
    loader = DataLoader(TensorDataset(windows[:, :-1], windows[:, 1:, :1]), batch_size=32, shuffle=True)
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for (x, y), _ in zip(loader, range(STEPS)):
        adam.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        yield loss.item()


# ---- the languages of names ----

class Classifier(nn.Module):
    def __init__(self, letters, languages):
        super().__init__()
        self.embedding = nn.Embedding(letters, 32)
        self.gru = nn.GRU(32, 64, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(128, languages)

    def forward(self, letters, lengths):
        x = nn.utils.rnn.pack_padded_sequence(self.embedding(letters), lengths, batch_first=True, enforce_sorted=False)
        return self.fc(self.dropout(self.gru(x)[1].transpose(0, 1).flatten(1)))


def pad(samples):
    letters = [sample[0] for sample in samples]
    return (nn.utils.rnn.pad_sequence(letters, batch_first=True), torch.tensor([sample[1] for sample in samples]),
            torch.tensor([len(name) for name in letters]))


def names():
    with open(DATA + "names.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    letters = ["<unk>"] + list(dict.fromkeys("".join(row["name"] for row in rows).lower()))
    languages = sorted({row["language"] for row in rows})
    samples = [(torch.tensor([letters.index(letter) for letter in row["name"].lower()]), languages.index(row["language"]))
               for row in rows]
    learnt, _ = random_split(samples, [0.8, 0.2], torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = Classifier(len(letters), len(languages))
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch, _ in zip(DataLoader(learnt, batch_size=32, shuffle=True, collate_fn=pad), range(STEPS)):
        adam.zero_grad()
        loss = F.cross_entropy(model(batch[0], batch[2]), batch[1])
        loss.backward()
        adam.step()
        yield loss.item()


# ---- a loss that becomes NaN, and the one that does not ----

def nan(steps, mended):
    torch.manual_seed(0)
    kind = torch.arange(60).remainder(3)
    sizes = torch.tensor([[1.5, 0.3], [4.3, 1.3], [5.6, 2.0]])[kind] + 0.2 * torch.randn(60, 2)
    sizes[17] *= 10
    model = nn.Linear(2, 3)
    sgd = torch.optim.SGD(model.parameters(), lr=0.2)
    for step in range(1, steps + 1):
        sgd.zero_grad()
        if mended:
            loss = F.cross_entropy(model(sizes), kind)
        else:
            loss = -(F.one_hot(kind, 3) * model(sizes).softmax(1).log()).sum(1).mean()
        loss.backward()
        sgd.step()
        if step % 40 == 0:
            yield loss.item()


def main():
    torch.set_num_threads(1)
    print("# What PyTorch loses where the examples say what they lose; examples.py, which wrote this file, describes it.")
    for example in (regression, step_in_backward, pinn, vae, dcgan, actor_critic):
        case(example.__name__, list(example()))
    case("sine", list(sine()), " --waves 4 --length 30", 3)
    for kind in ("RNN_TANH", "RNN_RELU", "LSTM", "GRU", "Transformer"):
        case("word_lm", list(word_lm(kind)), f" --model {kind} --text LICENSE")
    for kind in ("mlp", "cnn"):
        case("digits", list(digits(kind, 8, 512)), f" --model {kind} --batch 512", 8)
    case("mnist", list(mnist(118, 32, 6)), " --digits 118 --batch 32", 6)
    case("forecast", list(forecast()))
    case("names", list(names()))
    case("from_pytorch", from_pytorch.losses(STEPS))
    case("nan", list(nan(200, False)), steps=200) # a few steps before it is born
    case("nan", list(nan(320, True)), " --mended 1", 320)


main()
