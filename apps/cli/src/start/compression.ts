/** What a compressor makes of the held-out text, in bits per byte: alone, and after it has read the training text. */
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Dataset } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** Brotli remembers 16 MiB. */
const WINDOW_BITS = 24;

/** Levels of brotli. 9 takes seconds; 11 takes a minute for 10 MB, and about 7 % fewer bits. */
export type BrotliLevel = 9 | 11;

export interface CompressionScore {
  level: BrotliLevel;
  alone: number;
  primed: number;
}

/** The last of the training text that fits the window beside the held-out text is read first. */
export async function compressionScore(
  texts: { training: Uint8Array; heldOut: Uint8Array },
  { level }: { level: BrotliLevel },
): Promise<CompressionScore> {
  const { heldOut } = texts;
  const training = texts.training.subarray(
    Math.max(0, texts.training.length + heldOut.length - (2 ** WINDOW_BITS - 1024)),
  );
  const [alone, before, both] = await Promise.all(
    [heldOut, training, Buffer.concat([training, heldOut])].map((bytes) => compressedSize(bytes, level)),
  );
  const bitsPerByte = (size: number) => (8 * size) / heldOut.length;
  return { level, alone: bitsPerByte(alone!), primed: bitsPerByte(both! - before!) };
}

async function compressedSize(bytes: Uint8Array, level: BrotliLevel): Promise<number> {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = {
    [BROTLI_PARAM_QUALITY]: level,
    [BROTLI_PARAM_LGWIN]: WINDOW_BITS,
    [BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return (await promisify(brotliCompress)(bytes, { params })).length;
}

/** The text of a split, from its tokens: at most the last `limit` bytes or so. Byte-level tokens lose nothing. */
export function textOf(
  dataset: Dataset,
  { split, tokenizer, limit = 2 ** WINDOW_BITS }: { split: "train" | "test"; tokenizer: Tokenizer; limit?: number },
): Uint8Array {
  const { start, end } = dataset.documentsOf(split);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (let document = end - 1; document >= start && bytes < limit; document--) {
    const last = dataset.firstSequenceOf(document + 1);
    for (let sequence = last - 1; sequence >= dataset.firstSequenceOf(document); sequence--) {
      const piece = Buffer.from(tokenizer.decode(dataset.read(sequence), { skipSpecialTokens: true }));
      pieces.push(piece);
      bytes += piece.length;
    }
  }
  return Buffer.concat(pieces.reverse());
}
