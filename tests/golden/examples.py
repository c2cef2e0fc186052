"""Writes examples.txt: the losses that PyTorch 1.13.1 has where the programs in examples/ print theirs.

    OMP_NUM_THREADS=1 python3 examples.py > examples.txt

goldenfile.py describes the line format. `case NAME ARGUMENTS`: the program build/examples/NAME and its arguments.
`a losses`: the numbers behind the word "loss" in what it prints, line by line.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

import goldenfile as g

STEPS = 5


def case(name, losses):
    g.case(f"{name} --steps {STEPS}")
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


def main():
    torch.set_num_threads(1)
    print("# What PyTorch loses where the examples say what they lose; examples.py, which wrote this file, describes it.")
    for example in (regression, pinn, vae, dcgan):
        case(example.__name__, list(example()))


main()
