/** Loads the draft of speculative decoding: a model of the same tokenizer as the served one. */
import { loadModel } from "@megatron-ts/checkpoint";
import { storeWeights } from "@megatron-ts/generate";
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { bestOfFineTuning } from "@megatron-ts/train";
import { ServerError } from "../errors.ts";
import { readTokenizer } from "./load-served-model.ts";

/** A draft to serve a model with. */
export interface ServedDraft {
  /** A checkpoint, or a run directory. */
  checkpoint: string;
  /** Tokens that it proposes at a time. Default: that of `SpeculationOptions`. */
  tokens?: number;
}

/** The model of a draft. Throws a ServerError for one of another tokenizer, and what reading it throws. */
export async function loadDraft(
  path: string,
  { tokenizer, precision }: { tokenizer: Tokenizer; precision: "f32" | "bf16" },
): Promise<Model> {
  const { model, checkpoint } = loadModel(bestOfFineTuning(path));
  try {
    const own = await readTokenizer(checkpoint);
    if (own.fingerprint !== tokenizer.fingerprint) {
      const { directory } = checkpoint;
      throw new ServerError(`${directory}: a draft of another tokenizer than the model's; it must have the same one`);
    }
    if (precision === "bf16") storeWeights(model, "bf16");
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}
