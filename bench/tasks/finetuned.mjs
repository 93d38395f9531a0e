/** What the benchmarks of tasks share: a model that is fine-tuned on rows for some minutes, and its scores on others. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bestCheckpoint, loadModel, openModelCheckpoint } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { fastestPrecision, start } from "@megatron-ts/engine";
import { finetune, openTrainedTask, parseFinetuneRecipe, predictAll, scorePredictions } from "@megatron-ts/tasks";
import {
  createTokenizer,
  formatTokenizerJson,
  parseTokenizerJson,
  sharedFrame,
  trainBpe,
} from "@megatron-ts/tokenizer";

/** The options of such a benchmark, for `parseArgs`. */
export const options = {
  minutes: { type: "string", default: "10" },
  folds: { type: "string", default: "1" },
  seed: { type: "string", default: "1" },
  from: { type: "string" },
  threads: { type: "string", default: "2" },
  set: { type: "string", multiple: true, default: [] },
};

/** The tokenizer of `--from`, or one of these texts. */
async function tokenizerFor(texts, { from, vocabularySize }) {
  if (from) {
    const checkpoint = openModelCheckpoint(from);
    const json = Buffer.from(checkpoint.readFile("tokenizer.json")).toString("utf8");
    checkpoint.close();
    return createTokenizer(parseTokenizerJson(json, "tokenizer.json"));
  }
  return createTokenizer(await trainBpe(texts, { vocabularySize, ...sharedFrame }));
}

/**
 * Fine-tunes on `training` and scores on `test`, rows of JSONL, with the baselines of the task and others beside it.
 * `recipe`: sections of a recipe; `model` is that of a run without `--from`. `beside`: predictions for `test` by the name of a baseline,
 * or a function that makes them of the examples as the model reads them.
 */
export async function finetuned({ training, test, texts, recipe, vocabularySize = 4000, beside = {}, given }) {
  const started = await start({ threads: Number(given.threads) });
  const directory = mkdtempSync(join(tmpdir(), "megatron-task-"));
  const write = (name, rows) => {
    writeFileSync(join(directory, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return join(directory, name);
  };
  try {
    const tokenizer = await tokenizerFor(texts, { from: given.from, vocabularySize });
    writeFileSync(join(directory, "tokenizer.json"), formatTokenizerJson(tokenizer.json));
    const run = join(directory, "run");
    const parsed = parseFinetuneRecipe(
      JSON.stringify({
        task: recipe.task,
        model: given.from ? { from: given.from } : recipe.model,
        data: { train: write("train.jsonl", training), tokenizer: join(directory, "tokenizer.json"), ...recipe.data },
        train: { seed: Number(given.seed), timeLimitMinutes: Number(given.minutes), ...recipe.train },
        engine: { precision: fastestPrecision(started), threads: Number(given.threads) },
        run: { directory: run },
      }),
      { overrides: given.set.map((one) => /^([^=]+)=(.*)$/s.exec(one).slice(1)) },
    );
    const began = performance.now();
    const { step } = await finetune(parsed, { tokenizer });
    const seconds = (performance.now() - began) / 1000;
    const { model, checkpoint } = loadModel(bestCheckpoint(run).directory);
    checkpoint.close();
    const task = openTrainedTask({ config: model.config, tokenizer, recipe: parsed });
    const rows = readRows(write("test.jsonl", test));
    const read = (row) => task.read(row, { labelled: true });
    const examples = rows.map(read);
    const others = () => {
      if (typeof beside !== "function") return beside;
      const { vocabularySize } = tokenizer;
      return beside({ training: readRows(parsed.data.train).map(read), examples, vocabularySize });
    };
    const valuesOf = (predictions) =>
      Object.fromEntries(
        Object.entries(scorePredictions(task, examples, predictions)).map(([name, { value }]) => [name, value]),
      );
    const scores = valuesOf(await predictAll({ task, model }, examples));
    model.dispose();
    const baselines = Object.fromEntries(
      Object.entries({ ...task.baselines?.(rows), ...others() }).map(([name, predictions]) => [
        name,
        valuesOf(predictions),
      ]),
    );
    return { step, seconds, scores, baselines };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The mean of each number in objects of the same form. */
export function meanOf(all) {
  const [first] = all;
  if (typeof first === "number") return all.reduce((sum, value) => sum + value, 0) / all.length;
  return Object.fromEntries(Object.keys(first).map((key) => [key, meanOf(all.map((one) => one[key]))]));
}
