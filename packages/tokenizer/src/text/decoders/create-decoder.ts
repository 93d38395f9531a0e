/**
 * Creates the decoder that a tokenizer.json describes: it turns tokens into text. Each step maps a list of strings to
 * another; the result of the last one is joined.
 */
import { PartFields, type TokenizerPart } from "../../json/part-fields.ts";
import { bytesOfToken } from "../byte-alphabet.ts";
import { createPattern, type PatternJson } from "../patterns/pattern.ts";
import { metaspaceOptions } from "../pre-tokenizers/metaspace-pre-tokenizer.ts";

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

const cleanUp = (text: string): string => CLEANUP.reduce((whole, [from, to]) => whole.replaceAll(from, to), text);

const wordPiece =
  (prefix: string, cleanup: boolean): Decoder =>
  (tokens) =>
    tokens.map((token, index) => {
      let text = token;
      if (index > 0) text = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanUp(text) : text;
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

/** The end-of-word suffix becomes a blank, except on the last token. */
const bpe =
  (suffix: string): Decoder =>
  (tokens) =>
    tokens.map((token, index) => token.replaceAll(suffix, index === tokens.length - 1 ? "" : " "));

/** Connectionist temporal classification: repeated tokens count once, and padding separates them. */
const ctc =
  (padding: string, delimiter: string, cleanup: boolean): Decoder =>
  (tokens) =>
    tokens
      .filter((token, index) => index === 0 || token !== tokens[index - 1])
      .map((token) => token.replaceAll(padding, ""))
      .map((token) => (cleanup ? cleanUp(token).replaceAll(delimiter, " ") : token))
      .filter((token) => token !== "");

const replace = (json: PatternJson, content: string): Decoder => {
  const pattern = createPattern(json);
  const replaceIn = (token: string): string =>
    pattern(token)
      .map(({ start, end, isMatch }) => (isMatch ? content : token.slice(start, end)))
      .join("");
  return (tokens) => tokens.map(replaceIn);
};

function create(fields: PartFields): Decoder {
  switch (fields.type) {
    case "BPEDecoder":
      return bpe(fields.text("suffix", "</w>"));
    case "ByteFallback":
      return byteFallback;
    case "ByteLevel":
      return byteLevel;
    case "CTC":
      return ctc(
        fields.text("pad_token", "<pad>"),
        fields.text("word_delimiter_token", "|"),
        fields.flag("cleanup", true),
      );
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Metaspace": {
      const { mark, prepend } = metaspaceOptions(fields);
      return metaspace(mark, prepend);
    }
    case "Replace":
      return replace(fields.pattern("pattern"), fields.text("content"));
    case "Sequence": {
      const decoders = fields.parts("decoders").map(create);
      return (tokens) => decoders.reduce((texts, decode) => decode(texts), tokens);
    }
    case "Strip":
      return strip(fields.character("content"), fields.count("start"), fields.count("stop"));
    case "WordPiece":
      return wordPiece(fields.text("prefix", "##"), fields.flag("cleanup", true));
    default:
      return fields.unsupported("decoder");
  }
}

/**
 * Creates a function from tokens to text.
 *
 * @throws {TokenizerError} if the decoder is invalid or not supported.
 */
export function createDecoder(part: TokenizerPart | null | undefined): (tokens: string[]) => string {
  if (!part) return (tokens) => tokens.join(" ");
  const decode = create(new PartFields(part));
  return (tokens) => decode(tokens).join("");
}
