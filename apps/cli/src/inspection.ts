/** What lies at a path: a checkpoint of ours, of Hugging Face's or of Megatron-LM's, or a file of tensors. */
import { statSync } from "node:fs";
import type { HuggingFaceConfig } from "@megatron-ts/model";

/** Of a model, as far as it is known. */
export interface Sizes {
  numLayers?: number;
  /** Of the second stack, where there are two. */
  numDecoderLayers?: number;
  hiddenSize?: number;
  numHeads?: number;
  vocabularySize?: number;
}

export interface Found {
  kind: "checkpoint" | "hugging-face" | "megatron-lm" | "safetensors";
  /** Family or model_type, where there is a model. */
  family: string | null;
  step: number | null;
  sizes: Sizes | null;
  /** Ranks that the tensors are split over; null where they lie whole. */
  split: { tensor: number; pipeline: number } | null;
  /** Whole. */
  tensors: { name: string; dtype: string; shape: readonly number[] }[];
}

interface Reader {
  names: readonly string[];
  info(name: string): { dtype: string; shape: readonly number[] };
}

const described = (reader: Reader) => reader.names.map((name) => ({ name, ...reader.info(name) }));

/** No tensor is read. Throws a CheckpointError. */
export async function lookInto(path: string): Promise<Found> {
  const checkpoints = await import("@megatron-ts/checkpoint");
  if (statSync(path).isFile()) {
    const file = checkpoints.openSafetensors(path);
    const tensors = described(file);
    file.close();
    return { kind: "safetensors", family: null, step: null, sizes: null, split: null, tensors };
  }
  if (checkpoints.isHuggingFaceDirectory(path)) {
    const directory = checkpoints.openHuggingFaceDirectory(path);
    const { config } = directory;
    const tensors = described(directory.tensors);
    directory.close();
    const sizes = await huggingFaceSizes(config, new Set(tensors.map(({ name }) => name)));
    return { kind: "hugging-face", family: String(config.model_type), step: null, sizes, split: null, tensors };
  }
  if (checkpoints.isMegatronCheckpoint(path)) {
    const { family, iteration, sizes, split, tensors } = await checkpoints.describeMegatronCheckpoint(path);
    return { kind: "megatron-lm", family, step: iteration, sizes, split, tensors };
  }
  const checkpoint = checkpoints.loadCheckpoint(checkpoints.resolveCheckpoint(path));
  const { model, step } = checkpoint.manifest;
  const tensors = described(checkpoint.weights);
  checkpoint.close();
  const family = String(model.family);
  return { kind: "checkpoint", family, step, sizes: sizesOf(model), split: null, tensors };
}

/** Null for an architecture that is not known: its tensors can be listed all the same. */
async function huggingFaceSizes(config: HuggingFaceConfig, tensors: ReadonlySet<string>): Promise<Sizes | null> {
  const { foreignFormatOf, ModelError } = await import("@megatron-ts/model");
  try {
    return sizesOf(foreignFormatOf(config).fromHuggingFace(config, { tensors }) as object);
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

function sizesOf(model: object): Sizes {
  const fields = model as Sizes & { family?: string };
  const { numLayers, hiddenSize, numHeads, vocabularySize } = fields;
  const twoStacks = fields.family === "t5" || fields.family === "encoder-decoder";
  const numDecoderLayers = twoStacks ? (fields.numDecoderLayers ?? numLayers) : undefined;
  return { numLayers, numDecoderLayers, hiddenSize, numHeads, vocabularySize };
}
