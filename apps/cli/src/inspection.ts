/** Identifies what is at a path: a checkpoint of ours, Hugging Face or Megatron-LM, or a safetensors file. */
import { statSync } from "node:fs";
import type { HuggingFaceConfig } from "@megatron-ts/model";

/** Model sizes, as far as they are known. */
export interface Sizes {
  numLayers?: number;
  /** Of models with an encoder and a decoder. */
  numDecoderLayers?: number;
  hiddenSize?: number;
  numHeads?: number;
  vocabularySize?: number;
}

export interface Inspection {
  kind: "checkpoint" | "hugging-face" | "megatron-lm" | "safetensors";
  /** Model family, or Hugging Face's model_type; null for a file of tensors. */
  family: string | null;
  step: number | null;
  sizes: Sizes | null;
  /** Parallel sizes of a sharded checkpoint; null if it is not sharded. */
  split: { tensor: number; pipeline: number } | null;
  /** Tensors before sharding. */
  tensors: { name: string; dtype: string; shape: readonly number[] }[];
}

interface Reader {
  names: readonly string[];
  info(name: string): { dtype: string; shape: readonly number[] };
}

const describeTensors = (reader: Reader) => reader.names.map((name) => ({ name, ...reader.info(name) }));

/** Reads headers only, no tensor data. Throws a CheckpointError. */
export async function inspectPath(path: string): Promise<Inspection> {
  const checkpoints = await import("@megatron-ts/checkpoint");
  if (statSync(path).isFile()) {
    const file = checkpoints.openSafetensors(path);
    const tensors = describeTensors(file);
    file.close();
    return { kind: "safetensors", family: null, step: null, sizes: null, split: null, tensors };
  }
  if (checkpoints.isHuggingFaceDirectory(path)) {
    const directory = checkpoints.openHuggingFaceDirectory(path);
    const { config } = directory;
    const tensors = describeTensors(directory.tensors);
    directory.close();
    const sizes = await huggingFaceSizes(config, new Set(tensors.map(({ name }) => name)));
    return { kind: "hugging-face", family: String(config.model_type), step: null, sizes, split: null, tensors };
  }
  if (checkpoints.isMegatronCheckpoint(path)) {
    const { family, iteration, sizes, split, tensors } = await checkpoints.describeMegatronCheckpoint(path);
    return { kind: "megatron-lm", family, step: iteration, sizes, split, tensors };
  }
  const checkpoint = checkpoints.loadLatestCheckpoint(path);
  const { model, step } = checkpoint.manifest;
  const tensors = describeTensors(checkpoint.weights);
  checkpoint.close();
  const family = String(model.family);
  return { kind: "checkpoint", family, step, sizes: await sizesOf(model), split: null, tensors };
}

/** Null for an unknown architecture, whose tensors can still be listed. */
async function huggingFaceSizes(config: HuggingFaceConfig, tensors: ReadonlySet<string>): Promise<Sizes | null> {
  const { ModelError, readHuggingFaceConfig } = await import("@megatron-ts/model");
  try {
    return await sizesOf(readHuggingFaceConfig(config, { tensors }).config);
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

async function sizesOf(model: object): Promise<Sizes> {
  const { layersOfStacks, modelConfigSchema } = await import("@megatron-ts/model");
  const config = modelConfigSchema.parse(model);
  const { numLayers, hiddenSize, numHeads, vocabularySize } = config;
  const [, numDecoderLayers] = layersOfStacks(config);
  return { numLayers, numDecoderLayers, hiddenSize, numHeads, vocabularySize };
}
