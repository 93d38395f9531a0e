/** Loads the draft of speculative decoding: a smaller model that proposes tokens of the same tokenizer. */
import { loadModel } from "@megatron-ts/checkpoint";
import { storeWeights } from "@megatron-ts/generate";
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { bestOfFineTuning } from "@megatron-ts/train";
import { requireCheckpointTokenizer } from "./checkpoint-tokenizer.ts";
import { TaskError } from "./errors.ts";

/** Options of `loadDraft`. */
export interface DraftOptions {
  /** The tokenizer of the model that the draft proposes tokens to. */
  tokenizer: Tokenizer;
  /** How the draft's weights are stored. Default: "f32". */
  precision?: "f32" | "bf16";
}

/**
 * The model of a checkpoint, or of a run's newest; of a fine-tuning run the best. The engine must have been started. Throws a
 * TaskError for one of another tokenizer, and what reading it throws.
 */
export async function loadDraft(path: string, { tokenizer, precision = "f32" }: DraftOptions): Promise<Model> {
  const { model, checkpoint } = loadModel(bestOfFineTuning(path));
  try {
    const own = await requireCheckpointTokenizer(checkpoint);
    if (own.fingerprint !== tokenizer.fingerprint) {
      throw new TaskError(
        `${checkpoint.directory}: has another tokenizer than the model: a draft must have the same one`,
      );
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
