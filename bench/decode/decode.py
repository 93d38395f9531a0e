"""Peer: greedy decoding with transformers' generate and its key/value cache."""

import json
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

options = json.loads(sys.argv[1])
torch.manual_seed(1)
torch.set_num_threads(options["threads"])
model = GPT2LMHeadModel(GPT2Config()).eval()
prompt = torch.tensor([[i * 31 for i in range(16)]])
count = options["tokens"]
with torch.no_grad():
    model.generate(prompt, max_new_tokens=8, min_new_tokens=8, do_sample=False, pad_token_id=0)
    began = time.perf_counter()
    model.generate(prompt, max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0)
    seconds = time.perf_counter() - began
    buffer = torch.ones(256 * 2**20 // 4)
    reads = []
    for _ in range(7):
        start = time.perf_counter()
        buffer.sum().item()
        reads.append(time.perf_counter() - start)
print(json.dumps({"tokensPerSecond": count / seconds, "readBytesPerSecond": buffer.numel() * 4 / sorted(reads)[3]}))
