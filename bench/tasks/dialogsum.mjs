/**
 * DialogSum: fine-tunes a small encoder-decoder to summarize dialogues, from nothing or from a checkpoint, and prints ROUGE beside that of
 * the first three turns and of the best constant string, with the names and numbers that the summaries keep.
 *
 *     node bench/tasks/dialogsum.mjs DIRECTORY [--minutes 10] [--folds 5] [--quick] [--from CHECKPOINT] [--threads 2] [--set train.epochs=5]
 *
 * DIRECTORY holds dev.jsonl.gz and part-of-test.jsonl.gz. There is no training split: both are cut into five folds, of which `--folds` are run,
 * for `--minutes` each. `--quick` reads every eighth dialogue and trains for a minute. Scores come with half the width of their 95 % interval.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { finetuned, meanOf, options } from "./finetuned.mjs";

const { values: given, positionals } = parseArgs({ allowPositionals: true, options });
const [data] = positionals;
if (!data) {
  process.stderr.write("usage: node bench/tasks/dialogsum.mjs DIRECTORY [--minutes 10]\n");
  process.exit(2);
}
const rows = ["dev.jsonl.gz", "part-of-test.jsonl.gz"]
  .flatMap((file) => `${gunzipSync(readFileSync(join(data, file)))}`.split("\n").filter((line) => line !== ""))
  .map((line) => JSON.parse(line))
  .map(({ dialogue, summary, summary1, summary2, summary3 }) => ({
    text: dialogue,
    summary: [summary, summary1, summary2, summary3].filter((one) => typeof one === "string"),
  }));

const recipe = {
  task: { name: "summarization", metric: "loss", labelSmoothing: 0.1, generation: { numBeams: 4, maxTokens: 64 } },
  model: { family: "encoder-decoder", numLayers: 2, hiddenSize: 128, numHeads: 4, maxPositions: 512, dropout: 0.2 },
  data: { maxTokens: 512 },
};
const folds = [];
for (let fold = 0; fold < Number(given.folds); fold++) {
  const training = rows.filter((_, index) => index % 5 !== fold);
  const test = rows.filter((_, index) => index % 5 === fold);
  const texts = training.flatMap(({ text, summary }) => [text, ...summary]);
  const { step, seconds, scores, baselines } = await finetuned({ training, test, texts, recipe, given });
  process.stderr.write(`fold ${fold + 1}: ${step} steps in ${seconds.toFixed(0)} s, ${JSON.stringify(scores)}\n`);
  folds.push({ ours: scores, ...baselines });
}
process.stdout.write(`${JSON.stringify({ data: "dialogsum", folds: folds.length, ...meanOf(folds) })}\n`);
process.exit(0);
