/**
 * What a window costs in quality: the starter's recipe at 1,024 tokens with a window of 256 in every layer, against dense
 * attention, after the same steps on the quickstart's text. Prints the perplexities of the held-out text and their ratio.
 *
 *     node bench/sparse/quality.mjs [--steps 300] [--seeds 3] [--layers 4] [--width 128]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runScript } from "../peers.mjs";
import { writeCorpus } from "../recipe/corpus.mjs";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "300" },
    seeds: { type: "string", default: "3" },
    layers: { type: "string", default: "4" },
    width: { type: "string", default: "128" },
  },
});
const [steps, seeds, numLayers, hiddenSize] = ["steps", "seeds", "layers", "width"].map((name) => Number(values[name]));
const corpus = mkdtempSync(join(tmpdir(), "megatron-quality-"));
try {
  await writeCorpus(corpus, { vocabularySize: 4096 });
  const sides = { dense: null, "window 256": { layout: "local", window: 256 } };
  const losses = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let seed = 0; seed < seeds; seed++) {
    for (const [side, attention] of Object.entries(sides)) {
      const set = {
        "data.sequenceLength": 1024,
        "model.maxPositions": 1024,
        "model.attention": attention,
        "train.batchSize": 2,
        "train.microBatchSize": 2,
      };
      const size = { numLayers, hiddenSize, numHeads: hiddenSize / 32 };
      const script = new URL("../recipe/train.mjs", import.meta.url);
      const options = { corpus, size, steps, seed, set, evaluationBatches: 30 };
      losses[side].push(runScript(process.execPath, script, options).loss);
    }
  }
  const perplexity = (side) => Math.exp(losses[side].reduce((sum, loss) => sum + loss, 0) / seeds);
  for (const side of Object.keys(sides)) console.log(`${side.padEnd(12)} ${perplexity(side).toFixed(2)}`);
  console.log(`ratio        ${(perplexity("window 256") / perplexity("dense")).toFixed(4)} (at most 1.02)`);
} finally {
  rmSync(corpus, { recursive: true, force: true });
}
