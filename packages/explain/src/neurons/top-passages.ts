/** The passages of a dataset that make a neuron most active, of passages that are spread evenly over it. */
import { longestSequence, type Model } from "@megatron-ts/model";
import { ExplainError } from "../errors.ts";
import {
  type DocumentRange,
  documentAt,
  documentStart,
  type TokenSource,
  tokensBetween,
} from "../passages/token-source.ts";
import type { NeuronName } from "../reports.ts";
import { layerOf, neuronActivations } from "./neurons.ts";

/** A passage with the activation of the neuron at each of its tokens. */
export interface ActivePassage {
  document: number;
  /** Tokens of the document before it. */
  offset: number;
  tokens: number[];
  activations: number[];
  /** The token with the highest activation. */
  peak: number;
}

/** Options of `topPassages`. */
export interface TopPassagesOptions extends NeuronName {
  /** Documents that are read. Default: all. */
  documents?: DocumentRange;
  /** Passages to find. Default: 5. */
  topK?: number;
  /** Tokens of a passage; where a document ends before, it is shorter. Default: 64, or as many as the model takes. */
  length?: number;
  /** Passages that the model reads. Default: 512. */
  passages?: number;
}

/** Passages that the model reads together. */
const ROWS = 16;

/**
 * Reads passages and keeps those with the highest activations, highest first. An iterator that yields the share that is done, 0..1,
 * and returns the passages. Throws an ExplainError for a neuron that the model does not have.
 */
export function* topPassages(
  model: Model,
  source: TokenSource,
  {
    documents = { start: 0, end: source.documents },
    topK = 5,
    length = 64,
    passages = 512,
    ...name
  }: TopPassagesOptions,
): Generator<number, ActivePassage[]> {
  if (length < 1 || passages < 1)
    throw new ExplainError("expected passages of at least one token, and at least one of them");
  const read = spread(source, { documents, passages, length: Math.min(length, longestSequence(model.config)) });
  // Those of one length are read together.
  read.sort((a, b) => a.to - a.from - (b.to - b.from));
  let best: ActivePassage[] = [];
  for (let first = 0; first < read.length; ) {
    const size = read[first]!.to - read[first]!.from;
    let end = first;
    while (end < Math.min(read.length, first + ROWS) && read[end]!.to - read[end]!.from === size) end++;
    const rows = read
      .slice(first, end)
      .map(({ from, to }) => ({ from, tokens: Array.from(tokensBetween(source, from, to)) }));
    const { size: neurons, values } = layerOf(
      neuronActivations(
        model,
        rows.map(({ tokens }) => tokens),
      ),
      name,
    );
    for (const [row, { from, tokens }] of rows.entries()) {
      const activations = tokens.map((_, token) => values[(row * size + token) * neurons + name.neuron]!);
      const document = documentAt(source, from, documents);
      const peak = activations.reduce((top, value, token) => (value > activations[top]! ? token : top), 0);
      best.push({ document, offset: from - documentStart(source, document), tokens, activations, peak });
    }
    best = best.sort((a, b) => b.activations[b.peak]! - a.activations[a.peak]!).slice(0, topK);
    first = end;
    yield first / read.length;
  }
  return best;
}

/** Places that are looked at for each passage, so that documents shorter than a passage are found too. */
const PLACES = 8;

/** Documents in parts of `length` tokens; those parts that are at evenly spread places, or all if they are few. */
function spread(
  source: TokenSource,
  { documents, passages, length }: { documents: DocumentRange; passages: number; length: number },
): { from: number; to: number }[] {
  const [start, end] = [documentStart(source, documents.start), documentStart(source, documents.end)];
  const places = Math.min(end - start, PLACES * passages);
  const parts = new Map<number, { from: number; to: number }>();
  for (let place = 0; place < places; place++) {
    const position = start + Math.floor((place * (end - start)) / places);
    const document = documentAt(source, position, documents);
    const first = documentStart(source, document);
    const from = first + length * Math.floor((position - first) / length);
    parts.set(from, { from, to: Math.min(from + length, documentStart(source, document + 1)) });
  }
  const all = [...parts.values()];
  if (all.length <= passages) return all;
  return Array.from({ length: passages }, (_, index) => all[Math.floor((index * all.length) / passages)]!);
}
