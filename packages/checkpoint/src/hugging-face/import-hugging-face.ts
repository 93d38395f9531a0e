/** Converts a Hugging Face model to a checkpoint, one tensor in memory at a time. Weights keep their element types. */
import { createModel, type ModelConfig, readHuggingFaceConfig } from "@megatron-ts/model";
import { countParameters, shapeOnly } from "@megatron-ts/parallel";
import { haveSameValues, readForeignFloats, requireFinite } from "../foreign-weights.ts";
import { checkLayerCount } from "../layer-count.ts";
import { saveCheckpoint } from "../save-checkpoint.ts";
import { bytesOf, floatDtype, widen } from "../stored-floats.ts";
import { openHuggingFaceDirectory } from "./directory.ts";
import { matchTensors } from "./match-tensors.ts";
import { withoutWrapper } from "./wrapper-prefixes.ts";

/** What goes into the checkpoint besides the model. */
export interface ImportOptions {
  /** Additional files of the checkpoint by name, such as the tokenizer. */
  extraFiles?: Record<string, Uint8Array>;
  tokenizerFingerprint?: string;
  /**
   * Called with the model's configuration before anything is written. May throw, for example for another vocabulary.
   */
  check?: (config: ModelConfig) => void;
}

/**
 * Converts the model in `directory` to a checkpoint, which is written atomically.
 * @throws ModelError for an unknown architecture
 * @throws CheckpointError with a line for every tensor that does not fit, or for a weight that is NaN or infinite
 */
export async function importHuggingFace(
  directory: string,
  checkpoint: string,
  { extraFiles, tokenizerFingerprint, check }: ImportOptions = {},
): Promise<{ config: ModelConfig; parameters: number }> {
  const source = openHuggingFaceDirectory(directory);
  try {
    const tensors = withoutWrapper(source.tensors);
    const present = new Set(tensors.names);
    const { format, config } = readHuggingFaceConfig(source.config, {
      tensors: { has: (name) => present.has(name), equal: (a, b) => haveSameValues(tensors, a, b) },
    });
    checkLayerCount(config, { tensors: tensors.names.length, source: directory });
    check?.(config);
    const { parameters } = createModel(config, { weights: { source: shapeOnly } });
    const names = matchTensors(tensors, { format, config, parameters, source: directory });
    await saveCheckpoint({
      directory: checkpoint,
      step: 0,
      consumedSamples: 0,
      model: config,
      tokenizerFingerprint,
      extraFiles,
      groups: {
        weights: [...parameters.values()].map(({ name, globalShape }) => {
          const weight = names.get(name)!;
          return {
            name,
            dtype: floatDtype(tensors.info(weight.name).dtype, weight.name),
            shape: globalShape,
            bytes: () => {
              const stored = readForeignFloats(tensors, weight);
              requireFinite(widen(stored), weight.name);
              return bytesOf(stored.values);
            },
          };
        }),
      },
    });
    return { config, parameters: countParameters(parameters) };
  } finally {
    source.close();
  }
}
