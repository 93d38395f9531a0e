/** `megatron evaluate`: how well a trained model predicts a split of a prepared dataset. */
import { type Command, Option } from "commander";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../common-options.ts";
import { wholeNumber } from "../option-values.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal.ts";
import { loadTrainedModel } from "../trained-model.ts";

interface Options extends EngineOptions {
  data: string;
  split: "train" | "validation" | "test" | "all";
  sequenceLength?: number;
  stride?: number;
  batchSize: number;
  maxBatches?: number;
  json?: boolean;
}

export function addEvaluate(program: Command, terminal: Terminal): void {
  const command = program
    .command("evaluate")
    .description("perplexity and bits per byte of a trained model on a prepared dataset")
    .argument("<run>", "a run directory, or a checkpoint in it")
    .requiredOption("--data <prefix>", "the prefix that `prepare` was given as --output")
    .addOption(
      new Option("--split <name>", "which documents").choices(["train", "validation", "test", "all"]).default("test"),
    )
    .option("--sequence-length <n>", "tokens in a window (default: what the model was trained with)", wholeNumber(1))
    .option(
      "--stride <n>",
      "tokens that each window counts anew: fewer give each more context (default: no overlap)",
      wholeNumber(1),
    )
    .option("--batch-size <n>", "windows at a time", wholeNumber(1), 8)
    .option("--max-batches <n>", "stop after so many batches", wholeNumber(1))
    .action((path: string, options: Options) => run(path, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron evaluate runs/a --data data/corpus --split test",
    "megatron evaluate runs/a --data data/corpus --split test --stride 64 --json",
  ]);
}

async function run(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { createEvaluationBatches, openDataset } = await import("@megatron-ts/data");
  const { checkTokenizer, evaluate, formatDuration } = await import("@megatron-ts/train");
  const { causalObjective } = await import("@megatron-ts/train/step");
  await startEngine(options, terminal);
  const { directory, step, model, tokenizer, sequenceLength } = await loadTrainedModel(path);
  const dataset = await openDataset(options.data);
  try {
    checkTokenizer(dataset, { prefix: options.data, tokenizer });
    const { split } = options;
    const { sidecar } = dataset;
    const counts = split === "all" ? sidecar?.counts : sidecar?.split[split];
    const batches = createEvaluationBatches({
      dataset,
      documents: dataset.documentsOf(split),
      sequenceLength: options.sequenceLength ?? sequenceLength,
      stride: options.stride,
      batchSize: options.batchSize,
      contextToken: sidecar?.tokenizer.endOfDocument ?? undefined,
    });
    const progress = terminal.progress("evaluating");
    const began = performance.now();
    const result = await evaluate({ model, objective: causalObjective }, batches, {
      maxBatches: options.maxBatches,
      bytes: counts?.bytes,
      words: counts?.words,
      onProgress: (done, total) => {
        const left = ((performance.now() - began) / 1000) * (total / done - 1);
        progress.update(done / total, `${formatDuration(left)} left`);
      },
    });
    progress.stop();

    const found = { checkpoint: directory, step, data: dataset.prefix, split, ...result };
    if (options.json) return terminal.print(JSON.stringify(found));
    terminal.print(`${directory} on ${dataset.prefix}, ${split}: ${result.tokens} tokens`);
    const line = (name: string, value: number | undefined, unit: string) => {
      if (value !== undefined) terminal.print(`  ${name.padEnd(14)} ${value.toFixed(4).padStart(12)} ${unit}`);
    };
    line("loss", result.loss, "nats per token");
    line("perplexity", result.perplexity, "per token");
    line("perplexity", result.wordPerplexity, "per word");
    line("bits per byte", result.bitsPerByte, "");
  } finally {
    dataset.close();
    model.dispose();
  }
}
