/** The mean loss of a model over batches, without gradients. */
import type { BatchList } from "@megatron-ts/data";
import { createPerplexity, type PerplexityResult } from "@megatron-ts/metrics";
import type { Model } from "@megatron-ts/model";
import { type Precision, withPrecision } from "@megatron-ts/ops";
import type { MicroBatch, Objective } from "../objectives/objective.ts";

export interface EvaluateOptions {
  /** Only the first so many batches; all unless given. */
  maxBatches?: number;
  /** UTF-8 bytes and words of the text that all batches spell, where known: for bits per byte and per-word perplexity. */
  bytes?: number;
  words?: number;
  precision?: Precision;
  /** After each batch: batches done and in all. */
  onProgress?: (done: number, total: number) => void;
}

/** Yields to the event loop after each batch. Bytes and words only count when every batch was evaluated. */
export async function evaluate<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  batches: BatchList<Batch>,
  { maxBatches = Number.POSITIVE_INFINITY, bytes, words, precision = "f32", onProgress }: EvaluateOptions = {},
): Promise<PerplexityResult> {
  const perplexity = createPerplexity();
  const total = Math.min(batches.length, maxBatches);
  const whole = total === batches.length;
  for (let index = 0; index < total; index++) {
    const batch = batches.at(index);
    const tokens = objective.count(batch);
    const lossSum = withPrecision(precision, () => objective.lossSum(model, batch, {}));
    const first = index === 0 && whole;
    perplexity.add({
      negativeLogLikelihood: lossSum.dataSync()[0]!,
      tokens,
      bytes: whole ? (first ? bytes : 0) : undefined,
      words: whole ? (first ? words : 0) : undefined,
    });
    lossSum.dispose();
    onProgress?.(index + 1, total);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return perplexity.result();
}
