/** What the benchmarks of tasks share: a model that is fine-tuned on rows for some minutes, and its scores on others with 95 % intervals. */
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
  quick: { type: "boolean", default: false },
  set: { type: "string", multiple: true, default: [] },
};

/** What `--quick` leaves: every eighth row, and this many minutes. */
const QUICK = { every: 8, minutes: 1 };

const thinned = (rows) => rows.filter((_, index) => index % QUICK.every === 0);

/** How often the test rows are drawn again for an interval. */
const RESAMPLINGS = 100;

/** Half the width of the 95 % interval of each score, over test rows drawn with replacement. */
function intervalsOf(task, examples, predictions) {
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * examples.length);
  };
  const found = new Map();
  for (let round = 0; round < RESAMPLINGS; round++) {
    const places = examples.map(draw);
    const scores = scorePredictions(
      task,
      places.map((place) => examples[place]),
      places.map((place) => predictions[place]),
    );
    for (const [name, { value }] of Object.entries(scores)) found.set(name, [...(found.get(name) ?? []), value]);
  }
  const at = (values, share) => values[Math.round(share * (values.length - 1))];
  return Object.fromEntries(
    [...found].map(([name, values]) => {
      const sorted = values.toSorted((a, b) => a - b);
      return [name, (at(sorted, 0.975) - at(sorted, 0.025)) / 2];
    }),
  );
}

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
 * `recipe`: sections of a recipe; `model` is that of a run without `--from`. `beside`: makes predictions for the test rows, by the name of a
 * baseline, of those rows and the examples as the model reads them.
 */
export async function finetuned({ texts, recipe, vocabularySize = 4000, beside = () => ({}), given, ...all }) {
  const started = await start({ threads: Number(given.threads) });
  const [training, test] = [all.training, all.test].map((rows) => (given.quick ? thinned(rows) : rows));
  const minutes = given.quick ? QUICK.minutes : Number(given.minutes);
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
        train: { seed: Number(given.seed), timeLimitMinutes: minutes, ...recipe.train },
        engine: { precision: fastestPrecision(started), threads: Number(given.threads) },
        run: { directory: run },
      }),
      { overrides: given.set.map((one) => /^([^=]+)=(.*)$/s.exec(one).slice(1)) },
    );
    const began = performance.now();
    const { step } = await finetune(parsed, {
      tokenizer,
      onEvent(event) {
        if (event.type !== "evaluated") return;
        const seconds = ((performance.now() - began) / 1000).toFixed(0);
        process.stderr.write(`step ${event.step}, ${seconds} s: validation loss ${event.result.loss.toFixed(4)}\n`);
      },
    });
    const seconds = (performance.now() - began) / 1000;
    const { model, checkpoint } = loadModel(bestCheckpoint(run).directory);
    checkpoint.close();
    const task = openTrainedTask({ config: model.config, tokenizer, recipe: parsed });
    const rows = readRows(write("test.jsonl", test));
    const read = (row) => task.read(row, { labelled: true });
    const examples = rows.map(read);
    const others = () => {
      const { vocabularySize } = tokenizer;
      return beside({ training: readRows(parsed.data.train).map(read), test, examples, vocabularySize });
    };
    /** Each score and half the width of its interval. */
    function valuesOf(predictions) {
      const intervals = intervalsOf(task, examples, predictions);
      return Object.fromEntries(
        Object.entries(scorePredictions(task, examples, predictions)).map(([name, { value }]) => [
          name,
          { value, interval: intervals[name] },
        ]),
      );
    }
    let said = performance.now();
    const onProgress = (done, total) => {
      if (performance.now() - said < 15_000) return;
      said = performance.now();
      process.stderr.write(`predicted ${done} of ${total}\n`);
    };
    const scores = valuesOf(await predictAll({ task, model }, examples, { onProgress }));
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

/** The mean of each score in objects of the same form; intervals are those of rows that no two of them share. */
export function meanOf(all) {
  const [first] = all;
  if (typeof first.value === "number") {
    const sum = (of) => all.reduce((total, score) => total + of(score), 0);
    return {
      value: sum(({ value }) => value) / all.length,
      interval: Math.sqrt(sum(({ interval }) => interval ** 2)) / all.length,
    };
  }
  return Object.fromEntries(Object.keys(first).map((key) => [key, meanOf(all.map((one) => one[key]))]));
}
