/** `megatron plan`: what a run takes before it starts: parameters, FLOPs, memory, time, energy and emissions. */
import { existsSync } from "node:fs";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { MemoryPlan, PretrainConfig } from "@megatron-ts/train";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { finetuneTokenizer } from "../finetune-tokenizer.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import { isFinetuneRecipe } from "../options/recipe-kind.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { chooseDevices, planOnDevices } from "../plan/on-devices.ts";
import { createPlanPrinter, type Expense } from "../plan/plan-printer.ts";
import { ranksOf } from "../ranks/train-rank.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  device?: string;
  count?: number;
  cluster?: string;
  seconds: number;
  json?: boolean;
}

export function addPlan(program: Command, terminal: Terminal, overrides: readonly RecipeOverride[]): void {
  const command = program
    .command("plan")
    .description("what a run takes before it starts: memory, time, energy and emissions")
    .usage("<recipe> [--<section>.<field> <value> ...] [options]")
    .argument("<recipe>", "recipe file (YAML)")
    .option("--device <name>", "plan for accelerators instead of this machine: V100, A100, H100 or H200", nonEmpty)
    .option("--count <n>", "number of accelerators (default: 1)", integer(1, 1_000_000))
    .option(
      "--cluster <file>",
      "plan for the cluster that a YAML file describes: hosts, ranks on each, bandwidths",
      nonEmpty,
    )
    .option("--seconds <n>", "seconds to measure this machine's speed for; 0 leaves the time out", integer(0, 3600), 10)
    .action((recipe: string, options: Options) => run({ recipe, overrides, ...options }, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron plan recipe.yaml --train.microBatchSize 8 --train.recompute selective",
    "megatron plan recipe.yaml --device h100 --count 512",
    "megatron plan recipe.yaml --cluster cluster.yaml",
    "megatron plan finetune.yaml --lora.rank 16 --engine.precision bf16",
  ]);
}

async function run(
  { recipe, overrides, ...options }: Options & { recipe: string; overrides: readonly RecipeOverride[] },
  terminal: Terminal,
): Promise<void> {
  if (isFinetuneRecipe(recipe)) return planFinetuning({ recipe, overrides, ...options }, terminal);
  const { completeModel, loadPretrainRecipe, planStep } = await import("@megatron-ts/train");
  const { loadMemoryCounter } = await import("@megatron-ts/engine");
  const configuration = loadPretrainRecipe(recipe, overrides);
  const chosen = await chooseDevices(options);
  const tokenizer = await tokenizerOf(configuration);
  const model = completeModel(configuration.model, tokenizer);
  const count = await loadMemoryCounter();
  const step = planStep(configuration, { model, tokenizer, count });
  const { train } = configuration;
  const flopsPerToken = step.flopsPerStep / step.tokensPerStep;
  const shared = { parameters: step.parameters, tokensPerStep: step.tokensPerStep, flopsPerToken, steps: train.steps };
  const print = await createPlanPrinter(terminal);

  if (chosen) {
    const plan = await planOnDevices(configuration, { ...chosen, model, step });
    const { device, devices, split, microBatchSize, recompute, distributedOptimizer, memory, stages } = plan;
    const { time, traffic } = plan;
    const watts = device.watts * devices;
    const expense = await expenseOf(configuration, { secondsPerStep: time.total, watts, ...shared });
    if (options.json)
      return terminal.json({
        ...shared,
        device: device.name,
        devices,
        split,
        microBatchSize,
        recompute,
        distributedOptimizer,
        memory,
        stages,
        time,
        traffic,
        ...expense,
      });
    print.model(shared, configuration);
    print.line(
      "split",
      `tensor ${split.tensor} x pipeline ${split.pipeline}${split.virtualStages ? ` (${split.virtualStages} stages each)` : ""} x data ${split.data}, micro-batches of ${microBatchSize}, recompute ${recompute}` +
        (distributedOptimizer ? ", distributed optimizer (ZeRO-1)" : ""),
    );
    const where = stages.length > 1 ? ` on rank ${stages.indexOf(memory)} of the pipeline, the largest` : "";
    print.memory(
      memory,
      `${print.bytes(memory.total)} of ${print.bytes(device.memoryBytes)} on each ${device.name}${where}, by formula`,
    );
    if (stages.length > 1) print.line("  each rank", stages.map(({ total }) => print.bytes(total)).join(", "));
    print.line(
      "traffic",
      devices === 1
        ? "none"
        : `${print.bytes(traffic.total)} a step from each rank: tensor ${print.bytes(traffic.tensor)}, pipeline ${print.bytes(traffic.stages)}, data ${print.bytes(traffic.data)}`,
    );
    const share = (seconds: number) => `${Math.round((100 * seconds) / time.total)}%`;
    const parts = `products ${share(time.products)}, memory-bound ${share(time.elementwise)}, tensor traffic ${share(time.tensor)}, stages ${share(time.stages)}, bubble ${share(time.bubble)}, gradients ${share(time.data)}`;
    print.expense(
      expense,
      `${print.quantity(plan.flopsPerSecondPerDevice, "FLOP/s")} on each of ${devices} (${parts})`,
      `${print.quantity(watts, "W")} of ${devices} ${device.name}`,
    );
    return;
  }

  const ranks = ranksOf(configuration);
  const { machineMemory, measureStep } = await import("@megatron-ts/train");
  const available = machineMemory();
  const resident = step.stages.reduce(
    (sum, { memory }) => sum + (ranks / step.stages.length) * residentBytes(memory),
    0,
  );
  const fits = resident <= available;
  const isMeasured = options.seconds > 0 && fits && ranks === 1;
  const measured = isMeasured ? await measure() : null;
  const expense = measured && (await expenseOf(configuration, { ...measured, ...shared }));
  if (options.json)
    return terminal.json({
      ...{ ...shared, ranks, memory: step.memory, stages: step.stages, resident, available, fits },
      ...expense,
    });
  print.model(shared, configuration);
  print.stages(step);
  const largest = step.stages.findIndex(({ memory }) => memory === step.memory);
  const each = ranks === 1 ? "" : step.stages.length === 1 ? " on each rank" : ` on rank ${largest} of the pipeline`;
  print.memory(step.memory, `${print.bytes(step.memory.peak)} of tensors${each}`);
  print.resident({ resident, available, fits });
  if (measured && expense) {
    const rate = print.quantity(step.flopsPerStep / expense.secondsPerStep, "FLOP/s");
    print.expense(expense, `${rate}, measured for ${options.seconds} s`, `${measured.energyMethod}`);
  } else if (options.seconds > 0) {
    print.line("time", fits ? "not measured with several ranks" : "not measured, since it does not fit");
  }

  async function measure() {
    const { backend, threads } = configuration.engine;
    await startEngine(
      { backend: options.backend ?? backend ?? undefined, threads: options.threads ?? threads ?? undefined },
      terminal,
    );
    const progress = terminal.progress("measuring this machine");
    try {
      return await measureStep(configuration, { model, tokenizer, seconds: options.seconds });
    } finally {
      progress.stop();
    }
  }
}

/** Fine-tuning is planned for this machine, by the rows of the recipe: how long it takes depends on theirs. */
async function planFinetuning(
  { recipe, overrides, json, ...options }: Options & { recipe: string; overrides: readonly RecipeOverride[] },
  terminal: Terminal,
): Promise<void> {
  const elsewhere = (["device", "count", "cluster"] as const).find((name) => options[name] !== undefined);
  if (elsewhere) throw new UsageError(`--${elsewhere}: fine-tuning is planned for this machine only`);
  const { loadFinetuneRecipe, planFinetune } = await import("@megatron-ts/tasks");
  const { formatCount, machineMemory } = await import("@megatron-ts/train");
  const { loadMemoryCounter } = await import("@megatron-ts/engine");
  const configuration = loadFinetuneRecipe(recipe, overrides);
  const tokenizer = await finetuneTokenizer(configuration);
  const plan = planFinetune(configuration, { tokenizer, count: await loadMemoryCounter() });
  const available = machineMemory();
  const ranks = ranksOf(configuration);
  const resident = ranks * residentBytes(plan.memory);
  const fits = resident <= available;
  if (json) return terminal.json({ ...plan, ranks, resident, available, fits });
  const print = await createPlanPrinter(terminal);
  const { family, parameters, trainedParameters, steps, batchSize, microBatchSize, tokens } = plan;
  print.line(
    "model",
    `${family}, ${formatCount(parameters)} parameters, ${formatCount(trainedParameters)} of them trained`,
  );
  print.line(
    "run",
    `${formatCount(steps)} steps of ${formatCount(batchSize)} rows, in micro-batches of ${microBatchSize} rows of up to ${tokens} tokens`,
  );
  print.memory(plan.memory, `${print.bytes(plan.memory.peak)} of tensors${ranks === 1 ? "" : " on each rank"}`);
  print.resident({ resident, available, fits });
}

/** The tokenizer of the recipe, or one of its size if it is not trained yet. */
async function tokenizerOf({ data, model }: PretrainConfig): Promise<Tokenizer> {
  if (existsSync(data.tokenizer)) {
    const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
    return loadTokenizer(data.tokenizer);
  }
  const { standInTokenizer } = await import("@megatron-ts/train");
  if (model.vocabularySize !== undefined) return standInTokenizer(model.vocabularySize);
  throw new UsageError(
    `data.tokenizer: ${data.tokenizer} does not exist: train it first, or set --model.vocabularySize`,
  );
}

/** Of the process: free blocks that the backend keeps, scratch memory, Node.js. Within 6 % of what bench/memory measures. */
const residentBytes = ({ peak }: MemoryPlan) => peak * (1 + 1 / 16) + 0.2e9;

async function expenseOf(
  { train, energy }: PretrainConfig,
  { secondsPerStep, watts, tokensPerStep }: { secondsPerStep: number; watts: number; tokensPerStep: number },
): Promise<Expense> {
  const { emissionsKilograms, energyKilowattHours } = await import("@megatron-ts/cost");
  const { powerUsageEffectiveness, kilogramsPerKilowattHour } = energy;
  const seconds = train.steps * secondsPerStep;
  const kilowattHours = energyKilowattHours({ hours: seconds / 3600, watts, powerUsageEffectiveness });
  return {
    ...{ secondsPerStep, seconds, kilowattHours },
    tokensPerSecond: tokensPerStep / secondsPerStep,
    emissionsKilograms: emissionsKilograms({ kilowattHours, kilogramsPerKilowattHour }),
  };
}
