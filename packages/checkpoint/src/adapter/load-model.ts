/** Loads a model from a checkpoint, with adapters merged into its weights. */
import { type AnyModel, createModel, type ModelConfig } from "@megatron-ts/model";
import type { Mesh } from "@megatron-ts/parallel";
import type { LoadedCheckpoint } from "../load-checkpoint.ts";
import { checkpointSource, modelConfigOf } from "../model-checkpoint.ts";
import { openModelCheckpoint } from "./open-model-checkpoint.ts";

/**
 * Creates a model with the weights of a checkpoint, or of the newest one in a run directory. The caller closes the
 * checkpoint and disposes the model.
 * @param options.adapter a run, checkpoint or directory in PEFT's format with an adapter to merge
 * @param options.stagesOf the number of layers of each stage, for a mesh with a pipeline
 * @throws CheckpointError for anything missing, damaged or of another shape
 */
export function loadModel(
  directory: string,
  { mesh, adapter, stagesOf }: { mesh?: Mesh; adapter?: string; stagesOf?: (config: ModelConfig) => number[] } = {},
): { model: AnyModel; checkpoint: LoadedCheckpoint } {
  const checkpoint = openModelCheckpoint(directory, { adapter });
  try {
    const source = checkpointSource(checkpoint.weights);
    const config = modelConfigOf(checkpoint);
    const stages = stagesOf?.(config);
    return { model: createModel(config, { mesh, weights: { source }, stages }), checkpoint };
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}
