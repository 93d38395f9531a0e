import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { DataError } from "../errors.ts";
import { temporaryDirectory, textFile } from "../testing/directory.ts";
import type { Document } from "./document.ts";
import { type ReadOptions, readDocuments, readParts } from "./documents.ts";
import { listSources } from "./sources.ts";

const path = temporaryDirectory();
const golden: { texts: string[]; repeated: string[]; parquet: Record<string, "texts" | "repeated"> } = JSON.parse(
  readFileSync(textFile("golden.json"), "utf8"),
);

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(path(name), content);
  return path(name);
}

async function read(inputs: string | string[], options: ReadOptions = {}): Promise<Document[]> {
  const documents: Document[] = [];
  for await (const document of readDocuments([inputs].flat(), options)) documents.push(document);
  return documents;
}

const texts = async (inputs: string | string[], options: ReadOptions = {}) =>
  (await read(inputs, options)).map(({ text }) => text);

/** The message that reading fails with. */
async function problem(inputs: string | string[], options: ReadOptions = {}): Promise<string> {
  const error = await read(inputs, options).then(
    () => expect.unreachable("was read"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message.replaceAll(path("/"), "");
}

/** Skips malformed lines and returns the messages about them. */
async function skipping(input: string, options: ReadOptions = {}) {
  const problems: string[] = [];
  const documents = await read(input, {
    ...options,
    onBadLine: ({ message }) => problems.push(message.replaceAll(path("/"), "")),
  });
  return { documents: documents.map(({ text, line }) => ({ text, line })), problems };
}

const invalid = (before: string, after: string) =>
  Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe, 0x80]), Buffer.from(after)]);

describe("plain text", () => {
  const content = "\nFirst line\r\nsecond\n\n \t\nThird é\nfourth 🚀\n\n\nlast";

  it("is one document per file, with every character", async () => {
    const source = file("plain.txt", content);
    expect(await read(source)).toEqual([{ text: content, source, line: 1 }]);
  });

  it("is one document per line or paragraph", async () => {
    const source = file("plain.txt", content);
    expect(await read(source, { textDocument: "line" })).toEqual([
      { text: "First line", source, line: 2 },
      { text: "second", source, line: 3 },
      { text: "Third é", source, line: 6 },
      { text: "fourth 🚀", source, line: 7 },
      { text: "last", source, line: 10 },
    ]);
    expect(await read(source, { textDocument: "paragraph" })).toEqual([
      { text: "First line\nsecond", source, line: 2 },
      { text: "Third é\nfourth 🚀", source, line: 6 },
      { text: "last", source, line: 10 },
    ]);
  });

  it("comes in bounded parts, with and without line breaks", async () => {
    for (const unit of ["word 東京é🚀 ", "a line é\n"]) {
      const text = unit.repeat(Math.ceil(5e6 / Buffer.byteLength(unit)));
      const sources = await listSources([file("long.txt", text)]);
      const parts: string[] = [];
      let last = 0;
      for await (const part of readParts(sources)) {
        expect(part.text.length).toBeLessThan(2 ** 21 + 100);
        parts.push(part.text);
        last += part.last ? 1 : 0;
      }
      expect(parts.length).toBeGreaterThan(2);
      expect(last).toBe(1);
      expect(parts.join("") === text).toBe(true);
    }
  });

  it("that is not UTF-8 is reported or skipped by line", async () => {
    const broken = file("broken.txt", invalid("good\nbad é", " end\nfine\n"));
    expect(await problem(broken)).toMatch(/^broken.txt:2: .*UTF-8/);
    const { documents, problems } = await skipping(broken);
    expect(documents).toEqual([{ text: "good\nfine\n", line: 1 }]);
    expect(problems).toEqual([expect.stringMatching(/^broken.txt:2: /)]);
    expect((await skipping(broken, { textDocument: "line" })).documents).toEqual([
      { text: "good", line: 1 },
      { text: "fine", line: 3 },
    ]);
    const wide = file("wide.txt", Buffer.from("\ufeffhello", "utf16le"));
    expect(await problem(wide)).toMatch(/^wide.txt:1: .*UTF-16/);
    const cut = file("cut.txt", Buffer.from("cut é").subarray(0, -1));
    expect(await problem(cut)).toMatch(/^cut.txt:1: .*UTF-8/);
  });

  it("loses its byte order mark", async () => {
    expect(await texts(file("bom.txt", "\ufeffhello"))).toEqual(["hello"]);
  });
});

describe("JSONL", () => {
  it("gives the text of any objects", async () => {
    const text = fc.string({ unit: "binary", maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 20 }),
        fc.constantFrom("\n", "\r\n", "\n\n"),
        async (all, end) => {
          const lines = all.map((body, i) => JSON.stringify({ id: i, body, text: "no" }));
          expect(await texts(file("any.jsonl", lines.join(end)), { textKey: "body" })).toEqual(all);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("that is malformed is reported or skipped by line", async () => {
    const lines = [
      '{"text":"one"}',
      "",
      "{oops",
      "[1]",
      "null",
      '{"body":"x","id":2}',
      '{"text":3}',
      '{"text":"\\ud800"}',
      '{"text":"two"}',
    ];
    const source = file(
      "broken.jsonl",
      Buffer.concat([Buffer.from(`${lines.join("\n")}\n`), invalid('{"text":"', '"}\n')]),
    );
    expect(await problem(source)).toMatch(/^broken.jsonl:3: malformed JSON/);
    const { documents, problems } = await skipping(source);
    expect(documents).toEqual([
      { text: "one", line: 1 },
      { text: "two", line: 9 },
    ]);
    const expected = [
      /:3: malformed JSON/,
      /:4: .*array/,
      /:5: .*null/,
      /:6: .*body, id/,
      /:7: .*got 3/,
      /:8: .*lone surrogate/,
    ];
    expect(problems).toEqual([...expected, /:10: invalid UTF-8/].map((pattern) => expect.stringMatching(pattern)));
  });

  it("may have NaN and Infinity outside of strings, as Python writes them", async () => {
    const lines = [
      '{"score":NaN,"text":"a \\" NaN"}',
      '{"text":"b","list":[Infinity,-Infinity,1]}',
      '{"text":NaN}',
      "{NaN",
    ];
    const { documents, problems } = await skipping(file("nan.jsonl", lines.join("\n")));
    expect(documents.map(({ text }) => text)).toEqual(['a " NaN', "b"]);
    expect(problems).toEqual([/:3: .*got null/, /:4: malformed JSON/].map((pattern) => expect.stringMatching(pattern)));
  });

  it("that is nested deeply is malformed like any other", async () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    const source = file("deep.jsonl", [deep, `{"text":${deep}}`, `{"meta":${deep},"text":"good"}`].join("\n"));
    const { documents, problems } = await skipping(source);
    expect(documents.map(({ text }) => text)).toEqual(["good"]);
    expect(problems).toEqual([/:1: .*an array/, /:2: .*an array/].map((pattern) => expect.stringMatching(pattern)));
  });

  it("is what .json files are read as, in directories only without others", async () => {
    mkdirSync(path("json"), { recursive: true });
    file("json/a.json", '{"text":"a"}\n{"text":"b"}');
    expect(await texts(path("json/a.json"))).toEqual(["a", "b"]);
    expect(await texts(path("json"))).toEqual(["a", "b"]);
    file("json/c.txt", "c");
    expect(await texts(path("json"))).toEqual(["c"]);
  });

  it("has lines of any length", async () => {
    const long = "naïve ".repeat(600_000);
    expect(await texts(file("long.jsonl", `{"text":"a"}\n${JSON.stringify({ text: long })}\n{"text":"b"}`))).toEqual([
      "a",
      long,
      "b",
    ]);
  });
});

describe("CSV", () => {
  it("gives a column, quoted or not, also over several lines", async () => {
    const source = file("rows.csv", '\ufeffid,text\n1,plain\n2,"with, comma and ""quotes"""\n\n3,"two\nlines"\n4,é\n');
    expect(await read(source)).toEqual([
      { text: "plain", source, line: 2 },
      { text: 'with, comma and "quotes"', source, line: 3 },
      { text: "two\nlines", source, line: 5 },
      { text: "é", source, line: 7 },
    ]);
    expect(await texts(source, { textKey: "id" })).toEqual(["1", "2", "3", "4"]);
    expect(await problem(source, { textKey: "body" })).toMatch(/^rows.csv:1: .*"body".* id, text$/);
  });

  it("that is malformed is reported or skipped by line", async () => {
    const short = file("short.csv", "id,text\n1,one\n2\n3,three\n4,four,more\n");
    expect(await problem(short)).toMatch(/^short.csv:3: malformed CSV/);
    const { documents, problems } = await skipping(short);
    expect(documents.map(({ text }) => text)).toEqual(["one", "three"]);
    expect(problems.map((message) => message.slice(0, 12))).toEqual(["short.csv:3:", "short.csv:5:"]);
    const bytes = file("bytes.csv", invalid("id,text\n1,one\n2,", "\n3,three\n"));
    expect(await problem(bytes)).toMatch(/^bytes.csv:3: .*UTF-8/);
    expect((await skipping(bytes)).documents).toEqual([
      { text: "one", line: 2 },
      { text: "three", line: 4 },
    ]);
    expect(await problem(file("open.csv", 'id,text\n1,"never closed\n2,two\n'))).toMatch(/^open.csv:\d: malformed CSV/);
  });
});

describe("Parquet", () => {
  it.each(Object.entries(golden.parquet))("of the kind %s is read page by page", async (name, expected) => {
    const source = textFile(`${name}.parquet`);
    const documents = await read(source);
    expect(documents.map(({ text }) => text)).toEqual(golden[expected]);
    expect(documents.map(({ line }) => line)).toEqual(golden[expected].map((_, i) => i + 1));
  });

  it("that is malformed is reported or skipped by row", async () => {
    const source = textFile("broken.parquet");
    expect(await problem(source)).toMatch(/broken.parquet:2: invalid UTF-8/);
    const { documents, problems } = await skipping(source);
    expect(documents).toEqual([
      { text: "good", line: 1 },
      { text: "also good", line: 4 },
    ]);
    expect(problems[1]).toMatch(/broken.parquet:3: null /);
    expect(await problem(source, { textKey: "body" })).toMatch(/"body".* text, number$/);
    expect(await problem(source, { textKey: "number" })).toMatch(/"number" .*strings$/);
  });

  it("that is damaged is refused", async () => {
    const whole = readFileSync(textFile("snappy.parquet"));
    expect(await problem(file("cut.parquet", whole.subarray(0, 900)))).toMatch(/^cut.parquet: .*damaged/);
    expect(await problem(file("not.parquet", "hello, this is text"))).toMatch(/^not.parquet: .*not a Parquet/);
    const flipped = Buffer.from(whole);
    flipped.fill(0xee, 500, 700);
    expect(await problem(file("flipped.parquet", flipped))).toMatch(/^flipped.parquet: .*damaged/);
  });
});

describe("compressed files", () => {
  it("are decompressed", async () => {
    expect(await texts(textFile("one-frame.jsonl.zst"))).toEqual(golden.texts);
    expect(await texts(textFile("frames.jsonl.zst"))).toEqual(golden.texts);
    expect(await texts(textFile("long31.jsonl.zst"))).toEqual(golden.texts);
    const members = Buffer.concat([gzipSync('{"text":"a"}\n{"te'), gzipSync('xt":"b"}\n')]);
    expect(await texts(file("members.jsonl.gz", members))).toEqual(["a", "b"]);
    expect(await texts(file("plain.TXT.GZ", gzipSync("hello")))).toEqual(["hello"]);
    expect(await texts(file("rows.csv.gz", gzipSync("text\nhello\n")))).toEqual(["hello"]);
    const parquet = file("pages.parquet.gz", gzipSync(readFileSync(textFile("pages.parquet"))));
    expect(await texts(parquet)).toEqual(golden.texts);
  });

  it("that are damaged are refused", async () => {
    const zstd = readFileSync(textFile("one-frame.jsonl.zst"));
    expect(await problem(file("cut.jsonl.zst", zstd.subarray(0, -9)))).toMatch(/^cut.jsonl.zst: damaged .*Zstandard/);
    expect(await problem(file("not.jsonl.zst", "hello, this is text"))).toMatch(/^not.jsonl.zst: damaged .*Zstandard/);
    const gzip = gzipSync("hello ".repeat(1000));
    expect(await problem(file("cut.txt.gz", gzip.subarray(0, -12)))).toMatch(/^cut.txt.gz: damaged .*gzip/);
    expect(await problem(file("not.txt.gz", "hello"))).toMatch(/^not.txt.gz: damaged .*gzip/);
  });
});

describe("inputs", () => {
  it("are files, globs and directories, in a fixed order", async () => {
    mkdirSync(path("tree/sub"), { recursive: true });
    for (const name of ["b.txt", "a.txt", "sub/c.jsonl", "ignored.png"])
      file(`tree/${name}`, name.endsWith("jsonl") ? '{"text":"sub/c.jsonl"}' : name);
    expect(await texts(path("tree"))).toEqual(["a.txt", "b.txt", "sub/c.jsonl"]);
    expect(await texts([path("tree/b.txt"), path("tree/*.txt")])).toEqual(["b.txt", "a.txt", "b.txt"]);
    expect(await texts(path("tree/**/*.{txt,jsonl}"))).toEqual(["a.txt", "b.txt", "sub/c.jsonl"]);
    expect(await texts(file("[a]*.txt", "a literal name"))).toEqual(["a literal name"]);
  });

  it.skipIf(process.platform === "win32")("may be links, as Hugging Face's cache has them", async () => {
    mkdirSync(path("cache/blobs"), { recursive: true });
    mkdirSync(path("cache/snapshots/1"), { recursive: true });
    file("cache/blobs/f00d", '{"text":"blob"}');
    symlinkSync("../../blobs/f00d", path("cache/snapshots/1/train.jsonl"));
    symlinkSync("../..", path("cache/snapshots/1/loop"));
    expect(await texts(path("cache/snapshots/1"))).toContain("blob");
    expect(await texts(path("cache/snapshots/1/train.jsonl"))).toEqual(["blob"]);
    symlinkSync("../../blobs/missing", path("cache/snapshots/1/second.jsonl"));
    expect(await problem(path("cache/snapshots/1"))).toMatch(/second.jsonl: links to a file/);
  });

  it("that are missing, empty or of unknown format are refused", async () => {
    mkdirSync(path("nothing"), { recursive: true });
    expect(await problem([])).toMatch(/^no input/);
    expect(await problem(path("missing.txt"))).toMatch(/^missing.txt: no such file/);
    expect(await problem(file("empty.txt", ""))).toMatch(/^empty.txt: .*empty/);
    expect(await problem(path("*.nothing"))).toContain('"*.nothing"');
    expect(await problem(path("nothing"))).toMatch(/^nothing: .*\.txt, \.jsonl/);
    expect(await problem(file("book.pdf", "%PDF"))).toMatch(/^book.pdf: unknown format/);
    expect(await texts(file("book.pdf", "text"), { format: "txt" })).toEqual(["text"]);
    expect(await problem(file("blank.jsonl", "\n\n"))).toMatch(/^blank.jsonl: .*no document/);
    expect(await problem(file("header.csv", "text\n"))).toMatch(/^header.csv: .*no document/);
    expect(await problem(["-", "-"])).toMatch(/only once/);
    expect(await problem(path("empty.txt/inside.txt"))).toMatch(/not a directory/);
  });

  it("count the bytes that were read", async () => {
    const gzip = gzipSync("text\nhello\n");
    let counted = 0;
    await read(file("counted.csv.gz", gzip), { onBytes: (count) => (counted += count) });
    expect(counted).toBe(gzip.length);
  });
});

describe("standard input", () => {
  afterEach(() => vi.restoreAllMocks());
  const feed = (content: string | Uint8Array, chunk = 3) => {
    const bytes = Buffer.from(content);
    const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) =>
      bytes.subarray(i * chunk, (i + 1) * chunk),
    );
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from(chunks) as typeof process.stdin);
  };

  it("is recognized by its first bytes", async () => {
    for (const [content, expected] of [
      ["plain text", ["plain text"]],
      ['{"text":"a"}\n{"text":"b"}', ["a", "b"]],
      [gzipSync('{"text":"a"}'), ["a"]],
      [gzipSync("hi"), ["hi"]],
      [readFileSync(textFile("one-frame.jsonl.zst")), golden.texts],
      [readFileSync(textFile("zstd.parquet")), golden.texts],
    ] as const) {
      feed(content);
      expect(await texts("-")).toEqual(expected);
    }
    feed("text\nrow\n");
    expect(await texts("-", { format: "csv" })).toEqual(["row"]);
    feed("");
    expect(await problem("-")).toMatch(/^standard input: .*empty/);
    feed('{"text":"a"}\n{');
    expect(await problem("-")).toMatch(/^standard input:2: malformed JSON/);
  });
});
