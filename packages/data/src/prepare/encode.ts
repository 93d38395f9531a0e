/** Encodes a batch of pieces, whole or run by run, and counts their text: what a worker does for each task. */
import { createTokenBuffer, type Tokenizer } from "@megatron-ts/tokenizer";
import type { Piece } from "./pieces.ts";
import { countText } from "./text-counts.ts";

/** Pieces to encode together. */
export type EncodingTask = Piece[];

export interface EncodedTask {
  /** The ids of all pieces, one after the other. */
  tokens: Int32Array;
  /** Ids of each run of text that was encoded by itself: a piece, a sentence, or a side of a pair. */
  lengths: Int32Array;
  /** [n]: runs in each piece. */
  runs: Int32Array;
  /** [n, 3]: bytes, characters and words of each piece. */
  counts: Int32Array;
}

/** @param options.splitRuns divides a piece into runs; it is one run otherwise. */
export function encodeTask(
  tokenizer: Tokenizer,
  task: EncodingTask,
  { splitRuns }: { splitRuns?: (text: string) => string[] } = {},
): EncodedTask {
  const buffer = createTokenBuffer(1 << 16);
  const lengths: number[] = [];
  const runs = new Int32Array(task.length);
  const counts = new Int32Array(3 * task.length);
  task.forEach(({ text }, i) => {
    const texts = splitRuns ? splitRuns(text) : [text];
    for (const run of texts) lengths.push(tokenizer.encodeInto(run, buffer, { addSpecialTokens: false }));
    runs[i] = texts.length;
    const { bytes, characters, words } = countText(text);
    counts.set([bytes, characters, words], 3 * i);
  });
  return { tokens: buffer.ids.slice(0, buffer.length), lengths: Int32Array.from(lengths), runs, counts };
}
