/**
 * Span corruption (Raffel et al. 2020): sentinels replace spans of the source, and the target lists the sentinels, each
 * followed by what it replaced.
 */
import type { Key } from "@megatron-ts/random";
import type { SampleSource } from "../../samples/source.ts";
import type { SourceTarget } from "./batches.ts";
import { mapPackedText, type PackedTextOptions } from "./packed-text.ts";
import { chooseSpans, type SpanOptions } from "./spans.ts";

/** Ids that span corruption inserts. */
export interface SpanCorruptionTokens {
  /** In the order of their use. */
  sentinels: readonly number[];
  endOfSequence: number;
}

/**
 * An endless source of packed text with corrupted spans.
 * @throws DataError where the documents have too few tokens
 */
export function createSpanCorruptionSamples(
  options: PackedTextOptions & SpanOptions & SpanCorruptionTokens,
): SampleSource<SourceTarget> {
  return mapPackedText(options, (tokens, key) => corruptSpans(tokens, { ...options, key }));
}

/**
 * Source and target, both ending with the end-of-sequence token.
 * @throws RangeError where there are more spans than sentinels
 */
export function corruptSpans(
  tokens: Int32Array,
  options: SpanOptions & SpanCorruptionTokens & { key: Key },
): SourceTarget {
  const { sentinels, endOfSequence } = options;
  const removed = chooseSpans(tokens.length, options);
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
