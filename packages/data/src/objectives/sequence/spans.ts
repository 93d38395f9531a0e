/**
 * Chooses the spans of a text that corruption removes: T5's, which have a mean length (Raffel et al. 2020, section 3.1.4),
 * or Megatron's, whose lengths are geometric. A function of (length, key).
 */
import type { Key } from "@megatron-ts/random";
import { createDraws, type Draws } from "../draws.ts";

/** How much of a text is removed, and in spans of which lengths. */
export interface SpanOptions {
  /** Share of the tokens to remove. */
  rate: number;
  /** "mean": spans of this length on average; "geometric": P(n) proportional to p (1 - p)^(n - 1), up to `longest`. */
  spans: { kind: "mean"; length: number } | { kind: "geometric"; p: number; longest: number };
}

/** The number of each token's document in a text of several, from 0; spans end where a document ends. */
export interface DocumentOptions {
  documentOf?: Int32Array;
}

/** Whether a removed span starts at this position. */
export const startsSpan = (removed: Uint8Array, position: number, documentOf?: Int32Array) =>
  removed[position] === 1 && (removed[position - 1] !== 1 || documentOf?.[position] !== documentOf?.[position - 1]);

/** [T]: 1 for the tokens to remove. */
export function chooseSpans(length: number, { rate, spans, key }: SpanOptions & { key: Key }): Uint8Array {
  const draws = createDraws(key);
  return spans.kind === "mean"
    ? meanSpans(length, rate, spans.length, draws)
    : geometricSpans(length, rate, spans, draws);
}

/** Kept and removed runs alternate, starting with a kept one; both totals are cut at random into equally many parts. */
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

/** `total` as a sum of `count` positive integers, every such sum equally likely. */
function randomParts(total: number, count: number, draws: Draws): number[] {
  const cuts = new Set<number>();
  // Floyd's sampling of count - 1 distinct cuts among total - 1.
  for (let limit = total - 1 - (count - 1) + 1; limit <= total - 1; limit++) {
    const cut = 1 + draws.below(limit);
    cuts.add(cuts.has(cut) ? limit : cut);
  }
  const bounds = [0, ...[...cuts].sort((a, b) => a - b), total];
  return bounds.slice(1).map((bound, i) => bound - bounds[i]!);
}

/** Spans of geometric length at random positions, neither overlapping nor touching, until the share is reached. */
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
