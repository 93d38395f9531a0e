/**
 * Our side: attention of 12 heads of 64 by a layout, alternating with our own dense attention if wanted. Prints median
 * times in milliseconds and the peak of resident memory.
 */
import { bigbird, causalRanges, compileLayout, local } from "@megatron-ts/attention";
import { start } from "@megatron-ts/engine";
import { attention, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

const { tokens, layout, rounds, threads, dense, forwardOnly } = JSON.parse(process.argv[2]);
await start({ backend: "native", threads });

/** The options of `attention` for a named layout. */
const layouts = {
  window: () => ({ layout: tensors(local({ window: 256, causal: true })) }),
  ranges: () => ({ keyRanges: causalRanges({ batchSize: 1, tokens, window: 256 }) }),
  bigbird: () => ({
    layout: tensors(bigbird({ blockSize: 64, causal: false, windowBlocks: 3, randomBlocks: 3, globalBlocks: 2 })),
  }),
  causal: () => ({ keyRanges: causalRanges({ batchSize: 1, tokens }) }),
  full: () => ({}),
};

function tensors(pattern) {
  const lists = compileLayout(pattern, { length: tokens, numHeads: 12 });
  return {
    ...lists,
    offsets: tf.tensor1d(lists.offsets, "int32"),
    blocks: tf.tensor2d(lists.blocks, [lists.blocks.length / 2, 2], "int32"),
    masks: tf.tensor3d(lists.masks, [lists.masks.length / 128, 64, 2], "int32"),
  };
}

const before = process.memoryUsage().rss;
const shape = [1, tokens, 12, 64];
const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => tf.randomNormal(shape, 0, 1, "float32", seed));

function once(options) {
  const began = performance.now();
  if (forwardOnly) {
    const out = tf.tidy(() => attention({ q, k, v }, options));
    const time = performance.now() - began;
    out.dispose();
    return time;
  }
  const { outputs, pullback } = vjp((a, b, c) => attention({ q: a, k: b, v: c }, options), [q, k, v]);
  const { inputs } = pullback([dy]);
  const time = performance.now() - began;
  tf.dispose([...outputs, ...inputs]);
  return time;
}

const sides = Object.entries({ sparse: layout, dense }).filter(([, name]) => name);
const options = Object.fromEntries(sides.map(([side, name]) => [side, layouts[name]()]));
const times = Object.fromEntries(sides.map(([side]) => [side, []]));
for (let round = 0; round < rounds + 1; round++) {
  for (const [side] of sides) {
    const time = once(options[side]);
    if (round > 0) times[side].push(time);
  }
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const medians = Object.fromEntries(sides.map(([side]) => [side, median(times[side])]));
const bytes = process.resourceUsage().maxRSS * 1024 - before;
process.stdout.write(`${JSON.stringify({ ...medians, bytes })}\n`);
process.exit(0);
