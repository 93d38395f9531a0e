/**
 * SST-2, AG News and TweetEval's sentiment: fine-tunes a small encoder, from nothing or from a checkpoint, and prints its test score
 * beside that of bigram naive Bayes on the same rows.
 *
 *     node bench/tasks/classify.mjs sst2|ag_news|tweeteval-sentiment DIRECTORY [--minutes 10] [--seeds 1] [--folds 1]
 *         [--from CHECKPOINT] [--threads 2] [--set train.epochs=5]
 *
 * DIRECTORY holds the data set's files, gzipped as published. The minutes are those of all runs together. AG News is split into five
 * folds, of which `--folds` are run; the other two have a test split of their own. A tenth of the training rows chooses the checkpoint.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { loadModel, openModelCheckpoint } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { fastestPrecision, start } from "@megatron-ts/engine";
import { finetune, openTrainedTask, parseFinetuneRecipe, predictAll, scorePredictions } from "@megatron-ts/tasks";
import { createTokenizer, formatTokenizerJson, parseTokenizerJson, trainBpe } from "@megatron-ts/tokenizer";
import { naiveBayes } from "./naive-bayes.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "10" },
    seeds: { type: "string", default: "1" },
    folds: { type: "string", default: "1" },
    from: { type: "string" },
    threads: { type: "string", default: "2" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const [name, data] = positionals;
const say = (text) => process.stderr.write(`${text}\n`);
const linesOf = (file) => `${gunzipSync(readFileSync(join(data, file)))}`.split("\n").filter((line) => line !== "");

/** Rows of a split: { text, label }. */
const tabbed = (file) =>
  linesOf(file).map((line) => ({ text: line.split("\t")[0], label: line.split("\t")[1].trim() }));
function paired(split) {
  const names = ["negative", "neutral", "positive"];
  const labels = linesOf(`${split}_labels.txt.gz`);
  return linesOf(`${split}_text.txt.gz`).map((text, index) => ({ text, label: names[Number(labels[index])] }));
}
function agNews() {
  const rows = linesOf("part-of-test.csv.gz").map((line) => /^"(\d)","(.*?)","(.*)"$/.exec(line));
  return rows.map(([, label, title, text]) => ({ text: `${title} ${text}`, label }));
}

/** Where the rows are, the task, and its score. */
const sets = {
  sst2: { task: "classification", score: "accuracy", splits: () => [[tabbed("train.tsv.gz"), tabbed("dev.tsv.gz")]] },
  "tweeteval-sentiment": {
    task: "sentiment",
    score: "recall",
    splits: () => [[paired("part-of-test"), paired("val")]],
  },
  ag_news: {
    task: "classification",
    score: "accuracy",
    splits() {
      const rows = agNews();
      const fold = (index) => rows.filter((_, place) => place % 5 === index);
      const without = (index) => rows.filter((_, place) => place % 5 !== index);
      return Array.from({ length: Number(options.folds) }, (_, index) => [without(index), fold(index)]);
    },
  },
};
const set = sets[name];
if (!set || !data) {
  say(`usage: node bench/tasks/classify.mjs ${Object.keys(sets).join("|")} DIRECTORY [--minutes 10]`);
  process.exit(2);
}

const started = await start({ threads: Number(options.threads) });
const output = mkdtempSync(join(tmpdir(), "megatron-classify-"));
const splits = set.splits();
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const minutes = Number(options.minutes) / (splits.length * seeds.length);

/** The checkpoint's tokenizer, or one of the training text. */
async function tokenizerFor(rows) {
  if (options.from) {
    const checkpoint = openModelCheckpoint(options.from);
    const json = Buffer.from(checkpoint.readFile("tokenizer.json")).toString("utf8");
    checkpoint.close();
    return createTokenizer(parseTokenizerJson(json, "tokenizer.json"));
  }
  const specialTokens = ["[PAD]", "[CLS]", "[SEP]", "[MASK]"];
  const template = { single: "[CLS] $A [SEP]", pair: "[CLS] $A [SEP] $B:1 [SEP]:1" };
  const texts = rows.map(({ text }) => text);
  return createTokenizer(await trainBpe(texts, { vocabularySize: 4000, specialTokens, template }));
}

async function run([training, test], seed, index) {
  const own = join(output, `${index}-${seed}`);
  const write = (split, rows) => {
    const file = `${own}-${split}.jsonl`;
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return file;
  };
  const tokenizer = await tokenizerFor(training);
  writeFileSync(`${own}-tokenizer.json`, formatTokenizerJson(tokenizer.json));
  const small = "{ family: bert, numLayers: 2, hiddenSize: 128, numHeads: 4, maxPositions: 128, dropout: 0.2 }";
  const recipe = parseFinetuneRecipe(
    `
task: { name: ${set.task} }
model: ${options.from ? JSON.stringify({ from: options.from }) : small}
data: { train: ${write("train", training)}, tokenizer: ${own}-tokenizer.json, maxTokens: 128 }
train: { seed: ${seed}, timeLimitMinutes: ${minutes} }
engine: { precision: ${fastestPrecision(started)}, threads: ${options.threads} }
run: { directory: ${own} }
`,
    { overrides: options.set.map((one) => /^([^=]+)=(.*)$/s.exec(one).slice(1)) },
  );
  const began = performance.now();
  const { step, best } = await finetune(recipe, { tokenizer });
  const seconds = (performance.now() - began) / 1000;
  const { model, checkpoint } = loadModel(join(own, `step-${String(best.step).padStart(8, "0")}`));
  checkpoint.close();
  const task = openTrainedTask({ config: model.config, tokenizer, recipe });
  const examples = readRows(write("test", test)).map((row) => task.read(row, { labelled: true }));
  const scores = scorePredictions(task, examples, await predictAll({ task, model }, examples));
  model.dispose();
  say(
    `split ${index + 1}, seed ${seed}: ${step} steps in ${seconds.toFixed(0)} s, ${set.score} ${scores[set.score].value.toFixed(4)}`,
  );
  return scores[set.score].value;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / Math.max(1, values.length - 1));

const baseline = splits.map(([training, test]) => naiveBayes(training, test)[set.score]);
say(`naive Bayes of words and bigrams: ${set.score} ${mean(baseline).toFixed(4)}`);
const ours = [];
for (const [index, split] of splits.entries()) for (const seed of seeds) ours.push(await run(split, seed, index));
rmSync(output, { recursive: true, force: true });
const found = {
  data: name,
  score: set.score,
  naiveBayes: mean(baseline),
  ours: mean(ours),
  deviation: deviation(ours),
  runs: ours,
};
process.stdout.write(`${JSON.stringify({ ...found, from: options.from ?? null, minutes: Number(options.minutes) })}\n`);
process.exit(0);
