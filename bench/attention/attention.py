"""Peer: PyTorch's scaled_dot_product_attention, causal, forward and backward."""

import json
import sys
import time

import torch

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
shape = (1, 12, options["tokens"], 64)
q, k, v = (torch.randn(shape, requires_grad=True) for _ in range(3))
dy = torch.randn(shape)
forward, backward = [], []
for round in range(options["rounds"] + 1):
    q.grad = k.grad = v.grad = None
    began = time.perf_counter()
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    middle = time.perf_counter()
    y.backward(dy)
    if round > 0:
        forward.append(1000 * (middle - began))
        backward.append(1000 * (time.perf_counter() - middle))
median = lambda values: sorted(values)[len(values) // 2]
print(json.dumps({"forward": median(forward), "backward": median(backward), "total": median(forward) + median(backward)}))
