"""python peer.py train|encode DIRECTORY: Hugging Face's tokenizers on one thread. Prints what ours.mjs prints."""

import json
import os
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

task, directory = sys.argv[1], Path(sys.argv[2])

if task == "train":
    speeches = json.loads((directory / "speeches.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8192,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    start = time.perf_counter()
    tokenizer.train_from_iterator(speeches, trainer)
    print(json.dumps({"seconds": time.perf_counter() - start}))
    tokenizer.save(str(directory / "peer.json"), pretty=True)
else:
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    lines = (directory / "lines.txt").read_bytes().decode("utf-8").split("\n")
    size = sum(len(line.encode("utf-8")) for line in lines)
    start = time.perf_counter()
    tokens = 0
    for first in range(0, len(lines), 1000):
        tokens += sum(len(encoding.ids) for encoding in tokenizer.encode_batch(lines[first : first + 1000]))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "tokens": tokens, "megabytesPerSecond": size / 1e6 / seconds}))
