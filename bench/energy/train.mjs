/** Half a minute of training for watch.py, which says when to begin. Prints the kWh, estimated at the given watts. */
import { openSync, readSync } from "node:fs";
import { join } from "node:path";
import { start } from "@megatron-ts/engine";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { pretrain, pretrainConfigSchema } from "@megatron-ts/train";

const { directory, watts, backend, threads } = JSON.parse(process.argv[2]);
await start({ backend, threads });
// Opened again, since Node makes the first one non-blocking.
const input = openSync("/dev/stdin");
const tokenizer = await loadTokenizer(join(directory, "tokenizer"));
const configuration = pretrainConfigSchema.parse({
  model: { family: "gpt", numLayers: 4, hiddenSize: 256, numHeads: 4, maxPositions: 128 },
  data: { tokenizer: join(directory, "tokenizer"), train: join(directory, "training"), sequenceLength: 128 },
  train: {
    optimizer: { name: "adamw", learningRate: 1e-4 },
    steps: 1_000_000,
    timeLimitMinutes: 0.5,
    batchSize: 8,
    microBatchSize: 8,
    evaluation: null,
    log: { tensorboard: false },
  },
  run: { directory: join(directory, "run") },
  energy: { watts },
});
const { energy } = await pretrain(configuration, {
  tokenizer,
  onEvent({ type }) {
    if (type !== "started") return;
    process.stdout.write("ready\n");
    readSync(input, Buffer.alloc(80));
  },
});
process.stdout.write(`${JSON.stringify(energy)}\n`);
readSync(input, Buffer.alloc(80));
