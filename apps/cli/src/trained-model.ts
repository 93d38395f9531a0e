/** A trained model as the verbs use it: weights, tokenizer and the length it was trained at, all from its checkpoint. */
import type { LanguageModel } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { UsageError } from "./errors.ts";

export interface TrainedModel {
  /** The checkpoint that was loaded. */
  directory: string;
  step: number;
  model: LanguageModel;
  tokenizer: Tokenizer;
  /** Tokens in a sample of its training, or all its positions where it was imported. */
  sequenceLength: number;
}

/** Loads a checkpoint, or the newest one of a run directory. The engine must be started. */
export async function loadTrainedModel(path: string): Promise<TrainedModel> {
  const { loadModel } = await import("@megatron-ts/checkpoint");
  const { createTokenizer, parseTokenizerJson } = await import("@megatron-ts/tokenizer");
  const { parse } = await import("yaml");
  const { modelOfFamily } = await import("@megatron-ts/model");
  const { model: loaded, checkpoint } = loadModel(path);
  try {
    const model = modelOfFamily(loaded, "gpt");
    const { directory, manifest } = checkpoint;
    const text = (name: string) => Buffer.from(checkpoint.readFile(name)).toString("utf8");
    const tokenizer = await createTokenizer(parseTokenizerJson(text("tokenizer.json"), `${directory}/tokenizer.json`));
    if (manifest.tokenizerFingerprint !== null && manifest.tokenizerFingerprint !== tokenizer.fingerprint) {
      throw new UsageError(`${directory}: its tokenizer.json is not the tokenizer that the model was trained with`);
    }
    const trained = manifest.files.some(({ name }) => name === "recipe.yaml")
      ? (parse(text("recipe.yaml")) as { data: { sequenceLength: number } }).data.sequenceLength
      : model.config.maxPositions;
    return { directory, step: manifest.step, model, tokenizer, sequenceLength: trained };
  } finally {
    checkpoint.close();
  }
}
