/** Caches tensors that stay the same for every decoded token: keys and values of a memory, keys of distances. */
import * as tf from "@tensorflow/tfjs";

/** Tensors by the name of the layer that computes them. */
export type MemoryCache = Map<string, tf.Tensor>;

/** The cached tensor of that name; otherwise computes it, and keeps it if there is a cache. */
export function getOrCompute(cache: MemoryCache | null | undefined, name: string, compute: () => tf.Tensor): tf.Tensor {
  const found = cache?.get(name);
  if (found) return found;
  const fresh = compute();
  cache?.set(name, tf.keep(fresh));
  return fresh;
}
