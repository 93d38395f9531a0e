/** Records the part of each layer's input that the next sequence attends to (Dai et al. 2019, section 3.2). */
import * as tf from "@tensorflow/tfjs";
import type { XlnetConfig } from "./configuration.ts";

export interface MemoryRecorder {
  /** To be passed as `observe`: records the embedding and the output of each layer but the last. */
  observe(name: string, tensor: tf.Tensor): void;
  /** For each layer so far, [B, past, h]. */
  readonly memory: tf.Tensor[];
}

/** Keeps the last `memoryLength` states of the old memory and the first `reuseLength` tokens. */
export function createMemoryRecorder(
  { numLayers, memoryLength, reuseLength }: XlnetConfig,
  { memory, tokens }: { memory: readonly tf.Tensor[]; tokens: number },
): MemoryRecorder {
  const inputOf = new Map(
    Array.from({ length: numLayers }, (_, i) => [i === 0 ? "embedding" : `layers.${i - 1}.output`, i]),
  );
  const kept: tf.Tensor[] = [];
  return {
    memory: kept,
    observe(name, tensor) {
      const layer = inputOf.get(name);
      if (layer === undefined) return;
      kept[layer] = tf.tidy(() => {
        const fresh = tf.slice(tensor, [0, 0, 0], [-1, Math.min(reuseLength ?? tokens, tokens), -1]);
        const all = memory[layer] ? tf.concat([memory[layer], fresh], 1) : fresh;
        const length = Math.min(memoryLength ?? all.shape[1]!, all.shape[1]!);
        return tf.slice(all, [0, all.shape[1]! - length, 0], [-1, length, -1]);
      });
    },
  };
}
