/**
 * WordPiece and Unigram against Hugging Face's tokenizers: normalizers and words by code point, and ids of the Universal
 * Declaration in every language and of random texts, for variants of small files.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { awkwardText, declarations, nativeTokenizer, readFixture, wellFormed } from "../testing/texts.ts";
import { createNormalizer } from "../text/normalizers/create-normalizer.ts";
import { normalizeText } from "../text/normalizers/normalizer.ts";
import { createBertPreTokenizer } from "../text/pre-tokenizers/bert-pre-tokenizer.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import { parseTokenizerJson } from "./parse-tokenizer-json.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

const wordpiece = parseTokenizerJson(readFixture("wordpiece.json"));
const unigram = parseTokenizerJson(readFixture("unigram.json"));
const hasNative = nativeTokenizer(wordpiece) !== undefined;
const bert = (fields: object = {}) => ({ ...wordpiece.normalizer!, ...fields });
const metaspace = (fields: object) => ({ ...unigram.pre_tokenizer!, ...fields });

const pieces = unigram.model.vocab as [string, number][];
const bytes = Array.from({ length: 256 }, (_, byte) => [
  `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  -30,
]);
const added = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };

const variants: [string, TokenizerJson][] = [
  ["WordPiece", wordpiece],
  ["cased WordPiece", { ...wordpiece, normalizer: bert({ lowercase: false }) }],
  ["WordPiece with accents", { ...wordpiece, normalizer: bert({ strip_accents: false }) }],
  ["WordPiece of raw text", { ...wordpiece, normalizer: bert({ clean_text: false, handle_chinese_chars: false }) }],
  ["WordPiece of short words", { ...wordpiece, model: { ...wordpiece.model, max_input_chars_per_word: 5 } }],
  [
    "WordPiece with added tokens",
    {
      ...wordpiece,
      added_tokens: [
        ...wordpiece.added_tokens!,
        { ...added, id: 2000, content: "STREV É", normalized: true },
        { ...added, id: 2001, content: "'ll", single_word: true },
      ],
    },
  ],
  ["Unigram", unigram],
  [
    "Unigram with a mark on the first word",
    {
      ...unigram,
      pre_tokenizer: metaspace({ prepend_scheme: "first" }),
      added_tokens: [...unigram.added_tokens!, { ...added, id: 5000, content: "'ll" }],
    },
  ],
  [
    "Unigram without added marks",
    { ...unigram, normalizer: null, pre_tokenizer: metaspace({ prepend_scheme: "never" }) },
  ],
  ["Unigram of whole texts", { ...unigram, pre_tokenizer: metaspace({ split: false }) }],
  [
    "Unigram with byte fallback",
    {
      ...unigram,
      normalizer: null,
      decoder: {
        type: "Sequence",
        decoders: [{ type: "ByteFallback" }, unigram.decoder!],
      } as unknown as TokenizerJson["decoder"],
      model: { ...unigram.model, vocab: [...pieces, ...bytes], byte_fallback: true },
    },
  ],
];

describe.skipIf(!hasNative)("compared with the reference (skipped if it has no binary)", () => {
  it.each(variants)("%s", async (_name, json) => {
    // The reference numbers added tokens from the end of the vocabulary.
    const size = Array.isArray(json.model.vocab)
      ? json.model.vocab.length
      : Object.keys(json.model.vocab as object).length;
    const exact = {
      ...json,
      added_tokens: json.added_tokens!.map((token) =>
        token.id < 2000 ? token : { ...token, id: size + (token.id % 10) },
      ),
    };
    const tokenizer = await createTokenizer(exact);
    const native = nativeTokenizer(exact)!;
    // All languages for the plain variants, every fifth for the others.
    const step = json === wordpiece || json === unigram ? 1 : 5;
    const texts = [
      ...fc.sample(awkwardText(), { numRuns: 120, seed: 7 }),
      ...declarations()
        .filter((_, index) => index % step === 0)
        .map((text) => text.slice(0, 200)),
    ];
    for (const text of texts) {
      const theirs = (await native.encode(wellFormed(text), null, { addSpecialTokens: true })).getIds();
      const ours = [...tokenizer.encode(text)];
      expect(ours, JSON.stringify(text)).toEqual(theirs);
      expect(tokenizer.decode(ours, { skipSpecialTokens: true }), text).toBe(await native.decode(theirs, true));
    }
  });

  /** Every character up to the last script, but only a sample of ideographs and syllables, each between letters. */
  const isBulk = (point: number) =>
    (point > 0x3500 && point < 0x9f00) ||
    (point > 0xac10 && point < 0xd700) ||
    (point > 0x17000 && point < 0x1b000) ||
    point > 0x20010;
  const everyCharacter = Array.from({ length: 0x33500 }, (_, point) => point)
    .filter((point) => point > 0 && (point < 0xd800 || point > 0xdfff) && (!isBulk(point) || point % 61 === 0))
    .map((point) => `a${String.fromCodePoint(point)}b`);

  it.each([
    ["uncased", bert()],
    ["cased", bert({ lowercase: false })],
  ])("normalizes every character like BERT, %s", async (_name, part) => {
    const { bertNormalizer } = await import("tokenizers");
    const text = everyCharacter.join("|");
    const ours = normalizeText(createNormalizer(part), text).split("|");
    const theirs = bertNormalizer({ lowercase: part.lowercase as boolean })
      .normalizeString(text)
      .split("|");
    expect(ours).toHaveLength(theirs.length);
    expect(ours.filter((piece, index) => piece !== theirs[index])).toEqual([]);
  });

  it("splits at every character like BERT", async () => {
    const { bertPreTokenizer } = await import("tokenizers");
    const text = everyCharacter.join(" ");
    const bytes = new TextEncoder().encode(text);
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    const ours: string[] = [];
    createBertPreTokenizer()(
      bytes,
      0,
      bytes.length,
      (all, start, end) => ours.push(utf8.decode(all.subarray(start, end))),
      0,
    );
    const theirs = bertPreTokenizer()
      .preTokenizeString(text)
      .map(([word]) => word);
    const differs = ours.findIndex((word, index) => word !== theirs[index]);
    expect(ours.slice(differs - 1, differs + 3)).toEqual(theirs.slice(differs - 1, differs + 3));
    expect(ours).toHaveLength(theirs.length);
  });
});

describe("a Unigram tokenizer without an unknown token", () => {
  it("throws for text that it cannot encode", async () => {
    const tokenizer = await createTokenizer({ ...unigram, model: { ...unigram.model, unk_id: null } });
    expect(() => tokenizer.encode("\u{13000}")).toThrow(/no unknown token/);
  });
});
