/** The initial weights of a run: drawn from its seed, from another checkpoint, or from an encoder's. */
import { checkpointSource, type LoadedCheckpoint, modelConfigOf, openModelCheckpoint } from "@megatron-ts/checkpoint";
import { encoderInitSource, familyOf, isAdapterWeight, type ModelConfig } from "@megatron-ts/model";
import { fromSeed, type ParameterSource } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../errors.ts";

/** The model configuration of a checkpoint, or of a run's latest one. Throws a CheckpointError. */
export function modelConfigAt(path: string): ModelConfig {
  const checkpoint = openModelCheckpoint(path);
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
  target: ModelConfig,
  { checkpoint, seed }: { checkpoint: LoadedCheckpoint | null; seed: number },
): ParameterSource {
  const fresh = fromSeed(seed);
  if (!checkpoint) return fresh;
  const encoder = withAdapters(checkpointSource(checkpoint.weights), fresh);
  const config = modelConfigOf(checkpoint);
  if (config.family === target.family) return withTaskHead(target, { config, saved: encoder, fresh });
  const { weights } = familyOf(config).encoderInit!(config, {});
  return encoderInitSource(weights, { encoder, fresh });
}

/** Adapters that start, which no checkpoint has: they begin as their initializers say. */
const withAdapters =
  (saved: ParameterSource, fresh: ParameterSource): ParameterSource =>
  (declaration) =>
    (isAdapterWeight(declaration.name) ? fresh : saved)(declaration);

/** A head for a task that the checkpoint was not trained for is drawn at random. */
function withTaskHead(
  target: ModelConfig,
  { config, saved, fresh }: { config: ModelConfig; saved: ParameterSource; fresh: ParameterSource },
): ParameterSource {
  const [before, after] = [config, target].map((one) => JSON.stringify("task" in one ? one.task : undefined));
  if (before === after) return saved;
  return (declaration) => (declaration.name.startsWith("taskHead.") ? fresh : saved)(declaration);
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
