/**
 * Batches of permutation language modelling as XLNet lays them out: a part that its successor could have remembered, then
 * A SEP B SEP CLS. Half of the samples may run backwards. Each part has an order and targets of its own; the second part
 * sees the whole first one, which sees none of the second.
 */
import { hashKey } from "@megatron-ts/random";
import type { BatchSchedule } from "../batches/schedule.ts";
import { createDraws } from "./draws.ts";
import { chooseTargets, permutationMask } from "./permutation.ts";
import type { ObjectiveVocabulary } from "./vocabulary.ts";

export interface PermutationBatch {
  batchSize: number;
  sequenceLength: number;
  /** [B, T] */
  tokens: Int32Array;
  /** [B, T]: 0 for the first part, A and its separator, 1 for B and its separator, 2 for the closing marker. */
  segments: Int32Array;
  /** [B, T, T]: 1 where token i may not see token j. */
  blocked: Uint8Array;
  /** [B, M]: the places that are predicted, rising. */
  targets: Int32Array;
  /** [B, M]: the tokens that stand there. */
  labels: Int32Array;
  firstSample: number;
}

export interface PermutationBatchOptions {
  /** Runs of sequenceLength - 3 tokens. */
  samples: { at(index: number): { tokens: Int32Array } };
  sequenceLength: number;
  /** Tokens of the first part (XLNet: half of the sequence). */
  reuse: number;
  /** Targets a sample: M. */
  predicted: number;
  contextPerToken: number;
  maxNgram: number;
  /** Tokens in one permutation. */
  chunk: number;
  /** Every second sample runs backwards. */
  bothDirections: boolean;
  vocabulary: ObjectiveVocabulary;
  separator: number;
  classification: number;
  seed: number;
}

/** The rows `first` to `first + count - 1`. */
export function buildPermutationBatch(
  options: PermutationBatchOptions,
  { first, count }: { first: number; count: number },
): PermutationBatch {
  const { sequenceLength, predicted } = options;
  const batch: PermutationBatch = {
    batchSize: count,
    sequenceLength,
    tokens: new Int32Array(count * sequenceLength),
    segments: new Int32Array(count * sequenceLength),
    blocked: new Uint8Array(count * sequenceLength * sequenceLength),
    targets: new Int32Array(count * predicted),
    labels: new Int32Array(count * predicted),
    firstSample: first,
  };
  for (let row = 0; row < count; row++) {
    const sample = buildSample(options, first + row);
    batch.tokens.set(sample.tokens, row * sequenceLength);
    batch.segments.set(sample.segments, row * sequenceLength);
    batch.blocked.set(sample.blocked, row * sequenceLength * sequenceLength);
    batch.targets.set(sample.targets, row * predicted);
    batch.labels.set(
      Int32Array.from(sample.targets, (place) => sample.tokens[place]!),
      row * predicted,
    );
  }
  return batch;
}

function buildSample(options: PermutationBatchOptions, index: number) {
  const { sequenceLength, reuse, predicted, seed } = options;
  const { tokens, segments } = layOut(options, index);
  const ofFirst = Math.floor(predicted / 2);
  const parts = [
    { start: 0, end: reuse, predicted: ofFirst },
    { start: reuse, end: sequenceLength, predicted: predicted - ofFirst },
  ];
  const blocked = new Uint8Array(sequenceLength * sequenceLength);
  // The first part sees none of the second.
  for (let i = 0; i < reuse; i++) blocked.fill(1, i * sequenceLength + reuse, (i + 1) * sequenceLength);
  const targets: number[] = [];
  parts.forEach((part, number) => {
    const own = tokens.subarray(part.start, part.end);
    const chosen = chooseTargets(own, {
      ...options,
      predicted: part.predicted,
      reversed: runsBackwards(options, index),
      key: hashKey(seed, "targets", index, number),
    });
    const mask = permutationMask(own, {
      ...options,
      targets: chosen,
      key: hashKey(seed, "permutation", index, number),
    });
    for (let i = 0; i < own.length; i++) {
      const place = (part.start + i) * sequenceLength + part.start;
      blocked.set(mask.subarray(i * own.length, (i + 1) * own.length), place);
      if (chosen[i] === 1) targets.push(part.start + i);
    }
  });
  return { tokens, segments, blocked, targets: Int32Array.from(targets) };
}

const runsBackwards = ({ bothDirections }: PermutationBatchOptions, index: number) => bothDirections && index % 2 === 1;

/** The first part, then A SEP B SEP CLS; B follows A, or half the time comes from another sample. */
function layOut(options: PermutationBatchOptions, index: number): { tokens: Int32Array; segments: Int32Array } {
  const { samples, sequenceLength, reuse, separator, classification, seed } = options;
  const draws = createDraws(hashKey(seed, "segments", index));
  const length = sequenceLength - 3;
  const directed = (text: Int32Array) => (runsBackwards(options, index) ? text.toReversed() : text);
  const text = directed(samples.at(index).tokens.subarray(0, length));
  const split = reuse + 1 + draws.below(length - reuse - 1);
  const random = draws.uniform() < 0.5;
  const other = random ? directed(samples.at(draws.below(index + 1) + index + 1).tokens.subarray(0, length)) : text;
  const tokens = new Int32Array(sequenceLength);
  tokens.set(text.subarray(0, split));
  tokens[split] = separator;
  tokens.set(other.subarray(split), split + 1);
  tokens[sequenceLength - 2] = separator;
  tokens[sequenceLength - 1] = classification;
  const segments = new Int32Array(sequenceLength).fill(1, split + 1);
  segments[sequenceLength - 1] = 2;
  return { tokens, segments };
}

/** The batches of a schedule. */
export const createPermutationBatches = (options: PermutationBatchOptions & { schedule: BatchSchedule }) => ({
  at(step: number): PermutationBatch {
    const { firstSample, size } = options.schedule.at(step);
    return buildPermutationBatch(options, { first: firstSample, count: size });
  },
});
