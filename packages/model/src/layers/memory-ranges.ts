/** The range of the memory that each token of a decoder sees. */
import { paddedRanges } from "@megatron-ts/attention";
import type * as tf from "@tensorflow/tfjs";
import type { MemoryInput } from "../model.ts";

/** int32 [B, T, 2], for T tokens per row. */
export function memoryRangesOf(
  { memory, memoryLengths, memoryRanges }: MemoryInput,
  { tokens }: { tokens: number },
): tf.Tensor {
  const [batchSize, states] = memory.shape as [number, number, number];
  return memoryRanges ?? paddedRanges({ tokens, lengths: memoryLengths ?? new Int32Array(batchSize).fill(states) });
}
