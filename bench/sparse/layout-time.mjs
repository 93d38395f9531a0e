/**
 * How long layouts take to build, beside attention by them: 12 heads of 64, forward + backward. Processor time of one thread,
 * the first build of a fresh process included.
 */
import { bigbird, compileLayout, createBlockLayout, local } from "@megatron-ts/attention";
import { start } from "@megatron-ts/engine";
import { attention, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

const { tokens, layout } = JSON.parse(process.argv[2]);
await start({ backend: "native", threads: 1 });
const patterns = {
  window: () => local({ window: 256, causal: true }),
  bigbird: () => bigbird({ blockSize: 64, causal: false, windowBlocks: 3, randomBlocks: 3, globalBlocks: 2 }),
  "bigbird-16": () => bigbird({ blockSize: 16, causal: false, windowBlocks: 3, randomBlocks: 3, globalBlocks: 2 }),
};

/** Milliseconds of processor time. */
function timed(f) {
  const before = process.cpuUsage();
  const result = f();
  const { user, system } = process.cpuUsage(before);
  return { result, time: (user + system) / 1000 };
}

const { result: lists, time: build } = timed(() => compileLayout(patterns[layout](), { length: tokens, numHeads: 12 }));
const shape = [1, tokens, 12, 64];
const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => tf.randomNormal(shape, 0, 1, "float32", seed));
const blockLayout = createBlockLayout(lists);
const { time: attend } = timed(() => {
  const { pullback } = vjp((a, b, c) => attention({ q: a, k: b, v: c }, { layout: blockLayout }), [q, k, v]);
  for (const gradient of pullback([dy]).inputs) gradient.dataSync();
});
process.stdout.write(`${JSON.stringify({ build, attend })}\n`);
process.exit(0);
