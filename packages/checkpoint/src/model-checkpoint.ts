/** Models and checkpoints: parameters become tensor entries, and a checkpoint becomes a source of parameters. */
import { type ModelConfig, modelConfigSchema } from "@megatron-ts/model";
import { fromBytes, toBytes } from "@megatron-ts/ops";
import { type ParameterDeclaration, type ParameterSource, type Parameters, partOf } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { userError } from "./errors.ts";
import type { LoadedCheckpoint } from "./load-checkpoint.ts";
import { bytesOf, storedFloats, widen } from "./stored-floats.ts";
import type { TensorEntry } from "./tensor-entry.ts";
import type { TensorReader } from "./tensor-reader.ts";

/** Describes a float32 tensor as an entry of a safetensors file. Its bytes are read when the entry is written. */
export function tensorEntry(name: string, tensor: tf.Tensor): TensorEntry {
  return {
    name,
    dtype: "F32",
    shape: tensor.shape,
    bytes: () => toBytes(tensor),
  };
}

/** Describes the weights of a model as entries, in the order they were declared in. */
export function weightEntries(parameters: Parameters): TensorEntry[] {
  return [...parameters.values()].map(({ name, tensor }) => tensorEntry(name, tensor));
}

/**
 * Reads a tensor of the expected shape as float32. The caller disposes it.
 * @throws CheckpointError if the tensor is missing, of another shape, or not of floats
 */
function readTensor(reader: TensorReader, name: string, shape: readonly number[]): tf.Tensor {
  const found = reader.info(name);
  if (found.shape.join() !== shape.join()) {
    throw userError(`${name} is [${found.shape}] in the checkpoint, but [${shape}] in the model`);
  }
  const values = widen(storedFloats(reader.read(name), { dtype: found.dtype, name }));
  return tf.keep(fromBytes(bytesOf(values), { shape }));
}

/** Reads this rank's part of a tensor that is split like a parameter. The caller disposes it. Throws like `readTensor`. */
export function readPart(reader: TensorReader, name: string, declaration: ParameterDeclaration): tf.Tensor {
  const whole = readTensor(reader, name, declaration.globalShape);
  if (declaration.shape.join() === declaration.globalShape.join()) return whole;
  const part = tf.keep(partOf(whole, declaration));
  whole.dispose();
  return part;
}

/** Creates a source of parameters that reads a checkpoint's weights by name. */
export function checkpointSource(reader: TensorReader): ParameterSource {
  return (declaration) => readPart(reader, declaration.name, declaration);
}

/**
 * The model configuration of a checkpoint.
 * @throws CheckpointError if it describes no model of this library
 */
export function modelConfigOf({ directory, manifest }: Pick<LoadedCheckpoint, "directory" | "manifest">): ModelConfig {
  const config = modelConfigSchema.safeParse(manifest.model);
  if (config.success) return config.data;
  const { path, message } = config.error.issues[0]!;
  throw userError(`${directory}: cannot read its model configuration: ${path.join(".")}: ${message}`);
}
