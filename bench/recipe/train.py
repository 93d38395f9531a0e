"""Peer of train.mjs: the same model, optimizers, schedule and batches (batches.mjs) in PyTorch, for some seconds or steps."""

import json
import math
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

options = json.loads(sys.argv[1])
VOCABULARY, LENGTH, BATCH = 4096, 256, 8
size = options["size"]
LAYERS, HIDDEN, HEADS = size["numLayers"], size["hiddenSize"], size["numHeads"]
torch.set_num_threads(options["threads"])
torch.manual_seed(options["seed"])


def linear(inputs, outputs, std):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=std) if std else nn.init.zeros_(layer.weight)
    return layer


frequencies = 10_000.0 ** (-torch.arange(0, HIDDEN // HEADS, 2) / (HIDDEN // HEADS))
angles = torch.arange(LENGTH)[:, None, None] * frequencies
COSINES, SINES = angles.cos(), angles.sin()  # [T, 1, D / 2]


def rotate(x):
    """x [B, T, H, D] by its position, in pairs of a head's halves."""
    first, second = x.chunk(2, -1)
    cosines, sines = COSINES[: x.shape[1]], SINES[: x.shape[1]]
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(HIDDEN, eps=1e-5) for _ in range(2))
        self.query_norm, self.key_norm = (nn.RMSNorm(HIDDEN // HEADS, eps=1e-5) for _ in range(2))
        self.query, self.key, self.value = (linear(HIDDEN, HIDDEN, 0.02) for _ in range(3))
        self.output = linear(HIDDEN, HIDDEN, 0)
        self.up, self.down = linear(HIDDEN, 4 * HIDDEN, 0.02), linear(4 * HIDDEN, HIDDEN, 0)

    def forward(self, x):
        y = self.norms[0](x)
        heads = lambda z: z.view(*z.shape[:2], HEADS, -1)
        q, k, v = heads(self.query(y)), heads(self.key(y)), heads(self.value(y))
        q, k = rotate(self.query_norm(q.float())), rotate(self.key_norm(k.float()))
        q, k, v = (z.transpose(1, 2).to(v.dtype) for z in (q, k, v))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.relu(self.up(self.norms[1](x))).square())


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, HIDDEN)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.embedding_norm = nn.RMSNorm(HIDDEN, eps=1e-5)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(HIDDEN, eps=1e-5)
        self.head = linear(HIDDEN, VOCABULARY, 0)

    def forward(self, ids, labels):
        x = self.embedding_norm(self.tokens(ids))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.float().view(-1, VOCABULARY), labels.reshape(-1))


model = Model()
matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
ids_of_matrices = {id(p) for p in matrices}
rest = [p for p in model.parameters() if id(p) not in ids_of_matrices]
muon = torch.optim.Muon(matrices, lr=0.012, momentum=0.95, nesterov=True, weight_decay=0)
adam = torch.optim.AdamW(rest, lr=4e-3, betas=(0.9, 0.95), eps=1e-10, weight_decay=0, fused=True)
run = torch.compile(model) if options["compile"] else model
batches = numpy.fromfile(options["batches"], dtype=numpy.uint16).reshape(-1, BATCH, LENGTH + 1)
autocast = lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=options["precision"] == "bf16")


def split(batch):
    rows = torch.from_numpy(batch.astype(numpy.int64))
    return rows[:, :-1], rows[:, 1:]


def step_once(index, share):
    ids, labels = split(batches[index % len(batches)])
    with autocast():
        loss = run(ids, labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    factor = min(1.0, (index + 1) / warmup) * min(1.0, (1 - share) / 0.6)
    muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = 0.012 * factor, 4e-3 * factor
    muon.param_groups[0]["momentum"] = 0.85 + 0.1 * min(1.0, index / 100)
    for optimizer in (muon, adam):
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


if options["compile"]:  # Compiling is not counted: one step on zeros at a learning rate of zero.
    with autocast():
        run(*split(batches[0] * 0)).backward()
    model.zero_grad(set_to_none=True)
limit, steps, index = options.get("seconds"), options.get("steps"), 0
warmup = 10 if limit else min(10, math.ceil(steps / 10))
began = time.perf_counter()
while True:
    share = (time.perf_counter() - began) / limit if limit else index / steps
    if share >= 1:
        break
    step_once(index, share)
    index += 1

held = numpy.fromfile(options["heldOut"], dtype=numpy.uint16)
model.eval()
total, count = 0.0, 0
with torch.no_grad(), autocast():
    for first in range(0, len(held) - 1, LENGTH):
        rows = held[first : first + LENGTH + 1][None]
        ids, labels = split(rows)
        total += model(ids, labels).item() * labels.numel()
        count += labels.numel()
bits = total / count / math.log(2) * options["tokens"] / options["bytes"]
print(json.dumps({"steps": index, "loss": total / count, "bitsPerByte": bits}))
