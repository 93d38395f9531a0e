/**
 * Span corruption (Raffel et al. 2020): sentinels replace spans of the source, and the target lists the sentinels, each
 * followed by what it replaced.
 */
import type { Key } from "@megatron-ts/random";
import type { SampleSource } from "../../samples/source.ts";
import type { SourceTarget } from "./batches.ts";
import { mapPackedText, type PackedTextOptions } from "./packed-text.ts";
import { chooseSpans, type DocumentOptions, type SpanOptions, startsSpan } from "./spans.ts";

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
  return mapPackedText(options, (tokens, own) => corruptSpans(tokens, { ...options, ...own }));
}

/**
 * Source and target, both ending with the end-of-sequence token. In a text of several documents each one has the sentinels
 * from the first on.
 * @throws RangeError where there are more spans than sentinels
 */
export function corruptSpans(
  tokens: Int32Array,
  options: SpanOptions & SpanCorruptionTokens & DocumentOptions & { key: Key },
): SourceTarget {
  const { sentinels, endOfSequence, documentOf } = options;
  const removed = chooseSpans(tokens.length, options);
  const source: number[] = [];
  const target: number[] = [];
  const [sourceDocuments, targetDocuments]: [number[], number[]] = [[], []];
  let used = 0;
  for (let position = 0; position < tokens.length; position++) {
    const document = documentOf?.[position] ?? 0;
    if (document !== (documentOf?.[position - 1] ?? 0)) used = 0;
    if (!removed[position]) {
      source.push(tokens[position]!);
      sourceDocuments.push(document);
      continue;
    }
    if (startsSpan(removed, position, documentOf)) {
      const sentinel = sentinels[used++];
      if (sentinel === undefined)
        throw new RangeError(`${sentinels.length} sentinels are too few for the spans of ${tokens.length} tokens`);
      source.push(sentinel);
      target.push(sentinel);
      sourceDocuments.push(document);
      targetDocuments.push(document);
    }
    target.push(tokens[position]!);
    targetDocuments.push(document);
  }
  const last = documentOf?.at(-1) ?? 0;
  return {
    source: Int32Array.from([...source, endOfSequence]),
    target: Int32Array.from([...target, endOfSequence]),
    ...(documentOf && {
      documents: {
        source: Int32Array.from([...sourceDocuments, last]),
        target: Int32Array.from([...targetDocuments, last]),
      },
    }),
  };
}
