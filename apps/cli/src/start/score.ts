/** Scores the model of `megatron start` on the held-out text, beside a compressor that has read the same text. */
import { openDataset } from "@megatron-ts/data";
import { evaluate, openEvaluation, starterBatch } from "@megatron-ts/train";
import { contextTokenOf } from "../context-token.ts";
import { ResultError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";
import { type BrotliLevel, type CompressionScore, compressionScore, textOf } from "./compression.ts";
import type { StartTexts } from "./texts.ts";

/** In bits per byte of the held-out text. */
export interface StartScore {
  bitsPerByte: number;
  /** Per token. */
  perplexity: number;
  /** Null where the user wants none. */
  brotli: CompressionScore | null;
}

export async function scoreStarter(
  trained: TrainedModel,
  { training, heldOut }: StartTexts,
  { brotli, terminal }: { brotli: BrotliLevel | null; terminal: Terminal },
): Promise<StartScore> {
  const { model, tokenizer, directory } = trained;
  const dataset = await openDataset(heldOut.prefix);
  try {
    const [metric] = openEvaluation(trained.objective, {
      dataset,
      documents: dataset.documentsOf(heldOut.split),
      tokenizer,
      readsSource: false,
      sequenceLength: starterBatch.sequenceLength,
      batchSize: 16,
      // Every token has at least half a window of context.
      stride: starterBatch.sequenceLength / 2,
      contextToken: contextTokenOf(tokenizer, dataset),
    });
    const progress = terminal.progress("scoring the held-out text");
    const { loss, perplexity, bitsPerByte } = await evaluate({ model, objective: metric!.objective }, metric!.batches, {
      bytes: heldOut.bytes,
      onProgress: (done, total) => progress.update(done / total, ""),
    });
    progress.stop();
    if (!Number.isFinite(loss)) throw new ResultError(`${directory}: the loss is not finite: training diverged`);
    const texts = brotli && {
      training: await textOfPart(training, tokenizer),
      heldOut: textOf(dataset, { split: heldOut.split, tokenizer }),
    };
    return {
      bitsPerByte: bitsPerByte!,
      perplexity,
      brotli: texts && (await compressionScore(texts, { level: brotli! })),
    };
  } finally {
    dataset.close();
  }
}

async function textOfPart(
  { prefix, split }: StartTexts["training"],
  tokenizer: TrainedModel["tokenizer"],
): Promise<Uint8Array> {
  // Training has just verified it.
  const dataset = await openDataset(prefix, { verify: false });
  try {
    return textOf(dataset, { split, tokenizer });
  } finally {
    dataset.close();
  }
}
