/** A prompt's continuation, or what a decoder makes of it, printed as it comes. */
import type { GenerativeModel } from "@megatron-ts/generate";
import { counted } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";

export interface WriteOptions {
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

export async function write(
  { directory, model, tokenizer }: TrainedModel,
  { decoder, continues, ...options }: WriteOptions & { decoder: "causal" | "permuted"; continues: boolean },
  terminal: Terminal,
): Promise<void> {
  const { streamText } = await import("@megatron-ts/generate");
  const { prompt, json } = options;
  const began = performance.now();
  const found = {
    checkpoint: directory,
    prompt,
    text: "",
    promptTokens: 0,
    generatedTokens: 0,
    finishReason: "length",
  };
  const parts = { model: model as GenerativeModel, tokenizer };
  for (const piece of streamText(parts, [prompt], { ...options, decoder })) {
    if (!json) terminal.write(continues && found.generatedTokens === 0 ? prompt + piece.text : piece.text);
    const { promptTokens, generatedTokens, finishReason } = piece;
    Object.assign(found, { text: found.text + piece.text, promptTokens, generatedTokens });
    if (finishReason) found.finishReason = finishReason;
    // Lets signals and a closed pipe be heard.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (json) return terminal.print(JSON.stringify(found));
  terminal.write(continues && found.generatedTokens === 0 ? `${prompt}\n` : "\n");
  const seconds = (performance.now() - began) / 1000;
  terminal.log(`${counted(found.generatedTokens, "token")}, ${(found.generatedTokens / seconds).toFixed(1)} a second`);
}
