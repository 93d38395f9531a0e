/** What single tokens stand for in the middle of a text, as bytes: they need not be whole characters. */
import { bytesOfToken } from "./text/byte-alphabet.ts";
import type { Tokenizer } from "./tokenizer.ts";

const BYTE = /^<0x([0-9a-fA-F]{2})>$/;

/** The types of a decoder and of those in it. */
function decoderTypes({ decoder }: Tokenizer["json"]): string[] {
  if (!decoder) return [];
  const nested = Array.isArray(decoder.decoders) ? (decoder.decoders as { type: string }[]) : [];
  return [decoder.type, ...nested.map(({ type }) => type)];
}

/**
 * Returns a function from an id to the bytes (UTF-8) that it adds to a text, leading space included; none for an unknown id.
 * Special tokens are spelled out.
 */
export function createTokenBytes(tokenizer: Tokenizer): (id: number) => Uint8Array {
  const types = decoderTypes(tokenizer.json);
  const encoder = new TextEncoder();
  const special = new Set(tokenizer.specialTokens.values());
  const known = new Map<number, Uint8Array>();
  // A decoder may drop the space before the first token: no token is decoded as the first.
  const [first = 0] = tokenizer.encode("a", { addSpecialTokens: false });
  const start = tokenizer.decode([first]);

  function bytesOf(id: number): Uint8Array {
    const token = tokenizer.idToToken(id);
    if (token === undefined) return new Uint8Array();
    if (special.has(id)) return encoder.encode(token);
    if (tokenizer.json.decoder?.type === "ByteLevel") return bytesOfToken(token) ?? encoder.encode(token);
    const byte = types.includes("ByteFallback") ? BYTE.exec(token) : null;
    if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
    return encoder.encode(tokenizer.decode([first, id]).slice(start.length));
  }

  return (id) => {
    const found = known.get(id) ?? bytesOf(id);
    known.set(id, found);
    return found;
  };
}
