/** Plans a run on random tokens, then takes a step or two of it. Exits before saving the checkpoint, which would take gigabytes. */
import { join } from "node:path";
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { loadMemoryCounter, start } from "@megatron-ts/engine";
import { completeModel, planStep, pretrain, pretrainConfigSchema, standInTokenizer } from "@megatron-ts/train";
import * as tf from "@tensorflow/tfjs";

const options = JSON.parse(process.argv[2]);
const { directory, model, sequenceLength, batchSize, recompute, precision, backend, threads, steps = 1 } = options;
const VOCABULARY = 50_000;
const tokenizer = standInTokenizer(VOCABULARY);
const writer = createIndexedDatasetWriter(join(directory, "corpus"), { type: "u16" });
for (let i = 0; i < 8 * batchSize; i++) {
  writer.addDocument(
    Array.from({ length: sequenceLength }, (_, j) => 200 + (((i * sequenceLength + j) * 7919) % 49_000)),
  );
}
writer.finish();

const configuration = pretrainConfigSchema.parse({
  model,
  data: { tokenizer: "none", train: join(directory, "corpus"), sequenceLength },
  train: {
    optimizer: { name: "adamw", learningRate: 1e-4 },
    steps,
    batchSize,
    microBatchSize: batchSize,
    recompute,
    evaluation: null,
    log: { tensorboard: false },
  },
  engine: { precision },
  run: { directory: join(directory, "run") },
});
const count = await loadMemoryCounter();
const config = completeModel(configuration.model, tokenizer);
const { memory } = planStep(configuration, { model: config, tokenizer, count });
await start({ backend, threads });

await pretrain(configuration, {
  tokenizer,
  onEvent({ type, step, loss }) {
    if (type !== "step" || step < steps) return;
    const resident = process.resourceUsage().maxRSS * 1024;
    const { peakBytes: tensors } = tf.memory();
    process.stdout.write(`${JSON.stringify({ planned: memory.peak, ...memory, tensors, resident, loss })}\n`);
    process.exit(0);
  },
});
