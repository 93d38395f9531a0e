/**
 * Fits the scaling law that `megatron start` sizes its model by: trains small models of the starter recipe for several
 * numbers of steps, a decayed run each, and prints the law for packages/cost/src/small-models.ts. Loss depends on steps
 * alone, so a busy machine gives the same law.
 *
 *     node bench/run.mjs scaling [--quick]
 */

import { writeCorpus } from "../families/corpus.mjs";
import { runScript } from "../peers.mjs";
import { fitLaw } from "./fit.mjs";

const grid = [
  { size: { numLayers: 2, hiddenSize: 64, numHeads: 2 }, steps: [100, 300, 900] },
  { size: { numLayers: 2, hiddenSize: 128, numHeads: 4 }, steps: [100, 300, 900] },
  { size: { numLayers: 4, hiddenSize: 192, numHeads: 6 }, steps: [100, 300, 900] },
  { size: { numLayers: 4, hiddenSize: 256, numHeads: 4 }, steps: [100, 300] },
  { size: { numLayers: 6, hiddenSize: 320, numHeads: 5 }, steps: [100, 300] },
];

export async function run({ quick }) {
  const corpus = await writeCorpus({ vocabularySize: 4096 });
  try {
    const points = [];
    for (const { size, steps } of grid) {
      for (const count of quick ? steps.slice(0, 1) : steps) {
        const options = { corpus: corpus.directory, size, steps: count };
        const point = runScript(process.execPath, new URL("train.mjs", import.meta.url), options);
        process.stderr.write(`${JSON.stringify(point)}\n`);
        points.push(point);
      }
    }
    if (quick)
      return points.map(({ numLayers, hiddenSize, loss, steps }) => ({
        what: `${numLayers} x ${hiddenSize}, ${steps} steps`,
        ours: loss,
        unit: "nats",
      }));
    const { law, worst } = fitLaw(points);
    process.stderr.write(`${JSON.stringify(law)}\n`);
    return [{ what: "worst error of the fitted law", ours: worst, unit: "nats", atMost: 0.1 }];
  } finally {
    corpus.remove();
  }
}
