// Tokenizer training and encoding beside Hugging Face's tokenizers for Python, one thread each, on the same text. Every
// figure is the median of five runs, ours and theirs in turn, each in a fresh process.
//
//     PEER_PYTHON=/path/to/python node bench/tokenizer/bench.mjs [--quick]

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { writeCorpus } from "./corpus.mjs";

const PEER = "tokenizers (Python), one thread";
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

function measure(command, script, task, directory) {
  const { status, stdout, stderr } = spawnSync(command, [path(script), task, directory], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${script} ${task} failed: ${stderr}`);
  return JSON.parse(stdout);
}

const hasPeer = (python) => python && spawnSync(python, ["-c", "import tokenizers"]).status === 0;

const median = (values) => values.toSorted((left, right) => left - right)[values.length >> 1];

/** Rows { what, peer, ours, theirs, unit, ratio, atLeast }: ratio is how many times better ours is. */
export async function run({ peerPython, quick = false } = {}) {
  const corpus = writeCorpus({ quick });
  const peer = hasPeer(peerPython);
  const rows = [];
  try {
    for (const [task, what, unit, field, atLeast] of [
      ["bpe", "train BPE, 8,192 tokens of the speeches", "s", "seconds", 0.5],
      ["encode", "encode the speeches by it, 1,000 lines a time", "MB/s", "megabytesPerSecond", 1],
      ["wordpiece", "train WordPiece, 8,192 tokens of the speeches", "s", "seconds", 1],
      ["unigram", "train Unigram, 8,192 tokens of the speeches", "s", "seconds", 1],
    ]) {
      const ours = [];
      const theirs = [];
      for (let round = 0; round < (quick ? 1 : 5); round++) {
        ours.push(measure(process.execPath, "ours.mjs", task, corpus.directory));
        if (peer) theirs.push(measure(peerPython, "peer.py", task, corpus.directory));
      }
      if (peer && ours[0].tokens !== theirs[0].tokens) throw new Error("the two sides do not give the same tokens");
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
      if (our !== their) throw new Error("the two sides did not learn the same BPE");
    }
  } finally {
    corpus.remove();
  }
  return rows;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const rows = await run({ peerPython: process.env.PEER_PYTHON, quick: process.argv.includes("--quick") });
  for (const { what, peer, ours, theirs, unit, ratio, atLeast } of rows) {
    const beside =
      theirs === undefined
        ? peer
        : `${theirs.toFixed(2)} ${unit} by ${peer}: ${ratio.toFixed(1)}x (at least ${atLeast}x)`;
    process.stdout.write(`${what}: ${ours.toFixed(2)} ${unit}; ${beside}\n`);
  }
  if (rows.some(({ ratio, atLeast }) => ratio !== undefined && ratio < atLeast)) process.exitCode = 1;
}
