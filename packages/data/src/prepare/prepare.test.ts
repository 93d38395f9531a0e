import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../dataset.ts";
import { DataError } from "../errors.ts";
import { takeLock } from "../files/lock.ts";
import { buildEntries } from "../testing/build.ts";
import { golden, temporaryDirectory } from "../testing/directory.ts";
import { filesOf, inThisThread, preparing, tokenizerPath } from "../testing/prepare.ts";
import { prepareWith } from "./prepare.ts";

const path = temporaryDirectory();
const tokenizer = await loadTokenizer(tokenizerPath);

/** Prose of many lengths; the same every time. */
function prose(documents: number, scale = 1): string[] {
  let state = 12345;
  const next = (bound: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  const words =
    "the quick brown fox doesn't jump over naïve Kürbis 東京は。 1234 Быстрая, (maybe) café.\n \n\n\t".split(" ");
  return Array.from({ length: documents }, () =>
    Array.from({ length: 1 + next(200 * scale) }, () => words[next(words.length)]).join(" "),
  );
}

const jsonl = (texts: string[]) => texts.map((text) => `${JSON.stringify({ text })}\n`).join("");

function file(name: string, content: string): string {
  writeFileSync(path(name), content);
  return path(name);
}

const prepare = preparing(path("out"));

const leftovers = (prefix: string) =>
  readdirSync(path(".")).filter((name) => name.startsWith(basename(prefix)) && /partial|journal|new|lock/.test(name));

async function tokensOf(output: string): Promise<number[][]> {
  const dataset = await openDataset(output);
  const documents = Array.from({ length: dataset.documents }, (_, i) => [...dataset.read(i)]);
  dataset.close();
  return documents;
}

const expectedTokens = (texts: string[]) => texts.map((text) => [...tokenizer.encode(text), tokenizer.endOfText]);

describe("a prepared dataset", () => {
  const texts = prose(60);

  it("has the ids and end token of every document, in order", async () => {
    const { prefix, resumed } = await prepare({ inputs: [file("a.jsonl", jsonl(texts))], split: [1] });
    expect(prefix).toBe(path("out_text_document"));
    expect(resumed).toBe(false);
    expect(await tokensOf(path("out"))).toEqual(expectedTokens(texts));
    expect(await tokensOf(prefix)).toEqual(expectedTokens(texts));
    expect(leftovers(prefix)).toEqual([]);
  });

  it("keeps special tokens that documents spell out as text, unless asked for ids", async () => {
    const [document] = ["a <|endoftext|> b"];
    const inputs = [file("special.txt", document!)];
    const output = path("special");
    await prepare({ inputs, output });
    const [asText] = await tokensOf(output);
    expect(asText!.indexOf(tokenizer.endOfText!)).toBe(asText!.length - 1);
    expect(tokenizer.decode(asText!)).toBe(`${document}<|endoftext|>`);
    await prepare({ inputs, output, specialTokens: "ids", overwrite: true });
    expect(await tokensOf(output)).toEqual(expectedTokens([document!]));
    // @ts-expect-error Neither text nor ids.
    await expect(prepare({ inputs, output: path("special2"), specialTokens: "x" })).rejects.toBeInstanceOf(DataError);
  });

  it("has a sidecar with its sizes and its split", async () => {
    const { prefix, sidecar } = await prepare({ inputs: [path("a.jsonl")], split: [80, 15, 5] });
    const sizes = (range: string[]) => ({
      documents: range.length,
      tokens: expectedTokens(range).flat().length,
      bytes: range.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
      characters: range.reduce((sum, text) => sum + [...text].length, 0),
      words: range.reduce((sum, text) => sum + text.split(/\s+/).filter((word) => word !== "").length, 0),
    });
    expect(sidecar).toEqual({
      format: "megatron-ts/indexed-dataset",
      version: 2,
      jsonKey: "text",
      tokenizer: { fingerprint: tokenizer.fingerprint, vocabularySize: 420, endOfDocument: tokenizer.endOfText },
      counts: sizes(texts),
      split: {
        weights: [80, 15, 5],
        train: { start: 0, end: 48, ...sizes(texts.slice(0, 48)) },
        validation: { start: 48, end: 57, ...sizes(texts.slice(48, 57)) },
        test: { start: 57, end: 60, ...sizes(texts.slice(57)) },
      },
      skipped: { badLines: 0, emptyDocuments: 0 },
      files: { bin: expect.anything(), idx: expect.anything() },
    });
    const dataset = await openDataset(path("out"));
    expect(dataset.sidecar).toEqual(sidecar);
    expect(dataset.documentsOf("validation")).toEqual({ start: 48, end: 57 });
    expect(dataset.documentsOf("all")).toEqual({ start: 0, end: 60 });
    dataset.close();
    const other = await openDataset(prefix, { splitWeights: [50, 50] });
    expect(other.documentsOf("validation")).toEqual({ start: 30, end: 60 });
    expect(() => other.documentsOf("test")).toThrow(/test split .*50,50 of 60 documents/);
    other.close();
  });

  it("equals the golden files, which Megatron's reader was checked with (fixtures/megatron-dataset/make.py --check)", async () => {
    const { prefix } = await prepare({ inputs: [golden("corpus.jsonl")], output: path("ours"), split: [50, 25, 25] });
    expect(filesOf(prefix)).toEqual(filesOf(golden("ours_text_document")));
  });

  it("does not depend on how its documents are cut", async () => {
    const long = prose(3, 40);
    const inputs = long.map((text, i) => file(`long-${i}.txt`, text));
    const cut = await prepare({ inputs, output: path("cut"), split: [1] }, { pieceLength: 1000 });
    const whole = await prepare({ inputs, output: path("whole"), split: [1] }, { pieceLength: 1 << 20 });
    expect(await tokensOf(path("cut"))).toEqual(expectedTokens(long));
    expect(filesOf(cut.prefix)).toEqual(filesOf(whole.prefix));
    await prepare({ inputs: [file("lines.txt", "one\n\ntwo\n")], output: path("lines"), textDocument: "line" });
    expect(await tokensOf(path("lines"))).toEqual(expectedTokens(["one", "two"]));
  });

  it("may have no end tokens, and skips empty documents", async () => {
    const inputs = [file("empty.jsonl", jsonl(["a b", "", "c"]))];
    const { sidecar } = await prepare({ inputs, output: path("empty"), appendEndOfDocument: false });
    expect(await tokensOf(path("empty"))).toEqual([[...tokenizer.encode("a b")], [...tokenizer.encode("c")]]);
    expect(sidecar.skipped).toEqual({ badLines: 0, emptyDocuments: 1 });
    expect(sidecar.tokenizer.endOfDocument).toBeNull();
    expect(sidecar.counts).toEqual({ documents: 2, tokens: 4, bytes: 4, characters: 4, words: 3 });
  });

  it("reports progress and skipped lines", async () => {
    const input = file("bad.jsonl", `${jsonl(texts.slice(0, 5))}{bad\n${jsonl(texts.slice(5, 9))}`);
    const lines: (number | undefined)[] = [];
    const reports: { bytesRead: number; documents: number }[] = [];
    const { sidecar } = await prepare({
      inputs: [input],
      output: path("bad"),
      split: [1],
      skipBadLines: true,
      onBadLine: ({ line }) => lines.push(line),
      onProgress: (progress) => reports.push(progress),
    });
    expect(lines).toEqual([6]);
    expect(sidecar.skipped.badLines).toBe(1);
    expect(reports.length).toBeGreaterThan(2);
    const { length } = readFileSync(input);
    expect(reports.at(-1)).toEqual({ ...sidecarSizes(sidecar), bytesRead: length, bytesTotal: length, badLines: 1 });
  });
});

const sidecarSizes = ({ counts }: { counts: { documents: number; tokens: number } }) => ({
  documents: counts.documents,
  tokens: counts.tokens,
});

describe("an interrupted run", () => {
  const texts = prose(120);
  class Interruption extends Error {}
  /** Runs until `tasks` tasks are done, then stops as if the process had been killed. */
  const interrupted = async (inputs: string[], output: string, tasks: number) => {
    let left = tasks;
    const onProgress = () => {
      if (--left === 0) throw new Interruption();
    };
    const run = prepare({ inputs, output: path(output), onProgress }, { journalMilliseconds: 0 });
    await expect(run).rejects.toThrow(Interruption);
  };

  it("resumes at any task and writes the same bytes", async () => {
    const inputs = [file("resume.txt", prose(1, 300)[0]!), file("resume.jsonl", jsonl(texts))];
    const straight = await prepare({ inputs, output: path("straight") });
    for (const tasks of [1, 2, 7, 20]) {
      await interrupted(inputs, "resumed", tasks);
      expect(existsSync(path("resumed_text_document.idx"))).toBe(false);
      await interrupted(inputs, "resumed", 2);
      const { prefix, resumed } = await prepare({ inputs, output: path("resumed") });
      expect(resumed).toBe(true);
      expect(filesOf(prefix)).toEqual(filesOf(straight.prefix));
      expect(leftovers(prefix)).toEqual([]);
      for (const ending of ["bin", "idx", "json"]) rmSync(`${prefix}.${ending}`);
    }
  });

  it("starts over if inputs or options changed, files are gone, or on request", async () => {
    const inputs = [file("changing.jsonl", jsonl(texts))];
    const output = path("changing");
    await interrupted(inputs, "changing", 4);
    expect((await prepare({ inputs, output, resume: false })).resumed).toBe(false);
    await interrupted(inputs, "changing", 4);
    expect((await prepare({ inputs, output, appendEndOfDocument: false })).resumed).toBe(false);
    await interrupted(inputs, "changing", 4);
    rmSync(path("changing_text_document.counts.partial"));
    expect((await prepare({ inputs, output })).resumed).toBe(false);
    await interrupted(inputs, "changing", 4);
    writeFileSync(path("changing_text_document.journal"), "{");
    expect((await prepare({ inputs, output })).resumed).toBe(false);
    await interrupted(inputs, "changing", 4);
    utimesSync(inputs[0]!, 1, 1);
    expect((await prepare({ inputs, output })).resumed).toBe(false);
    expect(await tokensOf(output)).toEqual(expectedTokens(texts));
  });

  it("resumes after a malformed line with skipBadLines", async () => {
    const inputs = [file("stops.jsonl", `${jsonl(texts.slice(0, 50))}[]\n${jsonl(texts.slice(50))}`)];
    await expect(prepare({ inputs, output: path("stops") })).rejects.toThrow(/stops.jsonl:51: /);
    const { sidecar, resumed } = await prepare({ inputs, output: path("stops"), skipBadLines: true });
    expect(resumed).toBe(true);
    expect(sidecar.skipped.badLines).toBe(1);
    expect(await tokensOf(path("stops"))).toEqual(expectedTokens(texts));
  });

  it("finishes renaming", async () => {
    const inputs = [file("renaming.jsonl", jsonl(texts))];
    const output = path("renaming");
    const prefix = `${output}_text_document`;
    await interrupted(inputs, "renaming", 3);
    const journal = JSON.parse(readFileSync(`${prefix}.journal`, "utf8"));
    const { sidecar } = await prepare({ inputs, output });
    const complete = filesOf(prefix);
    for (const done of [[], ["bin"], ["bin", "idx"], ["bin", "idx", "json"]]) {
      writeFileSync(`${prefix}.journal`, JSON.stringify({ ...journal, phase: "publishing" }));
      for (const ending of ["bin", "idx", "json"])
        if (!done.includes(ending)) renameSync(`${prefix}.${ending}`, `${prefix}.${ending}.partial`);
      expect(await prepare({ inputs, output })).toEqual({ prefix, sidecar, resumed: true });
      expect(filesOf(prefix)).toEqual(complete);
      expect(leftovers(prefix)).toEqual([]);
    }
  });
});

describe("worker threads", () => {
  const texts = prose(150);
  let built: Record<"worker" | "process", URL>;
  beforeAll(async () => {
    built = await buildEntries({ worker: "prepare/worker.ts", process: "testing/prepare-process.ts" }, path("built"));
  });

  it("do not change the output, whatever their number", async () => {
    const inputs = [file("threads.jsonl", jsonl(texts)), file("threads.txt", prose(1, 80)[0]!)];
    const alone = await prepare({ inputs, output: path("threads-0") });
    for (const workers of [1, 3]) {
      const output = path(`threads-${workers}`);
      const { prefix } = await prepare({ inputs, output, workers }, { workerFile: built.worker });
      expect(filesOf(prefix)).toEqual(filesOf(alone.prefix));
    }
  });

  it("fail the run with their message", async () => {
    const inputs = [file("fails.jsonl", jsonl(texts))];
    const workerFile = new URL(`file://${file("failing.mjs", "throw new Error('no memory left')")}`);
    await expect(prepare({ inputs, output: path("fails"), workers: 2 }, { workerFile })).rejects.toThrow(
      "no memory left",
    );
    const silent = new URL(`file://${file("silent.mjs", "process.exit(3)")}`);
    await expect(prepare({ inputs, output: path("fails"), workers: 1 }, { workerFile: silent })).rejects.toThrow(
      "code 3",
    );
    expect(leftovers(path("fails_text_document"))).toEqual([]);
  });

  it.each([
    ["killed", [1, 5, 9, Number.POSITIVE_INFINITY], {}],
    ["killed-minhash", Array.from({ length: 40 }, () => 40), { deduplicate: { kind: "minhash" } as const }],
  ])(
    "may be killed with their process any number of times: the output is the same in the end: %s",
    async (name, kills, steps) => {
      const inputs = [file(`${name}.jsonl`, jsonl(texts)), file(`${name}.txt`, prose(1, 300)[0]!)];
      const straight = await prepare({ inputs, output: path(`straight-${name}`), ...steps });
      const options = { tokenizerPath, inputs, output: path(name), workers: 1, ...steps };
      const argument = JSON.stringify({
        options,
        workerFile: built.worker.href,
        pieceLength: inThisThread.pieceLength,
      });
      /** Lines that the process printed; it is killed at line `killAt`. */
      const run = (killAt: number) =>
        new Promise<string[]>((resolve, reject) => {
          const child = spawn(process.execPath, [fileURLToPath(built.process), argument]);
          let output = "";
          child.stdout.on("data", (text) => {
            output += text;
            if (output.split("\n").length > killAt) child.kill("SIGKILL");
          });
          child.stderr.on("data", (text) => reject(new Error(String(text))));
          child.on("close", () => resolve(output.trim().split("\n")));
        });
      let lines: string[] = [];
      for (const killAt of kills) {
        lines = await run(killAt);
        if (lines.at(-1)!.startsWith("done")) break;
        expect(existsSync(path(`${name}_text_document.journal`))).toBe(true);
      }
      expect(lines.at(-1)).toBe('done {"resumed":true}');
      expect(filesOf(path(`${name}_text_document`))).toEqual(filesOf(straight.prefix));
    },
  );
});

describe("a mistake", () => {
  const problem = async (options: Parameters<typeof prepare>[0]) => {
    const error = await prepare({ output: path("mistake"), ...options }).then(
      () => expect.unreachable("was prepared"),
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ userError: true });
    expect(leftovers(path("mistake"))).toEqual([]);
    return error.message.replaceAll(path("/"), "");
  };

  it.each([
    ["a missing input", {}, /^missing.txt: no such file/],
    ["a missing tokenizer", { tokenizerPath: "nowhere" }, /nowhere/],
    ["a wrong split", { split: [-1, 2] }, /split weights.* -1,2/],
    ["half a worker", { workers: 0.5 }, /workers.* 0\.5$/],
    ["more workers than any machine has", { workers: 9999 }, /workers.* 9999$/],
    ["no output", { output: "" }, /got ""$/],
    ["a directory as output", { output: "data/" }, /got "data\/"$/],
    ["a key that is a path", { jsonKey: "a/b" }, /got "a\/b"$/],
  ] as const)("is reported in one line and leaves no files: %s", async (_, options, expected) => {
    expect(await problem({ inputs: [path("missing.txt")], ...options })).toMatch(expected);
  });

  it("is a tokenizer without an end token", async () => {
    const json = JSON.parse(readFileSync(tokenizerPath, "utf8"));
    const endless = file("endless.json", JSON.stringify({ ...json, added_tokens: [] }));
    expect(await problem({ inputs: [file("some.txt", "text")], tokenizerPath: endless })).toMatch(
      /^endless.json: .*end-of-text token/,
    );
  });

  it("is an output that another process is writing", async () => {
    const release = takeLock(path("mistake_text_document.lock"), { refuse: () => new Error("is free") });
    const options = { tokenizerPath, inputs: [file("some.txt", "text")], output: path("mistake"), workers: 0 };
    await expect(prepareWith(options, inThisThread)).rejects.toThrow(
      `mistake_text_document: is being written by process ${process.pid}`,
    );
    release();
    expect(await prepareWith(options, inThisThread)).toMatchObject({ resumed: false });
  });

  it("is an existing output, unless it may be overwritten", async () => {
    const inputs = [file("earlier.jsonl", jsonl(["a b"]))];
    const { prefix } = await prepare({ inputs, output: path("earlier") });
    const existing = filesOf(prefix);
    const again = { inputs: [file("later.jsonl", jsonl(["c d e"]))], output: path("earlier") };
    expect(await problem({ ...again, overwrite: false })).toMatch(/^earlier_text_document: already exists/);
    expect(filesOf(prefix)).toEqual(existing);
    expect(leftovers(prefix)).toEqual([]);
    for (const ending of ["json", "idx"]) {
      rmSync(`${prefix}.${ending}`);
      expect(await problem({ ...again, overwrite: false })).toContain("already exists");
    }
    await prepare({ ...again, overwrite: true });
    expect(await tokensOf(prefix)).toEqual(expectedTokens(["c d e"]));
  });

  it("is text without a document, or without a token", async () => {
    expect(await problem({ inputs: [file("none.jsonl", "\n")] })).toMatch(/^none.jsonl: .*no document/);
    expect(await problem({ inputs: [file("blank.jsonl", jsonl([""]))] })).toMatch(/no text/);
    expect(await problem({ inputs: [file("first.jsonl", "{")] })).toMatch(/^first.jsonl:1: malformed JSON/);
  });
});
