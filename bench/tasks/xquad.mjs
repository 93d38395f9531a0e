/**
 * XQuAD: fine-tunes a small encoder on questions in English, German, Spanish and Chinese, from nothing or from a checkpoint, and prints F1 on
 * articles that it has not seen in any language, beside the span of the text that has the most words of the question around it.
 *
 *     node bench/tasks/xquad.mjs DIRECTORY [--minutes 10] [--folds 5] [--quick] [--from CHECKPOINT] [--threads 2] [--set train.epochs=5]
 *
 * DIRECTORY holds xquad.{en,de,es,zh}.json.gz. All languages have the same articles, so one is in the same fold in each. `--quick`
 * reads every eighth question and trains for a minute. F1 is a share, with half the width of its 95 % interval.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { finetuned, meanOf, options } from "./finetuned.mjs";

const { values: given, positionals } = parseArgs({ allowPositionals: true, options });
const [data] = positionals;
if (!data) {
  process.stderr.write("usage: node bench/tasks/xquad.mjs DIRECTORY [--minutes 10]\n");
  process.exit(2);
}
const articles = ["en", "de", "es", "zh"].flatMap((language) =>
  JSON.parse(gunzipSync(readFileSync(join(data, `xquad.${language}.json.gz`)))).data.map((article, number) => ({
    number,
    rows: article.paragraphs.flatMap(({ context, qas }) =>
      qas.map(({ question, answers }) => ({
        question,
        context,
        // Characters of the file may be two units here.
        answers: answers.map(({ text, answer_start: at }) => ({
          text,
          start: [...context].slice(0, at).join("").length,
        })),
      })),
    ),
  })),
);

const wordsOf = (text) => text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}]+/gu) ?? [];

/** Three words of the text, where most words of the question are near. */
function overlapSpan({ question, context }) {
  const asked = new Set(wordsOf(question));
  const words = [...context.matchAll(/\p{Script=Han}|[\p{L}\p{N}]+/gu)];
  const found = words.map(([word]) => asked.has(word.toLowerCase()));
  let best = { score: -1, at: 0 };
  for (let at = 0; at + 3 <= words.length; at++) {
    const near = found.slice(Math.max(0, at - 10), at + 13).filter(Boolean).length;
    const own = found.slice(at, at + 3).filter(Boolean).length;
    if (near - 2 * own > best.score) best = { score: near - 2 * own, at };
  }
  const last = words[Math.min(words.length - 1, best.at + 2)];
  return context.slice(words[best.at].index, last.index + last[0].length);
}

const recipe = {
  task: { name: "question-answering" },
  model: { family: "bert", numLayers: 2, hiddenSize: 128, numHeads: 4, maxPositions: 384, dropout: 0.1 },
  data: { maxTokens: 384 },
};
const folds = [];
for (let fold = 0; fold < Number(given.folds); fold++) {
  const inFold = ({ number }) => number % 5 === fold;
  const training = articles.filter((one) => !inFold(one)).flatMap(({ rows }) => rows);
  const test = articles.filter(inFold).flatMap(({ rows }) => rows);
  const texts = training.flatMap(({ question, context }) => [question, context]);
  const beside = ({ test: rows }) => ({
    "question overlap": rows.map((row) => ({ answer: overlapSpan(row), noAnswerProbability: 0 })),
  });
  const { step, seconds, scores, baselines } = await finetuned({
    ...{ training, test, texts, recipe, vocabularySize: 8000, beside, given },
  });
  process.stderr.write(`fold ${fold + 1}: ${step} steps in ${seconds.toFixed(0)} s, ${JSON.stringify(scores)}\n`);
  folds.push({ ours: scores, ...baselines });
}
process.stdout.write(`${JSON.stringify({ data: "xquad", folds: folds.length, ...meanOf(folds) })}\n`);
process.exit(0);
