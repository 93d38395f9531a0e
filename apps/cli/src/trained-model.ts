/** Loads a trained model from its checkpoint: weights, tokenizer and training objective. */
import type { GenerationIds, Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { ObjectiveConfig } from "@megatron-ts/train";
import { hasFile, readText } from "./checkpoint-files.ts";
import { readGenerationSettings } from "./generation/generation-config.ts";

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
  /** The recipe that it was trained with; null for an imported model. */
  recipe: object | null;
  /** Tokens that start and end generated text, if the checkpoint says. */
  generationTokens: Partial<GenerationIds> & { frame?: "tokenizer" };
  /** What its generation_config.json asks for besides, such as "num_beams 4". */
  otherGeneration: string[];
  /** The template that renders chats, if the checkpoint has one. */
  chatTemplate: string | undefined;
}

/** Fields of a saved recipe used here. */
interface SavedRecipe {
  data: { sequenceLength?: number };
  train: { objective?: ObjectiveConfig };
}

/**
 * Loads a checkpoint, or the newest one of a run directory; of a fine-tuning run the best. The engine must have been started.
 * @param options.adapter a run or a directory in PEFT's format with an adapter for the model
 */
export async function loadTrainedModel(path: string, { adapter }: { adapter?: string } = {}): Promise<TrainedModel> {
  const { chatTemplateOf, loadModel } = await import("@megatron-ts/checkpoint");
  const { longestSequence } = await import("@megatron-ts/model");
  const { requireCheckpointTokenizer } = await import("@megatron-ts/tasks");
  const { bestOfFineTuning, RECIPE_FILE, resolveObjective } = await import("@megatron-ts/train");
  const { parse } = await import("yaml");
  const { model, checkpoint } = loadModel(bestOfFineTuning(path), {
    adapter: adapter === undefined ? undefined : bestOfFineTuning(adapter),
  });
  try {
    const { directory, manifest } = checkpoint;
    const tokenizer = await requireCheckpointTokenizer(checkpoint);
    const longest = longestSequence(model.config);
    const generation = await readGenerationSettings(checkpoint, model.config.vocabularySize);
    const recipe = hasFile(checkpoint, RECIPE_FILE) ? (parse(readText(checkpoint, RECIPE_FILE)) as SavedRecipe) : null;
    return {
      directory,
      step: manifest.step,
      model,
      tokenizer,
      recipe,
      sequenceLength: recipe?.data.sequenceLength ?? (Number.isFinite(longest) ? longest : DEFAULT_SEQUENCE_LENGTH),
      objective: resolveObjective(recipe?.train.objective, model.config),
      // An imported model reads texts in the frame that transformers puts around them, ours in that of our training.
      generationTokens: { ...generation.tokens, ...(recipe === null && { frame: "tokenizer" }) },
      otherGeneration: generation.others,
      chatTemplate: chatTemplateOf(checkpoint),
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
