import { describe, expect, it } from "vitest";
import { cutIntoPieces } from "../prepare/pieces.ts";
import { createSentenceCuts, createSentenceSplitter } from "./sentences.ts";

describe("sentences", () => {
  it.each([
    [
      "en",
      "Call me Ishmael. Some years ago! Really?  Yes.",
      ["Call me Ishmael.", "Some years ago!", "Really?", "Yes."],
    ],
    ["en", 'He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]],
    [
      "en",
      "Mr. Smith met Dr. J. R. Jones at 3.30 p.m. on Monday. It rained.",
      ["Mr. Smith met Dr. J. R. Jones at 3.30 p.m. on Monday.", "It rained."],
    ],
    [
      "en",
      "Chapter One\n\nIt was a long\nline. It\r\nended.\n \nNext",
      ["Chapter One", "It was a long line.", "It ended.", "Next"],
    ],
    ["de", "Das ist Dr. Müller. Er wohnt in St. Gallen.", ["Das ist Dr. Müller.", "Er wohnt in St. Gallen."]],
    ["fr", "M. Dupont arrive. Il part.", ["M. Dupont arrive.", "Il part."]],
    ["ja", "東京です。はい！そうですか？", ["東京です。", "はい！", "そうですか？"]],
    ["hi", "यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]],
    ["ru", "Это А. С. Пушкин. Да.", ["Это А. С. Пушкин.", "Да."]],
    ["en", " \n\n \n", []],
    ["en", "no end", ["no end"]],
  ] as const)("of %s: %j", (language, text, sentences) => {
    expect(createSentenceSplitter(language)(text)).toEqual(sentences);
  });

  it("of a long paragraph are found in linear time", () => {
    const sentences = Array.from({ length: 20_000 }, (_, i) => `Sentence number ${i} is here, and Mr. Smith is not.`);
    expect(createSentenceSplitter("en")(sentences.join(" "))).toEqual(sentences);
    const endless = "word ".repeat(20_000).trim();
    expect(createSentenceSplitter("en")(endless)).toEqual([endless]);
  });

  it("need a language tag", () => {
    expect(() => createSentenceSplitter("not a language")).toThrow(/"not a language" is not a language tag/);
  });

  it("are the same if a long text is cut into pieces", async () => {
    const paragraphs = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 1 + ((i * 7) % 90) }, (_, j) => `Here is sentence ${j}\nof paragraph ${i}, by Dr. No.`).join(
        " ",
      ),
    );
    const text = paragraphs.join("\n\n");
    async function* parts() {
      yield { text: text.slice(0, 5000), source: "x", line: 1, last: false };
      yield { text: text.slice(5000), source: "x", line: 1, last: true };
    }
    const pieces: string[] = [];
    for await (const piece of cutIntoPieces(parts(), { findCut: createSentenceCuts("en"), pieceLength: 10_000 }))
      pieces.push(piece.text);
    expect(pieces.join("")).toBe(text);
    expect(pieces.length).toBeGreaterThan(6);
    const split = createSentenceSplitter("en");
    expect(pieces.flatMap(split)).toEqual(split(text));
  });
});
