/**
 * Span corruption: runs of tokens are replaced by sentinels in the source, and the target spells them out behind the same
 * sentinels. T5's spans (Raffel et al. 2020, section 3.1.4) have a mean length; Megatron's are geometric, up to ten tokens.
 */
import type { Key } from "@megatron-ts/random";
import { createDraws, type Draws } from "./draws.ts";

export interface SpanCorruptionOptions {
  /** Share of the tokens that is removed. */
  rate: number;
  spans: { kind: "mean"; length: number } | { kind: "geometric"; p: number; longest: number };
  /** Ids of the sentinels in the order of their use. */
  sentinels: readonly number[];
  endOfSequence: number;
  key: Key;
}

export interface CorruptedSpans {
  source: Int32Array;
  target: Int32Array;
}

/** Both sides end with the end-of-sequence token. */
export function corruptSpans(tokens: Int32Array, options: SpanCorruptionOptions): CorruptedSpans {
  const { sentinels, endOfSequence, key } = options;
  const draws = createDraws(key);
  const removed =
    options.spans.kind === "mean"
      ? meanSpans(tokens.length, options.rate, options.spans.length, draws)
      : geometricSpans(tokens.length, options.rate, options.spans, draws);
  const source: number[] = [];
  const target: number[] = [];
  let used = 0;
  for (let position = 0; position < tokens.length; position++) {
    if (!removed[position]) {
      source.push(tokens[position]!);
      continue;
    }
    if (position === 0 || !removed[position - 1]) {
      const sentinel = sentinels[used++];
      if (sentinel === undefined)
        throw new RangeError(`${sentinels.length} sentinels are too few for the spans of ${tokens.length} tokens`);
      source.push(sentinel);
      target.push(sentinel);
    }
    target.push(tokens[position]!);
  }
  return { source: Int32Array.from([...source, endOfSequence]), target: Int32Array.from([...target, endOfSequence]) };
}

/** Kept and removed runs alternate, the first is kept; both totals are cut at random into as many parts. */
function meanSpans(length: number, rate: number, meanLength: number, draws: Draws): Uint8Array {
  const noise = Math.min(Math.max(Math.round(length * rate), 1), length - 1);
  const count = Math.min(Math.max(Math.round(noise / meanLength), 1), length - noise);
  const [kept, removed] = [randomParts(length - noise, count, draws), randomParts(noise, count, draws)];
  const mask = new Uint8Array(length);
  let position = 0;
  for (let span = 0; span < count; span++) {
    position += kept[span]!;
    mask.fill(1, position, position + removed[span]!);
    position += removed[span]!;
  }
  return mask;
}

/** `total` as a sum of `count` positive whole numbers, every such sum equally likely. */
function randomParts(total: number, count: number, draws: Draws): number[] {
  const cuts = new Set<number>();
  // Floyd's sampling of count - 1 distinct places among total - 1.
  for (let limit = total - 1 - (count - 1) + 1; limit <= total - 1; limit++) {
    const place = 1 + draws.below(limit);
    cuts.add(cuts.has(place) ? limit : place);
  }
  const places = [0, ...[...cuts].sort((a, b) => a - b), total];
  return places.slice(1).map((place, i) => place - places[i]!);
}

/** Spans from random places, of geometric length, that neither overlap nor touch, until the share is reached. */
function geometricSpans(
  length: number,
  rate: number,
  { p, longest }: { p: number; longest: number },
  draws: Draws,
): Uint8Array {
  const wanted = Math.max(1, Math.round(length * rate));
  const mask = new Uint8Array(length);
  let removed = 0;
  for (let attempt = 0; removed < wanted && attempt < 10 * length; attempt++) {
    const span = Math.min(geometric(p, longest, draws), wanted - removed);
    const start = draws.below(length - span + 1);
    const touched = mask.subarray(Math.max(start - 1, 0), start + span + 1).includes(1);
    if (touched) continue;
    mask.fill(1, start, start + span);
    removed += span;
  }
  return mask;
}

/** 1 to longest: P(n) proportional to p (1 - p)^(n - 1). */
function geometric(p: number, longest: number, draws: Draws): number {
  const total = 1 - (1 - p) ** longest;
  return 1 + Math.min(longest - 1, Math.floor(Math.log(1 - draws.uniform() * total) / Math.log(1 - p)));
}
