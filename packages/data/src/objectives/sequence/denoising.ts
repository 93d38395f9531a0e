/** Denoising (Lewis et al. 2020, text infilling): one mask token replaces each span of the source; the target is the text. */
import type { Key } from "@megatron-ts/random";
import type { SampleSource } from "../../samples/source.ts";
import type { SourceTarget } from "./batches.ts";
import { mapPackedText, type PackedTextOptions } from "./packed-text.ts";
import { chooseSpans, type SpanOptions } from "./spans.ts";

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
  return mapPackedText(options, (tokens, key) => maskSpans(tokens, { ...options, key }));
}

/** Source and target, both ending with the end-of-sequence token. */
export function maskSpans(tokens: Int32Array, options: SpanOptions & DenoisingTokens & { key: Key }): SourceTarget {
  const { maskToken, endOfSequence } = options;
  const removed = chooseSpans(tokens.length, options);
  const source: number[] = [];
  tokens.forEach((token, position) => {
    if (!removed[position]) source.push(token);
    else if (position === 0 || !removed[position - 1]) source.push(maskToken);
  });
  return { source: Int32Array.from([...source, endOfSequence]), target: Int32Array.from([...tokens, endOfSequence]) };
}
