/** Encodes a batch of pieces and counts their text: the work of a worker for each task. */
import { createTokenBuffer, type EncodeOptions, type Tokenizer } from "@megatron-ts/tokenizer";
import type { Piece } from "./pieces.ts";
import { countText } from "./text-counts.ts";

/** Pieces to encode together. */
export type EncodingTask = Piece[];

/** Encoded pieces. */
export interface EncodedTask {
  /** Ids of all pieces, concatenated. */
  tokens: Int32Array;
  /** Number of ids of each text that was encoded separately: a piece, a sentence, or a side of a pair. */
  lengths: Int32Array;
  /** [n]: number of these in each piece. */
  sequences: Int32Array;
  /** [n, 3]: bytes, characters and words of each piece. */
  counts: Int32Array;
}

/** What special tokens spelled out in a document become; see `PrepareOptions`. */
export type SpecialTokens = "text" | "ids";

/** How documents are encoded: without the tokenizer's frame, since they may be joined. */
export function documentEncoding(specialTokens: SpecialTokens): EncodeOptions {
  return { addSpecialTokens: false, splitSpecialTokens: specialTokens === "text" };
}

/** @param options.split divides a piece into sequences. Default: one sequence */
export function encodeTask(
  tokenizer: Tokenizer,
  task: EncodingTask,
  { specialTokens, split }: { specialTokens: SpecialTokens; split?: (text: string) => string[] },
): EncodedTask {
  const buffer = createTokenBuffer(1 << 16);
  const encoding = documentEncoding(specialTokens);
  const lengths: number[] = [];
  const sequences = new Int32Array(task.length);
  const counts = new Int32Array(3 * task.length);
  task.forEach(({ text }, i) => {
    const texts = split ? split(text) : [text];
    for (const part of texts) lengths.push(tokenizer.encodeInto(part, buffer, encoding));
    sequences[i] = texts.length;
    const { bytes, characters, words } = countText(text);
    counts.set([bytes, characters, words], 3 * i);
  });
  return { tokens: buffer.ids.slice(0, buffer.length), lengths: Int32Array.from(lengths), sequences, counts };
}
