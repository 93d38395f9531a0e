import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { readEvaluationNgrams } from "./evaluation-ngrams.ts";
import { filterDocuments } from "./filter.ts";

const path = temporaryDirectory();
function file(name: string, content: string): string {
  writeFileSync(path(name), content);
  return path(name);
}

const words = (from: number, count: number) => Array.from({ length: count }, (_, i) => `w${from + i}`).join(" ");

describe("evaluation texts", () => {
  it("are found by any of their n-grams, whatever the punctuation", async () => {
    const lines = [
      { question: words(0, 20), answers: [{ text: words(100, 13) }, "short answer"] },
      { question: words(200, 12), label: 3 },
    ];
    const jsonl = file("eval.jsonl", lines.map((line) => JSON.stringify(line)).join("\n"));
    const { texts, shortTexts, isContaminated } = await readEvaluationNgrams([jsonl], { ngram: 13 });
    expect({ texts, shortTexts }).toEqual({ texts: 4, shortTexts: 2 });
    expect(isContaminated(`before ${words(3, 13)} after`)).toBe(true);
    expect(isContaminated(words(7, 13).toUpperCase().replaceAll(" ", ",\n"))).toBe(true);
    expect(isContaminated(words(100, 13))).toBe(true);
    expect(isContaminated(words(8, 12))).toBe(false);
    expect(isContaminated(`${words(0, 12)} other ${words(12, 8)}`)).toBe(false);
    expect(isContaminated(words(13, 20))).toBe(false);
    expect(isContaminated(words(200, 12))).toBe(false);
    expect(isContaminated("")).toBe(false);
  });

  it("are distinguished: a million n-grams have no hash collision", async () => {
    const text = file("eval.txt", words(0, 20_000));
    const { isContaminated } = await readEvaluationNgrams([text], { ngram: 5 });
    expect(isContaminated(words(100_000, 500_000))).toBe(false);
    expect(isContaminated(`${words(100_000, 500_000)} ${words(19_995, 5)}`)).toBe(true);
  });

  it("are read from a column of other formats", async () => {
    const csv = file("eval.csv", `text,label\n"${words(0, 6)}",1\n`);
    const { texts, isContaminated } = await readEvaluationNgrams([csv], { ngram: 5 });
    expect(texts).toBe(1);
    expect(isContaminated(words(1, 5))).toBe(true);
  });

  it("that cannot be read are refused", async () => {
    const read = (input: string, ngram = 13) => readEvaluationNgrams([input], { ngram });
    await expect(read("missing.jsonl")).rejects.toThrow("missing.jsonl: no such file");
    await expect(read(file("bad.jsonl", '{"a":1}\n{'))).rejects.toThrow(/bad.jsonl:2: malformed JSON/);
    await expect(read("-")).rejects.toThrow(/standard input/);
    await expect(read(path("bad.jsonl"), 0)).rejects.toThrow(/got 0/);
  });
});

describe("a filter", () => {
  it("decides by whole documents, keeps their parts, and passes those that are too long", async () => {
    const documents = [["ke", "ep"], ["dr", "op"], ["dro", "p this is ", "too long"], ["drop"], ["keep"]];
    async function* parts() {
      for (const [line, document] of documents.entries())
        for (const [i, text] of document.entries()) yield { text, source: "s", line, last: i + 1 === document.length };
    }
    const seen: string[] = [];
    let tooLong = 0;
    const keep = (text: string) => {
      seen.push(text);
      return text === "keep";
    };
    const kept: string[] = [];
    for await (const { text, line, last } of filterDocuments(parts(), { keep, onTooLong: () => tooLong++, longest: 8 }))
      kept.push(`${line} ${text}${last ? "." : ""}`);
    expect(kept).toEqual(["0 ke", "0 ep.", "2 dro", "2 p this is ", "2 too long.", "4 keep."]);
    expect(seen).toEqual(["keep", "drop", "drop", "keep"]);
    expect(tooLong).toBe(1);
  });
});
