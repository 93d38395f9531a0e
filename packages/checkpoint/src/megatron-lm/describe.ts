/** What a checkpoint of Megatron-LM holds, of any of its families: nothing is imported, and no tensor is read. */
import { userError } from "../errors.ts";
import type { TensorDescription } from "../tensor-entry.ts";
import { splitOf } from "./names.ts";
import type { Pickled } from "./pickle.ts";
import { itemsOf, openStages } from "./stages.ts";

export interface MegatronDescription {
  /** As its tensors tell. */
  family: "gpt" | "bert" | "t5";
  iteration: number;
  /** Says in which order queries, keys and values lie. */
  checkpointVersion: number;
  /** Ranks of its tensor and pipeline split. */
  split: { tensor: number; pipeline: number };
  /** The arguments that it was trained with, as far as it keeps them. */
  sizes: { numLayers?: number; hiddenSize?: number; numHeads?: number; vocabularySize?: number };
  /** Whole, under Megatron-LM's names. */
  tensors: ({ name: string } & TensorDescription)[];
}

/** Throws a CheckpointError for what is damaged, incomplete or asks for code. */
export async function describeMegatronCheckpoint(directory: string): Promise<MegatronDescription> {
  const { root, split, slices, close } = await openStages(directory);
  close();
  const tensors = [...slices].map(([name, parts]) => {
    const dim = splitOf(name);
    const [first] = parts;
    const shape = [...first!.shape];
    if (dim !== null) shape[dim] = parts.reduce((sum, part) => sum + (part.shape[dim] ?? 0), 0);
    return { name, dtype: first!.dtype, shape };
  });
  if (tensors.length === 0) throw userError(`${directory} holds a "model" without any tensor`);
  const args = itemsOf(root.get("args")) ?? new Map<Pickled, Pickled>();
  function number(name: string) {
    const value = args.get(name);
    return typeof value === "number" ? value : undefined;
  }
  const embedding = tensors.find(({ name }) => name.endsWith("word_embeddings.weight"));
  return {
    family: familyOf([...slices.keys()]),
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

/** Cross-attention is T5's; token types and what judges pairs of segments are BERT's. */
export function familyOf(names: readonly string[]): MegatronDescription["family"] {
  if (names.some((name) => /\.(inter_attention|cross_attention)\./.test(name))) return "t5";
  const bert = /(^|\.)(tokentype_embeddings|binary_head|pooler|lm_head\.dense)\./;
  return names.some((name) => bert.test(name)) ? "bert" : "gpt";
}
