/** The first 200 steps of the quickstart recipe in one precision. Prints the logged losses. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { loadPretrainRecipe, pretrain } from "@megatron-ts/train";

const { directory, precision, backend, threads } = JSON.parse(process.argv[2]);
await start({ backend, threads });
const run = join(directory, precision);
const configuration = loadPretrainRecipe(fileURLToPath(new URL("../../recipes/quickstart.yaml", import.meta.url)), [
  ["data.tokenizer", join(directory, "tokenizer")],
  ["data.train", join(directory, "training")],
  ["data.validation", `{ prefix: ${join(directory, "held-out")}, split: all }`],
  ["train.evaluation", "null"],
  ["train.schedule", "{ name: constant, warmupSteps: 50 }"],
  ["train.steps", "200"],
  ["train.timeLimitMinutes", "null"],
  ["train.log", "{ every: 10, tensorboard: false }"],
  ["engine.precision", precision],
  ["run.directory", run],
]);
await pretrain(configuration, { tokenizer: await loadTokenizer(configuration.data.tokenizer) });
const log = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
const losses = log.map((line) => JSON.parse(line).loss).filter((loss) => loss !== undefined);
process.stdout.write(`${JSON.stringify({ losses })}\n`);
process.exit(0);
