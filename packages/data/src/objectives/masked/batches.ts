/**
 * Batches for masked language models: framed as `[CLS] text [SEP]` or `[CLS] first [SEP] second [SEP]`, padded on the
 * right, masked by the sample's global number. A batch is a function of the samples, the schedule and the step.
 */
import { hashKey } from "@megatron-ts/random";
import { IGNORED_LABEL, type RankOptions } from "../batches/causal.ts";
import type { BatchSchedule } from "../batches/schedule.ts";
import { DataError } from "../errors.ts";
import { type MaskingOptions, maskTokens } from "./masking.ts";

/** B rows of T tokens, row-major. */
export interface MaskedBatch {
  batchSize: number;
  sequenceLength: number;
  /** [B, T] as the model sees them. */
  tokens: Int32Array;
  /** [B, T]: the hidden token; -100 where nothing is predicted. */
  labels: Int32Array;
  /** [B, T]: 0 for the first segment and its frame, 1 for the second. */
  tokenTypes: Int32Array;
  /** [B]: tokens that are not padding. */
  lengths: Int32Array;
  /** [B]: whether the segments belong together (0) or not (1); absent without pairs. */
  pairLabels?: Int32Array;
  /** Number of the first row's sample. */
  firstSample: number;
}

/** A text of one or two segments, without its frame. */
export interface Segments {
  first: Int32Array;
  second?: Int32Array;
  label?: 0 | 1;
}

/** Ids of the tokens that frame and fill a row. */
export interface FrameTokens {
  classification: number;
  separator: number;
  padding: number;
  /** RoBERTa ends its first segment of a pair with two separators; 1 unless given. */
  separatorsBetween?: 1 | 2;
}

export interface MaskedBatchOptions {
  samples: { at(index: number): Segments };
  sequenceLength: number;
  frame: FrameTokens;
  masking: Omit<MaskingOptions, "key">;
  seed: number;
  /**
   * Masks repeat after so many samples, as if the texts had been masked once beforehand; null masks every sample anew.
   */
  staticAfter?: number | null;
}

/** The rows `first` to `first + count - 1`. */
export function buildMaskedBatch(
  options: MaskedBatchOptions,
  { first, count }: { first: number; count: number },
): MaskedBatch {
  const { samples, sequenceLength, frame, masking, seed, staticAfter } = options;
  const size = count * sequenceLength;
  const tokens = new Int32Array(size).fill(frame.padding);
  const labels = new Int32Array(size).fill(IGNORED_LABEL);
  const tokenTypes = new Int32Array(size);
  const lengths = new Int32Array(count);
  const pairLabels: number[] = [];
  for (let row = 0; row < count; row++) {
    const index = first + row;
    const segments = samples.at(index);
    const framed = frameSegments(segments, frame);
    if (framed.tokens.length > sequenceLength)
      throw new DataError(`sample ${index} has ${framed.tokens.length} tokens, but rows have ${sequenceLength}`);
    const maskedAs = staticAfter ? index % staticAfter : index;
    const masked = maskTokens(framed.tokens, { ...masking, key: hashKey(seed, "mask", maskedAs) });
    const base = row * sequenceLength;
    tokens.set(masked.tokens, base);
    labels.set(masked.labels, base);
    tokenTypes.fill(1, base + framed.secondFrom, base + framed.tokens.length);
    lengths[row] = framed.tokens.length;
    if (segments.label !== undefined) pairLabels.push(segments.label);
  }
  const batch = { batchSize: count, sequenceLength, tokens, labels, tokenTypes, lengths, firstSample: first };
  return pairLabels.length === count ? { ...batch, pairLabels: Int32Array.from(pairLabels) } : batch;
}

function frameSegments({ first, second }: Segments, frame: FrameTokens): { tokens: Int32Array; secondFrom: number } {
  const { classification, separator, separatorsBetween = 1 } = frame;
  const between = second ? separatorsBetween : 1;
  const secondFrom = 1 + first.length + between;
  const tokens = new Int32Array(secondFrom + (second ? second.length + 1 : 0));
  tokens[0] = classification;
  tokens.set(first, 1);
  tokens.fill(separator, 1 + first.length, secondFrom);
  if (second) {
    tokens.set(second, secondFrom);
    tokens[tokens.length - 1] = separator;
  }
  return { tokens, secondFrom };
}

/** The batches of a schedule; a rank takes its rows. */
export function createMaskedBatches(options: MaskedBatchOptions & { schedule: BatchSchedule }) {
  return {
    at(step: number, { rank = 0, ranks = 1 }: RankOptions = {}): MaskedBatch {
      const { firstSample, size } = options.schedule.at(step);
      if (size % ranks !== 0)
        throw new DataError(`step ${step} has ${size} samples, which ${ranks} ranks cannot share equally`);
      return buildMaskedBatch(options, { first: firstSample + (rank * size) / ranks, count: size / ranks });
    },
  };
}
