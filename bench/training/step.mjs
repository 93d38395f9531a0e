/**
 * Our side: training steps of a GPT on random tokens. Prints tokens per second (median step) and peak memory; with `peak`, the operations
 * per second of the steps and of the processor at most, measured after each, so that what slows one slows the other.
 */
import { measurePeak, start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import {
  accumulate,
  captureLossAndGradients,
  causalObjective,
  clipByGlobalNorm,
  createAdamW,
} from "@megatron-ts/train/step";
import { flopsPerToken } from "./flops.mjs";

const {
  model: config,
  batchSize,
  sequenceLength,
  precision,
  steps,
  warmup,
  backend,
  threads,
  recompute,
  peak = false,
} = JSON.parse(process.argv[2]);

await start({ backend, threads });
const model = createModel({ family: "gpt", dropout: 0, attentionDropout: 0, ...config }, { weights: { seed: 1 } });
const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });
const size = batchSize * sequenceLength;
const tokens = Int32Array.from({ length: size + 1 }, (_, i) => (i * 7919 + ((i * i) % 101)) % config.vocabularySize);
const batch = { batchSize, sequenceLength, tokens: tokens.slice(0, size), labels: tokens.slice(1) };

// As training runs: from the second step on, forward and backward are replayed.
const { compute } = captureLossAndGradients();
const seconds = [];
const peaks = [];
const losses = [];
for (let step = 0; step < warmup + steps; step++) {
  const began = performance.now();
  const loss = withPrecision(precision, () => {
    const options = { microBatchSize: batchSize, recompute, compute };
    const done = accumulate({ model, objective: causalObjective }, batch, options);
    optimizer.update(clipByGlobalNorm(done.gradients, { ...model, maxNorm: 1 }).clipped, 1e-4);
    return done.loss;
  });
  losses.push(loss);
  if (step < warmup) continue;
  seconds.push((performance.now() - began) / 1000);
  if (peak) peaks.push(measurePeak(precision));
}
const middleOf = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const middle = middleOf(seconds);
const peakBytes = process.resourceUsage().maxRSS * 1024;
const result = { tokensPerSecond: size / middle, peakBytes, losses };
if (peak) {
  result.gigaflops = (size * flopsPerToken(config, sequenceLength)) / middle / 1e9;
  result.peakGigaflops = middleOf(peaks);
}
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
