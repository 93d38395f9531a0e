/** `megatron prepare`: formats, filters and languages, and what it reports. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openDataset } from "@megatron-ts/data";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { chapter, createSandbox } from "./testing/sandbox.ts";

const sandbox = createSandbox();
afterAll(sandbox.remove);
const { path } = sandbox;
const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
const file = (name: string, texts: readonly string[]) =>
  sandbox.file(name, texts.map((text) => JSON.stringify({ text })).join("\n"));

const paragraphs = chapter(1)
  .split(/\n\s*\n/)
  .filter((text) => text.length > 300);

const options = (input: string, output: string, ...more: string[]) => [
  ...["prepare", "--input", input, "--tokenizer", fixture("text-files/tokenizers/gpt2.json"), "--workers", "0"],
  ...["--output", path(output), "--split", "1", ...more],
];

describe("megatron prepare", () => {
  it("reads web archives and books", async () => {
    expect(await megatronJson(...options(fixture("web-pages/crawl.warc.gz"), "crawl"))).toMatchObject({
      counts: { documents: 6 },
      skipped: { emptyDocuments: 1 },
    });
    expect(await megatronJson(...options(fixture("web-pages/book.epub"), "book"))).toMatchObject({
      counts: { documents: 1, bytes: 117 },
    });
  });

  it("reports cuts inside documents, and splits that stay empty", async () => {
    const text = file("one.jsonl", [paragraphs.join("\n\n")]);
    const { stdout } = await megatron(...options(text, "one"), "--split", "90,5,5");
    expect(stdout).toMatch(/validation +1 document, .*\n.*test +1 document, .*\n.* 2 cuts inside documents/);
    const { stdout: short } = await megatron(...options(file("short.jsonl", ["Hello."]), "short"), "--split", "9,1");
    expect(short).toMatch(/validation: empty/);
  });

  it("makes sentences sequences", async () => {
    const input = file("sentences.jsonl", paragraphs);
    const { stdout } = await megatron(...options(input, "sentences", "--sentences"));
    const dataset = await openDataset(path("sentences"));
    expect(dataset.prefix).toBe(path("sentences_text_sentence"));
    expect(dataset.documents).toBe(paragraphs.length);
    expect(stdout).toContain(`\n  ${dataset.sequences} sentences (en)\n`);
    expect(dataset.sidecar?.tokenizer.endOfDocument).toBeNull();
    dataset.close();
    const ended = await megatronJson<{ sentences: object }>(
      ...options(input, "ended", "--sentences", "de", "--append-eod"),
    );
    expect(ended.sentences).toMatchObject({ language: "de" });
    const withEnds = await openDataset(path("ended"));
    expect(withEnds.sidecar?.tokenizer.endOfDocument).not.toBeNull();
    withEnds.close();
  });

  it("removes and counts duplicates and contaminated documents", async () => {
    const [first, second, third, fourth] = paragraphs as [string, string, string, string];
    const input = file("repeated.jsonl", [first, second, `${second} And more.`, third, first, fourth]);
    const evaluation = sandbox.file("evaluation.jsonl", JSON.stringify({ question: third, answer: "yes" }));
    const exact = await megatronJson(...options(input, "exact", "--dedup", "exact"));
    expect(exact).toMatchObject({ counts: { documents: 5 }, deduplication: { kind: "exact", duplicates: 1 } });
    const steps = ["--dedup", "minhash", "--dedup-threshold", "0.7", "--decontaminate", evaluation, "--ngram", "8"];
    const { stdout } = await megatron(...options(input, "near", ...steps));
    expect(stdout).toMatch(/near_text_document: 3 documents, /);
    expect(stdout).toMatch(/\n {2}1 contaminated document .*\b8\b.* 2 evaluation texts/);
    expect(stdout).toMatch(/\n {2}1 evaluation text .*\b8\b/);
    expect(stdout).toMatch(/\n {2}2 duplicates .*minhash.*0\.7/);
    const counted = await megatron(...options(input, "counted", ...steps.slice(4), "--contaminated", "count"));
    expect(counted.stdout).toContain("counted_text_document: 6 documents, ");
    expect(counted.stdout).toMatch(/\n {2}1 contaminated document kept.*\b8\b.* 2 evaluation texts/);
  });

  describe("languages", () => {
    const german =
      "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt. ".repeat(3);
    const input = () => file("languages.jsonl", [...paragraphs.slice(0, 6), german]);

    it("are detected and counted", async () => {
      const { stdout } = await megatron(...options(input(), "told-apart", "--languages"));
      expect(stdout).toMatch(/\n {2}en {9}6 documents, [\d,]+ tokens\n {2}de {9}1 document, [\d,]+ tokens\n/);
    });

    it("are written as datasets with weights for a recipe", async () => {
      const { stdout } = await megatron(...options(input(), "apart", "--by-language", "--temperature", "0.5"));
      const { data } = parse(stdout.slice(stdout.indexOf("data:"))) as {
        data: { train: { prefix: string; weight: number }[] };
      };
      expect(data.train.map(({ prefix }) => prefix)).toEqual(
        ["de", "en"].map((code) => path(`apart-${code}_text_document`)),
      );
      const tokens = await Promise.all(
        data.train.map(async ({ prefix }) => {
          const dataset = await openDataset(prefix);
          dataset.close();
          return dataset.tokens;
        }),
      );
      const [de, en] = data.train.map(({ weight }) => weight) as [number, number];
      expect(de + en).toBeCloseTo(1, 5);
      expect(de / en).toBeCloseTo(Math.sqrt(tokens[0]! / tokens[1]!), 4);
      expect(existsSync(path("apart_text_document.bin"))).toBe(false);
    });
  });

  it("replaces an existing dataset only with --overwrite", async () => {
    const command = (texts: string[]) => options(file("again.jsonl", texts), "again");
    await megatronJson(...command(["one"]));
    const { code, stdout, stderr } = await megatron(...command(["one", "two"]));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: .*again_text_document: .*--overwrite.*\n$/);
    expect(await megatronJson(...command(["one", "two"]), "--overwrite")).toMatchObject({ counts: { documents: 2 } });
  });

  it.each([
    [["--dedup", "exact", "--dedup-threshold", "0.5"], /--dedup-threshold .*--dedup minhash/],
    [["--dedup", "minhash", "--dedup-threshold", "2"], /similarity/],
    [["--dedup", "some"], /Allowed choices are exact, minhash/],
    [["--ngram", "5"], /--decontaminate/],
    [["--decontaminate", "missing.jsonl"], /missing\.jsonl: /],
    [["--temperature", "0.7"], /--by-language/],
    [["--by-language", "--temperature", "7"], /temperature/],
    [["--sentences", "x"], /"x"/],
  ])("%j is a user mistake", async (flags, message) => {
    const { code, stderr } = await megatron(...options(file("one.jsonl", ["some text"]), "mistake", ...flags));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim()).not.toContain("\n");
    expect(readdirSync(path(".")).filter((name) => name.startsWith("mistake"))).toEqual([]);
  });
});
