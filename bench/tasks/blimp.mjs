/**
 * BLiMP: the share of minimal pairs of which a causal model finds the acceptable sentence more probable, the mean over the sets.
 *
 *     node bench/tasks/blimp.mjs DIRECTORY CHECKPOINT [--limit 1000] [--threads 2]
 *
 * DIRECTORY holds a .jsonl.gz for each set, of which `--limit` pairs are read. A tie is wrong. Published over all 67 sets: a 5-gram 61.2, an LSTM
 * 69.8, GPT-2 83.0.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bestCheckpoint, loadModel } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { openTrainedTask, predictAll, scorePredictions } from "@megatron-ts/tasks";
import { createTokenizer, parseTokenizerJson } from "@megatron-ts/tokenizer";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: "string", default: "1000" }, threads: { type: "string", default: "2" } },
});
const [data, path] = positionals;
if (!path) {
  process.stderr.write("usage: node bench/tasks/blimp.mjs DIRECTORY CHECKPOINT [--limit 1000]\n");
  process.exit(2);
}
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
  process.stderr.write(`${file}: ${value.toFixed(3)}\n`);
}
const all = Object.values(sets);
const accuracy = all.reduce((sum, value) => sum + value, 0) / all.length;
process.stdout.write(`${JSON.stringify({ data: "blimp", sets: all.length, accuracy, each: sets })}\n`);
process.exit(0);
