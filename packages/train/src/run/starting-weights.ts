/** The weights that a run begins with: drawn from its seed, another checkpoint's, or an encoder's in an encoder-decoder. */
import { checkpointSource, type LoadedCheckpoint, loadModelConfig, resolveCheckpoint } from "@megatron-ts/checkpoint";
import { encoderInitSource, familyOf, type ModelConfig } from "@megatron-ts/model";
import { fromSeed, type ParameterSource } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../errors.ts";

/** What the model of a checkpoint is, or of a run's newest one. Throws a CheckpointError. */
export const modelConfigAt = (path: string): ModelConfig => loadModelConfig(resolveCheckpoint(path));

/** @param checkpoint what the recipe's `model.from` named */
export function startingWeights(
  { family }: ModelConfig,
  { checkpoint, seed }: { checkpoint: LoadedCheckpoint | null; seed: number },
): ParameterSource {
  const fresh = fromSeed(seed);
  if (!checkpoint) return fresh;
  const encoder = checkpointSource(checkpoint.weights);
  const config = loadModelConfig(checkpoint.directory);
  if (config.family === family) return encoder;
  const { weights } = familyOf(config).encoderInit!(config, {});
  return encoderInitSource(weights, { encoder, fresh });
}

/** Throws a ConfigError where the checkpoint's ids are not the tokenizer's. */
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
