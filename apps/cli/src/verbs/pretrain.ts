/** `megatron pretrain`: trains a model from a recipe. */
import type { PerplexityResult } from "@megatron-ts/metrics";
import type { RunEvent } from "@megatron-ts/train";
import type { Command } from "commander";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { addProfileOption, withProfile } from "../profile.ts";
import { createRunReport } from "../run-report.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  resume: string;
  breakLock?: boolean;
  profile?: string;
  json?: boolean;
}

export function addPretrain(program: Command, terminal: Terminal, overrides: readonly RecipeOverride[]): void {
  const command = program
    .command("pretrain")
    .description("train a model from a recipe")
    .usage("<recipe> [--<section>.<field> <value> ...] [options]")
    .argument("<recipe>", "recipe file (YAML)")
    .option("--resume <from>", "auto (the run's newest checkpoint, if any), never, or a checkpoint", "never")
    .option("--break-lock", "take over the lock of a run on another host or in another container that has ended")
    .addHelpText(
      "after",
      `\nSet recipe fields with dotted options: --train.steps 200\n\nExample recipe:\n${indent(exampleRecipe)}`,
    )
    .configureOutput({
      outputError: (text, write) => {
        const hint = text.includes("unknown option")
          ? ": set recipe fields with dotted options, --train.steps 200"
          : "";
        write(text.trimEnd().replaceAll("\n", " ") + hint);
      },
    });
  addProfileOption(addEngineOptions(command)).action((recipe: string, options: Options) =>
    run({ recipe, overrides, ...options }, terminal),
  );
  addExamples(addJsonOption(command), [
    "megatron pretrain recipe.yaml --train.steps 200 --run.directory runs/a --resume auto",
    "megatron pretrain recipe.yaml --train.optimizer.learningRate 3e-4 --backend wasm",
    "megatron pretrain translate.yaml --model.from checkpoints/bert --model.family encoder-decoder \\\n" +
      "      --train.objective '{ name: source-target }'",
  ]);
}

/** Example for `--help`. */
export const exampleRecipe = `model: { preset: gpt2 }  # one of \`megatron models\`; or: family, numLayers, hiddenSize, ...; or from: a checkpoint
data: { tokenizer: tok/, train: data/corpus, sequenceLength: 128 }
train:
  optimizer: { name: adamw, learningRate: 3.0e-4 }
  schedule: { name: cosine, warmupSteps: 100 }  # constant, linear, inverse-square-root, wsd, reduce-on-plateau
  steps: 1000
  batchSize: 16
  microBatchSize: 4
run: { directory: runs/a }
`;

const indent = (text: string) => text.trimEnd().replaceAll(/^/gm, "  ");

async function run(
  options: Options & { recipe: string; overrides: readonly RecipeOverride[] },
  terminal: Terminal,
): Promise<void> {
  const { listenForStop, loadPretrainRecipe, pretrain } = await import("@megatron-ts/train");
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const configuration = loadPretrainRecipe(options.recipe, [...options.overrides, ...engineOverrides(options)]);
  const tokenizer = await loadTokenizer(configuration.data.tokenizer);
  const { readCompanionFiles } = await import("@megatron-ts/checkpoint");
  const files = readCompanionFiles(configuration.data.tokenizer, "tokenizer descriptions");
  const { backend, threads } = configuration.engine;
  await startEngine({ backend: backend ?? undefined, threads: threads ?? undefined }, terminal);

  const report = await createRunReport(terminal);
  const stop = listenForStop({
    onRequest: (signal) => terminal.log(`${signal}: saving a checkpoint; press Ctrl+C again to quit now`),
  });
  let loss: number | null = null;
  let validation: PerplexityResult | null = null;
  const onEvent = (event: RunEvent) => {
    if (event.type === "report") loss = event.report.loss;
    if (event.type === "evaluated") validation = event.result;
    report.show(event);
  };
  try {
    const { resume, breakLock } = options;
    const train = () => pretrain(configuration, { tokenizer, files, resume, breakLock, stop, onEvent });
    const { reason, step } = await withProfile(options.profile, train, terminal);
    report.close();
    const { directory } = configuration.run;
    if (options.json) terminal.json({ directory, reason, step, loss, validation });
    else terminal.print(`${directory}: ${endings[reason]} at step ${step}`);
  } finally {
    stop.dispose();
    report.close();
  }
}

/** `--backend` and `--threads` are shorthands for recipe fields. */
function engineOverrides({ backend, threads }: EngineOptions): RecipeOverride[] {
  const overrides: RecipeOverride[] = [];
  if (backend !== undefined) overrides.push(["engine.backend", backend === "auto" ? "null" : backend]);
  if (threads !== undefined) overrides.push(["engine.threads", String(threads)]);
  return overrides;
}

const endings = {
  completed: "completed",
  "already complete": "already complete",
  "time limit": "stopped at the time limit",
  stopped: "stopped (continue with --resume auto)",
} as const;
