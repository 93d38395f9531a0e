/**
 * Megatron's sample index: documents in a shuffled order, samples of T + 1 tokens cut from them end to end (each starts with
 * the last token of the one before), and a shuffled order of the samples. Shuffles are drawn by Philox, not NumPy.
 */
import { hashKey, permutation } from "@megatron-ts/random";

/** Share of its samples below which Megatron shuffles the last epoch separately. */
const LAST_EPOCH_THRESHOLD = 0.8;

/** Where every sample starts, and in which order samples are drawn. */
export interface SampleIndex {
  /** Sequences, in the order in which they are read. */
  documents: Uint32Array;
  /** [n + 1, 2]: row j is (position in `documents`, offset in that sequence) of token j * T of the stream. */
  samples: Int32Array;
  /** [n]: sample i of the source is sample shuffle[i] of the stream. */
  shuffle: Uint32Array;
}

/** The sequences that samples are cut from. */
export interface SampleIndexOptions {
  /** Length in tokens of each sequence of the dataset. */
  lengths: Int32Array;
  /** The sequences to use, `end` exclusive. */
  sequences: { start: number; end: number };
  /** T. */
  sequenceLength: number;
  seed: number;
}

/** Number of tokens in a range of sequences: one epoch. */
export function tokensIn(lengths: Int32Array, { start, end }: { start: number; end: number }): number {
  let tokens = 0;
  for (let i = start; i < end; i++) tokens += lengths[i]!;
  return tokens;
}

/**
 * Cuts documents into samples, as Megatron's `build_sample_idx` does.
 * @param documents the sequence at each position of the stream
 * @param options.firstOffset tokens of the stream before the first sample. Default 0
 * @param options.count number of samples; by default all that have T + 1 tokens
 * @returns [count + 1, 2], see `SampleIndex.samples`
 */
export function buildSampleIndex(
  lengths: Int32Array,
  documents: Uint32Array,
  options: { sequenceLength: number; firstOffset?: number; count?: number },
): Int32Array {
  const { sequenceLength, firstOffset = 0 } = options;
  const count = options.count ?? Math.floor((totalLength(lengths, documents) - firstOffset - 1) / sequenceLength);
  const samples = new Int32Array(2 * (Math.max(count, 0) + 1));
  let position = 0;
  let offset = firstOffset;
  for (let j = 0; j < samples.length / 2; j++) {
    while (position < documents.length && offset >= lengths[documents[position]!]!) {
      offset -= lengths[documents[position]!]!;
      position++;
    }
    samples[2 * j] = position;
    samples[2 * j + 1] = offset;
    offset += sequenceLength;
  }
  return samples;
}

function totalLength(lengths: Int32Array, documents: Uint32Array): number {
  let tokens = 0;
  for (const sequence of documents) tokens += lengths[sequence]!;
  return tokens;
}

/**
 * The index for a given number of samples, by Megatron's rules: as many epochs as they need, with the documents of all
 * epochs shuffled together, and so the samples; but an epoch of which less than 80 % is needed is shuffled separately.
 */
export function buildPackedIndex(options: SampleIndexOptions & { samples: number }): SampleIndex {
  const { lengths, sequences, sequenceLength, seed, samples } = options;
  const perEpoch = tokensIn(lengths, sequences);
  const epochs = Math.max(1, Math.ceil((samples * sequenceLength + 1) / perEpoch));
  const beforeLast = Math.max(0, Math.floor(((epochs - 1) * perEpoch - 1) / sequenceLength));
  const wholeEpoch = Math.floor((perEpoch - 1) / sequenceLength);
  const separateLast = epochs > 1 && samples - beforeLast < Math.floor(LAST_EPOCH_THRESHOLD * wholeEpoch);
  const documents = separateLast
    ? concatenate(
        shuffledEpochs(sequences, { epochs: epochs - 1, key: hashKey(seed, "gpt-documents", 0) }),
        shuffledEpochs(sequences, { epochs: 1, key: hashKey(seed, "gpt-documents", 1) }),
      )
    : shuffledEpochs(sequences, { epochs, key: hashKey(seed, "gpt-documents", 0) });
  const index = buildSampleIndex(lengths, documents, { sequenceLength });
  const count = index.length / 2 - 1;
  const shuffledTogether = separateLast ? beforeLast : count;
  const shuffle = concatenate(
    permutation(hashKey(seed, "gpt-samples", 0), shuffledTogether),
    permutation(hashKey(seed, "gpt-samples", 1), count - shuffledTogether).map((sample) => sample + shuffledTogether),
  );
  return { documents, samples: index, shuffle };
}

/**
 * One epoch of an endless stream in which every epoch is shuffled separately, and samples may span two epochs. It has the
 * samples that start in it, numbered from `firstSample`.
 */
export function buildEpochIndex(
  options: SampleIndexOptions & { epoch: number },
): SampleIndex & { firstSample: number } {
  const { lengths, sequences, sequenceLength, seed, epoch } = options;
  const perEpoch = tokensIn(lengths, sequences);
  const firstSample = Math.ceil((epoch * perEpoch) / sequenceLength);
  const count = Math.ceil(((epoch + 1) * perEpoch) / sequenceLength) - firstSample;
  const documents = shuffledEpochs(sequences, { epochs: 1, key: hashKey(seed, "gpt-documents", epoch) });
  const firstOffset = firstSample * sequenceLength - epoch * perEpoch;
  return {
    documents,
    samples: buildSampleIndex(lengths, documents, { sequenceLength, firstOffset, count }),
    shuffle: permutation(hashKey(seed, "gpt-samples", epoch), count),
    firstSample,
  };
}

function shuffledEpochs(
  { start, end }: { start: number; end: number },
  { epochs, key }: { epochs: number; key: ReturnType<typeof hashKey> },
): Uint32Array {
  const size = end - start;
  return permutation(key, size * epochs).map((position) => start + (position % size));
}

function concatenate(first: Uint32Array, second: Uint32Array): Uint32Array {
  if (second.length === 0) return first;
  const all = new Uint32Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
