/** Models in checkpoints: parameters to tensor entries, and back through the scope. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type AnyModel, createModel, type ModelConfig, modelConfigSchema } from "@megatron-ts/model";
import { fromBytes, toBytes } from "@megatron-ts/ops";
import type { Mesh, ParameterSource, Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { userError } from "./errors.ts";
import { isHuggingFaceDirectory } from "./hugging-face/directory.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "./load-checkpoint.ts";
import { manifestFile, readManifest } from "./manifest.ts";
import { latestCheckpoint } from "./run-directory.ts";
import type { TensorEntry } from "./tensor-entry.ts";
import type { TensorReader } from "./tensor-reader.ts";

/** A float32 tensor as an entry of a safetensors file; its bytes are read when they are written. */
export function tensorEntry(name: string, tensor: tf.Tensor): TensorEntry {
  return {
    name,
    dtype: "F32",
    shape: tensor.shape,
    bytes: () => toBytes(tensor),
  };
}

/** The weights of a model, in the order of their declaration. */
export function weightEntries(parameters: Parameters): TensorEntry[] {
  return [...parameters.values()].map(({ name, tensor }) => tensorEntry(name, tensor));
}

/** A float32 tensor of a group, of the expected shape. Throws a CheckpointError where it is another. */
export function readTensor(reader: TensorReader, name: string, shape: readonly number[]): tf.Tensor {
  const found = reader.info(name);
  if (found.dtype !== "F32" || found.shape.join() !== shape.join()) {
    throw userError(`${name} is ${found.dtype} [${found.shape}] in the checkpoint, but the model's is F32 [${shape}]`);
  }
  return tf.keep(fromBytes(reader.read(name), { shape }));
}

/** A checkpoint's weights as the source of a model's parameters. */
export function checkpointSource(reader: TensorReader): ParameterSource {
  return ({ name, globalShape }) => readTensor(reader, name, globalShape);
}

/** The checkpoint that a path means: itself, or the newest of a run directory. Throws a CheckpointError for neither. */
export function resolveCheckpoint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw userError(`${path || '""'}: no such run or checkpoint`);
  if (!found.isDirectory()) throw userError(`${path} is a file: expected a run's directory, or a checkpoint in it`);
  const latest = latestCheckpoint(path);
  if (latest) return latest.directory;
  if (existsSync(join(path, manifestFile))) return path;
  if (isHuggingFaceDirectory(path)) {
    throw userError(`${path} is in Hugging Face's format: make a checkpoint of it first (megatron import)`);
  }
  throw userError(`${path} holds no checkpoint`);
}

/** What the model of a checkpoint is. Throws a CheckpointError where no model of ours is described. */
export function loadModelConfig(directory: string): ModelConfig {
  const config = modelConfigSchema.safeParse(readManifest(directory).model);
  if (config.success) return config.data;
  const { path, message } = config.error.issues[0]!;
  throw userError(`${directory}: its model's ${path.join(".")} cannot be read: ${message}`);
}

/** A model with the weights of a checkpoint, or of the newest one of a run directory. The caller closes the checkpoint. */
export function loadModel(
  directory: string,
  { mesh }: { mesh?: Mesh } = {},
): { model: AnyModel; checkpoint: LoadedCheckpoint } {
  const checkpoint = loadCheckpoint(resolveCheckpoint(directory));
  const config = loadModelConfig(checkpoint.directory);
  const model = createModel(config, { mesh, weights: { source: checkpointSource(checkpoint.weights) } });
  return { model, checkpoint };
}
