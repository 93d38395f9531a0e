/**
 * The byte-level alphabet of GPT-2: writes every byte as one printable character, so that tokens of arbitrary bytes are
 * text. Printable Latin-1 bytes stay the same; the others become the characters from U+0100 on.
 */
const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

const bytes = Array.from({ length: 256 }, (_, byte) => byte);
const unprintable = bytes.filter((byte) => !isPrintable(byte));

/** The character for each byte. */
export const byteToCharacter: readonly string[] = bytes.map((byte) =>
  String.fromCharCode(isPrintable(byte) ? byte : 0x100 + unprintable.indexOf(byte)),
);

const characterToByte = new Map(byteToCharacter.map((character, byte) => [character, byte]));

/** The bytes of a token written in the alphabet, or undefined if it contains any other character. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const found = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index++) {
    const byte = characterToByte.get(token[index]!);
    if (byte === undefined) return undefined;
    found[index] = byte;
  }
  return found;
}

/** Writes bytes in the alphabet. */
export function toByteLevel(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byteToCharacter[byte];
  return text;
}
