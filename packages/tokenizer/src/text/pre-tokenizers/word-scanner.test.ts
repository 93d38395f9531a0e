import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTokenizerJson } from "../../json/parse-tokenizer-json.ts";
import { awkwardText, nativeTokenizer, readFixture, wellFormed } from "../../testing/texts.ts";
import { characterClasses, LETTER, NUMBER, SPACE } from "../unicode/character-classes.ts";
import { toUtf8 } from "../utf8.ts";
import { createWordScanner, type WordPattern } from "./word-scanner.ts";

const points = Array.from({ length: 0x110000 }, (_, point) => point).filter(
  (point) => point < 0xd800 || point > 0xdfff,
);

/** A regular expression's class of the code points in our table: \p{L} of Unicode 16, in any runtime. */
const members = (kind: number): string => {
  const classes = characterClasses(LETTER, NUMBER, SPACE);
  const ranges: string[] = [];
  for (let from = 0; from < classes.length; from++) {
    if (classes[from] !== kind) continue;
    let to = from;
    while (classes[to + 1] === kind) to++;
    ranges.push(`\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`);
    from = to;
  }
  return ranges.join("");
};

const [L, N, S] = [LETTER, NUMBER, SPACE].map(members);
const contractions = "'s|'t|'re|'ve|'m|'ll|'d";
const anyCase = contractions.replace(
  /[a-z]/g,
  (letter) => `[${letter}${letter.toUpperCase()}${letter === "s" ? "ſ" : ""}]`,
);
const space = `[${S}]+(?![^${S}])|[${S}]+`;
const cl100k = (digits: number) =>
  `${anyCase}|[^\\r\\n${L}${N}]?[${L}]+|[${N}]{1,${digits}}| ?[^${S}${L}${N}]+[\\r\\n]*|[${S}]*[\\r\\n]+|${space}`;

const patterns: [string, WordPattern, RegExp][] = [
  ["GPT-2's", { kind: "r50k" }, new RegExp(`${contractions}| ?[${L}]+| ?[${N}]+| ?[^${S}${L}${N}]+|${space}`, "gu")],
  ["Llama 3's", { kind: "cl100k", maxDigits: 3 }, new RegExp(cl100k(3), "gu")],
  ["Qwen 2's", { kind: "cl100k", maxDigits: 1 }, new RegExp(cl100k(1), "gu")],
];

const wordsOf = (pattern: WordPattern, text: string): string[] => {
  const scan = createWordScanner(pattern);
  const { bytes, length } = toUtf8(text);
  const words: string[] = [];
  for (let start = 0; start < length; ) {
    const end = scan(bytes, start, length);
    words.push(new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }).decode(bytes.subarray(start, end)));
    start = end;
  }
  return words;
};

describe("character classes", () => {
  it.skipIf(Number(process.versions.unicode) < 16).each([
    ["letters", LETTER, /^\p{L}$/u, 141_028],
    ["numbers", NUMBER, /^\p{N}$/u, 1911],
    ["white space", SPACE, /^\p{White_Space}$/u, 25],
  ] as const)("are Unicode 16's %s", (_name, kind, property, count) => {
    const ours = points.filter((point) => characterClasses(LETTER, NUMBER, SPACE)[point] === kind);
    expect(ours).toHaveLength(count);
    // A later version of Unicode may add characters, but does not remove any.
    expect(ours.filter((point) => !property.test(String.fromCodePoint(point)))).toEqual([]);
  });
});

describe.each(patterns)("%s words", (_name, pattern, regex) => {
  it("match the regular expression on texts of difficult characters", () => {
    fc.assert(
      fc.property(awkwardText(), (text) => {
        expect(wordsOf(pattern, text)).toEqual(wellFormed(text).match(regex) ?? []);
      }),
      { numRuns: 1500, seed: 1 },
    );
  });

  it("match the regular expression for every character next to letters, digits and blanks", () => {
    const every = points.filter(
      (point) => point % 29 === 0 || point < 0x2000 || characterClasses(LETTER, NUMBER, SPACE)[point] === SPACE,
    );
    for (let from = 0; from < every.length; from += 500) {
      const text = every
        .slice(from, from + 500)
        .map((point) => `a${String.fromCodePoint(point)}1 ${String.fromCodePoint(point)}`)
        .join("");
      expect(wordsOf(pattern, text)).toEqual(text.match(regex));
    }
  });
});

describe("words of the reference", () => {
  const native = nativeTokenizer(parseTokenizerJson(readFixture("small.json")));
  const lengths = (words: string[]): number[] => words.map((word) => new TextEncoder().encode(word).length);
  /** The reference writes a byte as one character. */
  const theirLengths = (text: string): number[] =>
    native!
      .getPreTokenizer()
      .preTokenizeString(text)
      .map(([word]) => [...word].length);

  it.skipIf(!native)("are the same for texts of difficult characters (skipped if it has no binary)", () => {
    fc.assert(
      fc.property(awkwardText(), (text) => {
        expect(lengths(wordsOf({ kind: "r50k" }, text))).toEqual(theirLengths(wellFormed(text)));
      }),
      { numRuns: 1000, seed: 2 },
    );
  });

  it.skipIf(!native)("change at the same code points (skipped if it has no binary)", () => {
    const text = points
      .filter((point) => point < 0x33500)
      .map((point) => String.fromCodePoint(point))
      .join("");
    expect(lengths(wordsOf({ kind: "r50k" }, text))).toEqual(theirLengths(text));
  });
});
