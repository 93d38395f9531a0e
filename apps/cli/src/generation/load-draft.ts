/** Loads the draft of speculative decoding: a model of the same tokenizer. */
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { UsageError } from "../errors.ts";
import { loadTrainedModel } from "../trained-model.ts";

/** The model of a run or checkpoint. Throws a UsageError for one of another tokenizer. */
export async function loadDraft(
  path: string,
  { tokenizer, precision = "f32" }: { tokenizer: Tokenizer; precision?: "f32" | "bf16" },
): Promise<Model> {
  const { directory, model, tokenizer: own } = await loadTrainedModel(path);
  if (own.fingerprint !== tokenizer.fingerprint) {
    model.dispose();
    throw new UsageError(
      `--draft ${directory}: another tokenizer than the model's; a draft proposes tokens of the same one`,
    );
  }
  if (precision === "bf16") {
    const { storeWeights } = await import("@megatron-ts/generate");
    storeWeights(model, "bf16");
  }
  return model;
}
