/**
 * Batches for permutation language models, laid out as XLNet's: a part that could come from its memory, then A SEP B SEP
 * CLS. The two halves of a row each have their own order and targets; the second attends to all of the first, the first to
 * none of the second.
 */
import { hashKey } from "@megatron-ts/random";
import { createStepBatches, type SampleRange, type StepBatches } from "../../batches/batches.ts";
import type { BatchSchedule } from "../../batches/schedule.ts";
import type { PackedSample, SampleSource } from "../../samples/source.ts";
import { createDraws } from "../draws.ts";
import type { ObjectiveVocabulary } from "../vocabulary.ts";
import { drawPermutationMask } from "./permutation-mask.ts";
import { PERMUTATION_SPECIAL_TOKENS } from "./samples.ts";
import { chooseTargets } from "./targets.ts";

/** B rows of T tokens, of which M are predicted; row-major. */
export interface PermutationBatch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** [B, T] */
  readonly tokens: Int32Array;
  /** [B, T]: 0 for the first part, A and its separator, 1 for B and its separator, 2 for CLS. */
  readonly tokenTypes: Int32Array;
  /** [B, T, T]: 1 where token i must not attend to token j, as XLNet's perm_mask. */
  readonly permutationMask: Uint8Array;
  /** [B, M]: the positions to predict, ascending. */
  readonly targetPositions: Int32Array;
  /** [B, M]: the tokens at these positions. */
  readonly labels: Int32Array;
  /** [B]: 1 for rows whose text runs backwards; default: none. */
  readonly reversed?: Int32Array;
  /** [B, S]: what an encoder reads, for models that have one. */
  readonly source?: Int32Array;
}

/** What permutation batches are made of; `createPermutationSamples` gives samples of the right length. */
export interface PermutationBatchOptions {
  /** Runs of sourceLength + sequenceLength - 3 tokens. */
  samples: SampleSource<Pick<PackedSample, "tokens">>;
  /** T */
  sequenceLength: number;
  /** S: tokens of each sample that an encoder reads. Default 0: batches have no `source`. */
  sourceLength?: number;
  /** Tokens in the first part: XLNet's reuse_len, half of T. */
  reuseLength: number;
  /** M: targets in a row. */
  numPredicted: number;
  /** XLNet's mask_alpha: tokens of context, per predicted word, in which a run of predicted words is placed. */
  maskAlpha: number;
  /** Most words in a run of predicted words. */
  maxNgram: number;
  /** Tokens in one permutation: XLNet's perm_size. */
  permutationSize: number;
  /** Reverse every second sample. */
  bothDirections: boolean;
  vocabulary: ObjectiveVocabulary;
  /** Id of SEP. */
  separator: number;
  /** Id of CLS. */
  classification: number;
  seed: number;
  schedule: BatchSchedule;
}

/** The batches of a schedule. */
export function createPermutationBatches(options: PermutationBatchOptions): StepBatches<PermutationBatch> {
  return createStepBatches(options.schedule, (range) => buildPermutationBatch(options, range));
}

function buildPermutationBatch(options: PermutationBatchOptions, { first, count }: SampleRange): PermutationBatch {
  const { samples, sequenceLength, sourceLength = 0, numPredicted } = options;
  const tokens = new Int32Array(count * sequenceLength);
  const tokenTypes = new Int32Array(count * sequenceLength);
  const permutationMask = new Uint8Array(count * sequenceLength * sequenceLength);
  const targetPositions = new Int32Array(count * numPredicted);
  const labels = new Int32Array(count * numPredicted);
  const reversed = new Int32Array(count);
  const source = sourceLength > 0 ? new Int32Array(count * sourceLength) : undefined;
  for (let row = 0; row < count; row++) {
    const sample = buildSample(options, first + row);
    tokens.set(sample.tokens, row * sequenceLength);
    tokenTypes.set(sample.tokenTypes, row * sequenceLength);
    permutationMask.set(sample.permutationMask, row * sequenceLength * sequenceLength);
    targetPositions.set(sample.targetPositions, row * numPredicted);
    labels.set(
      sample.targetPositions.map((position) => sample.tokens[position]!),
      row * numPredicted,
    );
    reversed[row] = isReversed(options, first + row) ? 1 : 0;
    source?.set(samples.at(first + row).tokens.subarray(0, sourceLength), row * sourceLength);
  }
  const batch = { batchSize: count, sequenceLength, tokens, tokenTypes, permutationMask, targetPositions, labels };
  return source ? { ...batch, reversed, source } : { ...batch, reversed };
}

function buildSample(options: PermutationBatchOptions, index: number) {
  const { sequenceLength, reuseLength, numPredicted, seed } = options;
  const { tokens, tokenTypes } = layOut(options, index);
  const inFirst = Math.floor(numPredicted / 2);
  const parts = [
    { start: 0, end: reuseLength, numPredicted: inFirst },
    { start: reuseLength, end: sequenceLength, numPredicted: numPredicted - inFirst },
  ];
  const permutationMask = new Uint8Array(sequenceLength * sequenceLength);
  // The first part attends to none of the second.
  for (let i = 0; i < reuseLength; i++) {
    permutationMask.fill(1, i * sequenceLength + reuseLength, (i + 1) * sequenceLength);
  }
  const targetPositions: number[] = [];
  parts.forEach((part, number) => {
    const own = tokens.subarray(part.start, part.end);
    const targets = chooseTargets(own, {
      ...options,
      numPredicted: part.numPredicted,
      reversed: isReversed(options, index),
      key: hashKey(seed, "targets", index, number),
    });
    const mask = drawPermutationMask(own, { ...options, targets, key: hashKey(seed, "permutation", index, number) });
    for (let i = 0; i < own.length; i++) {
      const row = (part.start + i) * sequenceLength + part.start;
      permutationMask.set(mask.subarray(i * own.length, (i + 1) * own.length), row);
      if (targets[i] === 1) targetPositions.push(part.start + i);
    }
  });
  return { tokens, tokenTypes, permutationMask, targetPositions: Int32Array.from(targetPositions) };
}

function isReversed({ bothDirections }: PermutationBatchOptions, index: number): boolean {
  return bothDirections && index % 2 === 1;
}

/** The first part, then A SEP B SEP CLS; B follows A, or half of the time comes from another sample. */
function layOut(options: PermutationBatchOptions, index: number): { tokens: Int32Array; tokenTypes: Int32Array } {
  const { samples, sequenceLength, sourceLength = 0, reuseLength, separator, classification, seed } = options;
  const draws = createDraws(hashKey(seed, "segments", index));
  const length = sequenceLength - PERMUTATION_SPECIAL_TOKENS;
  const read = (sample: number) => {
    const text = samples.at(sample).tokens.subarray(sourceLength, sourceLength + length);
    return isReversed(options, index) ? text.toReversed() : text;
  };
  const text = read(index);
  const split = reuseLength + 1 + draws.below(length - reuseLength - 1);
  const random = draws.uniform() < 0.5;
  const other = random ? read(draws.below(index + 1) + index + 1) : text;
  const tokens = new Int32Array(sequenceLength);
  tokens.set(text.subarray(0, split));
  tokens[split] = separator;
  tokens.set(other.subarray(split), split + 1);
  tokens[sequenceLength - 2] = separator;
  tokens[sequenceLength - 1] = classification;
  const tokenTypes = new Int32Array(sequenceLength).fill(1, split + 1);
  tokenTypes[sequenceLength - 1] = 2;
  return { tokens, tokenTypes };
}
