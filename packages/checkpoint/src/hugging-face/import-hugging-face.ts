/** Converts a Hugging Face model to a checkpoint, one tensor in memory at a time. Weights keep their element types. */
import {
  createModel,
  type LengthenOptions,
  lengthen,
  lengthenRows,
  type ModelConfig,
  readHuggingFaceConfig,
} from "@megatron-ts/model";
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
  /** For longer texts than the model was trained on. Default: those it takes. */
  lengthen?: LengthenOptions | undefined;
}

/**
 * Converts the model in `directory` to a checkpoint, which is written atomically.
 * @throws ModelError for an unknown architecture
 * @throws CheckpointError with a line for each tensor that does not fit (20 at most), or for a weight that is NaN or infinite
 */
export async function importHuggingFace(
  directory: string,
  checkpoint: string,
  { extraFiles, tokenizerFingerprint, check, lengthen: options }: ImportOptions = {},
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
    const longer = options ? lengthen(config, options) : { config, table: null };
    const { parameters } = createModel(config, { weights: { source: shapeOnly } });
    const written = createModel(longer.config, { weights: { source: shapeOnly } }).parameters;
    const names = matchTensors(tensors, { format, config, parameters, source: directory });
    await saveCheckpoint({
      directory: checkpoint,
      step: 0,
      consumedSamples: 0,
      model: longer.config,
      tokenizerFingerprint,
      extraFiles,
      groups: {
        weights: [...written.values()].map(({ name, globalShape }) => {
          const weight = names.get(name)!;
          const table = longer.table?.name === name ? longer.table : null;
          const dtype = floatDtype(tensors.info(weight.name).dtype, weight.name);
          // Means of 16-bit floats are float32.
          const isWidened = table?.method === "interpolate";
          return {
            name,
            dtype: isWidened ? "F32" : dtype,
            shape: globalShape,
            bytes: () => {
              const stored = readForeignFloats(tensors, weight);
              const values = widen(stored);
              requireFinite(values, weight.name);
              const kept = isWidened ? values : stored.values;
              return bytesOf(table ? lengthenRows(kept, table) : kept);
            },
          };
        }),
      },
    });
    return { config: longer.config, parameters: countParameters(written) };
  } finally {
    source.close();
  }
}
