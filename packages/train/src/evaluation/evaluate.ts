/** Evaluates the mean loss of a model over batches, without gradients. Ranks of the data axis share the micro-batches. */
import type { BatchList } from "@megatron-ts/data";
import { createPerplexity, type PerplexityResult } from "@megatron-ts/metrics";
import type { Model } from "@megatron-ts/model";
import { type Precision, withPrecision } from "@megatron-ts/ops";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { ownTokens } from "../step/accumulate.ts";
import { lossSumOf } from "../step/pipeline.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** Rows that run through the model at a time. Default: whole batches. The result does not depend on it. */
  microBatchSize?: number;
  /** Maximum number of batches. Default: all. */
  maxBatches?: number;
  /** UTF-8 bytes and words of the text in all batches, if known: for bits per byte and per-word perplexity. */
  bytes?: number;
  words?: number;
  precision?: Precision;
  /** Called after each batch with the number of batches done and the total. */
  onProgress?: (done: number, total: number) => void;
}

/** Evaluates batches, yielding to the event loop after each. Bytes and words only count if every batch is evaluated. */
export async function evaluate<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  batches: BatchList<Batch>,
  {
    maxBatches = Number.POSITIVE_INFINITY,
    microBatchSize,
    bytes,
    words,
    precision = "f32",
    onProgress,
  }: EvaluateOptions = {},
): Promise<PerplexityResult> {
  const perplexity = createPerplexity();
  const total = Math.min(batches.length, maxBatches);
  const whole = total === batches.length;
  for (let index = 0; index < total; index++) {
    const batch = batches.at(index);
    const tokens = objective.count(batch);
    const lossSum = Float64Array.of(0);
    for (const rows of microBatches(batch, {
      objective,
      axis: model.mesh.data,
      size: microBatchSize ?? batch.batchSize,
    })) {
      lossSum[0]! += withPrecision(precision, () =>
        lossSumOf({ model, objective }, ownTokens(objective, rows, model.mesh.context)),
      );
    }
    model.mesh.replicas.reduce(lossSum);
    model.mesh.pipeline.reduce(lossSum);
    const first = index === 0 && whole;
    perplexity.add({
      negativeLogLikelihood: lossSum[0]!,
      tokens,
      bytes: whole ? (first ? bytes : 0) : undefined,
      words: whole ? (first ? words : 0) : undefined,
    });
    onProgress?.(index + 1, total);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return perplexity.result();
}

/** Those of this rank: every `axis.size`th. */
function* microBatches<Batch extends MicroBatch>(
  batch: Batch,
  { objective, axis, size }: { objective: Objective<Batch>; axis: { rank: number; size: number }; size: number },
): Generator<Batch> {
  if (axis.size === 1 && size >= batch.batchSize) return yield batch;
  for (let start = axis.rank * size; start < batch.batchSize; start += axis.size * size) {
    yield objective.slice(batch, start, Math.min(start + size, batch.batchSize));
  }
}
