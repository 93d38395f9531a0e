/** Encodes a batch of pieces and counts their text: what a worker does for each task. */
import { createTokenBuffer, type Tokenizer } from "@megatron-ts/tokenizer";
import type { Piece } from "./pieces.ts";
import { countText } from "./text-counts.ts";

/** Pieces to encode together. */
export type EncodingTask = Piece[];

export interface EncodedTask {
  /** The ids of all pieces, one after the other. */
  tokens: Int32Array;
  /** [n]: ids of each piece. */
  lengths: Int32Array;
  /** [n, 3]: bytes, characters and words of each piece. */
  counts: Int32Array;
}

export function encodeTask(tokenizer: Tokenizer, task: EncodingTask): EncodedTask {
  const buffer = createTokenBuffer(1 << 16);
  const lengths = new Int32Array(task.length);
  const counts = new Int32Array(3 * task.length);
  task.forEach(({ text }, i) => {
    lengths[i] = tokenizer.encodeInto(text, buffer, { addSpecialTokens: false });
    const { bytes, characters, words } = countText(text);
    counts.set([bytes, characters, words], 3 * i);
  });
  return { tokens: buffer.ids.slice(0, buffer.length), lengths, counts };
}
