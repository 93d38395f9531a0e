/** Decides what a model does with a prompt: generate text, or fill its masks. */
import { type FillPrediction, familyOf, type GenerativePrediction } from "@megatron-ts/model";
import { specialTokenId } from "@megatron-ts/tokenizer";
import { getObjective, partsOf, writingMode } from "@megatron-ts/train";
import type { TrainedModel } from "../trained-model.ts";

/** How a model writes: in which way, whether it continues the prompt, and whether it reads that in both directions. */
export interface WritingOptions {
  prediction: GenerativePrediction;
  continues: boolean;
  bidirectionalPrompt: boolean;
}

export type GenerationMode = { fills: true; prediction: FillPrediction } | ({ fills: false } & WritingOptions);

/** Models that can do both fill masks if the prompt has any. */
export function generationMode({ model, tokenizer, objective }: TrainedModel, prompt: string): GenerationMode {
  const { generation } = familyOf(model.config);
  const trained = partsOf(objective).map(({ name }) => getObjective(name).prediction);
  const mask = specialTokenId(tokenizer, "mask");
  const hasMask = mask !== undefined && tokenizer.encode(prompt).includes(mask);
  const fill = generation.fills.find((prediction) => trained.includes(prediction)) ?? generation.fills[0];
  const { prediction: write, bidirectionalPrompt } = writingMode(objective, model.config);
  if (!write) return { fills: true, prediction: fill! };
  if (hasMask && fill && trained.includes(fill)) return { fills: true, prediction: fill };
  return {
    fills: false,
    prediction: write,
    continues: write !== "sequence-to-sequence",
    bidirectionalPrompt,
  };
}
