/** Packed samples, as Megatron's GPT dataset has them: T + 1 tokens from shuffled documents that are packed end to end. */
import { DataError } from "../errors.ts";
import type { IndexedDataset } from "../indexed/reader.ts";
import type { DocumentRange } from "../split.ts";
import { buildEpochIndex, buildPackedIndex, type SampleIndexOptions, tokensIn } from "./sample-index.ts";
import type { PackedSample, SampleSource } from "./source.ts";

const EPOCHS_KEPT = 3;

/**
 * An endless source that shuffles every epoch separately, so that sample i does not depend on how many follow.
 * @param options.documents the documents to draw from, e.g. `dataset.documentsOf("train")`
 * @param options.sequenceLength T
 * @param options.samples draws this many in Megatron's order instead, which depends on their number if they need more
 *   than one epoch
 * @throws DataError where the documents have too few tokens for a sample
 */
export function createPackedSamples(options: {
  dataset: IndexedDataset;
  documents: DocumentRange;
  sequenceLength: number;
  seed: number;
  samples?: number;
}): SampleSource<PackedSample> {
  const { dataset, documents, sequenceLength, seed } = options;
  const { start, end } = documents;
  const sequences = { start: dataset.firstSequenceOf(start), end: dataset.firstSequenceOf(end) };
  const tokens = tokensIn(dataset.lengths, sequences);
  if (tokens < 2)
    throw new DataError(`documents ${start} to ${end} have ${tokens} tokens: too few to train on`, {
      source: dataset.prefix,
    });
  const indexOptions = { lengths: dataset.lengths, sequences, sequenceLength, seed };
  return options.samples === undefined
    ? endless(dataset, indexOptions, tokens)
    : finite(dataset, { ...indexOptions, samples: options.samples });
}

function finite(
  dataset: IndexedDataset,
  options: SampleIndexOptions & { samples: number },
): SampleSource<PackedSample> {
  const { documents, samples, shuffle } = buildPackedIndex(options);
  return {
    length: shuffle.length,
    at(index) {
      const sample = shuffle[index];
      if (sample === undefined) throw new RangeError(`sample ${index} of ${shuffle.length}`);
      const first = { position: samples[2 * sample]!, offset: samples[2 * sample + 1]! };
      return pack(dataset, { ...options, ...first, sequenceAt: (position) => documents[position]! });
    },
  };
}

function endless(dataset: IndexedDataset, options: SampleIndexOptions, tokens: number): SampleSource<PackedSample> {
  const kept = new Map<number, ReturnType<typeof buildEpochIndex>>();
  const epochAt = (epoch: number) => {
    const index = kept.get(epoch) ?? buildEpochIndex({ ...options, epoch });
    kept.delete(epoch);
    kept.set(epoch, index);
    if (kept.size > EPOCHS_KEPT) kept.delete(kept.keys().next().value!);
    return index;
  };
  return {
    length: Number.POSITIVE_INFINITY,
    at(index) {
      const epoch = Math.floor((index * options.sequenceLength) / tokens);
      const { firstSample, samples, shuffle, documents } = epochAt(epoch);
      const sample = shuffle[index - firstSample]!;
      const first = { position: samples[2 * sample]!, offset: samples[2 * sample + 1]! };
      const sequenceAt = (position: number) => {
        if (position < documents.length) return documents[position]!;
        return epochAt(epoch + Math.floor(position / documents.length)).documents[position % documents.length]!;
      };
      return pack(dataset, { ...options, ...first, sequenceAt });
    },
  };
}

function pack(
  dataset: IndexedDataset,
  from: { sequenceLength: number; position: number; offset: number; sequenceAt: (position: number) => number },
): PackedSample {
  const tokens = new Int32Array(from.sequenceLength + 1);
  const starts: number[] = [];
  let { position, offset } = from;
  for (let filled = 0; filled < tokens.length; position++, offset = 0) {
    const sequence = from.sequenceAt(position);
    const length = Math.min(dataset.lengths[sequence]! - offset, tokens.length - filled);
    if (length === 0) continue;
    if (filled > 0) starts.push(filled);
    tokens.set(dataset.read(sequence, { offset, length }), filled);
    filled += length;
  }
  return { tokens, documentStarts: Int32Array.from(starts) };
}
