/**
 * Training steps on random tokens of all weights, or of low-rank adapters beside a base in bf16. Prints the seconds of processor time of
 * the median step, the peak memory and the numbers of weights.
 */
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { store, withPrecision } from "@megatron-ts/ops";
import { accumulate, causalObjective, clipByGlobalNorm, createAdamW } from "@megatron-ts/train/step";

const { model: config, adapter, batchSize, sequenceLength, steps, warmup, threads } = JSON.parse(process.argv[2]);

await start({ backend: "native", threads });
const sizes = { family: "gpt", dropout: 0, attentionDropout: 0, ...config };
const model = createModel(sizes, { weights: { seed: 1 }, adapter });
const trained = new Map([...model.parameters].filter(([, { frozen }]) => !frozen));
for (const { tensor, frozen } of model.parameters.values()) if (frozen && tensor.rank === 2) store(tensor, "bf16");
const optimizer = createAdamW(trained, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });
const size = batchSize * sequenceLength;
const tokens = Int32Array.from({ length: size + 1 }, (_, i) => (i * 7919 + ((i * i) % 101)) % config.vocabularySize);
const batch = { batchSize, sequenceLength, tokens: tokens.slice(0, size), labels: tokens.slice(1) };

const seconds = [];
let loss = 0;
for (let step = 0; step < warmup + steps; step++) {
  const began = process.cpuUsage();
  loss = withPrecision("bf16", () => {
    const done = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: batchSize });
    optimizer.update(clipByGlobalNorm(done.gradients, { ...model, maxNorm: 1 }).clipped, 1e-4);
    return done.loss;
  });
  const { user, system } = process.cpuUsage(began);
  if (step >= warmup) seconds.push((user + system) / 1e6);
}
const count = (parameters) => [...parameters.values()].reduce((sum, { tensor }) => sum + tensor.size, 0);
const processorSeconds = seconds.toSorted((a, b) => a - b)[seconds.length >> 1];
const peakBytes = process.resourceUsage().maxRSS * 1024;
const result = { processorSeconds, peakBytes, trained: count(trained), parameters: count(model.parameters), loss };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
