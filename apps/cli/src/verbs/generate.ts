/** `megatron generate`: generates text from a prompt, or fills the masks in it. */
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { fillPrompt } from "../generation/fill-prompt.ts";
import { type BeamOptions, printBeams } from "../generation/print-beams.ts";
import { type CompletionOptions, streamCompletion } from "../generation/stream-completion.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import { type AdapterOptions, addAdapterOption } from "../options/task-options.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadTrainedModel } from "../trained-model.ts";

type Options = EngineOptions &
  CompletionOptions &
  AdapterOptions &
  Omit<BeamOptions, "beams"> & { beams?: number; precision: "f32" | "bf16" };

export function addGenerate(program: Command, terminal: Terminal): void {
  const command = program
    .command("generate")
    .usage("<run> --prompt <text> [options]")
    .description("generate text from a prompt, or fill its masks")
    .argument("<run>", "run directory or checkpoint")
    .requiredOption("--prompt <text>", "text to continue, or text with [MASK] or <mask> to fill")
    .option("--max-tokens <n>", "maximum number of tokens to generate", integer(0), 64)
    .option("--temperature <t>", "sampling temperature; 0 = greedy", number, 1)
    .option("--top-k <k>", "sample from the k most likely tokens (0 = all); for masks, predictions to print", number)
    .option("--top-p <p>", "sample from the most likely tokens whose probabilities sum to p (1 = all)", number)
    .option("--min-p <p>", "sample from tokens at least p times as likely as the likeliest (0 = all)", number)
    .option("--typical-p <p>", "sample from tokens of typical information, of probability p together (1 = all)", number)
    .option("--beams <n>", "beam search with n beams, without sampling", integer(1, 1000))
    .option(
      "--beam-groups <n>",
      "beam search: groups of beams, each of which avoids the tokens of those before it",
      integer(1),
    )
    .option("--diversity-penalty <p>", "beam search: nats that a token loses for each beam that has chosen it", number)
    .option("--n-best <n>", "beam search: best texts to print, with their scores", integer(1))
    .option("--length-penalty <p>", "beam search: the score is divided by length^p (default: 1)", number)
    .option("--early-stopping", "beam search: end with as many finished texts as there are beams")
    .option("--distinct-ngrams <n>", "beam search: every n tokens in a row occur once", integer(1))
    .option("--repetition-penalty <r>", "values above 1 make repeated tokens less likely", number)
    .option("--presence-penalty <p>", "subtracted from the logits of tokens that were generated before", number)
    .option("--frequency-penalty <p>", "the same, once for each time they were generated", number)
    .option("--logit-bias <id=bias...>", "added to the logits of tokens, such as 42=-100")
    .option("--regex <expression>", "the whole text must match this regular expression", nonEmpty)
    .option("--json-schema <file>", "the text must be JSON of the schema in this file", nonEmpty)
    .addOption(
      new Option("--special-tokens <kind>", "what special tokens spelled out in the prompt become, other than masks")
        .choices(["text", "ids"])
        .default("text"),
    )
    .addOption(
      new Option("--precision <name>", "how weights are stored: bf16 halves memory and reads twice as fast, rounded")
        .choices(["f32", "bf16"])
        .default("f32"),
    )
    .option(
      "--draft <run>",
      "smaller model of the same tokenizer that proposes tokens; faster, with the same distribution",
    )
    .option("--draft-tokens <k>", "tokens that the draft proposes at a time (default: 4)", integer(1, 16))
    .option("--stop <texts...>", "stop before any of these strings")
    .option("--seed <n>", "random seed", integer(0), 0)
    .action((path: string, options: Options) => run(path, options, { terminal, given: givenOptions(command) }));
  addExamples(addJsonOption(addEngineOptions(addAdapterOption(command))), [
    'megatron generate runs/a --prompt "My fellow citizens," --max-tokens 64 --temperature 0.8 --top-k 40 --top-p 0.95 --seed 1',
    'megatron generate runs/a --prompt "Call me" --temperature 0 --json',
    'megatron generate runs/a --prompt "Call me" --precision bf16',
    "megatron generate runs/a --prompt 'In the year ' --regex '1[789][0-9]{2}'",
    'megatron generate runs/large --prompt "Call me" --draft runs/small',
    'megatron generate runs/t5 --prompt "translate: Good morning." --beams 5 --n-best 3',
    'megatron generate runs/bert --prompt "Call me [MASK]." --top-k 5',
  ]);
}

/** Flags given on the command line. */
const givenOptions = (command: Command): string[] =>
  command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long!);

const SAMPLING = [
  ...["--temperature", "--top-p", "--min-p", "--typical-p", "--stop", "--seed"],
  ...["--repetition-penalty", "--presence-penalty", "--frequency-penalty", "--logit-bias", "--regex", "--json-schema"],
];
const DRAFT = ["--draft", "--draft-tokens"];
const BEAMS = [
  ...["--beams", "--beam-groups", "--diversity-penalty", "--n-best"],
  ...["--length-penalty", "--early-stopping", "--distinct-ngrams"],
];

/** Throws a UsageError if one of these flags was given. */
function refuse(given: readonly string[], flags: readonly string[], why: string): void {
  const misplaced = given.find((flag) => flags.includes(flag));
  if (misplaced) throw new UsageError(`${misplaced} ${why}`);
}

async function run(
  path: string,
  options: Options,
  { terminal, given }: { terminal: Terminal; given: readonly string[] },
): Promise<void> {
  const { generationMode } = await import("../generation/generation-mode.ts");
  if (options.regex !== undefined && options.jsonSchema !== undefined) {
    throw new UsageError("--regex: --json-schema says already what the text must be");
  }
  await startEngine(options, terminal);
  const trained = await loadTrainedModel(path, options);
  try {
    if (options.precision === "bf16") {
      const { storeWeights } = await import("@megatron-ts/generate");
      storeWeights(trained.model, "bf16");
    }
    const mode = generationMode(trained, options.prompt);
    const { beams } = options;
    if (!mode.fills && trained.otherGeneration.length > 0) {
      terminal.log(`note: not applied from generation_config.json: ${trained.otherGeneration.join(", ")}`);
    }
    if (!mode.fills && beams !== undefined) {
      refuse(given, [...SAMPLING, ...DRAFT, "--top-k"], "does not apply to beam search");
      return await printBeams(trained, { ...options, ...mode, beams }, terminal);
    }
    if (!mode.fills) {
      refuse(given, BEAMS, "needs --beams");
      if (options.draft === undefined) refuse(given, DRAFT, "needs --draft");
      return await streamCompletion(trained, { ...options, ...mode }, terminal);
    }
    refuse(given, ["--max-tokens", ...SAMPLING, ...DRAFT, ...BEAMS], "does not apply to filling masks");
    await fillPrompt(trained, { ...options, ...mode }, terminal);
  } finally {
    trained.model.dispose();
  }
}
