/**
 * Trains a tiny model of one family for some seconds and evaluates it on held-out text under its own objective. Also computes
 * the cross-entropy of the unigram distribution of the labels that the objective predicts in the training text.
 */
import { join } from "node:path";
import { loadModel } from "@megatron-ts/checkpoint";
import { openDataset } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { evaluate, openEvaluation, pretrain, pretrainConfigSchema, resolveObjective } from "@megatron-ts/train";

const { directory, name, model, objective, sequenceLength, batchSize, learningRate, seconds, backend, threads } =
  JSON.parse(process.argv[2]);
await start({ backend, threads });
const tokenizer = await loadTokenizer(join(directory, "tokenizer"));
const run = join(directory, name.replaceAll(/\W+/g, "-"));
const configuration = pretrainConfigSchema.parse({
  model,
  data: { tokenizer: join(directory, "tokenizer"), train: join(directory, "training"), sequenceLength },
  train: {
    objective,
    optimizer: { name: "adamw", learningRate, beta2: 0.98 },
    // More steps than fit in the time limit: the schedule follows the clock.
    schedule: { name: "cosine", warmupSteps: 3_000, minimum: 0 },
    steps: 100_000,
    timeLimitMinutes: seconds / 60,
    batchSize,
    microBatchSize: batchSize,
    evaluation: null,
    checkpoint: { every: 100_000 },
    log: { tensorboard: false },
  },
  run: { directory: run },
});
const { step } = await pretrain(configuration, { tokenizer });

const { model: trained, checkpoint } = loadModel(run);
const resolved = resolveObjective(configuration.train.objective, trained.config);
const openMeasures = async (prefix) => {
  const dataset = await openDataset(join(directory, prefix));
  const documents = dataset.documentsOf("all");
  const options = { dataset, documents, tokenizer, family: trained.config.family, sequenceLength, batchSize: 16 };
  return openEvaluation(resolved, options);
};
const [heldOut, training] = [await openMeasures("held-out"), await openMeasures("training")];
const results = [];
for (const [index, { metric: measure, objective: loss, batches }] of heldOut.entries()) {
  const maxBatches = Math.min(batches.length, 40);
  const measured = await evaluate({ model: trained, objective: loss }, batches, { maxBatches });
  const unigram = unigramLoss(training[index].batches, { held: batches, maxBatches });
  results.push({ measure, loss: measured.loss, unigram });
}
checkpoint.close();
process.stdout.write(`${JSON.stringify({ step, results })}\n`);
process.exit(0);

/** Mean cross-entropy of held-out labels under the label frequencies of the training text, with add-one smoothing. */
function unigramLoss(batches, { held, maxBatches }) {
  const counts = new Float64Array(tokenizer.vocabularySize).fill(1);
  let total = counts.length;
  for (let index = 0; index < Math.min(batches.length, 400); index++) {
    for (const label of batches.at(index).labels) {
      if (label < 0) continue;
      counts[label]++;
      total++;
    }
  }
  let [sum, predicted] = [0, 0];
  for (let index = 0; index < maxBatches; index++) {
    for (const label of held.at(index).labels) {
      if (label < 0) continue;
      sum -= Math.log(counts[label] / total);
      predicted++;
    }
  }
  return sum / predicted;
}
