/** The initial weights of a run: drawn from its seed, from another checkpoint, or from an encoder's. */
import { checkpointSource, type LoadedCheckpoint, loadLatestCheckpoint, modelConfigOf } from "@megatron-ts/checkpoint";
import { encoderInitSource, familyOf, type ModelConfig } from "@megatron-ts/model";
import { fromSeed, type ParameterSource } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../errors.ts";

/** The model configuration of a checkpoint, or of a run's latest one. Throws a CheckpointError. */
export function modelConfigAt(path: string): ModelConfig {
  const checkpoint = loadLatestCheckpoint(path);
  try {
    return modelConfigOf(checkpoint);
  } finally {
    checkpoint.close();
  }
}

/**
 * The source of a model's initial weights.
 * @param checkpoint of the recipe's `model.from`
 */
export function startingWeights(
  { family }: ModelConfig,
  { checkpoint, seed }: { checkpoint: LoadedCheckpoint | null; seed: number },
): ParameterSource {
  const fresh = fromSeed(seed);
  if (!checkpoint) return fresh;
  const encoder = checkpointSource(checkpoint.weights);
  const config = modelConfigOf(checkpoint);
  if (config.family === family) return encoder;
  const { weights } = familyOf(config).encoderInit!(config, {});
  return encoderInitSource(weights, { encoder, fresh });
}

/** Throws a ConfigError if the checkpoint was trained with another tokenizer. */
export function checkTokenizerFits({ manifest, directory }: LoadedCheckpoint, tokenizer: Tokenizer): void {
  const { tokenizerFingerprint: fingerprint } = manifest;
  if (fingerprint === null || fingerprint === tokenizer.fingerprint) return;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message: `does not fit the checkpoint ${directory}: its tokenizer is ${fingerprint}, this one ${tokenizer.fingerprint}`,
    },
  ]);
}
