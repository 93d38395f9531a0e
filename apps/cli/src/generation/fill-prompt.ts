/** Prints a prompt with its masks filled, and the predictions for each mask if asked. */
import type { FillPrediction } from "@megatron-ts/model";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";

export interface FillOptions {
  prompt: string;
  topK?: number;
  specialTokens: "text" | "ids";
  json?: boolean;
}

export async function fillPrompt(
  { directory, model, tokenizer }: TrainedModel,
  { prompt, topK, specialTokens, json, prediction }: FillOptions & { prediction: FillPrediction },
  terminal: Terminal,
): Promise<void> {
  const { fillMasks } = await import("@megatron-ts/generate");
  const [filled] = fillMasks({ model, tokenizer }, [prompt], { topK: topK || undefined, prediction, specialTokens });
  const { text, masks } = filled!;
  if (json) return terminal.json({ checkpoint: directory, prompt, text, masks });
  terminal.print(text);
  if (!topK) return;
  masks.forEach((predictions, index) => {
    const shown = predictions.map(({ id, token, probability }) => {
      return `${tokenizer.decode([id]).trim() || token} ${(100 * probability).toFixed(1)} %`;
    });
    terminal.print(`  mask ${index + 1}: ${shown.join(", ")}`);
  });
}
