/** `megatron pretrain`: trains a model from a recipe. */

import type { PerplexityResult } from "@megatron-ts/metrics";
import type { MpiTransport } from "@megatron-ts/parallel/mpi";
import type { EnergyUse, RunEvent } from "@megatron-ts/train";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { addProfileOption, withProfile } from "../profile.ts";
import { ranksOnThisHost, startRankEngine } from "../ranks/rank-engine.ts";
import { rankLines } from "../ranks/rank-lines.ts";
import { trainOnThreads } from "../ranks/train-on-threads.ts";
import { prepareRank, ranksOf } from "../ranks/train-rank.ts";
import { createRunReport, endings } from "../run-report.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  resume: string;
  breakLock?: boolean;
  dryRun?: boolean;
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
    .option("--dry-run", "show what each rank would hold and send in a step, and train nothing")
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
    "megatron pretrain recipe.yaml --parallel.tensor 2 --parallel.data 4 --dry-run",
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

interface Invocation extends Options {
  recipe: string;
  overrides: readonly RecipeOverride[];
}

async function run(options: Invocation, terminal: Terminal): Promise<void> {
  if (options.dryRun) return showRanks(options, terminal);
  const { detectLaunch } = await import("@megatron-ts/parallel/mpi");
  const launch = detectLaunch();
  if (!launch) return train(options, terminal);
  const { underMpi } = await import("../ranks/train-under-mpi.ts");
  await underMpi(launch, terminal, (transport, own) => train(options, own, transport));
}

/** `--dry-run`, which needs neither ranks nor an engine. */
async function showRanks(options: Invocation, terminal: Terminal): Promise<void> {
  const { completeModel, describeRanks, loadPretrainRecipe } = await import("@megatron-ts/train");
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const configuration = loadPretrainRecipe(options.recipe, [...options.overrides, ...engineOverrides(options)]);
  const model = completeModel(configuration.model, await loadTokenizer(configuration.data.tokenizer));
  const ranks = describeRanks(configuration, model);
  if (options.json) return terminal.json({ ranks });
  for (const line of rankLines(ranks)) terminal.print(line);
}

/** @param transport to the other processes of an MPI launcher, if one started this process */
async function train(options: Invocation, terminal: Terminal, transport: MpiTransport | null = null): Promise<void> {
  const { listenForStop, loadPretrainRecipe } = await import("@megatron-ts/train");
  const configuration = loadPretrainRecipe(options.recipe, [...options.overrides, ...engineOverrides(options)]);
  const { resume, breakLock, profile } = options;
  const run = { verb: "pretrain", configuration, resume, breakLock } as const;
  const ranks = ranksOf(configuration);
  if (profile !== undefined && ranks > 1) throw new UsageError("--profile needs a run of one rank");
  const report = await createRunReport(terminal);
  let passOn = (_: NodeJS.Signals) => {};
  const stop = listenForStop({
    onRequest: (signal) => {
      terminal.log(`${signal}: saving a checkpoint; press Ctrl+C again to quit now`);
      passOn(signal);
    },
  });
  let loss: number | null = null;
  let validation: PerplexityResult | null = null;
  let energy: EnergyUse | null = null;
  const onEvent = (event: RunEvent) => {
    if (event.type === "report") loss = event.report.loss;
    if (event.type === "evaluated") validation = event.result;
    if (event.type === "finished") energy = event.energy;
    report.show(event);
  };
  const onStart = (pass: typeof passOn) => {
    passOn = pass;
  };
  const trainHere = async () => {
    const ranksHere = ranksOnThisHost(transport);
    const own = await prepareRank(run, { transport, ranksHere, stop, onEvent });
    await startRankEngine(configuration.engine, { transport, terminal });
    return withProfile(profile, own, terminal);
  };
  try {
    const onThreads = ranks > 1 && transport === null;
    const { reason, step } = onThreads ? await trainOnThreads(run, { terminal, onEvent, onStart }) : await trainHere();
    report.close();
    const { directory } = configuration.run;
    if (options.json) terminal.json({ directory, reason, step, loss, validation, energy });
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
