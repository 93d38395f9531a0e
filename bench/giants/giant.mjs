/** Two training steps with one sequence. Exits before saving the checkpoint, which would take gigabytes. */
import { join } from "node:path";
import { start } from "@megatron-ts/engine";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { pretrain, pretrainConfigSchema } from "@megatron-ts/train";

const { directory, model, objective, sequenceLength, backend, threads } = JSON.parse(process.argv[2]);
await start({ backend, threads });
const tokenizer = await loadTokenizer(join(directory, "tokenizer"));
const steps = 2;
const configuration = pretrainConfigSchema.parse({
  model,
  data: { tokenizer: join(directory, "tokenizer"), train: join(directory, "training"), sequenceLength },
  train: {
    objective,
    optimizer: { name: "adamw", learningRate: 1e-4 },
    schedule: { name: "linear", warmupSteps: 100, endStep: 1000 },
    steps,
    batchSize: 1,
    microBatchSize: 1,
    recompute: "full",
    evaluation: null,
    log: { tensorboard: false },
  },
  run: { directory: join(directory, model.preset) },
});

let parameters = 0;
let began = 0;
await pretrain(configuration, { tokenizer, onEvent });

function onEvent(event) {
  if (event.type === "started") parameters = event.parameters;
  if (event.type !== "step") return;
  if (event.step < steps) {
    began = performance.now();
    return;
  }
  const seconds = (performance.now() - began) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ parameters, seconds, peakBytes, loss: event.loss })}\n`);
  process.exit(0);
}
