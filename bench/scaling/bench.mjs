/**
 * Fits the scaling law that `megatron start` sizes its model by: trains small models of the starter recipe for several
 * numbers of steps, a decayed run each, and prints the law for packages/cost/src/small-models.ts. Loss depends on steps
 * alone, so a busy machine gives the same law.
 *
 *     node bench/run.mjs scaling [--quick]
 */

import { statSync } from "node:fs";
import { join } from "node:path";
import { effectiveTokens } from "@megatron-ts/cost";
import { writeCorpus } from "../families/corpus.mjs";
import { runScript } from "../peers.mjs";
import { fitLaw } from "./fit.mjs";

const sizes = [
  { numLayers: 2, hiddenSize: 64, numHeads: 1 },
  { numLayers: 2, hiddenSize: 128, numHeads: 2 },
  { numLayers: 4, hiddenSize: 128, numHeads: 2 },
  { numLayers: 4, hiddenSize: 192, numHeads: 3 },
  { numLayers: 4, hiddenSize: 256, numHeads: 4 },
  { numLayers: 6, hiddenSize: 320, numHeads: 5 },
];
/** Up to what five minutes on two cores train: 0.2 to 5.6 epochs of the text. */
const grid = [
  ...sizes.map((size) => ({ size, steps: 300 })),
  ...sizes.slice(0, 5).map((size) => ({ size, steps: 1000 })),
  ...sizes.slice(1, 4).map((size) => ({ size, steps: 3000 })),
  { size: sizes[1], steps: 7700 },
  { size: sizes[2], steps: 4750 },
];

export async function run({ quick }) {
  const corpus = await writeCorpus({ vocabularySize: 4096 });
  try {
    const points = [];
    for (const options of quick ? grid.slice(0, 1) : grid) {
      const point = runScript(process.execPath, new URL("../recipe/train.mjs", import.meta.url), {
        corpus: corpus.directory,
        ...options,
      });
      process.stderr.write(`${JSON.stringify(point)}\n`);
      points.push(point);
    }
    if (quick)
      return points.map(({ numLayers, hiddenSize, loss, steps }) => ({
        what: `${numLayers} x ${hiddenSize}, ${steps} steps`,
        ours: loss,
        unit: "nats",
      }));
    const uniqueTokens = statSync(join(corpus.directory, "training.bin")).size / Uint16Array.BYTES_PER_ELEMENT;
    const { law, worst } = fitLaw(
      points.map((point) => ({ ...point, tokens: effectiveTokens(point.tokens, uniqueTokens) })),
    );
    process.stderr.write(`${JSON.stringify(law)}\n`);
    return [{ what: "worst error of the fitted law", ours: worst, unit: "nats", atMost: 0.1 }];
  } finally {
    corpus.remove();
  }
}
