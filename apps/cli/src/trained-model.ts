/** A trained model as the verbs use it: weights, tokenizer, and what it was trained for, all from its checkpoint. */
import type { AnyModel } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { ObjectiveConfig } from "@megatron-ts/train";
import { UsageError } from "./errors.ts";

export interface TrainedModel {
  /** The checkpoint that was loaded. */
  directory: string;
  step: number;
  model: AnyModel;
  tokenizer: Tokenizer;
  /** Tokens in a sample of its training, or as many as it can take where it was imported. */
  sequenceLength: number;
  /** What it was trained for; what its family is trained for where it was imported. */
  objective: ObjectiveConfig;
}

/** The fields of a resolved recipe that count here. */
interface SavedRecipe {
  data: { sequenceLength: number };
  train: { objective?: ObjectiveConfig };
}

/** Loads a checkpoint, or the newest one of a run directory. The engine must be started. */
export async function loadTrainedModel(path: string): Promise<TrainedModel> {
  const { loadModel } = await import("@megatron-ts/checkpoint");
  const { longestSequence } = await import("@megatron-ts/model");
  const { createTokenizer, parseTokenizerJson } = await import("@megatron-ts/tokenizer");
  const { endOfTextIn } = await import("@megatron-ts/tokenizer/files");
  const { resolveObjective } = await import("@megatron-ts/train");
  const { parse } = await import("yaml");
  const { model, checkpoint } = loadModel(path);
  try {
    const { directory, manifest } = checkpoint;
    const has = (name: string) => manifest.files.some((file) => file.name === name);
    const text = (name: string) => Buffer.from(checkpoint.readFile(name)).toString("utf8");
    if (!has("tokenizer.json")) {
      throw new UsageError(`${directory} has no tokenizer: import the model again with --tokenizer`);
    }
    const config = "tokenizer_config.json";
    const endOfText = has(config) ? endOfTextIn(text(config), `${directory}/${config}`) : undefined;
    const json = parseTokenizerJson(text("tokenizer.json"), `${directory}/tokenizer.json`);
    const tokenizer = await createTokenizer(json, endOfText === undefined ? {} : { endOfText });
    if (manifest.tokenizerFingerprint !== null && manifest.tokenizerFingerprint !== tokenizer.fingerprint) {
      throw new UsageError(`${directory}: its tokenizer.json is not the tokenizer that the model was trained with`);
    }
    const longest = longestSequence(model.config);
    const recipe = has("recipe.yaml") ? (parse(text("recipe.yaml")) as SavedRecipe) : null;
    return {
      directory,
      step: manifest.step,
      model,
      tokenizer,
      sequenceLength: recipe?.data.sequenceLength ?? (Number.isFinite(longest) ? longest : authorsLength),
      objective: resolveObjective(recipe?.train.objective, model.config.family),
    };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}

/** Of models that tell positions by distance alone, as many tokens as their authors trained them with. */
const authorsLength = 512;
