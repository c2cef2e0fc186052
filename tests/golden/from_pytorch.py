"""Writes examples/data/from_pytorch.pt and .safetensors, a network that PyTorch 1.13.1 has trained for 20 steps, which
examples/from_pytorch.c reads; and reads what that program saves.

    python3 from_pytorch.py write
    ../../build/examples/from_pytorch --save /tmp/back && python3 from_pytorch.py check /tmp/back

Both files have the state dict ("model"), 16 images and their labels, and what the network made of them in eval mode
("output"). The .pt file has the optimiser's state and the number of steps, too.
"""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/data/from_pytorch")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8 * 4 * 4, 4)

    def forward(self, x):
        return self.fc(F.max_pool2d(F.relu(self.bn(self.conv(x))), 2).flatten(1))


def train_step(model, adam, images, labels):
    adam.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    adam.step()
    return loss.item()


def load(path):
    file = torch.load(path)
    model = Net()
    model.load_state_dict(file["model"])
    adam = torch.optim.Adam(model.parameters())
    adam.load_state_dict(file["optimizer"])
    return file, model, adam


def losses(steps):
    """Of the steps after those that were saved."""
    file, model, adam = load(DATA + ".pt")
    return [train_step(model, adam, file["images"], file["labels"]) for _ in range(steps)]


def write():
    """A bright spot in one of four quarters, and noise."""
    import safetensors
    torch.manual_seed(0)
    labels = torch.arange(16) % 4
    images = 0.3 * torch.randn(16, 1, 8, 8)
    for i, quarter in enumerate(labels.tolist()):
        y, x = torch.randint(0, 3, (2,)).tolist()
        images[i, 0, 4 * (quarter // 2) + y, 4 * (quarter % 2) + x] += 2
    model = Net()
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(20):
        train_step(model, adam, images, labels)
    model.eval()
    shown = {"images": images, "labels": labels, "output": model(images).detach()}
    torch.save({"model": model.state_dict(), "optimizer": adam.state_dict(), "step": 20, **shown}, DATA + ".pt")
    tensors = {**{"model." + k: v for k, v in model.state_dict().items()}, **shown}
    code = {torch.float32: "F32", torch.int64: "I64"}
    rows = [(k, code[v.dtype], list(v.shape), v.numpy().tobytes()) for k, v in tensors.items()]
    safetensors.write(DATA + ".safetensors", safetensors.as_hugging_face(rows), {"format": "pt", "step": "20"})


def check(prefix):
    import safetensors
    file, model, adam = load(prefix + ".pt")
    model.eval()
    difference = (model(file["images"]) - file["output"]).abs().max().item()
    model.train()
    step = int(adam.state[model.fc.weight]["step"])
    loss = train_step(model, adam, file["images"], file["labels"])
    assert difference < 1e-5 and step == file["step"], (difference, step)
    tensors, metadata = safetensors.read(prefix + ".safetensors")
    for name, t in {**{"model." + k: v for k, v in file["model"].items()}, "output": file["output"]}.items():
        assert tensors[name][1:] == (list(t.shape), t.numpy().tobytes()), name
    print(f"{prefix}.pt: step {file['step']}, largest difference {difference:.3g}, loss of the next step {loss:.6g}")
    print(f"{prefix}.safetensors:", sorted(tensors), metadata)


if __name__ == "__main__":
    write() if sys.argv[1] == "write" else check(sys.argv[2])
