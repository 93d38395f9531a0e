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
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { options as common, finetuned } from "./finetuned.mjs";
import { naiveBayes } from "./naive-bayes.mjs";

const { seed: _, quick: __, ...shared } = common;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { ...shared, seeds: { type: "string", default: "1" } },
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

const splits = set.splits();
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const minutes = Number(options.minutes) / (splits.length * seeds.length);

async function run([training, test], seed, index) {
  const { step, seconds, scores } = await finetuned({
    ...{ training, test, texts: training.map(({ text }) => text) },
    recipe: {
      task: { name: set.task },
      model: { family: "bert", numLayers: 2, hiddenSize: 128, numHeads: 4, maxPositions: 128, dropout: 0.2 },
      data: { maxTokens: 128 },
    },
    given: { ...options, seed, minutes },
  });
  const score = scores[set.score].value;
  say(`split ${index + 1}, seed ${seed}: ${step} steps in ${seconds.toFixed(0)} s, ${set.score} ${score.toFixed(4)}`);
  return score;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / Math.max(1, values.length - 1));

const baseline = splits.map(([training, test]) => naiveBayes(training, test)[set.score]);
say(`naive Bayes of words and bigrams: ${set.score} ${mean(baseline).toFixed(4)}`);
const ours = [];
for (const [index, split] of splits.entries()) for (const seed of seeds) ours.push(await run(split, seed, index));
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
