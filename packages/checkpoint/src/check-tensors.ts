/** Looks at the values of a checkpoint: all of its tensors can be read, its floats are finite, and its weights are those of its model. */
import { createModel } from "@megatron-ts/model";
import { shapeOnly } from "@megatron-ts/parallel";
import { userError } from "./errors.ts";
import { type LoadedCheckpoint, loadCheckpoint, verifyCheckpoint } from "./load-checkpoint.ts";
import { modelConfigOf } from "./model-checkpoint.ts";
import { storedFloats, widen } from "./stored-floats.ts";
import { elementCount } from "./tensor-entry.ts";
import type { TensorReader } from "./tensor-reader.ts";

/** What a checkpoint holds. */
export interface CheckedCheckpoint {
  step: number;
  files: number;
  tensors: number;
  values: number;
}

/**
 * Checks every byte of a checkpoint against its manifest, that no weight of its model is missing or of another shape, and that no value
 * is NaN or infinite.
 * @throws CheckpointError for the first fault
 */
export function checkCheckpoint(directory: string): CheckedCheckpoint {
  const { step, files } = verifyCheckpoint(directory);
  const checkpoint = loadCheckpoint(directory);
  try {
    const { weights, optimizer } = checkpoint;
    // Adapters are saved without the weights that they were trained for.
    if (!files.some(({ name }) => name === "adapter_config.json")) checkWeights(checkpoint);
    const readers = [weights, ...(optimizer ? [optimizer] : [])];
    const counts = readers.map((reader) => countFinite(reader, directory));
    return {
      step,
      files: files.length,
      tensors: readers.reduce((sum, { names }) => sum + names.length, 0),
      values: counts.reduce((sum, count) => sum + count, 0),
    };
  } finally {
    checkpoint.close();
  }
}

function checkWeights(checkpoint: LoadedCheckpoint): void {
  const { directory, weights } = checkpoint;
  const { parameters } = createModel(modelConfigOf(checkpoint), { weights: { source: shapeOnly } });
  const found = new Set(weights.names);
  for (const { name, globalShape } of parameters.values()) {
    if (!found.has(name)) throw userError(`${directory}: ${name} of its model is missing`);
    const { shape } = weights.info(name);
    if (shape.join() === globalShape.join()) continue;
    throw userError(`${directory}: ${name} is [${shape.join(", ")}], but [${globalShape.join(", ")}] in its model`);
  }
}

/** The number of values. Throws a CheckpointError for one that is not finite. */
function countFinite(reader: TensorReader, directory: string): number {
  return reader.names.reduce((count, name) => {
    const { dtype, shape } = reader.info(name);
    const values = widen(storedFloats(reader.read(name), { dtype, name }));
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw userError(`${directory}: ${name} has ${values[wrong]} at index ${wrong} of its values`);
    return count + elementCount(shape);
  }, 0);
}
