/**
 * nanoGPT's recipe for a CPU (shakespeare_char, 2,000 steps, loss 1.88) in PyTorch, and what our recipe reaches in a third of
 * its time, on the whole validation split, a row for each seed. Needs the text, which this repository does not hold:
 *
 *     TINY_SHAKESPEARE=/path/to/input.txt PEER_PYTHON=... pnpm bench nanogpt [--rows seed-1,seed-2,seed-3] [--quick]
 *
 * `--quick` only shows that both sides run: a twentieth of the steps, a part of the validation split.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasModules, runScript } from "../peers.mjs";
import { writeCorpus } from "../recipe/corpus.mjs";

const TARGET = 1.88;
const SHARE = 1 / 3;
const STEPS = 2000;

const ours = {
  "model.maxPositions": 128,
  "data.sequenceLength": 128,
  "train.batchSize": 16,
  "train.microBatchSize": 16,
};

/** One seed: their recipe, then ours in a third of the seconds that theirs took. */
const pair =
  (seed) =>
  async ({ peerPython, quick, threads }) => {
    const file = process.env.TINY_SHAKESPEARE;
    const what = `tiny Shakespeare by character, seed ${seed}: loss after a third of the time of nanoGPT's recipe, to ${TARGET}`;
    if (!file || !hasModules(peerPython, "torch")) {
      return { what, peer: "PyTorch: skipped; set TINY_SHAKESPEARE and PEER_PYTHON", unit: "nats" };
    }
    const text = readFileSync(file, "utf8");
    const cut = Math.floor(0.9 * text.length);
    const corpus = mkdtempSync(join(tmpdir(), "megatron-nanogpt-"));
    try {
      // No merges: a token is a character, so that losses are of the same kind.
      const texts = { training: [text.slice(0, cut)], heldOut: [text.slice(cut)] };
      await writeCorpus(corpus, { vocabularySize: 257, texts });
      const steps = quick ? STEPS / 20 : STEPS;
      const theirs = runScript(peerPython, new URL("train.py", import.meta.url), { text: file, seed, threads, steps });
      const seconds = SHARE * theirs.seconds;
      const options = { corpus, seconds, seed, evaluationBatches: quick ? 5 : 500, set: ours };
      const env = { MEGATRON_THREADS: String(threads) };
      const mine = runScript(process.execPath, new URL("../recipe/train.mjs", import.meta.url), options, { env });
      const note = `${Math.round(seconds)} of ${Math.round(theirs.seconds)} s, ${mine.steps} steps`;
      const ratio = mine.loss / TARGET;
      return { what, note, peer: "PyTorch", ours: mine.loss, theirs: theirs.loss, unit: "nats", ratio, atMost: 1 };
    } finally {
      rmSync(corpus, { recursive: true, force: true });
    }
  };

export const rows = Object.fromEntries([1, 2, 3].map((seed) => [`seed-${seed}`, pair(seed)]));
