/**
 * Creates the decoder that a tokenizer.json describes: it turns tokens into text. Each step maps a list of strings to
 * another; the result of the last one is joined.
 */
import type { TokenizerPart } from "../json/tokenizer-json.ts";
import { bytesOfToken } from "./byte-alphabet.ts";

type Decoder = (tokens: string[]) => string[];

const encoder = new TextEncoder();
const utf8 = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

const byteLevel: Decoder = (tokens) => {
  const parts = tokens.map((token) => bytesOfToken(token) ?? encoder.encode(token));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let length = 0;
  for (const part of parts) {
    bytes.set(part, length);
    length += part.length;
  }
  return [utf8(bytes)];
};

/** Spacing of English punctuation, as in BERT's decoder. */
const CLEANUP: readonly [string, string][] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

const wordPiece =
  (prefix: string, cleanup: boolean): Decoder =>
  (tokens) =>
    tokens.map((token, index) => {
      let text = token;
      if (index > 0) text = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? CLEANUP.reduce((whole, [from, to]) => whole.replaceAll(from, to), text) : text;
    });

const metaspace =
  (mark: string, scheme: unknown): Decoder =>
  (tokens) =>
    tokens.map((token, index) => token.replaceAll(mark, index === 0 && scheme !== "never" ? "" : " "));

const BYTE = /^<0x([0-9a-fA-F]{2})>$/;

/** Turns runs of tokens like `<0x61>` into text; bytes that are not UTF-8 become U+FFFD each. */
const byteFallback: Decoder = (tokens) => {
  const texts: string[] = [];
  let run: number[] = [];
  const endRun = (): void => {
    if (run.length === 0) return;
    try {
      texts.push(new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }).decode(Uint8Array.from(run)));
    } catch {
      texts.push(...run.map(() => "\uFFFD"));
    }
    run = [];
  };
  for (const token of tokens) {
    const byte = BYTE.exec(token);
    if (byte) {
      run.push(Number.parseInt(byte[1]!, 16));
    } else {
      endRun();
      texts.push(token);
    }
  }
  endRun();
  return texts;
};

const strip =
  (content: string, start: number, stop: number): Decoder =>
  (tokens) =>
    tokens.map((token) => {
      const characters = [...token];
      let from = 0;
      while (from < start && characters[from] === content) from++;
      let to = characters.length;
      while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
      return characters.slice(from, to).join("");
    });

function decoderOf(part: TokenizerPart): Decoder | undefined {
  switch (part.type) {
    case "ByteLevel":
      return byteLevel;
    case "WordPiece":
      return wordPiece((part.prefix as string | undefined) ?? "##", part.cleanup !== false);
    case "Metaspace":
      return metaspace(part.replacement as string, part.add_prefix_space === false ? "never" : part.prepend_scheme);
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Strip":
      return strip(part.content as string, part.start as number, part.stop as number);
    case "Replace": {
      const from = (part.pattern as { String?: string }).String;
      return from === undefined
        ? undefined
        : (tokens) => tokens.map((token) => token.replaceAll(from, part.content as string));
    }
    case "Sequence": {
      const decoders = (part.decoders as TokenizerPart[]).map(decoderOf);
      if (decoders.includes(undefined)) return undefined;
      return (tokens) => decoders.reduce((texts, decode) => decode!(texts), tokens);
    }
    default:
      return undefined;
  }
}

/** Creates a function from tokens to text, or undefined if only the library supports the decoder. */
export function createDecoder(part: TokenizerPart | null | undefined): ((tokens: string[]) => string) | undefined {
  if (!part) return (tokens) => tokens.join(" ");
  const decoder = decoderOf(part);
  return decoder && ((tokens) => decoder(tokens).join(""));
}
