/** What stays the same for every token that is decoded: keys and values of a memory, keys of distances. */
import * as tf from "@tensorflow/tfjs";

/** Tensors by the name of what computes them. */
export type MemoryCache = Map<string, tf.Tensor>;

/** What the cache holds under that name; else it is computed, and kept if there is a cache. */
export function getOrCompute(cache: MemoryCache | null | undefined, name: string, compute: () => tf.Tensor): tf.Tensor {
  const found = cache?.get(name);
  if (found) return found;
  const fresh = compute();
  cache?.set(name, tf.keep(fresh));
  return fresh;
}
