/** `megatron generate`: what a trained model writes for a prompt, or what stands where the prompt has masks. */
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { fill } from "../generation/fill-prompt.ts";
import { type WriteOptions, write } from "../generation/stream-completion.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { anyNumber, wholeNumber } from "../options/option-values.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadTrainedModel } from "../trained-model.ts";

type Options = EngineOptions & WriteOptions;

export function addGenerate(program: Command, terminal: Terminal): void {
  const command = program
    .command("generate")
    .usage("<run> --prompt <text> [options]")
    .description("continue a prompt, answer it (T5, encoder-decoders), or fill its masks (BERT, RoBERTa, XLNet)")
    .argument("<run>", "a run directory, or a checkpoint in it")
    .requiredOption("--prompt <text>", "what to continue, or a text with [MASK] or <mask> in it")
    .option("--max-tokens <n>", "most tokens to generate", wholeNumber(0), 64)
    .option(
      "--temperature <t>",
      "0 takes the likeliest token, 1 samples from the model's own distribution",
      anyNumber,
      1,
    )
    .option("--top-k <k>", "sample from the k likeliest tokens only; the alternatives shown for a mask", anyNumber)
    .option("--top-p <p>", "sample from the likeliest tokens whose probabilities sum to p", anyNumber)
    .option("--repetition-penalty <r>", "above 1: tokens that were there already are less likely", anyNumber)
    .option("--stop <texts...>", "end where one of these would appear")
    .option("--seed <n>", "the same seed gives the same text", wholeNumber(0), 0)
    .action((path: string, options: Options) => run(path, options, { terminal, given: givenOptions(command) }));
  addExamples(addJsonOption(addEngineOptions(command)), [
    'megatron generate runs/a --prompt "My fellow citizens," --max-tokens 64 --temperature 0.8 --top-k 40 --top-p 0.95 --seed 1',
    'megatron generate runs/a --prompt "Call me" --temperature 0 --json',
    'megatron generate runs/bert --prompt "Call me [MASK]." --top-k 5',
  ]);
}

/** Flags that stood on the command line. */
const givenOptions = (command: Command): string[] =>
  command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long!);

/** Options that say how to write, and mean nothing to a model that fills masks. */
const writing = new Set(["--max-tokens", "--temperature", "--top-p", "--repetition-penalty", "--stop", "--seed"]);

async function run(
  path: string,
  options: Options,
  { terminal, given }: { terminal: Terminal; given: readonly string[] },
): Promise<void> {
  const { wayOf } = await import("../generation/generation-mode.ts");
  await startEngine(options, terminal);
  const trained = await loadTrainedModel(path);
  try {
    const way = wayOf(trained, options.prompt);
    if (!way.fills) return await write(trained, { ...options, ...way }, terminal);
    const misplaced = given.find((flag) => writing.has(flag));
    if (misplaced) throw new UsageError(`${misplaced} says how to write, but this model fills masks: leave it out`);
    await fill(trained, options, terminal);
  } finally {
    trained.model.dispose();
  }
}
