/** Loads a trained model from its checkpoint: weights, tokenizer and training objective. */
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { ObjectiveConfig } from "@megatron-ts/train";
import { UsageError } from "./errors.ts";

export interface TrainedModel {
  /** The checkpoint that was loaded. */
  directory: string;
  step: number;
  model: Model;
  tokenizer: Tokenizer;
  /** Tokens per training sample; for an imported model, the maximum sequence length. */
  sequenceLength: number;
  /** Training objective; for an imported model, its family's default. */
  objective: ObjectiveConfig;
}

/** Fields of a saved recipe used here. */
interface SavedRecipe {
  data: { sequenceLength: number };
  train: { objective?: ObjectiveConfig };
}

/** Loads a checkpoint, or the newest one of a run directory. The engine must have been started. */
export async function loadTrainedModel(path: string): Promise<TrainedModel> {
  const { loadModel } = await import("@megatron-ts/checkpoint");
  const { longestSequence } = await import("@megatron-ts/model");
  const { createTokenizer, parseTokenizerJson } = await import("@megatron-ts/tokenizer");
  const { endOfTextIn } = await import("@megatron-ts/tokenizer/files");
  const { RECIPE_FILE, resolveObjective } = await import("@megatron-ts/train");
  const { parse } = await import("yaml");
  const { model, checkpoint } = loadModel(path);
  try {
    const { directory, manifest } = checkpoint;
    const has = (name: string) => manifest.files.some((file) => file.name === name);
    const text = (name: string) => Buffer.from(checkpoint.readFile(name)).toString("utf8");
    if (!has("tokenizer.json")) {
      throw new UsageError(`${directory}: no tokenizer in this checkpoint: import the model again with --tokenizer`);
    }
    const config = "tokenizer_config.json";
    const endOfText = has(config) ? endOfTextIn(text(config), `${directory}/${config}`) : undefined;
    const json = parseTokenizerJson(text("tokenizer.json"), `${directory}/tokenizer.json`);
    const tokenizer = await createTokenizer(json, endOfText === undefined ? {} : { endOfText });
    if (manifest.tokenizerFingerprint !== null && manifest.tokenizerFingerprint !== tokenizer.fingerprint) {
      throw new UsageError(`${directory}: tokenizer.json is not the tokenizer that the model was trained with`);
    }
    const longest = longestSequence(model.config);
    const recipe = has(RECIPE_FILE) ? (parse(text(RECIPE_FILE)) as SavedRecipe) : null;
    return {
      directory,
      step: manifest.step,
      model,
      tokenizer,
      sequenceLength: recipe?.data.sequenceLength ?? (Number.isFinite(longest) ? longest : DEFAULT_SEQUENCE_LENGTH),
      objective: resolveObjective(recipe?.train.objective, model.config),
    };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}

/** Default for models without a maximum: the length that XLNet and T5 were trained with. */
const DEFAULT_SEQUENCE_LENGTH = 512;
