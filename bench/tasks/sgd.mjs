/**
 * Task dialogues (SGD): trains a small GPT from nothing, or a checkpoint, on the assistant's replies and prints its perplexity of those of
 * the dev split, beside that of a modified Kneser-Ney 5-gram of the same chats and tokens.
 *
 *     node bench/tasks/sgd.mjs DIRECTORY [--minutes 10] [--seed 1] [--quick] [--from CHECKPOINT] [--threads 2] [--set train.epochs=5]
 *
 * DIRECTORY holds train.jsonl.gz and dev.jsonl.gz. `--quick` reads every eighth chat and trains for a minute. Scores come with half the width of
 * their 95 % interval.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { options as common, finetuned } from "./finetuned.mjs";
import { kneserNey } from "./kneser-ney.mjs";

const { folds: _, ...own } = common;
const { values: options, positionals } = parseArgs({ allowPositionals: true, options: own });
const [data] = positionals;
if (!data) {
  process.stderr.write("usage: node bench/tasks/sgd.mjs DIRECTORY [--minutes 10]\n");
  process.exit(2);
}
const rowsOf = (split) =>
  `${gunzipSync(readFileSync(join(data, `${split}.jsonl.gz`)))}`
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ messages: JSON.parse(line).messages }));
const [training, test] = ["train", "dev"].map(rowsOf);

/** What the 5-gram says of the same replies, as predictions. */
function ngrams({ training, examples, vocabularySize }) {
  const chat = ({ source, target }) => [...source, ...target];
  const sequences = training.flatMap(({ pairs }) => pairs.map(chat));
  const probability = kneserNey(sequences, { vocabularySize });
  return examples.map(({ pairs }) => {
    let [logProbability, tokens] = [0, 0];
    for (const pair of pairs) {
      const all = chat(pair);
      for (const [index, token] of pair.target.entries()) {
        if (pair.learned?.[index] === false) continue;
        const at = pair.source.length + index;
        logProbability += Math.log(probability(all.slice(Math.max(0, at - 4), at), token));
        tokens++;
      }
    }
    return { text: "", score: 0, logProbability, tokens };
  });
}

const { step, seconds, scores, baselines } = await finetuned({
  ...{ training, test },
  texts: training.flatMap(({ messages }) => messages.map(({ content }) => content)),
  recipe: {
    task: { name: "dialogue", generation: { maxTokens: 32 } },
    model: { family: "gpt", numLayers: 4, hiddenSize: 192, numHeads: 3, maxPositions: 512, dropout: 0.1 },
    data: { maxTokens: 512 },
    train: { batchSize: 8, microBatchSize: 8, optimizer: { name: "adamw", learningRate: 2e-3 } },
  },
  beside: (found) => ({ "modified Kneser-Ney 5-gram": ngrams(found) }),
  given: options,
});
const perplexity = { ours: scores.perplexity, ngrams: baselines["modified Kneser-Ney 5-gram"].perplexity };
const ratio = perplexity.ours.value / perplexity.ngrams.value;
process.stdout.write(`${JSON.stringify({ step, seconds, perplexity, ratio, hitsAt1: scores.hitsAt1 })}\n`);
process.exit(0);
