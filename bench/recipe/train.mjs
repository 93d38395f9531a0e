/**
 * Trains the starter recipe, with some fields set otherwise, for some seconds or steps, and prints the held-out loss and the processor time:
 *
 *     node bench/recipe/train.mjs '{"corpus": DIRECTORY, "seconds": 60, "set": {"model.positions": "rotary"}}'
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastestPrecision, start } from "@megatron-ts/engine";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import {
  checkPretrainConfig,
  formatRecipe,
  parseRecipe,
  pretrain,
  pretrainConfigSchema,
  starterRecipe,
} from "@megatron-ts/train";
import { NO_END } from "./variants.mjs";

const { corpus, size, steps = NO_END, seconds, set = {}, seed, evaluationBatches = 30 } = JSON.parse(process.argv[2]);
const started = await start();
const directory = mkdtempSync(join(tmpdir(), "megatron-recipe-"));
try {
  const recipe = starterRecipe({
    size: size ?? { numLayers: 4, hiddenSize: 128, numHeads: 2 },
    steps,
    ...(seconds && { minutes: seconds / 60 }),
    tokenizer: join(corpus, "tokenizer"),
    data: join(corpus, "training"),
    validation: { prefix: join(corpus, "held-out"), split: "all" },
    run: join(directory, "run"),
    precision: fastestPrecision(started),
    seed,
  });
  recipe.train.evaluation = { every: NO_END * 10, batches: evaluationBatches };
  for (const [path, value] of Object.entries(set)) {
    const names = path.split(".");
    const last = names.pop();
    let at = recipe;
    for (const name of names) at = at[name] ??= {};
    if (value === null) delete at[last];
    else at[last] = value;
  }
  const configuration = parseRecipe(formatRecipe(recipe), { schema: pretrainConfigSchema, check: checkPretrainConfig });
  const tokenizer = await loadTokenizer(join(corpus, "tokenizer"));
  let loss = Number.NaN;
  let lastStep = 0;
  const before = process.cpuUsage();
  await pretrain(configuration, {
    tokenizer,
    onEvent(event) {
      if (event.type === "evaluated") loss = event.result.loss;
      if (event.type === "finished") lastStep = event.step;
    },
  });
  const { user, system } = process.cpuUsage(before);
  const processorSeconds = (user + system) / 1e6;
  const { numLayers, hiddenSize } = configuration.model;
  const tokens = lastStep * configuration.train.batchSize * configuration.data.sequenceLength;
  const parameters = 12 * numLayers * hiddenSize ** 2;
  const result = { numLayers, hiddenSize, steps: lastStep, parameters, tokens, loss, processorSeconds };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
