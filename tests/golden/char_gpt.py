"""Writes char_gpt.txt: what examples/char_gpt.c loses in its first steps on a short text, as PyTorch 1.13.1 has it, and
what it then writes.

    OMP_NUM_THREADS=1 python3 char_gpt.py > char_gpt.txt

goldenfile.py describes the line format. `s text`, `i seed`; `i sizes`: block_size, n_layer, n_head, n_embd, batch_size,
steps, warmup. `a losses` of all steps; `s written`: the characters that follow the text's first one.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

import goldenfile as g

TEXT = ("A tensor made by an op belongs to the innermost open scope. Ending the scope releases those tensors and what the "
        "tape recorded since it began. Open one scope for each training step. Without any, everything lives until the "
        "thread ends.")
SEED = 1337
BLOCK_SIZE, N_LAYER, N_HEAD, N_EMBD = 8, 2, 2, 16
BATCH_SIZE, STEPS, WARMUP, LR, MIN_LR, WEIGHT_DECAY, GRAD_CLIP = 4, 25, 5, 1e-2, 1e-3, 0.1, 1.0
WRITTEN = 30


class CausalSelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(N_EMBD, 3 * N_EMBD)
        self.c_proj = nn.Linear(N_EMBD, N_EMBD)

    def forward(self, x):
        q, k, v = (t.unflatten(2, (N_HEAD, N_EMBD // N_HEAD)).transpose(1, 2) for t in self.c_attn(x).chunk(3, dim=2))
        y = F._scaled_dot_product_attention(q, k, v, is_causal=True)[0]
        return self.c_proj(y.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_fc = nn.Linear(N_EMBD, 4 * N_EMBD)
        self.c_proj = nn.Linear(4 * N_EMBD, N_EMBD)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(N_EMBD)
        self.attn = CausalSelfAttention()
        self.ln_2 = nn.LayerNorm(N_EMBD)
        self.mlp = MLP()

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, N_EMBD)
        self.wpe = nn.Embedding(BLOCK_SIZE, N_EMBD)
        self.h = nn.ModuleList([Block() for _ in range(N_LAYER)])
        self.ln_f = nn.LayerNorm(N_EMBD)
        self.lm_head = nn.Linear(N_EMBD, vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight
        self.apply(self.init_weights)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * N_LAYER))

    @staticmethod
    def init_weights(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, 0, 0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.size(1)))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def learning_rate(step):
    if step < WARMUP:
        return LR * (step + 1) / (WARMUP + 1)
    return MIN_LR + 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) * (LR - MIN_LR)


def train(model, data):
    groups = [{"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LR, betas=(0.9, 0.99))
    losses = []
    for step in range(STEPS):
        at = torch.randint(0, len(data) - BLOCK_SIZE, (BATCH_SIZE, 1)) + torch.arange(BLOCK_SIZE)
        loss = F.cross_entropy(model(data[at]).flatten(0, 1), data[at + 1].flatten())
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRAD_CLIP)
        optimizer.step()
        losses.append(loss.item())
    return losses


def write(model, first, characters):
    tokens = [first]
    with torch.no_grad():
        for _ in range(WRITTEN):
            logits = model(torch.tensor([tokens[-BLOCK_SIZE:]]))[0, -1]
            below = logits.softmax(0).cumsum(0)
            tokens.append((below <= torch.rand(1) * below[-1]).sum().item())
    return "".join(characters[t] for t in tokens[1:])


def main():
    torch.set_num_threads(1)
    characters = sorted(set(TEXT))
    data = torch.tensor([characters.index(c) for c in TEXT])
    torch.manual_seed(SEED)
    model = GPT(len(characters))
    print("# A small GPT as PyTorch trains it; char_gpt.py, which wrote this file, describes each key.")
    g.case("char_gpt")
    g.string("text", TEXT)
    g.ints("seed", SEED)
    g.ints("sizes", BLOCK_SIZE, N_LAYER, N_HEAD, N_EMBD, BATCH_SIZE, STEPS, WARMUP)
    g.array("losses", torch.tensor(train(model, data)))
    g.string("written", write(model, data[0].item(), characters))


main()
