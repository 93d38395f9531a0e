/** Ten thousand training steps of a tiny GPT on the native backend leave no tensor, no byte and no page behind. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { backends, start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { accumulate, causalObjective, clipByGlobalNorm, createAdamW } from "./index.ts";

const STEPS = 10_000;
/** Until then caches fill, and the compiler's code and the collector's heap reach their sizes. */
const WARM_UP = 3000;
/** 400 bytes a step; a tensor that is lost has as many. */
const MOST_HEAP = 3 * 2 ** 20;
/** The system's view of it, in which the collector's young generation comes and goes. */
const MOST_RESIDENT = 64 * 2 ** 20;

const missing = await backends.native.unavailableReason();

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function usage() {
  collect();
  const { numTensors, numBytes, numDataBuffers } = tf.memory();
  const { engine } = tf.backend() as unknown as { engine: { memory(): object } };
  const { heapUsed, rss } = process.memoryUsage();
  return { tensors: { numTensors, numBytes, numDataBuffers, ...engine.memory() }, heapUsed, rss };
}

// Retried, because the system counts pages of the collector that it frees when it likes: a leak fails every time.
it.skipIf(missing !== null)("keeps memory flat over 10,000 training steps", { retry: 2 }, async () => {
  await start({ backend: "native", threads: 1 });
  const model = createModel(
    { family: "gpt", numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 17, maxPositions: 4, dropout: 0.1 },
    { weights: { seed: 1 } },
  );
  const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });
  const tokens = Int32Array.from({ length: 9 }, (_, i) => (i * 7) % 17);
  const batch = { batchSize: 2, sequenceLength: 4, tokens: tokens.slice(0, 8), labels: tokens.slice(1) };

  const losses: number[] = [];
  let warm: ReturnType<typeof usage> | undefined;
  for (let step = 0; step < STEPS; step++) {
    if (step === WARM_UP) warm = usage();
    const { gradients, loss } = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: 2 });
    optimizer.update(clipByGlobalNorm(gradients, { ...model, maxNorm: 1 }).clipped, 1e-3);
    losses.push(loss);
  }
  const end = usage();

  expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
  expect(end.tensors).toEqual(warm!.tensors);
  expect(end.heapUsed - warm!.heapUsed).toBeLessThan(MOST_HEAP);
  expect(end.rss - warm!.rss).toBeLessThan(MOST_RESIDENT);
});
