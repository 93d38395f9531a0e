/** Pretrains a model of a comparison and measures it: size, time, energy, perplexity, and the longest sequence that it reads. */
import { join } from "node:path";
import { loadModel } from "@megatron-ts/checkpoint";
import { openDataset, replaceFile } from "@megatron-ts/data";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { countModelParameters, longestSequence, readsSource } from "@megatron-ts/model";
import {
  checkPretrainConfig,
  evaluate,
  formatRecipe,
  openEvaluation,
  type PretrainConfig,
  parseRecipe,
  pretrain,
  pretrainConfigSchema,
  resolveObjective,
} from "@megatron-ts/train";
import packageJson from "../../package.json" with { type: "json" };
import { contextTokenOf } from "../context-token.ts";
import { ResultError } from "../errors.ts";
import type { CellStore, PretrainedCell } from "./cells.ts";
import type { CompareConfig } from "./configuration.ts";
import { hashOf, hashWeights } from "./hashes.ts";
import { type RunWatch, runInTime } from "./run-watch.ts";
import type { ComparedText } from "./text.ts";

/** What a comparison's cells have in common. */
export interface CellContext {
  configuration: CompareConfig;
  text: ComparedText;
  cells: CellStore;
  watch: RunWatch;
  /** Where runs are: the comparison's directory, or another to verify a cell in. */
  runs: string;
}

/** Windows of held-out text that perplexities are measured on: the same number of tokens for each model. */
const EVALUATED_TOKENS = 32_768;
const BATCH = 8;

/** The recipe of a model's pretraining, without the directory of its run. */
function recipeOf(name: string, { configuration, text }: CellContext) {
  const { pretraining, seed, engine } = configuration;
  const { model, train, sentences } = configuration.models[name]!;
  const { tokens, sequenceLength, batchSize } = pretraining;
  const steps = Math.max(1, Math.round(tokens / (sequenceLength * batchSize)));
  const every = Math.ceil(steps / 10);
  return {
    model,
    data: {
      tokenizer: text.tokenizerDirectory,
      train: text.datasets[sentences ? "sentences" : "documents"].prefix,
      sequenceLength,
    },
    train: {
      steps,
      batchSize,
      microBatchSize: batchSize,
      evaluation: { every, batches: 4 },
      checkpoint: { every, keepLast: 1, keepBest: false },
      log: { every: Math.ceil(steps / 50), tensorboard: false },
      schedule: { name: "linear", warmupSteps: Math.floor(steps / 10), minimum: 0 },
      seed,
      ...pretraining.train,
      ...train,
    },
    engine,
  };
}

/** Computes the cell, or returns the saved one. */
export async function pretrainedCell(name: string, context: CellContext): Promise<PretrainedCell> {
  const { configuration, text, cells, watch, runs } = context;
  const { sentences, longest } = configuration.models[name]!;
  const { sidecar } = text.datasets[sentences ? "sentences" : "documents"];
  const recipe = recipeOf(name, context);
  const hashes = { data: sidecar.files.bin.sha256, recipe: hashOf(recipe), seed: configuration.seed };
  const key = hashOf({ ...hashes, tokenizer: text.tokenizer.fingerprint, version: packageJson.version });
  const saved = cells.read<PretrainedCell>(`${name}.pretraining`, key);
  if (saved) return saved;

  const directory = join(runs, name, `pretraining-${key.slice(0, 8)}`);
  const file = `${directory}.yaml`;
  await makeDirectory(join(runs, name));
  replaceFile(file, formatRecipe({ ...recipe, run: { directory } }));
  const parsed = parseRecipe(formatRecipe({ ...recipe, run: { directory } }), {
    schema: pretrainConfigSchema,
    file,
    check: checkPretrainConfig,
  });
  const { seconds, wattHours } = await runInTime(`${name}: pretraining`, watch, (options) =>
    pretrain(parsed, { ...options, tokenizer: text.tokenizer, resume: "auto" }),
  );
  const measured = await measure(directory, { parsed, context, sentences, longest });
  const { steps, batchSize } = parsed.train;
  const cell = {
    key,
    command: `megatron pretrain ${file} --run.directory runs/again`,
    seconds,
    wattHours,
    hashes: { ...hashes, weights: hashWeights(directory) },
    run: directory,
    tokens: steps * batchSize * parsed.data.sequenceLength,
    trainedLength: parsed.data.sequenceLength,
    ...measured,
  };
  await cells.write(`${name}.pretraining`, cell);
  return cell;
}

interface MeasureOptions {
  parsed: PretrainConfig;
  context: CellContext;
  sentences: boolean;
  longest: number | undefined;
}

/** Perplexities of the held-out text, and of one batch at the longest length. */
async function measure(directory: string, { parsed, context, sentences, longest }: MeasureOptions) {
  const { tokenizer, datasets } = context.text;
  const { prefix, sidecar } = datasets[sentences ? "sentences" : "documents"];
  const { model, checkpoint } = loadModel(directory);
  checkpoint.close();
  const dataset = await openDataset(prefix, { verify: false });
  try {
    const { sequenceLength } = parsed.data;
    const open = (length: number, batchSize: number) =>
      openEvaluation(resolveObjective(parsed.train.objective, model.config), {
        dataset,
        documents: dataset.documentsOf("test"),
        tokenizer,
        readsSource: readsSource(model.config),
        sequenceLength: length,
        batchSize,
        contextToken: contextTokenOf(tokenizer, dataset),
      });
    const perplexities: PretrainedCell["perplexities"] = [];
    for (const { metric, objective, batches, predictsWholeText } of open(sequenceLength, BATCH)) {
      const maxBatches = Math.max(1, Math.round(EVALUATED_TOKENS / (BATCH * sequenceLength)));
      const whole = predictsWholeText && maxBatches >= batches.length;
      const bytes = whole ? sidecar.split.test.bytes : undefined;
      const { perplexity, bitsPerByte } = await evaluate({ model, objective }, batches, { maxBatches, bytes });
      if (!Number.isFinite(perplexity)) throw new ResultError(`${directory}: ${metric} is not finite`);
      perplexities.push({ metric, value: perplexity, ...(bitsPerByte !== undefined && { bitsPerByte }) });
    }
    const limit = longestSequence(model.config);
    const triedLength = Math.min(longest ?? 4 * sequenceLength, limit);
    const [tried] = open(triedLength, 1);
    const { loss } = await evaluate({ model, objective: tried!.objective }, tried!.batches, { maxBatches: 1 });
    if (!Number.isFinite(loss)) throw new ResultError(`${directory}: the loss at ${triedLength} tokens is not finite`);
    return { parameters: countModelParameters(model.config), triedLength, perplexities };
  } finally {
    dataset.close();
    model.dispose();
  }
}
