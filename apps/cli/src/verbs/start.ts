/** `megatron start`: from any text to a trained model that writes, in one command. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  addEngineOptions,
  addExamples,
  addJsonOption,
  addReadingOptions,
  type EngineOptions,
  type TextOptions,
} from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadTrainedModel } from "../trained-model.ts";

interface Options extends EngineOptions, Omit<TextOptions, "input"> {
  minutes: number;
  output?: string;
  heldOut?: string[];
  prompt?: string;
  brotli: "9" | "11" | "none";
  seed: number;
  workers?: number;
  json?: boolean;
}

export function addStart(program: Command, terminal: Terminal): void {
  const command = program
    .command("start")
    .usage("<files...> [options]")
    .description("train a small GPT on any text in minutes, score it and let it write")
    .argument("<files...>", "files, globs or directories")
    .option("--minutes <n>", "minutes of training; the model's size follows from them", minutes, 5)
    .option("--output <directory>", "where everything is written (default: runs/<name of the first input>)", nonEmpty)
    .option("--held-out <paths...>", "text to score the model on (default: the end of the input)")
    .option("--prompt <text>", "what samples continue (default: the first words of the held-out text)", nonEmpty)
    .addOption(
      new Option("--brotli <level>", "compressor to compare with: 9 takes seconds, 11 a minute for 10 MB")
        .choices(["9", "11", "none"])
        .default("9"),
    )
    .option("--workers <n>", "worker threads that read the text (default: one per CPU)", integer(0))
    .option("--seed <n>", "random seed", integer(0), 1234)
    .action((inputs: string[], options: Options) => run(inputs, options, terminal));
  addReadingOptions(addEngineOptions(addJsonOption(command)));
  addExamples(command, [
    "megatron start books/",
    "megatron start notes.txt diary.epub --minutes 20 --output runs/me",
    "megatron start dump.jsonl.gz --json-key body --held-out new.jsonl --minutes 60",
  ]);
}

function minutes(text: string): number {
  const value = number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}

async function run(inputs: string[], options: Options, terminal: Terminal): Promise<void> {
  const { fastestPrecision } = await import("@megatron-ts/engine");
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const { starterBatch } = await import("@megatron-ts/train");
  const { defaultDirectory, openDirectory, startPaths } = await import("../start/directory.ts");
  const { prepareTexts } = await import("../start/texts.ts");
  const { openStartRecipe } = await import("../start/recipe.ts");
  const { trainStarter } = await import("../start/training.ts");
  const { scoreStarter } = await import("../start/score.ts");
  const report = await import("../start/report.ts");

  const { heldOut, minutes, json } = options;
  const paths = startPaths(options.output ?? defaultDirectory(inputs));
  await openDirectory(paths, { inputs, heldOut });
  const texts = await prepareTexts(paths, { ...options, inputs }, { terminal, ...starterBatch });
  const tokenizer = await loadTokenizer(paths.tokenizer);
  const engine = await startEngine(options, terminal);
  const compute = { precision: fastestPrecision(engine), threads: engine.threads };
  const configuration = await openStartRecipe(paths, texts, { ...options, ...compute, tokenizer, terminal });
  const prompt = options.prompt ?? (await report.firstWords(texts.heldOut, tokenizer));
  const bytesPerToken = {
    training: texts.training.bytes / texts.training.tokens,
    heldOut: texts.heldOut.bytes / texts.heldOut.tokens,
  };
  const { finished, step } = await trainStarter(configuration, { tokenizer, bytesPerToken, prompt }, terminal);
  if (!finished) {
    if (json) terminal.json({ directory: paths.directory, finished, step });
    else terminal.print(`stopped after step ${step}: rerun the same command to resume`);
    return;
  }
  const trained = await loadTrainedModel(paths.run);
  try {
    const brotli = options.brotli === "none" ? null : (Number(options.brotli) as 9 | 11);
    const score = await scoreStarter(trained, texts, { brotli, terminal });
    const chart = report.drawCurve(paths);
    const result = { step: trained.step, score };
    if (json) return report.writeResult(paths, result, terminal);
    terminal.print(chart);
    report.printScore({ ...result, heldOut: texts.heldOut }, terminal);
    await report.writePassage(trained, prompt, terminal);
    report.writeResult(paths, result);
    report.printNext(paths, { inputs, heldOut, prompt, minutes }, terminal);
  } finally {
    trained.model.dispose();
  }
}
