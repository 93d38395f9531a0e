/**
 * Multi30k, English to German: trains a tiny encoder-decoder (4 + 4 layers, 128 / 256) from nothing for some minutes, averages its
 * last ten checkpoints and prints BLEU of test_2016_flickr by beam 5, without further tokenization, which is what published
 * figures of this lower-cased and tokenized text are.
 *
 *     node bench/tasks/multi30k.mjs DIRECTORY [--minutes 40] [--threads 2] [--seed 1] [--vocabulary 4000] [--output DIRECTORY] [--set train.clipNorm=0.5]
 *
 * DIRECTORY holds {train,val,test_2016_flickr}.lc.norm.tok.{en,de}.gz, as multi30k/dataset has them. Ctrl+C saves a checkpoint; the same
 * command with the same `--output` resumes.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { loadModel } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { fastestPrecision, start } from "@megatron-ts/engine";
import { finetune, openTrainedTask, parseFinetuneRecipe, predictAll, scorePredictions } from "@megatron-ts/tasks";
import { createTokenizer, formatTokenizerJson, parseTokenizerJson, trainBpe } from "@megatron-ts/tokenizer";
import { listenForStop } from "@megatron-ts/train";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "40" },
    threads: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    vocabulary: { type: "string", default: "4000" },
    output: { type: "string" },
    recipe: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const [data] = positionals;
const minutes = Number(options.minutes);
const output = options.output ?? mkdtempSync(join(tmpdir(), "megatron-multi30k-"));
mkdirSync(output, { recursive: true });
const file = (split, language) => join(data, `${split}.lc.norm.tok.${language}.gz`);
const pair = (split) => ({ source: file(split, "en"), target: file(split, "de") });
const say = (text) => process.stderr.write(`${text}\n`);

const started = await start({ threads: Number(options.threads) });
const tokenizerPath = join(output, "tokenizer.json");
if (!existsSync(tokenizerPath)) {
  const lines = ["en", "de"].flatMap((language) => `${gunzipSync(readFileSync(file("train", language)))}`.split("\n"));
  const vocabularySize = Number(options.vocabulary);
  const trained = await createTokenizer(await trainBpe(lines, { vocabularySize, specialTokens: ["<pad>", "</s>"] }));
  writeFileSync(tokenizerPath, formatTokenizerJson(trained.json));
}
const tokenizer = await createTokenizer(parseTokenizerJson(readFileSync(tokenizerPath, "utf8"), tokenizerPath));

const recipePath = options.recipe ?? new URL("multi30k.yaml", import.meta.url);
const own = {
  "data.train": JSON.stringify(pair("train")),
  "data.validation": JSON.stringify(pair("val")),
  "data.tokenizer": output,
  "run.directory": join(output, "run"),
  "train.timeLimitMinutes": String(minutes),
  "train.seed": options.seed,
  "engine.precision": fastestPrecision(started),
  "engine.threads": options.threads,
};
const overrides = [...Object.entries(own), ...options.set.map((one) => /^([^=]+)=(.*)$/s.exec(one).slice(1))];
const recipe = parseFinetuneRecipe(readFileSync(recipePath, "utf8"), { file: "multi30k.yaml", overrides });
let steps = 0;
const stop = listenForStop({ onRequest: () => say("saving a checkpoint") });
const { reason } = await finetune(recipe, {
  tokenizer,
  resume: "auto",
  stop,
  onEvent(event) {
    if (event.type === "report") {
      const { step, loss, tokensPerSecond, learningRate } = event.report;
      say(
        `step ${step}: loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s, rate ${learningRate?.toExponential(1)}`,
      );
    }
    if (event.type === "evaluated") say(`step ${event.step}: validation loss ${event.result.loss.toFixed(4)}`);
    if (event.type === "finished") steps = event.step;
  },
});

stop.dispose();
if (reason === "stopped") {
  say(`resume with --output ${output}`);
  process.exit(130);
}

/** BLEU of the test split, of what a checkpoint writes. */
async function score(checkpointPath) {
  const { model, checkpoint } = loadModel(checkpointPath);
  checkpoint.close();
  const task = openTrainedTask({ config: model.config, tokenizer, recipe });
  const examples = readRows(pair("test_2016_flickr")).map((row) => task.read(row, { labelled: true }));
  const began = performance.now();
  const onProgress = (done, total) => done % 320 === 0 && say(`translated ${done} of ${total}`);
  const predictions = await predictAll({ task, model }, examples, { onProgress });
  const { bleu, chrf } = scorePredictions(task, examples, predictions, { intervals: true });
  model.dispose();
  writeFileSync(join(output, "test.de"), predictions.map(({ text }) => `${text}\n`).join(""));
  return {
    bleu: bleu.value,
    interval: bleu.interval,
    chrf: chrf.value,
    signature: bleu.signature,
    seconds: (performance.now() - began) / 1000,
  };
}

const average = await score(join(output, "run/average"));
process.stdout.write(`${JSON.stringify({ minutes, steps, ...average, output })}\n`);
process.exit(0);
