/**
 * BLiMP: the share of minimal pairs of which a causal model finds the acceptable sentence more probable, the mean over the sets.
 *
 *     node bench/tasks/blimp.mjs DIRECTORY CHECKPOINT [--limit 1000] [--threads 2]
 *     node bench/tasks/blimp.mjs DIRECTORY --minutes 60 --output DIRECTORY
 *
 * DIRECTORY holds a .jsonl.gz for each set, of which `--limit` pairs are read. With `--minutes`, `megatron start` trains the model first, on the
 * text of `npm start`; what is interrupted resumes with the same `--output`. A tie is wrong. Published over all 67 sets: a 5-gram 61.2, an
 * LSTM 69.8, GPT-2 83.0.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bestCheckpoint, loadModel } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { openTrainedTask, predictAll, scorePredictions } from "@megatron-ts/tasks";
import { createTokenizer, parseTokenizerJson } from "@megatron-ts/tokenizer";
import { writeQuickstartText } from "../../scripts/quickstart-text.mjs";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: "string", default: "1000" },
    threads: { type: "string", default: "2" },
    minutes: { type: "string" },
    output: { type: "string" },
  },
});
const [data, checkpointPath] = positionals;
if (!data || !checkpointPath === !given.minutes) {
  process.stderr.write("usage: node bench/tasks/blimp.mjs DIRECTORY CHECKPOINT|--minutes 60 [--limit 1000]\n");
  process.exit(2);
}

/** Trains a model for these minutes, unless an earlier call has. */
function trained(minutes) {
  const output = given.output ?? mkdtempSync(join(tmpdir(), "megatron-blimp-"));
  mkdirSync(output, { recursive: true });
  const written = join(output, ".text-written");
  if (!existsSync(written)) {
    writeQuickstartText(output);
    writeFileSync(written, "");
  }
  const program = fileURLToPath(new URL("../../apps/cli/bin/megatron.js", import.meta.url));
  const texts = [join(output, "text"), "--held-out", join(output, "held-out.jsonl")];
  const own = ["--output", join(output, "model"), "--minutes", minutes, "--threads", given.threads];
  const { status } = spawnSync(process.execPath, [program, "start", ...texts, ...own], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  return join(output, "model/run");
}
const path = checkpointPath ?? trained(given.minutes);
await start({ threads: Number(given.threads) });
const { model, checkpoint } = loadModel(bestCheckpoint(path)?.directory ?? path);
const json = Buffer.from(checkpoint.readFile("tokenizer.json")).toString("utf8");
checkpoint.close();
const tokenizer = await createTokenizer(parseTokenizerJson(json, "tokenizer.json"));
const task = openTrainedTask({ config: model.config, tokenizer, recipe: null }, { name: "minimal-pairs" });
const sets = {};
for (const file of readdirSync(data).filter((name) => name.endsWith(".jsonl.gz"))) {
  const rows = readRows(join(data, file)).slice(0, Number(given.limit));
  const examples = rows.map((row) => task.read(row, { labelled: true }));
  const predictions = await predictAll({ task, model }, examples, { batchSize: 64 });
  const { value } = scorePredictions(task, examples, predictions).accuracy;
  sets[file.replace(".jsonl.gz", "")] = value;
  process.stderr.write(`${file}: ${value.toFixed(3)} (${rows.length} pairs)\n`);
}
const all = Object.values(sets);
const accuracy = all.reduce((sum, value) => sum + value, 0) / all.length;
process.stdout.write(`${JSON.stringify({ data: "blimp", sets: all.length, accuracy, each: sets })}\n`);
process.exit(0);
