/** A model of Hugging Face's format as one of our checkpoints. One tensor is in memory at a time. */
import { createModel, foreignFormatOf, type ModelConfig, modelConfigSchema } from "@megatron-ts/model";
import { countParameters, shapeOnly } from "@megatron-ts/parallel";
import { readForeignWeight } from "../foreign-weights.ts";
import { saveCheckpoint } from "../save-checkpoint.ts";
import { openHuggingFaceDirectory } from "./directory.ts";
import { matchTensors } from "./match-tensors.ts";

export interface ImportOptions {
  /** Further files of the checkpoint, by name: the tokenizer. */
  extraFiles?: Record<string, Uint8Array>;
  tokenizerFingerprint?: string;
  /** Asked with the model's configuration before anything is written: throws where a vocabulary does not fit. */
  check?: (config: ModelConfig) => void;
}

/**
 * Writes the checkpoint whole or not at all. Throws a ModelError for an architecture that is not known, a CheckpointError
 * with a line for every tensor that does not fit.
 */
export async function importHuggingFace(
  directory: string,
  checkpoint: string,
  { extraFiles, tokenizerFingerprint, check }: ImportOptions = {},
): Promise<{ config: ModelConfig; parameters: number }> {
  const source = openHuggingFaceDirectory(directory);
  try {
    const format = foreignFormatOf(source.config);
    const written = format.fromHuggingFace(source.config, { tensors: new Set(source.tensors.names) });
    const config = modelConfigSchema.parse(written);
    check?.(config);
    const { parameters } = createModel(config, { weights: { source: shapeOnly } });
    const names = matchTensors(source.tensors, { format, config, parameters, source: directory });
    await saveCheckpoint({
      directory: checkpoint,
      step: 0,
      consumedSamples: 0,
      model: config as never,
      tokenizerFingerprint,
      extraFiles,
      groups: {
        weights: [...parameters.values()].map(({ name, globalShape }) => ({
          name,
          dtype: "F32" as const,
          shape: globalShape,
          bytes: () => {
            const { values } = readForeignWeight(source.tensors, names.get(name)!);
            return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
          },
        })),
      },
    });
    return { config, parameters: countParameters(parameters) };
  } finally {
    source.close();
  }
}
