/** `megatron tune`: tries values of any fields of a recipe by successive halving, and prints which is best. */
import { join } from "node:path";
import Table from "cli-table3";
import type { Command } from "commander";
import { finetuneTokenizer } from "../finetune-tokenizer.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer } from "../options/option-values.ts";
import { isFinetuneRecipe } from "../options/recipe-kind.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  try: string[];
  steps: number;
  factor: number;
  json?: boolean;
}

export function addTune(program: Command, terminal: Terminal, overrides: readonly RecipeOverride[]): void {
  const command = program
    .command("tune")
    .description("try values of recipe fields: all for few steps, the best of them for more (successive halving)")
    .usage("<recipe> --try <field=values...> --steps <n> [--<section>.<field> <value> ...]")
    .argument("<recipe>", "recipe of finetune or pretrain (YAML)")
    .requiredOption("--try <field=values...>", "a field and its values, such as train.optimizer.learningRate=1e-4,1e-3")
    .requiredOption("--steps <n>", "steps of the last round", integer(1))
    .option("--factor <n>", "how many times fewer trials, and more steps, each round has", integer(2), 3);
  addEngineOptions(command).action((recipe: string, options: Options) => run(recipe, options, { overrides, terminal }));
  addExamples(addJsonOption(command), [
    "megatron tune finetune.yaml --try train.optimizer.learningRate=1e-4,3e-4,1e-3 --steps 300",
    "megatron tune lora.yaml --try lora.rank=4,8,16 train.optimizer.learningRate=1e-3,3e-3 --steps 900 --factor 2",
  ]);
}

async function run(
  recipe: string,
  options: Options,
  { overrides, terminal }: { overrides: readonly RecipeOverride[]; terminal: Terminal },
): Promise<void> {
  const { halve, rungsOf } = await import("../tune/halving.ts");
  const { bestOf, combinationsOf, openTrials, parseChoice } = await import("../tune/trials.ts");
  const { runInTime } = await import("../compare/run-watch.ts");
  const candidates = combinationsOf(options.try.map(parseChoice));
  const rungs = rungsOf({ trials: candidates.length, steps: options.steps, factor: options.factor });
  const load = await loaderOf(recipe);
  const trialAt = (values: readonly RecipeOverride[], steps: number) =>
    load([...overrides, ...values, ["train.steps", String(steps)]]);
  // All recipes are checked before the first trial runs.
  const checked = candidates.map((values) => trialAt(values, rungs[0]!.steps));
  const { directory } = checked[0]!.configuration.run;
  await startEngine(options, terminal);
  const trials = await openTrials(directory);

  const found = await halve(candidates, rungs, (values, { steps }, index) => {
    const { configuration } = trialAt(values, steps);
    return trials.once(configuration, async (name) => {
      const own = join(directory, `trial-${index + 1}-${name}`);
      const title = `${describe(values)}: ${steps} steps`;
      const { train } = load([...overrides, ...values, ["train.steps", String(steps)], ["run.directory", own]]);
      await runInTime(title, { terminal }, (given) => train({ ...given, resume: "auto" }));
      return bestOf(own);
    });
  });
  if (options.json) {
    const listed = found.map(({ values, scores }) => ({ values: Object.fromEntries(values), scores }));
    return terminal.json({ directory, rungs, trials: listed });
  }
  const table = new Table({ head: ["trial", ...rungs.map(({ steps }) => `${steps} steps`)], style: { head: [] } });
  for (const { values, scores } of found) {
    table.push([describe(values), ...rungs.map((_, rung) => scores[rung]?.toFixed(5) ?? "")]);
  }
  terminal.print(table.toString());
  terminal.print("Held-out loss, or 1 minus the task's score: lower is better.");
  terminal.print(`best: ${found[0]!.values.map(([path, value]) => `--${path} ${value}`).join(" ")}`);
}

const describe = (values: readonly RecipeOverride[]): string =>
  values.map(([path, value]) => `${path.split(".").at(-1)} ${value}`).join(", ");

/** Options that every run takes here. */
type TrainOptions = Pick<import("@megatron-ts/train").RunOptions, "stop" | "onEvent" | "resume">;

/** A configuration with the run that it describes. */
interface LoadedTrial {
  configuration: { run: { directory: string } };
  train(options: TrainOptions): Promise<{ reason: string }>;
}

async function loaderOf(recipe: string): Promise<(overrides: readonly RecipeOverride[]) => LoadedTrial> {
  const { finetune, loadFinetuneRecipe } = await import("@megatron-ts/tasks");
  const { loadPretrainRecipe, pretrain } = await import("@megatron-ts/train");
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  if (isFinetuneRecipe(recipe)) {
    return (overrides) => {
      const configuration = loadFinetuneRecipe(recipe, overrides);
      const train = async (options: TrainOptions) =>
        finetune(configuration, { ...options, tokenizer: await finetuneTokenizer(configuration) });
      return { configuration, train };
    };
  }
  return (overrides) => {
    const configuration = loadPretrainRecipe(recipe, overrides);
    const train = async (options: TrainOptions) =>
      pretrain(configuration, { ...options, tokenizer: await loadTokenizer(configuration.data.tokenizer) });
    return { configuration, train };
  };
}
