/** Decides what a model does with a prompt: generate text, or fill its masks. */
import { specialTokenId } from "@megatron-ts/tokenizer";
import type { ObjectiveConfig } from "@megatron-ts/train";
import type { TrainedModel } from "../trained-model.ts";

export type GenerationMode = { fills: true } | { fills: false; decoder: "causal" | "permuted"; continues: boolean };

const namesOf = (objective: ObjectiveConfig): string[] =>
  objective.name === "mixed" ? objective.parts.map((part) => part.objective.name) : [objective.name];

/** Models that can do both fill masks if the prompt has any. */
export function generationMode({ model, tokenizer, objective }: TrainedModel, prompt: string): GenerationMode {
  const mask = specialTokenId(tokenizer, "mask");
  const masked = mask !== undefined && tokenizer.encode(prompt, { addSpecialTokens: false }).includes(mask);
  const names = namesOf(objective);
  const { family } = model.config;
  if (family === "bert") return { fills: true };
  if (masked && (family === "xlnet" || names.includes("masked"))) return { fills: true };
  if (family !== "encoder-decoder") return { fills: false, decoder: "causal", continues: family !== "t5" };
  const permuted =
    names.includes("permutation") && !names.some((name) => /^(span-corruption|denoising|source-target)$/.test(name));
  return { fills: false, decoder: permuted ? "permuted" : "causal", continues: permuted };
}
