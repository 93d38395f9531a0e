/**
 * Pretrains a model on the text of a task's own training rows, before it is fine-tuned for the task: with the objective of its
 * family, as a run of its own below the fine-tuning's directory. Rows held out are not read. Krishna et al. 2023, "Downstream
 * Datasets Make Surprisingly Good Pretraining Corpora"; Gururangan et al. 2020.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DatasetSidecar, prepareDataset, type Row, readRows } from "@megatron-ts/data";
import { longestSequence } from "@megatron-ts/model";
import { createTokenizer, sharedFrame, type Tokenizer, tokenizerConfig, trainBpe } from "@megatron-ts/tokenizer";
import { loadTokenizer, saveTokenizer } from "@megatron-ts/tokenizer/files";
import {
  ConfigError,
  checkPretrainConfig,
  completeModel,
  type PretrainConfig,
  pretrain,
  pretrainConfigSchema,
  type RunOptions,
} from "@megatron-ts/train";
import type { FinetuneConfig } from "../configuration.ts";
import { TaskError } from "../errors.ts";
import { getTask } from "../registry.ts";
import { splitData } from "../split-rows.ts";
import type { SelfPretrainConfig } from "./configuration.ts";
import { textsOf } from "./task-texts.ts";

/** Updates below which a run takes more than its usual passes over the text. */
const FEWEST_STEPS = 1000;
const EPOCHS = 10;

/** The rate of a model that is 768 wide, and what it is at most: what learns the text faster is fine-tuned to less afterwards. */
const RATE = 1e-4;
const HIGHEST_RATE = 6e-4;

type Recipe = FinetuneConfig & { selfPretrain: SelfPretrainConfig };

/** What a self-pretraining reads, and for how long. */
export interface SelfPretraining {
  directory: string;
  documents: number;
  tokens: number;
  steps: number;
}

/** Where a fine-tuning's self-pretraining is. */
export const selfPretrainDirectory = ({ run }: Pick<FinetuneConfig, "run">): string =>
  join(run.directory, "self-pretrain");

/** The training texts of a recipe's task. Throws a DataError or TaskError for rows that cannot be read. */
function trainingTexts({ task: { name, columns } }: FinetuneConfig, rows: readonly Row[]): string[] {
  const texts = textsOf(rows, { task: getTask(name), columns });
  if (texts.length === 0) throw new TaskError("selfPretrain: the rows have no text");
  return texts;
}

/**
 * The tokenizer of a fine-tuning that starts from nothing: byte-level BPE of its training text, with special tokens for models
 * of every family. That of an earlier call in the same directory is loaded.
 */
export async function selfPretrainTokenizer(configuration: Recipe): Promise<Tokenizer> {
  const saved = join(selfPretrainDirectory(configuration), "tokenizer");
  if (existsSync(join(saved, "tokenizer.json"))) return loadTokenizer(saved);
  const texts = trainingTexts(configuration, splitData(configuration, readRows(configuration.data.train)).training);
  const { vocabularySize } = configuration.selfPretrain;
  return createTokenizer(await trainBpe(texts, { vocabularySize, ...sharedFrame }));
}

/** The recipe of the run. */
function recipeOf(
  configuration: Recipe,
  { directory, prefix, tokens, tokenizer }: { directory: string; prefix: string; tokens: number; tokenizer: Tokenizer },
): PretrainConfig {
  const { model, data, train, engine, parallel, selfPretrain } = configuration;
  const complete = completeModel(model, tokenizer);
  const { objective, batchSize } = selfPretrain;
  const sequenceLength = Math.min(selfPretrain.sequenceLength ?? data.maxTokens, longestSequence(complete));
  const perEpoch = tokens / (sequenceLength * batchSize);
  const {
    epochs,
    steps = epochs ? Math.ceil(epochs * perEpoch) : Math.ceil(Math.max(EPOCHS * perEpoch, FEWEST_STEPS)),
  } = selfPretrain;
  const usual = Math.min(HIGHEST_RATE, RATE * (768 / complete.hiddenSize));
  const { learningRate = Number(usual.toPrecision(2)) } = selfPretrain;
  const every = Math.max(1, Math.ceil(steps / 10));
  const ownRows = Math.ceil(batchSize / parallel.data);
  const microBatchSize = largestDivisor(ownRows, { most: train.microBatchSize ?? ownRows });
  const recipe = pretrainConfigSchema.parse({
    model,
    data: { tokenizer: join(directory, "tokenizer"), train: prefix, sequenceLength },
    train: {
      objective,
      optimizer: { name: "adamw", learningRate, beta2: 0.98, weightDecay: 0.01 },
      schedule: { name: "linear", warmupSteps: Math.floor(steps / 10), minimum: 0 },
      steps,
      batchSize,
      microBatchSize,
      recompute: train.recompute,
      evaluation: null,
      checkpoint: { every, keepLast: 1, keepBest: false },
      log: train.log,
      seed: train.seed,
    },
    engine,
    parallel,
    run: { directory },
  });
  const problems = checkPretrainConfig(recipe);
  if (problems.length === 0) return recipe;
  throw new ConfigError(problems.map(({ path, ...problem }) => ({ ...problem, path: inSection(path) })));
}

/** Micro-batches divide the rows of a rank. */
function largestDivisor(rows: number, { most }: { most: number }): number {
  let size = Math.min(rows, most);
  while (rows % size !== 0) size--;
  return size;
}

/** The field of the section that a field of the run's own recipe comes from; of others, the field of the fine-tuning's recipe. */
const inSection = (path: string) =>
  path.replace(/^(train|data)\.(batchSize|objective|sequenceLength)$/, "selfPretrain.$2");

/** Seconds that ranks wait for the one that writes the dataset. */
const PREPARING_SECONDS = 3600;

/** The dataset's name in the directory. */
const DATA = "data";

type World = NonNullable<RunOptions["mesh"]>["world"];

/** Writes the texts as a dataset, on the first rank while the others wait, and returns what is in it. */
async function prepareOnce(
  texts: readonly string[],
  { world, ...where }: { directory: string; tokenizer: Tokenizer; world: World | undefined },
): Promise<DatasetSidecar["counts"]> {
  const prepare = async () => (await prepareTexts(texts, where)).sidecar.counts;
  if (!world) return prepare();
  // Another rank may still be looking whether there is a tokenizer.
  world.barrier({ patience: PREPARING_SECONDS });
  const own = world.rank === 0 ? await prepare() : null;
  const [counts] = world.gatherText(JSON.stringify(own), { patience: PREPARING_SECONDS });
  return JSON.parse(counts!);
}

/** Writes the texts as a dataset. */
async function prepareTexts(
  texts: readonly string[],
  { directory, tokenizer }: { directory: string; tokenizer: Tokenizer },
): Promise<{ prefix: string; sidecar: DatasetSidecar }> {
  mkdirSync(directory, { recursive: true });
  const tokenizerPath = join(directory, "tokenizer");
  await saveTokenizer(tokenizer.json, tokenizerPath);
  // A checkpoint's token that ends a text may be known from its configuration alone.
  writeFileSync(join(tokenizerPath, "tokenizer_config.json"), JSON.stringify(tokenizerConfig(tokenizer)));
  const input = join(directory, "texts.jsonl");
  writeFileSync(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  return prepareDataset({
    inputs: [input],
    tokenizerPath,
    output: join(directory, DATA),
    split: [1],
    workers: 0,
    appendEndOfDocument: tokenizer.endOfText !== undefined,
    overwrite: true,
  });
}

/** Pretrains as the recipe's section `selfPretrain` says; with `resume: "auto"` from where it was. Throws as `pretrain` does. */
export async function selfPretrain(
  configuration: Recipe,
  rows: readonly Row[],
  { onStart, ...options }: RunOptions & { onStart?: (run: SelfPretraining) => void },
): Promise<Awaited<ReturnType<typeof pretrain>>> {
  const directory = selfPretrainDirectory(configuration);
  const { tokenizer } = options;
  if ("task" in configuration.model && configuration.model.task) {
    throw new TaskError("selfPretrain: expected a model as it was pretrained; this one has the head of another task");
  }
  const counts = await prepareOnce(trainingTexts(configuration, rows), {
    directory,
    tokenizer,
    world: options.mesh?.world,
  });
  const { documents, tokens } = counts;
  const prefix = join(directory, DATA);
  const recipe = recipeOf(configuration, { directory, prefix, tokens, tokenizer });
  if ((options.mesh?.world.rank ?? 0) === 0) onStart?.({ directory, documents, tokens, steps: recipe.train.steps });
  return pretrain(recipe, { ...options, keepsPairHead: true });
}
