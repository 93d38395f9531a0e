/**
 * Tokenizer training and encoding against Hugging Face's tokenizers for Python, one thread each, on the same text. Reports
 * medians of five alternating runs, each in a fresh process.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs tokenizer [--quick]
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasModules, median } from "../peers.mjs";
import { writeCorpus } from "./corpus.mjs";

const PEER = "tokenizers (Python), one thread";
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

function measure(command, script, task, directory) {
  const { status, stdout, stderr } = spawnSync(command, [path(script), task, directory], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${script} ${task} failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** Returns rows { what, peer, ours, theirs, unit, ratio, atLeast }; a ratio above 1 is in our favour. */
export async function run({ peerPython, quick = false } = {}) {
  const corpus = writeCorpus({ quick });
  const peer = hasModules(peerPython, "tokenizers");
  const rows = [];
  try {
    for (const [task, what, unit, field, atLeast] of [
      ["bpe", "train BPE on the speeches, 8,192 tokens", "s", "seconds", 0.5],
      ["encode", "encode the speeches with it, batches of 1,000 lines", "MB/s", "megabytesPerSecond", 1],
      ["wordpiece", "train WordPiece on the speeches, 8,192 tokens", "s", "seconds", 1],
      ["unigram", "train Unigram on the speeches, 8,192 tokens", "s", "seconds", 1],
    ]) {
      const ours = [];
      const theirs = [];
      for (let round = 0; round < (quick ? 1 : 5); round++) {
        ours.push(measure(process.execPath, "ours.mjs", task, corpus.directory));
        if (peer) theirs.push(measure(peerPython, "peer.py", task, corpus.directory));
      }
      if (peer && ours[0].tokens !== theirs[0].tokens) throw new Error("the two sides produced different tokens");
      const our = median(ours.map((result) => result[field]));
      const their = peer ? median(theirs.map((result) => result[field])) : undefined;
      const ratio = their === undefined ? undefined : unit === "s" ? their / our : our / their;
      rows.push({
        what,
        peer: peer ? PEER : `${PEER}: skipped, not found`,
        ours: our,
        theirs: their,
        unit,
        ratio,
        atLeast,
      });
    }
    if (peer) {
      const [our, their] = ["bpe/tokenizer.json", "peer-bpe.json"].map((name) =>
        readFileSync(join(corpus.directory, name), "utf8"),
      );
      if (our !== their) throw new Error("the two sides learned different merges");
    }
  } finally {
    corpus.remove();
  }
  return rows;
}
