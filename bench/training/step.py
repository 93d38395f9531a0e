"""Peer: the same steps with PyTorch and transformers (sdpa, fused AdamW, gradient clipping at 1.0)."""

import json
import resource
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

options = json.loads(sys.argv[1])
config, batch_size, length = options["model"], options["batchSize"], options["sequenceLength"]
torch.manual_seed(1)
torch.set_num_threads(options["threads"])
model = GPT2LMHeadModel(
    GPT2Config(
        vocab_size=config["vocabularySize"],
        n_positions=config["maxPositions"],
        n_embd=config["hiddenSize"],
        n_layer=config["numLayers"],
        n_head=config["numHeads"],
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        attn_implementation="sdpa",
    )
)
model.train()
if options.get("recompute") == "full":
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
size = batch_size * length
tokens = torch.tensor([(i * 7919 + (i * i) % 101) % config["vocabularySize"] for i in range(size + 1)])
ids, labels = tokens[:-1].view(batch_size, length), tokens[1:].view(batch_size, length)

seconds, losses = [], []
for step in range(options["warmup"] + options["steps"]):
    began = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options["precision"] == "bf16"):
        logits = model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.view(size, -1), labels.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    losses.append(loss.item())
    if step >= options["warmup"]:
        seconds.append(time.perf_counter() - began)

middle = sorted(seconds)[len(seconds) // 2]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"tokensPerSecond": size / middle, "peakBytes": peak, "losses": losses}))
