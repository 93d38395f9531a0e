/**
 * Decodes ids of byte-level vocabularies: concatenates the bytes of the tokens and reads them as UTF-8.
 */
import type { DecodeOptions, TokenDecoder } from "../../tokenizer.ts";

/** Decodes ids whose tokens are bytes. */
export interface ByteDecoder {
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  createDecoder(options?: DecodeOptions): TokenDecoder;
}

// Without ignoreBOM, a leading U+FEFF would be lost.
const utf8Decoder = () => new TextDecoder("utf-8", { ignoreBOM: true });

/** Creates a decoder. `tokens` holds the bytes of every id; empty for an id without a token. `isSpecial` is 1 for special ids. */
export function createByteLevelDecoder(tokens: readonly Uint8Array[], isSpecial: Uint8Array): ByteDecoder {
  const offsets = new Int32Array(tokens.length + 1);
  tokens.forEach((bytes, id) => {
    offsets[id + 1] = offsets[id]! + bytes.length;
  });
  const store = new Uint8Array(offsets[tokens.length]!);
  tokens.forEach((bytes, id) => {
    store.set(bytes, offsets[id]!);
  });

  const isText = (id: number, skipSpecialTokens: boolean): boolean =>
    id >= 0 && id < tokens.length && !(skipSpecialTokens && isSpecial[id] === 1);
  const bytesOf = (id: number): Uint8Array => store.subarray(offsets[id]!, offsets[id + 1]!);

  return {
    decode(ids, { skipSpecialTokens = false } = {}) {
      let length = 0;
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index]!;
        if (isText(id, skipSpecialTokens)) length += offsets[id + 1]! - offsets[id]!;
      }
      const bytes = new Uint8Array(length);
      let position = 0;
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index]!;
        if (!isText(id, skipSpecialTokens)) continue;
        for (let from = offsets[id]!; from < offsets[id + 1]!; from++) bytes[position++] = store[from]!;
      }
      return utf8Decoder().decode(bytes);
    },
    createDecoder({ skipSpecialTokens = false } = {}) {
      const decoder = utf8Decoder();
      return {
        push: (id) => (isText(id, skipSpecialTokens) ? decoder.decode(bytesOf(id), { stream: true }) : ""),
        flush: () => decoder.decode(),
      };
    },
  };
}
