/**
 * Whether induction is learnt under a layout: a GPT of two layers is trained on rows of random tokens that are repeated, and
 * prints the loss of the repetition, which only a token's earlier neighbours predict, beside that of chance.
 *
 *     node bench/sparse/induction.mjs ['{"layout": "local", "window": 24}'] [steps, default 300]
 */
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { accumulate, causalObjective, clipByGlobalNorm, createAdamW } from "@megatron-ts/train/step";

const attention = JSON.parse(process.argv[2] ?? '{"layout": "local", "window": 24}');
const steps = Number(process.argv[3] ?? 300);
const [vocabularySize, period, batchSize] = [64, 16, 32];
const sequenceLength = 2 * period - 1;
await start({ backend: "native" });
const model = createModel(
  {
    ...{ family: "gpt", numLayers: 2, hiddenSize: 64, numHeads: 2, vocabularySize, maxPositions: sequenceLength },
    ...{ positions: "rotary", dropout: 0, attentionDropout: 0, attention },
  },
  { weights: { seed: 1 } },
);
const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 });

/** A token drawn for a step and a place (a mixed integer, Murmur3's finalizer). */
function draw(step, place) {
  let word = Math.imul(step + 1, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return ((word ^ (word >>> 16)) >>> 0) % vocabularySize;
}

/** Rows whose second half repeats the first; only that is predicted. */
function batchAt(step) {
  const at = (row, place) => draw(step, row * period + (place % period));
  const of = (value) =>
    Int32Array.from({ length: batchSize * sequenceLength }, (_, i) =>
      value(Math.floor(i / sequenceLength), i % sequenceLength),
    );
  const labels = of((row, place) => (place < period ? -100 : at(row, place + 1)));
  return { batchSize, sequenceLength, tokens: of(at), labels };
}

let loss = 0;
for (let step = 0; step < steps; step++) {
  const done = accumulate({ model, objective: causalObjective }, batchAt(step), { microBatchSize: batchSize });
  optimizer.update(clipByGlobalNorm(done.gradients, { ...model, maxNorm: 1 }).clipped, 2e-3);
  loss = done.loss;
  if ((step + 1) % (steps / 10) === 0) console.log(`step ${step + 1}: loss ${loss.toFixed(3)}`);
}
console.log(`chance: ${Math.log(vocabularySize).toFixed(3)}; learnt: ${loss < 0.1 * Math.log(vocabularySize)}`);
process.exit(loss < 0.1 * Math.log(vocabularySize) ? 0 : 1);
