"""Peer: nanoGPT's recipe for a CPU (shakespeare_char), in PyTorch: its model, AdamW, cosine schedule and random batches."""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

options = json.loads(sys.argv[1])
LAYERS, HEADS, HIDDEN, LENGTH, BATCH = 4, 4, 128, 64, 12
STEPS = options.get("steps", 2000)
WARMUP = STEPS // 20
torch.set_num_threads(options["threads"])
torch.manual_seed(options["seed"])
text = open(options["text"], encoding="utf8").read()
characters = sorted(set(text))
data = torch.tensor([characters.index(c) for c in text])
training, held_out = data[: int(0.9 * len(data))], data[int(0.9 * len(data)) :]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN, bias=False) for _ in range(2))
        self.attention, self.output = nn.Linear(HIDDEN, 3 * HIDDEN, bias=False), nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.up, self.down = nn.Linear(HIDDEN, 4 * HIDDEN, bias=False), nn.Linear(4 * HIDDEN, HIDDEN, bias=False)

    def forward(self, x):
        q, k, v = (
            z.view(*x.shape[:2], HEADS, -1).transpose(1, 2) for z in self.attention(self.norms[0](x)).split(HIDDEN, 2)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.norms[1](x))))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(len(characters), HIDDEN), nn.Embedding(LENGTH, HIDDEN)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(HIDDEN, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                branch = name.endswith(("output.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * LAYERS) if branch else 0.02)

    def loss(self, ids, labels):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.tokens.weight.T
        return F.cross_entropy(logits.view(-1, len(characters)), labels.reshape(-1))


def whole(model, ids):
    with torch.no_grad():
        rows = ids[: (len(ids) - 1) // LENGTH * LENGTH + 1]
        inputs, labels = rows[:-1].view(-1, LENGTH), rows[1:].view(-1, LENGTH)
        return sum(model.loss(i, l).item() * len(i) for i, l in zip(inputs.split(256), labels.split(256))) / len(inputs)


model = Model()
decayed = [p for p in model.parameters() if p.ndim == 2]
groups = [
    {"params": decayed, "weight_decay": 0.1},
    {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
began = time.perf_counter()
for step in range(STEPS):
    cosine = 1e-4 + 0.5 * (1e-3 - 1e-4) * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * (step + 1) / (WARMUP + 1) if step < WARMUP else cosine
    starts = torch.randint(len(training) - LENGTH, (BATCH,))
    ids = torch.stack([training[i : i + LENGTH] for i in starts])
    labels = torch.stack([training[i + 1 : i + 1 + LENGTH] for i in starts])
    loss = model.loss(ids, labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "loss": whole(model, held_out)}))
