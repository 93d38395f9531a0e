/** `megatron generate`: a prompt's continuation by a trained model, as it comes. */
import type { Command } from "commander";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../common-options.ts";
import { anyNumber, wholeNumber } from "../option-values.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal.ts";
import { loadTrainedModel } from "../trained-model.ts";

interface Options extends EngineOptions {
  prompt: string;
  maxTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  repetitionPenalty?: number;
  stop?: string[];
  seed: number;
  json?: boolean;
}

export function addGenerate(program: Command, terminal: Terminal): void {
  const command = program
    .command("generate")
    .description("continue a prompt")
    .argument("<run>", "a run directory, or a checkpoint in it")
    .requiredOption("--prompt <text>", "what to continue")
    .option("--max-tokens <n>", "most tokens to generate", wholeNumber(0), 64)
    .option(
      "--temperature <t>",
      "0 takes the likeliest token, 1 samples from the model's own distribution",
      anyNumber,
      1,
    )
    .option("--top-k <k>", "sample from the k likeliest tokens only", anyNumber)
    .option("--top-p <p>", "sample from the likeliest tokens whose probabilities sum to p", anyNumber)
    .option("--repetition-penalty <r>", "above 1: tokens that were there already are less likely", anyNumber)
    .option("--stop <texts...>", "end where one of these would appear")
    .option("--seed <n>", "the same seed gives the same text", wholeNumber(0), 0)
    .action((path: string, options: Options) => run(path, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    'megatron generate runs/a --prompt "My fellow citizens," --max-tokens 64 --temperature 0.8 --top-k 40 --top-p 0.95 --seed 1',
    'megatron generate runs/a --prompt "Call me" --temperature 0 --json',
  ]);
}

async function run(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { streamText } = await import("@megatron-ts/generate");
  await startEngine(options, terminal);
  const { directory, model, tokenizer } = await loadTrainedModel(path);
  const { prompt, json } = options;
  const began = performance.now();
  const found = { checkpoint: directory, prompt, text: "", promptTokens: 0, generatedTokens: 0, finished: "length" };
  try {
    for (const piece of streamText({ model, tokenizer }, [prompt], options)) {
      if (!json) terminal.write(found.generatedTokens === 0 ? prompt + piece.text : piece.text);
      const { promptTokens, generatedTokens, finished } = piece;
      Object.assign(found, { text: found.text + piece.text, promptTokens, generatedTokens });
      if (finished) found.finished = finished;
      // Lets signals and a closed pipe be heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    model.dispose();
  }
  if (json) return terminal.print(JSON.stringify(found));
  terminal.write("\n");
  const seconds = (performance.now() - began) / 1000;
  terminal.log(`${found.generatedTokens} tokens, ${(found.generatedTokens / seconds).toFixed(1)} a second`);
}
