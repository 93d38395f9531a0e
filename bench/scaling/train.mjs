/**
 * Trains one size of the starter recipe for one number of steps and prints its loss on held-out text:
 *
 *     node bench/scaling/train.mjs '{"corpus": DIRECTORY, "steps": 300, "size": {"numLayers": 4, "hiddenSize": 192, "numHeads": 6}}'
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "@megatron-ts/engine";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import {
  checkPretrainConfig,
  formatRecipe,
  parseRecipe,
  pretrain,
  pretrainConfigSchema,
  starterRecipe,
} from "@megatron-ts/train";

const { corpus, size, steps } = JSON.parse(process.argv[2]);
const { instructionSets } = await start();
const directory = mkdtempSync(join(tmpdir(), "megatron-scaling-"));
try {
  const recipe = starterRecipe({
    size,
    steps,
    tokenizer: join(corpus, "tokenizer"),
    data: join(corpus, "training"),
    validation: { prefix: join(corpus, "held-out"), split: "all" },
    run: join(directory, "run"),
    precision: instructionSets.some((name) => name.includes("bf16")) ? "bf16" : "f32",
  });
  recipe.train.evaluation = { every: 1_000_000, batches: 30 };
  const schema = { schema: pretrainConfigSchema, check: checkPretrainConfig };
  const configuration = parseRecipe(formatRecipe(recipe), schema);
  const tokenizer = await loadTokenizer(join(corpus, "tokenizer"));
  let loss = Number.NaN;
  await pretrain(configuration, {
    tokenizer,
    onEvent(event) {
      if (event.type === "evaluated") loss = event.result.loss;
    },
  });
  const { numLayers, hiddenSize } = size;
  const parameters = 12 * numLayers * hiddenSize ** 2;
  const tokens = steps * configuration.train.batchSize * configuration.data.sequenceLength;
  process.stdout.write(`${JSON.stringify({ ...size, steps, parameters, tokens, loss })}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
