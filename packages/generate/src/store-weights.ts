/** How a model's weights are stored while it generates. */
import type { Model } from "@megatron-ts/model";
import { type Storage, store } from "@megatron-ts/ops";
import { GenerateError } from "./errors.ts";

/**
 * Stores the matrices and embeddings of a model as bf16, rounded to nearest, or as f32, in place. Decoding is bound by
 * reading them, so half as many bytes make it faster; products still multiply and add in f32, and norms and biases stay
 * f32. What bf16 rounded stays rounded: do not train or save such a model. Throws a GenerateError where the backend stores
 * f32 only.
 */
export function storeWeights({ parameters }: Pick<Model, "parameters">, storage: Storage): void {
  for (const { tensor, kind } of parameters.values()) {
    if (kind === "scalar" || tensor.rank !== 2) continue;
    try {
      store(tensor, storage);
    } catch (error) {
      throw new GenerateError(`cannot store weights as ${storage}: ${(error as Error).message}; use --backend native`);
    }
  }
}
