/** Prints the text generated from a prompt, as it is generated. */
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";
import type { WritingOptions } from "./generation-mode.ts";

export interface CompletionOptions {
  prompt: string;
  maxTokens: number;
  temperature: number;
  specialTokens: "text" | "ids";
  topK?: number;
  topP?: number;
  repetitionPenalty?: number;
  stop?: string[];
  seed: number;
  json?: boolean;
}

export async function streamCompletion(
  { directory, model, tokenizer, generationTokens }: TrainedModel,
  { continues, ...options }: CompletionOptions & WritingOptions,
  terminal: Terminal,
): Promise<void> {
  const { streamText } = await import("@megatron-ts/generate");
  const { prompt, json } = options;
  const start = performance.now();
  const completion = {
    checkpoint: directory,
    prompt,
    text: "",
    promptTokens: 0,
    generatedTokens: 0,
    finishReason: "length",
  };
  for (const piece of streamText({ model, tokenizer }, [prompt], { ...options, ...generationTokens })) {
    if (!json) terminal.write(continues && completion.generatedTokens === 0 ? prompt + piece.text : piece.text);
    const { promptTokens, generatedTokens, finishReason } = piece;
    Object.assign(completion, { text: completion.text + piece.text, promptTokens, generatedTokens });
    if (finishReason) completion.finishReason = finishReason;
    // Lets the event loop handle signals and a closed pipe.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (json) return terminal.json(completion);
  terminal.write(continues && completion.generatedTokens === 0 ? `${prompt}\n` : "\n");
  const seconds = (performance.now() - start) / 1000;
  terminal.log(
    `${pluralize(completion.generatedTokens, "token")}, ${(completion.generatedTokens / seconds).toFixed(1)} tokens/s`,
  );
}
