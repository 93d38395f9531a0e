/** A stranger's program: trains a small GPT for a few steps on the native backend, with `model`, `train` and `engine`. */
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { accumulate, causalObjective, clipByGlobalNorm, createAdamW } from "@megatron-ts/train/step";

const { backend } = await start({ backend: "native" });
const model = createModel(
  { family: "gpt", numLayers: 2, hiddenSize: 32, numHeads: 2, vocabularySize: 64, maxPositions: 32 },
  { weights: { seed: 1 } },
);
const adamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const optimizer = createAdamW(model.parameters, adamW);
const [batchSize, sequenceLength] = [4, 32];
const tokens = Int32Array.from({ length: batchSize * sequenceLength }, (_, i) => (i * 7) % 64);
const labels = tokens.map((token) => (token + 7) % 64);
const losses = [];
for (let step = 0; step < 20; step++) {
  const batch = { batchSize, sequenceLength, tokens, labels };
  const { loss, gradients } = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: 2 });
  optimizer.update(clipByGlobalNorm(gradients, { ...model, maxNorm: 1 }).clipped, 0.01);
  losses.push(loss);
}
console.log(JSON.stringify({ backend, first: losses[0], last: losses.at(-1) }));
