/**
 * Pairs of segments from documents of sentences: BERT's next sentence prediction (Devlin et al. 2019: half of the time the
 * second segment comes from another document) and Megatron's sentence order (half of the time the two are swapped).
 * The order of the samples and every decision are functions of (dataset, seed, epoch).
 */
import { hashKey } from "@megatron-ts/random";
import { DataError } from "../../errors.ts";
import type { IndexedDataset } from "../../indexed/reader.ts";
import type { SampleSource } from "../../samples/source.ts";
import type { DocumentRange } from "../../split.ts";
import { createDraws, type Draws, shuffleInPlace } from "../draws.ts";

/** Two segments without special tokens. */
export interface SentencePair {
  first: Int32Array;
  second: Int32Array;
  /** 1 where the second segment is random (next sentence) or the two are swapped (sentence order). */
  label: 0 | 1;
}

/** What pairs are cut from, and how. */
export interface SentencePairOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  kind: "next-sentence" | "sentence-order";
  /** Most tokens in both segments together. */
  maxTokens: number;
  /** Probability of cutting a pair to a random shorter length. */
  shortSequenceProbability: number;
  seed: number;
}

/** Sentences of the dataset that make up the two segments, and the number of tokens to keep. */
interface PairPlan {
  first: readonly [start: number, end: number];
  second: readonly [start: number, end: number];
  label: 0 | 1;
  tokens: number;
  ordinal: number;
}

/**
 * An endless source; every epoch cuts all documents into new pairs.
 * @throws DataError for fewer than two documents, or where none has two sentences
 */
export function createSentencePairs(options: SentencePairOptions): SampleSource<SentencePair> {
  const { dataset, documents, seed } = options;
  if (documents.end - documents.start < 2)
    throw new DataError("sentence pairs need at least two documents", { source: dataset.prefix });
  const epochs: PairPlan[][] = [];
  const starts: number[] = [0];
  const planEpoch = (epoch: number) => {
    const plans = planPairs(options, epoch);
    if (plans.length === 0)
      throw new DataError("has no document of two sentences: prepare it with sentences", { source: dataset.prefix });
    return shuffleInPlace(plans, createDraws(hashKey(seed, "pair order", epoch)));
  };
  return {
    length: Number.POSITIVE_INFINITY,
    at(index) {
      while (starts.at(-1)! <= index) {
        const plans = planEpoch(epochs.length);
        epochs.push(plans);
        starts.push(starts.at(-1)! + plans.length);
      }
      const epoch = starts.findLastIndex((start) => start <= index);
      const plan = epochs[epoch]![index - starts[epoch]!]!;
      return readPair(dataset, plan, createDraws(hashKey(seed, "pair truncation", epoch, plan.ordinal)));
    },
  };
}

/** Walks through the documents as BERT's data preparation does: a second segment that was not used begins the next pair. */
function planPairs(
  { dataset, documents, kind, maxTokens, shortSequenceProbability, seed }: SentencePairOptions,
  epoch: number,
): PairPlan[] {
  const plans: PairPlan[] = [];
  const draws = createDraws(hashKey(seed, "pairs", epoch));
  for (let document = documents.start; document < documents.end; document++) {
    const end = dataset.firstSequenceOf(document + 1);
    let sentence = dataset.firstSequenceOf(document);
    while (sentence < end) {
      const tokens = draws.uniform() < shortSequenceProbability ? 2 + draws.below(maxTokens - 1) : maxTokens;
      const chunkEnd = fill(dataset, { from: sentence, to: end, tokens });
      const count = chunkEnd - sentence;
      const pivot = sentence + (count > 1 ? 1 + draws.below(count - 1) : 1);
      const ordinal = plans.length;
      if (kind === "sentence-order") {
        const [a, b] = [[sentence, pivot] as const, [pivot, chunkEnd] as const];
        const swapped = draws.uniform() < 0.5;
        if (count > 1)
          plans.push({ first: swapped ? b : a, second: swapped ? a : b, label: swapped ? 1 : 0, tokens, ordinal });
        sentence = chunkEnd;
        continue;
      }
      const random = count === 1 || draws.uniform() < 0.5;
      const first = [sentence, pivot] as const;
      if (random) {
        const second = randomSegment(dataset, {
          documents,
          not: document,
          tokens: tokens - tokensOf(dataset, first),
          draws,
        });
        plans.push({ first, second, label: 1, tokens, ordinal });
        sentence = pivot;
      } else {
        plans.push({ first, second: [pivot, chunkEnd], label: 0, tokens, ordinal });
        sentence = chunkEnd;
      }
    }
  }
  return plans;
}

/** The end of the fewest sentences that together have `tokens` tokens, or `to`. */
function fill(dataset: IndexedDataset, { from, to, tokens }: { from: number; to: number; tokens: number }): number {
  let sentence = from;
  for (let sum = 0; sentence < to && sum < tokens; sentence++) sum += dataset.lengths[sentence]!;
  return sentence;
}

const tokensOf = (dataset: IndexedDataset, [start, end]: readonly [number, number]) =>
  dataset.startOf(end) - dataset.startOf(start);

function randomSegment(
  dataset: IndexedDataset,
  { documents, not, tokens, draws }: { documents: DocumentRange; not: number; tokens: number; draws: Draws },
): readonly [number, number] {
  const other = documents.start + draws.below(documents.end - documents.start - 1);
  const document = other >= not ? other + 1 : other;
  const [start, end] = [dataset.firstSequenceOf(document), dataset.firstSequenceOf(document + 1)];
  const first = start + draws.below(end - start);
  return [first, fill(dataset, { from: first, to: end, tokens: Math.max(1, tokens) })];
}

/** Drops tokens from the longer segment, at random from its front or its back, until both fit. */
function readPair(dataset: IndexedDataset, { first, second, label, tokens }: PairPlan, draws: Draws): SentencePair {
  const read = ([start, end]: readonly [number, number]) => {
    const target = new Int32Array(tokensOf(dataset, [start, end]));
    dataset.readStream(dataset.startOf(start), target);
    return target;
  };
  let [a, b] = [read(first), read(second)];
  while (a.length + b.length > tokens) {
    const longer = a.length > b.length ? a : b;
    const cut = draws.uniform() < 0.5 ? longer.subarray(1) : longer.subarray(0, -1);
    if (longer === a) a = cut;
    else b = cut;
  }
  return { first: a, second: b, label };
}
