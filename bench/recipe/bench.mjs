/**
 * A step of the recipe that `megatron start` trains with: what Muon takes of it, and the share of the processor's peak that its model
 * reaches. What the recipe learns is measured by quickstart.mjs and sweep.mjs, which take longer.
 *
 *     node bench/run.mjs recipe [--rows 2x128,4x128,4x192,4x256] [--quick]
 */
import { runScript } from "../peers.mjs";

const sizes = [
  { numLayers: 2, hiddenSize: 128, numHeads: 2 },
  { numLayers: 4, hiddenSize: 128, numHeads: 2 },
  { numLayers: 4, hiddenSize: 192, numHeads: 3 },
  { numLayers: 4, hiddenSize: 256, numHeads: 4 },
];

const stepOf =
  (size) =>
  ({ quick = false, threads = 2 }) => {
    const options = { size, vocabularySize: 4096, threads, steps: quick ? 3 : 20 };
    const { precision, seconds, muon, gigaflops, peakGigaflops } = runScript(
      process.execPath,
      new URL("step.mjs", import.meta.url),
      options,
    );
    const name = `quickstart's step, ${size.numLayers} layers of ${size.hiddenSize}, ${precision}`;
    const milliseconds = { ours: 1000 * muon, theirs: 1000 * seconds, unit: "ms", ratio: muon / seconds };
    return [
      { what: `${name}: Muon`, peer: "the whole step", ...milliseconds, atMost: 0.15 },
      {
        what: `${name}: the products of its model`,
        peer: "the processor's peak",
        ours: gigaflops,
        theirs: peakGigaflops ?? undefined,
        unit: "GFLOP/s",
        ratio: peakGigaflops === null ? undefined : gigaflops / peakGigaflops,
      },
    ];
  };

export const rows = Object.fromEntries(sizes.map((size) => [`${size.numLayers}x${size.hiddenSize}`, stepOf(size)]));
