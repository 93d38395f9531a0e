/**
 * Samples for causal language models: T + 1 tokens from shuffled documents packed end to end. Reads a sample's tokens
 * when it is asked for.
 */
import { DataError } from "../errors.ts";
import type { IndexedDataset } from "../indexed/reader.ts";
import type { DocumentRange } from "../split.ts";
import { buildEpochIndex, buildGptIndex, type GptIndexOptions, tokensIn } from "./gpt-index.ts";
import type { PackedSample, SampleSource } from "./source.ts";

const EPOCHS_KEPT = 3;

/**
 * With `samples`, Megatron's order for that many: it depends on their number when they need more than one epoch.
 * Without, an endless source in which every epoch is shuffled apart, so that sample i is the same however many follow.
 * @param options.documents the documents to draw from, e.g. `dataset.documentsOf("train")`.
 * @param options.sequenceLength T.
 * @throws DataError where the documents hold too few tokens for one sample.
 */
export function createGptSamples(options: {
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
    throw new DataError(`documents ${start} to ${end} hold ${tokens} tokens: too few to learn from`, {
      source: dataset.prefix,
    });
  const indexOptions = { lengths: dataset.lengths, sequences, sequenceLength, seed };
  return options.samples === undefined
    ? endless(dataset, indexOptions, tokens)
    : finite(dataset, { ...indexOptions, samples: options.samples });
}

function finite(dataset: IndexedDataset, options: GptIndexOptions & { samples: number }): SampleSource<PackedSample> {
  const { documents, samples, shuffle } = buildGptIndex(options);
  return {
    length: shuffle.length,
    at(index) {
      const sample = shuffle[index];
      if (sample === undefined) throw new RangeError(`sample ${index} of ${shuffle.length}`);
      const first = { place: samples[2 * sample]!, offset: samples[2 * sample + 1]! };
      return pack(dataset, { ...options, ...first, sequenceAt: (place) => documents[place]! });
    },
  };
}

function endless(dataset: IndexedDataset, options: GptIndexOptions, tokens: number): SampleSource<PackedSample> {
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
      const first = { place: samples[2 * sample]!, offset: samples[2 * sample + 1]! };
      const sequenceAt = (place: number) => {
        if (place < documents.length) return documents[place]!;
        return epochAt(epoch + Math.floor(place / documents.length)).documents[place % documents.length]!;
      };
      return pack(dataset, { ...options, ...first, sequenceAt });
    },
  };
}

function pack(
  dataset: IndexedDataset,
  from: { sequenceLength: number; place: number; offset: number; sequenceAt: (place: number) => number },
): PackedSample {
  const tokens = new Int32Array(from.sequenceLength + 1);
  const starts: number[] = [];
  let { place, offset } = from;
  for (let filled = 0; filled < tokens.length; place++, offset = 0) {
    const sequence = from.sequenceAt(place);
    const length = Math.min(dataset.lengths[sequence]! - offset, tokens.length - filled);
    if (length === 0) continue;
    if (filled > 0) starts.push(filled);
    tokens.set(dataset.read(sequence, { offset, length }), filled);
    filled += length;
  }
  return { tokens, documentStarts: Int32Array.from(starts) };
}
