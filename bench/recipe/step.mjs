/**
 * Steps of the starter recipe on random tokens: prints the median seconds of a step and of Muon in it, and the operations per second of its
 * model beside those of the processor at most, which are measured after each step.
 */
import { fastestPrecision, measurePeak, start, startProfile, stopProfile } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import {
  checkPretrainConfig,
  formatRecipe,
  parseRecipe,
  pretrainConfigSchema,
  starterBatch,
  starterRecipe,
} from "@megatron-ts/train";
import {
  accumulate,
  captureLossAndGradients,
  causalObjective,
  clipByGlobalNorm,
  createMuon,
} from "@megatron-ts/train/step";
import { flopsPerToken } from "../training/flops.mjs";

const WARMUP = 3;
const { size, vocabularySize, steps, threads } = JSON.parse(process.argv[2]);
const precision = fastestPrecision(await start({ threads }));
const paths = { tokenizer: "tokenizer", data: "data", run: "run" };
const recipe = starterRecipe({ size, steps: 1000, precision, ...paths });
const config = parseRecipe(formatRecipe(recipe), { schema: pretrainConfigSchema, check: checkPretrainConfig });
const model = createModel({ ...config.model, vocabularySize }, { weights: { seed: 1 } });
const optimizer = createMuon(model.parameters, config.train.optimizer);

const { batchSize, sequenceLength } = starterBatch;
const tokens = batchSize * sequenceLength;
const ids = Int32Array.from({ length: tokens + 1 }, (_, i) => (i * 7919 + ((i * i) % 101)) % vocabularySize);
const batch = { batchSize, sequenceLength, tokens: ids.slice(0, tokens), labels: ids.slice(1) };
const { compute } = captureLossAndGradients();
const [times, ofMuon, peaks] = [[], [], []];
for (let step = 0; step < WARMUP + steps; step++) {
  const began = performance.now();
  const { clipped } = withPrecision(precision, () => {
    const done = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: batchSize, compute });
    return clipByGlobalNorm(done.gradients, { ...model, maxNorm: config.train.clipNorm });
  });
  // Only here: while kernels are profiled, captured steps are not replayed.
  await startProfile();
  withPrecision(precision, () => optimizer.update(clipped, config.train.optimizer.learningRate));
  const kernels = await stopProfile();
  if (step < WARMUP) continue;
  times.push((performance.now() - began) / 1000);
  const muon = kernels.filter(({ name }) => name === "MegatronMuon");
  ofMuon.push(muon.reduce((sum, { duration }) => sum + duration / 1000, 0));
  peaks.push(measurePeak(precision));
}
const middleOf = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const seconds = middleOf(times);
const gigaflops = (tokens * flopsPerToken({ ...size, vocabularySize }, sequenceLength)) / seconds / 1e9;
const peakGigaflops = middleOf(peaks);
process.stdout.write(`${JSON.stringify({ precision, seconds, muon: middleOf(ofMuon), gigaflops, peakGigaflops })}\n`);
process.exit(0);
