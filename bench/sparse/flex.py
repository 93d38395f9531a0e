"""Peer: PyTorch's flex_attention with a causal window of 256, compiled for the CPU, forward alone (it has no backward)."""

import json
import sys
import time

import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
tokens = options["tokens"]
q, k, v = (torch.randn(1, 12, tokens, 64) for _ in range(3))
mask = create_block_mask(lambda b, h, i, j: (j <= i) & (i - j < 256), None, None, tokens, tokens, device="cpu")
attend = torch.compile(flex_attention)
times = []
with torch.no_grad():
    for round in range(options["rounds"] + 2):
        began = time.perf_counter()
        attend(q, k, v, block_mask=mask)
        if round > 1:
            times.append(1000 * (time.perf_counter() - began))
print(json.dumps({"total": sorted(times)[len(times) // 2]}))
