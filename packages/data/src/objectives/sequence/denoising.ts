/** Denoising (Lewis et al. 2020, text infilling): one mask token replaces each span of the source; the target is the text. */
import type { Key } from "@megatron-ts/random";
import type { SampleSource } from "../../samples/source.ts";
import type { SourceTarget } from "./batches.ts";
import { mapPackedText, type PackedTextOptions } from "./packed-text.ts";
import { chooseSpans, type DocumentOptions, type SpanOptions, startsSpan } from "./spans.ts";

/** Ids that denoising inserts. */
export interface DenoisingTokens {
  maskToken: number;
  endOfSequence: number;
}

/**
 * An endless source of packed text with masked spans.
 * @throws DataError where the documents have too few tokens
 */
export function createDenoisingSamples(
  options: PackedTextOptions & SpanOptions & DenoisingTokens,
): SampleSource<SourceTarget> {
  return mapPackedText(options, (tokens, own) => maskSpans(tokens, { ...options, ...own }));
}

/** Source and target, both ending with the end-of-sequence token. */
export function maskSpans(
  tokens: Int32Array,
  options: SpanOptions & DenoisingTokens & DocumentOptions & { key: Key },
): SourceTarget {
  const { maskToken, endOfSequence, documentOf } = options;
  const removed = chooseSpans(tokens.length, options);
  const source: number[] = [];
  const sourceDocuments: number[] = [];
  tokens.forEach((token, position) => {
    if (removed[position] && !startsSpan(removed, position, documentOf)) return;
    source.push(removed[position] ? maskToken : token);
    sourceDocuments.push(documentOf?.[position] ?? 0);
  });
  const last = documentOf?.at(-1) ?? 0;
  return {
    source: Int32Array.from([...source, endOfSequence]),
    target: Int32Array.from([...tokens, endOfSequence]),
    ...(documentOf && {
      documents: {
        source: Int32Array.from([...sourceDocuments, last]),
        target: Int32Array.from([...documentOf, last]),
      },
    }),
  };
}
