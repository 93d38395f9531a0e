"""Peer: python peer.py TASK DIRECTORY, Hugging Face's tokenizers on one thread. Same tasks and output as ours.mjs."""

import json
import os
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SIZE = {"vocab_size": 8192, "show_progress": False}


def bpe() -> tuple[Tokenizer, object]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, **SIZE)


def wordpiece() -> tuple[Tokenizer, object]:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, trainers.WordPieceTrainer(special_tokens=["[UNK]", "[CLS]", "[SEP]"], **SIZE)


def unigram() -> tuple[Tokenizer, object]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(special_tokens=["<unk>", "</s>"], unk_token="<unk>", **SIZE)


def main(task: str, directory: Path) -> None:
    if task == "encode":
        tokenizer = Tokenizer.from_file(str(directory / "bpe/tokenizer.json"))
        lines = (directory / "lines.txt").read_bytes().decode("utf-8").split("\n")
        size = sum(len(line.encode("utf-8")) for line in lines)
        start = time.perf_counter()
        tokens = 0
        for first in range(0, len(lines), 1000):
            tokens += sum(len(encoding.ids) for encoding in tokenizer.encode_batch(lines[first : first + 1000]))
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "tokens": tokens, "megabytesPerSecond": size / 1e6 / seconds}))
        return
    speeches = json.loads((directory / "speeches.json").read_text(encoding="utf-8"))
    tokenizer, trainer = {"bpe": bpe, "wordpiece": wordpiece, "unigram": unigram}[task]()
    start = time.perf_counter()
    tokenizer.train_from_iterator(speeches, trainer)
    print(json.dumps({"seconds": time.perf_counter() - start}))
    tokenizer.save(str(directory / f"peer-{task}.json"), pretty=True)


main(sys.argv[1], Path(sys.argv[2]))
