/**
 * Batches for masked language models: `[CLS] text [SEP]` or `[CLS] first [SEP] second [SEP]`, padded on the right. The mask
 * of a row depends on its sample's number and the seed.
 */
import { hashKey } from "@megatron-ts/random";
import { createStepBatches, IGNORED_LABEL, type SampleRange, type StepBatches } from "../../batches/batches.ts";
import type { BatchSchedule } from "../../batches/schedule.ts";
import { DataError } from "../../errors.ts";
import { documentNumbers, documentPositions, documentRanges } from "../../samples/document-spans.ts";
import type { SampleSource } from "../../samples/source.ts";
import type { DocumentMasking } from "../causal/batches.ts";
import { type MaskingOptions, maskTokens } from "./masking.ts";
import type { Segments } from "./samples.ts";

/** B rows of T tokens, row-major, padded on the right. */
export interface MaskedBatch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** [B, T], masked. */
  readonly tokens: Int32Array;
  /** [B, T]: the original token where one is predicted; negative elsewhere. */
  readonly labels: Int32Array;
  /** [B, T]: 0 for the first segment and its special tokens, 1 for the second. */
  readonly tokenTypes: Int32Array;
  /** [B]: tokens of each row without padding. */
  readonly lengths: Int32Array;
  /** [B, T, 2]: the range of tokens that each one attends to; default: all of its row. */
  readonly ranges?: Int32Array;
  /** [B, T]: the position of each token in its document; default: in its row. */
  readonly positions?: Int32Array;
  /** [B]: 1 where the second segment is random or the two are swapped, 0 where not; absent without pairs. */
  readonly pairLabels?: Int32Array;
  /** Predicted tokens per row, averaged over the global batch: for micro-batches, which have only some of its rows. */
  readonly tokensPerRow?: number;
}

/** Ids of the special tokens around segments. */
export interface SpecialTokenIds {
  classification: number;
  separator: number;
  padding: number;
}

/** What masked batches are made of. */
export interface MaskedBatchOptions extends Pick<DocumentMasking, "resetPositions" | "resetAttention"> {
  samples: SampleSource<Segments>;
  /** T; segments and their special tokens must fit. */
  sequenceLength: number;
  specialTokens: SpecialTokenIds;
  masking: Omit<MaskingOptions, "key">;
  seed: number;
  /**
   * Number of samples after which masks repeat, for static masking: the epoch size gives every text one mask. Null (default)
   * draws a new mask for every sample.
   */
  maskRepeatInterval?: number | null;
  schedule: BatchSchedule;
}

/**
 * The batches of a schedule.
 * @throws DataError for a sample that is too long for a row
 */
export function createMaskedBatches(options: MaskedBatchOptions): StepBatches<MaskedBatch> {
  return createStepBatches(options.schedule, (range) => buildMaskedBatch(options, range));
}

function buildMaskedBatch(options: MaskedBatchOptions, { first, count }: SampleRange): MaskedBatch {
  const { samples, sequenceLength, specialTokens, masking, seed, maskRepeatInterval } = options;
  const { resetPositions, resetAttention } = options;
  const size = count * sequenceLength;
  const tokens = new Int32Array(size).fill(specialTokens.padding);
  const labels = new Int32Array(size).fill(IGNORED_LABEL);
  const tokenTypes = new Int32Array(size);
  const lengths = new Int32Array(count);
  const ranges = resetAttention ? new Int32Array(2 * size) : undefined;
  const positions = resetPositions ? new Int32Array(size) : undefined;
  const pairLabels: number[] = [];
  for (let row = 0; row < count; row++) {
    const index = first + row;
    const segments = samples.at(index);
    const { text, secondStart } = addSpecialTokens(segments, specialTokens);
    if (text.length > sequenceLength)
      throw new DataError(`sample ${index} has ${text.length} tokens, but rows have ${sequenceLength}`);
    const maskNumber = maskRepeatInterval ? index % maskRepeatInterval : index;
    const masked = maskTokens(text, { ...masking, key: hashKey(seed, "mask", maskNumber) });
    const base = row * sequenceLength;
    tokens.set(masked.tokens, base);
    labels.set(masked.labels, base);
    tokenTypes.fill(1, base + secondStart, base + text.length);
    lengths[row] = text.length;
    // [CLS] belongs to the first document, [SEP] to the last one.
    const documents = documentNumbers(
      (segments.documentStarts ?? new Int32Array()).map((start) => start + 1),
      text.length,
    );
    ranges?.set(documentRanges(documents), 2 * base);
    positions?.set(documentPositions(documents), base);
    if (segments.label !== undefined) pairLabels.push(segments.label);
  }
  const apart = { ...(ranges && { ranges }), ...(positions && { positions }) };
  const batch = { batchSize: count, sequenceLength, tokens, labels, tokenTypes, lengths, ...apart };
  return pairLabels.length === count ? { ...batch, pairLabels: Int32Array.from(pairLabels) } : batch;
}

/** `[CLS] first [SEP]`, and `second [SEP]` where there is a second segment, which begins at `secondStart`. */
function addSpecialTokens(
  { first, second }: Segments,
  { classification, separator }: SpecialTokenIds,
): { text: Int32Array; secondStart: number } {
  const secondStart = first.length + 2;
  const text = new Int32Array(secondStart + (second ? second.length + 1 : 0));
  text[0] = classification;
  text.set(first, 1);
  text[secondStart - 1] = separator;
  if (second) {
    text.set(second, secondStart);
    text[text.length - 1] = separator;
  }
  return { text, secondStart };
}
