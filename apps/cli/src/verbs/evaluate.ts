/**
 * `megatron evaluate`: measures a model's perplexity on a split of a prepared dataset, under its training objectives; or,
 * with `--task`, its scores on labelled rows.
 */
import type { TextCounts } from "@megatron-ts/data";
import type { PerplexityResult } from "@megatron-ts/metrics";
import type { EvaluationOptions, ValidationMetric } from "@megatron-ts/train";
import { type Command, Option } from "commander";
import { ResultError, UsageError } from "../errors.ts";
import { evaluateTask } from "../evaluate-task.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import {
  type AdapterOptions,
  addAdapterOption,
  addTaskOptions,
  TASKS,
  type TaskOptions,
} from "../options/task-options.ts";
import { startEngine } from "../start-engine.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadTrainedModel, type TrainedModel } from "../trained-model.ts";

interface Options extends EngineOptions, TaskOptions, AdapterOptions {
  data: string;
  split: "train" | "validation" | "test" | "all";
  objective?: string;
  pseudo?: boolean;
  sequenceLength?: number;
  stride?: number;
  batchSize: number;
  maxBatches?: number;
  samples?: string;
  json?: boolean;
}

export function addEvaluate(program: Command, terminal: Terminal): void {
  const command = program
    .command("evaluate")
    .usage("<run> --data <prefix> [options]")
    .description("measure a model's perplexity on a dataset, using its training objectives; or its scores for a task")
    .argument("<run>", "run directory or checkpoint")
    .requiredOption("--data <prefix>", "dataset prefix, as given to `prepare --output`; with --task, rows", nonEmpty)
    .addOption(new Option("--task <name>", "score labelled rows (.jsonl, .csv, .tsv) for this task").choices(TASKS))
    .option(
      "--samples <file>",
      "with --task: file for rows and answers, as lm-evaluation-harness has it (JSONL)",
      nonEmpty,
    )
    .addOption(
      new Option("--split <name>", "documents to evaluate on")
        .choices(["train", "validation", "test", "all"])
        .default("test"),
    )
    .option("--objective <name>", "objective (default: the model's training objectives)")
    .option("--pseudo", "pseudo-perplexity of a masked language model: mask one token at a time (slow)")
    .option("--sequence-length <n>", "tokens per window (default: as in training)", integer(1))
    .option(
      "--stride <n>",
      "new tokens per window; a smaller stride gives each token more context (causal models only; default: no overlap)",
      integer(1),
    )
    .option("--batch-size <n>", "windows per batch", integer(1, 1_000_000), 8)
    .option("--max-batches <n>", "maximum number of batches", integer(1))
    .action((path: string, options: Options) => run(path, options, terminal));
  addExamples(addJsonOption(addEngineOptions(addAdapterOption(addTaskOptions(command)))), [
    "megatron evaluate runs/a --data data/corpus --split test",
    "megatron evaluate runs/a --data data/corpus --split test --stride 64 --json",
    "megatron evaluate runs/bert --data data/corpus --pseudo --max-batches 100",
    "megatron evaluate runs/topics --task classification --data test.csv --samples samples.jsonl",
  ]);
}

/** A perplexity and the name of its kind. */
type Measurement = PerplexityResult & { metric: ValidationMetric["metric"]; pairAccuracy?: number };

async function run(path: string, options: Options, terminal: Terminal): Promise<void> {
  if (options.task !== undefined) return evaluateTask(path, options, terminal);
  const { openDataset } = await import("@megatron-ts/data");
  const { contextTokenOf } = await import("../context-token.ts");
  const { readsSource } = await import("@megatron-ts/model");
  const { checkTokenizer } = await import("@megatron-ts/train");
  await startEngine(options, terminal);
  const trained = await loadTrainedModel(path, options);
  const { directory, step, model, tokenizer } = trained;
  try {
    const dataset = await openDataset(options.data);
    try {
      checkTokenizer(dataset, { prefix: options.data, tokenizer });
      const { split } = options;
      const { sidecar } = dataset;
      const metrics = await openMetrics(trained, options, {
        dataset,
        documents: dataset.documentsOf(split),
        tokenizer,
        readsSource: readsSource(model.config),
        sequenceLength: options.sequenceLength ?? trained.sequenceLength,
        batchSize: options.batchSize,
        stride: options.stride,
        contextToken: contextTokenOf(tokenizer, dataset),
      });
      const counts = split === "all" ? sidecar?.counts : sidecar?.split[split];
      const measurements: Measurement[] = [];
      for (const metric of metrics) {
        measurements.push(await measure(trained, metric, { counts, maxBatches: options.maxBatches, terminal }));
      }
      if (options.json) {
        const found = { checkpoint: directory, step, data: dataset.prefix, split, ...measurements[0] };
        return terminal.json({ ...found, metrics: measurements });
      }
      for (const result of measurements) {
        terminal.print(`${directory} on ${dataset.prefix}, ${split}: ${pluralize(result.tokens, "token")}`);
        printMeasurement(result, terminal);
      }
    } finally {
      dataset.close();
    }
  } finally {
    model.dispose();
  }
}

/** Throws a UsageError for an objective or option that does not fit the model. */
async function openMetrics(
  { model, objective: trained }: TrainedModel,
  { objective: name, pseudo, stride, sequenceLength }: Options,
  evaluation: EvaluationOptions,
): Promise<ValidationMetric[]> {
  const { objectiveConfigSchema, objectivesFor, openEvaluation, openPseudoEvaluation, partsOf } = await import(
    "@megatron-ts/train"
  );
  const { familyOf, longestSequence } = await import("@megatron-ts/model");
  const { family } = model.config;
  const { predicts } = familyOf(model.config);
  const longest = longestSequence(model.config);
  if (sequenceLength !== undefined && sequenceLength > longest) {
    throw new UsageError(`--sequence-length: expected at most ${longest} (the model's limit), got ${sequenceLength}`);
  }
  const possible = objectivesFor(model.config);
  if (name && !possible.some((known) => known === name)) {
    throw new UsageError(`--objective: expected ${possible.join(" or ")} for a model of family ${family}; got ${name}`);
  }
  if (stride !== undefined && !predicts.includes("causal")) {
    throw new UsageError("--stride is for causal models only");
  }
  if (pseudo) {
    if (!predicts.includes("masked")) throw new UsageError("--pseudo is for masked language models only");
    return [openPseudoEvaluation(evaluation)];
  }
  const own = partsOf(trained).find((known) => known.name === name);
  return openEvaluation(name ? (own ?? objectiveConfigSchema.parse({ name })) : trained, evaluation);
}

async function measure(
  { directory, model }: TrainedModel,
  { metric, objective, batches, predictsWholeText, pairAccuracy }: ValidationMetric,
  { counts, maxBatches, terminal }: { counts?: TextCounts; maxBatches?: number; terminal: Terminal },
): Promise<Measurement> {
  const { evaluate, formatDuration } = await import("@megatron-ts/train");
  const progress = terminal.progress(`evaluating ${metric}`);
  const start = performance.now();
  const result = await evaluate({ model, objective }, batches, {
    maxBatches,
    bytes: predictsWholeText ? counts?.bytes : undefined,
    words: predictsWholeText ? counts?.words : undefined,
    onProgress: (done, total) => {
      const left = ((performance.now() - start) / 1000) * (total / done - 1);
      progress.update(done / total, `${formatDuration(left)} left`);
    },
  });
  const accuracy = pairAccuracy ? { pairAccuracy: await pairAccuracy(model, { maxBatches }) } : {};
  progress.stop();
  const { loss, perplexity, wordPerplexity = 1, bitsPerByte = 0 } = result;
  if (![loss, perplexity, wordPerplexity, bitsPerByte, accuracy.pairAccuracy ?? 0].every(Number.isFinite)) {
    const reason = "its weights are damaged or training diverged";
    throw new ResultError(`${directory}: ${metric} is not finite (loss ${loss}): ${reason}`);
  }
  return { metric, ...result, ...accuracy };
}

function printMeasurement(result: Measurement, terminal: Terminal): void {
  const width = Math.max(result.metric.length, "bits per byte".length);
  const line = (name: string, value: number | undefined, unit: string) => {
    if (value === undefined) return;
    terminal.print(`  ${name.padEnd(width)} ${value.toFixed(4).padStart(12)} ${unit}`.trimEnd());
  };
  line("loss", result.loss, "nats per predicted token");
  line(result.metric, result.perplexity, "per token");
  line(result.metric, result.wordPerplexity, "per word");
  line("bits per byte", result.bitsPerByte, "");
  line("pair accuracy", result.pairAccuracy, "of segment pairs classified correctly");
}
