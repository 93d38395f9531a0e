/** Describes a checkpoint of Megatron-LM, of any of its models: nothing is imported, and no tensor is read. */
import { megatronLmFamilyOf } from "@megatron-ts/model";
import { userError } from "../errors.ts";
import type { TensorDescription } from "../tensor-entry.ts";
import { openIteration } from "./iteration-directory.ts";
import { openTensors } from "./open-tensors.ts";
import { itemsOf } from "./pickle.ts";
import { wholeShape } from "./tensor-names.ts";

/** What a checkpoint of Megatron-LM contains. */
export interface MegatronDescription {
  /** Megatron-LM's name for the model, as its tensors suggest. */
  family: string;
  iteration: number;
  /** Determines the order of queries, keys and values. */
  checkpointVersion: number;
  /** Sizes of its tensor and pipeline parallelism. */
  split: { tensor: number; pipeline: number };
  /** Arguments that it was trained with, as far as it has them. */
  sizes: { numLayers?: number; hiddenSize?: number; numHeads?: number; vocabularySize?: number };
  /** Whole tensors, under Megatron-LM's names. */
  tensors: ({ name: string } & TensorDescription)[];
}

/**
 * Describes a checkpoint of Megatron-LM, or one of its iterations.
 * @throws CheckpointError for what is damaged, incomplete or not allowed
 */
export async function describeMegatronCheckpoint(directory: string): Promise<MegatronDescription> {
  const { root, split, slices, close } = await openIteration(directory, openTensors);
  close();
  // A pipeline's last stage repeats the embedding.
  const own = [...slices].filter(([name]) => !/(^|\.)word_embeddings_for_head\./.test(name));
  const tensors = own.map(([name, parts]) => ({
    name,
    dtype: parts[0]!.dtype,
    shape: wholeShape(name, parts),
  }));
  if (tensors.length === 0) throw userError(`${directory} contains a model without tensors`);
  const args = itemsOf(root.get("args"));
  function number(name: string) {
    const value = args?.get(name);
    return typeof value === "number" ? value : undefined;
  }
  const embedding = tensors.find(({ name }) => name.endsWith("word_embeddings.weight"));
  return {
    family: megatronLmFamilyOf([...slices.keys()]),
    iteration: Number(root.get("iteration") ?? 0),
    checkpointVersion: Number(root.get("checkpoint_version") ?? 0),
    split,
    sizes: {
      numLayers: number("num_layers"),
      hiddenSize: number("hidden_size"),
      numHeads: number("num_attention_heads"),
      vocabularySize: embedding?.shape[0],
    },
    tensors,
  };
}
