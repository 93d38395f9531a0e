/**
 * nanoGPT's recipe for a CPU (shakespeare_char, 2,000 steps, loss 1.88) in PyTorch, and what our recipe reaches in a third of
 * its time, on the whole validation split. Needs the text, which this repository does not hold:
 *
 *     TINY_SHAKESPEARE=/path/to/input.txt PEER_PYTHON=... pnpm bench nanogpt [--quick]
 *
 * `--quick` only shows that both sides run: a twentieth of the steps, one seed, a part of the validation split.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasModules, median, runScript } from "../peers.mjs";
import { writeCorpus } from "../recipe/corpus.mjs";

const TARGET = 1.88;
const SHARE = 1 / 3;
const STEPS = 2000;

export async function run({ peerPython, quick, threads }) {
  const file = process.env.TINY_SHAKESPEARE;
  if (!file || !hasModules(peerPython, "torch")) {
    return [{ what: "nanoGPT's CPU recipe", peer: "PyTorch; set TINY_SHAKESPEARE and PEER_PYTHON" }];
  }
  const text = readFileSync(file, "utf8");
  const cut = Math.floor(0.9 * text.length);
  const corpus = mkdtempSync(join(tmpdir(), "megatron-nanogpt-"));
  try {
    // No merges: a token is a character, so that losses are of the same kind.
    const texts = { training: [text.slice(0, cut)], heldOut: [text.slice(cut)] };
    await writeCorpus(corpus, { vocabularySize: 257, texts });
    const env = { MEGATRON_THREADS: String(threads) };
    const pairs = [1, 2, 3].slice(0, quick ? 1 : 3).map((seed) => {
      const steps = quick ? STEPS / 20 : STEPS;
      const theirs = runScript(peerPython, new URL("train.py", import.meta.url), { text: file, seed, threads, steps });
      const seconds = SHARE * theirs.seconds;
      const options = { corpus, seconds, seed, evaluationBatches: quick ? 5 : 500, set: ours };
      const mine = runScript(process.execPath, new URL("../recipe/train.mjs", import.meta.url), options, { env });
      process.stderr.write(`${JSON.stringify({ theirs, seconds, mine })}\n`);
      return { theirs, mine };
    });
    const middle = (side) => median(pairs.map((pair) => pair[side].loss));
    return [
      {
        what: "tiny Shakespeare by character: loss after a third of the time of nanoGPT's recipe, to 1.88",
        peer: "PyTorch",
        ours: middle("mine"),
        theirs: middle("theirs"),
        unit: "nats",
        ratio: middle("mine") / TARGET,
        atMost: 1,
      },
    ];
  } finally {
    rmSync(corpus, { recursive: true, force: true });
  }
}

const ours = {
  "model.maxPositions": 128,
  "data.sequenceLength": 128,
  "train.batchSize": 16,
  "train.microBatchSize": 16,
};
